"""All that is kept of one citizen's report, wherever it lies; and how it is erased. Source: rules, "Personal data"."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Table, delete, func, insert, or_, select, update

from lapor_sync.domain.delivery import with_reference
from lapor_sync.domain.personal import ERASED_WORDS, Withheld, erased_items, withheld_report
from lapor_sync.store import audit, reports, threads
from lapor_sync.store.database import Work
from lapor_sync.store.outbox import ERASING, Queued
from lapor_sync.store.reports import Mirrored
from lapor_sync.store.schema import (
    attempt,
    citizen_file,
    conflict,
    delivery,
    delivery_file,
    draft,
    mark,
    note,
    quarantine,
    raw_payload,
    report,
    status_change,
    thread_item,
)
from lapor_sync.store.times import from_text

# Where a name stands.

_PLACES = {
    "reporter": (report, report.c.reporter_name),
    "title": (report, report.c.title),
    "content": (report, report.c.content),
    "location": (report, report.c.location),
    "history": (status_change, status_change.c.note),
    "author": (thread_item, thread_item.c.author),
    "thread": (thread_item, thread_item.c.content),
    "delivery": (delivery, delivery.c.text),
    "draft": (draft, draft.c.text),
    "note": (note, note.c.text),
    "quarantine": (quarantine, quarantine.c.raw),
}


def named(work: Work, name: str) -> dict[str, list[str]]:
    """Return where a name stands, in capitals or not: by Tracking ID, in order.

    A record that could not be read stands under the id that it tells; it may be of no report that is mirrored.
    """
    found: dict[str, list[str]] = {}
    for place, (table, column) in _PLACES.items():
        its_id = _ID_IN_QUARANTINE if table is quarantine else table.c.tracking_id
        query = select(its_id).where(table.c.agency == work.agency, column.icontains(name, autoescape=True))
        for one in work.conn.execute(query.distinct()).scalars():
            found.setdefault(one, []).append(place)
    return dict(sorted(found.items()))


_ID_IN_QUARANTINE = func.coalesce(quarantine.c.report_id, quarantine.c.key)


# What is kept beside the report's own page.


class Look(NamedTuple):
    """Somebody looked at what a report says that is not for everybody."""

    at: datetime
    who: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What is kept of a report that its page does not show, and who looked at it."""

    payloads: int
    quarantined: int
    files: int
    file_bytes: int
    gone_items: int
    drafts: int
    notes: int
    looks: tuple[Look, ...]


LOOKS = ("shown", "citizen_shown")
"""What the audit calls a look."""


def beside(work: Work, one: Mirrored) -> Beside:
    """Return what is kept of a report beside its page."""
    rows = audit.about(work.conn, work.agency, one.tracking_id)
    size = select(func.coalesce(func.sum(citizen_file.c.size), 0)).where(*_of(work, citizen_file, one))
    return Beside(
        payloads=_count(work, raw_payload, *_of(work, raw_payload, one)),
        quarantined=_count(work, quarantine, *_in_quarantine(work, one)),
        files=_count(work, citizen_file, *_of(work, citizen_file, one), citizen_file.c.stored.is_not(None)),
        file_bytes=int(work.conn.execute(size).scalar_one()),
        gone_items=_count(work, thread_item, *_of(work, thread_item, one), thread_item.c.gone_at.is_not(None)),
        drafts=_count(work, draft, *_of(work, draft, one)),
        notes=_count(work, note, *_of(work, note, one)),
        looks=tuple(Look(from_text(row.at), row.who, row.what) for row in rows if row.what in LOOKS),
    )


def _count(work: Work, table: Table, *which: ColumnElement[bool]) -> int:
    return int(work.conn.execute(select(func.count()).select_from(table).where(*which)).scalar_one())


def _of(work: Work, table: Table, one: Mirrored) -> tuple[ColumnElement[bool], ...]:
    return (table.c.agency == work.agency, table.c.tracking_id == one.tracking_id)


def _in_quarantine(work: Work, one: Mirrored) -> tuple[ColumnElement[bool], ...]:
    ids = (one.tracking_id, one.call_id)
    parts = quarantine.c.key.startswith(f"{one.tracking_id}/", autoescape=True)
    return (
        quarantine.c.agency == work.agency,
        or_(quarantine.c.report_id.in_(ids), quarantine.c.key.in_(ids), parts),
    )


def drop_payloads(work: Work, one: Mirrored) -> None:
    """Drop what came of a report as it came: it was kept when nobody wanted anything held back."""
    work.conn.execute(delete(raw_payload).where(*_of(work, raw_payload, one)))
    work.conn.execute(delete(quarantine).where(*_in_quarantine(work, one)))


# Erasing.


def erase(work: Work, one: Mirrored, deliveries: Sequence[Queued], prefix: str) -> tuple[Mirrored, set[str]]:
    """Erase what a report says wherever it lies; the report as it is then, and the names of files that may go.

    What is counted by stays, and the references of what was answered. All its deliveries are sent or called off.
    """
    work.leave_no_trace()
    erased = one._replace(report=withheld_report(one.report, Withheld.ERASED), withheld=Withheld.ERASED)
    refs = [each.ref for each in deliveries]
    files = _names_of_files(work, one)
    reports.save(work, [erased])
    threads.rewrite(work, one.tracking_id, lambda items: erased_items(items, prefix, refs))
    for table, column, words in (
        (status_change, status_change.c.note, ""),
        (note, note.c.text, ERASED_WORDS),
        (conflict, conflict.c.why, "{}"),
    ):
        work.conn.execute(update(table).where(*_of(work, table, one)).values({column: words}))
    for table in (draft, citizen_file):
        work.conn.execute(delete(table).where(*_of(work, table, one)))
    drop_payloads(work, one)
    _erase_deliveries(work, refs)
    return erased, files


def _names_of_files(work: Work, one: Mirrored) -> set[str]:
    query = select(citizen_file.c.stored, citizen_file.c.small).where(*_of(work, citizen_file, one))
    return {name for row in work.conn.execute(query) for name in row if name}


def _erase_deliveries(work: Work, refs: Iterable[str]) -> None:
    """The database lets nobody change what was written but who says so in this row."""
    said = {"agency": "", "name": ERASING}
    is_said = work.conn.execute(select(mark.c.name).filter_by(**said)).first() is not None
    if not is_said:
        work.conn.execute(insert(mark).values(value=work.actor.who, **said))
    for ref in refs:
        its, its_files, its_tries = (
            (table.c.agency == work.agency, table.c.ref == ref) for table in (delivery, delivery_file, attempt)
        )
        work.conn.execute(update(delivery).where(*its).values(text=with_reference(ERASED_WORDS, ref)))
        work.conn.execute(delete(delivery_file).where(*its_files))
        work.conn.execute(update(attempt).where(*its_tries).values(why=None))
    if not is_said:
        work.conn.execute(delete(mark).filter_by(**said))
