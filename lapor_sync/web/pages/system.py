"""Sistem: whether the mirror is fresh, and what waits."""

from __future__ import annotations

from flask import Blueprint, render_template

from lapor_sync.domain.notices import NoticeState
from lapor_sync.domain.permits import Act
from lapor_sync.store import (
    audit,
    conflicts,
    contract,
    marks,
    notices,
    outages,
    outbox,
    overview,
    pauses,
    people,
    quarantine,
)
from lapor_sync.store.marks import Mark
from lapor_sync.store.schema import HEAD
from lapor_sync.web import session
from lapor_sync.web.guard import board
from lapor_sync.words import notices_id

system = Blueprint("system", __name__)

_UNSETTLED = (NoticeState.WAITING, NoticeState.SENDING, NoticeState.IN_DOUBT, NoticeState.GIVEN_UP)


@system.get("/sistem")
def page() -> str:
    """Last success, outage, pause, queue, conflicts, quarantine, audit."""
    session.demand(Act.SEE_SYSTEM)
    with board().store.reading() as work:
        return render_template(
            "system.html",
            last_success=marks.get_time(work, Mark.LAST_SUCCESS),
            answered=marks.get_time(work, Mark.ANSWERED),
            outage=outages.current(work),
            list_fails_since=marks.get_time(work, Mark.LIST_FAILS),
            from_exports=overview.from_exports(work),
            pause=pauses.current(work),
            queue=outbox.counts(work),
            conflicts=conflicts.count(work),
            quarantine=quarantine.count(work),
            notices=notices.listing(work, most=50, states=_UNSETTLED),
            told=notices_id,
            people=people.names(work),
            head=audit.head(work.conn, work.agency),
            contract=contract.watched(work),
            database="SQLite" if work.is_sqlite else "PostgreSQL",
            schema=HEAD,
            now=board().store.clock.now(),
        )
