"""The line before a gateway: no second has more than the budget, whoever asks."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from lapor_sync.clock import SystemClock
from lapor_sync.domain.errors import StoreUnavailable
from lapor_sync.store import work_queue
from lapor_sync.store.database import make_engine
from lapor_sync.store.gateway import GatewayLine, address_of

RATE, SECONDS = 40, 2.5


@pytest.fixture
def engine(postgres_url: str) -> Iterator[Engine]:
    made = make_engine(postgres_url, at_once=10)
    work_queue.install(made)
    yield made
    made.dispose()


def never() -> bool:
    return False


def left_by(lines: list[GatewayLine], each: int) -> list[list[float]]:
    """When the requests of each line left, with so many at once in each, all wanting as much as they can get."""
    until = time.monotonic() + SECONDS
    times: list[list[float]] = [[] for _ in lines]

    def ask(number: int) -> None:
        while time.monotonic() < until:
            lines[number].wait(time.sleep, never)
            times[number].append(time.monotonic())

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(len(lines)) for _ in range(each)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    return [sorted(each) for each in times]


def most_in_a_second(times: list[float]) -> int:
    times = sorted(times)
    return max(bisect_left(times, at + 1) - n for n, at in enumerate(times))


def test_no_second_has_more_than_the_budget_over_four_workers(engine: Engine) -> None:
    """However many ask: nearly all of it is used, and each worker has its share."""
    lines = [GatewayLine(engine, "https://lapor", RATE, SystemClock()) for _ in range(4)]
    times = left_by(lines, 3)
    assert most_in_a_second([at for each in times for at in each]) <= RATE
    assert sum(map(len, times)) >= RATE * SECONDS * 0.5
    assert min(map(len, times)) >= max(map(len, times)) / 4


def test_a_backfill_takes_what_the_cycles_leave(engine: Engine) -> None:
    cycles = GatewayLine(engine, "https://lapor", RATE, SystemClock())
    backfill = GatewayLine(engine, "https://lapor", RATE, SystemClock(), only_if_idle=True)
    times = left_by([cycles, backfill], 3)
    assert len(times[1]) <= len(times[0]) / 4
    backfill.wait(time.sleep, never)  # as soon as nobody else asks


def test_what_the_gateway_asks_for_holds_for_all(engine: Engine) -> None:
    """A worker that has places in hand gives them up; one that asks later waits as long."""
    lines = [GatewayLine(engine, "https://lapor", RATE, SystemClock()) for _ in range(2)]
    for _ in range(5):
        lines[0].wait(time.sleep, never)
    began = time.monotonic()
    lines[0].pause(0.6)
    for line in lines:
        assert line.wait(time.sleep, never)
        assert time.monotonic() - began >= 0.6


@pytest.mark.parametrize("first", [False, True])
def test_nobody_waits_for_minutes(engine: Engine, first: bool) -> None:
    """What a write was decided upon would be old by then."""
    line = GatewayLine(engine, "https://lapor", RATE, SystemClock())
    assert line.wait(time.sleep, never, first=first)
    line.pause(60)
    waits: list[float] = []
    assert not line.wait(waits.append, never, first=first)
    assert not GatewayLine(engine, "https://lapor", RATE, SystemClock()).wait(waits.append, never, first=first)
    assert waits == []


def test_a_wait_ends_when_the_process_does_or_the_database_is_away(engine: Engine) -> None:
    assert GatewayLine(engine, "https://lapor", RATE, SystemClock()).wait(time.sleep, lambda: True)
    gone = make_engine("postgresql+psycopg://nobody@127.0.0.1:1/none")
    line = GatewayLine(gone, "https://lapor", RATE, SystemClock())
    with pytest.raises(StoreUnavailable, match="place before the gateway"):
        line.wait(time.sleep, never)
    line.pause(1)
    with pytest.raises(StoreUnavailable, match="whether workers"):
        work_queue.has_workers(gone)
    assert work_queue.has_workers(engine)


def test_agencies_behind_one_host_stand_in_one_line() -> None:
    assert (
        address_of("https://Splp.example/a/3.0.0")
        == address_of("https://splp.example/b")
        == "https://splp.example"
    )
