"""What a workbook says of itself: sheets, which numbers are dates, how its styles look, the shared texts.

Read as loosely as Excel reads it: of the styles nothing but this is looked at, so that nothing else can be wrong.
Source: ISO/IEC 29500-1, 18.2 (workbook), 18.4 (shared strings), 18.8 (styles).
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from xml.parsers import expat

from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format, is_timedelta_format
from openpyxl.utils.datetime import CALENDAR_MAC_1904, CALENDAR_WINDOWS_1900

from connectors.workbook.looks import (
    PLAIN,
    Colour,
    Differing,
    DifferingReader,
    Fill,
    Letters,
    Look,
    Palette,
    look_of,
    of_table,
    with_runs,
)
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
    theme: str | None


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
                if any(part == one.part for one in sheets):
                    raise package.said.refused("two of its sheets are one, which would be read again and again.")
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
        theme=by_kind.get("theme"),
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
    """Of the cells' styles, by their number: which make a day or time of a number, and how they look."""

    dates: Mapping[int, bool] = field(default_factory=dict)
    """A day or a time of day: False; a length of time: True."""
    looks: Mapping[int, Look] = field(default_factory=dict)
    """Of those that look otherwise than black letters on white."""
    differing: Sequence[Differing] = ()
    """What conditional formats make of a cell, by their number."""
    tables: Mapping[str, Sequence[Differing]] = field(default_factory=dict)
    """What the workbook's own styles of tables make of the cells below their headers, by their name."""
    palette: Palette = field(default_factory=Palette)

    def look(self, style: int, runs: Sequence[Letters | None]) -> Look:
        """How a cell of that style is seen; `runs` are those of its text, where it has some with looks of their own."""
        look = self.looks.get(style, PLAIN)
        return with_runs(look, runs, self.palette) if runs else look


def styles_of(package: Package, name: str | None, theme: str | None = None) -> Styles:
    """What the part says until it ends or breaks off; nothing where it is not there."""
    palette = Palette()
    if theme is not None and theme in package:
        _read_unless_broken(package, theme, _ThemeReader(palette))
    reader = _StyleReader(palette)
    if name is not None and name in package:
        _read_unless_broken(package, name, reader)
    return reader.styles()


def _read_unless_broken(package: Package, name: str, reader: _ThemeReader | _StyleReader) -> None:
    try:
        package.read_small(name, reader.start, reader.end)
    except BadInput as error:
        if not isinstance(error.__cause__, expat.ExpatError):
            raise


class _ThemeReader:
    """Takes the colours of a theme into a palette."""

    def __init__(self, palette: Palette) -> None:
        self._theme, self._named = palette.theme, ""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        tag = local(tag)
        if tag in self._theme:
            self._named = tag
        elif self._named and tag in {"srgbClr", "sysClr"}:
            said = attributes.get("lastClr") or attributes.get("val", "")
            if re.fullmatch("[0-9A-Fa-f]{6}", said):
                self._theme[self._named] = int(said, 16)

    def end(self, tag: str) -> None:
        if local(tag) == self._named:
            self._named = ""


_MOST_TABLE_STYLES = 1_000
_LONGEST_FORMAT = 255  # letters of a number format: Excel's own limit
_SHOWS_NOTHING = ";;;"
_OF_HEADERS = frozenset(
    {"headerRow", "firstHeaderCell", "lastHeaderCell", "totalRow", "firstTotalCell", "lastTotalCell"}
)


class _StyleReader:
    def __init__(self, palette: Palette) -> None:
        self._palette = palette
        self._formats: dict[int, str] = dict(BUILTIN_FORMATS)
        self._is_veiling = cache(is_veiling)
        self._fonts: list[Letters] = []
        self._fills: list[Fill] = []
        self._cells: list[tuple[int, int, int, str]] = []
        self._differing: list[DifferingReader] = []
        self._indexed = 0
        self._tables: dict[str, list[int]] = {}
        self._table = ""
        self._within = ""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        tag = local(tag)
        if tag in {"numFmts", "fonts", "fills", "cellXfs", "cellStyleXfs", "dxfs", "tableStyles", "indexedColors"}:
            self._within = tag
        elif tag == "numFmt" and self._within == "numFmts":
            code = attributes.get("formatCode", "")
            is_known = len(code) <= _LONGEST_FORMAT
            self._formats[_number(attributes.get("numFmtId"))] = code if is_known else _SHOWS_NOTHING
        elif self._within == "fonts":
            if tag == "font":
                self._fonts.append(_NO_LETTERS)
            elif self._fonts:
                self._fonts[-1] = self._fonts[-1].told(tag, attributes)
        elif self._within == "fills":
            if tag == "fill":
                self._fills.append(_NO_FILL)
            elif self._fills:
                self._fills[-1] = self._fills[-1].told(tag, attributes)
        elif self._within == "dxfs":
            if tag == "dxf":
                self._differing.append(DifferingReader())
            elif self._differing:
                self._differing[-1].start(tag, attributes)
            if len(self._differing) > MOST_STYLES:
                raise ValueError("too many styles")
        elif self._within == "cellXfs":
            self._start_cell_style(tag, attributes)
        elif self._within == "tableStyles":
            self._start_table_style(tag, attributes)
        elif tag == "rgbColor" and self._within == "indexedColors" and self._indexed < len(self._palette.indexed):
            rgb = Colour(rgb=attributes.get("rgb", "")[:8])
            self._palette.indexed[self._indexed] = self._palette.of(rgb, self._palette.indexed[self._indexed])
            self._indexed += 1

    def _start_cell_style(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "xf":
            if len(self._cells) == MOST_STYLES:
                raise ValueError("too many styles")
            number, font, fill = (_number(attributes.get(name)) for name in ("numFmtId", "fontId", "fillId"))
            self._cells.append((number, font, fill, ""))
        elif tag == "alignment" and self._cells and "indent" in attributes:
            self._cells[-1] = (*self._cells[-1][:3], attributes["indent"][:8])

    def _start_table_style(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "tableStyle":
            self._table = attributes.get("name", "")[:256]
            self._tables.setdefault(self._table, [])
        elif tag == "tableStyleElement" and attributes.get("type") not in _OF_HEADERS and self._table:
            self._tables[self._table].append(_number(attributes.get("dxfId")))
        if len(self._tables) > _MOST_TABLE_STYLES:
            raise ValueError("too many styles")

    def end(self, tag: str) -> None:
        if local(tag) == self._within:
            self._within = ""

    def styles(self) -> Styles:
        is_date, is_length = cache(is_date_format), cache(is_timedelta_format)
        codes = [self._format(number) for number, *_ in self._cells]
        dates = {at: is_length(code) for at, code in enumerate(codes) if is_date(code)}
        looks = ((at, self._look(*style)) for at, style in enumerate(self._cells))
        differing = [one.made(self._palette) for one in self._differing]
        tables = {
            name: [differing[at] for at in named if at < len(differing)] for name, named in self._tables.items()
        }
        return Styles(
            dates=dates,
            looks={at: look for at, look in looks if look != PLAIN},
            differing=differing,
            tables={name: of_table(elements) for name, elements in tables.items() if elements},
            palette=self._palette,
        )

    def _look(self, number: int, font: int, fill: int, indent: str) -> Look:
        letters = self._fonts[font] if font < len(self._fonts) else _NO_LETTERS
        filled = self._fills[fill] if fill < len(self._fills) else _NO_FILL
        is_veiled = self._is_veiling(self._format(number))
        return look_of(self._palette, letters, filled, indent=indent, is_veiled=is_veiled)

    def _format(self, number: int) -> str:
        # 27 to 36 and 50 to 58 are dates in the formats of East Asia, which name no code.
        return self._formats.get(number, "d" if 27 <= number <= 36 or 50 <= number <= 58 else "")


_NO_LETTERS, _NO_FILL = Letters(), Fill()

_PIECE = re.compile(
    r'"([^"]*)"?|\\(.)|_.|\*(.)|\[\$([^\]-]*+)[^\]]*+\]|(\[[<>=][^\]]*\])|\[(?![hms]+\])[^\]]*\]|([^"\\_*\[;]+|\[|\\|_|\*)|(;)',
    re.IGNORECASE | re.DOTALL,
)
"""A piece of a number format: text that it adds (four ways), a condition, a colour, a code, or the next part."""
_OF_THE_VALUE = re.compile(r"[0#?@ymdhsgeb]|general", re.IGNORECASE)
_WITHOUT_THOUSANDS = re.compile(r"[0#?],+(?![0#?,])")


def is_veiling(number_format: str) -> bool:
    """Return whether a number format shows something else than a value: nothing of it, or more than is there.

    That is asked of a number (its first part, or all where parts have conditions) and of a text (the part with `@`, or
    the fourth). `;;;` is the known way to hide a cell, `"42"` shows 42 whatever is in it, `@" (TIDAK)"` adds a word,
    `0,` leaves three digits out. Source: ISO/IEC 29500-1, 18.8.31.
    """
    if not number_format:
        return False
    codes, added = [""], [""]
    has_conditions = False
    for piece in _PIECE.finditer(number_format):
        if piece[7]:
            codes.append("")
            added.append("")
        codes[-1] += piece[6] or ""
        added[-1] += "".join(text or "" for text in piece.groups()[:4])
        has_conditions = has_conditions or piece[5] is not None
    of_text = len(codes) - 1 if "@" in codes[-1] else 3
    numbers = [at for at in range(len(codes)) if at != of_text] if has_conditions else [0]
    return any(_is_otherwise(codes[at], added[at], str.isdigit) for at in numbers if "@" not in codes[at]) or (
        of_text < len(codes) and _is_otherwise(codes[of_text], added[of_text], str.isalnum)
    )


def _is_otherwise(codes: str, added: str, is_of_words: Callable[[str], bool]) -> bool:
    """Whether a part of a format shows a value otherwise than it is; dates and amounts have marks of their own."""
    return (
        _OF_THE_VALUE.search(codes) is None
        or codes.count("@") > 1
        or _WITHOUT_THOUSANDS.search(codes) is not None
        or any(map(is_of_words, added))
    )


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 10 else 0


Runs = tuple[Letters | None, ...]
"""The runs of a text that have a look of their own, each once; None: letters that look as their cell does."""

MOST_RUNS = 100_000  # of different ones, all texts together
_MOST_RUNS_OF_ONE = 64
"""Looks of one text that are told apart; each cell that shows the text is looked at anew."""


class Strings:
    """The texts that cells share, in one run of bytes: a tenth of what as many texts of Python's take."""

    def __init__(self) -> None:
        self._bytes, self._ends = bytearray(), array("Q")
        self._runs: dict[Runs, int] = {(): 0}
        self._run_lists: list[Runs] = [()]
        self._runs_at, self._runs_kept = array("L"), 0
        self.has_runs = False

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, at: int) -> str:
        begin = self._ends[at - 1] if at else 0
        return self._bytes[begin : self._ends[at]].decode()

    def runs(self, at: int) -> Runs:
        """The runs of a text; none where all of it looks as its cell does."""
        return self._run_lists[self._runs_at[at]]

    def add(self, text: str, runs: Runs) -> None:
        self._bytes += text.encode()
        self._ends.append(len(self._bytes))
        if not runs:
            self._runs_at.append(0)
            return
        self.has_runs = True
        known = self._runs.setdefault(runs, len(self._run_lists))
        if known == len(self._run_lists):
            self._run_lists.append(runs)
            self._runs_kept += len(runs)
        self._runs_at.append(known)

    def is_full(self) -> bool:
        is_large = len(self._ends) > MOST_STRINGS or len(self._bytes) > MOST_STRING_BYTES
        return is_large or self._runs_kept > MOST_RUNS


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
            strings.add(reader.text(), reader.runs())
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

    __slots__ = ("_has_plain", "_is_in_text", "_letters", "_look", "_phonetic", "_pieces", "_runs")

    def __init__(self) -> None:
        self._runs: dict[Letters, None] = {}
        self.clear()

    def clear(self) -> None:
        self._pieces: list[str] = []
        self._letters, self._phonetic = 0, False
        self._is_in_text = False
        self._look: Letters | None = None
        self._has_plain = False
        if self._runs:
            self._runs = {}

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag == "t":
            self._is_in_text = not self._phonetic
        elif tag == "rPh":
            self._phonetic = True
        elif tag == "r":
            self._look = None
        elif tag == "rPr":
            self._look = Letters()
        elif self._look is not None:
            self._look = self._look.told(tag, attributes)

    def end(self, tag: str) -> None:
        if tag == "t":
            self._is_in_text = False
        elif tag == "rPh":
            self._phonetic = False
        elif tag == "r":
            self._look = None

    def add(self, letters: str) -> None:
        if self._is_in_text:
            self._pieces.append(letters)
            self._letters += len(letters)
            if self._look is None:
                self._has_plain = True
            elif not letters.isspace():
                is_one_more = len(self._runs) >= _MOST_RUNS_OF_ONE and self._look not in self._runs
                # Of so many nobody can tell whether all are seen.
                look = Letters(is_small=True, is_struck=self._look.is_struck) if is_one_more else self._look
                self._runs[look] = None

    def is_full(self) -> bool:
        return self._letters > MOST_TEXT

    def text(self) -> str:
        return "".join(self._pieces)

    def runs(self) -> Runs:
        if not self._runs:
            return ()
        return (None, *self._runs) if self._has_plain else tuple(self._runs)
