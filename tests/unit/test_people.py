"""Posts that are held on a day, the state of an account, and how long a session, a link and a wrong try count."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, strategies

from lapor_sync.domain import sessions
from lapor_sync.domain.passwords import MOST, is_common, problem, towns
from lapor_sync.domain.people import (
    Post,
    Role,
    SignedIn,
    State,
    Tenure,
    by_oneself,
    in_post,
    name_of,
    posts_held,
    quiet_since,
    sign_in_of,
    state_of,
    vacant_since,
)
from lapor_sync.domain.permits import Act, may
from lapor_sync.domain.refusals import Code

NOW = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
DAY, HOUR, MINUTE, SECOND = (timedelta(days=1), timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1))
PUPR, ADMIN = Post("3", Role.OFFICER, "611"), Post("4", Role.ADMIN)


def tenure(since: datetime, until: datetime | None = None, post: Post = PUPR, **more: Any) -> Tenure:
    return Tenure("1", "12", post, since, until, **more)


@pytest.mark.parametrize(
    ("one", "holds", "is_to_come"),
    [
        (tenure(NOW), True, False),
        (tenure(NOW - DAY), True, False),
        (tenure(NOW - DAY, NOW), False, False),
        (tenure(NOW - DAY, NOW + SECOND), True, False),
        (tenure(NOW + SECOND), False, True),
        (tenure(NOW + DAY, NOW + 2 * DAY), False, True),
        (tenure(NOW + DAY, NOW + DAY), False, False),
        (tenure(NOW - DAY, NOW + HOUR, is_over=True), False, False),
        (tenure(NOW + DAY, is_over=True), False, False),
    ],
)
def test_a_tenure_gives_its_post_from_its_first_moment_until_before_its_last(
    one: Tenure, holds: bool, is_to_come: bool
) -> None:
    assert (one.holds(NOW), one.is_to_come(NOW)) == (holds, is_to_come)


def test_a_post_that_is_held_twice_over_is_one_post() -> None:
    both = (tenure(NOW - DAY), tenure(NOW - HOUR), tenure(NOW - DAY, post=ADMIN), tenure(NOW + DAY, post=ADMIN))
    assert posts_held(both, NOW) == (PUPR, ADMIN)


def test_a_post_is_vacant_since_its_last_holder_or_since_it_was_made() -> None:
    made = NOW - 30 * DAY
    assert vacant_since([], made, NOW) == made
    assert vacant_since([tenure(NOW - DAY)], made, NOW) is None
    gone = [tenure(NOW - 9 * DAY, NOW - 4 * DAY), tenure(NOW - 9 * DAY, NOW - 5 * DAY)]
    assert vacant_since(gone, made, NOW) == NOW - 4 * DAY
    never = [tenure(NOW - DAY, NOW - DAY), tenure(NOW + DAY), tenure(NOW + DAY, NOW + 2 * DAY)]
    assert vacant_since(never, made, NOW) == made


@pytest.mark.parametrize(
    ("holders", "since"),
    [
        ([], None),
        ([(NOW - 14 * DAY, None)], NOW - 14 * DAY),
        ([(NOW - 13 * DAY, None)], None),
        ([(NOW - 90 * DAY, NOW - 20 * DAY)], NOW - 20 * DAY),
        ([(NOW - 20 * DAY, NOW - 90 * DAY)], NOW - 20 * DAY),  # signed in for another post, long ago
        ([(NOW - 90 * DAY, NOW - DAY)], None),
        ([(NOW - 90 * DAY, NOW - 20 * DAY), (NOW - 90 * DAY, NOW - DAY)], None),
        ([(NOW - 90 * DAY, NOW - 20 * DAY), (NOW - 90 * DAY, None)], NOW - 20 * DAY),
    ],
)
def test_a_post_is_quiet_whose_holders_all_stayed_away_for_two_weeks(
    holders: list[tuple[datetime, datetime | None]], since: datetime | None
) -> None:
    assert quiet_since(holders, NOW) == since


@pytest.mark.parametrize(
    ("tenures", "has_accepted", "ended_at", "state"),
    [
        ([tenure(NOW)], False, None, State.INVITED),
        ([tenure(NOW)], True, None, State.ACTIVE),
        ([tenure(NOW)], True, NOW + DAY, State.ACTIVE),
        ([tenure(NOW - DAY, NOW)], True, None, State.NO_POST),
        ([tenure(NOW + DAY)], True, None, State.NO_POST),
        ([tenure(NOW - DAY, NOW)], True, NOW, State.ENDED),
        ([], False, NOW, State.ENDED),
        ([], False, None, State.INVITED),
    ],
)
def test_the_state_of_an_account(
    tenures: list[Tenure], has_accepted: bool, ended_at: datetime | None, state: State
) -> None:
    assert state_of(tenures, NOW, has_accepted=has_accepted, ended_at=ended_at) is state


def test_who_is_signed_in_acts_in_each_post_that_they_hold() -> None:
    siti = SignedIn(person_id="12", name="Siti", sign_in="siti", session_id="ab", posts=(PUPR, ADMIN))
    assert siti.actors == (in_post("12", PUPR), in_post("12", ADMIN))
    assert [one.who for one in siti.actors] == ["person 12 in post 3", "person 12 in post 4"]


@pytest.mark.parametrize("act", Act)
def test_a_person_without_a_post_may_nothing(act: Act) -> None:
    """They are not the shell's user, who may all."""
    refused = may(by_oneself("12"), act)
    assert refused is not None
    assert refused.code is Code.NO_POST
    assert by_oneself("12").who == "person 12"


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (" Siti@Kota.Example ", "siti@kota.example"),
        ("19800101 200501 2 001", "198001012005012001"),
        ("ＳＩＴＩ", "siti"),
        ("siti rahma", None),
        ("", None),
        ("  ", None),
        ("ab", None),
        ("siti\x00", None),
        ("siti\u202e", None),
        ("x" * 254, "x" * 254),
        ("x" * 255, None),
    ],
)
def test_a_sign_in_name_is_one_however_it_is_typed(typed: str, kept: str | None) -> None:
    assert sign_in_of(typed) == kept


@given(strategies.text(max_size=12) | strategies.text("ßİıſﬀﬃΐᾳΣς\u0345\u0308\u030cÅK", max_size=6))
def test_the_form_of_a_sign_in_name_is_its_own_form(typed: str) -> None:
    """Else who signs in would not be found by what is kept."""
    kept = sign_in_of(typed)
    assert kept is None or sign_in_of(kept) == kept


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("  Siti   Rahma ", "Siti Rahma"), ("", None), (" \n", None), ("Siti\x1b[31m", None), ("x" * 201, None)],
)
def test_a_name_is_printable_and_of_a_length_that_is_shown(typed: str, kept: str | None) -> None:
    assert name_of(typed) == kept


# Sessions and links.


@pytest.mark.parametrize(
    ("age", "is_over"),
    [
        (timedelta(0), False),
        (DAY - SECOND, False),
        (DAY, True),
        (-MINUTE, False),  # the clock was corrected
        (-HOUR, True),  # a wrong clock made it
    ],
)
def test_a_link_lasts_a_day(age: timedelta, is_over: bool) -> None:
    assert sessions.link_is_over(NOW - age, None, NOW) is is_over


@pytest.mark.parametrize(("over_at", "is_over"), [(NOW + SECOND, False), (NOW, True), (NOW - HOUR, True)])
def test_a_link_that_was_mailed_lasts_until_its_own_end(over_at: datetime, is_over: bool) -> None:
    assert sessions.link_is_over(NOW - MINUTE, over_at, NOW) is is_over


@pytest.mark.parametrize(
    ("begun", "seen", "posts", "is_over"),
    [
        (HOUR, MINUTE, [PUPR], False),
        (9 * HOUR, 8 * HOUR - SECOND, [PUPR], False),
        (9 * HOUR, 8 * HOUR, [PUPR], True),
        (9 * HOUR, 8 * HOUR - SECOND, [], False),
        (9 * HOUR, 30 * MINUTE - SECOND, [ADMIN], False),
        (9 * HOUR, 30 * MINUTE, [ADMIN], True),
        (9 * HOUR, 30 * MINUTE, [PUPR, ADMIN], True),
        (7 * DAY - SECOND, MINUTE, [PUPR], False),
        (7 * DAY, MINUTE, [PUPR], True),
        (HOUR, -HOUR, [PUPR], True),
        (-HOUR, -HOUR, [PUPR], True),
    ],
)
def test_a_session_lasts_while_somebody_is_heard_of_and_a_week_at_most(
    begun: timedelta, seen: timedelta, posts: list[Post], is_over: bool
) -> None:
    assert sessions.session_is_over(NOW - begun, NOW - seen, NOW, posts, []) is is_over


@pytest.mark.parametrize(
    ("held", "is_over"),
    [
        (tenure(NOW - DAY, NOW), True),
        (tenure(NOW - DAY, NOW - MINUTE), True),
        (tenure(NOW - DAY, NOW - HOUR), False),  # before the session began
        (tenure(NOW - DAY, NOW + DAY), False),
        (tenure(NOW - DAY), False),
        (tenure(NOW - MINUTE, NOW - MINUTE), False),  # one that never was
    ],
)
def test_a_session_ends_with_a_tenure_of_its_person(held: Tenure, is_over: bool) -> None:
    assert sessions.session_is_over(NOW - HOUR, NOW - MINUTE, NOW, [], [held]) is is_over


# Wrong tries.


def ago(*seconds: float) -> list[datetime]:
    return [NOW - timedelta(seconds=one) for one in seconds]


@pytest.mark.parametrize(
    ("tries", "seconds"),
    [
        ([], 0),
        (ago(0, 0, 0, 0), 0),
        (ago(0, 0, 0, 0, 0), 1),
        (ago(0.5, 1, 1, 1, 1), 1),
        (ago(1, 1, 1, 1, 1), 0),
        (ago(*[0] * 8), 8),
        (ago(*[0] * 500), 60),
        (ago(*[59] * 500), 1),
        (ago(*[60] * 500), 0),
        (ago(*[4000] * 500), 0),
        (ago(*[-4000] * 500), 0),  # noted by a clock that was an hour ahead
        (ago(*[-3] * 8), 5),
    ],
)
def test_each_wrong_try_beyond_the_free_ones_doubles_the_pause_up_to_a_minute(
    tries: list[datetime], seconds: int
) -> None:
    assert sessions.pause(tries, sessions.OF_ACCOUNT, NOW) == seconds


def test_an_address_of_a_whole_city_has_more_free_tries_than_an_account() -> None:
    assert sessions.pause(ago(*[0] * 49), sessions.OF_ADDRESS, NOW) == 0
    assert sessions.pause(ago(*[0] * 50), sessions.OF_ADDRESS, NOW) == 1


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        ("10.1.2.3", "10.1.2.3"),
        ("::ffff:10.1.2.3", "10.1.2.3"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:bbbb::7%eth0", "2001:db8:1:2::/64"),
        (" ::1 ", "::/64"),
        ("unix:", "-"),
        (None, "-"),
        ("", "-"),
    ],
)
def test_tries_are_counted_by_what_one_customer_has_of_addresses(address: str | None, origin: str) -> None:
    assert sessions.origin_of(address) == origin


# Passwords.


@pytest.mark.parametrize(
    "password",
    [
        "password1234",
        "Password12345!",
        "P@ssw0rd2026!",
        "Rahasia12345",
        "r4h4s14-2026",
        "katasandi123",
        "sayangku2010",
        "Semarang-2026",
        "Semarang 2026!!",
        "dinaspupr2026",
        "DinasPUPR#2026",
        "adminadmin12",
        "admin@lapor1",
        "qwertyuiop12",
        "poiuytrewq11",
        "asdfghjkl;'1",
        "1q2w3e4r5t6y",
        "abcdefghijkl",
        "123456789012",
        "198001012005012001",
        "0812-3456-7890",
        "aaaaaaaaaaaa",
        "abababababab",
        "bismillah123",
        "merdeka17081945",
        "November2026",
        "passwordpassword",
        "gantisandi01",
        "aku12345678",
        "!!!!????####",
        "иииииииииииии",
    ],
)
def test_common_passwords_are_refused_with_all_their_kind(password: str) -> None:
    assert is_common(password)


@pytest.mark.parametrize(
    "password",
    [
        "kucing terbang di atas genting",
        "Xk7#vQ2!mZp9",
        "sambal-teri-lezat",
        "tukang becak membaca puisi",
        "garuda sandi cinta sukses bola",
        "wV9tq3Lr8sYb",
        "наш-город-лучше",
    ],
)
def test_what_has_something_of_its_own_is_taken(password: str) -> None:
    assert not is_common(password)
    assert problem(password, "siti@kota.example") is None


def test_the_town_is_common_where_it_is_at_home() -> None:
    here = [
        "Dinas Tata Kota dan Permukiman Kota Bandar Lampung",
        "PT PLN (Persero)",
        "Pemerintah Provinsi Bengkulu",
    ]
    assert towns(here) == {"bandar", "lampung", "bengkulu"}
    for password in ("bengkulu2026", "B3ngkulu-2026", "dinas.bandar.lampung.1"):
        assert not is_common(password)
        refused = problem(password, "siti@kota.example", here)
        assert refused is not None
        assert refused.code is Code.PASSWORD_COMMON
    assert problem("kucing bengkulu terbang", "siti@kota.example", here) is None


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("kucingorang", Code.PASSWORD_TOO_SHORT),
        ("", Code.PASSWORD_TOO_SHORT),
        ("a\u0301" * 6 + "xyzwv", Code.PASSWORD_TOO_SHORT),  # six letters, however they are typed
        ("kucing terbang " * 14, Code.PASSWORD_TOO_LONG),
        ("kucing-Siti@Kota.Example", Code.PASSWORD_HAS_SIGN_IN),
        ("kucing terbang siti", Code.PASSWORD_HAS_SIGN_IN),
        ("kucing terbang SiTi", Code.PASSWORD_HAS_SIGN_IN),
        ("kucing terbang itis", Code.PASSWORD_HAS_SIGN_IN),
        ("kucing terbang s i t i", Code.PASSWORD_HAS_SIGN_IN),
        ("rahasia12345", Code.PASSWORD_COMMON),
    ],
)
def test_a_password_is_refused_for_one_reason(password: str, code: Code) -> None:
    refused = problem(password, "siti@kota.example")
    assert refused is not None
    assert refused.code is code


def test_a_sign_in_name_of_two_letters_forbids_no_word() -> None:
    assert problem("kucing terbang ab", "ab@kota.example") is None


def test_a_long_passphrase_is_taken_up_to_its_limit() -> None:
    assert problem(("kucing terbang " * 14)[:MOST], "siti") is None
