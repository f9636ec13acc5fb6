"""The command that says what is wrong."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from lapor_sync import screens
from lapor_sync.check import check as answers
from lapor_sync.check import check_settings
from lapor_sync.commands.base import Call, command
from lapor_sync.config import Settings
from lapor_sync.domain.errors import BadInput, SettingsWrong
from lapor_sync.log import configure
from lapor_sync.words.en import advised


@command(
    click.option(
        "--record",
        metavar="FOLDER",
        type=click.Path(path_type=Path),
        help="Keep what LAPOR answers in a new folder: shapes, with no name, text or number of anybody.",
    )
)
def check(call: Call, record: Path | None) -> None:
    """Read-only: settings, database, LAPOR, clock, TLS, token; what is wrong and what to do. Run it first.

    Exit code 0 if nothing is wrong, 1 if something is, 2 if the settings are.
    """
    configure(sys.stderr, terminal=sys.stderr.isatty(), level="error", say=advised)
    try:
        settings = call.settings()
    except SettingsWrong as wrong:
        screens.check(check_settings(wrong))
        click.get_current_context().exit(2)
    if record is not None:
        _need_new_folder(record, settings)
    lines = answers(settings, call.config, os.environ, record=record)
    click.get_current_context().exit(screens.check(lines))


def _need_new_folder(folder: Path, settings: Settings) -> None:
    """Make it. Raises BadInput where anything is in it, or where there is nothing to record."""
    if not settings.can_call_upstream:
        missing = ", ".join(settings.missing_for_upstream())
        raise BadInput(f"Nothing can be recorded: {missing} missing.", todo="Set them first.")
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        is_empty = next(folder.iterdir(), None) is None
    except OSError as error:
        raise BadInput(f"{folder}: {error.strerror}.", todo="Name a new folder in one that is there.") from error
    if not is_empty:
        raise BadInput(f"{folder} is not empty.", todo="Name a new folder: nothing is written over.")
