"""Orang: who has an account, in which post; invitations, links, sessions; and the hand-over of a post, on one page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from lapor_sync.domain.people import Role
from lapor_sync.domain.period import day_given
from lapor_sync.domain.permits import Act
from lapor_sync.domain.refusals import Code, Refused
from lapor_sync.office import factors as office_factors
from lapor_sync.office import people as office
from lapor_sync.store import attendance, institutions
from lapor_sync.store import factors as stored_factors
from lapor_sync.store import people as stored
from lapor_sync.store.database import Work
from lapor_sync.store.people import Holder, Person, PostRow
from lapor_sync.web import session
from lapor_sync.web.failing import Problem, form_on, typed
from lapor_sync.web.guard import board
from lapor_sync.web.pages.sign_in import link_url

people = Blueprint("people", __name__)

MOST = 100
"""So many people are shown at once."""


@people.get("/orang")
def page() -> str:
    """What is kosong; then everybody, by name."""
    session.demand(Act.MANAGE_PEOPLE)
    words, start = request.args.get("q", "").strip()[:200], request.args.get("dari", "0")
    with board().store.reading() as work:
        found, unattended = stored.listing(work), attendance.unattended(work, board().mirror.rules.city)
    wanted = [one for one in found if words.casefold() in f"{one.name} {one.sign_in}".casefold()]
    first = min(int(start), len(wanted)) if start.isdecimal() and len(start) < 9 else 0
    return render_template(
        "people.html",
        rows=wanted[first : first + MOST],
        total=len(wanted),
        q=words,
        following=first + MOST if first + MOST < len(wanted) else None,
        is_first=first == 0,
        unattended=unattended,
    )


@people.get("/orang/jabatan")
def posts() -> str:
    """Each post with who holds it, and who will."""
    session.demand(Act.MANAGE_PEOPLE)
    with board().store.reading() as work:
        rows = stored.posts(work)
    return render_template("posts.html", rows=rows)


# One person.


@people.get("/orang/<person_id>")
def one(person_id: str, problem: Problem | None = None, **_of_act: str) -> str:
    """A person with their tenures, the past ones too, and their sessions."""
    session.demand(Act.MANAGE_PEOPLE)
    with board().store.reading() as work:
        person = _known(work, person_id)
        listed = next(one for one in stored.listing(work) if one.id == person.id)
        tenures, opds = stored.tenures(work, person_id=person_id), institutions.names(work)
        sessions = stored.sessions(work, person_id)
        factors = stored_factors.of(work, person_id)
    return render_template(
        "person.html",
        problem=problem,
        person=person,
        listed=listed,
        tenures=tenures[::-1],
        opds=opds,
        sessions=sessions,
        factors=factors,
        now=board().store.clock.now(),
        today=board().today,
        typed=typed(),
    )


def _known(work: Work, person_id: str) -> Person:
    person = stored.get(work, person_id)
    if person is None:
        abort(404)
    return person


def _person(person_id: str) -> Person:
    with board().store.reading() as work:
        return _known(work, person_id)


@people.post("/orang/<person_id>/tautan")
@form_on(one)
def new_link(person_id: str) -> str:
    """Make a one-time link, and show it: this once."""
    actor, person = session.demand(Act.MANAGE_PEOPLE), _person(person_id)
    token = office.new_link(board().store, actor, person.sign_in)
    return _shown_once(person, token)


def _shown_once(person: Person, token: str) -> str:
    return render_template("link.html", person=person, link=link_url(token))


@people.post("/orang/<person_id>/akhiri")
@form_on(one)
def end(person_id: str) -> Response:
    """End every tenure of the person."""
    actor, person = session.demand(Act.MANAGE_PEOPLE), _person(person_id)
    office.end_tenures(board().store, actor, person.sign_in, _moment("on"))
    return redirect(url_for("people.one", person_id=person_id), 303)


@people.post("/orang/<person_id>/faktor/hapus")
@form_on(one)
def remove_factors(person_id: str) -> Response:
    """Take every second factor from somebody who lost them."""
    actor, person = session.demand(Act.MANAGE_PEOPLE), _person(person_id)
    office_factors.remove_all(board().store, actor, person.sign_in)
    return redirect(url_for("people.one", person_id=person_id), 303)


@people.post("/orang/<person_id>/sesi/<session_id>/akhiri")
@form_on(one)
def end_session(person_id: str, session_id: str) -> Response:
    """End one of the person's sessions."""
    actor, person = session.demand(Act.MANAGE_PEOPLE), _person(person_id)
    with board().store.reading() as work:
        mine = {found.id for found in stored.sessions(work, person.id)}
    if session_id not in mine:
        raise Refused(Code.SESSION_UNKNOWN)
    office.end_session(board().store, actor, session_id)
    return redirect(url_for("people.one", person_id=person_id), 303)


# An invitation.


@people.get("/orang/undang")
def invitation(problem: Problem | None = None) -> str:
    """The form for somebody new, or for one more post of somebody who is known."""
    session.demand(Act.MANAGE_PEOPLE)
    with board().store.reading() as work:
        opds = _opds(work)
    return render_template("invite.html", problem=problem, opds=opds, typed=typed(), today=board().today)


@people.post("/orang/undang")
@form_on(invitation)
def invite() -> str:
    """Make account and post as needed, and show the one-time link: this once."""
    actor, given = session.demand(Act.MANAGE_PEOPLE), request.form
    last = day_given(request.form.get("until", ""))
    token = office.invite(
        board().store,
        actor,
        name=given.get("name", ""),
        sign_in=given.get("sign_in", ""),
        role=_role(given.get("role", "")),
        opd=given.get("opd") or None,
        since=_moment("since"),
        until=office.end_of(last, board().zone) if last else None,
    )
    return _shown_once(_person(_id_of(given.get("sign_in", ""))), token)


def _id_of(sign_in: str) -> str:
    with board().store.reading() as work:
        return office.person_of(work, sign_in).id


def _role(given: str) -> Role:
    if given not in set(Role):
        raise Refused(Code.POST_NOT_CHOSEN)
    return Role(given)


def _opds(work: Work) -> list[tuple[str, str]]:
    """The city's institutions to choose from, by name."""
    names, city = institutions.names(work), board().mirror.rules.city
    mine = {found for found in (*names, *city.opd_ids) if city.is_opd(found)}
    return sorted(((found, names.get(found, found)) for found in mine), key=lambda pair: (pair[1], pair[0]))


# The hand-over of a post.


@people.get("/orang/serah-terima")
def handover(problem: Problem | None = None) -> str:
    """Which post, to whom, from which day on."""
    session.demand(Act.MANAGE_PEOPLE)
    with board().store.reading() as work:
        held = _held(stored.posts(work))
        everybody = stored.listing(work)
    given = typed().get("post") or request.args.get("post", "")
    return render_template(
        "handover.html",
        problem=problem,
        held=held,
        chosen=given if given in held else next((key for key in held if key.startswith(f"{given}-")), None),
        everybody=everybody,
        typed=typed(),
        today=board().today,
    )


@people.post("/orang/serah-terima")
@form_on(handover)
def hand_over() -> str:
    """Let the post pass on; the page says what is left to do, also at LAPOR's own site."""
    actor, given = session.demand(Act.MANAGE_PEOPLE), request.form
    row, holder = _meant(given.get("post", ""))
    done = office.hand_over_post(
        board().store,
        actor,
        role=row.post.role,
        opd=row.post.opd,
        from_=holder.sign_in,
        to=given.get("to", ""),
        name=given.get("name", "").strip() or None,
        on=_moment("on"),
        keep_work="leave_work" not in given,
    )
    link = link_url(done.link) if done.link else None
    now = board().store.clock.now()
    return render_template(
        "handed_over.html",
        done=done,
        row=row,
        link=link,
        is_later=done.at > now,
        is_held=any(one.has_accepted for one in row.holders if one != holder),
    )


def _held(rows: Sequence[PostRow]) -> dict[str, tuple[PostRow, Holder]]:
    """Who holds which post, or will: what a form may name."""
    return {
        f"{row.post.id}-{holder.person_id}": (row, holder)
        for row in rows
        for holder in (*row.holders, *row.to_come)
    }


def _meant(given: str) -> tuple[PostRow, Holder]:
    """The post with its holder that a form names: `POST-PERSON`, or `POST` alone where one person holds it."""
    with board().store.reading() as work:
        held = _held(stored.posts(work))
    exact: Mapping[str, tuple[PostRow, Holder]] = {
        key: pair for key, pair in held.items() if given in {key, key.partition("-")[0]}
    }
    if len(exact) != 1:
        raise Refused(Code.POST_NOT_CHOSEN)
    return next(iter(exact.values()))


# Days.


def _moment(name: str) -> datetime:
    """When what is to be on that day begins; without a day now. Raises Refused."""
    found = day_given(request.form.get(name, ""))
    return office.moment_of(board().store, found or board().today, board().zone)
