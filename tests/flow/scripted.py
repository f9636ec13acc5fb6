"""An upstream in a few lines that lies as a test wants: the rows as they would come over the wire, read by `wire`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from connectors.sp4n_v3 import reports as read_reports
from connectors.sp4n_v3 import still
from connectors.sp4n_v3 import threads as read_threads
from connectors.sp4n_v3.verdict import reports_about
from lapor_sync import office
from lapor_sync.domain.access import Ahead
from lapor_sync.domain.delivery import Outcome, Sent, State, Unknown
from lapor_sync.domain.errors import BadRecord, LaporSyncError, Missing, UpstreamError
from lapor_sync.domain.people import of_shell
from lapor_sync.domain.ports import ListedRow, ListPage, Uptime
from lapor_sync.domain.report import Attachment, Detail, Institution, Outgoing, Report, Template, Thread
from lapor_sync.store import conflicts, outbox, reports, threads
from lapor_sync.store.conflicts import Conflict
from lapor_sync.store.database import open_store
from lapor_sync.store.outbox import Queued
from lapor_sync.store.reports import Mirrored
from lapor_sync.sync.cycle import run_cycle
from lapor_sync.sync.setup import Setup
from tests.flow.bench import OPD, START, Log, rules, url_of

WIB = ZoneInfo("Asia/Jakarta")
Row = dict[str, Any]


@dataclass
class Ticking:
    """A clock that stands until it is moved. `wall_ahead`: how wrong the wall clock is."""

    seconds: float = 1000.0
    wall_ahead: float = 0.0
    boot: str = "first"

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds + self.wall_ahead)

    def uptime(self) -> Uptime:
        return Uptime(self.boot, self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += max(seconds, 0)


def row_of(tracking_id: str | None, id: str | None, **values: Any) -> Row:
    """A report's fields as LAPOR says them; what is None is left out."""
    fields: Row = {
        "id": id,
        "tracking_id": tracking_id,
        "status_name": "Terverifikasi",
        "title": f"Judul {tracking_id or id}",
        "content": f"Isi {tracking_id or id}",
        "disposition_id": OPD,
        "disposition_name": "Dinas PUPR",
        "classification_name": "Pengaduan",
        "created_at": "2026-03-01 08:00:00",
        "updated_at": "2026-03-01 08:00:00",
        "is_secret": 0,
        "is_anonymous": 0,
    }
    return {key: value for key, value in (fields | values).items() if value is not None}


@dataclass
class Scripted:
    """`details` and `items` are by the id that is asked for. `store` does what a write does, and says its outcome."""

    clock: Ticking
    listed: list[Row] = field(default_factory=list)
    details: dict[str, Row] = field(default_factory=dict)
    items: dict[str, list[Any]] = field(default_factory=dict)
    posted: list[Outgoing] = field(default_factory=list)
    store: Callable[[Outgoing], Outcome] | None = None
    ahead: float = 0.0
    ordered: Callable[[list[Any]], list[Any]] = list
    heads: Callable[[], dict[str, str]] = dict  # of its answers
    moving: Callable[[Row], Row] = dict  # what a record, or an item, is at this read
    beside: str = "nothing"  # what stands beside the items of a thread
    around: dict[str, Row] = field(
        default_factory=dict
    )  # by "detail" or "thread", what their answers say beside it
    dated: Callable[[], dict[str, datetime]] = dict  # when its answers say that they were made
    doubt: str = ""  # why no thread is proven whole
    old: frozenset[str] = frozenset()  # which answers say that they are of before they were asked for
    age: float = 0.0  # by how many seconds these say it
    hidden: int = 0  # so many of a thread's items, the last ones, are not shown
    no_thread: UpstreamError | None = None
    ails: dict[str, LaporSyncError] = field(default_factory=dict)  # with what these reads end
    calls: list[str] = field(default_factory=list)
    mixed_up: frozenset[str] = frozenset()  # ids of which a read may have got another's answer
    proofs: int = 0  # reads of a thread that were to prove an absence

    def add(self, row: Row, *, listed: bool = True) -> Row:
        """A report of the agency's, under its id, or else its Tracking ID."""
        key = str(row.get("id", row.get("tracking_id")))
        self.details[key] = row
        if listed:
            self.listed.append(row)
        return row

    # ports.Connector

    def list_reports(self, *, updated_from: datetime | None) -> Iterator[ListPage]:
        self.calls.append("list")
        read = [read_reports.listed_row(json.loads(json.dumps(self.moving(row)))) for row in self.listed]
        yield ListPage(
            rows=tuple(row for row in read if isinstance(row, ListedRow)),
            bad=tuple(row for row in read if isinstance(row, BadRecord)),
            began_at=self.upstream_now(),
            complete=True,
        )

    def parse_row(self, row: ListedRow) -> Report:
        return read_reports.report_of_row(row, WIB)

    def marks_of_row(self, text: str) -> Mapping[str, str]:
        return still.marks_of_row(text)

    def row_text(self, row: ListedRow) -> str:
        return read_reports.kept_text(row.raw)

    def read_report(self, report_id: str, *, fresh: bool = False) -> Detail:
        self.calls.append(f"detail {report_id}{' fresh' if fresh else ''}")
        if (error := self.ails.get(f"detail {report_id}")) is not None:
            raise error
        if report_id not in self.details:
            raise Missing("not there")
        around = self.around.get("detail", {})
        results = {**around.get("results", {}), "data": self.moving(self.details[report_id])}
        body = json.dumps({"status": True, **around, "results": results}).encode()
        heads, at = still.marks_of_heads("complaint", self.heads()), self._made_at("detail")
        is_old = "detail" in self.old
        found = read_reports.detail(body, asked=report_id, zone=WIB, began_at=at, is_old=is_old)
        marks, counts = still.marks_of_answer(body)
        return replace(found, marks=marks, counts=counts, dated=self.dated(), heads=heads)

    def read_thread(self, report_id: str, *, as_proof: bool = False, fresh: bool = False) -> Thread:
        self.calls.append(f"thread {report_id}{' fresh' if fresh else ''}")
        self.proofs += as_proof
        if (error := self.ails.get(report_id)) is not None:
            raise error
        if self.no_thread is not None:
            raise self.no_thread
        rows = [self.moving(row) for row in json.loads(json.dumps(self.items.get(report_id, [])))]
        shown = rows[: len(rows) - self.hidden]
        return read_threads.thread(
            self.ordered(shown),
            zone=WIB,
            began_at=self._made_at("thread"),
            why=self.doubt,
            beside=self.beside,
            dated=self.dated(),
            heads=still.marks_of_heads("followups", self.heads()),
            about=reports_about(self.around.get("thread", {}), {}),
            is_old="thread" in self.old,
        )

    def send_response(self, outgoing: Outgoing) -> Outcome:
        self.posted.append(outgoing)
        if self.store is not None:
            return self.store(outgoing)
        self.items.setdefault(outgoing.report_id, []).append(self.shown(outgoing))
        return Sent(http_status=200)

    def send_forward(self, outgoing: Outgoing) -> Outcome:
        self.posted.append(outgoing)
        return self.store(outgoing) if self.store is not None else Sent(http_status=200)

    def institutions(self) -> tuple[Institution, ...]:
        return ()

    def templates(self) -> tuple[Template, ...]:
        return ()

    def fetch_attachment(self, file: Attachment) -> bytes:
        self.calls.append(f"file {file.url}")
        return b"%PDF"

    def crossed(self) -> frozenset[str]:
        found, self.mixed_up = self.mixed_up, frozenset()
        return found

    def upstream_now(self) -> datetime:
        return (START + timedelta(seconds=self.clock.seconds + self.ahead)).replace(microsecond=0)

    def _made_at(self, part: str) -> datetime:
        return self.upstream_now() - timedelta(seconds=self.age if part in self.old else 0)

    def clock_ahead(self) -> Ahead | None:
        off = timedelta(seconds=-self.ahead)
        return off - timedelta(seconds=1), off

    # What a test does.

    def shown(self, outgoing: Outgoing, **values: Any) -> Row:
        """An answer as LAPOR usually shows it."""
        number = 900 + len(self.posted)
        at = (self.upstream_now() + timedelta(hours=7)).strftime("%d-%m-%Y %H:%M:%S")
        said = {"id": number, "created_at": at, "content": outgoing.text, "template_code": "reply"}
        return said | {"institution_from_name": "Dinas PUPR", "institution_to_name": "Kota"} | values

    def lose(self, *, shown: bool = True, **values: Any) -> None:
        """Each write from now on gets no sound answer, whether it is shown in the thread, with these values, or not."""

        def store(outgoing: Outgoing) -> Outcome:
            if shown:
                self.items.setdefault(outgoing.report_id, []).append(self.shown(outgoing, **values))
            return Unknown(why="lost")

        self.store = store


@dataclass
class Stage:
    """A city whose upstream is scripted."""

    upstream: Scripted
    clock: Ticking
    setup: Setup
    log: Log

    def cycle(self, seconds: float = 400, **changes: Any) -> None:
        """One cycle, and some time after it."""
        outcome = run_cycle(replace(self.setup, **changes))
        assert outcome.error is None, outcome.error
        self.clock.seconds += seconds

    def cycles(self, count: int, seconds: float = 400) -> None:
        for _ in range(count):
            self.cycle(seconds)

    def cycles_with(self, step: Callable[[str], None]) -> None:
        """One cycle in which `step` hears where it is."""
        self.cycle(step=step)

    def setup_anew(self) -> None:
        """The process is gone: a new one has nothing but the database."""
        self.setup = replace(self.setup)

    def respond(self, given_id: str, text: str = "Sudah kami perbaiki kemarin sore.", **values: Any) -> str:
        return office.respond(
            self.setup, of_shell("budi"), office.NewResponse(given_id=given_id, text=text, **values)
        )

    def delivery(self, ref: str) -> Queued:
        with self.setup.store.reading() as work:
            found = outbox.get(work, ref)
        assert found is not None
        return found

    def state(self, ref: str) -> State:
        return self.delivery(ref).state

    def mirrored(self, tracking_id: str) -> Mirrored:
        with self.setup.store.reading() as work:
            return reports.load(work, [tracking_id])[tracking_id]

    def thread(self, tracking_id: str) -> tuple[Any, ...]:
        with self.setup.store.reading() as work:
            return threads.load(work, [tracking_id]).get(tracking_id, ())

    def conflicts(self) -> list[Conflict]:
        with self.setup.store.reading() as work:
            return conflicts.listing(work)


@contextmanager
def stage(path: Path, *, grace: float = 120) -> Iterator[Stage]:
    """An empty city before an upstream that has nothing yet."""
    clock, log = Ticking(), Log()
    upstream = Scripted(clock)
    store = open_store(url_of(path), "kota", clock)
    setup = Setup(
        store=store, rules=rules(grace), log=log, connector=upstream, clock=clock, spread=lambda: 0.5, user_id="9"
    )
    try:
        yield Stage(upstream, clock, setup, log)
    finally:
        store.close()
