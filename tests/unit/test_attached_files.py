"""What comes for an attached file, and where an answer sends on to: said plainly, with what to do."""

from __future__ import annotations

import json

import pytest

from connectors.transport import redirects
from connectors.transport.attached_file import why_no_file
from lapor_sync.words.en import advised
from tests.growth import is_linear

JPEG = b"\xff\xd8\xff\xe0" + b"\0" * 50 + b"\xff\xd9"
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20 + b"IEND\xaeB`\x82"
PDF = b"%PDF-1.4\n1 0 obj\n%%EOF\n"
DOCX = b"PK\3\4" + b"x" * 30 + b"PK\5\6" + b"\0" * 18
PAGE = b"<!DOCTYPE html><html><body>Silakan masuk</body></html>"


def came(
    body: bytes, *, status: int = 200, kind: str = "", extension: str | None = "jpg", measured: bool = True
) -> str | None:
    return why_no_file(status, body, kind, extension, is_measured=measured)


@pytest.mark.parametrize(
    "kind", ["", "image/jpeg", "application/octet-stream", "text/html; charset=UTF-8", "text/plain"]
)
@pytest.mark.parametrize(
    "body",
    [
        *(
            JPEG,
            PNG,
            PDF,
            DOCX,
            b"junk\n" + PDF,
            b"\0\0\0\x18ftypheic" + b"\0" * 9,
            b"RIFF\0\0\0\0WEBP",
            b"GIF89a",
        ),
        *(b"BM6\0\0\0\0\0\0\0", b"Rar!\x1a\7", b"II*\0", b"\xd0\xcf\x11\xe0\xa1"),
    ],
)
def test_a_file_is_one_whatever_its_type_is_said_to_be(body: bytes, kind: str) -> None:
    """The bytes decide; a photo may be of another kind than its name says."""
    assert came(body, kind=kind) is None


@pytest.mark.parametrize(
    ("body", "kind", "extension"),
    [
        (b"Jalan rusak di RT 3", "text/plain", "txt"),
        (b"a;b\n1;2\n", "text/csv", "csv"),
        (b'{"type":"FeatureCollection"}', "application/json", "geojson"),
        (PAGE, "text/html", "html"),
        (b"{\\rtf1 Surat}", "text/plain", "doc"),
        (b"12345", "", "txt"),
        (b"Nama\tAlamat\nAli\tJl. Contoh 1\n", "application/vnd.ms-excel", "xls"),
        (b"\0\0\0\0", "video/mp4", "mp4"),
        (b"\x00\x01\x02", "", None),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml", "svg"),
    ],
)
def test_a_text_is_a_file_where_one_is_expected(body: bytes, kind: str, extension: str | None) -> None:
    """Nothing is refused that may be what the citizen sent."""
    assert came(body, kind=kind, extension=extension) is None


@pytest.mark.parametrize("status", [200, 201])
@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        (b"", "image/jpeg", "empty"),
        (b" \r\n", "", "empty"),
        (PAGE, "image/jpeg", "HTML"),
        (b"\xef\xbb\xbf \n<html>", "", "HTML"),
        (PAGE.decode().encode("utf-16"), "", "HTML"),
        (b"<!-- masuk -->\n<?xml version='1.0'?>\n<HTML>", "application/octet-stream", "HTML"),
        (b"<script>location='/login'</script>", "", "HTML"),
        (b"Silakan masuk", "text/html", "HTML"),
        (
            b'{"status":false,"message":"Berkas tidak ada"}',
            "application/json",
            "an error or other data (JSON): Berkas tidak ada",
        ),
        (b'{"status":false,"message":"Tidak\x1b[31m ada"}', "application/json", "(JSON): Tidak\ufffd[31m ada"),
        (b'{"status":true,"results":[]}', "image/jpeg", "JSON"),
        (b"[]", "", "JSON"),
        (b'{"status":fal', "application/json", "text (application/json)"),
        (b"null", "application/json", "JSON"),
        (
            b'{"code":"900901","message":"Invalid Credentials","description":"x"}',
            "",
            "does not accept the credentials",
        ),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "application/xml", "XML"),
        (b"<Error><Code>ExpiredToken</Code></Error>", "", "XML"),
        (b"File not found.", "text/plain", "text (text/plain)"),
        (b"<a>" + b"x" * 70_000, "text/xml", "text (text/xml)"),
    ],
)
def test_what_is_no_file_is_said(body: bytes, kind: str, words: str, status: int) -> None:
    """A login page, a failure, nothing: under a 2xx too."""
    assert words in (came(body, kind=kind, status=status) or "")


@pytest.mark.parametrize(
    ("body", "kind", "extension"),
    [
        (b"not found", "", "png"),
        (b"Error 500: Internal Server Error", "", "jpg"),
        (b"Akses ditolak", "application/octet-stream", "pdf"),
        (b"x" * 100, "", "docx"),
        (bytes(50), "image/png", "png"),
        (b"null", "image/jpeg", "jpeg"),
        (b"\x1f\x8b\x08" + bytes(40), "", "jpg"),
        (b"BM tidak ada", "", "bmp"),
        (b"tidak ada", "application/zip", "zip"),
        (b"tidak ada", "image/jpeg", None),
        (b"isi", "application/pdf", "pdf"),
    ],
)
def test_what_begins_as_no_picture_or_document_is_none_under_their_names(
    body: bytes, kind: str, extension: str | None
) -> None:
    """Whatever it is, it is not what the citizen sent; where there is no name, the type says what it should be."""
    assert "begins as no" in (came(body, kind=kind, extension=extension) or "")


@pytest.mark.parametrize("begin", [b"<!---->", b"<!-- <?xml ?> -->", b" <!--", b"<?xml ?>", b"\xef\xbb\xbf "])
def test_no_beginning_takes_long_to_look_at(begin: bytes) -> None:
    """However often it repeats what may stand before a page."""

    def body(size: int) -> bytes:
        return begin * (size // len(begin)) + b"x"

    assert is_linear(lambda given: came(given, extension="txt"), body, 256)
    assert came(body(20_000), extension="txt") is None


@pytest.mark.parametrize("extension", [None, "pdf", "docx", "txt"])
def test_a_page_is_no_file_under_any_name_but_a_pages(extension: str | None) -> None:
    """Nor is a failure."""
    assert "HTML" in (came(PAGE, extension=extension) or "")
    assert "JSON" in (came(json.dumps({"status": False}).encode(), extension=extension) or "")


@pytest.mark.parametrize("status", [202, 204, 205, 206])
def test_an_answer_without_a_whole_file_is_none(status: int) -> None:
    """A part that nobody asked for is no file."""
    assert f"HTTP {status}" in (came(JPEG, status=status) or "")


@pytest.mark.parametrize("body", [JPEG, PNG, PDF + b" " * 20, DOCX])
def test_a_file_that_is_cut_short_shows_it_where_the_answer_does_not(body: bytes) -> None:
    """An answer that ends with its connection says nothing of its length."""
    assert came(body, measured=False) is None
    assert "cut short" in (came(body[:-25], measured=False) or "")
    assert came(body[:-25]) is None
    assert came(b"RIFF\0\0", measured=False) is None


# Where an answer sends on to.

BASE = "http://lapor.test/api/v3"


@pytest.mark.parametrize(
    ("location", "what", "todo"),
    [
        (
            "https://lapor.test/api/v3/x?token=RAHASIA",
            "http to https",
            "LAPOR_SYNC_UPSTREAM_URL=https://lapor.test/api/v3.",
        ),
        ("/login?next=RAHASIA", "login page", "LAPOR_SYNC_AUTH_HEADER"),
        ("https://sso.kota.test:8443/x", "login page", "on https://sso.kota.test:8443"),
        (
            "https://u:RAHASIA@baru.test/api",
            "another host",
            "operators whether the API is at https://baru.test now",
        ),
        ("/api/v4/x", "another path", "path of LAPOR_SYNC_UPSTREAM_URL"),
        ("", "", "LAPOR_SYNC_UPSTREAM_URL"),
        ("http://[::1", "", "LAPOR_SYNC_UPSTREAM_URL"),
        ("http://lapor.test:99999/", "", "LAPOR_SYNC_UPSTREAM_URL"),
        ("mailto:a@b", "", "LAPOR_SYNC_UPSTREAM_URL"),
    ],
)
def test_a_call_that_is_sent_on_names_the_setting(location: str, what: str, todo: str) -> None:
    """And never what an address may hold: user, path, signature."""
    advice = redirects.of_call(f"{BASE}/complaints", location, BASE)
    assert what in advice.what
    assert todo in advised(advice.todo)
    assert "RAHASIA" not in advice.what + advised(advice.todo)
    assert "://" not in advice.what


@pytest.mark.parametrize(
    ("asked", "location", "what", "names_setting"),
    [
        (f"{BASE}/f/a.pdf", "https://lapor.test/api/v3/f/a.pdf", "http to https", True),
        (f"{BASE}/f/a.pdf", "/login", "login page", False),
        ("http://storage.test/a.pdf", "https://storage.test/a.pdf", "another address there", False),
        (
            "https://storage.test/a.pdf?sig=RAHASIA",
            "https://cdn.test/a.pdf?sig=RAHASIA",
            "another host",
            False,
        ),
        ("https://storage.test/a.pdf", "", "", False),
    ],
)
def test_a_file_that_is_sent_on_names_a_setting_only_where_one_can_be_wrong(
    asked: str, location: str, what: str, names_setting: bool
) -> None:
    """The address of a file is LAPOR's own."""
    advice = redirects.of_file(asked, location, BASE)
    assert what in advice.what
    assert ("LAPOR_SYNC_UPSTREAM_URL" in advised(advice.todo)) == names_setting
    assert names_setting or "browser" in advised(advice.todo)
    assert "RAHASIA" not in advice.what + advised(advice.todo)
    assert "://" not in advice.what
