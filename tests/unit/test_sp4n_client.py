"""What the v3 client asks for, exactly, and what it makes of odd lists; the rest is in the contract suite."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpcore
import httpx
import pytest
import respx

from connectors.sp4n_v3 import Sp4nSettings, Sp4nV3, client, envelopes
from connectors.transport import Transport, TransportSettings
from connectors.transport.room import Room
from lapor_sync.domain.delivery import Sent, Unknown
from lapor_sync.domain.errors import Missing, NotNow, TooLarge, Unreachable, UpstreamBroken, UpstreamError
from lapor_sync.domain.ports import Uptime
from lapor_sync.domain.report import Attachment, Outgoing, OutgoingFile, Template
from lapor_sync.words.en import advised

BASE = "https://lapor.test/lapor/3.0.0"
NOW = datetime(2026, 11, 24, 3, 0, 0, 123456, tzinfo=UTC)


class StillClock:
    def now(self) -> datetime:
        return NOW

    def uptime(self) -> Uptime:
        return Uptime("test", self.monotonic())

    def monotonic(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        return None


@pytest.fixture
def upstream() -> Iterator[respx.MockRouter]:
    with respx.mock(assert_all_called=False) as router:
        yield router


@pytest.fixture
def transport() -> Iterator[Transport]:
    settings = TransportSettings(base_url=BASE, bearer="b", token="t", rate_per_second=0, pause=lambda tries: 0.0)
    with Transport(settings, clock=StillClock()) as client:
        yield client


def answer(results: object, **headers: str) -> httpx.Response:
    return httpx.Response(200, json={"status": True, "results": results}, headers=headers)


def outgoing(**changes: Any) -> Outgoing:
    given: dict[str, Any] = {
        "ref": "LS-ABCDEF",
        "report_id": "100",
        "tracking_id": "20001234",
        "text": "Siap.\n[Ref LS-ABCDEF]",
        "institution_from_id": "611",
        "institution_to_id": "601",
        "user_id": "77",
    }
    return Outgoing(**(given | changes))


def by_page(give: Callable[[int, int], httpx.Response]) -> Callable[[httpx.Request], httpx.Response]:
    """An answer by (call number, page number)."""
    calls = 0

    def handle(request: httpx.Request) -> httpx.Response:
        nonlocal calls
        calls += 1
        return give(calls, int(request.url.params["page"]))

    return handle


# Lists.


def test_the_filter_is_a_time_with_the_upstreams_offset(upstream: Any, transport: Transport) -> None:
    """Escaped, without fractions; parameter and path are settings."""
    route = upstream.get(url__startswith=BASE).mock(return_value=answer({"data": [], "current_page": 1}))
    list(Sp4nV3(transport).list_reports(updated_from=NOW))
    assert (
        route.calls.last.request.url.raw_path.decode()
        == "/lapor/3.0.0/complaints?page=1&page_size=100&updated_from=2026-11-24T10%3A00%3A00%2B07%3A00"
    )
    settings = Sp4nSettings(list_path="/laporan", updated_param="sejak", page_size=7, timezone="Asia/Jayapura")
    list(Sp4nV3(transport, settings).list_reports(updated_from=NOW))
    assert (
        route.calls.last.request.url.raw_path.decode()
        == "/lapor/3.0.0/laporan?page=1&page_size=7&sejak=2026-11-24T12%3A00%3A00%2B09%3A00"
    )


def test_without_a_filter_there_nothing_is_asked(upstream: Any, transport: Transport) -> None:
    """An empty parameter name, or no time."""
    route = upstream.get(url__startswith=BASE).mock(return_value=answer({"data": [], "current_page": 1}))
    list(Sp4nV3(transport, Sp4nSettings(updated_param="")).list_reports(updated_from=NOW))
    list(Sp4nV3(transport).list_reports(updated_from=None))
    assert {str(call.request.url.params) for call in route.calls} == {"page=1&page_size=100"}


def test_nothing_is_asked_before_the_first_page_is_wanted(upstream: Any, transport: Transport) -> None:
    """And the next one is on its way while the caller works on this."""
    second = threading.Event()

    def give(call: int, page: int) -> httpx.Response:
        if page == 2:
            second.set()
        return answer({"data": [{"id": page}], "total": 2, "next_page_url": "x" if page == 1 else None})

    route = upstream.get(url__startswith=BASE).mock(side_effect=by_page(give))
    pages = Sp4nV3(transport).list_reports(updated_from=None)
    assert route.call_count == 0
    next(pages)
    assert second.wait(60)
    assert [page.complete for page in pages] == [True]


def test_pages_of_a_further_pass_that_bring_nothing_new_are_left_out(upstream: Any, transport: Transport) -> None:
    """But for the last, which says that it is complete; all say when the listing began."""
    dates = iter(f"Tue, 24 Nov 2026 03:00:{second:02} GMT" for second in range(10, 60))

    def give(call: int, page: int) -> httpx.Response:
        more = "x" if page < 3 else None
        return answer(
            {"data": [{"id": page}, {"id": 9}], "current_page": page, "next_page_url": more}, Date=next(dates)
        )

    route = upstream.get(url__startswith=BASE).mock(side_effect=by_page(give))
    pages = list(Sp4nV3(transport).list_reports(updated_from=None))
    assert [[row.key for row in page.rows] for page in pages] == [["1", "9"], ["2", "9"], ["3", "9"], ["3", "9"]]
    assert [page.complete for page in pages] == [None, None, None, True]
    assert {page.began_at for page in pages} == {datetime(2026, 11, 24, 3, 0, 9, tzinfo=UTC)}
    assert route.call_count == 6


def test_a_full_page_that_says_nothing_of_a_next_one_is_not_believed_to_be_the_last(
    upstream: Any, transport: Transport
) -> None:
    """A list without a paginator's fields. Once a page before the first is asked for, too."""
    rows: list[list[dict[str, int]]] = [[{"id": 1}, {"id": 2}], [{"id": 3}]]
    rows.append([])
    route = upstream.get(url__startswith=BASE).mock(side_effect=by_page(lambda call, page: answer(rows[page - 1])))
    connector = Sp4nV3(transport, Sp4nSettings(page_size=2))
    for calls in (7, 13):
        pages = list(connector.list_reports(updated_from=None))
        assert {row.key for page in pages for row in page.rows} == {"1", "2", "3"}
        assert pages[-1].complete is True
        assert route.call_count == calls


def test_a_page_that_is_not_there_is_the_end_but_for_the_first(upstream: Any, transport: Transport) -> None:
    """Some paginators answer 404 beyond the last page."""

    def give(call: int, page: int) -> httpx.Response:
        return answer({"data": [{"id": 1}], "next_page_url": "x"}) if page == 1 else httpx.Response(404)

    upstream.get(f"{BASE}/complaints").mock(side_effect=by_page(give))
    upstream.get(f"{BASE}/gone").mock(return_value=httpx.Response(404))
    pages = list(Sp4nV3(transport).list_reports(updated_from=None))
    assert [row.key for page in pages for row in page.rows] == ["1"]
    assert pages[-1].complete is True
    with pytest.raises(Missing):
        list(Sp4nV3(transport, Sp4nSettings(list_path="/gone")).list_reports(updated_from=None))


def test_rows_without_any_id_are_set_aside_and_counted(upstream: Any, transport: Transport) -> None:
    """A broken row does not keep the listing from being complete."""
    rows = [{"id": 1}, {"title": "?"}, "kaputt"]
    route = upstream.get(url__startswith=BASE).mock(
        return_value=answer({"data": rows, "total": 3, "next_page_url": None})
    )
    pages = list(Sp4nV3(transport).list_reports(updated_from=None))
    assert [len(page.bad) for page in pages] == [2]
    assert pages[-1].complete is True
    assert pages[-1].total == 3
    assert route.call_count == 1


def test_a_listing_that_keeps_growing_says_that_it_is_not_complete(upstream: Any, transport: Transport) -> None:
    """Its rows are good all the same."""
    upstream.get(url__startswith=BASE).mock(
        side_effect=by_page(lambda call, page: answer({"data": [{"id": call}] if page == 1 else [], "total": 99}))
    )
    pages = list(Sp4nV3(transport).list_reports(updated_from=None))
    assert [page.complete for page in pages] == [None, None, None, False]
    assert pages[-1].why == "LAPOR says that there are 99 rows, and 3 could be read"


def test_an_answer_says_in_its_headers_and_around_its_rows_which_report_it_is_about(
    upstream: Any, transport: Transport
) -> None:
    said = {"data": [{"id": 1, "content": "satu"}], "complaint_id": 101, "path": "/api/complaints/102/followups"}
    upstream.get(BASE + "/complaints/100/followups").mock(
        side_effect=by_page(lambda _, page: answer(said if page == 1 else [], **{"X-Complaint-Id": "103"}))
    )
    detail = {"data": {"id": 100, "status_name": "Selesai", "complaint_id": 104}, "tracking_id": "105"}
    upstream.get(BASE + "/complaints/100/complaint").mock(
        return_value=answer(detail, **{"Content-Location": "/complaints/106/complaint", "X-Request-Id": "107"})
    )
    assert Sp4nV3(transport).read_thread("100").about == {"101", "102", "103"}
    assert Sp4nV3(transport).read_report("100").about == {"105", "106"}


@pytest.mark.parametrize("status", [400, 404, 410, 416, 422])
def test_a_page_that_nothing_was_said_of_may_not_be_there(
    upstream: Any, transport: Transport, status: int
) -> None:
    """However upstream says so, it is the end; any other failure is one."""
    upstream.get(url__startswith=BASE).mock(
        side_effect=by_page(lambda call, page: answer([{"id": 1}]) if page == 1 else httpx.Response(status))
    )
    thread = Sp4nV3(transport).read_thread("100")
    assert (len(thread.items), thread.complete) == (1, True)


def test_pages_that_are_counted_from_zero_are_no_other_pages(upstream: Any, transport: Transport) -> None:
    """The first one says which way it is."""
    upstream.get(url__startswith=BASE).mock(
        side_effect=by_page(
            lambda call, page: answer({"data": [{"id": page}], "page": page - 1, "has_more": page < 3, "total": 3})
        )
    )
    assert Sp4nV3(transport).read_thread("100").complete


def test_a_first_page_for_every_page_is_said(upstream: Any, transport: Transport) -> None:
    """In a list and in a thread: what was read is there, and it is not complete."""
    rows = [{"id": number} for number in range(15)]
    upstream.get(url__startswith=BASE).mock(
        return_value=answer({"data": rows, "current_page": 1, "last_page": 3, "total": 45})
    )
    pages = list(Sp4nV3(transport).list_reports(updated_from=None))
    assert (pages[-1].complete, pages[-1].why) == (False, "asked for page 2, LAPOR gave another one")
    thread = Sp4nV3(transport).read_thread("100")
    assert (len(thread.items), thread.complete, thread.why) == (
        15,
        False,
        "asked for page 2, LAPOR gave another one",
    )


def test_a_thread_out_of_which_items_were_taken_is_not_whole(upstream: Any, transport: Transport) -> None:
    """LAPOR leaves out what it does not show: the last one would leave no gap."""
    rows = {"0": {"id": 1}, "2": {"id": 3}}
    upstream.get(url__startswith=BASE).mock(
        side_effect=by_page(lambda call, page: answer({"data": rows if page == 1 else [], "next_page_url": None}))
    )
    thread = Sp4nV3(transport).read_thread("100", as_proof=True, fresh=True)
    assert (len(thread.items), thread.complete, "some are missing" in thread.why) == (2, False, True)


def test_two_items_of_one_id_on_two_pages_are_two(upstream: Any, transport: Transport) -> None:
    """Were one to hide the other, a response that arrived could look lost."""
    items = [{"id": 1, "content": "satu"}, {"id": 1, "content": "dua"}]
    upstream.get(url__startswith=BASE).mock(
        side_effect=by_page(
            lambda call, page: answer({"data": items[page - 1 : page], "next_page_url": "x" if page < 2 else None})
        )
    )
    assert {item.content for item in Sp4nV3(transport).read_thread("100").items} == {"satu", "dua"}


def test_a_thread_that_keeps_changing_says_that_it_is_not_complete(upstream: Any, transport: Transport) -> None:
    """Absence in it would prove nothing; what could be read is there."""
    upstream.get(url__startswith=BASE).mock(
        side_effect=by_page(lambda call, page: answer({"data": [{"id": call}] if page == 1 else [], "total": 99}))
    )
    thread = Sp4nV3(transport).read_thread("20001234")
    assert not thread.complete
    assert thread.why == "LAPOR says that there are 99 rows, and 3 could be read"
    assert [item.id for item in thread.items] == ["1", "3", "5"]


@pytest.mark.parametrize(
    ("name", "most", "why"),
    [
        ("MAX_RECORD", 2_000, "all pages hold more than 2000 bytes"),
        ("MAX_VALUES", 40, "all pages hold more than 40 values"),
        ("MAX_ITEMS", 7, "all pages hold more than 7 rows"),
    ],
)
def test_a_thread_is_bounded_over_all_its_pages(
    upstream: Any, transport: Transport, monkeypatch: pytest.MonkeyPatch, name: str, most: int, why: str
) -> None:
    """Each page is a small one. It is that record that is too large, and it says so."""
    monkeypatch.setattr(envelopes if name == "MAX_VALUES" else client, name, most)
    route = upstream.get(url__startswith=BASE).mock(
        side_effect=by_page(
            lambda call, page: answer({"data": [{"id": page, "content": "x" * 500}], "next_page_url": "x"})
        )
    )
    with pytest.raises(TooLarge) as caught:
        Sp4nV3(transport).read_thread("100")
    assert caught.value.reason == f"GET /complaints/{{id}}/followups: {why}"
    assert (caught.value.key, caught.value.report_id) == ("100", "100")
    assert route.call_count < 20


def test_one_answer_that_is_too_large_is_a_record_that_is(
    upstream: Any, transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A detail, or a page of a thread, by its bytes or its values; asked for once."""
    monkeypatch.setattr(client, "MAX_RECORD", 3_000)
    route = upstream.get(url__startswith=BASE).mock(return_value=answer({"data": [{"content": "x" * 3_000}]}))
    for read in (Sp4nV3(transport).read_report, Sp4nV3(transport).read_thread):
        with pytest.raises(TooLarge, match="larger than 3000 bytes"):
            read("100")
    assert route.call_count == 2
    monkeypatch.setattr(envelopes, "MAX_VALUES", 10)
    upstream.get(url__startswith=BASE).mock(return_value=answer({"data": [{}] * 10}))
    for read in (Sp4nV3(transport).read_report, Sp4nV3(transport).read_thread):
        with pytest.raises(TooLarge, match="more than 10 values"):
            read("100")


def test_a_thread_of_too_many_items_that_are_none_is_none(upstream: Any, transport: Transport) -> None:
    """They would be put away one by one, each time it is read."""
    upstream.get(url__startswith=BASE).mock(return_value=answer({"data": list(range(100)), "total": 100}))
    assert len(Sp4nV3(transport).read_thread("100").bad) == 100
    upstream.get(url__startswith=BASE).mock(return_value=answer({"data": list(range(101)), "total": 101}))
    with pytest.raises(TooLarge, match="more than 100 items that are none"):
        Sp4nV3(transport).read_thread("100")


def test_a_page_of_a_list_that_is_too_large_costs_no_other(
    upstream: Any, transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pages after it are read, and the list says that it is not whole; also where it is the first page."""
    monkeypatch.setattr(envelopes, "MAX_VALUES", 60)
    for large in (1, 2):
        count = {1: 1, 2: 1, 3: 1, large: 99}

        def give(_call: int, page: int, count: dict[int, int] = count) -> httpx.Response:
            rows = [{"id": page}] * count.get(page, 0)
            return answer({"data": rows, "last_page": 3, "next_page_url": "x" if page < 3 else None, "total": 101})

        upstream.get(url__startswith=BASE).mock(side_effect=by_page(give))
        pages = list(Sp4nV3(transport).list_reports(updated_from=None))
        assert {row.key for page in pages for row in page.rows} == {"1", "2", "3"} - {str(large)}
        assert pages[-1].complete is False
        assert pages[-1].why == "GET /complaints: the answer holds more than 60 values"


FAILED = {
    "500": httpx.Response(500, text="<h1>Whoops</h1>"),
    "200 with HTML": httpx.Response(200, text="<h1>Whoops</h1>"),
    "nothing": httpx.Response(200),
    "status false": httpx.Response(200, json={"status": False, "message": "SQLSTATE"}),
}


@pytest.mark.parametrize("failed", FAILED.values(), ids=FAILED)
def test_a_page_of_a_list_that_cannot_be_read_costs_no_other(
    failed: httpx.Response, upstream: Any, transport: Transport
) -> None:
    """One row that LAPOR fails at is no outage: the others are mirrored, and their responses leave."""

    def give(_call: int, page: int) -> httpx.Response:
        if page == 2:
            return failed
        return answer({"data": [{"id": page}], "last_page": 3, "next_page_url": "x" if page < 3 else None})

    upstream.get(url__startswith=BASE).mock(side_effect=by_page(give))
    pages = list(Sp4nV3(transport).list_reports(updated_from=None))
    assert {row.key for page in pages for row in page.rows} == {"1", "3"}
    assert pages[-1].complete is False
    assert pages[-1].why.startswith("page 2 cannot be read: GET /complaints")


def test_a_list_that_cannot_be_read_at_all_or_from_which_no_answer_comes_has_failed(
    upstream: Any, transport: Transport
) -> None:
    upstream.get(url__startswith=BASE).mock(return_value=FAILED["500"])
    with pytest.raises(UpstreamBroken):
        list(Sp4nV3(transport).list_reports(updated_from=None))

    def give(_call: int, page: int) -> httpx.Response:
        if page == 2:
            raise httpcore.ReadError
        return answer({"data": [{"id": page}], "next_page_url": "x"})

    upstream.get(url__startswith=BASE).mock(side_effect=by_page(give))
    with pytest.raises(Unreachable):
        list(Sp4nV3(transport).list_reports(updated_from=None))


@pytest.mark.parametrize("failed", FAILED.values(), ids=FAILED)
def test_a_first_page_that_fails_always_costs_no_other(
    failed: httpx.Response, upstream: Any, transport: Transport
) -> None:
    """The second page tells whether it is the list that fails."""

    def give(_call: int, page: int) -> httpx.Response:
        if page == 1:
            return failed
        return answer({"data": [{"id": page}], "last_page": 3, "next_page_url": "x" if page < 3 else None})

    upstream.get(url__startswith=BASE).mock(side_effect=by_page(give))
    pages = list(Sp4nV3(transport).list_reports(updated_from=None))
    assert {row.key for page in pages for row in page.rows} == {"2", "3"}
    assert (pages[-1].complete, pages[-1].lacks_first) == (False, True)
    assert pages[-1].why.startswith("page 1 cannot be read: GET /complaints")
    beyond = answer({"data": [], "total": 40, "last_page": 1})
    upstream.get(url__startswith=BASE).mock(
        side_effect=by_page(lambda call, page: failed if page == 1 else beyond)
    )
    with pytest.raises(UpstreamBroken):
        next(Sp4nV3(transport).list_reports(updated_from=None))


@pytest.mark.parametrize("said", [{}, {"total": 45}, {"last_page": 5, "next_page_url": "x"}], ids=str)
def test_pages_that_are_counted_from_0_in_silence(
    said: dict[str, Any], upstream: Any, transport: Transport
) -> None:
    """Their rows are mirrored, and the list is not whole; so with a thread."""

    def give(_call: int, page: int) -> httpx.Response:
        ids = range(page * 10, min(page * 10 + 10, 45))
        more = {"next_page_url": "x" if page < 4 else None} if "next_page_url" in said else {}
        return answer({"data": [{"id": id + 1, "content": str(id)} for id in ids], **said, **more})

    upstream.get(url__startswith=BASE).mock(side_effect=by_page(give))
    connector = Sp4nV3(transport)
    for _ in range(2):
        pages = list(connector.list_reports(updated_from=None))
        assert {row.key for page in pages for row in page.rows} == {str(id + 1) for id in range(45)}
        assert (pages[-1].complete, bool(pages[-1].why)) == (False, True)
        thread = connector.read_thread("100")
        assert (len(thread.items), thread.complete, bool(thread.why)) == (45, False, True)


def test_a_short_list_that_stands_on_page_0_alone(upstream: Any, transport: Transport) -> None:
    """Page 1 is empty, as where nothing changed."""
    rows = {0: [{"id": 1}]}
    upstream.get(url__startswith=BASE).mock(side_effect=by_page(lambda call, page: answer(rows.get(page, []))))
    connector = Sp4nV3(transport)
    pages = list(connector.list_reports(updated_from=NOW))
    assert ([row.key for page in pages for row in page.rows], pages[-1].complete) == (["1"], False)
    rows.clear()
    assert list(connector.list_reports(updated_from=NOW))[-1].complete
    assert connector.read_thread("100").complete


@pytest.mark.parametrize("status", [404, 500])
def test_a_page_0_that_fails_may_only_have_failed_now(status: int, upstream: Any, transport: Transport) -> None:
    """That there is none is told at once; a server's error must have come some times."""
    rows = [{"id": 1}]
    asked: list[int] = []

    def give(_call: int, page: int) -> httpx.Response:
        asked.append(page)
        return httpx.Response(status) if page == 0 else answer(rows if page == 1 else [])

    upstream.get(url__startswith=BASE).mock(side_effect=by_page(give))
    connector = Sp4nV3(transport)
    for _ in range(5):
        assert list(connector.list_reports(updated_from=None))[-1].complete
    assert asked.count(0) == (1 if status == 404 else 3 * 3)  # each of three tries


def test_pages_of_rows_that_are_no_reports_come_to_an_end(upstream: Any, transport: Transport) -> None:
    """Each page has new ones, and names a next page."""
    route = upstream.get(url__startswith=BASE).mock(
        side_effect=by_page(
            lambda call, page: answer({"data": [{"title": str(call)}], "current_page": page, "next_page_url": "x"})
        )
    )
    pages = list(Sp4nV3(transport).list_reports(updated_from=None))
    assert (sum(len(page.bad) for page in pages), pages[-1].complete) == (client.MAX_BAD_PAGES, False)
    assert pages[-1].why == "more than 10 pages in a row hold nothing but rows that are no reports"
    assert route.call_count < 50


def test_a_list_of_nothing_but_large_pages_comes_to_an_end(
    upstream: Any, transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So does one that invents rows for ever."""
    monkeypatch.setattr(envelopes, "MAX_VALUES", 60)
    route = upstream.get(url__startswith=BASE).mock(return_value=answer([{}] * 99))
    pages = list(Sp4nV3(transport).list_reports(updated_from=None))
    assert [page.complete for page in pages][-1] is False
    assert route.call_count < 10
    monkeypatch.setattr(client, "MAX_LISTED", 3_000)
    route = upstream.get(url__startswith=BASE).mock(
        side_effect=by_page(lambda call, page: answer({"data": [{"id": call}], "next_page_url": "x"}))
    )
    pages = list(Sp4nV3(transport).list_reports(updated_from=None))
    assert (pages[-1].complete, pages[-1].why) == (False, "all pages are larger than 3000 bytes")
    assert route.call_count < 200


def test_of_rows_that_are_no_reports_a_page_gives_some(upstream: Any, transport: Transport) -> None:
    """Each is put away by itself; a page of many more is said, and its reports are there."""
    rows = [{"id": 7}, *({"title": str(number)} for number in range(1001))]
    upstream.get(url__startswith=BASE).mock(return_value=answer({"data": rows, "total": 1002}))
    pages = list(Sp4nV3(transport).list_reports(updated_from=None))
    assert ([row.key for row in pages[0].rows], len(pages[0].bad)) == (["7"], 1000)
    assert (pages[-1].complete, pages[-1].why) == (False, "page 1 holds more than 1000 rows that are no reports")


def test_large_records_are_read_as_far_as_there_is_room(
    upstream: Any, transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is read and not dealt with yet takes it; once that is gone there is room again. Small ones always have it."""
    reader = Sp4nV3(transport)
    monkeypatch.setattr(reader, "_room", Room(most=900_000))
    row = {"id": 1, "tracking_id": "7000001", "status_name": "Selesai"}
    upstream.get(url__regex=".*/10./.*").mock(
        return_value=answer({"data": [row | {"title": "x" * 100_000}], "current_page": 1, "next_page_url": None})
    )
    upstream.get(url__regex=".*/200/.*").mock(return_value=answer({"data": [row]}))
    kept = [reader.read_report("100"), reader.read_thread("101")]
    with pytest.raises(NotNow):
        reader.read_report("102")
    with pytest.raises(NotNow):
        reader.read_thread("102")
    assert reader.read_report("200").report.status_name == "Selesai"
    kept.pop()
    assert len(reader.read_thread("101").items) == 1
    assert reader.read_report("102").report.upstream_id == "1"


def test_a_record_larger_than_all_the_room_is_read_alone(
    upstream: Any, transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it never were."""
    reader = Sp4nV3(transport)
    monkeypatch.setattr(reader, "_room", Room(most=1))
    upstream.get(url__startswith=BASE).mock(
        return_value=answer({"data": [{"content": "x" * 100_000}], "total": 1})
    )
    for _ in range(3):
        assert len(reader.read_thread("100").items) == 1


def test_to_prove_an_absence_pages_beyond_the_end_are_asked_for(upstream: Any, transport: Transport) -> None:
    """A page that says that it is the last, and is not: no page more is asked for else."""
    rows = {1: [1, 2, 3, 4, 5], 2: [6, 7]}

    def give(call: int, page: int) -> httpx.Response:
        items = [{"id": id, "content": str(id)} for id in rows.get(page, [])]
        return answer({"data": items, "current_page": page, "last_page": 1})

    upstream.get(url__startswith=BASE).mock(side_effect=by_page(give))
    connector = Sp4nV3(transport)
    usual, proof = connector.read_thread("100"), connector.read_thread("100", as_proof=True)
    assert (len(usual.items), usual.complete) == (5, True)
    assert (len(proof.items), proof.why) == (7, "LAPOR says that page 1 is the last, and there are more")


@pytest.mark.parametrize("status", [200, 404, 500])
def test_to_prove_an_absence_a_page_before_the_first_is_asked_for(
    status: int, upstream: Any, transport: Transport
) -> None:
    """Where pages are counted from 0 in silence, the newest items may stand on it."""
    rows = {0: [1, 2], 1: [3]}

    def give(call: int, page: int) -> httpx.Response:
        if page == 0 and status != 200:
            return httpx.Response(status)
        return answer({"data": [{"id": id, "content": str(id)} for id in rows.get(page, [])]})

    upstream.get(url__startswith=BASE).mock(side_effect=by_page(give))
    thread = Sp4nV3(transport).read_thread("100", as_proof=True)
    assert len(thread.items) == (3 if status == 200 else 1)
    assert thread.why == ("there is a page before page 1" if status == 200 else "")


def test_a_page_before_the_first_that_gets_no_answer_is_no_proof(upstream: Any, transport: Transport) -> None:
    """It may hold anything."""

    def give(call: int, page: int) -> httpx.Response:
        if page == 0:
            raise httpcore.ReadTimeout("silence")
        return answer({"data": [{"id": 3, "content": "tiga"}] if page == 1 else []})

    upstream.get(url__startswith=BASE).mock(side_effect=by_page(give))
    with pytest.raises(UpstreamError):
        Sp4nV3(transport).read_thread("100", as_proof=True)


def test_a_thread_began_with_its_first_call(upstream: Any, transport: Transport) -> None:
    """Of the first pass: only what was stored before it is certain to be in it."""
    dates = iter(f"Tue, 24 Nov 2026 03:00:{second:02} GMT" for second in range(10, 60))
    upstream.get(url__startswith=BASE).mock(
        side_effect=by_page(
            lambda call, page: answer(
                {"data": [{"id": page}], "current_page": page, "next_page_url": "x" if page < 2 else None},
                Date=next(dates),
            )
        )
    )
    connector = Sp4nV3(transport)
    assert connector.read_thread("100").began_at == datetime(2026, 11, 24, 3, 0, 9, tzinfo=UTC)
    assert connector.upstream_now() - timedelta(seconds=13) == datetime(2026, 11, 24, 3, 0, tzinfo=UTC)


@pytest.mark.parametrize("status", [201, 203, 206])
def test_only_under_200_a_read_proves_an_absence(status: int, upstream: Any, transport: Transport) -> None:
    """A part of it, or what a proxy made of it; a detail too."""
    rows = {"data": [{"id": 1}], "total": 1}
    upstream.get(url__regex=r"/followups").mock(
        side_effect=lambda _: httpx.Response(status, json={"results": rows})
    )
    thread = Sp4nV3(transport).read_thread("41")
    assert (thread.complete, thread.why) == (False, f"of a page of it, it came under HTTP {status}")
    detail = {"results": {"data": {"id": 41, "status_name": "Selesai", "comments_count": 2}}}
    upstream.get(url__regex=r"/complaint$").mock(side_effect=lambda _: httpx.Response(status, json=detail))
    found = Sp4nV3(transport).read_report("41", fresh=True)
    assert (found.doubt, found.counts) == (f"it came under HTTP {status}", {"comments_count": 2})


@pytest.mark.parametrize(
    ("item", "is_sound"),
    [
        ('{"id": 41, "status_name": "Selesai", "content": "Baik", "content": "Baik"}', True),
        (f'{{"id": 41, "status_name": "Selesai", "content": "\xe9", "n": {"9" * 5000}}}', True),
        ('{"id": 41, "status_name": "Selesai", "content": "Sudah kami perbaiki.", "content": ""}', False),
        (f'{{"id": 41, "status_name": "Selesai", "content": {"[" * 60}"Sudah kami perbaiki."{"]" * 60}}}', False),
        (
            f'{{"id": 41, "status_name": "Selesai", "content": {"[" * 3000}"Sudah kami perbaiki."{"]" * 3000}}}',
            False,
        ),
    ],
)
def test_what_is_said_and_not_read_proves_no_absence(
    item: str, is_sound: bool, upstream: Any, transport: Transport
) -> None:
    """Of two values under one name only the last is read, and nothing of what is nested too deep: the response that
    is looked for may stand there."""
    body = b'{"results": {"data": {}, "total": 1}}'
    thread = body.replace(b"{}", f"[{item}]".encode("latin-1"))
    detail = body.replace(b"{}", item.encode("latin-1"))
    upstream.get(url__regex=r"/followups").mock(side_effect=lambda _: httpx.Response(200, content=thread))
    upstream.get(url__regex=r"/complaint$").mock(side_effect=lambda _: httpx.Response(200, content=detail))
    connector = Sp4nV3(transport)
    assert connector.read_thread("41", fresh=True).complete is is_sound
    assert connector.read_thread("41").complete
    assert (not connector.read_report("41", fresh=True).doubt) is is_sound


def test_a_thread_that_counts_more_than_it_shows_proves_no_absence(upstream: Any, transport: Transport) -> None:
    """In a header, beside a total that is right; only where an absence is to be proven."""
    shown = answer({"data": [{"id": 1}], "total": 1}, **{"X-Total-Count": "2"})
    upstream.get(url__startswith=BASE).mock(side_effect=lambda _: shown)
    connector = Sp4nV3(transport)
    assert connector.read_thread("41", fresh=True).complete
    assert (
        connector.read_thread("41", as_proof=True, fresh=True).why
        == "LAPOR counts 2 rows beside it, and 1 could be read"
    )


def test_what_each_item_says_is_marked_where_something_may_leave(upstream: Any, transport: Transport) -> None:
    upstream.get(url__startswith=BASE).mock(side_effect=lambda _: answer({"data": [{"id": 1}, 7], "total": 2}))
    connector = Sp4nV3(transport)
    assert connector.read_thread("41").marks is None
    marked = connector.read_thread("41", fresh=True)
    assert marked.beside is not None
    assert [len(key) > 1 for key in marked.marks or ()] == [False, True]


def test_a_cached_page_makes_a_list_no_proof(upstream: Any, transport: Transport) -> None:
    """What it shows counts; what it does not may stand on LAPOR by now."""
    upstream.get(url__startswith=BASE).mock(
        return_value=answer({"data": [{"id": 1}], "total": 1}, **{"X-Cache": "HIT"})
    )
    thread = Sp4nV3(transport).read_thread("100", fresh=True)
    assert (len(thread.items), thread.complete, thread.why) == (1, False, "of a page of it, it came from a cache")
    last = list(Sp4nV3(transport).list_reports(updated_from=None))[-1]
    assert (len(last.rows), last.complete, last.why) == (1, False, "of a page of it, it came from a cache")


def test_a_thread_is_as_old_as_the_oldest_of_its_pages(upstream: Any, transport: Transport) -> None:
    """One of them lay in a cache for an hour."""
    upstream.get(url__startswith=BASE).mock(
        side_effect=by_page(
            lambda call, page: answer(
                {"data": [{"id": page}], "total": 2, "next_page_url": "x" if page < 2 else None},
                Date="Tue, 24 Nov 2026 03:00:00 GMT",
                Age="0" if page == 1 else "3600",
            )
        )
    )
    thread = Sp4nV3(transport).read_thread("100")
    assert thread.complete
    assert thread.began_at <= datetime(2026, 11, 24, 2, 0, tzinfo=UTC)


@pytest.mark.parametrize("old", [1, 2, 5])
def test_a_page_that_dates_itself_makes_all_as_old(old: int, upstream: Any, transport: Transport) -> None:
    """In the envelope or a header, and by `Date` alone, without a word of a cache: also a page that is empty."""

    def give(call: int, page: int) -> httpx.Response:
        now = f"2026-11-24 10:0{3 if page == old else 5}:00"
        rows = {"data": [{"id": page, "created_at": "2026-11-01 10:00:00"}] if 0 < page < 3 else [], "total": 2}
        headers = {
            "Date": f"Tue, 24 Nov 2026 03:0{3 if page == old else 5}:02 GMT",
            "Last-Modified": "Tue, 24 Nov 2026 03:05:00 GMT",
        }
        return httpx.Response(
            200, json={"status": True, "meta": {"generated_at": now}, "results": rows}, headers=headers
        )

    upstream.get(url__startswith=BASE).mock(side_effect=by_page(give))
    thread = Sp4nV3(transport).read_thread("41", as_proof=True, fresh=True)
    assert (thread.complete, thread.began_at) == (True, datetime(2026, 11, 24, 3, 3, 1, tzinfo=UTC))
    assert thread.dated == {
        "generatedat": datetime(2026, 11, 24, 3, 3, tzinfo=UTC),
        "last-modified": datetime(2026, 11, 24, 3, 5, tzinfo=UTC),
    }
    assert Sp4nV3(transport).read_thread("41").dated is None


def test_a_detail_dates_itself_beside_the_report(upstream: Any, transport: Transport) -> None:
    """Not by what the report says, nor by a day alone."""
    said = {
        "status": True,
        "timestamp": {"date": "2026-11-24 10:00:00.000000", "timezone": "Asia/Jakarta"},
        "date": "2026-11-24",
        "results": {
            "data": {"id": 41, "status_name": "Selesai", "timestamp": "2026-01-01 10:00:00"},
            "now": 1795489200,
        },
    }
    upstream.get(url__startswith=BASE).mock(
        side_effect=lambda _: httpx.Response(200, json=said, headers={"X-Cached-At": "2026-11-24T03:00:01Z"})
    )
    at = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
    assert Sp4nV3(transport).read_report("41", fresh=True).dated == {
        "timestamp": at,
        "now": at,
        "x-cached-at": at + timedelta(seconds=1),
    }


def test_an_item_that_was_edited_between_two_passes_is_there_once(upstream: Any, transport: Transport) -> None:
    """As it was read last."""
    upstream.get(url__startswith=BASE).mock(
        side_effect=by_page(
            lambda call, page: answer(
                {
                    "data": [{"id": page, "content": f"v{call}"}],
                    "current_page": page,
                    "next_page_url": "x" if page == 1 else None,
                }
            )
        )
    )
    assert [item.content for item in Sp4nV3(transport).read_thread("100").items] == ["v3", "v4"]


def test_master_lists_are_asked_for_in_large_pages(upstream: Any, transport: Transport) -> None:
    """They are capped upstream as any other."""
    route = upstream.get(url__startswith=BASE).mock(return_value=answer({"data": [{"id": 1, "code": "reply"}]}))
    assert Sp4nV3(transport).templates() == (Template("reply", "reply"),)
    assert Sp4nV3(transport).institutions() == ()
    assert [call.request.url.raw_path.decode() for call in route.calls] == [
        "/lapor/3.0.0/masters/templates?page=1&page_size=1000",
        "/lapor/3.0.0/masters/institutions/external?page=1&page_size=1000",
    ]


# Writes.


def test_a_response_is_a_multipart_form_also_without_files(upstream: Any, transport: Transport) -> None:
    """Field by field as a production client sends it."""
    route = upstream.post(f"{BASE}/complaints/followup/add").mock(return_value=answer({"id": 1}))
    connector = Sp4nV3(transport, Sp4nSettings(reply_template="reply_progress"))
    assert connector.send_response(outgoing(is_secret=True)) == Sent(http_status=200)
    request = route.calls.last.request
    boundary = request.headers["content-type"].removeprefix("multipart/form-data; boundary=").encode()
    parts = [part.strip(b"\r\n") for part in request.content.split(b"--" + boundary)[1:-1]]
    fields = [
        (b"user_id", b"77"),
        (b"institution_from_id", b"611"),
        (b"institution_to_id", b"601"),
        (b"complaint_id", b"100"),
        (b"info_disposition", b""),
        (b"template_code", b"reply_progress"),
        (b"rating", b"0"),
        (b"is_secret", b"1"),
        (b"content", b"Siap.\n[Ref LS-ABCDEF]"),
    ]
    wanted = [b'Content-Disposition: form-data; name="%s"\r\n\r\n%s' % field for field in fields]
    assert parts == [part.strip(b"\r\n") for part in wanted]


def test_files_are_numbered_parts_with_name_and_type(upstream: Any, transport: Transport) -> None:
    """`attachment[0]`, `attachment[1]`."""
    route = upstream.post(f"{BASE}/complaints/followup/add").mock(return_value=answer({}))
    files = (OutgoingFile(file_name="a.pdf", content=b"%PDF"), OutgoingFile(file_name="b", content=b"\x00"))
    Sp4nV3(transport).send_response(outgoing(files=files))
    sent = route.calls.last.request.content
    assert b'name="is_secret"\r\n\r\n0\r\n' in sent
    assert b'name="attachment[0]"; filename="a.pdf"\r\nContent-Type: application/pdf\r\n\r\n%PDF\r\n' in sent
    assert b'name="attachment[1]"; filename="b"\r\nContent-Type: application/octet-stream\r\n\r\n\x00\r\n' in sent


@pytest.mark.parametrize(("target", "reason"), [("702", 702), ("pln", "pln"), ("٧", "٧")])
def test_a_hand_over_is_json(target: str, reason: object, upstream: Any, transport: Transport) -> None:
    """With the target's id as a number where it is one."""
    route = upstream.post(f"{BASE}/complaints/process/100/reject").mock(return_value=answer({"id": 1}))
    assert Sp4nV3(transport).send_forward(outgoing(institution_to_id=target)) == Sent(http_status=200)
    assert json.loads(route.calls.last.request.content) == {
        "is_request": 1,
        "reason": reason,
        "reason_description": "Siap.\n[Ref LS-ABCDEF]",
        "not_authority": 1,
    }


def test_upstreams_words_are_not_kept_but_for_a_refusal(upstream: Any, transport: Transport) -> None:
    """They may hold anything."""
    upstream.post(url__startswith=BASE).mock(
        side_effect=[
            httpx.Response(200, json={"status": False, "message": "Budi"}),
            httpx.Response(200, text="<p>Budi</p>"),
            httpx.Response(500, json={"status": False, "message": "Budi"}),
            httpx.Response(422, json={"status": False}),
        ]
    )
    connector = Sp4nV3(transport)
    outcomes = [connector.send_response(outgoing()) for _ in range(4)]
    assert outcomes[0] == Unknown(why="HTTP 200 with a body that says it failed", http_status=200)
    assert outcomes[1] == Unknown(why="HTTP 200 with no sound body", http_status=200)
    assert outcomes[2] == Unknown(why="HTTP 500", http_status=500)
    assert getattr(outcomes[3], "why", "") == "HTTP 422"


SUCCESS = b'{"status": true, "message": "Success"}'


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"Content-Type": "application/json"}, "it does not say where it ends"),
        (
            {"Content-Type": "application/json", "Content-Length": "38", "Transfer-Encoding": "chunked"},
            "it does not say where it ends",
        ),
        ({"Content-Length": "38"}, "it is not called JSON"),
        ({"Content-Length": "38", "Content-Type": ""}, "it is not called JSON"),
        ({"Content-Length": "38", "Content-Type": "text/html; charset=UTF-8"}, "it is not called JSON"),
        ({"Content-Length": "38", "Content-Type": "text/plain"}, "it is not called JSON"),
        ({"Content-Length": "38", "Content-Type": "application/problem+json"}, "it is not called JSON"),
        ({"Content-Length": "38", "Content-Type": "application/json, text/html"}, "it is not called JSON"),
        ({"Content-Length": "38", "Content-Type": "text/html; a=application/json"}, "it is not called JSON"),
    ],
)
def test_a_success_that_may_be_cut_or_is_not_called_json_is_none(
    said: dict[str, str], why: str, upstream: Any, transport: Transport
) -> None:
    """Without a length, a broken connection looks like the end; and a page in the way is HTML."""
    upstream.post(url__startswith=BASE).mock(
        return_value=httpx.Response(200, headers=said, stream=httpx.ByteStream(SUCCESS))
    )
    assert Sp4nV3(transport).send_response(outgoing()) == Unknown(why=f"HTTP 200, but {why}", http_status=200)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Status", "500 Internal Server Error"),
        ("WWW-Authenticate", 'Bearer error="invalid_token"'),
        ("Proxy-Status", "x; error=connection_timeout"),
        ("Warning", '199 - "not stored"'),
        ("Preference-Applied", "respond-async"),
        ("Retry-After", "30"),
        ("Content-Range", "bytes 0-10/100"),
        ("Refresh", "0; url=/login"),
        ("Location", "/login"),
        ("Content-Type", "application/json; charset=utf-16"),
        ("X-Error", "database down"),
        ("X-Api-Error-Code", "900800"),
        ("X-Maintenance", "true"),
        ("X-Dry-Run", "1"),
        ("X-Result", "failed"),
        ("X-Success", "false"),
        ("X-HTTP-Status", "500"),
        ("X-Status-Code", "500 Internal Server Error"),
        ("Grpc-Status", "13"),
        ("Status", "200, 500"),
        ("X-Result", "ok, failed"),
        ("X-Mock", "1"),
        ("X-Simulated-Response", "true"),
    ],
)
def test_a_success_whose_head_says_otherwise_is_none(
    name: str, value: str, upstream: Any, transport: Transport
) -> None:
    head = {"Content-Type": "application/json", "Content-Length": str(len(SUCCESS)), name: value}
    upstream.post(url__startswith=BASE).mock(
        return_value=httpx.Response(200, headers=head, stream=httpx.ByteStream(SUCCESS))
    )
    why = f"HTTP 200, but its head says otherwise: {name.lower()}"
    assert Sp4nV3(transport).send_response(outgoing()) == Unknown(why=why, http_status=200)


@pytest.mark.parametrize(("user", "is_ours"), [(77, True), ("77", True), (999, False)])
def test_a_success_of_another_account_is_none(
    user: object, is_ours: bool, upstream: Any, transport: Transport
) -> None:
    upstream.post(url__startswith=BASE).mock(return_value=answer({"id": 1, "user_id": user}))
    assert isinstance(Sp4nV3(transport).send_response(outgoing()), Sent if is_ours else Unknown)


def test_what_servers_say_of_themselves_speaks_against_nothing(upstream: Any, transport: Transport) -> None:
    said = {
        "Status": "200 OK",
        "Location": "/complaints/100/complaint",
        "Proxy-Status": "x; fwd=miss",
        "X-Failover": "b",
        "X-Result": "ok",
        "X-Status-Code": "200",
        "X-Cache-Status": "MISS",
        "Grpc-Status": "0",
    }
    head = {"Content-Type": 'application/json; charset="UTF-8"', "Content-Length": str(len(SUCCESS)), **said}
    upstream.post(url__startswith=BASE).mock(
        return_value=httpx.Response(200, headers=head, stream=httpx.ByteStream(SUCCESS))
    )
    assert Sp4nV3(transport).send_response(outgoing()) == Sent(http_status=200)


@pytest.mark.parametrize(
    "kind", ["application/json", "Application/JSON;charset=utf-8", "text/json", "application/x-json"]
)
def test_a_success_is_one_by_any_name_of_json(kind: str, upstream: Any, transport: Transport) -> None:
    headers = {"Content-Type": kind, "Content-Length": str(len(SUCCESS))}
    upstream.post(url__startswith=BASE).mock(return_value=httpx.Response(201, headers=headers, content=SUCCESS))
    assert Sp4nV3(transport).send_response(outgoing()) == Sent(http_status=201)


@pytest.mark.parametrize("status", [200, 401, 413, 422])
def test_an_answer_that_may_not_be_the_writes_own_leaves_it_unknown(
    status: int, upstream: Any, transport: Transport
) -> None:
    """Whatever it says; its status is kept."""
    upstream.post(url__startswith=BASE).mock(
        return_value=httpx.Response(
            status, json={"status": status == 200, "message": "Success"}, headers={"Age": "9"}
        )
    )
    outcome = Sp4nV3(transport).send_response(outgoing())
    assert outcome == Unknown(why=f"HTTP {status}, but it came from a cache", http_status=status)


@pytest.mark.parametrize("status", [202, 203, 204, 205, 206, 207, 226])
def test_a_success_that_is_not_stored_yet_or_not_lapors_own_is_unknown(
    status: int, upstream: Any, transport: Transport
) -> None:
    """Accepted for later, changed on the way, a part, or nothing at all."""
    upstream.post(url__startswith=BASE).mock(return_value=httpx.Response(status, json={"status": True}))
    assert isinstance(Sp4nV3(transport).send_response(outgoing()), Unknown)


def test_an_answer_about_another_report_leaves_it_unknown(upstream: Any, transport: Transport) -> None:
    """By its id or its Tracking ID."""
    upstream.post(url__startswith=BASE).mock(
        side_effect=[
            answer({"id": 1, "complaint_id": 999}),
            answer({"id": 1, "complaint": {"tracking_id": "29999999"}}),
            answer({"id": 1, "complaint_id": 100, "tracking_id": 20001234}),
        ]
    )
    connector = Sp4nV3(transport)
    outcomes = [connector.send_response(outgoing()) for _ in range(3)]
    assert outcomes[:2] == [Unknown(why="HTTP 200, about another report or response", http_status=200)] * 2
    assert outcomes[2] == Sent(http_status=200)


def test_an_answer_to_a_write_that_cannot_be_read_leaves_it_unknown(upstream: Any, transport: Transport) -> None:
    """It was sent."""
    upstream.post(url__startswith=BASE).mock(
        return_value=httpx.Response(200, content=iter([b"no gzip"]), headers={"Content-Encoding": "gzip"})
    )
    assert isinstance(Sp4nV3(transport).send_response(outgoing()), Unknown)


def test_a_failure_in_a_files_place_is_said_and_asked_for_as_files_are(
    upstream: Any, transport: Transport
) -> None:
    """Under a 200 too; and the right file is given whole."""
    route = upstream.get(f"{BASE}/f/a.pdf")
    route.mock(return_value=httpx.Response(200, json={"status": False, "message": "Berkas tidak ada"}))
    file = Attachment(url="/lapor/3.0.0/f/a.pdf", file_name="a.pdf", extension="pdf")
    with pytest.raises(UpstreamBroken, match=r"in the file's place came an error .*Berkas tidak ada") as caught:
        Sp4nV3(transport).fetch_attachment(file)
    assert "Nothing was kept" in advised(caught.value.todo)
    assert route.calls.last.request.headers["accept"] == "application/json;q=0.9, */*;q=0.8"
    route.mock(return_value=httpx.Response(200, content=b"%PDF surat", headers={"Content-Type": "text/html"}))
    assert Sp4nV3(transport).fetch_attachment(file) == b"%PDF surat"
