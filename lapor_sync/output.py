"""The one door to standard output and standard error: whatever leaves here is harmless.

Citizens, LAPOR and whoever typed a command line may have written any character. On a terminal a control character moves
the cursor, and a mark of direction turns the line around; in a spreadsheet a cell that begins with `=` is run.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import select
import shutil
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from functools import partial
from itertools import zip_longest
from typing import Any, TextIO

import click

STYLES: Mapping[str, dict[str, Any]] = {
    "merah": {"fg": "red", "bold": True},
    "kuning": {"fg": "yellow"},
    "hijau": {"fg": "green"},
    "abu": {"fg": "bright_black"},
    "ok": {"fg": "green"},
    "look": {"fg": "yellow"},
    "WRONG": {"fg": "red", "bold": True},
    "bold": {"bold": True},
}
_OWN_CODES = sorted(
    {code for style in STYLES.values() for code in re.findall(r"\x1b\[\d+m", click.style("", **style))}
)
_STYLED = re.compile(f"({'|'.join(map(re.escape, _OWN_CODES))})")


def harmless(text: str, *, keep: str = "") -> str:
    """Return `text` with space for control characters and line separators, and without marks that are not seen.

    Those are marks of direction, joiners and the like (Unicode's format characters). `keep` names what stays.
    """
    return text if text.isprintable() else "".join(map(_harmless_in(keep), text))


def _harmless_in(keep: str) -> Callable[[str], str]:
    def one(c: str) -> str:
        if c.isprintable() or c in keep:
            return c
        return "" if unicodedata.category(c) == "Cf" else " "

    return one


def plain(text: object) -> str:
    """Return a text as one harmless line; "-" for none."""
    shown = harmless(str(text)) if text is not None else ""
    return " ".join(shown.split()) or "-"


def styled(text: str, style: str) -> str:
    """Return a text in one of the STYLES, for `say`."""
    return click.style(text, **STYLES[style])


# Streams that fail.


def never_failing(stream: TextIO) -> TextIO:
    """Return the standard error of a process that goes on when nobody reads it, in place of `stream`."""
    if not isinstance(stream, io.TextIOWrapper):
        return stream
    encoding = stream.encoding
    return _NeverFails(stream.detach(), encoding, errors="backslashreplace", line_buffering=True)


class _NeverFails(io.TextIOWrapper):
    """A line that cannot be written is dropped."""

    def write(self, text: str) -> int:
        """Write a text if that goes; return its length in any case."""
        with suppress(OSError, ValueError):
            super().write(text)
        return len(text)

    def flush(self) -> None:
        """Flush if that goes."""
        with suppress(OSError, ValueError):
            super().flush()


def reader_gone() -> bool:
    """Return whether whoever read our standard output (`| head -1`) has closed it."""
    poll = select.poll()
    try:
        poll.register(sys.stdout.fileno(), 0)
    except (OSError, ValueError):  # no file of the system, or closed
        return False
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))


# How much room a text takes.


def columns() -> int | None:
    """Return how wide the terminal is; None where there is none: lines may be as long as they are."""
    ctx = click.get_current_context(silent=True)
    if ctx is not None and ctx.terminal_width is not None:
        return ctx.terminal_width
    return max(shutil.get_terminal_size().columns, 20) if sys.stdout.isatty() else None


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
    if left >= PROSE:
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


# To a person.


@contextmanager
def paged(wanted: bool) -> Iterator[None]:
    """Let what is said on a terminal go through a pager ($PAGER, else less, which ends where all fits one screen)."""
    if not (wanted and sys.stdout.isatty() and sys.stdin.isatty()):
        yield
        return
    ctx = click.get_current_context()
    ctx.terminal_width = columns()
    ctx.color = not os.environ.get("NO_COLOR")
    os.environ.setdefault("LESS", "-FRX")
    with click.get_pager_file(color=ctx.color) as pager, redirect_stdout(pager):
        yield


def say(text: str = "", *, err: bool = False) -> None:
    """Print a text. Nothing of it but our own styles can act on a terminal, and they only where one wants them.

    See no-color.org.
    """
    click.echo(_for_terminal(text), err=err, color=False if os.environ.get("NO_COLOR") else None)


def _for_terminal(text: str) -> str:
    if text.isprintable():
        return text
    parts = _STYLED.split(text)
    return "".join(part if at % 2 else harmless(part, keep="\n") for at, part in enumerate(parts))


# To a program.


def say_json(value: object) -> None:
    """Print one object on one line. What is not printable is escaped: the line is harmless, and read back the same."""
    text = json.dumps(value, ensure_ascii=False)
    if not text.isprintable():
        text = "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)
    in_utf8().write(text + "\n")


def say_json_lines(values: Iterable[object]) -> None:
    """Print one object a line."""
    for value in values:
        say_json(value)


def say_csv(rows: Iterable[Iterable[object]], *, excel: bool = False) -> None:
    """Print a table for a program; or for Excel as it is set up in Indonesia, where a semicolon parts the cells."""
    stream = in_utf8()
    if excel:
        stream.write("\ufeff")  # else Excel takes UTF-8 for the machine's old code page
    out = csv.writer(stream, delimiter=";" if excel else ",")
    out.writerows([cell(value) for value in row] for row in rows)


_FORMULA = re.compile(
    r'(?:^|[,;])[\s"]*'
    "(?=[-=+@\N{MINUS SIGN}\N{FULLWIDTH EQUALS SIGN}\N{FULLWIDTH PLUS SIGN}\N{FULLWIDTH HYPHEN-MINUS}"
    "\N{FULLWIDTH COMMERCIAL AT}\N{SMALL EQUALS SIGN}\N{SMALL PLUS SIGN}\N{SMALL HYPHEN-MINUS}"
    "\N{SMALL COMMERCIAL AT}])"
)


def cell(value: object) -> object:
    """Return a value as a cell that no spreadsheet takes for a formula: an apostrophe stands before its sign.

    Also after a comma or semicolon inside: whoever opens the file with another separator has cells there. A tab is no
    separator in it, because no control character is left. A truth is as in JSON. Source: OWASP, CSV injection.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return value
    return _FORMULA.sub(r"\g<0>'", harmless(value))


def in_utf8() -> Any:
    """Return standard output for a program: UTF-8 whatever the locale, and no character is a reason to fail."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    return sys.stdout
