"""The real daemon as a process: signals, the lock, standing by, systemd, credentials, the folder of exports."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.request import urlopen

import pytest
from openpyxl import Workbook

from lapor_sync.commands.base import stop_on_signals
from lapor_sync.domain.delivery import State
from lapor_sync.domain.people import of_shell
from lapor_sync.domain.refusals import Refused
from lapor_sync.office import OutboxAct, change
from tests.oracle import refs_in_order
from tests.system.rig import Program, Rig, wait_until

SLOW = {"match": {"method": "POST"}, "do": "slow:1.5", "stored": True}


def is_on_the_wire(town: Rig) -> bool:
    """Whether a write has reached the world, whose answer is still to come."""
    return any(town.arrived(one) for one in town.written)


@contextmanager
def working(town: Rig) -> Iterator[Program]:
    """A daemon that has the lock and has seen the city."""
    with town.program() as daemon:
        daemon.says("cycle_done")
        yield daemon


# Nobody reads its log.


@pytest.mark.parametrize("gone", ["2>&-", "2>/dev/full", "2> >(exit 0)"])
def test_a_daemon_whose_log_nobody_reads_goes_on(town: Rig, gone: str) -> None:
    """It never ends because a line could not be written: what is answered meanwhile arrives, and SIGTERM ends it."""
    with town.program(POLL_SECONDS="1", shell=gone) as daemon:
        town.settles(daemon)
        ref = town.respond(town.reports[0], "Sudah ditangani.")
        town.settles(daemon)
        assert ref in town.arrived(town.reports[0])[0]
        assert daemon.terminate() == 0


@pytest.mark.parametrize("gone", [">&-", ">/dev/full", "> >(exit 0)"])
def test_a_board_whose_address_nobody_reads_serves(town: Rig, gone: str) -> None:
    """A service ends by no line that cannot be written, and never with exit code 0: nobody would start it again."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        at = "{}:{}".format(*free.getsockname())

    def serves() -> bool:
        assert board.is_alive, board.said
        with suppress(OSError), urlopen(f"http://{at}/healthz", timeout=5) as answer:
            return bool(answer.status == 200)
        return False

    with town.program("board", BOARD_LISTEN=at, shell=f"{gone} </dev/null") as board:
        wait_until(serves)
        assert board.terminate() == 0


# Signals.


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_waiting_daemon_ends_at_once(town: Rig, number: signal.Signals) -> None:
    """Five minutes to the next poll, and yet it is gone when it is asked."""
    with town.program(POLL_SECONDS="300") as daemon:
        daemon.says("cycle_done")
        daemon.send(number)
        assert daemon.ends() == 0
        assert daemon.events("daemon_stopped")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_the_write_in_hand_is_finished(town: Rig, number: signal.Signals) -> None:
    """Asked to stop while an answer is on its way: its outcome is waited for and recorded, the next one stays queued."""
    with town.program() as daemon:
        daemon.says("cycle_done", 2)
        town.world.add_faults(SLOW)
        first, second = (town.respond(town.reports[0], f"Tahap {n}.") for n in (1, 2))
        wait_until(lambda: is_on_the_wire(town))
        daemon.send(number)
        assert daemon.ends() == 0
    assert town.problems() == [f"{second} is queued (None)"]
    assert first in town.arrived(town.reports[0])[0]
    with town.program() as daemon:
        town.settles(daemon)


def test_one_cycle_finishes_its_write_when_the_terminal_is_gone(town: Rig) -> None:
    """SIGHUP, as from an ssh that broke, while `--once` sends: the outcome is recorded, the next one stays queued."""
    with town.program("--once") as cycle:
        assert cycle.ends() == 0
    first, second = (town.respond(town.reports[0], f"Tahap {n}.") for n in (1, 2))
    town.world.add_faults(SLOW)
    with town.program("--once") as cycle:
        wait_until(lambda: is_on_the_wire(town))
        cycle.send(signal.SIGHUP)
        assert cycle.ends() == 0, cycle.said
    assert town.problems() == [f"{second} is queued (None)"]
    assert first in town.arrived(town.reports[0])[0]


def test_nohup_is_respected() -> None:
    """What was started with SIGHUP ignored goes on ignoring it; the other signals ask for an end."""
    before = {one: signal.getsignal(one) for one in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)}
    asked: list[int] = []
    try:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        stop_on_signals(lambda number, _frame: asked.append(number))
        for one in before:
            signal.raise_signal(one)
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
    assert asked == [signal.SIGINT, signal.SIGTERM]


# The lock.


def test_a_second_process_names_the_first(town: Rig) -> None:
    """Exit code 3, and who holds the database, in two lines; the first one works on."""
    with working(town) as first:
        for args in ((), ("--once",)):
            with town.program(*args) as second:
                assert second.ends() == 3
                assert f"daemon, pid {first.pid} on {socket.gethostname()}" in second.said
                assert "To do: " in second.said
        town.settles(first)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_standby_takes_over(
    town: Rig, number: signal.Signals, record_property: Callable[[str, object], None]
) -> None:
    """The holder dies, hard or softly, with an answer on its way: within seconds the other works, nothing twice."""
    with working(town) as first, town.program("--standby") as second:
        second.says("standing_by")
        assert f"pid {first.pid} " in second.events("standing_by")[0]["what"]
        town.world.add_faults(SLOW)
        for one in town.reports[:3]:
            town.respond(one, "Sudah kami perbaiki.")
        wait_until(lambda: is_on_the_wire(town))
        asked_at = time.monotonic()
        first.send(number)
        first.ends()
        died_at = time.monotonic()
        second.says("daemon_started", seconds=30)
        now = time.monotonic()
        seen = f"{number.name}: gone after {died_at - asked_at:.1f} s, taken over {now - died_at:.1f} s later"
        record_property("standby", seen)
        print(seen)  # pytest -s
        town.settles(second)
        assert second.terminate() == 0
    town.verified()


def test_a_standby_ends_when_asked(town: Rig) -> None:
    """It waits as patiently as a daemon, and ends as quickly."""
    with working(town) as first, town.program("--standby") as second:
        second.says("standing_by")
        assert second.terminate() == 0
        assert not second.events("daemon_started")
        town.settles(first)


# systemd.


@pytest.fixture(params=["file", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    """A service manager's socket: its name for NOTIFY_SOCKET, and the socket."""
    name = str(tmp_path / "notify") if request.param == "file" else f"@lapor-sync-test-{os.getpid()}"
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as channel:
        channel.bind(name.replace("@", "\0"))
        channel.settimeout(0.1)
        yield name, channel


def test_systemd_is_told(town: Rig, manager: tuple[str, socket.socket], monkeypatch: pytest.MonkeyPatch) -> None:
    """READY at the start, WATCHDOG while it works, STOPPING at the end."""
    town.env["NOTIFY_SOCKET"], heard = manager[0], []

    def hears(line: str) -> bool:
        with suppress(TimeoutError):
            heard.extend(manager[1].recv(4096).decode().splitlines())
        return line in heard

    with town.program() as daemon:
        wait_until(lambda: hears("READY=1"))
        assert f"MAINPID={daemon.pid}" in heard
        wait_until(lambda: hears("WATCHDOG=1"))
        heard.remove("WATCHDOG=1")
        wait_until(lambda: hears("WATCHDOG=1"))
        with town.program("--standby") as standby:
            heard.clear()
            wait_until(lambda: hears(f"MAINPID={standby.pid}"))
            assert {"READY=1", "STATUS=Standing by"} <= set(heard)
        assert daemon.terminate() == 0
        wait_until(lambda: hears("STOPPING=1"))


# Credentials.


def test_a_new_token_needs_no_restart(town: Rig, tmp_path: Path) -> None:
    """Refused credentials: one alarm that says what to do; a new token in its file, and it works again by itself."""
    token = tmp_path / "token"
    token.write_text("{00000000-0000-0000-0000-000000000000}\n")
    right = town.env["LAPOR_SYNC_TOKEN"]
    with town.program(TOKEN="", TOKEN_FILE=str(token)) as daemon:
        daemon.says("credentials_refused")
        assert "LoadCredential= restart" in daemon.events("credentials_refused")[0]["todo"]
        wait_until(lambda: town.world.requests()["total"] >= 3)
        token.write_text("not a token at all \x01\n")
        daemon.says("credentials_unreadable")
        token.write_text(f"{right}\n")
        daemon.says("cycle_done")
        town.settles(daemon)
        assert len(daemon.events("credentials_refused")) == 1
        assert daemon.events("upstream_back")
        assert daemon.terminate() == 0


# The folder of exports.

HEADER = ("Tracking ID", "Judul Laporan", "Isi Laporan Awal", "Status Laporan", "Tanggal Laporan Masuk")


def export(path: Path, *tracking_ids: str) -> Path:
    """An admin's export with these reports."""
    book = Workbook()
    assert book.active is not None
    book.active.append(HEADER)
    for one in tracking_ids:
        book.active.append((one, "Jalan berlubang", "Di depan pasar.", "Dalam Proses", "01-03-2026 08:00"))
    book.save(path)
    return path


def rest(path: Path, seconds: float = 60) -> None:
    """Make the file as old as that."""
    then = time.time() - seconds
    os.utime(path, (then, then))


def test_exports_that_are_dropped(town: Rig, tmp_path: Path) -> None:
    """A city without an account: an export is imported, a growing one left alone, a bad one explained."""
    folder = tmp_path / "exports"
    folder.mkdir()
    good = export(folder / "baik.xlsx", "8000001", "8000002")
    bad = folder / "rusak.xlsx"
    bad.write_bytes(b"PK\x03\x04 this is no workbook")
    rest(good)
    rest(bad)
    with town.program(UPSTREAM_URL="", BEARER="", TOKEN="", IMPORT_DIR=str(folder)) as daemon:
        daemon.says("no_api_account")
        daemon.says("export_imported")
        wait_until((folder / "done" / "baik.xlsx").exists)
        daemon.says("import_failed")
        why = folder / "failed" / "rusak.xlsx.txt"  # written after the log says it
        wait_until(lambda: why.exists() and why.read_text(encoding="utf-8").endswith("\n"))
        lines = why.read_text(encoding="utf-8").splitlines()
        assert len(lines) == 2
        assert all(lines)
        growing = export(folder / "tumbuh.xlsx", "8000003")
        for _ in range(5):  # while two cycles or three look at it
            time.sleep(0.1)
            assert growing.exists()
            rest(growing, 0)  # written to just now
        rest(growing)
        daemon.says("export_imported", 2)
        wait_until(lambda: not growing.exists())  # moved after the log says it
        assert sum(one["new"] for one in daemon.events("export_imported")) == 3
        assert daemon.terminate() == 0


def test_a_folder_that_cannot_be_worked_stops_nothing(town: Rig, tmp_path: Path) -> None:
    """What was imported cannot be moved away: said, and the city's responses go on."""
    folder = tmp_path / "exports"
    folder.mkdir()
    rest(export(folder / "baik.xlsx", "8000001"))
    (folder / "done").write_text("a file where the folder should be")
    with town.program(IMPORT_DIR=str(folder)) as daemon:
        daemon.says("import_dir_unreadable")
        town.respond(town.reports[0], "Sudah kami perbaiki.")
        wait_until(lambda: town.arrived(town.reports[0]))
        daemon.says("cycle_done", 3)
        assert daemon.terminate() == 0


# What is said when nothing leaves.


@pytest.mark.parametrize(
    ("settings", "level", "why"),
    [({"USER_ID": ""}, "warning", "LAPOR_SYNC_USER_ID"), ({"OBSERVE": "true"}, "info", "LAPOR_SYNC_OBSERVE")],
)
def test_a_daemon_that_sends_nothing_says_why(town: Rig, settings: dict[str, str], level: str, why: str) -> None:
    """A response would wait for ever otherwise, and nobody would know what for."""
    with town.program("--once") as once:
        assert once.ends() == 0
        assert not once.events("nothing_leaves")
    ref = town.respond(town.reports[0], "Sudah kami perbaiki.")
    with town.program("--once", **settings) as once:
        assert once.ends() == 0
        (said,) = once.events("nothing_leaves")
    assert said["level"] == level
    assert why in said["what"]
    assert town.problems() == [f"{ref} is queued (None)"]


# A person beside it.


def test_a_person_cancels_what_it_is_about_to_send(town: Rig) -> None:
    """Just then, many times: each was cancelled and never arrives, or arrives once; neither side fails."""
    with working(town) as daemon:
        cancelled = set()
        for number in range(60):
            ref = town.respond(town.reports[number % 6], f"Sudah kami kerjakan, tahap {number}.")
            time.sleep(number % 12 * 0.02)
            with suppress(Refused):
                change(town.mirror, of_shell("siti"), OutboxAct.CANCEL, ref)
                cancelled.add(ref)
        wait_until(lambda: town.states() <= {State.SENT, State.CANCELLED}, what="the end of every delivery")
        assert not daemon.events("cycle_failed")
        assert daemon.terminate() == 0
    for tracking_id, refs in town.written.items():
        assert refs_in_order(town.arrived(tracking_id), refs) == [ref for ref in refs if ref not in cancelled]
    assert 0 < len(cancelled) < 60
    town.verified()
