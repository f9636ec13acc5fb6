"""What screens are made of: a table, a colour, a time, a sentence in the terminal's width."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from lapor_sync import output
from lapor_sync.domain.names import shown_time
from lapor_sync.layout import fold, layout, width
from lapor_sync.output import STYLES, plain, say, styled

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo


def lines_of(text: str) -> str:
    """Return a text with its line breaks, indented."""
    room = output.columns()
    lines = (part for line in text.splitlines() if line.strip() for part in fold(plain(line), room and room - 2))
    return "\n".join(f"  {line}" for line in lines)


def shade(name: str | None) -> str:
    """Return a colour (or a verdict) in its colour, for `say`."""
    return styled(name, name) if name and name in STYLES else plain(name)


def bold(text: str) -> str:
    """Return a text that stands out."""
    return styled(text, "bold")


def moment(at: str | datetime | None, zone: ZoneInfo) -> str:
    """Return a time for people: the city's, to the minute, with the zone's name."""
    if at is None:
        return "-"
    return shown_time(datetime.fromisoformat(at) if isinstance(at, str) else at, zone)


def day(at: str | datetime, zone: ZoneInfo) -> str:
    """Return the city's day of a time."""
    return moment(at, zone)[:10]


def table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], *, empty: str, title: str = "", words: int = -1
) -> None:
    """Show a table as wide as its cells, or what it means that there is nothing in it.

    Where the terminal is too narrow, the cells of the column `words` are folded, or stand below.
    """
    found = list(rows)
    if not found:
        say(empty)
        return
    widths = [max(map(width, cells)) for cells in zip(columns, *found, strict=True)]
    if title:
        say(bold(title))
    laid_out = layout(widths, output.columns(), words)
    say(bold(laid_out(columns)))
    for row in found:
        say(laid_out(row))


def advise(text: str) -> None:
    """Show a sentence below a screen, in the terminal's width."""
    for line in fold(text, output.columns()):
        say(line)
