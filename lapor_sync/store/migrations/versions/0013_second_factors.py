"""second factors, recovery codes, and sign-ins that are half done

A program of schema 0012 that is still at work goes on working beside it: what is half done is no session to it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "factor",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=True
        ),
        _text("agency"),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        _text("kind"),
        _text("name"),
        _text("secret"),
        _text("credential_id", nullable=True),
        sa.Column("counter", sa.BigInteger(), nullable=False),
        _text("made_at"),
        _text("last_used_at", nullable=True),
        sa.CheckConstraint("kind IN ('totp', 'passkey')", name="factor_kind"),
    )
    op.create_index("factor_person", "factor", ["agency", "person_id"])
    op.create_index("factor_credential", "factor", ["agency", "credential_id"], unique=True)
    op.create_table(
        "recovery_code",
        sa.Column("agency", sa.Text(), primary_key=True),
        sa.Column("code_hash", sa.Text(), primary_key=True),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        _text("made_at"),
        _text("used_at", nullable=True),
    )
    op.create_index("recovery_code_person", "recovery_code", ["agency", "person_id"])
    op.create_table(
        "half_sign_in",
        sa.Column("agency", sa.Text(), primary_key=True),
        sa.Column("token_hash", sa.Text(), primary_key=True),
        sa.Column("person_id", sa.BigInteger(), nullable=True),
        _text("origin"),
        _text("begun_at"),
        _text("ended_at", nullable=True),
        _text("challenge", nullable=True),
        _text("verifier", nullable=True),
    )
    op.create_index("half_sign_in_begun", "half_sign_in", ["agency", "begun_at"])
    op.add_column("session", _text("proved_at", nullable=True))


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=nullable)
