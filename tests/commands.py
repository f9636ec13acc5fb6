"""Every command of the program, loaded."""

from __future__ import annotations

from collections.abc import Iterator

import click

from lapor_sync.cli import main_group


def every_command(
    command: click.Command = main_group, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield each command with the words that call it behind `lapor-sync`; the program itself has none."""
    yield path, command
    if isinstance(command, click.Group):
        ctx = click.Context(command)
        for name in command.list_commands(ctx):
            below = command.get_command(ctx, name)
            assert below is not None
            yield from every_command(below, (*path, name))
