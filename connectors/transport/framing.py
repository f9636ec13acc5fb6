"""Where an answer ends on the wire, and whether a cache gave it. Pure.

HTTP/1.1 has no sign by which an answer belongs to its request but that it is the next one on the connection (RFC 9112,
9.2). So what comes beside an answer matters: on a kept connection it would be taken for the next one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from connectors.names import once_a_name

_HEAD_ENDS = b"\r\n\r\n"
_INTERIM = re.compile(rb"HTTP/1\.1 1\d\d[ \r]")


def surplus(received: bytes, headers: Mapping[str, str], status: int) -> bytes | None:
    """Return what came behind the one answer that `received` begins with, answers with 1xx before it aside.

    None where the answer does not tell its end in a way that is read here.
    """
    ends = _body_begins(received)
    if ends is not None and status not in {204, 304}:
        ends = _body_ends(received, ends, headers)
    return None if ends is None else received[ends:]


def is_interim(received: bytes) -> bool:
    """Return whether `received` is nothing but whole 1xx answers, which a server may send at any time."""
    return _interim_ends(received) == len(received)


def _interim_ends(received: bytes) -> int:
    at = 0
    while _INTERIM.match(received, at) and (ends := received.find(_HEAD_ENDS, at)) >= 0:
        at = ends + len(_HEAD_ENDS)
    return at


def _body_begins(received: bytes) -> int | None:
    ends = received.find(_HEAD_ENDS, _interim_ends(received))
    return ends + len(_HEAD_ENDS) if ends >= 0 else None


def _body_ends(received: bytes, begins: int, headers: Mapping[str, str]) -> int | None:
    if "transfer-encoding" in headers:
        return _chunks_end(received, begins)
    length = headers.get("content-length", "")
    ends = begins + int(length) if re.fullmatch(r"[0-9]{1,15}", length) else None
    return ends if ends is not None and ends <= len(received) else None


def trailers(received: bytes, headers: Mapping[str, str]) -> dict[str, str]:
    """Return the fields behind the last chunk of a whole answer, which is read to its end."""
    begins = _body_begins(received)
    if begins is None or "transfer-encoding" not in headers or (last := _last_chunk(received, begins)) is None:
        return {}
    lines = received[last.end() : received.find(_HEAD_ENDS, last.end() - 2)].decode("latin-1").split("\r\n")
    return {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


def _chunks_end(received: bytes, at: int) -> int | None:
    if (last := _last_chunk(received, at)) is None:
        return None
    ends = received.find(_HEAD_ENDS, last.end() - 2)  # behind the trailers, if any
    return ends + len(_HEAD_ENDS) if ends >= 0 else None


def _last_chunk(received: bytes, at: int) -> re.Match[bytes] | None:
    while chunk := _CHUNK.match(received, at):
        size = int(chunk[1], 16)
        if not size:
            return chunk
        at = chunk.end() + size + 2
    return None


_CHUNK = re.compile(rb"([0-9a-fA-F]{1,15})[^\r\n]*\r\n")


def closes(headers: Mapping[str, str], version: bytes) -> bool:
    """Return whether an answer says that its connection ends with it."""
    said = {one.strip().lower() for one in headers.get("connection", "").split(",")}
    return "close" in said or (version == b"HTTP/1.0" and "keep-alive" not in said)


def cached_seconds(headers: Mapping[str, str]) -> float | None:
    """Return for how many seconds an answer lay in a cache; None where it did and nothing says how long.

    By `Age` and what caches say of a hit (RFC 9111, RFC 9211, and the usual names).
    """
    age = headers.get("age", "").strip()
    if re.fullmatch(r"[0-9]{1,9}", age) and int(age):
        return float(age)
    if age.strip("0") or any(_HIT.search(headers.get(name, "").lower()) for name in _CACHES):
        return None
    varnish = len(headers.get("x-varnish", "").split()) > 1
    return None if varnish or _STALE.search(headers.get("warning", "")) else 0.0


def counts(headers: Mapping[str, str]) -> str:
    """Return a line for each header that counts something, in the order of their names: `x-total-count: 5`.

    Of a range only how many there are in all; none of those that count pages, calls or what may still be asked.
    """
    lines = (f"{name}: {value.rpartition('/')[2]}" for name, value in headers.items() if _kinds_of(name).counts)
    return "\n".join(sorted(lines))[:_MOST_COUNTS]


_COUNTS = re.compile(
    r"^(?!.*(?:page|limit|request|retry|quota|-time$)).*(?:count|total|content-range|pending|hidden|held)|^x-pagination$|^warning$"
)
_MOST_COUNTS = 2000


def dates(headers: Mapping[str, str]) -> dict[str, str]:
    """Return what an answer's headers say of when it was made, by name, as they say it; `Date` is read elsewhere."""
    return {name.lower(): value for name, value in headers.items() if _kinds_of(name.lower()).dates}


_DATES = re.compile(
    r"^last-modified$|^x-(?:.*-)?(?:timestamp|server-time|server-date|(?:generated|rendered|cached|fetched|stored|built)"
    r"(?:-(?:at|on|date|time))?|cache-(?:time|date|created|timestamp)|date|time)$"
)


def heads(headers: Mapping[str, str]) -> dict[str, str]:
    """Return what an answer's other headers and its cookies say, by name: not those of the connection, the body's form,
    caches and the machine that answered; nor those that `counts` and `dates` tell."""
    return {name.lower(): value for name, value in headers.items() if not any(_kinds_of(name.lower()))}


class _Kinds(NamedTuple):
    """What a header tells of, by its name."""

    counts: bool
    dates: bool
    way: bool


@once_a_name
def _kinds_of(name: str) -> _Kinds:
    """The same few names come with every answer: without the cache they take a tenth of a read."""
    return _Kinds(*(kind.search(name) is not None for kind in (_COUNTS, _DATES, _OF_THE_WAY)))


_OF_THE_WAY = re.compile(
    r"^(?:date|age|expires|connection|keep-alive|transfer-encoding|content-(?:length|encoding|type)|link)$"
    r"|^set-cookie .*(?:srv|server|backend|node|route|sticky|bigip|balance|awsalb|haproxy)"
    r"|^(?:x-)?(?:[a-z]+-)?cache(?!-control)|(?:^|-)(?:via|served-by|server|backend|node|host|hostname|pod|instance)(?:-|$)"
)


def objection(headers: Mapping[str, str], reason: str = "") -> str:
    """Return the name of a header that speaks against a finished success, or the status line's words; "" where none do.

    Programs and gateways in between say so by these (RFC 9110, 9209, 7240; CGI's `Status`), or under a name that says
    it.
    """
    if _SAD_REASON.search(reason.lower()):
        return f"the status line says {reason[:40]!r}"
    return next((name for name, value in headers.items() if _objects(name.lower(), value.lower())), "")


def _objects(name: str, value: str) -> bool:
    if name in _SPEAKS_BY_VALUE:
        return _SPEAKS_BY_VALUE[name].search(value) is not None
    if name in _SPEAKS or _SPEAKS_BY_NAME.search(name) is not None:
        return True
    return _TELLS_HOW_IT_WENT.search(name) is not None and _IT_FAILED.search(value) is not None


_SPEAKS = frozenset(
    ["www-authenticate", "proxy-authenticate", "warning", "retry-after", "content-range", "refresh"]
)
_SPEAKS_BY_VALUE = {
    "status": re.compile(r"^(?!\s*20[01](?:\s+[a-z]+)?\s*$)"),
    "proxy-status": re.compile(r"error"),
    "preference-applied": re.compile(r"respond-async"),
    "grpc-status": re.compile(r"^(?!\s*0\s*$)"),
    "location": re.compile(r"^(?!.*(?:complaint|followup))"),
    "content-type": re.compile(r"charset=(?![\"']?(?:utf-?8|us-ascii)\b)"),
}
_SPEAKS_BY_NAME = re.compile(
    r"(?:^|-)(?:errors?|exceptions?|faults?|failed|failure|maintenance|dry-?run|mock(?:ed)?|simulat(?:ed|ion)|stub"
    r"|sandbox|queued|pending)(?:-|$)"
)
_SAD_REASON = re.compile(
    r"[345][0-9]{2}|fail|error|gagal|denied|tolak|reject|invalid|\b(?:not?|bad)\b|time-?d? ?out|unavail|forbid|unauthor"
    r"|queue|pending|accepted|warn"
)

_TELLS_HOW_IT_WENT = re.compile(r"(?:^|-)(?:success(?:ful)?|ok|results?|outcome|status|code)$")
_IT_FAILED = re.compile(r"(?:^|,)\s*(?:false|no|nok|ko|fail|err|unsuccess|reject|denied|[45][0-9]{2}\b)")

_CACHES = (
    "x-cache",
    "x-cache-status",
    "x-cache-lookup",
    "x-proxy-cache",
    "x-fastcgi-cache",
    "x-litespeed-cache",
    "cache-status",
    "cf-cache-status",
)
_HIT = re.compile(r"(?<![a-z])(hit|stale|updating)(?![a-z])")
_STALE = re.compile(r"(?:^|,)\s*11[0-3]\b")
