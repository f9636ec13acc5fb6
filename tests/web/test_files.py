"""Citizens' files on the board: shown or given out by what is in them, to who may see the report, and audited."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from lapor_sync.domain.citizen_files import OTHER, PDF, PICTURE, Absence, keys_of
from lapor_sync.domain.report import Attachment
from lapor_sync.store import citizen_files, threads
from lapor_sync.store.database import Store
from lapor_sync.store.file_folder import FileFolder
from lapor_sync.store.schema import audit
from tests.store.samples import item, mirrored, report, save
from tests.web.site import ADMIN, LEADER, OFFICER, OPD, OTHER_OFFICER, board_on, client_of

NAMES = ("foto.png", "surat.pdf", "<b>jahat</b>.html", "hilang.jpg")
SECRET = "7002"


@pytest.fixture
def folder(tmp_path: Path) -> FileFolder:
    return FileFolder(tmp_path / "files")


@pytest.fixture
def client(store: Store, folder: FileFolder) -> FlaskClient:
    """A report and a rahasia one with four files each, the last of a thread and not to be had."""
    for tracking_id in ("7001", SECRET):
        files = [Attachment(url=f"https://s.test/{name}", file_name=name) for name in NAMES]
        values = {"disposition_id": OPD, "is_secret": tracking_id == SECRET, "attachments": tuple(files[:3])}
        save(store, mirrored(tracking_id, report(tracking_id, **values)))
        with store.work() as work:
            threads.save(work, {tracking_id: (item(attachments=tuple(files[3:])),)}, {})
            citizen_files.note(work, {tracking_id: files})
            wanted = dict(zip(keys_of(files), NAMES, strict=True))
            for one in citizen_files.wanted(work, 9):
                match wanted[one.key]:
                    case "foto.png":
                        names = folder.put(b"\xff\xd8large"), folder.put(b"\xff\xd8small")
                        citizen_files.keep(work, one, PICTURE, *names, 14)
                    case "hilang.jpg":
                        citizen_files.give_up(work, one, Absence.EXPIRED)
                    case name:
                        kind = PDF if name.endswith("pdf") else OTHER
                        citizen_files.keep(work, one, kind, folder.put(name.encode()), None, 9)
    return client_of(board_on(store, files=folder))


def test_the_page_shows_pictures_and_names_the_rest(enter: Any) -> None:
    page = enter(OFFICER).get("/laporan/7001").text
    assert '<img src="/laporan/7001/lampiran/1/kecil"' in page
    assert page.count("/kecil") == 1
    assert 'href="/laporan/7001/lampiran/2"' in page
    assert "<b>jahat" not in page
    assert "/lampiran/4" not in page
    assert "alamatnya sudah kedaluwarsa" in page


def test_a_file_of_the_thread_is_not_shown_as_one_of_the_report(enter: Any) -> None:
    """An answer's photo, of the mended street, stood among what the citizen had sent."""
    shown = enter(OFFICER).get("/laporan/7001").text.partition('<ul class="files">')[2].partition("</ul>")[0]
    of_report, of_thread = shown.split("<li>")[1:4], shown.split("<li>")[4:]
    assert not any("dari percakapan" in one for one in of_report)
    assert all("dari percakapan: Jawaban, Senin, 2 Maret 2026 pukul 10.00 WIB" in one for one in of_thread)
    assert of_thread


@pytest.mark.parametrize(
    ("path", "content", "kind", "place"),
    [
        ("1", b"\xff\xd8large", PICTURE, "inline; filename*=UTF-8''foto.jpg"),
        ("1/kecil", b"\xff\xd8small", PICTURE, "inline; filename*=UTF-8''foto.jpg"),
        ("2", b"surat.pdf", PDF, "attachment; filename*=UTF-8''surat.pdf"),
        ("3", b"<b>jahat</b>.html", OTHER, "attachment; filename*=UTF-8''%3Cb%3Ejahat%3C%2Fb%3E.html"),
    ],
)
def test_a_file_is_given_out_as_what_it_is(enter: Any, path: str, content: bytes, kind: str, place: str) -> None:
    """Whatever its name says; and nothing in it runs."""
    given = enter(OFFICER).get(f"/laporan/7001/lampiran/{path}")
    assert (given.status_code, given.data, given.content_type) == (200, content, kind)
    assert given.headers["Content-Disposition"] == place
    assert given.headers["X-Content-Type-Options"] == "nosniff"
    assert given.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert "no-store" in given.headers["Cache-Control"]


@pytest.mark.parametrize("path", ["0", "4", "5", "2/kecil", "99999999999999999999", "x", "../1"])
def test_what_is_not_there_is_not_found(enter: Any, path: str) -> None:
    assert enter(OFFICER).get(f"/laporan/7001/lampiran/{path}").status_code == 404


def test_what_is_gone_from_the_folder_is_not_found(enter: Any, folder: FileFolder) -> None:
    for path in folder.path.glob("*/*"):
        path.unlink()
    assert enter(OFFICER).get("/laporan/7001/lampiran/2").status_code == 404


def test_another_opd_never_learns_that_there_is_a_file(enter: Any) -> None:
    for tracking_id in ("7001", SECRET):
        assert enter(OTHER_OFFICER).get(f"/laporan/{tracking_id}/lampiran/1").status_code == 404


def test_who_is_not_signed_in_is_led_to_the_door(client: FlaskClient) -> None:
    assert client.get("/laporan/7001/lampiran/1").status_code == 303


def test_of_a_rahasia_report_each_look_is_audited_as_for_its_text(enter: Any, store: Store) -> None:
    for path in ("1", "1/kecil"):
        assert enter(ADMIN).get(f"/laporan/{SECRET}/lampiran/{path}").status_code == 200
    assert enter(OFFICER).get("/laporan/7001/lampiran/1").status_code == 200
    with store.reading() as work:
        looks = work.conn.execute(select(audit.c.subject, audit.c.data).where(audit.c.what == "shown")).all()
    assert [tuple(look) for look in looks] == [(SECRET, '{"file":1}')] * 2


def test_of_a_rahasia_report_no_file_is_given_to_who_may_not_read_it(enter: Any) -> None:
    client = enter(LEADER)
    assert client.get(f"/laporan/{SECRET}/lampiran/1").status_code == 403
    assert "/lampiran/" not in client.get(f"/laporan/{SECRET}").text


def test_a_board_without_a_folder_names_the_files(store: Store, enter: Any) -> None:
    client = enter(OFFICER)
    client.application.config["BOARD"] = board_on(store)
    assert client.get("/laporan/7001/lampiran/1").status_code == 404
