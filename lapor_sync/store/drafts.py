"""Drafts of answers: one for each person and report, until it is sent or thrown away.

They are no act on the city, so the audit tells nothing of them but that they went to somebody else.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, bindparam, delete, exists, insert, select, update

from lapor_sync.domain.report import digest
from lapor_sync.store.database import Work
from lapor_sync.store.schema import draft as table
from lapor_sync.store.schema import draft_heir as heirs
from lapor_sync.store.schema import report
from lapor_sync.store.times import from_text, to_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """Words that are not sent yet; `seen` is what their writer had seen of the report."""

    tracking_id: str
    text: str
    is_secret: bool
    seen: str
    saved_at: datetime

    @property
    def version(self) -> str:
        return version_of(self.text)


def version_of(text: str) -> str:
    """Return what tells a draft with this text from another one for the report; it holds no words."""
    return digest(text)


@dataclass(frozen=True, slots=True)
class Listed:
    """A draft in a list, with its report's title; that is None where it is rahasia."""

    draft: Draft
    title: str | None


def put(work: Work, person_id: str, tracking_id: str, *, text: str, is_secret: bool, seen: str) -> None:
    """Keep these words in place of those that were kept before."""
    drop(work, person_id, tracking_id)
    work.conn.execute(
        insert(table).values(
            agency=work.agency,
            person_id=int(person_id),
            tracking_id=tracking_id,
            text=text,
            is_secret=int(is_secret),
            seen=seen,
            saved_at=work.at,
        )
    )


def drop(work: Work, person_id: str, tracking_id: str) -> None:
    """Keep none any more."""
    work.conn.execute(delete(table).where(_of(work, person_id), table.c.tracking_id == tracking_id))


def get(work: Work, person_id: str, tracking_id: str) -> Draft | None:
    """Return a person's draft for a report."""
    given = {"agency": work.agency, "person_id": int(person_id), "tracking_id": tracking_id}
    row = work.conn.execute(_GET, given).first()
    return _draft(row) if row is not None else None


def listing(work: Work, person_id: str, within: frozenset[str] | None, most: int) -> list[Listed]:
    """Return a person's drafts for reports of these OPDs (None: of all), the last one first."""
    query, given = _LISTING, {"agency": work.agency, "person_id": int(person_id), "most": most}
    if within is not None:
        query, given = _LISTING_WITHIN, {**given, "within": sorted(within)}
    return [Listed(_draft(row), None if row.hidden else row.title) for row in work.conn.execute(query, given)]


_MINE = (table.c.agency == bindparam("agency"), table.c.person_id == bindparam("person_id"))
_GET = select(table).where(*_MINE, table.c.tracking_id == bindparam("tracking_id"))
_LISTING = (
    select(table, report.c.title, report.c.is_secret.label("hidden"))
    .join(report, (report.c.agency == table.c.agency) & (report.c.tracking_id == table.c.tracking_id))
    .where(*_MINE)
    .order_by(table.c.saved_at.desc(), table.c.tracking_id)
    .limit(bindparam("most"))
)
_LISTING_WITHIN = _LISTING.where(report.c.disposition_id.in_(bindparam("within", expanding=True)))


def _of(work: Work, person_id: str) -> ColumnElement[bool]:
    return (table.c.agency == work.agency) & (table.c.person_id == int(person_id))


def _draft(row: Row[Any]) -> Draft:
    return Draft(
        tracking_id=row.tracking_id,
        text=row.text,
        is_secret=bool(row.is_secret),
        seen=row.seen,
        saved_at=from_text(row.saved_at),
    )


# A post that is handed over.


def pass_on(work: Work, from_id: str, to_id: str, opd: str | None, at: datetime) -> None:
    """Let the drafts for an OPD's reports (None: all) go to another person from that moment on."""
    work.conn.execute(
        insert(heirs).values(
            agency=work.agency, from_id=int(from_id), to_id=int(to_id), opd=opd or "", at=to_text(at)
        )
    )
    take_over(work, to_id)


def is_heir(work: Work, person_id: str) -> bool:
    """Return whether drafts of somebody else are this person's by now, and were not taken over yet."""
    given = {"agency": work.agency, "person_id": int(person_id), "at": work.at}
    return work.conn.execute(_IS_HEIR, given).first() is not None


_IS_HEIR = (
    select(heirs.c.id)
    .where(heirs.c.agency == bindparam("agency"), heirs.c.to_id == bindparam("person_id"))
    .where(heirs.c.at <= bindparam("at"))
    .limit(1)
)


def take_over(work: Work, person_id: str) -> None:
    """Take over the drafts that are this person's by now. Where they have one of their own, both stay."""
    for heir in work.conn.execute(select(heirs).where(_due(work, person_id)).order_by(heirs.c.id)).all():
        work.conn.execute(delete(heirs).where(heirs.c.agency == work.agency, heirs.c.id == heir.id))
        mine = table.alias()
        has_own = exists().where(
            mine.c.agency == work.agency,
            mine.c.person_id == heir.to_id,
            mine.c.tracking_id == table.c.tracking_id,
        )
        theirs = select(table.c.tracking_id).where(_of(work, str(heir.from_id)), ~has_own)
        if heir.opd:
            theirs = theirs.join(
                report, (report.c.agency == table.c.agency) & (report.c.tracking_id == table.c.tracking_id)
            ).where(report.c.disposition_id == heir.opd)
        for tracking_id in work.conn.execute(theirs.order_by(table.c.tracking_id)).scalars().all():
            where = (_of(work, str(heir.from_id)), table.c.tracking_id == tracking_id)
            work.conn.execute(update(table).where(*where).values(person_id=heir.to_id))
            work.note("draft_passed", tracking_id, from_person=str(heir.from_id), to_person=str(heir.to_id))


def pass_on_all(work: Work, person_id: str) -> None:
    """Let a person keep no draft: what is an heir's by now goes to them, the rest away."""
    mine = (heirs.c.agency == work.agency, heirs.c.from_id == int(person_id))
    for heir in work.conn.execute(select(heirs.c.to_id).where(*mine).distinct()).scalars().all():
        take_over(work, str(heir))
    work.conn.execute(delete(heirs).where(*mine))
    work.conn.execute(delete(table).where(_of(work, person_id)))


def _due(work: Work, person_id: str) -> ColumnElement[bool]:
    return (heirs.c.agency == work.agency) & (heirs.c.to_id == int(person_id)) & (heirs.c.at <= work.at)
