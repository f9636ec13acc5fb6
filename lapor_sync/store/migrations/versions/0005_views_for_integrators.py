"""views that say all in one form: truths, lists, texts; and what a city's dashboards ask for

A program of schema 0004 that is still at work goes on working beside it, but knows nothing of the text beside the HTML
of what it writes: restart it. On PostgreSQL whoever may read the views is to be granted that again.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from lapor_sync.domain.thread import paragraphs

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables and views."""
    for table, names in (
        ("report", ("kecamatan", "kelurahan", "content_text")),
        ("thread_item", ("content_text",)),
    ):
        for name in names:
            op.add_column(table, sa.Column(name, sa.Text(), nullable=True))
    for table, keys in (
        ("report", ("agency", "tracking_id")),
        ("thread_item", ("agency", "tracking_id", "item_id")),
    ):
        fill_texts(table, keys)
    op.execute("DROP VIEW v_reports")
    op.execute("DROP VIEW v_thread")
    for view in (v_reports(), v_thread(), V_HISTORY, V_DELIVERIES, V_CONFLICTS, V_INSTITUTIONS):
        op.execute(view)


def fill_texts(name: str, keys: tuple[str, ...]) -> None:
    """Write the text of what holds markup, as the program does for what it reads from now on."""
    columns = [sa.column(key, sa.Text) for key in keys]
    content, content_text = sa.column("content", sa.Text), sa.column("content_text", sa.Text)
    table = sa.table(name, *columns, content, content_text)
    same = [column == sa.bindparam(f"its_{column.name}") for column in columns]
    write = sa.update(table).where(*same).values(content_text=sa.bindparam("shown"))
    conn = op.get_bind()
    last: tuple[str, ...] | None = None
    while True:
        query = sa.select(*columns, content).order_by(*columns).limit(1000)
        if last is not None:
            query = query.where(sa.tuple_(*columns) > sa.tuple_(*(sa.literal(key) for key in last)))
        rows = list(conn.execute(query))
        if not rows:
            return
        last = tuple(rows[-1][:-1])
        shown = [(row, paragraphs(row.content)) for row in rows]
        changed = [
            {"shown": text, **{f"its_{key}": value for key, value in zip(keys, row, strict=False)}}
            for row, text in shown
            if text != row.content
        ]
        if changed:
            conn.execute(write, changed)


def v_reports() -> str:
    """The view of reports; what tells now, each database says in its own way."""
    now = _NOW_SQLITE if op.get_bind().dialect.name == "sqlite" else _NOW_POSTGRESQL
    told = ", ".join(f"CASE WHEN is_secret = 1 THEN NULL ELSE {name} END AS {shown}" for name, shown in _HIDDEN)
    return f"""
        CREATE VIEW v_reports AS
        SELECT report.agency, report.tracking_id, {told}, status_name, colour, waiting_on, flags,
               disposition_id AS opd, disposition_name AS opd_name, classification, category, channel,
               (is_secret = 1) AS is_secret, (is_anonymous = 1) AS is_anonymous, (is_priority = 1) AS is_priority,
               rating, created_at, updated_at, closed_at, vanished_at, answers,
               (thread_read_at IS NOT NULL) AS thread_known, deadline_clock, due_at,
               coalesce(due_at < {now}, 1 = 0) AS overdue, colour_rules,
               (SELECT min(at) FROM status_change AS change
                WHERE change.agency = report.agency AND change.tracking_id = report.tracking_id AND change.at <> ''
                      AND {_FOLDED} = 'terverifikasi') AS verified_at,
               (SELECT min(item.created_at) FROM thread_item AS item
                WHERE item.agency = report.agency AND item.tracking_id = report.tracking_id
                      AND item.kind = 'disposition' AND item.gone_at IS NULL) AS first_disposition_at,
               (SELECT min(item.created_at) FROM thread_item AS item
                WHERE item.agency = report.agency AND item.tracking_id = report.tracking_id
                      AND item.kind = 'answer' AND item.gone_at IS NULL) AS first_answer_at
        FROM report
    """


_HIDDEN = (
    ("title", "title"),
    ("coalesce(content_text, content)", "content"),
    ("content", "content_html"),
    ("location", "place"),
    ("kecamatan", "kecamatan"),
    ("kelurahan", "kelurahan"),
)
_FOLDED = "lower(replace(replace(replace(change.status_new, ' ', ''), '-', ''), '_', ''))"
_NOW_SQLITE = "strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')"
_NOW_POSTGRESQL = """to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""

V_HISTORY = """
CREATE VIEW v_history AS
SELECT change.agency, change.tracking_id, CASE WHEN change.at = '' THEN NULL ELSE change.at END AS at,
       change.status_old, CASE WHEN change.status_new = '' THEN NULL ELSE change.status_new END AS status_new,
       CASE WHEN report.is_secret = 1 THEN NULL ELSE change.note END AS note
FROM status_change AS change
JOIN report ON report.agency = change.agency AND report.tracking_id = change.tracking_id
"""

V_DELIVERIES = """
CREATE VIEW v_deliveries AS
SELECT delivery.agency, delivery.ref, delivery.tracking_id, delivery.kind, delivery.state, delivery.reason,
       CASE WHEN delivery.opd = '' THEN NULL ELSE delivery.opd END AS opd, delivery.target,
       (delivery.is_secret = 1) AS is_secret, delivery.by, delivery.written_at, delivery.tries, delivery.next_try_at,
       delivery.sent_at, delivery.seen_at,
       CASE WHEN delivery.is_secret = 1 OR coalesce(report.is_secret, 1) = 1 THEN NULL ELSE delivery.text END AS text
FROM delivery
LEFT JOIN report ON report.agency = delivery.agency AND report.tracking_id = delivery.tracking_id
"""

V_CONFLICTS = """
CREATE VIEW v_conflicts AS
SELECT agency, CAST(id AS TEXT) AS id, tracking_id, kind, ref, opened_at, why, settled_at, settled_by, how
FROM conflict
"""

V_INSTITUTIONS = "CREATE VIEW v_institutions AS SELECT agency, id, name FROM institution"


def v_thread() -> str:
    """The view of threads; attachments as objects, which each database makes in its own way."""
    files = _FILES_SQLITE if op.get_bind().dialect.name == "sqlite" else _FILES_POSTGRESQL
    return f"""
        CREATE VIEW v_thread AS
        SELECT item.agency, item.tracking_id, item.item_id AS id, item.kind, item.author,
               coalesce(item.content_text, item.content) AS content, item.created_at, ({files}) AS attachments,
               item.content AS content_html
        FROM thread_item AS item
        JOIN report ON report.agency = item.agency AND report.tracking_id = item.tracking_id
        WHERE item.gone_at IS NULL AND report.is_secret = 0
    """


_FILES_SQLITE = """
SELECT json_group_array(json_object('file_name', json_extract(file.value, '$[1]'),
                                    'extension', json_extract(file.value, '$[2]'),
                                    'url', json_extract(file.value, '$[0]')))
FROM json_each(item.attachments) AS file
"""

_FILES_POSTGRESQL = """
SELECT coalesce(json_agg(json_build_object('file_name', file -> 1, 'extension', file -> 2, 'url', file -> 0)),
                '[]')::text
FROM json_array_elements(item.attachments::json) AS file
"""
