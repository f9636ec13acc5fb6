"""What is asked of names that upstream gives: once for each, in bounded memory."""

from __future__ import annotations

import gc
import sys
import tracemalloc
from datetime import UTC, datetime

import pytest

from connectors.names import LONGEST_NAME, once_a_name
from connectors.sp4n_v3 import reports, still, unshown, verdict
from connectors.transport import framing

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def test_a_name_is_asked_about_once() -> None:
    asked = []

    @once_a_name
    def length(name: str) -> int:
        asked.append(name)
        return len(name)

    assert [length("status"), length("status")] == [6, 6]
    assert length("x" * 1000) == LONGEST_NAME + 1
    assert asked == ["status", "x" * (LONGEST_NAME + 1)]


@pytest.mark.parametrize("is_report", [True, False])
def test_names_of_a_megabyte_leave_nothing_in_the_memory(is_report: bool) -> None:
    """Each of another record, as a name of its own: 60 of them held 116 MB."""

    def look(number: int) -> None:
        row = {"id": number, "status_name": "Selesai", f"{number}{'n' * 1_000_000}": number}
        if is_report:
            reports.detail(
                b'{"status": true, "results": {"data": ' + reports.kept_text(row).encode() + b"}}",
                asked=str(number),
                zone=UTC,
                began_at=NOW,
            )
        else:
            still.mark_of(row)
            still.loose_in(row)
            unshown.says_unshown(row)
            verdict.reports_named(row)
            framing.heads(dict.fromkeys(row, "x"))

    look(0)
    gc.collect()
    tracemalloc.start()
    try:
        for number in range(1, 21):
            look(number)
        gc.collect()
        left, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert left < 5 * sys.getsizeof("n" * 1_000_000)
