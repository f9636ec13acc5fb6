"""Many rows or ids at once, each database's own fast way: in a backfill, parameters took as long as the database."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import (
    ARRAY,
    JSON,
    Column,
    ColumnElement,
    Connection,
    CursorResult,
    Dialect,
    Insert,
    Select,
    Table,
    Text,
    Update,
    any_,
    bindparam,
    cast,
    func,
    select,
    text,
)

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite

_Rows = Sequence[Mapping[str, Any]]
_Way = tuple[str, Callable[[_Rows], Any]]
"""The text for the driver, and what makes its parameters of the rows."""


def insert_many(conn: Connection, statement: Insert, rows: _Rows) -> None:
    """Run an INSERT of whole rows, each with every column of the table; of two with one key the later counts.

    `statement` is made by this module, once a dialect: it is compiled once and kept.
    """
    sql, parameters = _compiled(statement, conn.dialect)
    conn.exec_driver_sql(sql, parameters(rows))


@lru_cache(maxsize=32)
def _compiled(statement: Insert, dialect: Dialect) -> _Way:
    """SQLite takes a tuple a row. PostgreSQL takes all rows as one JSON text: else each row is a message."""
    table = statement.table
    assert isinstance(table, Table)
    compiled = statement.compile(dialect=dialect, column_keys=[column.name for column in table.columns])
    if compiled.positiontup:
        pick = itemgetter(*compiled.positiontup)
        return str(compiled), lambda rows: [pick(row) for row in rows]
    encode = msgspec.json.Encoder().encode
    key = itemgetter(*(column.name for column in table.primary_key))
    return str(compiled), lambda rows: {"rows": encode(list({key(row): row for row in rows}.values())).decode()}


def among(column: Column[Any], dialect: str) -> ColumnElement[bool]:
    """Whether it is one of the ids that `ask` is given: one parameter, however many they are."""
    ids = bindparam("ids", type_=Text)
    if dialect == "sqlite":
        return column.in_(select(func.json_each(ids).table_valued("value").c.value))
    return column == any_(cast(ids, ARRAY(Text)))


def ask(
    conn: Connection, statement: Select[Any], agency: str, ids: Iterable[str]
) -> CursorResult[tuple[Any, ...]]:
    """Run a SELECT by an `agency` and `among` ids; made once a dialect, so that it is compiled once and kept."""
    sql, parameters = _one(statement, (), conn.dialect)
    given = json.dumps(list(ids)) if conn.dialect.name == "sqlite" else list(ids)
    return conn.exec_driver_sql(sql, parameters({"agency": agency, "ids": given}))


def run(conn: Connection, statement: Insert | Update, values: Mapping[str, Any], **where: object) -> int:
    """Set these columns of one row, by a statement that is compiled once; how many rows it was.

    `statement` is a module's constant; its `bindparam`s, none named as a column, are given in `where`.
    """
    sql, parameters = _one(statement, tuple(values), conn.dialect)
    return conn.exec_driver_sql(sql, parameters({**values, **where})).rowcount


def scalar(conn: Connection, statement: Select[Any], **where: object) -> Any:
    """The first column of the first row, None without one; `statement` and `where` as in `run`."""
    sql, parameters = _one(statement, (), conn.dialect)
    return conn.exec_driver_sql(sql, parameters(where)).scalar()


@lru_cache(maxsize=32)
def _one(
    statement: Insert | Update | Select[Any], names: tuple[str, ...], dialect: Dialect
) -> tuple[str, Callable[[Mapping[str, Any]], Any]]:
    """The text for the driver, and what makes its parameters: a tuple for SQLite, a dict for psycopg."""
    compiled = statement.compile(dialect=dialect, column_keys=list(names))
    if compiled.positiontup:
        wanted = tuple(compiled.positiontup)
        return str(compiled), lambda given: tuple(map(given.__getitem__, wanted))
    return str(compiled), dict


def replacing(target: Table, dialect: str, keep: tuple[str, ...] = ()) -> Insert:
    """INSERT .. ON CONFLICT DO UPDATE of all columns but the primary key and what is to be kept."""
    statement, keys = _insert(target, dialect), [column.name for column in target.primary_key]
    new = {c.name: statement.excluded[c.name] for c in target.c if c.name not in {*keys, *keep}}
    return statement.on_conflict_do_update(index_elements=keys, set_=new)


def new_only(target: Table, dialect: str) -> Insert:
    """INSERT .. ON CONFLICT DO NOTHING."""
    return _insert(target, dialect).on_conflict_do_nothing()


def plain(target: Table, dialect: str) -> Insert:
    """INSERT."""
    return _insert(target, dialect)


def _insert(target: Table, dialect: str) -> sqlite.Insert | postgresql.Insert:
    """That database's own INSERT. Only its own dialect is loaded: the other one would be 2.5 MB of each daemon."""
    if dialect == "sqlite":
        from sqlalchemy.dialects import sqlite

        return sqlite.insert(target)
    from sqlalchemy.dialects import postgresql

    names = [column.name for column in target.columns]
    given = func.json_populate_recordset(text(f"NULL::{target.name}"), cast(bindparam("rows"), JSON))
    return postgresql.insert(target).from_select(names, select(*given.table_valued(*target.columns).c))
