"""Threads, histories and raw payloads: what upstream showed is kept, what is gone is marked."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from random import Random

from sqlalchemy import text

from lapor_sync.domain.report import Attachment, ItemKind, StatusChange, ThreadItem
from lapor_sync.store import threads
from lapor_sync.store.database import Store
from tests.databases import START, StillClock
from tests.store.samples import item

FULL = ThreadItem(
    id="x",
    kind=ItemKind.DISPOSITION,
    created_at=None,
    content="<p>Diteruskan</p>",
    author="Admin",
    institution_to="Dinas PU",
    template_code="disposition",
    status_old="Belum Terverifikasi",
    status_new="Dalam Proses",
    attachments=(Attachment(url="https://x/ü", file_name="ü.pdf", extension=None),),
)


def read(store: Store, *items: ThreadItem, tracking_id: str = "7001") -> None:
    """A complete read of one thread, over what is mirrored."""
    with store.work() as work:
        threads.save(work, {tracking_id: items}, threads.load(work, [tracking_id]))


def load(store: Store, tracking_id: str = "7001") -> tuple[ThreadItem, ...]:
    with store.reading() as work:
        return threads.load(work, [tracking_id]).get(tracking_id, ())


def rows(store: Store) -> list[tuple[object, ...]]:
    with store.reading() as work:
        query = text("SELECT item_id, content, first_seen_at, gone_at FROM thread_item ORDER BY item_id")
        return [tuple(row) for row in work.conn.execute(query)]


def test_a_thread_comes_back_in_reading_order(store: Store, other_city: Store) -> None:
    """However upstream lists it, with every field."""
    later = item("2", created_at=START + timedelta(seconds=1))
    read(store, FULL, item("9"), item("10"), later)
    assert load(store) == (FULL, item("9"), item("10"), later)
    read(store, item("9"), FULL, item("10"), later)  # a time that cannot be read: its place is all that is known
    assert load(store) == (item("9"), FULL, item("10"), later)
    assert load(other_city) == load(store, "7002") == ()


def test_what_is_gone_is_marked_never_deleted(store: Store, clock: StillClock) -> None:
    """It leaves the thread and stays in the database; what comes back stands there again."""
    read(store, item("1"), item("2"))
    read(store, item("2"))
    assert load(store) == (item("2"),)
    at = "2026-03-02T03:00:00.000000Z"
    assert rows(store) == [("1", item().content, at, at), ("2", item().content, at, None)]
    clock.advance(60)
    read(store, item("1"), item("2"))
    assert load(store) == (item("1"), item("2"))
    assert rows(store)[0] == ("1", item().content, at, None)


def test_a_changed_item_keeps_its_first_sight(store: Store, clock: StillClock) -> None:
    """The text is the new one, the time is when it was first seen here."""
    read(store, item("1"))
    clock.advance(60)
    read(store, item("1", "Selesai."))
    assert rows(store) == [("1", "Selesai.", "2026-03-02T03:00:00.000000Z", None)]


def test_an_unchanged_thread_writes_nothing(store: Store) -> None:
    """Neither a new row nor a mark."""
    read(store, item("1"))
    with store.work() as work:
        threads.save(work, {"7001": (item("1"),)}, {"7001": (item("1"),)})
        threads.save(work, {}, {"7001": (item("1"),)})
    assert load(store) == (item("1"),)


def test_an_item_that_upstream_lists_twice_is_one(store: Store) -> None:
    """The same id twice in one thread is no reason to fail the page."""
    read(store, item("1"), item("1"))
    assert load(store) == (item("1"),)


def test_a_report_whose_thread_was_not_read_is_left_alone(store: Store) -> None:
    """Nothing is gone from a thread that nobody looked at."""
    read(store, item("1"))
    read(store, item("5"), tracking_id="7002")
    assert load(store) == (item("1"),)


def test_a_history_grows_and_never_doubles(store: Store, other_city: Store) -> None:
    """The same move read twice is one; a move without a date or status is kept as well, and comes first."""
    first = StatusChange(at=START, status_old=None, status_new="Dalam Proses", note="x")
    second = replace(first, at=START + timedelta(seconds=1), status_old="Dalam Proses", status_new="Selesai")
    undated = StatusChange(at=None, status_old="Selesai", status_new=None)
    for changes in ([second, first], [first, undated], []):
        with store.work() as work:
            threads.save_history(work, {"7001": changes})
    with store.reading() as work:
        assert threads.load_histories(work, ["7001", "7002"]) == {"7001": [undated, first, second]}
    with other_city.reading() as work:
        assert threads.load_histories(work, ["7001"]) == {}


def raw(store: Store) -> list[tuple[object, ...]]:
    with store.reading() as work:
        return [
            tuple(row) for row in work.conn.execute(text("SELECT what, payload FROM raw_payload ORDER BY what"))
        ]


def test_payloads_are_kept_as_they_came_and_dropped_when_old(
    store: Store, other_city: Store, clock: StillClock
) -> None:
    """The last of each kind; by the time of its read; each city its own."""
    with store.work() as work:
        threads.save_raw(work, [("7001", "row", "{}"), ("7001", "detail", '{"a": 1}')])
        threads.save_raw(work, [])
    clock.advance(10)
    with store.work() as work:
        threads.save_raw(work, [("7001", "row", '{"b": 2}')])
    assert raw(store) == [("detail", '{"a": 1}'), ("row", '{"b": 2}')]
    with other_city.work() as work:
        assert threads.drop_raw(work, clock.now()) == 0
    with store.work() as work:
        assert threads.drop_raw(work, clock.now()) == 1
    assert raw(store) == [("row", '{"b": 2}')]


def test_a_status_name_of_any_length_fits_its_index(store: Store) -> None:
    """PostgreSQL takes 2,704 bytes in an index; what is cut is told apart by a hash, and comes once all the same."""
    dice = Random(1)
    long = "".join(chr(dice.randrange(0x4E00, 0x9FFF)) for _ in range(5000))
    names = (long, long + "x", "y" * threads.LONGEST_NAME)
    moves = [StatusChange(at=START, status_old=long, status_new=name, note="") for name in names]
    for _ in range(2):
        with store.work() as work:
            threads.save_history(work, {"7001": moves})
    with store.reading() as work:
        found = {move.status_new or "" for move in threads.load_histories(work, ["7001"])["7001"]}
    assert len(found) == 3
    assert names[2] in found
    assert {name[: threads.LONGEST_NAME] for name in found} == {name[: threads.LONGEST_NAME] for name in names}
