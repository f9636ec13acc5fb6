"""Conflicts: what only a person can settle."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import CursorResult, Select, bindparam, func, insert, select, update

from lapor_sync.domain.codes import Facts
from lapor_sync.domain.questions import TOLD
from lapor_sync.store.database import Work
from lapor_sync.store.schema import conflict as table
from lapor_sync.store.times import from_text


class How(StrEnum):
    """How a conflict was settled."""

    KEEP_OURS = "keep_ours"
    TAKE_UPSTREAM = "take_upstream"
    ACCEPT_VANISHED = "accept_vanished"
    BY_ITSELF = "by_itself"


@dataclass(frozen=True, kw_only=True, slots=True)
class Conflict:
    """One open question."""

    id: str
    tracking_id: str | None
    kind: str
    ref: str | None
    opened_at: datetime
    facts: Facts


def open_one(
    work: Work, *, kind: str, facts: Facts | None = None, tracking_id: str | None = None, ref: str | None = None
) -> None:
    """Ask a person; the same question is asked once."""
    same = (table.c.tracking_id == tracking_id, table.c.kind == kind, table.c.ref == ref)
    if work.conn.execute(_open(work).where(*same)).first() is not None:
        return
    work.conn.execute(
        insert(table).values(
            agency=work.agency,
            tracking_id=tracking_id,
            kind=kind,
            ref=ref,
            opened_at=work.at,
            why=json.dumps(facts or {}, ensure_ascii=False),
        )
    )
    work.note("conflict_opened", tracking_id or kind, kind=kind, ref=ref)


def settle(work: Work, one: Conflict, how: How) -> None:
    """A person, or the course of things, answered."""
    values = {"settled_at": work.at, "settled_by": work.actor.who, "how": how.value}
    work.conn.execute(update(table).where(table.c.agency == work.agency, table.c.id == int(one.id)).values(values))
    work.note("conflict_settled", one.tracking_id or one.kind, kind=one.kind, ref=one.ref, how=how)


def of_delivery(work: Work, ref: str) -> list[Conflict]:
    """The open conflicts over one delivery."""
    return _rows(work.conn.execute(_OF_DELIVERY, {"its_agency": work.agency, "its_ref": ref}))


_OPEN = select(table).where(table.c.settled_at.is_(None)).order_by(table.c.id)
_OF_DELIVERY = _OPEN.where(table.c.agency == bindparam("its_agency"), table.c.ref == bindparam("its_ref"))
"""Made once: each response that arrives asks it."""


def was_asked(work: Work, kind: str, ref: str) -> bool:
    """Whether this was ever asked about a delivery."""
    same = (table.c.agency == work.agency, table.c.kind == kind, table.c.ref == ref)
    return work.conn.execute(select(table.c.id).where(*same).limit(1)).first() is not None


def of_report(work: Work, tracking_id: str) -> list[Conflict]:
    """The open conflicts over one report."""
    return _found(work, _open(work).where(table.c.tracking_id == tracking_id))


def of_kind(work: Work, kind: str) -> list[Conflict]:
    """The open conflicts of one kind."""
    return _found(work, _open(work).where(table.c.kind == kind))


def get(work: Work, conflict_id: str) -> Conflict | None:
    """An open conflict by its id."""
    if not conflict_id.isdecimal() or len(conflict_id) > 18:
        return None
    found = _found(work, _open(work).where(table.c.id == int(conflict_id)))
    return found[0] if found else None


def listing(work: Work, *, after: int = 0, most: int | None = None) -> list[Conflict]:
    """Return the open conflicts, oldest first: those behind the id `after`, and of them `most`."""
    return _found(work, _open(work).where(table.c.id > after).limit(most))


def count(work: Work) -> int:
    """How many are open."""
    query = select(func.count()).select_from(table)
    return int(
        work.conn.execute(query.where(table.c.agency == work.agency, table.c.settled_at.is_(None))).scalar_one()
    )


def _open(work: Work) -> Select[tuple[object, ...]]:
    return _OPEN.where(table.c.agency == work.agency)


def _found(work: Work, query: Select[tuple[object, ...]]) -> list[Conflict]:
    return _rows(work.conn.execute(query))


def _rows(found: CursorResult[tuple[object, ...]]) -> list[Conflict]:
    return [
        Conflict(
            id=str(row["id"]),
            tracking_id=row["tracking_id"],
            kind=row["kind"],
            ref=row["ref"],
            opened_at=from_text(row["opened_at"]),
            facts=_facts(row["why"]),
        )
        for row in found.mappings()
    ]


def _facts(why: str) -> Facts:
    """Return a question's facts. Earlier programs wrote the sentence itself, and none of these begins with a brace."""
    facts: Facts = json.loads(why) if why.startswith("{") else {TOLD: why}
    return facts
