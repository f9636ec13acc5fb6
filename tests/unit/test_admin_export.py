"""The admin's Excel export: whatever its columns, dates and defects, and files that are none."""

from __future__ import annotations

import gzip
import json
import os
import re
import zipfile
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from connectors.admin_export import AgeFrom, ExportInfo, open_export
from connectors.admin_export.row import COLUMNS, find_columns, missing_of, reader
from connectors.workbook import Line
from connectors.workbook.sheet import MOST_ROWS
from lapor_sync.domain.errors import BadInput, BadRecord
from lapor_sync.domain.report import Report, is_key_in
from lapor_sync.words.en import advised

WIB = ZoneInfo("Asia/Jakarta")

HEADER = [
    "Tracking ID",
    "Tanggal Laporan Masuk",
    "Waktu Laporan Masuk",
    "Nama Pelapor",
    "Klasifikasi Laporan",
    "ID Kategori",
    "Kategori",
    "Judul Laporan",
    "Isi Laporan Awal",
    "Isi Laporan Akhir",
    "Tipe Laporan (Anonim/Rahasia)",
    "Sumber Laporan",
    "Instansi Induk",
    "ID Instansi Terdisposisi",
    "Instansi Terdisposisi",
    "Status Laporan",
    "Alasan Tunda/Arsip",
    "Provinsi",
    "Kota/Kabupaten",
    "Kecamatan",
    "Kelurahan",
    "Nomor SK",
    "Url SK",
    "Url Dokumen Laporan Tahunan",
    "Laporan yang Masuk melalui Kanal Aduan Setwapres",
    "Rating",
]

ONE: dict[str, object] = {
    "Tracking ID": "8012345",
    "Tanggal Laporan Masuk": "3 Jan 2026",
    "Waktu Laporan Masuk": "14:05:33",
    "Nama Pelapor": "Warga Contoh",
    "Klasifikasi Laporan": "Pengaduan Tidak Berkadar Pengawasan",
    "ID Kategori": 61,
    "Kategori": "Jalan",
    "Judul Laporan": "Jalan berlubang",
    "Isi Laporan Awal": "Jalan di depan pasar berlubang.",
    "Isi Laporan Akhir": None,
    "Tipe Laporan (Anonim/Rahasia)": None,
    "Sumber Laporan": "SMS",
    "ID Instansi Terdisposisi": 4501,
    "Instansi Terdisposisi": "Dinas PUPR",
    "Status Laporan": "Dalam Proses",
    "Kecamatan": "Gading Cempaka",
    "Kelurahan": "Jalan Gedang",
    "Rating": 4,
}

INFO: tuple[tuple[object, ...], ...] = (
    ("Laporan Masuk",),
    (None, "Tanggal Generate", None, "5 Jan 2026 08:30"),
    (),
)


def save(
    path: Path,
    rows: Iterable[dict[str, object]],
    *,
    header: Sequence[object] = HEADER,
    info: Iterable[Sequence[object]] = INFO,
) -> Path:
    """An export as LAPOR makes it: info rows, the header, one row a report."""
    book = Workbook()
    sheet = book.create_sheet("Laporan")
    for line in info:
        sheet.append(list(line))
    sheet.append(list(header))
    for row in rows:
        sheet.append([row.get(str(name)) for name in header])
    book.save(path)
    return path


def read(path: Path, as_of: datetime | None = None) -> tuple[ExportInfo, list[Report | BadRecord]]:
    with open_export(path, timezone=WIB, as_of=as_of) as export:
        return export.info, list(export.rows())


def one(tmp_path: Path, **cells: object) -> Report | BadRecord:
    """The one record of an export of one row; keywords are columns with `_` for a space."""
    row = ONE | {name.replace("_", " "): value for name, value in cells.items()}
    _, records = read(save(tmp_path / "export.xlsx", [row]))
    assert len(records) == 1
    return records[0]


def report(tmp_path: Path, **cells: object) -> Report:
    record = one(tmp_path, **cells)
    assert isinstance(record, Report), record
    return record


def bad(tmp_path: Path, **cells: object) -> BadRecord:
    record = one(tmp_path, **cells)
    assert isinstance(record, BadRecord), record
    return record


# Reports.


def test_a_row_as_a_report(tmp_path: Path) -> None:
    """Every column that has a place in a report goes there; what no export knows is named as missing."""
    assert report(tmp_path) == Report(
        tracking_id="8012345",
        upstream_id=None,
        status_name="Dalam Proses",
        title="Jalan berlubang",
        content="Jalan di depan pasar berlubang.",
        channel="SMS",
        disposition_id="4501",
        disposition_name="Dinas PUPR",
        classification="Pengaduan Tidak Berkadar Pengawasan",
        category="Jalan",
        category_id="61",
        location="Jalan Gedang, Gading Cempaka",
        kecamatan="Gading Cempaka",
        kelurahan="Jalan Gedang",
        rating="4",
        reporter_name="Warga Contoh",
        created_at=datetime(2026, 1, 3, 14, 5, 33, tzinfo=WIB),
        missing=frozenset(
            {
                "upstream_id",
                "date_of_incident",
                "is_priority",
                "tags",
                "updated_at",
                "updated_at_is_day",
                "attachments",
            }
        ),
    )


def test_columns_are_found_by_name_in_any_order_and_spelling(tmp_path: Path) -> None:
    """Reordered, with other case and space, and with columns nobody knows between them."""
    spelled = {name: f"  {name.upper().replace(' ', '  ')} " for name in HEADER}
    header = [spelled[name] for name in reversed(HEADER)]
    header.insert(3, "Kolom Baru")
    path = save(tmp_path / "a.xlsx", [{spelled[k]: v for k, v in ONE.items()}], header=header)
    info, records = read(path)
    assert records == [report(tmp_path)]
    assert "Kolom Baru" in info.ignored_columns
    assert info.missing_columns == ()


def test_missing_columns_are_listed_and_their_fields_named(tmp_path: Path) -> None:
    """So that what is known from elsewhere is not forgotten."""
    header = ["Nomor", "Tracking ID", "Status Laporan", "Kelurahan"]
    info, records = read(save(tmp_path / "a.xlsx", [ONE | {"Kelurahan": None}], header=header))
    only = records[0]
    assert isinstance(only, Report)
    assert info.ignored_columns == ("Nomor",)
    assert set(info.missing_columns) == set(COLUMNS.values()) - set(header)
    assert only.missing >= {"title", "content", "created_at", "is_anonymous", "is_secret", "reporter_name"}
    assert "location" not in only.missing
    assert (only.location, only.created_at, only.title) == (None, None, "")


def test_without_the_column_that_says_who_is_anonymous_no_name_is_kept(tmp_path: Path) -> None:
    """It might be one that must not be kept."""
    header = [name for name in HEADER if not name.startswith("Tipe")]
    _, records = read(save(tmp_path / "a.xlsx", [ONE], header=header))
    assert isinstance(records[0], Report)
    assert records[0].reporter_name is None
    assert {"is_anonymous", "is_secret", "reporter_name"} <= records[0].missing


def test_a_column_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    """Which of the two is meant cannot be told."""
    with pytest.raises(BadInput, match="more than one column Status Laporan"):
        read(save(tmp_path / "a.xlsx", [ONE], header=[*HEADER, "Status Laporan"]))


def test_a_header_that_stands_there_again_is_passed_over_only_in_the_same_order(tmp_path: Path) -> None:
    """Rows below another header would be read by the wrong names."""
    again: dict[str, object] = dict(zip(HEADER, HEADER, strict=True))
    _, records = read(save(tmp_path / "a.xlsx", [ONE, again, ONE]))
    assert [isinstance(one, Report) for one in records] == [True, True]

    moved: dict[str, object] = dict(zip(HEADER, [HEADER[0], *reversed(HEADER[1:])], strict=True))
    with pytest.raises(BadInput, match="in another order"):
        read(save(tmp_path / "b.xlsx", [ONE, moved, ONE]))


@pytest.mark.parametrize(
    ("kind", "anonymous", "secret"),
    [
        (None, False, False),
        ("-", False, False),
        ("Biasa", False, False),
        ("Anonim", True, False),
        ("RAHASIA", False, True),
        ("Rahas\u00adia", False, True),
        ("Ano\u200bnim", True, False),
        ("\uff32ahasia", False, True),
        ("Publik", False, False),
        # What is not understood is shown of nobody.
        ("Privat", True, True),
        ("Confidential", True, True),
        ("Ya", True, True),
        ("Anonim, Rahasia", True, True),
        ("Anonim & Rahasia", True, True),
    ],
)
def test_an_anonymous_or_secret_report_has_no_name(
    tmp_path: Path, kind: str | None, anonymous: bool, secret: bool
) -> None:
    """Whatever stands in the name's column."""
    read_report = report(tmp_path, **{"Tipe Laporan (Anonim/Rahasia)": kind})
    assert (read_report.is_anonymous, read_report.is_secret) == (anonymous, secret)
    assert read_report.reporter_name == (None if anonymous or secret else "Warga Contoh")


@pytest.mark.parametrize("kind", ["Anonim", "Rahasia", "Entah", None])
@pytest.mark.parametrize(
    "bad", [{"Tracking ID": None}, {"Tanggal Laporan Masuk": "31 Foo 2026"}, {"Status Laporan": None}]
)
def test_a_row_that_cannot_be_read_is_kept_without_the_reporters_name(
    tmp_path: Path, kind: str | None, bad: dict[str, object]
) -> None:
    """What a record that could not be read says of its reporter, who may be anonymous, is kept nowhere."""
    _, records = read(save(tmp_path / "a.xlsx", [ONE | bad | {"Tipe Laporan (Anonim/Rahasia)": kind}]))
    assert isinstance(records[0], BadRecord)
    assert "Jalan" in records[0].raw
    assert "Warga Contoh" not in records[0].raw


@pytest.mark.parametrize(
    ("written", "tracking_id"),
    [
        (8012345, "8012345"),
        (8012345.0, "8012345"),
        (" 8012345 ", "8012345"),
        ("8 012 345", "8012345"),
        ("'8012345", "8012345"),
        ("#8012345", "8012345"),
        ("8012345.0", "8012345"),
        ("\u00a0012345678\u200b", "012345678"),
        (123456789, "123456789"),
    ],
)
def test_a_tracking_id_is_7_to_9_digits_however_it_is_stored(
    tmp_path: Path, written: object, tracking_id: str
) -> None:
    """As number or text, with the marks that spreadsheets leave."""
    assert report(tmp_path, Tracking_ID=written).tracking_id == tracking_id


@pytest.mark.parametrize(
    "written", [123456, "1234567890", "abc1234567", 8012345.5, "-8012345", "٨٠١٢٣٤٥", True, "8012345/2"]
)
def test_anything_else_is_a_bad_row(tmp_path: Path, written: object) -> None:
    """With the number of its row, and a key that does not depend on it."""
    record = bad(tmp_path, Tracking_ID=written)
    assert record.reason.startswith("row 5: the Tracking ID ")
    assert record.key.startswith("row-")


def test_a_row_without_id_or_status_is_bad(tmp_path: Path) -> None:
    """The reason names the column as the file does; the id is the key where there is one."""
    assert bad(tmp_path, Tracking_ID=None).reason == "row 5: there is no Tracking ID"
    no_status = bad(tmp_path, Status_Laporan=" ")
    assert (no_status.reason, no_status.key) == ("row 5: there is no Status Laporan", "8012345")


def test_a_bad_row_keeps_its_key_in_the_next_export(tmp_path: Path) -> None:
    """Elsewhere in the file, with other columns around it."""
    broken = ONE | {"Tracking ID": "rusak"}
    _, first = read(save(tmp_path / "a.xlsx", [broken]))
    _, second = read(save(tmp_path / "b.xlsx", [ONE, ONE, broken], header=["Baru", *reversed(HEADER)], info=()))
    old, new = first[0], second[2]
    assert isinstance(old, BadRecord)
    assert isinstance(new, BadRecord)
    assert old.key == new.key
    assert json.loads(old.raw)["Tracking ID"] == "rusak"
    assert (old.reason[:5], new.reason[:5]) == ("row 5", "row 4")


def test_bad_rows_of_the_same_words_are_each_kept(tmp_path: Path) -> None:
    """Two citizens' rows without an id: one does not hide the other, and each has its key in the next export too."""
    rows = [ONE | {"Tracking ID": one} for one in ("rusak", "lain", "rusak", 12.5)]
    _, first = read(save(tmp_path / "a.xlsx", rows))
    _, second = read(save(tmp_path / "b.xlsx", [ONE, *rows]))
    keys = [one.key for one in first if isinstance(one, BadRecord)]
    assert (len(keys), len(set(keys))) == (4, 3)
    assert keys[0] == keys[2]
    assert keys == [one.key for one in second if isinstance(one, BadRecord)]
    assert all(is_key_in(key, {keys[0]}) for key in keys)


def test_the_shorter_layout_names_its_places_otherwise(tmp_path: Path) -> None:
    """`kd_kecamatan`, `kd_kelurahan`; where both stand, the longer layout's count."""
    names = {"Kecamatan": "kd_kecamatan", "Kelurahan": "KD_Kelurahan"}
    row = {names.get(name, name): value for name, value in ONE.items()}
    _, found = read(save(tmp_path / "a.xlsx", [row], header=[names.get(name, name) for name in HEADER]))
    assert isinstance(found[0], Report)
    assert (found[0].kecamatan, found[0].kelurahan) == (ONE["Kecamatan"], ONE["Kelurahan"])
    both = [*HEADER, "kd_kecamatan"]
    _, found = read(save(tmp_path / "b.xlsx", [ONE | {"kd_kecamatan": "17.71.01"}], header=both))
    assert isinstance(found[0], Report)
    assert found[0].kecamatan == ONE["Kecamatan"]


def test_a_reason_does_not_hold_a_whole_text(tmp_path: Path) -> None:
    """Columns that slipped put a citizen's words where an id belongs; reasons are shown and logged."""
    assert len(bad(tmp_path, Tracking_ID="rahasia " * 50).reason) < 90


def test_one_bad_row_does_not_stop_the_rest(tmp_path: Path) -> None:
    """Empty rows are passed over, and so is the header where it stands again."""
    again: dict[str, object] = {name: name for name in HEADER}
    rows: list[dict[str, object]] = [
        ONE,
        {},
        ONE | {"Tracking ID": "x"},
        {"Provinsi": "Total: 3"},
        again,
        {"Kategori": "  "},
    ]
    _, records = read(save(tmp_path / "a.xlsx", [*rows, ONE | {"Tracking ID": 8012346}]))
    assert [r.key if isinstance(r, BadRecord) else r.tracking_id for r in records][::2] == ["8012345", "8012346"]
    assert isinstance(records[1], BadRecord)
    assert records[1].reason.startswith("row 7:")


@pytest.mark.parametrize(
    ("first", "last", "content"),
    [
        ("awal", "akhir", "akhir"),
        ("awal", None, "awal"),
        ("awal", "<p>&nbsp;</p>", "awal"),
        ("awal", "  ", "awal"),
        (None, None, ""),
        (None, "<p></p>", "<p></p>"),
        ("baris satu_x000D_\nbaris dua", "-", "baris satu\nbaris dua"),
        ("a_x0009_b_x000A_c_x0041_d", None, "a\tb\nc_x0041_d"),
    ],
)
def test_the_content_is_the_last_version_that_has_words(
    tmp_path: Path, first: str | None, last: str | None, content: str
) -> None:
    """Else the first one; control characters come out of their escapes."""
    assert report(tmp_path, Isi_Laporan_Awal=first, Isi_Laporan_Akhir=last).content == content


@pytest.mark.parametrize(
    ("cell", "id"), [(None, None), (0, None), ("0", None), ("-", None), (4501.0, "4501"), (" 4501 ", "4501")]
)
def test_no_institution_is_none(tmp_path: Path, cell: object, id: str | None) -> None:
    """Zero is how a database says so."""
    assert report(tmp_path, ID_Instansi_Terdisposisi=cell).disposition_id == id


# Dates.

T = datetime(2026, 1, 3, 14, 5, 33)  # noqa: DTZ001  a cell has no zone
MIDNIGHT = datetime(2026, 1, 3)  # noqa: DTZ001


def test_a_bad_date_is_a_bad_row(tmp_path: Path) -> None:
    """Kept under its Tracking ID, with what stood there."""
    record = bad(tmp_path, Tanggal_Laporan_Masuk="kemarin")
    assert record.key == "8012345"
    assert record.reason == "row 5: received 'kemarin' '14:05:33': it is no date"


def test_real_date_cells_come_through_excel(tmp_path: Path) -> None:
    """As dates, times and both at once."""
    for day, clock in ((date(2026, 1, 3), time(14, 5, 33)), (T, None), (MIDNIGHT, timedelta(seconds=50733))):
        read_report = report(tmp_path, Tanggal_Laporan_Masuk=day, Waktu_Laporan_Masuk=clock)
        assert read_report.created_at == T.replace(tzinfo=WIB)


cell = st.none() | st.text(max_size=12) | st.integers() | st.floats() | st.booleans() | st.datetimes() | st.times()


@given(st.lists(cell, max_size=len(HEADER) + 3).map(tuple))
def test_any_row_is_a_report_or_bad_or_empty(row: tuple[object, ...]) -> None:
    """Short, long or nonsense: one row never stops the file."""
    record = reader(find_columns(tuple(HEADER)), WIB)(Line(7, row))
    assert record is None or isinstance(record, Report | BadRecord)
    if isinstance(record, BadRecord):
        assert record.reason.startswith("row 7: ")
        json.loads(record.raw)


def test_every_attribute_of_a_report_is_read_or_named_as_missing() -> None:
    """A field added to the report is not forgotten here."""
    read_always = {"tracking_id", "status_name", "missing"}
    assert missing_of({"tracking_id": 0, "status_name": 1}) == set(Report._fields) - read_always


# The file.


@pytest.mark.parametrize(
    ("info", "generated_at"),
    [
        (INFO, "2026-01-05T08:30:00+07:00"),
        ((("Tanggal Generate : 5 Januari 2026 08.30.15 WIB",),), "2026-01-05T08:30:15+07:00"),
        ((("TANGGAL  GENERATE:", T),), "2026-01-03T14:05:33+07:00"),
        ((("Tanggal Generate", date(2026, 1, 5)),), "2026-01-05T00:00:00+07:00"),
        ((("Tanggal Generate", ":", "05/01/2026"),), "2026-01-05T00:00:00+07:00"),
        ((("Periode", "1 Jan 2025"), ("Tanggal Generate", "5 Jan 2026")), "2026-01-05T00:00:00+07:00"),
    ],
)
def test_the_age_is_the_date_of_generation(
    tmp_path: Path, info: tuple[tuple[object, ...], ...], generated_at: str
) -> None:
    """In the same cell or a later one; a day without a time is its first instant."""
    known, _ = read(save(tmp_path / "a.xlsx", [], info=info))
    assert known.generated_at.isoformat() == generated_at
    assert known.generated_from is AgeFrom.FILE
    assert known.sheets == ("Laporan",)


def test_a_person_knows_the_age_better_than_the_file(tmp_path: Path) -> None:
    """`--as-of` wins."""
    as_of = datetime(2026, 1, 9, tzinfo=UTC)
    known, _ = read(save(tmp_path / "a.xlsx", []), as_of)
    assert (known.generated_at, known.generated_from) == (as_of, AgeFrom.GIVEN)


@pytest.mark.parametrize(
    "info",
    [(), (("Tanggal Generate", "entah"),), (("Tanggal Generate", 46025),), (("Tanggal Generate", "40 Jan 2026"),)],
)
def test_without_either_it_is_the_file_s_last_change_and_said_so(
    tmp_path: Path, info: tuple[tuple[object, ...], ...]
) -> None:
    """A copy can make it too young, so whoever imports is told."""
    path = save(tmp_path / "a.xlsx", [], info=info)
    os.utime(path, (1_760_000_000, 1_760_000_000))
    known, _ = read(path)
    assert known.generated_at == datetime.fromtimestamp(1_760_000_000, UTC)
    assert known.generated_from is AgeFrom.MTIME


def test_the_header_is_the_first_row_with_a_cell_tracking_id(tmp_path: Path) -> None:
    """In whatever column and sheet."""
    book = Workbook()
    book.create_sheet("Isi").append([None, "No", "tracking id", "STATUS LAPORAN"])
    book["Isi"].append([None, 1, 8012345, "Selesai"])
    book.save(tmp_path / "a.xlsx")
    known, records = read(tmp_path / "a.xlsx")
    assert known.sheets == ("Isi",)
    assert isinstance(records[0], Report)
    assert records[0].tracking_id == "8012345"


def test_a_wrong_size_of_the_sheet_cuts_nothing(tmp_path: Path) -> None:
    """Writers other than Excel say A1, and openpyxl believes them."""
    path = save(tmp_path / "right.xlsx", [ONE], info=())

    def shrink(text: bytes) -> bytes:
        assert b'ref="A1:Z2"' in text
        return text.replace(b'ref="A1:Z2"', b'ref="A1"')

    _, records = read(rewrite(path, tmp_path / "a.xlsx", "sheet2.xml", shrink))
    assert isinstance(records[0], Report)
    assert records[0].rating == "4"


def test_rows_that_the_file_leaves_out_are_counted(tmp_path: Path) -> None:
    """An empty row need not be written at all; those after it keep their numbers."""
    path = save(tmp_path / "right.xlsx", [ONE, ONE | {"Tracking ID": "x"}], info=())
    moved = rewrite(path, tmp_path / "a.xlsx", "sheet2.xml", move_row(b"3", b"30"))
    _, records = read(moved)
    assert len(records) == 2
    assert isinstance(records[1], BadRecord)
    assert records[1].reason.startswith("row 30:")


def test_a_row_number_that_cannot_be_ends_the_reading(tmp_path: Path) -> None:
    """Else one flipped digit would keep the import busy for hours."""
    assert MOST_ROWS == 2**20
    path = save(tmp_path / "right.xlsx", [ONE, ONE], info=())
    error = refused(rewrite(path, tmp_path / "a.xlsx", "sheet2.xml", move_row(b"3", b"99999999999")))
    assert "a row has a number" in error.what


def move_row(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    """A change that gives a row of a sheet another number, in its cells too."""
    return lambda text: re.sub(rb'(r="[A-Z]*)' + old + b'"', rb"\g<1>" + new + b'"', text)


def test_the_rows_can_be_read_twice(tmp_path: Path) -> None:
    """Each call begins anew."""
    with open_export(save(tmp_path / "a.xlsx", [ONE]), timezone=WIB) as export:
        assert list(export.rows()) == list(export.rows()) != []


def rewrite(source: Path, target: Path, part: str, change: Callable[[bytes], bytes]) -> Path:
    """A copy of an .xlsx with one of its parts changed."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, change(content) if name.endswith(part) else content)
    return target


def refused(path: Path) -> BadInput:
    with pytest.raises(BadInput) as caught:
        read(path)
    assert caught.value.what.startswith(path.name)
    assert advised(caught.value.todo)
    return caught.value


@pytest.mark.parametrize(
    ("content", "what", "todo"),
    [
        (b'{"status":false,"message":"Sesi habis"}', "JSON", "Download the export again"),
        (b"\xef\xbb\xbf[]", "JSON", "Download the export again"),
        (b"MIME-Version: 1.0\r\nContent-Type: multipart/related", "saved web page", "save it as Excel Workbook"),
        (gzip.compress(b"x", mtime=0), "packed", "Unpack"),
        (b"Rar!\x1a\x07\x00", "packed", "Unpack"),
        (b"<br />\n<b>Warning</b>: x\nPK\3\4" + b"x" * 30, "before the workbook", "Download the export again"),
        (b"\r\nPK\3\4" + b"x" * 30, "before the workbook", "repair"),
        (b"", "is empty", "Download"),
        (b"\n  \n", "is empty", "Download"),
        (b"\xef\xbb\xbf<html><table>", "web page", "Download"),
        (b"  <!DOCTYPE html>", "web page", "Download"),
        (b"Tracking ID,Status Laporan\n8012345,Selesai\n", "no .xlsx", "not as .csv"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 5000, "(.xls)", "save it as Excel Workbook"),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 5000 + "EncryptedPackage".encode("utf-16-le"),
            "password",
            "without a password",
        ),
        (b"PK\x03\x04 and then nothing", "broken (BadZipFile)", "Download"),
        (b"%PDF-1.7", "no .xlsx", "as Excel"),
    ],
)
def test_a_file_that_is_called_xlsx_and_is_none(tmp_path: Path, content: bytes, what: str, todo: str) -> None:
    """What it is instead, and what to do about it."""
    path = tmp_path / "export.xlsx"
    path.write_bytes(content)
    error = refused(path)
    assert what in error.what
    assert todo in advised(error.todo)


def test_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    """Not there, or a folder."""
    assert "cannot be opened" in refused(tmp_path / "nothing.xlsx").what
    assert "cannot be opened" in refused(tmp_path).what


def test_a_zip_that_is_no_workbook(tmp_path: Path) -> None:
    """A .docx by another name, say."""
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w") as archive:
        archive.writestr("word/document.xml", "<w/>")
    assert "broken" in refused(tmp_path / "a.xlsx").what


def test_a_zip_with_a_workbook_in_it_is_to_be_unpacked(tmp_path: Path) -> None:
    """As a mail program or a phone packs it."""
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w") as archive:
        archive.writestr("Laporan 2026/laporan.XLSX", b"x")
    error = refused(tmp_path / "a.xlsx")
    assert "packed file with an Excel file in it" in error.what
    assert "Unpack" in advised(error.todo)


def test_a_workbook_that_is_no_export(tmp_path: Path) -> None:
    """Without a header row, or without a column that no report can be without."""
    assert (
        "no row has a cell `Tracking ID`" in refused(save(tmp_path / "a.xlsx", [], header=["Nama", "Nilai"])).what
    )
    error = refused(save(tmp_path / "b.xlsx", [], header=["Tracking ID", "Nilai"]))
    assert error.what == "b.xlsx: there is no column Status Laporan."


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    """A hundred megabytes of nothing in a hundred kilobytes."""
    path = save(tmp_path / "right.xlsx", [ONE])
    bomb = rewrite(path, tmp_path / "a.xlsx", "sheet2.xml", lambda text: text + b" " * 100 * 1024**2)
    assert bomb.stat().st_size < 200_000
    assert "far larger" in refused(bomb).what


def test_a_file_that_breaks_off_within_its_rows(tmp_path: Path) -> None:
    """Found only while it is read; the rows before it may have been taken, and the import says that it failed."""
    path = save(tmp_path / "right.xlsx", [ONE] * 500)
    torn = rewrite(path, tmp_path / "a.xlsx", "sheet2.xml", lambda text: text[: len(text) * 2 // 3])
    with open_export(torn, timezone=WIB) as export:
        rows = export.rows()
        assert isinstance(next(rows), Report)
        with pytest.raises(BadInput, match=r"broken \(ExpatError\)"):
            list(rows)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_download_that_broke_off(tmp_path: Path, share: float) -> None:
    """The end of a zip is its table of contents."""
    whole = save(tmp_path / "right.xlsx", [ONE] * 50).read_bytes()
    (tmp_path / "a.xlsx").write_bytes(whole[: int(len(whole) * share)])
    assert "broken" in refused(tmp_path / "a.xlsx").what


def test_flipped_bytes_end_in_advice_or_in_records(tmp_path: Path) -> None:
    """A worn disk: whatever byte is wrong, there is no traceback."""
    whole = save(tmp_path / "right.xlsx", [ONE] * 5).read_bytes()
    for at in range(0, len(whole), len(whole) // 150):
        (tmp_path / "a.xlsx").write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
        with suppress(BadInput):
            read(tmp_path / "a.xlsx")


def test_a_cell_that_is_no_date_after_all_is_no_noise(tmp_path: Path) -> None:
    """openpyxl warns of a number that no date can be; here it is a bad row and no more."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(HEADER)
    sheet.append([ONE.get(name) for name in HEADER])
    sheet["B2"] = 1e12
    sheet["B2"].number_format = "yyyy-mm-dd"
    book.save(tmp_path / "a.xlsx")
    _, records = read(tmp_path / "a.xlsx")
    assert isinstance(records[0], BadRecord)
    assert "#VALUE!" in records[0].reason


def test_the_first_row_comes_before_the_last_is_read(tmp_path: Path) -> None:
    """A stream: an export of any length takes the memory of one row."""
    with open_export(save(tmp_path / "a.xlsx", [ONE] * 3), timezone=WIB) as export:
        rows = export.rows()
        assert iter(rows) is rows
        assert isinstance(next(rows), Report)
