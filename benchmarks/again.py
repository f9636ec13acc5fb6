"""The same again: a second run over the existing mirror, nothing changed.

Pages with their threads inside, as in the store's benchmark: what it costs to find out that nothing is new. That
nothing is written is counted on the database: its audit head, its rows and its file stay as they were.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from benchmarks.form import Goal, Line, Plan, Point, Result, compared, seconds_of
from benchmarks.inside_runs import Mirrors, dlt_again
from benchmarks.processes import in_turn

REPORTS = (10_000, 100_000)
PEER_LIMIT = 240.0
"""Seconds given to dlt at 100,000: elsewhere it took more than 15 minutes."""


def lines(plan: Plan) -> Iterator[Result]:
    """Both sizes; our time a report must not grow."""
    seconds: dict[tuple[str, int], float] = {}
    with Mirrors(plan) as mirrors:
        for count in map(plan.size, REPORTS):
            contenders = {f"ours, {kind}": partial(mirrors.again, kind, count) for kind in plan.databases}
            with dlt_again(plan, count, min(plan.limit, PEER_LIMIT)) as peer:
                done = in_turn(plan.runs, contenders | {"dlt": peer}, once=frozenset({"dlt"}))
            for kind in plan.databases:
                ours = done[f"ours, {kind}"]
                seconds[kind, count] = seconds_of(ours)
                yield Point(panel="again, nothing changed, s", curve=kind, reports=count, value=seconds_of(ours))
                goal = Goal(sign="≥", bound=10)
                yield compared(f"{count:,} unchanged, {kind}", ours, done["dlt"], "dlt, merge, SQLite", goal)
            yield Point(
                panel="again, nothing changed, s", curve="dlt", reports=count, value=seconds_of(done["dlt"])
            )
            few = count
        few, many = map(plan.size, REPORTS)
        for kind in plan.databases:
            yield Line(
                what=f"growth from {few:,} to {many:,}, {kind}",
                ours=f"{seconds[kind, few]:.2f} s to {seconds[kind, many]:.2f} s",
                figure=seconds[kind, many] / seconds[kind, few] / (many / few),
                goal=Goal(sign="≤", bound=1.1, unit="x as many reports"),
            )
