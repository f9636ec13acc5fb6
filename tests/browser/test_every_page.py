"""Every page as people meet it: on a phone and on a desktop, in the light and in the dark."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from lapor_sync.domain.delivery import Reason
from lapor_sync.domain.errors import BadRecord
from lapor_sync.store import conflicts, drafts, notes, quarantine
from lapor_sync.store.schema import report
from tests.browser.conftest import DESKTOP, PHONE, Look, Open, overhang, violations
from tests.browser.town import ADMIN, INSPECTOR, OFFICER, Town

PAGES = [
    ("/masuk", None),
    ("/demo-that-is-not-there", None),
    ("/tugas", OFFICER),
    ("/laporan", OFFICER),
    ("/laporan?colour=merah&waiting_on=opd&overdue=1", ADMIN),
    ("/laporan?q=tidak-ada-yang-begitu", ADMIN),
    ("/laporan/{waiting}", OFFICER),
    ("/laporan/{waiting}", INSPECTOR),
    ("/laporan/{waiting}/serahkan", OFFICER),
    ("/laporan/{waiting}/cetak", OFFICER),
    ("/kiriman", OFFICER),
    ("/opd", ADMIN),
    ("/orang", ADMIN),
    ("/orang/jabatan", ADMIN),
    ("/orang/undang", ADMIN),
    ("/orang/serah-terima", ADMIN),
    ("/rekap", ADMIN),
    ("/rekap?period=kemarin", OFFICER),
    ("/keputusan", ADMIN),
    ("/riwayat?periksa=1", ADMIN),
    ("/sistem", ADMIN),
    ("/akun", OFFICER),
    ("/templat", OFFICER),
    ("/masuk/lupa", None),
    ("/orang/1", ADMIN),
]


@pytest.mark.parametrize(("path", "who"), PAGES)
def test_a_page_keeps_nobody_out_and_fits(look: Look, kota: Town, path: str, who: str | None) -> None:
    page = look(path.format(waiting=kota.untouched()), who)
    for size, theme in ((PHONE, "dark"), (DESKTOP, "light")):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        assert violations(page) == []
        assert overhang(page) <= 0
    page.set_viewport_size({"width": 320, "height": 640})
    assert overhang(page) <= 0


def test_what_a_page_brings_is_little_and_from_here(open_page: Open, kota: Town) -> None:
    asked: list[str] = []
    page = open_page("/masuk")
    page.on("request", lambda request: asked.append(request.url))
    page.reload()
    assert asked
    assert {url for url in asked if not url.startswith((kota.url, "data:"))} == set()


@pytest.mark.parametrize("path", ["/tugas", "/laporan", "/laporan/{waiting}"])
def test_it_is_walked_through_by_the_keyboard(open_page: Open, kota: Town, path: str) -> None:
    page = open_page(path.format(waiting=kota.untouched()), OFFICER)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Langsung ke isi"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")


def test_a_long_word_and_hostile_text_make_no_page_wider_and_run_nothing(open_page: Open, kota: Town) -> None:
    one, word = kota.untouched(), "<img src=x onerror=alert(1)>" + "W" * 300
    with kota.setup.store.work() as work:
        values = dict.fromkeys(("title", "content", "location", "disposition_name", "category"), word)
        work.conn.execute(update(report).where(report.c.tracking_id == one).values(content_text=None, **values))
        conflicts.open_one(work, kind=Reason.BOTH_MOVED, tracking_id=one)
        quarantine.put(work, "list", BadRecord(word, key=word, report_id=None, raw="{}"))
        notes.add(work, one, word, is_instruction=True, day=None)
        drafts.put(work, "2", one, text=word, is_secret=False, seen="")
        work.note(word, word)
    page = open_page("/tugas", ADMIN, viewport={"width": 320, "height": 640})
    page.on("dialog", lambda dialog: pytest.fail(dialog.message))
    for path in (
        "/tugas",
        "/laporan",
        f"/laporan/{one}",
        f"/laporan/{one}/cetak",
        "/keputusan",
        "/riwayat",
        "/opd",
    ):
        page.goto(kota.url + path)
        assert overhang(page) <= 0, path
