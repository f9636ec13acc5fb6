"""The same city on real PostgreSQL: mirrored, answered once, proven, and worked by one process at a time."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from connectors.simulator import Simulator
from tests.city import City, settings
from tests.databases import fresh_postgres
from tests.flow.test_city import wait_for, waiting
from tests.oracle import arrived
from tests.system.launcher import launcher


@pytest.fixture
def postgresql() -> Iterator[str]:
    """The address of an empty database."""
    with fresh_postgres() as address:
        yield address


def test_the_city_works_on_postgresql(
    postgresql: str,
    simulator: Simulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Backfill, a response whose reply is lost, the lock, and the audit that refuses every change."""
    city = City(settings(tmp_path, simulator, DATABASE_URL=postgresql), monkeypatch, capsys)
    assert city.run("--backfill").out == "new 16, changed 0, unchanged 0, quarantined 0\n"
    one = waiting(city)[0]
    city.run("respond", one, "--text", "Sudah kami periksa.")
    simulator.world.add_faults(
        {"match": {"method": "POST", "path": "followup/add"}, "times": 1, "do": "close-after"}
    )
    assert city.cycles_until_quiet()["sent"] == 1
    assert len(arrived(simulator.world, one)) == 1
    city.run("audit", "verify")
    with (
        psycopg.connect(postgresql.replace("+psycopg", "")) as raw,
        pytest.raises(psycopg.errors.RaiseException, match="append-only"),
    ):
        raw.execute("TRUNCATE audit")
    daemon = launcher().daemon(city.env)
    try:
        city.run("respond", one, "--text", "Sudah selesai.")
        wait_for(lambda: len(arrived(simulator.world, one)) == 2)
        city.run("--once", code=3)
        assert "daemon" in city.run("status").out
    finally:
        daemon.send(signal.SIGTERM)
        assert daemon.wait(20)
    assert daemon.code == 0
