"""The stand-in's world: the generated past, the acts of people, life, and the control face."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any

import httpx
import pytest

from connectors.simulator import (
    CITY_ID,
    INSTITUTIONS,
    OPD_IDS,
    SCENARIOS,
    Options,
    Simulator,
    UnknownReport,
    World,
)
from connectors.simulator.city import categories
from connectors.simulator.clock import SimClock, after_working_days, http_date, parse_time
from connectors.simulator.past import Past

START = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)  # a Monday, 10:00 in Bengkulu


@pytest.fixture
def world() -> World:
    return World(Options(reports=20, start=START, speed=0))


@pytest.fixture
def control() -> Iterator[httpx.Client]:
    options = Options(reports=20, start=START, speed=0)
    with Simulator(options) as simulator, httpx.Client(base_url=simulator.control_url) as calls:
        yield calls


def test_a_large_past_is_sketched_without_its_words() -> None:
    """Words come only when asked for: that is what makes a hundred thousand reports a matter of seconds."""
    world = World(Options(reports=5_000, start=START))
    assert world.count_since() == 5_000
    assert all(report.thread is None for report in world.newest_first(0, 5_000))


def test_the_same_seed_gives_the_same_city() -> None:
    """Nothing but seed, number and start decides the past."""
    options = Options(reports=50, start=START, speed=0)
    assert World(options).summary() == World(options).summary()
    other = Options(reports=50, start=START, speed=0, seed=2)
    assert World(options).summary() != World(other).summary()


def test_unfolding_a_thread_agrees_with_its_sketch() -> None:
    """State, last change and count of answers are those that the thread shows."""
    past = Past(seed=3, count=400, start=int(START.timestamp()))
    for index in range(400):
        report = past.sketch(index)
        past.unfold(report)
        items, logs = report.words.items, report.words.logs
        assert max(log.at for log in logs) <= report.updated_at <= past.start
        assert (
            max([report.created_at, *(item.at for item in items), *(log.at for log in logs)]) == report.updated_at
        )
        assert sum(item.source == "site" for item in items) == report.answers
        assert logs[-1].status_new == report.status
        assert sorted(item.id for item in items) == [item.id for item in items]


def test_the_past_is_plausible() -> None:
    """All states occur, most reports are closed, reports are spread over about 120 days."""
    reports = World(Options(reports=3000, start=START)).summary()["reports"]
    states = Counter(report["status_name"] for report in reports)
    assert {"Belum Terverifikasi", "Terverifikasi", "Dalam Proses", "Selesai", "Tunda"} < set(states)
    assert {"Diarsipkan", "Ditolak", "Ditutup oleh Admin", "Ditutup oleh Sistem"} < set(states)
    oldest = min(report["created_at"] for report in reports)
    assert START - timedelta(days=121) < datetime.fromisoformat(oldest) < START - timedelta(days=118)
    assert any(report["disposition_id"] not in (None, CITY_ID, *OPD_IDS) for report in reports)
    assert all(any(report[flag] for report in reports) for flag in ("is_secret", "is_anonymous"))


def test_ids_and_tracking_ids_never_meet() -> None:
    """A number in a path means one report only."""
    reports = World(Options(reports=2000)).summary()["reports"]
    assert len({report[name] for report in reports for name in ("id", "tracking_id")}) == 4000


def test_a_report_by_sms_is_written_as_the_number_wants_it(world: World) -> None:
    """`KOTA BENGKULU (laporan)`."""
    view = world.file_report(channel="SMS 1708")
    assert world.thread(view["id"])["content"].startswith("KOTA BENGKULU (")


def test_every_category_has_an_institution_and_texts(world: World) -> None:
    """A report can be filed in each, and goes to somebody known."""
    for category in categories():
        view = world.file_report(category=category.name)
        assert view["category"] == category.name
        assert category.opd in INSTITUTIONS
        answered = world.answer(view["id"])
        assert answered["last_word"] == "agency"


def test_a_filed_report_takes_what_is_given(world: World) -> None:
    """Each field may be said; the rest is invented."""
    view = world.file_report(
        title="Judul",
        content="Isi",
        category="KARTU KELUARGA",
        classification="permintaan informasi",
        channel="Web",
        opd="614",
        anonymous=True,
        secret=True,
        created_at="2026-02-01T08:00:00",
    )
    assert view["created_at"] == "2026-02-01T08:00:00+07:00"
    assert view["updated_at"] == "2026-03-02T10:00:00+07:00"
    assert (view["status_name"], view["disposition_id"]) == ("Terverifikasi", "614")
    assert (view["classification"], view["is_anonymous"], view["is_secret"]) == (
        "Permintaan Informasi",
        True,
        True,
    )
    assert world.thread(view["tracking_id"])["title"] == "Judul"


@pytest.mark.parametrize(
    "wrong", [{"category": "X"}, {"classification": "X"}, {"channel": "X"}, {"opd": "9"}, {"created_at": "X"}]
)
def test_a_report_with_a_wrong_value_is_not_filed(world: World, wrong: dict[str, str]) -> None:
    """A mistake in a test shows at once, and nothing half-made stays."""
    with pytest.raises(ValueError, match=r"X|9"):
        world.file_report(**wrong)  # type: ignore[arg-type]
    assert world.summary()["total"] == 20


def test_one_report_from_filing_to_closing_and_back(world: World) -> None:
    """Each act moves the status as LAPOR! does."""
    ref = world.file_report()["tracking_id"]
    states = [
        world.verify(ref),
        world.dispose(ref, to=CITY_ID),
        world.dispose(ref, to="611"),
        world.answer(ref, content="Ya"),
        world.reply(ref, content="Kapan?"),
        world.satisfied(ref, rating=4),
        world.reopen(ref),
        world.close(ref),
        world.set_status(ref, status_name="Ditanggapi oleh Pelapor"),
        world.close_by_system(ref),
        world.close_by_system(ref, status_name="Selesai"),
        world.archive(ref),
        world.reject(ref),
    ]
    names = [state["status_name"] for state in states]
    assert names[:6] == [
        "Terverifikasi",
        "Terverifikasi",
        "Terverifikasi",
        "Dalam Proses",
        "Dalam Proses",
        "Selesai",
    ]
    assert names[6:9] == ["Dalam Proses", "Ditutup oleh Admin", "Ditanggapi oleh Pelapor"]
    assert names[9] in ("Ditutup oleh Sistem", "Selesai")
    assert names[10:] == ["Selesai", "Diarsipkan", "Ditolak"]
    assert (states[5]["rating"], states[6]["rating"]) == (4, None)
    sources = [item["source"] for item in world.thread(ref)["items"]]
    assert {"admin", "site", "citizen", "system"} == set(sources)


def test_reopening_an_unanswered_report_leaves_it_verified(world: World) -> None:
    """There is nothing in process yet."""
    ref = world.file_report(opd="611")["id"]
    world.close(ref)
    assert world.reopen(ref)["status_name"] == "Terverifikasi"


def test_disposing_a_report_that_nobody_verified_verifies_it(world: World) -> None:
    """What an admin handed on was looked at."""
    ref = world.file_report()["id"]
    assert world.dispose(ref, to="612", by="1")["status_name"] == "Terverifikasi"


def test_an_invented_reply_and_a_bare_change_move_the_report(world: World) -> None:
    """Words are made up where none are given; `touch` moves the time alone."""
    ref = world.file_report(opd="611")["id"]
    assert world.reply(ref)["last_word"] == "reporter"
    world.advance(5)
    assert world.touch(ref)["updated_at"] == "2026-03-02T10:00:05+07:00"
    assert world.newest_first(0, 1)[0].id == int(ref)


def test_deleted_and_hidden_reports_leave_the_list(world: World) -> None:
    """The deleted one is unknown, the hidden one can still be read, changed and brought back."""
    gone, hidden = (world.file_report(opd="611")["id"] for _ in range(2))
    world.delete(gone)
    world.hide(hidden)
    world.reply(hidden)
    assert world.count_since() == 20
    with pytest.raises(UnknownReport):
        world.thread(gone)
    assert world.thread(hidden)["hidden"]
    world.hide(hidden, hidden=False)
    assert world.newest_first(0, 1)[0].id == int(hidden)
    world.hide(hidden)
    world.delete(hidden)
    assert world.count_since() == 20


@pytest.mark.parametrize("ref", [1, "abc", "", "20000017x"])
def test_an_unknown_report_is_said_to_be_unknown(world: World, ref: Any) -> None:
    """Whatever was given instead of a number."""
    with pytest.raises(UnknownReport):
        world.verify(ref)


def test_life_goes_on_as_simulated_time_passes() -> None:
    """In a month reports are filed, verified, disposed, answered now and then, and closed by the system."""
    world = World(Options(reports=60, start=START, speed=0, life=True))
    before = world.summary()
    for _ in range(30):
        world.advance(86_400)
    after = world.summary()
    assert after["total"] > before["total"] + 100
    new = after["reports"][60:]
    assert Counter(report["status_name"] for report in new)["Terverifikasi"] > 50
    assert {report["disposition_id"] for report in new} & set(OPD_IDS)
    closed = sum(report["closed"] for report in after["reports"][:60])
    assert closed > sum(report["closed"] for report in before["reports"])
    assert all(report["updated_at"] <= after["now"] for report in after["reports"])


def test_life_answers_to_what_the_program_does() -> None:
    """A citizen is content, writes, or is silent until the system closes; hand-overs are settled."""
    world = World(Options(reports=0, start=START, speed=0, life=True))
    refs = [world.file_report(opd="611", category="JALAN BERLUBANG")["id"] for _ in range(60)]
    for ref in refs[:40]:
        world.store_answer(ref, "Sudah", opd="611")
    for ref in refs[40:]:
        world.store_forward(ref, to="702", reason="Bukan kewenangan")
    world.advance(20 * 86_400)
    answered = [world.thread(ref) for ref in refs[:40]]
    sources = {item["source"] for thread in answered for item in thread["items"]}
    assert {"citizen", "system", "api"} <= sources
    assert all(thread["closed"] or thread["last_word"] == "reporter" for thread in answered)
    handed = Counter(world.thread(ref)["disposition_id"] for ref in refs[40:])
    assert handed["702"] > handed["611"] > 0


def test_life_opens_few_closed_reports_again() -> None:
    """Out of many that citizens were content with, and none that were archived."""
    world = World(Options(reports=0, start=START, speed=0, life=True))
    refs = [world.file_report(opd="611")["id"] for _ in range(200)]
    for number, ref in enumerate(refs):
        (world.close if number % 2 else world.archive)(ref)
    world.advance(30 * 86_400)
    notes = [log["content"] for ref in refs for log in world.thread(ref)["logs"]]
    assert 0 < notes.count("Laporan dibuka kembali") < 12
    assert all(world.thread(ref)["status_name"] == "Diarsipkan" for ref in refs[::2])


def test_life_does_not_depend_on_how_time_is_cut() -> None:
    """One long jump or many short ones: the same city."""
    options = Options(reports=30, start=START, speed=0, life=True)
    one, many = World(options), World(options)
    one.advance(7 * 86_400)
    for _ in range(7 * 24):
        many.advance(3600)
    assert one.summary() == many.summary()


def test_life_leaves_deleted_reports_alone() -> None:
    """What was on the agenda for them comes to nothing."""
    world = World(Options(reports=0, start=START, speed=0, life=True))
    ref = world.file_report()["id"]
    world.delete(ref)
    world.advance(86_400)
    assert ref not in {report["id"] for report in world.summary()["reports"]}


def test_many_threads_may_write_at_once(world: World) -> None:
    """Nothing is lost and the order of the list stays sound."""
    refs = [report["id"] for report in world.summary()["reports"]]

    def write() -> None:
        for ref in refs:
            world.reply(ref, content="x")

    threads = [Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(sum(i["content"] == "x" for i in world.thread(ref)["items"]) == 8 for ref in refs)
    assert sorted(report.id for report in world.newest_first(0, 99)) == sorted(map(int, refs))


def test_the_clock_runs_at_its_speed_and_never_back() -> None:
    """Simulated seconds per real second, and jumps ahead."""
    real = iter([10.0, 11.0, 13.0, 13.0])
    clock = SimClock(START, speed=60, monotonic=lambda: next(real))
    assert clock.now() - START.timestamp() == 60
    assert clock.now() - START.timestamp() == 180
    clock.advance(7)
    assert clock.now() - START.timestamp() == 187
    with pytest.raises(ValueError, match="back"):
        clock.advance(-1)


def test_working_days_leave_out_weekends() -> None:
    """Ten working days after a Monday, a Friday and a Sunday."""
    monday = parse_time("2026-03-02T10:00:00")
    assert after_working_days(monday, 10) == parse_time("2026-03-16T10:00:00")
    assert after_working_days(parse_time("2026-03-06T10:00:00"), 1) == parse_time("2026-03-09T10:00:00")
    assert after_working_days(parse_time("2026-03-08T01:00:00+07:00"), 10) == parse_time("2026-03-20T01:00:00")


def test_a_date_header_is_in_english_and_greenwich() -> None:
    """Whatever the locale of the machine."""
    assert http_date(START.timestamp()) == "Mon, 02 Mar 2026 03:00:00 GMT"


@pytest.mark.parametrize(
    "wrong",
    [
        {"scenario": "storm"},
        {"list_fields": "some"},
        {"start": datetime(2026, 3, 2)},  # noqa: DTZ001 - naive on purpose
        {"reports": -1},
        {"page_cap": 0},
    ],
)
def test_wrong_options_are_refused_when_made(wrong: dict[str, Any]) -> None:
    """Not at the first call."""
    with pytest.raises(ValueError, match=r"scenario|list_fields|time zone|negative"):
        Options(**wrong)


def test_control_tells_its_scenarios_and_acts(control: httpx.Client) -> None:
    """The root of the control face is its table of contents."""
    index = control.get("/").json()
    assert index["scenarios"] == dict(SCENARIOS)
    assert "close-by-system" in index["acts"]


@pytest.mark.parametrize(
    ("act", "body", "field", "value"),
    [
        ("verify", {}, "status_name", "Terverifikasi"),
        ("dispose", {"to": "613"}, "disposition_id", "613"),
        ("reply", {"content": "Halo"}, "last_word", "reporter"),
        ("satisfied", {"rating": 3}, "rating", 3),
        ("close", {}, "status_name", "Ditutup oleh Admin"),
        ("close-by-system", {"status_name": "Selesai"}, "status_name", "Selesai"),
        ("archive", {}, "status_name", "Diarsipkan"),
        ("reject", {}, "status_name", "Ditolak"),
        ("status", {"status_name": "Baru"}, "status_name", "Baru"),
        ("answer", {"content": "Ya", "opd": "611"}, "answers", 1),
        ("reopen", {}, "status_name", "Terverifikasi"),
        ("touch", {}, "answers", 0),
        ("hide", {"hidden": True}, "hidden", True),
        ("corrupt", {"how": "null"}, "corrupt", "null"),
        ("uncorrupt", {}, "corrupt", None),
        ("delete", {}, "answers", 0),
    ],
)
def test_control_has_every_act(control: httpx.Client, act: str, body: Any, field: str, value: Any) -> None:
    """JSON in, the summary of the report out."""
    ref = control.post("/reports", json={"opd": "611"}).json()["tracking_id"]
    done = control.post(f"/reports/{ref}/{act}", json=body)
    assert done.status_code == 200
    assert done.json()[field] == value
    assert control.get(f"/reports/{ref}").status_code == (404 if act == "delete" else 200)


def test_control_shows_the_world_and_one_thread(control: httpx.Client) -> None:
    """The stored truth, for tests in other processes."""
    ref = control.post("/reports", json={"title": "Judul", "opd": "611"}).json()["tracking_id"]
    world = control.get("/world").json()
    assert (world["total"], world["scenario"], world["now"]) == (21, "calm", "2026-03-02T10:00:00+07:00")
    assert control.get(f"/reports/{ref}/thread").json()["title"] == "Judul"
    assert control.delete(f"/reports/{ref}").status_code == 200
    assert control.get(f"/reports/{ref}/thread").json() == {"error": f"no report {ref}"}


def test_control_moves_the_clock(control: httpx.Client) -> None:
    """Seconds ahead, and what it is now."""
    assert control.post("/clock", json={"seconds": 3600}).json() == {"now": "2026-03-02T11:00:00+07:00"}
    assert control.get("/clock").json() == {"now": "2026-03-02T11:00:00+07:00"}


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/clock", {}, 400),
        ("POST", "/clock", {"seconds": -1}, 400),
        ("POST", "/scenario", {"name": "storm"}, 400),
        ("POST", "/faults", {"do": "explode"}, 400),
        ("POST", "/faults", {"do": "status"}, 400),
        ("POST", "/faults", {"do": "garbage", "times": 0}, 400),
        ("POST", "/reports", {"colour": "merah"}, 400),
        ("POST", "/reports", None, 400),
        ("POST", "/reports/20000017/dance", {}, 400),
        ("POST", "/reports/20000017/corrupt", {"how": "badly"}, 400),
        ("POST", "/reports/5/verify", {}, 404),
        ("GET", "/nowhere", None, 404),
    ],
)
def test_control_says_what_is_wrong(control: httpx.Client, method: str, path: str, body: Any, status: int) -> None:
    """A sentence under `error`."""
    content = (
        {"content": b"{"} if body is None and method == "POST" else {"json": body} if body is not None else {}
    )
    reply = control.request(method, path, **content)
    assert reply.status_code == status
    assert reply.json()["error"]


def test_a_simulator_stops_and_starts_with_the_same_world() -> None:
    """Kept connections are closed; before the start it has no address."""
    simulator = Simulator(Options(reports=1, start=START))
    with pytest.raises(RuntimeError, match="not running"):
        _ = simulator.url
    simulator.stop()
    simulator.start()
    simulator.start()
    with httpx.Client() as client:
        assert client.get(simulator.control_url + "/world").json()["total"] == 1
        url = simulator.control_url
        simulator.stop()
        with pytest.raises(httpx.ConnectError):
            client.get(url + "/world")
    with simulator, httpx.Client() as client:
        assert client.get(simulator.control_url + "/world").json()["total"] == 1


def test_serving_for_ever_ends_when_stopped() -> None:
    """What the command runs in the foreground."""
    simulator = Simulator(Options(reports=1), host="0.0.0.0")
    simulator.start()
    foreground = Thread(target=simulator.serve_forever)
    foreground.start()
    assert "127.0.0.1" in simulator.url
    simulator.stop()
    foreground.join(60)
    assert not foreground.is_alive()


def test_ipv6_addresses_are_bracketed() -> None:
    """Loopback of the other family."""
    try:
        simulator = Simulator(Options(reports=1), host="::1")
        simulator.start()
    except OSError:
        pytest.skip("no IPv6 loopback here")
    with simulator, httpx.Client() as client:
        assert simulator.url.startswith("http://[::1]:")
        assert client.get(simulator.control_url + "/clock").status_code == 200
