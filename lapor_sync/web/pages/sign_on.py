"""Masuk dengan akun kota: the city's single sign-on."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

from flask import Blueprint, render_template, request, url_for
from flask import Response as FlaskResponse
from werkzeug.wrappers import Response

from lapor_sync.domain.refusals import Code, Refused
from lapor_sync.office import sign_on as office
from lapor_sync.office.sign_on import Asked
from lapor_sync.web import guard, session
from lapor_sync.web.failing import form_on
from lapor_sync.web.guard import board
from lapor_sync.web.pages.account import page as account_page
from lapor_sync.web.pages.sign_in import entered, invitation
from lapor_sync.web.pages.sign_in import page as sign_in_page

if TYPE_CHECKING:
    from lapor_sync.web.provider import Provider

sign_on = Blueprint("sign_on", __name__)


@sign_on.post("/masuk/akun-kota")
@form_on(sign_in_page)
def begin() -> Response:
    """Go to the city's sign-on."""
    return _asked(_provider(), office.begin(board().store, request.remote_addr))


@sign_on.post("/undangan/<token>/akun-kota")
@form_on(invitation)
def begin_by_link(token: str) -> Response:
    """Accept an invitation by the city's sign-on, without a password."""
    return _asked(_provider(), office.begin_by_link(board().store, token, request.remote_addr))


@sign_on.post("/akun/akun-kota")
@form_on(account_page)
def begin_to_bind() -> Response:
    """Bind one's account to the city's sign-on."""
    password = request.form.get("password", "")
    asked = office.begin_to_bind(board().store, session.person(), password, request.remote_addr)
    return _asked(_provider(), asked)


@sign_on.get("/masuk/akun-kota/kembali")
def back() -> Response:
    """Who comes back from the city's sign-on is signed in; in no other browser than the one that went there."""
    provider, (token, _, proof) = _provider(), request.args.get("state", "").rpartition("~")
    if not hmac.compare_digest(proof.encode(), _proof(token).encode()):
        raise Refused(Code.SIGN_ON_FAILED)
    half = office.take(board().store, token)
    code, issuer = request.args.get("code", ""), request.args.get("iss")
    if not code or (issuer is not None and not provider.is_issuer(issuer)):
        raise Refused(Code.SIGN_ON_FAILED)
    subject = provider.subject(code=code, back=_back(), nonce=half.challenge or "", verifier=half.verifier or "")
    return entered(office.enter(board().store, token, half, subject))


def _asked(provider: Provider, asked: Asked) -> Response:
    """A page that leads there: to a redirect after a form browsers apply `form-action`, which names this board alone."""
    guard.csrf_token()  # who has no cookie yet is given one: the answer is for this browser alone
    state = f"{asked.token}~{_proof(asked.token)}"
    there = provider.address(back=_back(), state=state, nonce=asked.nonce, verifier=asked.verifier)
    page = FlaskResponse(render_template("sign_on.html", there=there))
    page.headers["Refresh"] = f"0; url={there}"
    return page


def _proof(token: str) -> str:
    """What shows that the browser that comes back is the one that went."""
    said = f"sign-on {token} {guard.cookie() or ''}"
    return hmac.new(board().secret, said.encode(), hashlib.sha256).hexdigest() if guard.cookie() else ""


def _back() -> str:
    return (board().public_url or request.host_url.rstrip("/")) + url_for("sign_on.back")


def _provider() -> Provider:
    found = board().provider
    if found is None:
        raise Refused(Code.SIGN_ON_FAILED)
    return found
