"""A city that works against the stand-in, its board, and four people who are signed in."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from connectors.simulator import OPD_IDS, Options, Simulator
from lapor_sync.app import App
from lapor_sync.clock import SystemClock
from lapor_sync.config import load_settings
from lapor_sync.domain.people import SecondFactor, of_shell
from lapor_sync.listening import Address
from lapor_sync.office import NewResponse, OutboxAct, change, people, respond
from lapor_sync.store import outbox, queries
from lapor_sync.store.queries import Wanted
from lapor_sync.sync.cycle import run_cycle
from lapor_sync.sync.setup import Setup
from lapor_sync.web.board import Board
from lapor_sync.web.demonstration import cast
from lapor_sync.web.serving import serve
from lapor_sync.web.site import make_site
from tests.city import settings

OFFICER, ADMIN, INSPECTOR = "sari", "bayu", "rini"
HERE = Address("127.0.0.1", 0)


@dataclass(frozen=True)
class Town:
    """The board's address, who may come in, and both sides of what they do there."""

    url: str
    sessions: dict[str, str]
    opd: str
    setup: Setup
    stand_in: Simulator

    def cycle(self) -> None:
        """What the daemon does each few minutes."""
        run_cycle(self.setup)

    def untouched(self) -> str:
        """As `open_one`, without an answer of ours."""
        with self.setup.store.reading() as work:
            found = queries.page(work, Wanted(opd=self.opd, is_open=True), None, most=1000)
            written = outbox.of_reports(work, [row.tracking_id for row in found.rows])
        return next(
            row.tracking_id for row in found.rows if not row.is_secret and not written.get(row.tracking_id)
        )

    def open_one(self) -> str:
        """A report of the OPD's that can be answered, and is not rahasia."""
        with self.setup.store.reading() as work:
            found = queries.page(work, Wanted(opd=self.opd, is_open=True), None, most=1000)
        return next(row.tracking_id for row in found.rows if not row.is_secret)

    def thread(self, tracking_id: str) -> list[dict[str, Any]]:
        """What the citizen reads under the report at LAPOR: texts with the names of their files."""
        return list(self.stand_in.world.thread(tracking_id)["items"])


@contextmanager
def town(folder: Path) -> Iterator[Town]:
    """The city, until the end."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    with Simulator(Options(seed=4, reports=450)) as stand_in:
        app = App(settings=load_settings(None, settings(folder, stand_in)), clock=SystemClock())
        app.log = structlog.get_logger()
        with app.working("tests") as setup:
            run_cycle(setup)
            opd = _busiest(setup)
            played = cast(setup.store, opd)
            sessions = {
                one.sign_in: people.enter(setup.store, one.sign_in, one.password, address="127.0.0.1")
                for one in played
            }
            assert setup.keeping is not None
            board = Board(
                mirror=setup,
                secret=b"s" * 32,
                city="Kota Bengkulu",
                second_factor=SecondFactor.NONE,
                files=setup.keeping.folder,
            )
            with _served(board) as url:
                made = Town(url=url, sessions=sessions, opd=opd, setup=setup, stand_in=stand_in)
                _let_something_be_held(made)
                yield made
    structlog.reset_defaults()


def _busiest(setup: Setup) -> str:
    """The OPD for which the most reports wait."""
    with setup.store.reading() as work:
        counts = queries.counts(work, Wanted(waiting_on="opd", is_open=True), None).beside["opd"]
    return max((one for one in counts if one in OPD_IDS), key=lambda one: counts[one])


def _let_something_be_held(made: Town) -> None:
    """A delivery that waits for a person, and one on its way."""
    shell, one = of_shell("tests"), made.untouched()
    ref = respond(made.setup, shell, NewResponse(given_id=one, text="Kami tinjau besok pagi."))
    change(made.setup, shell, OutboxAct.HOLD, ref)


@contextmanager
def _served(board: Board) -> Iterator[str]:
    heard: list[Address] = []
    is_heard = threading.Event()

    def listening(address: Address) -> None:
        heard.append(address)
        is_heard.set()

    def work() -> None:
        serve(make_site(board), HERE, most_bytes=board.most_bytes, trusted_proxy=None, listening=listening)

    threading.Thread(target=work, daemon=True).start()
    assert is_heard.wait(20)
    yield heard[0].url
