"""Texts for answers that an OPD, or the city for all of them, wrote itself."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import delete, func, insert, select

from lapor_sync.store.database import Work
from lapor_sync.store.people import number_of
from lapor_sync.store.schema import own_text as table


@dataclass(frozen=True, slots=True)
class OwnText:
    """One text; `opd` None is the city's, for every OPD."""

    id: str
    opd: str | None
    title: str
    text: str


def put(work: Work, opd: str | None, title: str, text: str) -> str:
    """Keep a text in place of the one of that title there; its number."""
    where = (table.c.agency == work.agency, table.c.opd == (opd or ""))
    work.conn.execute(delete(table).where(*where, table.c.title == title))
    row = {"agency": work.agency, "opd": opd or "", "title": title, "text": text, "made_at": work.at}
    return str(work.conn.execute(insert(table).values(row).returning(table.c.id)).scalar_one())


def remove(work: Work, text_id: str) -> None:
    """Keep it no more."""
    work.conn.execute(delete(table).where(table.c.agency == work.agency, table.c.id == number_of(text_id)))


def get(work: Work, text_id: str) -> OwnText | None:
    """Return the text of that number."""
    which = (table.c.agency == work.agency, table.c.id == number_of(text_id))
    row = work.conn.execute(select(*_COLUMNS).where(*which)).first()
    return OwnText(str(row.id), row.opd or None, row.title, row.text) if row else None


def listing(work: Work, opds: Collection[str] | None = None) -> list[OwnText]:
    """Return the city's texts and those of these OPDs (None: of all), by title."""
    query = select(*_COLUMNS).where(table.c.agency == work.agency)
    if opds is not None:
        query = query.where(table.c.opd.in_(["", *sorted(opds)]))
    rows = work.conn.execute(query.order_by(table.c.title, table.c.id))
    return [OwnText(str(row.id), row.opd or None, row.title, row.text) for row in rows]


def count(work: Work, opd: str | None) -> int:
    """Return how many there are of that OPD, or of the city."""
    which = (table.c.agency == work.agency, table.c.opd == (opd or ""))
    return int(work.conn.execute(select(func.count()).where(*which)).scalar_one())


_COLUMNS = (table.c.id, table.c.opd, table.c.title, table.c.text)
