"""What is on its way, and what a person does with it."""

from __future__ import annotations

import click

from lapor_sync import interface, screens
from lapor_sync.commands.base import Acts, Call, acting, acting_by, as_json, refuse_before
from lapor_sync.domain.delivery import State
from lapor_sync.office import OutboxAct, change, pause, resume
from lapor_sync.output import say, say_json_lines
from lapor_sync.store import overview, pauses


@click.group(cls=Acts, invoke_without_command=True)
@click.option("--state", type=click.Choice([state.value for state in State]))
@as_json
@click.pass_context
def outbox(ctx: click.Context, state: str | None, as_json: bool) -> None:
    """Responses and hand-overs on their way; `retry`, `hold` or `cancel` one, `pause` and `resume` all."""
    if ctx.invoked_subcommand is not None:
        refuse_before(ctx, state=state, json=as_json)
        return
    with ctx.obj.looking() as work:
        found = interface.outbox(overview.waiting(work, State(state) if state else None))
        paused = interface.paused(pauses.current(work))
    if as_json:
        say_json_lines(found)
        return
    with ctx.obj.paged():
        screens.outbox(found, zone=ctx.obj.zone, filtered=state, pause=paused)


GOES_TWICE = (
    "A try of it may have arrived: if the citizen has it, it will stand there twice. "
    "Look at the report on LAPOR now; `lapor-sync outbox cancel` calls it off."
)
MAY_STAND = "A try of it may have arrived: look at the report on LAPOR before you write the same words again."


def _outbox_act(name: str, help_text: str) -> None:
    @outbox.command(name, help=help_text)
    @click.argument("ref")
    @acting_by
    @click.pass_obj
    def act(call: Call, ref: str, by: str | None) -> None:
        with call.app().mirror(anew=False) as mirror:
            changed = change(mirror, acting(by), OutboxAct(name), ref)
        say(changed.state)
        if changed.may_have_arrived and name != OutboxAct.HOLD:
            say(GOES_TWICE if name == OutboxAct.RETRY else MAY_STAND, err=True)


@outbox.command("pause")
@acting_by
@click.pass_obj
def pause_delivery(call: Call, by: str | None) -> None:
    """Let nothing leave until `outbox resume`; everything else goes on. What is in the air may still arrive."""
    with call.app().mirror(anew=False) as mirror:
        say("paused" if pause(mirror, acting(by)) else "paused already")


@outbox.command("resume")
@acting_by
@click.pass_obj
def resume_delivery(call: Call, by: str | None) -> None:
    """Let deliveries leave again, after a pause or a restore."""
    with call.app().mirror(anew=False) as mirror:
        say("resumed" if resume(mirror, acting(by)) else "not paused")


_outbox_act("retry", "Queue a held or refused delivery again, or one that waits, now.")
_outbox_act("hold", "Hold a queued delivery until a person lets it go.")
_outbox_act("cancel", "Call off a delivery that has not left.")
