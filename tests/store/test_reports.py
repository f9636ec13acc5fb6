"""Reports in the database: they come back as they were, and each question finds just those it asks for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from lapor_sync.domain.colour import Colour, Flag, Verdict
from lapor_sync.domain.errors import StoreDamaged, StoreError
from lapor_sync.domain.report import Attachment, Report
from lapor_sync.store import differing, reports
from lapor_sync.store.database import Store
from lapor_sync.store.reports import Known, KnownRows, Mirrored
from tests.databases import START, StillClock
from tests.store.samples import HIJAU, KUNING, MERAH, add, mirrored, new, report, save

DAY = timedelta(days=1)
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=40)
ZONES = st.sampled_from([UTC, ZoneInfo("Asia/Jakarta"), ZoneInfo("Asia/Jayapura")])
TIMES = st.datetimes(datetime(1990, 1, 1), datetime(2200, 1, 1), timezones=ZONES)  # noqa: DTZ001  # what Hypothesis takes
MAYBE: dict[Any, Any] = {str | None: st.none() | TEXT, datetime | None: st.none() | TIMES}
ATTACHMENTS = st.lists(st.builds(Attachment, url=TEXT, file_name=TEXT, extension=st.none() | TEXT), max_size=3)
REPORTS = st.builds(
    Report,
    tracking_id=st.sampled_from(["7001", "LAPOR-1", "ид"]),
    status_name=TEXT,
    title=TEXT,
    content=TEXT,
    **dict.fromkeys(
        ("upstream_id", "channel", "disposition_id", "disposition_name", "category"), st.none() | TEXT
    ),
    **dict.fromkeys(
        ("classification", "category_id", "location", "kecamatan", "kelurahan", "date_of_incident"),
        st.none() | TEXT,
    ),
    **dict.fromkeys(("tags", "rating", "reporter_name"), st.none() | TEXT),
    **dict.fromkeys(("is_anonymous", "is_secret", "is_priority", "updated_at_is_day"), st.booleans()),
    **dict.fromkeys(("created_at", "updated_at"), st.none() | TIMES),
    attachments=ATTACHMENTS.map(tuple),
    missing=st.frozensets(st.sampled_from(["title", "content"])),
)
VERDICTS = st.builds(
    Verdict,
    colour=st.none() | st.sampled_from(Colour),
    flags=st.frozensets(st.sampled_from(Flag)),
    row=st.sampled_from(["-", "1", "10"]),
)
MIRRORED = st.builds(
    Mirrored,
    report=REPORTS,
    first_seen_at=TIMES,
    verdict=VERDICTS,
    agreed=st.none() | st.sampled_from(Colour),
    answers=st.integers(0, 1000),
    settled=st.booleans(),
    rules=TEXT,
    **dict.fromkeys(
        ("row_hash", "deadline_clock", "forwarded_from", "other_id", "thread_doubt", "thread_error"),
        st.none() | TEXT,
    ),
    **dict.fromkeys(reports._OWN_TIMES, st.none() | TIMES),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(one=MIRRORED)
def test_a_report_comes_back_as_it_was_saved(store: Store, one: Mirrored) -> None:
    """Every field, whatever was there before; only what its source did not carry is no property of the report."""
    save(store, one)
    with store.reading() as work:
        found = reports.load(work, [one.tracking_id])
    assert found == {one.tracking_id: one._replace(report=one.report._replace(missing=frozenset()))}


def ids(store: Store, ask: Any, *args: Any) -> list[Any]:
    with store.reading() as work:
        return list(ask(work, *args))


def test_of_one_report_saved_twice_at_once_the_later_counts(store: Store) -> None:
    """A page of a list that moved may show the same report as it was and as it is."""
    save(store, mirrored("1", answers=1), mirrored("2"), mirrored("1", answers=2))
    with store.reading() as work:
        assert {one.tracking_id: one.answers for one in reports.load(work, ["1", "2"]).values()} == {
            "1": 2,
            "2": 0,
        }


def test_a_report_that_the_database_refuses_is_not_quoted(store: Store) -> None:
    """Among many rows as well: the error names the rule, never what a citizen wrote."""
    wrong = mirrored("2", of=report("2")._replace(content="nama saya Siti \x00"), deadline_clock="Siti")
    bad = wrong._replace(verdict=wrong.verdict._replace(colour="ungu"))  # type: ignore[arg-type]
    with pytest.raises(StoreError, match="refused what it was given") as refused:
        save(store, mirrored("1"), bad)
    assert "Siti" not in refused.value.what
    with store.reading() as work:
        assert reports.load(work, ["1"]) == {}


def test_nothing_to_save_is_no_statement(store: Store) -> None:
    """An empty page is a page."""
    save(store)
    with store.reading() as work:
        assert reports.load(work, []) == {}
        assert reports.load(work, ["7001"]) == {}


def test_more_reports_than_fit_one_query(store: Store) -> None:
    """A backfill's page may be long."""
    save(store, *(mirrored(f"{n:05}") for n in range(1100)))
    with store.reading() as work:
        assert len(reports.load(work, (f"{n:05}" for n in range(1200)))) == 1100
        assert list(reports.present(work, (f"{n:05}" for n in range(1200)))) == []
        assert reports.ids_after(work, "01095", 3) == ["01096", "01097", "01098"]
        assert reports.ids_after(work, "01099", 3) == []


def test_a_colour_that_there_is_not_is_refused(store: Store) -> None:
    """The database knows the four."""
    with pytest.raises(StoreError, match="refused"):
        save(store, mirrored(verdict=Verdict(colour="ungu", waiting_on=None)))  # type: ignore[arg-type]


def test_a_report_is_found_by_either_id(store: Store, other_city: Store) -> None:
    """By its Tracking ID first: another's API id may look the same."""
    save(store, mirrored("1", report("1", upstream_id="2")), mirrored("2", report("2", upstream_id="9")))
    with store.reading() as work:
        found = [reports.find(work, given) for given in ("1", "2", "9", "3")]
    assert [one.tracking_id if one else None for one in found] == ["1", "2", "2", None]
    with other_city.reading() as work:
        assert reports.find(work, "1") is None


def test_what_a_mirrored_report_says_of_itself() -> None:
    """What calls take, whether the thread is known, and where it stands upstream."""
    one = mirrored("1", report("1", upstream_id=None), verdict=MERAH)
    assert (one.call_id, one.thread_known, one.colour, one.present) == ("1", False, Colour.MERAH, Colour.MERAH)
    gone = one._replace(vanished_at=START, thread_read_at=START, report=report("1"))
    assert (gone.call_id, gone.thread_known, gone.present) == ("u1", True, None)


# Known rows.


def test_known_rows_are_matched_by_tracking_id_then_by_api_id(store: Store, other_city: Store) -> None:
    """A row that says its Tracking ID is matched by it, and by the API's id only where the mirror has none; a row
    without one, by the API's id. So a report whose id went to another one is not taken for that one."""
    save(
        store,
        mirrored("T1", report("T1", upstream_id="11"), row_hash="h", settled=True),
        mirrored("12", report("12", upstream_id=None)),
        mirrored("T3", report("T3", upstream_id="13")),
        mirrored("14", report("14", upstream_id="14")),
    )
    pairs = [
        ("T4", "14"),
        ("T1", "11"),
        ("11", "11"),
        ("12", "12"),
        ("T9", "13"),
        ("T9", "99"),
        ("99", "99"),
        ("T1", "13"),
    ]
    with store.reading() as work:
        rows = reports.known(work, pairs)
    found = [rows.match(*pair) for pair in pairs]
    matched = [one.tracking_id if one else None for one in found]
    assert matched == ["14", "T1", "T1", "12", None, None, None, "T1"]
    rivals = [rows.rival(report_id, one) for (_, report_id), one in zip(pairs, found, strict=True)]
    assert [one.tracking_id if one else None for one in rivals] == [*[None] * 4, "T3", None, None, "T3"]
    assert found[1] == Known("T1", "11", "h", None, True)
    with other_city.reading() as work:
        assert reports.known(work, pairs).match("T1", "11") is None


def test_an_id_that_is_a_tracking_id_of_another(store: Store) -> None:
    """A row without a Tracking ID whose API id looks like a Tracking ID: the API's id decides."""
    rows = KnownRows([Known("5", "70", None, None, False), Known("T6", "5", None, None, False)])
    found = rows.match("5", "5")
    assert found is not None
    assert found.tracking_id == "T6"


# Which reports are to be read.


@pytest.fixture
def some(store: Store) -> Store:
    """A small city: open, closed, uncoloured, missing, vanished, due for a read."""
    save(
        store,
        mirrored("merah", verdict=MERAH, read_at=START, agreed=Colour.MERAH, settled=True),
        mirrored("kuning", verdict=KUNING, read_at=START, agreed=Colour.MERAH, next_read_at=START - DAY),
        mirrored("new", next_read_at=START),
        mirrored("closed", verdict=HIJAU, agreed=Colour.HIJAU, closed_at=START - DAY, settled=True, row_hash="h"),
        mirrored("long closed", verdict=HIJAU, agreed=Colour.HIJAU, closed_at=START - 90 * DAY, settled=True),
        mirrored("missing", verdict=MERAH, agreed=Colour.MERAH, read_at=START, missing_since=START, settled=True),
        mirrored(
            "gone",
            verdict=MERAH,
            agreed=Colour.MERAH,
            read_at=START,
            missing_since=START - DAY,
            vanished_at=START,
            settled=True,
            next_read_at=START + DAY,
        ),
    )
    return store


def test_unsettled_reports_are_those_whose_hash_is_not_trusted(some: Store, other_city: Store) -> None:
    """They are read again each cycle."""
    assert ids(some, reports.unsettled) == ["kuning", "new"]
    assert ids(other_city, reports.unsettled) == []


def test_due_reads_come_longest_overdue_first(some: Store, clock: StillClock) -> None:
    """Within the budget."""
    assert ids(some, reports.due_for_reading, 9) == ["kuning", "new"]
    assert ids(some, reports.due_for_reading, 1) == ["kuning"]
    clock.advance(-2 * DAY.total_seconds())
    assert ids(some, reports.due_for_reading, 9) == []


def test_a_sweep_reads_what_is_open_or_was_closed_lately(some: Store) -> None:
    """Reopening shows in the first thirty days."""
    since = START - 30 * DAY
    assert ids(some, reports.open_or_closed_since, since) == [
        "closed",
        "gone",
        "kuning",
        "merah",
        "missing",
        "new",
    ]


def test_present_is_what_the_api_showed_and_did_not_lose(some: Store) -> None:
    """Nothing from an export alone, nothing that vanished."""
    assert sorted(ids(some, reports.present, [*ids(some, reports.ids_after, "", 99), "unknown"])) == [
        ("kuning", "ukuning"),
        ("merah", "umerah"),
        ("missing", "umissing"),
    ]


def test_missing_long_enough(some: Store) -> None:
    """What was marked already is not marked again."""
    assert ids(some, reports.missing_before, START) == ["missing"]
    assert ids(some, reports.missing_before, START - timedelta(seconds=1)) == []


def test_open_are_merah_and_kuning(some: Store, other_city: Store) -> None:
    """The number that the alarm of many vanished goes by: without what is marked already."""
    for store, count in ((some, 3), (other_city, 0)):
        with store.reading() as work:
            assert reports.count_open(work) == count


def test_reading_now_and_forgetting_rows(some: Store, clock: StillClock) -> None:
    """After the list call went away, what is open is read by id from now on."""
    clock.advance(60)
    with some.work() as work:
        reports.read_now(work, ["closed", "nowhere"])
        assert reports.load(work, ["closed"])["closed"].next_read_at == clock.now()
        reports.forget_rows(work)
        found = reports.load(work, ["closed", "merah", "long closed"])
    assert found["closed"].row_hash is None
    assert found["merah"].next_read_at == clock.now()
    assert found["long closed"].next_read_at is None


def test_names_of_long_closed_reports_are_forgotten(store: Store) -> None:
    """Only theirs, and only once."""
    closed: dict[str, Any] = {"closed_at": START - 90 * DAY, "verdict": HIJAU}
    named = {"reporter_name": "Siti"}
    save(
        store,
        mirrored("1", report("1", **named), **closed),
        mirrored("2", report("2", **named)),
        mirrored("3", **closed),
    )
    for forgotten in (1, 0):
        with store.work() as work:
            assert reports.drop_reporter_names(work, START - DAY) == forgotten
    with store.reading() as work:
        found = reports.load(work, ["1", "2"])
    assert (found["1"].report.reporter_name, found["2"].report.reporter_name) == (None, "Siti")


def test_which_reports_a_plan_speaks_of(some: Store, other_city: Store) -> None:
    """Those with an open delivery, and those whose sides differ."""
    add(some, new("LS-AAAAAA", "closed"), new("LS-BBBBBB", "closed"))
    assert ids(some, differing.with_open_delivery) == ["closed"]
    assert ids(some, differing.not_agreed) == ["gone", "kuning"]
    assert ids(other_city, differing.with_open_delivery) == ids(other_city, differing.not_agreed) == []


@pytest.mark.parametrize("column", ["created_at", "updated_at", "first_seen_at", "attachments", "flags"])
def test_a_row_that_somebody_changed_by_hand_is_named(store: Store, column: str) -> None:
    """It is no fault of ours: who reads of it in the log is to know which report it is, and to restore."""
    save(store, mirrored("7001"), mirrored("7002"))
    with store.work() as work:
        work.conn.execute(text(f"UPDATE report SET {column} = '{{nothing' WHERE tracking_id = '7001'"))
    with pytest.raises(StoreDamaged, match="Report 7001 cannot be read"), store.reading() as work:
        reports.load(work, ["7001", "7002"])
    with store.reading() as work:
        assert set(reports.load(work, ["7002"])) == {"7002"}


def test_a_row_of_the_list_that_somebody_changed_by_hand_is_named(store: Store) -> None:
    save(store, mirrored("7001"))
    with store.work() as work:
        work.conn.execute(text("UPDATE report SET updated_at = '{nothing'"))
    with pytest.raises(StoreDamaged, match="Report 7001 cannot be read"), store.reading() as work:
        reports.known(work, [("7001", "u7001")])


@pytest.mark.parametrize("kind", ["sqlite"])
def test_who_wrote_one_is_asked_of_it_alone(store: Store) -> None:
    """Each record that is put away asks it: of 40,000 rows without an id each looked at every report of the city."""
    save(store, *(mirrored(str(7_000_000 + number)) for number in range(300)))
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    with store.reading() as work:
        found = reports.of_person(work, "7000007")
        driver: Any = work.conn.connection.dbapi_connection
        driver.set_progress_handler(count, 1)
        assert reports.of_person(work, "7000007") == found
        driver.set_progress_handler(None, 1)
    assert len(found) == 1
    assert steps < 200
