"""why a thread may not be whole or cannot be read, and the place of each item in it

A program of schema 0003 that is still at work goes on working beside it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    for name in ("thread_doubt", "thread_error"):
        op.add_column("report", sa.Column(name, sa.Text(), nullable=True))
    op.add_column("thread_item", sa.Column("position", sa.Integer(), nullable=True))
