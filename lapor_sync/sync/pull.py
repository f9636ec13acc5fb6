"""Pulling: list what changed, read what is new in it, mirror it page by page; the cursor moves with the last.

A row whose hash is known costs no write and no further request. Pages are fetched ahead of the one writer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from lapor_sync.domain.colour import is_closing
from lapor_sync.domain.errors import BadRecord, ListNotProven, Missing, UpstreamError
from lapor_sync.domain.identity import Match, is_by_id, match
from lapor_sync.domain.numbers import NumberSet
from lapor_sync.domain.ports import ListedRow, ListPage
from lapor_sync.domain.report import Report, changed_before
from lapor_sync.domain.stamps import stamp
from lapor_sync.mirror.apart import read_apart
from lapor_sync.mirror.merge import MAPPED, Read
from lapor_sync.mirror.write import mark_other, write
from lapor_sync.store import marks, quarantine, reports
from lapor_sync.store.database import Work
from lapor_sync.store.marks import Mark, Marks
from lapor_sync.store.reports import Known
from lapor_sync.sync.calls import NOT_ASKED, PUT_OFF, ById, Health, by_id
from lapor_sync.sync.reread import CLOSED_WITHIN, note_ailing, read_detail, read_reports
from lapor_sync.sync.setup import Setup

NEEDED = frozenset(
    {
        "tracking_id",
        "status_name",
        "title",
        "content",
        "disposition_id",
        "classification",
        "created_at",
        "updated_at",
        "is_secret",
        "is_anonymous",
    }
)
"""Where a list row lacks one of these, the detail is read."""

FRESH = timedelta(days=2)
"""Of a new report that changed within this time the detail is read for its files, where its row does not say them."""

OVERLAP = timedelta(hours=2)
"""Each listing reaches back over the cursor by this, or by as long as the last one took if that was longer."""

_PAGES_AHEAD = 3
_BYTES_AHEAD = 4 * 1024 * 1024
"""Pages that are read while the oldest one is not mirrored yet, and how large these are together at most."""


@dataclass
class Tally:
    """What a listing brought, in reports."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    quarantined: int = 0
    unread: int = 0  # known to be there, but a call failed: read again in the next cycle
    listed: int = 0
    not_whole: int = 0  # reports whose thread was not proven to be whole
    lacks_first: bool = False  # the list's first page could not be read, though others could
    doubt: str = ""  # why the list itself may not be whole; "" where it is proven to be, or was left early

    def demand_whole_list(self) -> None:
        """Raises ListNotProven where the list may not be whole."""
        if self.doubt:
            raise ListNotProven(self.doubt)


@dataclass(frozen=True, kw_only=True)
class Span:
    """Which reports of a listing are wanted, by the day received; one without that time is wanted."""

    since: datetime | None = None
    until: datetime | None = None

    def wants(self, report: Report) -> bool:
        """Whether the report was received in the span."""
        at = report.created_at
        if at is None:
            return True
        return (self.since is None or at >= self.since) and (self.until is None or at <= self.until)

    @property
    def is_all(self) -> bool:
        return self.since is None and self.until is None


@dataclass(frozen=True, slots=True)
class _Fetched:
    """One row with what was read for it; `known` where the mirror has the report.

    `report` is None where the row alone says too little and its detail could not be had.
    """

    row: ListedRow
    known: Known | None
    report: Report | None = None
    found: ById = field(default_factory=ById)
    bad: BadRecord | None = None
    is_wanted: bool = True
    rival: Known | None = None
    """Another report that the mirror has under the row's id, where the detail did not say that the id is its own."""
    has_moved: bool = False

    @property
    def tracking_id(self) -> str:
        if self.known is not None:
            return self.known.tracking_id
        return self.report.tracking_id if self.report is not None else self.row.key

    @property
    def is_bad(self) -> bool:
        """Its row, its detail or its thread could not be read."""
        return self.bad is not None or self.found.bad is not None

    @property
    def is_unread(self) -> bool:
        """A call failed, or was not made."""
        return self.found.error is not None or not self.found.asked

    @property
    def is_lost(self) -> bool:
        """Nothing of it is kept, so that only another listing brings it: the cursor must not pass it."""
        if not self.found.asked:
            return True
        is_gone = isinstance(self.found.error, Missing)
        return self.is_unread and self.report is None and self.known is None and not is_gone


@dataclass(frozen=True, slots=True)
class _Pending:
    """A page on its way: the rows that must be read, and the rest only counted."""

    page: ListPage
    unchanged: int
    fetches: list[Future[_Fetched]]


LISTED = (Mark.CURSOR, Mark.LISTED_ALL, Mark.LISTING_SECONDS)
"""What a poll is to know of the listings before it."""


def poll(setup: Setup, health: Health, known: Marks, ailing: frozenset[str]) -> Tally:
    """List what changed since the cursor, or everything where there is none or a week has passed.

    `known`: the marks `LISTED`; `ailing`: as `listing` has it.
    """
    cursor, listed_all = known.time(Mark.CURSOR), known.time(Mark.LISTED_ALL)
    overlap = max(OVERLAP, timedelta(seconds=float(known.text(Mark.LISTING_SECONDS) or 0)))
    weekly = listed_all is None or setup.clock.now() - listed_all >= timedelta(days=7)
    updated_from = None if cursor is None or weekly else cursor - overlap
    return listing(setup, health, updated_from=updated_from, ailing=ailing)


def listing(
    setup: Setup,
    health: Health,
    *,
    updated_from: datetime | None,
    ailing: frozenset[str],
    span: Span | None = None,
) -> Tally:
    """Work through one listing; `ailing` are ids that are called elsewhere.

    Raises UpstreamError where it cannot be had; what was mirrored stays.
    """
    run = _Run(setup=setup, health=health, span=span or Span(), updated_from=updated_from, ailing=ailing)
    with ThreadPoolExecutor(setup.pace.concurrency, "fetch") as pool:
        try:
            run.all_pages(pool)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
    if run.proves_absence:
        run.read_absent()
    return run.tally


@dataclass
class _Run:
    """One listing under way. `met` are hashes of rows, `ids` of ids (only where absence may be told)."""

    setup: Setup
    health: Health
    span: Span
    updated_from: datetime | None
    tally: Tally = field(default_factory=Tally)
    newest: datetime | None = None
    met: NumberSet = field(default_factory=NumberSet)
    ids: NumberSet = field(default_factory=NumberSet)
    bad_keys: set[str] = field(default_factory=set)
    is_whole: bool = True  # every row could be mirrored: the cursor may move
    proves_absence: bool = False
    ailing: frozenset[str] = frozenset()  # ids that are called elsewhere

    def all_pages(self, pool: ThreadPoolExecutor) -> None:
        """Plan each page as it comes, commit the oldest; the last one with `_finish`."""
        started = self.setup.clock.monotonic()
        pending: deque[_Pending] = deque()
        try:
            for page in _ahead(self._pages()):
                pending.append(self._plan(page, pool))
                while len(pending) > 1 and _is_far_ahead(pending):
                    self._commit(pending.popleft())
                self.health.raise_if_outage()
        except UpstreamError:
            for page_read in pending:
                self._commit(page_read)  # what came before upstream failed is not asked for again
            raise
        while pending:
            oldest = pending.popleft()
            self._commit(oldest, None if pending else partial(self._finish, oldest.page, started))
        self.health.raise_if_outage()

    def _pages(self) -> Iterator[ListPage]:
        """The pages, each noted with the health of the calls; whether to stop is asked between them."""
        try:
            for page in self.setup.connector.list_reports(updated_from=self.updated_from):
                self.health.note(None)
                yield page
                if self.setup.stopping():
                    self.is_whole = False
                    return
        except UpstreamError as error:
            self.health.note(error)
            raise

    def _plan(self, page: ListPage, pool: ThreadPoolExecutor) -> _Pending:
        """Tell by their hashes which rows are new, and begin to read those."""
        rows = [row for row in page.rows if self._is_first_met(row)]
        with self.setup.store.reading() as work:
            known = reports.known(work, ((row.key, row.report_id) for row in rows))
        fetches: list[Future[_Fetched]] = []
        for row in rows:
            mine = known.match(row.key, row.report_id)
            if mine is not None and mine.row_hash == row.hash.hex():
                self._reach(mine.updated_at)
            else:
                fetches.append(pool.submit(self._fetch, row, mine, known.rival(row.report_id, mine)))
        return _Pending(page, len(rows) - len(fetches), fetches)

    def _is_first_met(self, row: ListedRow) -> bool:
        """Whether this listing did not bring the row yet: a further pass repeats what the first one had."""
        if not self.met.add(hash((row.key, row.hash))):
            return False
        if self.updated_from is None:
            self.ids.add(hash(row.report_id))
        return True

    def _reach(self, updated_at: datetime | None) -> None:
        self.newest = max(filter(None, (self.newest, updated_at)), default=None)

    def _fetch(self, row: ListedRow, known: Known | None, rival: Known | None) -> _Fetched:
        """In a thread of the pool: parse the row; read the detail if the row lacks something, and the thread."""
        try:
            report = read_apart(self.setup.log, row.report_id, lambda: self.setup.connector.parse_row(row))()
        except BadRecord as bad:
            return _Fetched(row, known, bad=bad)
        if not self.span.wants(report):
            return _Fetched(row, known, report, is_wanted=False)
        if self.setup.stopping() or self.health.is_outage:
            return _Fetched(row, known, found=NOT_ASKED)
        if row.report_id in self.ailing:
            says_all = not report.missing & NEEDED and rival is None and not _is_stale(report, known)
            return _Fetched(row, known, report if says_all else None, found=PUT_OFF)
        if rival is not None or (known is not None and (known.is_other or _is_under_another_id(report, known))):
            return self._fetch_doubtful(row, known, rival, report)
        if report.missing & NEEDED or _is_stale(report, known):
            return self._fetch_whole(row, known, report)
        if known is None and self._may_hide_files(report):
            whole = self._fetch_whole(row, known, report)
            if whole.report is not None:
                return whole
        return _Fetched(row, known, report, self._fetch_thread(row))

    def _may_hide_files(self, report: Report) -> bool:
        """Whether only the detail can tell what is attached to a report that somebody will soon look at.

        That is one call for each open report as it comes in. Of those that changed longer ago, as nearly all of a
        backfill, files are known when their detail is read anyway: in the nightly sweep.
        """
        if self.setup.keeping is None or "attachments" not in report.missing or is_closing(report.status_name):
            return False
        at = report.updated_at
        return at is not None and self.setup.connector.upstream_now() - at <= FRESH

    def _fetch_whole(self, row: ListedRow, known: Known | None, report: Report) -> _Fetched:
        found = read_detail(self.setup, self.health, row.report_id)
        if found.detail is None:
            return _Fetched(row, known, found=found, bad=found.bad)
        if match(report, found.detail.report, is_confirmed=True) is Match.OTHER:
            # Known, it is held against what is mirrored; else nothing is mirrored of either.
            bad = None if known else _about_another(row, self.setup)
            return _Fetched(row, known, found.detail.report, found, bad=bad)
        is_behind = found.detail.is_old and changed_before(found.detail.report, report.updated_at)
        report = over(report, found.detail.report) if is_behind else over(found.detail.report, report)
        if not self.span.wants(report):  # a row without the day received could not tell
            return _Fetched(row, known, report, is_wanted=False)
        return _Fetched(row, known, report, replace(self._fetch_thread(row), detail=found.detail))

    def _fetch_doubtful(
        self, row: ListedRow, known: Known | None, rival: Known | None, report: Report
    ) -> _Fetched:
        """Let the detail say whose the row's id is: two reports claim it, or the report had another id before."""
        has_moved = known is not None and _is_under_another_id(report, known)
        if known is not None and has_moved:
            before = read_detail(self.setup, self.health, known.upstream_id or "")
            still = before.detail.report if before.detail else None
            if still is not None and still.tracking_id == known.tracking_id and not is_by_id(still):
                return _Fetched(row, known, bad=_about_another(row, self.setup))  # it answers under its own id yet
            if still is None and not isinstance(before.error, Missing):
                return _Fetched(row, known, found=before, bad=before.bad)
        one = self._fetch_whole(row, known, report)
        told = one.found.detail.report if one.found.detail else None
        if told is None:
            return one
        named = None if is_by_id(told) else told.tracking_id
        if rival is not None and named == rival.tracking_id:
            return replace(one, bad=_about_another(row, self.setup))
        if named is None and (rival is not None or has_moved):
            return replace(one, bad=_about_another(row, self.setup), rival=rival)
        return replace(one, rival=rival, has_moved=has_moved)

    def _fetch_thread(self, row: ListedRow) -> ById:
        read = read_apart(self.setup.log, row.report_id, lambda: self.setup.connector.read_thread(row.report_id))
        return by_id(self.health, None, read)

    def _commit(self, pending: _Pending, finish: Callable[[Work], None] | None = None) -> None:
        """One page in one transaction, with the cursor if it is the last."""
        done = [one.result() for one in pending.fetches]
        reads = [read for one in done if (read := self._as_read(one)) is not None]
        self._count(pending, done)
        self.setup.step("page_read")
        if done or pending.page.bad or finish:
            with self.setup.store.work(of_page=bool(reads)) as work:
                self._write(work, pending.page, done, reads)
                if finish:
                    finish(work)
                self.setup.step("page_written")
            self.setup.step("page_committed")
        self.setup.progress(self.tally.listed, pending.page.total)

    def _write(self, work: Work, page: ListPage, done: list[_Fetched], reads: list[Read]) -> None:
        written = write(work, self.setup, reads)
        failed = {read.tracking_id for read in reads} - {one.new.tracking_id for one in written}
        self.tally.quarantined += len(failed)
        for one in written:
            self.tally.new += one.is_new
            self.tally.changed += one.is_changed
            self.tally.unchanged += not (one.is_new or one.is_changed)
        mark_other(work, self.setup, {one.rival.tracking_id for one in done if one.rival is not None})
        note_ailing(work, self.setup, [(one.row.report_id, one.found) for one in done])
        for source, record in self._bad(page, done):
            self.bad_keys.add(record.key)
            quarantine.put(work, source, record)
        read = [one for one in done if not one.is_bad and one.found is not PUT_OFF]
        good = {one.row.report_id for one in read if one.tracking_id not in failed}
        if good:
            quarantine.release(work, good)

    def _as_read(self, one: _Fetched) -> Read | None:
        """The row as something to mirror; None where it is not wanted or cannot be mirrored now."""
        if one.bad is not None or not one.found.asked or not one.is_wanted:
            return None
        at = self.setup.connector.upstream_now()
        if one.report is None:
            if one.known is None:
                return None
            # The row alone says too little: nothing of it is taken over, and the report is read again by id.
            return Read(tracking_id=one.tracking_id, at=at, unread=True, forget_row=True)
        return Read(
            tracking_id=one.tracking_id,
            at=at,
            report=one.report,
            thread=one.found.thread,
            detail=one.found.detail,
            row_hash=one.row.hash.hex(),
            row=self.setup.connector.row_text(one.row),
            unread=one.found.thread is None,
            thread_error=self._thread_error(one.found),
            has_moved=one.has_moved,
        )

    def _thread_error(self, found: ById) -> str | None:
        """As `ById` has it, also where the thread of another report was read only after this one's failed."""
        error = found.error
        return error.what if error is not None and self.health.blames_report(error) else None

    def _bad(self, page: ListPage, done: list[_Fetched]) -> list[tuple[str, BadRecord]]:
        from_rows = [(quarantine.LIST, record) for record in page.bad]
        return from_rows + [
            (quarantine.LIST if one.found.bad is None else quarantine.DETAIL, bad)
            for one in done
            if (bad := one.bad or one.found.bad)
        ]

    def _count(self, pending: _Pending, done: list[_Fetched]) -> None:
        self.tally.listed += len(pending.page.rows) + len(pending.page.bad)
        self.tally.unchanged += pending.unchanged
        self.tally.quarantined += len(self._bad(pending.page, done))
        for one in done:
            self.tally.unread += one.is_unread
            self.tally.not_whole += one.found.thread is not None and not one.found.thread.complete
            self.is_whole = self.is_whole and not one.is_lost
            self._reach(one.report.updated_at if one.report else None)

    def _finish(self, last: ListPage, started: float, work: Work) -> None:
        """With the last page: the cursor, if the listing is complete and covers what lies before it."""
        if last.complete is False:
            self.tally.doubt, self.tally.lacks_first = last.why, last.lacks_first
        if not last.complete or not self.is_whole:
            level = self.setup.log.warning if last.why else self.setup.log.info
            level("listing_incomplete", listed=self.tally.listed, whole=self.is_whole, what=last.why)
            return
        if not self.span.is_all:
            return
        cursor = marks.get_time(work, Mark.CURSOR)
        if self.updated_from is not None and self.updated_from > last.began_at:
            self._give_up_cursor(work)
        elif self.updated_from is None or (cursor is not None and self.updated_from <= cursor):
            self._move_cursor(work, cursor, last.began_at)
        seconds = self.setup.clock.monotonic() - started
        if self.updated_from is None:
            self.proves_absence = True
            marks.put_time(work, Mark.LISTED_ALL, self.setup.clock.now())
            quarantine.release_absent(work, quarantine.LIST, self.bad_keys)
        if self.updated_from is None or seconds > OVERLAP.total_seconds():
            marks.put(work, Mark.LISTING_SECONDS, f"{seconds:.0f}")

    def _move_cursor(self, work: Work, cursor: datetime | None, began_at: datetime) -> None:
        """To the greatest `updated_at` read, but not past either clock's time of the listing; never back."""
        reached = min(self.newest, began_at, work.now) if self.newest else cursor
        if reached is not None and (cursor is None or reached > cursor):
            marks.put_time(work, Mark.CURSOR, reached)

    def _give_up_cursor(self, work: Work) -> None:
        """It was taken while clocks were ahead: what changes now lies before it. The next listing is of everything."""
        marks.clear(work, Mark.CURSOR)
        self.setup.log.warning("cursor_ahead", updated_from=stamp(self.updated_from))

    def read_absent(self) -> None:
        """Read by id the open and lately closed reports that a complete unfiltered listing did not name."""
        since = self.setup.clock.now() - CLOSED_WITHIN
        with self.setup.store.reading() as work:
            wanted = reports.open_or_closed_since(work, since)
            absent = [
                tracking_id
                for tracking_id, upstream_id in reports.present(work, wanted)
                if hash(upstream_id or tracking_id) not in self.ids
            ]
        read_reports(self.setup, self.health, absent, with_detail=True)


def over(detail: Report, row: Report) -> Report:
    """The detail's fields over the row's, or the other way round: each says what the other lacks."""
    values = {name: getattr(row, name) for name in detail.missing & set(MAPPED)}
    tracking_id = row.tracking_id if is_by_id(detail) else detail.tracking_id
    return detail._replace(
        **values,
        tracking_id=tracking_id,
        upstream_id=row.upstream_id or detail.upstream_id,
        missing=detail.missing & row.missing,
    )


def _is_under_another_id(report: Report, known: Known) -> bool:
    """Whether the mirror has the row's report under another id of the API's than the row says."""
    return None not in {report.upstream_id, known.upstream_id} and report.upstream_id != known.upstream_id


def _about_another(row: ListedRow, setup: Setup) -> BadRecord:
    what = "two reports claim one id, or one report two ids: which it is, LAPOR does not say"
    return BadRecord(what, key=row.key, raw=setup.connector.row_text(row), report_id=row.report_id)


def _is_stale(report: Report, known: Known | None) -> bool:
    """A row older than what is mirrored (a lagging copy of upstream's): its detail tells."""
    return known is not None and changed_before(report, known.updated_at)


def _is_far_ahead(pending: Collection[_Pending]) -> bool:
    return len(pending) > _PAGES_AHEAD or sum(one.page.size for one in pending) > _BYTES_AHEAD


def _ahead(pages: Iterator[ListPage]) -> Iterator[ListPage]:
    """The pages, the next one fetched while the present one is worked on."""
    with ThreadPoolExecutor(1, "list") as pool:
        coming = pool.submit(next, pages, None)
        while (page := coming.result()) is not None:
            coming = pool.submit(next, pages, None)
            yield page
