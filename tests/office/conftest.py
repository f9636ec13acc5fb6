"""The office's tests run on real SQLite and on real PostgreSQL; passwords are hashed with little work."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher

from lapor_sync.office import passwords
from tests.store.conftest import clock as clock
from tests.store.conftest import kind as kind
from tests.store.conftest import other_city as other_city
from tests.store.conftest import store as store
from tests.store.conftest import url as url


@pytest.fixture(autouse=True)
def _little_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
