"""Judging one report: its colour, its flags, its deadline, and when it is read again. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from lapor_sync.domain.clocks import ClockState, Deadlines, clock_facts, clocks
from lapor_sync.domain.colour import (
    CLOSED,
    Colour,
    Flag,
    Verdict,
    colour,
    is_closing,
    unread,
)
from lapor_sync.domain.delivery import Kind, State
from lapor_sync.domain.report import ItemKind, Report, ThreadItem
from lapor_sync.mirror.mirror import Pace, Rules
from lapor_sync.store.outbox import Queued
from lapor_sync.store.reports import Mirrored

SEEN_WITHIN = timedelta(days=1)
"""A sent response that is not in the thread after this long is flagged."""


class Case(NamedTuple):
    """One report for judging: as it was mirrored, as it is now, its thread and its deliveries.

    `items` is None where the thread was never read. `unread`: it is known, or ought to be, but could not be
    read this time. `now` is our time.
    """

    old: Mirrored | None
    new: Mirrored
    items: tuple[ThreadItem, ...] | None
    unread: bool
    deliveries: list[Queued]
    now: datetime


def judge(case: Case, rules: Rules, pace: Pace) -> Mirrored:
    """The report with its colour, flags, deadline, and whether and when it must be read again."""
    verdict = _verdict(case, rules)
    closed_at = _closed_at(case, verdict.colour)
    timed = _deadlines(case.new.report, case.items, verdict.colour, rules)
    deadline = timed.deadline
    flags = _flags(case, timed)
    settled = _is_settled(case, rules)
    return case.new._replace(
        verdict=verdict._replace(flags=verdict.flags | flags) if flags else verdict,
        rules=rules.city.rules,
        answers=sum(item.kind is ItemKind.ANSWER for item in case.items or ()),
        closed_at=closed_at,
        deadline_clock=deadline.clock if deadline else None,
        due_at=deadline.due_at if deadline else None,
        auto_close_at=timed.auto_close_at if verdict.colour is Colour.KUNING else None,
        settled=settled,
        next_read_at=_next_read_at(case, verdict.colour, pace),
    )


def _verdict(case: Case, rules: Rules) -> Verdict:
    last = case.old.verdict if case.old else None
    if case.unread:
        return unread(case.new.report, rules.city, last)
    return colour(case.new.report, case.items, rules.city, last)


def as_known(one: Mirrored, items: Sequence[ThreadItem]) -> tuple[ThreadItem, ...] | None:
    """Return what is kept of a report's thread, None where it was never read: a part of one tells, too."""
    return tuple(items) if one.thread_known or items else None


def running_clocks(one: Mirrored, items: Sequence[ThreadItem], rules: Rules) -> tuple[ClockState, ...]:
    """Return the clocks of a mirrored report that run, by the city's rules; `items` are what is kept of its thread."""
    return _deadlines(one.report, as_known(one, items), one.colour, rules).running


def _deadlines(
    report: Report, items: tuple[ThreadItem, ...] | None, shade: Colour | None, rules: Rules
) -> Deadlines:
    """`items`: the thread, None where it is not known."""
    return clocks(clock_facts(report, items, shade, rules.city), rules.limits, rules.working_days)


def _closed_at(case: Case, shade: Colour | None) -> datetime | None:
    """When it became hijau or abu: as the thread tells, else its last change, else now."""
    if shade not in CLOSED:
        return None
    if case.old is not None and case.old.closed_at is not None:
        return case.old.closed_at
    for item in reversed(case.items or ()):
        if item.created_at and is_closing(item.status_new or ""):
            return item.created_at
    return case.new.report.updated_at or case.now


def _flags(case: Case, timed: Deadlines) -> frozenset[Flag]:
    """The flags that do not come from the colour's table."""
    new, responses = case.new, [one for one in case.deliveries if one.delivery.kind is Kind.RESPONSE]
    told = (
        (Flag.DEADLINE_ESTIMATED, timed.estimated),
        (Flag.FORWARD_REQUESTED, new.forwarded_from is not None),
        (Flag.SENT_NOT_SEEN, any(_overdue_to_see(one, case.now) for one in responses)),
        (Flag.SEEN_TWICE, any(one.seen_count > 1 for one in responses)),
        (Flag.VANISHED, new.vanished_at is not None),
        (Flag.THREAD_INCOMPLETE, new.thread_doubt is not None),
        (Flag.THREAD_UNREADABLE, new.thread_error is not None),
        (Flag.TIME_UNREADABLE, any(item.created_at is None for item in case.items or ())),
        (Flag.ANOTHER_REPORT, new.other_since is not None),
    )
    return frozenset(flag for flag, holds in told if holds)


def _is_unseen(queued: Queued) -> bool:
    """Sent, and its reference not in the thread yet; a secret one is not shown there (assumed), so not awaited."""
    is_shown = queued.delivery.kind is Kind.RESPONSE and not queued.delivery.is_secret
    return is_shown and queued.state is State.SENT and queued.seen_at is None


def _overdue_to_see(queued: Queued, now: datetime) -> bool:
    return _is_unseen(queued) and queued.sent_at is not None and now - queued.sent_at > SEEN_WITHIN


def _is_settled(case: Case, rules: Rules) -> bool:
    """Whether the row's hash may be trusted: the thread was read late enough after the row's last change and
    after our last write, and each sent response stands in it (or was given up on after a day)."""
    new = case.new
    if new.missing_since is not None or new.other_since is not None or new.thread_trouble:
        return True  # read on schedule
    if case.unread or new.thread_read_at is None:
        # One that the API never showed is read on schedule; one that it showed, until its thread is known.
        return new.read_at is None
    changed_at = new.report.updated_at or new.read_at
    times = [at for at in (changed_at, new.written_at) if at is not None]
    waiting = any(_is_unseen(one) and not _overdue_to_see(one, case.now) for one in case.deliveries)
    return not waiting and all(new.thread_read_at - at >= rules.grace for at in times)


_SCHEDULE = ((timedelta(days=3), 3), (timedelta(days=14), 12), (timedelta(days=60), 72))
"""Up to which age a report that no list shows as changed is read how often, in polls."""

_RARELY = 288


def _next_read_at(case: Case, shade: Colour | None, pace: Pace) -> datetime | None:
    """When to read by id a report that no list can show as changed, or whose thread could not be read whole.

    None where a list can, or it is long over.
    """
    new, report = case.new, case.new.report
    if new.other_since is not None or (new.missing_since is not None and new.vanished_at is None):
        return case.now + timedelta(days=1)
    listed = new.row_hash is not None and report.updated_at is not None and not report.updated_at_is_day
    is_trouble_new = new.thread_trouble and not (case.old and case.old.thread_trouble)
    if listed and not new.thread_trouble:
        return None
    if is_trouble_new:
        return case.now + timedelta(seconds=pace.poll_seconds / 2)  # in the next cycle: most troubles pass
    if not new.thread_known and not new.thread_trouble and not case.unread:
        return case.now
    last_event = max(at for at in (report.updated_at, report.created_at, _last_word_at(case), _EPOCH) if at)
    age = case.now - last_event
    if shade in CLOSED and age > timedelta(days=30):
        return None
    polls = next((polls for limit, polls in _SCHEDULE if age <= limit), _RARELY)
    return case.now + timedelta(seconds=pace.poll_seconds * (_RARELY if shade in CLOSED else polls))


_EPOCH = datetime.fromisoformat("2000-01-01T00:00:00+00:00")


def _last_word_at(case: Case) -> datetime | None:
    return next((item.created_at for item in reversed(case.items or ()) if item.created_at), None)
