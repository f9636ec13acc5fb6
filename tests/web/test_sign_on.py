"""The city's single sign-on: who is let in, and everything that lets nobody in."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient
from joserfc.jwk import ECKey
from werkzeug.test import TestResponse

from lapor_sync.domain.people import Role, of_shell
from lapor_sync.office import people
from lapor_sync.store.database import Store
from lapor_sync.web.provider import Client, Provider
from tests.databases import StillClock
from tests.web.issuer import CLIENT, SECRET, Issuer, issuer
from tests.web.site import board_on, client_of, text_of, token_in

PASSWORD = "kucing terbang di atap"
SHELL = of_shell("budi")
FAILED, UNKNOWN, AWAY = "Masuk lewat akun kota tidak berhasil", "belum terdaftar", "sedang tidak dapat dihubungi"


@pytest.fixture
def city(store: Store, clock: StillClock) -> Iterator[Issuer]:
    with issuer(int(clock.now().timestamp())) as made:
        yield made


@pytest.fixture
def browser(store: Store, clock: StillClock, city: Issuer) -> FlaskClient:
    provider = Provider(Client(issuer=city.url, id=CLIENT, secret=SECRET), clock)
    return client_of(board_on(store, provider=provider))


def invited(store: Store) -> str:
    return people.invite(store, SHELL, name="Siti", sign_in="siti", role=Role.OFFICER, opd="611")


def go(browser: FlaskClient, path: str = "/masuk/akun-kota", page: str = "/masuk", **form: Any) -> TestResponse:
    """What the button on that page leads to."""
    token = token_in(browser.get(page))
    return browser.post(path, data={"csrf": token, **form}, headers={"Sec-Fetch-Site": "same-origin"})


def there(answer: TestResponse) -> str:
    """Where a person is led."""
    address = answer.headers["Refresh"].removeprefix("0; url=")
    assert address in unescape(answer.text)
    return address


def bound(store: Store, browser: FlaskClient, city: Issuer) -> None:
    """Siti accepts her invitation with the city's account, and leaves."""
    path = f"/undangan/{invited(store)}"
    browser.get(city.let_in(there(go(browser, f"{path}/akun-kota", path))))
    browser.delete_cookie("papan")


def test_an_invitation_is_accepted_with_the_citys_account(
    store: Store, browser: FlaskClient, city: Issuer
) -> None:
    """Without a password; the link is used up, and from then on the city's account opens the door."""
    path = f"/undangan/{invited(store)}"
    answer = browser.get(city.let_in(there(go(browser, f"{path}/akun-kota", path))))
    assert (answer.status_code, answer.location) == (303, "/tugas")
    assert browser.get("/tugas").status_code == 200
    assert browser.get(path).status_code != 200
    browser.delete_cookie("papan")
    assert browser.get(city.let_in(there(go(browser)))).status_code == 303
    assert browser.get("/tugas").status_code == 200
    with store.reading() as work:
        whats = [row.what for row in kept_rows(work)]
    assert whats.count("sign_on_bound") == 1
    assert whats.count("signed_in") == 2


def kept_rows(work: Any) -> Any:
    from lapor_sync.store.schema import audit

    return work.conn.execute(audit.select().order_by(audit.c.seq)).all()


def test_who_has_a_password_binds_with_it(store: Store, browser: FlaskClient, city: Issuer) -> None:
    """Another's account of the city cannot be taken, and a wrong password binds nothing."""
    bound(store, browser, city)
    link = people.invite(store, SHELL, name="Rina", sign_in="rina", role=Role.OFFICER, opd="612")
    people.accept(store, link, PASSWORD)
    browser.set_cookie("papan", people.enter(store, "rina", PASSWORD, address="127.0.0.1"))
    assert "Belum terhubung" in text_of(browser.get("/akun"))
    wrong = go(browser, "/akun/akun-kota", "/akun", password="salah sekali ini")
    assert "Refresh" not in wrong.headers
    taken = browser.get(city.let_in(there(go(browser, "/akun/akun-kota", "/akun", password=PASSWORD))))
    assert "sudah terhubung dengan orang lain" in text_of(taken)
    mine = city.let_in(there(go(browser, "/akun/akun-kota", "/akun", password=PASSWORD)), sub="s-2")
    assert browser.get(mine).status_code == 303
    assert "Sudah terhubung" in text_of(browser.get("/akun"))


def test_nobody_is_made_by_it(store: Store, browser: FlaskClient, city: Issuer) -> None:
    """Whoever the city knows, by whatever mail: without having been bound there is no account."""
    invited(store)
    city.claims = {"email": "siti", "email_verified": True, "preferred_username": "siti"}
    answer = browser.get(city.let_in(there(go(browser))))
    assert UNKNOWN in text_of(answer)
    assert browser.get("/tugas").status_code != 200


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "another"},
        {"aud": [CLIENT, "another"]},
        {"aud": [CLIENT, "another"], "azp": "another"},
        {"aud": None},
        {"iss": "https://another.example"},
        {"iss": None},
        {"exp": 1},
        {"exp": None},
        {"iat": 2**33},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"nbf": 2**33},
    ],
    ids=str,
)
def test_a_token_that_is_not_for_us_lets_nobody_in(
    claims: dict[str, Any], store: Store, browser: FlaskClient, city: Issuer
) -> None:
    bound(store, browser, city)
    city.claims = claims
    answer = browser.get(city.let_in(there(go(browser))))
    assert FAILED in text_of(answer)
    assert browser.get("/tugas").status_code != 200


def part(said: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(said).encode()).rstrip(b"=").decode()


@pytest.mark.parametrize("header", [{"alg": "none"}, {"alg": "HS256"}, {"alg": "None"}], ids=str)
def test_a_token_without_the_issuers_signature_lets_nobody_in(
    header: dict[str, str], store: Store, browser: FlaskClient, city: Issuer
) -> None:
    bound(store, browser, city)
    address = there(go(browser))
    back = city.let_in(address)
    (question,) = city.questions.values()
    says = {"iss": city.url, "aud": CLIENT, "sub": "s-1", "nonce": question["nonce"]}
    city.forged = f"{part(header)}.{part({**says, 'iat': city.now, 'exp': city.now + 300})}."
    assert FAILED in text_of(browser.get(back))


def test_somebody_elses_key_lets_nobody_in_and_a_changed_one_does(
    store: Store, browser: FlaskClient, city: Issuer, clock: StillClock
) -> None:
    """Keys are asked for anew where a token's is not known; not for each token, in a row."""
    bound(store, browser, city)
    before, city.key = city.key, ECKey.generate_key("P-256", auto_kid=True)
    clock.sleep(60)
    assert browser.get(city.let_in(there(go(browser)))).status_code == 303
    browser.delete_cookie("papan")
    times = city.asked.count("/keys")
    theirs, city.key = city.key, before
    real, city.page = city.page, lambda path: (200, keys(theirs)) if path == "/keys" else real(path)  # type: ignore[method-assign]
    for _ in range(3):
        assert FAILED in text_of(browser.get(city.let_in(there(go(browser)))))
    assert city.asked.count("/keys") <= times + 1


def keys(key: ECKey) -> Any:
    from joserfc.jwk import KeySet

    return KeySet([key]).as_dict(private=False)


def test_an_answer_counts_once_and_in_the_browser_that_asked(
    store: Store, browser: FlaskClient, city: Issuer
) -> None:
    """A replayed state, one that was made up, and one that another browser was given."""
    bound(store, browser, city)
    back = city.let_in(there(go(browser)))
    other = browser.application.test_client()
    other.get("/masuk")
    assert FAILED in text_of(other.get(back))
    assert FAILED in text_of(browser.get("/masuk/akun-kota/kembali?code=x&state=sso.x~y"))
    assert FAILED in text_of(browser.get("/masuk/akun-kota/kembali"))
    assert FAILED in text_of(browser.get(f"{back}&iss=https://another.example"))
    assert FAILED in text_of(browser.get(back))  # the try before used it up


def test_a_question_is_over_after_ten_minutes(
    store: Store, browser: FlaskClient, city: Issuer, clock: StillClock
) -> None:
    bound(store, browser, city)
    back = city.let_in(there(go(browser)))
    clock.sleep(601)
    assert FAILED in text_of(browser.get(back))


def test_a_new_link_ends_what_was_begun_with_the_one_before(
    store: Store, browser: FlaskClient, city: Issuer
) -> None:
    """It may have gone to the wrong person."""
    path = f"/undangan/{invited(store)}"
    back = city.let_in(there(go(browser, f"{path}/akun-kota", path)))
    people.new_link(store, SHELL, "siti")
    assert FAILED in text_of(browser.get(back))


def test_a_new_link_that_comes_while_the_issuer_answers_ends_it_too(
    store: Store, browser: FlaskClient, city: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, answers = f"/undangan/{invited(store)}", Provider.subject

    def slowly(provider: Provider, **asked: str) -> str:
        people.new_link(store, SHELL, "siti")
        return answers(provider, **asked)

    monkeypatch.setattr(Provider, "subject", slowly)
    answer = browser.get(city.let_in(there(go(browser, f"{path}/akun-kota", path))))
    assert FAILED in text_of(answer)
    assert browser.get("/tugas").status_code == 303


@pytest.mark.parametrize("how", ["down", "another", "plain", "no keys"])
def test_an_issuer_that_is_away_is_told_in_words(how: str, browser: FlaskClient, city: Issuer) -> None:
    """Down, one that says that it is another, addresses without TLS, no keys: nobody is led anywhere."""
    city.down = how == "down"
    names = {"another": {"issuer": "https://x.example"}, "plain": {"token_endpoint": "http://x.example/token"}}
    city.names = names.get(how, {"jwks_uri": f"{city.url}/auth"} if how == "no keys" else {})
    answer = go(browser)
    assert AWAY in text_of(answer)
    assert "Refresh" not in answer.headers


def test_without_a_sign_on_nothing_of_it_is_offered(store: Store) -> None:
    browser = client_of(board_on(store))
    assert "akun kota" not in browser.get("/masuk").text
    assert FAILED in text_of(go(browser))
