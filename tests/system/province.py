"""Many agencies over one PostgreSQL, each with a LAPOR of its own in this process, worked by real workers."""

from __future__ import annotations

import signal
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from tests import oracle
from tests.system.launcher import Child, launcher
from tests.system.quick_worker import STALE
from tests.system.rig import PASSED_ON, SETTINGS, Postgres, Rig, rig

OWN = ("BEARER", "TOKEN", "INSTITUTION_ID", "USER_ID", "OPD_IDS")
FINDS_OUT = 15.0
"""Seconds: longer than a worker is frozen here, and than a read and the question to the database behind it take."""


@dataclass
class Worker:
    """A worker's process. `killed_at` by the clock of all processes."""

    process: Child
    log: Path
    killed_at: float | None = None

    def kill(self) -> None:
        """SIGKILL; what it worked ends here."""
        self.process.kill()
        self.killed_at = time.monotonic()

    def terminate(self, seconds: float = 60) -> int | None:
        """SIGTERM; its exit code."""
        self.process.send(signal.SIGTERM)
        assert self.process.wait(seconds), self.said[-2000:]
        return self.process.code

    @property
    def is_alive(self) -> bool:
        return self.process.is_alive

    @property
    def said(self) -> str:
        return self.log.read_text(encoding="utf-8")


@dataclass
class Province:
    """Agencies by their key, the server of their database, and the workers that were ever started."""

    cities: dict[str, Rig]
    server: Postgres
    folder: Path
    env: dict[str, str]
    workers: list[Worker] = field(default_factory=list)
    wanted: int = 0

    def start(self, concurrency: int = 2, **env: str) -> Worker:
        """One more worker."""
        log = self.folder / f"worker-{len(self.workers)}.log"
        process = launcher().start_worker(self.env | env, log, self.notes, concurrency)
        self.workers.append(Worker(process, log))
        return self.workers[-1]

    def living(self) -> list[Worker]:
        """The workers that run."""
        return [one for one in self.workers if one.is_alive]

    def keep(self, count: int) -> None:
        """From now on, let so many run, as systemd would: whoever ended by itself did so with code 1."""
        self.wanted = count
        for one in self.workers:
            assert one.is_alive or one.killed_at is not None or one.process.code == 1, one.said[-2000:]
        for _ in range(count - len(self.living())):
            self.start()

    @property
    def notes(self) -> Path:
        return self.folder / "cycles"

    def put(self, key: str, **other: str) -> None:
        """Write an agency's file."""
        settings = {
            name: self.cities[key].env[f"LAPOR_SYNC_{name}"] for name in (*OWN, "UPSTREAM_URL", "REF_PREFIX")
        }
        lines = [f"{name.lower()} = '{value}'\n" for name, value in (settings | other).items()]
        half = self.folder / f"{key}.new"
        half.write_text("".join(lines), encoding="utf-8")
        half.replace(self.folder / "agencies" / f"{key}.toml")

    def respond(self, dice: Random, count: int | None = None) -> None:
        """Two answers to a report of so many agencies, or of each."""
        for key in dice.sample(sorted(self.cities), count or len(self.cities)):
            one = dice.choice(self.cities[key].reports)
            for n in (1, 2):
                self.cities[key].respond(one, f"Jawaban {n} dari {key}, {dice.random()}.")

    # What can happen to workers.

    def one_at_work(self, dice: Random, seconds: float = 120) -> Worker:
        """One of those that have begun a cycle: to kill what is still starting would show nothing."""
        until = time.monotonic() + seconds
        while True:
            self.keep(self.wanted)
            known = {pid for begun in self.cycles().values() for _, pid in begun}
            if at_work := [one for one in self.living() if one.process.pid in known]:
                return dice.choice(at_work)
            assert time.monotonic() < until, [one.said[-1500:] for one in self.workers[-3:]]
            time.sleep(0.2)

    def kill(self, dice: Random) -> None:
        """One is killed."""
        self.one_at_work(dice).kill()

    def freeze(self, dice: Random) -> None:
        """One is stopped for longer than it counts as alive."""
        frozen = self.one_at_work(dice).process
        frozen.send(signal.SIGSTOP)
        time.sleep(STALE + 1)
        frozen.send(signal.SIGCONT)

    def freeze_and_cut(self, dice: Random) -> None:
        """The same, and its locks go to others, since its connections are lost meanwhile, with all others'."""
        frozen = self.one_at_work(dice).process
        frozen.send(signal.SIGSTOP)
        self.cut(dice)
        self.keep(self.wanted)
        time.sleep(STALE + 1)
        frozen.send(signal.SIGCONT)

    def cut(self, _dice: Random) -> None:
        """All connections to the database are lost."""
        self.server.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname LIKE 'city%' AND pid <> pg_backend_pid()"
        )

    def restart(self, dice: Random) -> None:
        """The database's server crashes, or is ended in order, and starts again."""
        self.server.stop(dice.choice(("immediate", "fast")))
        self.server.start()

    # What is so.

    def cycles(self) -> dict[str, list[tuple[float, int]]]:
        """When each agency's cycles began, and in which process."""
        found: dict[str, list[tuple[float, int]]] = defaultdict(list)
        for what, pid, agency, at in self._noted():
            if what == "begin":
                found[agency].append((float(at), int(pid)))
        return {agency: sorted(begun) for agency, begun in found.items()}

    def _noted(self) -> list[list[str]]:
        """What workers noted: begin or end, the process, the agency, when; nothing before the first cycle."""
        return [line.split() for line in self.notes.read_text(encoding="ascii").splitlines()]

    def overtaken(self) -> list[str]:
        """What LAPOR got from a worker after another one had begun with the agency, and should not have got.

        No write may come, and no read once the worker has had the time to find out: whose connections were cut may be in
        the midst of reading. What was sent by a process that was dead by then was only taken up late.
        """
        wrong = []
        killed_at = {one.process.pid: one.killed_at for one in self.workers}
        for agency, begun in self.cycles().items():
            later = iter([*begun, (float("inf"), 0)])
            at_work, since, (until, following) = 0, 0.0, next(later)
            for call in sorted(self.cities[agency].world.requests(10**9)["recent"], key=lambda call: call["at"]):
                while call["at"] >= until:
                    at_work, since, (until, following) = following, until, next(later)
                if not call["caller"].isdigit() or (caller := int(call["caller"])) == at_work:
                    continue  # without a number: a citizen's file, whose host is not told who asks
                died = killed_at.get(caller)
                if died is not None and died < since:
                    continue
                if call["method"] != "GET" or call["at"] > since + FINDS_OUT:
                    wrong.append(
                        f"{agency}: {call['method']} {call['path']} at {call['at']:.1f} by {caller} "
                        f"(killed at {died}), while {at_work} works it since {since:.1f}"
                    )
        return wrong

    def takeovers(self) -> list[float]:
        """Seconds from a worker's death until each agency that it was at was begun anew."""
        open_cycles: dict[int, set[str]] = defaultdict(set)
        for what, pid, agency, _ in self._noted():
            (set.add if what == "begin" else set.discard)(open_cycles[int(pid)], agency)
        begun = self.cycles()
        return sorted(
            next(at for at, _ in [*begun[agency], (float("inf"), 0)] if at > one.killed_at) - one.killed_at
            for one in self.workers
            if one.killed_at is not None
            for agency in open_cycles[one.process.pid]
        )

    def comes_true(self, wrong: Callable[[Rig], list[str]], seconds: float) -> None:
        """Wait until that finds nothing wrong with any agency; who runs no more is replaced meanwhile."""
        until = time.monotonic() + seconds
        left = list(self.cities.values())
        while left:
            began = time.thread_time()
            problems = wrong(left[-1])
            if not problems:
                left.pop()
                continue
            self.keep(self.wanted)
            assert time.monotonic() < until, (
                problems[:5],
                [oracle.arrived(left[-1].world, one) for one in left[-1].written],
                len(left),
                [one.said[-1500:] for one in self.workers[-3:]],
            )
            time.sleep(max(0.1, 10 * (time.thread_time() - began)))  # looking takes a processor, as workers do

    def is_mirrored(self, seconds: float = 240) -> None:
        """Wait until all that lies at each LAPOR is mirrored."""
        self.comes_true(Rig.unmirrored, seconds)

    def settles(self, seconds: float = 240) -> None:
        """Wait until each response has arrived once and in order; then each chain is whole."""
        self.comes_true(Rig.undelivered, seconds)
        for city in self.cities.values():
            city.verified()


@contextmanager
def province(folder: Path, server: Postgres, count: int, **settings: str) -> Iterator[Province]:
    """So many agencies, each with its file; no worker yet."""
    database = server.database()
    agencies = folder / "agencies"
    agencies.mkdir()
    shared = {"DATABASE_URL": database, "AGENCIES_DIR": str(agencies), "GATEWAY_PER_SECOND": "0"}
    common = SETTINGS | shared | settings
    env = PASSED_ON | {f"LAPOR_SYNC_{name}": value for name, value in common.items() if name not in OWN}
    with ExitStack() as stack:
        cities = {}
        for number in range(count):
            key = f"kota-{number}"
            own = folder / key
            own.mkdir()
            its: dict[str, Any] = {"AGENCY": key, "REF_PREFIX": f"K{number}"}
            cities[key] = stack.enter_context(rig(own, database, filed=4, seed=number, reports=2, env=its))
        made = Province(cities, server, folder, env)
        made.notes.touch()
        for key in cities:
            made.put(key)
        try:
            yield made
        finally:
            for one in made.living():
                one.process.kill()
