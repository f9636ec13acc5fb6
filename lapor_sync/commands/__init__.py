"""The commands, a file a subject. Each is loaded when it is called: what one needs, the others need not wait for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import NamedTuple

import click

from lapor_sync.commands.base import of_an_agency


class Command(NamedTuple):
    """One command as the list of all shows it. `module` is of this package, and defines it under its name."""

    module: str
    help: str
    of_agency: bool = True


SECTIONS: Mapping[str, Mapping[str, Command]] = {
    "Look": {
        "status": Command("looking", "colours, outbox, quarantine, last success, outages"),
        "reports": Command("looking", "all reports, or those that are asked for"),
        "opds": Command("looking", "each OPD: reports by colour, overdue"),
        "show": Command("looking", "one report, and why it has its colour"),
        "attachment": Command("attachment", "fetch a file of a report"),
        "plan": Command("plan", "what the next cycle would do"),
        "recap": Command("recap", "what came in a period, and how it was answered"),
        "quarantine": Command("looking", "records that could not be read, and why"),
        "audit": Command("audit", "prove the audit log, or export it"),
    },
    "Act": {
        "respond": Command("acting", "write an OPD's response"),
        "forward": Command("acting", "ask that a report be handed over"),
        "outbox": Command("outbox", "what is on its way; retry, hold, cancel, pause"),
        "conflicts": Command("conflicts", "what only a person can settle"),
        "citizen": Command("citizens", "what is kept of a citizen; hold it back, erase it"),
    },
    "People": {
        "people": Command("people", "accounts, posts, invitations, hand-over"),
        "board": Command("board", "serve the board for officers"),
        "notices": Command("notices", "what people were told; send a test"),
    },
    "Run it": {
        "setup": Command("setup", "the first day: write the settings", of_agency=False),
        "check": Command("check", "what is wrong, and what to do"),
        "backup": Command("backups", "copy the database"),
        "restore": Command("backups", "go on from a backup"),
        "agencies": Command("agencies", "many agencies: each with its state", of_agency=False),
        "worker": Command("worker", "work many agencies from a queue", of_agency=False),
    },
    "Try it": {
        "demo": Command("demo", "a week of one city in a minute", of_agency=False),
        "simulator": Command("simulator", "a stand-in for LAPOR, to rehearse with", of_agency=False),
        "completion": Command("completion", "complete commands with the Tab key", of_agency=False),
    },
}
COMMANDS: Mapping[str, Command] = {name: one for section in SECTIONS.values() for name, one in section.items()}


@cache
def load(name: str) -> click.Command:
    """Return a command, loaded with all that it needs."""
    known = COMMANDS[name]
    command: click.Command = getattr(import_module(f"{__name__}.{known.module}"), name)
    return of_an_agency(command) if known.of_agency else command
