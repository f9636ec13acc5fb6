"""The program as a process of its own: the command `lapor-sync`, and `python -m lapor_sync`."""

from __future__ import annotations

import gc
from collections.abc import Callable


def main() -> None:
    """The entry point."""
    as_process(_carry_out)


def as_process(work: Callable[[], None]) -> None:
    """Do what a process is there for. What it loads lives to the end: Python is not to look through it for garbage."""
    gc.set_threshold(200_000, 10, 10)  # more than a start makes; such a look took a tenth of its time
    try:
        work()
    finally:
        gc.freeze()  # else the interpreter looks through everything twice before it ends: a quarter of `status`


def _carry_out() -> None:
    from lapor_sync.cli import main as carry_out  # not sooner: see `as_process`

    carry_out()


if __name__ == "__main__":
    main()
