"""The audit chain: append-only, serialised, and every change of it found at the row where it was made."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from lapor_sync.domain.errors import AuditBroken, StoreError
from lapor_sync.store import audit
from lapor_sync.store.audit import GENESIS, Entry, Head
from lapor_sync.store.database import Store, make_engine
from tests.store.samples import python


def note(store: Store, *subjects: str) -> None:
    """One transaction with a row for each."""
    with store.work() as work:
        for subject in subjects:
            work.note("colour", subject, before=None, after="merah")


def head(store: Store) -> Head:
    with store.reading() as work:
        return audit.head(work.conn)


def verify(store: Store, known: str | None = None) -> Head:
    with store.reading() as work:
        return audit.verify(work.conn, known)


def hashes(store: Store) -> list[str]:
    with store.reading() as work:
        return [str(row["hash"]) for row in audit.rows(work.conn)]


@pytest.fixture
def chain(store: Store) -> Store:
    """A store with five rows in its chain, of two transactions."""
    note(store, "1", "2")
    note(store, "3", "4", "5")
    return store


def unguard(store: Store) -> None:
    """Drop what keeps the chain from being changed, as an intruder with the file would."""
    with store.work() as work:
        if work.conn.dialect.name == "sqlite":
            for event in ("update", "delete", "insert"):
                work.conn.execute(text(f"DROP TRIGGER audit_no_{event}"))
        else:
            for trigger in ("audit_no_change", "audit_no_truncate"):
                work.conn.execute(text(f"DROP TRIGGER {trigger} ON audit"))


def run(store: Store, *statements: str) -> None:
    with store.work() as work:
        for statement in statements:
            work.conn.execute(text(statement))


def test_an_empty_chain_is_sound(store: Store) -> None:
    """Before the first row the head is the genesis."""
    assert verify(store) == head(store) == Head(0, GENESIS)
    assert verify(store, GENESIS) == Head(0, GENESIS)
    with store.work() as work:
        assert audit.append(work.conn, []) == Head(0, GENESIS)


def test_each_row_holds_the_hash_of_the_one_before(chain: Store) -> None:
    """Numbered from one, without a gap, across transactions."""
    with chain.reading() as work:
        rows = list(audit.rows(work.conn))
    assert [row["seq"] for row in rows] == [1, 2, 3, 4, 5]
    assert [row["prev_hash"] for row in rows] == [GENESIS, *(row["hash"] for row in rows[:-1])]
    assert verify(chain) == Head(5, str(rows[-1]["hash"]))


def test_the_hash_is_what_the_documents_say(chain: Store) -> None:
    """A stranger can compute it: SHA-256 of a JSON array of the columns in order."""
    with chain.reading() as work:
        row = next(audit.rows(work.conn))
    parts = [row[name] for name in ("seq", "at", "agency", "who", "what", "subject", "data", "prev_hash")]
    canonical = json.dumps(parts, separators=(",", ":"), ensure_ascii=False)
    assert row["hash"] == hashlib.sha256(canonical.encode()).hexdigest()


def test_the_program_in_the_documents_proves_an_export(chain: Store) -> None:
    """It knows nothing but what `audit export` prints; a letter that was changed stops it."""
    rules = Path(__file__).parents[2] / "docs" / "rules.md"
    program = rules.read_text(encoding="utf-8").split("```python\nimport hashlib")[1].split("```")[0]
    with chain.reading() as work:
        rows = [{**row, "data": json.loads(str(row["data"]))} for row in audit.rows(work.conn)]

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


def test_an_older_head_is_in_the_chain(chain: Store) -> None:
    """A head that was written down a year ago still proves what came before it."""
    for known in hashes(chain):
        assert verify(chain, known).count == 5


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
AGAIN = "(2, 'x', 'x', 'x', 'x', 'x', '{}', 'x', 'x')"
ONLY_SQLITE = {
    "replace": f"REPLACE INTO audit VALUES {AGAIN}",
    "insert or replace": f"INSERT OR REPLACE INTO audit VALUES {AGAIN}",
    "insert or ignore": f"INSERT OR IGNORE INTO audit VALUES {AGAIN}",
    "upsert": f"INSERT INTO audit VALUES {AGAIN} ON CONFLICT (seq) DO UPDATE SET who = 'x'",
    "replace by rowid": "REPLACE INTO audit (rowid, at, agency, who, what, subject, data, prev_hash, hash) "
    "VALUES (2, 'x', 'x', 'x', 'x', 'x', '{}', 'x', 'x')",
    "replace by both": "REPLACE INTO audit (seq, rowid, at, agency, who, what, subject, data, prev_hash, "
    "hash) VALUES (99, 2, 'x', 'x', 'x', 'x', 'x', '{}', 'x', 'x')",
    "update or replace": "UPDATE OR REPLACE audit SET seq = 3 WHERE seq = 2",
}
ONLY_POSTGRESQL = {
    "truncate": "TRUNCATE audit",
    "upsert": f"INSERT INTO audit VALUES {AGAIN} ON CONFLICT (seq) DO UPDATE SET who = 'x'",
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
    """One chain without a gap or a fork, through one store and through several."""
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
    for one in stores[2:]:
        one.close()
    assert verify(store).count == 4 * 15 * 2


def _append(store: Store, times: int) -> None:
    for n in range(times):
        note(store, f"{n}a", f"{n}b")


_APPEND = """
import sys
from lapor_sync.clock import SystemClock
from lapor_sync.store.database import open_store
store = open_store(sys.argv[1], "kota", SystemClock())
sys.stdin.read()
for n in range(25):
    with store.work() as work:
        work.note("colour", str(n))
        work.note("colour", str(n))
store.close()
"""


def test_processes_append_in_turn(store: Store, url: str) -> None:
    """The daemon and commands beside it make one chain."""
    processes = [python(_APPEND, url) for _ in range(3)]
    told = [one.communicate("", timeout=60) for one in processes]
    assert told == [("", "")] * 3
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
