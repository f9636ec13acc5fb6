"""One agency's part of a database, moved whole into another: every row as it is, the audit chain as it was hashed.

Numbers of people, deliveries and conflicts stay too, since the audit names them: an agency's numbers are its own
(schema 0020). What belongs to a database and not to an agency is left: who holds it, which copy it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Column, Connection, Table, delete, func, insert, select, text
from sqlalchemy.exc import IntegrityError

from lapor_sync.domain.advice import Todo, advise
from lapor_sync.domain.errors import AuditBroken, NotAllowed
from lapor_sync.store import audit, work_queue
from lapor_sync.store.audit import Head
from lapor_sync.store.database import Work
from lapor_sync.store.marks import Mark
from lapor_sync.store.schema import audit as audit_table
from lapor_sync.store.schema import mark, metadata, opd_number

T = TypeVar("T")

_PAGE = 500
"""Rows that are in memory at once."""

_LEFT = frozenset({opd_number, audit_table})
"""What triggers keep by themselves, and what has a column of its own for the agency: see `_copy_chain`."""

_DATABASES_OWN = (Mark.BODY, Mark.COPY, "holder", "erasing")


def tables() -> list[Table]:
    """Return every table that has rows of an agency, but for the audit."""
    return [one for one in metadata.sorted_tables if "agency" in one.c and one not in _LEFT]


def rows_of(conn: Connection, agency: str) -> dict[str, int]:
    """Return how many rows an agency has, by table; those that have none are left out."""
    found = {one.name: _count(conn, one, one.c.agency, agency) for one in tables()}
    found[audit_table.name] = _count(conn, audit_table, audit_table.c.chain, agency)
    return {name: count for name, count in found.items() if count}


def _count(conn: Connection, table: Table, key: Column[Any], agency: str) -> int:
    return int(conn.execute(select(func.count()).select_from(table).where(key == agency)).scalar_one())


def agencies_in(conn: Connection) -> list[str]:
    """Return the agencies that a database has an audit of."""
    return list(conn.execute(select(audit_table.c.chain).distinct().order_by(audit_table.c.chain)).scalars())


def copy(source: Work, target: Work) -> Head:
    """Copy an agency into a database that has nothing of it; the head of its chain there, which is verified.

    Raises NotAllowed where something of it is there already, or another agency has one of its references;
    AuditBroken where what was copied does not verify, or is not what the source has.
    """
    if there := rows_of(target.conn, target.agency):
        counted = ", ".join(f"{count} of {name}" for name, count in there.items())
        raise NotAllowed(
            f"The database has rows of {target.agency} already: {counted}.", todo=advise(Todo.CHOOSE_OTHER_KEY)
        )
    head = audit.verify(source.conn, source.agency)
    try:
        for table in tables():
            _copy(table, source, target)
    except IntegrityError as exc:
        raise NotAllowed(
            "Something of this agency is another one's there, too: probably a reference of its responses."
        ) from exc
    _copy_chain(source, target)
    if audit.verify(target.conn, target.agency) != head:
        raise AuditBroken("The audit that was copied is not the one that it was copied from.")
    if not target.is_sqlite:
        _count_on(target.conn)
    return head


def _copy(table: Table, source: Work, target: Work) -> None:
    query = select(table).where(table.c.agency == source.agency)
    if table is mark:
        query = query.where(mark.c.name.not_in(_DATABASES_OWN))
    for page in _pages(_rows(source.conn, query)):
        target.conn.execute(insert(table), [{**row, "agency": target.agency} for row in page])


def _copy_chain(source: Work, target: Work) -> None:
    """Each row as it was hashed; the chain alone is named as the agency is now."""
    query = select(audit_table).where(audit_table.c.chain == source.agency).order_by(audit_table.c.seq)
    for page in _pages(_rows(source.conn, query)):
        target.conn.execute(insert(audit_table), [{**row, "chain": target.agency} for row in page])


def _rows(conn: Connection, query: Any) -> Iterator[Mapping[str, Any]]:
    for row in conn.execution_options(yield_per=_PAGE).execute(query):
        yield row._asdict()


def _pages(rows: Iterable[T]) -> Iterator[list[T]]:
    left = iter(rows)
    while page := list(islice(left, _PAGE)):
        yield page


def _count_on(conn: Connection) -> None:
    """Let PostgreSQL count on behind the numbers that came."""
    for table in tables():
        for column in table.primary_key:
            if column.autoincrement is True:
                conn.execute(
                    text(
                        f"SELECT setval(one, greatest((SELECT max({column.name}) FROM {table.name}), nextval(one))) "
                        f"FROM (SELECT pg_get_serial_sequence('{table.name}', '{column.name}')::regclass AS one) of"
                    )
                )


def remove(work: Work) -> None:
    """Delete all that an agency has, but for its audit, which stays closed by a row.

    The audit holds no names and no texts; nothing may ever be deleted from it.
    """
    # What was written as a delivery goes only while this row says so: see Erasing in docs/rules.md.
    work.conn.execute(insert(mark).values(agency="", name="erasing", value=f"agency {work.agency} left"))
    for table in (*tables(), opd_number):
        work.conn.execute(delete(table).where(table.c.agency == work.agency))
    work.conn.execute(delete(mark).where(mark.c.agency == "", mark.c.name == "erasing"))
    work_queue.forget(work.conn, work.agency)
