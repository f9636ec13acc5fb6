"""The command that fetches an attached file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click

from lapor_sync.app import connector_of
from lapor_sync.commands.base import Call, acting, acting_by, command, new_file, path_type, refuse_existing
from lapor_sync.config import read_secrets
from lapor_sync.domain.citizen_files import files_of
from lapor_sync.domain.errors import BadInput
from lapor_sync.domain.report import Attachment
from lapor_sync.office import known_report
from lapor_sync.output import say
from lapor_sync.store import threads
from lapor_sync.store.database import Work
from lapor_sync.store.reports import Mirrored
from lapor_sync.sync.files import fetch


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


def numbered_attachments(work: Work, one: Mirrored) -> list[Attachment]:
    """A report's files, then those of its thread: in the order in which `show` numbers them from 1."""
    items = threads.load(work, [one.tracking_id]).get(one.tracking_id, ())
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
