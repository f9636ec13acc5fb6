"""Real network faults between the real daemon and the stand-in: nothing lost, nothing twice, no call without an end.

The daemon, the proxy and the stand-in talk over real sockets. After each fault the same must be true as after a kill.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest

from lapor_sync.domain.report import OutgoingFile
from lapor_sync.store import outbox
from lapor_sync.store.outbox import Attempt
from tests.system.fault_proxy import (
    FAULTS,
    LARGE,
    LASTS,
    SLOW,
    Certificates,
    Door,
    FaultProxy,
    cut_handshake,
    no_tls,
    stuck_handshake,
    tls,
)
from tests.system.launcher import Child, Launcher
from tests.system.rig import Rig, rig, some_at_once

AT_ONCE = 6
LIMITS = {"CONNECT_TIMEOUT": "1", "READ_TIMEOUT": "2"}
GENEROUS = LASTS / 2
"""Seconds: many times the limits, on a busy machine too, and far less than the faults go on by themselves."""

Lived = Mapping[str, Sequence[Attempt]]
"""The tries of the responses that were written while a fault lasted."""

Running = Mapping[str, Future[Lived]]


def address(proxy: FaultProxy, scheme: str) -> str:
    """What the city takes for LAPOR's."""
    return f"{scheme}://127.0.0.1:{proxy.port}/lapor/3.0.0"


@contextmanager
def behind(proxy: FaultProxy, folder: Path, database: str, **options: Any) -> Iterator[Rig]:
    """A city whose way to LAPOR leads through that proxy."""
    env = LIMITS | {"UPSTREAM_URL": address(proxy, "http"), **options.pop("env", {})}
    with rig(folder, database, env=env, **options) as city:
        proxy.leads_to(city.simulator.origin)
        yield city


def attempts(city: Rig, known: Collection[str] = ()) -> list[Attempt]:
    """Every try of every response but the known ones."""
    with city.mirror.store.reading() as work:
        found = outbox.attempts_of(work, [one.ref for one in outbox.listing(work) if one.ref not in known])
    return [one for tries in found.values() for one in tries]


def happens(city: Rig, child: Child, is_so: Callable[[], object]) -> None:
    """Wait for that, while the daemon lives; fails with what the daemon said last."""
    city.comes_true(lambda: [] if is_so() else [city.last_words()], child)


def is_well(city: Rig, child: Child) -> None:
    """Everything is right again. Some cities at once, whose calls end after 2 s: a busy machine has many to do again."""
    city.settles(child, 150)


def ends_well(city: Rig, child: Child) -> None:
    """Everything is right in the end, the daemon still works, and ends when it is asked to."""
    is_well(city, child)
    city.verified()
    child.send(signal.SIGTERM)
    assert child.wait(20)
    assert "daemon_stopped" in city.last_words()


# What happens to one city, all of it once more for each name: afterwards it is as it was before.


def meets(city: Rig, proxy: FaultProxy, child: Child, name: str) -> None:
    """A write meets the fault, then three reads in a row, which is a whole call with its retries."""
    proxy.plan(name, 1, "POST")
    if name in LARGE:
        city.respond(
            city.reports[0],
            "Terlampir.",
            OutgoingFile(file_name="foto.jpg", content=b"\xff\xd8\xff" + bytes(4_000_000)),
        )
    else:
        city.stir(Random(name))
    happens(city, child, lambda: proxy.hits[name, "POST"])
    proxy.plan(name, 3, "GET")
    happens(city, child, lambda: proxy.hits[name, "GET"] == 3)
    is_well(city, child)
    assert name not in SLOW or max(proxy.lasted[name]) < GENEROUS


def finds_closed(city: Rig, proxy: FaultProxy, child: Child, name: str, shown: Certificates) -> None:
    """The server's TLS is not what it should be while a response is to go out; then it is."""
    door, words = DOORS[name]
    before = len(told(city, "upstream_away"))
    with proxy.other_door(door(shown)):
        city.respond(city.reports[0], "Sudah kami kerjakan.")
        happens(city, child, lambda: len(told(city, "upstream_away")) > before)
        assert words in told(city, "upstream_away")[before]["what"]
        assert city.problems()
    is_well(city, child)


def lives_with_a_bad_line(city: Rig, proxy: FaultProxy, child: Child, name: str) -> None:
    """One request in five meets some fault, reads and writes alike, for as long as the city is busy."""
    dice, before = Random(f"{SEED}/{name}"), proxy.hits.total()
    proxy.choose = lambda _method: dice.choice(list(FAULTS)) if dice.random() < 0.2 else None
    for _ in range(4):
        city.stir(dice)
        child.wait(dice.uniform(0.5, 2))
        assert child.is_alive, city.last_words()
    proxy.calm()
    is_well(city, child)
    assert proxy.hits.total() > before


DOORS: Mapping[str, tuple[Callable[[Certificates], Door], str]] = {
    "unknown_ca": (lambda shown: tls(shown.of_an_unknown_ca()), "not accepted: unable to get local issuer"),
    "expired": (lambda shown: tls(shown.expired()), "not accepted: certificate has expired"),
    "not_yet": (lambda shown: tls(shown.not_yet()), "not accepted: certificate is not yet valid"),
    "other_host": (lambda shown: tls(shown.of_another_host()), "not accepted: IP address mismatch"),
    "cut_handshake": (lambda _: cut_handshake, "no connection ("),
    "stuck_handshake": (lambda _: stuck_handshake, "no connection ("),
    "no_tls": (lambda _: no_tls, "it does not speak TLS"),
}
"""What is wrong with a server's TLS, and what must be said of it."""

BAD_LINES = tuple(f"bad line {n}" for n in range(3))
LIVES = (BAD_LINES, tuple(DOORS), *(tuple(FAULTS)[n::4] for n in range(4)))
"""What one city meets, one after the other, and must be well in between."""

SEED = int(os.environ.get("NETWORK_SEED", "2"))


# All of them.


@pytest.fixture(scope="module")
def running(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    new_database: Callable[[], str],
    launcher: Launcher,
) -> Iterator[Running]:
    """A city for every few cases that were asked for."""

    def lived(names: Sequence[str]) -> Lived:
        folder, tries = tmp_path_factory.mktemp(names[0].replace(" ", "-")), dict[str, Sequence[Attempt]]()
        shown = Certificates(folder)
        with FaultProxy() as proxy, behind(proxy, folder, new_database(), seed=len(names[0])) as city:
            if names[0] in DOORS:
                city.env |= {"SSL_CERT_FILE": str(shown.file), "LAPOR_SYNC_UPSTREAM_URL": address(proxy, "https")}
                proxy.door = tls(shown.good())
            child = city.start(launcher)
            is_well(city, child)
            for name in names:
                known = {ref for refs in city.written.values() for ref in refs}
                if name in FAULTS:
                    meets(city, proxy, child, name)
                elif name in DOORS:
                    finds_closed(city, proxy, child, name, shown)
                else:
                    lives_with_a_bad_line(city, proxy, child, name)
                tries[name] = attempts(city, known)
            ends_well(city, child)
        return tries

    with some_at_once(request, "case", LIVES, lived, AT_ONCE) as futures:
        yield futures


@pytest.mark.timeout(280)
@pytest.mark.parametrize("case", FAULTS)
def test_a_fault(running: Running, case: str) -> None:
    """Whatever became of the write, nobody knows: it is unknown, within the time of a call, and read back."""
    tries = running[case].result(270)[case]
    assert "unknown" in {one.outcome for one in tries} <= {"unknown", "sent"}
    assert all(one.ms is not None and one.ms < GENEROUS * 1000 for one in tries)


@pytest.mark.timeout(280)
@pytest.mark.parametrize("case", BAD_LINES)
def test_a_bad_line(running: Running, case: str) -> None:
    """Many faults at random, several at a time."""
    print("seed", SEED)
    assert all(one.ms is not None and one.ms < GENEROUS * 1000 for one in running[case].result(270)[case])


@pytest.mark.timeout(280)
@pytest.mark.parametrize("case", DOORS)
def test_a_fault_of_tls(running: Running, case: str) -> None:
    """Nothing leaves, so nothing is ever in doubt; the log says what is wrong; afterwards all goes out."""
    assert {one.outcome for one in running[case].result(270)[case]} <= {"sent", "not_sent"}


def told(city: Rig, event: str) -> list[dict[str, Any]]:
    """What the city's daemons logged under that name."""
    lines = city.stderr.read_text(encoding="utf-8").splitlines()
    return [
        one for one in map(json.loads, filter(lambda line: line.endswith("}"), lines)) if one["event"] == event
    ]


def test_behind_the_agencys_own_proxy(tmp_path: Path, launcher: Launcher) -> None:
    """A proxy that looks into TLS, with a CA of its own, as the environment names them: the city works through it."""
    shown = Certificates(tmp_path, "lapor.test")
    with FaultProxy(door=tls(shown.good())) as proxy:
        env = {"UPSTREAM_URL": "https://lapor.test/lapor/3.0.0"}
        with behind(proxy, tmp_path, f"sqlite:///{tmp_path}/city.db", seed=4, env=env) as city:
            city.env = {name: value for name, value in city.env.items() if not name.lower().endswith("_proxy")}
            city.env |= {"SSL_CERT_FILE": str(shown.file), "HTTPS_PROXY": f"http://127.0.0.1:{proxy.port}"}
            child = city.start(launcher)
            city.settles(child)
            city.stir(Random(4))
            city.settles(child)
            proxy.lets_through = False
            proxy.hang_up()
            happens(city, child, lambda: told(city, "upstream_away"))
            assert "the proxy says 407" in told(city, "upstream_away")[0]["what"]
            assert "HTTPS_PROXY" in told(city, "upstream_away")[0]["todo"]
            city.stir(Random(5))
            proxy.lets_through = True
            ends_well(city, child)
        assert proxy.tunnels
