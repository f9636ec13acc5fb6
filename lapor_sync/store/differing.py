"""Which reports a plan speaks of: those with an open delivery, and those whose sides are not all equal."""

from __future__ import annotations

from sqlalchemy import and_, or_, select

from lapor_sync.domain.delivery import BLOCKING
from lapor_sync.store.database import Work
from lapor_sync.store.schema import delivery
from lapor_sync.store.schema import report as table


def with_open_delivery(work: Work) -> list[str]:
    """Reports with a delivery that is queued, sending, unknown or held; by the index of those."""
    query = select(delivery.c.tracking_id).where(
        delivery.c.agency == work.agency, delivery.c.state.in_(sorted(BLOCKING))
    )
    return sorted(set(work.conn.execute(query).scalars()))


def not_agreed(work: Work) -> list[str]:
    """Reports whose colour, or absence, is not what was agreed. One without a colour takes no decision."""
    moved = table.c.agreed.is_distinct_from(table.c.colour)
    gone = and_(table.c.vanished_at.is_not(None), table.c.agreed.is_not(None))
    query = select(table.c.tracking_id).where(
        table.c.agency == work.agency, table.c.colour.is_not(None), or_(moved, gone)
    )
    return sorted(work.conn.execute(query).scalars())
