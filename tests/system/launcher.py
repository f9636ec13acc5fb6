"""Starts daemons quickly: one process loads the program once and forks a child for each start.

A child is the real program in a process of its own, which dies by SIGKILL as any other; only loading it, which takes
a second, is saved. `python -m tests.system.launcher` reads orders as JSON lines and answers with the child's pid.

A child kills itself where it is told to: `KILL_FILE` names a file that says `STEP NTH AFTER`; from the moment that
it is there, the NTH call of that step is the last, or AFTER seconds later if that is more than 0.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Self

import pytest

from connectors.transport import tls
from tests import certificates

ROOT = Path(__file__).parents[2]
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

    configure(sys.stderr, terminal=False)
    app = App(settings=load_settings(None, environ), step=Fuse(Path(environ["KILL_FILE"])))
    stop_on_signals(app.stopping.ask)
    try:
        app.daemon(environ, standby=environ.get("STANDBY") == "1")
    except LaporSyncError as error:
        print(f"Error: {error.what}", file=sys.stderr, flush=True)
        os._exit(error.exit_code)


def serve() -> None:
    """Fork a child for each line on standard input, until it ends."""
    _load()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how a child ended
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _be_the_child(order)
        print(pid, flush=True)


def _load() -> None:
    for name in ("connectors.admin_export", "connectors.sp4n_v3", "lapor_sync.app", "lapor_sync.store.migrations"):
        import_module(name)
    certificates.read_once(pytest.MonkeyPatch())
    tls.trusted()


def _be_the_child(order: dict[str, Any]) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # Ctrl-C ends the tests: no daemon lives on
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(os.open(order["stderr"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), 2)
    os.dup2(2, 1)
    os.environ.clear()
    os.environ.update(order["env"])
    if os.environ.get("WITHOUT_PRIVILEGES"):
        _bound_by_modes()
    code = 70
    try:
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
    """A started daemon."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        try:
            self._fd: int | None = os.pidfd_open(pid)
        except ProcessLookupError:
            self._fd = None

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
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.system.launcher"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")},
        )

    def start(self, env: Mapping[str, str], stderr: Path) -> Child:
        """A daemon with this environment and nothing else."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._turn:
            self._process.stdin.write(json.dumps({"env": dict(env), "stderr": str(stderr)}) + "\n")
            self._process.stdin.flush()
            return Child(int(self._process.stdout.readline()))

    def close(self) -> None:
        """No more children."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


if __name__ == "__main__":
    serve()
