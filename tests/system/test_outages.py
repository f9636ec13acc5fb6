"""The database goes away in the middle of the work: said clearly, nothing lost, nothing twice, and it goes on."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest

from tests.system.launcher import Launcher
from tests.system.rig import Postgres, Program, Rig, fill, rig, wait_until

SLOW = {"match": {"method": "POST"}, "times": 2, "do": "slow:1.5", "stored": True}
BACK_SECONDS = 150
"""For so long it may take that a daemon sees its database again: after many failures it looks once a minute."""


def sends(town: Rig) -> None:
    """Answers are on their way, and more of them wait."""
    town.world.add_faults(SLOW)
    for one in town.reports:
        town.respond(one, "Sudah kami perbaiki.")
    wait_until(lambda: any(town.arrived(one) for one in town.reports))


# PostgreSQL.


@pytest.fixture
def capital(tmp_path: Path, server: Postgres) -> Iterator[Rig]:
    """A city on PostgreSQL."""
    with rig(tmp_path, server.database(), seed=5) as one:
        yield one


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_the_server_is_restarted(capital: Rig, server: Postgres, mode: str) -> None:
    """In mid-send: the process says so and ends, since its lock went too; started again it puts all right."""
    with capital.program() as daemon:
        daemon.says("cycle_done")
        sends(capital)
        server.stop(mode)
        try:
            assert daemon.ends() == 1
            assert "Error: The connection that holds the database for this process was lost." in daemon.said
            assert "To do: " in daemon.said
            assert "Traceback" not in daemon.said
            with capital.program() as too_early:
                assert too_early.ends() == 1
                assert "Error: The database" in too_early.said
        finally:
            server.start()
    with capital.program() as daemon:
        capital.settles(daemon)
    capital.verified()


def test_a_standby_outlives_the_server(capital: Rig, server: Postgres) -> None:
    """Restarting the server frees the database: who stood by works on, and nothing is sent twice."""
    with capital.program() as first:
        first.says("cycle_done")
        with capital.program("--standby") as second:
            second.says("standing_by")
            sends(capital)
            server.stop("immediate")
            try:
                second.says("database_failed")
                assert first.ends() == 1
            finally:
                server.start()
            second.says("daemon_started")
            assert second.events("database_back") or second.events("standing_by")
            capital.settles(second)
            assert second.terminate() == 0
    capital.verified()


def test_the_connection_of_the_lock_is_lost(capital: Rig, server: Postgres) -> None:
    """Somebody ends just that connection: the daemon must not send on, for another may already be at work."""
    with capital.program() as daemon:
        daemon.says("cycle_done")
        server.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'lapor-sync daemon%'"
        )
        assert daemon.ends() == 1
        assert "was lost" in daemon.said


# SQLite.


@pytest.fixture
def village(tmp_path: Path) -> Iterator[Rig]:
    """A city on SQLite."""
    with rig(tmp_path, f"sqlite:///{tmp_path}/city.db", seed=5) as one:
        yield one


def full(daemon: Program) -> None:
    """No file of that process may grow any more."""
    _, most = resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (0, most))


def free(daemon: Program) -> None:
    """They may again."""
    _, most = resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (most, most))


def test_no_file_may_grow(village: Rig) -> None:
    """In mid-send: said in a few lines however long it lasts, and when there is room again it goes on by itself."""
    with village.program() as daemon:
        daemon.says("cycle_done")
        sends(village)
        full(daemon)
        daemon.says("database_failed", 3)
        assert "free disk space" in daemon.events("database_failed")[0]["todo"]
        told = [one["times"] for one in daemon.events("database_failed")]
        assert told == [1, 2, 4, 8][: len(told)]
        free(daemon)
        daemon.says("database_back", seconds=BACK_SECONDS)
        village.settles(daemon)
        assert daemon.terminate() == 0
    village.verified()


def test_the_disk_is_full(tmp_path: Path, little_disk: Path) -> None:
    """The same on a disk that really is: also a response that cannot be recorded is refused, not half taken."""
    with (
        rig(tmp_path, f"sqlite:///{little_disk}/city.db", seed=5, reports=2) as village,
        village.program() as daemon,
    ):
        daemon.says("cycle_done")
        sends(village)
        filler = fill(little_disk)
        daemon.says("database_failed")
        photo = tmp_path / "a.jpg"
        photo.write_bytes(b"\xff\xd8\xff" + os.urandom(4 * 2**20))  # more than the log has room for as it is
        with village.program("respond", village.reports[0], "--text", "x", "--attach", str(photo)) as officer:
            assert officer.ends() == 1
            assert "Error: The database did not do it: " in officer.said
        filler.unlink()
        daemon.says("database_back", seconds=BACK_SECONDS)
        village.settles(daemon)
        assert daemon.terminate() == 0
        village.verified()


def test_the_file_is_read_only(village: Rig, tmp_path: Path, launcher: Launcher) -> None:
    """The daemon says so and ends; when it may write again and is started, it works."""
    files = [tmp_path / f"city.db{end}" for end in ("", "-wal", "-shm", ".lock")]
    there = [path for path in files if path.exists()]
    for path in there:
        path.chmod(0o444)
    tmp_path.chmod(0o555)
    try:
        child = village.start(launcher, WITHOUT_PRIVILEGES="1")
        assert child.wait(30)
    finally:
        tmp_path.chmod(0o755)
    assert "Error: " in village.last_words()
    assert "Traceback" not in village.last_words()
    for path in there:
        path.chmod(0o644)
    child = village.start(launcher, WITHOUT_PRIVILEGES="1")
    village.settles(child)
    child.kill()


class Immutable:
    """Files that nobody can write any more, whoever has them open, as on a disk that became read-only."""

    def __init__(self, *paths: Path) -> None:
        self.paths = paths

    def __enter__(self) -> Self:
        change = ["chattr", "+i", *map(str, self.paths)]
        if shutil.which("chattr") is None or subprocess.run(change, capture_output=True, check=False).returncode:
            self.undo()
            pytest.skip("only root, on ext4 or the like, can make a file that is open read-only")
        return self

    def __exit__(self, *_: object) -> None:
        self.undo()

    def undo(self) -> None:
        subprocess.run(["chattr", "-i", *map(str, self.paths)], capture_output=True, check=False)


def test_the_file_becomes_read_only(village: Rig, tmp_path: Path) -> None:
    """While the daemon works, in mid-send: said as often as needed, and it goes on when the file may be written."""
    with village.program() as daemon:
        daemon.says("cycle_done")
        sends(village)
        with Immutable(tmp_path / "city.db", tmp_path / "city.db-wal"):
            daemon.says("database_failed", 2)
            assert "may be written" in daemon.events("database_failed")[0]["todo"]
            with village.program("respond", village.reports[0], "--text", "Sudah kami kerjakan.") as officer:
                assert officer.ends() == 1
                assert "Error: The database did not do it: " in officer.said
        daemon.says("database_back", seconds=BACK_SECONDS)
        village.settles(daemon)
        assert daemon.terminate() == 0
    village.verified()


def test_the_whole_disk_becomes_read_only(village: Rig, tmp_path: Path) -> None:
    """The shared memory of SQLite too: the system may end the process then (SIGBUS), and each start says why not."""
    files = [tmp_path / f"city.db{end}" for end in ("", "-wal", "-shm", ".lock")]
    with village.program() as daemon:
        daemon.says("cycle_done")
        sends(village)
        with Immutable(*files):
            wait_until(lambda: not daemon.is_alive or daemon.events("database_failed"), what="a word, or the end")
            daemon.kill()
            with village.program() as again:
                assert again.ends() == 1
                assert "Error: The lock file " in again.said
                assert "may be written" in again.said
                assert "Traceback" not in again.said
    with village.program() as daemon:
        village.settles(daemon)
        assert daemon.terminate() == 0
    village.verified()


def test_somebody_else_writes_for_long(village: Rig) -> None:
    """A backup holds the file for some seconds: that is waited for."""
    with village.program() as daemon:
        daemon.says("cycle_done")
        with village.mirror.store.work():
            time.sleep(2)
        village.respond(village.reports[0], "Sudah kami perbaiki.")
        village.settles(daemon)
        assert not daemon.events("database_failed")
