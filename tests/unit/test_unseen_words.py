"""Words in a sheet of responses that nobody sees are not taken; what is only coloured is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from openpyxl.formatting import rule as untyped
from openpyxl.styles import Alignment, Border, Font, GradientFill, PatternFill, Side
from openpyxl.styles.colors import Color
from openpyxl.worksheet.table import Table, TableStyleInfo
from openpyxl.worksheet.worksheet import Worksheet

from connectors.response_sheet import read_responses
from lapor_sync.domain.errors import BadInput
from tests.growth import is_linear
from tests.unit.test_odd_workbooks import BOOK_RELS, DOC, MAIN, SHEET_HEAD, answer, made, sheet, text

RULES: Any = untyped

Change = Callable[[Worksheet], None]

ROWS = (
    ("Tracking ID", "Jawaban", "Petugas"),
    (9200001, "Jalan sudah ditambal.", "Ibu Contoh"),
    ("9200002", "Lampu sudah diganti.", "Pak Contoh"),
)


def read(tmp_path: Path, change: Change) -> list[str]:
    """Why rows of a sheet are not taken, or the sheet is not, after this was done to it; nothing where it is."""
    book = Workbook()
    page = book.active
    assert page is not None
    for row in ROWS:
        page.append(row)
    change(page)
    book.save(tmp_path / "a.xlsx")
    try:
        return [f"{row}: {why}" for row, why in read_responses(tmp_path / "a.xlsx").problems]
    except BadInput as bad:
        return [bad.what]


def font(place: str = "B3", **said: Any) -> Change:
    return lambda page: setattr(page[place], "font", Font(**said))


def fill(place: str, ink: str | None, filled: PatternFill | GradientFill) -> Change:
    def change(page: Worksheet) -> None:
        page[place].font = Font(color=ink)
        page[place].fill = filled

    return change


def solid(colour: str) -> PatternFill:
    return PatternFill("solid", fgColor=colour)


def rich(**said: Any) -> Change:
    words = CellRichText("Lampu ", TextBlock(InlineFont(**said), "tidak"), " diganti.")
    return lambda page: page.__setitem__("B3", words)


def formatted(number_format: str, place: str = "B3") -> Change:
    return lambda page: setattr(page[place], "number_format", number_format)


def rule(one: Any, where: str = "B2:B3") -> Change:
    return lambda page: page.conditional_formatting.add(where, one)


def white_always() -> Any:
    return RULES.FormulaRule(formula=["1"], font=Font(color="FFFFFFFF"))


def always(**said: Any) -> Change:
    return rule(RULES.FormulaRule(formula=["TRUE"], **said))


def sized(what: str, **said: Any) -> Change:
    """A row or a column, by its name, or the sheet's defaults, with this size."""

    def change(page: Worksheet) -> None:
        one = (
            page.sheet_format
            if not what
            else page.row_dimensions[3]
            if what == "3"
            else page.column_dimensions[what]
        )
        for name, value in said.items():
            setattr(one, name, value)

    return change


def tall(row: int) -> Change:
    return lambda page: setattr(page.row_dimensions[row], "height", 15)


def both(*changes: Change) -> Change:
    def change(page: Worksheet) -> None:
        for one in changes:
            one(page)

    return change


FAINT = "3: words of Jawaban cannot be seen: they have the colour of the cell, or are too small"
VEILED = "3: the number format of Jawaban shows something else than is there"
UNDER = "a conditional format may strike out or hide its Jawaban, or show something else"
OF_ID = f"2: {UNDER}".replace("Jawaban", "Tracking ID")
HIDDEN = "3: the row is hidden, or filtered out"
BLUE = "FF0000FF"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (font(color="FFFFFFFF"), FAINT),
        (font(color="00FFFFFF"), FAINT),
        (font(color="FFF2F2F2"), FAINT),
        (font(color=Color(theme=0)), FAINT),
        (font(color=Color(theme=0, tint=-0.05)), FAINT),
        (font(color=Color(theme=1, tint=0.95)), FAINT),
        (font(color=Color(indexed=9)), FAINT),
        (font(color=Color(indexed=65)), FAINT),
        (font(size=1), FAINT),
        (font("A3", color="FFFFFFFF"), FAINT.replace("Jawaban", "Tracking ID")),
        (font("A3", size=4.5), FAINT.replace("Jawaban", "Tracking ID")),
        (fill("B3", BLUE, solid(BLUE)), FAINT),
        (fill("B3", None, solid("FF101010")), FAINT),
        (fill("B3", "FFFFFFFF", PatternFill("lightGray", fgColor="FF000000", bgColor="FFFFFFFF")), FAINT),
        (fill("B3", "FFFFFFFF", GradientFill(stop=("FF000000", "FFFFFFFF"))), FAINT),
        (rich(color="FFFFFFFF"), FAINT),
        (rich(sz=2), FAINT),
        (rich(strike=True), "3: there are struck-out words in Jawaban"),
        (both(rich(b=True), font(color="FFFFFFFF")), FAINT),
        (lambda page: setattr(page["B3"], "alignment", Alignment(horizontal="left", indent=60)), FAINT),
        (formatted('@" (TIDAK)"'), VEILED),
        (formatted('"BELUM "@'), VEILED),
        (formatted('0;0;0;@\\ \\T'), VEILED),
        (formatted("[$ TIDAK-421]@"), VEILED),
        (formatted("@*x"), VEILED),
        (formatted("@@"), VEILED),
        (formatted('"9"0', "A2"), VEILED.replace("3", "2").replace("Jawaban", "Tracking ID")),
        (formatted("0,", "A2"), VEILED.replace("3", "2").replace("Jawaban", "Tracking ID")),
        (formatted('[<5]0;"1"', "A2"), VEILED.replace("3", "2").replace("Jawaban", "Tracking ID")),
        (always(font=Font(color="FFFFFFFF")), f"2: {UNDER}"),
        (always(fill=PatternFill(bgColor="FF000000")), f"2: {UNDER}"),
        (always(font=Font(color=BLUE), fill=PatternFill("solid", bgColor=BLUE)), f"2: {UNDER}"),
        (both(fill("B3", None, solid("FFFF0000")), always(font=Font(color="FFFF0000"))), f"3: {UNDER}"),
        (always(font=Font(strike=True)), f"2: {UNDER}"),
        (rule(RULES.DataBarRule("min", None, "max", None, BLUE, showValue=False), "A2"), OF_ID),
        (rule(RULES.IconSetRule("3Arrows", "num", [0, 1, 2], showValue=False), "A2"), OF_ID),
        (sized("3", height=1), HIDDEN),
        (sized("3", height=4.9), HIDDEN),
        (sized("", zeroHeight=True), HIDDEN.replace("3", "2")),
        (sized("", defaultRowHeight=0.5), HIDDEN.replace("3", "2")),
        (sized("B", width=0.1), "the column Jawaban is hidden"),
        (sized("B", width=0.9), "the column Jawaban is hidden"),
        (sized("", defaultColWidth=0), "the column Tracking ID and the column Jawaban and the column Petugas is hidden"),
        (both(sized("", defaultColWidth=0.1), sized("A", width=9), sized("C", width=9)), "the column Jawaban is hidden"),
    ],
)  # fmt: skip
def test_words_that_nobody_sees_are_not_taken(tmp_path: Path, change: Change, why: str) -> None:
    """Each with its row and column: whoever gave the sheet meant what it shows."""
    assert any(why in said for said in read(tmp_path, change)), read(tmp_path, change)


def table(name: str) -> Change:
    def change(page: Worksheet) -> None:
        one = Table(displayName="Jawaban", ref="A1:C3")
        one.tableStyleInfo = TableStyleInfo(name=name, showRowStripes=True)
        page.add_table(one)

    return change


def header(page: Worksheet) -> None:
    for cell in page[1]:
        cell.font, cell.fill = Font(color="FFFFFFFF", bold=True, size=14), solid("FF1F4E78")


@pytest.mark.parametrize(
    "change",
    [
        table("TableStyleMedium2"),
        table("TableStyleDark1"),
        header,
        both(header, always(font=Font(color="FFFFFFFF"), fill=PatternFill(bgColor="FF1F4E78"))),
        font(color="FFFF0000", size=8),
        font(color="FFFFFF00"),
        font(color="FFBFBFBF"),
        font(color=Color(theme=4, tint=0.4)),
        font(color=Color(indexed=64)),
        font("C3", size=6),
        font("D3", color="FFFFFFFF", size=1),
        fill("B3", "FFFFFFFF", solid("FF333333")),
        fill("B3", "FF9C0006", solid("FFFFC7CE")),
        fill("B3", None, PatternFill("gray125")),
        fill("B3", None, GradientFill(stop=("FFDDEBF7", "FFFFFFFF"))),
        both(fill("B3", "FFFFFFFF", solid(BLUE)), always(font=Font(color="FFFFFF00"))),
        both(fill("B3", "FFFFFFFF", solid(BLUE)), rule(white_always(), "B3")),
        rich(color="FFFF0000", b=True),
        lambda page: setattr(page["B3"], "alignment", Alignment(wrap_text=True, indent=2, vertical="top")),
        lambda page: setattr(page["B3"], "border", Border(left=Side("thin", color="FFFFFFFF"))),
        formatted("@"),
        formatted("dd/mm/yyyy;@"),
        formatted('_-"Rp"* #,##0_-;-"Rp"* #,##0_-;_-"Rp"* "-"_-;_-@_-', "A2"),
        formatted("#,##0", "A2"),
        formatted("[<=9999999]###-####;(###) ###-####", "A2"),
        always(font=Font(color="FF9C0006"), fill=PatternFill("solid", bgColor="FFFFC7CE")),
        always(border=Border(left=Side("thin"))),
        rule(RULES.CellIsRule("equal", ["0"], font=Font(color="FFFFFFFF")), "D2:D3"),
        rule(RULES.ColorScaleRule("min", None, "FFF8696B", "max", None, "FF63BE7B"), "A2:A3"),
        rule(RULES.DataBarRule("min", None, "max", None, BLUE), "A2:A3"),
        sized("3", height=15),
        sized("3", height=8.25),
        sized("B", width=80),
        sized("", defaultRowHeight=15, defaultColWidth=10.7),
        both(sized("", zeroHeight=True), *(tall(row) for row in (1, 2, 3))),
        both(sized("", defaultColWidth=0), *(sized(name, width=20) for name in "ABC")),
        sized("D", width=0.1),
    ],
)  # fmt: skip
def test_what_looks_otherwise_and_is_seen_is_taken(tmp_path: Path, change: Change) -> None:
    """Colours, styles of tables and sizes of ordinary sheets; and what is in columns that are not read."""
    assert read(tmp_path, change) == []


EXT = (
    '<extLst><ext><x14:conditionalFormattings xmlns:x14="x" xmlns:xm="m"><x14:conditionalFormatting>'
    '<x14:cfRule type="expression"><xm:f>TRUE</xm:f><x14:dxf>{}</x14:dxf></x14:cfRule><xm:sqref>B2:B9</xm:sqref>'
    "</x14:conditionalFormatting></x14:conditionalFormattings></ext></extLst>"
)


@pytest.mark.parametrize(
    ("differing", "is_taken"),
    [
        ('<font><color theme="0"/></font>', False),
        ("<font><strike/></font>", False),
        ('<fill><patternFill><bgColor rgb="FF000000"/></patternFill></fill>', False),
        ('<font><color rgb="FFFF0000"/></font>', True),
    ],
)
def test_a_conditional_format_of_later_excels_counts(tmp_path: Path, differing: str, is_taken: bool) -> None:
    """Excel keeps one that looks at another sheet in an extension, with its style and places in it."""
    rows = sheet(SHEET_HEAD, answer(text("Sudah.")), after=EXT.format(differing))
    (tmp_path / "a.xlsx").write_bytes(made({"xl/worksheets/sheet1.xml": rows}))
    assert (read_responses(tmp_path / "a.xlsx").problems == ()) is is_taken


@pytest.mark.parametrize(
    ("element", "name", "is_taken"),
    [
        ('type="wholeTable" dxfId="1"', "Sendiri", False),
        ('type="headerRow" dxfId="1"', "Sendiri", True),
        ('type="wholeTable" dxfId="1"', "TableStyleMedium2", True),
        ('type="wholeTable" dxfId="1"/><tableStyleElement type="firstRowStripe" dxfId="2"', "Sendiri", True),
    ],
)
def test_a_style_of_tables_that_the_workbook_made_counts(
    tmp_path: Path, element: str, name: str, is_taken: bool
) -> None:
    """White letters in all of a table are not seen; on dark stripes they are."""
    styles = (
        f'<styleSheet xmlns="{MAIN}"><dxfs><dxf/><dxf><font><color rgb="FFFFFFFF"/></font></dxf><dxf><fill>'
        '<patternFill patternType="solid"><bgColor rgb="FF000080"/></patternFill></fill></dxf></dxfs>'
        f'<tableStyles><tableStyle name="Sendiri"><tableStyleElement {element}/></tableStyle></tableStyles></styleSheet>'
    )
    rels = (
        f'<Relationships><Relationship Id="t" Type="{DOC}/table" Target="../tables/table1.xml"/></Relationships>'
    )
    parts = {
        "xl/styles.xml": styles,
        "xl/_rels/workbook.xml.rels": BOOK_RELS,
        "xl/worksheets/sheet1.xml": sheet(SHEET_HEAD, answer(text("Sudah."))),
        "xl/worksheets/_rels/sheet1.xml.rels": rels,
        "xl/tables/table1.xml": f'<table xmlns="{MAIN}" ref="A1:D9"><tableStyleInfo name="{name}"/></table>',
    }
    (tmp_path / "a.xlsx").write_bytes(made(parts))
    assert (read_responses(tmp_path / "a.xlsx").problems == ()) is is_taken


def test_colours_of_a_theme_and_of_a_palette_of_its_own(tmp_path: Path) -> None:
    """The workbook may call any colour its first accent, or its tenth."""
    styles = (
        f'<styleSheet xmlns="{MAIN}"><fonts><font/><font><color theme="4"/></font><font><color indexed="1"/></font>'
        "</fonts><cellXfs><xf/><xf fontId='1'/><xf fontId='2'/></cellXfs><colors><indexedColors>"
        '<rgbColor rgb="FF000000"/><rgbColor rgb="FF00FF00"/></indexedColors></colors></styleSheet>'
    )
    theme = '<a:theme xmlns:a="a"><a:clrScheme><a:accent1><a:srgbClr val="FEFEFE"/></a:accent1></a:clrScheme></a:theme>'
    rels = BOOK_RELS.replace("</R", f'<Relationship Id="c" Type="{DOC}/theme" Target="theme/theme1.xml"/></R')
    rows = (answer(text("Sudah.", more=' s="1"')), answer(text("Sudah.", more=' s="2"')))
    parts = {
        "xl/styles.xml": styles,
        "xl/theme/theme1.xml": theme,
        "xl/_rels/workbook.xml.rels": rels,
        "xl/worksheets/sheet1.xml": sheet(SHEET_HEAD, *rows),
    }
    (tmp_path / "a.xlsx").write_bytes(made(parts))
    assert [row for row, _ in read_responses(tmp_path / "a.xlsx").problems] == [2]


def test_a_format_of_many_places_is_held_against_each_row_once(tmp_path: Path) -> None:
    """Of 5,000 rows and 20,000 places that hide nothing, each pair was looked at: it took minutes."""
    red = "<dxfs><dxf><font><color rgb='FFFF0000'/></font></dxf></dxfs>"
    places = "<conditionalFormatting sqref='A1:B9999'><cfRule dxfId='0'/></conditionalFormatting>"

    def workbook(size: int) -> Path:
        merges = "<mergeCells>" + "<mergeCell ref='J1:K9999'/>" * 4 * size + "</mergeCells>"
        rows = sheet(SHEET_HEAD, *([answer(text("Sudah."))] * size), after=merges + places * 4 * size)
        path = tmp_path / f"{size}.xlsx"
        path.write_bytes(
            made({"xl/styles.xml": f"<styleSheet>{red}</styleSheet>", "xl/worksheets/sheet1.xml": rows})
        )
        return path

    assert is_linear(read_responses, workbook, 20)
    assert read_responses(tmp_path / "320.xlsx").problems == ()
