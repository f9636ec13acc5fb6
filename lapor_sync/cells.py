"""Cells of workbooks that are written here."""

from __future__ import annotations

from typing import Any

from openpyxl.cell import WriteOnlyCell

from lapor_sync.output import harmless

MOST_LETTERS = 32_767
"""The longest text that a cell of Excel's may hold."""


def text_cell(sheet: Any, value: str) -> Any:
    """Return a cell that is a text whatever it begins with: no formula, and as long as a cell may be."""
    made = WriteOnlyCell(sheet)
    made.value, made.data_type = harmless(value)[:MOST_LETTERS], "s"
    return made
