"""Where a call goes: under the configured base, or to the address of a file that upstream names."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import quote

import httpx

from lapor_sync.domain.errors import BadInput, SettingsWrong, UpstreamBroken


def base_url_of(base: str) -> httpx.URL:
    """Return the address that all paths are under. Raises SettingsWrong where it is none."""
    try:
        url = httpx.URL(base)
    except (httpx.InvalidURL, UnicodeError) as exc:
        raise SettingsWrong(("LAPOR's address is no web address",)) from exc
    if url.scheme not in {"http", "https"} or not url.host or url.query or url.fragment:
        raise SettingsWrong(("LAPOR's address must be http(s)://host[/path]",))
    return url


def address_of(base: str, path: str, id_: str) -> str:
    """Return where a call goes; `id_` fills `{id}` in `path`. Raises BadInput for one that could lead anywhere else."""
    if "{id}" in path and not may_be_in_address(id_):
        raise BadInput("the id is none that an address may hold")
    return _joined(base, path).replace("{id}", quote(id_, safe=""))


def target_of_call(base: str, path: str, id_: str) -> bytes:
    """Return what a request for that address names: all of it behind the host."""
    return _written(base, path).replace(b"%7Bid%7D", quote(id_, safe="").encode())


@lru_cache(maxsize=64)  # a few paths are called all day
def _written(base: str, path: str) -> bytes:
    return httpx.URL(_joined(base, path)).raw_path


def _joined(base: str, path: str) -> str:
    return base + "/" + path.lstrip("/")


def may_be_in_address(id_: str) -> bool:
    """Return whether an id leads where it is meant to: of letters, digits, "-", "_", ".", ":", not of dots alone."""
    return _ID.fullmatch(id_) is not None and id_.strip(".") != ""


_ID = re.compile(r"[A-Za-z0-9_.:-]{1,64}")


def target_of(what: str, url: str, base: httpx.URL) -> httpx.URL:
    """Return the address of a file, which may be relative to the base. Raises UpstreamBroken where it is none."""
    try:
        target = base.join(url.strip())
    except (httpx.InvalidURL, UnicodeError) as exc:
        raise UpstreamBroken(f"{what}: not a web address") from exc
    if target.scheme not in {"http", "https"} or not target.host:
        raise UpstreamBroken(f"{what}: not a web address")
    return target


def origin_of(url: httpx.URL) -> tuple[str, str, int | None]:
    """Return scheme, host and port: credentials go to one of them alone."""
    return (url.scheme, url.host, url.port)
