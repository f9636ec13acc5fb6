"""On PostgreSQL: a person acts on a delivery at the very moment at which the daemon does.

Each of the two sees what the other has done: the one who comes later is told, and no side takes it for a fault.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from lapor_sync import office
from lapor_sync.domain.delivery import Reason, State
from lapor_sync.domain.people import of_shell
from lapor_sync.domain.refusals import Refused
from lapor_sync.mirror.mirror import Mirror
from lapor_sync.office import OutboxAct
from lapor_sync.store import audit, outbox
from lapor_sync.store.database import open_store
from lapor_sync.sync.calls import Health
from lapor_sync.sync.push import push
from tests.databases import postgres_url as postgres_url
from tests.flow.bench import Bench, bench
from tests.system.rig import wait_until


@pytest.fixture
def city(tmp_path: Path, postgres_url: str) -> Iterator[Bench]:
    """A city on PostgreSQL."""
    with bench(tmp_path / "not-used.db", reports=2) as one:
        store = open_store(postgres_url, "kota", one.clock)
        one.setup = replace(one.setup, store=store)
        yield one
        store.close()


@pytest.fixture
def desk(city: Bench, postgres_url: str) -> Iterator[Mirror]:
    """What a person's command has: the same database, from another process's connection."""
    store = open_store(postgres_url, "kota", city.clock)
    yield Mirror(store=store, rules=city.setup.rules, log=city.log)
    store.close()


def written(city: Bench) -> str:
    """A response that is queued; its reference."""
    one = city.report()
    city.settle_down()
    return city.respond(one)


def someone_waits(city: Bench) -> None:
    """Until a connection waits for what another transaction holds."""
    waiting = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )

    def is_so() -> Any:
        with city.store.engine.connect() as conn:
            return conn.execute(text(waiting)).scalar()

    wait_until(is_so, what="a connection that waits")


@pytest.mark.parametrize("act", [OutboxAct.CANCEL, OutboxAct.HOLD])
def test_while_it_is_claimed(city: Bench, desk: Mirror, act: OutboxAct) -> None:
    """The person comes a moment too late, and is told so; the response arrives once."""
    ref = written(city)
    asked: list[Future[office.Changed]] = []
    with ThreadPoolExecutor(1) as pool:

        def step(name: str) -> None:
            if name == "claimed" and not asked:  # moved to `sending`, and not committed
                asked.append(pool.submit(office.change, desk, of_shell("siti"), act, ref))
                someone_waits(city)

        city.cycle(step=step)
        with pytest.raises(Refused, match=f"delivery_on_its_way ref={ref} state=sending"):
            asked[0].result(20)
    assert city.state(ref) is State.SENT
    assert sum(ref in words for words in city.arrived(city.delivery(ref).tracking_id)) == 1


def test_while_it_is_cancelled(city: Bench, desk: Mirror) -> None:
    """The daemon has read its report and comes a moment too late to claim it: nothing leaves, nothing fails."""
    ref = written(city)
    with ThreadPoolExecutor(1) as pool:
        with desk.store.work() as work:
            one = outbox.get(work, ref)
            assert one is not None
            outbox.move(work, one, State.CANCELLED, Reason.BY_PERSON)
            pushed = pool.submit(push, city.setup, Health(), city.setup.clock.uptime())
            someone_waits(city)
        assert pushed.result(20) == 0
    assert city.state(ref) is State.CANCELLED
    assert city.arrived(city.delivery(ref).tracking_id) == []
    with city.store.reading() as work:
        audit.verify(work.conn, work.agency)


def test_while_it_is_held(city: Bench, desk: Mirror) -> None:
    """The report was closed and the daemon holds the response: a `cancel` of that moment cancels what is held."""
    ref = written(city)
    city.world.satisfied(city.delivery(ref).tracking_id)
    asked: list[Future[office.Changed]] = []
    with ThreadPoolExecutor(1) as pool:

        def step(name: str) -> None:
            if name == "claimed" and not asked:
                asked.append(pool.submit(office.change, desk, of_shell("siti"), OutboxAct.CANCEL, ref))
                someone_waits(city)

        city.cycle(step=step)
        assert asked[0].result(20).state is State.CANCELLED
    assert city.state(ref) is State.CANCELLED
    assert city.conflicts() == []
