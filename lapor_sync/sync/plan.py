"""What the next cycle would do, as far as the mirror can tell: changes nothing, calls nothing upstream."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from lapor_sync.domain import three_way
from lapor_sync.domain.colour import unknown_status
from lapor_sync.domain.delivery import BLOCKING, Kind, Reason, State
from lapor_sync.domain.next_step import Confirm, Hold, Send, next_step
from lapor_sync.domain.report import StatusChange, ThreadItem
from lapor_sync.domain.scene import Seen, Shown
from lapor_sync.domain.three_way import Decision, Side
from lapor_sync.mirror.decide import three_ways
from lapor_sync.mirror.mirror import Rules
from lapor_sync.store import differing, outbox, pauses, reports, threads
from lapor_sync.store.database import Work
from lapor_sync.store.outbox import Queued, siblings
from lapor_sync.store.reports import Mirrored, chunks


@dataclass(frozen=True, kw_only=True, slots=True)
class Next:
    """What would follow for a report's first open delivery, and why; `behind`: how many wait for it.

    `step` is `send`, `confirm`, `hold`, `read_back`, `wait` (until `at`) or `person`; `why`: what keeps its thread
    from being read.
    """

    one: Queued
    step: str
    reason: Reason | None = None
    at: datetime | None = None
    behind: int = 0
    why: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Planned:
    """One report's three sides, the table's decision, and its next delivery."""

    tracking_id: str
    lapor: Side
    city: Side
    agreed: Side
    decision: Decision
    next: Next | None


def plan(work: Work, rules: Rules) -> Iterator[Planned]:
    """Every report with an open delivery, or whose three sides are not all equal; by Tracking ID.

    While delivery is paused, what would follow once it is resumed.
    """
    wanted = sorted({*differing.with_open_delivery(work), *differing.not_agreed(work)})
    readable = outbox.references_come_back(work, rules.grace)
    is_paused = pauses.current(work) is not None
    for part in chunks(wanted):
        deliveries = outbox.of_reports(work, part)
        know = _Known(
            at=work.now,
            prefix=rules.prefix,
            readable=readable,
            is_paused=is_paused,
            threads=threads.load(work, deliveries),
            histories=threads.load_histories(work, deliveries),
        )
        mirrored = reports.load(work, part)
        for tracking_id in part:
            if one := mirrored.get(tracking_id):
                yield _planned(know, one, deliveries.get(tracking_id, []))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Known:
    """What the steps are told by: what holds for every report, and what some hundred of them have in the mirror."""

    at: datetime
    prefix: str
    readable: bool  # references come back
    is_paused: bool
    threads: Mapping[str, tuple[ThreadItem, ...]]
    histories: Mapping[str, list[StatusChange]]


def _planned(know: _Known, one: Mirrored, mine: list[Queued]) -> Planned:
    responses = [each.state for each in mine if each.delivery.kind is Kind.RESPONSE]
    return Planned(
        tracking_id=one.tracking_id,
        lapor=one.present,
        city=three_way.ours(one.agreed, responses),
        agreed=one.agreed,
        decision=three_ways(one, one.agreed, mine),
        next=_next(know, one, mine),
    )


def _next(know: _Known, one: Mirrored, mine: list[Queued]) -> Next | None:
    waiting = [each for each in mine if each.state in BLOCKING]
    if not waiting:
        return None
    first, behind = waiting[0], len(waiting) - 1
    if first.state is State.HELD:
        return Next(one=first, step="person", reason=first.reason, behind=behind)
    if first.state is State.SENDING:
        return Next(one=first, step="read_back", reason=first.reason, behind=behind)
    if one.thread_error:  # read or not, is the first question of every step
        why = f"its thread cannot be read: {one.thread_error}"
        return Next(one=first, step="wait", reason=first.reason, at=first.next_try_at, behind=behind, why=why)
    waits = first.next_try_at is not None and first.next_try_at > know.at
    if waits and not know.is_paused:  # once resumed, what waits has no more to wait for
        return Next(one=first, step="wait", reason=first.reason, at=first.next_try_at, behind=behind)
    step, reason = _step(first, _seen(know, one, mine, first))
    return Next(one=first, step=step, reason=reason, behind=behind)


def _step(first: Queued, seen: Seen) -> tuple[str, Reason | None]:
    """`next_step`'s word on what is mirrored. Only a new read can say that something is *not* there."""
    match next_step(first.delivery, seen):
        case Send():
            return "send", None
        case Confirm():
            return "confirm", Reason.FOUND
        case Hold(reason=reason):
            return "hold", reason
    return "read_back", first.reason


def _seen(know: _Known, one: Mirrored, mine: list[Queued], first: Queued) -> Seen:
    """The report as mirrored; that something is absent is never concluded from it."""
    return Seen(
        colour=one.colour,
        disposed_to=one.report.disposition_id,
        unknown_status=unknown_status(one.report),
        items=know.threads.get(one.tracking_id, ()),
        prefix=know.prefix,
        log_texts=tuple(change.note for change in know.histories.get(one.tracking_id, ())),
        absence_counts=False,
        readable=know.readable,
        issued=frozenset(each.ref for each in mine),
        siblings=siblings(mine, first.ref),
        shown=Shown(call_id=one.call_id),
    )
