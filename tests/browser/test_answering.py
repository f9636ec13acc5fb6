"""An answer from the form to the citizen's thread."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.conftest import Open
from tests.browser.town import OFFICER, Town

WITHOUT_SCRIPTS = {"java_script_enabled": False}


@pytest.mark.parametrize("how", [{}, WITHOUT_SCRIPTS], ids=["with scripts", "without scripts"])
def test_an_answer_goes_from_the_form_to_the_citizen(open_page: Open, kota: Town, how: dict[str, Any]) -> None:
    one = kota.waiting()
    words = f"Terima kasih, laporan {one} kami tangani besok."
    page = open_page(f"/laporan/{one}", OFFICER, **how)
    page.fill("#text", words)
    page.click("#jawab button:has-text('Kirim')")
    page.wait_for_url("**#kiriman")
    assert words in page.inner_text("#kiriman")
    assert "menunggu" in page.inner_text("#kiriman")
    kota.cycle()
    page.reload()
    assert "sampai" in page.inner_text("#kiriman")
    assert sum(words in said for said in kota.said_of(one)) == 1


def test_a_draft_saves_itself_and_is_there_again(open_page: Open, kota: Town) -> None:
    one = kota.open_one()
    page = open_page(f"/laporan/{one}", OFFICER)
    page.fill("#text", "Kami periksa dahulu")
    page.wait_for_selector("#draf:has-text('Draf tersimpan')")
    assert ", sisa " in page.inner_text("#sisa")
    again = open_page(f"/laporan/{one}", OFFICER, **WITHOUT_SCRIPTS)
    assert again.input_value("#text") == "Kami periksa dahulu"
    again.fill("#text", "Kami periksa dahulu, besok")
    again.click("text=Simpan draf")
    assert again.input_value("#text") == "Kami periksa dahulu, besok"
    assert "disimpan" in again.inner_text("#draf")


def test_an_open_page_shows_that_it_arrived_and_leaves_what_is_typed_alone(open_page: Open, kota: Town) -> None:
    one = kota.waiting()
    page = open_page(f"/laporan/{one}", OFFICER)
    page.fill("#text", "Sudah kami tangani.")
    page.click("text=Kirim jawaban")
    page.wait_for_url("**#kiriman")
    page.fill("#text", "Yang sedang saya tulis")
    kota.cycle()
    page.wait_for_selector("#kiriman:has-text('sampai')")
    assert page.input_value("#text") == "Yang sedang saya tulis"
    assert page.evaluate("document.activeElement.id") == "text"


def test_the_preview_is_seen_before_anything_is_sent(open_page: Open, kota: Town) -> None:
    one = kota.open_one()
    page = open_page(f"/laporan/{one}", OFFICER)
    page.fill("#text", "Akan kami kerjakan.")
    page.click("text=Pratinjau")
    assert "Akan kami kerjakan." in page.inner_text("#pratinjau")
    assert page.input_value("#text") == "Akan kami kerjakan."
