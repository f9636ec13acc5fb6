"""An agency moves from a database of its own among others, and out again: every row, every number, the chain whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from lapor_sync.domain.delivery import WhyPaused
from lapor_sync.domain.errors import LockHeld, NotAllowed
from lapor_sync.domain.people import of_shell
from lapor_sync.store import audit, lock, moving, outbox, pauses
from lapor_sync.store.database import Store, make_engine, open_store
from lapor_sync.store.migrations import upgrade
from lapor_sync.store.schema import mark
from lapor_sync.sync.moving import copy, remove
from tests.databases import StillClock
from tests.store.samples import add, new
from tests.store.test_upgrades import EARLIER, fill, rows_of

SARI = of_shell("sari")


@pytest.fixture
def city(tmp_path: Path) -> Iterator[Store]:
    """A city's own file with rows of every kind, as an earlier program left it when it ended."""
    url = f"sqlite:///{tmp_path}/city.db"
    store = Store(make_engine(url), "kota", StillClock())
    upgrade(store.engine, EARLIER[-1].stem)
    fill(store.engine, rows_of(EARLIER[-1]))
    upgrade(store.engine)
    with store.work() as work:  # else each copy waits until that one, were it frozen, could write nothing
        work.conn.execute(delete(mark).where(mark.c.name == "holder"))
    yield store
    store.close()


@pytest.fixture
def curup(postgres_url: str) -> Iterator[Store]:
    """A server's database in which another agency has the same numbers."""
    store = open_store(postgres_url, "curup", StillClock())
    manna = Store(store.engine, "manna", StillClock())
    add(manna, *(new(f"MN-AAAAA{sign}") for sign in "ABCDEFGH"))
    yield store
    store.close()


def everything(store: Store) -> dict[str, list[tuple[object, ...]]]:
    """All rows of an agency, without its key; without what the copying itself wrote."""
    found = {}
    with store.reading() as work:
        for table in moving.tables():
            kept = [column for column in table.c if column.name != "agency"]
            query = select(*kept).where(table.c.agency == store.agency).order_by(*kept)
            rows = [tuple(row) for row in work.conn.execute(query)]
            found[table.name] = [row for row in rows if row[0] != "paused"]
        found["audit"] = [tuple(row.values()) for row in audit.rows(work.conn, store.agency)]
    return found


def paused(store: Store) -> WhyPaused | None:
    with store.reading() as work:
        pause = pauses.current(work)
        return pause.why if pause else None


def test_a_city_moves_in_and_out(city: Store, curup: Store, tmp_path: Path) -> None:
    """Its numbers stay, though another agency has the same; both places are paused; each goes on counting."""
    before = everything(city)
    assert len([name for name, rows in before.items() if rows]) > 10
    moved = copy(city, curup, SARI)
    there = everything(curup)
    assert there.pop("audit")[:-2] == before["audit"]  # delivery_paused in both, agency_copied here
    assert there == {name: rows for name, rows in before.items() if name != "audit"}
    assert (paused(city), paused(curup)) == (WhyPaused.MOVED, WhyPaused.MOVED)
    with curup.reading() as work:
        assert audit.verify(work.conn, "curup", moved.head.hash).count == moved.head.count + 1
    add(curup, new("LS-ZZZZZZ", "1"))
    with Store(curup.engine, "manna", StillClock()).reading() as work:
        assert {one.ref.partition("-")[0] for one in outbox.due(work)} == {"MN"}

    out = open_store(f"sqlite:///{tmp_path}/out.db", "kota", StillClock())
    again = copy(curup, out, SARI)
    assert again.rows == {**moved.rows, "delivery": moved.rows["delivery"] + 1, "audit": moved.rows["audit"] + 2}
    add(out, new("LS-ZZZZZY", "1"))
    out.close()

    with pytest.raises(NotAllowed, match="head"):
        remove(curup, moved.head.hash, SARI)
    assert remove(curup, again.head.hash, SARI)["delivery"] == again.rows["delivery"]
    with curup.reading() as work:
        assert moving.rows_of(work.conn, "curup").keys() == {"audit"}
        assert audit.verify(work.conn, "curup", again.head.hash).count == again.head.count + 1
        assert moving.rows_of(work.conn, "manna")["delivery"] == 8


def test_what_is_there_or_anothers_or_worked_is_not_taken(city: Store, curup: Store) -> None:
    copy(city, curup, SARI)
    with pytest.raises(NotAllowed, match="already"):
        copy(city, curup, SARI)
    lais = Store(curup.engine, "lais", StillClock())
    with pytest.raises(NotAllowed, match="reference"):
        copy(city, lais, SARI)
    with pytest.raises(NotAllowed, match="nothing of nowhere"):
        copy(Store(city.engine, "nowhere", StillClock()), lais, SARI)
    with lock.working(city.engine, "kota", "daemon"), pytest.raises(LockHeld):
        copy(city, lais, SARI)
    with lais.reading() as work:
        assert moving.rows_of(work.conn, "lais") == {}
