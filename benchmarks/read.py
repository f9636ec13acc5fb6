"""A read: what one call of a kept connection costs the processor, against `httpx.Client`'s.

The same GETs of a thread of two follow-ups, JSON decoded, in one thread and in turns, from an upstream without latency.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import httpx

from benchmarks.form import Goal, Plan, Result, compared
from benchmarks.processes import PYTHON, run
from benchmarks.upstream.replies import FIRST_ID, World
from benchmarks.upstream.serving import Upstreams
from connectors.transport import Answer, Transport, TransportSettings
from lapor_sync.clock import SystemClock

READS = 10_000
TURN = 500


def lines(plan: Plan) -> Iterator[Result]:
    """The processor time of so many reads."""
    count = plan.size(READS)
    with Upstreams(plan.folder).serving(World(reports=TURN), 0) as upstream:
        command = [PYTHON, "-m", "benchmarks.read", upstream.url, count]
        done = [run(command, limit=plan.limit) for _ in range(plan.runs)]
    ours, bare = ([replace(one, seconds=one.facts[who], peak_mb=0) for one in done] for who in ("ours", "bare"))
    what = f"processor time of {count:,} reads"
    yield compared(what, ours, bare, "httpx.Client", Goal(sign="≤", bound=0.5))


def taken(url: str, count: int) -> dict[str, float]:
    """Seconds of processor time that each takes for so many reads."""
    ids = [str(FIRST_ID + n) for n in range(TURN)]
    settings = TransportSettings(base_url=url, bearer="benchmark", token="{T}", rate_per_second=0)

    def decoded(answer: Answer) -> object:
        return json.loads(answer.body)

    def ours() -> None:
        for id in ids:
            transport.read("/complaints/{id}/followups", decoded, of=id, params={"page": 1})

    def bare() -> None:
        for id in ids:
            client.get(f"{url}/complaints/{id}/followups", params={"page": 1}).raise_for_status().json()

    with Transport(settings, clock=SystemClock()) as transport, httpx.Client() as client:
        ways: dict[str, Callable[[], None]] = {"ours": ours, "bare": bare}
        seconds = dict.fromkeys(ways, 0.0)
        for turn in range(1 + max(count // TURN, 1)):
            for who, way in ways.items():
                began = time.process_time()
                way()
                seconds[who] += (time.process_time() - began) if turn else 0  # the first connects
    return seconds


if __name__ == "__main__":
    print(json.dumps(taken(sys.argv[1], int(sys.argv[2]))))
