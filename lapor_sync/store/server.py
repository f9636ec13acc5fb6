"""What of a PostgreSQL server breaks the promise that what was committed stays: read for `check`, never set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from lapor_sync.domain.advice import Advice, Todo, advise


@dataclass(frozen=True, kw_only=True, slots=True)
class WeakPoint:
    """One of them, and what to do; `may_lose`: what was committed, else what a standby takes over lacks some of it."""

    what: str
    todo: Advice
    may_lose: bool = True


_OFF = {
    "fsync": "after a power cut the database may be broken, or have forgotten what was sent: it would go twice",
    "full_page_writes": "after a power cut pages of the database may be half old and half new",
}
"""Settings of the server that must be on, and what comes of it where they are off."""

_SEEN = """
SELECT current_setting('fsync') AS fsync, current_setting('full_page_writes') AS full_page_writes,
  current_setting('synchronous_standby_names') AS synchronous,
  (SELECT count(*) FROM pg_stat_replication WHERE application_name <> 'pg_basebackup')
    + (SELECT count(*) FROM pg_replication_slots WHERE slot_type = 'physical' AND NOT temporary AND NOT active)
    AS standbys,
  (SELECT count(*) FROM pg_stat_replication WHERE application_name <> 'pg_basebackup' AND sync_state = 'async')
    AS behind,
  (SELECT string_agg(c.relname, ', ' ORDER BY c.relname) FROM pg_class c
   WHERE c.relpersistence = 'u' AND c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace) AS unlogged
"""
"""A standby that is away right now has its slot. Which one is asynchronous beside others only some roles may see."""


def weak_points(conn: Connection) -> list[WeakPoint]:
    """Return what may lose a commit on this server, the worst first. Any role may see it."""
    return weak(conn.exec_driver_sql(_SEEN).mappings().one())


def weak(seen: Mapping[Any, Any]) -> list[WeakPoint]:
    """Return the weak points in what `_SEEN` brings."""
    found = [
        WeakPoint(
            what=f"no: {name} is off: {comes}",
            todo=advise(Todo.TURN_ON, name=name),
        )
        for name, comes in _OFF.items()
        if seen[name] == "off"
    ]
    if seen["unlogged"]:
        found.append(
            WeakPoint(
                what=f"no: tables are UNLOGGED, and empty after a crash: {seen['unlogged']}",
                todo=advise(Todo.SET_LOGGED),
            )
        )
    if seen["behind"] or (seen["standbys"] and not seen["synchronous"]):
        found.append(WeakPoint(what=_ASYNCHRONOUS, todo=advise(Todo.SYNCHRONOUS), may_lose=False))
    return found


_ASYNCHRONOUS = (
    "here, but a standby is asynchronous: where it takes over it may have forgotten what was sent last, and it would "
    "go twice"
)
