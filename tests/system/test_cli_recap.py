"""`lapor-sync recap`: each form, a file that is never overwritten, and figures that are fixed."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from openpyxl import Workbook

from connectors.simulator import Options, Simulator
from lapor_sync.recap.figures import NUMBERS
from tests.system.cli_runner import Cli, Ran


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator(Options(seed=5, reports=30)) as running:
        yield running


@pytest.fixture
def year() -> str:
    return str(datetime.now().year)  # noqa: DTZ005 - the simulated city lives now


def refused(cli: Cli, *args: str) -> Ran:
    ran = cli(*args)
    assert (ran.code, ran.out) == (2, "")
    return ran


def test_its_json_is_the_interfaces(cli: Cli, year: str) -> None:
    found = cli("recap", "--period", f"{int(year) - 1}-01-01..{year}-12-31", "--format", "json").json
    assert found.keys() == {
        *("period", "from", "to", "as_of", "audit_head", "opd", "opd_name", "rows", "total", "fixed"),
        *("by_month", "by_classification", "by_category", "by_channel", "by_district", "busiest_month"),
        *("received_year_before", "closed_by_itself", "undated", "outages", "vacancies"),
    }
    assert found["total"].keys() == {"opd", "opd_name", *NUMBERS}
    assert found["total"]["total"] == 30
    assert found["fixed"] is None


def test_its_screen_and_its_csv_say_the_same_numbers(cli: Cli, year: str) -> None:
    period = f"{int(year) - 1}-01-01..{year}-12-31"
    found = cli("recap", "--period", period, "--format", "json").json
    screen = cli("recap", "--period", period).out
    assert "30 received" in screen
    assert all(line["opd_name"] in screen for line in found["rows"] if line["opd_name"])

    lines = list(csv.DictReader(io.StringIO(cli("recap", "--period", period, "--format", "csv").out)))
    assert [(one["line"], int(one["total"])) for one in lines] == [
        ("total", 30),
        *(("opd", line["total"]) for line in found["rows"]),
    ]


@pytest.mark.parametrize(
    ("form", "begins"), [("xlsx", b"PK"), ("pdf", b"%PDF-"), ("json", b"{"), ("csv", b"line")]
)
def test_a_file_is_written_whole_and_never_over_another(
    cli: Cli, year: str, tmp_path: Path, form: str, begins: bytes
) -> None:
    out = tmp_path / f"rekap.{form}"
    assert cli("recap", "--period", year, "--format", form, "--out", str(out)).code == 0
    written = out.read_bytes()
    assert written.startswith(begins)

    again = refused(cli, "recap", "--period", year, "--format", form, "--out", str(out))
    assert again.says("is there already")
    assert out.read_bytes() == written


def test_fixed_figures_stand_in_the_audit(cli: Cli, year: str) -> None:
    fixed = cli("recap", "--period", year, "--format", "json", "--fix", "--by", "siti")
    assert fixed.json["fixed"] is None
    assert "audit" in fixed.err

    later = cli("recap", "--period", year, "--format", "json").json
    assert later["fixed"]["by"] == "siti"
    assert later["fixed"]["differences"] == []
    row = [one for one in cli("audit", "export").lines if one["what"] == "recap_fixed"][-1]
    assert row["data"]["total"] == fixed.json["total"]
    assert row["data"]["rows"] == fixed.json["rows"]


@pytest.mark.parametrize("period", ["2026-13", "kemarin", "2026-02-30..2026-03-01"])
def test_what_is_no_period_is_said_with_the_forms_that_are(cli: Cli, period: str) -> None:
    assert refused(cli, "recap", "--period", period).says(period, "2026-Q3")


def test_an_opd_is_named_by_a_part_of_its_name(cli: Cli, year: str) -> None:
    rows = cli("recap", "--period", year, "--format", "json").json["rows"]
    line = next(line for line in rows if line["opd_name"])
    mine = cli("recap", "--period", year, "--format", "json", "--opd", line["opd"]).json
    assert mine["rows"] == [line]
    assert refused(cli, "recap", "--period", year, "--opd", "Dinas Bulan").says("Dinas Bulan")


def test_the_admin_sites_sheet_is_held_against_ours(cli: Cli, year: str, tmp_path: Path) -> None:
    lines = cli("recap", "--period", year, "--format", "json").json["rows"]
    one, other = [line for line in lines if line["opd_name"] and line["done"]][:2]
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.append(["Unit Kerja", "Selesai", "Total"])
    sheet.append([one["opd_name"].upper(), one["done"], one["total"]])
    sheet.append([other["opd_name"], other["done"] + 1, "?"])
    book.save(tmp_path / "unit.xlsx")

    found = cli("recap", "compare", tmp_path / "unit.xlsx", "--json").json
    (difference,) = found["differences"]
    assert (difference["opd"], difference["figure"]) == (other["opd"], "done")
    assert len(difference["reports"]) == difference["ours"] == other["done"]
    assert found["unreadable"] == [{"unit": other["opd_name"], "columns": ["Total"]}]
    screen = cli("recap", "compare", tmp_path / "unit.xlsx").out
    assert "Only in our count" in screen
    assert "no number in Total" in screen


@pytest.mark.parametrize("args", [("recap",), ("recap", "--period", "2026", "compare", "x.xlsx")])
def test_the_period_stands_where_it_is_meant(cli: Cli, args: tuple[str, ...]) -> None:
    ran = cli(*args)
    assert ran.code == 2
    assert "period" in ran.err
