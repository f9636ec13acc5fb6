"""The files that citizens attach: which is which, and what is in them by their bytes. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from enum import StrEnum

from lapor_sync.domain.report import Attachment, ThreadItem, digest


class FileState(StrEnum):
    """What became of a file: it is still to be fetched, kept, cannot be had, or went to make room."""

    WANTED = "wanted"
    KEPT = "kept"
    ABSENT = "absent"
    DROPPED = "dropped"


class Absence(StrEnum):
    """Why a file is not kept."""

    EXPIRED = "expired"  # its address has expired, or the file is gone
    NOT_ALLOWED = "not_allowed"  # its address leads into a private network
    NO_FILE = "no_file"  # something else came in its place
    TOO_LARGE = "too_large"
    AWAY = "away"  # its host did not give it, however often it was asked
    NO_ROOM = "no_room"


PICTURE = "image/jpeg"
"""What every picture is drawn anew as."""
PDF = "application/pdf"
OTHER = "application/octet-stream"


def files_of(attached: Sequence[Attachment], items: Iterable[ThreadItem]) -> list[Attachment]:
    """Return a report's files, then those of its thread: in the order in which they are numbered from 1."""
    return [*attached, *(file for item in items for file in item.attachments)]


def keys_of(files: Iterable[Attachment]) -> list[str]:
    """Return what each file of a report is known by, however its address is signed.

    The address without its query and the name; where a report has several such, also which of them it is.
    """
    seen: Counter[str] = Counter()
    keys = []
    for file in files:
        key = digest(f"{file.url.partition('?')[0]}\n{file.file_name}")
        seen[key] += 1
        keys.append(key if seen[key] == 1 else f"{key}-{seen[key]}")
    return keys


def kind_of(content: bytes) -> str:
    """Return the media type under which a file that is no picture may be given out."""
    return PDF if content[:5] == b"%PDF-" else OTHER


def may_be_picture(content: bytes) -> bool:
    """Return whether it begins as a picture of a kind that is drawn anew."""
    return content.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a")) or (
        content[:4] == b"RIFF" and content[8:12] == b"WEBP"
    )
