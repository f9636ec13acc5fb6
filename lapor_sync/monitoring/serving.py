"""The addresses that a monitor asks: `/metrics`, `/healthz`, `/readyz`; served by a thread beside the work."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, make_wsgi_app
from waitress import wasyncore
from waitress.server import create_server

from lapor_sync.domain.ports import Clock
from lapor_sync.listening import LOOPBACK, Address, address_of, opened
from lapor_sync.mirror.mirror import Log
from lapor_sync.monitoring.health import Polled, none_ready
from lapor_sync.monitoring.measures import registry_of_process
from lapor_sync.monitoring.mirrored import MirrorCollector

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

WHO = "the metrics"
_TODO = "End what listens there, or choose another port in LAPOR_SYNC_METRICS_LISTEN or LAPOR_SYNC_BOARD_METRICS_LISTEN."

_SLICE = 0.25
"""Seconds until it is seen that the work is over."""

Ask = Callable[[], str | None]
"""Why something is not well; None where it is."""


def metrics_address(given: str) -> Address:
    """Return where to serve metrics: a port alone is one of loopback. Raises SettingsWrong."""
    return address_of(f"{LOOPBACK}:{given}" if given.isdigit() else given, WHO)


@contextmanager
def watched(
    given: str, agencies: Callable[[], Iterable[Polled]], clock: Clock, log: Log, alive: Ask
) -> Iterator[CollectorRegistry]:
    """Let a monitor ask for the numbers of mirrors, and for what the process puts into the registry; meanwhile.

    `given` is a setting's address; `agencies` are asked for each time, `alive` for `/healthz`. Raises SettingsWrong
    where the address cannot be had.
    """
    registry = registry_of_process()
    registry.register(MirrorCollector(agencies, clock))
    pages = application(registry, alive, lambda: none_ready(agencies()))
    with serving(pages, metrics_address(given)) as address:
        log.info("metrics_served", host=address.host, port=address.port)
        yield registry


def application(registry: CollectorRegistry, alive: Ask, ready: Ask) -> WSGIApplication:
    """Return the pages for a monitor."""
    metrics = make_wsgi_app(registry)
    health = {"/healthz": (alive, "ok"), "/readyz": (ready, "ready")}

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes] | list[bytes]:
        path = environ["PATH_INFO"]
        if path == "/metrics":
            made: list[bytes] = metrics(environ, start_response)
            return made
        if path not in health:
            return _said(start_response, "404 Not Found", "There are /metrics, /healthz and /readyz.")
        ask, well = health[path]
        wrong = ask()
        return _said(start_response, "503 Service Unavailable" if wrong else "200 OK", wrong or well)

    return answer


def _said(start_response: StartResponse, status: str, words: str) -> list[bytes]:
    start_response(status, [("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store")])
    return [f"{words}\n".encode()]


@contextmanager
def serving(pages: WSGIApplication, address: Address) -> Iterator[Address]:
    """Serve them meanwhile, whatever the work does. Raises SettingsWrong where the address cannot be had."""
    with opened(address, WHO, _TODO) as listener:
        channels: dict[int, Any] = {}
        server = create_server(
            pages,
            channels,
            sockets=[listener],
            threads=2,
            ident=None,
            channel_timeout=10,
            cleanup_interval=5,
            connection_limit=50,
            asyncore_use_poll=True,
            max_request_body_size=1024,
            max_request_header_size=2**13,
        )
        over = threading.Event()

        def serve() -> None:
            while not over.is_set():
                wasyncore.loop(_SLICE, use_poll=True, map=channels, count=1)

        thread = threading.Thread(target=serve, name="metrics", daemon=True)
        thread.start()
        try:
            yield Address(address.host, listener.getsockname()[1])
        finally:
            over.set()
            thread.join()
            server.task_dispatcher.shutdown()
            if not server.task_dispatcher.threads:
                wasyncore.close_all(
                    channels
                )  # who still answers writes into a pipe: its number may be another file's soon
