"""One process works a database at a time; who looks disturbs nobody; who dies holds nothing."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import make_url, text

from lapor_sync.domain.errors import LockHeld, SettingsWrong, StoreUnavailable
from lapor_sync.store import lock
from lapor_sync.store.database import Store, make_engine, open_store
from tests.databases import StillClock, admin, fresh
from tests.store.elsewhere import hold, hold_and_claim, process


@contextmanager
def other_process(url: str, hold: Callable[..., None] = hold) -> Iterator[int]:
    """Another process holds the database; its pid."""
    with process(hold, url) as (other, pipe):
        assert pipe.recv() == "held"
        assert other.pid is not None
        yield other.pid


def test_a_second_process_is_kept_out_and_told_who_works(store: Store, url: str) -> None:
    """Exit code 3, naming what the other does and its pid."""
    with (
        other_process(url) as pid,
        pytest.raises(LockHeld, match=f"daemon, pid {pid} on") as refused,
        lock.working(store.engine, store.agency, "cycle"),
    ):
        pytest.fail("two at work")
    assert refused.value.exit_code == 3


def test_a_killed_holder_holds_nothing(store: Store, url: str) -> None:
    """After kill -9 the next one starts at once: nobody removes a lock by hand."""
    with other_process(url) as pid:
        os.kill(pid, signal.SIGKILL)
        with lock.working(store.engine, store.agency, "daemon"):
            assert (lock.holder(store.engine, store.agency) or "").startswith(f"daemon, pid {os.getpid()} on ")
    assert lock.holder(store.engine, store.agency) is None


def test_the_holder_is_named_to_who_looks(store: Store, url: str) -> None:
    """Nobody before, the process while it works, nobody after."""
    assert lock.holder(store.engine, store.agency) is None
    with other_process(url) as pid:
        assert (lock.holder(store.engine, store.agency) or "").startswith(f"daemon, pid {pid} on ")
    _wait_until_free(store)


def _wait_until_free(store: Store) -> None:
    until = time.monotonic() + 60
    while lock.holder(store.engine, store.agency) is not None:
        assert time.monotonic() < until
        time.sleep(0.01)


def test_one_process_holds_it_once(store: Store) -> None:
    """A second worker in the same process is another worker; when the first is through, it may."""
    with lock.working(store.engine, store.agency, "daemon"):
        with pytest.raises(LockHeld), lock.working(store.engine, store.agency, "backfill"):
            pytest.fail("two at work")
        assert lock.holder(store.engine, store.agency) is not None
    with lock.working(store.engine, store.agency, "backfill") as holding:
        holding.check()


def test_what_goes_wrong_inside_comes_out_and_frees_the_lock(store: Store) -> None:
    """The lock hides no error of the work."""
    with pytest.raises(KeyError), lock.working(store.engine, store.agency, "daemon"):
        raise KeyError
    assert lock.holder(store.engine, store.agency) is None


def test_looking_never_keeps_a_worker_out(store: Store, url: str, clock: StillClock) -> None:
    """However many look all the time, each start succeeds: `status` in a watch loop ends no daemon."""
    done = threading.Event()

    def look() -> None:
        mine = open_store(url, "kota", clock)
        while not done.is_set():
            lock.holder(mine.engine, mine.agency)
        mine.close()

    lookers = [threading.Thread(target=look) for _ in range(3)]
    for one in lookers:
        one.start()
    try:
        for _ in range(30):
            with lock.working(store.engine, store.agency, "daemon"):
                pass
    finally:
        done.set()
        for one in lookers:
            one.join()


def test_a_worker_waits_a_moment_for_one_who_is_just_leaving(store: Store, url: str) -> None:
    """A restart must not fail because the old process is gone a tenth of a second later."""
    other = make_engine(url)
    entered = threading.Event()

    def leave_soon() -> None:
        with lock.working(other, "kota", "daemon"):
            entered.set()
            time.sleep(0.15)

    leaving = threading.Thread(target=leave_soon)
    leaving.start()
    entered.wait(5)
    with lock.working(store.engine, store.agency, "daemon"):
        pass
    leaving.join()
    other.dispose()


# SQLite.


def test_looking_makes_and_writes_no_file(sqlite_store: Store) -> None:
    """Who may only read can look as well."""
    file = Path(f"{sqlite_store.engine.url.database}.lock")
    assert lock.holder(sqlite_store.engine, sqlite_store.agency) is None
    assert not file.exists()
    file.write_text("daemon, pid 1 on gone")
    before = file.stat().st_mtime_ns
    assert lock.holder(sqlite_store.engine, sqlite_store.agency) is None
    assert (file.read_text(), file.stat().st_mtime_ns) == ("daemon, pid 1 on gone", before)


def test_two_names_of_one_file_are_one_lock(sqlite_store: Store, tmp_path: Path) -> None:
    """A symbolic link to the database lets no second worker in."""
    link = tmp_path / "link.db"
    link.symlink_to(str(sqlite_store.engine.url.database))
    linked = make_engine(f"sqlite:///{link}")
    with (
        lock.working(sqlite_store.engine, sqlite_store.agency, "daemon"),
        pytest.raises(LockHeld),
        lock.working(linked, "kota", "cycle"),
    ):
        pytest.fail("two at work")
    linked.dispose()


def test_a_lock_file_that_cannot_be_opened_is_said_clearly(sqlite_store: Store) -> None:
    """A worker fails with a sentence; a look says that it cannot tell, and does not fail."""
    Path(f"{sqlite_store.engine.url.database}.lock").mkdir()
    with (
        pytest.raises(StoreUnavailable, match="lock file"),
        lock.working(sqlite_store.engine, sqlite_store.agency, "cycle"),
    ):
        pytest.fail("no lock")
    assert lock.holder(sqlite_store.engine, sqlite_store.agency) is None


def test_a_look_never_fails(sqlite_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a file that may not be read nor a file system without locks ends `status`."""
    Path(f"{sqlite_store.engine.url.database}.lock").touch()

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    for module, name in ((fcntl, "flock"), (os, "open")):
        with monkeypatch.context() as patch:
            patch.setattr(module, name, refuse)
            assert lock.holder(sqlite_store.engine, sqlite_store.agency) == "unknown"


def test_a_full_disk_costs_the_name_not_the_lock(sqlite_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The holder cannot be named then; it still holds."""

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        with lock.working(sqlite_store.engine, sqlite_store.agency, "daemon"):
            assert lock.holder(sqlite_store.engine, sqlite_store.agency) == "unknown"


def test_a_database_in_memory_needs_no_lock(clock: StillClock) -> None:
    """No other process can reach it."""
    store = open_store("sqlite://", "kota", clock)
    with lock.working(store.engine, store.agency, "rehearsal") as holding:
        holding.check()
        assert lock.holder(store.engine, store.agency) is None
    store.close()


# The lease.


class Ticks:
    """A clock that goes on by what is put to it, and by so much with each question."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_proof_counts_for_a_moment_and_then_the_lock_is_asked() -> None:
    """By a clock that goes on while the machine sleeps."""
    ticks, asked = Ticks(), []
    holding = lock.Holding(lock=lambda: asked.append(ticks.now), clock=ticks)
    assert holding.may_leave()
    ticks.now += lock.PROOF_SECONDS - 0.1
    assert holding.may_leave()
    assert asked == [100.0]
    ticks.now += 3600  # frozen
    assert holding.may_leave()
    assert len(asked) == 2


def test_nothing_leaves_without_the_lock() -> None:
    """Lost means no, now and later."""

    def lost() -> None:
        raise StoreUnavailable("gone")

    holding = lock.Holding(lock=lost)
    assert not holding.may_leave()
    assert not holding.may_leave()


def test_an_answer_that_came_late_proves_nothing() -> None:
    """The process was frozen between question and answer: it asks again, a few times."""
    ticks, freezes = Ticks(), [10.0, 0.0]

    def ask() -> None:
        ticks.now += freezes.pop(0) if freezes else 10.0

    holding = lock.Holding(lock=ask, clock=ticks)
    assert holding.may_leave()
    assert freezes == []
    ticks.now += 10
    assert not holding.may_leave()


def _lose(store: Store) -> None:
    """Take the lock from this process without its knowledge."""
    if store.engine.dialect.name == "sqlite":
        for name in (".lock", ".kota.lock"):
            Path(f"{store.engine.url.database}{name}").unlink()
    else:
        _terminate("lapor-sync daemon")


def test_who_takes_over_from_one_that_may_be_frozen_waits_until_it_can_send_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It wakes with responses in hand: nothing of them leaves, and it settles nothing any more."""
    monkeypatch.setattr(lock, "TAKE_OVER_SECONDS", 0.4)
    with lock.working(store.engine, store.agency, "daemon") as frozen:
        with store.work() as work:
            frozen.claim(work)
        _lose(store)
        with store.work() as work:
            frozen.still_answers(work)  # nobody took over yet: what came of it is written down
        began = time.monotonic()
        with lock.working(store.engine, store.agency, "standby") as second:
            assert time.monotonic() - began >= 0.4
            with store.work() as work:
                second.claim(work)
            assert second.may_leave()
            monkeypatch.setattr(lock, "PROOF_SECONDS", 0.0)
            assert not frozen.may_leave()
            for act in (frozen.claim, frozen.still_answers):
                with pytest.raises(StoreUnavailable), store.work() as work:
                    act(work)


def test_who_ended_cleanly_or_is_dead_is_not_waited_for(
    store: Store, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A take-over after kill -9 on one machine costs no lease."""
    monkeypatch.setattr(lock, "TAKE_OVER_SECONDS", 200.0)
    with other_process(url, hold_and_claim) as pid:
        os.kill(pid, signal.SIGKILL)
        began = time.monotonic()
        with lock.working(store.engine, store.agency, "daemon") as holding, store.work() as work:
            holding.claim(work)
        with lock.working(store.engine, store.agency, "daemon"):
            pass
        assert time.monotonic() - began < 100


@pytest.mark.parametrize("left", ["", "?", '["other boot", 1, "1", "t"]', '["", 999999999, "1", "t"]'])
def test_only_what_is_known_to_be_dead_is_taken_for_dead(left: str) -> None:
    """Another machine's process, or one that is alive, may only be frozen."""
    assert not lock._is_dead(left)
    mine = json.loads(lock._this_process())
    assert not lock._is_dead(json.dumps(mine))
    assert lock._is_dead(json.dumps([mine[0], 2**22 + 1, "1", "t"]))
    assert lock._is_dead(json.dumps([mine[0], os.getpid(), "1", "t"]))  # its number was given away


def test_a_lock_file_that_was_removed_keeps_nobody_out_and_its_holder_finds_out(sqlite_store: Store) -> None:
    """Before anything more leaves."""
    with lock.working(sqlite_store.engine, sqlite_store.agency, "daemon") as holding:
        holding.check()
        _lose(sqlite_store)
        with pytest.raises(StoreUnavailable, match="removed or replaced"):
            holding.check()


# PostgreSQL.


def _terminate(who: str) -> None:
    """The server ends the sessions of that name, and has ended them when this returns."""
    ended = f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name LIKE '{who}%'"
    admin(ended)


def test_a_lost_lock_is_noticed(postgres_store: Store) -> None:
    """The server ends the connection that holds the database: whoever checks stops working, and stays stopped."""
    with lock.working(postgres_store.engine, postgres_store.agency, "daemon") as holding:
        holding.check()
        _terminate("lapor-sync daemon")
        assert lock.holder(postgres_store.engine, postgres_store.agency) is None
        for _ in range(3):
            with pytest.raises(StoreUnavailable, match="was lost"):
                holding.check()
        with lock.working(postgres_store.engine, postgres_store.agency, "other"), pytest.raises(StoreUnavailable):
            holding.check()
    with lock.working(postgres_store.engine, postgres_store.agency, "daemon") as holding:
        holding.check()


def test_a_lock_that_is_not_asked_for_a_while_is_kept(postgres_url: str, clock: StillClock) -> None:
    """Where the server ends idle sessions, each cycle would lose its lock, and nothing would ever leave."""
    admin(f"ALTER DATABASE {make_url(postgres_url).database} SET idle_session_timeout = '100ms'")
    store = open_store(postgres_url, "kota", clock)
    with lock.working(store.engine, "kota", "daemon") as holding:
        time.sleep(0.5)
        holding.check()
    store.close()


def test_the_lock_is_per_database(postgres_store: Store, tmp_path: Path, clock: StillClock) -> None:
    """Two cities on one server, each with a database of its own, work at once."""
    with fresh("postgresql", tmp_path) as url:
        neighbour = open_store(url, "kota", clock)
        with lock.working(postgres_store.engine, postgres_store.agency, "daemon"):
            assert lock.holder(neighbour.engine, neighbour.agency) is None
            with lock.working(neighbour.engine, neighbour.agency, "daemon") as holding:
                holding.check()
        neighbour.close()


def test_a_pool_gets_no_connection_that_holds_the_lock(postgres_store: Store) -> None:
    """After work ended no idle connection holds on."""
    for _ in range(3):
        with lock.working(postgres_store.engine, postgres_store.agency, "daemon"):
            pass
        assert lock.holder(postgres_store.engine, postgres_store.agency) is None
    with postgres_store.reading() as work:
        name = work.conn.execute(text("SELECT current_setting('application_name')")).scalar()
        assert not str(name).startswith("lapor-sync")


@pytest.mark.parametrize("session", ["SELECT 1", "SELECT pg_backend_pid() * random()"])
def test_a_pooler_that_hands_sessions_around_is_found(
    postgres_store: Store, monkeypatch: pytest.MonkeyPatch, session: str
) -> None:
    """Behind one, two who ask have one session, or one has another than before: two daemons had the lock at once."""
    engine = postgres_store.engine
    lock.need_sessions(engine)
    monkeypatch.setattr(lock, "_SESSION", session)
    with pytest.raises(SettingsWrong, match="a pooler in transaction mode"):
        lock.need_sessions(engine)
    with pytest.raises(SettingsWrong), lock.working(engine, postgres_store.agency, "daemon"):
        pytest.fail("no lock")


def test_a_server_that_is_not_there_cannot_be_asked(tmp_path: Path) -> None:
    """Work fails with a sentence, a look says that it cannot tell."""
    engine = make_engine(f"postgresql+psycopg://postgres@/lapor?host={tmp_path}&connect_timeout=2")
    with pytest.raises(StoreUnavailable, match="lock cannot be asked for"), lock.working(engine, "kota", "cycle"):
        pytest.fail("no lock")
    with pytest.raises(StoreUnavailable, match="lock cannot be asked for"):
        lock.need_sessions(engine)
    assert lock.holder(engine, "kota") == "unknown"
    engine.dispose()


def test_a_nameless_holder_is_unknown(postgres_store: Store) -> None:
    """Somebody took the lock by hand, without a name."""
    with postgres_store.engine.connect() as conn:
        conn.execute(text("SELECT set_config('application_name', '', false), pg_advisory_lock(445676044)"))
        assert lock.holder(postgres_store.engine, postgres_store.agency) == "unknown"
        with (
            pytest.raises(LockHeld, match="unknown"),
            lock.working(postgres_store.engine, postgres_store.agency, "cycle"),
        ):
            pytest.fail("two at work")
        conn.execute(text("SELECT pg_advisory_unlock_all()"))
