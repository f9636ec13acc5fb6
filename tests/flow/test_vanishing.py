"""Reports that are gone upstream: marked after two reads a day apart, never deleted, and back when they are back."""

from __future__ import annotations

from pathlib import Path

import pytest

from lapor_sync import interface, office
from lapor_sync.domain.colour import Flag
from lapor_sync.domain.delivery import Reason, State
from lapor_sync.domain.people import of_shell
from lapor_sync.domain.questions import MANY_VANISHED
from lapor_sync.domain.refusals import Refused
from lapor_sync.store import overview
from lapor_sync.store.conflicts import How
from tests.flow.bench import ON_BOTH, OTHER_OPD, Bench, assert_mirrored, bench

pytestmark = ON_BOTH

DAY = 86_400
WEEK = 7 * DAY + 3600


def gone(city: Bench) -> set[str]:
    """The reports that are marked as vanished."""
    return {one.tracking_id for one in city.all_mirrored().values() if Flag.VANISHED in one.verdict.flags}


def missing(city: Bench) -> set[str]:
    return {one.tracking_id for one in city.all_mirrored().values() if one.missing_since and not one.vanished_at}


def noted(city: Bench, tracking_id: str) -> list[str]:
    """What the audit says of a report's absence."""
    said = [row[4] for row in city.contents()["audit"] if row[5] == tracking_id]
    return [what for what in said if what in {"missing", "vanished"}]


def days(city: Bench, count: int) -> None:
    for _ in range(count):
        city.pass_time(DAY)
        city.cycle()


def restore(city: Bench, tracking_id: str, report: object) -> None:
    """Upstream has the report again, as it was."""
    world = city.world
    with world.lock:
        world._reports[int(tracking_id)] = world._by_id[report.id] = report  # type: ignore[attr-defined]  # its record
        world._list(report)


def test_gone_on_two_reads_a_day_apart_is_vanished(tmp_path: Path) -> None:
    """The first 404 is noted, a day later it is marked; its colour and its thread stay."""
    with bench(tmp_path / "kota.db", reports=20) as city:
        one = city.report()
        city.settle_down()
        before = city.mirrored(one)
        city.world.delete(one)

        city.pass_time(WEEK)  # the weekly complete listing does not name it
        city.cycle()
        assert (missing(city), gone(city)) == ({one}, set())
        city.pass_time(3600)
        city.cycle()
        assert (missing(city), gone(city)) == ({one}, set())

        days(city, 2)
        assert gone(city) == {one}
        now = city.mirrored(one)
        assert (now.colour, now.agreed, now.report) == (before.colour, before.agreed, before.report)
        assert [values["tracking_id"] for values in city.log.named("report_vanished")] == [one]
        with pytest.raises(Refused):
            city.respond(one)


def test_a_vanished_report_comes_back_with_an_equal_row(tmp_path: Path) -> None:
    """The list names it again, just as it was: the mark goes."""
    with bench(tmp_path / "kota.db", reports=20) as city:
        one = city.report()
        city.settle_down()
        report = city.world.find(one)
        city.world.delete(one)
        city.pass_time(WEEK)
        city.cycle()
        days(city, 2)
        assert gone(city) == {one}
        restore(city, one, report)
        city.pass_time(WEEK)
        city.cycle()
        assert gone(city) == missing(city) == set()
        city.pass_time()
        city.cycle()
        assert_mirrored(city)


def test_a_report_that_was_only_hidden_is_present(tmp_path: Path) -> None:
    """Left out of the list and readable by id: nothing is marked."""
    with bench(tmp_path / "kota.db", reports=20) as city:
        one = city.report()
        city.settle_down()
        city.world.hide(one)
        for _ in range(3):
            city.pass_time(WEEK)
            city.cycle()
        assert gone(city) == missing(city) == set()


def test_a_report_that_is_listed_and_cannot_be_read_by_id_is_noted_once(tmp_path: Path) -> None:
    """Its row changes each day, and each read is a 404: one note, then marked; read again it is back."""
    with bench(tmp_path / "kota.db", reports=20) as city:
        one = city.report()
        city.settle_down()
        internal = city.world.find(one).id
        for path in (one, internal):
            city.world.add_faults({"match": {"path": f"/complaints/{path}"}, "times": None, "do": "status:404"})
        for _ in range(6):
            city.world.reply(one, content="Kapan selesai?")
            city.pass_time(DAY)
            city.cycle()
            city.cycle()
        assert noted(city, one) == ["missing", "vanished"]
        assert gone(city) == {one}

        city.world.clear_faults()
        city.world.reply(one, content="Kapan selesai?")
        city.pass_time(DAY)
        city.cycle()
        assert gone(city) == missing(city) == set()
        assert_mirrored(city)


def test_a_404_that_was_a_mistake_is_forgotten(tmp_path: Path) -> None:
    """Missing once, back the next day: not marked, and a later 404 counts from anew."""
    with bench(tmp_path / "kota.db", reports=20) as city:
        one = city.report()
        city.settle_down()
        report = city.world.find(one)
        city.world.delete(one)
        city.pass_time(WEEK)
        city.cycle()
        assert missing(city) == {one}
        restore(city, one, report)
        days(city, 2)
        assert gone(city) == missing(city) == set()


def test_the_responses_of_a_vanished_report_are_held(tmp_path: Path) -> None:
    """Queued or unknown: a person decides; keep-ours is held again while it is gone."""
    with bench(tmp_path / "kota.db", reports=20) as city:
        queued, unknown = city.report(), city.report()
        city.settle_down()
        first, second = city.respond(queued), city.respond(unknown)
        city.world.add_faults({"match": {"method": "POST"}, "times": 2, "do": "close-before"})
        city.world.delete(queued)
        city.cycle()
        city.world.delete(unknown)
        assert (city.state(first), city.state(second)) == (State.QUEUED, State.UNKNOWN)
        with city.store.reading() as work:
            said = {shown["ref"]: shown["why"] for shown in interface.outbox(overview.waiting(work))}
        assert said[first] == interface.NOT_KNOWN
        assert "no whole answer" in said[second]
        days(city, 4)
        assert gone(city) == {queued, unknown}
        assert (city.state(first), city.state(second)) == (State.HELD, State.HELD)
        assert {conflict.kind for conflict in city.conflicts()} == {Reason.GONE_UPSTREAM}

        office.settle(city.setup, of_shell("siti"), queued, How.KEEP_OURS)
        assert city.state(first) is State.HELD
        office.settle(city.setup, of_shell("siti"), queued, How.TAKE_UPSTREAM)
        assert city.state(first) is State.CANCELLED


def test_the_hand_over_of_a_vanished_report_is_held(tmp_path: Path) -> None:
    """It moves no colour, so that the sides agree; it must not wait for ever where nobody looks."""
    with bench(tmp_path / "kota.db", reports=20) as city:
        one = city.report()
        city.settle_down()
        ref = office.forward(city.setup, of_shell("budi"), one, OTHER_OPD, "Bukan kewenangan kami.")
        city.world.delete(one)
        days(city, 4)
        assert gone(city) == {one}
        assert (city.state(ref), city.delivery(ref).reason) == (State.HELD, Reason.GONE_UPSTREAM)
        assert [conflict.ref for conflict in city.conflicts()] == [ref]


def test_many_at_once_raise_an_alarm_and_wait_for_a_person(tmp_path: Path) -> None:
    """More than a fifth of the open reports: nothing is marked, pulling and delivery go on; accepted, all are."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        ones = [city.report() for _ in range(20)]
        city.settle_down()
        lost = set(ones[:6])
        for one in lost:
            city.world.delete(one)
        city.pass_time(WEEK)
        city.cycle()
        days(city, 4)
        assert gone(city) == set()
        assert missing(city) == lost
        (conflict,) = city.conflicts()
        assert (conflict.kind, conflict.tracking_id) == (MANY_VANISHED, None)
        assert city.log.named("many_vanished")

        ref, new = city.respond(ones[10]), city.report()
        city.cycle()
        assert city.state(ref) is State.SENT
        assert new in city.all_mirrored()

        with pytest.raises(Refused):
            office.settle(city.setup, of_shell("siti"), conflict.id, How.KEEP_OURS)
        office.settle(city.setup, of_shell("siti"), conflict.id, How.ACCEPT_VANISHED)
        city.cycle()
        assert gone(city) == lost
        assert city.conflicts() == []


def test_an_alarm_ends_by_itself_when_they_are_back(tmp_path: Path) -> None:
    """Upstream had a bad week: what was missing is there again, and nobody needs to settle anything."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        ones = [city.report() for _ in range(20)]
        city.settle_down()
        lost = {one: city.world.find(one) for one in ones[:8]}
        for one in lost:
            city.world.delete(one)
        city.pass_time(WEEK)
        city.cycle()
        days(city, 2)
        assert len(city.conflicts()) == 1
        for one, report in lost.items():
            restore(city, one, report)
        days(city, 2)
        assert gone(city) == missing(city) == set()
        assert city.conflicts() == []


def test_four_of_a_small_city_are_marked(tmp_path: Path) -> None:
    """Below five there is no alarm."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        ones = [city.report() for _ in range(6)]
        city.settle_down()
        for one in ones[:4]:
            city.world.delete(one)
        city.pass_time(WEEK)
        city.cycle()
        days(city, 2)
        assert gone(city) == set(ones[:4])
        assert city.conflicts() == []


def test_without_a_list_call_a_deleted_report_is_found_missing_by_id(tmp_path: Path) -> None:
    """Reading by id on schedule tells it as well."""
    with bench(tmp_path / "kota.db", reports=20) as city:
        one = city.report()
        city.settle_down()
        city.world.set_scenario("restricted")
        city.cycle()
        city.world.delete(one)
        city.cycles(5)
        assert missing(city) == {one}
        days(city, 2)
        assert gone(city) == {one}
