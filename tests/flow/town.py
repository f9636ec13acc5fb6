"""A town for random histories: the real cycle against the real stand-in, and beside both what the rules say of them.

Nothing here asks the program what it would decide. What a person could know when a response was written or let go
again is kept with it as a `Letter`; what may stand in a citizen's thread is judged by that, by `docs/rules.md`, at
the very moment at which the stand-in stores it.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, cast
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from connectors.simulator import CITY_ID, OPD_IDS, Options, Simulator
from connectors.sp4n_v3 import Sp4nSettings, Sp4nV3
from connectors.transport import Transport, TransportSettings
from lapor_sync import office
from lapor_sync.domain.errors import LaporSyncError, UpstreamError
from lapor_sync.domain.people import of_shell
from lapor_sync.domain.refusals import Refused
from lapor_sync.domain.report import Report
from lapor_sync.mirror.mirror import Pace
from lapor_sync.office import OutboxAct
from lapor_sync.store import audit, backup, conflicts, marks, outages, outbox, pauses, quarantine, reports, threads
from lapor_sync.store.conflicts import How
from lapor_sync.store.database import Store, Work, open_store
from lapor_sync.store.marks import Mark
from lapor_sync.store.outbox import Queued
from lapor_sync.store.reports import Mirrored
from lapor_sync.store.schema import attempt, metadata
from lapor_sync.sync.cycle import backfill, run_cycle
from lapor_sync.sync.restore import put_back
from lapor_sync.sync.setup import Setup
from lapor_sync.sync.take_export import take_export
from tests.flow.bench import START, TOKEN, Killed, Log, rules
from tests.flow.clockwork import Clocks, Turns, UpstreamClock, clockwork

GRACE = 120.0
POLL = 300.0
DAY = 86_400.0
WIB = ZoneInfo("Asia/Jakarta")
UNHEARD_OF = "Menunggu Telaah"
"""A status name that the colours' table does not know."""

CLOSED = frozenset({"hijau", "abu"})
ON_ITS_WAY = frozenset({"queued", "sending", "unknown"})
ASKS_A_PERSON = frozenset(
    {
        "closed_since",
        "unknown_status",
        "answered_elsewhere",
        "first_read",
        "disposed_elsewhere",
        "both_moved",
        "gone_upstream",
        "cannot_read_back",
        "not_found_again",
        "barred",
        "forward_not_found",
    }
)
MAY_HAVE_ARRIVED = frozenset(
    {"gone_upstream", "cannot_read_back", "not_found_again", "barred", "forward_not_found"}
)
"""Reasons to hold what was tried and never told: whoever settles these looks on LAPOR first."""

A_SECOND = timedelta(seconds=1)
"""Upstream tells its time in whole seconds."""

_REF = re.compile(r"LS-[A-Z2-7]{6}")


@dataclass
class Letter:
    """One delivery as its writer knows it.

    `known`: the site's answers in the mirror when it was written or let go again, None where the thread was not
    known; `was_bare`: whether there were none upstream then; `closed_is_fine`, `fine_at`: what its writer saw and
    wanted it sent all the same; `seen_at`: which of the report's versions the mirror showed then.
    """

    ref: str
    number: int
    tracking_id: str
    kind: str
    opd: str
    text: str
    is_secret: bool
    known: frozenset[str] | None
    fine_at: str | None
    seen_at: int
    was_bare: bool
    closed_is_fine: bool = False
    comes_when_it_comes: bool = False  # refused and retried, or let go again after a restore: in no order
    is_restored: bool = False  # an older backup is what the database knows of it
    may_stand: bool = False  # called off while nobody could tell whether it had arrived


@dataclass(frozen=True)
class Arrival:
    """What the stand-in was about to store, and how its report stood, there and in our outbox, right then."""

    tracking_id: str
    ref: str
    seen: Mapping[str, Any]
    states: Mapping[str, str]
    in_a_gap: bool
    may_send: bool


@dataclass
class Known:
    """What the model knows of the database: a backup of the one is a backup of the other."""

    letters: dict[str, Letter] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    last: dict[str, Mirrored] = field(default_factory=dict)
    last_items: dict[str, frozenset[str]] = field(default_factory=dict)
    audit_seq: int = 0
    audited_colours: dict[str, tuple[str | None, str | None]] = field(default_factory=dict)
    audited_states: dict[str, str] = field(default_factory=dict)


@dataclass
class Plan:
    """What happens at the nth call of a step of a cycle."""

    step: str
    nth: int
    does: Callable[[], object]


@dataclass
class Town:
    """One city, its upstream, and the model."""

    simulator: Simulator
    clocks: Clocks
    url: str
    stack: ExitStack
    setup: Setup = field(init=False)
    known: Known = field(default_factory=Known)
    forgotten: dict[str, Letter] = field(default_factory=dict)
    written: int = 0
    backup: tuple[Path, Known] | None = None
    restored_at: float = -DAY
    arrivals: list[Arrival] = field(default_factory=list)
    exports: list[tuple[datetime, list[Report]]] = field(default_factory=list)
    deleted: set[str] = field(default_factory=set)
    hidden: set[str] = field(default_factory=set)
    denied: set[str] = field(default_factory=set)
    changed_unlisted: set[str] = field(default_factory=set)
    reached: set[str] = field(default_factory=set)
    late: float = 0.0
    plan: Plan | None = None
    is_dead: bool = False
    is_stopping: bool = False
    is_observing: bool = False
    moved_in_this_cycle: set[str] = field(default_factory=set)
    _process: ExitStack = field(default_factory=ExitStack)
    _base: str = ""

    def __post_init__(self) -> None:
        world: Any = self.world
        self._store_answer = world.store_answer
        world.clock = UpstreamClock(self.clocks)
        world.store_answer = self._stored
        world._readable_at = lambda: self.clocks.true + self.late if self.late else 0.0
        self.begin()

    @property
    def world(self) -> Any:
        return self.simulator.world

    @property
    def store(self) -> Store:
        return self.setup.store

    # The process.

    def begin(self) -> None:
        """A process with nothing but the database."""
        settings = TransportSettings(
            base_url=self.simulator.url if self.is_up else self._base,
            bearer="simulator",
            token=TOKEN,
            rate_per_second=0,
            read_timeout=20,
            pause=lambda _tries: 0.5,
        )
        self._base = settings.base_url
        self.is_dead = self.is_stopping = False
        self._process = ExitStack()
        transport = Transport(settings, clock=self.clocks, stopping=lambda: self.is_stopping)
        self._process.enter_context(transport)
        store = open_store(self.url, "kota", self.clocks)
        self._process.callback(store.close)
        self.setup = Setup(
            store=store,
            rules=rules(GRACE),
            log=Log(),
            pace=Pace(poll_seconds=POLL),
            connector=Sp4nV3(transport, Sp4nSettings()),
            clock=self.clocks,
            spread=lambda: 0.5,
            user_id="9",
            step=self._step,
            stopping=lambda: self.is_stopping,
        )

    def end(self) -> None:
        """The process is gone, however it ended."""
        self._process.close()

    def restart(self) -> None:
        """Another process begins."""
        self.end()
        self.begin()

    def _step(self, name: str) -> None:
        if self.is_dead:
            raise Killed(name)
        self.clocks.sleep(0.01)
        plan = self.plan
        if plan is not None and plan.step == name:
            plan.nth -= 1
            if plan.nth == 0:
                self.plan = None
                plan.does()

    def die(self) -> None:
        """As kill -9 at this step."""
        self.is_dead = True
        raise Killed

    def stop(self) -> None:
        """As SIGTERM at this step."""
        self.is_stopping = True

    def cycle(self, *, observe: bool = False, plan: Plan | None = None) -> None:
        """One cycle, that may be ended or meddled with at a step."""
        self._run(lambda: run_cycle(replace(self.setup, observe=observe)), plan, observe=observe)

    def backfill(self, since: datetime | None, plan: Plan | None = None) -> None:
        """`--backfill`, that fails where upstream does."""
        self._run(lambda: backfill(self.setup, since, None), plan, observe=True)

    def _run(self, work: Callable[[], object], plan: Plan | None, *, observe: bool) -> None:
        self.moved_in_this_cycle.clear()
        self.plan, self.is_observing = plan, observe
        was_careful, tried = self._is_careful(), self._tries()
        try:
            work()
        except UpstreamError:
            pass
        except Killed:
            pass
        finally:
            self.plan, self.is_observing = None, False
            self.moved_in_this_cycle.clear()
        if self.is_dead or self.is_stopping:
            self.restart()
        if was_careful and self._is_careful():
            self.reached.add("only a canary went")
            assert self._tries() <= tried + 1, "after an outage more than one went before any was answered"

    def _is_careful(self) -> bool:
        """Whether a single delivery goes first: there was an outage, and none was answered since."""
        with self.store.reading() as work:
            return marks.get(work, Mark.CANARY) is not None

    def _tries(self) -> int:
        with self.store.reading() as work:
            return work.conn.execute(select(func.count()).select_from(attempt)).scalar_one()

    # Weather.

    @property
    def is_up(self) -> bool:
        return self.simulator._server is not None

    def refuse(self) -> None:
        """Nobody listens on the port."""
        self.simulator.stop()

    def calm(self) -> None:
        """All is well with upstream."""
        self.simulator.start()
        self.world.set_scenario("calm")
        self.world.clear_faults()
        self.late = 0.0

    # People upstream.

    def reports(self) -> list[str]:
        """The Tracking IDs upstream, in the order of filing."""
        return sorted(one["tracking_id"] for one in self.world.summary()["reports"])

    def act(self, tracking_id: str, act: Callable[[], object]) -> None:
        """Somebody changes a report upstream; a list that does not show it now never shows that by its filter."""
        self.moved_in_this_cycle.add(tracking_id)
        (self.changed_unlisted.add if tracking_id in self.hidden else self.changed_unlisted.discard)(tracking_id)
        act()

    def delete(self, tracking_id: str) -> None:
        self.moved_in_this_cycle.add(tracking_id)
        self.deleted.add(tracking_id)
        self.world.delete(tracking_id)

    def hide(self, tracking_id: str, hidden: bool) -> None:
        self.world.hide(tracking_id, hidden=hidden)
        (self.hidden.add if hidden else self.hidden.discard)(tracking_id)

    def deny(self, tracking_id: str, times: int | None) -> None:
        """Upstream does not know a report that it has: 404 by id, and the list leaves it out."""
        self.denied.add(tracking_id)
        self.hide(tracking_id, True)
        match = {"method": "GET", "path": f"/{self.world.thread(tracking_id)['id']}"}
        self.world.add_faults({"match": match, "times": times, "do": "status:404"})

    # People here.

    def mirrored(self, tracking_id: str) -> Mirrored | None:
        with self.store.reading() as work:
            return reports.load(work, [tracking_id]).get(tracking_id)

    def site_answers_known(self, tracking_id: str) -> frozenset[str] | None:
        """The answers typed on the site that the mirror shows; None where the thread was never read."""
        mine = self.mirrored(tracking_id)
        if mine is None or mine.thread_read_at is None:
            return None
        with self.store.reading() as work:
            shown = {item.id for item in threads.load(work, [tracking_id]).get(tracking_id, ())}
        if tracking_id in self.deleted:
            return frozenset(shown)
        return frozenset(shown & site_answers(self.world.thread(tracking_id)))

    def is_bare(self, tracking_id: str) -> bool:
        """Whether nobody typed an answer on the site yet."""
        return tracking_id not in self.deleted and not site_answers(self.world.thread(tracking_id))

    def respond(self, tracking_id: str, *, is_secret: bool = False) -> None:
        """An officer answers, if the rules let them."""
        mine = self.mirrored(tracking_id)
        may = mine is not None and mine.colour not in CLOSED and mine.vanished_at is None
        may = may and mine is not None and mine.report.disposition_id not in {None, CITY_ID}
        self.written += 1
        text = f"Tanggapan nomor {self.written} atas laporan Anda."
        known = self.site_answers_known(tracking_id)
        try:
            written = office.NewResponse(given_id=tracking_id, text=text, is_secret=is_secret, any_status=True)
            ref = office.respond(self.setup, of_shell("budi"), written)
        except LaporSyncError:
            assert not may, f"a response to {tracking_id} was refused"
            return
        assert may, f"a response to {tracking_id} was taken"
        assert mine is not None
        opd = mine.report.disposition_id or ""
        self._write(ref, tracking_id, "response", opd, text, known, is_secret=is_secret)

    def forward(self, tracking_id: str, to: str) -> None:
        """An OPD says that it is not theirs."""
        mine = self.mirrored(tracking_id)
        try:
            ref = office.forward(self.setup, of_shell("budi"), tracking_id, to, "Bukan kewenangan kami.")
        except LaporSyncError:
            return
        assert mine is not None
        opd = mine.report.disposition_id or CITY_ID
        self._write(ref, tracking_id, "forward", opd, to, frozenset(), is_secret=False)

    def _write(
        self, ref: str, tracking_id: str, kind: str, opd: str, text: str, known: Any, *, is_secret: bool
    ) -> None:
        self.known.letters[ref] = Letter(
            ref=ref,
            number=self.written,
            tracking_id=tracking_id,
            kind=kind,
            opd=opd,
            text=text,
            is_secret=is_secret,
            known=known,
            fine_at=None,
            seen_at=self.known.versions.get(tracking_id, 0),
            was_bare=self.is_bare(tracking_id),
        )

    def change(self, act: OutboxAct, ref: str) -> None:
        """A person moves a delivery; one who may not look on LAPOR first does."""
        before = self.delivery(ref)
        if act is OutboxAct.RETRY and self._stands_though_held(before):
            act = OutboxAct.CANCEL
        try:
            office.change(self.setup, of_shell("siti"), act, ref)
        except LaporSyncError:
            return
        if act is not OutboxAct.RETRY or before.state != "queued":
            self._settled(before)

    def settle_conflict(self, number: int, how: How) -> None:
        """A person settles an open question."""
        with self.store.reading() as work:
            found = conflicts.listing(work)
        if not found:
            return
        one = found[number % len(found)]
        before = self.delivery(one.ref) if one.ref else None
        if how is How.KEEP_OURS and before is not None and self._stands_though_held(before):
            how = How.TAKE_UPSTREAM
        try:
            office.settle(self.setup, of_shell("siti"), one.id, how)
        except LaporSyncError:
            return
        if before is not None:
            self._settled(before)

    def _stands_though_held(self, one: Queued) -> bool:
        """Whether whoever looks on LAPOR first sees it there, and lapor-sync cannot."""
        letter = self.known.letters[one.ref]
        is_unreadable = letter.is_secret or letter.kind == "forward"
        must_look = one.state == "held" and one.reason in MAY_HAVE_ARRIVED
        return (must_look or (letter.is_restored and is_unreadable)) and self.count(letter) > 0

    def _settled(self, before: Queued) -> None:
        """What a person saw when they let a delivery go again, or called it off."""
        letter, after = self.known.letters[before.ref], self.delivery(before.ref)
        if after.state == "queued":
            mine = self.mirrored(letter.tracking_id)
            assert mine is not None
            letter.known = self.site_answers_known(letter.tracking_id)
            letter.was_bare = self.is_bare(letter.tracking_id)
            letter.closed_is_fine = mine.colour in CLOSED
            letter.fine_at = mine.report.disposition_id
            letter.seen_at = self.known.versions.get(letter.tracking_id, 0)
        elif after.state == "cancelled":
            letter.may_stand = before.reason in MAY_HAVE_ARRIVED

    def pause(self) -> None:
        office.pause(self.setup, of_shell("siti"))

    def resume(self) -> None:
        """A person lets deliveries leave again, or is told to wait: they look at no clock that may be wrong."""
        if self.clocks.true - self.restored_at < GRACE:
            return
        with suppress(Refused):
            office.resume(self.setup, of_shell("siti"))

    def is_paused(self) -> bool:
        with self.store.reading() as work:
            return pauses.current(work) is not None

    def back_up(self) -> None:
        """A backup while all runs."""
        check(self)
        file = self._path.with_name("backup.db")
        file.unlink(missing_ok=True)
        backup.copy(self._path, file, at_work=True)
        self.backup = (file, deepcopy(self.known))

    def restore(self) -> None:
        """The database is the older one again. What it does not know is forgotten here, and stands upstream or not."""
        if self.backup is None:
            return
        check(self)
        file, known = self.backup
        self.end()
        put_back(file, self._path, "kota", self.clocks, rules(GRACE), of_shell("siti"))
        self.forgotten |= {ref: one for ref, one in self.known.letters.items() if ref not in known.letters}
        self.known = deepcopy(known)
        for letter in self.known.letters.values():
            letter.is_restored = True
            letter.comes_when_it_comes = letter.comes_when_it_comes or self.count(letter) == 0
        self.restored_at = self.clocks.true
        self.begin()

    @property
    def _path(self) -> Path:
        return Path(self.url.removeprefix("sqlite:///"))

    def export(self) -> None:
        """The admin downloads all reports."""
        as_of = datetime.fromtimestamp(int(self.world.clock.now()), WIB)
        self.exports.append((as_of, [exported(self.world.thread(one)) for one in self.reports()]))

    def take_export(self, number: int) -> None:
        """Someone imports one of the downloads, the last or an older one."""
        if self.exports:
            as_of, rows = self.exports[number % len(self.exports)]
            take_export(self.setup, rows, as_of)

    # Looking.

    def outbox(self) -> list[Queued]:
        with self.store.reading() as work:
            return outbox.listing(work)

    def delivery(self, ref: str) -> Queued:
        with self.store.reading() as work:
            found = outbox.get(work, ref)
        assert found is not None, f"{ref} is lost"
        return found

    def count(self, letter: Letter) -> int:
        """How often it stands upstream."""
        return len(self.places(letter))

    def places(self, letter: Letter) -> list[int]:
        """Where it stands upstream, among what the API stored."""
        if letter.tracking_id in self.deleted:
            return []
        seen = self.world.thread(letter.tracking_id)
        entries = (
            [item["content"] for item in seen["items"] if item["source"] == "api"]
            if letter.kind == "response"
            else [log["content"] for log in seen["logs"]]
        )
        return [place for place, text in enumerate(entries) if letter.ref in text]

    def _stored(self, ref: Any, content: str, **values: Any) -> Any:
        """In the stand-in's thread: the moment at which a response enters a citizen's thread."""
        seen = self.world.thread(ref)
        with self.store.reading() as work:
            mine = outbox.of_reports(work, [seen["tracking_id"]]).get(seen["tracking_id"], [])
            paused = pauses.current(work) is not None
        self.arrivals.append(
            Arrival(
                tracking_id=seen["tracking_id"],
                ref=found[0] if (found := _REF.findall(content)) else "",
                seen=seen,
                states={one.ref: one.state.value for one in mine},
                in_a_gap=seen["tracking_id"] in self.moved_in_this_cycle,
                may_send=not self.is_observing and not paused,
            )
        )
        return self._store_answer(ref, content, **values)

    def contents(self) -> dict[str, list[Any]]:
        """Every row of every table, but for what only says that all is well."""
        with self.store.engine.connect() as conn:
            found = {
                table.name: sorted((tuple(row) for row in conn.execute(table.select())), key=repr)
                for table in metadata.sorted_tables
            }
        found["mark"] = [row for row in found["mark"] if row[1] not in {Mark.LAST_SUCCESS, Mark.ANSWERED}]
        return found


# What the rules say of what the stand-in stores.


def versions(seen: Mapping[str, Any]) -> list[tuple[str, str | None]]:
    """Every status name and disposition that a report had, in order."""
    found: list[tuple[str, str | None]] = [("Belum Terverifikasi", None)]
    for item in seen["items"]:
        status, disposed = found[-1]
        if item["template_code"] == "disposition":
            disposed = item["institution_to_id"]
        found.append((item["status_new"] or status, disposed))
    return found


def site_answers(seen: Mapping[str, Any]) -> set[str]:
    """The answers that were typed on the site itself."""
    return {str(item["id"]) for item in seen["items"] if item["source"] == "site"}


def shown(seen: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The items that the API shows by now, in reading order."""
    items = [item for item in seen["items"] if item["readable"] and not item["is_secret"]]
    return sorted(items, key=lambda item: (item["at"], item["id"]))


def colour_by_status(status: str, disposed: str | None) -> str | None:
    """The rows of the colours' table that need no thread (1 to 3), else None."""
    if status in {"Diarsipkan", "Ditolak"} or (disposed is not None and disposed not in {CITY_ID, *OPD_IDS}):
        return "abu"
    if status == "Selesai" or status.startswith("Ditutup"):
        return "hijau"
    return "merah" if status == "Tunda" else None


def keeps_its_colour(report: Report) -> bool:
    """Whether the status name says nothing, so that the last colour stays."""
    return report.status_name == UNHEARD_OF and report.disposition_id in {None, CITY_ID, *OPD_IDS}


def colour_and_waiting(seen: Mapping[str, Any]) -> tuple[str, str | None]:
    """A report's colour and who is waited for, by the table of `docs/rules.md`, under a status name that it knows."""
    status, disposed = seen["status_name"], seen["disposition_id"]
    plain = colour_by_status(status, disposed)
    if plain is not None:
        return plain, "reporter" if plain == "merah" else None
    speakers = [
        {"citizen": "reporter", "site": "agency", "api": "agency"}.get(item["source"], "")
        if item["template_code"] not in {"disposition", "status"}
        else item["template_code"]
        for item in shown(seen)
    ]
    since = (
        speakers[len(speakers) - speakers[::-1].index("disposition") :] if "disposition" in speakers else speakers
    )
    spoken = [one for one in speakers if one in {"reporter", "agency"}]
    if "agency" in since:
        return "kuning", "reporter" if spoken[-1] == "agency" else "opd"
    if status == "Belum Terverifikasi":
        return "merah", "verifier"
    return "merah", "admin" if disposed == CITY_ID else "opd"


_NEVER_EXPORTED = frozenset(
    {"upstream_id", "date_of_incident", "is_priority", "tags", "updated_at", "updated_at_is_day", "attachments"}
)


def exported(seen: Mapping[str, Any]) -> Report:
    """A report as a row of the admin's export says it."""
    return Report(
        tracking_id=seen["tracking_id"],
        upstream_id=None,
        status_name=seen["status_name"],
        title=seen["title"],
        content=seen["content"],
        channel=seen["channel"],
        disposition_id=seen["disposition_id"],
        disposition_name=seen["disposition_name"],
        classification=seen["classification"],
        category=seen["category"],
        is_anonymous=seen["is_anonymous"],
        is_secret=seen["is_secret"],
        created_at=datetime.fromisoformat(seen["created_at"]),
        missing=_NEVER_EXPORTED,
    )


# What must be so.


def check(town: Town) -> None:
    """After every step: nothing twice, nothing lost, in order, nothing older over newer, all of it audited."""
    while town.arrivals:
        _check_arrival(town, town.arrivals.pop(0))
    with town.store.reading() as work:
        mine = outbox.listing(work)
        mirror = reports.load(work, reports.ids_after(work, "", 1_000))
        items = threads.load(work, mirror)
        asked = [one for one in conflicts.listing(work) if one.ref is not None]
        _read_audit(town, work)
    _check_letters(town, {one.ref: one for one in mine})
    _check_order(town)
    _check_questions(mine, asked)
    _check_nothing_older(town, mirror, {key: frozenset(item.id for item in talk) for key, talk in items.items()})
    for one in mirror.values():
        told = town.known.audited_colours.get(one.tracking_id, (None, None))
        assert told == (one.colour, one.agreed), f"{one.tracking_id} is {one.colour}, {one.agreed}, audited {told}"
    for delivery in mine:
        assert town.known.audited_states[delivery.ref] == delivery.state, (
            f"{delivery.ref} moved without its audit row"
        )


def _check_arrival(town: Town, one: Arrival) -> None:
    """Nothing enters a thread that was not claimed first, that must be held, or that is not its turn."""
    letter = town.known.letters[one.ref]
    what = f"{one.ref} came to {one.tracking_id}"
    assert one.may_send, f"{what} while nothing may leave"
    assert letter.tracking_id == one.tracking_id, f"{what}, not to {letter.tracking_id}"
    assert one.states[one.ref] == "sending", f"{what} while {one.states[one.ref]}"
    refs = [
        ref
        for ref, other in town.known.letters.items()
        if other.tracking_id == one.tracking_id and ref in one.states
    ]
    before = refs[: refs.index(one.ref)]
    blocking = [ref for ref in before if one.states[ref] in {*ON_ITS_WAY, "held"}]
    assert not blocking, f"{what} before {blocking}"
    if one.in_a_gap:
        return  # between the last read and the send: a gap that no client can close
    colour = colour_by_status(one.seen["status_name"], one.seen["disposition_id"])
    assert colour not in CLOSED or letter.closed_is_fine, f"{what}, which is {colour}"
    new = site_answers(one.seen) - (letter.known or frozenset())
    assert not new, f"{what} over foreign answers {new}"
    disposed = one.seen["disposition_id"]
    assert disposed in {None, letter.opd, letter.fine_at}, f"{what}, which is with {disposed}, not {letter.opd}"


def _check_letters(town: Town, mine: Mapping[str, Queued]) -> None:
    for ref in mine.keys() & town.forgotten.keys():
        assert (mine[ref].state, mine[ref].reason) == ("sent", "recovered"), f"{ref} is {mine[ref].state}"
        town.known.letters[ref] = town.forgotten.pop(ref)
    assert mine.keys() == town.known.letters.keys(), "the outbox holds other responses than were written"
    for ref, one in mine.items():
        letter = town.known.letters[ref]
        letter.comes_when_it_comes = letter.comes_when_it_comes or one.state == "refused"
        if letter.tracking_id in town.deleted:
            continue
        count = town.count(letter)
        what = f"{ref} is {one.state} ({one.reason}) and stands {count} times in {letter.tracking_id}"
        assert count <= 1, what
        if one.state == "sent":
            assert count == 1 or _is_typed(town, letter), what
        elif not _may_stand(letter, one):
            assert count == 0, what
        if one.state == "held":
            assert _is_right_to_hold(town, letter, one), (
                f"{ref} is held for {one.reason}, written at {letter.seen_at} of "
                f"{versions(town.world.thread(letter.tracking_id))}"
            )


def _may_stand(letter: Letter, one: Queued) -> bool:
    """Whether it may stand upstream though it is not known to."""
    if letter.is_restored:
        return True
    if one.state == "held":
        return one.reason in MAY_HAVE_ARRIVED
    return one.state in {"sending", "unknown"} or (one.state == "cancelled" and letter.may_stand)


def _is_typed(town: Town, letter: Letter) -> bool:
    """Whether somebody typed the same words on the site."""
    items = town.world.thread(letter.tracking_id)["items"]
    return any(item["source"] == "site" and item["content"] == letter.text for item in items)


def _is_right_to_hold(town: Town, letter: Letter, one: Queued) -> bool:
    """Whether the rules have this reason for this delivery."""
    seen = town.world.thread(letter.tracking_id)
    since = versions(seen)[letter.seen_at :]
    match one.reason:
        case "by_person":
            return True
        case "answered_elsewhere":
            # A thread that was not known, and has no answer where it is read first, is known from then on.
            known = frozenset() if letter.known is None and letter.was_bare else letter.known
            return known is not None and bool(site_answers(seen) - known)
        case "first_read":
            return letter.known is None and bool(site_answers(seen))
        case "closed_since":
            return any(colour_by_status(*each) in CLOSED for each in since)
        case "unknown_status":
            return any(status == UNHEARD_OF for status, _ in since)
        case "disposed_elsewhere":
            return any(disposed not in {None, letter.opd} for _, disposed in since)
        case (
            "both_moved"
        ):  # until that question is settled, whatever is written meanwhile waits for the answer too
            others = [
                other for other in town.outbox() if other.tracking_id == one.tracking_id and other.ref != one.ref
            ]
            is_open = any(other.state == "held" and other.reason == "both_moved" for other in others)
            return is_open or any(colour_by_status(*each) in CLOSED for each in since)
        case "not_found_again":
            return one.delivery.tries >= 9
        case "barred":
            return one.delivery.tries >= 2
        case "cannot_read_back":
            return letter.is_secret
        case "gone_upstream":
            return letter.tracking_id in town.denied
        case "forward_not_found":
            return letter.kind == "forward" and (letter.is_restored or town.count(letter) == 0)
        case _:
            return False


def _check_order(town: Town) -> None:
    """A report's responses stand in the order of writing; one that was refused and retried comes when it comes."""
    for tracking_id in {letter.tracking_id for letter in town.known.letters.values()} - town.deleted:
        letters = [
            letter
            for letter in town.known.letters.values()
            if letter.tracking_id == tracking_id and letter.kind == "response" and not letter.comes_when_it_comes
        ]
        letters.sort(key=lambda letter: letter.number)
        places = [place for letter in letters for place in town.places(letter)]
        assert places == sorted(places), f"{tracking_id} has its responses in another order: {places}"


def _check_questions(mine: list[Queued], asked: list[conflicts.Conflict]) -> None:
    """What is held is asked of a person, and nothing else is."""
    held = {(one.ref, str(one.reason)) for one in mine if one.state == "held" and one.reason in ASKS_A_PERSON}
    questions = {(one.ref or "", one.kind) for one in asked}
    assert held == questions, f"held {held}, asked {questions}"


def _check_nothing_older(town: Town, mirror: Mapping[str, Mirrored], items: Mapping[str, frozenset[str]]) -> None:
    """No time goes back, no item goes, and no report is shown as it was before it was as it was shown."""
    for tracking_id, old in town.known.last.items():
        new = mirror.get(tracking_id)
        assert new is not None, f"{tracking_id} is lost"
        for name, was, now in (
            ("updated_at", old.report.updated_at, new.report.updated_at),
            ("read_at", old.read_at, new.read_at),
            ("thread_read_at", old.thread_read_at, new.thread_read_at),
        ):
            assert was is None or (now is not None and now >= was - A_SECOND), (
                f"{tracking_id}: {name} {was} then {now}"
            )
        gone = town.known.last_items.get(tracking_id, frozenset()) - items.get(tracking_id, frozenset())
        assert not gone, f"{tracking_id}: {gone} left the mirrored thread"
    for tracking_id in mirror.keys() - town.deleted:
        so = (mirror[tracking_id].report.status_name, mirror[tracking_id].report.disposition_id)
        all_of_it = versions(town.world.thread(tracking_id))
        at = town.known.versions.get(tracking_id, 0)
        place = next((n for n in range(at, len(all_of_it)) if _may_be_shown(town, so, all_of_it[n:])), None)
        assert place is not None, f"{tracking_id} went back to {so}"
        town.known.versions[tracking_id] = place
        _check_unheard_of(town.known.last.get(tracking_id), mirror[tracking_id])
    town.known.last, town.known.last_items = dict(mirror), dict(items)


def _may_be_shown(town: Town, so: tuple[str, str | None], later: list[tuple[str, str | None]]) -> bool:
    """Whether the mirror may show the first of these versions so: an export fills the gap of a disposition."""
    status, disposed = later[0]
    is_filled = bool(town.exports) and disposed is None and so[1] in {each for _, each in later}
    return so[0] == status and (so[1] == disposed or is_filled)


def _check_unheard_of(old: Mirrored | None, new: Mirrored) -> None:
    """Under a status name that nobody knows the last colour stays, and it is shown that it is not known."""
    keeps = keeps_its_colour(new.report)
    flags = {str(flag) for flag in new.verdict.flags}
    assert ("unknown_status" in flags) == keeps, f"{new.tracking_id} is {new.report.status_name} with {flags}"
    if keeps and old is not None and keeps_its_colour(old.report):
        assert new.colour == old.colour, f"{new.tracking_id} was {old.colour}, and is {new.colour} for no reason"


def _read_audit(town: Town, work: Work) -> None:
    """Follow every colour and every delivery by its audit rows; each row begins where the one before it ended."""
    for row in audit.rows(work.conn, work.agency):
        if int(str(row["seq"])) <= town.known.audit_seq:
            continue
        town.known.audit_seq = int(str(row["seq"]))
        subject, data = str(row["subject"]), cast(dict[str, Any], row["data"])
        _note_reached(town, str(row["what"]), data)
        if row["what"] == "colour":
            was = town.known.audited_colours.get(subject, (None, None))[0]
            assert was == data["before"], f"the audit has {subject} {was}, then from {data['before']}"
            town.known.audited_colours[subject] = (data["after"], data["agreed"])
        elif row["what"] == "agreed":
            town.known.audited_colours[subject] = (town.known.audited_colours[subject][0], data["agreed"])
        elif row["what"] == "delivery_written":
            town.known.audited_states[data["ref"]] = data["state"]
        elif row["what"] == "delivery_moved":
            assert town.known.audited_states[data["ref"]] == data["from"], data
            town.known.audited_states[data["ref"]] = data["to"]


def _note_reached(town: Town, what: str, data: Mapping[str, Any]) -> None:
    """What this history came to, in the audit's words: a search is worth as much as what it reached."""
    match what:
        case "delivery_moved":
            town.reached.add(f"{data['from']} to {data['to']}: {data.get('reason')}")
        case "colour":
            town.reached.add(f"colour: {data['decision']}")
        case "attempt":
            town.reached.add(f"attempt: {data['outcome']}")
        case _:
            town.reached.add(what)


# In the end.


def settle(town: Town, *, within: float = 4_200) -> None:
    """The world is calm, time goes on, the daemon works: all that moves by itself comes to rest within so long."""
    town.calm()
    for one in town.reports():
        town.world.uncorrupt(one)
    for one in sorted(town.denied - town.deleted):
        town.hide(one, False)
    until = town.clocks.true + within
    cycles = 0
    while cycles < 3 or (wrong := problems(town)):
        assert town.clocks.true < until, "; ".join(wrong)
        town.cycle()
        check(town)
        town.clocks.sleep(POLL)
        town.resume()
        cycles += 1
    with town.store.reading() as work:
        audit.verify(work.conn, work.agency)


def settle_for_good(town: Town) -> None:
    """Then days pass: what only a night or a week brings is right too, and a cycle without news does nothing."""
    settle(town)
    for one in sorted(town.hidden - town.deleted):
        town.hide(one, False)
    for _ in range(10):
        town.clocks.sleep(25 * 3600)
        town.cycle()
        check(town)
    settle(town)
    wrong = final_problems(town)
    assert not wrong, "; ".join(wrong)
    for _ in range(5):
        if all(_is_quiet(town) for _ in range(2)):
            return
    raise AssertionError(f"a cycle without news still does something: {_news(town)}")


def _is_quiet(town: Town) -> bool:
    return not _news(town)


def _news(town: Town) -> list[str]:
    """What one more cycle writes and asks for beyond the list."""
    town.clocks.sleep(POLL)
    before = town.contents()
    town.world.reset_requests()
    town.cycle()
    routes = town.world.requests(0)["routes"]
    after = town.contents()
    rows = [f"{name}: {set(after[name]) ^ set(before[name])}" for name in after if after[name] != before[name]]
    return rows + [route for route in routes if route != "GET /complaints"]


def problems(town: Town) -> list[str]:
    """In what mirror, world and outbox are not yet as they must be within the hour."""
    mine = town.outbox()
    stuck = [one for one in mine if one.state.value in ON_ITS_WAY and not _may_wait(town, one, mine)]
    wrong = [f"{one.ref} of {one.tracking_id} is still {one.state} ({one.reason})" for one in stuck]
    return wrong or _mirror_problems(town, town.hidden | town.changed_unlisted)


def _may_wait(town: Town, one: Queued, mine: list[Queued]) -> bool:
    """Whether the rules let it wait: behind one that is held, or for a report that is to be marked as gone."""
    before = [other for other in mine if other.tracking_id == one.tracking_id]
    before = before[: before.index(one)]
    is_behind = any(other.state == "held" for other in before)
    return one.tracking_id in town.deleted or (one.state == "queued" and is_behind)


def _mirror_problems(town: Town, but: set[str]) -> list[str]:
    wrong = []
    with town.store.reading() as work:
        mirror = reports.load(work, reports.ids_after(work, "", 1_000))
        items = threads.load(work, mirror)
    for tracking_id in town.reports():
        if tracking_id in but:
            continue
        mine, seen = mirror.get(tracking_id), town.world.thread(tracking_id)
        if mine is None:
            wrong.append(f"{tracking_id} is not mirrored")
            continue
        kept = (mine.colour, mine.verdict.waiting_on)
        ours = (mine.report.status_name, mine.report.disposition_id, *kept)
        told = kept if keeps_its_colour(mine.report) else colour_and_waiting(seen)
        theirs = (seen["status_name"], seen["disposition_id"], *told)
        talk = {item.id for item in items.get(tracking_id, ())}
        if ours != theirs or talk != {str(item["id"]) for item in shown(seen)} or mine.vanished_at:
            wrong.append(f"{tracking_id} is mirrored as {ours} with {len(talk)} items, not {theirs}")
    return wrong


def final_problems(town: Town) -> list[str]:
    """In what the mirror is not as it must be after days."""
    mine = town.outbox()
    wrong = problems(town) + _mirror_problems(town, set())
    with town.store.reading() as work:
        bad = quarantine.listing(work)
        mirror = reports.load(work, reports.ids_after(work, "", 1_000))
        if outages.current(work):
            wrong.append("the outage lasts")
    wrong += [f"{one.report_id} is in quarantine" for one in bad]
    for tracking_id in town.deleted & mirror.keys():
        one_gone = mirror[tracking_id]
        if one_gone.vanished_at is None and one_gone.read_at is not None and one_gone.colour not in CLOSED:
            wrong.append(f"{tracking_id} is gone and not marked")
    for one in mine:
        if one.tracking_id in town.deleted:
            if one.state.value in ON_ITS_WAY and not _is_behind_held(one, mine):
                wrong.append(f"{one.ref} of {one.tracking_id}, which is gone, is {one.state}")
        elif one.state == "sent" and _ought_to_be_seen(town, one) and one.seen_at is None:
            wrong.append(f"{one.ref} was sent and never seen")
    wrong += _flag_problems(town, mirror)
    return wrong


def _ought_to_be_seen(town: Town, one: Queued) -> bool:
    letter = town.known.letters[one.ref]
    return letter.kind == "response" and not letter.is_secret and town.count(letter) > 0


def _is_behind_held(one: Queued, mine: list[Queued]) -> bool:
    return any(other.state == "held" for other in mine if other.tracking_id == one.tracking_id)


def _flag_problems(town: Town, mirror: Mapping[str, Mirrored]) -> list[str]:
    wrong = []
    for tracking_id, one in mirror.items():
        flags = {str(flag) for flag in one.verdict.flags}
        if "seen_twice" in flags or ("vanished" in flags) != (one.vanished_at is not None):
            wrong.append(f"{tracking_id} has the flags {flags}")
        if tracking_id not in town.deleted and _is_handed_over(town, tracking_id) is (
            "forward_requested" not in flags
        ):
            wrong.append(f"{tracking_id} has the flags {flags}, which is wrong of its hand-overs")
    return wrong


def _is_handed_over(town: Town, tracking_id: str) -> bool | None:
    """Whether a hand-over is known to be sent and the disposition did not change since; None where times do not tell."""
    seen = town.world.thread(tracking_id)
    sent = [
        seen["logs"][place]["at"]
        for one in town.outbox()
        if one.tracking_id == tracking_id and one.state == "sent" and town.known.letters[one.ref].kind == "forward"
        for place in town.places(town.known.letters[one.ref])
    ]
    disposed = [item["at"] for item in seen["items"] if item["template_code"] == "disposition"]
    if not sent:
        return False
    return True if not disposed or max(disposed) < max(sent) else None


@contextmanager
def town(url: str, luck: int, *, past: int = 2, page_cap: int = 3) -> Iterator[Town]:
    """A town with `past` older reports, pages of so many rows, and turns in the order of `luck`."""
    clocks = Clocks()
    options = Options(seed=luck, reports=past, page_cap=page_cap, start=START, speed=0.0)
    with ExitStack() as stack, Simulator(options, port=_free_port()) as simulator:
        here: list[Town] = []
        turns = Turns(Random(luck), lambda: bool(here) and here[0].is_dead)
        stack.enter_context(clockwork(clocks, turns))
        here.append(Town(simulator=simulator, clocks=clocks, url=url, stack=stack))
        try:
            yield here[0]
        finally:
            here[0].end()


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
