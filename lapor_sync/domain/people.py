"""Who acts: the program itself, a named user of the server's shell, or a person in a post.

Officers are transferred, and what one account could do was lost with its password. So an account is one person's,
and what it may do is what the post may do that the person holds (`permits.py`). A **person** holds a **post** for a
**tenure** (masa jabatan), from a moment until another; tenures are never deleted.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum


class Role(StrEnum):
    """What the holder of a post is there for."""

    OFFICER = "officer"  # pejabat penghubung: answers for an OPD
    ADMIN = "admin"  # admin induk: the city's own, for every OPD
    LEADER = "leader"  # pimpinan: of an OPD or of the city
    INSPECTOR = "inspector"  # Inspektorat: sees everything, changes nothing


OF_AN_OPD = frozenset({Role.OFFICER, Role.LEADER})
"""The roles whose post may be at an OPD; the others are the city's."""

OF_THE_CITY = frozenset({Role.ADMIN, Role.LEADER, Role.INSPECTOR})
"""The roles whose post may be the city's; the others are an OPD's."""


@dataclass(frozen=True, slots=True)
class Post:
    """A role at an institution (jabatan); `opd` is its id at LAPOR, None for the whole city."""

    id: str
    role: Role
    opd: str | None = None


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts right now; `who` is what the audit keeps.

    `post` and `person_id` are None for the program and for the shell's users, `post` alone for a person who holds none.
    """

    who: str
    post: Post | None = None
    person_id: str | None = None


DAEMON = Actor("lapor-sync")
"""The program, where no person acts."""


def of_shell(name: str) -> Actor:
    """Return the user of the server's shell of that name: whoever has the shell has the database, and may all."""
    return Actor(name)


def in_post(person_id: str, post: Post) -> Actor:
    """Return a person in a post. The audit keeps ids, never the name: to forget a person leaves its chain whole."""
    return Actor(f"person {person_id} in post {post.id}", post, person_id)


def by_oneself(person_id: str) -> Actor:
    """Return a person who acts in no post, on what is their own: their password, their sessions."""
    return Actor(f"person {person_id}", None, person_id)


# Second factors.


class FactorKind(StrEnum):
    """What proves, beside the password, that it is the person."""

    TOTP = "totp"  # a code of six digits by the clock. Source: RFC 6238
    PASSKEY = "passkey"  # Source: Web Authentication, level 2


class SecondFactor(StrEnum):
    """Who must have a second factor. Whoever has one is asked for it, whatever is set."""

    NONE = "none"
    ADMIN = "admin"
    ALL = "all"

    def is_due(self, posts: Iterable[Post]) -> bool:
        """Return whether somebody with these posts must have one."""
        if self is SecondFactor.ADMIN:
            return any(post.role is Role.ADMIN for post in posts)
        return self is SecondFactor.ALL


# Accounts.


class State(StrEnum):
    """How it stands with a person's account."""

    INVITED = "invited"  # has not accepted the invitation yet: nobody can sign in
    ACTIVE = "active"  # may sign in, and holds a post
    NO_POST = "no_post"  # may sign in, and holds no post now: transferred, or one begins later
    ENDED = "ended"  # their time here was ended as a whole; may sign in, and holds no post


@dataclass(frozen=True, slots=True)
class Tenure:
    """A person holds a post from `since` on, until `until` if that is known already.

    `is_over` where it was seen to be over: a clock that steps back gives nobody a post again.
    """

    id: str
    person_id: str
    post: Post
    since: datetime
    until: datetime | None = None
    is_over: bool = False

    def holds(self, at: datetime) -> bool:
        """Return whether the post is held at that moment."""
        return not self.is_over and self.since <= at and (self.until is None or at < self.until)

    def is_to_come(self, at: datetime) -> bool:
        """Return whether it begins later, and was not called off before."""
        return not self.is_over and at < self.since and (self.until is None or self.since < self.until)


def posts_held(tenures: Iterable[Tenure], at: datetime) -> tuple[Post, ...]:
    """Return the posts that these tenures give at that moment, each once."""
    return tuple(dict.fromkeys(one.post for one in tenures if one.holds(at)))


def vacant_since(tenures: Iterable[Tenure], made_at: datetime, at: datetime) -> datetime | None:
    """Return since when a post (with these tenures, made then) has no holder; None while it has one.

    A tenure of somebody who has not accepted the invitation yet is none of these: nobody could enter by it.
    """
    known = tuple(tenures)
    if any(one.holds(at) for one in known):
        return None
    ends = (one.until for one in known if one.until is not None and one.since < one.until <= at)
    return max(ends, default=made_at)


QUIET = timedelta(days=14)
"""A post is quiet whose holders did not sign in for so long."""


def quiet_since(holders: Iterable[tuple[datetime, datetime | None]], at: datetime) -> datetime | None:
    """Return since when nobody of a post's holders signed in; None where one did of late, or holds it since of late.

    Of each holder: since when they hold the post, and when they signed in last.
    """
    last = max((max(since, seen or since) for since, seen in holders), default=at)
    return last if at - last >= QUIET else None


def state_of(
    tenures: Iterable[Tenure], at: datetime, *, has_accepted: bool, ended_at: datetime | None = None
) -> State:
    """Return the state of a person with these tenures; `ended_at`: when their time here ends as a whole."""
    if ended_at is not None and ended_at <= at:
        return State.ENDED
    if not has_accepted:
        return State.INVITED
    return State.ACTIVE if posts_held(tenures, at) else State.NO_POST


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """A person whose session goes on, with the posts that they hold right now, and the names of these OPDs by id."""

    person_id: str
    name: str
    sign_in: str
    session_id: str
    posts: tuple[Post, ...]
    has_factor: bool = False
    opd_names: Mapping[str, str] = field(default_factory=dict)

    @property
    def actors(self) -> tuple[Actor, ...]:
        """The person in each of these posts."""
        return tuple(in_post(self.person_id, post) for post in self.posts)


LONGEST_NAME = 200
LONGEST_SIGN_IN = 254  # an e-mail address has no more. Source: RFC 5321, 4.5.3.1.3, without its brackets


def name_of(given: str) -> str | None:
    """Return a person's name as it is kept; None where it can be none."""
    name = " ".join(unicodedata.normalize("NFC", given).split())
    return name if 0 < len(name) <= LONGEST_NAME and name.isprintable() else None


def sign_in_of(given: str) -> str | None:
    """Return a sign-in name (e-mail or NIP) in the one form that is kept and compared; None where it can be none.

    However it is typed: in capitals, or a NIP in groups.
    """
    name = unicodedata.normalize("NFKC", given).strip()
    for _ in range(2):  # the form of a form is itself. Source: Unicode, 3.13, NFKC_Casefold
        name = unicodedata.normalize("NFKC", name.casefold())
    if all(part.isdecimal() for part in name.split()):
        name = "".join(name.split())
    is_whole = len(name.split()) == 1 and name.isprintable()
    return name if is_whole and 3 <= len(name) <= LONGEST_SIGN_IN else None
