"""Every test of the store runs on real SQLite and on real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lapor_sync.store.database import Store, open_store
from tests.databases import StillClock, fresh
from tests.databases import little_disk as little_disk
from tests.databases import postgres_url as postgres_url


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    """Which database."""
    return str(request.param)


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def empty_url(kind: str, tmp_path: Path) -> Iterator[str]:
    """A new database without tables."""
    with fresh(kind, tmp_path, migrated=False) as url:
        yield url


@pytest.fixture
def url(kind: str, tmp_path: Path) -> Iterator[str]:
    """A new database with the tables."""
    with fresh(kind, tmp_path) as made:
        yield made


@pytest.fixture
def store(url: str, clock: StillClock) -> Iterator[Store]:
    """A store on a new database."""
    opened = open_store(url, "kota", clock)
    yield opened
    opened.close()


@pytest.fixture
def other_city(store: Store) -> Store:
    """Another agency in the same database: nothing of it may be seen or changed by the first."""
    return Store(store.engine, "kota-lain", store.clock)


@pytest.fixture
def sqlite_store(tmp_path: Path, clock: StillClock) -> Iterator[Store]:
    """A store on SQLite alone, for what only SQLite does."""
    with fresh("sqlite", tmp_path) as made:
        opened = open_store(made, "kota", clock)
        yield opened
        opened.close()


@pytest.fixture
def postgres_store(postgres_url: str, clock: StillClock) -> Iterator[Store]:
    """A store on PostgreSQL alone, for what only PostgreSQL does."""
    opened = open_store(postgres_url, "kota", clock)
    yield opened
    opened.close()
