"""Notices: what is to be told, on which channel, and what became of it. A row holds no name and no text."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, func, insert, select, update

from lapor_sync.domain.notices import Happened, NoticeKind, NoticeState, is_due
from lapor_sync.store import marks
from lapor_sync.store.audit import facts as facts_of
from lapor_sync.store.audit import head
from lapor_sync.store.database import Work
from lapor_sync.store.marks import Mark
from lapor_sync.store.schema import audit, delivery
from lapor_sync.store.schema import notice as table
from lapor_sync.store.times import from_text, to_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One thing that one channel is told. `person_id` None for a technical channel; `why`: a code of what went wrong."""

    id: str
    channel: str
    person_id: str | None
    key: str
    kind: NoticeKind
    facts: Mapping[str, Any]
    made_at: datetime
    state: NoticeState
    tries: int
    next_try_at: datetime | None
    ended_at: datetime | None
    why: str | None


def add(
    work: Work, channel: str, person_id: str | None, kind: NoticeKind, key: str, facts: Mapping[str, Any]
) -> bool:
    """Let a channel be told; False where it was told that, or is to be, already."""
    mine = (table.c.agency == work.agency, table.c.channel == channel, table.c.key == key)
    if work.conn.execute(select(table.c.id).where(*mine)).first() is not None:
        return False
    row = {
        "agency": work.agency,
        "channel": channel,
        "person_id": int(person_id) if person_id is not None else None,
        "key": key,
        "kind": kind,
        "facts": json.dumps(facts, default=_plain),
        "made_at": work.at,
        "state": NoticeState.WAITING,
        "tries": 0,
    }
    work.conn.execute(insert(table).values(row))
    return True


def _plain(value: object) -> str | None:
    if isinstance(value, datetime):
        return to_text(value)
    raise TypeError(f"no notice can hold a {type(value).__name__}")


def waiting(work: Work) -> list[Notice]:
    """Return those that wait and whose next try is due, the oldest first."""
    which = (table.c.agency == work.agency, table.c.state == NoticeState.WAITING)
    found = work.conn.execute(select(table).where(*which).order_by(table.c.id)).all()
    return [one for row in found if is_due((one := _notice(row)).next_try_at, work.now)]


def last_left(work: Work, channel: str) -> datetime | None:
    """Return when something that is told at once left for a channel, or may have, last."""
    gone = (NoticeState.SENT, NoticeState.IN_DOUBT)
    query = select(func.max(table.c.ended_at)).where(
        table.c.agency == work.agency,
        table.c.channel == channel,
        table.c.state.in_(gone),
        table.c.kind != NoticeKind.DIGEST,
    )
    found: str | None = work.conn.execute(query).scalar()
    return from_text(found)


def claim(work: Work, ids: Collection[str]) -> bool:
    """They are about to leave; False where not all of them still wait: then nobody may send them."""
    return _put(work, ids, NoticeState.WAITING, NoticeState.SENDING) == len(ids)


def sent(work: Work, ids: Collection[str]) -> None:
    """The channel took them."""
    _put(work, ids, NoticeState.SENDING, NoticeState.SENT, ended_at=work.at, why=None)


def in_doubt(work: Work, ids: Collection[str], why: str) -> None:
    """They may have arrived: nobody sends them again."""
    _put(work, ids, NoticeState.SENDING, NoticeState.IN_DOUBT, ended_at=work.at, why=why)


def try_later(work: Work, one: Notice, at: datetime, why: str) -> None:
    """It surely was not taken, and is tried again then."""
    again: dict[str, str | int | None] = {"tries": one.tries + 1, "next_try_at": to_text(at), "why": why}
    _put(work, [one.id], NoticeState.SENDING, NoticeState.WAITING, **again)


def give_up(work: Work, ids: Collection[str], why: str) -> None:
    """They are not tried again; they surely were not taken."""
    for state in (NoticeState.SENDING, NoticeState.WAITING):
        _put(work, ids, state, NoticeState.GIVEN_UP, ended_at=work.at, why=why)


def is_any_sending(work: Work) -> bool:
    """Return whether any is on its way, as far as the database knows."""
    which = (table.c.agency == work.agency, table.c.state == NoticeState.SENDING)
    return work.conn.execute(select(table.c.id).where(*which).limit(1)).first() is not None


def recover(work: Work) -> int:
    """What was on its way when its process ended may have arrived; how many there were."""
    return _doubt(work, (NoticeState.SENDING,), "killed")


def restored(work: Work) -> None:
    """What waited when the backup was made may have left since, and what had happened by then may have been told."""
    _doubt(work, (NoticeState.WAITING, NoticeState.SENDING), "restored")
    if marks.get(work, Mark.NOTICED) is not None:
        marks.put(work, Mark.NOTICED, str(head(work.conn, work.agency).count))


def _doubt(work: Work, states: Collection[NoticeState], why: str) -> int:
    which = (table.c.agency == work.agency, table.c.state.in_(list(states)))
    doubt = {"state": NoticeState.IN_DOUBT, "ended_at": work.at, "why": why}
    return work.conn.execute(update(table).where(*which).values(doubt)).rowcount


def _put(
    work: Work, ids: Collection[str], before: NoticeState, after: NoticeState, **values: str | int | None
) -> int:
    mine = (table.c.agency == work.agency, table.c.id.in_([int(one) for one in ids]), table.c.state == before)
    return work.conn.execute(update(table).where(*mine).values(state=after, **values)).rowcount


MOST = 100
"""So many are listed."""


def listing(work: Work, *, most: int = MOST, states: Collection[NoticeState] = tuple(NoticeState)) -> list[Notice]:
    """Return notices in these states, the last made first."""
    which = (table.c.agency == work.agency, table.c.state.in_(list(states)))
    query = select(table).where(*which).order_by(table.c.made_at.desc(), table.c.id.desc()).limit(most)
    return [_notice(row) for row in work.conn.execute(query)]


def forget_old(work: Work, before: datetime) -> int:
    """Drop those that ended before; how many there were."""
    which = (table.c.agency == work.agency, table.c.made_at < to_text(before), table.c.ended_at.is_not(None))
    return work.conn.execute(delete(table).where(*which)).rowcount


def _notice(row: Row[Any]) -> Notice:
    return Notice(
        id=str(row.id),
        channel=row.channel,
        person_id=str(row.person_id) if row.person_id is not None else None,
        key=row.key,
        kind=NoticeKind(row.kind),
        facts=json.loads(row.facts),
        made_at=from_text(row.made_at),
        state=NoticeState(row.state),
        tries=row.tries,
        next_try_at=from_text(row.next_try_at),
        ended_at=from_text(row.ended_at),
        why=row.why,
    )


# What happened, as the audit has it.


def happened_after(work: Work, seq: int, most: int) -> list[Happened]:
    """Return the audit's rows after a number, in order, `most` at most; what is no JSON object has no facts."""
    query = (
        select(audit.c.seq, audit.c.at, audit.c.who, audit.c.what, audit.c.subject, audit.c.data)
        .where(audit.c.chain == work.agency, audit.c.seq > seq)
        .order_by(audit.c.seq)
        .limit(most)
    )
    return [Happened(*row[:5], facts_of(row.data) or {}) for row in work.conn.execute(query)]


def writers(work: Work, refs: Collection[str]) -> dict[str, str]:
    """Return by whom each of these deliveries was written, by reference."""
    query = select(delivery.c.ref, delivery.c.by).where(
        delivery.c.agency == work.agency, delivery.c.ref.in_(sorted(refs))
    )
    return {row.ref: row.by for row in work.conn.execute(query)}
