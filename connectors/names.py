"""What is asked of the names that upstream gives to fields and headers."""

from __future__ import annotations

import re
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


def words_in(text: str) -> frozenset[str]:
    """The words of ASCII letters in a text, small: of `publishedAt` and `PUBLISHED_AT` the same two."""
    return frozenset(word.lower() for word in _WORD.findall(text))


_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")


@once_a_name
def words_of(name: str) -> frozenset[str]:
    """The words of a name's first `LONGEST_NAME` letters."""
    return words_in(name[:LONGEST_NAME])
