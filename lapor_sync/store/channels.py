"""Where people are told things: an address each, which they proved to be theirs, and what they want to hear there."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, insert, select, update

from lapor_sync.domain.notices import EMAIL, NoticeKind, NoticeState, Reader
from lapor_sync.domain.people import Tenure, posts_held
from lapor_sync.store import people
from lapor_sync.store.database import Work
from lapor_sync.store.schema import channel as table
from lapor_sync.store.schema import notice
from lapor_sync.store.times import from_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One channel of a person; `code_hash` is that of the code which is awaited."""

    id: str
    person_id: str
    kind: str
    address: str
    wants: frozenset[NoticeKind]
    verified_at: datetime | None
    code_hash: str | None
    code_at: datetime | None
    tries: int


def add(work: Work, person_id: str, kind: str, address: str, wants: Iterable[NoticeKind]) -> str:
    """Make a channel that is not proved yet; its number."""
    row = {
        "agency": work.agency,
        "person_id": people.number_of(person_id),
        "kind": kind,
        "address": address,
        "wants": _wants(wants),
        "made_at": work.at,
        "tries": 0,
    }
    return str(work.conn.execute(insert(table).values(row).returning(table.c.id)).scalar_one())


def of_person(work: Work, person_id: str) -> tuple[Channel, ...]:
    """Return a person's channels, the first one first."""
    which = (table.c.agency == work.agency, table.c.person_id == people.number_of(person_id))
    return tuple(_channel(row) for row in work.conn.execute(select(table).where(*which).order_by(table.c.id)))


def get(work: Work, channel_id: str) -> Channel | None:
    """Return the channel of that number."""
    row = work.conn.execute(select(table).where(*_one(work, channel_id))).first()
    return _channel(row) if row else None


def verified_mail(work: Work, person_id: str) -> str | None:
    """Return the e-mail address that the person proved to be theirs; of several the first one."""
    proved = (one.address for one in of_person(work, person_id) if one.kind == EMAIL and one.verified_at)
    return next(proved, None)


def readers(work: Work) -> tuple[Reader, ...]:
    """Return every channel that is proved, with what its person wants to hear and the posts that they hold now."""
    query = (
        select(table).where(table.c.agency == work.agency, table.c.verified_at.is_not(None)).order_by(table.c.id)
    )
    found = [_channel(row) for row in work.conn.execute(query)]
    if not found:
        return ()
    mine: dict[str, list[Tenure]] = {}
    for one in people.tenures(work):
        mine.setdefault(one.person_id, []).append(one)
    return tuple(
        Reader(
            channel=one.id,
            person_id=one.person_id,
            kinds=one.wants,
            posts=posts_held(mine.get(one.person_id, []), work.now),
        )
        for one in found
    )


def put_code(work: Work, channel_id: str, code_hash: str) -> None:
    """Let a new code be awaited."""
    _put(work, channel_id, code_hash=code_hash, code_at=work.at, tries=0)


def count_try(work: Work, channel_id: str) -> None:
    """A wrong code was given."""
    work.conn.execute(update(table).where(*_one(work, channel_id)).values(tries=table.c.tries + 1))


def verify(work: Work, channel_id: str) -> None:
    """The code came back: the address is the person's."""
    _put(work, channel_id, verified_at=work.at, code_hash=None, code_at=None, tries=0)


def put_wants(work: Work, channel_id: str, wants: Iterable[NoticeKind]) -> None:
    """Let these kinds go there."""
    _put(work, channel_id, wants=_wants(wants))


def remove(work: Work, channel_id: str) -> None:
    """Take a channel away, with what still waits for it."""
    work.conn.execute(delete(table).where(*_one(work, channel_id)))
    _drop_waiting(work, [channel_id])


def forget(work: Work, person_id: str) -> int:
    """Take every channel of a person away, with what still waits for them; how many there were.

    What was sent keeps the person's number alone.
    """
    mine = [one.id for one in of_person(work, person_id)]
    work.conn.execute(
        delete(table).where(table.c.agency == work.agency, table.c.person_id == people.number_of(person_id))
    )
    _drop_waiting(work, mine)
    return len(mine)


def _drop_waiting(work: Work, channel_ids: Iterable[str]) -> None:
    which = (notice.c.agency == work.agency, notice.c.channel.in_(list(channel_ids)))
    work.conn.execute(delete(notice).where(*which, notice.c.state == NoticeState.WAITING))


def _put(work: Work, channel_id: str, **values: str | int | None) -> None:
    work.conn.execute(update(table).where(*_one(work, channel_id)).values(values))


def _one(work: Work, channel_id: str) -> tuple[ColumnElement[bool], ...]:
    return (table.c.agency == work.agency, table.c.id == people.number_of(channel_id))


def _wants(kinds: Iterable[NoticeKind]) -> str:
    return json.dumps(sorted(kinds))


def _channel(row: Row[Any]) -> Channel:
    return Channel(
        id=str(row.id),
        person_id=str(row.person_id),
        kind=row.kind,
        address=row.address,
        wants=frozenset(map(NoticeKind, json.loads(row.wants))),
        verified_at=from_text(row.verified_at),
        code_hash=row.code_hash,
        code_at=from_text(row.code_at),
        tries=row.tries,
    )
