"""What follows from what happened, and when it is told: the pure rules."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from lapor_sync.domain.notices import (
    BUNDLED,
    Happened,
    Health,
    Lot,
    NoticeKind,
    Part,
    Reader,
    To,
    address_of,
    digest_is_due,
    digest_of,
    follows,
    is_due,
    is_given_up,
    not_before,
    troubles,
    turns,
)
from lapor_sync.domain.people import Post, Role

NOW = datetime(2026, 3, 2, 0, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)


def row(what: str, who: str = "lapor-sync", subject: str = "7001", **facts: Any) -> Happened:
    return Happened(5, "2026-03-02T00:30:00.000000Z", who, what, subject, facts)


@pytest.mark.parametrize(
    "one",
    [
        row("colour", disposed="611", waiting_on="reporter"),
        row("colour", disposed=None, waiting_on="opd"),
        row("colour", waiting_on="opd"),
        row("delivery_moved", ref="LS-A", to="sent"),
        row("delivery_moved", who="person 7 in post 1", ref="LS-A", to="held", reason="by_person"),
        row("delivery_moved", who="budi", ref="LS-B", to="held", reason="by_person"),
        row("shown"),
        row("tenures_ended", subject="person 7", posts=[], on="2026-03-02"),
    ],
)
def test_what_calls_for_nobody_is_told_to_nobody(one: Happened) -> None:
    """Who holds back what they wrote knows it."""
    assert list(follows(one, {"LS-A": "person 7 in post 1", "LS-B": "budi"})) == []


def test_who_wrote_it_is_told_where_somebody_else_holds_it() -> None:
    one = row("delivery_moved", who="person 9 in post 2", ref="LS-A", to="held", reason="by_person")
    (told,) = follows(one, {"LS-A": "person 7 in post 1"})
    assert told.to.persons == {"7"}


def test_a_hold_and_its_question_are_one_notice() -> None:
    by = {"LS-A": "person 7 in post 1"}
    moved = row("delivery_moved", ref="LS-A", to="held", reason="mentioned")
    (held,) = follows(moved, by)
    (asked,) = follows(row("conflict_opened", ref="LS-A", kind="mentioned"), by)
    (many,) = follows(row("conflict_opened", subject="many_vanished", ref=None, kind="many_vanished"), {})
    assert held.key == asked.key
    assert (many.facts["report"], many.to.persons) == (None, frozenset())


def test_a_person_hears_what_they_chose_and_whatever_becomes_of_their_posts() -> None:
    sari = Reader(
        channel="1", person_id="7", kinds=frozenset({NoticeKind.STUCK}), posts=(Post("1", Role.OFFICER, "611"),)
    )
    mine, posts = To(persons=frozenset({"7"})), To(posts=frozenset({(Role.OFFICER, "611")}))
    assert sari.hears(NoticeKind.STUCK, mine)
    assert sari.hears(NoticeKind.STUCK, posts)
    assert sari.hears(NoticeKind.POSTS, mine)
    assert not sari.hears(NoticeKind.NEW_REPORT, posts)
    assert not sari.hears(NoticeKind.STUCK, To(posts=frozenset({(Role.OFFICER, "612")})))


def test_a_digest_without_anything_to_say_is_none() -> None:
    assert digest_of({Part.OVERDUE: Lot(0, False, ())}) is None
    assert digest_of({Part.SOON: Lot(12, True, tuple("abcdefghijkl"))}) == {"soon": [12, True, list("abcdefghij")]}
    days = {one: date(2026, 3, 2) for one in "al"}
    found = digest_of({Part.CLOSING: Lot(12, False, tuple("abcdefghijkl"), days)})
    assert found == {"closing": [12, False, list("abcdefghij")], "until": {"a": "2026-03-02"}}, (
        "of those that are named"
    )


@pytest.mark.parametrize(
    ("at", "last", "is_working", "is_due"),
    [
        ((7, 29), None, True, False),
        ((7, 30), None, True, True),
        ((23, 0), date(2026, 3, 1), True, True),
        ((8, 0), date(2026, 3, 2), True, False),
        ((8, 0), date(2027, 3, 3), True, True),
        ((8, 0), None, False, False),
    ],
)
def test_the_digest_is_written_once_a_working_day(
    at: tuple[int, int], last: date | None, is_working: bool, is_due: bool
) -> None:
    now = datetime(2026, 3, 2, *at, tzinfo=UTC)
    assert digest_is_due(now, time(7, 30), last, is_working=is_working) is is_due


@pytest.mark.parametrize(
    ("seen", "told", "expected"),
    [
        (Health(), (), set()),
        (Health(outage_since=NOW - HOUR), (), {"away"}),
        (Health(outage_since=NOW - HOUR / 2), (), set()),
        (Health(outage_since=NOW, is_denied=True), (), {"denied"}),
        (Health(quarantined=1), (), {"quarantine"}),
        (Health(backup_since=NOW - 49 * HOUR), (), {"no_backup"}),
        (Health(backup_since=NOW - 47 * HOUR), (), set()),
        (Health(free=0.04), (), {"disk"}),
        (Health(free=0.07), (), set()),
        (Health(free=0.07), ("disk",), {"disk"}),
        (Health(free=0.11), ("disk",), set()),
        (Health(next_year_known=False, month=11), (), set()),
        (Health(next_year_known=False, month=12), (), {"holidays"}),
    ],
)
def test_a_trouble_is_there_from_its_limit_on(seen: Health, told: tuple[str, ...], expected: set[str]) -> None:
    assert set(troubles(seen, told, NOW)) == expected


def test_a_trouble_is_told_when_it_begins_and_when_it_ends_and_not_between() -> None:
    there = troubles(Health(free=0.01, quarantined=2), (), NOW)
    began, told = turns({}, there, "t1")
    again, told = turns(told, there, "t2")
    over, told = turns(told, {}, "t3")
    assert [one.key for one in (*began, *again, *over)] == [
        "quarantine/t1",
        "disk/t1",
        "quarantine/t1/over",
        "disk/t1/over",
    ]
    assert told == {}


def test_a_notice_leaves_at_once_or_ten_minutes_after_the_last_one() -> None:
    assert not_before(NoticeKind.STUCK, NOW, None) == NOW
    assert not_before(NoticeKind.DIGEST, NOW, NOW) == NOW
    assert not_before(NoticeKind.STUCK, NOW, NOW - HOUR) == NOW
    assert not_before(NoticeKind.STUCK, NOW, NOW - BUNDLED / 2) == NOW + BUNDLED / 2
    assert not_before(NoticeKind.STUCK, NOW, NOW + HOUR) == NOW, "the clock went back"


def test_what_is_put_off_comes_when_its_time_does_and_whatever_a_clock_did() -> None:
    assert is_due(None, NOW)
    assert is_due(NOW, NOW)
    assert not is_due(NOW + HOUR, NOW)
    assert is_due(NOW + 3 * HOUR, NOW), "the clock was ahead when it was put off"


def test_a_day_is_long_enough() -> None:
    assert is_given_up(NOW - 24 * HOUR, NOW)
    assert not is_given_up(NOW - 23 * HOUR, NOW)


@pytest.mark.parametrize(
    ("kind", "given", "kept"),
    [
        ("email", " sari.d+lapor@dinas-pu.kota.go.id ", "sari.d+lapor@dinas-pu.kota.go.id"),
        ("email", "sari@localhost", None),
        ("email", "sari@kota.go.id, budi@kota.go.id", None),
        ("email", "sari@kota.go.id?cc=budi@kota.go.id", None),
        ("telegram", "123456789", "123456789"),
        ("telegram", "@saluran_kota", "@saluran_kota"),
        ("whatsapp", "+628120000000", "+628120000000"),
        ("telegram", "1/2", None),
        ("telegram", "", None),
    ],
)
def test_an_address_is_one_address(kind: str, given: str, kept: str | None) -> None:
    assert address_of(kind, given) == kept
