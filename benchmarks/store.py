"""The store alone: 100,000 reports in pages of 100 with their threads inside.

No wire: ours and dlt are given the same dictionaries. Ours parses, judges, writes mirror, raw payloads and a hashed
audit row a report; dlt infers a schema and merges. Beside it what only writes rows: the bare insert of the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from benchmarks import inside_runs
from benchmarks.contenders import PEERS
from benchmarks.form import Goal, Line, Plan, Point, Result, by_processor, compared, peak_of, seconds_of
from benchmarks.processes import PYTHON, in_turn, run

REPORTS = 100_000


def lines(plan: Plan) -> Iterator[Result]:
    """Fresh databases."""
    count = plan.size(REPORTS)
    contenders = {f"ours, {kind}": partial(inside_runs.ours_fresh, plan, kind, count) for kind in plan.databases}
    contenders["dlt"] = partial(inside_runs.dlt_fresh, plan, count)
    insert = [PYTHON, PEERS / "bare_insert.py", count, plan.folder / "bare.db"]
    contenders["insert"] = partial(run, insert, limit=plan.limit)
    done = in_turn(plan.runs, contenders)
    for kind in plan.databases:
        ours = done[f"ours, {kind}"]
        yield Point(panel="store alone, s", curve=kind, reports=count, value=seconds_of(ours))
        yield compared(
            f"{count:,} reports, {kind}", ours, done["dlt"], "dlt, merge, SQLite", Goal(sign="≥", bound=1.2)
        )
        mine, bare = by_processor(ours), by_processor(done["insert"])
        what = f"processor time of {count:,} reports, {kind}"
        yield compared(what, mine, bare, "bare sqlite3 insert", Goal(sign="≤", bound=4.5))
        yield Line(
            what=f"its peak memory, {kind}",
            ours=f"{peak_of(ours):.0f} MB",
            against=f"dlt: {peak_of(done['dlt']):.0f} MB",
            figure=peak_of(ours) / peak_of(done["dlt"]),
            goal=Goal(sign="<", bound=0.5),
        )
