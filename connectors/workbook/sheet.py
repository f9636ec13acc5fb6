"""The rows of a sheet, as a stream: not more than one is held.

Source: ISO/IEC 29500-1, 18.3 (worksheets). What Excel itself would have to repair is refused: which of two cells of one
place is meant, say, cannot be told.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from types import MappingProxyType
from typing import NamedTuple
from xml.parsers import expat

from openpyxl.utils.datetime import from_excel

from connectors.workbook.looks import LEAST_LETTERS, PLAIN, Differing, DifferingReader, Look, is_below
from connectors.workbook.package import MIB, MOST_DEPTH, Package, is_on, local
from connectors.workbook.parts import MOST_TEXT, Runs, Strings, Styles, TextReader
from lapor_sync.domain.errors import BadInput
from lapor_sync.domain.names import shown_name

MOST_ROWS = 1_048_576  # Excel's own limit
MOST_COLUMNS = 1_024  # of those that are looked at
_LAST_COLUMN = 16_384
_MOST_MERGES = 100_000
_LEAST_WIDTH = 1.0  # letters
_MOST_HEAD = MIB
_MOST_HELD = 16 * MIB
"""Letters of the rows that stand in one piece of the file, which are held together."""

Row = tuple[object, ...]

_NUMBER = re.compile(r"[+-]?(?:([0-9]{1,300}+)|[0-9]{0,300}+\.?+[0-9]{0,300}+(?:[eE][+-]?[0-9]{1,3})?)", re.ASCII)
# How a sheet looks: empty marks before its rows, whose attributes nobody reads and some writers write twice.
_LOOKS = re.compile(
    r"<((?:\w+:)?(?:sheetPr|sheetFormatPr|sheetViews|sheetView|dimension|selection|pane|tabColor|outlinePr|"
    r"pageSetUpPr))\s[^<>]*?(/?)>"
)


class CellError(str):
    """The value of a cell whose formula has none: `#N/A`, say."""

    __slots__ = ()


NOT_CALCULATED = CellError("#NOT CALCULATED!")
"""The value of a formula that no spreadsheet program has calculated yet."""


_NO_LOOKS: Mapping[int, Look] = MappingProxyType({})


class Line(NamedTuple):
    """A row with its number in the sheet; `looks` has the places of cells that are not black letters on white."""

    number: int
    cells: Row
    is_hidden: bool = False
    looks: Mapping[int, Look] = _NO_LOOKS


class Merge(NamedTuple):
    """Cells that are one: places of columns, numbers of rows, all of them in it."""

    first_column: int
    first_row: int
    last_column: int
    last_row: int


@dataclass(slots=True)
class SheetFacts:
    """What is known of a sheet besides its rows, once these were read."""

    hidden_columns: list[tuple[int, int]] = field(default_factory=list)
    merges: list[Merge] = field(default_factory=list)
    conditional: list[tuple[Merge, Differing]] = field(default_factory=list)
    """Where a conditional format, or a table's style, makes something else of what is there."""
    is_narrow: bool = False
    """Whether columns that do not say how wide they are are hidden."""
    wide_columns: list[tuple[int, int]] = field(default_factory=list)
    """Those that say it."""
    is_whole: bool = False
    """Whether all of it is known: what comes after the rows may be broken."""

    def is_column_hidden(self, column: int) -> bool:
        def is_of(columns: list[tuple[int, int]]) -> bool:
            return any(first <= column <= last for first, last in columns)

        return is_of(self.hidden_columns) or (self.is_narrow and not is_of(self.wide_columns))


@dataclass(frozen=True, kw_only=True, slots=True)
class Sheet:
    """A sheet that can be read as often as one likes."""

    title: str
    part: str
    package: Package
    strings: Strings
    styles: Styles
    epoch: datetime

    def lines(self, facts: SheetFacts) -> Iterator[Line]:
        """The rows that are in the file, in their order; `facts` is filled meanwhile. Raises BadInput."""
        reader = _Reader(self, facts)
        said = self.package.said
        parser = expat.ParserCreate()
        parser.StartElementHandler, parser.EndElementHandler = reader.start, reader.end
        parser.CharacterDataHandler = reader.add
        try:
            facts.conditional += islice(self._of_tables(), _MOST_MERGES + 1)
            if len(facts.conditional) > _MOST_MERGES:
                raise _Broken(_TOO_CONDITIONAL)
            for _ in self.package.parse(_without_looks(self.package.texts(self.part)), parser):
                if reader.is_full():
                    raise _Broken(_TOO_LONG)
                yield from reader.taken()
        except _Broken as broken:
            raise said.refused(f"sheet {shown_name(self.title)}: {broken}") from broken
        except BadInput as bad:
            if not (reader.is_through and isinstance(bad.__cause__, expat.ExpatError)):
                raise
            yield from reader.ready  # what is broken comes after the rows: Excel opens it
        else:
            facts.is_whole = True

    def _of_tables(self) -> Iterator[tuple[Merge, Differing]]:
        """What the workbook's own styles make of the cells of tables: `name` and `ref` are in parts of the tables."""
        if not self.styles.tables:
            return
        for kind, part in self.package.related(self.part).values():
            if kind == "table" and part in self.package:
                said: dict[str, str] = {}

                def start(tag: str, attributes: dict[str, str], said: dict[str, str] = said) -> None:
                    if local(tag) in {"table", "tableStyleInfo"}:
                        said.setdefault(local(tag), attributes.get("ref") or attributes.get("name", ""))

                self.package.read_small(part, start)
                for one in self.styles.tables.get(said.get("tableStyleInfo", ""), ()):
                    yield _merge(said.get("table", "")), one


def _without_looks(texts: Iterator[str]) -> Iterator[str]:
    """The sheet's text without the attributes that tell only how it looks: Excel opens it with whatever is there."""
    head = ""
    for text in texts:
        head += text
        if "sheetData" in head or len(head) > _MOST_HEAD:
            begin, found, rows = head.partition("sheetData")
            yield _LOOKS.sub(_without_attributes, begin) + found + rows
            break
    else:
        yield head
    yield from texts


_SIZES = re.compile(
    r"\b(zeroHeight|defaultRowHeight|defaultColWidth|baseColWidth)\s*=\s*[\"']([\w.+-]*)[\"']", re.ASCII
)


def _without_attributes(mark: re.Match[str]) -> str:
    """The mark with nothing but what rows and columns are like that do not say it themselves, each once."""
    sizes = dict(reversed(_SIZES.findall(mark[0]))) if mark[1].endswith("sheetFormatPr") else {}
    kept = "".join(f' {name}="{value}"' for name, value in sizes.items())
    return f"<{mark[1]}{kept}{mark[2]}>"


class _Broken(Exception):
    """What is wrong with a sheet, as a sentence."""


_TOO_CONDITIONAL = "it has more conditional formats than such a sheet can."
_TOO_LONG = "a row holds more text than it can."


class _Reader:
    """Makes lines of the marks of a sheet."""

    def __init__(self, sheet: Sheet, facts: SheetFacts) -> None:
        self.ready: list[Line] = []
        self._sheet, self._facts = sheet, facts
        self._strings, self._styles = sheet.strings, sheet.styles
        self._depth = 0
        self._is_in_rows, self._had_rows = False, False
        self._number, self._number_text = 0, ""
        self._cells: list[object] = []
        self._looks: dict[int, Look] | None = None
        self._conditional: list[Merge] = []
        self._differing: list[Differing] = []
        self._own: DifferingReader | None = None
        self._places: list[str] | None = None
        self._rows_are_hidden = False
        self._is_hidden = False
        self._column = -1
        self._kind, self._style = "n", 0
        self._value: list[str] = []
        self._is_in_value = self._is_formula = False
        self._letters = self._held = 0
        self._inline = TextReader()

    def taken(self) -> list[Line]:
        """The rows that are ready, which are not held any more."""
        ready, self.ready = self.ready, []
        self._held = 0
        return ready

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        tag = local(tag)
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise _Broken("its marks are too deep within each other.")
        if not self._is_in_rows:
            self._start_outside(tag, attributes)
        elif tag == "c":
            self._start_cell(attributes)
        elif tag == "v":
            self._is_in_value = True
        elif tag == "row":
            self._start_row(attributes)
        elif tag == "f":
            self._is_formula = True
        else:
            self._inline.start(tag, attributes)

    def end(self, tag: str) -> None:
        tag = local(tag)
        self._depth -= 1
        if not self._is_in_rows:
            self._end_outside(tag)
        elif tag == "c":
            self._end_cell()
        elif tag == "v":
            self._is_in_value = False
        elif tag == "row":
            self.ready.append(Line(self._number, tuple(self._cells), self._is_hidden, self._looks or _NO_LOOKS))
            self._held += self._letters
            self._letters = 0
        elif tag == "sheetData":
            self._is_in_rows = False
        else:
            self._inline.end(tag)

    def add(self, letters: str) -> None:
        if self._is_in_value:
            self._value.append(letters)
            self._letters += len(letters)
        elif self._is_in_rows:
            self._inline.add(letters)
        elif self._places is not None:
            self._places.append(letters)

    @property
    def is_through(self) -> bool:
        """Whether all rows were read."""
        return self._had_rows and not self._is_in_rows

    def is_full(self) -> bool:
        return self._letters > MOST_TEXT or self._inline.is_full()

    def _start_outside(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "sheetData":
            if self._had_rows:
                raise _Broken("it has two tables of rows.")
            self._is_in_rows = self._had_rows = True
        elif tag == "sheetFormatPr":
            self._rows_are_hidden = is_on(attributes.get("zeroHeight")) or is_below(
                attributes.get("defaultRowHeight"), LEAST_LETTERS
            )
            width = attributes.get("defaultColWidth", attributes.get("baseColWidth"))
            self._facts.is_narrow = is_below(width, _LEAST_WIDTH)
        elif tag == "col":
            self._start_column(attributes)
        elif tag == "mergeCell":
            self._facts.merges.append(_merge(attributes.get("ref", "")))
            if len(self._facts.merges) > _MOST_MERGES:
                raise _Broken("it has more merged cells than such a sheet can.")
        else:
            self._start_conditional(tag, attributes)

    def _start_column(self, attributes: dict[str, str]) -> None:
        width = attributes.get("width")
        is_hidden = is_on(attributes.get("hidden")) or is_below(width, _LEAST_WIDTH)
        if is_hidden or width is not None:
            columns = self._facts.hidden_columns if is_hidden else self._facts.wide_columns
            columns.append((int(attributes.get("min", "0")) - 1, int(attributes.get("max", "0")) - 1))
            if len(columns) > _LAST_COLUMN:
                raise _Broken("it has more columns than there are.")

    def _start_conditional(self, tag: str, attributes: dict[str, str]) -> None:
        """A conditional format, whose style is one of the workbook's, or its own in what later Excels added."""
        if tag == "conditionalFormatting":
            self._conditional, self._differing, self._own = _merges(attributes.get("sqref", "")), [], None
        elif tag == "cfRule" and attributes.get("dxfId", "").isdecimal():
            at = _whole(attributes["dxfId"])
            if at < len(self._styles.differing):
                self._differing.append(self._styles.differing[at])
        elif tag in {"dataBar", "iconSet"} and attributes.get("showValue") in {"0", "false"}:
            self._differing.append(Differing(hides=True))
        elif tag == "dxf":
            self._own = DifferingReader()
        elif tag == "sqref":
            self._places = []
        elif self._own is not None:
            self._own.start(tag, attributes)
        if len(self._differing) > _MOST_MERGES:
            raise _Broken(_TOO_CONDITIONAL)

    def _end_outside(self, tag: str) -> None:
        if tag == "dxf" and self._own is not None:
            self._differing.append(self._own.made(self._styles.palette))
            self._own = None
        elif tag == "sqref" and self._places is not None:
            self._conditional, self._places = _merges("".join(self._places)), None
        elif tag == "conditionalFormatting":
            differing = set(self._differing) - {Differing()}
            if len(self._facts.conditional) + len(differing) * len(self._conditional) > _MOST_MERGES:
                raise _Broken(_TOO_CONDITIONAL)
            self._facts.conditional += [(merge, one) for one in differing for merge in self._conditional]

    def _start_row(self, attributes: dict[str, str]) -> None:
        text = attributes.get("r")
        number = _whole(text) if text is not None else self._number + 1
        if number > MOST_ROWS:
            raise _Broken("a row has a number that no row can have.")
        if number <= self._number:
            raise _Broken(f"row {number} comes after row {self._number}.")
        self._number, self._number_text = number, str(number)
        height = attributes.get("ht")
        is_low = self._rows_are_hidden if height is None else is_below(height, LEAST_LETTERS)
        self._is_hidden = is_low or is_on(attributes.get("hidden"))
        self._cells, self._looks, self._column, self._letters = [], None, -1, 0

    def _start_cell(self, attributes: dict[str, str]) -> None:
        place = attributes.get("r")
        column = self._column + 1 if place is None else _column_of(place, self._number_text)
        if column >= _LAST_COLUMN:
            raise _Broken(f"row {self._number} has more cells than there are columns.")
        if column <= self._column:
            raise _Broken(f"row {self._number} has its cells out of order, or two in one place.")
        self._column = column
        self._kind = attributes.get("t", "n")
        style = attributes.get("s")
        self._style = _whole(style) if style else 0
        if self._value:
            self._value = []
        self._is_formula = False
        self._inline.clear()

    def _end_cell(self) -> None:
        if self._column >= MOST_COLUMNS:
            return
        text = "".join(self._value)
        kind = self._kind
        runs: Runs = ()
        value: object
        if kind == "inlineStr":
            value, runs = self._inline.text(), self._inline.runs()
            self._count(value)
        elif kind == "s" and text:
            at = _whole(text)
            if at >= len(self._strings):
                raise _Broken(f"row {self._number} names a text that is not in the file.")
            value = self._strings[at]
            self._count(value)
            self._sheet.package.show(len(value))
            if self._strings.has_runs:
                runs = self._strings.runs(at)
        elif not text:
            value = NOT_CALCULATED if self._is_formula and kind != "str" else None
        else:
            value = self._typed(kind, text)
        if value is None or value == "":
            return
        if (runs or self._style in self._styles.looks) and (look := self._styles.look(self._style, runs)) != PLAIN:
            self._looks = self._looks or {}
            self._looks[self._column] = look
        cells = self._cells
        while len(cells) < self._column:
            cells.append(None)
        cells.append(value)

    def _count(self, value: str) -> None:
        self._letters += len(value)
        if self._letters > MOST_TEXT or self._held + self._letters > _MOST_HELD:
            raise _Broken(_TOO_LONG)

    def _typed(self, kind: str, text: str) -> object:
        if kind == "n":
            return self._number_of(text.strip())
        if kind == "str":
            return text
        if kind == "b":
            return is_on(text.strip())
        if kind == "e":
            return CellError(text)
        if kind == "d":
            return _iso(text)
        raise _Broken(f"row {self._number} has a cell of an unknown kind.")

    def _number_of(self, text: str) -> object:
        """A number; a day or time, where the cell's style shows it as one; the text, where it is neither."""
        found = _NUMBER.fullmatch(text)
        try:
            number = int(text) if found and found[1] else float(text if found else "")
        except ValueError:
            return text
        if math.isinf(number):
            return text
        is_length = self._styles.dates.get(self._style)
        if is_length is None:
            return number
        try:
            value: object = from_excel(number, self._sheet.epoch, timedelta=is_length)
        except (ValueError, OverflowError):
            return CellError("#VALUE!")
        return value


_DAYS = range(32_874, 109_575)  # from 1990 until 2199


def day_of(cell: object, epoch: datetime) -> object:
    """A number as the day that it is in Excel's count; the cell itself where it can be none."""
    is_day = isinstance(cell, int | float) and not isinstance(cell, bool) and _DAYS[0] <= cell <= _DAYS[-1]
    return from_excel(cell, epoch) if is_day else cell


def clock_of(cell: object, epoch: datetime) -> object:
    """A number as the time of day that it is in Excel's count; the cell itself where it can be none."""
    is_clock = isinstance(cell, int | float) and not isinstance(cell, bool) and 0 <= cell < 1
    return from_excel(cell, epoch) if is_clock else cell


def _iso(text: str) -> object:
    """A day and time as Strict Open XML writes it; the text, where it is none."""
    try:
        return datetime.fromisoformat(text.strip())
    except ValueError:
        return text


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 20):
        raise _Broken("a number in it is none.")
    return int(text)


_columns: dict[str, int] = {}


def _column_of(place: str, row: str) -> int:
    """The place of a cell's column, from 0, by its name such as `AB12`."""
    letters = place[: -len(row)]
    if not place.endswith(row) or not letters.isalpha():
        raise _Broken(f"row {row} has a cell of another row ({place[:20]!r}).")
    column = _columns.get(letters)
    return column if column is not None else _remembered(letters)


def _remembered(letters: str) -> int:
    column = 0
    for letter in letters.upper():
        column = column * 26 + ord(letter) - 64
        if not "A" <= letter <= "Z" or column > _LAST_COLUMN:
            raise _Broken(f"there is no column {letters[:20]!r}.")
    _columns[letters] = column - 1
    return column - 1


_PLACE = re.compile(r"\$?([A-Za-z]{1,3})\$?([0-9]{1,7})")


def _merges(places: str) -> list[Merge]:
    return [_merge(ref) for ref in places.split()[:_MOST_MERGES]]


def _merge(ref: str) -> Merge:
    first, _, last = ref.partition(":")
    begin, end = _PLACE.fullmatch(first), _PLACE.fullmatch(last or first)
    if begin is None or end is None:
        raise _Broken(f"there are no cells {ref[:20]!r}.")
    return Merge(_remembered(begin[1]), int(begin[2]), _remembered(end[1]), int(end[2]))
