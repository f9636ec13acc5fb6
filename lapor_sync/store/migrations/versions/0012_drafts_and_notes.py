"""drafts of answers, internal notes, and LAPOR's templates for answers

A program of the schema before that is still at work goes on working beside it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "draft",
        sa.Column("agency", sa.Text(), primary_key=True),
        sa.Column("person_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("tracking_id", sa.Text(), primary_key=True),
        _text("text"),
        sa.Column("is_secret", sa.SmallInteger(), nullable=False),
        _text("seen"),
        _text("saved_at"),
    )
    op.create_table(
        "draft_heir",
        _serial(),
        _text("agency"),
        sa.Column("from_id", sa.BigInteger(), nullable=False),
        sa.Column("to_id", sa.BigInteger(), nullable=False),
        _text("opd"),
        _text("at"),
    )
    op.create_index("draft_heir_to", "draft_heir", ["agency", "to_id"])
    op.create_table(
        "note",
        _serial(),
        _text("agency"),
        _text("tracking_id"),
        _text("by"),
        _text("text"),
        sa.Column("is_instruction", sa.SmallInteger(), nullable=False),
        _text("day", nullable=True),
        _text("written_at"),
    )
    op.create_index("note_report", "note", ["agency", "tracking_id", "id"])
    op.create_table(
        "reply_template",
        sa.Column("agency", sa.Text(), primary_key=True),
        sa.Column("code", sa.Text(), primary_key=True),
        _text("title"),
        _text("content"),
    )


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _serial() -> sa.Column[int]:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column("id", number, primary_key=True, autoincrement=True)
