"""A worker that notes each cycle's begin and end in a file, says to LAPOR which process it is, and is counted as dead
after four seconds."""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from connectors.transport import client
from lapor_sync import app
from lapor_sync.commands.base import log_to_standard_error, stop_on_signals
from lapor_sync.config import load_machine
from lapor_sync.daemon import Stopping
from lapor_sync.domain.errors import LaporSyncError
from lapor_sync.sync.cycle import CycleResult, run_cycle
from lapor_sync.sync.setup import Setup
from lapor_sync.worker import process
from lapor_sync.worker.queue import Pace

STALE = 4.0
"""Seconds after which it counts as dead."""


def work(environ: Mapping[str, str], notes: Path, concurrency: int) -> None:
    """Work until SIGTERM; SIGUSR1 shows what every thread is at. For a process of its own: it ends with it."""
    faulthandler.register(signal.SIGUSR1)
    file = os.open(notes, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    me = os.getpid()

    def noted(setup: Setup) -> CycleResult:
        os.write(file, f"begin {me} {setup.store.agency} {time.monotonic()}\n".encode())
        try:
            return run_cycle(setup)
        finally:
            os.write(file, f"end {me} {setup.store.agency} {time.monotonic()}\n".encode())

    app.run_cycle = noted  # type: ignore[attr-defined]
    client.HEADERS = {**client.HEADERS, "User-Agent": str(me)}  # type: ignore[attr-defined]
    stopping = Stopping()
    stop_on_signals(stopping.ask)
    log_to_standard_error(load_machine(None, environ).timezone)
    try:
        process.run(None, environ, stopping, concurrency, Pace(beat=1, stale=STALE, look=1))
    except LaporSyncError as error:
        print(f"Error: {error.what}", file=sys.stderr, flush=True)
        os._exit(error.exit_code)
