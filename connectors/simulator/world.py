"""The world: reports, files, time, and every act of citizens, admins, officers and callers of the API.

One lock guards all of it. Acts take a report by Tracking ID or by the API's id, number or text, and return
its summary (see `World.view`) as plain JSON values; the control face offers the same acts over HTTP.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from random import Random
from threading import RLock
from time import monotonic

from connectors.simulator import acts
from connectors.simulator.city import (
    CHANNELS,
    CITY_ID,
    CLASSIFICATIONS,
    INSTITUTIONS,
    categories,
    category_by_name,
    institution_name,
)
from connectors.simulator.clock import SimClock, iso, parse_time
from connectors.simulator.content import Writer
from connectors.simulator.journal import Journal
from connectors.simulator.life import Happening, Life
from connectors.simulator.messages import Json
from connectors.simulator.options import Options
from connectors.simulator.past import Past, bare_report, closing_status, words_for
from connectors.simulator.records import TUTUP_ADMIN, Attachment, Item, Log, Report
from connectors.simulator.weather import Weather

Ref = int | str
CORRUPTIONS = ("string", "no-id", "bad-date", "null")
_FIRST_UPLOAD = 50_000_000


class UnknownReport(LookupError):
    """No report has this Tracking ID or id, or it was deleted."""


class World:
    """One simulated installation of LAPOR!, safe to use from many threads."""

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or Options()
        self.lock = RLock()
        self.clock = SimClock(self.options.start or datetime.now(UTC), self.options.speed)
        self.weather = Weather(self.options.seed, self.options.scenario, self.options.slow_seconds, self.clock.now)
        self.journal = Journal()
        self.files: dict[int, Attachment] = {}
        self._moment: int | None = None
        self._past = Past(seed=self.options.seed, count=self.options.reports, start=int(self.clock.now()))
        self._reports: dict[int, Report] = {}
        self._by_id: dict[int, Report] = {}
        self._settle(self._past.sketch(index) for index in range(self.options.reports))
        self._next_index = self.options.reports
        self._life = Life(self.options.seed, self._reports.values(), self._at()) if self.options.life else None

    def _settle(self, reports: Iterable[Report]) -> None:
        for report in reports:
            self._reports[report.tracking_id] = self._by_id[report.id] = report
        self._order = sorted((report.updated_at, report.id) for report in self._reports.values())

    # Finding and reading -------------------------------------------------------------------------------

    def find(self, ref: Ref) -> Report:
        """The report, with its thread. Raises UnknownReport."""
        try:
            number = int(ref)
        except ValueError:
            raise UnknownReport(str(ref)) from None
        report = self._reports.get(number) or self._by_id.get(number)
        if report is None:
            raise UnknownReport(str(ref))
        return self.unfolded(report)

    def unfolded(self, report: Report) -> Report:
        """The same report, its thread made if it was not yet."""
        if report.thread is None:
            self._past.unfold(report)
        return report

    def count_since(self, updated_from: int | None = None) -> int:
        """How many reports changed then or later (all, without a time)."""
        return len(self._order) - self._first_since(updated_from)

    def newest_first(self, start: int, count: int) -> Sequence[Report]:
        """A slice of all reports, the last changed first."""
        stop = len(self._order) - start
        chosen = self._order[max(stop - count, 0) : max(stop, 0)]
        return [self._by_id[report_id] for _, report_id in reversed(chosen)]

    def _first_since(self, updated_from: int | None) -> int:
        return 0 if updated_from is None else bisect_left(self._order, (updated_from, 0))

    def view(self, report: Report) -> Json:
        """What a test or a person wants to know of a report: ids as text, times ISO with offset."""
        return {
            "tracking_id": str(report.tracking_id),
            "id": str(report.id),
            "status_name": report.status,
            "disposition_id": report.disposed,
            "disposition_name": institution_name(report.disposed),
            "category": categories()[report.category].name,
            "classification": CLASSIFICATIONS[report.classification],
            "channel": report.channel,
            "is_anonymous": report.is_anonymous,
            "is_secret": report.is_secret,
            "created_at": iso(report.created_at),
            "updated_at": iso(report.updated_at),
            "answers": report.answers,
            "last_word": report.last_word,
            "forward_to": report.forward_to,
            "rating": report.rating,
            "closed": report.ended,
            "hidden": report.hidden,
            "corrupt": report.corrupt,
        }

    def summary(self) -> Json:
        """The whole city: simulated now, the day, and every report."""
        with self.lock:
            self.catch_up()
            reports = [self.view(report) for report in self._reports.values()]
        return {
            "now": iso(self.clock.now()),
            "scenario": self.weather.name,
            "total": len(reports),
            "reports": reports,
        }

    def thread(self, ref: Ref) -> Json:
        """The stored truth of one report, with what the API does not show yet (`readable` false)."""
        with self.lock:
            report = self.find(ref)
            return {
                **self.view(report),
                "title": report.words.title,
                "content": report.words.content,
                "items": [_item_view(item) for item in report.words.items],
                "logs": [_log_view(log) for log in report.words.logs],
            }

    # Acts of people ------------------------------------------------------------------------------------

    def file_report(
        self,
        *,
        title: str | None = None,
        content: str | None = None,
        category: str | None = None,
        classification: str | int | None = None,
        channel: str | None = None,
        opd: str | None = None,
        anonymous: bool | None = None,
        secret: bool | None = None,
        created_at: str | None = None,
        attachments: tuple[Attachment, ...] | None = None,
    ) -> Json:
        """A citizen files a report; what is not given is invented.

        With `opd` the report goes straight there (verified and disposed), else it waits for the admin.
        `created_at` is ISO; the report appears, and changes, now all the same.
        """
        with self.lock:
            self.catch_up()
            now = self._at()
            report = self._new_report(parse_time(created_at) if created_at else now)
            channel = None if channel is None else _known(channel, CHANNELS)
            _override(report, {"is_anonymous": anonymous, "is_secret": secret, "channel": channel})
            self._classify(report, category, classification)
            report.thread = words_for(report, Writer(categories()[report.category].theme, self._luck(report)))
            _override(report.thread, {"title": title, "content": content, "attachments": attachments})
            acts.filed(report, now)
            if opd is not None:
                acts.verify(report, now)
                acts.dispose(report, _institution(opd), now)
            self._enter(report)
            return self.view(report)

    def verify(self, ref: Ref) -> Json:
        """The national admin verifies."""
        return self._act(ref, acts.verify)

    def dispose(self, ref: Ref, *, to: str, by: str | None = None) -> Json:
        """An admin hands the report to an institution."""
        target = _institution(to)
        return self._act(ref, lambda report, at: acts.dispose(report, target, at, by=by))

    def reply(self, ref: Ref, *, content: str | None = None) -> Json:
        """The citizen writes in the thread."""
        return self._act(ref, lambda report, at: acts.reply(report, content or self._writer(report).reply(), at))

    def satisfied(self, ref: Ref, *, rating: int = 5) -> Json:
        """The citizen is content: `Selesai`."""
        return self._act(ref, lambda report, at: acts.satisfied(report, rating, at))

    def close(self, ref: Ref) -> Json:
        """The admin closes: `Ditutup oleh Admin`."""
        return self._act(ref, lambda report, at: acts.close(report, TUTUP_ADMIN, at, source="admin"))

    def close_by_system(self, ref: Ref, *, status_name: str | None = None) -> Json:
        """The system closes: `Ditutup oleh Sistem` or `Selesai`, unless a name is given."""
        return self._act(
            ref,
            lambda report, at: acts.close(report, status_name or closing_status(report), at, source="system"),
        )

    def archive(self, ref: Ref) -> Json:
        """The admin archives: `Diarsipkan`."""
        return self._act(ref, acts.archive)

    def reject(self, ref: Ref) -> Json:
        """The admin refuses: `Ditolak`."""
        return self._act(ref, acts.refuse)

    def set_status(self, ref: Ref, *, status_name: str) -> Json:
        """Any status name."""
        return self._act(ref, lambda report, at: acts.set_status(report, status_name, at))

    def answer(self, ref: Ref, *, content: str | None = None, opd: str | None = None) -> Json:
        """An officer answers on the LAPOR site itself, past this API."""

        def change(report: Report, at: int) -> None:
            words = content or self._writer(report).answer()
            acts.answer(report, words, at, opd=opd or report.disposed or CITY_ID, source="site")

        return self._act(ref, change)

    def reopen(self, ref: Ref) -> Json:
        """A closed report is open again."""
        return self._act(ref, acts.reopen)

    def touch(self, ref: Ref) -> Json:
        """Only `updated_at` moves."""
        return self._act(ref, acts.touch)

    def delete(self, ref: Ref) -> Json:
        """The report is gone: 404, and absent from the list."""
        with self.lock:
            report = self.find(ref)
            del self._reports[report.tracking_id], self._by_id[report.id]
            self._unlist(report)
            return self.view(report)

    def hide(self, ref: Ref, *, hidden: bool = True) -> Json:
        """The list leaves the report out, reading it by id still works; `hidden` false takes it back."""
        with self.lock:
            report = self.find(ref)
            self._unlist(report)
            report.hidden = hidden
            self._list(report)
            return self.view(report)

    def corrupt(self, ref: Ref, *, how: str | None = "string") -> Json:
        """Its list row is unreadable: `string`, `no-id`, `bad-date` or `null`; None heals it."""
        if how is not None and how not in CORRUPTIONS:
            raise ValueError(f"how is one of {', '.join(CORRUPTIONS)}")
        with self.lock:
            report = self.find(ref)
            report.corrupt = how
            return self.view(report)

    def uncorrupt(self, ref: Ref) -> Json:
        """Its list row is readable again."""
        return self.corrupt(ref, how=None)

    # Writes of the API ---------------------------------------------------------------------------------

    def store_answer(
        self,
        ref: Ref,
        content: str,
        *,
        opd: str,
        to: str | None = CITY_ID,
        template_code: str = "reply",
        attachments: Sequence[Attachment] = (),
        is_secret: bool = False,
        user_id: str | None = None,
    ) -> Item:
        """An answer through the API; on a `late-read` day it becomes readable later."""
        with self._changing(ref) as (report, at):
            acts.answer(
                report,
                content,
                at,
                opd=opd,
                source="api",
                to=to,
                template_code=template_code,
                attachments=tuple(self.keep_file(file.file_name, file.data or b"") for file in attachments),
                is_secret=is_secret,
                user_id=user_id,
                readable_at=self._readable_at(),
            )
            return report.words.items[-1]

    def store_forward(self, ref: Ref, *, to: str, reason: str) -> Json:
        """A request to hand over to another institution, through the API."""
        late = self._readable_at()
        return self._act(ref, lambda report, at: acts.ask_forward(report, to, reason, at, readable_at=late))

    def keep_file(self, file_name: str, data: bytes) -> Attachment:
        """Keep an uploaded file under an id of its own."""
        with self.lock:
            file = Attachment(id=_FIRST_UPLOAD + len(self.files), file_name=file_name, data=data)
            self.files[file.id] = file
            return file

    def _readable_at(self) -> float:
        return monotonic() + self.options.late_seconds if self.weather.day.late else 0.0

    # Time, days, records of calls ----------------------------------------------------------------------

    def advance(self, seconds: float) -> Json:
        """Simulated time jumps ahead, and the city lives through it."""
        with self.lock:
            self.clock.advance(seconds)
            self.catch_up()
        return self.time()

    def time(self) -> Json:
        """Simulated now."""
        return {"now": iso(self.clock.now())}

    def set_scenario(self, name: str) -> Json:
        """Another day begins. Raises ValueError for an unknown name."""
        self.weather.set_scenario(name)
        return {"scenario": name}

    def add_faults(self, *rows: Mapping[str, object]) -> Json:
        """Queue one-off faults, see `mishaps` and `weather.read_fault`."""
        for row in rows:
            self.weather.add_fault(row)
        return self.faults()

    def clear_faults(self) -> Json:
        """Drop what is left of the queue."""
        self.weather.clear_faults()
        return self.faults()

    def faults(self) -> Json:
        """The queue."""
        return {"faults": self.weather.faults()}

    def requests(self, recent: int = 200) -> Json:
        """Which calls came: see `Journal.view`."""
        return self.journal.view(recent)

    def reset_requests(self) -> Json:
        """Count calls anew."""
        self.journal.reset()
        return self.journal.view()

    def catch_up(self) -> None:
        """Carry out what life brought until now, each thing at its own time."""
        with self.lock:
            if self._life is None or self._moment is not None:
                return
            while (happening := self._life.next_until(int(self.clock.now()))) is not None:
                self._carry_out(happening)

    def _carry_out(self, happening: Happening) -> None:
        self._moment = happening.at
        try:
            if happening.tracking_id is None:
                self.file_report()
            elif (report := self._reports.get(happening.tracking_id)) and report.version == happening.version:
                getattr(self, happening.act)(report.tracking_id, **happening.details)
        finally:
            self._moment = None

    # Inside --------------------------------------------------------------------------------------------

    def _at(self) -> int:
        return int(self.clock.now()) if self._moment is None else self._moment

    def _act(self, ref: Ref, change: Callable[[Report, int], None]) -> Json:
        with self._changing(ref) as (report, at):
            change(report, at)
        return self.view(report)

    @contextmanager
    def _changing(self, ref: Ref) -> Iterator[tuple[Report, int]]:
        with self.lock:
            self.catch_up()
            report = self.find(ref)
            self._unlist(report)
            try:
                yield report, self._at()
            finally:
                self._list(report)
            self._expect(report)

    def _enter(self, report: Report) -> None:
        self._reports[report.tracking_id] = self._by_id[report.id] = report
        self._list(report)
        self._expect(report)

    def _list(self, report: Report) -> None:
        if not report.hidden:
            insort(self._order, (report.updated_at, report.id))

    def _unlist(self, report: Report) -> None:
        if not report.hidden:
            del self._order[bisect_left(self._order, (report.updated_at, report.id))]

    def _expect(self, report: Report) -> None:
        if self._life is not None:
            self._life.expect(report, self._at())

    def _new_report(self, created_at: int) -> Report:
        index = self._next_index
        self._next_index += 1
        return bare_report(index, created_at, Random(f"{self.options.seed}/filed/{index}"))

    def _classify(self, report: Report, category: str | None, classification: str | int | None) -> None:
        if category is not None:
            report.category = category_by_name()[_known(category, category_by_name())]
            report.opd = categories()[report.category].opd
        if classification is not None:
            report.classification = _classification(classification)

    def _writer(self, report: Report) -> Writer:
        return Writer(categories()[report.category].theme, self._luck(report))

    def _luck(self, report: Report) -> Random:
        return Random(f"{self.options.seed}/luck/{report.index}/{report.version}")


def _override(target: object, values: Mapping[str, object]) -> None:
    for name, value in values.items():
        if value is not None:
            setattr(target, name, value)


def _known(name: str, names: Mapping[str, object]) -> str:
    if name not in names:
        raise ValueError(f"{name!r} is none of {', '.join(names)}")
    return name


def _institution(institution_id: str) -> str:
    return _known(str(institution_id), INSTITUTIONS)


def _classification(value: str | int) -> int:
    for number, name in CLASSIFICATIONS.items():
        if str(value).lower() in (str(number), name.lower()):
            return number
    raise ValueError(f"{value!r} is none of {', '.join(CLASSIFICATIONS.values())}")


def _item_view(item: Item) -> Json:
    return {
        "id": item.id,
        "at": iso(item.at),
        "source": item.source,
        "content": item.content,
        "template_code": item.template_code,
        "institution_from_id": item.from_id,
        "institution_to_id": item.to_id,
        "status_old": item.status_old,
        "status_new": item.status_new,
        "attachments": [file.file_name for file in item.attachments],
        "is_secret": item.is_secret,
        "user_id": item.user_id,
        "readable": is_readable(item),
    }


def _log_view(log: Log) -> Json:
    return {
        "id": log.id,
        "at": iso(log.at),
        "content": log.content,
        "institution_from_id": log.from_id,
        "institution_to_id": log.to_id,
        "status_old": log.status_old,
        "status_new": log.status_new,
        "readable": is_readable(log),
    }


def is_readable(entry: Item | Log) -> bool:
    """Whether the API shows it by now."""
    return entry.readable_at <= monotonic()
