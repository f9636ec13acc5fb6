"""Which reports a plan speaks of: those with an open delivery, and those whose sides are not all equal."""

from __future__ import annotations

from sqlalchemy import select

from lapor_sync.store.database import Work
from lapor_sync.store.schema import NOT_AGREED, WAITING, delivery
from lapor_sync.store.schema import report as table


def with_open_delivery(work: Work) -> list[str]:
    """Reports with a delivery that is queued, sending, unknown or held; by the index of those."""
    query = select(delivery.c.tracking_id).where(delivery.c.agency == work.agency, WAITING).distinct()
    return sorted(work.conn.execute(query).scalars())


def not_agreed(work: Work) -> list[str]:
    """Reports whose colour, or absence, is not what was agreed. One without a colour takes no decision."""
    query = select(table.c.tracking_id).where(table.c.agency == work.agency, NOT_AGREED)
    return sorted(work.conn.execute(query).scalars())
