"""Internal notes on a report, and a leader's instructions. None of them goes to LAPOR."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, bindparam, exists, insert, select

from lapor_sync.domain.delivery import State
from lapor_sync.store.database import Work
from lapor_sync.store.schema import INSTRUCTION, OPEN, delivery, report
from lapor_sync.store.schema import note as table
from lapor_sync.store.times import from_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What somebody wrote; `by` as in the audit. `day` is until when an instruction is to be carried out."""

    id: str
    by: str
    text: str
    is_instruction: bool
    day: date | None
    written_at: datetime


def add(work: Work, tracking_id: str, text: str, *, is_instruction: bool, day: date | None) -> str:
    """Keep a note by whoever acts; its number."""
    made = work.conn.execute(
        insert(table)
        .values(
            agency=work.agency,
            tracking_id=tracking_id,
            by=work.actor.who,
            text=text,
            is_instruction=int(is_instruction),
            day=day.isoformat() if day else None,
            written_at=work.at,
        )
        .returning(table.c.id)
    ).scalar_one()
    work.note("instructed" if is_instruction else "noted", tracking_id, note=str(made))
    return str(made)


def of_report(work: Work, tracking_id: str) -> tuple[Note, ...]:
    """Return a report's notes, the oldest first."""
    return tuple(map(_note, work.conn.execute(_OF_REPORT, {"agency": work.agency, "tracking_id": tracking_id})))


def _note(row: Row[Any]) -> Note:
    return Note(
        id=str(row.id),
        by=row.by,
        text=row.text,
        is_instruction=bool(row.is_instruction),
        day=date.fromisoformat(row.day) if row.day else None,
        written_at=from_text(row.written_at),
    )


_OF_REPORT = (
    select(table)
    .where(table.c.agency == bindparam("agency"), table.c.tracking_id == bindparam("tracking_id"))
    .order_by(table.c.id)
)


@dataclass(frozen=True, slots=True)
class Listed:
    """An instruction in a list, with its report; the title is None where that is rahasia."""

    note: Note
    tracking_id: str
    title: str | None


LAST = 500
"""So many of an agency's last instructions are looked at, however long it has worked."""


def unanswered(work: Work, within: frozenset[str] | None, most: int) -> list[Listed]:
    """Return the instructions on open reports of these OPDs (None: of all) since which no response was written, that
    with the earliest day first, those without a day last."""
    query, given = _UNANSWERED, {"agency": work.agency, "most": most}
    if within is not None:
        query, given = _UNANSWERED_WITHIN, {**given, "within": sorted(within)}
    found = work.conn.execute(query, given)
    return [Listed(_note(row), row.tracking_id, None if row.hidden else row.title) for row in found]


_LAST = (
    select(table)
    .where(table.c.agency == bindparam("agency"), INSTRUCTION)
    .order_by(table.c.id.desc())
    .limit(LAST)
    .subquery()
)
_IS_ANSWERED = exists().where(
    delivery.c.agency == _LAST.c.agency,
    delivery.c.tracking_id == _LAST.c.tracking_id,
    delivery.c.written_at >= _LAST.c.written_at,
    delivery.c.state != State.CANCELLED,
)
_UNANSWERED = (
    select(_LAST, report.c.title, report.c.is_secret.label("hidden"))
    .join(report, (report.c.agency == _LAST.c.agency) & (report.c.tracking_id == _LAST.c.tracking_id))
    .where(OPEN, ~_IS_ANSWERED)
    .order_by(_LAST.c.day.is_(None), _LAST.c.day, _LAST.c.id)
    .limit(bindparam("most"))
)
_UNANSWERED_WITHIN = _UNANSWERED.where(report.c.disposition_id.in_(bindparam("within", expanding=True)))
