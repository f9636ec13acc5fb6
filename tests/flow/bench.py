"""A workbench: the real simulator on loopback, the real connector, a real database, a clock that can be pushed."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch
from zoneinfo import ZoneInfo

import pytest

from connectors.simulator import Options, Simulator
from connectors.sp4n_v3 import Sp4nSettings, Sp4nV3
from connectors.transport import Transport, TransportSettings
from lapor_sync import office
from lapor_sync.domain.calendar import WorkingDays
from lapor_sync.domain.delivery import State
from lapor_sync.domain.limits import load_calendar, load_limits, packaged
from lapor_sync.domain.people import of_shell
from lapor_sync.domain.ports import Uptime
from lapor_sync.mirror.mirror import Pace, Rules
from lapor_sync.store import conflicts, marks, outbox, reports, threads
from lapor_sync.store.conflicts import Conflict
from lapor_sync.store.database import Store, open_store
from lapor_sync.store.marks import Mark
from lapor_sync.store.outbox import Queued
from lapor_sync.store.reports import Mirrored
from lapor_sync.store.schema import metadata
from lapor_sync.sync.cycle import CycleResult, run_cycle
from lapor_sync.sync.setup import Setup
from tests import oracle
from tests.databases import migrated_sqlite

ON_BOTH = pytest.mark.usefixtures("both")
"""For a module whose cities live on SQLite and on PostgreSQL in turn."""

ON_SQLITE = pytest.mark.parametrize("both", ["sqlite"], indirect=True)
"""For a test that takes the database's file in its hands."""

START = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
TOKEN = "{00000000-0000-0000-0000-000000000000}"
OPD, OTHER_OPD, OUTSIDE = "611", "612", "701"


class Killed(BaseException):
    """What a test throws where a process would be killed."""


class PushedClock:
    """Real time, carried to START and pushed ahead by `advance` and `sleep`. `jump` moves the wall clock alone."""

    def __init__(self, push: Callable[[float], object]) -> None:
        self._push = push
        self._zero = time.monotonic()
        self._ahead = 0.0
        self.jump = timedelta()

    def now(self) -> datetime:
        return START + timedelta(seconds=self.monotonic()) + self.jump

    def uptime(self) -> Uptime:
        return Uptime("bench", self.monotonic())

    def monotonic(self) -> float:
        return time.monotonic() - self._zero + self._ahead

    def sleep(self, seconds: float) -> None:
        self.advance(max(seconds, 0))

    def advance(self, seconds: float) -> None:
        self._ahead += seconds
        self._push(seconds)


@dataclass
class Log:
    """Keeps what is logged."""

    events: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)

    def info(self, event: str, **values: Any) -> None:
        self.events.append(("info", event, values))

    def warning(self, event: str, **values: Any) -> None:
        self.events.append(("warning", event, values))

    def error(self, event: str, **values: Any) -> None:
        self.events.append(("error", event, values))

    def named(self, event: str) -> list[dict[str, Any]]:
        """The values of every event of that name."""
        return [values for _, name, values in self.events if name == event]


def rules(grace: float = 5) -> Rules:
    """The simulated city's rules."""
    days = WorkingDays.of(ZoneInfo("Asia/Jakarta"), load_calendar(""))
    return Rules(
        city=oracle.CITY, limits=load_limits(packaged()), working_days=days, grace=timedelta(seconds=grace)
    )


@dataclass
class Bench:
    """One city: its upstream, its mirror, its clock."""

    simulator: Simulator
    clock: PushedClock
    path: Path
    setup: Setup
    log: Log
    stack: ExitStack

    @property
    def world(self) -> Any:
        return self.simulator.world

    @property
    def store(self) -> Store:
        return self.setup.store

    # What happens.

    def cycle(self, **changes: Any) -> CycleResult:
        """One cycle of the program."""
        return run_cycle(replace(self.setup, **changes) if changes else self.setup)

    def cycles(self, count: int, *, apart: float = 400, real: float = 0.0) -> None:
        """So many cycles, so many pushed seconds (and real ones) between them."""
        for _ in range(count):
            self.cycle()
            self.pass_time(apart, real)

    def pass_time(self, seconds: float = 400, real: float = 0.0) -> None:
        """Let time pass here and upstream."""
        time.sleep(real)
        self.clock.advance(seconds)

    def settle_down(self) -> None:
        """Mirror everything and let it come to rest, so that only what happens next counts."""
        self.cycle()
        self.pass_time()
        self.cycle()
        self.pass_time()
        self.world.reset_requests()

    def restart(self, **changes: Any) -> None:
        """The process is gone: a new one with nothing but the database."""
        self.setup = setup_on(self.stack, self.simulator, self.clock, self.path, self.log, self.setup.rules)
        self.setup = replace(self.setup, **changes)

    def report(self, *, opd: str | None = OPD, **values: Any) -> str:
        """A citizen files a report that goes straight to an OPD; its Tracking ID."""
        filed: str = self.world.file_report(opd=opd, **values)["tracking_id"]
        return filed

    def respond(self, tracking_id: str, text: str = "Sudah kami perbaiki.", **values: Any) -> str:
        """An officer writes a response; its reference. Many tests write the same words: here nobody asks."""
        written = office.NewResponse(given_id=tracking_id, text=text, **{"again": True, **values})
        return office.respond(self.setup, of_shell("budi"), written)

    # What is so.

    def mirrored(self, tracking_id: str) -> Mirrored:
        """A report as the mirror holds it."""
        with self.store.reading() as work:
            return reports.load(work, [tracking_id])[tracking_id]

    def all_mirrored(self) -> dict[str, Mirrored]:
        with self.store.reading() as work:
            return reports.load(work, reports.ids_after(work, "", 1_000_000))

    def thread(self, tracking_id: str) -> tuple[Any, ...]:
        with self.store.reading() as work:
            return threads.load(work, [tracking_id]).get(tracking_id, ())

    def delivery(self, ref: str) -> Queued:
        with self.store.reading() as work:
            found = outbox.get(work, ref)
        assert found is not None
        return found

    def state(self, ref: str) -> State:
        return self.delivery(ref).state

    def outbox(self) -> list[Queued]:
        with self.store.reading() as work:
            return outbox.listing(work)

    def conflicts(self) -> list[Conflict]:
        with self.store.reading() as work:
            return conflicts.listing(work)

    def mark(self, name: Mark) -> str | None:
        with self.store.reading() as work:
            return marks.get(work, name)

    def arrived(self, tracking_id: str) -> list[str]:
        """What stands upstream by our hand, in the order in which it was stored."""
        return oracle.arrived(self.world, tracking_id)

    def requests(self) -> dict[str, int]:
        """Calls by route since they were last counted; counting begins anew."""
        routes: dict[str, int] = self.world.requests(0)["routes"]
        self.world.reset_requests()
        return routes

    def contents(self) -> dict[str, list[Any]]:
        """Every row of every table."""
        with self.store.engine.connect() as conn:
            return {
                table.name: [tuple(row) for row in conn.execute(table.select()).all()]
                for table in metadata.sorted_tables
            }


def url_of(path: Path) -> str:
    """Where the city of that path is kept, its tables in it; the fixture `both` puts PostgreSQL in its place."""
    if not path.exists():
        shutil.copyfile(migrated_sqlite(), path)
    return f"sqlite:///{path}"


def setup_on(
    stack: ExitStack, simulator: Simulator, clock: Any, path: Path, log: Log, its_rules: Rules, **pace: Any
) -> Setup:
    """A fresh process's setup on a database that may be there already."""
    settings = TransportSettings(
        base_url=simulator.url,
        bearer="simulator",
        token=TOKEN,
        rate_per_second=0,
        read_timeout=20,
        pause=lambda _tries: 0.01,
    )
    transport = stack.enter_context(Transport(settings, clock=clock))
    store = open_store(url_of(path), "kota", clock)
    stack.callback(store.close)
    return Setup(
        store=store,
        rules=its_rules,
        log=log,
        pace=Pace(**{"poll_seconds": 300, **pace}),
        connector=Sp4nV3(transport, Sp4nSettings()),
        clock=clock,
        spread=lambda: 0.5,
        user_id="9",
    )


@contextmanager
def bench(
    path: Path, *, scenario: str = "calm", grace: float = 5, pace: dict[str, Any] | None = None, **options: Any
) -> Iterator[Bench]:
    """A running city. `options` are the simulator's; `late_seconds` are the pushed clock's, as all others."""
    chosen = {"reports": 12, "start": START, "speed": 1.0, **options}
    with Simulator(Options(scenario=scenario, **chosen)) as simulator, ExitStack() as stack:
        clock, log = PushedClock(simulator.world.advance), Log()
        stack.enter_context(patch("connectors.simulator.world.monotonic", clock.monotonic))
        setup = setup_on(stack, simulator, clock, path, log, rules(grace), **(pace or {}))
        yield Bench(simulator, clock, path, setup, log, stack)


def assert_mirrored(city: Bench) -> None:
    """Every report of the world is in the mirror as it is, and no other."""
    with city.store.reading() as work:
        assert not list(oracle.unmirrored(city.world, work))
