"""A set of whole numbers that stays small in memory: a listing of a million reports is remembered in it."""

from __future__ import annotations

from array import array
from collections import defaultdict

_BITS = 12
_WORD = (1 << 64) - 1
_SPREAD = 0x9E3779B97F4A7C15  # an odd number with its bits mixed: spreads ids that follow each other


class NumberSet:
    """Numbers of 64 bits, signed or not: 15 bytes each of 100,000, where a `set` takes 77.

    They stand unsorted in `2 ** _BITS` small arrays: each is looked for in one of these, 250 long at a million.
    """

    __slots__ = ("_arrays", "_length")

    def __init__(self) -> None:
        self._arrays: defaultdict[int, array[int]] = defaultdict(_empty)
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def __contains__(self, number: int) -> bool:
        return number & _WORD in self._arrays.get(_place(number), ())

    def add(self, number: int) -> bool:
        """Take the number in; whether it is new."""
        place, word = self._arrays[_place(number)], number & _WORD
        if word in place:
            return False
        place.append(word)
        self._length += 1
        return True


def _place(number: int) -> int:
    return (number * _SPREAD & _WORD) >> 64 - _BITS


def _empty() -> array[int]:
    return array("Q")
