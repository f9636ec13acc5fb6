"""Delivering: each response stands in the citizen's thread exactly once and in order."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from connectors.sp4n_v3 import Sp4nSettings, Sp4nV3
from connectors.transport import Transport, TransportSettings
from lapor_sync import interface, office
from lapor_sync.domain.colour import Colour, Flag
from lapor_sync.domain.delivery import MAX_BARRED, MAX_TRIES, Reason, State, WhyPaused, with_reference
from lapor_sync.domain.errors import StoreUnavailable
from lapor_sync.domain.people import of_shell
from lapor_sync.domain.questions import UNSURE, Unsure
from lapor_sync.domain.report import OutgoingFile
from lapor_sync.store import audit, outbox, overview, pauses
from lapor_sync.store.conflicts import How
from lapor_sync.store.database import Work
from lapor_sync.store.lock import Holding
from lapor_sync.store.marks import Mark
from tests.flow.bench import ON_BOTH, ON_SQLITE, OPD, TOKEN, Bench, Killed, bench
from tests.oracle import refs_in_order

pytestmark = ON_BOTH

IN_FLIGHT = {State.QUEUED, State.SENDING, State.UNKNOWN}
POST = {"method": "POST"}


def deliver_all(city: Bench, *, most: int = 60, apart: float = 400, real: float = 0.0) -> int:
    """Cycles until nothing is on its way by itself; how many it took."""
    for count in range(most):
        if not any(one.state in IN_FLIGHT for one in city.outbox()):
            return count
        city.cycle()
        city.pass_time(apart, real)
    raise AssertionError("deliveries do not come to an end")


def write_many(city: Bench, reports: int, each: int) -> dict[str, list[str]]:
    """So many responses to each of so many reports; references by report, as written."""
    ones = [city.report() for _ in range(reports)]
    city.settle_down()
    written: dict[str, list[str]] = {one: [] for one in ones}
    for number in range(each):
        for one in ones:
            written[one].append(city.respond(one, f"Tanggapan ke-{number}"))
    return written


def assert_once_and_in_order(city: Bench, written: dict[str, list[str]]) -> None:
    """Each response stands upstream once, each report's in the order in which they were written."""
    for one, refs in written.items():
        assert refs_in_order(city.arrived(one), refs) == refs
        assert len(city.arrived(one)) == len(refs)
        assert [city.state(ref) for ref in refs] == [State.SENT] * len(refs)
    with city.store.reading() as work:
        audit.verify(work.conn, work.agency)


# Exactly once.


def test_a_response_is_delivered_with_all_that_it_says(tmp_path: Path) -> None:
    """Text with its reference, speaker, receiver, user, template, files; the colour turns in the same cycle."""
    with bench(tmp_path / "kota.db", reports=3) as city:
        one = city.report()
        city.settle_down()
        files = (OutgoingFile(file_name="foto.jpg", content=b"\xff\xd8\xffbukti"),)
        ref = city.respond(one, "Jalan sudah ditambal & diaspal.", files=files)

        outcome = city.cycle()

        (item,) = [item for item in city.world.thread(one)["items"] if item["source"] == "api"]
        assert item["content"] == with_reference("Jalan sudah ditambal & diaspal.", ref)
        assert (item["institution_from_id"], item["institution_to_id"]) == (OPD, "601")
        assert (item["template_code"], item["user_id"], item["is_secret"]) == ("reply", "9", False)
        assert item["attachments"] == ["foto.jpg"]
        assert outcome.arrived == 1
        assert (city.state(ref), city.mirrored(one).colour) == (State.SENT, Colour.KUNING)
        assert city.delivery(ref).seen_count == 1
        with city.store.reading() as work:
            (attempt,) = outbox.attempts_of(work, [ref])[ref]
        assert (attempt.n, attempt.outcome, attempt.http_status) == (1, "sent", 200)


@pytest.mark.parametrize("scenario", ["calm", "lost-reply", "late-read", "flaky"])
def test_many_responses_arrive_once_and_in_order(tmp_path: Path, scenario: str) -> None:
    """Twelve reports, four responses each, whatever kind of day it is."""
    with bench(tmp_path / "kota.db", grace=100, late_seconds=80) as city:
        written = write_many(city, 12, 4)
        city.world.set_scenario(scenario)
        cycles = deliver_all(city)
        assert_once_and_in_order(city, written)
        assert cycles == 1 or scenario != "calm"


@pytest.mark.parametrize("seed", range(int(os.environ.get("FLAKY_DAYS", "1"))))
def test_flaky_days_of_every_luck(tmp_path: Path, seed: int) -> None:
    """Other luck, fewer reports, longer queues."""
    with bench(tmp_path / "kota.db", seed=seed + 100, reports=5) as city:
        written = write_many(city, 5, 8)
        city.world.set_scenario("flaky")
        deliver_all(city)
        assert_once_and_in_order(city, written)


def test_late_reads_in_real_time(tmp_path: Path) -> None:
    """No clock is pushed: with a grace longer than upstream is late, nothing goes out twice."""
    with bench(tmp_path / "kota.db", scenario="late-read", late_seconds=0.4, grace=0.6, reports=0) as city:
        written = write_many(city, 10, 2)
        deliver_all(city, apart=0, real=0.3, most=100)
        assert_once_and_in_order(city, written)


def test_a_lost_reply_is_found_and_not_sent_again(tmp_path: Path) -> None:
    """The write is stored, its answer is lost: one POST, found by its reference."""
    with bench(tmp_path / "kota.db", reports=2) as city:
        one = city.report()
        city.settle_down()
        ref = city.respond(one)
        city.world.add_faults({"match": POST, "do": "close-after", "stored": True})
        city.cycle()
        assert city.state(ref) is State.SENT
        assert city.delivery(ref).reason is Reason.FOUND
        assert city.requests()["POST /complaints/followup/add"] == 1


BAD_ANSWERS = (
    "close-before gateway:502 gateway:401 gateway:429 status:500 status:408 html-200 status-false-200 garbage "
    "truncate empty-200 redirect"
)


@pytest.mark.parametrize("do", BAD_ANSWERS.split())
@pytest.mark.parametrize("stored", [True, False])
def test_whatever_the_wire_does_it_arrives_once(tmp_path: Path, do: str, stored: bool) -> None:
    """Every bad answer, with and without the write stored."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        one = city.report()
        city.settle_down()
        ref = city.respond(one)
        city.world.add_faults({"match": POST, "do": do, "stored": stored})
        deliver_all(city)
        assert refs_in_order(city.arrived(one), [ref]) == [ref]
        came = stored and do != "close-before"
        assert city.delivery(ref).delivery.tries == (0 if came else 1)


def test_not_there_counts_only_after_the_grace(tmp_path: Path) -> None:
    """Within the grace nothing is concluded, however often the thread is read."""
    with bench(tmp_path / "kota.db", reports=0, grace=100) as city:
        one = city.report()
        city.settle_down()
        ref = city.respond(one)
        city.world.add_faults({"match": POST, "do": "gateway:504", "stored": False})
        for _ in range(4):
            city.cycle()
            city.pass_time(20)
            assert city.state(ref) is State.UNKNOWN
        city.pass_time(100)
        city.cycle()
        assert city.state(ref) is State.SENT
        assert len(city.arrived(one)) == 1


@pytest.mark.parametrize("jump", [timedelta(hours=5), timedelta(hours=-5)])
def test_a_wall_clock_that_jumps_sends_nothing_twice(tmp_path: Path, jump: timedelta) -> None:
    """Between an attempt and its read-back our wall clock jumps: the grace is still waited for."""
    with bench(tmp_path / "kota.db", reports=0, grace=100, scenario="late-read", late_seconds=80) as city:
        one = city.report()
        city.settle_down()
        ref = city.respond(one)
        city.world.add_faults({"match": POST, "do": "gateway:504", "stored": True})
        city.cycle()
        assert city.state(ref) is State.UNKNOWN
        city.clock.jump = jump
        city.cycle()
        assert city.state(ref) is State.UNKNOWN
        city.pass_time()
        city.clock.jump = -jump
        city.cycles(3)
        assert refs_in_order(city.arrived(one), [ref]) == [ref]
        assert city.state(ref) is State.SENT


def test_an_upstream_whose_date_jumps_sends_nothing_twice(tmp_path: Path) -> None:
    """Upstream's clock leaps ahead by a day: our own monotonic clock still waits for the grace."""
    with bench(tmp_path / "kota.db", reports=0, grace=100) as city:
        one = city.report()
        city.settle_down()
        ref = city.respond(one)
        city.world.add_faults({"match": POST, "do": "gateway:504", "stored": False})
        city.cycle()
        city.world.advance(86_400)
        city.cycle()
        assert city.state(ref) is State.UNKNOWN
        city.pass_time(150)
        city.cycle()
        assert city.state(ref) is State.SENT


# Order.


def test_reports_of_one_wave_are_answered_by_deadline(tmp_path: Path) -> None:
    """Whichever report is read first: they leave in the order of their deadlines, not as read and not as written."""
    with bench(tmp_path / "kota.db", reports=0, pace={"concurrency": 2}) as city:
        ones = []
        for _ in range(5):
            ones.append(city.report())
            city.pass_time(86_400)
        city.settle_down()
        refs = [city.respond(one) for one in reversed(ones)]
        slow = {"path": f"/{city.world.find(ones[0]).id}/"}
        city.world.add_faults({"match": slow, "times": 1, "do": "slow:0.3", "stored": True})
        city.cycle()
        moved = [json.loads(row[6]) for row in city.contents()["audit"] if row[4] == "delivery_moved"]
        assert [one["ref"] for one in moved if one["to"] == State.SENDING] == refs[::-1]


def test_a_refused_response_does_not_block_the_next(tmp_path: Path) -> None:
    """Upstream says no to the first of two: it is shown, and the second goes."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        one = city.report()
        city.settle_down()
        first, second = city.respond(one, "Pertama"), city.respond(one, "Kedua")
        city.world.add_faults({"match": POST, "do": "status:422", "stored": False})
        city.cycle()
        assert (city.state(first), city.state(second)) == (State.REFUSED, State.SENT)
        assert refs_in_order(city.arrived(one), [first, second]) == [second]
        with city.store.reading() as work:
            said = {shown["ref"]: shown["why"] for shown in interface.outbox(overview.waiting(work))}
        assert said[first].startswith("HTTP 422")
        assert said[second] is None


def test_what_lapor_refuses_and_stores_all_the_same_is_sent(tmp_path: Path) -> None:
    """Its reference stands in the thread: the citizen has it, and nobody must be told to write it again."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        one = city.report()
        city.settle_down()
        first, second = city.respond(one, "Pertama"), city.respond(one, "Kedua")
        city.world.add_faults({"match": POST, "do": "status:409", "stored": True})
        city.cycles(2)
        assert (city.state(first), city.state(second)) == (State.SENT, State.SENT)
        assert refs_in_order(city.arrived(one), [first, second]) == [first, second]
        moved = [json.loads(row[6]) for row in city.contents()["audit"] if row[4] == "delivery_moved"]
        assert [move["to"] for move in moved if move["ref"] == first] == ["sending", "refused", "queued", "sent"]


def test_an_unknown_response_blocks_the_next(tmp_path: Path) -> None:
    """As long as nobody knows whether the first arrived, the second waits."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        one = city.report()
        city.settle_down()
        first, second = city.respond(one, "Pertama"), city.respond(one, "Kedua")
        city.world.add_faults({"match": POST, "do": "gateway:504", "stored": False})
        city.cycle()
        assert (city.state(first), city.state(second)) == (State.UNKNOWN, State.QUEUED)
        city.pass_time()
        city.cycle()
        assert refs_in_order(city.arrived(one), [first, second]) == [first, second]


def test_a_429_waits_for_what_upstream_asks_and_is_no_try(tmp_path: Path) -> None:
    """Not sent is not sent: no try is counted, the wait doubles, and starts anew when upstream was away."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        one = city.report()
        city.settle_down()
        ref = city.respond(one)
        city.world.add_faults({"match": POST, "times": 2, "do": "status:429", "stored": False})
        began = city.clock.now()
        city.cycle()
        waiting = city.delivery(ref)
        assert (waiting.state, waiting.reason, waiting.waits) == (State.QUEUED, Reason.NOT_SENT, 1)
        assert waiting.next_try_at is not None
        assert began <= waiting.next_try_at - timedelta(seconds=300) <= city.clock.now()
        city.cycle()
        assert city.delivery(ref) == waiting
        city.pass_time(310)
        began = city.clock.now()
        city.cycle()
        again = city.delivery(ref)
        assert again.waits == 2
        assert again.next_try_at is not None
        assert began <= again.next_try_at - timedelta(seconds=600) <= city.clock.now()
        city.pass_time(610)
        city.cycle()
        assert (city.state(ref), city.delivery(ref).delivery.tries) == (State.SENT, 0)


@pytest.mark.parametrize("do", ["status:429"])
def test_what_does_not_leave_waits_and_never_ends(tmp_path: Path, do: str) -> None:
    """25 sends that did not leave, over a day: no try counts, no wait is over 15 minutes, and at last it goes."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        one = city.report()
        city.settle_down()
        ref = city.respond(one)
        city.world.add_faults({"match": POST, "times": None, "do": do, "stored": False})
        for tried in range(1, 26):
            assert city.cycle().error is None
            waiting = city.delivery(ref)
            assert (waiting.state, waiting.delivery.tries, waiting.waits) == (State.QUEUED, 0, tried)
            assert waiting.next_try_at is not None
            assert waiting.next_try_at - city.clock.now() <= timedelta(minutes=15)
            city.pass_time(3600)
        city.world.clear_faults()
        city.cycle()
        assert (city.state(ref), len(city.arrived(one))) == (State.SENT, 1)


def test_an_outage_of_days_never_ends_a_delivery(tmp_path: Path) -> None:
    """Over two days each cycle meets 503: nothing is tried, nothing counts, and it goes as soon as LAPOR is back."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        one = city.report()
        city.settle_down()
        ref = city.respond(one)
        city.world.set_scenario("maintenance")
        for _ in range(35):
            assert city.cycle().error is not None
            city.pass_time(5400)
        waiting = city.delivery(ref)
        assert (waiting.state, waiting.delivery.tries, waiting.waits) == (State.QUEUED, 0, 0)
        city.world.set_scenario("calm")
        city.cycle()
        assert (city.state(ref), len(city.arrived(one))) == (State.SENT, 1)


def test_after_ten_tries_a_person_decides(tmp_path: Path) -> None:
    """Ten times sent and never found in the thread: held, with a conflict, and never sent again by itself."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        one = city.report()
        city.settle_down()
        ref = city.respond(one)
        city.world.add_faults({"match": POST, "times": None, "do": "status:500", "stored": False})
        city.cycles(MAX_TRIES + 5)
        assert city.state(ref) is State.HELD
        assert [(c.kind, c.ref) for c in city.conflicts()] == [(Reason.NOT_FOUND_AGAIN, ref)]
        assert city.requests()["POST /complaints/followup/add"] == MAX_TRIES


def test_a_firewall_that_answers_in_lapors_place_is_told_and_a_person_decides(tmp_path: Path) -> None:
    """A page under 403 proves nothing: read back each time. After three of them it is held, with the number and why."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        one = city.report()
        city.settle_down()
        ref = city.respond(one)
        city.world.add_faults({"match": POST, "times": None, "do": "gateway:403", "stored": False})
        city.cycle()
        assert city.state(ref) is State.UNKNOWN
        with city.store.reading() as work:
            assert "HTTP 403, not from LAPOR" in interface.outbox(overview.waiting(work))[0]["why"]
        city.cycles(MAX_BARRED + 5)
        assert (city.state(ref), city.delivery(ref).reason) == (State.HELD, Reason.BARRED)
        assert city.requests()["POST /complaints/followup/add"] == MAX_BARRED
        (question,) = city.conflicts()
        assert question.kind == Reason.BARRED
        assert "HTTP 403" in question.facts["said"]
        with city.store.reading() as work:
            assert "HTTP 403, not from LAPOR" in interface.outbox(overview.waiting(work))[0]["why"]
        office.change(city.setup, of_shell("sri"), office.OutboxAct.RETRY, ref)
        city.cycle()
        assert city.state(ref) is State.UNKNOWN
        city.world.clear_faults()
        city.cycles(2)
        assert (city.state(ref), len(city.arrived(one))) == (State.SENT, 1)


def test_what_lapor_takes_to_store_it_later_never_leaves_again_by_itself(tmp_path: Path) -> None:
    """A moderator takes longer than the grace: sent again, the citizen saw it twice."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        one = city.report()
        city.settle_down()
        ref = city.respond(one)
        city.world.add_faults({"match": POST, "times": 1, "do": "status:202", "stored": False})
        city.cycles(5)
        assert (city.state(ref), city.delivery(ref).reason) == (State.HELD, Reason.CANNOT_READ_BACK)
        assert city.requests()["POST /complaints/followup/add"] == 1
        (question,) = city.conflicts()
        assert question.facts[UNSURE] == Unsure.PROMISED
        office.change(city.setup, of_shell("sri"), office.OutboxAct.RETRY, ref)
        city.cycles(2)
        assert (city.state(ref), len(city.arrived(one))) == (State.SENT, 1)


def test_what_may_not_leave_goes_back_to_the_queue(tmp_path: Path) -> None:
    """Claimed, and then the lock is not proven: certainly not sent, no try, and nothing was posted."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        one = city.report()
        city.settle_down()
        ref = city.respond(one)
        settings = TransportSettings(base_url=city.simulator.url, bearer="simulator", token=TOKEN)
        with Transport(settings, clock=city.clock, may_leave=lambda: False) as transport:
            assert city.cycle(connector=Sp4nV3(transport, Sp4nSettings())).error is None
        waiting = city.delivery(ref)
        assert (waiting.state, waiting.reason, waiting.delivery.tries) == (State.QUEUED, Reason.NOT_SENT, 0)
        assert city.requests().get("POST /complaints/followup/add", 0) == 0


def test_who_lost_the_database_after_the_claim_settles_nothing(tmp_path: Path) -> None:
    """A frozen process that wakes after another took over changes no state that the other relies on."""

    class TakenOver(Holding):
        def still_answers(self, work: Work) -> None:
            raise StoreUnavailable("taken over")

    with bench(tmp_path / "kota.db", reports=0) as city:
        one = city.report()
        city.settle_down()
        ref = city.respond(one)
        with pytest.raises(StoreUnavailable):
            city.cycle(holding=TakenOver())
        assert city.state(ref) is State.SENDING
        city.restart()
        city.cycles(2)
        assert (city.state(ref), len(city.arrived(one))) == (State.SENT, 1)


def test_who_lost_the_database_claims_nothing(tmp_path: Path) -> None:
    """Nothing is on its way then, and nothing was sent."""

    def lost() -> None:
        raise StoreUnavailable("lost")

    with bench(tmp_path / "kota.db", reports=0) as city:
        one = city.report()
        city.settle_down()
        ref = city.respond(one)
        with pytest.raises(StoreUnavailable):
            city.cycle(holding=Holding(lock=lost))
        assert (city.state(ref), city.arrived(one)) == (State.QUEUED, [])


def cut_at_emoji(city: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """LAPOR's database keeps a text up to its first emoji, as MySQL's utf8 does."""
    store = city.world.store_answer
    monkeypatch.setattr(
        city.world, "store_answer", lambda ref, text, **more: store(ref, text.partition("\U0001f64f")[0], **more)
    )


@pytest.mark.parametrize(
    "text", ["\U0001f64f Sudah kami perbaiki.", "Sudah kami perbaiki. \U0001f64f Terima kasih."]
)
def test_after_a_text_that_came_back_cut_the_reports_others_are_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    """Empty, or without its end: accepted, and shown to a person; what waits behind it does not follow."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        one, other = city.report(), city.report()
        city.settle_down()
        cut_at_emoji(city, monkeypatch)
        first, second = city.respond(one, text), city.respond(one, "Tahap dua.")
        city.respond(other)
        city.cycles(3)
        assert (city.state(first), city.state(second)) == (State.SENT, State.HELD)
        assert city.delivery(second).reason is Reason.TEXT_CUT
        assert {(c.kind, c.ref) for c in city.conflicts()} == {(Reason.TEXT_CUT, first), (Reason.TEXT_CUT, second)}
        assert (len(city.arrived(one)), len(city.arrived(other))) == (1, 1)
        assert len(city.log.named("text_cut")) == 1
        office.settle(city.setup, of_shell("sri"), one, How.KEEP_OURS)
        city.cycles(2)
        assert city.state(second) is State.SENT


@pytest.mark.parametrize("is_lost", [False, True])
@pytest.mark.parametrize("kept", [0, 1, 2])
def test_files_that_lapor_took_and_does_not_show_are_asked_about(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: int, *, is_lost: bool
) -> None:
    """The text stands there, and the citizen lacks the photo: nobody would look again."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        one = city.report()
        city.settle_down()
        store = city.world.store_answer
        monkeypatch.setattr(
            city.world,
            "store_answer",
            lambda ref, text, attachments, **more: store(ref, text, attachments=attachments[:kept], **more),
        )
        files = tuple(OutgoingFile(file_name=f"foto-{n}.jpg", content=b"\xff\xd8\xffbukti") for n in (1, 2))
        ref = city.respond(one, files=files)
        if is_lost:
            city.world.add_faults({"match": POST, "do": "close-after", "times": 1})
        city.cycles(2)
        city.pass_time()
        city.cycle()
        assert city.state(ref) is State.SENT
        asked = [] if kept == len(files) else [(Reason.FILES_LOST, ref)]
        assert [(one.kind, one.ref) for one in city.conflicts()] == asked
        assert len(city.log.named("files_lost")) == len(asked)
        if asked:
            office.settle(city.setup, of_shell("sri"), one, How.KEEP_OURS)
        city.cycles(2)
        assert (city.conflicts(), city.state(ref), len(city.arrived(one))) == ([], State.SENT, 1)


@pytest.mark.parametrize("is_lost", [False, True])
def test_until_an_emoji_was_seen_whole_one_response_with_one_leaves_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_lost: bool
) -> None:
    """Also where every reply is lost: three citizens at most get an empty answer before delivery is paused."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        ones = [city.report() for _ in range(9)]
        city.settle_down()
        cut_at_emoji(city, monkeypatch)
        if is_lost:
            city.world.add_faults({"match": POST, "do": "close-after", "stored": True, "times": None})
        for one in ones:
            city.respond(one, "\U0001f64f Sudah kami perbaiki.")
        for _ in range(12):
            city.cycle()
            city.pass_time()
        assert sum(len(city.arrived(one)) for one in ones) == 3
        assert city.mark(Mark.PAUSED) is not None


def test_once_an_emoji_was_seen_whole_all_leave_together(tmp_path: Path) -> None:
    with bench(tmp_path / "kota.db", reports=0) as city:
        ones = [city.report() for _ in range(4)]
        city.settle_down()
        for one in ones:
            city.respond(one, "\U0001f64f Sudah kami perbaiki.")
        city.cycle()
        assert [len(city.arrived(one)) for one in ones] == [1] * 4


def test_where_every_text_comes_back_cut_nothing_more_leaves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three in a row, over cycles: delivery is paused, and says why. A whole one in between starts anew."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        ones = [city.report() for _ in range(8)]
        city.settle_down()
        cut_at_emoji(city, monkeypatch)
        for number, text in enumerate(("\U0001f64f A", "\U0001f64f B", "Sudah.", *["\U0001f64f C"] * 3, "Sudah.")):
            city.respond(ones[number], text)
            city.cycle()
            city.pass_time()
            assert (city.mark(Mark.PAUSED) is not None) == (number >= 5)
        assert sum(len(city.arrived(one)) for one in ones) == 6
        with city.store.reading() as work:
            pause = pauses.current(work)
        assert pause is not None
        assert pause.why is WhyPaused.CUT


def test_a_firewall_that_stops_only_the_answer_costs_no_second_one(tmp_path: Path) -> None:
    """LAPOR stored it: found, and sent once."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        one = city.report()
        city.settle_down()
        ref = city.respond(one)
        city.world.add_faults({"match": POST, "do": "gateway:403", "stored": True})
        city.cycles(3)
        assert (city.state(ref), len(city.arrived(one))) == (State.SENT, 1)


def test_a_403_is_refused_where_reads_are_allowed(tmp_path: Path) -> None:
    """No right to answer this report: refused. Reads denied as well: the credentials, so not sent."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        one = city.report()
        city.settle_down()
        ref = city.respond(one)
        city.world.add_faults({"match": POST, "do": "status:403", "stored": False})
        assert city.cycle().error is None
        assert city.state(ref) is State.REFUSED

        other = city.respond(one, "Lagi")

        def step(name: str) -> None:
            if name == "claim_committed":
                city.world.add_faults({"match": {}, "times": None, "do": "status:403", "stored": False})

        assert city.cycle(step=step).error is not None
        assert (city.state(other), city.delivery(other).reason) == (State.QUEUED, Reason.NOT_SENT)
        assert len(city.log.named("credentials_refused")) == 1


# Kills. `Killed` is thrown where a process would die; a fresh setup has nothing but the database.

READING = ("cycle", "page_read", "page_written", "page_committed", "pulled", "reread", "reread_done")
SENDING = ("looked", "claimed", "claim_committed", "sending", "sent", "settled", "settle_committed", "read_again")
STEPS = (*READING, *SENDING, "pushed")


def die_at(name: str, on: int = 1) -> Callable[[str], None]:
    """A step that dies the `on`-th time that it is reached."""
    met = []

    def step(reached: str) -> None:
        met.append(reached)
        if met.count(name) == on:
            raise Killed

    return step


@pytest.mark.parametrize("name", STEPS)
def test_killed_at_any_step_each_response_arrives_once(tmp_path: Path, name: str) -> None:
    """Killed at a step, once at its first and once at a later time, and started anew: once and in order."""
    with bench(tmp_path / "kota.db", reports=3, pace={"concurrency": 2}) as city:
        written, other = write_many(city, 3, 2), city.report()
        city.world.touch(other)  # so that there is a page to write
        for on in (1, 2):
            city.restart(step=die_at(name, on))
            with suppress(Killed):
                city.cycle()
            city.pass_time(30)
            city.world.touch(other)  # one of the answered ones would be asked about: it may have moved by our hand
        city.restart()
        deliver_all(city)
        assert_once_and_in_order(city, written)


@pytest.mark.parametrize("stored", [True, False])
def test_killed_while_sending(tmp_path: Path, stored: bool) -> None:
    """The process dies with the request on the wire, which arrived or did not: read back, then once."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        one = city.report()
        city.settle_down()
        ref, later = city.respond(one, "Pertama"), city.respond(one, "Kedua")
        city.restart(step=die_at("sent" if stored else "sending"))
        with pytest.raises(Killed):
            city.cycle()
        assert city.state(ref) is State.SENDING
        assert len(city.arrived(one)) == stored

        city.restart()
        city.cycle()
        if not stored:
            assert city.state(ref) is State.UNKNOWN  # its end is dated by the first answer; the grace begins there
            assert city.delivery(ref).reason is Reason.KILLED
        deliver_all(city)

        assert_once_and_in_order(city, {one: [ref, later]})
        assert len(city.log.named("delivery_unknown")) == 1
        with city.store.reading() as work:
            outcomes = [one.outcome for one in outbox.attempts_of(work, [ref])[ref]]
        assert outcomes == (["unknown"] if stored else ["unknown", "sent"])


def test_killed_again_and_again_on_a_flaky_day(tmp_path: Path) -> None:
    """A process that dies at every turn, in a world where every fourth call fails."""
    with bench(tmp_path / "kota.db", reports=3, pace={"concurrency": 4}) as city:
        written = write_many(city, 6, 3)
        city.world.set_scenario("flaky")
        for name in STEPS * 2:
            city.restart(step=die_at(name))
            with suppress(Killed):
                city.cycle()
            city.pass_time(60)
        city.restart()
        deliver_all(city)
        assert_once_and_in_order(city, written)


def test_a_stop_in_the_middle_of_a_push_leaves_nothing_sending(tmp_path: Path) -> None:
    """What was claimed and did not leave is queued again, and waits for nothing."""
    with bench(tmp_path / "kota.db", reports=0, pace={"concurrency": 4}) as city:
        written = write_many(city, 6, 1)
        seen: list[str] = []
        city.restart(step=seen.append, stopping=lambda: seen.count("sending") >= 2)
        city.cycle()
        states = [one.state for one in city.outbox()]
        assert State.SENDING not in states
        assert states.count(State.QUEUED) == 4
        assert all(one.next_try_at is None and one.waits == 0 for one in city.outbox())
        city.restart()
        deliver_all(city)
        assert_once_and_in_order(city, written)


def test_a_stop_before_a_push_looks_at_nothing(tmp_path: Path) -> None:
    """Asked to stop while it looks, it claims nothing."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        written = write_many(city, 3, 1)
        seen: list[str] = []
        city.restart(step=seen.append, stopping=lambda: "pulled" in seen)
        city.cycle()
        assert {one.state for one in city.outbox()} == {State.QUEUED}
        assert all(one.next_try_at is None for one in city.outbox())
        city.restart()
        deliver_all(city)
        assert_once_and_in_order(city, written)


# What is seen, and what is not.


def test_a_reference_that_stands_twice_raises_an_alarm(tmp_path: Path) -> None:
    """Somebody copied our answer on the site: flagged, logged, in the audit; once."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        one = city.report()
        city.settle_down()
        ref = city.respond(one)
        city.cycle()
        city.pass_time()
        city.world.answer(one, content=city.arrived(one)[0])
        city.cycles(3)
        assert Flag.SEEN_TWICE in city.mirrored(one).verdict.flags
        assert [values["ref"] for values in city.log.named("seen_twice")] == [ref]


def test_a_reference_that_upstream_spells_anew_is_seen(tmp_path: Path) -> None:
    """In small letters and with an entity for its hyphen: nothing is sent again, and it counts as seen."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        one = city.report()
        city.settle_down()
        ref = city.respond(one)
        spelt = f"<p>SUDAH kami perbaiki. [ref {ref.lower().replace('-', '&ndash;')}]</p>"
        city.world.answer(one, content=spelt)
        city.cycle()
        assert (city.state(ref), city.arrived(one)) == (State.SENT, [])
        assert city.delivery(ref).seen_at is not None


def test_a_sent_response_that_is_not_seen_is_flagged_after_a_day(tmp_path: Path) -> None:
    """Accepted upstream, and never readable: read each cycle for a day, then flagged, then left."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        one = city.report()
        city.settle_down()
        ref = city.respond(one)
        city.world.options = replace(city.world.options, late_seconds=2 * 86_400.0)
        city.world.set_scenario("late-read")
        city.world.add_faults({"match": POST, "do": "slow:0.01", "stored": True})
        city.cycle()
        assert (city.state(ref), city.delivery(ref).seen_at) == (State.SENT, None)
        city.pass_time()
        city.cycle()
        assert Flag.SENT_NOT_SEEN not in city.mirrored(one).verdict.flags
        assert not city.mirrored(one).settled

        city.pass_time(86_400)
        city.cycle()
        assert Flag.SENT_NOT_SEEN in city.mirrored(one).verdict.flags
        assert city.mirrored(one).settled


def test_references_of_a_lost_database_are_recovered(tmp_path: Path) -> None:
    """A fresh database finds our references in threads: recorded as sent, so that they are no foreign answers."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        one = city.report()
        city.settle_down()
        ref = city.respond(one, "Sudah selesai.")
        city.cycle()
        city.pass_time()
        city.path = tmp_path / "fresh.db"
        city.restart()
        city.cycle()
        found = city.delivery(ref)
        assert (found.state, found.reason, found.seen_count) == (State.SENT, Reason.RECOVERED, 1)
        later = city.respond(one, "Terima kasih.")
        city.cycle()
        assert city.state(later) is State.SENT


@ON_SQLITE
def test_a_backup_that_is_older_sends_nothing_a_second_time(tmp_path: Path) -> None:
    """Queued in the backup, delivered since: the reference stands in the thread, so it is sent already."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        one = city.report()
        city.settle_down()
        ref = city.respond(one)
        city.store.close()
        (tmp_path / "backup.db").write_bytes(_whole(city.path))
        city.cycle()
        city.pass_time()
        city.path = tmp_path / "backup.db"
        city.restart()
        assert city.state(ref) is State.QUEUED
        city.cycle()
        assert (city.state(ref), len(city.arrived(one))) == (State.SENT, 1)


def _whole(path: Path) -> bytes:
    with closing(sqlite3.connect(path)) as conn:
        conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path.read_bytes()


def test_a_new_prefix_leaves_old_references_ours(tmp_path: Path) -> None:
    """What was sent under another prefix is still seen, and is no foreign answer."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        one = city.report()
        city.settle_down()
        first = city.respond(one)
        city.cycle()
        city.setup = replace(city.setup, rules=replace(city.setup.rules, prefix="KOTA"))
        city.pass_time()
        city.world.reply(one)
        second = city.respond(one, "Lagi")
        city.cycle()
        assert second.startswith("KOTA-")
        assert [city.state(ref) for ref in (first, second)] == [State.SENT] * 2
        assert city.delivery(first).seen_count == 1
