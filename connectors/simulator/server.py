"""The stand-in on a socket: HTTP/1.1 with kept connections, a thread for each, quiet.

`Desk` takes a call and gives a reply, sound or spoiled; the rest of this file is sockets.
"""

from __future__ import annotations

import socket
import sys
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from threading import Condition, Event, Thread
from types import TracebackType
from typing import Any, Self, cast
from urllib.parse import parse_qsl, urlsplit

from connectors.simulator.clock import http_date, iso
from connectors.simulator.control import PREFIX, control
from connectors.simulator.http_face import BASE, Api, route_of, stored_file
from connectors.simulator.messages import Call, Reply, html_reply
from connectors.simulator.mishaps import Mishap, spoil
from connectors.simulator.options import Options
from connectors.simulator.world import World

BODY_LIMIT = 64 * 1024 * 1024
_DEFAULTS = Options()
_PHRASES = {status.value: status.phrase for status in HTTPStatus}


class Desk:
    """Where calls come in: sorts them, lets the day spoil some, writes all of the API's in the journal."""

    def __init__(self, world: World, files_url: str) -> None:
        self.world = world
        self._api = Api(world, files_url)

    def answer(self, call: Call) -> Reply:
        """The reply to any call on this port."""
        if call.path.startswith(PREFIX):
            return control(self.world, call)
        return self._journaled(call)

    def _journaled(self, call: Call) -> Reply:
        self.world.journal.begin()
        row: dict[str, Any] = {"t": iso(self.world.clock.now()), "method": call.method, "path": call.target}
        label, reply, fault = "failed", Reply(status=500), None
        try:
            label, reply, fault = self._answered(call)
        finally:
            status = 0 if reply.cut == "all" else reply.status
            row |= {"status": status, "fault": str(fault) if fault else None}
            self.world.journal.end(label, row)
        return reply

    def _answered(self, call: Call) -> tuple[str, Reply, Mishap | None]:
        if call.path.startswith("/files/"):
            return "GET /files", stored_file(self.world, call), None
        if not call.path.startswith(BASE + "/"):
            return "elsewhere", html_reply(404, "404 Not Found"), None
        route, params = route_of(call)
        label = route.label if route else "unknown"
        fault = self.world.weather.mishap(call)
        if fault is None:
            return label, self._api.answer(call, route, params), None
        good = self._api.answer(call, route, params) if fault.stored else None
        return label, spoil(fault, good), fault


class _Server(ThreadingHTTPServer):
    """Keeps track of its connections, so that stopping closes those that clients keep open."""

    request_queue_size = 128
    daemon_threads = True

    def __init__(self, address: tuple[str, int], world: World) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, _Handler)
        self.desk = Desk(world, self._files_url())
        self._open: set[socket.socket] = set()
        self._changed = Condition()

    def server_bind(self) -> None:
        """Bind, without the look-up of the host's name that the library does here (it can take seconds)."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "simulator", int(self.server_address[1])

    @property
    def origin(self) -> str:
        """Scheme, host and port to call it under."""
        host, port = self.server_address[0], self.server_address[1]
        name = str(host).replace("0.0.0.0", "127.0.0.1")
        return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"

    def _files_url(self) -> str:
        # Files lie on another host upstream; the nearest thing here is another name for this machine.
        return self.origin.replace("127.0.0.1", "localhost") + "/files"

    def opened(self, connection: socket.socket) -> None:
        with self._changed:
            self._open.add(connection)

    def closed(self, connection: socket.socket) -> None:
        with self._changed:
            self._open.discard(connection)
            self._changed.notify_all()

    def hang_up(self) -> None:
        """Close every connection and wait a moment for their threads."""
        with self._changed:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            self._changed.wait_for(lambda: not self._open, timeout=1.0)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that went away is no news; anything else is a defect and is printed."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    @property
    def _owner(self) -> _Server:
        return cast(_Server, self.server)

    def setup(self) -> None:
        super().setup()
        self._owner.opened(self.connection)

    def finish(self) -> None:
        self._owner.closed(self.connection)
        super().finish()

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet: the journal has it."""

    def _serve(self) -> None:
        try:
            call = self._call()
        except ValueError as wrong:
            self.close_connection = True
            self._send(html_reply(400, str(wrong)))
            return
        self._send(self._owner.desk.answer(call))

    do_GET = do_POST = do_DELETE = do_PUT = do_PATCH = do_HEAD = _serve  # noqa: N815 - names that http.server calls

    def _call(self) -> Call:
        parts = urlsplit(self.path)
        return Call(
            method=self.command,
            path=parts.path,
            query=dict(parse_qsl(parts.query)),
            target=self.path,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self._body(),
        )

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return self._chunks()
        return self._read(int(self.headers.get("Content-Length", 0)))

    def _read(self, length: int) -> bytes:
        if not 0 <= length <= BODY_LIMIT:
            raise ValueError("Request body of an impossible length")
        data = self.rfile.read(length)
        if len(data) < length:
            # A caller that was killed while sending: half a body must never be taken for a call.
            raise ConnectionAbortedError("the caller went away in the middle of its body")
        return data

    def _chunks(self) -> bytes:
        body = b""
        while length := int(self.rfile.readline().split(b";")[0], 16):
            body += self._read(length)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _send(self, reply: Reply) -> None:
        if reply.cut != "none":
            self.close_connection = True
        if reply.cut == "all":
            return
        body = reply.body[: len(reply.body) // 2] if reply.cut == "half" else reply.body
        self.wfile.write(self._head(reply) + (b"" if self.command == "HEAD" else body))

    def _head(self, reply: Reply) -> bytes:
        # One write for all of it: several small ones would wait for each other on the wire.
        lines = {
            "Date": http_date(self._owner.desk.world.clock.now()),
            "Content-Type": reply.content_type,
            "Content-Length": str(len(reply.body)),
            **reply.headers,
        }
        if self.close_connection:
            lines["Connection"] = "close"
        head = f"HTTP/1.1 {reply.status} {_PHRASES.get(reply.status, '')}\r\n"
        return (head + "".join(f"{name}: {value}\r\n" for name, value in lines.items()) + "\r\n").encode()


class Simulator:
    """A world on a port of its own; use it as a context manager, or `start` and `stop` it.

    Port 0 takes a free one. `url` is the base for clients (no trailing slash), `control_url` the root of the
    control face, `world` the same world in this process. Raises OSError where the port is taken.
    """

    def __init__(self, options: Options = _DEFAULTS, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self.world = World(options)
        self._address = (host, port)
        self._server: _Server | None = None
        self._thread: Thread | None = None
        self._stopped = Event()

    @property
    def origin(self) -> str:
        """Scheme, host and port. Raises RuntimeError before `start`."""
        if self._server is None:
            raise RuntimeError("the simulator is not running")
        return self._server.origin

    @property
    def url(self) -> str:
        """Base URL of the API, such as `http://127.0.0.1:1234/lapor/3.0.0`."""
        return self.origin + BASE

    @property
    def control_url(self) -> str:
        """Base URL of the control face, such as `http://127.0.0.1:1234/_control`."""
        return self.origin + PREFIX

    def start(self) -> None:
        """Listen, and answer in threads; does nothing if it runs already."""
        if self._server is not None:
            return
        self._server = _Server(self._address, self.world)
        self._stopped.clear()
        self._thread = Thread(target=self._server.serve_forever, args=(0.02,), name="simulator", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Close the port and every connection; the world stays, and `start` takes it up again."""
        if self._server is None or self._thread is None:
            return
        self._server.shutdown()
        self._server.server_close()
        self._server.hang_up()
        self._thread.join()
        self._server = self._thread = None
        self._stopped.set()

    def serve_forever(self) -> None:
        """Run until another thread stops it or the process is interrupted (which is passed on)."""
        self.start()
        try:
            self._stopped.wait()
        finally:
            self.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
