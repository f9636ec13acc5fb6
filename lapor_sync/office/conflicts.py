"""Conflicts: what only a person can settle."""

from __future__ import annotations

from typing import NamedTuple

from lapor_sync.domain.delivery import State
from lapor_sync.domain.people import Actor
from lapor_sync.domain.permits import Act, demand
from lapor_sync.domain.questions import MANY_VANISHED
from lapor_sync.domain.refusals import Code, Refused
from lapor_sync.mirror.mirror import Mirror
from lapor_sync.office.acting import acting
from lapor_sync.office.deliveries import OutboxAct, agree_with_upstream, may_stand, move
from lapor_sync.store import conflicts, marks, outbox, reports
from lapor_sync.store.conflicts import Conflict, How
from lapor_sync.store.database import Work
from lapor_sync.store.marks import Mark


class Settled(NamedTuple):
    """The kinds of what was settled; whether a delivery that it was about may have arrived: see `Changed`."""

    kinds: list[str]
    may_have_arrived: bool


def settle(mirror: Mirror, actor: Actor, given: str, how: How) -> Settled:
    """Settle one conflict by its id, or all of a report by its Tracking ID. Raises Refused."""
    demand(actor, Act.SETTLE)
    with acting(mirror.store, actor) as work:
        found = _conflicts(work, given.strip())
        if not found:
            raise Refused(Code.CONFLICT_UNKNOWN, given=given)
        about = [one for conflict in found if (one := outbox.get(work, conflict.ref or "")) is not None]
        for conflict in found:
            _settle_one(work, mirror, conflict, how)
        return Settled([conflict.kind for conflict in found], any(map(may_stand, about)))


def _conflicts(work: Work, given: str) -> list[Conflict]:
    """By conflict id; a Tracking ID (7 digits and more) or API id that is no conflict's means that report's."""
    one = conflicts.get(work, given)
    if one is not None:
        return [one]
    report = reports.find(work, given)
    return conflicts.of_report(work, report.tracking_id) if report else []


def _settle_one(work: Work, mirror: Mirror, conflict: Conflict, how: How) -> None:
    if (conflict.kind == MANY_VANISHED) != (how is How.ACCEPT_VANISHED):
        code = Code.SETTLED_BY_ACCEPTING if conflict.kind == MANY_VANISHED else Code.SETTLED_BY_CHOICE
        raise Refused(code, id=conflict.id)
    conflicts.settle(work, conflict, how)
    if how is How.ACCEPT_VANISHED:
        # Read once more, now; what is still missing then is marked.
        marks.put_now(work, Mark.MAY_VANISH)
        reports.read_now(work, reports.missing_before(work, work.now))
        return
    one = outbox.get(work, conflict.ref or "")
    if one is not None and one.state is State.HELD:
        move(work, mirror, one, OutboxAct.RETRY if how is How.KEEP_OURS else OutboxAct.CANCEL)
    agree_with_upstream(work, mirror, conflict.tracking_id)
