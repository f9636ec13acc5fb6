"""What an answer that sends on to another address means, and what to do. It is never followed. Pure."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import SplitResult, urljoin, urlsplit

from lapor_sync.domain.advice import Advice, Todo, advise
from lapor_sync.domain.errors import Denied, Missing, RateLimited, Unreachable, UpstreamError

_LOGIN = re.compile(r"log-?in|sign-?in|masuk|\bsso\b|oauth|\bcas\b|\bauth\b|authorize", re.IGNORECASE)


class SentOn(NamedTuple):
    """What an answer that sends on is, in words without an address ("" where it says no other one), and what to do."""

    what: str
    todo: Advice


def of_call(asked: str, location: str, base: str) -> SentOn:
    """Return what to do where a call of the API is sent on."""
    here, there = _split(asked), _joined(asked, location)
    if there is None or here is None:
        return SentOn("", advise(Todo.CHECK_ADDRESS))
    if _is_login(there):
        return SentOn("a redirect to a login page", advise(Todo.LOGIN_PAGE, host=_host(there)))
    if _is_upgrade(here, there):
        return SentOn("a redirect from http to https", advise(Todo.SET_ADDRESS, address=_upgraded(base)))
    if there.hostname != here.hostname:
        return SentOn("a redirect to another host", advise(Todo.ASK_NEW_HOST, host=_host(there)))
    return SentOn("a redirect to another path there", advise(Todo.CHECK_PATH))


def of_file(asked: str, location: str, base: str) -> SentOn:
    """Return what to do where an attached file is not at the address that LAPOR gave for it.

    That address is LAPOR's own, so the only setting that can be wrong is the base of one that is under it.
    """
    here, there, root = _split(asked), _joined(asked, location), _split(base)
    if there is None or here is None or root is None:
        return SentOn("", advise(Todo.IN_A_BROWSER))
    if _is_login(there):
        return SentOn("a redirect to a login page", advise(Todo.LOGIN_IN_A_BROWSER, host=_host(there)))
    is_ours = (here.scheme, here.netloc) == (root.scheme, root.netloc)
    if is_ours and _is_upgrade(here, there):
        return SentOn("a redirect from http to https", advise(Todo.SET_ADDRESS, address=_upgraded(base)))
    where = "another host" if there.hostname != here.hostname else "another address there"
    return SentOn(f"a redirect to {where}", advise(Todo.SENT_ON_IN_A_BROWSER, host=_host(there)))


def of_failed_file(error: UpstreamError, *, is_foreign: bool) -> Advice | str:
    """Return what to do where a file could not be fetched: nobody does so but the person who asks for it."""
    if error.todo != type(error).todo:
        return error.todo  # it says so itself
    match error:
        case Denied() if not is_foreign:
            return advise(Todo.CREDENTIALS_OR_BROWSER)
        case Denied() | Missing():
            return advise(Todo.EXPIRED_OR_GONE)
        case RateLimited():
            return advise(Todo.FETCH_LATER)
        case Unreachable():
            return advise(Todo.NETWORK_THEN_FETCH)
        case _:
            return advise(Todo.FETCH_AGAIN)


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
