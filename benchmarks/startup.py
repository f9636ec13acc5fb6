"""The start: how long `lapor-sync status` takes over a small mirror, as a whole process."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from benchmarks import databases
from benchmarks.contenders import OURS
from benchmarks.form import Goal, Line, Plan, Result, seconds_of, told
from benchmarks.mirror_of import made
from benchmarks.processes import in_turn, run


def lines(plan: Plan) -> Iterator[Result]:
    """On each database."""
    for kind in plan.databases:
        with databases.fresh(kind, plan.folder) as url:
            made(url, 20)
            env = {"LAPOR_SYNC_DATABASE_URL": url}
            status = partial(run, [*OURS, "status"], env=env, limit=plan.limit)
            done = in_turn(plan.runs, {"status": status})
        runs = done["status"]
        goal = Goal(sign="≤", bound=0.6, unit="s")
        yield Line(what=f"`lapor-sync status`, {kind}", ours=told(runs), figure=seconds_of(runs), goal=goal)
