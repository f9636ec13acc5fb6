"""Writing what was read: merge with what is known, judge, reconcile, save. One call a transaction."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from lapor_sync.domain import delivery as rules_of_delivery
from lapor_sync.domain.delivery import Kind, Reason, State
from lapor_sync.domain.errors import BadRecord
from lapor_sync.domain.identity import Match, is_by_id, match
from lapor_sync.domain.next_step import times_arrived
from lapor_sync.domain.personal import HIDING_FLAGS, without_persons
from lapor_sync.domain.report import BadItem, Detail, ItemKind, Report, Thread, ThreadItem
from lapor_sync.domain.thread import in_order
from lapor_sync.mirror.apart import quarantine_one, together_or_alone, why
from lapor_sync.mirror.judge import Facts, answer_by_itself, arrived_all_the_same, hold_all, judge, reconcile
from lapor_sync.mirror.mirror import Mirror
from lapor_sync.store import outbox, quarantine, reports, threads
from lapor_sync.store.database import Work
from lapor_sync.store.outbox import Queued
from lapor_sync.store.reports import Mirrored

MAPPED = tuple(name for name in Report._fields if name not in {"tracking_id", "upstream_id", "missing"})


class Read(NamedTuple):
    """One report as read this time from the API.

    `report` None: only the thread was read. `thread` None: it could not be read (`unread`), or was not asked for.
    `row_hash` and `row` where it came from a listing; `forget_row`: a listing showed a change that could not be
    read. `thread_error`: the call that did not bring the thread. `at`: upstream's time of the read. `has_moved`:
    upstream names the report by another id from now on.
    """

    tracking_id: str
    at: datetime
    report: Report | None = None
    thread: Thread | None = None
    detail: Detail | None = None
    row_hash: str | None = None
    row: str | None = None
    forget_row: bool = False
    unread: bool = False
    has_moved: bool = False
    thread_error: str | None = None


class Change(NamedTuple):
    """What became of one read: the report before and after, its thread after and `before`, and its deliveries.

    `is_other`: what was read is another report, or nobody knows: nothing of it was merged.
    """

    old: Mirrored | None
    new: Mirrored
    items: tuple[ThreadItem, ...]
    deliveries: list[Queued]
    before: tuple[ThreadItem, ...] = ()
    is_other: bool = False

    @property
    def is_new(self) -> bool:
        return self.old is None

    @property
    def is_changed(self) -> bool:
        return self.old is not None and self.old != self.new


def write(work: Work, mirror: Mirror, reads: Sequence[Read]) -> list[Change]:
    """Mirror these reads, judge and reconcile their reports, all in the caller's transaction.

    A read whose report is not mirrored and that brings no report (a thread alone) is passed over. One at which this
    fails goes to quarantine; the report stays as it was.
    """
    return together_or_alone(
        work,
        reads,
        lambda some: _write_all(work, mirror, some),
        lambda read, exc: _set_apart(work, mirror, read, exc),
    )


def _set_apart(work: Work, mirror: Mirror, read: Read, exc: Exception) -> None:
    call_id = read.report.upstream_id if read.report else None
    raw = read.row or (read.detail.raw if read.detail else "{}")
    if read.report is None or _hides(read.report) or HIDING_FLAGS & read.report.missing:
        raw = without_persons(raw)
    bad = BadRecord(why(exc), key=read.tracking_id, raw=raw, report_id=call_id or read.tracking_id)
    quarantine_one(work, mirror, quarantine.DETAIL, bad, exc)
    reports.read_later(work, read.tracking_id, work.now + timedelta(days=1))


def _write_all(work: Work, mirror: Mirror, reads: Sequence[Read]) -> list[Change]:
    before = Before.load(work, [read.tracking_id for read in reads])
    written = [
        _write_one(work, mirror, read, before)
        for read in reads
        if read.report is not None or read.tracking_id in before.reports
    ]
    save(work, written)
    _save_threads(work, reads, written, before)
    return written


def rejudge(work: Work, mirror: Mirror, tracking_ids: Iterable[str]) -> list[Change]:
    """Judge and reconcile again what is mirrored: after a change of the rules, or of a delivery."""
    at = work.now
    return write(work, mirror, [Read(tracking_id=one, at=at) for one in tracking_ids])


@dataclass(frozen=True, slots=True)
class Before:
    """What the mirror holds of some reports: themselves, their threads, their deliveries."""

    reports: dict[str, Mirrored]
    threads: dict[str, tuple[ThreadItem, ...]]
    deliveries: dict[str, list[Queued]]

    @classmethod
    def load(cls, work: Work, tracking_ids: Sequence[str]) -> Before:
        """Three queries, however many reports."""
        found = reports.load(work, tracking_ids)
        return cls(found, threads.load(work, found), outbox.of_reports(work, found))


def _write_one(work: Work, mirror: Mirror, read: Read, before: Before) -> Change:
    old = before.reports.get(read.tracking_id)
    old_items = before.threads.get(read.tracking_id, ())
    mine = before.deliveries.get(read.tracking_id, [])
    if old is not None and (reason := _doubt(read, old)):
        return _write_other(work, mirror, read, old, before, reason)
    # Reads of one report follow one another in this one process: the later one is the newer knowledge. Their
    # times cannot tell, since `began_at` is whole seconds and any clock may go back.
    items = _items(read.thread, old_items)
    if read.thread:
        mine = note_references(work, mirror, read.tracking_id, items, mine)
    merged = merge(read, old, work.now, is_same_thread=items == old_items)
    if merged.thread_doubt and (old is None or old.thread_doubt != merged.thread_doubt):
        mirror.log.warning("thread_incomplete", tracking_id=merged.tracking_id, what=merged.thread_doubt)
    if merged.thread_error and (old is None or old.thread_error != merged.thread_error):
        mirror.log.warning("thread_unreadable", tracking_id=merged.tracking_id, what=merged.thread_error)
    if old is not None and old.other_since and not merged.other_since:
        quarantine.release(work, {old.tracking_id}, sources=(quarantine.DETAIL,))
    new = settle(work, mirror, old, merged, items, mine, is_unread=read.unread)
    return Change(old=old, new=new, items=items, deliveries=mine, before=old_items)


def _items(thread: Thread | None, known: tuple[ThreadItem, ...]) -> tuple[ThreadItem, ...]:
    """The thread as it stands upstream: of one that may not be whole nothing that is known is gone."""
    if thread is None or thread.complete:
        return thread.items if thread else known
    shown = {item.id for item in thread.items}
    return in_order([*thread.items, *(item for item in known if item.id not in shown)])


def _doubt(read: Read, old: Mirrored) -> Reason | None:
    """Why what was read may not be merged with the report for which it was asked; None where it may."""
    if read.report is None:
        return Reason.ANOTHER_REPORT if read.thread and old.other_since else None
    known = old.report._replace(upstream_id=None) if read.has_moved and not is_by_id(old.report) else old.report
    found = match(known, read.report, is_confirmed=old.read_at is not None)
    return {Match.UNSAID: Reason.NOT_CONFIRMED, Match.OTHER: Reason.ANOTHER_REPORT}.get(found)


def _write_other(work: Work, mirror: Mirror, read: Read, old: Mirrored, before: Before, doubt: Reason) -> Change:
    """Keep the report as it is mirrored, say that upstream gives another one in its place, and hold its deliveries.

    It is read again a day later; of the other one, who may be anybody's, only the ids are kept.
    """
    items, mine = before.threads.get(old.tracking_id, ()), before.deliveries.get(old.tracking_id, [])
    other_id = None
    if doubt is Reason.NOT_CONFIRMED and read.report is not None:
        other_id = read.report.upstream_id or old.call_id
    doubted = old._replace(other_since=old.other_since or work.now, other_id=other_id)
    if old.other_since is None:
        work.note("another_report", old.tracking_id, reason=doubt)
        mirror.log.warning("another_report", tracking_id=old.tracking_id, reason=doubt)
    if read.report is not None:
        quarantine.put(work, quarantine.DETAIL, _other_record(read.report, old, doubt))
    held = hold_all(work, mine, doubt)
    new = settle(work, mirror, old, doubted, items, held)
    return Change(old=old, new=new, items=items, deliveries=held, is_other=True)


def _other_record(found: Report, old: Mirrored, doubt: Reason) -> BadRecord:
    said = {
        name: value for name, value in (("id", found.upstream_id), ("tracking_id", found.tracking_id)) if value
    }
    if "tracking_id" in found.missing:
        said.pop("tracking_id")
    return BadRecord(
        doubt.value,
        key=f"{old.tracking_id}/another",
        raw=json.dumps(said, sort_keys=True),
        report_id=old.tracking_id,
    )


def mark_other(work: Work, mirror: Mirror, tracking_ids: Iterable[str]) -> None:
    """Upstream shows another report under the id of these: they are read again by it before anything leaves."""
    for one in reports.load(work, tracking_ids).values():
        read = Read(tracking_id=one.tracking_id, at=work.now)
        save(
            work,
            [_write_other(work, mirror, read, one, Before.load(work, [one.tracking_id]), Reason.ANOTHER_REPORT)],
        )


def settle(
    work: Work,
    mirror: Mirror,
    old: Mirrored | None,
    merged: Mirrored,
    items: tuple[ThreadItem, ...],
    deliveries: list[Queued],
    *,
    is_unread: bool = False,
) -> Mirrored:
    """Judge and reconcile one report whose fields are merged; not saved yet."""
    is_known = merged.thread_known or bool(items)
    case = Facts(
        old=old,
        new=merged,
        items=items if is_known else None,
        unread=is_unread or (merged.read_at is not None and not is_known),
        deliveries=deliveries,
        now=work.now,
    )
    return reconcile(work, old, judge(case, mirror.rules, mirror.pace), deliveries)


def merge(read: Read, old: Mirrored | None, now: datetime, *, is_same_thread: bool) -> Mirrored:
    """The mirrored report with what this read brought; what the source did not carry stays as it is known.

    A settled report that was read again and found the same stays as it is, so that nothing is written.
    """
    if old is None:
        return _first(read, now)
    report = merge_fields(old.report, read.report) if read.report else old.report
    moved = report != old.report or old.read_at is None
    thread_read_at = old.thread_read_at
    brings_nothing = old.settled and not moved and is_same_thread and not old.thread_trouble
    if read.thread and read.thread.complete and not brings_nothing:
        thread_read_at = read.thread.began_at
    forwarded = old.forwarded_from if old.forwarded_from == (report.disposition_id or "") else None
    found = read.detail is not None or read.thread is not None  # a list may name what cannot be read by id
    return old._replace(
        report=report,
        row_hash=None if read.forget_row else read.row_hash or old.row_hash,
        read_at=read.at if read.report and moved else old.read_at,
        thread_read_at=thread_read_at,
        forwarded_from=forwarded,
        missing_since=None if found else old.missing_since,
        vanished_at=None if found else old.vanished_at,
        other_since=None if read.report else old.other_since,
        other_id=None if read.report else old.other_id,
        thread_doubt=_thread_doubt(read, old.thread_doubt),
        thread_error=None if read.thread else read.thread_error or old.thread_error,
    )


def _thread_doubt(read: Read, before: str | None) -> str | None:
    return (read.thread.why or None) if read.thread else before


def _first(read: Read, now: datetime) -> Mirrored:
    report = read.report
    assert report is not None
    if report.tracking_id != read.tracking_id:
        report = report._replace(tracking_id=read.tracking_id)
    return Mirrored(
        report=without_reporter(report) if HIDING_FLAGS & report.missing else _shown(report),
        first_seen_at=now,
        row_hash=read.row_hash,
        read_at=read.at,
        thread_read_at=read.thread.began_at if read.thread and read.thread.complete else None,
        thread_doubt=_thread_doubt(read, None),
        thread_error=read.thread_error,
    )


def merge_fields(known: Report, new: Report) -> Report:
    """`new` over `known`: a field that the source does not carry keeps its value; identity stays."""
    absent = new.missing | {"reporter_name"} if HIDING_FLAGS & new.missing else new.missing
    values = {name: getattr(new, name) for name in MAPPED if name not in absent}
    return _shown(known._replace(**values, upstream_id=new.upstream_id or known.upstream_id))


def _shown(report: Report) -> Report:
    return without_reporter(report) if _hides(report) else report


def _hides(report: Report) -> bool:
    """Whether the reporter is not to be known."""
    return report.is_anonymous or report.is_secret


def without_reporter(report: Report) -> Report:
    """An anonim or rahasia report is mirrored without the reporter's name (rules, section 7)."""
    return report._replace(reporter_name=None) if report.reporter_name else report


def note_references(
    work: Work, mirror: Mirror, tracking_id: str, items: tuple[ThreadItem, ...], deliveries: list[Queued]
) -> list[Queued]:
    """Note which of our references stand in a thread; the deliveries as they are then.

    A well-formed reference with our prefix that the database does not know (an older backup was restored) becomes
    a recovered `sent` delivery.
    """
    seen = [_note_seen(work, mirror, one, items) for one in deliveries]
    known, prefix = {one.ref for one in deliveries}, mirror.rules.prefix
    for item in items:
        if item.kind is ItemKind.ANSWER and prefix in item.content:  # cheap first: most carry none
            for ref in rules_of_delivery.references_in(item.content, prefix) - known:
                outbox.recover(work, ref=ref, tracking_id=tracking_id, text=item.content)
    return seen


def _note_seen(work: Work, mirror: Mirror, one: Queued, items: tuple[ThreadItem, ...]) -> Queued:
    count = times_arrived(items, one.delivery)
    if one.delivery.kind is Kind.FORWARD:
        return one
    if count and one.state in {State.HELD, State.REFUSED}:
        one = arrived_all_the_same(work, one)
        mirror.log.info("delivery_found", ref=one.ref, tracking_id=one.tracking_id)
    if count == one.seen_count:
        return one
    if one.seen_at is None:
        answer_by_itself(work, one.ref)  # shown cut at first, and whole now
    seen_at = one.seen_at or work.now
    outbox.put_seen(work, one.ref, count, seen_at)
    if count > 1:
        work.note("seen_twice", one.tracking_id, ref=one.ref, count=count)
        mirror.log.error("seen_twice", ref=one.ref, tracking_id=one.tracking_id, count=count)
    return replace(one, seen_count=count, seen_at=seen_at)


def save(work: Work, written: Iterable[Change]) -> None:
    """Write only what is other than before."""
    reports.save(work, [one.new for one in written if one.old != one.new])


def _save_threads(work: Work, reads: Sequence[Read], written: list[Change], before: Before) -> None:
    by_id = {one.new.tracking_id: one for one in written if not one.is_other}
    mine = [read for read in reads if read.tracking_id in by_id]
    fresh = {read.tracking_id: by_id[read.tracking_id].items for read in mine if read.thread is not None}
    threads.save(work, fresh, before.threads)
    threads.save_history(work, {read.tracking_id: read.detail.history for read in mine if read.detail is not None})
    changed = [read for read in mine if by_id[read.tracking_id].old != by_id[read.tracking_id].new]
    threads.drop_raw_of(work, [one.new.tracking_id for one in written if _begins_to_hide(one)])
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
    return one.old is not None and _hides(one.new.report) and not _hides(one.old.report)


def _raw(read: Read, report: Report) -> list[tuple[str, str, str]]:
    """The payloads to be kept: of an anonim or rahasia report, or one that may be either, without persons."""
    # A thread alone does not say; where a name was taken over, both flags said no.
    unsaid = bool(HIDING_FLAGS & read.report.missing) if read.report else report.reporter_name is None
    keep = without_persons if _hides(report) or unsaid else str
    parts = (
        ("row", read.row),
        ("detail", read.detail and read.detail.raw),
        ("thread", read.thread and read.thread.raw),
    )
    return [(read.tracking_id, what, keep(text)) for what, text in parts if text]
