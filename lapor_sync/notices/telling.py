"""What telling people needs, the loop that does it beside the daemon's cycles, and the way to do it after a single one.

The loop runs in a thread of the daemon's process, with transactions of its own that are open only while rows are
written: a channel that is slow, down or refuses slows neither the cycle nor a delivery.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import time

from lapor_sync.domain.errors import StoreError
from lapor_sync.domain.ports import Clock, Sender
from lapor_sync.mirror.mirror import Mirror
from lapor_sync.notices.composing import Free, compose
from lapor_sync.notices.sending import send_waiting
from lapor_sync.words.notices_id import Place

EVERY = 10.0
"""Seconds from one look to the next."""

A_WHILE = 20.0
"""Seconds in which messages begin to leave after a cycle that is worked by itself."""

PATIENCE = 5.0
"""Seconds that the end of the process waits for a message that is on its way."""


@dataclass(frozen=True, kw_only=True)
class Telling:
    """One agency's notices. `spread` is a random number in [0, 1); `step` is called with each step's name."""

    mirror: Mirror
    sender: Sender
    clock: Clock
    place: Place
    digest_at: time
    free: Free
    spread: Callable[[], float]
    step: Callable[[str], None]
    stopping: Callable[[], bool]

    def once(self) -> int:
        """Make what is to be told, and send what is due; how many messages the channels took."""
        compose(self.mirror, self.sender, self.clock, self.digest_at, self.free)
        self.step("notices_made")
        return send_waiting(
            self.mirror,
            self.sender,
            self.clock,
            self.place,
            spread=self.spread,
            step=self.step,
            stopping=self.stopping,
        )


@contextmanager
def beside(telling: Telling | None) -> Iterator[None]:
    """Tell people while the block runs. What is on its way at its end is waited for a little, and left then."""
    if telling is None:
        yield
        return
    over = threading.Event()
    thread = threading.Thread(target=_go_on, args=(telling, over), name="notices", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(PATIENCE)


def _go_on(telling: Telling, over: threading.Event) -> None:
    while not over.is_set():
        _tell(telling)
        over.wait(EVERY)


def tell_for_a_while(telling: Telling | None) -> None:
    """Tell people after a cycle that is worked by itself, while the agency is held: so nobody else tells the same.

    Once `A_WHILE` is over no further message begins; what waits leaves after the next cycle.
    """
    if telling is None:
        return
    asked, began = telling.stopping, telling.clock.monotonic()
    _tell(replace(telling, stopping=lambda: asked() or telling.clock.monotonic() - began >= A_WHILE))


def _tell(telling: Telling) -> None:
    try:
        telling.once()
    except StoreError:
        pass  # the cycle meets it too, and says so
    except Exception as failed:
        telling.mirror.log.error("notices_failed", error=type(failed).__name__, exc_info=failed)
