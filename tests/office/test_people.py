"""Accounts, posts, hand-over and signing in, on both databases."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select, text

from lapor_sync.domain.errors import StoreBusy
from lapor_sync.domain.people import Actor, Post, Role, SignedIn, State, in_post, of_shell
from lapor_sync.domain.refusals import Code, Refused
from lapor_sync.domain.report import Institution
from lapor_sync.office import passwords, people
from lapor_sync.store import audit, channels, institutions
from lapor_sync.store import people as kept
from lapor_sync.store.database import Store
from lapor_sync.store.schema import audit as audit_table
from lapor_sync.store.schema import link, metadata, session
from tests.databases import StillClock
from tests.store.elsewhere import accept, together

SHELL = of_shell("budi")
OFFICE = "10.1.2.3"
ELSEWHERE = "198.51.100.7"
PASSWORD = "kucing terbang di atap"
OTHER = "tukang becak baca puisi"
ZONE = ZoneInfo("Asia/Jakarta")


@contextmanager
def refused(code: Code) -> Iterator[None]:
    with pytest.raises(Refused) as caught:
        yield
    assert caught.value.code is code


@dataclass
class City:
    """The people of a city, as its shell and its pages make them."""

    store: Store
    clock: StillClock

    def invite(
        self, sign_in: str, role: Role = Role.OFFICER, opd: str | None = "611", by: Actor = SHELL, **more: Any
    ) -> str:
        more = {"name": sign_in.title(), **more}
        return people.invite(self.store, by, sign_in=sign_in, role=role, opd=opd, **more)

    def admin(self, sign_in: str = "ayu") -> Actor:
        """An admin with a password."""
        people.accept(self.store, self.invite(sign_in, Role.ADMIN, None), PASSWORD)
        (actor,) = self.signed_in(sign_in).actors
        return actor

    def officer(self, sign_in: str = "siti", opd: str = "611") -> None:
        """An officer with a password."""
        people.accept(self.store, self.invite(sign_in, opd=opd), PASSWORD)

    def enter(self, sign_in: str = "siti", password: str = PASSWORD, address: str = OFFICE) -> str:
        return people.enter(self.store, sign_in, password, address=address)

    def signed_in(self, sign_in: str = "siti") -> SignedIn:
        found = people.session(self.store, self.enter(sign_in))
        assert found is not None
        return found

    def posts(self, token: str) -> list[Post] | None:
        """The posts of a session; None where it is over."""
        found = people.session(self.store, token)
        return None if found is None else list(found.posts)

    def listed(self, sign_in: str = "siti") -> kept.Listed:
        with self.store.reading() as work:
            return next(one for one in kept.listing(work) if one.sign_in == sign_in)

    def post(self, role: Role = Role.OFFICER, opd: str | None = "611") -> kept.PostRow:
        with self.store.reading() as work:
            return next(one for one in kept.posts(work) if (one.post.role, one.post.opd) == (role, opd))

    def hand_over(
        self, from_: str, to: str, on: datetime | None = None, by: Actor = SHELL, **more: Any
    ) -> people.HandedOver:
        place = {"role": Role.OFFICER, "opd": "611", **more}
        return people.hand_over_post(self.store, by, from_=from_, to=to, on=on or self.clock.now(), **place)

    def audit(self, what: str | None = None) -> list[dict[str, Any]]:
        with self.store.reading() as work:
            rows = [
                dict(row) for row in work.conn.execute(select(audit_table).order_by(audit_table.c.seq)).mappings()
            ]
        return [row | {"data": json.loads(row["data"])} for row in rows if what in {None, row["what"]}]


@pytest.fixture
def city(store: Store, clock: StillClock) -> City:
    return City(store, clock)


# An account.


def test_an_invited_person_chooses_a_password_and_signs_in(city: City) -> None:
    token = city.invite("siti", name="Siti Rahma")
    assert people.invitee(city.store, token).name == "Siti Rahma"
    assert city.listed().state is State.INVITED
    people.accept(city.store, token, PASSWORD)
    found = people.session(city.store, city.enter(" SITI "))
    assert found is not None
    assert (found.name, found.sign_in) == ("Siti Rahma", "siti")
    assert [(post.role, post.opd) for post in found.posts] == [(Role.OFFICER, "611")]
    assert city.listed().state is State.ACTIVE
    assert city.listed().last_sign_in_at == city.clock.now()


def test_nobody_signs_in_before_a_password_was_chosen(city: City) -> None:
    city.invite("siti")
    for password in ("", "None", PASSWORD):
        with refused(Code.SIGN_IN_WRONG):
            city.enter("siti", password)


@pytest.mark.parametrize(
    ("sign_in", "password"), [("siti", OTHER), ("sita", PASSWORD), ("", ""), ("s\x00", "\ud800")]
)
def test_a_wrong_name_and_a_wrong_password_are_told_alike(city: City, sign_in: str, password: str) -> None:
    city.officer()
    with refused(Code.SIGN_IN_WRONG):
        city.enter(sign_in, password)


def test_a_link_is_used_once(city: City) -> None:
    token = city.invite("siti")
    people.accept(city.store, token, PASSWORD)
    for again in (lambda: people.accept(city.store, token, OTHER), lambda: people.invitee(city.store, token)):
        with refused(Code.LINK_OVER):
            again()
    assert city.enter()


def test_a_password_that_is_refused_does_not_use_the_link_up(city: City) -> None:
    token = city.invite("siti")
    with refused(Code.PASSWORD_TOO_SHORT):
        people.accept(city.store, token, "pendek")
    people.accept(city.store, token, PASSWORD)


@pytest.mark.parametrize("token", ["", "x", "../etc", "\x00", "\ud800", "x" * 100_000])
def test_what_is_no_token_opens_nothing(city: City, token: str) -> None:
    city.officer()
    with refused(Code.LINK_OVER):
        people.invitee(city.store, token)
    with refused(Code.LINK_OVER):
        people.accept(city.store, token, PASSWORD)
    assert people.session(city.store, token) is None
    people.leave(city.store, token)


def test_a_link_is_over_after_a_day_also_for_a_clock_that_steps_back(city: City) -> None:
    token = city.invite("siti")
    city.clock.advance(24 * 3600)
    with refused(Code.LINK_OVER):
        people.invitee(city.store, token)
    city.clock.advance(-3600)
    with refused(Code.LINK_OVER):
        people.accept(city.store, token, PASSWORD)


def test_what_others_do_notes_that_a_link_is_over(city: City) -> None:
    """Nobody has looked at it meanwhile."""
    token = city.invite("siti")
    city.clock.advance(24 * 3600)
    city.invite("dewi")
    city.clock.advance(-3600)
    with refused(Code.LINK_OVER):
        people.accept(city.store, token, PASSWORD)


def test_a_new_link_ends_the_one_before_and_its_password_every_session(city: City) -> None:
    first = city.invite("siti")
    second = people.new_link(city.store, SHELL, "siti")
    with refused(Code.LINK_OVER):
        people.accept(city.store, first, PASSWORD)
    people.accept(city.store, second, PASSWORD)
    session, third = city.enter(), people.new_link(city.store, SHELL, "siti")
    assert city.posts(session) is not None
    people.accept(city.store, third, OTHER)
    assert city.posts(session) is None
    with refused(Code.SIGN_IN_WRONG):
        city.enter("siti", PASSWORD)
    assert city.enter("siti", OTHER)


def test_a_new_password_ends_every_session_and_link(city: City) -> None:
    city.officer()
    siti, elsewhere = city.signed_in(), city.enter()
    link = people.new_link(city.store, SHELL, "siti")
    with refused(Code.SIGN_IN_WRONG):
        people.change_password(city.store, siti, OTHER, OTHER)
    with refused(Code.PASSWORD_COMMON):
        people.change_password(city.store, siti, PASSWORD, "rahasia12345")
    people.change_password(city.store, siti, PASSWORD, OTHER)
    assert city.posts(elsewhere) is None
    with refused(Code.LINK_OVER):
        people.invitee(city.store, link)
    assert city.enter("siti", OTHER)


def test_only_hashes_of_secrets_are_in_the_database(city: City) -> None:
    city.officer()
    secrets = (people.new_link(city.store, SHELL, "siti"), city.enter(), PASSWORD)
    with city.store.reading() as work:
        found = str(
            [work.conn.execute(text(f"SELECT * FROM {name}")).all() for name in ("person", "session", "link")]
        )
        found += str(work.conn.execute(text("SELECT * FROM audit")).all())
    assert not [secret for secret in secrets if secret in found]


def test_a_hash_of_less_work_is_made_anew_when_its_password_is_given(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    city.officer()
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(time_cost=2, memory_cost=64, parallelism=1))
    city.enter()
    with city.store.reading() as work:
        siti = kept.by_sign_in(work, "siti")
    assert siti is not None
    assert ",t=2," in (siti.password or "")
    assert city.enter()


# The database has two cities.


def test_nothing_of_another_city_is_seen_or_opened(city: City, other_city: Store) -> None:
    token = city.invite("siti")
    with refused(Code.LINK_OVER):
        people.accept(other_city, token, PASSWORD)
    people.accept(city.store, token, PASSWORD)
    siti = city.signed_in()
    session = city.enter()
    assert people.session(other_city, session) is None
    people.leave(other_city, session)
    with refused(Code.SIGN_IN_WRONG):
        people.enter(other_city, "siti", PASSWORD, address=OFFICE)
    with refused(Code.SESSION_UNKNOWN):
        people.end_session(other_city, SHELL, siti.session_id)
    with refused(Code.PERSON_UNKNOWN):
        people.new_link(other_city, SHELL, "siti")
    with refused(Code.SIGN_IN_WRONG):
        people.change_password(other_city, siti, PASSWORD, OTHER)
    with other_city.reading() as work:
        assert (kept.listing(work), kept.posts(work), kept.sessions(work, siti.person_id), kept.names(work)) == (
            (),
            (),
            (),
            {},
        )
        assert kept.count(work) == 0
    people.invite(other_city, SHELL, name="Siti Lain", sign_in="siti", role=Role.OFFICER, opd="611")
    assert city.posts(session) is not None
    with city.store.reading() as work:
        assert list(kept.names(work).values()) == ["Siti"]


# Sessions.


def test_a_session_ends_by_hand_and_only_the_one_that_was_left(city: City) -> None:
    city.officer()
    here, there = city.enter(), city.enter()
    people.leave(city.store, here)
    people.leave(city.store, here)
    assert city.posts(here) is None
    assert city.posts(there) is not None
    assert len(city.audit("session_ended")) == 1


@pytest.mark.parametrize(("role", "opd", "idle"), [(Role.OFFICER, "611", 8 * 3600), (Role.ADMIN, None, 30 * 60)])
def test_a_session_is_over_when_nobody_was_heard_of(city: City, role: Role, opd: str | None, idle: int) -> None:
    people.accept(city.store, city.invite("siti", role, opd), PASSWORD)
    kept_on, left_alone = city.enter(), city.enter()
    city.clock.advance(idle - 60)
    assert city.posts(kept_on) is not None
    city.clock.advance(60)
    assert city.posts(kept_on) is not None
    assert city.posts(left_alone) is None


def test_a_session_lasts_a_week_at_most(city: City) -> None:
    city.officer()
    token = city.enter()
    for _ in range(27):
        city.clock.advance(6 * 3600)
        assert city.posts(token) is not None
    city.clock.advance(6 * 3600)
    assert city.posts(token) is None


def test_that_somebody_is_heard_of_is_written_once_a_minute(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    city.officer()
    token, written = city.enter(), 0
    real = kept.see_session

    def counted(*given: Any) -> None:
        nonlocal written
        written += 1
        real(*given)

    monkeypatch.setattr(kept, "see_session", counted)
    for _ in range(12):
        city.clock.advance(10)
        assert city.posts(token) is not None
    assert written == 2


def test_a_database_that_has_much_to_write_shuts_nobody_out(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    city.officer()
    token = city.enter()
    city.clock.advance(120)

    def busy(*_: object) -> None:
        raise StoreBusy("Another program keeps the database locked.")

    monkeypatch.setattr(kept, "see_session", busy)
    assert city.posts(token) is not None


def test_a_session_that_was_over_stays_over_when_the_clock_steps_back(city: City) -> None:
    city.officer()
    token = city.enter()
    city.clock.advance(8 * 3600)
    assert city.posts(token) is None
    city.clock.advance(-4 * 3600)
    assert city.posts(token) is None


def test_a_session_does_not_live_on_by_a_clock_that_was_set_back(city: City) -> None:
    """Else it would last as much longer as the clock was set back."""
    city.officer()
    token = city.enter()
    city.clock.advance(-3600)
    assert city.posts(token) is None
    city.clock.advance(3600)
    assert city.posts(token) is None


def test_a_clock_that_is_corrected_by_a_little_ends_nothing(city: City) -> None:
    city.officer()
    token, link = city.enter(), people.new_link(city.store, SHELL, "siti")
    city.clock.advance(-30)
    city.invite("dewi")
    assert city.posts(token) is not None
    assert people.invitee(city.store, link).name == "Siti"


def test_sessions_are_ended_by_their_owner_and_by_an_admin_and_by_nobody_else(city: City) -> None:
    city.officer()
    city.officer("dewi")
    siti, dewi, ayu = city.signed_in(), city.signed_in("dewi"), city.admin()
    with city.store.reading() as work:
        (mine,) = kept.sessions(work, siti.person_id)
    assert (mine.id, mine.origin) == (siti.session_id, OFFICE)
    for by, code in ((dewi, Code.SESSION_UNKNOWN), (dewi.actors[0], Code.NOT_THE_POSTS)):
        with refused(code):
            people.end_session(city.store, by, siti.session_id)
    people.end_session(city.store, ayu, siti.session_id)
    people.end_session(city.store, dewi, dewi.session_id)
    people.end_session(city.store, dewi, dewi.session_id)
    for gone in (siti.session_id, "nothing", "\x00"):
        with refused(Code.SESSION_UNKNOWN):
            people.end_session(city.store, ayu, gone)
    with city.store.reading() as work:
        assert kept.sessions(work, siti.person_id) == kept.sessions(work, dewi.person_id) == ()


# Wrong tries.


def wrong(city: City, times: int, sign_in: str = "siti", address: str = ELSEWHERE) -> int:
    """So many wrong tries, each as soon as it is taken; how many seconds they took in all."""
    begun = city.clock.now()
    for _ in range(times):
        while True:
            try:
                city.enter(sign_in, OTHER, address)
            except Refused as error:
                if error.code is Code.SIGN_IN_WRONG:
                    break
                city.clock.advance(int(str(error.facts["seconds"])))
    return round((city.clock.now() - begun).total_seconds())


def test_wrong_tries_slow_down_and_the_right_password_is_not_even_looked_at(city: City) -> None:
    city.officer()
    assert wrong(city, 5) == 0
    with refused(Code.SLOW_DOWN):
        city.enter(address=ELSEWHERE)
    city.clock.advance(1)
    assert city.enter(address=ELSEWHERE)
    assert wrong(city, 5) == 0  # a right one makes an end of it


def test_an_account_is_slowed_down_however_many_addresses_try(city: City) -> None:
    city.officer()
    for number in range(5):
        wrong(city, 1, address=f"198.51.100.{number}")
    with refused(Code.SLOW_DOWN):
        city.enter(address="198.51.100.9")


def test_the_longest_pause_is_a_minute_so_nobody_is_locked_out(city: City) -> None:
    city.officer()
    wrong(city, 20)
    city.clock.advance(60)
    assert city.enter(address=ELSEWHERE)


def test_a_stranger_who_knows_the_sign_in_name_keeps_no_officer_out(city: City) -> None:
    """The officer comes from where they have come from before."""
    city.officer()
    city.enter()
    wrong(city, 20)
    assert city.enter()


def test_one_who_mistypes_slows_down_no_colleague_behind_the_same_address(city: City) -> None:
    """Neither one who is known there, nor one who comes for the first time."""
    city.officer()
    city.officer("dewi")
    city.enter("dewi")
    wrong(city, 20, "siti", OFFICE)
    assert city.enter("dewi")
    city.officer("rina")
    assert city.enter("rina")


def test_many_sign_in_names_tried_from_one_address_are_slowed_down(city: City) -> None:
    city.officer()
    city.enter()
    for number in range(50):
        wrong(city, 1, f"nobody-{number}")
    with refused(Code.SLOW_DOWN):
        city.enter(address=ELSEWHERE)
    with refused(Code.SLOW_DOWN):
        city.enter("nobody-50", address=ELSEWHERE)
    assert city.enter()


def test_nobody_learns_by_the_pauses_which_sign_in_names_there_are(city: City) -> None:
    city.officer()
    assert wrong(city, 9, "siti") == wrong(city, 9, "nobody", "198.51.100.8")


def test_tries_at_once_are_counted_like_one_after_another(city: City) -> None:
    city.officer()
    told: list[Code] = []

    def guess() -> None:
        try:
            city.enter(password=OTHER, address=ELSEWHERE)
        except Refused as error:
            told.append(error.code)

    threads = [threading.Thread(target=guess) for _ in range(12)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert (told.count(Code.SIGN_IN_WRONG), told.count(Code.SLOW_DOWN)) == (5, 7)


def test_a_stolen_session_guesses_no_password_quickly(city: City) -> None:
    city.officer()
    siti = city.signed_in()
    for _ in range(5):
        with refused(Code.SIGN_IN_WRONG):
            people.change_password(city.store, siti, OTHER, OTHER)
    with refused(Code.SLOW_DOWN):
        people.change_password(city.store, siti, PASSWORD, OTHER)


def test_tries_are_forgotten_and_a_sign_in_says_how_many_were_wrong(city: City) -> None:
    city.officer()
    wrong(city, 3, address=OFFICE)
    city.enter()
    wrong(city, 4)
    assert [row["data"]["wrong_tries"] for row in city.audit("signed_in")] == [3]
    city.clock.advance(3601)
    city.enter()
    with city.store.reading() as work:
        assert kept.tries(work) == ()


def test_who_gets_no_turn_to_be_hashed_is_asked_to_come_back(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    city.officer()
    monkeypatch.setattr(passwords, "PATIENCE", 0.01)
    with passwords.turn(), refused(Code.SIGN_IN_BUSY):
        city.enter()
    assert city.enter()


def test_a_crowd_of_strangers_costs_no_hash_and_keeps_nobody_out_who_is_known(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    city.officer()
    city.enter()
    with city.store.work() as work:
        for number in range(101):
            kept.add_try(work, f"account {number}", f"10.9.0.{number}")
    looked: list[str | None] = []
    is_right = passwords.is_right

    def looks(given: str, of: str | None) -> bool:
        looked.append(of)
        return is_right(given, of)

    monkeypatch.setattr(passwords, "is_right", looks)
    for name in ("siti", "nobody@kota.example"):
        with refused(Code.SIGN_IN_BUSY):
            people.enter(city.store, name, PASSWORD, address="10.9.9.9")
    assert looked == []
    assert city.enter()
    city.clock.advance(11)
    with refused(Code.SIGN_IN_WRONG):
        people.enter(city.store, "nobody@kota.example", PASSWORD, address="10.9.9.9")


# Posts.


def test_a_hand_over_from_the_invitation_to_the_predecessor_s_locked_door(city: City) -> None:
    """The whole story: Siti is transferred, Dewi comes."""
    ayu = city.admin()
    people.accept(city.store, city.invite("siti", by=ayu), PASSWORD)
    siti = city.enter()
    assert city.posts(siti) == [city.post().post]

    people.accept(city.store, city.invite("dewi", Role.OFFICER, "612", by=ayu), OTHER)
    dewi = city.enter("dewi", OTHER)
    before = len(city.audit())
    city.hand_over("siti", "dewi", by=ayu)

    assert city.posts(siti) is None  # the door is locked while she looks at the page
    assert city.posts(city.enter()) == []  # and she may come in again, and is told that she holds no post
    assert city.listed().state is State.NO_POST
    assert [post.opd for post in city.posts(dewi) or ()] == ["612", "611"]
    assert [one.sign_in for one in city.post().holders] == ["dewi"]

    (row,) = city.audit("post_handed_over")
    assert len(city.audit()) == before + 2  # Siti's new sign-in is the other
    assert row["who"] == ayu.who
    assert row["data"]["sessions_ended"] == 1
    assert "siti" not in str(row).lower()
    with city.store.reading() as work:
        audit.verify(work.conn, work.agency)
        assert len(kept.tenures(work, post_id=city.post().post.id)) == 2


def test_a_successor_without_an_account_is_invited_by_the_hand_over_itself(city: City) -> None:
    """One act: and the post counts as vacant until the invitation is accepted, so that nobody overlooks it."""
    city.officer()
    city.clock.advance(60)
    done = city.hand_over("siti", "dewi", name="Dewi Anggraini")
    assert done.link is not None
    assert (done.before.name, done.after.name) == ("Siti", "Dewi Anggraini")
    assert city.post().vacant_since == city.clock.now()
    assert [(one.sign_in, one.has_accepted) for one in city.post().holders] == [("dewi", False)]
    people.accept(city.store, done.link, OTHER)
    assert city.post().vacant_since is None
    assert [post.opd for post in city.posts(city.enter("dewi", OTHER)) or ()] == ["611"]


def test_a_link_that_the_successor_has_goes_on(city: City) -> None:
    city.officer()
    link = city.invite("dewi", opd="612")
    assert city.hand_over("siti", "dewi").link is None
    people.accept(city.store, link, OTHER)
    city.clock.advance(25 * 3600)
    assert city.hand_over("dewi", "siti").link is None  # who can sign in needs none
    city.invite("rina", opd="613")
    city.clock.advance(25 * 3600)
    assert city.hand_over("siti", "rina").link is not None


def test_the_last_admin_hands_the_post_over_only_to_somebody_who_can_enter(city: City) -> None:
    ayu = city.admin()
    link = city.invite("sari", opd="612")
    with refused(Code.LAST_ADMIN):
        city.hand_over("ayu", "sari", role=Role.ADMIN, opd=None, by=ayu)
    people.accept(city.store, link, OTHER)
    city.hand_over("ayu", "sari", role=Role.ADMIN, opd=None, by=ayu)
    assert city.post(Role.ADMIN, None).vacant_since is None


def test_a_hand_over_on_a_day_to_come_lets_both_doors_change_on_that_day(city: City) -> None:
    city.officer()
    city.officer("dewi", "612")
    siti, dewi = city.enter(), city.enter("dewi")
    day = people.moment_of(city.store, date(2026, 3, 5), ZONE)
    city.hand_over("siti", "dewi", day)
    assert city.posts(siti) == [city.post().post]
    assert [one.sign_in for one in city.post().to_come] == ["dewi"]
    city.clock.at = day - timedelta(hours=1)
    siti, dewi = city.enter(), city.enter("dewi")
    assert city.posts(siti)
    city.clock.at = day
    assert city.posts(siti) is None
    assert [post.opd for post in city.posts(dewi) or ()] == ["612", "611"]


def test_a_post_that_was_handed_over_does_not_come_back_with_a_clock_that_steps_back(city: City) -> None:
    city.officer()
    city.officer("dewi", "612")
    city.hand_over("siti", "dewi")
    city.clock.advance(-1800)
    assert city.posts(city.enter()) == []


def test_a_successor_who_is_invited_for_that_day_holds_the_post_once(city: City) -> None:
    city.officer()
    city.invite("dewi", since=city.clock.now() + timedelta(days=3))
    city.hand_over("siti", "dewi", city.clock.now() + timedelta(days=3))
    city.clock.advance(3 * 86400)
    assert [one.sign_in for one in city.post().holders] == ["dewi"]
    with city.store.reading() as work:
        assert len(kept.tenures(work, post_id=city.post().post.id)) == 2


def test_a_hand_over_is_set_right_by_another_one(city: City) -> None:
    """The successor of a day to come was the wrong one, and never begins."""
    for sign_in, opd in (("siti", "611"), ("dewi", "612"), ("rina", "613")):
        city.officer(sign_in, opd)
    later = city.clock.now() + timedelta(days=3)
    city.hand_over("siti", "dewi", later)
    city.hand_over("dewi", "rina", later)
    assert [one.sign_in for one in city.post().to_come] == ["rina"]
    assert [one.sign_in for one in city.post().holders] == ["siti"]


def test_who_stands_in_for_somebody_holds_the_post_between_two_days(city: City) -> None:
    """Plt. while the holder is on leave."""
    city.officer()
    begin, end = city.clock.now() + timedelta(days=2), city.clock.now() + timedelta(days=9)
    people.accept(city.store, city.invite("dewi", since=begin, until=end), PASSWORD)
    assert city.listed("dewi").state is State.NO_POST
    assert city.listed("dewi").posts[0].is_to_come
    city.clock.at = begin
    dewi = city.enter("dewi")
    assert city.posts(dewi)
    city.clock.at = end - timedelta(hours=1)
    dewi = city.enter("dewi")
    city.clock.at = end
    assert city.posts(dewi) is None
    assert city.listed("dewi").posts == ()
    assert [one.sign_in for one in city.post().holders] == ["siti"]


def test_who_leaves_holds_nothing_and_the_post_is_vacant(city: City) -> None:
    city.officer()
    city.invite("siti", Role.LEADER)
    city.invite("siti", Role.OFFICER, "612", since=city.clock.now() + timedelta(days=9))
    token = city.enter()
    city.clock.advance(60)
    people.end_tenures(city.store, SHELL, "Siti", city.clock.now())
    assert city.posts(token) is None
    assert city.posts(city.enter()) == []
    assert (city.listed().state, city.listed().posts) == (State.ENDED, ())
    assert city.post().vacant_since == city.clock.now()
    city.clock.advance(10 * 86400)
    assert city.listed().posts == ()
    (row,) = city.audit("tenures_ended")
    assert len(row["data"]["posts"]) == 3
    city.invite("siti")  # and they may come back
    assert city.listed().state is State.ACTIVE


def test_who_leaves_on_a_day_to_come_holds_the_post_until_then(city: City) -> None:
    city.officer()
    token = city.enter()
    people.end_tenures(city.store, SHELL, "siti", city.clock.now() + timedelta(hours=5))
    assert city.posts(token)
    assert city.listed().state is State.ACTIVE
    city.clock.advance(5 * 3600)
    assert city.posts(token) is None
    assert city.listed().state is State.ENDED


def test_a_moment_that_is_over_is_taken_for_now(city: City) -> None:
    """What was done until now was done by who held the post."""
    city.officer()
    city.officer("dewi", "612")
    city.clock.advance(86400)
    city.hand_over("siti", "dewi", city.clock.now() - timedelta(hours=12))
    with city.store.reading() as work:
        siti, dewi = kept.tenures(work, post_id=city.post().post.id)
    assert siti.until == dewi.since == city.clock.now()


def test_a_day_is_the_city_s(city: City) -> None:
    """It is ten in the morning of 2 March in Jakarta."""
    assert people.moment_of(city.store, date(2026, 3, 2), ZONE) == city.clock.now()
    assert people.moment_of(city.store, date(2026, 3, 3), ZONE) == datetime(2026, 3, 2, 17, tzinfo=UTC)
    assert people.end_of(date(2026, 3, 2), ZONE) == datetime(2026, 3, 2, 17, tzinfo=UTC)
    with refused(Code.DAY_IS_OVER):
        people.moment_of(city.store, date(2026, 3, 1), ZONE)


# What is refused.


def test_what_cannot_be_a_person_or_a_post_is_refused_and_nothing_is_made(city: City) -> None:
    with city.store.work() as work:
        institutions.replace_all(work, [Institution(id="611", name="Dinas PUPR")])
    cannot_be: tuple[tuple[Code, dict[str, Any]], ...] = (
        (Code.SIGN_IN_UNUSABLE, {"sign_in": "siti rahma"}),
        (Code.NAME_UNUSABLE, {"name": "\x1b[2J"}),
        (Code.POST_NEEDS_OPD, {"opd": None}),
        (Code.POST_NEEDS_OPD, {"opd": " "}),
        (Code.POST_TAKES_NO_OPD, {"role": Role.ADMIN}),
        (Code.POST_TAKES_NO_OPD, {"role": Role.INSPECTOR}),
        (Code.OPD_UNKNOWN, {"opd": "612"}),
        (Code.OPD_UNKNOWN, {"opd": "\x00"}),
        (Code.SPAN_ENDS_FIRST, {"until": city.clock.now()}),
    )
    for code, given in cannot_be:
        with refused(code):
            city.invite(**{"sign_in": "siti", **given})
    with city.store.reading() as work:
        assert (kept.listing(work), kept.posts(work)) == ((), ())
    assert city.audit() == []
    city.invite("siti")
    with refused(Code.SIGN_IN_TAKEN):
        city.invite("SITI", name="Siti Lain", opd="611", role=Role.LEADER)
    with refused(Code.POST_HELD_ALREADY):
        city.invite("siti")
    with refused(Code.POST_HELD_ALREADY):
        city.invite("siti", until=city.clock.now() + timedelta(days=1))


def test_a_hand_over_that_cannot_be_is_refused(city: City) -> None:
    city.officer()
    city.officer("dewi", "612")
    cannot_be: tuple[tuple[Code, str, str, dict[str, Any]], ...] = (
        (Code.POST_UNKNOWN, "siti", "dewi", {"opd": "613"}),
        (Code.POST_UNKNOWN, "siti", "dewi", {"role": Role.LEADER}),
        (Code.OPD_UNKNOWN, "siti", "dewi", {"opd": "6 1 1"}),
        (Code.PERSON_UNKNOWN, "nobody", "dewi", {}),
        (Code.PERSON_UNKNOWN, "siti", "nobody", {}),
        (Code.SAME_PERSON, "siti", "SITI", {}),
        (Code.POST_NOT_HELD, "dewi", "siti", {}),
    )
    for code, from_, to, more in cannot_be:
        with refused(code):
            city.hand_over(from_, to, **more)
    city.hand_over("siti", "dewi")
    with refused(Code.POST_NOT_HELD):
        city.hand_over("siti", "dewi")
    assert len(city.audit("post_handed_over")) == 1


@pytest.mark.parametrize("role", [Role.OFFICER, Role.LEADER, Role.INSPECTOR])
def test_only_an_admin_manages_people(city: City, role: Role) -> None:
    opd = "611" if role is Role.OFFICER else None
    people.accept(city.store, city.invite("siti", role, opd), PASSWORD)
    city.officer("dewi", "612")
    (siti,) = city.signed_in().actors
    for act in (
        lambda: city.invite("rina", by=siti),
        lambda: people.new_link(city.store, siti, "dewi"),
        lambda: city.hand_over("dewi", "siti", opd="612", by=siti),
        lambda: people.end_tenures(city.store, siti, "dewi", city.clock.now()),
    ):
        with refused(Code.NOT_THE_POSTS):
            act()


def test_an_admin_who_is_one_no_more_manages_nobody(city: City) -> None:
    """Also where the page was drawn while they were."""
    ayu = city.admin()
    people.end_tenures(city.store, SHELL, "ayu", city.clock.now())
    with refused(Code.NO_POST):
        city.invite("siti", by=ayu)
    forged = in_post(str(ayu.person_id), Post("99", Role.ADMIN))
    with refused(Code.NO_POST):
        city.invite("siti", by=forged)


def test_the_last_admin_is_not_ended_from_a_page(city: City) -> None:
    """One who was invited and has no password yet could let nobody in. The server's shell may."""
    ayu = city.admin()
    token = city.invite("sari", Role.ADMIN, None)
    with refused(Code.LAST_ADMIN):
        people.end_tenures(city.store, ayu, "ayu", city.clock.now())
    people.accept(city.store, token, PASSWORD)
    people.end_tenures(city.store, ayu, "ayu", city.clock.now())
    people.end_tenures(city.store, SHELL, "sari", city.clock.now())
    assert city.post(Role.ADMIN, None).holders == ()


def test_an_admin_for_a_while_ends_an_officer_later_than_that(city: City) -> None:
    people.accept(
        city.store,
        city.invite("ayu", Role.ADMIN, None, until=city.clock.now() + timedelta(days=2)),
        PASSWORD,
    )
    (ayu,) = city.signed_in("ayu").actors
    city.officer()
    people.end_tenures(city.store, ayu, "siti", city.clock.now() + timedelta(days=9))
    assert city.listed().posts[0].until == city.clock.now() + timedelta(days=9)


def test_what_is_no_link_writes_nothing(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    """Anybody may ask, and the daemon waits for whoever writes."""

    def written(*_: object, **__: object) -> None:
        pytest.fail("a write transaction")

    token = city.invite("siti")
    people.accept(city.store, token, PASSWORD)
    monkeypatch.setattr(city.store, "work", written)
    for asked in (token, "x"):
        with refused(Code.LINK_OVER):
            people.invitee(city.store, asked)
        assert people.session(city.store, asked) is None


def test_a_list_of_sessions_has_none_that_is_over_by_its_age(city: City) -> None:
    city.officer()
    siti = city.signed_in()
    city.clock.advance(8 * 3600)
    with city.store.reading() as work:
        assert kept.sessions(work, siti.person_id) == ()


def test_the_audit_names_nobody(city: City) -> None:
    ayu = city.admin()
    people.accept(city.store, city.invite("siti", name="Siti Rahma", by=ayu), PASSWORD)
    people.accept(city.store, city.invite("dewi", name="Dewi Lestari", opd="612", by=ayu), PASSWORD)
    people.change_password(city.store, city.signed_in(), PASSWORD, OTHER)
    city.hand_over("siti", "dewi", by=ayu)
    people.new_link(city.store, ayu, "siti")
    people.end_session(city.store, ayu, city.signed_in("dewi").session_id)
    people.leave(city.store, city.enter("dewi"))
    people.end_tenures(city.store, ayu, "dewi", city.clock.now())
    rows = city.audit()
    assert {row["what"] for row in rows} == {
        "person_invited",
        "password_chosen",
        "signed_in",
        "post_handed_over",
        "link_made",
        "session_ended",
        "tenures_ended",
    }
    said = json.dumps(rows).lower()
    assert not [name for name in ("siti", "dewi", "rahma", "lestari", "ayu") if name in said]


# At once, and after a restore.


def test_of_two_processes_that_accept_a_link_at_once_one_wins(city: City, url: str) -> None:
    city.clock.at = datetime.now(UTC)
    token = city.invite("siti")
    told = together(accept, *((url, token, password) for password in (PASSWORD, OTHER)))
    assert sorted(told) == ["link_over", "taken"]
    won = PASSWORD if told[0] == "taken" else OTHER
    assert city.enter(password=won)
    with refused(Code.SIGN_IN_WRONG):
        city.enter(password=OTHER if won == PASSWORD else PASSWORD)
    assert len(city.audit("password_chosen")) == 1


def test_old_sessions_are_forgotten(city: City) -> None:
    city.officer()
    city.enter()
    with city.store.work() as work:
        assert kept.forget_sessions(work, city.clock.now()) == 0
        assert kept.forget_sessions(work, city.clock.now() + timedelta(seconds=1)) == 1
    with city.store.reading() as work:
        assert work.conn.execute(select(session)).all() == []
        assert len(work.conn.execute(select(link)).all()) == 1


# Forgetting.


def test_a_person_who_left_is_forgotten_and_the_chain_stays_whole(city: City) -> None:
    """Name, sign-in name, password, addresses and factors are nowhere any more; what they did is person N's."""
    city.officer("siti@kota.example")
    person = city.signed_in("siti@kota.example").person_id
    with city.store.work() as work:
        channels.add(work, person, "email", "siti@kota.example", ())
    with city.store.reading() as work:
        posts = kept.tenures(work, person_id=person)
    with refused(Code.NOT_ENDED):
        people.forget(city.store, SHELL, "siti@kota.example")
    people.end_tenures(city.store, SHELL, "siti@kota.example", city.store.clock.now())

    assert people.forget(city.store, SHELL, "Siti@Kota.example") == person

    with city.store.engine.connect() as conn:
        everything = str([conn.execute(table.select()).all() for table in metadata.sorted_tables])
    assert [word for word in ("siti@kota", "Siti@Kota", OFFICE, "$argon2id") if word in everything] == []
    with city.store.reading() as work:
        assert kept.names(work) == {person: kept.FORGOTTEN}
        (after,) = kept.tenures(work, person_id=person)
        assert (after.since, after.post) == (posts[0].since, posts[0].post)
        rows = list(audit.rows(work.conn, work.agency))
        audit.verify(work.conn, work.agency)
    assert [row["what"] for row in rows][-1] == "person_forgotten"
    for typed in ("siti@kota.example", f"person {person}", f"person{person}"):
        with refused(Code.PERSON_UNKNOWN):
            people.new_link(city.store, SHELL, typed)
    with refused(Code.SIGN_IN_WRONG):
        city.enter("siti@kota.example")
    city.officer("siti@kota.example")
    assert city.signed_in("siti@kota.example").person_id != person
