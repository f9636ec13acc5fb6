"""instructions found

*Tugas* lists the instructions that nothing was answered to: an agency's last ones are found without a look at its notes.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Keep the instructions in order."""
    where = sa.text("is_instruction = 1")
    op.create_index("note_instruction", "note", ["agency", "id"], sqlite_where=where, postgresql_where=where)
