"""What is another thing at each read of a report to which nothing was ever written: so it tells of the read alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from threading import Lock
from typing import NamedTuple

from lapor_sync.domain.loose import random_places
from lapor_sync.store import ailing, reports
from lapor_sync.sync.calls import ById, Health
from lapor_sync.sync.reread import read_one
from lapor_sync.sync.setup import Setup

READS = 4
"""So often a report is read, right after one another, where it is to be seen what moves from read to read."""

_Marks = list[Mapping[str, str]]


def marks_of(reads: Sequence[ById]) -> tuple[_Marks, _Marks] | None:
    """Return the marks of detail and of thread in each of these `READS`; None where one of them has not both."""
    details = [one.detail.marks for one in reads if one.detail and one.detail.marks is not None]
    threads = [one.thread.marks for one in reads if one.thread and one.thread.marks is not None]
    return (details, threads) if len(details) == len(threads) == READS else None


class Places(NamedTuple):
    """Where detail and thread say another thing at each read."""

    detail: frozenset[str] = frozenset()
    thread: frozenset[str] = frozenset()


class Elsewhere:
    """Looks at such a report, once, when somebody asks."""

    def __init__(self, setup: Setup, health: Health) -> None:
        self._setup, self._health = setup, health
        self._turn = Lock()
        self._places: Places | None = None

    def places(self) -> Places:
        """Return where it moves; nowhere, if there is no such report, or it cannot be read."""
        with self._turn:
            if self._places is None:
                self._places = self._looked()
            return self._places

    def _looked(self) -> Places:
        with self._setup.store.reading() as work:
            other = reports.never_written_to(work, ailing.listing(work))
        if other is None:
            return Places()
        found = [
            read_one(self._setup, self._health, other, as_proof=True, fresh=True, with_detail=True)
            for _ in range(READS)
        ]
        marks = marks_of(found)
        return Places(*map(random_places, marks)) if marks else Places()
