"""The set of numbers that a listing remembers."""

from __future__ import annotations

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from lapor_sync.domain.numbers import NumberSet

WORDS = st.integers(-(2**63), 2**64 - 1)


@given(st.lists(WORDS | st.integers(0, 20)), WORDS)
def test_it_is_a_set(numbers: list[int], other: int) -> None:
    """What was added is in it and counted once; a negative number counts as the same bits unsigned."""
    mine, plain = NumberSet(), set[int]()
    for number in numbers:
        word = number % 2**64
        assert mine.add(number) is (word not in plain)
        plain.add(word)
    assert len(mine) == len(plain)
    assert all(number in mine for number in numbers)
    assert (other in mine) is (other % 2**64 in plain)


def test_it_stays_small() -> None:
    """Ids that follow each other, as upstream gives them, take a few bytes each."""
    tracemalloc.start()
    numbers = NumberSet()
    for number in range(20_000_000, 20_100_000):
        numbers.add(number)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held / 100_000 < 50
