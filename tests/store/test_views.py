"""What commands and other city systems see: the interface's JSON to the letter, and nothing of a rahasia report."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from lapor_sync import interface
from lapor_sync.domain.colour import City, Colour, Flag, WaitingOn
from lapor_sync.domain.delivery import Kind, Reason, Sent, State
from lapor_sync.domain.errors import BadRecord
from lapor_sync.domain.people import of_shell
from lapor_sync.domain.report import Attachment, Institution, ItemKind, StatusChange
from lapor_sync.store import (
    conflicts,
    institutions,
    marks,
    outages,
    outbox,
    overview,
    quarantine,
    queries,
    reports,
    threads,
)
from lapor_sync.store.database import Store, Work
from lapor_sync.store.dossier import dossier
from lapor_sync.store.marks import Mark
from lapor_sync.store.reports import Mirrored
from tests.databases import START, StillClock
from tests.store.samples import HIJAU, KUNING, MERAH, add, get, item, mirrored, new, report, save

HOUR = timedelta(hours=1)
NOW = "2026-03-02T03:00:00.000000Z"


def listed(store: Store, **filters: Any) -> list[str]:
    with store.reading() as work:
        return [row.report.tracking_id for row in overview.reports(work, overview.Wanted(**filters))]


@pytest.fixture
def city(store: Store) -> Store:
    """Four reports of two OPDs, two of them late."""
    pu, dlh = (
        {"disposition_id": "611", "disposition_name": "PU"},
        {"disposition_id": "612", "disposition_name": "DLH"},
    )
    save(
        store,
        mirrored("1", report("1", **pu), verdict=MERAH, due_at=START - HOUR, deadline_clock="answer"),
        mirrored("2", report("2", **pu), verdict=KUNING, due_at=START + HOUR, deadline_clock="resolve"),
        mirrored("3", report("3", **dlh), verdict=HIJAU),
        mirrored("4", report("4"), due_at=START - 2 * HOUR, deadline_clock="verify"),
    )
    return store


def test_a_report_as_json(store: Store) -> None:
    """Every key of the interface: ids are text, times have an offset, what is not known is null."""
    place = {"location": "Jl. Gedang", "kecamatan": "Gading Cempaka", "kelurahan": "Padang Harapan"}
    full = report(
        "1", title="Jalan", channel="web", classification="pengaduan", is_secret=True, updated_at=START, **place
    )
    flags = frozenset({Flag.VANISHED, Flag.SEEN_TWICE})
    save(
        store,
        mirrored("1", full, verdict=MERAH._replace(flags=flags), rules="1.ab", answers=2, thread_read_at=START),
        mirrored("2", report("2", created_at=None), due_at=START, deadline_clock="verify"),
    )
    with store.reading() as work:
        hidden = [interface.report(row, work.now)["title"] for row in overview.reports(work)]
        first, second = (interface.report(row, work.now, with_rahasia=True) for row in overview.reports(work))
    assert hidden == [None, second["title"]]
    assert first == {
        "tracking_id": "1",
        "title": "Jalan",
        "status_name": "Dalam Proses",
        "colour": "merah",
        "waiting_on": "opd",
        "flags": ["seen_twice", "vanished"],
        "opd": None,
        "opd_name": None,
        "classification": "pengaduan",
        "category": None,
        "channel": "web",
        "is_secret": True,
        "is_anonymous": False,
        "withheld": None,
        "created_at": NOW,
        "updated_at": NOW,
        "closed_at": None,
        "vanished_at": None,
        "answers": 2,
        "place": "Jl. Gedang",
        "kecamatan": "Gading Cempaka",
        "kelurahan": "Padang Harapan",
        "rating": None,
        "is_priority": False,
        "verified_at": None,
        "first_disposition_at": None,
        "first_answer_at": None,
        "thread_known": True,
        "deadline": None,
        "overdue": False,
        "colour_rules": "1.ab",
    }
    assert second["deadline"] == {"clock": "verify", "due_at": NOW}
    assert (second["overdue"], second["colour"], second["created_at"]) == (False, None, None)


def test_reports_are_filtered(city: Store, other_city: Store) -> None:
    """By colour (null too), OPD, what is late (the latest first), and all of these at once."""
    assert listed(city) == ["1", "2", "3", "4"]
    assert listed(city, colour="merah") == ["1"]
    assert listed(city, colour="null") == ["4"]
    assert listed(city, opd="611") == ["1", "2"]
    assert listed(city, overdue=True) == ["4", "1"]
    assert listed(city, overdue=True, opd="611", colour="merah") == ["1"]
    assert listed(city, overdue=True, colour="hijau") == []
    assert listed(city, waiting_on="opd", limit=5) == ["1"]
    assert listed(city, limit=2) == ["1", "2"]
    assert listed(city, since=START, until=START) == ["1", "2", "3", "4"]
    assert listed(city, since=START + HOUR) == listed(city, until=START - HOUR) == []
    assert listed(other_city) == []


def test_a_stream_that_is_left_early_leaves_nothing_open(city: Store) -> None:
    """`reports | head -1`: the next query works."""
    with city.reading() as work:
        assert next(iter(overview.reports(work))).report.tracking_id == "1"
        assert overview.count_overdue(work) == 2


def test_status_counts_everything(city: Store, clock: StillClock) -> None:
    """Colours with unknown, every state of the outbox, and null where nothing happened yet."""
    with city.reading() as work:
        before = interface.status(overview.overview(work, City()))
    assert before["colours"] == {"merah": 1, "kuning": 1, "hijau": 1, "abu": 0, "unknown": 1}
    assert before["outbox"] == {state.value: 0 for state in State}
    assert (before["conflicts"], before["quarantine"], before["audit_rows"]) == (0, 0, 0)
    assert (before["last_success_at"], before["oldest_waiting_at"], before["outage"]) == (None, None, None)
    add(city, new("LS-AAAAAA"), state=State.SENT)
    clock.advance(60)
    add(city, new("LS-BBBBBB"), state=State.HELD)
    with city.work() as work:
        marks.put_time(work, Mark.LAST_SUCCESS, START)
        outages.begin(work, START, "unreachable")
        conflicts.open_one(work, kind="both_moved", facts={"said": "x"}, tracking_id="1")
        quarantine.put(work, quarantine.LIST, BadRecord("x", key="k", raw=""))
    with city.reading() as work:
        after = interface.status(overview.overview(work, City()))
    assert after["last_success_at"] == NOW
    assert after["oldest_waiting_at"] == "2026-03-02T03:01:00.000000Z"
    assert after["outage"] == {"since": NOW, "what": "unreachable"}
    assert (after["conflicts"], after["quarantine"], after["audit_rows"]) == (1, 1, 5)
    assert len(after["audit_head"]) == 64
    assert set(after) == set(before)


def test_each_opd_by_colour(city: Store) -> None:
    """The most merah first; a report without colour or OPD counts where it is."""
    with city.reading() as work:
        found = interface.opds(queries.by_opd(work))
    none = dict.fromkeys(("unknown", *(colour.value for colour in Colour)), 0)
    assert found == [
        {"opd": "611", "opd_name": "PU", "overdue": 1, "reports": 2} | none | {"merah": 1, "kuning": 1},
        {"opd": "612", "opd_name": "DLH", "overdue": 0, "reports": 1} | none | {"hijau": 1},
        {"opd": None, "opd_name": None, "overdue": 1, "reports": 1} | none | {"unknown": 1},
    ]


def test_outbox_conflicts_and_quarantine_as_json(store: Store) -> None:
    """The keys of the interface; a hand-over of no OPD has none."""
    with store.work() as work:
        outbox.add(work, new("LS-AAAAAA", kind=Kind.FORWARD, opd=""), state=State.HELD, reason=Reason.BY_PERSON)
        conflicts.open_one(work, kind="both_moved", facts={"said": "x"}, tracking_id="7001", ref="LS-AAAAAA")
        quarantine.put(work, quarantine.LIST, BadRecord("bad", key="k", raw="", report_id="7"))
        quarantine.put(work, quarantine.EXPORT, BadRecord("bad", key="k2", raw=""))
    with store.reading() as work:
        one, (conflict,) = get(work, "LS-AAAAAA"), conflicts.listing(work)
        bad = [interface.quarantined(each) for each in quarantine.listing(work)]
    assert interface.waiting(one) == {
        "ref": "LS-AAAAAA",
        "kind": "forward",
        "tracking_id": "7001",
        "opd": None,
        "state": "held",
        "reason": "by_person",
        "written_at": NOW,
        "tries": 0,
        "next_try_at": None,
        "why": None,
    }
    assert interface.conflict(conflict) == {
        "id": conflict.id,
        "tracking_id": "7001",
        "kind": "both_moved",
        "ref": "LS-AAAAAA",
        "opened_at": NOW,
        "why": "the report moved upstream and here at the same time (x)",
    }
    assert bad == [
        {"id": "7", "source": "list", "seen_at": NOW, "reason": "bad"},
        {"id": "k2", "source": "export", "seen_at": NOW, "reason": "bad"},
    ]


def last_told(work: Work, one: Mirrored) -> str:
    return str(interface.show(dossier(work, one), work.now, ())["timeline"][-1]["what"])


def show(store: Store, tracking_id: str = "7001") -> interface.Json:
    with store.reading() as work:
        return interface.show(dossier(work, reports.load(work, [tracking_id])[tracking_id]), work.now, ())


def test_show_adds_thread_deliveries_and_timeline(store: Store, clock: StillClock) -> None:
    """One report, whole: what was said upstream and done here, in order of time, and why it has its colour."""
    save(store, mirrored(of=report(content="Jalan rusak"), verdict=KUNING, first_seen_at=START))
    file = Attachment(url="https://x/a.pdf", file_name="a.pdf", extension="pdf")
    later = START + timedelta(seconds=1)
    with store.work() as work:
        items = (
            item("1", kind=ItemKind.DISPOSITION, author="Admin", institution_to="PU", content=""),
            item("2", "<b>Sudah&nbsp;baik</b>", author=None, status_new="Selesai", attachments=(file,)),
            item("3", "Terima kasih", kind=ItemKind.REPORTER, created_at=later),
            item("4", "x", kind=ItemKind.LOG, created_at=later),
        )
        threads.save(work, {"7001": items}, {})
        outages.begin(work, START, "unreachable")
        work.note("colour", "7001", before=None, after="merah", row="10", rules="1", decision="adopt")
        work.note("colour", "7001", before="merah", after="merah", row="10", rules="1", decision="agree")
        work.note("colour", "7001", before="merah", after=None, row="-", rules="1", decision="pull")
        work.note("vanished_marked", "7001")
    with store.work(of_shell("budi")) as work:
        outbox.add(work, new())
    clock.advance(5)
    with store.work() as work:
        one = get(work, "LS-AAAAAA")
        outbox.move(work, one, State.SENDING, Reason.LEAVING)
        outbox.begin_attempt(work, one.ref)
        outbox.end_attempt(work, one, Sent(http_status=200), 12)
        outbox.end_attempt(work, one, Sent(), 12)
        conflicts.open_one(work, kind="both_moved", facts={"said": "x"}, tracking_id="7001")
    with store.work(of_shell("budi")) as work:
        conflicts.settle(work, conflicts.listing(work)[0], conflicts.How.KEEP_OURS)
    found = show(store)
    assert found["content"] == "Jalan rusak"
    assert found["thread"][1] == {
        "id": "2",
        "kind": "answer",
        "author": None,
        "content": "Sudah baik",
        "created_at": NOW,
        "attachments": [{"file_name": "a.pdf", "extension": "pdf", "url": "https://x/a.pdf"}],
    }
    assert found["deliveries"] == [
        {
            "ref": "LS-AAAAAA",
            "kind": "response",
            "state": "sending",
            "reason": "leaving",
            "opd": "611",
            "is_secret": False,
            "by": "budi",
            "target": None,
            "text": "Terima kasih.\n[Ref LS-AAAAAA]",
            "written_at": NOW,
            "tries": 0,
            "next_try_at": None,
            "sent_at": None,
            "seen_at": None,
            "attempts": [
                {
                    "at": "2026-03-02T03:00:05.000000Z",
                    "outcome": "sent",
                    "http_status": 200,
                    "ms": 12,
                    "why": None,
                }
            ],
        }
    ]
    timeline = [(event["who"], event["what"]) for event in found["timeline"]]
    assert timeline == [
        ("reporter", "report received"),
        ("Admin", "disposed to PU"),
        ("LAPOR", "answered (status Selesai)"),
        ("lapor-sync", "new -> merah: verified or disposed, and not answered since (row 10, rules 1, adopt)"),
        ("lapor-sync", "merah: verified or disposed, and not answered since (row 10, rules 1, agree)"),
        (
            "lapor-sync",
            "merah -> unknown: the status name is not known to the table: the last colour stays (row -, rules 1, pull)",
        ),
        ("lapor-sync", "vanished marked"),
        ("budi", "response LS-AAAAAA written"),
        ("LAPOR", "away: unreachable"),
        ("reporter", "wrote"),
        ("LAPOR", "noted"),
        ("lapor-sync", "LS-AAAAAA queued -> sending: it leaves now"),
        ("lapor-sync", "LS-AAAAAA tried: sent, HTTP 200"),
        ("lapor-sync", "LS-AAAAAA tried: sent"),
        ("lapor-sync", "conflict opened: both_moved"),
        ("budi", "conflict settled: both_moved (keep_ours)"),
    ]
    ats = [event["at"] for event in found["timeline"]]
    assert ats == sorted(ats)


def test_show_of_a_report_without_dates(store: Store) -> None:
    """A report from an export may say next to nothing; what happened without a date comes first."""
    save(store, mirrored(of=report(created_at=None), closed_at=START))
    with store.work() as work:
        threads.save(work, {"7001": (item("1", created_at=None),)}, {})
    found = show(store)
    assert found["timeline"][0]["at"] is None
    assert found["deliveries"] == []


# What other city systems read.


def select(store: Store, query: str) -> list[dict[str, Any]]:
    with store.reading() as work:
        return [dict(row) for row in work.conn.execute(text(query)).mappings()]


def test_the_views_leave_out_what_is_rahasia(store: Store) -> None:
    """Neither content nor thread of a rahasia report, nor a reporter's name of any; its row is there."""
    secret = report("1", content="Isi rahasia", is_secret=True, reporter_name="Siti")
    save(
        store,
        mirrored("1", secret, verdict=MERAH),
        mirrored("2", report("2", content="Jalan", reporter_name="Siti")),
    )
    with store.work() as work:
        threads.save(work, {"1": (item("1", "Isi rahasia"),), "2": (item("1", "Sudah"), item("2", "Lama"))}, {})
        threads.save(work, {"2": (item("1", "Sudah"),)}, {"2": (item("1", "Sudah"), item("2", "Lama"))})
    rows = select(store, "SELECT * FROM v_reports ORDER BY tracking_id")
    assert [(row["tracking_id"], row["colour"], row["content"]) for row in rows] == [
        ("1", "merah", None),
        ("2", None, "Jalan"),
    ]
    items = select(store, "SELECT * FROM v_thread")
    assert [(one["tracking_id"], one["id"], one["content"]) for one in items] == [("2", "1", "Sudah")]
    assert "Siti" not in f"{rows}{items}"
    assert "rahasia" not in f"{rows}{items}"


def test_the_views_have_the_names_of_the_interface(city: Store) -> None:
    """What a city's dashboard was built on stays: the columns."""
    (row,) = select(city, "SELECT * FROM v_reports WHERE tracking_id = '2'")
    assert set(row) == {
        *("agency", "tracking_id", "title", "status_name", "colour", "waiting_on", "flags", "opd", "opd_name"),
        *("classification", "category", "channel", "is_secret", "is_anonymous", "is_priority", "rating"),
        *("created_at", "updated_at", "closed_at", "vanished_at", "answers", "thread_known", "deadline_clock"),
        *("due_at", "overdue", "colour_rules", "content", "content_html", "place", "kecamatan", "kelurahan"),
        *("verified_at", "first_disposition_at", "first_answer_at"),
    }
    assert (row["opd"], row["waiting_on"], row["thread_known"]) == ("611", WaitingOn.REPORTER, 0)
    with city.work() as work:
        threads.save(work, {"2": (item(),)}, {})
    (one,) = select(city, "SELECT * FROM v_thread")
    assert list(one) == [
        "agency",
        "tracking_id",
        "id",
        "kind",
        "author",
        "content",
        "created_at",
        "attachments",
        "content_html",
    ]


def test_the_views_say_what_the_commands_say(store: Store) -> None:
    """Every column of every view is the JSON's key of that name, in value and form; the others are named here."""
    file = Attachment(url="https://x/a.pdf", file_name='a "1".pdf', extension=None)
    whole = report(
        "1",
        title="Jalan",
        content="<p>Jalan &amp; got</p>\nrusak",
        location="Jl. Gedang",
        kecamatan="Ratu Samban",
        kelurahan="Padang Jati",
        is_priority=True,
        rating="4",
        updated_at=START,
        attachments=(file,),
    )
    late = mirrored(
        "1", whole, verdict=MERAH, thread_read_at=START, due_at=START - HOUR, deadline_clock="answer", rules="1"
    )
    save(store, late, mirrored("2", report("2", is_secret=True)))
    items = (
        item("1", kind=ItemKind.DISPOSITION, created_at=START + HOUR),
        item("2", "<b>Sudah</b><br>baik", created_at=START + 2 * HOUR, attachments=(file, file)),
        item("3", created_at=None),
    )
    with store.work() as work:
        threads.save(work, {"1": items}, {})
        changes = [StatusChange(at=START + n * HOUR, status_old=None, status_new="TERVERIFIKASI ") for n in (2, 1)]
        threads.save_history(work, {"1": [*changes, StatusChange(at=None, status_old="a", status_new=None)]})
        outbox.add(work, new("LS-AAAAAA", tracking_id="1"))
        outbox.add(work, new("LS-BBBBBB", tracking_id="1", kind=Kind.FORWARD, opd="", target="999"))
        conflicts.open_one(work, kind="both_moved", facts={"said": "x"}, tracking_id="1", ref="LS-AAAAAA")
        found = interface.show(dossier(work, reports.load(work, ["1"])["1"]), work.now, ())
        listed = [interface.report(row, work.now) for row in overview.reports(work)]
        waiting = interface.outbox(overview.waiting(work))
        asked = [interface.conflict(one) for one in conflicts.listing(work)]
    assert listed[0] == {key: found[key] for key in listed[0]}
    told = [one | (one["deadline"] or {}) for one in listed]
    of_both = [mine | told for mine, told in zip(found["deliveries"], waiting, strict=True)]
    for one in told:
        one["deadline_clock"] = one.get("clock")
    for view, by, rows, others in (
        ("v_reports", "tracking_id", told, {"content", "content_html"}),
        ("v_thread", "id", found["thread"], {"tracking_id", "content_html"}),
        ("v_history", "at", found["history"], {"tracking_id"}),
        ("v_deliveries", "ref", of_both, set()),
        ("v_conflicts", "id", asked, {"settled_at", "settled_by", "how", "why"}),
    ):
        seen = select(store, f"SELECT * FROM {view} ORDER BY coalesce({by}, '')")
        assert len(seen) == len(rows) > 0, view
        for row, one in zip(seen, rows, strict=True):
            assert row.pop("agency") == "kota"
            for column in row.keys() - others:
                is_list = column in {"flags", "attachments"}
                assert (json.loads(row[column]) if is_list else row[column]) == one.get(column), (view, column)
    (row,) = select(store, "SELECT * FROM v_reports WHERE overdue")
    assert (row["content"], row["content_html"]) == (found["content"], whole.content)
    assert row["verified_at"] == row["first_disposition_at"] == found["thread"][0]["created_at"]
    assert row["first_answer_at"] == found["thread"][1]["created_at"]
    assert select(store, "SELECT content_html FROM v_thread WHERE id = '2'")[0]["content_html"] == items[1].content


def test_the_views_hide_what_secret_and_rahasia_ones_say(store: Store) -> None:
    """Neither where a rahasia report is, nor what was answered to it, nor a secret answer; the rows are there."""
    where = {"location": "Jl. Gedang", "kecamatan": "Ratu Samban", "kelurahan": "Padang Jati"}
    save(store, mirrored("1"), mirrored("2", report("2", title="Judul", content="Isi", is_secret=True, **where)))
    with store.work() as work:
        threads.save_history(work, {"2": [StatusChange(at=START, status_old=None, status_new="x", note="Isi")]})
        outbox.add(work, new("LS-AAAAAA", tracking_id="1"))
        outbox.add(work, new("LS-BBBBBB", tracking_id="1", is_secret=True))
        outbox.add(work, new("LS-CCCCCC", tracking_id="2"))
        institutions.replace_all(work, [Institution(id="611", name="Dinas PU")])
        hidden = next(
            interface.report(row, work.now) for row in overview.reports(work) if row.report.report.is_secret
        )
    (secret,) = select(store, "SELECT * FROM v_reports WHERE is_secret")
    for name in ("title", "place", "kecamatan", "kelurahan"):
        assert secret[name] is hidden[name] is None
    assert secret["content"] is secret["content_html"] is None
    assert select(store, "SELECT note FROM v_history") == [{"note": None}]
    sent = select(store, "SELECT ref, is_secret, text FROM v_deliveries ORDER BY ref")
    assert [bool(row["text"]) for row in sent] == [True, False, False]
    assert [bool(row["is_secret"]) for row in sent] == [False, True, False]
    assert select(store, "SELECT id, name FROM v_institutions") == [{"id": "611", "name": "Dinas PU"}]


@pytest.mark.parametrize("data", ["nothing", "{}", "[]", "null", '"x"', "[" * 9000])
def test_a_broken_audit_row_hides_no_report(store: Store, data: str) -> None:
    """`show` says that the row cannot be read, and shows the rest."""
    save(store, mirrored("1"))
    with store.work() as work:
        work.note("colour", "1")
        one = reports.load(work, ["1"])["1"]
    with store.reading() as work:
        assert last_told(work, one).startswith("an audit row that cannot be read")
    with store.engine.connect() as conn:
        on_sqlite = store.engine.dialect.name == "sqlite"
        without = "DROP TRIGGER audit_no_update" if on_sqlite else "ALTER TABLE audit DISABLE TRIGGER USER"
        conn.exec_driver_sql(without)
        conn.execute(text("UPDATE audit SET what = 'colour', data = :data"), {"data": data})
        conn.commit()
    with store.reading() as work:
        assert last_told(work, one).startswith("an audit row that cannot be read")
