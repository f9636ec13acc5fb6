"""A city for tests: the stand-in on loopback, a database of its own, and the real command line in this process."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog

from connectors.simulator import CITY_ID, OPD_IDS, Simulator
from lapor_sync.cli import main


@dataclass(frozen=True)
class Said:
    """What a command said, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Standard output as JSON, one object a line."""
        return [json.loads(line) for line in self.out.splitlines()]


def settings(folder: Path, simulator: Simulator | None = None, **more: str) -> dict[str, str]:
    """The environment of a city that works against the stand-in."""
    named = {"DATABASE_URL": f"sqlite:///{folder / 'city.db'}", "READBACK_GRACE_SECONDS": "1"}
    named |= {"INSTITUTION_ID": CITY_ID, "USER_ID": "1", "OPD_IDS": ",".join(OPD_IDS)}
    named |= {"POLL_SECONDS": "0.2", "RATE_PER_SECOND": "0", "READ_TIMEOUT": "10"}
    if simulator is not None:
        named |= {"UPSTREAM_URL": simulator.url, "BEARER": "simulator"}
        named |= {"TOKEN": "{00000000-0000-0000-0000-000000000000}"}
    return {f"LAPOR_SYNC_{name}": value for name, value in (named | more).items()}


@dataclass
class City:
    """Runs commands with these settings."""

    env: Mapping[str, str]
    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    def run(self, *args: str, code: int | None = 0, **more: str) -> Said:
        """One command in this process; `code` None: any exit code will do."""
        with self.monkeypatch.context() as patched:
            for name, value in {**self.env, **{f"LAPOR_SYNC_{k}": v for k, v in more.items()}}.items():
                patched.setenv(name, value)
            patched.setattr(sys, "argv", ["lapor-sync", *args])
            self.capsys.readouterr()
            with pytest.raises(SystemExit) as ended:
                main()
            structlog.reset_defaults()
        told = self.capsys.readouterr()
        said = Said(int(ended.value.code or 0), told.out, told.err)
        assert "Traceback" not in said.err
        assert code is None or said.code == code, said
        return said

    def json(self, *args: str) -> list[dict[str, Any]]:
        """A command's answer as JSON."""
        return self.run(*args, "--json").rows

    def cycles_until_quiet(self, most: int = 60) -> dict[str, int]:
        """Cycles until nothing is on its way any more; the outbox's counts then."""
        for _ in range(most):
            self.run("--once", code=None)
            counts: dict[str, int] = self.json("status")[0]["outbox"]
            if not (counts["queued"] or counts["sending"] or counts["unknown"]):
                return counts
        raise AssertionError(f"still on its way: {self.json('outbox')}")
