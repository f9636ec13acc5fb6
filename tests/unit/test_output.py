"""The door to standard output: what a citizen, LAPOR or a command line may have written does no harm behind it."""

from __future__ import annotations

import ast
import csv
import io
import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lapor_sync
from lapor_sync import output

HOSTILE = "\x1b[2J\x1b]0;x\x07 \x9b31m \x85 \u2028 \u2029 \u202e\u2066\u200f\u200b \x7f \x00\r\t\udc80 =1"
FORMULA = re.compile(r"[-=+@\u2212\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\t]")


@given(st.text())
def test_plain_is_one_printable_line(text):
    """Whatever a citizen writes comes as one line without control characters."""
    shown = output.plain(text)
    assert shown
    assert shown.isprintable()


def test_marks_that_are_not_seen_part_no_words():
    """A soft hyphen or a mark of direction goes without a trace; a control character leaves a space."""
    assert output.plain("Ja\u00adlan\u200f ru\u202esak\x1b[2Jdi\u2028sini") == "Jalan rusak [2Jdi sini"


@given(st.text(st.characters()) | st.just(HOSTILE))
def test_nothing_acts_on_a_terminal_but_our_own_styles(text):
    """Also what somebody forgot to make plain."""
    shown = output._for_terminal(f"{output.styled('merah', 'merah')} {text}\nx")
    for code in output._OWN_CODES:
        shown = shown.replace(code, "")
    assert shown.replace("\n", "").isprintable()


def test_a_line_of_ours_keeps_its_styles_and_breaks(capsys):
    """On a terminal; in a pipe the styles go."""
    assert output._for_terminal(output.styled("x", "merah") + "\n") == "\x1b[31m\x1b[1mx\x1b[0m\n"
    output.say(output.styled("x", "merah") + "\x1b[2J")
    output.say("y", err=True)
    assert capsys.readouterr() == ("x [2J\n", "y\n")


@given(st.dictionaries(st.text(), st.text() | st.just(HOSTILE)))
def test_json_is_harmless_and_reads_back_the_same(value):
    """Escapes are JSON's own: nothing is lost."""
    stream = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", stream)
        output.say_json(value)
    line = stream.getvalue().removesuffix("\n")
    assert line.isprintable()
    assert json.loads(line) == value


def say_csv(rows: Iterable[Iterable[object]], *, excel: bool = False) -> str:
    """What `say_csv` prints."""
    stream = io.StringIO(newline="")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", stream)
        output.say_csv(rows, excel=excel)
    return stream.getvalue()


SIGNS = "=+-@\u2212\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b"
NEAR_FORMULAS = st.text(st.sampled_from(f"{SIGNS},;\t\r\n \"'x1\x1b\u202e\u2028\x85"), max_size=8)


@given(st.lists(st.lists(NEAR_FORMULAS, min_size=2, max_size=3), max_size=3), st.booleans())
def test_no_cell_is_a_formula_whatever_separator_it_is_opened_with(rows, excel):
    """Nor is one that comes into being when the file is cut at another separator, with or without quotes."""
    text = say_csv(rows, excel=excel).removeprefix("\ufeff")
    assert text.replace("\r\n", "").isprintable()
    cells = [c for sign in ",;\t" for row in csv.reader(io.StringIO(text), delimiter=sign) for c in row]
    cells += re.split(r"[,;\t\r\n]", text)
    assert not [cell for cell in cells if FORMULA.match(cell.lstrip(' "\r\n'))]


def test_a_cell_keeps_its_words():
    """Only an apostrophe is added; numbers and truths are left alone."""
    given_and_made = {"=1": "'=1", " =1": " '=1", "a;-1": "a;'-1", 'a,"=1"': 'a,"\'=1"', "a-b": "a-b", "\tx": " x"}
    assert {one: output.cell(one) for one in given_and_made} == given_and_made
    assert [output.cell(one) for one in (-1, None, "", True, False)] == [-1, None, "", "true", "false"]


def test_a_file_for_excel_has_a_bom_and_semicolons():
    """So a double-click in Indonesia shows columns and letters rightly."""
    assert say_csv([["a", "b,c"], ["\u00e9", 1]], excel=True) == "\ufeffa;b,c\r\n\u00e9;1\r\n"


def test_programs_get_utf8_whatever_the_locale(monkeypatch):
    """Also from a Python that was told another encoding; what cannot be encoded is no reason to fail."""
    stream = io.TextIOWrapper(buffer := io.BytesIO(), encoding="latin-1")
    monkeypatch.setattr(sys, "stdout", stream)
    output.say_json({"a": "\u2013 \u00e9"})
    output.say_csv([["\u2013\udc80"]])
    stream.flush()
    assert buffer.getvalue() == '{"a": "\u2013 \u00e9"}\n\u2013 \r\n'.encode()


class Terminal(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("wanted", "is_paged"), [(True, True), (False, False)])
def test_a_long_screen_goes_through_the_pager(monkeypatch, capfd, wanted, is_paged):
    """In its colours and the terminal's width; `--no-pager` prints it."""
    monkeypatch.setenv("PAGER", "cat")
    monkeypatch.setenv("COLUMNS", "70")
    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(sys, "stdout", stream := Terminal())
    with click.Context(click.Command("x")), output.paged(wanted):
        output.say(output.styled("x", "merah") + "\x1b[2J")
        room = output.columns()
    said = capfd.readouterr().out if is_paged else stream.getvalue()
    assert (room, said) == (70, "\x1b[31m\x1b[1mx\x1b[0m [2J\n")


def test_every_print_goes_through_the_one_door():
    """Nothing else of the program writes to a standard stream: `click.progressbar` draws its bar alone."""
    others = []
    for path in Path(lapor_sync.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and path.name != "output.py":
                name = ast.unparse(node.func)
                if name in {"print", "click.echo", "click.secho", "sys.stdout.write", "sys.stderr.write"}:
                    others.append(f"{path.name}: {name}")
    assert not others
