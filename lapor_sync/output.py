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
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout, suppress
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


def silence(stream: TextIO) -> None:
    """Let what was not written yet to a stream, and all that comes, go nowhere: the interpreter would complain."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def reader_gone() -> bool:
    """Return whether whoever read our standard output (`| head -1`) has closed it."""
    poll = select.poll()
    try:
        poll.register(sys.stdout.fileno(), 0)
    except (OSError, ValueError):  # no file of the system, or closed
        return False
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))


# To a person.


def columns() -> int | None:
    """Return how wide the terminal is; None where there is none: lines may be as long as they are."""
    ctx = click.get_current_context(silent=True)
    if ctx is not None and ctx.terminal_width is not None:
        return ctx.terminal_width
    return max(shutil.get_terminal_size().columns, 20) if sys.stdout.isatty() else None


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


def say_to_whom_it_may(text: str) -> None:
    """Print what a service says at its start, at once; it goes on where nobody reads that, or the disk is full."""
    try:
        say(text)
        sys.stdout.flush()
    except (OSError, ValueError):
        silence(sys.stdout)


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
