"""A million reports: what a person's questions cost.

Each command as a whole process over a mirror of so many reports, beside the same over one of twenty: the difference is
what the size costs. The mirror is made by `benchmarks/mirror_of.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from benchmarks import databases
from benchmarks.contenders import OURS
from benchmarks.form import Goal, Line, Plan, Result, seconds_of, told
from benchmarks.mirror_of import FIRST_ID, made
from benchmarks.processes import in_turn, run

REPORTS = 1_000_000
FEW = 20


def lines(plan: Plan) -> Iterator[Result]:
    """Four questions on each database."""
    count = plan.size(REPORTS)
    for kind in plan.databases:
        with databases.fresh(kind, plan.folder) as small, databases.fresh(kind, plan.folder) as url:
            made(small, FEW)
            made(url, count)
            yield from _questions(plan, kind, {FEW: small, count: url})


def _questions(plan: Plan, kind: str, urls: dict[int, str]) -> Iterator[Result]:
    for words in ("status", "reports --overdue", "show", "plan"):
        contenders = {}
        for count, url in urls.items():
            last = [str(FIRST_ID + count - 1)] if words == "show" else []
            command, env = [*OURS, *words.split(), *last, "--json"], {"LAPOR_SYNC_DATABASE_URL": url}
            contenders[f"{words}, {count:,}"] = partial(run, command, env=env, limit=plan.limit)
        few, many = in_turn(plan.runs, contenders).values()
        yield Line(
            what=f"`{words}` over {max(urls):,} reports, {kind}",
            ours=told(many),
            against=f"over {FEW}: {told(few)}",
            figure=seconds_of(many) - seconds_of(few),
            goal=Goal(sign="≤", bound=0.5, unit="s"),
        )
