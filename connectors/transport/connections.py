"""Opens connections: one at a time for each scheme, by itself or through the environment's proxy."""

from __future__ import annotations

import ssl

import httpx

from connectors.transport import tls
from connectors.transport.limits import Limit
from connectors.transport.proxy import proxies_for
from connectors.transport.sockets import BoundedBackend


class _BoundedHTTP(httpx.HTTPTransport):
    """httpx's own transport over sockets that know the call's limit."""

    def __init__(
        self, limit: Limit, limits: httpx.Limits, context: ssl.SSLContext, proxy: httpx.Proxy | None = None
    ) -> None:
        super().__init__(verify=context, limits=limits, proxy=proxy)
        # httpcore takes a network backend, httpx has no door for it. Should the name ever move, the real-socket
        # tests of dripping headers fail. The road not taken: a copy of httpx's transport, errors and proxies too.
        self._pool._network_backend = BoundedBackend(limit)


Lane = dict[str, httpx.HTTPTransport]
"""One connection at a time for each scheme. A call under way has a lane of its own."""


class Opener:
    """Makes httpx's own transports, without its client.

    What the client adds (redirects, cookies, authentication) must not happen here, and to have each turned off took
    a fifth of a read's time. A pool of many connections looks at each of them twice a call, under a lock.

    Proxies and extra certificates come from the environment: credentials pass a proxy inside TLS only if the base is
    https. `.netrc` and credentials inside of addresses are not used. Raises SettingsWrong.
    """

    def __init__(self, limit: Limit, host: str) -> None:
        self._limit = limit
        self._context = tls.trusted()
        self._proxies = proxies_for(host, self._context)

    def wire(self, scheme: str) -> httpx.HTTPTransport:
        """Return a transport of one connection, not open yet."""
        one = httpx.Limits(max_connections=1, max_keepalive_connections=1)
        return _BoundedHTTP(self._limit, one, self._context, self._proxies.get(scheme))

    def lane(self) -> Lane:
        """Return a lane for reads."""
        return {scheme: self.wire(scheme) for scheme in ("http", "https")}
