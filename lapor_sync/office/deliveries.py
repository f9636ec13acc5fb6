"""Deliveries that were written: one is let go, held or called off; all are paused and resumed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from lapor_sync.domain.colour import CLOSED, unknown_status
from lapor_sync.domain.delivery import Reason, State, WhyPaused
from lapor_sync.domain.people import Actor
from lapor_sync.domain.permits import Act, demand
from lapor_sync.domain.refusals import Code, Refused
from lapor_sync.domain.report import ThreadItem
from lapor_sync.domain.scene import Scene, Shown, digests
from lapor_sync.mirror.mirror import Mirror
from lapor_sync.mirror.write import rejudge
from lapor_sync.office.acting import acting
from lapor_sync.office.finding import subject_of_delivery
from lapor_sync.store import ailing, conflicts, marks, outbox, pauses, quarantine, reports, threads
from lapor_sync.store.conflicts import How
from lapor_sync.store.database import Work
from lapor_sync.store.marks import Mark
from lapor_sync.store.outbox import Queued
from lapor_sync.store.pauses import Pause
from lapor_sync.store.reports import Mirrored


class OutboxAct(StrEnum):
    """What a person can do to a delivery."""

    RETRY = "retry"
    HOLD = "hold"
    CANCEL = "cancel"


_TO = {OutboxAct.RETRY: State.QUEUED, OutboxAct.HOLD: State.HELD, OutboxAct.CANCEL: State.CANCELLED}
_FROM = {
    OutboxAct.RETRY: frozenset({State.HELD, State.REFUSED}),
    OutboxAct.HOLD: frozenset({State.QUEUED}),
    OutboxAct.CANCEL: frozenset({State.QUEUED, State.HELD, State.REFUSED}),
}


def acts_on(state: State) -> tuple[OutboxAct, ...]:
    """Return what a person can do to a delivery in that state, as far as the state says."""
    return tuple(act for act in OutboxAct if state in _FROM[act])


_ON_ITS_WAY = frozenset({State.SENDING, State.UNKNOWN})


class Changed(NamedTuple):
    """The new state of a delivery, and whether a try of it may have arrived: then it may stand twice if it goes again,
    or its words are written once more."""

    state: State
    may_have_arrived: bool


def change(mirror: Mirror, actor: Actor, act: OutboxAct, ref: str) -> Changed:
    """Retry, hold or cancel a delivery. Raises Refused."""
    with acting(mirror.store, actor) as work:
        one = outbox.get(work, ref.strip().upper())
        if one is None:
            raise Refused(Code.DELIVERY_UNKNOWN, given=ref)
        report = reports.load(work, [one.tracking_id]).get(one.tracking_id)
        demand(actor, Act.MOVE_DELIVERY, subject_of_delivery(one, report))
        if act is OutboxAct.RETRY and one.state is State.QUEUED:
            outbox.wait_no_longer(work, one.ref)
            work.note("retry_now", one.tracking_id, ref=one.ref)
            if report is not None:
                ailing.due_now(work, report.call_id)
            _wake(work)
            return Changed(State.QUEUED, may_stand(one))
        if one.state not in _FROM[act]:
            code = Code.DELIVERY_ON_ITS_WAY if one.state in _ON_ITS_WAY else Code.DELIVERY_OVER
            raise Refused(code, ref=one.ref, state=one.state, act=act)
        asked = conflicts.of_delivery(work, one.ref)
        if asked and act is OutboxAct.RETRY:  # whether it goes once more is what the question is about
            demand(actor, Act.SETTLE)
        for conflict in asked:
            conflicts.settle(work, conflict, How.TAKE_UPSTREAM if act is OutboxAct.CANCEL else How.KEEP_OURS)
        move(work, mirror, one, act)
        if asked:
            agree_with_upstream(work, mirror, one.tracking_id)
        return Changed(_TO[act], may_stand(one))


def may_stand(one: Queued) -> bool:
    """Return whether a delivery may stand upstream: a try of it left, or its reference is mentioned there."""
    return one.delivery.may_have_arrived or one.reason is Reason.MENTIONED


def move(work: Work, mirror: Mirror, queued: Queued, act: OutboxAct) -> None:
    """Do to a delivery what a person decided, in the state that the caller has looked at."""
    if act is OutboxAct.RETRY:
        _queue_again(work, mirror, queued)
    elif act is OutboxAct.HOLD:
        outbox.hold(work, queued, Reason.BY_PERSON)
    else:
        outbox.cancel(work, queued)


def _queue_again(work: Work, mirror: Mirror, queued: Queued) -> None:
    """Queue it with the report as it is now for its baseline: what a person saw holds it no more."""
    _wake(work)
    report = reports.load(work, [queued.tracking_id])[queued.tracking_id]
    ailing.due_now(work, report.call_id)
    if queued.reason is Reason.NOT_CONFIRMED and report.other_since is not None:
        report = _confirm(work, report)
    items = threads.load(work, [queued.tracking_id]).get(queued.tracking_id, ())
    # What a person saw is known; where it may be on its way, what is new from here on may be it.
    began_at = queued.delivery.scene.began_at if queued.delivery.scene else None
    scene = _seen_now(work, queued, items, began_at) if may_stand(queued) else None
    outbox.let_go(
        work,
        queued,
        baseline=known_now(work, report),
        scene=scene,
        accepted_closed=report.colour in CLOSED,
        accepted_disposition=report.report.disposition_id,
        accepted_status=unknown_status(report.report),
    )


def _seen_now(work: Work, queued: Queued, items: Sequence[ThreadItem], began_at: datetime | None) -> Scene:
    bad = quarantine.items_of(work, queued.tracking_id)
    elsewhere = threads.of_others(work, queued.tracking_id, queued.ref)
    return Scene(items=digests(items, bad), shown=Shown(elsewhere=elsewhere), began_at=began_at)


def _confirm(work: Work, report: Mirrored) -> Mirrored:
    """A person has compared: what LAPOR gives under that id is this report, though it does not say so.

    Where it was confirmed before, and then had other words, its id is enough until LAPOR says its Tracking ID again.
    """
    forgotten = frozenset({"tracking_id"} if report.read_at else ())
    confirmed = report._replace(
        report=report.report._replace(upstream_id=report.other_id, missing=report.report.missing | forgotten),
        read_at=report.read_at or work.now,
        other_since=None,
        other_id=None,
    )
    reports.save(work, [confirmed])
    return confirmed


def known_now(work: Work, report: Mirrored) -> frozenset[str] | None:
    """The ids of its thread's items, as the mirror knows them now; None where the thread was never read."""
    if not report.thread_known and not report.thread_doubt:
        return None
    return frozenset(item.id for item in threads.load(work, [report.tracking_id]).get(report.tracking_id, ()))


# All deliveries.


def pause(mirror: Mirror, actor: Actor) -> bool:
    """Let nothing leave from now on; whether it did until now. What is in the air may still arrive."""
    demand(actor, Act.PAUSE)
    with acting(mirror.store, actor) as work:
        is_new = pauses.current(work) is None
        if is_new:
            pauses.begin(work, WhyPaused.PERSON)
        return is_new


def resume(mirror: Mirror, actor: Actor) -> bool:
    """Let deliveries leave again; whether they were paused.

    Raises Refused in the grace after a restore: what was sent right before it cannot be found in the threads yet.
    """
    demand(actor, Act.PAUSE)
    with acting(mirror.store, actor) as work:
        pause = pauses.current(work)
        if pause is None:
            return False
        left = _left_of_grace(work, mirror, pause)
        if left <= 0:
            pauses.end(work)
            _wake(work)
            return True
    raise Refused(Code.RESTORED_JUST_NOW, seconds=math.ceil(left))


def _left_of_grace(work: Work, mirror: Mirror, pause: Pause) -> float:
    """Seconds that must pass before a restored database sends again: by the wall clock and by how long this machine
    has run, the longer. A wall clock from before the restore tells nothing; after another start it is counted anew."""
    if pause.why is not WhyPaused.RESTORED:
        return 0
    grace, now = mirror.rules.grace.total_seconds(), mirror.store.clock.uptime()
    elapsed = now.since(pause.uptime)
    if elapsed is None:
        pauses.count_anew(work, pause, now)
        elapsed = 0
    since = (work.now - pause.since).total_seconds()
    return max(grace - elapsed, grace - since if since >= 0 else 0)


def _wake(work: Work) -> None:
    """Have the daemon look now: a person waits, whatever it was waiting for."""
    marks.put_now(work, Mark.WAKE)


def agree_with_upstream(work: Work, mirror: Mirror, tracking_id: str | None) -> None:
    """Whatever a person chose, both sides are known to share what upstream shows now."""
    for one in reports.load(work, [tracking_id] if tracking_id else []).values():
        if one.present is not None and one.agreed != one.present:
            reports.save(work, [one._replace(agreed=one.present)])
            work.note("agreed", one.tracking_id, agreed=one.present)
        rejudge(work, mirror, [one.tracking_id])
