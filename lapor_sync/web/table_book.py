"""A list of reports as a workbook. It brings openpyxl with it, 8 MB: it is loaded when somebody asks for one."""

from __future__ import annotations

import io
from datetime import datetime, tzinfo
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.utils import get_column_letter

from lapor_sync.cells import text_cell
from lapor_sync.store import queries
from lapor_sync.store.queries import Wanted
from lapor_sync.web.board import Board
from lapor_sync.web.table import COLUMNS, Sorted, rows_of, said

MOST_ROWS = 2**20 - 2
"""What fits into a sheet of Excel's, beside its head and a line that says that there is more."""


def workbook(made: Board, wanted: Wanted, within: queries.Within, order: Sorted | None) -> bytes:
    """Return the list as the bytes of an .xlsx file, with times and numbers as such."""
    book = Workbook(write_only=True)  # row by row to a file: a hundred thousand take no memory
    sheet = book.create_sheet("Laporan")
    sheet.freeze_panes = "A2"
    for at, name in enumerate(COLUMNS, start=1):
        sheet.column_dimensions[get_column_letter(at)].width = 40 if name in {"title", "opd_name"} else 18
    sheet.append([text_cell(sheet, name) for name in COLUMNS.values()])
    for number, row in enumerate(rows_of(made, wanted, within, order)):
        if number == MOST_ROWS:
            sheet.append([text_cell(sheet, "Masih ada lagi: persempit saringannya, atau unduh sebagai CSV.")])
            break
        sheet.append([_cell(sheet, getattr(row, name), made.zone) for name in COLUMNS])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _cell(sheet: Any, value: Any, zone: tzinfo) -> Any:
    if isinstance(value, datetime):
        made = WriteOnlyCell(sheet, value.astimezone(zone).replace(tzinfo=None))  # a workbook knows no zones
        made.number_format = "yyyy-mm-dd hh:mm"
        return made
    told = said(value, zone)
    return told if isinstance(told, int) else text_cell(sheet, told)
