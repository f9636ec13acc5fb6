"""The loop: wake, work a cycle, wait longer while upstream is away, stop when asked, tell systemd."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from lapor_sync.domain.errors import LaporSyncError, LockHeld, StoreError, UpstreamError
from lapor_sync.domain.ports import Clock
from lapor_sync.sync.cycle import Outcome
from lapor_sync.sync.setup import Log

LONGEST_WAIT = 60.0
"""Seconds between probes while upstream is away, unless the poll interval is longer."""


class Notifier:
    """sd_notify(3): tells systemd that we are ready, alive, stopping. Without systemd it does nothing."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._address = environ.get("NOTIFY_SOCKET", "")
        if self._address.startswith("@"):
            self._address = "\0" + self._address[1:]

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
        """Feed the watchdog."""
        self.say("WATCHDOG=1")


@dataclass
class Stopping:
    """Whether somebody asked to stop; signal handlers call `ask`, everything else asks it."""

    _asked: threading.Event = field(default_factory=threading.Event)

    def ask(self, *_: object) -> None:
        """Come to an end: what is being written upstream is finished, nothing new is begun."""
        self._asked.set()

    def __call__(self) -> bool:
        return self._asked.is_set()

    def wait(self, seconds: float) -> None:
        """Wait, but not longer than until somebody asks to stop."""
        self._asked.wait(seconds)


@dataclass(frozen=True, kw_only=True)
class Loop:
    """The daemon. `cycle` works once; `spread` is a random number in [0, 1) for jitter."""

    cycle: Callable[[], Outcome]
    stopping: Stopping
    clock: Clock
    log: Log
    poll_seconds: float
    spread: Callable[[], float]
    notifier: Notifier

    def run(self) -> None:
        """Work until asked to stop. Raises LockHeld where another process took the database over."""
        self.notifier.say("READY=1", f"MAINPID={os.getpid()}")
        failures = 0
        while not self.stopping():
            began = self.clock.monotonic()
            wait = self._once()
            failures = failures + 1 if wait is not None else 0
            took = self.clock.monotonic() - began
            pause = self.poll_seconds - took if wait is None else max(self._backoff(failures), wait)
            self.notifier.alive()
            self.stopping.wait(max(pause, 0.01))
        self.notifier.say("STOPPING=1")

    def _once(self) -> float | None:
        """One cycle; None if it went through, else how long upstream wants to be left alone (0: not said)."""
        try:
            error: LaporSyncError | None = self.cycle().error
        except LockHeld:
            raise
        except StoreError as failed:
            self.log.error("database_failed", what=failed.what, todo=failed.todo)
            error = failed
        except Exception as failed:  # the one place: a defect must not end the watch over the city's reports
            self.log.error("cycle_failed", error=type(failed).__name__, exc_info=failed)
            return 0.0
        if isinstance(error, UpstreamError):
            return error.retry_after or 0.0
        return None if error is None else 0.0

    def _backoff(self, failures: int) -> float:
        """Begins at the poll interval and doubles, with jitter, up to a minute or the poll interval."""
        most = max(LONGEST_WAIT, self.poll_seconds)
        seconds = min(self.poll_seconds * 2.0 ** min(failures - 1, 16), most)
        return float(seconds * (0.75 + self.spread() / 2))
