"""Dates and times as the export writes them: Excel cells, or text with Indonesian or English month names."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from functools import lru_cache

_MONTHS: dict[str, int] = {
    name: number
    for number, names in enumerate(
        (
            "jan januari january",
            "feb peb februari pebruari february",
            "mar maret march",
            "apr april",
            "mei may",
            "jun juni june",
            "jul juli july",
            "agu ags agt agust agustus aug august",
            "sep sept september",
            "okt oct oktober october",
            "nov nop november nopember",
            "des dec desember december",
        ),
        1,
    )
    for name in names.split()
}

_DAY_FIRST = r"(?P<d>\d{1,2})[\s/.-]+(?P<m>[A-Za-z]+|\d{1,2})\.?[\s/.-]+(?P<y>\d{4})"
_YEAR_FIRST = r"(?P<y2>\d{4})[-/](?P<m2>\d{1,2})[-/](?P<d2>\d{1,2})"
_TIME = r"(?P<hour>\d{1,2})[:.](?P<minute>\d{2})(?:[:.](?P<second>\d{2})(?:[.,]\d+)?)?(?:\s*(?P<half>[AaPp][Mm]))?"
_ZONE = r"(?:\s*WIB)?"
_WEEKDAY = r"(?:[A-Za-z']+,\s*)?"
_BETWEEN = r"[\sT,]+(?:pukul\s+|jam\s+)?"
_MOMENT = re.compile(
    rf"{_WEEKDAY}(?:{_DAY_FIRST}|{_YEAR_FIRST})(?:{_BETWEEN}{_TIME})?{_ZONE}", re.IGNORECASE | re.ASCII
)
_TIME_ALONE = re.compile(rf"{_TIME}{_ZONE}", re.IGNORECASE | re.ASCII)

# "No date" as such systems write it.
_NOTHING = {"", "-", "0000-00-00", "0000-00-00 00:00:00", "00:00:00 0000-00-00"}

_YEARS = range(1990, 2200)


def moment(day: object, clock: object) -> datetime | None:
    """The two cells as one naive local time; None where the day says nothing.

    A time of the day's own cell counts where the time's cell is empty. Raises ValueError for what is no date.
    """
    on = read_moment(day)
    if on is None:
        return None
    at = read_time(clock)
    return on if at is None else datetime.combine(on, at)


def find_moment(text: str) -> datetime | None:
    """The first date, with its time where there is one, anywhere in the text; None where there is none."""
    found = _MOMENT.search(text)
    return _moment_of(found) if found else None


@lru_cache(maxsize=4096, typed=True)
def read_moment(cell: object) -> datetime | None:
    """A cell that holds a day, perhaps with a time, as a naive local time; None where it says nothing.

    Raises ValueError for what is no date, and for years that no report can be of.
    """
    read = _read_moment(cell)
    if read is not None and read.year not in _YEARS:
        raise ValueError(f"the year {read.year} cannot be")
    return read


def _read_moment(cell: object) -> datetime | None:
    if isinstance(cell, datetime):
        return cell.replace(tzinfo=None)
    if isinstance(cell, date):
        return datetime.combine(cell, time())
    if cell is None or (isinstance(cell, str) and _plain(cell) in _NOTHING):
        return None
    found = _MOMENT.fullmatch(_plain(cell)) if isinstance(cell, str) else None
    if found is None:
        # A bare number may be a day that lost its format, or anything else: not guessed.
        raise ValueError("it is no date")
    return _moment_of(found)


@lru_cache(maxsize=4096, typed=True)
def read_time(cell: object) -> time | None:
    """A cell that holds a time of day; None where it says nothing. Raises ValueError for what is none."""
    if isinstance(cell, datetime):
        return cell.time()
    if isinstance(cell, time):
        return cell.replace(tzinfo=None)
    if isinstance(cell, timedelta):
        return _time_after_midnight(cell)
    if cell is None or (isinstance(cell, str) and _plain(cell) in _NOTHING):
        return None
    text = _plain(cell) if isinstance(cell, str) else ""
    found = _TIME_ALONE.fullmatch(text) or _MOMENT.fullmatch(text)
    if found is None or found["hour"] is None:
        raise ValueError("it is no time")
    return _time_of(found)


def _time_after_midnight(passed: timedelta) -> time:
    # Excel's [h]:mm format makes openpyxl read a time of day as a length of time.
    if not timedelta() <= passed < timedelta(days=1):
        raise ValueError("it is no time of a day")
    minutes, second = divmod(passed.seconds, 60)
    return time(*divmod(minutes, 60), second)


def _moment_of(found: re.Match[str]) -> datetime:
    year, month, day = (found[a] or found[b] for a, b in (("y", "y2"), ("m", "m2"), ("d", "d2")))
    on = date(int(year), _month(month), int(day))
    return datetime.combine(on, _time_of(found) if found["hour"] else time())


def _month(name: str) -> int:
    number = int(name) if name.isdecimal() else _MONTHS.get(name.lower())
    if number is None:
        raise ValueError(f"{name} is no month")
    return number


def _time_of(found: re.Match[str]) -> time:
    hour, half = int(found["hour"]), (found["half"] or "").lower()
    if half and not 1 <= hour <= 12:
        raise ValueError(f"there is no {hour} {half}")
    if half:
        hour = hour % 12 + (12 if half == "pm" else 0)
    return time(hour, int(found["minute"]), int(found["second"] or 0))


def _plain(text: str) -> str:
    return " ".join(text.split())
