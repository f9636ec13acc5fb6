"""words apart at each block of a text

Texts whose blocks follow one another without a closing tag (`Satu<hr>Dua`, cells of a table, headings) were one word in
the SQL views and in what is searched. They are written as the program writes them from now on.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from lapor_sync.domain.thread import paragraphs

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Write the texts of what holds markup anew, where they differ."""
    _write_texts("report", ("agency", "tracking_id"))
    _write_texts("thread_item", ("agency", "tracking_id", "item_id"))


_AT_A_TIME = 1000


def _write_texts(name: str, keys: tuple[str, ...]) -> None:
    columns = [sa.column(key, sa.Text) for key in keys]
    content, content_text = sa.column("content", sa.Text), sa.column("content_text", sa.Text)
    table = sa.table(name, *columns, content, content_text)
    same = [column == sa.bindparam(f"its_{column.name}") for column in columns]
    write = sa.update(table).where(*same).values(content_text=sa.bindparam("shown"))
    query = sa.select(*columns, content, content_text).where(content_text.is_not(None)).order_by(*columns)
    conn = op.get_bind()
    last: tuple[str, ...] | None = None
    while True:
        after = query if last is None else query.where(sa.tuple_(*columns) > sa.tuple_(*map(sa.literal, last)))
        rows = list(conn.execute(after.limit(_AT_A_TIME)))
        if not rows:
            return
        last = tuple(rows[-1][:-2])
        changed = [
            {"shown": text, **{f"its_{key}": value for key, value in zip(keys, row, strict=False)}}
            for row in rows
            if (text := paragraphs(row.content)) != row.content_text
        ]
        if changed:
            conn.execute(write, changed)
