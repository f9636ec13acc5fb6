"""Orang: invitations, links, sessions and the hand-over of a post, by the forms of the pages, as an admin."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from lapor_sync.domain.colour import Colour, Verdict, WaitingOn
from lapor_sync.domain.people import Post, Role, of_shell
from lapor_sync.office import people
from lapor_sync.store import people as kept
from lapor_sync.store.database import Store
from lapor_sync.web.board import Board
from tests.databases import StillClock
from tests.store.samples import mirrored, report, save
from tests.web.site import OPD, OTHER_OPD, client_of, text_of, token_in

PASSWORD = "gerimis di kebun kopi"
SHELL = of_shell("root")
HOSTILE = "<b>Sari</b>{{ 7 * 7 }}" + "W" * 150
FORM = "/orang/serah-terima"


def person(store: Store, sign_in: str, role: Role = Role.OFFICER, opd: str | None = OPD, name: str = "") -> str:
    """Somebody who has accepted; their id."""
    link = people.invite(store, SHELL, name=name or sign_in.title(), sign_in=sign_in, role=role, opd=opd)
    people.accept(store, link, PASSWORD)
    with store.reading() as work:
        return people.person_of(work, sign_in).id


def post_row(store: Store, opd: str = OPD) -> kept.PostRow:
    with store.reading() as work:
        return next(one for one in kept.posts(work) if one.post.opd == opd)


def enter(client: FlaskClient, sign_in: str, password: str = PASSWORD) -> TestResponse:
    return send(client, "/masuk", "/masuk", sign_in=sign_in, password=password)


def send(client: FlaskClient, path: str, form: str, **values: str) -> TestResponse:
    return client.post(path, data={"csrf": token_in(client.get(form)), **values})


def link_in(page: TestResponse) -> str:
    found = re.search(r'value="http://localhost(/undangan/[^"]+)"', page.text)
    assert found is not None
    return found[1]


@pytest.fixture
def admin(store: Store, client: FlaskClient) -> FlaskClient:
    """A browser in which an admin is signed in."""
    save(store, mirrored("7001", report("7001", disposition_id=OPD, disposition_name="Dinas PUPR")))
    person(store, "ayu", Role.ADMIN, None)
    enter(client, "ayu")
    return client


def test_an_opd_that_never_had_an_officer_is_told_to_the_admin(admin: FlaskClient, store: Store) -> None:
    for number, opd, name in (
        ("7001", OPD, "Dinas PUPR"),
        ("7002", OTHER_OPD, "Dinas Sosial"),
        ("7003", "999", "Provinsi"),
    ):
        of = report(number, disposition_id=opd, disposition_name=name)
        save(store, mirrored(number, of=of, verdict=Verdict(Colour.MERAH, WaitingOn.OPD)))
    said = text_of(admin.get("/tugas"))
    assert "belum punya pejabat penghubung: 2 Dinas PUPR (0 terlambat), Dinas Sosial (0 terlambat)" in said
    send(admin, *("/orang/undang", "/orang/undang"), name="Siti", sign_in="siti", role="officer", opd=OPD)
    assert "belum punya pejabat penghubung: 1 Dinas Sosial (0 terlambat)" in text_of(admin.get("/tugas"))
    of_province = text_of(admin.get("/opd")).partition("Provinsi")[2]
    assert of_province
    assert "kosong" not in of_province


def test_a_post_that_a_colleague_holds_is_not_said_to_be_kosong(
    admin: FlaskClient, store: Store, board: Board
) -> None:
    """Of two holders one goes; and who goes on a day to come holds it until then."""
    invited = ("siti", "doni")
    for name in invited:
        made = send(admin, *("/orang/undang", "/orang/undang"), name=name, sign_in=name, role="officer", opd=OPD)
        send(client_of(board), *[link_in(made)] * 2, password=PASSWORD, password_again=PASSWORD)

    def said(given: str, **of: str) -> str:
        with store.reading() as work:
            key = f"{post_row(store).post.id}-{people.person_of(work, given).id}"
        return text_of(send(admin, *(FORM, FORM), post=key, **of))

    first = said("siti", to="dewi", name="Dewi")
    assert "dipegang rekannya saja" in first
    assert "kosong" not in first
    later = said("doni", to="budi", name="Budi", on=f"{board.today + timedelta(days=2)}")
    assert "Bila sampai hari itu undangan belum diterima" in later


def test_a_hand_over_from_the_invitation_to_the_predecessor_s_locked_door(
    board: Board, admin: FlaskClient, store: Store
) -> None:
    """The story: Ayu invites Siti; Siti works, and is transferred; Dewi comes, and nothing of the OPD is lost."""
    invited = send(
        admin,
        *("/orang/undang", "/orang/undang"),
        name="Siti Rahma",
        sign_in="siti@kota.example",
        role="officer",
        opd=OPD,
    )
    assert invited.status_code == 200
    path = link_in(invited)
    assert "kosong" in text_of(admin.get("/opd"))
    assert "Jabatan kosong atau ditinggalkan" in text_of(admin.get("/tugas"))

    siti = client_of(board)
    assert send(siti, path, path, password=PASSWORD, password_again=PASSWORD).status_code == 303
    assert enter(siti, "siti@kota.example").headers["Location"] == "/tugas"
    assert siti.get("/laporan/7001").status_code == 200
    assert "Jabatan kosong" not in text_of(admin.get("/tugas"))
    assert "Siti Rahma terakhir masuk" in text_of(admin.get("/opd"))

    with store.reading() as work:
        siti_id = people.person_of(work, "siti@kota.example").id
    form = admin.get(f"{FORM}?post={post_row(store).post.id}-{siti_id}")
    assert "pejabat penghubung Dinas PUPR: Siti Rahma" in text_of(form)
    done = send(
        admin,
        *(FORM, FORM),
        post=f"{post_row(store).post.id}-{siti_id}",
        to="Dewi@kota.example",
        name="Dewi Anggraini",
    )
    assert done.status_code == 200
    said = text_of(done)
    assert "Jabatan sudah diserahkan pejabat penghubung Dinas PUPR : dari" in said
    assert "dari Siti Rahma kepada Dewi Anggraini" in said
    assert "Dewi Anggraini belum menerima undangannya" in said
    assert "Yang hanya dapat dilakukan di LAPOR" in said

    assert siti.get("/laporan/7001").headers["Location"] == "/masuk?next=/laporan/7001"
    enter(siti, "siti@kota.example")
    assert "Anda sedang tidak memegang jabatan" in text_of(siti.get("/tugas"))
    assert siti.get("/laporan/7001").status_code == 403

    dewi, path = client_of(board), link_in(done)
    send(dewi, path, path, password=PASSWORD, password_again=PASSWORD)
    enter(dewi, "dewi@kota.example")
    assert dewi.get("/laporan/7001").status_code == 200
    assert post_row(store).vacant_since is None
    history = text_of(admin.get(f"/orang/{siti_id}"))
    assert "pejabat penghubung Dinas PUPR, sejak" in history
    assert "sampai" in history


def test_a_post_that_one_person_holds_is_named_by_itself(admin: FlaskClient, store: Store) -> None:
    person(store, "siti")
    person(store, "dewi", opd=OTHER_OPD)
    post = post_row(store).post.id
    assert " selected" in admin.get(f"{FORM}?post={post}").text
    assert send(admin, FORM, FORM, post=post, to="dewi").status_code == 200
    person(store, "siti", Role.OFFICER, OPD)
    several = send(admin, FORM, FORM, post=post, to="dewi")
    assert several.status_code == 422
    assert "belum dipilih" in text_of(several)


def test_a_hand_over_on_a_day_to_come_says_so(admin: FlaskClient, store: Store, clock: StillClock) -> None:
    person(store, "siti")
    person(store, "dewi", opd=OTHER_OPD)
    day = (clock.now() + timedelta(days=9)).date().isoformat()
    done = send(admin, FORM, FORM, post=post_row(store).post.id, to="dewi", on=day)
    assert "Jabatan akan diserahkan" in text_of(done)
    assert "tautan" not in done.text
    assert "Dewi mulai" in text_of(admin.get("/orang/jabatan"))
    listed = text_of(admin.get("/orang"))
    assert "(mulai " in listed
    assert "(sampai " in listed
    assert [one.sign_in for one in post_row(store).holders] == ["siti"]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"to": "nobody"}, "Tidak ada akun"),
        ({"to": "siti"}, "diri sendiri"),
        ({"to": "x y", "name": "Dewi"}, "Nama masuk ini tidak dapat dipakai"),
        ({"to": "dewi", "on": "2020-01-01"}, "sudah lewat"),
        ({"to": "dewi", "on": "besok"}, "bukan tanggal"),
        ({"to": "dewi", "post": "99"}, "belum dipilih"),
        ({"to": "dewi", "post": ""}, "belum dipilih"),
    ],
)
def test_a_refused_hand_over_stands_in_its_form_again(
    admin: FlaskClient, store: Store, values: dict[str, str], words: str
) -> None:
    person(store, "siti")
    person(store, "dewi", opd=OTHER_OPD)
    refused = send(admin, FORM, FORM, **{"post": post_row(store).post.id, **values})
    assert refused.status_code == 422
    assert words in text_of(refused)
    assert f'value="{values["to"]}"' in refused.text
    assert [one.sign_in for one in post_row(store).holders] == ["siti"]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "Jabatannya belum dipilih"),
        ({"role": "mayor"}, "Jabatannya belum dipilih"),
        ({"role": "officer"}, "selalu pada satu OPD"),
        ({"role": "officer", "opd": "6 1"}, "tidak dikenal"),
        ({"role": "admin", "name": ""}, "Nama ini tidak dapat dipakai"),
        ({"role": "admin", "until": "2020-01-01"}, "berakhir sebelum dimulai"),
        ({"role": "admin", "until": "9999-12-31"}, "bukan tanggal"),
    ],
)
def test_a_refused_invitation_stands_in_its_form_again(
    admin: FlaskClient, values: dict[str, str], words: str
) -> None:
    given = {"name": "Rina", "sign_in": "rina@kota.example", **values}
    refused = send(admin, "/orang/undang", "/orang/undang", **given)
    assert refused.status_code == 422
    assert words in text_of(refused)
    assert 'value="rina@kota.example"' in refused.text


def test_a_new_link_is_shown_once_and_a_session_is_ended(board: Board, admin: FlaskClient, store: Store) -> None:
    siti_id = person(store, "siti")
    siti = client_of(board)
    enter(siti, "siti")
    page = admin.get(f"/orang/{siti_id}")
    (path,) = re.findall(rf"/orang/{siti_id}/sesi/[0-9a-f]+/akhiri", page.text)
    ayu_s = path.replace(f"/orang/{siti_id}/", "/orang/1/")
    assert send(admin, ayu_s, f"/orang/{siti_id}").status_code == 404
    assert siti.get("/tugas").status_code == 200
    assert send(admin, path, f"/orang/{siti_id}").status_code == 303
    assert siti.get("/tugas").status_code == 303
    assert "Tidak sedang masuk" in text_of(admin.get(f"/orang/{siti_id}"))
    link = link_in(send(admin, f"/orang/{siti_id}/tautan", f"/orang/{siti_id}"))
    assert siti.get(link).status_code == 200
    assert link not in admin.get(f"/orang/{siti_id}").text


def test_who_leaves_is_ended_on_a_day(admin: FlaskClient, store: Store, clock: StillClock) -> None:
    siti_id = person(store, "siti")
    wrong = send(admin, f"/orang/{siti_id}/akhiri", f"/orang/{siti_id}", on="2020-01-01")
    assert wrong.status_code == 422
    assert send(admin, f"/orang/{siti_id}/akhiri", f"/orang/{siti_id}", on="").status_code == 303
    assert "sudah berhenti" in text_of(admin.get(f"/orang/{siti_id}"))
    assert "kosong sejak" in text_of(admin.get("/orang/jabatan"))


def test_many_people_come_in_parts_and_are_found_by_a_word(admin: FlaskClient, store: Store) -> None:
    with store.work() as work:
        for number in range(250):
            kept.add(work, name=f"Orang {number:03}", sign_in=f"orang{number:03}")
    first = admin.get("/orang")
    assert "251 orang" in text_of(first)
    assert first.text.count("/orang/") < 250
    assert "Orang 249" not in first.text
    assert "Orang 249" in admin.get("/orang?dari=200").text
    assert "Orang 249" in admin.get("/orang?q=ORANG249").text
    assert admin.get("/orang?dari=x&q=%00").status_code == 200
    assert "Tampilkan semua" in text_of(admin.get("/orang?q=tidakada"))


def test_names_and_sign_in_names_are_text(admin: FlaskClient, store: Store) -> None:
    siti_id = person(store, "<i>siti</i>", name=HOSTILE)
    for path in ("/orang", f"/orang/{siti_id}", "/orang/jabatan", FORM, "/opd", f"/orang?q={HOSTILE[:20]}"):
        page = admin.get(path)
        assert page.status_code == 200
        assert "<b>" not in page.text
        assert "<i>" not in page.text
        assert "W49" not in page.text
    refused = send(admin, FORM, FORM, post="1", to=HOSTILE, name=HOSTILE)
    assert "<b>" not in refused.text


@pytest.mark.parametrize("role", [Role.OFFICER, Role.LEADER, Role.INSPECTOR])
def test_only_an_admin_s_form_is_taken(board: Board, admin: FlaskClient, store: Store, role: Role) -> None:
    siti_id = person(store, "siti", role, OPD if role is Role.OFFICER else None)
    siti = client_of(board)
    enter(siti, "siti")
    for path in ("/orang/undang", FORM, "/orang/1/tautan", "/orang/1/akhiri", f"/orang/{siti_id}/sesi/x/akhiri"):
        answer = send(siti, path, "/tugas", name="X", sign_in="xyz", role="admin", post="1", to="siti")
        assert answer.status_code == 403
        assert "tidak berwenang" in text_of(answer)
    assert Post("1", Role.ADMIN) in people.session(store, people.enter(store, "ayu", PASSWORD, address="x")).posts  # type: ignore[union-attr]


def test_an_opd_whose_reports_nobody_answers_for_is_kosong(admin: FlaskClient, store: Store) -> None:
    assert "Dinas PUPR" in text_of(admin.get("/opd"))
    assert "kosong" in text_of(admin.get("/opd"))
    person(store, "siti")
    assert "kosong" not in text_of(admin.get("/opd"))
