"""The master list of institutions, for names; and the names that reports themselves bring."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import delete, insert, select

from lapor_sync.domain.report import Institution
from lapor_sync.store.database import Work
from lapor_sync.store.schema import institution as table
from lapor_sync.store.schema import report


def replace_all(work: Work, found: Iterable[Institution]) -> None:
    """Take over the master list; an empty one is no news."""
    rows = [
        {"agency": work.agency, "id": one.id, "name": one.name} for one in {one.id: one for one in found}.values()
    ]
    if rows:
        work.conn.execute(delete(table).where(table.c.agency == work.agency))
        work.conn.execute(insert(table), rows)


def names(work: Work) -> dict[str, str]:
    """Id to name: the master list, and what dispositions of mirrored reports add to it."""
    seen = (
        select(report.c.disposition_id, report.c.disposition_name)
        .where(report.c.agency == work.agency, report.c.disposition_id.is_not(None))
        .distinct()
    )
    known = {row[0]: row[1] for row in work.conn.execute(seen) if row[1]}
    master = select(table.c.id, table.c.name).where(table.c.agency == work.agency)
    return known | {row[0]: row[1] for row in work.conn.execute(master)}
