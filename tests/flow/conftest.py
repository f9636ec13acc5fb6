"""Fixtures of the flows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.simulator import Options, Simulator
from tests.city import City, settings


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """A stand-in with forty reports."""
    with Simulator(Options(seed=3, reports=40, late_seconds=0.5, slow_seconds=0.1)) as running:
        yield running


@pytest.fixture
def city(
    simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> City:
    """A city that works against the stand-in."""
    return City(settings(tmp_path, simulator), monkeypatch, capsys)
