"""A part that is another thing at each read tells nothing, and hides nothing that does."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.sp4n_v3.still import loose_in, marks_beside, marks_of_answer, marks_of_items
from lapor_sync.domain.absence import says_otherwise
from lapor_sync.domain.loose import as_before, have_moved, random_names, random_places
from lapor_sync.domain.scene import Scene, Seen, Shown

NAMES = ("checksum", "version", "hash", "etag", "score", "seq", "build", "iklan")
FORMS = (
    lambda chance: chance.getrandbits(30),
    lambda chance: chance.random(),
    lambda chance: f"{chance.getrandbits(64):016x}",
    lambda chance: f"v{chance.getrandbits(40)}",
)
PLACES = ("detail", "ad", "item", "item_meta", "beside")

TOLD: tuple[tuple[Any, Any], ...] = (
    ({"pending": 0}, {"pending": 1}),
    ({"answers_count": 1}, {"answers_count": 2}),
    ({"last_response_at": 1700000000}, {"last_response_at": 1700009999}),
    ({"last_response_at": None}, {"last_response_at": "2026-03-02T10:00:00Z"}),
    ({"replies_hash": "aa11bb22"}, {"replies_hash": "cc33dd44"}),
    ({}, {"token": "aa11bb22"}),
    ({"token": "aa11bb22"}, {}),
    ({"token": "aa11bb22"}, {"token": "menunggu"}),
    ({"token": "aa11bb22"}, {"token": "cc33dd44"}),
    ({"skor": 4}, {"skor": 5}),
    ({"skor": 4}, {"skor": None}),
    ({"teks": "Aman"}, {"teks": "Sudah kami tangani"}),
    ({"hidden": {"n": 0}}, {"hidden": {"n": 1}}),
    ({"log": []}, {"log": [{"n": 1}]}),
    ({"tersedia": True}, {"tersedia": False}),
)
"""What a report says before and after something was stored."""

Marks = dict[str, str]


def read(
    nonces: list[tuple[str, str, Any]], said: tuple[str, Any], chance: random.Random, id: int
) -> tuple[Marks, Marks]:
    """The marks of one read of a report whose only item has that id: those of its detail, and of its thread."""
    at: dict[str, dict[str, Any]] = {place: {"nama": "x"} for place in PLACES}
    for place, name, form in nonces:
        at[place][name] = form(chance)
    at[said[0]].update(said[1])
    record = {"id": 41, "status_name": "Terverifikasi", **at["detail"], "ad": [at["ad"]]}
    body = json.dumps({"status": True, "results": {"data": record}, **at["beside"]}).encode()
    item = {"id": id, "content": "Kapan?", **at["item"], "meta": at["item_meta"]}
    thread = marks_of_items([(str(id), item)]) | marks_beside([{"status": True, **at["beside"]}])
    return marks_of_answer(body)[0], thread


def told(nonces: list[tuple[str, str, Any]], place: str, then: Any, now: Any, seed: int) -> tuple[str, ...]:
    """What says otherwise, where that stood there then and stands now."""
    chance = random.Random(seed)
    before = read(nonces, (place, then), chance, 7)
    mine = [read(nonces, (place, now), chance, 7) for _ in range(4)]
    others = [read(nonces, (place, then), chance, 8) for _ in range(4)]
    marks = []
    for side in (0, 1):
        reads = [one[side] for one in mine]
        names = random_names(before[side], reads, random_places([one[side] for one in others]))
        marks.append(as_before(reads[0], before[side], names))
    at = datetime(2026, 3, 2, tzinfo=UTC)
    scene = Scene(items={}, shown=Shown(detail=before[0], marks=before[1], read_at=at))
    seen = Seen(
        colour=None,
        disposed_to=None,
        items=(),
        prefix="LS",
        shown=replace(scene.shown, detail=marks[0], marks=marks[1]),
    )
    return says_otherwise(scene, seen)


@given(
    st.lists(st.tuples(st.sampled_from(PLACES), st.sampled_from(NAMES), st.sampled_from(FORMS)), max_size=12),
    st.sampled_from(PLACES),
    st.sampled_from(TOLD),
    st.integers(0, 2**32),
)
def test_one_telling_part_holds_among_any_nonces_and_they_alone_never_do(
    nonces: list[tuple[str, str, Any]], place: str, said: tuple[Any, Any], seed: int
) -> None:
    then, now = said
    assert told(nonces, place, then, then, seed) == ()
    assert told(nonces, place, then, now, seed) != ()


def test_what_moves_of_this_report_alone_or_in_what_tells_of_a_state_is_told() -> None:
    reads = [{"a": f"?{number}", "b": f"?{number % 2}", "c": str(number)} for number in range(4)]
    then = dict.fromkeys("abc", "?9")
    everywhere = frozenset("abc")
    assert random_places(reads) == {"a"}
    assert random_names(then, reads, everywhere) == {"a"}
    assert random_names(then, reads, frozenset()) == frozenset()
    assert random_names({"a": "1"}, reads, everywhere) == random_names(None, reads, everywhere) == frozenset()
    assert as_before(reads[0], None, everywhere) == reads[0]
    assert have_moved(then, reads[0])
    assert not have_moved({"c": "1"}, reads[0])
    assert not have_moved(None, None)


def test_of_several_items_each_must_move_there() -> None:
    same = [{"7\0v": f"?{number}", "8\0v": "?1"} for number in range(4)]
    assert random_places(same) == frozenset()
    assert random_places([{**one, "8\0v": f"?{n}x"} for n, one in enumerate(same)]) == {"v"}


@pytest.mark.parametrize("count", [50, 51])
def test_too_many_of_them_count_as_one_that_tells(count: int) -> None:
    found = loose_in({f"v{chr(97 + number % 26)}{'x' * (number // 26)}": number for number in range(count)})
    assert len(found) == (50 if count == 50 else 1)
    assert all(mark.startswith("?") for mark in found.values()) == (count == 50)


def test_in_a_thread_they_are_bounded_together() -> None:
    many = [(str(id), {"id": id, **{f"v{chr(97 + n)}": n for n in range(20)}}) for id in range(200)]
    marks = marks_of_items(many)
    assert sum(mark.startswith("?") for mark in marks.values()) == 2000
    assert len(marks) == 200 + 2000 + 100


def test_beside_several_pages_what_moves_on_one_moves() -> None:
    one, other = marks_beside([{"v": 1}, {"v": 2}]), marks_beside([{"v": 1}, {"v": 3}])
    assert one != other
    assert all(mark.startswith("?") for mark in one.values())
    telling = marks_beside([{"pending": {"v": 1}}, {"pending": {"v": 2}}])
    assert not any(mark.startswith("?") for mark in telling.values())
