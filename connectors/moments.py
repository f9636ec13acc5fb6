"""Times as LAPOR's API and its export write them, read in one way for both. Pure.

The forms were seen, or are those that such systems are known for: ISO 8601, `d-m-Y H:i:s`, day and month by name in
Indonesian or English, Excel's own cells, PHP's `{date, timezone}`, seconds or milliseconds since 1970. What can be read
in two ways (a year of two digits, a small number) is refused: a wrong date would put a deadline in the wrong week.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from lapor_sync.domain.letters import without_unseen


class Moment(NamedTuple):
    """A time in UTC. `is_day`: only the day was said, and this is its first moment in its zone."""

    at: datetime
    is_day: bool = False


def read_moment(value: object, zone: tzinfo) -> Moment | None:
    """The moment that `value` says; None where it says none (empty, a zero date).

    Without a zone of its own it is `zone`'s time. Raises ValueError for what is no moment, or of no year that
    can be.
    """
    if isinstance(value, str):
        return _quick(value, zone) or _of_text(_short(value), zone)
    if value is None or value is False:
        return None
    if isinstance(value, dict):
        return _of_object(value, zone)
    if isinstance(value, datetime):
        return _sound(value if value.tzinfo else value.replace(tzinfo=zone), is_day=False)
    if isinstance(value, date):
        return _sound(datetime.combine(value, time(), zone), is_day=True)
    if isinstance(value, int | float) and value is not True:
        return _of_number(value)
    raise ValueError(_NO_DATE)


def moment_of_cells(day: object, clock: object, zone: tzinfo) -> Moment | None:
    """The moment of a cell with a day and one with a time of day; None where the day says nothing.

    A time of the day's own cell counts where the other is empty. Raises ValueError.
    """
    on, said = read_moment(day, zone), _clock_of(clock)
    if on is None or said is None:
        return on
    of_day = (_zone_said(day) if isinstance(day, str) else None) or zone
    midnight = datetime.combine(on.at.astimezone(of_day), time(), said.zone or of_day)
    return _sound(midnight + said.passed, is_day=False)


def find_moment(text: str, zone: tzinfo) -> Moment | None:
    """The first date, with its time where there is one, anywhere in the text; None where there is none.

    Raises ValueError where it is none that can be.
    """
    plain = _plain(text[:_MAX_SEARCHED])
    found = _DATE_FIRST.search(plain)
    return _of_match(found, zone) if found else None


# The forms.


def _beginnings(names: str) -> set[str]:
    """The names with all that they are shortened to: people write `Agus`, `Agust`, `Nop`, each of its own liking."""
    return {name[:end] for name in names.split() for end in range(3, len(name) + 1)}


_MONTHS: dict[str, int] = {
    name: number
    for number, names in enumerate(
        (
            "januari january",
            "februari pebruari february",
            "maret march mrt mart",
            "april",
            "mei may",
            "juni june",
            "juli july",
            "agustus august ags agt agst augustus",
            "september spt",
            "oktober october",
            "november nopember nop",
            "desember december",
        ),
        1,
    )
    for name in _beginnings(names)
}

_ZONES = {"wib": 7, "wita": 8, "wit": 9, "utc": 0, "gmt": 0, "z": 0}
"""Indonesia's three zones and the world's, in hours before UTC; none has summer time."""

_WEEKDAYS = (
    "senin|selasa|rabu|kamis|jum'?at|sabtu|minggu|ahad|sen|sel|rab|kam|jum|sab|min|"
    "monday|tuesday|wednesday|thursday|friday|saturday|sunday|mon|tues?|wed|thu(?:rs?)?|fri|sat|sun"
)
_NUMBER_OF_WEEKDAY = {
    name: number
    for number, names in enumerate(
        ("sen mon", "sel tue", "rab wed", "kam thu", "jum fri", "sab sat", "min aha sun")
    )
    for name in names.split()
}
"""By their first three letters, as Python counts them."""

_MAX_TEXT = 100
_MAX_SEARCHED = 1000

_DATE = (
    rf"(?:(?P<weekday>{_WEEKDAYS})\.?[\s,]+)?"
    r"(?:(?P<d>\d{1,2})[\s/.-]{1,3}(?P<m>[a-z]{3,9}|\d{1,2})\.?[\s/.,-]{1,3}(?P<y>\d{4})"
    r"|(?P<y2>-?\d{4})[/.-](?P<m2>\d{1,2})[/.-](?P<d2>\d{1,2})"
    r"|(?P<m3>[a-z]{3,9})\.?\s(?P<d3>\d{1,2}),?\s(?P<y3>\d{4}))"
)
_OFFSET = r"[+-]\d{1,2}(?::?\d\d)?"
_CLOCK = (
    r"(?:(?:pukul|jam|pkl)\b[.:]?\s?)?"
    r"(?P<hour>\d{1,2})[:.](?P<minute>\d\d)(?:[:.](?P<second>\d\d)(?:[.,](?P<fraction>\d{1,9}))?)?"
    r"(?:\s?(?P<half>[ap])\.?m\b\.?)?"
    rf"(?:\s?\(?(?P<word>wib|wita|wit|utc|gmt|z)\b\)?)?(?:\s?\(?(?P<of_gmt>utc|gmt)?(?P<offset>{_OFFSET})\)?)?"
    r"(?:\s\([a-z ]{1,40}\))?"
)
_BETWEEN = r"(?:\s|\s?[t,;|@-]\s?)"
_FLAGS = re.IGNORECASE | re.ASCII
_DATE_FIRST = re.compile(rf"(?<!\d){_DATE}(?!\d)(?:{_BETWEEN}{_CLOCK}(?!\d))?", _FLAGS)
_CLOCK_FIRST = re.compile(rf"{_CLOCK}{_BETWEEN}{_DATE}", _FLAGS)
_CLOCK_ALONE = re.compile(_CLOCK, _FLAGS)

_SPELT = str.maketrans(
    dict.fromkeys("\u2018\u2019\u02bc\u02b9\u2032\u00b4`", "'")
    | dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-")
)

_NOTHING = frozenset({"", "-", "0", "null", "none", "nil", "n/a"})
"""No date, as such systems write it."""

_NO_DATE = "it is no date"
_NO_CLOCK = "it is no time"

_YEARS = range(1990, 2200)
_USUAL = range(1991, 2199)


def _short(text: str) -> str:
    """The text; what is too long to be a time is cut to what is none."""
    return text if len(text) <= _MAX_TEXT else "too long"


def _plain(text: str) -> str:
    spelt = text.replace("`", "'") if text.isascii() else without_unseen(text.translate(_SPELT))
    return " ".join(spelt.split())


def _quick(text: str, zone: tzinfo) -> Moment | None:
    """A time in one of the forms of nearly all; None where it is another, or none."""
    if text[10:11] not in {" ", "T"} or text[13:14] != ":" or text[16:17] != ":":
        return None
    iso = text
    if text[2] == text[5] == "-":
        if "-" in text[19:]:  # perhaps a span of time
            return None
        iso = f"{text[6:10]}-{text[3:5]}-{text[:2]}{text[10:]}"
    try:
        local = datetime.fromisoformat(iso)
        if local.year not in _USUAL:
            return None
        return Moment((local if local.tzinfo else local.replace(tzinfo=zone)).astimezone(UTC))
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def _of_text(text: str, zone: tzinfo) -> Moment | None:
    plain = _plain(text)
    if plain.lower() in _NOTHING:
        return None
    if _SINCE_1970.fullmatch(plain):
        return _of_number(int(plain))
    found = _DATE_FIRST.fullmatch(plain) or _CLOCK_FIRST.fullmatch(plain)
    if found is None:
        raise ValueError(_NO_DATE)
    return _of_match(found, zone)


_SINCE_1970 = re.compile(r"\d{10}(?:\d{3})?", re.ASCII)


def _of_match(found: re.Match[str], zone: tzinfo) -> Moment | None:
    """The moment of a match of a date, and perhaps a clock."""
    year, month, day = (found[a] or found[b] or found[c] for a, b, c in _NAMES)
    if int(year) <= 1:  # MySQL's zero date, also as Carbon prints it (-0001-11-30), and Go's (0001-01-01)
        return None
    clock = _clock_said(found) if found["hour"] else None
    own = clock.zone if clock and clock.zone else zone
    midnight = datetime(int(year), _month(month), int(day), tzinfo=own)
    weekday = _NUMBER_OF_WEEKDAY[found["weekday"][:3].lower()] if found["weekday"] else midnight.weekday()
    if weekday != midnight.weekday():
        raise ValueError(f"it is no {found['weekday']}")
    if found["half"] and "/" in found[0] and month.isdecimal() and int(day) <= 12 and int(day) != int(month):
        raise ValueError("its day and its month cannot be told apart")  # with AM or PM it may be an American one
    return _sound(midnight + (clock.passed if clock else timedelta()), is_day=clock is None)


_NAMES = (("y", "y2", "y3"), ("m", "m2", "m3"), ("d", "d2", "d3"))


def _month(name: str) -> int:
    number = int(name) if name.isdecimal() else _MONTHS.get(name.lower())
    if number is None:
        raise ValueError(f"{name} is no month")
    return number


def _of_number(number: float) -> Moment | None:
    """Seconds, or milliseconds, since 1970; zero is PHP's way to say none.

    A smaller number may be one of Excel's days that lost its format, or anything else: it is refused.
    """
    if number == 0:
        return None
    if 10**9 <= number < 10**10 and not _is_date_in_digits(number):
        return _sound(datetime.fromtimestamp(number, UTC), is_day=False)
    if 10**12 <= number < 10**13:
        return _sound(datetime.fromtimestamp(number / 1000, UTC), is_day=False)
    raise ValueError(_NO_DATE)


def _is_date_in_digits(number: float) -> bool:
    """Whether it reads as year, month, day and hour, which as seconds would be a time in the years from 2033 on."""
    digits = str(int(number))
    return (
        int(digits[:4]) >= 2000
        and 1 <= int(digits[4:6]) <= 12
        and 1 <= int(digits[6:8]) <= 31
        and int(digits[8:]) <= 24
    )


def _of_object(value: dict[object, object], zone: tzinfo) -> Moment | None:
    """A date as PHP's DateTime becomes JSON, `{date, timezone_type, timezone}`; or one that holds a text alone."""
    said = next((value[key] for key in _OBJECT_KEYS if value.get(key) is not None), None)
    if not isinstance(said, str | int | float):
        raise ValueError(_NO_DATE)
    name = value.get("timezone")
    return read_moment(said, (_named_zone(name) if isinstance(name, str) and name else None) or zone)


_OBJECT_KEYS = ("date", "datetime", "$date", "value")


@lru_cache(maxsize=64)
def _named_zone(name: str) -> tzinfo:
    """The zone of a name such as `Asia/Makassar`, `WITA` or `+08:00`.

    Raises ValueError for a name that nobody knows: the time would be wrong by hours.
    """
    text = _plain(_short(name))
    if text.lower() in _ZONES:
        return timezone(timedelta(hours=_ZONES[text.lower()]))
    if re.fullmatch(_OFFSET, text, re.ASCII):
        return _offset(text)
    try:
        return ZoneInfo(text)
    except (OSError, KeyError, ValueError) as exc:
        raise ValueError("its zone is not known") from exc


def _sound(at: datetime, *, is_day: bool) -> Moment | None:
    """The moment in UTC; None for the first day of Unix, which is a zero. Raises ValueError for an odd year."""
    if at.year not in _YEARS:
        if abs(at.replace(tzinfo=None) - _UNIX) <= timedelta(days=1):
            return None
        raise ValueError(f"the year {at.year} cannot be")
    return Moment(at.astimezone(UTC), is_day)


_UNIX = datetime(1970, 1, 1)  # noqa: DTZ001  near it in any zone


# Times of a day.


class _Clock(NamedTuple):
    """How long after midnight, and in which zone where that was said."""

    passed: timedelta
    zone: tzinfo | None = None


_A_DAY = timedelta(days=1)


def _clock_of(cell: object) -> _Clock | None:
    """The time of day in a cell; None where it says nothing. Raises ValueError for what is none."""
    if isinstance(cell, datetime):
        return _clock_of(cell.time())
    if isinstance(cell, time):
        return _Clock(timedelta(hours=cell.hour, minutes=cell.minute, seconds=cell.second))
    if isinstance(cell, timedelta):
        # Excel's [h]:mm format makes openpyxl read a time of day as a length of time.
        if not timedelta() <= cell <= _A_DAY:
            raise ValueError("it is no time of a day")
        return _Clock(cell)
    if cell is None:
        return None
    if not isinstance(cell, str):
        raise ValueError(_NO_CLOCK)
    return _clock_of_text(_short(cell))


@lru_cache(maxsize=4096)
def _clock_of_text(cell: str) -> _Clock | None:
    text = _plain(cell)
    if text.lower() in _NO_CLOCKS:
        return None
    found = _CLOCK_ALONE.fullmatch(text) or _DATE_FIRST.fullmatch(text)
    if found is None or found["hour"] is None:
        raise ValueError(_NO_CLOCK)
    return _clock_said(found)


_NO_CLOCKS = _NOTHING | {"0000-00-00", "0000-00-00 00:00:00", "00:00:00 0000-00-00"}


@lru_cache(maxsize=4096)
def _zone_said(day: str) -> tzinfo | None:
    """The zone that a day's own cell names, for a clock that names none."""
    found = _DATE_FIRST.fullmatch(_plain(_short(day)))
    return _clock_said(found).zone if found and found["hour"] else None


def _clock_said(found: re.Match[str]) -> _Clock:
    hour, half = int(found["hour"]), (found["half"] or "").lower()
    if half and not 1 <= hour <= 12:
        raise ValueError(f"there is no {hour} {half}m")
    if half:
        hour = hour % 12 + (12 if half == "p" else 0)
    minute, second = int(found["minute"]), int(found["second"] or 0)
    micro = int((found["fraction"] or "0").ljust(6, "0")[:6])
    passed = timedelta(hours=hour, minutes=minute, seconds=second, microseconds=micro)
    if minute > 59 or second > 59 or passed > _A_DAY:
        raise ValueError(_NO_CLOCK)
    return _Clock(passed, _zone_of(found))


def _zone_of(found: re.Match[str]) -> tzinfo | None:
    """The zone that a clock says. Raises ValueError where it says two, or where it may be a span (`09:15-10:00`)."""
    word, offset = (found["word"] or "").lower(), found["offset"]
    named = timezone(timedelta(hours=_ZONES[word])) if word else None
    if not offset:
        return named
    own, is_of_world = _offset(offset), word in _OF_THE_WORLD
    if named is not None and not is_of_world and own != named:
        raise ValueError("it has two zones")
    if offset.startswith("-") and not (is_of_world or found["of_gmt"] or _is_iso(found)):
        raise ValueError("it may be a span of time")
    return own


_OF_THE_WORLD = frozenset({"utc", "gmt", "z"})


def _is_iso(found: re.Match[str]) -> bool:
    year_first = found.groupdict().get("y2") is not None
    return year_first and (found["second"] is not None or "t" in found[0].lower())


def _offset(text: str) -> tzinfo:
    hours, minutes = text[1:].partition(":")[::2] if ":" in text else (text[1:3], text[3:])
    shift = timedelta(hours=int(hours), minutes=int(minutes or 0))
    if shift > timedelta(hours=14) or int(minutes or 0) > 59:
        raise ValueError("its offset is none")
    return timezone(-shift if text[0] == "-" else shift)
