"""The migrations make the tables that the program speaks of, on an empty database, once, or not at all."""

from __future__ import annotations

import importlib
import re
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import ClauseElement, inspect, text
from sqlalchemy.dialects import sqlite

from lapor_sync.domain.delivery import MOVES, State
from lapor_sync.domain.errors import LaporSyncError, StoreNewer, StoreUnavailable
from lapor_sync.store import migrations
from lapor_sync.store.database import Store, make_engine, open_store, schema_version
from lapor_sync.store.schema import HEAD, metadata
from tests.databases import StillClock, as_ever, differences
from tests.store.elsewhere import open_it, together

first: Any = importlib.import_module("lapor_sync.store.migrations.versions.0001_the_first_tables")


@pytest.fixture(autouse=True)
def _as_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrations, "upgrade", as_ever)


def test_the_migrations_make_exactly_the_tables_of_the_schema(empty_url: str, clock: StillClock) -> None:
    """Alembic finds nothing to change between a migrated database and the schema, but for an index of SQLite's alone."""
    store = open_store(empty_url, "kota", clock)
    with store.engine.connect() as conn:
        assert differences(conn) == []
        made = inspect(conn)
        for table in metadata.sorted_tables:
            wanted = {constraint.name for constraint in table.constraints if "Check" in type(constraint).__name__}
            assert {one["name"] for one in made.get_check_constraints(table.name)} == wanted
    store.close()


def test_the_migrations_make_partial_indexes_in_the_words_of_the_schema(empty_url: str, clock: StillClock) -> None:
    """The same indexes are partial. SQLite keeps the words as they were said, so there they are compared too."""
    store = open_store(empty_url, "kota", clock)
    option = f"{store.engine.dialect.name}_where"
    with store.engine.connect() as conn:
        found = {
            index["name"]: str(index["dialect_options"][option])
            for table in metadata.sorted_tables
            for index in inspect(conn).get_indexes(table.name)
            if option in index.get("dialect_options", {})
        }
    wanted = {
        index.name: _words(index.info["where"], table.name)
        for table in metadata.sorted_tables
        for index in table.indexes
        if index.info
    }
    if store.engine.dialect.name == "sqlite":
        assert found == wanted
    else:
        assert found.keys() == wanted.keys() - {"report_counted"}
    store.close()


def _words(where: ClauseElement, table: str) -> str:
    said = str(where.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True}))
    return re.sub(f'"?{table}"?\\.', "", said)


def test_the_program_needs_the_last_migration() -> None:
    """HEAD is the head of the scripts, and there is one head."""
    assert ScriptDirectory.from_config(migrations.config()).get_current_head() == HEAD


def test_the_first_migration_guards_the_moves_of_the_rules() -> None:
    """What the database enforces is the table of the domain, to the letter."""
    guarded = {State(before): frozenset(map(State, after)) for before, after in first.MOVES}
    assert guarded == {before: after for before, after in MOVES.items() if after}


def test_opening_again_changes_nothing(url: str, clock: StillClock) -> None:
    """A database at HEAD is opened as it is."""
    for _ in range(2):
        store = open_store(url, "kota", clock)
        with store.reading() as work:
            assert schema_version(work.conn) == HEAD
        store.close()


@pytest.mark.parametrize("version", ["0999", "9999", "a1b2c3d4e5f6"])
def test_a_newer_database_is_left_alone(store: Store, url: str, clock: StillClock, version: str) -> None:
    """A version that this program does not know is refused, and stays."""
    _pretend(store, version)
    with pytest.raises(StoreNewer, match=version):
        open_store(url, "kota", clock)
    with store.reading() as work:
        assert schema_version(work.conn) == version


def _pretend(store: Store, version: str) -> None:
    with store.work() as work:
        work.conn.execute(text("UPDATE alembic_version SET version_num = :version"), {"version": version})


def test_an_interrupted_migration_leaves_nothing(
    empty_url: str, clock: StillClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tables come all together or not at all, so the next start finds an empty database."""

    class Killed(Exception):
        """Instead of a power cut."""

    def die(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(command, "upgrade", _then(command.upgrade, die))
        with pytest.raises(Killed):
            open_store(empty_url, "kota", clock)
    engine = make_engine(empty_url)
    with engine.connect() as conn:
        assert inspect(conn).get_table_names() == []
    engine.dispose()
    open_store(empty_url, "kota", clock).close()


def _then(first_this: Any, then_that: Any) -> Any:
    def both(*args: Any, **kwargs: Any) -> None:
        first_this(*args, **kwargs)
        then_that()

    return both


def test_threads_that_open_a_new_database_at_once_take_turns(empty_url: str, clock: StillClock) -> None:
    """Each gets a migrated database, none an error."""
    failed: list[LaporSyncError] = []
    together = threading.Barrier(6)

    def open_it() -> None:
        together.wait()
        try:
            open_store(empty_url, "kota", clock).close()
        except LaporSyncError as error:
            failed.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(6)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert failed == []


def test_a_new_file_that_another_holds_is_waited_for(tmp_path: Path, clock: StillClock) -> None:
    """SQLite lets nobody wait who switches a new file's journal; whoever is refused tries again."""
    path = tmp_path / "lapor.db"
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        letting_go = threading.Timer(0.2, lambda: other.execute("COMMIT"))
        letting_go.start()
        open_store(f"sqlite:///{path}", "kota", clock).close()
        letting_go.join()


def test_processes_that_open_a_new_database_at_once_take_turns(empty_url: str) -> None:
    """The daemon and a command may both be the first."""
    assert together(open_it, *[(empty_url,)] * 4) == ["opened"] * 4


def test_a_folder_that_cannot_be_made_is_said_clearly(tmp_path: Any, clock: StillClock) -> None:
    """A file stands where the folder should be."""
    (tmp_path / "state").write_text("")
    with pytest.raises(StoreUnavailable, match=r"folder .*state cannot be made"):
        open_store(f"sqlite:///{tmp_path}/state/lapor.db", "kota", clock)


def test_a_database_that_is_a_folder_is_said_clearly(tmp_path: Any, clock: StillClock) -> None:
    """The path of the folder was given instead of the file's."""
    with pytest.raises(StoreUnavailable, match="can be no database: it is a folder"):
        open_store(f"sqlite:///{tmp_path}", "kota", clock)


def test_a_missing_folder_is_made(tmp_path: Any, clock: StillClock) -> None:
    """With its parents, closed to others."""
    open_store(f"sqlite:///{tmp_path}/a/b/lapor.db", "kota", clock).close()
    assert (tmp_path / "a" / "b").stat().st_mode & 0o007 == 0


def test_a_server_that_is_not_there_is_said_clearly(tmp_path: Any, clock: StillClock) -> None:
    """PostgreSQL is down."""
    with pytest.raises(StoreUnavailable, match="did not do it"):
        open_store(f"postgresql+psycopg://postgres@/lapor?host={tmp_path}&connect_timeout=2", "kota", clock)


def test_a_database_in_memory_works(clock: StillClock) -> None:
    """For a rehearsal that leaves nothing behind."""
    store = open_store("sqlite://", "kota", clock)
    with store.reading() as work:
        assert schema_version(work.conn) == HEAD
    store.close()
