"""The next step of one delivery, given what stands upstream. Source: rules, "When it may leave", "Reading back"."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from lapor_sync.domain.absence import is_of_before, may_be_there
from lapor_sync.domain.colour import CLOSED, Colour, meaning
from lapor_sync.domain.delivery import (
    MAX_BARRED,
    MAX_TRIES,
    Kind,
    Reason,
    State,
    carries,
    foreign_answers,
    references_in,
    same_words,
    says_all_of,
    tells_of_failure,
)
from lapor_sync.domain.errors import Defect
from lapor_sync.domain.report import ItemKind, ThreadItem
from lapor_sync.domain.scene import Delivery, Scene, Seen
from lapor_sync.domain.traces import letters


@dataclass(frozen=True, kw_only=True, slots=True)
class Send:
    """Claim it and send it now."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Confirm:
    """It stands upstream already: sent."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wait:
    """Nothing can be said yet."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Requeue:
    """Read back and not there: a try that counts; it is due again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Hold:
    """A person decides."""

    reason: Reason


Step = Send | Confirm | Wait | Requeue | Hold


def next_step(delivery: Delivery, seen: Seen) -> Step:
    """What to do with a delivery that is queued or unknown, given the report as read in this cycle.

    Raises Defect for a delivery in another state.
    """
    if delivery.state not in {State.QUEUED, State.UNKNOWN}:
        raise Defect(f"delivery {delivery.ref} is {delivery.state} and has no next step")
    if stands_upstream(delivery, seen):
        return Confirm()
    if delivery.state is State.UNKNOWN:
        return _after_unknown(delivery, seen)
    reason = reason_to_hold(delivery, seen)
    if reason is None and delivery.scene is not None and delivery.kind is Kind.RESPONSE:
        return _unless_absent(delivery, delivery.scene, seen) or Send()
    return Hold(reason=reason) if reason else Send()


def _after_unknown(delivery: Delivery, seen: Seen) -> Step:
    """Read back and not found: may it go out again?"""
    if not seen.absence_counts:  # after a day it never may: a clock that stands holds up nobody for ever
        return Hold(reason=Reason.CANNOT_READ_BACK) if seen.is_long_ago else Wait()
    if not (seen.is_whole or seen.is_long_ago):
        return Wait()
    if reason := cannot_be_told(delivery, readable=seen.readable and delivery.scene is not None):
        return Hold(reason=reason)
    if delivery.scene is not None and (step := _unless_absent(delivery, delivery.scene, seen)):
        return step
    if seen.is_promised:  # a moderator may take longer than the grace
        return Hold(reason=Reason.CANNOT_READ_BACK)
    if seen.barred >= MAX_BARRED:
        return Hold(reason=Reason.BARRED)
    if delivery.tries + 1 >= MAX_TRIES:
        return Hold(reason=Reason.NOT_FOUND_AGAIN)
    return Requeue()


def cannot_be_told(delivery: Delivery, *, readable: bool) -> Reason | None:
    """Why it proves nothing that a delivery is not found upstream; None where it does."""
    if delivery.kind is Kind.FORWARD:
        return Reason.FORWARD_NOT_FOUND
    return Reason.CANNOT_READ_BACK if delivery.is_secret or not readable else None


def _unless_absent(delivery: Delivery, scene: Scene, seen: Seen) -> Wait | Hold | None:
    """Why this read does not prove that nothing arrived since the scene; None where it does."""
    if (
        scene.shown.call_id is not None
        and seen.shown.call_id is not None
        and scene.shown.call_id != seen.shown.call_id
    ):
        return Hold(reason=Reason.ANOTHER_REPORT)
    now = {item.id for item in seen.items} | seen.bad
    # What went may come back, and what arrived with it.
    if not seen.is_whole or not scene.items.keys() <= now or is_of_before(delivery, scene, seen):
        return Hold(reason=Reason.CANNOT_READ_BACK) if seen.is_long_ago else Wait()
    if not may_be_there(delivery, scene, seen):
        return None
    # Where the next response that comes back would tell how answers are shown, a person need not.
    is_told_soon = not seen.is_long_ago and not may_be_there(delivery, scene, replace(seen, names_sender=True))
    return Wait() if is_told_soon else Hold(reason=Reason.PERHAPS_ARRIVED)


# Whether it arrived.


def stands_upstream(delivery: Delivery, seen: Seen) -> bool:
    """Whether the delivery can be seen upstream: its words with its reference, or (once tried) its whole text alone.

    The whole text alone is looked for only in foreign answers that came after the response was written: two equal
    answers in one thread are two answers. What LAPOR says that it does not show, no citizen has.
    """
    if any(is_arrival(item, delivery) for item in seen.items if item.id not in seen.unshown):
        return True
    if delivery.kind is Kind.FORWARD:
        return any(_is_log_of(text, delivery) for text in seen.log_texts)
    known = seen.unshown.union(delivery.scene.items if delivery.scene else ())
    return delivery.may_have_arrived and any(
        item.id not in known and same_words(item.content, delivery.text, delivery.ref)
        for item in _new_foreign(delivery, seen)
    )


def _is_log_of(text: str, delivery: Delivery) -> bool:
    """Whether a log is that of a hand-over: LAPOR words its logs around what was written."""
    is_its = carries(text, delivery.ref) and letters(delivery.text) in letters(text)
    return is_its and not tells_of_failure(text, delivery.text)


def is_arrival(item: ThreadItem, delivery: Delivery) -> bool:
    """Whether an item is the delivery as the citizen got it: an agency's, with its reference and its words.

    Of one that was never sent only an answer counts: somebody typed it on LAPOR's own site, or an older backup was
    restored. A mention of its reference is neither; nor is what says beside its words that it failed, nor a log or
    disposition of LAPOR's with any word of its own beside those of a response.
    """
    if not carries(item.content, delivery.ref) or tells_of_failure(item.content, delivery.text):
        return False
    if item.kind is ItemKind.ANSWER or (delivery.kind is Kind.FORWARD and item.kind is not ItemKind.REPORTER):
        return says_all_of(item.content, delivery.text, delivery.ref)
    is_log_of_it = item.kind is not ItemKind.REPORTER and delivery.may_have_arrived
    return is_log_of_it and same_words(item.content, delivery.text, delivery.ref)


def times_arrived(items: Iterable[ThreadItem], delivery: Delivery) -> int:
    """How often the citizen got the delivery: a log that repeats it is no second answer.

    What upstream accepted and shows under its reference in other words was seen once.
    """
    mine = [item for item in items if carries(item.content, delivery.ref)]
    arrivals = [item for item in mine if is_arrival(item, delivery)]
    answers = sum(item.kind is ItemKind.ANSWER for item in arrivals)
    if answers or arrivals:
        return answers or 1
    told = (item for item in mine if item.kind is not ItemKind.REPORTER)
    return int(
        delivery.state is State.SENT and any(not tells_of_failure(item.content, delivery.text) for item in told)
    )


def _new_foreign(delivery: Delivery, seen: Seen) -> tuple[ThreadItem, ...]:
    known = delivery.baseline or frozenset()
    return tuple(item for item in foreign_answers(seen.items, seen.prefix, seen.issued) if item.id not in known)


# Whether it may leave.


def _is_status_to_ask_about(delivery: Delivery, seen: Seen) -> bool:
    """Return whether the status name is not known, and no person let the delivery go under that one."""
    now, accepted = seen.unknown_status, delivery.accepted_status
    return now is not None and (accepted is None or meaning(accepted) != meaning(now))


def reason_to_hold(delivery: Delivery, seen: Seen) -> Reason | None:
    """The first of the reasons to hold a queued delivery, or None.

    A hand-over is held only because the report was closed or is with another institution already, or was mentioned.
    """
    if seen.colour in CLOSED and not delivery.accepted_closed:
        moved = seen.disposed_to is not None and seen.disposed_to != delivery.opd
        return Reason.DISPOSED_ELSEWHERE if moved and seen.colour is Colour.ABU else Reason.CLOSED_SINCE
    if delivery.kind is Kind.RESPONSE and _is_status_to_ask_about(delivery, seen):
        return Reason.UNKNOWN_STATUS
    if _is_mentioned(delivery, seen):
        return Reason.MENTIONED
    if delivery.kind is Kind.RESPONSE and (_new_foreign(delivery, seen) or _said_by_nobody_known(delivery, seen)):
        return Reason.FIRST_READ if delivery.baseline is None else Reason.ANSWERED_ELSEWHERE
    if seen.disposed_to not in {None, delivery.opd, delivery.accepted_disposition}:
        return Reason.DISPOSED_ELSEWHERE
    return None


def _is_mentioned(delivery: Delivery, seen: Seen) -> bool:
    """Whether somebody wrote the reference of what never left, under whatever key. After a try it is no mere mention."""
    if delivery.scene is not None:
        return False
    known, logs = delivery.baseline or frozenset(), seen.log_texts if delivery.kind is Kind.FORWARD else ()
    new = (item.content for item in seen.items if item.id not in known)
    # Of an item that cannot be read no person could say that it is known.
    is_in_the_rest = not seen.bad and bool(seen.shown.traces and seen.shown.traces[0])
    return is_in_the_rest or any(carries(text, delivery.ref) for text in (*new, *logs))


def _said_by_nobody_known(delivery: Delivery, seen: Seen) -> bool:
    """Whether its words stand in a new answer with a reference of ours that this database did not issue."""
    known = delivery.baseline or frozenset()
    return any(
        item.kind is ItemKind.ANSWER
        and item.id not in known
        and is_same(item.content, delivery)
        and not any(carries(item.content, ref) for ref in seen.siblings)
        for item in seen.items
    )


def is_same(content: str, delivery: Delivery) -> bool:
    """Whether a text says the words of a delivery, whatever reference stands in it."""
    own = delivery.text.replace(f"[Ref {delivery.ref}]", "")
    refs = references_in(content, delivery.ref.partition("-")[0])
    return any(same_words(content, own, ref) for ref in refs or {delivery.ref})
