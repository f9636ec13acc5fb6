"""Masuk, keluar, and an invitation."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Blueprint, current_app, g, redirect, render_template, request, url_for
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from lapor_sync.office import lost_password, people
from lapor_sync.web import guard, session
from lapor_sync.web.failing import Problem, form_on, page_with, typed
from lapor_sync.web.trouble import Trouble
from lapor_sync.words.id import TroubleKind
from lapor_sync.words.notices_id import Place

sign_in = Blueprint("sign_in", __name__)
FIRST = "/tugas"
KEPT = "kept."
"""How the fields begin in which the words of a form stand that was sent after a session was over."""


@sign_in.get("/masuk")
def page(problem: Problem | None = None) -> str | Response:
    """The form to sign in with, and whom to ask."""
    back = local(request.values.get("next"))
    if problem is None and session.signed_in() is not None:
        return redirect(back, 303)
    return render_template(
        "sign_in.html",
        problem=problem,
        next=back,
        kept=kept_words(),
        sign_in=request.form.get("sign_in", ""),
        has_sign_on=guard.board().has_sign_on,
    )


@sign_in.post("/masuk")
@form_on(page)
def enter() -> Response:
    """Sign in, and go on to where the person wanted to go; words that were typed before stand there again."""
    given = request.form.get("sign_in", "")
    token = people.enter(
        guard.board().store, given, request.form.get("password", ""), address=request.remote_addr or ""
    )
    return entered(token)


def entered(token: str) -> Response:
    """Go on with that token: to the second step, or to where the person wanted to go, with the words of before."""
    guard.set_cookie(token)
    g.pop("signed_in", None)
    back, kept = local(request.form.get("next")), kept_words()
    if people.is_half(token):
        return (
            _with_words(url_for("factors.door"), {}) if kept else redirect(url_for("factors.door", next=back), 303)
        )
    return _with_words(back, kept) if kept else redirect(back, 303)


def kept_words() -> dict[str, str]:
    """Return the words of a form that was sent after a session was over, by its fields."""
    return {name.removeprefix(KEPT): value for name, value in request.form.items() if name.startswith(KEPT)}


def _with_words(path: str, kept: dict[str, str]) -> Response:
    """The page at that path, with these words in its form."""
    try:
        endpoint, arguments = current_app.url_map.bind("").match(urlsplit(path).path, method="GET")
    except HTTPException:
        return redirect(FIRST, 303)
    return page_with(kept, current_app.view_functions[endpoint], arguments)


def local(path: str | None) -> str:
    """Return a path of this site to go to; the first page where it is none, or may lead to another host."""
    parts = urlsplit(path or "")
    is_ours = path and path.isprintable() and path.startswith("/") and not path.startswith(("//", "/\\"))
    return path if path and is_ours and not parts.netloc and not parts.scheme and "\\" not in path else FIRST


@sign_in.post("/keluar")
def leave() -> Response:
    """End the session."""
    if (token := guard.cookie()) is not None and session.signed_in() is not None:
        people.leave(guard.board().store, token)
    guard.drop_cookie()
    return redirect(url_for("sign_in.page"), 303)


# A lost password.


@sign_in.get("/masuk/lupa")
def lost_page(problem: Problem | None = None, *, is_asked: bool = False) -> str:
    """The form to ask for a link by mail."""
    return render_template("lost_password.html", problem=problem, is_asked=is_asked, typed=typed())


@sign_in.post("/masuk/lupa")
@form_on(lost_page)
def ask_for_link() -> str:
    """Let a link go to the person's mailbox; what is answered says nothing of whether there is one."""
    board, given = guard.board(), request.form.get("sign_in", "")[:1000]
    if (sender := board.sender) is None or not board.mails_links:
        return lost_page()
    lost_password.ask(board.store, given, address=request.remote_addr)
    place, before = Place(board.public_url or "", board.zone), link_url("")
    board.later(lambda: lost_password.mail_link(board.store, sender, given, place, lambda token: before + token))
    return lost_page(is_asked=True)


# An invitation, and a lost password: the same link.


@sign_in.get("/undangan/<token>")
def invitation(token: str, problem: Problem | None = None) -> str:
    """Whom the link is for. To look uses nothing up: programs that read mails look at every link."""
    one = people.invitee(guard.board().store, token)
    return render_template(
        "invitation.html", problem=problem, one=one, token=token, has_sign_on=guard.board().has_sign_on
    )


def link_url(token: str) -> str:
    """Return the address of a one-time link, as it is told to others."""
    path = url_for("sign_in.invitation", token=token)
    return (guard.board().public_url or request.host_url).rstrip("/") + path


@sign_in.post("/undangan/<token>")
@form_on(invitation)
def accept(token: str) -> Response:
    """Set the password."""
    password = request.form.get("password", "")
    if password != request.form.get("password_again", ""):
        raise Trouble(TroubleKind.PASSWORDS_DIFFER)
    people.accept(guard.board().store, token, password)
    guard.drop_cookie()
    return redirect(url_for("sign_in.page", siap="1"), 303)
