"""Corners that no day of the stand-in brings by itself: threads in pieces, quoted references, a stop in a sweep."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from lapor_sync import office
from lapor_sync.domain.colour import Colour
from lapor_sync.domain.delivery import Reason, State
from lapor_sync.domain.errors import UpstreamError
from lapor_sync.domain.people import of_shell
from lapor_sync.domain.report import BadItem, Thread
from lapor_sync.store import audit, quarantine
from lapor_sync.store.conflicts import How
from lapor_sync.store.marks import Mark
from tests.flow.bench import ON_BOTH, Bench, bench

pytestmark = ON_BOTH

POST = {"method": "POST"}
DAY = 86_400


@contextmanager
def threads_seen_as(city: Bench, change: Callable[[Thread], Thread]) -> Iterator[None]:
    """Every thread as upstream might give it."""
    real = city.setup.connector.read_thread

    def read(report_id: str, **how: bool) -> Thread:
        return change(real(report_id, **how))

    city.setup.connector.read_thread = read  # type: ignore[method-assign]
    yield
    city.setup.connector.read_thread = real  # type: ignore[method-assign]


def put_away(city: Bench) -> list[str]:
    with city.store.reading() as work:
        return [f"{one.source} {one.key}" for one in quarantine.listing(work)]


def test_a_thread_in_pieces_is_mirrored_and_its_pieces_put_away(tmp_path: Path) -> None:
    """What can be read counts; the rest is quarantined, and leaves when the thread is whole again."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        one = city.report()
        bad = BadItem(key="h:1", raw='"rusak"', reason="not an object")
        with threads_seen_as(city, lambda thread: replace(thread, bad=(bad,))):
            city.cycle()
        assert city.mirrored(one).colour is Colour.MERAH
        assert put_away(city) == [f"thread {one}/h:1"]
        city.pass_time(DAY)
        city.cycle()
        assert put_away(city) == []


def test_a_piece_is_kept_without_names_once_the_reporter_may_not_be_known(tmp_path: Path) -> None:
    """Also where the read that says so brings no thread."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        one = city.report(anonymous=False, secret=False)
        bad = BadItem(key="h:1", raw='"Sari Contoh"', reason="not an object")
        with threads_seen_as(city, lambda thread: replace(thread, bad=(bad,))):
            city.cycle()
        assert "Sari Contoh" in str(city.contents()["quarantine"])
        city.world.find(one).is_anonymous = True
        city.world.touch(one)
        city.world.add_faults({"match": {"path": "/followups"}, "times": None, "do": "status:500"})
        city.pass_time()
        city.cycle()
        assert city.mirrored(one).report.is_anonymous
        assert put_away(city) == [f"thread {one}/h:1"]
        assert "Sari Contoh" not in str(city.contents()["quarantine"])


def test_a_piece_that_holds_the_reference_is_no_absence(tmp_path: Path) -> None:
    """Our response stands in an item that cannot be read: it is not sent again."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        one = city.report()
        city.settle_down()
        ref = city.respond(one)

        def in_pieces(thread: Thread) -> Thread:
            mine = [item for item in thread.items if ref in item.content]
            bad = tuple(BadItem(key=item.id, raw=f'"{item.content}"', reason="not an object") for item in mine)
            return replace(thread, items=tuple(item for item in thread.items if item not in mine), bad=bad)

        city.world.add_faults({"match": POST, "do": "close-after", "stored": True})
        with threads_seen_as(city, in_pieces):
            city.cycles(4)
            assert city.state(ref) is State.UNKNOWN
        city.cycle()
        assert (city.state(ref), len(city.arrived(one))) == (State.SENT, 1)


def test_a_reference_of_another_report_is_quoted_not_recovered(tmp_path: Path) -> None:
    """An officer copies our answer to another report on the site: it is that one's delivery still."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        one, other = city.report(), city.report()
        city.settle_down()
        ref = city.respond(one)
        city.cycle()
        city.pass_time()
        city.world.answer(other, content=city.arrived(one)[0])
        city.cycles(2)
        assert [(mine.ref, mine.tracking_id) for mine in city.outbox()] == [(ref, one)]
        assert city.delivery(ref).seen_count == 1


def test_a_settled_conflict_lets_both_sides_agree(tmp_path: Path) -> None:
    """Held because both moved, and settled before the next cycle: agreed is what upstream shows."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        one = city.report()
        city.world.set_status(one, status_name="Menunggu Kajian")
        city.settle_down()
        ref = city.respond(one, any_status=True)
        city.world.set_status(one, status_name="Terverifikasi")
        city.cycle(observe=True)
        assert (city.state(ref), city.delivery(ref).reason) == (State.HELD, Reason.BOTH_MOVED)
        assert city.mirrored(one).agreed is None
        office.settle(city.setup, of_shell("siti"), one, How.TAKE_UPSTREAM)
        assert city.mirrored(one).agreed is Colour.MERAH
        with city.store.reading() as work:
            assert "agreed" in {row["what"] for row in audit.rows(work.conn, work.agency)}


def test_a_sweep_that_was_stopped_is_done_again(tmp_path: Path) -> None:
    """Asked to stop in the middle, it is not taken for done."""
    with bench(tmp_path / "kota.db", reports=20) as city:
        city.settle_down()
        swept = city.mark(Mark.SWEPT)
        city.pass_time(DAY)
        seen: list[str] = []
        city.cycle(step=seen.append, stopping=lambda: "reread" in seen)
        assert city.mark(Mark.SWEPT) == swept
        assert not city.log.named("swept")
        city.cycle()
        assert city.mark(Mark.SWEPT) != swept
        assert len(city.log.named("swept")) == 1


def test_an_outage_without_a_list_call_is_one_too(tmp_path: Path) -> None:
    """The list's 404 is an answer, so that the masters are asked: if they fail too, upstream is away."""
    with bench(tmp_path / "kota.db", scenario="restricted", reports=0) as city:
        ones = [city.report() for _ in range(5)]
        city.world.set_scenario("calm")
        city.settle_down()
        city.world.set_scenario("restricted")
        city.cycle()
        refs = [city.respond(one) for one in ones]
        city.world.add_faults(
            {"match": {"path": "/complaints/"}, "times": None, "do": "status:500"},
            {"match": {"path": "/masters/"}, "times": None, "do": "status:500"},
        )
        assert isinstance(city.cycle().error, UpstreamError)
        assert len(city.contents()["outage"]) == 1
        city.world.clear_faults()
        city.cycle()
        assert [city.state(ref) for ref in refs] == [State.SENT] * 5


def test_details_alone_that_fail_are_no_outage(tmp_path: Path) -> None:
    """The list answers: upstream is there, and each report waits for itself."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        ones = [city.report() for _ in range(5)]
        city.settle_down()
        refs = [city.respond(one) for one in ones]
        for one in ones:
            path = f"/{city.world.find(one).id}/complaint"
            city.world.add_faults({"match": {"path": path}, "times": None, "do": "status:500"})
        assert city.cycle().error is None
        assert {city.state(ref) for ref in refs} == {State.QUEUED}
        assert city.contents()["outage"] == []


def test_a_wait_is_never_longer_than_a_quarter_of_an_hour(tmp_path: Path) -> None:
    """Whatever the jitter; unless upstream asks for longer."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        one = city.report()
        city.settle_down()
        city.setup = replace(city.setup, spread=lambda: 0.999)
        ref = city.respond(one)
        path = f"/{city.world.find(one).id}/complaint"
        city.world.add_faults({"match": {"path": path}, "times": None, "do": "status:500"})
        for _ in range(5):
            city.cycle()
            city.pass_time(901)
        waiting = city.delivery(ref)
        assert waiting.waits == 5
        assert waiting.next_try_at is not None
        assert waiting.next_try_at <= city.clock.now()


@pytest.mark.parametrize("bad_hours", [1, 30])
def test_a_response_waits_once_for_a_thread_that_kept_changing(tmp_path: Path, bad_hours: int) -> None:
    """Three passes that each bring something new are no complete read, and no outage; where it goes on, it leaves."""

    def unstable(thread: Thread) -> Thread:
        return replace(thread, complete=False, why="rows kept coming while it was read")

    with bench(tmp_path / "kota.db", reports=5) as city:
        one = city.report()
        city.settle_down()
        ref = city.respond(one)
        with threads_seen_as(city, unstable):
            assert city.cycle().error is None
            assert city.state(ref) is State.QUEUED
            city.pass_time(bad_hours * 3600)
            assert city.cycle().error is None
        city.pass_time(1000)
        city.cycle()
        assert city.state(ref) is State.SENT
        assert city.contents()["outage"] == []


def test_refused_credentials_are_another_outage_than_silence(tmp_path: Path) -> None:
    """Upstream is away, comes back and lets nobody in: two rows and two lines, since a person must act now."""
    with bench(tmp_path / "kota.db", reports=2) as city:
        city.settle_down()
        for scenario in ("maintenance", "expired-token"):
            city.world.set_scenario(scenario)
            city.cycles(2)
        began = [(row[4], row[3] is not None) for row in city.contents()["outage"]]
        assert began == [("UpstreamBroken", True), ("Denied", False)]
        assert (len(city.log.named("upstream_away")), len(city.log.named("credentials_refused"))) == (1, 1)


def test_a_call_cut_short_by_a_stop_is_no_outage(tmp_path: Path) -> None:
    """The connector gives up because the process is to end: that says nothing of upstream."""
    with bench(tmp_path / "kota.db", reports=2) as city:
        city.settle_down()
        city.world.set_scenario("maintenance")
        assert city.cycle(stopping=lambda: True).error is not None
        assert city.contents()["outage"] == []
