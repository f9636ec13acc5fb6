"""How much memory large answers may take together: one is taken apart at a time, and few are kept.

A connector reads many records at once, and each may be as large as a record can be. What is small passes freely.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from lapor_sync.domain.errors import NotNow

T = TypeVar("T")

SMALL = 64 * 1024
"""An answer of so many bytes is not counted."""

MOST = 256 * 1024 * 1024
"""Bytes of memory that the others take together, by estimate. One alone always has room."""


def weight(body: bytes) -> int:
    """About how many bytes of memory an answer takes once it is read: as it came, and as values.

    One letter beyond ASCII can make of each other letter of its text four bytes.
    """
    return len(body) * (3 if body.isascii() else 10) + body.count(b",") * 100


class Room:
    """What was read of records and is not dealt with yet; safe to use from many threads."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._held = 0
        self._counting = threading.Lock()
        self.one_at_a_time = threading.Lock()

    @contextmanager
    def share(self) -> Iterator[Share]:
        """Room for one record while it is read. It is free again at the end, if nothing keeps it."""
        mine = Share(self)
        try:
            yield mine
        finally:
            mine.leave()

    def enter(self, size: int, mine: int) -> None:
        """Take so much room beside what is `mine`. Raises NotNow where others leave too little."""
        with self._counting:
            if self._held > mine and self._held + size > self._most:
                raise NotNow("large answers that came before it are not dealt with yet")
            self._held += size

    def leave(self, size: int) -> None:
        """Give back so much room."""
        with self._counting:
            self._held -= size


class Share:
    """One record's part of the room."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._size = self._came = 0

    def parsed(self, body: bytes, parse: Callable[[], T]) -> T:
        """What `parse` makes of a body. Raises NotNow where all that came is large and finds none."""
        self._came += len(body)
        if self._came <= SMALL:
            return parse()
        with self._room.one_at_a_time:
            size = weight(body)
            self._room.enter(size, self._size)
            self._size += size
            return parse()

    def made(self, make: Callable[[], T]) -> T:
        """What `make` makes of all that was parsed; it keeps the room for as long as it lives."""
        if not self._size:
            return make()
        with self._room.one_at_a_time:
            result = make()
        weakref.finalize(result, self._room.leave, self._size)
        self._size = 0
        return result

    def leave(self) -> None:
        """Give back what nothing keeps."""
        self._room.leave(self._size)
        self._size = 0
