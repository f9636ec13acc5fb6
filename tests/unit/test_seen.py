"""What happened since somebody began to write."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from lapor_sync.domain.report import ItemKind, Report, ThreadItem
from lapor_sync.domain.seen import News, news_since, seen_of

AT = datetime(2026, 3, 2, tzinfo=UTC)
REPORT = Report("7001", "u7001", "Dalam Proses", disposition_id="611")


def item(id: str, kind: ItemKind = ItemKind.ANSWER, content: str = "Sudah.") -> ThreadItem:
    return ThreadItem(id=id, kind=kind, created_at=AT, content=content)


SEEN_ITEMS = (item("1"), item("2", ItemKind.REPORTER))
SEEN = seen_of(REPORT, SEEN_ITEMS, 1)


def test_nothing_happened_where_all_is_as_it_was() -> None:
    assert news_since(SEEN, REPORT, SEEN_ITEMS, 1) == ()
    assert (
        news_since(
            seen_of(REPORT._replace(disposition_id=None), (), 0), REPORT._replace(disposition_id=None), (), 0
        )
        == ()
    )


@pytest.mark.parametrize(
    ("kind", "news"),
    [
        (ItemKind.REPORTER, News.REPORTER_WROTE),
        (ItemKind.ANSWER, News.ANSWERED),
        (ItemKind.DISPOSITION, News.DISPOSED),
        (ItemKind.LOG, News.THREAD_CHANGED),
    ],
)
def test_what_is_new_in_the_thread_is_named_once(kind: ItemKind, news: News) -> None:
    items = (*SEEN_ITEMS, item("3", kind), item("4", kind))
    assert news_since(SEEN, REPORT, items, 1) == (news,)


@pytest.mark.parametrize(
    "items",
    [
        SEEN_ITEMS[:1],
        (item("1"), item("2", ItemKind.REPORTER, "Ternyata belum.")),
        (item("0"), *SEEN_ITEMS),
        (),
    ],
)
def test_a_thread_that_is_not_what_was_seen_and_more_has_changed(items: tuple[ThreadItem, ...]) -> None:
    assert news_since(SEEN, REPORT, items, 1) == (News.THREAD_CHANGED,)


def test_everything_that_happened_is_named() -> None:
    now = REPORT._replace(disposition_id="612", status_name="Selesai")
    items = (*SEEN_ITEMS, item("3", ItemKind.DISPOSITION), item("4", ItemKind.REPORTER))
    assert news_since(SEEN, now, items, 2) == (
        News.DISPOSED,
        News.REPORTER_WROTE,
        News.STATUS_CHANGED,
        News.WRITTEN_HERE,
    )


@pytest.mark.parametrize("seen", ["", "x", SEEN[:-1], f"{SEEN}.", SEEN.replace(".", ","), "٣" + SEEN[1:]])
def test_where_nobody_can_tell_what_was_seen_nothing_counts_as_seen(seen: str) -> None:
    assert news_since(seen, REPORT, SEEN_ITEMS, 1) == (News.THREAD_CHANGED,)


def test_it_holds_no_words() -> None:
    assert "Sudah" not in SEEN
    assert len(SEEN) < 70
