"""the agencies' own texts for answers, the filters that people gave a name, and tries to sign in by their time

A program of the schema before that is still at work goes on working beside it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "own_text",
        _serial(),
        _text("agency"),
        _text("opd"),
        _text("title"),
        _text("text"),
        _text("made_at"),
    )
    op.create_index("own_text_opd", "own_text", ["agency", "opd", "title"], unique=True)
    op.create_table(
        "saved_filter",
        _serial(),
        _text("agency"),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        _text("name"),
        _text("query"),
        _text("made_at"),
    )
    op.create_index("saved_filter_person", "saved_filter", ["agency", "person_id", "name"], unique=True)
    op.create_index("sign_in_try_at", "sign_in_try", ["agency", "at"])


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)


def _serial() -> sa.Column[int]:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column("id", number, primary_key=True, autoincrement=True)
