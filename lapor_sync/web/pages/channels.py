"""Pemberitahuan: where the person is told things, and what."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from lapor_sync.domain.notices import CHOSEN
from lapor_sync.domain.people import Role
from lapor_sync.domain.refusals import Code, Refused
from lapor_sync.office import channels as office
from lapor_sync.office import factors
from lapor_sync.store import channels as stored
from lapor_sync.web import session
from lapor_sync.web.failing import Problem, form_on, typed
from lapor_sync.web.guard import board
from lapor_sync.words import notices_id
from lapor_sync.words.notices_id import Place

channels = Blueprint("channels", __name__)


@channels.get("/akun/pemberitahuan")
def page(problem: Problem | None = None, **_of_act: str) -> str:
    """The person's channels, each with what goes there."""
    who = session.person()
    with board().store.reading() as work:
        mine = stored.of_person(work, who.person_id)
    sender = board().sender
    return render_template(
        "channels.html",
        problem=problem,
        mine=mine,
        kinds=sender.kinds if sender else (),
        chosen=CHOSEN,
        is_admin=any(post.role is Role.ADMIN for post in who.posts),
        notices=notices_id,
        is_proved=factors.is_proved(board().store, who),
        typed=typed(),
    )


@channels.post("/akun/pemberitahuan")
@form_on(page)
def add() -> Response:
    """Keep an address and send a code there."""
    who, sender, given = session.person(), board().sender, request.form
    if sender is None:
        raise Refused(Code.ADDRESS_UNUSABLE)
    place = Place(board().public_url or "", board().zone)
    kind, address = given.get("kind", "email"), given.get("address", "")
    office.add(board().store, sender, who, place, kind=kind, address=address)
    return redirect(url_for("channels.page"), 303)


@channels.post("/akun/pemberitahuan/<channel_id>/kode")
@form_on(page)
def verify(channel_id: str) -> Response:
    """Take the code that was sent."""
    office.verify(board().store, session.person(), channel_id, request.form.get("code", ""))
    return redirect(url_for("channels.page"), 303)


@channels.post("/akun/pemberitahuan/<channel_id>/pilihan")
@form_on(page)
def choose(channel_id: str) -> Response:
    """Keep what goes there."""
    office.choose(board().store, session.person(), channel_id, request.form.getlist("wants"))
    return redirect(url_for("channels.page"), 303)


@channels.post("/akun/pemberitahuan/<channel_id>/hapus")
@form_on(page)
def remove(channel_id: str) -> Response:
    """Take it away."""
    office.remove(board().store, session.person(), channel_id)
    return redirect(url_for("channels.page"), 303)
