"""The log: what it shows, what it hides, and how little an outage makes of it."""

from __future__ import annotations

import ast
import io
import json
import logging
import os
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from lapor_sync import log
from lapor_sync.domain import errors
from lapor_sync.domain.advice import Todo, advise
from lapor_sync.words import en

ROOT = Path(__file__).parents[2]


class Colour(StrEnum):
    MERAH = "merah"


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    before = [*logging.getLogger().handlers]
    levels = {name: logging.getLogger(name).level for name in ("httpx", "httpcore")}
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    logging.getLogger().handlers[:] = before
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
        logging.getLogger(name).propagate = True


def written(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def one_line(event: str = "report_mirrored", /, **values: object) -> dict[str, Any]:
    stream = io.StringIO()
    log.configure(stream, terminal=False)
    structlog.get_logger().info(event, **values)
    (line,) = written(stream)
    return line


# --- form --------------------------------------------------------------------------------------------------


def test_an_event_is_one_json_line_with_level_and_time() -> None:
    """Off a terminal a machine reads it."""
    line = one_line(tracking_id="7123456", ms=12)
    assert datetime.fromisoformat(line.pop("timestamp")).tzinfo is not None
    assert line == {"event": "report_mirrored", "level": "info", "tracking_id": "7123456", "ms": 12}


def test_on_a_terminal_people_read_it() -> None:
    """The event stands in plain view, its ids beside it."""
    stream = io.StringIO()
    log.configure(stream, terminal=True, colours=False)
    structlog.get_logger().warning("report_held", tracking_id="7123456")
    assert "[warning  ] report_held" in stream.getvalue()
    assert "tracking_id=7123456" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()


def test_on_a_terminal_times_are_the_citys() -> None:
    """The line's own and those in it, with the zone's name; for programs all are in UTC, in the interface's form."""
    jayapura = ZoneInfo("Asia/Jayapura")
    at = datetime(2026, 1, 2, 20, 30, tzinfo=UTC)
    stream = io.StringIO()
    log.configure(stream, terminal=True, colours=False, zone=jayapura)
    odd = "2026-99-99T00:00:00Z"
    event = {
        "next_at": at.astimezone(jayapura),
        "since": "2026-01-02T20:30:00.000000Z",
        "cursor": odd,
        "ids": [odd],
    }
    structlog.get_logger().info("report_read", **event)
    line = stream.getvalue()
    assert re.match(r"\d\d:\d\d:\d\d WIT ", line)
    assert "next_at='2026-01-03 05:30 WIT'" in line
    assert "since='2026-01-03 05:30 WIT'" in line
    assert f"cursor={odd} " in line
    assert one_line(next_at=event["next_at"])["next_at"] == event["since"]
    assert one_line(next_at=datetime.max.replace(tzinfo=jayapura))["next_at"].startswith("9999-12-31T")
    assert one_line(next_at=datetime.min.replace(tzinfo=jayapura))["next_at"].startswith("0001-01-01T")


def test_bound_ids_are_in_every_event() -> None:
    """What the cycle bound once, each step's events carry."""
    stream = io.StringIO()
    log.configure(stream, terminal=False)
    with structlog.contextvars.bound_contextvars(agency="kota", cycle=7):
        structlog.get_logger().info("page_read")
    assert (written(stream)[0]["agency"], written(stream)[0]["cycle"]) == ("kota", 7)


def test_below_the_level_nothing_is_written() -> None:
    """Debugging is for those who ask for it."""
    stream = io.StringIO()
    log.configure(stream, terminal=False, level="warning")
    structlog.get_logger().info("page_read")
    assert stream.getvalue() == ""


def test_the_journal_gets_priorities() -> None:
    """`journalctl -p err` finds errors."""
    stream = io.StringIO()
    log.configure(stream, terminal=False, level="debug", journal=True)
    for level in ("debug", "info", "warning", "error", "critical"):
        structlog.get_logger().log(getattr(logging, level.upper()), "page_read")
    assert [line[:3] for line in stream.getvalue().splitlines()] == ["<7>", "<6>", "<4>", "<3>", "<2>"]


def test_the_journal_is_recognised_by_the_open_file(tmp_path: Path) -> None:
    """A variable that was inherited by a process whose output goes elsewhere does not count."""
    with (tmp_path / "out").open("w") as stream:
        there = os.fstat(stream.fileno())
        assert log.is_journal(stream, {"JOURNAL_STREAM": f"{there.st_dev}:{there.st_ino}"})
        assert not log.is_journal(stream, {"JOURNAL_STREAM": f"{there.st_dev}:{there.st_ino + 1}"})
        assert not log.is_journal(stream, {})


def test_a_stream_without_a_file_is_no_journal() -> None:
    """As under a test runner."""
    assert not log.is_journal(io.StringIO(), {"JOURNAL_STREAM": "1:2"})


# --- what is hidden ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "values",
    [
        {"content": "Jalan rusak di depan rumah saya"},
        {"reporter_name": "Sari"},
        {"by": "sari"},
        {"headers": {"auth": "Bearer abc"}},
        {"body": b"abc"},
        {"anything": "abc"},
        {"reason": "Jalan rusak di depan rumah"},
        {"reason": "Bearer abc"},
        {"id": "{0F0F0F0F-1111-2222-3333-0A0B0C0D0E0F}"},
        {"host": "https://lapor.test/x?key=1"},
        {"error": ValueError("Sari")},
        {"ids": object},
        {"when": datetime(2026, 1, 2, tzinfo=UTC)},
    ],
    ids=str,
)
def test_what_could_be_a_secret_a_name_or_a_text_is_hidden(values: dict[str, object]) -> None:
    """An unknown key, a value that is no code, a thing of unknown kind: none is shown."""
    (key,) = values
    shown = one_line(**values)[key]
    assert shown == log.HIDDEN or set(shown.values()) == {log.HIDDEN}


def test_an_interpolated_sentence_is_no_event() -> None:
    """A name cannot get into the log in the event's own place."""
    assert one_line("report of Sari read")["event"] == log.HIDDEN


@pytest.mark.parametrize(
    ("key", "value", "shown"),
    [
        ("ref", "LS-7F3K2Q", "LS-7F3K2Q"),
        ("path", "/complaints/{id}/complaint", "/complaints/{id}/complaint"),
        ("cursor", datetime(2026, 1, 2, 3, tzinfo=UTC), "2026-01-02T03:00:00.000000Z"),
        ("due_at", date(2026, 1, 2), "2026-01-02"),
        ("colour", Colour.MERAH, "merah"),
        ("flags", ("unknown_status", "Sari Dewi"), ["unknown_status", log.HIDDEN]),
        ("colours", {"merah": 3, "Sari Dewi": 4}, {"merah": 3, log.HIDDEN: 4}),
        ("rows", 12, 12),
        ("rate", 0.5, 0.5),
        ("observe", True, True),
        ("opd", None, None),
    ],
    ids=str,
)
def test_ids_codes_times_and_numbers_are_shown(key: str, value: object, shown: object) -> None:
    """What the operator needs to follow a report through the log."""
    assert one_line(**{key: value})[key] == shown


def test_our_own_sentences_are_shown_without_addresses_and_secrets() -> None:
    """An error's line tells what happened; the URL and the credentials in it stay out."""
    token = "{0f0f0f0f-1111-2222-3333-0a0b0c0d0e0f}"
    what = f"GET https://u:p@lapor.test:8443/v3/x?auth=1 failed\nwith Bearer abc and {token}"
    assert one_line(what=what)["what"] == "GET https://lapor.test:8443/... failed with [hidden] and [hidden]"


@pytest.mark.parametrize("error", [errors.UpstreamError, *errors.UpstreamError.__subclasses__()])
def test_the_advice_of_each_error_is_shown_whole(error: type[errors.UpstreamError]) -> None:
    """None of our own words looks like a secret."""
    stream = io.StringIO()
    log.configure(stream, terminal=False, say=en.advised)
    structlog.get_logger().info("upstream_away", todo=error.todo)
    assert written(stream)[0]["todo"] == en.advised(error.todo)


def test_an_advice_is_its_code_where_nobody_says_it() -> None:
    """As a test has it, or a library's user."""
    assert one_line(todo=advise(Todo.SPLIT, most=7))["todo"] == "split most=7"


def test_a_long_sentence_is_cut() -> None:
    """One event cannot fill the journal."""
    assert len(one_line(what="x" * 5000)["what"]) == 303


@given(st.text(min_size=1), st.text(min_size=1))
def test_no_text_passes_under_a_key_that_is_not_listed(key: str, text: str) -> None:
    """The list decides, not the look of the text."""
    event = log.hide(None, "info", {"event": "page_read", f"x_{key}": text})
    assert event[f"x_{key}"] == log.HIDDEN


@given(st.sampled_from(sorted(log.CODES | log.SENTENCES)), st.text())
def test_every_event_stays_on_one_line(key: str, text: str) -> None:
    """No text can forge a second event, on a terminal either."""
    shown = log.hide(None, "info", {"event": "page_read", key: text})[key]
    assert shown == "".join(shown.splitlines())


def test_an_exception_is_shown_by_type_and_place_only() -> None:
    """Its message may repeat a row or a text; where it happened is enough to find the fault."""
    stream = io.StringIO()
    log.configure(stream, terminal=False)
    try:
        try:
            int("Sari")
        except ValueError as error:
            raise KeyError("Sari") from error
    except KeyError:
        structlog.get_logger().exception("cycle_failed")
    (line,) = written(stream)
    assert line["error"] == "KeyError"
    assert [place for place in line["trace"] if place.endswith(":")] == ["KeyError:", "ValueError:"]
    assert line["trace"][1].startswith("unit/test_log.py:")
    assert "Sari" not in stream.getvalue()


def test_an_exception_may_be_passed_by_value() -> None:
    """Also one that is its own context, which a careless `raise` can make."""
    error = ValueError("Sari")
    error.__context__ = KeyError("Sari")
    error.__context__.__context__ = error
    assert one_line(exc_info=error)["trace"] == ["ValueError:", "KeyError:"]
    assert "error" not in one_line(exc_info=None)


# --- what libraries log ------------------------------------------------------------------------------------


def test_httpx_is_silent() -> None:
    """It logs full URLs."""
    stream = io.StringIO()
    log.configure(stream, terminal=False, level="debug")
    for name in ("httpx", "httpcore", "httpcore.http11"):
        logging.getLogger(name).critical("GET https://lapor.test/x?token=abc")
    assert stream.getvalue() == ""


def test_a_warning_of_another_library_is_an_event_without_its_text() -> None:
    """That SQLAlchemy lost a connection is worth knowing; the row in its message is not."""
    stream = io.StringIO()
    log.configure(stream, terminal=False)
    log.configure(stream, terminal=False)
    logging.getLogger("sqlalchemy.pool").warning("row of Sari lost", exc_info=ValueError("Sari"))
    (line,) = written(stream)
    assert (line["event"], line["level"], line["library"]) == ("library_message", "warning", "sqlalchemy.pool")
    assert line["error"] == "ValueError"
    assert "Sari" not in stream.getvalue()


# --- one failure many times --------------------------------------------------------------------------------


def test_a_failure_that_goes_on_is_logged_at_each_doubling_and_its_end_once() -> None:
    """Twenty failures make five lines, and the recovery says how many there were."""
    stream = io.StringIO()
    log.configure(stream, terminal=False)
    thinned = log.Thinned(structlog.get_logger())
    for _ in range(20):
        thinned.again("upstream_unreachable", what="No answer.")
    thinned.over("upstream_unreachable", "upstream_answers_again")
    thinned.over("upstream_unreachable", "upstream_answers_again")
    assert [(line["event"], line["times"]) for line in written(stream)] == [
        *(("upstream_unreachable", times) for times in (1, 2, 4, 8, 16)),
        ("upstream_answers_again", 20),
    ]


def test_after_a_recovery_the_first_failure_is_logged_again() -> None:
    """A new outage is news."""
    stream = io.StringIO()
    log.configure(stream, terminal=False)
    thinned = log.Thinned(structlog.get_logger())
    for _ in range(2):
        thinned.again("upstream_unreachable")
        thinned.again("upstream_unreachable")
        thinned.again("upstream_unreachable")
        thinned.over("upstream_unreachable", "upstream_answers_again")
    assert [line["times"] for line in written(stream)] == [1, 2, 3, 1, 2, 3]


# --- the whole house ---------------------------------------------------------------------------------------

_LEVELS = {"debug", "info", "warning", "error", "critical", "exception", "again"}


def _events(source: Path) -> Iterator[tuple[str, str, list[str]]]:
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        match node:
            case ast.Call(func=ast.Attribute(attr=level), args=[ast.Constant(str() as event), *_]) if (
                level in _LEVELS
            ):
                keys = [keyword.arg for keyword in node.keywords if keyword.arg and keyword.arg != "exc_info"]
                yield f"{source.relative_to(ROOT)}:{node.lineno}", event, keys


# Keys that only ever hold numbers or truth, which pass whatever their key: write a new one here. One that
# holds an id, a code or a time belongs in `log.CODES`; anything else would be `[hidden]` in production.
_NUMBERS = """
adopted agreed arrived attempts audit_rows bad budget busy cancelled changed checked closed days done dropped
erased failed files filled gaps held http_status imported kept known left listed marked ms open pages passes pid
port probes pulled pushed quarantine quarantined queued read recovered refused released reopened requests reread
restored retry_after rows seconds seen sending sent size skipped times total tries unchanged unknown unread
vanished waiting whole written
"""
NUMBERS = frozenset(_NUMBERS.split())


def test_every_log_call_in_the_house_can_be_read() -> None:
    """No event is a sentence, and no key is one under which a text would be hidden in production."""
    known = log.CODES | log.SENTENCES | NUMBERS
    calls = [
        call
        for package in ("lapor_sync", "connectors")
        for source in sorted((ROOT / package).rglob("*.py"))
        for call in _events(source)
    ]
    assert [(place, event) for place, event, _ in calls if not log._EVENT.fullmatch(event)] == []
    assert [(place, key) for place, _, keys in calls for key in keys if key not in known] == []
