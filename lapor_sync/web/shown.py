"""How values are shown: times and days in Indonesian, and no text of others that could do anything."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask import Flask
from markupsafe import Markup, escape

from lapor_sync import __version__
from lapor_sync.output import harmless
from lapor_sync.web import guard
from lapor_sync.web.assets import asset_url
from lapor_sync.web.board import Board
from lapor_sync.words import id as words


def install(site: Flask) -> None:
    """Give the templates what they show values with."""
    env = site.jinja_env
    env.finalize = _harmless
    env.filters |= {
        "moment": moment,
        "day": day,
        "number": number,
        "as_typed": as_typed,
        "as_value": as_value,
        "word": word,
    }
    env.globals |= {
        "asset_url": asset_url,
        "csrf_token": guard.csrf_token,
        "version": __version__,
        "words": words,
    }
    site.context_processor(lambda: {"board": guard.board()})


def _harmless(value: Any) -> Any:
    """No control character and no sign of direction of others' texts comes to a page; their line ends do."""
    if value is None:
        return ""
    return harmless(value, keep="\n\t") if type(value) is str else value


def as_typed(text: str) -> Markup:
    """Return a person's own words for their form, letter by letter. A leading line end would be swallowed there."""
    return Markup("\n") + escape(text)


def _zone(board: Board, at: datetime) -> datetime:
    return at.astimezone(board.zone)


def moment(at: datetime | None) -> str:
    """Return a time as officers write it: Senin, 30 November 2026 pukul 14.05 WIB."""
    if at is None:
        return "tidak diketahui"
    local = _zone(guard.board(), at)
    return f"{day(at)} pukul {local:%H.%M} {local.tzname()}"


def day(at: datetime | None) -> str:
    """Return the day of a time in the city: Senin, 30 November 2026."""
    if at is None:
        return "tidak diketahui"
    local = _zone(guard.board(), at)
    return f"{words.DAYS[local.weekday()]}, {local.day} {words.MONTHS[local.month - 1]} {local.year}"


def number(value: int) -> str:
    """Return a number with the points of thousands: 12.345."""
    return f"{value:,}".replace(",", ".")


def word(code: Any, table: Mapping[Any, str]) -> str:
    """Return the word for a code; for one that has none, the code itself."""
    return table.get(code, str(code))


def as_value(text: str) -> Markup:
    """Return a person's own words for a field of one line, letter by letter."""
    return escape(text)
