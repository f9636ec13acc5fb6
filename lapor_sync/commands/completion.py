"""Completion with the Tab key."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from lapor_sync.commands.base import Call, command
from lapor_sync.output import say


@command(
    click.argument("shell", type=click.Choice(["bash", "fish", "zsh"])),
)
def completion(call: Call, shell: str) -> None:
    """Print the script that completes lapor-sync's commands with the Tab key.

    \b
    bash: lapor-sync completion bash > ~/.local/share/bash-completion/completions/lapor-sync
    zsh:  lapor-sync completion zsh > ~/.zfunc/_lapor-sync      (with ~/.zfunc in $fpath)
    fish: lapor-sync completion fish > ~/.config/fish/completions/lapor-sync.fish
    """
    group = click.get_current_context().find_root().command
    made = get_completion_class(shell)
    assert made is not None
    say(made(group, {}, "lapor-sync", "_LAPOR_SYNC_COMPLETE").source())
