"""Cycles of the daemon in one process: `cycles.py COUNT`, settings from the environment. Prints their median time."""

from __future__ import annotations

import json
import os
import sys
import time
from statistics import median

import structlog

from lapor_sync.app import App
from lapor_sync.config import load_settings
from lapor_sync.sync.cycle import run_cycle


def main(count: int) -> dict[str, float]:
    """Run so many cycles. Raises what ends one early."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    app = App(load_settings(None, os.environ))
    took = []
    with app.working("cycle") as setup:
        for _ in range(count):
            began = time.perf_counter()
            outcome = run_cycle(setup)
            took.append(time.perf_counter() - began)
            if outcome.error is not None:
                raise outcome.error
    return {"cycle": median(took)}


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]))))
