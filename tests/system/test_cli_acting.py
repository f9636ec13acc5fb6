"""The commands by which people act, the work, the tools: what is taken, what is refused, and how it is said."""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from connectors.simulator import Options, Simulator
from lapor_sync.commands import attachment
from lapor_sync.domain.errors import BadInput, NotAllowed
from lapor_sync.sync.pull import Tally
from tests.system.cli_runner import Cli, mirror_once


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator(Options(seed=5, reports=30)) as running:
        yield running


@pytest.fixture(scope="module")
def filed(simulator: Simulator) -> str:
    """A report without files that was disposed to OPD 611 before the module's stand-in was mirrored."""
    return str(simulator.world.file_report(title="Baru", opd="611", attachments=())["tracking_id"])


@pytest.fixture(scope="module")
def mirrored(filed: str, simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with that report."""
    return mirror_once(simulator, tmp_path_factory.mktemp("mirrored"))


@pytest.fixture
def tracking_id(filed: str) -> str:
    """That report, for what sends nothing: upstream it stays as it was mirrored."""
    return filed


@pytest.fixture
def its_own(simulator: Simulator, cli: Cli) -> str:
    """A report of this test alone, disposed to OPD 611 and mirrored: it may be answered."""
    report = simulator.world.file_report(title="Baru", opd="611")
    ran = cli("--once")
    assert ran.code == 0, ran.err
    return str(report["tracking_id"])


def queued(cli: Cli) -> list[Any]:
    """What was written here (the stand-in's threads also hold what other tests sent)."""
    return cli("outbox", "--state", "queued", "--json").lines


def workbook(path: Path, rows: Sequence[Sequence[object]]) -> Path:
    book = Workbook()
    assert book.active is not None
    for row in rows:
        book.active.append(list(row))
    book.save(path)
    return path


# respond


def test_respond_prints_the_reference_alone(cli, tracking_id):
    """The first line of standard output is the reference, and nothing else is there."""
    ran = cli("respond", tracking_id, "--text", "Sudah.")
    (one,) = queued(cli)
    assert (ran.code, ran.out) == (0, one["ref"] + "\n")


def test_a_text_from_a_file_with_files(cli, its_own, tmp_path):
    """A text in a UTF-8 file and attached files are taken as they are; the report shows them numbered."""
    (tmp_path / "jawaban.txt").write_text("\ufeffSudah ditangani.\nTerima kasih.", encoding="utf-8")
    (tmp_path / "foto.JPG").write_bytes(b"\xff\xd8\xfffoto")
    ran = cli(
        *("respond", its_own, "--text-file", tmp_path / "jawaban.txt"),
        *("--attach", tmp_path / "foto.JPG", "--opd", "611", "--by", " Sari\n"),
    )
    assert ran.code == 0, ran.err
    assert cli("--once").code == 0
    shown = cli("show", its_own)
    assert "] foto.JPG   `lapor-sync attachment ID" in shown.out
    assert "Sari" in shown.out


def test_who_acts_without_by(cli, tracking_id, monkeypatch):
    """`--by` else $SUDO_USER else the login name, else the number of a user without a name."""
    cli("respond", tracking_id, "--text", "Satu.", env={"SUDO_USER": "budi"})
    cli("respond", tracking_id, "--text", "Dua.", "--by", "  ")
    monkeypatch.setattr("pwd.getpwuid", lambda uid: {}[uid])
    cli("respond", tracking_id, "--text", "Tiga.")
    cli("respond", tracking_id, "--text", "Empat.", "--by", "\x07")
    who = [one["by"] for one in cli("show", tracking_id, "--json").json["deliveries"]]
    assert (who[0], who[2], who[3]) == ("budi", f"uid {os.getuid()}", "?")
    assert who[1]


def test_respond_says_when_it_does_not_leave(cli, tracking_id):
    """While observing, and on a terminal without credentials, it is said that the response stays."""
    ran = cli("respond", tracking_id, "--text", "Sudah.", env={"LAPOR_SYNC_OBSERVE": "1"})
    assert "LAPOR_SYNC_OBSERVE is set" in ran.err
    ran = cli("respond", tracking_id, "--text", "Lagi.", terminal=True, env={"LAPOR_SYNC_USER_ID": ""})
    assert "This shell has no LAPOR_SYNC_USER_ID" in ran.err


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ((), "Give an ID"),
        (("ID",), "Give an ID"),
        (("ID", "--text", "a", "--text-file", "b"), "Give an ID"),
        (("ID", "--text", ""), "The text is empty"),
        (("ID", "--text", " \n\t"), "The text is empty"),
        (("ID", "--text", "a\x00b"), "NUL"),
        (("ID", "--text", "a\x07b"), "control or damaged characters (U+0007)"),
        (("ID", "--text", "x" * 1001), "LAPOR takes 1000"),
        (("ID", "--text", "a [Ref LS-AAAAAA]"), "reference of another"),
        (("ID", "--text", "a", "--opd", "Dinas Khayalan"), "no institution"),
        (("ID", "--text", "a", "--opd", "612"), "not with 612"),
        (("ID", "--text", "a", "--attach", "TMP/none.jpg"), "No such file"),
        (("ID", "--text", "a", "--attach", "TMP"), "cannot be read"),
        (("ID", "--text", "a", "--attach", "TMP/a.exe"), "LAPOR takes jpg"),
        (("ID", "--text", "a", "--attach", "TMP/empty.jpg"), "is empty"),
        (("ID", "--text", "a", "--attach", "TMP/big.jpg"), "more than 1 MB"),
        (("ID", "--text-file", "TMP/none.txt"), "No such file"),
        (("ID", "--text-file", "TMP/latin1.txt"), "not UTF-8"),
        (("ID", "--text-file", "TMP/\x00"), "NUL"),
        (("nonsense", "--text", "a"), "No report nonsense"),
        (("--from", "TMP/none.xlsx"), "none.xlsx"),
        (("--from", "TMP/a.exe"), "a.exe"),
        (("ID", "--from", "TMP/a.xlsx"), "--from stands alone"),
        (("--from", "TMP/a.xlsx", "--secret"), "--from stands alone"),
    ],
)
def test_respond_refuses(cli, tracking_id, tmp_path, args, words):
    """What cannot be taken is told in two lines, exit code 2, and nothing is taken."""
    (tmp_path / "a.exe").write_bytes(b"MZ")
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "big.jpg").write_bytes(b"x" * (2**20 + 1))
    (tmp_path / "latin1.txt").write_bytes(b"Caf\xe9")
    given = [tracking_id if arg == "ID" else arg.replace("TMP", str(tmp_path)) for arg in args]
    ran = cli("respond", *given, env={"LAPOR_SYNC_ATTACH_MAX_MB": "1"})
    assert ran.code == 2
    assert ran.out == ""
    assert ran.says(words)
    assert queued(cli) == []


def test_all_that_is_wrong_with_a_sheet_is_told_at_once(cli, tracking_id, tmp_path):
    """What the sheet shows and what the mirror knows, each row by its number; nothing is taken."""
    rows = [
        ("Tracking ID", "OPD", "Jawaban"),
        (tracking_id, "611", "Sudah."),
        ("x", None, "Sudah."),
        ("404404", None, "Sudah."),
        (tracking_id, None, None),
        (tracking_id, None, None),
        (tracking_id, "Dinas Khayalan", "Sudah."),
        (tracking_id, None, "Su_x0007_dah."),
        (tracking_id, None, None),
        ("404404", None, "x" * 1001),
    ]
    ran = cli("respond", "--from", workbook(tmp_path / "jawaban.xlsx", rows))
    assert (ran.code, ran.out) == (2, "")
    assert ran.says(
        "8 of 9 rows cannot be taken; none was: ",
        "row 3: the Tracking ID 'x' is not digits; ",
        "rows 4, 10: No report 404404 in the mirror; ",
        "row 10: The text with its reference has 1017 characters",
        "rows 5, 6, 9: there is no Jawaban; ",
        "row 7: 'Dinas Khayalan': no institution",
        "row 8: The text holds control or damaged characters (U+FFFD)",
        "give the whole file again",
    )
    assert queued(cli) == []


def test_a_sheet_of_responses_twice(cli, tracking_id, tmp_path):
    """Every row of a sheet is taken once; the same file again changes nothing."""
    rows = [("Tracking ID", "OPD", "Jawaban", "Petugas"), (tracking_id, "611", "Sudah.", "Sari")]
    sheet = workbook(tmp_path / "jawaban.xlsx", rows)
    ran = cli("respond", "--from", sheet)
    assert ran.code == 0, ran.err
    assert ran.out.startswith("LS-")
    assert "1 taken, 0 were taken before." in ran.err
    again = cli("respond", "--from", sheet)
    assert (again.code, again.out) == (0, "")
    assert "0 taken, 1 were taken before." in again.err
    assert [one["opd"] for one in queued(cli)] == ["611"]


# forward, outbox, conflicts


def test_forward_prints_the_reference_alone(cli, tracking_id):
    """A hand-over is one more delivery; a second one for the report is refused."""
    unknown = cli("forward", tracking_id, "--to", "700", "--reason", "Bukan kewenangan kota.")
    assert unknown.code == 2
    assert unknown.says("LAPOR's list of institutions has no 700")
    ran = cli("forward", tracking_id, "--to", "702", "--reason", "Bukan kewenangan kota.")
    (one,) = queued(cli)
    assert (ran.out, one["kind"]) == (one["ref"] + "\n", "forward")
    again = cli("forward", tracking_id, "--to", "702", "--reason", "Lagi.")
    assert again.code == 2
    assert again.says("under way already")
    assert cli("plan", "--json").lines[0]["kind"] == "forward"


def test_a_delivery_is_held_retried_and_cancelled(cli, tracking_id):
    """Each act prints the state that it brought; what does not fit is refused."""
    ref = cli("respond", tracking_id, "--text", "Sudah.").out.strip()
    assert cli("outbox", "hold", ref.lower()).out == "held\n"
    assert cli("outbox", "retry", ref, "--by", "Sari").out == "queued\n"
    assert cli("outbox", "retry", ref).out == "queued\n"
    assert cli("outbox", "cancel", ref).out == "cancelled\n"
    for act in ("hold", "retry", "cancel"):
        ran = cli("outbox", act, ref)
        assert ran.code == 2
        assert ran.says("is cancelled")
    assert cli("outbox", "retry", "LS-NONONO").says("No delivery")


def test_what_was_refused_and_called_off_says_both(cli, simulator, its_own):
    """The reason is the last act's, and what LAPOR said is not lost by it."""
    simulator.world.add_faults(
        {"match": {"method": "POST", "path": "followup/add"}, "do": "status:422", "times": 1}
    )
    ref = cli("respond", its_own, "--text", "Sudah.").out.strip()
    cli("--once")
    assert cli("outbox", "--state", "refused", "--json").lines[0]["ref"] == ref
    cli("outbox", "cancel", ref)
    one = next(one for one in cli("outbox", "--json").lines if one["ref"] == ref)
    assert (one["state"], one["reason"]) == ("cancelled", "called_off")
    assert "Server Error" in one["why"]
    assert "called off by a person; before that HTTP 422: Server Error" in " ".join(cli("outbox").out.split())


def test_a_secret_response_says_that_it_moves_no_colour(cli, its_own):
    """LAPOR's thread does not show it: the page of the report says why it stays merah."""
    cli("respond", its_own, "--text", "Rahasia.", "--secret")
    cli("--once")
    assert "moves no colour" in cli("show", its_own).out


def test_delivery_is_paused_and_resumed(cli, its_own):
    """Every screen that shows what waits says that nothing leaves and how it goes on; both acts may be repeated."""
    assert [cli("outbox", "pause", "--by", "Sari").out for _ in range(2)] == ["paused\n", "paused already\n"]
    ran = cli("respond", its_own, "--text", "Sudah.")
    assert "Delivery is paused: it stays here until `lapor-sync outbox resume`." in ran.err
    ref = ran.out.strip()
    once = cli("--once")
    assert once.code == 0
    (told,) = [line for line in once.err.splitlines() if '"delivery_paused"' in line]
    assert '"count": 1' in told
    assert [one["ref"] for one in queued(cli)] == [ref]

    paused = cli("status", "--json").json["paused"]
    assert (paused.keys(), paused["by"], paused["why"]) == ({"since", "by", "why"}, "Sari", "person")
    for command in ("status", "plan", "outbox", "check"):
        shown = cli(command).out
        assert "by Sari" in shown, command
        assert "nothing leaves" in shown, command
        assert "lapor-sync outbox resume" in shown, command
    assert f"{ref} response: send it" in cli("plan").out

    assert [cli("outbox", "resume").out for _ in range(2)] == ["resumed\n", "not paused\n"]
    assert cli("--once").code == 0
    assert queued(cli) == []
    assert cli("status", "--json").json["paused"] is None


@pytest.mark.parametrize(("args", "words"), [(("1",), "Say how"), (("999", "--keep-ours"), "No open conflict")])
def test_settling_refuses(cli, args, words):
    """A conflict that is none, or no word of how, is told."""
    ran = cli("conflicts", "settle", *args)
    assert ran.code == 2
    assert ran.says(words)


# attachment


def with_file(simulator: Simulator, cli: Cli, tmp_path: Path, *, secret: bool = False) -> tuple[str, str]:
    """A report whose one answer has a file, mirrored; and the number that `show` gives the file."""
    filed = simulator.world.file_report(title="Berkas", opd="611", secret=secret, attachments=())
    tracking_id = str(filed["tracking_id"])
    assert cli("--once").code == 0
    (tmp_path / "surat.pdf").write_bytes(b"%PDF-surat")
    assert cli("respond", tracking_id, "--text", "Terlampir.", "--attach", tmp_path / "surat.pdf").code == 0
    assert cli("--once").code == 0
    if secret:
        return tracking_id, "1"
    found = re.search(r"\[(\d+)\] surat\.pdf", cli("show", tracking_id).out)
    assert found is not None
    return tracking_id, found[1]


def test_an_attachment_is_fetched_whole(cli, simulator, tmp_path):
    """The file comes whole, without credentials going to the foreign host (the stand-in refuses them)."""
    tracking_id, number = with_file(simulator, cli, tmp_path)
    out = tmp_path / "got.pdf"
    ran = cli("attachment", tracking_id, number, "--out", out)
    assert ran.code == 0, ran.err
    assert out.read_bytes() == b"%PDF-surat"
    assert ran.out == f"{out}: 10 bytes\n"
    assert not list(tmp_path.glob(".lapor-sync-*"))
    assert stat.S_IMODE(out.stat().st_mode) & 0o600 == 0o600


def test_an_attachment_of_a_rahasia_report_is_audited(cli, simulator, tmp_path):
    """Fetching a file of a rahasia report is written down as looking at it is."""
    tracking_id, number = with_file(simulator, cli, tmp_path, secret=True)
    assert cli("attachment", tracking_id, number, "--out", tmp_path / "got.pdf", "--by", "Sari").code == 0
    last = cli("audit", "export").lines[-1]
    assert (last["what"], last["who"]) == ("shown", "Sari")


def test_attachment_refuses(cli, simulator, tmp_path):
    """No number that is none, no folder that is none, and nothing is overwritten."""
    tracking_id, _ = with_file(simulator, cli, tmp_path)
    for number, out, words in (
        ("99", "new.pdf", "attachment"),
        ("0", "new.pdf", "not in the range"),
        ("x", "new.pdf", "not a valid integer"),
        ("1", "surat.pdf", "there already"),
        ("1", "none/new.pdf", "not there"),
    ):
        ran = cli("attachment", tracking_id, number, "--out", tmp_path / out)
        assert (ran.code, ran.says(words)) == (2, True), (number, out, ran.err)
        assert (tmp_path / "surat.pdf").read_bytes() == b"%PDF-surat", (number, out)


def test_attachment_of_a_report_without_any(cli, tracking_id, tmp_path):
    """A report without files says so."""
    ran = cli("attachment", tracking_id, "1", "--out", tmp_path / "a")
    assert ran.code == 2
    assert ran.says("has no attachment")


def test_a_file_that_appears_meanwhile_is_not_overwritten(tmp_path):
    """Between the look and the end of the download somebody may have made the file."""
    out = tmp_path / "a.pdf"

    def pieces() -> Iterator[bytes]:
        yield b"one"
        out.write_bytes(b"theirs")

    with pytest.raises(NotAllowed):
        attachment.put(out, pieces())
    assert out.read_bytes() == b"theirs"
    assert [one.name for one in tmp_path.iterdir()] == ["a.pdf"]


@pytest.mark.parametrize("taken", [False, True])
def test_a_file_system_without_links(tmp_path, monkeypatch, taken):
    """Where there are no links a rename does it, after one more look."""
    out = tmp_path / "a.pdf"

    def no_link(source: Path, target: Path) -> None:
        if taken:
            out.write_bytes(b"theirs")
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", no_link)
    if taken:
        with pytest.raises(NotAllowed):
            attachment.put(out, [b"ours"])
    else:
        assert attachment.put(out, [b"ours"]) == 4
    assert out.read_bytes() == (b"theirs" if taken else b"ours")


def test_a_place_that_cannot_be_written(tmp_path):
    """A folder that went away is told as wrong use."""
    with pytest.raises(BadInput, match="cannot be written"):
        attachment.put(tmp_path / "gone" / "a.pdf", [b""])


# the work


def export(path: Path) -> Path:
    """An admin's export of one report."""
    header = (
        *("Tracking ID", "Tanggal Laporan Masuk", "Waktu Laporan Masuk", "Judul Laporan", "Isi Laporan Awal"),
        *("ID Instansi Terdisposisi", "Instansi Terdisposisi", "Status Laporan"),
    )
    row = ("8012345", "3 Jan 2026", "14:05:33", "Jalan", "Jalan berlubang.", 611, "Dinas PUPR", "Dalam Proses")
    return workbook(path, [header, row, ("8012346", "kemarin dulu", "", "", "", "", "", "Dalam Proses")])


def test_a_backfill_mirrors_everything_once(cli, tmp_path):
    """A backfill into a new database mirrors the city; a second one finds nothing new."""
    env = {"LAPOR_SYNC_DATABASE_URL": f"sqlite:///{tmp_path}/new.db"}
    first = cli("--backfill", env=env)
    assert first.code == 0, first.err
    assert re.match(r"new \d\d, changed 0, unchanged 0, quarantined 0\n", first.out)
    assert "Reports: " in first.err
    assert cli("status", "--json", env=env).json["last_success_at"] is not None
    assert "LAPOR         answers" in cli("status", env=env).out
    assert cli("--backfill", terminal=True, env=env).out.startswith("new 0")


def test_a_backfill_of_a_span(cli, tmp_path):
    """`--since` and `--until` take days in both ways of writing them; a part of the city is no success of the whole."""
    env = {"LAPOR_SYNC_DATABASE_URL": f"sqlite:///{tmp_path}/new.db"}
    ran = cli("--backfill", "--since", "2020-01-31", "--until", "31/01/2020", env=env)
    assert ran.code == 0, ran.err
    assert ran.out.startswith("new 0")
    assert cli("status", "--json", env=env).json["last_success_at"] is None


def test_exports_need_no_account(cli, tmp_path):
    """Several files after one `--from-export`; what could not be read is said."""
    env = {"LAPOR_SYNC_DATABASE_URL": f"sqlite:///{tmp_path}/new.db", "LAPOR_SYNC_UPSTREAM_URL": ""}
    one, two = export(tmp_path / "a.xlsx"), export(tmp_path / "b.xlsx")
    ran = cli("--backfill", "--from-export", one, two, "--as-of", "01-02-2026", env=env)
    assert ran.code == 0, ran.err
    assert ran.out.splitlines()[0].startswith("new 1, changed 0")
    assert len(ran.out.splitlines()) == 2
    assert "lapor-sync quarantine" in ran.err


def test_a_bad_file_among_exports_says_what_became_of_the_others(cli, tmp_path):
    """What was taken stays: so it is no wrong use of which nothing came, unless it was the first."""
    env = {"LAPOR_SYNC_DATABASE_URL": f"sqlite:///{tmp_path}/new.db", "LAPOR_SYNC_UPSTREAM_URL": ""}
    good, bad, after = export(tmp_path / "a.xlsx"), tmp_path / "b.xlsx", export(tmp_path / "c.xlsx")
    bad.write_bytes(b"no workbook")
    ran = cli("--backfill", "--from-export", good, bad, after, env=env)
    assert (ran.code, len(ran.out.splitlines())) == (1, 1)
    assert ran.says("b.xlsx: this is no .xlsx file", "Taken before it: a.xlsx.", "Not taken: c.xlsx.")
    ran = cli("--backfill", "--from-export", bad, good, env=env)
    assert (ran.code, ran.out) == (2, "")
    assert ran.says("Not taken: a.xlsx.")


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("--once", "--backfill"), "one of"),
        (("--once", "status"), "stand alone"),
        (("--standby", "--once"), "--standby is for the daemon"),
        (("--standby", "--backfill"), "--standby is for the daemon"),
        (("--standby", "status"), "--standby is for the daemon"),
        (("--since", "2026-01-01"), "go with --backfill"),
        (("--since", ""), "go with --backfill"),
        (("--from-export", "a.xlsx"), "go with --backfill"),
        (("--backfill", "--as-of", "2026-01-01"), "goes with --from-export"),
        (("--backfill", "--since", "nonsense"), "is no day"),
        (("--backfill", "--since", "2026-02-30"), "is no day"),
        (("--backfill", "--until", "0001-01-01"), "is no day"),
        (("--backfill", "--since", "2026-02-01", "--until", "2026-01-31"), "ends before it begins"),
        (("--backfill", "--from-export", "/none.xlsx"), "none.xlsx"),
        (("--backfill", "--from-export", "/none.xlsx", "--as-of", "x"), "is no day"),
        (("recap", "--period"), "lapor-sync recap --help"),
        (("nonsense",), "No such command"),
        (("--nonsense",), "No such option"),
        (("show", "\udcff"), "is not UTF-8"),
        (("simulator", "--scenario", "nonsense"), "There are:"),
        (("simulator", "--port", "99999"), "99999"),
        (("simulator", "--host", "256.256.256.256"), "cannot be used"),
        (("simulator", "--speed", "0"), "0"),
        (("completion", "cmd"), "cmd"),
    ],
)
def test_wrong_use(cli, args, words):
    """Wrong use is told in two lines, exit code 2."""
    ran = cli(*args)
    assert ran.code == 2
    assert ran.says(words)


def test_once_without_an_account_says_what_is_missing(cli):
    """Without account and folder there is nothing to do: wrong settings."""
    ran = cli("--once", env={"LAPOR_SYNC_UPSTREAM_URL": ""})
    assert ran.code == 2
    assert ran.says("LAPOR_SYNC_UPSTREAM_URL", "LAPOR_SYNC_IMPORT_DIR")


def test_an_upstream_that_is_away(cli):
    """A call that cannot be completed is exit code 1, with what to do."""
    ran = cli("--backfill", env={"LAPOR_SYNC_UPSTREAM_URL": "http://127.0.0.1:9/x"})
    assert ran.code == 1
    assert ran.says("no connection")


def test_the_daemon_ends_when_it_is_told_to(cli, monkeypatch):
    """Without a command it is the daemon, with the signals' handlers set."""
    told: list[object] = []

    def daemon(app: Any, environ: object, *, standby: bool) -> None:
        told.append(environ)
        app.stopping.ask()

    monkeypatch.setattr("lapor_sync.app.App.daemon", daemon)
    assert cli().code == 0
    assert told


def test_a_backfill_that_is_stopped_says_so(cli, monkeypatch):
    """Stopped half-way it says that the same command goes on."""
    tally = Tally(new=1, unread=2)

    def stopped(setup: Any, since: object, until: object) -> Any:
        setup.stopping.ask()
        return tally

    monkeypatch.setattr("lapor_sync.sync.cycle.backfill", stopped)
    ran = cli("--backfill")
    assert "2 could not be read whole" in ran.err
    assert "goes on from here" in ran.err


# tools


def test_the_simulator_prints_what_to_export(cli, monkeypatch):
    """The stand-in prints shell lines that can be pasted, serves, and stops."""
    monkeypatch.setattr("connectors.simulator.Simulator.serve_forever", lambda self: None)
    ran = cli("simulator", "--port", "0", "--reports", "1")
    assert ran.code == 0
    assert all(line.startswith("export LAPOR_SYNC_") for line in ran.out.splitlines())
    assert "lapor-sync check" in ran.err


def test_the_simulator_lists_its_scenarios(cli):
    """`--scenario list` names them all."""
    assert "lost-reply" in cli("simulator", "--scenario", "list").out


def test_the_demo_is_run(cli, monkeypatch):
    """`demo` runs the demo."""
    ran: list[bool] = []
    monkeypatch.setattr("lapor_sync.commands.demo.run", lambda **options: ran.append(options))
    assert cli("demo").code == 0
    assert ran


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(cli, shell):
    """The script of each shell asks the program with its own variable, and is answered."""
    if shell == "bash" and shutil.which("bash") is None:
        pytest.skip("needs bash")
    script = cli("completion", shell).out
    assert "_LAPOR_SYNC_COMPLETE" in script


def test_help_says_where_to_begin(cli):
    """`--help` names setup, check, completion and the exit codes."""
    shown = " ".join(cli("--help").out.split())
    assert "Begin with `lapor-sync setup`, then `check`" in shown
    assert "3 another process" in shown
    assert cli("--version").out.startswith("lapor-sync, version ")


# the end


def test_nobody_sees_a_traceback(cli, monkeypatch):
    """A fault of ours is two lines with its place and without its message."""

    def broken(*_: object) -> None:
        raise RuntimeError("the words of a citizen")

    monkeypatch.setattr("lapor_sync.interface.status", broken)
    ran = cli("status")
    assert ran.code == 1
    assert ran.says("RuntimeError at", "please report")
    assert "citizen" not in ran.err


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (KeyboardInterrupt(), 1, "Stopped."),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), 1, "BrokenPipeError at"),
        (OSError(errno.ENOSPC, "No space left on device"), 1, "No space left"),
        (OSError(errno.EIO, "Input/output error", "/a/file"), 1, "/a/file"),
        (OSError(), 1, "OSError"),
    ],
)
def test_what_the_system_refuses(cli, monkeypatch, error, code, words):
    """A full disk, a reader that has gone, Ctrl-C: each has its exit code and no traceback."""

    def broken(*_: object) -> None:
        raise error

    monkeypatch.setattr("lapor_sync.interface.status", broken)
    ran = cli("status")
    assert ran.code == code
    assert ran.says(words)


def test_another_process_at_work(cli, mirrored):
    """While somebody works the database, work is refused with exit code 3, and looking goes on."""
    from lapor_sync.store.database import make_engine
    from lapor_sync.store.lock import working

    engine = make_engine(cli.env["LAPOR_SYNC_DATABASE_URL"])
    with working(engine, "kota", "daemon"):
        ran = cli("--once")
        assert ran.code == 3
        assert ran.says("daemon, pid")
        assert "At work       daemon, pid" in cli("status").out
    engine.dispose()
