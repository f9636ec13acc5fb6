"""Many boards of one process: the name of the host says which agency's is meant, and each has its own people.

A browser keeps the cookie of one name from every other, so who is signed in at one agency is a stranger at the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from threading import Lock
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from lapor_sync.config import Settings, hosts_of_boards
from lapor_sync.listening import is_loopback
from lapor_sync.mirror.mirror import Log
from lapor_sync.web.board import CHOSEN, Board
from lapor_sync.words.id import TROUBLES, TroubleKind

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


class Boards:
    """The boards of the agencies that are served now; each is made when it is first asked for.

    `ready` says why none of them can be relied on, None where one can: for who asks under no agency's name.
    """

    def __init__(self, make: Callable[[Settings], Board], ready: Callable[[], str | None], log: Log) -> None:
        self._make = make
        self._ready = ready
        self._log = log
        self._turn = Lock()
        self._served: dict[str, Settings] = {}
        self._made: dict[str, tuple[Settings, Board]] = {}
        self._taken: dict[str, tuple[str, str]] = {}

    def take(self, agencies: Mapping[str, Settings]) -> None:
        """Serve these from now on. Of two with one address the first by key is served, and the other one logged."""
        hosts, taken = hosts_of_boards(agencies)
        for key, (host, other) in taken.items():
            if self._taken.get(key) != (host, other):
                self._log.error("board_address_taken", agency=key, host=host, id=other)
        served = {host: agencies[key] for host, key in hosts.items()}
        with self._turn:
            self._made = {host: made for host, made in self._made.items() if served.get(host) is made[0]}
            self._served, self._taken = served, taken

    def of(self, host: str) -> Board | None:
        """Return the board of that name; None where there is none."""
        with self._turn:
            if host not in self._served:
                if len(self._served) != 1 or not is_loopback(host):
                    return None
                host = next(iter(self._served))  # of one alone there is no other that could be meant
            settings = self._served[host]
            if host not in self._made:
                self._made[host] = (settings, self._make(settings))
            return self._made[host][1]

    def before(self, site: WSGIApplication) -> WSGIApplication:
        """Return the application that chooses the board of each request before the site answers."""

        def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            board = self.of(_host(environ))
            if board is None:
                return self._elsewhere(environ, start_response)
            environ[CHOSEN] = board
            return site(environ, start_response)

        return answer

    def _elsewhere(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """A supervisor asks by whatever name; nobody else is told even whether there is such an agency."""
        status, said = "400 Bad Request", "{0.what} {0.todo}".format(TROUBLES[TroubleKind.OTHER_HOST])
        match environ["PATH_INFO"]:
            case "/healthz":
                status, said = "200 OK", "ok"
            case "/readyz":
                wrong = self._ready()
                status, said = ("503 Service Unavailable", wrong) if wrong else ("200 OK", "ready")
        headers = [("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store")]
        start_response(status, [*headers, ("X-Content-Type-Options", "nosniff")])
        return [f"{said}\n".encode()]


def _host(environ: WSGIEnvironment) -> str:
    try:
        return urlsplit(f"//{environ.get('HTTP_HOST', '')}").hostname or ""
    except ValueError:  # no name at all
        return ""
