"""Alembic's entry: runs inside the connection and transaction that `upgrade` holds."""

from __future__ import annotations

from alembic import context
from sqlalchemy import text

from lapor_sync.store.schema import metadata

_LOCK = 0x1A90_5C4E  # PostgreSQL: two processes that migrate at once take turns


def run() -> None:
    """Apply what is missing."""
    conn = context.config.attributes["connection"]
    if conn.dialect.name == "postgresql":
        conn.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    context.configure(connection=conn, target_metadata=metadata, transactional_ddl=False)
    context.run_migrations()


run()
