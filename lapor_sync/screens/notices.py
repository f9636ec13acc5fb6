"""Notices: `notices`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from lapor_sync.interface import Json
from lapor_sync.output import plain
from lapor_sync.screens.parts import moment, table

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo


def notices(found: Iterable[Json], zone: ZoneInfo) -> None:
    """Show what people were told, what waits, what failed; whose it is where they are of many agencies."""
    told = list(found)
    is_of_many = any("agency" in one for one in told)
    rows = [
        (
            *([plain(one["agency"])] if is_of_many else ()),
            moment(one["made_at"], zone),
            one["kind"].replace("_", " "),
            plain(one["sign_in"] or one["channel"]),
            one["state"].replace("_", " "),
            (one["why"] or "").replace("_", " ") or "-",
            moment(one["ended_at"] or one["next_try_at"], zone),
        )
        for one in told
    ]
    table(
        (*(["Agency"] if is_of_many else ()), "Made", "About", "To", "State", "Why", "Ended, or next try"),
        rows,
        empty="No notice was made yet.",
        words=2,
    )
