"""The calls of SP4N-LAPOR!'s integration API v3, as `ports.Connector`. Source: lapor-api, section 1."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from connectors.sp4n_v3 import wire
from connectors.sp4n_v3.paging import Page, Step, read_all
from connectors.sp4n_v3.values import MAX_ID, derived_key, identity, raw_text
from connectors.transport import Answer, Part, Transport, may_be_in_address
from lapor_sync.domain.delivery import Body, NotSent, Outcome, Refused, Sent, Unknown, outcome_of
from lapor_sync.domain.errors import BadInput, BadRecord, ListingUnstable, Missing, Unreachable, UpstreamError
from lapor_sync.domain.ports import ListedRow, ListPage
from lapor_sync.domain.report import Detail, Institution, Outgoing, Report, Thread

T = TypeVar("T")

DETAIL = "/complaints/{id}/complaint"
FOLLOWUPS = "/complaints/{id}/followups"
ADD_FOLLOWUP = "/complaints/followup/add"
REJECT = "/complaints/process/{id}/reject"
INSTITUTIONS = "/masters/institutions/external"
TEMPLATES = "/masters/templates"
_MASTER_PAGE_SIZE = 1000

Params = dict[str, str | int]
Keys = Callable[[Sequence[object]], list[str]]
"""What each row of a page counts as."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sp4nSettings:
    """What is assumed of upstream and so is configuration. `updated_param` "": the list has no such filter."""

    list_path: str = "/complaints"
    updated_param: str = "updated_from"
    page_size: int = 100
    reply_template: str = "reply"
    timezone: str = "Asia/Jakarta"


class _Fetched(NamedTuple):
    """One page of a listing as it came, with when its call began."""

    listing: wire.Listing
    began_at: datetime


class Sp4nV3:
    """The connector. Reads raise UpstreamError; a write is one request and returns its outcome."""

    def __init__(self, transport: Transport, settings: Sp4nSettings | None = None) -> None:
        self._transport = transport
        self._settings = settings or Sp4nSettings()
        self._zone = ZoneInfo(self._settings.timezone)

    def list_reports(self, *, updated_from: datetime | None) -> Iterator[ListPage]:
        """Pages of the agency's reports, the next one fetched ahead; see `ports.Connector`."""
        params: Params = {"page_size": self._settings.page_size}
        if updated_from is not None and self._settings.updated_param:
            local = updated_from.astimezone(self._zone)
            params[self._settings.updated_param] = local.isoformat(timespec="seconds")
        ahead = ThreadPoolExecutor(1, thread_name_prefix="list-ahead")
        began: list[datetime] = []
        get = partial(self._listed_page, params, began)
        try:
            for number, step in enumerate(read_all(lambda page: ahead.submit(get, page).result)):
                if number == 0 or step.new or step.complete is not None:
                    yield _list_page(step, began[0])
        finally:
            ahead.shutdown(wait=False, cancel_futures=True)

    def parse_row(self, row: ListedRow) -> Report:
        """The row as a report. Raises BadRecord."""
        return wire.report_of_row(row, self._zone)

    def row_text(self, row: ListedRow) -> str:
        """The row as JSON text to be kept."""
        return wire.kept_text(row.raw)

    def read_report(self, report_id: str) -> Detail:
        """The detail call. Raises Missing, BadRecord, other UpstreamError."""
        _demand_address(report_id)
        return self._transport.read(
            DETAIL,
            lambda answer: wire.detail(answer.body, asked=report_id, zone=self._zone, began_at=answer.began_at),
            of=report_id,
        )

    def read_thread(self, report_id: str) -> Thread:
        """The complete thread in reading order. Raises ListingUnstable where it kept changing."""
        _demand_address(report_id)
        items, began_at = self._whole(FOLLOWUPS, {}, wire.item_keys, of=report_id)
        return wire.thread(items, zone=self._zone, began_at=began_at)

    def institutions(self) -> tuple[Institution, ...]:
        """The master list of institutions."""
        rows, _ = self._whole(INSTITUTIONS, {"page_size": _MASTER_PAGE_SIZE}, wire.item_keys)
        return wire.institutions(rows)

    def templates(self) -> tuple[str, ...]:
        """The codes of the reply templates, for a check of the one that is configured."""
        rows, _ = self._whole(TEMPLATES, {"page_size": _MASTER_PAGE_SIZE}, wire.item_keys)
        return wire.template_codes(rows)

    def send_response(self, outgoing: Outgoing) -> Outcome:
        """Add a follow-up, once."""
        return _outcome(lambda: self._transport.post_form(ADD_FOLLOWUP, self._response_parts(outgoing)))

    def send_forward(self, outgoing: Outgoing) -> Outcome:
        """Ask, once, that the report go to `institution_to_id` (*bukan kewenangan*): someone above confirms."""
        to = outgoing.institution_to_id
        body = {
            "is_request": 1,
            "reason": int(to) if to.isascii() and to.isdecimal() else to,
            "reason_description": outgoing.text,
            "not_authority": 1,
        }
        return _outcome(lambda: self._transport.post_json(REJECT, body, of=outgoing.report_id))

    def fetch_attachment(self, url: str) -> Iterator[bytes]:
        """The file's bytes: given only once it came whole, so that no half of a file is taken for one."""
        return iter((self._transport.fetch(url),))

    def upstream_now(self) -> datetime:
        """The upstream's time."""
        return self._transport.upstream_now()

    def clock_ahead(self) -> tuple[timedelta, timedelta] | None:
        """How far this machine's clock is ahead of the upstream's, at least and at most; None where it is not known."""
        return self._transport.clock_ahead()

    def certificate_end(self) -> datetime | None:
        """Until when the upstream's certificate holds; None without TLS, or before an answer."""
        return self._transport.certificate_end()

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

    def _page(self, path: str, params: Params, number: int, of: str = "") -> _Fetched:
        """One page; one that is not there (any but the first) is the end of the list."""

        def fetched(answer: Answer) -> _Fetched:
            return _Fetched(wire.listing(answer.body), answer.began_at)

        try:
            return self._transport.read(path, fetched, of=of, params={"page": number, **params})
        except Missing:
            if number == 1:
                raise
            nothing = wire.Listing(rows=(), more=False, total=None, last_page=None)
            return _Fetched(nothing, self._transport.upstream_now())

    def _listed_page(self, params: Params, began: list[datetime], number: int) -> Page[ListedRow | BadRecord]:
        page = self._page(self._settings.list_path, params, number)
        began.append(page.began_at)
        rows: list[ListedRow | BadRecord] = [wire.listed_row(raw) for raw in page.listing.rows]
        keys = [identity(row.key) for row in rows]
        # A full page that says nothing of a next one may still have one.
        unsaid = page.listing.more is None and len(rows) >= self._settings.page_size
        return _paged(page.listing, rows, keys, more=bool(page.listing.more) or unsaid)

    def _whole(self, path: str, params: Params, keys: Keys, of: str = "") -> tuple[list[object], datetime]:
        """All rows of a list that must be complete, each once, as last seen; and when the read began.

        Raises ListingUnstable.
        """
        began: list[datetime] = []

        def get(number: int) -> Page[object]:
            page = self._page(path, params, number, of)
            began.append(page.began_at)
            rows = page.listing.rows
            return _paged(page.listing, rows, list(map(identity, keys(rows))), more=bool(page.listing.more))

        found: dict[int, object] = {}
        for step in read_all(lambda number: partial(get, number)):
            found.update(zip(step.page.keys, step.page.rows, strict=True))
        if not step.complete:
            raise ListingUnstable(f"GET {path}: it kept changing while it was read")
        return list(found.values()), began[0]


def _demand_address(report_id: str) -> None:
    if not may_be_in_address(report_id):
        digest = derived_key(report_id)
        raise BadRecord("its id is none that an address may hold", key=digest, raw=raw_text(report_id[:MAX_ID]))


def _paged(listing: wire.Listing, rows: Sequence[T], keys: list[int], *, more: bool) -> Page[T]:
    return Page(rows=rows, keys=keys, more=more, total=listing.total, last_page=listing.last_page)


def _list_page(step: Step[ListedRow | BadRecord], began_at: datetime) -> ListPage:
    rows = step.page.rows
    return ListPage(
        rows=tuple(row for row in rows if isinstance(row, ListedRow)),
        bad=tuple(row for row in rows if isinstance(row, BadRecord)),
        began_at=began_at,
        total=step.page.total,
        complete=step.complete,
    )


def _outcome(send: Callable[[], Answer]) -> Outcome:
    """What one write came to, by the rules' table; never raises what the wire may do."""
    try:
        answer = send()
    except Unreachable as exc:
        return Unknown(why=exc.what) if exc.sent else NotSent(why=exc.what)
    except UpstreamError as exc:
        return Unknown(why=exc.what)
    except BadInput as exc:
        return Refused(why=exc.what)
    return _judged(answer)


def _judged(answer: Answer) -> Outcome:
    """Upstream's own words are kept for a refusal only; those of any other answer may hold anything."""
    status = answer.status
    body, words = wire.body_of(answer.body, status)
    outcome = outcome_of(status, body, retry_after=answer.retry_after)
    if isinstance(outcome, Sent):
        return outcome
    if isinstance(outcome, Refused) or body in {Body.GATEWAY, Body.GATEWAY_DENIED}:
        return replace(outcome, why=f"HTTP {status}: {words}" if words else f"HTTP {status}")
    return replace(outcome, why=f"HTTP {status}{_said(status, body)}")


def _said(status: int, body: Body) -> str:
    """What follows the number, in our words."""
    if 200 <= status < 300:
        return " with a body that says it failed" if body is Body.FAILURE else " with no sound body"
    return ", not from LAPOR: a firewall or proxy in between" if 400 <= status < 500 and body is Body.OTHER else ""
