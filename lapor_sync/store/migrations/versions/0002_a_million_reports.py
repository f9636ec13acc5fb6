"""indexes for a million reports, and what upstream said of a refused try

A program of schema 0001 that is still at work goes on working beside it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.drop_index("report_colour_opd", "report")
    op.drop_index("report_open_age", "report")
    op.create_index("report_colour", "report", ["agency", "colour", "tracking_id"])
    op.create_index("report_opd", "report", ["agency", "disposition_id", "tracking_id", "colour"])
    partial("report_named", "report", ["closed_at"], "closed_at IS NOT NULL AND reporter_name IS NOT NULL")
    partial("report_missing", "report", ["tracking_id"], "missing_since IS NOT NULL")
    partial("report_not_agreed", "report", ["tracking_id"], f"agreed {distinct_from()} {SHOWN}")
    op.drop_index("delivery_open", "delivery")
    op.drop_index("delivery_unseen", "delivery")
    op.create_index("delivery_state", "delivery", ["agency", "state", "seq"])
    op.add_column("attempt", sa.Column("why", sa.Text(), nullable=True))
    partial("delivery_waiting", "delivery", ["tracking_id", "seq"], f"state IN {WAITING}")


SHOWN = "CASE WHEN (vanished_at IS NULL) THEN coalesce(colour, agreed) END"
WAITING = "('held', 'queued', 'sending', 'unknown')"


def distinct_from() -> str:
    """A comparison for which null is a value; SQLite before 3.39 knows only the first way of saying it."""
    return "IS NOT" if op.get_bind().dialect.name == "sqlite" else "IS DISTINCT FROM"


def partial(name: str, table: str, columns: list[str], where: str) -> None:
    """An index over an agency's rows of one sort."""
    op.create_index(
        name, table, ["agency", *columns], sqlite_where=sa.text(where), postgresql_where=sa.text(where)
    )
