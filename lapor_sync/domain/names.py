"""Names of files, and times, as they may be shown."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, tzinfo


def shown_time(at: datetime, zone: tzinfo) -> str:
    """Return a time as people read it, to the minute: in that zone, with the zone's name."""
    with suppress(OverflowError):  # in the first or last year that there is
        at = at.astimezone(zone)
    return at.strftime("%Y-%m-%d %H:%M %Z")


def shown_name(name: str) -> str:
    """Return the name of a file as it may stand in a sentence: on one line, and as text that can be written.

    A name may hold line breaks, escapes of a terminal, and bytes that are no UTF-8; each of these becomes U+FFFD.
    """
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in name)
