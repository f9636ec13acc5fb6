"""The commands for what a citizen asks of the city: what is kept of them, to mend it, hold it back, or erase it."""

from __future__ import annotations

import os

import click

from lapor_sync import interface, screens
from lapor_sync.commands.base import Acts, Call, acting, acting_by, as_json
from lapor_sync.config import files_folder
from lapor_sync.office import citizens
from lapor_sync.output import say, say_json, say_json_lines
from lapor_sync.store.file_folder import FileFolder

_STAYS_AT_LAPOR = "What LAPOR itself has stays there, and older backups hold it too: see docs/privacy.md for both."


@click.group(cls=Acts)
def citizen() -> None:
    """What is kept of a citizen: find, show, read-again, hold, let-go, erase. Each act is audited."""


@citizen.command("find")
@click.argument("name")
@as_json
@acting_by
@click.pass_obj
def find(call: Call, name: str, as_json: bool, by: str | None) -> None:
    """The reports in which a name, or a part of it, stands, and where in them."""
    if not name.strip():
        raise click.UsageError("Give a name, or a part of one.")
    with call.store() as store:
        found = citizens.find(store, acting(by), name)
    if as_json:
        say_json_lines({"tracking_id": one, "places": places} for one, places in found.items())
        return
    with call.paged():
        screens.citizens_found(found)


@citizen.command("show")
@click.argument("report_id", metavar="ID")
@as_json
@acting_by
@click.pass_obj
def show(call: Call, report_id: str, as_json: bool, by: str | None) -> None:
    """All that is kept of one report, and who looked at it. With --json: to be handed to the citizen."""
    with call.store() as store:
        whole, beside = citizens.here(store, acting(by), report_id)
        found = interface.citizen(whole, beside, store.clock.now(), call.clocks_of(whole))
    if as_json:
        say_json(found)
        return
    with call.paged():
        screens.show(found, whole.report, outages=whole.outages, zone=call.zone)
        screens.citizen(found, call.zone)


@citizen.command("read-again")
@click.argument("report_id", metavar="ID")
@acting_by
@click.pass_obj
def read_again(call: Call, report_id: str, by: str | None) -> None:
    """Let the next cycle read a report whole: what was wrong in it was mended at LAPOR."""
    with call.store() as store:
        citizens.read_again(store, acting(by), report_id)
    say("to be read again")


@citizen.command("hold")
@click.argument("report_id", metavar="ID")
@acting_by
@click.pass_obj
def hold(call: Call, report_id: str, by: str | None) -> None:
    """Hold a report back: it is treated as if it were rahasia, whatever LAPOR says of it."""
    with call.store() as store:
        one = citizens.hold(store, acting(by), report_id)
    say(str(one.withheld))


@citizen.command("let-go")
@click.argument("report_id", metavar="ID")
@acting_by
@click.pass_obj
def let_go(call: Call, report_id: str, by: str | None) -> None:
    """Hold a report back no longer; the next cycle reads again how LAPOR has it."""
    with call.store() as store:
        citizens.let_go(store, acting(by), report_id)
    say("let go")


@citizen.command("erase")
@click.argument("report_id", metavar="ID")
@acting_by
@click.pass_obj
def erase(call: Call, report_id: str, by: str | None) -> None:
    """Erase what a closed report says, for good: it does not come back with the next cycle. What is counted stays."""
    folder = FileFolder(files_folder(call.settings(), os.environ))
    with call.app().mirror(anew=False) as mirror:
        one = citizens.erase(mirror, acting(by), report_id, folder)
    say(str(one.withheld))
    say(_STAYS_AT_LAPOR, err=True)
