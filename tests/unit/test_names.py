"""Names of files in sentences."""

from __future__ import annotations

import pytest

from lapor_sync.domain.names import shown_name


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
