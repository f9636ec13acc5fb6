"""What people are told, when, and how often: the audit's rows and the clock make it, a channel takes it or does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from lapor_sync.domain.delivery import Reason, State
from lapor_sync.domain.errors import BadRecord, NoticeInDoubt, NoticeNotTaken
from lapor_sync.domain.notices import NoticeKind
from lapor_sync.domain.people import Role, of_shell
from lapor_sync.domain.report import Thread
from lapor_sync.mirror.merge import Read
from lapor_sync.mirror.write import write
from lapor_sync.notices import composing
from lapor_sync.office import people as office
from lapor_sync.store import audit, channels, conflicts, marks, outages, outbox, quarantine, schema
from lapor_sync.store.marks import Mark
from lapor_sync.sync import restore
from tests.notices.conftest import City, Kept
from tests.store.samples import MERAH, add, get, mirrored, new, report, save

PUPR, DINKES = "611", "612"
CANARY = "kenari"
ALL = frozenset(NoticeKind)


def disposed(city: City, tracking_id: str, opd: str | None, **values: Any) -> None:
    """LAPOR gives this report, disposed to that OPD."""
    _give(city, tracking_id, opd, Thread(items=(), began_at=city.clock.now()), values)


def disposed_unread(city: City, tracking_id: str, opd: str, status_name: str) -> None:
    """The same, but its thread cannot be read."""
    _give(city, tracking_id, opd, None, {"status_name": status_name})


def _give(city: City, tracking_id: str, opd: str | None, thread: Thread | None, values: dict[str, Any]) -> None:
    one = report(tracking_id, disposition_id=opd, disposition_name=f"OPD {opd}", **values)
    with city.store.work() as work:
        write(work, city.mirror, [Read(tracking_id, city.clock.now(), one, thread, unread=thread is None)])


def fail(city: City, ref: str, state: State = State.REFUSED) -> None:
    """LAPOR refuses a delivery, or it is held."""
    with city.store.work() as work:
        one = get(work, ref)
        if state is State.HELD:
            outbox.hold(work, one, Reason.ANSWERED_ELSEWHERE)
            conflicts.open_one(
                work, kind=Reason.ANSWERED_ELSEWHERE, facts={}, tracking_id=one.tracking_id, ref=ref
            )
        else:
            outbox.hold(work, one, Reason.BY_PERSON)


def seven_thirty(city: City) -> None:
    city.clock.at = city.clock.at.replace(hour=0, minute=30)


# What happened.


def test_officers_who_chose_it_are_told_of_a_report_that_comes_to_their_opd(city: City) -> None:
    city.person("sari", (Role.OFFICER, PUPR), kinds=ALL)
    city.person("dewi", (Role.OFFICER, DINKES), kinds=ALL)
    city.person("budi", (Role.OFFICER, PUPR), kinds={NoticeKind.DIGEST})
    city.person("andi", (Role.OFFICER, PUPR), kinds=ALL, is_verified=False)
    disposed(city, "7001", PUPR)
    city.tell()
    assert [(to, subject) for to, subject, _ in city.sender.sent] == [("sari@kota.go.id", "LAPOR: 1 laporan baru")]
    assert "7001  https://papan.kota.go.id/laporan/7001" in city.sender.sent[0][2]


def test_a_report_that_is_disposed_to_another_opd_is_new_there_though_its_colour_stays(city: City) -> None:
    disposed(city, "7001", None)
    city.person("dewi", (Role.OFFICER, DINKES), kinds=ALL)
    disposed(city, "7001", DINKES)
    disposed(city, "7001", DINKES, title="Judul lain")
    city.tell()
    assert [one.facts["report"] for one in city.rows()] == ["7001"]


@pytest.mark.parametrize("how", ["its thread could not be read", "it was not verified", "it was with the city"])
def test_a_report_that_was_not_the_opds_turn_at_first_is_told_once_it_is(city: City, how: str) -> None:
    """Though its disposition stays as it is then, and its colour may."""
    city.person("sari", (Role.OFFICER, PUPR), kinds=ALL)
    if how == "it was not verified":
        disposed(city, "7001", PUPR, status_name="Belum Terverifikasi")
    elif how == "it was with the city":
        rules = city.mirror.rules
        its_ids = replace(rules.city, institution_id="600", opd_ids=frozenset({PUPR}))
        city.mirror = replace(city.mirror, rules=replace(rules, city=its_ids))
        disposed(city, "7001", "600", status_name="Terverifikasi")
        disposed_unread(city, "7001", PUPR, "Terverifikasi")
    else:
        disposed_unread(city, "7001", PUPR, "Terverifikasi")
    city.tell()
    assert city.rows() == []
    for _ in range(2):
        disposed(city, "7001", PUPR, status_name="Terverifikasi")
        city.tell()
    assert [one.facts["report"] for one in city.rows()] == ["7001"]


def test_a_closed_report_is_no_news_for_an_opd(city: City) -> None:
    city.person("sari", (Role.OFFICER, PUPR), kinds=ALL)
    disposed(city, "7001", PUPR, status_name="Selesai")
    city.tell()
    assert city.rows() == []


def test_what_happens_within_ten_minutes_goes_out_together(city: City) -> None:
    city.person("sari", (Role.OFFICER, PUPR), kinds=ALL)
    disposed(city, "7001", PUPR)
    city.tell()
    for number in ("7002", "7003"):
        disposed(city, number, PUPR)
        city.clock.advance(60)
        city.tell()
    assert len(city.sender.sent) == 1
    city.clock.advance(600)
    city.tell()
    assert len(city.sender.sent) == 2
    assert "7002" in city.sender.sent[1][2]
    assert "7003" in city.sender.sent[1][2]


def test_what_is_held_is_told_once_to_who_wrote_it_and_to_admins(city: City) -> None:
    sari = city.person("sari", (Role.OFFICER, PUPR))
    city.person("budi", (Role.OFFICER, PUPR))
    city.person("ratna", (Role.ADMIN, None))
    save(city.store, mirrored("7001"))
    add(city.store, new("LS-AAAAAA", by=f"person {sari} in post 1"))
    fail(city, "LS-AAAAAA", State.HELD)
    city.tell()
    assert sorted(city.sender.to) == ["ratna@kota.go.id", "sari@kota.go.id"]
    assert "Pihak lain menjawab" in city.sender.sent[0][2]


def test_who_left_hears_no_more_of_what_they_wrote(city: City) -> None:
    sari = city.person("sari", (Role.OFFICER, PUPR))
    city.person("ratna", (Role.ADMIN, None))
    save(city.store, mirrored("7001"))
    add(city.store, new("LS-AAAAAA", by=f"person {sari} in post 1"))
    office.end_tenures(city.store, of_shell("ratna"), "sari", city.clock.now())
    city.tell()
    city.clock.advance(3_600)
    city.sender.sent.clear()
    fail(city, "LS-AAAAAA", State.HELD)
    city.tell()
    assert set(city.sender.to) == {"ratna@kota.go.id"}


def test_both_who_hand_over_a_post_and_admins_are_told(city: City) -> None:
    city.person("sari", (Role.OFFICER, PUPR), kinds=())
    city.person("tono", kinds=())
    city.person("ratna", (Role.ADMIN, None), kinds=())
    city.person("budi", (Role.OFFICER, DINKES), kinds=ALL)
    office.hand_over_post(
        city.store,
        of_shell("ratna"),
        role=Role.OFFICER,
        opd=PUPR,
        from_="sari",
        to="tono",
        on=city.clock.now(),
    )
    office.end_tenures(city.store, of_shell("ratna"), "tono", city.clock.now())
    city.tell()
    assert sorted(set(city.sender.to)) == ["ratna@kota.go.id", "sari@kota.go.id", "tono@kota.go.id"]
    assert "pejabat penghubung" in city.sender.sent[0][2]


def test_what_was_before_notices_were_set_up_is_told_to_nobody(city: City) -> None:
    city.person("sari", (Role.OFFICER, PUPR), kinds=ALL)
    disposed(city, "7001", PUPR)
    with city.store.work() as work:
        marks.clear(work, Mark.NOTICED)
    city.tell()
    assert city.rows() == []


# The digest.


def test_an_audit_row_that_nobody_can_read_keeps_no_notice_back(city: City) -> None:
    """The database lets anybody add a row; what is nested so deep, Python's reader gives up at."""
    city.person("sari", (Role.OFFICER, PUPR), kinds=ALL)
    with city.store.work() as work:
        last = audit.head(work.conn, work.agency)
        values = {
            "agency": work.agency,
            "chain": work.agency,
            "seq": last.count + 1,
            "at": work.at,
            "hash": "1" * 64,
        }
        said = {
            "who": "nobody",
            "what": "colour",
            "subject": "7000",
            "data": "[" * 100_000,
            "prev_hash": last.hash,
        }
        work.conn.execute(insert(schema.audit).values(values | said))
    disposed(city, "7001", PUPR)
    city.tell()
    assert [one.facts["report"] for one in city.rows()] == ["7001"]


def test_the_digest_says_what_waits_once_a_working_day_from_half_past_seven_on(city: City) -> None:
    city.person("sari", (Role.OFFICER, PUPR))
    city.person("dewi", (Role.OFFICER, DINKES))
    late = city.clock.now() - timedelta(days=1)
    save(city.store, mirrored("7001", of=report("7001", disposition_id=PUPR), verdict=MERAH, due_at=late))
    city.tell()
    assert city.sender.sent == []
    seven_thirty(city)
    city.tell()
    city.tell()
    assert city.sender.to == ["sari@kota.go.id"], "dewi's OPD has nothing to do: nothing is sent"
    _, subject, text = city.sender.sent[0]
    assert subject == "LAPOR 2 Maret: 1 lewat tenggat"
    assert "Tugas LAPOR, Senin, 2 Maret 2026" in text
    assert "Lewat tenggat: 1\n- 7001, batas 1 Maret 2026  https://papan.kota.go.id/laporan/7001\n" in text


def test_the_digest_says_where_more_is_stuck_than_it_counts(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(composing, "STUCK_MOST", 2)
    city.person("ratna", (Role.ADMIN, None))
    for number in range(3):
        add(city.store, new(f"LS-AAAAA{'ABC'[number]}", f"700{number}"), state=State.HELD)
    seven_thirty(city)
    city.tell()
    (one,) = (row for row in city.rows() if row.kind is NoticeKind.DIGEST)
    assert one.facts["stuck"][:2] == [2, True]


def test_on_a_day_off_there_is_no_digest(city: City) -> None:
    city.person("ratna", (Role.ADMIN, None))
    city.clock.at = city.clock.at.replace(day=7, hour=3)
    city.tell()
    assert city.rows() == []


def test_the_admins_digest_says_which_opd_is_long_overdue_and_which_post_is_vacant(city: City) -> None:
    city.person("ratna", (Role.ADMIN, None))
    city.person("joko", (Role.LEADER, PUPR))
    city.person("lina", (Role.LEADER, DINKES))
    sari = city.person("sari", (Role.OFFICER, PUPR), kinds=())
    for number, days in (("7001", 8), ("7003", 9), ("7002", 3)):
        due = city.clock.now() - timedelta(days=days)
        save(city.store, mirrored(number, of=report(number, disposition_id=PUPR), verdict=MERAH, due_at=due))
    theirs = report("7009", disposition_id=DINKES, disposition_name="Dinas Kesehatan")
    save(city.store, mirrored("7009", of=theirs, verdict=MERAH))
    office.end_tenures(city.store, of_shell("x"), "sari", city.clock.now())
    seven_thirty(city)
    city.tell()
    texts = {to: text for to, _, text in city.sender.sent if "Tugas LAPOR" in text}
    assert sari
    assert sorted(texts) == ["joko@kota.go.id", "lina@kota.go.id", "ratna@kota.go.id"]
    for text in (texts["joko@kota.go.id"], texts["ratna@kota.go.id"]):
        assert "Lewat tenggat tiga hari kerja atau lebih: 2" in text
        assert "lainnya" not in text
        assert "kosong sejak 2 Maret 2026" in text
    never = "pejabat penghubung Dinas Kesehatan: belum pernah ada"
    assert never in texts["ratna@kota.go.id"]
    assert never in texts["lina@kota.go.id"]
    assert never not in texts["joko@kota.go.id"], "joko leads another OPD"


# Troubles.


def test_lapor_away_for_an_hour_is_told_once_and_its_return_once(city: City) -> None:
    city.sender = Kept(technical=1)
    with city.store.work() as work:
        outages.begin(work, city.clock.now(), "TimedOut")
    city.clock.advance(3500)
    city.tell()
    assert city.sender.sent == []
    for _ in range(3):
        city.clock.advance(200)
        city.tell()
    with city.store.work() as work:
        outages.end(work)
    city.clock.advance(700)
    city.tell()
    city.tell()
    assert [text.splitlines()[1][:24] for _, _, text in city.sender.sent] == [
        "- LAPOR tidak menjawab s",
        "- LAPOR menjawab kembali",
    ]
    subjects = [subject for _, subject, _ in city.sender.sent]
    assert subjects == ["LAPOR: tidak menjawab", "LAPOR: menjawab kembali"], "to be known at three in the morning"
    assert not any("/akun/pemberitahuan" in text for _, _, text in city.sender.sent), "nobody's own choice"


def test_an_admin_who_chose_it_is_told_of_quarantine_backup_and_disk(city: City) -> None:
    city.sender = Kept(technical=2)
    city.person("ratna", (Role.ADMIN, None), kinds=ALL)
    city.person("sari", (Role.OFFICER, PUPR), kinds=ALL)
    city.free = 0.04
    with city.store.work() as work:
        quarantine.put(work, quarantine.LIST, BadRecord("no id", key="x", raw="{}"))
    city.clock.advance(3600 * 23)
    city.tell()
    city.clock.advance(3600 * 30)
    city.free = 0.08
    city.tell()
    told = [one.facts["trouble"] for one in city.rows() if one.channel == "technical/1"]
    over = [bool(one.facts.get("over")) for one in city.rows() if one.channel == "technical/1"]
    assert list(zip(told, over, strict=True)) == [
        ("quarantine", False),
        ("disk", False),
        ("no_backup", False),
        ("quarantine", True),
    ], "the disk is not over before there is room again"
    assert "sari@kota.go.id" not in city.sender.to


# What a channel makes of it.


@pytest.mark.unmeasured
def test_what_was_not_taken_is_tried_again_ever_later_and_given_up_after_a_day(city: City) -> None:
    city.person("sari", (Role.OFFICER, PUPR), kinds=ALL)
    city.sender.fails = NoticeNotTaken("down", reason="not_taken")
    disposed(city, "7001", PUPR)
    tries = 0
    for minutes in [1] * 60 + [10] * 6 * 24:
        before = city.rows()[0].tries if city.rows() else 0
        city.tell()
        tries += city.rows()[0].tries - before
        city.clock.advance(60 * minutes)
    one = city.rows()[0]
    assert (one.state, one.why) == ("given_up", "not_taken")
    assert 24 <= tries <= 40


def test_a_notice_that_may_have_arrived_is_never_sent_again(city: City) -> None:
    city.person("sari", (Role.OFFICER, PUPR), kinds=ALL)
    city.sender.fails = NoticeInDoubt("slow", reason="too_slow")
    disposed(city, "7001", PUPR)
    city.tell()
    city.sender.fails = None
    city.clock.advance(86400)
    city.tell()
    assert city.sender.sent == []
    assert [(one.state, one.why) for one in city.rows()] == [("in_doubt", "too_slow")]


class Killed(BaseException):
    """The process ends right here."""


@pytest.mark.parametrize("step", ["notice_claimed", "notice_left"])
def test_a_process_that_is_killed_around_a_send_leaves_a_doubt_and_sends_nothing_twice(
    city: City, step: str
) -> None:
    city.person("sari", (Role.OFFICER, PUPR), kinds=ALL)
    disposed(city, "7001", PUPR)

    def die(name: str) -> None:
        if name == step:
            raise Killed

    city.step = die
    with pytest.raises(Killed):
        city.tell()
    sent = len(city.sender.sent)
    city.step = lambda _name: None
    city.clock.advance(3600)
    city.tell()
    assert len(city.sender.sent) == sent <= 1
    assert [(one.state, one.why) for one in city.rows()] == [("in_doubt", "killed")]


def test_a_process_that_is_killed_after_the_rows_were_made_sends_them_once(city: City) -> None:
    city.person("sari", (Role.OFFICER, PUPR), kinds=ALL)
    disposed(city, "7001", PUPR)

    def die(name: str) -> None:
        raise Killed

    city.step = die
    with pytest.raises(Killed):
        city.tell()
    city.step = lambda _name: None
    city.tell()
    city.tell()
    assert len(city.sender.sent) == 1
    assert city.states() == ["sent"]


def test_after_a_restore_nobody_is_told_what_they_may_have_been_told_since_the_backup(city: City) -> None:
    """What waited in the backup, what was not looked at in it yet, the day's digest; what it holds itself is told."""
    sari = city.person("sari", (Role.OFFICER, PUPR), kinds=ALL)
    late = city.clock.now() - timedelta(days=1)
    save(city.store, mirrored("7000", of=report("7000", disposition_id=PUPR), verdict=MERAH, due_at=late))
    seven_thirty(city)
    city.tell()
    city.sender.fails = NoticeNotTaken("down", reason="not_taken")
    disposed(city, "7001", PUPR)
    city.clock.advance(600)
    city.tell()
    disposed(city, "7002", PUPR)
    add(city.store, new("LS-AAAAAA", by=f"person {sari} in post 1", is_secret=True))
    city.clock.advance(86_400)
    with city.store.work() as work:
        restore.begin(work, city.mirror.rules, city.clock.uptime(), audit.head(work.conn, work.agency))
    city.sender.fails = None
    city.clock.advance(600)
    city.tell()
    told = [(one.kind, one.state, one.why) for one in city.rows()]
    assert told == [
        (NoticeKind.DIGEST, "sent", None),
        (NoticeKind.NEW_REPORT, "in_doubt", "restored"),
        (NoticeKind.STUCK, "sent", None),
    ]
    city.clock.advance(86_400)
    seven_thirty(city)
    city.tell()
    assert [one.key for one in city.rows()][3:] == ["digest/2026-03-04"]


def test_what_waits_for_a_channel_that_is_gone_goes_with_it(city: City) -> None:
    sari = city.person("sari", (Role.OFFICER, PUPR), kinds=ALL)
    city.sender.fails = NoticeNotTaken("down", reason="not_taken")
    disposed(city, "7001", PUPR)
    city.tell()
    with city.store.work() as work:
        assert channels.forget(work, sari) == 1
    city.sender.fails = None
    city.clock.advance(3600)
    city.tell()
    assert city.rows() == []
    assert city.sender.sent == []


# Nothing of a citizen.


def test_no_name_and_no_word_of_a_citizen_is_in_anything_that_is_sent(city: City) -> None:
    """Canaries in every field of a report and its thread that a citizen fills; secret ones and open ones."""
    city.sender = Kept(technical=1)
    sari = city.person("sari", (Role.OFFICER, PUPR), kinds=ALL)
    city.person("ratna", (Role.ADMIN, None), kinds=ALL)
    city.person("joko", (Role.LEADER, PUPR), kinds=ALL)
    words = dict.fromkeys(
        ("title", "content", "category", "location", "kecamatan", "kelurahan", "reporter_name", "rating", "tags"),
        CANARY,
    )
    for number, is_secret in (("7001", True), ("7002", False)):
        disposed(city, number, PUPR, is_secret=is_secret, **words)
        due = city.clock.now() - timedelta(days=9)
        of = report(number, disposition_id=PUPR, is_secret=is_secret, **words)
        save(city.store, mirrored(number, of=of, verdict=MERAH, due_at=due))
        add(city.store, new(f"LS-AAAA{number[-1]}A", number, text=CANARY, by=f"person {sari} in post 1"))
        fail(city, f"LS-AAAA{number[-1]}A", State.HELD)
    with city.store.work() as work:
        bad = BadRecord(CANARY, key="7003", raw=CANARY, report_id="7003")
        quarantine.put(work, quarantine.LIST, bad)
    city.tell()
    seven_thirty(city)
    city.tell()
    assert {one.kind for one in city.rows()} >= {"digest", "new_report", "stuck", "system"}
    assert set(city.states()) == {"sent"}
    assert len(city.sender.sent) >= 6
    assert CANARY not in repr(city.sender.sent)
    assert CANARY not in repr(city.rows())
