"""Opening an export: what the file is, how old it is, where its table begins; its rows as a stream."""

from __future__ import annotations

import os
import warnings
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from functools import partial
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Literal, Protocol
from xml.etree.ElementTree import ParseError
from zipfile import BadZipFile, LargeZipFile, ZipFile

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.workbook.workbook import Workbook

from connectors.admin_export.moments import find_moment, read_moment
from connectors.admin_export.row import COLUMNS, REQUIRED, Row, find_columns, reader
from lapor_sync.domain.colour import canonical
from lapor_sync.domain.errors import BadInput, BadRecord
from lapor_sync.domain.report import Report

_DOWNLOAD_AGAIN = (
    "Download the export again from LAPOR's admin pages, as Excel (.xlsx), and give that file unchanged."
)

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")

_MOST_INFO_ROWS = 500
_MOST_ROWS = 1_048_576  # Excel's own limit
_MOST_BYTES = 4 * 1024**3
_MOST_RATIO = 300
_SMALL = 64 * 1024**2

# What openpyxl, zipfile and the XML parser are known to raise over a broken file.
_BROKEN = (
    AttributeError,
    BadZipFile,
    EOFError,
    InvalidFileException,
    KeyError,
    IndexError,
    LargeZipFile,
    NotImplementedError,
    OSError,
    OverflowError,
    ParseError,
    RuntimeError,
    TypeError,
    ValueError,
    zlib.error,
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
    _rows: Callable[[], Iterator[Row]]
    _read: Callable[[Row, int], Report | BadRecord | None]

    def rows(self) -> Iterator[Report | BadRecord]:
        """Each row as a report, or as the record of why it could not be read; empty rows are passed over.

        A stream: not more than one row is held. Raises BadInput where the file turns out to be broken.
        """
        first = self.info.header_row + 1
        for number, row in enumerate(islice(self._rows(), first - 1, None), first):
            record = self._read(row, number)
            if record is not None:
                yield record


@contextmanager
def open_export(path: Path, *, timezone: tzinfo, as_of: datetime | None = None) -> Iterator[Export]:
    """The export in the file, open as long as the context is.

    `timezone` is that of the times in the file; `as_of` (aware) is how old the export is, where a person says so.
    Raises BadInput for a file that is no such export.
    """
    # openpyxl warns of styles and of single cells; neither is of use to whoever imports an export.
    with warnings.catch_warnings(), _opened(path) as stream:
        warnings.filterwarnings("ignore", module=r"openpyxl\.")
        workbook = _workbook(stream, path)
        try:
            modified = datetime.fromtimestamp(os.fstat(stream.fileno()).st_mtime, UTC)
            yield _export(workbook, path, timezone, as_of, modified)
        finally:
            workbook.close()


def _export(
    workbook: Workbook, path: Path, timezone: tzinfo, as_of: datetime | None, modified: datetime
) -> Export:
    sheet, rows, head = _find_table(workbook, path)
    header = head[-1]
    columns = find_columns(header)
    lacking = [COLUMNS[field] for field in REQUIRED if field not in columns]
    if lacking:
        raise BadInput(f"{path.name}: there is no column {' and no column '.join(lacking)}.", todo=_DOWNLOAD_AGAIN)
    generated_at, generated_from = _age(head[:-1], timezone, as_of, modified)
    info = ExportInfo(
        sheet=sheet,
        header_row=len(head),
        generated_at=generated_at,
        generated_from=generated_from,
        missing_columns=tuple(name for field, name in COLUMNS.items() if field not in columns),
        ignored_columns=_ignored(header, columns.values()),
    )
    return Export(info=info, _rows=rows, _read=reader(columns, timezone))


def _find_table(workbook: Workbook, path: Path) -> tuple[str, Callable[[], Iterator[Row]], list[Row]]:
    """The first sheet with a header row: its title, its rows (begun anew by each call), those up to the header."""
    for sheet in workbook.worksheets:
        rows = partial(_stream, sheet, path)
        head = _head(islice(rows(), _MOST_INFO_ROWS))
        if head:
            return sheet.title, rows, head
    raise BadInput(f"{path.name}: no row has a cell `Tracking ID`; this is no LAPOR export.", todo=_DOWNLOAD_AGAIN)


def _head(rows: Iterable[Row]) -> list[Row]:
    """The rows up to and with the header row; none where there is no header row."""
    head: list[Row] = []
    for row in rows:
        head.append(row)
        if any(isinstance(cell, str) and canonical(cell) == "trackingid" for cell in row):
            return head
    return []


def _ignored(header: Row, read: Iterable[int]) -> tuple[str, ...]:
    taken = set(read)
    return tuple(str(cell).strip() for at, cell in enumerate(header) if cell is not None and at not in taken)


def _age(
    info: list[Row], timezone: tzinfo, as_of: datetime | None, modified: datetime
) -> tuple[datetime, AgeFrom]:
    if as_of is not None:
        return as_of, AgeFrom.GIVEN
    said = next((at for at in map(_generated, info) if at), None)
    return (said.replace(tzinfo=timezone), AgeFrom.FILE) if said else (modified, AgeFrom.MTIME)


def _generated(row: Row) -> datetime | None:
    """The time that an info row such as `Tanggal Generate | 3 Jan 2026` tells, in the same cell or a later one."""
    cells = [cell for cell in row if cell is not None]
    for at, cell in enumerate(cells):
        if isinstance(cell, str) and canonical(cell).startswith("tanggalgenerate"):
            return next((told for told in map(_told, cells[at:]) if told), None)
    return None


def _told(cell: object) -> datetime | None:
    try:
        return find_moment(cell) if isinstance(cell, str) else read_moment(cell)
    except ValueError:
        return None


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        stream = path.open("rb")
    except OSError as exc:
        what = f"{path.name}: cannot be opened: {exc.strerror}."
        raise BadInput(what, todo="Check the name of the file and who may read it.") from exc
    with stream:
        yield stream


def _workbook(stream: BinaryIO, path: Path) -> Workbook:
    """The workbook. Raises BadInput where the file is something else, broken, or a bomb."""
    begin = stream.read(4096)
    _refuse_other_formats(begin, stream, path)
    stream.seek(0)
    with _translated(path):
        _refuse_bomb(stream, path)
        return load_workbook(stream, read_only=True, data_only=True, keep_links=False)


def _refuse_other_formats(begin: bytes, stream: BinaryIO, path: Path) -> None:
    """Files that are called .xlsx and are none, each by its first bytes."""
    text = begin.removeprefix(b"\xef\xbb\xbf").lstrip()
    if begin.startswith(b"PK"):
        return
    if not text:
        raise BadInput(f"{path.name}: the file is empty.", todo=_DOWNLOAD_AGAIN)
    if begin.startswith(_OLE):
        _refuse_ole(begin + stream.read(), path)
    if text.startswith(b"<"):
        what = f"{path.name}: this is a web page, not an Excel file; the login to LAPOR may have run out."
        raise BadInput(what, todo=_DOWNLOAD_AGAIN)
    what = f"{path.name}: this is no .xlsx file, whatever its name."
    raise BadInput(what, todo="Give the export as LAPOR made it, as Excel (.xlsx): not as .csv or any other text.")


def _refuse_ole(content: bytes, path: Path) -> None:
    if _ENCRYPTED in content:
        what = f"{path.name}: the file is protected with a password."
        raise BadInput(what, todo="Save it in Excel without a password and give that file.")
    what = f"{path.name}: this is an old Excel file (.xls)."
    raise BadInput(what, todo="Open it in Excel, save it as Excel Workbook (.xlsx), and give that file.")


def _refuse_bomb(stream: BinaryIO, path: Path) -> None:
    """Refuse what unpacks to more than an export can be; zipfile never unpacks more than a part's stated size."""
    with ZipFile(stream) as archive:
        parts = archive.infolist()
    whole, packed = sum(part.file_size for part in parts), sum(part.compress_size for part in parts)
    if whole > _MOST_BYTES or (whole > _SMALL and whole > _MOST_RATIO * packed):
        raise BadInput(f"{path.name}: unpacked it is far larger than an export can be.", todo=_DOWNLOAD_AGAIN)


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except _BROKEN as exc:
        what = f"{path.name}: the file is broken ({type(exc).__name__})."
        raise BadInput(what, todo=_DOWNLOAD_AGAIN) from exc


class _Sheet(Protocol):
    """openpyxl's read-only worksheet, as far as it is used; its published types do not fit it."""

    def reset_dimensions(self) -> None: ...
    def iter_rows(self, *, values_only: Literal[True]) -> Iterator[Row]: ...


def _stream(sheet: _Sheet, path: Path) -> Iterator[Row]:
    # Writers other than Excel give a wrong size, and openpyxl would cut the rows to it.
    sheet.reset_dimensions()
    with _translated(path):
        for number, row in enumerate(sheet.iter_rows(values_only=True), 1):
            if number > _MOST_ROWS:
                # A broken row number: openpyxl would fill the gap up to it, for hours.
                raise BadInput(f"{path.name}: a row has a number that no row can have.", todo=_DOWNLOAD_AGAIN)
            # openpyxl gives a list where the file leaves rows out.
            yield tuple(row)
