"""The audit chain: append-only rows, each holding the hash of the one before. Source: rules, section 6.

What cannot be seen without a head kept elsewhere: a cut tail, or a rewrite of the whole chain.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from json.encoder import encode_basestring as _quoted
from typing import NamedTuple

from sqlalchemy import Connection, Insert, select

from lapor_sync.domain.errors import AuditBroken
from lapor_sync.store.bulk import insert_many, plain
from lapor_sync.store.schema import audit

GENESIS = "0" * 64
DAEMON = "lapor-sync"
"""Who acts where no person does."""


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


def entry(*, at: str, agency: str, who: str, what: str, subject: str, data: Mapping[str, object]) -> Entry:
    """An entry with its data in canonical JSON."""
    return Entry(at, agency, who, what, subject, _data_text(data))


def row_hash(seq: int, item: Entry, prev_hash: str) -> str:
    """SHA-256 over the canonical form: a JSON array of the row's columns in order, without spaces, UTF-8."""
    return _hash(seq, *item, prev_hash)


def _hash(seq: int, at: str, agency: str, who: str, what: str, subject: str, data: str, prev: str) -> str:
    """The array is written by hand, a text by the quoting of json itself: in half the time of an encoder."""
    first = f"{seq},{_quoted(at)},{_quoted(agency)},{_quoted(who)}"
    form = f"[{first},{_quoted(what)},{_quoted(subject)},{_quoted(data)},{_quoted(prev)}]"
    return hashlib.sha256(form.encode()).hexdigest()


_data_text = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode
"""Made once: json.dumps makes an encoder a call."""


def head(conn: Connection) -> Head:
    """The chain's head as this transaction sees it."""
    row = conn.execute(select(audit.c.seq, audit.c.hash).order_by(audit.c.seq.desc()).limit(1)).first()
    return Head(row.seq, row.hash) if row else Head(0, GENESIS)


def append(conn: Connection, entries: Iterable[Entry]) -> Head:
    """Append in the caller's transaction, last before its commit; who writes has the turn: see `Store.work`."""
    last = head(conn)
    rows = []
    for item in entries:
        seq = last.count + 1
        last, prev = Head(seq, row_hash(seq, item, last.hash)), last.hash
        rows.append(_as_row(seq, item, prev, last.hash))
    if rows:
        insert_many(conn, _insert(conn.dialect.name), rows)
    return last


@cache
def _insert(dialect: str) -> Insert:
    return plain(audit, dialect)


def holds(conn: Connection, wanted: Head) -> bool:
    """Whether this very row is in the chain."""
    found = conn.execute(select(audit.c.hash).where(audit.c.seq == wanted.count)).scalar()
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


def rows(conn: Connection) -> Generator[dict[str, object], None, None]:
    """Every row in order, streamed: constant memory. Close it before its transaction ends if it is left early."""
    with conn.execute(select(audit).order_by(audit.c.seq).execution_options(yield_per=2000)) as found:
        for row in found:
            yield dict(row._mapping)


def verify(conn: Connection, known_head: str | None = None) -> Head:
    """Walk the whole chain; its head.

    With `known_head` (64 hex digits, from the journal or a backup) that hash must be one of the chain's rows.
    Raises AuditBroken at the first row that does not fit.
    """
    count, last = 0, GENESIS
    met = known_head in {None, GENESIS}
    columns = (audit.c.seq, audit.c.at, audit.c.agency, audit.c.who, audit.c.what, audit.c.subject, audit.c.data)
    query = select(*columns, audit.c.prev_hash, audit.c.hash).order_by(audit.c.seq)
    with conn.execute(query.execution_options(yield_per=2000)) as found:
        for seq, at, agency, who, what, subject, data, prev_hash, own_hash in found:
            fits = seq == count + 1 and prev_hash == last
            if not fits or own_hash != _hash(seq, at, agency, who, what, subject, data, prev_hash):
                raise AuditBroken(f"Audit row {seq} does not follow from row {count}.", seq=seq)
            count, last = seq, own_hash
            met = met or own_hash == known_head
    if not met:
        raise AuditBroken(f"The head {known_head} is not in this chain of {count} rows.")
    return Head(count, last)
