"""Simulated time: starts somewhere, runs at some speed, can be pushed ahead; never goes back."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

WIB = timezone(timedelta(hours=7), "WIB")  # Asia/Jakarta keeps one offset all year
DAY = 86_400


class SimClock:
    """`speed` simulated seconds pass in one real second; speed 0 stands still until advanced."""

    def __init__(
        self, start: datetime, speed: float = 1.0, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._start = start.timestamp()
        self._speed = speed
        self._monotonic = monotonic
        self._zero = monotonic()

    def now(self) -> float:
        """Simulated now, in seconds since the epoch."""
        return self._start + (self._monotonic() - self._zero) * self._speed

    def advance(self, seconds: float) -> None:
        """Let simulated time jump ahead; a negative jump is refused."""
        if seconds < 0:
            raise ValueError("simulated time does not go back")
        self._start += seconds


def at_wib(seconds: float) -> datetime:
    """Epoch seconds as an aware time in WIB."""
    return datetime.fromtimestamp(seconds, WIB)


def iso(seconds: float) -> str:
    """Epoch seconds as ISO 8601 with offset, for the control face (never what upstream would write)."""
    return at_wib(seconds).isoformat(timespec="seconds")


def parse_time(text: str) -> int:
    """ISO 8601 to epoch seconds; without an offset it is WIB, as upstream's times are."""
    moment = datetime.fromisoformat(text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=WIB)).timestamp())


def http_date(seconds: float) -> str:
    """Epoch seconds in the form of a `Date` header, whatever the locale."""
    moment = datetime.fromtimestamp(seconds, UTC)
    day = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[moment.weekday()]
    month = "JanFebMarAprMayJunJulAugSepOctNovDec"[moment.month * 3 - 3 : moment.month * 3]
    return f"{day}, {moment.day:02d} {month} {moment.year} {moment:%H:%M:%S} GMT"


def after_working_days(seconds: int, days: int) -> int:
    """The same time of day, so many working days (Monday to Friday; holidays are not known here) later."""
    weekday = (seconds + 7 * 3600) // DAY % 7  # 1 January 1970 was a Thursday: 2 is Saturday, 3 Sunday
    moved = 0
    while days:
        moved += 1
        days -= (weekday + moved) % 7 not in (2, 3)
    return seconds + moved * DAY
