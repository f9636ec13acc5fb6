"""The channels of notices, from a file of secrets: an Apprise address each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from pydantic import SecretStr

from lapor_sync.domain.toml import TOMLDecodeError, parse_toml


@dataclass(frozen=True, kw_only=True)
class ChannelUrls:
    """The addresses: of the technical channels, and for each kind of a person's channel the one it is made with."""

    technical: tuple[SecretStr, ...] = ()
    person: Mapping[str, SecretStr] = field(default_factory=dict)


_KIND = re.compile(r"[a-z][a-z0-9_]{0,19}")
_URL = re.compile(r"[a-z][a-z0-9+.-]*://\S{1,4000}")


def channels_of(text: str) -> tuple[ChannelUrls, tuple[str, ...]]:
    """Return what the file's text names, and what is wrong with it, without a value of it."""
    try:
        found = parse_toml(text)
    except TOMLDecodeError:  # the library's own words may show a part of a secret
        return ChannelUrls(), ('it is no TOML; a line must look like technical = ["mailto://..."]',)
    technical, person = found.get("technical", []), found.get("person", {})
    technical = [technical] if isinstance(technical, str) else technical
    wrong = tuple(_wrong(found, technical, person))
    if wrong:
        return ChannelUrls(), wrong
    return ChannelUrls(
        technical=tuple(SecretStr(one) for one in technical),
        person={kind: SecretStr(url) for kind, url in person.items()},
    ), ()


def _wrong(found: Mapping[str, object], technical: object, person: object) -> Iterator[str]:
    if found.keys() - {"technical", "person"}:
        yield "it must hold technical and [person] alone"
    if not isinstance(technical, list) or not all(_is_url(one) for one in technical):
        yield "technical must be a list of Apprise addresses in quotes"
    if not isinstance(person, dict):
        yield "[person] must be a table of Apprise addresses by kind, as email"
        return
    for number, (kind, url) in enumerate(person.items(), 1):
        if not _KIND.fullmatch(kind):  # it is not shown: a value may stand in the name's place
            yield f"the name of channel {number} of [person] must be 1 to 20 of a-z, 0-9 and _, such as email"
        elif not _is_url(url) or "{to}" not in str(url):
            yield f"{kind} of [person] must be an Apprise address in quotes with {{to}} in it"


def _is_url(given: object) -> bool:
    return isinstance(given, str) and _URL.fullmatch(given) is not None
