"""The program as a process of its own: the command `lapor-sync`, and `python -m lapor_sync`."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable


def main() -> None:
    """The entry point."""
    hold_standard_files()
    as_process(_carry_out)


def hold_standard_files() -> None:
    """Open again which of standard input, output and error were closed (`2>&-`).

    Else the database would be opened under the number of one of them, and whatever is said there written into it.
    An answer that nobody can read fails, as on a full disk; what is said on standard error goes nowhere.
    """
    for number, flags in ((0, os.O_RDONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, flags)  # the lowest number that is free, so this one
    sys.stdin = sys.stdin or open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - it lives as long as we
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115


def as_process(work: Callable[[], None]) -> None:
    """Run with garbage collection tuned for a short process: what it loads lives to its end.

    Without both lines `status` takes 756 to 785 ms of processor time in place of 517 to 576 (benchmarks/notebook.md).
    """
    gc.set_threshold(200_000, 10, 10)  # more than a start makes
    try:
        work()
    finally:
        gc.freeze()  # else the interpreter looks through all of it twice before it ends


def _carry_out() -> None:
    from lapor_sync.cli import main as carry_out  # not sooner: see `as_process`
    from lapor_sync.output import never_failing

    sys.stderr = never_failing(sys.stderr)
    carry_out()


if __name__ == "__main__":
    main()
