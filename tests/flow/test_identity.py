"""No answer goes to another citizen: what upstream gives is merged and written to only where it is the report meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lapor_sync import office
from lapor_sync.domain.colour import Flag
from lapor_sync.domain.delivery import Reason, State
from lapor_sync.domain.errors import UpstreamError
from lapor_sync.domain.people import of_shell
from lapor_sync.domain.report import Report
from lapor_sync.store import quarantine
from lapor_sync.store.conflicts import How
from lapor_sync.sync.calls import Health
from lapor_sync.sync.elsewhere import NAMED
from lapor_sync.sync.reread import read_quarantined
from lapor_sync.sync.take_export import take_export
from tests.flow.bench import OPD, START
from tests.flow.scripted import Row, Stage, row_of, stage

MINE, ITS, OTHERS = "7000001", "41", "8000002"


def from_export(city: Stage, tracking_id: str = MINE, **values: Any) -> None:
    """A report that is known from the admin's export alone."""
    row = Report(
        tracking_id=tracking_id,
        upstream_id=None,
        status_name="Terverifikasi",
        title=f"Judul {tracking_id}",
        content=f"Isi {tracking_id}",
        disposition_id=OPD,
        created_at=START.replace(day=1, hour=1, minute=0),
    )
    take_export(city.setup, [row._replace(**values)], START)


def held_for(city: Stage, ref: str) -> Reason | None:
    one = city.delivery(ref)
    return one.reason if one.state is State.HELD else None


def records(city: Stage) -> list[tuple[str, str | None]]:
    with city.setup.store.reading() as work:
        return [(one.key, one.report_id) for one in quarantine.listing(work)]


ANOTHER: dict[str, Row] = {
    "another Tracking ID, under that id": row_of(OTHERS, MINE),
    "another Tracking ID, and no id": row_of(OTHERS, None),
    "another Tracking ID, and the same words": row_of(OTHERS, MINE, title=f"Judul {MINE}", content=f"Isi {MINE}"),
    "another Tracking ID as a number": row_of(OTHERS, MINE) | {"tracking_id": int(OTHERS)},
    "another Tracking ID and another id": row_of(OTHERS, "99"),
}


@pytest.mark.parametrize("answer", ANOTHER.values(), ids=ANOTHER)
def test_of_an_export_s_report_lapor_gives_another_one(tmp_path: Path, answer: Row) -> None:
    """The API's ids are the same numbers as the Tracking IDs: nothing is merged, nothing posted, a person asked."""
    with stage(tmp_path / "kota.db") as city:
        from_export(city)
        ref = city.respond(MINE)
        city.upstream.details[MINE] = answer
        city.upstream.items[MINE] = [{"id": 1, "content": "Terima kasih", "created_at": "01-03-2026 09:00:00"}]
        city.cycles(3)
        assert city.upstream.posted == []
        assert held_for(city, ref) is Reason.ANOTHER_REPORT
        one = city.mirrored(MINE)
        assert (one.report.title, one.report.upstream_id, city.thread(MINE)) == (f"Judul {MINE}", None, ())
        assert Flag.ANOTHER_REPORT in one.verdict.flags
        assert records(city) == [(f"{MINE}/another", MINE)]
        assert len(city.log.named("another_report")) == 1


def test_it_is_not_asked_for_again_and_again(tmp_path: Path) -> None:
    """A contradiction costs a read a day, not one a poll."""
    with stage(tmp_path / "kota.db") as city:
        from_export(city)
        city.upstream.details[MINE] = row_of(OTHERS, MINE)
        city.cycle()
        city.upstream.calls.clear()
        city.cycles(5)
        assert [call for call in city.upstream.calls if call != "list"] == []
        city.clock.seconds += 86_400
        city.cycle()
        assert f"detail {MINE}" in city.upstream.calls


def test_keep_ours_does_not_send_it_to_another_one(tmp_path: Path) -> None:
    """It is looked at again, and held again, until LAPOR gives the report itself; then it goes there."""
    with stage(tmp_path / "kota.db") as city:
        from_export(city)
        ref = city.respond(MINE)
        city.upstream.details[MINE] = row_of(OTHERS, MINE)
        city.cycle()
        office.settle(city.setup, of_shell("siti"), MINE, How.KEEP_OURS)
        city.cycle()
        assert (held_for(city, ref), city.upstream.posted) == (Reason.ANOTHER_REPORT, [])
        city.upstream.details[MINE] = row_of(MINE, MINE)
        office.settle(city.setup, of_shell("siti"), MINE, How.KEEP_OURS)
        city.cycles(2)
        assert [one.report_id for one in city.upstream.posted] == [MINE]
        assert (city.state(ref), records(city)) == (State.SENT, [])
        assert city.mirrored(MINE).verdict.flags.isdisjoint({Flag.ANOTHER_REPORT})


def test_an_id_that_lapor_gave_to_another_report(tmp_path: Path) -> None:
    """Known from the list; then the same id brings another one: nothing of it is merged, nothing is posted."""
    with stage(tmp_path / "kota.db") as city:
        city.upstream.add(row_of(MINE, ITS))
        city.cycles(2)
        ref = city.respond(MINE)
        city.upstream.details[ITS] = row_of(OTHERS, ITS)
        city.upstream.items[ITS] = [{"id": 1, "content": "Terima kasih"}]
        city.cycles(2)
        assert city.upstream.posted == []
        assert held_for(city, ref) is Reason.ANOTHER_REPORT
        assert (city.mirrored(MINE).report.title, city.thread(MINE)) == (f"Judul {MINE}", ())


def test_a_detail_that_answers_another_id_than_was_asked(tmp_path: Path) -> None:
    """Whether it says a Tracking ID or not."""
    for n, answer in enumerate([row_of(None, "77"), row_of(MINE, "77"), row_of(OTHERS, "77")]):
        with stage(tmp_path / f"kota{n}.db") as city:
            city.upstream.add(row_of(MINE, ITS))
            city.cycles(2)
            ref = city.respond(MINE)
            city.upstream.details[ITS] = answer
            city.cycles(2)
            assert city.upstream.posted == []
            assert held_for(city, ref) is Reason.ANOTHER_REPORT


def test_what_may_have_arrived_is_held_where_its_report_is_another_one_now(tmp_path: Path) -> None:
    """Its thread would be another citizen's: that nothing stands there proves nothing."""
    with stage(tmp_path / "kota.db") as city:
        city.upstream.add(row_of(MINE, ITS))
        city.cycles(2)
        ref = city.respond(MINE)
        city.upstream.lose(shown=False)
        city.cycle(1)
        city.upstream.details[ITS] = row_of(OTHERS, ITS)
        city.cycles(3)
        assert (held_for(city, ref), len(city.upstream.posted)) == (Reason.ANOTHER_REPORT, 1)


def test_what_waits_for_a_report_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    with stage(tmp_path / "kota.db") as city:
        city.upstream.add(row_of(MINE, ITS))
        city.cycles(2)
        ref = city.respond(MINE)
        sound = city.upstream.details.get(ITS, row_of(MINE, ITS))
        city.upstream.details[ITS] = sound | {"tracking_id": {"no": "id"}}
        city.cycles(2)
        assert (city.state(ref), city.delivery(ref).reason) == (State.QUEUED, Reason.REPORT_UNREAD)
        city.upstream.details[ITS] = sound
        city.cycles(3)
        assert (city.state(ref), len(city.upstream.posted)) == (State.SENT, 1)


@pytest.mark.parametrize("part", ["detail", "thread"])
def test_upon_an_answer_of_a_cache_nothing_leaves(tmp_path: Path, part: str) -> None:
    """Whose report stands under the id by now, it does not tell; the response waits for one of now."""
    with stage(tmp_path / "kota.db") as city:
        city.upstream.add(row_of(MINE, ITS))
        city.cycles(2)
        ref = city.respond(MINE)
        city.upstream.old = frozenset({part})
        city.cycles(2)
        assert (city.state(ref), city.upstream.posted) == (State.QUEUED, [])
        assert city.log.named("answer_old")
        assert city.delivery(ref).reason is Reason.ANSWER_OLD  # people see why it waits
        city.upstream.old = frozenset()
        city.cycles(2)
        assert (city.state(ref), len(city.upstream.posted)) == (State.SENT, 1)


def test_a_machine_whose_clock_is_behind_is_no_cache(tmp_path: Path) -> None:
    """By that of the one that answered before, its first answer looks old; the next one tells."""
    with stage(tmp_path / "kota.db") as city:
        city.upstream.add(row_of(MINE, ITS))
        city.cycles(2)
        ref = city.respond(MINE)
        looks_old = iter([frozenset({"detail"})])

        def answers() -> dict[str, str]:
            city.upstream.old = next(looks_old, frozenset())
            return {}

        city.upstream.heads = answers
        city.cycle()
        assert (city.state(ref), city.log.named("answer_old")) == (State.SENT, [])


# LAPOR says no Tracking ID.


def test_of_a_listed_report_the_id_is_enough(tmp_path: Path) -> None:
    """The list named it; the detail, under the same id, names nothing else."""
    with stage(tmp_path / "kota.db") as city:
        city.upstream.add(row_of(MINE, ITS))
        city.upstream.details[ITS] = row_of(None, ITS, title=f"Judul {MINE}", content=f"Isi {MINE}")
        city.cycles(2)
        ref = city.respond(MINE)
        city.cycle()
        assert (city.state(ref), [one.report_id for one in city.upstream.posted]) == (State.SENT, [ITS])


def test_little_in_common_is_asked_about_where_one_was_named(tmp_path: Path) -> None:
    """Of one minute, or of one title, may be two reports; who compared them is believed, and asked no more."""
    with stage(tmp_path / "kota.db") as city:
        city.upstream.add(row_of(MINE, ITS))
        city.cycles(2)
        ref = city.respond(MINE)
        city.upstream.details[ITS] = row_of(None, ITS, title="Lampu", content="Lampu mati di taman")
        city.cycles(2)
        assert (held_for(city, ref), city.upstream.posted) == (Reason.NOT_CONFIRMED, [])
        assert city.mirrored(MINE).report.title == f"Judul {MINE}"
        office.settle(city.setup, of_shell("siti"), MINE, How.KEEP_OURS)
        city.cycles(2)
        assert (city.state(ref), [one.report_id for one in city.upstream.posted]) == (State.SENT, [ITS])
        again = city.respond(MINE, "Sudah kami periksa lagi.")
        city.cycles(2)
        assert (city.state(again), city.mirrored(MINE).other_since) == (State.SENT, None)


def _waits_for_a_nameless_detail(city: Stage) -> str:
    """A response whose report's detail says the same words, and no Tracking ID any more; its reference."""
    city.upstream.add(row_of(MINE, ITS))
    city.upstream.add(row_of(OTHERS, "42"))
    city.cycles(2)
    ref = city.respond(MINE)
    city.upstream.details[ITS] = row_of(None, ITS, title=f"Judul {MINE}", content=f"Isi {MINE}")
    return ref


def test_a_detail_that_names_nothing_sends_nothing_where_lapor_s_others_do(tmp_path: Path) -> None:
    """LAPOR says Tracking IDs, and here it does not: whose report it is by now was not confirmed in this read."""
    with stage(tmp_path / "kota.db") as city:
        ref = _waits_for_a_nameless_detail(city)
        city.cycles(2)
        assert (held_for(city, ref), city.upstream.posted) == (Reason.NOT_CONFIRMED, [])
        office.settle(city.setup, of_shell("siti"), MINE, How.KEEP_OURS)
        city.cycles(2)
        assert (city.state(ref), [one.report_id for one in city.upstream.posted]) == (State.SENT, [ITS])


def test_where_no_detail_names_its_report_a_few_others_are_asked_for(tmp_path: Path) -> None:
    """Such a LAPOR is worked with; what tells costs a few reads a push."""
    with stage(tmp_path / "kota.db") as city:
        for n in range(6):
            row = city.upstream.add(row_of(f"700000{n}", f"4{n}"))
            city.upstream.details[f"4{n}"] = {name: row[name] for name in ("status_name", "disposition_id")}
        city.cycles(2)
        refs = [city.respond(f"700000{n}") for n in range(4)]
        city.upstream.calls.clear()
        city.cycle()
        assert {city.state(ref) for ref in refs} == {State.SENT}
        details = [call for call in city.upstream.calls if call.startswith("detail") and "fresh" not in call]
        assert len(details) == len(refs) + NAMED  # each is read again once it is sent


def test_where_no_other_can_be_read_it_waits(tmp_path: Path) -> None:
    """Whether LAPOR's details name their report cannot be told now: that is no reason to send, and none to ask."""
    with stage(tmp_path / "kota.db") as city:
        ref = _waits_for_a_nameless_detail(city)
        city.upstream.ails["detail 42"] = UpstreamError("down")
        city.cycles(2)
        assert (city.state(ref), city.upstream.posted) == (State.QUEUED, [])
        city.upstream.ails.clear()
        city.upstream.details["42"] = row_of(None, "42", title=f"Judul {OTHERS}", content=f"Isi {OTHERS}")
        city.cycles(2)
        assert (city.state(ref), len(city.upstream.posted)) == (State.SENT, 1)


@pytest.mark.parametrize(
    "its",
    [
        row_of(None, ITS, title=f"Judul {MINE}", content=f"Isi {MINE}", created_at="2026-03-01 09:13:00"),
        {"status_name": "Terverifikasi", "disposition_id": OPD, "created_at": "2026-02-20 09:13:00"},
    ],
    ids=["the same words, of another minute", "another minute, and nothing else"],
)
def test_another_minute_is_another_report_though_its_words_are_the_same(tmp_path: Path, its: Row) -> None:
    """Neighbours send one text, each for themselves; when a report came in nobody edits."""
    with stage(tmp_path / "kota.db") as city:
        city.upstream.add(row_of(MINE, ITS))
        city.cycles(2)
        ref = city.respond(MINE)
        city.upstream.details[ITS] = its
        city.cycles(2)
        assert (held_for(city, ref), city.upstream.posted) == (Reason.NOT_CONFIRMED, [])


def test_a_list_that_says_the_day_alone_holds_nothing(tmp_path: Path) -> None:
    """Its detail knows the minute: that is no other time."""
    with stage(tmp_path / "kota.db") as city:
        city.upstream.add(row_of(MINE, ITS, created_at="2026-03-01"))
        city.upstream.details[ITS] = row_of(None, ITS, title=f"Judul {MINE}", content="Isi akhir")
        city.cycles(2)
        ref = city.respond(MINE)
        city.cycles(2)
        assert (city.state(ref), held_for(city, ref)) == (State.SENT, None)


@pytest.mark.parametrize("items", [[], [{"id": 88, "content": "Halo", "created_at": "01-03-2026 10:00:00"}]])
def test_where_nothing_names_the_report_its_thread_must_still_be_there(tmp_path: Path, items: list[Row]) -> None:
    """The id went to another report: nothing of what was said is in its thread. A person compares, and is believed."""
    with stage(tmp_path / "kota.db") as city:
        city.upstream.add(row_of(MINE, ITS))
        city.upstream.details[ITS] = {"status_name": "Terverifikasi", "disposition_id": OPD}
        city.upstream.items[ITS] = [{"id": 1, "content": "Diteruskan", "template_code": "disposition"}]
        city.cycles(2)
        ref = city.respond(MINE)
        city.upstream.items[ITS] = items
        city.cycles(2)
        assert (held_for(city, ref), city.upstream.posted) == (Reason.NOT_CONFIRMED, [])
        assert [one.id for one in city.thread(MINE)] == ["1"]
        office.settle(city.setup, of_shell("siti"), MINE, How.KEEP_OURS)
        city.cycles(2)
        assert (city.state(ref), [one.report_id for one in city.upstream.posted]) == (State.SENT, [ITS])


def test_nothing_in_common_is_another_one_also_without_a_tracking_id(tmp_path: Path) -> None:
    """Title, content and day received are others, all of them: the id is another report's by now."""
    with stage(tmp_path / "kota.db") as city:
        city.upstream.add(row_of(None, ITS))
        city.cycles(2)
        ref = city.respond(ITS)
        its = row_of(None, ITS, title="Lampu", content="Lampu mati", created_at="2026-02-20 08:00:00")
        city.upstream.details[ITS] = its
        city.upstream.listed[0] = its
        city.cycles(2)
        assert (held_for(city, ref), city.upstream.posted) == (Reason.ANOTHER_REPORT, [])
        assert city.mirrored(ITS).report.title == f"Judul {ITS}"


def test_of_an_export_s_report_the_words_and_the_minute_tell(tmp_path: Path) -> None:
    """The same title, content and minute: it is the report, under the id that the answer gives."""
    with stage(tmp_path / "kota.db") as city:
        from_export(city)
        its = row_of(
            None, ITS, title=f"<b>Judul</b> {MINE}", content=f"Isi  {MINE}", created_at="01-03-2026 08:00:40"
        )
        city.upstream.details |= {MINE: its, ITS: its}
        ref = city.respond(MINE)
        city.cycles(3)
        assert (city.state(ref), [one.report_id for one in city.upstream.posted]) == (State.SENT, [ITS])


def test_where_nothing_tells_a_person_is_asked_and_believed(tmp_path: Path) -> None:
    """Its content was edited: held, not merged; whoever compared them says that it is the one."""
    with stage(tmp_path / "kota.db") as city:
        from_export(city)
        its = row_of(None, ITS, title=f"Judul {MINE}", content="Isi akhir")
        city.upstream.details |= {MINE: its, ITS: its}
        ref = city.respond(MINE)
        city.cycles(2)
        assert (held_for(city, ref), city.upstream.posted) == (Reason.NOT_CONFIRMED, [])
        assert city.mirrored(MINE).report.content == f"Isi {MINE}"
        office.settle(city.setup, of_shell("siti"), MINE, How.KEEP_OURS)
        city.cycles(2)
        assert (city.state(ref), [one.report_id for one in city.upstream.posted]) == (State.SENT, [ITS])
        assert city.mirrored(MINE).report.content == "Isi akhir"


# Rows of the list.


def test_two_reports_under_one_id_are_two(tmp_path: Path) -> None:
    """The id went to a new report: that one is mirrored as its own, and the old one is not written to."""
    with stage(tmp_path / "kota.db") as city:
        city.upstream.add(row_of(MINE, ITS))
        city.cycles(2)
        ref = city.respond(MINE)
        city.upstream.listed.clear()
        city.upstream.add(row_of(OTHERS, ITS))
        city.cycles(2)
        assert (held_for(city, ref), city.upstream.posted) == (Reason.ANOTHER_REPORT, [])
        assert [city.mirrored(one).report.title for one in (MINE, OTHERS)] == [f"Judul {MINE}", f"Judul {OTHERS}"]
        theirs = city.respond(OTHERS)
        city.cycle()
        assert city.state(theirs) is State.SENT


def test_a_row_that_lies_about_its_id_is_put_away(tmp_path: Path) -> None:
    """The detail under that id is still the first one: that goes on, and the row is in quarantine."""
    with stage(tmp_path / "kota.db") as city:
        city.upstream.add(row_of(MINE, ITS))
        city.cycles(2)
        ref = city.respond(MINE)
        city.upstream.listed.append(row_of(OTHERS, ITS))
        city.cycles(2)
        assert city.state(ref) is State.SENT
        assert records(city) == [(OTHERS, ITS)]


def test_where_the_detail_does_not_say_either_neither_is_written_to(tmp_path: Path) -> None:
    """Two rows claim one id, and the detail names no Tracking ID."""
    with stage(tmp_path / "kota.db") as city:
        city.upstream.add(row_of(MINE, ITS))
        city.upstream.details[ITS] = row_of(None, ITS, title=f"Judul {MINE}")
        city.cycles(2)
        city.upstream.listed.append(row_of(OTHERS, ITS))
        city.cycle()
        assert (OTHERS, ITS) in records(city)
        assert Flag.ANOTHER_REPORT in city.mirrored(MINE).verdict.flags


def test_a_report_that_got_another_id_is_followed_there(tmp_path: Path) -> None:
    """Its old id is gone or another's; the row and the detail under the new one name it."""
    for n, old in enumerate([None, row_of(OTHERS, ITS)]):
        with stage(tmp_path / f"kota{n}.db") as city:
            city.upstream.add(row_of(MINE, ITS))
            city.cycles(2)
            city.upstream.listed.clear()
            city.upstream.details = {ITS: old} if old else {}
            city.upstream.add(row_of(MINE, "55"))
            ref = city.respond(MINE)
            city.cycles(3)
            assert (city.state(ref), [one.report_id for one in city.upstream.posted]) == (State.SENT, ["55"])


def test_a_double_under_another_id_changes_nothing(tmp_path: Path) -> None:
    """The same Tracking ID in two rows: the one that is known still answers, and keeps its thread."""
    with stage(tmp_path / "kota.db") as city:
        city.upstream.add(row_of(MINE, ITS))
        city.cycles(2)
        city.upstream.add(row_of(MINE, "55", title="Salinan"))
        ref = city.respond(MINE)
        city.cycles(2)
        assert (city.state(ref), [one.report_id for one in city.upstream.posted]) == (State.SENT, [ITS])
        assert (city.mirrored(MINE).report.title, records(city)) == (f"Judul {MINE}", [(MINE, "55")])


def test_a_row_without_tracking_id_whose_id_is_an_export_s_tracking_id(tmp_path: Path) -> None:
    """It may be anybody's: the export's report keeps its own words."""
    with stage(tmp_path / "kota.db") as city:
        from_export(city)
        city.upstream.add(row_of(None, MINE, title="Lampu", content="Mati", created_at="2026-02-02 08:00:00"))
        ref = city.respond(MINE)
        city.cycles(2)
        assert city.mirrored(MINE).report.title == f"Judul {MINE}"
        assert (held_for(city, ref), city.upstream.posted) == (Reason.NOT_CONFIRMED, [])


def test_a_row_whose_detail_is_another_report_s_is_not_mirrored(tmp_path: Path) -> None:
    """A new row that lacks something: what stands under its id is not it."""
    with stage(tmp_path / "kota.db") as city:
        city.upstream.listed.append({"id": 41, "tracking_id": MINE, "status_name": "Terverifikasi"})
        city.upstream.details[ITS] = row_of(OTHERS, ITS)
        city.cycle()
        assert records(city) == [(MINE, ITS)]
        with city.setup.store.reading() as work:
            assert quarantine.listing(work)[0].source == quarantine.LIST


def test_a_bad_row_of_an_export_is_not_healed_by_another_report(tmp_path: Path) -> None:
    """Its Tracking ID, asked for as an id, brings somebody else: the record stays where it is."""
    with stage(tmp_path / "kota.db") as city:
        bad = quarantine.Quarantined(
            source=quarantine.EXPORT, key=MINE, report_id=MINE, reason="no status", seen_at=START
        )
        city.upstream.details[MINE] = row_of(OTHERS, MINE)
        read_quarantined(city.setup, Health(), [bad])
        with city.setup.store.reading() as work:
            from lapor_sync.store import reports

            assert reports.count_open(work) == 0


@pytest.mark.parametrize(
    "said",
    [
        {"tracking_id": OTHERS},
        {"trackingId": OTHERS},
        {"TRACKING_ID": OTHERS},
        {"tracking_id": {"value": OTHERS}},
        {"tracking_id": [OTHERS]},
    ],
    ids=str,
)
def test_another_tracking_id_in_whatever_form_keeps_the_answer_back(tmp_path: Path, said: Row) -> None:
    """Also where the API's own id is the same number as the Tracking ID: nothing is posted, nothing merged."""
    with stage(tmp_path / "kota.db") as city:
        city.upstream.add(row_of(MINE, MINE))
        city.cycles(1)
        ref = city.respond(MINE)
        city.upstream.details[MINE] = row_of(MINE, MINE, title="Judul lain") | said
        city.cycles(2)
        assert city.upstream.posted == []
        assert city.mirrored(MINE).report.title == f"Judul {MINE}"
        assert city.delivery(ref).state in {State.HELD, State.QUEUED}


@pytest.mark.parametrize(
    "named", [{"complaint_id": 49}, {"complaint": {"tracking_id": OTHERS}}, {"complaintId": "777"}], ids=str
)
def test_a_thread_that_says_it_is_another_report_s_is_not_merged(tmp_path: Path, named: Row) -> None:
    """By the id of a report that is mirrored; else where nothing of what was known is left in it."""
    with stage(tmp_path / "kota.db") as city:
        item = {"id": 1, "created_at": "01-03-2026 09:00:00", "content": "Mohon ditindak", "complaint_id": ITS}
        city.upstream.add(row_of(MINE, ITS))
        city.upstream.add(row_of(OTHERS, "49"))
        city.upstream.items[ITS] = [item]
        city.cycles(2)
        ref = city.respond(MINE)
        city.upstream.items[ITS] = [{"id": 9, "content": "Milik orang lain", **named}]
        city.cycle()
        assert held_for(city, ref) is Reason.ANOTHER_REPORT
        assert (city.upstream.posted, [one.id for one in city.thread(MINE)]) == ([], ["1"])
        assert Flag.ANOTHER_REPORT in city.mirrored(MINE).verdict.flags


@pytest.mark.parametrize(
    "said", [{"complaint_id": 777}, {"complaint_id": ITS, "parent_complaint_id": 49}, {"laporan": "49"}], ids=str
)
def test_a_thread_may_name_ids_of_a_kind_of_their_own(tmp_path: Path, said: Row) -> None:
    """And what a comment is called, or the report under which another one lies, is no id of its report."""
    with stage(tmp_path / "kota.db") as city:
        city.upstream.add(row_of(MINE, ITS))
        city.upstream.items[ITS] = [
            {"id": 1, "created_at": "01-03-2026 09:00:00", "content": "Mohon ditindak", **said}
        ]
        city.cycles(2)
        ref = city.respond(MINE)
        city.cycle()
        assert city.state(ref) is State.SENT


BESIDE: list[Row] = [
    {"results": {"complaint_id": 777}},
    {"id_laporan": "777"},
    {"results": {"meta": {"trackingId": OTHERS}}},
    {"results": {"complaint": {"id": 777}}},
    {"links": {"self": "/api/complaints/777/followups"}},
    {"meta": {"request": {"report_id": 777}}, "complaint_id": int(ITS)},
]


@pytest.mark.parametrize("said", BESIDE, ids=str)
@pytest.mark.parametrize("of", ["detail", "thread"])
def test_an_answer_that_says_beside_what_it_holds_that_it_is_another_report_s(
    tmp_path: Path, said: Row, of: str
) -> None:
    """Whatever the report in it says of itself: nothing is merged and nothing posted."""
    with stage(tmp_path / "kota.db") as city:
        city.upstream.add(row_of(MINE, ITS))
        city.cycles(1)
        ref = city.respond(MINE)
        city.upstream.around[of] = said
        city.cycle()
        assert (held_for(city, ref), city.upstream.posted) == (Reason.ANOTHER_REPORT, [])


INNOCENT: Row = {
    "request_id": 777,
    "user_id": 5,
    "reports": 12,
    "parent_complaint_id": 49,
    "results": {"complaint_id": int(ITS), "tracking_id": MINE, "complaint": {"id": ITS, "title": "Jalan"}},
    "links": {"self": f"https://lapor.test/api/complaints/{ITS}/complaint"},
    "meta": {"institution_id": 611, "complaints": 3},
}


def test_what_stands_beside_it_may_be_its_own_ids_or_no_report_s(tmp_path: Path) -> None:
    with stage(tmp_path / "kota.db") as city:
        city.upstream.add(row_of(MINE, ITS))
        city.upstream.around = {"detail": INNOCENT, "thread": INNOCENT}
        city.cycles(1)
        ref = city.respond(MINE)
        city.cycle()
        assert city.state(ref) is State.SENT


def test_a_report_that_is_met_first_with_another_one_s_thread_is_not_mirrored(tmp_path: Path) -> None:
    with stage(tmp_path / "kota.db") as city:
        city.upstream.add(row_of(MINE, ITS))
        city.upstream.around["thread"] = {"results": {"complaint_id": 777}}
        city.cycles(1)
        assert [key for key, _ in records(city)] == [MINE]
        city.upstream.around.clear()
        city.cycles(2)
        assert (city.mirrored(MINE).report.title, records(city)) == (f"Judul {MINE}", [])


@pytest.mark.parametrize("same", [False, True])
def test_an_export_s_row_of_the_number_of_a_report_that_is_known_by_its_id(tmp_path: Path, *, same: bool) -> None:
    """Nobody named its Tracking ID: the number alone makes it no other citizen's report, the same words do."""
    with stage(tmp_path / "kota.db") as city:
        city.upstream.add(row_of(None, MINE, created_at="2026-03-01 08:00:00"))
        city.cycles(2)
        from_export(city, **({} if same else {"title": "Lampu mati", "content": "Di taman"}), category="Jalan")
        assert city.mirrored(MINE).report.category == ("Jalan" if same else None)
        assert city.mirrored(MINE).report.title == f"Judul {MINE}"
        assert records(city) == ([] if same else [(f"{MINE}/export", None)])
        city.cycles(2)
        assert len(records(city)) == (not same)


def test_what_stands_in_a_thread_that_is_not_merged_is_not_sent_again(tmp_path: Path) -> None:
    """Its reference was read in another report's thread, of which nothing is kept."""
    with stage(tmp_path / "kota.db") as city:
        for one, id in ((MINE, ITS), (OTHERS, "49")):
            city.upstream.add(row_of(one, id))
        city.cycles(2)
        ref = city.respond(MINE)
        city.upstream.lose(shown=False)
        city.cycle()
        city.upstream.store = None
        city.upstream.items["49"] = [city.upstream.shown(city.upstream.posted[0], complaint_id=ITS)]
        city.upstream.listed[1] = city.upstream.details["49"] = row_of(
            OTHERS, "49", updated_at="2026-03-02 14:00:00"
        )
        city.cycles(3)
        assert (held_for(city, ref), len(city.upstream.posted)) == (Reason.PERHAPS_ARRIVED, 1)
        assert city.thread(OTHERS) == ()
