"""Notices: what follows from what happened, what is told by the clock, and when. Pure; nothing here sends or stores.

A notice holds counts, Tracking IDs, days and posts, never a citizen's name or word. Its key is unique for the one who
is told, so that the same thing is told once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple

from lapor_sync.domain.delivery import Reason, State
from lapor_sync.domain.people import Post, Role


class NoticeKind(StrEnum):
    """What a notice is about."""

    DIGEST = "digest"  # each working day: what waits
    NEW_REPORT = "new_report"  # a report came to the OPD
    STUCK = "stuck"  # a delivery is held or refused, or a question to a person is open
    SYSTEM = "system"  # LAPOR away or changed, quarantine, backups, disk, holidays: the technical channel's
    POSTS = "posts"  # a post changes hands


CHOSEN = (NoticeKind.DIGEST, NoticeKind.NEW_REPORT, NoticeKind.STUCK, NoticeKind.SYSTEM)
"""What people choose for each of their channels; that a post of theirs changes hands they are told anyway."""

AT_FIRST = frozenset({NoticeKind.DIGEST, NoticeKind.STUCK})
"""What a new channel is told."""


EMAIL = "email"
TECHNICAL = "technical/"
"""How a technical channel's name begins; its place follows, from 0 on."""

_MAIL = re.compile(r"[A-Za-z0-9.!#$'*+=^_`{|}~-]{1,64}@(?=.{4,190}$)[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_OTHER = re.compile(r"[@!#+]?[A-Za-z0-9_.:@-]{1,128}")


def address_of(kind: str, given: str) -> str | None:
    """Return an address as it is kept; None where it is none, or could be two, or an option of a channel."""
    found = given.strip()
    return found if (_MAIL if kind == EMAIL else _OTHER).fullmatch(found) else None


class NoticeState(StrEnum):
    """How it stands with a notice."""

    WAITING = "waiting"  # not sent yet, or surely not taken: it is tried again
    SENDING = "sending"  # it may be on its way right now
    SENT = "sent"  # the channel took it
    IN_DOUBT = "in_doubt"  # it may have arrived: never sent again
    GIVEN_UP = "given_up"  # not taken for a day


# What follows from what happened.


@dataclass(frozen=True, slots=True, kw_only=True)
class To:
    """Who is told: these persons, and whoever holds one of these posts (role, OPD; None: the city's)."""

    persons: frozenset[str] = frozenset()
    posts: frozenset[tuple[Role, str | None]] = frozenset()


ADMINS = frozenset({(Role.ADMIN, None)})


class Happened(NamedTuple):
    """One audit row."""

    seq: int
    at: str
    who: str
    what: str
    subject: str
    facts: Mapping[str, Any]


class Told(NamedTuple):
    """A notice before anybody is chosen for it."""

    kind: NoticeKind
    key: str
    facts: Mapping[str, Any]
    to: To


def follows(one: Happened, writers: Mapping[str, str]) -> Iterator[Told]:
    """Return the notices that follow from an audit row; `writers` says by whom a delivery was written, by reference."""
    match one.what:
        case "colour":
            yield from _new_report(one)
        case "delivery_moved":
            yield from _moved(one, writers)
        case "conflict_opened":
            yield _stuck(one, one.facts.get("kind"), one.facts.get("ref"), writers)
        case "post_handed_over":
            yield from _handed_over(one)
        case "tenures_ended" if one.facts.get("posts"):  # who held none is told nothing
            persons = frozenset({one.subject.removeprefix("person ")})
            facts = {"posts": one.facts["posts"], "on": one.facts.get("on"), "is_ended": True}
            yield Told(NoticeKind.POSTS, f"posts/{one.seq}", facts, To(persons=persons, posts=ADMINS))
        case "contract_changed":
            yield Told(NoticeKind.SYSTEM, f"contract/{one.seq}", one.facts, To(posts=ADMINS))


def _new_report(one: Happened) -> Iterator[Told]:
    opd = one.facts.get("disposed")
    if opd and one.facts.get("waiting_on") == "opd":
        to = To(posts=frozenset({(Role.OFFICER, str(opd))}))
        yield Told(NoticeKind.NEW_REPORT, f"new/{one.seq}", {"report": one.subject, "opd": opd}, to)


def _moved(one: Happened, writers: Mapping[str, str]) -> Iterator[Told]:
    ref, to = one.facts.get("ref"), one.facts.get("to")
    if to == State.REFUSED or (to == State.HELD and not _did_it_themselves(one, writers.get(str(ref), ""))):
        yield _stuck(one, one.facts.get("reason"), ref, writers)


def _did_it_themselves(one: Happened, writer: str) -> bool:
    by = person_of(one.who)
    return one.facts.get("reason") == Reason.BY_PERSON and (by is None or by == person_of(writer))


def _stuck(one: Happened, reason: object, ref: object, writers: Mapping[str, str]) -> Told:
    """A delivery that is held opens a question, too: both are of one moment, and one notice."""
    writer = person_of(writers.get(str(ref), "")) if ref else None
    to = To(persons=frozenset({writer} if writer else ()), posts=ADMINS)
    facts = {"report": one.subject if ref else None, "ref": ref, "reason": reason}
    return Told(NoticeKind.STUCK, f"stuck/{ref or reason}/{one.at}", facts, to)


def _handed_over(one: Happened) -> Iterator[Told]:
    persons = frozenset(str(one.facts[name]) for name in ("from_person", "to_person") if one.facts.get(name))
    facts = {"posts": [one.subject.removeprefix("post ")], "on": one.facts.get("on"), "is_ended": False}
    yield Told(NoticeKind.POSTS, f"posts/{one.seq}", facts, To(persons=persons, posts=ADMINS))


_PERSON = re.compile(r"person (\d+)(?: in post \d+)?")


def person_of(who: str) -> str | None:
    """Return the id of the person that the audit or a delivery names; None for the program and the shell's users."""
    found = _PERSON.fullmatch(who)
    return found[1] if found else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """A channel of a person who may be told: its number, what it is told, the posts that they hold right now."""

    channel: str
    person_id: str
    kinds: frozenset[NoticeKind]
    posts: tuple[Post, ...] = ()

    def hears(self, kind: NoticeKind, to: To) -> bool:
        """Return whether this channel is one that such a notice goes to. Who left is told only that."""
        if kind is NoticeKind.POSTS:
            return self._is_meant(to)
        return bool(self.posts) and kind in self.kinds and self._is_meant(to)

    def _is_meant(self, to: To) -> bool:
        return self.person_id in to.persons or any((post.role, post.opd) in to.posts for post in self.posts)


# The digest.


class Part(StrEnum):
    """The parts of a digest, in their order."""

    OVERDUE = "overdue"  # past their deadline
    TODAY = "today"  # due today
    SOON = "soon"  # due within two working days: tomorrow's merah
    WROTE_AGAIN = "wrote_again"  # the reporter wrote again
    CLOSING = "closing"  # closes by itself soon
    STUCK = "stuck"  # deliveries that are held or refused
    QUESTIONS = "questions"  # what an admin must settle
    LONG_OVERDUE = "long_overdue"  # by three working days and more
    UNATTENDED = "unattended"  # posts that nobody holds, or whose holders stay away


LONG = 3
"""Working days after which a deadline that is over is told to admins and leaders."""

SHOWN = 10
"""So many Tracking IDs of a part are named."""


class Lot(NamedTuple):
    """How many there are (`is_more`: at least), and the most urgent ones by Tracking ID, or in words without names.

    `days`: until when, of those where that is worth a word.
    """

    number: int
    is_more: bool
    ids: tuple[str, ...]
    days: Mapping[str, date] = MappingProxyType({})


UNTIL = "until"
"""In the facts of a digest, beside its parts: the day of each report that has one."""


def digest_of(parts: Mapping[Part, Lot]) -> dict[str, Any] | None:
    """Return the facts of a digest; None where there is nothing to say."""
    found = {
        part.value: [lot.number, lot.is_more, list(lot.ids[:SHOWN])]
        for part in Part
        if (lot := parts.get(part)) is not None and lot.number
    }
    days = {one: lot.days[one].isoformat() for lot in parts.values() for one in lot.ids[:SHOWN] if one in lot.days}
    return {**found, **({UNTIL: days} if days else {})} or None


def digest_is_due(now: datetime, at: time, last: date | None, *, is_working: bool) -> bool:
    """Return whether the digest of the day is to be written: once, on working days, from that time on.

    `now` is in the city's zone. A clock that was ahead for a while costs no digest, and its key lets none be sent twice.
    """
    return is_working and now.time() >= at and last != now.date()


# The technical channel.


class Trouble(StrEnum):
    """What admins are told when it begins and when it ends."""

    AWAY = "away"  # LAPOR has not answered for an hour
    DENIED = "denied"  # the credentials are refused
    QUARANTINE = "quarantine"  # records that cannot be read came in
    NO_BACKUP = "no_backup"
    DISK = "disk"  # nearly full
    HOLIDAYS = "holidays"  # next year's are not known


AWAY_AFTER = timedelta(hours=1)
BACKUP_EVERY = timedelta(days=2)
"""A backup each night leaves room for one that takes long."""
NEARLY_FULL, ROOM_AGAIN = 0.05, 0.1
"""Shares of the disk that are free: less begins the trouble, more ends it."""
HOLIDAYS_BY_MONTH = 12
"""From this month on those of the next year must be known: they are decreed late each year."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How it stands with the program. None for what is not known, or not asked here."""

    outage_since: datetime | None = None
    is_denied: bool = False
    quarantined: int = 0  # records that were put away within a day
    backup_since: datetime | None = None  # the last backup, or since when there should be one
    free: float | None = None  # share of the disk
    next_year_known: bool = True
    month: int = 1


def troubles(seen: Health, told: Iterable[str], now: datetime) -> dict[Trouble, dict[str, Any]]:
    """Return which troubles there are, each with its facts; `told`: those that were there before."""
    found: dict[Trouble, dict[str, Any]] = {}
    if seen.outage_since is not None and seen.is_denied:
        found[Trouble.DENIED] = {"since": seen.outage_since}
    elif seen.outage_since is not None and now - seen.outage_since >= AWAY_AFTER:
        found[Trouble.AWAY] = {"since": seen.outage_since}
    if seen.quarantined:
        found[Trouble.QUARANTINE] = {"count": seen.quarantined}
    if seen.backup_since is not None and now - seen.backup_since > BACKUP_EVERY:
        found[Trouble.NO_BACKUP] = {"since": seen.backup_since}
    enough = ROOM_AGAIN if Trouble.DISK in set(told) else NEARLY_FULL
    if seen.free is not None and seen.free < enough:
        found[Trouble.DISK] = {"percent": round(seen.free * 100)}
    if not seen.next_year_known and seen.month >= HOLIDAYS_BY_MONTH:
        found[Trouble.HOLIDAYS] = {}
    return found


def turns(
    before: Mapping[str, str], there: Mapping[Trouble, Mapping[str, Any]], at: str
) -> tuple[list[Told], dict[str, str]]:
    """Return what is told now, and which troubles are told of from now on, each with when it was.

    `before`: those that were told of. Each is told once when it begins and once when it ends.
    """
    began = [
        Told(NoticeKind.SYSTEM, f"{one}/{at}", {"trouble": one, **facts}, To(posts=ADMINS))
        for one, facts in there.items()
        if one not in before
    ]
    ended = [
        Told(NoticeKind.SYSTEM, f"{one}/{since}/over", {"trouble": one, "over": since}, To(posts=ADMINS))
        for one, since in before.items()
        if one not in there
    ]
    return [*began, *ended], {one.value: before.get(one, at) for one in there}


# When.


BUNDLED = timedelta(minutes=10)
"""Within this what happens goes out together."""
FIRST_PAUSE, LONGEST_PAUSE = 60.0, 3600.0
"""Seconds before what was not taken is tried again: the first time, and at most."""
TRIED_FOR = timedelta(days=1)


def not_before(kind: NoticeKind, now: datetime, last_sent: datetime | None) -> datetime:
    """Return when a notice may leave: at once, or together with what follows where one left just now."""
    if (
        kind is NoticeKind.DIGEST or last_sent is None or last_sent > now
    ):  # a clock that went back holds up nothing
        return now
    return max(now, last_sent + BUNDLED)


def is_due(next_try_at: datetime | None, now: datetime) -> bool:
    """Return whether what waits is tried now; what a clock that was ahead put off is not put off any more."""
    return next_try_at is None or not now < next_try_at <= now + timedelta(seconds=2 * LONGEST_PAUSE)


def is_given_up(made_at: datetime, now: datetime) -> bool:
    """Return whether it was tried for long enough."""
    return now - made_at >= TRIED_FOR
