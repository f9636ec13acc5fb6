"""The list of all commands: whole on a small terminal, and shown without loading what they need."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from lapor_sync.__main__ import as_process
from lapor_sync.app import App
from lapor_sync.cli import main_group
from lapor_sync.commands import COMMANDS
from lapor_sync.worker import process
from tests.commands import every_command


def test_every_command_of_the_list_is_there() -> None:
    assert {path[0] for path, _ in every_command() if path} == set(COMMANDS)


def test_the_list_is_whole_at_80_columns() -> None:
    lines = CliRunner().invoke(main_group, ["--help"], terminal_width=80).output.splitlines()
    for name, one in COMMANDS.items():
        assert any(line.split() == [name, *one.help.split()] and len(line) <= 80 for line in lines), name


def test_no_list_of_acts_is_cut_at_80_columns() -> None:
    for path, _ in every_command():
        shown = CliRunner().invoke(main_group, [*path, "--help"], terminal_width=80).output
        assert "...\n" not in shown.partition("Commands:\n")[2], path


def test_the_list_loads_no_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lapor_sync.cli.load", pytest.fail)
    assert "respond" in CliRunner().invoke(main_group, ["--help"]).output


def test_completing_a_command_loads_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lapor_sync.cli.load", pytest.fail)
    environ = {"_LAPOR_SYNC_COMPLETE": "bash_complete", "COMP_WORDS": "lapor-sync re", "COMP_CWORD": "1"}
    said = CliRunner().invoke(main_group, [], env=environ, prog_name="lapor-sync").output
    assert said.split() == ["plain,reports", "plain,recap", "plain,respond", "plain,restore"]


@pytest.fixture
def garbage_as_before() -> Iterator[None]:
    """What a process tunes for itself holds for all tests of this one."""
    threshold = gc.get_threshold()
    yield
    gc.set_threshold(*threshold)


@pytest.mark.usefixtures("garbage_as_before")
@pytest.mark.parametrize("command", ["daemon", "worker"])
def test_what_stays_for_months_lets_its_garbage_go(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: str
) -> None:
    """Each poll leaves some: 24 MB of it were held after four days, as in a command that ends at once."""
    kept: list[int] = []

    def work(*_args: Any, **_options: Any) -> None:
        for _ in range(10_000):
            around: list[Any] = []
            around.append(around)
        kept.append(gc.get_count()[0])

    monkeypatch.setattr(App, "daemon", work)
    monkeypatch.setattr(process, "run", work)
    for door in ("lapor_sync.cli", "lapor_sync.commands.worker"):
        monkeypatch.setattr(f"{door}.stop_on_signals", lambda _ask: None)
    environ = {"LAPOR_SYNC_DATABASE_URL": f"sqlite:///{tmp_path}/city.db"}

    def run() -> None:
        CliRunner().invoke(
            main_group, [] if command == "daemon" else [command], env=environ, catch_exceptions=False
        )

    as_process(run)
    assert kept[0] < 5_000
