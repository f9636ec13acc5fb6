"""In what order deliveries leave: a few reports at a time; after an outage one goes first, alone. Source: rules,
"Order and waiting".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lapor_sync.domain.delivery import State
from lapor_sync.store import marks, outbox
from lapor_sync.store.database import Work
from lapor_sync.store.marks import Mark
from lapor_sync.store.outbox import Queued
from lapor_sync.sync.looking import Looking
from lapor_sync.sync.setup import Setup

FRESH_SECONDS = 5.0
"""What a report showed counts for so long; then it is read again before something leaves for it."""

_CALLS = 3
"""Of one delivery until it has left: its report's detail and thread, and itself."""


@dataclass
class Waves:
    """The waves of one push. `Mark.CANARY` has the reference of the one that went first, until its fate is known."""

    setup: Setup
    looking: Looking
    is_alone: bool = False  # an outage is just over: the wave is the one that goes first
    is_stalled: bool = False  # a send did not bring a clear answer

    def of(self, due: list[Queued]) -> Iterator[list[Queued]]:
        """As many reports at a time as can be looked at and leave while that is fresh, and as calls may be in flight.

        After an outage one delivery alone goes first, the rest when it arrived.
        """
        rest = list(due)
        while rest:
            with self.setup.store.reading() as work:
                first = marks.get(work, Mark.CANARY)
                self.is_alone = first is not None
                if first is not None and self._is_in_doubt(work, first):
                    rest = [one for one in rest if one.state is State.UNKNOWN]
            if first is None:
                yield rest[: self._most]
                del rest[: self._most]
                continue
            if self.is_stalled or not rest:
                return
            alone = min(rest, key=_goes_first)
            yield [alone]
            rest.remove(alone)

    @property
    def _most(self) -> int:
        pace = self.setup.pace
        in_time = int(pace.rate_per_second * FRESH_SECONDS / _CALLS) if pace.rate_per_second else pace.concurrency
        return max(1, min(pace.concurrency, in_time))

    def claimed(self, work: Work, one: Queued) -> None:
        """It is about to leave."""
        if self.is_alone:
            marks.put(work, Mark.CANARY, one.ref)

    def answered(self, work: Work) -> None:
        """A clear answer came: the others follow."""
        if self.is_alone:
            marks.clear(work, Mark.CANARY)
            self.is_alone = False

    def found(self, work: Work, one: Queued) -> None:
        """It was read back: if it went first, the others follow."""
        if marks.get(work, Mark.CANARY) == one.ref:
            marks.clear(work, Mark.CANARY)

    def _is_in_doubt(self, work: Work, ref: str) -> bool:
        """Whether the one that went first may have arrived, and can still be read back: then nothing else leaves.

        After twice the grace it holds up the others no longer: its report cannot be read, or tells nothing.
        """
        one, longest = outbox.get(work, ref), 2 * self.setup.rules.grace
        if one is None or one.state is not State.UNKNOWN:
            return False
        elapsed = self.looking.ran_since(one)
        if elapsed is not None:
            return elapsed < longest.total_seconds()
        return one.ended_at is not None and self.setup.connector.upstream_now() - one.ended_at < longest


def _goes_first(queued: Queued) -> tuple[bool, int]:
    """After an outage: what may have arrived is looked for, then what was tried least; one report blocks no other."""
    return queued.state is not State.UNKNOWN, queued.delivery.tries
