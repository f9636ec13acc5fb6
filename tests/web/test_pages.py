"""Each page for no rows, one, many and hostile text; who sees what; what an answer's form does."""

from __future__ import annotations

import io
import re
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from functools import partial
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from lapor_sync import office
from lapor_sync.domain.access import Access
from lapor_sync.domain.colour import Colour, Flag, Verdict, WaitingOn
from lapor_sync.domain.delivery import State
from lapor_sync.domain.errors import StoreUnavailable
from lapor_sync.domain.people import Post, of_shell
from lapor_sync.domain.report import ItemKind, OutgoingFile
from lapor_sync.office import NewResponse
from lapor_sync.store import access, lock, marks, outbox, queries, threads
from lapor_sync.store.database import Store, open_store
from lapor_sync.store.marks import Mark
from lapor_sync.store.outbox import Queued
from lapor_sync.store.schema import HEAD, audit
from lapor_sync.web.board import Board
from tests.databases import START, StillClock, fresh
from tests.store.samples import add, item, mirrored, new, report, save
from tests.web.site import (
    ADMIN,
    INSPECTOR,
    LEADER,
    OFFICER,
    OPD,
    OTHER_OFFICER,
    OTHER_OPD,
    Enter,
    board_on,
    client_of,
    enter_as,
    form_of,
    hidden,
    text_of,
    token_in,
)

MERAH = Verdict(colour=Colour.MERAH, waiting_on=WaitingOn.OPD, row="10")
HOSTILE = "<script>alert(1)</script><b>\u202etxt.exe\u202c\x1b[31m" + "W" * 300 + "{{ 7 * 7 }}"
TEXT = "Terima kasih, lampunya kami ganti besok."
PAGES = (
    "/tugas",
    "/laporan",
    "/laporan?colour=merah&overdue=1&q=jalan",
    "/kiriman",
    "/opd",
    "/rekap",
    "/akun",
    "/laporan.csv",
)

OF_PEOPLE = ("/orang", "/orang/jabatan", "/orang/undang", "/orang/serah-terima", "/orang/7")


def one(tracking_id: str = "7001", **values: Any) -> Any:
    """A report of the OPD, as the mirror has it."""
    plain: dict[str, Any] = {"title": "Lampu jalan mati", "content": "<p>Gelap sekali.</p>", "disposition_id": OPD}
    mine: dict[Any, Any] = {
        name: values.pop(name)
        for name in ("verdict", "due_at", "auto_close_at", "vanished_at", "thread_error")
        if name in values
    }
    known: dict[str, Any] = {
        "verdict": MERAH,
        "due_at": START + timedelta(days=3),
        "deadline_clock": "answer",
        "thread_read_at": START,
    }
    known.update(mine)
    return mirrored(tracking_id, report(tracking_id, **{**plain, **values}), **known)


def put_thread(store: Store, tracking_id: str, *items: Any) -> None:
    with store.work() as work:
        threads.save(work, {tracking_id: items}, {})


def queued(store: Store) -> list[Queued]:
    with store.reading() as work:
        return outbox.listing(work)


def audited(store: Store, what: str) -> list[str]:
    with store.reading() as work:
        return list(work.conn.execute(select(audit.c.who).where(audit.c.what == what)).scalars())


# No rows, one, many, hostile.


@pytest.mark.parametrize("path", [*PAGES, "/sistem", *OF_PEOPLE])
def test_each_page_is_whole_without_a_row(enter: Enter, path: str) -> None:
    answer = enter(ADMIN).get(path)
    assert answer.status_code == 200
    if path != "/laporan.csv":
        assert answer.text.count("<h1>") == 1


@pytest.mark.parametrize("path", [*PAGES, "/sistem", "/laporan/7001", *OF_PEOPLE])
def test_what_others_wrote_is_text_and_harmless(enter: Enter, store: Store, path: str) -> None:
    is_html = path != "/laporan.csv"
    named = {"title": HOSTILE, "content": HOSTILE, "location": HOSTILE, "kecamatan": HOSTILE, "category": HOSTILE}
    save(store, one(disposition_name=HOSTILE, reporter_name=HOSTILE, status_name=HOSTILE, **named))
    put_thread(store, "7001", item("1", HOSTILE, author=HOSTILE), item("2", HOSTILE, kind=ItemKind.REPORTER))
    add(store, new("LS-AAAAAA", text=HOSTILE, by=HOSTILE), state=State.HELD)
    text = enter(ADMIN).get(path).text
    assert not is_html or "<script>alert" not in text
    assert not is_html or "<b>" not in text
    assert "\u202e" not in text
    assert "\x1b" not in text
    assert "W49" not in text


def test_many_reports_come_in_pages_and_each_once(enter: Enter, store: Store) -> None:
    save(store, *(one(str(7000 + n), created_at=START + timedelta(minutes=n)) for n in range(120)))
    client, path, met = enter(OFFICER), "/laporan", []
    for _ in range(3):
        text = client.get(path).text
        assert "120 laporan" in text
        met += re.findall(r'href="/laporan/(\d+)"', text)
        following = re.search(r'href="([^"]+)" rel="next"', text)
        path = following[1].replace("&amp;", "&") if following else ""
    assert path == ""
    assert met == [str(7000 + n) for n in range(119, -1, -1)]
    assert len(client.get("/laporan.csv").text.splitlines()) == 121


def test_filters_are_links_with_their_numbers_and_can_be_taken_off(enter: Enter, store: Store) -> None:
    hijau = Verdict(colour=Colour.HIJAU, waiting_on=None, row="2")
    save(store, one("7001"), one("7002", category="Jalan"), one("7003", verdict=hijau, due_at=None))
    client = enter(OFFICER)
    assert re.search(
        r'href="/laporan\?colour=merah"[^>]*>merah</a> <span class="dim">2<', client.get("/laporan").text
    )
    filtered = client.get("/laporan?colour=merah&category=Jalan")
    assert re.findall(r'href="/laporan/(\d+)"', filtered.text) == ["7002"]
    assert 'href="/laporan?category=Jalan">Warna kota: merah' in filtered.text
    assert "Tidak ada laporan dengan saringan ini" in text_of(client.get("/laporan?q=tidak+ada"))
    for odd in (
        "?colour=ungu",
        "?month=2026-13",
        "?after=x",
        "?month=0001-01",
        "?flag=%00",
        "?q=%00&opd=%ED%A0%80",
    ):
        assert client.get(f"/laporan{odd}").status_code == 200, odd


def test_numbers_of_the_newest_alone_are_said_to_be_so(
    enter: Enter, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(store, one("7001"), one("7002"))
    client, said = enter(OFFICER), "Angka di samping saringan dihitung dari 5.000 laporan terbuka yang terbaru"
    assert said not in text_of(client.get("/laporan"))
    monkeypatch.setattr(queries, "counts", partial(queries.counts, most=1, look=1))
    assert said in text_of(client.get("/laporan"))


def test_a_list_is_sorted_by_the_head_of_a_column_and_so_is_what_is_downloaded(enter: Enter, store: Store) -> None:
    save(store, *(one(str(7000 + n), title=f"Judul {n}", due_at=START + n * timedelta(days=1)) for n in (3, 1, 2)))
    client = enter(ADMIN)
    page = client.get("/laporan").text
    assert 'aria-sort="descending"><a href="/laporan?sort=received">Laporan' in page
    assert '<a href="/laporan?sort=due">Batas waktu</a>' in page
    up = client.get("/laporan?sort=due").text
    assert 'aria-sort="ascending"><a href="/laporan?sort=-due">Batas waktu' in up
    assert re.findall(r">Judul (\d)<", up) == ["1", "2", "3"]
    assert re.findall(r">Judul (\d)<", client.get("/laporan?sort=-due").text) == ["3", "2", "1"]
    assert 'href="/laporan.csv?sort=-due"' in client.get("/laporan?sort=-due").text
    assert re.findall(r"Judul (\d)", client.get("/laporan.csv?sort=-due").text) == ["3", "2", "1"]
    assert client.get("/laporan?sort=password").status_code == 200


def test_a_month_is_the_city_s_own(enter: Enter, store: Store) -> None:
    save(store, one("7001", created_at=START.replace(month=1, day=31, hour=17)), one("7002", created_at=START))
    assert re.findall(r'href="/laporan/(\d+)"', enter(OFFICER).get("/laporan?month=2026-02").text) == ["7001"]
    assert "Bulan: 2026-02" in text_of(enter(OFFICER).get("/laporan?month=2026-02"))


def test_tasks_come_the_most_urgent_first(enter: Enter, store: Store) -> None:
    save(
        store,
        one("7001", due_at=START - timedelta(days=4)),
        one("7002", due_at=START + timedelta(hours=2)),
        one("7003", due_at=START + timedelta(days=1)),
        one("7009", disposition_id=OTHER_OPD, due_at=START - timedelta(days=9)),
    )
    add(store, new("LS-AAAAAA", "7003"), state=State.HELD)
    theirs = Verdict(colour=Colour.KUNING, waiting_on=WaitingOn.REPORTER, row="4")
    save(store, one("7008", verdict=theirs, due_at=START - timedelta(days=1)))
    page = enter(OFFICER).get("/tugas")
    assert re.findall(r'href="/laporan/(\d+)"', page.text) == ["7001", "7002", "7003"]
    assert "1 laporan lain juga melewati batas waktu, tetapi sedang menunggu pihak lain" in text_of(page)
    said = text_of(page)
    assert "Terlambat: 1" in said
    assert "hari ini" in said
    assert "Kiriman yang ditahan atau ditolak: 1" in said


def test_what_closes_by_itself_is_listed_with_the_day_on_which_it_does(enter: Enter, store: Store) -> None:
    """Its deadline, weeks away, is the OPD's."""
    theirs = Verdict(colour=Colour.KUNING, waiting_on=WaitingOn.REPORTER, row="4")
    days = {"due_at": START + timedelta(days=50), "auto_close_at": START + timedelta(hours=2)}
    save(store, one("7001", verdict=theirs, **days))
    said = text_of(enter(OFFICER).get("/tugas"))
    assert "Ditutup otomatis" in said
    assert "(hari ini)" in said
    assert "Batas waktu" not in said


def test_an_empty_list_of_deliveries_says_what_comes_there(enter: Enter) -> None:
    assert "Jawaban yang ditulis di halaman sebuah laporan muncul di sini." in text_of(
        enter(OFFICER).get("/kiriman")
    )
    assert "dengan keadaan ini" in text_of(enter(OFFICER).get("/kiriman?state=held"))


def test_a_mirror_that_is_old_is_said_so_where_people_write(enter: Enter, store: Store, clock: StillClock) -> None:
    save(store, one())
    with store.work() as work:
        marks.put_now(work, Mark.LAST_SUCCESS)
    client, paths = enter(OFFICER), ("/tugas", "/kiriman", "/laporan/7001")
    assert [path for path in paths if "LAPOR terakhir terbaca" in client.get(path).text] == []
    clock.advance(3601)
    assert [path for path in paths if "LAPOR terakhir terbaca" in client.get(path).text] == [*paths]
    said = text_of(enter(ADMIN).get("/sistem"))
    assert "Jam server" in said
    assert f"skema {HEAD}, SQLite" in said


def test_the_system_page_says_what_check_asks(enter: Enter, store: Store, clock: StillClock) -> None:
    """As far as the daemon knew it at its last cycle, and the board by itself: it has no credentials."""
    save(store, one(thread_error="HTTP 500"))
    said = text_of(enter(ADMIN).get("/sistem"))
    assert "jam LAPOR belum diketahui" in said
    assert "Layanan yang bekerja tidak ada: laporan tidak diperbarui" in said
    with lock.working(store.engine, store.agency, "daemon"):
        assert "Layanan yang bekerja daemon" in text_of(enter(ADMIN).get("/sistem"))
    ends = {"bearer": clock.now() + timedelta(days=3), "token": clock.now() + timedelta(days=300)}
    with store.work() as work:
        access.put(work, Access(timedelta(seconds=40), ends))
    said = text_of(enter(ADMIN).get("/sistem"))
    assert "40 detik lebih cepat daripada jam LAPOR" in said
    assert re.search(r"bearer berlaku sampai [^:]*: mintalah yang baru", said)
    assert re.search(r"token berlaku sampai [^:]*WIB Batas waktu menurut", said)
    assert "2026 diketahui; 2027" in said
    assert "Percakapan yang tidak dapat dibaca 7001" in said
    with store.work() as work:
        access.put(work, Access(timedelta(0), {"bearer": clock.now()}))
    said = text_of(enter(ADMIN).get("/sistem"))
    assert "sesuai dengan jam LAPOR" in said
    assert "bearer sudah berakhir" in said


@pytest.mark.parametrize(
    ("pattern", "address"),
    [
        ("https://www.lapor.go.id/", "https://www.lapor.go.id/"),
        ("https://lapor.example/l/{tracking_id}", "https://lapor.example/l/7001"),
        ("https://lapor.example/l?id={id}", "https://lapor.example/l?id=upstream%2F9"),
    ],
)
def test_the_link_to_lapor_leads_to_the_report_where_its_address_is_known(
    enter: Enter, store: Store, pattern: str, address: str
) -> None:
    save(store, one(upstream_id="upstream/9"))
    client = enter(OFFICER)
    site = client.application
    site.config["BOARD"] = replace(site.config["BOARD"], report_url=pattern)
    assert f'<a href="{address}" rel="noopener noreferrer">buka LAPOR</a>' in client.get("/laporan/7001").text


@pytest.mark.parametrize("path", ["/tugas", "/laporan"])
def test_who_sees_one_opd_alone_does_not_read_its_name_in_each_row(enter: Enter, store: Store, path: str) -> None:
    save(store, one(due_at=START - timedelta(days=1)))
    column = re.compile('data-label="OPD"|<th scope="col">(?:<a [^>]*>)?OPD')
    assert column.findall(enter(OFFICER).get(path).text) == []
    assert len(column.findall(enter(ADMIN).get(path).text)) == 2
    assert len(column.findall(enter(OFFICER, OTHER_OFFICER).get(path).text)) == 2


def test_it_is_said_how_the_opd_stands_beside_last_month(enter: Enter, store: Store) -> None:
    month = START.replace(day=1)
    for number, at in (("7001", month), ("7002", month - timedelta(days=20)), ("7003", month)):
        save(store, one(number, created_at=at, **({"disposition_id": OTHER_OPD} if number == "7003" else {})))
    put_thread(store, "7001", item("1", created_at=month + timedelta(hours=1)))
    put_thread(store, "7002", item("2", created_at=month))
    said = text_of(enter(OFFICER).get("/tugas"))
    assert "611 bulan ini: 1 laporan (bulan lalu 1)" in said
    assert "tepat waktu 100,00 % (bulan lalu 0,00 %)" in said
    assert "Seluruh OPD bulan ini: 2 laporan" in text_of(enter(ADMIN).get("/tugas"))
    assert "100,00 % (bulan lalu 0,00 %)" in text_of(enter(ADMIN).get("/opd"))


def test_a_cell_of_the_csv_is_no_formula_and_names_nobody(enter: Enter, store: Store) -> None:
    save(store, one(title="=1+1", reporter_name="Ibu Wati"), one("7002", title="Rumah Pak X", is_secret=True))
    text = enter(ADMIN).get("/laporan.csv").text
    assert text.startswith("\ufeffNomor;Judul")
    assert "'=1+1" in text
    assert "Wati" not in text
    assert "Pak X" not in text


# Who sees what.

ROLES = {"officer": OFFICER, "other": OTHER_OFFICER, "admin": ADMIN, "leader": LEADER, "inspector": INSPECTOR}


@pytest.mark.parametrize(
    ("path", "statuses"),
    [
        ("/tugas", (200, 200, 200, 200, 200)),
        ("/laporan", (200, 200, 200, 200, 200)),
        ("/laporan/7001", (200, 404, 200, 200, 200)),
        ("/laporan/7999", (404, 404, 404, 404, 404)),
        ("/kiriman", (200, 200, 200, 200, 200)),
        ("/opd", (200, 200, 200, 200, 200)),
        ("/rekap", (200, 200, 200, 200, 200)),
        ("/rekap.pdf", (200, 200, 200, 200, 200)),
        ("/rekap.xlsx", (200, 200, 200, 200, 200)),
        ("/sistem", (403, 403, 200, 403, 200)),
        ("/orang", (403, 403, 200, 403, 403)),
        ("/orang/jabatan", (403, 403, 200, 403, 403)),
        ("/orang/undang", (403, 403, 200, 403, 403)),
        ("/orang/serah-terima", (403, 403, 200, 403, 403)),
        ("/orang/7", (403, 403, 200, 403, 403)),
        ("/orang/7999", (403, 403, 404, 403, 403)),
        ("/akun", (200, 200, 200, 200, 200)),
        ("/laporan.csv", (200, 200, 200, 200, 200)),
    ],
)
def test_each_role_sees_what_it_may(enter: Enter, store: Store, path: str, statuses: tuple[int, ...]) -> None:
    save(store, one())
    for (name, post), status in zip(ROLES.items(), statuses, strict=True):
        assert enter(post).get(path).status_code == status, name


@pytest.mark.parametrize("path", ["/tugas", "/laporan", "/laporan.csv", "/kiriman", "/opd", "/rekap"])
def test_no_list_shows_what_is_another_opd_s(enter: Enter, store: Store, path: str) -> None:
    save(store, one(due_at=START - timedelta(days=1), title="Lampu rahasia dinas", disposition_name="Dinas PUPR"))
    add(store, new("LS-AAAAAA"), state=State.HELD)
    text = enter(OTHER_OFFICER).get(path).text
    for word in ("7001", "Lampu rahasia", "LS-AAAAAA", "PUPR"):
        assert word not in text
    assert "7001" in enter(OFFICER).get(path).text or path in {"/opd", "/rekap"}


def test_a_report_that_one_may_not_see_is_answered_as_one_that_is_not_there(enter: Enter, store: Store) -> None:
    save(store, one())
    client = enter(OTHER_OFFICER)
    theirs, nobody_s = client.get("/laporan/7001"), client.get("/laporan/7998")
    assert theirs.status_code == nobody_s.status_code == 404
    assert theirs.text.replace("7001", "N") == nobody_s.text.replace("7998", "N")
    data = {"csrf": token_in(client.get("/akun")), "text": TEXT, "seen": ""}
    assert client.post("/laporan/7001/jawab", data=data).status_code == 404
    assert client.post("/kiriman/LS-AAAAAA/cancel", data=data).status_code == 404
    assert queued(store) == []


def test_a_person_of_two_opds_sees_and_answers_both_and_chooses_nothing(enter: Enter, store: Store) -> None:
    save(store, one("7001"), one("7002", disposition_id=OTHER_OPD))
    client = enter(OFFICER, OTHER_OFFICER)
    assert set(re.findall(r'href="/laporan/(\d+)"', client.get("/laporan").text)) == {"7001", "7002"}
    for key in ("7001", "7002"):
        data = form_of(client, f"/laporan/{key}", text=f"{TEXT} {key}")
        assert client.post(f"/laporan/{key}/jawab", data=data).status_code == 303
    assert [(made.delivery.opd, made.by) for made in queued(store)] == [
        (OPD, "person 7 in post 1"),
        (OTHER_OPD, "person 7 in post 2"),
    ]


def test_who_may_see_and_not_answer_reads_why(enter: Enter, store: Store) -> None:
    save(store, one())
    for post in (LEADER, INSPECTOR):
        client = enter(post)
        page = client.get("/laporan/7001")
        assert "tidak berwenang menjawab laporan" in text_of(page)
        assert 'id="text"' not in page.text
        answer = client.post("/laporan/7001/jawab", data={"csrf": token_in(page), "text": TEXT, "seen": ""})
        assert answer.status_code == 403
        assert "tidak berwenang menjawab laporan" in text_of(answer)
        assert TEXT in answer.text
    assert queued(store) == []


def test_a_closed_report_says_that_it_takes_no_answer(enter: Enter, store: Store) -> None:
    closed = Verdict(colour=Colour.HIJAU, waiting_on=None, row="2")
    save(store, one(verdict=closed, status_name="Selesai"))
    client = enter(OFFICER)
    page = client.get("/laporan/7001")
    assert "sudah ditutup" in text_of(page)
    answer = client.post("/laporan/7001/jawab", data={"csrf": token_in(page), "text": TEXT, "seen": ""})
    assert answer.status_code == 403
    assert TEXT in answer.text


@pytest.mark.parametrize(("post", "reads"), [(OFFICER, True), (ADMIN, True), (LEADER, False), (INSPECTOR, False)])
def test_what_a_rahasia_report_says_is_for_few_and_the_look_is_audited(
    enter: Enter, store: Store, post: Post, reads: bool
) -> None:
    save(store, one(title="Judulnya", content="Isinya", location="Tempatnya", is_secret=True))
    put_thread(store, "7001", item("1", "Jawabannya"))
    add(store, new("LS-AAAAAA", text="Kirimannya"), state=State.HELD)
    client = enter(post)
    for path in ("/laporan", "/tugas", "/kiriman", "/laporan.csv"):
        assert "Judulnya" not in client.get(path).text
    assert audited(store, "shown") == []
    text = client.get("/laporan/7001").text
    for word in ("Judulnya", "Isinya", "Tempatnya", "Jawabannya", "Kirimannya"):
        assert (word in text) is reads
    assert audited(store, "shown") == ([f"person 7 in post {post.id}"] if reads else [])


def test_the_reporter_s_name_is_for_who_needs_it(enter: Enter, store: Store) -> None:
    save(store, one(reporter_name="Ibu Wati"), one("7002", reporter_name="Ibu Ani", is_anonymous=True))
    put_thread(store, "7001", item("1", "Masih mati.", kind=ItemKind.REPORTER, author="Ibu Wati"))
    assert "Ibu Wati" in enter(OFFICER).get("/laporan/7001").text
    assert "Ibu Ani" not in enter(ADMIN).get("/laporan/7002").text
    for post in (LEADER, INSPECTOR):
        assert "Wati" not in enter(post).get("/laporan/7001").text


def test_a_person_without_a_post_sees_only_that_and_whom_to_ask(enter: Enter, store: Store) -> None:
    save(store, one())
    client = enter()
    for path in (*PAGES, "/sistem", "/laporan/7001"):
        answer = client.get(path)
        assert answer.status_code == (200 if path in {"/tugas", "/akun"} else 403), path
        assert "7001" not in answer.text
    assert "mintalah admin induk" in text_of(client.get("/tugas"))


def test_who_is_not_signed_in_is_led_to_the_door_and_back(client: FlaskClient) -> None:
    for path in (*PAGES, "/sistem", "/laporan/7001"):
        answer = client.get(path)
        assert answer.status_code == 303
        assert answer.headers["Location"].startswith("/masuk?next=/")
    assert (
        client.get("/laporan?colour=merah&q=a").headers["Location"]
        == "/masuk?next=/laporan?colour%3Dmerah%26q%3Da"
    )
    assert client.get("/").status_code == 303


@pytest.mark.parametrize("has_token", [True, False])
@pytest.mark.parametrize(
    ("path", "back"),
    [
        ("/laporan/7001/jawab", "/laporan/7001"),
        ("/kiriman/LS-AAAAAA/hold", "/kiriman"),
        ("/akun/kata-sandi", "/akun"),
    ],
)
def test_a_form_of_nobody_leads_to_the_door(
    client: FlaskClient, store: Store, path: str, back: str, has_token: bool
) -> None:
    save(store, one())
    add(store, new("LS-AAAAAA"))
    csrf = token_in(client.get("/masuk")) if has_token else ""
    data = {"csrf": csrf, "next": "/kiriman", "old": "x", "password": "y", "text": " "}
    answer = client.post(path, data=data)
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith(f"/masuk?next={back}")
    with_words = client.post("/laporan/7001/jawab", data={"csrf": csrf, "text": TEXT})
    assert with_words.status_code == 401
    assert TEXT in with_words.text
    assert [one.state for one in queued(store)] == [State.QUEUED]


# One report.


def test_a_report_says_its_colour_whom_it_waits_for_why_and_until_when(enter: Enter, store: Store) -> None:
    flags = frozenset({Flag.STATUS_WITHOUT_ANSWER})
    save(store, one(verdict=MERAH._replace(flags=flags)))
    put_thread(store, "7001", item("1", "Mohon ditindaklanjuti", kind=ItemKind.DISPOSITION, institution_to="PUPR"))
    said = text_of(enter(OFFICER).get("/laporan/7001"))
    assert "Warna kota: merah belum ditindaklanjuti. Menunggu: OPD" in said, "LAPOR has colours of its own"
    assert "sejak itu belum dijawab" in said
    assert "belum ada jawaban" in said
    assert re.search(r"Batas jawaban pertama OPD: \w+, \d+ Maret 2026 , \d+ hari kerja lagi", said)
    asked = item("2", "Mohon dilengkapi", kind=ItemKind.LOG, status_new="Tunda")
    put_thread(store, "7001", asked)
    save(store, one(status_name="Tunda"))
    said = text_of(enter(OFFICER).get("/laporan/7001"))
    assert re.search(r"Batas pelapor melengkapi data: \w+, \d+ Maret 2026 , \d+ hari kerja lagi", said)
    assert re.search(r"\d+ hari kerja sejak Senin, 2 Maret 2026", said)


def test_a_thread_of_500_items_is_shown_whole(enter: Enter, store: Store) -> None:
    save(store, one())
    put_thread(store, "7001", *(item(str(n), f"Kata ke-{n}.") for n in range(500)))
    text = enter(OFFICER).get("/laporan/7001").text
    assert all(f"Kata ke-{n}." in text for n in (0, 250, 499))


def test_a_report_tells_its_deliveries_and_its_history_in_words(enter: Enter, store: Store, board: Board) -> None:
    save(store, one())
    ref = office.respond(board.mirror, of_shell("budi"), NewResponse(given_id="7001", text=TEXT))
    office.change(board.mirror, of_shell("budi"), office.OutboxAct.HOLD, ref)
    said = text_of(enter(OFFICER).get("/laporan/7001"))
    assert f"jawaban {ref}: ditahan . Ditahan oleh petugas." in said
    assert f"budi: menulis jawaban {ref}" in said
    assert f"{ref} menunggu → ditahan" in said


# The answer.


def test_an_answer_of_the_form_ends_in_the_outbox_as_one_of_the_command_line(
    enter: Enter, store: Store, board: Board
) -> None:
    save(store, one("7001"), one("7002"))
    file = (io.BytesIO(b"%PDF-"), "surat tugas.pdf")
    data = form_of(enter(OFFICER), "/laporan/7001", text="Baris satu\r\nBaris dua", secret="1", files=[file])
    answer = enter(OFFICER).post("/laporan/7001/jawab", data=data)
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/laporan/7001#kiriman"
    files = (OutgoingFile(file_name="surat tugas.pdf", content=b"%PDF-"),)
    like = NewResponse(given_id="7002", text="Baris satu\nBaris dua", is_secret=True, files=files)
    office.respond(board.mirror, of_shell("budi"), like)
    mine, theirs = queued(store)
    assert mine.delivery.text.splitlines()[:2] == theirs.delivery.text.splitlines()[:2]
    for name in ("kind", "state", "opd", "is_secret", "baseline", "accepted_disposition", "accepted_status"):
        assert getattr(mine.delivery, name) == getattr(theirs.delivery, name)
    with store.reading() as work:
        stored = outbox.files_of(work, [mine.ref, theirs.ref])
    assert stored[mine.ref] == stored[theirs.ref]
    assert audited(store, "delivery_written") == ["person 7 in post 1", "budi"]


def test_a_file_goes_to_the_citizen_under_a_name_that_does_no_harm(board: Board, store: Store) -> None:
    save(store, one())
    names = ("C:\\rahasia\\a.pdf", "../../etc/b.pdf", "fdp\u202eexe.pdf", "c\r\nX: 1.pdf")
    files = tuple(OutgoingFile(file_name=name, content=b"%PDF-") for name in names)
    ref = office.respond(board.mirror, of_shell("budi"), NewResponse(given_id="7001", text=TEXT, files=files))
    with store.reading() as work:
        stored = outbox.files_of(work, [ref])[ref]
    assert [file.file_name for file in stored] == ["a.pdf", "b.pdf", "fdpexe.pdf", "c\ufffd\ufffdX_ 1.pdf"]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"text": "  "}, "Jawaban masih kosong"),
        ({"text": f"{TEXT} [Ref LS-AAAAAA]"}, "nomor rujukan kiriman lain"),
        ({"text": TEXT * 40}, "Kurangi"),
        ({"text": TEXT, "files": [(io.BytesIO(b"x"), "a.exe")]}, "tidak dapat dikirim"),
        ({"text": f"{TEXT}\x07"}, "tidak dapat dikirim"),
    ],
)
def test_a_refused_answer_stands_in_its_form_again_with_the_reason(
    enter: Enter, store: Store, values: dict[str, Any], said: str
) -> None:
    save(store, one())
    client = enter(OFFICER)
    answer = client.post("/laporan/7001/jawab", data=form_of(client, "/laporan/7001", secret="1", **values))
    assert answer.status_code == 422
    assert said in text_of(answer)
    assert values["text"] in answer.text
    assert 'name="secret" value="1" checked' in answer.text
    assert queued(store) == []


def test_the_same_words_are_sent_again_only_if_that_is_meant(enter: Enter, store: Store) -> None:
    save(store, one())
    client, path = enter(OFFICER), "/laporan/7001/jawab"
    assert 'name="again"' not in client.get("/laporan/7001").text
    assert client.post(path, data=form_of(client, "/laporan/7001", text=TEXT)).status_code == 303
    second = client.post(path, data=form_of(client, "/laporan/7001", text=TEXT))
    assert second.status_code == 422
    assert 'name="again"' in second.text
    data = {"csrf": token_in(second), "seen": hidden(second, "seen"), "text": TEXT, "again": "1"}
    assert client.post(path, data=data).status_code == 303
    assert len(queued(store)) == 2


def test_a_status_that_nobody_knows_is_answered_only_if_that_is_meant(enter: Enter, store: Store) -> None:
    save(store, one(status_name="Menunggu Telaah"))
    client, path = enter(OFFICER), "/laporan/7001/jawab"
    first = client.post(path, data=form_of(client, "/laporan/7001", text=TEXT))
    assert first.status_code == 422
    assert 'name="any_status"' in first.text
    data = {"csrf": token_in(first), "seen": hidden(first, "seen"), "text": TEXT, "any_status": "1"}
    assert client.post(path, data=data).status_code == 303


def test_what_happened_meanwhile_is_said_before_anything_is_queued(enter: Enter, store: Store) -> None:
    save(store, one())
    client = enter(OFFICER)
    data = form_of(client, "/laporan/7001", text=TEXT)
    put_thread(store, "7001", item("1", "Sudah menyala kok.", kind=ItemKind.REPORTER))
    answer = client.post("/laporan/7001/jawab", data=data)
    assert answer.status_code == 409
    assert "pelapor menulis lagi" in text_of(answer)
    assert "Sudah menyala kok." in answer.text
    assert TEXT in answer.text
    assert queued(store) == []
    again = {"csrf": token_in(answer), "seen": hidden(answer, "seen"), "text": TEXT}
    assert client.post("/laporan/7001/jawab", data=again).status_code == 303
    assert len(queued(store)) == 1


def test_an_old_page_loses_no_word(enter: Enter, store: Store) -> None:
    save(store, one())
    answer = enter(OFFICER).post(
        "/laporan/7001/jawab", data={"csrf": "0" * 64, "text": "\nKata & <kata>", "seen": ""}
    )
    assert answer.status_code == 403
    assert "\n\nKata &amp; &lt;kata&gt;</textarea>" in answer.text
    assert queued(store) == []


def test_a_database_that_is_busy_loses_no_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lapor_sync.store.database.BUSY_SECONDS", 0.1)
    with fresh("sqlite", tmp_path) as url:
        store = open_store(url, "kota", StillClock())
        save(store, one())
        client = client_of(board_on(store))
        enter_as(monkeypatch, client, OFFICER)
        data = form_of(client, "/laporan/7001", text=TEXT, secret="1")
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            answer = client.post("/laporan/7001/jawab", data=data)
        assert answer.status_code == 503
        assert answer.headers["Retry-After"]
        assert "Basis data sedang tidak dapat dipakai" in text_of(answer)
        assert "bila terulang, sampaikan kepada admin induk" in text_of(answer)
        assert f"{TEXT}</textarea>" in answer.text
        sent = {"csrf": token_in(answer), "seen": hidden(answer, "seen"), "text": TEXT}
        assert client.post("/laporan/7001/jawab", data=sent).status_code == 303
        store.close()


def test_where_not_even_the_page_can_be_made_the_words_stand_alone(
    enter: Enter, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(store, one())
    client = enter(OFFICER)
    data = form_of(client, "/laporan/7001", text=TEXT, secret="1")

    def gone(*_: object, **__: object) -> None:
        raise StoreUnavailable("The disk is gone.")

    monkeypatch.setattr("lapor_sync.office.known_report", gone)
    answer = client.post("/laporan/7001/jawab", data=data)
    assert answer.status_code == 503
    assert "disk" not in answer.text
    assert f"{TEXT}</textarea>" in answer.text
    assert 'name="secret" value="1"' in answer.text
    assert 'action="/laporan/7001/jawab"' in answer.text


def test_a_fault_of_ours_shows_no_trace_and_loses_no_word(
    enter: Enter, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(store, one())
    client = enter(OFFICER)
    data = form_of(client, "/laporan/7001", text=TEXT)
    monkeypatch.setattr("lapor_sync.office.respond", lambda *_: 1 / 0)
    answer = client.post("/laporan/7001/jawab", data=data)
    assert answer.status_code == 500
    assert "ZeroDivision" not in answer.text
    assert "division" not in answer.text
    assert f"{TEXT}</textarea>" in answer.text


def test_a_session_that_is_over_loses_no_word(enter: Enter, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    save(store, one())
    client = enter(OFFICER)
    data = form_of(client, "/laporan/7001", text=TEXT, secret="1")
    monkeypatch.setattr("lapor_sync.office.people.session", lambda _store, _token, _look=None: None)
    answer = client.post("/laporan/7001/jawab", data=data)
    assert answer.status_code == 401
    assert "Yang Anda tulis belum tersimpan" in text_of(answer)
    monkeypatch.setattr("lapor_sync.office.people.enter", lambda *_args, **_more: "session-token")
    enter(OFFICER)
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', answer.text))
    shown = client.post("/masuk", data={**fields, "sign_in": "sari", "password": "x"})
    assert shown.status_code == 200
    assert f"{TEXT}</textarea>" in shown.text
    assert 'name="secret" value="1" checked' in shown.text
    assert queued(store) == []
    sent = {"csrf": token_in(shown), "seen": hidden(shown, "seen"), "text": TEXT}
    assert client.post("/laporan/7001/jawab", data=sent).status_code == 303
    assert len(queued(store)) == 1


# Deliveries.


def test_a_delivery_is_held_let_go_and_called_off_as_its_state_allows(enter: Enter, store: Store) -> None:
    save(store, one())
    add(store, new("LS-AAAAAA"))
    client = enter(OFFICER)
    for act, state in (("hold", State.HELD), ("retry", State.QUEUED), ("cancel", State.CANCELLED)):
        page = client.get("/kiriman")
        assert f"/kiriman/LS-AAAAAA/{act}" in page.text
        data = {"csrf": token_in(page), "next": "/kiriman"}
        answer = client.post(f"/kiriman/LS-AAAAAA/{act}", data=data)
        assert (answer.status_code, answer.headers["Location"]) == (303, "/kiriman")
        assert queued(store)[0].state is state
    assert "/kiriman/LS-AAAAAA/" not in client.get("/kiriman").text
    late = client.post("/kiriman/LS-AAAAAA/hold", data={"csrf": token_in(client.get("/kiriman"))})
    assert late.status_code == 422
    assert "tidak dapat diubah" in text_of(late)
    assert (
        client.post("/kiriman/LS-AAAAAA/eat", data={"csrf": token_in(client.get("/kiriman"))}).status_code == 404
    )


def test_who_may_only_see_a_delivery_is_told_why_not(enter: Enter, store: Store) -> None:
    save(store, one())
    add(store, new("LS-AAAAAA"))
    client = enter(INSPECTOR)
    assert "/kiriman/LS-AAAAAA/" not in client.get("/kiriman").text
    answer = client.post("/kiriman/LS-AAAAAA/hold", data={"csrf": token_in(client.get("/akun"))})
    assert answer.status_code == 403
    assert "tidak berwenang menahan" in text_of(answer)
    assert queued(store)[0].state is State.QUEUED


def test_deliveries_are_filtered_by_state(enter: Enter, store: Store) -> None:
    save(store, one())
    add(store, new("LS-AAAAAA"))
    add(store, new("LS-BBBBBB"), state=State.HELD)
    client = enter(OFFICER)
    text = client.get("/kiriman?state=held").text
    assert "LS-BBBBBB" in text
    assert "LS-AAAAAA" not in text
    assert client.get("/kiriman?state=odd").status_code == 200


def test_deliveries_come_in_parts_and_each_once(enter: Enter, store: Store) -> None:
    save(store, one())
    add(store, *(new(f"LS-AAAA{a}{b}") for a in "ABCDEFGHJKLM" for b in "ABCDEFGHJK"))
    client, path, met = enter(OFFICER), "/kiriman?state=queued", []
    for _ in range(3):
        page = client.get(path).text
        met += re.findall(r"<td>[^<]* (LS-AAAA[A-M]{2})<br>", page)
        path = unescape(page.partition('" rel="next"')[0].rpartition('href="')[2]) if 'rel="next"' in page else ""
    assert (len(met), len(set(met)), path) == (120, 120, "")


def test_a_delivery_is_seen_by_the_opd_that_has_the_report_now(enter: Enter, store: Store) -> None:
    save(store, one(disposition_id=OTHER_OPD), one("7002", disposition_id=None))
    add(store, new("LS-AAAAAA"), new("LS-BBBBBB", "7002"), new("LS-CCCCCC", "7003"), state=State.HELD)
    for path in ("/kiriman", "/tugas"):
        assert set(re.findall(r"LS-[A-C]{6}", enter(OFFICER).get(path).text)) == {"LS-CCCCCC"}
        assert set(re.findall(r"LS-[A-C]{6}", enter(OTHER_OFFICER).get(path).text)) == {"LS-AAAAAA"}
        assert set(re.findall(r"LS-[A-C]{6}", enter(ADMIN).get(path).text)) == {
            "LS-AAAAAA",
            "LS-BBBBBB",
            "LS-CCCCCC",
        }


def test_an_address_that_no_database_can_be_asked_for_is_not_there(enter: Enter) -> None:
    for path in ("/laporan/%00", "/laporan/7001%00", "/undangan/%00"):
        assert enter(ADMIN).get(path).status_code == 404
