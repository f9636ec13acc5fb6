"""The command of the audit log: prove it, or export it."""

from __future__ import annotations

import os
import re
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from contextlib import closing, suppress
from multiprocessing import get_context

import click

from lapor_sync.clock import SystemClock
from lapor_sync.commands.base import Call
from lapor_sync.config import Settings
from lapor_sync.domain.errors import LaporSyncError
from lapor_sync.output import say, say_json_lines
from lapor_sync.store import audit as chain
from lapor_sync.store.database import Store, open_store


@click.group()
def audit() -> None:
    """The audit log: prove it, or export it."""


@audit.command("verify")
@click.option("--head", metavar="HASH", help="A head that the journal or a backup names.")
@click.pass_obj
def audit_verify(call: Call, head: str | None) -> None:
    """Walk the whole chain; with --head, that hash must be in it."""
    wanted = head.strip().lower() if head is not None else None
    if wanted is not None and not re.fullmatch("[0-9a-f]{64}", wanted):
        raise click.UsageError("--head must be 64 of 0-9 and a-f, as `lapor-sync status` and the journal show it.")
    with call.store() as store:
        found = _verified_by_two(call, store)
        with store.reading() as work:
            if found is None:
                found = chain.verify(work.conn, work.agency)
            chain.prove(work.conn, work.agency, wanted, found)
    say(f"ok {found.count} rows, head {found.hash}")
    if head is None:
        say("Without --head a cut tail or a full rewrite cannot be seen: heads are in the journal.", err=True)


FOR_TWO = 100_000
"""Rows of a chain from which on a second process is worth its start."""


def _verified_by_two(call: Call, store: Store) -> chain.Head | None:
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
        first = pool.submit(_walked, call.settings(), chain.START, middle.count)
        second = pool.submit(_walked, call.settings(), middle, None)
        return second.result() if first.result() == middle else None
    return None


def _walked(settings: Settings, after: chain.Head, until: int | None) -> chain.Head | None:
    """Return the head of that part of the chain in a process of its own; None where it does not hold."""
    with suppress(LaporSyncError):
        store = open_store(settings.database_url, settings.agency, SystemClock(), anew=False)
        with closing(store), store.reading() as work:
            return chain.walk(work.conn, work.agency, after, until)
    return None


@audit.command("export")
@click.pass_obj
def audit_export(call: Call) -> None:
    """Every row as JSON, one a line."""
    with call.looking() as work, closing(chain.rows(work.conn, work.agency)) as rows:
        say_json_lines(rows)
