"""Every day that the stand-in knows, met by a real daemon: it stays, ends right, and says nothing personal."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from signal import SIGTERM

import pytest

from connectors.simulator import SCENARIOS
from lapor_sync.store import audit, views
from tests.system.launcher import Launcher
from tests.system.rig import BEARER, OPD, TOKEN, Rig, rig

AT_ONCE = 4
WORDS = ("Judul KANARI", "isi KANARI", "balasan KANARI", "jawaban KANARI")
"""What a citizen wrote as title, report and reply, and an officer as response."""

Running = Mapping[str, Future[list[str]]]


def meet(city: Rig, launcher: Launcher, scenario: str) -> list[str]:
    """One such day of a few seconds with work to do, and the day after; every personal thing that was told."""
    child = city.start(launcher)
    city.settles(child)
    title, content, reply, answer = WORDS
    city.world.set_scenario(scenario)
    city.world.file_report(title=title, content=content, opd=OPD)
    city.world.reply(city.reports[0], content=reply)
    for one in city.reports[:2]:
        city.respond(one, answer)
    assert not child.wait(2.5), f"the daemon ended: {city.last_words()}"
    city.world.set_scenario("calm")
    city.settles(child)
    city.verified()
    asked_at = time.monotonic()
    child.send(SIGTERM)
    assert child.wait(10)
    assert time.monotonic() - asked_at < 5
    assert '"daemon_stopped"' in city.last_words()
    said = told(city)
    return [secret for secret in personal(city) if secret in said]


def told(city: Rig) -> str:
    """All that may be shown to whoever helps: the log with its errors, every audit row, and `status`."""
    with city.judging.store.reading() as work:
        chain = "\n".join(map(str, audit.rows(work.conn)))
        return "\n".join((city.stderr.read_text(encoding="utf-8"), chain, json.dumps(views.status(work))))


def personal(city: Rig) -> set[str]:
    """Credentials, addresses with a path, names, titles and texts of this world."""
    found = {BEARER, TOKEN.strip("{}"), city.simulator.url, *WORDS}
    for one in city.world.summary()["reports"]:
        words = city.world.find(one["tracking_id"]).words
        texts = (words.title, words.content, words.reporter, *(item.content for item in words.items))
        found |= {text[:30] for text in texts if len(text) > 4}
    return found


@pytest.fixture(scope="module")
def running(
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
    new_database: Callable[[], str],
    launcher: Launcher,
) -> Iterator[Running]:
    """A city for each scenario that was asked for, some at once."""

    def met(scenario: str, folder: Path, database: str) -> list[str]:
        with rig(folder, database, seed=7, late_seconds=0.3, slow_seconds=0.3) as city:
            return meet(city, launcher, scenario)

    asked = {item.callspec.params.get("scenario") for item in request.session.items if hasattr(item, "callspec")}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {
            one: pool.submit(met, one, tmp_path_factory.mktemp(one), new_database())
            for one in SCENARIOS
            if one in asked
        }


@pytest.mark.timeout(280)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_day(running: Running, scenario: str) -> None:
    """The daemon lives through it, all is right the day after; log, audit and status name nobody and quote nothing."""
    assert running[scenario].result(270) == []
