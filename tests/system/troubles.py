"""Troubles of many agencies' workers, at random: kills, freezes, lost connections, restarts of the database's server.

.venv/bin/python -m tests.system.troubles 2000                  # troubles, four of five of them kills
.venv/bin/python -m tests.system.troubles 200 --seed 7 --agencies 12
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from statistics import median

import structlog

from tests.system.province import Province, province
from tests.system.rig import postgres

WORKERS = 3
PER_PROVINCE = 50
GRACE = 5.0
"""Seconds: a call whose caller was killed is still worked by the stand-in, and on a busy machine that takes a while."""

WEIGHTS = {"kill": 80, "freeze": 6, "freeze_and_cut": 5, "cut": 5, "restart": 4}


def main() -> None:
    """As many troubles as are asked for, province after province; each response is there once, in order, at the end."""
    asked = _arguments()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    happened: Counter[str] = Counter()
    takeovers: list[float] = []
    responses, began = 0, time.monotonic()
    with tempfile.TemporaryDirectory(prefix="troubles-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # the server's user passes through
        (folder / "server").mkdir()
        with postgres(folder / "server") as server:
            for at in range(0, asked.count, PER_PROVINCE):
                dice = Random(f"{asked.seed}/{at}")
                own = folder / f"{at}"
                own.mkdir()
                settings = {"POLL_SECONDS": str(asked.poll), "READBACK_GRACE_SECONDS": str(GRACE)}
                with province(own, server, asked.agencies, **settings) as many:
                    happened += troubled(many, dice, min(PER_PROVINCE, asked.count - at))
                    takeovers += many.takeovers()
                    responses += sum(len(refs) for city in many.cities.values() for refs in city.written.values())
                said = ", ".join(f"{number} {what}" for what, number in sorted(happened.items()))
                print(
                    f"{said}; {responses} responses, {time.monotonic() - began:.0f} s; {_told(takeovers)}",
                    flush=True,
                )
    print(f"seed {asked.seed}: each response once and in order, no write of an overtaken worker, chains whole")


def _told(takeovers: list[float]) -> str:
    """How long agencies of dead workers waited, so far: a run that is ended by hand has said it."""
    if not takeovers:
        return "none taken over yet"
    late = sorted(takeovers)[int(0.95 * len(takeovers))]
    return f"{len(takeovers)} agencies taken over: median {median(takeovers):.1f} s, 95 % {late:.1f} s"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.system.troubles", description=__doc__)
    parser.add_argument("count", type=int)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--agencies", type=int, default=30)
    parser.add_argument("--poll", type=float, default=2.0, help="seconds")
    return parser.parse_args()


def troubled(many: Province, dice: Random, count: int) -> Counter[str]:
    """So many troubles while officers write; then everything is as it must be, or an AssertionError says what is not."""
    happened: Counter[str] = Counter()
    many.keep(WORKERS)
    many.is_mirrored(600)
    for _ in range(count):
        many.respond(dice, 2)
        time.sleep(dice.uniform(0, 3))
        what = dice.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        happens: Callable[[Random], None] = getattr(many, what)
        happens(dice)
        happened[what] += 1
        many.keep(WORKERS)
    many.settles(600)
    overtaken = many.overtaken()
    assert not overtaken, overtaken
    return happened


if __name__ == "__main__":
    main()
