"""what was written as a delivery stays: its words, its files, its tries

A program of schema 0005 that is still at work goes on working beside it.
"""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

REFUSAL = "what was written stays: see Erasing in docs/rules.md"
ERASING = "SELECT 1 FROM mark WHERE agency = '' AND name = 'erasing'"
"""A person who must erase says so in a row, and takes it away again: then it may be done."""

# What the program never changes. State, counts, times of tries and what was seen upstream are not among it.
WRITTEN = ("seq", "agency", "ref", "tracking_id", "kind", "opd", "target", "text", "is_secret", "by", "written_at")
CHANGED = {
    "delivery": (*WRITTEN, "origin"),
    "delivery_file": ("ref", "n", "agency", "file_name", "content"),
    "attempt": ("ref", "n", "agency", "at"),
}
OVER = {
    "attempt": " OR OLD.outcome IS NOT NULL",  # in the air until then: how it ended is written once
    "delivery": "",
    "delivery_file": "",
}
TAKEN = {
    "delivery": "seq = NEW.seq OR ref = NEW.ref OR origin = NEW.origin",
    "delivery_file": "(ref = NEW.ref AND n = NEW.n) OR rowid = NEW.rowid",
    "attempt": "(ref = NEW.ref AND n = NEW.n) OR rowid = NEW.rowid",
}


def upgrade() -> None:
    """Add the guards."""
    if op.get_bind().dialect.name == "sqlite":
        guard_sqlite()
    else:
        guard_postgresql()


def changed(table: str, distinct: str, *more: str) -> str:
    """The condition under which an update changes what must stay."""
    columns = (*(f'"{name}"' for name in CHANGED[table]), *more)
    return " OR ".join(f"OLD.{name} {distinct} NEW.{name}" for name in columns) + OVER[table]


def guard_sqlite() -> None:
    """An insert over a row is refused too, as in the audit: REPLACE deletes without meeting a delete trigger."""
    for table in CHANGED:
        for event, when in (
            ("UPDATE", changed(table, "IS NOT", "rowid")),
            ("DELETE", "1"),
            ("INSERT", f"EXISTS (SELECT 1 FROM {table} WHERE {TAKEN[table]})"),
        ):
            op.execute(
                f"CREATE TRIGGER {table}_no_{event.lower()} BEFORE {event} ON {table} "
                f"WHEN ({when}) AND NOT EXISTS ({ERASING}) BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
            )


def guard_postgresql() -> None:
    """The same on PostgreSQL, where a condition may ask no other table, and TRUNCATE is an event of its own."""
    op.execute(
        "CREATE FUNCTION lapor_keep() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN IF NOT EXISTS ({ERASING}) THEN RAISE EXCEPTION '%', TG_ARGV[0]; END IF; "
        "IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; RETURN NEW; END $$"
    )
    for table in CHANGED:
        keep = f"FOR EACH ROW {{}} EXECUTE FUNCTION lapor_keep('{REFUSAL}')"
        when = f"WHEN ({changed(table, 'IS DISTINCT FROM')})"
        op.execute(f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} {keep.format(when)}")
        op.execute(f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} {keep.format('')}")
        op.execute(
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT "
            f"EXECUTE FUNCTION lapor_refuse('{REFUSAL}')"
        )
