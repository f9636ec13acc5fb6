"""Commits a second of agencies that write at once into one PostgreSQL: with one turn for all, and with one for each.

`python -m benchmarks.agencies`. Each writer is a process with a store of its own; a commit is a mark and its audit row.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import databases
from benchmarks.processes import ROOT
from lapor_sync.clock import SystemClock
from lapor_sync.store import database, marks
from lapor_sync.store.database import Store, make_engine, open_store
from lapor_sync.store.keys import key_of
from lapor_sync.store.marks import Mark

SECONDS, ROUNDS, AGENCIES = 3.0, 5, (1, 2, 4)


def write(url: str, agency: str, seconds: float, *, shared: bool) -> int:
    """How many transactions this agency commits in that time; `shared`: as if all agencies had one turn."""
    if shared:
        vars(database)["key_of"] = lambda what, _agency: key_of(what, "all")
    store = Store(make_engine(url), agency, SystemClock())
    _commit(store, 0)
    print("ready", flush=True)
    sys.stdin.readline()
    count, until = 0, time.perf_counter() + seconds
    while time.perf_counter() < until:
        count += 1
        _commit(store, count)
    store.close()
    return count


def _commit(store: Store, n: int) -> None:
    with store.work() as work:
        marks.put(work, Mark.CANARY, str(n))
        work.note("colour", str(n), after="merah")


def measure(url: str, agencies: int, *, shared: bool) -> float:
    """Commits a second of so many agencies together."""
    pipe = subprocess.PIPE
    name = "one" if shared else "each"
    writers = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.agencies", url, f"kota-{n}", str(SECONDS), name],
            cwd=ROOT,
            stdin=pipe,
            stdout=pipe,
            text=True,
        )
        for n in range(agencies)
    ]
    for one in writers:
        assert one.stdout is not None
        one.stdout.readline()
    counts = [one.communicate()[0] for one in _told(writers)]
    return sum(map(int, counts)) / SECONDS


def _told(writers: list[subprocess.Popen[str]]) -> list[subprocess.Popen[str]]:
    for one in writers:
        assert one.stdin is not None
        one.stdin.write("go\n")
        one.stdin.flush()
    return writers


def main() -> None:
    """Medians of rounds in turn."""
    with tempfile.TemporaryDirectory() as folder, databases.fresh("postgresql", Path(folder)) as url:
        open_store(url, "kota", SystemClock()).close()
        for agencies in AGENCIES:
            rates: dict[bool, list[float]] = {True: [], False: []}
            for _ in range(ROUNDS):
                for shared in (True, False):
                    rates[shared].append(measure(url, agencies, shared=shared))
            one, each = (sorted(rates[shared])[ROUNDS // 2] for shared in (True, False))
            print(f"{agencies} agencies: {one:.0f} commits/s with one turn, {each:.0f} with a turn each")


if __name__ == "__main__":
    if sys.argv[1:]:
        print(write(sys.argv[1], sys.argv[2], float(sys.argv[3]), shared=sys.argv[4] == "one"))
    else:
        main()
