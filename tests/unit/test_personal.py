"""What is kept of the payloads of a report whose reporter is not to be known."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lapor_sync.domain.personal import (
    ERASED_WORDS,
    Withheld,
    erased_items,
    withheld_report,
    without_persons,
)
from lapor_sync.domain.report import Attachment, ItemKind, Report, ThreadItem

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
        {"attachments": [{"file_name": "a.jpg", "path": "/f/1", "name": NAME}]},
        {"note": NAME, "reason_description": NAME},
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
        "data_logs": {"0": {"id": 1, "status_new": {"name": "Selesai"}, "data": {"note": "Diverifikasi"}}},
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


# What a citizen asked for.

FILE = Attachment(url="https://a.example/1", file_name="ktp.jpg")


def test_what_is_erased_keeps_what_is_counted_by() -> None:
    """Status, OPD, category, kecamatan and times stay; words, places near the citizen, name and files go."""
    full = Report(
        tracking_id="1",
        upstream_id="u1",
        status_name="Selesai",
        title=NAME,
        content=NAME,
        location=NAME,
        kelurahan=NAME,
        kecamatan="Gading",
        category="jalan",
        tags=NAME,
        date_of_incident=NAME,
        reporter_name=NAME,
        attachments=(FILE,),
    )
    erased = withheld_report(full, Withheld.ERASED)
    assert NAME not in repr(erased)
    assert erased.attachments == ()
    assert (erased.kecamatan, erased.category, erased.status_name, erased.is_secret) == (
        "Gading",
        "jalan",
        "Selesai",
        False,
    )
    held = withheld_report(full, Withheld.HELD)
    assert (held.title, held.is_secret, held.reporter_name) == (NAME, True, None)


@pytest.mark.parametrize(
    ("kind", "content", "after", "author"),
    [
        (ItemKind.REPORTER, f"<p>{NAME}</p>", ERASED_WORDS, None),
        (ItemKind.REPORTER, "<p> </p>", "", None),
        (ItemKind.LOG, NAME, ERASED_WORDS, None),
        (ItemKind.ANSWER, f"Yth. {NAME}", ERASED_WORDS, "Dinas"),
        (ItemKind.ANSWER, f"Yth. {NAME}\n[Ref LS-7F3K2Q]", f"{ERASED_WORDS}\n[Ref LS-7F3K2Q]", "Dinas"),
        (ItemKind.ANSWER, f"Yth. {NAME}\n[Ref OLD-AAAAAA]", f"{ERASED_WORDS}\n[Ref OLD-AAAAAA]", "Dinas"),
    ],
)
def test_of_an_erased_thread_the_references_stay(
    kind: ItemKind, content: str, after: str, author: str | None
) -> None:
    """By them an answer is known as ours, under an earlier prefix too; that nobody said a word stays so."""
    item = ThreadItem(id="1", kind=kind, created_at=None, content=content, author="Dinas", attachments=(FILE,))
    (erased,) = erased_items([item], "LS", ["OLD-AAAAAA"])
    assert (erased.content, erased.author, erased.attachments) == (after, author, ())
    assert erased_items([erased], "LS", ["OLD-AAAAAA"]) == (erased,)
