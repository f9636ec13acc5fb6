"""Delivering: the states of a delivery, the outcomes of a write, and the next step. Source: rules, section 4."""

from __future__ import annotations

import re
import secrets
import string
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from lapor_sync.domain import thread as talk
from lapor_sync.domain.colour import CLOSED, Colour
from lapor_sync.domain.errors import Defect
from lapor_sync.domain.report import ItemKind, ThreadItem

MAX_TRIES = 10
MAX_CUT = 3
"""So many accepted responses in a row that came back cut or empty: then nothing more leaves by itself."""

MAX_BARRED = 3
"""So many tries in a row that something in between answered with a 4xx: then a person must have it opened."""
MAX_TEXT = 1000
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_REF_LENGTH = 6


class Kind(StrEnum):
    """What is on its way upstream."""

    RESPONSE = "response"  # an OPD's answer
    FORWARD = "forward"  # a hand-over: not our authority


class State(StrEnum):
    """Where a delivery stands."""

    QUEUED = "queued"  # written here, nothing has left
    SENDING = "sending"  # claimed: it may be on the wire right now
    UNKNOWN = "unknown"  # it may or may not have been stored upstream
    SENT = "sent"  # stored upstream
    REFUSED = "refused"  # upstream said no, with reason
    HELD = "held"  # a person decides
    CANCELLED = "cancelled"  # a person called it off


MOVES: Mapping[State, frozenset[State]] = {
    State.QUEUED: frozenset({State.SENDING, State.HELD, State.CANCELLED, State.SENT}),
    State.SENDING: frozenset({State.SENT, State.REFUSED, State.UNKNOWN, State.QUEUED}),
    State.UNKNOWN: frozenset({State.SENT, State.QUEUED, State.HELD}),
    State.HELD: frozenset({State.QUEUED, State.CANCELLED}),
    State.REFUSED: frozenset({State.QUEUED, State.CANCELLED}),
    State.SENT: frozenset(),
    State.CANCELLED: frozenset(),
}
"""The legal moves; the database enforces the same list again."""

OPEN_UPSTREAM = frozenset({State.QUEUED, State.SENDING, State.UNKNOWN})
"""States in which a delivery is still on its way by itself: laid over agreed as kuning."""

BLOCKING = OPEN_UPSTREAM | {State.HELD}
"""States in which a delivery blocks the later ones of its report."""


class Reason(StrEnum):
    """Why a delivery is held, refused or waits; each with the sentence that a person reads."""

    CLOSED_SINCE = "closed_since"
    ANSWERED_ELSEWHERE = "answered_elsewhere"
    DISPOSED_ELSEWHERE = "disposed_elsewhere"
    FIRST_READ = "first_read"
    BOTH_MOVED = "both_moved"
    GONE_UPSTREAM = "gone_upstream"
    CANNOT_READ_BACK = "cannot_read_back"
    NOT_FOUND_AGAIN = "not_found_again"
    FORWARD_NOT_FOUND = "forward_not_found"
    BARRED = "barred"
    TEXT_CUT = "text_cut"
    ANOTHER_REPORT = "another_report"
    NOT_CONFIRMED = "not_confirmed"
    BY_PERSON = "by_person"
    REFUSED = "refused"
    LEAVING = "leaving"
    NOT_SENT = "not_sent"
    REPLY_LOST = "reply_lost"
    KILLED = "killed"
    RECOVERED = "recovered"
    FOUND = "found"
    NOT_FOUND = "not_found"
    ACCEPTED = "accepted"


SENTENCES: Mapping[Reason, str] = {
    Reason.CLOSED_SINCE: "the report was closed after this was written",
    Reason.ANSWERED_ELSEWHERE: "someone else answered after this was written",
    Reason.DISPOSED_ELSEWHERE: "the report is now with another institution",
    Reason.FIRST_READ: "the thread was not known when this was written, and it holds answers: look at them first",
    Reason.BOTH_MOVED: "the report moved upstream and here at the same time",
    Reason.GONE_UPSTREAM: "the report is not found upstream any more",
    Reason.CANNOT_READ_BACK: "whether it arrived cannot be read back",
    Reason.NOT_FOUND_AGAIN: f"sent {MAX_TRIES} times and never found in the thread",
    Reason.FORWARD_NOT_FOUND: "the hand-over was not found upstream; it may still have arrived",
    Reason.BARRED: (
        f"{MAX_BARRED} times a firewall or proxy answered in LAPOR's place, and it was not stored: have it opened "
        "for this server, or write it in other words; then retry"
    ),
    Reason.TEXT_CUT: (
        "LAPOR took a response and shows it cut or empty: look at the thread; if it is so, write it without emoji and "
        "other unusual characters"
    ),
    Reason.ANOTHER_REPORT: "where this report is asked for, LAPOR gives another one: nothing is sent to it",
    Reason.NOT_CONFIRMED: (
        "LAPOR does not say whether what it gives is this report: compare the two; keep-ours says that it is"
    ),
    Reason.BY_PERSON: "held by a person",
    Reason.REFUSED: "upstream refused it",
    Reason.LEAVING: "it leaves now",
    Reason.NOT_SENT: "it did not leave; tried again by itself",
    Reason.REPLY_LOST: "no sound reply came; being read back",
    Reason.KILLED: "the process ended while it was being sent; being read back",
    Reason.RECOVERED: "found upstream with our reference, not known here",
    Reason.FOUND: "found in the thread",
    Reason.NOT_FOUND: "not in the thread; sent again",
    Reason.ACCEPTED: "accepted upstream",
}

# The outcome of a write: done, not done, refused, not known.


@dataclass(frozen=True, kw_only=True, slots=True)
class Sent:
    """Stored upstream."""

    http_status: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class NotSent:
    """Certainly not stored. `denied` where the credentials were not accepted; `retry_after` in seconds."""

    why: str
    http_status: int | None = None
    retry_after: float | None = None
    denied: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Refused:
    """Certainly not stored, and upstream said why."""

    why: str
    http_status: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Unknown:
    """It may or may not have been stored. `retry_after` in seconds, where the answer asked for a pause."""

    why: str
    http_status: int | None = None
    retry_after: float | None = None


Outcome = Sent | NotSent | Refused | Unknown


class Body(StrEnum):
    """What an answer's body is."""

    SUCCESS = "success"  # it says that the call went well, and nothing else
    FAILURE = "failure"  # under 2xx: it says anything else; under another status: LAPOR's own refusal
    GATEWAY = "gateway"  # the gateway's own: the call was not handed on
    GATEWAY_DENIED = "gateway_denied"  # the same, for it does not let us in
    OTHER = "other"  # HTML, empty, truncated, any other JSON


def outcome_of(status: int, body: Body, *, message: str = "", retry_after: float | None = None) -> Outcome:
    """The outcome of a write that was answered, by the rules' table.

    What neither LAPOR nor the gateway wrote proves nothing, whatever its status: a firewall may stand in the way of
    the answer. A 403 is taken as any other refusal here: only who knows whether reads are denied too can tell that
    the credentials are meant.
    """
    why = message or f"HTTP {status}"
    if body in {Body.GATEWAY, Body.GATEWAY_DENIED}:
        denied = body is Body.GATEWAY_DENIED
        return NotSent(why=why, http_status=status, retry_after=retry_after, denied=denied)
    if body is Body.SUCCESS and 200 <= status < 300:
        return Sent(http_status=status)
    if body is not Body.FAILURE or not 400 <= status < 500 or status == 408:
        return Unknown(why=why, http_status=status, retry_after=retry_after)
    if status in {401, 429}:
        return NotSent(why=why, http_status=status, retry_after=retry_after, denied=status == 401)
    return Refused(why=why, http_status=status)


# References.


def reference(prefix: str, choose: Callable[[str], str] = secrets.choice) -> str:
    """A new reference such as `LS-7F3K2Q`; the caller makes sure that it is unique in the database."""
    return f"{prefix}-" + "".join(choose(_ALPHABET) for _ in range(_REF_LENGTH))


def with_reference(text: str, ref: str) -> str:
    """The text as the citizen gets it: the reference ends it, on a line of its own."""
    return f"{text.rstrip()}\n[Ref {ref}]"


def unsendable_characters(text: str) -> tuple[str, ...]:
    """Return the characters that no response may hold, as `U+0007`, each once; they come of a damaged text.

    These are control characters other than line ends and tabs, U+FFFD (a letter that was lost), and what is no
    character. LAPOR might cut a text there, or refuse it.
    """
    found = (letter for letter in text if unicodedata.category(letter) in {"Cc", "Cs"} or _is_no_letter(letter))
    return tuple(f"U+{ord(letter):04X}" for letter in dict.fromkeys(found) if letter not in "\t\n\r")


def _is_no_letter(letter: str) -> bool:
    return letter == "\ufffd" or ord(letter) & 0xFFFE == 0xFFFE or "\ufdd0" <= letter <= "\ufdef"


def references_in(text: str, prefix: str) -> frozenset[str]:
    """Every well-formed reference with our prefix in `text`, after unescaping and stripping tags."""
    pattern = rf"(?<![A-Z0-9-]){re.escape(prefix)}-[A-Z2-7]{{{_REF_LENGTH},}}(?![A-Z0-9])"
    return frozenset(re.findall(pattern, talk.plain(text)))


_AS_ISSUED = str.maketrans(
    {small: small.upper() for small in string.ascii_lowercase}
    | dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-")
)
_NOT_BEFORE = re.compile(r"(?<![A-Z0-9-])")
_NOT_AFTER = re.compile(r"(?![A-Z0-9])")
"""What a reference may not be a part of. A pattern for each reference would have to be compiled each time."""


def carries(text: str, ref: str) -> bool:
    """Whether `text` holds the bare reference, in capitals or not, whatever hyphen upstream made of ours."""
    said = talk.plain(text)
    if ref.rpartition("-")[2] not in said.upper():
        return False  # cheap first: most items carry none
    spelt = said.translate(_AS_ISSUED)
    at = spelt.find(ref)
    while at >= 0:
        if _NOT_BEFORE.match(said, at) and _NOT_AFTER.match(said, at + len(ref)):
            return True
        at = spelt.find(ref, at + 1)
    return False


def times_seen(items: Iterable[ThreadItem], ref: str) -> int:
    """In how many items that are not the reporter's the reference stands."""
    return sum(item.kind is not ItemKind.REPORTER and carries(item.content, ref) for item in items)


def same_words(content: str, text: str, ref: str) -> bool:
    """Whether `content` says what `text` says, references and layout aside; without a letter or digit, no."""
    bare = _bare(text, ref)
    return bare != "" and _bare(content, ref) == bare


def _bare(text: str, ref: str) -> str:
    return re.sub(r"\W+", "", talk.words(text).replace(f"[Ref {ref}]", "").replace(ref, "")).casefold()


def came_back_cut(text: str, ref: str, new_items: Iterable[ThreadItem]) -> bool:
    """Whether a response that was accepted stands in its thread without its end, or without a word.

    `new_items` are those that the thread did not have right before it was sent. Databases that take characters of
    three bytes at most cut a text at its first emoji (seen of MySQL).
    """
    ours = _bare(text, ref)
    items = tuple(new_items)
    if any(carries(item.content, ref) for item in items):
        return False
    return any(_is_rest_of(item, ours, ref) for item in items)


def _is_rest_of(item: ThreadItem, ours: str, ref: str) -> bool:
    said = _bare(item.content, ref)
    if item.kind is ItemKind.ANSWER:
        return said == "" or (said != ours and ours.startswith(said))
    # An answer without a word is no answer to a citizen: it reads as a log.
    return item.kind is ItemKind.LOG and said == "" and (item.template_code or "").startswith("reply")


def foreign_answers(
    items: Iterable[ThreadItem], prefix: str, issued: Iterable[str] = ()
) -> tuple[ThreadItem, ...]:
    """The answers in a thread that are not ours: they carry no reference of our prefix.

    `issued` are references issued here for the report: they are ours under whatever prefix they were issued.
    """
    refs = tuple(issued)
    return tuple(item for item in items if item.kind is ItemKind.ANSWER and not _is_ours(item, prefix, refs))


def _is_ours(item: ThreadItem, prefix: str, issued: tuple[str, ...]) -> bool:
    return bool(references_in(item.content, prefix)) or any(carries(item.content, ref) for ref in issued)


# The next step of one delivery.


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """One delivery as the next step needs it. `baseline`: ids of the foreign answers known when it was
    written, None where the thread was not known then. `opd`: the institution that it speaks for."""

    ref: str
    kind: Kind
    state: State
    text: str
    opd: str
    is_secret: bool = False
    tries: int = 0
    baseline: frozenset[str] | None = frozenset()
    accepted_closed: bool = False
    accepted_disposition: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """The report as read in this cycle, beside the delivery.

    `absence_counts`: the read was complete and began at least the grace after the attempt ended, and nothing
    that was known had gone from it. `readable`: references come back in this upstream's threads.
    `barred`: how many of its last tries in a row something else than LAPOR answered with a 4xx.
    `log_texts` are the detail's log contents, for a hand-over. `issued`: every reference issued here for this
    report, in whatever state its delivery is; needed where the prefix was changed since.
    """

    colour: Colour | None
    disposed_to: str | None
    items: tuple[ThreadItem, ...]
    prefix: str
    log_texts: tuple[str, ...] = ()
    absence_counts: bool = False
    readable: bool = True
    issued: frozenset[str] = frozenset()
    barred: int = 0


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
    if stands_upstream(delivery, seen):
        return Confirm()
    if delivery.state is State.QUEUED:
        reason = reason_to_hold(delivery, seen)
        return Hold(reason=reason) if reason else Send()
    if delivery.state is State.UNKNOWN:
        return _after_unknown(delivery, seen)
    raise Defect(f"delivery {delivery.ref} is {delivery.state} and has no next step")


def _after_unknown(delivery: Delivery, seen: Seen) -> Step:
    """Read back and not found: may it go out again?"""
    if not seen.absence_counts:
        return Wait()
    if reason := cannot_be_told(delivery, readable=seen.readable):
        return Hold(reason=reason)
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


def stands_upstream(delivery: Delivery, seen: Seen) -> bool:
    """Whether the delivery can be seen upstream: its reference, or (once tried) its whole text.

    The whole text is looked for only in foreign answers that came after the response was written: two equal
    answers in one thread are two answers.
    """
    if delivery.kind is Kind.FORWARD:
        return any(carries(text, delivery.ref) for text in seen.log_texts) or _in_thread(delivery, seen)
    if _in_thread(delivery, seen):
        return True
    tried = delivery.state is State.UNKNOWN or delivery.tries > 0
    return tried and any(
        same_words(item.content, delivery.text, delivery.ref) for item in _new_foreign(delivery, seen)
    )


def _in_thread(delivery: Delivery, seen: Seen) -> bool:
    return times_seen(seen.items, delivery.ref) > 0


def _new_foreign(delivery: Delivery, seen: Seen) -> tuple[ThreadItem, ...]:
    known = delivery.baseline or frozenset()
    return tuple(item for item in foreign_answers(seen.items, seen.prefix, seen.issued) if item.id not in known)


def reason_to_hold(delivery: Delivery, seen: Seen) -> Reason | None:
    """The first of the three reasons to hold a queued delivery, or None.

    A hand-over is held only because the report was closed or is with another institution already.
    """
    if seen.colour in CLOSED and not delivery.accepted_closed:
        moved = seen.disposed_to is not None and seen.disposed_to != delivery.opd
        return Reason.DISPOSED_ELSEWHERE if moved and seen.colour is Colour.ABU else Reason.CLOSED_SINCE
    if delivery.kind is Kind.RESPONSE and _new_foreign(delivery, seen):
        return Reason.FIRST_READ if delivery.baseline is None else Reason.ANSWERED_ELSEWHERE
    if seen.disposed_to not in {None, delivery.opd, delivery.accepted_disposition}:
        return Reason.DISPOSED_ELSEWHERE
    return None
