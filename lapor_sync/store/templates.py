"""LAPOR's templates for answers, as its master list has them."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import bindparam, delete, insert, select

from lapor_sync.domain.report import Template
from lapor_sync.store.database import Work
from lapor_sync.store.schema import reply_template as table

_COLUMNS = (table.c.code, table.c.title, table.c.content, table.c.type)


def replace_all(work: Work, found: Iterable[Template]) -> None:
    """Take over the master list; an empty one is no news."""
    rows = [{"agency": work.agency, **one._asdict()} for one in {one.code: one for one in found}.values()]
    if rows:
        work.conn.execute(delete(table).where(table.c.agency == work.agency))
        work.conn.execute(insert(table), rows)


def listing(work: Work) -> list[Template]:
    """LAPOR's templates by their titles; none where the list was never read."""
    return [Template(*row) for row in work.conn.execute(_LISTING, {"agency": work.agency})]


_LISTING = select(*_COLUMNS).where(table.c.agency == bindparam("agency")).order_by(table.c.title, table.c.code)
