"""people: accounts, posts, tenures, sessions, links, tries to sign in

A program of schema 0008 that is still at work goes on working beside it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

ROLES = "'officer', 'admin', 'leader', 'inspector'"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "person",
        _serial(),
        _text("agency"),
        _text("sign_in"),
        _text("name"),
        _text("password", nullable=True),
        _text("made_at"),
        _text("last_sign_in_at", nullable=True),
        _text("ended_at", nullable=True),
    )
    op.create_index("person_sign_in", "person", ["agency", "sign_in"], unique=True)
    op.create_table(
        "post",
        _serial(),
        _text("agency"),
        _text("role"),
        _text("opd"),
        _text("made_at"),
        sa.CheckConstraint(f"role IN ({ROLES})", name="post_role"),
    )
    op.create_index("post_of", "post", ["agency", "role", "opd"], unique=True)
    op.create_table(
        "tenure",
        _serial(),
        _text("agency"),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("post_id", sa.BigInteger(), nullable=False),
        _text("since"),
        _text("until", nullable=True),
        sa.Column("is_over", sa.SmallInteger(), nullable=False),
    )
    op.create_index("tenure_person", "tenure", ["agency", "person_id"])
    op.create_index("tenure_post", "tenure", ["agency", "post_id"])
    op.create_table(
        "session",
        sa.Column("agency", sa.Text(), primary_key=True),
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        _text("token_hash"),
        _text("origin"),
        _text("begun_at"),
        _text("seen_at"),
        _text("ended_at", nullable=True),
    )
    op.create_index("session_token", "session", ["agency", "token_hash"], unique=True)
    op.create_index("session_person", "session", ["agency", "person_id", "begun_at"])
    op.create_table(
        "link",
        sa.Column("agency", sa.Text(), primary_key=True),
        sa.Column("token_hash", sa.Text(), primary_key=True),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        _text("made_at"),
        _text("ended_at", nullable=True),
    )
    op.create_index("link_person", "link", ["agency", "person_id"])
    op.create_table("sign_in_try", _serial(), _text("agency"), _text("account"), _text("origin"), _text("at"))
    op.create_index("sign_in_try_account", "sign_in_try", ["agency", "account"])
    op.create_index("sign_in_try_origin", "sign_in_try", ["agency", "origin"])


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _serial() -> sa.Column[int]:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column("id", number, primary_key=True, autoincrement=True)
