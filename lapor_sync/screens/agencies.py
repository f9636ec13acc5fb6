"""Many agencies at a look: a line each, and what is wrong below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lapor_sync.interface import Json
from lapor_sync.output import plain
from lapor_sync.screens.overview import pause_words
from lapor_sync.screens.parts import advise, moment, shade, table
from lapor_sync.words import en

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_SHADES = ("merah", "kuning", "hijau", "abu")
_WAITING = ("queued", "sending", "unknown", "held")


def agencies(found: Sequence[Json], zone: ZoneInfo) -> None:
    """Show a line for each agency, a last one for all of them, and what to do about those that are wrong."""
    rows = [_row(one, zone) for one in found]
    if len(found) > 1:
        rows.append(_sum(found))
    table(
        (
            "AGENCY",
            *map(str.upper, _SHADES),
            "OVERDUE",
            "OUTBOX",
            "CONFLICTS",
            "LAST SUCCESS",
            "LAPOR",
            "QUEUE",
            "AT WORK",
        ),
        rows,
        empty="There is no agency: put a file KEY.toml for each into AGENCIES_DIR.",
    )
    for one in found:
        if one.get("paused"):
            key = plain(one["agency"])
            advise(f"Delivery of {key} is {pause_words(one['paused'], zone)}. {en.RESUME} With `--agency {key}`.")
        for problem in one["wrong"]:
            advise(f"{plain(one['agency'])} is not worked: {problem}")


def _row(one: Json, zone: ZoneInfo) -> tuple[str, ...]:
    if "colours" not in one:
        return (plain(one["agency"]), *["-"] * 9, shade("wrong"), "-")
    return (
        plain(one["agency"]),
        *(str(one["colours"][name]) for name in _SHADES),
        str(one["overdue"]),
        str(_waiting(one)),
        str(one["conflicts"]),
        moment(one["last_success_at"], zone),
        f"away: {en.outage(one['outage']['what'])}" if one["outage"] else "answers" if one["answered_at"] else "-",
        _queue(one, zone),
        one["worker"] or "nobody",
    )


def _waiting(one: Json) -> int:
    return sum(int(one["outbox"][state]) for state in _WAITING)


def _queue(one: Json, zone: ZoneInfo) -> str:
    if one["wrong"]:
        return shade("wrong")
    queue = one["queue"]
    if queue is None:
        return "-"
    return str(queue["state"] or f"next {moment(queue['next_poll_at'], zone)}")


def _sum(found: Sequence[Json]) -> tuple[str, ...]:
    known = [one for one in found if "colours" in one]
    return (
        "all",
        *(str(sum(one["colours"][name] for one in known)) for name in _SHADES),
        str(sum(one["overdue"] for one in known)),
        str(sum(map(_waiting, known))),
        str(sum(one["conflicts"] for one in known)),
        *["-"] * 4,
    )
