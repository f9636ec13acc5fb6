"""One bad record is one bad record: what fails at it fails at it alone, whatever the error.

Readers say BadRecord where they know what is wrong. Any other error is a fault of lapor-sync; it is logged as one, and
costs that record only: it goes to quarantine, and the rest goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from lapor_sync.domain.errors import BadRecord, LaporSyncError
from lapor_sync.mirror.mirror import Log, Mirror
from lapor_sync.store import quarantine
from lapor_sync.store.database import Work, is_about_what_was_given

_T = TypeVar("_T")
_R = TypeVar("_R")


def read_apart(log: Log, report_id: str, read: Callable[[], _T]) -> Callable[[], _T]:
    """`read`, but that it raises BadRecord for what nobody foresaw in the record that it reads."""

    def reading() -> _T:
        try:
            return read()
        except LaporSyncError:
            raise
        except Exception as exc:
            log.error("record_failed", report_id=report_id, exc_info=exc)
            raise BadRecord(why(exc), key=report_id, raw="{}", report_id=report_id) from exc

    return reading


def together_or_alone(
    work: Work,
    parts: Sequence[_T],
    do: Callable[[Sequence[_T]], list[_R]],
    set_apart: Callable[[_T, Exception], None],
) -> list[_R]:
    """What `do` brings for all `parts` at once; where that fails, for all but those at which it fails alone.

    `set_apart` is called for each of these. What such a part had written is undone. An error of the database itself is
    raised: it says nothing of any part.
    """
    try:
        with work.attempt():
            return do(parts)
    except Exception as exc:
        if not parts or not is_about_what_was_given(exc):
            raise
        if len(parts) == 1:
            set_apart(parts[0], exc)
            return []
    half = len(parts) // 2
    return [
        result for some in (parts[:half], parts[half:]) for result in together_or_alone(work, some, do, set_apart)
    ]


def quarantine_one(work: Work, mirror: Mirror, source: str, bad: BadRecord, exc: Exception) -> None:
    """Put away a record at which something failed; logged once, however often it fails."""
    if quarantine.put(work, source, bad):
        mirror.log.error("record_failed", source=source, key=bad.key, report_id=bad.report_id, exc_info=exc)


def why(exc: Exception) -> str:
    """The reason in quarantine: no message, for it may repeat a citizen's words."""
    return f"lapor-sync fails at it ({type(exc).__name__}); the log tells where (record_failed)"
