"""Working days and holidays of a city. Source: rules, "Deadlines"."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache
from typing import NamedTuple
from zoneinfo import ZoneInfo


@dataclass(frozen=True, kw_only=True, slots=True)
class Calendar:
    """What the holiday library cannot know: days off by name, and days that are none after all."""

    extra: Mapping[date, str] = field(default_factory=dict)
    not_holidays: frozenset[date] = frozenset()


class _Year(NamedTuple):
    """One year's working days as ordinals, and the last instant of each."""

    ordinals: tuple[int, ...]
    ends: tuple[datetime, ...]


@dataclass(frozen=True)
class WorkingDays:
    """Monday to Friday less national holidays and *cuti bersama*, in the city's time zone.

    `extra` are further days off; `not_holidays` are no holidays whatever the library says (a Saturday stays
    one). Make one and keep it: each year is worked out once, so that a backfill asks 100,000 times for free.
    """

    timezone: ZoneInfo
    extra: Mapping[date, str] = field(default_factory=dict)
    not_holidays: frozenset[date] = frozenset()
    _years: dict[int, _Year] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def of(cls, timezone: ZoneInfo, calendar: Calendar) -> WorkingDays:
        """The working days of a city with this calendar."""
        return cls(timezone, calendar.extra, calendar.not_holidays)

    def is_working(self, day: date) -> bool:
        """Whether people work on that day."""
        ordinals = self._year(day.year).ordinals
        at = bisect_right(ordinals, day.toordinal())
        return at > 0 and ordinals[at - 1] == day.toordinal()

    def due(self, start: datetime, days: int) -> datetime:
        """23:59:59 local on the `days`-th working day after the local day of `start`, which is not counted.

        `start` is aware and of a sane year, `days` at least 1. Late is what is *after* the returned instant.
        """
        return self.due_after(self.day_of(start), days)

    def day_of(self, at: datetime) -> date:
        """The local day of an instant."""
        return at.astimezone(self.timezone).date()

    def due_after(self, day: date, days: int) -> datetime:
        """As `due`, for a start on that local day."""
        year = self._year(day.year)
        at = bisect_right(year.ordinals, day.toordinal()) + days - 1
        number = day.year
        while at >= len(year.ordinals):
            at -= len(year.ordinals)
            number += 1
            year = self._year(number)
        return year.ends[at]

    def last(self, at: datetime, days: int) -> datetime:
        """Return when the `days`-th last working day up to that of `at` began."""
        day = self.day_of(at)
        while not (self.is_working(day) and (days := days - 1) == 0):
            day -= timedelta(days=1)
        return datetime(day.year, day.month, day.day, tzinfo=self.timezone)

    def between(self, start: datetime, end: datetime) -> int:
        """How many working days lie after the local day of `start`, up to and with that of `end`."""
        first, last = self.day_of(start), self.day_of(end)
        whole = sum(len(self._year(number).ordinals) for number in range(first.year, last.year))
        return whole + self._place(last) - self._place(first)

    def _place(self, day: date) -> int:
        """How many working days of its year are over at the end of `day`."""
        return bisect_right(self._year(day.year).ordinals, day.toordinal())

    def _year(self, number: int) -> _Year:
        year = self._years.get(number)
        if year is None:
            # Two threads may both work it out; they come to the same, and one assignment wins.
            year = self._years[number] = self._work_out(number)
        return year

    def _work_out(self, number: int) -> _Year:
        off = (_holidays(number) - self.not_holidays) | self.extra.keys()
        days = [day for day in _days_of(number) if day.weekday() < 5 and day not in off]
        ends = (datetime(d.year, d.month, d.day, 23, 59, 59, tzinfo=self.timezone) for d in days)
        return _Year(tuple(day.toordinal() for day in days), tuple(ends))


@cache
def joint_holidays_known(year: int) -> bool:
    """Return whether the holiday library knows the *cuti bersama* of that year; they are decreed late each year."""
    return bool(_holidays(year, "government"))


@cache
def _holidays(year: int, *categories: str) -> frozenset[date]:
    """Indonesia's holidays of one year: national ones and *cuti bersama*, unless categories are named."""
    from holidays import country_holidays  # with Indonesia's 85 ms it would be a fifth of each `status`

    return frozenset(country_holidays("ID", years=year, categories=categories or ("public", "government")))


def _days_of(year: int) -> Iterator[date]:
    first = date(year, 1, 1)
    return (first + timedelta(days=n) for n in range((date(year, 12, 31) - first).days + 1))
