"""Time that a test drives, and work that takes turns instead of threads: a history runs the same way again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Any
from unittest.mock import patch

from connectors.simulator import world
from connectors.sp4n_v3 import client
from lapor_sync.domain.ports import Uptime
from lapor_sync.sync import calls, pull, push, reread
from tests.flow.bench import START

MOMENT = 0.004
"""Seconds that pass with each look at the monotonic clock."""


class Clocks:
    """One true time, in seconds, and the clocks that show it, each ahead of it by what it was set wrong."""

    def __init__(self) -> None:
        self.true = 0.0
        self.wall_ahead = 0.0
        self.upstream_ahead = 0.0
        self._booted = -1000.0

    def now(self) -> datetime:
        return START + timedelta(seconds=self.true + self.wall_ahead)

    def uptime(self) -> Uptime:
        return Uptime(str(self._booted), self.true - self._booted)

    def monotonic(self) -> float:
        self.true += MOMENT
        return self.true - self._booted

    def sleep(self, seconds: float) -> None:
        self.true += max(seconds, 0)

    def boot(self) -> None:
        """The machine starts anew: its monotonic clock does too."""
        self._booted = self.true


class UpstreamClock:
    """The stand-in's clock, in the place of its own."""

    def __init__(self, clocks: Clocks) -> None:
        self._clocks = clocks

    def now(self) -> float:
        return START.timestamp() + self._clocks.true + self._clocks.upstream_ahead

    def advance(self, seconds: float) -> None:
        self._clocks.upstream_ahead += seconds


class Turn:
    """What was given to a pool: done at once, when somebody waits for it, or when the pool closes."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._work: Callable[[], Any] | None = work
        self._value: Any = None
        self._error: BaseException | None = None

    @property
    def is_done(self) -> bool:
        return self._work is None

    def run(self) -> None:
        if self._work is None:
            return
        work, self._work = self._work, None
        try:
            self._value = work()
        except BaseException as error:  # noqa: BLE001 - whoever waits for it gets it
            self._error = error

    def result(self) -> Any:
        self.run()
        if self._error is not None:
            raise self._error
        return self._value

    def cancel(self) -> None:
        """A turn that was not had yet is lost."""
        self._work = None


class Turns:
    """Pools without threads. Which turn is had when is thrown with `dice`: any order that threads may bring.

    Once `is_dead` nothing that was not begun is begun any more.
    """

    def __init__(self, dice: Random, is_dead: Callable[[], bool]) -> None:
        self._dice = dice
        self._is_dead = is_dead

    def pool(self, *_: object, **__: object) -> Pool:
        """In the place of ThreadPoolExecutor."""
        return Pool(self)

    def is_quick(self) -> bool:
        """Whether a turn is had before whoever asked for it goes on."""
        return self._dice.random() < 0.5 and not self._is_dead()

    def wait(self, running: Iterable[Turn], **_: object) -> tuple[list[Turn], list[Turn]]:
        """In the place of concurrent.futures.wait for the first: those that are done, in any order."""
        turns = list(running)
        self._dice.shuffle(turns)
        if not any(turn.is_done for turn in turns):
            turns[0].run()
        return [turn for turn in turns if turn.is_done], [turn for turn in turns if not turn.is_done]

    def close(self, turns: Iterable[Turn], *, is_cancelled: bool) -> None:
        """What was begun comes to its end; what was called off, or died, does not begin."""
        for turn in turns:
            if is_cancelled or self._is_dead():
                turn.cancel()
            turn.run()


class Pool:
    """The part of an executor that the program uses."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._given: list[Turn] = []

    def submit(self, work: Callable[..., Any], *args: Any, **values: Any) -> Turn:
        turn = Turn(partial(work, *args, **values))
        self._given.append(turn)
        if self._turns.is_quick():
            turn.run()
        return turn

    def shutdown(self, wait: bool = True, cancel_futures: bool = False) -> None:
        self._turns.close(self._given, is_cancelled=cancel_futures)

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()


@contextmanager
def clockwork(clocks: Clocks, turns: Turns) -> Iterator[None]:
    """The program works in turns, and what upstream shows late is shown by these clocks."""
    with ExitStack() as stack:
        for module in (pull, push, reread, client):
            stack.enter_context(patch.object(module, "ThreadPoolExecutor", turns.pool))
        stack.enter_context(patch.object(calls, "wait", turns.wait))
        stack.enter_context(patch.object(world, "monotonic", lambda: clocks.true))
        yield
