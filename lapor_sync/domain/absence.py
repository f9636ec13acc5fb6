"""Whether a read proves that nothing arrived since a try began. Source: rules, "Reading back".

After a try without a clear answer only a thread with nothing new proves it. So all that is new since the scene, or says
otherwise than in it, is asked for what it may be.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from lapor_sync.domain import ages, loose
from lapor_sync.domain.delivery import State, carries, references_in, same_words, says_all_of
from lapor_sync.domain.report import ItemKind, ThreadItem
from lapor_sync.domain.scene import Delivery, Scene, Seen, words_digest
from lapor_sync.domain.traces import is_clearly_other, vocabulary


def is_of_before(delivery: Delivery, scene: Scene, seen: Seen) -> bool:
    """Whether this read was made, or says of itself that it was, before what the try stored can be shown in it."""
    since = scene.began_at
    if delivery.state is State.UNKNOWN and seen.ended_at is not None:
        since = seen.ended_at + seen.grace
    if since is None or seen.shown.read_at is None:
        return False
    then, asked_at = scene.shown.dated, scene.shown.read_at
    if then is None or asked_at is None:
        return seen.shown.read_at < since
    return seen.shown.read_at < since or any(
        _is_dated_before(since, said, seen.shown.read_at, then.get(name), asked_at)
        for name, said in (seen.shown.dated or {}).items()
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


def may_be_there(delivery: Delivery, scene: Scene, seen: Seen) -> bool:
    """Whether something in this read may be, or may tell of, what the try stored."""
    if _newly_elsewhere(scene, seen):
        return True
    known = delivery.baseline or frozenset()
    if not seen.bad <= scene.items.keys() | known:
        return True
    if (
        scene.shown.traces
        and seen.shown.traces
        and any(now > then for now, then in zip(seen.shown.traces, scene.shown.traces, strict=True))
    ):
        return True
    if not all(_is_just_a_sibling(item, seen) for item in _reworded(scene, seen)):
        return True  # what was stored may have been joined to an item that was there
    if _other_items(scene, seen) or is_reordered(scene.shown.order, seen.shown.order):
        return True  # a count, a time or a note that tells of what is not shown
    new = [item for item in seen.items if not scene.items.get(item.id) and item.id not in known]
    if not new:  # it may stand in an item, or in the detail only; or the detail tells of it before the thread does
        return bool(_other_fields(scene, seen)) or (seen.shown.parts or 0) > (
            scene.shown.parts or seen.shown.parts or 0
        )
    if _counts_more(scene, seen, new):
        return True
    if _has_moved(scene, seen) and all(item.kind is ItemKind.REPORTER for item in new):
        return True  # no word of the reporter's does that
    return not all(_is_surely_another(item, delivery, scene, seen) for item in new)


def says_otherwise(scene: Scene, seen: Seen) -> tuple[str, ...]:
    """What says otherwise than in the scene, though no item is new: `complaint.FIELD`, `list.FIELD`, `followups/ID`,
    `followups` for what stands beside the items, `followups (order)`, or `followups of ID` of another report."""
    elsewhere = [f"followups of {one}" for one in _newly_elsewhere(scene, seen)]
    order = ("followups (order)",) if is_reordered(scene.shown.order, seen.shown.order) else ()
    return (*elsewhere, *_other_items(scene, seen), *order, *_other_fields(scene, seen))


def _newly_elsewhere(scene: Scene, seen: Seen) -> list[str]:
    """The other reports in whose threads its reference stands, but for those of which a person knew."""
    return sorted(set(seen.elsewhere) - set(scene.shown.elsewhere or ()))


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
    then, now, reworded = (
        scene.shown.marks or {},
        seen.shown.marks or {},
        {item.id for item in _reworded(scene, seen)},
    )
    known = (then.keys() & now.keys() | {ages.BESIDE}) - reworded
    other = [
        f"followups/{ages.shown(name)}"
        for name in _otherwise(then, now, _passed(scene, seen))
        if ages.owner(name) in known
    ]
    is_beside = None not in {scene.shown.beside, seen.shown.beside} and scene.shown.beside != seen.shown.beside
    return sorted(other) + ["followups"] * is_beside


def _other_fields(scene: Scene, seen: Seen) -> list[str]:
    fields = [
        f"complaint.{ages.shown(name)}"
        for name in _otherwise(scene.shown.detail, seen.shown.detail, _passed(scene, seen))
    ]
    known = scene.shown.detail or {}  # what the row says later than the detail did is nothing new
    rows = [
        f"list.{name}"
        for name, mark in _otherwise(scene.shown.row, seen.shown.row, None).items()
        if mark is None or ages.is_news(known.get(name, ""), mark, None)
    ]
    heads = [f"{name} (header)" for name in _otherwise(scene.shown.heads, seen.shown.heads, None)]
    return sorted(fields) + sorted(rows) + sorted(heads)


def heads_moved(scene: Scene, heads: Mapping[str, str]) -> frozenset[str]:
    """The headers, by call and name, that say otherwise than in the scene."""
    return frozenset(_otherwise(scene.shown.heads, heads, None))


def without_random(then: Mapping[str, str], reads: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Return the headers of the first of some reads right after one another, as they were `then` where each read has
    another: some of them at least say different things (`loose.DIFFERENT`), and both before and now each says something.
    That tells of the read, not of the report."""
    said = {name: {read.get(name) for read in reads} for name in then.keys() & reads[0].keys()}
    random = {name for name, values in said.items() if len(values) >= loose.DIFFERENT and None not in values}
    return {**reads[0], **{name: then[name] for name in random}}


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
    if scene.shown.read_at is None or seen.shown.read_at is None:
        return None
    return (seen.shown.read_at - scene.shown.read_at).total_seconds()


def _counts_more(scene: Scene, seen: Seen, new: Sequence[ThreadItem]) -> bool:
    """Whether the detail counts more than the new items can tell of, or more that is not shown.

    A count of answers tells of an agency's: no word of the reporter's is one.
    """
    then, now = scene.shown.counts or {}, seen.shown.counts or {}
    answers = sum(item.kind is ItemKind.ANSWER for item in new)
    more = {name: now[name] - count for name, count in then.items() if name in now}
    return any(
        by > (0 if _UNSHOWN.search(name) else answers if _OF_ANSWERS.search(name) else len(new))
        for name, by in more.items()
    )


_OF_ANSWERS = re.compile(r"answer|tanggap|jawab", re.IGNORECASE)
"""Not replies and comments: those may be the reporter's."""

_UNSHOWN = re.compile(r"pend|hid|moder|held|queue|draft|draf|tunda|tunggu|antre|sembunyi", re.IGNORECASE)


def _has_moved(scene: Scene, seen: Seen) -> bool:
    return (
        scene.shown.status is not None
        and seen.shown.status is not None
        and scene.shown.status != seen.shown.status
    )


_LEAST_WORDS = 3
"""With fewer a comment may be what is left of another text."""


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
    has_words = len(vocabulary(item.content)) >= _LEAST_WORDS
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


def _is_just_a_sibling(item: ThreadItem, seen: Seen) -> bool:
    """Whether an item says another response that was written here, and nothing beside it: it was shown cut before."""
    return any(
        carries(item.content, ref) and same_words(item.content, text, ref) for ref, text in seen.siblings.items()
    )


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
    if at is None or seen.shown.read_at is None or seen.ended_at is None or scene.began_at is None:
        return False
    if at > seen.shown.read_at or not (at.minute or at.second):
        return False
    late = at - seen.ended_at - 2 * seen.grace
    window = seen.ended_at - scene.began_at + 3 * seen.grace
    return late > timedelta(0) and timedelta(0) < late % _HOUR < _HOUR - window
