"""the first tables"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.create_table(
        "attempt",
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("http_status", sa.Integer(), nullable=True),
        sa.Column("ms", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("ref", "n"),
    )
    op.create_table(
        "audit",
        sa.Column(
            "seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("prev_hash", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("audit_subject", "audit", ["agency", "subject", "seq"], unique=False)
    op.create_table(
        "conflict",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("tracking_id", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=True),
        sa.Column("opened_at", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("settled_at", sa.Text(), nullable=True),
        sa.Column("settled_by", sa.Text(), nullable=True),
        sa.Column("how", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "conflict_open",
        "conflict",
        ["agency", "tracking_id"],
        unique=False,
        sqlite_where=sa.text("settled_at IS NULL"),
        postgresql_where=sa.text("settled_at IS NULL"),
    )
    op.create_table(
        "delivery",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("tracking_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("opd", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("is_secret", sa.SmallInteger(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("written_at", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("waits", sa.Integer(), nullable=False),
        sa.Column("next_try_at", sa.Text(), nullable=True),
        sa.Column("ended_at", sa.Text(), nullable=True),
        sa.Column("baseline", sa.Text(), nullable=True),
        sa.Column("accepted_closed", sa.SmallInteger(), nullable=False),
        sa.Column("accepted_disposition", sa.Text(), nullable=True),
        sa.Column("sent_at", sa.Text(), nullable=True),
        sa.Column("seen_at", sa.Text(), nullable=True),
        sa.Column("seen_count", sa.Integer(), nullable=False),
        sa.CheckConstraint("kind IN ('response', 'forward')", name="delivery_kind"),
        sa.CheckConstraint(
            "state IN ('queued', 'sending', 'unknown', 'sent', 'refused', 'held', 'cancelled')",
            name="delivery_state",
        ),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("origin"),
        sa.UniqueConstraint("ref"),
    )
    op.create_index("delivery_open", "delivery", ["agency", "state", "tracking_id", "seq"], unique=False)
    op.create_index("delivery_report", "delivery", ["agency", "tracking_id", "seq"], unique=False)
    op.create_index(
        "delivery_unseen",
        "delivery",
        ["agency", "tracking_id"],
        unique=False,
        sqlite_where=sa.text("state = 'sent' AND seen_at IS NULL"),
        postgresql_where=sa.text("state = 'sent' AND seen_at IS NULL"),
    )
    op.create_table(
        "delivery_file",
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("ref", "n"),
    )
    op.create_table(
        "institution",
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("agency", "id"),
    )
    op.create_table(
        "mark",
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("agency", "name"),
    )
    op.create_table(
        "outage",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("since", sa.Text(), nullable=False),
        sa.Column("until", sa.Text(), nullable=True),
        sa.Column("what", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("outage_until", "outage", ["agency", "until"], unique=False)
    op.create_table(
        "quarantine",
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("report_id", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("raw", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("agency", "source", "key"),
    )
    op.create_table(
        "raw_payload",
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("tracking_id", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("read_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("agency", "tracking_id", "what"),
    )
    op.create_index("raw_payload_read_at", "raw_payload", ["agency", "read_at"], unique=False)
    op.create_table(
        "report",
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("tracking_id", sa.Text(), nullable=False),
        sa.Column("upstream_id", sa.Text(), nullable=True),
        sa.Column("status_name", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("disposition_id", sa.Text(), nullable=True),
        sa.Column("disposition_name", sa.Text(), nullable=True),
        sa.Column("classification", sa.Text(), nullable=True),
        sa.Column("category", sa.Text(), nullable=True),
        sa.Column("category_id", sa.Text(), nullable=True),
        sa.Column("location", sa.Text(), nullable=True),
        sa.Column("date_of_incident", sa.Text(), nullable=True),
        sa.Column("is_anonymous", sa.SmallInteger(), nullable=False),
        sa.Column("is_secret", sa.SmallInteger(), nullable=False),
        sa.Column("is_priority", sa.SmallInteger(), nullable=False),
        sa.Column("tags", sa.Text(), nullable=True),
        sa.Column("rating", sa.Text(), nullable=True),
        sa.Column("reporter_name", sa.Text(), nullable=True),
        sa.Column("created_at", sa.Text(), nullable=True),
        sa.Column("updated_at", sa.Text(), nullable=True),
        sa.Column("updated_at_is_day", sa.SmallInteger(), nullable=False),
        sa.Column("attachments", sa.Text(), nullable=False),
        sa.Column("row_hash", sa.Text(), nullable=True),
        sa.Column("read_at", sa.Text(), nullable=True),
        sa.Column("exported_at", sa.Text(), nullable=True),
        sa.Column("thread_read_at", sa.Text(), nullable=True),
        sa.Column("written_at", sa.Text(), nullable=True),
        sa.Column("settled", sa.SmallInteger(), nullable=False),
        sa.Column("next_read_at", sa.Text(), nullable=True),
        sa.Column("first_seen_at", sa.Text(), nullable=False),
        sa.Column("colour", sa.Text(), nullable=True),
        sa.Column("waiting_on", sa.Text(), nullable=True),
        sa.Column("flags", sa.Text(), nullable=False),
        sa.Column("colour_row", sa.Text(), nullable=False),
        sa.Column("colour_rules", sa.Text(), nullable=False),
        sa.Column("agreed", sa.Text(), nullable=True),
        sa.Column("answers", sa.Integer(), nullable=False),
        sa.Column("closed_at", sa.Text(), nullable=True),
        sa.Column("deadline_clock", sa.Text(), nullable=True),
        sa.Column("due_at", sa.Text(), nullable=True),
        sa.Column("auto_close_at", sa.Text(), nullable=True),
        sa.Column("missing_since", sa.Text(), nullable=True),
        sa.Column("vanished_at", sa.Text(), nullable=True),
        sa.Column("forwarded_from", sa.Text(), nullable=True),
        sa.CheckConstraint("agreed IN ('merah', 'kuning', 'hijau', 'abu')", name="report_agreed"),
        sa.CheckConstraint("colour IN ('merah', 'kuning', 'hijau', 'abu')", name="report_colour"),
        sa.CheckConstraint("waiting_on IN ('verifier', 'admin', 'opd', 'reporter')", name="report_waiting_on"),
        sa.PrimaryKeyConstraint("agency", "tracking_id"),
    )
    op.create_index(
        "report_closed",
        "report",
        ["agency", "closed_at"],
        unique=False,
        sqlite_where=sa.text("closed_at IS NOT NULL"),
        postgresql_where=sa.text("closed_at IS NOT NULL"),
    )
    op.create_index(
        "report_colour_opd", "report", ["agency", "colour", "disposition_id", "disposition_name"], unique=False
    )
    op.create_index(
        "report_due",
        "report",
        ["agency", "due_at"],
        unique=False,
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_index(
        "report_next_read",
        "report",
        ["agency", "next_read_at"],
        unique=False,
        sqlite_where=sa.text("next_read_at IS NOT NULL"),
        postgresql_where=sa.text("next_read_at IS NOT NULL"),
    )
    op.create_index(
        "report_open_age",
        "report",
        ["agency", "created_at"],
        unique=False,
        sqlite_where=sa.text("colour IN ('merah', 'kuning')"),
        postgresql_where=sa.text("colour IN ('merah', 'kuning')"),
    )
    op.create_index(
        "report_unsettled",
        "report",
        ["agency", "tracking_id"],
        unique=False,
        sqlite_where=sa.text("settled = 0"),
        postgresql_where=sa.text("settled = 0"),
    )
    op.create_index("report_upstream_id", "report", ["agency", "upstream_id"], unique=False)
    op.create_table(
        "status_change",
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("tracking_id", sa.Text(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("status_new", sa.Text(), nullable=False),
        sa.Column("status_old", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("agency", "tracking_id", "at", "status_new"),
    )
    op.create_table(
        "thread_item",
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("tracking_id", sa.Text(), nullable=False),
        sa.Column("item_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=True),
        sa.Column("institution_to", sa.Text(), nullable=True),
        sa.Column("template_code", sa.Text(), nullable=True),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Text(), nullable=True),
        sa.Column("status_old", sa.Text(), nullable=True),
        sa.Column("status_new", sa.Text(), nullable=True),
        sa.Column("attachments", sa.Text(), nullable=False),
        sa.Column("first_seen_at", sa.Text(), nullable=False),
        sa.Column("gone_at", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("agency", "tracking_id", "item_id"),
    )
    guard()
    views()


def guard() -> None:
    """What the database refuses by itself: changing the audit chain, and moves that a delivery does not have."""
    if op.get_bind().dialect.name == "sqlite":
        guard_sqlite()
    else:
        guard_postgresql()


# The moves as they were when this was written: a later migration changes them, not this one.
MOVES = (
    ("queued", ("sending", "held", "cancelled", "sent")),
    ("sending", ("sent", "refused", "unknown", "queued")),
    ("unknown", ("sent", "queued", "held")),
    ("held", ("queued", "cancelled")),
    ("refused", ("queued", "cancelled")),
)


def illegal_move() -> str:
    """The condition under which an update of a delivery's state is refused."""
    legal = " OR ".join(
        f"(OLD.state = '{before}' AND NEW.state IN ({', '.join(map(repr, after))}))" for before, after in MOVES
    )
    return f"OLD.state <> NEW.state AND NOT ({legal})"


def guard_sqlite() -> None:
    """REPLACE deletes without meeting a delete trigger on most connections: so an insert over a row is refused."""
    for event, when in (
        ("UPDATE", ""),
        ("DELETE", ""),
        ("INSERT", "WHEN EXISTS (SELECT 1 FROM audit WHERE seq = NEW.seq)"),
    ):
        op.execute(
            f"CREATE TRIGGER audit_no_{event.lower()} BEFORE {event} ON audit {when} "
            "BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"
        )
    op.execute(
        f"CREATE TRIGGER delivery_moves BEFORE UPDATE OF state ON delivery WHEN {illegal_move()} "
        "BEGIN SELECT RAISE(ABORT, 'a delivery has no such move'); END"
    )


def guard_postgresql() -> None:
    """The same on PostgreSQL, where TRUNCATE is an event of its own."""
    op.execute(
        "CREATE FUNCTION lapor_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '%', TG_ARGV[0]; END $$"
    )
    refuse = "EXECUTE FUNCTION lapor_refuse('the audit log is append-only')"
    op.execute(f"CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE ON audit FOR EACH ROW {refuse}")
    op.execute(f"CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit FOR EACH STATEMENT {refuse}")
    op.execute(
        f"CREATE TRIGGER delivery_moves BEFORE UPDATE OF state ON delivery FOR EACH ROW WHEN ({illegal_move()}) "
        "EXECUTE FUNCTION lapor_refuse('a delivery has no such move')"
    )


def views() -> None:
    """For other city systems that read the database; a rahasia report's content and thread are left out.

    Times are ISO 8601 text in UTC: they compare and sort as text, and cast to timestamptz on PostgreSQL.
    """
    op.execute(
        """
        CREATE VIEW v_reports AS
        SELECT agency, tracking_id, title, status_name, colour, waiting_on, flags,
               disposition_id AS opd, disposition_name AS opd_name, classification, category, channel,
               is_secret, is_anonymous, created_at, updated_at, closed_at, answers,
               CASE WHEN thread_read_at IS NULL THEN 0 ELSE 1 END AS thread_known,
               deadline_clock, due_at, colour_rules, vanished_at,
               CASE WHEN is_secret = 1 THEN NULL ELSE content END AS content
        FROM report
        """
    )
    op.execute(
        """
        CREATE VIEW v_thread AS
        SELECT item.agency, item.tracking_id, item.item_id AS id, item.kind, item.author, item.content,
               item.created_at, item.attachments
        FROM thread_item AS item
        JOIN report ON report.agency = item.agency AND report.tracking_id = item.tracking_id
        WHERE item.gone_at IS NULL AND report.is_secret = 0
        """
    )
