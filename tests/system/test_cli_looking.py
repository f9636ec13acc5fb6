"""The commands that look: their JSON is the interface's to the letter, their screens say what to do next."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from connectors.simulator import Options, Simulator
from lapor_sync.clock import SystemClock
from lapor_sync.store import audit
from lapor_sync.store.database import open_store
from tests.system.cli_runner import Cli

REPORT = {
    *("tracking_id", "title", "status_name", "colour", "waiting_on", "flags", "opd", "opd_name", "classification"),
    *("category", "channel", "is_secret", "is_anonymous", "withheld", "created_at", "updated_at", "closed_at"),
    *(
        "answers",
        "thread_known",
        "deadline",
        "overdue",
        "colour_rules",
        "place",
        "kecamatan",
        "kelurahan",
        "rating",
    ),
    *("is_priority", "verified_at", "first_disposition_at", "first_answer_at", "vanished_at"),
}
STATES = {"queued", "sending", "unknown", "sent", "refused", "held", "cancelled"}


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator(Options(seed=3, reports=40)) as running:
        running.world.file_report(title="Rahasia", content="Isi rahasia", opd="611", secret=True)
        running.world.file_report(title="=1+1", content="\x1b[31mMerah\x07\n[bold]tebal[/bold]", opd="611")
        running.world.corrupt(running.world.file_report(title="Rusak")["id"], how="bad-date")
        yield running


def database(cli: Cli) -> Path:
    return Path(cli.env["LAPOR_SYNC_DATABASE_URL"].removeprefix("sqlite:///"))


def change(cli: Cli, sql: str, *values: object) -> None:
    with closing(sqlite3.connect(database(cli))) as conn, conn:
        conn.execute(sql, values)


def waiting(cli: Cli) -> list[str]:
    """Tracking IDs of reports that wait for an OPD."""
    found = cli("reports", "--colour", "merah", "--json").lines
    return [one["tracking_id"] for one in found if one["waiting_on"] == "opd" and not one["is_secret"]]


def titled(cli: Cli, title: str) -> Any:
    return next(one for one in cli("reports", "--json", "--include-rahasia").lines if one["title"] == title)


# status


def test_status_has_the_keys_of_the_interface(cli):
    """`status --json` has the keys of the interface, and each state and colour is counted."""
    found = cli("status", "--json").json
    assert found.keys() == {
        *("colours", "outbox", "conflicts", "quarantine", "last_success_at", "oldest_waiting_at", "outage"),
        *(
            "paused",
            "vacant",
            "quiet",
            "audit_head",
            "audit_rows",
            "answered_at",
            "list_fails_since",
            "from_exports",
            "contract",
        ),
    }
    assert found["colours"].keys() == {"merah", "kuning", "hijau", "abu", "unknown"}
    assert found["outbox"].keys() == STATES
    assert (found["outage"], found["paused"]) == (None, None)
    assert found["quarantine"] == 1
    assert sum(found["colours"].values()) == 42
    assert len(found["audit_head"]) == 64
    assert found["last_success_at"].endswith("Z")


def test_status_tells_a_person_what_to_do(cli):
    """The screen of `status` names a command beside each thing that needs one."""
    cli("respond", waiting(cli)[0], "--text", "Sudah.")
    shown = cli("status").out
    for words in ("lapor-sync reports --overdue", "lapor-sync outbox", "1 queued", "lapor-sync quarantine"):
        assert words in shown
    assert "LAPOR         answers" in shown
    assert "nobody   start the service" in shown


def test_status_of_an_empty_database(cli, tmp_path):
    """A new database says that no cycle went through yet and where to begin."""
    url = f"sqlite:///{tmp_path}/new.db"
    open_store(url, "kota", SystemClock()).close()
    shown = cli("status", env={"LAPOR_SYNC_DATABASE_URL": url})
    assert shown.code == 0
    assert "no cycle went through yet   begin with `lapor-sync check`" in shown.out


@pytest.mark.parametrize(
    "args",
    [
        "status",
        "reports",
        "outbox",
        "plan",
        "conflicts",
        "quarantine",
        "audit verify",
        "board --listen 127.0.0.1:0",
        "people",
        "notices",
        "recap --period 2026",
        "citizen find Budi",
    ],
)
def test_a_look_at_a_database_that_is_not_there_makes_none(cli, tmp_path, args):
    """A wrong path makes nothing, neither file nor folder; which path it was is said."""
    ran = cli(*args.split(), env={"LAPOR_SYNC_DATABASE_URL": f"sqlite:///{tmp_path}/wrong/city.db"})
    assert ran.code == 2
    assert ran.says(f"no database {tmp_path}/wrong/city.db", "LAPOR_SYNC_DATABASE_URL")
    assert not (tmp_path / "wrong").exists()


def test_status_shows_outages(cli, simulator):
    """An outage is shown while it lasts, in both forms, and among the past ones when it is over."""
    simulator.world.set_scenario("expired-token")
    try:
        assert cli("--once").code == 1
    finally:
        simulator.world.set_scenario("calm")
    outage = cli("status", "--json").json["outage"]
    assert outage.keys() == {"since", "what"}
    assert "away since" in cli("status").out
    assert cli("--once").code == 0
    assert cli("status", "--json").json["outage"] is None
    assert "Was away" in cli("status").out
    assert "it refused the credentials" in cli("show", waiting(cli)[0]).out


def test_a_monitor_is_told_by_the_exit_code_whether_the_mirror_is_fresh(cli):
    """With the answer all the same; without `--ready` looking is no failure."""
    assert cli("status", "--ready").code == 0
    now = "UPDATE mark SET value = ? WHERE name = 'last_success_at'"
    change(cli, now, "2026-03-01T00:00:00.000000Z")
    ran = cli("status", "--ready", "--json")
    assert (ran.code, ran.json["last_success_at"]) == (1, "2026-03-01T00:00:00.000000Z")
    assert ran.says("not fresh: the last cycle that went through ended at 2026-03-01")
    assert cli("status").code == 0
    change(cli, "DELETE FROM mark WHERE name = 'last_success_at'")
    assert cli("status", "--ready").says("no cycle went through yet")


def test_status_says_that_the_last_success_is_long_ago(cli):
    """A success of yesterday asks whether the service runs."""
    change(cli, "UPDATE mark SET value = '2026-01-01T00:00:00.000000Z' WHERE name = 'last_success_at'")
    assert "long ago: is the service running?" in cli("status").out


def test_a_terminal_is_told_which_database_it_looks_at(cli):
    """On a terminal the database is named on standard error, and colours are used unless NO_COLOR is set."""
    ran = cli("status", terminal=True)
    assert "Database: sqlite:///" in ran.err
    assert "\x1b[" in ran.out
    assert "\x1b[" not in cli("status", terminal=True, env={"NO_COLOR": "1"}).out


# reports


def test_reports_have_the_keys_of_the_interface(cli):
    """`reports --json` prints one object a line with the interface's keys and ids as texts."""
    found = cli("reports", "--json").lines
    assert len(found) == 42
    for one in found:
        assert one.keys() == REPORT
        assert isinstance(one["tracking_id"], str)
        assert one["deadline"] is None or one["deadline"].keys() == {"clock", "due_at"}


@pytest.mark.parametrize("colour", ["merah", "kuning", "hijau", "abu"])
def test_reports_by_colour(cli, colour):
    """`--colour` brings just the reports of that colour."""
    everything = cli("reports", "--json").lines
    found = cli("reports", "--colour", colour, "--json").lines
    assert found == [one for one in everything if one["colour"] == colour]


def test_reports_without_a_colour(cli):
    """`--colour null` brings those of unknown status, and the screen says where nothing is found."""
    assert "No report." in cli("reports", "--colour", "null").out


def test_reports_by_opd_and_overdue(cli):
    """`--opd` takes an id or a name, `--overdue` brings the longest overdue first."""
    by_id = cli("reports", "--opd", "611", "--json").lines
    name = by_id[0]["opd_name"]
    assert {one["opd"] for one in by_id} == {"611"}
    assert cli("reports", "--opd", name.upper(), "--json").lines == by_id
    late = cli("reports", "--overdue", "--json").lines
    assert late
    assert all(one["overdue"] for one in late)
    assert [one["deadline"]["due_at"] for one in late] == sorted(one["deadline"]["due_at"] for one in late)
    assert "late" in cli("reports", "--overdue").out


def test_reports_by_parts_of_an_opds_name(cli):
    """The parts may stand in any order; where they fit more than one OPD, these are named."""
    whole = cli("reports", "--opd", "611", "--json").lines
    assert cli("reports", "--opd", "penataan pekerjaan", "--json").lines == whole
    ran = cli("reports", "--opd", "dinas")
    assert ran.code == 2
    assert ran.says("may be", "(611)", "Give more of the name")
    for none in ("999", "", " ", "dinas khayalan"):
        assert cli("reports", "--opd", none).says("No OPD", "lapor-sync opds")


def test_reports_by_day_and_by_whom_they_wait_for(cli):
    """Days are those of receipt, in the city's time zone; `--limit` brings the first ones."""
    everything = cli("reports", "--json").lines
    found = cli("reports", "--waiting-on", "reporter", "--json").lines
    assert found == [one for one in everything if one["waiting_on"] == "reporter"]
    assert cli("reports", "--limit", "3", "--json").lines == everything[:3]
    day = datetime.fromisoformat(everything[0]["created_at"]).astimezone(ZoneInfo("Asia/Jakarta")).date()
    mine = cli("reports", "--since", f"{day}", "--until", f"{day}", "--json").lines
    assert everything[0] in mine
    assert everything[0] not in cli("reports", "--since", f"{day + timedelta(days=1)}", "--json").lines
    assert cli("reports", "--since", "soon").says("is no day")


def test_opds_count_each_report_once(cli):
    """The sums are those of `status`, overdue ones too."""
    found = cli("opds", "--json").lines
    colours = cli("status", "--json").json["colours"]
    assert {name: sum(one[name] for one in found) for name in colours} == colours
    assert sum(one["reports"] for one in found) == 42
    assert sum(one["overdue"] for one in found) == len(cli("reports", "--overdue", "--json").lines)
    assert cli("opds").out.splitlines()[-1].split()[:2] == ["all", str(colours["merah"])]


def test_every_screen_fits_a_terminal_of_80_columns(cli, simulator):
    """Also of other widths; each line of a table goes on below."""
    tracking_id = waiting(cli)[0]
    cli("respond", tracking_id, "--text", "Sudah ditangani.")
    screens = [("reports",), ("reports", "--overdue"), ("opds",), ("show", tracking_id), ("outbox",), ("plan",)]
    for args in [*screens, ("conflicts",), ("quarantine",), ("status",)]:
        for room in (60, 80, 100):
            shown = cli(*args, terminal=True, env={"COLUMNS": str(room), "NO_COLOR": "1"})
            assert shown.code == 0
            assert [line for line in shown.out.splitlines() if len(line) > room] == []


def test_the_settings_file_may_be_named_by_the_environment(cli, tmp_path):
    """LAPOR_SYNC_CONFIG is as --config, which wins."""
    file = tmp_path / "city.toml"
    file.write_text('timezone = "Asia/Jayapura"\n', encoding="utf-8")
    env = {"LAPOR_SYNC_CONFIG": str(file)}
    assert " WIT\n" in cli("status", env=env).out
    assert cli("status", env={"LAPOR_SYNC_CONFIG": f"{file}.none"}).says("LAPOR_SYNC_CONFIG", "is not there")


def test_a_rahasia_title_stands_nowhere_unless_asked_for(cli):
    """Not in the list, its JSON or its CSV, as its content."""
    for args in ((), ("--json",), ("--csv",), ("--csv-excel",)):
        assert "Isi rahasia" not in cli("reports", *args).out
        assert '"title": "Rahasia"' not in cli("reports", *args).out
    assert "(rahasia)" in cli("reports").out
    assert "Reporter   rahasia" in cli("show", titled(cli, "Rahasia")["tracking_id"]).out


def test_truths_and_lists_are_of_one_form(cli):
    """In CSV as in JSON."""
    rows = csv.DictReader(io.StringIO(cli("reports", "--csv").out))
    for row, one in zip(rows, cli("reports", "--json").lines, strict=True):
        assert json.loads(row["is_secret"]) is one["is_secret"]
        assert json.loads(row["flags"]) == one["flags"]
        assert row["created_at"] == one["created_at"]


def test_all_wrong_settings_are_named_by_every_command(cli, tmp_path):
    """Limits, holidays, ids and types at once, also where a command needs none of them."""
    (tmp_path / "limits.toml").write_text("x = 1", encoding="utf-8")
    (tmp_path / "holidays.toml").write_text("[[holiday]]\nday = 1", encoding="utf-8")
    names = {"DEADLINES_FILE": tmp_path / "limits.toml", "HOLIDAYS_FILE": tmp_path / "holidays.toml"}
    wrong = {**names, "OPD_IDS": "6 /1", "CONCURRENCY": "x"}
    env = {f"LAPOR_SYNC_{name}": str(value) for name, value in wrong.items()}
    for args in (("status",), ("reports",), ("outbox",), ("--once",), ("respond", "1", "--text", "x")):
        ran = cli(*args, env=env)
        assert ran.code == 2
        assert ran.says("OPD_IDS", "CONCURRENCY", "deadlines", "holiday")


def test_reports_as_csv_keep_what_is_rahasia(cli):
    """The CSV leaves out what a rahasia report says, unless asked, and disarms formulas."""
    rows = {one["tracking_id"]: one for one in csv.DictReader(io.StringIO(cli("reports", "--csv").out))}
    secret, formula = titled(cli, "Rahasia")["tracking_id"], titled(cli, "=1+1")["tracking_id"]
    assert (rows[secret]["title"], rows[secret]["content"]) == ("", "")
    assert rows[formula]["title"] == "'=1+1"
    whole = {
        one["tracking_id"]: one
        for one in csv.DictReader(io.StringIO(cli("reports", "--csv", "--include-rahasia").out))
    }
    assert whole[secret]["content"] == "Isi rahasia"
    assert len(rows) == len(whole) == 42


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("--json", "--csv"), "one of --json, --csv and --csv-excel"),
        (("--include-rahasia",), "goes with --csv"),
        (("--colour", "biru"), "biru"),
        (("--opd", "Dinas Khayalan"), "No OPD 'Dinas Khayalan' is known"),
    ],
)
def test_reports_refuse_what_cannot_be(cli, args, words):
    """Wrong options of `reports` are told in two lines, exit code 2."""
    ran = cli("reports", *args)
    assert ran.code == 2
    assert ran.says(words)


# show


def test_show_has_the_keys_of_the_interface(cli):
    """`show --json` adds content, thread, deliveries with attempts, and the timeline."""
    tracking_id = waiting(cli)[0]
    cli("respond", tracking_id, "--text", "Sudah ditangani.", "--by", "Sari")
    cli("--once")
    found = cli("show", tracking_id, "--json").json
    told = {
        "content",
        "attachments",
        "clocks",
        "thread",
        "thread_doubt",
        "thread_error",
        "history",
        "deliveries",
        "timeline",
    }
    assert found.keys() == REPORT | told
    assert {one["clock"] for one in found["clocks"]} == {"resolve", "auto_close"}
    assert all(one.keys() == {"clock", "started_at", "due_at", "paused", "estimated"} for one in found["clocks"])
    for item in found["thread"]:
        assert item.keys() == {"id", "kind", "author", "content", "created_at", "attachments"}
    (one,) = found["deliveries"]
    assert one.keys() == {
        *("ref", "kind", "state", "reason", "opd", "target", "is_secret", "by", "text", "written_at", "tries"),
        *("next_try_at", "sent_at", "seen_at", "attempts"),
    }
    assert (one["state"], one["by"]) == ("sent", "Sari")
    assert one["attempts"][0].keys() == {"at", "outcome", "http_status", "ms", "why"}
    assert all(event.keys() == {"at", "who", "what"} for event in found["timeline"])
    assert [event["at"] for event in found["timeline"]] == sorted(event["at"] for event in found["timeline"])


def test_show_takes_the_id_of_the_api_too(cli, simulator):
    """A report is found by its Tracking ID and by the API's id."""
    tracking_id = waiting(cli)[0]
    api_id = simulator.world.summary()["reports"]
    other = next(one["id"] for one in api_id if one["tracking_id"] == tracking_id)
    assert cli("show", other, "--json").json["tracking_id"] == tracking_id


def test_show_tells_why_and_what(cli):
    """The page of a report tells why it has its colour, and its delivery's tries."""
    tracking_id = waiting(cli)[0]
    cli("respond", tracking_id, "--text", "Sudah.")
    shown = cli("show", tracking_id).out
    assert "because:" in shown
    assert "not yet" in shown
    cli("--once")
    shown = cli("show", tracking_id).out
    assert "sent (HTTP 200)" in shown
    assert "Timeline" in shown


def test_show_lets_no_text_move_the_cursor(cli):
    """Control characters of a citizen's text are not printed, square brackets are."""
    shown = cli("show", titled(cli, "=1+1")["tracking_id"]).out
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert "[bold]tebal[/bold]" in shown


def test_show_of_a_rahasia_report_is_audited(cli):
    """Looking at a rahasia report is written down, with who did it."""
    tracking_id = titled(cli, "Rahasia")["tracking_id"]
    assert cli("show", tracking_id, "--by", "Sari").code == 0
    last = cli("audit", "export").lines[-1]
    assert (last["what"], last["who"], last["subject"]) == ("shown", "Sari", tracking_id)


def test_show_of_an_export_only_report_says_so(cli):
    """A thread that was never read is named as not known."""
    tracking_id = waiting(cli)[0]
    change(cli, "UPDATE report SET thread_read_at = NULL WHERE tracking_id = ?", tracking_id)
    assert "The thread is not known" in cli("show", tracking_id).out


@pytest.mark.parametrize("given", ["1", "", "'; DROP TABLE report; --", "9" * 400])
def test_show_of_no_report(cli, given):
    """An id that the mirror does not know is told in two lines, exit code 2."""
    ran = cli("show", given)
    assert ran.code == 2
    assert ran.says("No report")


# outbox, conflicts, quarantine


def test_the_outbox_has_the_keys_of_the_interface(cli):
    """`outbox --json` has the interface's keys, `--state` filters."""
    cli("respond", waiting(cli)[0], "--text", "Sudah.")
    (one,) = cli("outbox", "--json").lines
    assert one.keys() == {
        *("ref", "kind", "tracking_id", "opd", "state", "reason", "written_at", "tries", "next_try_at", "why"),
    }
    assert cli("outbox", "--state", "queued", "--json").lines == [one]
    assert cli("outbox", "--state", "held", "--json").out == ""
    assert "Nothing is held." in cli("outbox", "--state", "held").out
    assert one["ref"] in cli("outbox").out


def test_an_empty_outbox_says_how_to_fill_it(cli):
    """Empty lists say what that means."""
    assert "lapor-sync respond" in cli("outbox").out
    assert cli("conflicts").out == "No conflict is open.\n"


def test_conflicts_have_the_keys_of_the_interface_and_say_how_to_settle(cli, simulator):
    """A response that was overtaken on the LAPOR site is a conflict; the screen says how to settle it."""
    tracking_id = waiting(cli)[-1]
    cli("respond", tracking_id, "--text", "Sudah.")
    simulator.world.answer(tracking_id, content="Dijawab di situs LAPOR.")
    cli("--once")
    (one,) = cli("conflicts", "--json").lines
    assert one.keys() == {"id", "tracking_id", "kind", "ref", "opened_at", "why"}
    assert "--keep-ours" in cli("conflicts").out
    assert "outbox retry REF" in cli("outbox").out
    assert "a person decides" in cli("plan").out
    assert cli("plan", "--json").lines[0]["step"] == "person"
    ran = cli("conflicts", "settle", one["id"], "--take-upstream", "--by", "Sari")
    assert (ran.code, ran.out) == (0, "settled answered_elsewhere\n")


def test_many_vanished_says_how_to_accept(cli):
    """The alarm over many vanished reports names its own way out."""
    change(
        cli,
        "INSERT INTO conflict (agency, kind, opened_at, why) VALUES "
        "('kota', 'many_vanished', '2026-01-01T00:00:00.000000Z', '9 of 20 open reports are gone')",
    )
    assert "--accept-vanished" in cli("conflicts").out
    ran = cli("conflicts", "settle", cli("conflicts", "--json").lines[0]["id"], "--keep-ours")
    assert ran.code == 2
    assert ran.says("--accept-vanished")


def test_quarantine_has_the_keys_of_the_interface(cli):
    """A record that could not be read is listed with its reason."""
    (one,) = cli("quarantine", "--json").lines
    assert one.keys() == {"id", "source", "seen_at", "reason"}
    assert "tried again each night" in cli("quarantine").out
    change(cli, "DELETE FROM quarantine")
    assert cli("quarantine").out == "Nothing is in quarantine.\n"


@pytest.mark.parametrize("group", ["outbox", "conflicts"])
def test_options_of_a_list_before_an_act_are_refused(cli, group):
    """`outbox --json retry REF` would ignore the option without a word: it is refused."""
    act = {"outbox": ("retry", "LS-AAAAAA"), "conflicts": ("settle", "1", "--keep-ours")}[group]
    ran = cli(group, "--json", *act)
    assert ran.code == 2
    assert ran.says("takes no")


# plan


def test_plan_of_a_city_at_rest(cli):
    """Where all sides agree the plan says so, and as JSON it is empty."""
    assert "Nothing to do" in cli("plan").out
    assert cli("plan", "--json").out == ""


def test_plan_shows_three_sides_and_the_next_step(cli):
    """A queued response is kuning on our side, and the plan is to send it; the later one waits behind it."""
    tracking_id = waiting(cli)[0]
    before = cli("status", "--json").json["audit_rows"]
    first = cli("respond", tracking_id, "--text", "Sudah.").out.strip()
    cli("respond", tracking_id, "--text", "Selesai.")
    (one,) = cli("plan", "--json").lines
    assert one == {
        "tracking_id": tracking_id,
        "lapor": "merah",
        "city": "kuning",
        "agreed": "merah",
        "decision": "push",
        "ref": first,
        "kind": "response",
        "state": "queued",
        "step": "send",
        "reason": None,
        "next_try_at": None,
        "behind": 1,
        "why": None,
    }
    assert cli("status", "--json").json["audit_rows"] == before + 2
    assert "send it, 1 behind it" in cli("plan").out
    assert "nothing leaves" in cli("plan", env={"LAPOR_SYNC_OBSERVE": "true"}).out
    assert "This shell has no LAPOR_SYNC_USER_ID" in cli("plan", env={"LAPOR_SYNC_USER_ID": ""}).out


@pytest.mark.parametrize(
    ("sql", "step", "words"),
    [
        (
            "UPDATE delivery SET next_try_at = '2999-01-01T00:00:00.000000Z', reason = 'not_sent'",
            "wait",
            "wait until",
        ),
        ("UPDATE delivery SET state = 'sending'", "read_back", "look whether it arrived"),
        ("UPDATE report SET colour = 'hijau', agreed = 'hijau'", "hold", "closed after this was written"),
    ],
)
def test_plan_by_the_state_of_a_delivery(cli, sql, step, words):
    """Each state of a delivery has its next step in the plan."""
    cli("respond", waiting(cli)[0], "--text", "Sudah.")
    change(cli, sql)
    (one,) = cli("plan", "--json").lines
    assert one["step"] == step
    assert words in cli("plan").out


def test_plan_of_an_unknown_delivery(cli, simulator):
    """After a lost reply the plan is to look whether it arrived, and where it is seen, to confirm it."""
    tracking_id = waiting(cli)[2]
    ref = cli("respond", tracking_id, "--text", "Sudah.").out.strip()
    simulator.world.add_faults(
        {"match": {"method": "POST", "path": "followup/add"}, "do": "close-before", "times": 1}
    )
    cli("--once", env={"LAPOR_SYNC_READBACK_GRACE_SECONDS": "600"})
    (one,) = cli("plan", "--json").lines
    assert (one["state"], one["step"]) == ("unknown", "read_back")
    change(cli, "UPDATE thread_item SET content = ? WHERE tracking_id = ?", f"Sudah. [Ref {ref}]", tracking_id)
    (one,) = cli("plan", "--json").lines
    assert (one["step"], one["reason"]) == ("confirm", "found")


def test_plan_shows_what_moved_without_a_delivery(cli):
    """A report that vanished, and one whose colour is not what was agreed, are planned too."""
    gone, moved = waiting(cli)[:2]
    change(cli, "UPDATE report SET vanished_at = first_seen_at WHERE tracking_id = ?", gone)
    change(cli, "UPDATE report SET agreed = 'hijau' WHERE tracking_id = ?", moved)
    found = {one["tracking_id"]: one for one in cli("plan", "--json").lines}
    assert (found[gone]["lapor"], found[gone]["decision"]) == (None, "vanished")
    assert found[moved]["decision"] == "pull"
    assert found[moved]["ref"] is None
    assert "gone on LAPOR" in cli("plan").out


# audit


def test_the_audit_verifies_and_is_exported(cli):
    """`audit verify` proves the chain and takes a known head; `audit export` is a row a line."""
    found = cli("status", "--json").json
    ran = cli("audit", "verify")
    assert ran.out == f"ok {found['audit_rows']} rows, head {found['audit_head']}\n"
    assert "Without --head" in ran.err
    assert cli("audit", "verify", "--head", found["audit_head"].upper()).err == ""
    rows = cli("audit", "export").lines
    assert len(rows) == found["audit_rows"]
    assert isinstance(rows[0]["data"], dict)


def test_a_long_chain_is_proven_by_two_processes(cli, monkeypatch):
    """As by one, and whatever is wrong is said as by one."""
    found = cli("audit", "verify").out
    monkeypatch.setattr("lapor_sync.commands.audit.FOR_TWO", 2)
    monkeypatch.setattr("lapor_sync.commands.audit.ProcessPoolExecutor", lambda *_: ThreadPoolExecutor(2))
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1})
    with monkeypatch.context() as never:
        never.setattr(audit, "verify", None)
        assert cli("audit", "verify").out == found
    for trigger in ("update", "delete", "insert"):
        change(cli, f"DROP TRIGGER audit_no_{trigger}")
    half = int(found.split()[1]) // 2
    change(cli, f"UPDATE audit SET hash = CAST(x'c328' AS TEXT) WHERE seq = {half}")
    assert cli("audit", "verify").says(f"Audit row {half}, after {half - 1} others, cannot be read")
    for seq in (3, 1):
        change(cli, f"UPDATE audit SET who = 'x' WHERE seq = {seq}")
        assert cli("audit", "verify").says(f"Audit row {seq} does not follow from row {seq - 1}")


def test_a_head_that_is_none_or_not_in_the_chain(cli):
    """A head that is no hash is wrong use; a hash that is not in the chain is a failure."""
    ran = cli("audit", "verify", "--head", "nonsense")
    assert ran.code == 2
    assert ran.says("64 of")
    ran = cli("audit", "verify", "--head", "a" * 64)
    assert ran.code == 1
    assert ran.says("not in this chain")


def test_a_broken_chain_is_seen(cli):
    """A row that was changed by hand breaks the chain: exit code 1."""
    change(cli, "DROP TRIGGER IF EXISTS audit_no_update")
    with closing(sqlite3.connect(database(cli))) as conn:
        triggers = [row[0] for row in conn.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")]
    for name in triggers:
        change(cli, f"DROP TRIGGER {name}")
    change(cli, "UPDATE audit SET who = 'somebody' WHERE seq = 2")
    ran = cli("audit", "verify")
    assert ran.code == 1
    assert ran.says("does not follow")


def test_json_is_one_object_a_line(cli):
    """No JSON line holds a raw line break, whatever citizens wrote."""
    lines = cli("reports", "--json").out.splitlines()
    shown = [json.loads(line)["tracking_id"] for line in lines]
    assert shown
    assert len(set(shown)) == len(lines)
