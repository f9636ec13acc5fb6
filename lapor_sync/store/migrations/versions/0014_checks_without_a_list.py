"""checks without a list

SQLite makes a table of its own of each list in `CHECK (x IN ('a', 'b'))`, for each row that is written: a report has
three. `x = 'a' OR x = 'b'` says the same and costs a ninth. PostgreSQL makes no such table, and keeps its words.
A program of schema 0013 that is still at work goes on working beside it.
"""

from __future__ import annotations

import re

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables anew: SQLite cannot change a check of one that is there."""
    conn = op.get_bind()
    if conn.dialect.name != "sqlite":
        return
    tables = conn.execute(sa.text(LISTED)).all()
    views = conn.execute(sa.text("SELECT name, sql FROM sqlite_master WHERE type = 'view' ORDER BY rowid")).all()
    for view, _ in views:  # none may look at a table that is away
        op.execute(f"DROP VIEW {view}")
    for name, made in tables:
        beside = conn.execute(sa.text(BESIDE), {"name": name}).scalars().all()
        before, checks = made.split("(", 1)
        conn.exec_driver_sql(f"{before.replace(name, f'{name}_new')}({CHECK.sub(spelled, checks)}")
        op.execute(f"INSERT INTO {name}_new SELECT * FROM {name}")
        op.drop_table(name)
        op.rename_table(f"{name}_new", name)
        for sql in beside:
            conn.exec_driver_sql(sql)
    for _, sql in views:
        conn.exec_driver_sql(sql)


LISTED = "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND sql LIKE '%CHECK (% IN (%'"
BESIDE = (
    "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND tbl_name = :name AND type <> 'table' ORDER BY rowid"
)
CHECK = re.compile(r"CHECK \((\w+) IN \(([^()]*)\)\)")


def spelled(check: re.Match[str]) -> str:
    """The same check, value by value."""
    column, values = check.groups()
    return f"CHECK ({' OR '.join(f'{column} = {value.strip()}' for value in values.split(','))})"
