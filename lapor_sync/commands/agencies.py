"""The commands over many agencies: what each is like, and whether their files are right."""

from __future__ import annotations

import os
from collections.abc import Iterator

import click

from lapor_sync import interface, screens
from lapor_sync.clock import SystemClock
from lapor_sync.commands.base import Call, as_json
from lapor_sync.config import Agencies, load_machine
from lapor_sync.interface import Json
from lapor_sync.output import plain, say, say_json_lines
from lapor_sync.store import lock, overview, work_queue
from lapor_sync.store.database import Store, open_store


@click.group(invoke_without_command=True)
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
    ok = True
    for key in found.keys:
        if problems := problems_of(found, key):
            ok = False
            for problem in problems:
                say(f"{plain(key)}  wrong: {problem}")
        else:
            say(f"{plain(key)}  {_can_do(found, key)}")
    if not found.keys:
        say("There is no agency: put a file KEY.toml for each into AGENCIES_DIR.")
    click.get_current_context().exit(0 if ok and found.keys else 2)


def problems_of(found: Agencies, key: str) -> tuple[str, ...]:
    """Return what keeps an agency from being worked: what is wrong with its file, or missing in it."""
    if (wrong := found.wrong.get(key)) is not None:
        return wrong.problems
    settings = found.right[key]
    if settings.can_call_upstream or settings.import_dir is not None:
        return ()
    missing = ", ".join(name.removeprefix("LAPOR_SYNC_") for name in settings.missing_for_upstream())
    return (f"{missing} missing; set them in its file, or IMPORT_DIR for exports without an API account",)


def _can_do(found: Agencies, key: str) -> str:
    settings = found.right[key]
    if not settings.can_call_upstream:
        return "right: exports only"
    if settings.observe:
        return "right: observing only"
    if missing := settings.missing_for_push():
        return f"right, but nothing leaves: {', '.join(missing)} missing"
    return f"right: marked [Ref {settings.ref_prefix}-...]"


def show_all(call: Call, *, as_json: bool) -> None:
    """Show every agency, or say it as JSON."""
    found = call.agencies()
    told = list(_told(found))
    if as_json:
        say_json_lines(told)
        return

    screens.agencies(told, load_machine(call.config, os.environ).timezone)


def _told(found: Agencies) -> Iterator[Json]:
    """Yield each agency as JSON. What cannot be looked at, since its file is wrong, is told with what is wrong."""
    if not found.right:
        yield from (interface.agency(key, wrong=problems_of(found, key)) for key in found.keys)
        return
    first = next(iter(found.right.values()))
    opened = open_store(first.database_url, first.agency, SystemClock(), anew=False)
    try:
        queued = work_queue.look(opened.engine)
        for key in found.keys:
            with Store(opened.engine, key, opened.clock).reading() as work:
                whole, late = overview.overview(work), overview.count_overdue(work)
            yield interface.agency(
                key,
                whole=whole,
                late=late,
                queue=queued.get(key),
                worker=lock.holder(opened.engine, key),
                wrong=problems_of(found, key),
            )
    finally:
        opened.close()
