"""Accounts, posts, tenures, sessions, one-time links and tries to sign in. Each of one agency; of secrets the hash."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from types import SimpleNamespace
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)

from lapor_sync.domain.people import Post, Role, State, Tenure, posts_held, state_of, vacant_since
from lapor_sync.domain.sessions import session_is_over
from lapor_sync.store import factors, institutions
from lapor_sync.store.database import Work
from lapor_sync.store.schema import factor, link, person, post, session, sign_in_try, tenure
from lapor_sync.store.times import from_text, to_text

# People.


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """An account. `password` is its hash, None until one was chosen."""

    id: str
    name: str
    sign_in: str
    password: str | None
    made_at: datetime
    last_sign_in_at: datetime | None
    ended_at: datetime | None
    has_sign_on: bool = False

    @property
    def has_accepted(self) -> bool:
        """Whether the person took the invitation: by a password, or by the city's single sign-on."""
        return self.password is not None or self.last_sign_in_at is not None


def by_sign_in(work: Work, sign_in: str) -> Person | None:
    """Return the person of that sign-in name, as `domain.people.sign_in_of` writes it."""
    return _person(work, person.c.sign_in == sign_in)


def by_sign_on(work: Work, subject: str) -> Person | None:
    """Return the person who is that one to the city's single sign-on."""
    return _person(work, person.c.sign_on == subject)


def put_sign_on(work: Work, person_id: str, subject: str) -> None:
    """Let the person be that one to the city's single sign-on."""
    _put(work, person_id, sign_on=subject)


def get(work: Work, person_id: str) -> Person | None:
    """Return the person of that id."""
    return _person(work, person.c.id == number_of(person_id))


def _person(work: Work, which: ColumnElement[bool]) -> Person | None:
    row = work.conn.execute(select(person).where(person.c.agency == work.agency, which)).first()
    return _as_person(row) if row else None


def _as_person(row: Any) -> Person:
    return Person(
        id=str(row.id),
        name=row.name,
        sign_in=row.sign_in,
        password=row.password,
        made_at=from_text(row.made_at),
        last_sign_in_at=from_text(row.last_sign_in_at),
        ended_at=from_text(row.ended_at),
        has_sign_on=row.sign_on is not None,
    )


def number_of(given_id: str) -> int:
    """Return the number of an id; one that none can have for what is no id."""
    return int(given_id) if given_id.isascii() and given_id.isdecimal() and len(given_id) < 19 else -1


def add(work: Work, *, name: str, sign_in: str) -> str:
    """Make an account without a password; its id."""
    row = {"agency": work.agency, "sign_in": sign_in, "name": name, "made_at": work.at}
    return str(work.conn.execute(insert(person).values(row).returning(person.c.id)).scalar_one())


def put_password(work: Work, person_id: str, password_hash: str) -> None:
    """Let this hash be the password's."""
    _put(work, person_id, password=password_hash)


def put_last_sign_in(work: Work, person_id: str) -> None:
    """The person signs in now."""
    _put(work, person_id, last_sign_in_at=work.at)


def put_end(work: Work, person_id: str, ended_at: datetime | None) -> None:
    """Let the person's time here end at that moment; None: go on."""
    _put(work, person_id, ended_at=to_text(ended_at))


def _put(work: Work, person_id: str, **values: str | None) -> None:
    which = (person.c.agency == work.agency, person.c.id == number_of(person_id))
    work.conn.execute(update(person).where(*which).values(values))


FORGOTTEN = "(nama dihapus)"
"""What stands where the name of somebody was who is forgotten."""


def forget(work: Work, one: Person, account: str) -> None:
    """Erase all that is kept of a person but the id, and that it held which posts when.

    `account`: what stands for their sign-in name among the tries. Nobody can type the sign-in name that they have
    then: it has a space in it.
    """
    work.leave_no_trace()
    factors.forget(work, one.id)
    for table in (session, link):
        work.conn.execute(
            delete(table).where(table.c.agency == work.agency, table.c.person_id == number_of(one.id))
        )
    work.conn.execute(
        delete(sign_in_try).where(sign_in_try.c.agency == work.agency, sign_in_try.c.account == account)
    )
    accepted_at = one.last_sign_in_at or (one.made_at if one.has_accepted else None)  # a post's history needs it
    gone = {"name": FORGOTTEN, "sign_in": f"person {one.id}", "password": None, "sign_on": None}
    _put(work, one.id, last_sign_in_at=to_text(accepted_at), **gone)


def names(work: Work) -> dict[str, str]:
    """Return everybody's name by id."""
    query = select(person.c.id, person.c.name).where(person.c.agency == work.agency)
    return {str(row.id): row.name for row in work.conn.execute(query)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A post that somebody holds, or will; `opd_name` None where it is the city's, or not known."""

    post: Post
    opd_name: str | None
    since: datetime
    until: datetime | None
    is_to_come: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """An account in a list, with the posts that are held now or later."""

    id: str
    name: str
    sign_in: str
    state: State
    last_sign_in_at: datetime | None
    posts: tuple[Held, ...]


def listing(work: Work) -> tuple[Listed, ...]:
    """Return everybody, by name."""
    at, opds, mine = from_text(work.at), institutions.names(work), _by_person(tenures(work))
    query = select(person).where(person.c.agency == work.agency).order_by(person.c.name, person.c.id)
    return tuple(_listed(_as_person(row), mine.get(str(row.id), []), at, opds) for row in work.conn.execute(query))


def _listed(one: Person, mine: Iterable[Tenure], at: datetime, opds: Mapping[str, str]) -> Listed:
    known = tuple(mine)
    return Listed(
        id=one.id,
        name=one.name,
        sign_in=one.sign_in,
        state=state_of(known, at, has_accepted=one.has_accepted, ended_at=one.ended_at),
        last_sign_in_at=one.last_sign_in_at,
        posts=tuple(_held(tenure, at, opds) for tenure in known if tenure.holds(at) or tenure.is_to_come(at)),
    )


def _held(one: Tenure, at: datetime, opds: Mapping[str, str]) -> Held:
    return Held(
        post=one.post,
        opd_name=opds.get(one.post.opd or ""),
        since=one.since,
        until=one.until,
        is_to_come=not one.holds(at),
    )


# Posts and tenures.


def post_of(work: Work, role: Role, opd: str | None) -> Post | None:
    """Return the post of that role at that OPD (None: of the city)."""
    which = (post.c.agency == work.agency, post.c.role == role, post.c.opd == (opd or ""))
    row = work.conn.execute(select(post).where(*which)).first()
    return _as_post(row) if row else None


def get_post(work: Work, post_id: str) -> Post | None:
    """Return the post of that id."""
    which = (post.c.agency == work.agency, post.c.id == number_of(post_id))
    row = work.conn.execute(select(post).where(*which)).first()
    return _as_post(row) if row else None


def _as_post(row: Row[Any]) -> Post:
    return Post(str(row.id), Role(row.role), row.opd or None)


def add_post(work: Work, role: Role, opd: str | None) -> Post:
    """Make a post."""
    row = {"agency": work.agency, "role": role, "opd": opd or "", "made_at": work.at}
    made = work.conn.execute(insert(post).values(row).returning(post.c.id)).scalar_one()
    return Post(str(made), role, opd or None)


def tenures(work: Work, *, person_id: str | None = None, post_id: str | None = None) -> tuple[Tenure, ...]:
    """Return the tenures of a person, of a post, or all of them; past and to come too, the first one first."""
    ids = {"person_id": person_id, "post_id": post_id}
    given = {name: number_of(one) for name, one in ids.items() if one is not None}
    query = _tenures_by(frozenset(given))
    return tuple(
        Tenure(
            id=str(row.tenure_id),
            person_id=str(row.person_id),
            post=_as_post(row),
            since=from_text(row.since),
            until=from_text(row.until),
            is_over=bool(row.is_over),
        )
        for row in work.conn.execute(query, {"agency": work.agency, **given}).all()
    )


@cache
def _tenures_by(given: frozenset[str]) -> Select[Any]:
    """Made once: each request asks for those of a person."""
    query = (
        select(tenure.c.id.label("tenure_id"), tenure.c.person_id, tenure.c.since, tenure.c.until)
        .add_columns(tenure.c.is_over, post.c.id, post.c.role, post.c.opd)
        .join_from(tenure, post, and_(post.c.agency == tenure.c.agency, post.c.id == tenure.c.post_id))
        .where(tenure.c.agency == bindparam("agency"))
        .order_by(tenure.c.since, tenure.c.id)
    )
    return query.where(*(tenure.c[name] == bindparam(name) for name in sorted(given)))


def _by_person(found: Iterable[Tenure]) -> dict[str, list[Tenure]]:
    by: dict[str, list[Tenure]] = {}
    for one in found:
        by.setdefault(one.person_id, []).append(one)
    return by


def begin_tenure(work: Work, person_id: str, post_id: str, since: datetime, until: datetime | None = None) -> str:
    """Let the person hold the post from then on; the tenure's id."""
    row = {
        "agency": work.agency,
        "person_id": number_of(person_id),
        "post_id": number_of(post_id),
        "since": to_text(since),
        "until": to_text(until),
        "is_over": 0,
    }
    return str(work.conn.execute(insert(tenure).values(row).returning(tenure.c.id)).scalar_one())


def end_tenure(work: Work, one: Tenure, until: datetime) -> None:
    """Let it end at that moment; one that has not begun by then never begins."""
    end = max(until, one.since)
    which = (tenure.c.agency == work.agency, tenure.c.id == number_of(one.id))
    is_over = end <= from_text(work.at)
    work.conn.execute(update(tenure).where(*which).values(until=to_text(end), is_over=int(is_over)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who holds a post, or will. Who has not accepted the invitation yet cannot act in it."""

    person_id: str
    name: str
    sign_in: str
    has_accepted: bool
    last_sign_in_at: datetime | None
    since: datetime
    until: datetime | None
    is_to_come: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PostRow:
    """A post with who holds it; `vacant_since` None while somebody does who has accepted."""

    post: Post
    opd_name: str | None
    holders: tuple[Holder, ...]
    to_come: tuple[Holder, ...]
    vacant_since: datetime | None


def posts(work: Work) -> tuple[PostRow, ...]:
    """Return every post, by role and OPD."""
    rows = work.conn.execute(_POSTS, {"agency": work.agency}).all()
    if not rows:  # where nobody uses accounts, this costs one look
        return ()
    at, opds = from_text(work.at), institutions.names_of(work, {row.opd for row in rows if row.opd})
    everybody = work.conn.execute(_EVERYBODY, {"agency": work.agency}).all()
    who = {str(row.id): _as_person(row) for row in everybody}
    of_post: dict[str, list[Tenure]] = {}
    for held in tenures(work):
        of_post.setdefault(held.post.id, []).append(held)
    return tuple(_post_row(row, of_post.get(str(row.id), ()), who, at, opds) for row in rows)


_POSTS = select(post).where(post.c.agency == bindparam("agency")).order_by(post.c.role, post.c.opd)
_EVERYBODY = select(person).where(person.c.agency == bindparam("agency"))


def _post_row(
    row: Row[Any], mine: Sequence[Tenure], who: Mapping[str, Person], at: datetime, opds: Mapping[str, str]
) -> PostRow:
    one = _as_post(row)
    holders = tuple(_holder(held, who[held.person_id], at) for held in mine if held.holds(at))
    to_come = tuple(_holder(held, who[held.person_id], at) for held in mine if held.is_to_come(at))
    accepted = (held for held in mine if who[held.person_id].has_accepted)
    since = vacant_since(accepted, from_text(row.made_at), at)
    return PostRow(
        post=one, opd_name=opds.get(one.opd or ""), holders=holders, to_come=to_come, vacant_since=since
    )


def _holder(held: Tenure, one: Person, at: datetime) -> Holder:
    return Holder(
        person_id=one.id,
        name=one.name,
        sign_in=one.sign_in,
        has_accepted=one.has_accepted,
        last_sign_in_at=one.last_sign_in_at,
        since=held.since,
        until=held.until,
        is_to_come=not held.holds(at),
    )


# Sessions.


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A session; `origin` is the address that it was begun from."""

    id: str
    person_id: str
    origin: str
    begun_at: datetime
    seen_at: datetime
    ended_at: datetime | None


def begin_session(work: Work, *, id: str, person_id: str, token_hash: str, origin: str) -> None:
    """Note a session that begins now."""
    row = {"id": id, "person_id": number_of(person_id), "token_hash": token_hash, "origin": origin}
    work.conn.execute(insert(session).values(agency=work.agency, begun_at=work.at, seen_at=work.at, **row))


def session_of(work: Work, token_hash: str) -> Session | None:
    """Return the session of that token, over or not."""
    return _session(work, session.c.token_hash == token_hash)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A session, over or not, with its person, and whether they have a second factor."""

    session: Session
    person: Person
    has_factor: bool


def visit_of(work: Work, token_hash: str) -> Visit | None:
    """Return who comes with that token: asked at every request, so by one statement."""
    row = work.conn.execute(_VISIT, {"agency": work.agency, "token_hash": token_hash}).mappings().first()
    if row is None:
        return None
    one = {str(key).removeprefix(_OF_PERSON): row[key] for key in row if str(key).startswith(_OF_PERSON)}
    return Visit(
        session=_as_session(SimpleNamespace(**row)),
        person=_as_person(SimpleNamespace(**one)),
        has_factor=bool(row["has_factor"]),
    )


_OF_PERSON = "of_person_"
_HAS_FACTOR = exists().where(factor.c.agency == session.c.agency, factor.c.person_id == session.c.person_id)
_VISIT = (
    select(session, *(column.label(f"{_OF_PERSON}{column.name}") for column in person.c))
    .add_columns(_HAS_FACTOR.label("has_factor"))
    .join_from(session, person, and_(person.c.agency == session.c.agency, person.c.id == session.c.person_id))
    .where(session.c.agency == bindparam("agency"), session.c.token_hash == bindparam("token_hash"))
)


def get_session(work: Work, session_id: str) -> Session | None:
    """Return the session of that id, over or not."""
    return _session(work, session.c.id == session_id) if session_id.isascii() and session_id.isalnum() else None


def _session(work: Work, which: ColumnElement[bool]) -> Session | None:
    row = work.conn.execute(select(session).where(session.c.agency == work.agency, which)).first()
    return _as_session(row) if row else None


def _as_session(row: Any) -> Session:
    return Session(
        id=row.id,
        person_id=str(row.person_id),
        origin=row.origin,
        begun_at=from_text(row.begun_at),
        seen_at=from_text(row.seen_at),
        ended_at=from_text(row.ended_at),
    )


def sessions(work: Work, person_id: str) -> tuple[Session, ...]:
    """Return a person's sessions that go on, the last begun first."""
    at, mine = from_text(work.at), tenures(work, person_id=person_id)
    held = posts_held(mine, at)
    which = (session.c.agency == work.agency, session.c.person_id == number_of(person_id), _GOES_ON)
    query = select(session).where(*which).order_by(session.c.begun_at.desc(), session.c.id)
    found = map(_as_session, work.conn.execute(query))
    return tuple(one for one in found if not session_is_over(one.begun_at, one.seen_at, at, held, mine))


_GOES_ON = session.c.ended_at.is_(None)


def see_session(work: Work, session_id: str) -> None:
    """Somebody was heard of in it now."""
    which = (session.c.agency == work.agency, session.c.id == session_id, _GOES_ON)
    work.conn.execute(update(session).where(*which).values(seen_at=work.at))


def end_session(work: Work, session_id: str) -> bool:
    """End a session; whether it went on until now."""
    return _end_sessions(work, session.c.id == session_id) > 0


def end_sessions(work: Work, person_id: str, *, but: str = "") -> int:
    """End every session of a person, but one; how many went on."""
    return _end_sessions(work, session.c.person_id == number_of(person_id), session.c.id != but)


def _end_sessions(work: Work, *which: ColumnElement[bool]) -> int:
    mine = (session.c.agency == work.agency, _GOES_ON, *which)
    return work.conn.execute(update(session).where(*mine).values(ended_at=work.at)).rowcount


def is_familiar(work: Work, person_id: str, origin: str, since: datetime) -> bool:
    """Return whether the person signed in from there, since then."""
    which = (
        session.c.agency == work.agency,
        session.c.person_id == number_of(person_id),
        session.c.begun_at >= to_text(since),
        session.c.origin == origin,
    )
    return work.conn.execute(select(session.c.id).where(*which).limit(1)).first() is not None


# One-time links.


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A link by which a person chooses a password; `ended_at` None while it was not used, `over_at` of a mailed one."""

    token_hash: str
    person_id: str
    made_at: datetime
    over_at: datetime | None
    ended_at: datetime | None


def add_link(work: Work, person_id: str, token_hash: str) -> None:
    """Make a link in the place of those that the person has."""
    end_links(work, person_id)
    _add_link(work, person_id, token_hash, None)


def add_mailed_link(work: Work, person_id: str, token_hash: str, over_at: datetime) -> None:
    """Make a link that goes out by mail. Those that the person has stay: a stranger may have asked for this one."""
    _add_link(work, person_id, token_hash, over_at)


def _add_link(work: Work, person_id: str, token_hash: str, over_at: datetime | None) -> None:
    row = {"token_hash": token_hash, "person_id": number_of(person_id), "over_at": to_text(over_at)}
    work.conn.execute(insert(link).values(agency=work.agency, made_at=work.at, **row))


def link_of(work: Work, token_hash: str) -> Link | None:
    """Return the link of that token, used or not."""
    which = (link.c.agency == work.agency, link.c.token_hash == token_hash)
    row = work.conn.execute(select(link).where(*which)).first()
    return None if row is None else _as_link(row)


def _as_link(row: Row[Any]) -> Link:
    return Link(
        token_hash=row.token_hash,
        person_id=str(row.person_id),
        made_at=from_text(row.made_at),
        over_at=from_text(row.over_at),
        ended_at=from_text(row.ended_at),
    )


def open_links(work: Work, person_id: str) -> tuple[Link, ...]:
    """Return a person's links that were not ended; whether one is too old is for `domain.sessions` to say."""
    mine = (link.c.agency == work.agency, link.c.person_id == number_of(person_id), link.c.ended_at.is_(None))
    return tuple(map(_as_link, work.conn.execute(select(link).where(*mine))))


def end_links(work: Work, person_id: str) -> int:
    """End every link of a person; how many could be used."""
    return _end_links(work, link.c.person_id == number_of(person_id))


def _end_links(work: Work, *which: ColumnElement[bool]) -> int:
    mine = (link.c.agency == work.agency, link.c.ended_at.is_(None), *which)
    return work.conn.execute(update(link).where(*mine).values(ended_at=work.at)).rowcount


# Tries to sign in.


def add_try(work: Work, account: str, origin: str) -> None:
    """Note a try; `account` stands for the sign-in name."""
    work.conn.execute(insert(sign_in_try).values(agency=work.agency, account=account, origin=origin, at=work.at))


def tries(work: Work, *, account: str | None = None, origin: str | None = None) -> tuple[datetime, ...]:
    """Return when it was tried: for an account, from an origin, or for the one from the other."""
    query = select(sign_in_try.c.at).where(*_tried(work, account, origin))
    return tuple(from_text(at) for at in work.conn.execute(query).scalars())


def is_crowded(work: Work, most: int, span: timedelta) -> bool:
    """Return whether more than so many tries were made within that span of now, for whatever account, from anywhere."""
    around = sign_in_try.c.at.between(to_text(work.now - span), to_text(work.now + span))
    query = select(sign_in_try.c.id).where(sign_in_try.c.agency == work.agency, around).offset(most).limit(1)
    return work.conn.execute(query).first() is not None


def forget_tries(work: Work, *, account: str, origin: str) -> int:
    """Forget the tries for an account from an origin; how many there were."""
    return work.conn.execute(delete(sign_in_try).where(*_tried(work, account, origin))).rowcount


def _tried(work: Work, account: str | None, origin: str | None) -> tuple[ColumnElement[bool], ...]:
    named = [] if account is None else [sign_in_try.c.account == account]
    named += [] if origin is None else [sign_in_try.c.origin == origin]
    return (sign_in_try.c.agency == work.agency, *named)


# What time does.


def note_what_is_over(
    work: Work, *, links_before: datetime, links_after: datetime, tries_before: datetime
) -> None:
    """Write down what is over by now, so that a clock that steps back opens none of it again."""
    made = link.c.made_at
    _end_links(work, or_(made <= to_text(links_before), made > to_text(links_after), link.c.over_at <= work.at))
    ended = (tenure.c.agency == work.agency, tenure.c.is_over == 0, tenure.c.until <= work.at)
    work.conn.execute(update(tenure).where(*ended).values(is_over=1))
    forget_old_tries(work, tries_before)


def forget_old_tries(work: Work, before: datetime) -> None:
    """Forget tries to sign in that were made before then."""
    old = (sign_in_try.c.agency == work.agency, sign_in_try.c.at < to_text(before))
    work.conn.execute(delete(sign_in_try).where(*old))


def end_everything(work: Work) -> int:
    """End every session, link and sign-in that is half done; how many sessions went on."""
    _end_links(work)
    factors.end_all(work)
    return _end_sessions(work)


def forget_sessions(work: Work, before: datetime) -> int:
    """Forget sessions that began before then; how many."""
    which = (session.c.agency == work.agency, session.c.begun_at < to_text(before))
    return work.conn.execute(delete(session).where(*which)).rowcount


def posts_of(work: Work, person_id: str) -> tuple[Post, ...]:
    """Return the posts that a person holds now."""
    return posts_held(tenures(work, person_id=person_id), from_text(work.at))


def count(work: Work) -> int:
    """Return how many accounts there are."""
    return int(work.conn.execute(select(func.count()).where(person.c.agency == work.agency)).scalar_one())
