"""The sheet of responses: however it was filled in, and whatever must not be taken from it."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from connectors.response_sheet import Responses, SheetRow, read_responses
from connectors.response_sheet.sheet import MOST_ROWS, _read
from connectors.workbook import Line, Table, text_of
from connectors.workbook.sheet import SheetFacts
from lapor_sync.domain.errors import BadInput
from lapor_sync.words.en import advised

HEADER = ("Tracking ID", "OPD", "Jawaban", "Petugas")
ONE = ("8012345", "4501", "Jalan sudah ditambal.", "Ibu Contoh")
ROW = SheetRow(
    row=2, tracking_id="8012345", opd="4501", text="Jalan sudah ditambal.", by="Ibu Contoh", is_secret=False
)


def save(path: Path, *rows: Sequence[object], sheet: str = "Jawaban OPD") -> Path:
    """A workbook of one sheet with these rows."""
    book = Workbook()
    active = book.active
    assert active is not None
    active.title = sheet
    for row in rows:
        active.append(list(row))
    book.save(path)
    return path


def sheet_of(tmp_path: Path, *rows: Sequence[object], header: Sequence[object] = HEADER) -> Path:
    return save(tmp_path / "jawaban.xlsx", header, *rows)


def rewrite(path: Path, part: str, change: Callable[[bytes], bytes]) -> Path:
    """The .xlsx with one of its parts changed."""
    with zipfile.ZipFile(path) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name, content in parts.items():
            new.writestr(name, change(content) if name.endswith(part) else content)
    return path


def one(tmp_path: Path, **cells: object) -> SheetRow:
    """The one response of a sheet of one row; keywords are columns with `_` for a space."""
    (row,) = taken(_with(tmp_path, cells))
    return row


def taken(path: Path) -> list[SheetRow]:
    """The responses of a sheet in which nothing is wrong."""
    responses = read_responses(path)
    assert not responses.problems
    return list(responses.rows)


def wrong(path: Path) -> list[tuple[int, str]]:
    """The rows that cannot be taken, and why."""
    return sorted(read_responses(path).problems)


def refused(path: Path) -> BadInput:
    with pytest.raises(BadInput) as caught:
        read_responses(path)
    assert caught.value.what.startswith(f"{path.name}: ")
    assert "\n" not in caught.value.what
    assert advised(caught.value.todo)
    return caught.value


def reason(tmp_path: Path, **cells: object) -> str:
    """Why the one row of a sheet is not taken."""
    ((number, why),) = wrong(_with(tmp_path, cells))
    assert number == 2
    return why


def _with(tmp_path: Path, cells: dict[str, object]) -> Path:
    row = dict(zip(HEADER, ONE, strict=True)) | {name.replace("_", " "): value for name, value in cells.items()}
    return sheet_of(tmp_path, tuple(row.values()), header=tuple(row))


# What is taken.


def test_a_row_as_a_response(tmp_path: Path) -> None:
    """Each column has its place; the number is the one that Excel shows."""
    assert taken(sheet_of(tmp_path, ONE)) == [ROW]


def test_columns_are_found_by_name_in_any_order_and_spelling(tmp_path: Path) -> None:
    """With other case and space, and with columns nobody asked for between them."""
    header = (None, " PETUGAS", "No.", "jawaban ", "Catatan", "trackingid", " o p d ")
    row = (None, "Ibu Contoh", 1, "Jalan sudah ditambal.", "segera", "8012345", "4501")
    assert taken(sheet_of(tmp_path, row, header=header)) == [ROW]


def test_only_two_columns_are_needed(tmp_path: Path) -> None:
    """Where the sheet does not say for whom and by whom, others know."""
    (row,) = taken(sheet_of(tmp_path, ("8012345", "Sudah."), header=("Tracking ID", "Jawaban")))
    assert (row.opd, row.by, row.is_secret) == (None, None, False)


def test_rows_above_the_header_are_passed_over(tmp_path: Path) -> None:
    """Even one with the name of a column as its title; the numbers are still those of the sheet."""
    info = (("Jawaban",), ("Tracking ID", "8012345"), (), ("Petugas", "Ibu Contoh"))
    (row,) = taken(save(tmp_path / "a.xlsx", *info, HEADER, ONE))
    assert row.row == 6


def test_the_sheet_is_the_one_with_the_columns(tmp_path: Path) -> None:
    """Whichever it is in the workbook; another may hold reports without answers."""
    book = Workbook()
    active = book.active
    assert active is not None
    active.append(["Tracking ID", "Judul"])
    sheet = book.create_sheet("Isi")
    sheet.append(list(HEADER))
    sheet.append(list(ONE))
    book.save(tmp_path / "a.xlsx")
    assert taken(tmp_path / "a.xlsx") == [ROW]


def test_rows_without_id_and_answer_are_passed_over(tmp_path: Path) -> None:
    """Sheets are handed out with an OPD and a name in every row."""
    empty = ((), (None, None, " ", "-"), (None, "4501", None, "Ibu Contoh"), ("-", "4501", "-", None))
    rows = taken(sheet_of(tmp_path, ONE, *empty, ONE))
    assert [row.row for row in rows] == [2, 7]


def test_a_sheet_with_no_response_yet_is_empty(tmp_path: Path) -> None:
    """That is no fault of it."""
    assert taken(sheet_of(tmp_path)) == []


@pytest.mark.parametrize(
    ("written", "tracking_id"),
    [
        (8012345, "8012345"),
        (8012345.0, "8012345"),
        (" 8012345\u00a0", "8012345"),
        ("#8012345", "8012345"),
        ("'8012345", "8012345"),
        ("012345678", "012345678"),
        ("8012345.0", "8012345"),
    ],
)
def test_a_tracking_id_however_it_is_stored(tmp_path: Path, written: object, tracking_id: str) -> None:
    """As number or text, with the marks that spreadsheets leave."""
    assert one(tmp_path, Tracking_ID=written).tracking_id == tracking_id


@pytest.mark.parametrize(
    ("written", "opd"),
    [
        (4501, "4501"),
        (4501.0, "4501"),
        (" 4501 ", "4501"),
        ("Dinas PUPR", "Dinas PUPR"),
        ("Dinas\n PUPR ", "Dinas PUPR"),
        ("-", None),
        ("  ", None),
        (None, None),
    ],
)
def test_an_opd_is_an_id_or_a_name_or_not_said(tmp_path: Path, written: object, opd: str | None) -> None:
    """A number is an id; the name's line breaks are the sheet's. The same goes for who office."""
    assert one(tmp_path, OPD=written).opd == one(tmp_path, Petugas=written).by == opd


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("Satu.\nDua.", "Satu.\nDua."),
        ("Satu.\r\nDua.\r\n\r\nTiga.", "Satu.\nDua.\n\nTiga."),
        ("Satu.\rDua.", "Satu.\nDua."),
        ("Satu._x000D_\nDua.", "Satu.\nDua."),
        ("Satu._x000D__x000A_Dua.", "Satu.\nDua."),
        ("Satu._x000d_Dua.", "Satu.\nDua."),
        ("\n  Satu.  Dua. _x000D_\n", "Satu.  Dua."),
        ("kode _x0041_ tetap", "kode _x0041_ tetap"),
    ],
)
def test_line_breaks_of_an_answer_are_kept(tmp_path: Path, written: str, text: str) -> None:
    """As one character, however Excel or another program stored them."""
    assert one(tmp_path, Jawaban=written).text == text == text_of(written)


def test_carriage_returns_in_the_file_itself_are_line_breaks(tmp_path: Path) -> None:
    """Written as XML's own reference, as some exporters do."""
    path = sheet_of(tmp_path, ("8012345", "4501", "Satu.|Dua.", None))
    rewrite(path, ".xml", lambda text: text.replace(b"|", b"&#13;\n"))
    assert taken(path)[0].text == "Satu.\nDua."


@pytest.mark.parametrize(
    ("written", "is_secret"),
    [("ya", True), (" YA ", True), ("tidak", False), ("Tidak", False), (None, False), ("-", False)],
)
def test_only_ya_is_secret(tmp_path: Path, written: object, is_secret: bool) -> None:
    """And nothing is as good as tidak."""
    assert one(tmp_path, Rahasia=written).is_secret is is_secret


def test_a_formula_gives_the_value_that_excel_saw(tmp_path: Path) -> None:
    """Not its own text, which no citizen should get."""
    path = sheet_of(tmp_path, ("8012345", "=1+1", '="Sudah " & "baik."', None))
    values = iter((b"<v>4501</v>", b"<v>Sudah baik.</v>"))

    def calculate(text: bytes) -> bytes:
        text = re.sub(rb"<v ?/>|<v></v>", lambda _: next(values), text)
        return text.replace(b'<c r="C2">', b'<c r="C2" t="str">')

    (row,) = taken(rewrite(path, "sheet1.xml", calculate))
    assert (row.opd, row.text) == ("4501", "Sudah baik.")


# What is not.


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("abc", "'abc'"),
        ("8012345/2", "'8012345/2'"),
        (8012345.5, "'8012345.5'"),
        (-8012345, "'-8012345'"),
        ("8.012.345", "'8.012.345'"),
        ("٨٠١٢٣٤٥", "'٨٠١٢٣٤٥'"),
        (True, "'True'"),
        ("jalan\nberlubang " * 9, r"'jalan\nberlubang jalan\nbe...'"),
    ],
)
def test_an_id_that_is_not_digits_is_a_problem(tmp_path: Path, written: object, said: str) -> None:
    """Nor is a whole text shown where columns slipped."""
    assert reason(tmp_path, Tracking_ID=written) == f"the Tracking ID {said} is not digits"


@pytest.mark.parametrize("nothing", [None, "", "  ", "-", "_x000D_\n"])
def test_one_without_the_other_is_a_problem(tmp_path: Path, nothing: str | None) -> None:
    """An answer to nothing, or a report that someone forgot."""
    assert reason(tmp_path, Jawaban=nothing) == "there is no Jawaban"
    assert reason(tmp_path, Tracking_ID=nothing) == "there is no Tracking ID"


@pytest.mark.parametrize("written", [0, 12.5, True, datetime(2026, 1, 3, tzinfo=UTC).replace(tzinfo=None)])
def test_an_answer_that_is_no_text_is_a_problem(tmp_path: Path, written: object) -> None:
    """A formula that points to an empty cell gives 0, and a citizen would get it."""
    assert reason(tmp_path, Jawaban=written) == f"the Jawaban {str(written)!r} is not a text"


@pytest.mark.parametrize("column", ["Jawaban", "OPD", "Petugas"])
@pytest.mark.parametrize("error", ["#N/A", "#REF!", "#NAME?", "#DIV/0!", "#GETTING_DATA", " #VALUE! "])
def test_an_error_of_a_formula_is_a_problem(tmp_path: Path, column: str, error: str) -> None:
    """In every column that is taken."""
    said = f"the {column} is an error of a formula ({error.strip()})"
    assert reason(tmp_path, **{column: error}) == said


def test_a_text_about_an_error_is_an_answer(tmp_path: Path) -> None:
    """Or one that begins with a hash."""
    for text in ("Di aplikasi muncul #N/A", "#Bersih", "#1"):
        assert one(tmp_path, Jawaban=text).text == text


@pytest.mark.parametrize("written", ["mungkin", "x", 1, True])
def test_a_secret_that_is_neither_ya_nor_tidak_is_a_problem(tmp_path: Path, written: object) -> None:
    """A guess could publish what is for the reporter only."""
    assert reason(tmp_path, Rahasia=written) == f"Rahasia is {str(written)!r}, neither ya nor tidak"


def test_all_reasons_of_a_row_are_named(tmp_path: Path) -> None:
    """So that nobody has to come back for each."""
    said = reason(tmp_path, Tracking_ID="x", Jawaban=None, Rahasia="?")
    assert said == (
        "the Tracking ID 'x' is not digits and there is no Jawaban and Rahasia is '?', neither ya nor tidak"
    )


def test_all_problems_are_told_with_the_rows_that_are_good(tmp_path: Path) -> None:
    """So that what else is wrong with these can be told in the same breath."""
    responses = read_responses(sheet_of(tmp_path, ONE, ("x", None, "Sudah."), (), ("8012346",), ONE))
    assert responses.problems == ((3, "the Tracking ID 'x' is not digits"), (5, "there is no Jawaban"))
    assert [row.row for row in responses.rows] == [2, 6]


def test_rows_that_the_file_leaves_out_are_counted(tmp_path: Path) -> None:
    """An empty row need not be written at all; those after it keep their numbers."""
    path = sheet_of(tmp_path, ONE, ONE)
    rewrite(path, "sheet1.xml", lambda text: re.sub(rb'(r="[A-Z]*)3"', rb'\g<1>30"', text))
    assert [row.row for row in taken(path)] == [2, 30]


def test_there_is_a_most_of_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted are those with something in them; bad ones count too. It is ten thousand; here, of a few."""
    assert MOST_ROWS == 10_000
    monkeypatch.setattr("connectors.response_sheet.sheet.MOST_ROWS", 20)
    empty: list[tuple[object, ...]] = [()] * 5
    assert len(taken(sheet_of(tmp_path, *empty, *[ONE] * 20))) == 20
    error = refused(sheet_of(tmp_path, ("x",), *[ONE] * 20))
    assert "more than 20 rows" in error.what
    assert "files of at most 20 " in advised(error.todo)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (
            [("Nomor", "Tracking ID", None, "OPD")],
            "no column Jawaban; columns found: 'Nomor', 'Tracking ID', 'OPD'.",
        ),
        ([("Laporan",), ("Jawaban", "ID")], "no column Tracking ID; columns found: 'Jawaban', 'ID'."),
        ([(), ("Nama", 5)], "no column Tracking ID and no column Jawaban; columns found: 'Nama', '5'."),
        ([(1, 2)], "no column Tracking ID and no column Jawaban; columns found: none."),
        ([], "no column Tracking ID and no column Jawaban; columns found: none."),
    ],
)
def test_missing_columns_are_named_with_those_found(
    tmp_path: Path, rows: Iterable[Sequence[object]], said: str
) -> None:
    """Found are those of the row that looks most like a header."""
    error = refused(save(tmp_path / "a.xlsx", *rows))
    assert error.what == f"a.xlsx: there is {said}"
    assert "Jawaban" in advised(error.todo)


@pytest.mark.parametrize(
    "column", ["Rahasia (ya/tidak)", "Jawaban Rahasia", "RAHASIA?!x", "OPD (id)", "Opd/Dinas", "Petugas OPD"]
)
def test_a_column_that_may_be_meant_for_one_that_is_read_is_refused(tmp_path: Path, column: str) -> None:
    """An answer that goes out in public, or in another's name, cannot be taken back."""
    header = ("Tracking ID", "Jawaban", column)
    error = refused(sheet_of(tmp_path, ("8012345", "Sudah.", "ya"), header=header))
    assert repr(column)[:20] in error.what


def test_a_column_beside_the_one_that_is_meant_is_ignored(tmp_path: Path) -> None:
    header = ("Tracking ID", "Jawaban", "OPD", "OPD lama", "Tanggal Jawaban")
    assert taken(sheet_of(tmp_path, ("8012345", "Sudah.", "4501", "x", "y"), header=header))[0].opd == "4501"


def test_a_second_sheet_that_names_its_columns_otherwise_is_refused(tmp_path: Path) -> None:
    """Its rows would not be read, and nobody would be told."""
    path = tmp_path / "a.xlsx"
    book = Workbook()
    for title, header in (("Januari", HEADER), ("Februari", ("ID Tracking", "Jawaban"))):
        sheet = book.create_sheet(title)
        sheet.append(list(header))
        sheet.append(["8012345", "Sudah."])
    book.save(path)
    assert "sheet Februari names its columns otherwise" in refused(path).what


def test_a_column_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    """Which of two answers is meant is not known; other columns may be there as often as they like."""
    error = refused(sheet_of(tmp_path, header=("Catatan", "Catatan", *HEADER, "JAWABAN", "opd")))
    assert error.what == "jawaban.xlsx: there is more than one column Jawaban and more than one column OPD."
    assert "each once" in advised(error.todo)


def test_two_sheets_of_responses_are_refused(tmp_path: Path) -> None:
    """Else those of the second would be lost without a word."""
    book = Workbook()
    for name in ("PUPR", "Dinkes"):
        sheet = book.create_sheet(name)
        sheet.append(list(HEADER))
        sheet.append(list(ONE))
    book.save(tmp_path / "a.xlsx")
    error = refused(tmp_path / "a.xlsx")
    assert error.what == "a.xlsx: more than one sheet has responses: PUPR and Dinkes."


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "is empty"),
        (b"Tracking ID,Jawaban\n8012345,Sudah\n", "no .xlsx"),
        (b"<html>", "web page"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 5000, "(.xls)"),
        (b"PK\x03\x04 and then nothing", "broken (BadZipFile)"),
    ],
)
def test_a_file_that_is_called_xlsx_and_is_none(tmp_path: Path, content: bytes, what: str) -> None:
    """It is no export either, and nobody is told to download one."""
    (tmp_path / "a.xlsx").write_bytes(content)
    error = refused(tmp_path / "a.xlsx")
    assert what in error.what
    assert "export" not in error.what + advised(error.todo)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """Or may not be read."""
    assert "cannot be opened" in refused(tmp_path / "nothing.xlsx").what


def test_a_file_that_breaks_off_within_its_rows(tmp_path: Path) -> None:
    """The rows before it are not taken either."""
    path = sheet_of(tmp_path, *[ONE] * 500)
    rewrite(path, "sheet1.xml", lambda text: text[: len(text) * 2 // 3])
    assert "broken (ExpatError)" in refused(path).what


cell = (
    st.none() | st.text(max_size=12) | st.integers() | st.floats() | st.booleans() | st.datetimes() | st.just("-")
)


@given(st.lists(st.lists(cell, max_size=7).map(tuple), max_size=5))
def test_any_row_is_taken_or_refused(rows: list[tuple[object, ...]]) -> None:
    """Short, long or nonsense: what comes out is fit to be sent, or is refused by its row's number."""
    responses = of_rows(rows)
    assert all(2 <= number <= 6 for number, _ in responses.problems)
    for row in responses.rows:
        assert row.row not in dict(responses.problems) or row.text
        assert re.fullmatch(r"[0-9]+", row.tracking_id)
        assert row.text.strip() == row.text != ""
        assert "\r" not in row.text


def of_rows(rows: list[tuple[object, ...]]) -> Responses:
    header = (*HEADER, "Rahasia")
    lines = [Line(number, row) for number, row in enumerate(rows, 2)]
    facts = SheetFacts(is_whole=True)
    return _read(
        Table(sheet="S", info=(), header=header, header_row=1, facts=facts, _stream=lambda: iter(lines)), "a.xlsx"
    )
