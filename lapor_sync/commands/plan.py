"""The command that says what would be done."""

from __future__ import annotations

from lapor_sync import interface, screens
from lapor_sync.app import rules_of
from lapor_sync.commands.base import Call, as_json, command
from lapor_sync.output import say_json_lines
from lapor_sync.store import marks, pauses
from lapor_sync.store.marks import Mark
from lapor_sync.sync.plan import plan as planned


@command(as_json)
def plan(call: Call, as_json: bool) -> None:
    """What the next cycle would do: LAPOR | city | agreed, and each report's next delivery. Changes nothing."""
    settings = call.settings()
    with call.looking() as work:
        found = planned(work, rules_of(settings))
        if as_json:
            say_json_lines(interface.planned(one) for one in found)
            return
        screens.plan(
            found,
            mirrored_at=marks.get(work, Mark.LAST_SUCCESS),
            zone=settings.timezone,
            observe=settings.observe,
            missing=settings.missing_for_push(),
            pause=interface.paused(pauses.current(work)),
        )
