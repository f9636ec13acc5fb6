"""Akun saya: password, sessions, posts."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from lapor_sync.office import people
from lapor_sync.store import institutions
from lapor_sync.store import people as stored
from lapor_sync.web import guard, session
from lapor_sync.web.failing import Problem, form_on
from lapor_sync.web.guard import board
from lapor_sync.web.trouble import Trouble
from lapor_sync.words.id import TroubleKind

account = Blueprint("account", __name__)


@account.get("/akun")
def page(problem: Problem | None = None, **_of_act: str) -> str:
    """The person's own page; also of one who holds no post."""
    who = session.person()
    with board().store.reading() as work:
        mine = stored.get(work, who.person_id)
        sessions = stored.sessions(work, who.person_id)
        tenures, opds = stored.tenures(work, person_id=who.person_id), institutions.names(work)
    return render_template(
        "account.html",
        problem=problem,
        who=who,
        sessions=sessions,
        tenures=tenures[::-1],
        opds=opds,
        is_bound=mine is not None and mine.has_sign_on,
        has_sign_on=board().has_sign_on,
    )


@account.post("/akun/kata-sandi")
@form_on(page)
def change_password() -> Response:
    """Change the password; then the person signs in with the new one."""
    who = session.person()
    new = request.form.get("password", "")
    if new != request.form.get("password_again", ""):
        raise Trouble(TroubleKind.PASSWORDS_DIFFER)
    people.change_password(board().store, who, request.form.get("old", ""), new)
    guard.drop_cookie()  # every session of the person is over now, this one too
    return redirect(url_for("sign_in.page"), 303)


@account.post("/akun/sesi/<session_id>/akhiri")
@form_on(page)
def end_session(session_id: str) -> Response:
    """End one of the person's sessions."""
    who = session.person()
    people.end_session(board().store, who, session_id)
    if session_id == who.session_id:
        guard.drop_cookie()
        return redirect(url_for("sign_in.page"), 303)
    return redirect(url_for("account.page"), 303)
