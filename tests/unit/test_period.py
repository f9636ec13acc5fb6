"""Periods: how they are written, which days they have, and the same days of the year before."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from lapor_sync.domain.period import Period, a_year_before, day_given
from lapor_sync.domain.refusals import Code, Refused

WIB = ZoneInfo("Asia/Jakarta")


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2026", "2026-01-01", "2026-12-31"),
        ("2026-02", "2026-02-01", "2026-02-28"),
        ("2028-02", "2028-02-01", "2028-02-29"),
        ("2026-12", "2026-12-01", "2026-12-31"),
        ("2026-Q1", "2026-01-01", "2026-03-31"),
        ("2026-q4", "2026-10-01", "2026-12-31"),
        ("2026-C1", "2026-01-01", "2026-04-30"),
        ("2026-C3", "2026-09-01", "2026-12-31"),
        ("2026-H2", "2026-07-01", "2026-12-31"),
        (" 2017-12-30 .. 2018-01-02 ", "2017-12-30", "2018-01-02"),
        ("2026-05-04..2026-05-04", "2026-05-04", "2026-05-04"),
    ],
)
def test_a_period_is_written_in_any_of_the_forms_of_a_report_to_the_mayor(
    text: str, first: str, last: str
) -> None:
    found = Period.parse(text)
    assert (found.first.isoformat(), found.last.isoformat()) == (first, last)


@pytest.mark.parametrize(
    "text",
    [
        *("", "26", "2026-13", "2026-00", "2026-Q5", "2026-Q0", "2026-C4", "2026-H3", "2026-X1", "1066", "2026-1"),
        *("2026-02-30..2026-03-01", "2026-05-02..2026-05-01", "2026-01-01...2026-02-01", "..", "a..b", "٢٠٢٦"),
        *("0001-01-01..2026-01-01", "2026-01-01..9999-12-31", "2026-10-01"),
    ],
)
def test_what_is_no_period_is_refused_with_what_was_given(text: str) -> None:
    with pytest.raises(Refused) as refused:
        Period.parse(text)
    assert refused.value.code is Code.PERIOD_UNKNOWN
    assert refused.value.facts == {"given": text}


@pytest.mark.parametrize(("given", "day"), [(" 2026-12-31 ", date(2026, 12, 31)), (" ", None), ("", None)])
def test_a_day_may_be_left_empty(given: str, day: date | None) -> None:
    assert day_given(given) == day


@pytest.mark.parametrize("given", ["besok", "2026-02-30", "0001-01-01", "9999-12-31"])
def test_a_day_that_is_none_is_refused_with_what_was_given(given: str) -> None:
    with pytest.raises(Refused) as refused:
        day_given(f" {given}")
    assert (refused.value.code, refused.value.facts) == (Code.DAY_UNREADABLE, {"given": given})


def test_a_period_begins_and_ends_at_midnight_in_the_city() -> None:
    found = Period.parse("2026-10")
    assert found.begins(WIB) == datetime(2026, 10, 1, tzinfo=WIB)
    assert found.ends(WIB) == datetime(2026, 11, 1, tzinfo=WIB)


def test_the_year_before_has_the_same_days() -> None:
    before = Period.parse("2024-02-29..2024-03-05").year_before
    assert (before.first, before.last) == (date(2023, 2, 28), date(2023, 3, 5))
    assert a_year_before(date(2026, 7, 31)) == date(2025, 7, 31)


@pytest.mark.parametrize(
    ("text", "last"),
    [
        ("2025-02", "2024-02-29"),
        ("2024-02", "2023-02-28"),
        ("2024-02-01..2024-02-28", "2023-02-28"),
        ("2025-Q1", "2024-03-31"),
    ],
)
def test_a_whole_february_is_compared_with_a_whole_one(text: str, last: str) -> None:
    """What came on the 29th is counted in the recap of the year, so in that of the month, too."""
    assert Period.parse(text).year_before.last == date.fromisoformat(last)


def test_its_months_are_all_that_it_touches() -> None:
    assert [f"{one:%Y-%m}" for one in Period.parse("2025-11-30..2026-02-01").months()] == [
        "2025-11",
        "2025-12",
        "2026-01",
        "2026-02",
    ]
