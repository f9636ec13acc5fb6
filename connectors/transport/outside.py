"""Files of citizens, fetched from wherever LAPOR says that they lie: without credentials, and never from inside.

An address comes from outside, so that it may lead anywhere: only public addresses are called, the host of LAPOR itself,
and those that the operator names. A redirect is another such address.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Collection

import httpx

from connectors.transport.addresses import base_url_of, target_of
from connectors.transport.answers import NO_ANSWER, no_answer
from connectors.transport.attached_file import why_no_file
from connectors.transport.connections import Opener, as_asked, heads_of
from connectors.transport.limits import Limit, never, whole_body
from connectors.transport.settings import MEBI
from lapor_sync.domain.errors import Missing, NotPublic, UpstreamBroken, UpstreamError
from lapor_sync.domain.report import Attachment

_WHAT = "GET file"
_MOST_REDIRECTS = 3
_GONE = frozenset({400, 401, 403, 404, 405, 410, 451})
"""What stores answer where an address has expired, or the file is gone."""
_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})
_HEADERS = {"Accept": "*/*", "Accept-Encoding": "identity", "Connection": "close", "User-Agent": "lapor-sync"}


class Outside:
    """Fetches files. Nothing is remembered from one to the next: no cookie, no connection."""

    def __init__(
        self,
        base_url: str,
        *,
        hosts: Collection[str] = (),
        seconds: float = 30.0,
        most: int = 64 * MEBI,
        stopping: Callable[[], bool] = never,
    ) -> None:
        """`hosts` may lie in a private network. A file takes `seconds` and `most` bytes at most, redirects included."""
        self._base = base_url_of(base_url.strip().rstrip("/") + "/")
        own = _THIS_MACHINE if self._base.host in _THIS_MACHINE else {self._base.host}
        self._known = frozenset({*own, *hosts})
        self._seconds, self._most, self._stopping = seconds, most, stopping

    def fetch(self, file: Attachment) -> bytes:
        """Return the file, whole. Raises Missing, NotPublic, TooMuch, UpstreamBroken or Unreachable."""
        limit = Limit()
        limit.begin(self._seconds, self._stopping)
        target = target_of(_WHAT, file.url, self._base)
        for _ in range(_MOST_REDIRECTS + 1):
            answer = self._ask(target, limit, file)
            if isinstance(answer, bytes):
                return answer
            if target.scheme == "https" and answer.scheme == "http":
                raise NotPublic(f"{_WHAT}: it sends on from https to http")
            target = answer
        raise UpstreamBroken(f"{_WHAT}: it sends on more than {_MOST_REDIRECTS} times")

    def _ask(self, target: httpx.URL, limit: Limit, file: Attachment) -> bytes | httpx.URL:
        """The file, or where it is said to lie."""
        is_known = target.host in self._known
        wire = Opener(limit, target.host, may_reach=None if is_known else is_public).alone(target.raw_scheme)
        if not is_known:
            _need_public(target)
        request = httpx.Request("GET", target, headers=_HEADERS)
        try:
            response = wire.handle_request(as_asked(request))
            headers = heads_of(response)
            if 300 <= response.status < 400 and "location" in headers:
                return target_of(_WHAT, headers["location"], target)
            if response.status != 200:
                raise _error_of(response.status)
            body = whole_body(_WHAT, response.iter_stream(), headers, self._most)
        except ValueError as exc:
            raise UpstreamBroken(f"{_WHAT}: the answer cannot be decoded") from exc
        except NO_ANSWER as exc:
            raise no_answer(_WHAT, exc, is_over=limit.left() <= 0) from exc
        finally:
            wire.close()
        is_measured = not {"content-length", "transfer-encoding"}.isdisjoint(headers)
        media_type = headers.get("content-type", "")
        if came := why_no_file(200, body, media_type, file.extension, is_measured=is_measured):
            raise UpstreamBroken(f"{_WHAT}: in the file's place came {came}", http_status=200)
        return body


def _error_of(status: int) -> UpstreamError:
    kind = Missing if status in _GONE else UpstreamBroken
    return kind(f"{_WHAT}: HTTP {status}", http_status=status)


def _need_public(target: httpx.URL) -> None:
    """Behind a proxy it is the proxy that connects, so that the name is looked at beforehand, too."""
    try:
        found = socket.getaddrinfo(target.host, target.port or 443, type=socket.SOCK_STREAM)
    except (UnicodeError, OverflowError, OSError):
        return  # whoever connects will say so
    if not all(is_public(str(address[0])) for *_, address in found):
        raise NotPublic(f"{_WHAT}: its address leads into a private network")


def is_public(address: str) -> bool:
    """Return whether an IP address is one of the public Internet, also where it stands inside of another one."""
    try:
        ip: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is None and ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            ip = inner
        elif ip not in _GIVEN_OUT:
            return False
    return ip.is_global and not ip.is_multicast


_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_GIVEN_OUT = ipaddress.IPv6Network("2000::/3")
"""What of IPv6 is given out for the Internet. Python calls much else global: fec0::1, ::127.0.0.1."""
