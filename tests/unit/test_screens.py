"""The screens' small parts: cells, times, progress; what no city reaches in the tests of the commands."""

from __future__ import annotations

import io
import sys
import time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lapor_sync import interface, output, screens
from lapor_sync.check import Line
from lapor_sync.layout import cut, flow, fold, layout, pad, width
from lapor_sync.output import plain, say
from lapor_sync.screens.report_list import REPORT_WIDTHS, due
from lapor_sync.words import en

WIB = ZoneInfo("Asia/Jakarta")


@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        ("Asia/Jakarta", "2026-01-03 01:30 WIB"),
        ("Asia/Makassar", "2026-01-03 02:30 WITA"),
        ("Asia/Jayapura", "2026-01-03 03:30 WIT"),
    ],
)
@pytest.mark.parametrize("machine", ["UTC", "America/New_York"])
def test_times_are_the_citys_with_the_zones_name(monkeypatch, zone, shown, machine):
    """Wherever the server stands: also the day of a deadline is the city's."""
    monkeypatch.setenv("TZ", machine)
    time.tzset()
    try:
        assert screens.moment("2026-01-02T18:30:00.000000Z", ZoneInfo(zone)) == shown
        row = {"deadline": {"clock": "answer", "due_at": "2026-01-02T18:30:00.000000Z"}, "overdue": False}
        assert due(row, ZoneInfo(zone)) == "2026-01-03"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_time_at_the_end_of_all_times_is_shown():
    """No zone has a day after the last one that there is."""
    assert screens.moment("9999-12-31T23:59:59.000000Z", WIB) == "9999-12-31 23:59 UTC"


def test_wide_and_combining_letters_take_their_room():
    """An East Asian wide letter takes two columns, a combining mark none, a style none."""
    assert [width(one) for one in ("abc", "\u6e2f\u53e3", "e\u0301", screens.shade("merah"))] == [3, 4, 1, 5]
    assert pad("\u6e2f", 4) == "\u6e2f  "
    assert cut("\u6e2f\u6e2f\u6e2f", 5) == "\u6e2f..."


@given(st.text(st.sampled_from("ab \u6e2f\u0301"), max_size=60), st.integers(4, 30))
def test_no_folded_line_is_too_wide_and_no_letter_is_lost(text, room):
    """Whatever the letters."""
    lines = fold(text, room)
    assert max(map(width, lines)) <= room
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


@pytest.mark.parametrize("room", [20, 40, 60, 80, 120, 200])
def test_no_line_of_a_row_is_wider_than_the_terminal(room):
    """What has no room goes on in the next line, and all of it is there."""
    cells = (
        "20000001",
        "kuning",
        "reporter",
        "2026-01-03 late",
        "Dinas Sosial",
        "Dalam Proses",
        "Jalan " * 9,
        "x",
    )
    shown = flow(cells, REPORT_WIDTHS, room)
    assert max(map(width, shown.splitlines())) <= room
    assert "".join(shown.split()) == "".join(" ".join(cells).split())


def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "columns", lambda: 80)


def test_a_table_fits_a_terminal_of_80_columns(monkeypatch, capsys):
    """Its words are folded in their column."""
    narrow(monkeypatch)
    screens.table(("Id", "Why"), [("1", "word " * 30), ("2", "x")], empty="")
    lines = capsys.readouterr().out.splitlines()
    assert all(width(line) <= 80 for line in lines)
    assert lines[1].startswith("1   word word")
    assert lines[2].startswith("    word word")


def test_where_its_column_would_be_too_narrow_the_words_stand_below(monkeypatch, capsys):
    """Under the second column, for every row and the heading alike; a dash is not told."""
    narrow(monkeypatch)
    screens.table(
        ("Reference", "Where", "Why"), [("LS-AAAAAA", "x" * 60, "word " * 20), ("B", "x", "-")], empty=""
    )
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["Reference  Where", "           Why"]
    assert all(line.startswith("           word") for line in lines[3:5])
    assert lines[5:] == ["B          x"]


def test_numbers_stay_under_their_heads_where_the_names_beside_them_are_long(monkeypatch, capsys):
    """Rather than run over the end of the line."""
    narrow(monkeypatch)
    heads = ("OPD", "all", "unver.", "untch.", "proc.", "done", "postp.", "arch.", "n.ours", "uncl.")
    opd = "Dinas Kependudukan dan Pencatatan Sipil Kota Bengkulu"
    screens.table(
        heads, [(opd, *(str(at).rjust(len(head)) for at, head in enumerate(heads[1:])))], empty="", words=0
    )
    first, second, *rest = capsys.readouterr().out.splitlines()
    assert first.split() == list(heads)
    assert second.split()[-9:] == list("012345678")
    assert " ".join([second.partition("  ")[0], *rest]).split() == opd.split()


@given(
    st.lists(st.integers(0, 70), min_size=1, max_size=6),
    st.one_of(st.none(), st.integers(20, 200)),
    st.integers(-1, 5),
)
def test_no_table_is_wider_than_the_terminal_and_no_letter_is_lost(widths, room, words):
    """Whatever its widths, and whichever column is folded."""
    cells = tuple("x" * wide for wide in widths)
    shown = layout(widths, room, min(words, len(widths) - 1))(cells)
    assert room is None or max(map(width, shown.splitlines() or [""])) <= room
    assert shown.count("x") == sum(widths)


def test_the_screens_of_a_city_fit_80_columns(monkeypatch, capsys):
    """Each OPD in one line with its numbers, each report in two, each delivery with its reason below."""
    narrow(monkeypatch)
    counts = dict.fromkeys(("merah", "kuning", "hijau", "abu", "unknown", "reports", "overdue"), 12)
    name = "Dinas Pekerjaan Umum dan Penataan Ruang"
    screens.by_opd([{"opd": "611", "opd_name": name} | counts])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["Id", "OPD", *counts]
    assert lines[1].split() == ["611", "Dinas", "Pekerjaan", "Umum", *["12"] * 7]
    assert lines[2] == "     dan Penataan Ruang"
    row: interface.Json = {
        "tracking_id": "20000001",
        "colour": "merah",
        "waiting_on": "opd",
        "deadline": None,
        "opd_name": name,
    }
    row |= {
        "title": "Jalan " * 20,
        "status_name": "Terverifikasi",
        "is_secret": False,
        "flags": [],
        "overdue": False,
    }
    screens.reports([row, row | {"flags": ["deadline_estimated"]}], WIB)
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "             Status: Title [Flags]"
    assert lines[3].startswith("             Terverifikasi: Jalan Jalan")
    assert lines[4].startswith("20000001")
    assert lines[6] == "             [deadline_estimated]"
    delivery: interface.Json = {
        "ref": "LS-AAAAAA",
        "kind": "response",
        "state": "queued",
        "opd": "611",
        "written_at": None,
    }
    at = "2026-01-02T18:30:00.000000Z"
    listed = {
        **delivery,
        "written_at": at,
        "tracking_id": "20000001",
        "tries": 2,
        "next_try_at": at,
        "reason": None,
    }
    screens.outbox([{**listed, "why": None}, {**listed, "why": "its report is away"}], zone=WIB, filtered=None)
    lines = capsys.readouterr().out.splitlines()
    assert lines[3] == "           not found 2 times; next try 2026-01-03 01:30 WIB"
    assert lines[5].startswith("           its report is away; not found 2 times; next try")
    screens.check([Line(question="Is it?", answer="word " * 20, todo="word " * 30)])
    lines = capsys.readouterr().out.splitlines()
    assert all(width(line) <= 80 for line in lines)
    assert lines[1].startswith(" " * 45 + "word")
    assert lines[4].startswith("              word") or lines[5].startswith("              word")


def test_nothing_is_a_dash():
    """A missing value is a dash, zero is zero."""
    assert [plain(value) for value in (None, "", " \n", 0)] == ["-", "-", "-", "0"]
    assert (screens.moment(None, WIB), screens.shade(None)) == ("-", "-")


@given(st.text(max_size=30), st.integers(0, 40))
def test_a_cell_is_filled_up_and_never_cut(text, width):
    """A padded cell is at least as wide as asked and begins with its text."""
    padded = pad(text, width)
    assert padded.startswith(text)


def test_colours_take_no_room(capsys):
    """A table's columns stand under each other though some cells are coloured."""
    screens.table(("A", "B"), [(screens.shade("merah"), "1"), ("x", "2")], empty="")
    assert capsys.readouterr().out == "A      B\nmerah  1\nx      2\n"


def test_a_title_and_an_empty_table(capsys):
    """A table may have a title; an empty one says what that means."""
    screens.table(("A",), [("1",)], empty="", title="T")
    screens.table(("A",), [], empty="Nothing.")
    assert capsys.readouterr().out == "T\nA\n1\nNothing.\n"


def test_a_long_text_is_cut_with_dots():
    """The width of a cell includes the dots."""
    assert cut("x" * 61, 60) == "x" * 57 + "..."
    assert cut("x" * 60, 60) == "x" * 60


def test_outages_in_words():
    """An outage of a kind that is not known keeps its name."""
    assert en.outage("Denied") == "it refused the credentials"
    assert en.outage("Elsewhere") == "Elsewhere"


def test_reports_by_opd(capsys):
    """Each OPD has its line; what is with no OPD is named so."""
    counts = {"merah": 1, "kuning": 0, "hijau": 2, "abu": 0, "unknown": 1, "reports": 4, "overdue": 1}
    screens.by_opd([{"opd": "611", "opd_name": "Dinas"} | counts, {"opd": None, "opd_name": None} | counts])
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["611", "Dinas", "1", "0", "2", "0", "1", "4", "1"]
    assert lines[2].startswith("-    not disposed")
    assert lines[3].split() == ["all", "2", "0", "4", "0", "2", "8", "2"]


def test_no_report_at_all(capsys):
    """Where nothing is mirrored yet the way to begin is named."""
    screens.reports([], WIB)
    assert "lapor-sync --backfill" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("lines", "code", "words"),
    [
        ([Line(question="A?", answer="yes")], 0, "Nothing is wrong. Nothing was changed."),
        ([Line(question="A?", answer="so", verdict="look")], 0, "Nothing is wrong; 1 to look at."),
        ([Line(question="A?", answer="no", verdict="WRONG", todo="do")], 1, "1 wrong."),
        ([Line(question="A?", answer="no", verdict="WRONG", is_setting=True)], 2, "1 wrong."),
        ([Line(question="A?", answer="yes", is_setting=True)], 0, "Nothing is wrong."),
    ],
)
def test_the_exit_code_of_a_check(capsys, lines, code, words):
    """0 if nothing is wrong, 1 if something is, 2 if it is a setting."""
    assert screens.check(lines) == code
    assert words in capsys.readouterr().out


def test_progress_in_plain_lines(monkeypatch):
    """Where standard error is no terminal a line is written each thousand and at the end."""
    monkeypatch.setattr(sys, "stderr", stream := io.StringIO())
    with screens.progress("Reports") as tell:
        for done, total in ((10, 2500), (999, 2500), (1000, 2500), (1100, 2500), (2000, None), (2500, 2500)):
            tell(done, total)
    assert stream.getvalue() == "Reports: 1000 of 2500\nReports: 2000\nReports: 2500 of 2500\n"


def test_progress_as_a_bar(monkeypatch):
    """On a terminal it is a bar; a file name is no markup."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stderr", stream := Terminal())
    with screens.progress("[a].xlsx") as tell:
        tell(5, 10)
    assert "[a].xlsx" in stream.getvalue()


def test_a_colour_is_plain_where_there_is_no_terminal(capsys):
    """What the demo says is plain text in a pipe."""
    say(f"{screens.shade('merah')} 1")
    assert capsys.readouterr().out == "merah 1\n"


def test_a_refusal_says_what_upstream_said(capsys):
    """In the outbox and beside the report, without control characters; a status alone where it said nothing."""
    delivery = {"ref": "LS-AAAAAA", "kind": "response", "state": "refused", "opd": "611", "written_at": None}
    listed = {**delivery, "tracking_id": "7001", "tries": 0, "next_try_at": None, "reason": "refused"}
    screens.outbox([{**listed, "why": "HTTP 422: Teks\x1b terlalu panjang"}], zone=WIB, filtered=None)
    assert "upstream refused it: HTTP 422: Teks terlalu panjang" in capsys.readouterr().out
    for why, shown in (("HTTP 422: Ditolak", "refused (HTTP 422: Ditolak)"), (None, "refused (HTTP 422)")):
        attempt = {"at": None, "outcome": "refused", "http_status": 422, "ms": 3, "why": why}
        told = {
            **delivery,
            "by": "budi",
            "attempts": [attempt],
            "text": "Sudah.\n[Ref LS-AAAAAA]",
            "target": "700",
            "reason": "refused",
        }
        screens.deliveries([told], WIB)
        out = capsys.readouterr().out
        assert shown in out
        assert "LS-AAAAAA to 700, refused (upstream refused it), as written:\n  Sudah.\n  [Ref LS-AAAAAA]\n" in out
