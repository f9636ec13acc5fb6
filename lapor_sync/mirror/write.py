"""Writing what was read and decided: the one place of the mirror that writes. One call a transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import assert_never

from lapor_sync.domain.citizen_files import files_of
from lapor_sync.domain.delivery import Reason, State
from lapor_sync.domain.errors import BadRecord
from lapor_sync.domain.personal import HIDING_FLAGS, without_persons
from lapor_sync.domain.questions import CHANGED, SAID, UNSURE, Unsure
from lapor_sync.domain.report import BadItem, Report, ThreadItem
from lapor_sync.mirror import cut
from lapor_sync.mirror.apart import quarantine_one, together_or_alone, why
from lapor_sync.mirror.decide import (
    Arrived,
    Change,
    Hold,
    Known,
    KnownLess,
    Mentioned,
    Note,
    NotKept,
    PutAside,
    Recover,
    Release,
    Say,
    Seen,
    Shown,
    Step,
    decide,
    doubted,
    references_of,
)
from lapor_sync.mirror.merge import Read, hides, is_about_another, of_now, others_named, withheld
from lapor_sync.mirror.mirror import Log, Mirror
from lapor_sync.store import citizen_files, conflicts, marks, outbox, quarantine, reports, threads
from lapor_sync.store.conflicts import How
from lapor_sync.store.database import Work
from lapor_sync.store.marks import Mark
from lapor_sync.store.outbox import Queued
from lapor_sync.store.reports import Mirrored


def write(work: Work, mirror: Mirror, reads: Sequence[Read]) -> list[Change]:
    """Mirror these reads, judge and reconcile their reports, all in the caller's transaction.

    A read whose report is not mirrored and that brings no report (a thread alone) is passed over. One at which this
    fails goes to quarantine; the report stays as it was.
    """
    if not reads:
        return []
    return together_or_alone(
        work,
        reads,
        lambda some: _write_all(work, mirror, some),
        lambda read, exc: _set_apart(work, mirror, read, exc),
    )


def _set_apart(work: Work, mirror: Mirror, read: Read, exc: Exception) -> None:
    names_may_stay = read.report and not hides(read.report) and not HIDING_FLAGS & read.report.missing
    bad = _bad(read, why(exc), str if names_may_stay else without_persons)
    quarantine_one(work, mirror, quarantine.DETAIL, bad, exc)
    reports.read_later(work, read.tracking_id, work.now + timedelta(days=1))


def _write_all(work: Work, mirror: Mirror, reads: Sequence[Read]) -> list[Change]:
    before, now = Before.load(work, [read.tracking_id for read in reads]), work.now
    named = {id for read in reads for id in others_named(read, before.reports.get(read.tracking_id))}
    before = replace(before, named=reports.having(work, named))
    reads = [
        of_now(_withheld(read, before, mirror.rules.prefix), before.reports.get(read.tracking_id))
        for read in reads
        if read.tracking_id in before.reports or not _puts_aside(work, read)
    ]
    changes = [
        decide(read, before.of(read.tracking_id), mirror.rules, mirror.pace, now)
        for read in reads
        if read.report is not None or read.tracking_id in before.reports
    ]
    save(work, mirror, changes)
    _hold_shown_elsewhere(work, mirror, reads, changes)
    _save_threads(work, reads, changes, before)
    _note_files(work, changes)
    return changes


def _puts_aside(work: Work, read: Read) -> bool:
    """Whether a report that was never seen before is said to be another one: nothing of either is mirrored."""
    if not is_about_another(read, None):
        return False
    bad = _bad(read, "beside it stands that it is about another report", without_persons)
    quarantine.put(work, quarantine.DETAIL, bad)
    return True


def _bad(read: Read, what: str, keep: Callable[[str], str]) -> BadRecord:
    """A report as it is put into quarantine: under the id that is called, `keep` what of it is kept."""
    raw = read.row or (read.detail.raw if read.detail else "{}")
    call_id = (read.report and read.report.upstream_id) or read.tracking_id
    return BadRecord(what, key=read.tracking_id, raw=keep(raw), report_id=call_id)


def _hold_shown_elsewhere(work: Work, mirror: Mirror, reads: Iterable[Read], changes: Iterable[Change]) -> None:
    """What may have arrived and stands in a thread that is not merged is asked about: nobody finds it there later."""
    others = {one.new.tracking_id for one in changes if one.is_other}
    for read in reads:
        if read.tracking_id in others and read.thread is not None:
            refs = references_of(read.thread, mirror.rules.prefix)
            _hold_mentioned(work, Mentioned(refs, read.tracking_id), may_have_arrived=True)


def _hold_mentioned(work: Work, found: Mentioned, *, may_have_arrived: bool) -> None:
    for one in outbox.of_refs(work, sorted(found.refs)).values():
        is_others = one.tracking_id != found.tracking_id and one.state in {State.QUEUED, State.UNKNOWN}
        if is_others and one.delivery.may_have_arrived == may_have_arrived:
            where = f"followups of {found.tracking_id}"
            if may_have_arrived:
                hold(work, one, Reason.PERHAPS_ARRIVED, changed=(where,))
            else:
                hold(work, one, Reason.MENTIONED, where)


def _withheld(read: Read, before: Before, prefix: str) -> Read:
    """A read as it may be mirrored: what a citizen wanted held back or erased does not come back with it."""
    one = before.reports.get(read.tracking_id)
    if one is None or one.withheld is None:
        return read
    issued = [each.ref for each in before.deliveries.get(read.tracking_id, ())]
    return withheld(read, one.withheld, prefix, issued)


def _note_files(work: Work, changes: Iterable[Change]) -> None:
    """What is attached is to be fetched while its address holds."""
    sound = (one for one in changes if not one.is_other)
    citizen_files.note(
        work, {one.new.tracking_id: files_of(one.new.report.attachments, one.items) for one in sound}
    )


def rejudge(work: Work, mirror: Mirror, tracking_ids: Iterable[str]) -> list[Change]:
    """Judge and reconcile again what is mirrored: after a change of the rules, or of a delivery."""
    at = work.now
    return write(work, mirror, [Read(tracking_id=one, at=at) for one in tracking_ids])


def mark_other(work: Work, mirror: Mirror, tracking_ids: Iterable[str]) -> None:
    """Upstream shows another report under the id of these: they are read again by it before anything leaves."""
    before = Before.load(work, list(tracking_ids))
    for one in before.reports.values():
        known = before.of(one.tracking_id)
        change = doubted(one, None, known, Reason.ANOTHER_REPORT, mirror.rules, mirror.pace, work.now)
        save(work, mirror, [change])


@dataclass(frozen=True, slots=True)
class Before:
    """What the mirror holds of some reports: themselves, their threads, their deliveries; and the ids of other
    mirrored reports that reads of them name."""

    reports: dict[str, Mirrored]
    threads: dict[str, tuple[ThreadItem, ...]]
    deliveries: dict[str, list[Queued]]
    named: frozenset[str] = frozenset()

    @classmethod
    def load(cls, work: Work, tracking_ids: Sequence[str]) -> Before:
        """Three queries, however many reports."""
        found = reports.load(work, tracking_ids)
        return cls(found, threads.load(work, found), outbox.of_reports(work, found))

    def of(self, tracking_id: str) -> Known:
        """Return what is known of one of them."""
        return Known(
            self.reports.get(tracking_id),
            self.threads.get(tracking_id, ()),
            self.deliveries.get(tracking_id, []),
            self.named,
        )


def save(work: Work, mirror: Mirror, changes: Iterable[Change]) -> None:
    """Write what was decided; of the reports only those that are other than before."""
    known = list(changes)
    for one in known:
        for step in one.steps:
            _carry_out(work, mirror.log, step)
    _look_at_shown(work, mirror.log, [step for one in known for step in one.steps if isinstance(step, Shown)])
    reports.save(work, [one.new for one in known if one.old != one.new])


def _carry_out(work: Work, log: Log, step: Step) -> None:
    match step:
        case Note(what, subject, data):
            work.note(what, subject, **data)
        case Say(level, event, values):
            {"info": log.info, "warning": log.warning, "error": log.error}[level](event, **values)
        case Hold(delivery, reason):
            hold(work, delivery, reason)
        case Arrived(delivery):
            outbox.found_all_the_same(work, delivery)
            _answer_by_itself(work, delivery.ref)
        case Shown(delivery):
            _answer_by_itself(work, delivery.ref)
        case NotKept(delivery, reason):
            _ask_about(work, log, delivery, reason)
        case Seen(ref, times, at):
            outbox.put_seen(work, ref, times, at)
        case KnownLess(ref, baseline):
            outbox.put_baseline(work, ref, baseline)
        case Recover(ref, tracking_id, text):
            outbox.recover(work, ref=ref, tracking_id=tracking_id, text=text)
        case Mentioned():
            # What may have arrived is looked for, in all threads, before it leaves again.
            _hold_mentioned(work, step, may_have_arrived=False)
        case PutAside(bad):
            quarantine.put(work, quarantine.DETAIL, bad)
        case Release(tracking_id):
            quarantine.release(work, {tracking_id}, sources=(quarantine.DETAIL,))
        case _:
            assert_never(step)


def _look_at_shown(work: Work, log: Log, shown: Sequence[Shown]) -> None:
    """What stands there whole shows that LAPOR keeps texts; where it lacks files a person is asked."""
    if not shown:
        return
    marks.clear(work, Mark.CUT)
    files = outbox.file_names_of(work, [one.delivery.ref for one in shown])
    for one in shown:
        cut.note_kept(work, one.delivery.delivery.text)
        count = len(files.get(one.delivery.ref, ()))
        if one.files < count:
            _ask_about(work, log, one.delivery, Reason.FILES_LOST, files=count, seen=one.files)


def _ask_about(work: Work, log: Log, one: Queued, reason: Reason, **facts: int) -> None:
    """Ask a person, once, about a response that LAPOR took; where it was cut its report's later ones are held."""
    if conflicts.was_asked(work, reason.value, one.ref):
        return
    log.error(reason.value, ref=one.ref, tracking_id=one.tracking_id, **facts)
    conflicts.open_one(work, kind=reason.value, tracking_id=one.tracking_id, ref=one.ref)
    if reason is Reason.TEXT_CUT:
        for later in outbox.of_reports(work, [one.tracking_id])[one.tracking_id]:
            if later.state is State.QUEUED:
                hold(work, later, Reason.TEXT_CUT)
        cut.count(work)


def hold(
    work: Work, queued: Queued, reason: Reason, more: str | Unsure | None = None, changed: Sequence[str] = ()
) -> None:
    """Hold a delivery and ask a person, who is told what `more` is known, else the last answer if that is why; and what
    has `changed` since the try, where that is why."""
    outbox.hold(work, queued, reason)
    more = more or outbox.last_words(work, [replace(queued, reason=reason)]).get(queued.ref)
    facts = {UNSURE if isinstance(more, Unsure) else SAID: more} if more else {}
    if changed:
        facts = {CHANGED: ", ".join(changed)[:_MOST_CHANGED]}
    conflicts.open_one(work, kind=reason.value, facts=facts, tracking_id=queued.tracking_id, ref=queued.ref)


_MOST_CHANGED = 200


def _answer_by_itself(work: Work, ref: str) -> None:
    """Settle what was asked about a response that now stands in the thread, whole."""
    for question in conflicts.of_delivery(work, ref):
        conflicts.settle(work, question, How.BY_ITSELF)


def _save_threads(work: Work, reads: Sequence[Read], written: list[Change], before: Before) -> None:
    by_id = {one.new.tracking_id: one for one in written if not one.is_other}
    mine = [read for read in reads if read.tracking_id in by_id]
    fresh = {read.tracking_id: by_id[read.tracking_id].items for read in mine if read.thread is not None}
    threads.save(work, fresh, before.threads)
    threads.save_history(work, {read.tracking_id: read.detail.history for read in mine if read.detail is not None})
    changed = [read for read in mine if by_id[read.tracking_id].old != by_id[read.tracking_id].new]
    hidden = [one.new for one in written if _begins_to_hide(one)]
    threads.drop_raw_of(work, [one.tracking_id for one in hidden])
    quarantine.hide_persons(work, [id for one in hidden for id in (one.tracking_id, one.call_id)])
    threads.save_raw(work, [part for read in changed for part in _raw(read, by_id[read.tracking_id].new.report)])
    quarantine.release_rows(work, [read.report for read in mine if read.report is not None])
    _quarantine_items(work, {read.tracking_id: read.thread.bad for read in mine if read.thread is not None})


def _quarantine_items(work: Work, bad: Mapping[str, tuple[BadItem, ...]]) -> None:
    """Put away what could not be read of these threads; what could be read of the others leaves."""
    quarantine.release(work, {one for one, items in bad.items() if not items}, sources=(quarantine.THREAD,))
    for tracking_id, items in bad.items():
        for item in items:
            key = f"{tracking_id}/{item.key}"
            record = BadRecord(item.reason, key=key, raw=item.raw, report_id=tracking_id)
            quarantine.put(work, quarantine.THREAD, record)


def _begins_to_hide(one: Change) -> bool:
    return one.old is not None and hides(one.new.report) and not hides(one.old.report)


def _raw(read: Read, report: Report) -> list[tuple[str, str, str]]:
    """The payloads to be kept: of an anonim or rahasia report, or one that may be either, without persons."""
    # A thread alone does not say; where a name was taken over, both flags said no.
    unsaid = bool(HIDING_FLAGS & read.report.missing) if read.report else report.reporter_name is None
    keep = without_persons if hides(report) or unsaid else str
    parts = (
        (threads.ROW, read.row),
        ("detail", read.detail and read.detail.raw),
        ("thread", read.thread and read.thread.raw),
    )
    return [(read.tracking_id, what, keep(text)) for what, text in parts if text]
