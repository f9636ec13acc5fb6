"""Reports whose last read took all its time or brought too much, by the id that is called: they are read apart."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, delete, insert, select, update

from lapor_sync.store.database import Work
from lapor_sync.store.schema import ailing as table
from lapor_sync.store.times import from_text, to_text


@dataclass(frozen=True, kw_only=True, slots=True)
class Ailing:
    """One such report: what went wrong, how often in a row, and until when it is left in peace."""

    report_id: str
    why: str
    times: int
    until: datetime


def listing(work: Work) -> dict[str, Ailing]:
    """All of them by the id that is called, the one first that is due first."""
    return {
        row.report_id: Ailing(report_id=row.report_id, why=row.why, times=row.times, until=from_text(row.until))
        for row in work.conn.execute(_ALL, {"agency": work.agency})
    }


_ALL = select(table).where(table.c.agency == bindparam("agency")).order_by(table.c.until, table.c.report_id)


def put(work: Work, one: Ailing) -> None:
    """Note one, in place of what was noted of it."""
    forget(work, (one.report_id,))
    row = {"report_id": one.report_id, "why": one.why, "times": one.times, "until": to_text(one.until)}
    work.conn.execute(insert(table).values(agency=work.agency, **row))


def forget(work: Work, report_ids: Iterable[str]) -> None:
    """These could be read."""
    for report_id in report_ids:
        work.conn.execute(delete(table).where(table.c.agency == work.agency, table.c.report_id == report_id))


def due_now(work: Work, report_id: str | None = None) -> None:
    """Let the next cycle read this one, or all of them."""
    where = (table.c.agency == work.agency, *(() if report_id is None else (table.c.report_id == report_id,)))
    work.conn.execute(update(table).where(*where).values(until=work.at))
