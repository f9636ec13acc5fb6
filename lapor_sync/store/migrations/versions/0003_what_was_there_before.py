"""what stood upstream when a try left, by this machine's own clock too, and reports that answer for another one

A program of schema 0002 that is still at work goes on working beside it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    for table, names in (("report", ("other_since", "other_id")), ("delivery", ("ended_uptime", "scene"))):
        for name in names:
            op.add_column(table, sa.Column(name, sa.Text(), nullable=True))
