"""Our figures beside another count of the same: difference by difference, with the reports behind it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from lapor_sync.domain.colour import canonical
from lapor_sync.recap.figures import Line, Stage

_NEAR = 0.05
"""Means and percentages that differ by less are the same: the other count may be rounded."""


class Difference(NamedTuple):
    """A figure that the other count has otherwise; `reports` are those that we count there, by Tracking ID."""

    unit: str
    opd: str | None
    figure: str
    theirs: float
    ours: float | None
    reports: tuple[str, ...]


class Comparison(NamedTuple):
    """What differs; which units stand in the other count alone, and which OPDs in ours."""

    differences: tuple[Difference, ...]
    only_theirs: tuple[str, ...]
    only_ours: tuple[str, ...]


def compare(
    lines: Iterable[Line],
    theirs: Mapping[str, Mapping[str, float | None]],
    behind: Mapping[tuple[str | None, Stage], Sequence[str]],
) -> Comparison:
    """Return our lines beside the other count's figures, by unit; names are compared without case and punctuation.

    `behind`: the Tracking IDs of what we count, by OPD and stage.
    """
    ours = {canonical(line.opd_name or line.opd or ""): line for line in lines}
    named = {canonical(unit): unit for unit in theirs}
    differences = [
        difference
        for name, unit in named.items()
        if name in ours
        for difference in _differences(unit, ours[name], theirs[unit], behind)
    ]
    return Comparison(
        tuple(differences),
        tuple(unit for name, unit in named.items() if name not in ours),
        tuple(line.opd_name or line.opd or "-" for name, line in ours.items() if name not in named),
    )


def _differences(
    unit: str,
    line: Line,
    theirs: Mapping[str, float | None],
    behind: Mapping[tuple[str | None, Stage], Sequence[str]],
) -> Iterable[Difference]:
    for figure, number in theirs.items():
        mine: float | None = getattr(line, figure)
        if number is None or (mine is not None and abs(mine - number) < _NEAR):
            continue
        of_it = behind.get((line.opd, Stage(figure)), ()) if figure in set(Stage) else ()
        yield Difference(unit, line.opd, figure, number, mine, tuple(of_it))
