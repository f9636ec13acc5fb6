"""Working days, the limits in force, and the four clocks."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from holidays import country_holidays
from hypothesis import given
from hypothesis import strategies as st

from lapor_sync.domain.calendar import Calendar, WorkingDays, joint_holidays_known
from lapor_sync.domain.clocks import ClockFacts, ClockState, Deadlines, clock_facts, clocks
from lapor_sync.domain.colour import City, Colour
from lapor_sync.domain.errors import SettingsWrong
from lapor_sync.domain.limits import ClockKind, in_force, load_calendar, load_limits, packaged
from lapor_sync.domain.report import ItemKind, Report, ThreadItem

WIB = ZoneInfo("Asia/Jakarta")
DAYS = WorkingDays(WIB)
LIMITS = load_limits(packaged())


def at(month: int, day: int, hour: int = 9, minute: int = 0, year: int = 2026) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=WIB)


def end(month: int, day: int, year: int = 2026) -> datetime:
    return datetime(year, month, day, 23, 59, 59, tzinfo=WIB)


def moments(first: str, last: str) -> st.SearchStrategy[datetime]:
    return st.datetimes(datetime.fromisoformat(first), datetime.fromisoformat(last), timezones=st.just(UTC))


# Working days.


@pytest.mark.parametrize(
    ("day", "working"),
    [
        (date(2026, 7, 6), True),
        (date(2026, 7, 4), False),  # a Saturday
        (date(2026, 7, 5), False),
        (date(2026, 8, 17), False),  # independence
        (date(2026, 1, 1), False),
        (date(2026, 3, 20), False),  # cuti bersama
        (date(2026, 12, 24), False),  # cuti bersama
        (date(2026, 12, 31), True),
    ],
)
def test_people_work_from_monday_to_friday_but_on_holidays_and_cuti_bersama(day: date, working: bool) -> None:
    """Both categories of the library count."""
    assert DAYS.is_working(day) is working


@pytest.mark.parametrize(("year", "days"), [(2025, (235, 250)), (2026, (235, 250)), (2027, (235, 250))])
def test_a_year_has_a_sane_number_of_working_days(year: int, days: tuple[int, int]) -> None:
    """A library that lost its Indonesian holidays, or doubled them, would be noticed here."""
    first = date(year, 1, 1)
    working = sum(DAYS.is_working(first + timedelta(days=n)) for n in range(365))
    assert days[0] <= working <= days[1]


@pytest.mark.parametrize(
    ("start", "days", "due"),
    [
        (at(7, 6), 1, end(7, 7)),
        (at(7, 6, 0, 0), 1, end(7, 7)),
        (at(7, 6, 23, 59), 1, end(7, 7)),
        (at(7, 3), 1, end(7, 6)),  # Friday to Monday
        (at(7, 4), 1, end(7, 6)),  # Saturday to Monday
        (at(7, 6), 5, end(7, 13)),
        (at(3, 14), 3, end(3, 25)),  # Nyepi and Idulfitri between
        (at(12, 23), 3, end(12, 30)),
        (at(12, 30, year=2025), 3, end(1, 5)),  # over the year's end
        (datetime(2026, 7, 6, 17, 30, tzinfo=UTC), 1, end(7, 8)),  # already Tuesday in Jakarta
        (datetime(2026, 7, 6, 16, 59, tzinfo=UTC), 1, end(7, 7)),
    ],
)
def test_due_at_the_end_of_the_nth_working_day_after_the_start(start: datetime, days: int, due: datetime) -> None:
    """The day of the start is not counted, whatever its hour; days are the city's."""
    assert DAYS.due(start, days) == due


@given(moments("2018-01-01", "2027-12-31"), st.integers(1, 600))
def test_due_agrees_with_counting_day_by_day(start: datetime, days: int) -> None:
    """The fast way comes to what a person with a wall calendar comes to."""
    day, left = start.astimezone(WIB).date(), days
    while left:
        day += timedelta(days=1)
        left -= DAYS.is_working(day)
    due = DAYS.due(start, days)
    assert (due.date(), due.hour, due.minute, due.second) == (day, 23, 59, 59)
    assert DAYS.between(start, due) == days


def test_between_counts_the_last_day_and_not_the_first() -> None:
    """As a clock does; over a year's end too."""
    assert DAYS.between(at(7, 6), at(7, 6, 20)) == 0
    assert DAYS.between(at(7, 3), at(7, 6)) == 1
    assert DAYS.between(at(12, 30, year=2025), at(1, 5)) == 3


def test_the_city_s_own_days() -> None:
    """Days off that the library cannot know, and holidays that were taken back; a Saturday stays one."""
    calendar = Calendar(
        extra={date(2026, 3, 17): "Hari Jadi Kota Bengkulu"},
        not_holidays=frozenset({date(2026, 5, 15), date(2026, 7, 4)}),
    )
    days = WorkingDays.of(WIB, calendar)
    assert not days.is_working(date(2026, 3, 17))
    assert days.is_working(date(2026, 5, 15))
    assert not days.is_working(date(2026, 7, 4))
    assert DAYS.is_working(date(2026, 3, 17))
    assert not DAYS.is_working(date(2026, 5, 15))


@pytest.mark.parametrize("year", [2019, 2026, 2040])
def test_working_days_are_the_weekdays_that_the_library_names_no_holiday(year: int) -> None:
    """National holidays and *cuti bersama*, in years that the library knows well, and one that it works out."""
    off = frozenset(country_holidays("ID", years=year, categories=("public", "government")))
    days = [date(year, 1, 1) + timedelta(days=n) for n in range(365)]
    assert [day for day in days if DAYS.is_working(day)] == [
        day for day in days if day.weekday() < 5 and day not in off
    ]


def test_whose_joint_holidays_are_known() -> None:
    """They are decreed late in the year before; `check` warns of a year without."""
    assert joint_holidays_known(2026)
    assert not joint_holidays_known(2190)


# The limits in force.

WHOLE = """
[[regulation]]
name = "New"
from = 2025-01-01
source = "s"
assumed = false
verify = 1
answer = 2
auto_close = 3
[regulation.resolve]
"Pengaduan " = 4
aspirasi = "none"
otherwise = "none"

[[regulation]]
name = "Old"
from = 2018-01-01
source = "s"
assumed = true
verify = 5
answer = 6
auto_close = 7
resolve = { otherwise = 8 }
"""


DAYS_OFF = """
[[holiday]]
date = 2026-03-17
name = "Hari Jadi"
source = "Keputusan"
[[not_holiday]]
date = 2026-05-15
source = "SKB"
"""


def test_the_packaged_limits_are_the_table_of_the_rules() -> None:
    """62/2018 and 5/2025, both marked as assumed."""
    assert [one.regulation for one in LIMITS] == ["PermenPANRB 62/2018", "PermenPANRB 5/2025"]
    for one in LIMITS:
        assert one.assumed
        assert (one.verify, one.answer, one.auto_close, one.otherwise) == (3, 5, 10, 14)
    assert load_calendar("") == Calendar()


@pytest.mark.parametrize(
    ("classification", "days"),
    [
        ("Permintaan Informasi", 5),
        ("PENGADUAN", 14),
        ("Pengaduan Tidak Berkadar Pengawasan", 14),
        ("pengaduan  berkadar-pengawasan", 60),
        ("Aspirasi", 5),
        ("", 14),
        (None, 14),
        ("Lain-lain", 14),
    ],
)
def test_what_is_resolved_when(classification: str | None, days: int | None) -> None:
    """By classification, however it is written; one that is not known has the complaint's limit."""
    for one in LIMITS:
        assert one.for_clock(ClockKind.RESOLVE, classification) == days


def test_the_limits_that_hold_are_those_in_force_on_the_day() -> None:
    """Oldest first whatever the file's order; before the first regulation, the first."""
    limits = load_limits(WHOLE)
    assert [one.regulation for one in limits] == ["Old", "New"]
    for day, name in {
        date(2010, 1, 1): "Old",
        date(2018, 1, 1): "Old",
        date(2024, 12, 31): "Old",
        date(2025, 1, 1): "New",
        date(2030, 1, 1): "New",
    }.items():
        assert in_force(limits, day).regulation == name
    assert limits[1].for_clock(ClockKind.RESOLVE, "pengaduan") == 4
    assert limits[1].for_clock(ClockKind.RESOLVE, "aspirasi") is None
    assert limits[1].for_clock(ClockKind.RESOLVE, None) is None
    assert [limits[0].for_clock(clock, None) for clock in ClockKind] == [5, 6, 8, 7, None]
    with_it = load_limits(WHOLE.replace("auto_close = 7", "auto_close = 7\ncomplete = 9"))
    assert with_it[0].for_clock(ClockKind.COMPLETE, None) == 9
    assert [one.for_clock(ClockKind.COMPLETE, None) for one in LIMITS] == [10, 10]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('name = "Old"', "name = 3", "deadlines, regulation 2: `name` must be a text"),
        ('name = "Old"', 'name = " "', "deadlines, regulation 2: `name` must be a text"),
        ("from = 2018-01-01", "", "deadlines, regulation 2: `from` must be a date such as 2025-01-01"),
        ("from = 2018-01-01", "from = 2018-01-01T00:00:00", "`from` must be a date such as 2025-01-01"),
        ("from = 2018-01-01", "from = 2025-01-01", "deadlines: two regulations have the same `from`"),
        ("assumed = true", "assumed = 1", "`assumed` must be true or false"),
        ("verify = 5", "verify = 0", "`verify` must be a whole number of working days from 1 to 366"),
        ("verify = 5", "verify = 367", "`verify` must be a whole number of working days from 1 to 366"),
        ("verify = 5", "verify = true", "`verify` must be a whole number of working days from 1 to 366"),
        ("verify = 5", "verify = 1.5", "`verify` must be a whole number of working days from 1 to 366"),
        ("verify = 5", 'verify = "none"', "`verify` must be a whole number of working days from 1 to 366"),
        ("verify = 5", "verify = 5\nverfy = 5", "deadlines, regulation 2: `verfy` is not known"),
        ("resolve = { otherwise = 8 }", "", "deadlines, regulation 2: [resolve] is missing"),
        ("resolve = { otherwise = 8 }", "resolve = 8", "deadlines, regulation 2: [resolve] is missing"),
        ("resolve = { otherwise = 8 }", "resolve = {}", "deadlines, regulation 2, resolve: `otherwise` must be"),
        ("{ otherwise = 8 }", '{ otherwise = 8, A = 1, "a " = 2 }', "resolve: `a ` stands there twice"),
        ("{ otherwise = 8 }", '{ otherwise = 8, a = "no" }', "resolve: `a` must be a whole number"),
        ("[[regulation]]", "[[regulasi]]", "deadlines: `regulasi` is not known"),
        ("[[regulation]]", "[[", "deadlines: no TOML:"),
    ],
)
def test_what_is_wrong_with_the_limits_is_said(old: str, new: str, problem: str) -> None:
    """Where, what, and what it should be."""
    before, last = WHOLE.rsplit(old, 1)
    with pytest.raises(SettingsWrong) as caught:
        load_limits(before + new + last)
    assert any(problem in one for one in caught.value.problems), caught.value.problems


def test_all_problems_are_told_together() -> None:
    """So that a file is mended once."""
    with pytest.raises(SettingsWrong) as caught:
        load_limits('x = 1\n[[regulation]]\nname = ""\n[[regulation]]\n')
    assert len(caught.value.problems) > 10


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "deadlines: there is no [[regulation]]"),
        ("regulation = 3", "deadlines: `regulation` must be written [[regulation]]"),
        ("regulation = [3]", "deadlines: `regulation` must be written [[regulation]]"),
    ],
)
def test_limits_without_a_regulation_are_none(text: str, problem: str) -> None:
    """An empty file would silently switch every deadline off."""
    with pytest.raises(SettingsWrong) as caught:
        load_limits(text)
    assert caught.value.problems == (problem,)


def test_a_calendar_is_days_off_and_days_that_are_none() -> None:
    """Days off with their names, and days that are none after all."""
    assert load_calendar(DAYS_OFF) == Calendar(
        extra={date(2026, 3, 17): "Hari Jadi"}, not_holidays=frozenset({date(2026, 5, 15)})
    )


def test_a_table_in_the_wrong_file_is_said() -> None:
    """Passed over in silence its days would count for nothing."""
    with pytest.raises(SettingsWrong) as caught:
        load_limits(WHOLE + DAYS_OFF)
    assert caught.value.problems == (
        "deadlines: [[holiday]] belongs in the file of holidays",
        "deadlines: [[not_holiday]] belongs in the file of holidays",
    )
    with pytest.raises(SettingsWrong) as caught:
        load_calendar(WHOLE + DAYS_OFF)
    assert caught.value.problems == ("holidays: [[regulation]] belongs in the file of deadlines",)


def test_what_is_wrong_with_the_calendar_is_said() -> None:
    """A day without a decree cannot be defended later; one that is both is a mistake."""
    text = (
        '[[holiday]]\ndate = 2026-03-17\nname = "A"\n'
        '[[holiday]]\ndate = "2026-03-18"\nname = "B"\nsource = "s"\nx = 1\n'
        '[[not_holiday]]\ndate = 2026-03-17\nsource = "s"\n'
    )
    with pytest.raises(SettingsWrong) as caught:
        load_calendar(text)
    assert caught.value.problems == (
        "holidays, holiday 1: `source` must be a text",
        "holidays, holiday 2: `date` must be a date such as 2025-01-01",
        "holidays, holiday 2: `x` is not known",
        "holidays: 2026-03-17 is in [[holiday]] and in [[not_holiday]]",
    )


# The clocks.

LETTERS = {"d": ItemKind.DISPOSITION, "a": ItemKind.ANSWER, "r": ItemKind.REPORTER, "l": ItemKind.LOG}


def item(
    letter: str, when: datetime | None, to: str | None = "Dinas PUPR", status: str | None = None
) -> ThreadItem:
    return ThreadItem(
        id="1",
        kind=LETTERS[letter],
        created_at=when,
        content="kata",
        institution_to=to if letter == "d" else None,
        status_new=status,
    )


RECEIVED = at(7, 6)
NEW = ClockFacts(received=RECEIVED, items=(), colour=Colour.MERAH, classification="Pengaduan")
DISPOSED = NEW._replace(disposed=True, items=(item("d", at(7, 7)),))
ANSWERED = DISPOSED._replace(colour=Colour.KUNING, items=(item("d", at(7, 7)), item("a", at(7, 9))))


def timed(facts: ClockFacts) -> Deadlines:
    return clocks(facts, LIMITS, DAYS)


def sure(state: ClockState | None) -> ClockState:
    assert state is not None
    return state


def test_a_new_report_waits_to_be_verified() -> None:
    """Three working days from the day it was received; no other clock has started."""
    deadlines = timed(NEW)
    assert deadlines.deadline == (ClockKind.VERIFY, end(7, 9))
    assert (deadlines.answer, deadlines.resolve, deadlines.auto_close) == (None, None, None)
    assert deadlines.auto_close_at is None
    assert not deadlines.estimated


def test_the_first_disposition_stops_verify_and_starts_answer_and_resolve() -> None:
    """The answer is due next."""
    deadlines = timed(DISPOSED)
    answer, resolve = sure(deadlines.answer), sure(deadlines.resolve)
    assert deadlines.verify is None
    assert (answer.started_at, answer.due_at, answer.paused) == (at(7, 7), end(7, 14), False)
    assert (resolve.started_at, resolve.due_at, resolve.paused) == (at(7, 7), end(7, 27), False)
    assert deadlines.deadline == (ClockKind.ANSWER, end(7, 14))
    assert not deadlines.estimated


def test_the_first_answer_stops_answer_and_starts_auto_close() -> None:
    """Resolve runs on until the report is closed."""
    deadlines = timed(ANSWERED)
    assert deadlines.answer is None
    assert deadlines.deadline == (ClockKind.RESOLVE, end(7, 27))
    assert deadlines.auto_close_at == end(7, 23)


@pytest.mark.parametrize("shade", [Colour.HIJAU, Colour.ABU])
def test_a_closed_report_has_no_clock(shade: Colour) -> None:
    """Whatever had started, and whether it was postponed."""
    for told in (NEW, DISPOSED, ANSWERED, DISPOSED._replace(postponed=True)):
        assert timed(told._replace(colour=shade)) == Deadlines()


def test_a_report_without_a_limit_has_no_resolve_clock() -> None:
    """It waits for an answer and then for nobody."""
    deadlines = clocks(ANSWERED._replace(classification="aspirasi"), load_limits(WHOLE), DAYS)
    assert deadlines.resolve is None
    assert deadlines.deadline is None


def test_a_new_opd_has_its_own_time_to_answer_but_none_to_resolve() -> None:
    """Answer starts anew for it; resolve never does."""
    moved = (item("d", at(7, 7)), item("a", at(7, 8)), item("d", at(7, 20), to="Dinas Kesehatan"))
    deadlines = timed(DISPOSED._replace(items=moved))
    assert sure(deadlines.answer).started_at == at(7, 20)
    assert sure(deadlines.resolve).started_at == at(7, 7)


@pytest.mark.parametrize("to", ["Dinas PUPR", "dinas  pupr.", None])
def test_the_same_opd_again_gains_no_time(to: str | None) -> None:
    """Nor does a disposition that does not say to whom."""
    again = (item("d", at(7, 7)), item("r", at(7, 8)), item("d", at(7, 20), to=to))
    assert sure(timed(DISPOSED._replace(items=again)).answer).started_at == at(7, 7)


def test_an_opd_is_new_against_the_last_one_that_was_named() -> None:
    """A nameless disposition between two of the same OPD does not make the second a new one."""
    items = (item("d", at(7, 7)), item("d", at(7, 8), to=None), item("d", at(7, 9)))
    assert sure(timed(DISPOSED._replace(items=items)).answer).started_at == at(7, 7)
    first_nameless = (item("d", at(7, 7), to=None), item("d", at(7, 9)))
    assert sure(timed(DISPOSED._replace(items=first_nameless)).answer).started_at == at(7, 7)


def test_reopening_never_extends() -> None:
    """A report that comes back is due when it was due: here it is overdue at once."""
    reopened = (*ANSWERED.items, item("r", at(9, 1)), item("d", at(9, 2)))  # type: ignore[misc]
    deadlines = timed(DISPOSED._replace(items=reopened))
    assert deadlines.deadline == (ClockKind.RESOLVE, end(7, 27))
    assert deadlines.overdue(at(9, 2))


def test_with_the_city_itself_no_opd_s_clock_runs() -> None:
    """The admin has to dispose it further; the time to resolve runs already."""
    deadlines = timed(DISPOSED._replace(with_city=True))
    assert deadlines.answer is None
    assert deadlines.deadline == (ClockKind.RESOLVE, end(7, 27))


def test_a_postponed_report_has_no_running_clock() -> None:
    """`Tunda` pauses: there is no deadline, and nothing is overdue."""
    deadlines = timed(DISPOSED._replace(postponed=True))
    assert deadlines.deadline is None
    assert not deadlines.overdue(at(12, 1))
    assert sure(deadlines.answer).paused
    assert deadlines.verify is None
    assert timed(ANSWERED._replace(postponed=True)).auto_close_at is None


def test_a_postponed_report_has_the_reporter_s_own_clock() -> None:
    """Ten working days from the pause that lasts, and no deadline of the city's; no start is guessed."""
    over = (item("l", at(7, 1), status="Tunda"), item("l", at(7, 2), status="Dalam Proses"))
    asked = (*over, item("l", at(7, 8), status="Tunda"), item("l", at(7, 9), status="Tunda"), item("r", at(7, 10)))
    deadlines = timed(DISPOSED._replace(postponed=True, items=(item("d", at(7, 7)), *asked)))
    own = sure(deadlines.complete)
    assert (own.started_at, own.due_at, own.paused, own.estimated) == (at(7, 8), end(7, 22), False, False)
    assert (deadlines.deadline, deadlines.overdue(at(9, 1)), deadlines.estimated) == (None, False, False)
    for hidden in (DISPOSED, DISPOSED._replace(items=None), DISPOSED._replace(items=over)):
        assert timed(hidden._replace(postponed=True)).complete is None
    assert timed(DISPOSED._replace(items=asked)).complete is None


def test_a_pause_that_the_thread_shows_is_added() -> None:
    """Its working days: from the day after it began to the day it ended."""
    pause = (
        item("l", at(7, 8), status="Tunda"),
        item("l", at(7, 10)),
        item("l", at(7, 15), status="Dalam Proses"),
    )
    deadlines = timed(DISPOSED._replace(items=(item("d", at(7, 7)), *pause)))
    assert sure(deadlines.answer).due_at == end(7, 21)
    assert sure(deadlines.resolve).due_at == end(8, 3)
    assert sure(timed(NEW._replace(items=pause)).verify).due_at == end(7, 16)


def test_a_pause_after_the_time_was_over_adds_nothing() -> None:
    """Nor does one that ended before the clock started, or one without an end."""
    late = (
        item("l", at(9, 1), status="TUNDA"),
        item("l", at(9, 8), status="Tunda"),
        item("l", at(9, 9), status="X"),
    )
    assert sure(timed(DISPOSED._replace(items=(item("d", at(7, 7)), *late))).answer).due_at == end(7, 14)
    early = (item("l", at(7, 6), status="Tunda"), item("l", at(7, 7), status="X"), item("d", at(7, 8)))
    assert sure(timed(DISPOSED._replace(items=early)).answer).due_at == end(7, 15)
    endless = (item("d", at(7, 7)), item("l", at(7, 8), status="Tunda"), item("l", None, status="X"))
    assert sure(timed(DISPOSED._replace(items=endless)).answer).due_at == end(7, 14)


def test_an_unknown_start_is_the_time_received_and_is_flagged() -> None:
    """Seen in an export only: disposed, but nobody knows when."""
    deadlines = timed(NEW._replace(items=None, disposed=True))
    assert deadlines.verify is None
    assert sure(deadlines.answer).started_at == sure(deadlines.resolve).started_at == RECEIVED
    assert deadlines.deadline == (ClockKind.ANSWER, end(7, 13))
    assert deadlines.estimated


def test_a_disposition_without_a_date_is_an_unknown_start() -> None:
    """A known thread without a disposition too: a report can go straight to the agency."""
    dateless = timed(DISPOSED._replace(items=(item("d", None),)))
    direct = timed(DISPOSED._replace(items=()))
    for deadlines in (dateless, direct):
        assert sure(deadlines.answer).started_at == RECEIVED
        assert deadlines.estimated


def test_kuning_in_an_export_means_answered_at_some_time() -> None:
    """The answer's clock has stopped, when is not known; no auto-close can be told."""
    deadlines = timed(NEW._replace(items=None, disposed=True, colour=Colour.KUNING))
    assert deadlines.answer is None
    assert deadlines.deadline == (ClockKind.RESOLVE, end(7, 24))
    assert deadlines.auto_close is None
    assert deadlines.estimated


def test_what_is_over_needs_no_flag() -> None:
    """An estimate of a clock that has stopped is nobody's worry."""
    assert not timed(NEW._replace(items=None, disposed=True, colour=Colour.HIJAU)).estimated


def test_an_answer_without_a_disposition_means_that_it_was_disposed() -> None:
    """Nobody waits to verify what an agency has answered."""
    deadlines = timed(NEW._replace(colour=Colour.KUNING, items=(item("a", at(7, 8)),)))
    assert (deadlines.verify, deadlines.answer) == (None, None)
    assert sure(deadlines.resolve).estimated


def test_without_the_time_received_only_known_starts_count() -> None:
    """No clock is started by a guess of a guess."""
    assert timed(NEW._replace(received=None)) == Deadlines()
    assert timed(NEW._replace(received=None, items=None, disposed=True)) == Deadlines()
    deadlines = timed(DISPOSED._replace(received=None))
    assert deadlines.verify is None
    assert deadlines.deadline == (ClockKind.ANSWER, end(7, 14))
    assert not deadlines.estimated


@pytest.mark.parametrize("year", [1, 1899, 2200, 9999])
def test_years_that_mean_no_date_are_none(year: int) -> None:
    """Such systems write 0001 or 9999; no clock starts with them, and nothing overflows."""
    wild = datetime(year, 12, 31, 23, 30, tzinfo=UTC)
    assert timed(NEW._replace(received=wild)) == Deadlines()
    items = (item("d", wild), item("l", wild, status="Tunda"))
    assert sure(timed(DISPOSED._replace(items=items)).answer).started_at == RECEIVED
    assert timed(DISPOSED._replace(items=(*items, item("a", wild)))).auto_close is None


@pytest.mark.parametrize(
    ("letters", "starts"),
    [("da", at(7, 8)), ("daa", at(7, 9)), ("dal", at(7, 8)), ("dar", None), ("dara", at(7, 10)), ("dad", None)],
)
def test_auto_close_counts_from_the_last_answer_without_a_word_since(
    letters: str, starts: datetime | None
) -> None:
    """A word of the reporter, or a new disposition, ends it."""
    items = tuple(item(letter, at(7, 7 + n)) for n, letter in enumerate(letters))
    state = timed(DISPOSED._replace(items=items, colour=None)).auto_close
    assert (state.started_at if state else None) == starts
    assert state is None or state.due_at == DAYS.due(state.started_at, 10)


def test_auto_close_is_not_guessed() -> None:
    """An answer without a date starts nothing: the time received would be far too early."""
    assert timed(DISPOSED._replace(items=(item("d", None), item("a", None)))).auto_close is None


def test_late_is_after_the_last_second() -> None:
    """The whole last day belongs to the OPD."""
    deadlines = timed(NEW)
    assert not deadlines.overdue(end(7, 9))
    assert deadlines.overdue(end(7, 9) + timedelta(seconds=1))


def test_each_clock_has_the_limits_of_the_day_it_starts() -> None:
    """A new regulation does not touch a clock that ran already."""
    limits = load_limits(WHOLE)
    old, new = at(12, 30, year=2024), at(1, 6, year=2025)
    deadlines = clocks(NEW._replace(received=old, items=(item("d", new),), disposed=True), limits, DAYS)
    assert sure(clocks(NEW._replace(received=old), limits, DAYS).verify).due_at == DAYS.due(old, 5)
    assert sure(deadlines.answer).due_at == DAYS.due(new, 2)
    midnight = datetime(2024, 12, 31, 17, 0, tzinfo=UTC)  # the new year has begun in Jakarta
    assert sure(clocks(NEW._replace(received=midnight), limits, DAYS).verify).due_at == DAYS.due(midnight, 1)


def test_the_facts_of_a_report() -> None:
    """Read off the mirror's row."""
    city = City(institution_id="100")
    report = Report(
        tracking_id="1234567",
        upstream_id="1",
        status_name="TUNDA ",
        disposition_id="100",
        classification="Aspirasi",
        created_at=RECEIVED,
    )
    assert clock_facts(report, None, Colour.MERAH, city) == ClockFacts(
        received=RECEIVED,
        items=None,
        colour=Colour.MERAH,
        postponed=True,
        disposed=True,
        with_city=True,
        classification="Aspirasi",
    )
    other = clock_facts(report._replace(status_name="Selesai", disposition_id=None), (), None, city)
    assert (other.postponed, other.disposed, other.with_city) == (False, False, False)


some_time = st.none() | moments("0001-01-02", "9999-12-30")
near_time = moments("2025-01-01", "2026-12-30")
some_item = st.builds(
    item,
    st.sampled_from("darl"),
    some_time | near_time,
    st.sampled_from([None, "A", "B"]),
    st.sampled_from([None, "Tunda", "Dalam Proses"]),
)
some_facts = st.builds(
    ClockFacts,
    received=some_time | near_time,
    items=st.none() | st.lists(some_item, max_size=6).map(tuple),
    colour=st.sampled_from([None, *Colour]),
    postponed=st.booleans(),
    disposed=st.booleans(),
    with_city=st.booleans(),
    classification=st.sampled_from([None, "Aspirasi", "Pengaduan", "Permintaan Informasi"]),
)


@given(some_facts)
def test_whatever_the_facts_the_clocks_hold_together(given_facts: ClockFacts) -> None:
    """Due at a day's last second after the start; never running when closed or postponed; the earliest is next."""
    deadlines = timed(given_facts)
    states = [one for one in (deadlines.verify, deadlines.answer, deadlines.resolve, deadlines.auto_close) if one]
    for one in states:
        assert one.due_at > one.started_at
        assert (one.due_at.hour, one.due_at.minute, one.due_at.second) == (23, 59, 59)
        assert DAYS.is_working(one.due_at.date())
        assert one.paused is given_facts.postponed
    running = [one.due_at for one in states if not one.paused and one.clock is not ClockKind.AUTO_CLOSE]
    assert (deadlines.deadline.due_at if deadlines.deadline else None) == min(running, default=None)
    if given_facts.postponed or given_facts.colour in {Colour.HIJAU, Colour.ABU}:
        assert not running


@given(some_facts, near_time)
def test_reopening_or_repeating_a_disposition_never_moves_a_deadline_later(
    given_facts: ClockFacts, when: datetime
) -> None:
    """The same OPD once more, at the thread's end, gains nobody a day."""
    before = given_facts._replace(items=(item("d", at(7, 7), to="A"),), postponed=False)
    after = before._replace(items=(*before.items, item("r", when), item("d", when, to="A")))  # type: ignore[misc]
    assert timed(after).deadline == timed(before).deadline
