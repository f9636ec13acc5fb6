"""Laporan: the list, with filters as links, in pages by key; and the same list as CSV and workbook."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as WerkzeugResponse

from lapor_sync.domain.colour import CLOSED, Colour, Flag, WaitingOn
from lapor_sync.domain.period import YEARS
from lapor_sync.office import saved_filters as office
from lapor_sync.store import institutions, queries, saved_filters
from lapor_sync.store.queries import NONE, Number, Order, Wanted
from lapor_sync.web import session, table
from lapor_sync.web.downloads import CSV, XLSX, download
from lapor_sync.web.failing import Problem, form_on, typed
from lapor_sync.web.guard import board
from lapor_sync.words import id as words

reports = Blueprint("reports", __name__)

MOST = 50
COUNTED = 1000
"""So many are counted; of more it is said that they are more."""
MOST_TEXT = 200
"""The longest text that is looked for."""
MOST_QUERY = 4000
"""The longest that the filters of a list can be, as an address writes them."""

NAMES = ("colour", "waiting_on", "opd", "classification", "category", "channel", "district", "flag")
"""The filters that are named in the address as in the query."""

TITLES: Mapping[str, str] = {
    "colour": "Warna kota",
    "waiting_on": "Menunggu",
    "opd": "OPD",
    "classification": "Klasifikasi",
    "category": "Kategori",
    "channel": "Kanal",
    "district": "Kecamatan",
}


class Choice(NamedTuple):
    """One value of a filter: its name, how many reports it would show, where it leads, whether it is chosen."""

    name: str
    number: int
    url: str
    is_chosen: bool


class Chosen(NamedTuple):
    """A filter that is on, and where it is off."""

    title: str
    name: str
    url: str


@reports.get("/laporan")
def page(problem: Problem | None = None, **_of_act: str) -> str:
    """One part of the list, the newest first unless another order is asked for."""
    args = typed_query() if request.method == "POST" else request.args
    wanted, given = wanted_of(args)
    order, now = order_of(given), board().store.clock.now()
    with session.looking() as work:
        within, after = session.within(), args.get("after")
        found = table.part(work, wanted, within, order, after=after, most=MOST)
        counted = queries.counts(work, wanted, within) if wanted.is_open else None
        if after is None and len(found.rows) < MOST:
            total = Number(len(found.rows), is_more=found.after is not None)
        else:
            total = counted.listed if counted else queries.count(work, wanted, within, most=COUNTED)
        beside = counted.beside if counted else {}
        opds = {*beside.get("opd", ()), given.get("opd", NONE)} - {NONE}
        names = institutions.names_of(work, opds)
        saved = saved_filters.of_person(work, session.person().person_id)
    return render_template(
        "reports.html",
        problem=problem,
        saved=saved,
        query=urlencode(given),
        typed_name=typed().get("name", ""),
        rows=found.rows,
        total=total,
        is_sought_on=len(found.rows) < MOST and found.after is not None,
        is_open=wanted.is_open,
        all_of_it=_url(given, semua="1"),
        older=_url(given, after=found.after) if found.after else None,
        newest=_url(given) if after else None,
        groups=list(_groups(given, beside, names)),
        counted_of=queries.COUNTED if counted and counted.listed.is_more else None,
        chosen=list(_chosen(given, names)),
        given=given,
        with_opd=(with_opd := session.sees_opds(within)),
        heads=[one for one in _heads(given, order) if with_opd or one.by is not Order.OPD],
        is_sorted_in_parts=order is not None and total.is_more,
        look=queries.LOOK,
        csv=f"{url_for('reports.as_csv')}?{urlencode(given)}",
        xlsx=f"{url_for('reports.as_workbook')}?{urlencode(given)}",
        now=now,
    )


def typed_query() -> dict[str, str]:
    """Return the filters that a form of the list names."""
    return dict(parse_qsl(typed().get("query", "")[:MOST_QUERY]))


@reports.post("/laporan/saringan")
@form_on(page)
def keep_filter() -> WerkzeugResponse:
    """Give the filters of the list a name."""
    session.within()  # who holds no post has no list
    _, given = wanted_of(typed_query())
    office.keep(board().store, session.person(), request.form.get("name", ""), urlencode(given))
    return redirect(_url(given), 303)


@reports.post("/laporan/saringan/<filter_id>/hapus")
@form_on(page)
def remove_filter(filter_id: str) -> WerkzeugResponse:
    """Keep that name no more."""
    session.within()
    office.remove(board().store, session.person(), filter_id)
    return redirect(_url(wanted_of(typed_query())[1]), 303)


def wanted_of(args: Mapping[str, str]) -> tuple[Wanted, dict[str, str]]:
    """Return what an address asks for, and its filters as it names them, without what means nothing."""
    given = {
        name: args[name]
        for name in (*NAMES, "overdue", "month", "q", "semua", "sort")
        if args.get(name, "").strip()
    }
    named_so: dict[str, Any] = {name: given[name] for name in NAMES if name in given}
    wanted = Wanted(**named_so)
    if (text := given.get("q")) is not None:
        given["q"] = text = text.strip()[:MOST_TEXT]
        wanted = replace(wanted, text=text)
    if order_of(given) is None:
        given.pop("sort", None)
    if "overdue" in given:
        given["overdue"] = "1"
        wanted = replace(wanted, overdue=True)
    if "month" in given and (span := _month(given["month"])) is not None:
        wanted = replace(wanted, since=span[0], until=span[1])
    else:
        given.pop("month", None)
    return replace(wanted, is_open=_WITH_CLOSED.isdisjoint(given) and given.get("colour") not in CLOSED), given


_WITH_CLOSED = frozenset({"q", "month", "semua"})
"""Who looks for words, for a month or for all looks among the closed ones, too."""


def order_of(given: Mapping[str, str]) -> table.Sorted | None:
    """Return the order that an address asks for, as `due` or `-due`; None for the newest first."""
    named_so = given.get("sort", "")
    by = named_so.removeprefix("-")
    return table.Sorted(Order(by), named_so.startswith("-")) if by in set(Order) and named_so != _NEWEST else None


_NEWEST = "-received"


class Head(NamedTuple):
    """The head of a column: its order and name, where it leads to be sorted by, how the list is sorted by it now."""

    by: Order
    name: str
    url: str
    now: str | None


def _heads(given: Mapping[str, str], order: table.Sorted | None) -> Iterator[Head]:
    by, is_down = order or table.Sorted(Order.RECEIVED, is_down=True)
    for one, name in _COLUMNS.items():
        now = None if one is not by else "descending" if is_down else "ascending"
        turned = f"{'-' if now == 'ascending' else ''}{one}"
        yield Head(one, name, _url(given, sort=None if turned == _NEWEST else turned), now)


_COLUMNS = {
    Order.RECEIVED: "Laporan",
    Order.COLOUR: "Warna kota",
    Order.WAITING_ON: "Menunggu",
    Order.DUE: "Batas waktu",
    Order.OPD: "OPD",
}


def _month(text: str) -> tuple[datetime, datetime] | None:
    """The begin and the end of a month such as 2026-10 in the city; None where it is none."""
    try:
        since = datetime.strptime(text, "%Y-%m").replace(tzinfo=board().zone)
    except ValueError:
        return None
    if since.year not in YEARS:
        return None
    following = since.replace(year=since.year + since.month // 12, month=since.month % 12 + 1)
    return since, following


def _url(given: Mapping[str, str], **others: str | None) -> str:
    wanted = {name: value for name, value in {**given, **others}.items() if value}
    return f"/laporan?{urlencode(wanted)}" if wanted else "/laporan"


def _groups(
    given: Mapping[str, str], counts: Mapping[str, Mapping[str, int]], names: Mapping[str, str]
) -> Iterator[tuple[str, list[Choice]]]:
    for name, title in TITLES.items():
        values = counts.get(name, {})
        if values.keys() <= {NONE}:
            continue  # nothing to choose from
        listed = sorted(values, key=lambda value: (value == NONE, -values[value], value))
        choices = [
            Choice(
                named(name, value, names),
                values[value],
                _url(given, **{name: None if given.get(name) == value else value}),
                given.get(name) == value,
            )
            for value in listed
        ]
        yield title, choices


def named(name: str, value: str, institutions_names: Mapping[str, str]) -> str:
    """Return the word for a filter's value."""
    if name == "colour":
        return words.COLOURS[Colour(value)] if value in set(Colour) else words.COLOURS[None]
    if name == "waiting_on":
        return words.WAITING[WaitingOn(value)] if value in set(WaitingOn) else words.WAITING[None]
    if name == "flag":
        return words.FLAGS[Flag(value)] if value in set(Flag) else value
    if value == NONE:
        return "belum didisposisikan" if name == "opd" else "tidak disebutkan"
    return institutions_names.get(value, value) if name == "opd" else value


def _chosen(given: Mapping[str, str], names: Mapping[str, str]) -> Iterator[Chosen]:
    titles = {
        **TITLES,
        "flag": "Tanda",
        "overdue": "Batas waktu",
        "month": "Bulan",
        "q": "Kata",
        "semua": "Tampilkan",
    }
    for name, value in given.items():
        if name == "sort":
            continue
        said = _SWITCHES.get(name) or named(name, value, names)
        yield Chosen(titles[name], said, _url(given, **{name: None}))


_SWITCHES = {"overdue": "terlambat", "semua": "juga yang sudah ditutup"}


@reports.get("/laporan.csv")
def as_csv() -> Response:
    """The whole list, as a spreadsheet that is set up in Indonesia opens it; nobody's name is in it."""
    within, (wanted, given) = session.within(), wanted_of(request.args)
    return download(table.csv_lines(board(), wanted, within, order_of(given)), CSV, "laporan.csv")


@reports.get("/laporan.xlsx")
def as_workbook() -> Response:
    """The whole list as a workbook, with times and numbers as such."""
    from lapor_sync.web.table_book import workbook

    within, (wanted, given) = session.within(), wanted_of(request.args)
    return download(workbook(board(), wanted, within, order_of(given)), XLSX, "laporan.xlsx")
