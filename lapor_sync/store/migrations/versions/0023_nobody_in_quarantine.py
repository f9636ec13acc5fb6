"""nobody in quarantine who is not to be known

Earlier programs put what cannot be read away as it came: with the name of a reporter who may not be known. There it
stayed until the record was read again. What now says less than the program would keep is told in full at that read.
"""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

from lapor_sync.domain.personal import without_persons

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_NAMED = """
    EXISTS (SELECT 1 FROM report WHERE report.agency = quarantine.agency AND report.reporter_name IS NOT NULL
            AND (report.tracking_id = quarantine.report_id OR report.upstream_id = quarantine.report_id))
"""
"""Where a name was taken over, the source said that its reporter may be known."""


def upgrade() -> None:
    """Keep what the program keeps from now on."""
    conn = op.get_bind()
    keys = [sa.column(name, sa.Text) for name in ("agency", "source", "key")]
    raw = sa.column("raw", sa.Text)
    table = sa.table("quarantine", *keys, raw)
    same = [column == sa.bindparam(f"its_{column.name}") for column in keys]
    write = sa.update(table).where(*same).values(raw=sa.bindparam("kept"))
    rows = conn.execute(sa.select(*keys, raw, sa.text(f"{_NAMED} AS is_named")).order_by(*keys)).all()
    changed = [
        {"kept": kept, "its_agency": row.agency, "its_source": row.source, "its_key": row.key}
        for row in rows
        if (kept := _kept(row.source, row.raw, is_named=bool(row.is_named))) != row.raw
    ]
    if changed:
        conn.execute(write, changed)


def _kept(source: str, raw: str, *, is_named: bool) -> str:
    if source == "export":
        return _without_its_column(raw)
    is_whole = is_named or (
        source != "thread" and not raw.startswith("{")
    )  # else a row, or a detail, is no report
    return raw if is_whole else without_persons(raw)


def _without_its_column(raw: str) -> str:
    try:
        row = json.loads(raw)
    except ValueError:
        return raw
    if not isinstance(row, dict) or "Nama Pelapor" not in row:
        return raw
    return json.dumps({name: cell for name, cell in row.items() if name != "Nama Pelapor"}, ensure_ascii=False)
