"""The second step: at the door (/masuk/faktor), and where a person sets it up (/akun/faktor)."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from flask import Blueprint, g, redirect, render_template, request, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response

from lapor_sync.domain.people import FactorKind
from lapor_sync.office import factors as office
from lapor_sync.office import people as accounts
from lapor_sync.office.factors import NewTotp, Place
from lapor_sync.store import factors as stored
from lapor_sync.store import people
from lapor_sync.web import guard, session
from lapor_sync.web.failing import Problem, form_on, typed
from lapor_sync.web.guard import board
from lapor_sync.web.pages.sign_in import entered, kept_words, local

factors = Blueprint("factors", __name__)


def place() -> Place:
    """Return the board as factors know it. Passkeys belong to a host's name: browsers make none for an address."""
    url = board().public_url or request.host_url.rstrip("/")
    host = urlsplit(url).hostname or ""
    title = f"Papan LAPOR! {board().city}".strip()
    return Place(secret=board().secret, title=title, host=host if _is_name(host) else None, origin=url)


def _is_name(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return bool(host)
    return False


# At the door.


@factors.get("/masuk/faktor")
def door(problem: Problem | None = None) -> str | Response:
    """The form for the code, or for the passkey."""
    token = guard.cookie() or ""
    if not accounts.is_half(token):
        return redirect(url_for("sign_in.page"), 303)
    kinds = office.awaited(board().store, token)
    has_passkey = FactorKind.PASSKEY in kinds and place().host is not None
    return render_template(
        "second_step.html",
        problem=problem,
        next=local(request.values.get("next")),
        kept=kept_words(),
        takes_code=FactorKind.TOTP in kinds,
        options=office.passkey_options(board().store, place(), token) if has_passkey else None,
    )


@factors.post("/masuk/faktor")
@form_on(door)
def enter() -> Response:
    """Take the code, or what the passkey signed, and go on."""
    token, store = guard.cookie() or "", board().store
    if signed := request.form.get("credential"):
        return entered(office.enter_by_passkey(store, place(), token, signed))
    return entered(office.enter_by_code(store, place(), token, request.form.get("code", "")))


# Where it is set up.


@factors.get("/akun/faktor")
def page(problem: Problem | None = None, **_of_act: str) -> str:
    """What the person has; what they may add once it is proved that it is them."""
    who, here = session.anybody(), place()
    is_proved = office.is_proved(board().store, who)
    with board().store.reading() as work:
        mine, left = stored.of(work, who.person_id), stored.codes_left(work, who.person_id)
        person = people.get(work, who.person_id)
    again = office.totp_again(here, who, request.form.get("sealed", "")) if "code" in request.form else None
    totp = (again or office.new_totp(here, who)) if is_proved else None
    passkey = office.new_passkey(board().store, here, who) if is_proved and here.host else None
    return render_template(
        "factors.html",
        problem=problem,
        who=who,
        mine=mine,
        left=left,
        is_proved=is_proved,
        is_due=session.lacks_factor(who),
        has_password=person is not None and person.password is not None,
        totp=totp,
        picture=_picture(totp) if totp else None,
        passkey=passkey,
        typed=typed(),
    )


def _picture(totp: NewTotp) -> Markup:
    """The address as a picture for the app's camera: dark on light in both themes, as cameras want it."""
    import segno  # for the once that a person sets it up

    made = segno.make(totp.uri, error="m", micro=False)
    return Markup(made.svg_inline(scale=5, border=4, light="#fff", title="Kode QR untuk aplikasi kode"))


@factors.post("/akun/bukti")
@form_on(page)
def prove() -> Response:
    """Prove by password or code that it is the person."""
    who, given = session.anybody(), request.form
    password, code = given.get("password", ""), given.get("proof", "")
    office.prove_again(board().store, place(), who, password=password, code=code)
    return redirect(url_for("factors.page"), 303)


@factors.post("/akun/faktor/totp")
@form_on(page)
def add_totp() -> str | Response:
    """Keep the app's secret, which a code proves."""
    who, given = session.anybody(), request.form
    return _added(office.add_totp(board().store, place(), who, given.get("sealed", ""), given.get("code", "")))


@factors.post("/akun/faktor/kunci")
@form_on(page)
def add_passkey() -> str | Response:
    """Keep the passkey that the browser made."""
    who, given = session.anybody(), request.form
    made = given.get("credential", "")
    return _added(
        office.add_passkey(board().store, place(), who, given.get("sealed", ""), made, given.get("name", ""))
    )


def _added(codes: list[str]) -> str | Response:
    g.pop("signed_in", None)
    return _shown_once(codes) if codes else redirect(url_for("factors.page"), 303)


def _shown_once(codes: list[str]) -> str:
    return render_template("recovery_codes.html", codes=codes)


@factors.post("/akun/faktor/kode")
@form_on(page)
def new_codes() -> str:
    """Make new recovery codes, and show them: this once."""
    return _shown_once(office.new_codes(board().store, session.anybody()))


@factors.post("/akun/faktor/<factor_id>/hapus")
@form_on(page)
def remove(factor_id: str) -> Response:
    """Take one away."""
    office.remove(board().store, session.anybody(), factor_id, board().second_factor)
    g.pop("signed_in", None)
    return redirect(url_for("factors.page"), 303)
