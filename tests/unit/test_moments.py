"""Times, however LAPOR's API or its export writes them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.moments import find_moment, moment_of_cells, read_moment
from tests.growth import is_linear

WIB = ZoneInfo("Asia/Jakarta")
NAIVE = datetime(2026, 1, 3, 14, 5, 33)  # noqa: DTZ001  a cell has no zone
T = NAIVE.replace(tzinfo=WIB)
MIDNIGHT = datetime(2026, 1, 3, tzinfo=WIB)


def of_cells(day: object, clock: object) -> datetime | None:
    """The time alone."""
    read = moment_of_cells(day, clock, WIB)
    return read.at if read else None


@pytest.mark.parametrize(
    ("day", "clock", "expected"),
    [
        ("3 Jan 2026", "14:05:33", T),
        ("03 Januari 2026", time(14, 5, 33), T),
        ("3-Jan-2026", datetime(1899, 12, 30, 14, 5, 33), T),  # noqa: DTZ001
        ("3 January 2026", timedelta(hours=14, minutes=5, seconds=33), T),
        ("Sabtu, 3 Jan 2026", "14.05.33 WIB", T),
        ("2026-01-03", "02:05:33 PM", T),
        ("03/01/2026", "2026-01-03 14:05:33", T),
        ("3.1.2026", " 14:05:33 ", T),
        (date(2026, 1, 3), "14:05:33.000", T),
        (MIDNIGHT.replace(tzinfo=None), "14:05:33", T),
        (NAIVE, None, T),
        (NAIVE, "", T),
        ("2026-01-03T14:05:33", "-", T),
        ("3 Jan 2026, pukul 14.05.33 WIB", None, T),
        ("3 Jan 2026", "15:05:33 WITA", T),
        ("3 Jan 2026", "16:05:33 WIT", T),
        ("3 Jan 2026", "pukul 14:05:33", T),
        ("3 Jan 2026", "Pkl. 14.05.33", T),
        ("3 Jan 2026", "14:05:33+07:00", T),
        ("3 Jan 2026", "07:05:33Z", T),
        ("3 Jan 2026 15:05 WITA", "15:05:33", T),
        ("3 Jan 2026", None, MIDNIGHT),
        ("3 Jan 2026", "00:00", MIDNIGHT),
        ("2 Jan 2026", "24:00", MIDNIGHT),
        ("2 Jan 2026", "24.00 WIB", MIDNIGHT),
        ("2 Jan 2026", timedelta(days=1), MIDNIGHT),
        ("3 Jan 2026", "12:00 AM", MIDNIGHT),
        ("3\u00a0Jan\u00a02026", "12:05 pm", MIDNIGHT.replace(hour=12, minute=5)),
        (None, "14:05:33", None),
        ("", None, None),
        ("0000-00-00", "00:00:00", None),
        ("0000-00-00 00:00:00", None, None),
        ("-", None, None),
    ],
)
def test_a_day_and_a_clock_however_they_are_written(day: object, clock: object, expected: datetime | None) -> None:
    """Text in two languages with a zone or none, and Excel's own dates and times."""
    assert of_cells(day, clock) == expected


@pytest.mark.parametrize(
    "written",
    [
        "2026-01-02 09:15:00",
        "02-01-2026 09:15:00",
        "02/01/2026 09:15",
        "2026/01/02 09.15",
        "2 Jan 2026 09:15 WIB",
        "2 Jan 2026 10:15 WITA",
        "2 Jan 2026 11:15 (WIT)",
        "2 Januari 2026 pukul 09:15",
        "2 Januari 2026, jam 09.15 WIB",
        "2 Jan 2026 - 09:15",
        "Jumat, 2 Januari 2026 09:15",
        "Jumat 2 Januari 2026 09:15",
        "Jum\u2019at, 2 Januari 2026 09:15",
        "Jum'at 2 Januari 2026 pukul 09.15 WIB",
        "Fri, 02 Jan 2026 09:15:00 +0700",
        "Fri Jan 02 2026 09:15:00 GMT+0700 (Western Indonesia Time)",
        "January 2, 2026 9:15 AM",
        "09:15 WIB, 2 Januari 2026",
        "09:15:00 02-01-2026",
        "2026-01-02T02:15:00Z",
        "2026-01-02T02:15:00.000000Z",
        "2026-01-02 02:15:00 UTC",
        "2026-01-02T09:15+07:00",
        "2026-01-02T09:15:00+7",
        "2026-01-02 09:15:00 WIB (GMT+7)",
        "\u200e2 Jan 2026 09:15\u202c",
        "2 \ufe0fJanu\u034fari 2026\U000e0001 09:15",
        "1767320100",
        1767320100,
        1767320100.0,
        1767320100000,
        {"date": "2026-01-02 09:15:00.000000", "timezone_type": 3, "timezone": "Asia/Jakarta"},
        {"date": "2026-01-02 10:15:00", "timezone": "Asia/Makassar"},
        {"date": "2026-01-02 10:15:00", "timezone": "WITA"},
        {"date": "2026-01-02 02:15:00", "timezone": "+00:00"},
        {"date": "2026-01-02 09:15:00", "timezone": ""},
        {"$date": "2026-01-02T02:15:00Z"},
        datetime(2026, 1, 2, 2, 15, tzinfo=UTC),
    ],
)
def test_one_moment_in_every_form_is_one_moment(written: object) -> None:
    """A quarter past nine in the morning in Jakarta, however upstream wrote it."""
    assert read_moment(written, WIB) == (datetime(2026, 1, 2, 2, 15, tzinfo=UTC), False)


@pytest.mark.parametrize(
    ("month", "names"),
    [
        (2, "Feb Febr Peb Pebr Pebruari"),
        (3, "Mar Mrt Maret March"),
        (8, "Agu Ags Agt Agst Agus Agust Agustus Aug AGT."),
        (9, "Sep Sept Spt Septem September"),
        (10, "Okt Okto Oct Oktober"),
        (11, "Nov Nop Nopem Nopember"),
        (12, "Des Desem Dec Desember"),
    ],
)
def test_a_month_however_it_is_shortened(month: int, names: str) -> None:
    """By two letters or more of its end, or by the ways of the newspapers."""
    for name in names.split():
        assert read_moment(f"2 {name} 2026 09:15", WIB) == (datetime(2026, month, 2, 2, 15, tzinfo=UTC), False)


@pytest.mark.parametrize("written", ["2 Jan 2026", "Jum\u2019at, 2 Januari 2026", "2026-01-02", date(2026, 1, 2)])
def test_a_day_alone_is_its_first_moment(written: object) -> None:
    """And says that it is a day."""
    assert read_moment(written, WIB) == (datetime(2026, 1, 1, 17, tzinfo=UTC), True)


@pytest.mark.parametrize(
    "written",
    [
        *(None, False, "", " ", "-", "null", 0, "0", "0000-00-00 00:00:00", "00:00:00 0000-00-00"),
        *("0001-01-01T00:00:00Z", "-0001-11-30T00:00:00.000000Z", "1970-01-01 07:00:00", "1970-01-01T00:00:00Z"),
    ],
)
def test_the_ways_to_say_no_date(written: object) -> None:
    """Of MySQL, Carbon, Go, and Unix."""
    assert read_moment(written, WIB) is None


@pytest.mark.parametrize(
    ("names", "month"),
    [
        ("jan Januari JANUARY", 1),
        ("Feb Februari Pebruari", 2),
        ("Mar Maret March", 3),
        ("Apr April", 4),
        ("Mei May", 5),
        ("Jun Juni June", 6),
        ("Jul Juli July", 7),
        ("Agu Ags Agt Agustus Aug August", 8),
        ("Sep Sept September", 9),
        ("Okt Oktober Oct October", 10),
        ("Nov Nop November", 11),
        ("Des Desember Dec December", 12),
    ],
)
def test_months_in_indonesian_and_english(names: str, month: int) -> None:
    """Abbreviated or whole, with a full stop or none."""
    for name in names.split():
        for written in (f"7 {name} 2025", f"7 {name}. 2025", f"07-{name}-2025"):
            read = read_moment(written, UTC)
            assert read is not None
            assert read.at == datetime(2025, month, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "clock"),
    [
        ("kemarin", None),
        ("31 Feb 2026", None),
        ("3 Foo 2026", None),
        ("Foo 3 2026", None),
        ("13/13/2026", None),
        ("3 Jan 26", None),
        ("10.04.05", None),
        ("3 Jan 0026", None),
        ("3 Jan 9999", None),
        (datetime(1900, 1, 1), None),  # noqa: DTZ001
        (46025, None),
        (46025.5, None),
        (float("nan"), None),
        (8123456789, None),
        (10**400, None),
        (True, None),
        ("#VALUE!", None),
        ("3 Jan 2026 25:00", None),
        ("3 Jan 2026 24:01", None),
        ("3 Jan 2026 09:15 WIBB", None),
        ("2026-01-05T10:00:00+99:00", None),
        ("5 Jan 2026 10:00 +07:75", None),
        ({"date": "2026-01-02 09:15:00", "timezone": "Asia/Atlantis"}, None),
        ({"date": "2026-01-02 09:15:00", "timezone": "../../etc/passwd"}, None),
        ({"date": {"date": "2026-01-02 09:15:00"}}, None),
        ({"hari": "Senin"}, None),
        (["2026-01-02"], None),
        (b"2026-01-02", None),
        ("3 Jan 2026", "siang"),
        ("3 Jan 2026", "25:00"),
        ("3 Jan 2026", "14:60"),
        ("3 Jan 2026", "13:00 PM"),
        ("3 Jan 2026", 0.5),
        ("3 Jan 2026", "4 Jan 2026"),
        ("3 Jan 2026", timedelta(days=2)),
        ("3 Jan 2026", timedelta(seconds=-1)),
        ("\u0663 Jan 2026", None),
        ("3 Jan 2026" + " " * 200 + "x", None),
    ],
)
def test_what_is_no_moment_is_refused_not_guessed(day: object, clock: object) -> None:
    """A wrong date would put a deadline in the wrong week."""
    with pytest.raises(ValueError, match=r"."):
        of_cells(day, clock)


@given(
    st.datetimes(datetime.fromisoformat("1990-01-02"), datetime.fromisoformat("2199-12-30")),
    st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)
def test_every_written_date_is_read_back(when: datetime, zone: timezone) -> None:
    """In each of the ways in which such systems write it, in any zone."""
    when = when.replace(microsecond=0, tzinfo=zone)
    month = "JanFebMarAprMeiJunJulAguSepOktNovDes"[3 * when.month - 3 : 3 * when.month]
    told = moment_of_cells(f"{when.day} {month} {when.year}", f"{when:%H:%M:%S}", zone)
    assert told == (when, False)
    assert read_moment(f"{when:%d-%m-%Y %H:%M:%S}", zone) == (when, False)
    assert read_moment(when.isoformat(), WIB) == (when, False)
    assert find_moment(f"Dibuat tanggal {when:%d/%m/%Y %H.%M.%S} oleh admin", zone) == (when, False)


@given(
    st.text()
    | st.integers()
    | st.floats()
    | st.none()
    | st.datetimes()
    | st.times()
    | st.timedeltas()
    | st.dates()
)
def test_any_value_is_read_or_refused(value: object) -> None:
    """Nothing but ValueError comes out."""
    for day, clock in ((value, None), ("3 Jan 2026", value)):
        try:
            moment_of_cells(day, clock, WIB)
        except ValueError:
            continue


@pytest.mark.parametrize("part", ["Senin, ", "1 Jan ", "1.", "09:15 ", "a", "'", "jum'", "2026-01-02 "])
def test_a_long_text_is_read_in_no_time(part: str) -> None:
    """Whoever wrote it: a citizen's text may stand in a date's place."""

    def read(text: str) -> None:
        with pytest.raises(ValueError, match=r"."):
            read_moment(text, WIB)
        find_moment(text, WIB)

    assert is_linear(read, lambda size: part * (size // len(part)), 4_000)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("3 Jan 2026 10:00-11:00", "span"),
        ("03-01-2026 09:15:00-10:00", "span"),
        ("2026-01-03 09:15-10:00", "span"),
        ("Senin, 3 Januari 2026", "no Senin"),
        ("Jum\u2019at, 3 Januari 2026", "no Jum'at"),
        ("Sun Jan 03 2026 09:15:00", "no Sun"),
        ("3 Jan 2026 09.15 WIB (UTC+8)", "two zones"),
        ("3 Jan 2026 09.15 WITA +07:00", "two zones"),
        ("1/3/2026, 9:15:00 AM", "told apart"),
        ("2026010310", "no date"),
        ("2026123124", "no date"),
    ],
)
def test_what_can_be_read_in_two_ways_is_refused(text: str, why: str) -> None:
    """A wrong guess would put a deadline in the wrong week: a span, another weekday, an American order."""
    with pytest.raises(ValueError, match=why):
        read_moment(text, WIB)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("Sabtu, 03/01/2026 09.15", "2026-01-03T02:15:00+00:00"),
        ("Minggu 4 Januari 2026 09.15", "2026-01-04T02:15:00+00:00"),
        ("13/1/2026 9:15 AM", "2026-01-13T02:15:00+00:00"),
        ("1/1/2026 9:15 AM", "2026-01-01T02:15:00+00:00"),
        ("03-01-2026 09:15 AM", "2026-01-03T02:15:00+00:00"),
        ("3 Jan 2026 09.15 WIB +07:00", "2026-01-03T02:15:00+00:00"),
        ("3 Jan 2026 09.15 GMT-5", "2026-01-03T14:15:00+00:00"),
        ("3 Jan 2026 09.15 (UTC-05:00)", "2026-01-03T14:15:00+00:00"),
        ("2026-01-03T09:15-05:00", "2026-01-03T14:15:00+00:00"),
        ("2026-01-03 9:15:00 -0500", "2026-01-03T14:15:00+00:00"),
        ("2035020599", "2034-06-27T11:29:59+00:00"),
    ],
)
def test_what_can_be_read_in_one_way_only_is_read(text: str, at: str) -> None:
    """Each of them beside one that is refused."""
    found = read_moment(text, WIB)
    assert found is not None
    assert found.at.isoformat() == at
