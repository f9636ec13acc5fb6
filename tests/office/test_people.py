"""Accounts, posts, hand-over and signing in, on both databases."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select, text

from lapor_sync.domain.people import Actor, Post, Role, SignedIn, State, of_shell
from lapor_sync.domain.refusals import Code, Refused
from lapor_sync.office import passwords, people
from lapor_sync.store import people as kept
from lapor_sync.store.database import Store
from lapor_sync.store.schema import audit as audit_table
from tests.databases import StillClock

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

    def hand_over(self, from_: str, to: str, on: datetime | None = None, by: Actor = SHELL, **more: Any) -> None:
        place = {"role": Role.OFFICER, "opd": "611", **more}
        people.hand_over_post(self.store, by, from_=from_, to=to, on=on or self.clock.now(), **place)

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
    assert people.invited(city.store, token) == "Siti Rahma"
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
    for again in (lambda: people.accept(city.store, token, OTHER), lambda: people.invited(city.store, token)):
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
        people.invited(city.store, token)
    with refused(Code.LINK_OVER):
        people.accept(city.store, token, PASSWORD)
    assert people.session(city.store, token) is None
    people.leave(city.store, token)


def test_a_link_is_over_after_a_day_also_for_a_clock_that_steps_back(city: City) -> None:
    token = city.invite("siti")
    city.clock.advance(24 * 3600)
    with refused(Code.LINK_OVER):
        people.invited(city.store, token)
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
        people.invited(city.store, link)
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
