"""What the value of a setting may be. The sentence of a field's description is the message where it is not."""

from __future__ import annotations

import re
from datetime import time
from typing import Annotated
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, SecretStr

from lapor_sync.domain.names import address_of_report
from lapor_sync.listening import is_loopback

PREFIX = "LAPOR_SYNC_"


def setting_name(field_name: str) -> str:
    """Return the name of a setting as people know it: `poll_seconds` is `LAPOR_SYNC_POLL_SECONDS`."""
    return PREFIX + field_name.upper()


def web_url(value: str) -> str:
    """Return an http(s) address without a slash at its end. Raises ValueError."""
    url = urlsplit(value)
    require(url.scheme in {"http", "https"} and bool(url.hostname) and _port_is_sound(url))
    require("@" not in url.netloc and not url.query and not url.fragment and not re.search(r"\s", value))
    return value.rstrip("/")


AGENCY_MARK = "{agency}"
"""Stands in the board's address for the agency whose board it is."""


def board_url(value: str) -> str:
    """Return a web address without a path, by TLS unless it is of this machine alone."""
    url = urlsplit(web_url(value.replace(AGENCY_MARK, "kota")))
    require(not url.path)
    require(url.scheme == "https" or is_loopback(url.hostname or ""))
    return value.rstrip("/")


def page_pattern(value: str) -> str:
    """Return the pattern of a report's web address: http(s), with no other place in braces than a report's own two."""
    url = urlsplit(filled := address_of_report(value, "1", "1"))
    require(url.scheme in {"http", "https"} and bool(url.hostname) and _port_is_sound(url))
    require("@" not in url.netloc and "{" not in urlsplit(value).netloc and not re.search(r"[\s{}]", filled))
    return value


def issuer_url(value: str) -> str:
    """Return an issuer's address as it is given: it is compared letter by letter. By TLS, as the board's."""
    url = urlsplit(web_url(value))
    require(not url.query and not url.fragment)
    require(url.scheme == "https" or is_loopback(url.hostname or ""))
    return value


def _port_is_sound(url: SplitResult) -> bool:
    """`port` raises ValueError where it is no number or out of range."""
    return url.port is None or url.port > 0


def require(condition: bool) -> None:
    """Raise ValueError, without a message: the field's description is the message."""
    if not condition:
        raise ValueError


def as_items(value: object) -> object:
    """Return a list as it is; a text split at commas and space."""
    return tuple(re.findall(r"[^,\s]+", value)) if isinstance(value, str) else value


def as_id(value: object) -> object:
    """Return an id as text: TOML has numbers."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def as_time(value: object) -> object:
    """Return a time of day of a text such as 07:30 or 07.30, as people here write it. Raises ValueError."""
    if not isinstance(value, str):
        return value
    found = re.fullmatch(r"([01]?\d|2[0-3])[:.]([0-5]\d)", value.strip())
    if found is None:
        raise ValueError
    return time(int(found[1]), int(found[2]))


def without_repeats(items: tuple[str, ...]) -> tuple[str, ...]:
    """Return each item once, in their order."""
    return tuple(dict.fromkeys(items))


def auth_header_name(value: object) -> object:
    """Return the header's name as people write it: header names have no case."""
    return {"auth": "auth", "authorization": "Authorization"}.get(str(value).lower(), value)


def bare_secret(value: object) -> SecretStr:
    """Return the bare value: some deployments keep it with the word `Bearer ` inside. Raises ValueError."""
    text = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
    text = re.sub(r"^bearer(\s+|$)", "", text.strip(), flags=re.IGNORECASE)
    require(bool(re.fullmatch(r"[!-~]+", text)))  # it becomes a header: no space, no line break
    return SecretStr(text)


Id = Annotated[str, BeforeValidator(as_id), Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Zone = Annotated[
    ZoneInfo,
    Field(description="the name of a time zone: Asia/Jakarta (WIB), Asia/Makassar (WITA), Asia/Jayapura (WIT)"),
]
Secret = Annotated[SecretStr, BeforeValidator(bare_secret)]
Extension = Annotated[
    str, BeforeValidator(lambda value: str(value).lower().lstrip(".")), Field(pattern=r"^[a-z0-9]{1,8}$")
]
