"""Lists for people: bound to what they may see, the same by pages as at once, and as counted."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from lapor_sync.domain.colour import CLOSED, Colour, Flag, Verdict, WaitingOn
from lapor_sync.domain.report import Institution
from lapor_sync.store import institutions, queries, reports
from lapor_sync.store.database import Store, open_store
from lapor_sync.store.queries import NONE, Order, Row, Wanted
from lapor_sync.store.reports import Mirrored
from lapor_sync.store.schema import report as table
from tests.databases import START, StillClock, fresh
from tests.store.samples import mirrored, report, save

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PU, DLH = "611", "612"
COLOURS = (None, *Colour)
PEOPLE = (None, *WaitingOn)


def made(n: int, dice: Random) -> Mirrored:
    """One of many reports of all kinds; some were received at one moment, or nobody knows when."""
    opd = dice.choice((PU, DLH, None))
    flags = frozenset({Flag.VANISHED} if dice.random() < 0.2 else ())
    values: dict[str, Any] = {
        "title": dice.choice(("Jalan rusak", "Sampah 100% menumpuk", "Lampu_jalan mati")),
        "content": f"<p>Di depan rumah nomor {n}</p>",
        "disposition_id": opd,
        "disposition_name": opd and f"Dinas {opd}",
        "category": dice.choice(("Jalan", "Sampah", None)),
        "channel": dice.choice(("web", "sms")),
        "classification": dice.choice(("pengaduan", "aspirasi", None)),
        "kecamatan": dice.choice(("Ratu Agung", "Gading Cempaka", None)),
        "is_secret": dice.random() < 0.2,
        "created_at": dice.choice((None, START, *(START - n * HOUR for n in range(1, 60)))),
    }
    colour, waiting_on = dice.choice(COLOURS), dice.choice(PEOPLE)
    verdict = Verdict(colour=colour, waiting_on=None if colour in CLOSED else waiting_on, flags=flags)
    due_at = dice.choice((None, START - DAY, START - HOUR, START + HOUR, START + 2 * DAY, START + 9 * DAY))
    return mirrored(
        str(n),
        report(str(n), **values),
        verdict=verdict,
        due_at=due_at,
        deadline_clock="answer" if due_at else None,
        auto_close_at=dice.choice((None, START + DAY, START + 9 * DAY)),
        answers=dice.randrange(3),
    )


@cache
def many() -> tuple[Mirrored, ...]:
    dice = Random(7)
    return tuple(made(n, dice) for n in range(7100, 7240))


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def city(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, list[Mirrored]]]:
    """One for all that only look."""
    with fresh(kind, tmp_path_factory.mktemp("city")) as url:
        store = open_store(url, "kota", StillClock())
        save(store, *many())
        yield store, list(many())
        store.close()


def newest_first(some: list[Mirrored]) -> list[str]:
    def key(one: Mirrored) -> tuple[str, str]:
        return (one.report.created_at.isoformat() if one.report.created_at else "", one.tracking_id)

    return [one.tracking_id for one in sorted(some, key=key, reverse=True)]


def of(within: str | None) -> queries.Within:
    """One OPD's reports, or all."""
    return None if within is None else frozenset({within})


def in_pages(store: Store, wanted: Wanted, within: str | None = None, most: int = 7) -> list[Row]:
    found: list[Row] = []
    after = None
    while True:
        with store.reading() as work:
            page = queries.page(work, wanted, of(within), after=after, most=most)
        found += page.rows
        if page.after is None:
            return found
        assert len(page.rows) == most
        after = page.after


def value(one: Mirrored, name: str) -> str | None:
    found = {
        "colour": one.verdict.colour,
        "waiting_on": one.verdict.waiting_on,
        "opd": one.report.disposition_id,
        "district": one.report.kecamatan,
    }
    return found[name] if name in found else getattr(one.report, name)


@pytest.mark.parametrize("within", [None, PU])
def test_pages_are_the_list_and_only_what_somebody_may_see(city: Any, within: str | None) -> None:
    store, all_of_it = city
    mine = [one for one in all_of_it if within in {None, one.report.disposition_id}]
    assert [row.tracking_id for row in in_pages(store, Wanted(), within)] == newest_first(mine)
    with store.reading() as work:
        assert queries.count(work, Wanted(), of(within), most=999).seen == len(mine)


def sort_value(row: Row, by: Order) -> str | None:
    found: dict[Order, Any] = {
        Order.RECEIVED: row.created_at and row.created_at.isoformat(),
        Order.COLOUR: row.colour and str(list(Colour).index(row.colour)),
        Order.WAITING_ON: row.waiting_on,
        Order.DUE: row.due_at and row.due_at.isoformat(),
        Order.OPD: row.opd_name,
    }
    return found[by] and str(found[by])


@pytest.mark.parametrize("look", [queries.LOOK, 50])
@pytest.mark.parametrize("is_down", [False, True])
@pytest.mark.parametrize("by", list(Order))
def test_a_sorted_list_has_each_report_once_and_in_its_order(
    city: Any, by: Order, is_down: bool, look: int
) -> None:
    """What has no value comes last; beyond `look` a new order begins."""
    store, all_of_it = city
    found: list[Row] = []
    starts, after = [0], None
    with store.reading() as work:
        while True:
            page = queries.sorted_page(work, Wanted(), None, by, is_down=is_down, after=after, most=7, look=look)
            found += page.rows
            if (after := page.after) is None:
                break
            if len(page.rows) < 7 or json.loads(after)[1] is None:
                starts.append(len(found))
    assert sorted(row.tracking_id for row in found) == sorted(one.tracking_id for one in all_of_it)
    assert len(starts) == (1 if look == queries.LOOK else 3)
    for begin, end in pairwise([*starts, len(found)]):
        part = [sort_value(row, by) for row in found[begin:end]]
        told = [value for value in part if value is not None]
        assert part == sorted(told, reverse=is_down) + [None] * (len(part) - len(told))


@pytest.mark.parametrize("within", [of(PU), frozenset({PU, DLH}), frozenset()])
def test_a_sorted_list_is_of_what_somebody_may_see(city: Any, within: queries.Within) -> None:
    store, _ = city
    wanted = Wanted(category="Sampah", is_open=True)
    with store.reading() as work:
        whole = queries.page(work, wanted, within, most=999).rows
        found = queries.sorted_page(work, wanted, within, Order.DUE, most=999).rows
    assert {row.tracking_id for row in found} == {row.tracking_id for row in whole}


@pytest.mark.parametrize(
    "key",
    ["", "x", "[]", '["", 1]', '["", ["a"]]', "[1, null]", '["", [1, "", ""]]', "[" * 9999, '["\\u0000", null]'],
)
def test_a_place_that_no_sorted_list_gave_begins_anew(city: Any, key: str) -> None:
    store, _ = city
    with store.reading() as work:
        assert queries.sorted_page(work, Wanted(), None, Order.DUE, after=key) == queries.sorted_page(
            work, Wanted(), None, Order.DUE
        )


def test_a_page_of_just_all_has_no_next(store: Store) -> None:
    save(store, *(mirrored(str(n)) for n in range(3)))
    with store.reading() as work:
        assert queries.page(work, Wanted(), None, most=3).after is None
        assert queries.page(work, Wanted(), None, most=2).after is not None


@pytest.mark.parametrize("key", ["", "/", "x", "9999/9", "../../etc", "\udcff", "2026-03-02T03:00:00.000000Z/"])
def test_a_key_that_no_page_gave_harms_nothing(city: Any, key: str) -> None:
    store, _ = city
    with store.reading() as work:
        shown = queries.page(work, Wanted(), None, after=key)
    assert len(shown.rows) <= 50


FILTERS = ("colour", "waiting_on", "opd", "classification", "category", "channel", "district")
HIDDEN = object()


def told(one: Mirrored, name: str) -> object:
    """What a filter may know of a report: a rahasia one's district is told to nobody, by no number."""
    return HIDDEN if name == "district" and one.report.is_secret else value(one, name)


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_shows_what_has_its_value(city: Any, name: str) -> None:
    """Also those without one."""
    store, all_of_it = city
    for each in {told(one, name) for one in all_of_it} - {HIDDEN}:
        only: dict[str, Any] = {name: each or NONE}
        fits = [one for one in all_of_it if told(one, name) == each]
        assert [row.tracking_id for row in in_pages(store, Wanted(**only))] == newest_first(fits)


def test_open_ones_are_neither_hijau_nor_abu(city: Any) -> None:
    store, all_of_it = city
    fits = [one for one in all_of_it if one.verdict.colour not in {Colour.HIJAU, Colour.ABU}]
    assert [row.tracking_id for row in in_pages(store, Wanted(is_open=True))] == newest_first(fits)


@pytest.mark.parametrize(
    "chosen",
    [
        {},
        {"colour": "merah"},
        {"colour": "merah", "opd": PU},
        {"district": "Ratu Agung"},
        {"district": NONE, "channel": "sms"},
        {"category": NONE, "waiting_on": "opd", "classification": "aspirasi"},
        {"overdue": True, "colour": NONE},
    ],
    ids=str,
)
def test_counts_say_how_many_open_ones_each_value_would_show(city: Any, chosen: dict[str, Any]) -> None:
    """Beside the other filters; each is the length of the list to which it leads."""
    store, all_of_it = city
    with store.reading() as work:
        counted = queries.counts(work, Wanted(**chosen), None)
    found = counted.beside
    assert counted.listed == queries.Number(
        len(in_pages(store, Wanted(**chosen, is_open=True), most=50)), is_more=False
    )
    for name in FILTERS:
        for each in {told(one, name) for one in all_of_it} - {HIDDEN}:
            others = Wanted(**{**chosen, name: each or NONE}, is_open=True)
            assert found[name].get(str(each or NONE), 0) == len(in_pages(store, others, most=50)), (name, each)
        assert set(found[name]) <= {str(told(one, name) or NONE) for one in all_of_it}


def test_more_than_most_is_not_counted(city: Any) -> None:
    store, _ = city
    with store.reading() as work:
        all_of_it = queries.counts(work, Wanted(), None, most=5, look=20)
        assert all_of_it.listed == queries.Number(5, is_more=True)
        some = queries.counts(work, Wanted(colour="merah"), None, most=5, look=20)
        assert some.listed == queries.Number(sum(some.beside["channel"].values()), is_more=True)
        assert queries.count(work, Wanted(), None, most=10) == queries.Number(10, is_more=True)
        assert queries.count(work, Wanted(), None, most=140) == queries.Number(140, is_more=False)


@pytest.mark.parametrize("within", [None, frozenset({PU}), frozenset({PU, DLH})], ids=["all", "one", "two"])
@pytest.mark.parametrize("wanted", [{}, {"category": "Sampah"}, {"text": "mati"}, {"is_open": True}], ids=str)
def test_a_page_looks_through_so_many_and_the_next_goes_on_there(city: Any, wanted: Any, within: Any) -> None:
    """However rare what is wanted is: pages that are not full, one after the other, are the list."""
    store, _ = city
    with store.reading() as work:
        whole = queries.page(work, Wanted(**wanted), within, most=999)
        assert whole.after is None
        found: list[Row] = []
        after: str | None = None
        while True:
            page = queries.page(work, Wanted(**wanted), within, after=after, most=6, look=9)
            assert len(page.rows) <= 6
            found += page.rows
            if (after := page.after) is None:
                break
        assert tuple(found) == whole.rows
        some = queries.count(work, Wanted(**wanted), within, most=999, look=9)
        assert some.is_more
        assert some.seen < len(whole.rows)


def test_a_number_is_found_however_old_its_report_is(city: Any) -> None:
    """Only by who may see it."""
    store, all_of_it = city
    oldest = next(one for one in reversed(all_of_it) if one.report.disposition_id == PU)
    with store.reading() as work:
        for within, found in ((None, [oldest.tracking_id]), (of(PU), [oldest.tracking_id]), (of(DLH), [])):
            page = queries.page(work, Wanted(text=f" {oldest.tracking_id} "), within, look=1)
            assert [row.tracking_id for row in page.rows] == found


def test_a_long_pile_says_that_there_are_more(city: Any) -> None:
    store, _ = city
    assert tasks(store, None, most=2, counted=3).overdue.number == queries.Number(3, is_more=True)


def test_counts_of_an_opd_know_no_other(city: Any) -> None:
    store, _ = city
    with store.reading() as work:
        assert set(queries.counts(work, Wanted(), of(PU)).beside["opd"]) == {PU}
        assert queries.count(work, Wanted(opd=DLH), of(PU), most=999).seen == 0
        assert [one.id for one in queries.by_opd(work, of(PU))] == [PU]


def test_overdue_flag_and_time_are_filters_too(city: Any) -> None:
    store, all_of_it = city
    late = [one for one in all_of_it if one.due_at and one.due_at < START]
    gone = [one for one in all_of_it if Flag.VANISHED in one.verdict.flags]
    span = (START - 20 * HOUR, START - 10 * HOUR)
    then = [one for one in all_of_it if one.report.created_at and span[0] <= one.report.created_at < span[1]]
    for wanted, fits in (
        (Wanted(overdue=True), late),
        (Wanted(flag="vanished"), gone),
        (Wanted(flag="van%"), []),
        (Wanted(since=span[0], until=span[1]), then),
    ):
        assert [row.tracking_id for row in in_pages(store, wanted)] == newest_first(fits)
    assert {row.tracking_id for row in in_pages(store, Wanted()) if row.is_overdue} == {
        one.tracking_id for one in late
    }


@pytest.mark.parametrize(
    ("text", "in_title", "in_words"),
    [
        ("SAMPAH", "Sampah", ""),
        (" 100% ", "100%", ""),
        ("0%m", "-", "-"),
        ("u_j", "u_j", ""),
        ("rumah nomor 7101", "-", "nomor 7101"),
        ("<p>", "-", "-"),
        ("' OR 1=1 --", "-", "-"),
        ("\x00", "-", "-"),
        ("\udcff", "-", "-"),
    ],
)
def test_a_search_finds_words_as_they_are_written(city: Any, text: str, in_title: str, in_words: str) -> None:
    """Signs that mean something to SQL mean themselves; markup is none of the words; case does not matter."""
    store, all_of_it = city
    fits = [
        one
        for one in all_of_it
        if not one.report.is_secret
        and (in_title in one.report.title or (in_words and f"{in_words}<" in one.report.content))
    ]
    assert [row.tracking_id for row in in_pages(store, Wanted(text=text))] == newest_first(fits)


def test_nobody_finds_out_by_searching_what_a_rahasia_report_says(city: Any) -> None:
    store, all_of_it = city
    secret = next(one for one in all_of_it if one.report.is_secret)
    by_words = in_pages(store, Wanted(text=f"nomor {secret.tracking_id}<"))
    assert by_words == []
    (row,) = in_pages(store, Wanted(text=secret.tracking_id))
    assert (row.tracking_id, row.title, row.district, row.is_secret) == (secret.tracking_id, None, None, True)


def tasks(store: Store, within: str | None, most: int = 100, counted: int = 999) -> queries.Tasks:
    with store.reading() as work:
        return queries.tasks(
            work,
            of(within),
            waiting_on=[WaitingOn.OPD],
            today=START + 5 * HOUR,
            soon=START + 3 * DAY,
            closing=START + 2 * DAY,
            most=most,
            counted=counted,
        )


@pytest.mark.parametrize("within", [PU, None])
def test_what_waits_stands_in_one_pile_each_the_most_urgent_first(city: Any, within: str | None) -> None:
    store, all_of_it = city
    found = tasks(store, within)
    open_ones = [
        one
        for one in all_of_it
        if one.verdict.colour not in {Colour.HIJAU, Colour.ABU} and within in {None, one.report.disposition_id}
    ]
    mine = [one for one in open_ones if one.verdict.waiting_on is WaitingOn.OPD]
    spans = {
        "overdue": (None, START),
        "today": (START, START + 5 * HOUR),
        "soon": (START + 5 * HOUR + timedelta(seconds=1), START + 3 * DAY),
    }
    for name, (first, last) in spans.items():
        fits = {
            one.tracking_id
            for one in mine
            if one.due_at and (first is None or one.due_at >= first) and one.due_at <= last
        }
        pile = getattr(found, name)
        assert {row.tracking_id for row in pile.rows} == fits
        assert pile.number == queries.Number(len(fits), is_more=False)
        assert [row.due_at for row in pile.rows] == sorted(row.due_at for row in pile.rows)
    again = {
        one.tracking_id for one in mine if one.answers and (one.due_at is None or one.due_at > START + 3 * DAY)
    }
    assert {row.tracking_id for row in found.wrote_again.rows} == again
    closing = {
        one.tracking_id
        for one in open_ones
        if one.verdict.waiting_on is WaitingOn.REPORTER and one.auto_close_at == START + DAY
    }
    assert {row.tracking_id for row in found.closing.rows} == closing
    late = [one for one in open_ones if one.due_at and one.due_at < START and one.verdict.waiting_on is not None]
    assert found.late_elsewhere.seen == len(late) - found.overdue.number.seen > 0
    piles = [found.overdue, found.today, found.soon, found.wrote_again]
    shown = [row.tracking_id for pile in piles for row in pile.rows]
    assert len(shown) == len(set(shown))
    assert all(piles)


def test_a_long_pile_shows_its_first_ones_and_how_many_there_are(city: Any) -> None:
    store, _ = city
    whole, short = tasks(store, None), tasks(store, None, most=2)
    assert len(whole.overdue.rows) > 2
    assert short.overdue == queries.Pile(whole.overdue.rows[:2], whole.overdue.number)


def test_each_opd_s_numbers(store: Store) -> None:
    all_of_it = many()
    save(store, *all_of_it)
    with store.work() as work:
        institutions.replace_all(work, [Institution(id=PU, name="Dinas PUPR")])
    with store.reading() as work:
        rows = {row.id: row for row in queries.by_opd(work)}
    assert set(rows) == {PU, DLH, None}
    assert rows[PU].name == "Dinas PUPR"
    for opd, row in rows.items():
        mine = [one for one in all_of_it if one.report.disposition_id == opd]
        assert row.merah == sum(one.verdict.colour is Colour.MERAH for one in mine)
        assert row.unknown == sum(one.verdict.colour is None for one in mine)
        assert row.overdue == sum(bool(one.due_at and one.due_at < START) for one in mine)
        assert row.merah + row.kuning + row.hijau + row.abu + row.unknown == len(mine)


def test_who_holds_posts_at_two_opds_sees_the_reports_of_both(city: Any) -> None:
    store, all_of_it = city
    both = frozenset({PU, DLH})
    with store.reading() as work:
        mine = [one for one in all_of_it if one.report.disposition_id in both]
        assert queries.count(work, Wanted(), both, most=999).seen == len(mine) > 0
        assert queries.count(work, Wanted(), frozenset(), most=999).seen == 0


def test_each_opd_s_numbers_stay_exact_whoever_writes(store: Store, other_city: Store) -> None:
    """New, another colour, another OPD, without one, seen again, gone by hand; and another agency's beside them."""
    dice = Random(11)
    save(other_city, mirrored("1", report("1", disposition_id=PU)))
    kept: dict[str, Mirrored] = {}
    for _ in range(12):
        some = {str(n): made(n, dice) for n in dice.sample(range(7300, 7340), 15)}
        kept |= some
        gone = dice.choice(sorted(kept))
        with store.work() as work:
            reports.save(work, list(some.values()))
            work.conn.execute(table.delete().where(table.c.agency == "kota", table.c.tracking_id == gone))
        del kept[gone]
        wanted = Counter((one.report.disposition_id, one.verdict.colour) for one in kept.values())
        with store.reading() as work:
            rows = queries.by_opd(work)
        found = {(row.id, shade): getattr(row, shade or "unknown") for row in rows for shade in COLOURS}
        assert {key: number for key, number in found.items() if number} == wanted
    with other_city.reading() as work:
        assert [(row.id, row.unknown) for row in queries.by_opd(work)] == [(PU, 1)]
