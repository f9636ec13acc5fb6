"""What holds for every request: which host is served, who may send a form, and what browsers are told to allow."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from urllib.parse import urlsplit

from flask import Flask, Response, abort, current_app, g, request

from lapor_sync.web.board import CHOSEN, Board
from lapor_sync.web.trouble import Trouble
from lapor_sync.words.id import TroubleKind

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
GUEST = "tamu."
"""How the cookie of somebody begins who is not signed in: its form needs a token, too."""

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; object-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
        "img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not no-referrer: then browsers do not say in a form's Origin where it comes from.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


def board() -> Board:
    """Return the board of this request."""
    found: Board = request.environ.get(CHOSEN) or current_app.config["BOARD"]
    return found


def install(site: Flask) -> None:
    """Let every request of the site pass the guard."""
    site.before_request(_let_in)
    site.after_request(_as_told)


def _let_in() -> None:
    request.max_content_length = board().most_bytes
    if request.endpoint in OPEN:
        return
    if "\x00" in request.path:
        abort(404)  # no database could even be asked for it
    host = urlsplit(f"//{request.host}").hostname or ""
    if host not in board().hosts:
        raise Trouble(TroubleKind.OTHER_HOST)
    if request.method not in SAFE:
        if not _comes_from_us():
            raise Trouble(TroubleKind.FOREIGN_FORM)
        given, wanted = request.form.get("csrf", "").encode(), _token(cookie() or "").encode()
        if not wanted or not hmac.compare_digest(given, wanted):  # without a cookie there is none
            raise Trouble(TroubleKind.STALE_FORM)


OPEN = frozenset({"health.alive", "health.ready"})
"""What a supervisor asks, by whatever name."""


def _comes_from_us() -> bool:
    """Whether the form is one of ours, as the browser says. What says nothing is no browser: the token decides."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in {"same-origin", "none"}
    origin = request.headers.get("Origin")
    return origin is None or urlsplit(origin).netloc.lower() == request.host.lower()


def csrf_token() -> str:
    """Return the token for a form of this page; who has no cookie yet is given one."""
    if cookie() is None:
        set_cookie(GUEST + secrets.token_urlsafe(24))
    return _token(cookie() or "")


def _token(of: str) -> str:
    return hmac.new(board().secret, f"form {of}".encode(), hashlib.sha256).hexdigest() if of else ""


# The cookie.


def cookie_name() -> str:
    """Return its name: a browser takes a `__Host-` one only by TLS, from this host and for all of it."""
    return "__Host-papan" if board().is_secure else "papan"


def cookie() -> str | None:
    """Return what the cookie holds, or will hold after this answer."""
    held: str | None = g.get("cookie_to_set") or request.cookies.get(cookie_name())
    return held or None


def set_cookie(value: str) -> None:
    """Let the answer to this request set the cookie."""
    g.cookie_to_set = value


def drop_cookie() -> None:
    """Let the answer to this request take the cookie away."""
    g.cookie_to_set = None
    g.cookie_dropped = True


def _as_told(response: Response) -> Response:
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", "no-store")
    if board().is_secure:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
    if (value := g.get("cookie_to_set")) is not None:
        response.set_cookie(
            cookie_name(), value, httponly=True, secure=board().is_secure, samesite="Lax", path="/"
        )
    elif g.get("cookie_dropped"):
        response.delete_cookie(cookie_name(), httponly=True, secure=board().is_secure, samesite="Lax", path="/")
    return response
