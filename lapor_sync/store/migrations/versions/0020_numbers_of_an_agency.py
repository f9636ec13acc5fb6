"""On PostgreSQL the numbers of people, deliveries and the like are an agency's own, as all other keys are.

So an agency moves in from a database of its own with its numbers as they are, which its audit names. SQLite counts
for the whole file: a city's file is its own. A program of schema 0019 goes on working beside it.
"""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

NUMBERED = {
    "delivery": "seq",
    **dict.fromkeys(
        (
            "channel",
            "conflict",
            "draft_heir",
            "factor",
            "note",
            "notice",
            "outage",
            "own_text",
            "person",
            "post",
            "saved_filter",
            "sign_in_try",
            "tenure",
        ),
        "id",
    ),
}


def upgrade() -> None:
    """Let each key begin with the agency."""
    if op.get_bind().dialect.name != "postgresql":
        return
    for table, column in NUMBERED.items():
        key = op.get_bind().execute(
            text("SELECT conname FROM pg_constraint WHERE conrelid = CAST(:table AS regclass) AND contype = 'p'"),
            {"table": table},
        )
        op.execute(
            f"ALTER TABLE {table} DROP CONSTRAINT {key.scalar_one()}, "
            f"ADD CONSTRAINT {table}_pkey PRIMARY KEY (agency, {column})"
        )
