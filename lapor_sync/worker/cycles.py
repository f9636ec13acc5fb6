"""One cycle of one agency, as a job; what it is worked with is kept for the next one."""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field

from sqlalchemy import Engine

from lapor_sync.app import App
from lapor_sync.clock import SystemClock
from lapor_sync.config import Settings
from lapor_sync.daemon import Stopping, backoff
from lapor_sync.domain.errors import LaporSyncError, LockHeld, UpstreamError
from lapor_sync.mirror.mirror import Log
from lapor_sync.monitoring.watch import NOBODY, Watch
from lapor_sync.store import work_queue
from lapor_sync.store.database import Store
from lapor_sync.store.gateway import GatewayLine, address_of
from lapor_sync.sync.cycle import CycleResult
from lapor_sync.worker.roster import EnrollingRoster

BUSY_SECONDS = 2.0
"""How long an agency is left alone that somebody else works: its daemon, a backfill, a worker that was frozen."""


@dataclass
class _Kept:
    """An agency's part that outlives a cycle: connections to LAPOR, with their TLS. `turn` is its one cycle's.

    `is_first`: it asks LAPOR only when nobody else wants to.
    """

    settings: Settings
    is_first: bool
    cycle: Callable[[], CycleResult]
    stack: ExitStack
    turn: threading.Lock = field(default_factory=threading.Lock)


@dataclass
class Cycles:
    """Works for the agencies of a roster, over one engine for all of them."""

    engine: Engine
    roster: EnrollingRoster
    stopping: Stopping
    log: Log
    watch: Watch = NOBODY
    _lines: dict[tuple[str, float, bool], GatewayLine] = field(default_factory=dict)
    _kept: dict[str, _Kept] = field(default_factory=dict)
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def work(self, agency: str, *, is_first: bool) -> None:
        """Work one cycle of an agency and note when the next is due. One whose file is not here is left to others.

        `is_first`: none ever went through, so that all is mirrored: it takes only what others leave of the gateway.
        """
        settings = self.roster.found.right.get(agency)
        if settings is None or self.stopping():
            return
        failures = work_queue.begun(self.engine, agency, f"{self.roster.host} {os.getpid()}")
        try:
            error = self._cycle(settings, is_first)
        except LockHeld as held:
            self.log.info("agency_busy", agency=agency, what=held.what)
            work_queue.ended(self.engine, agency, failures=failures, wait=BUSY_SECONDS, from_begin=False)
            return
        except LaporSyncError as failed:
            self.log.error("agency_failed", agency=agency, what=failed.what, todo=failed.todo)
            error = failed
        except Exception as failed:  # a defect must not end the watch over this agency, nor over the others
            self.log.error("cycle_failed", agency=agency, error=type(failed).__name__, exc_info=failed)
            error = LaporSyncError("")
        if error is None:
            work_queue.ended(self.engine, agency, failures=0, wait=settings.poll_seconds, from_begin=True)
            return
        wait = backoff(settings.poll_seconds, failures + 1, random.random())
        asked = (error.retry_after or 0.0) if isinstance(error, UpstreamError) else 0.0
        work_queue.ended(self.engine, agency, failures=failures + 1, wait=max(wait, asked), from_begin=False)

    def _app(self, settings: Settings, line: GatewayLine | None = None) -> App:
        return App.of(settings, stopping=self.stopping, line=line, watch=self.watch)

    def _cycle(self, settings: Settings, is_first: bool) -> LaporSyncError | None:
        """Raises LockHeld where it is worked already, be it by this very process."""
        with self._turn:
            kept = self._kept_for(settings, is_first)
            if not kept.turn.acquire(blocking=False):
                raise LockHeld("An earlier cycle of this process is not over.")
        try:
            return kept.cycle().error
        finally:
            kept.turn.release()

    def _kept_for(self, settings: Settings, is_first: bool) -> _Kept:
        kept = self._kept.get(settings.agency)
        if kept is not None and ((kept.settings, kept.is_first) == (settings, is_first) or kept.turn.locked()):
            return kept
        if kept is not None:
            kept.stack.close()
            del self._kept[settings.agency]
        stack = ExitStack()
        app = self._app(settings, self._line_of(settings, only_if_idle=is_first))
        store = Store(self.engine, settings.agency, SystemClock())
        made = _Kept(settings, is_first, stack.enter_context(app.cycles(store)), stack)
        self._kept[settings.agency] = made
        return made

    def _line_of(self, settings: Settings, *, only_if_idle: bool) -> GatewayLine | None:
        """The line before this agency's gateway, one for all of its agencies; None where there is no budget."""
        rate, address = settings.gateway_per_second, settings.upstream_url
        if not rate or address is None:
            return None
        key = (address_of(address), rate, only_if_idle)
        if key not in self._lines:
            self._lines[key] = GatewayLine(self.engine, *key[:2], SystemClock(), only_if_idle=only_if_idle)
        return self._lines[key]

    def close(self) -> None:
        """Close all that was kept."""
        with self._turn:
            for kept in self._kept.values():
                kept.stack.close()
            self._kept.clear()
