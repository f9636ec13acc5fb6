"""Threads that are not proven whole, or cannot be read: shown, said, and never proof that something is absent."""

from __future__ import annotations

from pathlib import Path

import pytest

from lapor_sync import interface
from lapor_sync.domain.colour import Colour, Flag
from lapor_sync.domain.delivery import Reason, State
from lapor_sync.domain.errors import Denied, Missing, RateLimited, Unreachable, UpstreamBroken, UpstreamError
from lapor_sync.mirror.judge import running_clocks
from lapor_sync.store import outages, overview
from lapor_sync.store.dossier import dossier
from lapor_sync.sync.calls import Health
from lapor_sync.sync.reread import read_reports
from tests.flow.bench import OPD
from tests.flow.scripted import Row, Stage, row_of, stage

ONE, ID = "7000001", "41"
DOUBT = "asked for page 2, LAPOR gave another one"


def answer(number: int, content: str, at: str = "01-03-2026 09:00:00") -> Row:
    return {"id": number, "content": content, "created_at": at, "template_code": "reply"} | {
        "institution_from_name": "Dinas PUPR"
    }


def listed(city: Stage, *items: Row) -> None:
    city.upstream.add(row_of(ONE, ID))
    city.upstream.items[ID] = list(items)


def whys(city: Stage) -> list[str | None]:
    with city.setup.store.reading() as work:
        return [one["why"] for one in interface.outbox(overview.waiting(work))]


def test_a_thread_that_is_not_proven_whole_is_shown_and_its_answers_count(tmp_path: Path) -> None:
    """Also at first sight; the flag says so until it is read whole."""
    with stage(tmp_path / "kota.db") as city:
        city.upstream.doubt = DOUBT
        listed(city, answer(1, "Kami tindak lanjuti."))
        city.cycle()
        one = city.mirrored(ONE)
        assert (one.colour, len(city.thread(ONE)), one.thread_doubt) == (Colour.KUNING, 1, DOUBT)
        assert Flag.THREAD_INCOMPLETE in one.verdict.flags
        city.upstream.doubt = ""
        city.cycles(2)
        one = city.mirrored(ONE)
        assert (one.colour, one.thread_doubt) == (Colour.KUNING, None)
        assert Flag.THREAD_INCOMPLETE not in one.verdict.flags
        assert one.settled


def test_the_clocks_of_a_thread_that_is_not_whole_are_those_of_its_deadline(tmp_path: Path) -> None:
    """The page shows no other day for one clock than the list does."""
    with stage(tmp_path / "kota.db") as city:
        city.upstream.doubt = DOUBT
        city.upstream.add(row_of(ONE, ID, created_at="2026-02-02 08:00:00"))
        city.upstream.items[ID] = [{"id": 1, "created_at": "27-02-2026 09:00:00", "template_code": "disposition"}]
        city.cycle()
        one = city.mirrored(ONE)
        clocks = running_clocks(one, city.thread(ONE), city.setup.rules)
        assert (one.deadline_clock, one.due_at) in {(clock.clock, clock.due_at) for clock in clocks}


def test_what_a_thread_that_is_not_whole_does_not_show_is_not_gone(tmp_path: Path) -> None:
    """It turns no colour back."""
    with stage(tmp_path / "kota.db") as city:
        listed(city, {"id": 1, "content": "Kapan?", "created_at": "01-03-2026 08:30:00"}, answer(2, "Sudah."))
        city.cycles(2)
        city.upstream.doubt, city.upstream.hidden = DOUBT, 1
        city.upstream.listed[0]["updated_at"] = "2026-03-01 09:30:00"
        city.cycle()
        assert (city.mirrored(ONE).colour, [item.id for item in city.thread(ONE)]) == (Colour.KUNING, ["1", "2"])
        city.upstream.doubt = ""
        city.cycle()
        assert (city.mirrored(ONE).colour, [item.id for item in city.thread(ONE)]) == (Colour.MERAH, ["1"])


def test_a_response_is_not_sent_again_because_such_a_thread_does_not_show_it(tmp_path: Path) -> None:
    """It stood on the page that never came: once, then a person is asked."""
    with stage(tmp_path / "kota.db") as city:
        listed(city)
        city.cycle()
        city.upstream.lose()
        city.upstream.doubt, city.upstream.hidden = DOUBT, 1
        ref = city.respond(ONE)
        city.cycles(3, seconds=200)
        assert (city.state(ref), len(city.upstream.posted)) == (State.UNKNOWN, 1)
        assert whys(city) == [f"its thread may not be whole: {DOUBT}"]
        city.cycles(2, seconds=90_000)
        assert (city.state(ref), len(city.upstream.posted)) == (State.HELD, 1)
        assert city.delivery(ref).reason is Reason.CANNOT_READ_BACK


def test_only_a_look_after_a_try_asks_for_more_than_the_thread(tmp_path: Path) -> None:
    """Each cycle, and a response that never left, cost what they did: absence is to be proven after a try only."""
    with stage(tmp_path / "kota.db") as city:
        listed(city)
        city.cycles(3)
        city.respond(ONE)
        city.cycles(2)
        assert (len(city.upstream.posted), city.upstream.proofs) == (1, 0)
        city.upstream.lose(shown=False)
        city.respond(ONE, "Lampu jalan sudah menyala kembali sejak tadi malam.")
        city.cycle()
        assert city.upstream.proofs == 0
        city.upstream.store = None
        city.cycle()
        assert (len(city.upstream.posted), city.upstream.proofs) == (3, 2)


def test_once_the_thread_is_whole_a_response_in_doubt_is_found(tmp_path: Path) -> None:
    """Nothing more leaves."""
    with stage(tmp_path / "kota.db") as city:
        listed(city)
        city.cycle()
        city.upstream.lose()
        city.upstream.doubt, city.upstream.hidden = DOUBT, 1
        ref = city.respond(ONE)
        city.cycles(2, seconds=200)
        city.upstream.doubt, city.upstream.hidden = "", 0
        city.cycle()
        assert (city.state(ref), len(city.upstream.posted)) == (State.SENT, 1)


def test_a_first_response_leaves_also_where_no_thread_is_ever_whole(tmp_path: Path) -> None:
    """It was never sent: nothing in the thread need be absent."""
    with stage(tmp_path / "kota.db") as city:
        city.upstream.doubt = DOUBT
        listed(city, answer(1, "Kami tindak lanjuti."))
        city.cycle()
        ref = city.respond(ONE)
        city.cycles(3)
        assert (city.state(ref), len(city.upstream.posted)) == (State.SENT, 1)


def test_a_thread_that_is_never_whole_costs_little(tmp_path: Path) -> None:
    """It is read once more at once, then as often as a report that no list shows as changed."""
    with stage(tmp_path / "kota.db") as city:
        city.upstream.doubt = DOUBT
        listed(city, answer(1, "Kami tindak lanjuti."))
        city.cycles(20, seconds=300)
        assert 2 <= sum(call.startswith("thread") for call in city.upstream.calls) <= 9


CANNOT: dict[str, UpstreamError] = {
    "404": Missing("GET /complaints/{id}/followups: HTTP 404", http_status=404),
    "no list": UpstreamBroken("GET /complaints/{id}/followups: the answer holds no list", http_status=200),
}


@pytest.mark.parametrize("error", CANNOT.values(), ids=CANNOT)
def test_a_thread_that_cannot_be_read_is_said_with_its_call(tmp_path: Path, error: UpstreamError) -> None:
    """In the report, and for each response that waits for it; the report itself is there, and not missing."""
    with stage(tmp_path / "kota.db") as city:
        listed(city)
        city.cycles(2)
        ref = city.respond(ONE)
        city.upstream.no_thread = error
        city.cycles(3)
        one = city.mirrored(ONE)
        assert Flag.THREAD_UNREADABLE in one.verdict.flags
        assert (one.thread_error, one.missing_since, city.state(ref)) == (error.what, None, State.QUEUED)
        assert whys(city) == [f"its thread cannot be read: {error.what}"]
        with city.setup.store.reading() as work:
            assert interface.show(dossier(work, one), work.now, ())["thread_error"] == error.what.replace(
                "{id}", one.call_id
            )
        city.upstream.no_thread = None
        city.cycles(3, seconds=1000)
        assert (city.mirrored(ONE).thread_error, city.state(ref)) == (None, State.SENT)


def test_a_thread_that_failed_in_passing_is_not_said_to_be_unreadable(tmp_path: Path) -> None:
    """A failure of upstream's server is no word about this thread."""
    with stage(tmp_path / "kota.db") as city:
        listed(city)
        city.cycle()
        city.upstream.listed[0]["updated_at"] = "2026-03-01 09:30:00"
        city.upstream.no_thread = UpstreamBroken("GET /complaints/{id}/followups: HTTP 500", http_status=500)
        city.cycle()
        assert city.mirrored(ONE).thread_error is None


OTHER = "7000002", "42"

FAILS_ALONE: dict[str, UpstreamError] = {
    "500": UpstreamBroken("GET /complaints/{id}/followups: HTTP 500", http_status=500),
    "503": UpstreamBroken("GET /complaints/{id}/followups: HTTP 503", http_status=503),
    "403": Denied("GET /complaints/{id}/followups: HTTP 403", http_status=403),
    "401": Denied("GET /complaints/{id}/followups: HTTP 401", http_status=401),
    "cut": Unreachable("GET /complaints/{id}/followups: no whole answer (ReadError)", sent=True),
}


@pytest.mark.parametrize("error", FAILS_ALONE.values(), ids=FAILS_ALONE)
def test_a_thread_that_fails_alone_is_said_with_its_call(tmp_path: Path, error: UpstreamError) -> None:
    """Another's can be read: so it is this report's. All else goes on, and it costs ever less."""
    with stage(tmp_path / "kota.db") as city:
        listed(city)
        city.upstream.add(row_of(*OTHER))
        city.cycles(2)
        ref, other = city.respond(ONE), city.respond(OTHER[0])
        city.upstream.ails[ID] = error
        city.cycles(3)
        assert (city.state(ref), city.state(other)) == (State.QUEUED, State.SENT)
        assert f"its thread cannot be read: {error.what}" in whys(city)
        with city.setup.store.reading() as work:
            shown = interface.show(dossier(work, city.mirrored(ONE)), work.now, ())
            assert outages.current(work) is None
        assert shown["thread_error"] == error.what.replace("{id}", ID)
        assert Flag.THREAD_UNREADABLE in shown["flags"]
        city.upstream.ails.clear()
        city.cycles(3, seconds=1000)
        assert (city.mirrored(ONE).thread_error, city.state(ref)) == (None, State.SENT)


def test_a_thread_that_fails_while_nothing_else_happens_has_a_witness(tmp_path: Path) -> None:
    """No other thread is read in that cycle by itself: one is asked for, once, and the reason is known."""
    with stage(tmp_path / "kota.db") as city:
        listed(city)
        city.upstream.add(row_of(*OTHER))
        city.cycles(2)
        city.upstream.ails[ID] = FAILS_ALONE["500"]
        city.upstream.listed[0]["updated_at"] = "2026-03-01 09:30:00"
        city.upstream.calls.clear()
        city.cycle()
        assert city.upstream.calls.count(f"thread {OTHER[1]}") == 1
        assert city.mirrored(ONE).thread_error == FAILS_ALONE["500"].what
        city.upstream.calls.clear()
        city.cycles(20, seconds=300)
        assert sum(call.startswith("thread") for call in city.upstream.calls) <= 18


def test_a_thread_that_never_could_be_read_is_said_too(tmp_path: Path) -> None:
    """A report that is new, and fails alone from the first read on: the others are read after it."""
    with stage(tmp_path / "kota.db") as city:
        city.upstream.ails[ID] = FAILS_ALONE["403"]
        listed(city)
        city.upstream.add(row_of(*OTHER))
        city.cycle()
        assert city.mirrored(ONE).thread_error == FAILS_ALONE["403"].what


PASSES: dict[str, UpstreamError] = {
    "429": RateLimited("GET /complaints/{id}/followups: HTTP 429", http_status=429),
    "no connection": Unreachable("GET /complaints/{id}/followups: no connection (refused)", sent=False),
}


@pytest.mark.parametrize("error", PASSES.values(), ids=PASSES)
def test_what_says_nothing_of_a_report_is_not_said_of_it(tmp_path: Path, error: UpstreamError) -> None:
    """Though others' threads were read in the same cycle."""
    with stage(tmp_path / "kota.db") as city:
        city.upstream.add(row_of(*OTHER))
        listed(city)
        city.upstream.ails[ID] = error
        city.cycle()
        assert city.mirrored(ONE).thread_error is None


@pytest.mark.parametrize("error", [FAILS_ALONE["500"], FAILS_ALONE["403"]], ids=["500", "403"])
def test_where_no_thread_can_be_read_no_report_is_blamed(tmp_path: Path, error: UpstreamError) -> None:
    """LAPOR fails at all of them: that is no word about any."""
    with stage(tmp_path / "kota.db") as city:
        listed(city)
        city.upstream.add(row_of(*OTHER))
        city.cycles(2)
        for row in city.upstream.listed:
            row["updated_at"] = "2026-03-01 09:30:00"
        city.upstream.no_thread = error
        city.cycle()
        assert [city.mirrored(one).thread_error for one in (ONE, OTHER[0])] == [None, None]


UNREADABLE: list[object] = [None, "0000-00-00 00:00:00", "besok", "10.04.05", [], {"jam": 9}, True]


@pytest.mark.parametrize("written", UNREADABLE, ids=str)
def test_an_item_whose_time_cannot_be_read_keeps_its_place_and_is_flagged(tmp_path: Path, written: object) -> None:
    """The answer stands behind the disposition that its id follows: not first, as if it had been before."""
    disposed: Row = {"id": 11, "template_code": "disposition", "created_at": "01-03-2026 08:00:00"}
    disposed |= {"institution_from_name": "Kota", "institution_to_name": "Dinas PUPR", "content": "-"}
    late = answer(12, "Sudah.") | {"created_at": written}
    with stage(tmp_path / "kota.db") as city:
        listed(city, late, disposed)
        city.cycle()
        one = city.mirrored(ONE)
        assert [item.id for item in city.thread(ONE)] == ["11", "12"]
        assert (one.colour, Flag.TIME_UNREADABLE in one.verdict.flags) == (Colour.KUNING, True)
        assert one.deadline_clock != "answer"


# What cannot be read back for days.

CANNOT_LOOK: dict[str, UpstreamError] = {
    "404": Missing("GET /complaints/{id}/followups: HTTP 404", http_status=404),
    "500": UpstreamBroken("GET /complaints/{id}/followups: HTTP 500", http_status=500),
    "silence": Unreachable("GET /complaints/{id}/followups: no whole answer", sent=True),
    "no list": UpstreamBroken("GET /complaints/{id}/followups: the answer holds no list", http_status=200),
}


@pytest.mark.parametrize("is_killed", [False, True], ids=["lost", "killed"])
@pytest.mark.parametrize("name", CANNOT_LOOK)
def test_a_thread_that_cannot_be_read_for_a_day_is_asked_about(tmp_path: Path, name: str, is_killed: bool) -> None:
    """Whatever the reason, also after a kill: nobody waits for ever, and nothing goes again by itself."""
    with stage(tmp_path / "kota.db") as city:
        listed(city)
        city.cycles(2)
        ref = city.respond(ONE)
        city.upstream.lose(shown=False)
        if is_killed:
            kill_while_sending(city)
        else:
            city.cycle()
        city.upstream.no_thread = CANNOT_LOOK[name]
        city.cycles(6, seconds=3600)
        assert (city.state(ref), len(city.upstream.posted)) == (State.UNKNOWN, 1)
        city.clock.seconds += 86_400
        city.cycles(2, seconds=3600)
        one = city.delivery(ref)
        assert (one.state, one.reason, len(city.upstream.posted)) == (State.HELD, Reason.CANNOT_READ_BACK, 1)
        assert CANNOT_LOOK[name].what in city.conflicts()[0].facts["said"]


def kill_while_sending(city: Stage) -> None:
    def step(name: str) -> None:
        if name == "sent":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        city.cycle(step=step)
    city.setup_anew()


@pytest.mark.parametrize("machine", ["same", "another each time"])
def test_a_clock_of_lapor_s_that_stands_holds_up_nobody_for_ever(tmp_path: Path, machine: str) -> None:
    """A cache froze its `Date`: how old an answer is cannot be told, and after a day a person is."""
    with stage(tmp_path / "kota.db") as city:
        listed(city)
        city.cycles(2)
        ref = city.respond(ONE)
        city.upstream.lose(shown=False)
        city.cycle(0)
        for day in range(3):
            assert (city.state(ref), len(city.upstream.posted)) == (State.UNKNOWN, 1)
            if machine == "same":
                city.upstream.ahead -= 86_400
            else:
                city.clock.boot = f"start {day}"
            city.clock.seconds += 86_400
            city.cycle(0)
            if city.state(ref) is State.HELD:
                break
        one = city.delivery(ref)
        assert (one.state, one.reason, len(city.upstream.posted)) == (State.HELD, Reason.CANNOT_READ_BACK, 1)
        assert city.conflicts()[0].facts == {"unsure": "clock_stands"}


def test_right_after_an_outage_of_days_a_read_that_fails_asks_nobody_yet(tmp_path: Path) -> None:
    """LAPOR may just be back: the next one tells."""
    with stage(tmp_path / "kota.db") as city:
        listed(city)
        city.cycles(2)
        ref = city.respond(ONE)
        city.upstream.lose(shown=False)
        city.cycle()
        city.clock.seconds += 5 * 86_400
        city.upstream.no_thread = CANNOT_LOOK["500"]
        city.cycles(2, seconds=3600)
        assert city.state(ref) is State.UNKNOWN
        city.upstream.no_thread = city.upstream.store = None
        city.cycle()
        assert (city.state(ref), len(city.upstream.posted)) == (State.SENT, 2)


# What a cache kept.


@pytest.mark.parametrize("age", [7200, 0], ids=["it says how old", "only its time of change tells"])
def test_what_a_cache_kept_brings_nothing_back(tmp_path: Path, age: float) -> None:
    """Neither an earlier status nor its colour; and no item of the thread goes by it."""
    with stage(tmp_path / "kota.db") as city:
        row = city.upstream.add(row_of(ONE, ID))
        city.upstream.items[ID] = [{"id": 1, "content": "Halo", "created_at": "01-03-2026 09:00:00"}]
        city.cycles(2)
        then = dict(row)
        row |= {"status_name": "Selesai", "updated_at": "2026-03-02 10:00:00"}
        city.upstream.items[ID].append({"id": 2, "content": "Selesai", "institution_from_name": "Dinas"})
        city.cycles(2)
        assert city.mirrored(ONE).colour is Colour.HIJAU
        city.upstream.old, city.upstream.age = frozenset({"detail", "thread"}), age
        city.upstream.details[ID] = then
        if age:
            city.upstream.items[ID].pop()
        for _ in range(3):
            sweep_now(city)
            assert (city.mirrored(ONE).colour, len(city.thread(ONE))) == (Colour.HIJAU, 2)
        city.upstream.old, city.upstream.details[ID] = frozenset(), row | {"status_name": "Diarsipkan"}
        sweep_now(city)
        assert (city.mirrored(ONE).colour, len(city.thread(ONE))) == (Colour.ABU, 1 if age else 2)


def test_of_a_row_and_a_cached_detail_the_later_one_counts(tmp_path: Path) -> None:
    """A row of now is not undone by the detail that is read beside it; and both of before bring nothing back."""
    with stage(tmp_path / "kota.db") as city:
        row = city.upstream.add(row_of(ONE, ID))
        city.cycles(2)
        then = {**row, "channel": "web"}
        city.upstream.old, city.upstream.age, city.upstream.details[ID] = frozenset({"detail"}), 7200, then
        row |= {"status_name": "Selesai", "updated_at": "2026-03-02 10:00:00"}
        row.pop("disposition_name")
        row.pop("disposition_id")  # so that its detail is read
        city.cycles(2)
        one = city.mirrored(ONE)
        assert (one.colour, one.report.disposition_id, one.report.channel) == (Colour.HIJAU, OPD, "web")
        city.upstream.listed[0] = then
        city.cycles(2)
        assert city.mirrored(ONE).colour is Colour.HIJAU


def sweep_now(city: Stage) -> None:
    """Read the report by its id."""
    read_reports(city.setup, Health(), [ONE], with_detail=True)
