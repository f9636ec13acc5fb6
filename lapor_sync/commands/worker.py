"""The command that works many agencies from a queue."""

from __future__ import annotations

import os

import click

from lapor_sync.commands.base import Call, collect_as_it_comes, command, log_to_standard_error, stop_on_signals
from lapor_sync.config import load_machine
from lapor_sync.daemon import Stopping
from lapor_sync.worker import process


@command(
    click.option(
        "--concurrency",
        metavar="N",
        type=click.IntRange(1, 64),
        default=4,
        show_default=True,
        help="How many agencies it works at once.",
    ),
)
def worker(call: Call, concurrency: int) -> None:
    """Work the cycles of many agencies, beside other workers on this and other machines, until SIGTERM.

    It needs PostgreSQL and AGENCIES_DIR.
    """
    log_to_standard_error(load_machine(call.config, os.environ).timezone)
    stopping = Stopping()
    stop_on_signals(stopping.ask)
    collect_as_it_comes()
    process.run(call.config, os.environ, stopping, concurrency)
