"""The pages are tested on SQLite: what differs between databases is below them, and tested there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from lapor_sync.domain.people import Post
from lapor_sync.store.database import Store, open_store
from lapor_sync.web.board import Board
from tests.databases import StillClock, fresh
from tests.web.site import Enter, board_on, client_of, enter_as


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def store(tmp_path: Path, clock: StillClock) -> Iterator[Store]:
    with fresh("sqlite", tmp_path) as url:
        opened = open_store(url, "kota", clock)
        yield opened
        opened.close()


@pytest.fixture
def board(store: Store) -> Board:
    return board_on(store)


@pytest.fixture
def client(board: Board) -> FlaskClient:
    return client_of(board)


@pytest.fixture
def enter(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> Enter:
    """Lets that browser have a session of somebody who holds these posts."""

    def entered(*posts: Post) -> FlaskClient:
        enter_as(monkeypatch, client, *posts)
        return client

    return entered
