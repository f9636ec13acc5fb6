"""What the national service bus says in LAPOR's place. Pure, and linear in a body of which little is read.

It behaves as WSO2's API Manager: its own errors are small JSON or XML bodies with `code`, `message`, `description`.
With the codes of this table the call was not handed on, whatever the HTTP status. `101503` and `101504` are not in it:
then the call may have reached LAPOR. Source: upstream, "The gateway" (seen; assumed for LAPOR).
"""

from __future__ import annotations

import json
import re
from enum import Enum
from typing import NamedTuple

from lapor_sync.domain.advice import Advice, Todo, advise

_LONGEST = 8192
"""Bytes; a longer body is no gateway's own error."""


class Kind(Enum):
    """Why the gateway did not hand a call on."""

    DENIED = "denied"  # it does not let us in
    THROTTLED = "throttled"  # too many calls
    AWAY = "away"  # it has stopped asking LAPOR, or blocks the API


class Fault(NamedTuple):
    """One of the gateway's own errors: its code, what it means, and what to do."""

    code: str
    kind: Kind
    what: str
    todo: Advice


def fault_in(body: bytes) -> Fault | None:
    """Return the gateway's error that `body` is; None for any other body."""
    if not 0 < len(body) <= _LONGEST:
        return None
    text = body.decode("utf-8-sig", "replace").strip()
    code = _code_in_xml(text) if text.startswith("<") else _code_in_json(text)
    return None if code is None else _fault(code)


def _fault(code: str) -> Fault | None:
    for prefix, kind, what, todo in _TABLE:
        if code.startswith(prefix):
            return Fault(code, kind, f"{what} (the gateway's code {code})", advise(todo))
    return None


_TABLE: tuple[tuple[str, Kind, str, Todo], ...] = (
    ("900901", Kind.DENIED, "the gateway does not accept the credentials", Todo.RENEW_CREDENTIALS),
    ("900902", Kind.DENIED, "the gateway finds no credentials in the call", Todo.CHECK_AUTH_HEADER),
    ("900903", Kind.DENIED, "the credentials have expired", Todo.RENEW_CREDENTIALS),
    ("900904", Kind.DENIED, "the credentials are not active", Todo.RENEW_CREDENTIALS),
    ("900906", Kind.DENIED, "the gateway knows no such call", Todo.CHECK_UPSTREAM_URL),
    ("900907", Kind.DENIED, "the gateway blocks the API", Todo.ASK_TO_OPEN),
    (
        "900908",
        Kind.DENIED,
        "the account is not subscribed to this API",
        Todo.ASK_TO_SUBSCRIBE,
    ),
    (
        "900909",
        Kind.DENIED,
        "the account's subscription is not active",
        Todo.ASK_TO_RENEW,
    ),
    ("900910", Kind.DENIED, "the credentials may not make this call", Todo.ASK_FOR_SCOPE),
    ("9009", Kind.DENIED, "the gateway does not let us in", Todo.RENEW_CREDENTIALS),
    ("9008", Kind.THROTTLED, "the gateway lets no more calls through for now", Todo.WAIT_OR_LOWER_RATE),
    ("303001", Kind.AWAY, "the gateway has stopped asking LAPOR for now", Todo.NOTHING_TRIED_AGAIN),
    ("700700", Kind.AWAY, "the API is blocked at the gateway", Todo.ASK_UNTIL_WHEN),
)
"""By the beginning of the code, the first row that fits."""


def _code_in_json(text: str) -> str | None:
    try:
        found = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None
    if isinstance(found, dict) and isinstance(found.get("fault"), dict) and len(found) == 1:
        found = found["fault"]
    # One that holds what LAPOR's own envelope holds is not the gateway's.
    if not isinstance(found, dict) or not _WORDS & found.keys() or _LAPORS & found.keys():
        return None
    code = found.get("code")
    said = str(code).strip() if isinstance(code, str | int) else ""
    return said if _CODE.fullmatch(said) else None


_WORDS = frozenset({"message", "description"})
_LAPORS = frozenset({"status", "results", "data"})
_CODE = re.compile(r"[0-9]{6}")


def _code_in_xml(text: str) -> str | None:
    """Without an XML parser: no entity is ever expanded, and what is not plainly a fault is none."""
    if not _XML_FAULT.match(text) or not _XML_WORDS.search(text):
        return None
    code = _XML_CODE.search(text)
    return code[1] if code else None


_NAME = r"(?:[A-Za-z_][\w.-]{0,30}:)?"
_XML_FAULT = re.compile(rf"(?:<\?xml[^<>]{{0,200}}\?>\s{{0,20}})?<{_NAME}fault(?:\s[^<>]{{0,400}})?>", re.ASCII)
_XML_CODE = re.compile(rf"<{_NAME}code>\s{{0,20}}([0-9]{{6}})\s{{0,20}}</", re.ASCII)
_XML_WORDS = re.compile(rf"<{_NAME}(?:message|description)>", re.ASCII)
