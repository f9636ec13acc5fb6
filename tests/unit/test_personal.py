"""What is kept of the payloads of a report whose reporter is not to be known."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lapor_sync.domain.personal import without_persons

NAME = "Sari Contoh"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda part: (
        st.lists(part) | st.dictionaries(st.sampled_from(["data", "0", "user", "docs", "status", "x"]), part)
    ),
)


def kept(value: Any) -> Any:
    return json.loads(without_persons(json.dumps(value)))


@pytest.mark.parametrize(
    "person",
    [
        {"reporter_name": NAME},
        {"name": NAME},
        {"nama": NAME, "pelapor": NAME},
        {"user": {"name": NAME}},
        {"reporter": {"id": 1, "profile": {"full_name": NAME}}},
        {"data": {"user": {"name": NAME}}},
        {"data": json.dumps({"nama_pelapor": NAME})},
        {"data": json.dumps(json.dumps([{"by": NAME}]))},
        {"data_logs": [{"user": NAME, "actor": {"name": NAME}}]},
        {"data_logs": {"0": {"user": NAME}}},
        {"status_logs": NAME},
        {"status": {"id": 2, "user": {"name": NAME}, "by": NAME}},
        {"title": {"by": NAME}, "content": [NAME]},
        {"category": [{"owner": NAME}]},
        {"attachments": {"0": {"path": "/f/1", "uploaded_by": NAME}, "docs": [{"owner": NAME}]}},
        {"attachments": json.dumps([{"uploader": NAME}])},
    ],
)
@pytest.mark.parametrize("shape", [lambda row: row, lambda row: [row], lambda row: {"data": row}])
def test_a_name_under_any_key_is_not_kept(person: Any, shape: Any) -> None:
    """Whatever the key, however deep, in a text of JSON too."""
    assert NAME not in json.dumps(kept(shape({"id": 7, **person})))


def test_what_the_work_needs_is_kept() -> None:
    """Texts, ids, times, statuses, institutions, files; in a list, in PHP's list, in a text of JSON."""
    row = {
        "id": 7,
        "tracking_id": "7000001",
        "content": "Berlubang",
        "is_secret": 1,
        "rating": None,
        "status": {"id": 2, "name": "Selesai"},
        "tags_raw": ["jalan"],
        "institution_to": "Dinas",
        "attachments": {"0": {"path": "/f/1", "name": "a.jpg"}, "docs": [{"url": "/f/2"}]},
        "data_logs": {"0": {"id": 1, "status_new": {"name": "Selesai"}}},
    }
    assert kept([row]) == [row]
    assert kept({"data": json.dumps({"status_old": "x", "by": NAME})}) == {"data": {"status_old": "x"}}


@pytest.mark.parametrize("text", ["", "{", "[" * 5000, '"' + NAME + '"', "1", '{"data": "' + NAME + '"}'])
def test_what_is_no_record_leaves_nothing(text: str) -> None:
    """No JSON, or no object in it."""
    assert without_persons(text) in {"null", '{"data":null}'}


@given(JSON)
def test_it_never_fails_and_twice_is_as_once(value: Any) -> None:
    """Whatever the payload."""
    once = without_persons(json.dumps(value))
    assert without_persons(once) == once


@given(JSON)
def test_what_is_kept_can_be_stored(value: Any) -> None:
    """Also where a text of JSON holds half a letter as an escape, which no database takes."""
    half = json.dumps({"status_old": {"name": "\ud800"}, "note": "\udfff"})
    without_persons(json.dumps({"data": half, "data_logs": [value, half]})).encode()
