"""Attached files, read tolerantly. Pure. Source: upstream, "Attached files"."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import unquote, urlsplit

from connectors.sp4n_v3.values import (
    Row,
    clean,
    text_of,
    unpacked,
)
from lapor_sync.domain.names import harmless_name
from lapor_sync.domain.report import (
    Attachment,
)


def attachments(value: object) -> tuple[Attachment, ...]:
    """Files from a list, an object with numeric keys and `docs` (seen), JSON text of either, or null.

    Numbers alone (the create call's `"[1,2]."`) name no address and are left out; the same address counts once.
    """
    if not value:
        return ()
    found = unpacked(value)
    files: dict[str, Attachment] = {}
    for part in _attachment_parts(found):
        file = _attachment(part)
        if file is not None:
            files.setdefault(file.url, file)
    return tuple(files.values())


def _attachment_parts(found: object) -> Iterable[object]:
    if isinstance(found, list):
        return found
    if not isinstance(found, dict):
        return ()
    if any(isinstance(found.get(key), str) for key in _URL_KEYS):
        return (found,)
    docs = unpacked(found.get("docs"))
    numbered = [part for key, part in found.items() if key != "docs"]
    return [*numbered, *(docs if isinstance(docs, list) else ())]


_URL_KEYS = ("path", "url", "link", "file")
_FILE_NAME_KEYS = ("file_name", "name", "filename", "original_name", "disk_name")


def _attachment(part: object) -> Attachment | None:
    row = part if isinstance(part, dict) else {"path": part if isinstance(part, str) else None}
    url = _first(row, _URL_KEYS)
    if not url:
        return None
    name = harmless_name(_first(row, _FILE_NAME_KEYS) or _last_segment(url))
    said = _first(row, ("extension", "ext")).lstrip(".")
    extension = said if _EXTENSION.fullmatch(said) else _suffix(name)
    return Attachment(url=url, file_name=name, extension=extension.lower() or None)


_EXTENSION = re.compile(r"[A-Za-z0-9_-]{1,20}")


def _first(row: Row, keys: Iterable[str]) -> str:
    return next(filter(None, (text_of(row.get(key)) for key in keys)), "")


def _last_segment(url: str) -> str:
    try:
        path = urlsplit(url).path
    except ValueError:
        path = ""
    return clean(unquote(path.rstrip("/").rpartition("/")[2])) or "file"


def _suffix(name: str) -> str:
    stem, dot, suffix = name.rpartition(".")
    return suffix if dot and stem and len(suffix) <= 10 else ""
