"""Memory: flat as the mirror grows.

The peak of a whole `lapor-sync --backfill` over HTTP without latency, from start to end, the making of the tables
included.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from benchmarks.contenders import Ground
from benchmarks.form import Goal, Line, Plan, Point, Result, peak_of, seconds_of
from benchmarks.processes import in_turn
from benchmarks.upstream.replies import World
from benchmarks.upstream.serving import Upstreams

REPORTS = (1_000, 10_000, 100_000)


def lines(plan: Plan) -> Iterator[Result]:
    """Three sizes, each once: a peak has hardly any spread, and time is measured elsewhere."""
    upstreams, peaks = Upstreams(plan.folder), dict[tuple[str, int], float]()
    for count in map(plan.size, REPORTS):
        ground = Ground(plan=plan, upstreams=upstreams, world=World(reports=count), latency_ms=0)
        done = in_turn(1, {kind: partial(ground.ours, kind) for kind in plan.databases})
        for kind, runs in done.items():
            peaks[kind, count] = peak_of(runs)
            yield Point(panel="peak memory of a backfill, MB", curve=kind, reports=count, value=peak_of(runs))
            yield Point(panel="backfill without latency, s", curve=kind, reports=count, value=seconds_of(runs))
        upstreams.drop(ground.world)
    few, _, many = map(plan.size, REPORTS)
    for kind in plan.databases:
        shown = ", ".join(f"{count:,}: {peaks[kind, count]:.0f} MB" for count in map(plan.size, REPORTS))
        growth = peaks[kind, many] / peaks[kind, few]
        yield Line(what=f"growth, {kind}", ours=shown, figure=growth, goal=Goal(sign="≤", bound=1.2))
        most = max(value for (which, _), value in peaks.items() if which == kind)
        yield Line(
            what=f"the highest peak, {kind}", ours=shown, figure=most, goal=Goal(sign="<", bound=120, unit="MB")
        )
