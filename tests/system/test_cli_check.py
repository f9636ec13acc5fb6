"""`check`: whatever the city's state, each question has an answer and what to do, and nothing is changed."""

from __future__ import annotations

import base64
import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.simulator import Options, Simulator
from connectors.sp4n_v3 import Sp4nV3
from lapor_sync.check.clock import about_clock
from lapor_sync.check.encryption import about_clear_text
from lapor_sync.check.folder import about_folder
from lapor_sync.check.listing import _older_than
from lapor_sync.check.secrets import _is_open
from lapor_sync.clock import SystemClock
from lapor_sync.config import load_settings
from lapor_sync.domain.errors import BadRecord, Denied, Missing, UpstreamBroken
from lapor_sync.domain.report import BadItem, Report
from lapor_sync.store.database import open_store
from tests.system.cli_runner import Cli, Ran, city


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator(Options(seed=3, reports=30)) as running:
        yield running


@pytest.fixture
def cli(simulator: Simulator, tmp_path: Path) -> Iterator[Cli]:
    yield city(simulator, tmp_path / "new.db")
    simulator.world.set_scenario("calm")
    simulator.world.clear_faults()


def verdicts(ran: Ran, question: str) -> list[str]:
    """The lines about a question: verdict and answer."""
    return [line for line in ran.out.splitlines() if question in line]


def wrong(ran: Ran) -> list[str]:
    return [line for line in ran.out.splitlines() if line.startswith("WRONG")]


def test_all_is_well(cli, tmp_path):
    """Against a sound LAPOR every line is ok, exit code 0, and no database was made."""
    ran = cli("check")
    assert ran.code == 0, ran.out
    lines = ran.out.splitlines()
    assert lines[-1] == "Nothing is wrong. Nothing was changed."
    asked = [line for line in lines[:-2] if "cuti bersama" not in line and "To do" not in line]
    assert all(line.startswith("ok ") for line in asked), ran.out
    assert len(asked) >= 18
    assert ran.err == ""
    assert list(tmp_path.iterdir()) == []


def test_with_nothing_configured(tmp_path):
    """Without any setting it says what is missing, and what to do without an account: wrong settings."""
    ran = Cli({"XDG_STATE_HOME": str(tmp_path), "HOME": str(tmp_path), "LAPOR_SYNC_DATABASE_URL": ""})("check")
    assert ran.code == 2
    assert "LAPOR_SYNC_UPSTREAM_URL, LAPOR_SYNC_BEARER, LAPOR_SYNC_TOKEN missing" in ran.out
    assert "LAPOR_SYNC_IMPORT_DIR" in ran.out
    assert list(tmp_path.iterdir()) == []


def test_a_city_without_an_account(tmp_path):
    """With a folder for exports nothing is wrong."""
    (tmp_path / "import").mkdir()
    env = {
        "LAPOR_SYNC_IMPORT_DIR": str(tmp_path / "import"),
        "LAPOR_SYNC_DATABASE_URL": f"sqlite:///{tmp_path}/a/b/new.db",
    }
    ran = Cli(env)("check")
    assert ran.code == 0, ran.out
    assert verdicts(ran, "Can exports be imported?")[0].startswith("ok")
    assert not (tmp_path / "a").exists()


def test_every_wrong_setting_at_once(cli):
    """Settings that cannot be used are all named; exit code 2."""
    ran = cli("check", env={"LAPOR_SYNC_POLL_SECONDS": "x", "LAPOR_SYNC_UPSTREAM": "1"})
    assert ran.code == 2
    assert [name in line for name, line in zip(("UPSTREAM", "POLL_SECONDS"), wrong(ran), strict=True)] == [
        True
    ] * 2
    assert "Correct the settings" in ran.out


def test_the_wrong_header_name(cli):
    """A refused header makes it try the other one, and it goes on with that."""
    ran = cli("check", env={"LAPOR_SYNC_AUTH_HEADER": "Authorization"})
    assert ran.code == 1
    assert len(wrong(ran)) == 1
    assert "Set LAPOR_SYNC_AUTH_HEADER=auth." in ran.out
    assert verdicts(ran, "Can its thread be read?")[0].startswith("ok")


def test_an_upstream_that_is_away(cli):
    """Nothing listens there: one wrong line, and no question that would need an answer of LAPOR's."""
    ran = cli("check", env={"LAPOR_SYNC_UPSTREAM_URL": "http://127.0.0.1:9/lapor"})
    assert ran.code == 1
    assert len(wrong(ran)) == 1
    assert "Check the network" in ran.out
    assert "list of reports" not in ran.out


def test_a_base_url_that_is_no_api(cli, simulator):
    """An address under which nothing of the API is, is told."""
    ran = cli("check", env={"LAPOR_SYNC_UPSTREAM_URL": simulator.origin + "/elsewhere"})
    assert ran.code == 1
    assert "HTTP 404" in wrong(ran)[0]
    assert "check` tells" not in ran.out


@pytest.mark.parametrize(
    ("scenario", "code", "question", "verdict", "words"),
    [
        ("expired-token", 1, "Does LAPOR let us in?", "WRONG", "with auth and with Authorization"),
        ("maintenance", 1, "Does LAPOR let us in?", "WRONG", "no: "),
        ("restricted", 0, "Is there a list of reports?", "look", "/complaints is not there"),
        ("empty-list", 0, "Is there a list of reports?", "look", "yes, but empty"),
        ("no-filter", 0, "Does it honour its filter?", "look", "reports that are older"),
        ("unknown-status", 0, "Are its status names known?", "look", "not: Menunggu"),
        ("schema-drift", 0, "Can its rows be read?", "look", "not an object"),
        ("schema-drift", 0, "Do its rows say all", "look", "updated_at"),
        ("moving-pages", 0, "Does it honour its filter?", "ok", "updated_from"),
    ],
)
def test_bad_days(cli, simulator, scenario, code, question, verdict, words):
    """Each bad day is seen where it shows, and what is only odd is no failure."""
    simulator.world.set_scenario(scenario)
    ran = cli("check")
    assert ran.code == code, ran.out
    assert any(line.startswith(verdict) and words in line for line in verdicts(ran, question)), ran.out


def test_without_a_list_mirrored_reports_are_read(cli, simulator):
    """Where there is no list, detail and thread are tried with what is mirrored; an empty list is wrong then."""
    assert cli("--once").code == 0
    simulator.world.set_scenario("restricted")
    ran = cli("check")
    assert verdicts(ran, "Can its thread be read?")[0].startswith("ok")
    assert verdicts(ran, "Are its status names known?")[0].startswith("ok")
    simulator.world.set_scenario("empty-list")
    ran = cli("check")
    assert ran.code == 1
    assert "though reports are mirrored" in wrong(ran)[0]
    assert verdicts(ran, "Can its thread be read?")[0].startswith("ok")


def test_a_list_of_garbage(cli, tmp_path):
    """A list whose rows have no id at all is wrong."""
    with Simulator(Options(seed=1, reports=3)) as other:
        for one in other.world.summary()["reports"]:
            other.world.corrupt(one["id"], how="string")
        ran = city(other, tmp_path / "new.db")("check")
    assert ran.code == 1
    assert "no row of it has an id" in wrong(ran)[0]


def test_a_row_that_cannot_be_read(cli, tmp_path):
    """One bad row is counted, and the rest goes on."""
    with Simulator(Options(seed=1, reports=3)) as other:
        other.world.corrupt(other.world.summary()["reports"][0]["id"], how="bad-date")
        ran = city(other, tmp_path / "new.db")("check")
    assert ran.code == 0
    assert "2 of 3 on the first page" in verdicts(ran, "Can its rows be read?")[0]


def test_a_list_without_times(cli, simulator):
    """With fewer than two times the filter cannot be told; without a filter it is not asked."""
    with Simulator(Options(seed=1, reports=1)) as other:
        env = cli.env | {"LAPOR_SYNC_UPSTREAM_URL": other.url}
        assert "no two times" in verdicts(Cli(env)("check"), "Does it honour its filter?")[0]
    ran = cli("check", env={"LAPOR_SYNC_LIST_UPDATED_PARAM": ""})
    assert "there is none" in verdicts(ran, "Does it honour its filter?")[0]


def test_sparse_rows(cli, tmp_path):
    """A list that says little is no failure: each report takes one call more."""
    with Simulator(Options(seed=1, reports=9, list_fields="sparse")) as other:
        ran = city(other, tmp_path / "new.db")("check")
    assert ran.code == 0
    assert "each takes one call more" in verdicts(ran, "Do its rows say all")[0]


@pytest.mark.parametrize(
    ("path", "question", "verdict"),
    [
        ("/complaints?", "Does it honour its filter?", "look"),
        ("/complaint", "Can a report be read by its id?", "WRONG"),
        ("/followups", "Can its thread be read?", "WRONG"),
        ("/masters/institutions", "Does LAPOR know the city's ids?", "look"),
        ("/masters/templates", "Does LAPOR know the reply template?", "look"),
    ],
)
def test_a_single_call_that_fails(cli, simulator, monkeypatch, path, question, verdict):
    """One call of the API that fails is told with its question; the others are asked all the same."""
    names = {
        "/complaint": "read_report",
        "/followups": "read_thread",
        "/masters/institutions": "institutions",
        "/masters/templates": "templates",
    }
    if path in names:

        def broken(*_: object) -> None:
            raise UpstreamBroken("HTTP 500")

        monkeypatch.setattr(Sp4nV3, names[path], broken)
    else:
        listed = Sp4nV3.list_reports

        def only_unfiltered(self: Sp4nV3, *, updated_from: datetime | None) -> Any:
            if updated_from is not None:
                raise UpstreamBroken("HTTP 500")
            return listed(self, updated_from=None)

        monkeypatch.setattr(Sp4nV3, "list_reports", only_unfiltered)
    ran = cli("check")
    assert ran.code == int(verdict == "WRONG")
    assert verdicts(ran, question)[0].startswith(verdict), ran.out
    assert "Does LAPOR know the reply template?" in ran.out


def test_reports_that_are_gone_or_unreadable(cli, monkeypatch):
    """A report that is gone is no failure of the call: the next one is tried, five at most."""

    def gone(self: Sp4nV3, report_id: str) -> None:
        raise Missing("HTTP 404", http_status=404)

    def unreadable(self: Sp4nV3, report_id: str) -> None:
        raise BadRecord("no status_name", key=report_id, raw="{}")

    monkeypatch.setattr(Sp4nV3, "read_thread", gone)
    monkeypatch.setattr(Sp4nV3, "read_report", unreadable)
    ran = cli("check")
    assert ran.code == 1
    assert "no: no status_name" in verdicts(ran, "by its id?")[0]
    assert "HTTP 404" in verdicts(ran, "Can its thread be read?")[0]


NO_THREAD: dict[str, tuple[Any, str]] = {
    "404": (Missing("GET /complaints/{id}/followups: HTTP 404", http_status=404), "HTTP 404"),
    "no list": (UpstreamBroken("GET /complaints/{id}/followups: the answer holds no list"), "holds no list"),
    "204": (UpstreamBroken("GET /complaints/{id}/followups: HTTP 204", http_status=204), "HTTP 204"),
}
FAILS_ALONE: dict[str, tuple[Any, str]] = {
    "500": (UpstreamBroken("GET /complaints/{id}/followups: HTTP 500", http_status=500), "HTTP 500"),
    "403": (Denied("GET /complaints/{id}/followups: HTTP 403", http_status=403), "HTTP 403"),
}


@pytest.mark.unmeasured
@pytest.mark.parametrize(
    ("error", "words", "of_all"),
    [
        *(pytest.param(*one, False, id=f"{name} of one") for name, one in (NO_THREAD | FAILS_ALONE).items()),
        *(pytest.param(*one, True, id=f"{name} of all") for name, one in NO_THREAD.items()),
    ],
)
def test_a_thread_that_lapor_does_not_give(cli, monkeypatch, error, words, of_all):
    """A report that is there, and whose thread is not: the call is named, before it is mirrored and after."""
    read = Sp4nV3.read_thread
    lacking: list[str] = []

    def read_thread(self: Sp4nV3, report_id: str) -> Any:
        lacking[:] = lacking or [report_id]
        if of_all or report_id in lacking:
            raise error
        return read(self, report_id)

    monkeypatch.setattr(Sp4nV3, "read_thread", read_thread)
    ran = cli("check")
    (line,) = verdicts(ran, "Can its thread be read?")
    call = f"GET /complaints/{lacking[0]}/followups: "
    assert line.startswith("WRONG" if of_all else "look")
    assert call in line
    assert words in line
    assert "though the report is there" in line
    assert ("4 others can" in line) is not of_all
    assert "maintenance" not in ran.out
    assert cli("--once").code == 0
    (mirrored,) = verdicts(cli("check"), "Could every thread be read?")
    assert mirrored.startswith("look")
    assert (call in mirrored) or of_all
    waits = (one for one in cli("reports", "--json").lines if one["colour"] not in {"hijau", "abu"})
    tracking_id = next(
        one["tracking_id"] for one in waits if one["flags"]
    )  # what is finished asks nothing of its thread
    shown = cli("show", tracking_id).out
    assert "because: its thread could not be read yet" in shown
    assert "status name" not in shown


def test_a_thread_that_is_not_proven_whole(cli, monkeypatch):
    """It is read, and what it does not show may be there."""
    read = Sp4nV3.read_thread
    monkeypatch.setattr(
        Sp4nV3, "read_thread", lambda self, one: replace(read(self, one), complete=False, why="odd")
    )
    line = verdicts(cli("check"), "Can its thread be read?")[0]
    assert line.startswith("look")
    assert "not proven whole: odd" in line


def test_a_thread_with_unreadable_items(cli, monkeypatch):
    """Items that cannot be read are counted."""
    read = Sp4nV3.read_thread
    bad = (BadItem(key="1", raw="{}", reason="odd"),)
    monkeypatch.setattr(Sp4nV3, "read_thread", lambda self, one: replace(read(self, one), bad=bad))
    assert "5 unreadable" in verdicts(cli("check"), "Can its thread be read?")[0]


def test_ids_and_template_that_lapor_does_not_know(cli):
    """An id or a template that is not in the master lists is shown."""
    ran = cli("check", env={"LAPOR_SYNC_OPD_IDS": "611,99999", "LAPOR_SYNC_REPLY_TEMPLATE": "reply_kota"})
    assert "not 99999" in verdicts(ran, "Does LAPOR know the city's ids?")[0]
    assert "not reply_kota" in verdicts(ran, "reply template?")[0]


def test_what_an_admin_should_know(cli):
    """Observing, missing ids and an empty list of OPDs are no failures, but said."""
    ran = cli("check", env={"LAPOR_SYNC_OBSERVE": "true", "LAPOR_SYNC_OPD_IDS": ""})
    assert ran.code == 0
    assert "observing only" in verdicts(ran, "May responses leave?")[0]
    assert "every one" in verdicts(ran, "the city's?")[0]
    ran = cli("check", env={"LAPOR_SYNC_INSTITUTION_ID": "", "LAPOR_SYNC_USER_ID": ""})
    assert "LAPOR_SYNC_USER_ID missing" in verdicts(ran, "May responses leave?")[0]


# secrets and folder


def test_secrets_in_files_that_all_may_read(cli, tmp_path):
    """A world-readable credential file is wrong, one of this user only is fine."""
    for name, text in (("bearer", "simulator"), ("token", "{00000000-0000-0000-0000-000000000000}")):
        (tmp_path / name).write_text(text)
        cli.env[f"LAPOR_SYNC_{name.upper()}"] = ""
        cli.env[f"LAPOR_SYNC_{name.upper()}_FILE"] = str(tmp_path / name)
    (tmp_path / "bearer").chmod(0o644)
    (tmp_path / "token").chmod(0o600)
    ran = cli("check")
    assert ran.code == 1
    assert "the bearer file has mode 644" in wrong(ran)[0]
    (tmp_path / "bearer").chmod(0o640)
    ran = cli("check")
    assert ran.code == 0
    assert "this user only" in verdicts(ran, "Who can read the secrets?")[0]


def token_until(days: float) -> str:
    """A JSON Web Token that ends so many days from now."""
    claims = json.dumps({"sub": "kota", "exp": int((datetime.now(UTC) + timedelta(days=days)).timestamp())})
    return "e30." + base64.urlsafe_b64encode(claims.encode()).decode().rstrip("=") + ".sig"


def test_the_gateways_headers_are_named_and_the_end_of_a_token_is_said(cli, tmp_path):
    """Their values are not shown; one that has ended is wrong, and one that ends soon should be known."""
    file = tmp_path / "headers.toml"
    long, soon, past = token_until(100), token_until(3), token_until(-1)
    file.write_text(f'apikey = "s3cr3t"\nlong = "{long}"\nsoon = "Bearer {soon}"\npast = "{past}"\n')
    file.chmod(0o644)
    ran = cli("check", env={"LAPOR_SYNC_EXTRA_HEADERS_FILE": str(file)})
    assert ran.code == 1
    assert "apikey, long, past, soon" in verdicts(ran, "Which headers go to the gateway?")[0]
    assert verdicts(ran, "Until when does long hold?")[0].startswith("ok")
    assert verdicts(ran, "Until when does soon hold?")[0].startswith("look")
    assert verdicts(ran, "Until when does past hold?")[0].startswith("WRONG")
    assert "the extra_headers file has mode 644" in wrong(ran)[0]
    assert not any(hidden in ran.out + ran.err for hidden in ("s3cr3t", soon, long, past))


def test_a_gateway_that_is_not_shown_its_header_is_told_from_lapor(tmp_path):
    file = tmp_path / "headers.toml"
    for key, code in (("lama", 1), ("kunci", 0)):
        file.write_text(f'apikey = "{key}"\n')
        file.chmod(0o600)
        with Simulator(Options(reports=3, headers={"apikey": "kunci"})) as behind:
            ran = city(behind, tmp_path / "new.db")("check", env={"LAPOR_SYNC_EXTRA_HEADERS_FILE": str(file)})
        assert ran.code == code
        assert ("900901" in verdicts(ran, "Does LAPOR let us in?")[0]) == bool(code)


def test_the_top_of_a_disk_as_the_folder_of_exports(tmp_path, monkeypatch):
    """It may be a share for exports alone, or somebody's stick: a person should know."""
    (tmp_path / "import").mkdir()
    settings = load_settings(None, {"HOME": str(tmp_path), "LAPOR_SYNC_IMPORT_DIR": str(tmp_path / "import")})
    monkeypatch.setattr(os.path, "ismount", lambda path: str(path) == str(tmp_path / "import"))
    (line,) = about_folder(settings)
    assert (line.verdict, "the top of a disk" in line.answer) == ("look", True)


def test_secrets_in_a_settings_file_that_all_may_read(cli, tmp_path):
    """So is a world-readable settings file with a secret in it."""
    file = tmp_path / "config.toml"
    file.write_text('bearer = "simulator"\n')
    file.chmod(0o644)
    ran = cli("--config", file, "check", env={"LAPOR_SYNC_BEARER": ""})
    assert ran.code == 1
    assert "the settings file has mode 644" in wrong(ran)[0]
    assert f"from {file}" in ran.out


def test_each_file_of_secrets_that_all_may_read(cli, tmp_path):
    """Mail passwords, too. What to do takes it from others alone: where it is root's, the service's group needs it."""
    file = tmp_path / "notify.toml"
    file.write_text("technical = ['json://localhost']\n")
    file.chmod(0o644)
    named = {"LAPOR_SYNC_NOTIFY_FROM": "papan@kota.example", "LAPOR_SYNC_NOTIFY_URLS_FILE": str(file)}
    ran = cli("check", env=named)
    assert "the notify_urls file has mode 644" in wrong(ran)[0]
    assert f"chmod o= {file}" in ran.out
    file.chmod(0o640)
    assert cli("check", env=named).code == 0


def test_secrets_in_the_environment_of_a_service(cli):
    """What systemd shows to every user is wrong."""
    ran = cli("check", env={"INVOCATION_ID": "1"})
    assert ran.code == 1
    assert "LoadCredential=" in ran.out


def test_a_folder_that_cannot_be_imported_from(cli, tmp_path, monkeypatch):
    """A missing or closed folder of exports is wrong."""
    ran = cli("check", env={"LAPOR_SYNC_IMPORT_DIR": str(tmp_path / "none")})
    assert "mkdir -p" in ran.out
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != tmp_path)
    ran = cli("check", env={"LAPOR_SYNC_IMPORT_DIR": str(tmp_path)})
    assert "is closed to this user" in wrong(ran)[0]


def test_a_folder_of_exports_that_others_use_too(cli, tmp_path):
    """One of the system is wrong; the database's own is to be looked at."""
    ran = cli("check", env={"LAPOR_SYNC_IMPORT_DIR": "/var/tmp"})
    assert "which others use too" in wrong(ran)[0]
    folder = tmp_path / "data"
    folder.mkdir()
    where = {"LAPOR_SYNC_DATABASE_URL": f"sqlite:///{folder}/kota.db", "LAPOR_SYNC_IMPORT_DIR": str(folder)}
    assert "where the database lies too" in cli("check", env=where).out


@pytest.mark.parametrize("name", ["Downloads", "Desktop", "Unduhan", "Dokumen"])
def test_what_a_desktop_makes_in_a_home_is_no_folder_of_exports(cli, tmp_path, name):
    """People's other workbooks would be moved."""
    (tmp_path / name).mkdir()
    ran = cli("check", env={"HOME": str(tmp_path), "LAPOR_SYNC_IMPORT_DIR": str(tmp_path / name)})
    assert "downloads or keeps" in wrong(ran)[0]


def test_a_folder_in_which_others_may_replace_what_is_ours(cli, tmp_path):
    """The folder above, too; a sticky one lets nobody touch what is another's."""
    shared = tmp_path / "shared"
    (shared / "exports").mkdir(parents=True)
    where = {
        "LAPOR_SYNC_IMPORT_DIR": str(shared / "exports"),
        "LAPOR_SYNC_DATABASE_URL": f"sqlite:///{shared}/data/kota.db",
    }
    for mode, count in ((0o777, 2), (0o1777, 0), (0o755, 0)):
        shared.chmod(mode)
        ran = cli("check", env=where)
        assert len(wrong(ran)) == count, ran.out
        assert (f"every user may write in {shared}" in ran.out) == bool(count)


def test_a_file_that_goes_away_meanwhile(tmp_path):
    """A credential file that is gone is nobody's to read."""
    assert not _is_open(tmp_path / "none")


# database


def use(cli: Cli, path: Path) -> Cli:
    return Cli(cli.env | {"LAPOR_SYNC_DATABASE_URL": f"sqlite:///{path}", "LAPOR_SYNC_UPSTREAM_URL": ""})


def test_a_database_at_work(cli):
    """A good database shows its schema and the last success; it is not changed."""
    open_store(cli.env["LAPOR_SYNC_DATABASE_URL"], "kota", SystemClock()).close()
    assert cli("status").code == 0
    line = verdicts(cli("check"), "Can the database be used?")[0]
    assert "no cycle went through yet" in line
    assert cli("--once").code == 0
    before = cli("status", "--json").out
    assert "last success 20" in verdicts(cli("check"), "Can the database be used?")[0]
    assert cli("status", "--json").out == before


def test_files_that_are_no_database(cli, tmp_path, monkeypatch):
    """A folder, another file, an empty and a corrupt one: each is told without being touched."""
    other, empty, corrupt = tmp_path / "other.db", tmp_path / "empty.db", tmp_path / "corrupt.db"
    other.write_text("no database at all")
    empty.write_bytes(b"")
    corrupt.write_bytes(b"SQLite format 3\x00" + b"\xff" * 5000)
    for path, words in (
        (tmp_path, "is a folder"),
        (other, "is no SQLite database"),
        (empty, "is empty: the first start fills it"),
        (corrupt, "The database's file is no SQLite database"),
        (other / "x.db", "is closed to this user"),
    ):
        before = path.read_bytes() if path.is_file() else b""
        assert words in verdicts(use(cli, path)("check"), "Can the database be used?")[0]
        assert (path.read_bytes() if path.is_file() else b"") == before
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != other)
    assert "closed to this user" in verdicts(use(cli, other)("check"), "Can the database be used?")[0]


@pytest.mark.parametrize(
    ("version", "words"),
    [("9999", "Install the newer lapor-sync"), ("0000", "Back it up before"), (None, "is empty: the next start")],
)
def test_a_database_of_another_version(cli, tmp_path, version, words):
    """A newer schema is wrong, an older one is brought up by the next start."""
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path)) as conn, conn:
        conn.execute("CREATE TABLE other (x)")
        if version is not None:
            conn.execute("CREATE TABLE alembic_version (version_num TEXT)")
            conn.execute("INSERT INTO alembic_version VALUES (?)", (version,))
    assert words in use(cli, path)("check").out


def test_an_erasure_that_was_not_ended(cli, tmp_path):
    """While the row stands, what was written can be changed: said, with the statement that ends it."""
    cli("--once")
    with closing(sqlite3.connect(tmp_path / "new.db")) as conn:
        conn.execute("INSERT INTO mark (agency, name, value) VALUES ('', 'erasing', 'Sari')")
        conn.commit()
    ran = cli("check")
    assert ran.code == 1
    assert verdicts(ran, "Are deliveries safe from changes?")[0].startswith("WRONG")
    assert "DELETE FROM mark WHERE agency = '' AND name = 'erasing'" in ran.out


def test_a_server_that_is_not_there(cli):
    """A PostgreSQL that cannot be reached is wrong, and its password is not shown."""
    env = {"LAPOR_SYNC_DATABASE_URL": "postgresql://u:geheim@127.0.0.1:9/x"}
    ran = cli("check", env=env)
    assert ran.code == 1
    assert "geheim" not in ran.out
    assert "Connection refused" in wrong(ran)[0]


def test_what_a_server_may_lose(cli, server):
    """The tests' own PostgreSQL runs without fsync: wrong, with what comes of it and what to do."""
    ran = cli("check", env={"LAPOR_SYNC_DATABASE_URL": server.database()})
    assert ran.code == 1
    assert [line for line in wrong(ran) if "fsync is off" in line and "twice" in line]
    assert "ALTER SYSTEM SET fsync = on" in ran.out


def test_a_server_whose_database_is_narrow(cli, server):
    """One that is not UTF8 is wrong, and refused by everything else with exit code 2; nothing is made in it."""
    server.run("CREATE DATABASE narrow ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    env = {"LAPOR_SYNC_DATABASE_URL": server.url("narrow")}
    ran = cli("check", env=env)
    assert "encoding is LATIN1; it must be UTF8" in wrong(ran)[0]
    for command in ("status", "--once"):
        ran = cli(command, env=env)
        assert (ran.code, ran.says("encoding is LATIN1", "createdb --encoding=UTF8")) == (2, True)


# rules


def test_limits_and_holidays_of_the_city(cli, tmp_path, monkeypatch):
    """Files of limits that cannot be used are wrong settings; unknown cuti bersama is said unless the city has it."""
    ran = cli("check", env={"LAPOR_SYNC_DEADLINES_FILE": str(tmp_path / "none.toml")})
    assert ran.code == 2
    assert "none.toml" in wrong(ran)[0]
    monkeypatch.setattr("lapor_sync.mirror.mirror.joint_holidays_known", lambda year: False)
    year = datetime.now(UTC).year + 1
    (tmp_path / "holidays.toml").write_text(
        f'[[holiday]]\ndate = {year}-12-24\nname = "Cuti bersama"\nsource = "SKB"\n'
    )
    ran = cli("check", env={"LAPOR_SYNC_HOLIDAYS_FILE": str(tmp_path / "holidays.toml")})
    assert verdicts(ran, f"cuti bersama of {year - 1}")[0].startswith("look")
    assert verdicts(ran, f"cuti bersama of {year} ")[0].startswith("ok"), ran.out
    assert "when it is decreed" in cli("check").out


# encryption: what a real server's TLS and clock are told by is in `test_check_network`


def test_an_http_address_far_away_is_wrong():
    """Credentials and names would go in the clear."""
    (line,) = about_clear_text("http://lapor.invalid/x")
    assert (line.verdict, line.answer) == ("WRONG", "no: credentials and names go in the clear")
    assert "https://" in line.todo


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/x", "http://localhost/x", "http://[::1]/x"])
def test_an_http_address_of_this_machine_is_fine(url):
    """A stand-in, or a gateway on the same machine."""
    (line,) = about_clear_text(url)
    assert line.verdict == "ok"


# the clock


@pytest.mark.parametrize(
    ("least", "most", "verdict", "words"),
    [
        (-1, 1, "ok", "yes, within 1 s"),
        (-40, 1, "ok", "yes, within 40 s"),
        (8, 40, "ok", "yes, within 40 s"),
        (30, 70, "look", "it is 30 s ahead of"),
        (-200, -130, "WRONG", "it is 130 s behind"),
        (None, None, "look", "cannot be told"),
    ],
)
def test_a_slow_answer_is_no_wrong_clock(least, most, verdict, words):
    """LAPOR's time is known no better than its answer took: what is said is what is certain."""
    ahead = None if least is None else (timedelta(seconds=least), timedelta(seconds=most))
    connector: Any = type("Connector", (), {"clock_ahead": lambda self: ahead})()
    line = about_clock(connector)
    assert line.verdict == verdict
    assert words in line.answer
    assert bool(line.todo) == (verdict != "ok")


# the list


def test_older_rows_that_cannot_be_read_do_not_count():
    """A bad row in the filtered page is passed over."""
    from lapor_sync.domain.errors import BadRecord
    from lapor_sync.domain.ports import ListedRow, ListPage

    def row(key: str) -> ListedRow:
        return ListedRow(key, key, b"", {})

    class Connector:
        def list_reports(self, *, updated_from: datetime) -> Iterator[ListPage]:
            yield ListPage(rows=(row("bad"), row("old"), row("new")), bad=(), began_at=updated_from)

        def parse_row(self, one: ListedRow) -> Report:
            if one.key == "bad":
                raise BadRecord("bad", key="bad", raw="")
            at = datetime(2026, 1, 1 if one.key == "old" else 9, tzinfo=UTC)
            return Report(tracking_id=one.key, upstream_id=None, status_name="", updated_at=at)

    upstream: Any = type("Upstream", (), {"connector": Connector()})
    assert _older_than(upstream, datetime(2026, 1, 5, tzinfo=UTC)) == 1
