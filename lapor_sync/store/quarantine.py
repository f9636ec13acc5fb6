"""Records that could not be read: kept with their raw text and the reason, tried again by every sweep."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, delete, func, insert, or_, select, update

from lapor_sync.domain.errors import BadRecord
from lapor_sync.domain.personal import without_persons
from lapor_sync.domain.report import Report, is_key_in, keys_of
from lapor_sync.store import reports
from lapor_sync.store.bulk import among, ask
from lapor_sync.store.database import Work
from lapor_sync.store.schema import quarantine as table
from lapor_sync.store.times import from_text, to_text

LIST, DETAIL, THREAD, EXPORT = "list", "detail", "thread", "export"
"""Where a record came from."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Quarantined:
    """One record that could not be read. `report_id` where that much could be."""

    source: str
    key: str
    report_id: str | None
    reason: str
    seen_at: datetime


def put(work: Work, source: str, bad: BadRecord) -> bool:
    """Put one record away; False where just this is there already (nothing is written then)."""
    raw = _kept(work, source, bad)
    where = (table.c.agency == work.agency, table.c.source == source, table.c.key == bad.key)
    before = work.conn.execute(select(table.c.raw, table.c.reason).where(*where)).first()
    if before is not None and (before.raw, before.reason) == (raw, bad.reason):
        return False
    work.conn.execute(delete(table).where(*where))
    work.conn.execute(
        insert(table).values(
            agency=work.agency,
            source=source,
            key=bad.key,
            report_id=bad.report_id,
            reason=bad.reason,
            raw=raw,
            seen_at=work.at,
        )
    )
    work.note("quarantined", bad.report_id or bad.key, source=source)
    return True


def _kept(work: Work, source: str, bad: BadRecord) -> str:
    """Return what may be kept of a record as it came, by what is known of its report.

    A row or detail says itself who may be known; an item of a thread does not. Where a name was taken over, both flags
    said no.
    """
    known = reports.of_person(work, bad.report_id or bad.key)
    if any(one.withheld for one in known):
        return "{}"
    unsaid = source == THREAD and not all(one.reporter_name for one in known)
    hides = unsaid or any(one.is_anonymous or one.is_secret for one in known)
    return without_persons(bad.raw) if hides else bad.raw


def hide_persons(work: Work, ids: Iterable[str]) -> None:
    """Leave no person in what lies here of the reports of these Tracking and API ids."""
    for part in reports.chunks(ids):
        its = or_(table.c.report_id.in_(part), table.c.key.in_(part))
        query = select(table.c.source, table.c.key, table.c.raw).where(table.c.agency == work.agency, its)
        for row in work.conn.execute(query).all():
            this = (table.c.agency == work.agency, table.c.source == row.source, table.c.key == row.key)
            work.conn.execute(update(table).where(*this).values(raw=without_persons(row.raw)))


def items_of(work: Work, tracking_id: str) -> frozenset[str]:
    """Return the keys of the items of a report's thread that could not be read."""
    query = select(table.c.key).where(table.c.agency == work.agency, table.c.source == THREAD)
    keys = work.conn.execute(query.where(table.c.report_id == tracking_id)).scalars()
    return frozenset(key.removeprefix(f"{tracking_id}/") for key in keys)


def count_since(work: Work, since: datetime) -> int:
    """Return how many records were put away since then."""
    which = (table.c.agency == work.agency, table.c.seen_at >= to_text(since))
    return int(work.conn.execute(select(func.count()).select_from(table).where(*which)).scalar_one())


def release(work: Work, report_ids: Iterable[str], *, sources: tuple[str, ...] = (LIST, DETAIL)) -> None:
    """These reports could be read now: their records leave."""
    wanted = set(report_ids)
    _release(work, sources, lambda _key, report_id: report_id in wanted)


def release_rows(work: Work, read: Iterable[Report]) -> None:
    """These reports could be read now: rows of an export that told of them leave, by id or, without one, by words."""
    reports = list(read)
    keys: set[str] = set()

    def leaves(key: str, _report_id: str | None) -> bool:
        if not keys:  # worked out only where anything lies there
            keys.update(key for one in reports for key in keys_of(one))
        return is_key_in(key, keys)

    _release(work, (EXPORT,), leaves)


def release_absent(work: Work, source: str, met: Iterable[str]) -> None:
    """A complete listing was walked and met only these bad records: the others are no longer there."""
    still = set(met)
    _release(work, (source,), lambda key, _report_id: key not in still)


def _release(work: Work, sources: tuple[str, ...], leaves: Callable[[str, str | None], bool]) -> None:
    for row in ask(work.conn, _held(work.conn.dialect.name), work.agency, sources).all():
        if leaves(row.key, row.report_id):
            _remove(work, row.source, row.key)


@cache
def _held(dialect: str) -> Select[Any]:
    columns = (table.c.source, table.c.key, table.c.report_id)
    return select(*columns).where(table.c.agency == bindparam("agency"), among(table.c.source, dialect))


def _remove(work: Work, source: str, key: str) -> None:
    work.conn.execute(
        delete(table).where(table.c.agency == work.agency, table.c.source == source, table.c.key == key)
    )
    work.note("released", key, source=source)


def count(work: Work) -> int:
    """Return how many there are."""
    query = select(func.count()).select_from(table).where(table.c.agency == work.agency)
    return int(work.conn.execute(query).scalar_one())


def listing(work: Work, *, skip: int = 0, most: int | None = None) -> tuple[Quarantined, ...]:
    """Return them, oldest first, without the first `skip`; `most` of them."""
    columns = (table.c.source, table.c.key, table.c.report_id, table.c.reason, table.c.seen_at)
    query = select(*columns).where(table.c.agency == work.agency)
    query = query.order_by(table.c.seen_at, table.c.key, table.c.source).offset(skip).limit(most)
    return tuple(
        Quarantined(
            source=row.source,
            key=row.key,
            report_id=row.report_id,
            reason=row.reason,
            seen_at=from_text(row.seen_at),
        )
        for row in work.conn.execute(query)
    )
