"""Write a man page for each command into a folder, from what `--help` says: python deploy/debian/manpages.py FOLDER"""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click

from lapor_sync import __version__
from lapor_sync.cli import main_group


def pages(command: click.Command, name: str, parent: click.Context | None = None) -> Iterator[tuple[str, str]]:
    """Yield name and text of the page of a command, and of all below it."""
    ctx = click.Context(command, info_name=name.rpartition(" ")[2], parent=parent)
    yield name.replace(" ", "-"), page(command, ctx, name)
    if isinstance(command, click.Group):
        for below in command.list_commands(ctx):
            one = command.get_command(ctx, below)
            if one is not None and not one.hidden:
                yield from pages(one, f"{name} {below}", ctx)


def page(command: click.Command, ctx: click.Context, name: str) -> str:
    """Return one page in the language of man(7)."""
    said = inspect.cleandoc(command.help or "").partition("\f")[0]
    first = " ".join(said.split("\n\n")[0].replace("\b", "").split())
    usage = " ".join(piece for piece in command.collect_usage_pieces(ctx) if piece)
    lines = [
        f'.TH "{name.replace(" ", "-").upper()}" 1 "{made_on()}" "lapor-sync {__version__}" "lapor-sync"',
        ".SH NAME",
        f"{plain(name.replace(' ', '-'))} \\- {plain(first.rstrip('.'))}",
        ".SH SYNOPSIS",
        f".B {plain(name)}",
        plain(usage),
        ".SH DESCRIPTION",
        *description(said),
    ]
    options = [record for one in command.get_params(ctx) if (record := one.get_help_record(ctx))]
    if options:
        lines.append(".SH OPTIONS")
        for flags, text in options:
            lines += [".TP", f"\\fB{plain(flags)}\\fR", plain(text) or "\\&"]
    if isinstance(command, click.Group):
        lines.append(".SH COMMANDS")
        for below in command.list_commands(ctx):
            one = command.get_command(ctx, below)
            if one is not None:
                lines += [
                    ".TP",
                    f"\\fB{plain(f'{name} {below}'.replace(' ', '-'))}\\fR(1)",
                    plain(one.get_short_help_str(200)),
                ]
    lines += [
        ".SH EXIT STATUS",
        "0 done; 1 not completed; 2 wrong use or settings; 3 another process holds the database.",
        ".SH FILES",
        "/etc/lapor-sync/config.toml, /var/lib/lapor-sync; /usr/share/doc/lapor-sync has all else.",
    ]
    if ctx.parent is not None:
        lines += [".SH SEE ALSO", ".BR lapor-sync (1)"]
    return "\n".join(lines) + "\n"


def description(said: str) -> Iterator[str]:
    """Yield the paragraphs; one that click is told not to fill (\\b) keeps its lines."""
    for part in said.split("\n\n"):
        if part.startswith("\b"):
            yield from (".nf", *map(plain, part.removeprefix("\b\n").split("\n")), ".fi", ".PP")
        else:
            yield from (plain(" ".join(part.split())), ".PP")


def plain(text: str) -> str:
    """Return a text that says itself: no backslash, and no point at the begin of a line, is a command."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{escaped}" if escaped[:1] in {".", "'"} else escaped


def made_on() -> str:
    """Return the day of the sources, so that the same ones make the same page."""
    at = os.environ.get("SOURCE_DATE_EPOCH")
    return (datetime.fromtimestamp(int(at), UTC) if at else datetime.now(UTC)).date().isoformat()


def main() -> None:
    """Write them all."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages(main_group, "lapor-sync"):
        (folder / f"{name}.1").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
