"""Small facts that outlive a process: the cursor, when the last sweep was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import Insert, Select, bindparam, delete, select

from lapor_sync.store.bulk import among, ask, insert_many, replacing
from lapor_sync.store.database import Work, damaged_row
from lapor_sync.store.schema import mark
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
    LIST_FAILS = "list_fails_since"  # the list alone cannot be read, since then: new reports are not seen
    EXPORTED = "exported_at"  # how old the newest export is that was taken: when it was made
    CANARY = "canary"  # after an outage one delivery goes first: its reference, empty before it leaves
    DAILY = "daily_at"  # last time that old payloads were dropped and master lists read
    RULES = "rules"  # fingerprint of the rules by which everything was judged
    BODY = "body"  # which PostgreSQL database this is: a copy that pg_restore made is another one
    COPY = "copy"  # this is a copy that `backup` made, and nothing went on from it yet
    PAUSED = "paused"  # a person, or a restore, paused delivery: see pauses.py
    CUT = "cut"  # how many accepted responses in a row came back cut or empty
    WHOLE = "whole"  # a response with an emoji was seen whole: LAPOR keeps such letters
    WAKE = "wake"  # when a person last let something go now: the daemon sleeps on no longer
    NOTICED = "noticed"  # the last audit row from which notices were made
    DIGESTED = "digested"  # the day of the last digest
    TROUBLES = "troubles"  # JSON: what admins were told of and is not over, each with when that was
    BACKED_UP = "backed_up_at"  # when `backup` last made a copy of this database
    ACCESS = "access"  # JSON: clock and credentials of the way to LAPOR; see access.py
    CONTRACT = "contract"  # JSON: the fields, forms and codes of LAPOR's answers; see contract.py
    CONTRACT_AT = "contract_at"  # when these were last looked at
    CONTRACT_CHANGED = "contract_changed"  # JSON: what changed at the last look that found a change
    MAY_VANISH = "may_vanish"  # a person accepted that many reports are marked vanished


@dataclass(frozen=True, slots=True)
class Marks:
    """Some facts as one statement found them; None for what was never set. Only what was asked for can be had."""

    values: Mapping[Mark, str | None]

    def text(self, name: Mark) -> str | None:
        """A fact's value."""
        return self.values[name]

    def time(self, name: Mark) -> datetime | None:
        """A fact that is a time. Raises StoreDamaged where somebody made another thing of it."""
        try:
            return from_text(self.values[name])
        except (ValueError, TypeError) as exc:
            raise damaged_row("The mark", name) from exc


def some(work: Work, *names: Mark) -> Marks:
    """These facts, all at once."""
    found = {
        row.name: row.value for row in ask(work.conn, _query(work.conn.dialect.name), work.agency, map(str, names))
    }
    return Marks({name: found.get(name) for name in names})


def get(work: Work, name: Mark) -> str | None:
    """A fact's value, None where it was never set."""
    return some(work, name).text(name)


@cache
def _query(dialect: str) -> Select[Any]:
    return select(mark.c.name, mark.c.value).where(
        mark.c.agency == bindparam("agency"), among(mark.c.name, dialect)
    )


def get_time(work: Work, name: Mark) -> datetime | None:
    """A fact that is a time."""
    return some(work, name).time(name)


def put(work: Work, name: Mark, value: str) -> None:
    """Set a fact."""
    insert_many(
        work.conn,
        _put(work.conn.dialect.name),
        [{"agency": work.agency, "name": str(name), "value": value}],
    )


@cache
def _put(dialect: str) -> Insert:
    return replacing(mark, dialect)


def put_time(work: Work, name: Mark, value: datetime) -> None:
    """Set a fact that is a time."""
    put(work, name, to_text(value))


def put_now(work: Work, name: Mark) -> None:
    """Set a fact to the time of this transaction."""
    put(work, name, work.at)


def clear(work: Work, name: Mark) -> None:
    """Forget a fact."""
    work.conn.execute(_FORGET, {"agency": work.agency, "name": name})


_FORGET = delete(mark).where(mark.c.agency == bindparam("agency"), mark.c.name == bindparam("name"))
