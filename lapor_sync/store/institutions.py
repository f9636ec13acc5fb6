"""The master list of institutions, for names; and the names that reports themselves bring."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import Select, bindparam, delete, func, insert, select

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
    mine = {"agency": work.agency}
    known = {row[0]: row[1] for row in work.conn.execute(_SEEN, mine) if row[1]}
    return known | {row[0]: row[1] for row in work.conn.execute(_MASTER, mine)}


def names_of(work: Work, ids: Collection[str]) -> dict[str, str]:
    """Return the names of these ids; where LAPOR's list has them all, by one look at it."""
    if not ids:
        return {}
    found = {row[0]: row[1] for row in work.conn.execute(_SOME, {"agency": work.agency, "ids": sorted(ids)})}
    return found if len(found) == len(ids) else names(work)


def listed(work: Work) -> frozenset[str]:
    """The ids of LAPOR's list of institutions; none where it was never read."""
    return frozenset(work.conn.execute(select(table.c.id).where(table.c.agency == work.agency)).scalars())


def seen(work: Work) -> frozenset[str]:
    """The ids to which mirrored reports are disposed."""
    return frozenset(row[0] for row in work.conn.execute(_SEEN, {"agency": work.agency}))


def _seen() -> Select[Any]:
    """Each disposition's id, with a name that a report gave it: from one id to the next, however many reports."""
    ids = select(func.min(report.c.disposition_id).label("id")).where(report.c.agency == bindparam("agency"))
    seen = ids.cte("seen", recursive=True)
    following = ids.where(report.c.disposition_id > seen.c.id).scalar_subquery()
    seen = seen.union_all(select(following).where(seen.c.id.is_not(None)))
    name = select(report.c.disposition_name).where(
        report.c.agency == bindparam("agency"),
        report.c.disposition_id == seen.c.id,
        report.c.disposition_name.is_not(None),
    )
    return select(seen.c.id, name.limit(1).scalar_subquery()).where(seen.c.id.is_not(None))


_SEEN = _seen()
_MASTER = select(table.c.id, table.c.name).where(table.c.agency == bindparam("agency"))
_SOME = _MASTER.where(table.c.id.in_(bindparam("ids", expanding=True)))
"""Made once: what a page asks takes less than making the question."""
