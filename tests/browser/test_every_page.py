"""Every page as people meet it: on a phone and on a desktop, in the light and in the dark."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page
from sqlalchemy import update

from lapor_sync.domain.delivery import Reason
from lapor_sync.domain.errors import BadRecord, StoreBusy, StoreUnavailable
from lapor_sync.domain.people import FactorKind
from lapor_sync.office import people
from lapor_sync.store import conflicts, drafts, factors, notes, quarantine, queries
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
    ("/akun/faktor", OFFICER),
    ("/akun/pemberitahuan", OFFICER),
]


@pytest.mark.parametrize(("path", "who"), PAGES)
def test_a_page_keeps_nobody_out_and_fits(look: Look, kota: Town, path: str, who: str | None) -> None:
    _keeps_nobody_out_and_fits(look(path.format(waiting=kota.untouched()), who))


@pytest.mark.parametrize(
    "error", [StoreUnavailable("away", todo="wait"), StoreBusy("busy", todo="wait"), OSError(28)]
)
def test_a_page_that_fails_keeps_nobody_out_and_fits(
    open_page: Open, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(queries, "tasks", fails)
        page = open_page("/tugas", OFFICER, breaks=True)
    assert page.query_selector("h1") is not None
    _keeps_nobody_out_and_fits(page)


def test_the_second_step_keeps_nobody_out_and_fits(look: Look, kota: Town) -> None:
    with kota.setup.store.work() as work:
        rini = people.person_of(work, INSPECTOR).id
        factors.add(work, rini, FactorKind.TOTP, name="", secret="", counter=0)
        kota.sessions["half"] = people.go_on(work, rini, "127.0.0.1")
    page = look("/masuk/faktor", "half")
    assert page.is_visible("input[name=code]")
    _keeps_nobody_out_and_fits(page)
    with kota.setup.store.work() as work:
        factors.remove(work, rini)


def _keeps_nobody_out_and_fits(page: Page) -> None:
    for size, theme in ((PHONE, "dark"), (DESKTOP, "light")):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        assert violations(page) == []
        assert overhang(page) <= 0
    page.set_viewport_size({"width": 320, "height": 640})
    assert overhang(page) <= 0


def test_a_sheet_is_read_on_a_phone_too(look: Look, kota: Town) -> None:
    """Its facts have the width of the window, not what their names leave of it."""
    page = look(f"/laporan/{kota.untouched()}/cetak", OFFICER)
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    assert page.evaluate("Math.min(...[...document.querySelectorAll('.facts dd')].map(e => e.clientWidth))") > 300


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
