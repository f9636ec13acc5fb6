"""The program's face: the options of the work itself, all commands, and how every error is told.

Exit codes: 0 done; 1 a call or a step could not be completed; 2 wrong use or settings; 3 another process holds the
database. Standard output carries only the answer.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import time
from functools import partial
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from lapor_sync import __version__
from lapor_sync.commands import COMMANDS, SECTIONS, load
from lapor_sync.commands.base import OF_AGENCY, Call, collect_as_it_comes, day, days, path_type, stop_on_signals
from lapor_sync.domain.errors import BadInput, Defect, LaporSyncError, PartlyTaken
from lapor_sync.domain.names import shown_name
from lapor_sync.output import reader_gone, say, silence
from lapor_sync.words.en import advised, told

if TYPE_CHECKING:
    from lapor_sync.sync.pull import Tally

EXPORTS = "--from-export"
CONFIG_VARIABLE = "LAPOR_SYNC_CONFIG"  # as in config.py, which a quick start does not load
_CONFIG_HELP = f"Settings file (TOML); default: ${CONFIG_VARIABLE}, else /etc/lapor-sync/config.toml."


class ReaderGone(Exception):
    """Whoever read our standard output has enough (`| head -1`); click would make a failure of it."""


class Commands(click.Group):
    """The group of all commands, which loads one when it is called.

    `--from-export` takes several files after it, which click's options do not.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return load(cmd_name) if cmd_name in COMMANDS else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        widest = max(map(len, COMMANDS))
        for section, commands in SECTIONS.items():
            with formatter.section(section):
                formatter.write_dl([(name.ljust(widest), one.help) for name, one in commands.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        found = [CompletionItem(name, help=one.help) for name, one in COMMANDS.items()]
        options = click.Command.shell_complete(self, ctx, incomplete)  # a group's own loads every command
        return [one for one in found if one.value.startswith(incomplete)] + options

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        for arg in args:
            if any("\ud800" <= c <= "\udfff" for c in arg):
                raise click.UsageError(f"{arg!a} is not UTF-8 text.")
            if "\x00" in arg:
                raise click.UsageError(f"{arg!a} holds a NUL character.")
        return super().parse_args(ctx, spread_files(args))

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        with _who_reads_may_go():  # `--help` is said here
            return super().make_context(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            with _who_reads_may_go():
                answer = super().invoke(ctx)
                sys.stdout.flush()
        except click.UsageError as error:
            if error.ctx is None and (name := ctx.invoked_subcommand):  # click: of an option without its value
                error.ctx = click.Context(click.Command(name), parent=ctx, info_name=name)
            raise
        return answer


@contextmanager
def _who_reads_may_go() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError as exc:
        if reader_gone():
            raise ReaderGone from exc
        raise Defect(f"{type(exc).__name__} at {_places(exc)}.") from exc  # click would end without a word


def spread_files(args: Sequence[str]) -> list[str]:
    """`--from-export A B` as `--from-export A --from-export B`."""
    spread: list[str] = []
    taking = False
    for at, arg in enumerate(args):
        is_file = taking and not arg.startswith("-") and args[at - 1] != EXPORTS
        spread += [EXPORTS, arg] if is_file else [arg]
        taking = arg == EXPORTS or (taking and not arg.startswith("-"))
    return spread


@click.group(
    cls=Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Begin with `lapor-sync setup`, then `check`. Tab completion: `lapor-sync completion bash --help`. "
    "Exit codes: 0 done, 1 not completed, 2 wrong use or settings, 3 another process holds the database.",
)
@click.version_option(__version__, prog_name="lapor-sync")
@click.option("--config", type=path_type, envvar=CONFIG_VARIABLE, help=_CONFIG_HELP)
@click.option("--agency", metavar="KEY", help=OF_AGENCY)
@click.option("--no-pager", is_flag=True, help="Let no long screen on a terminal go through $PAGER.")
@click.option("--once", is_flag=True, help="One cycle: pull, reconcile, push.")
@click.option("--standby", is_flag=True, help="As the daemon: wait until the database is free, then take over.")
@click.option("--backfill", is_flag=True, help="Mirror everything; stopped and started again it goes on.")
@click.option("--since", metavar="D", help="With --backfill: reports received on this day (2026-01-31) or later.")
@click.option("--until", metavar="D", help="With --backfill: reports received on this day or earlier.")
@click.option(
    EXPORTS,
    "exports",
    multiple=True,
    type=path_type,
    metavar="FILE.xlsx ...",
    help="With --backfill: the admin's Excel exports; calls nothing upstream.",
)
@click.option("--as-of", metavar="D", help="With --from-export: how old the export is, if it does not say.")
@click.pass_context
def main_group(
    ctx: click.Context,
    config: Path | None,
    agency: str | None,
    no_pager: bool,
    once: bool,
    standby: bool,
    backfill: bool,
    since: str | None,
    until: str | None,
    exports: tuple[Path, ...],
    as_of: str | None,
) -> None:
    """Mirrors a city's SP4N-LAPOR! reports and delivers its agencies' responses exactly once.

    Without a command it runs as the daemon, in the foreground.
    """
    call = Call(config, pager=not no_pager, agency=agency)
    ctx.obj = call
    span = since is not None or until is not None
    _refuse_mixed(ctx.invoked_subcommand, once, backfill, span, bool(exports), as_of is not None)
    if standby and (ctx.invoked_subcommand is not None or once or backfill):
        raise click.UsageError("--standby is for the daemon: it stands alone.")
    if ctx.invoked_subcommand is not None:
        return
    if exports:
        run_exports(call, exports, since, until, as_of)
    elif backfill:
        run_backfill(call, since, until)
    elif once:
        run_once(call)
    else:
        run_daemon(call, standby=standby)


def _refuse_mixed(command: str | None, once: bool, backfill: bool, span: bool, exports: bool, as_of: bool) -> None:
    if command is not None and (once or backfill or span or exports or as_of):
        raise click.UsageError(f"--once and --backfill stand alone, not with `{command}`.")
    if once and backfill:
        raise click.UsageError("Choose one of --once and --backfill.")
    if (span or exports) and not backfill:
        raise click.UsageError("--since, --until and --from-export go with --backfill.")
    if as_of and not exports:
        raise click.UsageError("--as-of goes with --from-export.")


# The work.


def run_daemon(call: Call, *, standby: bool) -> None:
    """The daemon, until SIGTERM, SIGINT or SIGHUP."""
    app = call.working_app()
    stop_on_signals(app.stopping.ask)
    collect_as_it_comes()
    app.daemon(os.environ, standby=standby)


def run_once(call: Call) -> None:
    """One cycle; its error, if upstream failed, is the command's."""
    app = call.working_app()
    stop_on_signals(app.stopping.ask)
    outcome = app.once()
    if outcome.error is not None:
        raise outcome.error
    outcome.tally.demand_whole_list()


def run_backfill(call: Call, since: str | None, until: str | None) -> None:
    """Mirror everything that was received in the span."""
    from lapor_sync.screens import progress
    from lapor_sync.sync.cycle import backfill

    app = call.working_app()
    stop_on_signals(app.stopping.ask)
    zone = app.settings.timezone
    first, last = days(since, until, zone)
    with progress("Reports") as tell, app.working("backfill", tell) as setup:
        tally = backfill(setup, first, last)
    _print_tally(tally)
    if app.stopping():
        say("Stopped; the same command goes on from here.", err=True)
    tally.demand_whole_list()


def run_exports(
    call: Call, exports: tuple[Path, ...], since: str | None, until: str | None, as_of: str | None
) -> None:
    """Import the admin's exports, oldest named first."""
    from lapor_sync.screens import progress
    from lapor_sync.store import lock
    from lapor_sync.sync.pull import Span

    app = call.working_app()
    zone = app.settings.timezone
    first, last = days(since, until, zone)
    span = Span(since=first, until=last)
    made_at = day(as_of, zone, time.min)
    with app.mirror() as mirror, lock.working(mirror.store.engine, mirror.store.agency, "backfill"):
        for number, path in enumerate(exports):
            try:
                with progress(path.name) as tell:
                    done = partial(_tell_done, tell)
                    tally = app.take_export(mirror, path, as_of=made_at, span=span, progress=done)
            except (BadInput, PartlyTaken) as bad:
                others = _what_of_the_others(exports, number)
                error = PartlyTaken if number else type(bad)
                raise error(f"{bad.what}{others}", todo=bad.todo) from bad
            _print_tally(tally)


def _what_of_the_others(exports: tuple[Path, ...], failed: int) -> str:
    """What became of the files around the one that cannot be taken; nothing where it is alone."""
    before, after = (
        ", ".join(shown_name(path.name) for path in part) for part in (exports[:failed], exports[failed + 1 :])
    )
    return (f" Taken before it: {before}." if before else "") + (f" Not taken: {after}." if after else "")


def _tell_done(tell: Callable[[int, int | None], None], done: int) -> None:
    tell(done, None)


def _print_tally(tally: Tally) -> None:
    say(f"new {tally.new}, changed {tally.changed}, unchanged {tally.unchanged}, quarantined {tally.quarantined}")
    if tally.unread:
        say(f"{tally.unread} could not be read whole; they are read again by the next run.", err=True)
    if tally.not_whole:
        say(f"{tally.not_whole} threads may not be whole: flag thread_incomplete; `show` says why.", err=True)
    if tally.quarantined:
        say("See `lapor-sync quarantine` for what could not be read, and why.", err=True)


# The end.


def main() -> None:
    """Carry out the command line of this process; raises SystemExit with its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal without our letters is no reason to fail
    code = run()
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        silence(sys.stdout)
    sys.exit(code)


def run() -> int:
    """The command line, carried out; its exit code. Every error is told in two lines, never as a traceback."""
    try:
        answer = main_group.main(prog_name="lapor-sync", standalone_mode=False)
    except click.ClickException as error:
        return _tell(2, " ".join(error.format_message().split()), _usage_advice(error))
    except click.Abort:
        return _tell(1, "Stopped.", "Run the same command again: nothing is lost.")
    except ReaderGone:
        return 0
    except LaporSyncError as error:
        return _tell(error.exit_code, *told(error))
    except OSError as error:
        return _tell_system(error)
    except Exception as error:  # noqa: BLE001 - the process's edge: a person gets two lines, and we the places
        return _tell(1, f"{type(error).__name__} at {_places(error)}.", advised(Defect.todo))
    return answer if isinstance(answer, int) else 0


def _usage_advice(error: click.ClickException) -> str:
    ctx = getattr(error, "ctx", None)
    return f"See `{ctx.command_path if ctx else 'lapor-sync'} --help`."


def _tell_system(error: OSError) -> int:
    """What the system itself refused, such as a full disk under standard output."""
    what = error.strerror or type(error).__name__
    named = f": {error.filename}" if error.filename else ""
    return _tell(1, f"The system refused{named}: {what}.", "Check space, rights and limits, and run it again.")


def _places(error: Exception) -> str:
    """Where it came from, innermost last; not its message, which may hold a citizen's words."""
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    return ", ".join(f"{Path(frame.filename).name}:{frame.lineno}:{frame.name}" for frame in frames)


def _tell(code: int, what: str, todo: str) -> int:
    say(f"Error: {what}", err=True)
    say(f"To do: {todo}", err=True)
    return code
