"""The list of all commands: whole on a small terminal, and shown without loading what they need."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from lapor_sync.cli import main_group
from lapor_sync.commands import COMMANDS
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
