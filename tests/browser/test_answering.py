"""An answer from the form to the citizen's thread."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Dialog, FilePayload, Route, expect

from tests.browser.conftest import WAIT, Open
from tests.browser.town import OFFICER, Town

JPEG = b"\xff\xd8\xff" + bytes(1000)
WITHOUT_SCRIPTS = {"java_script_enabled": False}


def file(name: str, content: bytes) -> FilePayload:
    """A file as somebody chooses it."""
    return {"name": name, "mimeType": "image/jpeg", "buffer": content}


@pytest.mark.parametrize("how", [{}, WITHOUT_SCRIPTS], ids=["with scripts", "without scripts"])
def test_an_answer_goes_from_the_form_to_the_citizen(open_page: Open, kota: Town, how: dict[str, Any]) -> None:
    one = kota.untouched()
    words = f"Terima kasih, laporan {one} kami tangani besok."
    page = open_page(f"/laporan/{one}", OFFICER, **how)
    page.fill("#text", words)
    page.set_input_files("#files", file("bukti.jpg", JPEG))
    page.click("#jawab button:has-text('Kirim')")
    page.wait_for_url("**#kiriman")
    assert words in page.inner_text("#kiriman")
    assert "menunggu" in page.inner_text("#kiriman")
    kota.cycle()
    page.reload()
    assert "sampai" in page.inner_text("#kiriman")
    assert [item["attachments"] for item in kota.thread(one) if words in item["content"]] == [["bukti.jpg"]]


@pytest.mark.parametrize("how", [{}, WITHOUT_SCRIPTS], ids=["with scripts", "without scripts"])
def test_a_connection_that_breaks_takes_neither_words_nor_files(
    open_page: Open, kota: Town, tmp_path: Path, how: dict[str, Any]
) -> None:
    """With scripts the page stays and says so; without, the browser's way back leads to them."""
    one, photo = kota.untouched(), tmp_path / "bukti.jpg"
    photo.write_bytes(JPEG)
    page = open_page(f"/laporan/{one}", OFFICER, breaks=True, **how)
    page.fill("#text", "Sudah selesai diperbaiki.")
    page.set_input_files("#files", photo)
    page.route("**/jawab", lambda route: route.abort("connectionreset"), times=1)
    page.click("text=Kirim jawaban", no_wait_after=True)
    if how:
        page.wait_for_function("location.protocol === 'chrome-error:'")
        page.go_back()
    else:
        page.wait_for_selector("#gagal:has-text('masih di sini')")
    assert page.input_value("#text") == "Sudah selesai diperbaiki."
    page.click("text=Kirim jawaban")
    page.wait_for_url("**#kiriman")
    assert page.input_value("#text") == ""
    kota.cycle()
    said = [item for item in kota.thread(one) if "Sudah selesai diperbaiki." in item["content"]]
    assert [item["attachments"] for item in said] == [["bukti.jpg"]]


@contextmanager
def busy(kota: Town) -> Iterator[None]:
    """Another process writes, and goes on writing."""
    path = kota.setup.store.engine.url.database
    with closing(sqlite3.connect(str(path), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


def test_a_database_that_is_busy_takes_neither_words_nor_files(open_page: Open, kota: Town) -> None:
    """The page says what is so, and the draft is saved once the database can be written again."""
    one = kota.untouched()
    page = open_page(f"/laporan/{one}", OFFICER, breaks=True)
    with busy(kota):
        page.fill("#text", "Besok pagi kami ke sana.")
        page.set_input_files("#files", file("bukti.jpg", JPEG))
        page.wait_for_selector("#draf:has-text('belum tersimpan')")
        page.click("text=Kirim jawaban")
        page.wait_for_selector(".problem:has-text('Basis data sedang tidak dapat dipakai')")
        assert page.input_value("#text") == "Besok pagi kami ke sana."
    page.wait_for_selector("#draf:has-text('Draf tersimpan')")
    page.click("text=Kirim jawaban")
    page.wait_for_url("**#kiriman")
    kota.cycle()
    said = [item for item in kota.thread(one) if "Besok pagi" in item["content"]]
    assert [item["attachments"] for item in said] == [["bukti.jpg"]]


def test_a_refused_answer_keeps_its_words_and_files_and_asks_on_the_page(open_page: Open, kota: Town) -> None:
    one = kota.untouched()
    page = open_page(f"/laporan/{one}", OFFICER)
    page.fill("#text", "Kami tinjau.")
    page.set_input_files("#files", file("besar.jpg", bytes(6 * 2**20)))
    page.click("text=Kirim jawaban")
    assert "terlalu besar" in page.evaluate("document.getElementById('files').validationMessage")
    page.set_input_files("#files", file("program.jpg", b"MZ"))
    page.click("text=Kirim jawaban")
    page.wait_for_selector(".problem:has-text('bukan seperti namanya')")
    assert page.input_value("#text") == "Kami tinjau."
    for _ in range(2):
        page.set_input_files("#files", file("bukti.jpg", JPEG))
        page.fill("#text", "Kami tinjau.")
        page.click("text=Kirim jawaban")
        page.wait_for_selector("#text:not([readonly])")
    page.wait_for_selector(".problem:has-text('sudah ditulis')")
    page.check("text=Kirim lagi kata-kata yang sama")
    page.click("text=Kirim jawaban")
    page.wait_for_selector("#kiriman li:nth-child(2)")
    assert page.query_selector(".problem") is None
    kota.cycle()
    said = [item["attachments"] for item in kota.thread(one) if "Kami tinjau." in item["content"]]
    assert said == [["bukti.jpg"], ["bukti.jpg"]]


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


def test_two_windows_of_one_report_lose_nothing_of_either(open_page: Open, kota: Town) -> None:
    one = kota.open_one()
    first, second = open_page(f"/laporan/{one}", OFFICER), open_page(f"/laporan/{one}", OFFICER)
    for text in ("Dari jendela pertama", "Dari jendela pertama, lanjut"):  # its own draft, which it may write over
        with first.expect_response("**/draf") as kept:
            first.fill("#text", text)
        assert kept.value.status == 204
    second.fill("#text", "Dari jendela kedua")
    second.wait_for_selector("#draf:has-text('diubah di jendela lain')")
    second.click("text=Simpan draf")
    second.wait_for_selector(".said:has-text('Dari jendela pertama, lanjut')")
    assert second.input_value("#text") == "Dari jendela kedua"
    second.check("input[name=over]")
    second.click("text=Simpan draf")
    second.wait_for_selector("#draf:has-text('Draf disimpan')")
    assert open_page(f"/laporan/{one}", OFFICER).input_value("#text") == "Dari jendela kedua"


def test_a_draft_kept_by_hand_is_not_saved_once_more(open_page: Open, kota: Town) -> None:
    one = kota.open_one()
    page = open_page(f"/laporan/{one}", OFFICER)
    page.fill("#text", "Disimpan dengan tangan")
    saves: list[str] = []
    page.on("request", lambda sent: saves.append(sent.url) if sent.url.endswith("/draf") else None)
    page.click("text=Simpan draf")
    page.wait_for_selector("#draf:has-text('Draf disimpan')")
    page.wait_for_timeout(2500)  # longer than a draft waits for more keys
    assert len(saves) == 1
    assert "Draf disimpan" in page.inner_text("#draf")


def test_a_draft_whose_saving_was_not_heard_of_is_still_the_window_s_own(open_page: Open, kota: Town) -> None:
    one = kota.open_one()
    page = open_page(f"/laporan/{one}", OFFICER, breaks=True)

    def lose(route: Route) -> None:
        route.fetch()
        page.locator("#text").press_sequentially(" dan seterusnya")  # typed before the page hears that it broke
        route.abort("connectionreset")

    page.route("**/draf", lose, times=1)
    page.fill("#text", "Tersimpan tanpa kabar")
    page.wait_for_selector("#draf:has-text('Draf tersimpan')")
    assert open_page(f"/laporan/{one}", OFFICER).input_value("#text") == "Tersimpan tanpa kabar dan seterusnya"


def test_who_leaves_words_behind_is_asked_and_keeps_them(open_page: Open, kota: Town) -> None:
    """Words of the last two seconds, and such as the board could not take, are no draft yet."""
    one, asked = kota.untouched(), list[str]()
    page = open_page(f"/laporan/{one}", OFFICER, breaks=True)

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    page.click("#text")
    with busy(kota):
        page.keyboard.type("Belum tersimpan")
        page.click("text=Tugas", no_wait_after=True)
        page.wait_for_selector("#draf:has-text('belum tersimpan')")
    assert asked == ["beforeunload"]
    assert page.input_value("#text") == "Belum tersimpan"
    page.wait_for_selector("#draf:has-text('Draf tersimpan')")
    page.click("text=Tugas")
    page.wait_for_url("**/tugas")
    assert asked == ["beforeunload"]


def test_a_note_that_is_being_written_stays_beside_an_answer_and_is_asked_about(
    open_page: Open, kota: Town
) -> None:
    one, asked = kota.untouched(), list[str]()
    page = open_page(f"/laporan/{one}", OFFICER)

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    page.click("#catatan summary")
    page.click("#note")
    page.keyboard.type("Sudah ditelepon")
    page.fill("#text", "Petugas kami sudah ke sana.")
    page.click("text=Kirim jawaban")
    page.wait_for_selector("#kiriman li")
    assert page.is_visible("#note")
    assert page.input_value("#note") == "Sudah ditelepon"
    page.click("text=Tugas", no_wait_after=True)
    page.wait_for_timeout(200)
    assert asked == ["beforeunload"]
    page.click("text=Simpan catatan")
    page.wait_for_selector("#catatan li:has-text('Sudah ditelepon')")
    assert asked == ["beforeunload"]


def test_an_open_page_shows_that_it_arrived_and_leaves_what_is_typed_alone(open_page: Open, kota: Town) -> None:
    one = kota.untouched()
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


def test_a_template_stands_apart_from_what_is_typed_wherever_it_is_put(open_page: Open, kota: Town) -> None:
    page = open_page(f"/laporan/{kota.open_one()}", OFFICER)
    page.fill("#text", "Sudah.Terima kasih.")
    page.evaluate("document.getElementById('text').setSelectionRange(6, 6)")
    page.click("#sisipkan")
    expect(page.locator("#text")).not_to_have_value("Sudah.Terima kasih.", timeout=WAIT)
    before, *template, after = page.input_value("#text").split("\n\n")
    assert (before, after) == ("Sudah.", "Terima kasih.")
    assert template
    page.fill("#text", "")
    page.click("#sisipkan")
    expect(page.locator("#text")).not_to_have_value("", timeout=WAIT)
    assert page.input_value("#text") == "\n\n".join(template)
    page.fill("#text", "")
