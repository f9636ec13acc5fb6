"""What somebody had seen of a report when they began to write, so that what happened since is told before it is queued.

It is a short text that a page carries along. It holds no words, only how many things there were and their digests.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum

from lapor_sync.domain.report import ItemKind, Report, ThreadItem, digest


class News(StrEnum):
    """What happened since."""

    REPORTER_WROTE = "reporter_wrote"
    ANSWERED = "answered"  # an answer stands in the thread
    DISPOSED = "disposed"
    STATUS_CHANGED = "status_changed"
    WRITTEN_HERE = "written_here"  # another response or hand-over waits for this report
    THREAD_CHANGED = "thread_changed"  # anything else, also where what was seen cannot be told any more


_OF_KIND = {
    ItemKind.REPORTER: News.REPORTER_WROTE,
    ItemKind.ANSWER: News.ANSWERED,
    ItemKind.DISPOSITION: News.DISPOSED,
    ItemKind.LOG: News.THREAD_CHANGED,
}
_FORM = re.compile(r"([0-9]{1,6})\.([0-9a-f]{16})\.([0-9]{1,6})\.([0-9a-f]{16})\.([0-9a-f]{16})")


def seen_of(report: Report, items: tuple[ThreadItem, ...], written: int) -> str:
    """Return what somebody sees now; `written` is how many deliveries there are for the report."""
    parts = (
        len(items),
        _of_items(items),
        written,
        digest(report.disposition_id or ""),
        digest(report.status_name),
    )
    return ".".join(map(str, parts))


def news_since(seen: str, report: Report, items: tuple[ThreadItem, ...], written: int) -> tuple[News, ...]:
    """Return what happened since; nothing where all is as it was seen."""
    found = _FORM.fullmatch(seen)
    if found is None:
        return (News.THREAD_CHANGED,)
    number, thread, written_then, disposed_to, status = found.groups()
    happened = list(_in_thread(items, int(number), thread))
    happened += [News.DISPOSED] if disposed_to != digest(report.disposition_id or "") else []
    happened += [News.STATUS_CHANGED] if status != digest(report.status_name) else []
    happened += [News.WRITTEN_HERE] if written != int(written_then) else []
    return tuple(dict.fromkeys(happened))


def _in_thread(items: tuple[ThreadItem, ...], number: int, thread: str) -> Iterable[News]:
    if _of_items(items[:number]) != thread or len(items) < number:
        return (News.THREAD_CHANGED,)
    return (_OF_KIND[item.kind] for item in items[number:])


def _of_items(items: tuple[ThreadItem, ...]) -> str:
    return digest("\n".join(f"{item.id} {digest(item.content)}" for item in items))
