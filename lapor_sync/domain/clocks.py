"""The five clocks of a report, and which of them is due next. Source: rules, "Deadlines"."""

from __future__ import annotations

from datetime import date, datetime
from typing import NamedTuple

from lapor_sync.domain import thread as talk
from lapor_sync.domain.calendar import WorkingDays
from lapor_sync.domain.colour import CLOSED, POSTPONED, City, Colour, canonical, is_known, meaning
from lapor_sync.domain.limits import ClockKind, Limits, in_force
from lapor_sync.domain.report import ItemKind, Report, ThreadItem

_YEARS = range(1990, 2200)


class ClockFacts(NamedTuple):
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


def clock_facts(
    report: Report, items: tuple[ThreadItem, ...] | None, colour: Colour | None, city: City
) -> ClockFacts:
    """The facts of a mirrored report."""
    return ClockFacts(
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
    complete: ClockState | None = None

    @property
    def deadline(self) -> Deadline | None:
        """The earliest running one of verify, answer and resolve; the first of these where two are equal."""
        running = [one for one in self._due() if not one.paused]
        first = min(running, key=lambda one: one.due_at, default=None)
        return Deadline(first.clock, first.due_at) if first else None

    @property
    def running(self) -> tuple[ClockState, ...]:
        """All that have not stopped, paused ones too; in the order of the fields."""
        return tuple(one for one in self if one)

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

    facts: ClockFacts
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


def clocks(facts: ClockFacts, limits: tuple[Limits, ...], days: WorkingDays) -> Deadlines:
    """The clocks of one report that have not stopped, by the rules' table; none where it is hijau or abu.

    Nor where the status name is not known: it may say that the report is closed, and nothing runs late by itself.

    `limits` is what `load_limits` returns. A clock whose start is not known starts when the report was received
    (`estimated`); where that is not known either, there is no such clock.

    `Tunda` pauses: no clock runs but the reporter's own, `complete`, where the thread shows since when. The working
    days of a pause whose begin and end the thread shows are added to the limit; one that the thread does not show adds
    nothing. Reopening never extends: resolve starts at the first disposition ever, answer only anew for a new OPD.
    """
    if facts.colour in CLOSED or facts.unknown:
        return Deadlines()
    items = facts.items or ()
    pauses, postponed_at = _pauses(items)
    bench = _Bench(facts=facts, limits=limits, days=days, pauses=pauses)
    is_answered = any(item.kind is ItemKind.ANSWER for item in items)
    first_disposed = next((at for at, item in enumerate(items) if item.kind is ItemKind.DISPOSITION), None)
    disposed = facts.disposed or first_disposed is not None or is_answered
    return Deadlines(
        verify=_verify(bench) if not disposed else None,
        answer=_answer(bench, items) if disposed and not facts.with_city else None,
        resolve=_resolve(bench, items, first_disposed) if disposed else None,
        auto_close=_auto_close(bench, items),
        complete=_complete(bench, postponed_at) if facts.postponed else None,
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


def _complete(bench: _Bench, postponed_at: datetime | None) -> ClockState | None:
    """The reporter's time to complete what was asked for. A start that is not shown is not guessed."""
    state = bench.clock(ClockKind.COMPLETE, postponed_at) if postponed_at else None
    return state and state._replace(paused=False)


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


def _pauses(items: tuple[ThreadItem, ...]) -> tuple[tuple[_Pause, ...], datetime | None]:
    """The pauses that the items' status changes show from begin to end, and since when there is one that lasts."""
    pauses, since = list[_Pause](), None
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
    return tuple(pauses), since


def _sane(at: datetime | None) -> datetime | None:
    """The time, or None where it is none: years such as 1 and 9999 stand for "no date" in such systems."""
    return at if at is not None and at.year in _YEARS else None
