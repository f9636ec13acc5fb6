"""What is kept of a citizen: where a name stands, and what a report's page does not show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lapor_sync.interface import Json
from lapor_sync.output import plain, say
from lapor_sync.screens.parts import advise, bold, moment, table

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo


def found(them: Mapping[str, Sequence[str]]) -> None:
    """Show the reports in which a name stands."""
    rows = [(plain(one), ", ".join(places)) for one, places in them.items()]
    table(("Report", "Where"), rows, empty="The name stands in no report.", words=1)
    if rows:
        advise("Another citizen may have the same name: look at each with `lapor-sync citizen show ID`.")


_BESIDE = {
    "payloads": "raw answers of LAPOR",
    "quarantined": "records that could not be read",
    "files": "files of report and thread",
    "gone_items": "parts of the thread that LAPOR shows no more",
    "drafts": "drafts of answers",
    "notes": "internal notes",
}


def citizen(one: Json, zone: ZoneInfo) -> None:
    """Show what is kept of a report beside its page, and who looked at it."""
    say(f"\n{bold('Kept beside')}")
    say(f"  reporter's name: {plain(one['reporter_name'] or '-')}")
    for key, words in _BESIDE.items():
        size = f" ({one['beside']['file_bytes']} bytes)" if key == "files" and one["beside"][key] else ""
        say(f"  {words}: {one['beside'][key]}{size}")
    say(f"  at the citizen's wish: {one['withheld'] or '-'}")
    say(f"\n{bold('Who looked at it')}")
    for look in one["looks"]:
        say(f"  {moment(look['at'], zone)}  {plain(look['who'])}")
    if not one["looks"]:
        say("  -")
