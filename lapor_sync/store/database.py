"""Opening the database, and the unit of work: one transaction with its audit rows."""

from __future__ import annotations

import re
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, RootTransaction, create_engine, event, inspect, text
from sqlalchemy.engine import ExceptionContext, make_url
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError

from lapor_sync.domain.advice import Todo, advise
from lapor_sync.domain.errors import (
    NoDatabase,
    SettingsWrong,
    StoreBusy,
    StoreDamaged,
    StoreError,
    StoreNewer,
    StoreRefused,
    StoreUnavailable,
)
from lapor_sync.domain.names import shown_name
from lapor_sync.domain.people import DAEMON, Actor
from lapor_sync.domain.ports import Clock
from lapor_sync.store import audit
from lapor_sync.store.database_file import DatabaseFile
from lapor_sync.store.keys import TURN, key_of
from lapor_sync.store.schema import HEAD
from lapor_sync.store.times import from_text, to_text

BUSY_SECONDS = 30
"""How long a write waits for another process's write."""

_ASKED = 5
"""How often a new connection is tried to learn what became of a commit that got no answer."""

_ASKED_SECONDS = 5.0
"""How long each of them waits for the transaction of the lost connection to be over."""

DAMAGED = frozenset({sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT})
"""SQLite's codes for a file that is broken, or that never was a database."""

_SERVER = {
    "connect_timeout": 10,
    # A network that swallows packets without a word is noticed within a minute or two, not within hours.
    "keepalives_idle": 60,
    "keepalives_interval": 10,
    "keepalives_count": 6,
    "tcp_user_timeout": 60_000,
}
"""How the PostgreSQL server is reached, where the URL does not say otherwise."""

_LETTERS = {"client_encoding": "utf8"}
"""Whatever URL, role or environment would have."""

_DURABLE = """
SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') <> 'remote_apply'
"""
"""For this transaction alone, so that no pooler that hands sessions around can lose it. Only `remote_apply` is more."""

_ABOUT_A_VALUE = ("22", "23", "54", "P0001")
"""PostgreSQL's classes of errors for what is given: it cannot be taken, breaks a rule, is too large (for an index, too),
or a trigger refuses it."""

_NO_VALUE = {OverflowError: "a number of more than 64 bits", UnicodeEncodeError: "a text that is no Unicode"}
"""What the drivers themselves cannot hand over; what they say of it may hold the value."""


@dataclass
class Work:
    """One transaction. `now` is its time, `at` the same as columns hold it, for the store alone; audit entries are
    appended right before the commit.

    All that is noted in it was done by its `actor`.
    """

    conn: Connection
    agency: str
    at: str
    actor: Actor = DAEMON
    entries: list[audit.Entry] = field(default_factory=list)

    def note(self, what: str, subject: str, **data: object) -> None:
        """Put one audit row into this transaction. `data`: ids, codes, states, hashes; never names or texts."""
        who = self.actor.who
        self.entries.append(
            audit.entry(at=self.at, agency=self.agency, who=who, what=what, subject=subject, data=data)
        )

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """A part of the transaction that may fail alone: what the block did is undone then, its audit rows too."""
        known, savepoint = len(self.entries), self.conn.begin_nested()
        try:
            yield
        except BaseException as exc:
            del self.entries[known:]
            try:
                savepoint.rollback()
            except SQLAlchemyError:
                if isinstance(exc, SQLAlchemyError):
                    raise exc from None  # the whole transaction is gone, and this is why
                raise
            raise
        savepoint.commit()

    @property
    def now(self) -> datetime:
        return from_text(self.at)

    @property
    def is_sqlite(self) -> bool:
        return self.conn.dialect.name == "sqlite"

    def leave_no_trace(self) -> None:
        """Let what is erased from now on not lie on in free pages of SQLite's file."""
        if self.is_sqlite:
            self.conn.exec_driver_sql("PRAGMA secure_delete = ON")


def connection_values(engine: Engine) -> dict[str, Any]:
    """Return with which values psycopg connects to this engine's server, for who needs connections of another kind."""
    _, values = engine.dialect.create_connect_args(engine.url)
    return {**_SERVER, **values, **_LETTERS}


class Store:
    """One agency's part of the database. Its threads and processes take turns at writing.

    So what a transaction has read is still so when it writes: a person's act and the daemon's never cross.
    """

    def __init__(self, engine: Engine, agency: str, clock: Clock) -> None:
        self.engine = engine
        self.agency = agency
        self.clock = clock
        self._in_place = in_place(engine)
        self._turn = threading.RLock()
        self._head: audit.Head | None = None

    @contextmanager
    def work(
        self, actor: Actor = DAEMON, *, patience: float | None = None, of_page: bool = False
    ) -> Iterator[Work]:
        """A write transaction of that actor; commits with its audit rows if the block ends well, else rolls back.

        `patience`: seconds to wait for who writes now, another thread or process; StoreBusy is raised after them.
        `of_page`: it writes a page of reports and no more, so that what it takes to undo that may lie in memory.

        Raises StoreUnavailable where the database cannot be written, StoreDamaged where its file is broken,
        StoreReplaced where another has its place, StoreRefused where it refuses what it is given.
        Nothing of it is stored then, unless the error says that this is not known.
        """
        seconds = BUSY_SECONDS if patience is None else patience
        options = {"lapor_write": True, "lapor_patience": seconds, "lapor_of_page": of_page}
        with self._alone(patience), self._trouble(), self._connect(options) as conn:
            transaction = conn.begin()  # closing the connection rolls back what was not committed
            _take_turn(conn, self.agency, seconds)
            unit = Work(conn, self.agency, to_text(self.clock.now()), actor)
            yield unit
            head = audit.append(conn, self.agency, unit.entries, self._head) if unit.entries else None
            _count_up(conn)
            self._in_place()
            self._commit(transaction, head)
            self._head = head or self._head

    @contextmanager
    def _alone(self, patience: float | None) -> Iterator[None]:
        """Only one thread of this process writes at a time."""
        if not self._turn.acquire(timeout=-1 if patience is None else patience):
            raise StoreBusy("Another thread writes.")
        try:
            yield
        finally:
            self._turn.release()

    @property
    def head(self) -> audit.Head | None:
        """The audit's last row as this process wrote it; None before it wrote one."""
        return self._head

    def tidy(self) -> None:
        """Let SQLite's file itself have what lies in its log, so far as nobody is in the way.

        Then it can be told from an older copy: see `DatabaseFile.check`. Raises as `work` does.
        """
        if self.engine.dialect.name == "sqlite":
            with self._trouble(), self._connect({"lapor_write": None}) as conn:
                conn.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)").close()

    @contextmanager
    def reading(self) -> Iterator[Work]:
        """A read-only look at one consistent state."""
        with self._trouble(), self._connect(_reading_on(self.engine)) as conn, conn.begin():
            yield Work(conn, self.agency, to_text(self.clock.now()))

    @contextmanager
    def _trouble(self) -> Iterator[None]:
        """As `_translated`; what is left of the connections then is not used again.

        One that SQLite opened while the file was read-only stays so when the file is writable again.
        """
        try:
            with _translated():
                yield
        except (StoreUnavailable, StoreDamaged):
            self.engine.dispose()
            raise

    def _connect(self, options: dict[str, Any]) -> Connection:
        return self.engine.connect().execution_options(**options)

    def _commit(self, transaction: RootTransaction, head: audit.Head | None) -> None:
        """Commit. Where the connection is lost in the middle of it, ask what became of it: never guess."""
        try:
            transaction.commit()
        except DBAPIError as exc:
            transaction.connection.invalidate(exc)  # SQLite leaves a transaction open whose COMMIT failed
            if not exc.connection_invalidated or head is None or not self._is_stored(head):
                raise

    def _is_stored(self, head: audit.Head) -> bool:
        """Whether the unit whose audit rows end with `head` was committed after all."""
        for _ in range(_ASKED):
            try:
                with self.engine.connect() as conn, conn.begin():
                    # The lost connection's transaction holds the turn until it is over, one way or the other.
                    _take_turn(conn, self.agency, _ASKED_SECONDS)
                    return audit.holds(conn, self.agency, head)
            except DBAPIError:
                self.clock.sleep(1)
        raise StoreUnavailable(
            "The connection to the database was lost in mid-commit: whether it is stored is not known.",
            todo=advise(Todo.LOOK_BEFORE_AGAIN),
        )

    def close(self) -> None:
        """Give back every connection. Whoever uses it again may find another file in the old one's place."""
        self.engine.dispose()
        self._head = None
        if (file := _file_of(self.engine)) is not None:
            file.forget()


def open_store(url: str, agency: str, clock: Clock, *, anew: bool = True) -> Store:
    """Open the database at `url`, migrating it as needed; `anew`: making it where there is none.

    Raises NoDatabase, StoreUnavailable, StoreDamaged, SettingsWrong for a database that cannot hold every letter, or
    StoreNewer where a newer lapor-sync made it.
    """
    store = Store(make_engine(url, anew=anew), agency, clock)
    try:
        with _translated():
            prepare(store.engine, anew=anew)
    except BaseException:
        store.close()
        raise
    return store


def make_engine(url: str, *, anew: bool = True, at_once: int = 8) -> Engine:
    """An engine with the settings that the promise rests on: see `_configure_sqlite`. `anew`: it may make the file.

    `at_once`: how many connections are kept open; the board answers so many requests at a time. Of those that are free
    the one that was used last is used, so that few are open, and what they keep of the database is of today.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        said = {name: value for name, value in _SERVER.items() if name not in parsed.query} | _LETTERS
        engine = _engine(
            parsed,
            connect_args=said,
            pool_size=at_once,
            pool_use_lifo=True,
            pool_pre_ping=True,
            isolation_level="READ COMMITTED",
        )
        event.listen(engine, "begin", _begin_postgresql)
        return engine
    if not parsed.database or parsed.database == ":memory:":
        engine = _engine(parsed, connect_args={"check_same_thread": False})
    else:
        file = DatabaseFile(Path(parsed.database), anew=anew, patience=BUSY_SECONDS)
        if anew:
            file.make_folder()
        kept: dict[str, Any] = {"pool_size": at_once, "pool_use_lifo": True}
        engine = _engine(parsed, creator=file.open, execution_options={_FILE: file}, **kept)
        event.listen(engine, "begin", lambda _conn: file.check())
    event.listen(engine, "connect", _configure_sqlite)
    if anew:
        event.listen(engine, "connect", _write_ahead)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


_FILE = "lapor_file"


def in_place(engine: Engine) -> Callable[[], None]:
    """Return what raises StoreReplaced where the file of that engine is no longer the one that it opened."""
    file = _file_of(engine)
    return nothing if file is None else file.check


def _file_of(engine: Engine) -> DatabaseFile | None:
    file = engine.get_execution_options().get(_FILE)
    return file if isinstance(file, DatabaseFile) else None


def nothing() -> None:
    """The check of what nobody else can reach, or replace: it always holds."""


def _engine(url: URL, **options: Any) -> Engine:
    # An error's text must not hold the parameters: they are citizens' names and words.
    engine = create_engine(url, hide_parameters=True, **options)
    event.listen(engine, "handle_error", _refuse_values)
    return engine


def _refuse_values(context: ExceptionContext) -> None:
    what = _NO_VALUE.get(type(context.original_exception))
    if what is not None:
        raise StoreRefused(f"The database cannot hold what it was given: {what}.") from context.original_exception


def _reading_on(engine: Engine) -> dict[str, Any]:
    """SQLite's transactions see one state by themselves, PostgreSQL's only if told to."""
    if engine.dialect.name == "sqlite":
        return {"lapor_write": False}
    return {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}


def _configure_sqlite(dbapi: Any, _record: object) -> None:
    dbapi.isolation_level = None  # we say BEGIN ourselves: see _begin_sqlite
    for pragma in (
        "synchronous = FULL",  # an accepted response survives a power cut
        "foreign_keys = ON",
        "temp_store = FILE",  # as `_keep_undo` takes it for said
        "recursive_triggers = ON",  # so that REPLACE meets the triggers that forbid deleting audit rows
    ):
        dbapi.execute(f"PRAGMA {pragma}")


def _write_ahead(dbapi: Any, _record: object) -> None:
    """Journal mode WAL. Who comes while another switches a new file is refused, and not let wait by SQLite itself."""
    until = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            dbapi.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as exc:
            if sqlite_code(exc) != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
        time.sleep(0.01)


def _begin_sqlite(conn: Connection) -> None:
    # A writer says so at once: a read lock that must grow fails where waiting would have helped.
    options = conn.get_execution_options()
    is_write = options.get("lapor_write", True)
    if is_write is None:
        return  # no transaction: see `Store.tidy`
    _keep_undo(conn, "MEMORY" if options.get("lapor_of_page") else "FILE")
    if is_write:
        conn.exec_driver_sql(f"PRAGMA busy_timeout = {options.get('lapor_patience', BUSY_SECONDS) * 1000:.0f}")
        conn.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        conn.exec_driver_sql("BEGIN")


def _keep_undo(conn: Connection, where: str) -> None:
    """Say where this transaction keeps each page of the file as it was before a row.

    A report is in twenty pages, its own and its indexes': in a file of SQLite's they take as long as all the rest. A
    transaction of any size has the file, sorting too, as memory is bounded.
    """
    if conn.info.get("temp_store", "FILE") != where:
        conn.exec_driver_sql(f"PRAGMA temp_store = {where}")
        conn.info["temp_store"] = where


def _begin_postgresql(conn: Connection) -> None:
    """Let what is committed survive a power cut of the server, whatever server, database or role are set to."""
    if conn.get_execution_options().get("lapor_write"):
        conn.exec_driver_sql(_DURABLE)


def _count_up(conn: Connection) -> None:
    """Let SQLite's file say that it came further: see `DatabaseFile.check`."""
    if conn.dialect.name == "sqlite":
        count = int(conn.exec_driver_sql("PRAGMA user_version").scalar_one())
        conn.exec_driver_sql(f"PRAGMA user_version = {min(count + 1, _MOST_COUNTED)}")


_MOST_COUNTED = 2**31 - 1
"""What the file's head can hold: ten a second for seven years."""


def _take_turn(conn: Connection, agency: str, seconds: float) -> None:
    """Until this transaction ends nobody else writes for this agency. On SQLite BEGIN IMMEDIATE has said so already,
    and for the whole file."""
    if conn.dialect.name == "postgresql":
        patience = f"SET LOCAL lock_timeout = {seconds * 1000:.0f}"
        whole, mine = f"pg_advisory_xact_lock_shared({TURN})", f"pg_advisory_xact_lock({key_of('turn', agency)})"
        conn.exec_driver_sql(f"{patience}; SELECT {whole}; SELECT {mine}")


def prepare(engine: Engine, *, anew: bool = True) -> None:
    """Bring the schema to HEAD; `anew`: of an empty database, too, else NoDatabase is raised."""
    with engine.connect().execution_options(lapor_write=False) as conn:
        need_utf8(conn)
        version = schema_version(conn)
    if version == HEAD:
        return
    if version is None and not anew:
        raise NoDatabase(f"Nothing of lapor-sync is in the database {engine.url.database}.")
    from lapor_sync.store.migrations import upgrade  # Alembic's 93 ms would be a fifth of each `status`

    if (version is not None and not re.fullmatch(r"\d{4}", version)) or (version or "") > HEAD:
        raise StoreNewer(f"The database has schema {version}; this lapor-sync knows {HEAD}.")
    upgrade(engine.execution_options(lapor_write=True))


def is_of_today(engine: Engine) -> bool:
    """Return whether a database has the schema of this program. Raises StoreUnavailable, StoreDamaged."""
    with _translated(), engine.connect().execution_options(lapor_write=False) as conn:
        return schema_version(conn) == HEAD


def need_utf8(conn: Connection) -> None:
    """Raise SettingsWrong for a PostgreSQL database that cannot hold every letter, or holds bytes of any kind."""
    if conn.dialect.name != "postgresql":
        return
    encoding = str(conn.exec_driver_sql("SHOW server_encoding").scalar())
    if encoding != "UTF8":
        raise SettingsWrong(
            (f"the database's encoding is {encoding}; it must be UTF8",),
            todo=advise(Todo.MAKE_UTF8),
        )


def schema_version(conn: Connection) -> str | None:
    """The migration that the database is at; None where it is empty."""
    if not inspect(conn).has_table("alembic_version"):
        return None
    found: str | None = conn.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


@contextmanager
def _translated() -> Iterator[None]:
    """The database's own errors as ours."""
    try:
        yield
    except DBAPIError as exc:
        if _is_about_a_value(exc):
            raise StoreRefused(f"The database refused what it was given: {_first_line(exc)}.") from exc
        if sqlite_code(exc.orig) in DAMAGED:
            raise StoreDamaged(_damage(exc), todo=advise(Todo.CHECK_FILE_THEN_RESTORE)) from exc
        if _is_busy(exc):
            raise StoreBusy("Another program keeps the database locked.") from exc
        raise StoreUnavailable(f"The database did not do it: {_first_line(exc)}.") from exc
    except SQLAlchemyError as exc:
        raise StoreError(f"The database refused: {type(exc).__name__}.") from exc


def damaged_row(what: str, key: object) -> StoreDamaged:
    """Return the error of a row that cannot have been written here: somebody changed it by hand, or the disk did."""
    told = f"{what} {shown_name(str(key))} cannot be read: its row in the database is none that lapor-sync wrote."
    return StoreDamaged(told, todo=advise(Todo.CHECK_FILE_THEN_RESTORE))


def _damage(exc: DBAPIError) -> str:
    if sqlite_code(exc.orig) == sqlite3.SQLITE_NOTADB:
        return "The database's file is no SQLite database."
    return f"The database's file is damaged: {_first_line(exc)}."


def sqlite_code(exc: BaseException | None) -> int:
    """SQLite's primary result code; 0 for an error that is not SQLite's."""
    return int(getattr(exc, "sqlite_errorcode", 0)) & 0xFF


def is_about_what_was_given(exc: Exception) -> bool:
    """Whether the error comes from what was worked on: any but that of a database that cannot do its work now."""
    if isinstance(exc, DBAPIError):
        return _is_about_a_value(exc)
    return not isinstance(exc, SQLAlchemyError | StoreError)


def _is_about_a_value(exc: DBAPIError) -> bool:
    """Return whether not the database is to blame but what it was given: to free disk space would not help."""
    if isinstance(exc, IntegrityError | DataError):
        return True
    return str(getattr(exc.orig, "sqlstate", None) or "").startswith(_ABOUT_A_VALUE)


def _is_busy(exc: DBAPIError) -> bool:
    """Whether a lock was waited for in vain; PostgreSQL says `lock_not_available`."""
    return sqlite_code(exc.orig) == sqlite3.SQLITE_BUSY or getattr(exc.orig, "sqlstate", None) == "55P03"


def _first_line(exc: DBAPIError) -> str:
    """The driver's own first line names no values, but where a text is no UTF-8; what follows, and SQLAlchemy's, may."""
    said = str(exc.orig).strip().splitlines()
    return said[0].partition(" with text ")[0].rstrip(".") if said else type(exc.orig).__name__
