"""Where an answer ends, and whether a cache gave it."""

from __future__ import annotations

import pytest

from connectors.transport.framing import cached_seconds, closes, heads, is_interim, surplus

HEAD = b"HTTP/1.1 200 OK\r\nX: y\r\n\r\n"
EARLY = b"HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
CHUNKED = {"transfer-encoding": "chunked"}


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"ok", {"content-length": "2"}, 200),
        (b"", {"content-length": "0"}, 200),
        (b"", {}, 204),
        (b"", {"content-length": "17"}, 304),
        (b"2\r\nok\r\n0\r\n\r\n", CHUNKED, 200),
        (b"0a;name=value\r\n0\r\n\r\n12345\r\n0\r\n\r\n", CHUNKED, 200),
        (b"1\r\nx\r\n0\r\nStatus: failed\r\nAge: 3\r\n\r\n", CHUNKED, 200),
    ],
)
@pytest.mark.parametrize("before", [b"", EARLY])
@pytest.mark.parametrize("after", [b"", b"\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b"x"])
def test_what_comes_behind_an_answer_is_told(
    body: bytes, headers: dict[str, str], status: int, before: bytes, after: bytes
) -> None:
    """By its length, its chunks or its status; 1xx answers before it are a part of it."""
    assert surplus(before + HEAD + body + after, headers, status) == after


@pytest.mark.parametrize(
    ("received", "headers"),
    [
        (b"HTTP/1.1 200 OK\r\nX: y", {"content-length": "2"}),
        (HEAD + b"until it closes", {}),
        (HEAD + b"o", {"content-length": "2"}),
        (HEAD + b"ok", {"content-length": "2, 2"}),
        (HEAD + b"2\r\nok", CHUNKED),
        (HEAD + b"2\r\nok\r\n0\r\nTrailer: x", CHUNKED),
        (HEAD + b"two\r\nok\r\n", CHUNKED),
        (EARLY, {"content-length": "0"}),
    ],
)
def test_an_end_that_cannot_be_told_is_none(received: bytes, headers: dict[str, str]) -> None:
    """Such a connection is not used again."""
    assert surplus(received, headers, 200) is None


def test_an_interim_answer_is_no_answer() -> None:
    """However many there are; but half of one may be."""
    assert is_interim(EARLY)
    assert not any(map(is_interim, (HEAD, EARLY + HEAD, EARLY[:-1], b"HTTP/1.1 10")))
    assert is_interim(b"")


def test_an_answer_that_ends_its_connection_says_so() -> None:
    """HTTP/1.0 does by itself."""
    assert closes({"connection": "Close"}, b"HTTP/1.1")
    assert closes({}, b"HTTP/1.0")
    assert not closes({"connection": "keep-alive"}, b"HTTP/1.0")
    assert not closes({}, b"HTTP/1.1")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 0.0),
        ({"age": "0", "x-cache": "MISS from 10.0.0.1:80", "via": "1.1 squid"}, 0.0),
        ({"age": " 35 ", "x-cache": "HIT"}, 35.0),
        ({"cache-status": "Origin; fwd=miss", "x-varnish": "32770", "warning": "299 - x"}, 0.0),
        ({"age": "soon"}, None),
        ({"age": "-1"}, None),
        ({"x-cache": "Hit from cloudfront"}, None),
        ({"x-cache": "TCP_MEM_HIT from proxy"}, None),
        ({"x-cache": "MISS, HIT"}, None),
        ({"cache-status": "ExampleCache; hit"}, None),
        ({"cf-cache-status": "STALE"}, None),
        ({"x-varnish": "32770 3"}, None),
        ({"warning": '110 - "Response is Stale"'}, None),
        ({"warning": '199 - "x", 113 - "Heuristic Expiration"'}, None),
    ],
)
def test_how_long_an_answer_lay_in_a_cache(headers: dict[str, str], seconds: float | None) -> None:
    """None where it did, for who knows how long."""
    assert cached_seconds(headers) == seconds


def test_what_headers_say_of_the_way_is_no_word_of_the_report() -> None:
    """Nor what is told elsewhere: counts and dates."""
    said = {"ETag": "a", "X-Message": "b", "Cache-Control": "c", "Retry-After": "5", "Set-Cookie flash": "d"}
    of_the_way = [
        "Date",
        "Age",
        "Content-Length",
        "X-Cache",
        "CF-Cache-Status",
        "Via",
        "X-Backend-Server",
        "X-Pod-Name",
        "Set-Cookie SERVERID",
    ]
    elsewhere = ["X-Total-Count", "Last-Modified", "X-Timestamp"]
    assert heads(said | dict.fromkeys(of_the_way + elsewhere, "1")) == {name.lower(): said[name] for name in said}
