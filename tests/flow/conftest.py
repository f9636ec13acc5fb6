"""Fixtures of the flows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import pytest

from connectors.simulator import Options, Simulator
from tests.city import City, settings
from tests.databases import migrated_postgres_database
from tests.flow import bench


@pytest.fixture(params=["sqlite", "postgresql"])
def both(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every city of a test, on each database in turn."""
    with ExitStack() as stack:
        if request.param == "postgresql":

            @cache
            def url_of(path: Path) -> str:
                return stack.enter_context(migrated_postgres_database())

            monkeypatch.setattr(bench, "url_of", url_of)
        yield


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """A stand-in with sixteen reports, of all colours; four wait for an OPD."""
    with Simulator(Options(seed=33, reports=16, late_seconds=0.5, slow_seconds=0.1)) as running:
        yield running


@pytest.fixture
def city(
    both: None,
    simulator: Simulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> City:
    """A city that works against the stand-in."""
    return City(
        settings(tmp_path, simulator, DATABASE_URL=bench.url_of(tmp_path / "city.db")), monkeypatch, capsys
    )
