"""The command that says what is wrong."""

from __future__ import annotations

import os
import sys

import click

from lapor_sync import screens
from lapor_sync.check import check as answers
from lapor_sync.check import check_settings
from lapor_sync.commands.base import (
    Call,
    command,
)
from lapor_sync.domain.errors import SettingsWrong
from lapor_sync.log import configure
from lapor_sync.words.en import advised


@command()
def check(call: Call) -> None:
    """Read-only: settings, database, LAPOR, clock, TLS, token; what is wrong and what to do. Run it first.

    Exit code 0 if nothing is wrong, 1 if something is, 2 if the settings are.
    """
    configure(sys.stderr, terminal=sys.stderr.isatty(), level="error", say=advised)
    try:
        settings = call.settings()
    except SettingsWrong as wrong:
        screens.check(check_settings(wrong))
        click.get_current_context().exit(2)
    click.get_current_context().exit(screens.check(answers(settings, call.config, os.environ)))
