"""Reading the statistics per unit: each unit's figures as numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from connectors.workbook import CellError, columns_of, open_book, text_of
from lapor_sync.domain.advice import Todo, advise
from lapor_sync.domain.colour import canonical
from lapor_sync.domain.errors import BadInput
from lapor_sync.domain.letters import without_unseen
from lapor_sync.domain.names import shown_name

COLUMNS: Mapping[str, str] = {
    "unverified": "Belum Terverifikasi",
    "untouched": "Belum Ditindaklanjuti",
    "in_process": "Proses",
    "done": "Selesai",
    "total": "Total",
    "followed_up_percent": "%TL",
    "days_to_first_answer": "RTL",
}
"""The column of each figure of ours that the sheet has, too. `RHP` is read by nobody: what it counts is not known."""

_UNIT = "Unit Kerja"
_NUMBER = re.compile(r"([+-]?(?:\d{1,3}(?:\.\d{3})+|\d+))(?:,(\d+))?|([+-]?\d+\.\d+)", re.ASCII)
_SUMS = frozenset({"total", "jumlah", "jumlahtotal", "grandtotal"})


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit: its name, its figures by our names (None where its cell says nothing), and cells that are no number."""

    name: str
    figures: Mapping[str, float | None]
    unreadable: tuple[str, ...]


def read_units(path: Path) -> tuple[Unit, ...]:
    """Return the units of the file in its order, without its row of sums. Raises BadInput for a file that is no such."""
    with open_book(path, todo=advise(Todo.DOWNLOAD_AGAIN)) as book:
        table = next(book.tables(lambda names: {canonical(_UNIT), "total"} <= names), None)
        if table is None:
            what = f"{shown_name(path.name)}: no row has the cells `{_UNIT}` and `Total`."
            raise BadInput(what, todo=advise(Todo.DOWNLOAD_AGAIN))
        names = {"unit": _UNIT, **COLUMNS}
        columns = columns_of(table.header, names)
        rows = (line.cells for line in table.rows())
        return tuple(unit for cells in rows if (unit := _unit(cells, columns)) is not None)


def _unit(cells: tuple[object, ...], columns: Mapping[str, int]) -> Unit | None:
    def cell(field: str) -> object:
        at = columns.get(field)
        return cells[at] if at is not None and at < len(cells) else None

    name = " ".join(without_unseen(text_of(cell("unit")) or "").split())
    if not name or canonical(name) in _SUMS:
        return None
    read = {field: number(cell(field), is_percent=field == "followed_up_percent") for field in COLUMNS}
    bad = tuple(COLUMNS[field] for field, value in read.items() if value is None and text_of(cell(field)))
    return Unit(name, read, bad)


def number(cell: object, *, is_percent: bool = False) -> float | None:
    """Return a cell's number: `1.234`, `4,5`, `85,71 %`, `3 hari`; None where there is none.

    A share such as 0.8571, which Excel shows as a percentage, is taken a hundredfold where a percentage is meant.
    """
    if isinstance(cell, bool | CellError):
        return None
    if isinstance(cell, int | float):
        return round(cell * 100, 4) if is_percent and isinstance(cell, float) and cell <= 1 else cell
    text = without_unseen(text_of(cell) or "").replace("%", " ").replace("hari", " ").strip()
    found = _NUMBER.fullmatch(text)
    if found is None:
        return None
    if found[3]:
        return float(found[3])
    return float(f"{found[1].replace('.', '')}.{found[2] or 0}")
