"""Our side without a wire: pages with their threads inside, through the product's own parsing, judging and storing.

`inside.py REPORTS DATABASE_URL` mirrors them all; run again it finds them unchanged. What dlt gets as dictionaries
(`peers/dlt_rest.py inside`), this gets as the same dictionaries.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import cast
from zoneinfo import ZoneInfo

import structlog

from benchmarks.upstream.replies import FIRST_ID, PAGE_SIZE, followups, row
from connectors.sp4n_v3 import reports, threads
from lapor_sync.__main__ import as_process
from lapor_sync.app import pace_of, rules_of
from lapor_sync.clock import SystemClock
from lapor_sync.config import Settings
from lapor_sync.domain.errors import Missing
from lapor_sync.domain.ports import Connector, ListedRow, ListPage
from lapor_sync.domain.report import Institution, Report, Template, Thread
from lapor_sync.store.database import open_store
from lapor_sync.sync.cycle import backfill
from lapor_sync.sync.pull import Tally
from lapor_sync.sync.setup import Setup

ZONE = ZoneInfo("Asia/Jakarta")


class Inside:
    """The part of a connector that a backfill asks for."""

    def __init__(self, reports: int, *, changed: int = 0) -> None:
        """The first `changed` of them changed an hour ago."""
        self._reports = reports
        self._changed = changed
        self._now = datetime.now(UTC)

    def list_reports(self, *, updated_from: datetime | None) -> Iterator[ListPage]:
        """Pages of the list."""
        moved = (self._now + timedelta(hours=6)).replace(tzinfo=None)
        for first in range(0, self._reports, PAGE_SIZE):
            numbers = range(first, min(first + PAGE_SIZE, self._reports))
            raw = (row(n, changed_at=moved if n < self._changed else None) for n in numbers)
            rows = tuple(cast(ListedRow, reports.listed_row(one)) for one in raw)
            is_last = numbers.stop == self._reports
            yield ListPage(
                rows=rows,
                bad=(),
                began_at=self._now,
                total=self._reports,
                complete=True if is_last else None,
            )

    def parse_row(self, listed: ListedRow) -> Report:
        """The row as a report."""
        return reports.report_of_row(listed, ZONE)

    def row_text(self, listed: ListedRow) -> str:
        """The row as JSON text to be kept."""
        return reports.kept_text(listed.raw)

    def read_thread(self, report_id: str, *, as_proof: bool = False) -> Thread:
        """The thread that came with it."""
        return threads.thread(followups(int(report_id) - FIRST_ID), zone=ZONE, began_at=self._now)

    def institutions(self) -> tuple[Institution, ...]:
        """None."""
        raise Missing("no master list")

    def templates(self) -> tuple[Template, ...]:
        """None."""
        raise Missing("no master list")

    def crossed(self) -> frozenset[str]:
        """None: nothing goes over a wire."""
        return frozenset()

    def upstream_now(self) -> datetime:
        """When this began."""
        return self._now


def settings_of(database_url: str) -> Settings:
    """A city that has no need to call anybody."""
    return Settings(database_url=database_url, institution_id="601", user_id="1", opd_ids=("611", "612", "613"))


def mirror(connector: Inside, database_url: str) -> Tally:
    """Mirror everything that the connector has."""
    settings, clock = settings_of(database_url), SystemClock()
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    store = open_store(database_url, settings.agency, clock)
    setup = Setup(
        store=store,
        rules=rules_of(settings),
        log=structlog.get_logger(),
        pace=pace_of(settings),
        connector=cast(Connector, connector),
        clock=clock,
        spread=lambda: 0.5,
    )
    try:
        return backfill(setup, None, None)
    finally:
        store.close()


if __name__ == "__main__":
    as_process(lambda: print(mirror(Inside(int(sys.argv[1])), sys.argv[2]), file=sys.stderr))
