"""The commands about copies of the database: back it up, and go on from a backup."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import NoReturn

import click

from lapor_sync import screens
from lapor_sync.clock import SystemClock
from lapor_sync.commands.base import (
    Call,
    acting,
    acting_by,
    command,
    new_file,
    path_type,
    refuse_existing,
    stop_on_signals,
)
from lapor_sync.config import files_folder, load_machine
from lapor_sync.domain.errors import BadInput, NotAllowed, StoreError, UpstreamError
from lapor_sync.domain.names import shown_path
from lapor_sync.output import say
from lapor_sync.store import marks
from lapor_sync.store.backup import copy, database_file, flush, libpq_name, look_into
from lapor_sync.store.database import Store, is_of_today, make_engine
from lapor_sync.store.marks import Mark

_DUMP = "pg_dump --format=custom --file={file} --dbname={database}"
_RESTORE = "pg_restore --clean --if-exists --single-transaction --no-owner --dbname={database} {file}"


@command(click.argument("file", metavar="FILE", type=path_type))
def backup(call: Call, file: Path) -> None:
    """Copy the database into FILE, beside a running daemon; FILE must not be there yet. Prints what is in it.

    The copy is proven before it gets its name, and only its owner may read it. PostgreSQL has a tool of its own: the
    error names the command.
    """
    machine = load_machine(call.config, os.environ)
    database = database_file(machine.database_url)
    if database is None:
        todo = _command(_DUMP, machine.database_url, file)
        raise NotAllowed("PostgreSQL is backed up with its own tool; nothing was written.", todo=todo)
    refuse_existing(file)
    if not database.exists():
        raise BadInput(f"There is no database {database}.", todo="Check LAPOR_SYNC_DATABASE_URL.")
    stop_on_signals(_stop)
    with new_file(file, mode=0o600) as part:
        copy(database, part, at_work=True)
        contents = look_into(part)
    flush(file.parent)
    say(f"{file}: {contents}")
    for key in contents.agencies:
        _remember(machine.database_url, key)
        folder = files_folder(machine, os.environ).with_name(key)
        if _may_hold(folder):
            say(f"Not in it: the citizens' files. Copy {shown_path(folder)} as well (docs/backups.md).")


def _may_hold(folder: Path) -> bool:
    """Whether files may lie there: one that is closed to this user may hold some."""
    try:
        return any(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True


def _remember(url: str, agency: str) -> None:
    """Let the database know that there is a backup, so that somebody is told where there is none.

    One of an earlier schema stays as it is: a backup before an upgrade is no upgrade.
    """
    store = Store(make_engine(url, anew=False), agency, SystemClock())
    try:
        if is_of_today(store.engine):
            with store.work() as work:
                marks.put_now(work, Mark.BACKED_UP)
    except StoreError:
        pass  # the backup is there all the same
    finally:
        store.close()


def _command(tool: str, url: str, file: Path) -> str:
    """PostgreSQL's own command for this very database, ready to be pasted; no password is in it."""
    return tool.format(database=shlex.quote(libpq_name(url)), file=shlex.quote(str(file)))


def _stop(*_: object) -> NoReturn:
    """Every signal as Ctrl-C: what was half written is removed."""
    raise KeyboardInterrupt


@command(click.argument("file", metavar="[FILE]", type=path_type, required=False), acting_by)
def restore(call: Call, file: Path | None, by: str | None) -> None:
    """Go on from a backup: FILE takes the database's place. Nothing leaves until `lapor-sync outbox resume`.

    Stop the service first. The database that was there is kept beside it. Every open report is read from LAPOR, so
    that what was sent after the backup is found; then what would be sent is listed. Without FILE: the database itself
    was restored by other means, such as pg_restore.
    """
    app = call.app()
    if file is not None and database_file(app.settings.database_url) is None:
        todo = f"{_command(_RESTORE, app.settings.database_url, file)} && lapor-sync restore"
        raise NotAllowed("PostgreSQL is restored with its own tool first; nothing was changed.", todo=todo)
    done = app.restore(file, acting(by))
    screens.restored(done, app.settings.timezone)
    if done.error is not None:
        raise UpstreamError(
            f"It is restored, but not every open report could be read. {done.error.what}",
            todo="Start the service: it reads them as soon as LAPOR answers. Then look at `lapor-sync plan`.",
        )
