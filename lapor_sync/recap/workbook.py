"""A recap as a workbook: a sheet a table, real numbers, filters, frozen heads, a chart."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from openpyxl import Workbook
from openpyxl.chart import BarChart, Reference
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from lapor_sync.cells import text_cell
from lapor_sync.recap.making import Json
from lapor_sync.recap.printed import moment, total_of, whose
from lapor_sync.words.recap_id import EXPLAINED, FIGURES, NOBODY, NOT_SAID, TABLES

_WIDEST = 60


def workbook(found: Json, zone: ZoneInfo) -> bytes:
    """Return a recap's JSON as the bytes of an .xlsx file."""
    book = Workbook()
    first = book.worksheets[0]
    first.title = "OPD"
    lines = [(line["opd_name"] or line["opd"] or NOBODY, line) for line in found["rows"]]
    lines.append((total_of(found), found["total"]))
    rows = [[name, *(line[figure] for figure in FIGURES)] for name, line in lines]
    _fill(first, ["OPD", *FIGURES.values()], rows)
    for cell in first[first.max_row]:
        cell.font = Font(bold=True)
    first.auto_filter.ref = f"A1:{get_column_letter(first.max_column)}{max(first.max_row - 1, 1)}"
    _months(book, found)
    for key in list(TABLES)[1:]:
        sheet = book.create_sheet(TABLES[key])
        _fill(sheet, [TABLES[key], "Laporan"], ([one["name"] or NOT_SAID, one["received"]] for one in found[key]))
    _fill(book.create_sheet("Keterangan"), ["Keterangan", ""], _explained(found, zone))
    if found["fixed"]:
        changed = (
            [whose(one, found), FIGURES[one["figure"]], one["then"], one["now"]]
            for one in found["fixed"]["differences"]
        )
        _fill(book.create_sheet("Sejak ditetapkan"), ["OPD", "Angka", "Waktu ditetapkan", "Sekarang"], changed)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _months(book: Workbook, found: Json) -> None:
    sheet = book.create_sheet(TABLES["by_month"])
    rows = [[one["month"], one["received"], one["year_before"]] for one in found["by_month"]]
    _fill(sheet, ["Bulan", "Diterima", "Tahun sebelumnya"], rows)
    chart = BarChart()
    chart.title = "Laporan diterima"
    chart.add_data(Reference(sheet, min_col=2, max_col=3, min_row=1, max_row=sheet.max_row), titles_from_data=True)
    chart.set_categories(Reference(sheet, min_col=1, min_row=2, max_row=sheet.max_row))
    sheet.add_chart(chart, "E2")


def _explained(found: Json, zone: ZoneInfo) -> Iterable[list[Any]]:
    yield ["Periode", f"{found['from']} s.d. {found['to']}"]
    yield ["Keadaan per", moment(found["as_of"], zone)]
    if found["fixed"]:
        yield ["Ditetapkan", moment(found["fixed"]["at"], zone)]
    yield ["Diterima pada hari yang sama tahun sebelumnya", found["received_year_before"]]
    yield ["Ditutup oleh sistem karena pelapor tidak menanggapi", found["closed_by_itself"]]
    yield ["Tanpa tanggal diterima, tidak masuk periode mana pun", found["undated"]]
    yield ["Kepala riwayat (audit)", found["audit_head"]]
    for name, meaning in EXPLAINED.items():
        yield [name, meaning]


def _fill(sheet: Worksheet, head: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    sheet.append(list(head))
    for row in rows:
        sheet.append([text_cell(sheet, value) if isinstance(value, str) else value for value in row])
    for cell in sheet[1]:
        cell.font = Font(bold=True)
        cell.alignment = Alignment(wrap_text=True, vertical="top")
    sheet.freeze_panes = "B2"
    sheet.auto_filter.ref = sheet.dimensions
    for at, column in enumerate(sheet.iter_cols(values_only=True), start=1):
        longest = max((len(str(value)) for value in column[1:] if value is not None), default=0)
        sheet.column_dimensions[get_column_letter(at)].width = min(max(longest, 10) + 2, _WIDEST)
