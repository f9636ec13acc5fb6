"""Going on from a backup: the database is an older copy, and does not know what was sent after it was made.

So nothing leaves until a person has looked. What the citizen saw is found by its reference in the thread: every open
report is read again. What could not be found there is held, and never sent again by itself.

A file is made ready beside the database, paused and audited, and takes its place in one step: whenever it is killed,
there is the old database or the new one, and the same command does it again.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from lapor_sync.domain.advice import Todo, advise
from lapor_sync.domain.delivery import State, WhyPaused
from lapor_sync.domain.errors import AuditBroken, BadInput, StoreDamaged, StoreNewer
from lapor_sync.domain.files import open_regular
from lapor_sync.domain.names import shown_path
from lapor_sync.domain.next_step import cannot_be_told
from lapor_sync.domain.people import Actor
from lapor_sync.domain.ports import Clock, Uptime
from lapor_sync.domain.scene import Scene, digests
from lapor_sync.mirror.mirror import Mirror, Rules
from lapor_sync.mirror.write import hold
from lapor_sync.store import audit, backup, marks, notices, outbox, pauses, people, threads, witness
from lapor_sync.store.address import sqlite_url
from lapor_sync.store.audit import Head
from lapor_sync.store.backup import Contents
from lapor_sync.store.database import Store, Work, open_store
from lapor_sync.store.database_file import ASIDE, COMING
from lapor_sync.store.marks import Mark, Marks

_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def begin(work: Work, rules: Rules, uptime: Uptime, restored: Head, replaced: Head | None = None) -> None:
    """Write down that this database was restored (with this head), and let nothing leave.

    What is queued may have been sent after the backup: what is new in its thread since then is asked for what it may
    be. What could not be found again is held; the next cycle reads every open report, as the nightly sweep does, and
    finds the rest. In the copy sessions and links go on that were over since: all of them end, and people sign in anew.
    Nobody is told again what they may have been told since the backup.
    """
    work.note("restored", "database", **_heads(restored, replaced))
    pauses.begin(work, WhyPaused.RESTORED, uptime)
    people.end_everything(work)
    notices.restored(work)
    if marks.get(work, Mark.DIGESTED) is not None:
        marks.put(work, Mark.DIGESTED, rules.working_days.day_of(work.now).isoformat())
    marks.put_time(work, Mark.SWEPT, _LONG_AGO)
    marks.clear(work, Mark.COPY)
    _note_body(work)
    readable = outbox.references_come_back(work, rules.grace)
    queued = outbox.listing(work, State.QUEUED)
    known = threads.load(work, {one.tracking_id for one in queued})
    for one in queued:
        if reason := cannot_be_told(one.delivery, readable=readable):
            hold(work, one, reason)
        elif one.delivery.scene is None:
            scene = Scene(items=digests(known.get(one.tracking_id, ())))
            outbox.put_scene(work, one.ref, scene)


def begin_all(
    store: Store, contents: Contents, rules: Rules, actor: Actor, replaced: Mapping[str, Head | None]
) -> None:
    """Begin with every agency of a database that was restored: all of it is older than what its citizens saw."""
    for agency in sorted({store.agency, *contents.agencies}):
        with Store(store.engine, agency, store.clock).work(actor) as work:
            begin(work, rules, store.clock.uptime(), contents.of(agency).head, replaced.get(agency))


def notice(mirror: Mirror) -> None:
    """Begin as after a restore where this is a copy of the database that was worked last.

    One that pg_restore made, a backup of SQLite's that was put in the database's place by hand, or what is older than
    what had left (its log was lost, somebody copied the file).
    """
    with mirror.store.reading() as work:
        is_known, is_copied = _told(mirror.store, work, marks.some(work, *TELLING))
    if is_known and not is_copied:
        return
    with mirror.store.work() as work:
        if is_copied:
            begin(work, mirror.rules, mirror.store.clock.uptime(), audit.head(work.conn, work.agency))
        else:
            _note_body(work)
    if is_copied:
        witness.keep(mirror.store)


TELLING = (Mark.BODY, Mark.COPY)
"""What tells whether a database is a copy."""


def is_noticed(store: Store, work: Work, known: Marks) -> bool:
    """Whether this is the database that was worked last, and no copy of it; `known`: the marks `TELLING`."""
    return _told(store, work, known) == (True, False)


def is_copy(store: Store, work: Work) -> bool:
    """Whether this is a copy of the database that was worked last, and nothing went on from it yet."""
    return _told(store, work, marks.some(work, *TELLING))[1]


def _told(store: Store, work: Work, known: Marks) -> tuple[bool, bool]:
    """Whether it is known by its body, and whether it is a copy of the database that was worked last."""
    body, mine = known.text(Mark.BODY), pauses.body(work)
    is_copied = known.text(Mark.COPY) is not None or (body is not None and body != mine)
    return body == mine, is_copied or _was_set_back(store, work)


def _was_set_back(store: Store, work: Work) -> bool:
    """Whether the database lacks what it had when something left. One without any delivery was begun anew."""
    seen = witness.seen(store)
    if seen is None or audit.holds(work.conn, work.agency, seen):
        return False
    if not any(outbox.counts(work).values()):
        witness.drop(store)
        return False
    return True


def _note_body(work: Work) -> None:
    if mine := pauses.body(work):
        marks.put(work, Mark.BODY, mine)


def _heads(restored: Head, replaced: Head | None) -> dict[str, object]:
    """The head that this chain goes on from, and the one that it gave up, as far as it is known."""
    return {
        "head": restored.hash,
        "rows": restored.count,
        "replaced_head": replaced.hash if replaced else None,
        "replaced_rows": replaced.count if replaced else None,
    }


def put_back(
    file: Path, database: Path, agency: str, clock: Clock, rules: Rules, actor: Actor
) -> tuple[Contents, Path | None]:
    """Let a backup be the database; what is in the backup, and where the database that was there is kept.

    The caller holds the database's lock. Raises BadInput for a file that cannot be taken, LockHeld where another
    process has the database open, StoreUnavailable where the disk does not do it.
    """
    new = database.with_name(f"{database.name}{COMING}")
    backup.remove(new)
    try:
        contents = _taken(file, new, agency)
        heads = {one: backup.head_of(database, one) for one in contents.agencies if database.exists()}
        store = open_store(sqlite_url(new), agency, clock)
        try:
            begin_all(store, contents, rules, actor, heads)
        finally:
            store.close()
        backup.make_single(new)
        aside = _free_name(database, clock)
        is_kept = backup.put_in_place(new, database, aside)
        witness.forget(database)
    finally:
        backup.remove(new)
    return contents, aside if is_kept else None


def _taken(file: Path, new: Path, agency: str) -> Contents:
    """Copy the backup, and look whether it can be taken. Raises BadInput."""
    try:
        os.close(open_regular(file))
    except OSError as exc:
        raise BadInput(
            f"{shown_path(file)} cannot be read: {exc.strerror}.",
            todo=advise(Todo.NAME_A_BACKUP),
        ) from exc
    try:
        backup.copy(file, new, at_work=False)
        contents = backup.look_into(new)
    except StoreNewer as error:
        raise BadInput(f"{file} is not restored. {error.what}", todo=advise(Todo.INSTALL_NEWER_AGAIN)) from error
    except (StoreDamaged, AuditBroken) as error:
        raise BadInput(f"{file} is not restored. {error.what}", todo=advise(Todo.TAKE_ANOTHER_BACKUP)) from error
    if contents.agencies and agency not in contents.agencies:
        raise BadInput(
            f"{file} is of another agency: {', '.join(sorted(contents.agencies))}, not {agency}.",
            todo=advise(Todo.TAKE_THIS_CITYS),
        )
    return contents


def _free_name(database: Path, clock: Clock) -> Path:
    """Where the database that was there is kept: its name with the time, and a number if that is taken."""
    dated = f"{database.name}{ASIDE}{clock.now():%Y%m%dT%H%M%SZ}"
    names = [dated, *(f"{dated}-{n}" for n in range(2, 100))]
    return next(one for one in map(database.with_name, names) if not one.exists())


def waiting(work: Work) -> list[outbox.Queued]:
    """What would be sent once delivery is resumed, or is being looked for, as it was written."""
    return [one for one in outbox.listing(work) if one.state in {State.QUEUED, State.UNKNOWN}]
