"""A worker's process: from its start to SIGTERM, or until the queue is lost."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import structlog

from lapor_sync.clock import SystemClock
from lapor_sync.config import load_machine
from lapor_sync.daemon import Notifier, Stopping, thinned
from lapor_sync.domain.advice import Todo, advise
from lapor_sync.domain.errors import SettingsWrong, StoreUnavailable
from lapor_sync.store import work_queue
from lapor_sync.store.database import make_engine, open_store
from lapor_sync.worker.cycles import Cycles
from lapor_sync.worker.queue import Pace, make_queue, workers
from lapor_sync.worker.roster import Roster


def run(
    config: Path | None, environ: Mapping[str, str], stopping: Stopping, concurrency: int, pace: Pace | None = None
) -> None:
    """Work until asked to stop. Raises StoreUnavailable where the queue is lost: to be started again is the way back."""
    pace, log = pace or Pace(), structlog.get_logger()
    machine = load_machine(config, environ)
    notifier = Notifier(environ)
    with ExitStack() as stack:
        engine = make_engine(machine.database_url, at_once=2 * concurrency + 4)
        stack.callback(engine.dispose)
        work_queue.need_server(engine)
        work_queue.hold_nobody_up(engine)
        if work_queue.is_pooled_by_transaction(engine):
            raise SettingsWrong(
                ("a pooler in transaction mode stands before the database: no lock would last there",),
                todo=advise(Todo.NO_POOLER),
            )
        open_store(machine.database_url, machine.agency, SystemClock()).close()  # its tables
        work_queue.install(engine)
        roster = Roster(config, environ, engine, socket.gethostname(), log, thinned(log))
        roster.refresh()
        cycles = Cycles(engine, roster, stopping, log)
        stack.callback(cycles.close)
        log.info("worker_started", database=machine.database_shown, count=len(roster.found.keys))
        notifier.say("READY=1", f"MAINPID={os.getpid()}", "STATUS=Working")
        asyncio.run(_work(roster, cycles, concurrency, pace, notifier))
        notifier.say("STOPPING=1")
        if not stopping():
            raise StoreUnavailable(
                "The workers' queue was lost: the database went away, or ended the connections."
            )
        log.info("worker_stopped")


async def _work(roster: Roster, cycles: Cycles, concurrency: int, pace: Pace, notifier: Notifier) -> None:
    """Run until asked to stop, or until one of the parts ends by itself. What is being worked is finished."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(concurrency + 4))
    queue = make_queue(roster.engine, cycles.work, pace)
    async with queue.open_async():
        parts: list[Callable[[], Awaitable[None]]] = [
            *workers(queue, roster.host, concurrency, pace).values(),
            lambda: _refreshing(roster, pace),
        ]
        running = [asyncio.ensure_future(part()) for part in parts]
        while not cycles.stopping():
            notifier.alive()
            done, _ = await asyncio.wait(running, timeout=0.5, return_when=asyncio.FIRST_COMPLETED)
            if done:
                break
        for one in running:
            one.cancel()
        for ended in await asyncio.gather(*running, return_exceptions=True):
            if isinstance(ended, Exception):
                roster.log.error("worker_part_failed", error=type(ended).__name__)


async def _refreshing(roster: Roster, pace: Pace) -> None:
    while True:
        await asyncio.sleep(pace.look)
        await asyncio.to_thread(roster.refresh)
