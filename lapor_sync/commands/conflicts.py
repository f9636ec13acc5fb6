"""What only a person can settle."""

from __future__ import annotations

import click

from lapor_sync import interface, screens
from lapor_sync.commands.base import Acts, Call, acting, acting_by, as_json, refuse_before
from lapor_sync.commands.outbox import GOES_TWICE, MAY_STAND
from lapor_sync.office import settle
from lapor_sync.output import say, say_json_lines
from lapor_sync.store import conflicts as questions
from lapor_sync.store.conflicts import How


@click.group(cls=Acts, invoke_without_command=True)
@as_json
@click.pass_context
def conflicts(ctx: click.Context, as_json: bool) -> None:
    """What only a person can settle."""
    if ctx.invoked_subcommand is not None:
        refuse_before(ctx, json=as_json)
        return
    with ctx.obj.looking() as work:
        found = [interface.conflict(one) for one in questions.listing(work)]
    say_json_lines(found) if as_json else screens.conflicts(found, ctx.obj.zone)


@conflicts.command("settle")
@click.argument("conflict_id", metavar="ID")
@click.option("--keep-ours", "how", flag_value="keep_ours", help="Send it all the same.")
@click.option("--take-upstream", "how", flag_value="take_upstream", help="Cancel it: LAPOR is right.")
@click.option("--accept-vanished", "how", flag_value="accept_vanished", help="So many reports are really gone.")
@acting_by
@click.pass_obj
def settle_conflict(call: Call, conflict_id: str, how: str | None, by: str | None) -> None:
    """Settle a conflict, by its id, or all of a report by its Tracking ID."""
    if how is None:
        raise click.UsageError("Say how: --keep-ours, --take-upstream or --accept-vanished.")
    with call.app().mirror(anew=False) as mirror:
        settled = settle(mirror, acting(by), conflict_id, How(how))
    for kind in settled.kinds:
        say(f"settled {kind}")
    if settled.may_have_arrived:
        say(GOES_TWICE if how == How.KEEP_OURS else MAY_STAND, err=True)
