"""What did LAPOR answer? The shapes of it, in a folder, so that what is assumed of its API can be seen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from lapor_sync import __version__
from lapor_sync.check.lines import WRONG, Known, Line
from lapor_sync.check.upstream import Upstream
from lapor_sync.config import Settings
from lapor_sync.domain.errors import BadRecord, UpstreamError

if TYPE_CHECKING:
    from connectors.sp4n_v3.sampling import Recorder

REPORTS = 12
"""So many are read whole, of as many statuses as there are; and a second page of the list."""


def recorder_in(folder: Path, settings: Settings) -> Recorder:
    """Return what keeps the answers in that folder."""
    from connectors.sp4n_v3.sampling import Recorder

    return Recorder(folder, settings.list_path)


def about_recording(upstream: Upstream, known: Known, recorder: Recorder, folder: Path) -> Line:
    """Read some more, end the recording, and tell where it is."""
    connector, question = upstream.connector, "What did LAPOR answer?"
    assert connector is not None
    with suppress(UpstreamError):
        for _ in islice(connector.list_reports(updated_from=None), 2):
            pass
    for report_id in islice(_various(upstream, known), REPORTS):
        with suppress(UpstreamError, BadRecord):
            connector.read_report(report_id)
        with suppress(UpstreamError, BadRecord):
            connector.read_thread(report_id)
    recorder.end(__version__)
    if recorder.failed:
        answer = f"{folder} cannot be written: {recorder.failed}"
        return Line(question=question, answer=answer, verdict=WRONG, todo="Name a new folder elsewhere.")
    todo = "Look through them, and send them to the makers of lapor-sync: what is assumed of LAPOR becomes known."
    return Line(question=question, answer=f"{recorder.count} answers, as shapes, in {folder}", todo=todo)


def _various(upstream: Upstream, known: Known) -> Iterator[str]:
    """The ids of reports, those first that are the first of their status."""
    first: dict[str | None, str] = {}
    for one in upstream.listed:
        if one.upstream_id:
            first.setdefault(one.status_name, one.upstream_id)
    listed = [row.report_id for row in upstream.page.rows] if upstream.page else known.ids
    yield from dict.fromkeys([*first.values(), *listed])
