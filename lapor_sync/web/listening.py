"""Where the board listens, and that it never does so in the open without TLS."""

from __future__ import annotations

import ipaddress
from typing import NamedTuple
from urllib.parse import urlsplit

from lapor_sync.domain.errors import SettingsWrong


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


def address_of(given: str, public_url: str | None) -> Address:
    """Return the address to listen on. Raises SettingsWrong where it is none, or open to others without TLS."""
    parts = urlsplit(f"//{given}")
    try:
        host = "127.0.0.1" if parts.hostname == "localhost" else parts.hostname or ""
        address = Address(host, -1 if parts.port is None else parts.port)
    except ValueError:
        address = Address("", -1)
    if not address.host or address.port < 0 or parts.path or parts.query or parts.username is not None:
        raise SettingsWrong((f"the board cannot listen on {given!r}; it must be HOST:PORT, as 127.0.0.1:8080",))
    if not address.is_loopback and not (public_url or "").startswith("https://"):
        raise SettingsWrong(
            (
                f"the board would listen on {given}, where others reach it without TLS; LAPOR_SYNC_BOARD_PUBLIC_URL "
                "must be the https:// address of the proxy in front of it (docs/board.md)",
            )
        )
    return address
