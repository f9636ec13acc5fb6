"""What the commands look at, typed: the list of reports, the counts of the whole, the outbox with why it waits."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, ScalarSelect, Select, bindparam, func, select

from lapor_sync.domain.colour import City, Colour
from lapor_sync.domain.delivery import State
from lapor_sync.domain.report import ItemKind
from lapor_sync.store import (
    ailing,
    attendance,
    audit,
    conflicts,
    contract,
    marks,
    outages,
    outbox,
    pauses,
    queries,
)
from lapor_sync.store import reports as mirrored
from lapor_sync.store.attendance import Unattended
from lapor_sync.store.audit import Head
from lapor_sync.store.contract import Watched
from lapor_sync.store.database import Work
from lapor_sync.store.marks import Mark
from lapor_sync.store.outages import Outage
from lapor_sync.store.outbox import Queued
from lapor_sync.store.pauses import Pause
from lapor_sync.store.reports import Mirrored, Trouble, from_row
from lapor_sync.store.schema import WAITING, delivery, quarantine, status_change, thread_item
from lapor_sync.store.schema import report as table
from lapor_sync.store.times import from_text, to_text


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which reports are wanted; None for all. `colour` "null": those without one. The days are those of receipt."""

    colour: str | None = None
    opd: str | None = None
    waiting_on: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    overdue: bool = False
    limit: int | None = None


class Listed(NamedTuple):
    """A report with the times of its first events."""

    report: Mirrored
    verified_at: datetime | None
    first_disposition_at: datetime | None
    first_answer_at: datetime | None


def reports(work: Work, wanted: Wanted | None = None) -> Generator[Listed, None, None]:
    """Return the wanted reports by Tracking ID, the overdue by deadline; streamed.

    Close it before its transaction ends if it may not be read to its end.
    """
    wanted = wanted or Wanted()
    query = _rows().where(table.c.agency == work.agency)
    if wanted.colour is not None:
        is_wanted = table.c.colour.is_(None) if wanted.colour == "null" else table.c.colour == wanted.colour
        query = query.where(is_wanted)
    if wanted.opd is not None:
        query = query.where(table.c.disposition_id == wanted.opd)
    if wanted.waiting_on is not None:
        query = query.where(table.c.waiting_on == wanted.waiting_on)
    if wanted.since is not None:
        query = query.where(table.c.created_at >= to_text(wanted.since))
    if wanted.until is not None:
        query = query.where(table.c.created_at <= to_text(wanted.until))
    if wanted.limit is not None:
        query = query.limit(wanted.limit)
    if wanted.overdue:
        query = query.where(table.c.due_at < work.at, table.c.due_at.is_not(None))
        query = query.order_by(table.c.due_at)
    else:
        query = query.order_by(table.c.tracking_id)
    with work.conn.execute(query.execution_options(yield_per=1000)) as found:
        yield from (_listed(row) for row in found.mappings())


def listed_one(work: Work, one: Mirrored) -> Listed:
    """Return one report with the times of its first events."""
    its = {"its_agency": work.agency, "its_id": one.tracking_id}
    verified, disposition, answer = work.conn.execute(_its_times(), its).one()
    return Listed(one, from_text(verified), from_text(disposition), from_text(answer))


@cache
def _its_times() -> Select[str | None, str | None, str | None]:
    its = (table.c.agency == bindparam("its_agency"), table.c.tracking_id == bindparam("its_id"))
    verified, disposition, answer = _times()
    return select(verified, disposition, answer).select_from(table).where(*its)


def _listed(row: Mapping[Any, Any]) -> Listed:
    times = (row["verified_at"], row["first_disposition_at"], row["first_answer_at"])
    return Listed(from_row(row), *map(from_text, times))


@cache
def _rows() -> Select[Any]:
    return select(table, *_times())


def _times() -> Iterator[ColumnElement[str | None]]:
    """The times of a report's first events, as `v_reports` has them."""
    verified = (
        select(func.min(status_change.c.at))
        .where(
            status_change.c.agency == table.c.agency,
            status_change.c.tracking_id == table.c.tracking_id,
            _folded(status_change.c.status_new) == "terverifikasi",
            status_change.c.at != "",
        )
        .scalar_subquery()
    )
    yield verified.label("verified_at")
    yield _first(ItemKind.DISPOSITION).label("first_disposition_at")
    yield _first(ItemKind.ANSWER).label("first_answer_at")


def _folded(name: ColumnElement[str]) -> ColumnElement[str]:
    """A status name without what does not matter in it, as far as SQL can say that."""
    for mark in (" ", "-", "_"):
        name = func.replace(name, mark, "")
    return func.lower(name)


def _first(kind: ItemKind) -> ScalarSelect[Any]:
    return (
        select(func.min(thread_item.c.created_at))
        .where(
            thread_item.c.agency == table.c.agency,
            thread_item.c.tracking_id == table.c.tracking_id,
            thread_item.c.kind == kind,
            thread_item.c.gone_at.is_(None),
        )
        .scalar_subquery()
    )


class FromExports(NamedTuple):
    """New reports are known from exports alone. `newest_at`: when the newest one was made; None where there is none."""

    newest_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The counts of the whole, and how the daemon is doing. A colour of None: reports without one."""

    colours: Mapping[Colour | None, int]
    outbox: Mapping[State, int]
    conflicts: int
    quarantine: int
    answered_at: datetime | None
    last_success_at: datetime | None
    oldest_waiting_at: datetime | None
    outage: Outage | None
    list_fails_since: datetime | None
    from_exports: FromExports | None
    contract: Watched
    pause: Pause | None
    unattended: tuple[Unattended, ...]
    audit: Head


def overview(work: Work, city: City) -> Overview:
    """Return the counts of the whole."""
    in_quarantine = select(func.count()).select_from(quarantine).where(quarantine.c.agency == work.agency)
    oldest = select(func.min(delivery.c.written_at)).where(delivery.c.agency == work.agency, WAITING)
    return Overview(
        colours=colours(work),
        outbox=outbox.counts(work),
        conflicts=conflicts.count(work),
        quarantine=int(work.conn.execute(in_quarantine).scalar_one()),
        answered_at=marks.get_time(work, Mark.ANSWERED),
        last_success_at=marks.get_time(work, Mark.LAST_SUCCESS),
        oldest_waiting_at=from_text(work.conn.execute(oldest).scalar()),
        outage=outages.current(work),
        list_fails_since=marks.get_time(work, Mark.LIST_FAILS),
        from_exports=from_exports(work),
        contract=contract.watched(work),
        pause=pauses.current(work),
        unattended=attendance.unattended(work, city),
        audit=audit.head(work.conn, work.agency),
    )


def from_exports(work: Work) -> FromExports | None:
    """Return until when new reports are known where only exports tell of them; None where a list does."""
    if marks.get(work, Mark.NO_LIST) is None:
        return None
    return FromExports(marks.get_time(work, Mark.EXPORTED))


def colours(work: Work) -> dict[Colour | None, int]:
    """Return how many reports of each colour there are, and without one (None)."""
    query = select(table.c.colour, func.count()).where(table.c.agency == work.agency).group_by(table.c.colour)
    found = {row[0]: int(row[1]) for row in work.conn.execute(query)}
    return {shade: found.get(shade, 0) for shade in (*Colour, None)}


def count_overdue(work: Work) -> int:
    """Return how many reports are past their deadline."""
    return sum(queries.late(work, None).values())


class Waiting(NamedTuple):
    """A delivery in the outbox with why it is where it is, as far as more than its reason is known.

    `trouble`: it can come no further because of its report's thread. `said`: why its last try was not accepted.
    `is_report_missing`: LAPOR did not know its report when it was asked last.
    """

    delivery: Queued
    trouble: Trouble | None
    said: str | None
    is_report_missing: bool


def waiting(work: Work, state: State | None = None) -> list[Waiting]:
    """Return the deliveries of one state, or all, as they were written."""
    found = outbox.listing(work, state)
    said = outbox.last_words(work, found)
    missing = set(mirrored.missing_before(work, work.now))
    troubles = {**_ailing(work, found), **mirrored.thread_troubles(work)}
    return [
        Waiting(
            one,
            _hindrance(one, troubles.get(one.tracking_id)),
            said.get(one.ref),
            one.tracking_id in missing and one.state is State.QUEUED,
        )
        for one in found
    ]


def _ailing(work: Work, found: list[Queued]) -> dict[str, Trouble]:
    """The reports of these deliveries that ail, and why."""
    ails = ailing.listing(work)
    known = mirrored.load(work, {one.tracking_id for one in found}) if ails else {}
    return {
        tracking_id: Trouble(error=ails[one.call_id].why, doubt=None)
        for tracking_id, one in known.items()
        if one.call_id in ails
    }


def _hindrance(one: Queued, trouble: Trouble | None) -> Trouble | None:
    """What of its report's thread keeps a delivery from coming further."""
    is_queued = one.state is State.QUEUED and trouble is not None and trouble.error is not None
    return trouble if is_queued or one.state is State.UNKNOWN else None
