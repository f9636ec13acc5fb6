"""indexes of the lists that people look at, numbers of each OPD, and the files of citizens

A program of schema 0010 that is still at work goes on working beside it: the numbers are kept by triggers.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    _lists()
    _numbers()
    _files()


def _lists() -> None:
    """Each list in its own order, of all, of an OPD, and of what is open."""
    for name in ("report_opd", "report_due"):
        op.drop_index(name, "report")
    op.create_index("report_opd", "report", ["agency", "disposition_id", "created_at", "tracking_id"])
    op.create_index("report_received", "report", ["agency", "created_at", "tracking_id"])
    for name, columns, where in (
        ("open", ["created_at", "tracking_id"], OPEN),
        ("due", ["due_at", "tracking_id", "waiting_on"], "due_at IS NOT NULL"),
        ("again", ["updated_at", "tracking_id"], AGAIN),
        ("closing", ["auto_close_at", "tracking_id"], "auto_close_at IS NOT NULL"),
    ):
        partial(f"report_{name}", "report", columns, where)
        partial(f"report_{name}_opd", "report", ["disposition_id", *columns], where)


OPEN = "(colour IS NULL OR colour = 'merah' OR colour = 'kuning')"
AGAIN = "answers > 0 AND (waiting_on = 'opd' OR waiting_on = 'admin' OR waiting_on = 'verifier')"


def partial(name: str, table: str, columns: list[str], where: str) -> None:
    """An index over an agency's rows of one sort."""
    op.create_index(
        name, table, ["agency", *columns], sqlite_where=sa.text(where), postgresql_where=sa.text(where)
    )


def texts(*names: str, nullable: bool = False) -> list[sa.Column[str]]:
    """Columns of text."""
    return [sa.Column(name, sa.Text(), nullable=nullable) for name in names]


def _numbers() -> None:
    """How many reports of each colour an OPD has: kept with each write, since to count a million takes a second."""
    op.create_table(
        "opd_number",
        *(sa.Column(name, sa.Text(), primary_key=True) for name in ("agency", "opd", "colour")),
        sa.Column("number", sa.BigInteger(), nullable=False),
    )
    op.execute(f"INSERT INTO opd_number SELECT {KEY.format('')}, count(*) FROM report GROUP BY 1, 2, 3")
    for sql in SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRESQL:
        op.execute(sql)


KEY = "{0}agency, coalesce({0}disposition_id, ''), coalesce({0}colour, '')"


def _one(row: str, number: int) -> str:
    return (
        f"INSERT INTO opd_number (agency, opd, colour, number) VALUES ({KEY.format(row + '.')}, {number}) "
        f"ON CONFLICT (agency, opd, colour) DO UPDATE SET number = number + ({number})"
    )


SQLITE = (
    f"CREATE TRIGGER report_added AFTER INSERT ON report BEGIN {_one('NEW', 1)}; END",
    f"CREATE TRIGGER report_gone AFTER DELETE ON report BEGIN {_one('OLD', -1)}; END",
    "CREATE TRIGGER report_moved AFTER UPDATE OF agency, disposition_id, colour ON report "
    "WHEN OLD.colour IS NOT NEW.colour OR OLD.disposition_id IS NOT NEW.disposition_id "
    f"OR OLD.agency <> NEW.agency BEGIN {_one('OLD', -1)}; {_one('NEW', 1)}; END",
)


def _all(rows: str) -> str:
    """A statement for all rows that one statement changed, in one order: two writers never wait for each other."""
    return (
        "INSERT INTO opd_number AS had (agency, opd, colour, number) "
        f"SELECT agency, opd, colour, sum(number) FROM ({rows}) AS moved (agency, opd, colour, number) "
        "GROUP BY 1, 2, 3 HAVING sum(number) <> 0 ORDER BY 1, 2, 3 "
        "ON CONFLICT (agency, opd, colour) DO UPDATE SET number = had.number + excluded.number; RETURN NULL;"
    )


_NEW, _OLD = (f"SELECT {KEY.format('')}, {number} FROM {rows}" for rows, number in (("new", 1), ("old", -1)))

POSTGRESQL = tuple(
    sql
    for name, event, tables, rows in (
        ("added", "INSERT", "NEW TABLE AS new", _NEW),
        ("gone", "DELETE", "OLD TABLE AS old", _OLD),
        ("moved", "UPDATE", "OLD TABLE AS old NEW TABLE AS new", f"{_NEW} UNION ALL {_OLD}"),
    )
    for sql in (
        f"CREATE FUNCTION report_{name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {_all(rows)} END $$",
        f"CREATE TRIGGER report_{name} AFTER {event} ON report REFERENCING {tables} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION report_{name}()",
    )
)


def _files() -> None:
    """What became of each file that a citizen attached."""
    op.create_table(
        "citizen_file",
        *(sa.Column(name, sa.Text(), primary_key=True) for name in ("agency", "tracking_id", "key")),
        *texts("address", "state"),
        *texts("why", nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        *texts("seen_at"),
        *texts("next_try_at", "kept_at", "kind", "stored", "small", nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("state IN ('wanted', 'kept', 'absent', 'dropped')", name="citizen_file_state"),
    )
    partial("citizen_file_wanted", "citizen_file", ["next_try_at"], "state = 'wanted'")
    partial("citizen_file_kept", "citizen_file", ["stored", "small", "size"], "state = 'kept'")
