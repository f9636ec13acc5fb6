"""A poll: what a cycle costs when nothing changed, and when ten reports did.

Whole cycles of the daemon (pull, re-read, push, audit head) in one process, from an upstream with the update filter
and no latency. The mirror of a million is the one of 100,000 ten times over, by SQL: its table of reports alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from sqlalchemy import create_engine, text

from benchmarks import databases
from benchmarks.contenders import OURS
from benchmarks.form import Goal, Line, Plan, Point, Result, Run, seconds_of
from benchmarks.inside_runs import Mirrors, analyze
from benchmarks.processes import PYTHON, ROOT, Void, run
from benchmarks.upstream.replies import World
from benchmarks.upstream.serving import Upstreams
from lapor_sync.store.schema import report

REPORTS = (1_000, 100_000, 1_000_000)
CYCLES = 30
WARM = 3
NOTHING = World(reports=20)
TEN = World(reports=20, changed=10)


def lines(plan: Plan) -> Iterator[Result]:
    """Nothing changed at three sizes; then ten changed."""
    upstreams = Upstreams(plan.folder)
    few, many, most = map(plan.size, REPORTS)
    with Mirrors(plan) as mirrors:
        for kind in plan.databases:
            with databases.fresh(kind, plan.folder, copy_of=mirrors.url(kind, many)) as big:
                grow(big, most // many)
                urls = {few: mirrors.url(kind, few), many: mirrors.url(kind, many), most: big}
                yield from _nothing(plan, upstreams, kind, urls)
            with databases.fresh(kind, plan.folder, copy_of=mirrors.url(kind, few)) as url:
                yield _ten(plan, upstreams, kind, url)


def grow(url: str, times: int) -> None:
    """Let the table of reports hold so many times as many."""
    names = [column.name for column in report.columns]
    engine = create_engine(url)
    with engine.begin() as conn:
        for step in range(1, times):
            new = {"tracking_id": f"'{step}' || tracking_id", "upstream_id": f"'{step}' || upstream_id"}
            values = ", ".join(new.get(name, name) for name in names)
            where = "length(tracking_id) = 8"
            conn.execute(
                text(f"INSERT INTO report ({', '.join(names)}) SELECT {values} FROM report WHERE {where}")
            )
    engine.dispose()
    if engine.dialect.name == "postgresql":
        analyze(url)


def _nothing(plan: Plan, upstreams: Upstreams, kind: str, urls: dict[int, str]) -> Iterator[Result]:
    done: dict[int, list[Run]] = {count: [] for count in urls}
    for url in urls.values():
        _cycles(plan, upstreams, url, WARM)
    for _ in range(plan.runs):
        for count, url in urls.items():
            done[count].append(_cycles(plan, upstreams, url, CYCLES))
    few = min(urls)
    for count, runs in done.items():
        yield Point(panel="a poll, nothing changed, ms", curve=kind, reports=count, value=1000 * seconds_of(runs))
        requests = max(one.facts["requests"] for one in runs) / CYCLES
        yield Line(
            what=f"nothing changed, {count:,} reports, {kind}",
            ours=f"{1000 * seconds_of(runs):.1f} ms a cycle, {requests:.2f} requests",
            against=f"{few:,}: {1000 * seconds_of(done[few]):.1f} ms",
            figure=seconds_of(runs) / seconds_of(done[few]),
            goal=Goal(sign="≤", bound=1.2) if count != few else None,
        )


def _cycles(plan: Plan, upstreams: Upstreams, url: str, count: int) -> Run:
    """So many cycles; `seconds` is one's median."""
    with upstreams.serving(NOTHING, 0) as upstream:
        done = run([PYTHON, ROOT / "benchmarks" / "cycles.py", count], env=upstream.env(url), limit=plan.limit)
    return replace(done, seconds=done.facts["cycle"], facts=upstream.did)


def _ten(plan: Plan, upstreams: Upstreams, kind: str, url: str) -> Line:
    _cycles(plan, upstreams, url, WARM)
    with upstreams.serving(TEN, 0) as upstream:
        run([*OURS, "--once"], env=upstream.env(url), limit=plan.limit)
    engine = create_engine(url)
    with engine.connect() as conn:
        # What changed is Selesai now: the first ten were of four kinds of status.
        question = "SELECT count(*) FROM report WHERE updated_at > '2026' AND status_name = 'Selesai'"
        changed = conn.execute(text(question)).scalar_one()
    engine.dispose()
    if changed != TEN.changed:
        raise Void(f"{changed} changed reports were taken over, of {TEN.changed}")
    return Line(
        what=f"ten of 1,000 changed, {kind}",
        ours=f"{upstream.did['requests']:.0f} requests, one of them the list's page",
        figure=upstream.did["requests"] - 1,
        goal=Goal(sign="≤", bound=20, unit="requests"),
    )
