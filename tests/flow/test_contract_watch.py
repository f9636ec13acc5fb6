"""The watch over LAPOR's contract: once a day, by what was read anyway; told once, shown, no alarm of one record."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.simulator import CITY_ID, Options, Simulator
from connectors.sp4n_v3.shapes import fields, shape_of
from lapor_sync import interface
from lapor_sync.app import App
from lapor_sync.config import load_settings
from lapor_sync.domain import colour
from lapor_sync.domain.contract import Change, Look, What
from lapor_sync.domain.notices import NoticeKind
from lapor_sync.domain.people import Role
from lapor_sync.store import contract, marks, notices, overview
from lapor_sync.store.marks import Mark
from lapor_sync.sync.contract import watch_contract
from tests.flow.bench import Log
from tests.flow.scripted import Stage, stage
from tests.notices.conftest import City, Kept, city

__all__ = ["city"]

ROW: dict[str, Any] = {"id": 1000, "status_name": "Selesai", "updated_at": "2026-01-03 08:00:00"}
DAY = 25 * 3600


@dataclass
class Answers:
    """A sample of what LAPOR answered; `take` as the real one's."""

    rows: list[dict[str, Any]] = field(default_factory=list)

    def take(self) -> Look | None:
        look = Look()
        for begin in range(0, len(self.rows), 20):
            look.add("list", fields(shape_of(self.rows[begin : begin + 20], lambda _id: 0)))
        return look if look.is_enough else None


@dataclass
class Watched:
    """A city and what its upstream answered."""

    stage: Stage
    answers: Answers = field(default_factory=Answers)

    def night(self, *rows: dict[str, Any], seconds: float = DAY) -> dict[str, Any]:
        """A cycle after these answers, and `status` after it."""
        self.answers.rows = list(rows)
        self.stage.cycle(seconds, sample=self.answers)
        with self.stage.setup.store.reading() as work:
            return interface.status(overview.overview(work, colour.City()))["contract"]

    def audited(self) -> list[Any]:
        with self.stage.setup.store.reading() as work:
            return [one.facts for one in notices.happened_after(work, 0, 500) if one.what == "contract_changed"]


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    with stage(tmp_path / "city.db") as made:
        yield Watched(made)


def test_what_was_seen_is_learned_and_a_change_is_audited_logged_and_shown(watched: Watched) -> None:
    first = watched.night(*[ROW] * 200)
    assert (first["changed_at"], first["changes"]) == (None, [])
    assert first["looked_at"] is not None
    then = watched.night(*[ROW | {"sla": 3, "updated_at": "03-01-2026 08:00:00"}] * 30)
    told = [
        {"what": "form", "call": "list", "field": "[].updated_at", "now": "date %d-%m-%Y %H:%M:%S"},
        {"what": "new", "call": "list", "field": "[].sla", "now": "int"},
    ]
    assert sorted(then["changes"], key=lambda one: one["what"]) == told
    assert then["count"] == 2
    assert [one["count"] for one in watched.audited()] == [2]
    (line,) = watched.stage.log.named("contract_changed")
    assert line["count"] == 2
    assert watched.night(*[ROW | {"sla": 3}] * 30) == then | {"looked_at": watched.night()["looked_at"]}
    assert len(watched.audited()) == 1


def test_odd_records_change_nothing(watched: Watched) -> None:
    watched.night(*[ROW] * 200)
    found = watched.night(*[ROW] * 196, *[ROW | {"sla": 1, "status_name": "Tim Kota", "id": "x"}] * 4)
    assert found["changes"] == []


def test_it_looks_once_a_day_and_not_where_little_was_read(watched: Watched) -> None:
    first = watched.night(*[ROW] * 200, seconds=3600)
    assert watched.night(*[ROW | {"sla": 1}] * 200, seconds=DAY) == first
    assert watched.night(*[ROW | {"sla": 1}] * 4) == first
    assert watched.night(*[ROW | {"sla": 1}] * 200)["count"] == 1


def test_a_clock_that_was_ahead_puts_no_look_off(watched: Watched) -> None:
    with watched.stage.setup.store.work() as work:
        marks.put_time(work, Mark.CONTRACT_AT, work.now + timedelta(days=400))
    watched.night(*[ROW] * 200)
    with watched.stage.setup.store.reading() as work:
        assert contract.known(work)


def test_nobody_watches_where_there_is_no_sample(watched: Watched) -> None:
    watch_contract(watched.stage.setup)
    with watched.stage.setup.store.reading() as work:
        assert contract.watched(work) == (None, None)


def test_admins_and_the_technical_channel_are_told_once(city: City) -> None:
    city.sender = Kept(technical=1)
    city.person("andi", (Role.ADMIN, None), kinds=set(NoticeKind))
    city.person("sari", (Role.OFFICER, "611"), kinds=set(NoticeKind))
    changes = [Change(What.CODE, "list", "results.data[].status_name", "Tunda"), Change(What.GONE, "thread", "x")]
    with city.store.work() as work:
        contract.put(work, {}, changes * 20)
    city.tell()
    city.tell()
    assert sorted(city.sender.to) == ["andi@kota.go.id", "technical 0"]
    text = city.sender.sent[0][2]
    assert "daftar laporan: isian results.data[].status_name berisi kode baru: Tunda" in text
    assert "percakapan laporan: isian x tidak ada lagi" in text
    assert "dan 20 lainnya" in text


def test_a_daemon_sees_that_lapor_changed(tmp_path: Path) -> None:
    """By the cycles' own reads of a stand-in that is another from one day to the next."""
    with Simulator(Options(seed=3, reports=60, page_cap=20)) as simulator:
        given = {
            "DATABASE_URL": f"sqlite:///{tmp_path}/city.db",
            "UPSTREAM_URL": simulator.url,
            "RATE_PER_SECOND": "0",
        }
        given |= {"BEARER": Options().bearer, "TOKEN": Options().token, "INSTITUTION_ID": CITY_ID}
        app = App(load_settings(None, {f"LAPOR_SYNC_{name}": value for name, value in given.items()}), log=Log())
        assert app.once().error is None
        with app.store() as store:
            with store.work() as work:
                before = contract.known(work)
                for mark in (Mark.CONTRACT_AT, Mark.LISTED_ALL, Mark.CURSOR):
                    marks.clear(work, mark)
            simulator.world.set_scenario("schema-drift")
            app.once()
            with store.reading() as work:
                changed = contract.watched(work).changed
    assert before["list"]["results.data[].status_name"].codes
    assert before.keys() >= {"list", "thread", "institutions", "templates"}
    assert changed is not None
    assert {one.what for one in changed.changes} >= {"new", "form"}
    assert app.log.named("contract_changed")  # type: ignore[attr-defined]  # it is a Log of tests
