"""what is open, counted

The numbers beside the filters of a list were counted by a look at each open report: on SQLite most of the page's time.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """PostgreSQL takes no text of any length into an index, and needs none."""
    if op.get_bind().dialect.name == "sqlite":
        op.create_index(
            "report_counted",
            "report",
            [
                *("agency", "disposition_id", "category", "kecamatan", "channel"),
                *("waiting_on", "colour", "classification", "is_secret"),
            ],
            sqlite_where=sa.text("(colour IS NULL OR colour = 'merah' OR colour = 'kuning')"),
        )
