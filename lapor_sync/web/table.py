"""A list of reports as a table to take away: its rows and columns, and the same as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from datetime import datetime, tzinfo
from typing import Any, NamedTuple

from lapor_sync.domain.colour import WaitingOn
from lapor_sync.output import cell
from lapor_sync.store import queries
from lapor_sync.store.database import Work
from lapor_sync.store.queries import Order, Wanted
from lapor_sync.web.board import Board
from lapor_sync.words import id as words

COLUMNS: Mapping[str, str] = {
    "tracking_id": "Nomor",
    "title": "Judul",
    "opd": "ID OPD",
    "opd_name": "OPD",
    "colour": "Warna kota",
    "waiting_on": "Menunggu",
    "status_name": "Status",
    "classification": "Klasifikasi",
    "category": "Kategori",
    "channel": "Kanal",
    "district": "Kecamatan",
    "created_at": "Diterima",
    "updated_at": "Berubah",
    "due_at": "Batas waktu",
    "is_overdue": "Terlambat",
    "is_secret": "Rahasia",
    "answers": "Jawaban",
}


class Sorted(NamedTuple):
    """In which order a list is: by what, and whether downwards."""

    by: Order
    is_down: bool


def part(
    work: Work, wanted: Wanted, within: queries.Within, order: Sorted | None, *, after: str | None, most: int
) -> queries.Page:
    """Return a part of a list in its order."""
    if order is None:
        return queries.page(work, wanted, within, after=after, most=most)
    return queries.sorted_page(work, wanted, within, order.by, is_down=order.is_down, after=after, most=most)


def csv_lines(made: Board, wanted: Wanted, within: queries.Within, order: Sorted | None) -> Iterator[str]:
    """Yield the list as CSV, a line at a time."""
    yield "\ufeff" + _line(list(COLUMNS.values()))
    for row in rows_of(made, wanted, within, order):
        yield _line([said(getattr(row, name), made.zone) for name in COLUMNS])


def rows_of(made: Board, wanted: Wanted, within: queries.Within, order: Sorted | None) -> Iterator[queries.Row]:
    """Yield every row of the list, a part at a time: whoever writes meanwhile waits for none of it."""
    after: str | None = None
    while True:
        with made.store.reading() as work:
            found = part(work, wanted, within, order, after=after, most=1000)
        yield from found.rows
        after = found.after
        if after is None:
            return


def _line(cells: list[Any]) -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=";").writerow([cell(value) for value in cells])
    return out.getvalue()


def said(value: Any, zone: tzinfo) -> str | int:
    """Return what stands in a cell."""
    if isinstance(value, datetime):
        return value.astimezone(zone).strftime("%Y-%m-%d %H:%M")
    if isinstance(value, WaitingOn):
        return words.WAITING[value]
    if isinstance(value, bool):
        return "ya" if value else "tidak"
    return "" if value is None else value if isinstance(value, int) else str(value)
