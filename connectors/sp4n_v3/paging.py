"""Reading a whole list page by page, and saying whether it is whole. Pure: the pages come from a function.

Seen of such lists: the size asked for is capped; the last page repeats for ever, or the first one does; rows move
between pages while one reads; any order; numbers that are wrong or missing. So nothing is taken from an order or a
page's size, and a list is incomplete until it is proven to be whole: by as many distinct ids as `total` says, or
where no total is said by an end that was reached and, if rows came on several pages, by a further pass that brings
nothing new. Whatever contradicts that, or itself, leaves it incomplete. Source: upstream, "How lapor-sync reads it".

What upstream says of the end may be wrong, too. Where a row's absence is to be proven, pages beyond the end are asked
for (`beyond`), and a single page that looks full, with nothing but its end to tell that it is all, proves nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from lapor_sync.domain.errors import UpstreamError
from lapor_sync.domain.numbers import NumberSet

T = TypeVar("T")

MAX_PASSES = 3
MAX_PAGES = 100_000
"""Of one pass: an upstream that invents new rows for ever is left after these."""

BEYOND = 3
"""Pages beyond the end that must bring nothing where absence is to be proven (assumed: an empty page between two
others was seen, so one does not do)."""

_PATIENCE = 2
_PATIENCE_INSIDE = 10
"""Pages in a row that bring nothing new, beyond the last page by number, and inside: then the pass ends."""
_PATIENCE_LOST = 4
"""Pages in a row that cannot be had: then all are likely to be so."""


class Page(NamedTuple, Generic[T]):
    """One page as upstream gave it. `keys` are the rows' identities, one each.

    `more` tells whether there is a next page, None where nothing was said of one. `is_other`: upstream says that
    this is not the page that was asked for. `is_absent`: it answers that there is no such page. `is_full`: it says that
    no more rows go on one. `lost`: why not all of this page could be taken, "" where it was. `size`: how many bytes it
    came in.
    """

    rows: Sequence[T]
    keys: Sequence[int]
    more: bool | None = False
    total: int | None = None
    last_page: int | None = None
    is_other: bool = False
    is_absent: bool = False
    is_full: bool = False
    lost: str = ""
    size: int = 0


class Step(NamedTuple, Generic[T]):
    """A page, how many of its rows no page before had; at the very end whether the listing is complete.

    `why` says what speaks against it.
    """

    page: Page[T]
    new: int
    complete: bool | None = None
    why: str = ""


Start = Callable[[int], Callable[[], Page[T]]]
"""Begins to fetch the page of that number; what it returns gives the page. So the next can be on its way."""


@dataclass(slots=True)
class _Seen:
    """What all passes brought so far: ids as numbers, so that a long listing stays small in memory."""

    keys: NumberSet = field(default_factory=NumberSet)
    total: int | None = None

    def take(self, page: Page[T]) -> int:
        """Take a page in; how many of its rows are new."""
        if page.total is not None and (page.keys or not self.total):  # some count none on a page beyond the end
            self.total = page.total
        return sum(map(self.keys.add, page.keys))


def read_all(start: Start[T], max_pages: int = MAX_PAGES, *, beyond: int = 0) -> Iterator[Step[T]]:
    """Every page, in up to three passes; the last step alone says whether the listing is complete.

    `beyond`: so many pages in a row must bring nothing, whatever is said of the end. Raises what `start`'s pages
    raise, but for an UpstreamError beyond the end.
    """
    seen, before = _Seen(), None
    for number in range(1, MAX_PASSES + 1):
        this, gained, verdict = _Pass(number, max_pages, beyond), 0, _GOES_ON
        for page, is_last in this.pages(start):
            new = seen.take(page)
            gained += new
            if is_last:
                verdict = _verdict(seen, gained, this, before)
            yield Step(page, new, verdict.complete, verdict.why)
        if verdict.complete is not None:
            return
        before = this


class _Verdict(NamedTuple):
    """What the passes so far prove; `complete` None: one more is needed."""

    complete: bool | None
    why: str = ""


_GOES_ON = _Verdict(None)


def _verdict(seen: _Seen, gained: int, this: _Pass, before: _Pass | None) -> _Verdict:
    """What the pass that just ended, and brought `gained` rows that no other had, proves."""
    count, total = len(seen.keys), seen.total
    if total is None:
        moved = this.filled > 1 and (before is None or gained > 0)
        doubt = this.broken or this.doubtful or ("rows kept coming while it was read" if moved else "")
    else:
        # A row that stands in it twice is counted twice: believed where two passes were the same.
        twice = before is not None and before.shape == this.shape and this.rows == total
        is_all = total in {count, this.count} or twice
        off = "" if is_all else f"LAPOR says that there are {total} rows, and {count} could be read"
        doubt = this.broken or this.shrank or off
    doubt = doubt or this.doubt_of_end(count, total)
    if not doubt:
        return _Verdict(True)
    is_over = this.number == MAX_PASSES or (this.number > 1 and not gained) or this.is_endless
    return _Verdict(False, doubt) if is_over else _GOES_ON


_NO_END = "its page is as full as such pages are, and nothing proves that it is the last"


def _counts_otherwise(least: int, most: int) -> str:
    return f"LAPOR says now {least} rows, now {most}"


def _is_usual_size(count: int) -> bool:
    """Whether so many rows may be a full page: sizes such as programs choose (assumed)."""
    return count > 0 and (count % 5 == 0 or count in {8, 12, 16, 24, 32, 48, 64})


class _Pass:
    """One pass over the pages, and what it showed.

    `filled`: how many pages brought something new; `rows`: how many rows these had; `shape` tells it from a pass that
    brought other rows. `broken` is a contradiction in what upstream said, `doubtful` one that a right total outweighs;
    `shrank`: rows went while it was read, and what followed them moved to pages that were read before. `is_endless`: it
    was left before its end.
    """

    def __init__(self, number: int, max_pages: int, beyond: int = 0) -> None:
        self.number = number
        self.filled = 0
        self.rows = 0
        self.shape = 0
        self.broken = ""
        self.doubtful = ""
        self.shrank = ""
        self.is_endless = False
        self._max_pages = max_pages
        self._seen = NumberSet()
        self._shapes: set[int] = set()
        self._last_page: int | None = None
        self._total: int | None = None
        self._idle = 0
        self._beyond = beyond
        self._is_proof = beyond > 0
        self._end: int | None = None  # the page that seemed to be the last
        self._first_size = self._last_size = 0  # rows of the pages that brought something new
        self._totals: set[int] = set()
        self._counted: set[int] = set()  # those of pages with rows: some count none on a page beyond the end
        self._is_error = self._is_repeated = False  # what came after the last of these
        self._is_full = False  # upstream says so of a page
        self._says_more = False  # the last page says that it is not the last
        self.has_moved = False  # a page held rows that an earlier one had, and others

    @property
    def count(self) -> int:
        """How many rows it brought, each counted once."""
        return len(self._seen)

    def pages(self, start: Start[T]) -> Iterator[tuple[Page[T], bool]]:
        """The pages, each with whether it is the last. The next one is begun before one is given."""
        number = 1
        pending = start(number)
        while True:
            try:
                page = pending()
            except UpstreamError:
                if self._end is None:
                    raise
                page = Page((), (), is_absent=True)
                self.doubtful = self.doubtful or f"page {number}, beyond its end, could not be read"
                self._beyond = 0  # the others would fail, too
            self._take(page, number)
            if self._ends(page, number):
                yield page, True
                return
            number += 1
            pending = start(number)
            yield page, False

    def _take(self, page: Page[T], number: int) -> None:
        """Note what the page brings, and whether it fits what upstream said before."""
        self._last_page = page.last_page if page.last_page is not None else self._last_page
        self._total = page.total if page.total is not None else self._total
        new = sum(map(self._seen.add, page.keys))
        is_new = new > 0
        self.has_moved = self.has_moved or 0 < new < len(set(page.keys))
        shape = hash(tuple(page.keys))
        is_inside = self._last_page is None or number <= self._last_page
        if page.lost:
            self.broken = self.broken or page.lost
        if page.is_other and is_inside:
            self.broken = self.broken or f"asked for page {number}, LAPOR gave another one"
        elif page.keys and not is_new:
            self._note_repeated(number, is_again=len(page.keys) > 1 and shape in self._shapes)
        elif page.is_absent and self._last_page is not None and is_inside:
            self.doubtful = self.doubtful or f"page {number} of {self._last_page} is not there"
        elif is_new and not is_inside:
            self.doubtful = f"LAPOR says that page {self._last_page} is the last, and there are more"
        elif is_new and self._end is not None and self._is_proof:
            self.doubtful = f"page {self._end} seemed to be the last, and there are more"
        self._note_end(page, is_new=is_new)
        self._shapes.add(shape)
        self.shape = hash((self.shape, shape))
        self._idle = 0 if is_new else self._idle + 1
        self.filled += is_new
        self.rows += len(page.keys) if is_new else 0

    def _note_repeated(self, number: int, *, is_again: bool) -> None:
        """A page with rows, and all of them known: beyond the end that is common, before it another page is lost."""
        why = f"page {number} repeats an earlier one"
        if self._last_page is not None and number <= self._last_page:
            self.broken = self.broken or (why if is_again else "")
        elif self._last_page is None and self.filled == 1:  # it was never seen that LAPOR heeds the page's number
            self.doubtful = self.doubtful or why

    def _note_end(self, page: Page[T], *, is_new: bool) -> None:
        """Note what tells of the end: how full the pages are, and what comes after the last one."""
        if page.total is not None:
            if page.keys and page.total < max(self._counted, default=0):
                self.shrank = _counts_otherwise(page.total, max(self._counted))
            self._totals.add(page.total)
            self._counted |= {page.total} if page.keys else set()
        self._is_full = self._is_full or page.is_full
        self._says_more = bool(page.more)
        if is_new:
            self._first_size, self._last_size = self._first_size or len(page.keys), len(page.keys)
        self._is_error = page.is_absent or (self._is_error and not is_new)
        self._is_repeated = not is_new and (bool(page.keys) or self._is_repeated)

    def doubt_of_end(self, count: int, total: int | None) -> str:
        """Why the pages beyond the end, where they were asked for, do not prove that there is nothing more."""
        if not self._is_proof:
            return ""
        if len(self._counted) > 1:
            return _counts_otherwise(min(self._counted), max(self._counted))
        is_counted = total == count
        if self._says_more and not is_counted:
            return "its last page says that there are more"
        if self.has_moved and not is_counted:
            return "a row stood on two pages, so others may have been passed over"
        if self.filled > 1:
            is_full = self._last_size >= self._first_size
            return "" if is_counted or not is_full else _NO_END
        if not (_is_usual_size(count) or self._is_full):
            return ""
        is_plain = not self._is_error and not self._is_repeated
        return "" if is_plain and is_counted and self._totals == {count} else _NO_END

    def _ends(self, page: Page[T], number: int) -> bool:
        """Whether the pass ends with this page."""
        if number >= self._max_pages:
            self.broken = self.broken or f"it has more than {number} pages"
            self.is_endless = True
            return True
        if page.lost and not page.keys:  # what comes after it is there all the same
            return self._idle >= _PATIENCE_LOST
        if self._last_page is not None and number < self._last_page:
            if self._idle >= _PATIENCE_INSIDE:
                self.doubtful = self.doubtful or f"LAPOR says that there are {self._last_page} pages"
            return self._idle >= _PATIENCE_INSIDE
        if self._seems_to_end(page):
            self._end = self._end or number
            return self._idle >= self._beyond
        return False

    def _seems_to_end(self, page: Page[T]) -> bool:
        if page.more:
            return self._idle >= _PATIENCE
        is_short = self._total is not None and len(self._seen) < self._total
        return self._idle > 0 if page.more is None or is_short else True
