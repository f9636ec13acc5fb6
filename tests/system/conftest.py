"""What tests of whole processes share: PostgreSQL's server and the process that forks daemons."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from connectors.simulator import Simulator
from tests.databases import little_disk as little_disk
from tests.databases import migrated_sqlite
from tests.system.cli_runner import Cli, city, mirror_once
from tests.system.launcher import Launcher
from tests.system.launcher import launcher as one_launcher
from tests.system.rig import Postgres, Rig, postgres, rig

DATABASES = ("sqlite", "postgresql")
ON_POSTGRESQL = {
    "test_scenarios.py": ("flaky", "late-read", "schema-drift", "unknown-status", "expired-token"),
    "test_network.py": ("reset_before", "garbage_after", "slow_reader", "bad line 0"),
    "test_kills.py": (
        *("page_written", "page_committed", "claim_committed", "sending", "sent", "settled", "settle_committed"),
        *("on_the_wire", "test_killed_at_random_times"),
    ),
    "test_daemon.py": (
        *("test_a_second_process_names_the_first", "test_a_standby_takes_over", "test_a_standby_ends_when_asked"),
        *("test_the_write_in_hand_is_finished", "test_a_person_cancels_what_it_is_about_to_send"),
    ),
}
"""What of a day, a fault, a kill or a daemon's life `make test` lives on PostgreSQL too: bytes and names that become its
rows, what it has committed, its lock and what happens while it is held, and what is random. The others end in the same
outcomes, so no database sees them: `make soak` lives them there."""


@pytest.fixture(scope="session")
def server() -> Iterator[Postgres]:
    """One PostgreSQL for all tests. Its user must come to its files, and pytest closes its own folders to others."""
    with tempfile.TemporaryDirectory(prefix="lapor-pg-") as folder, postgres(Path(folder)) as running:
        yield running


@pytest.fixture(scope="session")
def launcher() -> Launcher:
    """The process that forks daemons."""
    return one_launcher()


@pytest.fixture(scope="session", params=DATABASES)
def kind(request: pytest.FixtureRequest) -> str:
    """Of which kind a database is."""
    return str(request.param)


@pytest.fixture(scope="session")
def new_database(
    kind: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], str]:
    """Makes a database of one kind with every table and nothing in them; its URL."""
    if kind == "postgresql":
        running: Postgres = request.getfixturevalue("server")
        return running.database
    folder, numbers = tmp_path_factory.mktemp("sqlite"), itertools.count()
    return lambda: f"sqlite:///{shutil.copy(migrated_sqlite(), folder / f'city-{next(numbers)}.db')}"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is not `ON_POSTGRESQL` is `make soak`'s there."""
    for item in items:
        kept = ON_POSTGRESQL.get(item.path.name)
        if kept and isinstance(item, pytest.Function) and hasattr(item, "callspec"):
            asked = item.callspec.params
            names = (item.originalname, *asked.values())
            if asked.get("kind") == "postgresql" and not any(name in kept for name in names):
                item.add_marker(pytest.mark.soak)


@pytest.fixture(scope="module")
def mirrored(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database into which the module's stand-in was mirrored once."""
    return mirror_once(simulator, tmp_path_factory.mktemp("mirrored"))


@pytest.fixture
def cli(simulator: Simulator, mirrored: Path, tmp_path: Path) -> Cli:
    """The city's command line on a copy of its database."""
    return city(simulator, Path(shutil.copy(mirrored, tmp_path / "city.db")))


@pytest.fixture
def town(tmp_path: Path, new_database: Callable[[], str]) -> Iterator[Rig]:
    """A city on either database."""
    with rig(tmp_path, new_database(), seed=5) as one:
        yield one
