"""The audit: `audit verify` over a long chain.

The chain of a mirror of so many reports, one row each, against bare hashlib over the same bytes, read before it begins.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from benchmarks import databases
from benchmarks.contenders import OURS
from benchmarks.form import Goal, Line, Plan, Result, compared, peak_of
from benchmarks.mirror_of import AGENCY, made
from benchmarks.processes import PYTHON, in_turn, run
from lapor_sync.store import audit
from lapor_sync.store.database import make_engine

ROWS = 1_000_000
FEW = 20_000


def lines(plan: Plan) -> Iterator[Result]:
    """Time against the hashing alone, and memory against that of a short chain."""
    for kind in plan.databases:
        with databases.fresh(kind, plan.folder) as small, databases.fresh(kind, plan.folder) as url:
            made(small, plan.size(FEW))
            made(url, plan.size(ROWS))
            env, few = ({"LAPOR_SYNC_DATABASE_URL": one} for one in (url, small))
            verify = [*OURS, "audit", "verify"]
            done = in_turn(
                plan.runs,
                {
                    "ours": partial(run, verify, env=env, limit=plan.limit),
                    "hashlib": partial(run, [PYTHON, "-m", "benchmarks.audit", url], limit=plan.limit),
                    "few": partial(run, verify, env=few, limit=plan.limit),
                },
            )
        hashed = [replace(one, seconds=one.facts["seconds"], peak_mb=0) for one in done["hashlib"]]
        what = f"{plan.size(ROWS):,} rows, {kind}"
        yield compared(what, done["ours"], hashed, "hashlib", Goal(sign="≤", bound=4), "the start included")
        yield Line(
            what=f"memory, {what}",
            ours=f"{peak_of(done['ours']):.0f} MB",
            against=f"{plan.size(FEW):,} rows: {peak_of(done['few']):.0f} MB",
            figure=peak_of(done["ours"]) / peak_of(done["few"]),
            goal=Goal(sign="≤", bound=1.1),
        )


def bare(url: str) -> float:
    """Seconds that hashlib takes for the bytes of the whole chain."""
    with make_engine(url).connect() as conn:
        forms = [
            json.dumps(list(row.values())[:-1], separators=(",", ":"), ensure_ascii=False).encode()
            for row in audit.rows(conn, AGENCY)
        ]
    began = time.perf_counter()
    for form in forms:
        hashlib.sha256(form).hexdigest()
    return time.perf_counter() - began


if __name__ == "__main__":
    print(json.dumps({"seconds": bare(sys.argv[1])}))
