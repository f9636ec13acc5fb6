"""The commands by which a person acts: respond, forward, move a delivery, settle a conflict."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from connectors.response_sheet import read_responses
from lapor_sync.app import file_limits_of
from lapor_sync.commands.base import Call, acting, acting_by, command, path_type, read_attachment, read_words
from lapor_sync.config import Settings
from lapor_sync.domain.people import Actor
from lapor_sync.mirror.mirror import Mirror
from lapor_sync.office import NewResponse, origin_of, respond_all
from lapor_sync.office import forward as hand_over
from lapor_sync.office import respond as write
from lapor_sync.output import say
from lapor_sync.store import pauses


@command(
    click.argument("report_id", metavar="ID", required=False),
    click.option("--text", metavar="T", help="The response."),
    click.option("--text-file", metavar="F", type=path_type, help="The response, in a UTF-8 file."),
    click.option("--opd", metavar="X", help="Institution id or name; default: where the report is disposed."),
    click.option("--attach", metavar="FILE", multiple=True, type=path_type, help="A file; may be given again."),
    click.option("--secret", is_flag=True, help="Only for the reporter's eyes."),
    click.option("--again", is_flag=True, help="Also where the same words were written for the report before."),
    click.option("--any-status", is_flag=True, help="Also where the report's status name is not known."),
    click.option("--from", "sheet", metavar="FILE.xlsx", type=path_type, help="Many at once, from a sheet."),
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
    again: bool,
    any_status: bool,
    sheet: Path | None,
    by: str | None,
) -> None:
    """Write an OPD's response; prints its reference. It leaves with the next cycle."""
    if sheet is not None:
        if report_id or text is not None or text_file or opd or attach or secret or any_status:
            raise click.UsageError("--from stands alone, or with --again: the sheet says the rest.")
        respond_from_sheet(call, sheet, acting(by), again=again)
        return
    if report_id is None or (text is None) == (text_file is None):
        raise click.UsageError("Give an ID and either --text or --text-file (or --from FILE.xlsx).")

    app = call.app()
    limits = file_limits_of(app.settings)
    words = read_words(text_file) if text_file is not None else text or ""
    files = tuple(read_attachment(path, limits.max_bytes) for path in attach)
    written = NewResponse(
        given_id=report_id,
        text=words,
        opd=opd,
        is_secret=secret,
        again=again,
        any_status=any_status,
        files=files,
    )
    with app.mirror(anew=False) as mirror:
        say(write(mirror, acting(by), written, limits))
        _say_when_it_leaves(mirror, app.settings)


def respond_from_sheet(call: Call, sheet: Path, actor: Actor, *, again: bool) -> None:
    """Queue every row of a sheet, or none."""
    app = call.app()
    rows, wrong = read_sheet(sheet, again=again)
    with app.mirror(anew=False) as mirror:
        refs = respond_all(mirror, actor, rows, wrong)
        for ref in filter(None, refs):
            say(ref)
        taken = sum(ref is not None for ref in refs)
        say(f"{taken} taken, {len(refs) - taken} were taken before.", err=True)
        _say_when_it_leaves(mirror, app.settings)


def read_sheet(sheet: Path, *, again: bool = False) -> tuple[list[NewResponse], tuple[tuple[int, str], ...]]:
    """The rows of a sheet of responses; the numbers of those that cannot be taken, and why. Raises BadInput."""
    responses = read_responses(sheet)
    rows = [
        NewResponse(
            given_id=row.tracking_id,
            text=row.text,
            by=row.by,
            opd=row.opd,
            is_secret=row.is_secret,
            again=again,
            origin=origin_of(row.tracking_id, row.opd or "", row.text, is_secret=row.is_secret),
            row=row.row,
        )
        for row in responses.rows
    ]
    return rows, responses.problems


def _say_when_it_leaves(mirror: Mirror, settings: Settings) -> None:
    with mirror.store.reading() as work:
        is_paused = pauses.current(work) is not None
    missing = settings.missing_for_push()
    if settings.observe:
        say("LAPOR_SYNC_OBSERVE is set: it stays here until that is taken away.", err=True)
    elif is_paused:
        say("Delivery is paused: it stays here until `lapor-sync outbox resume`.", err=True)
    elif missing and sys.stderr.isatty():
        say(f"This shell has no {', '.join(missing)}; the daemon sends it with its own settings.", err=True)


@command(
    click.argument("report_id", metavar="ID"),
    click.option("--to", metavar="INSTITUTION", required=True, help="Institution id or name."),
    click.option("--reason", metavar="T", required=True, help="What the other institution is to read."),
    acting_by,
)
def forward(call: Call, report_id: str, to: str, reason: str, by: str | None) -> None:
    """Ask that a report be handed over: not our authority. Prints its reference."""
    app = call.app()
    with app.mirror(anew=False) as mirror:
        say(hand_over(mirror, acting(by), report_id, to, reason))
        _say_when_it_leaves(mirror, app.settings)
