"""A worker's process: from its start to SIGTERM, or until the queue is lost."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import structlog

from lapor_sync.clock import SystemClock
from lapor_sync.config import load_machine
from lapor_sync.daemon import Notifier, Stopping, thinned
from lapor_sync.domain.errors import StoreUnavailable
from lapor_sync.mirror.mirror import Log
from lapor_sync.monitoring.watch import NOBODY, Watch
from lapor_sync.store import lock, work_queue
from lapor_sync.store.database import make_engine, open_store
from lapor_sync.worker.cycles import Cycles
from lapor_sync.worker.queue import FIRST_AT_ONCE, Pace, make_queue, workers
from lapor_sync.worker.roster import EnrollingRoster


def run(
    config: Path | None, environ: Mapping[str, str], stopping: Stopping, concurrency: int, pace: Pace | None = None
) -> None:
    """Work until asked to stop. Raises StoreUnavailable where the queue is lost: to be started again is the way back."""
    pace, log = pace or Pace(), structlog.get_logger()
    machine = load_machine(config, environ)
    notifier = Notifier(environ)
    with ExitStack() as stack:
        engine = make_engine(machine.database_url, at_once=2 * (concurrency + FIRST_AT_ONCE) + 5)
        stack.callback(engine.dispose)
        work_queue.need_server(engine)
        work_queue.hold_nobody_up(engine)
        lock.need_sessions(engine)
        open_store(machine.database_url, machine.agency, SystemClock()).close()  # its tables
        work_queue.install(engine)
        roster = EnrollingRoster(config, environ, engine, log, thinned(log), host=socket.gethostname())
        roster.refresh()
        watch = stack.enter_context(_watched(machine.metrics_listen, roster, notifier))
        cycles = Cycles(engine, roster, stopping, log, watch)
        stack.callback(cycles.close)
        log.info("worker_started", database=machine.database_shown, count=len(roster.found.keys))
        notifier.say("READY=1", f"MAINPID={os.getpid()}", "STATUS=Working")
        asyncio.run(_work(roster, cycles, concurrency, pace, notifier))
        log.info("worker_stopped")


@contextmanager
def _watched(given: str | None, roster: EnrollingRoster, notifier: Notifier) -> Iterator[Watch]:
    """Let a monitor ask for all agencies that are worked, where it is wanted, and give who hears of the work.

    Raises SettingsWrong where the address cannot be had.
    """
    if given is None:
        yield NOBODY
        return
    from lapor_sync.monitoring.measures import CycleMeasures, agency_files
    from lapor_sync.monitoring.serving import watched

    with watched(given, roster.polled, SystemClock(), roster.log, notifier.silent) as registry:
        files = agency_files(registry)
        files.labels("right").set_function(lambda: len(roster.found.right))
        files.labels("wrong").set_function(lambda: len(roster.found.wrong))
        yield CycleMeasures(registry)


ENDING_SECONDS = 20
"""So long may a worker that lost its queue take to end: a cycle may wait for a server that answers no more. Then it
ends where it stands, which loses nothing."""


async def _work(roster: EnrollingRoster, cycles: Cycles, concurrency: int, pace: Pace, notifier: Notifier) -> None:
    """Run until asked to stop; what is being worked is finished.

    Raises StoreUnavailable where one of the parts ends by itself; cycles are asked to stop then.
    """
    at_once = concurrency + FIRST_AT_ONCE  # the others are ticks and looks at files
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(at_once + 4))
    queue, ops = make_queue(roster.engine, cycles, pace)
    async with queue.open_async():
        parts: list[Callable[[], Awaitable[None]]] = [
            *workers(queue, ops, roster.host, concurrency, pace),
            lambda: _refreshing(roster, pace),
        ]
        running = [asyncio.ensure_future(part()) for part in parts]
        while not cycles.stopping():
            notifier.alive()
            done, _ = await asyncio.wait(running, timeout=0.5, return_when=asyncio.FIRST_COMPLETED)
            if done:
                break
        if was_lost := not cycles.stopping():
            _end_within(ENDING_SECONDS, roster.log)
            cycles.stopping.ask()
        notifier.say("STOPPING=1")
        for one in running:
            one.cancel()
        for ended in await asyncio.gather(*running, return_exceptions=True):
            if isinstance(ended, Exception):
                roster.log.error("worker_part_failed", error=type(ended).__name__)
    if was_lost:
        raise StoreUnavailable("The workers' queue was lost: the database went away, or ended the connections.")


def _end_within(seconds: float, log: Log) -> None:
    """Let this process end at the latest after so long, with the code of a lost database."""

    def end() -> None:
        log.error("worker_stuck")
        os._exit(StoreUnavailable.exit_code)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()


async def _refreshing(roster: EnrollingRoster, pace: Pace) -> None:
    while True:
        await asyncio.sleep(pace.look)
        await asyncio.to_thread(roster.refresh)
