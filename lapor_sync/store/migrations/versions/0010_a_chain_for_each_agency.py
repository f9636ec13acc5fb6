"""a chain for each agency, and what is unique within one

The chain that is there goes on as that of the agency that wrote most of it: no row of it is touched, so that each hash
stays true. A program of schema 0009 that is still at work goes on working beside it, in that chain.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    agency = op.get_bind().execute(sa.text(MOST)).scalar()
    chain = sa.Column("chain", sa.Text(), nullable=False, server_default=agency)
    if op.get_bind().dialect.name == "sqlite":
        rebuild_sqlite("audit", *audit(), chain, sa.PrimaryKeyConstraint("chain", "seq"))
        rebuild_sqlite("delivery", *delivery())
        guard_sqlite()
    else:
        op.add_column("audit", chain)
        op.drop_constraint("audit_pkey", "audit")
        op.create_primary_key("audit_pkey", "audit", ["chain", "seq"])
        for column in ("ref", "origin"):
            op.drop_constraint(f"delivery_{column}_key", "delivery")
            op.create_unique_constraint(f"delivery_{column}", "delivery", ["agency", column])
    here = sa.text(WRITTEN_HERE)
    op.create_index("delivery_written", "delivery", ["ref"], unique=True, sqlite_where=here, postgresql_where=here)


MOST = "SELECT agency FROM audit GROUP BY agency ORDER BY count(*) DESC, agency LIMIT 1"
WRITTEN_HERE = "(reason IS NULL OR reason <> 'recovered')"

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def texts(*names: str, nullable: bool = False) -> list[sa.Column[str]]:
    """Columns of text."""
    return [sa.Column(name, sa.Text(), nullable=nullable) for name in names]


def audit() -> list[Any]:
    """The columns that there were."""
    return [
        sa.Column("seq", _NUMBER, autoincrement=False, nullable=False),
        *texts("at", "agency", "who", "what", "subject", "data", "prev_hash", "hash"),
    ]


def delivery() -> list[Any]:
    """The table; what is unique in it is so within an agency."""
    return [
        sa.Column("seq", _NUMBER, primary_key=True, autoincrement=True),
        *texts("agency", "ref", "tracking_id", "kind", "opd"),
        *texts("target", nullable=True),
        *texts("text"),
        sa.Column("is_secret", sa.SmallInteger(), nullable=False),
        *texts("by", "written_at"),
        *texts("origin", nullable=True),
        *texts("state"),
        *texts("reason", nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("waits", sa.Integer(), nullable=False),
        *texts("next_try_at", "ended_at", "baseline", nullable=True),
        sa.Column("accepted_closed", sa.SmallInteger(), nullable=False),
        *texts("accepted_disposition", "sent_at", "seen_at", nullable=True),
        sa.Column("seen_count", sa.Integer(), nullable=False),
        *texts("ended_uptime", "scene", "accepted_status", nullable=True),
        sa.CheckConstraint("kind IN ('response', 'forward')", name="delivery_kind"),
        sa.CheckConstraint(STATES, name="delivery_state"),
        sa.UniqueConstraint("agency", "ref", name="delivery_ref"),
        sa.UniqueConstraint("agency", "origin", name="delivery_origin"),
    ]


STATES = "state IN ('queued', 'sending', 'unknown', 'sent', 'refused', 'held', 'cancelled')"


def rebuild_sqlite(name: str, *parts: Any) -> None:
    """Make a table anew with its rows: SQLite cannot change what is unique in one that is there.

    Its triggers and indexes come back in their own words, and so do the views, which must not look at it meanwhile.
    """
    conn = op.get_bind()
    old = [column["name"] for column in sa.inspect(conn).get_columns(name)]
    kept = conn.execute(sa.text(BESIDE), {"name": name}).scalars().all()
    views = conn.execute(sa.text("SELECT name FROM sqlite_master WHERE type = 'view'")).scalars().all()
    for view in views:
        op.execute(f"DROP VIEW {view}")
    op.create_table(f"{name}_new", *parts)
    columns = ", ".join(f'"{column}"' for column in old)
    op.execute(f"INSERT INTO {name}_new ({columns}) SELECT {columns} FROM {name}")
    op.drop_table(name)
    op.rename_table(f"{name}_new", name)
    for sql in kept:
        conn.exec_driver_sql(sql)


BESIDE = """
SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND (type = 'view' OR (tbl_name = :name AND type <> 'table'))
ORDER BY type = 'view', rowid
"""


def guard_sqlite() -> None:
    """The guards against an insert over a row, by what is unique now: see 0001 and 0006."""
    refuse = "BEGIN SELECT RAISE(ABORT, '{}'); END"
    op.execute("DROP TRIGGER audit_no_insert")
    op.execute(
        f"CREATE TRIGGER audit_no_insert BEFORE INSERT ON audit WHEN EXISTS (SELECT 1 FROM audit WHERE {TAKEN_ROW}) "
        + refuse.format("the audit log is append-only")
    )
    op.execute("DROP TRIGGER delivery_no_insert")
    op.execute(
        "CREATE TRIGGER delivery_no_insert BEFORE INSERT ON delivery "
        f"WHEN (EXISTS (SELECT 1 FROM delivery WHERE {TAKEN_DELIVERY})) AND NOT EXISTS ({ERASING}) "
        + refuse.format("what was written stays: see Erasing in docs/rules.md")
    )


TAKEN_ROW = "(chain = NEW.chain AND seq = NEW.seq) OR rowid = NEW.rowid"
TAKEN_DELIVERY = (
    "seq = NEW.seq OR (agency = NEW.agency AND (ref = NEW.ref OR origin = NEW.origin)) "
    "OR (ref = NEW.ref AND reason IS NOT 'recovered' AND NEW.reason IS NOT 'recovered')"
)
ERASING = "SELECT 1 FROM mark WHERE agency = '' AND name = 'erasing'"
