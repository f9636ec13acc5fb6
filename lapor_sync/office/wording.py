"""The words and files of a delivery: what of them LAPOR takes, and what would only look as if it did."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lapor_sync.domain import defaults
from lapor_sync.domain.delivery import MAX_TEXT, reference, references_in, unsendable_characters, with_reference
from lapor_sync.domain.names import harmless_name
from lapor_sync.domain.refusals import Code, Refused
from lapor_sync.domain.report import OutgoingFile
from lapor_sync.domain.thread import has_words, hiding
from lapor_sync.mirror.mirror import Mirror
from lapor_sync.store import outbox
from lapor_sync.store.database import Work


@dataclass(frozen=True, kw_only=True)
class FileLimits:
    """What upstream takes as attached files (the limits of a production client: assumed)."""

    types: tuple[str, ...] = defaults.ATTACH_TYPES
    max_bytes: int = int(defaults.ATTACH_MAX_MB * 2**20)
    max_count: int = defaults.ATTACH_MAX


MOST_KEPT = 5000
"""The longest draft or note: more than any answer, and less than what somebody pastes by mistake."""


def kept_text(text: str) -> str:
    """Return a text as it is kept here, line ends as they are elsewhere. Raises Refused where it is too long."""
    kept = text.replace("\r\n", "\n").replace("\x00", "")  # which no database could hold
    if len(kept) > MOST_KEPT:
        raise Refused(Code.WORDS_TOO_LONG, length=len(kept), most=MOST_KEPT)
    return kept


def new_reference(work: Work, mirror: Mirror) -> str:
    """Return a reference that no delivery has."""
    while outbox.is_taken(work, ref := reference(mirror.rules.prefix)):
        pass
    return ref


def checked_text(text: str, ref: str, prefix: str) -> str:
    """Return the text as the citizen gets it, with its reference. Raises Refused."""
    if not has_words(text):
        raise Refused(Code.TEXT_EMPTY)
    damaged = unsendable_characters(text)
    if damaged:
        raise Refused(Code.TEXT_UNSENDABLE, characters=tuple(damaged))
    if references_in(text, prefix):
        raise Refused(Code.TEXT_HAS_REFERENCE)
    whole = with_reference(text, ref)
    if len(whole) > MAX_TEXT:
        raise Refused(Code.TEXT_TOO_LONG, length=len(whole), most=MAX_TEXT)
    if hidden := hiding(text):
        raise Refused(Code.TEXT_HIDES, found=hidden)
    return whole


def checked_files(files: tuple[OutgoingFile, ...], limits: FileLimits) -> tuple[OutgoingFile, ...]:
    """Return the files, under names that do no harm to a citizen who takes them. Raises Refused."""
    if len(files) > limits.max_count:
        raise Refused(Code.TOO_MANY_FILES, count=len(files), most=limits.max_count)
    for file in files:
        extension = file.file_name.rpartition(".")[2].lower()
        if extension not in limits.types:
            raise Refused(Code.FILE_OF_OTHER_TYPE, file_name=file.file_name, types=limits.types)
        if not file.content:
            raise Refused(Code.FILE_EMPTY, file_name=file.file_name)
        if len(file.content) > limits.max_bytes:
            raise Refused(Code.FILE_TOO_LARGE, file_name=file.file_name, most=limits.max_bytes)
        if not _begins_as(extension, file.content):
            raise Refused(Code.FILE_NOT_AS_NAMED, file_name=file.file_name)
    return tuple(replace(file, file_name=harmless_name(file.file_name)) for file in files)


_PICTURES = (b"\xff\xd8\xff", b"\x89PNG")
_OFFICE = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"{\\rtf")
_BEGINNINGS = {"jpg": _PICTURES, "jpeg": _PICTURES, "png": _PICTURES, "doc": _OFFICE, "docx": _OFFICE}
"""By which a file's kind is told; of one that is not here its name is believed. A PNG that is named `.jpg` opens."""


def _begins_as(extension: str, content: bytes) -> bool:
    if extension == "pdf":
        return b"%PDF-" in content[:1024]  # readers pass over what stands before it
    return content.startswith(_BEGINNINGS.get(extension, b""))
