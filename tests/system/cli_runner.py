"""Runs `lapor-sync` inside of the test's process: arguments and environment in, exit code and both streams out."""

from __future__ import annotations

import io
import json
import logging
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import structlog

from connectors.simulator import CITY_ID, OPD_IDS, Simulator
from lapor_sync import cli

BEARER, TOKEN = "simulator", "{00000000-0000-0000-0000-000000000000}"


class Stream(io.StringIO):
    """A standard stream; `terminal` says what it pretends to be."""

    def __init__(self, *, terminal: bool = False) -> None:
        super().__init__()
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


@dataclass(frozen=True)
class Ran:
    """How one command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one object on standard output."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """The objects on standard output, one a line."""
        return [json.loads(line) for line in self.out.splitlines()]

    def says(self, *words: str) -> bool:
        """Whether standard error is just an `Error:` and a `To do:` line, and holds these words."""
        told = self.err.splitlines()
        shape = any(line.startswith("Error: ") for line in told) and told[-1].startswith("To do: ")
        return shape and "Traceback" not in self.err and all(word in self.err for word in words)


@dataclass
class Cli:
    """The command line with the environment that is set for it; `env` is added to by tests."""

    env: dict[str, str] = field(default_factory=dict)

    def __call__(self, *args: str | Path, terminal: bool = False, env: Mapping[str, str] | None = None) -> Ran:
        environ = {name: value for name, value in os.environ.items() if not _is_ours(name)}
        environ |= self.env | dict(env or {})
        out, err = Stream(terminal=terminal), Stream(terminal=terminal)
        with ExitStack() as stack:
            for one in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                stack.callback(signal.signal, one, signal.getsignal(one))
            stack.callback(_quiet)
            stack.enter_context(patch.dict(os.environ, environ, clear=True))
            stack.enter_context(patch.object(sys, "argv", ["lapor-sync", *map(str, args)]))
            stack.enter_context(redirect_stdout(out))
            stack.enter_context(redirect_stderr(err))
            code = _exit_code()
        return Ran(code, out.getvalue(), err.getvalue())


def _is_ours(name: str) -> bool:
    return name.startswith("LAPOR_SYNC_") or name in {"SUDO_USER", "CREDENTIALS_DIRECTORY", "INVOCATION_ID"}


def _exit_code() -> int:
    with pytest.raises(SystemExit) as end:
        cli.main()
    return int(end.value.code or 0)


def _quiet() -> None:
    """Logging as it was: nothing may go to the stream of a command that is over."""
    structlog.reset_defaults()
    root = logging.getLogger()
    for handler in [one for one in root.handlers if type(one).__name__ == "_ToEvents"]:
        root.removeHandler(handler)


def city(simulator: Simulator, database: Path) -> Cli:
    """The command line of a city whose LAPOR is that stand-in."""
    settings = {
        "DATABASE_URL": f"sqlite:///{database}",
        "UPSTREAM_URL": simulator.url,
        "BEARER": BEARER,
        "TOKEN": TOKEN,
        "INSTITUTION_ID": CITY_ID,
        "USER_ID": "1",
        "OPD_IDS": ",".join(OPD_IDS),
        "RATE_PER_SECOND": "0",
        "READBACK_GRACE_SECONDS": "0",
        "CONNECT_TIMEOUT": "2",
        "READ_TIMEOUT": "5",
    }
    return Cli({f"LAPOR_SYNC_{name}": value for name, value in settings.items()})


def mirror_once(simulator: Simulator, folder: Path) -> Path:
    """Mirror that stand-in into a new database in the folder; its path."""
    path = folder / "city.db"
    ran = city(simulator, path)("--once")
    assert ran.code == 0, ran.err
    return path
