"""What is asked of the names that upstream gives to fields and headers."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import TypeVar

T = TypeVar("T")

LONGEST_NAME = 60
"""Letters of a name that anybody looks at."""


def once_a_name(asked: Callable[[str], T]) -> Callable[[str], T]:
    """Work out what a function says of a name once, for the last 1,024 names.

    It gets one letter more than `LONGEST_NAME` at most: kept whole, names of a megabyte would fill the memory.
    """
    kept = lru_cache(maxsize=1024)(asked)

    @wraps(asked)
    def of_beginning(name: str) -> T:
        return kept(name[: LONGEST_NAME + 1])

    return of_beginning
