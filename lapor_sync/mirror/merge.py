"""What was read is laid over what is known of a report: pure. What the source did not carry stays."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from lapor_sync.domain.delivery import Reason
from lapor_sync.domain.identity import Match, is_by_id, match
from lapor_sync.domain.personal import HIDING_FLAGS, Withheld, erased_items, withheld_report
from lapor_sync.domain.report import Detail, Report, Thread, ThreadItem, changed_before
from lapor_sync.domain.thread import in_order
from lapor_sync.store.reports import Mirrored

MAPPED = tuple(name for name in Report._fields if name not in {"tracking_id", "upstream_id", "missing"})


class Read(NamedTuple):
    """One report as read this time from the API.

    `report` None: only the thread was read. `thread` None: it could not be read (`unread`), or was not asked for.
    `row_hash` and `row` where it came from a listing; `forget_row`: a listing showed a change that could not be
    read. `thread_error`: the call that did not bring the thread. `at`: upstream's time of the read. `has_moved`:
    upstream names the report by another id from now on. `is_unnamed`: the detail names no Tracking ID, though those of
    other reports do.
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
    is_unnamed: bool = False
    thread_error: str | None = None


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
        report = report._replace(tracking_id=read.tracking_id, missing=report.missing | {"tracking_id"})
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
    missing = known.missing if new.tracking_id != known.tracking_id else known.missing & new.missing
    return _shown(known._replace(**values, upstream_id=new.upstream_id or known.upstream_id, missing=missing))


def _shown(report: Report) -> Report:
    return without_reporter(report) if hides(report) else report


def hides(report: Report) -> bool:
    """Whether the reporter is not to be known."""
    return report.is_anonymous or report.is_secret


def without_reporter(report: Report) -> Report:
    """An anonim or rahasia report is mirrored without the reporter's name (rules, "Personal data")."""
    return report._replace(reporter_name=None) if report.reporter_name else report


def of_now(read: Read, old: Mirrored | None) -> Read:
    """Return a read without what a cache kept from before what is known: no detail, and no thread that is whole."""
    if old is None:
        return read
    detail, thread = read.detail, read.thread
    if detail and detail.is_old and _is_before(read, detail, old):
        read = read._replace(report=None, detail=None)
    if thread and thread.is_old and old.thread_read_at and thread.began_at < old.thread_read_at:
        read = read._replace(thread=replace(thread, complete=False, why=thread.why or "it came from a cache"))
    return read


def _is_before(read: Read, detail: Detail, old: Mirrored) -> bool:
    """Whether a detail was made before the last read that moved something, and no row of now stands beside it; or all
    that was read tells of an earlier change."""
    if read.report is not None and changed_before(read.report, old.report.updated_at):
        return True
    return read.row_hash is None and old.read_at is not None and detail.began_at < old.read_at


def items_after(thread: Thread | None, known: tuple[ThreadItem, ...]) -> tuple[ThreadItem, ...]:
    """The thread as it stands upstream: of one that may not be whole nothing that is known is gone."""
    if thread is None or thread.complete:
        return thread.items if thread else known
    shown = {item.id for item in thread.items}
    return in_order([*thread.items, *(item for item in known if item.id not in shown)])


def others_named(read: Read, old: Mirrored | None) -> frozenset[str]:
    """The ids of reports that the items of a thread say they are of, where none of them is the report's own."""
    named = read.thread.named if read.thread else frozenset[str]()
    return named if named.isdisjoint(_own_ids(read, old)) else frozenset()


def is_about_another(read: Read, old: Mirrored | None) -> bool:
    """Whether one of the answers says that it is about another report, whatever it holds."""
    said = (part.about for part in (read.thread, read.detail) if part is not None)
    return not frozenset[str]().union(*said) <= _own_ids(read, old)


def _own_ids(read: Read, old: Mirrored | None) -> frozenset[str]:
    known = (one.upstream_id for one in (read.report, old and old.report) if one)
    return frozenset(filter(None, (read.tracking_id, *known)))


def doubt_of(
    read: Read, old: Mirrored, items: tuple[ThreadItem, ...] = (), mirrored: Collection[str] = ()
) -> Reason | None:
    """Why what was read may not be merged with the report for which it was asked; None where it may.

    `items` are what is known of its thread, `mirrored` are ids of other reports. Ids that no report has may be of a
    kind of their own: they say so only where nothing of the thread is left.
    """
    shown = {item.id for item in (read.thread.items if read.thread else items)}
    is_all_new = bool(items) and shown.isdisjoint(item.id for item in items)
    if is_about_another(read, old):
        return Reason.ANOTHER_REPORT
    named = others_named(read, old)
    if named and (is_all_new or not named.isdisjoint(mirrored)):
        return Reason.ANOTHER_REPORT
    if read.report is None:
        return Reason.ANOTHER_REPORT if read.thread and old.other_since else None
    known = old.report._replace(upstream_id=None) if read.has_moved and not is_by_id(old.report) else old.report
    found = match(known, read.report, is_confirmed=old.read_at is not None)
    is_nameless = read.detail is not None and is_by_id(read.report) and not is_by_id(old.report)
    if found is Match.SAME and is_nameless and (read.is_unnamed or is_all_new):
        return Reason.NOT_CONFIRMED
    return {Match.UNSAID: Reason.NOT_CONFIRMED, Match.OTHER: Reason.ANOTHER_REPORT}.get(found)


# What a citizen asked for.


def withheld(read: Read, how: Withheld, prefix: str, issued: Iterable[str]) -> Read:
    """Return what may be mirrored of a read, of a report that is held back or erased."""
    report = withheld_report(read.report, how) if read.report else None
    if how is Withheld.HELD:
        return read._replace(report=report)
    thread, detail = read.thread, read.detail
    if thread:
        items = erased_items(thread.items, prefix, issued)
        thread = replace(thread, items=items, raw="", bad=tuple(replace(one, raw="{}") for one in thread.bad))
    if detail:
        history = tuple(replace(move, note="") for move in detail.history)
        detail = replace(detail, report=withheld_report(detail.report, how), history=history, raw="")
    return read._replace(report=report, thread=thread, detail=detail, row=None)
