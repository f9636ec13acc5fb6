"""SQLite's file: copied while others write, proven, and put in the database's place without a moment without one."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from lapor_sync.domain.errors import (
    AuditBroken,
    LaporSyncError,
    LockHeld,
    StoreDamaged,
    StoreNewer,
    StoreUnavailable,
)
from lapor_sync.store import audit, backup, marks
from lapor_sync.store.database import Store, open_store
from lapor_sync.store.marks import Mark
from tests.databases import StillClock


@pytest.fixture
def file(sqlite_store: Store) -> Path:
    """The file of a database that somebody has open."""
    found = backup.database_file(str(sqlite_store.engine.url))
    assert found is not None
    return found


def write(store: Store, count: int = 1) -> audit.Head:
    """So many transactions; the head then."""
    for n in range(count):
        with store.work() as work:
            marks.put(work, Mark.CANARY, str(n))
            work.note("canary", "upstream", n=n)
    with store.reading() as work:
        return audit.head(work.conn, work.agency)


def sql(path: Path, *statements: str) -> None:
    """Do this to a file."""
    with closing(sqlite3.connect(path)) as conn:
        for one in statements:
            conn.execute(one)
        conn.commit()


def beside(path: Path) -> list[str]:
    """What lies in its folder, the lock aside."""
    return sorted(one.name for one in path.parent.iterdir() if one.suffix != ".lock")


# The names.


def test_the_file_of_a_database(tmp_path: Path) -> None:
    """Through links; no other database has one."""
    (tmp_path / "link.db").symlink_to(tmp_path / "city.db")
    assert backup.database_file(f"sqlite:///{tmp_path}/link.db") == tmp_path / "city.db"
    for url in ("sqlite://", "sqlite:///:memory:", "postgresql+psycopg://u:p@h/d"):
        assert backup.database_file(url) is None


@pytest.mark.parametrize(
    ("url", "name"),
    [
        (
            "postgresql+psycopg://sync:geheim@db.example:5433/kota",
            "user=sync dbname=kota host=db.example port=5433",
        ),
        ("postgresql+psycopg://sync@/kota?host=/run/postgresql", "user=sync dbname=kota host=/run/postgresql"),
        ("postgresql+psycopg:///kota?password=geheim&sslpassword=geheim", "dbname=kota"),
        ("postgresql+psycopg://sync@/my%20city", "user=sync dbname='my city'"),
    ],
)
def test_a_database_as_its_own_tools_take_it(url: str, name: str) -> None:
    """Everything of the URL but the passwords."""
    assert sorted(backup.libpq_name(url).split(" ")) == sorted(name.split(" "))


# A copy.


def test_a_copy_is_one_moment_while_others_write(sqlite_store: Store, file: Path, tmp_path: Path) -> None:
    """The writer waits for nobody; what the copy holds is a head that was, whole."""
    before = write(sqlite_store, 20)
    stop = threading.Event()

    def writer() -> None:
        while not stop.is_set():
            write(sqlite_store)

    thread = threading.Thread(target=writer)
    thread.start()
    try:
        for n in range(5):
            backup.copy(file, tmp_path / f"copy-{n}", at_work=True)
            held = backup.look_into(tmp_path / f"copy-{n}").of("kota")
            assert held.head.count >= before.count
            with sqlite_store.reading() as work:
                assert audit.holds(work.conn, work.agency, held.head)
    finally:
        stop.set()
        thread.join()
    assert (held.reports, held.deliveries) == (0, 0)


def test_a_copy_does_not_hold_what_was_deleted(sqlite_store: Store, file: Path, tmp_path: Path) -> None:
    """What was erased lies in free pages of the database for a while, and in no copy."""
    with sqlite_store.work() as work:
        marks.put(work, Mark.CANARY, "Siti Aminah " * 2000)
    with sqlite_store.work() as work:
        marks.clear(work, Mark.CANARY)
    backup.copy(file, tmp_path / "copy", at_work=True)
    assert b"Siti Aminah" not in (tmp_path / "copy").read_bytes()


def test_a_copy_is_one_file_that_can_be_read_anywhere(sqlite_store: Store, file: Path, tmp_path: Path) -> None:
    """Nothing is written beside it when it is looked into."""
    write(sqlite_store)
    folder = tmp_path / "media"
    folder.mkdir()
    backup.copy(file, folder / "copy", at_work=True)
    backup.look_into(folder / "copy")
    backup.copy(folder / "copy", tmp_path / "again", at_work=False)
    assert beside(folder / "copy") == ["copy"]


def test_a_file_with_its_log_beside_it_is_read_with_it(sqlite_store: Store, file: Path, tmp_path: Path) -> None:
    """Somebody copied all the files of a database that died: the last commits are in the log."""
    head = write(sqlite_store, 3)
    taken = tmp_path / "taken"
    taken.write_bytes(file.read_bytes())
    Path(f"{taken}-wal").write_bytes(Path(f"{file}-wal").read_bytes())
    backup.copy(taken, tmp_path / "copy", at_work=False)
    assert backup.look_into(tmp_path / "copy").of("kota").head == head


def spoil_page(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(b"\xff" * 4096)


@pytest.mark.parametrize(
    ("spoil", "error", "words"),
    [
        (lambda path: path.write_bytes(b""), StoreDamaged, "no database of lapor-sync"),
        (lambda path: path.write_bytes(b"PK\x03\x04 a workbook" * 500), StoreDamaged, "no database of lapor-sync"),
        (lambda path: path.write_bytes(path.read_bytes()[:8192]), StoreDamaged, "damaged"),
        (spoil_page, StoreDamaged, "damaged"),
        (lambda path: sql(path, "DROP TABLE alembic_version"), StoreDamaged, "no database of lapor-sync"),
        (lambda path: sql(path, "DROP TABLE audit"), StoreDamaged, "no database of lapor-sync"),
        (lambda path: sql(path, "UPDATE alembic_version SET version_num = '9999'"), StoreNewer, "schema 9999"),
        (
            lambda path: sql(path, "DROP TRIGGER audit_no_update", "UPDATE audit SET who = 'x' WHERE seq = 2"),
            AuditBroken,
            "row 2",
        ),
    ],
)
def test_what_is_no_sound_copy_is_told(
    sqlite_store: Store,
    file: Path,
    tmp_path: Path,
    spoil: Callable[[Path], object],
    error: type[LaporSyncError],
    words: str,
) -> None:
    """Each in its own words."""
    write(sqlite_store, 30)
    path = tmp_path / "copy"
    backup.copy(file, path, at_work=True)
    spoil(path)
    with pytest.raises(error, match=words):
        backup.look_into(path)


def test_a_row_that_is_of_no_agency_is_said(sqlite_store: Store, file: Path, tmp_path: Path) -> None:
    """SQLite takes bytes where a text should stand; whose they are nobody knows."""
    write(sqlite_store)
    path = tmp_path / "copy"
    backup.copy(file, path, at_work=True)
    sql(path, "UPDATE mark SET agency = x'ff' WHERE name = 'canary'")
    with pytest.raises(StoreDamaged, match="a row of mark is of no agency"):
        backup.look_into(path)


def test_a_place_that_takes_no_copy(file: Path, tmp_path: Path) -> None:
    """A folder that is not there, a source that is not there."""
    with pytest.raises(StoreUnavailable, match="cannot be made"):
        backup.copy(file, tmp_path / "none" / "copy", at_work=True)
    with pytest.raises(StoreUnavailable, match="unable to open"):
        backup.copy(tmp_path / "none.db", tmp_path / "copy", at_work=True)


def test_the_head_of_what_cannot_be_read(sqlite_store: Store, file: Path, tmp_path: Path) -> None:
    """It is not known, and that is no error."""
    head = write(sqlite_store)
    assert backup.head_of(file, "kota") == head
    for content in (b"", b"nonsense" * 600):
        (tmp_path / "bad.db").write_bytes(content)
        assert backup.head_of(tmp_path / "bad.db", "kota") is None


# In the database's place.


@pytest.fixture
def new(sqlite_store: Store, file: Path, tmp_path: Path) -> Path:
    """A copy that is to be the database."""
    write(sqlite_store, 2)
    path = tmp_path / "new"
    backup.copy(file, path, at_work=True)
    return path


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a database in it that nobody has open."""
    folder = tmp_path / "place"
    folder.mkdir()
    store = open_store(f"sqlite:///{folder}/city.db", "kota", StillClock())
    write(store, 7)
    store.close()
    return folder / "city.db"


def test_a_copy_takes_the_place_and_the_old_one_is_kept(new: Path, place: Path) -> None:
    """With its rows, its mode, and nothing lying beside either."""
    place.chmod(0o640)
    aside = place.with_name("city.db.old")
    assert backup.put_in_place(new, place, aside)
    assert (backup.look_into(place).of("kota").head.count, backup.look_into(aside).of("kota").head.count) == (2, 7)
    assert place.stat().st_mode & 0o777 == 0o640
    assert beside(place) == ["city.db", "city.db.old"]
    assert not new.exists()


def test_a_place_without_a_database(new: Path, tmp_path: Path) -> None:
    """A new server: nothing is kept; what a database left behind there is not taken for the new one's."""
    (tmp_path / "empty").mkdir()
    place = tmp_path / "empty" / "city.db"
    Path(f"{place}-wal").write_bytes(b"of another")
    assert not backup.put_in_place(new, place, place.with_name("city.db.old"))
    assert backup.look_into(place).of("kota").head.count == 2
    assert beside(place) == ["city.db", "city.db.old-wal"]


def test_a_damaged_database_is_kept_with_all_that_lay_beside_it(new: Path, place: Path) -> None:
    """It is evidence, and its log must not be taken for the new one's."""
    place.write_bytes(b"no database any more" * 1000)
    Path(f"{place}-wal").write_bytes(b"its log")
    aside = place.with_name("city.db.old")
    assert backup.put_in_place(new, place, aside)
    assert backup.look_into(place).of("kota").head.count == 2
    assert aside.read_bytes().startswith(b"no database any more")
    assert Path(f"{aside}-wal").read_bytes() == b"its log"
    assert not {"city.db-wal", "city.db-shm"} & set(beside(place))


def test_a_database_that_somebody_has_open_stays(new: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look that lasts is waited for, then given way to; nothing was changed."""
    monkeypatch.setattr(backup, "PATIENCE", 0.2)
    store = open_store(f"sqlite:///{place}", "kota", StillClock())
    try:
        with pytest.raises(LockHeld, match="has the database open"):
            backup.put_in_place(new, place, place.with_name("city.db.old"))
        assert write(store).count == 8
    finally:
        store.close()
    assert beside(place) == ["city.db"]
    assert new.exists()


def test_who_opened_it_a_moment_too_early_cannot_write(
    new: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command that opened the old file, and waits until it has been moved, gets nothing into the new one."""
    early = sqlite3.connect(place, timeout=5, isolation_level=None)
    moved = os.link

    def link(*paths: Path) -> None:
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            early.execute("PRAGMA busy_timeout = 0").connection.execute("SELECT * FROM mark").fetchall()
        moved(*paths)

    monkeypatch.setattr(os, "link", link)
    backup.put_in_place(new, place, place.with_name("city.db.old"))
    with closing(early), pytest.raises(sqlite3.OperationalError, match="readonly"):
        early.execute("PRAGMA journal_mode = WAL").fetchone()
    assert backup.look_into(place).of("kota").head.count == 2
    assert beside(place) == ["city.db", "city.db.old"]


def test_a_name_that_cannot_be_given(new: Path, place: Path) -> None:
    """The old database stays where it is."""
    aside = place.with_name("city.db.old")
    aside.write_bytes(b"")
    with pytest.raises(StoreUnavailable, match="File exists"):
        backup.put_in_place(new, place, aside)
    assert backup.look_into(place).of("kota").head.count == 7


def test_root_restores_for_the_services_user(new: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file gets the owner of the one that was there."""
    given: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "chown", lambda _path, uid, gid: given.append((uid, gid)))
    was = os.stat_result
    stat = Path.stat
    monkeypatch.setattr(Path, "stat", lambda self, **more: _of_another(stat(self, **more), self == place, was))
    backup.put_in_place(new, place, place.with_name("city.db.old"))
    assert given == [(4711, 4712)]


def _of_another(found: os.stat_result, is_his: bool, made: type[os.stat_result]) -> os.stat_result:
    return made((*found[:4], 4711, 4712, *found[6:10])) if is_his else found
