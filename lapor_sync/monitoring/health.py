"""Whether the mirror can be relied on now. One answer for `/readyz` of both processes and for `status --ready`."""

from __future__ import annotations

from datetime import datetime, timedelta

from lapor_sync.domain.errors import StoreError
from lapor_sync.domain.stamps import stamp
from lapor_sync.domain.waits import stale_after
from lapor_sync.store import marks
from lapor_sync.store.database import Store
from lapor_sync.store.marks import Mark

NO_DATABASE = "the database does not answer"
NEVER = "no cycle went through yet"


def not_ready(store: Store, poll_seconds: float) -> str | None:
    """Return why the mirror cannot be relied on; None where its last success is young enough."""
    try:
        with store.reading() as work:
            last, now = marks.get_time(work, Mark.LAST_SUCCESS), work.now
    except StoreError:
        return NO_DATABASE
    return not_fresh(last, now, poll_seconds)


def not_fresh(last_success: datetime | None, now: datetime, poll_seconds: float) -> str | None:
    """Return why a mirror of that last success is not fresh, None where it is."""
    if last_success is None:
        return NEVER
    if now - last_success > timedelta(seconds=stale_after(poll_seconds)):
        return f"the last cycle that went through ended at {stamp(last_success)}"
    return None
