"""The jobs, on Procrastinate: a tick that queues what is due, cycles, and a rescue of what a dead worker left.

Tick and rescue carry no lock: with one, they would die with their worker and keep everybody from working.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import procrastinate
from procrastinate.exceptions import AlreadyEnqueued
from procrastinate.jobs import Status
from sqlalchemy import Engine

from lapor_sync.store import work_queue
from lapor_sync.store.database import connection_values

CYCLES, OPS = "cycles", "ops"
"""Queues: of the cycles (those of a host's own are `cycles:HOST`), and of what must never wait behind cycles."""


@dataclass(frozen=True, kw_only=True)
class Pace:
    """Seconds: between two signs of life of a worker, after which without one it counts as dead, and between looks."""

    beat: float = 3.0
    stale: float = 12.0
    look: float = 5.0


def queue_of(host: str | None) -> str:
    """Return the queue of cycles that any worker may take, or of those that only one host can."""
    return CYCLES if host is None else f"{CYCLES}:{host}"


def make_queue(engine: Engine, work: Callable[[str], None], pace: Pace) -> procrastinate.App:
    """Return the queue of that database; `work` is what a cycle of an agency is."""
    connector = procrastinate.PsycopgConnector(
        kwargs=connection_values(engine), configure=_in_schema, min_size=1, max_size=6
    )
    queue = procrastinate.App(connector=connector)

    @queue.task(name="cycle", queue=CYCLES)
    def cycle(agency: str) -> None:
        work(agency)

    @queue.periodic(cron="* * * * * *")
    @queue.task(name="tick", queue=OPS, queueing_lock="tick")
    async def tick(timestamp: int) -> None:
        for agency, host in await asyncio.to_thread(work_queue.due, engine):
            try:
                await cycle.configure(lock=agency, queueing_lock=agency, queue=queue_of(host)).defer_async(
                    agency=agency
                )
            except AlreadyEnqueued:
                continue  # another tick was quicker

    @queue.periodic(cron="* * * * * */2")
    @queue.task(name="rescue", queue=OPS, queueing_lock="rescue")
    async def rescue(timestamp: int) -> None:
        """Finish what a dead worker was at: its agency is due still, and queued by the next tick."""
        jobs = queue.job_manager
        for stalled in await jobs.get_stalled_jobs(seconds_since_heartbeat=pace.stale):
            await jobs.finish_job(stalled, status=Status.FAILED, delete_job=True)
        await asyncio.to_thread(work_queue.call_off_forsaken, engine, queue_of(""))

    return queue


async def _in_schema(conn: Any) -> None:
    await conn.execute(f"SET search_path = {work_queue.SCHEMA}, public")
    await conn.commit()


def workers(
    queue: procrastinate.App, host: str, concurrency: int, pace: Pace
) -> dict[str, Callable[[], Awaitable[None]]]:
    """Return what runs until it is cancelled: what takes cycles, and what takes ticks and rescues."""

    def running(name: str, queues: list[str], at_once: int) -> Callable[[], Awaitable[None]]:
        return lambda: queue.run_worker_async(
            name=name,
            queues=queues,
            concurrency=at_once,
            install_signal_handlers=False,
            delete_jobs="always",
            update_heartbeat_interval=pace.beat,
            stalled_worker_timeout=pace.stale,
        )

    return {
        CYCLES: running(CYCLES, [CYCLES, queue_of(host)], concurrency),
        OPS: running(OPS, [OPS], 2),
    }
