"""The stand-in on werkzeug's server: HTTP/1.1 with kept connections, a thread for each, quiet.

`Desk` takes a call and gives a reply, sound or spoiled. What the rest writes to a socket itself is the reply alone: some
days close the connection without one, or in its middle.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterable
from contextlib import suppress
from threading import Condition, Event, Thread
from time import monotonic
from types import TracebackType
from typing import Any, Self, cast

from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge
from werkzeug.http import HTTP_STATUS_CODES
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from connectors.simulator.clock import http_date, iso
from connectors.simulator.control import PREFIX, control
from connectors.simulator.http_face import BASE, Api, route_of, stored_file
from connectors.simulator.messages import Call, Reply, html_reply
from connectors.simulator.mishaps import Mishap, spoil
from connectors.simulator.options import Options
from connectors.simulator.world import World

_DEFAULTS = Options()


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
        row |= {"at": monotonic(), "caller": call.headers.get("User-Agent")}
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


class _Server(ThreadedWSGIServer):
    """Keeps track of its connections, so that stopping closes those that clients keep open."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], world: World) -> None:
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        with socket.create_server(address, family=family, backlog=128) as listening:
            super().__init__(*address, _no_application, handler=_Handler, fd=listening.fileno())
        self.desk = Desk(world, self._files_url())
        self._open: set[socket.socket] = set()
        self._changed = Condition()

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


def _no_application(_environ: object, _start_response: object) -> Iterable[bytes]:
    """Never called: werkzeug's own way to answer closes each connection, and cannot close one without an answer."""
    raise NotImplementedError


class _Handler(WSGIRequestHandler):
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

    def log(self, type: str, message: str, *args: Any) -> None:
        """Quiet: the journal has it."""

    def run_wsgi(self) -> None:
        """Answer one request of any method, and keep the connection."""
        call = Call(self.make_environ())
        with call:  # it closes the files that came
            self._send(self._reply(call))

    def _reply(self, call: Call) -> Reply:
        try:
            self._take_body(call)
        except (RequestEntityTooLarge, ValueError):
            self.close_connection = True
            return html_reply(400, "Request body of an impossible length")
        return self._owner.desk.answer(call)

    def _take_body(self, call: Call) -> None:
        """Read all of it, also what no answer needs: the next request stands behind it."""
        if int(call.headers.get("Content-Length") or 0) < 0:
            raise ValueError("a body of less than nothing")
        try:
            call.get_data()
        except ClientDisconnected as exc:
            # A caller that was killed while sending: half a body must never be taken for a call.
            raise ConnectionAbortedError("the caller went away in the middle of its body") from exc

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
        head = f"HTTP/1.1 {reply.status} {HTTP_STATUS_CODES.get(reply.status, '')}\r\n"
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
