"""Whether what came for an attached file is that file. Pure.

A login or error page, a failure as JSON, or nothing at all come under a 2xx too: none of them is what the citizen sent.
The bytes decide, since servers name types as they like; where bytes tell nothing, the type does. A photo may be of
another kind than its name says; what begins as none of them is no photo.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from connectors.transport import gateway
from lapor_sync.domain.names import shown_name

_SIGNATURES = (
    b"\xff\xd8",
    b"\x89PNG",
    b"GIF8",
    b"RIFF",
    b"II*\0",
    b"MM\0*",
    b"PK\3\4",
    b"\xd0\xcf\x11\xe0",
    b"{\\rtf",
    b"Rar!",
    b"7z\xbc\xaf",
    b"\0\0\0\x0cjP",
)
_ENDS: Mapping[bytes, bytes] = {
    b"\xff\xd8": b"\xff\xd9",
    b"\x89PNG": b"IEND",
    b"%PDF": b"%%EOF",
    b"PK": b"PK\x05\x06",
}
"""How a file of that beginning ends, give or take what programs add behind it."""

_HTML = re.compile(
    rb"(?>\s+|<\?xml[^>]{0,200}\?>|<!--.{0,2000}?-->)*+"
    rb"<(?:!doctype\s+html|html|head|body|script|meta|title|style|center|h1|div|form|br|p|b)\b",
    re.IGNORECASE | re.DOTALL,
)
_MARKUP_NAMES = frozenset({"html", "htm", "xhtml", "mht", "mhtml"})
_DATA_NAMES = frozenset({"json", "geojson"})
_WITHOUT_FILE = frozenset({202, 204, 205, 206})
_MOST_OF_A_FAILURE = 65_536


def why_no_file(
    status: int, body: bytes, media_type: str, extension: str | None, *, is_measured: bool
) -> str | None:
    """Return what came in the file's place, in a few words; None where it is the file.

    `media_type` is the answer's `Content-Type`; `extension` that of the file's name, in small letters; `is_measured`
    whether the answer itself said where it ends.
    """
    if not body.strip():
        return "nothing: the answer is empty"
    if status in _WITHOUT_FILE:
        return f"no whole file (HTTP {status})"
    if _is_known(body):
        return None if is_measured or _is_whole(body) else "a part of it: the file is cut short"
    said = media_type.partition(";")[0].strip().lower()
    if extension not in _MARKUP_NAMES and (_is_html(body) or said in {"text/html", "application/xhtml+xml"}):
        return "an HTML page, as for a login or an error"
    if extension not in _DATA_NAMES and (failure := _failure(body, said)):
        return failure
    is_other = said.startswith("text/") or said.endswith(("/json", "/xml"))
    if is_other and extension in _NO_TEXTS:
        return f"a text ({said})"
    if extension in _KNOWN_BY_BEGINNING or (extension is None and said in _TYPES_KNOWN_BY_BEGINNING):
        return f"something else: it begins as no {extension or said} does, nor as another picture or document"
    return None


_KNOWN_BY_BEGINNING = frozenset(
    {
        *("jpg", "jpeg", "png", "gif", "webp", "bmp", "heic", "tif", "tiff", "pdf"),
        *("docx", "xlsx", "pptx", "zip", "rar"),
    }
)
"""Names of kinds that all begin as `_is_known` knows. A sheet that was saved as a text is called `.xls`, too, say."""

_TYPES_KNOWN_BY_BEGINNING = frozenset(
    {
        *("image/jpeg", "image/png", "image/gif", "image/webp", "image/bmp", "image/heic", "image/tiff"),
        *("application/pdf", "application/zip"),
    }
)
_NO_TEXTS = _KNOWN_BY_BEGINNING | frozenset(
    ["doc", "xls", "ppt", "mp4", "mov", "3gp", "avi", "mp3", "m4a", "ogg", "opus", "wav"]
)


def _is_known(body: bytes) -> bool:
    """Whether it begins as files of those kinds do; a PDF may have something before it."""
    is_pdf = b"%PDF" in body[:1024] and not _is_html(body)
    is_bitmap = body.startswith(b"BM") and body[6:10] == bytes(4)
    return is_pdf or is_bitmap or body.startswith(_SIGNATURES) or body[4:8] == b"ftyp"


def _is_whole(body: bytes) -> bool:
    """Whether a file of that kind has its end; True for kinds that have no such mark."""
    end = next((end for begin, end in _ENDS.items() if body.startswith(begin)), b"")
    return end in body


def _is_html(body: bytes) -> bool:
    start = body[:4096].removeprefix(b"\xef\xbb\xbf")
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):  # UTF-16
        start = start[2:].replace(b"\0", b"")
    return _HTML.match(start) is not None


def _failure(body: bytes, said: str) -> str | None:
    """What a JSON or XML error says, in the gateway's words where it is the gateway's; None for anything else."""
    if len(body) > _MOST_OF_A_FAILURE:
        return None
    if fault := gateway.fault_in(body):
        return f"an error: {fault.what}"
    if body.lstrip()[:6] == b"<Error" or re.match(
        rb"\s*<\?xml[^>]*\?>\s*<(?:\w+:)?(?:Error|fault)\b", body, re.IGNORECASE
    ):
        return "an error (XML)"
    try:
        found = json.loads(body.decode("utf-8-sig", "replace"), strict=False)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict | list) and not said.endswith("/json"):
        return None
    words = found.get("message") if isinstance(found, dict) else None
    return "an error or other data (JSON)" + (f": {shown_name(words[:120])}" if isinstance(words, str) else "")
