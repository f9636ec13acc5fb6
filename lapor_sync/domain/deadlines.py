"""Working days, the four clocks of a report, and the limits in force. Source: rules, section 5.

Which limit holds for what, from which day, by which regulation, is data: `deadlines.toml` beside this file.
"""

from __future__ import annotations

import tomllib
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import cache
from importlib import resources
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

from lapor_sync.domain import thread as talk
from lapor_sync.domain.colour import CLOSED, POSTPONED, City, Colour, canonical, is_known, meaning
from lapor_sync.domain.errors import SettingsWrong
from lapor_sync.domain.report import ItemKind, Report, ThreadItem

if TYPE_CHECKING:
    from holidays import HolidayBase

_YEARS = range(1990, 2200)
_MOST_DAYS = 366


class ClockKind(StrEnum):
    """What is timed."""

    VERIFY = "verify"  # received until first disposed
    ANSWER = "answer"  # disposed to the OPD until its first answer
    RESOLVE = "resolve"  # first disposed until hijau or abu
    AUTO_CLOSE = "auto_close"  # last answer until upstream closes it by itself


# Working days.


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


def joint_holidays_known(year: int) -> bool:
    """Whether the holiday library knows the *cuti bersama* of that year; they are decreed late each year."""
    return bool(_holidays(year, "government"))


def _holidays(year: int, *categories: str) -> frozenset[date]:
    """Indonesia's holidays of one year: national ones and *cuti bersama*, unless categories are named."""
    return frozenset(_indonesia()(years=year, categories=categories or ("public", "government")))


@cache
def _indonesia() -> type[HolidayBase]:
    """The library's Indonesia, loaded from its file: its package would load all 250 countries, 8 MB that stay."""
    import holidays  # slow, and a command without deadlines does without it

    file = Path(holidays.__file__).parent / "countries" / "indonesia.py"
    spec = spec_from_file_location("lapor_sync.indonesia", file)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    found: type[HolidayBase] = module.Indonesia
    return found


def _days_of(year: int) -> Iterator[date]:
    first = date(year, 1, 1)
    return (first + timedelta(days=n) for n in range((date(year, 12, 31) - first).days + 1))


# The limits in force.


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """One regulation's limits in working days, for clocks that start on or after `holds_from`.

    `resolve` goes by canonical classification, None is "no limit"; `otherwise` is for one that is missing or
    not named there. `assumed`: nobody has compared these numbers with the regulation's text yet.
    """

    regulation: str
    holds_from: date
    source: str
    assumed: bool
    verify: int
    answer: int
    auto_close: int
    resolve: Mapping[str, int | None]
    otherwise: int | None

    def for_clock(self, clock: ClockKind, classification: str | None) -> int | None:
        """The limit in working days; None where there is none."""
        if clock is ClockKind.RESOLVE:
            return self.resolve.get(canonical(classification or ""), self.otherwise)
        if clock is ClockKind.VERIFY:
            return self.verify
        return self.answer if clock is ClockKind.ANSWER else self.auto_close


def in_force(limits: tuple[Limits, ...], day: date) -> Limits:
    """The limits that hold for a clock started on `day`; before the first regulation, the first.

    `limits` is what `load_limits` returns: not empty, oldest first.
    """
    at = bisect_right(limits, day, key=lambda one: one.holds_from)
    return limits[max(at - 1, 0)]


def packaged() -> str:
    """The text of the packaged `deadlines.toml`, for `load_limits`."""
    return resources.files(__package__).joinpath("deadlines.toml").read_text(encoding="utf-8")


def load_limits(text: str) -> tuple[Limits, ...]:
    """The regulations of a TOML text like the packaged one, oldest first.

    Raises SettingsWrong with all that is wrong with them.
    """
    problems: list[str] = []
    tables = _tables(text, _DEADLINES, problems)["regulation"]
    if not tables and not problems:
        problems.append("deadlines: there is no [[regulation]]")
    limits = sorted((_limits(table) for table in tables), key=lambda one: one.holds_from)
    days = [one.holds_from for one in limits]
    if len(set(days)) < len(days) and not problems:
        problems.append("deadlines: two regulations have the same `from`")
    _raise_if(problems)
    return tuple(limits)


def load_calendar(text: str) -> Calendar:
    """The days off, `[[holiday]]`, and the days that are none after all, `[[not_holiday]]`, of a TOML text.

    Raises SettingsWrong with all that is wrong with them.
    """
    problems: list[str] = []
    tables = _tables(text, _HOLIDAYS, problems)
    off, on = tables["holiday"], tables["not_holiday"]
    extra = {_sourced_day(table): table.words("name") for table in off}
    not_holidays = frozenset(_sourced_day(table) for table in on)
    for table in off + on:
        table.refuse_others()
    both = sorted(extra.keys() & not_holidays)
    problems += [f"holidays: {day} is in [[holiday]] and in [[not_holiday]]" for day in both if day != _NO_DAY]
    _raise_if(problems)
    return Calendar(extra=extra, not_holidays=not_holidays)


_NO_DAY = date(1, 1, 1)


class _Table:
    """One table of the TOML: takes keys out with their type checked and notes what is wrong."""

    def __init__(self, where: str, table: Mapping[str, object], problems: list[str]) -> None:
        self._where = where
        self._left = dict(table)
        self._problems = problems

    def wrong(self, what: str) -> None:
        self._problems.append(f"{self._where}: {what}")

    def words(self, key: str) -> str:
        value = self._left.pop(key, None)
        if isinstance(value, str) and value.strip():
            return value.strip()
        self.wrong(f"`{key}` must be a text")
        return ""

    def day(self, key: str) -> date:
        value = self._left.pop(key, None)
        if type(value) is date:  # a datetime is a date too, and not meant here
            return value
        self.wrong(f"`{key}` must be a date such as 2025-01-01")
        return _NO_DAY

    def truth(self, key: str) -> bool:
        value = self._left.pop(key, None)
        if not isinstance(value, bool):
            self.wrong(f"`{key}` must be true or false")
        return value is True

    def days(self, key: str) -> int:
        value = self._left.pop(key, None)
        if type(value) is int and 1 <= value <= _MOST_DAYS:
            return value
        self.wrong(f"`{key}` must be a whole number of working days from 1 to {_MOST_DAYS}")
        return 1

    def days_or_none(self, key: str) -> int | None:
        if self._left.get(key) == "none":
            del self._left[key]
            return None
        return self.days(key)

    def inner(self, key: str) -> _Table:
        value = self._left.pop(key, None)
        if isinstance(value, dict):
            return _Table(f"{self._where}, {key}", value, self._problems)
        self.wrong(f"[{key}] is missing")
        return _Table(f"{self._where}, {key}", {"otherwise": "none"}, self._problems)

    def rest_of_days(self) -> dict[str, int | None]:
        """The keys that are left, as canonical names with their limits."""
        limits: dict[str, int | None] = {}
        for key in list(self._left):
            if canonical(key) in limits:
                self.wrong(f"`{key}` stands there twice")
            limits[canonical(key)] = self.days_or_none(key)
        return limits

    def refuse_others(self) -> None:
        for key in self._left:
            self.wrong(f"`{key}` is not known")


def _limits(table: _Table) -> Limits:
    resolve = table.inner("resolve")
    limits = Limits(
        regulation=table.words("name"),
        holds_from=table.day("from"),
        source=table.words("source"),
        assumed=table.truth("assumed"),
        verify=table.days("verify"),
        answer=table.days("answer"),
        auto_close=table.days("auto_close"),
        otherwise=resolve.days_or_none("otherwise"),
        resolve=resolve.rest_of_days(),
    )
    table.refuse_others()
    return limits


def _sourced_day(table: _Table) -> date:
    table.words("source")  # a day off without its decree cannot be defended later
    return table.day("date")


_DEADLINES, _HOLIDAYS = "deadlines", "holidays"
_TABLES = {_DEADLINES: ("regulation",), _HOLIDAYS: ("holiday", "not_holiday")}
"""What each of the two files holds, by the name that its problems are told under."""


def _tables(text: str, file: str, problems: list[str]) -> dict[str, list[_Table]]:
    """The tables `[[name]]` of one of the two files, by name."""
    try:
        parsed = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        problems.append(f"{file}: no TOML: {exc}")
        parsed = {}
    problems += [f"{file}: {_stray(key)}" for key in sorted(parsed.keys() - set(_TABLES[file]))]
    return {name: _tables_of(parsed.get(name, []), name, file, problems) for name in _TABLES[file]}


def _stray(key: str) -> str:
    """What to say of a key that the file does not hold; silently passed over, its days would count for nothing."""
    for file, names in _TABLES.items():
        if key in names:
            return f"[[{key}]] belongs in the file of LAPOR_SYNC_{file.upper()}_FILE"
    return f"`{key}` is not known"


def _tables_of(found: object, name: str, file: str, problems: list[str]) -> list[_Table]:
    if isinstance(found, list) and all(isinstance(table, dict) for table in found):
        return [_Table(f"{file}, {name} {n}", table, problems) for n, table in enumerate(found, 1)]
    problems.append(f"{file}: `{name}` must be written [[{name}]]")
    return []


def _raise_if(problems: list[str]) -> None:
    if problems:
        raise SettingsWrong(tuple(dict.fromkeys(problems)))


# The clocks of one report.


class Facts(NamedTuple):
    """What the clocks of one report depend on.

    `items`: the thread in reading order, None where it is not known. `colour`: upstream's, None where the status
    name was never known. `unknown`: it is not known now. `postponed`: the status is `Tunda`. `disposed`: to anybody;
    `with_city`: to the city itself and not to an OPD.
    """

    received: datetime | None
    items: tuple[ThreadItem, ...] | None
    colour: Colour | None
    unknown: bool = False
    postponed: bool = False
    disposed: bool = False
    with_city: bool = False
    classification: str | None = None


def facts(report: Report, items: tuple[ThreadItem, ...] | None, colour: Colour | None, city: City) -> Facts:
    """The facts of a mirrored report."""
    return Facts(
        received=report.created_at,
        items=items,
        colour=colour,
        unknown=not is_known(report.status_name),
        postponed=meaning(report.status_name) == POSTPONED,
        disposed=report.disposition_id is not None,
        with_city=city.is_itself(report.disposition_id),
        classification=report.classification,
    )


class ClockState(NamedTuple):
    """One clock that has not stopped: started and due, aware times.

    `paused`: the report is postponed. `estimated`: when it started is not known, the time received is taken.
    """

    clock: ClockKind
    started_at: datetime
    due_at: datetime
    paused: bool
    estimated: bool


class Deadline(NamedTuple):
    """What is due next."""

    clock: ClockKind
    due_at: datetime


class Deadlines(NamedTuple):
    """The clocks of one report; None for one that has not started, has stopped, or has no limit."""

    verify: ClockState | None = None
    answer: ClockState | None = None
    resolve: ClockState | None = None
    auto_close: ClockState | None = None

    @property
    def deadline(self) -> Deadline | None:
        """The earliest running one of verify, answer and resolve; the first of these where two are equal."""
        running = [one for one in self._due() if not one.paused]
        first = min(running, key=lambda one: one.due_at, default=None)
        return Deadline(first.clock, first.due_at) if first else None

    @property
    def estimated(self) -> bool:
        """The flag `deadline_estimated`: a clock was started by the time received."""
        return any(one.estimated for one in self._due())

    @property
    def auto_close_at(self) -> datetime | None:
        """When upstream closes the report by itself, if the reporter stays silent."""
        return self.auto_close.due_at if self.auto_close and not self.auto_close.paused else None

    def overdue(self, now: datetime) -> bool:
        """Whether `deadline` is over at `now`."""
        return self.deadline is not None and now > self.deadline.due_at

    def _due(self) -> tuple[ClockState, ...]:
        return tuple(one for one in (self.verify, self.answer, self.resolve) if one)


class _Pause(NamedTuple):
    """From when until when a thread shows the report as postponed."""

    start: datetime
    end: datetime


class _Bench(NamedTuple):
    """What starts the clocks of one report."""

    facts: Facts
    limits: tuple[Limits, ...]
    days: WorkingDays
    pauses: tuple[_Pause, ...]

    def since(self, kind: ClockKind, items: tuple[ThreadItem, ...], at: int) -> ClockState | None:
        """One clock that the item there started; where its time is not known, by the last one before it."""
        own = _sane(items[at].created_at)
        earlier = (_sane(item.created_at) for item in reversed(items[:at]))
        return self.clock(kind, own or next(filter(None, earlier), None), estimated=own is None)

    def clock(self, kind: ClockKind, start: datetime | None, *, estimated: bool = False) -> ClockState | None:
        """One clock; started by the time received where `start` is None. None without a start or a limit."""
        started_at = start or _sane(self.facts.received)
        if started_at is None:
            return None
        day = self.days.day_of(started_at)
        limit = in_force(self.limits, day).for_clock(kind, self.facts.classification)
        if limit is None:
            return None
        return ClockState(
            clock=kind,
            started_at=started_at,
            due_at=self._due(started_at, day, limit),
            paused=self.facts.postponed,
            estimated=estimated or start is None,
        )

    def _due(self, started_at: datetime, day: date, limit: int) -> datetime:
        """The end of the last working day, later by the working days of each pause that fell before it."""
        due_at = self.days.due_after(day, limit)
        for pause in self.pauses:
            if started_at < pause.end and pause.start <= due_at:
                limit += self.days.between(max(started_at, pause.start), pause.end)
                due_at = self.days.due_after(day, limit)
        return due_at


def clocks(facts: Facts, limits: tuple[Limits, ...], days: WorkingDays) -> Deadlines:
    """The clocks of one report that have not stopped, by the rules' table; none where it is hijau or abu.

    Nor where the status name is not known: it may say that the report is closed, and nothing runs late by itself.

    `limits` is what `load_limits` returns. A clock whose start is not known starts when the report was received
    (`estimated`); where that is not known either, there is no such clock.

    `Tunda` pauses: no clock runs. The working days of a pause whose begin and end the thread shows are added to
    the limit; one that the thread does not show adds nothing. Reopening never extends: resolve starts at the first
    disposition ever, answer only anew for a new OPD.
    """
    if facts.colour in CLOSED or facts.unknown:
        return Deadlines()
    items = facts.items or ()
    bench = _Bench(facts=facts, limits=limits, days=days, pauses=_pauses(items))
    is_answered = any(item.kind is ItemKind.ANSWER for item in items)
    first_disposed = next((at for at, item in enumerate(items) if item.kind is ItemKind.DISPOSITION), None)
    disposed = facts.disposed or first_disposed is not None or is_answered
    return Deadlines(
        verify=_verify(bench) if not disposed else None,
        answer=_answer(bench, items) if disposed and not facts.with_city else None,
        resolve=_resolve(bench, items, first_disposed) if disposed else None,
        auto_close=_auto_close(bench, items),
    )


def _verify(bench: _Bench) -> ClockState | None:
    # The time received is what starts this clock, never an estimate of it.
    received = _sane(bench.facts.received)
    return bench.clock(ClockKind.VERIFY, received) if received else None


def _resolve(bench: _Bench, items: tuple[ThreadItem, ...], first_disposed: int | None) -> ClockState | None:
    if first_disposed is None:
        return bench.clock(ClockKind.RESOLVE, None)
    return bench.since(ClockKind.RESOLVE, items, first_disposed)


def _answer(bench: _Bench, items: tuple[ThreadItem, ...]) -> ClockState | None:
    at = _disposed_anew(items)
    recent = items[at + 1 :] if at is not None else items
    # Where the thread is not known, kuning alone says that somebody answered at some time.
    unseen = bench.facts.items is None and bench.facts.colour is Colour.KUNING
    if unseen or any(item.kind is ItemKind.ANSWER for item in recent):
        return None
    return bench.since(ClockKind.ANSWER, items, at) if at is not None else bench.clock(ClockKind.ANSWER, None)


def _auto_close(bench: _Bench, items: tuple[ThreadItem, ...]) -> ClockState | None:
    recent = talk.since_disposition(items)
    if talk.last_word(recent) is not ItemKind.ANSWER:
        return None
    last = max(at for at, item in enumerate(items) if item.kind is ItemKind.ANSWER)
    is_timed = any(_sane(item.created_at) for item in items[: last + 1])
    return bench.since(ClockKind.AUTO_CLOSE, items, last) if is_timed else None


def _disposed_anew(items: tuple[ThreadItem, ...]) -> int | None:
    """Where the last disposition to a new OPD stands: the same OPD again does not start its clock anew.

    A disposition that names nobody is taken as one to the same OPD.
    """
    found, holder = None, ""
    for at, item in enumerate(items):
        if item.kind is not ItemKind.DISPOSITION:
            continue
        to = canonical(item.institution_to or "")
        if found is None or (to and holder and to != holder):
            found = at
        holder = to or holder
    return found


def _pauses(items: tuple[ThreadItem, ...]) -> tuple[_Pause, ...]:
    """The pauses that the items' status changes show from begin to end."""
    pauses, since = [], None
    for item in items:
        if not item.status_new:
            continue
        at, status = _sane(item.created_at), meaning(item.status_new)
        if not status or at is None:
            continue
        if status == POSTPONED:
            since = since or at
        elif since:
            pauses.append(_Pause(since, at))
            since = None
    return tuple(pauses)


def _sane(at: datetime | None) -> datetime | None:
    """The time, or None where it is none: years such as 1 and 9999 stand for "no date" in such systems."""
    return at if at is not None and at.year in _YEARS else None
