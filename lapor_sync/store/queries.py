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
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import (
    CTE,
    ColumnElement,
    Select,
    TextClause,
    and_,
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
from lapor_sync.store.schema import AGAIN, OPEN, opd_number
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
"""The numbers beside the filters are of so many open reports at most, the newest."""


_IS_OPEN = func.coalesce(table.c.colour, "").not_in(sorted(CLOSED))
"""As OPEN, for a query that has an index for its order already."""

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
    lists = _lists(work, wanted, within)
    end = max((key for one in lists if (key := _key_at(work, one, start, look))), default=None)
    filters = _filters(work, wanted)
    rows = [
        row
        for one in lists
        for part in _parts(one, start, end)
        for row in _rows(work, select(*_SHOWN).where(*part, *filters).order_by(*_NEWEST).limit(most + 1))
    ]
    rows.sort(key=_key, reverse=True)
    if len(rows) > most:
        end = _key(rows[most - 1])
    return Page(tuple(rows[:most]), "/".join(end) if end else None)


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
    lists = _lists(work, wanted, within)
    end = max((key for one in lists if (key := _key_at(work, one, start, look))), default=None)
    filters, columns = _filters(work, wanted), (*_SHOWN, _ORDERED[by].label("value"))
    parts = [select(*columns).where(*part, *filters) for one in lists for part in _parts(one, start, end)]
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


_Conditions = list[ColumnElement[bool] | TextClause]


def _lists(work: Work, wanted: Wanted, within: Within) -> list[_Conditions]:
    """The lists that are looked through, each with an index in its order: of all reports, or one an OPD."""
    base: _Conditions = [table.c.agency == work.agency, *([OPEN] if wanted.is_open else [])]
    if wanted.since is not None:
        base.append(table.c.created_at >= to_text(wanted.since))
    if wanted.until is not None:
        base.append(table.c.created_at < to_text(wanted.until))
    if wanted.text is not None and (number := _number(work, wanted.text.strip(), within)):
        base.append(table.c.tracking_id == number)
    of = table.c.disposition_id
    if wanted.opd is None:
        return [base] if within is None else [[*base, of == opd] for opd in sorted(within)]
    if not _is_text(wanted.opd) or (within is not None and wanted.opd not in within):
        return []
    return [[*base, of.is_(None) if wanted.opd == NONE else of == wanted.opd]]


def _number(work: Work, text: str, within: Within) -> str | None:
    """The text where it is the number of a report that may be seen: then that one alone is meant."""
    if not _is_text(text):
        return None
    where = (table.c.agency == work.agency, table.c.tracking_id == text, _of(within))
    return work.conn.execute(select(table.c.tracking_id).where(*where)).scalar()


def _parts(one: _Conditions, start: _Key | None, end: _Key | None) -> Iterator[_Conditions]:
    """A list from behind `start` to `end`: what was received then, and behind it that of which nobody knows when."""
    at = tuple_(table.c.created_at, table.c.tracking_id)
    dated: _Conditions = [*one, table.c.created_at.is_not(None)]
    undated: _Conditions = [*one, table.c.created_at.is_(None)]
    if start is None or start.received:
        yield dated + _between(at, start and tuple(start), tuple(end) if end and end.received else None)
    if end is None or not end.received:
        first = start.tracking_id if start and not start.received else None
        yield undated + _between(table.c.tracking_id, first, end and end.tracking_id)


def _between(at: Any, start: Any, end: Any) -> _Conditions:
    """Behind `start`, and not behind `end`; lists run downwards."""
    return ([] if start is None else [at < start]) + ([] if end is None else [at >= end])


def _key_at(work: Work, one: _Conditions, start: _Key | None, look: int) -> _Key | None:
    """Where a list is left after so many reports; None where it ends before."""
    for part in _parts(one, start, None):
        query = select(table.c.created_at, table.c.tracking_id).where(*part).order_by(*_NEWEST)
        if row := work.conn.execute(query.offset(look - 1).limit(1)).first():
            return _Key(row[0] or "", row[1])
    return None


def count(work: Work, wanted: Wanted, within: Within, *, most: int, look: int = LOOK) -> Number:
    """Return how many are wanted of the newest `look` reports, no more than `most`: to count all takes ever longer."""
    lists = _lists(work, wanted, within)
    end = max((key for one in lists if (key := _key_at(work, one, None, look))), default=None)
    filters = _filters(work, wanted)
    seen = sum(_count(work, [*part, *filters], most + 1) for one in lists for part in _parts(one, None, end))
    return Number(min(seen, most), is_more=seen > most or end is not None)


def counts(work: Work, wanted: Wanted, within: Within, *, most: int = COUNTED) -> dict[str, dict[str, int]]:
    """Return, for each filter that is a column, how many open reports each value would show beside the other filters.

    Of those that fit the other filters the newest `most` are counted.
    """
    nothing: dict[str, Any] = dict.fromkeys(_FILTERED)
    chosen = {name: value for name in _FILTERED if (value := getattr(wanted, name)) is not None}
    everything = replace(wanted, is_open=True, **nothing)
    columns = [func.coalesce(column, NONE).label(name) for name, column in _FILTERED.items()]
    query = select(*columns, table.c.is_secret)
    where = [*_lists(work, everything, None)[0], _of(within), *_filters(work, everything)]
    near = query.where(*where).order_by(*_NEWEST[: within is None]).limit(most).cte("near")
    told = {name: _told(near, name) for name in _FILTERED}
    groups = [
        select(literal(name), near.c[name], func.count())
        .where(*(told[other](value) for other, value in chosen.items() if other != name), told[name](None))
        .group_by(near.c[name])
        for name in _FILTERED
    ]
    found: dict[str, dict[str, int]] = {name: {} for name in _FILTERED}
    for name, value, number in work.conn.execute(union_all(*groups)):
        found[name][value] = int(number)
    return found


def _told(near: CTE, name: str) -> Callable[[str | None], ColumnElement[bool]]:
    """Whether a report has a value of that filter (None: any). Where a rahasia one is from is not told."""

    def fits(value: str | None) -> ColumnElement[bool]:
        is_it = true() if value is None else near.c[name] == value if _is_text(value) else false()
        return and_(is_it, near.c.is_secret == 0) if name == "district" else is_it

    return fits


def _filters(work: Work, wanted: Wanted) -> list[ColumnElement[bool]]:
    """What is wanted of each report that is looked at. None of it by an index: the list's own has its order."""
    found: list[ColumnElement[bool]] = []
    for name, column in _FILTERED.items():
        value = getattr(wanted, name)
        if name != "opd" and value is not None:
            found.append(func.coalesce(column, NONE) == value if _is_text(value) else false())
    if wanted.district is not None:
        found.append(table.c.is_secret == 0)  # where a rahasia one is from is not told by its number either
    if wanted.flag is not None:
        found.append(table.c.flags.contains(json.dumps(wanted.flag), autoescape=True))
    if wanted.overdue:
        found.append(func.coalesce(table.c.due_at, work.at) < work.at)
    if wanted.text is not None:
        found.append(_says(wanted.text.strip()))
    return found


def _of(within: Within) -> ColumnElement[bool]:
    return true() if within is None else table.c.disposition_id.in_(sorted(within))


def _says(text: str) -> ColumnElement[bool]:
    """Whether a report says it; of a rahasia one only the number is asked, so that nobody finds out what it says."""
    if not _is_text(text):
        return false()
    words = or_(
        table.c.title.icontains(text, autoescape=True),
        func.coalesce(table.c.content_text, table.c.content).icontains(text, autoescape=True),
    )
    return or_(table.c.tracking_id == text, and_(table.c.is_secret == 0, words))


def _is_text(given: str) -> bool:
    """Whether a database could hold it at all; what it could not, no report has."""
    return "\x00" not in given and not any("\ud800" <= one <= "\udfff" for one in given)


def _rows(work: Work, query: Select[Any]) -> list[Row]:
    return [_row(one, work.at) for one in work.conn.execute(query).mappings()]


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

    A report stands in the first of these that fits.
    """

    overdue: Pile
    today: Pile
    soon: Pile
    wrote_again: Pile
    closing: Pile


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
    at, day, later, end = (work.at, to_text(today), to_text(soon), to_text(closing))
    waits = table.c.waiting_on.in_(sorted(set(waiting_on) - {WaitingOn.REPORTER}))
    due, closes = table.c.due_at, table.c.auto_close_at
    lists = [table.c.disposition_id == opd for opd in sorted(within)] if within is not None else [true()]

    def pile(by: Any, *fits: ColumnElement[bool] | TextClause) -> Pile:
        rows: list[Row] = []
        seen = 0
        for mine in lists:
            where = (table.c.agency == work.agency, mine, *fits, _IS_OPEN)
            found = _rows(work, select(*_SHOWN).where(*where).order_by(by, table.c.tracking_id).limit(most))
            rows += found
            seen += len(found) if len(found) < most else _count(work, where, counted + 1)
        rows.sort(key=lambda row: (getattr(row, by.name) is not None, getattr(row, by.name) or 0, row.tracking_id))
        return Pile(tuple(rows[:most]), Number(min(seen, counted), is_more=seen > counted))

    return Tasks(
        overdue=pile(due, due.is_not(None), due < at, waits),
        today=pile(due, due.is_not(None), due >= at, due <= day, waits),
        soon=pile(due, due.is_not(None), due > day, due <= later, waits),
        wrote_again=pile(table.c.updated_at, AGAIN, waits, or_(due.is_(None), due > later)),
        closing=pile(
            closes,
            closes.is_not(None),
            closes >= at,
            closes <= end,
            func.coalesce(table.c.waiting_on, "") == WaitingOn.REPORTER,
        ),
    )


def _count(work: Work, where: Iterable[ColumnElement[bool] | TextClause], most: int) -> int:
    some = select(table.c.tracking_id).where(*where).limit(most).subquery()
    return int(work.conn.execute(select(func.count()).select_from(some)).scalar_one())


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
    names = institutions.names(work)
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
    mine = true() if within is None else opd_number.c.opd.in_(sorted(within))
    query = select(opd_number.c.opd, opd_number.c.colour, opd_number.c.number).where(
        opd_number.c.agency == work.agency, opd_number.c.number > 0, mine
    )
    return work.conn.execute(query)


def late(work: Work, within: Within, before: datetime | None = None) -> dict[str | None, int]:
    """Return how many reports of each OPD are past their deadline; past it since `before`, if that is given."""
    end = work.at if before is None else to_text(before)
    query = (
        select(table.c.disposition_id, func.count())
        .where(table.c.agency == work.agency, _of(within), table.c.due_at.is_not(None), table.c.due_at < end)
        .group_by(table.c.disposition_id)
    )
    return {opd: int(number) for opd, number in work.conn.execute(query)}
