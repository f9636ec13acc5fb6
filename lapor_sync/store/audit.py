"""The audit chains, one an agency: append-only rows, each holding the hash of the one before. Source: rules, "Audit".

What cannot be seen without a head kept elsewhere: a cut tail, or a rewrite of the whole chain.
`agency` says whose chain is meant; None: all rows are one, as they were before schema 0010.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, reduce
from hashlib import sha256
from itertools import chain
from operator import add
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Insert,
    LargeBinary,
    Select,
    Text,
    bindparam,
    cast,
    func,
    or_,
    select,
    true,
)
from sqlalchemy.exc import DBAPIError

from lapor_sync.domain.errors import AuditBroken, StoreReplaced
from lapor_sync.domain.stamps import stamp
from lapor_sync.store.bulk import insert_many, plain
from lapor_sync.store.schema import audit
from lapor_sync.store.times import from_text, to_text

GENESIS = "0" * 64


class Entry(NamedTuple):
    """What is to be appended. `data` holds ids, codes, states and hashes only: no names, no texts."""

    at: str
    agency: str
    who: str
    what: str
    subject: str
    data: str


@dataclass(frozen=True, slots=True)
class Head:
    """The last row's number and hash; 0 and GENESIS before the first."""

    count: int
    hash: str


START = Head(0, GENESIS)


def entry(*, at: str, agency: str, who: str, what: str, subject: str, data: Mapping[str, object]) -> Entry:
    """An entry with its data in canonical JSON."""
    return Entry(at, agency, who, what, subject, _data_text(data))


def row_hash(seq: int, item: Entry, prev_hash: str) -> str:
    """SHA-256 over the canonical form: a JSON array of the row's columns in order, without spaces, UTF-8."""
    return _hash(seq, *item, prev_hash)


def _hash(*row: int | str) -> str:
    return sha256(_form(row)).hexdigest()


_form = msgspec.json.Encoder().encode
"""Made once, and twice as quick as json's; both write a text the same way, which a test holds for each letter."""


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return stamp(value)
    raise TypeError(f"no audit row can hold a {type(value).__name__}")


_data_text = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=_plain).encode
"""Made once: json.dumps makes an encoder a call."""


_HASHED = tuple(column for column in audit.columns if column is not audit.c.chain)
"""What a row says, in the order in which it is hashed; which chain it is in is told by its place alone."""


_names = [column.name for column in _HASHED]
_are_texts = " AND ".join(f"typeof({name}) = 'text'" for name in _names[1:-2])
_FORM = f"CASE WHEN typeof(seq) = 'integer' AND {_are_texts} THEN json_array({', '.join(_names[:-1])}) END"
"""The canonical form in SQLite's words; null where a column holds anything but what it should. The two hashes are held
against texts, and are no others then."""


def _in_chain(agency: str | None) -> ColumnElement[bool]:
    return true() if agency is None else audit.c.chain == agency


def head(conn: Connection, agency: str | None) -> Head:
    """The chain's head as this transaction sees it. Raises AuditBroken where the last row has none."""
    row = conn.execute(_last(has_chains=agency is not None), {"agency": agency}).first()
    if row is None:
        return START
    if (type(row.seq), type(row.hash)) != (int, str):
        raise AuditBroken(f"The last audit row, {row.seq}, cannot be gone on from: it has no hash.")
    return Head(row.seq, row.hash)


@cache
def _last(*, has_chains: bool) -> Select[Any]:
    its = audit.c.chain == bindparam("agency") if has_chains else true()
    return select(audit.c.seq, audit.c.hash).where(its).order_by(audit.c.seq.desc()).limit(1)


def append(conn: Connection, agency: str, entries: Iterable[Entry], known: Head | None = None) -> Head:
    """Append in the caller's transaction, last before its commit; who writes has the turn: see `Store.work`.

    `known`: what this process appended last. Raises StoreReplaced where that is not in the chain any more.
    """
    last = head(conn, agency)
    if known is not None and last != known and not holds(conn, agency, known):
        raise StoreReplaced(
            "The database was set back while it was in use: its audit lacks what was written last."
        )
    rows = []
    for item in entries:
        seq = last.count + 1
        last, prev = Head(seq, row_hash(seq, item, last.hash)), last.hash
        rows.append({"chain": agency, **_as_row(seq, item, prev, last.hash)})
    if rows:
        insert_many(conn, _insert(conn.dialect.name), rows)
    return last


@cache
def _insert(dialect: str) -> Insert:
    return plain(audit, dialect)


def began_at(conn: Connection, agency: str) -> datetime | None:
    """Return when the first row was written; None where there is none, or it cannot be read."""
    query = select(audit.c.at).where(_in_chain(agency)).order_by(audit.c.seq).limit(1)
    try:
        return from_text(conn.execute(query).scalar())
    except ValueError:
        return None


def holds(conn: Connection, agency: str | None, wanted: Head) -> bool:
    """Whether this very row is in the chain."""
    found = conn.execute(select(audit.c.hash).where(_in_chain(agency), audit.c.seq == wanted.count)).scalar()
    return bool(found == wanted.hash)


def _as_row(seq: int, item: Entry, prev_hash: str, own_hash: str) -> dict[str, object]:
    return {
        "seq": seq,
        "at": item.at,
        "agency": item.agency,
        "who": item.who,
        "what": item.what,
        "subject": item.subject,
        "data": item.data,
        "prev_hash": prev_hash,
        "hash": own_hash,
    }


def rows(conn: Connection, agency: str | None) -> Generator[dict[str, object], None, None]:
    """Every row in order with its data undone, streamed: bounded memory. Close it before its transaction ends.

    Raises AuditBroken at the first row that is not made as this program makes them; the chain is not looked at.
    """
    for row in chain.from_iterable(_pages(conn, agency)):
        data = _undone(row.data)
        if data is None:
            raise AuditBroken(
                f"Audit row {row.seq} cannot be read: data is no JSON as it is written here.", seq=row.seq
            )
        yield {**row._mapping, "data": data}


def about(conn: Connection, agency: str, subject: str) -> Sequence[Any]:
    """Return what an agency noted of one subject, in order; nothing is proven, and a row may hold anything."""
    return conn.execute(_ABOUT, {"agency": agency, "subject": subject}).all()


_ABOUT = (
    select(audit)
    .where(audit.c.agency == bindparam("agency"), audit.c.subject == bindparam("subject"))
    .order_by(audit.c.seq)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """Which rows are looked for; None for all. `person`: an id, or the whole of who acted. `until` is left out."""

    subject: str | None = None
    person: str | None = None
    act: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One row as it stands there; of what is no text, a text that tells so. `when` None where it is no time."""

    seq: int
    at: str
    agency: str
    who: str
    what: str
    subject: str
    data: str
    prev_hash: str
    hash: str

    @property
    def when(self) -> datetime | None:
        """When it was written."""
        try:
            return from_text(self.at)
        except ValueError:
            return None


def facts(data: str) -> Mapping[str, Any] | None:
    """Return what a row says, of its data; None where nobody can read it."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def listing(conn: Connection, agency: str, sought: Sought, *, before: int | None, most: int) -> list[Row]:
    """Return the rows that are looked for, the last one first, those before a number (a page's last) only."""
    query = select(*_HASHED).where(_in_chain(agency))
    if before is not None:
        query = query.where(audit.c.seq < before)
    if sought.subject is not None:
        query = query.where(audit.c.agency == agency, audit.c.subject == sought.subject)
    if sought.person is not None:
        in_a_post = audit.c.who.startswith(f"person {sought.person} in post ", autoescape=True)
        query = query.where(or_(audit.c.who.in_((sought.person, f"person {sought.person}")), in_a_post))
    if sought.act is not None:
        query = query.where(audit.c.what == sought.act)
    if sought.since is not None:
        query = query.where(audit.c.at >= to_text(sought.since))
    if sought.until is not None:
        query = query.where(audit.c.at < to_text(sought.until))
    found = conn.execute(query.order_by(audit.c.seq.desc()).limit(most)).all()
    return [Row(row[0], *(str(value) for value in row[1:])) for row in found]


def is_whole(row: Row) -> bool:
    """Return whether a row's hash is of what it says; whether none is missing before it, only `verify` tells."""
    said = Entry(row.at, row.agency, row.who, row.what, row.subject, row.data)
    return row.hash == row_hash(row.seq, said, row.prev_hash)


def _undone(data: str) -> object:
    """What the JSON says; None where it is not written as `entry` does it, so that nobody could prove the hash by it."""
    try:
        found: object = json.loads(data)
        return found if _data_text(found) == data else None
    except (ValueError, RecursionError):
        return None


def verify(conn: Connection, agency: str | None, known_head: str | None = None) -> Head:
    """Walk the whole chain; its head. In linear time and bounded memory, whatever stands in the table.

    With `known_head` (64 hex digits, from the journal or a backup) that hash must be one of the chain's rows.
    Raises AuditBroken at the first row that does not fit, and says why.
    """
    last = walk(conn, agency, START)
    prove(conn, agency, known_head, last)
    return last


def walk(conn: Connection, agency: str | None, after: Head, until: int | None = None) -> Head:
    """Return the last row's head, having proven each row that follows `after`, up to row `until` where that is given.

    Raises AuditBroken as `verify` does.
    """
    if conn.dialect.name == "sqlite":
        after, is_end = _walked_by_sqlite(conn, agency, after, until)
        if is_end:
            return after
    return _walked(conn, agency, after, until)


def _walked_by_sqlite(conn: Connection, agency: str | None, after: Head, until: int | None) -> tuple[Head, bool]:
    """Walk as far as all is in order, and return whether that is to the end.

    SQLite writes the form itself, so that a row's columns need not become objects: they took half of the time.
    """
    whose = "TRUE" if agency is None else "chain = :agency"
    query = f"SELECT seq, {_FORM}, prev_hash, hash FROM audit WHERE {whose} ORDER BY seq LIMIT :most OFFSET :after"
    given = {"agency": agency, "most": -1 if until is None else until - after.count, "after": after.count}
    driver: Any = conn.connection.driver_connection
    longest = driver.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LARGEST)
    try:
        found = driver.execute(query, given)
        while page := found.fetchmany(_PAGE):
            numbers, forms, before, own = zip(*page, strict=True)
            if None in forms or not _follow(after, numbers, before, own, map(str.encode, forms)):
                return after, False
            after = Head(numbers[-1], own[-1])
    except sqlite3.Error:  # too long, or no UTF-8
        return after, False
    finally:
        driver.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, longest)
    return after, True


def _walked(conn: Connection, agency: str | None, after: Head, until: int | None) -> Head:
    """Walk on; raises AuditBroken where a row does not follow."""
    for page in filter(None, _pages(conn, agency, after.count, until)):
        if not _fit(after, page):
            for row in page:
                if not _fit(after, [row]):
                    why = _why(after.count, row.seq, is_next=row.prev_hash == after.hash)
                    told = f"Audit row {row.seq} does not follow from row {after.count}: {why}."
                    raise AuditBroken(told, seq=row.seq)
                after = Head(row.seq, row.hash)
        after = Head(page[-1].seq, page[-1].hash)
    return after


def _fit(after: Head, page: Sequence[Any]) -> bool:
    """Whether these rows follow."""
    numbers, *_, before, own = columns = tuple(zip(*page, strict=True))
    return _follow(after, numbers, before, own, map(_form, zip(*columns[:-1], strict=True)))


def _follow(
    after: Head, numbers: tuple[int, ...], before: tuple[str, ...], own: tuple[str, ...], forms: Iterable[bytes]
) -> bool:
    """Whether rows follow one another, and the first of them `after`. A page at once takes less than row by row."""
    first = after.count + 1
    in_order = numbers == tuple(range(first, first + len(numbers))) and before == (after.hash, *own[:-1])
    return in_order and own == tuple([sha256(form).hexdigest() for form in forms])


def middle(conn: Connection, agency: str) -> Head:
    """Return what the row half way says of itself, so that two can walk at once; START where there is none.

    Nothing is proven of it before the first half was walked to the same head.
    """
    count = conn.execute(select(func.count()).select_from(audit).where(_in_chain(agency))).scalar_one() // 2
    rows = select(audit.c.seq, audit.c.hash).where(_in_chain(agency)).order_by(audit.c.seq)
    row = conn.execute(rows.offset(count - 1).limit(1)).first() if count else None
    return START if row is None else Head(count, row.hash)


def prove(conn: Connection, agency: str | None, known_head: str | None, last: Head) -> None:
    """Raise AuditBroken where a head that was kept elsewhere is none of the chain's, which was walked up to `last`."""
    if known_head in {None, GENESIS}:
        return
    known = select(audit.c.seq).where(_in_chain(agency), audit.c.hash == known_head).limit(1)
    if conn.execute(known).first() is None:
        raise AuditBroken(f"The head {known_head} is not in this chain of {last.count} rows.")


def _why(count: int, seq: int, *, is_next: bool) -> str:
    if seq <= count:
        return "its number is none, or stands twice"
    if seq > count + 1:
        return f"row {count + 1} is missing" if seq == count + 2 else f"rows {count + 1} to {seq - 1} are missing"
    return "it was changed, or its hash" if is_next else "it names another hash for the row before it"


# What somebody, or a disk, may have put there: a table of SQLite can hold anything in any column.

LARGEST = 1024 * 1024
"""Bytes of a row that are taken into memory: no argument of a command line, and so no row of ours, is as long."""

_PAGE = 300
_TYPES = (int, *(str for _ in _HASHED[1:]))


def _pages(
    conn: Connection, agency: str | None, count: int = 0, until: int | None = None
) -> Generator[Sequence[Any], None, None]:
    """The rows in order from the first `count` ones on, each a number and texts, up to as many as `until` in all.

    Raises AuditBroken at the first that is none, and says why.
    """
    query = select(*_HASHED).where(_in_chain(agency)).order_by(audit.c.seq)
    large = _first_large(conn, agency)
    if large is not None and until is not None and until <= large:
        large = None
    end = until if large is None else large
    for size in (_PAGE, 1):  # SQLite's driver fails at a text that is no UTF-8, and its whole page with it
        try:
            left = query.offset(count).limit(None if end is None else end - count)
            with conn.execute(left.execution_options(yield_per=size)) as found:
                for page in found.partitions():
                    whole = _whole(page)
                    yield page[:whole]
                    count += whole
                    if whole < len(page):
                        raise _unreadable(conn, query, count)
            break
        except DBAPIError:
            if conn.dialect.name != "sqlite":
                raise
    else:
        raise _unreadable(conn, query, count)
    if large is not None:
        raise _unreadable(conn, query, count)


def _whole(page: Sequence[Any]) -> int:
    """How many rows stand before the first one that holds anything but a number and texts."""
    if [set(map(type, column)) for column in zip(*page, strict=True)] == [{wanted} for wanted in _TYPES]:
        return len(page)
    return next(n for n, row in enumerate(page) if tuple(map(type, row)) != _TYPES)


def _first_large(conn: Connection, agency: str | None) -> int | None:
    """How many rows stand before the first one that is too large; None where none is."""
    size = reduce(add, _sizes(conn))
    if conn.execute(select(audit.c.seq).where(_in_chain(agency), size > LARGEST).limit(1)).first() is None:
        return None
    number = func.row_number().over(order_by=audit.c.seq).label("n")
    placed = select(number, size.label("size")).where(_in_chain(agency)).subquery()
    first: int = conn.execute(select(func.min(placed.c.n)).where(placed.c.size > LARGEST)).scalar_one()
    return first - 1


def _sizes(conn: Connection) -> list[ColumnElement[int]]:
    """Bytes of each column; 0 of one that is null."""
    if conn.dialect.name == "sqlite":
        return [func.coalesce(func.length(cast(one, LargeBinary)), 0) for one in _HASHED]
    return [func.coalesce(func.octet_length(cast(one, Text)), 0) for one in _HASHED]


def _unreadable(conn: Connection, query: Select[Any], count: int) -> AuditBroken:
    """What is wrong with the row after the first `count` ones."""
    this = query.offset(count).limit(1)
    size = sum(conn.execute(this.with_only_columns(*_sizes(conn))).one())
    values = _values(conn, this) if size <= LARGEST else (count + 1,)
    strange = [
        f"{column.name} is {_KINDS.get(type(value), 'a number')}"
        for column, wanted, value in zip(_HASHED, _TYPES, values, strict=False)
        if type(value) is not wanted
    ]
    seq = values[0] if isinstance(values[0], int) else count + 1
    wrong = ", ".join(strange) or f"it has {size} bytes"
    return AuditBroken(f"Audit row {seq}, after {count} others, cannot be read: {wrong}.", seq=seq)


def _values(conn: Connection, this: Select[Any]) -> Sequence[object]:
    """That row's columns. What SQLite keeps is asked for as bytes: its driver fails at a text that is no UTF-8."""
    if conn.dialect.name != "sqlite":
        return conn.execute(this).one()
    types = conn.execute(this.with_only_columns(*map(func.typeof, _HASHED))).one()
    raw = conn.execute(this.with_only_columns(*(cast(one, LargeBinary) for one in _HASHED))).one()
    return tuple(map(_value, types, raw))


_KINDS = {type(None): "null", str: "a text", bytes: "bytes and no text"}


def _value(kind: str, raw: Any) -> object:
    """What SQLite keeps, as its driver gives it; a text that is no UTF-8 as bytes."""
    if kind in {"integer", "real"}:
        return int(raw) if kind == "integer" else float(raw)
    try:
        return raw.decode() if kind == "text" else raw
    except UnicodeDecodeError:
        return raw
