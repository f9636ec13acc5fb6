"""One process works an agency at a time. The kernel or the server frees the lock when its holder dies.

There are two locks: the agency's, which its worker has alone, and the whole database's, which the workers of all
agencies share. So who has the second one alone (a restore, or a program of before there were two) works with nobody.

Looking at the lock never takes it for long enough to keep a worker out, and never writes.

A lock can be lost without a word: a machine is paused, its connection to PostgreSQL goes, another takes over, and the
first one wakes with responses in hand. So the lock is a lease: before each piece of a write leaves, `may_leave` wants
a proof that is younger than `PROOF_SECONDS`; and who takes the place of one that may only be frozen works nothing for
`TAKE_OVER_SECONDS`. Whatever left was proven before the other began.
"""

from __future__ import annotations

import fcntl
import glob
import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection, Engine, and_, bindparam, delete, insert, inspect, select, text
from sqlalchemy.exc import SQLAlchemyError

from lapor_sync.clock import boot, boottime
from lapor_sync.domain.advice import Todo, advise
from lapor_sync.domain.errors import LockHeld, SettingsWrong, StoreReplaced, StoreUnavailable
from lapor_sync.store.database import Work, in_place, nothing
from lapor_sync.store.database_file import need_one_name
from lapor_sync.store.keys import WHOLE, key_of
from lapor_sync.store.schema import mark

Check = Callable[[], None]
"""Raises StoreUnavailable where the lock was lost: then somebody else may be at work."""

PROOF_SECONDS = 2.0
"""So old may the proof be with which a write leaves, by the clock that goes on while the machine sleeps."""

TAKE_OVER_SECONDS = 5.0
"""How long one waits who takes the place of a holder that did not end cleanly and is not known to be dead."""

PATIENCE = 0.5
"""Seconds for which a worker tries: a look, or a holder that was just killed, is over by then."""

_PAUSE = 0.02
_UNKNOWN = "unknown"


@dataclass
class Holding:
    """An agency's part of the database as this process works it alone. `name` "" keeps no row, with nobody to tell.

    `file` raises StoreReplaced where the database's file is no longer the one that is worked.
    """

    lock: Check = nothing
    name: str = ""
    file: Check = nothing
    clock: Callable[[], float] = boottime
    has_claimed: bool = False
    _proven_at: float = float("-inf")
    _turn: threading.RLock = field(default_factory=threading.RLock)

    def check(self) -> None:
        """Raise StoreUnavailable where the lock was lost, StoreReplaced where the database's file was replaced."""
        self.file()
        asked_at = self.clock()
        with self._turn:  # the lock's one connection is no two threads'
            self.lock()
            self._proven_at = max(self._proven_at, asked_at)

    def may_leave(self) -> bool:
        """Return whether it is proven that this process holds the database right now, or did a moment ago."""
        for _ in range(_PROOFS):
            try:
                self.file()
                if self.clock() - self._proven_at < PROOF_SECONDS:
                    return True
                self.check()
            except (StoreUnavailable, StoreReplaced):
                return False
        return False  # each time it took too long to be told

    def claim(self, work: Work) -> None:
        """Take responsibility for what this transaction claims. Raises StoreUnavailable where the lock was lost.

        From here on nobody takes over in a hurry, unless this process ends cleanly or is known to be dead.
        """
        self.check()
        if self.name and self.name not in _rows(work.conn, work.agency):
            self.has_claimed = True
            work.conn.execute(delete(mark).where(_IS_ROW), {"its_agency": work.agency})
            work.conn.execute(insert(mark).values(agency=work.agency, name=_ROW, value=self.name))

    def still_answers(self, work: Work) -> None:
        """Raise StoreUnavailable where another process has taken over what this one had claimed."""
        if self.name and self.name not in _rows(work.conn, work.agency):
            raise StoreUnavailable(_TAKEN_OVER, todo=advise(Todo.OTHER_WORKS_ON))


_PROOFS = 3
_TAKEN_OVER = "Another process took over the database while this one was not able to work it."
_ROW = "holder"


_IS_ROW = and_(mark.c.agency.in_((bindparam("its_agency"), "")), mark.c.name == _ROW)
"""A program of before schema 0010 left its own under no agency; who came after it outlasted it."""

_HOLDERS = select(mark.c.value).where(_IS_ROW)


def _rows(conn: Connection, agency: str) -> list[str]:
    """Who claimed last and did not end cleanly."""
    return list(conn.execute(_HOLDERS, {"its_agency": agency}).scalars())


@contextmanager
def working(engine: Engine, agency: str, what: str) -> Iterator[Holding]:
    """Hold an agency's part of the database for `what` (daemon, backfill, ...).

    Raises LockHeld, naming the holder as far as it can be told.
    """
    with _held(engine, agency, what) as check:
        if _in_memory(engine):
            yield Holding(lock=check)
            return
        _outlast(_left_by(engine, agency))
        mine = Holding(lock=check, name=_this_process(), file=in_place(engine))
        try:
            yield mine
        finally:
            _end_cleanly(engine, agency, mine)


@contextmanager
def alone(engine: Engine, what: str) -> Iterator[Holding]:
    """Hold the whole database, so that no agency is worked. Its file is not opened: another may take its place.

    Raises LockHeld, naming a holder as far as it can be told.
    """
    with _held(engine, None, what) as check:
        yield Holding(lock=check)


@contextmanager
def _held(engine: Engine, agency: str | None, what: str) -> Iterator[Check]:
    held = _flock if engine.dialect.name == "sqlite" else _advisory
    with held(engine, agency, f"{what}, pid {os.getpid()} on {socket.gethostname()}") as check:
        yield check


def _outlast(left: list[str]) -> None:
    """Wait until a holder that may be frozen has surely no proof any more with which anything could leave."""
    if all(map(_is_dead, left)):
        return
    until = boottime() + TAKE_OVER_SECONDS
    while (rest := until - boottime()) > 0:
        time.sleep(min(rest, _PAUSE))


def _left_by(engine: Engine, agency: str) -> list[str]:
    """Who held it before and did not end cleanly; nobody where there is no table to ask yet."""
    try:
        with engine.connect().execution_options(lapor_write=False) as conn:
            return _rows(conn, agency) if inspect(conn).has_table(mark.name) else []
    except SQLAlchemyError as exc:
        raise StoreUnavailable("The database cannot be asked who held it before.") from exc


def _end_cleanly(engine: Engine, agency: str, mine: Holding) -> None:
    """Let the next one begin at once. Where that cannot be written, it waits a little."""
    if not mine.has_claimed:
        return
    writing = engine.execution_options(lapor_write=True)
    with suppress(SQLAlchemyError, StoreReplaced), writing.connect() as conn:
        if mine.name in _rows(conn, agency):
            conn.execute(delete(mark).where(_IS_ROW, mark.c.value == mine.name), {"its_agency": agency})
            conn.commit()


# Processes, as they are told from others: machine, number, start.


def _this_process() -> str:
    pid = os.getpid()
    return json.dumps([_machine(), pid, _started(pid), secrets.token_hex(8)])


def _is_dead(left: str) -> bool:
    """Return whether that process certainly runs no more: one of this machine, of which nothing is left."""
    try:
        machine, pid, started, _ = json.loads(left)
    except ValueError:
        return False
    if not machine or machine != _machine():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    now = _started(pid)
    return now == "" or (now is not None and now != started)


def _machine() -> str:
    """This boot of this machine, and the namespace in which its processes are counted; "" where nobody tells."""
    try:
        return f"{boot()} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""


def _started(pid: int) -> str | None:
    """When a process began, "" for one that is over and not fetched yet, None where nobody tells. Source: proc(5)."""
    try:
        _, _, rest = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")
    except OSError:
        return None
    fields = rest.split()
    return "" if fields[0] in {"Z", "X"} else fields[19]


def holder(engine: Engine, agency: str) -> str | None:
    """Who works this agency right now: None where nobody does, `unknown` where one cannot tell. Never raises."""
    if engine.dialect.name == "sqlite":
        path = database_of(engine)
        return _flock_holder(_locks(path, agency)) if path else None
    try:
        with engine.connect() as conn:
            return _advisory_holder(conn, agency)
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


# SQLite: files beside the database.


def database_of(engine: Engine) -> Path | None:
    """SQLite's file; None for a database in memory, or a server's.

    Through symbolic links: two names of one database have the same locks.
    """
    path = engine.url.database if engine.dialect.name == "sqlite" else None
    return None if not path or path == ":memory:" else Path(os.path.realpath(path))


def _in_memory(engine: Engine) -> bool:
    return engine.dialect.name == "sqlite" and database_of(engine) is None


def _locks(path: Path, agency: str) -> list[Path]:
    """The files that tell who works an agency: its own, and that of the whole database."""
    return [Path(f"{path}.{agency}.lock"), _whole(path)]


def _whole(path: Path) -> Path:
    return Path(f"{path}.lock")


@contextmanager
def _flock(engine: Engine, agency: str | None, me: str) -> Iterator[Check]:
    path = database_of(engine)
    if path is None:
        yield nothing
        return
    need_one_name(path)  # the locks beside it tell nothing of one that comes by another name
    with ExitStack() as stack:
        if agency is None:
            checks = [stack.enter_context(_locked(_whole(path), fcntl.LOCK_EX, me, _all_locks(path)))]
        else:
            mine, whole = _locks(path, agency)
            checks = [
                stack.enter_context(_locked(whole, fcntl.LOCK_SH, "", [whole])),
                stack.enter_context(_locked(mine, fcntl.LOCK_EX, me, [mine])),
            ]

        def check() -> None:
            for one in checks:
                one()

        yield check


def _all_locks(path: Path) -> list[Path]:
    """Every file that may tell who works: who shares the lock of the whole has that of an agency."""
    return [_whole(path), *sorted(path.parent.glob(f"{glob.escape(path.name)}.*.lock"))]


@contextmanager
def _locked(path: Path, kind: int, me: str, others: list[Path]) -> Iterator[Check]:
    """Hold a lock's file; who holds it alone puts its name there. Raises LockHeld, by what `others` tell."""
    descriptor = _open(path)
    try:
        if not _is_taken(lambda: _flocks(descriptor, kind)):
            raise _held_by(_flock_holder(others) or _UNKNOWN)
        _check_file(descriptor, path)
        if me:
            with suppress(OSError):  # a full disk: the name is a courtesy, the lock holds without it
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, me.encode(), 0)
        yield lambda: _check_file(descriptor, path)
    finally:
        os.close(descriptor)


def _check_file(descriptor: int, path: Path) -> None:
    """The kernel takes a lock back from nobody; but a file that was removed keeps nobody out any more."""
    with suppress(OSError):
        if os.path.samestat(os.fstat(descriptor), os.stat(path)):
            return
    raise StoreUnavailable(
        f"The lock file {path} was removed or replaced: it keeps no other process out any more.",
        todo=advise(Todo.LEAVE_LOCK_FILE),
    )


ITSELF = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""No link is followed: in a folder that others may write it could lead to any file; and no pipe is waited for."""


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | ITSELF, 0o600)
    except OSError as exc:
        raise StoreUnavailable(f"The lock file {path} cannot be opened: {exc.strerror}.") from exc


def _flocks(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _flock_holder(paths: list[Path]) -> str | None:
    """Who holds the first of these that somebody holds alone."""
    return next((found for found in map(_alone_in, paths) if found is not None), None)


def _alone_in(path: Path) -> str | None:
    """A shared lock is had at once where nobody has it alone, and closing gives it back at once."""
    try:
        descriptor = os.open(path, os.O_RDONLY | ITSELF)
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


# PostgreSQL: advisory locks of a session.


def need_sessions(engine: Engine) -> None:
    """Raise SettingsWrong where a pooler hands the server's sessions around between transactions: no lock lasts there.

    Raises StoreUnavailable where the server does not answer.
    """
    if engine.dialect.name != "sqlite":
        with _asking(), engine.connect() as conn:
            _need_sessions(conn.execution_options(isolation_level="AUTOCOMMIT"), engine)


def _need_sessions(mine: Connection, engine: Engine) -> None:
    """Two connections that are one session of the server's are one that is handed around, and so is one that is another
    session than before. Each query of `mine` is a transaction."""
    first = _ask(mine, _SESSION)
    with engine.connect() as other:
        is_one = _ask(other, _SESSION) == first
    if is_one or _ask(mine, _SESSION) != first:
        raise SettingsWrong(
            ("a pooler in transaction mode stands before the database: no lock would last there",),
            todo=advise(Todo.NO_POOLER),
        )


@contextmanager
def _advisory(engine: Engine, agency: str | None, me: str) -> Iterator[Check]:
    with _own_connection(engine, f"lapor-sync {me}"[:63]) as conn:  # the server cuts longer names
        with _asking():
            _need_sessions(conn, engine)
            other = None if _is_taken(lambda: _takes(conn, agency)) else _advisory_holder(conn, agency) or _UNKNOWN
        if other:
            raise _held_by(other)
        try:
            yield lambda: _check(conn, agency)
        finally:
            with suppress(SQLAlchemyError):
                _ask(conn, _UNLOCK)


def _takes(conn: Connection, agency: str | None) -> bool:
    """Both locks or none: the agency's alone, and with others that of the whole; or that of the whole alone."""
    if agency is None:
        return bool(_ask(conn, _TRY, WHOLE))
    if _ask(conn, _TRY_SHARED, WHOLE) and _ask(conn, _TRY, key_of("worker", agency)):
        return True
    _ask(conn, _UNLOCK)
    return False


@contextmanager
def _own_connection(engine: Engine, name: str) -> Iterator[Connection]:
    """The lock lives as long as the connection that took it: so it has one of its own."""
    with _asking():
        conn = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    try:
        with _asking():
            conn.detach()  # never back into the pool, where it might hold the lock on
            conn.execute(text(_OWN), {"name": name})
        yield conn
    finally:
        with suppress(SQLAlchemyError):
            conn.close()


_OWN = """
SELECT set_config('application_name', :name, false), set_config('tcp_keepalives_idle', '30', false),
  set_config('tcp_keepalives_interval', '10', false), set_config('tcp_keepalives_count', '3', false),
  (SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'idle_session_timeout')
"""
"""Its name; keepalives, else the server keeps the lock of a holder whose whole machine died for two hours; and whatever
server, database or role are set to, it may be silent for minutes: between two cycles it is."""


@contextmanager
def _asking() -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as exc:
        raise StoreUnavailable("The database's lock cannot be asked for: the server does not answer.") from exc


def _check(conn: Connection, agency: str | None) -> None:
    # SQLAlchemy connects anew by itself: only the server knows whether this session still has the lock.
    key = WHOLE if agency is None else key_of("worker", agency)
    with suppress(SQLAlchemyError):
        if _ask(conn, f"SELECT count(*) FROM pg_locks WHERE {_IS} AND pid = pg_backend_pid()", key):
            return
    raise StoreUnavailable("The connection that holds the database for this process was lost.")


def _ask(conn: Connection, query: str, key: int | None = None) -> object:
    return conn.execute(text(query), {} if key is None else {"key": key}).scalar()


_SESSION = "SELECT pg_backend_pid()"
_TRY = "SELECT pg_try_advisory_lock(:key)"
_TRY_SHARED = "SELECT pg_try_advisory_lock_shared(:key)"
_UNLOCK = "SELECT pg_advisory_unlock_all()"  # of a connection that has no other
_IS = """locktype = 'advisory' AND granted AND (classid::bigint << 32 | objid::bigint) = :key AND objsubid = 1
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""


def _advisory_holder(conn: Connection, agency: str | None) -> str | None:
    """Who works this agency, or has the whole database alone; None as the agency: whoever shares it."""
    if agency is None:
        return _first_holder(conn, WHOLE)
    return _first_holder(conn, key_of("worker", agency)) or _first_holder(
        conn, WHOLE, "AND mode = 'ExclusiveLock'"
    )


def _first_holder(conn: Connection, key: int, how: str = "") -> str | None:
    query = (
        f"SELECT application_name FROM pg_locks LEFT JOIN pg_stat_activity USING (pid) WHERE {_IS} {how} LIMIT 1"
    )
    row = conn.execute(text(query), {"key": key}).first()
    if row is None:
        return None
    return str(row[0] or _UNKNOWN).removeprefix("lapor-sync ")
