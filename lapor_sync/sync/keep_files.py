"""Fetching the files of citizens while their addresses hold, within a budget of time and of room.

The last step of a cycle: no response and no poll waits for a file. It ends where somebody let something go, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from lapor_sync.domain.advice import Todo, advise
from lapor_sync.domain.citizen_files import PICTURE, Absence, FileState, files_of, keys_of, kind_of, may_be_picture
from lapor_sync.domain.errors import Missing, NotPublic, TooMuch, Unreachable, UpstreamBroken, UpstreamError
from lapor_sync.domain.report import Attachment
from lapor_sync.store import citizen_files, marks, reports, threads
from lapor_sync.store.citizen_files import Wanted
from lapor_sync.store.marks import Mark
from lapor_sync.store.reports import Mirrored
from lapor_sync.sync.files import signed_now
from lapor_sync.sync.setup import Keeping, Setup

SECONDS = 60.0
"""A cycle fetches files for so long at most, or for a quarter of the time between two polls."""
A_CYCLE = 200
"""So many files a cycle at most."""
TRIES = 6
FAILED_IN_A_ROW = 3
"""So many files in a row that their host did not give: it is left alone until the next cycle."""


@dataclass(slots=True)
class _Room:
    """How many bytes are kept: summed once a cycle, since nothing but this step keeps files or drops them."""

    kept: int


def keep_files(setup: Setup) -> int:
    """Fetch what is due; how many files were kept."""
    keeping = setup.keeping
    if keeping is None:
        return 0
    until = setup.clock.monotonic() + min(SECONDS, setup.pace.poll_seconds / 4)
    with setup.store.reading() as work:
        due, wake = citizen_files.wanted(work, A_CYCLE), marks.get(work, Mark.WAKE)
        room = _Room(citizen_files.size_of_all(work) if due else 0)
    kept = failed = 0
    for one in due:
        with setup.store.reading() as work:
            is_woken = marks.get(work, Mark.WAKE) != wake
        if is_woken or setup.stopping() or setup.clock.monotonic() > until or failed >= FAILED_IN_A_ROW:
            break
        try:
            kept += _keep(setup, keeping, room, one)
            failed = 0
        except UpstreamError:
            failed += 1
        except OSError as exc:
            setup.log.error("files_not_kept", error=type(exc).__name__, what=exc.strerror or "")
            break
        setup.step("file")
    if kept:
        setup.log.info("files_kept", count=kept)
    return kept


def _keep(setup: Setup, keeping: Keeping, room: _Room, one: Wanted) -> bool:
    """Fetch one file and keep it. Raises UpstreamError where it may be had later, OSError where the folder is full."""
    found = _known(setup, one)
    if found is None:  # it is not attached any more
        return _give_up(setup, one, Absence.EXPIRED)
    try:
        content = _fetched(setup, keeping, *found)
    except Missing:
        return _give_up(setup, one, Absence.EXPIRED)
    except NotPublic:
        return _give_up(setup, one, Absence.NOT_ALLOWED)
    except TooMuch:
        return _give_up(setup, one, Absence.TOO_LARGE)
    except UpstreamError as exc:
        if isinstance(exc, UpstreamBroken) and exc.http_status == 200:
            return _give_up(setup, one, Absence.NO_FILE)
        if isinstance(exc, Unreachable) and setup.stopping():
            return False
        if one.tries + 1 >= TRIES:
            return _give_up(setup, one, Absence.AWAY)
        with setup.store.work() as work:
            pause = timedelta(minutes=5 * 4**one.tries)
            citizen_files.try_later(work, one, setup.store.clock.now() + pause)
        raise
    drawn = keeping.draw(content) if may_be_picture(content) else None
    parts = [drawn.large, drawn.small] if drawn else [content]
    size = sum(map(len, parts))
    if not _make_room(setup, keeping, room, found[0], size):
        with setup.store.work() as work:
            citizen_files.give_up(work, one, Absence.NO_ROOM, FileState.DROPPED)
        return False
    names = [keeping.folder.put(part) for part in parts]
    setup.step("file_stored")
    with setup.store.work() as work:
        kind = PICTURE if drawn else kind_of(content)
        citizen_files.keep(work, one, kind, names[0], names[1] if drawn else None, size)
    room.kept += size
    return True


def _give_up(setup: Setup, one: Wanted, why: Absence) -> bool:
    with setup.store.work() as work:
        citizen_files.give_up(work, one, why)
    setup.log.info("file_absent", tracking_id=one.tracking_id, reason=why)
    return False


def _known(setup: Setup, one: Wanted) -> tuple[Mirrored, Attachment] | None:
    """The report and the file at the address where it was seen last; None where the report has it no more."""
    with setup.store.reading() as work:
        report = reports.load(work, [one.tracking_id]).get(one.tracking_id)
        items = threads.load(work, [one.tracking_id]).get(one.tracking_id, ())
    if report is None:
        return None
    files = files_of(report.report.attachments, items)
    file = dict(zip(keys_of(files), files, strict=True)).get(one.key)
    return (report, file) if file else None


def _fetched(setup: Setup, keeping: Keeping, report: Mirrored, file: Attachment) -> bytes:
    """The file; where its signed address has expired, by the one that LAPOR gives now."""
    try:
        return keeping.source.fetch(file)
    except Missing:
        now = signed_now(setup.connector, report, file) if "?" in file.url else file
        if now == file:
            raise
        return keeping.source.fetch(now)


def _make_room(setup: Setup, keeping: Keeping, room: _Room, report: Mirrored, size: int) -> bool:
    """Whether there is room for so many bytes: files of the reports that were closed longest ago go for it."""
    over = room.kept + size - keeping.most
    if over <= 0:
        return True
    with setup.store.reading() as work:
        old = citizen_files.closed_longest(work, 1000)
    leaving = []
    for one in old:
        if report.closed_at is not None and one.closed_at >= report.closed_at:
            break
        leaving.append(one)
        over -= one.size
        if over <= 0:
            break
    if over > 0:
        return False
    names = [name for one in leaving for name in one.names]
    with setup.store.work() as work:
        for one in leaving:
            citizen_files.drop(work, one)
        still = citizen_files.in_use(work, names)
    room.kept -= sum(one.size for one in leaving)
    for name in set(names) - still:
        keeping.folder.remove(name)
    setup.log.warning(
        "files_dropped", count=len(leaving), what="There was no room.", todo=advise(Todo.KEEP_MORE_FILES)
    )
    return True


def sweep_folder(setup: Setup) -> int:
    """Once a day: remove what nothing in the database stands for, as after a kill or a restore; how many files."""
    if setup.keeping is None:
        return 0
    names = list(setup.keeping.folder.names())
    with setup.store.reading() as work:
        stray = set(names) - citizen_files.in_use(work, names)
    for name in stray:
        setup.keeping.folder.remove(name)
    return len(stray)
