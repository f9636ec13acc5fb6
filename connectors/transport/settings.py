"""Where upstream is, how to be let in, and how much to ask of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import httpx

from connectors.transport.pacing import backoff
from lapor_sync.domain import defaults
from lapor_sync.domain.errors import SettingsWrong

MEBI = 1024 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class TransportSettings:
    """Where upstream is, how to be let in, and how much to ask of it. Times in seconds, sizes in bytes.

    `bearer` may hold the word `Bearer ` or not. `headers` are further ones that go wherever the credentials go.
    `rate_per_second` 0 is no limit. `read_timeout` is for a whole call. `max_body` is of an answer, `max_file` of an
    attached file. `pause` gives the wait after the n-th failed try of a read.
    """

    base_url: str
    bearer: str = field(repr=False)
    token: str = field(repr=False)
    auth_header: str = defaults.AUTH_HEADER
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    concurrency: int = defaults.CONCURRENCY
    rate_per_second: float = defaults.RATE_PER_SECOND
    connect_timeout: float = defaults.CONNECT_TIMEOUT
    read_timeout: float = defaults.READ_TIMEOUT
    max_body: int = 32 * MEBI
    max_file: int = 64 * MEBI
    read_tries: int = 3
    pause: Callable[[int], float] = backoff


HEADERS: Mapping[str, str] = {
    "Accept": "application/json",
    "Accept-Encoding": "gzip, deflate",
    "Cache-Control": "no-cache",
    "Connection": "keep-alive",
    "User-Agent": "lapor-sync",
}


def timeouts_of(settings: TransportSettings) -> dict[str, float | None]:
    """Return what httpx takes as the limits of a request's parts."""
    connect = min(settings.connect_timeout, settings.read_timeout)
    return httpx.Timeout(settings.read_timeout, connect=connect).as_dict()


def credentials_of(settings: TransportSettings) -> dict[str, str]:
    """Return LAPOR's two static headers, and those of the gateway before it.

    Some deployments store the word `Bearer ` inside the value, some without (seen). LAPOR's own win over a gateway's of
    the same name. Raises SettingsWrong.
    """
    bearer = re.sub(r"^bearer\s+", "", settings.bearer.strip(), flags=re.IGNORECASE)
    own = {settings.auth_header: f"Bearer {bearer}", "token": settings.token.strip()}
    names = {name.lower() for name in own}
    headers = {name: value for name, value in settings.headers.items() if name.lower() not in names} | own
    wrong = [name for name, value in headers.items() if not re.fullmatch(r"[\x20-\x7e]*", value)]
    if wrong:
        raise SettingsWrong(tuple(f"the {name} header holds a character that it cannot carry" for name in wrong))
    return headers
