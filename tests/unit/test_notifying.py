"""Channels against a real mail server and a real HTTP server on loopback: taking, refusing, down, slow, trickling."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from connectors.notifying import Channels
from lapor_sync.domain.errors import NoticeError, NoticeInDoubt, NoticeNotTaken

SECRET = "rahasia-sekali"


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Mails:
    """A mail server; `rcpt` and `data` are its answers, `last` is set when it gives the last one."""

    def __init__(self) -> None:
        self.got: list[Message] = []
        self.to: list[str] = []
        self.rcpt, self.data, self.last = "250 ok", "250 ok", threading.Event()
        self.last.set()

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:  # noqa: N802
        if self.rcpt.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.rcpt

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        self.last.wait(60)
        self.got.append(message_from_bytes(envelope.content))
        self.to += envelope.rcpt_tos
        return self.data


@pytest.fixture
def mails() -> Iterator[tuple[Mails, int]]:
    server, port = Mails(), free_port()
    controller = Controller(server, hostname="127.0.0.1", port=port)
    controller.start()
    yield server, port
    server.last.set()
    controller.stop()


def mail(port: int, seconds: float = 60.0) -> Channels:
    url = f"mailto://127.0.0.1:{port}/{{to}}?from={{from}}&mode=insecure"
    return Channels(sender="papan@kota.go.id", person={"email": url}, seconds=seconds)


def outcome(channels: Channels, to: str = "sari@kota.go.id") -> NoticeError | None:
    try:
        channels.send(to, "Tugas LAPOR: 1 lewat tenggat", "Lewat tenggat: 1\n- 20000056\n")
    except NoticeError as error:
        return error
    return None


def test_a_mail_arrives_as_plain_text_from_the_citys_address(mails: tuple[Mails, int]) -> None:
    server, port = mails
    assert outcome(mail(port)) is None
    (got,) = server.got
    assert server.to == ["sari@kota.go.id"]
    assert got["Subject"] == "Tugas LAPOR: 1 lewat tenggat"
    assert "papan@kota.go.id" in str(got["From"])
    assert got.get_content_type() == "text/plain"
    assert b"- 20000056" in (got.get_payload(decode=True) or b"")


@pytest.mark.parametrize(
    ("rcpt", "data"),
    [
        ("451 4.7.1 later", "250 ok"),
        ("550 5.1.1 unknown", "250 ok"),
        ("250 ok", "554 5.7.1 no"),
        ("250 ok", "452 full"),
    ],
)
def test_a_mail_server_that_refuses_surely_did_not_take_it(mails: tuple[Mails, int], rcpt: str, data: str) -> None:
    server, port = mails
    server.rcpt, server.data = rcpt, data
    assert isinstance(outcome(mail(port)), NoticeNotTaken)


def test_a_mail_server_that_is_down_surely_did_not_take_it() -> None:
    error = outcome(mail(free_port()))
    assert isinstance(error, NoticeNotTaken)
    assert error.reason == "unreachable"


def test_a_mail_server_that_is_slow_leaves_a_doubt_within_the_limit(mails: tuple[Mails, int]) -> None:
    server, port = mails
    server.last.clear()
    error = outcome(mail(port, seconds=0.5))
    assert isinstance(error, NoticeInDoubt)
    assert error.reason == "too_slow"
    assert server.got == []  # it is still at it


def test_a_mail_server_that_hangs_up_after_the_text_leaves_a_doubt() -> None:
    """It answers all, takes the text, and is gone before it says what became of it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=hang_up, args=(server,), daemon=True).start()
        error = outcome(mail(server.getsockname()[1]))
    assert isinstance(error, NoticeInDoubt)
    assert error.reason == "unclear"


def hang_up(server: socket.socket) -> None:
    server.accept()[0].close()  # the look whether it can be reached
    conn, _ = server.accept()
    with conn, conn.makefile("rb") as lines:
        conn.sendall(b"220 here\r\n")
        for line in lines:
            if line.strip() == b".":
                return
            if line[:4].upper() == b"DATA":
                conn.sendall(b"354 go\r\n")
            elif line[:4].upper() in {b"EHLO", b"HELO", b"MAIL", b"RCPT"}:
                conn.sendall(b"250 ok\r\n")


# TLS and login.

USER, PASSWORD = "papan", "kata-sandi"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """The city's own CA."""
    return trustme.CA()


@pytest.fixture(params=["starttls", "ssl"])
def encrypted(request: pytest.FixtureRequest, authority: trustme.CA) -> Iterator[tuple[Mails, int, str]]:
    """A mail server that speaks TLS and knows one password; and how it is spoken to."""
    server, port = Mails(), free_port()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)

    def knows(_server: Any, _session: Any, _envelope: Any, _how: str, said: Any) -> AuthResult:
        right = (said.login, said.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=right, handled=False)

    demands: dict[str, Any] = {
        "hostname": "127.0.0.1",
        "port": port,
        "authenticator": knows,
    }
    if request.param == "starttls":
        controller = Controller(server, **demands, auth_required=True, tls_context=context, require_starttls=True)
    else:
        controller = Controller(server, **demands, ssl_context=context, auth_require_tls=False)
    controller.start()
    yield server, port, request.param
    controller.stop()


def mail_by_tls(port: int, mode: str, password: str = PASSWORD) -> Channels:
    url = f"mailtos://{USER}:{password}@127.0.0.1:{port}/{{to}}?from={{from}}&smtp=127.0.0.1&mode={mode}"
    return Channels(sender="papan@kota.go.id", person={"email": url}, seconds=60)


def test_a_mail_goes_by_tls_where_the_certificate_is_believed_and_with_the_right_password(
    encrypted: tuple[Mails, int, str], authority: trustme.CA, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """By a CA in SSL_CERT_FILE; else nothing leaves, and that is sure: neither text nor password."""
    server, port, mode = encrypted
    assert isinstance(outcome(mail_by_tls(port, mode)), NoticeNotTaken)
    assert (server.got, server.to) == ([], [])
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    assert isinstance(outcome(mail_by_tls(port, mode, "salah")), NoticeNotTaken)
    assert server.got == []
    assert outcome(mail_by_tls(port, mode)) is None
    assert (len(server.got), server.to) == (1, ["sari@kota.go.id"])


@pytest.mark.parametrize("mode", ["starttls", "ssl"])
def test_a_mail_server_without_tls_gets_neither_text_nor_password(mails: tuple[Mails, int], mode: str) -> None:
    server, port = mails
    assert isinstance(outcome(mail_by_tls(port, mode)), NoticeNotTaken)
    assert server.got == []


@pytest.mark.parametrize(
    "to", ["a@b.id?cc=x@y.id", "a/b@c.id", "a,b@c.id", "a&b@c.id", "a b@c.id", "a@b.id\r\nX: y", "a%2Cb@c.id"]
)
def test_no_address_adds_another_one_or_an_option(mails: tuple[Mails, int], to: str) -> None:
    server, port = mails
    outcome(mail(port), to)
    assert set(server.to) <= {to}


class Hook(BaseHTTPRequestHandler):
    status = 200

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.count += 1  # type: ignore[attr-defined]
        if self.status:
            self.send_response(self.status)
            self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (200, None),
        (204, None),
        (403, NoticeNotTaken),
        (429, NoticeNotTaken),
        (503, NoticeInDoubt),
        (0, NoticeInDoubt),
    ],
)
def test_a_webhook_is_believed_as_far_as_its_answer_goes(status: int, expected: type[NoticeError] | None) -> None:
    handler = type("Answering", (Hook,), {"status": status})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.count = 0  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        channels = Channels(sender="x@y.id", technical_urls=(f"json://127.0.0.1:{server.server_port}/{SECRET}",))
        if expected is None:
            channels.send_technical(0, "Sistem", "LAPOR menjawab kembali.")
        else:
            with pytest.raises(expected) as caught:
                channels.send_technical(0, "Sistem", "LAPOR menjawab kembali.")
            assert SECRET not in caught.value.what
        server.shutdown()
        assert server.count == 1  # type: ignore[attr-defined]


def test_a_webhook_that_is_down_surely_did_not_take_it() -> None:
    channels = Channels(sender="x@y.id", technical_urls=(f"json://127.0.0.1:{free_port()}/",))
    with pytest.raises(NoticeNotTaken):
        channels.send_technical(0, "Sistem", "x")


@pytest.mark.parametrize("kind", ["telegram", "email"])
def test_a_channel_that_is_gone_or_no_address_at_all_takes_nothing(kind: str) -> None:
    channels = Channels(sender="x@y.id", person={"email": "nosuch://{to}"})
    with pytest.raises(NoticeNotTaken):
        channels.send("a@y.id", "x", "x", kind)
    with pytest.raises(NoticeNotTaken):
        channels.send_technical(0, "x", "x")
    assert (channels.kinds, channels.technical) == (("email",), 0)


def test_no_secret_of_an_address_is_shown_where_a_channel_is(caplog: pytest.LogCaptureFixture) -> None:
    channels = Channels(
        sender="x@y.id",
        person={"email": f"mailto://u:{SECRET}@127.0.0.1:{free_port()}/{{to}}"},
        technical_urls=(f"json://u:{SECRET}@127.0.0.1:{free_port()}/",),
    )
    error = outcome(channels)
    with pytest.raises(NoticeError) as caught:
        channels.send_technical(0, "x", "x")
    said = repr((channels, error, caught.value)) + caplog.text
    assert SECRET not in said
