"""What holds for every page: hosts, headers, cookies, forms, and what a failure says."""

from __future__ import annotations

import gzip
import re

import pytest
from flask.testing import FlaskClient

from lapor_sync.domain.errors import SettingsWrong
from lapor_sync.listening import is_loopback
from lapor_sync.store import marks
from lapor_sync.store.database import Store
from lapor_sync.store.marks import Mark
from lapor_sync.web.assets import all_assets
from lapor_sync.web.board import Board
from lapor_sync.web.listening import address_of
from lapor_sync.web.pages.sign_in import local
from tests.databases import StillClock
from tests.web.site import INSPECTOR, Enter, board_on, client_of, text_of, token_in

PUBLIC = "https://papan.kota.example"


@pytest.fixture
def public(store: Store) -> FlaskClient:
    return client_of(board_on(store, public_url=PUBLIC))


def test_every_answer_lets_browsers_do_no_more_than_is_needed(client: FlaskClient) -> None:
    for path in ("/masuk", "/tidak-ada", "/healthz"):
        headers = client.get(path).headers
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert "object-src 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Cache-Control"] == "no-store"


def test_no_page_holds_style_or_script_of_its_own_or_names_another_host(client: FlaskClient) -> None:
    text = client.get("/masuk").text
    assert not re.search(r"<script(?! src=./aset/)|<style|style=|onclick|https?://", text)


def test_the_cookie_goes_by_tls_alone_where_there_is_tls(client: FlaskClient, public: FlaskClient) -> None:
    plain = client.get("/masuk").headers["Set-Cookie"]
    assert plain.startswith("papan=tamu.")
    assert "HttpOnly" in plain
    assert "SameSite=Lax" in plain
    assert "Secure" not in plain
    held = public.get("/masuk", base_url=PUBLIC).headers["Set-Cookie"]
    assert held.startswith("__Host-papan=")
    assert "Secure" in held
    assert "Path=/" in held
    assert "Domain" not in held


def test_only_its_own_host_is_served(client: FlaskClient, public: FlaskClient) -> None:
    assert client.get("/masuk", base_url="http://evil.example").status_code == 400
    assert client.get("/masuk", base_url="http://127.0.0.1:9999").status_code == 200
    assert client.get("/masuk", base_url="http://[::1]:8080").status_code == 200
    assert public.get("/masuk", base_url="http://localhost").status_code == 400
    assert public.get("/masuk", base_url=PUBLIC).status_code == 200
    assert public.get("/healthz", base_url="http://127.0.0.1").status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://localhost", "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 404),
        ({"Origin": "http://localhost"}, 404),
        ({}, 404),
    ],
)
def test_a_form_of_another_site_is_refused_whatever_it_holds(
    client: FlaskClient, headers: dict[str, str], status: int
) -> None:
    csrf = token_in(client.get("/masuk"))
    assert client.post("/tidak-ada", data={"csrf": csrf}, headers=headers).status_code == status


def test_a_form_needs_the_token_of_its_own_visitor(board: Board) -> None:
    one, other = client_of(board), client_of(board)
    csrf = token_in(one.get("/masuk"))
    other.get("/masuk")
    assert one.post("/tidak-ada", data={"csrf": csrf}).status_code == 404
    for data in ({}, {"csrf": ""}, {"csrf": "0" * 64}, {"csrf": "ü"}):
        answer = one.post("/tidak-ada", data=data)
        assert answer.status_code == 403
        assert "dibuka terlalu lama" in text_of(answer)
    assert other.post("/tidak-ada", data={"csrf": csrf}).status_code == 403
    for data in ({}, {"csrf": ""}, {"csrf": csrf}):
        assert (
            client_of(board).post("/tidak-ada", data=data).status_code == 403
        )  # has no cookie, so no form of ours


def test_a_page_that_is_not_there_says_so_in_indonesian(client: FlaskClient) -> None:
    answer = client.get("/tidak-ada")
    assert answer.status_code == 404
    assert "Halaman tidak ditemukan" in text_of(answer)


def test_it_lives_and_is_ready_while_the_last_success_is_young(
    client: FlaskClient, store: Store, clock: StillClock
) -> None:
    assert client.get("/healthz").text == "ok\n"
    assert (client.get("/readyz").status_code, client.get("/readyz").text) == (503, "no cycle went through yet\n")
    with store.work() as work:
        marks.put_now(work, Mark.LAST_SUCCESS)
    clock.advance(3600)
    assert client.get("/readyz").text == "ready\n"
    clock.advance(1)
    assert client.get("/readyz").status_code == 503
    assert client.get("/healthz").text == "ok\n"


def test_it_is_not_ready_without_its_database(client: FlaskClient, store: Store) -> None:
    with store.engine.begin() as conn:
        conn.exec_driver_sql("DROP TABLE mark")
    assert client.get("/readyz").status_code == 503
    assert client.get("/healthz").status_code == 200


def test_assets_are_packed_and_kept_for_good_under_the_name_of_their_content(client: FlaskClient) -> None:
    page = client.get("/masuk")
    found = re.findall(r'(?:href|src)="(/aset/[^"]+)"', page.text)
    assert len(found) == 4
    sizes = [len(page.data)]
    for path in found:
        packed = client.get(path, headers={"Accept-Encoding": "gzip"})
        assert packed.headers["Content-Encoding"] == "gzip"
        assert "immutable" in packed.headers["Cache-Control"]
        plain = client.get(path)
        assert gzip.decompress(packed.data) == plain.data
        sizes.append(len(packed.data))
    assert sum(sizes) < 60_000
    assert client.get(f"/aset/000000000000/{next(iter(all_assets()))}").status_code == 404
    assert client.get("/aset/000000000000/README.md").status_code == 404


@pytest.mark.parametrize("path", ["/laporan/7001", "/laporan?colour=merah&q=a%20b", "/tugas"])
def test_a_path_of_this_site_is_gone_back_to(path: str) -> None:
    assert local(path) == path


@pytest.mark.parametrize(
    "path",
    [None, "", "tugas", "//evil.example", "/\\evil.example", "https://evil.example", "/a\nb", "javascript:x"],
)
def test_nobody_is_led_to_another_site(path: str | None) -> None:
    assert local(path) == "/tugas"


@pytest.mark.parametrize("given", ["0.0.0.0:8080", "[::]:8080", "10.1.2.3:80", "papan.kota.example:80"])
def test_it_does_not_listen_in_the_open_without_tls(given: str) -> None:
    for public_url in (None, "http://localhost:8080"):
        with pytest.raises(SettingsWrong, match="BOARD_PUBLIC_URL"):
            address_of(given, public_url)
    assert not address_of(given, PUBLIC).is_loopback


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("localhost:0", "http://127.0.0.1:0"),
        ("[::1]:9000", "http://[::1]:9000"),
        ("127.9.9.9:1", "http://127.9.9.9:1"),
    ],
)
def test_it_listens_on_loopback(given: str, url: str) -> None:
    assert address_of(given, None).url == url


@pytest.mark.parametrize(
    "given", ["", ":80", "localhost", "localhost:", "localhost:65536", "a:b", "u@h:1", "h:1/x"]
)
def test_what_is_no_address_is_said_so(given: str) -> None:
    with pytest.raises(SettingsWrong, match="HOST:PORT"):
        address_of(given, PUBLIC)


def test_a_name_may_be_anybodys() -> None:
    assert not is_loopback("papan.kota.example")
    assert is_loopback("LOCALHOST")


@pytest.mark.parametrize("fields", [["x" * (8 * 2**20)], ["x"] * 1500])
def test_a_form_that_is_too_large_is_told_so(client: FlaskClient, board: Board, fields: list[str]) -> None:
    """What cannot be read is nobody's fault here: no alarm, and the sentence says what to do."""
    parts = [
        f'--b\r\nContent-Disposition: form-data; name="n{n}"\r\n\r\n{one}\r\n' for n, one in enumerate(fields)
    ]
    kind = "multipart/form-data; boundary=b"
    answer = client.post("/masuk", data="".join(parts).encode() + b"--b--\r\n", content_type=kind)
    assert answer.status_code == 413
    assert "terlalu besar" in answer.text
    assert "board_failed" not in board.mirror.log.events  # type: ignore[attr-defined]


def test_tls_is_asked_for_a_year_and_for_every_name_below(client: FlaskClient, public: FlaskClient) -> None:
    asked = public.get("/masuk", base_url=PUBLIC).headers["Strict-Transport-Security"]
    assert asked == "max-age=31536000; includeSubDomains"
    assert "Strict-Transport-Security" not in client.get("/masuk").headers


def test_no_method_shows_a_request_again(client: FlaskClient) -> None:
    assert client.open("/masuk", method="TRACE").status_code == 403


def test_an_act_that_the_posts_do_not_permit_is_logged_without_a_name(store: Store, enter: Enter) -> None:
    client = enter(INSPECTOR)
    assert client.get("/orang").status_code == 403
    log = client.application.config["BOARD"].mirror.log
    assert log.events == ["board_refused"]
