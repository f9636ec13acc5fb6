"""/masuk/lupa: a link goes to the address that was proved, and nobody learns whether there is one."""

from __future__ import annotations

import re
from threading import Event

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from lapor_sync.domain.errors import NoticeNotTaken
from lapor_sync.domain.notices import EMAIL
from lapor_sync.domain.people import Role, of_shell
from lapor_sync.office import people
from lapor_sync.store import channels
from lapor_sync.store import people as stored
from lapor_sync.store.database import Store
from lapor_sync.store.schema import audit
from lapor_sync.web.errands import MOST, Errands
from tests.databases import StillClock
from tests.notices.conftest import Kept
from tests.web.site import Log, board_on, client_of, text_of, token_in

PAGE = "/masuk/lupa"
SARI, BUDI = "sari@kota.example", "198001012005012001"
OLD, NEW = "gerimis di kebun kopi", "perahu biru tanpa layar"


@pytest.fixture
def sender() -> Kept:
    return Kept()


@pytest.fixture
def client(store: Store, sender: Kept) -> FlaskClient:
    """A browser; Sari has proved her address, Budi has none."""
    for name, known_as in (("Sari", SARI), ("Budi", BUDI)):
        link = people.invite(store, of_shell("root"), name=name, sign_in=known_as, role=Role.ADMIN)
        people.accept(store, link, OLD)
    with store.work() as work:
        one = stored.by_sign_in(work, SARI)
        assert one is not None
        channels.verify(work, channels.add(work, one.id, EMAIL, "sari@surat.example", ()))
    return client_of(board_on(store, sender=sender))


def ask(client: FlaskClient, sign_in: str, address: str = "10.0.0.1") -> TestResponse:
    data = {"csrf": token_in(client.get("/masuk")), "sign_in": sign_in}
    return client.post(PAGE, data=data, environ_base={"REMOTE_ADDR": address})


def path_in(sender: Kept) -> str:
    found = re.search(r"Buka: http://localhost(/undangan/\S+)", sender.sent[-1][2])
    assert found is not None
    return found[1]


def choose(client: FlaskClient, path: str, password: str) -> int:
    data = {"csrf": token_in(client.get("/masuk")), "password": password, "password_again": password}
    return client.post(path, data=data).status_code


def test_who_lost_the_password_chooses_another_by_a_link_that_came_by_mail(
    client: FlaskClient, sender: Kept, store: Store
) -> None:
    assert "Lupa kata sandi" in text_of(client.get("/masuk"))
    before = people.enter(store, SARI, OLD, address="10.0.0.1")
    assert ask(client, " Sari@Kota.Example ").status_code == 200
    assert sender.to == ["sari@surat.example"]
    assert "Sari" not in sender.sent[0][1] + sender.sent[0][2]
    path = path_in(sender)
    for _ in range(2):  # as programs that read mails look at each link
        assert "Kata sandi baru untuk Sari" in text_of(client.get(path))
    assert choose(client, path, NEW) == 303
    assert choose(client, path, OLD) == 410
    assert people.session(store, before) is None
    assert people.enter(store, SARI, NEW, address="10.0.0.1")
    with store.reading() as work:
        assert work.conn.execute(select(audit.c.subject).where(audit.c.what == "link_mailed")).scalars().all() == [
            "person 1"
        ]


def test_the_answer_is_the_same_whether_account_or_address_are_there(client: FlaskClient, sender: Kept) -> None:
    there, no_address, nobody = (text_of(ask(client, name)) for name in (SARI, BUDI, "siapa@kota.example"))
    assert there == no_address == nobody
    assert len(sender.sent) == 1


@pytest.mark.parametrize("name", [SARI, "siapa@kota.example"])
def test_wishes_for_an_account_come_ever_more_slowly_whether_it_is_there(
    client: FlaskClient, sender: Kept, clock: StillClock, name: str
) -> None:
    for origin in range(3):
        assert ask(client, name, f"10.0.1.{origin}").status_code == 200
    sent = len(sender.sent)
    refused = ask(client, name, "10.0.2.1")
    assert refused.status_code == 429
    assert name in refused.text
    assert len(sender.sent) == sent
    clock.advance(901)
    assert ask(client, name, "10.0.2.1").status_code == 200


def test_wishes_from_an_address_come_ever_more_slowly(client: FlaskClient) -> None:
    for number in range(50):
        assert ask(client, f"siapa{number}@kota.example").status_code == 200
    assert ask(client, "lain@kota.example").status_code == 429
    assert ask(client, "lain@kota.example", "10.0.0.2").status_code == 200


def test_a_stranger_who_asks_takes_nothing_away(client: FlaskClient, sender: Kept, store: Store) -> None:
    by_admin = people.new_link(store, of_shell("root"), SARI)
    session = people.enter(store, SARI, OLD, address="10.0.0.9")
    ask(client, SARI)
    first = path_in(sender)
    ask(client, SARI)
    assert people.session(store, session) is not None
    assert people.invitee(store, by_admin).name == "Sari"
    assert client.get(first).status_code == 200
    assert choose(client, f"/undangan/{by_admin}", NEW) == 303
    assert client.get(first).status_code == 410


def test_a_mailed_link_is_over_after_an_hour_also_when_the_clock_steps_back(
    client: FlaskClient, sender: Kept, clock: StillClock
) -> None:
    ask(client, SARI)
    path = path_in(sender)
    clock.advance(3599)
    assert client.get(path).status_code == 200
    clock.advance(1)
    assert client.get(path).status_code == 410
    clock.advance(-600)
    assert client.get(path).status_code == 410


def test_without_a_mail_channel_the_page_says_whom_to_ask(store: Store) -> None:
    client = client_of(board_on(store))
    assert PAGE not in client.get("/masuk").text
    assert "admin induk" in text_of(client.get(PAGE))
    assert "admin induk" in text_of(ask(client, SARI))


def test_errands_are_done_beside_the_request_and_one_that_fails_ends_no_other() -> None:
    log, going, done = Log(), Event(), []

    def refuses() -> None:
        raise NoticeNotTaken("the mail server refuses", reason="refused")

    errands = Errands(log)
    errands(going.wait)
    errands(refuses)
    errands(lambda: done.append(1 // 0))
    errands(lambda: done.append(1))
    assert not done
    going.set()
    errands.wait()
    assert done == [1]
    assert log.events == ["board_errand_failed"] * 2


def test_no_more_errands_wait_than_were_meant() -> None:
    log, going = Log(), Event()
    errands = Errands(log)
    for _ in range(MOST + 2):  # one may have been begun
        errands(going.wait)
    assert log.events
    going.set()
    errands.wait()
