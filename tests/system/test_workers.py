"""Many agencies, several workers: each response once and in order, and no agency worked twice at once."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from lapor_sync.domain.people import of_shell
from lapor_sync.office.deliveries import OutboxAct, change
from tests.system.province import Province, province
from tests.system.rig import Postgres, wait_until


@pytest.fixture
def many(tmp_path: Path, server: Postgres) -> Iterator[Province]:
    with province(tmp_path, server, 5) as made:
        yield made


def respond(many: Province, dice: Random) -> None:
    """Two answers to a report of each agency."""
    for key, city in many.cities.items():
        one = dice.choice(city.reports)
        for n in (1, 2):
            city.respond(one, f"Jawaban {n} dari {key}, {dice.random()}.")


def verified(many: Province) -> None:
    """Each agency's chain is whole, and no two cycles of one were ever at work at once."""
    assert many.overlaps() == []
    for city in many.cities.values():
        city.verified()


def test_workers_share_the_agencies_and_an_agency_is_worked_by_one(many: Province) -> None:
    """A file that is wrong, or a LAPOR that is away, slows nobody else; what a person lets go leaves at once."""
    many.put("kota-1", timezone="Asia/Curup")
    many.cities["kota-2"].simulator.stop()
    workers = [many.start(LAPOR_SYNC_POLL_SECONDS="600") for _ in range(2)]
    well = {key: city for key, city in many.cities.items() if key not in {"kota-1", "kota-2"}}
    wait_until(lambda: not any(city.unmirrored() for city in well.values()), 60, "every report")
    began = time.monotonic()
    for city in well.values():
        ref = city.respond(city.reports[0], "Sudah kami kerjakan.")
        change(city.mirror, of_shell("budi"), OutboxAct.RETRY, ref)
    wait_until(lambda: not any(city.undelivered() for city in well.values()), 20, "every response")
    assert time.monotonic() - began < 10  # the polls are ten minutes apart
    assert "kota-1" not in {agency for agency, *_ in many.cycles()}
    assert any("kota-1.toml:" in one.said for one in workers)
    many.put("kota-1")
    wait_until(lambda: not many.cities["kota-1"].unmirrored(), 20, "the mended agency")
    assert {pid for _, pid, _, _ in many.cycles()} == {one.process.pid for one in workers}
    assert [one.terminate() for one in workers] == [0, 0]
    verified(many)


def test_a_worker_that_dies_or_freezes_loses_nothing(many: Province) -> None:
    """One is killed, one is stopped for longer than it counts as alive; a third takes over what they worked."""
    for _ in range(3):
        many.start()
    many.is_mirrored()
    dice = Random(2)
    for n in range(2):
        respond(many, dice)
        time.sleep(dice.random())
        many.workers[n].kill()
        many.start()
        frozen = many.workers[n + 1]
        frozen.send(signal.SIGSTOP)
        time.sleep(3)
        frozen.send(signal.SIGCONT)
    many.settles()
    verified(many)


def test_a_frozen_worker_that_lost_its_connections_sends_nothing_more(many: Province, server: Postgres) -> None:
    """Its agencies are others' by then; each response arrives once all the same."""
    workers = [many.start() for _ in range(2)]
    many.is_mirrored()
    dice = Random(3)
    respond(many, dice)
    workers[0].send(signal.SIGSTOP)
    server.run(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname LIKE 'city%' AND pid <> pg_backend_pid()"
    )
    respond(many, dice)
    many.start()
    time.sleep(3)
    workers[0].send(signal.SIGCONT)
    many.start()
    many.settles()
    for city in many.cities.values():
        city.verified()


def test_after_a_restart_of_the_database_workers_end_to_be_started_again(many: Province, server: Postgres) -> None:
    """With another code than 0, else nobody would start them."""
    workers = [many.start() for _ in range(2)]
    many.is_mirrored()
    respond(many, Random(4))
    server.stop("immediate")
    server.start()
    assert [one.process.wait(60) for one in workers] == [1, 1]
    many.start()
    many.settles()
    for city in many.cities.values():
        city.verified()
