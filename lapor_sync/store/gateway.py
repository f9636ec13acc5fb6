"""The line before a gateway that all workers share: so many requests a second, over all machines and agencies."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import urlsplit

from sqlalchemy import Engine

from lapor_sync.domain.errors import StoreUnavailable
from lapor_sync.domain.ports import Clock
from lapor_sync.store import work_queue

SLACK = 0.1
"""The share of a budget that is never given out: places lie evenly, but requests come a little late by the network."""

LATE = 0.05
"""Seconds after which a place is over: a request that comes later would meet those of the next places."""

PATIENCE = 5.0
"""Seconds for which a request waits, at most: what was decided before is old then, and others are to be worked."""

_BLOCK = 0.25
"""Seconds that one worker's places reach, at most: so nobody waits long for a worker that took places and stays away."""

_AGAIN = 0.1


def address_of(url: str) -> str:
    """Return what of an address is the gateway's: all agencies behind one host and port stand in one line."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


class GatewayLine:
    """This process's part of the line before one address. Requests take turns; the first of them waits for its place.

    Places are taken from the database in blocks, longer ones while they are all used. `only_if_idle` asks for those
    that nobody else wants.
    """

    def __init__(
        self, engine: Engine, address: str, rate: float, clock: Clock, *, only_if_idle: bool = False
    ) -> None:
        self._engine, self._address, self._clock = engine, address, clock
        self._rate, self._only_if_idle = rate * (1 - SLACK), only_if_idle
        self._places: deque[float] = deque()
        self._block = 1
        self._paused_until = float("-inf")
        self._turn = threading.Lock()

    def wait(self, sleep: Callable[[float], None], stopping: Callable[[], bool], *, first: bool = False) -> bool:
        """Return whether this request may leave: not while the gateway wants to be left alone. At once when `stopping`.

        `first`: it was decided upon already (a write), and waits behind none of this process's others.
        Raises StoreUnavailable.
        """
        if first:
            return self._leaves(lambda: self._take(1).popleft(), sleep, stopping)
        with self._turn:
            return self._leaves(self._next, sleep, stopping)

    def _leaves(
        self, place: Callable[[], float | None], sleep: Callable[[float], None], stopping: Callable[[], bool]
    ) -> bool:
        while not stopping():
            due = place()
            if due is None:
                sleep(_AGAIN)
                continue
            if max(due, self._paused_until) - self._clock.monotonic() > PATIENCE:
                return False
            sleep(max(0.0, due - self._clock.monotonic()))
            if self._paused_until <= due and self._clock.monotonic() - due <= LATE:
                break
        return True

    def pause(self, seconds: float) -> None:
        """Let nobody ask this gateway for so long: it said so."""
        self._paused_until = max(self._paused_until, self._clock.monotonic() + seconds)
        with suppress(StoreUnavailable):  # this worker keeps to it; the next answer tells the others
            work_queue.pause(self._engine, self._address, seconds)

    def _next(self) -> float | None:
        """When the next place of ours is; None where none can be had now."""
        now = self._clock.monotonic()
        lost = 0
        while self._places:
            if (due := self._places.popleft()) >= now - LATE:
                return due
            lost += 1
        most = 1 if self._only_if_idle else max(1, int(self._rate * _BLOCK))
        self._block = 1 if lost else min(2 * self._block, most)
        self._places = self._take(self._block, only_if_idle=self._only_if_idle)
        return self._places.popleft() if self._places else None

    def _take(self, count: int, *, only_if_idle: bool = False) -> deque[float]:
        count, wait = work_queue.take_places(
            self._engine, self._address, self._rate, count, only_if_idle=only_if_idle
        )
        first = self._clock.monotonic() + wait
        return deque(first + n / self._rate for n in range(count))
