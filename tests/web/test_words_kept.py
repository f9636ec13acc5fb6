"""No word that was typed is lost, whatever happened between the look at a form and its sending."""

from __future__ import annotations

import re
from html import unescape
from typing import NamedTuple

import pytest
from flask.testing import FlaskClient
from sqlalchemy import update
from werkzeug.test import TestResponse

from lapor_sync.domain.people import Role, of_shell
from lapor_sync.domain.report import Institution
from lapor_sync.office import people
from lapor_sync.store import institutions
from lapor_sync.store import people as stored
from lapor_sync.store.database import Store
from lapor_sync.store.schema import tenure
from lapor_sync.web.board import Board
from tests.notices.conftest import Kept
from tests.store.samples import MERAH, mirrored, report, save
from tests.web.site import OPD, OTHER_OPD, board_on, client_of, text_of, token_in

PASSWORD = "gerimis di kebun kopi"
WORDS = "Kata yang sudah diketik"
OFFICER, ADMIN = "sari", "ayu"


class Form(NamedTuple):
    """A form into which people write: who does, where it stands, where it goes, what it holds."""

    who: str
    page: str
    to: str
    fields: dict[str, str]


OF_A_REPORT = [
    Form(OFFICER, "/laporan/7001", "/laporan/7001/jawab", {"text": WORDS, "seen": ""}),
    Form(OFFICER, "/laporan/7001", "/laporan/7001/draf", {"text": WORDS}),
    Form(OFFICER, "/laporan/7001", "/laporan/7001/pratinjau", {"text": WORDS}),
    Form(OFFICER, "/laporan/7001", "/laporan/7001/catatan", {"text": WORDS, "for": "catatan"}),
    Form(OFFICER, "/laporan/7001/serahkan", "/laporan/7001/serahkan", {"to": "612", "reason": WORDS}),
]
FORMS = [
    *OF_A_REPORT,
    Form(OFFICER, "/templat", "/templat", {"title": "Judul", "text": WORDS}),
    Form(OFFICER, "/laporan", "/laporan/saringan", {"name": WORDS, "query": "colour=merah"}),
    Form(OFFICER, "/akun/pemberitahuan", "/akun/pemberitahuan", {"kind": "email", "address": WORDS}),
    Form(ADMIN, "/orang/undang", "/orang/undang", {"name": WORDS, "sign_in": "rina", "role": "officer"}),
    Form(ADMIN, "/orang/serah-terima", "/orang/serah-terima", {"post": "1-1", "to": "rina", "name": WORDS}),
]
OF_A_POST = [one for one in FORMS if not one.page.startswith("/akun")]


@pytest.fixture
def board(store: Store) -> Board:
    return board_on(store, sender=Kept())


@pytest.fixture
def browser(board: Board, store: Store) -> FlaskClient:
    lies_with(store, OPD)
    with store.work() as work:
        institutions.replace_all(
            work, [Institution(id=OPD, name="Dinas PUPR"), Institution(id=OTHER_OPD, name="PDAM")]
        )
    for name, role, opd in ((OFFICER, Role.OFFICER, OPD), (ADMIN, Role.ADMIN, None), ("bayu", Role.ADMIN, None)):
        link = people.invite(store, of_shell("root"), name=name, sign_in=name, role=role, opd=opd)
        people.accept(store, link, PASSWORD)
    return client_of(board)


def lies_with(store: Store, opd: str) -> None:
    save(store, mirrored("7001", report("7001", title="Lampu mati", disposition_id=opd), verdict=MERAH))


def opened(browser: FlaskClient, form: Form) -> dict[str, str]:
    """What the form would send, from a page that was opened in time."""
    signed_in(browser, browser.get("/masuk"), form.who)
    return {"csrf": token_in(browser.get(form.page)), **form.fields}


def signed_in(browser: FlaskClient, door: TestResponse, who: str) -> TestResponse:
    hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', door.text)
    fields = {name: unescape(value) for name, value in hidden}
    return browser.post("/masuk", data={**fields, "sign_in": who, "password": PASSWORD})


def session_ends(store: Store, who: str) -> None:
    with store.work() as work:
        stored.end_sessions(work, people.person_of(work, who).id)


def post_ends(store: Store, who: str) -> None:
    with store.work() as work:
        mine = tenure.c.person_id == int(people.person_of(work, who).id)
        work.conn.execute(update(tenure).where(mine).values(until=work.at))


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.to)
def test_a_session_that_is_over_keeps_them_for_the_same_form(
    browser: FlaskClient, store: Store, form: Form
) -> None:
    sent = opened(browser, form)
    session_ends(store, form.who)
    door = browser.post(form.to, data=sent)
    assert door.status_code == 401
    assert f"(belum tersimpan) {WORDS}" in text_of(door)
    again = signed_in(browser, door, form.who)
    assert again.status_code == 200
    assert WORDS in again.text


@pytest.mark.parametrize("form", OF_A_POST, ids=lambda form: form.to)
def test_a_post_that_ended_meanwhile_leaves_them_to_be_read(
    browser: FlaskClient, store: Store, form: Form
) -> None:
    """In a session that goes on, and in one that ended with the post."""
    sent = opened(browser, form)
    post_ends(store, form.who)
    refused = browser.post(form.to, data=sent)
    assert refused.status_code == 403
    assert f"(belum tersimpan) {WORDS}" in text_of(refused)
    session_ends(store, form.who)
    behind = signed_in(browser, browser.post(form.to, data=sent), form.who)
    assert behind.status_code == 403
    assert f"(belum tersimpan) {WORDS}" in text_of(behind)


@pytest.mark.parametrize("form", OF_A_REPORT, ids=lambda form: form.to)
def test_a_report_that_went_to_another_opd_meanwhile_leaves_them_to_be_read(
    browser: FlaskClient, store: Store, form: Form
) -> None:
    sent = opened(browser, form)
    lies_with(store, OTHER_OPD)
    gone = browser.post(form.to, data=sent)
    assert gone.status_code == 404
    assert f"{WORDS}</textarea>" in gone.text
    session_ends(store, form.who)
    behind = signed_in(browser, browser.post(form.to, data=sent), form.who)
    assert behind.status_code == 404
    assert f"(belum tersimpan) {WORDS}" in text_of(behind)
    assert "<form" not in behind.text.partition("<main")[2]  # what it would be sent to is not known any more


def test_what_cannot_be_found_after_signing_in_leaves_them_to_be_read(browser: FlaskClient) -> None:
    door = browser.get("/masuk")
    fields = {"csrf": token_in(door), "next": "/orang/99", "kept.name": WORDS, "sign_in": ADMIN}
    answer = browser.post("/masuk", data={**fields, "password": PASSWORD})
    assert answer.status_code == 404
    assert f"(belum tersimpan) {WORDS}" in text_of(answer)


def test_a_sign_on_that_takes_no_words_along_says_so(board: Board, browser: FlaskClient, store: Store) -> None:
    sent = opened(browser, OF_A_REPORT[0])
    session_ends(store, OFFICER)
    assert "tidak ikut lewat akun kota" not in text_of(browser.post(OF_A_REPORT[0].to, data=sent))
    with_sign_on = client_of(board_on(store, provider=object()))
    answer = with_sign_on.post(OF_A_REPORT[0].to, data={**sent, "csrf": token_in(with_sign_on.get("/masuk"))})
    assert "tidak ikut lewat akun kota" in text_of(answer)
