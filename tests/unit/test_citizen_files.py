"""Citizens' files: which is which, what is in them, how a picture is drawn anew, and from where they are fetched."""

from __future__ import annotations

import io
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from PIL import Image

from connectors.transport import Outside
from connectors.transport.outside import is_public
from lapor_sync.domain.citizen_files import OTHER, PDF, files_of, keys_of, kind_of, may_be_picture
from lapor_sync.domain.errors import Missing, NotPublic, TimedOut, TooMuch, Unreachable, UpstreamBroken
from lapor_sync.domain.report import Attachment, ItemKind, ThreadItem
from lapor_sync.sync import pictures
from lapor_sync.sync.pictures import drawn_anew


def named(url: str, name: str = "a.jpg") -> Attachment:
    return Attachment(url=url, file_name=name, extension=name.rpartition(".")[2])


def test_a_file_is_known_however_its_address_is_signed() -> None:
    before, after = named("https://s.test/a.jpg?Signature=1"), named("https://s.test/a.jpg?Signature=2")
    assert keys_of([before]) == keys_of([after])
    assert len(set(keys_of([before, named("https://s.test/b.jpg"), named(before.url, "b.jpg")]))) == 3


def test_two_files_at_one_place_are_two() -> None:
    """A program that gives files by a number in the query."""
    keys = keys_of([named("https://s.test/get?id=1"), named("https://s.test/get?id=2")])
    assert keys[1] == f"{keys[0]}-2"


def test_files_are_numbered_through_the_thread() -> None:
    one, two = named("https://s.test/1"), named("https://s.test/2")
    item = ThreadItem(id="1", kind=ItemKind.REPORTER, created_at=None, content="", attachments=(two,))
    assert files_of([one], [item]) == [one, two]


def test_the_bytes_say_what_a_file_is() -> None:
    assert kind_of(b"%PDF-1.7 ...") == PDF
    assert kind_of(b"<html><script>") == OTHER
    assert may_be_picture(b"\xff\xd8\xff\xe0")
    assert may_be_picture(b"RIFF\0\0\0\0WEBPVP8 ")
    assert not may_be_picture(b"RIFF\0\0\0\0WAVEfmt ")
    assert not may_be_picture(b"<svg onload=alert(1)>")


# Pictures.


def picture(size: tuple[int, int] = (40, 20), form: str = "JPEG", mode: str = "RGB", **values: object) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size, "white").save(out, form, **values)
    return out.getvalue()


def test_a_picture_is_drawn_anew_without_where_it_was_taken() -> None:
    """And the right way up: phones say in EXIF how they were held."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "Kamera Warga"
    exif.get_ifd(0x8825)[1] = "S"
    sent = picture(exif=exif)
    assert b"Kamera Warga" in sent
    drawn = drawn_anew(sent + b"<script>alert(1)</script>")
    assert drawn is not None
    for one in drawn:
        with Image.open(io.BytesIO(one)) as found:
            assert (found.format, found.size) == ("JPEG", (20, 40))
            assert dict(found.getexif()) == {}
        assert b"Kamera" not in one
        assert b"script" not in one


def test_a_large_picture_becomes_as_large_as_a_screen_shows_it() -> None:
    drawn = drawn_anew(picture((5000, 2500)))
    assert drawn is not None
    sizes = [Image.open(io.BytesIO(one)).size for one in drawn]
    assert sizes == [(2000, 1000), (320, 160)]


@pytest.mark.parametrize("form", ["PNG", "GIF", "WEBP"])
def test_other_kinds_of_pictures_are_drawn_too(form: str) -> None:
    assert drawn_anew(picture(form=form)) is not None


@pytest.mark.parametrize(
    "sent",
    [
        lambda: b"\xff\xd8\xff" + b"\0" * 200,
        lambda: picture()[:200],
        lambda: b"\x89PNG\r\n\x1a\n",
        lambda: picture((8000, 8000), "PNG", "1"),
        lambda: picture(form="TIFF"),
        lambda: b"",
    ],
    ids=["garbled", "cut", "head alone", "a bomb", "another kind", "empty"],
)
def test_what_is_no_picture_that_may_be_drawn_harms_nobody(sent: Callable[[], bytes]) -> None:
    assert drawn_anew(sent()) is None


def test_a_picture_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "_SECONDS", 0.001)
    assert drawn_anew(picture()) is None


def test_one_picture_is_drawn_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker has several agencies' cycles in hand: four bombs at once would take more memory than the service has."""
    running, most = list[None](), 0

    def run(*_args: object, **_named: object) -> subprocess.CompletedProcess[bytes]:
        nonlocal most
        running.append(None)
        most = max(most, len(running))
        time.sleep(0.05)
        running.pop()
        return subprocess.CompletedProcess([], 1, b"", b"")

    monkeypatch.setattr(subprocess, "run", run)
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(drawn_anew, [b""] * 4)) == [None] * 4
    assert most == 1


# From where.


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700::1111", "64:ff9b::101:101"])
def test_public_addresses_are_called(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.9.9.9", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "::1"),
        *(
            "fe80::1%eth0",
            "fd00::1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "2002:a00:1::",
            "224.0.0.1",
            "100.64.0.1",
        ),
        *("::", "x", "fec0::1", "::127.0.0.1", "::ffff:0:10.0.0.1", "5f00::1", "4000::1"),
    ],
)
def test_private_addresses_are_not(address: str) -> None:
    assert not is_public(address)


Reply = tuple[int, dict[str, str], bytes]


@contextmanager
def host(give: Callable[[str], Reply]) -> Iterator[tuple[str, list[tuple[str, dict[str, str]]]]]:
    """A host of files: its address, and what it was asked with which headers."""
    asked: list[tuple[str, dict[str, str]]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
            status, headers, body = give(self.path)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


def gives(*replies: Reply) -> Callable[[str], Reply]:
    left = list(replies)
    return lambda _path: left.pop(0)


FILE = (200, {"Content-Type": "image/jpeg", "Set-Cookie": "who=me"}, picture())


def test_a_file_is_fetched_without_credentials_and_without_cookies() -> None:
    with host(gives((302, {"Location": "/b.jpg", "Set-Cookie": "who=me"}, b""), FILE)) as (origin, asked):
        outside = Outside(f"{origin}/lapor/3.0.0")
        assert outside.fetch(named(f"{origin}/a.jpg?X-Amz-Signature=1")) == FILE[2]
    assert [path for path, _ in asked] == ["/a.jpg?X-Amz-Signature=1", "/b.jpg"]
    for _, headers in asked:
        assert not {"auth", "authorization", "token", "cookie", "apikey", "referer"} & set(headers)


@pytest.mark.parametrize(
    "there", ["http://127.0.0.2:{port}/x", "http://[::1]:{port}/x", "http://0.0.0.0:{port}/x", "http://10.0.0.1/x"]
)
def test_no_address_leads_inside(there: str) -> None:
    """Neither the file's own nor one that a public host sends on to."""
    with host(gives(FILE)) as (origin, asked):
        place = there.format(port=origin.rpartition(":")[2])
        with pytest.raises(NotPublic, match="private network"):
            Outside("https://api.test/lapor").fetch(named(place))
        with (
            host(gives((302, {"Location": place}, b""))) as (first, _),
            pytest.raises(NotPublic, match="private network"),
        ):
            Outside("https://api.test/lapor", hosts=["127.0.0.1"]).fetch(named(f"{first}/a.jpg"))
        assert asked == []


def test_what_the_name_stands_for_is_asked_right_before_the_socket_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that stands for a public address when it is looked at, and for a private one right after."""
    with host(gives(FILE)) as (origin, asked):
        monkeypatch.setattr("connectors.transport.outside._need_public", lambda _target: None)
        with pytest.raises(Unreachable, match="private network"):
            Outside("https://api.test/lapor").fetch(named(origin.replace("127.0.0.1", "localhost") + "/a.jpg"))
        assert asked == []


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_an_address_that_leads_to_nothing_any_more_is_missing(status: int) -> None:
    with host(gives((status, {}, b"<Error>"))) as (origin, _), pytest.raises(Missing):
        Outside(origin).fetch(named(f"{origin}/a.jpg"))


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        ((200, {"Content-Type": "text/html"}, b"<html>Masuk"), UpstreamBroken),
        ((200, {}, b""), UpstreamBroken),
        ((503, {}, b"later"), UpstreamBroken),
        ((206, {}, b"%PDF"), UpstreamBroken),
        ((200, {"Content-Encoding": "br"}, b"%PDF"), UpstreamBroken),
        ((200, {}, b"%PDF" + b"x" * 5000), TooMuch),
        ((302, {"Location": "ftp://s.test/x"}, b""), UpstreamBroken),
        ((302, {"Location": "/again"}, b""), UpstreamBroken),
    ],
    ids=["a page", "nothing", "503", "a part", "packed", "too large", "ftp", "round and round"],
)
def test_what_is_not_the_file_is_refused(reply: Reply, error: type[Exception]) -> None:
    with host(lambda _path: reply) as (origin, _), pytest.raises(error):
        Outside(origin, most=4096).fetch(named(f"{origin}/a.jpg"))


def test_a_host_that_says_nothing_is_left_after_a_while() -> None:
    wait = threading.Event()

    def silent(_path: str) -> Reply:
        wait.wait(5)
        return FILE

    with host(silent) as (origin, _):
        with pytest.raises(TimedOut):
            Outside(origin, seconds=0.3).fetch(named(f"{origin}/a.jpg"))
        wait.set()
