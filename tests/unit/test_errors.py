"""The error tree: each class has its meaning, its advice and its exit code."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from lapor_sync.domain import errors
from lapor_sync.domain.errors import (
    AuditBroken,
    BadRecord,
    Defect,
    Denied,
    LaporSyncError,
    Missing,
    NoticeError,
    SettingsWrong,
    Unreachable,
    UpstreamBroken,
    WrongUse,
)
from lapor_sync.words.en import told


def tree(cls: type[LaporSyncError] = LaporSyncError) -> Iterator[type[LaporSyncError]]:
    yield cls
    for child in cls.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from tree(child)


def make(cls: type[LaporSyncError]) -> LaporSyncError:
    if cls is SettingsWrong:
        return SettingsWrong(("one", "two"))
    if issubclass(cls, BadRecord):
        return cls("what", key="1", raw="{}")
    if issubclass(cls, NoticeError):
        return cls("what", reason="not_taken")
    return cls("what")


@pytest.mark.parametrize("cls", list(tree()))
def test_every_error_says_what_happened_and_what_to_do(cls: type[LaporSyncError]) -> None:
    """Both are one line, and the class has its meaning in its docstring."""
    error = make(cls)
    for line in told(error):
        assert line.strip()
        assert "\n" not in line
    assert str(error) == error.what
    assert (cls.__doc__ or "").strip()


@pytest.mark.parametrize("cls", list(tree()))
def test_the_exit_code_is_the_one_that_the_interface_lists(cls: type[LaporSyncError]) -> None:
    """2 for wrong use, 3 for a held database, else 1; 0 is no error."""
    expected = (
        2
        if issubclass(cls, (WrongUse, errors.StoreReplaced))
        else 3
        if cls in {errors.LockHeld, errors.StoreBusy}
        else 1
    )
    assert cls.exit_code == expected


def test_the_tree_drawn_at_the_top_is_the_tree() -> None:
    """Every class stands in the drawing, as deep as it is derived."""
    drawn = {}
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"^    ([│├└─ ]*)(\w+)", line)
        if found and isinstance(getattr(errors, found[2], None), type):
            drawn[found[2]] = len(found[1]) // 4
    assert drawn == {cls.__name__: len(cls.__mro__) - len(LaporSyncError.__mro__) for cls in tree()}


def test_advice_can_be_given_for_one_case() -> None:
    """The class's own advice stays what it was."""
    error = LaporSyncError("what", todo="Do this.")
    assert error.todo == "Do this."
    assert LaporSyncError.todo != "Do this."


def test_the_facts_are_attributes() -> None:
    """No one has to parse a message."""
    assert SettingsWrong(("a", "b")).problems == ("a", "b")
    assert SettingsWrong(("a", "b")).what == "Settings: a; b"
    assert Denied("no", http_status=401, retry_after=3.0).http_status == 401
    assert Denied("no", retry_after=3.0).retry_after == 3.0
    assert Unreachable("no").sent is True
    assert Unreachable("no", sent=False).sent is False
    assert AuditBroken("no", seq=7).seq == 7


def test_a_bad_record_keeps_what_it_was() -> None:
    """The quarantine needs the reason, the key and the raw text."""
    bad = BadRecord("no id", key="row-1", raw="{}", report_id="9")
    assert (bad.reason, bad.key, bad.raw, bad.report_id) == ("no id", "row-1", "{}", "9")
    assert BadRecord("no id", key="row-1", raw="{}").report_id is None


def test_a_defect_asks_to_be_reported() -> None:
    """It is nobody's fault but ours."""
    assert "report it" in told(Defect("x"))[1]


def test_what_lasts_says_something_of_what_was_asked_for() -> None:
    """No answer, refused credentials and a server's failure say nothing of one report's thread."""
    assert [
        error.lasts for error in (Missing("x"), UpstreamBroken("x"), UpstreamBroken("x", http_status=204))
    ] == [True] * 3
    assert [error.lasts for error in (Unreachable("x"), Denied("x"), UpstreamBroken("x", http_status=500))] == [
        False
    ] * 3
