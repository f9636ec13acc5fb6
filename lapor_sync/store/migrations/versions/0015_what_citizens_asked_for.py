"""what citizens asked for, the single sign-on, and links by mail

A program of schema 0014 that is still at work goes on working beside it: but it mirrors anew what was erased, so none
should be.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    op.add_column("report", sa.Column("withheld", sa.Text(), nullable=True))
    op.add_column("person", sa.Column("sign_on", sa.Text(), nullable=True))
    op.create_index("person_sign_on", "person", ["agency", "sign_on"], unique=True)
    op.add_column("link", sa.Column("over_at", sa.Text(), nullable=True))
