"""Where the board listens: never in the open without TLS."""

from __future__ import annotations

from lapor_sync import listening
from lapor_sync.domain.errors import SettingsWrong
from lapor_sync.listening import Address

WHO = "the board"


def address_of(given: str, public_url: str | None) -> Address:
    """Return the address to listen on. Raises SettingsWrong where it is none, or open to others without TLS."""
    address = listening.address_of(given, WHO)
    if not address.is_loopback and not (public_url or "").startswith("https://"):
        raise SettingsWrong(
            (
                f"the board would listen on {given}, where others reach it without TLS; LAPOR_SYNC_BOARD_PUBLIC_URL "
                "must be the https:// address of the proxy in front of it (docs/board.md)",
            )
        )
    return address
