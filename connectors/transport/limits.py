"""What one call may take: time, and bytes as they come and as they unpack."""

from __future__ import annotations

import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping

from lapor_sync.domain.errors import TooMuch, UpstreamBroken

_MOST_OF_ERROR = 256 * 1024
"""Of the body of an answer that is no 2xx so much is read: what it says stands at its beginning."""

PIECE = 65_536


def never() -> bool:
    """Return False: nobody asks it to stop."""
    return False


def always() -> bool:
    """Return True: it may leave."""
    return True


class Withheld(Exception):
    """A write may not leave, or not go on leaving."""


class Limit(threading.local):
    """The running call's end, one per thread. Sockets live in real time, whatever clock a demo runs on.

    `has_left`: whether a piece of the running write was handed to the socket. `is_early`: an answer came before the
    whole request had left. `is_clean`: one answer came over the connection, and nothing else; `has_more`: something
    else certainly did.
    """

    until = float("inf")
    stopping: Callable[[], bool] = staticmethod(never)
    may_leave: Callable[[], bool] = staticmethod(always)
    has_left = is_early = is_clean = has_more = False

    def begin(self, seconds: float, stopping: Callable[[], bool], may_leave: Callable[[], bool] = always) -> None:
        """Begin a call of this thread, which may take so many seconds."""
        self.until = time.monotonic() + seconds
        self.stopping, self.may_leave = stopping, may_leave
        self.has_left = self.is_early = self.is_clean = self.has_more = False

    def prove_that_it_may_leave(self) -> None:
        """Raise Withheld where nothing more of the running call may leave."""
        if not self.may_leave():
            raise Withheld
        self.has_left = True

    def left(self) -> float:
        """Return how many seconds are left; negative where its time is over."""
        return self.until - time.monotonic()


def whole_body(what: str, pieces: Iterator[bytes], headers: Mapping[str, str], most: int) -> bytes:
    """Return the whole body. Raises TooMuch as soon as it is known that it is larger than `most`, packed or not."""
    if int(headers.get("content-length", 0)) > most:
        raise _too_much(what, most)
    packed, body = _at_most(most, what, pieces), bytearray()
    for piece in _at_most(most, what, _decoded(what, packed, headers)):
        body += piece  # kept one by one, pieces of two bytes would take thirty times their length
    return bytes(body)


def beginning_of(what: str, pieces: Iterator[bytes], headers: Mapping[str, str]) -> bytes:
    """Return the first bytes of a body that is an error's; none where it cannot be unpacked: its head says enough."""
    taken: list[bytes] = []
    left = _MOST_OF_ERROR
    try:
        for piece in _decoded(what, pieces, headers):
            taken.append(piece[:left])
            left -= len(taken[-1])
            if not left:
                break
    except UpstreamBroken:
        return b""
    return b"".join(taken)


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


def _decoded(what: str, packed: Iterator[bytes], headers: Mapping[str, str]) -> Iterator[bytes]:
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
    is_begun, unpacker, behind = False, zlib.decompressobj(_CODINGS[codings[0]]), b""
    try:
        for piece in packed:
            if piece and not is_begun and codings[0] == "deflate" and piece[0] & 0x0F != zlib.DEFLATED:
                unpacker = zlib.decompressobj(-zlib.MAX_WBITS)  # some leave zlib's head away
            is_begun, rest = is_begun or bool(piece), piece
            while rest:
                if unpacker.eof:
                    # Gzip may come in several parts (RFC 1952, 2.2); anything else behind it is passed over.
                    rest = behind + rest
                    if codings[0] == "deflate" or not rest.startswith(_GZIP):
                        behind = rest[: len(_GZIP)]
                        break
                    unpacker, behind = zlib.decompressobj(_CODINGS[codings[0]]), b""
                yield unpacker.decompress(rest, PIECE)
                rest = unpacker.unconsumed_tail or unpacker.unused_data
        yield unpacker.flush()
    except zlib.error as exc:
        raise UpstreamBroken(f"{what}: the answer cannot be decoded") from exc
    if is_begun and not unpacker.eof:
        raise UpstreamBroken(f"{what}: the answer is cut short")


_CODINGS = {"gzip": zlib.MAX_WBITS | 16, "x-gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}
_GZIP = b"\x1f\x8b"
