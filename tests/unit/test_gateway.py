"""The service bus's own errors: which bodies they are, in JSON and XML, and what none of them is."""

from __future__ import annotations

import json
from functools import partial

import pytest

from connectors.sp4n_v3 import envelopes
from connectors.sp4n_v3.verdict import Meant
from connectors.transport import gateway
from connectors.transport.gateway import Kind, fault_in
from lapor_sync.domain.delivery import Body
from lapor_sync.words.en import advised
from tests.growth import is_linear

CODES = {
    "303001": Kind.AWAY,
    "700700": Kind.AWAY,
    "900800": Kind.THROTTLED,
    "900807": Kind.THROTTLED,
    "900900": Kind.DENIED,
    "900901": Kind.DENIED,
    "900908": Kind.DENIED,
    "900910": Kind.DENIED,
}


def as_json(code: object) -> bytes:
    return json.dumps({"code": code, "message": "m", "description": "d"}).encode()


def as_fault(code: object) -> bytes:
    return json.dumps({"fault": {"code": code, "message": "m", "nextAccessTime": "x"}}).encode()


def as_xml(code: object) -> bytes:
    return (
        f'<?xml version="1.0"?>\n<ams:fault xmlns:ams="http://wso2.org/apimanager/security"><ams:code>{code}</ams:code>'
        "<ams:message>m</ams:message><ams:description>d</ams:description></ams:fault>"
    ).encode()


@pytest.mark.parametrize("body", [as_json, as_fault, as_xml])
@pytest.mark.parametrize(("code", "kind"), CODES.items())
def test_its_codes_are_known_in_each_form_and_say_what_to_do(body: object, code: str, kind: Kind) -> None:
    """As a text and as a number."""
    assert callable(body)
    for written in (code, int(code)):
        fault = fault_in(body(written))
        assert fault is not None
        assert (fault.code, fault.kind) == (code, kind)
        assert advised(fault.todo).endswith(".")
        assert code in fault.what


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"900901"',
        as_json("101503"),
        as_json("101504"),
        as_json(True),
        as_json(["900901"]),
        as_json("9009"),
        as_json("9009011"),
        b'{"code": "900901"}',
        b'{"status": true, "code": "900901", "message": "m"}',
        b'{"results": {}, "code": "900901", "message": "m"}',
        as_xml("101504"),
        b"<html><body><code>900901</code><message>x</message></body></html>",
        b"<fault><code>900901</code></fault>",
        b'<!DOCTYPE x [<!ENTITY c "900901">]><fault><code>&c;</code><message>m</message></fault>',
        b"[" * 8000,
        b'{"code":' + b"9" * 5000 + b"}",
        as_json("900901") + b" " * 9000,
    ],
)
def test_anything_else_is_none_of_them(body: bytes) -> None:
    """With 101503 and 101504 the call may have been handed on; a page that shows a code is a page."""
    assert fault_in(body) is None


def repeated(begin: bytes, piece: bytes, size: int) -> bytes:
    return (begin + piece * size)[:size]


def test_it_reads_a_bounded_piece_in_linear_time() -> None:
    """Whatever is repeated in it."""
    for piece in (b"<", b"<fault ", b"<a:code> ", b"<fault><code> ", b"<?xml ", b'{"a":'):
        for begin in (b"<fault>", b""):
            assert is_linear(fault_in, partial(repeated, begin, piece), 512)
            assert fault_in(repeated(begin, piece, 8192)) is None
        assert is_linear(fault_in, partial(repeated, b"", piece), 16_000)


@pytest.mark.parametrize("status", [200, 401, 404, 429, 500, 503])
def test_a_write_that_the_gateway_kept_was_not_sent_whatever_the_status(status: int) -> None:
    """And the words say what to do."""
    assert envelopes.body_of(as_xml("303001"), status, Meant(frozenset(), "", ""))[0] is Body.GATEWAY
    kind, words = envelopes.body_of(as_json("900902"), status, Meant(frozenset(), "", ""))
    assert kind is Body.GATEWAY_DENIED
    assert words.startswith("the gateway finds no credentials in the call")
    assert gateway.fault_in(as_json("900902")) is not None
