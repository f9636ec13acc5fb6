"""What people keep at hand: templates in the answer's form, the OPD's own texts, filters with a name."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from lapor_sync.domain.report import Template
from lapor_sync.office import own_texts as office
from lapor_sync.store import own_texts, saved_filters, templates
from lapor_sync.store.database import Store
from tests.store.samples import mirrored, report, save
from tests.web.site import ADMIN, INSPECTOR, OFFICER, OPD, OTHER_OFFICER, Enter, form_of, text_of, token_in

REPORT = "/laporan/7001"
PATH = f"{REPORT}/templat"


@pytest.fixture(autouse=True)
def _a_report(store: Store) -> None:
    save(store, mirrored("7001", report("7001", disposition_id=OPD)))
    with store.work() as work:
        templates.replace_all(
            work, [Template("reply_1", "Selesai", "<p>Terima kasih.</p><p>Sudah &amp; beres.</p>", "")]
        )
        own_texts.put(work, OPD, "Lampu", "Lampunya kami ganti.")
        own_texts.put(work, "612", "Pipa", "Pipanya kami ganti.")
        own_texts.put(work, None, "Salam", "Salam dari kota.")


def put_in(client: FlaskClient, template: str, text: str = "", **values: Any) -> Any:
    return client.post(PATH, data=form_of(client, REPORT, text=text, template=template, **values))


def texts(store: Store) -> list[str]:
    with store.reading() as work:
        return [one.title for one in own_texts.listing(work)]


def filters(store: Store) -> list[tuple[str, str]]:
    with store.reading() as work:
        return [(one.name, one.query) for one in saved_filters.of_person(work, "7")]


# Templates.


def test_a_template_comes_behind_what_is_typed_without_javascript(enter: Enter) -> None:
    client = enter(OFFICER)
    page = put_in(client, "lapor.reply_1", "Yth. Bapak\r\nBudi <b>", secret="1")
    assert page.status_code == 200
    assert "\nYth. Bapak\nBudi &lt;b&gt;\n\nTerima kasih.\n" in page.text
    assert "Sudah &amp; beres.</textarea>" in page.text
    assert 'name="secret" value="1" checked' in page.text
    assert '<option value="lapor.reply_1" selected>' in page.text
    assert "Berkas, bila ada, perlu dipilih lagi." in text_of(page)


def test_an_empty_answer_begins_with_the_template(enter: Enter, store: Store) -> None:
    client = enter(OFFICER)
    with store.reading() as work:
        salam = next(one for one in own_texts.listing(work) if one.title == "Salam")
    assert ">\nSalam dari kota.</textarea>" in put_in(client, f"own.{salam.id}").text


def test_a_script_is_given_the_text_alone(enter: Enter) -> None:
    client = enter(OFFICER)
    data = form_of(client, REPORT, template="lapor.reply_1")
    answer = client.post(PATH, data=data, headers={"X-Papan": "1"})
    assert answer.mimetype == "text/plain"
    assert answer.text.startswith("Terima kasih.\n")
    assert "<" not in answer.text


def test_only_texts_for_this_opd_are_offered(enter: Enter, store: Store) -> None:
    client = enter(OFFICER)
    page = text_of(client.get(REPORT))
    assert "Lampu" in page
    assert "Salam" in page
    assert "Pipa" not in page
    with store.reading() as work:
        pipa = next(one for one in own_texts.listing(work) if one.title == "Pipa")
    refused = put_in(client, f"own.{pipa.id}", "Yang saya ketik")
    assert refused.status_code == 422
    assert "Yang saya ketik</textarea>" in refused.text
    assert "Pipanya" not in refused.text


# The OPD's own texts.


def keep(client: FlaskClient, title: str, text: str) -> Any:
    return client.post("/templat", data={"csrf": token_in(client.get("/templat")), "title": title, "text": text})


def drop(client: FlaskClient, store: Store, title: str) -> int:
    with store.reading() as work:
        one = next(each for each in own_texts.listing(work) if each.title == title)
    csrf = token_in(client.get("/templat"))
    return int(client.post(f"/templat/{one.id}/hapus", data={"csrf": csrf}).status_code)


def test_an_officer_keeps_texts_of_the_own_opd(enter: Enter, store: Store) -> None:
    client = enter(OFFICER)
    page = text_of(client.get("/templat"))
    assert "Lampunya kami ganti." in page
    assert "Salam dari kota." in page
    assert "Pipanya" not in page
    assert keep(client, " Jalan   rusak ", "Kami tambal.").status_code == 303
    assert keep(client, "Jalan rusak", "Kami tambal besok.").status_code == 303
    assert texts(store) == ["Jalan rusak", "Lampu", "Pipa", "Salam"]
    for title in ("Pipa", "Salam", "Jalan rusak"):  # of another OPD, of the city, one's own
        assert drop(client, store, title) == 303
    assert texts(store) == ["Lampu", "Pipa", "Salam"]


def test_the_admin_keeps_texts_of_the_city_and_takes_any_away(enter: Enter, store: Store) -> None:
    client = enter(ADMIN)
    assert keep(client, "Terima kasih", "Terima kasih atas laporannya.").status_code == 303
    with store.reading() as work:
        assert [one.title for one in own_texts.listing(work, set())] == ["Salam", "Terima kasih"]
    assert drop(client, store, "Pipa") == 303
    assert "Pipa" not in texts(store)


def test_who_has_several_posts_takes_away_what_one_of_them_may(enter: Enter, store: Store) -> None:
    client = enter(INSPECTOR, OTHER_OFFICER, OFFICER)
    assert drop(client, store, "Lampu") == 303
    assert "Lampu" not in texts(store)


@pytest.mark.parametrize(
    ("title", "text", "said"),
    [
        ("", "Isi.", "Nama ini"),
        ("x" * 81, "Isi.", "Nama ini"),
        ("Judul", " \n", "kosong"),
        ("Judul", "x" * 20_001, ""),
    ],
)
def test_a_text_that_is_none_is_refused_and_stays_typed(
    enter: Enter, store: Store, title: str, text: str, said: str
) -> None:
    refused = keep(enter(OFFICER), title, text)
    assert refused.status_code == 422
    assert said in text_of(refused)
    assert f"{text}</textarea>" in refused.text
    assert "Judul" not in texts(store)


def test_there_are_no_more_than_one_can_choose_from(
    enter: Enter, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(office, "MOST", 2)
    client = enter(OFFICER)
    assert keep(client, "Jalan", "Kami tambal.").status_code == 303
    assert keep(client, "Jembatan", "Kami periksa.").status_code == 422
    assert "Jembatan" not in texts(store)


# Filters with a name.


def save_filter(client: FlaskClient, name: str, query: str) -> Any:
    csrf = token_in(client.get("/laporan?overdue=1"))
    return client.post("/laporan/saringan", data={"csrf": csrf, "name": name, "query": query})


def test_a_filter_gets_a_name_is_a_link_and_goes_again(enter: Enter, store: Store) -> None:
    client = enter(OFFICER)
    assert "Simpan saringan" not in text_of(client.get("/laporan"))
    kept = save_filter(client, "Merah & lama", "colour=merah&sort=due&x=%3Cb%3E&overdue=1")
    assert (kept.status_code, kept.location) == (303, "/laporan?colour=merah&overdue=1&sort=due")
    page = client.get("/laporan")
    assert '<a href="/laporan?colour=merah&amp;overdue=1&amp;sort=due">Merah &amp; lama</a>' in page.text
    assert 'sort=due" aria-current="true">' in client.get(kept.location).text
    save_filter(client, "Merah & lama", "colour=kuning")
    assert filters(store) == [("Merah & lama", "colour=kuning")]
    with store.reading() as work:
        (one,) = saved_filters.of_person(work, "7")
    data = {"csrf": token_in(page), "query": "colour=hijau"}
    gone = client.post(f"/laporan/saringan/{one.id}/hapus", data=data)
    assert (gone.status_code, gone.location) == (303, "/laporan?colour=hijau")
    assert filters(store) == []


def test_a_filter_is_of_one_person(enter: Enter, store: Store) -> None:
    with store.work() as work:
        saved_filters.put(work, "8", "Punya orang lain", "colour=merah")
        (theirs,) = saved_filters.of_person(work, "8")
    client = enter(OFFICER)
    page = client.get("/laporan?overdue=1")
    assert "Punya orang lain" not in page.text
    client.post(f"/laporan/saringan/{theirs.id}/hapus", data={"csrf": token_in(page)})
    with store.reading() as work:
        assert len(saved_filters.of_person(work, "8")) == 1


def test_a_name_that_is_none_and_too_many_are_refused_on_the_same_list(
    enter: Enter, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lapor_sync.office import saved_filters as kept

    monkeypatch.setattr(kept, "MOST", 1)
    client = enter(OFFICER)
    refused = save_filter(client, "x" * 61, "colour=merah")
    assert refused.status_code == 422
    assert "Warna kota: merah" in text_of(refused)
    assert f'value="{"x" * 61}"' in refused.text
    assert save_filter(client, "Satu", "colour=merah").status_code == 303
    assert save_filter(client, "Dua", "colour=merah").status_code == 422
    assert filters(store) == [("Satu", "colour=merah")]
