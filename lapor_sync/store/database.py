"""Opening the database, and the unit of work: one transaction with its audit rows."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from lapor_sync.domain.errors import StoreError, StoreNewer, StoreUnavailable
from lapor_sync.domain.ports import Clock
from lapor_sync.store import audit
from lapor_sync.store.schema import HEAD
from lapor_sync.store.times import to_text

BUSY_SECONDS = 30
"""How long a write waits for another process's write."""


@dataclass
class Work:
    """One transaction. `at` is its time as text; audit entries are appended right before the commit."""

    conn: Connection
    agency: str
    at: str
    entries: list[audit.Entry] = field(default_factory=list)

    def note(self, what: str, subject: str, *, who: str = audit.DAEMON, **data: object) -> None:
        """Put one audit row into this transaction. `data`: ids, codes, states, hashes; never names or texts."""
        self.entries.append(
            audit.entry(at=self.at, agency=self.agency, who=who, what=what, subject=subject, data=data)
        )

    @property
    def is_sqlite(self) -> bool:
        return self.conn.dialect.name == "sqlite"


class Store:
    """The database of one agency. Threads of this process take turns at writing."""

    def __init__(self, engine: Engine, agency: str, clock: Clock) -> None:
        self.engine = engine
        self.agency = agency
        self.clock = clock
        self._turn = threading.RLock()

    @contextmanager
    def work(self) -> Iterator[Work]:
        """A write transaction; commits with its audit rows if the block ends well, else rolls back.

        Raises StoreUnavailable where the database does not take it: then nothing of it is stored.
        """
        with self._turn, _translated(), self._connect(write=True) as conn, conn.begin():
            unit = Work(conn, self.agency, to_text(self.clock.now()))
            yield unit
            if unit.entries:
                audit.append(conn, unit.entries)

    @contextmanager
    def reading(self) -> Iterator[Work]:
        """A read-only look at one consistent state."""
        with _translated(), self._connect(write=False) as conn, conn.begin():
            yield Work(conn, self.agency, to_text(self.clock.now()))

    def _connect(self, *, write: bool) -> Connection:
        return self.engine.connect().execution_options(lapor_write=write)

    def close(self) -> None:
        """Give back every connection."""
        self.engine.dispose()


def open_store(url: str, agency: str, clock: Clock) -> Store:
    """Open the database at `url`, making or migrating it as needed.

    Raises StoreUnavailable, or StoreNewer where a newer lapor-sync made it.
    """
    store = Store(make_engine(url), agency, clock)
    try:
        with _translated():
            prepare(store.engine)
    except BaseException:
        store.close()
        raise
    return store


def make_engine(url: str) -> Engine:
    """An engine with the settings that the promise rests on: see `_configure_sqlite`."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return create_engine(parsed, pool_pre_ping=True, connect_args={"connect_timeout": 10})
    if parsed.database:
        _make_folder(Path(parsed.database).parent)
    engine = create_engine(parsed, connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False})
    event.listen(engine, "connect", _configure_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o750)
    except OSError as exc:
        raise StoreUnavailable(f"The folder {folder} cannot be made: {exc.strerror}.") from exc


def _configure_sqlite(dbapi: Any, _record: object) -> None:
    dbapi.isolation_level = None  # we say BEGIN ourselves: see _begin_sqlite
    for pragma in (
        "journal_mode = WAL",
        "synchronous = FULL",  # an accepted response survives a power cut
        "foreign_keys = ON",
        "recursive_triggers = ON",  # so that REPLACE meets the triggers that forbid deleting audit rows
    ):
        dbapi.execute(f"PRAGMA {pragma}")


def _begin_sqlite(conn: Connection) -> None:
    # A writer says so at once: a read lock that must grow fails where waiting would have helped.
    write = conn.get_execution_options().get("lapor_write", True)
    conn.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def prepare(engine: Engine) -> None:
    """Bring the schema to HEAD. Alembic is loaded only if there is something to do: it is slow to load."""
    with engine.connect().execution_options(lapor_write=False) as conn:
        version = schema_version(conn)
    if version == HEAD:
        return
    from lapor_sync.store.migrations import upgrade

    if (version is not None and not re.fullmatch(r"\d{4}", version)) or (version or "") > HEAD:
        raise StoreNewer(f"The database has schema {version}; this lapor-sync knows {HEAD}.")
    upgrade(engine)


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
        raise _unavailable(exc) from exc
    except SQLAlchemyError as exc:
        raise StoreError(f"The database refused: {type(exc).__name__}.") from exc


def _unavailable(exc: DBAPIError) -> StoreError:
    # The driver's own first line names no values; SQLAlchemy's text would hold statement and parameters.
    first_line = str(exc.orig).strip().splitlines()[0] if str(exc.orig).strip() else type(exc.orig).__name__
    return StoreUnavailable(f"The database did not do it: {first_line}.")
