"""The folder of exports, where others write too: nothing goes through a link, and one bad entry stops no other."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import pytest

from lapor_sync.domain.errors import BadInput, StoreUnavailable
from lapor_sync.domain.ports import Uptime
from lapor_sync.sync import intake
from lapor_sync.sync.intake import Intake, Take, why_not
from lapor_sync.sync.pull import Tally
from lapor_sync.words.en import told
from tests.databases import little_disk
from tests.system.rig import fill

__all__ = ["little_disk"]

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LONG = "l" * 250 + ".xlsx"


class Clock:
    def now(self) -> datetime:
        return NOW

    def uptime(self) -> Uptime:
        return Uptime("test", self.monotonic())

    def monotonic(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        raise AssertionError("nothing waits here")


class Log:
    """Keeps what is said."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str]] = []

    def _note(self, event: str, **ids: object) -> None:
        self.events.append((event, str(ids.get("what", ""))))

    debug = info = warning = error = exception = _note

    def named(self, event: str) -> list[str]:
        return [what for name, what in self.events if name == event]


class Drop:
    """A folder for exports, and what came of it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.log = folder, Log()
        self.taken: list[bytes] = []
        self.intake = Intake(folder, Clock(), self.log, told)

    def put(self, name: str | bytes, content: bytes = b"good", age: float = 60) -> None:
        path = os.path.join(os.fsencode(self.folder), os.fsencode(name))
        with open(path, "wb") as file:
            file.write(content)
        os.utime(path, (NOW.timestamp() - age,) * 2)

    def take(self, file: BinaryIO, name: str) -> Tally:
        """Good is what says so."""
        content = file.read()
        if not content.startswith(b"good"):
            raise BadInput(f"{name} is no export.", todo="Give another.")
        self.taken.append(content)
        return Tally(new=1)

    def look(self, take: Take | None = None) -> int:
        return self.intake.take_all(take or self.take)

    def names(self, place: str = ".") -> set[str]:
        return set(os.listdir(self.folder / place))


@pytest.fixture
def drop(tmp_path: Path) -> Drop:
    folder = tmp_path / "masuk"
    folder.mkdir()
    return Drop(folder)


@pytest.fixture
def treasure(tmp_path: Path) -> Iterator[Path]:
    """A file elsewhere that nobody may change."""
    path = tmp_path / "treasure"
    path.write_bytes(b"untouched")
    yield path
    assert path.read_bytes() == b"untouched"


# Links.


@pytest.mark.parametrize("kind", [Path.symlink_to, Path.hardlink_to])
def test_the_text_of_a_failure_is_never_written_through_a_link(
    drop: Drop, treasure: Path, kind: Callable[[Path, Path], None]
) -> None:
    """A name that is taken, by whatever, is not written to."""
    (drop.folder / "failed").mkdir()
    kind(drop.folder / "failed" / "a.xlsx.txt", treasure)
    kind(drop.folder / "failed" / "a.xlsx", treasure)
    drop.put("a.xlsx", b"bad")
    drop.look()
    assert drop.names("failed") == {"a.xlsx", "a.xlsx.txt", "a-1.xlsx", "a-1.xlsx.txt"}
    assert (drop.folder / "failed" / "a-1.xlsx").read_bytes() == b"bad"


def test_a_text_that_is_swapped_as_it_is_made_is_not_written_through(
    drop: Drop, treasure: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever may write in failed/ puts another file under its name: what was made is written to, by no name.

    A pipe there would hold the daemon for ever.
    """
    really = os.open

    def swapped(path: str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        descriptor = really(path, flags, mode, dir_fd=dir_fd)
        if path == "a.xlsx.txt":
            os.unlink(path, dir_fd=dir_fd)
            os.link(treasure, path, dst_dir_fd=dir_fd)
        return descriptor

    drop.put("a.xlsx", b"bad")
    monkeypatch.setattr(os, "open", swapped)
    drop.look()
    assert "a.xlsx" in drop.names("failed")


def test_a_link_that_leads_nowhere_is_a_name_that_is_taken(drop: Drop, tmp_path: Path) -> None:
    """Else writing would make the file that it points to."""
    (drop.folder / "failed").mkdir()
    (drop.folder / "failed" / "a.xlsx.txt").symlink_to(tmp_path / "made")
    drop.put("a.xlsx", b"bad")
    drop.look()
    assert not (tmp_path / "made").exists()
    assert "a.xlsx-1.txt" in drop.names("failed")


@pytest.mark.parametrize("place", ["done", "failed"])
def test_a_place_that_is_a_link_is_not_used(drop: Drop, tmp_path: Path, place: str) -> None:
    """What is behind it stays as it is; the file stays where it is, and is not taken again and again."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (drop.folder / place).symlink_to(elsewhere)
    drop.put("a.xlsx", b"good" if place == "done" else b"bad")
    for _ in range(3):
        drop.look()
    assert not list(elsewhere.iterdir())
    assert "a.xlsx" in drop.names()
    assert len(drop.log.named("import_dir_unreadable")) == 1
    assert len(drop.taken) == (place == "done")


@pytest.mark.parametrize("mode", [0o777, 0o1777])
def test_a_place_that_all_may_write_in_is_not_used(drop: Drop, mode: int) -> None:
    """Anybody could swap what is in it."""
    (drop.folder / "done").mkdir()
    (drop.folder / "done").chmod(mode)
    drop.put("a.xlsx")
    drop.look()
    assert "a.xlsx" in drop.names()
    assert "every user may write" in drop.log.named("import_dir_unreadable")[0]


def test_a_place_of_another_user_is_not_used(drop: Drop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither ours, nor root's, nor that of who owns the folder."""
    (drop.folder / "done").mkdir()
    drop.put("a.xlsx")
    real = os.fstat

    def strange(descriptor: int) -> os.stat_result:
        known = real(descriptor)
        inside = known.st_ino == os.stat(drop.folder / "done").st_ino
        return os.stat_result((*known[:4], 4242, *known[5:])) if inside else known

    monkeypatch.setattr(os, "fstat", strange)
    drop.look()
    assert "another user" in drop.log.named("import_dir_unreadable")[0]


def test_an_export_that_is_a_link_is_left_alone(drop: Drop, treasure: Path) -> None:
    """Also one in a loop; neither is read nor moved."""
    (drop.folder / "a.xlsx").symlink_to(treasure)
    (drop.folder / "b.xlsx").symlink_to("b.xlsx")
    drop.put("c.xlsx")
    assert drop.look() == 1
    assert drop.names() == {"a.xlsx", "b.xlsx", "done"}


def test_a_link_that_comes_after_the_listing_is_not_followed(
    drop: Drop, treasure: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is opened by itself, and that says so."""
    drop.put("a.xlsx")
    waiting = drop.intake._waiting

    def swapped(folder: int) -> list[str]:
        names = waiting(folder)
        (drop.folder / "a.xlsx").unlink()
        (drop.folder / "a.xlsx").symlink_to(treasure)
        return names

    monkeypatch.setattr(drop.intake, "_waiting", swapped)
    assert drop.look() == 0
    assert drop.names() == {"a.xlsx"}
    assert len(drop.log.named("import_skipped")) == 1


def test_a_folder_that_comes_after_the_listing_is_closed_again(
    drop: Drop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each one that was left open would bring the end of all descriptors nearer."""
    (drop.folder / "a.xlsx").mkdir()
    monkeypatch.setattr(drop.intake, "_waiting", lambda _folder: ["a.xlsx"])
    before = len(os.listdir("/proc/self/fd"))
    assert drop.look() == 0
    assert len(os.listdir("/proc/self/fd")) == before
    assert drop.log.named("import_skipped") == ["a.xlsx stays where it is: Is a directory."]


# Another file under the same name.


@pytest.mark.parametrize("content", [b"good", b"bad"])
def test_a_file_replaced_while_it_is_read_is_not_moved_unread(drop: Drop, content: bytes) -> None:
    """The new one is taken the next time."""
    drop.put("a.xlsx", content)

    def replaced(file: BinaryIO, name: str) -> Tally:
        drop.put("new", b"good too")
        os.replace(drop.folder / "new", drop.folder / "a.xlsx")
        return drop.take(file, name)

    drop.look(replaced)
    assert "a.xlsx" in drop.names()
    assert drop.look() == 1
    assert drop.taken[-1] == b"good too"


def test_a_file_replaced_right_before_it_is_moved_comes_back(drop: Drop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the last look and the move."""
    drop.put("a.xlsx")
    move = intake._move

    def late(source: int, name: str, place: int, text: Sequence[str] = ()) -> list[str]:
        if name == "a.xlsx" and not drop.names("done"):
            drop.put("new", b"good too")
            os.replace(drop.folder / "new", drop.folder / "a.xlsx")
        return move(source, name, place, text)

    monkeypatch.setattr(intake, "_move", late)
    drop.look()
    assert (drop.folder / "a.xlsx").read_bytes() == b"good too"
    assert drop.names("done") == set()


def test_a_file_that_grows_while_it_is_read_is_taken_again(drop: Drop) -> None:
    """A copy that was slow: it is no failure, whatever was made of its half."""
    drop.put("a.xlsx", b"half")

    def growing(file: BinaryIO, name: str) -> Tally:
        drop.put("a.xlsx", b"good and whole")
        return drop.take(file, name)

    drop.put("a.xlsx", b"half")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drop, "take", lambda file, name: (_ for _ in ()).throw(BadInput("half", todo="")))
        assert drop.look(growing) == 0
    assert drop.names() == {"a.xlsx"}
    assert not drop.log.named("import_failed")
    assert drop.look() == 1


def test_a_file_that_somebody_takes_away_is_no_trouble(drop: Drop) -> None:
    """It was read."""
    drop.put("a.xlsx")

    def gone(file: BinaryIO, name: str) -> Tally:
        (drop.folder / name).unlink()
        return drop.take(file, name)

    assert drop.look(gone) == 1
    assert not drop.log.named("import_dir_unreadable")


# One bad entry, and the rest.


def test_only_workbooks_are_touched(drop: Drop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Downloads that go on, lock files, photos, other formats, folders, pipes and sockets stay as they are."""
    others = (
        *("a.xlsx.crdownload", "b.xlsx.part", "~$c.xlsx", ".~lock.c.xlsx#", ".d.xlsx", "Thumbs.db", "foto.jpg"),
        *("lama.xls", "data.csv", "makro.xlsm", "xlsx", "surat.docx", "e.xlsx.tmp", "f.xlsx~"),
    )
    for name in others:
        drop.put(name, b"bad")
    (drop.folder / "g.xlsx").mkdir()
    os.mkfifo(drop.folder / "h.xlsx")
    with socket.socket(socket.AF_UNIX) as listening:
        monkeypatch.chdir(drop.folder)
        listening.bind("i.xlsx")
        drop.put("BESAR.XLSX")
        assert drop.look() == 1
    assert drop.names() == {*others, "g.xlsx", "h.xlsx", "i.xlsx", "done"}
    assert drop.names("done") == {"BESAR.XLSX"}
    assert [name for name, _ in drop.log.events] == ["export_imported"]


def test_a_place_that_is_a_file_holds_up_no_other(drop: Drop) -> None:
    """What is good goes to done/ though failed/ cannot be; it is said once."""
    (drop.folder / "failed").write_text("in the way")
    drop.put("a.xlsx", b"bad", age=100)
    drop.put("b.xlsx")
    assert drop.look() == 1
    drop.put("c.xlsx")
    assert drop.look() == 1
    assert drop.names() == {"a.xlsx", "failed", "done"}
    assert len(drop.log.named("import_failed")) == 1
    assert len(drop.log.named("import_dir_unreadable")) == 1
    (drop.folder / "failed").unlink()
    drop.look()
    assert drop.names("failed") == {"a.xlsx", "a.xlsx.txt"}


def test_what_found_no_room_is_moved_with_its_text_once_there_is_some(little_disk: Path) -> None:
    """A full disk takes a name and no text: the file stays, is said once, and is not read again."""
    drop = Drop(little_disk / "masuk")
    drop.folder.mkdir()
    drop.put("a.xlsx", b"bad")
    filler = fill(little_disk)
    for _ in range(3):
        drop.look()
    assert drop.names() == {"a.xlsx", "failed"}
    assert drop.names("failed") == set()
    assert len(drop.log.named("import_dir_unreadable")) == 1
    filler.unlink()
    drop.look()
    assert (drop.folder / "failed" / "a.xlsx.txt").read_text() == "a.xlsx is no export.\nGive another.\n"
    assert len(drop.log.named("import_failed")) == 1


@pytest.mark.parametrize("content", [b"good", b"bad"])
@pytest.mark.parametrize("name", [LONG, "\u00e9" * 124 + ".xlsx", "l" * 245 + ".xlsx"])
def test_the_longest_names_are_moved_and_explained(drop: Drop, content: bytes, name: str) -> None:
    """Twice, so that a number must be put in: names are cut for it."""
    for _ in range(2):
        drop.put(name, content)
        drop.look()
    assert drop.names() == {"done" if content == b"good" else "failed"}
    assert len(drop.names("done" if content == b"good" else "failed")) == (2 if content == b"good" else 4)


@pytest.mark.parametrize("name", [b"lap\xe9r.xlsx", b"a\nb.xlsx", b"\x1b[31m.xlsx", "a\u202eb.xlsx".encode()])
@pytest.mark.parametrize("content", [b"good", b"bad"])
def test_names_that_are_no_text_are_moved_and_explained(drop: Drop, name: bytes, content: bytes) -> None:
    """Bytes that are no UTF-8, line breaks, escapes of a terminal: the file keeps its name."""
    drop.put(name, content)
    drop.look()
    place = b"done" if content == b"good" else b"failed"
    assert name in os.listdir(os.path.join(os.fsencode(drop.folder), place))


def test_a_file_that_breaks_us_goes_to_failed_and_the_rest_goes_on(drop: Drop) -> None:
    """A fault of ours would else hold up the others, each cycle again."""
    drop.put("a.xlsx", b"odd", age=100)
    drop.put("b.xlsx")

    def failing(file: BinaryIO, name: str) -> Tally:
        if name == "a.xlsx":
            raise RecursionError("too deep")
        return drop.take(file, name)

    assert drop.look(failing) == 1
    assert "RecursionError" in (drop.folder / "failed" / "a.xlsx.txt").read_text()


def test_a_file_that_cannot_be_read_is_said_once_and_the_rest_goes_on(drop: Drop) -> None:
    """A disk that fails, say. It is tried again, and said again only after it went well."""
    drop.put("a.xlsx", age=100)
    drop.put("b.xlsx")

    def failing(file: BinaryIO, name: str) -> Tally:
        if name == "a.xlsx":
            raise OSError(5, "Input/output error")
        return drop.take(file, name)

    assert drop.look(failing) == 1
    assert drop.look(failing) == 0
    assert drop.log.named("import_skipped") == ["a.xlsx stays where it is: Input/output error."]
    assert drop.look() == 1
    drop.put("a.xlsx")
    drop.look(failing)
    assert len(drop.log.named("import_skipped")) == 2


def test_a_folder_that_cannot_be_written_is_said_once_and_taken_once(
    drop: Drop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each cycle would import it anew else."""
    drop.put("a.xlsx")
    drop.put("b.xlsx")

    def refuse(*_args: object, **_named: object) -> None:
        raise PermissionError(13, "Permission denied")

    for name in ("mkdir", "rename"):
        monkeypatch.setattr(os, name, refuse)
    assert [drop.look(), drop.look()] == [2, 0]
    assert len(drop.log.named("import_dir_unreadable")) == 1


def test_a_move_that_fails_leaves_nothing_behind(drop: Drop, monkeypatch: pytest.MonkeyPatch) -> None:
    """No empty file in done/ that looks like an export."""
    drop.put("a.xlsx")

    def refuse(*_args: object, **_named: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "rename", refuse)
    drop.look()
    assert drop.names("done") == set()


def test_a_database_that_fails_ends_it_and_leaves_the_file(drop: Drop) -> None:
    """It is taken again."""
    drop.put("a.xlsx")

    def failing(_file: BinaryIO, _name: str) -> Tally:
        raise StoreUnavailable("full")

    with pytest.raises(StoreUnavailable):
        drop.look(failing)
    assert drop.look() == 1


# Which folder.


@pytest.mark.parametrize(
    "folder", ["/", "/tmp", "/var/tmp", "/dev/shm", "/home", "/home/petugas", "/srv", "/etc/"]
)
def test_a_folder_that_others_use_too_is_refused(folder: str) -> None:
    """Their files are not ours to move."""
    assert why_not(Path(folder)) is not None
    log = Log()
    Intake(Path(folder), Clock(), log, told).take_all(lambda _file, _name: Tally())
    assert len(log.named("import_dir_unreadable")) == 1


def test_a_link_to_such_a_folder_is_refused_and_one_of_its_own_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What counts is where it is."""
    (tmp_path / "link").symlink_to("/var/tmp")
    assert why_not(tmp_path / "link") is not None
    assert why_not(tmp_path) is None
    monkeypatch.setenv("HOME", str(tmp_path))
    assert why_not(tmp_path) is not None
    monkeypatch.setenv("TMPDIR", str(tmp_path / "sementara"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "sementara"))
    assert why_not(tmp_path / "sementara") is not None
    assert why_not(tmp_path / "masuk") is None


ASK = "import sys, pathlib; from lapor_sync.sync.intake import why_not; print(why_not(pathlib.Path(sys.argv[1])))"
CAN_MOUNT = subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not CAN_MOUNT, reason="this machine lets nobody mount anything")
def test_such_a_folder_is_known_under_another_name_too(tmp_path: Path) -> None:
    """Mounted there as well (`mount --bind`), a home or a folder of the system is what it is."""
    homes, place, own = tmp_path / "homes", tmp_path / "place", tmp_path / "own"
    for folder in (homes / "sari", place, own):
        folder.mkdir(parents=True)
    for real, said in (("/var/tmp", "of the system"), ("/home/sari", "somebody's home"), (own, "None")):
        mounted = f'mount --bind "$1" /home && mount --bind {real} "$2" && exec "$3" -c "$4" "$2"'
        words = ["unshare", "-rm", "sh", "-c", mounted, "sh", str(homes), str(place), sys.executable, ASK]
        asked = subprocess.run(
            words, capture_output=True, text=True, check=True, env={**os.environ, "HOME": "/none"}
        )
        assert said in asked.stdout
