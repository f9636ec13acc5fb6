"""The recap against the simulated city's own truth, counted here by other means."""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import date, datetime, timedelta
from pathlib import Path
from statistics import fmean
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from holidays import country_holidays
from openpyxl import load_workbook
from sqlalchemy import update

from lapor_sync.domain.people import Post, Role, Tenure, in_post, of_shell
from lapor_sync.domain.period import Period
from lapor_sync.domain.refusals import Code, Refused
from lapor_sync.recap import making
from lapor_sync.recap.making import Json
from lapor_sync.recap.printed import notes, pdf, since_fixed
from lapor_sync.recap.workbook import workbook
from lapor_sync.store import audit, outages, people
from lapor_sync.store.database import Work
from lapor_sync.store.schema import outage
from lapor_sync.store.times import to_text
from lapor_sync.words.recap_id import FIGURES
from tests.flow.bench import OPD, Bench, bench

WIB = ZoneInfo("Asia/Jakarta")
CITYS_OWN = range(600, 700)
OFF = country_holidays("ID", years=range(2024, 2028), categories=("public", "government"))


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A mirrored city with more than a year of reports."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("connectors.simulator.past.SPAN", 420 * 86_400)
        with bench(tmp_path_factory.mktemp("recap") / "kota.db", reports=500) as made:
            made.cycle()
            yield made


def recap_of(city: Bench, period: str, **options: Any) -> Json:
    with city.store.reading() as work:
        return making.as_json(making.recap(work, Period.parse(period), city.setup.rules, **options))


# The same by other means.


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(WIB)


def is_answer(item: Json) -> bool:
    return item["source"] not in {"admin", "citizen"} and item["template_code"] not in {"disposition", "status"}


def stage_of(seen: Json) -> str:
    status, to = seen["status_name"], seen["disposition_id"]
    since = [n for n, item in enumerate(seen["items"]) if item["template_code"] == "disposition"]
    recent = seen["items"][since[-1] + 1 :] if since else seen["items"]
    if status.startswith("Diarsipkan"):
        return "archived"
    if status.startswith("Ditolak") or (to is not None and int(to) not in CITYS_OWN):
        return "not_ours"
    if status.startswith(("Selesai", "Ditutup")):
        return "done"
    if status.startswith("Tunda"):
        return "postponed"
    if any(map(is_answer, recent)):
        return "in_process"
    return "unverified" if status == "Belum Terverifikasi" else "untouched"


def end_of_working_days(start: date, number: int) -> date:
    day = start
    while number:
        day += timedelta(days=1)
        number -= day.weekday() < 5 and day not in OFF
    return day


def first_answer(seen: Json) -> Json | None:
    return next(filter(is_answer, seen["items"]), None)


def due_day(seen: Json) -> date | None:
    """Five working days after the last disposition to another OPD before the first answer."""
    answer, started, holder = first_answer(seen), None, None
    for item in seen["items"]:
        if item is answer:
            break
        if item["template_code"] == "disposition":
            started = at(item["at"]) if item["institution_to_id"] != holder else started
            holder = item["institution_to_id"]
    if answer is None and (holder is None or holder == "600" or stage_of(seen) == "postponed"):
        return None
    return end_of_working_days((started or at(seen["created_at"])).date(), 5)


def in_time(seen: Json, now: datetime) -> bool | None:
    due, answer = due_day(seen), first_answer(seen)
    if due is None:
        return None
    if answer is not None:
        return at(answer["at"]).date() <= due
    is_open = stage_of(seen) in {"untouched", "unverified", "in_process"}
    return False if is_open and now.date() > due else None


DAYS_TO_RESOLVE = {
    "permintaan informasi": 5,
    "aspirasi": 5,
    "pengaduan": 14,
    "pengaduan tidak berkadar pengawasan": 14,
    "pengaduan berkadar pengawasan": 60,
}


def dispositions(seen: Json) -> list[Json]:
    return [item for item in seen["items"] if item["template_code"] == "disposition"]


def is_late(seen: Json, now: datetime) -> bool:
    """An open report: not disposed in three days, not answered in five, or not closed in its class's; the OPD's five
    begin anew with each OPD, and while it lies with the city itself nobody must answer."""
    if stage_of(seen) not in {"untouched", "unverified", "in_process"}:
        return False
    given = dispositions(seen)
    if not given:
        return now.date() > end_of_working_days(at(seen["created_at"]).date(), 3)
    to_close = DAYS_TO_RESOLVE[seen["classification"].lower()]
    ends = [end_of_working_days(at(given[0]["at"]).date(), to_close)]
    holder = seen["disposition_id"]
    since = next(
        item
        for n, item in reversed(list(enumerate(given)))
        if n == 0 or given[n - 1]["institution_to_id"] != item["institution_to_id"]
    )
    if holder != "600" and not any(map(is_answer, seen["items"][seen["items"].index(since) :])):
        ends.append(end_of_working_days(at(since["at"]).date(), 5))
    return now.date() > min(ends)


def was_left_by_the_reporter(seen: Json) -> bool:
    """Closed ten working days after the agency's last word, or later, without a word of the reporter's since."""
    spoken = [item for item in seen["items"] if is_answer(item) or item["source"] == "citizen"]
    if stage_of(seen) != "done" or not spoken or not is_answer(spoken[-1]):
        return False
    return ended(seen).date() >= end_of_working_days(at(spoken[-1]["at"]).date(), 10)


def ended(seen: Json) -> datetime:
    closing = [log for log in seen["logs"] if log["status_new"].startswith(("Selesai", "Ditutup"))]
    return at(closing[-1]["at"])


def of_days(city: Bench, first: date, last: date) -> list[Json]:
    everything = (city.world.thread(one["tracking_id"]) for one in city.world.summary()["reports"])
    return [seen for seen in everything if first <= at(seen["created_at"]).date() <= last]


def expected(mine: list[Json], now: datetime) -> Json:
    stages = Counter(map(stage_of, mine))
    answered = [(at(seen["created_at"]), at(one["at"])) for seen in mine if (one := first_answer(seen))]
    judged = [said for seen in mine if (said := in_time(seen, now)) is not None]
    ratings = [seen["rating"] for seen in mine if seen["rating"]]
    to_the_end = [ended(seen) - at(seen["created_at"]) for seen in mine if stage_of(seen) == "done"]
    return {
        **dict.fromkeys(("unverified", "untouched", "in_process", "done", "postponed", "archived", "not_ours"), 0),
        **stages,
        "total": len(mine),
        "followed_up_percent": mean(100.0 * bool(first_answer(seen)) for seen in mine),
        "days_to_first_answer": mean((b - a).total_seconds() / 86_400 for a, b in answered),
        "working_days_to_first_answer": mean(working_days(a.date(), b.date()) for a, b in answered),
        "days_to_done": mean(one.total_seconds() / 86_400 for one in to_the_end),
        "in_time_percent": mean(100.0 * one for one in judged),
        "overdue_now": sum(is_late(seen, now) for seen in mine),
        "rating": mean(ratings),
        "rated": len(ratings),
    }


def mean(values: Iterable[float]) -> float | None:
    known = list(values)
    return round(fmean(known), 2) if known else None


def working_days(first: date, last: date) -> int:
    days = (first + timedelta(days=n) for n in range(1, (last - first).days + 1))
    return sum(day.weekday() < 5 and day not in OFF for day in days)


@pytest.mark.unmeasured
def test_the_figures_of_a_year_are_those_that_the_city_itself_would_count(city: Bench) -> None:
    found = recap_of(city, "2025-03-02..2026-03-01")
    mine, now = of_days(city, date(2025, 3, 2), date(2026, 3, 1)), city.clock.now().astimezone(WIB)
    wanted = expected(mine, now)

    assert wanted["total"] > 300
    assert wanted["done"] > 50
    assert {name: found["total"][name] for name in wanted} == wanted
    assert wanted["overdue_now"] > 5
    assert found["closed_by_itself"] == sum(map(was_left_by_the_reporter, mine)) > 5
    by_opd = {
        opd: [seen for seen in mine if seen["disposition_id"] == opd]
        for opd in {s["disposition_id"] for s in mine}
    }
    assert {line["opd"]: {name: line[name] for name in wanted} for line in found["rows"]} == {
        opd: expected(theirs, now) for opd, theirs in by_opd.items()
    }
    for key, of in (("by_classification", "classification"), ("by_channel", "channel")):
        assert {one["name"]: one["received"] for one in found[key]} == Counter(seen[of] for seen in mine)
    categories = Counter(seen["category"] for seen in mine)
    assert [one["received"] for one in found["by_category"]] == [
        number for _, number in categories.most_common(10)
    ]
    assert all(categories[one["name"]] == one["received"] for one in found["by_category"])
    assert {one["month"]: one["received"] for one in found["by_month"] if one["received"]} == Counter(
        at(seen["created_at"]).strftime("%Y-%m") for seen in mine
    )
    assert sum(one["received"] for one in found["by_district"]) == sum(not seen["is_secret"] for seen in mine)


class Undo(Exception):
    """Nothing of it is to stay."""


def test_an_outage_says_how_many_answers_fell_due_in_it(city: Bench) -> None:
    """From a Monday to the noon of a Saturday; an answer is due at the end of a day."""
    since, until = datetime(2025, 9, 8, tzinfo=WIB), datetime(2025, 9, 20, 12, tzinfo=WIB)
    with suppress(Undo), city.store.work() as work:
        outages.begin(work, since, "connect")
        work.conn.execute(update(outage).values(until=to_text(until)))
        told = recap_json(work, city)["outages"]
        raise Undo
    dues = map(due_day, of_days(city, date(2025, 3, 2), date(2026, 3, 1)))
    expected = sum(due is not None and since.date() <= due <= date(2025, 9, 19) for due in dues)
    assert [one["due"] for one in told] == [expected]
    assert expected > 2


def test_a_post_counts_its_empty_days_from_its_first_holder_on(city: Bench) -> None:
    """Noon by noon, over the year of the other figures: of tenures that overlap, follow each other late, and end."""
    held = [(date(2025, 5, 1), date(2025, 7, 1)), (date(2025, 6, 20), date(2025, 8, 10)), (date(2025, 9, 3), None)]
    with suppress(Undo), city.store.work() as work:
        post = people.add_post(work, Role.OFFICER, OPD)
        for number, (since, until) in enumerate(held):
            person = people.add(work, name=f"P {number}", sign_in=f"p{number}")
            people.begin_tenure(work, person, post.id, midnight(since), midnight(until) if until else None)
        told = recap_json(work, city)["vacancies"]
        raise Undo
    days = [held[0][0] + timedelta(days=n) for n in range((date(2026, 3, 1) - held[0][0]).days)]
    empty = [day for day in days if not any(a <= day and (b is None or day < b) for a, b in held)]
    assert {one["opd"]: one["days"] for one in told}[OPD] == len(empty) == 24


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=WIB)


def recap_json(work: Work, city: Bench) -> Json:
    return making.as_json(making.recap(work, Period.parse("2025-03-02..2026-03-01"), city.setup.rules))


@pytest.mark.parametrize("period", ["2025-Q3", "2025-C3", "2025-H2", "2026-01"])
def test_each_report_stands_in_one_stage_one_opd_one_month_and_one_class(city: Bench, period: str) -> None:
    found = recap_of(city, period)
    meant = Period.parse(period)

    assert found["total"]["total"] == len(of_days(city, meant.first, meant.last)) > 0
    for line in [found["total"], *found["rows"]]:
        assert sum(line[name] for name in list(FIGURES)[:8]) == line["total"]
    for key in ("by_month", "by_classification", "by_channel"):
        assert sum(one["received"] for one in found[key]) == found["total"]["total"]
    assert len(found["by_category"]) <= 10


def test_a_report_at_midnight_belongs_to_the_day_of_the_city(tmp_path: Path) -> None:
    with bench(tmp_path / "kota.db", reports=0) as city:
        tracking_id = city.report()
        city.cycle()
        received = city.mirrored(tracking_id).report.created_at
        assert received is not None
        day = received.astimezone(WIB).date()
        assert recap_of(city, f"{day}..{day}")["total"]["total"] == 1
        assert recap_of(city, f"{day - timedelta(days=9)}..{day - timedelta(days=1)}")["total"]["total"] == 0


def test_one_opds_recap_is_its_line_of_the_whole(city: Bench) -> None:
    whole, mine = recap_of(city, "2025"), recap_of(city, "2025", opd=OPD)
    line = next(line for line in whole["rows"] if line["opd"] == OPD)
    assert mine["rows"] == [line]
    assert {**mine["total"], "opd": OPD, "opd_name": line["opd_name"]} == line
    assert recap_of(city, "2025", opd=OPD, within=frozenset({"612"}))["total"]["total"] == 0


def test_a_running_year_is_compared_with_the_same_days_of_the_year_before(city: Bench) -> None:
    """Thirteen to July against eleven in the whole year before would compare unlike things."""
    found = recap_of(city, "2026")
    today = city.clock.now().astimezone(WIB).date()
    the_same_days = recap_of(city, f"2025-01-01..{today.replace(year=2025)}")
    assert found["received_year_before"] == the_same_days["total"]["total"] > 0
    assert [month["received"] for month in recap_of(city, "2025")["by_month"]] == [
        month["year_before"] for month in found["by_month"]
    ]


def test_a_fixed_recap_is_proven_by_the_audit_and_says_what_became_other(tmp_path: Path) -> None:
    with bench(tmp_path / "kota.db", reports=0) as city:
        ids = [city.report() for _ in range(3)]
        city.cycle()
        with city.store.work(of_shell("siti")) as work:
            first = making.recap(work, Period.parse("2026"), city.setup.rules)
            making.fix(work, first)
        assert recap_of(city, "2026")["fixed"]["differences"] == []
        assert "belum ada angka yang berubah" in " ".join(since_fixed(recap_of(city, "2026"), WIB))

        city.world.close(ids[0])
        city.report()
        city.cycle()

        fixed = recap_of(city, "2026")["fixed"]
        changed = {(one["line"], one["figure"]): (one["then"], one["now"]) for one in fixed["differences"]}
        assert fixed["by"] == "siti"
        assert changed["total", "total"] == (3, 4)
        assert changed["total", "done"] == (0, 1)
        assert changed["opd", "total"] == (3, 4)
        now = recap_of(city, "2026")
        first_said, *told = since_fixed(now, WIB)
        assert re.search(r"ditetapkan 2 Maret 2026 pukul .* WIB; \d+ angka sekarang berbeda", first_said)
        assert "Seluruh kota, Total: ditetapkan 3, sekarang 4." in told
        assert pdf(now, WIB, "Kota").startswith(b"%PDF-")
        sheet = load_workbook(io.BytesIO(workbook(now, WIB)))["Sejak ditetapkan"]
        assert ("Seluruh kota", "Total", 3, 4) in list(sheet.iter_rows(values_only=True))
        with city.store.reading() as work:
            assert audit.verify(work.conn, work.agency, first.audit_head)


def test_who_may_not_fix_a_recap_leaves_no_trace(tmp_path: Path) -> None:
    with bench(tmp_path / "kota.db", reports=0) as city:
        inspector = in_post("1", Post("1", Role.INSPECTOR))
        with pytest.raises(Refused) as refused, city.store.work(inspector) as work:
            making.fix(work, making.recap(work, Period.parse("2026"), city.setup.rules))
        assert refused.value.code is Code.NOT_THE_POSTS
        assert recap_of(city, "2026")["fixed"] is None


def test_the_workbook_has_the_same_numbers_and_no_formula(city: Bench) -> None:
    found = recap_of(city, "2025")
    found["rows"][0]["opd_name"] = '=HYPERLINK("http://x")'
    book = load_workbook(io.BytesIO(workbook(found, WIB)))

    sheet = book["OPD"]
    lines = [*found["rows"], found["total"]]
    assert [cell.value for cell in sheet[1]] == ["OPD", *FIGURES.values()]
    assert [[cell.value for cell in row[1:]] for row in sheet.iter_rows(min_row=2)] == [
        [line[name] for name in FIGURES] for line in lines
    ]
    assert all(cell.data_type != "f" for each in book for row in each for cell in row)
    assert sheet.freeze_panes == "B2"


def test_the_printed_recap_takes_any_name_as_text(city: Bench) -> None:
    found = recap_of(city, "2025")
    assert any(note.endswith("laporan rahasia tidak dihitung menurut kecamatan.") for note in notes(found, WIB))
    found["rows"][0]["opd_name"] = '#panic("x") $ * _ ` < > @ \\ "' + "A" * 300
    assert pdf(found, WIB, 'Kota #read("/etc/passwd")').startswith(b"%PDF-")


def test_a_period_without_a_report_has_no_rates(tmp_path: Path) -> None:
    with bench(tmp_path / "kota.db", reports=0) as city:
        found = recap_of(city, "2011-Q1")
    total = found["total"]
    assert total["total"] == 0
    assert total["followed_up_percent"] is total["days_to_first_answer"] is total["in_time_percent"] is None
    assert found["busiest_month"] is None
    assert json.dumps(found)
    assert pdf(found, WIB, "Kota").startswith(b"%PDF-")
    assert workbook(found, WIB).startswith(b"PK")


def test_a_post_is_vacant_for_the_days_between_its_tenures() -> None:
    def day(number: int) -> datetime:
        return datetime(2026, 1, number, tzinfo=WIB)

    post = Post("1", Role.OFFICER, OPD)
    held = (Tenure("1", "1", post, day(1), day(5)), Tenure("2", "2", post, day(8), day(10)))
    assert making.days_without(held, day(1), day(20)) == 3 + 10
    assert making.days_without((), day(1), day(3)) == 2
    assert making.days_without((Tenure("1", "1", post, day(1)),), day(2), day(9)) == 0
