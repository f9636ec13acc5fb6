"""The admin's export: it fills gaps, never overwrites newer knowledge, and can be taken twice."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO
from zoneinfo import ZoneInfo

import pytest
from openpyxl import Workbook

from connectors.admin_export import open_export
from lapor_sync.domain.colour import City, Colour
from lapor_sync.domain.delivery import State
from lapor_sync.domain.errors import BadInput, BadRecord, PartlyTaken
from lapor_sync.domain.report import Report
from lapor_sync.domain.stamps import stamp
from lapor_sync.interface import status
from lapor_sync.store import quarantine
from lapor_sync.store.overview import overview
from lapor_sync.sync.intake import Intake
from lapor_sync.sync.pull import Span, Tally
from lapor_sync.sync.take_export import take_export
from lapor_sync.words.en import told
from tests.flow.bench import ON_BOTH, ON_SQLITE, OPD, START, Bench, assert_mirrored, bench

pytestmark = ON_BOTH

WIB = ZoneInfo("Asia/Jakarta")
WORKBOOKS = Path(__file__).parents[1] / "workbooks"
COLUMNS = (
    "Tracking ID",
    "Tanggal Laporan Masuk",
    "Waktu Laporan Masuk",
    "Nama Pelapor",
    "Klasifikasi Laporan",
    "Judul Laporan",
    "Isi Laporan Awal",
    "Tipe Laporan (Anonim/Rahasia)",
    "Sumber Laporan",
    "ID Instansi Terdisposisi",
    "Instansi Terdisposisi",
    "Status Laporan",
    "Rating",
)


def line(tracking_id: str, status: str = "Terverifikasi", **values: str) -> dict[str, str]:
    """One row of an export."""
    return {
        "Tracking ID": tracking_id,
        "Tanggal Laporan Masuk": "2 Feb 2026",
        "Waktu Laporan Masuk": "08:15:00",
        "Nama Pelapor": "Warga Contoh",
        "Klasifikasi Laporan": "Pengaduan Tidak Berkadar Pengawasan",
        "Judul Laporan": "Jalan berlubang",
        "Isi Laporan Awal": "Ada lubang di depan pasar.",
        "Sumber Laporan": "Web",
        "ID Instansi Terdisposisi": OPD,
        "Instansi Terdisposisi": "Dinas Pekerjaan Umum",
        "Status Laporan": status,
        **values,
    }


def write(path: Path, rows: list[dict[str, str]], as_of: datetime) -> Path:
    """An export as the admin's page gives it."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["Laporan SP4N-LAPOR!"])
    sheet.append(["Tanggal Generate", f"{as_of.astimezone(WIB):%d-%m-%Y %H:%M:%S}"])
    sheet.append(list(COLUMNS))
    for row in rows:
        sheet.append([row.get(name) for name in COLUMNS])
    book.save(path)
    return path


def take(city: Bench, path: Path, span: Span | None = None) -> Tally:
    with open_export(path, timezone=WIB) as export:
        info = export.info
        return take_export(city.setup, export.rows(), info.generated_at, span=span, on_day=info.generated_on_day)


def exported(city: Bench, rows: list[dict[str, str]], as_of: datetime, span: Span | None = None) -> Tally:
    return take(city, write(city.path.with_suffix(".xlsx"), rows, as_of), span)


def test_an_export_is_a_mirror_where_there_is_no_api(tmp_path: Path) -> None:
    """Colours by status, threads not known; the same file twice changes nothing at all."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        rows = [
            line("7000001"),
            line("7000002", "Dalam Proses"),
            line("7000003", "Ditanggapi oleh Pelapor"),
            line("7000004", "Ditutup oleh Sistem"),
            line("7000005", "Diarsipkan", **{"Tipe Laporan (Anonim/Rahasia)": "Rahasia"}),
        ]
        path = write(tmp_path / "laporan.xlsx", rows, START)
        assert take(city, path) == Tally(new=5, listed=5)
        assert [one.colour for one in city.all_mirrored().values()] == [
            "merah",
            "kuning",
            "kuning",
            "hijau",
            "abu",
        ]
        assert not any(one.thread_known for one in city.all_mirrored().values())
        assert city.mirrored("7000005").report.reporter_name is None
        before = city.contents()
        assert take(city, path) == Tally(unchanged=5, listed=5)
        assert city.contents() == before
        assert city.requests() == {}


def test_a_newer_export_moves_colours_and_an_older_one_does_not(tmp_path: Path) -> None:
    """Whatever the order in which the files are taken, the newest word stands."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        exported(city, [line("7000001")], START)
        assert exported(city, [line("7000001", "Selesai")], START + timedelta(days=2)).changed == 1
        assert city.mirrored("7000001").colour is Colour.HIJAU
        assert exported(city, [line("7000001", "Dalam Proses")], START + timedelta(days=1)).unchanged == 1
        assert city.mirrored("7000001").colour is Colour.HIJAU


def test_of_two_exports_of_one_day_the_later_import_counts(tmp_path: Path) -> None:
    """The file tells the day alone, or the same minute: what is known from an export gives way, from the API not."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        exported(city, [line("7000001")], START)
        assert exported(city, [line("7000001", "Selesai")], START).changed == 1
        assert city.mirrored("7000001").colour is Colour.HIJAU
        for name in ("pagi", "sore", "pagi"):
            with open_export(WORKBOOKS / "two-exports-one-day" / f"{name}.xlsx", timezone=WIB) as export:
                take_export(
                    city.setup, export.rows(), export.info.generated_at, on_day=export.info.generated_on_day
                )
            status = "Selesai" if name == "sore" else "Dalam Proses"
            assert city.mirrored("9200001").report.status_name == status


def test_an_export_that_tells_only_its_day_may_be_later_than_one_of_that_day(tmp_path: Path) -> None:
    """It counts over another export of the day, but not over what the API said on it."""
    morning = START.astimezone(WIB).replace(hour=0, minute=0)
    with bench(tmp_path / "kota.db", reports=0) as city:
        exported(city, [line("7000001")], morning + timedelta(hours=17))
        rows = [line("7000001", "Selesai")]
        path = write(tmp_path / "hari.xlsx", rows, morning)
        assert take(city, path).changed == 1
        assert city.mirrored("7000001").colour is Colour.HIJAU
        exported(city, [line("7000001", "Dalam Proses")], morning + timedelta(hours=18))
        one = city.report()
        city.settle_down()
        known = city.mirrored(one).report.status_name
        take(city, write(tmp_path / "hari.xlsx", [line(one, "Selesai")], morning))
        assert city.mirrored(one).report.status_name == known


@pytest.mark.parametrize("between", [0, 700])
def test_of_two_rows_with_one_id_the_later_counts(tmp_path: Path, between: int) -> None:
    """In one batch or far apart; a row that cannot be read is told, unless a later one tells it rightly."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        others = [line(str(7100000 + n)) for n in range(between)]
        bad = {"Tanggal Laporan Masuk": "kemarin dulu"}
        exported(city, [line("7000001"), line("7000002", **bad), *others, line("7000001", "Selesai")], START)
        exported(city, [line("7000003", **bad), *others, line("7000003"), *others, line("7000002", **bad)], START)
        assert city.mirrored("7000001").colour is Colour.HIJAU
        with city.store.reading() as work:
            assert [one.key for one in quarantine.listing(work)] == ["7000002"]


def test_a_file_that_breaks_off_tells_what_was_taken(tmp_path: Path) -> None:
    """What went in stays, and whoever reads the reason knows it."""

    def torn() -> Iterator[Report | BadRecord]:
        with open_export(path, timezone=WIB) as export:
            yield from export.rows()
        raise BadInput("laporan.xlsx: the file is broken.", todo="Download it again.")

    with bench(tmp_path / "kota.db", reports=0) as city:
        path = write(tmp_path / "laporan.xlsx", [line(str(7000000 + n)) for n in range(501)], START)
        with pytest.raises(PartlyTaken, match=r"is broken. The first 500 rows were taken, and stay\.$"):
            take_export(city.setup, torn(), START)
        assert len(city.all_mirrored()) == 500


def test_an_export_never_overwrites_what_the_api_said_later(tmp_path: Path) -> None:
    """Older than the last successful poll, it fills what is missing and changes nothing else."""
    with bench(tmp_path / "kota.db", reports=10) as city:
        one = city.report(anonymous=True)
        city.world.satisfied(one)
        city.settle_down()
        before = city.mirrored(one)
        filled = {"Judul Laporan": "Judul lama", "Rating": "4", "Nama Pelapor": "Nama Asli"}
        exported(city, [line(one, "Terverifikasi", **filled)], START - timedelta(days=1))
        now = city.mirrored(one)
        assert (now.colour, now.report.status_name, now.report.title) == (
            before.colour,
            before.report.status_name,
            before.report.title,
        )
        assert now.report.reporter_name is None
        city.pass_time()
        city.cycle()
        assert_mirrored(city)


def test_an_older_export_fills_gaps(tmp_path: Path) -> None:
    """A field that the API left empty is taken from it."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        exported(city, [line("7000001", **{"Sumber Laporan": ""})], START)
        assert city.mirrored("7000001").report.channel is None
        assert exported(city, [line("7000001")], START - timedelta(days=9)).changed == 1
        assert city.mirrored("7000001").report.channel == "Web"


def test_where_the_api_has_been_away_a_newer_export_counts(tmp_path: Path) -> None:
    """The last success is older than the export: its word is the newest, until the API speaks again."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        one = city.report()
        city.settle_down()
        city.world.set_scenario("maintenance")
        city.pass_time(3 * 86_400)
        city.cycle()
        exported(city, [line(one, "Selesai")], city.clock.now())
        assert city.mirrored(one).colour is Colour.HIJAU


def test_where_the_list_alone_fails_a_newer_export_counts(tmp_path: Path) -> None:
    """The cycles go through and read by id, but nobody tells any more what changed."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        one = city.report()
        city.settle_down()
        city.world.add_faults({"match": {"path": "/complaints?"}, "times": None, "do": "status:500"})
        city.cycle()
        made_at = city.clock.now() + timedelta(minutes=5)
        city.pass_time()
        assert city.cycle().error is None
        exported(city, [line(one, "Selesai")], made_at)
        assert city.mirrored(one).colour is Colour.HIJAU


def test_bad_rows_are_put_away_and_leave_when_they_are_sound(tmp_path: Path) -> None:
    """A row that cannot be read is quarantined with its reason; a later export that has it right releases it."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        bad = line("7000002", **{"Tanggal Laporan Masuk": "kemarin dulu"})
        tally = exported(city, [line("7000001"), bad], START)
        assert (tally.new, tally.quarantined) == (1, 1)
        with city.store.reading() as work:
            assert [(one.source, one.key) for one in quarantine.listing(work)] == [("export", "7000002")]
        exported(city, [line("7000001"), line("7000002")], START + timedelta(days=1))
        with city.store.reading() as work:
            assert quarantine.listing(work) == ()
        assert "7000002" in city.all_mirrored()


def test_a_row_without_its_id_leaves_when_an_export_has_it(tmp_path: Path) -> None:
    """It is known again by what the reporter wrote and when; other words, or none, stay."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        words = {"Judul Laporan": "Lampu mati", "Isi Laporan Awal": "Lampu jalan mati."}
        empty = {"Isi Laporan Awal": ""}
        rows = [line("rusak"), line("", **words), line("?", **empty)]
        assert exported(city, rows, START).quarantined == 3
        mended = [line("7000001", "Selesai"), line("7000003", **empty)]
        exported(city, mended, START + timedelta(days=1))
        with city.store.reading() as work:
            left = {one.reason for one in quarantine.listing(work)}
        assert left == {"row 5: there is no Tracking ID", "row 6: the Tracking ID '?' is not 7 to 9 digits"}


def test_a_bad_row_leaves_when_the_api_shows_its_report(tmp_path: Path) -> None:
    """A date that cannot be read in the export: the report itself can be."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        one = city.report()
        exported(city, [line(one, **{"Tanggal Laporan Masuk": "kemarin dulu"})], START)
        city.cycle()
        with city.store.reading() as work:
            assert quarantine.listing(work) == ()


def test_only_the_span_is_taken(tmp_path: Path) -> None:
    """--since and --until go by the day received."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        rows = [line("7000001", **{"Tanggal Laporan Masuk": "2 Jan 2026"}), line("7000002")]
        span = Span(since=datetime(2026, 2, 1, tzinfo=WIB))
        assert exported(city, rows, START, span=span).new == 1
        assert list(city.all_mirrored()) == ["7000002"]


def test_reports_of_an_export_are_read_by_their_tracking_id(tmp_path: Path) -> None:
    """Once there is an API, even without a list call, their threads are read and their colours are true."""
    with bench(tmp_path / "kota.db", scenario="restricted", reports=0) as city:
        ones = [city.report() for _ in range(3)]
        city.world.answer(ones[0])
        exported(city, [line(one, "Terverifikasi") for one in ones], START - timedelta(days=1))
        ref = city.respond(ones[1])
        outcome = city.cycle()
        assert outcome.error is None
        assert all(one.thread_known and one.report.upstream_id for one in city.all_mirrored().values())
        assert city.state(ref) is State.SENT
        city.pass_time()
        city.cycle()
        assert_mirrored(city)


@ON_SQLITE
def test_a_city_lives_on_exports_and_reading_by_id(tmp_path: Path) -> None:
    """Each day's export brings the new ids, each is read by its id, ever more rarely, and answers leave.

    It is said until when new reports are known.
    """
    with bench(tmp_path / "kota.db", scenario="restricted", reports=0) as city:
        assert city.cycle().error is None
        assert known_until(city) == {"newest_at": None}
        filed: list[str] = []
        for _ in range(3):
            filed += [city.report() for _ in range(4)]
            city.pass_time()
            made = city.clock.now().replace(microsecond=0)
            exported(city, [line(one, "Terverifikasi") for one in filed], made)
            exported(city, [line(filed[0], "Terverifikasi")], made - timedelta(days=1))  # an older one, late
            assert known_until(city) == {"newest_at": stamp(made)}
            ref = city.respond(filed[-1])
            city.cycle()
            assert city.state(ref) is State.SENT
            city.requests()
            for _ in range(24):
                city.world.reply(filed[0], content="Bagaimana kelanjutannya, Pak?")
                city.cycle()
                city.pass_time(3600)
            asked = city.requests()
            assert sum(asked.values()) <= 24 * (3 * len(filed) + 1)
            city.pass_time(3 * 3600)
            city.cycle()
            assert_mirrored(city)
        assert len(filed) == 12
        assert not city.conflicts()


def known_until(city: Bench) -> object:
    with city.store.reading() as work:
        return status(overview(work, City()))["from_exports"]


def test_a_report_of_an_export_that_cannot_be_read_keeps_what_is_known(tmp_path: Path) -> None:
    """The detail fails: the colour by the export stays, and it is read again on schedule."""
    with bench(tmp_path / "kota.db", scenario="restricted", reports=0) as city:
        one = city.report()
        exported(city, [line(one, "Dalam Proses")], START - timedelta(days=1))
        city.world.add_faults({"match": {"path": f"/{one}/"}, "times": None, "do": "status:500"})
        city.cycle()
        assert city.mirrored(one).colour is Colour.KUNING
        city.world.clear_faults()
        city.cycles(2, apart=7 * 3600)
        assert city.mirrored(one).colour is Colour.MERAH


# The folder.


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "masuk"
    made.mkdir()
    return made


def at_rest(path: Path) -> Path:
    """As if it had been written a while ago."""
    os.utime(path, (START.timestamp() - 60,) * 2)
    return path


def drop(city: Bench, folder: Path) -> int:
    """Take what is in the folder."""

    def taken(file: BinaryIO, name: str) -> Tally:
        with open_export(Path(name), file=file, timezone=WIB) as export:
            return take_export(city.setup, export.rows(), export.info.generated_at)

    return Intake(folder, city.clock, city.log, told).take_all(taken)


def test_what_is_dropped_is_taken_and_moved(tmp_path: Path, folder: Path) -> None:
    """Sound exports go to done/, what is none to failed/ with a text that says why; files of one name stay apart."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        for day in (1, 2):
            at_rest(write(folder / "laporan.xlsx", [line(f"700000{day}")], START))
            assert drop(city, folder) == 1
        (folder / "surat.xlsx").write_bytes(b"no workbook")
        at_rest(folder / "surat.xlsx")
        assert drop(city, folder) == 0
        assert {path.name for path in (folder / "done").iterdir()} == {"laporan.xlsx", "laporan-1.xlsx"}
        assert {path.name for path in (folder / "failed").iterdir()} == {"surat.xlsx", "surat.xlsx.txt"}
        assert len((folder / "failed" / "surat.xlsx.txt").read_text().splitlines()) == 2
        assert len(city.all_mirrored()) == 2
        assert len(city.log.named("export_imported")) == 2


def test_what_may_still_grow_is_left_alone(tmp_path: Path, folder: Path) -> None:
    """A file just written, a hidden one, Excel's lock file; one from the future is as good as at rest."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        fresh = write(folder / "baru.xlsx", [line("7000001")], START)
        os.utime(fresh, (city.clock.now().timestamp() - 1,) * 2)
        for name in (".laporan.xlsx", "~$laporan.xlsx"):
            at_rest(write(folder / name, [line("7000001")], START))
        assert Intake(folder, city.clock, city.log, told).take_all(no_file) == 0
        os.utime(fresh, (city.clock.now().timestamp() + 99_999,) * 2)
        assert drop(city, folder) == 1


def no_file(_file: BinaryIO, name: str) -> Tally:
    raise BadInput(f"{name} was not at rest")


def test_a_folder_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    """Nothing is taken, and nothing breaks."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        assert drop(city, tmp_path / "fort") == 0
        assert len(city.log.named("import_dir_unreadable")) == 1


def test_long_rows_are_taken_in_transactions_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 500 rows of megabytes, sound or not, all would be held at once."""
    monkeypatch.setattr("lapor_sync.sync.take_export._MOST_LETTERS", 1_000)
    done: list[int] = []
    rows = [line("7000001", **{"Isi Laporan Awal": "ab " * 400}), line("7000002"), line("7000003")]
    bad = line("", **{"Isi Laporan Awal": "ab " * 400})
    with bench(tmp_path / "kota.db", reports=0) as city:
        with open_export(write(tmp_path / "laporan.xlsx", [*rows, bad], START), timezone=WIB) as export:
            tally = take_export(city.setup, export.rows(), START, progress=done.append)
        assert (tally.new, tally.quarantined) == (3, 1)
        assert done == [1, 4]
