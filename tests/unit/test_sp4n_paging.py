"""Whole lists over hostile paging: complete means complete, and no upstream keeps it reading for ever."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.sp4n_v3 import paging
from connectors.sp4n_v3.paging import Page, Step, read_all
from lapor_sync.domain.errors import UpstreamBroken


class Upstream:
    """Pages from a function of (call number, page number); counts the calls."""

    def __init__(self, give: Callable[[int, int], Page[int]]) -> None:
        self._give = give
        self.calls = 0

    def __call__(self, number: int) -> Callable[[], Page[int]]:
        return partial(self._get, number)

    def _get(self, number: int) -> Page[int]:
        self.calls += 1
        return self._give(self.calls, number)


def page(
    rows: Sequence[int],
    *,
    more: bool | None,
    total: int | None = None,
    last_page: int | None = None,
    is_other: bool = False,
    is_full: bool = False,
) -> Page[int]:
    return Page(
        rows=rows, keys=rows, more=more, total=total, last_page=last_page, is_other=is_other, is_full=is_full
    )


def pages_of(rows: Sequence[int], size: int, *, total: bool = True, last: bool = True) -> Upstream:
    """A well-behaved list."""
    count = max(1, -(-len(rows) // size))

    def give(_: int, number: int) -> Page[int]:
        return page(
            rows[(number - 1) * size : number * size],
            more=number < count,
            total=len(rows) if total else None,
            last_page=count if last else None,
        )

    return Upstream(give)


def read(
    upstream: Upstream, max_pages: int = paging.MAX_PAGES, beyond: int = 0
) -> tuple[set[int], bool | None, list[Step[int]]]:
    steps = list(read_all(upstream, max_pages, beyond=beyond))
    assert all(step.complete is None for step in steps[:-1])
    assert steps[-1].complete is not None
    assert bool(steps[-1].why) is not steps[-1].complete
    return {key for step in steps for key in step.page.keys}, steps[-1].complete, steps


@pytest.mark.parametrize(("rows", "calls"), [(0, 1), (1, 1), (5, 1), (6, 2), (23, 5)])
def test_a_list_whose_ids_equal_its_total_is_complete_in_one_pass(rows: int, calls: int) -> None:
    """No call more than there are pages."""
    upstream = pages_of(range(rows), 5)
    assert read(upstream)[:2] == (set(range(rows)), True)
    assert upstream.calls == calls


def test_one_single_page_without_total_is_complete() -> None:
    """Most threads are like this: one call."""
    upstream = pages_of(range(3), 5, total=False, last=False)
    assert read(upstream)[:2] == ({0, 1, 2}, True)
    assert upstream.calls == 1


def test_several_pages_without_total_need_a_second_pass() -> None:
    """That brings nothing new."""
    upstream = pages_of(range(12), 5, total=False, last=False)
    assert read(upstream)[:2] == (set(range(12)), True)
    assert upstream.calls == 6


@pytest.mark.parametrize(("total", "calls"), [(2, 2), (9, 4), (0, 2)])
def test_a_total_that_is_wrong_is_not_complete(total: int, calls: int) -> None:
    """Counted rows that are not there, or rows that were not counted: after a second pass it is said."""
    upstream = Upstream(lambda call, number: page([1, 2, 3], more=False, total=total))
    found, complete, steps = read(upstream)
    assert (found, complete) == ({1, 2, 3}, False)
    assert steps[-1].why == f"LAPOR says that there are {total} rows, and 3 could be read"
    assert upstream.calls == calls


def test_rows_that_stand_in_a_list_twice_are_counted_twice() -> None:
    """Two passes that were the same tell them from rows that moved."""
    rows = [[1, 2, 2], [2, 3]]
    upstream = Upstream(
        lambda call, number: page(rows[number - 1] if number < 3 else [], more=number < 2, total=5)
    )
    assert read(upstream)[:2] == ({1, 2, 3}, True)


def test_where_nothing_is_said_of_a_next_page_it_is_asked_for() -> None:
    """Up to one without rows; a second pass tells whether rows moved, where they came on several pages."""
    rows = [[1, 2], [3, 4], [5]]
    upstream = Upstream(lambda call, number: page(rows[number - 1] if number <= 3 else [], more=None))
    assert read(upstream)[:2] == ({1, 2, 3, 4, 5}, True)
    assert upstream.calls == 8
    alone = Upstream(lambda call, number: page([1, 2] if number == 1 else [], more=None))
    assert read(alone)[:2] == ({1, 2}, True)
    assert alone.calls == 2
    empty = Upstream(lambda call, number: page([], more=None))
    assert read(empty)[:2] == (set(), True)
    assert empty.calls == 1


def test_a_second_page_that_is_the_first_again_proves_nothing() -> None:
    """The page's number is not heeded: whether there is more cannot be told."""
    found, complete, steps = read(Upstream(lambda call, number: page([1, 2], more=None)))
    assert (found, complete, steps[-1].why) == ({1, 2}, False, "page 2 repeats an earlier one")


@pytest.mark.parametrize("total", [None, 2, 45])
def test_another_page_than_was_asked_for_is_never_complete(total: int | None) -> None:
    """A `total` that is that page's own count does not outweigh it."""
    upstream = Upstream(lambda call, number: page([1, 2], more=True, total=total, is_other=number > 1))
    found, complete, steps = read(upstream)
    assert (found, complete) == ({1, 2}, False)
    assert steps[-1].why == "asked for page 2, LAPOR gave another one"
    assert upstream.calls <= 6


def test_another_page_beyond_the_last_one_is_the_end() -> None:
    """Many give the last page again, and say so."""
    rows = [[1, 2], [3]]
    upstream = Upstream(
        lambda call, number: page(rows[min(number, 2) - 1], more=True, total=3, last_page=2, is_other=number > 2)
    )
    assert read(upstream)[:2] == ({1, 2, 3}, True)


def test_more_pages_than_were_said_are_read_and_not_believed() -> None:
    """`last_page` 1 beside a next page."""
    rows = [[1, 2], [3, 4], []]
    upstream = Upstream(lambda call, number: page(rows[number - 1], more=number < 2, last_page=1))
    found, complete, steps = read(upstream)
    assert (found, complete) == ({1, 2, 3, 4}, False)
    assert steps[-1].why == "LAPOR says that page 1 is the last, and there are more"


def test_a_page_inside_that_repeats_an_earlier_one_hides_another() -> None:
    """Also where the total is as many as could be read."""
    rows = [[1, 2], [1, 2], [5, 6]]
    upstream = Upstream(lambda call, number: page(rows[number - 1], more=number < 3, total=4, last_page=3))
    found, complete, steps = read(upstream)
    assert (found, complete) == ({1, 2, 5, 6}, False)
    assert steps[-1].why == "page 2 repeats an earlier one"


def test_a_page_inside_that_is_not_there_leaves_it_incomplete() -> None:
    """404 where the number of pages says that there is one."""

    def give(_: int, number: int) -> Page[int]:
        return page([number], more=number < 3, last_page=3) if number != 2 else Page([], [], is_absent=True)

    found, complete, steps = read(Upstream(give))
    assert (found, complete, steps[-1].why) == ({1, 3}, False, "page 2 of 3 is not there")


def test_no_next_page_is_not_believed_against_the_total() -> None:
    """It is asked for once, and may bring the rest."""
    rows = [[1, 2], [3, 4], [5]]
    upstream = Upstream(lambda call, number: page(rows[number - 1], more=False, total=5))
    assert read(upstream)[:2] == ({1, 2, 3, 4, 5}, True)
    assert upstream.calls == 3


def test_the_last_total_seen_counts() -> None:
    """A row came while one read."""
    totals = {1: 4, 2: 5}
    upstream = Upstream(
        lambda call, number: page([[1, 2], [3, 4, 5]][number - 1], more=number < 2, total=totals[number])
    )
    assert read(upstream)[:2] == ({1, 2, 3, 4, 5}, True)
    assert upstream.calls == 2


def test_a_last_page_that_repeats_for_ever_ends_the_pass() -> None:
    """With its number known: after two further pages that bring nothing."""
    rows = [[1, 2], [3, 4], [5]]
    upstream = Upstream(lambda call, number: page(rows[min(number, 3) - 1], more=True, total=5, last_page=3))
    found, complete, steps = read(upstream)
    assert (found, complete) == ({1, 2, 3, 4, 5}, True)
    assert [step.new for step in steps] == [2, 2, 1, 0, 0]


def test_a_last_page_that_repeats_for_ever_without_any_number_ends_too() -> None:
    """Two passes of five pages."""
    rows = [[1, 2], [3, 4], [5]]
    upstream = Upstream(lambda call, number: page(rows[min(number, 3) - 1], more=True))
    assert read(upstream)[:2] == ({1, 2, 3, 4, 5}, True)
    assert upstream.calls == 10


def test_the_first_page_for_ever_ends_too() -> None:
    """An upstream that ignores the page number."""
    upstream = Upstream(lambda call, number: page([1, 2], more=True, total=10, last_page=5))
    assert read(upstream)[1] is False
    assert upstream.calls < 30


@pytest.mark.parametrize("last_page", [None, 3])
def test_an_empty_page_that_names_a_next_one_is_not_the_end(last_page: int | None) -> None:
    """What stands behind it would be lost, and in a thread a response that arrived would look lost."""
    rows: list[list[int]] = [[1], [], [2]]
    upstream = Upstream(lambda call, number: page(rows[number - 1], more=number < 3, last_page=last_page))
    assert read(upstream)[:2] == ({1, 2}, True)


def test_empty_pages_for_ever_end_the_pass() -> None:
    """Each names a next one; rows that came on one page cannot have moved."""
    upstream = Upstream(lambda call, number: page([1] if number == 1 else [], more=True))
    assert read(upstream)[:2] == ({1}, True)
    assert upstream.calls == 3


def test_empty_pages_that_each_name_a_next_one_prove_no_absence() -> None:
    """Unless a total says that all rows came."""

    def told(total: int | None) -> tuple[bool, str]:
        upstream = Upstream(lambda call, number: page([1] * (number == 1), more=True, total=total))
        found, complete, steps = read(upstream, beyond=paging.BEYOND)
        assert found == {1}
        return bool(complete), steps[-1].why

    assert told(None) == (False, "its last page says that there are more")
    assert told(1) == (True, "")


def test_no_next_page_before_the_last_by_number_is_not_the_end() -> None:
    """The number is believed."""
    upstream = Upstream(lambda call, number: page([number], more=False, total=4, last_page=4))
    assert read(upstream)[:2] == ({1, 2, 3, 4}, True)


def test_an_absurd_last_page_is_not_believed_for_long() -> None:
    """A thousand million pages that bring nothing."""
    upstream = Upstream(lambda call, number: page([1] if number == 1 else [], more=True, last_page=10**9))
    found, complete, steps = read(upstream)
    assert (found, complete) == ({1}, False)
    assert steps[-1].why == "LAPOR says that there are 1000000000 pages"
    assert upstream.calls < 30


def test_a_list_that_keeps_growing_is_not_complete() -> None:
    """Three passes, then it is said."""
    upstream = Upstream(lambda call, number: page([1, 100 + call] if number == 1 else [], more=False, total=50))
    assert read(upstream)[1] is False
    assert upstream.calls == 6


def test_a_row_that_is_lost_at_an_edge_while_another_goes_is_missed() -> None:
    """After page 1 was read a row of it goes: what follows moves up by one, and the number of rows is right all the
    same."""
    rows = list(range(45))

    def give(call: int, number: int) -> Page[int]:
        if call == 2:
            del rows[3]
        return page(rows[(number - 1) * 10 : number * 10], more=number < 5, total=len(rows), last_page=5)

    found, complete, steps = read(Upstream(give))
    assert (found, complete) == (set(range(45)), True)
    assert len(steps) == 10  # a second pass, in which nothing moved


def test_a_list_that_loses_rows_in_each_pass_is_not_whole() -> None:
    rows = list(range(100))

    def give(call: int, number: int) -> Page[int]:
        del rows[0]
        return page(rows[(number - 1) * 30 : number * 30], more=number < 3, total=len(rows), last_page=3)

    assert read(Upstream(give))[1] is False


@pytest.mark.parametrize("overlap", [1, 3])
def test_the_last_rows_of_a_page_that_begin_the_next_one_hide_nothing(overlap: int) -> None:
    """Whatever is said of how many there are."""
    for total in (None, 45):
        give = lambda _, number: page(  # noqa: E731
            range((number - 1) * 10, min(number * 10 + overlap, 45)),
            more=number < 5,
            total=total,  # noqa: B023
        )
        assert read(Upstream(give))[:2] == (set(range(45)), True)


@pytest.mark.parametrize("more", [True, None])
def test_rows_that_are_invented_for_ever_end_at_the_most_pages(more: bool | None) -> None:
    """No listing is endless."""
    upstream = Upstream(lambda call, number: page([call], more=more))
    _, complete, steps = read(upstream, max_pages=50)
    assert (complete, steps[-1].why) == (False, "it has more than 50 pages")
    assert upstream.calls == 50  # a further pass would find as little an end


def test_a_row_that_moved_ahead_while_one_read_is_found_by_a_further_pass() -> None:
    """It slipped from the second page to the first, between the two reads."""
    first = [[1, 2], [2, 3]]
    second = [[4, 1], [2, 3]]
    first.append([])

    def give(call: int, number: int) -> Page[int]:
        rows = first if call <= 3 else second
        return page(rows[number - 1], more=number < 2, total=4, last_page=2)

    upstream = Upstream(give)
    assert read(upstream)[:2] == ({1, 2, 3, 4}, True)
    assert upstream.calls == 5


def test_the_next_page_is_begun_before_one_is_handed_out() -> None:
    """So that it is on its way while the caller works; none is begun in vain."""
    begun: list[int] = []
    upstream = pages_of(range(12), 5)

    def start(number: int) -> Callable[[], Page[int]]:
        begun.append(number)
        return upstream(number)

    ahead = [list(begun) for _ in read_all(start)]
    assert ahead == [[1, 2], [1, 2, 3], [1, 2, 3]]


@given(
    rows=st.integers(0, 40),
    size=st.integers(1, 7),
    seed=st.integers(0, 10**6),
    total=st.sampled_from(["right", "none", "wrong"]),
    last=st.booleans(),
    endless=st.booleans(),
    moving=st.booleans(),
)
def test_whatever_the_paging_it_ends_and_complete_means_complete(
    rows: int, size: int, seed: int, total: str, last: bool, endless: bool, moving: bool
) -> None:
    """Rows in any order, moving between pages, with right, wrong or no numbers.

    Rows that do not move are always found; once all that `total` counts are found, it is complete.
    """
    dice = random.Random(seed)
    order = list(range(rows))
    dice.shuffle(order)
    count = max(1, -(-rows // size))

    def give(call: int, number: int) -> Page[int]:
        at = min(number, count) if endless else number
        shown = order[(at - 1) * size : at * size]
        if moving and order and dice.random() < 0.4:
            order.insert(0, order.pop(dice.randrange(len(order))))
        said = {"right": rows, "none": None, "wrong": rows + 3}[total]
        return page(shown, more=endless or number < count, total=said, last_page=count if last else None)

    upstream = Upstream(give)
    found, complete, _ = read(upstream)
    assert upstream.calls <= 3 * (count + 12)
    if not moving:
        is_doubtful = endless and total == "none" and count == 1 and rows > 0 and not last
        assert (found, complete) == (set(range(rows)), total != "wrong" and not is_doubtful)
    if complete and total == "right":
        assert len(found) == rows
    if total == "right" and len(found) == rows:
        assert complete is True


# Where absence is to be proven.

FIVE, REST = [1, 2, 3, 4, 5], [6, 7, 8, 9]
ABSENT: Page[int] = Page([], [], more=False, is_absent=True)


def proof(give: Callable[[int], Page[int]]) -> tuple[set[int], str]:
    """What was found, and why that may not be all."""
    found, _, steps = read(Upstream(lambda call, number: give(number)), beyond=paging.BEYOND)
    return found, steps[-1].why


def nth(pages: Sequence[Sequence[int]], number: int) -> Sequence[int]:
    return pages[number - 1] if number <= len(pages) else []


LYING: dict[str, Callable[[int], Page[int]]] = {
    "last_page 1": lambda number: page(nth([FIVE, REST], number), more=False, last_page=1),
    "no next page": lambda number: page(nth([FIVE, REST], number), more=False),
    "an empty one between": lambda number: page(nth([FIVE, [], REST], number), more=None),
    "two empty ones between": lambda number: page(nth([FIVE, [], [], REST], number), more=False),
    "404 between": lambda number: ABSENT if number == 2 else page(nth([FIVE, [], REST], number), more=None),
    "each page its own total": lambda number: page(
        nth([FIVE, REST], number), more=False, total=len(nth([FIVE, REST], number))
    ),
}


@pytest.mark.parametrize("name", LYING)
def test_pages_beyond_what_is_said_to_be_the_end_are_found_and_doubted(name: str) -> None:
    """So that what stands on them is found; a list that said otherwise proves nothing by what it does not show."""
    found, why = proof(LYING[name])
    assert found == {*FIVE, *REST}
    assert why


HIDING: dict[str, Callable[[int], Page[int]]] = {
    "404": lambda number: page(FIVE, more=None) if number == 1 else ABSENT,
    "404, last_page 1": lambda number: page(FIVE, more=False, last_page=1) if number == 1 else ABSENT,
    "empty": lambda number: page(nth([FIVE], number), more=False),
    "the first one again": lambda number: page(FIVE, more=False, last_page=1),
    "the first one again, its own total": lambda number: page(FIVE, more=False, total=5),
    "empty, each its own total": lambda number: page(
        nth([FIVE], number), more=False, total=len(nth([FIVE], number))
    ),
    "as full as it says that pages are": lambda number: page(
        nth([[1, 2, 3]], number), more=None, is_full=number == 1
    ),
    "full pages, then none": lambda number: page(nth([[1, 2, 3, 4], [5, 6, 7, 8]], number), more=None),
    "full pages, then 404": lambda number: page([number], more=None) if number < 3 else ABSENT,
}


@pytest.mark.parametrize("name", HIDING)
def test_a_page_that_looks_full_is_no_proof_that_it_is_the_last(name: str) -> None:
    """Whatever comes after it but more rows: there may be an upstream that gives no more than a page."""
    assert (
        proof(HIDING[name])[1] == "its page is as full as such pages are, and nothing proves that it is the last"
    )


MOVING: dict[str, Callable[[int], Page[int]]] = {
    "LAPOR says now 8 rows, now 9": lambda number: page(
        nth([FIVE, [6, 7, 8]], number), more=number < 2, total=10 - number, last_page=2
    ),
    "a row stood on two pages, so others may have been passed over": lambda number: page(
        nth([FIVE, [5, 6, 7, 8]], number), more=number < 2
    ),
}


@pytest.mark.parametrize("why", MOVING)
def test_a_list_that_moves_while_it_is_read_proves_no_absence(why: str) -> None:
    """A row may have gone to a page that was read before."""
    assert proof(MOVING[why])[1] == why


HONEST: dict[str, Callable[[int], Page[int]]] = {
    "nothing": lambda number: page([], more=False, total=0),
    "nothing, nothing said": lambda number: page([], more=None),
    "three": lambda number: page(nth([[1, 2, 3]], number), more=False),
    "moved, and all counted": lambda number: page(nth([FIVE, [5, 6]], number), more=number < 2, total=6),
    "three, then 404": lambda number: page([1, 2, 3], more=None) if number == 1 else ABSENT,
    "five of five": lambda number: page(nth([FIVE], number), more=False, total=5, last_page=1),
    "five of five, and none beyond": lambda number: (
        page(nth([FIVE, REST], number), more=False, total=9) if number < 3 else page([], more=False, total=0)
    ),
    "nine": lambda number: page(nth([FIVE, REST], number), more=number < 2, last_page=2),
    "nine, then 404": lambda number: page(nth([FIVE, REST], number), more=number < 2) if number < 3 else ABSENT,
    "the last one again": lambda number: page(nth([FIVE, REST], min(number, 2)), more=number < 2, last_page=2),
    "ten of ten, then 404": lambda number: (
        page(nth([FIVE, [6, 7, 8, 9, 10]], number), more=number < 2, total=10) if number < 3 else ABSENT
    ),
}


@pytest.mark.parametrize("name", HONEST)
def test_a_list_that_ends_where_it_says_is_proven_whole(name: str) -> None:
    """By a total, by pages beyond it without rows, or by a page that is not full."""
    assert proof(HONEST[name])[1] == ""


def failing(rows: Sequence[int], total: int | None) -> Callable[[int], Page[int]]:
    def give(number: int) -> Page[int]:
        if number > 1:
            raise UpstreamBroken("HTTP 500", http_status=500)
        return page(rows, more=False, total=total)

    return give


def test_a_page_beyond_the_end_that_fails_fails_no_read() -> None:
    """What was found stays found; only a total proves then that it is all."""
    assert proof(failing([1, 2, 3], 3)) == ({1, 2, 3}, "")
    assert proof(failing([1, 2, 3], None)) == ({1, 2, 3}, "page 2, beyond its end, could not be read")
    assert proof(failing(FIVE, 5))[1]


def test_a_page_before_the_end_that_fails_fails_the_read() -> None:
    """As ever."""

    def give(number: int) -> Page[int]:
        if number > 1:
            raise UpstreamBroken("HTTP 500", http_status=500)
        return page(FIVE, more=True)

    with pytest.raises(UpstreamBroken):
        proof(give)
