"""Alembic's entry: runs inside the connection and transaction that `upgrade` holds."""

from __future__ import annotations

from alembic import context
from sqlalchemy import text

from lapor_sync.store.keys import MIGRATION, TURN
from lapor_sync.store.schema import metadata


def run() -> None:
    """Apply what is missing."""
    conn = context.config.attributes["connection"]
    if conn.dialect.name == "postgresql":
        for key in (MIGRATION, TURN):  # and nobody writes meanwhile, for whichever agency
            conn.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})
    context.configure(connection=conn, target_metadata=metadata, transactional_ddl=False)
    context.run_migrations()


run()
