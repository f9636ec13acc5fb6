"""SQLite's file: made for its owner's eyes alone, opened as its folder lets it be, and known again."""

from __future__ import annotations

import os
import pwd
import sqlite3
import struct
import threading
from contextlib import closing, suppress
from pathlib import Path
from time import monotonic
from typing import NamedTuple
from urllib.parse import quote

from lapor_sync.domain.advice import Advice, Todo, advise
from lapor_sync.domain.errors import LockHeld, NoDatabase, StoreReplaced, StoreUnavailable
from lapor_sync.domain.files import make_folder, strange

BESIDE = ("-wal", "-shm", "-journal")
"""What SQLite keeps beside a database: they are part of it."""

OTHERS = 0o007
"""What every user of the machine may do with a file."""


OVERWRITTEN = ".overwritten"
"""Behind the database's own name: a note that it is not to be trusted, which a restore takes away."""

NO_DATABASE, UNREADABLE = -3, -2
STILL_SECONDS = 5.0
"""So long a file must have stood still between two looks before it is believed that nothing can be read of it."""


class _State(NamedTuple):
    """A file when it was last looked at: when it was last changed, its size, and how far it had come."""

    changed_at: int
    size: int
    written: int


class DatabaseFile:
    """One database's file, as one engine uses it.

    `anew`: it is made where there is none, and worked on; `patience`: seconds for which another's write is waited for.
    """

    def __init__(self, path: Path, *, anew: bool, patience: float) -> None:
        self.path = path
        self._patience = patience
        self._anew = anew
        self._opened: os.stat_result | None = None
        self._seen: _State | None = None
        self._unread: tuple[tuple[int, int], float] | None = None  # as it was, and since when it could not be read
        self._turn = threading.Lock()

    def make_folder(self) -> None:
        """Make its folder, closed to others. Raises StoreUnavailable."""
        try:
            make_folder(self.path.parent, 0o750)
        except OSError as exc:
            raise StoreUnavailable(f"The folder {self.path.parent} cannot be made: {exc.strerror}.") from exc

    def open(self) -> sqlite3.Connection:
        """Return a new connection. Raises NoDatabase, LockHeld, StoreReplaced, StoreUnavailable, sqlite3's own."""
        real = Path(os.path.realpath(self.path))
        if noted(real).exists():
            raise _overwritten(self.path)
        if self._anew and self._opened is None:
            make_private(real)
        if self._opened is None:
            _need_file(real)
            need_one_name(real)
            _need_own_log(real)
        mode = "rw" if self._anew else how_to_look(real)
        uri = f"file:{quote(os.fsencode(real))}?mode={mode}"
        conn = sqlite3.connect(uri, uri=True, timeout=self._patience, check_same_thread=False)
        try:
            self.check()
            if self._opened is None:
                self._opened = os.stat(self.path)
        except BaseException:
            conn.close()
            raise
        return conn

    def forget(self) -> None:
        """No connection is open any more: the next one may find another file."""
        self._opened = self._seen = None

    def check(self) -> None:
        """Raise StoreReplaced where another file, or none, has the place of the one that was opened, or its content.

        What is written into a file that has lost its name is lost; and what is sent by it is sent again by the other.
        """
        if self._opened is None:
            return
        with suppress(FileNotFoundError, NotADirectoryError):
            if os.path.samestat(os.stat(self.path), self._opened):
                self._check_content()
                return
        raise StoreReplaced(f"The database's file {self.path} was replaced or removed while it was in use.")

    def _check_content(self) -> None:
        """Raise StoreReplaced where somebody copied another content into the file.

        SQLite does not see it: in WAL mode it looks at the log alone, and goes on with the pages that it remembers. But
        each unit of work counts up a number in the file's head, and a checkpoint only carries it on: where it is lower
        than it was, or cannot be read, this is an older copy, or none. It is read where the file was changed at all.
        """
        with self._turn:
            now, seen = self._form(), self._seen
            if seen is not None and now == seen[:2]:
                return
            written = _written(self.path)
            if written == UNREADABLE and not self._stands_still(now):
                return  # a checkpoint is writing it, page by page: it is looked at again
            if seen is None or written >= seen.written:
                self._seen = _State(*now, written)
                return
        with suppress(OSError):  # a full disk: this process goes by what it has seen
            noted(Path(os.path.realpath(self.path))).touch(mode=0o600)
        raise _overwritten(self.path)

    def _form(self) -> tuple[int, int]:
        """When the file was last changed, and its size."""
        now = os.stat(self.path)
        return now.st_ctime_ns, now.st_size

    def _stands_still(self, form: tuple[int, int]) -> bool:
        """Whether the file, which could not be read, had this form some seconds before, and has it after that.

        A checkpoint may begin right after a look at the form of a file that was at rest for long.
        """
        if self._unread is None or self._unread[0] != form:
            self._unread = form, monotonic()
        return monotonic() - self._unread[1] >= STILL_SECONDS and self._form() == form


def noted(path: Path) -> Path:
    """Where it is noted that a database was overwritten in place."""
    return Path(f"{path}{OVERWRITTEN}")


def _overwritten(path: Path) -> StoreReplaced:
    return StoreReplaced(
        f"The database's file {path} was overwritten while it was in use: it may hold parts of two databases.",
        todo=advise(Todo.RESTORE_LAST),
    )


def _written(path: Path) -> int:
    """How many units of work the file itself has, without what lies in the log; UNREADABLE where that is not told,
    NO_DATABASE where it is none.

    By SQLite, since whoever else closes a file takes SQLite's locks of it away; `immutable` looks past log and locks.
    A checkpoint that was killed leaves a file that is shorter than its first page says: `writable_schema` reads it, too.
    """
    uri = f"file:{quote(os.fsencode(os.path.realpath(path)))}?mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(uri, uri=True, check_same_thread=False)) as conn:
            conn.execute("PRAGMA writable_schema = ON")
            return int(conn.execute("PRAGMA user_version").fetchone()[0])
    except sqlite3.Error as exc:
        return NO_DATABASE if exc.sqlite_errorcode == sqlite3.SQLITE_NOTADB else UNREADABLE


def _need_file(path: Path) -> None:
    """Raise StoreUnavailable for what can be no database: SQLite would wait for a pipe, or write into a device."""
    with suppress(OSError):  # what is not there, or closed, is told by whoever opens it
        if (what := strange(os.stat(path))) is not None:
            raise StoreUnavailable(f"{path} can be no database: {what}.", todo=advise(Todo.NAME_A_FILE))


def _need_own_log(path: Path) -> None:
    """Raise StoreReplaced where the log beside the file is that of another, or of a later state of it.

    SQLite would carry it over into whatever bears the name, and make one of parts of two. A log begins where its file
    ends: with the unit of work after the last one that the file has.
    """
    first = _first_in_log(Path(f"{path}-wal"))  # before the file, which only comes further
    if first is None or not os.path.getsize(path):  # SQLite takes no log for a file that is empty
        return
    written = _written(path)
    if written > UNREADABLE and first > written + 1:
        raise StoreReplaced(
            f"The log {path.name}-wal is not of the database's file {path} that lies beside it.",
            todo=advise(Todo.LEAVE_LOG, path=path),
        )


_LOG_MAGIC, _LOG_HEAD, _FRAME_HEAD, _COUNT_AT = 0x377F0682, 32, 24, 60
"""Of SQLite's log (sqlite.org/fileformat2.html): its first word, but for the lowest bit; lengths; where a file's first
page has the number that counts its units of work."""


def _first_in_log(log: Path) -> int | None:
    """Return how many units of work there were with the first page of the database in the log; None without one."""
    with suppress(OSError, struct.error), log.open("rb") as file:
        head = file.read(_LOG_HEAD)
        magic, _, page, _, *salts, _, _ = struct.unpack(">8I", head)
        if magic & ~1 != _LOG_MAGIC:
            return None
        words = ">" if magic & 1 else "<"
        sums = _summed(words, head[:24], (0, 0))
        while True:
            frame, content = file.read(_FRAME_HEAD), file.read(page)
            number, _, *rest = struct.unpack(">6I", frame)
            sums = _summed(words, content, _summed(words, frame[:8], sums))
            if rest != [*salts, *sums]:  # of an older log, or torn
                return None
            if number == 1:
                return int(struct.unpack_from(">i", content, _COUNT_AT)[0])
    return None


def _summed(words: str, data: bytes, sums: tuple[int, int]) -> tuple[int, int]:
    """Add these bytes to the log's running sums."""
    one, two = sums
    for a, b in struct.iter_unpack(f"{words}II", data):
        one = (one + a + two) & 0xFFFFFFFF
        two = (two + b + one) & 0xFFFFFFFF
    return one, two


ASIDE, COMING = ".before-restore-", ".restoring"
"""Behind the database's own name: what a restore puts aside, and what it makes ready."""


def need_one_name(path: Path) -> None:
    """Raise LockHeld where the file has another name, a hard link: SQLite keeps a log beside each name.

    So two processes that come by two names neither see nor keep out each other, and one overwrites what the other
    wrote. Names that a restore gives it, and that a kill leaves, do not count.
    """
    with suppress(OSError):  # what is not there, or closed, is told by whoever opens it
        known = os.stat(path)
        if known.st_nlink > 1 + _left_by_restore(path, known):
            raise LockHeld(
                f"The database's file {path} has another name (a hard link), under which another process may work it.",
                todo=advise(Todo.FIND_LINK, path=path),
            )


def _left_by_restore(path: Path, known: os.stat_result) -> int:
    mine = (f"{path.name}{ASIDE}", f"{path.name}{COMING}")
    names = [one for one in os.listdir(path.parent) if one.startswith(mine)]
    return sum(os.path.samestat(os.stat(path.parent / one), known) for one in names)


def make_private(path: Path) -> None:
    """Make an empty file that only its owner may read, whatever the umask; of one that is there, shut others out.

    SQLite gives what it makes beside it the same mode. Raises StoreUnavailable.
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        for one in (path, *(Path(f"{path}{ending}") for ending in BESIDE)):
            shut_out_others(one)
    except OSError as exc:
        raise StoreUnavailable(f"The file {path} cannot be made: {exc.strerror}.") from exc


def shut_out_others(path: Path) -> None:
    """Let only owner and group come to a file, as far as that is ours to say."""
    with suppress(OSError):
        mode = os.stat(path, follow_symlinks=False).st_mode
        if os.path.isfile(path) and mode & OTHERS:
            os.chmod(path, mode & 0o7777 & ~OTHERS, follow_symlinks=True)


def how_to_look(path: Path) -> str:
    """Return SQLite's mode for a file that is only looked at; it makes nothing that is not there.

    In WAL mode a look writes, too: into `-shm` beside it. Where that cannot be, it can do without only if somebody
    who may write has the database open, or if nobody can: on a read-only disk with nothing beside the file.
    Raises NoDatabase, StoreUnavailable.
    """
    if not path.exists():
        raise NoDatabase(f"There is no database {path}.")
    if os.access(path, os.W_OK) and os.access(path.parent, os.W_OK | os.X_OK):
        return "rw"
    if not os.access(path, os.R_OK):
        raise StoreUnavailable(f"The database {path} is closed to this user.", todo=_as_owner(path))
    if all(os.access(f"{path}{ending}", os.R_OK) for ending in ("-wal", "-shm")):
        return "ro"
    if os.statvfs(path).f_flag & os.ST_RDONLY:
        if any(os.path.exists(f"{path}{ending}") for ending in BESIDE):
            raise StoreUnavailable(
                f"The database {path} lies on a read-only disk and was not closed there: part of it is in {path}-wal.",
                todo=advise(Todo.COPY_DISK),
            )
        return "ro&immutable=1"
    raise StoreUnavailable(
        f"{path} can be read, but not its folder written: SQLite cannot look at it while nobody else has it open.",
        todo=_as_owner(path),
    )


def _as_owner(path: Path) -> Advice:
    uid = path.stat().st_uid
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = f"#{uid}"
    return advise(Todo.RUN_AS_OWNER, owner=name)
