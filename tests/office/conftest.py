"""The office's tests run on real SQLite and on real PostgreSQL."""

from __future__ import annotations

from tests.store.conftest import clock as clock
from tests.store.conftest import kind as kind
from tests.store.conftest import other_city as other_city
from tests.store.conftest import store as store
from tests.store.conftest import url as url
