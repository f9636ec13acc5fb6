"""Sockets that keep the running call's limit, and tell an answer to it from any other bytes."""

from __future__ import annotations

import fcntl
import select
import socket
import ssl
import struct
import termios
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress

import httpcore

from connectors.transport import framing
from connectors.transport.limits import PIECE, Limit

_SLICE = 0.5
_MOST_KEPT = 1024 * 1024
"""Bytes of an answer in which its end is looked for; after a longer one its connection is closed."""
_PATIENCE_AT_END = 0.5


class BoundedStream(httpcore.NetworkStream):
    """A socket whose reads and writes together end with the call's limit, headers and chunk sizes included.

    It hears what comes before its time, and keeps what came since the last request, so that an answer can be told
    from one that belongs to no request, or to another.
    """

    def __init__(self, stream: httpcore.NetworkStream, limit: Limit) -> None:
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
        for at in range(0, len(buffer), PIECE):
            if self.hears_an_answer():
                self._limit.is_early = True
                raise httpcore.WriteError("answered before it had left")  # httpcore reads that answer then
            self._limit.prove_that_it_may_leave()  # last: from here the bytes go
            left = self._limit.left()
            if left <= 0:
                raise httpcore.WriteTimeout
            try:
                self._stream.write(buffer[at : at + PIECE], timeout=left)
            except httpcore.WriteError:
                self._limit.is_early = True
                raise

    def hears_an_answer(self) -> bool:
        """Return whether there is one that nobody waits for yet, or any more; the connection's end is none.

        TLS has messages of its own that make a socket readable (RFC 8446, 4.6).
        """
        if _is_readable(self._socket) and not self._ahead:
            with suppress(httpcore.ReadTimeout, httpcore.ReadError):  # what is broken is told by the write
                self._ahead = self._stream.read(PIECE, timeout=0.001)
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

    def doubt(self, response: httpcore.Response, headers: Mapping[str, str], *, to_its_end: bool) -> str:
        """Why an answer that was read whole may not be the one to the request; "" where nothing speaks against it.

        `to_its_end`: where the peer says that it closes the connection, that is waited for: it is broken off where a
        part of the request was not read (RFC 9112, 9.6).
        """
        if self._limit.is_early:
            return "it came before the request had left"
        heard = self._all_heard()
        more = framing.surplus(heard, headers, response.status)
        self._limit.is_clean, self._limit.has_more = more == b"", bool(more and more.strip(b"\r\n"))
        if (
            to_its_end
            and more is not None
            and framing.closes(headers, response.extensions.get("http_version", b""))
        ):
            try:
                more += self._stream.read(PIECE, timeout=_PATIENCE_AT_END)
            except httpcore.ReadTimeout:
                pass
            except httpcore.ReadError as exc:
                if isinstance(exc.__cause__, ConnectionResetError):
                    return "the connection was broken off before the request was read"
        if more and more.strip(b"\r\n"):
            return "more came than one answer"
        said = framing.objection(framing.trailers(heard, headers)) if to_its_end else ""
        return f"a field behind its body says otherwise: {said}" if said else ""

    def trailers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Return what stands behind the last chunk of an answer that was read whole."""
        return framing.trailers(self._all_heard(), headers) if "transfer-encoding" in headers else {}

    def _all_heard(self) -> bytes:
        """What came since the last request; nothing of what is too long to be kept."""
        return b"".join(self._heard) if self._size <= _MOST_KEPT else b""

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return BoundedStream(self._stream.start_tls(ssl_context, server_hostname, timeout), self._limit)

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)


def _is_readable(sock: socket.socket | None) -> bool:
    if sock is None:
        return False
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))


class BoundedBackend(httpcore.SyncBackend):
    """Opens sockets that know the call's limit, and keeps it while it tries one address of a name after the other."""

    def __init__(self, limit: Limit, may_reach: Callable[[str], bool] | None = None) -> None:
        self._limit = limit
        self._may_reach = may_reach

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
        if self._may_reach is not None and not all(map(self._may_reach, addresses)):
            raise httpcore.ConnectError("its address leads into a private network")
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
                return BoundedStream(stream, self._limit)
        raise failed


def _addresses(host: str, port: int) -> list[str]:
    """What the name stands for, in the system's order. Raises httpcore.ConnectError."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (UnicodeError, OverflowError, OSError) as exc:  # only the resolver finds that it is no name or port
        raise httpcore.ConnectError(str(exc) if isinstance(exc, OSError) else "no such host or port") from exc
    return list(dict.fromkeys(str(address[0]) for *_, address in found))
