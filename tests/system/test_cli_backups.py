"""`backup` and `restore` as an admin runs them, beside a real daemon, on SQLite and on PostgreSQL."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lapor_sync.domain.delivery import State
from lapor_sync.store import audit, backup, outbox, pauses
from lapor_sync.store.database import open_store
from tests.databases import StillClock
from tests.oracle import refs_in_order
from tests.system.rig import SCRIPT, Postgres, Program, Rig, fill, rig, wait_until

KILLED = int(os.environ.get("KILLED_RESTORES", "4"))
"""How often a restore is killed at least."""


@pytest.fixture
def village(tmp_path: Path) -> Iterator[Rig]:
    """A city on SQLite."""
    (tmp_path / "data").mkdir()
    with rig(tmp_path, f"sqlite:///{tmp_path}/data/city.db", seed=5) as one:
        yield one


def ran(town: Rig, *args: str | Path, code: int = 0, **settings: str) -> Program:
    """A command that has come to its end."""
    with town.program(*map(str, args), **settings) as done:
        assert done.ends() == code, done.said
        assert "Traceback" not in done.said
        return done


def grow(town: Rig, megabytes: int) -> None:
    """Make the database so large that a backup of it takes a while."""
    with town.mirror.store.work() as work:
        work.conn.exec_driver_sql("CREATE TABLE IF NOT EXISTS bulk (content BLOB)")
        for _ in range(megabytes):
            work.conn.exec_driver_sql("INSERT INTO bulk VALUES (randomblob(1048576))")


# Backing up.


def test_a_backup_beside_a_daemon_that_writes(village: Rig, tmp_path: Path) -> None:
    """It holds one moment, is its owner's alone, and its line says what is in it; nothing is written over it."""
    file = tmp_path / "backup.db"
    with village.program() as daemon:
        daemon.says("cycle_done")
        dice = random.Random(1)
        for n in range(3):
            village.stir(dice)
            ran(village, "backup", tmp_path / f"{n}.db")
        (tmp_path / "data/files/kota/ab").mkdir(parents=True, exist_ok=True)
        done = ran(village, "backup", file)
        held = backup.look_into(file).of("kota")
        line, apart = done.out.splitlines()
        assert line == f"{file}: {held}"
        assert apart.startswith(f"Not in it: the citizens' files. Copy {tmp_path}/data/files/kota as well")
        assert held.deliveries == 12
        assert file.stat().st_mode & 0o777 == 0o600
        with village.mirror.store.reading() as work:
            assert audit.holds(work.conn, work.agency, held.head)
        again = ran(village, "backup", file, code=2)
        assert "is there already: nothing is overwritten" in again.said
        village.settles(daemon)
        assert not daemon.events("database_failed")
    assert not list(tmp_path.glob(".lapor-sync-*"))


@pytest.mark.parametrize(
    ("number", "is_left"), [(signal.SIGKILL, 1), (signal.SIGTERM, 0), (signal.SIGINT, 0), (signal.SIGHUP, 0)]
)
def test_a_backup_that_is_ended_half_way(
    village: Rig, tmp_path: Path, number: signal.Signals, is_left: int
) -> None:
    """There is no file of that name; only what is killed leaves a hidden part of one, which nobody takes for it."""
    grow(village, 60)
    with village.program("backup", str(tmp_path / "backup.db")) as half:
        wait_until(lambda: list(tmp_path.glob(".lapor-sync-*.part")))
        half.send(number)
        assert half.ends() == (1 if number is not signal.SIGKILL else -number)
    assert not (tmp_path / "backup.db").exists()
    assert len(list(tmp_path.glob(".lapor-sync-*.part"))) == is_left
    ran(village, "backup", tmp_path / "backup.db")


def test_a_backup_onto_a_full_disk(village: Rig, little_disk: Path) -> None:
    """It says so, and leaves nothing that could be taken for a backup."""
    grow(village, 4)
    done = ran(village, "backup", little_disk / "backup.db", code=1)
    assert "disk is full" in done.said
    assert "free disk space" in done.said
    assert list(little_disk.iterdir()) == []
    fill(little_disk)
    done = ran(village, "backup", little_disk / "backup.db", code=1)
    assert "disk is full" in done.said


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"DATABASE_URL": "sqlite:////none/city.db"}, "There is no database /none/city.db"),
        ({"DATABASE_URL": "sqlite:///FOLDER/other.db"}, "no database of lapor-sync"),
    ],
)
def test_there_is_nothing_to_back_up(village: Rig, tmp_path: Path, settings: dict[str, str], words: str) -> None:
    """No database is made in order to back it up, and no file that is none is taken for one."""
    (tmp_path / "other.db").write_bytes(b"")
    given = {name: value.replace("FOLDER", str(tmp_path)) for name, value in settings.items()}
    done = ran(
        village, "backup", tmp_path / "backup.db", code=2 if "none" in given["DATABASE_URL"] else 1, **given
    )
    assert words in done.said
    assert not (tmp_path / "backup.db").exists()


# Restoring.


def with_a_backup(town: Rig, file: Path) -> list[str]:
    """Five answers to one report: two are in the backup, not sent yet; then all five are sent. Their references."""
    one = town.reports[0]
    with town.program() as daemon:
        daemon.says("cycle_done")
        ran(town, "outbox", "pause")
        refs = [town.respond(one, f"Tahap {n}.") for n in range(2)]
        ran(town, "backup", file)
        refs += [town.respond(one, f"Tahap {n}.") for n in range(2, 5)]
        ran(town, "outbox", "resume")
        town.settles(daemon)
        done = ran(town, "restore", file, code=3)
        assert "Another process works this database: daemon, pid" in done.said
    town.mirror.store.close()
    return refs


def test_what_the_citizen_saw_is_not_sent_again(village: Rig, tmp_path: Path) -> None:
    """The whole way: restore, look, the daemon, resume; each answer stands once and in order, new ones follow."""
    one, file = village.reports[0], tmp_path / "backup.db"
    refs = with_a_backup(village, file)
    done = ran(village, "restore", file, "--by", "Sari")
    said = done.out
    assert f"Restored: {backup.look_into(file)}" in said
    (aside,) = tmp_path.glob("data/city.db.before-restore-*")
    assert f"The database that was there is kept: {aside}" in said
    assert "Nothing would be sent." in said
    assert "lapor-sync outbox resume" in said
    with village.program() as daemon:
        daemon.says("delivery_paused")
        later = village.respond(one, "Lagi.")
        daemon.says("cycle_done", 3)
        with village.mirror.store.reading() as work:
            found = {each.ref: each.state for each in outbox.listing(work)}
        assert found == {**dict.fromkeys(refs, State.SENT), later: State.QUEUED}
        time.sleep(0.6)
        assert ran(village, "outbox", "resume", "--by", "Sari").out == "resumed\n"
        village.settles(daemon)
    assert refs_in_order(village.arrived(one), [*refs, later]) == [*refs, later]
    village.verified()


def test_what_would_be_sent_is_listed(village: Rig, tmp_path: Path) -> None:
    """With what is held; LAPOR is away, so it is restored, and the exit code says that it was not read."""
    file = tmp_path / "backup.db"
    ran(village, "--once")
    ref = village.respond(village.reports[0], "Sudah.")
    secret = ran(village, "respond", village.reports[1], "--text", "Untuk Anda saja.", "--secret").out.strip()
    ran(village, "backup", file)
    village.mirror.store.close()
    village.world.set_scenario("maintenance")
    done = ran(village, "restore", file, code=1)
    assert ref in done.out
    assert secret not in done.out
    assert "Held: 1. A person decides: `lapor-sync conflicts`." in done.out
    assert "Error: It is restored, but not every open report could be read." in done.said
    village.world.set_scenario("calm")
    done = ran(village, "restore", UPSTREAM_URL="", BEARER="", TOKEN="")
    assert "LAPOR was not asked" in done.out
    assert ref in done.out


def test_a_restore_is_killed_at_any_moment(village: Rig, tmp_path: Path) -> None:
    """Each time there is the old database or the new one, whole and paused; in the end the restore goes through."""
    file, database = tmp_path / "backup.db", tmp_path / "data" / "city.db"
    refs = with_a_backup(village, file)
    old, dice = backup.head_of(database, "kota"), random.Random(7)
    assert old is not None
    began = time.monotonic()
    ran(village, "restore", file)
    took, restored = time.monotonic() - began, 0
    ran(village, "restore", next(tmp_path.glob("data/city.db.before-restore-*")))
    n = 0
    while n < KILLED or not restored:  # later each time: one of them comes as far as the new one
        assert n < 60 + KILLED, "not one of them came as far as that"
        with village.program("restore", str(file)) as killed:
            time.sleep(took * (0.3 + 0.6 * (n + dice.random()) / KILLED))
            killed.kill()
        store = open_store(f"sqlite:///{database}", "kota", StillClock())
        with store.reading() as work:
            audit.verify(work.conn, work.agency)
            assert pauses.current(work) is not None
            restored += not audit.holds(work.conn, work.agency, old)
        store.close()
        n += 1
    ran(village, "restore", file)
    assert not list(tmp_path.glob("data/*.restoring*"))
    time.sleep(0.6)
    ran(village, "outbox", "resume")
    with village.program() as daemon:
        village.settles(daemon)
    assert refs_in_order(village.arrived(village.reports[0]), refs) == refs


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read: No such file"),
        (b"", "no database of lapor-sync"),
        (b"PK\x03\x04 a workbook" * 500, "no database of lapor-sync"),
    ],
)
def test_files_that_cannot_be_restored(village: Rig, tmp_path: Path, content: bytes | None, words: str) -> None:
    """Wrong use; the database stays as it is."""
    file, database = tmp_path / "backup.db", tmp_path / "data" / "city.db"
    ran(village, "--once")
    village.mirror.store.close()
    before = backup.head_of(database, "kota")
    if content is not None:
        file.write_bytes(content)
    done = ran(village, "restore", file, code=2)
    assert words in done.said
    assert backup.head_of(database, "kota") == before
    assert not list(tmp_path.glob("data/*restor*"))


def test_a_command_that_has_the_database_open(village: Rig, tmp_path: Path) -> None:
    """A standby waits with the database open: the restore gives way to it, exit code 3."""
    file = tmp_path / "backup.db"
    ran(village, "--once")
    ran(village, "backup", file)
    with village.mirror.store.reading():
        done = ran(village, "restore", file, code=3)
    assert "Another process has the database open: the board" in done.said
    village.mirror.store.close()
    ran(village, "restore", file)


# PostgreSQL.


@pytest.fixture
def capital(tmp_path: Path, server: Postgres) -> Iterator[Rig]:
    """A city on PostgreSQL, with its tools on the path."""
    with rig(tmp_path, server.database(), seed=5) as one:
        one.env["PATH"] = f"{server.server.bin_path}{os.pathsep}{one.env['PATH']}"
        yield one


def told(town: Rig, *args: str | Path) -> str:
    """The command that an error names, as an admin pastes it."""
    done = ran(town, *args, code=2)
    return done.said.partition("To do: ")[2].strip()


def shell(town: Rig, command: str) -> None:
    env = town.env | {"PATH": f"{Path(SCRIPT).parent}{os.pathsep}{town.env['PATH']}"}
    done = subprocess.run(command, shell=True, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("is_told", [True, False])
def test_postgresql_with_its_own_tools(capital: Rig, tmp_path: Path, is_told: bool) -> None:
    """The commands that are named work; a daemon that is started without `restore` notices it by itself."""
    one, file = capital.reports[0], tmp_path / "kota.dump"
    with capital.program() as daemon:
        daemon.says("cycle_done")
        ran(capital, "outbox", "pause")
        refs = [capital.respond(one, f"Tahap {n}.") for n in range(2)]
        dump = told(capital, "backup", file)
        assert dump.startswith(f"pg_dump --format=custom --file={file} --dbname=")
        shell(capital, dump)
        refs += [capital.respond(one, f"Tahap {n}.") for n in range(2, 5)]
        ran(capital, "outbox", "resume")
        capital.settles(daemon)
    pg_restore, _, then = told(capital, "restore", file).partition(" && ")
    assert then == "lapor-sync restore"
    shell(capital, pg_restore)
    capital.mirror.store.close()  # whoever still writes would be told that the database was set back
    if is_told:
        shell(capital, then)
    with capital.program() as daemon:
        daemon.says("delivery_paused")
        assert daemon.events("delivery_paused")[0]["reason"] == "restored"
        later = capital.respond(one, "Lagi.")
        daemon.says("cycle_done", 3)
        assert refs_in_order(capital.arrived(one), [*refs, later]) == refs
        time.sleep(0.6)
        ran(capital, "outbox", "resume")
        capital.settles(daemon)
    assert refs_in_order(capital.arrived(one), [*refs, later]) == [*refs, later]
    capital.verified()
    rows = ran(capital, "audit", "export").out
    assert rows.count('"what": "restored"') == 1
