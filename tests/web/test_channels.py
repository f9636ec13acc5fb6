"""/akun/pemberitahuan: an address is taken once its code came back, by whoever proved who they are."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient

from lapor_sync.domain.errors import NoticeNotTaken
from lapor_sync.domain.notices import NoticeKind
from lapor_sync.office import factors
from lapor_sync.store import channels
from lapor_sync.store.database import Store
from lapor_sync.web.board import Board
from tests.databases import StillClock
from tests.notices.conftest import Kept
from tests.web.site import ADMIN, OFFICER, board_on, client_of, enter_as, text_of, token_in

PAGE = "/akun/pemberitahuan"


@pytest.fixture
def sender() -> Kept:
    return Kept()


@pytest.fixture
def sari(store: Store, sender: Kept, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    """A browser of somebody who proved just now who they are."""
    client = client_of(board_on(store, sender=sender))
    enter_as(monkeypatch, client, OFFICER)
    monkeypatch.setattr(factors, "is_proved", lambda *_: True)
    return client


def post(client: FlaskClient, path: str, **values: object) -> tuple[int, str]:
    csrf = token_in(client.get(PAGE))
    answer = client.post(path, data={"csrf": csrf, **values})
    return answer.status_code, text_of(answer)


def code_in(sender: Kept) -> str:
    found = re.search(r"Kode Anda: (\d{6})", sender.sent[-1][2])
    assert found is not None
    return found[1]


def mine(store: Store) -> tuple[channels.Channel, ...]:
    with store.reading() as work:
        return channels.of_person(work, "7")


def test_an_address_is_taken_once_its_code_came_back(sari: FlaskClient, sender: Kept, store: Store) -> None:
    assert post(sari, PAGE, kind="email", address="sari@kota.go.id")[0] == 303
    (one,) = mine(store)
    assert sender.to == ["sari@kota.go.id"]
    with store.reading() as work:
        assert channels.verified_mail(work, "7") is None
    code = code_in(sender)
    wrong = f"{(int(code) + 1) % 10**6:06}"
    assert post(sari, f"{PAGE}/{one.id}/kode", code=wrong)[0] == 422
    assert post(sari, f"{PAGE}/{one.id}/kode", code=f"{code[:3]} {code[3:]}")[0] == 303
    with store.reading() as work:
        assert channels.verified_mail(work, "7") == "sari@kota.go.id"
    assert post(sari, f"{PAGE}/{one.id}/pilihan", wants=["digest", "new_report", "posts", "x"])[0] == 303
    assert mine(store)[0].wants == {NoticeKind.DIGEST, NoticeKind.NEW_REPORT}
    assert post(sari, f"{PAGE}/{one.id}/hapus")[0] == 303
    assert mine(store) == ()


def test_a_code_ends_after_an_hour_and_after_five_wrong_tries(
    sari: FlaskClient, sender: Kept, store: Store, clock: StillClock
) -> None:
    post(sari, PAGE, kind="email", address="sari@kota.go.id")
    (one,) = mine(store)
    path, code = f"{PAGE}/{one.id}/kode", code_in(sender)
    clock.advance(3601)
    assert post(sari, path, code=code)[0] == 422
    post(sari, PAGE, kind="email", address="sari@kota.go.id")
    code = code_in(sender)
    for n in range(5):
        post(sari, path, code=f"{(int(code) + 1 + n) % 10**6:06}")
    assert post(sari, path, code=code)[0] == 422
    assert len(mine(store)) == 1, "the same address once more is the same channel"


def test_codes_go_to_addresses_ever_more_rarely(sari: FlaskClient, sender: Kept) -> None:
    """Nobody fills a stranger's mailbox with our codes."""
    for _ in range(8):
        post(sari, PAGE, kind="email", address="korban@contoh.id")
    assert len(sender.sent) <= 5


def test_what_cannot_be_sent_or_is_no_address_is_said(sari: FlaskClient, sender: Kept) -> None:
    assert "Alamat itu tidak dapat dipakai" in post(sari, PAGE, kind="email", address="a@b.id, c@d.id")[1]
    assert "Alamat itu tidak dapat dipakai" in post(sari, PAGE, kind="telegram", address="1")[1]
    sender.fails = NoticeNotTaken("down", reason="not_taken")
    assert "Kode tidak dapat dikirim" in post(sari, PAGE, kind="email", address="sari@kota.go.id")[1]


def test_what_goes_to_admins_alone_is_offered_to_them_alone(
    sari: FlaskClient, sender: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    post(sari, PAGE, kind="email", address="sari@kota.example")
    post(sari, f"{PAGE}/1/kode", code=code_in(sender))
    assert "gangguan sistem" not in text_of(sari.get(PAGE)).lower()
    enter_as(monkeypatch, sari, ADMIN)
    assert "gangguan sistem" in text_of(sari.get(PAGE)).lower()


def test_a_channel_of_somebody_else_is_not_there(sari: FlaskClient, store: Store) -> None:
    with store.work() as work:
        other = channels.add(work, "8", "email", "budi@kota.go.id", [])
        channels.verify(work, other)
    for act in ("kode", "pilihan", "hapus"):
        assert post(sari, f"{PAGE}/{other}/{act}", code="123456")[0] == 404
    with store.reading() as work:
        assert channels.verified_mail(work, "8") == "budi@kota.go.id"
    assert "budi@" not in text_of(sari.get(PAGE))


def test_who_did_not_prove_who_they_are_adds_and_removes_nothing(
    sari: FlaskClient, sender: Kept, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    post(sari, PAGE, kind="email", address="sari@kota.go.id")
    (one,) = mine(store)
    monkeypatch.setattr(factors, "is_proved", lambda *_: False)
    assert post(sari, PAGE, kind="email", address="maling@contoh.id")[0] == 403
    assert post(sari, f"{PAGE}/{one.id}/hapus")[0] == 403
    assert (len(mine(store)), len(sender.sent)) == (1, 1)


def test_without_channels_on_the_server_the_page_says_so(
    board: Board, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    enter_as(monkeypatch, client, OFFICER)
    assert "belum disiapkan di server" in text_of(client.get(PAGE))
