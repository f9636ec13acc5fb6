"""Threads as mirrored, the history of a report's status, and the payloads as they came."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Insert, Select, bindparam, delete, literal_column, select, update

from lapor_sync.domain.delivery import carries
from lapor_sync.domain.report import ItemKind, StatusChange, ThreadItem
from lapor_sync.domain.thread import in_order
from lapor_sync.store.bulk import among, ask, insert_many, new_only, replacing
from lapor_sync.store.database import Work
from lapor_sync.store.reports import attachments_of, attachments_text, chunks, text_beside
from lapor_sync.store.schema import raw_payload, status_change
from lapor_sync.store.schema import thread_item as table
from lapor_sync.store.times import from_text, to_text

Threads = Mapping[str, tuple[ThreadItem, ...]]
"""Tracking ID to the items that stand upstream now, in reading order."""


def load(work: Work, tracking_ids: Iterable[str]) -> dict[str, tuple[ThreadItem, ...]]:
    """The threads of these reports, without the items that are gone upstream."""
    found: dict[str, list[tuple[int | None, ThreadItem]]] = {}
    query = _load_query(work.conn.dialect.name)
    for part in chunks(tracking_ids):
        for row in ask(work.conn, query, work.agency, part).mappings():
            found.setdefault(row["tracking_id"], []).append((row["position"], _item(row)))
    return {tracking_id: _as_read(placed) for tracking_id, placed in found.items()}


@cache
def _load_query(dialect: str) -> Select[Any]:
    mine = (table.c.agency == bindparam("agency"), among(table.c.tracking_id, dialect))
    return select(table).where(*mine, table.c.gone_at.is_(None))


def _as_read(placed: list[tuple[int | None, ThreadItem]]) -> tuple[ThreadItem, ...]:
    """The items in the order in which they were read: a time that cannot be read leaves no other trace of it."""
    if any(position is None for position, _ in placed):
        return in_order(item for _, item in placed)
    return tuple(item for _, item in sorted(placed, key=_by_position))


def _by_position(placed: tuple[int | None, ThreadItem]) -> int:
    return placed[0] or 0


def save(work: Work, changed: Threads, before: Threads) -> None:
    """Write the items that are new or other than `before`; what is gone is marked, never deleted."""
    rows, gone = [], []
    for tracking_id, items in changed.items():
        was = before.get(tracking_id, ())
        old = {item.id: item for item in was}
        is_longer = [item.id for item in items[: len(was)]] == list(old)  # nearly always: what is new comes last
        rows += [
            _row(work, tracking_id, item, position)
            for position, item in enumerate(items)
            if old.pop(item.id, None) != item or not is_longer
        ]
        gone += [(tracking_id, item_id) for item_id in old]
    if rows:
        insert_many(work.conn, _upsert(work.conn.dialect.name), rows)
    for tracking_id, item_id in gone:
        where = (table.c.agency == work.agency, table.c.tracking_id == tracking_id, table.c.item_id == item_id)
        work.conn.execute(update(table).where(*where).values(gone_at=work.at))


@cache
def _upsert(dialect: str) -> Insert:
    return replacing(table, dialect, keep=("first_seen_at",))


def _row(work: Work, tracking_id: str, item: ThreadItem, position: int) -> dict[str, Any]:
    return {
        "agency": work.agency,
        "tracking_id": tracking_id,
        "item_id": item.id,
        "kind": item.kind,
        "author": item.author,
        "institution_to": item.institution_to,
        "template_code": item.template_code,
        "content": item.content,
        "content_text": text_beside(item.content),
        "created_at": to_text(item.created_at),
        "status_old": item.status_old,
        "status_new": item.status_new,
        "attachments": attachments_text(item.attachments),
        "first_seen_at": work.at,
        "gone_at": None,
        "position": position,
    }


def _item(row: Mapping[Any, Any]) -> ThreadItem:
    return ThreadItem(
        id=row["item_id"],
        kind=ItemKind(row["kind"]),
        created_at=from_text(row["created_at"]),
        content=row["content"],
        author=row["author"],
        institution_to=row["institution_to"],
        template_code=row["template_code"],
        status_old=row["status_old"],
        status_new=row["status_new"],
        attachments=attachments_of(row["attachments"]),
    )


def rewrite(work: Work, tracking_id: str, changed: Callable[[Sequence[ThreadItem]], Sequence[ThreadItem]]) -> None:
    """Let each item of a thread, those that are gone upstream too, be what `changed` makes of it."""
    its = (table.c.agency == work.agency, table.c.tracking_id == tracking_id)
    before = [_item(row) for row in work.conn.execute(select(table).where(*its)).mappings()]
    for item in changed(before):
        values = {name: value for name, value in _row(work, tracking_id, item, 0).items() if name in _REWRITTEN}
        work.conn.execute(update(table).where(*its, table.c.item_id == item.id).values(values))


_REWRITTEN = frozenset({"author", "content", "content_text", "attachments"})


# The history of the status.

LONGEST_NAME = 200
"""Characters of a status name that its history keeps; the report itself has it whole."""


def save_history(work: Work, histories: Mapping[str, Iterable[StatusChange]]) -> None:
    """Add the moves that are not there yet."""
    rows = [
        {
            "agency": work.agency,
            "tracking_id": tracking_id,
            "at": to_text(change.at) or "",
            "status_new": _as_key(change.status_new or ""),
            "status_old": change.status_old,
            "note": change.note,
        }
        for tracking_id, changes in histories.items()
        for change in changes
    ]
    if rows:
        insert_many(work.conn, _new_only(work.conn.dialect.name), rows)


def _as_key(name: str) -> str:
    """Return a status name as it can stand in an index, which takes 2,704 bytes of a row on PostgreSQL."""
    if len(name) <= LONGEST_NAME:
        return name
    return f"{name[:LONGEST_NAME]}... ({hashlib.sha256(name.encode(errors='replace')).hexdigest()[:16]})"


@cache
def _new_only(dialect: str) -> Insert:
    return new_only(status_change, dialect)


def load_histories(work: Work, tracking_ids: Iterable[str]) -> dict[str, list[StatusChange]]:
    """These reports' status moves, each report's in order of time."""
    found: dict[str, list[StatusChange]] = {}
    query = _histories_query(work.conn.dialect.name)
    for part in chunks(tracking_ids):
        for row in ask(work.conn, query, work.agency, part):
            found.setdefault(row.tracking_id, []).append(
                StatusChange(
                    at=from_text(row.at or None),
                    status_old=row.status_old,
                    status_new=row.status_new or None,
                    note=row.note,
                )
            )
    return found


@cache
def _histories_query(dialect: str) -> Select[Any]:
    mine = (status_change.c.agency == bindparam("agency"), among(status_change.c.tracking_id, dialect))
    in_order_of_time = (status_change.c.tracking_id, status_change.c.at, status_change.c.status_new)
    return select(status_change).where(*mine).order_by(*in_order_of_time)


def of_others(work: Work, tracking_id: str, ref: str) -> tuple[str, ...]:
    """The Tracking IDs of other reports in whose threads a reference stands."""
    query = select(table.c.tracking_id, table.c.content).where(
        table.c.agency == work.agency,
        table.c.tracking_id != tracking_id,
        table.c.content.icontains(ref.rpartition("-")[2]),
    )
    found = work.conn.execute(query)
    return tuple(sorted({row.tracking_id for row in found if carries(row.content, ref)}))


# Raw payloads.

ROW = "row"


def save_raw(work: Work, payloads: Sequence[tuple[str, str, str]]) -> None:
    """Keep (Tracking ID, what, JSON text) as they came: unknown fields stay readable there."""
    rows = [
        {"agency": work.agency, "tracking_id": tracking_id, "what": what, "payload": payload, "read_at": work.at}
        for tracking_id, what, payload in payloads
    ]
    if rows:
        insert_many(work.conn, _upsert_raw(work.conn.dialect.name), rows)


@cache
def _upsert_raw(dialect: str) -> Insert:
    return replacing(raw_payload, dialect)


def raw_rows(work: Work, tracking_ids: Iterable[str]) -> dict[str, str]:
    """The JSON text of each report's row in the list as it came last, where it is kept."""
    query = _raw_rows_query(work.conn.dialect.name)
    found = (ask(work.conn, query, work.agency, part) for part in chunks(tracking_ids))
    return {row.tracking_id: row.payload for rows in found for row in rows}


@cache
def _raw_rows_query(dialect: str) -> Select[Any]:
    mine = (raw_payload.c.agency == bindparam("agency"), among(raw_payload.c.tracking_id, dialect))
    return select(raw_payload.c.tracking_id, raw_payload.c.payload).where(
        *mine, raw_payload.c.what == literal_column(f"'{ROW}'")
    )


def drop_raw_of(work: Work, tracking_ids: Iterable[str]) -> None:
    """Drop all raw payloads of these reports."""
    for part in chunks(tracking_ids):
        where = (raw_payload.c.agency == work.agency, raw_payload.c.tracking_id.in_(part))
        work.conn.execute(delete(raw_payload).where(*where))


def drop_raw(work: Work, before: datetime) -> int:
    """Drop the raw payloads read before then; how many."""
    where = (raw_payload.c.agency == work.agency, raw_payload.c.read_at < to_text(before))
    return work.conn.execute(delete(raw_payload).where(*where)).rowcount
