"""Reading by id: what may not be trusted yet, what no list shows as changed, the nightly sweep, the missing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from lapor_sync.domain.errors import Missing, NotNow, Unreachable
from lapor_sync.domain.identity import is_by_id
from lapor_sync.domain.questions import MANY_VANISHED, MISSING, OPEN
from lapor_sync.domain.report import Detail, Report, Thread
from lapor_sync.domain.waits import doubled
from lapor_sync.mirror.apart import read_apart
from lapor_sync.mirror.decide import Change
from lapor_sync.mirror.merge import Read
from lapor_sync.mirror.write import write
from lapor_sync.store import ailing, conflicts, marks, quarantine, reports
from lapor_sync.store.ailing import Ailing
from lapor_sync.store.conflicts import How
from lapor_sync.store.database import Work
from lapor_sync.store.marks import Mark, Marks
from lapor_sync.store.quarantine import Quarantined
from lapor_sync.store.reports import Mirrored
from lapor_sync.sync.calls import NOT_ASKED, ById, Health, by_id, each
from lapor_sync.sync.setup import Setup

CLOSED_WITHIN = timedelta(days=30)
"""A report that was closed within this time may be reopened: sweeps read it."""

A_DAY = timedelta(days=1)

SWEEP_AT = time(1, 0)
"""The city's hour of the nightly sweep."""


def is_sweep_due(known: Marks, now: datetime, timezone: ZoneInfo) -> bool:
    """Whether a night began since the last sweep, or there never was one."""
    swept_at = known.time(Mark.SWEPT)
    return swept_at is None or swept_at < last_night(now, timezone)


def reread(setup: Setup, health: Health, waiting: list[str]) -> int:
    """Read again what is due, and what was `waiting` and is not settled yet; how many reports.

    Unsettled ones need their thread only (the list shows their row), scheduled ones the detail too.
    """
    with setup.store.reading() as work:
        unsettled = {one.tracking_id: one for one in reports.load(work, waiting).values() if not one.settled}
        thread_only = {one.tracking_id for one in unsettled.values() if one.row_hash is not None}
        ailing_too = len(ailing.listing(work))  # these are passed over, and must not take the others' places
        due = reports.due_for_reading(work, setup.pace.reread_budget + ailing_too)
    scheduled = set(due) | (set(unsettled) - thread_only)
    read_reports(setup, health, sorted(thread_only - scheduled), with_detail=False)
    read_reports(setup, health, sorted(scheduled), with_detail=True)
    return len(scheduled | thread_only)


def distrust_crossed(setup: Setup) -> None:
    """Let the next cycle read again what may have got the answer to another call."""
    ids = setup.connector.crossed()
    if ids:
        with setup.store.work() as work:
            count = reports.distrust(work, ids)
        setup.log.warning("answers_crossed", reports=count)


def sweep(setup: Setup, health: Health, timezone: ZoneInfo) -> None:
    """Once a night: read what is open, what was closed lately, and what is in quarantine."""
    began_at = setup.clock.now()
    with setup.store.reading() as work:
        known = marks.some(work, Mark.SWEPT)
    if not is_sweep_due(known, began_at, timezone):
        return
    if known.text(Mark.SWEPT) is None:
        _note_swept(setup, began_at)  # what is new was read just now
        return
    with setup.store.reading() as work:
        wanted = reports.open_or_closed_since(work, began_at - CLOSED_WITHIN)
        bad = quarantine.listing(work)
    read_reports(setup, health, wanted, with_detail=True)
    read_quarantined(setup, health, bad)
    if setup.stopping():
        return  # not through: the next cycle sweeps
    _note_swept(setup, began_at)
    _end_alarm(setup)
    setup.log.info("swept", reports=len(wanted), quarantined=len(bad))


def _note_swept(setup: Setup, began_at: datetime) -> None:
    with setup.store.work() as work:
        marks.put_time(work, Mark.SWEPT, began_at)


def last_night(now: datetime, timezone: ZoneInfo) -> datetime:
    """The last `SWEEP_AT` that is not after `now`."""
    local = now.astimezone(timezone)
    tonight = datetime.combine(local.date(), SWEEP_AT, timezone)
    return tonight if tonight <= local else tonight - A_DAY


def read_reports(
    setup: Setup, health: Health, tracking_ids: Collection[str], *, with_detail: bool, ailing_too: bool = False
) -> None:
    """Read these mirrored reports by id and mirror what comes, in batches as it comes; those that ail only if asked.

    Raises UpstreamError in an outage; a single report that cannot be read stays unsettled and is read again.
    """
    if not tracking_ids:
        return
    with setup.store.reading() as work:
        wanted = list(reports.load(work, tracking_ids).values())
        passed_over = {} if ailing_too else ailing.listing(work)
    wanted = [one for one in wanted if one.call_id not in passed_over]
    if not wanted:
        return
    with ThreadPoolExecutor(setup.pace.concurrency, "reread") as pool:
        for done in each(pool, lambda one: read_one(setup, health, one, with_detail=with_detail), wanted):
            setup.step("reread")
            with setup.store.work() as work:
                write_found(work, setup, done)
            if setup.stopping() or health.is_outage:
                break
    health.raise_if_outage()


def read_one(
    setup: Setup,
    health: Health,
    one: Mirrored,
    *,
    with_detail: bool,
    as_proof: bool = False,
    fresh: bool = False,
) -> ById:
    """The calls for one report. Nothing is called in an outage or when asked to stop.

    `as_proof` and `fresh` as `ports.Connector` has them.
    """
    if setup.stopping() or health.is_outage:
        return NOT_ASKED
    return read_id(setup, health, one.call_id, with_detail=with_detail, as_proof=as_proof, fresh=fresh)


def read_id(
    setup: Setup,
    health: Health,
    call_id: str,
    *,
    with_detail: bool = True,
    as_proof: bool = False,
    fresh: bool = False,
) -> ById:
    """The calls for one id, of a report that may not be mirrored."""
    connector = setup.connector

    def detail() -> Detail:
        return connector.read_report(call_id, fresh=fresh)

    def thread() -> Thread:
        return connector.read_thread(call_id, as_proof=as_proof, fresh=fresh)

    whole, talk = read_apart(setup.log, call_id, detail), read_apart(setup.log, call_id, thread)
    found = by_id(health, whole if with_detail else None, talk)
    if isinstance(found.error, Missing) and not with_detail:
        return by_id(health, whole, talk)  # only the detail can say that the report itself is missing
    return found


def read_detail(setup: Setup, health: Health, call_id: str) -> ById:
    """The detail call for one id."""
    return by_id(health, read_apart(setup.log, call_id, lambda: setup.connector.read_report(call_id)), None)


def write_found(work: Work, setup: Setup, done: list[tuple[Mirrored, ById]]) -> list[Change]:
    """Mirror what was read; note what is missing; put away what could not be read."""
    done = [(one, found) for one, found in done if found.asked]
    note_ailing(work, setup, [(one.call_id, found) for one, found in done])
    written = write(work, setup, [as_read(setup, one.tracking_id, found) for one, found in done])
    for _, found in done:
        if found.bad is not None:
            quarantine.put(work, quarantine.DETAIL, found.bad)
    kept = {one.new.tracking_id for one in written if not one.is_other}
    whole = [one for one, found in done if found.detail is not None and one.tracking_id in kept]
    quarantine.release(work, {given for one in whole for given in (one.call_id, one.tracking_id)})
    note_missing(work, setup, [one.tracking_id for one, found in done if found.is_missing])
    return written


LONGEST_PAUSE = timedelta(hours=1)
"""Of a report that ails."""


def note_ailing(work: Work, setup: Setup, done: Sequence[tuple[str, ById]]) -> None:
    """Note which of these reads, by the id that was called, took all their time or brought too much, and which do no
    longer. The pause begins at the poll interval, and doubles."""
    known = ailing.listing(work) if done else {}
    for report_id, found in done:
        why, before = found.ails, known.get(report_id)
        if why is not None:
            times = before.times + 1 if before else 1
            pause = doubled(setup.pace.poll_seconds, times, LONGEST_PAUSE.total_seconds())
            until = work.now + timedelta(seconds=pause)
            ailing.put(work, Ailing(report_id=report_id, why=why, times=times, until=until))
            if before is None:
                setup.log.warning("report_ails", report_id=report_id, what=why)
        elif before is not None and not isinstance(found.error, NotNow | Unreachable):  # these tell nothing of it
            ailing.forget(work, (report_id,))


def as_read(setup: Setup, tracking_id: str, found: ById) -> Read:
    """What reading by id brought, for the mirror. A failed call leaves the report unread, its colour as it was."""
    return Read(
        tracking_id=tracking_id,
        at=setup.connector.upstream_now(),
        report=found.detail.report if found.detail else None,
        thread=found.thread,
        detail=found.detail,
        unread=found.thread is None,
        is_unnamed=found.is_unnamed,
        thread_error=found.thread_error,
    )


def read_quarantined(
    setup: Setup, health: Health, records: Iterable[Quarantined], *, ailing_too: bool = False
) -> None:
    """Try again, by id, the records that could not be read; those that ail only if asked."""
    for record in records:
        if setup.stopping():
            return
        if record.report_id is None:
            continue
        with setup.store.reading() as work:
            known = reports.find(work, record.report_id)
            call_id = known.call_id if known else record.report_id
            ails = call_id in ailing.listing(work)
        if ails and not ailing_too:
            continue
        found = read_id(setup, health, call_id)
        health.raise_if_outage()
        if ails or found.ails:
            with setup.store.work() as work:
                note_ailing(work, setup, [(call_id, found)])
        if found.detail is not None:
            _release(setup, record, found.detail, found)
        elif found.is_missing:
            with setup.store.work() as work:
                quarantine.release(work, {record.report_id}, sources=_BY_ID)


def _release(setup: Setup, record: Quarantined, detail: Detail, found: ById) -> None:
    """Mirror what could be read now, if it is the report of which the record told."""
    report_id, report = record.report_id or "", detail.report
    with setup.store.work() as work:
        known = reports.find(work, report_id) or reports.find(work, report.tracking_id)
        if known is None and not _is_of(record, report):
            return
        tracking_id = known.tracking_id if known else report.tracking_id
        written = write(work, setup, [as_read(setup, tracking_id, found)])
        if written and not any(one.is_other for one in written):
            quarantine.release(work, {report_id}, sources=_BY_ID)


def _is_of(record: Quarantined, report: Report) -> bool:
    """Whether this is the report of which a record told. Of an export only the Tracking ID is known: LAPOR must say
    it, since its own ids may be the same numbers."""
    named = None if is_by_id(report) else report.tracking_id
    if record.source == quarantine.EXPORT:
        return record.report_id == named
    said = {named, report.upstream_id} - {None}
    return not said or record.report_id in said


_BY_ID = (quarantine.LIST, quarantine.DETAIL, quarantine.EXPORT)


# Missing and vanished.


def note_missing(work: Work, setup: Setup, tracking_ids: list[str]) -> None:
    """404 or 410 for these. The first time is noted; a day later it is VANISHED, unless too many are."""
    now = work.now
    missing = reports.load(work, tracking_ids)
    first = [one for one in missing.values() if one.missing_since is None and one.vanished_at is None]
    again = [one for one in missing.values() if one.missing_since and one.vanished_at is None]
    # Its row is forgotten: should a listing show it again, that is news, however equal the row.
    marked = [
        one._replace(missing_since=now, row_hash=None, settled=True, next_read_at=now + A_DAY) for one in first
    ]
    reports.save(work, marked)
    for one in first:
        work.note("missing", one.tracking_id)
    twice = [one for one in again if one.missing_since and now - one.missing_since >= A_DAY]
    if twice and not _too_many(work, setup):
        vanish(work, setup, [one.tracking_id for one in twice])


def _too_many(work: Work, setup: Setup) -> bool:
    """More than a fifth of the open reports, and at least five: an alarm until a person accepts it."""
    missing, open_reports = _counts(work)
    if not _is_alarming(missing, open_reports):
        return False
    accepted_at = marks.get_time(work, Mark.MAY_VANISH)
    if accepted_at is not None and work.now - accepted_at < A_DAY:
        return False
    if not conflicts.of_kind(work, MANY_VANISHED):
        setup.log.error("many_vanished", missing=missing, open=open_reports)
    conflicts.open_one(work, kind=MANY_VANISHED, facts={MISSING: missing, OPEN: open_reports})
    return True


def _counts(work: Work) -> tuple[int, int]:
    return len(reports.missing_before(work, work.now)), reports.count_open(work)


def _is_alarming(missing: int, open_reports: int) -> bool:
    return missing >= 5 and missing * 5 > open_reports


def _end_alarm(setup: Setup) -> None:
    """What was missing is there again: the question has answered itself."""
    with setup.store.reading() as work:
        asked = conflicts.of_kind(work, MANY_VANISHED)
        is_over = not _is_alarming(*_counts(work))
    if asked and is_over:
        with setup.store.work() as work:
            for one in asked:
                conflicts.settle(work, one, How.BY_ITSELF)


def vanish(work: Work, setup: Setup, tracking_ids: list[str]) -> None:
    """Mark reports as gone upstream: shown, never deleted; they come back as soon as a read brings them."""
    now = work.now
    gone = reports.load(work, tracking_ids).values()
    reports.save(work, [one._replace(vanished_at=now, next_read_at=None) for one in gone])
    for one in write(work, setup, [Read(tracking_id=gone_one.tracking_id, at=now) for gone_one in gone]):
        work.note("vanished", one.new.tracking_id)
        setup.log.warning("report_vanished", tracking_id=one.new.tracking_id)
