"""What reads of other reports tell of LAPOR: what is another thing at each read of one to which nothing was ever written
tells of the read alone; and where the details of others name their report, each does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from threading import Lock
from typing import NamedTuple

from lapor_sync.domain.identity import is_by_id
from lapor_sync.domain.loose import random_places
from lapor_sync.store import ailing, reports
from lapor_sync.store.reports import Mirrored
from lapor_sync.sync.calls import ById, Health
from lapor_sync.sync.reread import read_detail, read_one
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


NAMED = 3
"""Of so many reports the details are asked for, to see whether LAPOR's details name their report."""


class Elsewhere:
    """Looks at such reports, once a push, when somebody asks."""

    def __init__(self, setup: Setup, health: Health) -> None:
        self._setup, self._health = setup, health
        self._turn = Lock()
        self._places: Places | None = None
        self._names: bool | None = None

    def places(self) -> Places:
        """Return where it moves; nowhere, if there is no such report, or it cannot be read."""
        with self._turn:
            if self._places is None:
                self._places = self._looked()
            return self._places

    def names(self, but: str) -> bool | None:
        """Return whether the detail of a report other than `but`, by the id that is called, names its Tracking ID; None
        where that cannot be told now."""
        with self._turn:
            if self._names is None:
                with self._setup.store.reading() as work:
                    others = reports.named(work, {*ailing.listing(work), but}, NAMED)
                said = [self._is_named(one) for one in others]
                self._names = True if True in said else None if None in said else False
            return self._names

    def _is_named(self, one: Mirrored) -> bool | None:
        found = read_detail(self._setup, self._health, one.call_id)
        if found.detail is None:
            return None if found.error is not None and not found.is_missing else False
        return not is_by_id(found.detail.report)

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
