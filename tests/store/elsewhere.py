"""What other processes of this program do to the same database. They are forked from one that has loaded the program:
loading it takes each new one a second of a processor.

Each says through its pipe how far it is, and goes on when it hears something there, or nobody is there any more.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from typing import Any
from unittest.mock import patch

from alembic import op

from lapor_sync.clock import SystemClock
from lapor_sync.domain.refusals import Refused
from lapor_sync.office import people
from lapor_sync.store import lock, migrations
from lapor_sync.store.database import make_engine, open_store

_PATIENCE = 60
"""Seconds: what hangs, fails."""

_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload([__name__, migrations.__name__])


@contextmanager
def process(work: Callable[..., None], *args: Any) -> Iterator[tuple[ForkServerProcess, Connection]]:
    """One that does this work, and its pipe; gone at the end of the block whatever happened in it."""
    here, there = _forks.Pipe()
    with here, there:
        started = _forks.Process(target=work, args=(there, *args))
        started.start()
        there.close()
        try:
            yield started, here
        finally:
            started.kill()
            started.join()


def together(work: Callable[..., None], *each: Sequence[Any]) -> list[Any]:
    """Let so many begin that work at once, each with what is its; what each said in the end. All have ended well."""
    with ExitStack() as stack:
        them = [stack.enter_context(process(work, *its)) for its in each]
        for _, pipe in them:
            pipe.send("begin")
        for one, _ in them:
            one.join(_PATIENCE)
        assert [one.exitcode for one, _ in them] == [0] * len(them)
        return [pipe.recv() for _, pipe in them]


def hold(pipe: Connection, url: str) -> None:
    """Hold the database."""
    with lock.working(make_engine(url), "kota", "daemon"):
        pipe.send("held")
        pipe.poll(None)


def hold_and_claim(pipe: Connection, url: str) -> None:
    """Hold it, and have proven so in it."""
    store = open_store(url, "kota", SystemClock())
    with lock.working(store.engine, store.agency, "daemon") as holding:
        with store.work() as work:
            holding.claim(work)
        pipe.send("held")
        pipe.poll(None)


def open_it(pipe: Connection, url: str) -> None:
    """Open it, and make its tables where there are none."""
    pipe.recv()
    open_store(url, "kota", SystemClock()).close()
    pipe.send("opened")


def append(pipe: Connection, url: str) -> None:
    """Write fifty audit rows in twenty-five transactions."""
    store = open_store(url, "kota", SystemClock())
    pipe.recv()
    for n in range(25):
        with store.work() as work:
            work.note("colour", str(n))
            work.note("colour", str(n))
    store.close()
    pipe.send("written")


def accept(pipe: Connection, url: str, token: str, password: str) -> None:
    """Accept an invitation; says what came of it."""
    store = open_store(url, "kota", SystemClock())
    pipe.recv()
    try:
        people.accept(store, token, password)
        pipe.send("taken")
    except Refused as refused:
        pipe.send(str(refused.code))


def die_upgrading(pipe: Connection, url: str, at: str) -> None:
    """Bring the schema up, and be killed right after that index was made."""
    real = op.create_index

    def create(name: str, *args: Any, **kwargs: Any) -> None:
        real(name, *args, **kwargs)
        if name == at:
            os.kill(os.getpid(), signal.SIGKILL)

    with patch.object(op, "create_index", create):
        open_store(url, "kota", SystemClock())
