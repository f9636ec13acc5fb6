"""One bad record is one bad record: what fails at it fails at it alone, whatever the error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lapor_sync.domain.errors import Defect
from lapor_sync.domain.next_step import next_step
from lapor_sync.mirror import decide
from lapor_sync.mirror.judge import judge
from lapor_sync.store import quarantine
from lapor_sync.sync import housekeeping
from lapor_sync.sync.take_export import take_export
from tests.flow.bench import ON_BOTH, START, Bench, bench

pytestmark = ON_BOTH

NOBODY_FORESAW = [OverflowError("date value out of range"), Defect("never"), RecursionError(), KeyError("Sari")]


def fail_at(monkeypatch: pytest.MonkeyPatch, tracking_id: str, error: Exception) -> None:
    """Judging that report fails."""

    def failing(case: Any, *args: Any) -> Any:
        if case.new.tracking_id == tracking_id:
            raise error
        return judge(case, *args)

    monkeypatch.setattr(decide, "judge", failing)


def quarantined(city: Bench) -> set[str]:
    with city.store.reading() as work:
        return {one.key for one in quarantine.listing(work)}


@pytest.mark.parametrize("error", NOBODY_FORESAW, ids=lambda error: type(error).__name__)
def test_a_report_that_cannot_be_judged_costs_nobody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """It is in quarantine, once in the log without words of it, and back as soon as it can be judged."""
    with bench(tmp_path / "kota.db", reports=10) as city:
        bad, good = city.report(), city.report()
        with monkeypatch.context() as patch:
            fail_at(patch, bad, error)
            outcome = city.cycle()
            city.pass_time()
            city.cycle()

        assert outcome.error is None
        assert (outcome.tally.new, outcome.tally.quarantined) == (11, 1)
        assert good in city.all_mirrored()
        assert bad not in city.all_mirrored()
        assert quarantined(city) == {bad}
        assert [one["exc_info"] for one in city.log.named("record_failed")] == [error]

        city.pass_time(86_400)
        city.cycle()
        assert bad in city.all_mirrored()
        assert quarantined(city) == set()


def test_a_known_report_that_cannot_be_judged_holds_up_no_cycle_and_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other rules, a changed row, a response: all the others are judged, mirrored and answered; its own waits."""
    with bench(tmp_path / "kota.db", reports=5) as city:
        bad, good = city.report(), city.report()
        city.settle_down()
        its, other = city.respond(bad), city.respond(good)
        colour = city.all_mirrored()[bad].colour
        with monkeypatch.context() as patch:
            fail_at(patch, bad, OverflowError())
            patch.setattr(type(city.setup.rules), "fingerprint", "other")
            assert housekeeping.rejudge_all(city.setup) == 7
            city.world.reply(bad, content="Kapan?")
            assert city.cycle().error is None
            states = {one.ref: one.state for one in city.outbox()}
            assert states == {its: "queued", other: "sent"}
            assert city.all_mirrored()[bad].colour == colour

        for _ in range(4):
            city.pass_time(900)
            city.cycle()
        assert {one.state for one in city.outbox()} == {"sent"}
        assert quarantined(city) == set()


def test_a_delivery_that_cannot_be_decided_waits_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others of its wave leave."""
    with bench(tmp_path / "kota.db", reports=5) as city:
        bad, good = city.report(), city.report()
        city.settle_down()
        its, other = city.respond(bad), city.respond(good)
        decide = next_step

        def failing(delivery: Any, seen: Any) -> Any:
            if delivery.ref == its:
                raise Defect("never")
            return decide(delivery, seen)

        monkeypatch.setattr("lapor_sync.sync.push.next_step", failing)
        assert city.cycle().error is None
        assert {one.ref: one.state for one in city.outbox()} == {its: "queued", other: "sent"}
        assert city.log.named("delivery_failed")


def test_a_row_of_an_export_that_cannot_be_judged_costs_no_other_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is in quarantine; the next import of it is tried again."""
    with bench(tmp_path / "kota.db", reports=5) as city:
        city.cycle()
        known = [one.report for one in city.all_mirrored().values()]
        rows = [one._replace(tracking_id=f"99{one.tracking_id}"[:9], upstream_id=None) for one in known]
        bad = rows[2].tracking_id
        with monkeypatch.context() as patch:
            fail_at(patch, bad, ValueError())
            tally = take_export(city.setup, rows, START)
        assert (tally.new, tally.quarantined) == (4, 1)
        assert quarantined(city) == {bad}
        assert take_export(city.setup, rows, START).new == 1
        assert quarantined(city) == set()


def test_what_cannot_be_read_for_a_reason_that_nobody_foresaw_is_quarantined_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader that fails at one report's row, detail or thread is a bad record, not the end of the cycle."""
    with bench(tmp_path / "kota.db", reports=5) as city:
        parse, read = city.setup.connector.parse_row, city.setup.connector.read_thread
        first, second = city.report(), city.report()
        called = set()

        def parse_failing(row: Any) -> Any:
            if row.key == first:
                raise TypeError("Sari")
            if row.key == second:
                called.add(row.report_id)
            return parse(row)

        def read_failing(report_id: str, **how: bool) -> Any:
            if report_id in called:
                raise ZeroDivisionError
            return read(report_id, **how)

        monkeypatch.setattr(city.setup.connector, "parse_row", parse_failing)
        monkeypatch.setattr(city.setup.connector, "read_thread", read_failing)
        outcome = city.cycle()
        assert outcome.error is None
        assert (outcome.tally.new, outcome.tally.quarantined) == (6, 2)
        assert len(quarantined(city)) == 2
