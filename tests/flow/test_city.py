"""One city, end to end, by its commands: mirrored, answered, reconciled, proven."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from connectors.simulator import OPD_IDS, Simulator
from lapor_sync.domain.colour import canonical
from lapor_sync.listening import Address
from tests.city import City, settings
from tests.flow.bench import ON_SQLITE
from tests.oracle import arrived
from tests.system.launcher import launcher


def in_soak(case: str) -> Any:
    """A case that `make test` has in test_delivering, without the command line around it."""
    return pytest.param(case, marks=pytest.mark.soak)


def waiting(city: City) -> list[str]:
    """Reports that an OPD must answer."""
    return [
        row["tracking_id"]
        for row in city.json("reports")
        if row["waiting_on"] == "opd" and row["opd"] in OPD_IDS and not row["answers"]
    ]


def colour_of(city: City, tracking_id: str) -> str | None:
    """A report's colour."""
    found: str | None = city.json("show", tracking_id)[0]["colour"]
    return found


def state_of(city: City, ref: str) -> str:
    """A delivery's state."""
    return next(row["state"] for row in city.json("outbox") if row["ref"] == ref)


def test_backfill_mirrors_every_report_for_one_request_each(city: City, simulator: Simulator) -> None:
    """A backfill costs a thread read a report beside the list's pages, and what is mirrored equals the world."""
    assert city.run("--backfill").out == "new 16, changed 0, unchanged 0, quarantined 0\n"
    assert simulator.world.requests()["total"] <= 20
    mirrored = {row["tracking_id"]: canonical(row["status_name"]) for row in city.json("reports")}
    world = {
        str(row["tracking_id"]): canonical(row["status_name"]) for row in simulator.world.summary()["reports"]
    }
    assert mirrored == world
    assert city.run("--backfill").out == "new 0, changed 0, unchanged 16, quarantined 0\n"


def test_poll_with_nothing_changed_is_one_request(city: City, simulator: Simulator) -> None:
    """A second cycle with nothing new lists once and asks nothing else; citizens' files were all fetched before."""
    city.run("--backfill")
    city.run("--once", POLL_SECONDS="300")  # a quarter of this is for files
    simulator.world.reset_requests()
    rows = city.json("status")[0]["audit_rows"]
    city.run("--once")
    assert simulator.world.requests()["routes"] == {"GET /complaints": 1}
    assert city.json("status")[0]["audit_rows"] == rows


def test_backfill_of_a_span_takes_only_what_was_received_in_it(city: City) -> None:
    """--since and --until are by the day received, in the city's time zone."""
    city.run("--backfill")
    every = sorted(row["created_at"][:10] for row in city.json("reports"))
    middle = every[len(every) // 2]
    said = city.run("--backfill", "--since", middle, "--until", middle, code=0)
    assert said.out.startswith("new 0")


@pytest.mark.parametrize(
    "fault", ["close-after", *map(in_soak, ("close-before", "status:503", "garbage", "status:429", "html-200"))]
)
def test_each_response_stands_exactly_once_whatever_its_reply_was(
    city: City, simulator: Simulator, fault: str
) -> None:
    """Stored or not, a lost reply leads to one answer in the thread, in order with the next one."""
    city.run("--backfill")
    one = waiting(city)[0]
    refs = [city.run("respond", one, "--text", f"Jawaban {n} & <terima kasih>.").out.strip() for n in range(2)]
    simulator.world.add_faults({"match": {"method": "POST", "path": "followup/add"}, "times": 1, "do": fault})
    counts = city.cycles_until_quiet()
    assert counts["sent"] == 2
    stored = arrived(simulator.world, one)
    assert [ref in text for ref, text in zip(refs, stored, strict=True)] == [True, True]
    assert colour_of(city, one) == "kuning"


@pytest.mark.parametrize("scenario", [*map(in_soak, ("flaky", "lost-reply", "late-read")), "slow", "moving-pages"])
def test_many_responses_arrive_exactly_once_and_in_order_on_bad_days(
    city: City, simulator: Simulator, scenario: str
) -> None:
    """Twelve responses over three reports, under faults at random."""
    city.run("--backfill")
    written: dict[str, list[str]] = {}
    for n in range(12):
        one = waiting(city)[n % 3]
        written.setdefault(one, []).append(city.run("respond", one, "--text", f"Jawaban {n}.").out.strip())
    simulator.world.set_scenario(scenario)
    assert city.cycles_until_quiet(150)["sent"] == 12
    for one, refs in written.items():
        assert [next(ref for ref in refs if ref in text) for text in arrived(simulator.world, one)] == refs


def test_an_answer_from_elsewhere_holds_ours_until_a_person_decides(city: City, simulator: Simulator) -> None:
    """Someone answers on the LAPOR site after ours was written: held; keep-ours sends it, take-upstream cancels."""
    city.run("--backfill")
    for how, state in (("--keep-ours", "sent"), ("--take-upstream", "cancelled")):
        one = waiting(city)[0]
        ref = city.run("respond", one, "--text", "Sudah kami periksa.").out.strip()
        simulator.world.answer(one)
        city.run("--once")
        assert state_of(city, ref) == "held"
        assert arrived(simulator.world, one) == []
        conflict = city.json("conflicts")[0]
        assert (conflict["tracking_id"], conflict["ref"], conflict["kind"]) == (one, ref, "answered_elsewhere")
        city.run("conflicts", "settle", conflict["id"], how, "--by", "Admin")
        city.run("--once")
        assert state_of(city, ref) == state
        assert city.json("conflicts") == []


def test_a_closed_or_moved_report_holds_what_was_written_before(city: City, simulator: Simulator) -> None:
    """The other two reasons to hold; a new response to a closed report is refused with the reason."""
    city.run("--backfill")
    closed, moved = waiting(city)[:2]
    refs = [city.run("respond", one, "--text", "Sudah.").out.strip() for one in (closed, moved)]
    simulator.world.satisfied(closed)
    simulator.world.dispose(moved, to="634" if city.json("show", moved)[0]["opd"] != "634" else "633")
    city.run("--once")
    assert [state_of(city, ref) for ref in refs] == ["held", "held"]
    assert {row["kind"] for row in city.json("conflicts")} == {"closed_since", "disposed_elsewhere"}
    assert "closed" in city.run("respond", closed, "--text", "Lagi.", code=2).err
    assert city.run("outbox", "cancel", refs[0]).out == "cancelled\n"
    assert "cannot be changed" in city.run("outbox", "hold", refs[0], code=2).err


def test_outbox_acts_hold_and_let_go(city: City) -> None:
    """A person holds a queued delivery and lets it go again."""
    city.run("--backfill")
    ref = city.run("respond", waiting(city)[0], "--text", "Baik.").out.strip()
    assert city.run("outbox", "hold", ref).out == "held\n"
    city.run("--once")
    assert state_of(city, ref) == "held"
    assert city.run("outbox", "retry", ref).out == "queued\n"
    city.run("--once")
    assert state_of(city, ref) == "sent"
    assert city.json("outbox", "--state", "held") == []


def test_a_hand_over_is_flagged_until_the_disposition_changes(city: City, simulator: Simulator) -> None:
    """`forward` arrives in the logs; the flag goes when the admin has disposed anew."""
    city.run("--backfill")
    one = waiting(city)[0]
    ref = city.run(
        "forward", one, "--to", "702", "--reason", "Jaringan listrik bukan kewenangan kami."
    ).out.strip()
    assert "under way" in city.run("forward", one, "--to", "702", "--reason", "Lagi.", code=2).err
    city.run("--once")
    assert state_of(city, ref) == "sent"
    assert "forward_requested" in city.json("show", one)[0]["flags"]
    simulator.world.dispose(one, to="702")
    city.run("--once")
    shown = city.json("show", one)[0]
    assert (shown["colour"], "forward_requested" in shown["flags"]) == ("abu", False)


def test_a_secret_response_of_unknown_outcome_is_never_sent_again(city: City, simulator: Simulator) -> None:
    """What cannot be read back goes to a person."""
    city.run("--backfill")
    one = waiting(city)[0]
    ref = city.run("respond", one, "--text", "Rahasia.", "--secret").out.strip()
    simulator.world.add_faults(
        {"match": {"method": "POST", "path": "followup/add"}, "times": 1, "do": "close-after"}
    )
    city.cycles_until_quiet()
    assert state_of(city, ref) == "held"
    assert len(arrived(simulator.world, one)) == 1


def test_files_travel_with_a_response(city: City, simulator: Simulator, tmp_path: Path) -> None:
    """Attached bytes are stored when recorded; the wrong sort, too many or none at all are refused."""
    city.run("--backfill")
    one = waiting(city)[0]
    picture, wrong, empty = tmp_path / "foto.jpg", tmp_path / "a.exe", tmp_path / "b.png"
    picture.write_bytes(b"\xff\xd8\xff gambar")
    wrong.write_bytes(b"MZ")
    empty.write_bytes(b"")
    for path in (wrong, empty, tmp_path / "none.png"):
        city.run("respond", one, "--text", "x", "--attach", str(path), code=2)
    many = [arg for _ in range(6) for arg in ("--attach", str(picture))]
    city.run("respond", one, "--text", "x", *many, code=2)
    city.run("respond", one, "--text", "x", "--attach", str(picture), code=2, ATTACH_MAX_MB="0.000001")
    city.run("respond", one, "--text", "Foto terlampir.", "--attach", str(picture))
    picture.unlink()
    city.run("--once")
    item = next(item for item in city.json("show", one)[0]["thread"] if "Foto" in item["content"])
    assert [file["file_name"] for file in item["attachments"]] == ["foto.jpg"]


def test_unreadable_rows_are_quarantined_and_come_back(city: City, simulator: Simulator) -> None:
    """A bad record is put away with its reason while the page goes on; mended upstream, it leaves quarantine."""
    ids = [str(row["tracking_id"]) for row in simulator.world.summary()["reports"]][:3]
    for one, how in zip(ids, ("string", "no-id", "bad-date"), strict=True):
        simulator.world.corrupt(one, how=how)
    assert city.run("--backfill").out == "new 13, changed 0, unchanged 0, quarantined 3\n"
    assert len(city.json("quarantine")) == 3
    assert "Reason" in city.run("quarantine").out
    for one in ids:
        simulator.world.uncorrupt(one)
    assert city.run("--backfill").out == "new 3, changed 0, unchanged 13, quarantined 0\n"
    assert city.json("quarantine") == []


def test_a_report_that_is_gone_is_not_deleted(city: City, simulator: Simulator) -> None:
    """The first 404 is noted, nothing is marked before a day has passed, nothing is deleted."""
    city.run("--backfill")
    one = waiting(city)[0]
    simulator.world.delete(one)
    city.run("--backfill")
    shown = city.json("show", one)[0]
    assert "vanished" not in shown["flags"]
    assert any(event["what"] == "missing" for event in shown["timeline"])


@pytest.mark.parametrize(
    ("scenario", "code"),
    [("maintenance", 1), ("expired-token", 1), ("empty-list", 0), ("no-filter", 0), ("repeated-last-page", 0)],
)
def test_bad_days_lose_nothing(city: City, simulator: Simulator, scenario: str, code: int) -> None:
    """After a bad day the mirror is as it was, and the next good cycle works."""
    city.run("--backfill")
    before = city.json("reports")
    simulator.world.set_scenario(scenario)
    assert city.run("--once", code=None).code == code
    assert [row["colour"] for row in city.json("reports")] == [row["colour"] for row in before]
    outage = city.json("status")[0]["outage"]
    assert (outage is not None) == (code == 1)
    simulator.world.set_scenario("calm")
    city.run("--once")
    assert city.json("status")[0]["outage"] is None


def test_a_city_without_a_list_call_lives_on_exports_and_reading_by_id(
    city: City, simulator: Simulator, tmp_path: Path
) -> None:
    """The list answers 404: an export brings the reports, reading by id their threads, and responses go out."""
    simulator.world.set_scenario("restricted")
    assert "--from-export" in city.run("--backfill", code=1).err
    world = simulator.world.summary()["reports"]
    export = tmp_path / "ekspor.xlsx"
    rows = [(row["tracking_id"], row["status_name"], row["disposition_id"]) for row in world]
    write_export(export, rows)
    assert city.run("--backfill", "--from-export", str(export)).out.startswith("new 16, changed 0")
    assert city.run("--backfill", "--from-export", str(export)).out.startswith("new 0, changed 0, unchanged 16")
    assert not any(row["thread_known"] for row in city.json("reports"))
    city.run("--once")
    assert all(row["thread_known"] for row in city.json("reports"))
    one = waiting(city)[0]
    city.run("respond", one, "--text", "Kami tindak lanjuti.")
    city.run("--once")
    assert len(arrived(simulator.world, one)) == 1
    assert colour_of(city, one) == "kuning"


def write_export(path: Path, rows: Sequence[tuple[object, ...]]) -> None:
    """An export as the admin downloads it, with one bad row."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["Laporan"])
    sheet.append(["Tanggal Generate", "3 Jan 2026 08:00"])
    sheet.append(
        ["Tracking ID", "Status Laporan", "ID Instansi Terdisposisi", "Tanggal Laporan Masuk", "Judul Laporan"]
    )
    for tracking_id, status, opd in rows:
        sheet.append([tracking_id, status, opd, "2 Jan 2026", "Jalan rusak"])
    sheet.append(["bukan nomor", "Selesai", None, None, None])
    book.save(path)
    book.close()


def test_exports_that_are_none_are_refused(city: City, tmp_path: Path) -> None:
    """A wrong file costs nothing but a message."""
    (tmp_path / "x.xlsx").write_bytes(b"not a workbook")
    assert city.run("--backfill", "--from-export", str(tmp_path / "x.xlsx"), code=2).err.count("\n") >= 2
    city.run("--backfill", "--from-export", str(tmp_path / "none.xlsx"), code=2)


def test_a_sheet_of_responses_is_taken_once(city: City, tmp_path: Path) -> None:
    """All rows are checked before any is taken; the same file twice changes nothing."""
    city.run("--backfill")
    ones = waiting(city)[:3]
    path = tmp_path / "jawaban.xlsx"
    write_sheet(
        path, [(one, None, f"Jawaban untuk {one}.", "Petugas A") for one in ones] + [("9", None, "x", "B")]
    )
    assert "none was" in city.run("respond", "--from", str(path), code=2).err
    assert city.json("outbox") == []
    write_sheet(path, [(one, None, f"Jawaban untuk {one}.", "Petugas A") for one in ones])
    assert len(city.run("respond", "--from", str(path)).out.split()) == 3
    assert city.run("respond", "--from", str(path)).out == ""
    assert len(city.json("outbox")) == 3


def write_sheet(path: Path, rows: Sequence[tuple[object, ...]]) -> None:
    """A sheet of responses."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in [("Tracking ID", "OPD", "Jawaban", "Petugas"), *rows]:
        sheet.append(list(row))
    book.save(path)
    book.close()


def test_every_screen_shows_the_city(city: City, simulator: Simulator) -> None:
    """The screens of a person and the JSON of a program, over a city with something of everything."""
    city.run("--backfill")
    one = waiting(city)[0]
    ref = city.run("respond", one, "--text", "Sudah kami periksa.", "--by", "Siti").out.strip()
    simulator.world.answer(one)
    city.run("--once")
    assert "merah" in city.run("status").out
    assert one in city.run("reports").out
    assert city.run("reports", "--colour", "hijau", "--json").rows
    assert all(row["overdue"] for row in city.json("reports", "--overdue"))
    assert "tracking_id" in city.run("reports", "--csv").out.splitlines()[0]
    assert city.run("reports", "--csv", "--include-rahasia", "--opd", "611").code == 0
    assert "because" in city.run("show", one).out
    assert ref in city.run("outbox").out
    assert ref in city.run("conflicts").out
    assert "Nothing" in city.run("quarantine").out
    assert city.run("audit", "export").rows[0]["seq"] == 1


def test_looking_at_a_rahasia_report_is_audited(city: City, simulator: Simulator) -> None:
    """`show` has its content; the audit has who looked."""
    made = simulator.world.file_report(secret=True, opd="611")
    city.run("--backfill")
    city.run("show", str(made["tracking_id"]), "--by", "Budi")
    shown = [row for row in city.run("audit", "export").rows if row["what"] == "shown"]
    assert [(row["who"], row["subject"]) for row in shown] == [("Budi", str(made["tracking_id"]))]


@ON_SQLITE
def test_the_audit_is_proven_and_a_forgery_is_found(city: City, tmp_path: Path) -> None:
    """The chain verifies; a changed row is named; an unknown head is refused."""
    city.run("--backfill")
    head = city.json("status")[0]["audit_head"]
    assert head in city.run("audit", "verify", "--head", head).out
    assert "not in this chain" in city.run("audit", "verify", "--head", "0" * 63 + "1", code=1).err
    with sqlite3.connect(tmp_path / "city.db") as raw:
        with pytest.raises(sqlite3.DatabaseError, match="append-only"):
            raw.execute("UPDATE audit SET who = 'nobody' WHERE seq = 3")
        raw.execute("DROP TRIGGER audit_no_update")
        raw.execute("UPDATE audit SET who = 'nobody' WHERE seq = 3")
    raw.close()
    assert "row 3" in city.run("audit", "verify", code=1).err


@pytest.mark.parametrize(
    "args",
    [
        ["nonsense"],
        ["show", "999"],
        ["show"],
        ["respond", "999", "--text", "x"],
        ["respond", "999"],
        ["respond", "--from", "none.xlsx", "--text", "x"],
        ["forward", "999", "--to", "702", "--reason", "x"],
        ["--once", "--backfill"],
        ["--since", "2026-01-01"],
        ["--as-of", "2026-01-01"],
        ["--once", "status"],
        ["--backfill", "--since", "31 Feb"],
        ["outbox", "retry", "LS-AAAAAA"],
        ["conflicts", "settle", "77", "--keep-ours"],
        ["conflicts", "settle", "77"],
        ["reports", "--json", "--csv"],
        ["reports", "--opd", "Dinas Sihir"],
        ["simulator", "--scenario", "sunny"],
        ["--config", "none.toml", "status"],
    ],
)
def test_wrong_use_says_what_and_what_to_do(city: City, args: list[str]) -> None:
    """Exit 2, one line what happened and one line what to do, nothing on standard output."""
    said = city.run(*args, code=2)
    assert said.out == ""
    assert "Error: " in said.err
    assert "To do: " in said.err


def test_texts_that_cannot_be_sent_are_refused(city: City, tmp_path: Path) -> None:
    """Empty, too long with its reference, not text, or with a reference of its own."""
    city.run("--backfill")
    one = waiting(city)[0]
    binary = tmp_path / "b.txt"
    binary.write_bytes(b"\xff\xfe\x00")
    for text in ("  ", "x" * 990, "Terima kasih [Ref LS-ABCDEF]"):
        city.run("respond", one, "--text", text, code=2)
    for path in (binary, tmp_path / "none.txt"):
        city.run("respond", one, "--text-file", str(path), code=2)
    good = tmp_path / "g.txt"
    good.write_text("Terima kasih.\nSudah selesai.", encoding="utf-8")
    assert city.run("respond", one, "--text-file", str(good), OBSERVE="true").err.startswith("LAPOR_SYNC_OBSERVE")
    city.run("respond", one, "--text", "x", "--opd", "634", code=None)


def test_nothing_leaves_while_observing(city: City, simulator: Simulator) -> None:
    """OBSERVE pulls and computes, and sends nothing."""
    city.run("--backfill")
    one = waiting(city)[0]
    city.run("respond", one, "--text", "Baik.")
    city.run("--once", OBSERVE="true")
    assert arrived(simulator.world, one) == []


def test_without_settings_each_command_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A daemon with nothing to do is wrong settings; with a folder of exports it has something to do."""
    bare = City(settings(tmp_path), monkeypatch, capsys)
    for args in ([], ["--once"], ["--backfill"]):
        assert "LAPOR_SYNC_UPSTREAM_URL" in bare.run(*args, code=2).err
    folder = tmp_path / "in"
    folder.mkdir()
    export = folder / "a.xlsx"
    write_export(export, [(7000001, "Dalam Proses", 611)])
    old = time.time() - 60
    os.utime(export, (old, old))
    (folder / "b.xlsx").write_bytes(b"broken")
    os.utime(folder / "b.xlsx", (old, old))
    (folder / "growing.xlsx").write_bytes(b"half")
    bare.run("--once", IMPORT_DIR=str(folder))
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*.*")) == [
        "done/a.xlsx",
        "failed/b.xlsx",
        "failed/b.xlsx.txt",
        "growing.xlsx",
    ]
    assert [row["colour"] for row in bare.json("reports")] == ["kuning"]
    assert bare.json("status")[0]["last_success_at"] is not None
    bare.run("--once", IMPORT_DIR=str(folder), OPD_IDS="612")
    assert [row["colour"] for row in bare.json("reports")] == ["abu"], (
        "other rules judge anew, without an account too"
    )


def test_a_database_that_is_none_is_said_clearly(city: City, tmp_path: Path) -> None:
    """A text file as database: one line what, one line what to do, and the file is as it was."""
    path = tmp_path / "other.db"
    path.write_text("this is no database, and it is longer than a header " * 20)
    said = city.run("status", code=1, DATABASE_URL=f"sqlite:///{path}")
    assert "Error: " in said.err
    assert path.read_text().startswith("this is no database")


def test_the_real_daemon_works_stops_when_asked_and_keeps_others_out(city: City, simulator: Simulator) -> None:
    """A second process exits 3 and names the holder; SIGTERM ends the first one well."""
    city.run("--backfill")
    one = waiting(city)[0]
    daemon = launcher().daemon(city.env)
    try:
        city.run("respond", one, "--text", "Baik.")
        wait_for(lambda: len(arrived(simulator.world, one)) == 1)
        said = city.run("--once", code=3)
        assert f"pid {daemon.pid}" in said.err
    finally:
        daemon.send(signal.SIGTERM)
        assert daemon.wait(20)
    assert daemon.code == 0


def test_killed_at_any_time_each_response_stands_once_and_in_order(city: City, simulator: Simulator) -> None:
    """kill -9 of the real process again and again while it delivers, on a day that loses replies."""
    city.run("--backfill")
    written: dict[str, list[str]] = {}
    for n in range(9):
        one = waiting(city)[n % 3]
        written.setdefault(one, []).append(city.run("respond", one, "--text", f"Jawaban {n}.").out.strip())
    simulator.world.set_scenario("lost-reply")
    for n in range(6):
        daemon = launcher().daemon(city.env)
        time.sleep(0.1 + 0.13 * n)
        daemon.kill()
    simulator.world.set_scenario("calm")
    counts = city.cycles_until_quiet(80)
    assert counts["sent"] == 9
    for one, refs in written.items():
        assert [next(ref for ref in refs if ref in text) for text in arrived(simulator.world, one)] == refs
    city.run("audit", "verify")


def wait_for(ready: object, seconds: float = 100) -> None:
    """Until it is so. Raises AssertionError if it never is."""
    assert callable(ready)
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end, "it never came to be"
        time.sleep(0.1)


def test_the_demo_ends_with_each_response_exactly_once_and_stays_under_the_board(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some days of the demo's week, in a few seconds."""
    import structlog

    from lapor_sync import demo

    statuses: dict[str, int] = {}

    def look(site: Any, *_: object, listening: Any, **__: object) -> None:
        """In place of a server: one of the three is clicked, writes an answer, and sees it arrive."""
        listening(Address("127.0.0.1", 8080))
        client = site.test_client()
        csrf = re.search(r'name="csrf" value="(\w+)"', client.get("/demo").text)
        assert csrf is not None
        statuses["nobody"] = client.post("/demo", data={"csrf": csrf[1], "sign_in": "nobody"}).status_code
        statuses["clicked"] = client.post("/demo", data={"csrf": csrf[1], "sign_in": "sari"}).status_code
        tasks = client.get("/tugas")
        statuses["tasks"] = tasks.status_code
        waiting = re.search(r'href="/laporan/(\d+)"', tasks.text)
        assert waiting is not None
        page = client.get(f"/laporan/{waiting[1]}")
        fields = dict(re.findall(r'name="(csrf|seen)" value="([^"]+)"', page.text))
        answer = client.post(
            f"/laporan/{waiting[1]}/jawab", data={**fields, "text": "Petugas kami sudah di sana."}
        )
        statuses["answered"] = answer.status_code
        wait_for(
            lambda: ": sampai" in re.sub(r"<[^>]*>", "", client.get(f"/laporan/{waiting[1]}").text), seconds=30
        )

    monkeypatch.setattr(demo, "serve", look)
    demo.run(days=5, seconds_a_day=1.5, board="127.0.0.1:0")
    structlog.reset_defaults()
    assert statuses == {"nobody": 404, "clicked": 303, "tasks": 200, "answered": 303}
    out = capsys.readouterr().out
    assert "Board at http://127.0.0.1:8080/demo" in out
    assert "each exactly once" in out
    assert "ok:" in out
