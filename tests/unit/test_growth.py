"""What tells of the other tests' work whether it is linear, itself: by work whose growth is known."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import pytest

from tests.growth import is_linear


def each_once(given: range) -> int:
    return sum(1 for _ in given)


def sorts(given: range) -> Sequence[int]:
    return sorted(given, key=str)


def each_for_each(given: range) -> int:
    return sum(1 for _ in given for _ in given)


def each_for_those_before(given: range) -> int:
    return sum(1 for one in given for _ in range(one))


def looks_for_an_end(given: range) -> object:
    return re.sub("<[^>]*>", "", "<" * len(given))


@pytest.mark.parametrize(("work", "size"), [(each_once, 1_000), (sorts, 1_000), (len, 1_000)])
def test_work_that_looks_at_each_once_is_linear(work: Callable[[range], object], size: int) -> None:
    """So is what sorts, as far as anybody waits, and what does not grow at all."""
    assert is_linear(work, range, size)


@pytest.mark.parametrize(
    ("work", "size"),
    [(each_for_each, 40), (each_for_those_before, 50), (looks_for_an_end, 400)],
)
def test_work_that_looks_at_each_again_for_others_never_is(work: Callable[[range], object], size: int) -> None:
    assert not is_linear(work, range, size)


def test_one_try_in_the_band_is_enough() -> None:
    """What else takes the processor costs a repetition, and no red run."""
    looks = iter([*[each_for_each] * 4, *[each_once] * 1_000])
    tries = 0

    def work(given: range) -> None:
        nonlocal tries
        if is_large := len(given) > 40:
            tries += 1
        (next(looks) if is_large else each_once)(given)

    assert is_linear(work, range, 40)
    assert tries == 5
