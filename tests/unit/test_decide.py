"""What follows from one read of a report: decided without a database, and handed back as plain steps."""

from __future__ import annotations

import inspect
from dataclasses import replace
from datetime import timedelta
from types import ModuleType
from typing import Any, get_args
from zoneinfo import ZoneInfo

import pytest

from lapor_sync.domain.calendar import WorkingDays
from lapor_sync.domain.colour import City, Colour
from lapor_sync.domain.delivery import Kind, Reason, State
from lapor_sync.domain.limits import load_limits, packaged
from lapor_sync.domain.report import Thread, ThreadItem
from lapor_sync.domain.scene import Delivery
from lapor_sync.domain.three_way import Decision
from lapor_sync.mirror import decide as deciding
from lapor_sync.mirror import judge, merge, write
from lapor_sync.mirror.decide import (
    Arrived,
    Change,
    Hold,
    Known,
    Note,
    PutAside,
    Recover,
    Release,
    Say,
    Seen,
    Shown,
    Step,
    decide,
)
from lapor_sync.mirror.merge import Read
from lapor_sync.mirror.mirror import Pace, Rules
from lapor_sync.store.outbox import Queued
from tests.databases import START
from tests.store.samples import HIJAU, MERAH, item, mirrored, report

RULES = Rules(
    city=City(institution_id="600", opd_ids=frozenset({"611"})),
    limits=load_limits(packaged()),
    working_days=WorkingDays(ZoneInfo("Asia/Jakarta")),
)
REF = "LS-AAAAAA"
TEXT = f"Sudah kami perbaiki kemarin sore.\n[Ref {REF}]"


def delivery(state: State = State.QUEUED, **values: Any) -> Queued:
    plain: dict[str, Any] = {"target": None, "by": "budi", "written_at": START, "reason": None, "waits": 0}
    plain |= dict.fromkeys(("next_try_at", "ended_at", "ended_uptime", "sent_at", "seen_at")) | {"seen_count": 0}
    one = Delivery(ref=REF, kind=Kind.RESPONSE, state=state, text=TEXT, opd="611")
    return Queued(delivery=one, tracking_id="7001", **plain | values)


def thread(*items: ThreadItem, **values: Any) -> Thread:
    return Thread(**{"items": items, "began_at": START, "raw": "[]", **values})


def decided(read: Read, known: Known) -> Change:
    return decide(read, known, RULES, Pace(), START)


def known(*deliveries: Queued, **values: Any) -> Known:
    plain: dict[str, Any] = {"verdict": MERAH, "agreed": Colour.MERAH, "read_at": START, "thread_read_at": START}
    return Known(mirrored("7001", report(disposition_id="611"), **plain | values), (), list(deliveries))


def read(**values: Any) -> Read:
    return Read(tracking_id="7001", at=START, report=report(disposition_id="611"), **values)


def steps(change: Change, kind: type[Any]) -> list[Any]:
    return [one for one in change.steps if isinstance(one, kind)]


@pytest.mark.parametrize("module", [merge, judge, deciding], ids=lambda one: one.__name__.rpartition(".")[2])
def test_nothing_that_decides_is_given_anything_to_write_with(module: ModuleType) -> None:
    """No transaction, no store, no log: so it cannot."""
    functions = [
        one for _, one in inspect.getmembers(module, inspect.isfunction) if one.__module__ == module.__name__
    ]
    assert functions
    asked = {str(each.annotation) for one in functions for each in inspect.signature(one).parameters.values()}
    assert not asked & {"Work", "Store", "Mirror", "Log", "Connection"}


def test_every_step_is_carried_out_by_name() -> None:
    """By the one place that writes; `assert_never` there says the same to the type checker."""
    source = inspect.getsource(write)
    assert all(f"case {one.__name__}(" in source for one in get_args(Step))


def test_the_same_again_writes_nothing() -> None:
    late = thread(began_at=START + timedelta(hours=1))
    first = decided(read(thread=late), Known(None, (), []))
    assert [one.what for one in steps(first, Note)] == ["colour"]
    again = decided(read(thread=late), Known(first.new, (), []))
    assert again.steps == ()
    assert again.new == again.old


def test_a_held_response_that_stands_in_the_thread_has_arrived() -> None:
    change = decided(read(thread=thread(item(content=TEXT))), known(delivery(State.HELD)))
    (arrived,) = steps(change, Arrived)
    assert arrived.delivery.state is State.HELD
    assert [type(one) for one in change.steps] == [Arrived, Say, Shown, Seen, Note]
    (now,) = change.deliveries
    assert (now.state, now.reason, now.sent_at, now.seen_count) == (State.SENT, Reason.FOUND, START, 1)


def test_a_reference_that_stands_twice_is_an_alarm() -> None:
    sent = delivery(State.SENT, sent_at=START, seen_at=START, seen_count=1)
    items = (item("1", content=TEXT), item("2", content=TEXT))
    change = decided(read(thread=thread(*items)), known(sent))
    assert steps(change, Seen) == [Seen(REF, 2, START)]
    assert [one.event for one in steps(change, Say)] == ["seen_twice"]
    assert steps(change, Note)[0].what == "seen_twice"


def test_a_reference_that_nobody_knows_is_recovered() -> None:
    change = decided(read(thread=thread(item(content=TEXT))), known())
    assert steps(change, Recover) == [Recover(REF, "7001", TEXT)]


def test_another_report_in_its_place_changes_nothing_but_that_it_is_known() -> None:
    other = report("7002", upstream_id="u7002", title="Lain", disposition_id="611")
    waiting, sent = delivery(), replace(delivery(), delivery=replace(delivery().delivery, state=State.SENT))
    change = decided(Read(tracking_id="7001", at=START, report=other), known(waiting, sent))
    assert change.is_other
    assert change.new.report == report(disposition_id="611")
    assert steps(change, Hold) == [Hold(waiting, Reason.ANOTHER_REPORT)]
    (aside,) = steps(change, PutAside)
    assert "Lain" not in aside.bad.raw
    back = decided(read(), Known(change.new, (), []))
    assert steps(back, Release) == [Release("7001")]


def test_both_moved_holds_what_is_queued_and_leaves_what_may_have_arrived() -> None:
    """The three ways: both knew hijau, ours is to become kuning, and LAPOR shows merah."""
    queued, unknown = delivery(), delivery(State.UNKNOWN)
    change = decided(read(thread=thread()), known(queued, unknown, verdict=HIJAU, agreed=Colour.HIJAU))
    assert change.new.colour is Colour.MERAH
    assert steps(change, Hold) == [Hold(queued, Reason.BOTH_MOVED)]
    (note,) = steps(change, Note)
    assert (note.data["decision"], note.data["agreed"]) == (Decision.HOLD, Colour.HIJAU)
