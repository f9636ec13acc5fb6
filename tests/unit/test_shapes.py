"""The shape of an answer: what is kept of it is its form, and nothing of anybody leaves, wherever it stood."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.sp4n_v3 import reports
from connectors.sp4n_v3.sampling import Sample
from connectors.sp4n_v3.shapes import FORMATS, fields, in_words, shape_of
from connectors.transport import Answer
from tests.flow.test_nasty_values import NASTY

RECORDED = Path(__file__).parents[1] / "contract" / "recorded"
CANARIES = (
    "Mardikun Kenari",
    "mardikun_kenari",
    "kenariMardikun",
    "3171-0908-1234",
    "+62 812 3456 789",
    "kenari@surat.test",
)
"""A name, a number, an address of somebody: one of them stands wherever it can."""
LEAKS = ("kenari", "mardikun", "3171", "0908", "1234", "812", "3456", "surat")


def shape(value: Any, key: str = "") -> Any:
    numbers: dict[str, int] = {}
    return shape_of(value, lambda one: numbers.setdefault(one, len(numbers) + 1), key)


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("title", "Lampu jalan padam", "text 10"),
        ("title", "  ", ""),
        ("content", "Sedang kami <b>kerjakan</b>.", "html 10"),
        ("content", "x" * 1000, "text 1000"),
        ("template_content", "<p>{{institution_from}} {{ status_old }} {{rahasia}}</p>",
         "html 10 {{institution_from}} {{status_old}}"),
        ("id", 20001234, "int 8 #1"),
        ("upstreamId", "20001234", "digits 8 #1"),
        ("id", "a-b", "text 1 #1"),
        ("phone", "081234567890", "digits 12"),
        ("size", 10**40, "int 30"),
        ("is_secret", 1, 1),
        ("is_secret", "0", "= 0"),
        ("is_secret", True, True),
        ("rating", None, None),
        ("rating", 4.5, "float"),
        ("status_code", 12, 12),
        ("status_code", 3171, "int 4"),
        ("status_code", "12", "= 12"),
        ("status_name", "Dalam Proses", "= Dalam Proses"),
        ("status_name", "Diserahkan kepada Siti", "= ? ? ?"),
        ("status_old", {"name": "Terverifikasi", "color": "#fff"}, {"name": "= Terverifikasi", "color": "text 1"}),
        ("institution", {"name": "Dinas Selesai"}, {"name": "text 10"}),
        ("template_code", "reply_pengaduan_1", "= reply_pengaduan_1"),
        ("message", "Laporan Siti tidak ditemukan", "= Laporan ? tidak ?"),
        ("path", "https://berkas.test/9/foto.jpg?sig=1", "url https ?"),
        ("path", "HTTP://berkas.test/9", "url http"),
        ("date_of_incident", "0000-00-00 00:00:00", "date 0000-00-00"),
        ("date", "3 Januari 2026 pukul 09.15 WIB", "date ?"),
        ("date", "03-01-20xx 10:00:00", "text 10"),
        ("data", '{"status_new": {"name": "Selesai"}}', {"(json)": {"status_new": {"name": "= Selesai"}}}),
        ("data", "[Lubang] di jalan", "text 10"),
        ("attachments", [], []),
        ("tags", ["a", "b"], ["text 1", "text 1"]),
    ],
)  # fmt: skip
def test_a_value_becomes_its_class(key: str, value: Any, expected: Any) -> None:
    assert shape(value, key) == expected


@pytest.mark.parametrize("form", FORMATS)
def test_a_time_is_named_by_its_form(form: str) -> None:
    text = datetime.fromisoformat("2026-01-23T09:15:20.123456+07:00").strftime(form)
    named = shape(text)
    assert named == f"date {form}" or datetime.strptime(text, named.removeprefix("date "))  # noqa: DTZ007


def test_the_same_id_has_the_same_number_as_text_and_as_number() -> None:
    found = shape([{"id": 100001}, {"id": "100002"}, {"complaint_id": "100001"}])
    assert found == [{"id": "int 6 #1"}, {"id": "digits 6 #2"}, {"complaint_id": "digits 6 #1"}]


def test_what_is_long_wide_or_deep_is_cut() -> None:
    deep: Any = 1
    for _ in range(40):
        deep = [deep]
    assert "deep" in json.dumps(shape(deep))
    assert shape(["x"] * 25)[-1] == "+5"
    wide = shape({f"a_{'x' * at}": 1 for at in range(100)})
    assert (len(wide), wide["+20"]) == (81, None)


def test_keys_of_which_nothing_is_known_are_told_apart() -> None:
    assert shape({"siti": 1, "budi": "x", "sla_budi": None}) == {"?": 1, "??": "text 1", "sla_?": None}


def test_every_field_that_is_known_keeps_its_name() -> None:
    """So a recording says of each assumed field whether it was there."""
    read = {name for names, _ in reports._READ.values() for name in names.split()}
    seen = {name for name in set(names_in(samples())) if not name.isdigit()}
    assert [name for name in sorted(read | seen) if in_words(name) != name] == []


def samples() -> list[Any]:
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(RECORDED.glob("*.json"))]


def names_in(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from names_in(part)


# Nothing of anybody.


def with_canaries(value: Any, canary: str) -> Iterator[Any]:
    """The answer with the canary at each place in turn: as a value, in one, and as a key beside it and in its place."""
    for path in places(value):
        for put in (
            canary,
            [canary],
            {canary: canary},
            json.dumps({canary: [canary], "name": canary}),
            f"Yth. {canary},",
        ):
            yield replaced(value, path, put)
        yield replaced(value, path, canary, as_key=True)


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    parts: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        yield (*at, key)
        yield from places(part, (*at, key))


def replaced(value: Any, path: tuple[Any, ...], put: Any, *, as_key: bool = False) -> Any:
    key, *rest = path
    copy = dict(value) if isinstance(value, dict) else list(value)
    if rest:
        copy[key] = replaced(copy[key], tuple(rest), put, as_key=as_key)
    elif as_key and isinstance(copy, dict):
        copy[put] = copy.pop(key)
    else:
        copy[key] = put
    return copy


@pytest.mark.parametrize("canary", CANARIES)
def test_nothing_of_anybody_is_in_a_shape_or_in_what_the_watch_keeps_of_it(canary: str) -> None:
    """In each field of each call, as value and as key, in the place of a status and in JSON within a text."""
    for sample in samples():
        for answer in with_canaries(sample, canary):
            formed = shape(answer)
            for kept in (json.dumps(formed, ensure_ascii=False), repr(list(fields(formed)))):
                assert not [leak for leak in LEAKS if leak in kept.lower()], kept


# The sample.


def answer(body: bytes, status: int = 200) -> Answer:
    return Answer(status=status, body=body, began_at=datetime.fromisoformat("2026-01-01T00:00:00+00:00"))


def test_a_sample_takes_whatever_comes_and_stays_small() -> None:
    """Nasty values at each place, huge answers, calls without end: nothing raises, and what is kept is bounded."""
    sample = Sample("/complaints")
    for value in NASTY:
        for body in (
            '{"status":true,"results":{"data":[@]}}',
            '{"status":true,"results":{"data":[{"title":@,"id":1}]}}',
        ):
            sample.seen("GET /complaints", "", {}, answer(body.replace("@", value).encode()))
    for number in range(1000):
        row = json.dumps({f"sla_{'x' * (number % 50)}{'_a' * (number % 7)}_{key}": key for key in range(60)})
        sample.seen("GET /complaints/{id}/complaint", "7", {}, answer(f'{{"results":{row}}}'.encode()))
    found = sample.take()
    assert found is not None
    assert all(len(places) <= 400 for places in found.calls.values())
    assert max(one.rows for one in found.calls["report"].values()) <= Sample.MOST
    assert len(repr({call: sorted(places) for call, places in found.calls.items()})) < 100_000


def test_a_sample_takes_few_of_the_answers_that_hold_many_rows() -> None:
    """A page of a hundred reports takes 10 ms to look at: sixty of them took half a second of a first listing."""
    sample = Sample("/complaints")
    page = json.dumps({"results": {"data": [{"id": 7, "title": "x" * 1_500} for _ in range(100)]}}).encode()
    for _ in range(60):
        sample.seen("GET /complaints", "", {}, answer(page))
    found = sample.take()
    assert found is not None
    (rows,) = {one.rows for path, one in found.calls["list"].items() if path.endswith("title")}
    assert 200 <= rows <= 400


def test_a_sample_learns_nothing_of_failed_large_and_other_calls() -> None:
    sample = Sample("/complaints")
    for what, body, status in (
        ("GET /complaints", b'{"status":false}', 500),
        ("GET attachment", b'{"status":true}', 200),
        ("GET /complaints", b"<html>", 200),
        ("GET /complaints", b'{"status":true}' + b" " * Sample.LARGEST, 200),
    ):
        for _ in range(9):
            sample.seen(what, "", {}, answer(body, status))
    assert sample.take() is None
    for _ in range(9):
        sample.seen("GET /complaints", "", {}, answer(b'{"status":true}'))
    assert sample.take() is not None
    assert sample.take() is None
