"""Many agencies over one PostgreSQL, each with a LAPOR of its own in this process, worked by real workers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.system.rig import PASSED_ON, SETTINGS, Postgres, Rig, rig, wait_until

ROOT = Path(__file__).parents[2]
OWN = ("BEARER", "TOKEN", "INSTITUTION_ID", "USER_ID", "OPD_IDS")


@dataclass
class Worker:
    """A worker's process, in a group of its own."""

    process: subprocess.Popen[bytes]
    log: Path
    ended_at: float | None = None

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL; what it worked ends here."""
        self.process.kill()
        self.process.wait()
        self.ended_at = time.monotonic()

    def terminate(self, seconds: float = 20) -> int:
        """SIGTERM; its exit code."""
        self.process.terminate()
        return self.process.wait(seconds)

    @property
    def said(self) -> str:
        return self.log.read_text(encoding="utf-8")


@dataclass
class Province:
    """Agencies by their key, and the workers that were ever started."""

    cities: dict[str, Rig]
    folder: Path
    env: dict[str, str]
    workers: list[Worker] = field(default_factory=list)

    def start(self, concurrency: int = 2, **env: str) -> Worker:
        """One more worker."""
        log = self.folder / f"worker-{len(self.workers)}.log"
        command = [sys.executable, "-m", "tests.system.quick_worker", str(self.notes), str(concurrency)]
        with log.open("wb") as stderr:
            process = subprocess.Popen(command, env=self.env | env, cwd=ROOT, stderr=stderr)
        self.workers.append(Worker(process, log))
        return self.workers[-1]

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

    def cycles(self) -> list[tuple[str, int, float, float]]:
        """Each cycle's agency and process, when it began, and when it or its process ended."""
        dead = {one.process.pid: one.ended_at for one in self.workers}
        begun: dict[tuple[int, str], float] = {}
        found = []
        for line in self.notes.read_text(encoding="ascii").splitlines():
            what, pid, agency, at = line.split()
            key = (int(pid), agency)
            if what == "begin":
                begun[key] = float(at)
            else:
                found.append((agency, key[0], begun.pop(key), float(at)))
        now = time.monotonic()
        found += [(agency, pid, at, dead.get(pid) or now) for (pid, agency), at in begun.items()]
        return sorted(found, key=lambda one: one[2])

    def overlaps(self) -> list[str]:
        """The cycles of one agency that were at work at once."""
        last: dict[str, tuple[int, float]] = {}
        wrong = []
        for agency, pid, began, ended in self.cycles():
            if agency in last and last[agency][1] > began:
                wrong.append(
                    f"{agency}: {pid} began {last[agency][1] - began:.3f} s before {last[agency][0]} ended"
                )
            last[agency] = (pid, ended)
        return wrong

    def problems(self) -> list[str]:
        """What is not as it must be in the end, over all agencies."""
        return [f"{key}: {one}" for key, city in self.cities.items() for one in city.undelivered()]

    def is_mirrored(self) -> None:
        """Wait until all that lies at each LAPOR is mirrored."""
        wait_until(lambda: not any(city.unmirrored() for city in self.cities.values()), 60, "every report")

    def settles(self, seconds: float = 90) -> None:
        """Wait until each response has arrived once and in order."""
        try:
            wait_until(lambda: not self.problems(), seconds, "every response")
        except AssertionError as late:
            raise AssertionError(self.problems()[:5], [one.said[-1500:] for one in self.workers[-3:]]) from late


@contextmanager
def province(folder: Path, server: Postgres, count: int, **settings: str) -> Iterator[Province]:
    """So many agencies, each with its file; no worker yet."""
    database = server.database()
    agencies = folder / "agencies"
    agencies.mkdir()
    common = SETTINGS | {"DATABASE_URL": database, "AGENCIES_DIR": str(agencies), **settings}
    env = PASSED_ON | {f"LAPOR_SYNC_{name}": value for name, value in common.items() if name not in OWN}
    with ExitStack() as stack:
        cities = {}
        for number in range(count):
            key = f"kota-{number}"
            own = folder / key
            own.mkdir()
            its: dict[str, Any] = {"AGENCY": key, "REF_PREFIX": f"K{number}"}
            cities[key] = stack.enter_context(rig(own, database, filed=4, seed=number, reports=2, env=its))
        made = Province(cities, folder, {**os.environ, **env})
        for key in cities:
            made.put(key)
        try:
            yield made
        finally:
            for one in made.workers:
                one.process.send_signal(signal.SIGCONT)
                one.kill()
