"""Can the database be used, and what does the mirror in it say of itself?"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from lapor_sync.check.folder import replaceable
from lapor_sync.check.lines import LOOK, MAY_BE_ASKED, NO_THREAD, OK, WRONG, Known, Line, call_of
from lapor_sync.config import Settings, default_database_url
from lapor_sync.domain.errors import LockHeld, SettingsWrong, StoreError
from lapor_sync.domain.files import open_regular
from lapor_sync.domain.names import shown_time
from lapor_sync.domain.ports import Clock
from lapor_sync.store import contract, marks, outbox, pauses, reports, server
from lapor_sync.store.backup import database_file
from lapor_sync.store.database import Store, Work, make_engine, need_utf8, schema_version
from lapor_sync.store.lock import need_sessions
from lapor_sync.store.marks import Mark
from lapor_sync.store.schema import HEAD
from lapor_sync.words import en

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo


def about_database(settings: Settings, environ: Mapping[str, str], clock: Clock, known: Known) -> Iterator[Line]:
    """Look at its file, then at what is in it. `known` is filled, for the calls."""
    where = settings.database_shown
    shown = where + (" (default)" if settings.database_url == default_database_url(environ) else "")
    path = database_file(settings.database_url)
    line = _file(path, shown) if path is not None else None
    if path is not None:
        yield from replaceable(path)
    if line is not None:
        yield line
    else:
        yield from _content(settings, shown, clock, known)


_DATABASE = "Can the database be used?"


def _file(path: Path, shown: str) -> Line | None:
    """Return what the file alone tells; None where it must be opened."""
    if not path.exists():
        return _new_file(path, shown)
    if not os.access(path, os.R_OK | os.W_OK):
        return _bad_file(f"no: {shown} is closed to this user", "Run it as the user that owns the database.")
    try:
        with open(open_regular(path), "rb") as file:
            head = file.read(16)
    except OSError as error:
        return _bad_file(f"no: {path}: {error.strerror}", "Name a file in LAPOR_SYNC_DATABASE_URL.")
    if head and head != b"SQLite format 3\x00":
        return _bad_file(f"no: {path} is no SQLite database", "Name another file in LAPOR_SYNC_DATABASE_URL.")
    return None if head else Line(question=_DATABASE, answer=f"{shown} is empty: the first start fills it")


def _bad_file(answer: str, todo: str) -> Line:
    return Line(question=_DATABASE, answer=answer, verdict=WRONG, todo=todo)


def _new_file(path: Path, shown: str) -> Line:
    folder = next((one for one in path.parents if one.exists()), Path("/"))
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        todo = "Make its folder and give it to this user, or run as the user that the service runs as."
        return _bad_file(f"no: {shown} is not there and {folder} is closed to this user", todo)
    return Line(question=_DATABASE, answer=f"{shown} is not there yet: the first start makes it")


def _content(settings: Settings, shown: str, clock: Clock, known: Known) -> Iterator[Line]:
    engine = make_engine(settings.database_url, anew=False)
    try:
        with Store(engine, settings.agency, clock).reading() as work:
            need_utf8(work.conn)
            need_sessions(engine)
            line = _version(schema_version(work.conn), shown)
            yield line or _mirror(work, shown, settings.timezone, known)
            if line is None:
                yield from _pause(work, settings.timezone)
                yield from _erasing(work)
                yield from _contract(work, settings.timezone)
                yield from _threads(work, known)
            yield from _durable(work)
    except (StoreError, SettingsWrong, LockHeld) as error:
        yield _bad_file(f"no: {shown}: {error.what}", en.advised(error.todo))
    finally:
        engine.dispose()


def _version(version: str | None, shown: str) -> Line | None:
    """Return what a schema other than this program's means; None where it is this program's."""
    if version == HEAD:
        return None
    if version is not None and version > HEAD:
        answer = f"no: {shown} has schema {version}, this lapor-sync knows {HEAD}"
        return _bad_file(answer, "Install the newer lapor-sync again.")
    before = f"has schema {version}" if version else "is empty"
    answer = f"{shown} {before}: the next start brings it to {HEAD}"
    todo = "Back it up before." if version else ""
    return Line(question=_DATABASE, answer=answer, verdict=LOOK if version else OK, todo=todo)


def _mirror(work: Work, shown: str, zone: ZoneInfo, known: Known) -> Line:
    mirrored = reports.load(work, reports.ids_after(work, "", MAY_BE_ASKED)).values()
    known.ids += [one.call_id for one in mirrored]
    success = marks.get_time(work, Mark.LAST_SUCCESS)
    last = f", last success {shown_time(success, zone)}" if success else ", no cycle went through yet"
    return Line(question=_DATABASE, answer=f"yes: {shown}, schema {HEAD}{last}")


def _pause(work: Work, zone: ZoneInfo) -> Iterator[Line]:
    pause = pauses.current(work)
    if pause is not None:
        since = shown_time(pause.since, zone)
        answer = f"yes, since {since} by {pause.by}{en.PAUSED[pause.why]}: nothing leaves"
        yield Line(question="Is delivery paused?", answer=answer, verdict=LOOK, todo=en.RESUME)


def _erasing(work: Work) -> Iterator[Line]:
    if outbox.may_be_erased(work):
        todo = "DELETE FROM mark WHERE agency = '' AND name = 'erasing'; see Erasing in docs/rules.md."
        answer = "no: an erasure was begun and not ended"
        yield Line(question="Are deliveries safe from changes?", answer=answer, verdict=WRONG, todo=todo)


def _contract(work: Work, zone: ZoneInfo) -> Iterator[Line]:
    """Tell whether LAPOR's answers are what they were."""
    question, found = "Does LAPOR answer as it did?", contract.watched(work)
    if found.looked_at is None:
        return
    if said := en.contract(found.changed, work.now):
        assert found.changed is not None
        answer = f"not since {shown_time(found.changed.at, zone)}: {said}"
        yield Line(question=question, answer=answer, verdict=LOOK, todo=CONTRACT_TODO)
    else:
        yield Line(question=question, answer=f"yes, by what was read until {shown_time(found.looked_at, zone)}")


CONTRACT_TODO = (
    "Look whether the lines below are well and `lapor-sync quarantine` is empty; tell the makers of lapor-sync, with "
    "what `lapor-sync check --record FOLDER` keeps. It is told once, and shown for two weeks."
)


def _threads(work: Work, known: Known) -> Iterator[Line]:
    """Tell reports whose thread could not be read; they are asked for first, where LAPOR is asked."""
    found = reports.unreadable_threads(work, MAY_BE_ASKED)
    known.troubled += [call_id for _, call_id, _ in found]
    if found:
        told = "; ".join(f"{tracking_id}: {call_of(why, call_id)}" for tracking_id, call_id, why in found)
        more = " (and perhaps more: flag thread_unreadable)" if len(found) == MAY_BE_ASKED else ""
        question = "Could every thread be read?"
        yield Line(question=question, answer=f"not of {told}{more}", verdict=LOOK, todo=NO_THREAD)


def _durable(work: Work) -> Iterator[Line]:
    """Tell whether PostgreSQL's server keeps what it said it has stored."""
    if work.is_sqlite:
        return
    question, found = "Does the server keep what it stored?", server.weak_points(work.conn)
    for one in found:
        verdict = WRONG if one.may_lose else LOOK
        yield Line(question=question, answer=one.what, verdict=verdict, todo=en.advised(one.todo))
    if not found:
        yield Line(question=question, answer="yes: fsync, full_page_writes")
