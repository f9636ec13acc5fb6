"""What was written as a delivery stays: the database refuses to change or delete it, but for an erasure."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import Integer, text
from sqlalchemy.exc import DBAPIError

from lapor_sync.domain.delivery import Sent
from lapor_sync.domain.errors import StoreError
from lapor_sync.domain.report import OutgoingFile
from lapor_sync.store import outbox
from lapor_sync.store.database import Store
from lapor_sync.store.schema import attempt, delivery, delivery_file
from tests.store.samples import add, get, new

FIXED = (
    "seq",
    "agency",
    "ref",
    "tracking_id",
    "kind",
    "opd",
    "target",
    "text",
    "is_secret",
    "by",
    "written_at",
    "origin",
)
FREE = {
    one.name: "7" if isinstance(one.type, Integer) else "'x'" for one in delivery.columns if one.name not in FIXED
}
FREE |= {"state": "'held'", "accepted_closed": "1"}
NUMBERS = frozenset({"seq", "is_secret", "n", "http_status", "ms"})


def write(store: Store) -> None:
    """Two deliveries, one with a file; its try is over, that of the other in the air."""
    file = OutgoingFile(file_name="jalan.jpg", content=b"\xff\xd8")
    add(store, new(files=(file,), origin="sheet 1"), new("LS-BBBBBB", "7002", origin="sheet 2"))
    with store.work() as work:
        for ref in ("LS-AAAAAA", "LS-BBBBBB"):
            outbox.begin_attempt(work, ref)
        outbox.end_attempt(work, get(work, "LS-AAAAAA"), Sent(http_status=200), 3)


@pytest.fixture
def written(store: Store) -> Store:
    write(store)
    return store


def run(store: Store, *statements: str) -> None:
    with store.work() as work:
        for one in statements:
            work.conn.execute(text(one))


def rows(store: Store) -> list[object]:
    """All of the three tables."""
    with store.reading() as work:
        return [
            sorted(map(str, work.conn.execute(table.select()))) for table in (delivery, delivery_file, attempt)
        ]


def another(column: str) -> str:
    return f'{column} = coalesce("{column}", 0) + 40' if column in NUMBERS else f"\"{column}\" = 'x'"


CHANGES = {
    **{f"delivery.{name}": f"UPDATE delivery SET {another(name)} WHERE ref = 'LS-AAAAAA'" for name in FIXED},
    **{
        f"file.{name}": f"UPDATE delivery_file SET {another(name)}" for name in ("ref", "n", "agency", "file_name")
    },
    **{
        f"attempt.{name}": f"UPDATE attempt SET {another(name)} WHERE ref = 'LS-AAAAAA'"
        for name in ("ref", "n", "agency", "at", "outcome", "http_status", "ms", "why")
    },
    "all texts at once": "UPDATE delivery SET text = text || ' '",
    "a text made null": "UPDATE delivery SET target = text, origin = NULL",
    "a file emptied": "UPDATE delivery_file SET content = content || content",
    "a try that is over opened again": "UPDATE attempt SET outcome = NULL WHERE outcome IS NOT NULL",
    "a try in the air put elsewhere": "UPDATE attempt SET ref = 'LS-CCCCCC' WHERE ref = 'LS-BBBBBB'",
    "a delivery deleted": "DELETE FROM delivery WHERE ref = 'LS-AAAAAA'",
    "all deliveries deleted": "DELETE FROM delivery",
    "a file deleted": "DELETE FROM delivery_file",
    "a try deleted": "DELETE FROM attempt WHERE ref = 'LS-BBBBBB'",
}


def replacing(seq: str, ref: str, origin: str) -> str:
    """A delivery put in the place of those that have its number, reference or origin."""
    columns = (
        'seq, ref, origin, agency, tracking_id, kind, opd, text, is_secret, "by", written_at, state, tries, waits'
    )
    values = "'kota', '7001', 'response', '611', 'x', 0, 'x', 'x', 'queued', 0, 0, 0, 0"
    return (
        f"REPLACE INTO delivery ({columns}, accepted_closed, seen_count) VALUES ({seq}, {ref}, {origin}, {values})"
    )


ONLY_SQLITE = {
    "its number": replacing("1", "'n'", "NULL"),
    "its reference": replacing("NULL", "'LS-AAAAAA'", "NULL"),
    "its origin": replacing("NULL", "'n'", "'sheet 1'"),
    "a file": "REPLACE INTO delivery_file VALUES ('LS-AAAAAA', 0, 'kota', 'x', x'00')",
    "a file by its row": "REPLACE INTO delivery_file (rowid, ref, n, agency, file_name, content) "
    "VALUES (1, 'n', 0, 'kota', 'x', x'00')",
    "a try": "REPLACE INTO attempt (ref, n, agency, at) VALUES ('LS-AAAAAA', 1, 'kota', 'x')",
    "a try by its row": "REPLACE INTO attempt (rowid, ref, n, agency, at) VALUES (1, 'n', 1, 'kota', 'x')",
    "a row pushed out by another": "UPDATE OR REPLACE delivery SET rowid = 2 WHERE rowid = 1",
    "a try pushed out by another": "UPDATE OR REPLACE attempt SET rowid = 1 WHERE rowid = 2",
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_was_written_is_refused_to_be_changed(written: Store, change: str) -> None:
    """By whatever statement, of one row or of all; nothing is changed."""
    before = rows(written)
    with pytest.raises(StoreError, match="what was written stays"):
        run(written, CHANGES[change])
    assert rows(written) == before


@pytest.mark.parametrize("table", ["delivery", "delivery_file", "attempt", "delivery, attempt CASCADE"])
def test_postgresql_refuses_to_empty_the_tables(postgres_store: Store, table: str) -> None:
    """TRUNCATE is an event of its own there."""
    with pytest.raises(StoreError, match="what was written stays"):
        run(postgres_store, f"TRUNCATE {table}")


@pytest.mark.parametrize("recursive", ["ON", "OFF"])
@pytest.mark.parametrize("change", ONLY_SQLITE)
def test_sqlite_refuses_to_push_a_row_out(sqlite_store: Store, change: str, recursive: str) -> None:
    """REPLACE deletes without a delete trigger on a connection of anybody else's, such as the sqlite3 shell's."""
    write(sqlite_store)
    before = rows(sqlite_store)
    with sqlite_store.engine.connect() as conn:
        conn.exec_driver_sql("COMMIT")  # a pragma has no effect within a transaction
        conn.exec_driver_sql(f"PRAGMA recursive_triggers = {recursive}")
        with pytest.raises(DBAPIError, match="what was written stays"):
            conn.exec_driver_sql(ONLY_SQLITE[change])
        conn.invalidate()
    assert rows(sqlite_store) == before


def test_what_the_program_changes_stays_free(written: Store) -> None:
    """States, counts and times, of one delivery or of all at once; a column set to what it is is no change."""
    for column, value in FREE.items():
        run(written, f"UPDATE delivery SET {column} = {value}")
    run(
        written,
        "UPDATE delivery SET text = text, origin = origin",
        "UPDATE attempt SET ms = 5 WHERE outcome IS NULL",
    )


def test_a_lawful_erasure_is_said_and_then_goes(written: Store) -> None:
    """The words of the documents; afterwards the tables are closed again."""
    run(
        written,
        "INSERT INTO mark (agency, name, value) VALUES ('', 'erasing', 'Sari')",
        "UPDATE delivery SET text = '', \"by\" = '' WHERE ref = 'LS-AAAAAA'",
        "DELETE FROM delivery_file WHERE ref = 'LS-AAAAAA'",
        "UPDATE attempt SET why = NULL WHERE ref = 'LS-AAAAAA'",
        "DELETE FROM mark WHERE agency = '' AND name = 'erasing'",
    )
    with written.reading() as work:
        one = get(work, "LS-AAAAAA")
        assert (one.delivery.text, one.by) == ("", "")
        assert outbox.files_of(work, ["LS-AAAAAA"]) == {}
    with pytest.raises(StoreError, match="what was written stays"):
        run(written, "DELETE FROM delivery WHERE ref = 'LS-AAAAAA'")


def test_the_guard_against_a_second_writing_looks_deliveries_up(store: Store) -> None:
    """Each of its questions is answered by an index: an insert costs the same however many there are."""
    if store.engine.dialect.name != "sqlite":
        return
    with store.reading() as work:
        guard = work.conn.execute(
            text("SELECT sql FROM sqlite_master WHERE name = 'delivery_no_insert'")
        ).scalar_one()
        asked = re.findall(r"EXISTS \((SELECT 1 FROM delivery WHERE .*?)\)(?= OR|\)\) AND)", guard)
        plans = [
            work.conn.exec_driver_sql("EXPLAIN QUERY PLAN " + re.sub(r"NEW\.\w+", "'1'", one)).all()
            for one in asked
        ]
    assert len(asked) == 4
    assert all(row[-1].startswith("SEARCH") for plan in plans for row in plan)
