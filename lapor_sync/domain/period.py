"""The spans of days that a recap is made of: a month, a quarter, four months, half a year, a year, or any two days."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Self
from zoneinfo import ZoneInfo

from lapor_sync.domain.refusals import Code, Refused

_MONTHS_IN = {"Q": 3, "C": 4, "H": 6}
"""How many months a quarter, a *caturwulan* and a half year have."""

_FORM = re.compile(r"(\d{4})(?:-(?:(\d{2})|([QCH])(\d)))?", re.ASCII)
YEARS = range(1970, 2200)
"""The years that people may name; others stand for "no date", and beyond them a day has no next one."""


@dataclass(frozen=True, slots=True)
class Period:
    """From the first day up to and with the last; `name` is how it was asked for, and under it a recap is fixed."""

    name: str
    first: date
    last: date

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the period of `2026`, `2026-10`, `2026-Q3`, `2026-C2`, `2026-H1` or `2026-01-01..2026-03-31`.

        Raises Refused (PERIOD_UNKNOWN) where it is none of these.
        """
        said = text.strip().upper()
        span = _days(*said.split("..")) if said.count("..") == 1 else _months(said)
        if span is None or span[0] > span[1]:
            raise Refused(Code.PERIOD_UNKNOWN, given=text)
        return cls(said, *span)

    @property
    def year_before(self) -> Period:
        """The same days of the year before; a 29th of February becomes a 28th, the end of a February its end."""
        day_after = a_year_before(self.last + timedelta(days=1))
        return Period("", a_year_before(self.first), max(a_year_before(self.last), day_after - timedelta(days=1)))

    def begins(self, zone: ZoneInfo) -> datetime:
        """Return the moment with which it begins in a city."""
        return datetime.combine(self.first, time.min, zone)

    def ends(self, zone: ZoneInfo) -> datetime:
        """Return the first moment after it."""
        return datetime.combine(self.last + timedelta(days=1), time.min, zone)

    def months(self) -> Iterator[date]:
        """The first day of each month that it touches, in order."""
        month = self.first.replace(day=1)
        while month <= self.last:
            yield month
            month = _month_after(month, 1)


def day_named(text: str) -> date | None:
    """Return the day that is written as 2026-12-31, of one of the `YEARS`; None where it is none."""
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        return None
    return day if day.year in YEARS else None


def day_given(text: str) -> date | None:
    """Return the day that a person wrote into a field; None where it was left empty. Raises Refused (DAY_UNREADABLE)."""
    if not (given := text.strip()):
        return None
    if (day := day_named(given)) is None:
        raise Refused(Code.DAY_UNREADABLE, given=given)
    return day


def _days(first: str, last: str) -> tuple[date, date] | None:
    span = day_named(first), day_named(last)
    return (span[0], span[1]) if span[0] and span[1] else None


def _months(said: str) -> tuple[date, date] | None:
    """The days of a year or of a part of one that has a name; None where it has none."""
    found = _FORM.fullmatch(said)
    if found is None or int(found[1]) not in YEARS:
        return None
    length = _MONTHS_IN.get(found[3], 1 if found[2] else 12)
    place = int(found[2] or found[4] or 1)
    if not 1 <= place <= 12 // length:
        return None
    first = date(int(found[1]), 1 + (place - 1) * length, 1)
    return first, _month_after(first, length) - timedelta(days=1)


def _month_after(first: date, months: int) -> date:
    """The first day of the month that is so many months later."""
    years, month = divmod(first.month - 1 + months, 12)
    return date(first.year + years, month + 1, 1)


def a_year_before(day: date) -> date:
    """Return the same day of the year before; a 28th of February for a 29th."""
    is_leap_day = (day.month, day.day) == (2, 29)
    return day.replace(year=day.year - 1, day=28 if is_leap_day else day.day)
