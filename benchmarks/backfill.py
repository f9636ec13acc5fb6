"""Backfill: how quickly a city is mirrored.

10,000 reports of 1.5 KB with two follow-ups each, in pages of 100, concurrency 8, from an upstream with 20 ms of
latency and with none. Whole processes, from start to end.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from math import nan

from benchmarks.contenders import (
    Ground,
    bare,
    bare_and_insert,
    bare_with_detail,
    dlt_rest,
    plain_script,
)
from benchmarks.form import Goal, Line, Plan, Point, Result, Run, compared, peak_of, seconds_of
from benchmarks.processes import in_turn
from benchmarks.upstream.replies import World
from benchmarks.upstream.serving import Upstreams

REPORTS = 10_000


def lines(plan: Plan) -> Iterator[Result]:
    """Both latencies, all peers; then list rows that lack fields."""
    upstreams = Upstreams(plan.folder)
    world = World(reports=plan.size(REPORTS))
    for latency in (20, 0):
        yield from _against_peers(Ground(plan=plan, upstreams=upstreams, world=world, latency_ms=latency))
    lacking = World(reports=plan.size(REPORTS), lacking=True)
    yield from _lacking(Ground(plan=plan, upstreams=upstreams, world=lacking, latency_ms=20))


def _against_peers(ground: Ground) -> Iterator[Result]:
    peers = {"bare httpx": bare, "dlt": dlt_rest, "plain script": plain_script}
    if not ground.latency_ms:
        peers["httpx and sqlite3"] = bare_and_insert
    contenders = {f"ours, {kind}": partial(ground.ours, kind) for kind in ground.plan.databases}
    contenders |= {who: partial(ground.peer, command) for who, command in peers.items()}
    done = in_turn(ground.plan.runs, contenders, once=frozenset({"plain script"}))
    for kind in ground.plan.databases:
        yield from _lines(ground, kind, done[f"ours, {kind}"], done)


def _lines(ground: Ground, kind: str, ours: list[Run], done: dict[str, list[Run]]) -> Iterator[Result]:
    reports, ms = ground.world.reports, ground.latency_ms
    what = f"{reports:,} reports, {ms} ms, {kind}"
    yield Point(panel="backfill without latency, s", curve=kind, reports=reports, value=seconds_of(ours))
    if ms:
        yield compared(what, ours, done["bare httpx"], "bare httpx, nothing stored", Goal(sign="≤", bound=1.08))
    else:
        insert = done["httpx and sqlite3"]
        yield compared(what, ours, insert, "bare httpx and sqlite3 insert", Goal(sign="≤", bound=1))
        yield compared(what, ours, done["bare httpx"], "bare httpx, nothing stored", None)
    yield compared(
        what,
        ours,
        done["dlt"],
        "dlt rest_api, merge, SQLite",
        Goal(sign=">" if ms else "≥", bound=1 if ms else 3.3),
    )
    yield Line(
        what=f"its peak memory, {what}",
        ours=f"{peak_of(ours):.0f} MB",
        against=f"dlt: {peak_of(done['dlt']):.0f} MB",
        figure=peak_of(ours) / peak_of(done["dlt"]),
        goal=Goal(sign="<", bound=0.5),
    )
    yield compared(what, ours, done["plain script"], "plain script", Goal(sign="≥", bound=8) if ms else None)
    yield _requests(what, ours, 1.1, reports)


def _lacking(ground: Ground) -> Iterator[Result]:
    contenders = {f"ours, {kind}": partial(ground.ours, kind) for kind in ground.plan.databases[:1]}
    contenders["bare httpx"] = partial(ground.peer, bare_with_detail)
    done = in_turn(1, contenders)
    ours, reports = next(iter(done.values())), ground.world.reports
    what = f"{reports:,} reports, list rows lack fields, {ground.latency_ms} ms, {ground.plan.databases[0]}"
    yield compared(what, ours, done["bare httpx"], "bare httpx with details", Goal(sign="≤", bound=1.15))
    yield _requests(what, ours, 2.1, reports)


def _requests(what: str, ours: list[Run], most: float, reports: int) -> Line:
    count = max((run.facts["requests"] for run in ours), default=nan)
    return Line(
        what=f"requests a report, {what}",
        ours=f"{count:,.0f} requests",
        figure=count / reports,
        goal=Goal(sign="≤", bound=most, unit="requests"),
    )
