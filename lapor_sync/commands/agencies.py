"""The commands over many agencies: what each is like, and whether their files are right."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import click

from lapor_sync.clock import SystemClock
from lapor_sync.commands.audit import head_to_find, prove
from lapor_sync.commands.base import (
    Acts,
    Call,
    acting,
    acting_by,
    as_json,
    log_to_standard_error,
    new_file,
    path_type,
    refuse_existing,
)
from lapor_sync.commands.many import problems_of, show_all
from lapor_sync.config import Agencies, hosts_of_boards, load_machine
from lapor_sync.config.agency import AGENCY_KEY
from lapor_sync.domain.errors import (
    AuditBroken,
    BadInput,
    NoDatabase,
    NotAllowed,
    StoreBusy,
    StoreError,
    StoreNewer,
)
from lapor_sync.domain.names import shown_path
from lapor_sync.output import plain, say
from lapor_sync.store import audit as chain
from lapor_sync.store import lock
from lapor_sync.store import moving as stored
from lapor_sync.store.address import sqlite_url
from lapor_sync.store.backup import make_single
from lapor_sync.store.database import Store, open_store
from lapor_sync.sync import moving
from lapor_sync.sync.moving import Moved


@click.group(cls=Acts, invoke_without_command=True)
@as_json
@click.pass_context
def agencies(ctx: click.Context, as_json: bool) -> None:
    """Each agency of the configuration: colours, overdue, last success, outage, queue, worker."""
    if ctx.invoked_subcommand is None:
        show_all(ctx.ensure_object(Call), as_json=as_json)


@agencies.command("check")
@click.pass_obj
def agencies_check(call: Call) -> None:
    """Whether each agency's file is right, and what to do. Exit code 2 if one is not."""
    found = call.agencies()
    _, taken = hosts_of_boards(found.right)
    ok = True
    for key in found.keys:
        problems = problems_of(found, key)
        if key in taken:
            host, other = taken[key]
            problems += (
                f"its board is not served: {host} is that of {other}'s; give it another BOARD_PUBLIC_URL",
            )
        if problems:
            ok = False
            for problem in problems:
                say(f"{plain(key)}  wrong: {problem}")
        else:
            say(f"{plain(key)}  {_can_do(found, key)}")
    if not found.keys:
        say("There is no agency: put a file KEY.toml for each into AGENCIES_DIR.")
    click.get_current_context().exit(0 if ok and found.keys else 2)


@agencies.command("import")
@click.argument("key")
@click.argument("file", type=path_type)
@click.option("--from", "its_key", metavar="KEY", help="Its key in the file, where that holds several.")
@acting_by
@click.pass_obj
def agencies_import(call: Call, key: str, file: Path, its_key: str | None, by: str | None) -> None:
    """Take a city's SQLite database in as the agency KEY, with its people and its audit.

    Its program must be stopped. Deliveries are paused in both; `outbox resume` lets them leave here.
    """
    with (
        _database(call, key) as target,
        _city(file, its_key) as source,
        lock.working(target.engine, key, "import"),
    ):
        moved = moving.copy(source, target, acting(by))
    _say_copied(key, moved)
    say(f"Put {key}.toml into AGENCIES_DIR; then: lapor-sync outbox resume --agency {key}", err=True)


@agencies.command("export")
@click.argument("key")
@click.option("--out", metavar="FILE", type=path_type, required=True, help="A new SQLite database.")
@acting_by
@click.pass_obj
def agencies_export(call: Call, key: str, out: Path, by: str | None) -> None:
    """Copy an agency into a SQLite database of its own, with its people and its audit.

    Nobody may work it meanwhile: take its file out of AGENCIES_DIR before. Deliveries are paused in both.
    """
    refuse_existing(out)
    with _database(call, key) as source, new_file(out, 0o600) as part:
        target = open_store(sqlite_url(part), key, SystemClock())
        try:
            moved = moving.copy(source, target, acting(by))
        finally:
            target.close()
        make_single(part)
    _say_copied(key, moved)


@agencies.command("remove")
@click.argument("key")
@click.option("--head", metavar="HASH", required=True, help="The audit's head, as `agencies export` said it.")
@acting_by
@click.pass_obj
def agencies_remove(call: Call, key: str, head: str, by: str | None) -> None:
    """Delete all that the database has of an agency that left. Its audit stays, closed by a row."""
    if key in call.agencies().keys:
        raise NotAllowed(
            f"{key}.toml is in AGENCIES_DIR still: workers would begin it anew.", todo="Take its file away first."
        )
    with _database(call, key) as store:
        rows = moving.remove(store, head, acting(by))
    say(f"{key} is removed: {_counted(rows)}.")


@agencies.command("verify")
@click.argument("key")
@head_to_find
@click.pass_obj
def agencies_verify(call: Call, key: str, head: str | None) -> None:
    """Walk the audit of an agency whose file need not be there, as of one that left; as `audit verify`."""
    with _database(call, key) as store:
        with store.reading() as work:
            if not chain.head(work.conn, key).count:
                raise BadInput(f"The database has no audit of {key}.", todo="See how the key is written.")
        prove(store, head)


@contextmanager
def _database(call: Call, key: str) -> Iterator[Store]:
    """The database of all agencies, for one whose file need not be there."""
    if re.fullmatch(AGENCY_KEY, key) is None:
        raise BadInput(f"{key!a} is no key of an agency.", todo="It is 1 to 32 of a-z, 0-9, - and _.")
    machine = load_machine(call.config, os.environ)
    log_to_standard_error(machine.timezone)
    store = open_store(machine.database_url, key, SystemClock(), anew=False)
    try:
        yield store
    finally:
        store.close()


@contextmanager
def _city(file: Path, key: str | None) -> Iterator[Store]:
    """A city's own database; `key` where there are several agencies in it.

    Raises BadInput, also for a file that is none: the configured database has no fault then, and needs no restore.
    Raises StoreNewer, StoreBusy and AuditBroken, which name the file.
    """
    with _said_of(file):
        opened = open_store(sqlite_url(file), key or "", SystemClock(), anew=False)
    try:
        with _said_of(file), opened.reading() as work:
            found = stored.agencies_in(work.conn)
        if key is None and len(found) == 1:
            key = found[0]
        if key not in found:
            raise BadInput(
                f"{shown_path(file)} holds {', '.join(found) or 'no agency'}.", todo="Say which one with --from."
            )
        yield Store(opened.engine, key, opened.clock)
    except AuditBroken as error:
        raise AuditBroken(f"{shown_path(file)}: {error.what}", seq=error.seq) from error
    finally:
        opened.close()


@contextmanager
def _said_of(file: Path) -> Iterator[None]:
    try:
        yield
    except (NoDatabase, StoreError) as error:
        told = f"{shown_path(file)}: {error.what}"
        if isinstance(error, StoreNewer | StoreBusy):
            raise type(error)(told) from error
        raise BadInput(told, todo=_COPY_ANEW) from error


_COPY_ANEW = (
    "Name the database of the city's own service, or a whole copy of it: `lapor-sync backup` there makes one."
)


def _say_copied(key: str, moved: Moved) -> None:
    say(f"{key} is copied: {_counted(moved.rows)}. Deliveries are paused in both.")
    say(f"Audit verified, head {moved.head.hash}")


def _counted(rows: Mapping[str, int]) -> str:
    return ", ".join(
        f"{rows.get(table, 0)} {name}"
        for table, name in (("report", "reports"), ("delivery", "deliveries"), ("person", "people"))
    )


def _can_do(found: Agencies, key: str) -> str:
    settings = found.right[key]
    if not settings.can_call_upstream:
        return "right: exports only"
    if settings.observe:
        return "right: observing only"
    if missing := settings.missing_for_push():
        return f"right, but nothing leaves: {', '.join(missing)} missing"
    return f"right: marked [Ref {settings.ref_prefix}-...]"
