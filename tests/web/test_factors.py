"""The second step: who must have one, how it is set up, and that no half of a sign-in opens anything."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from html import unescape

import pyotp
import pytest
from flask.testing import FlaskClient
from sqlalchemy import inspect, select, text
from werkzeug.test import TestResponse

from lapor_sync.domain.people import Role, SecondFactor, of_shell
from lapor_sync.office import people
from lapor_sync.store.database import Store
from lapor_sync.store.schema import audit
from lapor_sync.web.board import Board
from tests.databases import StillClock
from tests.web.authenticator import Authenticator
from tests.web.site import OPD, board_on, client_of, text_of, token_in

PASSWORD = "gerimis di kebun kopi"
SHELL = of_shell("root")
DOOR, FACTORS = "/masuk/faktor", "/akun/faktor"


@pytest.fixture
def board(store: Store) -> Board:
    return board_on(store, second_factor=SecondFactor.ADMIN)


def person(store: Store, sign_in: str, role: Role = Role.ADMIN, opd: str | None = None) -> str:
    link = people.invite(store, SHELL, name=sign_in.title(), sign_in=sign_in, role=role, opd=opd)
    people.accept(store, link, PASSWORD)
    with store.reading() as work:
        return people.person_of(work, sign_in).id


def send(client: FlaskClient, path: str, form: str, **values: str) -> TestResponse:
    return client.post(path, data={"csrf": token_in(client.get(form)), **values})


def enter(client: FlaskClient, sign_in: str = "ayu", **values: str) -> TestResponse:
    return send(client, "/masuk", "/masuk", sign_in=sign_in, password=PASSWORD, **values)


class App:
    """An app of codes on a phone, whose clock is the city's."""

    def __init__(self, key: str, clock: StillClock) -> None:
        self.totp, self.clock = pyotp.TOTP(key), clock

    def code(self, steps: int = 0) -> str:
        return self.totp.at(self.clock.now() + timedelta(seconds=30 * steps))


def hidden(page: TestResponse, name: str, at: int = 0) -> str:
    return unescape(re.findall(rf'name="{name}" value="([^"]*)"', page.text)[at])


def options(page: TestResponse) -> str:
    found = re.search(r'data-options="([^"]*)"', page.text)
    assert found is not None
    return unescape(found[1])


def set_up(client: FlaskClient, clock: StillClock) -> tuple[App, list[str]]:
    """Set the app up by the form of the page; it, and the recovery codes that are shown."""
    page = client.get(FACTORS)
    key = re.search(r"<code>([A-Z2-7]{32})</code>", page.text)
    assert key is not None
    app = App(key[1], clock)
    sealed = hidden(page, "sealed", -1)
    added = client.post(f"{FACTORS}/totp", data={"csrf": token_in(page), "sealed": sealed, "code": app.code()})
    assert added.status_code == 200
    return app, re.findall(r"<code>([a-z2-9-]{29})</code>", added.text)


def audited(store: Store, what: str) -> list[dict[str, object]]:
    with store.reading() as work:
        query = select(audit.c.data).where(audit.c.what == what).order_by(audit.c.seq)
        return [json.loads(row) for row in work.conn.execute(query).scalars()]


# Who must have one.


def test_an_admin_without_a_second_step_sets_one_up_before_anything_else(
    client: FlaskClient, store: Store, clock: StillClock
) -> None:
    person(store, "ayu")
    enter(client)
    for path in ("/tugas", "/laporan", "/orang", "/akun", "/laporan.csv"):
        assert client.get(path).headers["Location"] == FACTORS
    refused = send(client, "/akun/kata-sandi", FACTORS, old=PASSWORD, password="x", password_again="x")
    assert refused.status_code == 403
    assert "langkah kedua" in text_of(refused)
    page = client.get(FACTORS)
    assert "Siapkan dahulu" in text_of(page)
    assert 'href="/tugas"' not in page.text
    set_up(client, clock)
    assert client.get("/tugas").status_code == 200


@pytest.mark.parametrize(
    ("setting", "role", "is_led"),
    [
        (SecondFactor.NONE, Role.ADMIN, False),
        (SecondFactor.ADMIN, Role.OFFICER, False),
        (SecondFactor.ADMIN, Role.INSPECTOR, False),
        (SecondFactor.ALL, Role.OFFICER, True),
        (SecondFactor.ALL, Role.ADMIN, True),
    ],
)
def test_who_must_have_one_is_a_setting(store: Store, setting: SecondFactor, role: Role, is_led: bool) -> None:
    person(store, "ayu", role, OPD if role is Role.OFFICER else None)
    client = client_of(board_on(store, second_factor=setting))
    enter(client)
    assert client.get("/tugas").status_code == (303 if is_led else 200)


# The door.


def test_the_password_alone_opens_nothing_and_the_code_does(
    board: Board, client: FlaskClient, store: Store, clock: StillClock
) -> None:
    person(store, "ayu")
    enter(client)
    app, _ = set_up(client, clock)
    clock.advance(60)
    other = client_of(board)
    half = enter(other, next="/kiriman")
    assert half.headers["Location"] == f"{DOOR}?next=/kiriman"
    for path in ("/tugas", "/orang", FACTORS, "/akun"):
        assert other.get(path).headers["Location"].startswith("/masuk")
    assert "aplikasi kode" in text_of(other.get(DOOR))
    wrong = send(other, DOOR, DOOR, code="000000", next="/kiriman")
    assert wrong.status_code == 401
    assert 'value="/kiriman"' in wrong.text
    whole = send(other, DOOR, DOOR, code=f" {app.code()[:3]} {app.code()[3:]} ", next="/kiriman")
    assert whole.headers["Location"] == "/kiriman"
    assert other.get("/kiriman").status_code == 200
    assert audited(store, "signed_in")[-1]["by"] == "totp"
    assert audited(store, "signed_in")[-1]["wrong_tries"] == 1


def test_a_code_opens_the_door_once(board: Board, client: FlaskClient, store: Store, clock: StillClock) -> None:
    person(store, "ayu")
    enter(client)
    app, _ = set_up(client, clock)
    clock.advance(30)
    for status in (303, 401):
        other = client_of(board)
        enter(other)
        assert send(other, DOOR, DOOR, code=app.code()).status_code == status
    late = client_of(board)
    enter(late)
    assert send(late, DOOR, DOOR, code=app.code(-1)).status_code == 401  # shown before one that was used
    assert send(late, DOOR, DOOR, code=app.code(1)).status_code == 303  # the phone's clock is a little fast
    clock.advance(300)
    drift = client_of(board)
    enter(drift)
    for step in (-3, -2, 2, 3):
        assert send(drift, DOOR, DOOR, code=app.code(step)).status_code == 401


def test_a_recovery_code_opens_the_door_once_and_only_its_own_person_s(
    board: Board, client: FlaskClient, store: Store, clock: StillClock
) -> None:
    person(store, "ayu")
    enter(client)
    _, codes = set_up(client, clock)
    assert len(codes) == len(set(codes)) == 10
    rina = client_of(board)
    person(store, "rina")
    enter(rina, "rina")
    set_up(rina, clock)
    stranger = client_of(board)
    enter(stranger, "rina")
    assert send(stranger, DOOR, DOOR, code=codes[0]).status_code == 401
    for status in (303, 401):
        other = client_of(board)
        enter(other)
        assert send(other, DOOR, DOOR, code=codes[0].upper().replace("-", " ")).status_code == status
    assert "belum dipakai: 9" in text_of(client.get(FACTORS)) or client.get(FACTORS).status_code == 303
    assert audited(store, "signed_in")[-1]["by"] == "recovery_code"


def test_wrong_codes_are_slowed_down_though_the_password_is_right_each_time(
    board: Board, client: FlaskClient, store: Store, clock: StillClock
) -> None:
    person(store, "ayu")
    enter(client)
    app, _ = set_up(client, clock)
    clock.advance(60)
    statuses = []
    for _ in range(8):
        stranger = client_of(board)
        enter(stranger)
        statuses.append(send(stranger, DOOR, DOOR, code="000000").status_code)
    assert statuses[:5] == [401] * 5
    assert statuses[-1] == 429
    assert send(stranger, DOOR, DOOR, code=app.code()).status_code == 429


def test_a_sign_in_that_is_half_done_is_over_after_ten_minutes_and_with_a_new_password(
    board: Board, client: FlaskClient, store: Store, clock: StillClock
) -> None:
    person(store, "ayu")
    enter(client)
    app, _ = set_up(client, clock)
    for wait in (True, False):
        other = client_of(board)
        enter(other)
        token = token_in(other.get(DOOR))
        if wait:
            clock.advance(601)
        else:
            people.accept(store, people.new_link(store, SHELL, "ayu"), PASSWORD)
        over = other.post(DOOR, data={"csrf": token, "code": app.code()})
        assert over.status_code == 401
        assert "sudah habis" in text_of(over)
        assert other.get("/tugas").status_code == 303


def test_words_that_were_typed_before_wait_behind_the_second_step(
    board: Board, client: FlaskClient, store: Store, clock: StillClock
) -> None:
    person(store, "ayu")
    enter(client)
    app, _ = set_up(client, clock)
    clock.advance(60)
    other = client_of(board)
    half = enter(other, **{"kept.text": "Belum terkirim.", "next": "/orang/undang", "kept.name": "Rina"})
    assert half.status_code == 200
    assert hidden(half, "kept.name") == "Rina"
    given = {"csrf": token_in(half), "kept.name": "Rina", "next": "/orang/undang", "code": app.code()}
    whole = other.post(DOOR, data=given)
    assert whole.status_code == 200
    assert 'value="Rina"' in whole.text


def test_a_new_link_does_not_go_around_the_second_step(
    board: Board, client: FlaskClient, store: Store, clock: StillClock
) -> None:
    person(store, "ayu")
    enter(client)
    set_up(client, clock)
    people.accept(store, people.new_link(store, SHELL, "ayu"), PASSWORD)
    other = client_of(board)
    assert enter(other).headers["Location"].startswith(DOOR)


# Setting up.


def test_a_code_proves_that_the_app_was_set_up(client: FlaskClient, store: Store, clock: StillClock) -> None:
    person(store, "ayu")
    enter(client)
    page = client.get(FACTORS)
    given = {"csrf": token_in(page), "sealed": hidden(page, "sealed", -1), "code": "000000"}
    wrong = client.post(f"{FACTORS}/totp", data=given)
    assert wrong.status_code == 401
    assert hidden(wrong, "sealed", -1) == given["sealed"]  # the same picture: the phone has it already
    assert client.post(f"{FACTORS}/totp", data=given | {"sealed": "x"}).status_code == 401
    assert client.get("/tugas").status_code == 303


def test_another_s_secret_is_not_taken(board: Board, client: FlaskClient, store: Store, clock: StillClock) -> None:
    person(store, "ayu")
    person(store, "rina")
    enter(client)
    page = client.get(FACTORS)
    key = re.search(r"<code>([A-Z2-7]{32})</code>", page.text)
    assert key is not None
    rina = client_of(board)
    enter(rina, "rina")
    form = {"csrf": token_in(rina.get(FACTORS)), "sealed": hidden(page, "sealed", -1)}
    assert rina.post(f"{FACTORS}/totp", data=form | {"code": App(key[1], clock).code()}).status_code == 401


def test_factors_change_only_after_it_was_proved_of_late_who_it_is(
    client: FlaskClient, store: Store, clock: StillClock
) -> None:
    person(store, "ayu")
    enter(client)
    app, codes = set_up(client, clock)
    page = client.get(FACTORS)
    remove = re.search(rf"{FACTORS}/\d+/hapus", page.text)
    assert remove is not None
    clock.advance(601)
    for path, values in (
        (remove[0], {}),
        (f"{FACTORS}/kode", {}),
        (f"{FACTORS}/totp", {"sealed": "x", "code": "1"}),
    ):
        refused = send(client, path, FACTORS, **values)
        assert refused.status_code == 403
        assert "Buktikan dahulu" in text_of(refused)
    assert client.get("/tugas").status_code == 200
    assert send(client, "/akun/bukti", FACTORS, password="bukan ini").status_code == 401
    assert send(client, "/akun/bukti", FACTORS, proof="000000").status_code == 401
    assert send(client, "/akun/bukti", FACTORS, proof=app.code()).status_code == 303
    new = send(client, f"{FACTORS}/kode", FACTORS)
    assert not set(codes) & set(re.findall(r"<code>([a-z2-9-]{29})</code>", new.text))
    last = send(client, remove[0], FACTORS)
    assert last.status_code == 403
    assert "memerlukan langkah kedua" in text_of(last)
    clock.advance(601)
    assert send(client, "/akun/bukti", FACTORS, password=PASSWORD).status_code == 303
    assert send(client, f"{FACTORS}/99/hapus", FACTORS).status_code == 404


def test_where_none_is_demanded_the_last_one_may_go(store: Store, clock: StillClock) -> None:
    person(store, "ayu")
    client = client_of(board_on(store, second_factor=SecondFactor.NONE))
    enter(client)
    set_up(client, clock)
    remove = re.search(rf"{FACTORS}/\d+/hapus", client.get(FACTORS).text)
    assert remove is not None
    assert send(client, remove[0], FACTORS).status_code == 303
    assert send(client, f"{FACTORS}/kode", FACTORS).status_code == 404
    other = client_of(board_on(store, second_factor=SecondFactor.NONE))
    assert enter(other).headers["Location"] == "/tugas"


def test_a_new_factor_ends_the_other_sessions(
    board: Board, client: FlaskClient, store: Store, clock: StillClock
) -> None:
    person(store, "ayu", Role.OFFICER, OPD)
    other = client_of(board)
    enter(other)
    enter(client)
    set_up(client, clock)
    assert client.get("/tugas").status_code == 200
    assert other.get("/tugas").status_code == 303


def test_an_admin_takes_away_what_somebody_lost(
    board: Board, client: FlaskClient, store: Store, clock: StillClock
) -> None:
    ayu = person(store, "ayu")
    rina = client_of(board)
    person(store, "rina")
    enter(rina, "rina")
    set_up(rina, clock)
    enter(client)
    set_up(client, clock)
    page = f"/orang/{ayu}"
    assert "Hapus langkah kedua" in text_of(rina.get(page))
    assert send(rina, f"{page}/faktor/hapus", page).status_code == 303
    assert client.get("/tugas").status_code == 303
    assert enter(client).headers["Location"] == "/tugas"
    assert client.get("/tugas").headers["Location"] == FACTORS
    assert audited(store, "factors_removed") == [{"factors": 1, "sessions_ended": 1}]


# Passkeys.


def add_passkey(client: FlaskClient, key: Authenticator, **values: str) -> TestResponse:
    page = client.get(FACTORS)
    given = {"csrf": token_in(page), "sealed": hidden(page, "sealed"), "name": "ponsel <b>saya</b>"}
    return client.post(f"{FACTORS}/kunci", data={**given, "credential": key.create(options(page)), **values})


def test_a_passkey_is_made_and_opens_the_door(board: Board, client: FlaskClient, store: Store) -> None:
    person(store, "ayu")
    enter(client)
    key = Authenticator()
    added = add_passkey(client, key)
    assert added.status_code == 200
    assert len(re.findall(r"<code>([a-z2-9-]{29})</code>", added.text)) == 10
    page = client.get(FACTORS)
    assert "ponsel <b>saya</b>" in text_of(page)
    assert "<b>saya" not in page.text
    other = client_of(board)
    enter(other)
    door = other.get(DOOR)
    signed = key.get(options(door))
    assert send(other, DOOR, DOOR, credential=signed).status_code == 401  # the page was drawn anew, and asks anew
    door = other.get(DOOR)
    entered = other.post(DOOR, data={"csrf": token_in(door), "credential": key.get(options(door))})
    assert entered.headers["Location"] == "/tugas"
    assert audited(store, "signed_in")[-1]["by"] == "passkey"


def test_what_another_key_or_another_site_signed_opens_nothing(
    board: Board, client: FlaskClient, store: Store
) -> None:
    person(store, "ayu")
    enter(client)
    key = Authenticator()
    add_passkey(client, key)
    stranger = Authenticator()
    impostor = Authenticator()
    impostor.id = key.id
    for bad in (stranger, impostor, "x", "{}", '{"id": 1}', "[" * 2000):
        other = client_of(board)
        enter(other)
        door = other.get(DOOR)
        signed = bad if isinstance(bad, str) else bad.get(options(door))
        answer = other.post(DOOR, data={"csrf": token_in(door), "credential": signed})
        assert answer.status_code in {401, 429}
        assert other.get("/tugas").status_code == 303
    key.origin = "http://evil.example"
    other = client_of(board)
    enter(other)
    door = other.get(DOOR)
    assert other.post(DOOR, data={"csrf": token_in(door), "credential": key.get(options(door))}).status_code != 303


def test_a_passkey_that_was_copied_is_not_taken(board: Board, client: FlaskClient, store: Store) -> None:
    person(store, "ayu")
    enter(client)
    key = Authenticator()
    add_passkey(client, key)
    key.counter = 5
    statuses = []
    for _ in range(2):
        other = client_of(board)
        enter(other)
        door = other.get(DOOR)
        statuses.append(
            other.post(DOOR, data={"csrf": token_in(door), "credential": key.get(options(door))}).status_code
        )
        key.counter = 3
    assert statuses == [303, 401]


def test_a_passkey_is_not_made_for_another_host_twice_or_with_another_s_challenge(
    board: Board, client: FlaskClient, store: Store
) -> None:
    person(store, "ayu")
    person(store, "rina")
    enter(client)
    key = Authenticator()
    assert add_passkey(client, Authenticator("http://evil.example")).status_code == 401
    for made in ("x", "{}", "null"):
        assert add_passkey(client, key, credential=made).status_code == 401
    assert add_passkey(client, key, sealed="x").status_code == 401
    assert add_passkey(client, key).status_code == 200
    assert add_passkey(client, key).status_code == 401
    rina = client_of(board)
    enter(rina, "rina")
    page = client.get(FACTORS)
    given = {"sealed": hidden(page, "sealed"), "credential": Authenticator().create(options(page))}
    assert send(rina, f"{FACTORS}/kunci", FACTORS, **given).status_code == 401


def test_a_page_for_passkeys_brings_its_script_from_here_and_an_address_has_none(
    client: FlaskClient, store: Store
) -> None:
    person(store, "ayu")
    enter(client)
    scripts = re.findall(r"<script[^>]*>(.*?)</script>", client.get(FACTORS).text)
    assert scripts
    assert set(scripts) == {""}
    page = client.get(FACTORS, base_url="http://127.0.0.1")
    assert page.status_code in {200, 303}
    assert "data-passkey" not in page.text


# What is kept.


def test_no_secret_is_in_the_database_or_the_audit(client: FlaskClient, store: Store, clock: StillClock) -> None:
    person(store, "ayu")
    enter(client)
    app, codes = set_up(client, clock)
    with store.reading() as work:
        kept = ""
        for table in inspect(work.conn).get_table_names():
            kept += str(work.conn.execute(text(f"SELECT * FROM {table}")).all())
    assert app.totp.secret not in kept
    for code in codes:
        assert code not in kept
        assert code.replace("-", "") not in kept
    assert audited(store, "factor_added") == [{"kind": "totp", "sessions_ended": 0}]
    assert audited(store, "recovery_codes_made") == [{"codes": 10}]
