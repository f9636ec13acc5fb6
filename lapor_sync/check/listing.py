"""Is there a list of reports, and what do its rows say?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from lapor_sync.check.lines import LOOK, WRONG, Known, Line, todo_of
from lapor_sync.check.upstream import Upstream, first_page
from lapor_sync.domain.colour import is_known
from lapor_sync.domain.errors import BadRecord, UpstreamError
from lapor_sync.domain.ports import ListPage
from lapor_sync.domain.report import Report
from lapor_sync.sync.pull import NEEDED

_LIST = "Is there a list of reports?"


def about_list(upstream: Upstream, known: Known) -> Iterator[Line]:
    """Look at the first page, and whether the filter for changes works."""
    page, settings = upstream.page, upstream.settings
    if page is None:
        todo = "Correct LAPOR_SYNC_LIST_PATH; or drop exports in LAPOR_SYNC_IMPORT_DIR: they are then read by id."
        yield Line(question=_LIST, answer=f"no: {settings.list_path} is not there", verdict=LOOK, todo=todo)
        return
    count = f"{page.total} reports" if page.total is not None else f"{len(page.rows)} on its first page"
    if not page.rows:
        yield _empty_list(page, known)
        return
    yield Line(question=_LIST, answer=f"yes: {count}")
    yield from _rows(upstream, page)
    yield _filter(upstream)


def _empty_list(page: ListPage, known: Known) -> Line:
    if page.bad:
        todo = "LAPOR changed its form: tell the makers of lapor-sync."
        return Line(question=_LIST, answer="yes, but no row of it has an id", verdict=WRONG, todo=todo)
    though = ", though reports are mirrored" if known.ids else ""
    todo = "If the city has reports, ask LAPOR's operators what this account may see."
    return Line(question=_LIST, answer=f"yes, but empty{though}", verdict=WRONG if though else LOOK, todo=todo)


def _rows(upstream: Upstream, page: ListPage) -> Iterator[Line]:
    """Tell whether its rows can be read, and what they lack."""
    assert upstream.connector is not None
    bad = [one.reason for one in page.bad]
    for row in page.rows:
        try:
            upstream.listed.append(upstream.connector.parse_row(row))
        except BadRecord as record:
            bad.append(record.reason)
    total, question = len(page.rows) + len(page.bad), "Can its rows be read?"
    if bad:
        answer = f"{total - len(bad)} of {total} on the first page; else: {'; '.join(sorted(set(bad)))}"
        todo = "These go to quarantine and the rest goes on; tell the makers of lapor-sync what LAPOR changed."
        yield Line(question=question, answer=answer, verdict=LOOK, todo=todo)
    else:
        yield Line(question=question, answer=f"yes, all {total} on the first page")
    yield lacking("Do its rows say all that is needed?", upstream.listed, "each takes one call more")
    yield statuses(upstream.listed)


def lacking(question: str, found: Iterable[Report], follows: str) -> Line:
    """Tell what reports do not say, and what follows."""
    lacking = sorted({name for one in found for name in one.missing & NEEDED})
    if not lacking:
        return Line(question=question, answer="yes")
    answer = f"not {', '.join(lacking)}: {follows}"
    return Line(
        question=question, answer=answer, verdict=LOOK, todo="Nothing, if LAPOR never gave them; else tell us."
    )


def statuses(found: Iterable[Report]) -> Line:
    """Tell status names that are not in the table of colours."""
    question = "Are its status names known?"
    unknown = sorted({one.status_name for one in found if one.status_name and not is_known(one.status_name)})
    if not unknown:
        return Line(question=question, answer="yes")
    todo = "Such reports keep their last colour and are flagged; the table of colours needs a new row."
    return Line(question=question, answer=f"not: {', '.join(unknown[:5])}", verdict=LOOK, todo=todo)


def _filter(upstream: Upstream) -> Line:
    """Ask for what changed since a time in the middle of the first page: nothing older may come."""
    question, name = "Does it honour its filter?", upstream.settings.list_updated_param
    if not name:
        return Line(question=question, answer="there is none: every poll reads the whole list")
    times = sorted({one.updated_at for one in upstream.listed if one.updated_at and not one.updated_at_is_day})
    if len(times) < 2:
        return Line(question=question, answer="cannot be told: its rows have no two times", verdict=LOOK)
    since = times[(len(times) + 1) // 2]
    try:
        older = _older_than(upstream, since)
    except UpstreamError as error:
        return Line(question=question, answer=f"cannot be told: {error.what}", verdict=LOOK, todo=todo_of(error))
    if not older:
        return Line(question=question, answer=f"yes: {name}")
    todo = f'Find out its name, or set LAPOR_SYNC_LIST_UPDATED_PARAM="": {name} does nothing there.'
    answer = f"no: {name} brought {older} reports that are older; every poll reads the whole list"
    return Line(question=question, answer=answer, verdict=LOOK, todo=todo)


def _older_than(upstream: Upstream, since: datetime) -> int:
    assert upstream.connector is not None
    page = first_page(upstream.connector, since)
    older = 0
    for row in page.rows if page else ():
        try:
            at = upstream.connector.parse_row(row).updated_at
        except BadRecord:
            continue
        older += at is not None and at < since - timedelta(seconds=1)
    return older
