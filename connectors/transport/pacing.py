"""How many calls may begin, and how long to wait before another."""

from __future__ import annotations

import random
import re
import threading
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from connectors.transport.upstream_clock import http_date
from lapor_sync.domain.ports import Clock
from lapor_sync.domain.waits import doubled, jittered

_LONGEST_RETRY_AFTER = 900.0
"""Seconds that a `Retry-After` is believed at most: one that is wrong must not silence a city for a day."""


def backoff(tries: int) -> float:
    """Return the seconds to wait after the `tries`-th failed try of a read: about 0.5, 1, 2, 4, with jitter."""
    return jittered(doubled(0.5, tries, most=4), random.random(), share=0.5)


class Line(Protocol):
    """A line before the gateway that others stand in, too."""

    def wait(self, sleep: Callable[[float], None], stopping: Callable[[], bool], *, first: bool = False) -> bool:
        """Wait for a place. Return False where there is none soon; `first` passes by the reads of this process."""

    def pause(self, seconds: float) -> None:
        """Let nobody in it ask for so long."""


class Pacer:
    """At most `rate` requests begin in any one second, so a burst is one second's worth at most. 0: no limit."""

    def __init__(self, rate: float, clock: Clock) -> None:
        self._clock = clock
        burst = max(1, int(rate))
        self._span = burst / rate if rate > 0 else 0.0
        self._begun: deque[float] = deque(maxlen=burst)
        self._lock = threading.Lock()

    def reserve(self) -> float:
        """Take the next place. Return the seconds to wait until it is due."""
        if not self._span:
            return 0.0
        with self._lock:
            now = self._clock.monotonic()
            full = len(self._begun) == self._begun.maxlen
            due = max(now, self._begun[0] + self._span) if full else now
            self._begun.append(due)
        return due - now


def retry_after_of(header: str | None, now: Callable[[], datetime]) -> float | None:
    """Return the seconds of a `Retry-After`, which may be a date; None where there is none or it cannot be read.

    Gateway and upstream may each say one: the longer wait does for both.
    """
    if header is None:
        return None
    if re.fullmatch(r"\s*[0-9]+(\.[0-9]+)?\s*(,\s*[0-9]+(\.[0-9]+)?\s*)*", header):
        return min(max(map(float, header.split(","))), _LONGEST_RETRY_AFTER)
    date = http_date(header)
    return None if date is None else min(max((date - now()).total_seconds(), 0.0), _LONGEST_RETRY_AFTER)
