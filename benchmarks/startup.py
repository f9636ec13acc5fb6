"""The start: how long `lapor-sync status` takes over a small mirror, as a whole process."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from benchmarks import databases
from benchmarks.contenders import OURS
from benchmarks.form import Goal, Plan, Result, by_processor, compared
from benchmarks.mirror_of import made
from benchmarks.processes import PYTHON, in_turn, run

LIBRARIES = {
    "sqlite": "click, pydantic_settings, sqlalchemy.dialects.sqlite",
    "postgresql": "click, psycopg, pydantic_settings, sqlalchemy.dialects.postgresql",
}


def lines(plan: Plan) -> Iterator[Result]:
    """On each database."""
    for kind in plan.databases:
        with databases.fresh(kind, plan.folder) as url:
            made(url, 20)
            env = {"LAPOR_SYNC_DATABASE_URL": url}
            status = partial(run, [*OURS, "status"], env=env, limit=plan.limit)
            bare = partial(run, [PYTHON, "-c", f"import {LIBRARIES[kind]}"], limit=plan.limit)
            done = in_turn(plan.runs, {"status": status, "bare": bare})
        runs = done["status"]
        yield compared(f"`lapor-sync status`, {kind}", runs, done["bare"], "import of its libraries", None)
        goal = Goal(sign="≤", bound=1.35)
        what = f"its processor time, {kind}"
        yield compared(what, by_processor(runs), by_processor(done["bare"]), "import of its libraries", goal)
