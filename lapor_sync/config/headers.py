"""Further headers for the gateway before LAPOR, from a file of secrets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from pydantic import SecretStr

from lapor_sync.domain.toml import TOMLDecodeError, parse_toml

Headers = Mapping[str, SecretStr]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_VALUE = re.compile(r"[!-~](?:[ -~]{0,8190}[!-~])?")
_OURS = re.compile(
    r"accept.*|cache-control|connection|content-.*|cookie|date|expect|forwarded|host|if-.*|keep-alive|proxy-.*|range|te|"
    r"token|trailer|transfer-encoding|upgrade|user-agent|.*method.*override|x-forwarded-.*",
    re.IGNORECASE,
)
"""What the program says itself, or what would change which call it is or how its answer comes."""


def headers_of(text: str, auth_header: str) -> tuple[dict[str, SecretStr], tuple[str, ...]]:
    """Return the headers in the file's text by name, and what is wrong with it, without a value of it.

    `auth_header` is the one in which LAPOR's own bearer goes: there is one of it.
    """
    try:
        found = parse_toml(text)
    except TOMLDecodeError:  # the library's own words may show a part of a secret
        return {}, ('it is no TOML; a line must look like apikey = "..."',)
    return {name: SecretStr(str(value).strip()) for name, value in found.items()}, tuple(
        _wrong(found, auth_header)
    )


def _wrong(found: Mapping[str, object], auth_header: str) -> Iterator[str]:
    names = [name.lower() for name in found]
    for number, (name, value) in enumerate(found.items(), 1):
        if not _NAME.fullmatch(name):  # it is not shown: a value may stand in the name's place
            yield f"the name of header {number} must be 1 to 64 of letters, digits, - and _"
        elif _OURS.fullmatch(name) or name.lower() == auth_header.lower():
            yield f"{name} is a header that lapor-sync sets itself; it must be removed"
        elif names.count(name.lower()) > 1:
            yield f"{name} is there more than once, in upper and lower case; it must be there once"
        if not isinstance(value, str) or not _VALUE.fullmatch(value.strip()):
            yield f"the value of header {number} must be a text in quotes of 1 to 8192 plain characters, in one line"
