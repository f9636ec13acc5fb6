"""Where a process listens."""

from __future__ import annotations

import ipaddress
import socket
from typing import NamedTuple
from urllib.parse import urlsplit

from lapor_sync.domain.errors import SettingsWrong

LOOPBACK = "127.0.0.1"


class Address(NamedTuple):
    """A host, without brackets, and a port."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine reaches it."""
        return is_loopback(self.host)

    @property
    def url(self) -> str:
        """How a browser on this machine asks for it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine's own; of a name other than localhost nobody can tell."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def address_of(given: str, who: str) -> Address:
    """Return the address that HOST:PORT names. Raises SettingsWrong where it is none; `who` would listen there."""
    parts = urlsplit(f"//{given}")
    try:
        host = LOOPBACK if parts.hostname == "localhost" else parts.hostname or ""
        address = Address(host, -1 if parts.port is None else parts.port)
    except ValueError:
        address = Address("", -1)
    if not address.host or address.port < 0 or parts.path or parts.query or parts.username is not None:
        raise SettingsWrong((f"{who} cannot listen on {given!r}; it must be HOST:PORT, as 127.0.0.1:8080",))
    return address


def opened(address: Address, who: str, todo: str) -> socket.socket:
    """Return a socket that listens there. Raises SettingsWrong where it cannot, with what to do."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        return socket.create_server((address.host, address.port), family=family, backlog=1024)
    except OSError as exc:
        what = f"{who} cannot listen on {address.host}:{address.port}: {exc.strerror}"
        raise SettingsWrong((what,), todo=todo) from exc
