"""What an answer of SP4N-LAPOR! is: bytes to envelopes, and what the body of an answer to a write says. Pure.

Whatever the JSON, only UpstreamBroken leaves here: the answer is none. Source: upstream, "Envelope".
"""

from __future__ import annotations

import json
import re

from connectors.sp4n_v3 import verdict
from connectors.sp4n_v3.values import (
    MAX_DEPTH,
    MAX_ID,
    UNSTORABLE_ESCAPE,
    Row,
    is_shallow,
    storable,
    strictly,
    text_of,
)
from connectors.sp4n_v3.verdict import Meant, Says
from connectors.transport import gateway
from lapor_sync.domain.delivery import Body
from lapor_sync.domain.errors import TooMuch, UpstreamBroken

MAX_MESSAGE = 120
"""Of upstream's words about a refusal this much is kept."""


def envelope(body: bytes) -> dict[str, object]:
    """The answer to a read as an object; a bare list is taken for its `results`.

    Raises UpstreamBroken for what is neither (HTML, empty, truncated) or says that the call failed.
    """
    found = _json(body)
    whole: dict[str, object] = {"results": found} if isinstance(found, list) else _as_object(found)
    if verdict.is_failed_read(whole):
        raise UpstreamBroken("the answer says that the call failed")
    return whole


def anything(body: bytes) -> object:
    """Whatever JSON an answer is, one that says that the call failed too. Raises UpstreamBroken where it is none."""
    return _json(body)


def results(body: bytes) -> object:
    """The `results` of an answer; the whole object where there is no such key. Raises UpstreamBroken."""
    whole = envelope(body)
    return whole.get("results", whole)


def body_of(body: bytes, status: int, meant: Meant, address: str = "") -> tuple[Body, str]:
    """What the body of an answer to a write is, and the words in it of at most 120 characters.

    The words are the gateway's fault in ours, else upstream's own. `meant` is what was written; `address`
    the answer's `Location`.
    """
    if fault := gateway.fault_in(body):
        kind = Body.GATEWAY_DENIED if fault.kind is gateway.Kind.DENIED else Body.GATEWAY
        return kind, fault.what
    try:
        envelope = _as_object(_strict_json(body))
    except UpstreamBroken:
        return Body.OTHER, ""
    if verdict.is_of_another(envelope, meant, address):
        return Body.OF_ANOTHER, ""
    if 200 <= status < 300:
        return _OF_SAYING[verdict.of_write(envelope)], _message(envelope)
    return (Body.FAILURE if _is_refusal(envelope, status) else Body.OTHER), _message(envelope)


_OF_SAYING = {Says.SUCCESS: Body.SUCCESS, Says.FAILURE: Body.FAILURE, Says.NOTHING: Body.OTHER}


def _is_refusal(envelope: Row, status: int) -> bool:
    """Whether LAPOR itself wrote this error: `status: false` and no field that its envelope lacks (assumed), or
    what its framework says of wrong fields. Firewalls and proxies write JSON too."""
    if envelope.get("status") is False:
        return envelope.keys() <= _LAPORS
    return status == 422 and isinstance(envelope.get("errors"), dict) and bool(text_of(envelope.get("message")))


_LAPORS = frozenset({"status", "results", "data", "message", "errors", "code", "meta"})


def _as_object(found: object) -> dict[str, object]:
    if not isinstance(found, dict):
        raise UpstreamBroken("the answer is no JSON object")
    return found


def _json(body: bytes) -> object:
    _demand_few_values(body)
    # One byte that is no UTF-8 must not cost the whole page, nor a raw line break inside of a text.
    text = body.decode("utf-8-sig", "replace")
    try:
        found = _loaded(text)
        # Escapes can smuggle in what no database stores; only then is it worth to copy all.
        return found if _is_sound(text, found) else storable(found)
    except (ValueError, RecursionError) as exc:
        reason = "the answer is empty" if not text.strip() else "the answer is no JSON"
        raise UpstreamBroken(reason) from exc


def _strict_json(body: bytes) -> object:
    """The JSON of an answer to a write. One that is damaged, or contradicts itself, proves nothing."""
    _demand_few_values(body)
    try:
        return strictly(body.decode("utf-8-sig"))
    except ValueError as exc:  # a UnicodeDecodeError too
        raise UpstreamBroken("the answer is no JSON") from exc


def _loaded(text: str) -> object:
    """The JSON of `text`. What is nested too deep for the parser becomes null, a number too long for it a text.

    So one row costs no other; only where the fast way fails is it looked for. Raises ValueError.
    """
    try:
        return json.loads(text, strict=False, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return json.loads(_flattened(text), strict=False, parse_constant=_no_number, parse_int=_whole_number)


def _demand_few_values(body: bytes) -> None:
    """Raises TooMuch for an answer that would take more memory than any of theirs."""
    if values_in(body) > MAX_VALUES:
        raise TooMuch(f"the answer holds more than {MAX_VALUES} values")


def values_in(body: bytes) -> int:
    """How many values JSON holds, about: told by its brackets and commas, before anything is parsed.

    Each value takes up to 30 times its letters in memory. Those in texts are counted too while they are few: only
    above `MAX_VALUES` it is worth to leave them out.
    """
    count = sum(map(body.count, _MARKS))
    if count <= MAX_VALUES:
        return count
    outside = _TEXT.sub(b"", body.replace(rb"\\", b"").replace(rb"\"", b""))
    return sum(map(outside.count, _MARKS))


_MARKS = (b"[", b"{", b",")
_TEXT = re.compile(rb'"[^"]*"?')

MAX_VALUES = 1_000_000
"""In one answer, or one thread; a page of a hundred reports has five thousand."""


def _no_number(_said: str) -> None:
    """NaN and the infinities are no JSON."""


def _whole_number(digits: str) -> int | str:
    return int(digits) if len(digits) <= MAX_ID else digits


def _flattened(text: str) -> str:
    """`text` with null for each array or object that is nested deeper than `MAX_DEPTH`. It takes time by its length."""
    kept: list[str] = []
    depth = at = 0
    for found in _JSON_TOKEN.finditer(text):
        if found[0] in "[{":
            depth += 1
            if depth == MAX_DEPTH + 1:
                kept += text[at : found.start()], "null"
        elif found[0] in "]}":
            at = found.end() if depth == MAX_DEPTH + 1 else at
            depth -= 1
    return "".join(kept) + text[at:]


_JSON_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)|[\[\]{},]', re.DOTALL)
"""A whole text, so that nothing in it counts, or a bracket or comma."""


def _is_sound(text: str, found: object) -> bool:
    """Whether any database stores all of it, and nothing is nested too deep. The cheap questions come first."""
    if ("\\u" in text or "\x00" in text) and UNSTORABLE_ESCAPE.search(text):
        return False
    return text.count("[") + text.count("{") <= MAX_DEPTH or is_shallow(found)


def _message(envelope: Row) -> str:
    text = text_of(envelope.get("message")) or _first_text(envelope.get("errors"))
    return " ".join(text.split())[:MAX_MESSAGE]


def _first_text(errors: object) -> str:
    """The first text inside of `errors`, whose shape is not known: Laravel's is `{field: [text]}` (assumed)."""
    while isinstance(errors, dict | list) and errors:
        errors = next(iter(errors.values())) if isinstance(errors, dict) else errors[0]
    return text_of(errors)
