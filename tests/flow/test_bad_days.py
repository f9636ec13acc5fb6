"""Bad days of upstream: what is mirrored all the same, what waits, and how it shows."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

import pytest

from connectors.simulator.wire import UNKNOWN_STATUS
from lapor_sync.domain.colour import Colour, Flag
from lapor_sync.domain.delivery import State
from lapor_sync.domain.errors import BadRecord, Denied, UpstreamBroken, UpstreamError
from lapor_sync.store import quarantine
from lapor_sync.store.marks import Mark
from lapor_sync.store.times import from_text
from tests.flow.bench import ON_BOTH, ON_SQLITE, OPD, START, Bench, assert_mirrored, bench
from tests.oracle import refs_in_order

pytestmark = ON_BOTH

LIST = "GET /complaints"
NIGHT = 86_400


def put_away(city: Bench) -> list[tuple[str, str | None]]:
    """What is in quarantine: source and report."""
    with city.store.reading() as work:
        return [(one.source, one.report_id) for one in quarantine.listing(work)]


def outages(city: Bench) -> list[tuple[str, bool]]:
    """Every outage so far: what failed, and whether it is over."""
    return [(row[4], row[3] is not None) for row in city.contents()["outage"]]


@pytest.mark.parametrize("scenario", ["moving-pages", "repeated-last-page", "no-filter"])
def test_odd_listings_are_mirrored_whole(tmp_path: Path, scenario: str) -> None:
    """Rows that move between pages, a last page without end, a filter that is ignored: nothing is missed."""
    with bench(tmp_path / "kota.db", scenario=scenario, reports=120, page_cap=25) as city:
        city.cycle()
        for one in sorted(city.all_mirrored())[::10]:
            city.world.reply(one)
        new = city.report()
        city.pass_time()
        city.cycle()
        city.world.set_scenario("calm")
        city.pass_time()
        city.cycle()
        assert new in city.all_mirrored()
        assert_mirrored(city)


def test_a_clock_that_was_a_year_ahead_puts_nothing_off(tmp_path: Path) -> None:
    """It was wrong while all was scheduled; set right, the waiting answer leaves and the whole list is read again."""
    with bench(tmp_path / "kota.db", reports=8) as city:
        city.clock.jump = timedelta(days=365)
        one = city.report()
        city.settle_down()
        ref = city.respond(one)
        city.world.add_faults({"match": {"method": "POST"}, "do": "status:429"})
        city.cycle()
        assert city.state(ref) is State.QUEUED
        city.clock.jump = timedelta()
        assert not city.log.named("clock_set_back")

        city.cycle()
        assert city.state(ref) is State.SENT
        (said,) = city.log.named("clock_set_back")
        assert timedelta(days=364) < timedelta(seconds=said["seconds"]) <= timedelta(days=365)
        for mark in (Mark.SWEPT, Mark.DAILY, Mark.LISTED_ALL):
            assert from_text(city.mark(mark) or "") <= city.clock.now()
        assert all((read.next_read_at or START) <= city.clock.now() for read in city.all_mirrored().values())
        city.pass_time()
        city.cycle()
        assert len(city.log.named("clock_set_back")) == 1
        assert_mirrored(city)


@pytest.mark.parametrize("ours_too", [False, True])
def test_a_clock_of_upstreams_that_was_ahead_hides_nothing(tmp_path: Path, ours_too: bool) -> None:
    """What was filed and changed after it was set right is mirrored, though the last listing was in the future."""
    ahead = timedelta(hours=30)
    with bench(tmp_path / "kota.db", reports=8) as city:
        one, other = city.report(), city.report()
        city.settle_down()
        right = city.world.clock.now
        city.clock.jump = ahead if ours_too else timedelta()
        with patch.object(city.world.clock, "now", lambda: right() + ahead.total_seconds()):
            city.world.touch(one)
            city.cycle()
        city.clock.jump = timedelta()
        city.pass_time()

        new = city.report()
        city.world.close(other)
        city.cycles(3)
        assert new in city.all_mirrored()
        assert city.mirrored(other).colour is Colour.HIJAU
        assert len(city.log.named("cursor_ahead")) == ours_too
        assert from_text(city.mark(Mark.CURSOR) or "") <= city.clock.now()


def test_a_capped_page_is_no_last_page(tmp_path: Path) -> None:
    """Upstream gives fewer rows than were asked for: all pages are read."""
    with bench(tmp_path / "kota.db", reports=90, page_cap=7) as city:
        city.cycle()
        assert_mirrored(city)


def test_a_filter_that_is_ignored_costs_pages_only(tmp_path: Path) -> None:
    """Known rows cost nothing however often they are listed."""
    with bench(tmp_path / "kota.db", scenario="no-filter", reports=90, page_cap=30) as city:
        city.settle_down()
        city.cycle()
        assert city.requests() == {LIST: 3}


def test_drifted_records_are_put_away_and_the_others_go_in(tmp_path: Path) -> None:
    """Unreadable rows are counted and shown; what can be read is mirrored with its colour; nothing vanishes."""
    with bench(tmp_path / "kota.db", scenario="schema-drift", reports=60) as city:
        outcome = city.cycle()
        assert outcome.error is None
        assert outcome.tally.quarantined > 0
        assert len(put_away(city)) == outcome.tally.quarantined
        assert outcome.tally.new == 60 - outcome.tally.quarantined
        city.pass_time()
        city.cycle()

        city.world.set_scenario("calm")
        city.pass_time(8 * NIGHT)  # a complete listing is due
        city.cycle()
        city.pass_time()
        city.cycle()
        assert_mirrored(city)
        assert put_away(city) == []
        assert not any(one.vanished_at or one.missing_since for one in city.all_mirrored().values())


def test_a_bad_row_is_read_by_id_in_the_night_and_released(tmp_path: Path) -> None:
    """A row with a garbage date is put away once, and mirrored by the sweep since its detail is sound."""
    with bench(tmp_path / "kota.db", reports=8) as city:
        city.settle_down()
        one = city.report()
        city.world.corrupt(one, how="bad-date")
        city.cycles(3)
        report_id = str(city.world.find(one).id)
        assert put_away(city) == [("list", report_id)]
        assert one not in city.all_mirrored()
        assert len([row for row in city.contents()["audit"] if row[4] == "quarantined"]) == 1

        city.pass_time(NIGHT)
        city.cycle()
        assert one in city.all_mirrored()
        city.world.uncorrupt(one)
        city.world.touch(one)
        city.cycle()
        assert put_away(city) == []
        assert_mirrored(city)


def test_a_bad_row_of_a_deleted_report_leaves_quarantine(tmp_path: Path) -> None:
    """What upstream does not know any more is nothing to be tried again."""
    with bench(tmp_path / "kota.db", reports=8) as city:
        city.settle_down()
        one = city.report()
        city.world.corrupt(one, how="bad-date")
        city.cycle()
        city.world.delete(one)
        city.pass_time(NIGHT)
        city.cycle()
        assert put_away(city) == []


def test_rows_without_any_id_leave_quarantine_with_the_next_complete_listing(tmp_path: Path) -> None:
    """They cannot be read by id; a whole listing that does not meet them any more ends them."""
    with bench(tmp_path / "kota.db", reports=8) as city:
        city.settle_down()
        one = city.report()
        city.world.corrupt(one, how="no-id")
        city.cycle()
        assert put_away(city) == [("list", None)]
        city.world.uncorrupt(one)
        city.pass_time(8 * NIGHT)
        city.cycle()
        assert put_away(city) == []
        assert_mirrored(city)


def test_unknown_status_names_take_no_colour_at_first_sight(tmp_path: Path) -> None:
    """They are mirrored, flagged, without a colour, and counted as no failure."""
    with bench(tmp_path / "kota.db", scenario="unknown-status", reports=30) as city:
        assert city.cycle().error is None
        odd = [one for one in city.all_mirrored().values() if one.report.status_name == UNKNOWN_STATUS]
        assert len(odd) == 10
        assert all(Flag.UNKNOWN_STATUS in one.verdict.flags for one in odd)
        inside = [one for one in odd if one.colour is not Colour.ABU]
        assert all((one.colour, one.agreed) == (None, None) for one in inside)


def test_an_empty_list_makes_nothing_vanish(tmp_path: Path) -> None:
    """An empty answer is no evidence: what it does not name is read by id and found."""
    with bench(tmp_path / "kota.db", reports=30) as city:
        city.settle_down()
        city.world.set_scenario("empty-list")
        for _ in range(4):
            city.pass_time(8 * NIGHT)
            city.cycle()
        assert not any(one.vanished_at or one.missing_since for one in city.all_mirrored().values())
        city.world.set_scenario("calm")
        new = city.report()
        city.cycle()
        assert new in city.all_mirrored()


# Away.


def test_refused_credentials_are_one_alarm_and_few_calls(tmp_path: Path) -> None:
    """Every cycle is one probe; the alarm sounds once; with a new token all goes on."""
    with bench(tmp_path / "kota.db", reports=20) as city:
        one = city.report()
        city.settle_down()
        ref = city.respond(one)
        city.world.set_scenario("expired-token")
        for _ in range(5):
            assert isinstance(city.cycle().error, Denied)
            city.pass_time()
        assert city.requests() == {LIST: 5}
        assert len(city.log.named("credentials_refused")) == 1
        assert outages(city) == [("Denied", False)]
        assert city.state(ref) is State.QUEUED

        city.world.set_scenario("calm")
        city.cycle()
        assert outages(city) == [("Denied", True)]
        assert city.state(ref) is State.SENT


def test_one_report_that_is_forbidden_is_no_refusal_of_the_credentials(tmp_path: Path) -> None:
    """A 403 for one report, now another agency's, ends no cycle and raises no alarm."""
    with bench(tmp_path / "kota.db", reports=5) as city:
        first, second = city.report(), city.report()
        city.settle_down()
        city.world.add_faults(
            {"match": {"path": f"/{city.world.find(first).id}/"}, "times": None, "do": "status:403"}
        )
        stuck, ref = city.respond(first), city.respond(second)
        for _ in range(3):
            assert city.cycle().error is None
            city.pass_time(1500)
        assert (city.state(stuck), city.state(ref)) == (State.QUEUED, State.SENT)
        assert not city.log.named("credentials_refused")
        assert outages(city) == []


def test_a_maintenance_is_one_outage_with_one_line(tmp_path: Path) -> None:
    """It begins once and ends once however upstream fails; then one delivery goes first, and the rest after it."""
    with bench(tmp_path / "kota.db", reports=10) as city:
        ones = [city.report() for _ in range(6)]
        city.settle_down()
        refs = [city.respond(one) for one in ones]
        city.world.set_scenario("maintenance")
        for _ in range(4):
            assert isinstance(city.cycle().error, UpstreamError)
            city.pass_time()
        city.simulator.stop()
        city.cycle()
        city.simulator.start()
        assert len(outages(city)) == 1
        assert len(city.log.named("upstream_away")) == 1

        city.restart()  # the port is another one now
        city.world.set_scenario("calm")
        city.requests()
        outcome = city.cycle()

        assert (outcome.error, outcome.arrived) == (None, 6)
        assert [over for _, over in outages(city)] == [True]
        assert city.mark(Mark.CANARY) is None
        assert [city.state(ref) for ref in refs] == [State.SENT] * 6
        assert len(city.log.named("upstream_back")) == 1


@ON_SQLITE
def test_a_maintenance_of_three_days_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """One outage, few calls; what was written meanwhile goes out in order, and what citizens said is mirrored."""
    with bench(tmp_path / "kota.db", reports=8) as city:
        one, other = city.report(), city.report()
        city.settle_down()
        city.world.set_scenario("maintenance-of-days")
        refs = [city.respond(one, f"Jawaban ke-{number} dari dinas.") for number in range(3)]
        city.world.reply(other)
        for _ in range(11):
            city.cycle()
            city.pass_time(6 * 3600)
        assert [over for _, over in outages(city)] == [False]
        assert len(city.log.named("upstream_away")) == 1
        assert sum(city.requests().values()) <= 11 * 12
        assert {city.state(ref) for ref in refs} == {State.QUEUED}
        city.pass_time(7 * 3600)
        city.cycles(3)
        assert [over for _, over in outages(city)] == [True]
        assert refs_in_order(city.arrived(one), refs) == refs
        assert {city.state(ref) for ref in refs} == {State.SENT}
        assert_mirrored(city)


@ON_SQLITE
@pytest.mark.parametrize("do", ["bus:303001", "bus-xml:303001", "bus:900800", "bus-xml:900807", "bus:700700"])
def test_what_the_service_bus_did_not_hand_on_was_not_sent(tmp_path: Path, do: str) -> None:
    """By its code, whatever the HTTP status: it waits as what never left, and arrives once."""
    with bench(tmp_path / "kota.db", reports=2) as city:
        one = city.report()
        city.settle_down()
        ref = city.respond(one)
        city.world.add_faults({"match": {"path": "/followup/add"}, "times": 1, "do": do})
        city.cycle()
        assert (city.state(ref), city.arrived(one)) == (State.QUEUED, [])
        city.pass_time(3600)
        city.cycles(2, apart=3600)
        assert (city.state(ref), len(city.arrived(one))) == (State.SENT, 1)


@ON_SQLITE
@pytest.mark.parametrize("stored", [True, False])
@pytest.mark.parametrize("do", ["bus:101504", "bus-xml:101503"])
def test_what_the_service_bus_may_have_handed_on_is_read_back(tmp_path: Path, do: str, stored: bool) -> None:
    """A time-out behind the bus: LAPOR may have it. It arrives once."""
    with bench(tmp_path / "kota.db", reports=2) as city:
        one = city.report()
        city.settle_down()
        ref = city.respond(one)
        city.world.add_faults({"match": {"path": "/followup/add"}, "times": 1, "do": do, "stored": stored})
        city.cycles(4)
        assert (city.state(ref), len(city.arrived(one))) == (State.SENT, 1)


def test_after_an_outage_one_delivery_goes_first(tmp_path: Path) -> None:
    """While the first send does not arrive, no other leaves; the oldest deadline is first."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        ones = [city.report(classification=4) for _ in range(2)] + [city.report(classification=1)]
        city.settle_down()
        refs = [city.respond(one) for one in ones]
        away_once(city)
        city.world.add_faults({"match": {"method": "POST"}, "times": 1, "do": "gateway:504", "stored": False})

        city.cycle()
        assert [city.state(ref) for ref in refs] == [State.UNKNOWN, State.QUEUED, State.QUEUED]

        city.pass_time()
        city.cycle()
        city.cycle()
        assert [len(city.arrived(one)) for one in ones] == [1, 1, 1]
        assert [city.state(ref) for ref in refs] == [State.SENT] * 3


def test_a_canary_that_is_found_lets_the_others_go(tmp_path: Path) -> None:
    """A first send whose reply was lost, and which arrived, is found, and the rest goes in the same cycle."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        ones = [city.report() for _ in range(3)]
        city.settle_down()
        refs = [city.respond(one) for one in ones]
        away_once(city)
        city.world.add_faults({"match": {"method": "POST"}, "times": 1, "do": "gateway:504", "stored": True})
        city.cycle()
        city.pass_time()
        city.cycle()
        assert [city.state(ref) for ref in refs] == [State.SENT] * 3
        assert [len(city.arrived(one)) for one in ones] == [1] * 3


def test_nothing_leaves_while_the_first_may_have_arrived(tmp_path: Path) -> None:
    """Polls are shorter than the grace: no other goes, until the first was read back as not there; then the next."""
    with bench(tmp_path / "kota.db", reports=0, grace=100) as city:
        ones = [city.report() for _ in range(3)]
        city.settle_down()
        refs = [city.respond(one) for one in ones]
        away_once(city)
        lost = {"match": {"method": "POST"}, "times": 1, "do": "gateway:504", "stored": False}
        city.world.add_faults(lost)
        for _ in range(4):
            city.cycle()
            assert [city.state(ref) for ref in refs] == [State.UNKNOWN, State.QUEUED, State.QUEUED]
            city.pass_time(20)
        city.world.add_faults(lost)
        city.pass_time(60)
        city.cycle()
        assert [city.state(ref) for ref in refs] == [State.QUEUED, State.UNKNOWN, State.QUEUED]
        city.pass_time(120)
        city.cycle()
        assert [city.state(ref) for ref in refs] == [State.SENT] * 3
        assert [len(city.arrived(one)) for one in ones] == [1] * 3


@pytest.mark.parametrize("is_new_process", [False, True])
def test_a_first_one_that_cannot_be_told_blocks_nothing_for_long(tmp_path: Path, is_new_process: bool) -> None:
    """Its report cannot be read after the send: after twice the grace another one goes first."""
    with bench(tmp_path / "kota.db", reports=0, grace=100) as city:
        ones = [city.report() for _ in range(3)]
        city.settle_down()
        refs = [city.respond(one) for one in ones]
        away_once(city)
        city.world.add_faults({"match": {"method": "POST"}, "times": 1, "do": "gateway:504", "stored": False})
        city.cycle()
        if is_new_process:
            city.restart()
        thread = f"/{city.world.find(ones[0]).id}/"
        city.world.add_faults({"match": {"path": thread}, "times": None, "do": "status:500"})
        city.pass_time(150)
        city.cycle()
        assert [city.state(ref) for ref in refs] == [State.UNKNOWN, State.QUEUED, State.QUEUED]
        city.pass_time(100)
        city.cycle()
        assert [city.state(ref) for ref in refs] == [State.UNKNOWN, State.SENT, State.SENT]


def test_what_was_lost_before_the_outage_is_no_first_one(tmp_path: Path) -> None:
    """A response that is found after an outage says nothing about sending: one goes first all the same."""
    with bench(tmp_path / "kota.db", reports=0, grace=100) as city:
        ones = [city.report() for _ in range(3)]
        city.settle_down()
        first = city.respond(ones[0])
        city.world.add_faults({"match": {"method": "POST"}, "times": 1, "do": "close-after", "stored": True})

        def breaks_off(step: str) -> None:
            if step == "sent":
                city.world.set_scenario("maintenance")

        city.cycle(step=breaks_off)
        assert city.state(first) is State.UNKNOWN
        others = [city.respond(one) for one in ones[1:]]
        away_once(city)
        city.world.add_faults({"match": {"method": "POST"}, "times": 1, "do": "gateway:504", "stored": False})
        city.cycle()
        assert [city.state(ref) for ref in (first, *others)] == [State.SENT, State.UNKNOWN, State.QUEUED]


def away_once(city: Bench) -> None:
    """One cycle meets an upstream in maintenance."""
    city.world.set_scenario("maintenance")
    city.cycle()
    city.pass_time()
    city.world.set_scenario("calm")


def test_a_stop_is_no_outage(tmp_path: Path) -> None:
    """A cycle that is asked to stop while it reads leaves no outage and no unread report behind."""
    with bench(tmp_path / "kota.db", reports=60) as city:
        seen = []

        def step(name: str) -> None:
            seen.append(name)

        city.restart(step=step, stopping=lambda: "page_read" in seen)
        assert city.cycle().error is None
        city.restart(stopping=lambda: True)
        city.cycle()
        assert outages(city) == []
        city.restart()
        city.pass_time()
        city.cycle()
        assert_mirrored(city)


def test_too_many_calls_a_second_are_got_over(tmp_path: Path) -> None:
    """Upstream answers 429 above five calls a second: all is mirrored in the end, nothing is lost."""
    with bench(tmp_path / "kota.db", scenario="rate-limit", reports=15, pace={"concurrency": 2}) as city:
        for _ in range(40):
            city.cycle()
            city.pass_time(real=0.25)
            if len(city.all_mirrored()) == 15 and all(one.colour for one in city.all_mirrored().values()):
                break
        city.world.set_scenario("calm")
        city.cycle()
        assert_mirrored(city)


def test_a_slow_upstream_is_waited_for(tmp_path: Path) -> None:
    """Slow answers are answers."""
    with bench(tmp_path / "kota.db", scenario="slow", slow_seconds=0.2, reports=8) as city:
        one = city.report()
        assert city.cycle().error is None
        ref = city.respond(one)
        assert city.cycle().arrived == 1
        assert city.state(ref) is State.SENT
        assert_mirrored(city)


# Without a list call.


def test_without_a_list_call_reports_are_read_by_id(tmp_path: Path) -> None:
    """Known reports are followed by id on a schedule, answers are delivered, and the list is taken up again."""
    with bench(tmp_path / "kota.db", reports=20) as city:
        one = city.report()
        city.settle_down()
        city.world.set_scenario("restricted")
        city.cycle()
        assert city.mark(Mark.NO_LIST) is not None
        assert len(city.log.named("no_list_call")) == 1
        assert all(mine.row_hash is None for mine in city.all_mirrored().values())

        ref = city.respond(one)
        city.cycle()
        assert city.state(ref) is State.SENT
        city.world.reply(one, content="Terima kasih, tetapi belum selesai.")
        city.cycles(5)
        assert city.mirrored(one).verdict.waiting_on == "opd"
        assert outages(city) == []

        city.world.set_scenario("calm")
        new = city.report()
        city.cycle()
        assert city.mark(Mark.NO_LIST) is None
        assert new in city.all_mirrored()
        city.pass_time()
        city.cycle()
        assert_mirrored(city)


def test_scheduled_reads_keep_to_their_budget(tmp_path: Path) -> None:
    """However many reports are due, a cycle reads no more than it may, the longest overdue first."""
    with bench(tmp_path / "kota.db", reports=60, pace={"reread_budget": 10}) as city:
        city.settle_down()
        city.world.set_scenario("restricted")
        is_open = {Colour.MERAH, Colour.KUNING}
        count = sum(one.colour in is_open for one in city.all_mirrored().values())
        reads = []
        for _ in range(-(-count // 10) + 1):
            city.requests()
            city.cycle()
            reads.append(city.requests().get("GET /complaints/{id}/complaint", 0))
        assert max(reads) == 10
        assert sum(reads) >= count


# Poison.


def test_reports_that_never_can_be_read_block_nobody(tmp_path: Path) -> None:
    """Ten threads that always fail end no cycle, hold up no delivery of others, and are no outage."""
    with bench(tmp_path / "kota.db", reports=10) as city:
        bad = [city.report() for _ in range(10)]
        good = [city.report() for _ in range(3)]
        city.settle_down()
        for one in bad:
            path = f"/{city.world.find(one).id}/followups"
            city.world.add_faults({"match": {"path": path}, "times": None, "do": "status:500"})
            city.world.touch(one)
        stuck = [city.respond(one) for one in bad]
        refs = [city.respond(one) for one in good]

        for _ in range(3):
            assert city.cycle().error is None
            city.pass_time(1500)

        assert [city.state(ref) for ref in refs] == [State.SENT] * 3
        assert [city.state(ref) for ref in stuck] == [State.QUEUED] * 10
        assert outages(city) == []
        city.world.clear_faults()
        city.cycle()
        assert [city.state(ref) for ref in stuck] == [State.SENT] * 10


def test_a_report_that_upstream_never_accepts_blocks_nobody(tmp_path: Path) -> None:
    """Three sends that always break are read back and tried again; the others' go in the same cycle."""
    with bench(tmp_path / "kota.db", reports=0, pace={"concurrency": 2}) as city:
        ones = [city.report() for _ in range(6)]
        city.settle_down()
        refs = [city.respond(one) for one in ones]
        city.world.add_faults({"match": {"method": "POST"}, "times": 3, "do": "status:500", "stored": False})
        assert city.cycle().error is None
        assert sorted(city.state(ref) for ref in refs) == [State.SENT] * 3 + [State.UNKNOWN] * 3
        city.pass_time()
        city.cycle()
        assert [len(city.arrived(one)) for one in ones] == [1] * 6


def test_details_that_cannot_be_read_leave_the_schedule_to_others(tmp_path: Path) -> None:
    """Without a list, bad details do not eat the budget of every cycle."""
    with bench(tmp_path / "kota.db", reports=0, pace={"reread_budget": 4}) as city:
        bad = [city.report() for _ in range(4)]
        good = city.report()
        city.settle_down()
        city.world.set_scenario("restricted")
        city.cycle()
        real = city.setup.connector.read_report

        def read(report_id: str, **how: bool) -> object:
            if report_id in {str(city.world.find(one).id) for one in bad}:
                raise BadRecord("no status_name", key=report_id, raw="{}", report_id=report_id)
            return real(report_id, **how)

        city.setup.connector.read_report = read  # type: ignore[method-assign,assignment]  # details that drifted
        city.world.answer(good)
        city.cycles(8)
        assert city.mirrored(good).colour is Colour.KUNING
        assert len(put_away(city)) == 4
        city.setup.connector.read_report = real  # type: ignore[method-assign]
        city.cycles(8)
        assert put_away(city) == []


def test_an_upstream_that_lets_nobody_read_masters_is_no_outage(tmp_path: Path) -> None:
    """Names of institutions are a comfort; without them all goes on."""
    with bench(tmp_path / "kota.db", reports=5) as city:
        one = city.report()
        city.world.add_faults({"match": {"path": "/masters/"}, "times": None, "do": "status:403"})
        city.cycle()
        ref = city.respond(one)
        assert city.cycle().error is None
        assert city.state(ref) is State.SENT
        assert len(city.log.named("institutions_unread")) == len(city.log.named("templates_unread")) == 1


def test_an_outage_in_the_middle_of_a_push_ends_it(tmp_path: Path) -> None:
    """Three failures in a row, confirmed by the probe: what is left waits, nothing is sent twice."""
    with bench(tmp_path / "kota.db", reports=0, pace={"concurrency": 2}) as city:
        ones = [city.report() for _ in range(8)]
        city.settle_down()
        refs = [city.respond(one) for one in ones]

        def step(name: str) -> None:
            if name == "claim_committed":
                city.world.set_scenario("maintenance")

        outcome = city.cycle(step=step)
        assert isinstance(outcome.error, UpstreamBroken)
        assert State.SENDING not in {city.state(ref) for ref in refs}
        assert len(outages(city)) == 1
        city.world.set_scenario("calm")
        city.pass_time()
        city.cycles(2)
        assert [city.state(ref) for ref in refs] == [State.SENT] * 8
        assert [len(city.arrived(one)) for one in ones] == [1] * 8


def test_observing_reads_all_and_sends_nothing(tmp_path: Path) -> None:
    """In the first weeks a city looks on."""
    with bench(tmp_path / "kota.db", reports=5) as city:
        one = city.report(opd=OPD)
        city.settle_down()
        ref = city.respond(one)
        city.setup = replace(city.setup, observe=True)
        city.cycles(2)
        assert city.state(ref) is State.QUEUED
        assert not any(route.startswith("POST") for route in city.requests())
        city.setup = replace(city.setup, observe=False, user_id=None)
        city.cycle()
        assert city.state(ref) is State.QUEUED
