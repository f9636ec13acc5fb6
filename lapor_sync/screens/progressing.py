"""How far a long run is."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING

import click

from lapor_sync.output import plain, say

if TYPE_CHECKING:
    pass


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int | None], None]]:
    """Show a bar on a terminal, plain lines elsewhere; on standard error. Call it with (done, total or None)."""
    if not sys.stderr.isatty():
        yield _plain_progress(what)
        return
    with click.progressbar(count(), label=plain(what), show_pos=True, file=sys.stderr) as bar:

        def tell(done: int, total: int | None) -> None:
            bar.length = total
            bar.update(done - bar.pos)

        yield tell


def _plain_progress(what: str) -> Callable[[int, int | None], None]:
    told = 0

    def tell(done: int, total: int | None) -> None:
        nonlocal told
        if done // 1000 > told or done == total:
            told = done // 1000
            say(f"{what}: {done}" + (f" of {total}" if total else ""), err=True)

    return tell
