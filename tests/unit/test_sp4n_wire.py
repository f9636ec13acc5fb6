"""Envelopes, rows, details and threads of SP4N-LAPOR!, in every shape. All names and texts are invented."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.sp4n_v3 import envelopes, files, masters, reports, threads
from connectors.sp4n_v3.listing import listing
from connectors.sp4n_v3.verdict import Meant
from lapor_sync.domain.delivery import Body
from lapor_sync.domain.errors import BadRecord, UpstreamBroken
from lapor_sync.domain.ports import ListedRow
from lapor_sync.domain.report import Attachment, Institution, ItemKind, Report, StatusChange, Template, Thread
from tests.growth import is_linear

WIB = ZoneInfo("Asia/Jakarta")
BEGAN = datetime(2026, 1, 5, tzinfo=UTC)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
DATES = st.sampled_from(["05-01-2026 10:00:00", "2026-01-05", "0000-00-00 00:00:00", "besok", None, 5])
FIELDS = [
    *("id", "tracking_id", "status_name", "status", "created_at", "updated_at", "is_secret", "is_anonymous"),
    *("title", "disposition_id", "attachments", "tags_raw", "rating", "reporter_name", "data_logs", "status_logs"),
    *("content", "template_code", "template_content", "institution_from_name", "institution_to_name", "data"),
]
ROWS = st.dictionaries(st.sampled_from(FIELDS), JSON | DATES, max_size=12)


def as_bytes(value: object) -> bytes:
    return json.dumps(value).encode()


def envelope(results: object, **changes: object) -> bytes:
    return as_bytes({"status": True, "results": results, "message": "Success", **changes})


def report(row: object) -> Report:
    listed = reports.listed_row(row)
    assert isinstance(listed, ListedRow)
    return reports.report_of_row(listed, WIB)


def detail(results: object, asked: str = "100") -> Any:
    return reports.detail(envelope(results), asked=asked, zone=WIB, began_at=BEGAN)


def thread(*items: object, beside: str | None = None) -> Thread:
    return threads.thread(items, zone=WIB, began_at=BEGAN, beside=beside)


# Envelopes.


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"  \n",
        b"<html><body>Pemeliharaan</body></html>",
        b'{"status": true, "results": {"da',
        b"\x1f\x8b\x00",
        b"[]",
        b"null",
        b'"Success"',
        b"true",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"results": ' + b"9" * 5000 + b"}",
        as_bytes({"status": False, "results": {"data": []}, "message": "Terjadi kesalahan"}),
        as_bytes({"status": "error", "results": {"data": []}}),
        as_bytes({"status": 0, "results": {"data": []}}),
        as_bytes({"status": 500, "results": {"data": []}}),
        as_bytes({"status": "500", "results": {"data": []}}),
        as_bytes({"status": [], "results": {"data": []}}),
        as_bytes({"status": True}),
        as_bytes({"status": True, "results": None}),
        as_bytes({"status": True, "results": "Success"}),
        as_bytes({"status": True, "results": {}}),
        as_bytes({"status": True, "results": {"data": None}}),
        as_bytes({"status": True, "results": {"data": {}}}),
        as_bytes({"status": True, "results": {"data": {"first": 1}}}),
        as_bytes({"status": True, "results": {"data": "[]"}}),
    ],
)
def test_what_holds_no_list_is_broken_and_never_an_empty_list(body: bytes) -> None:
    """An empty list is a claim: a lost answer could go out again because of it."""
    with pytest.raises(UpstreamBroken) as caught:
        listing(body)
    assert len(caught.value.what) < 60
    assert "kesalahan" not in caught.value.what


@pytest.mark.parametrize("status", [True, 1, "true", "success", "OK", 200, "200", None])
def test_the_forms_of_a_sound_status(status: object) -> None:
    """A boolean was seen; null says nothing."""
    assert listing(as_bytes({"status": status, "results": {"data": [1]}})).rows == (1,)


@pytest.mark.parametrize(
    ("results", "rows", "more", "total", "last_page"),
    [
        ({"data": [], "next_page_url": None}, (), False, None, None),
        ({"data": [1], "next_page_url": "https://other/api?page=2", "total": 9}, (1,), True, 9, None),
        ({"data": [1], "total": "9", "last_page": 3.0}, (1,), None, 9, 3),
        ({"data": [1], "current_page": 1, "last_page": 3}, (1,), True, None, 3),
        ({"data": [1], "current_page": 3, "last_page": 3}, (1,), False, None, 3),
        ({"data": [1], "currentPage": "3", "lastPage": "3", "totalCount": 7}, (1,), False, 7, 3),
        ({"data": [1], "nextPageUrl": "x", "totalPages": 3}, (1,), True, None, 3),
        ({"data": [1], "pagination": {"page": 1, "total_pages": 3, "total": 7}}, (1,), True, 7, 3),
        ({"data": [1], "meta": {"pagination": {"current_page": 3, "total_pages": 3}}}, (1,), False, None, 3),
        ({"data": [1], "paging": {"hasMore": True}}, (1,), True, None, None),
        ({"data": [1], "paging": {"has_more": 0}}, (1,), False, None, None),
        ({"data": [1], "page": {"number": 0, "totalElements": 7, "totalPages": 3}}, (1,), None, 7, 3),
        ({"content": [1], "last": False, "totalElements": 7}, (1,), True, 7, None),
        ({"items": [1], "_links": {"next": {"href": "x"}}}, (1,), True, None, None),
        ({"items": [1], "_links": {"next": {"href": None}}}, (1,), False, None, None),
        ({"rows": [1], "next_cursor": None}, (1,), False, None, None),
        ({"data": {"data": [1], "next_page_url": "x", "total": 7}}, (1,), True, 7, None),
        ({"data": [1], "count": 1, "total": 7}, (1,), None, 7, None),
        ({"results": [1], "count": 7, "next": "x", "previous": None}, (1,), True, 7, None),
        ({"data": [1], "next_page_url": None, "has_more": True}, (1,), True, None, None),
        ({"data": [1], "next_page_url": None, "next_cursor": "eyJpZCI6MX0"}, (1,), True, None, None),
        ({"data": [1], "has_more": False, "meta": {"hasNextPage": True}}, (1,), True, None, None),
        ({"data": [1], "is_last": True, "meta": {"last": False}}, (1,), True, None, None),
        (
            {"data": [1], "links": [{"url": "x", "label": "1"}, {"url": None, "label": "Next &raquo;"}]},
            (1,),
            False,
            None,
            None,
        ),
        ({"data": [1], "links": [{"url": "x", "label": "Berikutnya"}]}, (1,), True, None, None),
        ({"data": [1], "links": ["Next"]}, (1,), None, None, None),
        ({"data": [1], "total": -1, "last_page": "many"}, (1,), None, None, None),
        ({"data": [1], "meta": {"total": 9, "last_page": 2}}, (1,), None, 9, 2),
        ({"data": [1], "links": {"next": None}}, (1,), False, None, None),
        ({"data": [1], "links": {"next": "x"}}, (1,), True, None, None),
        ({"data": [1], "links": [{"url": None}]}, (1,), None, None, None),
        ({"data": {"0": 1, "2": 3}}, (1, 3), None, None, None),
        ([], (), None, None, None),
        ([1, 2], (1, 2), None, None, None),
    ],
)
def test_a_page_is_read_in_each_paginators_shape(
    results: object, rows: tuple[object, ...], more: bool | None, total: int | None, last_page: int | None
) -> None:
    """Laravel's own, its resources' `meta` and `links`, other frameworks', a bare list, PHP's array with gaps."""
    page = listing(envelope(results))
    assert (page.rows, page.more, page.total, page.last_page) == (rows, more, total, last_page)


@pytest.mark.parametrize(
    ("rows", "is_first", "has_gaps"),
    [
        ({"0": {}, "2": {}}, True, True),
        ({"1": {}, "2": {}}, True, True),
        ({"1": {"id": 7}, "7": {"id": 7}}, True, True),
        ({"1": {}, "0": {}}, True, False),
        ({"15": {}, "16": {}}, False, False),
        ({"15": {}, "17": {}}, False, True),
        ({"7": {"id": 7}, "12": {"id": "12"}}, True, False),
        ({"\u0663": {}}, False, True),
        ([{}], True, False),
        ({}, True, False),
    ],
)
def test_rows_that_were_taken_out_of_a_list_leave_gaps(rows: object, *, is_first: bool, has_gaps: bool) -> None:
    """Of PHP's array that is no list any more; not where its numbers are the rows' ids, or go on from another page."""
    assert listing(envelope({"data": rows, "items": []}), is_first=is_first).has_gaps == has_gaps
    assert listing(envelope({"data": {"items": rows}, "items": []}), is_first=is_first).has_gaps == has_gaps


def test_a_list_without_results_around_it_is_read() -> None:
    """`data` at the root, or the list alone."""
    assert listing(as_bytes({"status": True, "data": [1]})).rows == (1,)
    assert listing(b"[1, 2]").rows == (1, 2)


@pytest.mark.parametrize(
    ("beside", "more", "total"),
    [
        ({"next_page_url": "x", "total": 7}, True, 7),
        ({"meta": {"current_page": 2, "last_page": 2, "total": 7}}, False, 7),
        ({"pagination": {"hasNextPage": True, "totalItems": 7}}, True, 7),
        ({"message": "Success"}, None, None),
    ],
)
def test_what_is_said_of_pages_beside_the_results_is_read(
    beside: dict[str, object], more: bool | None, total: int | None
) -> None:
    """At the top of the answer, where the results are the list itself."""
    page = listing(as_bytes({"status": True, "results": [1], **beside}))
    assert (page.rows, page.more, page.total) == ((1,), more, total)


@pytest.mark.parametrize(
    ("link", "more"),
    [
        ('<https://x/?page=2>; rel="next", <https://x/?page=9>; rel="last"', True),
        ("<https://x/?page=2>; rel=next", True),
        ('<https://x/?page=1>; rel="first", <https://x/?page=2>; rel="prev"', False),
        ("", None),
    ],
)
def test_a_link_header_names_the_next_page(link: str, more: bool | None) -> None:
    """GitHub's way, and of whoever follows it."""
    assert listing(envelope({"data": [1]}), link).more is more


def test_a_byte_that_is_no_utf8_costs_one_character_and_not_the_page() -> None:
    """Nor does a byte order mark, a raw line break in a text, or NaN."""
    page = listing(b'\xef\xbb\xbf{"results": {"data": ["caf\xe9", "a\nb", NaN, Infinity]}}')
    assert page.rows == ("caf\ufffd", "a\nb", None, None)


def test_what_no_database_stores_is_replaced() -> None:
    """Lone surrogates and NUL come in as escapes; pairs of surrogates are emoji and stay."""
    page = listing(rb'{"results": {"data": [{"a\u0000": "\ud800x \ud83d\ude00"}]}}')
    assert page.rows == ({"a\ufffd": "\ufffdx \U0001f600"},)


def test_a_row_nested_into_an_abyss_does_not_cost_the_page() -> None:
    """Its abyss becomes null."""
    page = listing(b'{"results": {"data": [{"id": 1, "a": ' + b"[" * 200 + b"]" * 200 + b'}, {"id": 2}]}}')
    assert [row["id"] for row in page.rows if isinstance(row, dict)] == [1, 2]
    assert all(isinstance(reports.listed_row(row), ListedRow) for row in page.rows)


@given(JSON)
def test_no_json_breaks_a_listing(value: object) -> None:
    """Rows or UpstreamBroken, and each row a ListedRow or a BadRecord."""
    for results in (value, {"data": value}, {"data": [value], "total": value, "meta": value, "links": value}):
        try:
            page = listing(envelope(results))
        except UpstreamBroken:
            continue
        for row in page.rows:
            assert isinstance(reports.listed_row(row), ListedRow | BadRecord)


@given(st.binary(max_size=60))
def test_no_bytes_break_an_envelope(body: bytes) -> None:
    """Only UpstreamBroken leaves."""
    envelopes.body_of(body, 200, OURS)
    with pytest.raises(UpstreamBroken):
        listing(body)


# Answers to writes.

OURS = Meant(frozenset({"100", "20001234"}), "Siap.", "611")
"""What was written."""


@pytest.mark.parametrize(
    ("body", "status", "kind", "message"),
    [
        ({"status": True, "message": "Success"}, 200, Body.SUCCESS, "Success"),
        ({"status": True}, 201, Body.SUCCESS, ""),
        ({"status": False, "message": "Gagal"}, 200, Body.FAILURE, "Gagal"),
        ({"message": "Success"}, 200, Body.SUCCESS, "Success"),
        ({"results": {}}, 200, Body.OTHER, ""),  # nothing in it says that it went well
        ({"code": 200, "message": "ok"}, 200, Body.SUCCESS, "ok"),
        ({"complaint_id": 100}, 200, Body.OTHER, ""),
        ({"status": True, "results": {"id": 5, "complaint_id": 101}}, 200, Body.OF_ANOTHER, ""),
        ({"status": False, "message": "a", "results": {"tracking_id": "20001235"}}, 422, Body.OF_ANOTHER, ""),
        ({}, 200, Body.OTHER, ""),
        ([], 200, Body.OTHER, ""),
        ({"status": False, "message": "a", "errors": {"x": ["b"]}}, 422, Body.FAILURE, "a"),
        (
            {"message": "The given data was invalid.", "errors": {}},
            422,
            Body.FAILURE,
            "The given data was invalid.",
        ),
        ({"status": False, "errors": {"content": ["Too  long.\n"]}}, 422, Body.FAILURE, "Too long."),
        ({"status": False, "errors": [{"x": "deep"}]}, 400, Body.FAILURE, "deep"),
        ({"status": False, "errors": []}, 404, Body.FAILURE, ""),
        ({"status": False, "message": "m" * 500}, 403, Body.FAILURE, "m" * 120),
    ],
)
def test_the_body_of_a_writes_answer(body: object, status: int, kind: Body, message: str) -> None:
    """The API's envelope; upstream's words, cut."""
    assert envelopes.body_of(as_bytes(body), status, OURS) == (kind, message)


@pytest.mark.parametrize(
    "body",
    [
        {"message": "Forbidden"},
        {"message": "blocked", "errors": {}},
        {"status": 403, "message": "Forbidden"},
        {"status": "blocked", "message": "x"},
        {"status": True, "message": "Success"},
        {"status": False, "message": "Request blocked", "support_id": "818"},
        {"success": False, "errors": [{"code": 1020}], "messages": []},
        {"error": "Forbidden", "ray_id": "7"},
        {"code": "101504", "message": "Send timeout", "description": "x"},
        [],
        "",
    ],
)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 429, 499])
def test_an_error_that_lapor_did_not_write_is_other(body: object, status: int) -> None:
    """Firewalls and proxies write JSON too."""
    assert envelopes.body_of(as_bytes(body), status, OURS)[0] is Body.OTHER


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b'{"status": tr',
        b"\xff\xfe",
        b'{"status":false,"message":"x","status":true}',
        b'{"status":true,"results":{"saved":true,"saved":false}}',
        b'{"status":true}{"status":false}',
        b'"{\\"status\\":true}"',
        b'{"status":true,"message":"\xff"}',
        b'{"status":true,"results":NaN}',
        b'{"status":true,"results":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"status":true,"results":[' + b"1," * 2_000_000 + b"1]}",
    ],
)
def test_a_body_that_is_damaged_or_contradicts_itself_is_other(body: bytes) -> None:
    """Also where its last word would be of success."""
    assert envelopes.body_of(body, 200, OURS) == (Body.OTHER, "")


@pytest.mark.parametrize(
    "body",
    [
        b'\xef\xbb\xbf{"status":true}',
        b' {"status":true,"status":true}\n',
        b'{"status":"1","results":{"id":1,"id":1}}',
    ],
)
def test_a_success_in_an_odd_dress_is_one(body: bytes) -> None:
    """A byte order mark; the same word twice."""
    assert envelopes.body_of(body, 200, OURS)[0] is Body.SUCCESS


# Rows.


def test_a_full_row_is_a_full_report() -> None:
    """Nothing missing but what was not given."""
    row = {
        "id": 100,
        "tracking_id": "20001234",
        "status_name": " Dalam Proses ",
        "title": "Lampu jalan padam",
        "content": "Di RT 4.",
        "channel": "SMS 1708",
        "disposition_id": 611,
        "disposition_name": "Dinas PUPR",
        "classification_name": "Aspirasi",
        "category_id": "7",
        "category_name": "Lampu",
        "location_name": "Kel. Penurunan",
        "location_district_name": "Ratu Samban",
        "location_village_name": "Penurunan",
        "date_of_incident": "2026-01-03",
        "is_anonymous": "0",
        "is_secret": 0,
        "is_priority": True,
        "tags_raw": "lampu",
        "rating": 4,
        "reporter_name": "Budi Contoh",
        "created_at": "03-01-2026 08:00:00",
        "updated_at": "2026-01-05",
        "attachments": [{"path": "https://f.test/1/a.JPG"}],
        "unheard_of": {"a": 1},
    }
    assert report(row) == Report(
        tracking_id="20001234",
        upstream_id="100",
        status_name="Dalam Proses",
        title="Lampu jalan padam",
        content="Di RT 4.",
        channel="SMS 1708",
        disposition_id="611",
        disposition_name="Dinas PUPR",
        classification="Aspirasi",
        category="Lampu",
        category_id="7",
        location="Kel. Penurunan",
        kecamatan="Ratu Samban",
        kelurahan="Penurunan",
        date_of_incident="2026-01-03",
        is_priority=True,
        tags="lampu",
        rating="4",
        reporter_name="Budi Contoh",
        created_at=datetime(2026, 1, 3, 1, tzinfo=UTC),
        updated_at=datetime(2026, 1, 4, 17, tzinfo=UTC),
        updated_at_is_day=True,
        attachments=(Attachment(url="https://f.test/1/a.JPG", file_name="a.JPG", extension="jpg"),),
    )


def test_a_sparse_row_names_what_it_lacks() -> None:
    """By the names of Report's attributes, all of which exist."""
    found = report({"id": 100})
    assert found.tracking_id == "100"
    assert found.missing == set(Report._fields) - {"missing", "upstream_id", "updated_at_is_day"}
    assert found.status_name == ""


def test_null_is_a_value_but_for_a_flag() -> None:
    """`disposition_id` null is "not disposed"; a null flag must not show what is secret."""
    found = report({"id": 1, "disposition_id": None, "is_secret": None, "updated_at": None})
    assert not {"disposition_id", "updated_at"} & found.missing
    assert "is_secret" in found.missing


@pytest.mark.parametrize("status", [None, 3, "", "  ", [], True, {"color": "red"}, {"name": ""}])
def test_a_row_without_a_readable_status_name_says_so(status: object) -> None:
    """The caller then reads the detail."""
    found = report({"id": 1, "status_name": status})
    assert found.status_name == ""
    assert "status_name" in found.missing


def test_a_status_name_that_is_a_number_in_the_detail_too_is_one_that_nobody_knows() -> None:
    """Shown so, and not quarantined for ever: the report is there."""
    assert detail({"data": {"id": 100, "status_name": 3}}).report.status_name == "3"


def test_fields_that_an_unannounced_change_nested_are_still_read() -> None:
    """`status: {name}`, also under the name's own key, and `disposition: {id, name}`."""
    assert report({"id": 1, "status_name": {"name": "Selesai", "color": "green"}}).status_name == "Selesai"
    found = report({"id": 1, "status": {"name": "Selesai"}, "disposition": {"id": 611, "name": "Dinas PUPR"}})
    assert (found.status_name, found.disposition_id, found.disposition_name) == ("Selesai", "611", "Dinas PUPR")
    assert not {"status_name", "disposition_id", "disposition_name"} & found.missing
    assert report({"id": 1, "status": True}).status_name == ""


@pytest.mark.parametrize("flag", ["is_anonymous", "is_secret"])
def test_such_a_report_has_no_reporters_name(flag: str) -> None:
    """Keep what the work needs."""
    found = report({"id": 1, flag: 1, "reporter_name": "Budi Contoh"})
    assert found.reporter_name is None
    assert "reporter_name" not in found.missing


@pytest.mark.parametrize("field", ["created_at", "updated_at"])
def test_a_garbage_date_is_a_bad_record(field: str) -> None:
    """Named by its ids, with its raw text, and nothing of it in the reason."""
    row = {"id": 100, "tracking_id": "2000", field: "31-02-20xx 25:61:00"}
    with pytest.raises(BadRecord) as caught:
        report(row)
    assert (caught.value.key, caught.value.report_id) == ("2000", "100")
    assert json.loads(caught.value.raw) == row
    assert caught.value.reason == f"{field} is not a date"


@pytest.mark.parametrize(
    ("row", "key", "report_id"),
    [
        ({"id": 1, "tracking_id": "20"}, "20", "1"),
        ({"id": 1}, "1", "1"),
        ({"tracking_id": 20.0}, "20", "20"),
        ({"id": True, "tracking_id": "20"}, "20", "20"),
        ({"id": "", "tracking_id": 20}, "20", "20"),
    ],
)
def test_a_rows_key_is_its_tracking_id_and_calls_take_its_id(row: object, key: str, report_id: str) -> None:
    """Each stands in for the other."""
    listed = reports.listed_row(row)
    assert isinstance(listed, ListedRow)
    assert (listed.key, listed.report_id) == (key, report_id)


@pytest.mark.parametrize("row", [{"title": "x"}, {}, {"id": None}, "text", 5, None, [], ["id"]])
def test_a_row_without_any_id_is_bad_under_its_hash(row: object) -> None:
    """Returned, not raised: the page goes on."""
    bad = reports.listed_row(row)
    assert isinstance(bad, BadRecord)
    assert bad.key.startswith("h:")
    assert bad.report_id is None
    assert json.loads(bad.raw) == row
    again = reports.listed_row(row)
    assert isinstance(again, BadRecord)
    assert again.key == bad.key


@given(ROWS)
def test_no_row_breaks_a_report(row: dict[str, object]) -> None:
    """A report or a BadRecord; every name in `missing` is an attribute."""
    listed = reports.listed_row(row)
    if isinstance(listed, BadRecord):
        return
    try:
        found = reports.report_of_row(listed, WIB)
    except BadRecord:
        return
    assert found.missing <= set(Report._fields)
    assert found.tracking_id == listed.key
    assert ("status_name" in found.missing) == (found.status_name == "")


# Attachments.

ONE = Attachment(url="https://f.test/1/surat%20a.pdf", file_name="surat a.pdf", extension="pdf")
PATH = {"path": ONE.url}


@pytest.mark.parametrize(
    "value",
    [
        [PATH],
        {"0": PATH, "docs": [PATH]},
        {"0": PATH},
        {"docs": [PATH]},
        {"docs": json.dumps([PATH])},
        PATH,
        json.dumps([PATH]),
        json.dumps(json.dumps({"0": PATH})),
        [ONE.url],
        [{"url": ONE.url, "file_name": "surat a.pdf", "extension": ".PDF"}],
        [{"link": ONE.url, "name": "surat a.pdf"}, None, 5, {}, {"path": ""}, [], "", {"path": {"x": 1}}],
    ],
)
def test_a_file_is_read_in_every_shape(value: object) -> None:
    """Once, with name and extension from its address where nothing else says them."""
    assert files.attachments(value) == (ONE,)


@pytest.mark.parametrize(
    "value", [None, "", "[]", "[1,2].", "[1,2]", [], {}, {"docs": []}, {"docs": None}, 5, True]
)
def test_the_forms_of_no_file(value: object) -> None:
    """Numbers name no address."""
    assert files.attachments(value) == ()


@pytest.mark.parametrize(
    ("url", "name", "extension"),
    [
        ("https://f.test/", "file", None),
        ("https://[broken/a.pdf", "file", None),
        ("https://f.test/.htaccess", ".htaccess", None),
        ("https://f.test/a.not-an-extension", "a.not-an-extension", None),
        ("https://f.test/a.tar.gz?x=1.pdf", "a.tar.gz", "gz"),
    ],
)
def test_odd_addresses_still_give_a_name(url: str, name: str, extension: str | None) -> None:
    """Something to call the file by."""
    assert files.attachments([url]) == (Attachment(url=url, file_name=name, extension=extension),)


def test_what_a_file_is_called_is_harmless_and_what_it_is_may_be_said_elsewhere() -> None:
    """October's keys; a name that is a path is none, and no extension is taken that is none."""
    row = {"id": 7, "path": "https://f.test/1", "disk_name": "65a.jpg", "file_size": 9, "extension": "../x"}
    assert files.attachments([row]) == (Attachment(url="https://f.test/1", file_name="65a.jpg", extension="jpg"),)
    named = files.attachments([row | {"file_name": "../../.ssh/id\n.PDF"}])
    assert named[0].file_name == "id\ufffd.PDF"


def test_an_item_whose_files_were_signed_anew_between_two_pages_is_one() -> None:
    """Not two items of one id."""
    items = [{"id": 1, "attachments": [{"path": f"https://f.test/a?X-Amz-Signature={n}"}]} for n in (1, 2)]
    assert threads.item_keys(items) == ["1", "1"]


@pytest.mark.unmeasured
def test_thousands_of_items_with_the_id_of_a_long_one_are_told_apart_in_a_moment() -> None:
    """The long one was read anew for each of them: a minute."""

    def items(size: int) -> list[object]:
        return [{"id": 1, "content": "x" * 300 * size}, *({"id": 1, "n": number} for number in range(1, size))]

    assert is_linear(threads.item_keys, items, 100)
    assert len(set(threads.item_keys(items(1_600)))) == 1_600


# Details.


def test_a_detail_is_read_with_its_history_and_its_logs_texts() -> None:
    """In the order of time, though the logs come in none."""
    results = {
        "data": {
            "id": "100",
            "tracking_id": 2000,
            "status_name": "Dalam Proses",
            "status_logs": [{"note": "Diterima", "timestamp": "2026-01-03 08:00:00"}, {"note": None}, "x"],
        },
        "data_logs": [
            {
                "date": "05-01-2026 08:00:00",
                "content": "Dari {{ institution_from }} ke {{institution_to}} [Ref LS-ABCDEF]",
                "institution_from_id": {"name": "Dinas A"},
                "institution_to": {"id": 2, "name": "Dinas B"},
                "status_old": {"name": "Terverifikasi"},
                "status_new": {"name": "Dalam Proses"},
            },
            {"date": "besok", "content": "Disposisi", "reason_description": "alasan"},
            {"created_at": "04-01-2026 08:00:00", "status_new": "Terverifikasi"},
        ],
    }
    found = detail(results)
    assert found.report.tracking_id == "2000"
    assert found.report.upstream_id == "100"
    assert found.began_at == BEGAN
    assert json.loads(found.raw) == results
    assert found.log_texts == ("Dari Dinas A ke Dinas B [Ref LS-ABCDEF]", "Disposisi", "alasan", "Diterima")
    assert found.history == (
        StatusChange(at=datetime(2026, 1, 3, 1, tzinfo=UTC), status_old=None, status_new=None, note="Diterima"),
        StatusChange(at=datetime(2026, 1, 4, 1, tzinfo=UTC), status_old=None, status_new="Terverifikasi"),
        StatusChange(
            at=datetime(2026, 1, 5, 1, tzinfo=UTC),
            status_old="Terverifikasi",
            status_new="Dalam Proses",
            note="Dari Dinas A ke Dinas B [Ref LS-ABCDEF]",
        ),
    )


@pytest.mark.parametrize(
    "results",
    [
        {"data": {"id": 100, "status_name": "Selesai"}},
        {"data": [{"id": 100, "status_name": "Selesai"}]},
        {"data": json.dumps({"id": 100, "status_name": "Selesai"})},
        {"id": 100, "status_name": "Selesai"},
        [{"id": 100, "status_name": "Selesai"}],
    ],
)
def test_the_fields_may_stand_in_data_or_right_in_results(results: object) -> None:
    """Or alone in a list."""
    assert detail(results).report.status_name == "Selesai"


@pytest.mark.parametrize(
    ("ids", "tracking_id", "upstream_id", "missing"),
    [
        ({}, "100", None, {"tracking_id", "upstream_id"}),
        ({"id": 100}, "100", "100", {"tracking_id"}),
        ({"id": 7}, "7", "7", {"tracking_id"}),
        ({"tracking_id": 2000}, "2000", None, {"upstream_id"}),
        ({"id": 7, "tracking_id": 100}, "100", "7", set()),
    ],
)
def test_the_asked_id_stands_in_where_the_answer_names_none(
    ids: dict[str, object], tracking_id: str, upstream_id: str | None, missing: set[str]
) -> None:
    """One id alone may be of the other kind than the one that was asked for."""
    found = detail({"data": {"status_name": "Selesai", **ids}}).report
    assert (found.tracking_id, found.upstream_id) == (tracking_id, upstream_id)
    assert found.missing & {"tracking_id", "upstream_id"} == missing


@pytest.mark.parametrize(
    ("results", "reason"),
    [
        ({"data": {"id": 100}}, "no status_name"),
        ({"data": {"id": 100, "status_name": True}}, "no status_name"),
        ({"data": {"id": 100, "status_name": [3]}}, "no status_name"),
        ({"data": {"id": 100, "status_name": "Selesai", "updated_at": "besok"}}, "updated_at"),
        ({"data": None}, "holds no report"),
        ({"data": []}, "holds no report"),
        ({"data": {}}, "holds no report"),
        ({"data": [{"id": 100}, {"id": 101}]}, "holds no report"),
        ({"message": "?"}, "holds no report"),
        (None, "holds no report"),
        ("?", "holds no report"),
    ],
)
def test_a_detail_that_cannot_be_read_is_a_bad_record_of_the_asked_id(results: object, reason: str) -> None:
    """So that quarantine can name it."""
    with pytest.raises(BadRecord, match=reason) as caught:
        detail(results)
    assert caught.value.report_id == "100"
    assert caught.value.key == "100"
    json.loads(caught.value.raw)


@given(JSON, ROWS)
def test_no_json_breaks_a_detail(value: object, row: dict[str, object]) -> None:
    """A detail, BadRecord or UpstreamBroken."""
    for results in (
        value,
        row,
        {"data": value},
        {"data": row, "data_logs": value},
        {"data": row, "data_logs": [row]},
    ):
        try:
            found = detail(results)
        except (BadRecord, UpstreamBroken):
            continue
        assert found.report.status_name


# Threads.


def test_a_thread_is_in_the_order_of_time_whatever_the_lists() -> None:
    """Newest first upstream, oldest first here; one that is no object is set aside."""
    found = thread(
        {"id": 3, "created_at": "05-01-2026 09:00:00", "content": "Kapan?"},
        "kaputt",
        {"id": "2", "created_at": "05-01-2026 08:00:00", "content": "Siap.", "institution_from_name": "Dinas A"},
        {"id": 1, "date": "2026-01-04", "template_code": "disposition", "template_content": "Disposisi"},
    )
    assert [(item.id, item.kind) for item in found.items] == [
        ("1", ItemKind.DISPOSITION),
        ("2", ItemKind.ANSWER),
        ("3", ItemKind.REPORTER),
    ]
    assert [(bad.raw, bad.reason) for bad in found.bad] == [('"kaputt"', "not an object")]
    assert found.bad[0].key.startswith("h:")
    assert len(json.loads(found.raw)) == 4
    assert found.began_at == BEGAN


def test_placeholders_are_filled_in_from_the_item() -> None:
    """With inner spaces or without, links by the name; what has no value becomes nothing, the unknown stays."""
    data = json.dumps({"status_old": {"name": "Terverifikasi"}, "status_new": {"name": "Selesai"}})
    item = thread(
        {
            "id": 1,
            "template_code": "status",
            "template_content": "{{institution_from}}|{{ institution_to_link }}|{{institution}}|{{ status_old }}"
            "|{{status_new}}|{{institution_from_link}}|{{  institution_to  }}|{{who}}|{{ }}",
            "institution_from_name": "Dinas A",
            "data": data,
        }
    ).items[0]
    assert item.content == "Dinas A||Dinas A|Terverifikasi|Selesai|Dinas A||{{who}}|{{ }}"
    assert (item.status_old, item.status_new) == ("Terverifikasi", "Selesai")


@pytest.mark.parametrize("data", [None, "", "{", "[]", "5", json.dumps("{"), {"status_old": None}, 5, []])
def test_data_that_is_no_object_says_nothing(data: object) -> None:
    """A string that should hold JSON and does not."""
    item = thread({"id": 1, "data": data}).items[0]
    assert (item.status_old, item.status_new) == (None, None)


@pytest.mark.parametrize(
    "data",
    [
        {"status_new": {"name": "Selesai"}},
        {"status_new": "Selesai"},
        json.dumps(json.dumps({"status_new": {"name": "Selesai"}})),
    ],
)
def test_data_is_an_object_or_json_within_a_string(data: object) -> None:
    """Sometimes escaped twice."""
    assert thread({"id": 1, "data": data}).items[0].status_new == "Selesai"


@pytest.mark.parametrize(
    ("content", "template_content", "read"),
    [
        ("Siap.", "Tanggapan", "Siap."),
        (None, "Tanggapan", "Tanggapan"),
        ("<p>&nbsp;</p>", "Tanggapan", "Tanggapan"),
        ("<p>&nbsp;</p>", "", "<p>&nbsp;</p>"),
        (None, None, ""),
        (5, None, "5"),
        ([], {}, ""),
    ],
)
def test_an_item_says_what_was_written_else_what_its_template_says(
    content: object, template_content: object, read: str
) -> None:
    """Words count, not markup."""
    row = {"id": 1, "content": content, "template_content": template_content}
    assert thread(row).items[0].content == read


@pytest.mark.parametrize(
    ("row", "author"),
    [
        ({"institution_from_name": "Dinas A"}, "Dinas A"),
        ({"institution_from_name": None, "institution_from": {"name": "Dinas A"}}, "Dinas A"),
        ({"institution_from": "Dinas A"}, "Dinas A"),
        ({"institution_from_id": {"id": 5, "name": "Dinas A"}}, "Dinas A"),
        ({"institution_from_id": {"id": 5}}, "5"),
        ({"institution_from_id": 5}, "5"),
        ({"institution_from_id": 0}, None),
        ({"institution_from_id": "0", "institution_from": {}}, None),
        ({"institution_from_name": "  "}, None),
        ({}, None),
    ],
)
def test_an_institution_is_a_name_or_an_object(row: dict[str, object], author: str | None) -> None:
    """An agency known by its number only is still no reporter."""
    item = thread({"id": 1, "content": "Siap.", **row}).items[0]
    assert item.author == author
    assert item.kind is (ItemKind.ANSWER if author else ItemKind.REPORTER)


def test_items_without_an_id_have_one_from_their_content() -> None:
    """The same each time, whatever the order of their keys."""
    one, other = {"content": "a", "created_at": None}, {"created_at": None, "content": "a"}
    first = thread(one).items[0]
    assert first.id.startswith("h:")
    assert thread(other).items[0].id == first.id


def test_an_item_never_hides_another_that_has_the_same_id() -> None:
    """A response that arrived could look lost otherwise."""
    found = thread({"id": 1, "content": "a"}, {"id": "1", "content": "b [Ref LS-ABCDEF]"})
    assert len({item.id for item in found.items}) == 2
    assert {item.content for item in found.items} == {"a", "b [Ref LS-ABCDEF]"}


def told(*items: object) -> Mapping[str, frozenset[str]]:
    """The fields beyond any item's, of a read from which it follows whether something leaves."""
    found = thread(*items, beside="").beyond
    assert found is not None
    return found


def test_of_an_item_each_field_is_told_that_not_every_one_has() -> None:
    """What stands there is told by a digest, but for what is empty."""
    usual = {
        "id": 1,
        "created_at": "05-01-2026 10:00:00",
        "content": "Kapan?",
        "template_code": None,
        "data": None,
    }
    same = {"id": 2, "user_id": 7, "is_hidden": False, "rating": "0", "replies": []}
    other = told(same | {"user_id": 8})["2"]
    found = told(usual, same)
    assert found["1"] == frozenset()
    assert {"user_id", "is_hidden", "rating", "replies"} < found["2"]
    assert len(found["2"] - {"user_id", "is_hidden", "rating", "replies"}) == len(found["2"] - other) == 1


@given(st.lists(JSON | ROWS, max_size=6))
def test_no_json_breaks_a_thread(rows: list[object]) -> None:
    """Every row is an item or set aside, none is lost."""
    found = thread(*rows)
    assert len(found.items) + len(found.bad) == len(rows)
    assert all(item.created_at is None or item.created_at.tzinfo is UTC for item in found.items)


# Master lists.


def test_institutions_and_templates_are_read_and_the_rest_left_out() -> None:
    """Each once."""
    rows = [
        {"id": 1, "name": "A"},
        {"id": "1", "name": "A"},
        {"id": 2},
        {"name": "B"},
        "x",
        {"id": 3, "name": "C"},
    ]
    assert masters.institutions(rows) == (Institution(id="1", name="A"), Institution(id="3", name="C"))
    done = {
        "code": "reply_done",
        "name": "Selesai",
        "content": "<p>Terima kasih</p>",
        "type": {"name": "tanggapan"},
    }
    codes = [
        {"template_code": "reply"},
        done,
        {"template_code": "reply", "title": "Lain"},
        {"title": "Tanpa"},
        None,
    ]
    assert masters.templates(codes) == (
        Template("reply", "reply"),
        Template("reply_done", "Selesai", "<p>Terima kasih</p>", "tanggapan"),
    )


@given(st.lists(JSON | ROWS, max_size=5))
def test_no_json_breaks_a_master_list(rows: list[object]) -> None:
    """What cannot be read is left out."""
    masters.institutions(rows)
    masters.templates(rows)


def test_what_is_kept_of_a_report_has_no_name_wherever_it_stands() -> None:
    """In the row, in an object or a list within, and in JSON that is a text; what only looks like it stays."""
    row = {
        "id": 7,
        "reporter_name": "Seseorang",
        "content": "reporter_name tidak ada",
        "more": [{"reporter_name": 1}],
    }
    whole = {"data": json.dumps(row), "reporter_name": None}
    kept = {"id": 7, "content": "reporter_name tidak ada", "more": [{}]}
    assert json.loads(reports.kept_text(row)) == kept
    assert json.loads(reports.kept_text(whole)) == {"data": kept}


@pytest.mark.parametrize(
    "value",
    [
        "1" * 5000,
        "-" + "9" * 5000,
        "[" * 3000 + "]" * 3000,
        '{"a":' * 3000 + "1" + "}" * 3000,
        '"' + "[" * 3000 + '"',
        '"\\\\\\"' + "{" * 3000 + '"',
        "[" * 60 + '"]]"' + "]" * 60,
        "NaN",
        "-Infinity",
        "1e999",
    ],
    ids=str.__len__,
)
def test_a_value_that_no_parser_takes_costs_no_other_row(value: str) -> None:
    """The list is read, the value harmlessly: null, or the number as a text."""
    rows = f'[{{"id":1}},{{"id":2,"title":{value},"x":"]["}},{{"id":3,"y":{value}}}]'
    page = listing(f'{{"status":true,"results":{{"data":{rows}}}}}'.encode())
    read = [reports.listed_row(row) for row in page.rows]
    assert [row.key for row in read] == ["1", "2", "3"]
    assert all(reports.kept_text(row.raw) for row in read if isinstance(row, ListedRow))
    thread = threads.thread(page.rows, zone=UTC, began_at=datetime(2026, 3, 2, tzinfo=UTC))
    assert [item.id for item in thread.items] == ["1", "2", "3"]


@pytest.mark.parametrize("broken", ["[" * 5000, '"' + '\\"' * 100_000, '{"a":[' + "1" * 5000, "\\", '["\\'])
def test_a_body_that_is_no_json_is_a_failed_call_however_it_is_broken(broken: str) -> None:
    """In time by its length."""
    with pytest.raises(UpstreamBroken):
        listing(broken.encode())


@pytest.mark.parametrize("given", ["..", ".", "a/b", "%2e%2e", "7?x", "7#x", "7 8", "1\n2", "é", "7" * 65])
def test_a_row_whose_id_makes_no_address_is_a_bad_record(given: str) -> None:
    """Nothing is ever called by it."""
    row = reports.listed_row({"id": given, "status_name": "Terverifikasi"})
    assert isinstance(row, BadRecord)
    assert len(row.key) <= 64
    if len(given) < 65:
        with pytest.raises(BadRecord):
            reports.report_of_row(ListedRow(key="7", report_id="7", hash=b"", raw={"id": given}), UTC)


@pytest.mark.parametrize("value", ["{}", '"ab"'])
def test_an_answer_of_millions_of_values_is_a_failed_call(value: str) -> None:
    """64 MB of empty objects would take 1.5 GB; a citizen's text of as many brackets is a text."""
    many = ",".join([value] * 1_200_000) if value == "{}" else ",".join([value] * 2_000_001)
    with pytest.raises(UpstreamBroken):
        listing(f'{{"results":{{"data":[{many}]}}}}'.encode())


def test_a_text_of_millions_of_brackets_is_a_text() -> None:
    """Only what stands outside of texts counts."""
    page = listing(json.dumps({"results": {"data": [{"id": 1, "content": "{," * 1_500_000}]}}).encode())
    assert isinstance(reports.listed_row(page.rows[0]), ListedRow)


def test_placeholders_make_no_text_that_no_memory_holds() -> None:
    """A thousand of them are filled in, each with a name of 500 letters at most."""
    row = {"id": 1, "content": "{{institution_from}}" * 50_000, "institution_from_name": "D" * 100_000}
    (item,) = threads.thread([row], zone=UTC, began_at=datetime(2026, 3, 2, tzinfo=UTC)).items
    assert len(item.content) < 2_000_000


@pytest.mark.parametrize(
    ("results", "is_one"),
    [
        ('{"data": {"tracking_id": "7", "status_name": "Selesai", "content": "tracking tracking"}}', True),
        ('{"data": {"tracking_id": "7", "status_name": "Selesai", "tracking_id": "7"}}', True),
        ('{"data": {"tracking_id": "8", "status_name": "Selesai", "tracking_id": "7"}}', False),
        ('{"data": {"trackingId": "8"}, "data": {"tracking_id": "7", "status_name": "Selesai"}}', False),
        ('{"data": {"tracking_id": "7", "status_name": "Selesai", "x": 1, "x": 2, "y": "tracking"}}', True),
        (
            '{"data": {"tracking_id": "7", "status_name": "Selesai", "tracking": %s}}' % ("[" * 9000 + "]" * 9000),
            True,
        ),
    ],
)
def test_a_detail_of_two_reports_under_one_name_is_none(results: str, is_one: bool) -> None:
    """Of two values under one name only the last would be read."""
    body = f'{{"status": true, "results": {results}}}'.encode()
    with nullcontext() if is_one else pytest.raises(BadRecord, match="two Tracking IDs"):
        found = reports.detail(body, asked="100", zone=WIB, began_at=BEGAN)
        assert found.report.tracking_id == "7"
