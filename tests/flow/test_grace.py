"""How long a write may take to be shown: two clocks agree, whatever dies or jumps meanwhile."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lapor_sync import office
from lapor_sync.domain.delivery import Outcome, State, Unknown, WhyPaused
from lapor_sync.domain.people import of_shell
from lapor_sync.domain.refusals import Code, Refused
from lapor_sync.domain.report import Outgoing
from lapor_sync.store import marks
from lapor_sync.store.audit import head
from lapor_sync.store.marks import Mark
from lapor_sync.sync import restore
from tests.flow.bench import bench
from tests.flow.scripted import Stage, row_of, stage

MINE, ITS = "7000001", "41"
HOUR = 3600


def lost(city: Stage) -> str:
    """A response whose reply was lost a second ago, and which is not shown yet."""
    city.upstream.add(row_of(MINE, ITS))
    city.cycles(2)
    ref = city.respond(MINE)
    city.upstream.lose(shown=False)
    city.cycle(1)
    assert city.state(ref) is State.UNKNOWN
    return ref


@pytest.mark.parametrize("wall", [0, HOUR, -HOUR])
def test_upstream_s_clock_jumps_after_a_restart(tmp_path: Path, wall: float) -> None:
    """A lost reply, a new process, then upstream's clock is an hour ahead: the grace is waited for all the same."""
    with stage(tmp_path / "kota.db") as city:
        ref = lost(city)
        city.setup_anew()
        city.upstream.ahead += HOUR
        city.clock.wall_ahead = wall
        for _ in range(3):
            city.cycle(30)
            assert (city.state(ref), len(city.upstream.posted)) == (State.UNKNOWN, 1)
        city.clock.seconds += 120
        city.upstream.store = None
        city.cycle()
        assert (city.state(ref), len(city.upstream.posted)) == (State.SENT, 2)


def test_what_decides_about_a_send_is_read_over_connections_of_its_own(tmp_path: Path) -> None:
    """Right before a first one, and in the read-back of one that may have arrived."""
    with stage(tmp_path / "kota.db") as city:
        ref = lost(city)
        before_the_first = city.upstream.calls
        city.upstream.calls = []
        city.cycle(30)
        for calls in (before_the_first, city.upstream.calls):
            assert {f"detail {ITS} fresh", f"thread {ITS} fresh"} <= set(calls)
        assert city.state(ref) is State.UNKNOWN


def test_a_clock_that_was_once_in_the_year_9999_stops_no_report(tmp_path: Path) -> None:
    """An earlier program believed it: what is counted from that time is never over, and fails nowhere."""
    with stage(tmp_path / "kota.db") as city:
        city.upstream.add(row_of(MINE, ITS))
        city.cycles(2)
        ref = city.respond(MINE)
        city.upstream.lose(shown=False)
        city.upstream.ahead = (
            datetime(9999, 12, 31, 23, 59, tzinfo=UTC) - city.upstream.upstream_now()
        ).total_seconds()
        city.cycle(1)
        city.upstream.ahead = 0.0
        city.cycles(2)
        assert (city.state(ref), len(city.upstream.posted)) == (State.UNKNOWN, 1)
        assert not city.log.named("record_failed")
        assert not city.log.named("delivery_failed")


def test_processes_of_one_cycle_each_come_to_an_end(tmp_path: Path) -> None:
    """`--once` by a timer: what one process began to count, the next one counts on."""
    with stage(tmp_path / "kota.db") as city:
        ref = lost(city)
        city.upstream.store = None
        for _ in range(5):
            city.setup_anew()
            city.cycle(60)
        assert (city.state(ref), len(city.upstream.posted)) == (State.SENT, 2)


def test_after_another_start_of_the_machine_it_is_counted_anew(tmp_path: Path) -> None:
    """A reboot, or a standby on another machine that has run for long: its first look begins the count."""
    with stage(tmp_path / "kota.db") as city:
        ref = lost(city)
        city.clock.boot, city.clock.seconds = "second", city.clock.seconds + 50_000
        city.upstream.ahead -= 50_000
        city.upstream.ahead += HOUR
        city.cycle(60)
        city.cycle(30)
        assert (city.state(ref), len(city.upstream.posted)) == (State.UNKNOWN, 1)
        city.clock.seconds += 60
        city.upstream.store = None
        city.cycle()
        assert city.state(ref) is State.SENT


def test_a_machine_that_went_back_counts_anew(tmp_path: Path) -> None:
    """A virtual machine was set back to an older state: the same start, and less time since it."""
    with stage(tmp_path / "kota.db") as city:
        ref = lost(city)
        city.clock.seconds -= 500
        city.upstream.ahead += 500 + HOUR
        city.cycle(60)
        assert city.state(ref) is State.UNKNOWN
        city.clock.seconds += 120
        city.upstream.store = None
        city.cycle()
        assert city.state(ref) is State.SENT


# After a restore.


def restored(city: Stage) -> None:
    with city.setup.store.work() as work:
        restore.begin(work, city.setup.rules, city.clock.uptime(), head(work.conn, work.agency))


@pytest.mark.parametrize("step", [-30, -HOUR, HOUR, 10 * HOUR])
def test_resume_waits_for_the_grace_whatever_the_wall_clock_does(tmp_path: Path, step: float) -> None:
    """It steps back or ahead within the grace after a restore: how long the machine has run is asked, too."""
    with stage(tmp_path / "kota.db") as city:
        restored(city)
        city.clock.seconds += 20
        city.clock.wall_ahead = step
        with pytest.raises(Refused):
            office.resume(city.setup, of_shell("siti"))
        city.clock.seconds += 100 + max(0, 30 if step == -30 else 0)
        assert office.resume(city.setup, of_shell("siti"))


def test_after_another_start_resume_counts_anew(tmp_path: Path) -> None:
    """The wall clock may have been set by then: the first try to resume begins the count."""
    with stage(tmp_path / "kota.db") as city:
        restored(city)
        city.clock.boot, city.clock.wall_ahead = "second", HOUR
        with pytest.raises(Refused, match=Code.RESTORED_JUST_NOW):
            office.resume(city.setup, of_shell("siti"))
        city.clock.seconds += 119
        with pytest.raises(Refused):
            office.resume(city.setup, of_shell("siti"))
        city.clock.seconds += 1
        assert office.resume(city.setup, of_shell("siti"))


def test_a_pause_of_an_earlier_program_is_counted_from_the_first_look(tmp_path: Path) -> None:
    """It did not write down how long the machine had run."""
    with stage(tmp_path / "kota.db") as city:
        with city.setup.store.work() as work:
            marks.put(work, Mark.PAUSED, json.dumps({"since": work.at, "by": "siti", "why": WhyPaused.RESTORED}))
        city.clock.seconds += 10_000
        with pytest.raises(Refused):
            office.resume(city.setup, of_shell("siti"))
        city.clock.seconds += 120
        assert office.resume(city.setup, of_shell("siti"))


def test_where_no_success_can_be_believed_each_response_is_found_in_the_same_cycle(tmp_path: Path) -> None:
    """As with a server that calls its JSON text/html: nobody is asked, and LAPOR is not taken for away."""
    with stage(tmp_path / "kota.db") as city:

        def store(outgoing: Outgoing) -> Outcome:
            city.upstream.items.setdefault(outgoing.report_id, []).append(city.upstream.shown(outgoing))
            return Unknown(why="HTTP 200, but it is not called JSON", http_status=200)

        for number in range(8):
            city.upstream.add(row_of(f"700000{number}", f"4{number}"))
        city.cycles(2)
        city.upstream.store = store
        refs = [city.respond(f"700000{number}", f"Sudah ke-{turn}.") for number in range(8) for turn in range(2)]
        city.upstream.calls.clear()
        city.cycle()
        assert {city.state(ref) for ref in refs} == {State.SENT}
        assert len(city.upstream.posted) == 16
        assert not city.conflicts()
        assert city.upstream.calls.count("list") == 1


def test_a_lost_reply_in_a_long_push_is_not_asked_about_for_an_earlier_answer_of_ours(tmp_path: Path) -> None:
    """The row in the list is of before the first answer: what moved it since then is no sign of the second one."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        one = city.report()
        city.settle_down()
        refs = [
            city.respond(one, "Sudah kami perbaiki kemarin."),
            city.respond(one, "Lampunya juga sudah diganti."),
        ]
        settled: list[str] = []

        def takes_long(step: str) -> None:
            if step == "settle_committed" and not settled:
                settled.append(step)
                city.pass_time(20)
                city.world.add_faults(
                    {"match": {"method": "POST"}, "times": 1, "do": "gateway:504", "stored": False}
                )

        city.cycle(step=takes_long)
        assert [city.state(ref) for ref in refs] == [State.SENT, State.UNKNOWN]
        for _ in range(2):
            city.pass_time(60)
            city.cycle()
        assert [city.state(ref) for ref in refs] == [State.SENT, State.SENT]
        assert city.conflicts() == []
