"""One process works a database at a time. The kernel or the server frees the lock when its holder dies."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from lapor_sync.domain.errors import LockHeld, StoreUnavailable

_KEY = 0x1A907A0C  # any constant: PostgreSQL's session advisory lock


@contextmanager
def working(engine: Engine, what: str) -> Iterator[None]:
    """Hold the database for work of this kind (`daemon`, `backfill`, ...).

    Raises LockHeld, naming the holder as far as it can be told.
    """
    holding = _flock if engine.dialect.name == "sqlite" else _advisory
    with holding(engine, f"{what}, pid {os.getpid()} on {socket.gethostname()}"):
        yield


def holder(engine: Engine) -> str | None:
    """Who works the database right now; None where nobody does."""
    try:
        with working(engine, "look"):
            return None
    except LockHeld as held:
        return held.what.removeprefix("Another process works this database: ").removesuffix(".")


@contextmanager
def _flock(engine: Engine, me: str) -> Iterator[None]:
    path = engine.url.database
    if not path or path == ":memory:":
        yield
        return
    try:
        descriptor = os.open(Path(f"{path}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    except OSError as exc:
        raise StoreUnavailable(f"The lock file {path}.lock cannot be opened: {exc.strerror}.") from exc
    try:
        _take(descriptor)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, me.encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as exc:
        other = os.pread(descriptor, 200, 0).decode(errors="replace") or "unknown"
        raise LockHeld(f"Another process works this database: {other}.") from exc


@contextmanager
def _advisory(engine: Engine, me: str) -> Iterator[None]:
    try:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
            conn.execute(
                text("SELECT set_config('application_name', :me, false)"), {"me": f"lapor-sync {me}"[:63]}
            )
            if not conn.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": _KEY}).scalar():
                other = conn.execute(text(_PG_HOLDER), {"key": _KEY}).scalar() or "unknown"
                raise LockHeld(f"Another process works this database: {other.removeprefix('lapor-sync ')}.")
            try:
                yield
            finally:
                conn.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _KEY})
    except DBAPIError as exc:
        raise StoreUnavailable("The connection that holds the database was lost.") from exc


_PG_HOLDER = """
SELECT activity.application_name
FROM pg_locks JOIN pg_stat_activity AS activity USING (pid)
WHERE locktype = 'advisory' AND granted AND objid = :key AND activity.datname = current_database()
LIMIT 1
"""
