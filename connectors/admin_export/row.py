"""One row of the export as a report, by a table of columns. Source: the admin's export, columns as seen."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import datetime, tzinfo
from typing import NamedTuple

from connectors.moments import moment_of_cells
from connectors.workbook import (
    WINDOWS_EPOCH,
    CellError,
    Line,
    Row,
    clock_of,
    columns_of,
    day_of,
    id_of,
    picker,
    short,
    text_of,
)
from lapor_sync.domain import thread as talk
from lapor_sync.domain.advice import Todo, advise
from lapor_sync.domain.colour import canonical
from lapor_sync.domain.errors import BadInput, BadRecord
from lapor_sync.domain.letters import without_unseen
from lapor_sync.domain.report import Report, digest, key_by_words


class Cells(NamedTuple):
    """The cells of a row that are read, whatever the order of the columns; None where there is nothing."""

    tracking_id: object
    day: object
    clock: object
    reporter: object
    classification: object
    category_id: object
    category: object
    title: object
    content_first: object
    content_last: object
    kind: object
    channel: object
    disposition_id: object
    disposition_name: object
    status_name: object
    district: object
    village: object
    rating: object


COLUMNS: Mapping[str, str] = {
    "tracking_id": "Tracking ID",
    "day": "Tanggal Laporan Masuk",
    "clock": "Waktu Laporan Masuk",
    "reporter": "Nama Pelapor",
    "classification": "Klasifikasi Laporan",
    "category_id": "ID Kategori",
    "category": "Kategori",
    "title": "Judul Laporan",
    "content_first": "Isi Laporan Awal",
    "content_last": "Isi Laporan Akhir",
    "kind": "Tipe Laporan (Anonim/Rahasia)",
    "channel": "Sumber Laporan",
    "disposition_id": "ID Instansi Terdisposisi",
    "disposition_name": "Instansi Terdisposisi",
    "status_name": "Status Laporan",
    "district": "Kecamatan",
    "village": "Kelurahan",
    "rating": "Rating",
}
"""The column that each of `Cells` is read from."""

SHORTER: Mapping[str, str] = {**COLUMNS, "district": "kd_kecamatan", "village": "kd_kelurahan"}
"""The second, shorter layout's names (that its places begin with `kd_` is seen, what follows is assumed)."""

REQUIRED = ("tracking_id", "status_name")

_FILLED_BY: Mapping[str, tuple[str, ...]] = {
    "title": ("title",),
    "content": ("content_last", "content_first"),
    "channel": ("channel",),
    "disposition_id": ("disposition_id",),
    "disposition_name": ("disposition_name",),
    "classification": ("classification",),
    "category": ("category",),
    "category_id": ("category_id",),
    "location": ("village", "district"),
    "kecamatan": ("district",),
    "kelurahan": ("village",),
    "is_anonymous": ("kind",),
    "is_secret": ("kind",),
    "rating": ("rating",),
    "reporter_name": ("reporter",),
    "created_at": ("day",),
}
"""Which cells each attribute of a report comes from: with none of them in the file it is missing."""

_NEVER = frozenset(
    {"upstream_id", "date_of_incident", "is_priority", "tags", "updated_at", "updated_at_is_day", "attachments"}
)
"""Attributes that no export has a column for."""

_TRACKING_ID = re.compile(r"[0-9]{7,9}")


def find_columns(header: Row) -> dict[str, int]:
    """Where each column that is read stands, by the field of `Cells` that it fills."""
    return columns_of(header, SHORTER) | columns_of(header, COLUMNS)


def reader(
    columns: Mapping[str, int], timezone: tzinfo, epoch: datetime = WINDOWS_EPOCH
) -> Callable[[Line], Report | BadRecord | None]:
    """A function that reads one row; None for an empty one.

    `epoch` is where the workbook counts its days from.
    """
    pick = picker(columns, Cells._fields)
    missing = missing_of(columns)

    def read(line: Line) -> Report | BadRecord | None:
        cells = Cells._make(pick(line.cells))
        if _is_empty(cells):
            return None
        if isinstance(cells.day, int | float) or isinstance(cells.clock, int | float):
            # A day or time that lost its format: in these columns a number can be nothing else.
            cells = cells._replace(day=day_of(cells.day, epoch), clock=clock_of(cells.clock, epoch))
        try:
            _refuse_struck(line, columns)
            return _report(cells, timezone, missing)
        except ValueError as exc:
            if not _is_header(cells):
                return _bad(cells, line.number, str(exc), timezone)
            if find_columns(line.cells) != columns:
                raise BadInput(
                    f"row {line.number} names the columns in another order than the header.",
                    todo=advise(Todo.DOWNLOAD_AGAIN),
                ) from exc
            return None

    return read


def _refuse_struck(line: Line, columns: Mapping[str, int]) -> None:
    """LAPOR strikes nothing out: whoever did it did not mean what stands there. Raises ValueError."""
    if line.looks:
        looks = ((field, line.looks.get(column)) for field, column in columns.items())
        struck = [COLUMNS[field] for field, look in looks if look and look.is_struck]
        if struck:
            raise ValueError(f"there are struck-out words in {' and '.join(struck)}")


def missing_of(columns: Mapping[str, int]) -> frozenset[str]:
    """The attributes of a report that a file with these columns says nothing of.

    Without the column that says who is anonymous no name is taken: it might be one that must not be kept.
    """
    absent = {name for name, cells in _FILLED_BY.items() if not any(cell in columns for cell in cells)}
    return _NEVER | absent | ({"reporter_name"} if "kind" not in columns else frozenset())


def _report(cells: Cells, timezone: tzinfo, missing: frozenset[str]) -> Report:
    """The report that the cells tell of. Raises ValueError where one of them cannot be read."""
    for field, cell in zip(Cells._fields, cells, strict=True):
        if isinstance(cell, CellError):
            raise ValueError(f"{COLUMNS[field]} is an error of a formula ({cell})")
    is_anonymous, is_secret = _kind(cells.kind)
    nameless = is_anonymous or is_secret or "reporter_name" in missing
    tracking_id, status_name = _tracking_id(cells.tracking_id), _status_name(cells.status_name)
    received = _received(cells, timezone)
    return Report(
        tracking_id=tracking_id,
        upstream_id=None,
        status_name=status_name,
        title=text_of(cells.title) or "",
        content=_content(cells),
        channel=text_of(cells.channel),
        disposition_id=_institution_id(cells.disposition_id),
        disposition_name=text_of(cells.disposition_name),
        classification=text_of(cells.classification),
        category=text_of(cells.category),
        category_id=text_of(cells.category_id),
        location=", ".join(filter(None, (text_of(cells.village), text_of(cells.district)))) or None,
        kecamatan=text_of(cells.district),
        kelurahan=text_of(cells.village),
        is_anonymous=is_anonymous,
        is_secret=is_secret,
        rating=text_of(cells.rating),
        reporter_name=None if nameless else text_of(cells.reporter),
        created_at=received,
        missing=missing,
    )


_NEITHER = frozenset({"", "tidak", "biasa", "normal", "publik", "umum", "terbuka"})
"""What is said of a report that is neither anonim nor rahasia (assumed)."""


def _kind(cell: object) -> tuple[bool, bool]:
    """Whether a report is anonim, and whether it is rahasia; both where the word is not known.

    So nobody's name and words are shown by a misreading; the API says later how it is.
    """
    said = unicodedata.normalize("NFKC", without_unseen(text_of(cell) or "")).lower()
    is_anonymous, is_secret = "anonim" in said, "rahasia" in said
    is_known = is_anonymous or is_secret or canonical(said) in _NEITHER
    return (is_anonymous, is_secret) if is_known else (True, True)


def _tracking_id(cell: object) -> str:
    text = id_of(cell)
    if not text:
        raise ValueError("there is no Tracking ID")
    if not _TRACKING_ID.fullmatch(text):
        raise ValueError(f"the Tracking ID {short(cell)} is not 7 to 9 digits")
    return text


def _status_name(cell: object) -> str:
    name = text_of(cell)
    if name is None:
        raise ValueError("there is no Status Laporan")
    return name


def _received(cells: Cells, timezone: tzinfo) -> datetime | None:
    try:
        read = moment_of_cells(cells.day, cells.clock, timezone)
    except ValueError as exc:
        raise ValueError(f"received {short(cells.day)} {short(cells.clock)}: {exc}") from exc
    return read.at if read else None


def _content(cells: Cells) -> str:
    """The text as the reporter left it last, if it has words, else as it came first."""
    last = text_of(cells.content_last)
    if last and talk.has_words(last):
        return last
    return text_of(cells.content_first) or last or ""


def _institution_id(cell: object) -> str | None:
    text = text_of(cell)
    return None if text == "0" else text


def _is_empty(cells: Cells) -> bool:
    return not any(cell is not None and str(cell).strip() for cell in cells)


def _is_header(cells: Cells) -> bool:
    """Whether the header row stands here again, as it does where pages were put together."""
    return isinstance(cells.tracking_id, str) and canonical(cells.tracking_id) == "trackingid"


def _bad(cells: Cells, number: int, reason: str, timezone: tzinfo) -> BadRecord:
    """The row for quarantine, without the reporter's name: whether it may be known may be what cannot be read.

    Its key holds in a later export too, where the row has another number.
    """
    kept = zip(Cells._fields, cells._replace(reporter=None), strict=True)
    values = {COLUMNS[field]: str(cell) for field, cell in kept if cell is not None}
    raw = json.dumps(values, ensure_ascii=False, sort_keys=True)
    try:
        key = _tracking_id(cells.tracking_id)
    except ValueError:
        key = _key_without_id(cells, timezone) or f"row-{digest(raw)}"
    return BadRecord(f"row {number}: {reason}", key=key, raw=raw)


def _key_without_id(cells: Cells, timezone: tzinfo) -> str | None:
    """By what the reporter wrote and when, so that the same row with an id is known again."""
    try:
        received = _received(cells, timezone)
    except ValueError:
        return None
    return key_by_words(text_of(cells.title) or "", _content(cells), received)
