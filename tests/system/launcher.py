"""Starts the program quickly: one process loads it once and forks a child for each start.

A child is the real program in a process of its own, which hears signals and dies by SIGKILL as any other; only what
never differs is saved: loading it, which takes a second of a processor, and what its first cycle loads and compiles.
`python -m tests.system.launcher` reads orders as JSON from a socket, each with the two files for what the child says,
and answers with its pid, later with its exit code.

A daemon that is to be killed kills itself where it is told to: `KILL_FILE` names a file that says `STEP NTH AFTER`; from
the moment that it is there, the NTH call of that step is the last, or AFTER seconds later if that is more than 0.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Self

import pytest

from connectors.simulator import OPD_IDS, Options, Simulator
from connectors.transport import tls
from lapor_sync.__main__ import main as program
from tests.city import settings
from tests.databases import compile_once, migrate_once
from tests.system import quick_worker

ROOT = Path(__file__).parents[2]
LOADED = (
    *(
        "lapor_sync.cli",
        "lapor_sync.app",
        "lapor_sync.screens",
        "lapor_sync.store.backup",
        "lapor_sync.store.migrations",
    ),
    *("lapor_sync.interface", "lapor_sync.sync.cycle", "lapor_sync.sync.restore", "connectors.admin_export"),
    *("connectors.sp4n_v3", "sqlalchemy.dialects.postgresql.psycopg", "sqlalchemy.dialects.sqlite"),
)
_PR_SET_PDEATHSIG = 1


@dataclass
class Fuse:
    """The step that is passed in as the clock is: a no-op until the file says otherwise."""

    path: Path
    left: int | None = None
    turn: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, name: str) -> None:
        with self.turn:
            try:
                step, nth, after = self.path.read_text(encoding="ascii").split()
            except FileNotFoundError:
                return
            if name != step:
                return
            self.left = (int(nth) if self.left is None else self.left) - 1
            if self.left == 0:
                self._burn(float(after))

    def _burn(self, after: float) -> None:
        if after:
            threading.Timer(after, _die).start()
        else:
            _die()
            time.sleep(60)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def work(environ: Mapping[str, str]) -> None:
    """What a child does: be the daemon."""
    from lapor_sync.app import App
    from lapor_sync.commands.base import stop_on_signals
    from lapor_sync.config import load_settings
    from lapor_sync.domain.errors import LaporSyncError
    from lapor_sync.log import configure
    from lapor_sync.words.en import advised

    configure(sys.stderr, terminal=False, say=advised)
    app = App(settings=load_settings(None, environ), step=Fuse(Path(environ["KILL_FILE"])))
    stop_on_signals(app.stopping.ask)
    try:
        app.daemon(environ, standby=environ.get("STANDBY") == "1")
    except LaporSyncError as error:
        print(f"Error: {error.what}", file=sys.stderr, flush=True)
        os._exit(error.exit_code)


class Forks:
    """The side of the socket where the program is loaded."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._codes: dict[int, int] = {}

    def serve(self) -> None:
        """Carry out orders until the other side is gone."""
        signal.signal(signal.SIGCHLD, self._reap)
        while True:
            message, files, _, _ = socket.recv_fds(self._channel, 2**20, 2)
            if not message:
                return
            order = json.loads(message)
            self._channel.send(
                str(self._code(order["ended"]) if "ended" in order else self._fork(order, *files)).encode()
            )

    def _fork(self, order: dict[str, Any], out: int, err: int) -> int:
        pid = os.fork()
        if pid == 0:
            self._channel.close()
            _be_the_child(order, out, err)
        os.close(out)
        os.close(err)
        return pid

    def _reap(self, *_: object) -> None:
        """At once: whoever looks for the holder of a lock would take for alive what nobody has asked for."""
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                self._codes[ended[0]] = os.waitstatus_to_exitcode(ended[1])

    def _code(self, pid: int) -> int:
        with contextlib.suppress(ChildProcessError):  # reaped already
            self._codes[pid] = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        return self._codes.pop(pid)


def _load() -> None:
    for name in LOADED:
        import_module(name)
    patch = pytest.MonkeyPatch()
    compile_once(patch)
    migrate_once(patch)
    tls.trusted()
    _live_a_day()
    assert threading.active_count() == 1, "a fork takes one thread with it, and the locks of all"


def _live_a_day() -> None:
    """Mirror a small city and answer one report: the holidays of all countries are loaded, and SQL is compiled."""
    from lapor_sync.app import App
    from lapor_sync.config import load_settings
    from lapor_sync.domain.people import of_shell
    from lapor_sync.office import NewResponse, respond

    with tempfile.TemporaryDirectory() as folder, Simulator(Options(reports=6)) as simulator:
        filed = simulator.world.file_report(opd=OPD_IDS[0])["tracking_id"]
        app = App(settings=load_settings(None, settings(Path(folder), simulator)))
        app.once()
        with app.mirror() as mirror:
            respond(mirror, of_shell("budi"), NewResponse(given_id=filed, text="Sudah kami kerjakan."))
        app.once()


def _be_the_child(order: dict[str, Any], out: int, err: int) -> None:
    """Never comes back: it ends as the program does."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # Ctrl-C ends the tests: no daemon lives on
    for number, file in enumerate((os.open(os.devnull, os.O_RDONLY), out, err)):
        os.dup2(file, number)
        os.close(file)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - as a new process has them
    sys.stderr = open(2, "w", 1, encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
    os.environ.clear()
    os.environ.update(order["env"])
    if os.environ.get("WITHOUT_PRIVILEGES"):
        _bound_by_modes()
    if "args" in order:
        sys.argv = ["lapor-sync", *order["args"]]
        program()
        sys.exit(0)
    code = 70
    try:
        if "notes" in order:
            quick_worker.work(os.environ, Path(order["notes"]), order["concurrency"])
        else:
            work(os.environ)
        code = 0
    except BaseException:  # noqa: BLE001 - it is told, and the code is set
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _bound_by_modes() -> None:
    """Let root be bound by the modes of files as everybody is: capset(2), nothing effective or permitted."""
    header, nothing = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    if ctypes.CDLL(None).capset(header, nothing) != 0:
        raise OSError("capset")


# The other side.


class Child:
    """A started process. `code` is how it ended, once it has."""

    def __init__(self, pid: int, code_of: Callable[[], int]) -> None:
        self.pid = pid
        self.code: int | None = None
        self._code_of = code_of
        try:
            self._fd: int | None = os.pidfd_open(pid)
        except ProcessLookupError:
            self._fd = None
            self.code = code_of()

    @property
    def is_alive(self) -> bool:
        """Whether it still runs."""
        return not self.wait(0)

    def wait(self, seconds: float) -> bool:
        """Whether it has ended, after so many seconds at most."""
        if self._fd is None:
            return True
        ended, _, _ = select.select([self._fd], [], [], seconds)
        if ended:
            os.close(self._fd)
            self._fd = None
            self.code = self._code_of()
        return bool(ended)

    def send(self, number: signal.Signals) -> None:
        """Send a signal, if it is still there."""
        if self._fd is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._fd, number)

    def kill(self) -> None:
        """SIGKILL, and wait for the end."""
        self.send(signal.SIGKILL)
        assert self.wait(10), "a killed process is gone"


class Launcher:
    """The process that forks; close it, or use it in `with`. Safe to use from many threads.

    Its children end without a word, so nothing measures what they run: it would be lost, and costs a third more time.
    """

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.system.launcher", str(theirs.fileno())],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env={name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")},
            )

    def start(self, env: Mapping[str, str], stderr: Path) -> Child:
        """A daemon with this environment and nothing else, which can be told to kill itself."""
        with stderr.open("ab") as said:
            return self._fork({"env": dict(env)}, said.fileno(), said.fileno())

    def start_worker(self, env: Mapping[str, str], stderr: Path, notes: Path, concurrency: int) -> Child:
        """A worker of many agencies, which notes its cycles in a file: see `quick_worker`."""
        with stderr.open("ab") as said:
            order = {"env": dict(env), "notes": str(notes), "concurrency": concurrency}
            return self._fork(order, said.fileno(), said.fileno())

    def run(self, env: Mapping[str, str], args: Sequence[str], out: int, err: int) -> Child:
        """`lapor-sync` with these arguments; what it says goes into these files."""
        return self._fork({"env": dict(env), "args": list(args)}, out, err)

    def daemon(self, env: Mapping[str, str]) -> Child:
        """`lapor-sync` as the daemon, and nobody reads what it says."""
        with open(os.devnull, "wb") as nobody:
            return self.run({**os.environ, **env}, (), nobody.fileno(), nobody.fileno())

    def _fork(self, order: dict[str, Any], out: int, err: int) -> Child:
        pid = self._asked(order, out, err)
        return Child(pid, lambda: self._asked({"ended": pid}))

    def _asked(self, order: dict[str, Any], *files: int) -> int:
        with self._turn:
            socket.send_fds(self._channel, [json.dumps(order).encode()], files)
            return int(self._channel.recv(100))

    def close(self) -> None:
        """No more children."""
        self._channel.close()
        self._process.wait(10)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@cache
def launcher() -> Launcher:
    """The one of this process, started when first asked for."""
    return Launcher()


def stop_launcher() -> None:
    """Stop it, if there is one."""
    if launcher.cache_info().currsize:
        launcher().close()


if __name__ == "__main__":
    _load()
    gc.freeze()
    Forks(socket.socket(fileno=int(sys.argv[1]))).serve()
