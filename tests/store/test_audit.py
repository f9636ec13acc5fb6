"""The audit chain: append-only, serialised, and every change of it found at the row where it was made."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from lapor_sync.domain.errors import AuditBroken, StoreError, StoreReplaced
from lapor_sync.store import audit
from lapor_sync.store.audit import GENESIS, Entry, Head
from lapor_sync.store.database import Store, make_engine
from lapor_sync.store.schema import audit as audit_table
from tests.store.elsewhere import append, together


def note(store: Store, *subjects: str) -> None:
    """One transaction with a row for each."""
    with store.work() as work:
        for subject in subjects:
            work.note("colour", subject, before=None, after="merah")


def head(store: Store) -> Head:
    with store.reading() as work:
        return audit.head(work.conn, work.agency)


def verify(store: Store, known: str | None = None) -> Head:
    with store.reading() as work:
        return audit.verify(work.conn, work.agency, known)


def hashes(store: Store) -> list[str]:
    with store.reading() as work:
        return [str(row["hash"]) for row in audit.rows(work.conn, work.agency)]


@pytest.fixture
def chain(store: Store) -> Store:
    """A store with five rows in its chain, of two transactions."""
    note(store, "1", "2")
    note(store, "3", "4", "5")
    return store


def unguard(store: Store) -> None:
    """Take away what keeps the chain from being changed, as an intruder with the file would."""
    with store.work() as work:
        if work.conn.dialect.name == "sqlite":
            for event in ("update", "delete", "insert"):
                work.conn.execute(text(f"DROP TRIGGER audit_no_{event}"))
        else:
            work.conn.execute(text("ALTER TABLE audit DISABLE TRIGGER USER"))


def run(store: Store, *statements: str) -> None:
    with store.work() as work:
        for statement in statements:
            work.conn.execute(text(statement))


def test_an_empty_chain_is_sound(store: Store) -> None:
    """Before the first row the head is the genesis."""
    assert verify(store) == head(store) == Head(0, GENESIS)
    assert verify(store, GENESIS) == Head(0, GENESIS)
    with store.work() as work:
        assert audit.append(work.conn, work.agency, []) == Head(0, GENESIS)


def test_each_row_holds_the_hash_of_the_one_before(chain: Store) -> None:
    """Numbered from one, without a gap, across transactions."""
    with chain.reading() as work:
        rows = list(audit.rows(work.conn, work.agency))
    assert [row["seq"] for row in rows] == [1, 2, 3, 4, 5]
    assert [row["prev_hash"] for row in rows] == [GENESIS, *(row["hash"] for row in rows[:-1])]
    assert verify(chain) == Head(5, str(rows[-1]["hash"]))


def test_the_hash_is_what_the_documents_say(chain: Store) -> None:
    """A stranger can compute it: SHA-256 of a JSON array of the columns in order."""
    with chain.reading() as work:
        row = next(audit.rows(work.conn, work.agency))
    row["data"] = json.dumps(row["data"], separators=(",", ":"), sort_keys=True)
    parts = [row[name] for name in ("seq", "at", "agency", "who", "what", "subject", "data", "prev_hash")]
    canonical = json.dumps(parts, separators=(",", ":"), ensure_ascii=False)
    assert row["hash"] == hashlib.sha256(canonical.encode()).hexdigest()


def test_the_program_in_the_documents_proves_an_export(chain: Store) -> None:
    """It knows nothing but what `audit export` prints; a letter that was changed stops it."""
    rules = Path(__file__).parents[2] / "docs" / "rules.md"
    program = rules.read_text(encoding="utf-8").split("```python\nimport hashlib")[1].split("```")[0]
    with chain.reading() as work:
        rows = list(audit.rows(work.conn, work.agency))

    def proved() -> subprocess.CompletedProcess[str]:
        lines = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
        command = [sys.executable, "-X", "utf8", "-c", "import hashlib" + program]
        return subprocess.run(command, input=lines, capture_output=True, encoding="utf-8")

    assert proved().stdout == f"head {head(chain).hash}\n"
    rows[2]["who"] = "somebody else"
    assert proved().returncode == 1


@pytest.mark.parametrize("column", ["at", "agency", "who", "what", "subject", "data", "prev_hash", "hash"])
def test_a_changed_row_is_found_where_it_is(chain: Store, column: str) -> None:
    """Whatever was changed in the third row, the third row is named."""
    unguard(chain)
    run(chain, f"UPDATE audit SET {column} = {column} || 'x' WHERE seq = 3")
    with pytest.raises(AuditBroken) as broken:
        verify(chain)
    assert broken.value.seq == 3


def test_a_row_taken_out_is_found(chain: Store) -> None:
    """The one after it does not follow."""
    unguard(chain)
    run(chain, "DELETE FROM audit WHERE seq = 2")
    with pytest.raises(AuditBroken, match="row 3 does not follow from row 1") as broken:
        verify(chain)
    assert broken.value.seq == 3


def test_rows_that_changed_places_are_found(chain: Store) -> None:
    """The order is part of each hash."""
    unguard(chain)
    run(
        chain,
        "UPDATE audit SET seq = 99 WHERE seq = 2",
        "UPDATE audit SET seq = 2 WHERE seq = 3",
        "UPDATE audit SET seq = 3 WHERE seq = 99",
    )
    with pytest.raises(AuditBroken) as broken:
        verify(chain)
    assert broken.value.seq == 2


def test_a_first_row_taken_out_is_found(chain: Store) -> None:
    """The chain begins at one."""
    unguard(chain)
    run(chain, "DELETE FROM audit WHERE seq = 1")
    with pytest.raises(AuditBroken) as broken:
        verify(chain)
    assert broken.value.seq == 2


def test_a_cut_tail_is_found_with_a_head_from_elsewhere_only(chain: Store) -> None:
    """What the documents say: without the head from the journal a shorter chain looks sound."""
    known = head(chain)
    assert verify(chain, known.hash) == known
    unguard(chain)
    run(chain, "DELETE FROM audit WHERE seq >= 4")
    assert verify(chain).count == 3
    with pytest.raises(AuditBroken, match="not in this chain of 3 rows"):
        verify(chain, known.hash)


@pytest.mark.parametrize("wrong", [None, *range(1, 6)])
def test_a_chain_is_proven_in_halves_as_in_one(chain: Store, wrong: int | None) -> None:
    """What the first comes to is what the second begins from; neither passes over a row that was changed."""
    unguard(chain)
    run(chain, f"UPDATE audit SET who = 'x' WHERE seq = {wrong or 0}")
    with chain.reading() as work:
        middle = audit.middle(work.conn, work.agency)
        assert middle.count == 2
        parts = ((audit.START, 2, middle), (middle, None, audit.head(work.conn, work.agency)))
        for after, until, end in parts:
            if wrong is not None and after.count < wrong <= end.count:
                with pytest.raises(AuditBroken, match=f"Audit row {wrong} does not follow"):
                    audit.walk(work.conn, work.agency, after, until)
            else:
                assert audit.walk(work.conn, work.agency, after, until) == end


def test_a_row_too_large_is_none_of_the_half_before_it(chain: Store) -> None:
    unguard(chain)
    long = "printf('%.*c', 3000000, 'x')" if chain.engine.dialect.name == "sqlite" else "repeat('x', 3000000)"
    run(chain, f"UPDATE audit SET data = {long} WHERE seq = 4")
    with chain.reading() as work:
        middle = audit.middle(work.conn, work.agency)
        assert audit.walk(work.conn, work.agency, audit.START, middle.count) == middle
        with pytest.raises(AuditBroken, match="Audit row 4, after 3 others, cannot be read"):
            audit.walk(work.conn, work.agency, middle)


def test_an_older_head_is_in_the_chain(chain: Store) -> None:
    """A head that was written down a year ago still proves what came before it."""
    for known in hashes(chain):
        assert verify(chain, known).count == 5


def test_a_chain_that_was_set_back_under_a_process_gets_no_further_row(chain: Store) -> None:
    """As by a snapshot of PostgreSQL's server, or an older copy: what was sent since is not in it."""
    before = head(chain)
    unguard(chain)
    with chain.engine.begin() as conn:
        conn.execute(audit_table.delete().where(audit_table.c.seq > 3))
    with pytest.raises(StoreReplaced, match="was set back") as said:
        note(chain, "6")
    assert said.value.exit_code == 2
    assert head(chain) == Head(3, hashes(chain)[2])
    anew = Store(chain.engine, chain.agency, chain.clock)
    note(anew, "other", "ones", "than", "before")
    assert head(anew).count > before.count
    with pytest.raises(StoreReplaced):
        note(chain, "8")


def test_what_another_process_wrote_is_no_older_state(chain: Store) -> None:
    other = Store(chain.engine, chain.agency, chain.clock)
    for number in range(3):
        note(other, f"other {number}")
        note(chain, f"mine {number}")
    assert verify(chain).count == 11


def test_a_head_that_was_never_there_is_refused(chain: Store) -> None:
    """The chain is sound, and it is another one."""
    with pytest.raises(AuditBroken) as broken:
        verify(chain, "f" * 64)
    assert broken.value.seq is None


CHANGES = {
    "update": "UPDATE audit SET who = 'x' WHERE seq = 2",
    "update of all": "UPDATE audit SET who = who",
    "delete": "DELETE FROM audit WHERE seq = 5",
    "delete of all": "DELETE FROM audit",
}
AGAIN = "(2, 'x', 'x', 'x', 'x', 'x', '{}', 'x', 'x', 'kota')"
ONLY_SQLITE = {
    "replace": f"REPLACE INTO audit VALUES {AGAIN}",
    "insert or replace": f"INSERT OR REPLACE INTO audit VALUES {AGAIN}",
    "insert or ignore": f"INSERT OR IGNORE INTO audit VALUES {AGAIN}",
    "upsert": f"INSERT INTO audit VALUES {AGAIN} ON CONFLICT (chain, seq) DO UPDATE SET who = 'x'",
    "replace by rowid": "REPLACE INTO audit (rowid, seq, at, agency, who, what, subject, data, prev_hash, hash, chain) "
    "VALUES (2, 99, 'x', 'x', 'x', 'x', 'x', '{}', 'x', 'x', 'kota')",
    "replace by both": "REPLACE INTO audit (seq, rowid, at, agency, who, what, subject, data, prev_hash, "
    "hash, chain) VALUES (2, 99, 'x', 'x', 'x', 'x', 'x', '{}', 'x', 'x', 'kota')",
    "update or replace": "UPDATE OR REPLACE audit SET seq = 3 WHERE seq = 2",
}
ONLY_POSTGRESQL = {
    "truncate": "TRUNCATE audit",
    "upsert": f"INSERT INTO audit VALUES {AGAIN} ON CONFLICT (chain, seq) DO UPDATE SET who = 'x'",
    "merge": "MERGE INTO audit USING (SELECT 2 AS n) AS one ON seq = n WHEN MATCHED THEN DELETE",
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_database_refuses_to_change_the_chain(chain: Store, change: str) -> None:
    """By whatever statement, and nothing is changed."""
    before = head(chain)
    with pytest.raises(StoreError):
        run(chain, CHANGES[change])
    assert verify(chain) == before


@pytest.mark.parametrize("change", ONLY_POSTGRESQL)
def test_postgresql_refuses_its_own_ways(postgres_store: Store, change: str) -> None:
    """TRUNCATE is an event of its own there."""
    note(postgres_store, "1", "2", "3")
    with pytest.raises(StoreError, match="append-only"):
        run(postgres_store, ONLY_POSTGRESQL[change])
    assert verify(postgres_store).count == 3


@pytest.mark.parametrize("recursive", ["ON", "OFF"])
@pytest.mark.parametrize("change", ONLY_SQLITE)
def test_sqlite_refuses_its_own_ways(sqlite_store: Store, change: str, recursive: str) -> None:
    """REPLACE deletes without a delete trigger on a connection of anybody else's, such as the sqlite3 shell's."""
    note(sqlite_store, "1", "2", "3")
    before = hashes(sqlite_store)
    with sqlite_store.engine.connect() as conn:
        conn.exec_driver_sql("COMMIT")  # a pragma has no effect within a transaction
        conn.exec_driver_sql(f"PRAGMA recursive_triggers = {recursive}")
        with pytest.raises(DBAPIError):
            conn.exec_driver_sql(ONLY_SQLITE[change])
        conn.invalidate()
    assert hashes(sqlite_store) == before
    assert verify(sqlite_store).count == 3


def test_threads_append_in_turn(store: Store, url: str) -> None:
    """One chain an agency without a gap or a fork, through one store and through several."""
    stores = [
        store,
        store,
        Store(make_engine(url), "kota", store.clock),
        Store(make_engine(url), "b", store.clock),
    ]
    threads = [threading.Thread(target=_append, args=(one, 15)) for one in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (verify(store).count, verify(stores[3]).count) == (3 * 15 * 2, 15 * 2)
    for one in stores[2:]:
        one.close()


def _append(store: Store, times: int) -> None:
    for n in range(times):
        note(store, f"{n}a", f"{n}b")


def test_processes_append_in_turn(store: Store, url: str) -> None:
    """The daemon and commands beside it make one chain."""
    assert together(append, *[(url,)] * 3) == ["written"] * 3
    assert verify(store).count == 3 * 25 * 2


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(who=st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=30), data=st.integers())
def test_any_name_of_a_person_verifies(store: Store, who: str, data: int) -> None:
    """The canonical form is the same before the database and after it, whatever the letters."""
    with store.work() as work:
        work.note("conflict_settled", "7001", who=who, data=data)
    assert verify(store) == head(store)


def test_what_cannot_be_canonical_stops_the_change(store: Store) -> None:
    """A value that JSON does not know is a fault of ours: the transaction does not go through without its row."""
    values: Any = {"at": object()}
    with pytest.raises(TypeError), store.work() as work:
        work.note("colour", "7001", **values)
    assert head(store).count == 0


@given(st.lists(st.text(), min_size=7, max_size=7), st.integers(1, 10**9))
def test_a_row_is_hashed_in_the_form_that_is_documented(texts: list[str], seq: int) -> None:
    """A JSON array without spaces, whatever the texts: chains that were verify still."""
    *columns, prev_hash = texts
    form = json.dumps([seq, *texts], separators=(",", ":"), ensure_ascii=False)
    assert audit.row_hash(seq, Entry(*columns), prev_hash) == hashlib.sha256(form.encode()).hexdigest()


def test_each_letter_is_hashed_as_json_writes_it() -> None:
    """Chains were made with json's own quoting: whatever writes the form must do it the same way."""
    every = "".join(map(chr, [*range(0xD800), *range(0xE000, 0x110000)]))
    form = json.dumps([1, every, *"bcdef", every], separators=(",", ":"), ensure_ascii=False)
    assert audit.row_hash(1, Entry(every, *"bcdef"), every) == hashlib.sha256(form.encode()).hexdigest()


def loosen(store: Store) -> None:
    """Let the table take anything, as SQLite's do that somebody made anew; on PostgreSQL, null."""
    unguard(store)
    names = [column.name for column in audit_table.columns]
    if store.engine.dialect.name == "sqlite":
        run(store, "ALTER TABLE audit RENAME TO old", f"CREATE TABLE audit ({', '.join(names)})")
        run(store, "INSERT INTO audit SELECT * FROM old")
    else:
        for name in COLUMNS[1:]:
            run(store, f"ALTER TABLE audit ALTER COLUMN {name} DROP NOT NULL")


COLUMNS = [column.name for column in audit_table.columns if column.name != "chain"]
STRANGE = {
    "NULL": "null",
    "x'00ff'": "bytes and no text",
    "CAST(x'c328' AS TEXT)": "bytes and no text",
    "9223372036854775807": "a number",
    "1e300": "a number",
}


@pytest.mark.parametrize("value", STRANGE)
@pytest.mark.parametrize("column", COLUMNS[1:])
def test_a_strange_value_is_named_with_its_row(sqlite_store: Store, column: str, value: str) -> None:
    """Null, bytes, a number, a text that is no UTF-8: verify and export both say which row and what it is."""
    note(sqlite_store, "1", "2", "3")
    loosen(sqlite_store)
    run(sqlite_store, f"UPDATE audit SET {column} = {value} WHERE seq = 2")
    said = f"Audit row 2, after 1 others, cannot be read: {column} is {STRANGE[value]}"
    with pytest.raises(AuditBroken, match=said) as broken:
        verify(sqlite_store)
    assert broken.value.seq == 2
    with pytest.raises(AuditBroken, match=said):
        _all(sqlite_store)


@pytest.mark.parametrize("column", COLUMNS[1:])
def test_a_null_is_named_on_postgresql(postgres_store: Store, column: str) -> None:
    """There a column has one type; what it may hold is null."""
    note(postgres_store, "1", "2", "3")
    loosen(postgres_store)
    run(postgres_store, f"UPDATE audit SET {column} = NULL WHERE seq = 2")
    with pytest.raises(AuditBroken, match=f"Audit row 2, after 1 others, cannot be read: {column} is null"):
        verify(postgres_store)


def test_a_column_of_another_type_is_named_on_postgresql(postgres_store: Store) -> None:
    """Somebody changed the table."""
    note(postgres_store, "1")
    unguard(postgres_store)
    run(postgres_store, "ALTER TABLE audit ALTER COLUMN who TYPE bytea USING who::bytea")
    with pytest.raises(AuditBroken, match="who is bytes and no text"):
        verify(postgres_store)


@pytest.mark.parametrize(("value", "said"), [("NULL", "null"), ("'two'", "a text"), ("2.5", "a number")])
def test_a_number_that_is_none_is_named_by_its_place(sqlite_store: Store, value: str, said: str) -> None:
    """The row is told by how many stand before it."""
    note(sqlite_store, "1", "2", "3")
    loosen(sqlite_store)
    run(sqlite_store, f"UPDATE audit SET seq = {value} WHERE seq = 2")
    with pytest.raises(AuditBroken, match=f"after . others, cannot be read: seq is {said}"):
        list(_all(sqlite_store))
    with pytest.raises(AuditBroken):
        verify(sqlite_store)


def _all(store: Store) -> list[dict[str, object]]:
    with store.reading() as work:
        return list(audit.rows(work.conn, work.agency))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("UPDATE audit SET seq = 9223372036854775807 WHERE seq = 5", "rows 5 to 9223372036854775806 are missing"),
        ("UPDATE audit SET seq = -1 WHERE seq = 1", "Audit row -1 does not follow from row 0: its number is none"),
        ("DELETE FROM audit WHERE seq = 3", "Audit row 4 does not follow from row 2: row 3 is missing"),
        (
            "UPDATE audit SET who = 'x' WHERE seq = 3",
            "row 3 does not follow from row 2: it was changed, or its hash",
        ),
        (
            "UPDATE audit SET hash = 'x' WHERE seq = 3",
            "row 3 does not follow from row 2: it was changed, or its hash",
        ),
        ("UPDATE audit SET prev_hash = 'x' WHERE seq = 3", "it names another hash for the row before it"),
    ],
)
def test_what_does_not_follow_says_why(chain: Store, change: str, said: str) -> None:
    """Missing, changed, or in another's place."""
    unguard(chain)
    run(chain, change)
    with pytest.raises(AuditBroken, match=said):
        verify(chain)


def test_the_first_wrong_row_is_named_before_one_that_cannot_be_read(sqlite_store: Store) -> None:
    """A text that is no UTF-8 costs the driver all the rows that it fetches at once: not us."""
    note(sqlite_store, *map(str, range(120)))
    loosen(sqlite_store)
    run(sqlite_store, "UPDATE audit SET who = CAST(x'c328' AS TEXT) WHERE seq = 110")
    with pytest.raises(AuditBroken, match="Audit row 110, after 109 others, cannot be read: who is bytes"):
        verify(sqlite_store)
    run(sqlite_store, "UPDATE audit SET what = 'x' WHERE seq = 105")
    with pytest.raises(AuditBroken, match="Audit row 105 does not follow from row 104: it was changed"):
        verify(sqlite_store)


def test_a_row_that_is_too_large_is_said_and_not_loaded(chain: Store) -> None:
    """What stands before it is proven."""
    unguard(chain)
    long = "printf('%.*c', 3000000, 'x')" if chain.engine.dialect.name == "sqlite" else "repeat('x', 3000000)"
    run(chain, f"UPDATE audit SET data = {long} WHERE seq = 4")
    with pytest.raises(AuditBroken, match=r"Audit row 4, after 3 others, cannot be read: it has 30\d+ bytes"):
        verify(chain)


@pytest.mark.parametrize(
    "data",
    ["", "nothing", "[1", '{"a": 1}', '{"a":1,"a":1}', '{"a":' + "9" * 5000 + "}", "[" * 9000, '{"a":1e999}'],
)
def test_data_that_is_not_ours_is_not_exported(chain: Store, data: str) -> None:
    """Who is given the export could not prove the hash by it."""
    unguard(chain)
    run(chain, f"UPDATE audit SET data = '{data}' WHERE seq = 4".replace(":", "\\:"))
    with pytest.raises(AuditBroken, match="Audit row 4 cannot be read: data is no JSON as it is written here"):
        _all(chain)


def test_nothing_goes_on_from_a_last_row_without_a_hash(sqlite_store: Store) -> None:
    """Said as such, whoever asks: the cycle that would append, and `status`."""
    note(sqlite_store, "1", "2")
    loosen(sqlite_store)
    run(sqlite_store, "UPDATE audit SET hash = NULL WHERE seq = 2")
    with pytest.raises(AuditBroken, match="The last audit row, 2, cannot be gone on from"):
        head(sqlite_store)
    with pytest.raises(AuditBroken), sqlite_store.work() as work:
        work.note("colour", "3")


_ODD = [
    "NULL",
    "x''",
    "x'ff'",
    "''",
    "0",
    "-1",
    "1e999",
    "'\ud7ff'",
    "CAST(x'eda080' AS TEXT)",
    "zeroblob(2000000)",
]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(1, 5), st.sampled_from(COLUMNS), st.sampled_from(_ODD)), min_size=1, max_size=4)
)
def test_whatever_stands_in_the_table_is_said(sqlite_store: Store, changes: list[tuple[int, str, str]]) -> None:
    """Never another error than that the audit is broken; what is exported before it is sound."""
    if head(sqlite_store).count == 0:
        note(sqlite_store, *"12345")
        loosen(sqlite_store)
    with sqlite_store.engine.connect() as conn:
        for row, column, value in changes:
            conn.exec_driver_sql(f"UPDATE audit SET {column} = {value} WHERE rowid = {row}")
        with pytest.raises(AuditBroken, match=r"Audit row .*(cannot be read|does not follow)"):
            audit.verify(conn, "kota")
        with suppress(AuditBroken):
            assert all(isinstance(row["data"], dict) for row in audit.rows(conn, "kota"))
        conn.rollback()
