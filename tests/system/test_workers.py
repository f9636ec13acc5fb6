"""Many agencies, several workers: each response once and in order, and no agency worked twice at once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from lapor_sync.domain.people import of_shell
from lapor_sync.office.deliveries import OutboxAct, change
from tests.system.province import Province, province
from tests.system.rig import Postgres, Rig, wait_until

pytestmark = pytest.mark.timeout(600)
# A dozen processes, each long in starting on a busy machine: `make test` has the small form only.


@pytest.fixture
def many(tmp_path: Path, server: Postgres) -> Iterator[Province]:
    with province(tmp_path, server, 5, POLL_SECONDS="1") as made:
        yield made


@pytest.fixture
def few(tmp_path: Path, server: Postgres) -> Iterator[Province]:
    with province(tmp_path, server, 2, POLL_SECONDS="1") as made:
        yield made


def test_of_two_workers_one_dies_and_one_freezes(few: Province) -> None:
    """The small form of what follows: each response once and in order, and no agency worked twice at once."""
    dice = Random(3)
    few.keep(2)
    few.is_mirrored()
    for happens in (few.kill, few.freeze):
        few.respond(dice)
        happens(dice)
        few.keep(2)
    few.settles()
    assert few.overtaken() == []


@pytest.mark.soak
def test_workers_share_the_agencies_and_an_agency_is_worked_by_one(many: Province) -> None:
    """A file that is wrong, or a LAPOR that is away, slows nobody else; what a person lets go leaves at once."""
    many.put("kota-1", timezone="Asia/Curup")
    many.cities["kota-2"].simulator.stop()
    workers = [many.start(LAPOR_SYNC_POLL_SECONDS="600") for _ in range(2)]
    well = [city for key, city in many.cities.items() if key not in {"kota-1", "kota-2"}]

    def wrong(of: Rig) -> list[str]:
        return (of.unmirrored() or of.undelivered()) if of in well else []

    many.comes_true(wrong, 240)
    began = time.monotonic()
    for city in well:
        ref = city.respond(city.reports[0], "Sudah kami kerjakan.")
        change(city.mirror, of_shell("budi"), OutboxAct.RETRY, ref)
    many.comes_true(wrong, 240)
    assert time.monotonic() - began < 300  # the polls are ten minutes apart
    assert "kota-1" not in many.cycles()
    assert any("kota-1.toml:" in one.said for one in workers)
    many.put("kota-1")
    wait_until(lambda: not many.cities["kota-1"].unmirrored(), 120, "the mended agency")
    assert {pid for begun in many.cycles().values() for _, pid in begun} == {one.process.pid for one in workers}
    assert [one.terminate() for one in workers] == [0, 0]
    assert many.overtaken() == []
    for city in many.cities.values():
        city.verified()


@pytest.mark.soak
def test_whatever_happens_to_three_workers_loses_nothing(many: Province) -> None:
    """One dies, one is frozen and loses its locks, all lose their connections, the database's server restarts.

    Whoever lost the queue ends with another code than 0, else nobody would start it again. LAPOR hears of an agency
    from one worker at a time.
    """
    dice = Random(2)
    many.keep(3)
    many.is_mirrored()
    for happens in (many.kill, many.freeze, many.freeze_and_cut, many.restart):
        many.respond(dice)
        time.sleep(dice.random())
        happens(dice)
        many.keep(3)
    many.settles()
    assert many.overtaken() == []
