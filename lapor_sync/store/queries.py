"""Lists of reports for people: bound to what they may see in the query itself, filtered, in pages, counted.

`within` are the ids of the OPDs whose reports somebody may see, None for all: a person may hold posts at two. Rows are
typed; no JSON and no words.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, false, func, or_, select, true

from lapor_sync.domain.colour import CLOSED, Colour, Flag, WaitingOn
from lapor_sync.store import institutions
from lapor_sync.store.database import Work
from lapor_sync.store.schema import opd_number
from lapor_sync.store.schema import report as table
from lapor_sync.store.times import from_text, to_text

Within = frozenset[str] | None

NONE = "-"
"""What stands in a filter for reports that have no such value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Filters of a list; None for all. Values are as in a `Row`, NONE for reports without one.

    `is_open`: neither hijau nor abu. `since` and `until`: received in this span, the end left out. `text`: in the title
    or the words of a report that is not rahasia, or its Tracking ID.
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
    """A part of a list. `after` leads to the next part, None at the end."""

    rows: tuple[Row, ...]
    after: str | None


_received = func.coalesce(table.c.created_at, "")
_OPEN = or_(table.c.colour.is_(None), table.c.colour.in_(sorted(set(Colour) - CLOSED)))
"""What people work with: few, however many reports there are, and found by the index of colours."""

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

_DISTRICT = list(_FILTERED).index("district")


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


def page(work: Work, wanted: Wanted, within: Within, *, after: str | None = None, most: int = 50) -> Page:
    """Return the wanted reports, the newest first, from behind `after` (a page's) on.

    A page goes on by key, so that what comes in meanwhile moves nothing. A key that no page gave begins anew.
    """
    query = select(*_SHOWN).where(*_where(work, wanted, within))
    if after is not None and _is_text(after):
        query = query.where(_is_behind(*after.rpartition("/")[::2]))
    query = query.order_by(_received.desc(), table.c.tracking_id.desc()).limit(most + 1)
    rows = _rows(work, query)
    last = rows[most - 1] if len(rows) > most else None
    return Page(tuple(rows[:most]), f"{to_text(last.created_at) or ''}/{last.tracking_id}" if last else None)


def _is_behind(received: str, tracking_id: str) -> ColumnElement[bool]:
    is_same = _received == received
    return or_(_received < received, and_(is_same, table.c.tracking_id < tracking_id))


def count(work: Work, wanted: Wanted, within: Within, *, most: int | None = None) -> int:
    """Return how many reports are wanted, `most` where they are more: to count all takes ever longer."""
    some = select(table.c.tracking_id).where(*_where(work, wanted, within)).limit(most).subquery()
    return int(work.conn.execute(select(func.count()).select_from(some)).scalar_one())


def counts(work: Work, wanted: Wanted, within: Within) -> dict[str, dict[str, int]]:
    """Return, for each filter that is a column, how many open reports each value would show beside the other filters.

    Those that are open are few, however many reports there are: they are read once.
    """
    nothing: dict[str, Any] = dict.fromkeys(_FILTERED)
    everything = replace(wanted, is_open=True, **nothing)
    query = select(*_FILTERED.values(), table.c.is_secret).where(*_where(work, everything, within))
    chosen = [getattr(wanted, name) for name in _FILTERED]
    found: dict[str, dict[str, int]] = {name: {} for name in _FILTERED}
    for *values, is_secret in work.conn.execute(query):
        said: list[str | None] = [value or NONE for value in values]
        if is_secret:
            said[_DISTRICT] = None  # fits no choice, and is counted under none
        misses = [n for n, one in enumerate(said) if chosen[n] not in {None, one}]
        for n, (name, one) in enumerate(zip(_FILTERED, said, strict=True)):
            if one is not None and misses in ([], [n]):
                found[name][one] = found[name].get(one, 0) + 1
    return found


def _where(work: Work, wanted: Wanted, within: Within) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [table.c.agency == work.agency, _of(within)]
    for name, column in _FILTERED.items():
        value = getattr(wanted, name)
        if value == NONE:
            found.append(column.is_(None))
        elif value is not None:
            found.append(column == value if _is_text(value) else false())
    if wanted.district is not None:
        found.append(table.c.is_secret == 0)  # where a rahasia one is from is not told by its number either
    if wanted.is_open:
        found.append(_OPEN)
    if wanted.flag is not None:
        found.append(table.c.flags.contains(json.dumps(wanted.flag), autoescape=True))
    if wanted.overdue:
        found.append(_is_overdue(work))
    if wanted.since is not None:
        found.append(table.c.created_at >= to_text(wanted.since))
    if wanted.until is not None:
        found.append(table.c.created_at < to_text(wanted.until))
    if wanted.text is not None:
        found.append(_says(wanted.text.strip()))
    return found


def _of(within: Within) -> ColumnElement[bool]:
    return true() if within is None else table.c.disposition_id.in_(sorted(within))


def _is_overdue(work: Work) -> ColumnElement[bool]:
    return and_(table.c.due_at.is_not(None), table.c.due_at < work.at)


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
    """Reports that wait for the same reason, the most urgent first; `count` is how many there are in all."""

    rows: tuple[Row, ...]
    count: int


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
    most: int = 100,
) -> Tasks:
    """Return what waits for these; `today`, `soon` and `closing` are the ends of the spans that they name."""
    mine = and_(table.c.agency == work.agency, _of(within), _OPEN)
    waits = table.c.waiting_on.in_(list(waiting_on))
    due, closes = table.c.due_at, table.c.auto_close_at
    is_timed = due.is_not(None)
    at, day, later, end = (work.at, to_text(today), to_text(soon), to_text(closing))
    pile = partial(_pile, work, mine, most)
    return Tasks(
        overdue=pile(and_(waits, is_timed, due < at), due),
        today=pile(and_(waits, is_timed, due >= at, due <= day), due),
        soon=pile(and_(waits, is_timed, due > day, due <= later), due),
        wrote_again=pile(and_(waits, table.c.answers > 0, or_(~is_timed, due > later)), table.c.updated_at),
        closing=pile(and_(table.c.waiting_on == WaitingOn.REPORTER, closes >= at, closes <= end), closes),
    )


def _pile(work: Work, mine: ColumnElement[bool], most: int, fits: ColumnElement[bool], by: Any) -> Pile:
    where = and_(mine, fits)
    rows = _rows(work, select(*_SHOWN).where(where).order_by(by, table.c.tracking_id).limit(most))
    if len(rows) < most:
        return Pile(tuple(rows), len(rows))
    number = work.conn.execute(select(func.count()).select_from(table).where(where)).scalar_one()
    return Pile(tuple(rows), int(number))


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
    numbers, late = _numbers(work, within), _late(work, within)
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
            overdue=late.get(opd, 0),
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


def _late(work: Work, within: Within) -> dict[str | None, int]:
    query = (
        select(table.c.disposition_id, func.count())
        .where(table.c.agency == work.agency, _of(within), _is_overdue(work))
        .group_by(table.c.disposition_id)
    )
    return {opd: int(number) for opd, number in work.conn.execute(query)}
