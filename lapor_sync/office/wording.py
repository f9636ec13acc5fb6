"""The words and files of a delivery: what of them LAPOR takes, and what would only look as if it did."""

from __future__ import annotations

from dataclasses import dataclass

from lapor_sync.domain.delivery import MAX_TEXT, reference, references_in, unsendable_characters, with_reference
from lapor_sync.domain.errors import BadInput
from lapor_sync.domain.report import OutgoingFile
from lapor_sync.domain.thread import has_words
from lapor_sync.mirror.judging import Judging
from lapor_sync.store import outbox
from lapor_sync.store.database import Work


@dataclass(frozen=True, kw_only=True)
class FileLimits:
    """What upstream takes as attached files (the limits of a production client: assumed)."""

    types: tuple[str, ...] = ("jpg", "jpeg", "png", "pdf", "doc", "docx")
    max_bytes: int = 5 * 1024 * 1024
    max_count: int = 5


def new_reference(work: Work, judging: Judging) -> str:
    while outbox.is_taken(work, ref := reference(judging.rules.prefix)):
        pass
    return ref


def checked_text(text: str, ref: str, prefix: str) -> str:
    if not has_words(text):
        raise BadInput("The text is empty.", todo="Write what the citizen is to read.")
    damaged = unsendable_characters(text)
    if damaged:
        raise BadInput(
            f"The text holds control or damaged characters ({', '.join(damaged[:5])}).",
            todo="Write the words again where they stand, or save the text as plain UTF-8, and try again.",
        )
    if references_in(text, prefix):
        raise BadInput(
            "The text holds a reference of another response.",
            todo="Take the [Ref ...] line out; a new one is added.",
        )
    whole = with_reference(text, ref)
    if len(whole) > MAX_TEXT:
        over = len(whole) - MAX_TEXT
        raise BadInput(
            f"The text with its reference has {len(whole)} characters, LAPOR takes {MAX_TEXT}.",
            todo=f"Shorten it by {over} characters.",
        )
    return whole


def check_files(files: tuple[OutgoingFile, ...], limits: FileLimits) -> None:
    if len(files) > limits.max_count:
        raise BadInput(f"{len(files)} files, at most {limits.max_count}.", todo="Attach fewer files.")
    for file in files:
        extension = file.file_name.rpartition(".")[2].lower()
        if extension not in limits.types:
            raise BadInput(
                f"{file.file_name}: LAPOR takes {', '.join(limits.types)}.", todo="Convert the file first."
            )
        if not file.content:
            raise BadInput(f"{file.file_name} is empty.", todo="Attach the right file.")
        if len(file.content) > limits.max_bytes:
            size, most = len(file.content) / 2**20, limits.max_bytes / 2**20
            raise BadInput(f"{file.file_name} has {size:.1f} MB, at most {most:g} MB.", todo="Make it smaller.")
