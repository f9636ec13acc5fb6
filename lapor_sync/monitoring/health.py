"""Whether the mirror can be relied on now. One answer for `/readyz` of each process and for `status --ready`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from lapor_sync.domain.colour import City
from lapor_sync.domain.errors import StoreError
from lapor_sync.domain.stamps import stamp
from lapor_sync.domain.waits import stale_after
from lapor_sync.store import marks
from lapor_sync.store.database import Store
from lapor_sync.store.marks import Mark

NO_DATABASE = "the database does not answer"
NEVER = "no cycle went through yet"
NO_AGENCY = "no agency's file is right"


class Polled(NamedTuple):
    """An agency's mirror, how often it is polled, and which institutions are its own."""

    store: Store
    poll_seconds: float
    city: City


def none_ready(agencies: Iterable[Polled]) -> str | None:
    """Return why none of these mirrors can be relied on; None where one can: what one agency suffers is no worker's."""
    reasons = []
    for one in agencies:
        reason = not_ready(one.store, one.poll_seconds)
        if reason is None:
            return None
        reasons.append(reason)
    return reasons[0] if reasons else NO_AGENCY


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
