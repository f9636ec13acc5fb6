"""Opens connections: one at a time for each scheme, by itself or through the environment's proxy."""

from __future__ import annotations

from collections.abc import Callable

import httpcore
import httpx

from connectors.transport import tls
from connectors.transport.limits import Limit
from connectors.transport.proxy import proxies_for
from connectors.transport.sockets import BoundedBackend
from connectors.transport.wire import IDLE_SECONDS, Wire

Way = Wire | httpcore.ConnectionPool
"""What takes a request."""

Lane = dict[bytes, Way]
"""One connection at a time for each scheme. A call under way has a lane of its own."""


class Opener:
    """Makes wires: connections over sockets that know the call's limit.

    What httpx's client adds (redirects, cookies, authentication) must not happen here, and to have each turned off took
    a fifth of a read's time; its transport has no door for sockets of ours.

    Proxies and extra certificates come from the environment: credentials pass a proxy inside TLS only if the base is
    https. `.netrc` and credentials inside of addresses are not used. Raises SettingsWrong.
    """

    def __init__(self, limit: Limit, host: str, may_reach: Callable[[str], bool] | None = None) -> None:
        """`may_reach` is asked of each IP address before a socket is opened to it; a proxy connects by itself."""
        self._context = tls.trusted()
        self._context.set_alpn_protocols(["http/1.1"])
        self._proxies = proxies_for(host, self._context)
        self._backend = BoundedBackend(limit, None if self._proxies else may_reach)

    def alone(self, scheme: bytes) -> httpcore.ConnectionPool:
        """Return what one call is made over, not open yet; a write, and a read that is to prove something, is.

        It costs more of a processor than a `Wire`. But what is believed of such an answer can be undone by no later
        one, and h11 bears less that might be read in two ways.
        """
        return httpcore.ConnectionPool(
            ssl_context=self._context,
            proxy=self._proxies.get(scheme.decode()),
            max_connections=1,
            keepalive_expiry=IDLE_SECONDS,
            network_backend=self._backend,
        )

    def kept(self, scheme: bytes) -> Way:
        """Return what is kept from call to call, not open yet."""
        return self.alone(scheme) if scheme.decode() in self._proxies else Wire(self._context, self._backend)

    def lane(self) -> Lane:
        """Return a lane for reads."""
        return {scheme: self.kept(scheme) for scheme in (b"http", b"https")}


def as_asked(request: httpx.Request) -> httpcore.Request:
    """Return a request as a wire takes it."""
    url = request.url
    return httpcore.Request(
        request.method,
        httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
        headers=request.headers.raw,
        content=request.stream,
        extensions=request.extensions,
    )


def heads_of(response: httpcore.Response) -> dict[str, str]:
    """Return an answer's headers by their names in small letters; what came twice as a list, as RFC 9110 has it. Each
    cookie is one by itself, without what tells how long it holds and for whom (RFC 6265, 5.2)."""
    found: dict[str, str] = {}
    for raw_name, raw_value in response.headers:
        name, value = _text(raw_name).lower(), _text(raw_value)
        if name == "set-cookie":
            cookie, _, value = value.partition(";")[0].partition("=")
            name = f"{name} {cookie.strip()[:_LONGEST_COOKIE].lower()}"
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


_LONGEST_COOKIE = 60


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")
