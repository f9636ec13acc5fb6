"""What a request must not wait for: done one after another, in a thread of its own."""

from __future__ import annotations

from collections.abc import Callable
from queue import Full, Queue
from threading import Lock, Thread

from lapor_sync.domain.errors import NoticeError
from lapor_sync.mirror.mirror import Log

MOST = 100
"""So many of a city wait at most: more come only from somebody who means no good."""


class Errands:
    """Calls what it is given, after who gave it went on; `most` may wait. Nothing of it outlives the process."""

    def __init__(self, log: Log, most: int = MOST) -> None:
        self._log = log
        self._waiting: Queue[Callable[[], object]] = Queue(most)
        self._lock, self._is_begun = Lock(), False

    def __call__(self, errand: Callable[[], object]) -> None:
        """Have it called."""
        try:
            self._waiting.put_nowait(errand)
        except Full:
            self._log.warning("board_errand_failed", what="too many errands wait", reason="full")
            return
        with self._lock:
            if not self._is_begun:
                Thread(target=self._run, name="errands", daemon=True).start()
                self._is_begun = True

    def _run(self) -> None:
        while True:
            self._do(self._waiting.get())
            self._waiting.task_done()

    def _do(self, errand: Callable[[], object]) -> None:
        """The edge of the thread: one that fails ends no other."""
        try:
            errand()
        except NoticeError as error:
            self._log.warning("board_errand_failed", what=error.what, todo=error.todo, reason=error.reason)
        except Exception as error:  # noqa: BLE001 - the edge of the thread
            self._log.error("board_errand_failed", exc_info=error)

    def wait(self) -> None:
        """Return once everything that was given until now is done."""
        self._waiting.join()
