"""The admin site's statistics per unit: numbers however they are written, and a file that is none."""

from __future__ import annotations

from pathlib import Path

import pytest
from openpyxl import Workbook

from connectors.unit_sheet import read_units
from connectors.unit_sheet.sheet import number
from lapor_sync.domain.errors import BadInput
from lapor_sync.recap.comparing import compare
from lapor_sync.recap.figures import NUMBERS, Line, Stage

HEADER = (
    *("Unit Kerja", "Belum Terverifikasi", "Belum Ditindaklanjuti", "Proses", "Selesai", "Total", "%TL"),
    *("RTL", "RHP"),
)


def sheet(tmp_path: Path, *rows: tuple[object, ...], header: tuple[object, ...] = HEADER) -> Path:
    book = Workbook()
    active = book.worksheets[0]
    for row in (("Statistik per Unit Kerja",), header, *rows):
        active.append(list(row))
    book.save(tmp_path / "unit.xlsx")
    return tmp_path / "unit.xlsx"


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        *(
            (0, 0),
            (12, 12),
            ("12", 12),
            ("1.234", 1234),
            ("1.234.567", 1_234_567),
            ("4,5", 4.5),
            ("1.234,5", 1234.5),
        ),
        *((4.5, 4.5), ("4.5", 4.5), (" 3 hari ", 3), ("2,75 Hari".lower(), 2.75), ("\u200e7", 7)),
        *((None, None), ("-", None), ("", None), ("n/a", None), ("1,2,3", None), (True, None), ("12e3", None)),
    ],
)
def test_a_number_is_read_as_indonesians_and_machines_write_it(cell: object, value: float | None) -> None:
    assert number(cell) == value


@pytest.mark.parametrize(
    ("cell", "value"), [("85,71 %", 85.71), (0.8571, 85.71), (1.0, 100), (100, 100), ("85%", 85)]
)
def test_a_percentage_is_one_of_a_hundred(cell: object, value: float) -> None:
    assert number(cell, is_percent=True) == value


def test_units_are_read_without_the_row_of_sums(tmp_path: Path) -> None:
    path = sheet(
        tmp_path,
        ("Dinas  Perhubungan", 1, 2, 3, "1.004", 1010, "99,8%", "2,5", 1),
        ("Dinas Sosial", "x", 0, 0, 0, 0, "", None, ""),
        ("TOTAL", 1, 2, 3, 1004, 1010, "99,8%", "2,5", 1),
        ("", 9, 9, 9, 9, 9, 9, 9, 9),
    )
    first, second = read_units(path)
    assert first.name == "Dinas Perhubungan"
    assert first.figures == {
        "unverified": 1,
        "untouched": 2,
        "in_process": 3,
        "done": 1004,
        "total": 1010,
        "followed_up_percent": 99.8,
        "days_to_first_answer": 2.5,
    }
    assert (second.figures["unverified"], second.unreadable) == (None, ("Belum Terverifikasi",))


def test_another_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="Unit Kerja"):
        read_units(sheet(tmp_path, header=("Nama", "Total")))


def line(name: str, **figures: float) -> Line:
    plain: dict[str, float | None] = dict.fromkeys(NUMBERS, 0)
    return Line(opd=name[-1], opd_name=name, **{**plain, **figures})  # type: ignore[arg-type]


def test_what_differs_is_said_with_the_reports_that_we_count() -> None:
    ours = [line("Dinas A", done=2, total=2, days_to_first_answer=2.54), line("Dinas B")]
    theirs: dict[str, dict[str, float | None]] = {
        "DINAS  a": {"done": 3, "total": 2, "days_to_first_answer": 2.5, "followed_up_percent": None},
        "Dinas C": {"done": 1},
    }
    found = compare(ours, theirs, {("A", Stage.DONE): ("7001", "7002")})
    (one,) = found.differences
    assert (one.opd, one.figure, one.theirs, one.ours, one.reports) == ("A", "done", 3, 2, ("7001", "7002"))
    assert (found.only_theirs, found.only_ours) == (("Dinas C",), ("Dinas B",))


def test_a_figure_that_we_do_not_have_differs() -> None:
    ours = [line("Dinas A")]
    (one,) = compare(ours, {"Dinas A": {"rating": 4.0, "total": 0}}, {}).differences
    assert (one.figure, one.ours) == ("rating", 0)
