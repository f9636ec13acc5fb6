"""The next step of one delivery, given what stands upstream. Source: rules, "When it may leave", "Reading back".

After a try without a clear answer only a thread with nothing new proves that nothing arrived. So the report as it stood
when the try began is kept as a `Scene`, and all that is new since then is asked for what it may be.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from lapor_sync.domain import ages
from lapor_sync.domain import thread as talk
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
)
from lapor_sync.domain.errors import Defect
from lapor_sync.domain.letters import folded
from lapor_sync.domain.report import ItemKind, ThreadItem, digest


@dataclass(frozen=True, kw_only=True, slots=True)
class Scene:
    """A report as it stood when a try that may have arrived began.

    `items`: the digest of the words of each item that was known, by id. `traces`: how often parts of the delivery stood
    in what upstream said of the report, as `traces` counts them; None where that is not known. `parts`: of how many
    parts that was made. `marks`, `beside`, `order`, `detail`, `counts` and `dated`: as `Thread` and `Detail` have them;
    None where they are not known. `read_at`: upstream's time when that read began. `status`: the name of its status.
    `call_id`: the id under which upstream was asked and written to. `row`: a digest of each field of its row
    in the list. `heads`: a digest of each header, by call and name. `began_at`: upstream's time when the last such try
    left.
    """

    items: Mapping[str, str]
    call_id: str | None = None
    traces: tuple[int, ...] | None = None
    parts: int | None = None
    marks: Mapping[str, str] | None = None
    beside: str | None = None
    order: tuple[str, ...] | None = None
    detail: Mapping[str, str] | None = None
    counts: Mapping[str, int] | None = None
    dated: Mapping[str, datetime] | None = None
    read_at: datetime | None = None
    status: str | None = None
    row: Mapping[str, str] | None = None
    heads: Mapping[str, str] | None = None
    began_at: datetime | None = None

    def completed(self, by: Scene) -> Scene:
        """Return this scene with what it does not know taken from a later one: from then on that may not change."""
        unknown = {name: getattr(by, name) for name in _MAY_BE_UNKNOWN if getattr(self, name) is None}
        return replace(self, **unknown)


_MAY_BE_UNKNOWN = (
    "call_id",
    "traces",
    "parts",
    "marks",
    "beside",
    "order",
    "detail",
    "counts",
    "dated",
    "read_at",
    "status",
    "row",
    "heads",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """One delivery as the next step needs it. `baseline`: ids of the items known when it was written or let go
    again, None where the thread was not known then. `opd`: the institution that it speaks for. `scene`: None where
    no try left that may have arrived."""

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
    accepted_status: str | None = None
    scene: Scene | None = None

    @property
    def may_have_arrived(self) -> bool:
        """Whether a try left, and what became of it is not known."""
        return self.state is State.UNKNOWN or self.scene is not None


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """The report as read in this cycle, beside the delivery.

    `absence_counts`: the read began at least the grace after the attempt ended. `is_whole`: it was complete;
    `is_long_ago`: the attempt ended a day ago or more. `readable`: references come back in this upstream's threads;
    `names_sender`: one did, in an item that named who wrote it. `barred`: how many of its last tries in a row something
    else than LAPOR answered with a 4xx. `log_texts` are the detail's log contents, for a hand-over. `issued`: every
    reference issued here for this report, in whatever state its delivery is; needed where the prefix was changed since.
    `siblings`: the texts of its other deliveries by reference, but for those that were only found upstream. `bad`: keys
    of items that could not be read; `unknown_status`: the status name where it is not known; `traces`, `parts`,
    `marks`, `beside`, `order`, `detail`, `counts`, `dated`, `status`, `row`, `heads`: as in `Scene`, of this read;
    `call_id`: the id that was asked for. `elsewhere`: the Tracking ID of another report in whose thread its reference
    stands.
    `beyond`: as `Thread` has it. `others`: the names, in small letters, and ids of institutions that are surely none of
    the city's. `ended_at`: upstream's time when the last try ended, after which what it stored is shown within the
    `grace`; `read_at`: when this read began.
    """

    colour: Colour | None
    disposed_to: str | None
    items: tuple[ThreadItem, ...]
    prefix: str
    log_texts: tuple[str, ...] = ()
    absence_counts: bool = False
    is_whole: bool = True
    is_long_ago: bool = False
    readable: bool = True
    names_sender: bool = False
    issued: frozenset[str] = frozenset()
    siblings: Mapping[str, str] = field(default_factory=dict)
    barred: int = 0
    bad: frozenset[str] = frozenset()
    unknown_status: str | None = None
    traces: tuple[int, ...] | None = None
    parts: int | None = None
    marks: Mapping[str, str] | None = None
    beside: str | None = None
    order: tuple[str, ...] | None = None
    detail: Mapping[str, str] | None = None
    counts: Mapping[str, int] | None = None
    dated: Mapping[str, datetime] | None = None
    status: str | None = None
    row: Mapping[str, str] | None = None
    heads: Mapping[str, str] | None = None
    elsewhere: str | None = None
    beyond: Mapping[str, frozenset[str]] | None = field(default_factory=dict)
    others: frozenset[str] = frozenset()
    call_id: str | None = None
    ended_at: datetime | None = None
    grace: timedelta = timedelta(0)
    read_at: datetime | None = None


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
        return _if_absent(delivery, delivery.scene, seen) or Send()
    return Hold(reason=reason) if reason else Send()


def _after_unknown(delivery: Delivery, seen: Seen) -> Step:
    """Read back and not found: may it go out again?"""
    if not seen.absence_counts:  # after a day it never may: a clock that stands holds up nobody for ever
        return Hold(reason=Reason.CANNOT_READ_BACK) if seen.is_long_ago else Wait()
    if not (seen.is_whole or seen.is_long_ago):
        return Wait()
    if reason := cannot_be_told(delivery, readable=seen.readable and delivery.scene is not None):
        return Hold(reason=reason)
    if delivery.scene is not None and (step := _if_absent(delivery, delivery.scene, seen)):
        return step
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


def _if_absent(delivery: Delivery, scene: Scene, seen: Seen) -> Wait | Hold | None:
    """Why this read does not prove that nothing arrived since the scene; None where it does."""
    if scene.call_id is not None and seen.call_id is not None and scene.call_id != seen.call_id:
        return Hold(reason=Reason.ANOTHER_REPORT)
    now = {item.id for item in seen.items} | seen.bad
    # What went may come back, and what arrived with it.
    if not seen.is_whole or not scene.items.keys() <= now or is_of_before(delivery, scene, seen):
        return Hold(reason=Reason.CANNOT_READ_BACK) if seen.is_long_ago else Wait()
    if not _may_be_there(delivery, scene, seen):
        return None
    # Where the next response that comes back would tell how answers are shown, a person need not.
    is_told_soon = not seen.is_long_ago and not _may_be_there(delivery, scene, replace(seen, names_sender=True))
    return Wait() if is_told_soon else Hold(reason=Reason.PERHAPS_ARRIVED)


def is_of_before(delivery: Delivery, scene: Scene, seen: Seen) -> bool:
    """Whether this read was made, or says of itself that it was, before what the try stored can be shown in it."""
    since = scene.began_at
    if delivery.state is State.UNKNOWN and seen.ended_at is not None:
        since = seen.ended_at + seen.grace
    if since is None or seen.read_at is None:
        return False
    then, asked_at = scene.dated, scene.read_at
    if then is None or asked_at is None:
        return seen.read_at < since
    return seen.read_at < since or any(
        _is_dated_before(since, said, seen.read_at, then.get(name), asked_at)
        for name, said in (seen.dated or {}).items()
    )


def _is_dated_before(
    since: datetime, said: datetime, read_at: datetime, then: datetime | None, asked_at: datetime
) -> bool:
    """Whether an answer that was asked for at `read_at`, and is of the time `said`, may be older than `since`.

    `then` is what the one asked for at `asked_at` said: it tells of what the date is. One that was off by full hours is
    of another zone; one that was off by more than a day and stands, or goes on with the time, says nothing of now.
    """
    if then is None:
        return said < since
    off = then - asked_at
    if abs(off) > _DAY:
        return said != then and abs(said - read_at - off) > _SLACK
    hours = round(off / _HOUR) * _HOUR
    zone = hours if abs(off - hours) <= _SLACK else timedelta(0)
    return said <= then or said - zone < since


_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_SLACK = timedelta(minutes=2)
"""For so long a call may take, between its begin and the date in its answer."""


def _may_be_there(delivery: Delivery, scene: Scene, seen: Seen) -> bool:
    if seen.elsewhere is not None:
        return True
    known = delivery.baseline or frozenset()
    if not seen.bad <= scene.items.keys() | known:
        return True
    if (
        scene.traces
        and seen.traces
        and any(now > then for now, then in zip(seen.traces, scene.traces, strict=True))
    ):
        return True
    if not all(_is_a_sibling(item, scene, seen) for item in _reworded(scene, seen)):
        return True  # what was stored may have been joined to an item that was there
    if _other_items(scene, seen) or is_reordered(scene.order, seen.order):
        return True  # a count, a time or a note that tells of what is not shown
    new = [item for item in seen.items if not scene.items.get(item.id) and item.id not in known]
    if not new:  # it may stand in an item, or in the detail only; or the detail tells of it before the thread does
        return bool(_other_fields(scene, seen)) or (seen.parts or 0) > (scene.parts or seen.parts or 0)
    if _counts_more(scene, seen, new):
        return True
    if _has_moved(scene, seen) and all(item.kind is ItemKind.REPORTER for item in new):
        return True  # no word of the reporter's does that
    return not all(_is_surely_another(item, delivery, scene, seen) for item in new)


def says_otherwise(scene: Scene, seen: Seen) -> tuple[str, ...]:
    """What says otherwise than in the scene, though no item is new: `complaint.FIELD`, `list.FIELD`, `followups/ID`,
    `followups` for what stands beside the items, `followups (order)`, or `followups of ID` of another report."""
    elsewhere = (f"followups of {seen.elsewhere}",) if seen.elsewhere else ()
    order = ("followups (order)",) if is_reordered(scene.order, seen.order) else ()
    return (*elsewhere, *_other_items(scene, seen), *order, *_other_fields(scene, seen))


def is_reordered(then: Sequence[str] | None, now: Sequence[str] | None) -> bool:
    """Whether what stands in both orders of ids follows one another otherwise; False where one is not known."""
    if then is None or now is None:
        return False
    both = set(then) & set(now)
    return [id for id in then if id in both] != [id for id in now if id in both]


def _reworded(scene: Scene, seen: Seen) -> list[ThreadItem]:
    return [item for item in seen.items if scene.items.get(item.id, "") not in {"", words_digest(item)}]


def _other_items(scene: Scene, seen: Seen) -> list[str]:
    """The items of the scene that say the same words and something else otherwise; and what stands beside them."""
    then, now, reworded = scene.marks or {}, seen.marks or {}, {item.id for item in _reworded(scene, seen)}
    known = (then.keys() & now.keys() | {ages.BESIDE}) - reworded
    other = [
        f"followups/{name}" for name in _otherwise(then, now, _passed(scene, seen)) if ages.owner(name) in known
    ]
    is_beside = None not in {scene.beside, seen.beside} and scene.beside != seen.beside
    return sorted(other) + ["followups"] * is_beside


def _other_fields(scene: Scene, seen: Seen) -> list[str]:
    fields = [f"complaint.{name}" for name in _otherwise(scene.detail, seen.detail, _passed(scene, seen))]
    known = scene.detail or {}  # what the row says later than the detail did is nothing new
    rows = [
        f"list.{name}"
        for name, mark in _otherwise(scene.row, seen.row, None).items()
        if mark is None or ages.is_news(known.get(name, ""), mark, None)
    ]
    heads = [f"{name} (header)" for name in _otherwise(scene.heads, seen.heads, None)]
    return sorted(fields) + sorted(rows) + sorted(heads)


def heads_moved(scene: Scene, heads: Mapping[str, str]) -> frozenset[str]:
    """The headers, by call and name, that say otherwise than in the scene."""
    return frozenset(_otherwise(scene.heads, heads, None))


def without_random(then: Mapping[str, str], reads: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Return the headers of the first of some reads right after one another, as they were `then` where each read has
    another: three of them at least say different things, and both before and now each says something. That tells of the
    read, not of the report. What moves between two states may tell of two replicas, one of which is behind."""
    said = {name: {read.get(name) for read in reads} for name in then.keys() & reads[0].keys()}
    random = {name for name, values in said.items() if len(values) >= _RANDOM and None not in values}
    return {**reads[0], **{name: then[name] for name in random}}


_RANDOM = 3


def _otherwise(
    then: Mapping[str, str] | None, now: Mapping[str, str] | None, passed: float | None
) -> dict[str, str | None]:
    """The fields that say otherwise now than then, with their mark now, None where there is none; nothing where one
    side is not known. `passed` as `ages.is_news` has it."""
    if then is None or now is None:
        return {}
    both = {name: (then.get(name), now.get(name)) for name in then.keys() | now.keys()}
    return {
        name: after for name, (before, after) in both.items() if ages.is_news(before or "", after or "", passed)
    }


def _passed(scene: Scene, seen: Seen) -> float | None:
    """The seconds between the two reads; None where that is not known."""
    if scene.read_at is None or seen.read_at is None:
        return None
    return (seen.read_at - scene.read_at).total_seconds()


def _counts_more(scene: Scene, seen: Seen, new: Sequence[ThreadItem]) -> bool:
    """Whether the detail counts more than the new items can tell of, or more that is not shown.

    A count of answers tells of an agency's: no word of the reporter's is one.
    """
    then, now = scene.counts or {}, seen.counts or {}
    answers = sum(item.kind is ItemKind.ANSWER for item in new)
    more = {name: now[name] - count for name, count in then.items() if name in now}
    return any(
        by > (0 if _UNSHOWN.search(name) else answers if _OF_ANSWERS.search(name) else len(new))
        for name, by in more.items()
    )


_OF_ANSWERS = re.compile(r"answer|tanggap|jawab", re.IGNORECASE)
_UNSHOWN = re.compile(r"pend|hid|moder|held|queue|draft|draf|tunda|tunggu|antre|sembunyi", re.IGNORECASE)


def _has_moved(scene: Scene, seen: Seen) -> bool:
    return scene.status is not None and seen.status is not None and scene.status != seen.status


def _is_surely_another(item: ThreadItem, delivery: Delivery, scene: Scene, seen: Seen) -> bool:
    """Whether an item that is new since a try cannot be what that try stored; by the table of the rules."""
    if (is_a_sibling := _is_a_sibling(item, scene, seen)) is not None:
        return is_a_sibling
    if not is_clearly_other(item.content, delivery.text):
        return False
    if item.kind is ItemKind.ANSWER:  # a new one holds the delivery all the same, as somebody else's answer
        return not references_in(item.content, seen.prefix)
    if not _is_made_later(item.created_at, scene, seen):
        return False
    if item.kind is ItemKind.DISPOSITION:
        return item.author is not None and item.author.lower() in seen.others
    has_words = len(_vocabulary(item.content)) >= _LEAST_WORDS
    return item.kind is ItemKind.REPORTER and seen.names_sender and has_words and _is_plain(item, scene, seen)


def _is_plain(item: ThreadItem, scene: Scene, seen: Seen) -> bool:
    """Whether an item has no field that those of the scene lack, and says in none what no reporter's there does.

    Under some name may stand who wrote it, or that it is withheld. Not where its fields are not known.
    """
    if (beyond := seen.beyond) is None:
        return False
    known = [one for one in seen.items if one.id in scene.items]
    names = {said for one in known for said in beyond.get(one.id, ()) if "=" not in said}
    values = {said for one in known if one.kind is ItemKind.REPORTER for said in beyond.get(one.id, ())}
    return beyond.get(item.id, frozenset()) <= names | values


def _is_a_sibling(item: ThreadItem, scene: Scene, seen: Seen) -> bool | None:
    """Whether an item says another response that was written here for the report; None where it names none.

    One that stood there already is there once: a second item with its words is ours, shown with words that are old.
    """
    for ref, text in seen.siblings.items():
        if carries(item.content, ref):
            stood = any(
                one.id in scene.items and one.id != item.id and carries(one.content, ref) for one in seen.items
            )
            return says_all_of(item.content, text, ref) and not stood
    return None


def _is_made_later(at: datetime | None, scene: Scene, seen: Seen) -> bool:
    """Whether an item is by its time certainly younger than what a try stored: twice the grace after its end.

    A time that is not known, is still to come, or may be only a day's or an hour's proves nothing. Upstream may show
    times of another zone: so full hours between the two do not count.
    """
    if at is None or seen.read_at is None or seen.ended_at is None or scene.began_at is None:
        return False
    if at > seen.read_at or not (at.minute or at.second):
        return False
    late = at - seen.ended_at - 2 * seen.grace
    window = seen.ended_at - scene.began_at + 3 * seen.grace
    return late > timedelta(0) and timedelta(0) < late % _HOUR < _HOUR - window


_LEAST_SHARE = 0.4
_LEAST_WORDS = 3


def is_clearly_other(content: str, text: str) -> bool:
    """Whether two texts are two: each says something, none is a part of the other, and few words stand in both."""
    said, ours = letters(content), letters(text)
    if not said or said in ours or ours in said:
        return False
    its, mine = _vocabulary(content), _vocabulary(text)
    return len(its & mine) < _LEAST_SHARE * min(len(its), len(mine))


def _vocabulary(text: str) -> set[str]:
    return set(re.findall(r"\w+", folded(talk.words(text))))


# What can be compared however upstream shows it.


def words_digest(item: ThreadItem) -> str:
    """16 hexadecimal digits that stand for what a citizen reads in an item."""
    return digest(talk.words(item.content))


def digests(items: Iterable[ThreadItem], bad: Iterable[str] = ()) -> dict[str, str]:
    """The items of a scene; `bad` are keys of those that could not be read."""
    return {**dict.fromkeys(bad, ""), **{item.id: words_digest(item) for item in items}}


_ESCAPE = re.compile(r'\\+(?:u([0-9a-fA-F]{4})|["/nrtbf])?')
_PERCENT = re.compile(r"(?:%[0-9a-fA-F]{2})+")
_SIMPLE_TAG = re.compile(r"</?[A-Za-z][^<>]*>")
_NO_LETTER = re.compile(r"[\W_]+")
_ASCII_SIGNS = bytes(code for code in range(128) if not chr(code).isalnum())
_PROBE = 48
MAX_SEARCHED = 4_000_000
"""Characters of what upstream said of one report that are searched."""


def letters(text: str) -> str:
    """What no layout changes: the letters and digits of a text, small, its escapes undone, its tags gone."""
    if "\\" in text:
        text = _ESCAPE.sub(_letter, text)
    if "%" in text:
        text = _PERCENT.sub(lambda found: bytes.fromhex(found[0].replace("%", "")).decode(errors="replace"), text)
    for _ in range(2 if "&" in text else 0):
        text = talk.unescaped(text)
    shown = _SIMPLE_TAG.sub(" ", text)
    if shown.isascii():  # nearly all, and ten times faster
        return shown.encode().translate(None, _ASCII_SIGNS).decode().lower()
    return folded(_NO_LETTER.sub("", shown))


def _letter(escape: re.Match[str]) -> str:
    return chr(int(escape[1], 16)) if escape[1] else " "


def traces(delivery: Delivery, said: Iterable[str]) -> tuple[int, ...]:
    """How often the reference, the beginning and the end of the words stand in what upstream said, under any key.

    Both with and without what looks like a tag: either may hide them. It takes time by the length of the texts.
    """
    text = delivery.text.replace(f"[Ref {delivery.ref}]", "")
    words = letters(text)
    probes = [letters(delivery.ref), *filter(None, dict.fromkeys((words[:_PROBE], words[-_PROBE:])))]
    raw = "\n".join(said)[:MAX_SEARCHED]
    shown = (letters(raw), letters(raw.replace("<", " "))) if "<" in raw else (letters(raw),)
    return tuple(max(each.count(probe) for each in shown) for probe in probes)


def parts(said: Iterable[str]) -> int:
    """Of how many parts that which upstream said is made: a new item, reply or log is one more, whatever it says."""
    return sum(each.count("{") for each in said)


# Whether it arrived.


def stands_upstream(delivery: Delivery, seen: Seen) -> bool:
    """Whether the delivery can be seen upstream: its words with its reference, or (once tried) its whole text alone.

    The whole text alone is looked for only in foreign answers that came after the response was written: two equal
    answers in one thread are two answers.
    """
    if any(is_arrival(item, delivery) for item in seen.items):
        return True
    if delivery.kind is Kind.FORWARD:
        own = letters(delivery.text)  # LAPOR words its logs around what was written
        return any(carries(text, delivery.ref) and own in letters(text) for text in seen.log_texts)
    scene = delivery.scene.items if delivery.scene else {}
    return delivery.may_have_arrived and any(
        item.id not in scene and same_words(item.content, delivery.text, delivery.ref)
        for item in _new_foreign(delivery, seen)
    )


def is_arrival(item: ThreadItem, delivery: Delivery) -> bool:
    """Whether an item is the delivery as the citizen got it: an agency's, with its reference and its words.

    Of one that was never sent only an answer counts: somebody typed it on LAPOR's own site, or an older backup was
    restored. A mention of its reference is neither.
    """
    is_log_of_it = delivery.may_have_arrived or delivery.kind is Kind.FORWARD
    if item.kind is ItemKind.REPORTER or not (item.kind is ItemKind.ANSWER or is_log_of_it):
        return False
    return carries(item.content, delivery.ref) and says_all_of(item.content, delivery.text, delivery.ref)


def times_arrived(items: Iterable[ThreadItem], delivery: Delivery) -> int:
    """How often the citizen got the delivery: a log that repeats it is no second answer.

    What upstream accepted and shows under its reference in other words was seen once.
    """
    mine = [item for item in items if carries(item.content, delivery.ref)]
    arrivals = [item for item in mine if is_arrival(item, delivery)]
    answers = sum(item.kind is ItemKind.ANSWER for item in arrivals)
    if answers or arrivals:
        return answers or 1
    return int(delivery.state is State.SENT and any(item.kind is not ItemKind.REPORTER for item in mine))


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
    """Whether somebody wrote the reference of what never left. After a try it is no mere mention."""
    known, logs = delivery.baseline or frozenset(), seen.log_texts if delivery.kind is Kind.FORWARD else ()
    new = (item.content for item in seen.items if item.id not in known)
    return delivery.scene is None and any(carries(text, delivery.ref) for text in (*new, *logs))


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
