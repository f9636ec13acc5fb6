"""Rekap: the figures of a period on the board, as files, and fixed."""

from __future__ import annotations

import io
import re
from datetime import timedelta

import pytest
from openpyxl import load_workbook

from lapor_sync.domain.people import Post
from lapor_sync.store import audit
from lapor_sync.store.database import Store
from tests.databases import START
from tests.store.samples import save
from tests.web.site import ADMIN, LEADER, OFFICER, OTHER_OFFICER, Enter, token_in
from tests.web.test_pages import one


@pytest.fixture
def year(store: Store) -> str:
    """The year in which two reports of one OPD were received, and one of another."""
    for number, opd in (("7001", "611"), ("7002", "611"), ("7003", "612")):
        save(store, one(number, disposition_id=opd, created_at=START - timedelta(hours=1)))
    return f"{START:%Y}"


def test_an_officer_sees_the_figures_of_their_own_opd(enter: Enter, year: str) -> None:
    for post, count in ((OFFICER, 2), (OTHER_OFFICER, 1), (ADMIN, 3)):
        assert f"{count} laporan diterima" in enter(post).get(f"/rekap?period={year}").text


def test_what_is_no_period_is_said_beside_what_was_typed(enter: Enter) -> None:
    page = enter(OFFICER).get("/rekap?period=<b>kemarin")
    assert page.status_code == 422
    assert "bukan periode yang dikenal" in page.text
    assert 'value="&lt;b&gt;kemarin"' in page.text


@pytest.mark.parametrize("path", ["/rekap.pdf", "/rekap.xlsx"])
def test_a_file_of_no_period_is_refused(enter: Enter, path: str) -> None:
    assert enter(OFFICER).get(f"{path}?period=x").status_code == 422


def test_its_files_are_downloads_with_the_same_figures(enter: Enter, year: str) -> None:
    client = enter(OFFICER)
    book = client.get(f"/rekap.xlsx?period={year}")
    assert book.headers["Content-Disposition"] == f'attachment; filename="rekap-{year}.xlsx"'
    total = load_workbook(io.BytesIO(book.data))["OPD"]
    assert total.cell(total.max_row, 10).value == 2
    assert client.get(f"/rekap.pdf?period={year}").data.startswith(b"%PDF-")


def test_the_page_has_each_figure_as_the_workbook_has_it(enter: Enter, store: Store) -> None:
    """A figure that is rounded a second time is another number beside the workbook's."""
    for number, rating in (("7001", "1"), ("7002", "2"), ("7003", "3"), ("7004", "3")):
        save(store, one(number, created_at=START - timedelta(hours=1), rating=rating))
    client = enter(OFFICER)
    sheet = load_workbook(io.BytesIO(client.get(f"/rekap.xlsx?period={START:%Y}").data))["OPD"]
    name, *figures = (cell.value for cell in sheet[sheet.max_row])
    page = client.get(f"/rekap?period={START:%Y}").text
    assert page.count(f'<tfoot><tr><th scope="row">{name}</th>') == 2
    shown = re.findall("<strong>(.*?)</strong>", "".join(re.findall("<tfoot>.*</tfoot>", page)))
    assert 2.25 in figures
    assert [None if one == "–" else float(one.replace(",", ".")) for one in shown] == figures


def test_the_admin_fixes_the_figures_and_everybody_sees_since_when(enter: Enter, year: str, store: Store) -> None:
    client = enter(ADMIN)
    page = client.get(f"/rekap?period={year}")
    answer = client.post("/rekap/tetapkan", data={"period": year, "csrf": token_in(page)})
    assert answer.status_code == 303
    save(store, one("7004", disposition_id="611", created_at=START - timedelta(hours=1)))

    shown = client.get(answer.headers["Location"])
    assert "Angka yang berubah" in shown.text
    with store.reading() as work:
        fixed = [row for row in audit.about(work.conn, "kota", f"recap {year}") if row.what == "recap_fixed"]
    assert len(fixed) == 1


@pytest.mark.parametrize("period", ["2026-13", "9999", "2026-01-01..", ""])
def test_what_is_no_period_is_not_fixed(enter: Enter, year: str, period: str) -> None:
    client = enter(ADMIN)
    page = client.get(f"/rekap?period={year}")
    answer = client.post("/rekap/tetapkan", data={"period": period, "csrf": token_in(page)})
    assert answer.status_code == 422
    assert "bukan periode yang dikenal" in answer.text


@pytest.mark.parametrize("post", [OFFICER, LEADER])
def test_nobody_else_fixes_them(enter: Enter, year: str, store: Store, post: Post) -> None:
    client = enter(post)
    page = client.get(f"/rekap?period={year}")
    assert "Tetapkan angka ini" not in page.text
    answer = client.post("/rekap/tetapkan", data={"period": year, "csrf": token_in(page)})
    assert answer.status_code == 403
    with store.reading() as work:
        assert not audit.about(work.conn, "kota", f"recap {year}")
