"""What somebody typed and has not sent yet, in a browser: it is never gone without a question."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Dialog, Page

from lapor_sync.domain.people import Role, of_shell
from lapor_sync.office import people
from lapor_sync.store import notes
from lapor_sync.store import people as stored
from tests.browser.conftest import Open, overhang, violations
from tests.browser.test_answering import WITHOUT_SCRIPTS
from tests.browser.town import OFFICER, Town

TONO, PASSWORD = "tono", "gerimis di kebun kopi"


@pytest.fixture
def tono(kota: Town) -> str:
    """Somebody who knows the password; signed in once more for each test."""
    store = kota.setup.store
    if TONO not in kota.sessions:
        link = people.invite(store, of_shell("t"), name="Tono", sign_in=TONO, role=Role.OFFICER, opd=kota.opd)
        people.accept(store, link, PASSWORD)
    kota.sessions[TONO] = people.enter(store, TONO, PASSWORD, address="127.0.0.1")
    return TONO


def sessions_end(kota: Town, who: str) -> None:
    with kota.setup.store.work() as work:
        stored.end_sessions(work, people.person_of(work, who).id)


def asked_by(page: Page) -> list[str]:
    """What the browser asks from now on; whoever is asked stays."""
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    return asked


@pytest.mark.parametrize("how", [{}, WITHOUT_SCRIPTS], ids=["with scripts", "without scripts"])
@pytest.mark.parametrize("field", ["#text", "#note"])
def test_words_wait_behind_the_door_of_a_session_that_is_over(
    open_page: Open, kota: Town, tono: str, how: dict[str, Any], field: str
) -> None:
    page = open_page(f"/laporan/{kota.untouched()}", tono, **how)
    asked = asked_by(page)
    sessions_end(kota, tono)
    if field == "#note":
        page.click("#catatan summary")
    page.click(field)
    page.keyboard.type("Petugas kami ke sana besok.")
    if field == "#text" and not how:
        page.wait_for_selector("#draf:has-text('Anda sudah keluar')")
    page.click("text=Simpan catatan" if field == "#note" else "text=Simpan draf")
    page.wait_for_selector("[name=password]")
    assert "Petugas kami ke sana besok." in page.inner_text("main")
    if not how:
        assert violations(page) == []
        assert overhang(page) <= 0
    page.fill("[name=sign_in]", tono)
    page.fill("[name=password]", PASSWORD)
    page.click("main button:has-text('Masuk')")
    page.wait_for_selector(field)
    assert page.input_value(field) == "Petugas kami ke sana besok."
    assert asked == []


@pytest.mark.parametrize("path", ["/laporan/{open}/serahkan", "/templat"])
def test_who_leaves_words_behind_that_no_draft_keeps_is_asked(open_page: Open, kota: Town, path: str) -> None:
    page = open_page(path.format(open=kota.untouched()), OFFICER)
    asked = asked_by(page)
    page.click("textarea")
    page.keyboard.type("Jalan ini jalan provinsi.")
    page.click("nav >> text=Tugas", no_wait_after=True)
    page.wait_for_timeout(200)
    assert asked == ["beforeunload"]
    assert page.input_value("textarea") == "Jalan ini jalan provinsi."


def test_a_button_that_is_pressed_twice_sends_once_and_again_later(open_page: Open, kota: Town) -> None:
    one = kota.untouched()
    page = open_page(f"/laporan/{one}", OFFICER)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    page.click("#catatan summary")
    page.fill("#note", "Sudah ditelepon")
    page.dblclick("text=Simpan catatan")
    page.wait_for_selector("#catatan li:has-text('Sudah ditelepon')")
    assert len(sent) == 1
    page.click("#catatan summary")
    page.fill("#note", "Dan dijawab")
    page.click("text=Simpan catatan")
    page.wait_for_selector("#catatan li:has-text('Dan dijawab')")
    with kota.setup.store.reading() as work:
        assert [note.text for note in notes.of_report(work, one)] == ["Sudah ditelepon", "Dan dijawab"]
