"""Reading a sheet of responses: every row of it, or the reasons why none can be taken.

Whatever a row says goes to a citizen under an agency's name, so that nothing here is guessed.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from connectors.workbook import (
    PLAIN,
    Book,
    CellError,
    Differing,
    Line,
    Table,
    columns_of,
    id_of,
    names_of,
    open_book,
    picker,
    short,
    text_of,
)
from lapor_sync.domain.advice import Todo, advise
from lapor_sync.domain.colour import canonical
from lapor_sync.domain.errors import BadInput
from lapor_sync.domain.letters import without_unseen
from lapor_sync.domain.names import shown_name

MOST_ROWS = 10_000

COLUMNS: Mapping[str, str] = {
    "tracking_id": "Tracking ID",
    "text": "Jawaban",
    "opd": "OPD",
    "by": "Petugas",
    "secret": "Rahasia",
}
"""The column that each of `Cells` is read from."""

REQUIRED = ("tracking_id", "text")

_REQUIRED_NAMES = frozenset(canonical(COLUMNS[field]) for field in REQUIRED)
_SECRET = {"": False, "tidak": False, "ya": True}
_TEXTS = ("text", "opd", "by")
_TRACKING_ID = re.compile(r"[0-9]+")
_EXCEL_ERROR = re.compile(r"#N/A|#GETTING_DATA|#[A-Z0-9/]+[!?]")


@dataclass(frozen=True, kw_only=True, slots=True)
class SheetRow:
    """A response as a row of the sheet gives it; `row` is its number there, as Excel shows it.

    `opd` is an institution's id or name; None (as for `by`) where the sheet does not say.
    """

    row: int
    tracking_id: str
    opd: str | None
    text: str
    by: str | None
    is_secret: bool


class Cells(NamedTuple):
    """The cells of a row that are read, whatever the order of the columns; None where there is nothing."""

    tracking_id: object
    text: object
    opd: object
    by: object
    secret: object


@dataclass(frozen=True, kw_only=True, slots=True)
class Responses:
    """What a sheet holds: the rows that say for which report and what, and why rows cannot be taken, by their number.

    Where there is one of these nothing is to be taken; but all rows can be looked at further, so that a person hears
    of all that is wrong at once.
    """

    rows: tuple[SheetRow, ...]
    problems: tuple[tuple[int, str], ...]


def read_responses(path: Path) -> Responses:
    """All responses of the file, in its order; rows with neither a Tracking ID nor a Jawaban are passed over.

    Raises BadInput for a file that is no such sheet.
    """
    with open_book(path, todo=advise(Todo.GIVE_SHEET_AGAIN)) as book:
        name = shown_name(path.name)
        table = _find_table(book, name)
        _refuse_twins(table, name)
        _refuse_lookalikes(table, name)
        return _read(table, name)


def _find_table(book: Book, name: str) -> Table:
    """The one table with the required columns, of the sheets that people see."""
    found = list(book.tables(_is_or_may_be))
    unclear = [table.sheet for table in found if not _REQUIRED_NAMES.issubset(names_of(table.header))]
    if unclear and len(found) > len(unclear):
        what = f"{name}: the sheet {' and the sheet '.join(map(shown_name, unclear))} names its columns otherwise."
        raise BadInput(what, todo=advise(Todo.NAME_COLUMNS))
    found = [] if unclear else found
    if not found:
        raise _lacking(book, name)
    if len(found) > 1:
        sheets = " and ".join(table.sheet for table in found)
        raise BadInput(f"{name}: more than one sheet has responses: {sheets}.", todo=advise(Todo.ONE_SHEET))
    return found[0]


def _is_or_may_be(names: frozenset[str]) -> bool:
    """Whether these are the columns of responses, or may be meant so: `ID Tracking`, beside Jawaban."""
    return names >= _REQUIRED_NAMES or ("jawaban" in names and any("tracking" in name for name in names))


def _lacking(book: Book, name: str) -> BadInput:
    """What to say of a file without the required columns, by the row that looks most like a header."""
    hidden = [table.sheet for table in book.tables(_REQUIRED_NAMES.issubset, hidden=True)]
    if hidden:
        return BadInput(
            f"{name}: the sheet of responses is hidden: {' and '.join(hidden)}.", todo=advise(Todo.SHOW_SHEET)
        )
    half = book.tables(lambda names: not names.isdisjoint(_REQUIRED_NAMES))
    table = next(chain(half, book.tables(bool)), None)
    header = table.header if table else ()
    columns = columns_of(header, COLUMNS)
    lacking = [field for field in REQUIRED if field not in columns]
    below = next(table.rows(), None) if table else None
    if below and set(lacking) <= set(columns_of(below.cells, COLUMNS)) and len(lacking) < len(REQUIRED):
        rows = f"{table.header_row if table else 0} and {below.number}"
        return BadInput(
            f"{name}: the names of the columns stand in two rows ({rows}).", todo=advise(Todo.NAME_COLUMNS)
        )
    names = " and no column ".join(COLUMNS[field] for field in lacking)
    found = ", ".join(short(text) for text in map(text_of, header) if text) or "none"
    return BadInput(f"{name}: there is no column {names}; columns found: {found}.", todo=advise(Todo.NAME_COLUMNS))


def _refuse_twins(table: Table, name: str) -> None:
    """Refuse a column that is there twice: which of the two is meant is not known."""
    names = names_of(table.header)
    twins = [column for column in COLUMNS.values() if names.count(canonical(column)) > 1]
    if twins:
        what = f"{name}: there is more than one column {' and more than one column '.join(twins)}."
        raise BadInput(what, todo=advise(Todo.NAME_COLUMNS))


def _refuse_lookalikes(table: Table, name: str) -> None:
    """Refuse a column that may be meant for one that is read: what is not read of it is lost, and nobody is told.

    `Rahasia (ya/tidak)` above all: an answer that goes out in public cannot be taken back.
    """
    names = names_of(table.header)
    of_secrecy = [at for at, one in enumerate(names) if "rahasia" in one and one != "rahasia"]
    others = [
        at
        for column in ("opd", "petugas")
        if column not in names
        for at, one in enumerate(names)
        if one.startswith(column)
    ]
    unclear = [short(table.header[at]) for at in sorted({*of_secrecy, *others})]
    if unclear:
        what = (
            f"{name}: the column {' and the column '.join(unclear)} may be meant to be read, but has another name."
        )
        raise BadInput(what, todo=advise(Todo.NAME_COLUMNS))


def _read(table: Table, name: str) -> Responses:
    """The responses of the table. Raises BadInput where there are too many, or a column that is read is hidden."""
    rows: list[SheetRow] = []
    problems: list[tuple[int, str]] = []
    columns = columns_of(table.header, COLUMNS)
    filled: dict[int, Line] = {}
    for line, cells in _filled(table, columns):
        if len(filled) == MOST_ROWS:
            raise BadInput(
                f"{name}: there are more than {MOST_ROWS:,} rows; none was taken.",
                todo=advise(Todo.SPLIT, most=MOST_ROWS),
            )
        filled[line.number] = line
        reasons = " and ".join(chain(_reasons(cells), _not_seen(line, columns)))
        if reasons:
            problems.append((line.number, reasons))
        if not reasons or _can_be_looked_at(cells):
            rows.append(_row(cells, line.number))
    _refuse_hidden_columns(table, columns, name)
    problems += _merged(table, columns, filled)
    return Responses(rows=tuple(rows), problems=tuple(problems))


def _filled(table: Table, columns: Mapping[str, int]) -> Iterator[tuple[Line, Cells]]:
    """The rows that have a Tracking ID or a Jawaban.

    The others may be filled in all the same: sheets are handed out with an OPD and a Petugas in every row.
    """
    pick = picker(columns, Cells._fields)
    for line in table.rows():
        cells = Cells._make(pick(line.cells))
        if id_of(cells.tracking_id) or text_of(cells.text):
            yield line, cells


def _reasons(cells: Cells) -> Iterator[str]:
    """Why the row cannot be taken; nothing where it can."""
    tracking_id = id_of(cells.tracking_id)
    if not tracking_id:
        yield "there is no Tracking ID"
    elif isinstance(cells.tracking_id, CellError):
        pass  # said below
    elif not _TRACKING_ID.fullmatch(tracking_id):
        yield f"the Tracking ID {short(cells.tracking_id)} is not digits"
    text = text_of(cells.text)
    if not text:
        yield "there is no Jawaban"
    elif not isinstance(cells.text, str):
        # A formula that points to an empty cell gives 0.
        yield f"the Jawaban {short(cells.text)} is not a text"
    for field, cell in zip(Cells._fields, cells, strict=True):
        if isinstance(cell, CellError) or (
            field in _TEXTS and isinstance(cell, str) and _EXCEL_ERROR.fullmatch(cell.strip())
        ):
            yield f"the {COLUMNS[field]} is an error of a formula ({str(cell).strip()})"
    if not isinstance(cells.secret, CellError) and _secret(cells) not in _SECRET:
        yield f"Rahasia is {short(cells.secret)}, neither ya nor tidak"


def _can_be_looked_at(cells: Cells) -> bool:
    """Whether a row that cannot be taken says enough for the rest of it to be looked at too."""
    return _TRACKING_ID.fullmatch(id_of(cells.tracking_id)) is not None and bool(text_of(cells.text))


def _not_seen(line: Line, columns: Mapping[str, int]) -> Iterator[str]:
    """What of the row is there and yet not meant, as whoever looks at the sheet sees it."""
    if line.is_hidden:
        yield "the row is hidden, or filtered out"
    looks = [(COLUMNS[field], line.looks[column]) for field, column in columns.items() if column in line.looks]
    if struck := [name for name, look in looks if look.is_struck]:
        yield f"there are struck-out words in {' and '.join(struck)}"
    if veiled := [name for name, look in looks if look.is_veiled]:
        yield f"the number format of {' and '.join(veiled)} shows something else than is there"
    if faint := [name for name, look in looks if look.is_faint]:
        yield f"words of {' and '.join(faint)} cannot be seen: they have the colour of the cell, or are too small"


def _refuse_hidden_columns(table: Table, columns: Mapping[str, int], name: str) -> None:
    if not table.facts.is_whole:
        raise BadInput(f"{name}: the file is broken below its rows.", todo=advise(Todo.GIVE_SHEET_AGAIN))
    hidden = [COLUMNS[field] for field, column in columns.items() if table.facts.is_column_hidden(column)]
    if hidden:
        raise BadInput(
            f"{name}: the column {' and the column '.join(hidden)} is hidden.", todo=advise(Todo.SHOW_SHEET)
        )


def _merged(table: Table, columns: Mapping[str, int], filled: Mapping[int, Line]) -> Iterator[tuple[int, str]]:
    """The rows whose cells are one with others, of which only the first is seen; or may be struck out by a rule."""
    numbers = list(filled)

    for merge in table.facts.merges:
        hidden = [field for field, column in columns.items() if merge.first_column < column <= merge.last_column]
        if hidden and (row := _first_of(numbers, merge.first_row, merge.last_row)):
            yield row, f"its {COLUMNS[hidden[0]]} is merged with a cell before it"
            continue
        fields = [field for field, column in columns.items() if merge.first_column <= column <= merge.last_column]
        if fields and (row := _first_of(numbers, merge.first_row + 1, merge.last_row)):
            yield row, f"its {COLUMNS[fields[0]]} is merged with that of a row above"

    @cache
    def under(differing: Differing, column: int) -> list[int]:
        """The rows whose cell there it may hide: once, however many places the format has."""
        return [row for row, line in filled.items() if differing.may_hide(line.looks.get(column, PLAIN))]

    for span, differing in table.facts.conditional:
        found: list[tuple[int, str]] = []
        for field, column in columns.items():
            rows = under(differing, column) if span.first_column <= column <= span.last_column else []
            if row := _first_of(rows, span.first_row, span.last_row):
                found.append((row, field))
        if found:
            row, field = min(found, key=itemgetter(0))
            yield row, f"a conditional format may strike out or hide its {COLUMNS[field]}, or show something else"


def _first_of(numbers: Sequence[int], first: int, last: int) -> int | None:
    """The first of these rows, which are in order, that is in the span."""
    at = bisect_left(numbers, first)
    return numbers[at] if at < len(numbers) and numbers[at] <= last else None


def _row(cells: Cells, number: int) -> SheetRow:
    return SheetRow(
        row=number,
        tracking_id=id_of(cells.tracking_id),
        opd=_one_line(cells.opd),
        text=text_of(cells.text) or "",
        by=_one_line(cells.by),
        is_secret=_SECRET.get(_secret(cells), False),
    )


def _secret(cells: Cells) -> str:
    return without_unseen(text_of(cells.secret) or "").strip().lower()


def _one_line(cell: object) -> str | None:
    """A name: line breaks, double spaces and marks that no eye sees are the sheet's, not its own."""
    return " ".join(without_unseen(text_of(cell) or "").split()) or None
