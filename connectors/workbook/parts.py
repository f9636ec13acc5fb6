"""What a workbook says of itself: sheets, which numbers are dates, which styles strike out or veil, the shared texts.

Read as loosely as Excel reads it: of the styles nothing but this is looked at, so that nothing else can be wrong.
Source: ISO/IEC 29500-1, 18.2 (workbook), 18.4 (shared strings), 18.8 (styles).
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from xml.parsers import expat

from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format, is_timedelta_format
from openpyxl.utils.datetime import CALENDAR_MAC_1904, CALENDAR_WINDOWS_1900

from connectors.workbook.package import DIVIDE, MIB, MOST_DEPTH, Package, is_on, local
from lapor_sync.domain.advice import Todo, advise
from lapor_sync.domain.errors import BadInput

MOST_SHEETS = 256
MOST_STYLES = 65_536  # of cells; more than Excel saves
MOST_STRINGS = 8_000_000
MOST_STRING_BYTES = 256 * MIB
_MAIN_PART = "xl/workbook.xml"
WINDOWS_EPOCH: datetime = CALENDAR_WINDOWS_1900


@dataclass(frozen=True, kw_only=True, slots=True)
class SheetPart:
    """A sheet of the workbook: its name, the part that holds it, and whether people see it."""

    title: str
    part: str
    is_hidden: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Contents:
    """The workbook's sheets in their order, where its days are counted from, and its other parts' names."""

    sheets: tuple[SheetPart, ...]
    epoch: datetime
    strings: str | None
    styles: str | None


def contents_of(package: Package) -> Contents:
    """Raises BadInput where there is no workbook in the file."""
    name = next((part for kind, part in package.related("").values() if kind == "officeDocument"), _MAIN_PART)
    if name not in package:
        raise _no_workbook(package)
    if name.endswith(".bin"):
        raise package.said.refused("this is a binary workbook (.xlsb).", advise(Todo.SAVE_AS))
    related = package.related(name)
    sheets: list[SheetPart] = []
    is_1904 = False

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal is_1904
        tag = local(tag)
        if tag == "workbookPr":
            is_1904 = is_on(attributes.get("date1904"))
        elif tag == "sheet":
            relation = next((v for k, v in attributes.items() if ":" in k and local(k) == "id"), "")
            kind, part = related.get(relation, ("", ""))
            if kind == "worksheet":  # others are charts and macros
                is_hidden = attributes.get("state", "visible") != "visible"
                sheets.append(SheetPart(title=attributes.get("name", ""), part=part, is_hidden=is_hidden))
                if len(sheets) > MOST_SHEETS:
                    raise package.said.refused(f"it has more than {MOST_SHEETS} sheets.", DIVIDE)

    package.read_small(name, start)
    by_kind = dict(related.values())
    return Contents(
        sheets=tuple(sheets),
        epoch=CALENDAR_MAC_1904 if is_1904 else WINDOWS_EPOCH,
        strings=by_kind.get("sharedStrings"),
        styles=by_kind.get("styles"),
    )


def _no_workbook(package: Package) -> BadInput:
    if "content.xml" in package:
        return package.said.refused("this is an OpenDocument file (.ods).", advise(Todo.SAVE_AS))
    if any(name.endswith((".xlsx", ".xls")) for name in package.names()):
        todo = advise(Todo.UNPACK)
        return package.said.refused("this is a packed file with an Excel file in it.", todo)
    return package.said.refused("there is no workbook in the file: it is broken, or of another program.")


@dataclass(frozen=True, slots=True)
class Styles:
    """Of the cells' styles, by their number: which make a day or time of a number, which strike out.

    `veiled`: those whose number format shows nothing of the value, or something else in its place.
    """

    dates: Mapping[int, bool] = field(default_factory=dict)
    """A day or a time of day: False; a length of time: True."""
    struck: frozenset[int] = frozenset()
    veiled: frozenset[int] = frozenset()
    striking: frozenset[int] = frozenset()
    """The numbers of differential styles, those of conditional formats, that strike out or have a number format."""


def styles_of(package: Package, name: str | None) -> Styles:
    """What the part says until it ends or breaks off; nothing where it is not there."""
    if name is None or name not in package:
        return Styles()
    reader = _StyleReader()
    try:
        package.read_small(name, reader.start, reader.end)
    except BadInput as error:
        if not isinstance(error.__cause__, expat.ExpatError):
            raise
    return reader.styles()


class _StyleReader:
    def __init__(self) -> None:
        self._formats: dict[int, str] = dict(BUILTIN_FORMATS)
        self._fonts: list[bool] = []
        self._cells: list[tuple[int, int]] = []
        self._differing, self._striking = 0, set[int]()
        self._within = ""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        tag = local(tag)
        if tag in {"numFmts", "fonts", "cellXfs", "cellStyleXfs", "dxfs"}:
            self._within = tag
        elif tag == "numFmt" and self._within == "numFmts":
            self._formats[_number(attributes.get("numFmtId"))] = attributes.get("formatCode", "")
        elif tag == "font" and self._within == "fonts":
            self._fonts.append(False)
        elif tag == "strike" and self._within == "fonts" and self._fonts:
            self._fonts[-1] = attributes.get("val", "1") not in {"0", "false"}
        elif tag == "dxf" and self._within == "dxfs":
            self._differing += 1
        elif self._within == "dxfs" and (
            tag == "numFmt" or (tag == "strike" and is_on(attributes.get("val", "1")))
        ):
            self._striking.add(self._differing - 1)
        elif tag == "xf" and self._within == "cellXfs":
            if len(self._cells) == MOST_STYLES:
                raise ValueError("too many styles")
            self._cells.append((_number(attributes.get("numFmtId")), _number(attributes.get("fontId"))))

    def end(self, tag: str) -> None:
        if local(tag) == self._within:
            self._within = ""

    def styles(self) -> Styles:
        struck = {at for at, is_struck in enumerate(self._fonts) if is_struck}
        return Styles(
            {
                at: is_timedelta_format(self._format(number))
                for at, (number, _) in enumerate(self._cells)
                if is_date_format(self._format(number))
            },
            frozenset(at for at, (_, font) in enumerate(self._cells) if font in struck),
            frozenset(at for at, (number, _) in enumerate(self._cells) if is_veiling(self._format(number))),
            frozenset(self._striking),
        )

    def _format(self, number: int) -> str:
        # 27 to 36 and 50 to 58 are dates in the formats of East Asia, which name no code.
        return self._formats.get(number, "d" if 27 <= number <= 36 or 50 <= number <= 58 else "")


_NOT_OF_THE_VALUE = re.compile(r'"[^"]*"?|\\.|_.|\*.|\[(?![hms]+\])[^\]]*\]', re.IGNORECASE)
_OF_THE_VALUE = re.compile(r"[0#?@ymdhsgeb]|general", re.IGNORECASE)


def is_veiling(number_format: str) -> bool:
    """Return whether a number format shows nothing of a value: of a number (its first part), or of a text (its fourth).

    `;;;` is the known way to hide a cell, and `"42"` shows 42 whatever is in it. Source: ISO/IEC 29500-1, 18.8.31.
    """
    parts = _NOT_OF_THE_VALUE.sub("", number_format).split(";")
    shown = [parts[0], *parts[3:4]]
    return bool(number_format) and not all(map(_OF_THE_VALUE.search, shown))


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 10 else 0


class Strings:
    """The texts that cells share, in one run of bytes: a tenth of what as many texts of Python's take."""

    def __init__(self) -> None:
        self._bytes, self._ends = bytearray(), array("Q")
        self.struck: set[int] = set()
        """The numbers of those with struck-out letters."""

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, at: int) -> str:
        begin = self._ends[at - 1] if at else 0
        return self._bytes[begin : self._ends[at]].decode()

    def add(self, text: str) -> None:
        self._bytes += text.encode()
        self._ends.append(len(self._bytes))

    def is_full(self) -> bool:
        return len(self._ends) > MOST_STRINGS or len(self._bytes) > MOST_STRING_BYTES


def strings_of(package: Package, name: str | None) -> Strings:
    """The texts that the cells share; none where the part is not there. Raises BadInput where there are too many."""
    strings = Strings()
    if name is None or name not in package:
        return strings
    reader, depth = TextReader(), 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > MOST_DEPTH:
            raise ValueError("too deep")
        tag = local(tag)
        if tag == "si":
            reader.clear()
        else:
            reader.start(tag, attributes)

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        tag = local(tag)
        if tag == "si":
            if reader.is_struck:
                strings.struck.add(len(strings))
            strings.add(reader.text())
        else:
            reader.end(tag)

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = reader.add
    for _ in package.parse(package.texts(name), parser):
        if strings.is_full() or reader.is_full():
            raise package.said.refused("it holds more text than such a file can.", DIVIDE)
    return strings


MOST_TEXT = 4 * MIB
"""Letters of one text, and of one row: a hundred times what Excel lets a cell hold."""


class TextReader:
    """Puts a text together from its runs; what is only the reading of it (East Asian phonetic runs) is left out."""

    __slots__ = ("_is_in_text", "_letters", "_phonetic", "_pieces", "is_struck")

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self._pieces: list[str] = []
        self._letters, self._phonetic = 0, False
        self._is_in_text = self.is_struck = False

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag == "t":
            self._is_in_text = not self._phonetic
        elif tag == "rPh":
            self._phonetic = True
        elif tag == "strike" and attributes.get("val", "1") not in {"0", "false"}:
            self.is_struck = True

    def end(self, tag: str) -> None:
        if tag == "t":
            self._is_in_text = False
        elif tag == "rPh":
            self._phonetic = False

    def add(self, letters: str) -> None:
        if self._is_in_text:
            self._pieces.append(letters)
            self._letters += len(letters)

    def is_full(self) -> bool:
        return self._letters > MOST_TEXT

    def text(self) -> str:
        return "".join(self._pieces)
