"""What an answer that sends on to another address means, and what to do. It is never followed. Pure."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import SplitResult, urljoin, urlsplit

from lapor_sync.domain.errors import Denied, Missing, RateLimited, Unreachable, UpstreamError

_LOGIN = re.compile(r"log-?in|sign-?in|masuk|\bsso\b|oauth|\bcas\b|\bauth\b|authorize", re.IGNORECASE)

_CHECK = "Then look with `lapor-sync check`."
_IN_A_BROWSER = "Open the report on LAPOR's own site in a browser, and save the file there."
_AGAIN = f"Fetch the file again. If the same comes: {_IN_A_BROWSER}"

NO_FILE = f"Nothing was kept. {_AGAIN}"
"""What to do where something else came in a file's place."""


class Advice(NamedTuple):
    """What an answer that sends on is, in words without an address ("" where it says no other one), and what to do."""

    what: str
    todo: str


def of_call(asked: str, location: str, base: str) -> Advice:
    """Return what to do where a call of the API is sent on."""
    here, there = _split(asked), _joined(asked, location)
    if there is None or here is None:
        return Advice("", f"Check LAPOR_SYNC_UPSTREAM_URL. {_CHECK}")
    if _is_login(there):
        todo = (
            f"It wants a browser's login, on {_host(there)}: either the credentials are not accepted "
            "(LAPOR_SYNC_BEARER, LAPOR_SYNC_TOKEN, LAPOR_SYNC_AUTH_HEADER), or "
            "LAPOR_SYNC_UPSTREAM_URL is the site's address and not the API's. "
        )
        return Advice("a redirect to a login page", todo + _CHECK)
    if _is_upgrade(here, there):
        return Advice("a redirect from http to https", f"Set LAPOR_SYNC_UPSTREAM_URL={_upgraded(base)}. {_CHECK}")
    if there.hostname != here.hostname:
        todo = (
            f"Ask LAPOR's operators whether the API is at {_host(there)} now, and only then set "
            "LAPOR_SYNC_UPSTREAM_URL: the credentials go to no other host by themselves."
        )
        return Advice("a redirect to another host", todo)
    return Advice("a redirect to another path there", f"Check the path of LAPOR_SYNC_UPSTREAM_URL. {_CHECK}")


def of_file(asked: str, location: str, base: str) -> Advice:
    """Return what to do where an attached file is not at the address that LAPOR gave for it.

    That address is LAPOR's own, so the only setting that can be wrong is the base of one that is under it.
    """
    here, there, root = _split(asked), _joined(asked, location), _split(base)
    if there is None or here is None or root is None:
        return Advice("", _IN_A_BROWSER)
    if _is_login(there):
        todo = f"It wants a browser's login, on {_host(there)}. {_IN_A_BROWSER}"
        return Advice("a redirect to a login page", todo)
    is_ours = (here.scheme, here.netloc) == (root.scheme, root.netloc)
    if is_ours and _is_upgrade(here, there):
        return Advice("a redirect from http to https", f"Set LAPOR_SYNC_UPSTREAM_URL={_upgraded(base)}. {_CHECK}")
    where = "another host" if there.hostname != here.hostname else "another address there"
    todo = f"It sends on to {_host(there)}, and files are not fetched from where an answer sends on to. {_IN_A_BROWSER}"
    return Advice(f"a redirect to {where}", todo)


def of_failed_file(error: UpstreamError, *, is_foreign: bool) -> str:
    """Return what to do where a file could not be fetched: nobody does so but the person who asks for it."""
    if error.todo != type(error).todo:
        return error.todo  # it says so itself
    match error:
        case Denied() if not is_foreign:
            return f"Look with `lapor-sync check` whether LAPOR takes the credentials. If it does: {_IN_A_BROWSER}"
        case Denied() | Missing():
            return f"Its address may have expired, or the file is gone. {_IN_A_BROWSER}"
        case RateLimited():
            return "Wait a few minutes, and fetch the file again."
        case Unreachable():
            return f"Check the network. {_AGAIN}"
        case _:
            return _AGAIN


def _split(address: str) -> SplitResult | None:
    try:
        parts = urlsplit(address)
        _ = parts.port  # raises where it is none
    except ValueError:
        return None
    return parts if parts.hostname else None


def _joined(asked: str, location: str) -> SplitResult | None:
    try:
        return _split(urljoin(asked, location)) if location else None
    except ValueError:
        return None


def _is_login(there: SplitResult) -> bool:
    return bool(_LOGIN.search(f"{there.hostname} {there.path}"))


def _is_upgrade(here: SplitResult, there: SplitResult) -> bool:
    return (here.scheme, there.scheme) == ("http", "https") and here.hostname == there.hostname


def _upgraded(base: str) -> str:
    return re.sub(r"^http:", "https:", base.strip())


def _host(there: SplitResult) -> str:
    """Scheme, host and port alone: a path may hold what opens the file, a query its signature."""
    port = f":{there.port}" if there.port else ""
    return f"{there.scheme}://{there.hostname}{port}"
