"""Whatever dies when: each response stands in the citizen's thread once and in order, and the mirror is the world.

How many random kills: `KILLS` in the environment, on each database; by itself eight. More: `make soak`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from random import Random

import pytest

from tests.system.kills import ON_THE_WIRE, STEPS, end_well, kill_at, one_city
from tests.system.launcher import Launcher
from tests.system.rig import rig, some_at_once

KILLS = int(os.environ.get("KILLS", "8"))
SEED = int(os.environ.get("KILLS_SEED", "2"))
"""The same dice each time; when a process meets its end is still the machine's luck."""

AT_ONCE = 4
LIVES = [(*STEPS, ON_THE_WIRE)[n::AT_ONCE] for n in range(AT_ONCE)]
"""Steps at which one city is killed, one after the other: each life settles what the one before left."""

AROUND_A_WRITE = ("claim_committed", "sending", "sent", "settled", ON_THE_WIRE)

Running = Mapping[str, Future[Mapping[str, int]]]


def calls_of(step: str, kind: str) -> Collection[int]:
    """At which of a step's calls it is killed: `make test` takes one, another for each step and on the other database.

    All of them around a write, where what became of it makes another recovery, which no database sees: on SQLite.
    Elsewhere it has not left, or is settled. `make soak` takes all of each.
    """
    if "KILLS" in os.environ or (step in AROUND_A_WRITE and kind == "sqlite"):
        return (1, 2, 3)
    return (((*STEPS, ON_THE_WIRE).index(step) + (kind == "sqlite")) % 3 + 1,)


@pytest.fixture(scope="module")
def running(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    kind: str,
    new_database: Callable[[], str],
    launcher: Launcher,
) -> Iterator[Running]:
    """A city for every few steps that were asked for: how many times it was killed at each."""

    def killed(steps: Sequence[str]) -> Mapping[str, int]:
        folder, done = tmp_path_factory.mktemp(steps[0]), dict[str, int]()
        with rig(folder, new_database(), seed=len(steps[0]), late_seconds=0.5) as city:
            try:
                for step in steps:
                    done[step] = kill_at(city, launcher, step, Random(step), calls_of(step, kind))
                end_well(city, launcher)
            except AssertionError as error:
                error.add_note(f"killed at {', '.join(done)}; then at the next of {', '.join(steps)}")
                raise
        return done

    with some_at_once(request, "step", LIVES, killed, AT_ONCE) as futures:
        yield futures


@pytest.mark.timeout(280)
@pytest.mark.parametrize("step", [*STEPS, ON_THE_WIRE])
def test_killed_at_a_step(running: Running, step: str, kind: str) -> None:
    """SIGKILL at the step's first, second and third call, with the writes not stored, stored, and answered."""
    assert running[step].result(270)[step] == len(calls_of(step, kind))


@pytest.mark.timeout(280)
def test_killed_at_random_times(tmp_path: Path, new_database: Callable[[], str], launcher: Launcher) -> None:
    """SIGKILL at any time, on good and bad days, now and then again while it still recovers."""
    shares = [KILLS // AT_ONCE + (n < KILLS % AT_ONCE) for n in range(AT_ONCE)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        cities = [
            pool.submit(one_city, tmp_path / str(n), new_database(), launcher, share, f"{SEED}/{n}")
            for n, share in enumerate(shares)
        ]
    assert sum(one.result() for one in cities) == KILLS
