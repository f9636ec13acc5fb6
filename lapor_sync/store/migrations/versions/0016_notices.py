"""channels of people, and the notices that go there

A program of schema 0015 that is still at work goes on working beside it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_KIND = "kind = 'digest' OR kind = 'new_report' OR kind = 'stuck' OR kind = 'system' OR kind = 'posts'"
_STATE = "state = 'waiting' OR state = 'sending' OR state = 'sent' OR state = 'in_doubt' OR state = 'given_up'"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "channel",
        _serial(),
        _text("agency"),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        _text("kind"),
        _text("address"),
        _text("wants"),
        _text("made_at"),
        _text("verified_at", nullable=True),
        _text("code_hash", nullable=True),
        _text("code_at", nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
    )
    op.create_index("channel_person", "channel", ["agency", "person_id"])
    op.create_table(
        "notice",
        _serial(),
        _text("agency"),
        _text("channel"),
        sa.Column("person_id", sa.BigInteger()),
        _text("key"),
        _text("kind"),
        _text("facts"),
        _text("made_at"),
        _text("state"),
        sa.Column("tries", sa.Integer(), nullable=False),
        _text("next_try_at", nullable=True),
        _text("ended_at", nullable=True),
        _text("why", nullable=True),
        sa.CheckConstraint(_KIND, name="notice_kind"),
        sa.CheckConstraint(_STATE, name="notice_state"),
    )
    op.create_index("notice_key", "notice", ["agency", "channel", "key"], unique=True)
    op.create_index("notice_made", "notice", ["agency", "made_at"])
    where = sa.text("state IN ('waiting', 'sending')")
    op.create_index("notice_open", "notice", ["agency", "id"], sqlite_where=where, postgresql_where=where)


def _serial() -> sa.Column[int]:
    kind = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column("id", kind, primary_key=True, autoincrement=True)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=nullable)
