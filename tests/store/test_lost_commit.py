"""A connection to PostgreSQL that is lost in the middle of a commit: what became of it is asked, never guessed."""

from __future__ import annotations

import select
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from enum import Enum
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from lapor_sync.domain.errors import StoreError, StoreUnavailable
from lapor_sync.store import audit, marks
from lapor_sync.store.database import Store, make_engine
from lapor_sync.store.marks import Mark
from lapor_sync.words.en import advised
from tests.databases import StillClock

PORT = ".s.PGSQL.5432"


class Fault(Enum):
    """What happens to the next COMMIT."""

    NONE = "it goes through"
    REPLY_LOST = "the server does it, and its answer is lost"
    NEVER_ARRIVES = "the connection is closed before it"
    SWALLOWED = "the client sees a closed connection, the server an open one"


class Proxy:
    """Stands between the store and the server on a Unix socket."""

    def __init__(self, folder: Path, server: Path) -> None:
        self.fault = Fault.NONE
        self.is_dark = False
        self._server = str(server / PORT)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(folder / PORT))
        self._listener.listen()
        self._kept: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self.is_dark:
                client.close()
                continue
            one = threading.Thread(target=self._serve, args=(client,), daemon=True)
            self._threads.append(one)
            one.start()

    def _serve(self, client: socket.socket) -> None:
        server = socket.socket(socket.AF_UNIX)
        server.connect(self._server)
        with client, suppress(OSError):
            self._pump(client, server)
        if server not in self._kept:
            server.close()

    def _pump(self, client: socket.socket, server: socket.socket) -> None:
        while True:
            ready, _, _ = select.select([client, server], [], [], 10)
            for one in ready:
                data = one.recv(65536)
                if not data:
                    return
                if one is client and b"COMMIT\x00" in data and self.fault is not Fault.NONE:
                    self._go_wrong(data, server)
                    return
                (server if one is client else client).sendall(data)

    def _go_wrong(self, data: bytes, server: socket.socket) -> None:
        fault, self.fault = self.fault, Fault.NONE
        if fault is Fault.REPLY_LOST:
            server.sendall(data)
            server.recv(65536)
        if fault is Fault.SWALLOWED:
            self._kept.append(server)

    def close(self) -> None:
        """Nothing goes through any more."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in self._kept:
            one.close()
        for thread in self._threads:
            thread.join(5)


@pytest.fixture
def proxy(postgres_url: str) -> Iterator[Proxy]:
    server = Path(str(make_url(postgres_url).query["host"]))
    with tempfile.TemporaryDirectory(prefix="lapor-") as folder:
        made = Proxy(Path(folder), server)
        made.folder = folder  # type: ignore[attr-defined]
        yield made
        made.close()


@pytest.fixture
def store(proxy: Proxy, postgres_url: str, clock: StillClock) -> Iterator[Store]:
    """A store that reaches its server through the proxy."""
    url = make_url(postgres_url).update_query_dict({"host": proxy.folder})  # type: ignore[attr-defined]
    made = Store(make_engine(url.render_as_string()), "kota", clock)
    yield made
    made.close()


def change(store: Store, value: str, *, noted: bool = True) -> None:
    with store.work() as work:
        marks.put(work, Mark.CANARY, value)
        if noted:
            work.note("canary", value)


def stored(store: Store) -> tuple[str | None, int]:
    with store.reading() as work:
        return marks.get(work, Mark.CANARY), audit.verify(work.conn, work.agency).count


def test_a_commit_whose_answer_was_lost_is_a_commit(store: Store, proxy: Proxy) -> None:
    """It stands on the server: the work goes on as if the answer had come."""
    proxy.fault = Fault.REPLY_LOST
    change(store, "1")
    change(store, "2")
    assert stored(store) == ("2", 2)


def test_a_commit_that_never_arrived_is_none(store: Store, proxy: Proxy) -> None:
    """The unit raises, nothing of it is stored, and the same unit again makes one change."""
    change(store, "1")
    proxy.fault = Fault.NEVER_ARRIVES
    with pytest.raises(StoreUnavailable, match="closed the connection"):
        change(store, "2")
    assert stored(store) == ("1", 1)
    change(store, "2")
    assert stored(store) == ("2", 2)


def test_anothers_row_is_not_taken_for_ours(store: Store, proxy: Proxy, postgres_url: str) -> None:
    """Between the lost connection and the question another process appends: same number, another hash."""
    other = Store(make_engine(postgres_url), "kota", store.clock)
    asked = store._is_stored

    def later(head: audit.Head) -> bool:
        change(other, "theirs")
        return asked(head)

    store._is_stored = later  # type: ignore[method-assign]
    proxy.fault = Fault.NEVER_ARRIVES
    with pytest.raises(StoreUnavailable, match="closed the connection"):
        change(store, "ours")
    assert stored(store) == ("theirs", 1)
    other.close()


@pytest.mark.parametrize("fault", [Fault.REPLY_LOST, Fault.NEVER_ARRIVES])
def test_a_unit_without_audit_rows_cannot_be_asked_for(store: Store, proxy: Proxy, fault: Fault) -> None:
    """It raises either way: running again is the recovery."""
    proxy.fault = fault
    with pytest.raises(StoreUnavailable):
        change(store, "1", noted=False)
    change(store, "1", noted=False)
    assert stored(store) == ("1", 0)


def test_where_nobody_answers_the_error_says_that_it_is_not_known(
    store: Store, proxy: Proxy, clock: StillClock, postgres_url: str
) -> None:
    """The answer was lost and the server with it: a person must look before doing the same once more."""
    change(store, "0")
    proxy.fault, proxy.is_dark = Fault.REPLY_LOST, True
    with pytest.raises(StoreUnavailable, match="whether it is stored is not known") as lost:
        change(store, "1")
    assert "outbox" in advised(lost.value.todo)
    assert clock.slept == [1] * 5
    proxy.is_dark = False
    assert stored(store) == ("1", 2)


def test_a_server_that_comes_back_in_time_is_asked(store: Store, proxy: Proxy, clock: StillClock) -> None:
    """It was restarted in mid-commit: a few seconds later it tells."""
    change(store, "0")
    proxy.fault, proxy.is_dark = Fault.REPLY_LOST, True
    slept = clock.sleep

    def back_after_two(seconds: float) -> None:
        slept(seconds)
        proxy.is_dark = len(clock.slept) < 2

    clock.sleep = back_after_two  # type: ignore[method-assign]
    change(store, "1")
    assert len(clock.slept) == 2
    assert stored(store) == ("1", 2)


def test_a_transaction_that_still_hangs_is_not_taken_for_gone(
    store: Store, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server has not noticed the lost connection: its transaction may still come to an end either way."""
    monkeypatch.setattr("lapor_sync.store.database._ASKED_SECONDS", 0.05)
    change(store, "0")
    proxy.fault = Fault.SWALLOWED
    with pytest.raises(StoreUnavailable, match="not known"):
        change(store, "1")


def test_a_refused_commit_is_no_question(postgres_store: Store, clock: StillClock) -> None:
    """A constraint that is checked at the commit: the server said no, and nobody is asked."""
    with postgres_store.work() as work:
        work.conn.exec_driver_sql("CREATE TABLE a (id INTEGER UNIQUE DEFERRABLE INITIALLY DEFERRED)")
    for _ in range(2):
        with pytest.raises(StoreError, match="duplicate key"), postgres_store.work() as work:
            work.conn.exec_driver_sql("INSERT INTO a VALUES (1), (1)")
    assert clock.slept == []
