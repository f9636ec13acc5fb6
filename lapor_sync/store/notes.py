"""Internal notes on a report, and a leader's instructions. None of them goes to LAPOR."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import bindparam, insert, select

from lapor_sync.store.database import Work
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
    return tuple(
        Note(
            id=str(row.id),
            by=row.by,
            text=row.text,
            is_instruction=bool(row.is_instruction),
            day=date.fromisoformat(row.day) if row.day else None,
            written_at=from_text(row.written_at),
        )
        for row in work.conn.execute(_OF_REPORT, {"agency": work.agency, "tracking_id": tracking_id})
    )


_OF_REPORT = (
    select(table)
    .where(table.c.agency == bindparam("agency"), table.c.tracking_id == bindparam("tracking_id"))
    .order_by(table.c.id)
)
