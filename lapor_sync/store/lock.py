"""One process works a database at a time. The kernel or the server frees the lock when its holder dies.

Looking at the lock never takes it for long enough to keep a worker out, and never writes.
"""

from __future__ import annotations

import fcntl
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from lapor_sync.domain.errors import LockHeld, StoreUnavailable

Check = Callable[[], None]
"""Raises StoreUnavailable where the lock was lost: then somebody else may be at work."""

PATIENCE = 0.5
"""Seconds for which a worker tries: a look, or a holder that was just killed, is over by then."""

_PAUSE = 0.02
_KEY = 0x1A907A0C  # any constant: PostgreSQL's session advisory lock
_UNKNOWN = "unknown"


@contextmanager
def working(engine: Engine, what: str) -> Iterator[Check]:
    """Hold the database for `what` (daemon, backfill, ...); yields what asks whether it still does.

    Raises LockHeld, naming the holder as far as it can be told.
    """
    holding = _flock if engine.dialect.name == "sqlite" else _advisory
    with holding(engine, f"{what}, pid {os.getpid()} on {socket.gethostname()}") as check:
        yield check


def holder(engine: Engine) -> str | None:
    """Who works the database right now: None where nobody does, `unknown` where one cannot tell. Never raises."""
    if engine.dialect.name == "sqlite":
        path = _lock_file(engine)
        return _flock_holder(path) if path else None
    try:
        with engine.connect() as conn:
            return _advisory_holder(conn)
    except SQLAlchemyError:
        return _UNKNOWN


def _is_taken(take: Callable[[], bool]) -> bool:
    """Try for a little while."""
    until = time.monotonic() + PATIENCE
    while not take():
        if time.monotonic() >= until:
            return False
        time.sleep(_PAUSE)
    return True


def _held_by(other: str) -> LockHeld:
    return LockHeld(f"Another process works this database: {other}.")


# SQLite: a file beside the database.


def _lock_file(engine: Engine) -> Path | None:
    """None for a database in memory. Through symbolic links: two names of one database are one lock."""
    path = engine.url.database
    return None if not path or path == ":memory:" else Path(f"{Path(path).resolve()}.lock")


@contextmanager
def _flock(engine: Engine, me: str) -> Iterator[Check]:
    path = _lock_file(engine)
    if path is None:
        yield _never_lost
        return
    descriptor = _open(path)
    try:
        if not _is_taken(lambda: _flocks(descriptor, fcntl.LOCK_EX)):
            raise _held_by(_name_in(descriptor))
        with suppress(OSError):  # a full disk: the name is a courtesy, the lock holds without it
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, me.encode(), 0)
        yield _never_lost
    finally:
        os.close(descriptor)


def _never_lost() -> None:
    """The kernel takes a lock back from nobody."""


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    except OSError as exc:
        raise StoreUnavailable(f"The lock file {path} cannot be opened: {exc.strerror}.") from exc


def _flocks(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _flock_holder(path: Path) -> str | None:
    """A shared lock is had at once where nobody works, and closing gives it back at once."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError:
        return _UNKNOWN
    try:
        return None if _flocks(descriptor, fcntl.LOCK_SH) else _name_in(descriptor)
    except OSError:
        return _UNKNOWN
    finally:
        os.close(descriptor)


def _name_in(descriptor: int) -> str:
    return os.pread(descriptor, 200, 0).decode(errors="replace") or _UNKNOWN


# PostgreSQL: an advisory lock of a session.


@contextmanager
def _advisory(engine: Engine, me: str) -> Iterator[Check]:
    with _own_connection(engine, f"lapor-sync {me}"[:63]) as conn:  # the server cuts longer names
        with _asking():
            other = None if _is_taken(lambda: bool(_ask(conn, _TRY))) else _advisory_holder(conn) or _UNKNOWN
        if other:
            raise _held_by(other)
        try:
            yield lambda: _check(conn)
        finally:
            with suppress(SQLAlchemyError):
                _ask(conn, _UNLOCK)


@contextmanager
def _own_connection(engine: Engine, name: str) -> Iterator[Connection]:
    """The lock lives as long as the connection that took it: so it has one of its own."""
    with _asking():
        conn = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    try:
        with _asking():
            conn.detach()  # never back into the pool, where it might hold the lock on
            conn.execute(text("SELECT set_config('application_name', :name, false)"), {"name": name})
        yield conn
    finally:
        with suppress(SQLAlchemyError):
            conn.close()


@contextmanager
def _asking() -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as exc:
        raise StoreUnavailable("The database's lock cannot be asked for: the server does not answer.") from exc


def _check(conn: Connection) -> None:
    # SQLAlchemy connects anew by itself: only the server knows whether this session still has the lock.
    with suppress(SQLAlchemyError):
        if _ask(conn, f"SELECT count(*) FROM pg_locks WHERE {_OURS} AND pid = pg_backend_pid()"):
            return
    raise StoreUnavailable("The connection that holds the database for this process was lost.")


def _ask(conn: Connection, query: str) -> object:
    return conn.execute(text(query), {"key": _KEY}).scalar()


_TRY = "SELECT pg_try_advisory_lock(:key)"
_UNLOCK = "SELECT pg_advisory_unlock(:key)"
_OURS = """locktype = 'advisory' AND granted AND classid = 0 AND objid = :key AND objsubid = 1
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""


def _advisory_holder(conn: Connection) -> str | None:
    query = f"SELECT application_name FROM pg_locks LEFT JOIN pg_stat_activity USING (pid) WHERE {_OURS} LIMIT 1"
    row = conn.execute(text(query), {"key": _KEY}).first()
    if row is None:
        return None
    return str(row[0] or _UNKNOWN).removeprefix("lapor-sync ")
