"""From an invitation to the door behind one: with real accounts, passwords and sessions."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from lapor_sync.domain.people import Role, of_shell
from lapor_sync.office import people
from lapor_sync.store import people as stored
from lapor_sync.store.database import Store
from lapor_sync.web.board import Board
from tests.store.samples import mirrored, report, save
from tests.web.site import OPD, client_of, text_of, token_in

PASSWORD = "gerimis di kebun kopi"
SHELL = of_shell("root")


@pytest.fixture
def link(store: Store) -> str:
    save(store, mirrored("7001", report("7001", disposition_id=OPD)))
    return people.invite(store, SHELL, name="Sari Dewi", sign_in="sari@kota.example", role=Role.OFFICER, opd=OPD)


def post(client: FlaskClient, path: str, form: str, **values: str) -> TestResponse:
    """Send the form of a page as a browser does."""
    return client.post(path, data={"csrf": token_in(client.get(form)), **values})


def accept(client: FlaskClient, link: str, password: str = PASSWORD, again: str = PASSWORD) -> TestResponse:
    path = f"/undangan/{link}"
    return post(client, path, path, password=password, password_again=again)


def sign_in(client: FlaskClient, password: str = PASSWORD, **values: str) -> TestResponse:
    return post(client, "/masuk", "/masuk", sign_in="sari@kota.example", password=password, **values)


def test_an_invitation_is_taken_by_the_form_and_not_by_a_look(client: FlaskClient, link: str) -> None:
    for _ in range(3):  # as programs that read mails look at each link
        assert "Undangan untuk Sari Dewi" in text_of(client.get(f"/undangan/{link}"))
    taken = accept(client, link)
    assert taken.status_code == 303
    assert "sudah disimpan" in text_of(client.get(taken.headers["Location"]))
    over = client.get(f"/undangan/{link}")
    assert over.status_code == 410
    assert "Minta tautan baru" in text_of(over)
    assert client.get("/undangan/x").status_code == 410


def test_a_password_that_is_not_meant_or_not_good_is_refused_with_the_reason(
    client: FlaskClient, link: str
) -> None:
    differ = accept(client, link, again="lain sama sekali")
    assert differ.status_code == 422
    assert "tidak sama" in text_of(differ)
    short = accept(client, link, "singkat1", "singkat1")
    assert short.status_code == 422
    assert "12" in text_of(short)
    assert "singkat1" not in short.text
    assert accept(client, link).status_code == 303


def test_somebody_signs_in_goes_on_and_out_again(client: FlaskClient, link: str) -> None:
    accept(client, link)
    entered = sign_in(client, next="/laporan/7001")
    assert (entered.status_code, entered.headers["Location"]) == (303, "/laporan/7001")
    assert "HttpOnly" in entered.headers["Set-Cookie"]
    page = client.get("/laporan/7001")
    assert page.status_code == 200
    assert "Sari Dewi, pejabat penghubung" in text_of(page)
    assert client.get("/masuk?next=/akun").headers["Location"] == "/akun"
    left = post(client, "/keluar", "/tugas")
    assert (left.status_code, left.headers["Location"]) == (303, "/masuk")
    assert client.get("/laporan/7001").status_code == 303


def test_what_the_cookie_held_is_worth_nothing_after_signing_out(
    board: Board, client: FlaskClient, link: str
) -> None:
    accept(client, link)
    sign_in(client)
    held = client.get_cookie("papan")
    assert held is not None
    post(client, "/keluar", "/tugas")
    thief = client_of(board)
    thief.set_cookie("papan", held.value)
    assert thief.get("/tugas").status_code == 303


def test_a_session_is_a_new_one_at_each_sign_in(client: FlaskClient, link: str) -> None:
    accept(client, link)
    client.get("/masuk")
    guest = client.get_cookie("papan")
    sign_in(client)
    held = client.get_cookie("papan")
    assert guest is not None
    assert held is not None
    assert held.value != guest.value


def test_a_wrong_password_tells_nothing_and_keeps_the_name(client: FlaskClient, link: str) -> None:
    accept(client, link)
    wrong = sign_in(client, "salah sama sekali", next="/laporan/7001")
    unknown = post(client, "/masuk", "/masuk", sign_in="siapa@kota.example", password="salah sama sekali")
    assert wrong.status_code == unknown.status_code == 401
    assert "tidak cocok" in text_of(wrong)
    assert text_of(wrong) == text_of(unknown)
    assert 'value="sari@kota.example"' in wrong.text
    assert 'name="next" value="/laporan/7001"' in wrong.text
    assert "salah sama sekali" not in wrong.text


def test_many_wrong_tries_are_slowed_down(client: FlaskClient, link: str) -> None:
    accept(client, link)
    statuses = [sign_in(client, "salah sama sekali").status_code for _ in range(12)]
    assert statuses[0] == 401
    assert 429 in statuses


def test_a_password_is_changed_and_every_session_ends(board: Board, client: FlaskClient, link: str) -> None:
    accept(client, link)
    other = client_of(board)
    sign_in(client)
    sign_in(other)
    new = "hujan turun di pasar lama"
    wrong = post(client, "/akun/kata-sandi", "/akun", old="bukan ini", password=new, password_again=new)
    assert wrong.status_code in {401, 422}
    assert new not in wrong.text
    differ = post(client, "/akun/kata-sandi", "/akun", old=PASSWORD, password=new, password_again="lain")
    assert "tidak sama" in text_of(differ)
    changed = post(client, "/akun/kata-sandi", "/akun", old=PASSWORD, password=new, password_again=new)
    assert (changed.status_code, changed.headers["Location"]) == (303, "/masuk")
    assert other.get("/tugas").status_code == 303
    assert sign_in(client).status_code == 401
    assert sign_in(client, new).status_code == 303


def test_a_person_ends_sessions_of_their_own(board: Board, client: FlaskClient, link: str, store: Store) -> None:
    accept(client, link)
    other = client_of(board)
    sign_in(client)
    with store.reading() as work:
        (mine,) = stored.sessions(work, "1")
    sign_in(other)
    page = other.get("/akun")
    with store.reading() as work:
        ids = [one.id for one in stored.sessions(work, "1")]
    assert len(ids) == 2
    assert all(f"/akun/sesi/{one}/akhiri" in page.text for one in ids)
    first = post(other, f"/akun/sesi/{mine.id}/akhiri", "/akun")
    assert first.status_code == 303
    assert client.get("/tugas").status_code == 303
    assert other.get("/tugas").status_code == 200
    assert post(other, "/akun/sesi/404/akhiri", "/akun").status_code == 404
    (own,) = set(ids) - {mine.id}
    last = post(other, f"/akun/sesi/{own}/akhiri", "/akun")
    assert last.headers["Location"] == "/masuk"
    assert other.get("/tugas").status_code == 303


def test_who_loses_the_post_meets_a_closed_door(client: FlaskClient, link: str, store: Store) -> None:
    accept(client, link)
    sign_in(client)
    assert client.get("/laporan/7001").status_code == 200
    people.end_tenures(store, SHELL, "sari@kota.example", store.clock.now())
    assert client.get("/laporan/7001").status_code in {303, 403}
