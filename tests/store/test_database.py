"""The unit of work: all of it with its audit rows, or nothing; and every failure said clearly."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import psycopg
import pytest
from sqlalchemy import Connection, Engine, event, insert, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import InvalidRequestError

from lapor_sync.domain.errors import (
    Defect,
    SettingsWrong,
    StoreBusy,
    StoreDamaged,
    StoreError,
    StoreRefused,
    StoreUnavailable,
)
from lapor_sync.store import audit, database, lock, marks, migrations, reports, schema
from lapor_sync.store.database import Store, Work, make_engine, open_store
from lapor_sync.store.marks import Mark
from lapor_sync.store.server import weak, weak_points
from lapor_sync.store.times import from_text, to_text
from lapor_sync.words.en import advised
from tests.databases import StillClock, admin, configure_sqlite, fresh, postgres_url_of, server
from tests.store.samples import mirrored, save


class Killed(BaseException):
    """Thrown where a process would be killed."""


def stored(store: Store) -> tuple[str | None, int]:
    """The canary mark and the number of audit rows."""
    with store.reading() as work:
        return marks.get(work, Mark.CANARY), audit.head(work.conn, work.agency).count


def change(store: Store, value: str = "1", then: Callable[[Work], object] = lambda _: None) -> None:
    """Set a mark and note it; then do something more."""
    with store.work() as work:
        marks.put(work, Mark.CANARY, value)
        work.note("canary", "upstream")
        then(work)


def throw(error: BaseException) -> Callable[[Work], None]:
    """What raises it."""

    def thrower(_: Work) -> None:
        raise error

    return thrower


def test_a_unit_is_stored_with_its_audit_row(store: Store) -> None:
    """One commit holds both."""
    change(store)
    assert stored(store) == ("1", 1)


@pytest.mark.parametrize(
    "error", [ValueError(), Defect("x"), KeyboardInterrupt(), Killed(), InvalidRequestError()]
)
def test_a_unit_that_fails_leaves_nothing(store: Store, error: BaseException) -> None:
    """Whatever ends the block takes change and audit row with it, and the next unit works."""
    with pytest.raises(StoreError if isinstance(error, InvalidRequestError) else type(error)):
        change(store, then=throw(error))
    assert stored(store) == (None, 0)
    change(store)
    assert stored(store) == ("1", 1)


def test_a_failing_audit_row_takes_the_change_with_it(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """No change without its row."""

    def fail(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(audit, "row_hash", fail)
        with pytest.raises(Killed):
            change(store)
    assert stored(store) == (None, 0)


def test_a_refused_value_is_an_error_of_ours_without_the_value(store: Store) -> None:
    """The text of the error names the rule, never what a citizen wrote."""
    bad = reports.as_row("kota", mirrored(of=None)) | {"colour": "ungu", "content": "nama saya Siti"}
    with pytest.raises(StoreError, match="refused what it was given") as refused, store.work() as work:
        work.conn.execute(insert(schema.report).values(bad))
    assert not isinstance(refused.value, StoreUnavailable)
    assert "Siti" not in refused.value.what


def test_a_statement_that_fails_is_said_in_one_line(store: Store) -> None:
    """No statement, no parameters, no traceback: the driver's first line."""
    with pytest.raises(StoreUnavailable, match="nowhere") as failed, store.reading() as work:
        work.conn.execute(text("SELECT * FROM nowhere WHERE name = :name"), {"name": "Siti"})
    assert "Siti" not in failed.value.what
    assert "\n" not in failed.value.what
    assert not failed.value.what.endswith("..")


def test_an_error_without_words_is_named_by_its_type(sqlite_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A driver may raise without saying anything."""

    def mute(*_: object) -> None:
        raise sqlite3.OperationalError

    monkeypatch.setattr(sqlite_store.engine.dialect, "do_execute", mute)
    with pytest.raises(StoreUnavailable, match="OperationalError"), sqlite_store.reading() as work:
        work.conn.execute(text("SELECT 1"))


def test_reading_sees_one_state(store: Store, url: str) -> None:
    """What others commit meanwhile does not show in the middle of a look."""
    with store.reading() as work:
        assert marks.get(work, Mark.CANARY) is None
        change(store)
        assert marks.get(work, Mark.CANARY) is None
    assert stored(store) == ("1", 1)


def test_reading_on_postgresql_cannot_write(postgres_store: Store) -> None:
    """A look stays a look."""
    with pytest.raises(StoreUnavailable, match="read-only"), postgres_store.reading() as work:
        marks.put(work, Mark.CANARY, "1")


def test_threads_take_turns_at_writing(store: Store) -> None:
    """Each sees what the one before it stored: no update is lost."""

    def count_up() -> None:
        for _ in range(10):
            with store.work() as work:
                marks.put(work, Mark.CANARY, str(int(marks.get(work, Mark.CANARY) or 0) + 1))

    threads = [threading.Thread(target=count_up) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert stored(store)[0] == "40"


def test_processes_take_turns_at_writing(store: Store, url: str) -> None:
    """On PostgreSQL as on SQLite: the second waits from its beginning, so it too sees what the first stored."""
    other = Store(make_engine(url), "kota", store.clock)
    seen: list[str | None] = []

    def second() -> None:
        with other.work() as work:
            seen.append(marks.get(work, Mark.CANARY))

    thread = threading.Thread(target=second)
    with store.work() as work:
        thread.start()
        thread.join(0.3)
        assert seen == []
        marks.put(work, Mark.CANARY, "1")
    thread.join()
    other.close()
    assert seen == ["1"]


def test_nobody_waits_for_ever(postgres_store: Store, postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that was stopped in the middle of a transaction is said, not waited for in silence."""
    monkeypatch.setattr("lapor_sync.store.database.BUSY_SECONDS", 0.05)
    other = Store(make_engine(postgres_url), "kota", postgres_store.clock)
    with postgres_store.work(), pytest.raises(StoreBusy, match="locked"):
        change(other)
    change(other)
    other.close()


def test_a_read_is_not_kept_waiting_by_a_write(store: Store) -> None:
    """`status` works while a page is being written."""
    with store.work() as work:
        marks.put(work, Mark.CANARY, "1")
        assert stored(store)[0] is None


def test_two_agencies_share_a_database_and_nothing_else(store: Store, other_city: Store) -> None:
    """The same Tracking ID is another report in another city."""
    save(store, mirrored("1", answers=1))
    save(other_city, mirrored("1", answers=2))
    for one, answers in ((store, 1), (other_city, 2)):
        with one.reading() as work:
            assert reports.load(work, ["1"])["1"].answers == answers


def test_errors_hide_what_was_given(store: Store) -> None:
    """A traceback in the journal must not hold a citizen's words."""
    with pytest.raises(StoreError) as failed, store.work() as work:
        work.conn.execute(text("INSERT INTO mark (agency, name) VALUES (:a, :b)"), {"a": "Siti", "b": "x"})
    assert "[SQL parameters hidden" in str(failed.value.__cause__)


# What a city's server does.


def test_a_full_disk_is_said_clearly(sqlite_store: Store) -> None:
    """The transaction is rolled back, the error says what to look at, and once there is room it works again."""

    def no_room(dbapi: object, _record: object) -> None:
        dbapi.execute("PRAGMA max_page_count = 1")  # type: ignore[attr-defined]  # the least is what there is

    event.listen(sqlite_store.engine, "connect", no_room)
    sqlite_store.close()
    with pytest.raises(StoreUnavailable, match="disk is full") as full:
        change(sqlite_store, "x" * 1_000_000)
    assert "disk space" in advised(full.value.todo)
    event.remove(sqlite_store.engine, "connect", no_room)
    sqlite_store.close()
    assert stored(sqlite_store) == (None, 0)
    change(sqlite_store)
    assert stored(sqlite_store) == ("1", 1)


def test_a_connection_that_failed_is_not_used_again(sqlite_store: Store) -> None:
    """One that was opened while the file was read-only would stay so, though the file is writable again."""
    modes = iter(("ON", "OFF"))

    def only_read(dbapi: object, _record: object) -> None:
        dbapi.execute(f"PRAGMA query_only = {next(modes)}")  # type: ignore[attr-defined]

    event.listen(sqlite_store.engine, "connect", only_read)
    sqlite_store.close()
    with pytest.raises(StoreUnavailable, match="readonly"):
        change(sqlite_store)
    change(sqlite_store)
    assert stored(sqlite_store) == ("1", 1)


def test_a_database_that_may_only_be_read_is_said_clearly(sqlite_store: Store) -> None:
    """Restored by root, opened by the service: it can look, and a write says why not."""

    def only_read(dbapi: object, _record: object) -> None:
        dbapi.execute("PRAGMA query_only = ON")  # type: ignore[attr-defined]

    event.listen(sqlite_store.engine, "connect", only_read)
    sqlite_store.close()
    assert stored(sqlite_store) == (None, 0)
    with pytest.raises(StoreUnavailable, match="readonly") as refused:
        change(sqlite_store)
    assert "file and disk may be written" in advised(refused.value.todo)


def test_a_writer_waits_for_another_process(sqlite_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two writers at once: the second waits, and says so clearly when the first never ends."""
    monkeypatch.setattr("lapor_sync.store.database.BUSY_SECONDS", 0.1)
    other = Store(make_engine(str(sqlite_store.engine.url)), "kota", sqlite_store.clock)
    with sqlite_store.work(), pytest.raises(StoreBusy, match="locked") as refused:
        change(other)
    assert refused.value.exit_code == 3
    assert "Let that program end" in advised(refused.value.todo)
    change(other)
    other.close()


def test_a_writer_may_say_how_long_it_waits(sqlite_store: Store) -> None:
    """For another process, and for another thread of its own."""
    other = Store(make_engine(str(sqlite_store.engine.url)), "kota", sqlite_store.clock)
    begun = time.monotonic()
    with sqlite_store.work(), ThreadPoolExecutor() as thread:
        for store in (other, sqlite_store):
            with pytest.raises(StoreBusy):
                thread.submit(store.work(patience=0.05).__enter__).result()
    assert time.monotonic() - begun < 10
    change(other)
    change(sqlite_store)
    other.close()


def test_a_commit_that_fails_leaves_nothing_open(sqlite_store: Store) -> None:
    """A constraint that is checked at the commit: nothing is stored, and the next unit begins anew."""
    with sqlite_store.work() as work:
        work.conn.execute(text("CREATE TABLE a (id INTEGER PRIMARY KEY)"))
        work.conn.execute(text("CREATE TABLE b (a INTEGER REFERENCES a (id) DEFERRABLE INITIALLY DEFERRED)"))
    with pytest.raises(StoreError, match="FOREIGN KEY"):
        change(sqlite_store, then=lambda work: work.conn.execute(text("INSERT INTO b VALUES (1)")))
    assert stored(sqlite_store) == (None, 0)
    change(sqlite_store)
    assert stored(sqlite_store) == ("1", 1)


def test_sqlite_is_set_up_to_survive_a_power_cut(
    tmp_path: Path, clock: StillClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """WAL, and every commit on the disk before it is told."""
    monkeypatch.setattr(database, "_configure_sqlite", configure_sqlite)
    with fresh("sqlite", tmp_path) as url:
        store = open_store(url, "kota", clock)
        with store.reading() as work:
            found = {
                name: work.conn.exec_driver_sql(f"PRAGMA {name}").scalar()
                for name in ("journal_mode", "synchronous")
            }
        store.close()
    assert found == {"journal_mode": "wal", "synchronous": 2}


def test_only_the_undo_of_a_page_lies_in_memory(sqlite_store: Store) -> None:
    """Each row of a page that went through a temporary file took as long as all the rest of storing it."""

    def kept(work: Work) -> int:
        return int(work.conn.exec_driver_sql("PRAGMA temp_store").scalar_one())

    in_file, in_memory = 1, 2
    with sqlite_store.work(of_page=True) as work, work.attempt():
        assert kept(work) == in_memory
    with sqlite_store.reading() as work:
        assert kept(work) == in_file
    with sqlite_store.work() as work:
        assert kept(work) == in_file


def test_the_url_says_last_how_the_server_is_reached(postgres_url: str, clock: StillClock) -> None:
    """A city may need other time limits than ours."""
    store = open_store(f"{postgres_url}&connect_timeout=3&keepalives_idle=7", "kota", clock)
    with store.reading() as work:
        found = work.conn.connection.dbapi_connection.info.get_parameters()  # type: ignore[union-attr]
    assert (found["connect_timeout"], found["keepalives_idle"], found["keepalives_count"]) == ("3", "7", "6")
    store.close()


def test_a_server_that_went_away_between_two_units_is_no_matter(postgres_store: Store) -> None:
    """It was restarted at night: the next unit connects anew."""
    change(postgres_store)
    _end_sessions(postgres_store)
    assert stored(postgres_store) == ("1", 1)


def test_a_server_that_goes_away_in_a_unit_takes_it_along(postgres_store: Store) -> None:
    """Before the commit nothing is stored, and the error says so."""
    with pytest.raises(StoreUnavailable):
        change(postgres_store, then=lambda _: _end_sessions(postgres_store))
    assert stored(postgres_store) == (None, 0)


def _end_sessions(store: Store) -> None:
    name = store.engine.url.database
    admin(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}'")


# Times.


def test_times_are_text_of_fixed_width_that_sorts(clock: StillClock) -> None:
    """As text in UTC, so that both databases compare them alike."""
    at = clock.now()
    assert to_text(at) == "2026-03-02T03:00:00.000000Z"
    assert from_text(to_text(at)) == at
    assert (to_text(None), from_text(None)) == (None, None)


def test_a_path_with_a_folder_that_is_there_is_taken(tmp_path: Path, clock: StillClock) -> None:
    """The folder is not made twice."""
    for _ in range(2):
        open_store(f"sqlite:///{tmp_path}/lapor.db", "kota", clock).close()


@pytest.mark.parametrize("content", [b"no database at all", b"SQLite format 3\x00" + b"\xff" * 5000])
def test_a_file_that_is_no_database(tmp_path: Path, content: bytes) -> None:
    """It is said as what it is, without a word that nothing was lost, and it is not touched."""
    path = tmp_path / "other.db"
    path.write_bytes(content)
    with pytest.raises(StoreDamaged, match="is no SQLite database") as raised:
        open_store(f"sqlite:///{path}", "kota", StillClock())
    assert "lapor-sync restore" in advised(raised.value.todo)
    assert "lost" not in advised(raised.value.todo)
    assert path.read_bytes() == content


def test_a_database_that_breaks_while_it_is_open(tmp_path: Path) -> None:
    """A page that the disk spoiled: damaged, and what to do, whether it is read or written."""
    path = tmp_path / "lapor-sync.db"
    open_store(f"sqlite:///{path}", "kota", StillClock()).close()
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))
    store = Store(make_engine(f"sqlite:///{path}"), "kota", StillClock())
    for block in (store.reading, store.work):
        with pytest.raises(StoreDamaged, match=r"is damaged: .*malformed") as raised, block() as work:
            marks.get(work, Mark.CANARY)
        assert "lapor-sync restore" in advised(raised.value.todo)
    store.close()


# What PostgreSQL is set to.


@pytest.mark.parametrize("level", ["off", "local", "remote_write", "remote_apply"])
@pytest.mark.parametrize("scope", ["DATABASE {name}", "ROLE CURRENT_USER IN DATABASE {name}"])
def test_what_is_committed_is_on_the_disk_whatever_the_server_is_set_to(
    postgres_url: str, clock: StillClock, scope: str, level: str
) -> None:
    """Each unit and each migration waits for the disk: else `sent` may fall back to `queued`, and go again."""
    of = scope.format(name=make_url(postgres_url).database)
    admin(f"ALTER {of} SET synchronous_commit = {level}")
    store = open_store(postgres_url, "kota", clock)
    for _ in range(2):  # a session of the pool that was used before, too
        with store.work() as work:
            now = work.conn.exec_driver_sql("SHOW synchronous_commit").scalar()
        assert now == ("remote_apply" if level == "remote_apply" else "on")
    store.close()
    admin(f"ALTER {of} RESET synchronous_commit")


def test_a_migration_is_on_the_disk_too(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What brings the tables is a transaction of ours as any other."""
    admin(f"ALTER DATABASE {make_url(postgres_url).database} SET synchronous_commit = off")
    seen: list[object] = []

    def look(engine: Engine) -> None:
        with engine.connect() as conn:
            seen.append(conn.exec_driver_sql("SHOW synchronous_commit").scalar())

    monkeypatch.setattr(migrations, "upgrade", look)
    monkeypatch.setattr("lapor_sync.store.database.HEAD", "9999")
    open_store(postgres_url, "kota", StillClock()).close()
    assert seen == ["on"]


def test_what_a_worker_says_as_it_ends_is_on_the_disk_too(postgres_url: str, clock: StillClock) -> None:
    """That nobody holds the agency is a transaction of its own."""
    admin(f"ALTER DATABASE {make_url(postgres_url).database} SET synchronous_commit = off")
    store, seen = open_store(postgres_url, "kota", clock), list[object]()

    def look(conn: Connection, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("DELETE FROM mark"):
            seen.append(conn.exec_driver_sql("SHOW synchronous_commit").scalar())

    event.listen(store.engine, "before_cursor_execute", look)
    with lock.working(store.engine, "kota", "cycle") as holding, store.work() as work:
        holding.claim(work)
    store.close()
    assert seen == ["on", "on"]


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_a_database_that_cannot_hold_every_letter_is_refused(encoding: str, clock: StillClock) -> None:
    """Before anything is made in it; the error says what it is, and how to make one that can."""
    server()
    admin(f"CREATE DATABASE narrow ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0")
    try:
        with pytest.raises(SettingsWrong, match=f"encoding is {encoding}; it must be UTF8") as refused:
            open_store(postgres_url_of("narrow"), "kota", clock)
        assert "createdb --encoding=UTF8" in advised(refused.value.todo)
        with psycopg.connect(server().get_uri(database="narrow")) as conn:
            assert conn.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)
    finally:
        admin("DROP DATABASE narrow WITH (FORCE)")


def test_letters_arrive_whatever_the_client_is_set_to(postgres_url: str, clock: StillClock) -> None:
    """Role, database, URL and environment may each ask for another encoding of the connection."""
    admin(f"ALTER DATABASE {make_url(postgres_url).database} SET client_encoding = 'LATIN1'")
    store = open_store(f"{postgres_url}&client_encoding=LATIN1", "kota", clock)
    change(store, "Jum\u2019at \N{GRINNING FACE}")
    assert stored(store)[0] == "Jum\u2019at \N{GRINNING FACE}"
    store.close()


def test_a_text_too_large_for_an_index_is_no_full_disk(postgres_store: Store) -> None:
    """Whoever is told to free disk space looks in the wrong place."""
    dice = Random(1)
    long = "".join(chr(dice.randrange(0x4E00, 0x9FFF)) for _ in range(5000))
    with pytest.raises(StoreRefused, match="index row") as refused, postgres_store.work() as work:
        work.conn.execute(insert(schema.institution).values(agency="kota", id=long, name="Siti"))
    assert "disk" not in advised(refused.value.todo)


@pytest.mark.parametrize(("value", "what"), [(2**70, "64 bits"), ("Siti \ud800", "no Unicode")])
def test_a_value_that_no_driver_can_hand_over_is_said_without_it(
    sqlite_store: Store, value: object, what: str
) -> None:
    """The driver's own error is none of the database's, and may hold the text."""
    with pytest.raises(StoreRefused, match=what) as refused, sqlite_store.work() as work:
        work.conn.exec_driver_sql("INSERT INTO mark VALUES ('kota', 'x', ?)", (value,))
    assert "Siti" not in refused.value.what
    change(sqlite_store)


def test_what_may_lose_a_commit_is_named(postgres_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests' own server runs without fsync and full pages. An UNLOGGED table is empty after a crash."""
    with postgres_store.reading() as work:
        named = {one.what.split(":")[1] for one in weak_points(work.conn)}
        assert named == {" fsync is off", " full_page_writes is off"}
    with postgres_store.work() as work:
        work.conn.exec_driver_sql("ALTER TABLE mark SET UNLOGGED")
        found = weak_points(work.conn)
        assert any("UNLOGGED, and empty after a crash: mark" in one.what for one in found)
        assert all(one.may_lose for one in found)


def test_a_standby_that_is_away_right_now_is_named(postgres_store: Store) -> None:
    """It has its slot on the server, and may be what takes over."""
    slot = make_url(str(postgres_store.engine.url)).database
    with postgres_store.reading() as work:
        work.conn.exec_driver_sql(f"SELECT pg_create_physical_replication_slot('{slot}')")
        assert [one.what for one in weak_points(work.conn) if "a standby is asynchronous" in one.what]
        work.conn.exec_driver_sql(f"SELECT pg_drop_replication_slot('{slot}')")
        assert not [one for one in weak_points(work.conn) if not one.may_lose]


@pytest.mark.parametrize(
    ("standbys", "behind", "synchronous", "count"),
    [(1, 0, "", 1), (1, 1, "", 1), (1, 0, "*", 0), (2, 1, "first", 1), (0, 0, "", 0)],
)
def test_a_standby_that_may_be_behind_is_named(standbys: int, behind: int, synchronous: str, count: int) -> None:
    """What it takes over may lack what was sent last; a person says so to the program with `restore`."""
    seen = {"fsync": "on", "full_page_writes": "on", "unlogged": None}
    found = weak({**seen, "standbys": standbys, "behind": behind, "synchronous": synchronous})
    assert len(found) == count
    assert all("asynchronous" in one.what and "lapor-sync restore" in advised(one.todo) for one in found)
    assert not any(one.may_lose for one in found)


def test_a_text_that_is_no_utf8_is_said_without_the_text(sqlite_store: Store) -> None:
    """SQLite keeps it, and its driver's error has it in full: it may be a citizen's."""
    with sqlite_store.work() as work:
        work.conn.execute(text("INSERT INTO mark VALUES ('kota', 'x', CAST(x'53697469c3' AS TEXT))"))
    with pytest.raises(StoreUnavailable) as failed, sqlite_store.reading() as work:
        work.conn.execute(text("SELECT value FROM mark")).all()
    assert "Could not decode to UTF-8 column 'value'." in failed.value.what
    assert "Siti" not in failed.value.what
