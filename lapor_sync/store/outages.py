"""Outages: times in which LAPOR did not answer as it should."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, insert, or_, select, update

from lapor_sync.domain.errors import Denied
from lapor_sync.store.database import Work
from lapor_sync.store.schema import outage
from lapor_sync.store.times import from_text, to_text


@dataclass(frozen=True, kw_only=True, slots=True)
class Outage:
    """A time in which upstream did not answer as it should; `until` None while it lasts."""

    since: datetime
    until: datetime | None
    what: str

    @property
    def is_denied(self) -> bool:
        """Whether upstream answers, and refuses the credentials."""
        return self.what == Denied.__name__


def current(work: Work) -> Outage | None:
    """The outage that lasts now."""
    row = work.conn.execute(_CURRENT, {"agency": work.agency}).first()
    return Outage(since=from_text(row.since), until=None, what=row.what) if row else None


_CURRENT = select(outage).where(outage.c.agency == bindparam("agency"), outage.c.until.is_(None))


def begin(work: Work, since: datetime, what: str) -> None:
    """Upstream is away since then; `what` failed (a code, no text of upstream's)."""
    work.conn.execute(insert(outage).values(agency=work.agency, since=to_text(since), until=None, what=what))
    work.note("outage_began", "upstream", since=since, failed=what)


def end(work: Work) -> None:
    """Upstream answers again."""
    where = (outage.c.agency == work.agency, outage.c.until.is_(None))
    work.conn.execute(update(outage).where(*where).values(until=work.at))
    work.note("outage_ended", "upstream")


def between(work: Work, since: datetime, until: datetime) -> tuple[Outage, ...]:
    """The outages that touch a span of time, oldest first."""
    span = {"agency": work.agency, "first": to_text(since), "last": to_text(until)}
    return tuple(
        Outage(since=from_text(row.since), until=from_text(row.until), what=row.what)
        for row in work.conn.execute(_BETWEEN, span)
    )


_BETWEEN = (
    select(outage)
    .where(outage.c.agency == bindparam("agency"), outage.c.since <= bindparam("last"))
    .where(or_(outage.c.until.is_(None), outage.c.until >= bindparam("first")))
    .order_by(outage.c.since)
)
