"""Lists of reports for people: bound to what they may see in the query itself, filtered, in pages, counted.

`within` are the ids of the OPDs whose reports somebody may see, None for all: a person may hold posts at two. Rows are
typed; no JSON and no words.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import cache, lru_cache, partial
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import (
    CTE,
    Column,
    ColumnElement,
    CompoundSelect,
    Select,
    TextClause,
    and_,
    bindparam,
    case,
    false,
    func,
    literal,
    or_,
    select,
    true,
    tuple_,
    union_all,
)

from lapor_sync.domain.colour import CLOSED, Colour, Flag, WaitingOn
from lapor_sync.store import institutions
from lapor_sync.store.database import Work
from lapor_sync.store.schema import AGAIN, COUNTED_BY, OPEN, opd_number
from lapor_sync.store.schema import report as table
from lapor_sync.store.times import from_text, to_text

Within = frozenset[str] | None

NONE = "-"
"""What stands in a filter for reports that have no such value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Filters of a list; None for all. Values are as in a `Row`, NONE for reports without one.

    `is_open`: neither hijau nor abu. `since` and `until`: received in this span, the end left out. `text`: a Tracking
    ID, else in the title or the words of a report that is not rahasia.
    """

    colour: str | None = None
    waiting_on: str | None = None
    opd: str | None = None
    classification: str | None = None
    category: str | None = None
    channel: str | None = None
    district: str | None = None
    flag: str | None = None
    is_open: bool = False
    overdue: bool = False
    since: datetime | None = None
    until: datetime | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A report in a list. `title` and `district` are None where it is rahasia."""

    tracking_id: str
    title: str | None
    opd: str | None
    opd_name: str | None
    colour: Colour | None
    waiting_on: WaitingOn | None
    flags: frozenset[Flag]
    status_name: str
    classification: str | None
    category: str | None
    channel: str | None
    district: str | None
    created_at: datetime | None
    updated_at: datetime | None
    due_at: datetime | None
    is_overdue: bool
    auto_close_at: datetime | None
    is_secret: bool
    is_anonymous: bool
    answers: int


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list. `after` leads to the next part, None at the end; there may be fewer rows than a page has."""

    rows: tuple[Row, ...]
    after: str | None


class Number(NamedTuple):
    """How many there are; `is_more`: so many were seen, and no further was looked."""

    seen: int
    is_more: bool


LOOK = 10_000
"""A page looks through so many reports at most, whatever is wanted: it costs what it shows, not what is stored."""

COUNTED = 5_000
"""Where more are open than a page looks through, the numbers beside the filters are of so many, the newest."""


_FILTERED = {
    "colour": table.c.colour,
    "waiting_on": table.c.waiting_on,
    "opd": table.c.disposition_id,
    "classification": table.c.classification,
    "category": table.c.category,
    "channel": table.c.channel,
    "district": table.c.kecamatan,
}
"""The filters that are a column, by the name that `Wanted` has for them."""

_SHOWN = (
    table.c.tracking_id,
    table.c.title,
    table.c.disposition_id,
    table.c.disposition_name,
    table.c.colour,
    table.c.waiting_on,
    table.c.flags,
    table.c.status_name,
    table.c.classification,
    table.c.category,
    table.c.channel,
    table.c.kecamatan,
    table.c.created_at,
    table.c.updated_at,
    table.c.due_at,
    table.c.auto_close_at,
    table.c.is_secret,
    table.c.is_anonymous,
    table.c.answers,
)


class _Key(NamedTuple):
    """A place in a list: when a report was received ("" where nobody knows), and its number."""

    received: str
    tracking_id: str


def page(
    work: Work, wanted: Wanted, within: Within, *, after: str | None = None, most: int = 50, look: int = LOOK
) -> Page:
    """Return the wanted reports, the newest first, from behind `after` (a page's) on.

    A page goes on by key, so that what comes in meanwhile moves nothing. A key that no page gave begins anew.
    """
    start = _Key(*after.rpartition("/")[::2]) if after is not None and _is_text(after) else None
    lists, filters = _lists(work, wanted, within), _filters(work, wanted)
    end = _end(work, lists, start, look) if filters or most >= look else None
    rows = [row for one in lists for row in _first(work, _parts(one, start, end), filters, most + 1)]
    rows.sort(key=_key, reverse=True)
    if len(rows) > most:
        end = _key(rows[most - 1])
    return Page(tuple(rows[:most]), "/".join(end) if end else None)


def _first(work: Work, parts: Iterable[_Asked], filters: _Asked, most: int) -> list[Row]:
    rows: list[Row] = []
    for part in parts:
        if len(rows) < most:
            asked = {**part, **filters}
            rows += _rows(work, _first_query(tuple(asked)), {**_given(asked), "most": most - len(rows)})
    return rows


_NEWEST = (table.c.created_at.desc(), table.c.tracking_id.desc())


class Order(StrEnum):
    """What a list may be sorted by. Without a value comes last, upwards and downwards."""

    RECEIVED = "received"
    COLOUR = "colour"
    WAITING_ON = "waiting_on"
    DUE = "due"
    OPD = "opd"


_ORDERED: Mapping[Order, Any] = {
    Order.RECEIVED: table.c.created_at,
    Order.COLOUR: case({one.value: str(n) for n, one in enumerate(Colour)}, value=table.c.colour),
    Order.WAITING_ON: table.c.waiting_on,
    Order.DUE: table.c.due_at,
    Order.OPD: func.coalesce(table.c.disposition_name, table.c.disposition_id),
}


def sorted_page(
    work: Work,
    wanted: Wanted,
    within: Within,
    by: Order,
    *,
    is_down: bool = False,
    after: str | None = None,
    most: int = 50,
    look: int = LOOK,
) -> Page:
    """Return the wanted reports in another order, from behind `after` (a page's) on.

    No index has such an order: the newest `look` reports are sorted among themselves, and then those behind them.
    """
    window, last = _place(after)
    start = _Key(*window.rpartition("/")[::2]) if window else None
    lists, filters = _lists(work, wanted, within), _filters(work, wanted)
    end, columns = _end(work, lists, start, look), (*_SHOWN, _ORDERED[by].label("value"))
    asked = [{**part, **filters} for one in lists for part in _parts(one, start, end)]
    parts = [select(*columns).where(*_fits(one, _given(one).__getitem__)) for one in asked]
    if not parts:
        return Page((), None)
    near = union_all(*parts).subquery("near")
    received = func.coalesce(near.c.created_at, "")
    query = select(near, received.label("received")).order_by(
        near.c.value.is_(None),
        near.c.value.desc() if is_down else near.c.value,
        received.desc(),
        near.c.tracking_id.desc(),
    )
    if last is not None:
        value, *place = last
        is_same = near.c.value.is_(None) if value is None else near.c.value == value
        behind = [and_(is_same, tuple_(received, near.c.tracking_id) < tuple(place))]
        if value is not None:
            behind += [near.c.value < value if is_down else near.c.value > value, near.c.value.is_(None)]
        query = query.where(or_(*behind))
    found = work.conn.execute(query.limit(most + 1)).mappings().all()
    rows = tuple(_row(one, work.at) for one in found[:most])
    if len(found) > most:
        at = found[most - 1]
        return Page(rows, json.dumps([window, [at["value"], at["received"], at["tracking_id"]]]))
    return Page(rows, json.dumps(["/".join(end), None]) if end else None)


_Behind = tuple[str | None, str, str]
"""A row's value in the order, when it was received, its number."""
_PLACE = msgspec.json.Decoder(tuple[str, _Behind | None])


def _place(after: str | None) -> tuple[str, _Behind | None]:
    """Where a sorted list goes on: behind which newer reports, and which of those that are sorted. ("", None): anew."""
    try:
        window, last = _PLACE.decode(after or "")
    except (msgspec.DecodeError, ValueError, RecursionError):
        return "", None
    is_sound = all(_is_text(one) for one in (window, *(last or ())) if one is not None)
    return (window, last) if is_sound else ("", None)


def _key(row: Row) -> _Key:
    return _Key(to_text(row.created_at) or "", row.tracking_id)


_Asked = Mapping[str, Mapping[str, Any]]
"""What is asked of each report of a list: names of `_FITS`, each with what it is given."""


def _lists(work: Work, wanted: Wanted, within: Within) -> list[_Asked]:
    """The lists that are looked through, each with an index in its order: of all reports, or one an OPD."""
    base: dict[str, Mapping[str, Any]] = {"agency": {"agency": work.agency}}
    if wanted.is_open:
        base["open"] = {}
    if wanted.since is not None:
        base["since"] = {"since": to_text(wanted.since)}
    if wanted.until is not None:
        base["until"] = {"until": to_text(wanted.until)}
    if wanted.text is not None and (number := _number(work, wanted.text.strip(), within)):
        base["number"] = {"number": number}
    if wanted.opd is None:
        return [base] if within is None else [{**base, "at_opd": {"at_opd": opd}} for opd in sorted(within)]
    if not _is_text(wanted.opd) or (within is not None and wanted.opd not in within):
        return []
    return [{**base, "at_none": {}} if wanted.opd == NONE else {**base, "at_opd": {"at_opd": wanted.opd}}]


def _number(work: Work, text: str, within: Within) -> str | None:
    """The text where it is the number of a report that may be seen: then that one alone is meant."""
    if not _is_text(text):
        return None
    asked = {"agency": {"agency": work.agency}, "number": {"number": text}, **_of(within)}
    query = select(table.c.tracking_id).where(*_fits(asked))
    number: str | None = work.conn.execute(query, _given(asked)).scalar()
    return number


def _parts(one: _Asked, start: _Key | None, end: _Key | None) -> Iterator[_Asked]:
    """A list from behind `start` to `end`: what was received then, and behind it that of which nobody knows when.

    Lists run downwards.
    """
    if start is None or start.received:
        behind = {} if start is None else {"behind": {"behind": start.received, "behind_id": start.tracking_id}}
        up_to = {"up_to": {"up_to": end.received, "up_to_id": end.tracking_id}} if end and end.received else {}
        yield {**one, "dated": {}, **behind, **up_to}
    if end is None or not end.received:
        behind = {"undated_behind": {"behind_id": start.tracking_id}} if start and not start.received else {}
        up_to = {"undated_up_to": {"up_to_id": end.tracking_id}} if end else {}
        yield {**one, "undated": {}, **behind, **up_to}


def _end(work: Work, lists: Iterable[_Asked], start: _Key | None, look: int) -> _Key | None:
    """Where the first of these lists is left after so many reports; None where all of them end before."""
    return max((key for one in lists if (key := _key_at(work, one, start, look))), default=None)


def _key_at(work: Work, one: _Asked, start: _Key | None, look: int) -> _Key | None:
    for part in _parts(one, start, None):
        if row := work.conn.execute(_key_query(tuple(part)), {**_given(part), "look": look - 1}).first():
            return _Key(row[0] or "", row[1])
    return None


def count(work: Work, wanted: Wanted, within: Within, *, most: int, look: int = LOOK) -> Number:
    """Return how many are wanted of the newest `look` reports, no more than `most`: to count all takes ever longer."""
    lists, filters = _lists(work, wanted, within), _filters(work, wanted)
    end, seen = _end(work, lists, None, look) if filters or most >= look else None, 0
    for part in (part for one in lists for part in _parts(one, None, end)):
        if seen <= most:
            asked = {**part, **filters}
            seen += _count(work, _count_query(tuple(asked)), _given(asked), most + 1)
    return Number(min(seen, most), is_more=seen > most or end is not None)


@dataclass(frozen=True, slots=True)
class Counts:
    """The numbers of a list of open reports: of each value of each filter that is a column, and of the list itself."""

    beside: Mapping[str, Mapping[str, int]]
    listed: Number


def counts(work: Work, wanted: Wanted, within: Within, *, most: int = COUNTED, look: int = LOOK) -> Counts:
    """Return how many open reports each value of a filter would show beside the other filters, and how many these show.

    Of all that are open; where more than `look` are, of the newest `most` of those that fit the other filters.
    """
    nothing: dict[str, Any] = dict.fromkeys(_FILTERED)
    chosen = {name: value for name in _FILTERED if (value := getattr(wanted, name)) is not None}
    everything = replace(wanted, is_open=True, **nothing)
    asked = {**_lists(work, everything, None)[0], **_of(within), **_filters(work, everything)}
    beside: dict[str, dict[str, int]] = {name: {} for name in _FILTERED}
    if not all(map(_is_text, chosen.values())):
        return Counts(beside, Number(0, is_more=False))
    is_all = sum(number for _, shade, number in _numbers(work, within) if shade not in CLOSED) <= look
    query = _counts_query(tuple(asked), frozenset(chosen), is_all)
    values = {f"is_{name}": value for name, value in chosen.items()}
    for name, value, number in work.conn.execute(query, {**_given(asked), **values, "most": most}):
        beside[name][value] = int(number)
    name, value = next(iter(chosen.items()), ("colour", None))
    listed = sum(beside[name].values()) if value is None else beside[name].get(value, 0)
    return Counts(beside, Number(listed, is_more=not is_all))


@lru_cache(maxsize=64)
def _counts_query(asked: tuple[str, ...], chosen: frozenset[str], is_all: bool) -> CompoundSelect[Any]:
    """All that are alike are put together first: what is counted by each filter then are some hundred rows."""
    near = select(*COUNTED_BY).where(*_fits(asked))
    if not is_all:
        near = near.order_by(*_NEWEST[: "within" not in asked]).limit(bindparam("most"))
    each = near.subquery("near")
    alike = select(*each.c, func.count().label("number")).group_by(*each.c).cte("alike")
    groups = [
        select(literal(name), value := _told_as(alike, name), func.sum(alike.c.number))
        .where(*(_told(alike, other, is_chosen=True) for other in sorted(chosen - {name})), _told(alike, name))
        .group_by(value)
        for name in _FILTERED
    ]
    return union_all(*groups)


def _told_as(alike: CTE, name: str) -> ColumnElement[str]:
    return func.coalesce(alike.c[_FILTERED[name].name], NONE)


def _told(alike: CTE, name: str, *, is_chosen: bool = False) -> ColumnElement[bool]:
    """Whether a report has the chosen value of that filter, or any. Where a rahasia one is from is not told."""
    is_it = _told_as(alike, name) == bindparam(f"is_{name}") if is_chosen else true()
    return and_(is_it, alike.c.is_secret == 0) if name == "district" else is_it


def _filters(work: Work, wanted: Wanted) -> _Asked:
    """What is wanted of each report that is looked at. None of it by an index: the list's own has its order."""
    found: dict[str, Mapping[str, Any]] = {}
    for name in _FILTERED:
        value = getattr(wanted, name)
        if name != "opd" and value is not None:
            found |= {f"is_{name}": {f"is_{name}": value}} if _is_text(value) else _NEVER
    if wanted.flag is not None:
        found["flag"] = {"flag": _escaped(json.dumps(wanted.flag))}
    if wanted.overdue:
        found["late"] = {"now": work.at}
    if (text := wanted.text) is not None:
        text = text.strip()
        found |= {"says": {"text": text, "words": _escaped(text)}} if _is_text(text) else _NEVER
    return found


_NEVER: _Asked = {"never": {}}


def _of(within: Within) -> _Asked:
    return {} if within is None else {"within": {"within": sorted(within)}}


_ESCAPE = "/"


def _escaped(text: str) -> str:
    """A text as it stands in a pattern, where "%" and "_" mean themselves."""
    for letter in (_ESCAPE, "%", "_"):
        text = text.replace(letter, _ESCAPE + letter)
    return text


_Value = Callable[[str], Any]
"""Gives the value of a name: a parameter, or the value itself."""


def _has(name: str, value: _Value) -> ColumnElement[bool]:
    is_it: ColumnElement[bool] = func.coalesce(_FILTERED[name], NONE) == value(f"is_{name}")
    return is_it


def _says(value: _Value) -> ColumnElement[bool]:
    """Whether a report says it; of a rahasia one only the number is asked, so that nobody finds out what it says."""
    words = or_(
        table.c.title.icontains(value("words"), escape=_ESCAPE),
        func.coalesce(table.c.content_text, table.c.content).icontains(value("words"), escape=_ESCAPE),
    )
    return or_(table.c.tracking_id == value("text"), and_(table.c.is_secret == 0, words))


_in_order = tuple_(table.c.created_at, table.c.tracking_id)

_FITS: Mapping[str, Callable[[_Value], ColumnElement[bool] | TextClause]] = {
    "agency": lambda value: table.c.agency == value("agency"),
    "open": lambda _: OPEN,
    "since": lambda value: table.c.created_at >= value("since"),
    "until": lambda value: table.c.created_at < value("until"),
    "number": lambda value: table.c.tracking_id == value("number"),
    "at_opd": lambda value: table.c.disposition_id == value("at_opd"),
    "at_none": lambda _: table.c.disposition_id.is_(None),
    "within": lambda value: table.c.disposition_id.in_(value("within")),
    "dated": lambda _: table.c.created_at.is_not(None),
    "undated": lambda _: table.c.created_at.is_(None),
    "behind": lambda value: _in_order < tuple_(value("behind"), value("behind_id")),
    "up_to": lambda value: _in_order >= tuple_(value("up_to"), value("up_to_id")),
    "undated_behind": lambda value: table.c.tracking_id < value("behind_id"),
    "undated_up_to": lambda value: table.c.tracking_id >= value("up_to_id"),
    **{f"is_{name}": partial(_has, name) for name in _FILTERED},
    # Where a rahasia one is from is not told by its number either.
    "is_district": lambda value: and_(_has("district", value), table.c.is_secret == 0),
    "flag": lambda value: table.c.flags.contains(value("flag"), escape=_ESCAPE),
    "late": lambda value: func.coalesce(table.c.due_at, value("now")) < value("now"),
    "says": _says,
    "never": lambda _: false(),
}
"""All that can be asked of a report in a list. A query is made once for each choice of these, not for each page: to
make it took longer than the database needs."""


def _fits(asked: Iterable[str], value: _Value = bindparam) -> Iterator[ColumnElement[bool] | TextClause]:
    return (_FITS[name](value) for name in asked)


def _given(asked: _Asked) -> dict[str, Any]:
    return {name: value for given in asked.values() for name, value in given.items()}


@lru_cache(maxsize=64)
def _first_query(asked: tuple[str, ...]) -> Select[Any]:
    return select(*_SHOWN).where(*_fits(asked)).order_by(*_NEWEST).limit(bindparam("most"))


@lru_cache(maxsize=64)
def _key_query(asked: tuple[str, ...]) -> Select[Any]:
    query = select(table.c.created_at, table.c.tracking_id).where(*_fits(asked)).order_by(*_NEWEST)
    return query.offset(bindparam("look")).limit(1)


@lru_cache(maxsize=64)
def _count_query(asked: tuple[str, ...]) -> Select[Any]:
    return _counting(*_fits(asked))


def _is_text(given: str) -> bool:
    """Whether a database could hold it at all; what it could not, no report has."""
    return "\x00" not in given and not any("\ud800" <= one <= "\udfff" for one in given)


def _rows(work: Work, query: Select[Any], given: Mapping[str, Any]) -> list[Row]:
    return [_row(one, work.at) for one in work.conn.execute(query, given).mappings().all()]


def _row(one: Mapping[Any, Any], now: str) -> Row:
    is_secret = bool(one["is_secret"])
    return Row(
        tracking_id=one["tracking_id"],
        title=None if is_secret else one["title"],
        opd=one["disposition_id"],
        opd_name=one["disposition_name"],
        colour=Colour(one["colour"]) if one["colour"] else None,
        waiting_on=WaitingOn(one["waiting_on"]) if one["waiting_on"] else None,
        flags=frozenset(map(Flag, json.loads(one["flags"]))),
        status_name=one["status_name"],
        classification=one["classification"],
        category=one["category"],
        channel=one["channel"],
        district=None if is_secret else one["kecamatan"],
        created_at=_time(one["created_at"]),
        updated_at=_time(one["updated_at"]),
        due_at=_time(one["due_at"]),
        is_overdue=one["due_at"] is not None and one["due_at"] < now,
        auto_close_at=_time(one["auto_close_at"]),
        is_secret=is_secret,
        is_anonymous=bool(one["is_anonymous"]),
        answers=one["answers"],
    )


def _time(text: str | None) -> datetime | None:
    return from_text(text) if text else None


# What waits for somebody.


@dataclass(frozen=True, slots=True)
class Pile:
    """Reports that wait for the same reason, the most urgent first; `number` is how many there are in all."""

    rows: tuple[Row, ...]
    number: Number


@dataclass(frozen=True, slots=True, kw_only=True)
class Tasks:
    """What waits: past its deadline; due until the end of today; due soon; the reporter wrote again; closes by itself.

    A report stands in the first of these that fits. `late_elsewhere`: how many past their deadline wait for others.
    """

    overdue: Pile
    today: Pile
    soon: Pile
    wrote_again: Pile
    closing: Pile
    late_elsewhere: Number


def tasks(
    work: Work,
    within: Within,
    *,
    waiting_on: Iterable[WaitingOn],
    today: datetime,
    soon: datetime,
    closing: datetime,
    most: int = 20,
    counted: int = 1000,
) -> Tasks:
    """Return what waits for these; `today`, `soon` and `closing` are the ends of the spans that they name.

    Of each pile the first `most`, and how many there are up to `counted`.
    """
    given = {
        "agency": work.agency,
        "waits": sorted(set(waiting_on) - {WaitingOn.REPORTER}),
        "now": work.at,
        "today": to_text(today),
        "soon": to_text(soon),
        "closing": to_text(closing),
    }
    lists = [{}] if within is None else [{"at_opd": opd} for opd in sorted(within)]

    def pile(name: str) -> Pile:
        rows, seen, by = list[Row](), 0, _PILES[name][0].name
        for mine in lists:
            of_list = {**given, **mine}
            found = _rows(work, _pile_query(name, tuple(mine)), {**of_list, "most": most})
            rows += found
            is_all = len(found) < most
            seen += len(found) if is_all else _count(work, _pile_count(name, tuple(mine)), of_list, counted + 1)
        rows.sort(key=lambda row: (getattr(row, by) is not None, getattr(row, by) or 0, row.tracking_id))
        return Pile(tuple(rows[:most]), Number(min(seen, counted), is_more=seen > counted))

    others = {**given, "waits": sorted(set(WaitingOn) - set(given["waits"]))}
    late_ones = [
        _count(work, _pile_count("overdue", tuple(mine)), {**others, **mine}, counted + 1) for mine in lists
    ]
    elsewhere = Number(min(sum(late_ones), counted), is_more=sum(late_ones) > counted)
    return Tasks(**{name: pile(name) for name in _PILES}, late_elsewhere=elsewhere)


_due_at, _closes_at = table.c.due_at, table.c.auto_close_at
_WAITS = table.c.waiting_on.in_(bindparam("waits", expanding=True))
_PILES: Mapping[str, tuple[Column[Any], tuple[ColumnElement[bool] | TextClause, ...]]] = {
    "overdue": (_due_at, (_due_at.is_not(None), _due_at < bindparam("now"), _WAITS)),
    "today": (_due_at, (_due_at.is_not(None), _due_at >= bindparam("now"), _due_at <= bindparam("today"), _WAITS)),
    "soon": (_due_at, (_due_at.is_not(None), _due_at > bindparam("today"), _due_at <= bindparam("soon"), _WAITS)),
    "wrote_again": (table.c.updated_at, (AGAIN, _WAITS, or_(_due_at.is_(None), _due_at > bindparam("soon")))),
    "closing": (
        _closes_at,
        (
            *(_closes_at.is_not(None), _closes_at >= bindparam("now"), _closes_at <= bindparam("closing")),
            func.coalesce(table.c.waiting_on, "") == WaitingOn.REPORTER,
        ),
    ),
}
"""By the names of `Tasks`: by what a pile is in order, and what is in it."""


def _in_pile(name: str, of_list: tuple[str, ...]) -> Iterator[ColumnElement[bool] | TextClause]:
    yield from _fits(("agency", *of_list))
    yield from _PILES[name][1]


@cache
def _pile_query(name: str, of_list: tuple[str, ...]) -> Select[Any]:
    query = select(*_SHOWN).where(*_in_pile(name, of_list))
    return query.order_by(_PILES[name][0], table.c.tracking_id).limit(bindparam("most"))


@cache
def _pile_count(name: str, of_list: tuple[str, ...]) -> Select[Any]:
    return _counting(*_in_pile(name, of_list))


def _counting(*fits: ColumnElement[bool] | TextClause) -> Select[Any]:
    some = select(table.c.tracking_id).where(*fits).limit(bindparam("most")).subquery()
    return select(func.count()).select_from(some)


def _count(work: Work, query: Select[Any], given: Mapping[str, Any], most: int) -> int:
    return int(work.conn.execute(query, {**given, "most": most}).scalar_one())


# The OPDs.


@dataclass(frozen=True, slots=True, kw_only=True)
class OpdRow:
    """One OPD's reports; `id` None for those that are with nobody yet, `unknown` those without a colour."""

    id: str | None
    name: str | None
    merah: int
    kuning: int
    hijau: int
    abu: int
    unknown: int
    overdue: int


def by_opd(work: Work, within: Within = None) -> tuple[OpdRow, ...]:
    """Return each OPD's numbers, the most merah first."""
    numbers, overdue = _numbers(work, within), late(work, within)
    found: dict[str | None, dict[str, int]] = {}
    for opd, shade, number in numbers:
        found.setdefault(opd or None, {})[shade] = int(number)
    names = institutions.names_of(work, {opd for opd in found if opd})
    rows = [
        OpdRow(
            id=opd,
            name=names.get(opd or ""),
            merah=by_colour.get(Colour.MERAH, 0),
            kuning=by_colour.get(Colour.KUNING, 0),
            hijau=by_colour.get(Colour.HIJAU, 0),
            abu=by_colour.get(Colour.ABU, 0),
            unknown=by_colour.get("", 0),
            overdue=overdue.get(opd, 0),
        )
        for opd, by_colour in found.items()
    ]
    return tuple(sorted(rows, key=lambda one: (-one.merah, -one.kuning, one.name or "", one.id or "")))


def _numbers(work: Work, within: Within) -> Iterable[Any]:
    """OPD ("" without one), colour ("" without one) and how many, as the database keeps them."""
    query, given = _NUMBERS, {"agency": work.agency}
    if within is None:
        return work.conn.execute(query, given)
    return work.conn.execute(_NUMBERS_WITHIN, {**given, "within": sorted(within)})


_NUMBERS = select(opd_number.c.opd, opd_number.c.colour, opd_number.c.number).where(
    opd_number.c.agency == bindparam("agency"), opd_number.c.number > 0
)
_NUMBERS_WITHIN = _NUMBERS.where(opd_number.c.opd.in_(bindparam("within", expanding=True)))


def late(work: Work, within: Within, before: datetime | None = None) -> dict[str | None, int]:
    """Return how many reports of each OPD are past their deadline; past it since `before`, if that is given."""
    asked: _Asked = {"agency": {"agency": work.agency}, **_of(within)}
    given = {**_given(asked), "before": work.at if before is None else to_text(before)}
    return {opd: int(number) for opd, number in work.conn.execute(_late_query(tuple(asked)), given)}


@cache
def _late_query(asked: tuple[str, ...]) -> Select[Any]:
    is_late = (_due_at.is_not(None), _due_at < bindparam("before"))
    query = select(table.c.disposition_id, func.count()).where(*_fits(asked), *is_late)
    return query.group_by(table.c.disposition_id)
