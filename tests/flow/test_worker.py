"""A worker inside of this process: it polls what the files name, and says what is wrong."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
import structlog
from structlog.testing import capture_logs

from connectors.simulator import Simulator
from lapor_sync.daemon import Stopping, thinned
from lapor_sync.domain.errors import SettingsWrong
from lapor_sync.store import work_queue
from lapor_sync.store.database import make_engine
from lapor_sync.worker import process
from lapor_sync.worker.queue import Pace
from lapor_sync.worker.roster import EnrollingRoster
from tests.city import settings
from tests.databases import fresh_postgres
from tests.flow.test_agencies import OWN, put


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """The address of an empty database."""
    with fresh_postgres() as address:
        yield address


def test_a_worker_polls_what_the_files_name(simulator: Simulator, tmp_path: Path, postgres_url: str) -> None:
    """One whose file is put right is polled, too; one with a wrong file, or nothing to do, is told of."""
    folder = tmp_path / "agencies"
    folder.mkdir()
    env = settings(tmp_path, simulator, DATABASE_URL=postgres_url, AGENCIES_DIR=str(folder), METRICS_LISTEN="0")
    lines = [f"{name.lower()} = '{env.pop(f'LAPOR_SYNC_{name}')}'" for name in OWN]
    put(folder, "curup", *lines, "ref_prefix = 'CU'", f"import_dir = '{tmp_path}'")
    put(folder, "manna", "ref_prefix = 'MN'")
    put(folder, "arga", "ref_prefix = 'x'")
    stopping, said = Stopping(), [""]

    with capture_logs() as logs:
        worker = threading.Thread(
            target=process.run, args=(None, {"HOME": "/", **env}, stopping, 2, Pace(beat=0.5, stale=2, look=0.3))
        )
        worker.start()
        until = time.monotonic() + 150
        put_right, told, ready = False, "", ""
        while time.monotonic() < until and not {"cycle_done", "agency_failed", "agency_right"} <= {*said}:
            time.sleep(0.1)
            said = [one["event"] for one in list(logs)]
            if "cycle_done" in said and not put_right:
                at = next(
                    f"http://{one['host']}:{one['port']}" for one in logs if one["event"] == "metrics_served"
                )
                told, ready = (urlopen(f"{at}/{page}").read().decode() for page in ("metrics", "readyz"))
                put(folder, "arga", *lines, "ref_prefix = 'AR'")
                put_right = True
        stopping.ask()
        worker.join(30)
    assert not worker.is_alive()
    assert 'lapor_sync_upstream_up{agency="curup"} 1.0' in told
    assert 'lapor_sync_cycle_duration_seconds_count{agency="curup",outcome="done"}' in told
    assert 'lapor_sync_agency_files{state="wrong"} 1.0' in told
    assert ready == "ready\n"
    assert {"worker_started", "agency_wrong", "agency_right", "cycle_done", "worker_stopped"} <= {
        one["event"] for one in logs
    }


def test_a_look_at_the_files_reads_what_changed_and_what_was_wrong(tmp_path: Path, postgres_url: str) -> None:
    """With one wrong file among hundreds, each look took as long as the first; an empty folder stayed empty."""
    folder = tmp_path / "agencies"
    folder.mkdir()
    engine = make_engine(postgres_url)
    work_queue.install(engine)
    log = structlog.get_logger()
    env = {"HOME": "/", "LAPOR_SYNC_AGENCIES_DIR": str(folder)}
    roster = EnrollingRoster(None, env, engine, log, thinned(log), host="papan-1")
    with capture_logs() as logs:
        roster.refresh()
        assert roster.found.keys == ()
        put(folder, "arga", "ref_prefix = 'x'")
        put(folder, "curup", "ref_prefix = 'CU'")
        put(folder, "manna", "ref_prefix = 'MN'", f"holidays_file = '{tmp_path / 'holidays.toml'}'")
        roster.refresh()
        assert (set(roster.found.right), set(roster.found.wrong)) == ({"curup"}, {"arga", "manna"})
        curup = roster.found.right["curup"]

        (tmp_path / "holidays.toml").write_text("", encoding="utf-8")
        roster.refresh()
        assert set(roster.found.right) == {"curup", "manna"}
        assert roster.found.right["curup"] is curup

        put(folder, "curup", "ref_prefix = 'CU'", "poll_seconds = 60")
        roster.refresh()
        assert roster.found.right["curup"].poll_seconds == 60
        put(folder, "manna", "ref_prefix = 'CU'")
        roster.refresh()
        assert set(roster.found.right) == {"curup"}
        (folder / "curup.toml").unlink()
        roster.refresh()
        assert set(roster.found.right) == {"manna"}
    assert [one["agency"] for one in logs if one["event"] == "agency_removed"] == ["curup"]
    engine.dispose()


def test_a_main_file_that_is_empty_for_a_moment_or_names_another_folder(tmp_path: Path, postgres_url: str) -> None:
    """All agencies went, and one came that is nobody's: the key of a city without a folder."""
    (folder := tmp_path / "agencies").mkdir()
    put(folder, "curup", "ref_prefix = 'CU'")
    main = tmp_path / "main.toml"
    main.write_text(whole := f'agencies_dir = "{folder}"\n', encoding="ascii")
    engine = make_engine(postgres_url)
    work_queue.install(engine)
    log = structlog.get_logger()
    roster = EnrollingRoster(main, {"HOME": "/"}, engine, log, thinned(log), host="papan-1")
    with capture_logs() as logs:
        for text in (whole, "", whole):
            main.write_text(text, encoding="ascii")
            roster.refresh()
            assert list(roster.found.keys) == ["curup"]
    assert [one["event"] for one in logs] == ["agency_added", "agencies_unreadable", "agencies_readable"]
    assert set(work_queue.look(engine)) == {"curup"}

    put(moved := folder.rename(tmp_path / "moved"), "manna", "ref_prefix = 'MN'")
    roster.refresh()
    assert list(roster.found.keys) == ["curup"]
    main.write_text(f'agencies_dir = "{moved}"\n', encoding="ascii")
    roster.refresh()
    assert list(roster.found.keys) == ["curup", "manna"]  # it looked at the old folder for ever
    (moved / "curup.toml").unlink()
    (moved / "curup.toml").symlink_to("nowhere")
    roster.refresh()
    assert (set(roster.found.right), set(roster.found.wrong)) == ({"manna"}, {"curup"})
    engine.dispose()


@pytest.mark.parametrize(
    ("name", "line", "is_wrong"),
    [
        ("curup", r'"polls\u0000" = 1', True),
        ("cur\udcffup", "", True),
        ("curup", f"import_dir = '/{'a' * 300}'", False),
    ],
)
def test_what_the_database_or_the_disk_does_not_take_stops_no_other_agency(
    tmp_path: Path, postgres_url: str, name: str, line: str, is_wrong: bool
) -> None:
    """A name, a key or a folder of one agency's file ended each worker at once, and so all agencies' work."""
    folder = tmp_path / "agencies"
    folder.mkdir()
    put(folder, name, "ref_prefix = 'CU'", line)
    put(folder, "manna", "ref_prefix = 'MN'")
    engine = make_engine(postgres_url)
    work_queue.install(engine)
    log = structlog.get_logger()
    env = {"HOME": "/", "LAPOR_SYNC_AGENCIES_DIR": str(folder)}
    EnrollingRoster(None, env, engine, log, thinned(log), host="papan-1").refresh()
    queued = work_queue.look(engine)
    assert {key: one.wrong is not None for key, one in queued.items()} == {
        name.replace("\udcff", "\ufffd"): is_wrong,
        "manna": False,
    }
    engine.dispose()


def test_a_worker_on_sqlite_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsWrong, match="workers need PostgreSQL"):
        process.run(None, {"HOME": "/", **settings(tmp_path)}, Stopping(), 1)
