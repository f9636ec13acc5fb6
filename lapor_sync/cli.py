"""The commands: thin; each parses, calls, prints. Standard output carries only the answer.

Exit codes: 0 done; 1 a call or a step could not be completed; 2 wrong use or settings; 3 another process holds the
database.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, time
from functools import wraps
from pathlib import Path
from typing import Any

import click

from lapor_sync import __version__
from lapor_sync.domain.errors import BadInput, LaporSyncError

BACKFILL = "--from-export"


@dataclass
class Call:
    """What the options before the command said; settings and database are opened when a command needs them."""

    config: Path | None

    def app(self) -> Any:
        """The program on its database, with logs going to standard error."""
        from lapor_sync.app import App
        from lapor_sync.config import load_settings
        from lapor_sync.log import configure, is_journal

        configure(sys.stderr, terminal=sys.stderr.isatty(), journal=is_journal(sys.stderr, os.environ))
        app = App(settings=load_settings(self.config, os.environ))
        if sys.stdout.isatty() and sys.stderr.isatty():
            click.echo(f"Database: {app.settings.database_shown}", err=True)
        return app


class Commands(click.Group):
    """`--from-export` takes several files after it; so many click options would be needed otherwise."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, spread_files(args))


def spread_files(args: Sequence[str]) -> list[str]:
    """`--from-export A B` as `--from-export A --from-export B`."""
    spread: list[str] = []
    taking = False
    for at, arg in enumerate(args):
        is_file = taking and not arg.startswith("-") and at > 0 and args[at - 1] != BACKFILL
        spread += [BACKFILL, arg] if is_file else [arg]
        taking = arg == BACKFILL or (taking and not arg.startswith("-"))
    return spread


@click.group(cls=Commands, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="lapor-sync")
@click.option("--config", type=click.Path(path_type=Path), help="Settings file (TOML).")
@click.option("--once", is_flag=True, help="One cycle: pull, reconcile, push.")
@click.option("--backfill", is_flag=True, help="Mirror everything; stopped and started again it goes on.")
@click.option("--since", metavar="D", help="With --backfill: reports received on this day (2026-01-31) or later.")
@click.option("--until", metavar="D", help="With --backfill: reports received on this day or earlier.")
@click.option(
    BACKFILL,
    "exports",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE.xlsx ...",
    help="With --backfill: the admin's Excel exports; calls nothing upstream.",
)
@click.option("--as-of", metavar="D", help="With --from-export: how old the export is, if it does not say.")
@click.pass_context
def main_group(
    ctx: click.Context,
    config: Path | None,
    once: bool,
    backfill: bool,
    since: str | None,
    until: str | None,
    exports: tuple[Path, ...],
    as_of: str | None,
) -> None:
    """Mirrors a city's SP4N-LAPOR! reports and delivers its agencies' responses exactly once.

    Without a command it runs as the daemon, in the foreground. Begin with `lapor-sync check`.
    """
    call = Call(config)
    ctx.obj = call
    _refuse_mixed(ctx.invoked_subcommand, once, backfill, since or until, exports, as_of)
    if ctx.invoked_subcommand is not None:
        return
    if exports:
        run_exports(call, exports, since, until, as_of)
    elif backfill:
        run_backfill(call, since, until)
    elif once:
        run_once(call)
    else:
        run_daemon(call)


def _refuse_mixed(
    command: str | None, once: bool, backfill: bool, span: str | None, exports: tuple[Path, ...], as_of: str | None
) -> None:
    if command is not None and (once or backfill or span or exports or as_of):
        raise click.UsageError(f"--once and --backfill stand alone, not with `{command}`.")
    if once and backfill:
        raise click.UsageError("Choose one of --once and --backfill.")
    if (span or exports) and not backfill:
        raise click.UsageError("--since, --until and --from-export go with --backfill.")
    if as_of and not exports:
        raise click.UsageError("--as-of goes with --from-export.")


# --- the work -----------------------------------------------------------------------------------------------


def run_daemon(call: Call) -> None:
    """The daemon, until SIGTERM or SIGINT."""
    app = call.app()
    _stop_on_signals(app.stopping.ask)
    app.daemon(os.environ)


def run_once(call: Call) -> None:
    """One cycle; its error, if upstream failed, is the command's."""
    app = call.app()
    _stop_on_signals(app.stopping.ask)
    outcome = app.once()
    if outcome.error is not None:
        raise outcome.error


def run_backfill(call: Call, since: str | None, until: str | None) -> None:
    """Mirror everything that was received in the span."""
    from lapor_sync.screens import progress
    from lapor_sync.sync.cycle import backfill

    app = call.app()
    _stop_on_signals(app.stopping.ask)
    first, last = day(since, app, time.min), day(until, app, time.max)
    with progress("Reports") as tell, app.working("backfill", tell) as setup:
        tally = backfill(setup, first, last)
    _print_tally(tally)
    if app.stopping():
        click.echo("Stopped; the same command goes on from here.", err=True)


def run_exports(
    call: Call, exports: tuple[Path, ...], since: str | None, until: str | None, as_of: str | None
) -> None:
    """Import the admin's exports, oldest named first."""
    from lapor_sync.screens import progress
    from lapor_sync.store import lock
    from lapor_sync.sync.pull import Span

    app = call.app()
    span = Span(since=day(since, app, time.min), until=day(until, app, time.max))
    with app.judging() as judging, lock.working(judging.store.engine, "backfill"):
        for path in exports:
            with progress(path.name) as tell:
                tally = app.take_export(
                    judging, path, as_of=day(as_of, app, time.min), span=span, progress=lambda n: tell(n, None)
                )
            _print_tally(tally)


def _print_tally(tally: Any) -> None:
    click.echo(
        f"new {tally.new}, changed {tally.changed}, unchanged {tally.unchanged}, quarantined {tally.quarantined}"
    )
    if tally.unread:
        click.echo(f"{tally.unread} could not be read whole; they are read again by the next run.", err=True)
    if tally.quarantined:
        click.echo("See `lapor-sync quarantine` for what could not be read, and why.", err=True)


def _stop_on_signals(ask: Callable[..., None]) -> None:
    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, ask)


def day(text: str | None, app: Any, at: time) -> datetime | None:
    """A day of the command line in the city's time zone: 2026-01-31 or 31-01-2026. Raises BadInput."""
    if text is None:
        return None
    for form in ("%Y-%m-%d", "%d-%m-%Y", "%d/%m/%Y"):
        try:
            found = datetime.strptime(text.strip(), form)  # noqa: DTZ007 - the zone is the city's, added below
        except ValueError:
            continue
        return datetime.combine(found.date(), at, app.settings.timezone)
    raise BadInput(f"{text!r} is no day.", todo="Write it as 2026-01-31.")


# --- looking ------------------------------------------------------------------------------------------------


def command(*options: Callable[[Any], Any], name: str | None = None) -> Callable[[Any], Any]:
    """A command that is given the Call first."""

    def made(function: Callable[..., None]) -> Any:
        for option in reversed(options):
            function = option(function)
        return main_group.command(name)(click.pass_obj(function))

    return made


as_json = click.option("--json", "as_json", is_flag=True, help="For programs: JSON.")
acting_by = click.option("--by", metavar="NAME", help="Who acts; default: $SUDO_USER, else the login name.")


def person(by: str | None) -> str:
    """Who acts."""
    if by and by.strip():
        return by.strip()
    if os.environ.get("SUDO_USER"):
        return os.environ["SUDO_USER"]
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


def print_json(value: object) -> None:
    """One object on one line."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")


def print_lines(values: Iterable[object]) -> None:
    """One object a line."""
    for value in values:
        print_json(value)


@contextmanager
def looking(call: Call) -> Iterator[Any]:
    """The database, to read from; beside a running daemon."""
    with call.app().store() as store, store.reading() as work:
        yield work


@command(as_json)
def status(call: Call, as_json: bool) -> None:
    """Colours, outbox, conflicts, quarantine, last success, outages, who holds the database."""
    from lapor_sync import screens
    from lapor_sync.store import lock, views

    app = call.app()
    with app.store() as store, store.reading() as work:
        found = views.status(work)
        if as_json:
            print_json(found)
        else:
            screens.status(found, late=views.count_overdue(work), holder=lock.holder(store.engine))


@command(
    click.option("--colour", type=click.Choice(["merah", "kuning", "hijau", "abu", "null"])),
    click.option("--opd", metavar="X", help="Institution id or name."),
    click.option("--overdue", is_flag=True, help="Only reports past their deadline, the latest first."),
    as_json,
    click.option("--csv", "as_csv", is_flag=True, help="For a spreadsheet: CSV."),
    click.option("--include-rahasia", is_flag=True, help="With --csv: content of rahasia reports too."),
)
def reports(
    call: Call,
    colour: str | None,
    opd: str | None,
    overdue: bool,
    as_json: bool,
    as_csv: bool,
    include_rahasia: bool,
) -> None:
    """All reports, unless filtered."""
    from lapor_sync import screens
    from lapor_sync.store import views
    from lapor_sync.sync.acts import institution_id

    if as_json and as_csv:
        raise click.UsageError("Choose one of --json and --csv.")
    with looking(call) as work:
        where = institution_id(work, opd) if opd else None
        rows = views.reports(work, colour=colour, opd=where, overdue=overdue)
        if as_csv:
            screens.reports_csv(rows, work.at, include_rahasia=include_rahasia)
        elif as_json:
            print_lines(views.report_json(row, work.at) for row in rows)
        else:
            screens.reports(views.report_json(row, work.at) for row in rows)


@command(click.argument("report_id", metavar="ID"), as_json, acting_by)
def show(call: Call, report_id: str, as_json: bool, by: str | None) -> None:
    """One report: fields, thread, deliveries, one timeline of all that happened, and why it has its colour."""
    from lapor_sync import screens
    from lapor_sync.store import views
    from lapor_sync.sync.acts import known_report

    with call.app().store() as store:
        with store.reading() as work:
            one = known_report(work, report_id)
        if one.report.is_secret:  # looking at a rahasia report is an act, and audited
            with store.work() as work:
                work.note("shown", one.tracking_id, who=person(by))
        with store.reading() as work:
            found = views.show(work, one)
    if as_json:
        print_json(found)
    else:
        screens.show(found, row=one.verdict.row)


@main_group.group(invoke_without_command=True)
@click.option(
    "--state", type=click.Choice(["queued", "sending", "unknown", "sent", "refused", "held", "cancelled"])
)
@as_json
@click.pass_context
def outbox(ctx: click.Context, state: str | None, as_json: bool) -> None:
    """Responses and hand-overs on their way; `retry`, `hold` or `cancel` one of them."""
    from lapor_sync import screens
    from lapor_sync.domain.delivery import State
    from lapor_sync.store import outbox as deliveries
    from lapor_sync.store import views

    if ctx.invoked_subcommand is not None:
        return
    with looking(ctx.obj) as work:
        found = [views.outbox_json(one) for one in deliveries.listing(work, State(state) if state else None)]
    print_lines(found) if as_json else screens.outbox(found)


def _outbox_act(name: str, help_text: str) -> None:
    @outbox.command(name, help=help_text)
    @click.argument("ref")
    @acting_by
    @click.pass_obj
    def act(call: Call, ref: str, by: str | None) -> None:
        from lapor_sync.sync.acts import OutboxAct, change

        with call.app().judging() as judging:
            click.echo(change(judging, OutboxAct(name), ref, person(by)))


_outbox_act("retry", "Queue a held or refused delivery again, or one that waits, now.")
_outbox_act("hold", "Hold a queued delivery until a person lets it go.")
_outbox_act("cancel", "Call off a delivery that has not left.")


@main_group.group(invoke_without_command=True)
@as_json
@click.pass_context
def conflicts(ctx: click.Context, as_json: bool) -> None:
    """What only a person can settle."""
    from lapor_sync import screens
    from lapor_sync.store import conflicts as questions
    from lapor_sync.store import views

    if ctx.invoked_subcommand is not None:
        return
    with looking(ctx.obj) as work:
        found = [views.conflict_json(one) for one in questions.listing(work)]
    print_lines(found) if as_json else screens.conflicts(found)


@conflicts.command("settle")
@click.argument("conflict_id", metavar="ID")
@click.option("--keep-ours", "how", flag_value="keep_ours", help="Send it all the same.")
@click.option("--take-upstream", "how", flag_value="take_upstream", help="Cancel it: LAPOR is right.")
@click.option("--accept-vanished", "how", flag_value="accept_vanished", help="So many reports are really gone.")
@acting_by
@click.pass_obj
def settle_conflict(call: Call, conflict_id: str, how: str | None, by: str | None) -> None:
    """Settle a conflict, by its id, or all of a report by its Tracking ID."""
    from lapor_sync.store.conflicts import How
    from lapor_sync.sync.acts import settle

    if how is None:
        raise click.UsageError("Say how: --keep-ours, --take-upstream or --accept-vanished.")
    with call.app().judging() as judging:
        for kind in settle(judging, conflict_id, How(how), person(by)):
            click.echo(f"settled {kind}")


@command(as_json)
def quarantine(call: Call, as_json: bool) -> None:
    """Records that could not be read, with the reason; tried again by every sweep."""
    from lapor_sync import screens
    from lapor_sync.store import quarantine as put_away
    from lapor_sync.store import views

    with looking(call) as work:
        found = [views.quarantine_json(one) for one in put_away.listing(work)]
    print_lines(found) if as_json else screens.quarantine(found)


# --- acting -------------------------------------------------------------------------------------------------


@command(
    click.argument("report_id", metavar="ID", required=False),
    click.option("--text", metavar="T", help="The response."),
    click.option(
        "--text-file", metavar="F", type=click.Path(path_type=Path), help="The response, in a UTF-8 file."
    ),
    click.option("--opd", metavar="X", help="Institution id or name; default: where the report is disposed."),
    click.option("--attach", metavar="FILE", multiple=True, type=click.Path(path_type=Path)),
    click.option("--secret", is_flag=True, help="Only for the reporter's eyes."),
    click.option("--from", "sheet", metavar="FILE.xlsx", type=click.Path(path_type=Path), help="Many at once."),
    acting_by,
)
def respond(
    call: Call,
    report_id: str | None,
    text: str | None,
    text_file: Path | None,
    opd: str | None,
    attach: tuple[Path, ...],
    secret: bool,
    sheet: Path | None,
    by: str | None,
) -> None:
    """Write an OPD's response; prints its reference. It leaves with the next cycle."""
    if sheet is not None:
        if report_id or text or text_file or opd or attach or secret:
            raise click.UsageError("--from stands alone: the sheet says it all.")
        respond_from_sheet(call, sheet, person(by))
        return
    if report_id is None or (text is None) == (text_file is None):
        raise click.UsageError("Give an ID and either --text or --text-file (or --from FILE.xlsx).")
    from lapor_sync.app import file_limits_of
    from lapor_sync.sync.acts import Written
    from lapor_sync.sync.acts import respond as write

    words = text if text is not None else read_text(text_file or Path())
    files = tuple(read_attachment(path) for path in attach)
    app = call.app()
    written = Written(given_id=report_id, text=words, by=person(by), opd=opd, is_secret=secret, files=files)
    with app.judging() as judging:
        click.echo(write(judging, written, file_limits_of(app.settings)))
    _say_when_it_leaves(app)


def respond_from_sheet(call: Call, sheet: Path, by: str) -> None:
    """Queue every row of a sheet, or none."""
    from connectors.response_sheet import read_responses

    from lapor_sync.sync.acts import Written, origin_of, respond_all

    rows = [
        Written(
            given_id=row.tracking_id,
            text=row.text,
            by=row.by or by,
            opd=row.opd,
            is_secret=row.is_secret,
            origin=origin_of(row.tracking_id, row.opd or "", row.text),
            row=row.row,
        )
        for row in read_responses(sheet)
    ]
    app = call.app()
    with app.judging() as judging:
        refs = respond_all(judging, rows)
    for ref in filter(None, refs):
        click.echo(ref)
    taken = sum(ref is not None for ref in refs)
    click.echo(f"{taken} taken, {len(refs) - taken} were taken before.", err=True)
    _say_when_it_leaves(app)


def _say_when_it_leaves(app: Any) -> None:
    missing = app.settings.missing_for_push()
    if app.settings.observe:
        click.echo("LAPOR_SYNC_OBSERVE is set: it stays here until that is taken away.", err=True)
    elif missing and sys.stderr.isatty():
        click.echo(f"This shell has no {', '.join(missing)}; the daemon sends it with its own settings.", err=True)


def read_text(path: Path) -> str:
    """A text file. Raises BadInput."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as exc:
        raise BadInput(f"{path} is not UTF-8 text.", todo="Save it as plain text in UTF-8.") from exc
    except OSError as exc:
        raise BadInput(f"{path} cannot be read: {exc.strerror}.", todo="Check the path.") from exc


def read_attachment(path: Path) -> Any:
    """A file to be attached, read whole: a moved file never breaks a delivery. Raises BadInput."""
    from lapor_sync.domain.report import OutgoingFile

    try:
        return OutgoingFile(file_name=path.name, content=path.read_bytes())
    except OSError as exc:
        raise BadInput(f"{path} cannot be read: {exc.strerror}.", todo="Check the path.") from exc


@command(
    click.argument("report_id", metavar="ID"),
    click.option("--to", metavar="INSTITUTION", required=True, help="Institution id or name."),
    click.option("--reason", metavar="T", required=True),
    acting_by,
)
def forward(call: Call, report_id: str, to: str, reason: str, by: str | None) -> None:
    """Ask that a report be handed over: not our authority. Prints its reference."""
    from lapor_sync.sync.acts import forward as hand_over

    with call.app().judging() as judging:
        click.echo(hand_over(judging, report_id, to, reason, person(by)))


@main_group.group()
def audit() -> None:
    """The audit log: prove it, or export it."""


@audit.command("verify")
@click.option("--head", metavar="HASH", help="A head that the journal or a backup names.")
@click.pass_obj
def audit_verify(call: Call, head: str | None) -> None:
    """Walk the whole chain; with --head, that hash must be in it."""
    from lapor_sync.store import audit as chain

    with looking(call) as work:
        found = chain.verify(work.conn, head.strip().lower() if head else None)
    click.echo(f"ok {found.count} rows, head {found.hash}")
    if head is None:
        click.echo(
            "Without --head a cut tail or a full rewrite cannot be seen: heads are in the journal.", err=True
        )


@audit.command("export")
@click.pass_obj
def audit_export(call: Call) -> None:
    """Every row as JSON, one a line."""
    from lapor_sync.store import audit as chain

    with looking(call) as work:
        print_lines({**row, "data": json.loads(str(row["data"]))} for row in chain.rows(work.conn))


# --- the stand-in -------------------------------------------------------------------------------------------


@command(
    click.option("--host", default="127.0.0.1", show_default=True),
    click.option("--port", default=8765, show_default=True, type=click.IntRange(0, 65535)),
    click.option("--scenario", default="calm", show_default=True, metavar="NAME"),
    click.option("--seed", default=1, show_default=True, type=int),
    click.option("--reports", "count", default=50, show_default=True, type=click.IntRange(0, 1_000_000)),
    click.option("--speed", default=1.0, show_default=True, type=click.FloatRange(0, min_open=True)),
)
def simulator(call: Call, host: str, port: int, scenario: str, seed: int, count: int, speed: float) -> None:
    """A stand-in for LAPOR on this machine, to rehearse with; it knows nothing of real reports."""
    from connectors.simulator import CITY_ID, OPD_IDS, SCENARIOS, Options, Simulator

    if scenario not in SCENARIOS:
        listed = "\n".join(f"  {name:20} {sentence}" for name, sentence in SCENARIOS.items())
        raise click.UsageError(f"There is no scenario {scenario!r}. There are:\n{listed}")
    options = Options(seed=seed, reports=count, speed=speed, scenario=scenario, life=True)
    stand_in = Simulator(options, host=host, port=port)
    try:
        stand_in.start()
    except OSError as exc:
        raise BadInput(f"{host}:{port} cannot be used: {exc.strerror}.", todo="Choose another --port.") from exc
    _stop_on_signals(lambda *_: sys.exit(0))
    click.echo(f"export LAPOR_SYNC_UPSTREAM_URL={stand_in.url}")
    click.echo(f"export LAPOR_SYNC_BEARER={options.bearer} LAPOR_SYNC_TOKEN='{options.token}'")
    click.echo(f"export LAPOR_SYNC_INSTITUTION_ID={CITY_ID} LAPOR_SYNC_USER_ID=1")
    click.echo(f"export LAPOR_SYNC_OPD_IDS={','.join(OPD_IDS)}")
    click.echo("Put these into another terminal, then: lapor-sync check. Ctrl-C ends the stand-in.", err=True)
    try:
        stand_in.serve_forever()
    finally:
        stand_in.stop()


@command()
def demo(call: Call) -> None:
    """Simulator and daemon together on a database of their own: a week of one city in a minute."""
    from lapor_sync.demo import run

    run()


# --- the end ------------------------------------------------------------------------------------------------


def _on_errors(function: Callable[[], None]) -> Callable[[], int]:
    """Every error as one line what happened and one line what to do; never a traceback."""

    @wraps(function)
    def run() -> int:
        try:
            function()
        except click.exceptions.Exit as exit_:
            return exit_.exit_code
        except click.ClickException as error:
            return _tell(2, error.format_message(), _usage_advice(error))
        except click.Abort:
            return _tell(1, "Stopped.", "Run the same command again: nothing is lost.")
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # whoever read us has enough
            return 0
        except LaporSyncError as error:
            return _tell(error.exit_code, error.what, error.todo)
        return 0

    return run


def _usage_advice(error: click.ClickException) -> str:
    ctx = getattr(error, "ctx", None)
    return f"See `{ctx.command_path if ctx else 'lapor-sync'} --help`."


def _tell(code: int, what: str, todo: str) -> int:
    click.echo(f"Error: {what}", err=True)
    click.echo(f"To do: {todo}", err=True)
    return code


@_on_errors
def _run() -> None:
    main_group.main(prog_name="lapor-sync", standalone_mode=False)


def main() -> None:
    """The entry point."""
    sys.exit(_run())
