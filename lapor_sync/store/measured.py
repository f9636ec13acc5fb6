"""The numbers that monitoring asks for: a few grouped queries, however many reports there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from lapor_sync.domain.colour import City
from lapor_sync.domain.delivery import State
from lapor_sync.domain.people import Role
from lapor_sync.store import attendance, audit, backup, marks, outages, outbox, pauses, queries
from lapor_sync.store.database import Work
from lapor_sync.store.marks import Mark
from lapor_sync.store.outages import Outage
from lapor_sync.store.queries import OpdRow
from lapor_sync.store.schema import WAITING, conflict, delivery, quarantine
from lapor_sync.store.times import from_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """How an agency's mirror is doing at `at`.

    `oldest`: of the deliveries in a state that waits, how long the oldest has waited since it was written.
    `vacant`, `quiet`: OPDs' posts by role, as `attendance.unattended` has them. `backed_up`: see `backup.due_since`.
    """

    at: datetime
    opds: tuple[OpdRow, ...]
    deliveries: Mapping[State, int]
    oldest: Mapping[State, timedelta]
    conflicts: Mapping[str, int]
    quarantine: Mapping[str, int]
    vacant: Mapping[Role, int]
    quiet: Mapping[Role, int]
    outage: Outage | None
    is_paused: bool
    last_success: datetime | None
    answered: datetime | None
    backed_up: datetime | None
    audit_rows: int


def measured(work: Work, city: City) -> Measured:
    """Return the numbers as this transaction sees them. None of them tells of a person or a report."""
    posts = attendance.unattended(work, city)
    return Measured(
        at=work.now,
        opds=queries.by_opd(work),
        deliveries=outbox.counts(work),
        oldest=_oldest(work),
        conflicts=_open_conflicts(work),
        quarantine=_in_quarantine(work),
        vacant=_by_role(one.post.role for one in posts if one.is_vacant),
        quiet=_by_role(one.post.role for one in posts if not one.is_vacant),
        outage=outages.current(work),
        is_paused=pauses.current(work) is not None,
        last_success=marks.get_time(work, Mark.LAST_SUCCESS),
        answered=marks.get_time(work, Mark.ANSWERED),
        backed_up=backup.due_since(work),
        audit_rows=audit.head(work.conn, work.agency).count,
    )


def _oldest(work: Work) -> dict[State, timedelta]:
    query = select(delivery.c.state, func.min(delivery.c.written_at)).where(
        delivery.c.agency == work.agency, WAITING
    )
    found = work.conn.execute(query.group_by(delivery.c.state))
    return {State(state): work.now - from_text(since) for state, since in found}


def _open_conflicts(work: Work) -> dict[str, int]:
    where = (conflict.c.agency == work.agency, conflict.c.settled_at.is_(None))
    query = select(conflict.c.kind, func.count()).where(*where).group_by(conflict.c.kind)
    return {kind: int(number) for kind, number in work.conn.execute(query)}


def _in_quarantine(work: Work) -> dict[str, int]:
    query = select(quarantine.c.source, func.count()).where(quarantine.c.agency == work.agency)
    return {source: int(number) for source, number in work.conn.execute(query.group_by(quarantine.c.source))}


def _by_role(roles: Iterable[Role]) -> dict[Role, int]:
    return dict(Counter(roles))
