"""What came back, and which error it is, where it is one."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

import httpcore

from connectors.transport import gateway, redirects
from lapor_sync.domain.advice import Advice, Todo, advise
from lapor_sync.domain.errors import (
    Denied,
    Missing,
    RateLimited,
    TimedOut,
    TooMuch,
    Unreachable,
    UpstreamBroken,
    UpstreamError,
)

LONGEST_OBEYED_WAIT = 5.0
"""A `Retry-After` up to this many seconds is waited for inside a read; a longer one is the caller's to plan."""

_NOT_SENT = (
    httpcore.ConnectError,  # refused, DNS, TLS handshake
    httpcore.ConnectTimeout,
    httpcore.PoolTimeout,
    httpcore.UnsupportedProtocol,
    httpcore.ProxyError,  # the proxy refused before upstream was reached
)
NO_ANSWER = (*_NOT_SENT, httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError)
"""All that httpcore raises where no whole answer comes."""


class Answer(NamedTuple):
    """What came back, read to its end. `retry_after` in seconds.

    `began_at` is the upstream's time at which the call began, no later than it really did, nor than what it says was
    so; `link`, `location` and `media_type` are its headers, `counts` a line for each that counts something, `dates`
    those that say when it was made, `heads` what others say. `objection` names a header that speaks against a finished
    success. `is_measured`: it said itself where its body ends. `is_old`: it says that it was made before its call, by a
    minute or by nobody knows how much. `doubt` says why it may not be the answer to this request, or not one of now: ""
    where nothing speaks against it.
    """

    status: int
    body: bytes
    began_at: datetime
    retry_after: float | None = None
    objection: str = ""
    link: str = ""
    counts: str = ""
    dates: Mapping[str, str] = MappingProxyType({})
    heads: Mapping[str, str] = MappingProxyType({})
    location: str = ""
    media_type: str = ""
    is_measured: bool = True
    is_old: bool = False
    doubt: str = ""


def no_answer(what: str, exc: Exception, *, is_over: bool) -> Unreachable:
    """Return the error where no whole answer came; `is_over`: the call's time is."""
    if not isinstance(exc, _NOT_SENT):
        kind = TimedOut if is_over else Unreachable
        return kind(f"{what}: no whole answer ({type(exc).__name__})", sent=True)
    # What the system says of a connection holds no address path, header or body.
    why, todo = _why_not(exc)
    return Unreachable(f"{what}: no connection ({why[:120]})", sent=False, todo=todo)


def _why_not(exc: Exception) -> tuple[str, Advice | None]:
    """Why there is no connection, and what to do where that is more than to look at the network."""
    tls = _cause(exc, ssl.SSLError)
    if isinstance(tls, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted: {tls.verify_message}", _CERTIFICATES.get(tls.verify_code)
    if tls is not None:
        return f"it does not speak TLS: {tls.reason or 'it hung up'}", advise(Todo.CHECK_TLS)
    if isinstance(exc, httpcore.ProxyError):
        return f"the proxy says {exc}", advise(Todo.ASK_PROXY)
    return f"{type(exc).__name__}: {exc}", None


_CERTIFICATES = {
    9: advise(Todo.NOT_YET_VALID),
    10: advise(Todo.EXPIRED),
    18: advise(Todo.OWN_CA),
    19: advise(Todo.OWN_CA),
    20: advise(Todo.OWN_CA),
    21: advise(Todo.OWN_CA),
    62: advise(Todo.OTHER_NAME),
    64: advise(Todo.OTHER_NAME),
}
"""What to do, by OpenSSL's number for what is wrong with a certificate (X509_V_ERR_...)."""


def _cause(exc: BaseException | None, kind: type[ssl.SSLError]) -> ssl.SSLError | None:
    while exc is not None and not isinstance(exc, kind):
        exc = exc.__cause__ or exc.__context__
    return exc


def withheld(what: str, *, has_left: bool) -> Unreachable:
    """Return the error of a write that was not let leave, or not let go on leaving."""
    why = "withheld, since it was not proven that this process alone works the database"
    return Unreachable(f"{what}: {why}", sent=has_left, todo=advise(Todo.OTHER_PROCESS_SENDS))


def redirected(what: str, answer: Answer, sent_on: redirects.SentOn) -> UpstreamError:
    """Return the error of an answer that sends on to another address."""
    text = f"{what}: HTTP {answer.status}" + (f", {sent_on.what}, which is not followed" if sent_on.what else "")
    return UpstreamBroken(text, http_status=answer.status, todo=sent_on.todo)


def error_of(what: str, answer: Answer) -> UpstreamError:
    """Return the error of an answer to a read that is neither 2xx nor 3xx."""
    status, text = answer.status, f"{what}: HTTP {answer.status}"
    if fault := gateway.fault_in(answer.body):
        what = f"{text}: {fault.what}"
        by_gateway = _OF_GATEWAY[fault.kind]
        return by_gateway(what, todo=fault.todo, http_status=status, retry_after=answer.retry_after)
    kind: type[UpstreamError] = _KINDS.get(status, UpstreamBroken)
    return kind(text, http_status=status, retry_after=answer.retry_after)


_KINDS: Mapping[int, type[UpstreamError]] = {
    401: Denied,
    403: Denied,
    404: Missing,
    410: Missing,
    429: RateLimited,
}

_OF_GATEWAY: Mapping[gateway.Kind, type[UpstreamError]] = {
    gateway.Kind.DENIED: Denied,
    gateway.Kind.THROTTLED: RateLimited,
    gateway.Kind.AWAY: UpstreamBroken,
}


def may_pass(error: BaseException) -> bool:
    """Return whether the same read may succeed in a moment."""
    if not isinstance(error, Unreachable | UpstreamBroken | RateLimited) or isinstance(error, TimedOut | TooMuch):
        return False
    if (error.retry_after or 0) > LONGEST_OBEYED_WAIT:
        return False
    status = error.http_status
    return status is None or status < 300 or status in {408, 429} or status >= 500
