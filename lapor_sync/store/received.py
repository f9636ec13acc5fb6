"""The reports that were received in a span of time, as a recap counts them: typed, in parts, without what they say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select, true

from lapor_sync.domain.colour import Colour
from lapor_sync.domain.report import ThreadItem
from lapor_sync.store import threads
from lapor_sync.store.database import Work
from lapor_sync.store.queries import Within
from lapor_sync.store.schema import report as table
from lapor_sync.store.times import from_text, to_text

MOST = 500
"""So many reports are read at a time, with their threads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One report. `items`: its thread in reading order, None where it is not known.

    `district` is None where it is rahasia; `closed_at` and `due_at` as the rules say them of today.
    """

    tracking_id: str
    received_at: datetime
    opd: str | None
    opd_name: str | None
    status_name: str
    colour: Colour | None
    colour_row: str
    classification: str | None
    category: str | None
    channel: str | None
    district: str | None
    is_secret: bool
    rating: str | None
    closed_at: datetime | None
    due_at: datetime | None
    items: tuple[ThreadItem, ...] | None


_READ = (
    table.c.tracking_id,
    table.c.created_at,
    table.c.disposition_id,
    table.c.disposition_name,
    table.c.status_name,
    table.c.colour,
    table.c.colour_row,
    table.c.classification,
    table.c.category,
    table.c.channel,
    table.c.kecamatan,
    table.c.is_secret,
    table.c.rating,
    table.c.closed_at,
    table.c.due_at,
    table.c.thread_read_at,
)


def between(work: Work, since: datetime, until: datetime, within: Within = None) -> Iterator[Received]:
    """Yield the reports that were received from `since` on and before `until`, the oldest first."""
    behind: ColumnElement[bool] = true()
    while True:
        rows = work.conn.execute(
            select(*_READ)
            .where(*_received(work, since, until, within), behind)
            .order_by(table.c.created_at, table.c.tracking_id)
            .limit(MOST)
        ).all()
        known = threads.load(work, [row.tracking_id for row in rows if row.thread_read_at is not None])
        yield from (_as_received(row, known) for row in rows)
        if len(rows) < MOST:
            return
        last = rows[-1]
        is_same = table.c.created_at == last.created_at
        behind = or_(table.c.created_at > last.created_at, and_(is_same, table.c.tracking_id > last.tracking_id))


def times_between(work: Work, since: datetime, until: datetime, within: Within = None) -> Iterator[datetime]:
    """Yield only when each of these reports was received."""
    query = select(table.c.created_at).where(*_received(work, since, until, within))
    yield from (from_text(row.created_at) for row in work.conn.execute(query))


def count_undated(work: Work, within: Within = None) -> int:
    """Return how many reports stand in no period, for nobody knows when they were received."""
    query = select(func.count()).where(*_of(work, within), table.c.created_at.is_(None))
    return int(work.conn.execute(query).scalar_one())


def _received(work: Work, since: datetime, until: datetime, within: Within) -> list[ColumnElement[bool]]:
    span = (table.c.created_at >= to_text(since), table.c.created_at < to_text(until))
    return [*_of(work, within), *span]


def _of(work: Work, within: Within) -> list[ColumnElement[bool]]:
    mine = [table.c.agency == work.agency]
    return mine if within is None else [*mine, table.c.disposition_id.in_(sorted(within))]


def _as_received(row: Any, known: dict[str, tuple[ThreadItem, ...]]) -> Received:
    return Received(
        tracking_id=row.tracking_id,
        received_at=from_text(row.created_at),
        opd=row.disposition_id,
        opd_name=row.disposition_name,
        status_name=row.status_name,
        colour=Colour(row.colour) if row.colour else None,
        colour_row=row.colour_row,
        classification=row.classification,
        category=row.category,
        channel=row.channel,
        district=None if row.is_secret else row.kecamatan,
        is_secret=bool(row.is_secret),
        rating=row.rating,
        closed_at=from_text(row.closed_at),
        due_at=from_text(row.due_at),
        items=None if row.thread_read_at is None else known.get(row.tracking_id, ()),
    )
