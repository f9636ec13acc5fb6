"""The calls of SP4N-LAPOR!'s integration API v3, as `ports.Connector`. Source: upstream, "Calls"."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from types import MappingProxyType
from typing import NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from connectors.sp4n_v3 import envelopes, masters, reports, still, threads
from connectors.sp4n_v3.listing import Beside, Listing, listing
from connectors.sp4n_v3.paging import BEYOND, MAX_PAGES, Page, Step, read_all
from connectors.sp4n_v3.values import MAX_ID, derived_key, identity, is_read_whole, mapping, raw_text
from connectors.sp4n_v3.verdict import Meant, reports_about
from connectors.transport import MEBI, Answer, Part, Transport, may_be_in_address
from connectors.transport.attached_file import why_no_file
from connectors.transport.room import Room, Share
from lapor_sync.domain import defaults
from lapor_sync.domain.advice import Todo, advise
from lapor_sync.domain.delivery import Body, NotSent, Outcome, Refused, Sent, Unknown, outcome_of
from lapor_sync.domain.errors import (
    BadInput,
    BadRecord,
    TooLarge,
    TooMuch,
    Unreachable,
    UpstreamBroken,
    UpstreamError,
)
from lapor_sync.domain.numbers import NumberSet
from lapor_sync.domain.ports import ListedRow, ListPage
from lapor_sync.domain.report import Attachment, Detail, Institution, Outgoing, Report, Template, Thread

T = TypeVar("T")

DETAIL = "/complaints/{id}/complaint"
FOLLOWUPS = "/complaints/{id}/followups"
ADD_FOLLOWUP = "/complaints/followup/add"
REJECT = "/complaints/process/{id}/reject"
INSTITUTIONS = "/masters/institutions/external"
TEMPLATES = "/masters/templates"
_MASTER_PAGE_SIZE = 1000

MAX_THREAD_PAGES = 200
"""Of a thread: an upstream that invents items for ever is left after these."""

MAX_RECORD = 4 * MEBI
"""Bytes of one report's detail, or of all pages of its thread."""

MAX_ITEMS = 10_000
"""Of a thread."""

MAX_BAD_ITEMS = 100
"""Of a thread so many items that cannot be read are put away one by one; with more of them it is no thread."""

MAX_BAD = 1000
"""Rows on one page of a list that are put away one by one; with more of them it is no page of reports."""

MAX_LIST_PAGES = 20_000
"""Of one list, as many as two million reports need: an upstream that invents rows for ever is left after these."""

MAX_BAD_PAGES = 10
"""So many pages in a row may hold nothing but rows that are no reports: what goes on so is no list of reports."""

MAX_LISTED = 4096 * MEBI
"""Bytes of all pages of one list: an upstream that invents rows for ever is left after these."""

_NO_SUCH_PAGE = frozenset({400, 404, 410, 416, 422})
"""How paginators answer for a page beyond the last one (assumed)."""

_A_SECOND = timedelta(seconds=1)

Params = dict[str, str | int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Sp4nSettings:
    """What is assumed of upstream and so is configuration. `updated_param` "": the list has no such filter."""

    list_path: str = defaults.LIST_PATH
    updated_param: str = defaults.LIST_UPDATED_PARAM
    page_size: int = defaults.LIST_PAGE_SIZE
    reply_template: str = defaults.REPLY_TEMPLATE
    timezone: str = defaults.TIMEZONE


class _Fetched(NamedTuple):
    """One page of a listing as it came, with when its call began, its bytes and, of a list that is kept in memory, how
    many values it holds."""

    listing: Listing
    began_at: datetime
    size: int = 0
    values: int = 0
    is_absent: bool = False
    doubt: str = ""
    dated: Mapping[str, datetime] = MappingProxyType({})
    heads: Mapping[str, str] = MappingProxyType({})
    is_old: bool = False


class Sp4nV3:
    """The connector. Reads raise UpstreamError; a write is one request and returns its outcome."""

    def __init__(self, transport: Transport, settings: Sp4nSettings | None = None) -> None:
        self._transport = transport
        self._settings = settings or Sp4nSettings()
        self._zone = ZoneInfo(self._settings.timezone)
        self._room = Room()
        self._no_page_0: Counter[str] = Counter()  # how often it was seen of a path that there is none

    def list_reports(self, *, updated_from: datetime | None) -> Iterator[ListPage]:
        """Pages of the agency's reports, the next one fetched ahead; see `ports.Connector`."""
        params: Params = {"page_size": self._settings.page_size}
        if updated_from is not None and self._settings.updated_param:
            local = updated_from.astimezone(self._zone)
            params[self._settings.updated_param] = local.isoformat(timespec="seconds")
        ahead = ThreadPoolExecutor(1, thread_name_prefix="list-ahead")
        run = _Run()
        get = partial(self._listed_page, params, run)
        try:
            for number, step in enumerate(read_all(lambda page: ahead.submit(get, page).result, MAX_LIST_PAGES)):
                if step.complete is not None and (before := self._listed_before(params, run, step)):
                    yield _list_page(Step(before, len(before.rows)), run)
                    step = step._replace(complete=False, why=step.why or _PAGE_BEFORE)
                if (number == 0 and not step.page.lost) or step.new or step.complete is not None:
                    yield _list_page(step, run)
        finally:
            ahead.shutdown(wait=False, cancel_futures=True)

    def parse_row(self, row: ListedRow) -> Report:
        """The row as a report. Raises BadRecord."""
        return reports.report_of_row(row, self._zone)

    def row_text(self, row: ListedRow) -> str:
        """The row as JSON text to be kept."""
        return reports.kept_text(row.raw)

    def marks_of_row(self, text: str) -> Mapping[str, str]:
        """A digest of each field of a row that stays."""
        return still.marks_of_row(text)

    def read_report(self, report_id: str, *, fresh: bool = False) -> Detail:
        """The detail call. Raises Missing, BadRecord (TooLarge too), other UpstreamError."""
        _demand_address(report_id)
        with _one_record(report_id), self._room.share() as mine:

            def detail(answer: Answer) -> Detail:
                return mine.parsed(answer.body, lambda: marked(answer) if fresh else plain(answer))

            def plain(answer: Answer) -> Detail:
                return reports.detail(
                    answer.body,
                    asked=report_id,
                    zone=self._zone,
                    began_at=answer.began_at,
                    heads=answer.heads,
                    is_old=answer.is_old,
                )

            def marked(answer: Answer) -> Detail:
                marks, counts = still.marks_of_answer(answer.body, answer.counts)
                dated = still.dates_of_answer(answer.body, answer.dates, self._zone)
                heads = still.marks_of_heads("complaint", answer.heads)
                return replace(
                    plain(answer),
                    marks=marks,
                    counts=counts,
                    dated=dated,
                    heads=heads,
                    doubt=_doubt_of_proof(answer),
                )

            found = self._transport.read(DETAIL, detail, of=report_id, most=MAX_RECORD, fresh=fresh)
            return mine.made(lambda: found)

    def read_thread(self, report_id: str, *, as_proof: bool = False, fresh: bool = False) -> Thread:
        """The thread in reading order; it says whether it is complete. Raises as `read_report`."""
        _demand_address(report_id)
        beyond = BEYOND if as_proof else 0
        with _one_record(report_id), self._room.share() as mine:
            read = self._whole(
                FOLLOWUPS, {}, mine, of=report_id, max_pages=MAX_THREAD_PAGES, beyond=beyond, fresh=fresh
            )
            thread = mine.made(
                lambda: threads.thread(
                    read.rows,
                    zone=self._zone,
                    began_at=read.began_at,
                    why=read.why,
                    beside=read.beside,
                    dated=read.dated,
                    beside_marks=read.beside_marks,
                    heads=read.heads,
                    about=read.about,
                    is_old=read.is_old,
                )
            )
            if len(thread.bad) > MAX_BAD_ITEMS:
                raise TooMuch(f"GET {FOLLOWUPS}: it holds more than {MAX_BAD_ITEMS} items that are none")
            return thread

    def institutions(self) -> tuple[Institution, ...]:
        """The master list of institutions, as far as it can be had."""
        return masters.institutions(self._master(INSTITUTIONS))

    def templates(self) -> tuple[Template, ...]:
        """The master list of templates for answers, as far as it can be had."""
        return masters.templates(self._master(TEMPLATES))

    def _master(self, path: str) -> list[object]:
        """A master list: nothing is concluded from what is not in it, so that no page is asked for in vain."""
        with self._room.share() as mine:
            return self._whole(path, {"page_size": _MASTER_PAGE_SIZE}, mine, asks_on=False).rows

    def send_response(self, outgoing: Outgoing) -> Outcome:
        """Add a follow-up, once."""
        meant = self._meant(outgoing)._replace(
            template=self._settings.reply_template, is_secret=outgoing.is_secret, known=outgoing.known_items
        )
        return _outcome(meant, lambda: self._transport.post_form(ADD_FOLLOWUP, self._response_parts(outgoing)))

    def send_forward(self, outgoing: Outgoing) -> Outcome:
        """Ask, once, that the report go to `institution_to_id` (*bukan kewenangan*): someone above confirms."""
        to = outgoing.institution_to_id
        body = {
            "is_request": 1,
            "reason": int(to) if to.isascii() and to.isdecimal() else to,
            "reason_description": outgoing.text,
            "not_authority": 1,
        }
        meant = self._meant(outgoing)
        return _outcome(meant, lambda: self._transport.post_json(REJECT, body, of=outgoing.report_id))

    def fetch_attachment(self, file: Attachment) -> bytes:
        """The file, whole. Raises UpstreamError, also where something else came in its place."""

        def content(answer: Answer) -> bytes:
            came = why_no_file(
                answer.status, answer.body, answer.media_type, file.extension, is_measured=answer.is_measured
            )
            if came:
                raise UpstreamBroken(f"in the file's place came {came}", todo=advise(Todo.NOTHING_KEPT))
            return answer.body

        return self._transport.fetch(file.url, content)

    def crossed(self) -> frozenset[str]:
        """The ids of reports of which a read may have got the answer to another call."""
        return self._transport.crossed()

    def upstream_now(self) -> datetime:
        """The upstream's time."""
        return self._transport.upstream_now()

    def clock_ahead(self) -> tuple[timedelta, timedelta] | None:
        """How far this machine's clock is ahead of the upstream's, at least and at most; None where it is not known."""
        return self._transport.clock_ahead()

    def certificate_end(self) -> datetime | None:
        """Until when the upstream's certificate holds; None without TLS, or before an answer."""
        return self._transport.certificate_end()

    def _meant(self, outgoing: Outgoing) -> Meant:
        ids = frozenset({outgoing.report_id, outgoing.tracking_id})
        return Meant(ids, outgoing.text, outgoing.institution_from_id, outgoing.user_id, zone=self._zone)

    def _response_parts(self, outgoing: Outgoing) -> Iterable[Part]:
        """Multipart also without files, the fields as a production client sends them (seen)."""
        fields = {
            "user_id": outgoing.user_id,
            "institution_from_id": outgoing.institution_from_id,
            "institution_to_id": outgoing.institution_to_id,
            "complaint_id": outgoing.report_id,
            "info_disposition": "",  # its meaning is not known; empty is assumed to do
            "template_code": self._settings.reply_template,
            "rating": "0",
            "is_secret": "1" if outgoing.is_secret else "0",
            "content": outgoing.text,
        }
        yield from ((name, (None, value)) for name, value in fields.items())
        for number, file in enumerate(outgoing.files):
            yield (f"attachment[{number}]", (file.file_name, file.content))

    def _page(
        self,
        path: str,
        params: Params,
        number: int,
        of: str = "",
        share: Share | None = None,
        *,
        fresh: bool = False,
    ) -> _Fetched:
        """One page; one that is not there (any but the first) has no rows. `share`: all pages are one record."""
        most = MAX_RECORD if share else None

        def read(answer: Answer) -> Listing:
            counts = answer.counts if fresh else None
            return listing(answer.body, answer.link, is_first=number == 1, counts=counts)

        def fetched(answer: Answer) -> _Fetched:
            page = share.parsed(answer.body, partial(read, answer)) if share else read(answer)
            return _Fetched(
                page,
                answer.began_at,
                len(answer.body),
                envelopes.values_in(answer.body) if share else 0,
                doubt=(_doubt_of_proof(answer) if fresh else _doubt_of(answer))
                or (_GAPS if page.has_gaps else ""),
                dated=still.dates(page.beside.around, answer.dates, self._zone) if page.beside else {},
                heads=answer.heads,
                is_old=answer.is_old,
            )

        try:
            return self._transport.read(
                path, fetched, of=of, params={"page": number, **params}, most=most, fresh=fresh
            )
        except UpstreamError as error:
            if number == 1 or error.http_status not in _NO_SUCH_PAGE:
                raise
            return _Fetched(Listing(rows=(), more=False), self._transport.upstream_now(), is_absent=True)

    def _listed_page(self, params: Params, run: _Run, number: int) -> Page[ListedRow | BadRecord]:
        try:
            run.demand_less_than(MAX_LISTED)
            page = self._page(self._settings.list_path, params, number)
        except TooMuch as exc:
            return run.lost(exc.what, self._transport.upstream_now())
        except UpstreamBroken as exc:
            # LAPOR is there: one row that it fails at must not cost all the others.
            run.fails(number, exc)
            return run.lost(f"page {number} cannot be read: {exc.what}", self._transport.upstream_now())
        if not page.listing.rows:
            run.demand_rows_after(number)
        rows: list[ListedRow | BadRecord] = [reports.listed_row(raw) for raw in page.listing.rows]
        given = run.page(number, page, rows, [row.key for row in rows])
        bad = sum(isinstance(row, BadRecord) for row in rows)
        if run.is_garbage(bad, len(rows)):
            return run.lost(_GARBAGE, page.began_at)
        if bad > MAX_BAD:
            given = given._replace(lost=f"page {number} holds more than {MAX_BAD} rows that are no reports")
        return given

    def _listed_before(
        self, params: Params, run: _Run, last: Step[ListedRow | BadRecord]
    ) -> Page[ListedRow | BadRecord] | None:
        """The page before page 1, where there is one that the list did not show."""
        path = self._settings.list_path
        if last.complete and run.says_total:
            return None
        return self._before_the_first(path, run, lambda: self._listed_page(params, run, 0))

    def _whole(
        self,
        path: str,
        params: Params,
        share: Share,
        *,
        of: str = "",
        max_pages: int = MAX_PAGES,
        asks_on: bool = True,
        beyond: int = 0,
        fresh: bool = False,
    ) -> _Whole:
        """All rows of a list, each once, as last seen. `asks_on`: also for a page that nothing was said of.

        `beyond`: as `read_all` has it; where nothing says how pages are counted, one before the first is asked for, too.
        Raises TooMuch where all pages together are larger than one record can be.
        """
        run = _Run(asks_on=asks_on)
        first: dict[str, object] = {}
        beside: dict[int, tuple[Beside, int]] = {}
        dated: list[tuple[str, datetime]] = []
        about: set[str] = set()
        heads: dict[str, str] = {}
        quota = _Quota(f"GET {path}")

        def get(number: int) -> Page[object]:
            page = self._page(path, params, number, of, share, fresh=fresh)
            if number == 1:
                first.clear()
                quota.begin()
                heads.update(page.heads)
            quota.take(page)
            dated.extend(page.dated.items())
            if of:
                about.update(reports_about(page.listing.around, page.heads))
            rows = page.listing.rows
            if page.listing.beside is not None and (rows or number == 1):
                beside[number] = (page.listing.beside, len(rows))
            return run.page(number, page, rows, threads.item_keys(rows, first))

        found: dict[int, object] = {}
        for step in read_all(lambda number: partial(get, number), max_pages, beyond=beyond):
            found.update(zip(step.page.keys, step.page.rows, strict=True))
        why = step.why or run.doubt
        is_proven = not beyond and bool(step.complete) and run.says_total
        if (
            asks_on
            and not is_proven
            and (page := self._before_the_first(path, run, lambda: get(0), ask=beyond > 0))
        ):
            found = dict(zip(page.keys, page.rows, strict=True)) | found
            why = why or _PAGE_BEFORE
        if beyond:
            why = why or still.contradiction(beside.values(), len(found))
        mark = still.mark_of_pages(beside.values(), len(found)) if fresh else None
        said = still.earliest(dated) if fresh else None
        arounds = [mapping(page.around) for _, (page, _) in sorted(beside.items())]
        own = still.marks_beside(arounds) if fresh and 1 in beside else {}
        marks = still.marks_of_heads("followups", heads) if fresh else None
        return _Whole(
            list(found.values()), run.began_at, why, mark, said, own, marks, frozenset(about), run.is_old
        )

    def _before_the_first(
        self, path: str, run: _Run, get: Callable[[], Page[T]], *, ask: bool = False
    ) -> Page[T] | None:
        """Page 0, where it holds what page 1 does not: pages may be counted from it in silence.

        It is not asked for where upstream says which page a page is, nor, unless `ask`, where it was seen once that page
        0 is none, or is page 1; a failure may pass, and counts only after some more.
        """
        if run.says_current or (self._no_page_0[path] >= _SURE and not ask):
            return None
        try:
            page = get()
        except UpstreamError as error:
            if error.http_status is None:
                raise
            page = None
        if page is not None and any(key not in run.keys for key in page.keys):
            return page
        if page is None or page.lost:
            self._no_page_0[path] += 1
        elif len(run.keys):
            self._no_page_0[path] += _SURE
        return None


_SURE = 3
_PAGE_BEFORE = "there is a page before page 1"
_GAPS = "its rows have numbers, and some are missing"
_GARBAGE = f"more than {MAX_BAD_PAGES} pages in a row hold nothing but rows that are no reports"


@contextmanager
def _one_record(report_id: str) -> Iterator[None]:
    """What is too much in an answer about one report is so of that report."""
    try:
        yield
    except TooMuch as exc:
        raise TooLarge(exc.what, key=report_id, raw="{}", report_id=report_id) from exc


class _Quota:
    """What all pages of a list that is kept in memory may bring in one pass."""

    def __init__(self, what: str) -> None:
        self._what = what
        self.begin()

    def begin(self) -> None:
        """A pass begins."""
        self._size = self._values = self._rows = 0

    def take(self, page: _Fetched) -> None:
        """Count a page. Raises TooMuch where it is one too many."""
        self._size += page.size
        self._values += page.values
        self._rows += len(page.listing.rows)
        counted = (
            (self._size, MAX_RECORD, "bytes"),
            (self._values, envelopes.MAX_VALUES, "values"),
            (self._rows, MAX_ITEMS, "rows"),
        )
        for count, most, of_what in counted:
            if count > most:
                raise TooMuch(f"{self._what}: all pages hold more than {most} {of_what}")


def _demand_address(report_id: str) -> None:
    if not may_be_in_address(report_id):
        digest = derived_key(report_id)
        raise BadRecord("its id is none that an address may hold", key=digest, raw=raw_text(report_id[:MAX_ID]))


class _Whole(NamedTuple):
    """The rows of a list, when its read began, why they may not be all ("" where they are), what stood beside them, when
    its pages say that they were made, what has marks of its own beside the rows, what its headers say, the ids of the
    report that its pages say they are about, and whether a page is old."""

    rows: list[object]
    began_at: datetime
    why: str
    beside: str | None = None
    dated: dict[str, datetime] | None = None
    beside_marks: Mapping[str, str] = MappingProxyType({})
    heads: Mapping[str, str] | None = None
    about: frozenset[str] = frozenset()
    is_old: bool = False


class _Run:
    """One reading of a list: when it began, how its upstream counts pages, and why it proves no absence ("": it may)."""

    def __init__(self, *, asks_on: bool = True) -> None:
        self._asks_on = asks_on
        self._began_at: datetime | None = None
        self._counts_from = 1
        self._size = 0
        self._bad_pages = 0
        self._has_rows = False
        self.says_current = False
        self.says_total = False
        self.keys = NumberSet()  # of the rows, as long as nothing says which page is which
        self.first_failed: UpstreamBroken | None = None
        self.doubt = ""
        self.is_old = False

    @property
    def began_at(self) -> datetime:
        """When its first page was asked for."""
        assert self._began_at is not None
        return self._began_at

    def demand_less_than(self, most: int) -> None:
        """Raises TooMuch once all its pages, each as often as it was read, were so many bytes."""
        if self._size >= most:
            raise TooMuch(f"all pages are larger than {most} bytes")

    def fails(self, number: int, error: UpstreamBroken) -> None:
        """A page could not be read. Raises what the first one failed with, where this is the next."""
        if number == 1 and not self._has_rows:
            self.first_failed = error
        self.demand_rows_after(number)

    def demand_rows_after(self, number: int) -> None:
        """Raises what the first page failed with, where none up to this one holds rows: it is the list that fails."""
        if number > 1 and self.first_failed is not None and not self._has_rows:
            raise self.first_failed

    def is_garbage(self, bad: int, rows: int) -> bool:
        """Take in how many of a page's rows are no reports; whether too many pages in a row hold nothing else."""
        self._bad_pages = self._bad_pages + 1 if bad and bad == rows else 0
        return self._bad_pages > MAX_BAD_PAGES

    def lost(self, why: str, at: datetime) -> Page[T]:
        """A page of which nothing could be taken."""
        self._began_at = self._began_at or at
        return Page(rows=(), keys=(), more=None, lost=why)

    def page(self, number: int, fetched: _Fetched, rows: Sequence[T], keys: Iterable[str]) -> Page[T]:
        """A page of that number as `paging` takes it."""
        said = fetched.listing
        # A later page may lie in a cache, which counts in seconds; the upstream's time moves a little by itself.
        if self._began_at is None or fetched.began_at <= self._began_at - _A_SECOND:
            self._began_at = fetched.began_at
        if fetched.doubt:
            self.doubt = f"of a page of it, {fetched.doubt}"
        self.is_old = self.is_old or fetched.is_old
        self._size += fetched.size
        is_last = bool(rows) and number == said.last_page  # counted from 0, the last one were empty
        self.says_current = self.says_current or said.current is not None or is_last
        self.says_total = self.says_total or said.total is not None
        self._has_rows = self._has_rows or bool(rows)
        identities = list(map(identity, keys))
        if number > 0 and not self.says_current:
            for key in identities:
                self.keys.add(key)
        if number == 1 and said.current == 0:
            self._counts_from = 0
        return Page(
            rows=rows,
            keys=identities,
            more=said.more if self._asks_on else bool(said.more),
            is_full=said.is_full,
            total=said.total,
            last_page=said.last_page,
            is_other=said.current is not None and said.current != number - 1 + self._counts_from,
            is_absent=fetched.is_absent,
            size=fetched.size,
        )


def _doubt_of(answer: Answer) -> str:
    """Why an answer to a read proves no absence: "" where it may. Only 200 says that this is it, and all of it."""
    return answer.doubt or ("" if answer.status == _WHOLE else f"it came under HTTP {answer.status}")


_WHOLE = 200


def _doubt_of_proof(answer: Answer) -> str:
    """The same of one in which something is looked for: what it says and is not read could be just that."""
    is_whole = is_read_whole(answer.body.decode("utf-8-sig", "replace"))
    return _doubt_of(answer) or (
        "" if is_whole else "it says two things under one name, or too deep within others"
    )


def _list_page(step: Step[ListedRow | BadRecord], run: _Run) -> ListPage:
    rows = step.page.rows
    return ListPage(
        rows=tuple(row for row in rows if isinstance(row, ListedRow)),
        bad=tuple(row for row in rows if isinstance(row, BadRecord))[:MAX_BAD],
        began_at=run.began_at,
        total=step.page.total,
        complete=step.complete and not run.doubt,
        why=step.why or (run.doubt if step.complete else ""),
        size=step.page.size,
        lacks_first=run.first_failed is not None,
    )


def _outcome(meant: Meant, send: Callable[[], Answer]) -> Outcome:
    """What one write came to, by the rules' table; never raises what the wire may do."""
    try:
        answer = send()
    except Unreachable as exc:
        return Unknown(why=exc.what) if exc.sent else NotSent(why=exc.what)
    except UpstreamError as exc:
        return Unknown(why=exc.what)
    except BadInput as exc:
        return Refused(why=exc.what)
    return _judged(answer, meant._replace(began_at=answer.began_at))


def _judged(answer: Answer, meant: Meant) -> Outcome:
    """Upstream's own words are kept for a refusal only; those of any other answer may hold anything."""
    status = answer.status
    if answer.doubt:
        return Unknown(
            why=f"HTTP {status}, but {answer.doubt}", http_status=status, retry_after=answer.retry_after
        )
    body, words = envelopes.body_of(answer.body, status, meant, answer.location)
    outcome = outcome_of(status, body, retry_after=answer.retry_after)
    if isinstance(outcome, Sent):
        why = _unproven(answer)
        return Unknown(why=f"HTTP {status}, but {why}", http_status=status) if why else outcome
    if isinstance(outcome, Refused) or body in {Body.GATEWAY, Body.GATEWAY_DENIED}:
        return replace(outcome, why=f"HTTP {status}: {words}" if words else f"HTTP {status}")
    return replace(outcome, why=f"HTTP {status}{_said(status, body)}")


def _unproven(answer: Answer) -> str:
    """Why an answer that says success proves none; "" where it does.

    Where it does not say where it ends, a broken connection looks like its end (RFC 9112, 6.3). And whatever LAPOR
    stored, it says in JSON that is called so (seen); what is called otherwise somebody else may have written.
    """
    if not answer.is_measured:
        return "it does not say where it ends"
    if answer.objection:
        return f"its head says otherwise: {answer.objection}"
    return "" if _JSON.fullmatch(answer.media_type.strip().lower()) else "it is not called JSON"


_JSON = re.compile(r"(application|text)/(x-)?json(\s*;[^,]*)?")


def _said(status: int, body: Body) -> str:
    """What follows the number, in our words."""
    if body is Body.OF_ANOTHER:
        return ", about another report or response"
    if 200 <= status < 300:
        return " with a body that says it failed" if body is Body.FAILURE else " with no sound body"
    return ", not from LAPOR: a firewall or proxy in between" if 400 <= status < 500 and body is Body.OTHER else ""
