"""Names of files in sentences, and times."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from lapor_sync.domain.names import shown_name, shown_time


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("laporan Jum\u2019at.xlsx", "laporan Jum\u2019at.xlsx"),
        ("a\nb\x1b[31m.xlsx", "a\ufffdb\ufffd[31m.xlsx"),
        ("lap\udce9r.xlsx", "lap\ufffdr.xlsx"),
        ("a\u202eb\u2028.xlsx", "a\ufffdb\ufffd.xlsx"),
    ],
)
def test_a_name_stands_on_one_line_and_can_be_written(name: str, shown: str) -> None:
    """Line breaks, escapes, marks of direction, and bytes that are no UTF-8 are replaced."""
    assert shown_name(name) == shown


def test_a_time_is_told_with_its_zone() -> None:
    """In the city's zone; the first and last moments that there are stay as they are."""
    makassar = ZoneInfo("Asia/Makassar")
    assert shown_time(datetime(2026, 1, 2, 20, 30, tzinfo=UTC), makassar) == "2026-01-03 04:30 WITA"
    assert shown_time(datetime.max.replace(tzinfo=UTC), makassar) == "9999-12-31 23:59 UTC"
