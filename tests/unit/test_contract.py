"""Whether LAPOR's answers are still what they were: what counts as a change, and what is only an odd record."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.sp4n_v3.shapes import fields, shape_of
from lapor_sync.domain.contract import (
    MOST_CODES,
    MOST_FIELDS,
    MOST_FORMS,
    Change,
    Contract,
    Field,
    Look,
    What,
    as_kept,
    compare,
    from_kept,
)

ROW: dict[str, Any] = {
    "id": 100001,
    "status_name": "Dalam Proses",
    "updated_at": "2026-01-03 08:00:00",
    "content": "Lampu padam.",
    "rating": None,
    "place": {"name": "RT"},
    "files": [],
}


def looked(*rows: Any, call: str = "list") -> Look:
    look = Look()
    for begin in range(0, len(rows), 20):
        look.add(call, fields(shape_of({"data": list(rows[begin : begin + 20])}, lambda _id: 0)))
    return look


def known(*rows: Any) -> Contract:
    return compare({}, looked(*rows))[0]


def changes(before: Contract, *rows: Any) -> list[tuple[str, str, str]]:
    return [(one.what, one.field.removeprefix("data[]."), one.now) for one in compare(before, looked(*rows))[1]]


BEFORE = known(*[ROW] * 400)


def test_what_is_seen_first_is_told_where_it_would_have_been_seen_before() -> None:
    """A field of one row in ten, after so few rows that it may only have had no chance yet, is learned."""
    few = known(*[ROW] * 199)
    many = known(*[ROW] * 200)
    rows = [*[ROW] * 54, *[ROW | {"sla": 12}] * 6]
    assert changes(few, *rows) == []
    assert changes(many, *rows) == [("new", "sla", "int")]
    assert changes(compare(few, looked(*rows))[0], *rows) == []


def test_more_answers_of_a_call_than_before_are_no_news() -> None:
    assert changes(known(ROW), *[ROW] * 200) == []
    assert changes(known(*[ROW] * 5), *[ROW] * 200) == []


def test_the_first_look_at_a_call_is_learned_and_told_to_nobody() -> None:
    after, told = compare(BEFORE, looked(*[ROW] * 400, call="thread"))
    assert told == ()
    assert after["thread"] == after["list"]


def test_what_stays_as_it_was_is_no_change() -> None:
    assert changes(BEFORE, *[ROW] * 40) == []


@pytest.mark.parametrize(("rows", "expected"), [(4, []), (5, [("new", "sla", "int")])])
def test_a_new_field_is_one_that_many_rows_have(rows: int, expected: list[Any]) -> None:
    """An odd record is none."""
    assert changes(BEFORE, *[ROW] * 30, *[ROW | {"sla": 12}] * rows) == expected


@pytest.mark.parametrize(("rows", "expected"), [(19, []), (20, [("gone", "content", "")])])
def test_a_field_is_gone_that_none_of_enough_rows_has(rows: int, expected: list[Any]) -> None:
    row = {key: value for key, value in ROW.items() if key != "content"}
    assert changes(BEFORE, *[row] * rows) == expected


def test_a_field_that_says_nothing_any_more_is_gone_too() -> None:
    assert changes(BEFORE, *[ROW | {"content": None}] * 20) == [("gone", "content", "")]
    assert changes(BEFORE, *[ROW | {"content": None}] * 20, ROW) == []


def test_a_field_that_few_rows_have_is_missed_by_as_many_rows_as_should_have_it() -> None:
    before = known(*[ROW] * 36, *[ROW | {"note": "x"}] * 9)
    assert changes(before, *[ROW] * 99) == []
    assert changes(before, *[ROW] * 100) == [("gone", "note", "")]


def test_what_is_in_an_object_that_went_is_not_told_again() -> None:
    row = {key: value for key, value in ROW.items() if key != "place"}
    assert changes(BEFORE, *[row] * 20) == [("gone", "place", "")]
    after, _ = compare(BEFORE, looked(*[row] * 20))
    assert not [path for path in after["list"] if "place" in path]
    assert changes(after, *[ROW] * 20) == [("new", "place", "object")]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"updated_at": "03-01-2026 08:00:00"}, [("form", "updated_at", "date %d-%m-%Y %H:%M:%S")]),
        ({"id": "100001"}, [("form", "id", "digits")]),
        ({"place": "RT 3"}, [("form", "place", "text")]),
        ({"content": "081234567"}, []),
        ({"content": "https://a.test/x"}, []),
        ({"content": "2026-01-03"}, []),
        ({"content": "<b>a</b>"}, []),
        ({"content": {"html": "a"}}, [("form", "content", "object"), ("new", "content.html", "text")]),
        ({"rating": 4}, []),
        ({"files": ["x"]}, []),
        ({"status_name": "Menunggu Konfirmasi"}, [("code", "status_name", "Menunggu Konfirmasi")]),
    ],
)
def test_another_form_and_another_code_are_changes_where_many_rows_have_them(
    value: dict[str, Any], expected: list[Any]
) -> None:
    """But for texts: people write what they like. What said nothing until now had no form."""
    assert changes(BEFORE, *[ROW] * 30, *[ROW | value] * 4) == []
    told = changes(BEFORE, *[ROW] * 30, *[ROW | value] * 5)
    assert told == expected or (value.get("files") and told == [("new", "files[]", "text")])


def test_a_change_is_told_once() -> None:
    row = ROW | {"sla": 12, "updated_at": "2026-01-03", "status_name": "Dibuka Kembali"}
    after, told = compare(BEFORE, looked(*[row] * 30))
    assert {one.what for one in told} == {What.NEW, What.FORM, What.CODE}
    assert compare(after, looked(*[row] * 30))[1] == ()


def test_what_is_kept_is_bounded_whatever_comes() -> None:
    after: Any = BEFORE
    for night in range(60):
        look = Look()
        for number in range(MOST_FIELDS):
            look.add("list", [(f"data[].a{night}_{number}", f"form{night}", f"code{night}")] * 5)
        look.add(
            "list", [("data[].id", f"form{night}", f"code{at}") for at in range(MOST_CODES + 9) for _ in range(5)]
        )
        after, _ = compare(after, look)
    assert len(after["list"]) <= MOST_FIELDS
    assert all(len(one.forms) <= MOST_FORMS and len(one.codes) <= MOST_CODES for one in after["list"].values())


def test_there_is_enough_to_learn_from_when_many_rows_came() -> None:
    assert not looked(*[ROW] * 4).is_enough
    assert looked(*[ROW] * 5).is_enough


def test_it_is_kept_as_json() -> None:
    assert from_kept(json.loads(json.dumps(as_kept(BEFORE)))) == BEFORE
    assert Change(What.GONE, "list", "data") == ("gone", "list", "data", "")


def test_rows_in_json_within_a_text_are_fields_too() -> None:
    row = {"data": json.dumps({"status_old": {"name": "Selesai"}})}
    before = known(*[row] * 40)
    gone = {"data": json.dumps({"status_new": {"name": "Selesai"}})}
    assert [what for what, _, _ in changes(before, *[gone] * 20)] == ["gone", "new"]


def test_of_a_field_only_so_many_forms_and_codes_are_kept() -> None:
    """What a citizen or a fault makes without end takes no memory without end."""
    field = Field()
    for n in range(2 * MOST_CODES):
        field.add(f"form{n}", f"code{n}")
    assert (len(field.forms), len(field.codes), field.rows) == (MOST_FORMS, MOST_CODES, 2 * MOST_CODES)
