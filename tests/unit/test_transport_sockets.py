"""The HTTP client on real sockets: what only a wire can do to it."""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme

from connectors.transport import Answer, Transport, TransportSettings, trusted
from lapor_sync.domain.errors import SettingsWrong, TimedOut, Unreachable, UpstreamBroken
from lapor_sync.domain.ports import Uptime
from lapor_sync.words.en import advised

Handler = Callable[[socket.socket], None]


PATIENT = 30.0
"""A limit in seconds that no test reaches, however busy the machine is."""

SHORT: dict[str, Any] = {"read_timeout": 1.0, "connect_timeout": 1.0}
"""The limits of a test that reaches them."""


class RealClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def uptime(self) -> Uptime:
        return Uptime("test", self.monotonic())

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class Wire:
    """A server of raw bytes: each connection goes to the handler; what was asked is kept."""

    def __init__(self, handler: Handler, context: ssl.SSLContext | None, *, whole_requests: bool) -> None:
        self._handler = handler
        self._whole_requests = whole_requests
        self._context = context
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []
        self._turn = threading.Lock()
        self.asked: list[bytes] = []
        self.port = self._listening.getsockname()[1]

    def run(self) -> None:
        while not self._over.is_set():
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(connection,))
            with self._turn:  # whoever was answered finds the thread that answered, and a started one to join
                thread.start()
                self._threads.append(thread)

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.settimeout(PATIENT)
            if self._context is None:
                self._handle(connection)
                return
            with self._context.wrap_socket(connection, server_side=True) as secured:
                self._handle(secured)

    def _handle(self, connection: socket.socket) -> None:
        if self._whole_requests:
            self.asked.append(_request(connection))
        self._handler(connection)

    def rests(self) -> None:
        """Wait until every connection so far is closed."""
        with self._turn:
            threads = tuple(self._threads)
        for thread in threads:
            thread.join(PATIENT)

    def close(self) -> None:
        self._over.set()
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for thread in self._threads:
            thread.join(5)


def _request(connection: socket.socket) -> bytes:
    """What the client sends: a whole request, or as much as came before it left."""
    received = b""
    while not _is_whole(received) and (piece := connection.recv(65536)):
        received += piece
    return received


def _is_whole(request: bytes) -> bool:
    head, end, rest = request.partition(b"\r\n\r\n")
    lengths = (line[15:] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
    return bool(end) and len(rest) >= int(next(lengths, 0))


@contextmanager
def serving(
    handler: Handler, context: ssl.SSLContext | None = None, *, whole_requests: bool = True
) -> Iterator[Wire]:
    wire = Wire(handler, context, whole_requests=whole_requests)
    thread = threading.Thread(target=wire.run)
    thread.start()
    try:
        yield wire
    finally:
        wire.close()
        thread.join(5)


@contextmanager
def transport_to(
    wire: Wire | int,
    *,
    scheme: str = "http",
    stopping: Callable[[], bool] = lambda: False,
    may_leave: Callable[[], bool] = lambda: True,
    **changes: Any,
) -> Iterator[Transport]:
    port = wire if isinstance(wire, int) else wire.port
    given: dict[str, Any] = {
        "base_url": f"{scheme}://127.0.0.1:{port}/api",
        "bearer": "b",
        "token": "t",
        "read_timeout": PATIENT,
        "connect_timeout": PATIENT,
        "read_tries": 1,
        "rate_per_second": 0,
    }
    settings = TransportSettings(**(given | changes))
    with Transport(settings, clock=RealClock(), stopping=stopping, may_leave=may_leave) as transport:
        yield transport


def body(answer: Answer) -> bytes:
    return answer.body


def says(*pieces: bytes, every: float = 0.0) -> Handler:
    """Sends the pieces with a pause after each."""

    def handle(connection: socket.socket) -> None:
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(every)

    return handle


def waits(over: threading.Event) -> Handler:
    """Says nothing until that is set."""

    def handle(_: socket.socket) -> None:
        over.wait(PATIENT)

    return handle


def never_ends(head: bytes, drip: bytes) -> Handler:
    """Sends the head, then one drip after the other, each well within any limit for one read."""

    def handle(connection: socket.socket) -> None:
        connection.sendall(head)
        while True:
            connection.sendall(drip)
            time.sleep(0.02)

    return handle


OK = b"HTTP/1.1 200 OK\r\nConnection: close\r\n"


@pytest.mark.parametrize(
    ("head", "drip"),
    [
        (OK + b"Content-Length: 100000\r\n\r\n", b"x"),
        (OK, b"X-A: b\r\n"),
        (OK + b"X-Long: ", b"x"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n5;", b"x"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["body", "headers", "one header", "chunks", "chunk size", "interim answers"],
)
def test_a_slow_drip_ends_with_the_limit_of_the_whole_call(head: bytes, drip: bytes) -> None:
    """However busy each single read is."""
    with serving(never_ends(head, drip)) as wire, transport_to(wire, **SHORT) as transport:
        started = time.monotonic()
        with pytest.raises(Unreachable) as caught:
            transport.read("/x", body)
        assert time.monotonic() - started > 0.9
        assert caught.value.sent is True


def test_an_answer_that_never_comes_ends_with_the_limit() -> None:
    """A write of which nobody knows."""
    over = threading.Event()
    with (
        serving(waits(over)) as wire,
        transport_to(wire, **SHORT) as transport,
    ):
        with pytest.raises(Unreachable, match="ReadTimeout") as caught:
            transport.post_json("/x", {"a": 1})
        over.set()
        assert caught.value.sent is True


def test_a_read_whose_time_is_over_is_not_made_again_at_once() -> None:
    """It would take as long once more; nor is any read, once all its tries took as long as one may."""
    over = threading.Event()
    with serving(waits(over)) as wire, transport_to(wire, **(SHORT | {"read_tries": 3})) as transport:
        with pytest.raises(TimedOut):
            transport.read("/x", body)
        over.set()
        assert len(wire.asked) == 1
    busy = says(b"HTTP/1.1 503 X\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
    short: dict[str, Any] = {"read_timeout": 0.3, "read_tries": 9, "pause": lambda tries: 0.2}
    with serving(busy) as wire, transport_to(wire, **short) as transport:
        with pytest.raises(UpstreamBroken):
            transport.read("/x", body)
        assert 2 <= len(wire.asked) <= 3


def test_a_slow_answer_within_the_limit_is_an_answer() -> None:
    """Longer than the slices in which the socket is asked."""
    pieces = (OK, b"Content-Length: 2\r\n\r\n", b"o", b"k")
    with serving(says(*pieces, every=0.3)) as wire, transport_to(wire) as transport:
        assert transport.read("/x", body) == b"ok"


def test_a_read_ends_soon_when_the_process_stops() -> None:
    """Not after the whole limit; a write is left in peace."""
    stop, ended = threading.Event(), threading.Event()

    def hold(connection: socket.socket) -> None:
        stop.set()
        ended.wait(PATIENT / 2)  # a read that is not ended has its answer in the end
        time.sleep(0.9)
        connection.sendall(OK + b"Content-Length: 0\r\n\r\n")

    with (
        serving(hold) as wire,
        transport_to(wire, read_tries=3, stopping=stop.is_set) as transport,
    ):
        with pytest.raises(Unreachable):
            transport.read("/x", body)
        ended.set()
        stop.clear()
        assert transport.post_json("/x", {}).status == 200


def test_a_request_that_is_taken_in_slowly_ends_with_the_limit_too() -> None:
    """However busy each single write is: a response with its files may be large."""

    def sip(connection: socket.socket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        while connection.recv(4096) and not over.wait(0.02):
            pass

    over = threading.Event()
    with serving(sip, whole_requests=False) as wire, transport_to(wire, **SHORT) as transport:
        started = time.monotonic()
        with pytest.raises(Unreachable, match="WriteTimeout") as caught:
            transport.post_form("/x", [("a", ("a.pdf", bytes(30_000_000)))])
        assert time.monotonic() - started < PATIENT  # all of it would take more than two minutes
        over.set()
        assert caught.value.sent is True


@pytest.fixture
def silence() -> Iterator[int]:
    """A port that takes no connection and refuses none, under any of this machine's addresses."""
    with socket.create_server(("0.0.0.0", 0), backlog=0) as listening, ExitStack() as stack:
        port = listening.getsockname()[1]
        for _ in range(3):  # more than it keeps in its queue
            one = stack.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        yield port


def stands_for(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """The resolver finds these for any name."""
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, 0)) for one in addresses]
    resolve = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *a, **k: found if host == "lapor.test" else resolve(host, *a, **k)
    )


def test_the_limit_holds_however_many_addresses_lead_nowhere(
    silence: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not so long for each of them."""
    stands_for(monkeypatch, *(f"127.0.0.{n}" for n in range(1, 41)))
    with transport_to(silence, base_url=f"http://lapor.test:{silence}/api", **SHORT) as transport:
        started = time.monotonic()
        with pytest.raises(Unreachable, match="ConnectTimeout") as caught:
            transport.read("/x", body)
        assert time.monotonic() - started < PATIENT
        assert caught.value.sent is False


def test_an_address_that_leads_nowhere_leaves_the_next_one_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where a name has an IPv6 address and the agency's network has no IPv6."""
    with (
        serving(says(OK + b"Content-Length: 2\r\n\r\nok")) as wire,
        socket.socket() as dead,
    ):
        dead.bind(("127.0.0.2", wire.port))  # bound and not listening: refuses
        stands_for(monkeypatch, "127.0.0.2", "127.0.0.1")
        with transport_to(wire, base_url=f"http://lapor.test:{wire.port}/api") as transport:
            assert transport.read("/x", body) == b"ok"


def test_a_name_that_is_not_known_did_not_send(monkeypatch: pytest.MonkeyPatch) -> None:
    """The resolver's own words."""

    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with (
        transport_to(1, base_url="http://lapor.test/api") as transport,
        pytest.raises(Unreachable, match="Name or service not known") as caught,
    ):
        transport.post_json("/x", {})
    assert caught.value.sent is False


CALLS: dict[str, Callable[[Transport], object]] = {
    "read": lambda transport: transport.read("/x", body),
    "write": lambda transport: transport.post_form("/x", [("a", (None, "b"))]),
}


@pytest.mark.parametrize(
    "answer",
    [
        OK + b"Content-Length: 100\r\n\r\nhalf",
        OK + b"Transfer-Encoding: chunked\r\n\r\n64\r\nhalf",
        OK + b"Content-Len",
        b"",
        b"\x16\x03\x01 what is this\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 twohundred OK\r\n\r\n",
        OK + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    ],
    ids=["short", "short chunk", "in the head", "nothing", "bytes", "ssh", "status", "two lengths"],
)
@pytest.mark.parametrize("method", CALLS)
def test_an_answer_that_is_cut_or_no_http_may_have_followed_a_stored_request(answer: bytes, method: str) -> None:
    """It left, so nobody knows."""
    with serving(says(answer)) as wire, transport_to(wire) as transport:
        with pytest.raises(Unreachable) as caught:
            CALLS[method](transport)
        assert caught.value.sent is True
        assert len(wire.asked) == 1


def test_a_refused_connection_did_not_send() -> None:
    """Nobody listens there."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with transport_to(port) as transport, pytest.raises(Unreachable, match="refused") as caught:
        transport.post_json("/x", {})
    assert caught.value.sent is False
    assert str(port) not in caught.value.what


def test_a_name_that_is_not_resolved_did_not_send(monkeypatch: pytest.MonkeyPatch) -> None:
    """No DNS, no request."""

    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with transport_to(1, base_url="http://upstream.invalid") as transport, pytest.raises(Unreachable) as caught:
        transport.post_json("/x", {})
    assert caught.value.sent is False
    assert "Name or service not known" in caught.value.what


def test_a_tls_handshake_that_fails_did_not_send() -> None:
    """Plain HTTP behind an https address."""
    with serving(says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), whole_requests=False) as wire:
        with transport_to(wire, scheme="https") as transport, pytest.raises(Unreachable) as caught:
            transport.post_json("/x", {})
        assert caught.value.sent is False


def test_a_tls_handshake_that_hangs_did_not_send() -> None:
    """The connect limit holds for it."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with transport_to(port, scheme="https", **SHORT) as transport, pytest.raises(Unreachable) as caught:
            transport.post_json("/x", {})
        assert caught.value.sent is False


@pytest.mark.parametrize("sip", [0, 200], ids=["deaf", "slow"])
def test_a_peer_that_reads_too_slowly_ends_with_the_limit(sip: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large write into a full socket: part of it left; pieces that each go through in time do not help."""
    monkeypatch.setattr("connectors.transport.sockets.PIECE", 100)
    over = threading.Event()

    def sipping(connection: socket.socket) -> None:
        while not over.wait(0.005):
            connection.recv(sip)

    with serving(sipping, whole_requests=False) as wire:
        try:
            with (
                transport_to(wire, **SHORT) as transport,
                pytest.raises(Unreachable, match="WriteTimeout") as caught,
            ):
                transport.post_form("/x", [("attachment[0]", ("a.pdf", b"x" * 30_000_000))])
        finally:
            over.set()
    assert caught.value.sent is True


def test_a_redirect_is_not_followed_and_the_other_host_gets_nothing() -> None:
    """Not even the request, so not the credentials either."""
    with serving(says(OK + b"Content-Length: 0\r\n\r\n")) as other:
        target = f"http://localhost:{other.port}/login".encode()
        redirect = (
            b"HTTP/1.1 302 Found\r\nConnection: close\r\nContent-Length: 0\r\nLocation: " + target + b"\r\n\r\n"
        )
        with serving(says(redirect)) as wire, transport_to(wire) as transport:
            with pytest.raises(UpstreamBroken, match="HTTP 302"):
                transport.read("/x", body)
            assert transport.post_json("/x", {}).status == 302
            with pytest.raises(UpstreamBroken, match="HTTP 302"):
                transport.fetch("/file.pdf", body)
        assert other.asked == []


def test_a_file_on_a_foreign_host_is_fetched_without_credentials() -> None:
    """What really goes over the wire holds neither header."""
    file = OK + b"Content-Length: 4\r\n\r\n%PDF"
    with serving(says(file)) as wire, transport_to(wire) as transport:
        assert transport.fetch(f"http://localhost:{wire.port}/a.pdf", body) == b"%PDF"
        assert transport.fetch(f"http://127.0.0.1:{wire.port}/a.pdf", body) == b"%PDF"
    foreign, own = (head.lower() for head in wire.asked)
    assert b"auth:" not in foreign
    assert b"token:" not in foreign
    assert b"auth: bearer b" in own


def test_a_compressed_answer_is_unpacked_within_the_cap() -> None:
    """A small body can be a large one."""
    packed = gzip.compress(b"x" * 5_000_000)
    head = OK + b"Content-Encoding: gzip\r\nContent-Length: " + str(len(packed)).encode() + b"\r\n\r\n"
    with serving(says(head + packed)) as wire:
        with transport_to(wire) as transport:
            assert len(transport.read("/x", body)) == 5_000_000
        with (
            transport_to(wire, max_body=1_000_000) as transport,
            pytest.raises(UpstreamBroken, match="larger than"),
        ):
            transport.read("/x", body)


def test_a_proxy_of_the_environment_is_used_but_never_for_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """An agency's network may let nothing else out; the simulator needs none."""
    for name in ("HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with serving(says(OK + b"Content-Length: 2\r\n\r\nok")) as proxy:
        monkeypatch.setenv("http_proxy", f"127.0.0.1:{proxy.port}")
        with transport_to(1, base_url="http://upstream.invalid/api") as transport:
            assert transport.read("/x", body) == b"ok"
        assert proxy.asked[0].startswith(b"GET http://upstream.invalid/api/x HTTP/1.1")
        with serving(says(OK + b"Content-Length: 4\r\n\r\nnear")) as wire, transport_to(wire) as transport:
            assert transport.read("/x", body) == b"near"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """A CA that nobody knows."""
    return trustme.CA()


@pytest.fixture(scope="module")
def context(authority: trustme.CA) -> ssl.SSLContext:
    """A server's, with a certificate of that CA."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", not_after=ENDS).configure_cert(made)
    return made


ENDS = datetime.now(UTC).replace(microsecond=0) + timedelta(days=30)


def test_tls_works_with_a_certificate_of_the_environment(
    authority: trustme.CA, context: ssl.SSLContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until when it holds is known then; and the limit of the whole call holds inside of TLS, too."""
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    with (
        serving(says(OK, b"Content-Length: 2\r\n\r\n", b"ok", every=0.3), context) as wire,
        transport_to(wire, scheme="https") as transport,
    ):
        assert transport.certificate_end() is None
        assert transport.read("/x", body) == b"ok"
        assert transport.certificate_end() == ENDS
    with (
        serving(never_ends(OK, b"X-A: b\r\n"), context) as wire,
        transport_to(wire, scheme="https", **SHORT) as transport,
        pytest.raises(Unreachable) as caught,
    ):
        transport.read("/x", body)
    assert caught.value.sent is True


def test_a_file_of_the_environment_adds_to_whom_we_believe(
    authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes nobody's place: LAPOR itself is still believed, and files on other hosts."""
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    before = trusted().cert_store_stats()["x509_ca"]
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    assert before > 100
    assert trusted().cert_store_stats()["x509_ca"] > 100


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_file_of_the_environment_that_cannot_be_used_is_a_wrong_setting(
    content: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenSSL by itself would pass over it without a word."""
    if content is not None:
        (tmp_path / "ca.pem").write_text(content, encoding="ascii")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    with pytest.raises(SettingsWrong, match="SSL_CERT_FILE"), transport_to(1):
        pass


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:9", "http://", "http://a\x01b", "ftp://127.0.0.1:1"])
def test_a_proxy_that_cannot_be_used_is_a_wrong_setting(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Said at the start, with the names that it may have come from."""
    monkeypatch.setenv("https_proxy", proxy)
    monkeypatch.delenv("no_proxy", raising=False)
    with (
        pytest.raises(SettingsWrong, match="HTTPS_PROXY"),
        transport_to(1, base_url="https://upstream.invalid/api"),
    ):
        pass


def test_a_proxy_may_speak_tls_itself(
    authority: trustme.CA, context: ssl.SSLContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a certificate of the agency's CA."""
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with serving(says(OK + b"Content-Length: 2\r\n\r\nok"), context) as proxy:
        monkeypatch.setenv("http_proxy", f"https://127.0.0.1:{proxy.port}")
        with transport_to(1, base_url="http://upstream.invalid/api") as transport:
            assert transport.read("/x", body) == b"ok"


def test_a_certificate_that_is_not_trusted_did_not_send(context: ssl.SSLContext) -> None:
    """The text says why, and what to do."""
    with serving(says(OK), context) as wire, transport_to(wire, scheme="https") as transport:
        with pytest.raises(Unreachable, match="certificate is not accepted: unable to get local issuer") as caught:
            transport.post_json("/x", {})
        assert caught.value.sent is False
        assert "SSL_CERT_FILE" in advised(caught.value.todo)
    assert wire.asked == []


def stays(answers: int, together: threading.Barrier | None = None) -> Handler:
    """Answers the request that came, and the next ones of the same connection; then it hangs up without a word."""

    def handle(connection: socket.socket) -> None:
        for number in range(answers):
            if number:
                _request(connection)
            if together is not None:
                together.wait(PATIENT)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    return handle


def test_reads_one_by_one_go_over_one_connection() -> None:
    """However many may be in flight: a TLS handshake for each would cost more than the read."""
    with serving(stays(5)) as wire, transport_to(wire, concurrency=8) as transport:
        for _ in range(5):
            assert transport.read("/x", body) == b"{}"
    assert len(wire.asked) == 1


def test_a_connection_that_the_server_closed_between_two_reads_is_made_anew() -> None:
    """The read itself does not fail, with a single try."""
    with serving(stays(1)) as wire, transport_to(wire, concurrency=2) as transport:
        for _ in range(3):
            assert transport.read("/x", body) == b"{}"
            wire.rests()  # so that its end has arrived
    assert len(wire.asked) == 3


def test_calls_at_the_same_time_have_a_connection_each_and_no_more() -> None:
    """Three are answered only once all three are there; the next ones find the same connections."""
    together = threading.Barrier(3)
    with serving(stays(2, together)) as wire, transport_to(wire, concurrency=3) as transport:
        for _ in range(2):
            threads = [threading.Thread(target=transport.read, args=("/x", body)) for _ in range(3)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    assert len(wire.asked) == 3


# Writes.


def _sound(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def test_an_answer_too_many_is_never_taken_for_that_of_the_next_write() -> None:
    """Both came in one segment. Each write has a connection of its own, which is closed after it."""

    def answer_twice(connection: socket.socket) -> None:
        connection.sendall(_sound(b"own") + _sound(b"stray"))
        while connection.recv(65536):
            connection.sendall(_sound(b"late"))

    with serving(answer_twice) as wire, transport_to(wire) as transport:
        assert [transport.post_json("/x", {"n": n}).body for n in range(3)] == [b"own"] * 3
        wire.rests()
        assert len(wire.asked) == 3
        assert all(b"connection: close" in asked.lower() for asked in wire.asked)


def test_a_write_that_may_not_leave_opens_a_connection_and_says_nothing_on_it() -> None:
    """It is asked last, right before the first byte; then it is certain that nothing left."""
    opened = threading.Event()

    def listen(connection: socket.socket) -> None:
        opened.set()

    with serving(listen) as wire, transport_to(wire, may_leave=lambda: False) as transport:
        with pytest.raises(Unreachable, match="withheld") as caught:
            transport.post_json("/x", {})
        assert caught.value.sent is False
        assert opened.wait(PATIENT)
        wire.rests()
        assert wire.asked == [b""]


def test_a_write_that_may_not_go_on_leaving_is_cut_and_may_have_left() -> None:
    """Asked before each piece: a large file takes long to leave. Half a request is carried out by nobody."""
    answers = iter([True, True, False])
    with serving(lambda _: None) as wire, transport_to(wire, may_leave=lambda: next(answers)) as transport:
        with pytest.raises(Unreachable, match="withheld") as caught:
            transport.post_form("/x", [("file", ("a", b"x" * 500_000))])
        assert caught.value.sent is True


def test_a_read_is_not_asked_whether_it_may_leave() -> None:
    """It changes nothing."""

    def answer(connection: socket.socket) -> None:
        connection.sendall(_sound(b"yes"))

    with serving(answer) as wire, transport_to(wire, may_leave=lambda: False) as transport:
        assert transport.read("/x", lambda found: found.body) == b"yes"


# Whether an answer is the one to the request.


YES = b'{"status":true,"message":"Success"}'
FILE = ("file", ("a.jpg", bytes(4_500_000)))


@pytest.mark.parametrize(
    "answer",
    [
        _sound(YES),
        _sound(YES) + b"\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n" + _sound(YES),
        OK + b"Transfer-Encoding: chunked\r\n\r\n23\r\n" + YES + b"\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n23\r\n" + YES + b"\r\n0\r\nX-Trailer: y\r\n\r\n",
        OK + b"\r\n" + YES,
        b"HTTP/1.0 200 OK\r\n\r\n" + YES,
        OK + b"Content-Length: 35\r\n\r\n" + YES,
    ],
    ids=["length", "line end", "1xx", "chunks", "trailer", "until closed", "HTTP/1.0", "closes"],
)
@pytest.mark.parametrize("size", [1, 3_000_000])
def test_an_answer_to_the_whole_request_is_not_doubted(answer: bytes, size: int) -> None:
    """However it is framed, and however large the request was."""
    with serving(says(answer)) as wire, transport_to(wire) as transport:
        found = transport.post_form("/x", [("a", ("a.jpg", bytes(size)))])
        assert (found.status, found.body, found.doubt) == (200, YES, "")


@pytest.mark.parametrize(
    "field", [b"Status: 500", b"X-Error: database down", b"Server-Timing: db\r\nGrpc-Status: 13"]
)
def test_what_stands_behind_the_last_chunk_may_speak_against_a_success(field: bytes) -> None:
    """The rest was computed while the body had left already."""
    answer = OK + b"Transfer-Encoding: chunked\r\n\r\n23\r\n" + YES + b"\r\n0\r\n" + field + b"\r\n\r\n"
    with serving(says(answer)) as wire, transport_to(wire) as transport:
        assert "behind its body" in transport.post_form("/x", [("a", (None, "b"))]).doubt


def test_a_read_tells_what_stands_behind_its_last_chunk_and_each_of_its_cookies() -> None:
    cookies = (
        b"Set-Cookie: Flash=1%20menunggu; Path=/\r\nSet-Cookie: xsrf=a; Expires=Mon, 30 Nov 2026 10:00:00 GMT\r\n"
    )
    chunks = b"Transfer-Encoding: chunked\r\n\r\n23\r\n" + YES + b"\r\n0\r\n"
    answer = OK + cookies + b"X-A: b\r\n" + chunks + b"X-A: c\r\nX-Message: 1 menunggu\r\nX-Total-Count: 5\r\n\r\n"
    with serving(says(answer)) as wire, transport_to(wire) as transport:
        heads, counts = transport.read("/x", lambda found: (found.heads, found.counts), fresh=True)
    assert counts == "x-total-count: 5"
    told = {"set-cookie flash": "1%20menunggu", "set-cookie xsrf": "a", "x-a": "b, c", "x-message": "1 menunggu"}
    assert told.items() <= heads.items()


@pytest.mark.parametrize(
    ("reason", "is_sad"),
    [
        (b"500 Internal Server Error", True),
        (b"Gagal", True),
        (b"Not Stored", True),
        (b"Created", False),
        (b"", False),
    ],
)
def test_the_status_lines_words_may_speak_against_a_success(reason: bytes, is_sad: bool) -> None:
    """They are free, and some program wrote them."""
    answer = _sound(YES).replace(b" OK", b" " + reason, 1)
    with serving(says(answer)) as wire, transport_to(wire) as transport:
        assert bool(transport.post_form("/x", [("a", (None, "b"))]).objection) == is_sad


def test_an_answer_over_tls_is_not_doubted(
    authority: trustme.CA, context: ssl.SSLContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TLS 1.3 sends its tickets before anything is asked: they are no answer. Nor is one that hangs up a broken one."""
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    for answer in (_sound(YES), OK + b"Content-Length: 35\r\n\r\n" + YES):
        with serving(says(answer), context) as wire, transport_to(wire, scheme="https") as transport:
            for size in (1, 1_000_000):
                assert transport.post_form("/x", [("a", ("a.jpg", bytes(size)))]).doubt == ""


def answers_early(answer: bytes, *, after: int = 2000, then: Callable[[socket.socket], None]) -> Handler:
    """Answers when it read so many bytes of the request."""

    def handle(connection: socket.socket) -> None:
        left = after
        while left > 0 and (piece := connection.recv(left)):
            left -= len(piece)
        connection.sendall(answer)
        then(connection)

    return handle


def hangs_up(connection: socket.socket) -> None:
    time.sleep(0.1)


def waits_on(connection: socket.socket) -> None:
    """Reads nothing more, and keeps the connection."""
    connection.settimeout(None)
    time.sleep(1)


def reads_on(connection: socket.socket) -> None:
    connection.settimeout(1)
    with suppress(TimeoutError):
        while connection.recv(65536):
            pass


@pytest.mark.parametrize("then", [hangs_up, waits_on, reads_on])
@pytest.mark.parametrize("size", [6_000_000, 20_000_000])
@pytest.mark.parametrize("status", [b"200 OK", b"413 Too Large"])
def test_an_answer_before_the_whole_request_left_is_doubted(
    then: Callable[[socket.socket], None], size: int, status: bytes
) -> None:
    """A proxy's, mostly: whatever it says, LAPOR did not say it of this."""
    answer = b"HTTP/1.1 " + status + b"\r\nContent-Length: 35\r\n\r\n" + YES
    with (
        serving(answers_early(answer, then=then), whole_requests=False) as wire,
        transport_to(wire) as transport,
    ):
        found = transport.post_form("/x", [("a", ("a.jpg", bytes(size)))])
        assert found.status == int(status[:3])
        assert "before the request had left" in found.doubt


def test_an_answer_to_a_request_that_lay_unread_is_doubted() -> None:
    """All of a small one had left, into the peer's memory; closing it unread breaks the connection off."""
    answer = OK + b"Content-Length: 35\r\n\r\n" + YES
    handler = answers_early(answer, after=10, then=lambda _: None)
    with serving(handler, whole_requests=False) as wire, transport_to(wire) as transport:
        doubt = transport.post_form("/x", [("a", ("a.jpg", bytes(20_000)))]).doubt
        assert "broken off" in doubt or "before the request had left" in doubt


def test_an_answer_that_was_there_before_anything_was_asked_is_doubted() -> None:
    """It belongs to no request. An interim one may come at any time."""

    def speaks_first(connection: socket.socket) -> None:
        connection.sendall(_sound(YES))
        reads_on(connection)

    def hints_first(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        time.sleep(0.05)
        _request(connection)
        connection.sendall(_sound(YES))

    with serving(speaks_first, whole_requests=False) as wire, transport_to(wire) as transport:
        time.sleep(0.05)
        assert transport.post_form("/x", [FILE]).doubt
    with serving(hints_first, whole_requests=False) as wire, transport_to(wire) as transport:
        assert transport.post_form("/x", [FILE]).doubt == ""


def test_a_write_with_two_answers_has_none() -> None:
    """Which of them is its own?"""
    for answer in (_sound(YES) + _sound(b"{}"), OK + b"Content-Length: 35\r\n\r\n" + YES + b"more"):
        with serving(says(answer)) as wire, transport_to(wire) as transport:
            found = transport.post_json("/x", {})
            assert (found.body, found.doubt) == (YES, "more came than one answer")


def answers_each(*answers: bytes) -> Handler:
    """One of them to each request of a connection, the last one again and again."""

    def handle(connection: socket.socket) -> None:
        for answer in answers[:-1]:
            connection.sendall(answer)
            _request(connection)
        while True:
            connection.sendall(answers[-1])
            if not _request(connection):
                return

    return handle


def test_a_connection_with_something_left_over_is_never_used_again() -> None:
    """Else each read after it would get the answer of the one before."""
    with serving(answers_each(_sound(b"own") + _sound(b"stray"))) as wire, transport_to(wire) as transport:
        assert [transport.read("/x", body) for _ in range(3)] == [b"own"] * 3
        assert len(wire.asked) == 3


def test_what_may_have_got_another_s_answer_is_told_once_one_too_many_has_come() -> None:
    """A stray one that came after the next request had left was taken for its answer, and so on from there."""

    def handle(connection: socket.socket) -> None:
        connection.sendall(_sound(b"1"))
        assert _request(connection)
        connection.sendall(_sound(b"stray"))
        time.sleep(0.1)
        connection.sendall(_sound(b"2"))
        _request(connection)

    with serving(handle) as wire, transport_to(wire) as transport:
        assert transport.read("/x/{id}", body, of="a") == b"1"
        assert transport.crossed() == frozenset()
        assert transport.read("/x/{id}", body, of="b") == b"stray"
        until = time.monotonic() + PATIENT
        while not (crossed := transport.crossed()) and time.monotonic() < until:
            time.sleep(0.01)
        assert crossed == {"a", "b"}
        assert transport.crossed() == frozenset()


def test_what_came_before_an_answer_that_is_followed_by_more_may_have_been_another_s() -> None:
    with (
        serving(answers_each(_sound(b"1"), _sound(b"2") + _sound(b"3"))) as wire,
        transport_to(wire, read_tries=2, pause=lambda tries: 0.0) as transport,
    ):
        for of in ("a", "b"):
            transport.read("/x/{id}", body, of=of)
        assert transport.crossed() == {"a", "b"}


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\n\r\nto the end",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n"
        % (1_100_000, b"x" * 1_100_000),
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ncut",
        b"",
    ],
)
def test_a_connection_that_goes_for_another_reason_was_not_crossed(answer: bytes) -> None:
    """Else what was read over it would be read again for ever."""
    with serving(says(answer)) as wire, transport_to(wire, read_tries=1) as transport:
        with suppress(Unreachable, UpstreamBroken):
            transport.read("/x/{id}", body, of="a")
        assert transport.crossed() == frozenset()


def test_a_read_that_may_have_got_the_answer_to_another_call_is_asked_anew() -> None:
    """On a kept connection nobody can tell which of two answers is which."""
    with (
        serving(answers_each(_sound(b"first"), _sound(b"stray") + _sound(b"own"))) as wire,
        transport_to(wire, read_tries=2, pause=lambda tries: 0.0) as transport,
    ):
        assert [transport.read("/x", body) for _ in range(2)] == [b"first", b"first"]
        assert len(wire.asked) == 2


def test_a_chunked_answer_leaves_its_connection_to_the_next_read() -> None:
    """As long as it ended where it says; one that is too large to be looked through does not."""
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n"
    for size, connections in ((5, 1), (70_000, 1), (1_100_000, 2)):
        answer = chunked % (size, b"x" * size)
        with serving(answers_each(answer)) as wire, transport_to(wire) as transport:
            assert [len(transport.read("/x", body)) for _ in range(2)] == [size] * 2
            assert len(wire.asked) == connections


def test_a_fresh_read_goes_over_a_connection_of_its_own() -> None:
    """What it does not show may send a response again: so a late stray answer must not be taken for it."""
    with serving(answers_each(_sound(b"own"))) as wire, transport_to(wire) as transport:
        assert [transport.read("/x", body, fresh=fresh) for fresh in (False, True, True, False)] == [b"own"] * 4
        closing = [b"connection: close" in asked.lower() for asked in wire.asked]
        assert closing == [False, True, True]


def test_a_fresh_read_says_that_more_came_than_its_answer() -> None:
    """Then it proves no absence."""
    with serving(says(_sound(b"own") + _sound(b"more"))) as wire, transport_to(wire) as transport:
        assert "more came" in transport.read("/x", lambda found: found.doubt, fresh=True)


def test_a_cached_answer_is_as_old_as_it_says() -> None:
    """A read that began before a write proves nothing of it; and its date is not the time of now."""
    head = b"HTTP/1.1 200 OK\r\nDate: Tue, 24 Nov 2026 03:00:00 GMT\r\nContent-Length: 0\r\n"
    with serving(says(head + b"Age: 3600\r\n\r\n")) as wire, transport_to(wire) as transport:
        began = transport.read("/x", lambda found: found.began_at)
        assert began <= datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
        assert transport.clock_ahead() is None
        assert b"cache-control: no-cache" in wire.asked[0].lower()
        assert transport.post_json("/x", {}).doubt == "it came from a cache"
    with serving(says(head + b"X-Cache: HIT\r\n\r\n")) as wire, transport_to(wire) as transport:
        assert transport.read("/x", lambda found: found.doubt) == "it came from a cache"


@pytest.mark.parametrize(
    ("said", "is_old"),
    [
        (b"", False),
        (b"Age: 60\r\n", False),
        (b"Age: 61\r\n", True),
        (b"X-Cache: MISS\r\n", False),
        (b"X-Cache: HIT\r\n", True),  # since when, nobody knows
        (b"Date: Tue, 24 Nov 2026 02:59:30 GMT\r\n", False),
        (b"Date: Tue, 24 Nov 2026 02:58:50 GMT\r\n", True),
    ],
)
def test_an_answer_says_that_it_is_of_before_its_call(said: bytes, is_old: bool) -> None:
    """By a minute and more: nothing leaves upon it."""
    head, now = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n", b"Date: Tue, 24 Nov 2026 03:00:00 GMT\r\n"
    answers = [head + now + b"\r\n", head + (said if b"Date" in said else now + said) + b"\r\n"]
    with serving(lambda connection: connection.sendall(answers.pop(0))) as wire, transport_to(wire) as transport:
        transport.read("/x", body)
        assert transport.read("/x", lambda found: found.is_old, fresh=True) is is_old


@pytest.mark.parametrize(
    ("times", "doubt"),
    [
        (["03:00:00", "02:58:50"], "it came from a cache"),
        (["03:00:00", "02:59:30"], ""),
        (["03:00:00", "04:00:00"], ""),
        (["02:00:00"], ""),  # alone it may be a clock that is wrong
    ],
)
def test_an_answer_to_a_write_from_before_it_came_from_a_cache(times: list[str], doubt: str) -> None:
    """By its `Date`, where another answer told what time it is upstream."""
    head = "HTTP/1.1 200 OK\r\nDate: Tue, 24 Nov 2026 {} GMT\r\nContent-Length: 0\r\n\r\n"
    answers = [head.format(time).encode() for time in times]
    with serving(lambda connection: connection.sendall(answers.pop(0))) as wire, transport_to(wire) as transport:
        for _ in answers[1:]:
            transport.read("/x", body)
        assert transport.post_json("/x", {}).doubt == doubt
