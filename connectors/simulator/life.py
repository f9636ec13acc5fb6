"""The life of the city while simulated time passes: what happens next to whom, decided from the seed.

`Life` only decides; `World` carries out. Each change of a report puts at most one next thing on the agenda;
a further change makes that entry stale (its `version` no longer fits). Agencies mostly do *not* answer here:
that is what the program under test is for.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from random import Random

from connectors.simulator.city import CITY_ID, OPD_IDS, OUTSIDE
from connectors.simulator.clock import DAY, after_working_days
from connectors.simulator.past import SILENCE
from connectors.simulator.records import BELUM, DIARSIPKAN, DITOLAK, TUNDA, Report

HOUR = 3600
REPORTS_A_DAY = 6.0


@dataclass(frozen=True, order=True, kw_only=True)
class Happening:
    """One thing to come: `act` is a method of the world; without a report, a citizen files a new one."""

    at: int
    order: int
    tracking_id: int | None = field(default=None, compare=False)
    version: int = field(default=0, compare=False)
    act: str = field(default="file_report", compare=False)
    details: Mapping[str, object] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, kw_only=True)
class _Next:
    act: str
    hours: float = 0.0
    at: int | None = None
    details: Mapping[str, object] = field(default_factory=dict)


class Life:
    """The agenda of the city."""

    def __init__(self, seed: int, reports: Iterable[Report], now: int) -> None:
        self._seed = seed
        self._agenda: list[Happening] = []
        self._pushed = 0
        self._filed = 0
        self._expect_filing(now)
        for report in reports:
            self.expect(report, now)

    def expect(self, report: Report, now: int) -> None:
        """Decide what happens next to this report, if anything."""
        dice = Random(f"{self._seed}/life/{report.tracking_id}/{report.version}")
        if (step := _next_step(report, dice)) is not None:
            wait = int(dice.expovariate(1 / (step.hours * HOUR))) if step.hours else 0
            at = now + wait if step.at is None else max(step.at, now)
            self._push(at, report, step)

    def next_until(self, now: int) -> Happening | None:
        """Take the next thing that is due by now, in order of time."""
        if not self._agenda or self._agenda[0].at > now:
            return None
        happening = heapq.heappop(self._agenda)
        if happening.tracking_id is None:
            self._expect_filing(happening.at)
        return happening

    def _expect_filing(self, now: int) -> None:
        self._filed += 1
        gap = Random(f"{self._seed}/filing/{self._filed}").expovariate(REPORTS_A_DAY / DAY)
        self._pushed += 1
        heapq.heappush(self._agenda, Happening(at=now + 1 + int(gap), order=self._pushed))

    def _push(self, at: int, report: Report, step: _Next) -> None:
        self._pushed += 1
        happening = Happening(
            at=at,
            order=self._pushed,
            tracking_id=report.tracking_id,
            version=report.version,
            act=step.act,
            details=step.details,
        )
        heapq.heappush(self._agenda, happening)


def _next_step(report: Report, dice: Random) -> _Next | None:
    if report.ended:
        return _after_the_end(report, dice)
    if report.status == BELUM:
        return _Next(act="verify", hours=6)
    if report.disposed is None:
        return _Next(act="dispose", hours=1, details={"to": CITY_ID})
    if report.forward_to is not None:
        return _forwarded(report, dice)
    if report.disposed == CITY_ID:
        return _Next(act="dispose", hours=5, details={"to": report.opd})
    return _at_agency(report, dice)


def _after_the_end(report: Report, dice: Random) -> _Next | None:
    """Few are opened again; what was archived or refused stays so."""
    if report.status in (DIARSIPKAN, DITOLAK) or dice.random() >= 0.02:
        return None
    return _Next(act="reopen", hours=60)


def _forwarded(report: Report, dice: Random) -> _Next:
    """The admin confirms most requests to hand over, and sends the others back to where they were."""
    to = report.forward_to if dice.random() < 0.75 else report.disposed
    return _Next(act="dispose", hours=20, details={"to": to})


def _at_agency(report: Report, dice: Random) -> _Next | None:
    luck = dice.random()
    if report.last_word == "agency":
        return _after_answer(report, luck, dice)
    if report.disposed in OUTSIDE or luck < 0.05:
        return _Next(act="answer", hours=90)
    if report.last_word is None and luck < 0.09 and report.status != TUNDA:
        return _Next(act="dispose", hours=30, details={"to": dice.choice(OPD_IDS)})
    return None


def _after_answer(report: Report, luck: float, dice: Random) -> _Next:
    if luck < 0.3:
        return _Next(act="satisfied", hours=40, details={"rating": dice.randint(3, 5)})
    if luck < 0.55:
        return _Next(act="reply", hours=30)
    return _Next(act="close_by_system", at=after_working_days(report.updated_at, SILENCE))
