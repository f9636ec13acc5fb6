"""A hundred odd workbooks, made part by part: each is read with the right values or refused with what to do."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from connectors.admin_export import open_export
from connectors.response_sheet import read_responses
from connectors.workbook import package, parts, table
from connectors.workbook.parts import is_veiling
from lapor_sync.domain.errors import BadInput, BadRecord
from lapor_sync.domain.report import Report
from lapor_sync.words.en import advised
from tests.growth import is_linear

WIB = ZoneInfo("Asia/Jakarta")
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
DOC = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PKG = "http://schemas.openxmlformats.org/package/2006/relationships"

RELS = (
    f'<Relationships xmlns="{PKG}"><Relationship Id="r1" Type="{DOC}/officeDocument" Target="xl/workbook.xml"/>'
    "</Relationships>"
)
BOOK = (
    f'<workbook xmlns="{MAIN}" xmlns:r="{DOC}"><workbookPr/><sheets><sheet name="Laporan" sheetId="1" r:id="s1"/>'
    "</sheets></workbook>"
)
BOOK_RELS = (
    f'<Relationships xmlns="{PKG}"><Relationship Id="s1" Type="{DOC}/worksheet" Target="worksheets/sheet1.xml"/>'
    f'<Relationship Id="t" Type="{DOC}/styles" Target="styles.xml"/>'
    f'<Relationship Id="u" Type="{DOC}/sharedStrings" Target="sharedStrings.xml"/></Relationships>'
)
STYLES = (
    f'<styleSheet xmlns="{MAIN}"><numFmts><numFmt numFmtId="170" formatCode="dd mmmm yyyy"/>'
    '<numFmt numFmtId="171" formatCode=";;;"/><numFmt numFmtId="172" formatCode="&quot;9200009&quot;"/>'
    "</numFmts><fonts><font/>"
    "<font><strike/></font></fonts><cellXfs><xf/><xf numFmtId='14'/><xf numFmtId='21'/><xf numFmtId='170'/>"
    "<xf fontId='1'/><xf numFmtId='46'/><xf numFmtId='30'/><xf numFmtId='171'/><xf numFmtId='172'/></cellXfs>"
    "<dxfs><dxf><font><b/></font></dxf><dxf><font><strike/></font></dxf></dxfs></styleSheet>"
)
STRINGS = (
    f'<sst xmlns="{MAIN}"><si><t>Selesai</t></si><si><r><t>Dalam</t></r><r><t xml:space="preserve"> Proses</t></r>'
    "</si><si><t>東京</t><rPh sb='0' eb='2'><t>トウキョウ</t></rPh></si>"
    "<si><r><rPr><strike/></rPr><t>lama</t></r></si></sst>"
)
HEAD = ("Tracking ID", "Status Laporan", "Judul Laporan", "Tanggal Laporan Masuk", "Waktu Laporan Masuk")


def text(value: str, place: str = "", more: str = "") -> str:
    at = f' r="{place}"' if place else ""
    return f'<c{at} t="inlineStr"{more}><is><t>{value}</t></is></c>'


def row(*cells: str, number: int | None = None, more: str = "") -> str:
    at = f' r="{number}"' if number else ""
    return f"<row{at}{more}>{''.join(cells)}</row>"


HEADER = row(*map(text, HEAD))
ONE = (text("9200001"), text("Selesai"), text("Judul"))


def sheet(*rows: str, before: str = "", after: str = "") -> str:
    return f'<worksheet xmlns="{MAIN}">{before}<sheetData>{"".join(rows)}</sheetData>{after}</worksheet>'


def made(changes: Mapping[str, str | bytes | None]) -> bytes:
    """A workbook with these parts changed, or left out."""
    whole: dict[str, str | bytes | None] = {
        "_rels/.rels": RELS,
        "xl/workbook.xml": BOOK,
        "xl/_rels/workbook.xml.rels": BOOK_RELS,
        "xl/styles.xml": STYLES,
        "xl/sharedStrings.xml": STRINGS,
        "xl/worksheets/sheet1.xml": sheet(HEADER, row(*ONE)),
        **changes,
    }
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in whole.items():
            if part is not None:
                archive.writestr(name, part)
    return content.getvalue()


def of(*rows: str, before: str = "", after: str = "") -> bytes:
    return made({"xl/worksheets/sheet1.xml": sheet(*rows, before=before, after=after)})


def cell(xml: str, head: str = "Judul Laporan") -> bytes:
    """A workbook whose one report has this cell, as XML, in one column."""
    return of(row(*map(text, (*HEAD[:2], head))), row(text("9200001"), text("Selesai"), xml))


def raw(part: str, content: str | bytes) -> bytes:
    return made({part: content})


SHEET = "xl/worksheets/sheet1.xml"
GOOD = ("9200001", "Selesai", "Judul")


def titled(title: str) -> tuple[str, str, str]:
    return ("9200001", "Selesai", title)


READ: dict[str, tuple[bytes, Iterable[tuple[str, str, str]]]] = {
    "plain": (made({}), [GOOD]),
    "no references": (of(HEADER, row(*ONE)), [GOOD]),
    "a gap of rows": (of(row(*map(text, HEAD), number=3), row(*ONE, number=900)), [GOOD]),
    "a gap of cells": (
        of(HEADER, row(text("9200001", "A2"), text("Selesai", "B2"), text("x", "D2"), number=2)),
        [],
    ),
    "shared": (cell('<c t="s"><v>0</v></c>'), [titled("Selesai")]),
    "rich shared": (cell('<c t="s"><v>1</v></c>'), [titled("Dalam Proses")]),
    "phonetic": (cell('<c t="s"><v>2</v></c>'), [titled("東京")]),
    "rich inline": (
        cell('<c t="inlineStr"><is><r><t>a</t></r><r><t xml:space="preserve"> b</t></r></is></c>'),
        [titled("a b")],
    ),
    "phonetic inline": (
        cell('<c t="inlineStr"><is><t>東</t><rPh><t>ト</t></rPh></is></c>'),
        [titled("東")],
    ),
    "formula of text": (cell('<c t="str"><f>A1</f><v>Judul</v></c>'), [GOOD]),
    "formula of nothing": (cell('<c t="str"><f>A1</f><v></v></c>'), [titled("")]),
    "formula of a number": (cell("<c><f>1+1</f><v>2</v></c>"), [titled("2")]),
    "boolean": (cell('<c t="b"><v>1</v></c>'), [titled("True")]),
    "integer": (cell("<c><v>42</v></c>"), [titled("42")]),
    "whole float": (cell("<c><v>42.0</v></c>"), [titled("42")]),
    "scientific": (of(HEADER, row("<c><v>9.200001E6</v></c>", text("Selesai"), text("Judul"))), [GOOD]),
    "scientific, small letter": (of(HEADER, row("<c><v>9200001e0</v></c>", *ONE[1:])), [GOOD]),
    "number of letters": (cell("<c><v>Judul</v></c>"), [GOOD]),
    "number with underscores": (cell("<c><v>1_000</v></c>"), [titled("1_000")]),
    "not a number": (cell("<c><v>nan</v></c>"), [titled("nan")]),
    "infinite": (cell("<c><v>1e999</v></c>"), [titled("1e999")]),
    "a long number": (cell(f"<c><v>{'9' * 5000}</v></c>"), [titled("9" * 5000)]),
    "empty cells": (of(HEADER, row(*ONE, '<c t="s"/>', '<c t="inlineStr"/>', "<c/>", "<c><v/></c>")), [GOOD]),
    "an empty row": (of(HEADER, "<row/>", row(*ONE), "<row r='9'/>"), [GOOD]),
    "a lying dimension": (of(HEADER, row(*ONE), before='<dimension ref="A1"/>'), [GOOD]),
    "a huge dimension": (of(HEADER, row(*ONE), before='<dimension ref="A1:XFD1048576"/>'), [GOOD]),
    "attributes twice in how it looks": (
        of(HEADER, row(*ONE), before='<sheetPr a="1" a="2"/><sheetViews><sheetView b="1" b="2"/></sheetViews>'),
        [GOOD],
    ),
    "broken below the rows": (of(HEADER, row(*ONE), after="<pageMargins a='1' a='2'/>"), [GOOD]),
    "merged below": (of(HEADER, row(*ONE), after='<mergeCells><mergeCell ref="A1:B1"/></mergeCells>'), [GOOD]),
    "a prefix": (
        raw(
            SHEET,
            sheet(HEADER, row(*ONE)).replace("<", "<x:").replace("<x:/", "</x:").replace(" xmlns=", " xmlns:x="),
        ),
        [GOOD],
    ),
    "a strange namespace": (raw(SHEET, sheet(HEADER, row(*ONE)).replace(MAIN, "urn:x")), [GOOD]),
    "UTF-8 with a mark": (raw(SHEET, b"\xef\xbb\xbf" + sheet(HEADER, row(*ONE)).encode()), [GOOD]),
    "UTF-16": (raw(SHEET, sheet(HEADER, row(*ONE[:2], text("é€𝄞"))).encode("utf-16")), [titled("é€𝄞")]),
    "UTF-16, big end first": (
        raw(SHEET, b"\xfe\xff" + sheet(HEADER, row(*ONE)).encode("utf-16-be")),
        [GOOD],
    ),
    "UTF-16 without a mark": (raw(SHEET, sheet(HEADER, row(*ONE)).encode("utf-16-le")), [GOOD]),
    "Windows letters": (
        raw(
            SHEET,
            ('<?xml version="1.0" encoding="windows-1252"?>' + sheet(HEADER, row(*ONE[:2], text("“é”")))).encode(
                "cp1252"
            ),
        ),
        [titled("“é”")],
    ),
    "UTF-8 that says UTF-16": (
        raw(
            SHEET,
            b"\xef\xbb\xbf" + ('<?xml version="1.0" encoding="utf-16"?>' + sheet(HEADER, row(*ONE))).encode(),
        ),
        [GOOD],
    ),
    "bytes that are no UTF-8": (
        raw(SHEET, sheet(HEADER, row(*ONE[:2], text("a|b"))).encode().replace(b"|", b"\xe9")),
        [titled("a\ufffdb")],
    ),
    "a control character": (cell(text("a\x0bb")), [titled("a\ufffdb")]),
    "NUL": (cell(text("a\0b")), [titled("a\ufffdb")]),
    "a reference to none": (
        cell(text("a&#11;b&#x1;c&#0;d&#xFFFE;e&#55555555;")),
        [titled("a\ufffdb\ufffdc\ufffdd\ufffde\ufffd")],
    ),
    "references to letters": (cell(text("a&#233;b&#x1F64F;&amp;#11;")), [titled("aéb🙏&#11;")]),
    "no character": (cell(text("a\uffffb\ufffe")), [titled("a\ufffdb\ufffd")]),
    "escapes of Excel": (
        cell(text("a_x000D_\n_x0007_b_x005F_x000D_c_x0041_")),
        [titled("a\n\ufffdb_x000D_c_x0041_")],
    ),
    "CDATA": (cell("<c t='inlineStr'><is><t><![CDATA[a<b]]></t></is></c>"), [titled("a<b")]),
    "a comment within": (cell("<c t='inlineStr'><is><t>a<!-- x -->b</t></is></c>"), [titled("ab")]),
    "no styles": (made({"xl/styles.xml": None}), [GOOD]),
    "broken styles": (made({"xl/styles.xml": STYLES[:200]}), [GOOD]),
    "styles that are none": (made({"xl/styles.xml": "no XML"}), [GOOD]),
    "no texts": (made({"xl/sharedStrings.xml": None}), [GOOD]),
    "no relations of the package": (made({"_rels/.rels": None}), [GOOD]),
    "absolute targets": (
        raw("xl/_rels/workbook.xml.rels", BOOK_RELS.replace('"worksheets', '"/xl/worksheets')),
        [GOOD],
    ),
    "backslashes in targets": (
        raw("xl/_rels/workbook.xml.rels", BOOK_RELS.replace("ts/sheet", "ts\\sheet")),
        [GOOD],
    ),
    "large letters": (made({SHEET: None, "XL/Worksheets/SHEET1.xml": sheet(HEADER, row(*ONE))}), [GOOD]),
    "macros": (made({"xl/vbaProject.bin": b"\0" * 100}), [GOOD]),
    "a chart among the sheets": (
        made(
            {
                "xl/workbook.xml": BOOK.replace("<sheets>", '<sheets><sheet name="Grafik" sheetId="2" r:id="c"/>'),
                "xl/_rels/workbook.xml.rels": BOOK_RELS.replace(
                    "</R", f'<Relationship Id="c" Type="{DOC}/chartsheet" Target="c.xml"/></R'
                ),
            }
        ),
        [GOOD],
    ),
    "invisible around an id": (
        of(
            HEADER,
            row(
                text("\u200e\u202a92\u00ad00001\u202c\u2060\u00a0\u200b\ufeff\u3164\u2800\uffa0\ufff9\U000e0001"),
                *ONE[1:],
            ),
        ),
        [GOOD],
    ),
    "invisible in a header": (
        of(row(text("\ufeffTracking\u00a0ID\u200b"), *map(text, HEAD[1:])), row(*ONE)),
        [GOOD],
    ),
    "an apostrophe before an id": (of(HEADER, row(text("\u20199200001"), *ONE[1:])), [GOOD]),
    "a column far away": (
        of(
            HEADER, row(*(text(v, f"{c}2") for c, v in zip("ABC", GOOD, strict=True)), text("x", "XFD2"), number=2)
        ),
        [GOOD],
    ),
    "the header again": (of(HEADER, row(*ONE), HEADER), [GOOD]),
    "something before the zip": (b"PK" + b"junk" * 10 + made({}), [GOOD]),
    "something after the zip": (made({}) + b"\0" * 100, [GOOD]),
}

REFUSED: dict[str, tuple[bytes, str]] = {
    "rows out of order": (of(HEADER, row(*ONE, number=9), row(*ONE, number=5)), "row 5 comes after row 9"),
    "one row twice": (of(HEADER, row(*ONE, number=5), row(*ONE, number=5)), "row 5 comes after row 5"),
    "one cell twice": (
        of(HEADER, row(text("9200001", "A2"), text("9200002", "A2"), number=2)),
        "two in one place",
    ),
    "cells out of order": (of(HEADER, row(text("a", "B2"), text("9200001", "A2"), number=2)), "out of order"),
    "a cell of another row": (of(HEADER, row(text("9200001", "A7"), number=2)), "a cell of another row"),
    "a cell of no column": (of(HEADER, row(text("9200001", "AAAA2"), number=2)), "there is no column"),
    "a row of no number": (of(HEADER, row(*ONE).replace("<row", "<row r='x'")), "a number in it is none"),
    "a row far away": (of(HEADER, row(*ONE, number=2_000_000)), "a number that no row can have"),
    "two tables of rows": (
        raw(SHEET, sheet(HEADER, row(*ONE)).replace("</sheetData>", "</sheetData><sheetData/>")),
        "two tables",
    ),
    "a text that is not there": (cell('<c t="s"><v>77</v></c>'), "a text that is not in the file"),
    "a shared text without any": (
        made({"xl/sharedStrings.xml": None, SHEET: sheet(HEADER, row('<c t="s"><v>0</v></c>'))}),
        "a text that is not in the file",
    ),
    "a negative text": (cell('<c t="s"><v>-1</v></c>'), "a number in it is none"),
    "an unknown kind of cell": (cell('<c t="zz"><v>1</v></c>'), "unknown kind"),
    "broken texts": (made({"xl/sharedStrings.xml": STRINGS[:150]}), "broken"),
    "no sheet": (made({SHEET: None}), "a part of it is missing"),
    "no workbook": (made({"xl/workbook.xml": None}), "no workbook in the file"),
    "no sheets": (made({"xl/workbook.xml": BOOK.replace("<sheet name", "<x name")}), "no row has a cell"),
    "a sheet elsewhere": (
        raw("xl/_rels/workbook.xml.rels", BOOK_RELS.replace('Id="s1"', 'Id="s1" TargetMode="External"')),
        "no row has a cell",
    ),
    "a sheet outside the file": (
        raw("xl/_rels/workbook.xml.rels", BOOK_RELS.replace("worksheets/sheet1", "../../../../etc/passwd")),
        "a part of it is missing",
    ),
    "only a hidden sheet": (
        raw("xl/workbook.xml", BOOK.replace("sheetId", 'state="veryHidden" sheetId')),
        "in a hidden sheet",
    ),
    "XML cut off": (raw(SHEET, sheet(HEADER, row(*ONE))[:-150]), "broken"),
    "rows that do not close": (raw(SHEET, sheet(HEADER, "<row>")), "broken"),
    "an entity": (raw(SHEET, "<!DOCTYPE x [<!ENTITY a 'b'>]>" + sheet(HEADER, row(*ONE))), "document type"),
    "an entity in UTF-16": (
        raw(SHEET, ("<!DOCTYPE x [<!ENTITY a 'b'>]>" + sheet(HEADER)).encode("utf-16")),
        "document type",
    ),
    "an entity in the styles": (raw("xl/styles.xml", "<!DOCTYPE x []>" + STYLES), "document type"),
    "an entity in the texts": (raw("xl/sharedStrings.xml", "<!DOCTYPE x []>" + STRINGS), "document type"),
    "an entity in the relations": (raw("_rels/.rels", "<!DOCTYPE x []>" + RELS), "document type"),
    "an unknown encoding": (raw(SHEET, '<?xml version="1.0" encoding="rot13"?>' + sheet(HEADER)), "not known"),
    "another unknown encoding": (raw(SHEET, '<?xml version="1.0" encoding="zlib"?>' + sheet(HEADER)), "not known"),
    "two header rows": (
        of(
            row(text("Tracking ID"), text("Status Laporan"), text("Laporan")),
            row("<c/>", "<c/>", text("Judul Laporan")),
        ),
        "stand in two rows \\(1 and 2\\)",
    ),
    "a header whose words are split": (
        of(row(text("Kota")), row(text("Tracking"), text("Status")), row(text("ID"), text("Laporan")), row(*ONE)),
        "stand in two rows \\(2 and 3\\)",
    ),
    "two header rows, the status below": (
        of(row(text("Tracking ID"), text("Laporan")), row("<c/>", text("Status Laporan"))),
        "stand in two rows",
    ),
    "a binary workbook": (
        made({"_rels/.rels": RELS.replace("workbook.xml", "workbook.bin"), "xl/workbook.bin": b"\0"}),
        "xlsb",
    ),
    "a Word file": (
        made({"_rels/.rels": RELS.replace("xl/workbook", "word/document"), "xl/workbook.xml": None}),
        "no workbook",
    ),
    "OpenDocument": (made({"_rels/.rels": None, "xl/workbook.xml": None, "content.xml": "<a/>"}), "\\.ods"),
    "the old format": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "\\.xls"),
    "a password": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), "password"),
    "CSV": (b"Tracking ID;Status Laporan\r\n9200001;Selesai", "no .xlsx"),
    "CSV in UTF-16": ("Tracking ID\tStatus".encode("utf-16"), "no .xlsx"),
    "a table as HTML": (b"<html><body><table><tr><td>Tracking ID</td></tr></table>", "a web page with a table"),
    "a table as HTML in UTF-16": ("<html><table>".encode("utf-16"), "a web page with a table"),
    "a bare table": (b"\n <TABLE border=1><tr>", "a web page with a table"),
    "a login": (b"<!doctype html><form>", "a login may have run out"),
    "Excel 2003": (
        b'<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet">',
        "Excel 2003",
    ),
    "nothing": (b"", "is empty"),
    "zeros": (b"\0" * 5000, "is empty"),
    "half a download": (made({})[:1500], "broken"),
    "the end alone": (b"PK\x05\x06" + b"\0" * 18, "no workbook"),
    "an end that lies": (
        made({})[:-22] + b"PK\x05\x06" + struct.pack("<4H2LH", 0, 0, 5000, 5000, 99, 0, 0),
        "far more parts",
    ),
    "a directory that lies": (
        made({})[:-22] + b"PK\x05\x06" + struct.pack("<4H2LH", 0, 0, 5, 5, 2**31, 0, 0),
        "far more parts",
    ),
    "a comment cut off": (made({})[:-22] + b"PK\x05\x06\0", "broken"),
    "a mark without end": (of(HEADER, f'<row a="{"x" * 4_000_000}'), "a mark that is far longer|broken"),
    "a text without end": (cell(text("x" * 4_500_000)), "more text than it can"),
    "a row of many long texts": (
        of(HEADER, row(*(text("x" * 32_000) for _ in range(200)))),
        "more text than it can",
    ),
}


@pytest.mark.parametrize("name", READ)
def test_an_odd_workbook_is_read(tmp_path: Path, name: str) -> None:
    """With the values that Excel would show."""
    content, expected = READ[name]
    assert export_of(tmp_path, content) == list(expected)


@pytest.mark.parametrize("name", REFUSED)
def test_an_odd_workbook_is_refused(tmp_path: Path, name: str) -> None:
    """With its name, what is wrong, and what to do."""
    content, why = REFUSED[name]
    with pytest.raises(BadInput, match=why) as caught:
        export_of(tmp_path, content)
    assert caught.value.what.startswith("a.xlsx: ")
    assert advised(caught.value.todo).endswith(".")


def export_of(tmp_path: Path, content: bytes) -> list[tuple[str, str, str]]:
    """Id, status and title of each report that can be read."""
    (tmp_path / "a.xlsx").write_bytes(content)
    with open_export(tmp_path / "a.xlsx", timezone=WIB) as export:
        return [(one.tracking_id, one.status_name, one.title) for one in export.rows() if isinstance(one, Report)]


@pytest.mark.parametrize(
    ("day", "clock", "is_1904"),
    [
        ('<c s="1"><v>46025</v></c>', '<c s="2"><v>0.3854166667</v></c>', False),
        ('<c s="3"><v>46025.3854166667</v></c>', "", False),
        ('<c s="6"><v>46025.3854166667</v></c>', "", False),
        ('<c s="1"><v>46025</v></c>', '<c s="5"><v>0.3854166667</v></c>', False),
        ("<c><v>46025</v></c>", "<c><v>0.3854166667</v></c>", False),
        ("<c><v>46025.3854166667</v></c>", "", False),
        ('<c s="1"><v>44563</v></c>', '<c s="2"><v>0.3854166667</v></c>', True),
        ("<c><v>44563.3854166667</v></c>", "", True),
        ('<c t="d"><v>2026-01-03T09:15:00</v></c>', "", False),
        ('<c t="d"><v>2026-01-03T02:15:00Z</v></c>', "", False),
        (text("3 Januari 2026"), text("09.15"), False),
    ],
)
def test_a_day_however_the_cell_stores_it(tmp_path: Path, day: str, clock: str, is_1904: bool) -> None:
    """With a format or without, from 1900 or 1904, as Strict writes it, or as text."""
    day, clock = (
        part.replace("<c", f'<c r="{place}"', 1) for part, place in ((day, "D2"), (clock or "<c/>", "E2"))
    )
    changes = {
        SHEET: sheet(
            HEADER, row(*(text(v, f"{c}2") for c, v in zip("ABC", GOOD, strict=True)), day, clock, number=2)
        )
    }
    if is_1904:
        changes["xl/workbook.xml"] = BOOK.replace("<workbookPr", '<workbookPr date1904="1"')
    (tmp_path / "a.xlsx").write_bytes(made(changes))
    with open_export(tmp_path / "a.xlsx", timezone=WIB) as export:
        (one,) = export.rows()
    assert isinstance(one, Report), one
    assert one.created_at is not None
    assert one.created_at.astimezone(WIB).isoformat(timespec="minutes") == "2026-01-03T09:15+07:00"


@pytest.mark.parametrize("xml", ['<c t="e"><v>#N/A</v></c>', "<c><f>A1</f></c>", "<c><f>A1</f><v></v></c>"])
def test_a_cell_without_a_value_is_a_bad_row(tmp_path: Path, xml: str) -> None:
    """An error, or a formula that nothing has calculated: not the text of it, and not nothing."""
    (tmp_path / "a.xlsx").write_bytes(cell(xml))
    with open_export(tmp_path / "a.xlsx", timezone=WIB) as export:
        (one,) = export.rows()
    assert not isinstance(one, Report)
    assert "Judul Laporan is an error of a formula" in one.reason


def test_a_bad_row_of_several_sheets_names_its_sheet(tmp_path: Path) -> None:
    """Row 2 is in each of them."""
    changes = {
        "xl/workbook.xml": BOOK.replace("</sheets>", '<sheet name="Maret" sheetId="2" r:id="m"/></sheets>'),
        "xl/_rels/workbook.xml.rels": BOOK_RELS.replace(
            "</R", f'<Relationship Id="m" Type="{DOC}/worksheet" Target="worksheets/m.xml"/></R'
        ),
        "xl/worksheets/m.xml": sheet(HEADER, row(text("x"), text("Selesai"))),
    }
    (tmp_path / "a.xlsx").write_bytes(made(changes))
    with open_export(tmp_path / "a.xlsx", timezone=WIB) as export:
        good, bad = export.rows()
    assert isinstance(good, Report)
    assert not isinstance(bad, Report)
    assert bad.reason == "sheet Maret, row 2: the Tracking ID 'x' is not 7 to 9 digits"


STRUCK_INLINE = '<c t="inlineStr"><is><r><t>Jalan</t></r><r><rPr><strike/></rPr><t>lama</t></r></is></c>'


@pytest.mark.parametrize(
    ("cells", "where"),
    [
        ((text("9200001"), text("Selesai"), text("Judul", more=' s="4"')), "Judul Laporan"),
        ((text("9200001"), text("Selesai"), '<c t="s"><v>3</v></c>'), "Judul Laporan"),
        ((text("9200001"), text("Selesai"), STRUCK_INLINE), "Judul Laporan"),
        (('<c s="4"><v>9200001</v></c>', text("Selesai", more=' s="4"')), "Tracking ID and Status Laporan"),
        ((*ONE, '<c s="4"><v>46000</v></c>'), "Tanggal Laporan Masuk"),
        ((*ONE, "<c/>", "<c/>", text("catatan", more=' s="4"')), None),
        ((text("9200001"), text("Selesai"), text("Judul"), '<c s="4"/>'), None),
    ],
    ids=["whole", "shared", "a part", "two", "a number", "a column that is not read", "an empty cell"],
)
def test_struck_out_words_of_an_export_set_its_row_apart(
    tmp_path: Path, cells: tuple[str, ...], where: str | None
) -> None:
    """LAPOR strikes nothing out: somebody did, and a person decides what counts. The other rows are taken."""
    (tmp_path / "a.xlsx").write_bytes(of(HEADER, row(*cells), row(text("9200002"), *ONE[1:])))
    with open_export(tmp_path / "a.xlsx", timezone=WIB) as export:
        one, other = export.rows()
    assert isinstance(other, Report)
    if where is None:
        assert isinstance(one, Report)
    else:
        assert isinstance(one, BadRecord)
        assert (one.reason, one.key) == (f"row 2: there are struck-out words in {where}", "9200001")


@pytest.mark.parametrize("is_hidden", [False, True], ids=["seen", "hidden"])
def test_a_header_far_below_is_found_in_each_sheet(tmp_path: Path, is_hidden: bool) -> None:
    """A second sheet whose table begins below much else is a part of the export too, or named as hidden."""
    state = ' state="hidden"' if is_hidden else ""
    above = [row(text(f"catatan {number}")) for number in range(1, 1200)]
    changes = {
        "xl/workbook.xml": BOOK.replace(
            "</sheets>", f'<sheet name="Maret"{state} sheetId="2" r:id="m"/></sheets>'
        ),
        "xl/_rels/workbook.xml.rels": BOOK_RELS.replace(
            "</R", f'<Relationship Id="m" Type="{DOC}/worksheet" Target="worksheets/m.xml"/></R'
        ),
        "xl/worksheets/m.xml": sheet(*above, HEADER, row(text("9200002"), *ONE[1:])),
    }
    (tmp_path / "a.xlsx").write_bytes(made(changes))
    with open_export(tmp_path / "a.xlsx", timezone=WIB) as export:
        found = [one.tracking_id for one in export.rows() if isinstance(one, Report)]
        hidden = export.info.hidden_sheets
    assert (found, hidden) == ((["9200001"], ("Maret",)) if is_hidden else (["9200001", "9200002"], ()))


# The sheet of responses.

SHEET_HEAD = row(*map(text, ("Tracking ID", "Jawaban", "OPD", "Rahasia")))


def answer(words: str, *more: str) -> str:
    return row(text("9200001"), words, *more)


@pytest.mark.parametrize(
    ("rows", "after", "why"),
    [
        ([row(text("9200001"), text("Sudah."), more=' hidden="1"')], "", "the row is hidden"),
        ([row(text("9200001"), text("Sudah."), more=' ht="0" customHeight="1"')], "", "the row is hidden"),
        ([answer(text("Sudah.", more=' s="4"'))], "", "struck-out words in Jawaban"),
        ([answer('<c t="s"><v>3</v></c>')], "", "struck-out words in Jawaban"),
        (
            [
                answer(
                    '<c t="inlineStr"><is><r><t>Sudah</t></r><r><rPr><strike val="1"/></rPr><t>x</t></r></is></c>'
                )
            ],
            "",
            "struck-out",
        ),
        ([row('<c s="4"><v>9200001</v></c>', text("Sudah."))], "", "struck-out words in Tracking ID"),
        ([answer("<c><f>A1</f></c>")], "", "the Jawaban is an error of a formula"),
        (
            [answer(text("Sudah."), "<c/>", '<c t="e"><v>#REF!</v></c>')],
            "",
            "the Rahasia is an error of a formula",
        ),
        ([row(text("9200001"), text("Sudah."), more=' ht="0.00" customHeight="1"')], "", "the row is hidden"),
        ([answer(text("Sudah.", more=' s="7"'))], "", "the number format of Jawaban shows something else"),
        ([row('<c s="8"><v>9200001</v></c>', text("Sudah."))], "", "the number format of Tracking ID shows"),
        (
            [answer(text("Sudah."))],
            '<mergeCells><mergeCell ref="A2:B2"/></mergeCells>',
            "its Jawaban is merged with a cell before it",
        ),
        (
            [answer(text("Sudah."))],
            '<conditionalFormatting sqref="B1:B9"><cfRule type="expression" dxfId="1"/></conditionalFormatting>',
            "a conditional format may strike out",
        ),
        (
            [answer(text("Sudah."), "<c/>", text("ya")), answer(text("Lagi."))],
            '<mergeCells><mergeCell ref="D2:D3"/></mergeCells>',
            "its Rahasia is merged with that of a row above",
        ),
    ],
)
def test_what_nobody_sees_in_a_sheet_of_responses_is_not_taken(
    tmp_path: Path, rows: list[str], after: str, why: str
) -> None:
    """Each by its row: whoever gave the sheet meant what it shows."""
    (tmp_path / "a.xlsx").write_bytes(of(SHEET_HEAD, *rows, after=after))
    assert [why in reason for _, reason in read_responses(tmp_path / "a.xlsx").problems] == [True]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (
            of(SHEET_HEAD, answer(text("a")), before='<cols><col min="2" max="2" hidden="1"/></cols>'),
            "column Jawaban is hidden",
        ),
        (
            of(SHEET_HEAD, answer(text("a")), before='<cols><col min="1" max="9" width="0"/></cols>'),
            "Tracking ID and the column",
        ),
        (of(SHEET_HEAD, answer(text("a")), after="<mergeCells"), "broken"),
        (
            of(SHEET_HEAD, answer(text("a")), after='<mergeCells><mergeCell ref="x"/></mergeCells>'),
            "there are no cells",
        ),
        (
            of(row(text("Tracking ID"), text("Isi")), row("<c/>", text("Jawaban"))),
            "stand in two rows \\(1 and 2\\)",
        ),
        (
            made({"xl/workbook.xml": BOOK.replace("sheetId", 'state="hidden" sheetId'), SHEET: sheet(SHEET_HEAD)}),
            "the sheet of responses is hidden: Laporan",
        ),
    ],
)
def test_a_sheet_of_responses_that_hides_something_is_refused(tmp_path: Path, content: bytes, why: str) -> None:
    """It says what, and what to do."""
    (tmp_path / "a.xlsx").write_bytes(content)
    with pytest.raises(BadInput, match=why) as caught:
        read_responses(tmp_path / "a.xlsx")
    assert advised(caught.value.todo)


def test_what_is_hidden_and_not_read_does_no_harm(tmp_path: Path) -> None:
    """Another column, an empty row, a merge that covers one row alone."""
    head = row(*map(text, ("Tracking ID", "Jawaban", "Catatan")))
    after = '<mergeCells><mergeCell ref="A1:C1"/><mergeCell ref="B2:C2"/><mergeCell ref="A2:A3"/></mergeCells>'
    hidden = '<cols><col min="3" max="3" hidden="1"/></cols>'
    content = of(head, row(text("9200001"), text("Sudah.")), row(more=' hidden="1"'), before=hidden, after=after)
    (tmp_path / "a.xlsx").write_bytes(content)
    responses = read_responses(tmp_path / "a.xlsx")
    assert (len(responses.rows), responses.problems) == (1, ())


# Bounds.


def test_a_file_with_two_parts_of_one_name_is_refused(tmp_path: Path) -> None:
    """Which of them another program reads is not known."""
    (tmp_path / "a.xlsx").write_bytes(made({"xl\\worksheets\\SHEET1.xml": sheet(HEADER, row(*ONE))}))
    with pytest.raises(BadInput, match="two parts of one name"):
        export_of(tmp_path, (tmp_path / "a.xlsx").read_bytes())


def test_a_sheet_that_stands_there_twice_is_refused(tmp_path: Path) -> None:
    """A few kilobytes could have it read two hundred times."""
    twice = BOOK.replace("</sheets>", '<sheet name="Lagi" sheetId="2" r:id="s1"/></sheets>')
    with pytest.raises(BadInput, match="two of its sheets are one"):
        export_of(tmp_path, made({"xl/workbook.xml": twice}))


def test_a_part_that_is_encrypted_is_refused(tmp_path: Path) -> None:
    """By the flag that the zip has for it."""
    content = bytearray(made({}))
    at = content.index(b"PK\x01\x02")
    while at >= 0:
        content[at + 8] |= 1
        at = content.find(b"PK\x01\x02", at + 4)
    with pytest.raises(BadInput, match="password"):
        export_of(tmp_path, bytes(content))


def test_a_part_whose_bytes_changed_takes_no_row(tmp_path: Path) -> None:
    """Its sum is proven before the first row is read: a changed letter could be a changed status."""
    content = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(made({}))) as old, zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    with pytest.raises(BadInput, match="broken"):
        export_of(tmp_path, content.getvalue().replace(b"Selesai</t></is>", b"Ditolak</t></is>"))


def test_a_part_that_is_packed_as_no_workbook_is_takes_nothing(tmp_path: Path) -> None:
    """Here by LZMA, and broken: it may name a dictionary of 4 GiB, which no bound of what comes out of it holds."""
    content = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(made({}))) as old, zipfile.ZipFile(content, "w", zipfile.ZIP_LZMA) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    broken = content.getvalue().replace(b"\x5d\x00\x00\x80\x00", b"\x5d\xff\xff\xff\xff")
    with pytest.raises(BadInput, match="packed in a way that no workbook is"):
        export_of(tmp_path, broken)


@pytest.mark.parametrize(("parts_there", "is_read"), [(6, True), (3_000, False)])
def test_what_zip64_says_of_the_parts_counts(tmp_path: Path, parts_there: int, is_read: bool) -> None:
    """Some writers of Java write it always; zipfile goes by it, and would read all that it says there is."""
    whole = made({})
    end = len(whole) - 22
    parts_here, size, offset = struct.unpack_from("<10xHII", whole, end)
    assert parts_here == 6
    more = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, parts_there, parts_there, size, offset)
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, end, 1)
    content = whole[:end] + more + locator + whole[end:]
    if is_read:
        assert export_of(tmp_path, content)
    else:
        with pytest.raises(BadInput, match="far more parts"):
            export_of(tmp_path, content)


@pytest.mark.parametrize(
    ("module", "limit", "most"),
    [
        (package, "MOST_FILE", 100),
        (package, "MOST_PARTS", 3),
        (package, "MOST_UNPACKED", 500),
        (package, "MOST_SMALL_PART", 100),
        (parts, "MOST_STRINGS", 2),
        (parts, "MOST_STRING_BYTES", 10),
    ],
)
def test_each_bound_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: object, limit: str, most: int
) -> None:
    """The file, its parts, what they unpack to, and its texts."""
    monkeypatch.setattr(module, limit, most)
    with pytest.raises(BadInput, match=r"larger|more text"):
        export_of(tmp_path, made({}))


BOMBS = {
    "empty texts": ("xl/sharedStrings.xml", f'<sst xmlns="{MAIN}">', "<si/>", 300_000),
    "styles": ("xl/styles.xml", "<styleSheet><cellXfs>", "<xf/>", 400_000),
    "sheets": ("xl/workbook.xml", f'<workbook xmlns:r="{DOC}"><sheets>', "<sheet r:id='s1'/>", 400_000),
    "marks in marks": (SHEET, "<worksheet><sheetData>", "<a>", 1_000_000),
    "marks in marks of texts": ("xl/sharedStrings.xml", "<sst>", "<a>", 1_000_000),
    "marks in marks of styles": ("xl/styles.xml", "<styleSheet>", "<a>", 1_000_000),
    "columns": (SHEET, "<worksheet><cols>", "<col min='1' max='2' hidden='1'/>", 200_000),
    "cells": (SHEET, "<worksheet><sheetData><row>", "<c/>", 1_000_000),
    "merges": (SHEET, f"<worksheet><sheetData>{HEADER}</sheetData>", "<mergeCell ref='A1:B9'/>", 200_000),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_takes_little_memory(tmp_path: Path, name: str) -> None:
    """Whatever it unpacks to: at most 150 MB more than the program has, measured in a process of its own."""
    part, begin, middle, times = BOMBS[name]
    path = tmp_path / "a.xlsx"
    path.write_bytes(made({part: begin + middle * times}))
    ran = subprocess.run([sys.executable, "-c", OPEN, str(path)], capture_output=True, text=True, check=True)
    kilobytes, said = ran.stdout.split(" ", 1)
    assert int(kilobytes) < 230_000, said
    assert "a.xlsx: " in said


OPEN = """
import sys
from datetime import UTC
from pathlib import Path
from connectors.admin_export import open_export
from lapor_sync.domain.errors import BadInput, BadRecord
try:
    with open_export(Path(sys.argv[1]), timezone=UTC) as export:
        said = f"a.xlsx: {sum(1 for _ in export.rows())}"
except BadInput as bad:
    said = bad.what
# Not ru_maxrss: a process begins with that of the one that started it, which may be any size.
(peak,) = [line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
print(peak, said)
"""


@pytest.mark.parametrize(
    ("number_format", "veils"),
    [
        *(
            (one, False)
            for one in ("", "General", "0.00", "@", "#,##0;[Red]-#,##0", "0;-0;;@", '"Rp" #,##0', "[h]")
        ),
        *((one, False) for one in ("dd/mm/yyyy", "[$-421]d mmmm yyyy", "0%", "\\A0", "_-* #,##0_-", "hh:mm")),
        *((one, True) for one in (";;;", '"42"', '"a";"b"', ";;;@", '0;0;0;"lain"', "[Red]", '"x')),
    ],
)
def test_a_number_format_veils_what_it_does_not_show(number_format: str, veils: bool) -> None:
    assert is_veiling(number_format) is veils


LONG = f'<sst xmlns="{MAIN}"><si><t>{"ab " * 1_000_000}</t></si></sst>'
SHARED = '<c t="s"><v>0</v></c>'
NAMED_STYLES = "<styleSheet><dxfs><dxf><font><strike/></font></dxf></dxfs><tableStyles><tableStyle name='T'>"
MULTIPLIED = {
    "a text in many rows": {SHEET: sheet(HEADER, row(text("9200001"), text("Selesai"), SHARED) * 1_000)},
    "a text in many cells of a row": {SHEET: sheet(HEADER, row(SHARED * 1_000))},
    "a text above the header": {SHEET: sheet(row(SHARED) * 400, HEADER)},
    "a style of tables for many of them": {
        "xl/styles.xml": NAMED_STYLES + "<tableStyleElement dxfId='0'/>" * 20_000 + "</tableStyle></tableStyles>",
        "xl/worksheets/_rels/sheet1.xml.rels": "<Relationships>"
        + "".join(f'<Relationship Id="t{at}" Type="x/table" Target="t{at}.xml"/>' for at in range(200))
        + "</Relationships>",
        **{
            f"xl/worksheets/t{at}.xml": '<table ref="A1:B9"><tableStyleInfo name="T"/></table>'
            for at in range(200)
        },
    },
}


@pytest.mark.parametrize("name", MULTIPLIED)
def test_what_many_places_name_is_not_held_for_each(tmp_path: Path, name: str) -> None:
    """A file of some kilobytes held gigabytes so, and the service that reads the folder died of it each time."""
    path = tmp_path / "a.xlsx"
    path.write_bytes(made({"xl/sharedStrings.xml": LONG, **MULTIPLIED[name]}))
    ran = subprocess.run([sys.executable, "-c", OPEN, str(path)], capture_output=True, text=True, check=True)
    kilobytes, said = ran.stdout.split(" ", 1)
    assert int(kilobytes) < 230_000, said
    assert "more" in said


def test_a_text_counts_as_often_as_it_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a megabyte fills the database, and the disk, with terabytes of one text."""
    monkeypatch.setattr(package, "SMALL", 10_000)
    strings = f'<sst xmlns="{MAIN}"><si><t>{"ab " * 1_000}</t></si></sst>'

    def shown(times: int) -> bytes:
        rows = (row(text(str(9_200_000 + at)), text("Selesai"), SHARED) for at in range(times))
        return made({"xl/sharedStrings.xml": strings, SHEET: sheet(HEADER, *rows)})

    assert len(export_of(tmp_path, shown(5))) == 5
    with pytest.raises(BadInput, match="far larger"):
        export_of(tmp_path, shown(400))


def styled(number_format: str, times: int) -> bytes:
    formats = f'<numFmts><numFmt numFmtId="200" formatCode="{number_format}"/></numFmts>'
    cells = "<cellXfs>" + "<xf numFmtId='200'/>" * times + "</cellXfs>"
    return raw("xl/styles.xml", f'<styleSheet xmlns="{MAIN}">{formats}{cells}</styleSheet>')


def rainbow(colours: int) -> str:
    return "".join(f'<r><rPr><color rgb="FF{at:06X}"/></rPr><t>a</t></r>' for at in range(colours))


SLOW: dict[str, tuple[int, Callable[[int], bytes]]] = {
    "a long number format of many styles": (100, lambda size: styled("x" * 10 * size, size)),
    "a short number format of many styles": (120, lambda size: styled("[$" * (size // 16), size)),
    "a number format of many brackets": (60, lambda size: styled("[$" * size, 1)),
    "a text of many colours in many cells": (
        10,
        lambda size: made(
            {
                "xl/sharedStrings.xml": f'<sst xmlns="{MAIN}"><si>{rainbow(10 * size)}</si></sst>',
                SHEET: sheet(HEADER, *([row(*ONE, SHARED)] * size)),
            }
        ),
    ),
    "numbers of many digits": (
        45,
        lambda size: of(HEADER, *(row(*ONE[1:], f"<c><v>{'9' * size}</v></c>") for _ in range(size))),
    ),
}


@pytest.mark.parametrize("name", SLOW)
def test_no_part_is_looked_at_again_for_each_that_names_it(tmp_path: Path, name: str) -> None:
    """Files of some kilobytes kept a processor for minutes or hours so."""
    size, content = SLOW[name]
    assert is_linear(partial(export_of, tmp_path), content, size)


class Watched(list[Any]):
    """Counts what of it is looked at."""

    looks = 0

    def __getitem__(self, at: Any) -> Any:
        found = super().__getitem__(at)
        self.looks += len(found) if isinstance(at, slice) else 1
        return found

    def __iter__(self) -> Iterator[Any]:
        for one in super().__iter__():
            self.looks += 1
            yield one


def test_a_rule_looks_at_its_own_style_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of 30,000 rules copied all of 60,000 styles to find it."""
    watched = Watched()

    def styles_of(*given: Any) -> Any:
        found = parts.styles_of(*given)
        watched.extend(found.differing)
        return replace(found, differing=watched)

    monkeypatch.setattr(table, "styles_of", styles_of)
    rules = "<conditionalFormatting sqref='A1'><cfRule dxfId='0'/></conditionalFormatting>" * 50
    styles = f"<styleSheet><dxfs>{'<dxf/>' * 100}</dxfs></styleSheet>"
    content = made({"xl/styles.xml": styles, SHEET: sheet(HEADER, row(*ONE), after=rules)})
    assert len(export_of(tmp_path, content)) == 1
    assert (len(watched), watched.looks) == (100, 3 * 50)


def test_a_text_of_more_looks_than_are_told_apart_keeps_what_is_struck_out(tmp_path: Path) -> None:
    struck = '<r><rPr><strike/><color rgb="FFFFFFFF"/></rPr><t>a</t></r>'
    for end, is_read in (("", True), (struck, False)):
        xml = cell(f'<c t="inlineStr"><is>{rainbow(1_000)}{end}</is></c>')
        assert bool(export_of(tmp_path, xml)) is is_read
