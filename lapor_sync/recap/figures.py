"""The figures of a recap: pure functions over the reports of a period. Each formula stands in docs/recap.md."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from enum import StrEnum
from itertools import takewhile
from typing import NamedTuple

from lapor_sync.domain.calendar import WorkingDays
from lapor_sync.domain.clocks import ClockFacts, ClockState, clocks
from lapor_sync.domain.colour import ARCHIVED, City, Colour, meaning
from lapor_sync.domain.limits import Limits
from lapor_sync.domain.period import Period, a_year_before
from lapor_sync.domain.report import ItemKind
from lapor_sync.store.received import Received

DAY = 86_400.0
"""Seconds."""


class Stage(StrEnum):
    """How far a report has come: each stands in exactly one of them."""

    UNVERIFIED = "unverified"  # Belum Terverifikasi
    UNTOUCHED = "untouched"  # Belum Ditindaklanjuti
    IN_PROCESS = "in_process"  # Proses
    DONE = "done"  # Selesai
    POSTPONED = "postponed"  # Tertunda
    ARCHIVED = "archived"  # Diarsipkan
    NOT_OURS = "not_ours"  # Bukan Kewenangan
    UNCLEAR = "unclear"  # under a status name that is not known, and never seen under another


_BY_ROW: Mapping[str, Stage] = {
    "2": Stage.DONE,
    "3": Stage.POSTPONED,
    "4": Stage.IN_PROCESS,
    "5": Stage.IN_PROCESS,
    "6": Stage.IN_PROCESS,
    "7": Stage.IN_PROCESS,
    "8": Stage.UNVERIFIED,
    "9": Stage.UNTOUCHED,
    "10": Stage.UNTOUCHED,
}
"""The stage by the row of the colours' table that fits the report."""

_BY_COLOUR: Mapping[Colour | None, Stage] = {
    Colour.MERAH: Stage.UNTOUCHED,
    Colour.KUNING: Stage.IN_PROCESS,
    Colour.HIJAU: Stage.DONE,
    Colour.ABU: Stage.NOT_OURS,
    None: Stage.UNCLEAR,
}
"""The stage where no row says it: by the colour that was kept."""


def stage(one: Received) -> Stage:
    """Return how far a report has come."""
    if one.colour is Colour.ABU:
        return Stage.ARCHIVED if meaning(one.status_name) == ARCHIVED else Stage.NOT_OURS
    return _BY_ROW.get(one.colour_row, _BY_COLOUR[one.colour])


@dataclass(frozen=True, kw_only=True)
class Measures:
    """By what a city's deadlines are measured; `now` is the moment of the recap."""

    city: City
    limits: tuple[Limits, ...]
    days: WorkingDays
    now: datetime


class Answer(NamedTuple):
    """A report's first answer: when it came, None where it did not or its time is not known; by when it was due."""

    at: datetime | None
    due_at: datetime | None


def is_followed_up(one: Received) -> bool:
    """Return whether an agency answered at least once; where the thread is not known, whether the status says so."""
    if one.items is None:
        return one.colour in {Colour.KUNING, Colour.HIJAU}
    return any(item.kind is ItemKind.ANSWER for item in one.items)


def first_answer(one: Received, measures: Measures) -> Answer:
    """Return when the first answer came, and when it was due by the limits that held for it."""
    came = (item.created_at for item in one.items or () if item.kind is ItemKind.ANSWER)
    due = _clock_of_first_answer(one, measures)
    return Answer(next(came, None), due.due_at if due else None)


def _clock_of_first_answer(one: Received, measures: Measures) -> ClockState | None:
    """The clock of the first answer as it ran before that came; None where it never ran, or stands still."""
    if one.items is None:
        return None
    before = tuple(takewhile(lambda item: item.kind is not ItemKind.ANSWER, one.items))
    is_answered = len(before) < len(one.items)
    facts = ClockFacts(
        received=one.received_at,
        items=before,
        colour=Colour.MERAH,
        postponed=not is_answered and stage(one) is Stage.POSTPONED,
        disposed=one.opd is not None or is_answered,
        with_city=not is_answered and measures.city.is_itself(one.opd),
        classification=one.classification,
    )
    found = clocks(facts, measures.limits, measures.days).answer
    return None if found is None or found.paused else found


_OUT = frozenset({Stage.ARCHIVED, Stage.NOT_OURS, Stage.DONE})


def was_in_time(one: Received, answer: Answer, now: datetime) -> bool | None:
    """Return whether the first answer came in time; None where that cannot be said, or not yet."""
    if answer.due_at is None:
        return None
    if answer.at is not None:
        return answer.at <= answer.due_at
    is_still_due = not is_followed_up(one) and stage(one) not in _OUT
    return False if is_still_due and answer.due_at < now else None


def closed_by_itself(one: Received, measures: Measures) -> bool:
    """Return whether LAPOR closed it: the agency spoke last, and it was closed when the limit for that was over."""
    if stage(one) is not Stage.DONE or one.items is None or one.closed_at is None:
        return False
    facts = ClockFacts(received=one.received_at, items=one.items, colour=Colour.KUNING, disposed=True)
    limit = clocks(facts, measures.limits, measures.days).auto_close
    return limit is not None and measures.days.day_of(one.closed_at) >= measures.days.day_of(limit.due_at)


_RATING = re.compile(r"\s*([1-5])(?:[.,](\d{1,2}))?\s*(?:/\s*5\s*)?", re.ASCII)


def rating(text: str | None) -> float | None:
    """Return a reporter's rating, 1 to 5; None where there is none."""
    found = _RATING.fullmatch(text or "")
    value = float(f"{found[1]}.{found[2] or 0}") if found else None
    return value if value is not None and value <= 5 else None


# Sums.


@dataclass
class Sum:
    """A mean of numbers, as they come."""

    total: float = 0.0
    count: int = 0

    def add(self, value: float | None) -> None:
        """Take one more; None is none."""
        if value is not None:
            self.total += value
            self.count += 1

    @property
    def mean(self) -> float | None:
        """The mean with two decimals; None of nothing."""
        return round(self.total / self.count, 2) if self.count else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The figures of one OPD, or of all. `opd` None: disposed to nobody. Days and percentages have two decimals."""

    opd: str | None
    opd_name: str | None
    unverified: int
    untouched: int
    in_process: int
    done: int
    postponed: int
    archived: int
    not_ours: int
    unclear: int
    total: int
    followed_up_percent: float | None
    days_to_first_answer: float | None
    working_days_to_first_answer: float | None
    days_to_done: float | None
    in_time_percent: float | None
    overdue_now: int
    rating: float | None
    rated: int


NUMBERS = tuple(one.name for one in fields(Line))[2:]
"""The figures of a line, in the order in which they are shown."""


@dataclass
class _Tally:
    """What becomes a line."""

    name: str | None = None
    stages: Counter[Stage] = field(default_factory=Counter)
    followed_up: int = 0
    to_first_answer: Sum = field(default_factory=Sum)
    working_days: Sum = field(default_factory=Sum)
    to_done: Sum = field(default_factory=Sum)
    in_time: Sum = field(default_factory=Sum)
    ratings: Sum = field(default_factory=Sum)
    overdue: int = 0

    def add(self, one: Received, answer: Answer, measures: Measures) -> None:
        at = stage(one)
        self.stages[at] += 1
        self.followed_up += is_followed_up(one)
        if answer.at is not None and answer.at >= one.received_at:
            self.to_first_answer.add((answer.at - one.received_at).total_seconds() / DAY)
            self.working_days.add(measures.days.between(one.received_at, answer.at))
        if at is Stage.DONE and one.closed_at is not None and one.closed_at >= one.received_at:
            self.to_done.add((one.closed_at - one.received_at).total_seconds() / DAY)
        self.in_time.add(was_in_time(one, answer, measures.now))
        self.ratings.add(rating(one.rating))
        self.overdue += one.due_at is not None and one.due_at < measures.now

    def line(self, opd: str | None, name: str | None) -> Line:
        total = self.stages.total()
        return Line(
            opd=opd,
            opd_name=name,
            **{each.value: self.stages[each] for each in Stage},
            total=total,
            followed_up_percent=_percent(self.followed_up, total),
            days_to_first_answer=self.to_first_answer.mean,
            working_days_to_first_answer=self.working_days.mean,
            days_to_done=self.to_done.mean,
            in_time_percent=_percent(self.in_time.total, self.in_time.count),
            overdue_now=self.overdue,
            rating=self.ratings.mean,
            rated=self.ratings.count,
        )


def _percent(part: float, whole: int) -> float | None:
    return round(100 * part / whole, 2) if whole else None


class Count(NamedTuple):
    """How many reports have one value; None: it is not said."""

    name: str | None
    received: int


class Month(NamedTuple):
    """One month of the period: how many were received, and how many in the same days of the year before."""

    month: str
    received: int
    year_before: int


class Away(NamedTuple):
    """A time in which LAPOR was away, and how many first answers fell due in it."""

    since: datetime
    until: datetime | None
    due: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """All figures of a period; `outages` are those in which an answer fell due.

    `received_year_before`: in the same days of the year before, of a period that is not over up to today's.
    """

    total: Line
    rows: tuple[Line, ...]
    by_month: tuple[Month, ...]
    by_classification: tuple[Count, ...]
    by_category: tuple[Count, ...]
    by_channel: tuple[Count, ...]
    by_district: tuple[Count, ...]
    received_year_before: int
    closed_by_itself: int
    outages: tuple[Away, ...]

    @property
    def busiest_month(self) -> Month | None:
        """The month with the most reports, the first of them; None where nothing was received."""
        busiest = max(self.by_month, key=lambda month: month.received, default=None)
        return busiest if busiest is not None and busiest.received else None


CATEGORIES = 10
"""So many categories are named."""


def figures(
    reports: Iterable[Received],
    *,
    period: Period,
    measures: Measures,
    year_before: Iterable[datetime] = (),
    outages: Iterable[tuple[datetime, datetime | None]] = (),
    names: Mapping[str, str] | None = None,
) -> Figures:
    """Return the figures of the reports that were received in a period.

    `year_before`: when those of the same days a year earlier were received. `names`: the institutions', by id.
    """
    whole, by_opd = _Tally(), dict[str | None, _Tally]()
    months, classes, categories, channels, districts = (Counter[str | None]() for _ in range(5))
    dues: list[datetime] = []
    by_itself = 0
    for one in reports:
        answer = first_answer(one, measures)
        mine = by_opd.setdefault(one.opd, _Tally())
        mine.name = one.opd_name or mine.name
        for tally in (whole, mine):
            tally.add(one, answer, measures)
        months[_month(measures.days.day_of(one.received_at))] += 1
        classes[one.classification] += 1
        categories[one.category] += 1
        channels[one.channel] += 1
        if not one.is_secret:  # where a rahasia one is from is not told by a number either
            districts[one.district] += 1
        by_itself += closed_by_itself(one, measures)
        dues += [answer.due_at] if answer.due_at else []
    days_before = [measures.days.day_of(at) for at in year_before]
    last = min(period.year_before.last, a_year_before(measures.days.day_of(measures.now)))
    lines = (mine.line(opd, (names or {}).get(opd or "", mine.name)) for opd, mine in by_opd.items())
    return Figures(
        total=whole.line(None, None),
        rows=tuple(sorted(lines, key=lambda line: (-line.total, line.opd_name or "", line.opd or ""))),
        by_month=tuple(_months(period, months, Counter(map(_month, days_before)))),
        by_classification=_counted(classes),
        by_category=_counted(categories)[:CATEGORIES],
        by_channel=_counted(channels),
        by_district=_counted(districts),
        received_year_before=sum(day <= last for day in days_before),
        closed_by_itself=by_itself,
        outages=tuple(away for away in _away(outages, sorted(dues)) if away.due),
    )


class OneOfMany(NamedTuple):
    """An agency's part of a recap over many: whose reports these are, and by what its deadlines are measured."""

    agency: str
    name: str | None
    reports: Iterable[Received]
    measures: Measures


def over_many(parts: Iterable[OneOfMany]) -> tuple[Line, tuple[tuple[str, Line], ...]]:
    """Return the line of all agencies, whose means are over all of their reports, and each one's by its key."""
    whole, lines = _Tally(), []
    for part in parts:
        mine = _Tally()
        for one in part.reports:
            answer = first_answer(one, part.measures)
            for tally in (whole, mine):
                tally.add(one, answer, part.measures)
        lines.append((part.agency, mine.line(None, part.name)))
    return whole.line(None, None), tuple(lines)


def _away(outages: Iterable[tuple[datetime, datetime | None]], dues: list[datetime]) -> Iterator[Away]:
    for since, until in outages:
        last = len(dues) if until is None else bisect_right(dues, until)
        yield Away(since, until, max(last - bisect_left(dues, since), 0))


def _month(day: date) -> str:
    return f"{day:%Y-%m}"


def _months(period: Period, months: Mapping[str | None, int], before: Mapping[str, int]) -> Iterator[Month]:
    for first in period.months():
        yield Month(_month(first), months.get(_month(first), 0), before.get(f"{first.year - 1}-{first:%m}", 0))


def _counted(found: Mapping[str | None, int]) -> tuple[Count, ...]:
    """The most frequent first; what is not said last among equals."""
    return tuple(Count(*one) for one in sorted(found.items(), key=_by_number))


def _by_number(one: tuple[str | None, int]) -> tuple[int, bool, str]:
    name, number = one
    return -number, name is None, name or ""
