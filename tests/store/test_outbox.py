"""Deliveries in the database: legal moves only, enforced twice; what is due, in what order; attempts and files."""

from __future__ import annotations

from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from sqlalchemy import text, update

from lapor_sync.domain.delivery import (
    BLOCKING,
    MOVES,
    Kind,
    NotSent,
    Outcome,
    Reason,
    Refused,
    Sent,
    State,
    Unknown,
)
from lapor_sync.domain.errors import Defect, StoreDamaged, StoreError
from lapor_sync.domain.people import of_shell
from lapor_sync.domain.ports import Uptime
from lapor_sync.domain.report import OutgoingFile
from lapor_sync.domain.scene import Scene
from lapor_sync.store import audit, outbox
from lapor_sync.store.database import Store
from lapor_sync.store.schema import delivery
from tests.databases import START, StillClock
from tests.store.samples import add, get, mirrored, new, save

PAIRS = sorted(product(State, State))
LEGAL = [(a, b) for a, b in PAIRS if b in MOVES[a]]
ILLEGAL = [(a, b) for a, b in PAIRS if b not in MOVES[a]]


def due(store: Store) -> list[str]:
    with store.reading() as work:
        return [one.ref for one in outbox.due(work)]


def state(store: Store, ref: str = "LS-AAAAAA") -> State:
    with store.reading() as work:
        return get(work, ref).state


def move(store: Store, to: State, ref: str = "LS-AAAAAA") -> None:
    with store.work() as work:
        outbox.move(work, get(work, ref), to, Reason.BY_PERSON)


def test_every_legal_move_goes_and_is_audited(store: Store) -> None:
    """The rules' table, row by row: state, reason and audit row in one."""
    for n, (before, to) in enumerate(LEGAL):
        ref = f"LS-{n:06}"
        add(store, new(ref), state=before)
        with store.work(of_shell("budi")) as work:
            outbox.move(work, get(work, ref), to, Reason.BY_PERSON)
        with store.reading() as work:
            moved = get(work, ref)
            last = list(audit.rows(work.conn, work.agency))[-1]
        assert (moved.state, moved.reason) == (to, Reason.BY_PERSON)
        assert (last["what"], last["subject"], last["who"]) == ("delivery_moved", "7001", "budi")


def test_no_illegal_move_goes_by_the_program(store: Store) -> None:
    """A move that the table does not have is a defect of ours, and leaves no audit row."""
    for n, (before, to) in enumerate(ILLEGAL):
        ref = f"LS-{n:06}"
        add(store, new(ref), state=before)
        with pytest.raises(Defect, match=f"{before} to {to}"):
            move(store, to, ref)
        assert state(store, ref) is before
    with store.reading() as work:
        assert audit.head(work.conn, work.agency).count == len(ILLEGAL)


def test_no_illegal_move_goes_by_sql(store: Store) -> None:
    """The database refuses it to anybody; a state that stays is no move."""
    for n, (before, to) in enumerate(PAIRS):
        add(store, new(f"LS-{n:06}"), state=before)
        change = text("UPDATE delivery SET state = :to WHERE ref = :ref")
        try:
            with store.work() as work:
                work.conn.execute(change, {"to": to, "ref": f"LS-{n:06}"})
            went = True
        except StoreError:
            went = False
        assert went == (to in MOVES[before] or to is before), (before, to)


def test_a_move_from_a_state_that_is_past_is_a_defect(store: Store) -> None:
    """Somebody cancelled it meanwhile: it is not sent on old knowledge."""
    add(store, new())
    with store.reading() as work:
        seen = get(work, "LS-AAAAAA")
    move(store, State.CANCELLED)
    with pytest.raises(Defect, match="no longer queued"), store.work() as work:
        outbox.move(work, seen, State.SENDING, Reason.LEAVING)
    assert state(store) is State.CANCELLED


def test_another_city_cannot_move_it(store: Store, other_city: Store) -> None:
    """Not even with the delivery in hand."""
    add(store, new())
    with store.reading() as work:
        seen = get(work, "LS-AAAAAA")
    with other_city.reading() as work:
        assert outbox.get(work, "LS-AAAAAA") is None
    with pytest.raises(Defect), other_city.work() as work:
        outbox.move(work, seen, State.SENDING, Reason.LEAVING)
    assert state(store) is State.QUEUED


def test_a_delivery_comes_back_as_it_was_written(store: Store, clock: StillClock) -> None:
    """With its files, byte by byte, in their order."""
    files = (OutgoingFile(file_name="b.jpg", content=bytes(range(256))), OutgoingFile(file_name="a", content=b""))
    written = new(target="701", kind=Kind.FORWARD, is_secret=True, baseline=None, origin="sheet:1", files=files)
    add(store, written)
    with store.reading() as work:
        one = get(work, "LS-AAAAAA")
        assert outbox.files_of(work, [one.ref, "LS-BBBBBB"]) == {one.ref: files}
    assert (one.delivery.text, one.delivery.opd, one.delivery.kind) == (written.text, "611", Kind.FORWARD)
    assert (one.target, one.by, one.tracking_id, one.written_at) == ("701", "budi", "7001", clock.now())
    assert (one.delivery.is_secret, one.delivery.baseline, one.delivery.tries) == (True, None, 0)
    assert (one.reason, one.next_try_at, one.ended_at, one.sent_at, one.seen_at) == (None,) * 5


def test_a_baseline_is_a_set_of_ids(store: Store) -> None:
    """Empty is not unknown."""
    add(store, new("LS-AAAAAA", baseline=frozenset({"2", "1"})), new("LS-BBBBBB"), new("LS-CCCCCC", baseline=None))
    with store.reading() as work:
        found = [get(work, ref).delivery.baseline for ref in ("LS-AAAAAA", "LS-BBBBBB", "LS-CCCCCC")]
    assert found == [{"1", "2"}, frozenset(), None]


def test_one_recovered_upstream_was_sent_when_it_was_found(store: Store, clock: StillClock) -> None:
    """Recorded as sent at once, with the reason that it was recovered."""
    with store.work() as work:
        outbox.add(work, new(), state=State.SENT, reason=Reason.RECOVERED)
    with store.reading() as work:
        one = get(work, "LS-AAAAAA")
    assert (one.sent_at, one.reason) == (clock.now(), Reason.RECOVERED)


def test_a_reference_is_unique_in_the_database(store: Store, other_city: Store) -> None:
    """In every city of it: a reference names one delivery."""
    add(store, new())
    with other_city.reading() as work:
        assert outbox.is_taken(work, "LS-AAAAAA")
        assert not outbox.is_taken(work, "LS-BBBBBB")
    for one in (store, other_city):
        with pytest.raises(StoreError, match="refused"):
            add(one, new())


def test_a_sheet_row_is_taken_once(store: Store) -> None:
    """The same file twice changes nothing; even two processes at once cannot both take it."""
    add(store, new("LS-AAAAAA", origin="a"), new("LS-BBBBBB", origin="b"), new("LS-CCCCCC"), new("LS-DDDDDD"))
    with store.reading() as work:
        assert outbox.origins(work, ["a", "b", "c"]) == {"a", "b"}
        assert outbox.origins(work, (str(n) for n in range(1200))) == set()
    with pytest.raises(StoreError, match="refused"):
        add(store, new("LS-EEEEEE", origin="a"))


# What is due.


@pytest.mark.parametrize("first", State)
def test_what_blocks_and_what_does_not(store: Store, first: State) -> None:
    """Within a report the earlier one goes first; refused, cancelled and sent ones let the next pass."""
    add(store, new("LS-AAAAAA"), state=first)
    add(store, new("LS-BBBBBB"))
    by_itself = first in {State.QUEUED, State.UNKNOWN}
    assert due(store) == (["LS-AAAAAA"] if by_itself else [] if first in BLOCKING else ["LS-BBBBBB"])


def test_one_report_never_blocks_another(store: Store) -> None:
    """Held here, due there."""
    add(store, new("LS-AAAAAA", "1"), state=State.HELD)
    add(store, new("LS-BBBBBB", "1"), new("LS-CCCCCC", "2"))
    assert due(store) == ["LS-CCCCCC"]


def test_the_oldest_deadline_goes_first_then_as_written(store: Store) -> None:
    """A report without a deadline, or not mirrored at all, waits behind those that have one."""
    hour = timedelta(hours=1)
    save(store, mirrored("1"), mirrored("2", due_at=START + 9 * hour), mirrored("3", due_at=START - hour))
    for ref, tracking_id in (("A", "1"), ("B", "2"), ("C", "3"), ("D", "not mirrored"), ("E", "4")):
        add(store, new(f"LS-{ref * 6}", tracking_id))
    assert [ref[-1] for ref in due(store)] == ["C", "B", "A", "D", "E"]


def test_a_wait_is_waited_for(store: Store, clock: StillClock) -> None:
    """Not before its time; from then on; and at once when upstream answers again."""
    add(store, new("LS-AAAAAA", "1"), new("LS-BBBBBB", "2"))
    with store.work() as work:
        outbox.wait(work, get(work, "LS-AAAAAA"), clock.now() + timedelta(seconds=60))
        assert get(work, "LS-AAAAAA").waits == 1
    assert due(store) == ["LS-BBBBBB"]
    clock.advance(60)
    assert due(store) == ["LS-AAAAAA", "LS-BBBBBB"]
    clock.advance(-30)
    with store.work() as work:
        outbox.no_more_waiting(work)
        assert get(work, "LS-AAAAAA").waits == 0
    assert due(store) == ["LS-AAAAAA", "LS-BBBBBB"]


def test_another_city_has_its_own_outbox(store: Store, other_city: Store) -> None:
    """Same Tracking ID, other city: neither due, nor listed, nor counted, nor touched."""
    add(store, new())
    assert due(other_city) == []
    with other_city.work() as work:
        assert outbox.listing(work) == []
        assert outbox.of_reports(work, ["7001"]) == {}
        assert set(outbox.counts(work).values()) == {0}
        outbox.put_seen(work, "LS-AAAAAA", 9, work.now)
    with store.reading() as work:
        assert get(work, "LS-AAAAAA").seen_count == 0


def test_the_outbox_lists_by_state_in_the_order_of_writing(store: Store) -> None:
    """Every state is counted, those without any too."""
    add(store, new("LS-BBBBBB", "1"), new("LS-AAAAAA", "1"))
    add(store, new("LS-CCCCCC", "2"), state=State.SENDING)
    with store.reading() as work:
        assert [one.ref for one in outbox.listing(work)] == ["LS-BBBBBB", "LS-AAAAAA", "LS-CCCCCC"]
        assert [one.ref for one in outbox.listing(work, State.QUEUED)] == ["LS-BBBBBB", "LS-AAAAAA"]
        assert [one.ref for one in outbox.found_sending(work)] == ["LS-CCCCCC"]
        assert outbox.counts(work) == {s.value: 0 for s in State} | {"queued": 2, "sending": 1}
        mine = outbox.of_reports(work, ["1", "2", "3"])
    assert {key: [one.ref for one in them] for key, them in mine.items()} == {
        "1": ["LS-BBBBBB", "LS-AAAAAA"],
        "2": ["LS-CCCCCC"],
    }


# Whether references come back.


def _sent(store: Store, ref: str, *, seen: bool = False, read: timedelta = timedelta(0), **values: Any) -> None:
    """One that was sent, and whose thread was read so long after that."""
    save(store, mirrored(ref, thread_read_at=START + read))
    add(store, new(ref, ref, **values), state=State.SENT)
    if seen:
        with store.work() as work:
            outbox.put_seen(work, ref, 1, work.now)


def _come_back(store: Store, grace: float = 0) -> bool:
    with store.reading() as work:
        return outbox.references_come_back(work, timedelta(seconds=grace))


def test_references_come_back_until_there_is_evidence_that_they_do_not(store: Store) -> None:
    """Nothing sent, only just sent, not read since, only secret ones or forwards: no evidence. One seen settles it."""
    assert _come_back(store)
    _sent(store, "LS-AAAAAA", is_secret=True)
    _sent(store, "LS-BBBBBB", kind=Kind.FORWARD)
    assert _come_back(store)
    _sent(store, "LS-EEEEEE", read=timedelta(seconds=-1))
    assert _come_back(store)
    _sent(store, "LS-CCCCCC")
    assert _come_back(store, 1)
    assert not _come_back(store)
    _sent(store, "LS-DDDDDD", seen=True)
    assert _come_back(store)


def test_a_secret_one_that_was_seen_proves_nothing_for_the_others(store: Store) -> None:
    """Who sees it is another matter."""
    _sent(store, "LS-AAAAAA", is_secret=True, seen=True)
    _sent(store, "LS-BBBBBB")
    assert not _come_back(store)


# Attempts.


@pytest.mark.parametrize(
    ("outcome", "name"),
    [
        (Sent(http_status=201), "sent"),
        (Refused(why="x", http_status=422), "refused"),
        (Unknown(why="x", http_status=502), "unknown"),
        (NotSent(why="x", http_status=429), "not_sent"),
    ],
)
def test_an_attempt_is_written_down_before_and_after(store: Store, outcome: Outcome, name: str) -> None:
    """While it is in the air it has no outcome; then its outcome, status and time, and an audit row without a text."""
    add(store, new())
    with store.work() as work:
        assert outbox.begin_attempt(work, "LS-AAAAAA") == 1
        assert outbox.attempts_of(work, ["LS-AAAAAA"])["LS-AAAAAA"][0].outcome is None
        outbox.end_attempt(work, get(work, "LS-AAAAAA"), outcome, 321)
    with store.reading() as work:
        (one,) = outbox.attempts_of(work, ["LS-AAAAAA", "LS-BBBBBB"])["LS-AAAAAA"]
        last = list(audit.rows(work.conn, work.agency))[-1]
    assert (one.n, one.at, one.outcome, one.http_status, one.ms) == (1, START, name, outcome.http_status, 321)
    assert last["data"] == {"http_status": outcome.http_status, "outcome": name, "ref": "LS-AAAAAA"}


def test_why_a_try_was_not_accepted_is_kept_with_it(store: Store) -> None:
    """Bounded; and told of a delivery only as long as that is why it stands where it does."""
    add(store, new(), new("LS-BBBBBB", "7002"))
    with store.work() as work:
        for ref, outcome in (
            ("LS-AAAAAA", Refused(why="HTTP 422: " + "x" * 500, http_status=422)),
            ("LS-BBBBBB", Unknown(why="HTTP 502", http_status=502)),
        ):
            outbox.move(work, get(work, ref), State.SENDING, Reason.LEAVING)
            outbox.begin_attempt(work, ref)
            outbox.end_attempt(work, get(work, ref), outcome, 5)
        outbox.move(work, get(work, "LS-AAAAAA"), State.REFUSED, Reason.REFUSED)
        outbox.move(work, get(work, "LS-BBBBBB"), State.UNKNOWN, Reason.REPLY_LOST)
        said = outbox.last_words(work, outbox.listing(work))
        outbox.move(work, get(work, "LS-AAAAAA"), State.QUEUED, Reason.BY_PERSON)
        later = outbox.last_words(work, outbox.listing(work))
    assert said == {"LS-AAAAAA": ("HTTP 422: " + "x" * 500)[: outbox.MAX_WHY], "LS-BBBBBB": "HTTP 502"}
    assert later == {"LS-BBBBBB": "HTTP 502"}


@pytest.mark.parametrize(
    ("outcomes", "tries", "count"),
    [
        ((), 0, 0),
        ((403,), 0, 1),
        ((403, 406, 499), 2, 3),
        ((403, 502, 403), 2, 1),  # in a row
        ((403, None, 403), 1, 2),  # what did not leave is no try
        ((403, 403, 403), 0, 1),  # a person let it go on since
    ],
)
def test_the_last_tries_that_something_in_between_answered_are_counted(
    store: Store, outcomes: tuple[int | None, ...], tries: int, count: int
) -> None:
    """By their status; None stands for one that did not leave."""
    add(store, new())
    with store.work() as work:
        work.conn.execute(update(delivery).values(tries=tries))
        for status in outcomes:
            one = get(work, "LS-AAAAAA")
            outbox.begin_attempt(work, one.ref)
            ended = Unknown(why="x", http_status=status) if status else NotSent(why="x")
            outbox.end_attempt(work, one, ended, 5)
        assert outbox.barred(work, get(work, "LS-AAAAAA")) == count


@pytest.mark.parametrize(
    ("outcomes", "is_promised"),
    [((), False), ((202,), True), ((202, None), True), ((202, 502), False), ((200,), False)],
)
def test_what_was_answered_by_202_may_come_yet(
    store: Store, outcomes: tuple[int | None, ...], is_promised: bool
) -> None:
    """By the last try that may have left; None stands for one that did not."""
    add(store, new())
    with store.work() as work:
        one = get(work, "LS-AAAAAA")
        for status in outcomes:
            outbox.begin_attempt(work, one.ref)
            ended = Unknown(why="x", http_status=status) if status else NotSent(why="x")
            outbox.end_attempt(work, one, ended, 5)
        assert outbox.is_promised(work, one) is is_promised


def test_attempts_are_numbered_and_a_killed_one_is_unknown(store: Store) -> None:
    """An end closes the one that is open and leaves those before it."""
    add(store, new())
    with store.work() as work:
        outbox.claim(work, get(work, "LS-AAAAAA"), Scene(items={}))
        outbox.killed(work, get(work, "LS-AAAAAA"), Uptime("boot", 5.0))
        one = get(work, "LS-AAAAAA")
        assert (one.state, one.reason, one.ended_at) == (State.UNKNOWN, Reason.KILLED, None)
        assert one.ended_uptime == Uptime("boot", 5.0)
        assert outbox.begin_attempt(work, one.ref) == 2
        outbox.end_attempt(work, one, Sent(http_status=200), 5)
        tries = outbox.attempts_of(work, [one.ref])[one.ref]
    assert [(each.n, each.outcome, each.ms) for each in tries] == [(1, "unknown", None), (2, "sent", 5)]


@pytest.mark.parametrize("column", ["next_try_at", "reason", "baseline", "scene"])
def test_a_delivery_that_somebody_changed_by_hand_is_named(store: Store, column: str) -> None:
    add(store, new())
    with store.work() as work:
        work.conn.execute(text(f"UPDATE delivery SET {column} = '{{nothing'"))
    with pytest.raises(StoreDamaged, match="Delivery LS-AAAAAA cannot be read"), store.reading() as work:
        outbox.listing(work)


def test_a_try_that_somebody_changed_by_hand_is_named(sqlite_store: Store) -> None:
    """Past the triggers, as who has the file can."""
    add(sqlite_store, new())
    with sqlite_store.work() as work:
        work.conn.execute(
            text("INSERT INTO attempt (ref, n, agency, at, outcome) VALUES ('LS-AAAAAA', 1, 'kota', '{', 'sent')")
        )
    with (
        pytest.raises(StoreDamaged, match="A try of delivery LS-AAAAAA cannot be read"),
        sqlite_store.reading() as work,
    ):
        outbox.attempts_of(work, ["LS-AAAAAA"])
