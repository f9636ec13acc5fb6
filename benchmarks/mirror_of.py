"""A mirror of any size, made in the database itself: most reports long closed, some thousand open, some hundred late.

`python -m benchmarks.mirror_of URL COUNT`. Threads, deliveries and audit rows are with them. Each column holds what the
program would write; the rows go in at the driver's speed, a million reports in about two minutes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Table, text

from lapor_sync.clock import SystemClock
from lapor_sync.domain.colour import Colour, Verdict, WaitingOn
from lapor_sync.domain.people import DAEMON
from lapor_sync.domain.report import ItemKind, Report
from lapor_sync.store import audit, reports
from lapor_sync.store.database import Store, open_store
from lapor_sync.store.reports import Mirrored
from lapor_sync.store.schema import delivery, institution, raw_payload, report, status_change, thread_item
from lapor_sync.store.times import to_text

FIRST_ID = 20_000_000
AGENCY = "kota"
OPDS = tuple((str(611 + n), f"Dinas Urusan Nomor {n + 1} Kota") for n in range(30))
PAGE = 20_000

_WORDS = (
    "Jalan di depan pasar rusak dan berlubang sejak bulan lalu, mohon segera diperbaiki sebelum hujan datang. "
)


@dataclass(frozen=True)
class Kind:
    """A report as it comes: its status, its colour, how many of a thousand are so, and for how many days."""

    status: str
    verdict: Verdict
    share: int
    answers: int
    days: int
    late: bool = False


def _verdict(shade: Colour, waiting_on: WaitingOn | None, row: str) -> Verdict:
    return Verdict(colour=shade, waiting_on=waiting_on, row=row)


CLOSED = Kind("Selesai", _verdict(Colour.HIJAU, None, "2"), 960, 1, 2000)
OUT = Kind("Diarsipkan", _verdict(Colour.ABU, None, "1"), 34, 0, 2000)
ANSWERED = Kind("Dalam Proses", _verdict(Colour.KUNING, WaitingOn.REPORTER, "4"), 3, 1, 60)
WAITING = Kind("Belum Ditindaklanjuti", _verdict(Colour.MERAH, WaitingOn.OPD, "10"), 3, 0, 5)
LATE = Kind("Belum Ditindaklanjuti", _verdict(Colour.MERAH, WaitingOn.OPD, "10"), 0, 0, 40, late=True)


def kind_of(n: int, count: int) -> Kind:
    """The youngest reports are the open ones; of a million 6,000 are open and 500 of them late."""
    age = (count - 1 - n) * 1000 // count  # in thousandths, 0 the youngest
    if age >= 12:
        return OUT if n % 29 == 0 else CLOSED
    return (WAITING, ANSWERED, CLOSED, CLOSED)[n % 4] if n % 24 else LATE


def make(url: str, count: int, now: datetime | None = None) -> Store:
    """A store with a mirror of `count` reports, new or empty before; the caller closes it."""
    store = open_store(url, AGENCY, SystemClock())
    maker = _Maker(count, now or datetime.now(UTC))
    with store.engine.connect() as conn:
        with conn.begin():
            for table, columns, rows in maker.tables():
                insert(conn, table, columns, rows)
        with conn.begin():
            for entries in maker.entries():
                audit.append(conn, AGENCY, entries)
    _at_rest(store)
    return store


def made(url: str, count: int) -> None:
    """Make a mirror of `count` reports."""
    make(url, count).close()


def _at_rest(store: Store) -> None:
    """As a database is that has lived for a while: PostgreSQL's autovacuum came by, SQLite's log is written back."""
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        if conn.dialect.name == "sqlite":
            conn.exec_driver_sql("ROLLBACK")  # the store's own BEGIN
            conn.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            return
        conn.execute(text("SELECT setval(pg_get_serial_sequence('delivery', 'seq'), max(seq)) FROM delivery"))
        conn.execute(text("VACUUM ANALYZE"))


def insert(conn: Connection, table: Table, columns: Sequence[str], rows: Iterator[Sequence[Any]]) -> None:
    """Rows as tuples of these columns, the others null, by the quickest way that the driver has."""
    names = [f'"{column}"' for column in columns]
    if conn.dialect.name == "postgresql":
        cursor: Any = conn.connection.cursor()
        with cursor.copy(f"COPY {table.name} ({', '.join(names)}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        return
    sql = f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
    while page := list(islice(rows, PAGE)):
        conn.exec_driver_sql(sql, page)


class _Maker:
    """Rows of one size and one time."""

    def __init__(self, count: int, now: datetime) -> None:
        self.count, self.now = count, now

    def tables(self) -> Iterator[tuple[Table, Sequence[str], Iterator[Sequence[Any]]]]:
        yield institution, ("agency", "id", "name"), ((AGENCY, *opd) for opd in OPDS)
        yield report, [column.name for column in report.columns], self._reports()
        yield thread_item, _ITEM, self._threads()
        yield status_change, _CHANGE, self._changes()
        yield raw_payload, _RAW, self._raw()
        yield delivery, _DELIVERY, self._deliveries()

    def _received(self, n: int) -> datetime:
        """Evenly over five years."""
        return self.now - timedelta(days=1825) * ((self.count - n) / self.count)

    def _id(self, n: int) -> str:
        return str(FIRST_ID + n)

    def _reports(self) -> Iterator[Sequence[Any]]:
        names = [column.name for column in report.columns]
        kinds = (CLOSED, OUT, ANSWERED, WAITING, LATE)
        shapes = {(kind, opd): self._shape(kind, *OPDS[opd]) for kind in kinds for opd in range(len(OPDS))}
        at = {
            name: names.index(name) for name in ("tracking_id", "upstream_id", "row_hash", "closed_at", "due_at")
        }
        times = [names.index(name) for name in _TIMES]
        for n in range(self.count):
            kind = kind_of(n, self.count)
            row = shapes[kind, n % len(OPDS)].copy()
            received, last = self._received(n), to_text(self._last(n))
            row[at["tracking_id"]], row[at["upstream_id"]] = self._id(n), f"4{n:08}"
            row[at["row_hash"]] = f"{n:064x}"
            for place in times:
                row[place] = last
            row[names.index("created_at")] = to_text(received)
            if row[at["closed_at"]] is not None:
                row[at["closed_at"]] = last
            if row[at["due_at"]] is not None:
                row[at["due_at"]] = to_text(self.now + timedelta(days=-3 if kind.late else 3, seconds=n % 80_000))
            yield tuple(row)

    def _last(self, n: int) -> datetime:
        return min(self._received(n) + timedelta(days=5), self.now - timedelta(hours=3))

    def _shape(self, kind: Kind, opd: str, opd_name: str) -> list[Any]:
        is_closed = kind.verdict.waiting_on is None
        one = Mirrored(
            report=Report(
                tracking_id="",
                upstream_id="",
                status_name=kind.status,
                title=_WORDS[:60],
                content=_WORDS * 7,
                channel="Website",
                disposition_id=opd,
                disposition_name=opd_name,
                classification="Pengaduan Berkadar Pengawasan",
                category="Infrastruktur / Jalan",
                category_id="1203",
                location="Kelurahan Contoh, Kecamatan Contoh",
                reporter_name=None if is_closed else "Warga Contoh",
            ),
            first_seen_at=self.now,
            settled=True,
            verdict=kind.verdict,
            rules="1.0a1b2c3d",
            agreed=kind.verdict.colour,
            answers=kind.answers,
            closed_at=self.now if is_closed else None,
            deadline_clock=None if is_closed else "answer",
            due_at=None if is_closed else self.now,
        )
        row = reports.as_row(AGENCY, one)
        return [row[column.name] for column in report.columns]

    def _threads(self) -> Iterator[Sequence[Any]]:
        """A disposition, and an answer where there is one: two follow-ups of most reports."""
        for n in range(self.count):
            opd, name = OPDS[n % len(OPDS)]
            at = to_text(self._last(n))
            yield self._item(n, 0, ItemKind.DISPOSITION, "Admin", opd, "disposition", "Diteruskan.", at)
            if kind_of(n, self.count).answers:
                yield self._item(n, 1, ItemKind.ANSWER, name, None, "reply", _WORDS * 4, at)

    def _item(
        self, n: int, i: int, kind: str, who: str, to: str | None, code: str, words: str, at: str
    ) -> Sequence[Any]:
        return (AGENCY, self._id(n), f"{2 * n + i}", kind, who, to, code, words, at, "[]", at, i)

    def _changes(self) -> Iterator[Sequence[Any]]:
        for n in range(self.count):
            kind, at = kind_of(n, self.count), to_text(self._last(n))
            yield AGENCY, self._id(n), at, kind.status, "Belum Terverifikasi", ""

    def _raw(self) -> Iterator[Sequence[Any]]:
        """Of the last 90 days."""
        for n in range(self.count - self.count // 20, self.count):
            for what in ("row", "thread"):
                yield AGENCY, self._id(n), what, _WORDS * 12, to_text(self._last(n))

    def _deliveries(self) -> Iterator[Sequence[Any]]:
        """One report in fifty was answered through us; what the youngest hundredth was told is on its way."""
        for seq, n in enumerate(range(self.count % 50, self.count, 50), 1):
            is_young = n >= self.count - self.count // 100
            state = ("queued", "queued", "held", "unknown", "refused")[seq % 5] if is_young else "sent"
            at, sent = to_text(self._last(n)), state == "sent"
            ref, text_ = f"LS-{seq:06}", _WORDS * 3 + f"\n[Ref LS-{seq:06}]"
            seen = (at, at, 1) if sent else (None, None, 0)
            opd = OPDS[n % len(OPDS)][0]
            first = (seq, AGENCY, ref, self._id(n), "response", opd, text_, 0, "budi", at)
            yield (*first, state, 0, 0, "[]", 0, *seen)

    def entries(self) -> Iterator[list[audit.Entry]]:
        """One row a report: its colour when it was mirrored."""
        for first in range(0, self.count, PAGE):
            yield [self._entry(n) for n in range(first, min(first + PAGE, self.count))]

    def _entry(self, n: int) -> audit.Entry:
        kind = kind_of(n, self.count).verdict
        data = {"decision": "adopt", "before": None, "after": kind.colour, "agreed": kind.colour, "row": kind.row}
        return audit.entry(
            at=to_text(self._last(n)),
            agency=AGENCY,
            who=DAEMON.who,
            what="colour",
            subject=self._id(n),
            data={**data, "rules": "1.0a1b2c3d", "waiting_on": kind.waiting_on},
        )


_ITEM = (
    *("agency", "tracking_id", "item_id", "kind", "author", "institution_to", "template_code", "content"),
    *("created_at", "attachments", "first_seen_at", "position"),
)
_CHANGE = ("agency", "tracking_id", "at", "status_new", "status_old", "note")
_RAW = ("agency", "tracking_id", "what", "payload", "read_at")
_DELIVERY = (
    *("seq", "agency", "ref", "tracking_id", "kind", "opd", "text", "is_secret", "by", "written_at"),
    *("state", "tries", "waits", "baseline", "accepted_closed", "sent_at", "seen_at", "seen_count"),
)
_TIMES = ("updated_at", "read_at", "thread_read_at", "first_seen_at")


if __name__ == "__main__":
    make(sys.argv[1], int(sys.argv[2])).close()
