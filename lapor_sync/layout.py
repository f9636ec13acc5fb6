"""How much room a text takes on a terminal, and how cells are laid out in what there is. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from functools import partial
from itertools import zip_longest

import click


def width(text: str) -> int:
    """Return how many columns a text takes: two for an East Asian wide letter, none for a combining mark or a style."""
    text = click.unstyle(text)
    return len(text) if text.isascii() else sum(map(_letter_width, text))


def _letter_width(c: str) -> int:
    if unicodedata.category(c) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(c) in {"W", "F"} else 1


def pad(text: str, room: int) -> str:
    """Return a text filled up to `room` columns."""
    return text + " " * max(room - width(text), 0)


def cut(text: str, room: int) -> str:
    """Return a text that takes `room` columns at most; dots stand for what was cut off."""
    return text if width(text) <= room else _first(text, room - 3) + "..."


def fold(text: str, room: int | None) -> list[str]:
    """Return a text in lines of at most `room` columns, parted between words where that goes; None: in one line."""
    if room is None or width(text) <= room:
        return [text]
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if width(longer) <= room:
            lines[-1] = longer
            continue
        lines += [word] if lines[-1] else []
        lines[-1] = lines[-1] or word
        while width(lines[-1]) > room:
            part = _first(lines[-1], room) or lines[-1][0]
            lines[-1:] = [part, lines[-1][len(part) :]]
    return lines


def _first(text: str, room: int) -> str:
    taken = 0
    for at, c in enumerate(text):
        taken += _letter_width(c)
        if taken > room:
            return text[:at]
    return text


INDENT = 4
GAP = "  "
PROSE = 20
"""A cell of words is folded where it stands, if it has so many columns there."""

NAME = 14
"""As narrow a column in the middle may be: cells that run over the line's end stand under no head."""


def flow(cells: Sequence[str], widths: Sequence[int], room: int | None) -> str:
    """Return cells of these widths beside each other; what has no room is on further lines, indented and folded."""
    lines, used, last = [""], 0, len(cells) - 1
    for at, (cell, wanted) in enumerate(zip(cells, widths, strict=True)):
        wanted = width(cell) if at == last else max(wanted, width(cell))
        if room is not None and used and used + wanted > room:
            lines.append(" " * INDENT)
            used = INDENT
        first, *rest = fold(cell, room and room - used)
        lines[-1] += pad(first, wanted) + GAP
        lines += [" " * INDENT + part for part in fold(" ".join(rest), room and room - INDENT) if rest]
        used += wanted + len(GAP)
    return "\n".join(line.rstrip() for line in lines)


def layout(widths: Sequence[int], room: int | None, words: int = -1) -> Callable[[Sequence[str]], str]:
    """Return what lays out each row of a table of these widths.

    Where it is too wide, the cell `words` is folded in its column; if that would be too narrow, and it is the last, it
    stands below the others, under the second of them.
    """
    words %= len(widths)
    left = None if room is None else room - sum(widths) - len(GAP) * (len(widths) - 1) + widths[words]
    if room is None or left is None or left >= widths[words]:
        return lambda cells: flow(cells, widths, None)
    if left >= (PROSE if words == len(widths) - 1 else NAME):
        return partial(_grid, widths=[left if at == words else wide for at, wide in enumerate(widths)])
    if words < len(widths) - 1:
        return lambda cells: flow(cells, widths, room)
    return partial(_below, widths=widths, room=room)


def _grid(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Cells beside each other, each folded in its column."""
    folded = [fold(cell, wide) for cell, wide in zip(cells, widths, strict=True)]
    lines = zip_longest(*folded, fillvalue="")
    return "\n".join(GAP.join(map(pad, line, widths)).rstrip() for line in lines)


def _below(cells: Sequence[str], widths: Sequence[int], room: int) -> str:
    """All cells but the last, and that one below."""
    indent = widths[0] + len(GAP)
    indent = indent if room - indent >= PROSE else INDENT
    lines = [" " * indent + part for part in fold(cells[-1], room - indent) if part not in {"", "-"}]
    return "\n".join([flow(cells[:-1], widths[:-1], room), *lines])
