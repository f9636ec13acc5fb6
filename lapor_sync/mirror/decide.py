"""What follows from one read of a report, as plain steps: pure. `write.py` carries them out, and nothing else does."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Literal, NamedTuple

from lapor_sync.domain import three_way
from lapor_sync.domain.colour import Colour, WaitingOn
from lapor_sync.domain.delivery import (
    OPEN_UPSTREAM,
    Kind,
    Reason,
    State,
    came_back_cut,
    carries,
    mentions_in,
    references_in,
    same_words,
    tells_of_failure,
)
from lapor_sync.domain.errors import BadRecord
from lapor_sync.domain.identity import is_by_id
from lapor_sync.domain.next_step import times_arrived
from lapor_sync.domain.report import ItemKind, Report, Thread, ThreadItem
from lapor_sync.domain.scene import words_digest
from lapor_sync.domain.thread import has_words
from lapor_sync.domain.three_way import Decision
from lapor_sync.domain.traces import without_escapes
from lapor_sync.mirror.judge import SEEN_WITHIN, Case, as_known, judge
from lapor_sync.mirror.merge import Read, doubt_of, items_after, merge
from lapor_sync.mirror.mirror import Pace, Rules
from lapor_sync.store.outbox import Queued
from lapor_sync.store.reports import Mirrored

# What can be to write.


class Note(NamedTuple):
    """An audit row."""

    what: str
    subject: str
    data: Mapping[str, object]


class Say(NamedTuple):
    """A line of the log."""

    level: Literal["info", "warning", "error"]
    event: str
    values: Mapping[str, object]


class Hold(NamedTuple):
    """A delivery waits for a person, who is asked."""

    delivery: Queued
    reason: Reason


class Arrived(NamedTuple):
    """A held or refused response stands in the thread all the same: that question has answered itself."""

    delivery: Queued


class Shown(NamedTuple):
    """A response stands in the thread, where it did not before, whole, with so many files: what was asked about it has
    answered itself."""

    delivery: Queued
    files: int


class NotKept(NamedTuple):
    """LAPOR took a response, and what it shows, or says that it does not show, is not all of it: a person is asked."""

    delivery: Queued
    reason: Reason


class Seen(NamedTuple):
    """A response stands in that many items, and was first seen there then."""

    ref: str
    times: int
    at: datetime


class KnownLess(NamedTuple):
    """Of the thread that its writer knew, an item says something else now: these are the ids of the others."""

    ref: str
    baseline: frozenset[str]


class Recover(NamedTuple):
    """A well-formed reference with our prefix stands in the thread; where no delivery is known for it (an older backup
    was restored), it becomes one that was sent."""

    ref: str
    tracking_id: str
    text: str


class Mentioned(NamedTuple):
    """References of ours that are new in a report's thread: what waits under one of them, of another report, is held."""

    refs: frozenset[str]
    tracking_id: str


class PutAside(NamedTuple):
    """A record goes to quarantine."""

    bad: BadRecord


class Release(NamedTuple):
    """A report's records leave quarantine: it could be read."""

    tracking_id: str


Step = Note | Say | Hold | Arrived | Shown | NotKept | Seen | KnownLess | Recover | Mentioned | PutAside | Release


class Known(NamedTuple):
    """What the mirror holds of one report before a read is merged: itself, its thread, its deliveries; and the ids of
    `others` that are mirrored, too."""

    report: Mirrored | None
    items: tuple[ThreadItem, ...]
    deliveries: list[Queued]
    others: frozenset[str] = frozenset()


class Change(NamedTuple):
    """What becomes of one read: the report before and after, its thread after and `before`, its deliveries; `steps`
    are what else is to be written, in order.

    `is_other`: what was read is another report, or nobody knows: nothing of it was merged.
    """

    old: Mirrored | None
    new: Mirrored
    items: tuple[ThreadItem, ...]
    deliveries: list[Queued]
    before: tuple[ThreadItem, ...] = ()
    is_other: bool = False
    steps: tuple[Step, ...] = ()

    @property
    def is_new(self) -> bool:
        return self.old is None

    @property
    def is_changed(self) -> bool:
        return self.old is not None and self.old != self.new


def decide(read: Read, known: Known, rules: Rules, pace: Pace, now: datetime) -> Change:
    """Return what becomes of a report by this read. One that is not mirrored must be in it."""
    old = known.report
    if old is not None and (reason := doubt_of(read, old, known.items, known.others)):
        return doubted(old, read.report, known, reason, rules, pace, now)
    # Reads of one report follow one another in this one process: the later one is the newer knowledge. Their
    # times cannot tell, since `began_at` is whole seconds and any clock may go back.
    items = items_after(read.thread, known.items)
    steps: list[Step] = []
    mine = known.deliveries
    if read.thread:
        mine, steps = references_seen(read.tracking_id, items, mine, rules.prefix, now, read.thread.unshown)
        steps += _not_kept(read.thread, known, items, mine, now)
        steps += _mentions(read, known, rules.prefix)
        steps += _known_less(known.items, items, mine)
    merged = merge(read, old, now, is_same_thread=items == known.items)
    steps += _trouble(old, merged)
    if old is not None and old.other_since and not merged.other_since:
        steps.append(Release(old.tracking_id))
    new, more = judge_and_reconcile(old, merged, items, mine, rules, pace, now, is_unread=read.unread)
    return Change(old=old, new=new, items=items, deliveries=mine, before=known.items, steps=(*steps, *more))


def _not_kept(
    thread: Thread, known: Known, items: Iterable[ThreadItem], mine: Iterable[Queued], now: datetime
) -> Iterator[NotKept]:
    """What LAPOR took and shows otherwise, or says that it does not show, or no longer. Only what is new tells: of the
    rest a person was asked."""
    hidden = {one.ref for one in known.deliveries if one.seen_count and _is_young(one, now)}
    awaited = [
        one
        for one in mine
        if one.state is State.SENT
        and one.delivery.kind is Kind.RESPONSE
        and one.seen_count == 0
        and (one.seen_at is None or one.ref in hidden)
    ]
    if not awaited:
        return
    before = {item.id: item.content for item in known.items}
    other = [item for item in items if before.get(item.id) != item.content]
    rest = _perhaps_ours([item for item in other if item.id not in before], known.report)
    for one in awaited:
        told = [item for item in (items if one.ref in hidden else other) if carries(item.content, one.ref)]
        if told and all(
            item.id in thread.unshown or tells_of_failure(item.content, one.delivery.text) for item in told
        ):
            yield NotKept(one, Reason.NOT_SHOWN)
        elif (
            one.seen_at is None
            and _is_young(one, now)
            and came_back_cut(one.delivery.text, one.ref, rest)
            and not _stands_without_reference(one, items)
        ):
            yield NotKept(one, Reason.TEXT_CUT)


def _stands_without_reference(one: Queued, items: Iterable[ThreadItem]) -> bool:
    """Whether all its words stand in an item that was not there when it left: what is new beside it is not its rest."""
    there = one.delivery.scene.items if one.delivery.scene else {}
    return any(item.id not in there and same_words(item.content, one.delivery.text, one.ref) for item in items)


def _is_young(one: Queued, now: datetime) -> bool:
    return one.sent_at is not None and now - one.sent_at <= SEEN_WITHIN


def _perhaps_ours(new: Iterable[ThreadItem], old: Mirrored | None) -> tuple[ThreadItem, ...]:
    """The items that may be what became of a response.

    Of a thread that was not known before all seem new. What has neither words nor a sender is a citizen's photo where
    the thread was read since the response was sent.
    """
    if old is None or old.thread_read_at is None:
        return ()
    is_later = old.written_at is not None and old.thread_read_at > old.written_at
    return tuple(
        item for item in new if not is_later or item.author or item.template_code or has_words(item.content)
    )


def _mentions(read: Read, known: Known, prefix: str) -> list[Step]:
    """What stood there before holds nothing anew: a person may have seen it, and let the delivery go."""
    now = references_of(read.thread, prefix) if read.thread else frozenset[str]()
    new = now - _references_in(known.items, prefix) if now else now
    new -= {one.ref for one in known.deliveries}
    return [Mentioned(new, read.tracking_id)] if new else []


def _known_less(
    before: Iterable[ThreadItem], items: Iterable[ThreadItem], mine: Iterable[Queued]
) -> Iterator[Step]:
    """What an item says since a response was written, its writer has not seen: not as if it were a new one."""
    waiting = [(one.ref, known) for one in mine if one.state in OPEN_UPSTREAM and (known := one.delivery.baseline)]
    if not waiting:
        return
    was, now = ({item.id: (item.kind, words_digest(item)) for item in some} for some in (before, items))
    other = {id for id in was.keys() & now.keys() if was[id] != now[id]}
    for ref, known in waiting:
        if other & known:
            yield KnownLess(ref, known - other)


def references_of(thread: Thread, prefix: str) -> frozenset[str]:
    """Return the references of ours that are written anywhere in a thread, in what cannot be read of it, too."""
    unread = (ref for bad in thread.bad for ref in mentions_in(without_escapes(bad.raw), prefix))
    return _references_in(thread.items, prefix).union(unread)


def _references_in(items: Iterable[ThreadItem], prefix: str) -> frozenset[str]:
    return frozenset(ref for item in items for ref in mentions_in(item.content, prefix))


def _trouble(old: Mirrored | None, new: Mirrored) -> list[Step]:
    """What the log is told once: that a thread cannot be read, or not whole."""
    told: list[Step] = []
    if new.thread_doubt and (old is None or old.thread_doubt != new.thread_doubt):
        values = {"tracking_id": new.tracking_id, "what": new.thread_doubt}
        told.append(Say("warning", "thread_incomplete", values))
    if new.thread_error and (old is None or old.thread_error != new.thread_error):
        values = {"tracking_id": new.tracking_id, "what": new.thread_error}
        told.append(Say("warning", "thread_unreadable", values))
    return told


def doubted(
    old: Mirrored, found: Report | None, known: Known, doubt: Reason, rules: Rules, pace: Pace, now: datetime
) -> Change:
    """Return the report as it is mirrored, with what says that upstream gives another one in its place.

    Its deliveries are held, and it is read again a day later; of the other one, who may be anybody's, only the ids
    are kept.
    """
    other_id = None
    if doubt is Reason.NOT_CONFIRMED and found is not None:
        other_id = found.upstream_id or old.call_id
    steps: list[Step] = []
    if old.other_since is None:
        steps.append(Note("another_report", old.tracking_id, {"reason": doubt}))
        steps.append(Say("warning", "another_report", {"tracking_id": old.tracking_id, "reason": doubt}))
    if found is not None:
        steps.append(PutAside(_other_record(found, old, doubt)))
    held, holding = hold_all(known.deliveries, doubt)
    merged = old._replace(other_since=old.other_since or now, other_id=other_id)
    new, more = judge_and_reconcile(old, merged, known.items, held, rules, pace, now)
    steps = [*steps, *holding, *more]
    return Change(old=old, new=new, items=known.items, deliveries=held, is_other=True, steps=tuple(steps))


def _other_record(found: Report, old: Mirrored, doubt: Reason) -> BadRecord:
    said = {
        name: value for name, value in (("id", found.upstream_id), ("tracking_id", found.tracking_id)) if value
    }
    if is_by_id(found):
        said.pop("tracking_id")
    return BadRecord(
        doubt.value,
        key=f"{old.tracking_id}/another",
        raw=json.dumps(said, sort_keys=True),
        report_id=old.tracking_id,
    )


# References.


def references_seen(
    tracking_id: str,
    items: tuple[ThreadItem, ...],
    deliveries: list[Queued],
    prefix: str,
    now: datetime,
    unshown: frozenset[str] = frozenset(),
) -> tuple[list[Queued], list[Step]]:
    """Return a report's deliveries as they are once it is known which of our references stand in its thread.

    `unshown` as `Thread` has it: those are in no item that a citizen sees.
    """
    steps: list[Step] = []
    seen = []
    shown = tuple(item for item in items if item.id not in unshown) if unshown else items
    for one in deliveries:
        after, more = _seen(one, shown, now)
        seen.append(after)
        steps += more
    known = {one.ref for one in deliveries}
    for item in items:
        if item.kind is ItemKind.ANSWER and prefix in item.content:  # cheap first: most carry none
            unknown = references_in(item.content, prefix) - known
            steps += (Recover(ref, tracking_id, item.content) for ref in unknown)
    return seen, steps


def _seen(queued: Queued, items: tuple[ThreadItem, ...], now: datetime) -> tuple[Queued, list[Step]]:
    if queued.delivery.kind is Kind.FORWARD:
        return queued, []
    count, steps = times_arrived(items, queued.delivery), list[Step]()
    if count and queued.state in {State.HELD, State.REFUSED}:
        steps += [
            Arrived(queued),
            Say("info", "delivery_found", {"ref": queued.ref, "tracking_id": queued.tracking_id}),
        ]
        sent = replace(queued.delivery, state=State.SENT)
        queued = replace(queued, delivery=sent, reason=Reason.FOUND, sent_at=now)
    if count == queued.seen_count:
        return queued, steps
    if queued.seen_count == 0:
        files = max((len(item.attachments) for item in items if carries(item.content, queued.ref)), default=0)
        steps.append(Shown(queued, files))
    after = replace(queued, seen_count=count, seen_at=queued.seen_at or now)
    steps.append(Seen(queued.ref, count, after.seen_at or now))
    if count > 1:
        steps.append(Note("seen_twice", queued.tracking_id, {"ref": queued.ref, "count": count}))
        values = {"ref": queued.ref, "tracking_id": queued.tracking_id, "count": count}
        steps.append(Say("error", "seen_twice", values))
    return after, steps


# Judging, and the three ways.


def judge_and_reconcile(
    old: Mirrored | None,
    merged: Mirrored,
    items: tuple[ThreadItem, ...],
    deliveries: list[Queued],
    rules: Rules,
    pace: Pace,
    now: datetime,
    *,
    is_unread: bool = False,
) -> tuple[Mirrored, list[Step]]:
    """Return a report whose fields are merged as it is judged and reconciled, and what follows from that."""
    known = as_known(merged, items)
    case = Case(
        old=old,
        new=merged,
        items=known,
        unread=is_unread or (merged.read_at is not None and known is None),
        deliveries=deliveries,
        now=now,
    )
    return _reconcile(old, judge(case, rules, pace), deliveries)


def _reconcile(old: Mirrored | None, new: Mirrored, deliveries: list[Queued]) -> tuple[Mirrored, list[Step]]:
    """Decide three ways: the new agreed, what is held, and the audit row that says why."""
    agreed, steps = old.agreed if old else None, list[Step]()
    decision = three_ways(new, agreed, deliveries)
    if decision is Decision.HOLD or new.vanished_at is not None:  # a hand-over moves no colour, and must not wait
        steps += _hold_moved(new, deliveries)
    if decision in three_way.TAKES_UPSTREAM and new.agreed != new.present:
        new = new._replace(agreed=new.present)
    if old is None or _moved(old, new) or _is_newly_with(old, new):
        steps.append(_note(old, new, decision))
    return new, steps


def _moved(old: Mirrored, new: Mirrored) -> bool:
    return (old.colour, old.present, old.agreed) != (new.colour, new.present, new.agreed)


def _is_newly_with(old: Mirrored, new: Mirrored) -> bool:
    """Whether it is with another institution, or the one that it is with is waited for only from now on: until now it
    waited to be verified or disposed, or nobody could tell."""
    before, now = old.verdict, new.verdict
    is_first = before.colour is None or before.waiting_on in _BEFORE_THE_OPD
    return _disposed(old) != _disposed(new) or (is_first and now.waiting_on is WaitingOn.OPD)


_BEFORE_THE_OPD = frozenset({WaitingOn.VERIFIER, WaitingOn.ADMIN})


def _disposed(one: Mirrored) -> str | None:
    return one.report.disposition_id


def three_ways(new: Mirrored, agreed: Colour | None, deliveries: list[Queued]) -> Decision:
    """The table's word for one report. A null colour takes no decision."""
    if new.colour is None:
        return Decision.NOTHING
    states = [one.state for one in deliveries if one.delivery.kind is Kind.RESPONSE]
    return three_way.compare(agreed, three_way.ours(agreed, states), new.present)


def _hold_moved(new: Mirrored, deliveries: list[Queued]) -> list[Step]:
    # Of a report that is gone nothing can be read back; while it is there, an unknown may be what moved it.
    if new.present is None:
        return hold_all(deliveries, Reason.GONE_UPSTREAM)[1]
    return hold_all(deliveries, Reason.BOTH_MOVED, states=frozenset({State.QUEUED}))[1]


_HOLDABLE = frozenset({State.QUEUED, State.UNKNOWN})


def hold_all(
    deliveries: list[Queued], reason: Reason, *, states: frozenset[State] = _HOLDABLE
) -> tuple[list[Queued], list[Step]]:
    """Return a report's deliveries as they are once those that wait are held, and the steps to that."""
    after = [_held(one, reason) if one.state in states else one for one in deliveries]
    return after, [Hold(one, reason) for one in deliveries if one.state in states]


def _held(queued: Queued, reason: Reason) -> Queued:
    return replace(queued, delivery=replace(queued.delivery, state=State.HELD), reason=reason)


def _note(old: Mirrored | None, new: Mirrored, decision: Decision) -> Note:
    data: dict[str, object] = {
        "decision": decision,
        "before": old.colour if old else None,
        "after": new.colour,
        "agreed": new.agreed,
        "row": new.verdict.row,
        "rules": new.rules,
        "waiting_on": new.verdict.waiting_on,
    }
    if old is None or _is_newly_with(old, new):
        data["disposed"] = _disposed(new)
    return Note("colour", new.tracking_id, data)
