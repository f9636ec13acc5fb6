"""Names of files, times, and a report's address, as they may be shown."""

from __future__ import annotations

import re
import unicodedata
from contextlib import suppress
from datetime import datetime, tzinfo
from pathlib import Path
from urllib.parse import quote

MOST_BYTES = 255
"""The longest name that file systems take."""

_FORBIDDEN = re.compile(r'[<>:"|?*]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(\..*)?", re.IGNORECASE)


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


def shown_path(path: str | Path) -> str:
    """Return a path, or a name that was given, likewise; what is longer than any name is cut: nobody would read it."""
    shown = shown_name(str(path)[: MOST_BYTES + 1])
    return shown if len(shown) <= MOST_BYTES else f"{shown[:MOST_BYTES]}..."


def harmless_name(name: str) -> str:
    """Return what somebody else calls a file as a name under which it may be kept anywhere; "file" where none is left.

    It is one name and no path, ends with no dot or space, holds nothing that is not seen (a sign that turns
    the direction of writing makes `gpj.exe` of `exe.jpg`), is none that a system keeps for itself, and fits into 255
    bytes with its extension.
    """
    last = re.split(r"[/\\]", name.strip().rstrip("/\\"))[-1]
    seen = "".join(letter for letter in last if unicodedata.category(letter) not in {"Cf", "Cs", "Co", "Cn"})
    clean = _FORBIDDEN.sub("_", shown_name(seen)).strip().rstrip(" .")
    stem, dot, suffix = clean.rpartition(".")
    if dot and len(suffix.encode()) <= 20:
        clean = _cut(stem, MOST_BYTES - len(suffix.encode()) - 1) + dot + suffix
    clean = _cut(clean, MOST_BYTES).rstrip(" .")
    return f"_{_cut(clean, MOST_BYTES - 1)}" if _RESERVED.fullmatch(clean) else clean or "file"


def address_of_report(pattern: str, call_id: str, tracking_id: str) -> str:
    """Return a report's web address: the pattern with its ids in place of `{id}` and `{tracking_id}`."""
    filled = pattern.replace("{id}", quote(call_id, safe=""))
    return filled.replace("{tracking_id}", quote(tracking_id, safe=""))


def _cut(text: str, most: int) -> str:
    return text.encode()[:most].decode(errors="ignore")
