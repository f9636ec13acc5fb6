"""The jobs, on Procrastinate: a tick that queues what is due, cycles, and a rescue of what a dead worker left.

The cycles of an agency that is new wait in a queue of their own until one goes through: its backfill may take hours,
and the polls of others never stand behind it.

Tick and rescue carry no lock: with one, they would die with their worker and keep everybody from working.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

import procrastinate
from procrastinate.exceptions import AlreadyEnqueued
from procrastinate.jobs import Status
from sqlalchemy import Engine

from lapor_sync.roster import LOOK_SECONDS
from lapor_sync.store import work_queue
from lapor_sync.store.database import connection_values

CYCLES, FIRST, OPS = "cycles", "first", "ops"
"""Queues: of the cycles and of the first cycles (those of a host's own are `cycles:HOST`, `first:HOST`), and of
what must never wait behind these."""


FIRST_AT_ONCE = 2
"""How many new agencies a worker mirrors at once, beside the cycles of the others."""


class Work(Protocol):
    """What the jobs do."""

    def work(self, agency: str, *, is_first: bool) -> None:
        """Work one cycle of an agency; `is_first`: none ever went through."""


_CONNECTING = 10.0
"""Seconds for which a part waits for a connection, before it gives up and the worker ends."""


@dataclass(frozen=True, kw_only=True)
class Pace:
    """Seconds: between two signs of life of a worker, after which without one it counts as dead, and between looks."""

    beat: float = 3.0
    stale: float = 12.0
    look: float = LOOK_SECONDS


def queue_of(kind: str, host: str | None) -> str:
    """Return the queue that any worker may take from, or that of one host."""
    return kind if host is None else f"{kind}:{host}"


def make_queue(engine: Engine, work: Work, pace: Pace) -> tuple[procrastinate.App, procrastinate.App]:
    """Return the queue of that database, and what keeps it going, over the same connections.

    They are two, since each part that takes jobs defers all periodic ones of its own: once for each process is enough.
    """
    connector = procrastinate.PsycopgConnector(
        kwargs=connection_values(engine), configure=_in_schema, min_size=1, max_size=6, timeout=_CONNECTING
    )
    queue, ops = procrastinate.App(connector=connector), procrastinate.App(connector=connector)

    @queue.task(name="cycle", queue=CYCLES)
    def cycle(agency: str) -> None:
        work.work(agency, is_first=False)

    @queue.task(name="first", queue=FIRST)
    def first(agency: str) -> None:
        work.work(agency, is_first=True)

    @ops.periodic(cron="* * * * * *")
    @ops.task(name="tick", queue=OPS, queueing_lock="tick")
    async def tick(timestamp: int) -> None:
        for one in await asyncio.to_thread(work_queue.due, engine):
            task, kind = (first, FIRST) if one.is_new else (cycle, CYCLES)
            with suppress(AlreadyEnqueued):  # another tick was quicker
                await task.configure(
                    lock=one.agency, queueing_lock=one.agency, queue=queue_of(kind, one.host)
                ).defer_async(agency=one.agency)

    @ops.periodic(cron="* * * * * */2")
    @ops.task(name="rescue", queue=OPS, queueing_lock="rescue")
    async def rescue(timestamp: int) -> None:
        """Finish what nobody is at any more: its agency is due still, and queued by the next tick."""
        jobs = queue.job_manager
        stalled = [one.id for one in await jobs.get_stalled_jobs(seconds_since_heartbeat=pace.stale) if one.id]
        for job in (*stalled, *await asyncio.to_thread(work_queue.left_open, engine)):
            await jobs.finish_job_by_id_async(job, Status.FAILED, delete_job=True)
        for kind in (CYCLES, FIRST):
            await asyncio.to_thread(work_queue.call_off_forsaken, engine, queue_of(kind, ""))

    return queue, ops


async def _in_schema(conn: Any) -> None:
    await conn.execute(f"SET search_path = {work_queue.SCHEMA}, public")
    await conn.commit()


def workers(
    queue: procrastinate.App, ops: procrastinate.App, host: str, concurrency: int, pace: Pace
) -> list[Callable[[], Awaitable[None]]]:
    """Return what runs until it is cancelled: what takes jobs of each kind. Only cycles and ticks begin at once."""

    def running(
        app: procrastinate.App, queues: list[str], at_once: int, *, is_told: bool = True
    ) -> Callable[[], Awaitable[None]]:
        return lambda: app.run_worker_async(
            name=queues[0],
            queues=queues,
            concurrency=at_once,
            listen_notify=is_told,
            install_signal_handlers=False,
            delete_jobs="always",
            update_heartbeat_interval=pace.beat,
            stalled_worker_timeout=pace.stale,
        )

    return [
        running(queue, [CYCLES, queue_of(CYCLES, host)], concurrency),
        running(queue, [FIRST, queue_of(FIRST, host)], FIRST_AT_ONCE, is_told=False),
        running(ops, [OPS], 2),
    ]
