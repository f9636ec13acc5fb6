"""Accounts, posts, tenures, hand-over; signing in. Each act is one transaction with its audit row: ids, never names.

Of a session or link the token is with the person alone; here is its hash. Tokens are 256 random bits, so a plain hash
of them is enough; passwords are hashed by `passwords.py`, outside any transaction.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from lapor_sync.domain import people as rules
from lapor_sync.domain import sessions
from lapor_sync.domain.errors import StoreBusy
from lapor_sync.domain.passwords import problem
from lapor_sync.domain.people import Actor, Post, Role, SignedIn, Tenure, by_oneself, posts_held
from lapor_sync.domain.permits import Act, demand
from lapor_sync.domain.refusals import Code, Refused
from lapor_sync.office import passwords
from lapor_sync.office.acting import acting
from lapor_sync.store import channels, drafts, factors, institutions, people, saved_filters
from lapor_sync.store.database import Store, Work
from lapor_sync.store.people import Link, Person, Session

SEEN = timedelta(minutes=1)
"""So often at most is it written down that somebody was heard of: it takes the writer's turn."""

_SEE_WITHIN = 0.2
"""So many seconds at most are waited for that turn: who only looks has no use of it."""


# Accounts.


def invite(
    store: Store,
    actor: Actor,
    *,
    name: str,
    sign_in: str,
    role: Role,
    opd: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> str:
    """Make what is not there of person and post, let the one hold the other from `since` (now) to `until`; a link.

    Somebody who is known by that sign-in name and name is given the post besides those that they hold. The link is
    one-time and lasts 24 hours. Raises Refused.
    """
    with managing(store, actor) as work:
        begin = since or work.now
        if until is not None and until <= begin:
            raise Refused(Code.SPAN_ENDS_FIRST)
        one = _person_named(work, name, sign_in)
        post = _post_for(work, role, opd)
        if any(_covers(held, begin, until) for held in people.tenures(work, person_id=one.id, post_id=post.id)):
            raise Refused(Code.POST_HELD_ALREADY, sign_in=one.sign_in)
        people.begin_tenure(work, one.id, post.id, begin, until)
        people.put_end(work, one.id, None)
        work.note("person_invited", _subject(one.id), post=post.id, since=begin, until=until)
        return _new_link(work, one.id)


def _person_named(work: Work, name: str, sign_in: str) -> Person:
    """The person of that sign-in name, made where nobody has it. Raises Refused where another has."""
    known_as, called = rules.sign_in_of(sign_in), rules.name_of(name)
    if known_as is None:
        raise Refused(Code.SIGN_IN_UNUSABLE, most=rules.LONGEST_SIGN_IN)
    if called is None:
        raise Refused(Code.NAME_UNUSABLE, most=rules.LONGEST_NAME)
    found = people.by_sign_in(work, known_as)
    if found is None:
        people.add(work, name=called, sign_in=known_as)
        return person_of(work, known_as)
    if found.name.casefold() != called.casefold():
        raise Refused(Code.SIGN_IN_TAKEN, sign_in=known_as)
    return found


def _post_for(work: Work, role: Role, opd: str | None) -> Post:
    """The post, made where it is not there. Raises Refused for one that cannot be."""
    where = _place(opd)
    if where is None and role not in rules.OF_THE_CITY:
        raise Refused(Code.POST_NEEDS_OPD, role=role)
    if where is not None and role not in rules.OF_AN_OPD:
        raise Refused(Code.POST_TAKES_NO_OPD, role=role)
    listed = institutions.listed(work)  # empty before the first cycle: then no id can be known
    if where is not None and listed and where not in institutions.names(work):
        raise Refused(Code.OPD_UNKNOWN, given=opd)
    return people.post_of(work, role, where) or people.add_post(work, role, where)


def _place(opd: str | None) -> str | None:
    """The institution's id that was given; None for the whole city. Raises Refused for what can be no id."""
    where = (opd or "").strip()
    if where and not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", where):
        raise Refused(Code.OPD_UNKNOWN, given=opd)
    return where or None


def _covers(held: Tenure, since: datetime, until: datetime | None) -> bool:
    """Whether a tenure gives all of that span already."""
    if held.is_over or held.since > since:
        return False
    return held.until is None or (until is not None and until <= held.until)


def new_link(store: Store, actor: Actor, sign_in: str) -> str:
    """Make a one-time link for a person who has none, or lost the password; those made before end. Raises Refused."""
    with managing(store, actor) as work:
        one = person_of(work, sign_in)
        work.note("link_made", _subject(one.id))
        return _new_link(work, one.id)


def _new_link(work: Work, person_id: str) -> str:
    token = secrets.token_urlsafe(32)
    factors.end_of(work, person_id)  # who began with the link before does not go on
    people.add_link(work, person_id, hash_of(token))
    return token


def invitee(store: Store, token: str) -> Person:
    """Return the person of a link that can be used; one that is seen to be too old is noted. Raises Refused."""
    with store.reading() as work:
        one, found = _of_link(work, token), people.link_of(work, hash_of(token))
    if one is not None:
        return one
    if found is not None and found.ended_at is None:  # nothing is written for what is no link: anybody may ask
        with store.work() as work:
            sweep(work)
    raise Refused(Code.LINK_OVER)


def accept(store: Store, token: str, password: str) -> None:
    """Let the person of a link have this password: ends the link, and every session. Raises Refused."""
    one = invitee(store, token)
    kept = _hashed(store, password, one)
    with store.work(by_oneself(one.id)) as work:
        if _of_link(work, token) is None:  # somebody else was quicker
            raise Refused(Code.LINK_OVER)
        _choose(work, one.id, kept)


def _of_link(work: Work, token: str) -> Person | None:
    """The person of a link that can be used."""
    found = people.link_of(work, hash_of(token))
    return people.get(work, found.person_id) if found is not None and _is_usable(found, work.now) else None


def _is_usable(link: Link, at: datetime) -> bool:
    return link.ended_at is None and not sessions.link_is_over(link.made_at, link.over_at, at)


def change_password(store: Store, signed_in: SignedIn, old: str, new: str) -> None:
    """Let the person have another password: ends every session, this one too, and every link. Raises Refused."""
    with store.reading() as work:
        one = people.get(work, signed_in.person_id)
    if one is None:
        raise Refused(Code.SIGN_IN_WRONG)
    prove_by_password(store, signed_in, old)
    kept = _hashed(store, new, one)
    with store.work(by_oneself(one.id)) as work:
        _choose(work, one.id, kept)


def prove_by_password(store: Store, signed_in: SignedIn, password: str) -> None:
    """Prove once more that it is the person who uses the session. Raises Refused; what is wrong counts there alone."""
    one = _prove(store, signed_in.sign_in, password, f"session {signed_in.session_id}", is_stranger=False)
    with store.work(by_oneself(one.id)) as work:
        _forgive(work, one, f"session {signed_in.session_id}")


def _hashed(store: Store, password: str, one: Person) -> str:
    """The hash of a new password. Raises Refused where it may not be that person's."""
    with store.reading() as work:
        here = institutions.names(work).values()
    if refused := problem(password, one.sign_in, here):
        raise refused
    with passwords.turn():
        return passwords.hashed(password)


def _choose(work: Work, person_id: str, kept: str) -> None:
    people.put_password(work, person_id, kept)
    people.end_links(work, person_id)
    factors.end_of(work, person_id)
    work.note("password_chosen", _subject(person_id), sessions_ended=people.end_sessions(work, person_id))


# Signing in.


def enter(store: Store, sign_in: str, password: str, *, address: str | None) -> str:
    """Return the token of a new session; where the person has a second factor, of one that is half begun (`is_half`).

    Raises Refused: SIGN_IN_WRONG, or SLOW_DOWN after too many wrong tries.
    """
    origin = sessions.origin_of(address)
    one = _prove(store, sign_in, password, origin)
    kept = passwords.renewed(password, one.password or "")
    with store.work(by_oneself(one.id)) as work:
        now = people.get(work, one.id)
        if now is None or now.password != one.password:  # another was chosen in this very moment
            raise Refused(Code.SIGN_IN_WRONG)
        sweep(work)
        if kept != one.password:
            people.put_password(work, one.id, kept)
        wrong = _forgive(work, one, origin) - 1
        return go_on(work, one.id, origin, by="password", wrong_tries=wrong)


HALF = "separuh."
"""How the token of a sign-in begins that is half done."""


def is_half(token: str) -> bool:
    """Return whether a token is of a sign-in that is half done: the second factor is awaited."""
    return token.startswith(HALF)


def go_on(work: Work, person_id: str, origin: str, **how: object) -> str:
    """Return the token by which somebody goes on who is known now: to the second factor, if they have one."""
    if not factors.has_one(work, person_id):
        return begin_session(work, person_id, origin, **how)
    token = HALF + secrets.token_urlsafe(32)
    factors.begin(work, hash_of(token), person_id=person_id, origin=origin)
    return token


def begin_session(work: Work, person_id: str, origin: str, **how: object) -> str:
    """Return the token of a session that begins now; `how` stands in the audit."""
    token, session_id = secrets.token_urlsafe(32), secrets.token_hex(8)
    people.begin_session(work, id=session_id, person_id=person_id, token_hash=hash_of(token), origin=origin)
    factors.prove(work, session_id)
    people.put_last_sign_in(work, person_id)
    work.note("signed_in", _subject(person_id), session=session_id, **how)
    return token


def _prove(store: Store, sign_in: str, password: str, origin: str, *, is_stranger: bool = True) -> Person:
    """The person whose sign-in name and password these are. Raises Refused.

    The try is written down before the password is looked at, so that many at once are counted like one after another.
    For a sign-in name that nobody has, the same is done.
    """
    known_as = rules.sign_in_of(sign_in) or ""
    account = hash_of(known_as)
    with store.reading() as work:
        found = people.by_sign_in(work, known_as)
        refuse_haste(work, found, account, origin)
        if is_stranger:
            refuse_crowd(work, found, origin)
    with passwords.turn():
        with store.work() as work:
            one = people.by_sign_in(work, known_as)
            refuse_haste(work, one, account, origin)
            people.add_try(work, account, origin)
        is_right = passwords.is_right(password[:_TYPED], one.password if one else None)
    if one is None or not is_right:
        raise Refused(Code.SIGN_IN_WRONG)
    return one


_TYPED = 1000
"""No password is longer; to hash what is typed in its place costs nothing then."""


def refuse_haste(
    work: Work, one: Person | None, account: str, origin: str, patience: sessions.Patience = sessions.OF_ACCOUNT
) -> None:
    """Raise Refused where a pause is due before a further try for an account, which that person has, if any."""
    at = work.now
    if _is_familiar(work, one, origin):
        pause = sessions.pause(people.tries(work, account=account, origin=origin), patience, at)
    else:
        pause = max(
            sessions.pause(people.tries(work, account=account), patience, at),
            sessions.pause(people.tries(work, origin=origin), sessions.OF_ADDRESS, at),
        )
    if pause:
        raise Refused(Code.SLOW_DOWN, seconds=pause)


def refuse_crowd(work: Work, one: Person | None, origin: str) -> None:
    """Raise Refused while so many try at once that it is no city's officers; but where the person signed in before."""
    if not _is_familiar(work, one, origin) and people.is_crowded(work, sessions.CROWD, sessions.CROWD_SPAN):
        raise Refused(Code.SIGN_IN_BUSY, seconds=passwords.COME_BACK)


def _is_familiar(work: Work, one: Person | None, origin: str) -> bool:
    return one is not None and people.is_familiar(work, one.id, origin, work.now - sessions.FAMILIAR)


def _forgive(work: Work, one: Person, origin: str) -> int:
    return people.forget_tries(work, account=hash_of(one.sign_in), origin=origin)


def session(store: Store, token: str, look: Work | None = None) -> SignedIn | None:
    """Return who is signed in by that token, with the posts held right now; None where the session is over.

    `look`: where it is looked up, if something else is looked up there, too.
    """
    with store.reading() if look is None else nullcontext(look) as work:
        visit = people.visit_of(work, hash_of(token))
        if visit is None or visit.session.ended_at is not None:
            return None
        found, one = visit.session, visit.person
        at, mine = work.now, people.tenures(work, person_id=one.id)
        posts = posts_held(mine, at)
        names = institutions.names_of(work, {post.opd for post in posts if post.opd})
    if sessions.session_is_over(found.begun_at, found.seen_at, at, posts, mine):
        _end(store, found)
        return None
    if at - found.seen_at >= SEEN:
        _see(store, found)
    return SignedIn(
        person_id=one.id,
        name=one.name,
        sign_in=one.sign_in,
        session_id=found.id,
        posts=posts,
        has_factor=visit.has_factor,
        opd_names=names,
    )


def _see(store: Store, found: Session) -> None:
    """Nobody is shut out, or waits, because the database has much to write: the next look notes it."""
    with suppress(StoreBusy), store.work(patience=_SEE_WITHIN) as work:
        people.see_session(work, found.id)


def _end(store: Store, found: Session) -> None:
    with store.work() as work:
        sweep(work)
        if people.end_session(work, found.id):
            work.note("session_over", _subject(found.person_id), session=found.id)


def leave(store: Store, token: str) -> None:
    """End the session of that token; where it is over already, nothing is done."""
    with store.reading() as work:
        found = people.session_of(work, hash_of(token))
    if found is not None:
        _end_ones_own(store, found.person_id, found.id)


def end_session(store: Store, by: Actor | SignedIn, session_id: str) -> None:
    """End a session, by whom it belongs to or by an admin. Raises Refused: one that is another's is not known."""
    if isinstance(by, SignedIn):
        with store.reading() as work:
            found = people.get_session(work, session_id)
        if found is None or found.person_id != by.person_id:
            raise Refused(Code.SESSION_UNKNOWN)
        _end_ones_own(store, by.person_id, session_id)
        return
    with managing(store, by) as work:
        if not _end_session(work, session_id):
            raise Refused(Code.SESSION_UNKNOWN)


def _end_ones_own(store: Store, person_id: str, session_id: str) -> None:
    with store.work(by_oneself(person_id)) as work:
        _end_session(work, session_id)


def _end_session(work: Work, session_id: str) -> bool:
    found = people.get_session(work, session_id)
    if found is None or not people.end_session(work, session_id):
        return False
    work.note("session_ended", _subject(found.person_id), session=session_id)
    return True


# Posts.


def hand_over_post(
    store: Store,
    actor: Actor,
    *,
    role: Role,
    opd: str | None,
    from_: str,
    to: str,
    on: datetime,
    name: str | None = None,
    keep_work: bool = True,
) -> HandedOver:
    """Let a post pass from one person to another at a moment, now at the earliest: one act, one audit row.

    The predecessor's sessions end with it. Reports and what was written for them are the OPD's and stay with the post;
    `keep_work` tells whether the predecessor's unfinished words go along too. A successor who has no account is given
    one under that name. Until the successor accepts the invitation the post counts as vacant. Raises Refused.
    """
    with managing(store, actor) as work:
        at = max(on, work.now)
        post = people.post_of(work, role, _place(opd))
        if post is None:
            raise Refused(Code.POST_UNKNOWN, role=role, opd=opd)
        before, after = person_of(work, from_), _person_named(work, name, to) if name else person_of(work, to)
        if before.id == after.id:
            raise Refused(Code.SAME_PERSON, sign_in=before.sign_in)
        mine = people.tenures(work, person_id=before.id, post_id=post.id)
        ending = [one for one in mine if one.holds(at) or one.is_to_come(at)]
        if not any(one.holds(at) for one in ending):
            raise Refused(Code.POST_NOT_HELD, sign_in=before.sign_in)
        for one in ending:
            people.end_tenure(work, one, at)
        held = people.tenures(work, person_id=after.id, post_id=post.id)
        if not any(_covers(one, at, None) for one in held):
            people.begin_tenure(work, after.id, post.id, at)
        people.put_end(work, after.id, None)
        if actor.person_id is not None and role is Role.ADMIN:
            _need_an_admin(work, at)
        if keep_work:
            drafts.pass_on(work, before.id, after.id, post.opd, at)
        work.note(
            "post_handed_over",
            f"post {post.id}",
            from_person=before.id,
            to_person=after.id,
            on=at,
            keep_work=keep_work,
            sessions_ended=_end_if_now(work, before.id, at),
        )
        link = None if after.has_accepted or _has_link(work, after.id) else _new_link(work, after.id)
        return HandedOver(post=post, before=before, after=after, at=at, link=link)


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedOver:
    """A post that passed on; `link`: the successor's one-time link, None where they need none or have one."""

    post: Post
    before: Person
    after: Person
    at: datetime
    link: str | None = field(repr=False)


def _has_link(work: Work, person_id: str) -> bool:
    return any(_is_usable(one, work.now) for one in people.open_links(work, person_id))


def end_tenures(store: Store, actor: Actor, sign_in: str, on: datetime) -> None:
    """End every tenure of a person at a moment, now at the earliest. The account stays. Raises Refused."""
    with managing(store, actor) as work:
        at, one = max(on, work.now), person_of(work, sign_in)
        mine = people.tenures(work, person_id=one.id)
        ending = [tenure for tenure in mine if tenure.holds(at) or tenure.is_to_come(at)]
        for tenure in ending:
            people.end_tenure(work, tenure, at)
        people.put_end(work, one.id, at)
        if actor.person_id is not None and any(tenure.post.role is Role.ADMIN for tenure in ending):
            _need_an_admin(work, at)
        ended = _end_if_now(work, one.id, at)
        posts = sorted({tenure.post.id for tenure in ending}, key=int)
        work.note("tenures_ended", _subject(one.id), posts=posts, on=at, sessions_ended=ended)


def forget(store: Store, actor: Actor, sign_in: str) -> str:
    """Erase name, sign-in name, password and whatever else is kept of a person who was ended; the id. Raises Refused.

    The audit and whatever they wrote name them by that id alone, so the chain is proven as before.
    """
    with managing(store, actor) as work:
        one = person_of(work, sign_in)
        if one.ended_at is None or one.ended_at > work.now:
            raise Refused(Code.NOT_ENDED, sign_in=one.sign_in)
        drafts.pass_on_all(work, one.id)
        channels.forget(work, one.id)
        saved_filters.forget(work, one.id)
        people.forget(work, one, hash_of(one.sign_in))
        work.note("person_forgotten", _subject(one.id))
        return one.id


def _end_if_now(work: Work, person_id: str, at: datetime) -> int:
    """End the sessions of who loses a post now; later they end by themselves, with the tenure."""
    return people.end_sessions(work, person_id) if at <= work.now else 0


def _need_an_admin(work: Work, at: datetime) -> None:
    """Raise Refused where nobody who can sign in would be an admin then: the server's shell alone could help."""
    admins = [one for one in people.tenures(work) if one.post.role is Role.ADMIN and one.holds(at)]
    if not any((found := people.get(work, one.person_id)) and found.has_accepted for one in admins):
        raise Refused(Code.LAST_ADMIN)


def moment_of(store: Store, day: date, zone: ZoneInfo) -> datetime:
    """Return when something that is to be on that day begins: today now, later at midnight. Raises Refused."""
    now = store.clock.now()
    today = now.astimezone(zone).date()
    if day < today:
        raise Refused(Code.DAY_IS_OVER, day=day.isoformat())
    return now if day == today else datetime.combine(day, time.min, zone)


def end_of(day: date, zone: ZoneInfo) -> datetime:
    """Return when something ends whose last day that is."""
    return datetime.combine(day + timedelta(days=1), time.min, zone)


# What all use.


@contextmanager
def managing(store: Store, actor: Actor) -> Iterator[Work]:
    """Open a transaction of somebody who may manage people, and holds the post right now. Raises Refused."""
    with acting(store, actor) as work:
        demand(actor, Act.MANAGE_PEOPLE)
        sweep(work)
        yield work


def person_of(work: Work, given: str) -> Person:
    """Return the person of that sign-in name, however it is typed. Raises Refused."""
    found = people.by_sign_in(work, rules.sign_in_of(given) or "")
    if found is None:
        raise Refused(Code.PERSON_UNKNOWN, given=given)
    return found


def sweep(work: Work) -> None:
    """Write down what is over by now."""
    at = work.now
    people.note_what_is_over(
        work,
        links_before=at - sessions.LINK_LASTS,
        links_after=at + sessions.A_SLIP,
        tries_before=at - sessions.FORGOTTEN,
    )
    factors.forget_half(work, at - sessions.HALF_LASTS, at + sessions.A_SLIP)


def _subject(person_id: str) -> str:
    return f"person {person_id}"


def hash_of(secret: str) -> str:
    """Return what is kept of a token or code."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()
