"""What is held for a person, and what a person's word does."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

import pytest

from connectors.sp4n_v3 import Sp4nV3
from lapor_sync import office
from lapor_sync.domain.colour import Colour, Flag
from lapor_sync.domain.delivery import Outcome, Reason, State
from lapor_sync.domain.people import of_shell
from lapor_sync.domain.questions import MANY_VANISHED, SAID
from lapor_sync.domain.refusals import Code, Refused
from lapor_sync.domain.report import Institution, Outgoing, OutgoingFile, Report
from lapor_sync.office import FileLimits, NewResponse, OutboxAct
from lapor_sync.store import conflicts, institutions, outbox
from lapor_sync.store.conflicts import How
from lapor_sync.store.reports import Mirrored
from lapor_sync.sync.calls import ById, Health
from lapor_sync.sync.push import push
from lapor_sync.sync.reread import read_one
from lapor_sync.sync.setup import Setup
from lapor_sync.sync.take_export import take_export
from lapor_sync.sync.waves import FRESH_SECONDS
from lapor_sync.words.en import told
from tests.flow.bench import ON_BOTH, OPD, OTHER_OPD, OUTSIDE, START, Bench, bench
from tests.oracle import refs_in_order
from tests.system.rig import wait_until

pytestmark = ON_BOTH

POST = {"method": "POST"}


def held_for(city: Bench, ref: str) -> Reason | None:
    """Why a delivery is held, its open conflict included; None where it is not held."""
    one = city.delivery(ref)
    if one.state is not State.HELD:
        return None
    assert [(c.kind, c.tracking_id) for c in city.conflicts() if c.ref == ref] == [(one.reason, one.tracking_id)]
    return one.reason


def settle(city: Bench, given: str, how: How) -> list[str]:
    return office.settle(city.setup, of_shell("siti"), given, how).kinds


def one_written(city: Bench) -> tuple[str, str]:
    """A report at rest, and a response to it that is queued."""
    one = city.report()
    city.settle_down()
    return one, city.respond(one)


# The three reasons.


def test_closed_since_it_was_written(tmp_path: Path) -> None:
    """The citizen was satisfied meanwhile: held; keep-ours sends it all the same."""
    with bench(tmp_path / "kota.db", reports=2) as city:
        one, ref = one_written(city)
        city.world.satisfied(one)
        city.cycles(2)
        assert held_for(city, ref) is Reason.CLOSED_SINCE
        assert city.arrived(one) == []

        assert settle(city, one, How.KEEP_OURS) == [Reason.CLOSED_SINCE]
        city.cycle()
        assert (city.state(ref), len(city.arrived(one)), city.conflicts()) == (State.SENT, 1, [])


def test_answered_elsewhere_while_a_slow_lapor_took_another_response(tmp_path: Path) -> None:
    """What was read while another response was on the wire is old when that is through: it is read again."""
    looked: list[str] = []

    def look(setup: Setup, health: Health, report: Mirrored, **how: bool) -> ById:
        found = read_one(setup, health, report, **how)
        looked.append(report.report.tracking_id)
        return found

    with (
        bench(tmp_path / "kota.db", reports=0, pace={"concurrency": 1}) as city,
        patch("lapor_sync.sync.looking.read_one", look),
    ):
        two = [city.report(), city.report()]
        city.settle_down()
        looked.clear()
        written = {one: city.respond(one) for one in two}

        def step(name: str) -> None:
            if name == "sent" and len(looked) < 3:
                wait_until(lambda: len(looked) == 2, what="a look at the other one")
                time.sleep(0.1)
                city.world.answer(looked[1], content="Kami tangani hari ini.")
                city.clock.advance(FRESH_SECONDS + 1)

        city.cycle(step=step)
        assert city.state(written[looked[0]]) is State.SENT
        assert held_for(city, written[looked[1]]) is Reason.ANSWERED_ELSEWHERE


@pytest.mark.parametrize("at_once", [1, 2])
def test_nothing_leaves_upon_an_old_look_however_slow_lapor_is(tmp_path: Path, at_once: int) -> None:
    """Neither the writes before it nor the reads after these let it wait once it was looked at."""
    with bench(tmp_path / "kota.db", reports=0, pace={"concurrency": at_once}) as city:
        ones = [city.report() for _ in range(3 * at_once)]
        city.settle_down()
        for one in ones:
            city.respond(one)
        looked, waited, connector = dict[str, float](), list[float](), city.setup.connector
        send, together = connector.send_response, threading.Barrier(at_once)

        def look(setup: Setup, health: Health, report: Mirrored, **how: bool) -> ById:
            found = read_one(setup, health, report, **how)
            looked[report.tracking_id] = city.clock.monotonic()
            return found

        def read_again(setup: Setup, health: Health, report: Mirrored, **how: bool) -> ById:
            city.clock.advance(FRESH_SECONDS + 1)
            return read_one(setup, health, report, **how)

        def send_slowly(outgoing: Outgoing) -> Outcome:
            waited.append(city.clock.monotonic() - looked[outgoing.tracking_id])
            together.wait(timeout=30)
            outcome = send(outgoing)
            city.clock.advance(FRESH_SECONDS + 1)
            return outcome

        with (
            patch("lapor_sync.sync.looking.read_one", look),
            patch("lapor_sync.sync.push.read_one", read_again),
            patch.object(type(connector), "send_response", lambda _, outgoing: send_slowly(outgoing)),
        ):
            city.cycle()
        assert [len(city.arrived(one)) for one in ones] == [1] * len(ones)
        assert max(waited) < FRESH_SECONDS


@pytest.mark.parametrize(("content", "template_code"), [("Dicek.", "reply"), ("", "reply"), ("Dicek.", "draf")])
def test_answered_elsewhere_in_an_item_that_was_there(tmp_path: Path, content: str, template_code: str) -> None:
    """Someone wrote another answer over one, filled in an empty one, or published what was none."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        one = city.report()
        city.world.answer(one)
        items = city.world.find(one).words.items
        items[-1] = replace(items[-1], content=content, template_code=template_code)
        city.settle_down()
        ref = city.respond(one)
        items[-1] = replace(items[-1], content="Lampu jalan sudah menyala lagi.", template_code="reply")
        city.world.touch(one)
        city.cycle()
        assert held_for(city, ref) is Reason.ANSWERED_ELSEWHERE
        assert city.arrived(one) == []

        settle(city, one, How.KEEP_OURS)
        city.cycle()
        assert city.state(ref) is State.SENT


def test_nothing_leaves_upon_an_old_look_where_the_machine_stood_still(tmp_path: Path) -> None:
    """Between the claim and the call: an answer that somebody gave meanwhile would not be seen."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        one = city.report()
        city.settle_down()
        ref = city.respond(one)
        stood_still = False

        def step(name: str) -> None:
            nonlocal stood_still
            if name == "claim_committed" and not stood_still:
                stood_still = True
                city.clock.advance(FRESH_SECONDS + 1)

        city.cycle(step=step)
        assert len(city.arrived(one)) == 1
        with city.store.reading() as work:
            tries = outbox.attempts_of(work, [ref])[ref]
        assert [each.outcome for each in tries] == ["not_sent", "sent"]


def test_what_is_read_again_is_in_flight_while_the_next_ones_are_claimed(tmp_path: Path) -> None:
    """Else nothing is in flight for a third of the time that many deliveries take."""
    with bench(tmp_path / "kota.db", reports=0, pace={"concurrency": 1}) as city:
        ones = [city.report() for _ in range(3)]
        city.settle_down()
        for one in ones:
            city.respond(one)
        claims, all_claimed = list[str](), threading.Event()

        def step(name: str) -> None:
            if name == "claimed":
                claims.append(name)
                if len(claims) == len(ones):
                    all_claimed.set()

        def read_again(setup: Setup, health: Health, report: Mirrored, **how: bool) -> ById:
            assert all_claimed.wait(timeout=30), "the last one was not claimed before the first was read again"
            return read_one(setup, health, report, **how)

        with patch("lapor_sync.sync.push.read_one", read_again):
            city.cycle(step=step)
        assert [len(city.arrived(one)) for one in ones] == [1] * len(ones)


def test_nothing_leaves_upon_an_old_look_however_few_calls_may_begin(tmp_path: Path) -> None:
    """At one call a second four looks, and four responses after them, would take twelve."""
    with bench(tmp_path / "kota.db", reports=0, pace={"concurrency": 4, "rate_per_second": 1}) as city:
        ones = [city.report() for _ in range(4)]
        city.settle_down()
        for one in ones:
            city.respond(one)
        looked, waited, send = dict[str, float](), list[float](), type(city.setup.connector).send_response

        def look(setup: Setup, health: Health, report: Mirrored, **how: bool) -> ById:
            found = read_one(setup, health, report, **how)
            city.clock.advance(2)
            looked[report.tracking_id] = city.clock.monotonic()
            return found

        def send_in_turn(connector: Sp4nV3, outgoing: Outgoing) -> Outcome:
            city.clock.advance(1)
            waited.append(city.clock.monotonic() - looked[outgoing.tracking_id])
            return send(connector, outgoing)

        with patch("lapor_sync.sync.looking.read_one", look), patch.object(Sp4nV3, "send_response", send_in_turn):
            city.cycle()
        assert [len(city.arrived(one)) for one in ones] == [1] * len(ones)
        assert max(waited) < FRESH_SECONDS


def test_answered_elsewhere_since_it_was_written(tmp_path: Path) -> None:
    """Someone answered on the LAPOR site: the citizen does not get two answers by accident."""
    with bench(tmp_path / "kota.db", reports=2) as city:
        one, ref = one_written(city)
        city.world.answer(one, content="Kami tangani hari ini.")
        city.cycles(2)
        assert held_for(city, ref) is Reason.ANSWERED_ELSEWHERE

        (conflict,) = city.conflicts()
        settle(city, conflict.id, How.KEEP_OURS)
        assert city.state(ref) is State.QUEUED
        city.world.answer(one, content="Dan besok juga.")  # after the person looked
        city.cycle()
        assert held_for(city, ref) is Reason.ANSWERED_ELSEWHERE

        settle(city, one, How.TAKE_UPSTREAM)
        city.cycles(2)
        assert (city.state(ref), city.arrived(one), city.conflicts()) == (State.CANCELLED, [], [])


def test_an_answer_that_was_known_holds_nothing(tmp_path: Path) -> None:
    """Answers that stood in the mirrored thread when it was written are its baseline."""
    with bench(tmp_path / "kota.db", reports=2) as city:
        one = city.report()
        city.world.answer(one)
        city.settle_down()
        ref = city.respond(one)
        city.cycle()
        assert city.state(ref) is State.SENT


def test_our_own_earlier_answers_are_not_foreign(tmp_path: Path) -> None:
    """Also one that was held, cancelled or refused here, and stands upstream all the same."""
    with bench(tmp_path / "kota.db", reports=2) as city:
        one, first = one_written(city)
        office.change(city.setup, of_shell("siti"), OutboxAct.CANCEL, first)
        second = city.respond(one, "Kedua")
        city.world.answer(one, content=f"Diketik ulang di situs. [Ref {first}]")
        city.cycle()
        assert city.state(second) is State.SENT


def test_disposed_elsewhere_since_it_was_written(tmp_path: Path) -> None:
    """Another OPD has it now: held; a new look at it by keep-ours speaks for the OPD that wrote."""
    with bench(tmp_path / "kota.db", reports=2) as city:
        one, ref = one_written(city)
        city.world.dispose(one, to=OTHER_OPD)
        city.cycles(2)
        assert held_for(city, ref) is Reason.DISPOSED_ELSEWHERE

        settle(city, one, How.KEEP_OURS)
        city.cycle()
        assert city.state(ref) is State.REFUSED  # upstream takes answers of the institution that has it only


def test_disposed_out_of_the_city(tmp_path: Path) -> None:
    """Gone to the province: abu, and held because another institution has it."""
    with bench(tmp_path / "kota.db", reports=2) as city:
        one, ref = one_written(city)
        city.world.dispose(one, to=OUTSIDE)
        city.cycles(2)
        assert city.mirrored(one).colour is Colour.ABU
        assert held_for(city, ref) is Reason.DISPOSED_ELSEWHERE


def test_a_held_response_blocks_the_later_ones(tmp_path: Path) -> None:
    """Order is kept: what comes after a held one waits for the person's word."""
    with bench(tmp_path / "kota.db", reports=2) as city:
        one, first = one_written(city)
        city.world.answer(one)
        city.cycle()
        second = city.respond(one, "Kedua")
        city.cycles(2)
        assert (city.state(first), city.state(second)) == (State.HELD, State.QUEUED)
        office.change(city.setup, of_shell("siti"), OutboxAct.RETRY, first)
        assert city.conflicts() == []
        city.cycle()
        assert refs_in_order(city.arrived(one), [first, second]) == [first, second]


def test_both_moved(tmp_path: Path) -> None:
    """Agreed on nothing, a response of ours, and upstream comes to a colour of its own: a person decides."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        one = city.report()
        city.world.set_status(one, status_name="Menunggu Kajian")
        city.cycle()
        ref = city.respond(one, any_status=True)
        city.pass_time()
        city.world.set_status(one, status_name="Terverifikasi")
        city.cycle()
        assert held_for(city, ref) is Reason.BOTH_MOVED
        settle(city, one, How.KEEP_OURS)
        assert city.mirrored(one).agreed is Colour.MERAH
        city.cycle()
        assert city.state(ref) is State.SENT


def test_both_moved_and_retried_by_a_person(tmp_path: Path) -> None:
    """`outbox retry` settles the question as `keep-ours` does: the response is not held for it once more."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        one, ref = one_written(city)
        city.world.satisfied(one)
        city.cycle(observe=True)
        city.world.reopen(one)
        city.pass_time()
        city.cycle()
        assert held_for(city, ref) is Reason.BOTH_MOVED
        office.change(city.setup, of_shell("siti"), OutboxAct.RETRY, ref)
        assert (city.mirrored(one).agreed, city.conflicts()) == (Colour.MERAH, [])
        city.cycle()
        assert city.state(ref) is State.SENT


# Of a report that is known from an export only.


def export_only(city: Bench, **values: str) -> str:
    """A report that the mirror knows from an export alone; it is hidden from the list."""
    one = city.report()
    city.world.hide(one)
    row = Report(
        tracking_id=one,
        upstream_id=None,
        status_name="Terverifikasi",
        disposition_id=OPD,
        missing=frozenset({"updated_at", "upstream_id"}),
        **values,  # type: ignore[arg-type]  # texts
    )
    take_export(city.setup, [row], START - timedelta(days=1))
    return one


def test_a_first_read_that_shows_answers_is_shown_to_a_person(tmp_path: Path) -> None:
    """Written without knowing the thread, which holds answers: look first, then it goes."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        one = export_only(city)
        assert not city.mirrored(one).thread_known
        ref = city.respond(one)
        city.world.answer(one)
        city.cycle()
        assert held_for(city, ref) is Reason.FIRST_READ

        settle(city, one, How.KEEP_OURS)
        city.cycle()
        assert city.state(ref) is State.SENT


def test_a_first_read_without_answers_is_the_baseline(tmp_path: Path) -> None:
    """Nothing to look at: it goes in the same cycle; what is answered later is foreign."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        one = export_only(city)
        first, second = city.respond(one), city.respond(one, "Kedua")
        city.world.add_faults({"match": POST, "do": "status:429", "stored": False})
        city.cycle()
        assert city.state(first) is State.QUEUED
        assert city.delivery(first).delivery.baseline == frozenset()
        city.world.answer(one)
        city.pass_time()
        city.cycle()
        assert held_for(city, first) is Reason.ANSWERED_ELSEWHERE
        assert city.state(second) is State.QUEUED


# Where reading back cannot help.


@pytest.mark.parametrize(
    "said",
    [
        lambda ref, text: f"Lihat {ref}.",
        lambda ref, text: text,
        lambda ref, text: f"lihat {ref.lower()}",
        lambda ref, text: "Lihat " + ref.replace("-", "\u2011"),
    ],
    ids=["the reference alone", "all its words", "in small letters", "with another hyphen"],
)
def test_a_reference_in_another_report_s_thread_holds(tmp_path: Path, said: Callable[[str, str], str]) -> None:
    """Somebody gave it to another citizen by hand: a person looks, and is believed; also after a sweep."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        one, other = city.report(), city.report()
        city.settle_down()
        ref = city.respond(one)
        city.world.answer(other, content=said(ref, city.delivery(ref).delivery.text))
        city.cycle()
        assert (held_for(city, ref), city.arrived(one)) == (Reason.MENTIONED, [])
        assert [one.facts for one in city.conflicts()] == [{SAID: f"followups of {other}"}]
        settle(city, one, How.KEEP_OURS)
        city.pass_time(86_400)
        city.cycles(2)
        assert (city.state(ref), len(city.arrived(one))) == (State.SENT, 1)


def test_a_person_who_saw_it_in_another_report_s_thread_is_believed(tmp_path: Path) -> None:
    """Its reply was lost, and its reference stands with another report: asked about once."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        one, other = city.report(), city.report()
        city.settle_down()
        ref = city.respond(one)
        city.world.add_faults({"match": POST, "do": "close-before"})
        city.cycle()
        city.world.answer(other, content=f"Lihat {ref}.")
        city.pass_time()
        city.cycles(2)
        assert (held_for(city, ref), city.arrived(one)) == (Reason.PERHAPS_ARRIVED, [])
        settle(city, one, How.KEEP_OURS)
        city.cycles(2)
        assert (city.state(ref), len(city.arrived(one))) == (State.SENT, 1)


def test_a_secret_response_whose_reply_is_lost_is_held(tmp_path: Path) -> None:
    """It is never shown again by upstream: a person must look on the site."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        one = city.report()
        city.settle_down()
        ref = city.respond(one, is_secret=True)
        city.world.add_faults({"match": POST, "do": "close-after", "stored": True})
        city.cycles(3)
        assert held_for(city, ref) is Reason.CANNOT_READ_BACK
        city.cycles(3)
        assert len(city.arrived(one)) == 1


def test_a_secret_response_that_was_accepted_waits_for_nothing(tmp_path: Path) -> None:
    """Sent is sent; that it is not seen is no reason to read for ever, nor for a flag."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        one = city.report()
        city.settle_down()
        ref = city.respond(one, is_secret=True)
        city.cycles(3)
        assert city.state(ref) is State.SENT
        assert city.mirrored(one).settled
        city.pass_time(90_000)
        city.cycle()
        assert Flag.SENT_NOT_SEEN not in city.mirrored(one).verdict.flags


def test_where_references_never_come_back_an_unknown_is_held(tmp_path: Path) -> None:
    """Upstream strips what it is given: nothing of ours was ever seen back, so nothing goes out twice."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        first, second = city.report(), city.report()
        city.settle_down()
        stripped(city)
        sent = city.respond(first)
        city.cycle()
        assert (city.state(sent), city.delivery(sent).seen_at) == (State.SENT, None)
        city.pass_time()
        lost = city.respond(second)
        city.world.add_faults({"match": POST, "do": "close-after", "stored": True})
        city.cycles(4)
        assert held_for(city, lost) is Reason.CANNOT_READ_BACK
        assert len(city.arrived(second)) == 1


def test_what_is_held_is_sent_once_its_reference_is_seen(tmp_path: Path) -> None:
    """Upstream shows the words after all: its question is settled, the next response goes, and nothing goes twice."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        first, second = city.report(), city.report()
        city.settle_down()
        shows = city.setup.connector.read_thread
        stripped(city)
        city.respond(first)
        city.cycle()
        city.pass_time()
        lost = city.respond(second)
        after = city.respond(second, "Lampu sudah menyala kembali.")
        city.world.add_faults({"match": POST, "do": "close-after", "stored": True})
        city.cycles(4)
        assert held_for(city, lost) is Reason.CANNOT_READ_BACK
        city.setup.connector.read_thread = shows  # type: ignore[method-assign]  # it strips no longer
        city.world.reply(second, content="Terima kasih.")
        city.cycles(2)
        assert (city.state(lost), city.delivery(lost).reason) == (State.SENT, Reason.FOUND)
        # The first one came back without a word, and now it stands there whole: that is no question any more.
        assert city.conflicts() == []
        assert city.state(after) is State.SENT
        assert refs_in_order(city.arrived(second), [lost, after]) == [lost, after]
        moved = [json.loads(row[6]) for row in city.contents()["audit"] if row[4] == "delivery_moved"]
        assert [one["to"] for one in moved if one["ref"] == lost][-3:] == ["held", "queued", "sent"]
        settled = [json.loads(row[6]) for row in city.contents()["audit"] if row[4] == "conflict_settled"]
        assert [one["how"] for one in settled] == ["by_itself"] * 2


def test_a_report_that_came_back_shows_what_arrived(tmp_path: Path) -> None:
    """Unknown when its report was gone: held. The report is there again with the answer: it is sent."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        one = city.report()
        city.settle_down()
        ref = city.respond(one)
        city.world.add_faults({"match": POST, "do": "close-after", "stored": True})

        def goes(step: str) -> None:
            if step == "sent":
                city.world.add_faults({"match": {"path": gone}, "times": None, "do": "status:404"})

        gone = f"/{city.world.find(one).id}"
        city.cycle(step=goes)
        city.pass_time(90_000)
        city.cycles(3, apart=90_000)
        assert held_for(city, ref) is Reason.GONE_UPSTREAM
        city.world.clear_faults()
        city.cycles(2, apart=90_000)
        assert (city.state(ref), city.conflicts(), len(city.arrived(one))) == (State.SENT, [], 1)


def stripped(city: Bench) -> None:
    """Let upstream show no answer of ours with its words."""
    real = city.setup.connector.read_thread

    def read(report_id: str, **how: bool) -> object:
        thread = real(report_id, **how)
        return replace(thread, items=tuple(item._replace(content="...") for item in thread.items))

    city.setup.connector.read_thread = read  # type: ignore[method-assign,assignment]  # an upstream that strips


def test_where_only_the_reference_is_stripped_the_text_is_found(tmp_path: Path) -> None:
    """The whole text, layout aside, in an answer that came after it was written: it arrived."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        one = city.report()
        city.settle_down()
        ref = city.respond(one, "Lampu sudah menyala kembali.")
        real = city.setup.connector.read_thread

        def read(report_id: str, **how: bool) -> object:
            thread = real(report_id, **how)
            items = (item._replace(content=item.content.replace(f"[Ref {ref}]", "")) for item in thread.items)
            return replace(thread, items=tuple(items))

        city.setup.connector.read_thread = read  # type: ignore[method-assign,assignment]  # an upstream that strips
        city.world.add_faults({"match": POST, "do": "close-after", "stored": True})
        city.cycles(3)
        assert (city.state(ref), len(city.arrived(one))) == (State.SENT, 1)


def test_a_thread_that_lost_items_proves_nothing(tmp_path: Path) -> None:
    """Known items are gone from the read: that a reference is not there does not count in it."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        one = city.report()
        city.settle_down()
        ref = city.respond(one)
        city.world.add_faults({"match": POST, "do": "gateway:502", "stored": False})
        city.cycle()
        city.pass_time()
        real = city.setup.connector.read_thread

        def read(report_id: str, **how: bool) -> object:
            thread = real(report_id, **how)
            return replace(thread, items=thread.items[:-1])

        city.setup.connector.read_thread = read  # type: ignore[method-assign,assignment]  # a read cut short
        city.requests()
        push_once(city)
        assert city.state(ref) is State.UNKNOWN
        city.setup.connector.read_thread = real  # type: ignore[method-assign]
        city.cycles(2)
        assert (city.state(ref), len(city.arrived(one))) == (State.SENT, 1)


def push_once(city: Bench) -> None:
    """Only the last step of a cycle."""
    push(city.setup, Health(), city.setup.clock.uptime())


# Hand-overs.


def forward(city: Bench, one: str, to: str = OUTSIDE) -> str:
    return office.forward(city.setup, of_shell("budi"), one, to, "Bukan kewenangan kami.")


def test_a_hand_over_is_flagged_until_the_disposition_changes(tmp_path: Path) -> None:
    """Asked once; the report's later responses wait for it; the flag goes when somebody above confirms."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        one = city.report()
        city.settle_down()
        ref = forward(city, one)
        with pytest.raises(Refused):
            forward(city, one)
        city.cycle()
        assert city.state(ref) is State.SENT
        assert city.world.thread(one)["forward_to"] == OUTSIDE
        assert Flag.FORWARD_REQUESTED in city.mirrored(one).verdict.flags
        with pytest.raises(Refused):
            forward(city, one)
        city.cycles(3)
        assert Flag.FORWARD_REQUESTED in city.mirrored(one).verdict.flags

        city.world.dispose(one, to=OUTSIDE)
        city.cycle()
        assert Flag.FORWARD_REQUESTED not in city.mirrored(one).verdict.flags
        assert city.mirrored(one).colour is Colour.ABU


def test_a_hand_over_whose_reply_was_lost_is_found_in_the_logs(tmp_path: Path) -> None:
    """Its reference stands in data_logs: sent, flagged at once, asked once."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        one = city.report()
        city.settle_down()
        ref = forward(city, one)
        city.world.add_faults({"match": POST, "do": "close-after", "stored": True})
        city.cycles(2)
        assert (city.state(ref), city.delivery(ref).reason) == (State.SENT, Reason.FOUND)
        assert Flag.FORWARD_REQUESTED in city.mirrored(one).verdict.flags
        asked = [log for log in city.world.thread(one)["logs"] if ref in log["content"]]
        assert len(asked) == 1


def test_a_hand_over_that_is_not_found_is_held(tmp_path: Path) -> None:
    """Never sent again by itself; the report's responses wait until a person has looked."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        one = city.report()
        city.settle_down()
        ref, later = forward(city, one), city.respond(one)
        city.world.add_faults({"match": POST, "do": "gateway:502", "stored": False})
        city.cycles(4)
        assert held_for(city, ref) is Reason.FORWARD_NOT_FOUND
        assert city.state(later) is State.QUEUED
        office.change(city.setup, of_shell("siti"), OutboxAct.CANCEL, ref)
        city.cycle()
        assert city.state(later) is State.SENT


def test_a_hand_over_to_where_it_is_makes_no_sense(tmp_path: Path) -> None:
    """Also one without a word of reason, or to an institution that nobody knows."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        one = city.report()
        city.settle_down()
        with pytest.raises(Refused):
            forward(city, one, OPD)
        with pytest.raises(Refused):
            forward(city, one, "Dinas Antah Berantah")
        with pytest.raises(Refused):
            office.forward(city.setup, of_shell("budi"), one, OUTSIDE, "  ")
        assert forward(city, one, "pt pln (persero)").startswith("LS-")


# A person and the outbox.


def test_hold_retry_and_cancel(tmp_path: Path) -> None:
    """A queued one may be held, a held one retried, either called off; what ended cannot be moved."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        one, ref = one_written(city)
        assert office.change(city.setup, of_shell("siti"), OutboxAct.HOLD, ref).state is State.HELD
        city.cycle()
        assert city.arrived(one) == []
        assert office.change(city.setup, of_shell("siti"), OutboxAct.RETRY, ref.lower()).state is State.QUEUED
        again = office.change(city.setup, of_shell("siti"), OutboxAct.RETRY, ref)
        assert again.state is State.QUEUED  # at once, whatever its wait
        city.cycle()
        assert city.state(ref) is State.SENT
        for act in OutboxAct:
            with pytest.raises(Refused):
                office.change(city.setup, of_shell("siti"), act, ref)
        other = city.respond(one, "Lagi")
        assert office.change(city.setup, of_shell("siti"), OutboxAct.CANCEL, other).state is State.CANCELLED
        with pytest.raises(Refused):
            office.change(city.setup, of_shell("siti"), OutboxAct.HOLD, "LS-AAAAAA")
        who = [row[3] for row in city.contents()["audit"] if row[4] == "delivery_moved"]
        assert who.count("siti") == 3


def test_an_unknown_delivery_is_not_for_people(tmp_path: Path) -> None:
    """It may have arrived: neither cancelled nor sent again by hand before it was read back."""
    with bench(tmp_path / "kota.db", reports=0, grace=100) as city:
        _, ref = one_written(city)
        city.world.add_faults({"match": POST, "do": "gateway:502", "stored": False})
        city.cycle()
        for act in OutboxAct:
            with pytest.raises(Refused) as refused:
                office.change(city.setup, of_shell("siti"), act, ref)
            assert "read back" in told(refused.value)[1]


def test_a_retry_skips_the_wait(tmp_path: Path) -> None:
    """A person says now: it goes with the next cycle."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        _, ref = one_written(city)
        city.world.add_faults({"match": POST, "do": "status:429", "stored": False})
        city.cycle()
        city.cycle()
        assert city.state(ref) is State.QUEUED
        office.change(city.setup, of_shell("siti"), OutboxAct.RETRY, ref)
        city.cycle()
        assert city.state(ref) is State.SENT


def test_a_refused_response_can_be_retried(tmp_path: Path) -> None:
    """After the cause is gone, with the thread as it is now for its baseline."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        one, ref = one_written(city)
        city.world.add_faults({"match": POST, "do": "status:422", "stored": False})
        city.cycle()
        city.world.answer(one)
        city.pass_time()
        city.cycle()
        office.change(city.setup, of_shell("siti"), OutboxAct.RETRY, ref)
        city.cycle()
        assert (city.state(ref), len(city.arrived(one))) == (State.SENT, 1)


def test_conflicts_are_settled_in_the_ways_that_fit(tmp_path: Path) -> None:
    """An unknown id, or an answer to another question, changes nothing."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        one, ref = one_written(city)
        for given in (one, "999"):
            with pytest.raises(Refused, match=Code.CONFLICT_UNKNOWN):
                settle(city, given, How.KEEP_OURS)
        city.world.answer(one)
        city.cycle()
        with pytest.raises(Refused, match=Code.SETTLED_BY_CHOICE):
            settle(city, one, How.ACCEPT_VANISHED)
        assert held_for(city, ref) is Reason.ANSWERED_ELSEWHERE


# Writing.


def test_what_cannot_be_answered_is_refused_at_once(tmp_path: Path) -> None:
    """Closed, not the city's, not disposed, with another OPD, unknown: nothing is taken."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        closed, abroad, fresh, at_opd = city.report(), city.report(), city.report(opd=None), city.report()
        at_city = city.report(opd="601")
        city.world.satisfied(closed)
        city.world.dispose(abroad, to=OUTSIDE)
        city.settle_down()
        for given, opd, code in (
            (closed, None, Code.REPORT_CLOSED),
            (abroad, None, Code.REPORT_CLOSED),
            (fresh, None, Code.NOT_DISPOSED),
            (at_city, None, Code.NOT_DISPOSED),
            (at_opd, OTHER_OPD, Code.WITH_OTHER_OPD),
            (at_city, OUTSIDE, Code.NOT_OF_THE_CITY),
            ("123", None, Code.REPORT_UNKNOWN),
            (at_city, "Dinas Antah Berantah", Code.INSTITUTION_UNKNOWN),
        ):
            with pytest.raises(Refused, match=code):
                city.respond(given, opd=opd)
        assert city.outbox() == []


def test_a_response_at_the_city_itself_names_its_opd(tmp_path: Path) -> None:
    """Not disposed to an OPD yet: whoever answers says for whom, by name too; by the API's id as well."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        one = city.report(opd="601")
        city.settle_down()
        given = str(city.world.find(one).id)
        ref = city.respond(given, opd="dinas lingkungan hidup kota bengkulu")
        assert (city.delivery(ref).tracking_id, city.delivery(ref).delivery.opd) == (one, OTHER_OPD)
        city.cycle()
        assert city.state(ref) is State.REFUSED  # the stand-in takes answers of who has it only


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", Code.TEXT_EMPTY),
        (" \n ", Code.TEXT_EMPTY),
        ("&nbsp;<br>", Code.TEXT_EMPTY),
        ("a\x00b", Code.TEXT_UNSENDABLE),
        ("Lihat [Ref LS-AAAAAA]", Code.TEXT_HAS_REFERENCE),
        ("x" * 990, Code.TEXT_TOO_LONG),
        ("satu\u2028dua", Code.TEXT_UNSENDABLE),
        ("\u3164\uffa0", Code.TEXT_EMPTY),
        ("Sudah <!-- x", Code.TEXT_HIDES),
    ],
)
def test_texts_that_cannot_go_are_refused(tmp_path: Path, text: str, code: Code) -> None:
    """Empty, unstorable, with a reference of another, too long with its own."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        one = city.report()
        city.settle_down()
        with pytest.raises(Refused, match=code):
            city.respond(one, text)


def test_files_that_cannot_go_are_refused(tmp_path: Path) -> None:
    """Wrong type, empty, too large, too many."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        one = city.report()
        city.settle_down()
        sound = OutgoingFile(file_name="a.pdf", content=b"%PDF-1.7")
        named = OutgoingFile(file_name="a.jpg", content=b"\x89PNG")  # opens all the same
        limits = FileLimits(max_bytes=10, max_count=2)
        for code, files in (
            (Code.FILE_OF_OTHER_TYPE, (OutgoingFile(file_name="a.exe", content=b"MZ"),)),
            (Code.FILE_EMPTY, (OutgoingFile(file_name="a.pdf", content=b""),)),
            (Code.FILE_NOT_AS_NAMED, (OutgoingFile(file_name="a.pdf", content=b"\xff\xd8\xff"),)),
            (Code.FILE_NOT_AS_NAMED, (OutgoingFile(file_name="a.JPG", content=b"MZ"),)),
            (Code.FILE_NOT_AS_NAMED, (OutgoingFile(file_name="a.docx", content=b"<html>"),)),
            (Code.FILE_TOO_LARGE, (OutgoingFile(file_name="a.pdf", content=b"%" * 11),)),
            (Code.TOO_MANY_FILES, (sound,) * 3),
        ):
            with pytest.raises(Refused, match=code):
                office.respond(
                    city.setup, of_shell("budi"), NewResponse(given_id=one, text="Baik", files=files), limits
                )
        office.respond(
            city.setup, of_shell("budi"), NewResponse(given_id=one, text="Baik", files=(sound, named)), limits
        )


def test_a_sheet_is_taken_whole_or_not_at_all_and_once(tmp_path: Path) -> None:
    """One bad row, nothing is taken; the same sheet twice, nothing is added."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        ones = [city.report() for _ in range(3)]
        city.settle_down()

        def row(number: int, one: str, text: str = "Sudah.") -> NewResponse:
            origin = office.origin_of(one, OPD, text)
            return NewResponse(given_id=one, text=text, origin=origin, row=number)

        rows = [row(number, one) for number, one in enumerate(ones, start=2)]
        with pytest.raises(Refused) as bad:
            office.respond_all(city.setup, of_shell("budi"), [*rows, row(9, "404404")])
        assert told(bad.value)[0] == (
            "1 of 4 rows cannot be taken; none was: row 9: No report 404404 in the mirror."
        )
        assert city.outbox() == []

        twice = [*rows, row(5, ones[0])]
        refs = office.respond_all(city.setup, of_shell("budi"), twice)
        assert refs[3] is None
        assert office.respond_all(city.setup, of_shell("budi"), rows) == [None, None, None]
        city.cycle()
        assert [city.state(ref) for ref in refs if ref] == [State.SENT] * 3


def test_a_row_is_known_again_however_its_cells_name_report_and_opd(tmp_path: Path) -> None:
    """The OPD column was filled in after the first run, the API's id for the Tracking ID: nobody gets it twice."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        one, other = city.report(), city.report()
        city.settle_down()
        upstream_id = city.mirrored(one).report.upstream_id
        assert upstream_id not in {None, one}

        def row(number: int, given_id: str, opd: str | None, text: str = "Sudah.") -> NewResponse:
            origin = office.origin_of(given_id, opd or "", text)
            return NewResponse(given_id=given_id, text=text, opd=opd, origin=origin, row=number)

        first, *rest = office.respond_all(
            city.setup, of_shell("budi"), [row(2, one, None), row(3, one, OPD), row(4, upstream_id or "", OPD)]
        )
        assert (first is not None, rest) == (True, [None, None])
        name = city.mirrored(one).report.disposition_name
        assert office.respond_all(
            city.setup, of_shell("budi"), [row(2, one, name), row(3, upstream_id or "", None)]
        ) == [None, None]
        new = office.respond_all(
            city.setup, of_shell("budi"), [row(2, one, name, "Sudah dicat."), row(3, other, OPD)]
        )
        assert None not in new
        by_hand = office.respond(
            city.setup, of_shell("budi"), NewResponse(given_id=one, text="Bukan dari lembar.")
        )
        with pytest.raises(Refused, match=by_hand):
            office.respond_all(city.setup, of_shell("budi"), [row(2, one, OPD, "Bukan dari lembar.")])


def test_two_institutions_of_one_name_must_be_told_by_id(tmp_path: Path) -> None:
    """A name that means two is no name."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        city.report()
        city.settle_down()
        with city.store.work() as work:
            institutions.replace_all(
                work, [Institution(id="8", name="Dinas X"), Institution(id="9", name="dinas x")]
            )
            with pytest.raises(Refused, match=Code.INSTITUTION_MEANT_TWICE):
                office.institution_id(work, "Dinas X")


def test_an_act_beside_a_running_cycle(tmp_path: Path) -> None:
    """A person cancels while the cycle looks: it is not sent, and the cycle goes on."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        one, ref = one_written(city)

        def step(name: str) -> None:
            if name == "looked" and city.state(ref) is State.QUEUED:
                office.change(city.setup, of_shell("siti"), OutboxAct.CANCEL, ref)

        assert city.cycle(step=step).error is None
        assert (city.state(ref), city.arrived(one)) == (State.CANCELLED, [])


def test_the_same_question_is_asked_once(tmp_path: Path) -> None:
    """A conflict that is open already is not opened again."""
    with bench(tmp_path / "kota.db", reports=0) as city, city.store.work() as work:
        for _ in range(2):
            conflicts.open_one(work, kind=MANY_VANISHED, facts={"missing": 6, "open": 10})
        assert conflicts.count(work) == 1
