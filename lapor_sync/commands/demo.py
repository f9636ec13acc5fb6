"""The demo, as a command."""

from __future__ import annotations

import click

from lapor_sync.commands.base import Call, command, end_softly, stop_on_signals
from lapor_sync.demo import run


@command(
    click.option(
        "--board", is_flag=True, help="Then the city stays, with the board over it and four people to click."
    ),
    click.option(
        "--listen", metavar="HOST:PORT", default="127.0.0.1:8080", show_default=True, help="For the board."
    ),
)
def demo(call: Call, board: bool, listen: str) -> None:
    """Simulator and daemon together on a database of their own: a week of one city in a minute."""
    if board:
        stop_on_signals(end_softly)
    run(board=listen if board else None)
