"""What can go wrong with one call: a table of bad answers, and whether a write is stored before it.

| `do` | the caller sees | stored, unless said |
|---|---|---|
| `status:N` | HTTP N with the JSON envelope (429 and 503 with `Retry-After: 1`) | no |
| `gateway:N` | HTTP N with a gateway's HTML page, not the API's envelope | no |
| `bus:CODE` | the service bus's own error, WSO2's, as JSON, under the HTTP status that goes with the code | no |
| `bus-xml:CODE` | the same as XML, as older versions say it | no |
| `html-200` | a maintenance page under 200 | no |
| `empty-200` | 200 without a body | no |
| `status-false-200` | 200 whose envelope says `status: false` | no |
| `garbage` | 200 with bytes that are no JSON | no |
| `redirect` | 302 to another host | no |
| `close-before` | the connection closes, nothing was stored | never |
| `close-after` | the connection closes, the call was carried out | always |
| `truncate` | the sound answer, cut in the middle | yes |
| `no-id` | 200 and `Success` without results or id | yes |
| `slow:SECONDS` | the sound answer, so much later (a 504 if not stored) | yes |
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from connectors.simulator.messages import Reply, failure, html_reply, json_reply

_STORED_BY_DEFAULT = frozenset({"close-after", "truncate", "no-id", "slow"})
_STORED_ALWAYS = {"close-before": False, "close-after": True}
_WITH_NUMBER = frozenset({"status", "gateway", "bus", "bus-xml", "slow"})


@dataclass(frozen=True, kw_only=True)
class Mishap:
    """One bad answer: which (see the table), with what number, and whether the call is carried out first."""

    kind: str
    number: float = 0.0
    stored: bool = False

    def __str__(self) -> str:
        return f"{self.kind}:{self.number:g}" if self.kind in _WITH_NUMBER else self.kind


def mishap(do: str, stored: bool | None = None) -> Mishap:
    """Read one row's name, such as `status:503`. Raises ValueError for an unknown one."""
    kind, _, number = do.partition(":")
    if kind not in BAD_ANSWERS or (kind in _WITH_NUMBER) != bool(number):
        raise ValueError(f"no such fault: {do!r}; there are: {', '.join(BAD_ANSWERS)}")
    wanted = kind in _STORED_BY_DEFAULT if stored is None else stored
    return Mishap(kind=kind, number=float(number or 0), stored=_STORED_ALWAYS.get(kind, wanted))


def spoil(fault: Mishap, good: Reply | None) -> Reply:
    """The bad answer; `good` is the sound one, None where the call was not carried out."""
    return BAD_ANSWERS[fault.kind](fault, good)


_SAYINGS = {401: "Unauthenticated.", 403: "Forbidden", 429: "Too Many Attempts.", 503: "Service Unavailable"}


def _status(fault: Mishap, good: Reply | None) -> Reply:
    status = int(fault.number)
    wait = {"Retry-After": "1"} if status in (429, 503) else {}
    return failure(status, _SAYINGS.get(status, "Server Error"), headers=wait)


def _gateway(fault: Mishap, good: Reply | None) -> Reply:
    return html_reply(int(fault.number), f"{int(fault.number)} gateway")


_BUS: tuple[tuple[str, int, str, str], ...] = (
    (
        "900901",
        401,
        "Invalid Credentials",
        "Invalid Credentials. Make sure you have provided the correct credentials",
    ),
    ("900902", 401, "Missing Credentials", "Make sure your API invocation call has a header"),
    ("900910", 403, "The access token does not allow you to access the requested resource", "Scope"),
    ("9009", 403, "Resource forbidden", "The subscription to the API is inactive"),
    ("9008", 429, "Message throttled out", "You have exceeded your quota"),
    ("303001", 503, "Currently, Address endpoint : [ Name : lapor ] is suspended", "Suspended"),
    ("101503", 500, "Runtime Error", "Error connecting to the back end"),
    ("101504", 504, "Runtime Error", "Send timeout"),
)
"""By the beginning of a code: the HTTP status, `message` and `description`. Source: upstream, "The gateway"."""


def bus_reply(code: str) -> Reply:
    """What the service bus says by one of its codes, in the form of its newer versions."""
    status, message, description = _of_bus(code)
    return json_reply({"code": code, "message": message, "description": description}, status)


def _bus(fault: Mishap, good: Reply | None) -> Reply:
    return bus_reply(_code(fault))


def _bus_xml(fault: Mishap, good: Reply | None) -> Reply:
    code = _code(fault)
    status, message, description = _of_bus(code)
    body = (
        f'<ams:fault xmlns:ams="http://wso2.org/apimanager/security"><ams:code>{code}</ams:code>'
        f"<ams:message>{message}</ams:message><ams:description>{description}</ams:description></ams:fault>"
    )
    return Reply(status=status, body=body.encode(), content_type="application/xml; charset=UTF-8")


def _code(fault: Mishap) -> str:
    return f"{fault.number:.0f}"


def _of_bus(code: str) -> tuple[int, str, str]:
    return next((row[1:] for row in _BUS if code.startswith(row[0])), (500, "Runtime Error", ""))


def _truncate(fault: Mishap, good: Reply | None) -> Reply:
    whole = good or json_reply({"status": True, "results": {"data": []}, "message": "Success"})
    return replace(whole, cut="half")


def _slow(fault: Mishap, good: Reply | None) -> Reply:
    time.sleep(fault.number)
    return good or html_reply(504, "504 Gateway Time-out")


def _always(reply: Reply) -> Callable[[Mishap, Reply | None], Reply]:
    return lambda fault, good: reply


BAD_ANSWERS: Mapping[str, Callable[[Mishap, Reply | None], Reply]] = {
    "status": _status,
    "gateway": _gateway,
    "bus": _bus,
    "bus-xml": _bus_xml,
    "html-200": _always(html_reply(200, "Sistem sedang dalam pemeliharaan")),
    "empty-200": _always(Reply()),
    "status-false-200": _always(
        json_reply({"status": False, "results": None, "message": "Terjadi kesalahan"}),
    ),
    "garbage": _always(Reply(body=b'\x1f\x8b\x00{"status": tru\xff\xfe')),
    "redirect": _always(html_reply(302, "Found", {"Location": "https://masuk.lapor.invalid/login"})),
    "close-before": _always(Reply(cut="all")),
    "close-after": _always(Reply(cut="all")),
    "truncate": _truncate,
    "no-id": _always(json_reply({"status": True, "message": "Success"})),
    "slow": _slow,
}
