"""Many agencies on real workers over PostgreSQL: what polls take, and whether the gateway's budget holds.

    python -m benchmarks.nation polls --agencies 657 --reports 300 --workers 2 --poll 300 --seconds 300
    python -m benchmarks.nation budget --agencies 100 --workers 4 --rate 20 --seconds 60
    python -m benchmarks.nation line --workers 4 --rate 20 --seconds 240
    python -m benchmarks.nation looks --agencies 300
    python -m benchmarks.nation boards --agencies 300

One agency is mirrored for real from the stand-in in this process, whose time is not counted; its rows are copied for the
others, whose polls then find nothing new, as nearly all polls of a nation do. `budget` polls as often as it may, then
the same with two new agencies that are mirrored beside the others. `line` asks how long a poll's call waits for its
place before the gateway, ten seconds without new agencies and ten beside them, in turns: a few calls a second, as polls
come, while two new agencies in each worker take all that is left. `looks` asks for all at once: a monitor's scrape, and
the commands over many agencies. `boards` asks one board process for a page of each agency.
"""

from __future__ import annotations

import argparse
import bisect
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from random import Random
from typing import Any
from urllib.request import urlopen

from sqlalchemy import Engine, text

from benchmarks import databases
from connectors.simulator import CITY_ID, OPD_IDS, Options, Simulator
from lapor_sync.clock import SystemClock
from lapor_sync.domain.colour import City
from lapor_sync.domain.people import Role
from lapor_sync.monitoring.health import Polled
from lapor_sync.monitoring.mirrored import MirrorCollector
from lapor_sync.office.people import hash_of
from lapor_sync.store import moving, people, work_queue
from lapor_sync.store.database import Store, make_engine, open_store
from lapor_sync.store.gateway import GatewayLine
from lapor_sync.store.schema import audit

BEARER, TOKEN = "simulator", "{00000000-0000-0000-0000-000000000000}"
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Polls:
    """How many cycles went through, and the seconds that all of them took."""

    count: int
    seconds: float


@dataclass
class Nation:
    """The agencies' files, their database, and the stand-in that all of them call."""

    folder: Path
    engine: Engine
    simulator: Simulator
    env: dict[str, str]

    def put(self, key: str) -> None:
        """Write an agency's file."""
        lines = {
            "bearer": BEARER,
            "token": TOKEN,
            "institution_id": CITY_ID,
            "user_id": "1",
            "ref_prefix": f"K{key.rpartition('-')[2]}",
        }
        path = self.folder / "agencies" / f"{key}.toml"
        own = "".join(f"{name} = '{value}'\n" for name, value in lines.items())
        path.write_text(own + f"opd_ids = '{','.join(OPD_IDS)}'\n", encoding="utf-8")

    @contextmanager
    def workers(self, count: int) -> Iterator[list[int]]:
        """So many workers; their process numbers."""
        command = [sys.executable, "-m", "lapor_sync", "worker"]
        with ExitStack() as stack:
            log = stack.enter_context((self.folder / "workers.log").open("ab"))
            running = [subprocess.Popen(command, env=self.env, stderr=log) for _ in range(count)]
            try:
                yield [one.pid for one in running]
                if any(one.poll() is not None for one in running):
                    sys.exit((self.folder / "workers.log").read_text(encoding="utf-8")[-3000:])
            finally:
                for one in running:
                    one.send_signal(signal.SIGTERM)
                for one in running:
                    one.wait(120)

    def copy_first(self, count: int) -> None:
        """Let agencies 1 to `count` - 1 have what agency 0 has; their polls are spread over the interval."""
        with self.engine.begin() as conn:
            for table, key in ((audit, "chain"), *((one, "agency") for one in moving.tables())):
                names = [
                    f'"{column.name}"' for column in table.c if column.name != key and not _is_counted(column)
                ]
                columns = ", ".join(names)
                conn.execute(
                    text(
                        f"INSERT INTO {table.name} ({key}, {columns}) SELECT 'kota-' || series, {columns} "
                        f"FROM {table.name}, generate_series(1, {count - 1}) series WHERE {key} = 'kota-0'"
                    )
                )
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
            conn.execute(text("VACUUM ANALYZE"))

    def spread(self, count: int, poll: float) -> None:
        """Let each agency's next poll be somewhere in the interval."""
        with self.engine.begin() as conn:
            conn.execute(
                text(
                    f"INSERT INTO {work_queue.SCHEMA}.agency (agency, seen_at, next_poll_at) "
                    f"SELECT 'kota-' || n, now(), now() + random() * make_interval(secs => {poll}) "
                    f"FROM generate_series(0, {count - 1}) n "
                    "ON CONFLICT (agency) DO UPDATE SET next_poll_at = excluded.next_poll_at"
                )
            )

    def cycles(self, known: int) -> Polls:
        """The cycles that went through until now of the first `known` agencies, as running workers tell a monitor."""
        count = seconds = 0.0
        log = (self.folder / "workers.log").read_text(encoding="utf-8")
        for port in re.findall(r'"metrics_served".*?"port": (\d+)', log):
            with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
                told = answer.read().decode()
            for name, agency, number in re.findall(_CYCLES, told):
                if int(agency) < known:
                    count += float(number) * (name == "count")
                    seconds += float(number) * (name == "sum")
        return Polls(int(count), seconds)


_CYCLES = r'lapor_sync_cycle_duration_seconds_(count|sum)\{agency="kota-(\d+)",outcome="done"\} (\S+)'


def _is_counted(column: Any) -> bool:
    return column.autoincrement is True


@contextmanager
def nation(reports: int, **settings: str) -> Iterator[Nation]:
    """A database with one agency, mirrored by a real cycle."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="nation-")))
        (folder / "agencies").mkdir()
        url = stack.enter_context(databases.fresh("postgresql", folder))
        simulator = stack.enter_context(Simulator(Options(reports=reports)))
        said = {
            "DATABASE_URL": url,
            "AGENCIES_DIR": str(folder / "agencies"),
            "UPSTREAM_URL": simulator.url,
            "ATTACHMENTS": "link",
            "GATEWAY_PER_SECOND": "0",
            "RATE_PER_SECOND": "0",
        }
        known = {name: value for name, value in os.environ.items() if not name.startswith("LAPOR_SYNC_")}
        env = known | {f"LAPOR_SYNC_{name}": value for name, value in (said | settings).items()}
        open_store(url, "kota-0", SystemClock()).close()
        engine = make_engine(url)
        stack.callback(engine.dispose)
        work_queue.install(engine)
        made = Nation(folder, engine, simulator, env)
        made.put("kota-0")
        once = [sys.executable, "-m", "lapor_sync", "--once", "--agency", "kota-0"]
        subprocess.run(once, env=env, check=True, stderr=subprocess.DEVNULL)
        yield made


def polls(asked: argparse.Namespace) -> None:
    """What a nation's polls take of a core, of the server, of connections; and bytes a report."""
    with nation(asked.reports, POLL_SECONDS=str(asked.poll)) as made:
        for n in range(1, asked.agencies):
            made.put(f"kota-{n}")
        began = time.monotonic()
        made.copy_first(asked.agencies)
        with made.engine.connect() as conn:
            total = conn.execute(text("SELECT count(*) FROM report")).scalar_one()
            size = conn.execute(text("SELECT pg_database_size(current_database())")).scalar_one()
            tables = conn.execute(text(_SIZES)).all()
        print(
            f"{asked.agencies} agencies, {total} reports, {size / 1e6:.0f} MB: {size / total:.0f} bytes a report"
        )
        print(f"  {', '.join(f'{row.name} {row.size / total:.0f}' for row in tables)}")
        print(f"  copied in {time.monotonic() - began:.0f} s", flush=True)
        made.spread(asked.agencies, asked.poll)
        with made.workers(asked.workers) as pids:
            time.sleep(asked.settle)
            made.simulator.world.reset_requests()
            before, at = _used(pids), time.monotonic()
            server = _server_used()
            most = 0
            while time.monotonic() - at < asked.seconds:
                time.sleep(2)
                with made.engine.connect() as conn:
                    most = max(most, conn.execute(text(_CONNECTIONS)).scalar_one())
            took = time.monotonic() - at
            ours, theirs = _used(pids) - before, _server_used() - server
            seen = made.simulator.world.requests(0)
            memory = max(_resident(pid) for pid in pids)
        done = seen["total"]
        print(
            f"{took:.0f} s: {done} requests ({done / took:.2f} a second), {asked.workers} workers took "
            f"{100 * ours / took:.1f} % of a core ({1000 * ours / max(done, 1):.0f} ms a poll), PostgreSQL "
            f"{100 * theirs / took:.1f} % ({1000 * theirs / max(done, 1):.0f} ms a poll); {most} connections; "
            f"{memory:.0f} MB a worker; {seen['routes']} {seen['statuses']}"
        )


_SIZES = """
SELECT relname AS name, pg_total_relation_size(oid) AS size FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 2 DESC LIMIT 6
"""
_CONNECTIONS = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


def budget(asked: argparse.Namespace) -> None:
    """The highest second over all workers, and what two new agencies do to the polls of the others."""
    settings = {"POLL_SECONDS": str(asked.poll), "GATEWAY_PER_SECOND": str(asked.rate), "METRICS_LISTEN": "0"}
    with nation(asked.reports, **settings) as made:
        for n in range(1, asked.agencies):
            made.put(f"kota-{n}")
        made.copy_first(asked.agencies)
        made.spread(asked.agencies, asked.poll)
        with made.workers(asked.workers):
            time.sleep(asked.settle)
            for what in ("polls alone", "with two new agencies"):
                if what != "polls alone":
                    for n in (asked.agencies, asked.agencies + 1):
                        made.put(f"kota-{n}")
                    time.sleep(10)
                made.simulator.world.reset_requests()
                with made.engine.connect() as conn:
                    ended = _ended(conn)
                before = made.cycles(asked.agencies)
                time.sleep(asked.seconds)
                after = made.cycles(asked.agencies)
                with made.engine.connect() as conn:
                    late = conn.execute(text(_LATE)).scalar_one()
                    polled = sum(now != ended.get(key) for key, now in _ended(conn).items())
                calls = made.simulator.world.requests(10**9)["recent"]
                at = sorted(call["at"] for call in calls)
                highest = max(bisect.bisect_left(at, one + 1) - n for n, one in enumerate(at))
                listed = sum(call["path"].partition("?")[0].endswith("/complaints") for call in calls)
                print(
                    f"{what}: {len(at)} requests in {asked.seconds:g} s, highest second {highest} of {asked.rate:g}; "
                    f"{listed} lists, {polled} agencies; {after.count - before.count} polls of the old ones took "
                    f"{1000 * (after.seconds - before.seconds) / max(after.count - before.count, 1):.0f} ms each; "
                    f"the latest poll due is {late:.1f} s late",
                    flush=True,
                )


def line(asked: argparse.Namespace) -> None:
    """How long polls wait for the budget, alone and beside new agencies that are mirrored."""
    with tempfile.TemporaryDirectory(prefix="line-") as name, databases.fresh("postgresql", Path(name)) as url:
        waits: dict[bool, list[float]] = {False: [], True: []}
        left, taken = list[float](), 0
        engines = [make_engine(url) for _ in range(asked.workers)]
        work_queue.install(engines[0])
        is_beside, over = threading.Event(), threading.Event()

        def polls(n: int, lines: GatewayLine) -> None:
            dice = Random(n)
            while not over.is_set():
                time.sleep(dice.expovariate(asked.share * asked.rate / asked.workers))
                beside, at = is_beside.is_set(), time.monotonic()
                if lines.wait(time.sleep, over.is_set):
                    left.append(time.monotonic())
                    waits[beside].append(1000 * (left[-1] - at))

        def mirrors(lines: GatewayLine) -> None:
            nonlocal taken
            while not over.is_set():
                if not is_beside.wait(0.5):
                    continue
                if lines.wait(time.sleep, lambda: over.is_set() or not is_beside.is_set()) and is_beside.is_set():
                    left.append(time.monotonic())
                    taken += 1

        with ThreadPoolExecutor(3 * asked.workers) as pool:
            for n, engine in enumerate(engines):
                both = [
                    GatewayLine(engine, "http://lapor", asked.rate, SystemClock(), only_if_idle=is_idle)
                    for is_idle in (False, True)
                ]
                pool.submit(polls, n, both[0])
                for _ in range(2):
                    pool.submit(mirrors, both[1])
            for n in range(int(asked.seconds / 10)):
                (is_beside.set if n % 2 else is_beside.clear)()
                time.sleep(10)
            over.set()
            is_beside.set()
        for engine in engines:
            engine.dispose()
        left.sort()
        highest = max(bisect.bisect_left(left, one + 1) - n for n, one in enumerate(left))
        for beside, found in waits.items():
            found.sort()
            median, most = found[len(found) // 2], found[len(found) * 19 // 20]
            print(
                f"{'beside two new agencies a worker' if beside else 'polls alone'}: {len(found)} calls waited "
                f"{sum(found) / len(found):.0f} ms, median {median:.0f}, 95 % {most:.0f}"
            )
        print(f"new agencies had {taken} places; highest second {highest} of {asked.rate:g}")


def looks(asked: argparse.Namespace) -> None:
    """How long it takes to look at all agencies at once; no worker is at work."""
    with nation(asked.reports) as made:
        for n in range(1, asked.agencies):
            made.put(f"kota-{n}")
        made.copy_first(asked.agencies)
        clock = SystemClock()
        mirrors = [Polled(Store(made.engine, f"kota-{n}", clock), 300, City()) for n in range(asked.agencies)]
        for _ in range(2):  # the first one compiles
            _timed("a scrape", lambda: MirrorCollector(lambda: mirrors, clock).collect())
        for command in (["agencies"], ["agencies", "--json"], ["recap", "--period", f"{clock.now():%Y}"]):
            once = [sys.executable, "-m", "lapor_sync", *command]
            _timed(" ".join(command), lambda: subprocess.run(once, env=made.env, check=True, capture_output=True))  # noqa: B023


def boards(asked: argparse.Namespace) -> None:
    """What one board process over all agencies takes: its start, its memory, a page of each agency."""
    with nation(asked.reports, BOARD_LISTEN="127.0.0.1:0", SECOND_FACTOR="none") as made:
        for n in range(1, asked.agencies):
            made.put(f"kota-{n}")
        made.copy_first(asked.agencies)
        for n in range(asked.agencies):
            _let_in(Store(made.engine, f"kota-{n}", SystemClock()))
        command, began = [sys.executable, "-m", "lapor_sync", "board"], time.monotonic()
        as_the_unit = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "131072"}
        with subprocess.Popen(command, env=made.env | as_the_unit, stdout=subprocess.PIPE, text=True) as board:
            assert board.stdout is not None
            port = int(board.stdout.readline().rpartition(":")[2])
            print(f"begins in {time.monotonic() - began:.1f} s, with {_resident(board.pid):.0f} MB", flush=True)
            for what in ("each agency's first page", "the same again", "and again"):
                used, took = _used([board.pid]), []
                for n in range(asked.agencies):
                    at = time.monotonic()
                    _tasks(port, f"kota-{n}")
                    took.append(1000 * (time.monotonic() - at))
                took.sort()
                cost = 1000 * (_used([board.pid]) - used) / asked.agencies
                print(
                    f"{what}: median {took[len(took) // 2]:.0f} ms, 95 % {took[len(took) * 19 // 20]:.0f} ms, "
                    f"processor {cost:.0f} ms; {_resident(board.pid):.0f} MB",
                    flush=True,
                )
            board.send_signal(signal.SIGTERM)


def _let_in(store: Store) -> None:
    """Give the agency an admin who is signed in, by a token that is the agency's key."""
    with store.work() as work:
        person = people.add(work, name="Ayu", sign_in="ayu")
        people.begin_tenure(work, person, people.add_post(work, Role.ADMIN, None).id, work.now)
        row = {"person_id": person, "token_hash": hash_of(store.agency), "origin": "127.0.0.1"}
        people.begin_session(work, id=f"s-{store.agency}", **row)


def _tasks(port: int, key: str) -> None:
    """Ask for an agency's first page as its admin; a second factor is not wanted here."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/tugas", headers={"Host": f"{key}.localhost", "Cookie": f"papan={key}"})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    if answer.status != 200:
        sys.exit(f"{key} answers {answer.status}")


def _timed(what: str, act: Callable[[], object]) -> None:
    began, used = time.monotonic(), time.process_time() + _server_used() + _of_children()
    act()
    took = time.process_time() + _server_used() + _of_children() - used
    print(f"{what}: {time.monotonic() - began:.1f} s, processor time {took:.1f} s", flush=True)


def _of_children() -> float:
    times = os.times()
    return times.children_user + times.children_system


_LATE = f"SELECT extract(epoch FROM max(now() - next_poll_at))::float FROM {work_queue.SCHEMA}.agency"


def _ended(conn: Any) -> dict[str, Any]:
    return dict(conn.execute(text(f"SELECT agency, began_at FROM {work_queue.SCHEMA}.agency")).all())


def _used(pids: list[int]) -> float:
    """Seconds of a processor that these processes have taken."""
    return sum(_seconds(pid, 11, 12) for pid in pids)


def _server_used() -> float:
    """The same of PostgreSQL: of those of its processes that live, and of those that ended."""
    root = databases.server().get_pid()
    found = _seconds(root, 11, 12, 13, 14)
    for one in Path("/proc").glob("[0-9]*"):
        try:
            fields = one.joinpath("stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == root:
            found += (int(fields[11]) + int(fields[12])) / TICKS
    return found


def _seconds(pid: int, *which: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(fields[n]) for n in which) / TICKS


def _resident(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.nation", description=__doc__)
    parser.add_argument("what", choices=("polls", "budget", "line", "looks", "boards"))
    parser.add_argument("--agencies", type=int, default=100)
    parser.add_argument("--reports", type=int, default=50, help="of each agency")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--poll", type=float, default=300, help="seconds")
    parser.add_argument("--rate", type=float, default=20, help="of the gateway, a second")
    parser.add_argument("--share", type=float, default=0.3, help="of the budget that polls ask for")
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--settle", type=float, default=30)
    asked = parser.parse_args()
    {"polls": polls, "budget": budget, "line": line, "looks": looks, "boards": boards}[asked.what](asked)


if __name__ == "__main__":
    main()
