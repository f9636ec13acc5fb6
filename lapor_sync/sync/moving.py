"""An agency moves: out of a database into one of its own, into one of many agencies, or out of that for good.

What was copied is in two places then. Deliveries are paused in both before a row is copied, and a person lets them leave
in one: so nothing leaves twice, whichever program is started by mistake. What was older than what had left, as a backup
is, is so in its new place too: who works it there begins as after a restore.
"""

from __future__ import annotations

from dataclasses import dataclass

from lapor_sync.domain.advice import Todo, advise
from lapor_sync.domain.delivery import WhyPaused
from lapor_sync.domain.errors import NotAllowed
from lapor_sync.domain.people import Actor
from lapor_sync.store import audit, lock, marks, moving, pauses
from lapor_sync.store.audit import Head
from lapor_sync.store.database import Store
from lapor_sync.store.marks import Mark
from lapor_sync.sync import restore


@dataclass(frozen=True, kw_only=True)
class Moved:
    """What was copied: rows by table, and the head of the audit chain that both have."""

    rows: dict[str, int]
    head: Head


def copy(source: Store, target: Store, actor: Actor) -> Moved:
    """Copy an agency from one database into another, under the keys of the two.

    Nobody may work it meanwhile: this holds the source, and who calls it the target, where others know of that.

    Stopped in the middle it leaves a paused source and nothing in the target: done again it begins anew.
    Raises LockHeld where it is worked, NotAllowed where the source has nothing or the target cannot take it,
    AuditBroken.
    """
    with lock.working(source.engine, source.agency, "copying"):
        _pause(source, actor)
        with source.reading() as there, target.work(actor) as here:
            rows = moving.rows_of(there.conn, there.agency)
            head = moving.copy(there, here)
            if restore.is_copy(source, there):
                marks.put(here, Mark.COPY, "")
            here.note("agency_copied", "agency", head=head.hash, rows=head.count, key=there.agency)
        return Moved(rows=rows, head=head)


def _pause(source: Store, actor: Actor) -> None:
    with source.reading() as work:
        if not moving.rows_of(work.conn, work.agency):
            raise NotAllowed(f"The database has nothing of {work.agency}.")
        pause = pauses.current(work)
    if pause is None or pause.why not in _LASTS_ON:
        with source.work(actor) as work:
            pauses.begin(work, WhyPaused.MOVED)


_LASTS_ON = frozenset({WhyPaused.MOVED, WhyPaused.RESTORED})
"""Neither is replaced: after a restore there is a grace, on whatever machine it goes on."""


def remove(store: Store, head: str, actor: Actor) -> dict[str, int]:
    """Delete all of an agency but its audit, which is closed by a row; how many rows went, by table.

    `head` is that of its audit, as `copy` said it: who has it has the agency elsewhere. Raises NotAllowed where the
    audit went on since, LockHeld where somebody works it.
    """
    with lock.working(store.engine, store.agency, "removing"), store.work(actor) as work:
        last = audit.head(work.conn, work.agency)
        if last.hash != head:
            raise NotAllowed(
                f"The audit's head of {work.agency} is not {head}: something happened since, or it is another's.",
                todo=advise(Todo.COPY_AGENCY_ANEW),
            )
        rows = moving.rows_of(work.conn, work.agency)
        moving.remove(work)
        work.note("agency_removed", "agency", head=last.hash, rows=last.count)
        return {name: count for name, count in rows.items() if name != "audit"}
