"""The tools beside the work: check, fetch an attachment, the stand-in, the demo, completion."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import get_completion_class

from lapor_sync.commands.base import (
    Call,
    acting,
    acting_by,
    command,
    end_softly,
    new_file,
    path_type,
    refuse_existing,
    stop_on_signals,
)
from lapor_sync.domain.citizen_files import files_of
from lapor_sync.domain.errors import BadInput, SettingsWrong
from lapor_sync.output import say

if TYPE_CHECKING:
    from connectors.simulator import Options
    from lapor_sync.domain.report import Attachment
    from lapor_sync.store.reports import Mirrored


@command()
def check(call: Call) -> None:
    """Read-only: settings, database, LAPOR, clock, TLS, token; what is wrong and what to do. Run it first.

    Exit code 0 if nothing is wrong, 1 if something is, 2 if the settings are.
    """
    from lapor_sync import screens
    from lapor_sync.check import check as answers
    from lapor_sync.check import check_settings
    from lapor_sync.log import configure
    from lapor_sync.words.en import advised

    configure(sys.stderr, terminal=sys.stderr.isatty(), level="error", say=advised)
    try:
        settings = call.settings()
    except SettingsWrong as wrong:
        screens.check(check_settings(wrong))
        click.get_current_context().exit(2)
    click.get_current_context().exit(screens.check(answers(settings, call.config, os.environ)))


# An attached file.


@command(
    click.argument("report_id", metavar="ID"),
    click.argument("number", metavar="N", type=click.IntRange(min=1)),
    click.option("--out", metavar="FILE", type=path_type, required=True, help="Where to; must not be there yet."),
    acting_by,
)
def attachment(call: Call, report_id: str, number: int, out: Path, by: str | None) -> None:
    """Fetch one attached file, by the number that `show` gives it.

    Credentials go along only to LAPOR itself, never to another host.
    """
    from lapor_sync.app import connector_of
    from lapor_sync.config import read_secrets
    from lapor_sync.office import known_report
    from lapor_sync.sync.files import fetch

    refuse_existing(out)
    app = call.app()
    with app.store(anew=False) as store:
        with store.reading() as work:
            one = known_report(work, report_id)
            file = _numbered(one, numbered_attachments(work, one), number)
        with connector_of(app.settings, read_secrets(app.settings), app.clock, app.stopping) as connector:
            size = put(out, [fetch(connector, one, file)])
        if one.report.is_secret:
            with store.work(acting(by)) as work:
                work.note("shown", one.tracking_id)
    say(f"{out}: {size} bytes")


def numbered_attachments(work: object, one: Mirrored) -> list[Attachment]:
    """A report's files, then those of its thread: in the order in which `show` numbers them from 1."""
    from lapor_sync.store import threads

    items = threads.load(work, [one.tracking_id]).get(one.tracking_id, ())  # type: ignore[arg-type]
    return files_of(one.report.attachments, items)


def _numbered(one: Mirrored, files: list[Attachment], number: int) -> Attachment:
    if number > len(files):
        have = f"has {len(files)} attachments" if files else "has no attachment"
        raise BadInput(
            f"Report {one.tracking_id} {have}.", todo=f"See `lapor-sync show {one.tracking_id}` for the numbers."
        )
    return files[number - 1]


def put(out: Path, pieces: Iterable[bytes]) -> int:
    """Write a file that is there whole or not at all, and never over another. Its size. Raises BadInput."""
    with new_file(out) as part:
        with part.open("wb") as file:
            for piece in pieces:
                file.write(piece)
        return part.stat().st_size


# The stand-in.


@command(
    click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on."),
    click.option("--port", default=8765, show_default=True, type=click.IntRange(0, 65535), help="0: a free one."),
    click.option("--scenario", default="calm", show_default=True, metavar="NAME", help="`list` shows them all."),
    click.option("--seed", default=1, show_default=True, type=int, help="Another number is another city."),
    click.option("--reports", "count", default=50, show_default=True, type=click.IntRange(0, 1_000_000)),
    click.option("--speed", default=1.0, show_default=True, type=click.FloatRange(0, 100_000, min_open=True)),
)
def simulator(call: Call, host: str, port: int, scenario: str, seed: int, count: int, speed: float) -> None:
    """A stand-in for LAPOR on this machine, to rehearse with; it knows nothing of real reports."""
    from connectors.simulator import SCENARIOS, Options, Simulator

    listed = "\n".join(f"  {name:20} {sentence}" for name, sentence in SCENARIOS.items())
    if scenario == "list":
        say(listed)
        return
    if scenario not in SCENARIOS:
        raise click.UsageError(f"There is no scenario {scenario!r}. There are:\n{listed}")
    options = Options(seed=seed, reports=count, speed=speed, scenario=scenario, life=True)
    stand_in = Simulator(options, host=host, port=port)
    try:
        stand_in.start()
    except (OSError, UnicodeError) as exc:
        why = exc.strerror if isinstance(exc, OSError) else "no such host"
        raise BadInput(f"{host}:{port} cannot be used: {why}.", todo="Choose another --host or --port.") from exc
    stop_on_signals(lambda *_: sys.exit(0))
    _say_how_to_use(stand_in.url, options)
    try:
        stand_in.serve_forever()
    finally:
        stand_in.stop()


def _say_how_to_use(url: str, options: Options) -> None:
    from connectors.simulator import CITY_ID, OPD_IDS

    say(f"export LAPOR_SYNC_UPSTREAM_URL={url}")
    say(f"export LAPOR_SYNC_BEARER={options.bearer} LAPOR_SYNC_TOKEN='{options.token}'")
    say(f"export LAPOR_SYNC_INSTITUTION_ID={CITY_ID} LAPOR_SYNC_USER_ID=1")
    say(f"export LAPOR_SYNC_OPD_IDS={','.join(OPD_IDS)}")
    sys.stdout.flush()
    say("Put these into another terminal, with a database of its own for the rehearsal:", err=True)
    say("export LAPOR_SYNC_DATABASE_URL=sqlite:///$HOME/lapor-sync-rehearsal.db", err=True)
    say("Then: lapor-sync check. Ctrl-C ends the stand-in.", err=True)


@command(
    click.option(
        "--board", is_flag=True, help="Then the city stays, with the board over it and three people to click."
    ),
    click.option(
        "--listen", metavar="HOST:PORT", default="127.0.0.1:8080", show_default=True, help="For the board."
    ),
)
def demo(call: Call, board: bool, listen: str) -> None:
    """Simulator and daemon together on a database of their own: a week of one city in a minute."""
    from lapor_sync.demo import run

    if board:
        stop_on_signals(end_softly)
    run(board=listen if board else None)


# Completion.


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


COMMANDS = (check, attachment)
OF_NO_AGENCY = (simulator, demo, completion)
