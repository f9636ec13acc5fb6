"""The program as a process of its own: the command `lapor-sync`, and `python -m lapor_sync`."""

from __future__ import annotations

import gc


def main() -> None:
    """The entry point. What a start loads lives to the end: Python is not to look through it for garbage."""
    gc.set_threshold(200_000, 10, 10)  # more than a start makes; such a look took a tenth of its time
    from lapor_sync.cli import main as carry_out

    try:
        carry_out()
    finally:
        gc.freeze()  # else the interpreter looks through everything twice before it ends: a quarter of `status`


if __name__ == "__main__":
    main()
