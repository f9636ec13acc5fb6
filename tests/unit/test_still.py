"""What stays as it is while nothing happens to a report, and what may tell of an item that is not shown."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.sp4n_v3.listing import Beside, listing
from connectors.sp4n_v3.still import (
    contradiction,
    mark_of,
    mark_of_pages,
    marks_beside,
    marks_of_answer,
    marks_of_items,
    marks_of_row,
)
from lapor_sync.domain.ages import BESIDE, OF

ITEM: dict[str, Any] = {
    "id": 7,
    "content": "Kapan selesai? Terima kasih",
    "created_at": "01-03-2026 09:00:00",
    "attachments": [{"path": "https://files.example/a.jpg?X-Amz-Date=1&X-Amz-Signature=aa"}],
    "views": 3,
    "made": "2 jam yang lalu",
}


@pytest.mark.parametrize(
    "moved",
    [
        {"attachments": [{"path": "https://files.example/a.jpg?X-Amz-Date=2&X-Amz-Signature=bb"}]},
        {"views": 4},
        {"made": "3 hours ago"},
        {"Expires_At": "2026-03-01"},
        {"lastViewedAt": "2026-03-01"},
        {"sla_remaining_seconds": 4},
        {"sisaWaktu": 4},
        {"rate_limit_remaining": 4},
        {"is_read": 1},
        {"supports_count": 7},
    ],
)
def test_what_each_read_moves_is_no_change(moved: dict[str, Any]) -> None:
    assert mark_of(ITEM | moved) == mark_of(ITEM)


def test_a_row_that_says_the_details_time_in_its_own_way_says_nothing_new() -> None:
    row = marks_of_row('{"updated_at": "2026-03-02 10:00:00", "status_name": "Selesai"}')
    said, _ = marks_of_answer(
        b'{"results": {"data": {"updated_at": "2026-03-02T10:00:00", "status_name": "Selesai"}}}'
    )
    later, _ = marks_of_answer(b'{"results": {"data": {"updated_at": "2026-03-02T10:00:01"}}}')
    assert row.items() <= said.items()
    assert later["updated_at"] != row["updated_at"]


@pytest.mark.parametrize(
    "changed",
    [
        {"replies_count": 1},
        {"reply_views": 1},
        {"tanggapan_support_count": 1},
        {"last_seen_answer_id": 8123},
        {"updated_at": "02-03-2026 10:00:00"},
        {"content": "Kapan selesai? Terima kasih."},
        {"attachments": [{"path": "https://files.example/b.jpg"}]},
        {"replies": [{"id": 8}]},
        {"has_more": True},
        {"umur": "tidak diketahui"},
        {"attempts_left": 2},
        {"sisa_kuota": 4},
        {"answer_rate_limit_left": 4},
        {"answered_in_days": 2},
    ],
)
def test_any_other_field_of_an_item_counts(changed: dict[str, Any]) -> None:
    assert mark_of(ITEM | changed) != mark_of(ITEM)


@pytest.mark.parametrize(
    ("said", "age"),
    [
        ({"made": "2 jam yang lalu"}, "~2.0/3600"),
        ({"made": "about an hour ago"}, "~1.0/3600"),
        ({"made": "sehari lalu"}, "~1.0/86400"),
        ({"made": "Baru saja"}, "~0/60"),
        ({"last_age": "1 hari 3 jam"}, "~27.0/3600"),
        ({"elapsed_time": "27:10:05"}, "~97805/1"),
        ({"age_seconds": 9000}, "~9000/1"),
        ({"age_in_days": 2.5}, "~2.5/86400"),
        ({"umur": "35"}, "~35/0"),
        ({"age": 35}, "~35/0"),
        ({"days_open": 2.5}, "~2.5/86400"),
        ({"waktu_berlalu": "100 detik"}, "~100.0/1"),
    ],
)
def test_how_long_ago_something_was_is_an_age(said: dict[str, Any], age: str) -> None:
    (name,) = said
    assert marks_of_row(json.dumps(said))[name] == age
    assert marks_of_items([("7", {"id": 7, "log": [said]})])[f"7{OF}log.0.{name}"] == age
    assert marks_beside([{"meta": said, "elapsed": 4}]) == {f"{BESIDE}{OF}meta.{name}": age}


@pytest.mark.parametrize("said", [{"made": "2 jam"}, {"age": True}, {"age": -1}, {"age": 10**300}, {"age": None}])
def test_what_is_no_age_counts_as_it_is(said: dict[str, Any]) -> None:
    (mark,) = marks_of_row(json.dumps(said)).values()
    assert not mark.startswith("~")


DETAIL: dict[str, Any] = {
    "status": True,
    "message": "Success",
    "results": {"data": {"id": 41, "timestamp": "a", "followups_count": 4}, "data_logs": []},
}


def answered(headers: str = "", **around: Any) -> dict[str, str]:
    return marks_of_answer(json.dumps(DETAIL | around).encode(), headers)[0]


def test_of_a_detail_its_whole_answer_counts_but_for_what_it_says_of_itself() -> None:
    """Who answered, when, and how fast; in the report itself a time is its own."""
    assert answered(timestamp=1, request_id="a", server="web-1", took=3) == answered(timestamp=2, request_id="b")
    assert answered(uuid="a", log_id=7) == answered(uuid="b", log_id=8)
    assert answered(duration_ms=4, waktu="10:00", took_ms=2) == answered(duration_ms=5, waktu="10:01", took_ms=3)
    assert answered(message="Success at 2026-03-01 10:00:00") == answered(message="Success at 2026-03-01 10:00:09")
    inner = {"data": {"id": 41, "timestamp": "a", "followups_count": 4}, "data_logs": []}
    assert answered(results=inner | {"server_time": 1}) == answered(results=inner | {"server_time": 2})
    changed = [
        answered(message="1 tanggapan menunggu"),
        answered(pending=1),
        answered("x-total-count: 5"),
        answered(results={"data": {"id": 41, "timestamp": "b", "followups_count": 4}, "data_logs": []}),
        answered(results=[]),
    ]
    assert answered() not in changed
    assert {name for name in changed[3] if changed[3][name] != answered()[name]} == {"timestamp"}
    counts = marks_of_answer(json.dumps(DETAIL | {"results": {**inner, "jumlahTotal": 2}}).encode())[1]
    assert counts == {"followups_count": 4, "jumlahTotal": 2}


def page(rows: int, headers: str = "", link: str = "", **around: Any) -> tuple[Beside, int]:
    results = {"data": [{"id": number} for number in range(rows)], **around.pop("results", {})}
    body = json.dumps({"status": True, "message": "Success", "results": results, **around}).encode()
    beside = listing(body, link, counts=headers).beside
    assert beside is not None
    return beside, rows


def test_one_row_more_changes_nothing_beside_the_rows() -> None:
    """A number that says how many rows there are says so of them; pages and their addresses are judged elsewhere."""

    def said(rows: int) -> tuple[Beside, int]:
        pages = {
            "total": rows,
            "to": rows,
            "current_page": 1,
            "path": f"https://x.invalid/{rows}",
            "links": [rows],
        }
        message = f"{rows} tanggapan ditemukan pada 2026-03-0{rows} 10:0{rows}"
        return page(rows, f"x-total-count: {rows}", results=pages, count=rows, message=message, timestamp=rows)

    assert mark_of_pages([said(4)], 4) == mark_of_pages([said(5)], 5)
    assert mark_of_pages([page(3), page(2)], 5) == mark_of_pages([page(5)], 5)


@pytest.mark.parametrize(
    "hint",
    [
        page(4, count=5),
        page(4, results={"total": 5}),
        page(4, results={"hidden": 1}),
        page(4, results={"pending": [{"id": 9}]}),
        page(4, message="1 tanggapan menunggu persetujuan"),
        page(4, last_change="2026-03-01 10:00:00"),
        page(4, meta={"moderated": True}),
        page(4, "x-total-count: 5"),
        page(4, "x-held: 1"),
        page(4, results={"last_page": 2}),
        page(4, results={"last_page_url": "https://x.invalid/f?page=2"}),
        page(4, results={"next_page_url": "/f?page=2"}),
        page(4, results={"links": [{"url": "/f?a=b&page=2", "label": "2"}]}),
        page(4, link='<https://x.invalid/f?page=2>; rel="next"'),
        page(4, "warning: 299 - moderation"),
        page(5),  # one of them twice
    ],
)
def test_what_stands_beside_the_rows_may_tell_of_more(hint: tuple[Beside, int]) -> None:
    assert mark_of_pages([hint], 4) != mark_of_pages([page(4)], 4)


def test_a_list_that_has_numbers_now_may_have_lost_its_last_row() -> None:
    """PHP tells an array of which something was taken out from a list."""
    forms: tuple[object, ...] = ([{}], {"0": {}})
    plain, numbered = (
        listing(json.dumps({"results": {"data": rows}}).encode(), counts="").beside for rows in forms
    )
    assert plain is not None
    assert numbered is not None
    assert mark_of_pages([(plain, 1)], 1) != mark_of_pages([(numbered, 1)], 1)


@pytest.mark.parametrize(
    ("said", "is_odd"),
    [
        (page(4), False),
        (page(4, "x-total-count: 4", count=4, results={"total": 4}), False),
        (page(4, count=5), True),
        (page(4, total=5, results={"total": 4}), True),
        (page(4, meta={"total_data": "5"}), True),
        (page(4, "x-total-count: 5"), True),
        (page(4, "content-range: 5"), True),
        (page(4, jumlah_tanggapan=5), True),
        (page(4, account=5, results={"per_page": 20, "recount": 7}), False),
    ],
)
def test_numbers_of_rows_that_contradict_each_other_make_a_thread_not_whole(
    said: tuple[Beside, int], is_odd: bool
) -> None:
    assert contradiction([said], 4) == ("LAPOR counts 5 rows beside it, and 4 could be read" if is_odd else "")


def test_a_page_may_count_its_own_rows_or_all() -> None:
    assert contradiction([page(3, count=3), page(2, count=5)], 5) == ""


def test_rows_stand_in_any_usual_place() -> None:
    """A bare list, one with numbers for keys, and one deeper in."""
    bodies = (
        b'[{"id": 1}]',
        b'{"results": {"0": {"id": 1}}}',
        b'{"results": {"data": {"items": [{"id": 1}], "x": 1}}}',
    )
    around = [found.around for body in bodies if (found := listing(body, counts="").beside)]
    assert around == [
        {"results": None},
        {"results": "rows with numbers"},
        {"results": {"data": {"items": None, "x": 1}}},
    ]


@pytest.mark.parametrize(
    ("said", "beside", "moved"),
    [
        ({"note": "1 tanggapan menunggu"}, {"note": ""}, "note"),
        ({"": "1 tanggapan menunggu"}, {}, "\\"),
        ({"ad.seq": "1 tanggapan menunggu", "ad": {"seq": 5}}, {}, "ad\\.seq"),
    ],
)
def test_no_field_of_a_detail_hides_another(said: dict[str, Any], beside: dict[str, Any], moved: str) -> None:
    """One beside the report has the name of one in it; one has no name; one is called as the place of another."""
    (name, *_) = said

    def marks(words: str) -> dict[str, str]:
        return answered(results={"data": said | {name: words}, **beside})

    then, now = marks(""), marks(str(said[name]))
    assert {one for one in then if then[one] != now[one]} == {moved}


def test_counts_of_one_name_count_together() -> None:
    inner = {"data": {"id": 41, "answers_count": 1, "meta": {"answers_count": 4}}}
    assert marks_of_answer(json.dumps({"results": inner}).encode())[1] == {"answers_count": 5}
