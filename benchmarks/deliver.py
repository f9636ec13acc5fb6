"""Delivery: 10,000 queued responses, two to a report, at 20 ms, order kept within each report.

Ours is one `lapor-sync --once`: it looks for each response before it goes out, claims, sends, settles, and reads the
report again. The bare client makes the same requests and keeps nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from sqlalchemy import create_engine, text

from benchmarks import databases
from benchmarks.contenders import CONCURRENCY, OURS, PEERS
from benchmarks.form import Goal, Line, Plan, Result, Run, compared
from benchmarks.inside import settings_of
from benchmarks.inside_runs import Mirrors
from benchmarks.processes import PYTHON, Void, in_turn, run
from benchmarks.upstream.replies import FIRST_ID, World, report
from benchmarks.upstream.serving import Upstreams
from lapor_sync.app import App
from lapor_sync.domain.people import of_shell
from lapor_sync.office import NewResponse, respond_all

RESPONSES = 10_000
EACH = 2
LATENCY_MS = 20
_ACCEPTED = "SELECT count(*) FROM delivery WHERE state = 'sent' AND reason = 'accepted' AND seen_count = 1"
"""What upstream accepted, and shows: where its answer does not prove that, what is measured is the reading back."""

BARE, SHARED = "bare client", "bare client over kept connections"


def lines(plan: Plan) -> Iterator[Result]:
    """A round at full size takes seven minutes."""
    wanted = plan.size(RESPONSES) // EACH
    numbers = open_numbers(wanted)
    world, upstreams = World(reports=numbers[-1] + 1), Upstreams(plan.folder)
    count = EACH * len(numbers)

    def ours(kind: str) -> Run:
        with databases.fresh(kind, plan.folder, copy_of=queued[kind]) as url:
            with upstreams.serving(world, LATENCY_MS) as upstream:
                done = run([*OURS, "--once"], env=upstream.env(url), limit=plan.limit)
            engine = create_engine(url)
            with engine.connect() as conn:
                sent = conn.execute(text(_ACCEPTED)).scalar_one()
            engine.dispose()
        return _whole(replace(done, facts=upstream.did), sent, count)

    def bare(way: str) -> Run:
        ids = [FIRST_ID + number for number in numbers for _ in range(EACH)]
        with upstreams.serving(world, LATENCY_MS) as upstream:
            done = run(
                [PYTHON, PEERS / "bare_delivery.py", upstream.url, CONCURRENCY, way, *ids], limit=plan.limit
            )
        return _whole(replace(done, facts=upstream.did), done.facts.get("delivered", 0), count)

    with Mirrors(plan) as mirrors:
        queued = {kind: mirrors.url(kind, world.reports) for kind in plan.databases}
        for url in queued.values():
            queue(url, numbers)
        contenders = {f"ours, {kind}": partial(ours, kind) for kind in plan.databases}
        bares = {BARE: partial(bare, "own"), SHARED: partial(bare, "shared")}
        done = in_turn(plan.runs, {**contenders, **bares})
    for kind in plan.databases:
        mine = done[f"ours, {kind}"]
        yield compared(f"{count:,} responses, {kind}", mine, done[BARE], BARE, Goal(sign="≤", bound=1.15))
        yield Line(
            what=f"requests a response, {kind}",
            ours=f"{mine[0].facts['requests']:,.0f} requests",
            against=f"{done[BARE][0].facts['requests']:,.0f} requests",
            figure=mine[0].facts["requests"] / count,
        )
    yield compared(
        "a bare client with connections of its own for each write", done[BARE], done[SHARED], SHARED, None
    )


def _whole(done: Run, arrived: float, wanted: int) -> Run:
    if not done.is_over and (arrived, done.facts["writes"]) != (wanted, wanted):
        raise Void(f"{arrived} arrived, {done.facts['writes']} were posted, of {wanted}")
    return done


def open_numbers(count: int) -> list[int]:
    """The first reports that take a response."""
    found: list[int] = []
    number = 0
    while len(found) < count:
        if report(number)["status_name"] != "Selesai":
            found.append(number)
        number += 1
    return found


def queue(url: str, numbers: list[int]) -> None:
    """Queue the responses as a sheet of them does."""
    rows = [
        NewResponse(given_id=report(number)["tracking_id"], text=f"Sudah ditangani, tahap {step}.", by="benchmark")
        for number in numbers
        for step in range(EACH)
    ]
    with App(settings_of(url)).mirror() as mirror:
        respond_all(mirror, of_shell("budi"), rows)
