"""Excel workbooks as people hand them in: opened safely, their tables found by a header row, their cells as text.

`package` is the zip and its bounds, `parts` what a workbook says of itself, `looks` whether people see what is in a
cell, `sheet` its rows, `table` what readers use.
The values are read here and not by a library: those for Python read neither Strict Open XML nor what Excel opens all
the same, tell nothing of hidden rows and struck words while they stream, or hold the whole workbook in memory.
Knows nothing of what the columns mean: that is its readers' part.
"""

from connectors.workbook.looks import PLAIN, Differing
from connectors.workbook.parts import WINDOWS_EPOCH
from connectors.workbook.sheet import CellError, Line, Row, clock_of, day_of
from connectors.workbook.table import (
    Book,
    Table,
    columns_of,
    id_of,
    names_of,
    open_book,
    picker,
    short,
    text_of,
)

__all__ = [
    "PLAIN",
    "WINDOWS_EPOCH",
    "Book",
    "CellError",
    "Differing",
    "Line",
    "Row",
    "Table",
    "clock_of",
    "columns_of",
    "day_of",
    "id_of",
    "names_of",
    "open_book",
    "picker",
    "short",
    "text_of",
]
