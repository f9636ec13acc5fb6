"""Whatever stands under a path that is given, each command says so at once, with what to do, and never waits for it."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.simulator import Options, Simulator
from tests.system.cli_runner import Cli, Ran, city


@pytest.fixture(scope="module")
def cli(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    with Simulator(Options(seed=3, reports=5)) as simulator:
        made = city(simulator, tmp_path_factory.mktemp("city") / "city.db")
        assert made("--backfill").code == 0
        yield made


@pytest.fixture(autouse=True)
def _in_time() -> Iterator[None]:
    """A command that waits is a failure, and not for ever."""
    before = signal.signal(signal.SIGALRM, lambda *_: pytest.fail("it waits"))
    signal.alarm(30)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def strange(kind: str, folder: Path) -> Path:
    match kind:
        case "pipe":
            os.mkfifo(folder / "pipe.xlsx")
            return folder / "pipe.xlsx"
        case "folder":
            return folder
        case "endless":
            return Path("/dev/zero")
        case "huge":
            with (folder / "huge.xlsx").open("wb") as file:
                file.truncate(2**40)
            return folder / "huge.xlsx"
        case "bytes":
            (folder / "bytes.xlsx").write_bytes(b"\xff\xfe\x00\xe9\x00")
            return folder / "bytes.xlsx"
        case "nothing":
            return folder / "none.xlsx"
    return folder / ("x" * 5000)


KINDS = ("pipe", "folder", "endless", "huge", "bytes", "nothing", "long")
GIVEN = {
    "--text-file": ("respond", "20000001", "--text-file", "FILE"),
    "--attach": ("respond", "20000001", "--text", "Sudah.", "--attach", "FILE"),
    "respond --from": ("respond", "--from", "FILE"),
    "--from-export": ("--backfill", "--from-export", "FILE"),
    "restore": ("restore", "FILE"),
    "--config": ("--config", "FILE", "status"),
}
SETTINGS = ("CONFIG", "BEARER_FILE", "TOKEN_FILE", "DEADLINES_FILE", "HOLIDAYS_FILE")


def told(ran: Ran, code: int = 2) -> None:
    """Two lines that a person can read."""
    assert ran.code == code, ran.err
    error, todo = ran.err.splitlines()[-2:]
    assert error.startswith("Error: ")
    assert todo.startswith("To do: ")
    assert "Traceback" not in ran.err
    assert len(ran.err) < 1500


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("option", GIVEN)
def test_a_file_that_is_given_is_read_or_refused_at_once(cli: Cli, tmp_path: Path, option: str, kind: str) -> None:
    """Wrong use: nothing was changed."""
    path = strange(kind, tmp_path)
    told(cli(*(str(path) if one == "FILE" else one for one in GIVEN[option])))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", SETTINGS)
def test_a_file_that_a_setting_names_is_read_or_refused_at_once(
    cli: Cli, tmp_path: Path, name: str, kind: str
) -> None:
    """By every command alike, `check` too."""
    secret = (
        {"LAPOR_SYNC_BEARER": "", "LAPOR_SYNC_TOKEN": ""} if name.endswith("N_FILE") or "BEARER" in name else {}
    )
    env = {f"LAPOR_SYNC_{name}": str(strange(kind, tmp_path)), **secret}
    told(cli("status", env=env))
    assert cli("check", env=env).code == 2


@pytest.mark.parametrize("kind", ["pipe", "folder", "endless"])
def test_a_credential_that_is_no_file_is_refused_at_once(cli: Cli, tmp_path: Path, kind: str) -> None:
    """systemd puts files there; a person may put anything."""
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials" / "bearer").symlink_to(strange(kind, tmp_path))
    env = {"CREDENTIALS_DIRECTORY": str(tmp_path / "credentials"), "LAPOR_SYNC_BEARER": ""}
    told(cli("status", env=env))


@pytest.mark.parametrize("kind", ["pipe", "folder", "endless"])
@pytest.mark.parametrize("command", ["status", "--once"])
def test_a_database_that_is_no_file_is_refused_at_once(cli: Cli, tmp_path: Path, command: str, kind: str) -> None:
    """SQLite would write into a device."""
    env = {"LAPOR_SYNC_DATABASE_URL": f"sqlite:///{strange(kind, tmp_path)}"}
    told(cli(command, env=env), code=1)
    ran = cli("check", env=env)
    assert ran.code == 1
    assert "WRONG" in ran.out


@pytest.mark.parametrize("kind", ["pipe", "folder", "endless", "long"])
@pytest.mark.parametrize("option", ["backup", "attachment"])
def test_a_place_that_is_no_place_for_a_file_is_refused_at_once(
    cli: Cli, tmp_path: Path, option: str, kind: str
) -> None:
    """Nothing is written to what is there, whatever it is."""
    path = str(strange(kind, tmp_path))
    told(cli("backup", path) if option == "backup" else cli("attachment", "20000001", "1", "--out", path))


@pytest.mark.parametrize("kind", ["pipe", "endless", "huge", "bytes", "nothing"])
def test_certificates_that_are_no_file_are_refused_at_once(cli: Cli, tmp_path: Path, kind: str) -> None:
    """OpenSSL would read it to its end."""
    told(cli("--once", env={"SSL_CERT_FILE": str(strange(kind, tmp_path))}))


def test_what_is_closed_says_who_may_open_it(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings are the service's, and what root copied is root's: nothing is wrong with them."""
    closed = {tmp_path / "config.toml", tmp_path / "backup.db"}
    really = os.open

    def refusing(path: str | Path, flags: int, mode: int = 0o777) -> int:
        if Path(path) in closed:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return really(path, flags, mode)

    for one in closed:
        one.touch()
    monkeypatch.setattr(os, "open", refusing)
    assert "sudo -u lapor-sync lapor-sync" in cli("--config", tmp_path / "config.toml", "status").err
    assert "chown" in cli("restore", tmp_path / "backup.db").err


def test_a_folder_for_what_is_made_is_named_in_full(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Under sudo the shell's folder may be one that the service's user may not enter: "." would say nothing."""
    monkeypatch.chdir(tmp_path)
    assert f"The folder {tmp_path}/none is not there, or closed to the user" in cli("backup", "none/new.db").err
