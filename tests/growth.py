"""Whether work grows as what it is given does: seconds tell it on no machine that others use, a comparison does."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Given = TypeVar("Given")

TIMES = 16
BAND = 4
"""Where each part is looked at once, one that is 16 times as large takes as long as 16 small ones; where it is looked
at again for each other, 16 times as long. What stands in between is as far from either."""

TRIES = 5


def is_linear(work: Callable[[Given], object], made: Callable[[int], Given], size: int) -> bool:
    """Whether in one of a few tries the processor is taken by the length of what is `made` of a size.

    A machine that is busy costs a further try. `size` is to be such that what grows too fast is already most of the
    work there, and so that sixteen of it take some hundredths of a second.
    """
    small, large = made(size), made(TIMES * size)
    return any(_seconds(work, large, 1) < BAND * _seconds(work, small, TIMES) for _ in range(TRIES))


def _seconds(work: Callable[[Given], object], given: Given, times: int) -> float:
    began = time.thread_time()
    for _ in range(times):
        work(given)
    return time.thread_time() - began
