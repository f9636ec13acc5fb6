"""One connection at a time, kept from call to call: requests leave over it, and httptools reads their answers.

httpcore's own pool, with h11 inside, took half of a read's processor time. What asks and answers is httpcore's all the
same (requests, answers, sockets, errors). Its pool is used through a proxy, and for each call that goes alone.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from contextlib import suppress

import httpcore
import httptools

from connectors.transport.limits import PIECE

IDLE_SECONDS = 5.0
"""A connection that lay so long is opened anew: upstream may be about to close it."""

_MOST_BESIDE = 100 * 1024
"""Bytes in a row that belong to no body: a head, or what stands between and behind the pieces of a body."""


class Wire:
    """A connection that is opened when a request needs it. One request at a time.

    `stream` is the one that is open; `asked_for` what was asked for over it, as who asks says that.
    """

    def __init__(self, context: ssl.SSLContext, backend: httpcore.NetworkBackend) -> None:
        self._context, self._backend = context, backend
        self._origin: httpcore.Origin | None = None
        self.stream: httpcore.NetworkStream | None = None
        self.asked_for: set[str] = set()
        self._left_at = 0.0

    def handle_request(self, request: httpcore.Request) -> httpcore.Response:
        """Send a request, which has no body, and return its answer, of which the body is not read yet.

        Raises httpcore's errors.
        """
        head = _head_of(request)
        stream = self._opened(request)
        answer = _Incoming(self, stream)
        try:
            with suppress(httpcore.WriteError):  # upstream may have answered and closed before it had it all
                stream.write(head)
            answer.read_head()
        except BaseException:
            self.close()
            raise
        extensions = {
            "http_version": answer.version,
            "reason_phrase": answer.reason,
            "network_stream": stream,
        }
        return httpcore.Response(answer.status, headers=answer.headers, content=answer, extensions=extensions)

    def close(self) -> None:
        """Close the connection; the next request opens another one."""
        if self.stream is not None:
            self.stream.close()
        self.stream = None

    def leave(self, *, open: bool) -> None:
        """End a call, of which the connection may stay open or not."""
        self._left_at = time.monotonic()
        if not open:
            self.close()

    def _opened(self, request: httpcore.Request) -> httpcore.NetworkStream:
        origin = request.url.origin
        stream = self.stream
        is_old = self._origin != origin or time.monotonic() - self._left_at > IDLE_SECONDS
        if stream is None or is_old or stream.get_extra_info("is_readable"):
            self.close()
            stream = self._connected(origin, request.extensions["timeout"]["connect"])
            self._origin, self.stream, self.asked_for = origin, stream, set()
        return stream

    def _connected(self, origin: httpcore.Origin, seconds: float) -> httpcore.NetworkStream:
        host = origin.host.decode("ascii")
        stream = self._backend.connect_tcp(host, origin.port, seconds)
        return stream.start_tls(self._context, host, seconds) if origin.scheme == b"https" else stream


def _head_of(request: httpcore.Request) -> bytes:
    """A request's lines. Raises LocalProtocolError where a value of it would be a line of its own."""
    lines = [b"%b %b HTTP/1.1" % (request.method, request.url.target)]
    lines += [b"%b: %b" % header for header in request.headers]
    head = b"\r\n".join((*lines, b"", b""))
    if head.count(b"\n") != len(lines) + 1 or head.count(b"\r") != len(lines) + 1:
        raise httpcore.LocalProtocolError("a header holds the end of a line")
    return head


class _Incoming:
    """One answer as it comes: the parser tells it of the parts, and who reads the body goes through it."""

    def __init__(self, wire: Wire, stream: httpcore.NetworkStream) -> None:
        self._wire, self._stream = wire, stream
        self._parser = httptools.HttpResponseParser(self)
        # As some gateways write, and can be read in one way only: both lengths, of which that of the chunks counts (RFC
        # 9112, 6.3), lines that end without CR, and spaces behind a chunk's size.
        self._parser.set_dangerous_leniencies(
            lenient_chunked_length=True,
            lenient_optional_cr_before_lf=True,
            lenient_spaces_after_chunk_size=True,
        )
        self.status, self.reason, self.headers = 0, b"", list[tuple[bytes, bytes]]()
        self._pieces: list[bytes] = []
        self._beside = 0
        self._is_headed = self._is_done = self._stays = False

    @property
    def version(self) -> bytes:
        return b"HTTP/" + self._parser.get_http_version().encode()

    def read_head(self) -> None:
        """Read until all headers of the answer are there; what came of its body meanwhile is kept."""
        while not self._is_headed:
            self._receive()

    def __iter__(self) -> Iterator[bytes]:
        while self._pieces or not self._is_done:
            if not self._pieces:
                self._receive()
            pieces, self._pieces = self._pieces, []
            yield from pieces

    def close(self) -> None:
        """End the call: the connection goes where the answer was not read to its end, or ends with it."""
        self._wire.leave(open=self._is_done and self._stays)

    def _receive(self) -> None:
        data = self._stream.read(PIECE)
        if not data:
            self._end_with_connection()
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as exc:
            if not self._is_done:  # what comes behind an answer is looked at elsewhere
                raise httpcore.RemoteProtocolError(str(exc)) from exc
        self._beside = 0 if self._pieces else self._beside + len(data)
        if self._beside > _MOST_BESIDE:
            raise httpcore.RemoteProtocolError("its head is too long")

    def _end_with_connection(self) -> None:
        """The connection's end is that of an answer which does not say its length."""
        told = {name.lower() for name, _ in self.headers} & {b"content-length", b"transfer-encoding"}
        if told or not self._is_headed:
            raise httpcore.RemoteProtocolError("the connection ended before the answer")
        self._is_done = True

    # What the parser calls. A further answer in the same piece is none of this one's.

    def on_status(self, reason: bytes) -> None:
        if not self._is_headed:
            self.reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._is_headed:
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        if self._is_headed:
            return
        self.status = self._parser.get_status_code()
        if self.status >= 200:
            self._demand_length()
            self._is_headed = True
        else:
            self.reason, self.headers = b"", []  # an interim answer

    def _demand_length(self) -> None:
        """Raises RemoteProtocolError where a coding hides where the body ends: that would be awaited in vain."""
        codings = b",".join(value for name, value in self.headers if name.lower() == b"transfer-encoding")
        if codings and codings.rpartition(b",")[2].strip().lower() != b"chunked":
            raise httpcore.RemoteProtocolError("it does not say where it ends")

    def on_body(self, body: bytes) -> None:
        if not self._is_done:
            self._pieces.append(body)

    def on_message_complete(self) -> None:
        if self._is_headed and not self._is_done:
            self._is_done, self._stays = True, self._parser.should_keep_alive()
