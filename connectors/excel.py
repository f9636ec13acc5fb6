"""Excel files as people hand them in: opened safely, their tables found by a header row, their cells as text.

Knows nothing of what the columns mean: that is its readers' part.
"""

from __future__ import annotations

import os
import re
import warnings
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import BinaryIO, Literal, Protocol
from xml.etree.ElementTree import ParseError
from zipfile import BadZipFile, LargeZipFile, ZipFile

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.workbook.workbook import Workbook

from lapor_sync.domain.colour import canonical
from lapor_sync.domain.errors import BadInput
from lapor_sync.domain.names import shown_name

Row = tuple[object, ...]

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

_AROUND_ID = re.compile(r"[\s'#\u200b\ufeff]+|\.0+$")
_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")
_LINE_END = re.compile(r"\r\n?")


# The file.


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """A sheet's table: `info` are the rows above its header row."""

    sheet: str
    info: tuple[Row, ...]
    header: Row
    _stream: Callable[[], Iterator[Row]]

    @property
    def header_row(self) -> int:
        """The header row's number in the sheet."""
        return len(self.info) + 1

    def rows(self) -> Iterator[tuple[int, Row]]:
        """Each row below the header, empty ones too, with its number in the sheet; each call begins anew.

        A stream: not more than one row is held. Raises BadInput where the file turns out to be broken.
        """
        return enumerate(islice(self._stream(), self.header_row, None), self.header_row + 1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Book:
    """An open Excel file; `modified` is the file's time of last change."""

    modified: datetime
    _workbook: Workbook
    _file: _File

    def tables(self, is_header: Callable[[frozenset[str]], bool]) -> Iterator[Table]:
        """The table of each sheet that has one, its header being the first row whose texts are `is_header`.

        It is given them canonical: without case, space and punctuation.
        """
        for sheet in self._workbook.worksheets:
            stream = partial(_stream, sheet, self._file)
            head = _head(islice(stream(), _MOST_INFO_ROWS), is_header)
            if head:
                yield Table(sheet=sheet.title, info=tuple(head[:-1]), header=head[-1], _stream=stream)


@dataclass(frozen=True, kw_only=True, slots=True)
class _File:
    """How a file is spoken of: its name, and what to do where it is broken."""

    name: str
    todo: str

    def refused(self, what: str, todo: str | None = None) -> BadInput:
        return BadInput(f"{self.name}: {what}", todo=todo or self.todo)


@contextmanager
def open_book(path: Path, *, todo: str, file: BinaryIO | None = None) -> Iterator[Book]:
    """The Excel file, open as long as the context is; cells of formulas have the value that Excel saw last.

    `file` is the file, where it is open already; it is not closed.
    `todo` is what to do where the file is broken. Raises BadInput for a file that is no .xlsx.
    """
    said = _File(name=shown_name(path.name), todo=todo)
    # openpyxl warns of styles and of single cells; neither is of use to whoever gives a file.
    with warnings.catch_warnings(), nullcontext(file) if file else _opened(path, said) as stream:
        warnings.filterwarnings("ignore", module=r"openpyxl\.")
        workbook = _workbook(stream, said)
        try:
            modified = datetime.fromtimestamp(os.fstat(stream.fileno()).st_mtime, UTC)
            yield Book(modified=modified, _workbook=workbook, _file=said)
        finally:
            workbook.close()


def _head(rows: Iterable[Row], is_header: Callable[[frozenset[str]], bool]) -> list[Row]:
    """The rows up to and with the header row; none where there is no header row."""
    head: list[Row] = []
    for row in rows:
        head.append(row)
        if is_header(frozenset(_names(row)) - {""}):
            return head
    return []


@contextmanager
def _opened(path: Path, file: _File) -> Iterator[BinaryIO]:
    try:
        stream = path.open("rb")
    except OSError as exc:
        todo = "Check the name of the file and who may read it."
        raise file.refused(f"cannot be opened: {exc.strerror}.", todo) from exc
    with stream:
        yield stream


def _workbook(stream: BinaryIO, file: _File) -> Workbook:
    """The workbook. Raises BadInput where the file is something else, broken, or a bomb."""
    begin = stream.read(4096)
    _refuse_other_formats(begin, stream, file)
    stream.seek(0)
    with _translated(file):
        _refuse_bomb(stream, file)
        return load_workbook(stream, read_only=True, data_only=True, keep_links=False)


def _refuse_other_formats(begin: bytes, stream: BinaryIO, file: _File) -> None:
    """Files that are called .xlsx and are none, each by its first bytes."""
    text = begin.removeprefix(b"\xef\xbb\xbf").lstrip()
    if begin.startswith(b"PK"):
        return
    if not text:
        raise file.refused("the file is empty.")
    if begin.startswith(_OLE):
        _refuse_ole(begin + stream.read(), file)
    if text.startswith(b"<"):
        raise file.refused("this is a web page, not an Excel file; a login may have run out at its download.")
    todo = "Give the file as Excel (.xlsx): not as .csv or any other text."
    raise file.refused("this is no .xlsx file, whatever its name.", todo)


def _refuse_ole(content: bytes, file: _File) -> None:
    if _ENCRYPTED in content:
        todo = "Save it in Excel without a password and give that file."
        raise file.refused("the file is protected with a password.", todo)
    todo = "Open it in Excel, save it as Excel Workbook (.xlsx), and give that file."
    raise file.refused("this is an old Excel file (.xls).", todo)


def _refuse_bomb(stream: BinaryIO, file: _File) -> None:
    """Refuse what unpacks to more than a table can be; zipfile never unpacks more than a part's stated size."""
    with ZipFile(stream) as archive:
        parts = archive.infolist()
    whole, packed = sum(part.file_size for part in parts), sum(part.compress_size for part in parts)
    if whole > _MOST_BYTES or (whole > _SMALL and whole > _MOST_RATIO * packed):
        raise file.refused("unpacked it is far larger than such a file can be.")


@contextmanager
def _translated(file: _File) -> Iterator[None]:
    try:
        yield
    except _BROKEN as exc:
        raise file.refused(f"the file is broken ({type(exc).__name__}).") from exc


class _Sheet(Protocol):
    """openpyxl's read-only worksheet, as far as it is used; its published types do not fit it."""

    def reset_dimensions(self) -> None: ...
    def iter_rows(self, *, values_only: Literal[True]) -> Iterator[Row]: ...


def _stream(sheet: _Sheet, file: _File) -> Iterator[Row]:
    # Writers other than Excel give a wrong size, and openpyxl would cut the rows to it.
    sheet.reset_dimensions()
    with _translated(file):
        for number, row in enumerate(sheet.iter_rows(values_only=True), 1):
            if number > _MOST_ROWS:
                # A broken row number: openpyxl would fill the gap up to it, for hours.
                raise file.refused("a row has a number that no row can have.")
            # openpyxl gives a list where the file leaves rows out.
            yield tuple(row)


# Columns.


def columns_of(header: Row, wanted: Mapping[str, str]) -> dict[str, int]:
    """Where each wanted column (field: name) stands; case, space and punctuation do not matter.

    The first of two equal columns counts.
    """
    names = _names(header)
    canonicals = {field: canonical(column) for field, column in wanted.items()}
    return {field: names.index(name) for field, name in canonicals.items() if name in names}


def picker(columns: Mapping[str, int], fields: Sequence[str]) -> Callable[[Row], Row]:
    """A function that takes these fields' cells, two at least, out of a row; None for what is not there."""
    width = max(columns.values()) + 1
    pick: Callable[[Row], Row] = itemgetter(*(columns.get(field, width) for field in fields))
    padding = (None,) * (width + 1)
    return lambda row: pick(row[:width] + padding[len(row[:width]) :])


def _names(row: Row) -> list[str]:
    return [canonical(cell) if isinstance(cell, str) else "" for cell in row]


# Cells.


def text_of(cell: object) -> str | None:
    """A cell as text, its lines ended by `\\n`; None where it says nothing (an empty cell, or a dash)."""
    if cell is None:
        return None
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    text = str(cell)
    if "_x" in text:
        # Some writers leave control characters in Excel's escaped form, `_x000D_` above all.
        text = _ESCAPE.sub(_character, text)
    text = _LINE_END.sub("\n", text).strip()
    return None if text in {"", "-"} else text


def id_of(cell: object) -> str:
    """A cell that holds an id, without the marks that spreadsheets leave at one; it may be no id at all."""
    return _AROUND_ID.sub("", text_of(cell) or "")


def short(cell: object) -> str:
    """A cell as it may stand in a reason: what is no id or date may be anything, so not much of it."""
    text = "" if cell is None else str(cell)
    return repr(text if len(text) <= 24 else text[:24] + "...")


def _character(escape: re.Match[str]) -> str:
    code = int(escape[1], 16)
    return chr(code) if code in {9, 10, 13} else escape[0]
