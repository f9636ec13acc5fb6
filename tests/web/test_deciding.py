"""What only a person decides, the audit, and the list as a workbook."""

from __future__ import annotations

import io
import re
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from openpyxl import load_workbook
from sqlalchemy import text, update

from lapor_sync.domain.delivery import Reason, State
from lapor_sync.domain.errors import BadRecord
from lapor_sync.domain.people import Post
from lapor_sync.domain.questions import MANY_VANISHED, MISSING, OPEN
from lapor_sync.domain.report import OutgoingFile
from lapor_sync.domain.scene import Scene
from lapor_sync.store import audit, conflicts, outbox, quarantine, threads
from lapor_sync.store.database import Store
from lapor_sync.store.schema import report as table
from tests.databases import START
from tests.store.samples import MERAH, add, get, item, mirrored, new, report, save
from tests.web.site import ADMIN, INSPECTOR, LEADER, OFFICER, OPD, Enter, text_of, token_in

HOSTILE = "<script>alert(1)</script>\u202e" + "W" * 300
REF = "LS-AAAAAA"


def one(tracking_id: str = "7001", **values: Any) -> Any:
    plain = {"title": "Lampu jalan mati", "content": "Gelap.", "disposition_id": OPD, **values}
    return mirrored(tracking_id, report(tracking_id, **plain), verdict=MERAH)


def ask(store: Store, *, may_have_arrived: bool = False, **values: Any) -> str:
    """A delivery that is held over a question; its number."""
    save(store, one(**values))
    photo = OutgoingFile(file_name="bukti.jpg", content=b"\xff\xd8\xff")
    add(store, new(REF, text=f"Kami ganti besok.\n[Ref {REF}]", files=(photo,)))
    with store.work() as work:
        threads.save(work, {"7001": (item("1", "Sudah dijawab dinas lain."),)}, {})
        if may_have_arrived:
            outbox.claim(work, get(work, REF), Scene(items={}, began_at=None))
            outbox.move(work, get(work, REF), State.UNKNOWN, Reason.REPLY_LOST)
        outbox.hold(work, get(work, REF), Reason.ANSWERED_ELSEWHERE)
        conflicts.open_one(work, kind=Reason.ANSWERED_ELSEWHERE, tracking_id="7001", ref=REF)
        return conflicts.listing(work)[0].id


def test_the_names_of_files_are_read_with_what_a_rahasia_report_says(enter: Enter, store: Store) -> None:
    ask(store, is_secret=True)
    assert "bukti.jpg" not in enter(ADMIN).get("/keputusan").text
    assert "bukti.jpg" not in enter(INSPECTOR).get("/laporan/7001").text
    assert "bukti.jpg" in enter(OFFICER).get("/laporan/7001").text


def state_of(store: Store) -> State:
    with store.reading() as work:
        return get(work, REF).state


# Questions.


def test_a_question_shows_both_sides_and_what_each_choice_does(enter: Enter, store: Store) -> None:
    ask(store)
    said = text_of(enter(ADMIN).get("/keputusan"))
    for page in ("/keputusan", "/laporan/7001"):
        assert f"jawaban {REF} dengan bukti.jpg" in text_of(enter(ADMIN).get(page))
    for words in (
        "Pihak lain menjawab",
        "Sudah dijawab dinas lain.",
        "Kami ganti besok.",
        "Kiriman kita berangkat",
        "Kiriman kita dibatalkan",
    ):
        assert words in said


@pytest.mark.parametrize(("choice", "state"), [("keep_ours", State.QUEUED), ("take_upstream", State.CANCELLED)])
def test_a_choice_is_carried_out_once(enter: Enter, store: Store, choice: str, state: State) -> None:
    number = ask(store)
    client = enter(ADMIN)
    data = {"csrf": token_in(client.get("/keputusan")), "choice": choice}
    assert client.post(f"/keputusan/{number}", data=data).status_code == 303
    assert state_of(store) is state
    again = client.post(f"/keputusan/{number}", data=data)
    assert again.status_code == 404
    assert "sudah diputuskan" in text_of(again)
    assert "Tidak ada yang perlu diputuskan" in text_of(client.get("/keputusan"))


def test_what_may_have_arrived_goes_again_only_by_who_looked(enter: Enter, store: Store) -> None:
    number = ask(store, may_have_arrived=True)
    client = enter(ADMIN)
    data = {"csrf": token_in(client.get("/keputusan")), "choice": "keep_ours"}
    assert client.post(f"/keputusan/{number}", data=data).status_code == 409
    assert state_of(store) is State.HELD
    assert client.post(f"/keputusan/{number}", data=data | {"sure": "1"}).status_code == 303
    assert state_of(store) is State.QUEUED


def test_many_that_vanished_have_one_choice(enter: Enter, store: Store) -> None:
    with store.work() as work:
        conflicts.open_one(work, kind=MANY_VANISHED, facts={MISSING: 40, OPEN: 90})
        number = conflicts.listing(work)[0].id
    client = enter(ADMIN)
    page = client.get("/keputusan")
    assert "40 dari 90 laporan" in text_of(page)
    data = {"csrf": token_in(page)}
    assert client.post(f"/keputusan/{number}", data=data | {"choice": "keep_ours"}).status_code == 422
    assert client.post(f"/keputusan/{number}", data=data | {"choice": "accept_vanished"}).status_code == 303


@pytest.mark.parametrize(
    ("number", "choice"), [("x", "keep_ours"), ("1", "by_itself"), ("1", ""), ("9", "keep_ours")]
)
def test_what_is_no_question_or_no_choice_is_not_there(
    enter: Enter, store: Store, number: str, choice: str
) -> None:
    ask(store)
    client = enter(ADMIN)
    data = {"csrf": token_in(client.get("/keputusan")), "choice": choice}
    assert client.post(f"/keputusan/{number}", data=data).status_code == 404
    assert state_of(store) is State.HELD


def test_what_a_rahasia_report_says_is_not_shown_beside_a_question(enter: Enter, store: Store) -> None:
    ask(store, is_secret=True, title="Judulnya")
    text = enter(ADMIN).get("/keputusan").text
    for words in ("Judulnya", "Sudah dijawab dinas lain", "Kami ganti besok"):
        assert words not in text


def test_many_questions_come_in_parts_and_each_once(enter: Enter, store: Store) -> None:
    save(store, *(one(str(7000 + n)) for n in range(120)))
    with store.work() as work:
        for n in range(120):
            conflicts.open_one(work, kind=Reason.BOTH_MOVED, tracking_id=str(7000 + n))
    client, path, met = enter(ADMIN), "/keputusan", 0
    for _ in range(3):
        page = client.get(path).text
        met += page.count('class="question"')
        path = page.split('rel="next"')[0].rpartition('href="')[2].split('"')[0] if 'rel="next"' in page else ""
    assert (met, path) == (120, "")


def test_what_could_not_be_read_is_listed_with_the_reason(enter: Enter, store: Store) -> None:
    with store.work() as work:
        quarantine.put(work, "list", BadRecord(HOSTILE, key="k1", report_id="7009", raw="{}"))
        quarantine.put(
            work, "export", BadRecord(Reason.ANOTHER_REPORT.value, key="k2", report_id="7010", raw="{}")
        )
    page = enter(ADMIN).get("/keputusan")
    assert "7009 Barisnya dalam daftar LAPOR" in text_of(page)
    assert "impor lagi berkasnya. LAPOR menampilkan laporan lain untuk nomor ini" in text_of(page)
    assert "<script>alert" not in page.text
    assert "\u202e" not in page.text


def test_what_could_not_be_read_comes_in_parts_and_each_once(enter: Enter, store: Store) -> None:
    with store.work() as work:
        for n in range(120):
            quarantine.put(work, "list", BadRecord("tanpa status", key=f"k{n}", report_id=f"{7000 + n}", raw="{}"))
    client, path, met = enter(ADMIN), "/keputusan", []
    for _ in range(3):
        page = client.get(path).text
        assert "Data yang tidak dapat dibaca: 120" in page
        met += re.findall(r"<tr><td>(7\d{3})</td>", page)
        path = page.rpartition('" rel="next"')[0].rpartition('href="')[2].replace("#disisihkan", "")
    assert (sorted(met), path) == ([f"{7000 + n}" for n in range(120)], "")


@pytest.mark.parametrize("given", ["x", "-1", "9" * 30, "\u0663"])
def test_a_part_that_no_page_names_is_the_first(enter: Enter, given: str) -> None:
    assert enter(ADMIN).get("/keputusan", query_string={"after": given, "aside": given}).status_code == 200


@pytest.mark.parametrize("post", [OFFICER, LEADER, INSPECTOR])
def test_only_an_admin_decides(enter: Enter, store: Store, post: Post) -> None:
    number = ask(store)
    client = enter(post)
    assert client.get("/keputusan").status_code == 403
    data = {"csrf": token_in(client.get("/akun")), "choice": "keep_ours"}
    assert client.post(f"/keputusan/{number}", data=data).status_code == 403
    assert state_of(store) is State.HELD


# The audit.


def test_the_audit_is_found_by_report_person_act_and_day(enter: Enter, store: Store) -> None:
    client = enter(ADMIN)
    with store.work() as work:
        work.note("shown", "7001")
        work.note("noted", "7002")
    assert {"7001", "7002"} <= set(text_of(client.get("/riwayat")).split())
    for query, found, not_found in (
        ("report=7001", "7001", "7002"),
        ("act=noted", "7002", "7001"),
        ("person=lapor-sync&report=7002", "7002", "7001"),
    ):
        rows = client.get(f"/riwayat?{query}").text.partition("<tbody>")[2]
        assert f">{found}<" in rows, query
        assert f">{not_found}<" not in rows, query
    day = START.date()
    assert "7001" in client.get(f"/riwayat?since={day}&until={day}").text
    for query in (f"since={day + timedelta(days=1)}", "person=8", f"until={day - timedelta(days=1)}"):
        assert "Tidak ada riwayat" in text_of(client.get(f"/riwayat?{query}")), query
    for odd in (
        "since=besok",
        "before=x",
        "before=" + "9" * 30,
        "report=%00",
        "act=%ED%A0%80",
        "since=0001-01-01",
    ):
        assert client.get(f"/riwayat?{odd}").status_code == 200, odd


def test_a_row_of_the_audit_is_told_in_words_and_names_people(enter: Enter, store: Store) -> None:
    client = enter(ADMIN)
    with store.work() as work:
        work.note("delivery_written", "7001", kind="response", ref="LS-AAAAAA")
        work.note("link_made", "person 7")
        work.note("text_kept", "text 3")
        work.note("delivery_paused", "deliveries")
        work.note("of_tomorrow", "7001", fact=1)
    said = text_of(client.get("/riwayat"))
    for words in ("menulis jawaban LS-AAAAAA", "membuat tautan masuk Sari", "of tomorrow", '{"fact":1}'):
        assert words in said
    for words in ("menyimpan teks siap pakai teks 3", "menghentikan pengiriman semua kiriman"):
        assert words in said


def test_the_audit_comes_in_parts_and_whole_as_csv(enter: Enter, store: Store) -> None:
    with store.work() as work:
        for n in range(2300):
            work.note("=cmd()", str(n))
    client = enter(INSPECTOR)
    page = client.get("/riwayat?act=%3Dcmd%28%29").text
    following = page.split('rel="next"')[0].rpartition('href="')[2].split('"')[0].replace("&amp;", "&")
    assert page.count("<tr><td>") == client.get(following).text.count("<tr><td>") == 100
    lines = client.get("/riwayat.csv?act=%3Dcmd%28%29").text.splitlines()
    assert len(lines) == 2301
    assert lines[0].startswith("\ufeffseq;at;who")
    assert all(";'=cmd();" in line for line in lines[1:])


def test_a_row_that_was_changed_is_named_and_a_chain_that_is_whole_is_said_to_be(
    enter: Enter, store: Store
) -> None:
    client = enter(ADMIN)
    with store.work() as work:
        work.note("shown", "7001")
        work.note("noted", "7001")
    said = text_of(client.get("/riwayat?periksa=1"))
    assert "Rantai utuh sampai baris" in said
    assert "tidak sesuai" not in said
    with store.engine.begin() as conn:
        conn.execute(text("DROP TRIGGER audit_no_update"))
        conn.execute(text("UPDATE audit SET subject = '7999' WHERE what = 'noted'"))
    said = text_of(client.get("/riwayat?periksa=1"))
    assert "Rantai tidak utuh" in said
    assert "tidak sesuai dengan sidiknya" in said


def test_a_row_without_a_time_or_text_is_shown_all_the_same(store: Store) -> None:
    row = audit.Row(1, "soon", "kota", "None", "x", "y", "{}", "", "")
    assert row.when is None
    assert not audit.is_whole(row)


@pytest.mark.parametrize(("post", "status"), [(OFFICER, 403), (LEADER, 403), (INSPECTOR, 200), (ADMIN, 200)])
def test_the_audit_is_for_few(enter: Enter, post: Post, status: int) -> None:
    for path in ("/riwayat", "/riwayat.csv"):
        assert enter(post).get(path).status_code == status


# The list as a workbook.


def rows_of(client: FlaskClient, path: str) -> list[tuple[Any, ...]]:
    answer = client.get(path)
    assert answer.status_code == 200
    assert "attachment" in answer.headers["Content-Disposition"]
    sheet = load_workbook(io.BytesIO(answer.data)).worksheets[0]
    return [tuple((cell.value, cell.data_type) for cell in row) for row in sheet.iter_rows()]


def test_the_workbook_is_that_list_with_times_numbers_and_no_formula(enter: Enter, store: Store) -> None:
    save(
        store,
        one(title="=HYPERLINK(1)", created_at=START, reporter_name="Ibu Wati"),
        one("7002", title="Judul rahasia", is_secret=True),
        one("7003", title="a\x07b\u202e" + "W" * 40_000, disposition_id="612"),
    )
    client = enter(OFFICER)
    head, *rows = rows_of(client, "/laporan.xlsx")
    assert [value for value, _ in head][:2] == ["Nomor", "Judul"]
    found = {row[0][0]: dict(zip((name for name, _ in head), row, strict=True)) for row in rows}
    assert set(found) == {"7001", "7002"}
    assert found["7001"]["Judul"] == ("=HYPERLINK(1)", "s")
    assert found["7001"]["Diterima"] == (START.replace(hour=10, tzinfo=None), "d")
    assert found["7001"]["Jawaban"] == (0, "n")
    assert found["7001"]["Menunggu"][0] == "OPD", "as the page says it"
    assert found["7002"]["Judul"][0] is None
    assert "Wati" not in str(rows)
    assert len(rows_of(client, "/laporan.xlsx?q=tidak+ada")) == 1
    assert len(rows_of(enter(ADMIN), "/laporan.xlsx")) == 4
    with store.work() as work:
        work.conn.execute(update(table).values(colour="hijau"))
    assert len(rows_of(client, "/laporan.xlsx")) == 1
    assert len(rows_of(client, "/laporan.xlsx?semua=1")) == 4
