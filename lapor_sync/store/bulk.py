"""Many rows at once: in a backfill, SQLAlchemy working out parameters took as long as the database."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Dialect, Insert


def insert_many(conn: Connection, statement: Insert, rows: Sequence[Mapping[str, Any]]) -> None:
    """Run an INSERT of whole rows, each with every column of the table, in the driver's own form.

    `statement` is a module's constant, or made once a dialect: it is compiled once and kept.
    """
    sql, pick = _compiled(statement, conn.dialect)
    conn.exec_driver_sql(sql, [pick(row) for row in rows])


@lru_cache(maxsize=32)
def _compiled(statement: Insert, dialect: Dialect) -> tuple[str, Callable[[Mapping[str, Any]], Any]]:
    """The text for the driver, and what makes its parameters of a row: a tuple for SQLite, a dict for psycopg."""
    compiled = statement.compile(dialect=dialect, column_keys=[column.name for column in statement.table.columns])
    return str(compiled), itemgetter(*compiled.positiontup) if compiled.positiontup else dict
