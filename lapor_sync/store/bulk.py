"""Many rows at once: in a backfill, SQLAlchemy working out parameters took as long as the database."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Dialect, Insert, Table

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite


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


def replacing(target: Table, dialect: str, keep: tuple[str, ...] = ()) -> Insert:
    """INSERT .. ON CONFLICT DO UPDATE of all columns but the primary key and what is to be kept."""
    statement, keys = _insert(target, dialect), [column.name for column in target.primary_key]
    new = {c.name: statement.excluded[c.name] for c in target.c if c.name not in {*keys, *keep}}
    return statement.on_conflict_do_update(index_elements=keys, set_=new)


def new_only(target: Table, dialect: str) -> Insert:
    """INSERT .. ON CONFLICT DO NOTHING."""
    return _insert(target, dialect).on_conflict_do_nothing()


def _insert(target: Table, dialect: str) -> sqlite.Insert | postgresql.Insert:
    """That database's own INSERT. Only the dialect that is used gets loaded: each takes a while."""
    if dialect == "sqlite":
        from sqlalchemy.dialects import sqlite

        return sqlite.insert(target)
    from sqlalchemy.dialects import postgresql

    return postgresql.insert(target)
