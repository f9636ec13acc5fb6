"""Filters of the list of reports that a person gave a name: theirs alone."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import ColumnElement, bindparam, delete, insert, select

from lapor_sync.store.database import Work
from lapor_sync.store.people import number_of
from lapor_sync.store.schema import saved_filter as table


class SavedFilter(NamedTuple):
    """A filter by its name; `query` is what stands behind the "?" of the list's address."""

    id: str
    name: str
    query: str


def put(work: Work, person_id: str, name: str, query: str) -> None:
    """Keep a filter in place of the person's of that name."""
    work.conn.execute(delete(table).where(*_of(work, person_id), table.c.name == name))
    row = {"agency": work.agency, "person_id": number_of(person_id), "name": name, "query": query}
    work.conn.execute(insert(table).values(made_at=work.at, **row))


def remove(work: Work, person_id: str, filter_id: str) -> None:
    """Keep it no more."""
    work.conn.execute(delete(table).where(*_of(work, person_id), table.c.id == number_of(filter_id)))


def of_person(work: Work, person_id: str) -> list[SavedFilter]:
    """Return a person's filters, by name."""
    rows = work.conn.execute(_OF_PERSON, {"agency": work.agency, "person_id": number_of(person_id)})
    return [SavedFilter(str(row.id), row.name, row.query) for row in rows]


_OF_PERSON = (
    select(table.c.id, table.c.name, table.c.query)
    .where(table.c.agency == bindparam("agency"), table.c.person_id == bindparam("person_id"))
    .order_by(table.c.name)
)


def forget(work: Work, person_id: str) -> None:
    """Keep none of a person's."""
    work.conn.execute(delete(table).where(*_of(work, person_id)))


def _of(work: Work, person_id: str) -> tuple[ColumnElement[bool], ...]:
    return (table.c.agency == work.agency, table.c.person_id == number_of(person_id))
