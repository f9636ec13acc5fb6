"""Sistem: whether the mirror is fresh, what waits, and what `check` asks, as far as board and daemon know it."""

from __future__ import annotations

from datetime import datetime

from flask import Blueprint, render_template

from lapor_sync.domain.access import Access, ends_soon
from lapor_sync.domain.limits import in_force
from lapor_sync.domain.notices import NoticeState
from lapor_sync.domain.permits import Act
from lapor_sync.store import (
    access,
    audit,
    conflicts,
    contract,
    lock,
    marks,
    notices,
    outages,
    outbox,
    overview,
    pauses,
    people,
    quarantine,
    reports,
)
from lapor_sync.store.marks import Mark
from lapor_sync.store.schema import HEAD
from lapor_sync.web import session
from lapor_sync.web.guard import board
from lapor_sync.words import notices_id

system = Blueprint("system", __name__)

MOST_THREADS = 5
"""So many reports are named whose thread could not be read."""

_UNSETTLED = (NoticeState.WAITING, NoticeState.SENDING, NoticeState.IN_DOUBT, NoticeState.GIVEN_UP)


@system.get("/sistem")
def page() -> str:
    """Last success, outage, pause, queue, conflicts, quarantine, audit; clock, credentials, deadlines, threads."""
    session.demand(Act.SEE_SYSTEM)
    rules, now = board().mirror.rules, board().store.clock.now()
    today = rules.working_days.day_of(now)
    worker = lock.holder(board().store.engine, board().store.agency)
    with board().store.reading() as work:
        return render_template(
            "system.html",
            worker=worker,
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
            now=now,
            clock=_seconds(way := access.get(work)),
            credentials=_credentials(way, now),
            threads=reports.unreadable_threads(work, MOST_THREADS),
            limits=in_force(rules.limits, today),
            joint_holidays={year: rules.knows_joint_holidays(year) for year in (today.year, today.year + 1)},
        )


def _seconds(way: Access | None) -> float | None:
    """By how many seconds this machine's clock is ahead of LAPOR's for certain; None where LAPOR's is not known."""
    return way.off.total_seconds() if way is not None and way.off is not None else None


def _credentials(way: Access | None, now: datetime) -> list[tuple[str, datetime, bool]]:
    """Each credential that says when it ends, with that, and whether it is to be asked for anew."""
    return [(name, end, ends_soon(end, now)) for name, end in way.ends.items()] if way is not None else []
