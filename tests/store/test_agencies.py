"""Many agencies in one database: each has its own audit chain, writer's turn and worker, and keeps nobody waiting."""

from __future__ import annotations

import fcntl
import os
import threading
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from lapor_sync.domain.delivery import Reason, State
from lapor_sync.domain.errors import AuditBroken, LockHeld, StoreBusy, StoreError
from lapor_sync.store import audit, backup, database, lock, outbox
from lapor_sync.store.audit import GENESIS, Head
from lapor_sync.store.database import Store, make_engine, open_store
from lapor_sync.store.keys import TURN, key_of
from lapor_sync.store.migrations import upgrade
from tests.databases import StillClock, admin
from tests.store.samples import add, new
from tests.store.test_upgrades import EARLIER, fill, rows_of


def note(store: Store, *subjects: str) -> Head:
    """One transaction with a row for each; the head then."""
    with store.work() as work:
        for subject in subjects:
            work.note("colour", subject)
    return verified(store)


def verified(store: Store) -> Head:
    with store.reading() as work:
        return audit.verify(work.conn, work.agency)


# The audit.


def test_each_agency_has_a_chain_of_its_own(store: Store, other_city: Store) -> None:
    """Numbered from one, from the genesis, however they took turns; neither's rows or heads are in the other's."""
    mine, theirs = note(store, "1"), note(other_city, "1")
    mine, theirs = note(store, "2", "3"), note(other_city, "2")
    assert (mine.count, theirs.count) == (3, 2)
    for one, head, other in ((store, mine, theirs), (other_city, theirs, mine)):
        with one.reading() as work:
            rows = list(audit.rows(work.conn, one.agency))
            assert [row["seq"] for row in rows] == list(range(1, head.count + 1))
            assert rows[0]["prev_hash"] == GENESIS
            assert {row["agency"] for row in rows} == {one.agency}
            assert audit.head(work.conn, one.agency) == head
            assert audit.holds(work.conn, one.agency, head)
            assert not audit.holds(work.conn, one.agency, other)
            with pytest.raises(AuditBroken, match="not in this chain"):
                audit.verify(work.conn, one.agency, other.hash)


def test_a_chain_that_is_broken_is_its_agencys_alone(store: Store, other_city: Store) -> None:
    """The other one verifies and goes on; a row that was put into the other's chain is missing in its own."""
    note(store, "1", "2", "3")
    whole = note(other_city, "1", "2")
    for drop in ("audit_no_update", "audit_no_change ON audit"):
        if ("ON" in drop) == (store.engine.dialect.name == "postgresql"):
            with store.work() as work:
                work.conn.execute(text(f"DROP TRIGGER {drop}"))
    with store.work() as work:
        work.conn.execute(text("UPDATE audit SET chain = 'kota-lain', seq = 99 WHERE chain = 'kota' AND seq = 2"))
    with pytest.raises(AuditBroken, match="row 2 is missing"):
        verified(store)
    with pytest.raises(AuditBroken, match="rows 3 to 98 are missing"):
        verified(other_city)
    with store.work() as work:
        work.conn.execute(text("UPDATE audit SET chain = 'kota', seq = 2, who = 'x' WHERE seq = 99"))
    with pytest.raises(AuditBroken, match="row 2"):
        verified(store)
    assert verified(other_city) == whole
    assert note(other_city, "3").count == 3


def test_an_old_chain_of_two_agencies_goes_on_as_that_of_the_one_that_wrote_most(
    empty_url: str, clock: StillClock
) -> None:
    """It was one before: it can be proven only whole. A program of before that is still at work appends to it."""
    engine = create_engine(empty_url)
    upgrade(engine, "0009")
    entry = audit.entry(at="t", agency="kota", who="w", what="colour", subject="1", data={})
    entries = [entry, entry._replace(agency="kota-lain"), entry]
    insert = "INSERT INTO audit (seq, at, agency, who, what, subject, data, prev_hash, hash) VALUES "
    with engine.begin() as conn:
        last = Head(0, GENESIS)
        for number, one in enumerate(entries, 1):
            own = audit.row_hash(number, one, last.hash)
            conn.exec_driver_sql(f"{insert} {(number, *one, last.hash, own)}")
            last = Head(number, own)
    upgrade(engine)
    store = open_store(empty_url, "kota", clock)
    assert verified(store) == last
    with engine.begin() as conn:
        own = audit.row_hash(4, entry, last.hash)
        conn.exec_driver_sql(f"{insert} {(4, *entry, last.hash, own)}")
    assert verified(store) == Head(4, own)
    assert note(Store(store.engine, "kota-lain", clock), "1").count == 1
    store.close()
    engine.dispose()


# The writer's turn.


def test_two_agencies_write_side_by_side(postgres_store: Store) -> None:
    """One is in the midst of a transaction: the other's begins and ends; its own second one waits."""
    theirs, mine = Store(postgres_store.engine, "b", postgres_store.clock), []

    def again() -> None:
        other = Store(postgres_store.engine, postgres_store.agency, postgres_store.clock)
        mine.append(note(other, "2").count)

    second = threading.Thread(target=again)
    with postgres_store.work() as work:
        assert note(theirs, "1").count == 1  # who waits here waits for ever, and is refused
        second.start()
        second.join(0.3)
        assert second.is_alive()
        work.note("colour", "1")
    second.join(60)
    assert mine == [2]


def test_what_changes_the_whole_database_waits_for_every_writer(
    postgres_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A migration, or a program of before: nobody writes beside it, for whichever agency."""
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.2)
    holder = make_engine(str(postgres_store.engine.url))
    with holder.begin() as conn:
        conn.execute(text(f"SELECT pg_advisory_xact_lock({TURN})"))
        for agency in ("kota", "b"):
            with pytest.raises(StoreBusy):
                note(Store(postgres_store.engine, agency, postgres_store.clock), "1")
    holder.dispose()
    assert note(postgres_store, "1").count == 1


def test_the_keys_of_agencies_are_the_same_everywhere_and_never_meet() -> None:
    """Two versions of the program, on two machines, must mean the same lock: so these numbers never change."""
    assert key_of("turn", "kota") == -6455123678258354678
    assert key_of("worker", "kota") == -5005998362459036939
    keys = {key_of(what, f"kota-{n}") for n in range(5000) for what in ("turn", "worker")}
    assert len(keys) == 10_000


def test_a_reference_that_two_agencies_write_at_once_is_one_agencys(
    postgres_store: Store, clock: StillClock
) -> None:
    """They no longer take turns: the database itself keeps references apart."""
    stores = [Store(make_engine(str(postgres_store.engine.url)), agency, clock) for agency in ("kota", "b")]
    together, came = threading.Barrier(2), []

    def write(one: Store) -> None:
        together.wait()
        try:
            with one.work() as work:
                for n in range(20):
                    outbox.add(work, new(f"LS-AAAA{n:02}"))
            came.append(one.agency)
        except StoreError:
            pass

    threads = [threading.Thread(target=write, args=(one,)) for one in stores]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(came) == 1
    with postgres_store.reading() as work:
        assert work.conn.execute(text("SELECT count(*), count(DISTINCT ref) FROM delivery")).one() == (20, 20)
    for store in stores:
        store.close()


def test_a_sheets_row_is_taken_once_by_each_agency(store: Store, other_city: Store) -> None:
    """The same row of two agencies is two responses: what one took is nothing that the other has written."""
    add(store, new("LS-AAAAAA", origin="a"))
    with other_city.reading() as work:
        assert outbox.origins(work, ["a"]) == set()
    add(other_city, new("LS-BBBBBB", origin="a"))
    with pytest.raises(StoreError, match="refused"):
        add(other_city, new("LS-CCCCCC", origin="a"))


def test_what_one_found_in_a_thread_the_other_may_find_too(store: Store, other_city: Store) -> None:
    """After a restore nobody knows whose it is: taken for the other's alone, its own would be sent once more."""
    with store.work() as work:
        outbox.add(work, new(), state=State.SENT, reason=Reason.RECOVERED)
    with other_city.work() as work:
        assert not outbox.is_taken(work, "LS-AAAAAA")
        outbox.add(work, new(), state=State.SENT, reason=Reason.RECOVERED)
        assert outbox.is_taken(work, "LS-AAAAAA")


# The worker.


def test_two_agencies_are_worked_at_once_and_none_twice(store: Store, other_city: Store, url: str) -> None:
    """By two processes or in one; who looks is told of its own agency's worker."""
    engine = make_engine(url)
    with lock.working(store.engine, "kota", "daemon") as mine:
        assert lock.holder(engine, "kota-lain") is None
        with lock.working(engine, "kota-lain", "backfill") as theirs:
            for holding, one in ((mine, store), (theirs, other_city)):
                holding.check()
                assert holding.may_leave()
                with one.work() as work:
                    holding.claim(work)
                    holding.still_answers(work)
            for agency, what in (("kota", "daemon"), ("kota-lain", "backfill")):
                assert (lock.holder(engine, agency) or "").startswith(f"{what}, pid {os.getpid()}")
                with pytest.raises(LockHeld, match=what), lock.working(engine, agency, "cycle"):
                    pytest.fail("two at work")
        mine.check()
    assert lock.holder(engine, "kota") is None
    engine.dispose()


def test_who_needs_the_whole_database_works_with_nobody(store: Store, url: str) -> None:
    """A restore, or a program of before: either it is refused, or every agency's worker is."""
    engine = make_engine(url)
    with (
        lock.working(store.engine, "b", "daemon"),
        pytest.raises(LockHeld, match="daemon, pid"),
        lock.alone(engine, "restore"),
    ):
        pytest.fail("not alone")
    with lock.alone(engine, "restore") as holding:
        holding.check()
        for agency in ("kota", "b"):
            assert (lock.holder(store.engine, agency) or "").startswith("restore, pid")
            with pytest.raises(LockHeld, match="restore, pid"), lock.working(store.engine, agency, "daemon"):
                pytest.fail("not alone")
    engine.dispose()


def test_a_program_of_before_and_this_one_never_work_at_once_on_sqlite(sqlite_store: Store) -> None:
    """It has the database's file of before for itself, or does not get it."""
    with Path(f"{sqlite_store.engine.url.database}.lock").open("w") as file:
        with lock.working(sqlite_store.engine, "kota", "daemon"), pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with pytest.raises(LockHeld), lock.working(sqlite_store.engine, "kota", "daemon"):
            pytest.fail("two at work")


def test_a_program_of_before_and_this_one_never_work_at_once_on_postgresql(postgres_store: Store) -> None:
    """The same by its session's lock."""
    with postgres_store.engine.connect() as conn:
        with lock.working(postgres_store.engine, "kota", "daemon"):
            assert not conn.execute(text("SELECT pg_try_advisory_lock(445676044)")).scalar()
        assert conn.execute(text("SELECT pg_try_advisory_lock(445676044)")).scalar()
        with pytest.raises(LockHeld), lock.working(postgres_store.engine, "kota", "daemon"):
            pytest.fail("two at work")
        conn.execute(text("SELECT pg_advisory_unlock_all()"))


@pytest.mark.parametrize("left_under", ["kota", ""])
def test_one_that_may_be_frozen_is_waited_for_by_its_own_agency(
    store: Store, other_city: Store, left_under: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others begin at once. What a program of before left names no agency: everybody waits for it, once."""
    asked: list[float] = []

    def later() -> float:
        asked.append(lock.TAKE_OVER_SECONDS * len(asked))
        return asked[-1]

    monkeypatch.setattr(lock, "boottime", later)
    with store.work() as work:
        row = {"agency": left_under, "value": '["another machine", 1, "1", "t"]'}
        work.conn.execute(text("INSERT INTO mark VALUES (:agency, 'holder', :value)"), row)
    for one, waits in ((other_city, not left_under), (store, bool(left_under))):
        asked.clear()
        with lock.working(one.engine, one.agency, "daemon") as holding, one.work() as work:
            holding.claim(work)
        assert bool(asked) == waits


def test_a_lost_session_is_noticed_by_its_own_worker(postgres_store: Store) -> None:
    """The other one goes on."""
    engine = postgres_store.engine
    with lock.working(engine, "kota", "daemon") as mine, lock.working(engine, "b", "backfill") as theirs:
        mine.check()
        admin(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name LIKE '%daemon%'"
        )
        with pytest.raises(StoreError, match="was lost"):
            mine.check()
        theirs.check()


# Backups.


def test_a_backup_tells_of_each_agency(sqlite_store: Store, tmp_path: Path) -> None:
    """And proves each one's chain."""
    other = Store(sqlite_store.engine, "b", sqlite_store.clock)
    add(sqlite_store, new())
    theirs = note(other, "1", "2")
    copy = tmp_path / "copy.db"
    database_file = Path(str(sqlite_store.engine.url.database))
    backup.copy(database_file, copy, at_work=True)
    held = backup.look_into(copy)
    assert (held.of("kota").deliveries, held.of("b").deliveries) == (1, 0)
    assert (held.of("kota").head, held.of("b").head) == (verified(sqlite_store), theirs)
    assert str(held) == f"b: {held.of('b')}; kota: {held.of('kota')}"
    assert held.of("c").head == Head(0, GENESIS)
    assert backup.head_of(database_file, "b") == theirs
    broken = create_engine(f"sqlite:///{copy}")
    with broken.begin() as conn:
        conn.exec_driver_sql("DROP TRIGGER audit_no_update")
        conn.exec_driver_sql("UPDATE audit SET who = 'x' WHERE chain = 'b' AND seq = 1")
    broken.dispose()
    with pytest.raises(AuditBroken):
        backup.look_into(copy)


def test_a_backup_of_before_has_one_chain(tmp_path: Path) -> None:
    """It is proven as it is, before it is brought up to date."""
    engine = create_engine(f"sqlite:///{tmp_path}/old.db")
    upgrade(engine, "0009")
    rows = rows_of(EARLIER[8])
    fill(engine, rows)
    engine.dispose()
    head = Head(rows["audit"][-1]["seq"], rows["audit"][-1]["hash"])
    held = backup.look_into(tmp_path / "old.db")
    assert list(held.agencies) == ["kota"]
    assert held.of("kota").head == backup.head_of(tmp_path / "old.db", "kota") == head
