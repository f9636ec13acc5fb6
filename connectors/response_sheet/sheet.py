"""Reading a sheet of responses: every row of it, or the reasons why none can be taken.

Whatever a row says goes to a citizen under an agency's name, so that nothing here is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from connectors.excel import Book, Table, columns_of, id_of, open_book, picker, short, text_of
from lapor_sync.domain.colour import canonical
from lapor_sync.domain.errors import BadInput

MOST_ROWS = 10_000
MOST_SHOWN = 10

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
_TRACKING_ID = re.compile(r"[0-9]+")
_EXCEL_ERROR = re.compile(r"#N/A|#GETTING_DATA|#[A-Z0-9/]+[!?]")

_GIVE_AGAIN = "Open the sheet in Excel, save it as Excel Workbook (.xlsx), and give that file."
_CORRECT = "Correct these rows in the sheet and give the whole file again."
_NAME_COLUMNS = "Name the columns Tracking ID, OPD, Jawaban, Petugas (and Rahasia), each once, all in one row."
_ONE_SHEET = "Keep one sheet of responses in a file, and give the others as files of their own."
_SPLIT = f"Divide it into files of at most {MOST_ROWS:,} rows."


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


def read_responses(path: Path) -> list[SheetRow]:
    """All responses of the file, in its order; rows with neither a Tracking ID nor a Jawaban are passed over.

    Raises BadInput for a file that is no such sheet, and one for all rows that cannot be taken.
    """
    with open_book(path, todo=_GIVE_AGAIN) as book:
        table = _find_table(book, path)
        _refuse_twins(table, path)
        return _read(table, path)


def _find_table(book: Book, path: Path) -> Table:
    """The one table with the required columns."""
    found = list(book.tables(_REQUIRED_NAMES.issubset))
    if not found:
        raise _lacking(book, path)
    if len(found) > 1:
        sheets = " and ".join(table.sheet for table in found)
        raise BadInput(f"{path.name}: more than one sheet has responses: {sheets}.", todo=_ONE_SHEET)
    return found[0]


def _lacking(book: Book, path: Path) -> BadInput:
    """What to say of a file without the required columns, by the row that looks most like a header."""
    half = book.tables(lambda names: not names.isdisjoint(_REQUIRED_NAMES))
    header = next((table.header for table in chain(half, book.tables(bool))), ())
    columns = columns_of(header, COLUMNS)
    lacking = " and no column ".join(COLUMNS[field] for field in REQUIRED if field not in columns)
    found = ", ".join(short(text) for text in map(text_of, header) if text) or "none"
    return BadInput(f"{path.name}: there is no column {lacking}; columns found: {found}.", todo=_NAME_COLUMNS)


def _refuse_twins(table: Table, path: Path) -> None:
    """Refuse a column that is there twice: which of the two is meant is not known."""
    names = [canonical(cell) for cell in table.header if isinstance(cell, str)]
    twins = [column for column in COLUMNS.values() if names.count(canonical(column)) > 1]
    if twins:
        what = f"{path.name}: there is more than one column {' and more than one column '.join(twins)}."
        raise BadInput(what, todo=_NAME_COLUMNS)


def _read(table: Table, path: Path) -> list[SheetRow]:
    """The responses of the table, if every row of it can be taken."""
    rows: list[SheetRow] = []
    problems: list[str] = []
    for number, cells in _filled(table):
        if len(rows) + len(problems) == MOST_ROWS:
            raise BadInput(f"{path.name}: there are more than {MOST_ROWS:,} rows; none was taken.", todo=_SPLIT)
        reasons = " and ".join(_reasons(cells))
        if reasons:
            problems.append(f"row {number}: {reasons}")
        else:
            rows.append(_row(cells, number))
    if problems:
        raise _refused(problems, path)
    return rows


def _filled(table: Table) -> Iterator[tuple[int, Cells]]:
    """The rows that have a Tracking ID or a Jawaban, with their numbers.

    The others may be filled in all the same: sheets are handed out with an OPD and a Petugas in every row.
    """
    pick = picker(columns_of(table.header, COLUMNS), Cells._fields)
    for number, row in table.rows():
        cells = Cells._make(pick(row))
        if id_of(cells.tracking_id) or text_of(cells.text):
            yield number, cells


def _reasons(cells: Cells) -> Iterator[str]:
    """Why the row cannot be taken; nothing where it can."""
    tracking_id = id_of(cells.tracking_id)
    if not tracking_id:
        yield "there is no Tracking ID"
    elif not _TRACKING_ID.fullmatch(tracking_id):
        yield f"the Tracking ID {short(cells.tracking_id)} is not digits"
    if not text_of(cells.text):
        yield "there is no Jawaban"
    elif not isinstance(cells.text, str):
        # A formula that points to an empty cell gives 0.
        yield f"the Jawaban {short(cells.text)} is not a text"
    for field in ("text", "opd", "by"):
        cell = getattr(cells, field)
        if isinstance(cell, str) and _EXCEL_ERROR.fullmatch(cell.strip()):
            yield f"the {COLUMNS[field]} is an error of a formula ({cell.strip()})"
    if _secret(cells) not in _SECRET:
        yield f"Rahasia is {short(cells.secret)}, neither ya nor tidak"


def _row(cells: Cells, number: int) -> SheetRow:
    return SheetRow(
        row=number,
        tracking_id=id_of(cells.tracking_id),
        opd=_one_line(cells.opd),
        text=text_of(cells.text) or "",
        by=_one_line(cells.by),
        is_secret=_SECRET[_secret(cells)],
    )


def _secret(cells: Cells) -> str:
    return (text_of(cells.secret) or "").lower()


def _one_line(cell: object) -> str | None:
    """A name: line breaks and double spaces in it are the sheet's, not its own."""
    return " ".join((text_of(cell) or "").split()) or None


def _refused(problems: list[str], path: Path) -> BadInput:
    count = "1 row" if len(problems) == 1 else f"{len(problems):,} rows"
    more = f"; and {len(problems) - MOST_SHOWN:,} more" if len(problems) > MOST_SHOWN else ""
    what = f"{path.name}: {count} cannot be taken; none was: {'; '.join(problems[:MOST_SHOWN])}{more}."
    return BadInput(what, todo=_CORRECT)
