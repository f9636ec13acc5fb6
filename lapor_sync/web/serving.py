"""The board as a process: waitress serves it, eight requests at a time."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import structlog
from flask import Flask
from waitress.buffers import OverflowableBuffer
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.receiver import ChunkedReceiver, FixedStreamReceiver
from waitress.server import create_server
from waitress.utilities import BadRequest, Error

from lapor_sync.domain.advice import Todo, advise
from lapor_sync.listening import Address, opened
from lapor_sync.web.listening import WHO
from lapor_sync.words import filled
from lapor_sync.words.id import NO_ROOM

THREADS = 8
IDLE_SECONDS = 30
"""So long a connection may say nothing; a slow upload says something."""
CONNECTIONS = 1000
"""So many may be open: those of one slow sender must not be all of them. A process may have 1,024 files by default."""

BETWEEN_CHUNKS = 2**12
"""So many bytes may say how large a chunk is, or stand behind the last one."""

_TODO = "End what listens there, or choose another port with --listen or LAPOR_SYNC_BOARD_LISTEN."


class _NoRoom(Error):
    """Said in place of a page: of a body that found no room on the disk no page can be made."""

    def to_response(self, ident: str | None = None) -> Any:
        words = " ".join(filled(part, {}) for part in NO_ROOM)
        headers = [("Content-Type", "text/plain; charset=utf-8"), ("Retry-After", "30")]
        return "503 Service Unavailable", headers, f"{words}\n".encode()


class _Nowhere(OverflowableBuffer):
    """Takes what comes and keeps nothing."""

    def append(self, data: bytes) -> None:
        pass


class _Parser(HTTPRequestParser):
    """A request whose chunks say little of themselves, and whose body is refused where the disk has no room for it.

    Waitress looks through all that a chunk says anew with each piece that comes, in the one thread that reads all
    connections. A large body lies in a file; if that fails, it closes the connection without a word.
    """

    def received(self, data: bytes) -> int:
        try:
            consumed: int = super().received(data)
        except OSError as exc:
            if not isinstance(self.body_rcv, FixedStreamReceiver):
                raise
            structlog.get_logger().error("board_no_room", what=exc.strerror or "", todo=advise(Todo.CHECK_SPACE))
            self.error = _NoRoom("")
            self.body_rcv.buf = _Nowhere(0)  # the rest is read: a browser shows no answer before it has sent all
            consumed = super().received(data)
        body = self.body_rcv
        if isinstance(body, ChunkedReceiver) and max(len(body.control_line), len(body.trailer)) > BETWEEN_CHUNKS:
            self.error, self.completed = BadRequest("A chunk says too much of itself"), True
        return consumed


class _Channel(HTTPChannel):
    parser_class = _Parser


def need_free(address: Address) -> None:
    """Raise SettingsWrong where nobody could listen there now: so that it is said before what takes long."""
    opened(address, WHO, _TODO).close()


def serve(
    site: Flask,
    address: Address,
    *,
    most_bytes: int,
    trusted_proxy: str | None,
    listening: Callable[[Address], None],
) -> None:
    """Serve the site until SystemExit is raised in this thread, then end what is being answered, five seconds at most.

    `most_bytes`: how large a request may be. `listening` is told the address once it is open. Raises SettingsWrong
    where it cannot be.
    """
    # A burst waits for its turn, which is as it should be: a warning for each that waits says nothing that helps.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    options: dict[str, Any] = {}
    if trusted_proxy is not None:
        options = {
            "trusted_proxy": trusted_proxy,
            "trusted_proxy_headers": {"x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"},
        }
    for name in site.jinja_env.list_templates():
        site.jinja_env.get_template(name)  # compiled now, and not while the first fifty wait
    with opened(address, WHO, _TODO) as one:
        server: Any = create_server(
            site,
            sockets=[one],
            threads=THREADS,
            ident=None,
            channel_timeout=IDLE_SECONDS,
            cleanup_interval=5,
            connection_limit=CONNECTIONS,
            asyncore_use_poll=True,
            max_request_body_size=most_bytes,
            max_request_header_size=2**15,
            clear_untrusted_proxy_headers=True,
            **options,
        )
        server.channel_class = _Channel
        listening(Address(address.host, one.getsockname()[1]))
        server.run()
