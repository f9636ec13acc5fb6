"""A connection of ours: which bytes are an answer, where it ends, and when the connection is used again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import httpcore
import pytest

from connectors.transport import tls, wire
from connectors.transport.wire import Wire

HEAD = b"HTTP/1.1 200 OK\r\n"
FIVE = HEAD + b"Content-Length: 5\r\n\r\nhello"


class Stream(httpcore.MockStream):
    """Gives what is to be received piece by piece, and then the connection's end."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        super().__init__([])
        self.pieces = list(pieces)
        self.sent: list[bytes] = []
        self.is_closed = False

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self.pieces.pop(0) if self.pieces else b""

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.sent.append(buffer)

    def close(self) -> None:
        self.is_closed = True

    def get_extra_info(self, info: str) -> Any:
        return False


class Backend(httpcore.MockBackend):
    """Opens these streams one after the other."""

    def __init__(self, *streams: Stream) -> None:
        super().__init__([])
        self.left = list(streams)

    def connect_tcp(self, *_: Any, **__: Any) -> Stream:
        return self.left.pop(0)


def request(host: str = "lapor.test", **headers: str) -> httpcore.Request:
    heads = [(name.encode(), value.encode()) for name, value in headers.items()]
    return httpcore.Request("GET", f"http://{host}/x", headers=heads, extensions={"timeout": {"connect": 1.0}})


def ask(over: Wire, asked: httpcore.Request | None = None) -> tuple[int, bytes]:
    answer = over.handle_request(asked or request())
    try:
        return answer.status, b"".join(answer.iter_stream())
    finally:
        answer.close()


def opener(*streams: Stream) -> Wire:
    return Wire(tls.trusted(), Backend(*streams))


@pytest.mark.parametrize("size", [1, 7, 65_536])
@pytest.mark.parametrize(
    "received",
    [
        FIVE,
        HEAD + b"\r\nhello",  # to the connection's end
        b"HTTP/1.0 200 OK\r\n\r\nhello",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;of=it\r\nlo\r\n0\r\nX-Sum: 1\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 9\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n5  \r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello",
        b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + FIVE,
        FIVE + b"HTTP/1.1 500 No\r\nContent-Length: 4\r\n\r\nnext",
        FIVE + b"\x00 and no HTTP at all",
    ],
)
def test_an_answer_is_read_to_its_end_however_it_comes_in_pieces(received: bytes, size: int) -> None:
    pieces = [received[at : at + size] for at in range(0, len(received), size)]
    assert ask(opener(Stream(pieces))) == (200, b"hello")


@pytest.mark.parametrize(
    "received",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n",
        HEAD + b"Content-Length: 9\r\n\r\nhello",
        HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n",
        HEAD + b"X-A: a\x00b\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"<html>no HTTP</html>",
    ],
)
def test_what_is_cut_or_can_be_read_in_two_ways_is_no_answer(received: bytes) -> None:
    stream = Stream([received] if received else [])
    with pytest.raises(httpcore.RemoteProtocolError):
        ask(opener(stream))
    assert stream.is_closed


@pytest.mark.parametrize("coding", [b"identity", b"chunked, gzip"])
def test_the_end_of_a_body_is_not_awaited_where_nothing_will_tell_it(coding: bytes) -> None:
    stream = Stream([HEAD + b"Transfer-Encoding: " + coding + b"\r\n\r\n", b"hello"])
    with pytest.raises(httpcore.RemoteProtocolError):
        ask(opener(stream))
    assert stream.pieces == [b"hello"]


@pytest.mark.parametrize("begin", [HEAD, HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\nh\r\n0\r\n"])
def test_headers_without_an_end_take_no_memory_without_an_end(begin: bytes) -> None:
    stream = Stream([begin, *[b"X-A: " + b"a" * 1000 + b"\r\n"] * 1000])
    with pytest.raises(httpcore.RemoteProtocolError, match="too long"):
        ask(opener(stream))
    assert len(stream.pieces) > 800


def test_a_header_can_be_no_two() -> None:
    """Nothing leaves, and nothing is opened."""
    with pytest.raises(httpcore.LocalProtocolError):
        ask(opener(), request(token="a\r\nX-Other: b"))


def test_a_connection_is_used_again_where_its_answer_was_whole_and_lets_it_stay() -> None:
    first = Stream([FIVE, HEAD + b"Connection: close\r\nContent-Length: 5\r\n\r\nhello"])
    second = Stream([FIVE])
    over = opener(first, second)
    assert [ask(over) for _ in range(3)] == [(200, b"hello")] * 3
    assert (len(first.sent), first.is_closed, len(second.sent)) == (2, True, 1)


def test_a_connection_goes_with_an_answer_that_nobody_read_to_its_end() -> None:
    first, second = Stream([FIVE[:-1], b"o"]), Stream([FIVE])
    over = opener(first, second)
    over.handle_request(request()).close()
    assert first.is_closed
    assert ask(over) == (200, b"hello")


def test_another_host_and_a_long_rest_take_a_connection_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    streams = [Stream([FIVE, FIVE]) for _ in range(3)]
    over = opener(*streams)
    ask(over)
    ask(over, request("files.test"))
    monkeypatch.setattr(wire, "IDLE_SECONDS", -1.0)
    ask(over, request("files.test"))
    assert [one.is_closed for one in streams] == [True, True, False]
