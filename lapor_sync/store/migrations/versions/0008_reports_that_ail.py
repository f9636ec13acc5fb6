"""reports whose last read took all its time or brought too much

A program of schema 0007 that is still at work goes on working beside it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.create_table(
        "ailing",
        sa.Column("agency", sa.Text(), primary_key=True),
        sa.Column("report_id", sa.Text(), primary_key=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("until", sa.Text(), nullable=False),
    )
