"""SQLite's file: its owner's alone whatever the umask, known again, and looked at without making anything."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from lapor_sync.domain.errors import LockHeld, NoDatabase, StoreReplaced, StoreUnavailable
from lapor_sync.store import backup, database_file, lock, marks
from lapor_sync.store.database import Store, in_place, make_engine, open_store
from lapor_sync.store.file_folder import FileFolder
from lapor_sync.store.marks import Mark
from lapor_sync.words.en import advised
from tests.databases import StillClock, migrated_sqlite

ROOT = Path(__file__).parents[2]
NOBODY = 65534


@pytest.fixture(params=[0o000, 0o022, 0o077], ids=lambda mask: f"umask {mask:03o}")
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the database is to be."""
    return tmp_path / "city.db"


def opened(path: Path, *, anew: bool = True) -> Store:
    return open_store(f"sqlite:///{path}", "kota", StillClock(), anew=anew)


def write(store: Store, value: str = "1") -> None:
    with store.work() as work:
        marks.put(work, Mark.CANARY, value)
        work.note("canary", "upstream")


def read(store: Store) -> str | None:
    with store.reading() as work:
        return marks.get(work, Mark.CANARY)


def modes(folder: Path) -> dict[str, str]:
    return {one.name: f"{one.stat().st_mode & 0o777:o}" for one in folder.iterdir() if one.is_file()}


# By one name.


@pytest.mark.parametrize("anew", [True, False])
def test_a_database_with_two_names_is_neither_worked_nor_looked_at(path: Path, tmp_path: Path, anew: bool) -> None:
    """SQLite has a log beside each: what is written by one name is overwritten by the other."""
    opened(path).close()
    (tmp_path / "elsewhere").mkdir()
    other = tmp_path / "elsewhere" / "other.db"
    os.link(path, other)
    for name in (path, other):
        with pytest.raises(LockHeld, match="has another name") as held:
            opened(name, anew=anew)
        assert held.value.exit_code == 3
        assert "-samefile" in advised(held.value.todo)
    other.unlink()
    opened(path, anew=anew).close()


def test_who_works_goes_on_and_who_comes_by_another_name_is_kept_out(path: Path, tmp_path: Path) -> None:
    """A program that makes backups by links ends no daemon."""
    store = opened(path)
    with lock.working(store.engine, store.agency, "daemon") as holding:
        os.link(path, tmp_path / "other.db")
        with pytest.raises(LockHeld), lock.working(make_engine(f"sqlite:///{tmp_path}/other.db"), "kota", "cycle"):
            pytest.fail("two at work")
        assert not (tmp_path / "other.db.lock").exists()
        write(store)
        holding.check()
    store.close()


def test_the_name_that_a_killed_restore_leaves_is_no_second_one(path: Path) -> None:
    """It was to be kept under it; nobody works it there."""
    opened(path).close()
    os.link(path, f"{path}.before-restore-20260302T030000Z")
    opened(path).close()
    os.link(path, f"{path}.restoring")
    opened(path).close()


# Who may read it.


@pytest.mark.usefixtures("umask")
def test_folders_that_are_made_let_nobody_else_write(tmp_path: Path) -> None:
    """None of them, whatever the umask: another could put a folder of their own in the place of ours."""
    opened(tmp_path / "state" / "lapor" / "city.db").close()
    FileFolder(tmp_path / "state" / "lapor" / "files" / "kota").put(b"ktp")
    made = [one for one in tmp_path.rglob("*") if one.is_dir()]
    assert len(made) == 5
    assert [one for one in made if one.stat().st_mode & 0o027] == []


@pytest.mark.usefixtures("umask")
def test_all_that_belongs_to_a_database_is_its_owners_alone(path: Path) -> None:
    """Whatever the umask: the file, what SQLite keeps beside it, the lock, a copy."""
    store = opened(path)
    with lock.working(store.engine, store.agency, "daemon"):
        write(store)
        backup.copy(path, path.with_name("copy.db"), at_work=True)
        names = {"city.db", "city.db-wal", "city.db-shm", "city.db.lock", "city.db.kota.lock", "copy.db"}
        assert modes(path.parent) == dict.fromkeys(names, "600")
    store.close()


@pytest.mark.usefixtures("umask")
@pytest.mark.parametrize(("before", "after"), [(0o640, 0o640), (0o660, 0o660), (0o600, 0o600), (0o666, 0o660)])
def test_a_database_that_is_there_keeps_its_group_and_loses_all_others(
    path: Path, before: int, after: int
) -> None:
    """A group that may read it was somebody's wish; every user of the machine was a umask."""
    opened(path).close()
    path.chmod(before)
    store = opened(path)
    write(store)
    assert {modes(path.parent)[name] for name in ("city.db", "city.db-wal")} == {f"{after:o}"}
    store.close()


@pytest.mark.usefixtures("umask")
@pytest.mark.parametrize(("before", "after"), [(0o644, 0o640), (0o600, 0o600), (None, 0o600)])
def test_what_takes_the_databases_place_lets_nobody_else_in(path: Path, before: int | None, after: int) -> None:
    """A restore never widens: neither the new one nor what is kept of the old one."""
    new, aside = path.with_name("new"), path.with_name("aside")
    backup.copy(migrated_sqlite(), new, at_work=False)
    if before is not None:
        opened(path).close()
        path.chmod(before)
    backup.put_in_place(new, path, aside)
    assert set(modes(path.parent).values()) == {f"{after:o}"}


def test_a_lock_that_is_a_link_is_not_followed(path: Path, tmp_path: Path) -> None:
    """In a folder that others may write it could lead to any file, which would be emptied."""
    other = tmp_path / "other"
    other.write_text("precious")
    store = opened(path)
    Path(f"{path}.lock").symlink_to(other)
    with (
        pytest.raises(StoreUnavailable, match="cannot be opened"),
        lock.working(store.engine, store.agency, "daemon"),
    ):
        pass
    assert other.read_text() == "precious"
    store.close()


def test_a_lock_that_is_a_pipe_is_not_waited_for(path: Path) -> None:
    store = opened(path)
    os.mkfifo(f"{path}.lock")
    assert lock.holder(store.engine, store.agency) is None
    store.close()


# Whether it is still the same.


def removed(path: Path) -> None:
    path.unlink()


def replaced(path: Path) -> None:
    shutil.copyfile(migrated_sqlite(), path.with_name("new"))
    path.with_name("new").replace(path)


def moved(path: Path) -> None:
    path.rename(path.with_name("moved"))


def without_its_folder(path: Path) -> None:
    path.parent.rename(path.parent.with_name("elsewhere"))


GONE = pytest.mark.parametrize("happens", [removed, replaced, moved, without_its_folder])


@GONE
def test_a_file_that_lost_its_name_takes_nothing_more(tmp_path: Path, happens: Callable[[Path], None]) -> None:
    """What is written into it is lost; so nothing is, and nothing is read from it."""
    path = tmp_path / "data" / "city.db"
    store = opened(path)
    write(store)
    happens(path)
    for block in (store.work, store.reading):
        with pytest.raises(StoreReplaced, match="was replaced or removed") as said, block():
            pytest.fail("no transaction begins")
    assert said.value.exit_code == 2
    store.close()


@GONE
def test_a_file_that_loses_its_name_in_a_unit_does_not_get_it(
    tmp_path: Path, happens: Callable[[Path], None]
) -> None:
    """Right before the commit it is asked once more."""
    path = tmp_path / "data" / "city.db"
    store = opened(path)

    def unit() -> None:
        with store.work() as work:
            marks.put(work, Mark.CANARY, "1")
            happens(path)

    with pytest.raises(StoreReplaced):
        unit()
    with closing(store.engine.raw_connection()) as conn:  # the old file, by the driver alone
        assert conn.cursor().execute("SELECT count(*) FROM mark").fetchone() == (0,)
    store.close()


@GONE
def test_nothing_leaves_for_a_file_that_lost_its_name(tmp_path: Path, happens: Callable[[Path], None]) -> None:
    """What was claimed in it must not be sent: by the other file it would be sent again."""
    path = tmp_path / "data" / "city.db"
    store = opened(path)
    with lock.working(store.engine, store.agency, "daemon") as holding:
        assert holding.may_leave()
        happens(path)
        assert not holding.may_leave()
        with pytest.raises(StoreReplaced):
            holding.check()
    store.close()


def test_the_new_file_is_not_harmed_by_the_end_of_the_old_one(path: Path) -> None:
    """SQLite removes a log by its name when the last one closes; here that name is another's by then."""
    old = opened(path)
    write(old)
    for ending in ("-wal", "-shm"):
        Path(f"{path}{ending}").unlink()
    replaced(path)
    new = opened(path)
    write(new, "new")
    old.close()
    write(new, "newer")
    again = opened(path)
    assert read(again) == "newer"
    assert Path(f"{path}-wal").stat().st_ino
    again.close()
    new.close()


@pytest.mark.parametrize("copied", [shutil.copyfile, lambda here, there: backup.copy(here, there, at_work=True)])
@pytest.mark.parametrize("anew", [True, False])
def test_a_log_of_another_file_is_not_carried_over(
    path: Path, copied: Callable[[Path, Path], None], anew: bool
) -> None:
    """A copy that is put in the place of a database whose log was left there stays as it is."""
    store = opened(path)
    write(store, "older")
    store.tidy()
    copied(path, path.with_name("copy"))
    for number in range(3):
        write(store, str(number))
    store.tidy()
    write(store, "x" * 50_000)
    path.unlink()
    store.close()
    shutil.copyfile(path.with_name("copy"), path)
    for _ in range(2):
        with pytest.raises(StoreReplaced, match="is not of the database's file") as said:
            opened(path, anew=anew)
    assert f"{path}-wal" in advised(said.value.todo)
    assert path.read_bytes() == path.with_name("copy").read_bytes()

    for ending in ("-wal", "-shm"):
        path.with_name(f"{path.name}{ending}").unlink()
    again = opened(path)
    assert read(again) == "older"
    again.close()


def test_a_log_that_a_kill_left_is_carried_over(path: Path, tmp_path: Path) -> None:
    """However far the file itself had come."""
    store = opened(path)
    for number in range(8):
        for _ in range(number % 3):
            write(store, "x" * 5_000 * number)
        write(store, str(number))
        killed = tmp_path / str(number) / path.name
        killed.parent.mkdir()
        for ending in ("", "-wal"):
            shutil.copyfile(f"{path}{ending}", f"{killed}{ending}")
        if number % 3 == 0:
            store.tidy()
        again = opened(killed)
        assert read(again) == str(number)
        again.close()
    store.close()


def test_a_link_that_leads_elsewhere_is_noticed(path: Path, tmp_path: Path) -> None:
    """The name is a link, and somebody lets it lead to another database."""
    for name in ("a.db", "b.db"):
        opened(tmp_path / name).close()
    path.symlink_to("a.db")
    store = opened(path)
    write(store)
    path.unlink()
    path.symlink_to("b.db")
    with pytest.raises(StoreReplaced):
        write(store)
    store.close()


# Whether it still holds the same.


def by_name(source: Path, target: Path) -> None:
    """As `cp` does at rest: what is in the log is lost."""
    shutil.copyfile(source, target)


def by_sqlite(source: Path, target: Path) -> None:
    """As SQLite's own `.backup` does: what is in the log comes with it."""
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)


def by_us(source: Path, target: Path) -> None:
    backup.copy(source, target, at_work=True)


def nothing_at_all(source: Path, target: Path) -> None:
    target.write_bytes(b"")


def something_else(source: Path, target: Path) -> None:
    target.write_bytes(b"Terima kasih" * 10_000)


COPIED = pytest.mark.parametrize("copied", [by_name, by_sqlite, by_us, nothing_at_all, something_else])


@contextmanager
def overwritten(path: Path, copied: Callable[[Path, Path], None]) -> Iterator[Store]:
    """A store whose file has the content of an older copy."""
    store = opened(path)
    write(store)
    store.tidy()
    copied(path, path.with_name("old"))
    write(store, "newer")
    store.tidy()
    with store.reading():
        pass
    shutil.copyfile(path.with_name("old"), path)
    yield store
    store.close()


@COPIED
def test_a_file_that_was_overwritten_in_place_takes_nothing_more(
    path: Path, copied: Callable[[Path, Path], None]
) -> None:
    """SQLite itself goes on with the pages that it remembers."""
    with overwritten(path, copied) as store:
        for block in (store.work, store.reading):
            with pytest.raises(StoreReplaced, match="was overwritten while it was in use") as said, block():
                pytest.fail("no transaction begins")
        assert "lapor-sync restore FILE" in advised(said.value.todo)


@COPIED
def test_nothing_leaves_for_a_file_that_was_overwritten(path: Path, copied: Callable[[Path, Path], None]) -> None:
    with overwritten(path, copied) as store:
        assert not lock.Holding(file=in_place(store.engine)).may_leave()


def test_a_copy_of_just_now_is_told_though_nothing_was_carried_over_since(path: Path) -> None:
    """One that `backup` made is behind each database, whatever lies in the log."""
    store = opened(path)
    write(store)
    by_us(path, path.with_name("old"))
    write(store, "newer")
    shutil.copyfile(path.with_name("old"), path)
    with pytest.raises(StoreReplaced):
        write(store, "newest")
    store.close()


def test_a_database_that_was_overwritten_is_not_opened_again_before_a_restore(path: Path) -> None:
    """Its log may have got into the other content: only a person can say what it is."""
    with overwritten(path, by_us) as store, pytest.raises(StoreReplaced):
        write(store)
    with pytest.raises(StoreReplaced, match="was overwritten"):
        opened(path)
    backup.put_in_place(path.with_name("old"), path, path.with_name("aside"))
    again = opened(path)
    assert read(again) == "1"
    again.close()
    assert path.with_name("aside.overwritten").exists()


def test_who_writes_beside_it_is_no_other_content(path: Path) -> None:
    """Another process writes, carries over, and tidies up; another mode and time of the file say nothing."""
    store, other = opened(path), opened(path)
    for number in range(5):
        write(other, str(number))
        assert read(store) == str(number)
        other.tidy()
        write(store, f"{number}, too")
        path.chmod(0o640)
        os.utime(path)
        with closing(sqlite3.connect(path)) as conn:
            conn.execute("VACUUM")
        assert read(other) == f"{number}, too"
        store.tidy()
    store.close()
    assert read(other) == "4, too"
    other.close()


def test_what_cannot_be_read_while_it_is_written_is_no_other_content(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkpoint that began right after the look at a file of long ago; only what stands still says so."""
    store, now = opened(path), [100.0]
    write(store)
    monkeypatch.setattr(database_file, "_written", lambda _path: database_file.UNREADABLE)
    monkeypatch.setattr(database_file, "monotonic", lambda: now[0])
    check = in_place(store.engine)
    for later in (0, 4, 2):
        os.utime(path)
        now[0] += later
        check()
    now[0] += 4
    check()
    now[0] += 2
    with pytest.raises(StoreReplaced, match="was overwritten"):
        check()
    store.close()


def test_a_checkpoint_that_was_killed_half_way_is_no_other_content(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first page says already how large the file is to become. SQLite goes on by its log."""
    store, now = opened(path), [100.0]
    write(store)
    store.tidy()
    assert read(store) == "1"
    write(store, "x" * 50_000)
    for ending in ("", "-wal"):
        shutil.copyfile(f"{path}{ending}", path.with_name(f"whole.db{ending}"))
    with closing(sqlite3.connect(path.with_name("whole.db"))) as conn:
        conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (size,) = conn.execute("PRAGMA page_size").fetchone()
    with path.open("r+b") as file:
        file.write(path.with_name("whole.db").read_bytes()[:size])
    monkeypatch.setattr(database_file, "monotonic", lambda: now[0])
    for _ in range(3):
        assert read(store) == "x" * 50_000
        now[0] += 10
    store.close()


def test_a_number_that_is_full_never_falls(path: Path) -> None:
    store = opened(path)
    with closing(sqlite3.connect(path)) as conn:
        conn.execute(f"PRAGMA user_version = {2**31 - 1}")
    for _ in range(3):
        write(store)
        store.tidy()
    assert read(store) == "1"
    store.close()


# A look.


def test_a_look_makes_nothing(tmp_path: Path) -> None:
    """Neither file nor folder nor lock; the error names the path and what to do."""
    for path in (tmp_path / "none.db", tmp_path / "a" / "b" / "none.db"):
        with pytest.raises(NoDatabase, match=str(path)) as said:
            opened(path, anew=False)
        assert "LAPOR_SYNC_DATABASE_URL" in advised(said.value.todo)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ["", "CREATE TABLE other (x)"])
def test_a_look_at_a_database_of_another_kind_changes_nothing(path: Path, content: str) -> None:
    """An empty file, or another program's: no tables come into it, and no log beside it."""
    with closing(sqlite3.connect(path)) as conn:
        conn.executescript(content)
    path.touch()
    before = path.read_bytes()
    with pytest.raises(NoDatabase, match="Nothing of lapor-sync"):
        opened(path, anew=False)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


_LOOK = """
import sys
from lapor_sync.domain.errors import LaporSyncError
from lapor_sync.store.database import open_store
from lapor_sync.words.en import advised
from tests.databases import StillClock
from tests.store.test_database_file import read
try:
    print(read(open_store(f"sqlite:///{sys.argv[1]}", "kota", StillClock(), anew=False)))
except LaporSyncError as error:
    print(error.what, advised(error.todo))
"""


@pytest.fixture
def closed_folder(tmp_path: Path) -> Iterator[Path]:
    """A database of root's that everybody may read, in a folder in which nobody else may write."""
    if os.geteuid() != 0:
        pytest.skip("only root can be another user")
    folder = Path(subprocess.run(["mktemp", "-d"], capture_output=True, text=True, check=True).stdout.strip())
    folder.chmod(0o755)
    store = opened(folder / "city.db")
    write(store, "seen")
    store.close()
    yield folder
    shutil.rmtree(folder)


def look_as_nobody(path: Path) -> str:
    """What another user sees."""
    as_nobody = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    script = [sys.executable, "-c", _LOOK, str(path)]
    ran = subprocess.run([*as_nobody, *script], cwd=ROOT, capture_output=True, text=True, check=False)
    return ran.stdout or ran.stderr


def test_a_look_into_a_folder_that_may_not_be_written(closed_folder: Path) -> None:
    """While its owner has it open it can be read; else SQLite could not, and whose turn it is is said."""
    path = closed_folder / "city.db"
    path.chmod(0o644)
    assert "not its folder written" in (said := look_as_nobody(path))
    assert "sudo -u root lapor-sync" in said
    store = opened(path)
    path.chmod(0o644)
    write(store, "newer")
    for ending in ("-wal", "-shm"):
        Path(f"{path}{ending}").chmod(0o644)
    assert look_as_nobody(path) == "newer\n"
    store.close()


def test_a_look_at_a_file_that_may_not_be_read(closed_folder: Path) -> None:
    """The database is its owner's: said, with how to be that one."""
    said = look_as_nobody(closed_folder / "city.db")
    assert "closed to this user" in said
    assert "sudo -u root" in said


def test_a_look_at_a_read_only_disk(little_disk: Path) -> None:
    """Nobody can change what lies there: it is read as it is, unless a part of it lies beside it."""
    path = little_disk / "city.db"
    shutil.copyfile(migrated_sqlite(), path)
    store = opened(path)
    write(store, "whole")
    shutil.copyfile(path, little_disk / "part.db")
    shutil.copyfile(f"{path}-wal", little_disk / "part.db-wal")
    store.close()
    subprocess.run(["mount", "-o", "remount,ro", str(little_disk)], check=True)
    look = opened(path, anew=False)
    assert read(look) == "whole"
    with pytest.raises(StoreUnavailable, match="readonly"):
        write(look)
    look.close()
    with pytest.raises(StoreUnavailable, match="read-only disk and was not closed") as said:
        opened(little_disk / "part.db", anew=False)
    assert "Copy it with all that lies beside it" in advised(said.value.todo)
