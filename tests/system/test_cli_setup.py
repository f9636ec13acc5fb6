"""The first day: questions, one by one, become files that work; done again, nothing that is there is lost."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from connectors.simulator import CITY_ID, OPD_IDS, Options, Simulator
from lapor_sync import config
from lapor_sync.cli import main_group
from lapor_sync.commands import setup
from lapor_sync.config.written import with_values
from lapor_sync.domain.errors import BadInput
from tests.system.cli_runner import Cli

EXAMPLE = Path(__file__).parents[2] / "deploy" / "systemd" / "config.toml"


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator(Options(seed=3, reports=4)) as running:
        yield running


@pytest.fixture(autouse=True)
def _somebody_can_be_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(setup, "has_terminal", lambda: True)
    monkeypatch.setattr(config, "SYSTEM_STATE", tmp_path / "state")
    (tmp_path / "state").mkdir()
    for name in [name for name in os.environ if name.startswith("LAPOR_SYNC_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "lapor" / "city.toml"


def asked(file: Path | None, *answers: str) -> Any:
    """What comes of these answers; "" is the Enter key."""
    args = ["setup"] if file is None else ["--config", str(file), "setup"]
    return CliRunner().invoke(main_group, args, input="".join(f"{answer}\n" for answer in answers))


def account(simulator: Simulator) -> list[str]:
    """The answers of a city with an API account, without a board for others."""
    given = Options()
    opds = ", ".join(OPD_IDS)
    return ["kota", "WITA", "y", simulator.url, given.bearer, given.token, CITY_ID, "1", opds, "n"]


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_city_with_an_account_is_written_and_checked(file: Path, simulator: Simulator) -> None:
    ran = asked(file, *account(simulator))
    assert ran.exit_code == 0, ran.output
    assert tomllib.loads(file.read_text()) == {
        "agency": "kota",
        "timezone": "Asia/Makassar",
        "upstream_url": simulator.url,
        "bearer_file": str(file.parent / "bearer"),
        "token_file": str(file.parent / "token"),
        "institution_id": CITY_ID,
        "user_id": "1",
        "opd_ids": list(OPD_IDS),
        "observe": True,
    }
    assert (file.parent / "token").read_text() == f"{Options().token}\n"
    assert [mode(one) for one in (file, file.parent / "bearer", file.parent / "token")] == [0o600] * 3
    assert mode(file.parent) == 0o700
    assert "Nothing is wrong" in ran.output
    for following in ("--backfill", 'people invite "NAME" --sign-in SIGN_IN --role admin', "board"):
        assert f"lapor-sync --config {file} {following}" in ran.output
    assert Options().token not in ran.output
    assert sorted(one.name for one in file.parent.iterdir()) == ["bearer", "city.toml", "token"]


def test_done_again_with_enter_alone_nothing_changes(file: Path, simulator: Simulator) -> None:
    asked(file, *account(simulator))
    file.write_text(
        "# ours\n" + file.read_text().replace("observe = true", "observe = false # since May\npoll_seconds = 60")
    )
    before = file.read_text()
    ran = asked(file, *[""] * 10)
    assert ran.exit_code == 0, ran.output
    assert file.read_text() == before
    assert (file.parent / "token").read_text() == f"{Options().token}\n"
    assert "it never changes" in ran.output
    assert "It observes" not in ran.output


def test_each_answer_is_checked_at_once_and_asked_for_again(file: Path, simulator: Simulator) -> None:
    url, bearer, token, *rest = account(simulator)[3:]
    ran = asked(
        file, "Kota Kita", "kota", "Jakarta", "WIB", "y", "", "lapor.example", url, "", "a b", bearer, token, *rest
    )
    assert ran.exit_code == 0, ran.output
    assert ran.output.count("That is not taken") == 4
    assert ran.output.count("It is needed to call LAPOR.") == 2
    assert "a b" not in ran.output
    assert tomllib.loads(file.read_text())["timezone"] == "Asia/Jakarta"


def test_a_city_without_an_account_has_a_folder_and_a_board_its_address(file: Path) -> None:
    (file.parent / "import").mkdir(parents=True)
    url = "https://papan.kota.example"
    ran = asked(file, "", "", "n", "", "y", "", "http://papan.kota.example", url, "")
    assert ran.exit_code == 0, ran.output
    known = tomllib.loads(file.read_text())
    assert known["import_dir"] == str(file.parent / "import")
    assert (known["board_public_url"], known["board_trusted_proxy"]) == (url, "127.0.0.1")
    assert "bearer_file" not in known
    assert "--backfill" not in ran.output


def test_the_machines_settings_keep_secrets_for_systemd(
    tmp_path: Path, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Officers read the settings and not the secrets: only the group may, and no path of a secret stands in them."""
    system = tmp_path / "etc" / "config.toml"
    monkeypatch.setattr(config, "DEFAULT_CONFIG", system)
    monkeypatch.setattr("os.path.isdir", lambda path: path != "/run/systemd/system")
    system.parent.mkdir()
    system.write_text(EXAMPLE.read_text())
    ran = asked(None, *account(simulator))
    assert ran.exit_code == 0, ran.output
    known = tomllib.loads(system.read_text())
    assert "token_file" not in known
    assert (mode(system), mode(system.parent / "token")) == (0o640, 0o600)
    assert "systemctl enable --now lapor-sync" in ran.output
    assert len(system.read_text().splitlines()) == len(EXAMPLE.read_text().splitlines())


def test_on_the_packages_machine_the_service_itself_checks(
    tmp_path: Path, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root has the secrets, and another user's database."""
    monkeypatch.setattr(config, "DEFAULT_CONFIG", tmp_path / "config.toml")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("os.path.isdir", lambda _path: True)
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/sbin/{name}")
    called: list[list[str]] = []

    def run(args: list[str], check: bool) -> subprocess.CompletedProcess[str]:
        called.append(args)
        return subprocess.CompletedProcess(args, 1)

    monkeypatch.setattr("subprocess.run", run)
    monkeypatch.setattr("os.fchown", lambda *_args: None)
    monkeypatch.setattr(setup, "_group", lambda: 7)
    assert asked(None, *account(simulator)).exit_code == 1
    assert called == [["/usr/sbin/lapor-sync-root", "check"]]


def test_whoever_leaves_early_leaves_nothing_behind(file: Path) -> None:
    ran = asked(file, "kota", "WIB")
    assert isinstance(ran.exception, SystemExit | click.Abort)
    assert not file.parent.exists()


@pytest.mark.parametrize(("text", "words"), [("agency = ", "no TOML"), (None, "cannot be written")])
def test_a_file_that_cannot_be_gone_on_with_is_said_so(file: Path, text: str | None, words: str) -> None:
    file.parent.mkdir()
    if text is None:
        file.mkdir()
    else:
        file.write_text(text)
    ran = asked(file, "")
    assert isinstance(ran.exception, BadInput)
    assert words in ran.exception.what


def test_without_a_terminal_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    ran = Cli()("setup")
    assert ran.code == 2
    assert ran.says("There is no terminal", "by hand")


def test_settings_are_written_where_they_stand_however_they_are_written() -> None:
    text = '# opd_ids = []\n"agency" = "kota"\nOPD_IDS = [\n  "1", # one\n  "2",\n]\n# timezone = "x"\nlast = 1'
    made = with_values(text, {"opd_ids": ["3"], "timezone": "Asia/Jakarta", "observe": True})
    assert made == (
        '# opd_ids = []\n"agency" = "kota"\nopd_ids = ["3"]\ntimezone = "Asia/Jakarta"\nlast = 1\nobserve = true\n'
    )


def test_in_a_real_terminal_a_secret_is_not_shown(file: Path, simulator: Simulator) -> None:
    """The whole program, as a person sees it."""
    ours, theirs = pty.openpty()
    environ = {**os.environ, "XDG_STATE_HOME": str(file.parent), "TERM": "dumb"}
    command = [sys.executable, "-m", "lapor_sync", "--config", str(file), "setup"]
    with subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=environ, start_new_session=True
    ) as ran:
        os.close(theirs)
        seen, answers = b"", iter(account(simulator))
        while True:
            try:
                seen += os.read(ours, 4096)
            except OSError:
                break  # whoever had the other end is gone
            if seen.rstrip(b"\r\n").endswith((b"]: ", b": ")) and b"\n" not in seen[-2:]:
                answer = next(answers, None)
                if answer is not None:
                    os.write(ours, f"{answer}\n".encode())
                    seen += b"\n"
        assert ran.wait(60) == 0, seen.decode()
    os.close(ours)
    assert b"Nothing is wrong" in seen
    assert Options().token.encode() not in seen
    assert (file.parent / "token").read_text() == f"{Options().token}\n"
