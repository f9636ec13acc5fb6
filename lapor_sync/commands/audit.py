"""The command of the audit log: prove it, or export it."""

from __future__ import annotations

import os
import re
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from contextlib import closing, suppress
from multiprocessing import get_context

import click

from lapor_sync.clock import SystemClock
from lapor_sync.commands.base import Acts, Call
from lapor_sync.domain.errors import LaporSyncError
from lapor_sync.output import say, say_json_lines
from lapor_sync.store import audit as chain
from lapor_sync.store.database import Store, open_store


def _a_head(_ctx: click.Context, _param: click.Parameter, given: str | None) -> str | None:
    head = given.strip().lower() if given is not None else None
    if head is not None and not re.fullmatch("[0-9a-f]{64}", head):
        raise click.UsageError("--head must be 64 of 0-9 and a-f, as `lapor-sync status` and the journal show it.")
    return head


head_to_find = click.option(
    "--head", metavar="HASH", callback=_a_head, help="A head that the journal or a backup names."
)


@click.group(cls=Acts)
def audit() -> None:
    """The audit log: prove it, or export it."""


@audit.command("verify")
@head_to_find
@click.pass_obj
def audit_verify(call: Call, head: str | None) -> None:
    """Walk the whole chain; with --head, that hash must be in it."""
    with call.store() as store:
        prove(store, head)


def prove(store: Store, head: str | None) -> None:
    """Walk the whole chain of an agency and say its head; `head`, if given, must be in it. Raises AuditBroken."""
    found = _verified_by_two(store)
    with store.reading() as work:
        if found is None:
            found = chain.verify(work.conn, work.agency)
        chain.prove(work.conn, work.agency, head, found)
    say(f"ok {found.count} rows, head {found.hash}")
    if head is None:
        say("Without --head a cut tail or a full rewrite cannot be seen: heads are in the journal.", err=True)


FOR_TWO = 100_000
"""Rows of a chain from which on a second process is worth its start."""


def _verified_by_two(store: Store) -> chain.Head | None:
    """Return the chain's head, proven by two processes, half of it each; None where one has to walk over all of it.

    That one says what is wrong, and where, if anything is.
    """
    try:
        with store.reading() as work:
            middle = chain.middle(work.conn, work.agency)
    except LaporSyncError:
        return None
    if middle.count < FOR_TWO // 2 or len(os.sched_getaffinity(0)) < 2:
        return None
    store.engine.dispose()  # no connection is carried over into another process
    with suppress(BrokenExecutor), ProcessPoolExecutor(2, get_context("fork")) as pool:
        whose = (store.engine.url.render_as_string(hide_password=False), store.agency)
        first = pool.submit(_walked, *whose, chain.START, middle.count)
        second = pool.submit(_walked, *whose, middle, None)
        return second.result() if first.result() == middle else None
    return None


def _walked(url: str, agency: str, after: chain.Head, until: int | None) -> chain.Head | None:
    """Return the head of that part of the chain in a process of its own; None where it does not hold."""
    with suppress(LaporSyncError):
        store = open_store(url, agency, SystemClock(), anew=False)
        with closing(store), store.reading() as work:
            return chain.walk(work.conn, work.agency, after, until)
    return None


@audit.command("export")
@click.pass_obj
def audit_export(call: Call) -> None:
    """Every row as JSON, one a line."""
    with call.looking() as work, closing(chain.rows(work.conn, work.agency)) as rows:
        say_json_lines(rows)
