"""Delivery paused: all is read, worked out and found as ever, nothing leaves, and once resumed all of it does."""

from __future__ import annotations

from pathlib import Path

from lapor_sync import office
from lapor_sync.domain.advice import Todo, advise
from lapor_sync.domain.delivery import Reason, State
from lapor_sync.domain.people import of_shell
from lapor_sync.store import audit
from lapor_sync.sync.plan import plan
from tests.flow.bench import ON_BOTH, OPD, Bench, bench
from tests.oracle import refs_in_order

pytestmark = ON_BOTH

POST = "POST /complaints/followup/add"


def steps(city: Bench) -> dict[str, str]:
    """What `plan` says of the next delivery of each report."""
    with city.store.reading() as work:
        return {one.tracking_id: one.next.step for one in plan(work, city.setup.rules) if one.next}


def test_nothing_leaves_until_it_is_resumed(tmp_path: Path) -> None:
    """Cycles go on mirroring; the log says each time that it is paused; then everything goes, once and in order."""
    with bench(tmp_path / "kota.db", reports=3) as city:
        one, other = city.report(), city.report()
        city.settle_down()
        assert office.pause(city.setup, of_shell("Sari"))
        refs = [city.respond(one, f"Tahap {n}.") for n in range(3)]
        ref = city.respond(other)
        city.world.reply(other, content="Kapan?")
        for _ in range(3):
            assert city.cycle().error is None
            city.pass_time()
        assert POST not in city.requests()
        assert [city.state(each) for each in (*refs, ref)] == [State.QUEUED] * 4
        assert len(city.thread(other)) == len(city.world.thread(other)["items"])
        (told, *more) = city.log.named("delivery_paused")
        assert len(more) == 2
        assert (told["count"], told["reason"]) == (4, "person")
        assert told["todo"] == advise(Todo.RESUME)
        assert steps(city) == {one: "send", other: "send"}

        assert office.resume(city.setup, of_shell("Budi"))
        city.cycle()
        assert refs_in_order(city.arrived(one), refs) == refs
        assert (len(city.arrived(one)), len(city.arrived(other))) == (3, 1)
        with city.store.reading() as work:
            rows = [(row["what"], row["who"]) for row in audit.rows(work.conn, work.agency)]
            audit.verify(work.conn, work.agency)
        assert ("delivery_paused", "Sari") in rows
        assert ("delivery_resumed", "Budi") in rows


def test_what_is_paused_costs_ever_fewer_calls(tmp_path: Path) -> None:
    """A waiting response is looked for more and more rarely, and that never counts as a try."""
    with bench(tmp_path / "kota.db", reports=2) as city:
        one = city.report()
        city.settle_down()
        office.pause(city.setup, of_shell("Sari"))
        ref = city.respond(one)
        for _ in range(24):
            city.cycle()
            city.pass_time(300)
        reads = sum(n for route, n in city.requests().items() if "{id}" in route or "followups" in route)
        assert 0 < reads <= 2 * 10, "two hours, a look each 15 minutes at most, and two calls a look"
        assert city.delivery(ref).delivery.tries == 0


def test_what_stands_there_is_found_and_what_does_not_waits(tmp_path: Path) -> None:
    """Paused, a delivery whose reference stands in the thread is sent; a lost one that is not there is queued."""
    with bench(tmp_path / "kota.db", reports=2) as city:
        there, lost = city.report(), city.report()
        city.settle_down()
        ref = city.respond(lost)
        city.world.add_faults({"match": {"method": "POST"}, "times": 1, "do": "gateway:504", "stored": False})
        city.cycle()
        assert city.state(ref) is State.UNKNOWN
        office.pause(city.setup, of_shell("Sari"))
        found = city.respond(there)
        city.world.answer(there, content=city.delivery(found).delivery.text, opd=OPD)
        city.pass_time()
        city.cycle()
        assert [(city.state(one), city.delivery(one).reason) for one in (found, ref)] == [
            (State.SENT, Reason.FOUND),
            (State.QUEUED, Reason.NOT_FOUND),
        ]
        city.requests()
        office.resume(city.setup, of_shell("Sari"))
        city.cycle()
        assert city.requests()[POST] == 1
        assert city.state(ref) is State.SENT


def test_pausing_and_resuming_twice(tmp_path: Path) -> None:
    """The second time nothing is written: who paused it first stays named."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        assert not office.resume(city.setup, of_shell("Sari"))
        assert office.pause(city.setup, of_shell("Sari"))
        assert not office.pause(city.setup, of_shell("Budi"))
        with city.store.reading() as work:
            assert [row["who"] for row in audit.rows(work.conn, work.agency)] == ["Sari"]
        assert office.resume(city.setup, of_shell("Sari"))
        assert not office.resume(city.setup, of_shell("Sari"))


def test_a_pause_in_the_middle_of_a_push(tmp_path: Path) -> None:
    """What was claimed goes out; the next wave does not."""
    with bench(tmp_path / "kota.db", reports=0, pace={"concurrency": 1}) as city:
        ones = [city.report() for _ in range(3)]
        city.settle_down()
        refs = [city.respond(one) for one in ones]
        reached: list[str] = []

        def pause(name: str) -> None:
            reached.append(name)
            if name == "settle_committed" and reached.count(name) == 1:
                office.pause(city.setup, of_shell("Sari"))

        city.cycle(step=pause)
        assert [city.state(ref) for ref in refs] == [State.SENT, State.QUEUED, State.QUEUED]
        office.resume(city.setup, of_shell("Sari"))
        city.cycle()
        assert [len(city.arrived(one)) for one in ones] == [1, 1, 1]
