"""The loop: wake, work a cycle, wait longer while upstream is away, stop when asked, tell systemd."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import TypeVar, cast

from structlog.typing import FilteringBoundLogger

from lapor_sync.domain.errors import (
    LaporSyncError,
    LockHeld,
    StoreError,
    StoreReplaced,
    StoreUnavailable,
    UpstreamError,
)
from lapor_sync.domain.ports import Clock
from lapor_sync.domain.waits import doubled, jittered
from lapor_sync.log import Thinned
from lapor_sync.mirror.mirror import Log
from lapor_sync.sync.cycle import CycleResult

T = TypeVar("T")

LONGEST_WAIT = 60.0
"""Seconds between probes while upstream is away, unless the poll interval is longer."""

SLICE = 2.0
"""Seconds, at most, that a wait goes without feeding the watchdog, and without asking whether a person wants it over."""

STANDBY_SECONDS = 1.0
"""Between two looks of a standby whether the database is free."""

SILENT_SECONDS = 600.0
"""After so long without a step the process hangs: WatchdogSec of its unit."""

_BEAT = 1.0


def nothing() -> None:
    """No check: whoever runs the loop holds nothing that could be lost."""


def nobody() -> bool:
    """No person can end a wait."""
    return False


class Notifier:
    """sd_notify(3): tells systemd that we are ready, alive, stopping. Without systemd it does nothing."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._address = environ.get("NOTIFY_SOCKET", "")
        if self._address.startswith("@"):
            self._address = "\0" + self._address[1:]
        self._fed_at = float("-inf")
        self._born = time.monotonic()

    def say(self, *lines: str) -> None:
        """Send these assignments, such as `READY=1`."""
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
            try:
                channel.sendto("\n".join(lines).encode(), self._address)
            except OSError:
                return  # a service manager that went away is no reason to stop working

    def alive(self) -> None:
        """Feed the watchdog; once a second is enough, however often this is called."""
        now = time.monotonic()
        if now - self._fed_at >= _BEAT:
            self._fed_at = now
            self.say("WATCHDOG=1")

    def silent(self) -> str | None:
        """Return that the watchdog has not been fed for as long as systemd waits for it; None where it has."""
        seconds = time.monotonic() - max(self._fed_at, self._born)
        return f"no step for {seconds:.0f} s" if seconds > SILENT_SECONDS else None


@dataclass
class Stopping:
    """Whether somebody asked to stop; signal handlers call `ask`, everything else asks it.

    A handler runs between any two steps of the thread that waits. An Event is not made for that: its lock may be
    held right then, for ever. A SimpleQueue is.
    """

    _asked: bool = False
    _bell: SimpleQueue[None] = field(default_factory=SimpleQueue)

    def ask(self, *_: object) -> None:
        """Come to an end: what is being written upstream is finished, nothing new is begun."""
        self._asked = True
        self._bell.put(None)

    def __call__(self) -> bool:
        return self._asked

    def wait(self, seconds: float) -> None:
        """Wait, but not longer than until somebody asks to stop."""
        if not self._asked:
            with suppress(Empty):
                self._bell.get(timeout=seconds)


@dataclass(frozen=True, kw_only=True)
class Loop:
    """The daemon. `cycle` works once; `spread` is a random number in [0, 1) for jitter.

    `woken` tells whether a person let something go since it was last asked: no wait goes on over that.
    `check` raises where the database is no longer ours to work: then another process may be at it.
    """

    cycle: Callable[[], CycleResult]
    stopping: Stopping
    clock: Clock
    log: Log
    poll_seconds: float
    spread: Callable[[], float]
    notifier: Notifier
    check: Callable[[], None] = nothing
    woken: Callable[[], bool] = nobody

    def run(self) -> None:
        """Work until asked to stop. Raises what `check` raises: the process ends, and is started again."""
        self.notifier.say("READY=1", f"MAINPID={os.getpid()}", "STATUS=Working")
        trouble = thinned(self.log)
        failures = 0
        while not self.stopping():
            self.check()
            self.woken()  # what was let go until now is seen by this cycle
            began = self.clock.monotonic()
            wait = self._once(trouble)
            failures = failures + 1 if wait is not None else 0
            took = self.clock.monotonic() - began
            pause = self.poll_seconds - took
            self._pause(pause if wait is None else max(backoff(self.poll_seconds, failures, self.spread()), wait))
        self.notifier.say("STOPPING=1")

    def _once(self, trouble: Thinned) -> float | None:
        """One cycle; None if it went through, else how long upstream wants to be left alone (0: not said)."""
        try:
            error: LaporSyncError | None = self.cycle().error
        except (LockHeld, StoreReplaced):
            raise
        except StoreError as failed:
            trouble.again("database_failed", what=failed.what, todo=failed.todo)
            self.check()  # where the lock went with it, another process may wait for it: no pause before the end
            return 0.0
        except Exception as failed:  # the one place: a defect must not end the watch over the city's reports
            self.log.error("cycle_failed", error=type(failed).__name__, exc_info=failed)
            return 0.0
        trouble.over("database_failed", as_event="database_back")
        if isinstance(error, UpstreamError):
            return error.retry_after or 0.0
        return None if error is None else 0.0

    def _pause(self, seconds: float) -> None:
        """Wait, fed, ready to stop at once, and no longer than until a person lets something go."""
        until = self.clock.monotonic() + max(seconds, 0.01)
        while not self.stopping() and (left := until - self.clock.monotonic()) > 0 and not self.woken():
            self.notifier.alive()
            self.stopping.wait(min(left, SLICE))


def backoff(poll_seconds: float, failures: int, spread: float) -> float:
    """Return how long to wait after so many failures in a row: from the poll interval on, doubled, with jitter, up to a
    minute or the poll interval."""
    most = max(LONGEST_WAIT, poll_seconds)
    return jittered(doubled(poll_seconds, failures, most), spread)


def stand_by(take: Callable[[], T], stopping: Stopping, notifier: Notifier, log: Log) -> T | None:
    """What `take` gives as soon as the database's holder is gone; None if asked to stop before.

    A database that cannot be reached is waited for too: its restart may be what frees it.
    """
    notifier.say("READY=1", f"MAINPID={os.getpid()}", "STATUS=Standing by")
    trouble, holder = thinned(log), ""
    while not stopping():
        try:
            return take()
        except LockHeld as held:
            trouble.over("database_failed", as_event="database_back")
            if held.what != holder:
                log.info("standing_by", what=held.what)
                holder = held.what
        except StoreUnavailable as failed:
            trouble.again("database_failed", what=failed.what, todo=failed.todo)
        notifier.alive()
        stopping.wait(STANDBY_SECONDS)
    return None


def thinned(log: Log) -> Thinned:
    """For what fails again and again: an outage of the database does not drown the log."""
    return Thinned(cast(FilteringBoundLogger, log))
