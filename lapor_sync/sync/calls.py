"""Reading reports by id, many at a time, and telling an outage from a single failure."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import TypeVar

from lapor_sync.domain.errors import (
    BadRecord,
    Denied,
    Missing,
    NotNow,
    RateLimited,
    TimedOut,
    TooLarge,
    TooMuch,
    Unreachable,
    UpstreamError,
)
from lapor_sync.domain.report import Detail, Thread

_T = TypeVar("_T")
_R = TypeVar("_R")

OUTAGE_AFTER = 3
"""So many failed calls in a row are an outage (rules, "Order and waiting")."""


@dataclass
class Health:
    """Counts failed calls in a row over all threads; any answer starts anew.

    A call that was answered with "no such report" or "no" is an answer. `probe` is a call about no single report:
    an upstream that answers it is there, however many reports in a row cannot be read. `witness` reads the thread of
    some report that could be read before, and returns whether it still can.
    """

    probe: Callable[[], object] | None = None
    witness: Callable[[], bool] | None = None
    failed: int = 0
    last: UpstreamError | None = None
    _outage: UpstreamError | None = None
    _is_let_in: bool = False
    _reads_threads: bool | None = None
    _turn: threading.RLock = field(default_factory=threading.RLock)

    def note(self, error: UpstreamError | None) -> None:
        """One call ended."""
        answered = error is None or isinstance(error, Missing | NotNow)
        with self._turn:
            self.failed = 0 if answered else self.failed + 1
            self.last = None if answered else error

    def note_thread(self) -> None:
        """The thread of some report was read."""
        self._reads_threads = True

    def blames_report(self, error: UpstreamError) -> bool:
        """Return whether the failure to read a thread is its report's own, and not LAPOR's as a whole.

        It is where the error says so, or where another thread could be read in the same cycle. The witness is asked
        at most once, and not where an error says nothing of LAPOR's answers, or took all the time of a call.
        """
        if error.lasts:
            return True
        if isinstance(error, NotNow | RateLimited | TimedOut) or (
            isinstance(error, Unreachable) and not error.sent
        ):
            return False
        with self._turn:
            if self._reads_threads is None and self.witness is not None and not self.is_outage:
                self._reads_threads = self.witness()
            return bool(self._reads_threads)

    def let_go_on(self, probe: Callable[[], object]) -> None:
        """What failed until now is no outage; from now on that is the probe."""
        with self._turn:
            self.failed, self.last, self._outage, self.probe = 0, None, None, probe

    @property
    def is_outage(self) -> bool:
        """Three in a row, or the credentials are refused, and the probe fails too: no further call."""
        with self._turn:
            if self._outage is None and self._is_suspicious:
                self._outage = self._probed()
            return self._outage is not None

    @property
    def _is_suspicious(self) -> bool:
        denied = isinstance(self.last, Denied) and not self._is_let_in
        return self.failed >= OUTAGE_AFTER or denied

    def _probed(self) -> UpstreamError | None:
        """The error that makes it an outage; None where the probe is answered."""
        try:
            if self.probe is None:
                return self.last
            self.probe()
        except (Missing, TooMuch):
            pass
        except UpstreamError as error:
            return error
        self.failed, self._is_let_in = 0, True
        return None

    def raise_if_outage(self) -> None:
        """Raises the last error in an outage."""
        if self.is_outage and self._outage is not None:
            raise self._outage


@dataclass(frozen=True, kw_only=True, slots=True)
class ById:
    """What reading one report by id brought. `error`: the first call that failed; `bad`: could not be read.

    `thread_error`: the call that did not bring the thread of a report that is there, and what it brought; None where
    it did, or where LAPOR brings no other's thread either. `asked` is false where no call was made: in an outage, or
    when asked to stop. `is_unnamed`: as `merge.Read` has it.
    """

    detail: Detail | None = None
    thread: Thread | None = None
    error: UpstreamError | None = None
    bad: BadRecord | None = None
    thread_error: str | None = None
    asked_detail: bool = False
    is_unnamed: bool = False
    asked: bool = True

    @property
    def ails(self) -> str | None:
        """What went wrong where that took all the time of a call, or brought too much: it may do so each time."""
        if isinstance(self.bad, TooLarge):
            return self.bad.reason
        return self.error.what if isinstance(self.error, TimedOut) else None

    @property
    def is_missing(self) -> bool:
        """404 or 410 for the report itself."""
        return isinstance(self.error, Missing) and self.asked_detail and self.detail is None


NOT_ASKED = ById(asked=False)
PUT_OFF = ById(error=NotNow("it ails, and is read apart from the others"))


def by_id(
    health: Health,
    detail: Callable[[], Detail] | None,
    thread: Callable[[], Thread] | None,
) -> ById:
    """Make the calls that are asked for, in order; the second only if the first went well."""
    found: Detail | None = None
    talk: Thread | None = None
    try:
        found = _noted(health, detail) if detail else None
        talk = _noted(health, thread) if thread else None
    except BadRecord as bad:
        return ById(bad=bad)
    except UpstreamError as error:
        is_there = thread is not None and (detail is None or found is not None)
        thread_error = error.what if is_there and health.blames_report(error) else None
        return ById(detail=found, error=error, thread_error=thread_error, asked_detail=detail is not None)
    if talk is not None:
        health.note_thread()
    return ById(detail=found, thread=talk)


def _noted(health: Health, call: Callable[[], _T]) -> _T:
    try:
        result = call()
    except UpstreamError as error:
        health.note(error)
        raise
    except BadRecord:
        health.note(None)  # an answer, though one that cannot be read
        raise
    health.note(None)
    return result


def each(pool: ThreadPoolExecutor, work: Callable[[_T], _R], items: Iterable[_T]) -> Iterator[list[tuple[_T, _R]]]:
    """Begin to do `work` on every item in the pool; yields what is done, as much at a time as is there."""
    return _as_done({pool.submit(work, item): item for item in items})


def _as_done(running: dict[Future[_R], _T]) -> Iterator[list[tuple[_T, _R]]]:
    try:
        while running:
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            yield [(running.pop(one), one.result()) for one in done]
    finally:
        for one in running:
            one.cancel()
