"""The stand-in's bad days and one-off faults: what they do to a client, over real HTTP."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from connectors.simulator import CITY_ID, SCENARIOS, Options, Simulator
from connectors.simulator.mishaps import BAD_ANSWERS
from connectors.simulator.wire import UNKNOWN_STATUS

START = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
TOKEN = "{00000000-0000-0000-0000-000000000000}"
HEADERS = {"auth": "Bearer simulator", "token": TOKEN, "Accept": "application/json"}


class Bench:
    """A running stand-in and a client of it."""

    def __init__(self, simulator: Simulator, client: httpx.Client) -> None:
        self.simulator, self.world, self.client = simulator, simulator.world, client
        self.control = simulator.control_url

    def rows(self, **params: Any) -> list[Any]:
        rows: list[Any] = self.client.get("/complaints", params=params).json()["results"]["data"]
        return rows

    def outcome(self, call: Callable[[], httpx.Response]) -> int:
        """The status of a call, 0 if the connection broke."""
        try:
            return call().status_code
        except httpx.TransportError:
            return 0

    def answer(self, ref: str, content: str = "Sudah") -> httpx.Response:
        form = {
            "user_id": "1",
            "institution_from_id": "611",
            "institution_to_id": CITY_ID,
            "complaint_id": ref,
            "template_code": "reply",
            "content": content,
        }
        parts = {name: (None, value) for name, value in form.items()}
        return self.client.post("/complaints/followup/add", files=parts)

    def stored(self, ref: str) -> int:
        answers: int = self.world.thread(ref)["answers"]
        return answers


@contextmanager
def bench(scenario: str = "calm", **options: Any) -> Iterator[Bench]:
    chosen = {"reports": 20, "start": START, "speed": 0, "page_cap": 10, **options}
    with (
        Simulator(Options(scenario=scenario, **chosen)) as simulator,
        httpx.Client(base_url=simulator.url, headers=HEADERS) as client,
    ):
        yield Bench(simulator, client)


@pytest.fixture
def calm() -> Iterator[Bench]:
    with bench() as running:
        yield running


def test_every_scenario_has_a_sentence_and_a_world() -> None:
    """The table is complete, and each day can be set while running."""
    with bench(reports=3) as running:
        for name, sentence in SCENARIOS.items():
            assert sentence.endswith(".")
            set_day = httpx.post(running.control + "/scenario", json={"name": name})
            assert set_day.json() == httpx.get(running.control + "/scenario").json() == {"scenario": name}


def test_a_lost_reply_is_always_a_stored_write() -> None:
    """About half of the replies are lost in three ways, reads are sound, and nothing is lost itself."""
    with bench("lost-reply") as running:
        ref = running.world.file_report(opd="611")["tracking_id"]
        outcomes = [running.outcome(lambda: running.answer(ref)) for _ in range(40)]
        assert running.stored(ref) == 40
        assert 10 < outcomes.count(200) < 30
        assert {0, 502, 504} < set(outcomes)
        assert running.rows()


def test_luck_is_the_same_in_every_run() -> None:
    """The n-th write has the same fate for the same seed, another for another."""

    def fates(seed: int) -> list[int]:
        with bench("lost-reply", seed=seed) as running:
            ref = running.world.file_report(opd="611")["tracking_id"]
            return [running.outcome(lambda: running.answer(ref)) for _ in range(12)]

    assert fates(1) == fates(1) != fates(2)


def test_a_late_read_shows_status_and_time_first_and_words_later() -> None:
    """The answer is stored, the row has changed, but the thread is as before for a while."""
    with bench("late-read", late_seconds=0.4) as running:
        ref = running.world.file_report(opd="611")["tracking_id"]
        running.outcome(lambda: running.answer(ref, "Terlambat"))
        assert running.rows()[0]["status_name"] == "Dalam Proses"
        assert running.world.thread(ref)["items"][-1]["readable"] is False
        path = f"/complaints/{ref}/followups"
        assert "Terlambat" not in running.client.get(path).text
        time.sleep(0.45)
        assert "Terlambat" in running.client.get(path).text


def test_a_late_hand_over_is_late_too() -> None:
    """Its log row comes later."""
    with bench("late-read", late_seconds=30) as running:
        ref = running.world.file_report(opd="611")["tracking_id"]
        running.world.store_forward(ref, to="702", reason="Bukan kami")
        assert "Bukan kami" not in running.client.get(f"/complaints/{ref}/complaint").text
        assert running.world.thread(ref)["logs"][-1]["readable"] is False


def test_a_flaky_day_fails_one_call_in_four_stored_or_not() -> None:
    """Writes that failed for the caller were stored in some cases and not in others."""
    with bench("flaky") as running:
        stored_failures = lost_failures = fine = 0
        for _ in range(80):
            ref = running.world.file_report(opd="611")["tracking_id"]
            sound = is_sound(running, ref)
            fine += sound
            stored_failures += not sound and running.stored(ref) == 1
            lost_failures += not sound and running.stored(ref) == 0
        assert 45 < fine < 75
        assert stored_failures > 3
        assert lost_failures > 3
        reads = [running.outcome(lambda: running.client.get("/complaints")) for _ in range(60)]
        assert 30 < reads.count(200) < 60


def is_sound(running: Bench, ref: str) -> bool:
    try:
        reply = running.answer(ref)
        return reply.status_code == 200 and reply.json()["status"] is True and "results" in reply.json()
    except (httpx.TransportError, ValueError):
        return False


def test_maintenance_answers_everything_with_pages_or_503() -> None:
    """No call gets through, no write is stored."""
    with bench("maintenance") as running:
        ref = running.world.file_report(opd="611")["tracking_id"]
        replies = [running.answer(ref) for _ in range(10)] + [running.client.get("/complaints") for _ in range(10)]
        assert {reply.status_code for reply in replies} == {200, 503}
        assert all("html" in reply.headers["Content-Type"] for reply in replies if reply.status_code == 200)
        assert running.stored(ref) == 0


def test_a_slow_day_takes_its_time_and_works() -> None:
    """Every call waits, and is sound."""
    with bench("slow", slow_seconds=0.1) as running:
        began = time.monotonic()
        assert len(running.rows()) == 10
        assert time.monotonic() - began >= 0.1


def test_the_last_page_is_repeated_for_ever() -> None:
    """There is always a next page."""
    with bench("repeated-last-page") as running:
        last = running.client.get("/complaints", params={"page": 2}).json()["results"]
        beyond = running.client.get("/complaints", params={"page": 9}).json()["results"]
        assert last["data"] == beyond["data"]
        assert beyond["next_page_url"] is not None


def test_rows_move_while_pages_are_read() -> None:
    """One walk over the pages misses some and sees some twice; the total stays."""
    with bench("moving-pages", reports=60, speed=1) as running:
        running.world.advance(10)
        walk = [row["id"] for page in range(1, 7) for row in running.rows(page=page)]
        assert len(walk) == 60
        assert len(set(walk)) < 60


def test_moving_pages_of_an_empty_city_stay_empty() -> None:
    """There is nothing that could move."""
    with bench("moving-pages", reports=0) as running:
        assert running.rows() == []


def test_a_drifted_schema_renames_nests_and_breaks() -> None:
    """Rows, details and threads come in other shapes, some rows in none."""
    with bench("schema-drift", page_cap=20) as running:
        rows = running.rows()
        assert any(isinstance(row, list) for row in rows)
        keys = {key for row in rows if isinstance(row, dict) for key in row}
        assert {"status", "disposition", "last_update", "trackingId", "sla"} < keys
        ref, other = (running.world.file_report(opd="611")["tracking_id"] for _ in range(2))
        details = [
            running.client.get(f"/complaints/{r}/complaint").json()["results"]["data"] for r in (ref, other)
        ]
        assert {type(data) for data in details} == {dict, list}
        running.world.reply(ref)
        items = running.client.get(f"/complaints/{ref}/followups").json()["results"]["data"]
        assert items[0]["institution_from"] is None
        assert items[-1]["institution_from"]["name"]
        assert isinstance(items[-1]["data"], dict)


def test_a_drifted_sparse_list_can_still_be_shown() -> None:
    """The two settings go together."""
    with bench("schema-drift", list_fields="sparse") as running:
        assert len(running.rows()) == 10


def test_an_unknown_status_stands_in_list_and_detail() -> None:
    """Some reports have it, others are as they were."""
    with bench("unknown-status") as running:
        names = {str(row["tracking_id"]): row["status_name"] for row in running.rows()}
        assert UNKNOWN_STATUS in names.values()
        assert len(set(names.values())) > 1
        odd = next(ref for ref, name in names.items() if name == UNKNOWN_STATUS)
        detail = running.client.get(f"/complaints/{odd}/complaint").json()["results"]["data"]
        assert detail["status_name"] == UNKNOWN_STATUS


def test_an_empty_list_is_a_sound_answer_without_rows() -> None:
    """200 and nothing in it, while the reports can be read by id."""
    with bench("empty-list") as running:
        body = running.client.get("/complaints").json()
        assert (body["status"], body["results"]["data"], body["results"]["total"]) == (True, [], 0)
        assert running.client.get("/complaints/20000017/complaint").status_code == 200


def test_an_expired_token_is_401_everywhere() -> None:
    """Even with the right credentials."""
    with bench("expired-token") as running:
        for path in ("/complaints", "/masters/templates", "/complaints/20000017/followups"):
            assert running.client.get(path).status_code == 401
        assert running.answer("20000017").json()["status"] is False


def test_too_many_calls_a_second_are_told_to_wait() -> None:
    """429 with `Retry-After`; after that second it works again."""
    with bench("rate-limit") as running:
        replies = [running.client.get("/masters/templates") for _ in range(8)]
        assert [reply.status_code for reply in replies] == [200] * 5 + [429] * 3
        assert replies[-1].headers["Retry-After"] == "1"
        time.sleep(1.02)
        assert running.client.get("/masters/templates").status_code == 200


def test_a_restricted_account_has_no_list() -> None:
    """404 for the list, everything else works."""
    with bench("restricted") as running:
        assert running.client.get("/complaints").status_code == 404
        assert running.client.get("/complaints/20000017/complaint").status_code == 200


def test_without_a_filter_everything_is_listed() -> None:
    """`updated_from` is ignored."""
    with bench("no-filter") as running:
        assert len(running.rows(updated_from="2030-01-01")) == 10


@pytest.mark.parametrize(
    ("do", "outcome", "stored"),
    [
        ("status:500", 500, False),
        ("status:503", 503, False),
        ("status:408", 408, False),
        ("status:429", 429, False),
        ("status:403", 403, False),
        ("gateway:403", 403, False),
        ("bus:101504", 504, False),
        ("bus-xml:900800", 429, False),
        ("html-200", 200, False),
        ("empty-200", 200, False),
        ("status-false-200", 200, False),
        ("garbage", 200, False),
        ("redirect", 302, False),
        ("close-before", 0, False),
        ("close-after", 0, True),
        ("truncate", 0, True),
        ("no-id", 200, True),
        ("slow:0.05", 200, True),
    ],
)
@pytest.mark.parametrize("wanted", [None, True, False])
def test_a_fault_hits_once_and_stores_as_told(
    calm: Bench, do: str, outcome: int, stored: bool, wanted: bool | None
) -> None:
    """Each bad answer, with its own or with the wanted storing; the next call is sound again."""
    ref = calm.world.file_report(opd="611")["tracking_id"]
    fault = {"match": {"method": "post", "path": "followup/add"}, "do": do, "stored": wanted}
    httpx.post(calm.control + "/faults", json=fault)
    fixed = do in ("close-before", "close-after")
    stored = stored if wanted is None or fixed else wanted
    assert len(calm.rows()) == 10
    seen = calm.outcome(lambda: calm.answer(ref))
    assert seen == (504 if do == "slow:0.05" and not stored else outcome)
    assert calm.stored(ref) == stored
    assert calm.answer(ref).status_code == 200
    assert calm.stored(ref) == stored + 1


def test_every_bad_answer_is_one_of_the_table() -> None:
    """The test above walks the whole table."""
    kinds = {
        "status",
        "gateway",
        "bus",
        "bus-xml",
        "html-200",
        "empty-200",
        "status-false-200",
        "garbage",
        "redirect",
    }
    assert kinds | {"close-before", "close-after", "truncate", "no-id", "slow"} == set(BAD_ANSWERS)


def test_faults_are_used_in_order_and_counted(calm: Bench) -> None:
    """The first that fits is used up first; null stays until cleared."""
    rows = [
        {"match": {"path": "page=2"}, "do": "status:408"},
        {"match": {"method": "GET"}, "times": 2, "do": "status:500"},
        {"times": None, "do": "gateway:502"},
    ]
    queue = httpx.post(calm.control + "/faults", json=rows).json()["faults"]
    assert [fault["do"] for fault in queue] == ["status:408", "status:500", "gateway:502"]
    paths = ["/complaints", "/complaints?page=2", "/complaints", "/complaints", "/masters/templates"]
    assert [calm.client.get(path).status_code for path in paths] == [500, 408, 500, 502, 502]
    assert len(httpx.get(calm.control + "/faults").json()["faults"]) == 1
    assert httpx.delete(calm.control + "/faults").json() == {"faults": []}
    assert calm.client.get("/complaints").status_code == 200


def test_a_truncated_read_breaks_in_the_middle(calm: Bench) -> None:
    """Headers promise more than comes, also where the call was not carried out."""
    for stored in (True, False):
        calm.world.add_faults({"do": "truncate", "stored": stored})
        with pytest.raises(httpx.RemoteProtocolError):
            calm.client.get("/complaints")


@pytest.mark.parametrize("how", ["string", "no-id", "bad-date", "null"])
def test_a_corrupted_row_does_not_hurt_its_page(calm: Bench, how: str) -> None:
    """The others are sound, the detail too, and it can be healed."""
    ref = calm.world.file_report()["tracking_id"]
    calm.world.corrupt(ref, how=how)
    bad, *rest = calm.rows()
    assert all(row["updated_at"] for row in rest)
    expected = {
        "string": isinstance(bad, str),
        "no-id": isinstance(bad, dict) and "id" not in bad,
        "bad-date": isinstance(bad, dict) and "xx" in bad["updated_at"],
        "null": bad is None,
    }
    assert expected[how]
    assert calm.client.get(f"/complaints/{ref}/complaint").status_code == 200
    calm.world.uncorrupt(ref)
    assert calm.rows()[0]["tracking_id"] == ref


def test_the_journal_counts_calls_by_route_and_status(calm: Bench) -> None:
    """Ids in paths do not split the counts; a closed connection is status 0; control calls are not counted."""
    calm.rows()
    calm.client.get("/complaints/20000017/followups", params={"page": 1})
    calm.client.get("/complaints/20000030/followups")
    calm.client.get("/nothing")
    httpx.get(calm.simulator.origin + "/elsewhere")
    calm.world.add_faults({"do": "close-before"})
    calm.outcome(lambda: calm.client.get("/masters/templates"))
    seen = httpx.get(calm.control + "/requests", params={"recent": 3}).json()
    assert seen["total"] == 6
    assert seen["routes"]["GET /complaints/{id}/followups"] == 2
    assert seen["routes"]["unknown"] == seen["routes"]["elsewhere"] == 1
    assert seen["statuses"] == {"200": 3, "404": 2, "0": 1}
    assert len(seen["recent"]) == 3
    assert (seen["recent"][-1]["status"], seen["recent"][-1]["fault"]) == (0, "close-before")
    assert seen["most_in_flight"] == 1
    assert httpx.delete(calm.control + "/requests").json()["total"] == 0
    assert calm.world.requests(recent=0)["recent"] == []


def test_a_defect_of_the_stand_in_is_told_and_journaled(
    calm: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is printed, the connection closes, and the journal has a 500."""

    def broken() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(calm.world, "catch_up", broken)
    assert calm.outcome(lambda: calm.client.get("/complaints")) == 0
    monkeypatch.undo()
    assert "ZeroDivisionError" in capsys.readouterr().err
    assert calm.world.requests()["statuses"] == {"500": 1}


def head(path: str, length: int) -> bytes:
    lines = [f"POST /lapor/3.0.0{path} HTTP/1.1", f"Content-Length: {length}", "Content-Type: application/json"]
    return "\r\n".join([*lines, f"auth: {HEADERS['auth']}", f"token: {TOKEN}", "", ""]).encode()


def connected(running: Bench) -> socket.socket:
    url = httpx.URL(running.simulator.url)
    connection = socket.create_connection((url.host, url.port or 80))
    # Closing sends a reset at once, as the kernel does for a process that was killed with data unread.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return connection


def test_a_caller_that_goes_away_is_no_news(calm: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither a time-out nor a reset leaves a traceback."""
    calm.world.add_faults({"do": "slow:0.2", "times": 2})
    with pytest.raises(httpx.ReadTimeout):
        calm.client.get("/complaints", timeout=0.05)
    with closing(connected(calm)) as connection:
        connection.sendall(head("/complaints/complaint", 0))
        time.sleep(0.1)
    time.sleep(0.25)
    assert calm.rows()
    assert capsys.readouterr().err == ""


def test_half_a_body_is_no_call(calm: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    """A client killed while sending has stored nothing, however sound the first half looks."""
    body = b'{"title": "a", "content": "b"}'
    with closing(connected(calm)) as connection:
        connection.sendall(head("/complaints/complaint", len(body) + 1) + body)
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(100) == b""
    assert calm.world.count_since() == 20
    assert calm.world.requests()["total"] == 0
    assert capsys.readouterr().err == ""
