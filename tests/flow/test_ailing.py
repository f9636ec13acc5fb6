"""Reports whose reads hang or bring too much: read last, a few at a time, ever more rarely, they hold up no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from lapor_sync import interface, office
from lapor_sync.domain.delivery import State
from lapor_sync.domain.errors import NotNow, TimedOut, TooLarge, Unreachable, UpstreamBroken
from lapor_sync.domain.people import of_shell
from lapor_sync.office import OutboxAct
from lapor_sync.store import ailing, overview, quarantine
from lapor_sync.store.dossier import dossier
from lapor_sync.sync.cycle import run_cycle
from tests.flow.scripted import Stage, row_of, stage

HUNG = TimedOut("GET /complaints/{id}/followups: no whole answer (ReadTimeout)")
NIGHT = 86_400.0


def too_large(report_id: str) -> TooLarge:
    return TooLarge("its pages are larger than 9 bytes", key=report_id, raw="{}", report_id=report_id)


def tracking(number: int) -> str:
    return f"{7000000 + number}"


def settled_city(city: Stage, reports: int) -> None:
    """Reports 1, 2, ... under the ids 41, 42, ..., read and at rest."""
    for number in range(1, reports + 1):
        city.upstream.add(row_of(tracking(number), str(40 + number)))
    city.cycles(2)
    city.upstream.calls.clear()


def called(city: Stage) -> list[str]:
    """What was called, over whatever connection."""
    return [call.removesuffix(" fresh") for call in city.upstream.calls]


def reads(city: Stage, report_id: str) -> int:
    return called(city).count(f"thread {report_id}")


def ails(city: Stage) -> dict[str, int]:
    with city.setup.store.reading() as work:
        return {one.report_id: one.times for one in ailing.listing(work).values()}


def test_what_hung_is_read_last_and_ever_more_rarely(tmp_path: Path) -> None:
    """The others' answers leave before it is read again, and it is not read in each cycle."""
    with stage(tmp_path / "kota.db") as city:
        settled_city(city, 4)
        for report_id in ("41", "42"):
            city.upstream.ails[report_id] = HUNG
        first = [city.respond(tracking(number)) for number in (1, 2, 3)]
        city.cycle()
        assert [city.state(ref) for ref in first] == [State.QUEUED, State.QUEUED, State.SENT]
        assert ails(city) == {"41": 1, "42": 1}
        other = city.respond(tracking(4))
        city.upstream.calls.clear()
        city.cycle()
        assert city.state(other) is State.SENT
        hung = [place for place, call in enumerate(called(city)) if call in {"thread 41", "thread 42"}]
        assert len(hung) == 2
        assert min(hung) > max(called(city).index(f"thread {report_id}") for report_id in ("43", "44"))
        city.upstream.calls.clear()
        for _ in range(48):
            city.cycle(300)
        assert 3 <= reads(city, "41") <= 7  # in four hours: hourly at last
        assert len(city.log.named("report_ails")) == 2


def test_no_more_than_half_of_the_places_hang_in_a_cycle(tmp_path: Path) -> None:
    """Twelve of them cost a cycle the time of one read; when they are well again, all are through in one cycle."""
    with stage(tmp_path / "kota.db") as city:
        settled_city(city, 13)
        refs = [city.respond(tracking(number)) for number in range(1, 13)]
        for number in range(1, 13):
            city.upstream.ails[str(40 + number)] = HUNG
        city.cycle()
        for _ in range(6):
            city.upstream.calls.clear()
            city.cycle(4000)
            assert (
                sum(reads(city, str(40 + number)) for number in range(1, 13)) == city.setup.pace.concurrency // 2
            )
        city.upstream.ails.clear()
        city.cycle()
        assert {city.state(ref) for ref in refs} == {State.SENT}
        assert ails(city) == {}


def test_what_waited_for_one_leaves_in_order_and_once(tmp_path: Path) -> None:
    """Once it can be read again: three responses of one report, one of which got no answer."""
    with stage(tmp_path / "kota.db") as city:
        settled_city(city, 2)
        city.upstream.lose(shown=False)
        refs = [
            city.respond(tracking(1), f"Jawaban ke {number} dari dinas.") for number in ("satu", "dua", "tiga")
        ]
        city.cycle()
        assert city.state(refs[0]) is State.UNKNOWN
        city.upstream.store = None
        city.upstream.ails["41"] = HUNG
        city.cycles(4, 2000)
        assert [city.state(ref) for ref in refs] == [State.UNKNOWN, State.QUEUED, State.QUEUED]
        city.upstream.ails.clear()
        city.cycles(4, 4000)
        assert {city.state(ref) for ref in refs} == {State.SENT}
        assert [one.ref for one in city.upstream.posted] == [refs[0], *refs]  # the first one had got lost


def test_a_thread_that_is_too_large_is_in_quarantine_and_comes_back(tmp_path: Path) -> None:
    """With the reason, tried as rarely as one that hangs; a smaller one is read, and its answer leaves."""
    with stage(tmp_path / "kota.db") as city:
        settled_city(city, 2)
        city.upstream.ails["41"] = too_large("41")
        ref, other = city.respond(tracking(1)), city.respond(tracking(2))
        city.cycles(12, 300)
        assert (city.state(ref), city.state(other)) == (State.QUEUED, State.SENT)
        assert reads(city, "41") <= 6
        with city.setup.store.reading() as work:
            assert [(one.key, one.reason) for one in quarantine.listing(work)] == [
                ("41", "its pages are larger than 9 bytes")
            ]
            (told,) = (one["why"] for one in interface.outbox(overview.waiting(work)) if one["ref"] == ref)
            assert told == "its thread cannot be read: its pages are larger than 9 bytes"
            assert (
                interface.show(dossier(work, city.mirrored(tracking(1))), work.now, ())["thread_error"]
                == "its pages are larger than 9 bytes"
            )
        city.upstream.ails.clear()
        city.cycles(2, 4000)
        assert city.state(ref) is State.SENT
        with city.setup.store.reading() as work:
            assert quarantine.listing(work) == ()


def test_a_listing_that_shows_it_changed_mirrors_its_row_and_does_not_read_it(tmp_path: Path) -> None:
    """Nor does the sweep, nor the reading of what is in quarantine; its new status is shown all the same."""
    with stage(tmp_path / "kota.db") as city:
        settled_city(city, 2)
        city.upstream.ails["41"] = too_large("41")
        city.upstream.listed[0]["updated_at"] = "2026-03-02 08:00:00"
        city.cycle(10)
        city.upstream.listed[0].update(updated_at="2026-03-02 09:00:00", title="Judul baru")
        city.upstream.calls.clear()
        city.cycle(10)
        assert reads(city, "41") == 0
        assert city.mirrored(tracking(1)).report.title == "Judul baru"
        with city.setup.store.reading() as work:
            assert [one.key for one in quarantine.listing(work)] == ["41"]
        city.upstream.calls.clear()
        city.cycle(NIGHT)
        city.cycle(10)
        assert reads(city, "41") <= 2


@pytest.mark.parametrize("error", [HUNG, too_large("43")], ids=["hangs", "too large"])
def test_a_report_that_is_not_mirrored_yet_comes_once_it_can_be_read(
    tmp_path: Path, error: TimedOut | TooLarge
) -> None:
    """Its row says too little, so that only its detail tells."""
    with stage(tmp_path / "kota.db") as city:
        settled_city(city, 2)
        row = city.upstream.add(row_of(tracking(3), "43"), listed=False)
        city.upstream.listed.append({key: row[key] for key in ("id", "tracking_id", "updated_at")})
        city.upstream.ails["detail 43"] = error
        for _ in range(48):
            city.cycle(300)
        assert called(city).count("detail 43") <= 12
        city.upstream.ails.clear()
        city.cycle(4000)
        city.cycles(2)
        assert city.mirrored(tracking(3)).report.title == f"Judul {tracking(3)}"
        assert ails(city) == {}


def test_a_person_and_the_end_of_an_outage_end_the_pause(tmp_path: Path) -> None:
    """`outbox retry` of what waits for it; after an outage nobody knows how it is now."""
    with stage(tmp_path / "kota.db") as city:
        settled_city(city, 2)
        city.upstream.ails["41"] = HUNG
        ref = city.respond(tracking(1))
        city.cycles(8, 2000)
        city.upstream.ails.clear()
        office.change(city.setup, of_shell("budi"), OutboxAct.RETRY, ref)
        city.cycle()
        assert city.state(ref) is State.SENT

        city.upstream.ails["42"] = HUNG
        ref = city.respond(tracking(2))
        city.cycles(8, 2000)
        city.upstream.ails.clear()
        away = city.upstream.list_reports
        city.upstream.list_reports = lambda **_: (_ for _ in ()).throw(Unreachable("away"))  # type: ignore[method-assign]
        assert run_cycle(city.setup).error is not None
        city.upstream.list_reports = away  # type: ignore[method-assign]
        city.cycle()
        assert city.state(ref) is State.SENT


def test_a_read_that_was_cut_tells_nothing_of_what_ails(tmp_path: Path) -> None:
    """Because the process is to stop, say: it is read apart as before."""
    with stage(tmp_path / "kota.db") as city:
        settled_city(city, 3)
        city.upstream.ails["41"] = HUNG
        city.respond(tracking(1))
        city.cycle()
        city.upstream.ails["41"] = Unreachable("not begun, the process is stopping", sent=False)
        city.cycle()
        assert ails(city) == {"41": 1}
        city.upstream.ails["41"] = UpstreamBroken("HTTP 500", http_status=500)
        city.cycle()
        assert ails(city) == {}


def test_what_was_not_read_of_our_own_accord_ails_no_more_and_no_less(tmp_path: Path) -> None:
    """A large one that found no room is read in the next cycle, and is no failure of upstream's."""
    with stage(tmp_path / "kota.db") as city:
        settled_city(city, 5)
        refs = [city.respond(tracking(number)) for number in range(1, 6)]
        for number in range(1, 5):
            city.upstream.ails[str(40 + number)] = NotNow("no room")
        city.cycle()
        assert [city.state(ref) for ref in refs] == [State.QUEUED] * 4 + [State.SENT]
        assert ails(city) == {}
        city.upstream.ails.clear()
        city.cycles(2)
        assert {city.state(ref) for ref in refs} == {State.SENT}
