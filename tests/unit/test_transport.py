"""The HTTP client over a mocked wire: headers, statuses, retries, pace, time. Sockets: test_transport_sockets."""

from __future__ import annotations

import gzip
import logging
import threading
import tracemalloc
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import httpcore
import httpx
import pytest
import respx

from connectors.transport import Answer, Pacer, Transport, TransportSettings, backoff
from lapor_sync.domain.errors import (
    BadInput,
    Denied,
    Missing,
    RateLimited,
    SettingsWrong,
    TooMuch,
    Unreachable,
    UpstreamBroken,
    UpstreamError,
)
from lapor_sync.domain.ports import Uptime
from lapor_sync.words.en import advised

BASE = "https://lapor.test/lapor/3.0.0"
START = datetime(2026, 1, 5, 3, 0, tzinfo=UTC)


class FakeClock:
    """Time that passes only by sleeping or by being pushed."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        self.slept: list[float] = []

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds - 1000)

    def uptime(self) -> Uptime:
        return Uptime("test", self.monotonic())

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def wire() -> Iterator[respx.MockRouter]:
    with respx.mock(assert_all_called=False) as router:
        yield router


@pytest.fixture
def build(clock: FakeClock) -> Iterator[Callable[..., Transport]]:
    """Makes transports and closes them."""
    made: list[Transport] = []

    def make(stopping: Callable[[], bool] = lambda: False, **changes: Any) -> Transport:
        given: dict[str, Any] = {
            "base_url": BASE,
            "bearer": "a$b/c.d",
            "token": "{T}",
            "rate_per_second": 0,
            "pause": lambda tries: float(tries),
        }
        made.append(Transport(TransportSettings(**(given | changes)), clock=clock, stopping=stopping))
        return made[-1]

    yield make
    for transport in made:
        transport.close()


def body(answer: Answer) -> bytes:
    return answer.body


def ok(content: bytes = b"{}", headers: Mapping[str, str] | None = None) -> httpx.Response:
    return httpx.Response(200, content=content, headers=headers)


# Requests.


@pytest.mark.parametrize("base", [BASE, BASE + "/", f"  {BASE}// "])
def test_the_bases_path_is_kept_with_or_without_a_slash_at_its_end(base: str, wire: Any, build: Any) -> None:
    """The base's own path stands before every call's."""
    route = wire.get(f"{BASE}/complaints").mock(return_value=ok(b"yes"))
    assert build(base_url=base).read("/complaints", body) == b"yes"
    assert build(base_url=base).read("complaints", body) == b"yes"
    assert route.call_count == 2


@pytest.mark.parametrize("bearer", ["a$b/c.d", "Bearer a$b/c.d", " bearer  a$b/c.d\n"])
def test_the_word_bearer_is_sent_once_however_it_is_stored(bearer: str, wire: Any, build: Any) -> None:
    """Some deployments store the word with the value, some without."""
    route = wire.get(f"{BASE}/x").mock(return_value=ok())
    build(bearer=bearer, token=" {T} ").read("/x", body)
    sent = route.calls.last.request.headers
    assert sent["auth"] == "Bearer a$b/c.d"
    assert sent["token"] == "{T}"
    assert sent["accept"] == "application/json"
    assert "authorization" not in sent


def test_further_headers_go_wherever_the_credentials_go_and_nowhere_else(wire: Any, build: Any) -> None:
    """A gateway's key goes with reads and writes, to no other host, and never in the place of LAPOR's own."""
    read, wrote = wire.get(f"{BASE}/x").mock(return_value=ok()), wire.post(f"{BASE}/x").mock(return_value=ok())
    far = wire.get("https://files.test/a.jpg").mock(return_value=ok())
    transport = build(headers={"apikey": "k", "AUTH": "other"})
    transport.read("/x", body)
    transport.read("/x", body, fresh=True)
    transport.post_json("/x", {})
    transport.fetch("https://files.test/a.jpg", body)
    for call in (*read.calls, *wrote.calls):
        assert call.request.headers["apikey"] == "k"
        assert call.request.headers.get_list("auth") == ["Bearer a$b/c.d"]
    assert "apikey" not in far.calls.last.request.headers


def test_each_request_is_heard_of_with_its_end_and_without_its_id(wire: Any, clock: FakeClock) -> None:
    """Each try by itself; a report's id is in no metric."""
    wire.get(f"{BASE}/complaints/7001").mock(side_effect=[httpx.Response(502), httpcore.ConnectError("x"), ok()])
    wire.post(f"{BASE}/complaints/7001/reply").mock(return_value=httpx.Response(404))
    heard: list[tuple[str, str, float]] = []
    settings = TransportSettings(base_url=BASE, bearer="b", token="t", rate_per_second=0)
    with Transport(settings, clock=clock, heard=lambda *told: heard.append(told)) as transport:
        transport.read("/complaints/{id}", body, of="7001")
        transport.post_json("/complaints/{id}/reply", {}, of="7001")
    assert heard == [
        ("GET /complaints/{id}", "5xx", 0.0),
        ("GET /complaints/{id}", "none", 0.0),
        ("GET /complaints/{id}", "2xx", 0.0),
        ("POST /complaints/{id}/reply", "4xx", 0.0),
    ]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_line_before_the_gateway_is_stood_in_and_told_what_it_asks_for(
    method: str, wire: Any, clock: FakeClock
) -> None:
    """Who has no place there has not left; a write passes by the reads."""
    told: list[object] = []

    class Before:
        has_place = True

        def wait(self, _sleep: object, _stopping: object, *, first: bool = False) -> bool:
            told.append(first)
            return self.has_place

        def pause(self, seconds: float) -> None:
            told.append(seconds)

    settings, line = TransportSettings(base_url=BASE, bearer="b", token="t", rate_per_second=0), Before()
    route = wire.route(path__regex=".*").mock(return_value=httpx.Response(429, headers={"Retry-After": "900"}))
    with Transport(settings, clock=clock, line=line) as transport:

        def call() -> None:
            if method == "GET":
                transport.read("/x", body)
            else:
                transport.post_json("/x", {})

        with suppress(RateLimited):
            call()
        assert told == [method == "POST", 900]
        line.has_place = False
        with pytest.raises(Unreachable) as refused:
            call()
        assert not refused.value.sent
    assert route.call_count == 1


def test_the_name_of_the_credential_header_is_a_setting(wire: Any, build: Any) -> None:
    """Development hosts want `Authorization`."""
    route = wire.get(f"{BASE}/x").mock(return_value=ok())
    build(auth_header="Authorization").read("/x", body)
    assert route.calls.last.request.headers["authorization"] == "Bearer a$b/c.d"
    assert "auth" not in route.calls.last.request.headers


def test_ids_and_parameters_are_escaped(wire: Any, build: Any) -> None:
    """An id never reaches another path, a time keeps its plus sign."""
    route = wire.get(url__regex=".*").mock(return_value=ok())
    build().read("/complaints/{id}/complaint", body, of="7:a-b_c.d", params={"since": "2026-01-05T10:00:00+07:00"})
    path = route.calls.last.request.url.raw_path.decode()
    assert path == "/lapor/3.0.0/complaints/7%3Aa-b_c.d/complaint?since=2026-01-05T10%3A00%3A00%2B07%3A00"


@pytest.mark.parametrize(
    "given",
    [
        "",
        ".",
        "..",
        "...",
        "../a/b?c",
        "a/b",
        "a\\b",
        "%2e%2e",
        "7?x",
        "7#x",
        "7 8",
        "7\n",
        "7\x00",
        "é",
        "7" * 10_000,
    ],
)
def test_an_id_that_could_lead_elsewhere_makes_no_address(wire: Any, build: Any, given: str) -> None:
    """It is refused before anything leaves."""
    route = wire.route(url__regex=".*").mock(return_value=ok())
    with pytest.raises(BadInput):
        build().read("/complaints/{id}/complaint", body, of=given)
    with pytest.raises(BadInput):
        build().post_json("/complaints/process/{id}/reject", {}, of=given)
    assert not route.called


class Pieces(httpx.SyncByteStream):
    """A body as it comes over the wire, not read yet."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.pieces)


@pytest.mark.parametrize("coding", ["gzip, gzip", "br", "gzip, identity, deflate", "zstd"])
def test_a_body_in_two_codings_or_in_one_not_asked_for_is_none(wire: Any, build: Any, coding: str) -> None:
    """Each layer multiplies what a small body may hold."""
    packed = gzip.compress(gzip.compress(b"{}"))
    wire.get(f"{BASE}/x").mock(
        return_value=httpx.Response(200, stream=Pieces(packed), headers={"Content-Encoding": coding})
    )
    with pytest.raises(UpstreamBroken, match="not asked for"):
        build(read_tries=1).read("/x", body)


@pytest.mark.parametrize(
    ("coding", "packed"),
    [
        ("gzip", gzip.compress(b"isi", mtime=0)),
        ("GZIP", gzip.compress(b"isi", mtime=0) + b"what follows"),
        (
            "gzip",
            gzip.compress(b"i", mtime=0) + gzip.compress(b"", mtime=0) + gzip.compress(b"si", mtime=0) + b"\x1f",
        ),
        ("identity, x-gzip", gzip.compress(b"isi", mtime=0)),
        ("deflate", zlib.compress(b"isi")),
        ("deflate", zlib.compress(b"isi")[2:-4]),
        ("identity", b"isi"),
    ],
)
def test_a_body_in_one_coding_is_unpacked(wire: Any, build: Any, coding: str, packed: bytes) -> None:
    """Also byte by byte, and without zlib's head."""

    wire.get(f"{BASE}/x").mock(
        side_effect=lambda _: httpx.Response(
            200, stream=Pieces(b"", *(bytes([one]) for one in packed)), headers={"Content-Encoding": coding}
        )
    )
    assert build(read_tries=1).read("/x", body) == b"isi"


def test_a_packed_body_that_ends_early_or_unpacks_to_too_much_is_broken(wire: Any, build: Any) -> None:
    """Memory is bounded while it is unpacked, by what comes in as well as by what comes out of it."""
    bomb = gzip.compress(b"0" * 20_000_000)
    headers = {"Content-Encoding": "gzip"}
    wire.get(f"{BASE}/x").mock(side_effect=lambda _: httpx.Response(200, stream=Pieces(bomb), headers=headers))
    wire.get(f"{BASE}/y").mock(
        side_effect=lambda _: httpx.Response(200, stream=Pieces(bomb[:-9]), headers=headers)
    )
    tracemalloc.start()
    with pytest.raises(UpstreamBroken, match="larger than 1000000 bytes"):
        build(max_body=1_000_000, read_tries=1).read("/x", body)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4_000_000
    with pytest.raises(UpstreamBroken, match="larger than 10000 bytes"):
        build(max_body=10_000, read_tries=1).read("/x", body)
    with pytest.raises(UpstreamBroken, match="cut short"):
        build(read_tries=1).read("/y", body)


def test_a_body_in_many_small_pieces_takes_no_more_memory_than_its_length(wire: Any, build: Any) -> None:
    """Chunks of two bytes, as a server may write them: each a value of its own would take thirty times as much."""
    wire.get(f"{BASE}/x").mock(return_value=httpx.Response(200, stream=Pieces(*[b"ab", b"cd"] * 50_000)))
    transport = build(read_tries=1)
    tracemalloc.start()
    assert transport.read("/x", lambda answer: len(answer.body)) == 200_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


def test_cookies_are_neither_kept_nor_sent(wire: Any, build: Any) -> None:
    """A session that upstream opens by itself is of no use to two static headers."""
    route = wire.get(f"{BASE}/x").mock(return_value=ok(headers={"Set-Cookie": "laravel_session=1; Path=/"}))
    transport = build()
    transport.read("/x", body)
    transport.read("/x", body)
    assert "cookie" not in route.calls.last.request.headers


def test_credentials_inside_of_an_address_are_not_used(wire: Any, build: Any) -> None:
    """httpx would make an `Authorization` header of them."""
    route = wire.get(url__regex=".*").mock(return_value=ok())
    build(base_url="https://user:secret@lapor.test/lapor/3.0.0").read("/x", body)
    assert "authorization" not in route.calls.last.request.headers


@pytest.mark.parametrize(
    "base", ["", "lapor.test/x", "ftp://lapor.test", "https://", "https://[::1", "https://h/p?q=1", "https://h/#f"]
)
def test_a_base_that_is_no_web_address_is_a_wrong_setting(base: str, build: Any) -> None:
    """Said at once, not at the first call."""
    with pytest.raises(SettingsWrong):
        build(base_url=base)


@pytest.mark.parametrize("change", [{"bearer": "a\nb"}, {"token": "{é}"}])
def test_credentials_that_no_header_can_carry_are_wrong_settings(change: dict[str, str], build: Any) -> None:
    """And the message does not show them."""
    with pytest.raises(SettingsWrong) as caught:
        build(**change)
    assert not any(value in caught.value.what for value in change.values())


def test_settings_do_not_show_the_secrets() -> None:
    """A settings value can stand in a traceback."""
    shown = repr(
        TransportSettings(
            base_url=BASE, bearer="hidden-bearer", token="hidden-token", headers={"apikey": "hidden-key"}
        )
    )
    assert "hidden" not in shown


def test_the_loggers_that_print_whole_addresses_are_silent(
    wire: Any, build: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """httpx logs every address at INFO."""
    wire.get(f"{BASE}/x").mock(return_value=ok())
    transport = build()
    with caplog.at_level(logging.DEBUG):
        transport.read("/x", body)
    assert not [record for record in caplog.records if record.name.startswith("http")]


# Statuses of reads.


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, UpstreamBroken),
        (304, UpstreamBroken),
        (400, UpstreamBroken),
        (401, Denied),
        (403, Denied),
        (404, Missing),
        (410, Missing),
        (422, UpstreamBroken),
    ],
)
def test_a_status_that_will_not_change_is_said_at_once(
    status: int, kind: type[UpstreamError], wire: Any, build: Any
) -> None:
    """One request, one error of the tree, without address or id."""
    route = wire.get(url__regex=".*").mock(return_value=httpx.Response(status, text="<p>Budi, RT 4</p>"))
    with pytest.raises(kind) as caught:
        build().read("/complaints/{id}/complaint", body, of="20001234")
    assert type(caught.value) is kind
    assert caught.value.what == f"GET /complaints/{{id}}/complaint: HTTP {status}"
    assert caught.value.http_status == status
    assert route.call_count == 1


@pytest.mark.parametrize(("status", "kind"), [(408, UpstreamBroken), (429, RateLimited), (500, UpstreamBroken)])
def test_a_status_that_may_pass_is_tried_three_times(
    status: int, kind: type[UpstreamError], wire: Any, build: Any, clock: FakeClock
) -> None:
    """With the waits that were passed in, in naps."""
    route = wire.get(f"{BASE}/x").mock(return_value=httpx.Response(status))
    with pytest.raises(kind):
        build().read("/x", body)
    assert route.call_count == 3
    assert sum(clock.slept) == pytest.approx(3.0)
    assert max(clock.slept) <= 0.25


def test_a_read_that_succeeds_later_succeeds(wire: Any, build: Any) -> None:
    """A gateway's hiccup costs nothing but a moment."""
    wire.get(f"{BASE}/x").mock(side_effect=[httpx.Response(502), httpcore.ReadTimeout("slow"), ok(b"at last")])
    assert build().read("/x", body) == b"at last"


def test_an_answer_that_cannot_be_parsed_is_read_again(wire: Any, build: Any) -> None:
    """A maintenance page under 200 may be gone in a moment; the error names the call."""
    route = wire.get(f"{BASE}/x").mock(return_value=ok(b"<html>"))

    def parse(answer: Answer) -> None:
        raise UpstreamBroken("the answer is no JSON")

    with pytest.raises(UpstreamBroken, match=r"^GET /x: the answer is no JSON$"):
        build().read("/x", parse)
    assert route.call_count == 3


def test_an_error_of_ours_is_not_read_again(wire: Any, build: Any) -> None:
    """Only what upstream did is worth another try."""
    route = wire.get(f"{BASE}/x").mock(return_value=ok())

    def parse(answer: Answer) -> None:
        raise KeyError("ours")

    with pytest.raises(KeyError):
        build().read("/x", parse)
    assert route.call_count == 1


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("3", 3.0),
        (" 0 ", 0.0),
        ("99999999", 900.0),
        ("9" * 400, 900.0),
        ("2.5", 2.5),
        ("60, 300", 300.0),
        ("300 ,60,", None),
        ("Mon, 05 Jan 2026 03:00:04 GMT", 4.0),
        ("Mon, 05 Jan 2026 03:00:04", 4.0),
        ("Mon, 05 Jan 2026 02:00:00 GMT", 0.0),
        ("soon", None),
        ("-3", None),
        ("nan", None),
        ("Mon, 99 Jan 2026 02:00:00 GMT", None),
        ("", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(
    header: str, seconds: float | None, wire: Any, build: Any
) -> None:
    """A date counts from the upstream's time, of two headers the longer wait; nonsense counts as nothing said."""
    wire.get(f"{BASE}/x").mock(return_value=httpx.Response(429, headers={"Retry-After": header}))
    with pytest.raises(RateLimited) as caught:
        build(read_tries=1).read("/x", body)
    assert caught.value.retry_after == seconds


@pytest.mark.parametrize("coding", ["br", "gzip"])
def test_an_error_whose_body_cannot_be_unpacked_is_what_its_head_says(wire: Any, build: Any, coding: str) -> None:
    """Who asks to be left alone is, and a refusal of the credentials is one; to a write it is no refusal."""
    headers = {"Content-Encoding": coding, "Retry-After": "300"}
    packed = gzip.compress(b'{"status": "error"}')[:-6]
    wire.get(f"{BASE}/x").mock(return_value=httpx.Response(429, content=packed, headers=headers))
    wire.get(f"{BASE}/y").mock(return_value=httpx.Response(401, content=packed, headers=headers))
    wire.post(f"{BASE}/z").mock(return_value=httpx.Response(422, content=packed, headers=headers))
    transport = build(read_tries=1)
    with pytest.raises(RateLimited) as caught:
        transport.read("/x", body)
    assert caught.value.retry_after == 300
    with pytest.raises(Denied):
        transport.read("/y", body)
    answer = transport.post_json("/z", {})
    assert (answer.status, answer.body) == (422, b"")


@pytest.mark.parametrize("status", [429, 503])
def test_a_short_retry_after_is_obeyed(status: int, wire: Any, build: Any, clock: FakeClock) -> None:
    """The longer of the two waits is taken."""
    wire.get(f"{BASE}/x").mock(side_effect=[httpx.Response(status, headers={"Retry-After": "4"}), ok(b"yes")])
    assert build().read("/x", body) == b"yes"
    assert sum(clock.slept) == pytest.approx(4.0)


@pytest.mark.parametrize("status", [429, 503])
def test_a_long_retry_after_is_the_callers_to_plan(status: int, wire: Any, build: Any, clock: FakeClock) -> None:
    """No thread sleeps for an hour, and nothing is asked before."""
    route = wire.get(f"{BASE}/x").mock(return_value=httpx.Response(status, headers={"Retry-After": "3600"}))
    with pytest.raises(UpstreamError) as caught:
        build().read("/x", body)
    assert caught.value.retry_after == 900  # believed so far
    assert route.call_count == 1
    assert clock.slept == []


def test_the_default_wait_grows_and_has_jitter() -> None:
    """About 0.5, 1, 2, then 4 seconds."""
    for tries, middle in ((1, 0.5), (2, 1.0), (3, 2.0), (4, 4.0), (9, 4.0)):
        assert middle * 0.5 <= backoff(tries) <= middle * 1.5
    assert len({backoff(1) for _ in range(20)}) > 1


# Errors of the wire.


@pytest.mark.parametrize(
    ("error", "sent"),
    [
        (httpcore.ConnectError("[Errno 111] Connection refused"), False),
        (httpcore.ConnectTimeout("timed out"), False),
        (httpcore.PoolTimeout("no place"), False),
        (httpcore.ProxyError("407 Proxy Authentication Required"), False),
        (httpcore.UnsupportedProtocol("no"), False),
        (httpcore.ReadTimeout("slow"), True),
        (httpcore.ReadError("reset"), True),
        (httpcore.WriteTimeout("slow"), True),
        (httpcore.WriteError("reset"), True),
        (httpcore.RemoteProtocolError("Server disconnected"), True),
        (httpcore.LocalProtocolError("ours"), True),
        (httpcore.ProtocolError("odd"), True),
    ],
)
def test_what_never_left_is_told_from_what_may_have(error: Exception, sent: bool, wire: Any, build: Any) -> None:
    """A write is tried once, and its error says whether it may have been stored."""
    route = wire.post(f"{BASE}/x").mock(side_effect=error)
    with pytest.raises(Unreachable) as caught:
        build().post_json("/x", {})
    assert caught.value.sent is sent
    assert caught.value.what.startswith("POST /x: ")
    assert "lapor.test" not in caught.value.what
    assert route.call_count == 1


@pytest.mark.parametrize("status", [200, 302, 401, 429, 500])
def test_any_status_is_an_answer_to_a_write(status: int, wire: Any, build: Any) -> None:
    """What it means for a delivery is not the transport's to say; never tried again."""
    route = wire.post(f"{BASE}/x/9").mock(
        return_value=httpx.Response(status, content=b"said", headers={"Retry-After": "7", "Location": "/y"})
    )
    answer = build().post_form("/x/{id}", [("name", (None, "value"))], of="9")
    assert (answer.status, answer.body, answer.retry_after) == (status, b"said", 7.0)
    assert route.call_count == 1


def test_text_that_utf8_cannot_carry_never_leaves(wire: Any, build: Any) -> None:
    """An error of ours, before any request."""
    route = wire.post(f"{BASE}/x").mock(return_value=ok())
    with pytest.raises(BadInput):
        build().post_form("/x", [("content", (None, "\ud800"))])
    with pytest.raises(BadInput):
        build().post_json("/x", {"content": "\ud800"})
    assert route.call_count == 0


def test_an_answer_that_is_too_large_is_broken(wire: Any, build: Any) -> None:
    """A page of gigabytes does not fill the memory; the cap itself still passes."""
    wire.get(f"{BASE}/x").mock(return_value=ok(b"x" * 101))
    wire.get(f"{BASE}/y").mock(return_value=ok(b"y" * 100))
    with pytest.raises(UpstreamBroken, match="larger than 100 bytes"):
        build(max_body=100, read_tries=1).read("/x", body)
    assert len(build(max_body=100).read("/y", body)) == 100


def test_an_answer_that_is_too_much_is_not_asked_for_again(wire: Any, build: Any) -> None:
    """Told by its length before it comes, while it comes, or by its reader: it would be as much once more."""
    told = wire.get(f"{BASE}/told").mock(return_value=ok(b"x" * 101))
    coming = wire.get(f"{BASE}/coming").mock(
        side_effect=lambda _: httpx.Response(200, stream=Pieces(b"x" * 60, b"x" * 60))
    )
    read = wire.get(f"{BASE}/read").mock(return_value=ok())
    for path in ("/told", "/coming"):
        with pytest.raises(TooMuch, match="larger than 100 bytes"):
            build(max_body=100).read(path, body)
    with pytest.raises(TooMuch, match="larger than 50 bytes"):
        build(max_body=100).read("/coming", body, most=50)

    def parse(answer: Answer) -> None:
        raise TooMuch("the answer holds more than 9 values")

    with pytest.raises(TooMuch, match=r"^GET /read: the answer holds more than 9 values$"):
        build().read("/read", parse)
    assert (told.call_count, coming.call_count, read.call_count) == (1, 2, 1)


@pytest.mark.parametrize(("status", "kind"), [(404, Missing), (500, UpstreamBroken)])
def test_of_an_error_only_the_beginning_is_read(
    status: int, kind: type[UpstreamError], wire: Any, build: Any
) -> None:
    """However long it goes on, it is that error."""
    given = []

    def endless() -> Iterator[bytes]:
        while True:
            given.append(1)
            yield b"x" * 100_000

    wire.get(f"{BASE}/x").mock(side_effect=lambda _: httpx.Response(status, stream=Pieces(*islice(endless(), 9))))
    wire.post(f"{BASE}/x").mock(side_effect=lambda _: httpx.Response(status, stream=Pieces(*islice(endless(), 9))))
    with pytest.raises(kind) as caught:
        build(read_tries=1).read("/x", body)
    assert type(caught.value) is kind
    assert len(build().post_json("/x", {}).body) == 256 * 1024


def test_a_file_may_be_larger_than_an_answer(wire: Any, build: Any) -> None:
    """It is bounded too."""
    wire.get(f"{BASE}/x").mock(return_value=ok(b"x" * 150))
    assert len(build(max_body=100, max_file=150).fetch(f"{BASE}/x", body)) == 150
    with pytest.raises(TooMuch):
        build(max_file=149).fetch(f"{BASE}/x", body)


def test_an_answer_that_cannot_be_decompressed_is_broken(wire: Any, build: Any) -> None:
    """A header that promises gzip over bytes that are none."""
    wire.get(f"{BASE}/x").mock(
        return_value=httpx.Response(200, stream=Pieces(b"no gzip"), headers={"Content-Encoding": "gzip"})
    )
    with pytest.raises(UpstreamBroken, match="cannot be decoded"):
        build(read_tries=1).read("/x", body)


def test_a_head_that_cannot_be_read_may_have_followed_a_stored_write(wire: Any, build: Any) -> None:
    """However odd the error, it is never taken for "not sent"."""
    wire.post(f"{BASE}/x").mock(side_effect=UnicodeDecodeError("ascii", b"\xff", 0, 1, "ordinal"))
    with pytest.raises(UpstreamBroken, match="cannot be decoded"):
        build().post_json("/x", {})


# Attached files.


@pytest.mark.parametrize(
    ("url", "whole", "own"),
    [
        ("https://lapor.test/files/a.pdf", "https://lapor.test/files/a.pdf", True),
        ("https://lapor.test:443/files/a.pdf", "https://lapor.test/files/a.pdf", True),
        ("/files/a.pdf", "https://lapor.test/files/a.pdf", True),
        ("https://LAPOR.test/files/a.pdf ", "https://lapor.test/files/a.pdf", True),
        ("http://lapor.test/files/a.pdf", "http://lapor.test/files/a.pdf", False),
        ("https://lapor.test:8443/files/a.pdf", "https://lapor.test:8443/files/a.pdf", False),
        ("https://sub.lapor.test/a.pdf", "https://sub.lapor.test/a.pdf", False),
        ("//other.test/a.pdf", "https://other.test/a.pdf", False),
        ("https://lapor.test@other.test/a.pdf", None, False),
    ],
)
def test_credentials_go_with_a_file_only_to_the_bases_own_host(
    url: str, whole: str | None, own: bool, wire: Any, build: Any
) -> None:
    """Scheme, host and port must all be the base's."""
    route = wire.get(whole) if whole else wire.get(url__regex=r".*other\.test/a\.pdf")
    route.mock(return_value=ok(b"%PDF"))
    assert build().fetch(url, body) == b"%PDF"
    sent = route.calls.last.request.headers
    assert ("auth" in sent, "token" in sent) == (own, own)
    assert "authorization" not in sent


@pytest.mark.parametrize("url", ["", "ftp://x/a", "file:///etc/passwd", "https://[::1", "javascript:1"])
def test_an_address_that_is_none_is_not_fetched(url: str, wire: Any, build: Any) -> None:
    """An empty one would be the base itself: that is no file, but it is no foreign host either."""
    route = wire.get(url__regex=".*").mock(return_value=ok())
    if url:
        with pytest.raises(UpstreamBroken, match="not a web address"):
            build().fetch(url, body)
        assert route.call_count == 0
    else:
        assert build().fetch(url, body) == b"{}"


@pytest.mark.parametrize("host", ["a..b", "x" * 70 + ".test", "127.0.0.1:99999"])
def test_a_host_or_port_that_no_resolver_takes_is_unreachable(host: str, build: Any) -> None:
    """Python says so with a UnicodeError or an OverflowError, httpx with an InvalidURL or not at all."""
    with pytest.raises((Unreachable, UpstreamBroken)):
        build(read_tries=1).fetch(f"https://{host}/a.pdf", body)


def test_a_foreign_hosts_refusal_says_nothing_of_our_credentials(wire: Any, build: Any) -> None:
    """A storage host's 403 must not stop the agency's calls; the base's own must."""
    wire.get(url__regex=".*").mock(return_value=httpx.Response(403))
    with pytest.raises(UpstreamBroken) as caught:
        build().fetch("https://storage.test/a.pdf?X-Amz-Signature=RAHASIA", body)
    assert caught.value.http_status == 403
    assert "expired" in advised(caught.value.todo)
    assert "RAHASIA" not in f"{caught.value} {advised(caught.value.todo)}"
    with pytest.raises(Denied):
        build().fetch("/a.pdf", body)


@pytest.mark.parametrize(
    ("answer", "todo"),
    [
        (httpx.Response(500), "Fetch the file again"),
        (httpx.Response(429), "Wait a few minutes"),
        (httpx.Response(404), "may have expired"),
        (httpx.Response(403), "`lapor-sync check`"),
        (httpcore.ReadError("x"), "Check the network. Fetch the file again"),
        (ok(b"x" * 2000), "Fetch the file again"),
    ],
)
def test_a_file_that_cannot_be_fetched_is_fetched_by_no_daemon(
    answer: httpx.Response | Exception, todo: str, wire: Any, build: Any
) -> None:
    """What to do is said to the person who asks for it."""
    how = {"side_effect": answer} if isinstance(answer, Exception) else {"return_value": answer}
    wire.get(url__regex=".*").mock(**how)
    with pytest.raises(UpstreamError) as caught:
        build(max_file=1000, read_tries=1).fetch("/a.pdf", body)
    assert todo in advised(caught.value.todo)
    assert "daemon" not in advised(caught.value.todo)


def test_a_redirect_is_not_followed_and_comes_with_advice(wire: Any, build: Any) -> None:
    """At a call and at a file, whose address is none of the settings."""
    wire.get(f"{BASE}/x").mock(return_value=httpx.Response(302, headers={"Location": "https://other.test/login"}))
    other = wire.get("https://other.test/login").mock(return_value=ok())
    with pytest.raises(UpstreamBroken, match="HTTP 302") as caught:
        build().read("/x", body)
    assert "LAPOR_SYNC_UPSTREAM_URL" in advised(caught.value.todo)
    moved = httpx.Response(302, headers={"Location": "https://other.test/login"})
    wire.get("https://storage.test/a.pdf").mock(return_value=moved)
    with pytest.raises(UpstreamBroken, match="login page") as caught:
        build().fetch("https://storage.test/a.pdf", body)
    assert "on https://other.test" in advised(caught.value.todo)
    assert "LAPOR_SYNC_UPSTREAM_URL" not in advised(caught.value.todo)
    assert other.call_count == 0


# Upstream's time.


def test_before_any_answer_upstreams_time_is_ours(build: Any, clock: FakeClock) -> None:
    """And it goes on as our clock does."""
    transport = build()
    clock.seconds += 5
    assert transport.upstream_now() == START + timedelta(seconds=5)


def test_the_last_date_header_is_carried_on_by_the_monotonic_clock(
    wire: Any, build: Any, clock: FakeClock
) -> None:
    """However wrong our own clock is."""
    wire.get(f"{BASE}/x").mock(return_value=ok(headers={"Date": "Sun, 04 Jan 2026 20:00:00 GMT"}))
    transport = build()
    transport.read("/x", body)
    clock.seconds += 90
    assert transport.upstream_now() == datetime(2026, 1, 4, 20, 1, 30, tzinfo=UTC)


def test_a_read_began_no_later_than_its_date_less_its_length_and_a_second(
    wire: Any, build: Any, clock: FakeClock
) -> None:
    """The header has whole seconds and may be written at the end of the call."""

    def slowly(request: httpx.Request) -> httpx.Response:
        clock.seconds += 7
        return ok(headers={"Date": "Sun, 04 Jan 2026 20:00:00 GMT"})

    wire.get(f"{BASE}/x").mock(side_effect=slowly)
    began = build().read("/x", lambda answer: answer.began_at)
    assert began == datetime(2026, 1, 4, 19, 59, 52, tzinfo=UTC)


@pytest.mark.parametrize(
    "date",
    [
        None,
        "",
        "yesterday",
        "Sun, 99 Jan 2026 20:00:00 GMT",
        "1 Jan 99999999 0:0:0",
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "Fri, 31 Dec 9999 23:59:59 -1200",
        "Mon, 01 Jan 0001 00:00:00 GMT",
        "Mon, 01 Jan 0001 00:00:00 +1400",
        "Sat, 01 Jan 2200 00:00:00 GMT",
        "Thu, 01 Jan 1970 00:00:00 GMT",
    ],
)
def test_without_a_date_that_can_be_read_our_clock_at_the_start_stands_in(
    date: str | None, wire: Any, build: Any, clock: FakeClock
) -> None:
    """And the upstream's time stays what it was."""

    def slowly(request: httpx.Request) -> httpx.Response:
        clock.seconds += 7
        return ok(headers={} if date is None else {"Date": date})

    wire.get(f"{BASE}/x").mock(side_effect=slowly)
    transport = build()
    assert transport.read("/x", lambda answer: answer.began_at) == START
    assert transport.upstream_now() == START + timedelta(seconds=7)


def test_a_foreign_hosts_date_is_not_upstreams_time(wire: Any, build: Any, clock: FakeClock) -> None:
    """Storage has a clock of its own."""
    wire.get("https://storage.test/a").mock(return_value=ok(headers={"Date": "Sun, 04 Jan 2026 20:00:00 GMT"}))
    transport = build()
    transport.fetch("https://storage.test/a", body)
    assert transport.upstream_now() == START


# Pace and number.


def test_no_second_has_more_requests_than_the_rate(clock: FakeClock) -> None:
    """A burst of one second's worth, then the pace; unused places are not saved up."""
    pacer = Pacer(5, clock)
    due = []
    for number in range(40):
        if number == 20:
            clock.seconds += 3600
        wait = pacer.reserve()
        due.append(clock.seconds + wait)
    for start in due:
        assert sum(start <= at < start + 1 - 1e-9 for at in due) <= 5
    assert due[4] == due[0]
    assert due[5] == pytest.approx(due[0] + 1)


@pytest.mark.parametrize(("rate", "gap"), [(0.5, 2.0), (1, 1.0), (2.5, 0.8)])
def test_rates_that_are_no_whole_number_are_kept(rate: float, gap: float, clock: FakeClock) -> None:
    """Half a request a second is one every two."""
    pacer = Pacer(rate, clock)
    waits = [pacer.reserve() for _ in range(9)]
    burst = max(1, int(rate))
    assert waits[burst] == pytest.approx(gap)
    assert waits[-1] == pytest.approx((8 // burst) * gap)


def test_rate_zero_is_no_limit(clock: FakeClock) -> None:
    """As the interface says."""
    pacer = Pacer(0, clock)
    assert [pacer.reserve() for _ in range(1000)] == [0.0] * 1000


def test_requests_wait_for_their_place(wire: Any, build: Any, clock: FakeClock) -> None:
    """The transport asks its pacer, for reads, retries and writes alike."""
    wire.route().mock(return_value=ok())
    transport = build(rate_per_second=2)
    for _ in range(5):
        transport.read("/x", body)
    assert sum(clock.slept) == pytest.approx(2.0)


def test_no_more_calls_than_the_bound_are_in_flight(wire: Any, build: Any) -> None:
    """Eight threads, three places."""
    running, most, lock = 0, 0, threading.Lock()
    full = threading.Event()

    def slowly(request: httpx.Request) -> httpx.Response:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
            if running == 3:
                full.set()
        full.wait(5)
        with lock:
            running -= 1
        return ok()

    wire.get(f"{BASE}/x").mock(side_effect=slowly)
    transport = build(concurrency=3)
    threads = [threading.Thread(target=transport.read, args=("/x", body)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 3


# Stopping.


def test_once_stopping_nothing_new_leaves(wire: Any, build: Any) -> None:
    """Neither a read nor a write; the write is known not to be sent."""
    route = wire.route().mock(return_value=ok())
    transport = build(stopping=lambda: True)
    with pytest.raises(Unreachable, match="stopping"):
        transport.read("/x", body)
    with pytest.raises(Unreachable) as caught:
        transport.post_json("/x", {})
    assert caught.value.sent is False
    assert route.call_count == 0


def test_stopping_ends_the_waits_between_tries(wire: Any, build: Any, clock: FakeClock) -> None:
    """After the nap in which it was asked."""
    wire.get(f"{BASE}/x").mock(return_value=httpx.Response(500))
    transport = build(stopping=lambda: len(clock.slept) >= 2, pause=lambda tries: 3600.0)
    with pytest.raises(Unreachable, match="stopping"):
        transport.read("/x", body)
    assert len(clock.slept) == 2


def test_stopping_while_a_try_runs_gives_up_with_that_trys_error(wire: Any, build: Any) -> None:
    """No further try begins."""
    asked = threading.Event()

    def failing(request: httpx.Request) -> httpx.Response:
        asked.set()
        return httpx.Response(500)

    route = wire.get(f"{BASE}/x").mock(side_effect=failing)
    with pytest.raises(UpstreamBroken, match="HTTP 500"):
        build(stopping=asked.is_set).read("/x", body)
    assert route.call_count == 1


def test_it_closes_itself_in_a_with_statement(clock: FakeClock, wire: Any) -> None:
    """A closed client is no client."""
    with Transport(TransportSettings(base_url=BASE, bearer="b", token="t"), clock=clock) as transport:
        pass
    with pytest.raises(RuntimeError, match="closed"):
        transport.read("/x", body)
