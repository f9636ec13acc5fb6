"""What officers write beside the answer itself: drafts, notes, instructions, hand-overs; and what they see before."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from lapor_sync import __version__, office
from lapor_sync.domain.colour import Colour, Verdict
from lapor_sync.domain.delivery import Kind, Reason, State
from lapor_sync.domain.people import Post, Role, in_post, of_shell
from lapor_sync.domain.report import Institution, ItemKind
from lapor_sync.domain.scene import Scene
from lapor_sync.office import NewResponse, people
from lapor_sync.store import drafts, institutions, notes, outbox, threads
from lapor_sync.store.database import Store
from lapor_sync.web.board import Board
from tests.databases import START, StillClock
from tests.store.samples import HIJAU, MERAH, add, get, item, mirrored, new, report, save
from tests.web.site import (
    ADMIN,
    INSPECTOR,
    LEADER,
    OFFICER,
    OPD,
    OTHER_OFFICER,
    OTHER_OPD,
    Enter,
    form_of,
    hidden,
    text_of,
    token_in,
)

TEXT = "Terima kasih, lampunya kami ganti besok."
ME = "7"


@pytest.fixture(autouse=True)
def _a_report(store: Store) -> None:
    save(store, one())


def one(tracking_id: str = "7001", **values: Any) -> Any:
    verdict = values.pop("verdict", MERAH)
    plain = {"title": "Lampu jalan mati", "content": "Gelap sekali.", "disposition_id": OPD, **values}
    return mirrored(tracking_id, report(tracking_id, **plain), verdict=verdict)


def draft_of(store: Store, person_id: str = ME, tracking_id: str = "7001") -> str | None:
    with store.reading() as work:
        found = drafts.get(work, person_id, tracking_id)
    return found.text if found else None


def written(store: Store) -> list[notes.Note]:
    with store.reading() as work:
        return list(notes.of_report(work, "7001"))


# Drafts.


def test_a_draft_is_kept_shown_again_and_listed_under_the_tasks(enter: Enter, store: Store) -> None:
    client = enter(OFFICER)
    data = form_of(client, "/laporan/7001", text="Kami periksa\r\n<b>dulu</b>", secret="1")
    assert client.post("/laporan/7001/draf", data=data).headers["Location"] == "/laporan/7001#jawab"
    page = client.get("/laporan/7001")
    assert "Kami periksa\n&lt;b&gt;dulu&lt;/b&gt;</textarea>" in page.text
    assert 'name="secret" value="1" checked' in page.text
    assert "Draf Anda: 1 Lampu jalan mati" in text_of(client.get("/tugas"))
    client.post("/laporan/7001/draf", data=form_of(client, "/laporan/7001", text=" "))
    assert draft_of(store) is None
    assert "Draf Anda" not in text_of(client.get("/tugas"))


def test_the_page_s_script_is_answered_without_a_page(enter: Enter, store: Store) -> None:
    client = enter(OFFICER)
    data = form_of(client, "/laporan/7001", text=TEXT)
    answer = client.post("/laporan/7001/draf", data=data, headers={"X-Papan": "1"})
    assert (answer.status_code, answer.data) == (204, b"")
    assert draft_of(store) == TEXT


def test_a_draft_never_takes_the_place_of_one_that_another_window_saved(enter: Enter, store: Store) -> None:
    """Two windows of one report: the person sees both texts, and says which one stays."""
    client = enter(OFFICER)
    first = form_of(client, "/laporan/7001", text="Dari jendela pertama")
    second = form_of(client, "/laporan/7001", text="Dari jendela kedua")
    client.post("/laporan/7001/draf", data=first)
    refused = client.post("/laporan/7001/draf", data=second, headers={"X-Papan": "1"})
    assert (refused.status_code, draft_of(store)) == (409, "Dari jendela pertama")
    page = client.post("/laporan/7001/draf", data=second)
    assert page.status_code == 409
    assert "diubah di jendela lain" in text_of(page)
    assert "Dari jendela kedua</textarea>" in page.text
    assert '<div class="said">Dari jendela pertama</div>' in page.text
    chosen = second | {"over": hidden(page, "over")}
    assert client.post("/laporan/7001/draf", data=chosen).status_code == 303
    assert draft_of(store) == "Dari jendela kedua"


def test_one_window_saves_again_and_again(enter: Enter, store: Store) -> None:
    client = enter(OFFICER)
    data = form_of(client, "/laporan/7001", text="Satu")
    for text in ("Satu", "Satu dua", "Satu dua tiga"):
        kept = client.post("/laporan/7001/draf", data=data | {"text": text}, headers={"X-Papan": "1"})
        assert kept.status_code == 204
        data["draft"] = kept.headers["X-Papan-Draf"]
    assert draft_of(store) == "Satu dua tiga"


def test_a_window_that_did_not_hear_that_it_saved_saves_on(enter: Enter, store: Store) -> None:
    client = enter(OFFICER)
    data = form_of(client, "/laporan/7001", text="Satu")
    client.post("/laporan/7001/draf", data=data, headers={"X-Papan": "1"})  # and the answer is lost
    more = data | {"text": "Satu dua", "tried": ["Sa", "Satu"]}
    assert client.post("/laporan/7001/draf", data=more, headers={"X-Papan": "1"}).status_code == 204
    assert draft_of(store) == "Satu dua"


def test_an_answer_takes_along_the_draft_that_it_was_written_over_and_no_other(enter: Enter, store: Store) -> None:
    client = enter(OFFICER)
    client.post("/laporan/7001/draf", data=form_of(client, "/laporan/7001", text="Kami periksa"))
    written = form_of(client, "/laporan/7001", text=TEXT)
    client.post("/laporan/7001/draf", data=written | {"text": "Dari jendela lain"})
    assert client.post("/laporan/7001/jawab", data=written).status_code == 303
    assert draft_of(store) == "Dari jendela lain"
    more = form_of(client, "/laporan/7001", text="Lampu sudah menyala kembali.")
    assert client.post("/laporan/7001/jawab", data=more).status_code == 303
    assert draft_of(store) is None


def test_a_draft_tells_what_happened_since_it_was_saved(enter: Enter, store: Store) -> None:
    client = enter(OFFICER)
    client.post("/laporan/7001/draf", data=form_of(client, "/laporan/7001", text=TEXT))
    assert "Sejak draf" not in text_of(client.get("/laporan/7001"))
    with store.work() as work:
        threads.save(work, {"7001": (item("1", "Masih mati!", kind=ItemKind.REPORTER),)}, {})
    assert "Sejak draf ini disimpan: pelapor menulis lagi" in text_of(client.get("/laporan/7001"))


def test_a_draft_goes_with_the_answer_and_does_not_come_back(enter: Enter, store: Store) -> None:
    client = enter(OFFICER)
    data = form_of(client, "/laporan/7001", text=TEXT)
    client.post("/laporan/7001/draf", data=data)
    assert client.post("/laporan/7001/jawab", data=data).status_code == 303
    assert draft_of(store) is None
    client.post("/laporan/7001/draf", data=data)  # saved by the page in the moment in which it was sent
    assert draft_of(store) is None
    client.post("/laporan/7001/draf", data=data | {"text": "Yang lain."})
    assert draft_of(store) == "Yang lain."


def test_a_draft_is_nobody_else_s(enter: Enter, store: Store) -> None:
    with store.work(in_post("8", OFFICER)) as work:
        drafts.put(work, "8", "7001", text="Punya Budi", is_secret=False, seen="")
    client = enter(OFFICER)
    assert "Punya Budi" not in client.get("/laporan/7001").text
    assert "Draf Anda" not in text_of(client.get("/tugas"))


def test_a_draft_for_a_report_that_went_to_another_opd_is_not_listed(enter: Enter, store: Store) -> None:
    client = enter(OFFICER)
    client.post("/laporan/7001/draf", data=form_of(client, "/laporan/7001", text=TEXT))
    save(store, one(disposition_id=OTHER_OPD))
    assert "7001" not in client.get("/tugas").text


def test_a_draft_of_a_report_that_was_closed_is_kept_and_shown(enter: Enter, store: Store) -> None:
    client = enter(OFFICER)
    data = form_of(client, "/laporan/7001", text=TEXT)
    save(store, one(verdict=Verdict(colour=Colour.HIJAU, waiting_on=None, row="2"), status_name="Selesai"))
    assert client.post("/laporan/7001/draf", data=data).status_code == 303
    assert f"Draf Anda yang belum dikirim {TEXT}" in text_of(client.get("/laporan/7001"))


def test_a_draft_that_is_far_too_long_is_refused_and_stays_in_the_form(enter: Enter, store: Store) -> None:
    client = enter(OFFICER)
    answer = client.post("/laporan/7001/draf", data=form_of(client, "/laporan/7001", text="x" * 5001))
    assert answer.status_code == 422
    assert "x" * 5001 in answer.text
    assert "Kurangi 1 karakter" in text_of(answer)


def test_what_no_database_could_hold_is_left_out_of_a_draft(enter: Enter, store: Store) -> None:
    client = enter(OFFICER)
    data = form_of(client, "/laporan/7001", text="a\x00b") | {"seen": "\x00" * 9}
    assert client.post("/laporan/7001/draf", data=data).status_code == 303
    with store.reading() as work:
        found = drafts.get(work, ME, "7001")
    assert found is not None
    assert (found.text, found.seen) == ("ab", "")


@pytest.mark.parametrize("post", [LEADER, INSPECTOR, OTHER_OFFICER])
def test_who_may_not_answer_keeps_no_draft(enter: Enter, store: Store, post: Post) -> None:
    client = enter(post)
    data = {"csrf": token_in(client.get("/akun")), "text": TEXT, "seen": ""}
    assert client.post("/laporan/7001/draf", data=data).status_code in {403, 404}
    assert draft_of(store) is None


def test_the_shell_has_no_drafts(store: Store) -> None:
    office.keep_draft(store, of_shell("budi"), "7001", text=TEXT, is_secret=False, seen="")
    office.take_over_drafts(store, of_shell("budi"))
    assert draft_of(store) is None


# A post that is handed over takes its drafts along.


def hired(store: Store, *names: str) -> None:
    for name in names:
        link = people.invite(store, of_shell("root"), name=name, sign_in=name, role=Role.OFFICER, opd=OPD)
        people.accept(store, link, "gerimis di kebun kopi")


def put(store: Store, person_id: str, tracking_id: str, text: str) -> None:
    with store.work() as work:
        drafts.put(work, person_id, tracking_id, text=text, is_secret=False, seen="")


def hand_over(store: Store, clock: StillClock, days: int = 0, *, keep_work: bool = True) -> None:
    people.hand_over_post(
        store,
        of_shell("root"),
        role=Role.OFFICER,
        opd=OPD,
        from_="sari",
        to="tono",
        on=clock.now() + timedelta(days=days),
        keep_work=keep_work,
    )


@pytest.fixture
def two(store: Store) -> None:
    """Sari (1) and Tono (2); Sari has drafts for three reports, of which one is another OPD's."""
    hired(store, "sari", "tono")
    save(store, one("7002"), one("7003", disposition_id=OTHER_OPD))
    for key in ("7001", "7002", "7003"):
        put(store, "1", key, f"Sari tentang {key}")


@pytest.mark.usefixtures("two")
def test_drafts_go_with_the_post_and_none_is_written_over(store: Store, clock: StillClock) -> None:
    put(store, "2", "7002", "Tono tentang 7002")
    hand_over(store, clock)
    assert draft_of(store, "2", "7001") == "Sari tentang 7001"
    assert draft_of(store, "2", "7002") == "Tono tentang 7002"
    assert draft_of(store, "1", "7002") == "Sari tentang 7002"
    assert draft_of(store, "1", "7003") == "Sari tentang 7003"
    assert draft_of(store, "1", "7001") is None


@pytest.mark.usefixtures("two")
def test_drafts_stay_where_the_work_is_left(store: Store, clock: StillClock) -> None:
    hand_over(store, clock, keep_work=False)
    assert draft_of(store, "2", "7001") is None


@pytest.mark.usefixtures("two")
def test_drafts_go_on_the_day_on_which_the_post_does(store: Store, clock: StillClock) -> None:
    tono = in_post("2", OFFICER)
    hand_over(store, clock, days=2)
    office.take_over_drafts(store, tono)
    assert draft_of(store, "2", "7001") is None
    put(store, "1", "7001", "Sari sampai hari terakhir")
    clock.advance(2 * 86_400)
    office.take_over_drafts(store, tono)
    assert draft_of(store, "2", "7001") == "Sari sampai hari terakhir"
    put(store, "1", "7001", "Sari sesudahnya")
    office.take_over_drafts(store, tono)
    assert draft_of(store, "1", "7001") == "Sari sesudahnya"


def test_what_came_with_the_post_stands_under_the_tasks_from_its_day_on(
    enter: Enter, store: Store, clock: StillClock
) -> None:
    put(store, "8", "7001", "Punya Budi")
    with store.work() as work:
        drafts.pass_on(work, "8", ME, OPD, clock.now() + timedelta(days=2))
    assert "Draf Anda" not in text_of(enter(OFFICER).get("/tugas"))
    clock.advance(2 * 86_400)
    assert "Draf Anda: 1 Lampu jalan mati" in text_of(enter(OFFICER).get("/tugas"))
    assert draft_of(store, ME, "7001") == "Punya Budi"


# Notes and instructions.


def test_a_note_is_for_colleagues_and_never_comes_to_lapor(enter: Enter, store: Store) -> None:
    client = enter(OFFICER)
    data = {"csrf": token_in(client.get("/laporan/7001")), "for": "catatan", "text": "Tunggu gardu.\r\n"}
    answer = client.post("/laporan/7001/catatan", data=data)
    assert answer.headers["Location"] == "/laporan/7001#catatan"
    (kept,) = written(store)
    assert (kept.text, kept.by, kept.is_instruction, kept.day) == (
        "Tunggu gardu.",
        "person 7 in post 1",
        False,
        None,
    )
    page = client.get("/laporan/7001")
    assert "Tunggu gardu." in text_of(page)
    assert "menulis catatan internal" in text_of(page)
    with store.reading() as work:
        assert outbox.listing(work) == []


def test_a_note_that_is_sent_twice_is_written_once(enter: Enter, store: Store) -> None:
    """Pressed twice, or sent again from the page before: nobody could take the second one away."""
    client = enter(OFFICER)
    data = {"csrf": token_in(client.get("/laporan/7001")), "for": "catatan", "text": "Tunggu gardu."}
    for text in ("Tunggu gardu.", "Tunggu gardu.\r\n", "Gardunya datang.", "Tunggu gardu."):
        assert client.post("/laporan/7001/catatan", data=data | {"text": text}).status_code == 303
    assert [one.text for one in written(store)] == ["Tunggu gardu.", "Gardunya datang.", "Tunggu gardu."]


def test_the_same_note_of_another_hour_is_another_note(enter: Enter, store: Store, clock: StillClock) -> None:
    """Who telephones each day in vain says so each day."""
    client = enter(OFFICER)
    data = {"csrf": token_in(client.get("/laporan/7001")), "for": "catatan", "text": "Ditelepon, tidak diangkat."}
    for _ in range(2):
        assert client.post("/laporan/7001/catatan", data=data).status_code == 303
        clock.advance(3600)
    assert [one.text for one in written(store)] == ["Ditelepon, tidak diangkat."] * 2


def test_a_leader_s_note_is_an_instruction_with_a_day(enter: Enter, store: Store) -> None:
    client = enter(LEADER)
    data = {"csrf": token_in(client.get("/laporan/7001")), "text": "Selesaikan.", "day": "2026-03-06"}
    assert client.post("/laporan/7001/catatan", data=data).status_code == 303
    assert written(store)[0].is_instruction
    assert "paling lambat Jumat, 6 Maret 2026" in text_of(enter(OFFICER).get("/laporan/7001"))
    enter(LEADER)
    wrong = client.post("/laporan/7001/catatan", data=data | {"day": "besok", "for": "catatan"})
    assert wrong.status_code == 422
    assert "Selesaikan." in wrong.text


def test_an_instruction_stands_under_the_tasks_until_something_is_answered(
    enter: Enter, store: Store, clock: StillClock
) -> None:
    """That of the earliest day first; what is rahasia has no title there, what is closed or another's is none."""
    save(store, one("7002", title="Parit", is_secret=True))
    save(store, one("7003", verdict=HIJAU))
    save(store, one("7004", disposition_id=OTHER_OPD))
    client = enter(LEADER)
    for number, day in (("7001", ""), ("7002", "2026-03-01"), ("7003", ""), ("7001", "2026-03-06")):
        data = {
            "csrf": token_in(client.get(f"/laporan/{number}")),
            "text": f"Selesaikan {number} {day}.",
            "day": day,
        }
        assert client.post(f"/laporan/{number}/catatan", data=data).status_code == 303
    client = enter(OFFICER)
    client.post("/laporan/7001/catatan", data=form_of(client, "/laporan/7001", text="Baik.", **{"for": "catatan"}))
    said = text_of(client.get("/tugas"))
    assert "Arahan yang belum dijawab: 3 Laporan rahasia paling lambat Minggu, 1 Maret 2026, terlewat 7002" in said
    assert "Lampu jalan mati paling lambat Jumat, 6 Maret 2026 7001" in said
    assert "Parit" not in said
    assert "Arahan" not in text_of(enter(OTHER_OFFICER).get("/tugas"))
    assert "Arahan yang belum dijawab: 3" in text_of(enter(ADMIN).get("/tugas"))
    clock.advance(60)
    add(store, new("LS-222222", "7001"))
    assert "Arahan yang belum dijawab: 1 Laporan rahasia" in text_of(enter(OFFICER).get("/tugas"))


def test_a_note_that_is_refused_does_not_come_to_stand_in_the_answer(enter: Enter) -> None:
    client = enter(OFFICER)
    data = {"csrf": token_in(client.get("/laporan/7001")), "for": "catatan", "text": "Rahasia dapur " * 500}
    page = client.post("/laporan/7001/catatan", data=data)
    assert page.status_code == 422
    before, after = page.text.split('id="note"')
    assert "Rahasia dapur" not in before
    assert "Rahasia dapur" in after.split("</textarea>")[0]
    assert page.text.count("Rahasia dapur " * 500) == 1
    assert client.post("/laporan/7001/catatan", data=data | {"text": " \u200b"}).status_code == 422


@pytest.mark.parametrize(("post", "status"), [(INSPECTOR, 403), (OTHER_OFFICER, 404), (ADMIN, 303)])
def test_each_role_writes_the_notes_that_it_may(enter: Enter, store: Store, post: Post, status: int) -> None:
    client = enter(post)
    data = {"csrf": token_in(client.get("/akun")), "text": "Catatan", "for": "catatan"}
    assert client.post("/laporan/7001/catatan", data=data).status_code == status
    assert len(written(store)) == (status == 303)


def test_notes_on_a_rahasia_report_are_read_by_who_reads_it_and_by_who_wrote_them(
    enter: Enter, store: Store, board: Board
) -> None:
    save(store, one(is_secret=True))
    office.write_note(store, of_shell("budi"), "7001", "Nama saksi: Wati")
    enter(LEADER)
    office.instruct(store, in_post(ME, LEADER), "7001", "Jangan ditunda", None)
    for path in ("/laporan/7001", "/laporan/7001/cetak"):
        assert "Wati" in text_of(enter(OFFICER).get(path))
        seen = text_of(enter(LEADER).get(path))
        assert "Wati" not in seen
        assert "Jangan ditunda" in seen


# Hand-overs.


@pytest.fixture
def other(store: Store) -> None:
    with store.work() as work:
        institutions.replace_all(
            work, [Institution(id=OPD, name="Dinas PUPR"), Institution(id="612", name="PDAM")]
        )


@pytest.mark.usefixtures("other")
@pytest.mark.parametrize("to", ["612", "PDAM", "PDAM (612)"])
def test_a_hand_over_of_the_form_is_one_of_the_command_line(enter: Enter, store: Store, to: str) -> None:
    client = enter(OFFICER)
    page = client.get("/laporan/7001/serahkan")
    assert 'value="PDAM (612)"' in page.text
    data = {"csrf": token_in(page), "to": to, "reason": "Pipa milik PDAM."}
    assert client.post("/laporan/7001/serahkan", data=data).headers["Location"] == "/laporan/7001#kiriman"
    with store.reading() as work:
        (made,) = outbox.listing(work)
    assert (made.delivery.kind, made.target, made.by) == (Kind.FORWARD, "612", "person 7 in post 1")
    assert f"pelimpahan {made.ref} ke PDAM: menunggu" in text_of(client.get("/laporan/7001"))
    again = client.post("/laporan/7001/serahkan", data=data)
    assert again.status_code == 422
    assert "sedang berjalan" in text_of(again)
    assert "Pipa milik PDAM." in again.text


@pytest.mark.parametrize(("post", "status"), [(LEADER, 403), (INSPECTOR, 403), (OTHER_OFFICER, 404)])
def test_who_may_not_hand_over_reads_why(enter: Enter, post: Post, status: int) -> None:
    client = enter(post)
    data = {"csrf": token_in(client.get("/akun")), "to": "612", "reason": "x"}
    assert client.post("/laporan/7001/serahkan", data=data).status_code == status
    page = client.get("/laporan/7001/serahkan")
    assert 'name="reason"' not in page.text


# Before it is sent.


def test_the_preview_is_what_the_citizen_will_read_and_keeps_nothing(enter: Enter, store: Store) -> None:
    client = enter(OFFICER)
    data = form_of(client, "/laporan/7001", text="Baris satu\r\n<i>Baris dua</i>", secret="1")
    page = client.post("/laporan/7001/pratinjau", data=data)
    assert page.status_code == 200
    shown = page.text.partition('id="pratinjau"')[2].partition("</section>")[0]
    assert "Baris satu\n&lt;i&gt;Baris dua&lt;/i&gt;\n[Ref LS-······]" in shown
    assert "hanya pelapor" in shown
    assert "Baris dua&lt;/i&gt;</textarea>" in page.text
    assert draft_of(store) is None
    with store.reading() as work:
        assert outbox.listing(work) == []


def test_what_may_have_arrived_is_moved_only_by_who_says_that_they_looked(enter: Enter, store: Store) -> None:
    add(store, new("LS-AAAAAA"), new("LS-BBBBBB", text="Lain.\n[Ref LS-BBBBBB]"))
    with store.work() as work:
        outbox.claim(work, get(work, "LS-AAAAAA"), Scene(items={}, began_at=None))
        outbox.move(work, get(work, "LS-AAAAAA"), State.UNKNOWN, Reason.REPLY_LOST)
        outbox.hold(work, get(work, "LS-AAAAAA"), Reason.CANNOT_READ_BACK)
    client = enter(OFFICER)
    page = client.get("/kiriman")
    assert page.text.count('name="sure"') == 2
    for act in ("retry", "cancel"):
        refused = client.post(f"/kiriman/LS-AAAAAA/{act}", data={"csrf": token_in(page)})
        assert refused.status_code == 409
        assert "mungkin sudah sampai" in text_of(refused)
    sure = client.post("/kiriman/LS-AAAAAA/cancel", data={"csrf": token_in(page), "sure": "1"})
    assert sure.status_code == 303
    assert client.post("/kiriman/LS-BBBBBB/cancel", data={"csrf": token_in(page)}).status_code == 303


# An open page.


def test_an_open_page_learns_that_something_changed_and_nothing_else(
    enter: Enter, store: Store, board: Board
) -> None:
    client = enter(OFFICER)

    def version() -> str:
        answer = client.get("/laporan/7001/keadaan")
        assert answer.status_code == 200
        return answer.text

    first = version()
    page = client.get("/laporan/7001")
    assert f'data-version="{first}"' in page.text
    assert f"lapor-sync {__version__} " in text_of(page)
    assert version() == first
    office.respond(board.mirror, of_shell("budi"), NewResponse(given_id="7001", text=TEXT))
    second = version()
    with store.reading() as work:
        ref = outbox.listing(work)[0].ref
    office.change(board.mirror, of_shell("budi"), office.OutboxAct.HOLD, ref)
    assert len({first, second, version()}) == 3
    assert enter(OTHER_OFFICER).get("/laporan/7001/keadaan").status_code == 404


def test_whose_answer_was_found_at_lapor_is_said_in_words_to_be_unknown(enter: Enter, store: Store) -> None:
    with store.work() as work:
        outbox.recover(work, ref="LS-BBBBBB", tracking_id="7001", text="Sudah.\n[Ref LS-BBBBBB]")
    for path in ("/laporan/7001", "/kiriman"):
        said = text_of(enter(OFFICER).get(path))
        assert "(tidak diketahui)" in said
        assert "unknown" not in said


# On paper.


def test_a_sheet_for_the_head_of_the_agency_has_all_of_it(enter: Enter, store: Store) -> None:
    with store.work() as work:
        threads.save(work, {"7001": (item("1", "<p>Sudah kami ganti.</p>"),)}, {})
    office.write_note(store, of_shell("budi"), "7001", "Tunggu gardu.")
    said = text_of(enter(OFFICER).get("/laporan/7001/cetak"))
    for words in ("Laporan 7001: Lampu jalan mati", "Gelap sekali.", "Sudah kami ganti.", "Tunggu gardu."):
        assert words in said
    assert enter(OTHER_OFFICER).get("/laporan/7001/cetak").status_code == 404


def test_paper_says_what_the_page_says_of_secrecy_thread_and_last_day(enter: Enter, store: Store) -> None:
    """Whoever holds the sheet has no page beside it."""
    last_day: dict[str, Any] = {"created_at": START - timedelta(days=7)}  # five working days
    save(store, one(is_secret=True, is_anonymous=True, **last_day), one("7002", **last_day))
    client = enter(OFFICER)
    page, paper = (text_of(client.get(f"/laporan/7001{sheet}")) for sheet in ("", "/cetak"))
    for words in ("rahasia", "anonim", "Percakapan belum dapat dibaca.", ", hari ini"):
        assert words in page
        assert words in paper
    assert "Belum ada percakapan" not in paper
    assert "Sifat" not in text_of(client.get("/laporan/7002/cetak"))


def test_to_print_a_rahasia_report_is_a_look_at_it(enter: Enter, store: Store) -> None:
    save(store, one(title="Judulnya", is_secret=True))
    assert "Judulnya" not in enter(INSPECTOR).get("/laporan/7001/cetak").text
    client = enter(OFFICER)
    assert "Judulnya" in client.get("/laporan/7001/cetak").text
    assert "melihat laporan rahasia ini" in text_of(client.get("/laporan/7001"))
