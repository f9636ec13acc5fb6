"""Small facts that outlive a process (the cursor, when the last sweep was) and the outages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import delete, insert, or_, select, update

from lapor_sync.store.database import Work
from lapor_sync.store.schema import mark, outage
from lapor_sync.store.times import from_text, to_text


class Mark(StrEnum):
    """The facts that are kept."""

    CURSOR = "cursor"  # everything updated before it is mirrored; upstream's time
    LISTING_SECONDS = "listing_seconds"  # how long the last listing took
    LAST_SUCCESS = "last_success_at"  # end of the last cycle, or whole backfill, that went through
    ANSWERED = "answered_at"  # end of the last cycle or backfill for which LAPOR was called, and answered
    SWEPT = "swept_at"  # last nightly sweep
    LISTED_ALL = "listed_all_at"  # last complete unfiltered listing
    NO_LIST = "no_list"  # no list tells what changed (404, or no API account): reports are read by id
    CANARY = "canary"  # after an outage one delivery goes first: its reference, empty before it leaves
    DAILY = "daily_at"  # last time that old payloads were dropped and master lists read
    RULES = "rules"  # fingerprint of the rules by which everything was judged
    BODY = "body"  # which PostgreSQL database this is: a copy that pg_restore made is another one
    PAUSED = "paused"  # a person, or a restore, paused delivery: see pauses.py
    CUT = "cut"  # how many accepted responses in a row came back cut or empty
    WAKE = "wake"  # when a person last let something go now: the daemon sleeps on no longer
    MAY_VANISH = "may_vanish"  # a person accepted that many reports are marked vanished


def get(work: Work, name: Mark) -> str | None:
    """A fact's value, None where it was never set."""
    found: str | None = work.conn.execute(
        select(mark.c.value).where(mark.c.agency == work.agency, mark.c.name == name)
    ).scalar()
    return found


def get_time(work: Work, name: Mark) -> datetime | None:
    """A fact that is a time."""
    return from_text(get(work, name))


def put(work: Work, name: Mark, value: str) -> None:
    """Set a fact."""
    clear(work, name)
    work.conn.execute(insert(mark).values(agency=work.agency, name=name, value=value))


def put_time(work: Work, name: Mark, value: datetime) -> None:
    """Set a fact that is a time."""
    put(work, name, to_text(value))


def put_now(work: Work, name: Mark) -> None:
    """Set a fact to the time of this transaction."""
    put(work, name, work.at)


def clear(work: Work, name: Mark) -> None:
    """Forget a fact."""
    work.conn.execute(delete(mark).where(mark.c.agency == work.agency, mark.c.name == name))


@dataclass(frozen=True, kw_only=True, slots=True)
class Outage:
    """A time in which upstream did not answer as it should; `until` None while it lasts."""

    since: datetime
    until: datetime | None
    what: str


_FAILED = {
    "Unreachable": "it gave no answer",
    "UpstreamBroken": "it answered, but not as its API does",
    "Denied": "it refused the credentials",
    "Missing": "it did not know a path",
    "RateLimited": "it asked for fewer calls",
}


def outage_words(what: str) -> str:
    """What failed, in words."""
    return _FAILED.get(what, what)


def current_outage(work: Work) -> Outage | None:
    """The outage that lasts now."""
    query = select(outage).where(outage.c.agency == work.agency, outage.c.until.is_(None))
    row = work.conn.execute(query).first()
    return Outage(since=from_text(row.since), until=None, what=row.what) if row else None


def begin_outage(work: Work, since: datetime, what: str) -> None:
    """Upstream is away since then; `what` failed (a code, no text of upstream's)."""
    work.conn.execute(insert(outage).values(agency=work.agency, since=to_text(since), until=None, what=what))
    work.note("outage_began", "upstream", since=since, failed=what)


def end_outage(work: Work) -> None:
    """Upstream answers again."""
    where = (outage.c.agency == work.agency, outage.c.until.is_(None))
    work.conn.execute(update(outage).where(*where).values(until=work.at))
    work.note("outage_ended", "upstream")


def outages_between(work: Work, since: datetime, until: datetime) -> tuple[Outage, ...]:
    """The outages that touch a span of time, oldest first."""
    query = (
        select(outage)
        .where(
            outage.c.agency == work.agency,
            outage.c.since <= to_text(until),
            or_(outage.c.until.is_(None), outage.c.until >= to_text(since)),
        )
        .order_by(outage.c.since)
    )
    return tuple(
        Outage(since=from_text(row.since), until=from_text(row.until), what=row.what)
        for row in work.conn.execute(query)
    )
