"""The folder for exports: what is dropped there is imported and moved to `done/` or `failed/`.

Others may write in the folder while it is worked: so each file is opened once and known by that from then on, no link
is followed, and no name is written to that is there already.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import BinaryIO, NamedTuple

from lapor_sync.domain.advice import Advice, Todo, advise
from lapor_sync.domain.errors import BadInput, LaporSyncError, LockHeld, PartlyTaken, StoreError
from lapor_sync.domain.names import shown_name
from lapor_sync.domain.ports import Clock
from lapor_sync.mirror.mirror import Log
from lapor_sync.sync.pull import Tally

QUIET_SECONDS = 5.0
"""A file that was written to within this time may still be growing: it is left alone."""

_SUFFIX = ".xlsx"
_LONGEST_NAME = 255  # bytes, on the file systems that Linux has
_OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_OPEN_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CREATE_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC

Take = Callable[[BinaryIO, str], Tally]
"""Imports one open file, given its name too."""

Told = Callable[[LaporSyncError], tuple[str, str]]
"""Says what happened, and what to do."""


class _Same(NamedTuple):
    """What tells a file, and this content of it, from others."""

    device: int
    inode: int
    size: int
    written_ns: int

    @classmethod
    def of(cls, known: os.stat_result) -> _Same:
        return cls(known.st_dev, known.st_ino, known.st_size, known.st_mtime_ns)


class _Unsafe(Exception):
    """A place that is not fit to be written to; its text says why."""


class Intake:
    """The folder, cycle after cycle. It remembers what was said, and what was taken and could not be moved."""

    def __init__(self, folder: Path, clock: Clock, log: Log, told: Told) -> None:
        self._folder, self._clock, self._log, self._told = folder, clock, log, told
        self._said: set[str] = set()
        self._saying: set[str] = set()
        self._unmoved: dict[_Same, LaporSyncError | None] = {}

    def take_all(self, take: Take) -> int:
        """Import every export in the folder that has come to rest, oldest first; how many went in.

        Only `*.xlsx` are touched. A file that is no export goes to `failed/` with a text beside it that says why. One
        that makes trouble stays where it is, is said once, and holds up no other. A database that fails leaves
        the file where it is: it is taken again.
        """
        self._saying = set()
        try:
            reason = why_not(self._folder)
            if reason is not None:
                self._say_folder(reason, advise(Todo.FOLDER_ALONE))
                return 0
            with _opened(os.open(self._folder, _OPEN_FOLDER)) as folder:
                return sum(self._take_one(folder, name, take) for name in self._waiting(folder))
        except OSError as exc:
            self._say_folder(f"{self._folder}: {exc.strerror}.", advise(Todo.LET_READ_FOLDER))
            return 0
        finally:
            self._said &= self._saying  # what is over is said again when it comes back

    def _waiting(self, folder: int) -> list[str]:
        """The names that may be exports, oldest first."""
        found: list[tuple[int, str]] = []
        with os.scandir(folder) as entries:
            for entry in entries:
                hidden = entry.name.startswith((".", "~$"))  # Excel's own lock files begin with ~$
                if not hidden and entry.name.lower().endswith(_SUFFIX):
                    with suppress(OSError):  # it has gone meanwhile
                        known = entry.stat(follow_symlinks=False)
                        if stat.S_ISREG(known.st_mode):
                            found.append((known.st_mtime_ns, entry.name))
        return [name for _, name in sorted(found)]

    def _take_one(self, folder: int, name: str, take: Take) -> bool:
        """Import one file, unless that was done, and move it; whether it went in."""
        try:
            # `open` fails over a folder, and leaves its descriptor open.
            with _opened(os.open(name, _OPEN_FILE, dir_fd=folder)) as it, open(it, "rb", closefd=False) as file:
                same = _Same.of(os.fstat(file.fileno()))
                if not self._is_at_rest(file):
                    return False
                is_new = same not in self._unmoved
                if is_new and not self._was_taken(file, name, same, take):
                    return False
                bad = self._unmoved[same]
                if self._put_away(folder, name, same, bad):
                    del self._unmoved[same]
                return is_new and bad is None
        except (OSError, _Unsafe) as exc:
            reason = exc.strerror if isinstance(exc, OSError) else exc
            self._say(
                "import_skipped", f"{shown_name(name)} stays where it is: {reason}.", advise(Todo.LET_WRITE_FOLDER)
            )
            return False

    def _is_at_rest(self, file: BinaryIO) -> bool:
        known = os.fstat(file.fileno())
        age = (self._clock.now() - datetime.fromtimestamp(known.st_mtime, UTC)).total_seconds()
        # A clock that went back makes a file seem to come from the future: it is as good as at rest.
        return stat.S_ISREG(known.st_mode) and not 0 <= age < QUIET_SECONDS

    def _was_taken(self, file: BinaryIO, name: str, same: _Same, take: Take) -> bool:
        """Import what is open; False where it was written to meanwhile: it is taken again when it is at rest."""
        tally, bad = _taken(file, name, take)
        if _Same.of(os.fstat(file.fileno())) != same:
            return False
        self._unmoved[same] = bad
        if tally is not None:
            self._log.info(
                "export_imported",
                new=tally.new,
                changed=tally.changed,
                unchanged=tally.unchanged,
                quarantined=tally.quarantined,
            )
        if bad is not None:
            self._log.error("import_failed", what=bad.what, todo=bad.todo)
        return True

    def _put_away(self, folder: int, name: str, same: _Same, bad: LaporSyncError | None) -> bool:
        """Move the file that was read; whether it could be. What stands under its name by now may be another one."""
        place_name = "done" if bad is None else "failed"
        try:
            with _place(folder, place_name) as place:
                if _Same.of(os.stat(name, dir_fd=folder, follow_symlinks=False)) == same:
                    target, *text = _move(folder, name, place, () if bad is None else self._told(bad))
                    if _Same.of(os.stat(target, dir_fd=place, follow_symlinks=False)) != same:
                        _move(place, target, folder)
                        _remove(place, text)
                return True
        except FileNotFoundError:
            return True  # somebody took it away
        except (OSError, _Unsafe) as exc:
            reason = exc.strerror if isinstance(exc, OSError) else exc
            what = f"{self._folder}: {place_name}/ cannot be used: {reason}; what was read stays where it is."
            self._say_folder(what, advise(Todo.LET_WRITE_FOLDER))
            return False

    def _say_folder(self, what: str, todo: Advice) -> None:
        self._say("import_dir_unreadable", what, todo)

    def _say(self, event: str, what: str, todo: Advice) -> None:
        self._saying.add(what)
        if what not in self._said:
            self._said.add(what)
            self._log.error(event, what=what, todo=todo)


def _taken(file: BinaryIO, name: str, take: Take) -> tuple[Tally | None, LaporSyncError | None]:
    """What came of the import: its tally, or why the file cannot be taken."""
    try:
        return take(file, name), None
    except (BadInput, PartlyTaken) as bad:
        return None, bad
    except (StoreError, LockHeld, OSError):
        raise
    except Exception as fault:  # noqa: BLE001  one file must not hold up the others, cycle after cycle
        what = f"{shown_name(name)}: lapor-sync fails over this file ({type(fault).__name__})."
        return None, BadInput(what, todo=advise(Todo.REPORT_FILE))


@contextmanager
def _opened(descriptor: int) -> Iterator[int]:
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _place(folder: int, name: str) -> Iterator[int]:
    """`done` or `failed`, open. Raises OSError or _Unsafe where it is a link, a file, or in strange hands."""
    with suppress(FileExistsError):
        os.mkdir(name, 0o755, dir_fd=folder)
    with _opened(os.open(name, _OPEN_FOLDER | os.O_NOFOLLOW, dir_fd=folder)) as place:
        known = os.fstat(place)
        if known.st_uid not in {os.geteuid(), 0, os.fstat(folder).st_uid}:
            raise _Unsafe("it belongs to another user")
        if known.st_mode & stat.S_IWOTH:
            raise _Unsafe("every user may write in it")
        yield place


def _move(source: int, name: str, place: int, text: Sequence[str] = ()) -> list[str]:
    """Move a file into another folder, never over another one, with a text beside it if there is one; their names there.

    The text comes first: where it finds no room, the file stays, and is moved with it another time.
    """
    made = [_new_file(place, *os.path.splitext(name))]
    try:
        if text:
            made.append(_new_file(place, made[0], ".txt", text))
        os.rename(name, made[0], src_dir_fd=source, dst_dir_fd=place)
    except OSError:
        _remove(place, made)
        raise
    return made


def _remove(place: int, names: Iterable[str]) -> None:
    for name in names:
        with suppress(OSError):
            os.unlink(name, dir_fd=place)


def _new_file(place: int, stem: str, suffix: str, text: Sequence[str] = ()) -> str:
    """Make a file of this name, or of one like it where that is taken; its name. By then it may be another's."""
    descriptor, name = _made(place, stem, suffix)
    try:
        with open(descriptor, "w", encoding="utf-8", errors="replace") as file:
            file.writelines(f"{line}\n" for line in text)
    except OSError:
        _remove(place, [name])
        raise
    return name


def _made(place: int, stem: str, suffix: str) -> tuple[int, str]:
    for number in count():
        end = (f"-{number}" if number else "") + suffix
        name = os.fsdecode(os.fsencode(stem)[: _LONGEST_NAME - len(os.fsencode(end))]) + end
        with suppress(FileExistsError):
            return os.open(name, _CREATE_FILE, 0o640, dir_fd=place), name
    raise AssertionError("names do not end")


_OF_THE_SYSTEM = frozenset(
    f"/{name}"
    for name in (
        *("", "bin", "boot", "dev", "etc", "home", "lib", "media", "mnt", "opt", "proc", "root", "run", "sbin"),
        *("srv", "sys", "tmp", "usr", "var", "dev/shm", "usr/local", "usr/share", "var/lib", "var/log", "var/tmp"),
    )
)


def why_not(folder: Path) -> str | None:
    """Why the folder cannot be one for exports, because others use it too; None where it can be."""
    real = Path(os.path.realpath(folder))
    if any(_is_same(real, other) for other in (*_OF_THE_SYSTEM, tempfile.gettempdir())):
        return f"{folder} is a folder of the system, which others use too."
    if _is_home(real):
        return f"{folder} is somebody's home."
    if _is_home(real.parent) and real.name.lower() in _OF_A_HOME:
        return f"{folder} is where programs put what somebody downloads or keeps."
    return None


_OF_A_HOME = frozenset(
    {
        *("desktop", "documents", "downloads", "music", "pictures", "public", "templates", "videos"),
        *("dokumen", "unduhan", "musik", "gambar", "publik", "templat", "video"),
    }
)
"""Folders that each desktop makes in a home, in English and Indonesian. Source: xdg-user-dirs."""


def _is_same(real: Path, other: str | Path) -> bool:
    """Whether it is that folder, by its name or, where it is mounted in two places, by what it is."""
    if os.path.realpath(other) == str(real):
        return True
    with suppress(OSError):
        return os.path.samestat(os.stat(real), os.stat(other))
    return False


def _is_home(real: Path) -> bool:
    return _is_same(real, Path.home()) or _is_same(real.parent, _HOMES) or _is_a_home_elsewhere(real)


_HOMES = "/home"


def _is_a_home_elsewhere(real: Path) -> bool:
    """Whether it is a home that is mounted there as well. Only what has its number is looked at: others may be far."""
    with suppress(OSError), os.scandir(_HOMES) as homes:
        number = os.stat(real).st_ino
        return any(_is_same(real, home.path) for home in homes if home.inode() == number)
    return False
