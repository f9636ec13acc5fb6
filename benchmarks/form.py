"""The common form of every result, so that one table and one plot can be made of all subjects.

A subject is a module of this package with a docstring (its first line is its title in the document) and a function
`lines(plan)` that yields `Line` and `Point` as it goes.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from math import isnan, nan
from pathlib import Path
from statistics import median
from typing import Protocol

SUBJECTS = (
    "read",
    "backfill",
    "store",
    "again",
    "memory",
    "poll",
    "export",
    "deliver",
    "at_scale",
    "audit",
    "startup",
    "idle",
    "board",
)
"""In the order of the document. Each is a module of this package."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What was asked for. `scale` shortens all sizes (1: as the goals name them); `folder` is for scratch files."""

    runs: int
    databases: tuple[str, ...]
    scale: float
    folder: Path
    limit: float  # seconds after which one run is stopped

    def size(self, count: int) -> int:
        """`count`, or fewer for a trial."""
        return max(int(count * self.scale), 20)


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run of one contender: seconds on the clock and on the processor, its own peak memory, what it reports.

    `is_over`: it was stopped at the limit, so that `seconds` is a lower bound.
    """

    seconds: float
    cpu: float = 0.0
    peak_mb: float = 0.0
    facts: Mapping[str, float] = field(default_factory=dict)
    is_over: bool = False


@dataclass(frozen=True, kw_only=True)
class Goal:
    """A bound on a line's figure: `sign` is one of ≤ < ≥ >; `unit` stands behind both ("x", "s", "MB", ...)."""

    sign: str
    bound: float
    unit: str = "x"

    def is_met(self, figure: float) -> bool:
        """Whether the figure keeps the bound."""
        return bool(_SIGNS[self.sign](figure, self.bound))

    def __str__(self) -> str:
        return f"{self.sign} {self.bound:g} {_shown(self.unit)}"


_SIGNS: Mapping[str, Callable[[float, float], object]] = {
    "≤": operator.le,
    "<": operator.lt,
    "≥": operator.ge,
    ">": operator.gt,
}


def _shown(unit: str) -> str:
    return "×" if unit == "x" else unit


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of the table. `ours` and `against` are as they are to be read; `figure` is what the goal is about.

    `is_bound`: the figure is a bound (a peer was stopped at the limit), shown with a `>`. It is NaN where one of the
    two failed.
    """

    what: str
    ours: str
    against: str = ""
    figure: float
    goal: Goal | None = None
    is_bound: bool = False
    note: str = ""

    @property
    def shown(self) -> str:
        """The figure as it is to be read."""
        if isnan(self.figure):
            return ""
        unit = _shown(self.goal.unit) if self.goal else "×"
        return f"{'> ' if self.is_bound else ''}{number(self.figure)} {unit}"

    @property
    def verdict(self) -> str:
        """Met, missed, or nothing where there is no goal."""
        if isnan(self.figure):
            return "not measured"
        if self.goal is None:
            return ""
        return "met" if self.goal.is_met(self.figure) else "**missed**"


@dataclass(frozen=True, kw_only=True)
class Point:
    """One point of the growth plot: `curve` names the line it belongs to, `panel` the picture."""

    panel: str
    curve: str
    reports: int
    value: float


Result = Line | Point


class Subject(Protocol):
    """What a module of a subject offers."""

    __doc__: str | None

    def lines(self, plan: Plan) -> Iterator[Result]: ...


def number(value: float) -> str:
    """Three figures that matter, never in powers of ten."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 0.1 else f"{value:.3f}"


def seconds_of(runs: Iterable[Run]) -> float:
    """The median of their times; NaN where there is none."""
    return _median(run.seconds for run in runs)


def peak_of(runs: Iterable[Run]) -> float:
    """The median of their peaks of memory, in MB; NaN where there is none."""
    return _median(run.peak_mb for run in runs)


def by_processor(runs: Iterable[Run]) -> list[Run]:
    """The same runs by their processor time: what other work on the machine disturbs least."""
    return [replace(run, seconds=run.cpu) for run in runs]


def _median(values: Iterable[float]) -> float:
    found = list(values)
    return median(found) if found else nan


def told(runs: Iterable[Run]) -> str:
    """Median and spread: `5.31 s (5.28 to 5.40), 62 MB`."""
    taken = list(runs)
    if not taken:
        return "failed"
    times = sorted(run.seconds for run in taken)
    more = "> " if any(run.is_over for run in taken) else ""
    spread = f" ({number(times[0])} to {number(times[-1])})" if len(times) > 1 else " (one run)"
    memory = f", {peak_of(taken):.0f} MB" if peak_of(taken) else ""
    return f"{more}{number(median(times))} s{spread}{memory}"


def compared(what: str, ours: list[Run], peer: list[Run], who: str, goal: Goal | None, note: str = "") -> Line:
    """A line with our time against a peer's. A bound from below (≥, >) asks how many times as long the peer took."""
    mine, theirs = seconds_of(ours), seconds_of(peer)
    is_faster = goal is not None and goal.sign in {"≥", ">"}
    return Line(
        what=what,
        ours=told(ours),
        against=f"{who}: {told(peer)}",
        figure=theirs / mine if is_faster else mine / theirs,
        goal=goal,
        is_bound=is_faster and any(run.is_over for run in peer),
        note=note,
    )
