"""Names of files, as they may be shown."""

from __future__ import annotations


def shown_name(name: str) -> str:
    """Return the name of a file as it may stand in a sentence: on one line, and as text that can be written.

    A name may hold line breaks, escapes of a terminal, and bytes that are no UTF-8; each of these becomes U+FFFD.
    """
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in name)
