"""Can a report and its thread be read by its id?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TypeVar

from lapor_sync.check.lines import LOOK, MAY_BE_ASKED, NO_THREAD, WRONG, Known, Line, call_of, todo_of
from lapor_sync.check.listing import lacking, statuses
from lapor_sync.check.upstream import Upstream
from lapor_sync.domain.errors import BadRecord, LaporSyncError, Missing, UpstreamError
from lapor_sync.domain.ports import Connector
from lapor_sync.domain.report import ItemKind

T = TypeVar("T")


def about_one_report(upstream: Upstream, known: Known) -> Iterator[Line]:
    """Read detail and thread of the first report that can be had."""
    connector, question = upstream.connector, "Can a report be read by its id?"
    assert connector is not None
    listed = [row.report_id for row in upstream.page.rows] if upstream.page else []
    ids = list(dict.fromkeys([*known.troubled, *(listed or known.ids)]))
    if not ids:
        todo = "Run `lapor-sync check` again when a report is mirrored."
        yield Line(question=question, answer="cannot be told: no report is known yet", verdict=LOOK, todo=todo)
        return
    detail, failed = _first_that_works(ids, connector.read_report)
    if detail is None:
        yield _failed(question, failed)
    else:
        yield Line(question=question, answer="yes")
        yield lacking("Does it say all that is needed?", [detail.report], "it stays unknown")
        if upstream.page is None:
            yield statuses([detail.report])
    yield _thread(connector, list(dict.fromkeys([*known.troubled[: MAY_BE_ASKED // 2], *(listed or known.ids)])))


def _thread(connector: Connector, ids: list[str]) -> Line:
    """Read the threads of some reports: one that cannot be read, though its report is there, is told with its call.

    A failure that may be LAPOR's as a whole is told of a report only where the thread of another can be read.
    """
    question, read, failed, lacking = "Can its thread be read?", [], None, []
    is_of_one = False
    for report_id in ids[:MAY_BE_ASKED]:
        thread, error = _first_that_works([report_id], connector.read_thread)
        if thread is not None:
            read.append(thread)
            continue
        failed = error
        if not isinstance(error, UpstreamError):
            break
        is_of_one = is_of_one or error.lasts
        if _first_that_works([report_id], connector.read_report)[0] is not None:
            lacking.append(call_of(error.what, report_id))
        elif not error.lasts:
            break
    if lacking and (read or is_of_one):
        others = f"; those of {len(read)} others can" if read else ""
        answer = f"no: {'; '.join(lacking)}, though the report is there{others}"
        return Line(question=question, answer=answer, verdict=LOOK if read else WRONG, todo=NO_THREAD)
    if not read:
        return _failed(question, failed)
    items = [item for thread in read for item in thread.items]
    answers = sum(item.kind is ItemKind.ANSWER for item in items)
    bad = sum(len(thread.bad) for thread in read)
    answer = f"yes, of {len(read)} reports: {len(items)} items, {answers} of them answers"
    if bad:
        todo = "These go to quarantine; tell the makers of lapor-sync what LAPOR changed."
        return Line(question=question, answer=f"{answer}, {bad} unreadable", verdict=LOOK, todo=todo)
    if doubts := sorted({thread.why for thread in read if thread.why}):
        todo = "Nothing that such a thread does not show counts as absent: what is to be sent may be held."
        return Line(
            question=question, answer=f"{answer}; not proven whole: {'; '.join(doubts)}", verdict=LOOK, todo=todo
        )
    return Line(question=question, answer=answer)


def _failed(question: str, error: LaporSyncError | None) -> Line:
    what = getattr(error, "reason", None) or (error.what if error else "")
    return Line(question=question, answer=f"no: {what}", verdict=WRONG, todo=todo_of(error) if error else "")


def _first_that_works(ids: Iterable[str], call: Callable[[str], T]) -> tuple[T | None, LaporSyncError | None]:
    """Return what the call brings for the first id that is not gone or unreadable; else the last error."""
    failed: LaporSyncError | None = None
    for report_id in islice(ids, MAY_BE_ASKED):
        try:
            return call(report_id), None
        except (Missing, BadRecord) as error:
            failed = error
        except UpstreamError as error:
            return None, error
    return None, failed
