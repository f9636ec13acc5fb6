"""Reports, one a line, by OPD, or for a spreadsheet."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import TYPE_CHECKING

from lapor_sync import output
from lapor_sync.domain.thread import words
from lapor_sync.interface import Json, report
from lapor_sync.layout import GAP, PROSE, cut, layout
from lapor_sync.output import STYLES, plain, say, say_csv, styled
from lapor_sync.screens.parts import advise, bold, day, shade, table

if TYPE_CHECKING:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from lapor_sync.store.overview import Listed

_REPORT_COLUMNS = ("Tracking ID", "Colour", "Waits for", "Due", "OPD", "Status", "Title", "Flags")


REPORT_WIDTHS = (11, 6, 9, 15, 28, 28, 60, 0)


_BESIDE = 5
"""So many of them stand beside each other on a terminal of 80 columns, the rest below."""


def reports(rows: Iterable[Json], zone: ZoneInfo, *, empty: str = "") -> None:
    """Show reports as they come, one a line, or in two where the terminal is narrow; `empty`: what no report means."""
    room = output.columns() or sys.maxsize
    is_narrow = room < sum(REPORT_WIDTHS) + len(GAP) * len(REPORT_WIDTHS)
    widths = (*REPORT_WIDTHS[:_BESIDE], sum(REPORT_WIDTHS[_BESIDE:])) if is_narrow else REPORT_WIDTHS
    laid_out = layout(widths, room)
    found = False
    for row in rows:
        if not found:
            say(bold(laid_out(_in_two(_REPORT_COLUMNS, room) if is_narrow else _REPORT_COLUMNS)))
        found = True
        cells = _report_cells(row, zone)
        say(laid_out(_in_two(cells, room) if is_narrow else cells))
    if not found:
        advise(empty or NOTHING_MIRRORED)


NOTHING_MIRRORED = (
    "No report. Is nothing mirrored yet? See `lapor-sync status`; the first is `lapor-sync --backfill`."
)


def _report_cells(row: Json, zone: ZoneInfo) -> tuple[str, ...]:
    return (
        plain(row["tracking_id"]),
        shade(row["colour"]),
        row["waiting_on"] or "-",
        due(row, zone),
        cut(plain(row["opd_name"] or row["opd"]), 28),
        cut(plain(row["status_name"]), 28),
        cut(title_of(row), 60),
        " ".join(row["flags"]),
    )


def _in_two(cells: Sequence[str], room: int) -> tuple[str, ...]:
    """Return a report's cells with what it is about in one, for a line of its own."""
    status, title, flags = cells[_BESIDE:]
    about = cut(f"{status}: {title}", max(room - REPORT_WIDTHS[0] - len(GAP), PROSE))
    return (*cells[:_BESIDE], f"{about} [{flags}]" if flags else about)


def title_of(row: Json) -> str:
    """Return a report's title; that of a rahasia report is told by `show` alone."""
    return "(rahasia)" if row["is_secret"] and row["title"] is None else plain(row["title"])


def due(row: Json, zone: ZoneInfo) -> str:
    """Return the day on which a report is due, and that it is late."""
    if row["deadline"] is None:
        return "-"
    due = day(row["deadline"]["due_at"], zone)
    return styled(f"{due} late", "merah") if row["overdue"] else due


def by_opd(found: Iterable[Json]) -> None:
    """Show each OPD's reports by colour and how many are late."""
    keys = ("merah", "kuning", "hijau", "abu", "unknown", "reports", "overdue")
    opds = list(found)
    rows = [
        (
            plain(one["opd"]),
            plain(one["opd_name"] or ("-" if one["opd"] else "not disposed")),
            *(str(one[key]).rjust(len(key)) for key in keys),
        )
        for one in opds
    ]
    if len(rows) > 1:
        rows.append(("", "all", *(str(sum(one[key] for one in opds)).rjust(len(key)) for key in keys)))
    names = [shade(key) if key in STYLES else key for key in keys]
    table(("Id", "OPD", *names), rows, empty=NOTHING_MIRRORED, words=1)


CSV_COLUMNS = (
    *("tracking_id", "title", "status_name", "colour", "waiting_on", "flags", "opd", "opd_name"),
    *("classification", "category", "channel", "is_secret", "is_anonymous", "created_at", "updated_at"),
    *("closed_at", "answers", "thread_known", "deadline_clock", "due_at", "overdue", "colour_rules", "content"),
    *("place", "kecamatan", "kelurahan", "rating", "is_priority"),
    *("verified_at", "first_disposition_at", "first_answer_at", "vanished_at"),
)


def reports_csv(rows: Iterable[Listed], now: datetime, *, include_rahasia: bool, excel: bool = False) -> None:
    """Print reports for a spreadsheet. A rahasia report's title and content are left out unless asked for."""
    lines = (_csv_row(row, now, include_rahasia=include_rahasia) for row in rows)
    say_csv(chain([CSV_COLUMNS], lines), excel=excel)


def _csv_row(row: Listed, now: datetime, *, include_rahasia: bool) -> list[object]:
    one = report(row, now, with_rahasia=include_rahasia)
    deadline = one.pop("deadline") or {"clock": None, "due_at": None}
    one |= {"deadline_clock": deadline["clock"], "due_at": deadline["due_at"], "flags": json.dumps(one["flags"])}
    one["content"] = None if one["is_secret"] and not include_rahasia else words(row.report.report.content)
    return [one[column] for column in CSV_COLUMNS]
