"""Four people of the demo's city who are signed in by a click. No other board has this page."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, abort, redirect, render_template, request
from werkzeug.wrappers import Response

from lapor_sync.domain.people import Role, of_shell
from lapor_sync.office import people
from lapor_sync.store.database import Store
from lapor_sync.web import guard
from lapor_sync.web.pages.sign_in import FIRST


@dataclass(frozen=True, slots=True)
class Played:
    """Somebody of the demo; the password is made up at each start, and nobody needs it."""

    name: str
    sign_in: str
    role: Role
    opd: str | None
    password: str


def cast(store: Store, opd: str) -> tuple[Played, ...]:
    """Give people of the city accounts: an officer and the head of that OPD, the city's admin, the inspector."""
    made = (
        Played("Sari Dewi", "sari", Role.OFFICER, opd, secrets.token_urlsafe(24)),
        Played("Hendra Wijaya", "hendra", Role.LEADER, opd, secrets.token_urlsafe(24)),
        Played("Bayu Pratama", "bayu", Role.ADMIN, None, secrets.token_urlsafe(24)),
        Played("Rini Hartati", "rini", Role.INSPECTOR, None, secrets.token_urlsafe(24)),
    )
    for one in made:
        link = people.invite(
            store, of_shell("demo"), name=one.name, sign_in=one.sign_in, role=one.role, opd=one.opd
        )
        people.accept(store, link, one.password)
    return made


def demonstration(played: Sequence[Played]) -> Blueprint:
    """Return the page on which they can be clicked."""
    made = Blueprint("demonstration", __name__)

    @made.get("/demo")
    def page() -> str:
        return render_template("demo.html", played=played)

    @made.post("/demo")
    def enter() -> Response:
        one = next((one for one in played if one.sign_in == request.form.get("sign_in")), None)
        if one is None:
            abort(404)
        address = request.remote_addr or ""
        guard.set_cookie(people.enter(guard.board().store, one.sign_in, one.password, address=address))
        return redirect(FIRST, 303)

    return made
