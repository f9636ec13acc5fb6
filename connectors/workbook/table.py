"""What readers of workbooks use: the tables of a workbook, their columns, and their cells as text and ids."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from itertools import zip_longest
from operator import itemgetter
from pathlib import Path
from typing import BinaryIO

from connectors.workbook.package import MIB, REPLACEMENT, Package, Said
from connectors.workbook.parts import WINDOWS_EPOCH, contents_of, strings_of, styles_of
from connectors.workbook.sheet import Line, Row, Sheet, SheetFacts
from lapor_sync.domain.advice import Advice, Todo, advise
from lapor_sync.domain.colour import canonical
from lapor_sync.domain.files import open_regular
from lapor_sync.domain.letters import UNSEEN, without_unseen
from lapor_sync.domain.names import shown_path

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_PACKED = (b"\x1f\x8b", b"Rar!", b"7z\xbc\xaf\x27\x1c", b"BZh", b"\xfd7zXZ")
_MOST_OLE = 64 * 1024**2
_MOST_INFO_ROWS, _MOST_INFO = 500, MIB
"""Of the rows above a header so many, and so many letters, are kept: a header may stand below any number of rows, in
each sheet."""

_AROUND_ID = re.compile(rf"[\s'\u2018\u2019\u02bc#{UNSEEN}]+|\.0+$")
_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")
_ESCAPED = re.compile(r"x[0-9A-Fa-f]{4}_")
_LINE_END = re.compile(r"\r\n?")


# The file.


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """A sheet's table: `info` are the rows above its header row, `header_row` the header's number in the sheet."""

    sheet: str
    info: tuple[Row, ...]
    header: Row
    header_row: int
    facts: SheetFacts = field(default_factory=SheetFacts)
    """Of the sheet, once its rows were read."""
    epoch: datetime = WINDOWS_EPOCH
    """Where the workbook counts its days from."""
    _stream: Callable[[], Iterator[Line]]

    def rows(self) -> Iterator[Line]:
        """Each row below the header that is in the file, with its number in the sheet; each call begins anew.

        A stream: not more than one row is held. Raises BadInput where the file turns out to be broken.
        """
        return (line for line in self._stream() if line.number > self.header_row)


@dataclass(frozen=True, kw_only=True, slots=True)
class Book:
    """An open Excel file; `modified` is the file's time of last change."""

    modified: datetime
    _sheets: tuple[Sheet, ...]
    _hidden: tuple[Sheet, ...]

    def tables(self, is_header: Callable[[frozenset[str]], bool], *, hidden: bool = False) -> Iterator[Table]:
        """The table of each sheet that has one, its header being the first row whose texts are `is_header`.

        It is given them canonical: without case, space and punctuation. Those of sheets that people see, or of
        the others.
        """
        for sheet in self._hidden if hidden else self._sheets:
            table = _table(sheet, is_header)
            if table is not None:
                yield table

    def split_header(self, is_header: Callable[[frozenset[str]], bool]) -> tuple[int, int] | None:
        """The numbers of two rows, one after the other, which only together are `is_header`: each column's words stand
        one below the other. None where there are none; looked for in sheets that people see."""
        for sheet in self._sheets:
            above: list[str] = []
            number = 0
            for line in sheet.lines(SheetFacts()):
                below = names_of(line.cells)
                if is_header(frozenset(map("".join, zip_longest(above, below, fillvalue="")))):
                    return number, line.number
                above, number = below, line.number
        return None


def _table(sheet: Sheet, is_header: Callable[[frozenset[str]], bool]) -> Table | None:
    facts = SheetFacts()
    info: list[Row] = []
    letters = 0
    for line in sheet.lines(SheetFacts()):
        if is_header(frozenset(names_of(line.cells)) - {""}):
            return Table(
                sheet=shown_path(sheet.title),
                info=tuple(info),
                header=line.cells,
                header_row=line.number,
                facts=facts,
                epoch=sheet.epoch,
                _stream=lambda: sheet.lines(_emptied(facts)),
            )
        letters += sum(len(cell) for cell in line.cells if isinstance(cell, str))
        if len(info) < _MOST_INFO_ROWS and letters <= _MOST_INFO:
            info.append(line.cells)
    return None


def _emptied(facts: SheetFacts) -> SheetFacts:
    empty = SheetFacts()
    for each in fields(empty):
        setattr(facts, each.name, getattr(empty, each.name))
    return facts


@contextmanager
def open_book(path: Path, *, todo: Advice, file: BinaryIO | None = None) -> Iterator[Book]:
    """The Excel file, open as long as the context is; cells of formulas have the value that Excel saw last.

    `file` is the file, where it is open already; it is not closed. `todo` is what to do where the file is broken.
    Raises BadInput for a file that is no .xlsx. All its sheets are proven to be whole before a row is read.
    """
    said = Said(name=shown_path(path.name), todo=todo)
    with nullcontext(file) if file else _opened(path, said) as stream:
        with said.translated():
            _refuse_other_formats(stream, said)
        package = Package(stream, said)
        contents = contents_of(package)
        strings = strings_of(package, contents.strings)
        styles = styles_of(package, contents.styles, contents.theme)
        sheets: dict[bool, list[Sheet]] = {True: [], False: []}
        for one in contents.sheets:
            package.prove(one.part)
            sheet = Sheet(
                title=one.title,
                part=one.part,
                package=package,
                strings=strings,
                styles=styles,
                epoch=contents.epoch,
            )
            sheets[one.is_hidden].append(sheet)
        modified = datetime.fromtimestamp(os.fstat(stream.fileno()).st_mtime, UTC)
        yield Book(modified=modified, _sheets=tuple(sheets[False]), _hidden=tuple(sheets[True]))


@contextmanager
def _opened(path: Path, said: Said) -> Iterator[BinaryIO]:
    try:
        descriptor = open_regular(path)
    except OSError as exc:
        todo = advise(Todo.CHECK_FILE_NAME)
        raise said.refused(f"cannot be opened: {exc.strerror}.", todo) from exc
    with open(descriptor, "rb") as stream:
        yield stream


def _refuse_other_formats(stream: BinaryIO, said: Said) -> None:
    """Files that are called .xlsx and are none, each by its first bytes."""
    begin = stream.read(4096)
    text = begin.removeprefix(b"\xef\xbb\xbf").lstrip()
    if begin.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = begin.decode("utf-16", "replace").lstrip().encode()
    lower = text.lower()
    if begin.startswith(b"PK"):
        return
    if not text.strip(b"\0"):
        raise said.refused("the file is empty.")
    if begin.startswith(_OLE):
        _refuse_ole(begin + stream.read(_MOST_OLE), said)
    if b"urn:schemas-microsoft-com:office:spreadsheet" in lower:
        raise said.refused(
            "this is a workbook as XML (Excel 2003), not an Excel file (.xlsx).", advise(Todo.SAVE_AS)
        )
    if b"PK\3\4" in begin:
        todo = advise(Todo.REPAIR, otherwise=said.todo)
        raise said.refused("something else stands in the file before the workbook.", todo)
    if lower.startswith(b"<") and b"<table" in lower:
        todo = advise(Todo.SAVE_TABLE, otherwise=said.todo)
        raise said.refused("this is a web page with a table, not an Excel file.", todo)
    if lower.startswith(b"<"):
        raise said.refused("this is a web page, not an Excel file; a login may have run out at its download.")
    if lower.startswith((b"{", b"[")):
        raise said.refused("this is an answer of a server (JSON), not an Excel file; its download failed.")
    if lower.startswith(b"mime-version"):
        raise said.refused("this is a saved web page, not an Excel file.", advise(Todo.SAVE_AS))
    if begin.startswith(_PACKED):
        raise said.refused("this is a packed file.", advise(Todo.UNPACK))
    todo = advise(Todo.GIVE_XLSX)
    raise said.refused("this is no .xlsx file, whatever its name.", todo)


def _refuse_ole(content: bytes, said: Said) -> None:
    if _ENCRYPTED in content:
        todo = advise(Todo.NO_PASSWORD)
        raise said.refused("the file is protected with a password.", todo)
    raise said.refused("this is an old Excel file (.xls).", advise(Todo.SAVE_AS))


# Columns.


def columns_of(header: Row, wanted: Mapping[str, str]) -> dict[str, int]:
    """Where each wanted column (field: name) stands; case, space and punctuation do not matter.

    The first of two equal columns counts.
    """
    names = names_of(header)
    canonicals = {field: canonical(column) for field, column in wanted.items()}
    return {field: names.index(name) for field, name in canonicals.items() if name in names}


def picker(columns: Mapping[str, int], fields: Sequence[str]) -> Callable[[Row], Row]:
    """A function that takes these fields' cells, two at least, out of a row; None for what is not there."""
    width = max(columns.values()) + 1
    pick: Callable[[Row], Row] = itemgetter(*(columns.get(field, width) for field in fields))
    padding = (None,) * (width + 1)
    return lambda row: pick(row[:width] + padding[len(row[:width]) :])


def names_of(row: Row) -> list[str]:
    """The texts of a row as names: canonical, without marks that no eye sees; empty for what is no text."""
    return [canonical(without_unseen(cell)) if isinstance(cell, str) else "" for cell in row]


# Cells.


def text_of(cell: object) -> str | None:
    """A cell as text, its lines ended by `\\n`; None where it says nothing (an empty cell, or a dash).

    A control character that cannot stand in a text is U+FFFD.
    """
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
    text = text_of(cell) or ""
    return text if text.isascii() and text.isdecimal() else _AROUND_ID.sub("", text)


def short(cell: object) -> str:
    """A cell as it may stand in a reason: what is no id or date may be anything, so not much of it."""
    text = "" if cell is None else str(cell)
    return repr(text if len(text) <= 24 else text[:24] + "...")


def _character(escape: re.Match[str]) -> str:
    code = int(escape[1], 16)
    if code in {9, 10, 13}:
        return chr(code)
    if code == 0x5F and _ESCAPED.match(escape.string, escape.end()):
        return "_"  # an escape that is meant as it stands
    return REPLACEMENT if code < 32 or code == 127 else escape[0]
