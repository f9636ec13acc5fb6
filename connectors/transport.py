"""The one HTTP client. Nothing else in the product knows httpx, so that a successor is this file's work.

It adds what httpx leaves to its user: a limit for a *whole* call (httpx's limits are per read, so a slow drip
passes them), a bound and a rate for requests, retries of reads, the upstream's time, and one error mapping.
It never follows a redirect, keeps no cookie, and sends the credentials to the configured base only.
"""

from __future__ import annotations

import fcntl
import logging
import os
import random
import re
import select
import socket
import ssl
import struct
import termios
import threading
import time
import urllib.request
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast
from urllib.parse import quote, urlencode

import certifi
import httpcore
import httpx
import tenacity

from connectors import elsewhere, framing, gateway
from lapor_sync.domain.errors import (
    BadInput,
    Denied,
    Missing,
    RateLimited,
    SettingsWrong,
    TimedOut,
    TooMuch,
    Unreachable,
    UpstreamBroken,
    UpstreamError,
)
from lapor_sync.domain.files import read_file
from lapor_sync.domain.ports import Clock

T = TypeVar("T")

Part = tuple[str, tuple[str | None, str | bytes]]
"""One part of a multipart body: name, (file name or None, value)."""

LONGEST_OBEYED_WAIT = 5.0
"""A `Retry-After` up to this many seconds is waited for inside a read; a longer one is the caller's to plan."""

_LONGEST_RETRY_AFTER = 900.0
"""Seconds that a `Retry-After` is believed at most: one that is wrong must not silence a city for a day."""

_Advise = Callable[[str, str, str], elsewhere.Advice]

_ANY_FILE = "application/json;q=0.9, */*;q=0.8"
"""Of a file: a framework says in JSON what failed to whom takes JSON first, and gives a file to whom takes any."""
MEBI = 1024 * 1024

_MOST_OF_ERROR = 256 * 1024
"""Of the body of an answer that is no 2xx so much is read: what it says stands at its beginning."""

_NAP = 0.25
_SLICE = 0.5
_CLOCK_YEARS = range(2020, 2200)
"""What an upstream's clock may say: by one of the year 1 or 9999 nothing can be counted."""

_WRITE_PIECE = 65_536
_MOST_KEPT = 1024 * 1024
"""Bytes of an answer in which its end is looked for; after a longer one its connection is closed."""
_PATIENCE_AT_END = 0.5
_NOT_SENT = (
    httpx.ConnectError,  # refused, DNS, TLS handshake
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
    httpx.ProxyError,  # the proxy refused before upstream was reached
)


def backoff(tries: int) -> float:
    """Seconds to wait after the `tries`-th failed try of a read: about 0.5, 1, 2, 4, with jitter."""
    return float(min(0.5 * 2 ** (tries - 1), 4) * random.uniform(0.5, 1.5))


def _never() -> bool:
    return False


def _always() -> bool:
    return True


@dataclass(frozen=True, kw_only=True, slots=True)
class TransportSettings:
    """Where upstream is, how to be let in, and how much to ask of it. Times in seconds, sizes in bytes.

    `bearer` may hold the word `Bearer ` or not. `rate_per_second` 0 is no limit. `read_timeout` is for a whole
    call. `max_body` is of an answer, `max_file` of an attached file. `pause` gives the wait after the n-th failed
    try of a read.
    """

    base_url: str
    bearer: str = field(repr=False)
    token: str = field(repr=False)
    auth_header: str = "auth"
    concurrency: int = 8
    rate_per_second: float = 10
    connect_timeout: float = 30
    read_timeout: float = 90
    max_body: int = 32 * MEBI
    max_file: int = 64 * MEBI
    read_tries: int = 3
    pause: Callable[[int], float] = backoff


class Answer(NamedTuple):
    """What came back, read to its end. `retry_after` in seconds.

    `began_at` is the upstream's time at which the call began, no later than it really did, nor than what it says was so;
    `link`, `location` and `media_type` are its headers. `is_measured`: it said itself where its body ends. `doubt` says
    why it may not be the answer to this request, or not one of now: "" where nothing speaks against it. `is_cached`: it
    lay in a cache.
    """

    status: int
    body: bytes
    began_at: datetime
    retry_after: float | None = None
    link: str = ""
    location: str = ""
    media_type: str = ""
    is_measured: bool = True
    doubt: str = ""
    is_cached: bool = False


class Transport:
    """The HTTP client of one upstream; safe to use from many threads; close it, or use it in `with`."""

    def __init__(
        self,
        settings: TransportSettings,
        *,
        clock: Clock,
        stopping: Callable[[], bool] = _never,
        may_leave: Callable[[], bool] = _always,
    ) -> None:
        """`stopping` is asked while waiting: once true, reads end within about a second, and nothing new leaves.

        `may_leave` is asked before each piece of a write is handed to the socket, its connection being open: where it
        says no, nothing more of it leaves.

        Raises SettingsWrong where the address, the credentials, or the environment's proxy or certificates cannot
        be used in a request.
        """
        self._settings = settings
        self._clock = clock
        self._stopping = stopping
        self._may_leave = may_leave
        self._base = settings.base_url.strip().rstrip("/")
        self._base_url = _base_url(self._base)
        self._anonymous = httpx.Headers(_HEADERS)
        self._credentials = httpx.Headers({**_HEADERS, **_credentials(settings)})
        self._own_connection = httpx.Headers({**self._credentials, "Connection": "close"})
        host = (b"Host", self._base_url.netloc)
        self._ready = httpx.Headers([host, *self._credentials.raw])
        self._ready_alone = httpx.Headers([host, *self._own_connection.raw])
        self._limit = _Limit()
        self._slots = threading.BoundedSemaphore(settings.concurrency)
        self._pacer = Pacer(settings.rate_per_second, clock)
        self._upstream_clock = _UpstreamClock(clock)
        self._tls: ssl.SSLObject | None = None
        self._retrying = self._plan_retries()
        _silence_loggers()
        self._opener = _Opener(self._limit, self._base_url.host)
        self._lanes = tuple(self._opener.lane() for _ in range(settings.concurrency))
        self._free = list(self._lanes)
        self._timeout = _timeout(settings)

    def __enter__(self) -> Transport:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        for lane in self._lanes:
            for wire in lane.values():
                wire.close()
        self._lanes = ()

    def upstream_now(self) -> datetime:
        """The upstream's time: its last `Date` header, carried on by the monotonic clock; ours before any."""
        return self._upstream_clock.now()

    def clock_ahead(self) -> tuple[timedelta, timedelta] | None:
        """How far this machine's clock is ahead of the upstream's, at least and at most (negative: behind it).

        None before an answer that says its time.
        """
        return self._upstream_clock.ahead

    def certificate_end(self) -> datetime | None:
        """Until when the certificate holds that came with the last answer; None without TLS, or before any."""
        shown = self._tls.getpeercert() if self._tls else None
        return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(shown["notAfter"])), UTC) if shown else None

    def read(
        self,
        path: str,
        parse: Callable[[Answer], T],
        *,
        of: str = "",
        params: Mapping[str, str | int] | None = None,
        most: int | None = None,
        fresh: bool = False,
    ) -> T:
        """GET `path` under the base and parse the answer; tried again a few times if that may help.

        `of` fills `{id}` in `path`. `parse` gets a 2xx answer, of `most` bytes at most, and may raise UpstreamBroken,
        which is tried again. `fresh`: each try goes over a connection of its own, as a write does, so that no answer to
        another call is taken for its own. Raises Unreachable, UpstreamBroken, Denied, Missing or RateLimited; TimedOut
        and TooMuch without another try.
        """
        what = f"GET {path}"
        query = f"?{urlencode(params)}" if params else ""
        url = self._address(path, of) + query
        most = min(most or self._settings.max_body, self._settings.max_body)
        return self._retrying(
            lambda: self._parsed(what, parse, self._get(what, self._plain(url, fresh=fresh), most, fresh=fresh))
        )

    def fetch(self, url: str, parse: Callable[[Answer], T]) -> T:
        """GET a file that upstream names, and parse the answer; credentials go only to the base's own host.

        `url` may be relative to the base. Raises as `read`; a foreign host's 401 or 403 says nothing of our
        credentials and is UpstreamBroken.
        """
        what = "GET attachment"
        target = self._target(what, url)
        is_ours = _origin(target) == _origin(self._base_url)
        headers = httpx.Headers(self._credentials if is_ours else self._anonymous)
        headers["Accept"] = _ANY_FILE

        def get() -> T:
            request = self._request("GET", str(target), headers)
            return self._parsed(what, parse, self._get(what, request, self._settings.max_file, elsewhere.of_file))

        try:
            return self._retrying(get)
        except UpstreamError as exc:
            exc.todo = elsewhere.of_failed_file(exc, is_foreign=not is_ours)
            if isinstance(exc, Denied) and not is_ours:
                raise UpstreamBroken(exc.what, todo=exc.todo, http_status=exc.http_status) from exc
            raise

    def post_form(self, path: str, parts: Iterable[Part], *, of: str = "") -> Answer:
        """POST one multipart form, once: never tried again, redirects never followed.

        Any status is an answer. Raises Unreachable (`sent` says whether it may have left) or UpstreamBroken (an
        answer too large or not decodable), and BadInput for text that UTF-8 cannot carry, before anything leaves.
        """
        return self._post(path, of, {"files": list(parts)})

    def post_json(self, path: str, body: Mapping[str, object], *, of: str = "") -> Answer:
        """POST one JSON object, once; as `post_form`."""
        return self._post(path, of, {"json": dict(body)})

    def _post(self, path: str, of: str, content: dict[str, object]) -> Answer:
        # Built outside of the exchange: an error of ours is no error of the wire.
        try:
            request = self._request("POST", self._address(path, of), self._own_connection, **content)
            request.read()  # one piece for the socket: a form leaves in one for each field and file else
        except UnicodeError as exc:
            raise BadInput("the text holds characters that cannot be sent") from exc
        return self._write(f"POST {path}", request)

    def _get(
        self,
        what: str,
        request: httpx.Request,
        most: int,
        advise: _Advise = elsewhere.of_call,
        *,
        fresh: bool = False,
    ) -> Answer:
        with self._turn(what):
            self._limit.begin(self._settings.read_timeout, self._stopping)
            if fresh:
                answer = self._alone(what, request, most)
            else:
                lane = self._lane()
                try:
                    answer = self._exchange(what, lane[request.url.scheme], request, most)
                finally:
                    self._give_back(lane)
        if 300 <= answer.status < 400:
            raise _redirect(what, answer, advise(str(request.url), answer.location, self._base))
        if not 200 <= answer.status < 300:
            raise _error_of(what, answer)
        return answer

    def _alone(self, what: str, request: httpx.Request, most: int) -> Answer:
        """One call over a connection of its own, opened for it and closed after it.

        On a kept one an answer too many, that came with the last one, would be taken for the answer to this.
        """
        wire = self._opener.wire(request.url.scheme)
        try:
            return self._exchange(what, wire, request, most)
        finally:
            wire.close()

    def _give_back(self, lane: _Lane) -> None:
        """Free a lane for the next call; its connections go where more came over them than one answer."""
        if not self._limit.is_clean:
            for scheme, wire in lane.items():
                wire.close()
                lane[scheme] = self._opener.wire(scheme)
        self._free.append(lane)

    def _request(self, method: str, url: str, headers: httpx.Headers, **content: Any) -> httpx.Request:
        extensions = {"timeout": self._timeout}
        return httpx.Request(method, url, headers=headers, extensions=extensions, **content)

    def _plain(self, url: str, *, fresh: bool) -> httpx.Request:
        """A GET under the base. With its headers and its empty body ready, httpx makes it in half the time."""
        extensions = {"timeout": self._timeout}
        headers = self._ready_alone if fresh else self._ready
        return httpx.Request("GET", url, headers=headers, stream=_NO_BODY, extensions=extensions)

    def _parsed(self, what: str, parse: Callable[[Answer], T], answer: Answer) -> T:
        try:
            return parse(answer)
        except UpstreamBroken as exc:
            raise type(exc)(f"{what}: {exc.what}", todo=exc.todo, http_status=answer.status) from exc

    def _write(self, what: str, request: httpx.Request) -> Answer:
        with self._turn(what):
            self._limit.begin(self._settings.read_timeout, _never, self._may_leave)
            return self._alone(what, request, self._settings.max_body)

    @contextmanager
    def _turn(self, what: str) -> Iterator[None]:
        """One of the calls that may be in flight, when its time has come."""
        with self._slots:
            self._wait(self._pacer.reserve())
            if self._stopping():
                raise Unreachable(f"{what}: not begun, the process is stopping", sent=False)
            yield

    def _exchange(self, what: str, wire: httpx.HTTPTransport, request: httpx.Request, most: int) -> Answer:
        """One request and its whole answer, within the bounds."""
        try:
            return self._answer(what, wire, request, most)
        except _Withheld as exc:
            raise Unreachable(f"{what}: {_WITHHELD}", sent=self._limit.has_left, todo=_WITHHELD_TODO) from exc
        except (httpx.DecodingError, ValueError) as exc:  # ValueError: bytes in a head that httpx cannot read
            raise UpstreamBroken(f"{what}: the answer cannot be decoded") from exc
        except httpx.HTTPError as exc:
            raise _unreachable(what, exc, is_over=self._limit.left() <= 0) from exc

    def _answer(self, what: str, wire: httpx.HTTPTransport, request: httpx.Request, most: int) -> Answer:
        began, started = self._clock.now(), self._clock.monotonic()
        response = wire.handle_request(request)
        try:
            arrived = self._clock.monotonic()
            age = framing.cached_seconds(response.headers)
            if request.url.host == self._base_url.host:
                stream = response.extensions.get("network_stream")
                self._tls = stream.get_extra_info("ssl_object") if stream else None
                date = response.headers.get("date")
                began = self._upstream_clock.learn(date, started, arrived, is_now=age == 0) or began
            body = _body(what, response, most) if response.is_success else _beginning(what, response)
            doubt = self._doubt(what, request.method, response)
            if age is None or (age and request.method == "POST"):
                doubt = doubt or "it came from a cache"
            return Answer(
                status=response.status_code,
                body=body,
                began_at=began - timedelta(seconds=age or 0),
                retry_after=_retry_after(response.headers.get("retry-after"), self.upstream_now),
                link=response.headers.get("link", ""),
                location=response.headers.get("location", ""),
                media_type=response.headers.get("content-type", ""),
                is_measured=not {"content-length", "transfer-encoding"}.isdisjoint(response.headers),
                doubt=doubt,
                is_cached=age != 0,
            )
        finally:
            response.close()

    def _doubt(self, what: str, method: str, response: httpx.Response) -> str:
        """Why an answer that came whole may not be the one to this request.

        Raises Unreachable for a read that should be asked anew: on a kept connection the answer may be to another call.
        """
        stream = response.extensions.get("network_stream")
        if not isinstance(stream, _BoundedStream):
            return ""  # no socket of ours
        doubt = stream.doubt(response, to_its_end=method == "POST")
        if doubt and method == "GET" and (self._limit.is_early or not stream.is_new):
            raise Unreachable(f"{what}: the answer is not sound: {doubt}", sent=True)
        return doubt

    def _lane(self) -> _Lane:
        """The lane that was used last of those that are free: calls one by one go over one connection."""
        if not self._lanes:
            raise RuntimeError("the transport is closed")
        return self._free.pop()

    def _plan_retries(self) -> tenacity.Retrying:
        return tenacity.Retrying(
            stop=self._is_given_up,
            retry=tenacity.retry_if_exception(_may_pass),
            wait=self._pause_after,
            sleep=self._wait,
            reraise=True,
        )

    def _is_given_up(self, state: tenacity.RetryCallState) -> bool:
        """Whether no further try is made: after so many, or once all together took as long as one call may."""
        tries, seconds = state.attempt_number, state.seconds_since_start or 0.0
        return self._stopping() or tries >= self._settings.read_tries or seconds >= self._settings.read_timeout

    def _pause_after(self, state: tenacity.RetryCallState) -> float:
        """Our own wait, or what upstream asks for where that is longer."""
        error = state.outcome.exception() if state.outcome else None
        asked = error.retry_after if isinstance(error, UpstreamError) else None
        return max(self._settings.pause(state.attempt_number), asked or 0.0)

    def _wait(self, seconds: float) -> None:
        """Sleep in naps, so that a shutdown is seen soon."""
        while seconds > 0 and not self._stopping():
            self._clock.sleep(min(seconds, _NAP))
            seconds -= _NAP

    def _address(self, path: str, of: str) -> str:
        """Where a call goes. Raises BadInput for an id that could lead anywhere else."""
        if "{id}" in path and not may_be_in_address(of):
            raise BadInput("the id is none that an address may hold")
        return self._base + "/" + path.lstrip("/").replace("{id}", quote(of, safe=""))

    def _target(self, what: str, url: str) -> httpx.URL:
        try:
            target = self._base_url.join(url.strip())
        except (httpx.InvalidURL, UnicodeError) as exc:
            raise UpstreamBroken(f"{what}: not a web address") from exc
        if target.scheme not in {"http", "https"} or not target.host:
            raise UpstreamBroken(f"{what}: not a web address")
        return target


class Pacer:
    """At most `rate` requests begin in any one second, so a burst is one second's worth at most. 0: no limit."""

    def __init__(self, rate: float, clock: Clock) -> None:
        self._clock = clock
        burst = max(1, int(rate))
        self._span = burst / rate if rate > 0 else 0.0
        self._begun: deque[float] = deque(maxlen=burst)
        self._lock = threading.Lock()

    def reserve(self) -> float:
        """Take the next place; seconds to wait until it is due."""
        if not self._span:
            return 0.0
        with self._lock:
            now = self._clock.monotonic()
            full = len(self._begun) == self._begun.maxlen
            due = max(now, self._begun[0] + self._span) if full else now
            self._begun.append(due)
        return due - now


class _UpstreamClock:
    """The upstream's time, by the `Date` header of its last answer."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last: tuple[datetime, float] | None = None
        self.ahead: tuple[timedelta, timedelta] | None = None

    def now(self) -> datetime:
        last = self._last
        if last is None:
            return self._clock.now()
        date, arrived = last
        return date + timedelta(seconds=self._clock.monotonic() - arrived)

    def learn(self, header: str | None, started: float, arrived: float, *, is_now: bool) -> datetime | None:
        """Take over an answer's `Date`; when the call began by it, None without one that can be.

        A clock far from any year in which this can run is none. The header has whole seconds and was written while
        the call ran: its length and one second are taken off, so that the result is never later than the truth.
        `is_now`: it is no cached answer's, from which nothing is learnt.
        """
        date = _http_date(header)
        if date is None or date.year not in _CLOCK_YEARS:
            return None
        unsure = timedelta(seconds=arrived - started + 1)
        if is_now:
            self._last, ours = (date, arrived), self._clock.now()
            self.ahead = (ours - unsure - date, ours - date)
        return date - unsure


class _Withheld(Exception):
    """A write may not leave, or not go on leaving."""


_WITHHELD = "withheld, since it was not proven that this process alone works the database"
_WITHHELD_TODO = "Nothing: the process that works the database sends it."


class _Limit(threading.local):
    """The running call's end, one per thread. Sockets live in real time, whatever clock a demo runs on.

    `has_left`: whether a piece of the running write was handed to the socket. `is_early`: an answer came before the
    whole request had left. `is_clean`: one answer came over the connection, and nothing else.
    """

    until = float("inf")
    stopping: Callable[[], bool] = staticmethod(_never)
    may_leave: Callable[[], bool] = staticmethod(_always)
    has_left = is_early = is_clean = False

    def begin(self, seconds: float, stopping: Callable[[], bool], may_leave: Callable[[], bool] = _always) -> None:
        self.until = time.monotonic() + seconds
        self.stopping, self.may_leave = stopping, may_leave
        self.has_left = self.is_early = self.is_clean = False

    def prove_that_it_may_leave(self) -> None:
        """Raise _Withheld where nothing more of the running call may leave."""
        if not self.may_leave():
            raise _Withheld
        self.has_left = True

    def left(self) -> float:
        return self.until - time.monotonic()


class _BoundedStream(httpcore.NetworkStream):
    """A socket whose reads and writes together end with the call's limit, headers and chunk sizes included.

    It hears what comes before its time, and keeps what came since the last request, so that an answer can be told
    from one that belongs to no request, or to another.
    """

    def __init__(self, stream: httpcore.NetworkStream, limit: _Limit) -> None:
        self._stream = stream
        self._limit = limit
        self._calls = 0
        self._heard: list[bytes] = []
        self._size = 0
        self._ahead = b""

    @property
    def is_new(self) -> bool:
        """Whether the running call is the first on the connection."""
        return self._calls == 1

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        piece, self._ahead = self._ahead or self._read(max_bytes), b""
        if not framing.is_interim(piece) and self._is_on_its_way():
            self._limit.is_early = True
        self._size += len(piece)
        if self._size <= _MOST_KEPT:
            self._heard.append(piece)
        return piece

    def _read(self, max_bytes: int) -> bytes:
        while (left := self._limit.left()) > 0 and not self._limit.stopping():
            try:
                return self._stream.read(max_bytes, timeout=min(left, _SLICE))
            except httpcore.ReadTimeout:
                continue
        raise httpcore.ReadTimeout

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if self._size or not self._calls:
            self._calls, self._heard, self._size = self._calls + 1, [], 0
        for at in range(0, len(buffer), _WRITE_PIECE):
            if self._hears_an_answer():
                self._limit.is_early = True
                raise httpcore.WriteError("answered before it had left")  # httpcore reads that answer then
            self._limit.prove_that_it_may_leave()  # last: from here the bytes go
            left = self._limit.left()
            if left <= 0:
                raise httpcore.WriteTimeout
            try:
                self._stream.write(buffer[at : at + _WRITE_PIECE], timeout=left)
            except httpcore.WriteError:
                self._limit.is_early = True
                raise

    def _hears_an_answer(self) -> bool:
        """Whether there is one already. TLS has messages of its own that make a socket readable (RFC 8446, 4.6)."""
        if _is_readable(self._socket) and not self._ahead:
            with suppress(httpcore.ReadTimeout, httpcore.ReadError):  # what is broken is told by the write
                self._ahead = self._stream.read(_WRITE_PIECE, timeout=0.001)
                return not framing.is_interim(self._ahead)
        return False

    def _is_on_its_way(self) -> bool:
        """Whether the peer's system lacks a part of what was written: it told so with its answer's own packets."""
        if self._socket is None:
            return False
        unacknowledged = fcntl.ioctl(self._socket, termios.TIOCOUTQ, bytes(4))
        return struct.unpack("i", unacknowledged) != (0,)

    @property
    def _socket(self) -> socket.socket | None:
        found = self._stream.get_extra_info("socket")
        return found if isinstance(found, socket.socket) else None

    def doubt(self, response: httpx.Response, *, to_its_end: bool) -> str:
        """Why an answer that was read whole may not be the one to the request; "" where nothing speaks against it.

        `to_its_end`: where the peer says that it closes the connection, that is waited for: it is broken off where a
        part of the request was not read (RFC 9112, 9.6).
        """
        if self._limit.is_early:
            return "it came before the request had left"
        whole = self._size <= _MOST_KEPT
        more = framing.surplus(b"".join(self._heard), response.headers, response.status_code) if whole else None
        self._limit.is_clean = more == b""
        if (
            to_its_end
            and more is not None
            and framing.closes(response.headers, response.extensions.get("http_version", b""))
        ):
            try:
                more += self._stream.read(_WRITE_PIECE, timeout=_PATIENCE_AT_END)
            except httpcore.ReadTimeout:
                pass
            except httpcore.ReadError as exc:
                if isinstance(exc.__cause__, ConnectionResetError):
                    return "the connection was broken off before the request was read"
        return "more came than one answer" if more and more.strip(b"\r\n") else ""

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _BoundedStream(self._stream.start_tls(ssl_context, server_hostname, timeout), self._limit)

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)


def _is_readable(sock: socket.socket | None) -> bool:
    if sock is None:
        return False
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))


class _BoundedBackend(httpcore.SyncBackend):
    """Opens sockets that know the call's limit, and keeps it while it tries one address of a name after the other."""

    def __init__(self, limit: _Limit) -> None:
        self._limit = limit

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        failed: httpcore.NetworkError | httpcore.TimeoutException = httpcore.ConnectError("no such host or port")
        addresses = _addresses(host, port)
        for tried, address in enumerate(addresses):
            # A dead address (IPv6 that leads nowhere, say) must leave the others their time.
            patience = max(self._limit.left() / (len(addresses) - tried), 0.001)
            try:
                stream = super().connect_tcp(
                    address, port, min(timeout or patience, patience), local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as exc:
                failed = exc
            else:
                return _BoundedStream(stream, self._limit)
        raise failed


def _addresses(host: str, port: int) -> list[str]:
    """What the name stands for, in the system's order. Raises httpcore.ConnectError."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (UnicodeError, OverflowError, OSError) as exc:  # only the resolver finds that it is no name or port
        raise httpcore.ConnectError(str(exc) if isinstance(exc, OSError) else "no such host or port") from exc
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class _BoundedHTTP(httpx.HTTPTransport):
    """httpx's own transport over sockets that know the call's limit."""

    def __init__(
        self, limit: _Limit, limits: httpx.Limits, context: ssl.SSLContext, proxy: httpx.Proxy | None = None
    ) -> None:
        super().__init__(verify=context, limits=limits, proxy=proxy)
        # httpcore takes a network backend, httpx has no door for it. Should the name ever move, the real-socket
        # tests of dripping headers fail. The road not taken: a copy of httpx's transport, errors and proxies too.
        self._pool._network_backend = _BoundedBackend(limit)


_Lane = dict[str, httpx.HTTPTransport]
"""One connection at a time for each scheme. A call under way has a lane of its own."""


class _NoBody(httpx.SyncByteStream):
    """No piece at all, where httpx's own empty body is one empty piece that goes all the way to the socket."""

    def __iter__(self) -> Iterator[bytes]:
        return iter(())


_NO_BODY = _NoBody()

_HEADERS: Mapping[str, str] = {
    "Accept": "application/json",
    "Accept-Encoding": "gzip, deflate",
    "Cache-Control": "no-cache",
    "Connection": "keep-alive",
    "User-Agent": "lapor-sync",
}


def _timeout(settings: TransportSettings) -> dict[str, float | None]:
    connect = min(settings.connect_timeout, settings.read_timeout)
    return httpx.Timeout(settings.read_timeout, connect=connect).as_dict()


class _Opener:
    """Makes httpx's own transports, without its client.

    What the client adds (redirects, cookies, authentication) must not happen here, and to have each turned off took
    a fifth of a read's time. A pool of many connections looks at each of them twice a call, under a lock.

    Proxies and extra certificates come from the environment, as an agency's network may need them.

    HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY; credentials pass a proxy inside TLS only if the base is https.
    `.netrc` and credentials inside of addresses are not used. Raises SettingsWrong.
    """

    def __init__(self, limit: _Limit, host: str) -> None:
        self._limit = limit
        self._context = trusted()
        self._proxies = {scheme: _proxy(url, self._context) for scheme, url in _environment_proxies(host).items()}

    def wire(self, scheme: str) -> httpx.HTTPTransport:
        """Return a transport of one connection, not open yet."""
        one = httpx.Limits(max_connections=1, max_keepalive_connections=1)
        return _BoundedHTTP(self._limit, one, self._context, self._proxies.get(scheme))

    def lane(self) -> _Lane:
        """Return a lane for reads."""
        return {scheme: self.wire(scheme) for scheme in ("http", "https")}


_MOST_CERTIFICATES = 16 * 2**20


def trusted() -> ssl.SSLContext:
    """Whom we believe: the machine's own certificates, those that every browser knows, and SSL_CERT_FILE's.

    So an agency with a CA of its own (a proxy that looks into TLS, a gateway inside) puts it where it puts it for
    all programs, or into that file. Raises SettingsWrong where the file cannot be used.
    """
    own = os.environ.get("SSL_CERT_FILE")
    try:
        if own:  # read here first: OpenSSL waits for a pipe, and reads a device that has no end
            read_file(Path(own), _MOST_CERTIFICATES)
        context = ssl.create_default_context()  # by itself it would pass over an SSL_CERT_FILE that is not there
        context.load_verify_locations(certifi.where())  # a small server may have none of its own
        if own:
            context.load_verify_locations(own)
    except OSError as exc:  # an SSLError too: not PEM
        raise SettingsWrong((f"SSL_CERT_FILE: {own} holds no certificates that can be read",)) from exc
    return context


def _proxy(url: str, context: ssl.SSLContext) -> httpx.Proxy:
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, UnicodeError):
        parsed = httpx.URL("")
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise SettingsWrong(("the proxy of the environment (HTTPS_PROXY, ALL_PROXY) is no http(s)://host:port",))
    return httpx.Proxy(parsed, ssl_context=context if parsed.scheme == "https" else None)


def _environment_proxies(host: str) -> dict[str, str]:
    near = host in {"localhost", "127.0.0.1", "::1"} or urllib.request.proxy_bypass(host)
    proxies = {} if near else urllib.request.getproxies()
    chosen = {scheme: proxies.get(scheme) or proxies.get("all") for scheme in ("http", "https")}
    return {scheme: _with_scheme(proxy) for scheme, proxy in chosen.items() if proxy}


def _with_scheme(proxy: str) -> str:
    return proxy if "://" in proxy else f"http://{proxy}"


def _silence_loggers() -> None:
    """These print whole addresses at INFO and headers at DEBUG."""
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _base_url(base: str) -> httpx.URL:
    try:
        url = httpx.URL(base)
    except (httpx.InvalidURL, UnicodeError) as exc:
        raise SettingsWrong(("UPSTREAM_URL is not a web address",)) from exc
    if url.scheme not in {"http", "https"} or not url.host or url.query or url.fragment:
        raise SettingsWrong(("UPSTREAM_URL must be http(s)://host[/path]",))
    return url


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return (url.scheme, url.host, url.port)


def _credentials(settings: TransportSettings) -> dict[str, str]:
    """The two static headers. Some deployments store the word `Bearer ` inside the value, some without (seen)."""
    bearer = re.sub(r"^bearer\s+", "", settings.bearer.strip(), flags=re.IGNORECASE)
    headers = {settings.auth_header: f"Bearer {bearer}", "token": settings.token.strip()}
    wrong = [name for name, value in headers.items() if not re.fullmatch(r"[\x20-\x7e]*", value)]
    if wrong:
        raise SettingsWrong(tuple(f"the {name} header holds a character that it cannot carry" for name in wrong))
    return headers


def may_be_in_address(id_: str) -> bool:
    """Whether an id leads where it is meant to: of letters, digits, "-", "_", ".", ":", and not of dots alone."""
    return _ID.fullmatch(id_) is not None and id_.strip(".") != ""


_ID = re.compile(r"[A-Za-z0-9_.:-]{1,64}")


def _body(what: str, response: httpx.Response, most: int) -> bytes:
    """The whole body. Raises TooMuch as soon as it is known that it is larger than `most`, packed or not."""
    if int(response.headers.get("content-length", 0)) > most:
        raise _too_much(what, most)
    packed = _at_most(most, what, cast("httpx.SyncByteStream", response.stream))
    return b"".join(_at_most(most, what, _decoded(what, packed, response.headers)))


def _beginning(what: str, response: httpx.Response) -> bytes:
    """The first `_MOST_OF_ERROR` bytes of a body."""
    pieces: list[bytes] = []
    left = _MOST_OF_ERROR
    for piece in _decoded(what, iter(cast("httpx.SyncByteStream", response.stream)), response.headers):
        pieces.append(piece[:left])
        left -= len(pieces[-1])
        if not left:
            break
    return b"".join(pieces)


def _at_most(most: int, what: str, pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The bytes as they come. Raises TooMuch once they are more than `most`."""
    left = most
    for piece in pieces:
        left -= len(piece)
        if left < 0:
            raise _too_much(what, most)
        yield piece


def _too_much(what: str, most: int) -> TooMuch:
    return TooMuch(f"{what}: the answer is larger than {most} bytes")


def _decoded(what: str, packed: Iterator[bytes], headers: httpx.Headers) -> Iterator[bytes]:
    """The body in small pieces, unpacked where it was packed: in one coding at most, and one that was asked for.

    Raises UpstreamBroken for another, or a body that is cut or garbled.
    """
    codings = [one.strip().lower() for one in headers.get("content-encoding", "").split(",")]
    codings = [one for one in codings if one not in {"", "identity"}]
    if not codings:
        yield from packed
        return
    if len(codings) > 1 or codings[0] not in _CODINGS:
        raise UpstreamBroken(f"{what}: the answer is packed in a way that was not asked for")
    is_begun, unpacker = False, zlib.decompressobj(_CODINGS[codings[0]])
    try:
        for piece in packed:
            if piece and not is_begun and codings[0] == "deflate" and piece[0] & 0x0F != zlib.DEFLATED:
                unpacker = zlib.decompressobj(-zlib.MAX_WBITS)  # some leave zlib's head away
            is_begun, rest = is_begun or bool(piece), piece
            while rest and not unpacker.eof:
                yield unpacker.decompress(rest, _WRITE_PIECE)
                rest = unpacker.unconsumed_tail
        yield unpacker.flush()
    except zlib.error as exc:
        raise UpstreamBroken(f"{what}: the answer cannot be decoded") from exc
    if is_begun and not unpacker.eof:
        raise UpstreamBroken(f"{what}: the answer is cut short")


_CODINGS = {"gzip": zlib.MAX_WBITS | 16, "x-gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}


def _unreachable(what: str, exc: httpx.HTTPError, *, is_over: bool) -> Unreachable:
    """The error where no whole answer came; `is_over`: the call's time is."""
    if not isinstance(exc, _NOT_SENT):
        kind = TimedOut if is_over else Unreachable
        return kind(f"{what}: no whole answer ({type(exc).__name__})", sent=True)
    # What the system says of a connection holds no address path, header or body.
    why, todo = _why_not(exc)
    return Unreachable(f"{what}: no connection ({why[:120]})", sent=False, todo=todo)


def _why_not(exc: httpx.HTTPError) -> tuple[str, str | None]:
    """Why there is no connection, and what to do where that is more than to look at the network."""
    tls = _cause(exc, ssl.SSLError)
    if isinstance(tls, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted: {tls.verify_message}", _CERTIFICATES.get(tls.verify_code)
    if tls is not None:
        return f"it does not speak TLS: {tls.reason or 'it hung up'}", _NO_TLS
    if isinstance(exc, httpx.ProxyError):
        return f"the proxy says {exc}", _PROXY
    return f"{type(exc).__name__}: {exc}", None


_OWN_CA = (
    "If the agency's proxy or gateway has a CA of its own, name its certificate (PEM) in SSL_CERT_FILE. If not, "
    "somebody may stand in between: do not go on."
)
_WRONG_HOST = "Check LAPOR_SYNC_UPSTREAM_URL: the server that answers has another name."
_CERTIFICATES = {
    9: "By this machine's clock it does not hold yet: look at `timedatectl`.",
    10: "If this machine's clock is right (`timedatectl`), ask LAPOR's operators to renew it.",
    18: _OWN_CA,
    19: _OWN_CA,
    20: _OWN_CA,
    21: _OWN_CA,
    62: _WRONG_HOST,
    64: _WRONG_HOST,
}
"""What to do, by OpenSSL's number for what is wrong with a certificate (X509_V_ERR_...)."""

_NO_TLS = "Check address and port of LAPOR_SYNC_UPSTREAM_URL, and what stands in between (proxy, firewall)."
_PROXY = "Ask who runs the agency's proxy (HTTPS_PROXY) to let this server through to LAPOR."


def _cause(exc: BaseException | None, kind: type[ssl.SSLError]) -> ssl.SSLError | None:
    while exc is not None and not isinstance(exc, kind):
        exc = exc.__cause__ or exc.__context__
    return exc


def _redirect(what: str, answer: Answer, advice: elsewhere.Advice) -> UpstreamError:
    text = f"{what}: HTTP {answer.status}" + (f", {advice.what}, which is not followed" if advice.what else "")
    return UpstreamBroken(text, http_status=answer.status, todo=advice.todo)


def _error_of(what: str, answer: Answer) -> UpstreamError:
    """The error of an answer to a read that is neither 2xx nor 3xx."""
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


def _may_pass(error: BaseException) -> bool:
    """Whether the same read may succeed in a moment."""
    if not isinstance(error, Unreachable | UpstreamBroken | RateLimited) or isinstance(error, TimedOut | TooMuch):
        return False
    if (error.retry_after or 0) > LONGEST_OBEYED_WAIT:
        return False
    status = error.http_status
    return status is None or status < 300 or status in {408, 429} or status >= 500


def _retry_after(header: str | None, now: Callable[[], datetime]) -> float | None:
    """Seconds from a `Retry-After` in seconds or as a date; None where there is none or it cannot be read."""
    if header is None:
        return None
    if re.fullmatch(r"\s*[0-9]{1,9}\s*", header):
        return min(float(header), _LONGEST_RETRY_AFTER)
    date = _http_date(header)
    return None if date is None else min(max((date - now()).total_seconds(), 0.0), _LONGEST_RETRY_AFTER)


@lru_cache(maxsize=16)  # many answers come in the same second
def _http_date(header: str | None) -> datetime | None:
    if not header:
        return None
    try:
        date = parsedate_to_datetime(header)
        return date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
    except (ValueError, OverflowError, TypeError, IndexError):
        return None
