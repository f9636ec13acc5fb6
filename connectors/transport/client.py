"""The calls: requests, their tries, and their answers."""

from __future__ import annotations

import logging
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import urlencode

import httpcore
import httpx
import tenacity

from connectors.transport import framing, redirects, tls
from connectors.transport.addresses import address_of, base_url_of, origin_of, target_of, target_of_call
from connectors.transport.answers import NO_ANSWER, Answer, error_of, may_pass, no_answer, redirected, withheld
from connectors.transport.connections import Lane, Opener, Way, as_asked, heads_of
from connectors.transport.limits import Limit, Withheld, always, beginning_of, never, whole_body
from connectors.transport.pacing import Line, Pacer, retry_after_of
from connectors.transport.settings import HEADERS, TransportSettings, credentials_of, timeouts_of
from connectors.transport.sockets import BoundedStream
from connectors.transport.upstream_clock import LATE, UpstreamClock
from connectors.transport.wire import Wire
from lapor_sync.domain.errors import BadInput, Denied, Unreachable, UpstreamBroken, UpstreamError
from lapor_sync.domain.ports import Clock

T = TypeVar("T")

Part = tuple[str, tuple[str | None, str | bytes]]
"""One part of a multipart body: name, (file name or None, value)."""

Heard = Callable[[str, str, float], None]
"""Hears of a request: which call, without an id; 2xx, 3xx, 4xx, 5xx or none; how many seconds."""

Shown = Callable[[str, str, Mapping[str, str | int], Answer], None]
"""Is shown each answer to a read: which call, without the id, of which id, with which parameters."""

_Advise = Callable[[str, str, str], redirects.SentOn]

_ANY_FILE = "application/json;q=0.9, */*;q=0.8"
"""Of a file: a framework says in JSON what failed to whom takes JSON first, and gives a file to whom takes any."""

_NAP = 0.25
_LEAVE_ALONE = frozenset({429, 503})
"""With a `Retry-After` beside it, the gateway wants to be left alone by everybody."""


def nobody(_call: str, _outcome: str, _seconds: float) -> None:
    """Nobody hears of requests."""


class Transport:
    """The HTTP client of one upstream; safe to use from many threads; close it, or use it in `with`."""

    def __init__(
        self,
        settings: TransportSettings,
        *,
        clock: Clock,
        stopping: Callable[[], bool] = never,
        may_leave: Callable[[], bool] = always,
        heard: Heard = nobody,
        shown: Shown | None = None,
        line: Line | None = None,
    ) -> None:
        """`stopping` is asked while waiting: once true, reads end within about a second, and nothing new leaves.

        `may_leave` is asked before each piece of a write is handed to the socket, its connection being open: where it
        says no, nothing more of it leaves. `heard` is told of each request when it is over; `shown` is given each answer
        to a read, whatever its status. `line` is the one before the gateway that other processes stand in, too.

        Raises SettingsWrong where the address, the credentials, or the environment's proxy or certificates cannot
        be used in a request.
        """
        self._settings = settings
        self._clock = clock
        self._stopping = stopping
        self._may_leave = may_leave
        self._heard = heard
        self._shown = shown
        self._line = line
        self._base = settings.base_url.strip().rstrip("/")
        self._base_url = base_url_of(self._base)
        self._anonymous = httpx.Headers(HEADERS)
        heads = {"Host": self._base_url.netloc.decode(), **HEADERS, **credentials_of(settings)}
        self._credentials = httpx.Headers(heads)
        self._own_connection = httpx.Headers({**heads, "Connection": "close"})
        self._limit = Limit()
        self._slots = threading.BoundedSemaphore(settings.concurrency)
        self._pacer = Pacer(settings.rate_per_second, clock)
        self._upstream_clock = UpstreamClock(clock)
        self._tls: ssl.SSLObject | None = None
        self._retrying = self._plan_retries()
        _silence_loggers()
        self._opener = Opener(self._limit, self._base_url.host)
        self._lanes = tuple(self._opener.lane() for _ in range(settings.concurrency))
        self._free = list(self._lanes)
        self._crossed: set[str] = set()
        self._timeout = timeouts_of(settings)

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

    def crossed(self) -> frozenset[str]:
        """Return the ids (`of`) that were read over a kept connection on which an answer came that nobody waited for,
        since this was last asked: each may have got the answer to another. Nothing may be read meanwhile."""
        for lane in self._free:
            self._look_back(lane)
        found, self._crossed = self._crossed, set()
        return frozenset(found - {""})

    def certificate_end(self) -> datetime | None:
        """Until when the certificate holds that came with the last answer; None without TLS, or before any."""
        return tls.end_of(self._tls)

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
        url = address_of(self._base, path, of) + query
        most = min(most or self._settings.max_body, self._settings.max_body)
        headers = self._own_connection if fresh else self._credentials
        target = target_of_call(self._base, path, of) + query.encode()
        host = self._base_url
        where = httpcore.URL(scheme=host.raw_scheme, host=host.raw_host, port=host.port, target=target)

        def get() -> T:
            request = httpcore.Request("GET", where, headers=headers.raw, extensions={"timeout": self._timeout})
            answer = self._get(what, request, most, of, fresh=fresh)
            if self._shown is not None:
                self._shown(what, of, params or {}, answer)
            return self._parsed(what, parse, self._sound(what, answer, url))

        return self._retrying(get)

    def fetch(self, url: str, parse: Callable[[Answer], T]) -> T:
        """GET a file that upstream names, and parse the answer; credentials go only to the base's own host.

        `url` may be relative to the base. Raises as `read`; a foreign host's 401 or 403 says nothing of our
        credentials and is UpstreamBroken.
        """
        what = "GET attachment"
        target = target_of(what, url, self._base_url)
        is_ours = origin_of(target) == origin_of(self._base_url)
        headers = httpx.Headers(self._credentials if is_ours else self._anonymous)
        headers["Accept"] = _ANY_FILE

        def get() -> T:
            request = as_asked(self._request("GET", str(target), headers))
            answer = self._get(what, request, self._settings.max_file)
            return self._parsed(what, parse, self._sound(what, answer, str(target), redirects.of_file))

        try:
            return self._retrying(get)
        except UpstreamError as exc:
            exc.todo = redirects.of_failed_file(exc, is_foreign=not is_ours)
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
            asked = self._request("POST", address_of(self._base, path, of), self._own_connection, **content)
            asked.read()  # one piece for the socket: a form leaves in one for each field and file else
            request = as_asked(asked)
        except UnicodeError as exc:
            raise BadInput("the text holds characters that cannot be sent") from exc
        return self._write(f"POST {path}", request)

    def _get(
        self, what: str, request: httpcore.Request, most: int, of: str = "", *, fresh: bool = False
    ) -> Answer:
        """One answer, whatever its status."""
        with self._turn(what):
            self._limit.begin(self._settings.read_timeout, self._stopping)
            if fresh:
                return self._alone(what, request, most)
            lane = self._lane()
            way = lane[request.url.scheme]
            try:
                return self._exchange(what, way, request, most)
            finally:
                if isinstance(way, Wire):
                    way.asked_for.add(of)
                self._give_back(lane)

    def _sound(self, what: str, answer: Answer, url: str, advise: _Advise = redirects.of_call) -> Answer:
        """The answer to a read, where it is a success. Raises UpstreamError where it is none."""
        if 300 <= answer.status < 400:
            raise redirected(what, answer, advise(url, answer.location, self._base))
        if not 200 <= answer.status < 300:
            raise error_of(what, answer)
        return answer

    def _alone(self, what: str, request: httpcore.Request, most: int) -> Answer:
        """One call over a connection of its own, opened for it and closed after it.

        On a kept one an answer too many, that came with the last one, would be taken for the answer to this.
        """
        wire = self._opener.alone(request.url.scheme)
        try:
            return self._exchange(what, wire, request, most)
        finally:
            wire.close()

    def _give_back(self, lane: Lane) -> None:
        """Free a lane for the next call; its connections go unless nothing but one answer came over them."""
        if not self._limit.is_clean:
            for scheme, wire in lane.items():
                self._close(wire, is_crossed=self._limit.is_early or self._limit.has_more)
                lane[scheme] = self._opener.kept(scheme)
        self._free.append(lane)

    def _look_back(self, lane: Lane) -> None:
        """Close what an answer came over that nobody waits for: it came late, and each read before it may have got that
        of the one before."""
        for wire in lane.values():
            if isinstance(wire, Wire) and isinstance(wire.stream, BoundedStream) and wire.stream.hears_an_answer():
                self._close(wire, is_crossed=True)

    def _close(self, wire: Way, *, is_crossed: bool) -> None:
        if is_crossed and isinstance(wire, Wire):
            self._crossed.update(wire.asked_for)
        wire.close()

    def _request(self, method: str, url: str, headers: httpx.Headers, **content: Any) -> httpx.Request:
        extensions = {"timeout": self._timeout}
        return httpx.Request(method, url, headers=headers, extensions=extensions, **content)

    def _parsed(self, what: str, parse: Callable[[Answer], T], answer: Answer) -> T:
        try:
            return parse(answer)
        except UpstreamBroken as exc:
            raise type(exc)(f"{what}: {exc.what}", todo=exc.todo, http_status=answer.status) from exc

    def _write(self, what: str, request: httpcore.Request) -> Answer:
        with self._turn(what, is_write=True):
            self._limit.begin(self._settings.read_timeout, never, self._may_leave)
            return self._alone(what, request, self._settings.max_body)

    @contextmanager
    def _turn(self, what: str, *, is_write: bool = False) -> Iterator[None]:
        """One of the calls that may be in flight, when its time has come."""
        with self._slots:
            self._wait(self._pacer.reserve())
            if self._line is not None and not self._line.wait(self._wait, self._stopping, first=is_write):
                raise Unreachable(f"{what}: not begun, the gateway asked to be left alone", sent=False)
            if self._stopping():
                raise Unreachable(f"{what}: not begun, the process is stopping", sent=False)
            yield

    def _exchange(self, what: str, wire: Way, request: httpcore.Request, most: int) -> Answer:
        """One request and its whole answer, within the bounds."""
        began, outcome = self._clock.monotonic(), "none"
        try:
            answer = self._answer(what, wire, request, most)
            if self._line is not None and answer.status in _LEAVE_ALONE and answer.retry_after:
                self._line.pause(answer.retry_after)
            outcome = f"{answer.status // 100}xx"
            return answer
        except Withheld as exc:
            raise withheld(what, has_left=self._limit.has_left) from exc
        except ValueError as exc:  # bytes in a head that cannot be read
            raise UpstreamBroken(f"{what}: the answer cannot be decoded") from exc
        except NO_ANSWER as exc:
            raise no_answer(what, exc, is_over=self._limit.left() <= 0) from exc
        finally:
            self._heard(what, outcome, self._clock.monotonic() - began)

    def _answer(self, what: str, wire: Way, request: httpcore.Request, most: int) -> Answer:
        began, started = self._clock.now(), self._clock.monotonic()
        response = wire.handle_request(request)
        try:
            arrived = self._clock.monotonic()
            headers = heads_of(response)
            age = framing.cached_seconds(headers)
            is_old = age is None or age > LATE
            if request.url.host == self._base_url.raw_host:
                stream = response.extensions.get("network_stream")
                self._tls = stream.get_extra_info("ssl_object") if stream else None
                date = headers.get("date")
                is_old = is_old or self._upstream_clock.is_older(date, started)
                began = self._upstream_clock.learn(date, started, arrived, is_now=age == 0) or began
            is_success, pieces = 200 <= response.status < 300, response.iter_stream()
            body = whole_body(what, pieces, headers, most) if is_success else beginning_of(what, pieces, headers)
            doubt = self._doubt(what, response, headers, is_write=request.method == b"POST")
            if age is None or (request.method == b"POST" and (age or is_old)):
                doubt = doubt or "it came from a cache"
            said = _with_trailers(headers, response)
            return Answer(
                status=response.status,
                body=body,
                began_at=began - timedelta(seconds=age or 0),
                retry_after=retry_after_of(headers.get("retry-after"), self.upstream_now),
                objection=framing.objection(headers, _reason_of(response)),
                link=headers.get("link", ""),
                counts=framing.counts(said),
                dates=framing.dates(said),
                heads=framing.heads(said),
                location=headers.get("location", ""),
                media_type=headers.get("content-type", ""),
                is_measured=("content-length" in headers) != ("transfer-encoding" in headers),
                is_old=is_old,
                doubt=doubt,
            )
        finally:
            response.close()

    def _doubt(self, what: str, response: httpcore.Response, headers: Mapping[str, str], *, is_write: bool) -> str:
        """Why an answer that came whole may not be the one to this request.

        Raises Unreachable for a read that should be asked anew: on a kept connection the answer may be to another call.
        """
        stream = response.extensions.get("network_stream")
        if not isinstance(stream, BoundedStream):
            return ""  # no socket of ours
        doubt = stream.doubt(response, headers, to_its_end=is_write)
        if doubt and not is_write and (self._limit.is_early or not stream.is_new):
            raise Unreachable(f"{what}: the answer is not sound: {doubt}", sent=True)
        return doubt

    def _lane(self) -> Lane:
        """The lane that was used last of those that are free: calls one by one go over one connection."""
        if not self._lanes:
            raise RuntimeError("the transport is closed")
        lane = self._free.pop()
        self._look_back(lane)
        return lane

    def _plan_retries(self) -> tenacity.Retrying:
        return tenacity.Retrying(
            stop=self._is_given_up,
            retry=tenacity.retry_if_exception(may_pass),
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


def _with_trailers(headers: Mapping[str, str], response: httpcore.Response) -> Mapping[str, str]:
    """An answer's headers, and what stands behind its last chunk, each told where both have it."""
    stream = response.extensions.get("network_stream")
    behind = stream.trailers(headers) if isinstance(stream, BoundedStream) else {}
    return {
        **headers,
        **{name: ", ".join((*filter(None, [headers.get(name)]), value)) for name, value in behind.items()},
    }


def _reason_of(response: httpcore.Response) -> str:
    said = response.extensions.get("reason_phrase", b"")
    return said.decode("latin-1") if isinstance(said, bytes) else ""


def _silence_loggers() -> None:
    """These print whole addresses at INFO and headers at DEBUG."""
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
