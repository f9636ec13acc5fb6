"""What became of each file that a citizen attached."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, func, insert, or_, select, update

from lapor_sync.domain.citizen_files import Absence, FileState, keys_of
from lapor_sync.domain.report import Attachment, digest
from lapor_sync.store.database import Work
from lapor_sync.store.reports import chunks
from lapor_sync.store.schema import citizen_file as table
from lapor_sync.store.schema import report
from lapor_sync.store.times import from_text, to_text


class Wanted(NamedTuple):
    """A file that is to be fetched, and how often that failed."""

    tracking_id: str
    key: str
    tries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A file as it is kept, or why not. `stored` and `small` are names in the folder."""

    state: FileState
    why: Absence | None
    kind: str | None
    stored: str | None
    small: str | None
    size: int


def note(work: Work, found: Mapping[str, Sequence[Attachment]]) -> None:
    """Note the files of these reports. What is new is wanted; so is what could not be had at another address."""
    with_files = {one: files for one, files in found.items() if files}
    known: dict[tuple[str, str], tuple[str, str]] = {}
    for part in chunks(with_files):
        query = select(table.c.tracking_id, table.c.key, table.c.state, table.c.address).where(
            table.c.agency == work.agency, table.c.tracking_id.in_(part)
        )
        known.update({(row[0], row[1]): (row[2], row[3]) for row in work.conn.execute(query)})
    rows = []
    for one, files in with_files.items():
        for key, file in zip(keys_of(files), files, strict=True):
            address, before = digest(file.url), known.get((one, key))
            if before is None:
                rows.append(_new(work, one, key, address))
            elif before[0] == FileState.ABSENT and before[1] != address:
                _set(work, one, key, state=FileState.WANTED, address=address, tries=0, next_try_at=work.at)
    if rows:
        work.conn.execute(insert(table), rows)


def _new(work: Work, tracking_id: str, key: str, address: str) -> dict[str, Any]:
    return {
        "agency": work.agency,
        "tracking_id": tracking_id,
        "key": key,
        "address": address,
        "state": FileState.WANTED,
        "tries": 0,
        "seen_at": work.at,
        "next_try_at": work.at,
        "size": 0,
    }


def wanted(work: Work, most: int) -> list[Wanted]:
    """Return files that are due to be fetched, those that were seen last first: their addresses hold longest."""
    query = (
        select(table.c.tracking_id, table.c.key, table.c.tries)
        .where(table.c.agency == work.agency, _is(FileState.WANTED), table.c.next_try_at <= work.at)
        .order_by(table.c.next_try_at.desc(), table.c.key)
        .limit(most)
    )
    return [Wanted(*row) for row in work.conn.execute(query)]


def _is(state: FileState) -> ColumnElement[bool]:
    """In the words of the partial indexes."""
    return table.c.state == state


def keep(work: Work, one: Wanted, kind: str, stored: str, small: str | None, size: int) -> None:
    """A file is kept under these names."""
    now = {"kind": kind, "stored": stored, "small": small, "size": size, "kept_at": work.at, "why": None}
    _set(work, one.tracking_id, one.key, state=FileState.KEPT, **now)


def give_up(work: Work, one: Wanted, why: Absence, state: FileState = FileState.ABSENT) -> None:
    """A file cannot be had: it is asked for again only at another address."""
    _set(work, one.tracking_id, one.key, state=state, why=why)


def try_later(work: Work, one: Wanted, at: datetime) -> None:
    """A file could not be had now."""
    _set(work, one.tracking_id, one.key, tries=one.tries + 1, next_try_at=to_text(at))


def put_off_no_longer(work: Work) -> None:
    """Let the next cycles fetch whatever is to be fetched later only."""
    where = (table.c.agency == work.agency, _is(FileState.WANTED), table.c.next_try_at > work.at)
    work.conn.execute(update(table).where(*where).values(next_try_at=work.at))


def _set(work: Work, tracking_id: str, key: str, **values: Any) -> None:
    where = (table.c.agency == work.agency, table.c.tracking_id == tracking_id, table.c.key == key)
    work.conn.execute(update(table).where(*where).values(**values))


def of_report(work: Work, tracking_id: str) -> dict[str, Kept]:
    """Return what became of a report's files, by their keys."""
    query = select(table).where(table.c.agency == work.agency, table.c.tracking_id == tracking_id)
    return {
        row["key"]: Kept(
            state=FileState(row["state"]),
            why=Absence(row["why"]) if row["why"] else None,
            kind=row["kind"],
            stored=row["stored"],
            small=row["small"],
            size=row["size"],
        )
        for row in work.conn.execute(query).mappings()
    }


# Room.


class Old(NamedTuple):
    """A kept file of a closed report."""

    tracking_id: str
    key: str
    closed_at: datetime
    size: int
    names: tuple[str, ...]


def size_of_all(work: Work) -> int:
    """Return how many bytes are kept."""
    query = select(func.coalesce(func.sum(table.c.size), 0)).where(
        table.c.agency == work.agency, _is(FileState.KEPT)
    )
    return int(work.conn.execute(query).scalar_one())


def closed_longest(work: Work, most: int) -> list[Old]:
    """Return kept files of the reports that were closed longest ago."""
    same = and_(report.c.agency == table.c.agency, report.c.tracking_id == table.c.tracking_id)
    query = (
        select(table.c.tracking_id, table.c.key, report.c.closed_at, table.c.size, table.c.stored, table.c.small)
        .join(report, same)
        .where(table.c.agency == work.agency, _is(FileState.KEPT), report.c.closed_at.is_not(None))
        .order_by(report.c.closed_at, table.c.key)
        .limit(most)
    )
    return [
        Old(row[0], row[1], from_text(row[2]), row[3], tuple(name for name in row[4:] if name))
        for row in work.conn.execute(query)
    ]


def drop(work: Work, one: Old) -> None:
    """A file went to make room."""
    gone = {"why": Absence.NO_ROOM, "stored": None, "small": None, "size": 0}
    _set(work, one.tracking_id, one.key, state=FileState.DROPPED, **gone)


def in_use(work: Work, names: Sequence[str]) -> set[str]:
    """Return which of these names stand for a kept file."""
    found: set[str] = set()
    for part in chunks(names):
        query = select(table.c.stored, table.c.small).where(
            table.c.agency == work.agency,
            _is(FileState.KEPT),
            or_(table.c.stored.in_(part), table.c.small.in_(part)),
        )
        found.update(name for row in work.conn.execute(query) for name in row if name)
    return found
