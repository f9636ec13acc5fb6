"""Opens connections: one at a time for each scheme, by itself or through the environment's proxy."""

from __future__ import annotations

from collections.abc import Callable

import httpcore
import httpx

from connectors.transport import tls
from connectors.transport.limits import Limit
from connectors.transport.proxy import proxies_for
from connectors.transport.sockets import BoundedBackend

_IDLE_SECONDS = 5.0
"""A connection that lay so long is opened anew: upstream may be about to close it."""

Lane = dict[str, httpcore.ConnectionPool]
"""One connection at a time for each scheme. A call under way has a lane of its own."""


class Opener:
    """Makes wires: httpcore's pools of one connection, over sockets that know the call's limit.

    What httpx's client adds (redirects, cookies, authentication) must not happen here, and to have each turned off took
    a fifth of a read's time; its transport has no door for sockets of ours. A pool of many connections looks at each of
    them twice a call, under a lock.

    Proxies and extra certificates come from the environment: credentials pass a proxy inside TLS only if the base is
    https. `.netrc` and credentials inside of addresses are not used. Raises SettingsWrong.
    """

    def __init__(self, limit: Limit, host: str, may_reach: Callable[[str], bool] | None = None) -> None:
        """`may_reach` is asked of each IP address before a socket is opened to it; a proxy connects by itself."""
        self._context = tls.trusted()
        self._proxies = proxies_for(host, self._context)
        self._backend = BoundedBackend(limit, None if self._proxies else may_reach)

    def wire(self, scheme: str) -> httpcore.ConnectionPool:
        """Return a wire, not open yet."""
        return httpcore.ConnectionPool(
            ssl_context=self._context,
            proxy=self._proxies.get(scheme),
            max_connections=1,
            keepalive_expiry=_IDLE_SECONDS,
            network_backend=self._backend,
        )

    def lane(self) -> Lane:
        """Return a lane for reads."""
        return {scheme: self.wire(scheme) for scheme in ("http", "https")}


def ask(wire: httpcore.ConnectionPool, request: httpx.Request) -> httpcore.Response:
    """Send a request over a wire, and return its answer, of which the body is not read yet."""
    url = request.url
    return wire.handle_request(
        httpcore.Request(
            request.method,
            httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
    )
