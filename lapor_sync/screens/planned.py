"""What would be done: `plan`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from lapor_sync.interface import Json
from lapor_sync.output import plain, say
from lapor_sync.screens.overview import say_paused
from lapor_sync.screens.parts import advise, moment, shade, table
from lapor_sync.screens.waiting import why

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from lapor_sync.sync.plan import Next, Planned

_DECIDED = {
    "nothing": "-",
    "adopt": "mirror it",
    "agree": "all agree",
    "pull": "take over LAPOR's",
    "push": "a delivery will close it",
    "hold": "both moved: a person decides",
    "vanished": "gone on LAPOR: marked, kept",
}


def plan(
    found: Iterable[Planned],
    *,
    mirrored_at: str | None,
    zone: ZoneInfo,
    observe: bool,
    missing: Sequence[str],
    pause: Json | None = None,
) -> None:
    """Show the three sides of each report that is not at rest, and what would follow."""
    rows = (
        (
            plain(one.tracking_id),
            *(shade(side) for side in (one.lapor, one.city, one.agreed)),
            _DECIDED[one.decision],
            _then(one.next, zone) if one.next else "-",
        )
        for one in found
    )
    empty = "Nothing to do: all sides agree, and no delivery is under way."
    table(("Tracking ID", "LAPOR", "City", "Agreed", "Decision", "Next delivery"), rows, empty=empty)
    advise(f"\nBy what was mirrored until {moment(mirrored_at, zone)}; each report is read again right before.")
    if observe:
        say("LAPOR_SYNC_OBSERVE is set: nothing leaves.")
    elif missing:
        say(f"This shell has no {', '.join(missing)}; the daemon sends with its own settings.")
    say_paused(pause, zone)


_STEPS = {
    "send": "send it",
    "confirm": "it stands there already: sent",
    "hold": "hold it",
    "read_back": "look whether it arrived",
    "person": "held: a person decides",
    "wait": "wait",
}


def _then(step: Next, zone: ZoneInfo) -> str:
    said = f"wait until {moment(step.at, zone)}" if step.at else _STEPS[step.step]
    tells = step.reason if step.step in {"hold", "person", "wait"} else None
    because = f" ({why(tells, step.why)})" if tells or step.why else ""
    behind = f", {step.behind} behind it" if step.behind else ""
    return f"{step.one.ref} {step.one.delivery.kind}: {said}{because}{behind}"
