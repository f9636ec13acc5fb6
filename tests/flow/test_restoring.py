"""An older backup is restored: what the citizen saw is found, the rest waits for a person, nothing goes out twice."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lapor_sync import office
from lapor_sync.domain.delivery import Reason, State, WhyPaused
from lapor_sync.domain.errors import AuditBroken, BadInput
from lapor_sync.domain.people import Role, of_shell
from lapor_sync.domain.refusals import Code, Refused
from lapor_sync.office import OutboxAct, people
from lapor_sync.store import audit, backup, pauses, witness
from lapor_sync.store.address import sqlite_url
from lapor_sync.store.database import Store, open_store
from lapor_sync.sync import moving, restore
from lapor_sync.sync.cycle import run_without_upstream
from lapor_sync.sync.restore import put_back
from tests.flow.bench import OPD, OTHER_OPD, Bench, Killed, bench
from tests.flow.test_delivering import die_at
from tests.oracle import refs_in_order

POST = "POST /complaints/followup/add"


def back_up(city: Bench, name: str = "backup.db") -> Path:
    """A backup of the city as it is now."""
    file = city.path.with_name(name)
    backup.copy(city.path, file, at_work=True)
    return file


def go_back(city: Bench, file: Path, by: str = "Sari") -> Path | None:
    """The process ends, the backup is restored, a new one begins; where the database that was there is kept."""
    city.store.close()
    _, aside = put_back(file, city.path, "kota", city.clock, city.setup.rules, of_shell(by))
    city.restart()
    return aside


def states(city: Bench) -> dict[str, tuple[State, Reason | None]]:
    return {one.ref: (one.state, one.reason) for one in city.outbox()}


def rows(city: Bench, what: str) -> list[dict[str, object]]:
    """The audit's rows of that kind; the chain is proven."""
    with city.store.reading() as work:
        audit.verify(work.conn, work.agency)
        return [row for row in audit.rows(work.conn, work.agency) if row["what"] == what]


# What was sent after the backup.


def test_nothing_is_sent_twice_and_the_rest_in_order(tmp_path: Path) -> None:
    """Five responses, backed up when two were written; three went out after it; two more are written after it."""
    with bench(tmp_path / "kota.db", reports=3) as city:
        one = city.report()
        city.settle_down()
        office.pause(city.setup, of_shell("Sari"))
        refs = [city.respond(one, f"Tahap {n}.") for n in range(2)]
        file = back_up(city)
        refs += [city.respond(one, f"Tahap {n}.") for n in range(2, 5)]
        office.resume(city.setup, of_shell("Sari"))
        city.cycle()
        city.pass_time()
        assert refs_in_order(city.arrived(one), refs) == refs

        go_back(city, file)
        later = [city.respond(one, f"Lagi {n}.") for n in range(2)]
        city.requests()
        city.cycle()
        assert POST not in city.requests()
        assert states(city) == {
            **dict.fromkeys(refs[:2], (State.SENT, Reason.FOUND)),
            **dict.fromkeys(refs[2:], (State.SENT, Reason.RECOVERED)),
            **dict.fromkeys(later, (State.QUEUED, None)),
        }
        with city.store.reading() as work:
            assert [each.ref for each in restore.waiting(work)] == later
        city.pass_time()
        office.resume(city.setup, of_shell("Sari"))
        city.cycles(2)
        assert refs_in_order(city.arrived(one), refs + later) == refs + later
        assert len(city.arrived(one)) == 7
        assert rows(city, "seen_twice") == []


def test_the_same_sheet_again_takes_only_what_did_not_arrive(tmp_path: Path) -> None:
    """The backup knows nothing of the sheet: its rows' words stand in the threads under references of ours."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        one, other = city.report(), city.report()
        city.settle_down()
        file = back_up(city)
        rows = [
            office.NewResponse(given_id=each, text=text, row=n, origin=office.origin_of(each, OPD, text))
            for n, (each, text) in enumerate([(one, "Tahap 1."), (one, "Tahap 2."), (other, "Selesai.")], 2)
        ]
        office.respond_all(city.setup, of_shell("budi"), rows)
        city.cycle()
        go_back(city, file)
        city.cycle()

        new = replace(rows[0], text="Tahap 3.", origin=office.origin_of(one, OPD, "Tahap 3."))
        taken = office.respond_all(city.setup, of_shell("budi"), [*rows, new])
        assert [ref is None for ref in taken] == [True, True, True, False]
        city.pass_time()
        office.resume(city.setup, of_shell("Sari"))
        city.cycle()
        assert (len(city.arrived(one)), len(city.arrived(other))) == (3, 1)


def test_what_was_not_sent_before_the_backup_goes_out_in_order(tmp_path: Path) -> None:
    """Of three that were queued in the backup one was sent after it: the other two follow it."""
    with bench(tmp_path / "kota.db", reports=1, pace={"concurrency": 1}) as city:
        one = city.report()
        city.settle_down()
        refs = [city.respond(one, f"Tahap {n}.") for n in range(3)]
        file = back_up(city)
        city.world.add_faults({"match": {"method": "POST"}, "times": 1, "do": "gateway:504", "stored": True})
        city.cycle(stopping=stopping_after(city, one, 1))
        assert refs_in_order(city.arrived(one), refs) == refs[:1]
        go_back(city, file)
        city.cycle()
        assert [city.state(ref) for ref in refs] == [State.SENT, State.QUEUED, State.QUEUED]
        city.pass_time()
        office.resume(city.setup, of_shell("Sari"))
        city.cycle()
        assert refs_in_order(city.arrived(one), refs) == refs


def stopping_after(city: Bench, tracking_id: str, count: int) -> Callable[[], bool]:
    """A process that is asked to stop as soon as so many stand upstream."""
    return lambda: len(city.arrived(tracking_id)) >= count


def test_a_report_that_was_closed_since(tmp_path: Path) -> None:
    """Its answer was sent after the backup, then the citizen was content: found, and not held."""
    with bench(tmp_path / "kota.db", reports=1) as city:
        one = city.report()
        city.settle_down()
        ref = city.respond(one)
        file = back_up(city)
        city.cycle()
        city.world.satisfied(one)
        city.pass_time()
        go_back(city, file)
        city.cycle()
        assert states(city) == {ref: (State.SENT, Reason.FOUND)}
        assert city.conflicts() == []


def test_what_was_called_off_after_the_backup_is_queued_again(tmp_path: Path) -> None:
    """The backup cannot know it: a person sees it in the list and calls it off again, while nothing leaves."""
    with bench(tmp_path / "kota.db", reports=1) as city:
        one = city.report()
        city.settle_down()
        ref = city.respond(one)
        file = back_up(city)
        office.change(city.setup, of_shell("Sari"), OutboxAct.CANCEL, ref)
        go_back(city, file)
        city.cycle()
        with city.store.reading() as work:
            assert [each.ref for each in restore.waiting(work)] == [ref]
        office.change(city.setup, of_shell("Sari"), OutboxAct.CANCEL, ref)
        city.pass_time()
        office.resume(city.setup, of_shell("Sari"))
        city.cycle()
        assert city.arrived(one) == []


def leaves_after_a_backup(city: Bench, ones: list[str]) -> tuple[Path, str, str, str]:
    """The backup, and what left after it for these reports: a secret response, another one, a hand-over."""
    city.settle_down()
    secret, plain = city.respond(ones[0], is_secret=True), city.respond(ones[1])
    forward = office.forward(city.setup, of_shell("budi"), ones[2], OTHER_OPD, "Bukan kewenangan kami.")
    file = back_up(city)
    city.cycle()
    city.pass_time()
    return file, secret, plain, forward


def test_what_cannot_be_found_again_is_held(tmp_path: Path) -> None:
    """A secret response, a hand-over: nobody can read back whether they went out after the backup."""
    with bench(tmp_path / "kota.db", reports=1) as city:
        ones = [city.report() for _ in range(3)]
        file, secret, plain, forward = leaves_after_a_backup(city, ones)
        go_back(city, file)
        assert states(city) == {
            secret: (State.HELD, Reason.CANNOT_READ_BACK),
            plain: (State.QUEUED, None),
            forward: (State.HELD, Reason.FORWARD_NOT_FOUND),
        }
        assert [each.kind for each in city.conflicts()] == ["cannot_read_back", "forward_not_found"]
        city.cycle()
        city.pass_time()
        office.resume(city.setup, of_shell("Sari"))
        city.cycles(2)
        assert [len(city.arrived(each)) for each in ones[:2]] == [1, 1]
        assert states(city)[plain] == (State.SENT, Reason.FOUND)


def test_the_last_write_may_not_be_readable_yet(tmp_path: Path) -> None:
    """What was sent a moment before the restore comes into the thread late: nobody may resume before it does."""
    with bench(tmp_path / "kota.db", scenario="late-read", late_seconds=1, reports=1, grace=3) as city:
        one = city.report()
        city.settle_down()
        ref = city.respond(one)
        file = back_up(city)
        city.cycle()
        assert len(city.arrived(one)) == 1
        go_back(city, file)
        with pytest.raises(Refused, match=Code.RESTORED_JUST_NOW) as refused:
            office.resume(city.setup, of_shell("Sari"))
        assert str(refused.value) in {f"restored_just_now seconds={n}" for n in (1, 2, 3)}
        city.cycle()
        city.pass_time(5, real=1)
        office.resume(city.setup, of_shell("Sari"))
        city.cycles(3, apart=5, real=0.5)
        assert len(city.arrived(one)) == 1
        assert states(city) == {ref: (State.SENT, Reason.FOUND)}


# What the mirror has missed.


def test_the_mirror_catches_up(tmp_path: Path) -> None:
    """What citizens and admins did after the backup is there after one cycle, closed reports too."""
    with bench(tmp_path / "kota.db", reports=6) as city:
        ones = [city.report() for _ in range(3)]
        city.settle_down()
        file = back_up(city)
        city.world.answer(ones[0], content="Sudah.", opd=OPD)
        city.world.satisfied(ones[1])
        new = city.report()
        city.settle_down()
        truth = city.all_mirrored()
        go_back(city, file)
        city.cycle()
        found = city.all_mirrored()
        assert found.keys() == truth.keys()
        assert new in found
        for tracking_id, one in truth.items():
            assert (found[tracking_id].colour, found[tracking_id].answers) == (one.colour, one.answers)
        assert city.log.named("swept")[-1]["reports"] >= 3


def test_lapor_is_away(tmp_path: Path) -> None:
    """Then the first cycle that gets an answer reads every open report."""
    with bench(tmp_path / "kota.db", reports=3) as city:
        one = city.report()
        city.settle_down()
        ref = city.respond(one)
        file = back_up(city)
        city.cycle()
        go_back(city, file)
        city.world.set_scenario("maintenance")
        assert city.cycle().error is not None
        city.pass_time()
        city.world.set_scenario("calm")
        city.cycle()
        assert states(city) == {ref: (State.SENT, Reason.FOUND)}


# What is written down.


def test_the_audit_says_that_it_was_restored(tmp_path: Path) -> None:
    """Who did it, from which head it goes on, and which head it gave up; a head of after the backup is not in it."""
    with bench(tmp_path / "kota.db", reports=1) as city:
        one = city.report()
        city.settle_down()
        file = back_up(city)
        with city.store.reading() as work:
            before = audit.head(work.conn, work.agency)
        city.respond(one)
        with city.store.reading() as work:
            lost = audit.head(work.conn, work.agency)
        aside = go_back(city, file, by="Budi")
        (row,) = rows(city, "restored")
        assert (row["who"], row["subject"], row["prev_hash"]) == ("Budi", "database", before.hash)
        for part in (before.hash, lost.hash, f'"rows": {before.count}', f'"replaced_rows": {lost.count}'):
            assert part in json.dumps(row["data"])
        with city.store.reading() as work, pytest.raises(AuditBroken, match="is not in this chain"):
            audit.verify(work.conn, work.agency, lost.hash)
        assert aside is not None
        assert backup.look_into(aside).of("kota").head == lost


def test_it_is_paused_from_the_first_moment_and_says_so(tmp_path: Path) -> None:
    """Before anything was read; the log says why."""
    with bench(tmp_path / "kota.db", reports=1) as city:
        city.settle_down()
        go_back(city, back_up(city))
        with city.store.reading() as work:
            pause = pauses.current(work)
        assert pause is not None
        assert (pause.by, pause.why) == ("Sari", WhyPaused.RESTORED)
        city.cycle()
        assert city.log.named("delivery_paused")[-1]["reason"] == "restored"


def test_a_backup_that_was_put_there_by_hand_is_noticed_at_the_next_start(tmp_path: Path) -> None:
    """What was sent after it is not in it; so nothing leaves, and a pause that was lifted is not begun anew."""
    with bench(tmp_path / "kota.db", reports=1) as city:
        one = city.report()
        city.settle_down()
        ref = city.respond(one, "Sudah kami perbaiki.")
        file = back_up(city)
        city.cycle()
        assert city.state(ref) is State.SENT
        city.store.close()
        backup.remove(city.path)
        file.rename(city.path)
        city.restart()
        later = city.respond(one, "Terima kasih.")
        city.cycle()
        with city.store.reading() as work:
            pause = pauses.current(work)
        assert pause is not None
        assert (pause.by, pause.why) == ("lapor-sync", WhyPaused.RESTORED)
        assert (city.state(ref), city.state(later)) == (State.SENT, State.QUEUED)
        city.pass_time(400)
        with city.store.work() as work:
            pauses.end(work)
        city.cycle()
        assert city.state(later) is State.SENT
        assert refs_in_order(city.arrived(one), [ref, later]) == [ref, later]


def move_in(city: Bench, file: Path) -> WhyPaused:
    """That file moves into a database on another machine, which goes on with it; why it is paused there."""
    city.store.close()
    backup.remove(city.path)
    witness.forget(city.path)
    source, target = (open_store(sqlite_url(one), "kota", city.clock) for one in (file, city.path))
    moving.copy(Store(source.engine, "kota", city.clock), target, of_shell("Sari"))
    source.close()
    with target.reading() as work:
        pause = pauses.current(work)
    target.close()
    city.restart()
    assert pause is not None
    return pause.why


def test_a_backup_that_moves_in_among_other_agencies_is_begun_with_as_after_a_restore(tmp_path: Path) -> None:
    """What was sent after it is not in it: what cannot be found again is held, though the pause was lifted at once."""
    with bench(tmp_path / "kota.db", reports=1) as city:
        ones = [city.report() for _ in range(3)]
        file, secret, plain, forward = leaves_after_a_backup(city, ones)
        assert move_in(city, file) is WhyPaused.MOVED
        office.resume(city.setup, of_shell("Sari"))
        city.requests()
        city.cycles(2)
        assert not city.requests().keys() & {POST, "POST /complaints/process/{id}/reject"}
        assert states(city) == {
            secret: (State.HELD, Reason.CANNOT_READ_BACK),
            plain: (State.SENT, Reason.FOUND),
            forward: (State.HELD, Reason.FORWARD_NOT_FOUND),
        }


def test_the_grace_after_a_restore_lasts_on_where_the_agency_moves(tmp_path: Path) -> None:
    """What was sent right before the restore may not be readable yet, on whatever machine it goes on."""
    with bench(tmp_path / "kota.db", reports=1, grace=600) as city:
        city.settle_down()
        go_back(city, back_up(city))
        city.store.tidy()
        city.store.close()
        file = shutil.copy(city.path, tmp_path / "moving.db")
        assert move_in(city, Path(file)) is WhyPaused.RESTORED
        with pytest.raises(Refused, match=Code.RESTORED_JUST_NOW):
            office.resume(city.setup, of_shell("Sari"))


@pytest.mark.parametrize("is_begun_anew", [False, True])
def test_a_database_that_lacks_what_left_is_noticed_at_the_next_start(tmp_path: Path, is_begun_anew: bool) -> None:
    """Killed while LAPOR had stored a response that it does not show yet; then the file is one of before: its log was
    lost, or somebody copied it there. One that knows of no delivery was begun anew."""
    with bench(tmp_path / "kota.db", scenario="late-read", late_seconds=5, reports=1) as city:
        one = city.report()
        city.settle_down()
        empty, written = tmp_path / "empty.db", tmp_path / "written.db"
        shutil.copy(at_rest(city), empty)
        city.respond(one, "Sudah kami perbaiki.")
        shutil.copy(at_rest(city), written)
        city.restart(step=die_at("sent"))
        with pytest.raises(Killed):
            city.cycle()
        city.store.close()
        backup.remove(city.path)
        shutil.copy(empty if is_begun_anew else written, city.path)
        city.restart()
        city.cycle()
        assert len(rows(city, "restored")) == (not is_begun_anew)
        later = city.respond(one, "Kami periksa besok.")
        city.cycle()
        waits, goes = (State.QUEUED, 1), (State.SENT, 2)
        assert (city.state(later), len(city.arrived(one))) == (goes if is_begun_anew else waits)
        assert len(rows(city, "restored")) == (not is_begun_anew)


def at_rest(city: Bench) -> Path:
    """The database as one file."""
    with sqlite3.connect(city.path) as conn:
        conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    conn.close()
    return city.path


# What is refused, and what is survived.


def test_a_backup_of_another_agency(tmp_path: Path) -> None:
    """Nothing is changed."""
    with bench(tmp_path / "kota.db", reports=1) as city:
        city.settle_down()
        file = back_up(city)
        with pytest.raises(BadInput, match="another agency: kota, not provinsi"):
            put_back(file, city.path, "provinsi", city.clock, city.setup.rules, of_shell("Sari"))
        assert [one.name for one in tmp_path.iterdir() if "restor" in one.name] == []
        city.cycle()


def test_an_empty_database_is_nobodys(tmp_path: Path) -> None:
    """A backup of a city that had just begun is taken."""
    with bench(tmp_path / "kota.db", reports=1) as city:
        fresh = tmp_path / "fresh.db"
        open_store(f"sqlite:///{fresh}", "kota", city.clock).close()
        go_back(city, fresh)
        city.cycle()
        assert len(city.all_mirrored()) == 1


def test_an_older_schema_is_brought_up_to_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before it takes the database's place, and not in the backup itself."""
    with bench(tmp_path / "kota.db", reports=1) as city:
        city.settle_down()
        file = back_up(city)
        was = file.read_bytes()
        migrated: list[Path] = []

        def opened(url: str, *args: object) -> object:
            migrated.append(Path(url.removeprefix("sqlite:///")))
            return open_store(url, *args)  # type: ignore[arg-type]

        monkeypatch.setattr(restore, "open_store", opened)
        go_back(city, file)
        assert migrated == [city.path.with_name("kota.db.restoring")]
        assert file.read_bytes() == was


@pytest.mark.parametrize("function", ["copy", "look_into", "make_single", "put_in_place"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_it_is_killed_and_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str, when: str
) -> None:
    """There is the old database or the new one, paused; the same command does it again, over what lies about."""
    with bench(tmp_path / "kota.db", reports=1) as city:
        one = city.report()
        city.settle_down()
        ref = city.respond(one)
        file = back_up(city)
        city.cycle()
        done = getattr(backup, function)

        def killed(*args: object, **named: object) -> None:
            if when == "after":
                done(*args, **named)
            raise Killed

        with monkeypatch.context() as patch:
            patch.setattr(backup, function, killed)
            patch.setattr(backup, "remove", lambda _path: None)  # a killed process tidies nothing up
            with pytest.raises(Killed):
                go_back(city, file)
        city.restart()
        with city.store.reading() as work:
            is_new = pauses.current(work) is not None
            audit.verify(work.conn, work.agency)
        assert is_new is ((function, when) == ("put_in_place", "after"))
        assert city.state(ref) is (State.QUEUED if is_new else State.SENT)

        go_back(city, file)
        city.cycle()
        assert states(city) == {ref: (State.SENT, Reason.FOUND)}
        assert not list(tmp_path.glob("*.restoring*"))


def test_two_restores_in_one_second_keep_both(tmp_path: Path) -> None:
    """Nothing that was there is ever lost."""
    with bench(tmp_path / "kota.db", reports=1) as city:
        city.settle_down()
        file = back_up(city)
        kept = {go_back(city, file) for _ in range(3)}
        assert len(kept) == 3
        assert all(one is not None and one.exists() for one in kept)


def test_a_pause_of_a_person_needs_no_grace(tmp_path: Path) -> None:
    """Nothing was lost then."""
    with bench(tmp_path / "kota.db", reports=0, grace=600) as city:
        office.pause(city.setup, of_shell("Sari"))
        assert office.resume(city.setup, of_shell("Sari"))


def test_observing_goes_on(tmp_path: Path) -> None:
    """A city that only looks on may restore as well; nothing is looked for, nothing leaves."""
    with bench(tmp_path / "kota.db", reports=1) as city:
        one = city.report()
        city.settle_down()
        ref = city.respond(one)
        go_back(city, back_up(city))
        city.setup = replace(city.setup, observe=True)
        city.cycle()
        assert states(city) == {ref: (State.QUEUED, None)}


# People.


def test_no_session_and_no_link_of_the_backup_goes_on(tmp_path: Path) -> None:
    """What was over since goes on in the copy, and nothing there tells: so all of them end."""
    with bench(tmp_path / "kota.db", reports=1) as city:
        shell = of_shell("Sari")
        used = people.invite(city.store, shell, name="Siti", sign_in="siti", role=Role.OFFICER, opd=OPD)
        file = back_up(city)
        people.accept(city.store, used, "kucing terbang di atap")
        left = people.enter(city.store, "siti", "kucing terbang di atap", address=None)
        later = back_up(city, "later.db")
        people.leave(city.store, left)
        go_back(city, later)
        assert people.session(city.store, left) is None
        assert people.enter(city.store, "siti", "kucing terbang di atap", address=None)
        go_back(city, file)
        with pytest.raises(Refused) as refused:
            people.accept(city.store, used, "tukang becak baca puisi")
        assert refused.value.code is Code.LINK_OVER
        assert people.invitee(city.store, people.new_link(city.store, shell, "siti")).name == "Siti"


def test_a_city_without_an_account_notices_a_backup_too(tmp_path: Path) -> None:
    """Who left since would be signed in again by the copy that somebody put there."""
    with bench(tmp_path / "kota.db", reports=1) as city:
        used = people.invite(city.store, of_shell("Sari"), name="Siti", sign_in="siti", role=Role.OFFICER, opd=OPD)
        people.accept(city.store, used, "kucing terbang di atap")
        left = people.enter(city.store, "siti", "kucing terbang di atap", address=None)
        run_without_upstream(city.setup)
        file = back_up(city)
        people.leave(city.store, left)
        city.store.close()
        backup.remove(city.path)
        file.rename(city.path)
        city.restart()
        assert people.session(city.store, left) is not None
        run_without_upstream(city.setup)
        assert people.session(city.store, left) is None
