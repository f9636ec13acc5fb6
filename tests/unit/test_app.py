"""The composition root: settings become rules and limits, credentials are followed, a folder's troubles stay small."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import pytest
from openpyxl import Workbook

from connectors.simulator import CITY_ID, Options, Simulator
from connectors.sp4n_v3.sampling import Sample
from lapor_sync import office
from lapor_sync.app import App, Upstream, Woken, connector_of, file_limits_of, pace_of, rules_of
from lapor_sync.clock import SystemClock
from lapor_sync.config import load_settings, read_secrets
from lapor_sync.daemon import thinned
from lapor_sync.domain.access import Access
from lapor_sync.domain.errors import BadInput, Denied, LockHeld, SettingsWrong, StoreUnavailable
from lapor_sync.domain.json_web_token import unsigned
from lapor_sync.domain.people import of_shell
from lapor_sync.store import access, lock
from lapor_sync.sync.cycle import run_cycle
from tests.databases import migrated_sqlite

WRONG = "{11111111-1111-1111-1111-111111111111}"


@dataclass
class Log:
    """Keeps what is logged."""

    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def info(self, event: str, **values: Any) -> None:
        self.events.append((event, values))

    warning = error = info

    def named(self, event: str) -> list[dict[str, Any]]:
        return [values for name, values in self.events if name == event]


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    """A stand-in with a few reports."""
    with Simulator(Options(seed=3, reports=4)) as running:
        yield running


@pytest.fixture
def env(tmp_path: Path, simulator: Simulator) -> dict[str, str]:
    """A city's settings, with the token in a file."""
    (tmp_path / "token").write_text(Options().token)
    shutil.copyfile(migrated_sqlite(), tmp_path / "city.db")
    given = {
        "DATABASE_URL": f"sqlite:///{tmp_path}/city.db",
        "UPSTREAM_URL": simulator.url,
        "BEARER": Options().bearer,
        "TOKEN_FILE": str(tmp_path / "token"),
        "INSTITUTION_ID": CITY_ID,
        "USER_ID": "1",
        "RATE_PER_SECOND": "0",
    }
    return {f"LAPOR_SYNC_{name}": value for name, value in given.items()}


def app(env: dict[str, str], **settings: str) -> App:
    """The program with these settings beside the city's; an empty one is not set."""
    given = env | {f"LAPOR_SYNC_{name}": value for name, value in settings.items()}
    return App(settings=load_settings(None, {name: value for name, value in given.items() if value}), log=Log())


def said(app: App, event: str) -> list[dict[str, Any]]:
    """What this run logged under that name."""
    assert isinstance(app.log, Log)
    return app.log.named(event)


NO_ACCOUNT = {"UPSTREAM_URL": "", "BEARER": "", "TOKEN_FILE": ""}


# Settings become values.


def test_the_citys_own_files_hold(env: dict[str, str], tmp_path: Path) -> None:
    """A dated file of the city's holidays takes the place of the packaged one."""
    (tmp_path / "days.toml").write_text(
        '[[holiday]]\ndate = 2026-03-04\nname = "HUT"\nsource = "SK"\n', encoding="utf-8"
    )
    rules = rules_of(app(env, HOLIDAYS_FILE=str(tmp_path / "days.toml")).settings)
    assert rules.city.institution_id == CITY_ID
    assert rules.grace == timedelta(seconds=120)
    assert rules.fingerprint != rules_of(app(env).settings).fingerprint


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
@pytest.mark.parametrize("name", ["DEADLINES_FILE", "HOLIDAYS_FILE"])
def test_a_file_of_rules_that_cannot_be_read(
    env: dict[str, str], tmp_path: Path, name: str, content: bytes | None
) -> None:
    """It is named, and nothing runs by other rules instead."""
    path = tmp_path / "rules.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingsWrong, match=r"rules\.toml cannot be read"):
        rules_of(app(env, **{name: str(path)}).settings)


def test_pace_and_limits_of_files(env: dict[str, str]) -> None:
    """How often, how much, and which files."""
    settings = app(env, POLL_SECONDS="7", ATTACH_MAX_MB="1.5", ATTACH_TYPES="pdf,jpg", CONCURRENCY="3").settings
    assert (pace_of(settings).poll_seconds, pace_of(settings).concurrency) == (7, 3)
    limits = file_limits_of(settings)
    assert (limits.types, limits.max_bytes, limits.max_count) == (("pdf", "jpg"), 3 * 2**19, 5)


def test_a_connector_needs_an_account(env: dict[str, str]) -> None:
    """All that is missing is said at once."""
    settings = app(env, **NO_ACCOUNT).settings
    with (
        pytest.raises(SettingsWrong, match=r"UPSTREAM_URL is missing.*BEARER is missing.*TOKEN is missing"),
        connector_of(settings, read_secrets(settings), SystemClock(), lambda: False),
    ):
        pass


# Work.


def test_one_cycle(env: dict[str, str]) -> None:
    """Everything is mirrored, and the connector and the lock are given back."""
    city = app(env)
    assert city.once().tally.new == 4
    assert city.once().tally.new == 0


@pytest.mark.parametrize("work", ["once", "daemon"])
def test_nothing_to_do(env: dict[str, str], work: str) -> None:
    """Without an account and without a folder for exports it says what to set."""
    city = app(env, **NO_ACCOUNT)
    with pytest.raises(SettingsWrong, match="IMPORT_DIR"):
        city.once() if work == "once" else city.daemon({})


def test_a_held_database_is_not_worked(env: dict[str, str]) -> None:
    """Neither by a cycle, a daemon, nor by longer work."""
    holder, city = app(env), app(env)
    with holder.working("backfill"):
        for work in (city.once, lambda: city.daemon({}), lambda: city.working("backfill").__enter__()):
            with pytest.raises(LockHeld, match="backfill, pid"):
                work()


def test_the_daemon_ends_when_asked(env: dict[str, str]) -> None:
    """Asked in its first cycle, it finishes and gives the database back."""
    city = app(env, POLL_SECONDS="600")
    city.step = lambda name: city.stopping.ask() if name == "pushed" else None
    city.daemon({})
    assert [bool(said(city, name)) for name in ("daemon_started", "daemon_stopped")] == [True, True]
    with app(env).working("cycle"):
        pass


def test_a_standby_that_is_asked_to_stop(env: dict[str, str]) -> None:
    """It never works."""
    city = app(env)
    city.stopping.ask()
    city.daemon({}, standby=True)
    assert not said(city, "daemon_started")


def test_each_step_and_each_wait_feeds_the_watchdog(env: dict[str, str]) -> None:
    """A cycle over thousands of reports is no hanging process."""
    fed: list[str] = []
    reached: list[str] = []

    class Quiet:
        def alive(self) -> None:
            fed.append("alive")

    city = app(env)
    city.step = reached.append
    quiet: Any = Quiet()
    city._beat(quiet)
    for name in ("cycle", "looked", "sent"):
        city.step(name)
    assert not city.asked()
    assert fed == ["alive"] * 4
    assert reached == ["cycle", "looked", "sent"]


def test_a_monitor_may_ask_the_daemon_while_it_works(env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Before its first cycle it is not ready; then its calls and cycles are told. At its end nobody answers."""
    city = app(env, METRICS_LISTEN="0")
    heard: list[str] = []

    def get(path: str) -> str:
        port = said(city, "metrics_served")[0]["port"]
        try:
            with urlopen(f"http://127.0.0.1:{port}/{path}", timeout=20) as answer:
                return str(answer.read().decode())
        except HTTPError as error:
            return f"{error.code} {error.read().decode()}"

    def waits(_seconds: float) -> None:
        heard.extend([get("readyz"), get("metrics")])
        city.stopping.ask()

    def step(name: str) -> None:
        if name == "cycle":
            heard.extend([get("readyz"), get("healthz")])

    monkeypatch.setattr(city.stopping, "wait", waits)
    city.step = step
    city.daemon({})
    assert heard[:3] == ["503 no cycle went through yet\n", "ok\n", "ready\n"]
    assert 'call="GET /complaints",outcome="2xx"' in heard[3]
    assert 'lapor_sync_cycle_duration_seconds_count{agency="kota",outcome="done"} 1.0' in heard[3]
    assert 'lapor_sync_daemon_working{agency="kota"} 1.0' in heard[3]
    with pytest.raises(URLError):
        get("healthz")


def test_a_write_leaves_only_while_the_database_is_held(env: dict[str, str]) -> None:
    """Nobody who does not hold it sends."""
    city = app(env)
    assert not city.may_leave()
    with city.working("cycle"):
        assert city.may_leave()
        with city.store() as store:
            Path(f"{store.engine.url.database}.lock").unlink()
        assert city.holding is not None
        city.holding._proven_at = float("-inf")  # the proof of a moment ago counted for that moment
        assert not city.may_leave()


def test_a_retry_wakes_the_daemon_once(env: dict[str, str]) -> None:
    """So does a pause that is over; a database that cannot be read tells of nobody."""
    city = app(env)
    with city.mirror() as mirror:
        woken = Woken(mirror.store)
        assert not woken()
        office.pause(mirror, of_shell("sri"))
        assert not woken()
        office.resume(mirror, of_shell("sri"))
        assert woken()
        assert not woken()
        mirror.store.close()

        def broken() -> None:
            raise StoreUnavailable("away")

        mirror.store.reading = broken  # type: ignore[method-assign, assignment]
        assert not woken()


# Credentials.


@pytest.fixture
def upstream(env: dict[str, str]) -> Iterator[Upstream]:
    """A connector that follows the files of its credentials."""
    city = app(env)
    with ExitStack() as stack, city.mirror() as mirror, stack:
        yield Upstream(
            app=city, mirror=mirror, stack=stack, sample=Sample("/complaints"), trouble=thinned(city.log)
        )


def test_credentials_that_stay_keep_the_connector(upstream: Upstream) -> None:
    """Nothing is made anew from cycle to cycle."""
    assert upstream.setup() is upstream.setup()


def test_new_credentials_are_used(upstream: Upstream, tmp_path: Path) -> None:
    """A changed file: the next cycle calls with it."""
    first = upstream.setup()
    (tmp_path / "token").write_text(WRONG)
    second = upstream.setup()
    assert second is not first
    with pytest.raises(Denied):
        second.connector.institutions()
    (tmp_path / "token").write_text(Options().token)
    assert upstream.setup().connector.institutions()
    assert len(said(upstream.app, "credentials_changed")) == 2


def test_it_is_kept_how_long_credentials_hold_for_who_has_none(upstream: Upstream, tmp_path: Path) -> None:
    """The board tells it, beside the clock; of a new credential from the next cycle on."""
    end, store = datetime(2030, 1, 1, tzinfo=UTC), upstream.mirror.store
    (tmp_path / "token").write_text(unsigned(end))
    assert upstream.setup().credentials_end == {"token": end}
    (tmp_path / "token").write_text(Options().token)
    run_cycle(upstream.setup())
    with store.reading() as work:
        kept = access.get(work)
    assert kept == Access(off=timedelta(0), ends={})


@pytest.mark.parametrize("content", [None, "", "two\nlines", "not ASCII: \u00e9"])
def test_credentials_that_cannot_be_used(upstream: Upstream, tmp_path: Path, content: str | None) -> None:
    """A file that is gone, empty or garbage: said, and the old ones go on working."""
    before = upstream.setup()
    token = tmp_path / "token"
    token.unlink()
    if content is not None:
        token.write_text(content, encoding="utf-8")
    for _ in range(3):
        assert upstream.setup() is before
    assert before.connector.institutions()
    assert "token" in said(upstream.app, "credentials_unreadable")[0]["what"].lower()
    token.write_text(Options().token)
    assert upstream.setup() is before


@pytest.mark.parametrize("content", [None, "", "two\nlines"])
def test_credentials_that_never_could_be_used(upstream: Upstream, tmp_path: Path, content: str | None) -> None:
    """At the start it is an error."""
    (tmp_path / "token").unlink()
    if content is not None:
        (tmp_path / "token").write_text(content)
    with pytest.raises(SettingsWrong):
        upstream.setup()


# The folder of exports.


def export(folder: Path, *, made: str = "01-03-2026 08:00") -> Path:
    """An export that has come to rest."""
    book = Workbook()
    assert book.active is not None
    book.active.append(("Tracking ID", "Judul Laporan", "Status Laporan", "Tanggal Laporan Masuk"))
    book.active.append(("8000001", "Jalan berlubang", "Dalam Proses", made))
    path = folder / "laporan.xlsx"
    book.save(path)
    then = time.time() - 60
    os.utime(path, (then, then))
    return path


def test_a_city_without_an_account_imports(env: dict[str, str], tmp_path: Path) -> None:
    """One cycle of a city that only has exports; each batch feeds the watchdog by a step."""
    export(tmp_path)
    city = app(env, **NO_ACCOUNT, IMPORT_DIR=str(tmp_path))
    steps: list[str] = []
    city.step = steps.append
    assert city.once().error is None
    assert [one["new"] for one in said(city, "export_imported")] == [1]
    assert "imported" in steps
    assert (tmp_path / "done" / "laporan.xlsx").exists()


def test_a_folder_that_cannot_be_worked(env: dict[str, str], tmp_path: Path) -> None:
    """What was imported cannot be moved: said, and the cycle went through before."""
    folder = tmp_path / "exports"
    folder.mkdir()
    export(folder)
    (folder / "done").write_text("in the way")
    city = app(env, IMPORT_DIR=str(folder))
    assert city.once().tally.new == 4
    assert str(folder) in said(city, "import_dir_unreadable")[0]["what"]


def test_no_import_once_asked_to_stop(env: dict[str, str], tmp_path: Path) -> None:
    """An export may be long: it waits for the next start."""
    path = export(tmp_path)
    city = app(env, IMPORT_DIR=str(tmp_path))
    city.stopping.ask()
    city.once()
    assert path.exists()


def test_an_export_from_the_future(env: dict[str, str], tmp_path: Path) -> None:
    """Its age is what decides between it and the API: a day to come is refused."""
    city = app(env)
    with city.mirror() as mirror, pytest.raises(BadInput, match="that is to come"):
        city.take_export(mirror, export(tmp_path), as_of=datetime.now(UTC) + timedelta(days=2))


def test_the_lock_is_free_after_a_failure(env: dict[str, str]) -> None:
    """A cycle that fails gives the database back."""
    city = app(env)
    city.step = lambda _name: 1 / 0  # type: ignore[assignment]  # a defect
    with pytest.raises(ZeroDivisionError):
        city.once()
    with app(env).store() as store:
        assert lock.holder(store.engine, store.agency) is None
