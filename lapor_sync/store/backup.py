"""SQLite's file: a copy of it while others work, what a copy holds, and a copy put in the database's place.

PostgreSQL has tools of its own for this (pg_dump, pg_restore); here is only how to name the database to them.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, Table, create_engine, func, inspect, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from lapor_sync.domain.advice import Todo, advise
from lapor_sync.domain.errors import LaporSyncError, LockHeld, StoreDamaged, StoreNewer, StoreUnavailable
from lapor_sync.store import audit, marks
from lapor_sync.store.audit import GENESIS, Head
from lapor_sync.store.database import BUSY_SECONDS, DAMAGED, Work, schema_version, sqlite_code
from lapor_sync.store.database_file import BESIDE, OVERWRITTEN, make_private, shut_out_others
from lapor_sync.store.marks import Mark
from lapor_sync.store.schema import HEAD, delivery, mark, report
from lapor_sync.store.schema import audit as audit_table

NOTHING = Head(0, GENESIS)
"""The head before the first row."""

PATIENCE = 5.0
"""Seconds for which a restore waits for whoever has the database open."""

_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})


def due_since(work: Work) -> datetime | None:
    """Return when `lapor-sync backup` last copied this database; before the first copy, since when there is anything.

    None where there is nothing yet, and where copies are the server's affair (PostgreSQL).
    """
    if not work.is_sqlite:
        return None
    return marks.get_time(work, Mark.BACKED_UP) or audit.began_at(work.conn, work.agency)


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """What a database holds of one agency; `head` is that of its audit chain."""

    reports: int = 0
    deliveries: int = 0
    head: Head = NOTHING

    def __str__(self) -> str:
        counted = f"{self.reports} reports, {self.deliveries} deliveries, {self.head.count} audit rows"
        return f"{counted}, head {self.head.hash}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Contents:
    """What a database holds, by agency."""

    agencies: Mapping[str, Held]

    def of(self, agency: str) -> Held:
        """Return what it holds of this agency, which may be nothing."""
        return self.agencies.get(agency, Held())

    def __str__(self) -> str:
        if len(self.agencies) < 2:
            return str(next(iter(self.agencies.values()), Held()))
        return "; ".join(f"{agency}: {held}" for agency, held in self.agencies.items())


def database_file(url: str) -> Path | None:
    """The file of a SQLite database, through symbolic links; None for any other database."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or parsed.database in {None, "", ":memory:"}:
        return None
    return Path(os.path.realpath(str(parsed.database)))  # not `resolve`, which fails at a loop of links


def libpq_name(url: str) -> str:
    """A PostgreSQL database as its own tools take it after `--dbname=`, without any password."""
    from psycopg.conninfo import make_conninfo

    parsed = make_url(url)
    _, named = parsed.get_dialect()().create_connect_args(parsed)
    return make_conninfo("", **{key: value for key, value in named.items() if "password" not in key})


# A copy.


def copy(source: Path, target: Path, *, at_work: bool) -> None:
    """Copy a database as it is at one moment, however much others write meanwhile (`at_work`); nobody waits for it.

    `target` must be empty or not there; only its owner may read it. Raises StoreDamaged or StoreUnavailable.
    """
    make_private(target)
    try:
        with _told(), closing(_open(source, at_work=at_work)) as conn:
            conn.execute("VACUUM INTO ?", (str(target),))  # it also leaves behind what was deleted
        with _told(), closing(_open(target, at_work=True)) as conn:
            _sign(conn)
        flush(target)
    finally:
        for one in _beside(target):  # a full disk leaves its journal
            one.unlink()


def _sign(conn: sqlite3.Connection) -> None:
    """Let a copy say that it is one, so that who works it, or has it copied over the database, is told.

    Of a foreign database nothing is known but that; what it is, `look_into` tells.
    """
    conn.execute("PRAGMA user_version = -1")  # it is behind each database: see `DatabaseFile.check`
    with suppress(sqlite3.OperationalError):
        conn.execute(_SAY_COPY, (Mark.COPY,))


_SAY_COPY = """
INSERT OR IGNORE INTO mark (agency, name, value) SELECT DISTINCT agency, ?, '' FROM mark WHERE agency <> ''
"""


def look_into(path: Path) -> Contents:
    """What a copy holds, proven: it is whole, and its audit chain verifies.

    Raises StoreDamaged, also for what is no database of lapor-sync; StoreNewer; AuditBroken.
    """
    with _told(), _looking(path, at_work=False) as conn:
        version = schema_version(conn)
        if version is None or not inspect(conn).has_table(audit_table.name):
            raise StoreDamaged("It is no database of lapor-sync.")
        if version > HEAD:
            raise StoreNewer(f"It has schema {version}; this lapor-sync knows {HEAD}.")
        said = str(conn.execute(text("PRAGMA integrity_check(1)")).scalar())
        if said != "ok":
            raise StoreDamaged(f"It is damaged: {said.splitlines()[-1]}.")
        return contents(conn)


def contents(conn: Connection) -> Contents:
    """What a database holds, of every agency; each one's audit chain is proven. Raises AuditBroken."""
    heads = {agency: audit.verify(conn, chain) for agency, chain in _chains(conn).items()}
    reports, deliveries, marks = (_counts(conn, table) for table in (report, delivery, mark))
    agencies = sorted({*heads, *reports, *deliveries, *marks} - {""})
    return Contents(
        agencies={
            agency: Held(
                reports=reports.get(agency, 0),
                deliveries=deliveries.get(agency, 0),
                head=heads.get(agency, NOTHING),
            )
            for agency in agencies
        }
    )


def head_of(path: Path, agency: str) -> Head | None:
    """The head of an agency's audit in a database as it is; None where that cannot be read."""
    with suppress(StoreDamaged, StoreUnavailable), _told(), _looking(path, at_work=True) as conn:
        if inspect(conn).has_table(audit_table.name):
            return audit.head(conn, agency if _has_chains(conn) else None)
    return None


def _chains(conn: Connection) -> dict[str, str | None]:
    """Whose chains there are, and how `audit` is asked for each; before schema 0010 there was one."""
    if _has_chains(conn):
        found = conn.execute(select(audit_table.c.chain).distinct()).scalars()
        return {agency: agency for agency in found if isinstance(agency, str)}
    most = select(audit_table.c.agency).group_by(audit_table.c.agency).order_by(func.count().desc())
    return dict.fromkeys(conn.execute(most.limit(1)).scalars())


def _has_chains(conn: Connection) -> bool:
    return any(column["name"] == "chain" for column in inspect(conn).get_columns(audit_table.name))


def _counts(conn: Connection, table: Table) -> dict[str, int]:
    query = select(table.c.agency, func.count()).group_by(table.c.agency)
    found = {agency: int(count) for agency, count in conn.execute(query)}
    if not all(isinstance(agency, str) for agency in found):
        raise StoreDamaged(f"It is damaged: a row of {table.name} is of no agency.")
    return found


@contextmanager
def _looking(path: Path, *, at_work: bool) -> Iterator[Connection]:
    engine = create_engine(
        "sqlite://", creator=lambda: _open(path, at_work=at_work), poolclass=NullPool, hide_parameters=True
    )
    with engine.connect() as conn:
        yield conn


def _open(path: Path, *, at_work: bool) -> sqlite3.Connection:
    """A file that nobody works on and that has nothing beside it is read wherever it lies, on a read-only disk too."""
    alone = "ro" if any(_beside(path)) else "ro&immutable=1"
    uri = f"file:{quote(str(path.absolute()))}?mode={'rw' if at_work else alone}"
    return sqlite3.connect(uri, uri=True, isolation_level=None, timeout=BUSY_SECONDS)


def _beside(path: Path) -> list[Path]:
    """What lies beside a database and is part of it, or is said of it: SQLite's own files, and the note."""
    return [one for one in (Path(f"{path}{ending}") for ending in (*BESIDE, OVERWRITTEN)) if one.exists()]


# In the database's place.


def make_single(path: Path) -> None:
    """Let a database that nobody else has open be one file, with nothing beside it."""
    with _told(), closing(_open(path, at_work=True)) as conn:
        conn.execute("PRAGMA journal_mode = DELETE").fetchone()
    flush(path)


def remove(path: Path) -> None:
    """Remove a database and what lies beside it, if it is there."""
    for one in (path, *_beside(path)):
        one.unlink(missing_ok=True)


def put_in_place(new: Path, database: Path, aside: Path) -> bool:
    """Let `new` (a single file) be the database; what was there is `aside` then. Whether there was anything.

    There is no moment without a database, and none with half of one. Raises LockHeld where another process has it
    open, StoreUnavailable where a name cannot be given.
    """
    with _told(), _alone(database):
        is_there = database.exists()
        if is_there:
            _own(new, database)
            shut_out_others(database)  # it is kept for long
            new.chmod(database.stat().st_mode & 0o7777)
            os.link(database, aside)
        for one in _beside(database):  # of one that is damaged or gone: they must not be taken for the new one's
            one.rename(f"{aside}{str(one).removeprefix(str(database))}")
        if is_there:
            new.replace(database)
        else:
            _own(new, database.parent)
            os.link(new, database)  # never over one that somebody made meanwhile
            new.unlink()
        flush(database.parent)
    return is_there


def _own(new: Path, as_it: Path) -> None:
    """Give it the owner of what was there, or of its folder: root may restore for the service's user."""
    wanted, has = as_it.stat(), new.stat()
    if (wanted.st_uid, wanted.st_gid) != (has.st_uid, has.st_gid):
        os.chown(new, wanted.st_uid, wanted.st_gid)


@contextmanager
def _alone(database: Path) -> Iterator[None]:
    """Have the database to oneself, as a single file; a damaged one is nobody's.

    Who opened it a moment before it is moved waits, and then SQLite refuses it to write (READONLY_DBMOVED): so nothing
    gets into the new database that was meant for the old one.
    """
    if not database.exists():
        yield
        return
    with closing(sqlite3.connect(database, timeout=PATIENCE, isolation_level=None)) as conn:
        try:
            conn.execute("PRAGMA journal_mode = DELETE").fetchone()
            conn.execute("BEGIN EXCLUSIVE")
        except sqlite3.DatabaseError as exc:
            if sqlite_code(exc) not in DAMAGED:
                raise
        yield


def flush(path: Path) -> None:
    """Let the disk have it: a file's content, or a folder's names."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# Errors.


@contextmanager
def _told() -> Iterator[None]:
    """SQLite's and the system's own errors as ours."""
    try:
        yield
    except DBAPIError as exc:
        raise _ours(exc.orig) from exc
    except sqlite3.Error as exc:
        raise _ours(exc) from exc
    except OSError as exc:
        raise StoreUnavailable(
            f"The system refused it: {exc.strerror}: {exc.filename}.", todo=advise(Todo.CHECK_SPACE)
        ) from exc


def _ours(exc: BaseException | None) -> LaporSyncError:
    if sqlite_code(exc) in DAMAGED:
        return StoreDamaged(f"It is damaged, or no database of lapor-sync: {exc}.")
    if sqlite_code(exc) in _BUSY:
        return LockHeld("Another process has the database open: the board, a standby, or another command.")
    return StoreUnavailable(f"The database did not do it: {exc}.", todo=advise(Todo.CHECK_SPACE))
