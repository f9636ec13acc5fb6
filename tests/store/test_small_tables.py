"""Quarantine, marks, outages, conflicts, institutions: each city its own, the same thing told once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from lapor_sync.domain.errors import BadRecord, StoreDamaged
from lapor_sync.domain.people import of_shell
from lapor_sync.domain.questions import MANY_VANISHED
from lapor_sync.domain.report import Institution
from lapor_sync.store import audit, backup, conflicts, institutions, marks, outages, pauses, quarantine
from lapor_sync.store.conflicts import Conflict, How
from lapor_sync.store.database import Store, Work
from lapor_sync.store.marks import Mark
from lapor_sync.store.outages import Outage
from lapor_sync.store.schema import conflict
from tests.databases import START, StillClock
from tests.store.samples import mirrored, report, save

MINUTE = timedelta(minutes=1)


def told(store: Store) -> list[str]:
    """What the audit chain says, in short."""
    with store.reading() as work:
        return [f"{row['what']} {row['subject']}" for row in audit.rows(work.conn, work.agency)]


def backed_up(work: Work) -> None:
    marks.put_time(work, Mark.BACKED_UP, START - MINUTE)


# Quarantine.


def bad(key: str = "k1", *, raw: str = "{", reason: str = "no JSON", report_id: str | None = None) -> BadRecord:
    return BadRecord(reason, key=key, raw=raw, report_id=report_id)


def put(store: Store, source: str, one: BadRecord) -> bool:
    with store.work() as work:
        return quarantine.put(work, source, one)


def keys(store: Store) -> list[tuple[str, str]]:
    with store.reading() as work:
        return [(one.source, one.key) for one in quarantine.listing(work)]


def test_a_bad_record_is_put_away_once(store: Store, clock: StillClock) -> None:
    """The same again is no news; another text or reason is, and takes its place."""
    assert put(store, quarantine.LIST, bad(report_id="7"))
    assert not put(store, quarantine.LIST, bad(report_id="7"))
    clock.advance(60)
    assert put(store, quarantine.LIST, bad(report_id="7", raw="{}"))
    assert put(store, quarantine.LIST, bad(report_id="7", raw="{}", reason="no id"))
    with store.reading() as work:
        (one,) = quarantine.listing(work)
    assert (one.report_id, one.reason, one.seen_at) == ("7", "no id", clock.now())
    assert told(store) == ["quarantined 7"] * 3


def test_sources_and_cities_are_apart(store: Store, other_city: Store) -> None:
    """The same key in another source, or another city, is another record."""
    for source in (quarantine.LIST, quarantine.THREAD):
        assert put(store, source, bad())
    assert put(other_city, quarantine.LIST, bad())
    assert put(store, quarantine.LIST, bad("k9"))
    with store.work() as work:
        quarantine.release_absent(work, quarantine.LIST, ["k9"])
    assert keys(store) == [("thread", "k1"), ("list", "k9")]
    assert keys(other_city) == [("list", "k1")]


def test_what_can_be_read_again_is_released(store: Store) -> None:
    """By the report's id, from list and detail, unless other sources are named; each release is audited."""
    for source in (quarantine.LIST, quarantine.DETAIL, quarantine.THREAD, quarantine.EXPORT):
        put(store, source, bad(report_id="7"))
        put(store, source, bad("k2", report_id="8"))
        put(store, source, bad("k3"))
    with store.work() as work:
        quarantine.release(work, ["7", "9"])
        quarantine.release(work, ["8"], sources=(quarantine.EXPORT,))
        quarantine.release(work, [])
    kept = set(keys(store))
    assert {("list", "k1"), ("detail", "k1"), ("export", "k2")}.isdisjoint(kept)
    assert len(kept) == 9
    assert [line for line in told(store) if line.startswith("released")] == ["released k1"] * 2 + ["released k2"]


def test_what_a_complete_listing_did_not_meet_is_gone(store: Store) -> None:
    """Only of that source."""
    for key in ("k1", "k2"):
        put(store, quarantine.LIST, bad(key))
        put(store, quarantine.EXPORT, bad(key))
    with store.work() as work:
        quarantine.release_absent(work, quarantine.LIST, ["k2"])
    assert sorted(keys(store)) == [("export", "k1"), ("export", "k2"), ("list", "k2")]


# Marks and outages.


@pytest.mark.parametrize("value", ["tomorrow", "", '{"since": 7}'])
def test_a_mark_that_somebody_changed_by_hand_is_named(store: Store, value: str) -> None:
    """It was told as a fault of ours."""
    with store.work() as work:
        marks.put(work, Mark.LAST_SUCCESS, value)
        marks.put(work, Mark.PAUSED, value)
        with pytest.raises(StoreDamaged, match="The mark last_success_at cannot be read"):
            marks.get_time(work, Mark.LAST_SUCCESS)
        with pytest.raises(StoreDamaged, match="The mark paused cannot be read"):
            pauses.current(work)


def test_a_mark_is_set_replaced_and_forgotten(store: Store, other_city: Store) -> None:
    """One value a name and city."""
    with store.work() as work:
        assert marks.get(work, Mark.CURSOR) is None
        assert marks.get_time(work, Mark.CURSOR) is None
        marks.put(work, Mark.CANARY, "1")
        marks.put_time(work, Mark.CURSOR, START)
        marks.put_time(work, Mark.CURSOR, START + MINUTE)
    with store.work() as work:
        found = marks.some(work, Mark.CURSOR, Mark.SWEPT)
        assert (found.time(Mark.CURSOR), found.time(Mark.SWEPT)) == (START + MINUTE, None)
        with pytest.raises(KeyError):
            found.text(Mark.CANARY)
        assert marks.get_time(work, Mark.CURSOR) == START + MINUTE
        marks.clear(work, Mark.CURSOR)
        marks.clear(work, Mark.CURSOR)
        assert marks.get(work, Mark.CURSOR) is None
        assert marks.get(work, Mark.CANARY) == "1"
    with other_city.reading() as work:
        assert marks.get(work, Mark.CANARY) is None


def test_an_outage_begins_and_ends(store: Store, other_city: Store, clock: StillClock) -> None:
    """Both are audited; it is the current one only while it lasts."""
    with store.work() as work:
        assert outages.current(work) is None
        outages.begin(work, START - MINUTE, "unreachable")
        assert outages.current(work) == Outage(since=START - MINUTE, until=None, what="unreachable")
    with other_city.work() as work:
        assert outages.current(work) is None
        outages.end(work)
    clock.advance(60)
    with store.work() as work:
        assert outages.current(work) is not None
        outages.end(work)
        assert outages.current(work) is None
        whole = outages.between(work, START, START)
    assert whole == (Outage(since=START - MINUTE, until=START + MINUTE, what="unreachable"),)
    assert told(store) == ["outage_began upstream", "outage_ended upstream"]


def test_outages_that_touch_a_span(store: Store, clock: StillClock) -> None:
    """Their ends count; what lasts reaches up to now; oldest first."""
    for start, minutes in ((0, 2), (10, 2), (20, None)):
        clock.at = START + (start + (minutes or 0)) * MINUTE
        with store.work() as work:
            outages.begin(work, START + start * MINUTE, str(start))
            if minutes:
                outages.end(work)

    def between(since: int, until: int) -> list[str]:
        with store.reading() as work:
            found = outages.between(work, START + since * MINUTE, START + until * MINUTE)
        return [one.what for one in found]

    assert between(2, 10) == ["0", "10"]
    assert between(3, 9) == []
    assert between(-9, -1) == []
    assert between(12, 99) == ["10", "20"]
    assert between(50, 99) == ["20"]


def test_a_backup_is_due_since_the_last_one_or_since_there_is_what_to_back_up(store: Store) -> None:
    """A server's are not ours to make."""
    found = []
    for write in (lambda work: None, lambda work: work.note("canary", "upstream"), backed_up):
        with store.work() as work:
            write(work)
        with store.reading() as work:
            found.append(backup.due_since(work))
    assert found == ([None, START, START - MINUTE] if work.is_sqlite else [None] * 3)


# Conflicts.


def open_one(store: Store, kind: str, tracking_id: str | None = None, ref: str | None = None) -> None:
    with store.work() as work:
        conflicts.open_one(work, kind=kind, facts={"said": f"of {kind}"}, tracking_id=tracking_id, ref=ref)


def all_open(store: Store) -> list[Conflict]:
    with store.reading() as work:
        found = conflicts.listing(work)
        assert conflicts.count(work) == len(found)
        return found


def test_the_same_question_is_asked_once(store: Store, other_city: Store) -> None:
    """While it is open; each report, delivery, kind and city has its own."""
    for _ in range(2):
        open_one(store, "closed_since", "1", "LS-AAAAAA")
        open_one(store, "closed_since", "1", "LS-BBBBBB")
        open_one(store, "both_moved", "1")
        open_one(store, MANY_VANISHED)
        open_one(other_city, MANY_VANISHED)
    assert [(one.kind, one.tracking_id, one.ref) for one in all_open(store)] == [
        ("closed_since", "1", "LS-AAAAAA"),
        ("closed_since", "1", "LS-BBBBBB"),
        ("both_moved", "1", None),
        ("many_vanished", None, None),
    ]
    assert len(all_open(other_city)) == 1
    assert (len(told(store)), len(told(other_city))) == (4, 1)


def test_a_settled_question_may_be_asked_again(store: Store, clock: StillClock) -> None:
    """Settling is audited with who and how; the same thing later is a new conflict."""
    open_one(store, "both_moved", "1")
    (one,) = all_open(store)
    assert (one.facts, one.opened_at) == ({"said": "of both_moved"}, clock.now())
    with store.work(of_shell("budi")) as work:
        conflicts.settle(work, one, How.KEEP_OURS)
    assert all_open(store) == []
    open_one(store, "both_moved", "1")
    assert all_open(store)[0].id != one.id
    with store.reading() as work:
        assert conflicts.get(work, one.id) is None
        row = list(audit.rows(work.conn, work.agency))[1]
    assert (row["who"], row["what"], row["subject"]) == ("budi", "conflict_settled", "1")
    assert "keep_ours" in str(row["data"])


def test_a_question_of_an_earlier_program_keeps_its_sentence(store: Store) -> None:
    """It stored the whole of it, in English, and these rows stay."""
    open_one(store, "both_moved", "1")
    with store.work() as work:
        work.conn.execute(update(conflict).values(why="it moved {here} and there"))
    assert all_open(store)[0].facts == {"told": "it moved {here} and there"}


def test_conflicts_are_found_by_what_they_are_over(store: Store, other_city: Store) -> None:
    """Delivery, report, kind or id; an id that is none is nobody's."""
    open_one(store, "closed_since", "1", "LS-AAAAAA")
    open_one(store, MANY_VANISHED)
    first, second = all_open(store)
    with store.reading() as work:
        assert conflicts.of_delivery(work, "LS-AAAAAA") == conflicts.of_report(work, "1") == [first]
        assert conflicts.of_kind(work, MANY_VANISHED) == [second]
        assert conflicts.get(work, first.id) == first
        for given in ("", "x", "-1", "1.0", "9" * 19, "999"):
            assert conflicts.get(work, given) is None
    with other_city.work() as work:
        assert conflicts.get(work, first.id) is None
        conflicts.settle(work, first, How.BY_ITSELF)
    assert len(all_open(store)) == 2


# Institutions.


def test_institutions_have_the_name_of_the_master_list(store: Store, other_city: Store) -> None:
    """What it lacks, dispositions of reports add; an empty list is no news; a new one replaces the old one."""
    save(
        store,
        mirrored("1", report("1", disposition_id="611", disposition_name="PU (lama)")),
        mirrored("2", report("2", disposition_id="999", disposition_name="Kementerian")),
        mirrored("3", report("3", disposition_id="998", disposition_name=None)),
    )
    listed = [
        Institution(id="611", name="Dinas"),
        Institution(id="611", name="Dinas PU"),
        Institution(id="5", name="A"),
    ]
    with store.work() as work:
        institutions.replace_all(work, listed)
        institutions.replace_all(work, [])
        assert institutions.names(work) == {"611": "Dinas PU", "5": "A", "999": "Kementerian"}
        institutions.replace_all(work, listed[:1])
        assert institutions.names(work) == {"611": "Dinas", "999": "Kementerian"}
    with other_city.reading() as work:
        assert institutions.names(work) == {}
