"""Kills: at every named step of a cycle, and at random times; then the promise is looked at.

.venv/bin/python -m tests.system.kills 5000                     # random kills on each database
.venv/bin/python -m tests.system.kills 5000 --only sqlite --seed 7 --cities 4
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from pathlib import Path
from random import Random

import structlog

from tests.system.launcher import Launcher
from tests.system.rig import Rig, postgres, rig

STEPS = (
    "cycle",
    "page_read",
    "page_written",
    "page_committed",
    "pulled",
    "reread",
    "reread_done",
    "looked",
    "claimed",
    "claim_committed",
    "sending",
    "sent",
    "settled",
    "settle_committed",
    "read_again",
    "pushed",
)
ON_THE_WIRE = "on_the_wire"
"""Not a step of the program: its call has left, and no answer came yet."""

WRITES = ({"do": "close-before"}, {"do": "close-after"}, None)
"""What happens to the writes meanwhile: not stored; stored without a reply, and to be read only later; all is well."""

SLOW_WRITES = ({"do": "slow:1.5", "stored": True}, {"do": "slow:1.5", "stored": False}, {"do": "slow:1.5"})

DAYS = ("calm", "lost-reply", "late-read", "late-read", "flaky", "maintenance")


def kill_at(city: Rig, launcher: Launcher, step: str, dice: Random, calls: Collection[int] = (1, 2, 3)) -> int:
    """Kill at a step at its first, second and third call, or those of them; before each start again, settle, look.

    After the last one nobody has looked yet: `end_well`, or the next step's turn.
    """
    for nth in calls:
        fault = (SLOW_WRITES if step == ON_THE_WIRE else WRITES)[nth - 1]
        child = city.start(launcher)
        city.settles(child)
        city.world.set_scenario("late-read" if nth == 2 else "calm")
        if fault:
            city.world.add_faults({"match": {"method": "POST"}, "times": 2, **fault})
        city.arm(*(("sending", nth, 0.3) if step == ON_THE_WIRE else (step, nth)))
        city.stir(dice)  # after it is armed: what comes of this must not be over before
        until = time.monotonic() + 90
        while not child.wait(0.25):
            assert time.monotonic() < until, f"{step} was not reached {nth} times: {city.last_words()}"
            city.world.touch(dice.choice(city.never_answered))
        city.disarm()
        city.world.set_scenario("calm")
        city.world.clear_faults()
    return len(calls)


def kill_at_random(city: Rig, launcher: Launcher, count: int, dice: Random) -> int:
    """Kill at random times, on good and bad days; two in three times let it settle and look before the next."""
    _settle(city, launcher)
    for _ in range(count):
        child = city.start(launcher)
        city.world.set_scenario(dice.choice(DAYS))
        if lost := dice.randrange(3):  # a day's luck is the same whenever it comes: this is not
            city.world.add_faults({"match": {"method": "POST"}, "times": lost, "do": "close-after"})
        city.stir(dice)
        child.wait(dice.uniform(0, dice.choice((0.2, 0.8, 1.6))))
        assert child.is_alive, f"the daemon ended: {city.last_words()}"
        child.kill()
        if dice.random() < 2 / 3:
            _settle(city, launcher)
    end_well(city, launcher)
    return count


def _settle(city: Rig, launcher: Launcher) -> None:
    """A new process puts everything right; it is killed when it has."""
    city.world.set_scenario("calm")
    city.world.clear_faults()
    child = city.start(launcher)
    city.settles(child)
    child.kill()


def end_well(city: Rig, launcher: Launcher) -> None:
    """Nothing is wrong in the end, and the audit says so, too."""
    _settle(city, launcher)
    city.verified()


# Thousands.

PER_CITY = 25


def main() -> None:
    """Random kills by the number that is asked for, city after city."""
    asked = _arguments()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kills-")))
        for name in asked.only or ("sqlite", "postgresql"):
            database: Callable[[int], str] = lambda n: f"sqlite:///{folder}/city-{n}.db"  # noqa: E731
            if name == "postgresql":
                server = stack.enter_context(postgres(folder))
                database = lambda _n: server.database()  # noqa: E731, B023
            began = time.monotonic()
            done = _many(folder, database, asked.count, asked.seed, asked.cities)
            print(
                f"{name}: {done} kills, seed {asked.seed}, {time.monotonic() - began:.0f} s: nothing lost, nothing twice"
            )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.system.kills", description=__doc__)
    parser.add_argument("count", type=int, help="kills on each database")
    parser.add_argument("--only", action="append", choices=("sqlite", "postgresql"))
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--cities", type=int, default=4, help="at the same time")
    return parser.parse_args()


def _many(folder: Path, database: Callable[[int], str], count: int, seed: int, cities: int) -> int:
    portions = [min(PER_CITY, count - at) for at in range(0, count, PER_CITY)]
    done = 0
    with Launcher() as launcher, ThreadPoolExecutor(cities) as pool:
        running = {
            pool.submit(one_city, folder / f"{seed}-{n}", database(n), launcher, portion, f"{seed}/{n}"): n
            for n, portion in enumerate(portions)
        }
        for one in as_completed(running):
            done += one.result()
            print(f"\r{done} kills", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return done


def one_city(folder: Path, database: str, launcher: Launcher, count: int, seed: str) -> int:
    """One city and its share of random kills. The seed is part of what an error says."""
    folder.mkdir(parents=True, exist_ok=True)
    dice = Random(seed)
    try:
        with rig(folder, database, seed=dice.randrange(1000), late_seconds=0.5, slow_seconds=0.3) as city:
            return kill_at_random(city, launcher, count, dice)
    except AssertionError as error:
        error.add_note(f"seed {seed}, {count} kills")
        raise


if __name__ == "__main__":
    main()
