"""the status name that is not known, under which a person lets an answer go all the same

A program of schema 0006 that is still at work goes on working beside it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.add_column("delivery", sa.Column("accepted_status", sa.Text(), nullable=True))
