"""`lapor-sync demo`: a week of one city in under a minute, stand-in and daemon together, nothing left behind.

Simulated time runs some ten thousand times as fast as real time; the program itself is the real one, unchanged:
its cycles, its database, its outbox. Only the officers are played here: they write a response now and then.
"""

from __future__ import annotations

import secrets
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import cycle as endlessly
from pathlib import Path
from random import Random
from threading import Event, Thread

import structlog

from connectors.simulator import CITY_ID, OPD_IDS, Options, Simulator
from connectors.simulator.clock import SimClock
from lapor_sync import interface, screens
from lapor_sync.app import App
from lapor_sync.config import load_settings
from lapor_sync.domain.colour import Colour, WaitingOn
from lapor_sync.domain.delivery import State
from lapor_sync.domain.people import SecondFactor, of_shell
from lapor_sync.domain.ports import Uptime
from lapor_sync.listening import Address
from lapor_sync.office import NewResponse, respond
from lapor_sync.output import say
from lapor_sync.store import audit, outbox, overview, queries, reports
from lapor_sync.store.database import Store, Work
from lapor_sync.store.dossier import dossier
from lapor_sync.store.reports import Mirrored
from lapor_sync.sync.cycle import run_cycle
from lapor_sync.sync.setup import Setup
from lapor_sync.web.board import Board
from lapor_sync.web.demonstration import cast, demonstration
from lapor_sync.web.listening import address_of
from lapor_sync.web.serving import need_free, serve
from lapor_sync.web.site import make_site

DAYS = 7
SECONDS_A_DAY = 5.0
"""Real seconds for one simulated day."""

REPORTS = 90
LATE_OPD = "611"
"""The OPD that does not answer all week."""

LOST_ON_DAY = 3
"""On this day one reply of LAPOR's is lost on its way back."""

ANSWERS = (
    "Terima kasih atas laporannya. Petugas kami sudah meninjau lokasi dan pekerjaan dimulai minggu ini.",
    "Laporan Saudara sudah kami tindak lanjuti bersama kelurahan setempat. Mohon kesediaannya memantau hasilnya.",
    "Terima kasih. Perbaikan sudah selesai dikerjakan hari ini; silakan menghubungi kami bila masih ada kendala.",
    "Kami sudah menjadwalkan penanganan pada hari kerja berikutnya. Terima kasih atas kesabarannya.",
)


@dataclass
class SimulatedClock:
    """The program's wall clock shows the stand-in's time, so that its deadlines are the simulated week's."""

    begin: datetime
    speed: float
    zero: float = field(default_factory=time.monotonic)

    def now(self) -> datetime:
        """Simulated now."""
        return self.begin + timedelta(seconds=(time.monotonic() - self.zero) * self.speed)

    def slow_down(self) -> None:
        """From now on time passes as it does."""
        self.begin, self.zero, self.speed = self.now(), time.monotonic(), 1.0

    def monotonic(self) -> float:
        """Real seconds."""
        return time.monotonic()

    def uptime(self) -> Uptime:
        """Real seconds."""
        return Uptime("demo", time.monotonic())

    def sleep(self, seconds: float) -> None:
        """Real seconds."""
        time.sleep(seconds)


def run(days: int = DAYS, seconds_a_day: float = SECONDS_A_DAY, *, board: str | None = None) -> None:
    """Play the week and show what came of it; `board`: then serve the board over that city, at this address."""
    address = address_of(board, None) if board is not None else None
    if address is not None:
        need_free(address)
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())  # the demo tells its own story
    begin = datetime.now(UTC).replace(microsecond=0) - timedelta(days=days)
    speed = 86400 / seconds_a_day
    options = Options(seed=4, reports=REPORTS, speed=speed, life=True, start=begin, pictures=True)
    clock = SimulatedClock(begin=begin, speed=speed)
    with tempfile.TemporaryDirectory(prefix="lapor-sync-demo-") as folder, Simulator(options) as stand_in:
        app = App(settings=load_settings(None, _environ(stand_in, Path(folder))), clock=clock)
        app.log = structlog.get_logger()
        with app.working("demo") as setup:
            week = _Week(setup=setup, stand_in=stand_in, clock=clock, days=days)
            week.play()
            week.show()
            if address is None:
                say(f"\n{screens.bold('Try next')}\n{NEXT}")
            else:
                week.open_board(address)


def _environ(stand_in: Simulator, folder: Path) -> dict[str, str]:
    settings = {
        "DATABASE_URL": f"sqlite:///{folder / 'demo.db'}",
        "UPSTREAM_URL": stand_in.url,
        "BEARER": "simulator",
        "TOKEN": "{00000000-0000-0000-0000-000000000000}",
        "INSTITUTION_ID": CITY_ID,
        "USER_ID": "1",
        "OPD_IDS": ",".join(OPD_IDS),
        "POLL_SECONDS": "0.5",
        "RATE_PER_SECOND": "0",
        "READBACK_GRACE_SECONDS": "1",
    }
    return {f"LAPOR_SYNC_{name}": value for name, value in settings.items()}


@dataclass
class _Week:
    """The week under way."""

    setup: Setup
    stand_in: Simulator
    clock: SimulatedClock
    days: int
    dice: Random = field(default_factory=lambda: Random(4))
    answers: Iterator[str] = field(default_factory=lambda: endlessly(ANSWERS))

    @property
    def store(self) -> Store:
        return self.setup.store

    def play(self) -> None:
        """Mirror the city, then work cycle after cycle while officers answer."""
        begins = "Kota Bengkulu on LAPOR. lapor-sync begins."
        say(f"{screens.bold(begins)}\n")
        tally = run_cycle(self.setup).tally
        say(f"Mirrored {tally.new} reports. Now a week passes, a day every few seconds.\n")
        end = self.clock.begin + timedelta(days=self.days)
        told = -1
        while (now := self.clock.now()) < end:
            day = (now - self.clock.begin).days
            if day != told:
                told = day
                self._begin_day(day)
            self._let_officers_answer()
            run_cycle(self.setup)
            time.sleep(0.2)
        self._find_what_was_lost()

    def _begin_day(self, day: int) -> None:
        with self.store.reading() as work:
            counts, late = overview.colours(work), overview.count_overdue(work)
            sent = outbox.counts(work)[State.SENT]
        today = (self.clock.begin + timedelta(days=day)).astimezone(self.setup.rules.working_days.timezone)
        date = today.strftime("%a %d %b")
        shades = "  ".join(f"{screens.shade(name.value)} {counts[name]:3}" for name in Colour)
        say(f"{date}  {shades}   overdue {late:2}   responses delivered {sent:3}")
        if day == LOST_ON_DAY:
            self.stand_in.world.add_faults(
                {"match": {"method": "POST", "path": "followup/add"}, "do": "close-after", "times": 1}
            )
            say("           somewhere on the way back, one reply of LAPOR is lost today")

    def _let_officers_answer(self) -> None:
        """Some of the reports that wait for an OPD get a response; the late OPD writes none."""
        with self.store.reading() as work:
            waiting = [one.report.tracking_id for one in overview.reports(work) if self._is_due(one.report)]
            busy = {one.tracking_id for one in outbox.listing(work) if one.state not in {"sent", "cancelled"}}
        for tracking_id in waiting:
            if tracking_id not in busy and self.dice.random() < 0.12:
                written = NewResponse(given_id=tracking_id, text=next(self.answers), by="petugas", again=True)
                respond(self.setup, of_shell("budi"), written)

    def _is_due(self, one: Mirrored) -> bool:
        opd = one.report.disposition_id
        return one.verdict.waiting_on is WaitingOn.OPD and opd not in {None, LATE_OPD, CITY_ID} and opd in OPD_IDS

    def _find_what_was_lost(self) -> None:
        """A few more cycles, so that nothing is on its way any more."""
        for _ in range(20):
            with self.store.reading() as work:
                counts = outbox.counts(work)
            if not counts[State.QUEUED] and not counts[State.UNKNOWN]:
                return
            run_cycle(self.setup)
            time.sleep(0.2)

    # The city stays.

    def open_board(self, address: Address) -> None:
        """Serve the board until this process is told to end, while cycles go on and time passes as it does."""
        self.clock.slow_down()
        self.stand_in.world.clock = SimClock(self.clock.now(), 1.0)
        board = Board(
            mirror=self.setup,
            secret=secrets.token_bytes(32),
            host=address.host,
            city="Kota Bengkulu",
            second_factor=SecondFactor.NONE,  # its people are clicked, and nobody's
            files=self.setup.keeping.folder if self.setup.keeping else None,
        )
        site = make_site(board)
        site.register_blueprint(demonstration(cast(self.store, LATE_OPD)))
        cycles = _Cycles(self.setup)
        cycles.start()
        try:
            serve(site, address, most_bytes=board.most_bytes, trusted_proxy=None, listening=_say_board)
        finally:
            cycles.end()

    # What came of it.

    def show(self) -> None:
        """A table by colour and OPD, one report's timeline, and the audit."""
        with self.store.reading() as work:
            say()
            opds = interface.opds(queries.by_opd(work))
            screens.by_opd(opds)
            self._show_late(opds)
            self._show_lost(work)
            head = audit.verify(work.conn, work.agency)
            counts = outbox.counts(work)
        say(f"\n{screens.bold('Audit')}  ok: {head.count} rows, head {head.hash[:16]}…")
        say(f"{screens.bold('Outbox')} {', '.join(f'{n} {state}' for state, n in counts.items() if n)}")
        self._show_proof()

    def _show_late(self, opds: list[interface.Json]) -> None:
        for one in opds:
            if one["opd"] == LATE_OPD:
                say(
                    f"\n{one['opd_name']} answered nothing all week:\n"
                    f"{screens.shade('merah')} {one['merah']}, overdue {one['overdue']}. "
                    f"In a real city: `lapor-sync reports --opd {LATE_OPD} --overdue`."
                )

    def _show_lost(self, work: Work) -> None:
        one = _lost_and_found(work)
        if one is None:
            return
        found = interface.show(dossier(work, one), work.now, ())
        say("\n" + screens.bold(f"Report {one.tracking_id}: a reply was lost, and the answer was found again"))
        screens.timeline(found["timeline"], self.setup.rules.working_days.timezone)

    def _show_proof(self) -> None:
        """Count in the stand-in's own threads how often each response stands there."""
        with self.store.reading() as work:
            sent = [one for one in outbox.listing(work) if one.state == "sent"]
        times = [
            sum(one.ref in item["content"] for item in self.stand_in.world.thread(one.tracking_id)["items"])
            for one in sent
        ]
        exactly = "each exactly once" if set(times) == {1} else f"NOT each once: {sorted(set(times))}"
        say(f"{screens.bold('LAPOR')}  {len(sent)} responses delivered, {exactly} in the citizens' threads")


class _Cycles(Thread):
    """Cycle after cycle, as the daemon would."""

    def __init__(self, setup: Setup) -> None:
        super().__init__(daemon=True)
        self._setup = setup
        self._over = Event()

    def run(self) -> None:
        while not self._over.wait(2):
            run_cycle(self._setup)

    def end(self) -> None:
        """Let the cycle in the air be the last."""
        self._over.set()
        self.join()


def _say_board(address: Address) -> None:
    say(f"\nBoard at {address.url}/demo\nCtrl-C ends it, and removes the city.")
    sys.stdout.flush()


def _lost_and_found(work: Work) -> reports.Mirrored | None:
    """The report whose delivery had an attempt of unknown outcome."""
    for one in outbox.listing(work):
        if any(attempt.outcome == "unknown" for attempt in outbox.attempts_of(work, [one.ref]).get(one.ref, [])):
            return reports.find(work, one.tracking_id)
    return None


NEXT = """\
  lapor-sync demo --board       the same city, which stays, with the board over it
  lapor-sync simulator          a stand-in to rehearse with, and its settings
  lapor-sync check              with your city's settings: is all right?
  lapor-sync --backfill         mirror your city; then `lapor-sync status`
"""
