"""`agencies import`, `export` and `remove` as a province's admin runs them."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lapor_sync.domain.people import of_shell
from lapor_sync.store import moving
from lapor_sync.store.database import Store, open_store
from tests.databases import StillClock, fresh_postgres
from tests.store.samples import add, mirrored, new, save
from tests.system.cli_runner import Cli


@pytest.fixture
def province(tmp_path: Path) -> Iterator[Cli]:
    """The command line of a province that has no agency yet."""
    (tmp_path / "agencies").mkdir()
    with fresh_postgres() as url:
        open_store(url, "kota", StillClock()).close()
        yield Cli({"LAPOR_SYNC_DATABASE_URL": url, "LAPOR_SYNC_AGENCIES_DIR": str(tmp_path / "agencies")})


def test_a_city_moves_in_and_out_again(province: Cli, tmp_path: Path) -> None:
    file, out = tmp_path / "city.db", tmp_path / "curup.db"
    city = open_store(f"sqlite:///{file}", "kota", StillClock())
    save(city, mirrored())
    add(city, new("CU-AAAAAA"))
    with city.work(of_shell("sari")) as work:
        work.note("colour", "7001")
    city.close()

    taken = province("agencies", "import", "curup", file)
    assert taken.code == 0, taken.err
    assert "1 reports, 1 deliveries, 0 people" in taken.out
    assert "outbox resume --agency curup" in taken.err

    again = province("agencies", "import", "curup", file)
    assert again.code == 2
    assert "already" in again.err
    assert "Choose another key" in again.err

    left = province("agencies", "export", "curup", "--out", out)
    assert left.code == 0, left.err
    head = left.out.split()[-1]
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert [one.name for one in sorted(tmp_path.iterdir()) if one.name.startswith((".", "curup"))] == ["curup.db"]
    copied = open_store(f"sqlite:///{out}", "curup", StillClock())
    with copied.reading() as work:
        assert moving.rows_of(work.conn, "curup")["delivery"] == 1
    copied.close()

    settings = tmp_path / "agencies" / "curup.toml"
    settings.write_text("ref_prefix = 'CU'\n", encoding="utf-8")
    assert "curup.toml is in AGENCIES_DIR" in province("agencies", "remove", "curup", "--head", head).err
    settings.unlink()
    assert province("agencies", "remove", "curup", "--head", "0" * 64).code == 2
    removed = province("agencies", "remove", "curup", "--head", head)
    assert removed.out == "curup is removed: 1 reports, 1 deliveries, 0 people.\n"
    assert province("agencies", "verify", "curup", "--head", head).out.startswith("ok ")
    assert province("agencies", "verify", "curup", "--head", "f" * 64).code == 1
    assert "no audit of lebong" in province("agencies", "verify", "lebong").err


def _make(kind: str, file: Path) -> None:
    """A file that is no database of a city, each in its way."""
    match kind:
        case "empty":
            file.touch()
        case "text":
            file.write_text("no database\n" * 100, encoding="utf-8")
        case "folder":
            file.mkdir()
        case "foreign":
            with closing(sqlite3.connect(file)) as conn:
                conn.execute("CREATE TABLE other (id)")
        case "newer" | "broken":
            city = open_store(f"sqlite:///{file}", "kota", StillClock())
            for _ in range(2):
                with city.work() as work:
                    work.note("colour", "1")
            city.close()
            with closing(sqlite3.connect(file)) as conn, conn:
                conn.execute("DROP TRIGGER audit_no_update")
                table, column = ("alembic_version", "version_num") if kind == "newer" else ("audit", "what")
                conn.execute(f"UPDATE {table} SET {column} = '9999'")


@pytest.mark.parametrize("kind", ["missing", "empty", "text", "folder", "foreign", "newer", "broken"])
def test_what_is_wrong_with_a_citys_file_is_said_of_that_file(province: Cli, tmp_path: Path, kind: str) -> None:
    """Who restored the last backup of the configured database would set a sound province back."""
    file = tmp_path / "city.db"
    _make(kind, file)
    said = province("agencies", "import", "curup", file)
    assert said.code in {1, 2}
    assert str(file) in said.err
    assert "LAPOR_SYNC_DATABASE_URL" not in said.err
    assert "lapor-sync restore" not in said.err


def test_what_cannot_move(province: Cli, tmp_path: Path) -> None:
    """A key that is none, a file that is not there or holds several agencies, one that it does not hold."""
    assert "no key" in province("agencies", "import", "Curup!", tmp_path / "city.db").err
    assert province("agencies", "import", "curup", tmp_path / "city.db").code == 2
    both = open_store(f"sqlite:///{tmp_path}/both.db", "manna", StillClock())
    for one in (both, Store(both.engine, "lais", StillClock())):
        with one.work() as work:
            work.note("colour", "1")
    both.close()
    assert "lais, manna" in province("agencies", "import", "curup", tmp_path / "both.db").err
    assert province("agencies", "import", "curup", tmp_path / "both.db", "--from", "lais").code == 0
