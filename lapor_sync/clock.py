"""The real clock. Everything that needs time is given one, so that a test can give another."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from lapor_sync.domain.ports import Uptime


@cache
def boot() -> str:
    """Return what tells this start of the machine from others. Where nothing does, each process counts for itself."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return secrets.token_hex(8)


def boottime() -> float:
    """Return seconds that go on while the machine sleeps; where there is no such clock, those that do not."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class SystemClock:
    """Implements `ports.Clock`."""

    def now(self) -> datetime:
        """The wall clock, aware, UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()

    def uptime(self) -> Uptime:
        """Seconds since the machine started, asleep too, and the name of that start."""
        return Uptime(boot(), boottime())

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)
