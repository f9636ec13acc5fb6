"""How the OPDs stand, this month beside the last one: counted once an hour, and no request waits for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from lapor_sync.domain.period import Period
from lapor_sync.mirror.mirror import Mirror
from lapor_sync.recap import making
from lapor_sync.recap.figures import Figures, Line

EACH = timedelta(hours=1)
"""So old figures may be: a month of a large city takes seconds of a core."""


@dataclass(frozen=True, slots=True)
class Months:
    """The figures of a month and of the one before it, of all and by OPD; `first` is the month's first day."""

    first: date
    whole: tuple[Line, Line]
    opds: Mapping[str | None, tuple[Line | None, Line | None]]


class Standing:
    """Keeps what was counted last."""

    def __init__(self) -> None:
        self._asked_at: datetime | None = None
        self._found: Months | None = None

    def of(self, mirror: Mirror, later: Callable[[Callable[[], object]], None]) -> Months | None:
        """Return the last count, None before the first one; where it is old, another one is made `later`."""
        now = mirror.store.clock.now()
        if self._asked_at is None or now - self._asked_at >= EACH:
            self._asked_at = now
            later(lambda: self._count(mirror))
        return self._found

    def _count(self, mirror: Mirror) -> None:
        first = mirror.rules.working_days.day_of(mirror.store.clock.now()).replace(day=1)
        now, before = (_figures(mirror, day) for day in (first, (first - timedelta(days=1)).replace(day=1)))
        mine, theirs = ({row.opd: row for row in found.rows} for found in (now, before))
        self._found = Months(
            first, (now.total, before.total), {opd: (mine.get(opd), theirs.get(opd)) for opd in {*mine, *theirs}}
        )


def _figures(mirror: Mirror, first: date) -> Figures:
    with mirror.store.reading() as work:
        return making.recap(work, Period.parse(f"{first:%Y-%m}"), mirror.rules).figures
