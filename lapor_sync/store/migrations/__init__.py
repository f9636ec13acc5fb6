"""Alembic, driven from code: there is no alembic.ini to find on a city's server."""

from __future__ import annotations

import threading
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine

_turn = threading.Lock()  # Alembic keeps the migration at hand in globals


def config() -> Config:
    """Where the scripts are."""
    made = Config()
    made.set_main_option("script_location", str(Path(__file__).parent))
    return made


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring the database to `revision` in one transaction; whoever else tries at once waits."""
    made = config()
    with _turn, engine.connect() as conn, conn.begin():
        made.attributes["connection"] = conn
        command.upgrade(made, revision)
