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


def page(rows: Sequence[int], *, more: bool, total: int | None = None, last_page: int | None = None) -> Page[int]:
    return Page(rows=rows, keys=rows, more=more, total=total, last_page=last_page)


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


def read(upstream: Upstream) -> tuple[set[int], bool | None, list[Step[int]]]:
    steps = list(read_all(upstream))
    assert all(step.complete is None for step in steps[:-1])
    assert steps[-1].complete is not None
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


def test_a_total_that_is_wrong_needs_a_second_pass() -> None:
    """Counted rows that are not there, or rows that were not counted."""
    for wrong in (2, 9):
        rows = page([1, 2, 3], more=False, total=wrong)
        upstream = Upstream(lambda call, number, rows=rows: rows)  # type: ignore[misc]
        assert read(upstream)[:2] == ({1, 2, 3}, True)
        assert upstream.calls == 2


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
    assert read(upstream)[1] is True
    assert upstream.calls < 20


@pytest.mark.parametrize("last_page", [None, 3])
def test_an_empty_page_that_names_a_next_one_is_not_the_end(last_page: int | None) -> None:
    """What stands behind it would be lost, and in a thread a response that arrived would look lost."""
    rows: list[list[int]] = [[1], [], [2]]
    upstream = Upstream(lambda call, number: page(rows[number - 1], more=number < 3, last_page=last_page))
    assert read(upstream)[:2] == ({1, 2}, True)


def test_empty_pages_for_ever_end_the_pass() -> None:
    """Each names a next one: two passes of three pages."""
    upstream = Upstream(lambda call, number: page([1] if number == 1 else [], more=True))
    assert read(upstream)[:2] == ({1}, True)
    assert upstream.calls == 6


def test_no_next_page_before_the_last_by_number_is_not_the_end() -> None:
    """The number is believed."""
    upstream = Upstream(lambda call, number: page([number], more=False, total=4, last_page=4))
    assert read(upstream)[:2] == ({1, 2, 3, 4}, True)


def test_an_absurd_last_page_is_not_believed_for_long() -> None:
    """A thousand million pages that bring nothing."""
    upstream = Upstream(lambda call, number: page([1] if number == 1 else [], more=True, last_page=10**9))
    assert read(upstream)[:2] == ({1}, True)
    assert upstream.calls < 30


def test_a_list_that_keeps_growing_is_not_complete() -> None:
    """Three passes, then it is said."""
    upstream = Upstream(lambda call, number: page([1, 100 + call], more=False, total=50))
    assert read(upstream)[1] is False
    assert upstream.calls == 3


def test_rows_that_are_invented_for_ever_end_at_the_most_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """No listing is endless."""
    monkeypatch.setattr(paging, "MAX_PAGES", 50)
    upstream = Upstream(lambda call, number: page([call], more=True))
    assert read(upstream)[1] is False
    assert upstream.calls == 150


def test_a_row_that_moved_ahead_while_one_read_is_found_by_a_further_pass() -> None:
    """It slipped from the second page to the first, between the two reads."""
    first = [[1, 2], [2, 3]]
    second = [[4, 1], [2, 3]]

    def give(call: int, number: int) -> Page[int]:
        rows = first if call <= 2 else second
        return page(rows[number - 1], more=number < 2, total=4, last_page=2)

    upstream = Upstream(give)
    assert read(upstream)[:2] == ({1, 2, 3, 4}, True)
    assert upstream.calls == 4


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
        assert (found, complete) == (set(range(rows)), True)
    if total == "right" and len(found) == rows:
        assert complete is True
