"""What time it is upstream."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache

from lapor_sync.domain.ports import Clock

LATE = 60
"""Seconds. What was made earlier before its call than that is of a cache, and of no clock that is a little wrong."""

_CLOCK_YEARS = range(2020, 2200)
"""What an upstream's clock may say: by one of the year 1 or 9999 nothing can be counted."""


class UpstreamClock:
    """The upstream's time, by the `Date` header of its last answer."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last: tuple[datetime, float] | None = None
        self.ahead: tuple[timedelta, timedelta] | None = None

    def now(self) -> datetime:
        """Return the upstream's time; ours before it said one."""
        last = self._last
        if last is None:
            return self._clock.now()
        date, arrived = last
        return date + timedelta(seconds=self._clock.monotonic() - arrived)

    def is_older(self, header: str | None, started: float) -> bool:
        """Return whether a `Date` is well before its call began, by what other answers said of the time."""
        last, date = self._last, http_date(header)
        return (
            last is not None and date is not None and date < last[0] + timedelta(seconds=started - last[1] - LATE)
        )

    def learn(self, header: str | None, started: float, arrived: float, *, is_now: bool) -> datetime | None:
        """Take over an answer's `Date`. Return when the call began by it; None without one that can be.

        A clock far from any year in which this can run is none. The header has whole seconds and was written while
        the call ran: its length and one second are taken off, so that the result is never later than the truth.
        `is_now`: it is no cached answer's, from which nothing is learnt.
        """
        date = http_date(header)
        if date is None or date.year not in _CLOCK_YEARS:
            return None
        unsure = timedelta(seconds=arrived - started + 1)
        if is_now:
            self._last, ours = (date, arrived), self._clock.now()
            self.ahead = (ours - unsure - date, ours - date)
        return date - unsure


@lru_cache(maxsize=16)  # many answers come in the same second
def http_date(header: str | None) -> datetime | None:
    """Return the time that a header says; None where it says none that can be read."""
    if not header:
        return None
    try:
        date = parsedate_to_datetime(header)
        return date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
    except (ValueError, OverflowError, TypeError, IndexError):
        return None
