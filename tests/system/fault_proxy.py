"""A proxy between the real daemon and the stand-in that breaks what a network breaks: bytes, connections, TLS.

It takes one request after the other from a connection, asks what is to happen to it, and carries it to the stand-in
over a connection of its own. What happens is a function of `Exchange`; `FAULTS` names them all. How a connection is
received at all, and with which certificate, is the `door`.
"""

from __future__ import annotations

import select
import socket
import ssl
import struct
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import trustme

LASTS = 60.0
"""Seconds for which a fault goes on where nobody ends it: far longer than any limit of a call in these tests."""

DRIP = 0.05
"""Seconds between two bytes of what is slow: each read succeeds at once."""


class Gone(Exception):
    """The client, the stand-in or the test has left."""


@dataclass
class Exchange:
    """One request of a client and what becomes of it; its head is read, its body not yet."""

    client: socket.socket
    head: bytes
    rest: bytes
    target: tuple[str, int]
    over: threading.Event

    @property
    def method(self) -> str:
        return self.head.split(b" ", 1)[0].decode("ascii", "replace")

    def body(self) -> bytes:
        """What follows the head, read to its end."""
        while len(self.rest) < self._length:
            self.rest += received(self.client)
        return self.rest

    @property
    def _length(self) -> int:
        return length_of(self.head)

    def answer(self) -> bytes:
        """Carry the whole request on; the whole answer."""
        request = self.head + self.body()
        with socket.create_connection(self.target) as server:
            server.sendall(request)
            return whole_message(server)

    def cut_off(self) -> bytes:
        """Carry the request on but for its last byte, and say that this was all; what comes back, mostly nothing."""
        request = self.head + self.body()
        with socket.create_connection(self.target) as server:
            server.sendall(request[:-1])
            server.shutdown(socket.SHUT_WR)
            with suppress(OSError):
                return server.recv(65536)
        return b""

    def say(self, *pieces: bytes) -> None:
        """Send at once."""
        for piece in pieces:
            self.client.sendall(piece)

    def drip(self, content: bytes) -> None:
        """Send byte by byte, from the beginning again when it is over, until the client has enough of it."""
        until = time.monotonic() + LASTS
        while time.monotonic() < until:
            for at in range(len(content)):
                self._wait(DRIP)
                self.client.sendall(content[at : at + 1])

    def sip(self) -> None:
        """Take the body in so slowly that it never comes to its end."""
        until = time.monotonic() + LASTS
        while time.monotonic() < until:
            self._wait(DRIP)
            if not self.client.recv(512):
                raise Gone

    def wait(self) -> None:
        """Do nothing until the client goes away."""
        self._wait(LASTS)

    def _wait(self, seconds: float) -> None:
        poll = select.poll()
        poll.register(self.client, select.POLLRDHUP)
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if poll.poll(min(left, 0.1) * 1000) or self.over.is_set():
                raise Gone

    def reset(self) -> None:
        """RST instead of FIN: whatever is still under way is lost."""
        self.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.client.close()
        raise Gone

    def half_close(self) -> None:
        """FIN in one direction; in the other one it still listens."""
        self.client.shutdown(socket.SHUT_WR)
        self.wait()


Fault = Callable[[Exchange], None]


# Before the stand-in has heard of it.


def reset_before(one: Exchange) -> None:
    one.body()
    one.reset()


def cut_request(one: Exchange) -> None:
    one.say(one.cut_off())


def silent(one: Exchange) -> None:
    one.body()
    one.wait()


def deaf(one: Exchange) -> None:
    one.wait()


def slow_reader(one: Exchange) -> None:
    one.sip()
    one.wait()


def garbage(one: Exchange) -> None:
    one.body()
    one.say(b"\x00\xff\x16\x03 \r\n\r\n no HTTP at all", b"\r\n" * 40)


def refused_early(one: Exchange) -> None:
    one.say(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 5\r\nConnection: close\r\n\r\nsorry")


# After the stand-in has answered, and stored what it was to store.


def reset_after(one: Exchange) -> None:
    one.answer()
    one.reset()


def reset_in_body(one: Exchange) -> None:
    one.say(most_of(one.answer()))
    time.sleep(DRIP)  # else the reset overtakes what was sent
    one.reset()


def half_closed(one: Exchange) -> None:
    one.say(most_of(one.answer()))
    one.half_close()


def truncated(one: Exchange) -> None:
    one.say(most_of(one.answer()))


def truncated_chunks(one: Exchange) -> None:
    head, body = split(one.answer())
    half = body[: len(body) // 2]
    one.say(chunked(head), f"{len(half):x}\r\n".encode(), half, b"\r\n", f"{len(body):x}\r\n".encode(), half)


def silent_after(one: Exchange) -> None:
    one.answer()
    one.wait()


def slow_body(one: Exchange) -> None:
    head, body = split(one.answer())
    one.say(chunked(head))
    one.drip(b"1\r\n" + body[:1] + b"\r\n")


def slow_head(one: Exchange) -> None:
    one.answer()
    one.say(b"HTTP/1.1 200 OK\r\n")
    one.drip(b"X-Slow: yes\r\n")


def garbage_after(one: Exchange) -> None:
    one.answer()
    garbage(one)


FAULTS: Mapping[str, Fault] = {
    one.__name__: one
    for one in (
        *(reset_before, cut_request, silent, deaf, slow_reader, garbage, refused_early),
        *(reset_after, reset_in_body, half_closed, truncated, truncated_chunks),
        *(silent_after, slow_body, slow_head, garbage_after),
    )
}
SLOW = frozenset({"silent", "silent_after", "slow_body", "slow_head"})
"""Those that go on until the client has enough of it, which shows in `lasted`."""

LARGE = frozenset({"deaf", "slow_reader"})
"""Those that a small request does not meet: it is on its way before anybody has read it."""


# TLS.


class Certificates:
    """What a server can show: certificates of a CA that the client knows, and of one that it does not."""

    def __init__(self, folder: Path, *names: str) -> None:
        self.authority, self._stranger = trustme.CA(), trustme.CA()
        self.file = folder / "authority.pem"
        self.authority.cert_pem.write_to_path(self.file)
        self._names = names or ("127.0.0.1",)

    def good(self, days: float = 365) -> ssl.SSLContext:
        """One that ends in so many days."""
        ends = datetime.now(UTC) + timedelta(days=days, minutes=10)
        begins = min(datetime.now(UTC), ends) - timedelta(days=30)
        return _context(self.authority.issue_cert(*self._names, not_before=begins, not_after=ends))

    def expired(self) -> ssl.SSLContext:
        return self.good(days=-2)

    def not_yet(self) -> ssl.SSLContext:
        begins = datetime.now(UTC) + timedelta(days=2)
        return _context(self.authority.issue_cert(*self._names, not_before=begins))

    def of_another_host(self) -> ssl.SSLContext:
        return _context(self.authority.issue_cert("another.invalid"))

    def of_an_unknown_ca(self) -> ssl.SSLContext:
        return _context(self._stranger.issue_cert(*self._names))


def _context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


# How a connection is received.

Door = Callable[[socket.socket], socket.socket]


def plain(client: socket.socket) -> socket.socket:
    """As it is."""
    return client


def tls(context: ssl.SSLContext) -> Door:
    """With TLS."""

    def shake_hands(client: socket.socket) -> socket.socket:
        return context.wrap_socket(client, server_side=True)

    return shake_hands


def cut_handshake(client: socket.socket) -> socket.socket:
    """The client says hello, and that was it."""
    received(client)
    client.close()
    raise Gone


def stuck_handshake(client: socket.socket) -> socket.socket:
    """The client says hello, and nobody ever answers."""
    client.settimeout(LASTS)
    while received(client):
        pass
    return client


def no_tls(client: socket.socket) -> socket.socket:
    """Plain HTTP, whatever the client says."""
    received(client)
    client.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
    raise Gone


# The proxy.


@dataclass
class Plan:
    """A fault for the next so many requests of a method (None: of any)."""

    name: str
    times: int
    method: str | None


@dataclass
class FaultProxy:
    """Listens on loopback; use it in `with`. `hits` counts which fault happened to which method.

    `lasted` tells how long each fault of a kind went on until the client left, in seconds. `choose` may name a fault
    for any request that no plan is for. As an agency's own proxy (`CONNECT`) it opens the door behind its word.
    """

    door: Door = plain
    choose: Callable[[str], str | None] = lambda _method: None
    lets_through: bool = True
    hits: Counter[tuple[str, str]] = field(default_factory=Counter)
    lasted: dict[str, list[float]] = field(default_factory=dict)
    tunnels: int = 0
    _plans: deque[Plan] = field(default_factory=deque)
    _target: tuple[str, int] = ("127.0.0.1", 9)
    _open: set[socket.socket] = field(default_factory=set)
    _threads: list[threading.Thread] = field(default_factory=list)
    _turn: threading.Lock = field(default_factory=threading.Lock)
    _over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._listening = socket.socket()
        self._listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)  # who does not read is soon noticed
        self._listening.bind(("127.0.0.1", 0))
        self._listening.listen(128)
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self.hang_up()
        for thread in self._threads:
            thread.join(5)
            assert not thread.is_alive()

    @property
    def port(self) -> int:
        return int(self._listening.getsockname()[1])

    def leads_to(self, origin: str) -> None:
        """Carry requests to this server."""
        parts = urlsplit(origin)
        assert parts.hostname
        assert parts.port
        self._target = (parts.hostname, parts.port)

    def plan(self, name: str, times: int = 1, method: str | None = None) -> None:
        """The next so many requests of that method meet this fault."""
        assert name in FAULTS
        with self._turn:
            self._plans.append(Plan(name, times, method))

    def calm(self) -> None:
        """No fault any more."""
        with self._turn:
            self._plans.clear()
            self.choose = lambda _method: None

    @contextmanager
    def other_door(self, door: Door) -> Iterator[None]:
        """Receive connections another way for a while; none is kept open over the change."""
        self.door, before = door, self.door
        self.hang_up()
        try:
            yield
        finally:
            self.door = before
            self.hang_up()

    def hang_up(self) -> None:
        """Close every connection."""
        with self._turn:
            connections = list(self._open)
        for one in connections:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _start(self, work: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=work, args=args)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            self._start(self._serve, client)

    def _serve(self, raw: socket.socket) -> None:
        with self._turn:
            self._open.add(raw)
        client = raw
        try:
            client = self._received(raw)
            while True:
                self._one(client)
        except (OSError, Gone):
            pass
        finally:
            with self._turn:
                self._open.discard(raw)
                self._open.discard(client)
            client.close()
            raw.close()

    def _received(self, raw: socket.socket) -> socket.socket:
        """The connection as the door gives it, behind the client's CONNECT where it takes us for a proxy."""
        if raw.recv(8, socket.MSG_PEEK) == b"CONNECT ":
            read_head(raw)
            if not self.lets_through:
                raw.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
                raise Gone
            raw.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            self.tunnels += 1
        client = self.door(raw)
        with self._turn:
            self._open.add(client)  # wrapping in TLS makes another socket of it
        return client

    def _one(self, client: socket.socket) -> None:
        head, rest = read_head(client)
        one = Exchange(client=client, head=head, rest=rest, target=self._target, over=self._over)
        name = self._fault_for(one.method)
        if name is None:
            one.say(one.answer())
            return
        began = time.monotonic()
        try:
            FAULTS[name](one)
        finally:
            with self._turn:
                self.lasted.setdefault(name, []).append(time.monotonic() - began)
        raise Gone

    def _fault_for(self, method: str) -> str | None:
        with self._turn:
            for plan in self._plans:
                if plan.method in {None, method}:
                    plan.times -= 1
                    if plan.times == 0:
                        self._plans.remove(plan)
                    name: str | None = plan.name
                    break
            else:
                name = self.choose(method)
            if name:
                self.hits[name, method] += 1
            return name


# HTTP, as little as is needed.


def received(one: socket.socket) -> bytes:
    """Some bytes. Raises Gone where no more will come."""
    data = one.recv(65536)
    if not data:
        raise Gone
    return data


def read_head(one: socket.socket) -> tuple[bytes, bytes]:
    """The head of a message with its empty line, and what came with it."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += received(one)
    head, _, rest = data.partition(b"\r\n\r\n")
    return head + b"\r\n\r\n", rest


def length_of(head: bytes) -> int:
    """Its Content-Length; 0 without one."""
    lines = (line.partition(b":") for line in head.lower().split(b"\r\n"))
    return next((int(value) for name, _, value in lines if name == b"content-length"), 0)


def whole_message(one: socket.socket) -> bytes:
    """A message whose length its head says."""
    head, body = read_head(one)
    while len(body) < length_of(head):
        body += received(one)
    return head + body


def split(message: bytes) -> tuple[bytes, bytes]:
    head, _, body = message.partition(b"\r\n\r\n")
    return head + b"\r\n\r\n", body


def most_of(message: bytes) -> bytes:
    """The head and half of the body."""
    head, body = split(message)
    return head + body[: len(body) // 2]


def chunked(head: bytes) -> bytes:
    """The head of a message that does not say its length beforehand."""
    lines = [line for line in head.strip().split(b"\r\n") if not line.lower().startswith(b"content-length")]
    return b"\r\n".join([*lines, b"Transfer-Encoding: chunked", b"", b""])
