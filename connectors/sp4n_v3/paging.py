"""Reading a whole list page by page, and saying whether it is whole. Pure: the pages come from a function.

Seen of such lists: the size asked for is capped; the last page repeats for ever; rows move between pages while
one reads; any order. So nothing is taken from an order or a page's size: a listing is complete when the distinct
ids equal `total`, else when a further pass brings no new id. Source: the architecture's decisions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from lapor_sync.domain.numbers import NumberSet

T = TypeVar("T")

MAX_PASSES = 3
MAX_PAGES = 100_000
"""Of one pass: an upstream that invents new rows for ever is left after these."""

_PATIENCE = 2
_PATIENCE_INSIDE = 10
"""Pages in a row that bring nothing new, beyond the last page by number, and inside: then the pass ends."""


class Page(NamedTuple, Generic[T]):
    """One page as upstream gave it. `keys` are the rows' identities, one each; `more`: it named a next page."""

    rows: Sequence[T]
    keys: Sequence[int]
    more: bool = False
    total: int | None = None
    last_page: int | None = None


class Step(NamedTuple, Generic[T]):
    """A page, how many of its rows no page before had, and at the very end whether the listing is complete."""

    page: Page[T]
    new: int
    complete: bool | None = None


Start = Callable[[int], Callable[[], Page[T]]]
"""Begins to fetch the page of that number; what it returns gives the page. So the next can be on its way."""


@dataclass(slots=True)
class _Seen:
    """What all passes brought so far: ids as numbers, so that a long listing stays small in memory."""

    keys: NumberSet = field(default_factory=NumberSet)
    total: int | None = None

    def take(self, page: Page[T]) -> int:
        """Take a page in; how many of its rows are new."""
        self.total = page.total if page.total is not None else self.total
        return sum(map(self.keys.add, page.keys))


def read_all(start: Start[T]) -> Iterator[Step[T]]:
    """Every page, in up to three passes; the last step alone says whether the listing is complete."""
    seen = _Seen()
    for number in range(1, MAX_PASSES + 1):
        gained = 0
        for page, pages in _pass(start):
            new = seen.take(page)
            gained += new
            complete = _complete(seen, pages, gained, number) if pages else None
            yield Step(page=page, new=new, complete=complete)
        if complete is not None:
            return


def _complete(seen: _Seen, pages: int, gained: int, number: int) -> bool | None:
    """What pass `number`, that just ended after `pages` pages, proves; None where one more pass is needed."""
    single = number == 1 and pages == 1 and seen.total is None
    unchanged = number > 1 and not gained
    if single or unchanged or len(seen.keys) == seen.total:
        return True
    return False if number == MAX_PASSES else None


def _pass(start: Start[T]) -> Iterator[tuple[Page[T], int]]:
    """The pages of one pass, each with 0, the last with how many there were.

    The next page is begun before one is given.
    """
    seen = NumberSet()
    idle, last_page, number = 0, None, 1
    pending = start(number)
    while True:
        page = pending()
        last_page = page.last_page if page.last_page is not None else last_page
        idle = 0 if sum(map(seen.add, page.keys)) else idle + 1
        if number >= MAX_PAGES or _ends(page, number, idle, last_page):
            yield page, number
            return
        number += 1
        pending = start(number)
        yield page, 0


def _ends(page: Page[T], number: int, idle: int, last_page: int | None) -> bool:
    """Whether the pass ends with this page; `idle` pages in a row, this one included, brought nothing new."""
    if last_page is not None and number < last_page:
        return idle >= _PATIENCE_INSIDE
    return not page.more or idle >= _PATIENCE
