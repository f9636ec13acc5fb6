"""Opening an export: what the file is, how old it is, where its table begins; its rows as a stream."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, tzinfo
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from connectors.admin_export.row import COLUMNS, REQUIRED, find_columns, reader
from connectors.excel import Book, Row, Table, open_book
from connectors.moments import find_moment, read_moment
from lapor_sync.domain.colour import canonical
from lapor_sync.domain.errors import BadInput, BadRecord
from lapor_sync.domain.report import Report

_DOWNLOAD_AGAIN = (
    "Download the export again from LAPOR's admin pages, as Excel (.xlsx), and give that file unchanged."
)


class AgeFrom(StrEnum):
    """How the age of an export is known."""

    GIVEN = "given"  # a person said so
    FILE = "file"  # its info rows say so
    MTIME = "mtime"  # neither: the file's time of last change, which a copy can make too young


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportInfo:
    """What is known of an export before its rows are read.

    `generated_at` is aware; a day without a time is its first instant, so that a later API read wins.
    `missing_columns` are read where they are there; `ignored_columns` are in the file and not read.
    """

    sheet: str
    header_row: int
    generated_at: datetime
    generated_from: AgeFrom
    missing_columns: tuple[str, ...]
    ignored_columns: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Export:
    """An open export."""

    info: ExportInfo
    _table: Table
    _read: Callable[[Row, int], Report | BadRecord | None]

    def rows(self) -> Iterator[Report | BadRecord]:
        """Each row as a report, or as the record of why it could not be read; empty rows are passed over.

        A stream: not more than one row is held. Raises BadInput where the file turns out to be broken.
        """
        for number, row in self._table.rows():
            record = self._read(row, number)
            if record is not None:
                yield record


@contextmanager
def open_export(
    path: Path, *, timezone: tzinfo, as_of: datetime | None = None, file: BinaryIO | None = None
) -> Iterator[Export]:
    """The export in the file, open as long as the context is.

    `file` is the file, where it is open already: what stands at `path` may be another one by then.
    `timezone` is that of the times in the file; `as_of` (aware) is how old the export is, where a person says so.
    Raises BadInput for a file that is no such export.
    """
    with open_book(path, file=file, todo=_DOWNLOAD_AGAIN) as book:
        yield _export(_find_table(book, path), path, timezone, as_of, book.modified)


def _export(table: Table, path: Path, timezone: tzinfo, as_of: datetime | None, modified: datetime) -> Export:
    columns = find_columns(table.header)
    lacking = [COLUMNS[field] for field in REQUIRED if field not in columns]
    if lacking:
        raise BadInput(f"{path.name}: there is no column {' and no column '.join(lacking)}.", todo=_DOWNLOAD_AGAIN)
    generated_at, generated_from = _age(table.info, timezone, as_of, modified)
    info = ExportInfo(
        sheet=table.sheet,
        header_row=table.header_row,
        generated_at=generated_at,
        generated_from=generated_from,
        missing_columns=tuple(name for field, name in COLUMNS.items() if field not in columns),
        ignored_columns=_ignored(table.header, columns.values()),
    )
    return Export(info=info, _table=table, _read=reader(columns, timezone))


def _find_table(book: Book, path: Path) -> Table:
    """The table of the first sheet with a header row."""
    for table in book.tables(lambda names: "trackingid" in names):
        return table
    raise BadInput(f"{path.name}: no row has a cell `Tracking ID`; this is no LAPOR export.", todo=_DOWNLOAD_AGAIN)


def _ignored(header: Row, read: Iterable[int]) -> tuple[str, ...]:
    taken = set(read)
    return tuple(str(cell).strip() for at, cell in enumerate(header) if cell is not None and at not in taken)


def _age(
    info: Iterable[Row], timezone: tzinfo, as_of: datetime | None, modified: datetime
) -> tuple[datetime, AgeFrom]:
    if as_of is not None:
        return as_of, AgeFrom.GIVEN
    said = next((at for row in info if (at := _generated(row, timezone))), None)
    return (said.astimezone(timezone), AgeFrom.FILE) if said else (modified, AgeFrom.MTIME)


def _generated(row: Row, timezone: tzinfo) -> datetime | None:
    """The time that an info row such as `Tanggal Generate | 3 Jan 2026` tells, in the same cell or a later one."""
    cells = [cell for cell in row if cell is not None]
    for at, cell in enumerate(cells):
        if isinstance(cell, str) and canonical(cell).startswith("tanggalgenerate"):
            return next((told for part in cells[at:] if (told := _told(part, timezone))), None)
    return None


def _told(cell: object, timezone: tzinfo) -> datetime | None:
    try:
        told = find_moment(cell, timezone) if isinstance(cell, str) else read_moment(cell, timezone)
    except ValueError:
        return None
    return told.at if told else None
