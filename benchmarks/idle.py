"""An idle daemon: its memory after some polls over a small mirror.

Two daemons: the first over a new database, which makes the tables and mirrors all reports, and the next, which finds
them there. Read from the kernel while it waits for its next poll: what it holds then, and its peak.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median

from benchmarks import databases
from benchmarks.contenders import OURS
from benchmarks.form import Goal, Line, Plan, Result
from benchmarks.processes import ROOT, Void
from benchmarks.upstream.replies import World
from benchmarks.upstream.serving import Upstreams

SECONDS = 15.0
POLL = {"LAPOR_SYNC_POLL_SECONDS": "3"}
MOST_MB = {"sqlite": 70, "postgresql": 80}
DAEMONS = ("over a new database", "started again")


def lines(plan: Plan) -> Iterator[Result]:
    """On each database, the two one after the other."""
    upstreams, world = Upstreams(plan.folder), World(reports=plan.size(1_000))
    for kind in plan.databases:
        held: dict[str, list[tuple[float, float]]] = {who: [] for who in DAEMONS}
        for _ in range(plan.runs):
            with databases.fresh(kind, plan.folder) as url:
                for who in DAEMONS:
                    with upstreams.serving(world, 0) as upstream:
                        held[who].append(_memory({**upstream.env(url), **POLL}))
                    if not upstream.did["requests"]:
                        raise Void("the daemon asked upstream for nothing")
        for who, runs in held.items():
            now, peaks = zip(*runs, strict=True)
            holds = median(now)
            ours = f"{holds:.0f} MB ({min(now):.0f} to {max(now):.0f}), at its peak {median(peaks):.0f} MB"
            goal = Goal(sign="≤", bound=MOST_MB[kind], unit="MB")
            yield Line(what=f"a daemon {who}, {kind}", ours=ours, figure=holds, goal=goal)


def _memory(env: Mapping[str, str]) -> tuple[float, float]:
    """What a daemon holds after SECONDS, and its peak, in MB. Raises Void where it did not end well."""
    daemon = subprocess.Popen(OURS, env={**os.environ, **env}, cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        time.sleep(SECONDS)
        told = dict(line.split(":", 1) for line in Path(f"/proc/{daemon.pid}/status").read_text().splitlines())
    finally:
        daemon.terminate()
        daemon.wait(60)
    if daemon.returncode:
        raise Void(f"the daemon ended with exit code {daemon.returncode}")
    held, peak = (int(told[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))
    return held, peak
