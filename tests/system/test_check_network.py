"""`lapor-sync check` against a real server: its TLS, its clock, and the way to it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connectors.simulator import Options, Simulator
from tests.system.cli_runner import Cli, city
from tests.system.fault_proxy import Certificates, Door, FaultProxy, cut_handshake, no_tls, tls

ENCRYPTED, LET_IN, CLOCK = (
    "Is the connection encrypted?",
    "Does LAPOR let us in?",
    "Is this machine's clock right?",
)


@dataclass(frozen=True)
class Said:
    """What `check` printed: its lines with what to do under them."""

    code: int
    lines: tuple[str, ...]

    def of(self, question: str) -> str:
        """The line about a question and, where there is one, the line of what to do; empty where it was not asked."""
        for at, line in enumerate(self.lines):
            if question in line:
                todo = self.lines[at + 1] if "To do:" in self.lines[at + 1] else ""
                return f"{line} {todo}"
        return ""


@dataclass
class Place:
    """A city whose LAPOR is behind a proxy with TLS. `door` is how it is received there."""

    simulator: Simulator
    proxy: FaultProxy
    shown: Certificates
    env: dict[str, str]

    def check(self, door: Door | None = None, **env: str) -> Said:
        """The command; whatever proxies this machine's environment names are not there for it."""
        if door is not None:
            self.proxy.door = door
        with pytest.MonkeyPatch.context() as patch:
            for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
                patch.delenv(name)
            ran = Cli(self.env | env)("check")
        assert ran.err == ""
        return Said(ran.code, tuple(ran.out.splitlines()))


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with Simulator(Options(seed=3, reports=3)) as simulator, a_place(simulator, tmp_path) as one:
        yield one


@contextmanager
def a_place(simulator: Simulator, folder: Path, *names: str) -> Iterator[Place]:
    with FaultProxy() as proxy:
        proxy.leads_to(simulator.origin)
        shown = Certificates(folder, *names)
        env = city(simulator, folder / "new.db").env | {
            "LAPOR_SYNC_UPSTREAM_URL": f"https://127.0.0.1:{proxy.port}/lapor/3.0.0",
            "SSL_CERT_FILE": str(shown.file),
        }
        yield Place(simulator, proxy, shown, env)


# TLS.


@pytest.mark.parametrize(
    ("days", "verdict", "todo"), [(400, "ok", ""), (21, "ok", ""), (5, "look", "being renewed")]
)
def test_the_days_that_a_certificate_still_holds(place: Place, days: int, verdict: str, todo: str) -> None:
    """Many are fine; of few one should know, and nothing is wrong yet."""
    said = place.check(tls(place.shown.good(days)))
    assert said.of(ENCRYPTED).startswith(verdict)
    assert f"yes, its certificate holds for {days} days" in said.of(ENCRYPTED)
    assert todo in said.of(ENCRYPTED)
    assert ("To do:" in said.of(ENCRYPTED)) == bool(todo)
    assert said.of(LET_IN).startswith("ok")
    assert said.code == 0


REFUSED: Mapping[str, tuple[str, str]] = {
    "expired": ("its certificate is not accepted: certificate has expired", "ask LAPOR's operators to renew it"),
    "not_yet": ("its certificate is not accepted: certificate is not yet valid", "look at `timedatectl`"),
    "of_an_unknown_ca": ("its certificate is not accepted: unable to get local issuer", "in SSL_CERT_FILE"),
    "of_another_host": ("its certificate is not accepted: IP address mismatch", "has another name"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_certificate_that_is_not_accepted(place: Place, what: str) -> None:
    """One wrong line says why and what to do; no request, so no credential, has left."""
    words, todo = REFUSED[what]
    said = place.check(tls(getattr(place.shown, what)()))
    assert said.code == 1
    assert said.of(LET_IN).startswith("WRONG")
    assert words in said.of(LET_IN)
    assert todo in said.of(LET_IN)
    assert sum(line.startswith("WRONG") for line in said.lines) == 1
    assert said.of(ENCRYPTED) == ""
    assert place.simulator.world.requests(0)["routes"] == {}


@pytest.mark.parametrize("door", [cut_handshake, no_tls])
def test_a_server_without_tls(place: Place, door: Door) -> None:
    """Another port, or something in between."""
    said = place.check(door)
    assert said.code == 1
    assert said.of(LET_IN).startswith("WRONG")
    assert "it does not speak TLS" in said.of(LET_IN)
    assert "Check address and port of LAPOR_SYNC_UPSTREAM_URL" in said.of(LET_IN)


def test_credentials_that_are_refused_behind_tls(place: Place) -> None:
    """The certificate is told of all the same."""
    said = place.check(tls(place.shown.good()), LAPOR_SYNC_BEARER="old")
    assert said.code == 1
    assert "HTTP 401" in said.of(LET_IN)
    assert said.of(ENCRYPTED).startswith("ok")


# The way there.


def test_a_file_of_certificates_that_cannot_be_read(place: Place, tmp_path: Path) -> None:
    """Missing, or no certificates: said before anything is tried."""
    (tmp_path / "no.pem").write_text("nothing", encoding="ascii")
    for path in (tmp_path / "none.pem", tmp_path / "no.pem"):
        said = place.check(tls(place.shown.good()), SSL_CERT_FILE=str(path))
        assert said.code == 1
        assert f"SSL_CERT_FILE: {path} holds no certificates that can be read" in said.of(LET_IN)


def test_through_the_agencys_proxy(place: Place, tmp_path: Path) -> None:
    """It is found in the environment; the certificate that counts is the one that comes through it."""
    with a_place(place.simulator, tmp_path, "lapor.test") as there:
        there.env["LAPOR_SYNC_UPSTREAM_URL"] = "https://lapor.test/lapor/3.0.0"
        there.env["HTTPS_PROXY"] = f"http://127.0.0.1:{there.proxy.port}"
        said = there.check(tls(there.shown.good(9)))
        assert "its certificate holds for 9 days" in said.of(ENCRYPTED)
        assert said.code == 0
        assert there.proxy.tunnels
        there.proxy.lets_through = False
        said = there.check()
        assert "the proxy says 407" in said.of(LET_IN)
        assert "HTTPS_PROXY" in said.of(LET_IN)
        said = there.check(HTTPS_PROXY="socks5://127.0.0.1:9")
        assert said.code == 1
        assert "is no http(s)://host:port" in said.of(LET_IN)


# The clock.


@pytest.mark.parametrize(
    ("off", "verdict", "words"),
    [(0, "ok", "yes, within"), (-60, "look", "s ahead of LAPOR's"), (300, "WRONG", "s behind LAPOR's")],
)
def test_the_clock(tmp_path: Path, off: int, verdict: str, words: str) -> None:
    """LAPOR's answers say its time: which of the two is off cannot be told, so both are named."""
    start = datetime.now(UTC) + timedelta(seconds=off)
    with (
        Simulator(Options(seed=3, reports=3, start=start)) as simulator,
        a_place(simulator, tmp_path) as place,
    ):
        line = place.check(tls(place.shown.good())).of(CLOCK)
    assert line.startswith(verdict)
    assert words in line
    assert ("timedatectl set-ntp true. If it does, LAPOR's is wrong" in line) == bool(off)
