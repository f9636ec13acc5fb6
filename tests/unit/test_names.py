"""Names of files in sentences, and times."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from lapor_sync.domain.names import harmless_name, shown_name, shown_path, shown_time


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


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("surat Jum\u2019at (1).PDF", "surat Jum\u2019at (1).PDF"),
        (".htaccess", ".htaccess"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\Windows\\win.ini", "win.ini"),
        ("/", "file"),
        ("..", "file"),
        (" . ", "file"),
        ("", "file"),
        ("foto/", "foto"),
        ("a\nb\x00\x1b[31m.jpg", "a\ufffdb\ufffd\ufffd[31m.jpg"),
        ("foto\u202egpj.exe", "fotogpj.exe"),
        ("\u200bfoto.jpg\ufeff", "foto.jpg"),
        ("foto.jpg. . ", "foto.jpg"),
        ('a<b>:"c|d?*.jpg', "a_b___c_d__.jpg"),
        ("CON", "_CON"),
        ("nul.txt", "_nul.txt"),
        ("com\u00b9.jpg", "_com\u00b9.jpg"),
        ("console.txt", "console.txt"),
        ("lap\udce9r.pdf", "lapr.pdf"),
    ],
)
def test_a_name_from_elsewhere_can_be_kept_anywhere(name: str, kept: str) -> None:
    """No path, nothing unseen, nothing that a system keeps for itself."""
    assert harmless_name(name) == kept


@pytest.mark.parametrize(
    "name", ["a" * 300 + ".jpg", "\u00e9" * 200 + ".jpeg", "con." + "x" * 400, "a." + "b" * 300]
)
def test_a_long_name_keeps_its_extension(name: str) -> None:
    """In 255 bytes."""
    kept = harmless_name(name)
    assert len(kept.encode()) <= 255
    stem, _, suffix = name.rpartition(".")
    assert kept.endswith(suffix) == (len(suffix) <= 20)
    assert kept.lstrip("_").startswith(stem[:1])


def test_a_path_is_shown_as_far_as_anybody_reads() -> None:
    """5,000 letters would fill the screen; a name of 255 is one."""
    assert shown_path(Path("/a\nb")) == "/a\ufffdb"
    assert shown_path("x" * 255) == "x" * 255
    assert shown_path(Path("/" + "x" * 5000)) == "/" + "x" * 254 + "..."
