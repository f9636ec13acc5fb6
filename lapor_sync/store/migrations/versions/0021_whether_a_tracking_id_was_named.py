"""whether a Tracking ID was named

Where the API's id of a report and its Tracking ID are the same number, an answer that names another Tracking ID could
not be told from one of an API that had named none before, and was taken for the same report.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing is known of what is there: the next answer tells."""
    op.add_column("report", sa.Column("named", sa.SmallInteger))
