"""The loop, the notifier, stopping and standing by, with time that does what the test says."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from lapor_sync import daemon
from lapor_sync.daemon import Loop, Notifier, Stopping, stand_by
from lapor_sync.domain.errors import (
    Defect,
    LockHeld,
    RateLimited,
    StoreError,
    StoreUnavailable,
    Unreachable,
    UpstreamError,
)
from lapor_sync.domain.ports import Uptime
from lapor_sync.sync.cycle import CycleResult

AWAY = Unreachable("No answer.")
BROKEN = StoreUnavailable("The disk is full.")


@dataclass
class Time:
    """A clock, and a `Stopping` whose waits move it; asks to stop once `until` is reached."""

    until: float = float("inf")
    at: float = 0.0
    waits: list[float] = field(default_factory=list)
    asked: bool = False

    def now(self) -> datetime:
        return datetime(2026, 3, 2, tzinfo=UTC) + timedelta(seconds=self.at)

    def uptime(self) -> Uptime:
        return Uptime("test", self.monotonic())

    def monotonic(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds

    def __call__(self) -> bool:
        return self.asked or self.at >= self.until

    def ask(self, *_: object) -> None:
        self.asked = True

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.at += seconds


@dataclass
class Log:
    """Keeps what is logged."""

    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def info(self, event: str, **values: Any) -> None:
        self.events.append((event, values))

    warning = error = info

    def names(self) -> list[str]:
        return [name for name, _ in self.events]


@dataclass
class Told:
    """A notifier that keeps what it is told, with the time."""

    time: Time
    lines: list[tuple[float, str]] = field(default_factory=list)

    def say(self, *lines: str) -> None:
        self.lines += [(self.time.at, line) for line in lines]

    def alive(self) -> None:
        self.say("WATCHDOG=1")


def run(
    time: Time,
    results: list[CycleResult | Exception],
    meanwhile: Callable[[], None] = daemon.nothing,
    **changes: Any,
) -> tuple[Log, Told, list[float]]:
    """A loop whose cycles end so, one after the other, then well; what was logged and told, and when cycles began."""
    log, told, began = Log(), Told(time), []

    def cycle() -> CycleResult:
        began.append(time.at)
        meanwhile()
        result = results.pop(0) if results else CycleResult()
        if isinstance(result, Exception):
            raise result
        return result

    given: dict[str, Any] = {"poll_seconds": 300.0, "spread": lambda: 0.5, "notifier": told, **changes}
    Loop(cycle=cycle, stopping=time, clock=time, log=log, **given).run()  # type: ignore[arg-type]  # time waits
    return log, told, began


# The loop.


def test_a_cycle_each_poll_interval() -> None:
    """Cycles begin one poll interval apart, and the service manager hears of start and end."""
    time = Time(until=1000)
    _, told, began = run(time, [])
    assert began == [0, 300, 600, 900]
    assert told.lines[0] == (0, "READY=1")
    assert told.lines[-1] == (time.at, "STOPPING=1")


def test_the_time_of_a_cycle_is_part_of_the_interval() -> None:
    """A cycle that takes long moves the next one nearer, and one that takes longer than the interval does not spin."""
    time, took = Time(until=2000), [100.0, 400.0, 0.0]
    _, _, began = run(time, [], meanwhile=lambda: time.sleep(took.pop(0) if took else 0))
    assert began[:4] == [0, 300, 700.01, 1000.01]


def test_waiting_feeds_the_watchdog() -> None:
    """However long the interval, no wait lasts longer than a slice, and each begins with a sign of life."""
    time = Time(until=3600)
    _, told, _ = run(time, [], poll_seconds=3600.0)
    assert max(time.waits) <= daemon.SLICE
    fed = [at for at, line in told.lines if line == "WATCHDOG=1"]
    assert max(later - earlier for earlier, later in pairwise(fed)) <= daemon.SLICE


@pytest.mark.parametrize(
    ("poll", "waits"),
    [(5.0, [5, 10, 20, 40, 60, 60]), (300.0, [300, 300, 300])],
)
def test_backing_off_while_upstream_is_away(poll: float, waits: list[float]) -> None:
    """Waits begin at the poll interval and double up to a minute or the interval, and begin anew after an answer."""
    results: list[CycleResult | Exception] = [CycleResult(error=AWAY) for _ in waits]
    results += [CycleResult(), CycleResult(error=AWAY)]
    _, _, began = run(Time(until=sum(waits) + 4 * poll), results, poll_seconds=poll)
    apart = [later - earlier for earlier, later in pairwise(began)]
    assert apart[: len(waits) + 2] == [*waits, poll, poll]


def test_a_person_who_lets_something_go_ends_any_wait() -> None:
    """Be it for the next poll, or as long as upstream wants to be left alone; what was let go before a cycle, not."""
    time = Time(until=2000)
    asked_at = [100.0, 550.0]

    def woken() -> bool:
        found = [at for at in asked_at if at <= time.at]
        asked_at[:] = [at for at in asked_at if at > time.at]
        return bool(found)

    waits: list[CycleResult | Exception] = [CycleResult(error=RateLimited("429", retry_after=900))]
    _, _, began = run(time, waits, woken=woken)
    assert began[0] == 0
    assert 100 <= began[1] <= 100 + daemon.SLICE
    assert began[2] == began[1] + 300
    assert 550 <= began[3] <= 550 + daemon.SLICE


def test_jitter_spreads_the_waits() -> None:
    """A quarter less to a quarter more, so that many cities do not come back at the same moment."""
    for spread, wait in ((0.0, 7.5), (0.999, 12.495)):
        _, _, began = run(Time(until=30), [CycleResult(error=AWAY)], poll_seconds=10.0, spread=lambda s=spread: s)
        assert began[1] == pytest.approx(wait, abs=0.01)


def test_upstream_says_how_long() -> None:
    """`Retry-After` is obeyed where it is longer."""
    error = RateLimited("429", retry_after=120)
    _, _, began = run(Time(until=300), [CycleResult(error=error)], poll_seconds=10.0)
    assert began[1] == 120


def test_a_long_outage_of_the_database_is_told_in_few_lines() -> None:
    """The 1st, 2nd, 4th, 8th ... failure, what to do, and once that it is over."""
    log, _, _ = run(Time(until=10_000), [BROKEN] * 20)
    failed = [values for name, values in log.events if name == "database_failed"]
    assert [values["times"] for values in failed] == [1, 2, 4, 8, 16]
    assert failed[0]["what"] == BROKEN.what
    assert failed[0]["todo"] == BROKEN.todo
    assert log.names()[-1] == "database_back"


def test_a_defect_does_not_end_the_watch() -> None:
    """An unforeseen error is logged with its kind, and the next cycle comes."""
    log, _, began = run(Time(until=700), [ZeroDivisionError("a name that must not be told")])
    assert [(name, values["error"]) for name, values in log.events] == [("cycle_failed", "ZeroDivisionError")]
    assert len(began) == 3


def test_a_database_that_was_taken_over_ends_it() -> None:
    """Another process at work is no failure to wait out."""
    with pytest.raises(LockHeld):
        run(Time(), [LockHeld("Another process works this database: daemon.")])


def test_a_lost_lock_ends_it_before_the_next_cycle() -> None:
    """`check` comes before each cycle; what it raises leaves the loop."""
    lost: list[Exception | None] = [None, None, StoreUnavailable("The connection was lost.")]

    def check() -> None:
        if error := lost.pop(0):
            raise error

    time = Time()
    with pytest.raises(StoreUnavailable, match="was lost"):
        run(time, [], check=check)
    assert time.at == 600


def test_a_lock_that_went_with_the_database_ends_it_at_once() -> None:
    """After a failure of the database the lock is looked at before any wait: a standby may have it already."""
    answers: list[Exception | None] = [None, StoreUnavailable("The connection was lost.")]

    def check() -> None:
        if error := answers.pop(0):
            raise error

    time = Time()
    with pytest.raises(StoreUnavailable, match="was lost"):
        run(time, [StoreError("gone")], check=check)
    assert time.waits == []


# Stopping.


def test_asking_wakes_the_waiting_thread_at_once() -> None:
    """A signal's handler runs in the thread that waits: it ends the wait, and every later one."""
    stopping = Stopping()
    before = signal.signal(signal.SIGUSR1, stopping.ask)
    try:
        threading.Timer(0.1, os.kill, [os.getpid(), signal.SIGUSR1]).start()
        began = time.monotonic()
        stopping.wait(200)
        stopping.wait(200)
        assert time.monotonic() - began < 100
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert stopping()


def test_a_wait_that_nobody_ends_ends_by_itself() -> None:
    """Nobody asks: it lasts as long as it says."""
    stopping = Stopping()
    stopping.wait(0.01)
    assert not stopping()


# Standing by.


def take_after(*failures: Exception) -> Callable[[], str]:
    """A lock that is had after these."""
    left = list(failures)

    def take() -> str:
        if left:
            raise left.pop(0)
        return "the lock"

    return take


def test_a_standby_looks_each_second() -> None:
    """It says once for whom it waits, and each failure of the database as a daemon does; then it has the lock."""
    held = LockHeld("Another process works this database: daemon, pid 7 on a.")
    other = LockHeld("Another process works this database: backfill, pid 9 on b.")
    time, log = Time(), Log()
    waiting: Any = time
    told: Any = Told(time)
    got = stand_by(take_after(held, held, BROKEN, BROKEN, other, held), waiting, told, log)
    assert got == "the lock"
    assert time.waits == [daemon.STANDBY_SECONDS] * 6
    assert log.names() == [
        "standing_by",
        "database_failed",
        "database_failed",
        "database_back",
        "standing_by",
        "standing_by",
    ]
    assert told.lines[0] == (0, "READY=1")
    assert (5, "WATCHDOG=1") in told.lines


def test_a_standby_that_is_asked_to_stop() -> None:
    """It never had the lock."""
    waiting: Any = Time(until=3)
    log = Log()
    assert stand_by(take_after(*[LockHeld("held")] * 9), waiting, Notifier({}), log) is None


def test_a_standby_does_not_wait_out_what_waiting_does_not_mend() -> None:
    """A newer schema, a defect: raised."""
    waiting: Any = Time()
    with pytest.raises(Defect):
        stand_by(take_after(Defect("never")), waiting, Notifier({}), Log())


# Telling systemd.


@pytest.fixture(params=["file", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    """A service manager's socket."""
    name = str(tmp_path / "notify") if request.param == "file" else f"@{tmp_path}"
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as channel:
        channel.bind(name.replace("@", "\0", 1))
        channel.settimeout(2)
        yield name, channel


def test_what_is_said_arrives(manager: tuple[str, socket.socket]) -> None:
    """All assignments of one saying in one datagram."""
    Notifier({"NOTIFY_SOCKET": manager[0]}).say("READY=1", "STATUS=Working")
    assert manager[1].recv(4096) == b"READY=1\nSTATUS=Working"


def test_the_watchdog_is_not_overfed(manager: tuple[str, socket.socket]) -> None:
    """A thousand signs of life within a second are one."""
    notifier = Notifier({"NOTIFY_SOCKET": manager[0]})
    for _ in range(1000):
        notifier.alive()
    manager[1].setblocking(False)
    assert manager[1].recv(4096) == b"WATCHDOG=1"
    with pytest.raises(BlockingIOError):
        manager[1].recv(4096)


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "/nowhere/at/all"}])
def test_without_a_manager_nothing_happens(environ: dict[str, str]) -> None:
    """No systemd, or one that went away."""
    Notifier(environ).say("READY=1")


def test_an_error_of_upstream_without_a_wait() -> None:
    """Errors that say nothing of a wait are waited out by the back-off."""
    _, _, began = run(Time(until=25), [CycleResult(error=UpstreamError("?"))], poll_seconds=10.0)
    assert began == [0, 10, 20]
