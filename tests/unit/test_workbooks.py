"""Odd workbooks: each is read with its right values, or refused with what to do; none breaks the program."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from connectors.admin_export import open_export
from connectors.response_sheet import read_responses
from lapor_sync.domain.errors import BadInput, BadRecord
from lapor_sync.domain.report import Report

WIB = ZoneInfo("Asia/Jakarta")
WORKBOOKS = Path(__file__).parents[1] / "workbooks"


def exported(path: Path) -> list[tuple[str, str]]:
    """Tracking ID and status of each row of an export, all of which are sound."""
    with open_export(path, timezone=WIB) as export:
        records = list(export.rows())
    assert all(isinstance(record, Report) for record in records), records
    return [(record.tracking_id, record.status_name) for record in records if isinstance(record, Report)]


# Workbooks as they were found.


@pytest.mark.parametrize(
    "path",
    [*(WORKBOOKS / "strict-ooxml").iterdir(), *(WORKBOOKS / "styles-broken").iterdir()],
    ids=lambda p: p.stem,
)
def test_what_excel_opens_is_read(path: Path) -> None:
    """Strict Open XML, names with backslashes, and styles, properties and views that are wrong."""
    with open_export(path, timezone=WIB) as export:
        (record,) = export.rows()
    assert isinstance(record, Report)
    assert (record.tracking_id, record.status_name, record.title) == ("9200001", "Dalam Proses", "Judul 9200001")
    assert record.created_at == datetime(2026, 1, 3, 9, 15, tzinfo=WIB)
    assert (record.disposition_id, record.category_id) == ("611", "1")


def test_times_of_three_zones_and_many_spellings_are_read() -> None:
    """Each as the moment that it is; a year of two digits is not guessed at."""
    with open_export(WORKBOOKS / "wita" / "clock.xlsx", timezone=WIB) as export:
        clocks = [
            f"{one.created_at:%d %H:%M}" for one in export.rows() if isinstance(one, Report) and one.created_at
        ]
    assert clocks == ["03 02:15", "03 01:15", "03 00:15", "03 02:15", "03 17:00", "03 02:15"]
    with open_export(WORKBOOKS / "wita" / "day.xlsx", timezone=WIB) as export:
        *days, last = export.rows()
    told = [f"{one.created_at:%d %H:%M}" for one in days if isinstance(one, Report) and one.created_at]
    assert told == ["02 02:15", "02 01:15", "01 17:00", "01 17:00", "01 17:00", "02 02:15"]
    assert isinstance(last, BadRecord)


@pytest.mark.parametrize("path", [*(WORKBOOKS / "xlsx-entities").iterdir()], ids=lambda p: p.stem)
def test_entities_are_refused(path: Path) -> None:
    """Whether they grow or reach for other files."""
    with pytest.raises(BadInput, match="declares a document type"):
        exported(path)


@pytest.mark.parametrize(
    ("name", "ids"),
    [
        ("three", ["9200001", "9200002", "9200003"]),
        ("empty-first", ["9200001"]),
        ("hidden-first", ["9200001"]),
        ("same-id-twice", ["9200001", "9200001"]),
    ],
)
def test_all_sheets_that_people_see_are_read(name: str, ids: list[str]) -> None:
    """A sheet for each month, an empty one before them; a hidden template is not."""
    assert [tracking_id for tracking_id, _ in exported(WORKBOOKS / "sheets" / f"{name}.xlsx")] == ids


def test_a_filtered_row_is_not_taken() -> None:
    """Whoever gave the sheet did not see it."""
    responses = read_responses(WORKBOOKS / "hidden-rows-responses" / "filtered-out-row.xlsx")
    assert responses.problems == ((3, "the row is hidden, or filtered out"),)


def test_a_hidden_column_is_refused() -> None:
    """Nobody saw what stands in it."""
    with pytest.raises(BadInput, match="the column Jawaban is hidden"):
        read_responses(WORKBOOKS / "hidden-rows-responses" / "hidden-Jawaban-column.xlsx")
