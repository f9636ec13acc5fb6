"""Looking for a delivery upstream: its report is read right before it leaves, or to prove that it is not there.

What that shows is told as `next_step` asks for it. Source: rules, "When it may leave", "Reading back".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from lapor_sync.domain.absence import heads_moved, is_of_before, is_reordered, without_random
from lapor_sync.domain.colour import unknown_status
from lapor_sync.domain.delivery import Kind, Reason, State, carries
from lapor_sync.domain.errors import NotNow
from lapor_sync.domain.identity import is_by_id
from lapor_sync.domain.loose import as_before, have_moved, random_names
from lapor_sync.domain.ports import Uptime
from lapor_sync.domain.questions import Unsure
from lapor_sync.domain.report import ItemKind, Thread
from lapor_sync.domain.scene import Delivery, Scene, Seen, Shown, digests
from lapor_sync.domain.traces import parts, traces
from lapor_sync.mirror.decide import Change
from lapor_sync.store import institutions, outbox
from lapor_sync.store.database import Work
from lapor_sync.store.outbox import Queued
from lapor_sync.store.reports import Mirrored
from lapor_sync.sync.calls import ById, Health
from lapor_sync.sync.elsewhere import READS, Elsewhere, Places, marks_of
from lapor_sync.sync.reread import read_one
from lapor_sync.sync.setup import Setup

_NO_OTHER_TELLS = "whether LAPOR's details name their report cannot be told"

LONG_AGO = timedelta(days=1)
"""What is not whole for so long after a try is asked about: nothing that went may ever come back."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Looking:
    """How a push looks at its reports. `listed_at`: when this cycle began to list."""

    setup: Setup
    health: Health
    listed_at: Uptime
    elsewhere: Elsewhere

    # Reading.

    def look(self, queued: Queued, report: Mirrored) -> ById:
        """Look whether it stands upstream: after a try, once that can be told, its absence is to be proven.

        What it does not show may send a response (again), so that no answer to another call may be taken for it. Where
        the items stand in another order than in the scene, or a header or a loose part says otherwise, all is read some
        times more: what moves from read to read, while nothing happens, tells nothing. Of these the newest one counts
        that shows the most items: one replica may be behind. Where the detail names no Tracking ID, those of others tell
        whether it should.
        """
        elapsed, grace = self.ran_since(queued), self.setup.rules.grace.total_seconds()
        is_early = queued.state is State.UNKNOWN and elapsed is not None and elapsed < grace
        is_proof = queued.delivery.may_have_arrived and not is_early
        found = self._looked(queued, report, is_proof=is_proof)
        if found.detail is None or not is_by_id(found.detail.report) or is_by_id(report.report):
            return found
        names = self.elsewhere.names(report.call_id)
        return ById(error=NotNow(_NO_OTHER_TELLS)) if names is None else replace(found, is_unnamed=names)

    def _looked(self, queued: Queued, report: Mirrored, *, is_proof: bool) -> ById:
        read = partial(read_one, self.setup, self.health, report, as_proof=is_proof, fresh=True, with_detail=True)
        scene = queued.delivery.scene
        found = read()
        if not is_of_now(found):  # by the clock of another machine, which answered before: what comes next tells
            found = read()
        thread = found.thread
        if not is_proof or thread is None or scene is None:
            return found
        is_otherwise = is_reordered(scene.shown.order, thread.order)
        is_loose = _has_loose_moved(scene, found)
        if is_otherwise or is_loose or heads_moved(scene, _heads(found) or {}):
            reads = [found, *(read() for _ in range(READS - 1))]
            found, thread, again = _fullest(reads)
            if is_otherwise and any(is_reordered(thread.order, one.thread.order) for one in again if one.thread):
                found = replace(found, thread=replace(thread, order=None))
            found = _without_random_heads(found, scene, again)
            if is_loose:
                found = _without_random_parts(found, scene, again, self.elsewhere.places())
        return found

    # What was read, as the rules ask for it.

    def seen(self, work: Work, queued: Queued, written: Change, found: ById, row: str | None) -> Seen:
        """Return what this read, which has a thread, shows of the report; `row` as `threads.raw_rows` has it."""
        assert found.thread is not None
        is_whole = found.thread.complete and not _hides(found.thread, queued)
        is_whole = is_whole and not (found.detail and found.detail.doubt)
        can_be_back = queued.delivery.may_have_arrived and queued.delivery.kind is Kind.RESPONSE
        return Seen(
            colour=written.new.colour,
            disposed_to=written.new.report.disposition_id,
            unknown_status=unknown_status(written.new.report),
            items=written.items,
            prefix=self.setup.rules.prefix,
            shown=self._shown(queued, written, found, row),
            log_texts=found.detail.log_texts if found.detail else (),
            absence_counts=self._grace_is_over(work, queued, found),
            is_whole=is_whole,
            is_long_ago=self.is_long_ago(queued),
            readable=queued.state is not State.UNKNOWN
            or outbox.references_come_back(work, self.setup.rules.grace),
            names_sender=can_be_back and outbox.any_was_seen(work),
            issued=frozenset(sibling.ref for sibling in written.deliveries),
            siblings=outbox.siblings(written.deliveries, queued.ref),
            bad=frozenset(bad.key for bad in found.thread.bad),
            unshown=found.thread.unshown,
            beyond=found.thread.beyond,
            others=self._others(work, queued, written) if can_be_back else frozenset(),
            ended_at=queued.ended_at,
            grace=self.setup.rules.grace,
            barred=outbox.barred(work, queued) if queued.state is State.UNKNOWN else 0,
            is_promised=queued.state is State.UNKNOWN and outbox.is_promised(work, queued),
        )

    def _shown(self, queued: Queued, written: Change, found: ById, row: str | None) -> Shown:
        assert found.thread is not None
        thread, detail, raw = found.thread, found.detail, _raw(found)
        return Shown(
            call_id=written.new.call_id,
            traces=traces(queued.delivery, raw),
            parts=parts(raw),
            marks=thread.marks,
            beside=thread.beside,
            order=thread.order,
            detail=detail.marks if detail else None,
            counts=detail.counts if detail else None,
            dated=_dated(found),
            status=written.new.report.status_name,
            row=self._marks_of_row(row, queued, detail.random if detail else frozenset()),
            heads=_heads(found),
            read_at=_began_at(found),
        )

    def _others(self, work: Work, queued: Queued, written: Change) -> frozenset[str]:
        """As `Seen` has it; looked up where there is a disposition."""
        if not any(item.kind is ItemKind.DISPOSITION for item in written.items):
            return frozenset()
        city, names = self.setup.rules.city, institutions.names(work)
        mine = {one for one in names if city.owns(one)} | {queued.delivery.opd}
        said = {one: frozenset({one, name.lower()}) for one, name in names.items()}
        ours = frozenset().union(*(said.get(one, {one}) for one in mine))
        return frozenset().union(*said.values()) - ours

    def _marks_of_row(self, row: str | None, queued: Queued, random: frozenset[str]) -> Mapping[str, str] | None:
        """A digest of each field of the report's row in the list, as it came last, but for what is `random`: that as in
        the scene; None where it is not kept."""
        if row is None:
            return None
        now = self.setup.connector.marks_of_row(row)
        scene = queued.delivery.scene
        return as_before(now, scene.shown.row if scene else None, random)

    def _grace_is_over(self, work: Work, queued: Queued, found: ById) -> bool:
        """Whether the read began late enough after the attempt ended, by upstream's clock and by how long this machine
        has run: either alone may jump. Of another start of the machine, or another machine, nothing is known: counted
        from now on. Its row in the list, too, must have been asked for so late: a push may take longer than the grace.
        """
        if queued.state is not State.UNKNOWN or found.thread is None or found.detail is None:
            return False
        if queued.ended_at is None:
            outbox.put_ended(work, queued.ref, self.setup.connector.upstream_now())
            return False
        grace = self.setup.rules.grace
        if self.counted(work, queued) < grace.total_seconds():
            return False
        if queued.delivery.scene is not None and queued.delivery.scene.shown.row is not None:
            listed = self.listed_at.since(queued.ended_uptime)  # None: before the attempt ended
            if listed is None or listed < grace.total_seconds():
                return False
        return _began_at(found) - queued.ended_at >= grace

    def counted(self, work: Work, queued: Queued) -> float:
        """As `ran_since`; where it is not known, it is counted from now on."""
        elapsed = self.ran_since(queued)
        if elapsed is None:
            outbox.put_ended_uptime(work, queued.ref, self.setup.clock.uptime())
        return elapsed or 0.0

    def ran_since(self, queued: Queued) -> float | None:
        """For how many seconds this machine has run since the attempt ended; None where it is not known."""
        return self.setup.clock.uptime().since(queued.ended_uptime)

    def is_long_ago(self, queued: Queued) -> bool:
        """Whether the attempt ended a day ago, by upstream's clock or by how long this machine has run: either may stand
        still. The other must have seen the grace at least; where it cannot tell, upstream's must say two days.
        """
        elapsed = self.ran_since(queued)
        by_upstream = self.setup.connector.upstream_now() - queued.ended_at if queued.ended_at else timedelta(0)
        if elapsed is None:
            return by_upstream >= 2 * LONG_AGO
        mine = timedelta(seconds=elapsed)
        return mine >= LONG_AGO or (mine >= self.setup.rules.grace and by_upstream >= LONG_AGO)


def is_of_now(found: ById) -> bool:
    """Whether something may leave upon this read: one from a cache does not tell whose report it is by now."""
    return not any(part.is_old for part in (found.detail, found.thread) if part is not None)


def why_unread(reason: Reason, delivery: Delivery, written: Change, seen: Seen) -> str | Unsure | None:
    """What is known of why a delivery cannot be read back; None where that is all."""
    if reason is not Reason.CANNOT_READ_BACK:
        return None
    promised = Unsure.PROMISED if seen.is_promised else None
    if not seen.is_long_ago:
        return promised
    if not seen.is_whole:
        return written.new.thread_doubt
    if delivery.state is State.UNKNOWN and not seen.absence_counts:
        return Unsure.CLOCK_STANDS
    return Unsure.OLD_ANSWER if delivery.scene and is_of_before(delivery, delivery.scene, seen) else promised


def _hides(thread: Thread, queued: Queued) -> bool:
    """Whether an item of the thread that could not be read holds the reference, and is new since the scene."""
    known = queued.delivery.scene.items if queued.delivery.scene else {}
    return any(carries(bad.raw, queued.ref) for bad in thread.bad if bad.key not in known)


def scene_of(delivery: Delivery, written: Change, seen: Seen) -> Scene:
    """What is known of the report now that a delivery is to leave: also what went from its thread with this read.

    The row need not tell of our last response yet. What a try before this one knew better stays.
    """
    shown = seen.shown if written.new.settled else replace(seen.shown, row=None)
    now = Scene(items={**digests(written.before), **digests(written.items, seen.bad)}, shown=shown)
    then = delivery.scene
    return replace(then, shown=then.shown.completed(now.shown)) if then else now


def _began_at(found: ById) -> datetime:
    """Upstream's time when the read of detail and thread began."""
    return min(part.began_at for part in (found.detail, found.thread) if part is not None)


def _dated(found: ById) -> dict[str, datetime]:
    """When the answers say that they were made, by the call and the name under which they do."""
    said = (("complaint", found.detail), ("followups", found.thread))
    return {
        f"{call} {name}": at for call, part in said if part is not None for name, at in (part.dated or {}).items()
    }


def _heads(found: ById) -> dict[str, str] | None:
    """The digests of the answers' headers, by call and name; None where they are not known."""
    if found.detail is None or found.thread is None or found.detail.heads is None or found.thread.heads is None:
        return None
    return {**found.detail.heads, **found.thread.heads}


def _fullest(reads: Sequence[ById]) -> tuple[ById, Thread, list[ById]]:
    """The newest of the reads that shows the most items, its thread, and the others; one at least has a thread."""
    shown = [(one, one.thread) for one in reversed(reads) if one.thread is not None]
    found, thread = max(shown, key=lambda one: len(one[1].items) + len(one[1].bad))
    return found, thread, [one for one in reads if one is not found]


def _without_random_heads(found: ById, scene: Scene, again: Sequence[ById]) -> ById:
    """What was read, with the headers as in the scene that say another thing in each read."""
    reads = [heads for one in (found, *again) if (heads := _heads(one)) is not None]
    if scene.shown.heads is None or len(reads) < READS or found.detail is None or found.thread is None:
        return found
    heads = without_random(scene.shown.heads, reads)
    detail, thread = ({name: heads[name] for name in part.heads or ()} for part in (found.detail, found.thread))
    return replace(found, detail=replace(found.detail, heads=detail), thread=replace(found.thread, heads=thread))


def _has_loose_moved(scene: Scene, found: ById) -> bool:
    """Whether a part that may be another thing at each read is another one than in the scene."""
    return (found.detail is not None and have_moved(scene.shown.detail, found.detail.marks)) or (
        found.thread is not None and have_moved(scene.shown.marks, found.thread.marks)
    )


def _without_random_parts(found: ById, scene: Scene, again: Sequence[ById], places: Places) -> ById:
    """What was read, with the loose parts as in the scene that are another thing at each read, of another report too."""
    marks = marks_of([found, *again])
    if marks is None or found.detail is None or found.thread is None:
        return found
    (details, threads), then = marks, scene.shown
    of_detail = random_names(then.detail, details, places.detail)
    of_thread = random_names(then.marks, threads, places.thread)
    detail = replace(found.detail, marks=as_before(details[0], then.detail, of_detail), random=of_detail)
    thread = replace(found.thread, marks=as_before(threads[0], then.marks, of_thread))
    return replace(found, detail=detail, thread=thread)


def _raw(found: ById) -> tuple[str, ...]:
    """What upstream said of the report in this read, as it came."""
    return tuple(part.raw for part in (found.detail, found.thread) if part is not None)
