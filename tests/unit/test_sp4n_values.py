"""Single values in every form that was seen or that such systems are known for."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connectors.sp4n_v3 import values

WIB = ZoneInfo("Asia/Jakarta")

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("given_", "read"),
    [
        (123, "123"),
        ("123", "123"),
        (" 123 ", "123"),
        (123.0, "123"),
        (0, "0"),
        ("a-1", "a-1"),
        (10**63, "1" + "0" * 63),
        (10**64, None),
        ("9" * 64, "9" * 64),
        ("9" * 65, None),
        (123.5, None),
        (float("inf"), None),
        (float("nan"), None),
        (1e300, None),
        (True, None),
        (False, None),
        ("", None),
        ("  ", None),
        (None, None),
        ([1], None),
        ({"id": 1}, None),
    ],
)
def test_an_id_is_a_number_or_a_string(given_: object, read: str | None) -> None:
    """A boolean is none, though Python takes it for a number."""
    assert values.identifier(given_) == read


@pytest.mark.parametrize("value", [1, "1", True, "true", "TRUE", "ya", "rahasia", 2, 1.0])
def test_whatever_does_not_say_no_is_a_yes(value: object) -> None:
    """Better hidden than shown by mistake."""
    assert values.flag(value) is True


@pytest.mark.parametrize(
    "value", [0, "0", False, "false", "False ", "tidak", "no", "n", "off", "", None, "null", 0.0]
)
def test_the_forms_of_no(value: object) -> None:
    """As PHP and people write it."""
    assert values.flag(value) is False


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("05-01-2026 10:20:30", "2026-01-05T03:20:30"),
        ("5-1-2026 10:20", "2026-01-05T03:20:00"),
        ("05/01/2026 10:20:30", "2026-01-05T03:20:30"),
        ("2026-01-05 10:20:30", "2026-01-05T03:20:30"),
        ("2026-01-05T10:20:30", "2026-01-05T03:20:30"),
        (" 2026-01-05T10:20:30 ", "2026-01-05T03:20:30"),
        ("2026-01-05T10:20:30Z", "2026-01-05T10:20:30"),
        ("2026-01-05t10:20:30z", "2026-01-05T10:20:30"),
        ("2026-01-05T10:20:30.000000Z", "2026-01-05T10:20:30"),
        ("2026-01-05 10:20:30.5", "2026-01-05T03:20:30.500000"),
        ("2026-01-05T10:20:30.123456789Z", "2026-01-05T10:20:30.123456"),
        ("2026-01-05T10:20:30+08:00", "2026-01-05T02:20:30"),
        ("2026-01-05T10:20:30-0330", "2026-01-05T13:50:30"),
        ("2026-01-05T10:20:30+07", "2026-01-05T03:20:30"),
        ("2026-01-05 10:20:30 +07:00", "2026-01-05T03:20:30"),
        ("05-01-2026 00:00:00", "2026-01-04T17:00:00"),
    ],
)
def test_a_time_is_read_in_both_forms(text: str, utc: str) -> None:
    """Without an offset it is the upstream's local time."""
    read, is_day = values.moment(text, WIB)
    assert read == datetime.fromisoformat(utc).replace(tzinfo=UTC)
    assert read is not None
    assert read.tzinfo is UTC
    assert is_day is False


@pytest.mark.parametrize("text", ["2026-01-05", "05-01-2026", "5/1/2026"])
def test_a_date_alone_is_a_day(text: str) -> None:
    """Its first moment in the upstream's zone, marked as a day."""
    assert values.moment(text, WIB) == (datetime(2026, 1, 4, 17, tzinfo=UTC), True)


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "  ",
        "-",
        "null",
        False,
        "0000-00-00 00:00:00",
        "0000-00-00",
        "00-00-0000 00:00:00",
        "-0001-11-30T00:00:00.000000Z",
        "0001-01-01T00:00:00Z",
    ],
)
def test_the_empty_forms_are_no_date(value: object) -> None:
    """MySQL's, Carbon's and Go's ways to say none."""
    assert values.moment(value, WIB) == (None, False)


@pytest.mark.parametrize(
    "value",
    [
        "31-02-2026 10:00:00",
        "31-02-20xx 25:61:00",
        "2026-13-01",
        "2026-01-05T25:00:00",
        "2026-01-05T10:00:60",
        "2026-01-05T10:00:00+99:00",
        "9999-12-31T23:59:59-12:00",
        "kemarin",
        "2026",
        "٢٠٢٦-٠١-٠٥",
        "05-01-26 10:00:00",
        46025,
        True,
        [],
        {},
    ],
)
def test_anything_else_is_no_date_and_says_so(value: object) -> None:
    """Never a guess."""
    with pytest.raises(ValueError, match=r".+"):
        values.moment(value, WIB)
    assert values.moment_or_none(value, WIB) is None


@given(
    st.datetimes(datetime.fromisoformat("1990-01-02"), datetime.fromisoformat("2199-12-30")),
    st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)
def test_a_written_time_is_read_back(local: datetime, zone: timezone) -> None:
    """In every offset, in ISO with and in `d-m-Y` without."""
    aware = local.replace(tzinfo=zone)
    assert values.moment(aware.isoformat(), WIB) == (aware, False)
    assert values.moment(f"{local:%d-%m-%Y %H:%M:%S}", zone) == (aware.replace(microsecond=0), False)


@given(JSON | st.from_regex(r"[-0-9/: TZ+.]{0,32}", fullmatch=True))
@example("0002-01-01T00:00:00+14:00")
@example("9999-12-31 23:59:59")
def test_no_json_value_breaks_a_reader(value: object) -> None:
    """A value or its absence; a ValueError from `moment` alone."""
    key = values.identifier(value)
    assert key is None or 0 < len(key) <= values.MAX_ID
    assert isinstance(values.flag(value), bool)
    assert isinstance(values.text_of(value), str)
    assert values.text_or_none(value) != ""
    for read in (values.name_of, values.pointer, values.joined):
        assert read(value) is None or read(value)
    assert isinstance(values.mapping(value), dict)
    values.raw_text(value).encode()
    assert len(values.hash_of(value)) == 16
    try:
        read_at, is_day = values.moment(value, WIB)
    except ValueError:
        return
    assert read_at is None or read_at.tzinfo is UTC
    assert isinstance(is_day, bool)


@given(st.dictionaries(st.text(max_size=5), JSON, max_size=6))
def test_key_order_and_space_do_not_change_the_hash(row: dict[str, object]) -> None:
    """The same row written otherwise is the same row."""
    backwards = dict(reversed(row.items()))
    reread = json.loads(json.dumps(row, indent=2))
    assert values.hash_of(row) == values.hash_of(backwards)
    if row == row and reread == row:
        assert values.hash_of(reread) == values.hash_of(row)


def test_the_hash_is_what_the_canonical_form_says() -> None:
    """Stored hashes must mean the same after an upgrade."""
    assert values.hash_of({"b": 1, "a": "é"}).hex() == "bca252ac1b47464aee081f73d65d1904"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": "\ud800é"}, '{"a":"\ufffdé"}'),
        ([2**70, None], "[1180591620717411303424,null]"),
        (float("nan"), "null"),
    ],
)
def test_any_value_can_be_kept_as_text_and_hashed(value: object, text: str) -> None:
    """What no database stores is replaced; a number keeps all its digits."""
    assert values.raw_text(value) == text
    assert values.hash_of(value) == values.hash_of(json.loads(text))


@given(JSON)
def test_stored_values_hold_nothing_that_a_database_refuses(value: object) -> None:
    """No lone surrogate, no NUL, no abyss."""
    sound = values.storable(value)
    text = json.dumps(sound, ensure_ascii=False)
    assert "\\u0000" not in text.replace("\\\\", "")
    text.encode()
    assert values.is_shallow(sound)


def test_what_is_nested_too_deep_becomes_null() -> None:
    """The rest of it stays."""
    deep: object = "core"
    for _ in range(values.MAX_DEPTH + 1):
        deep = {"a": deep}
    assert not values.is_shallow(deep)
    assert values.is_shallow(values.storable({"keep": 1, "deep": deep}))
    assert values.storable({"keep": [1], "x\x00": "\ud800"}) == {"keep": [1], "x\ufffd": "\ufffd"}


@given(st.text(max_size=30))
@example("007")
@example("0")
@example("999999999999999999")
@example("1000000000000000000")
def test_an_identity_fits_64_bits_and_is_the_number_itself_where_it_can_be(key: str) -> None:
    """So a long listing is counted in little memory."""
    number = values.identity(key)
    assert 0 <= number < 2**64
    if key.isascii() and key.isdecimal() and not key.startswith("0") and len(key) < 19:
        assert number == int(key)


def test_ids_that_look_alike_are_not_the_same() -> None:
    """A leading zero counts."""
    assert values.identity("007") != values.identity("7")


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("jalan, lampu", "jalan, lampu"),
        (["jalan", {"name": "lampu"}, None, ""], "jalan, lampu"),
        ([], None),
        ("", None),
        (7, "7"),
    ],
)
def test_tags_are_a_text_or_a_list(value: object, read: str | None) -> None:
    """Either way one text."""
    assert values.joined(value) == read


@pytest.mark.parametrize(
    ("value", "read"),
    [(5, "5"), ({"id": "5"}, "5"), (0, None), ("0", None), ({"id": 0}, None), (None, None), ({}, None)],
)
def test_a_pointer_to_nothing_is_none(value: object, read: str | None) -> None:
    """PHP writes 0 where nothing is pointed to."""
    assert values.pointer(value) == read


@pytest.mark.parametrize(
    ("value", "read"),
    [(1.5, "1.5"), (4, "4"), (4.0, "4"), (True, ""), (None, ""), ({}, ""), (" a\x00 ", "a\ufffd")],
)
def test_a_text_is_a_text_or_a_number(value: object, read: str) -> None:
    """Anything else is no text."""
    assert values.text_of(value) == read


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("https://s3.test/a.jpg?X-Amz-Expires=9&X-Amz-Signature=abc", "https://s3.test/a.jpg?X-Amz-Signature=def"),
        ("https://lapor.test/f/1?expires=17&signature=abc", "https://lapor.test/f/1?expires=18&signature=d%2Fe"),
        ("https://blob.test/a.jpg?sv=1&sig=abc%3D", "https://blob.test/a.jpg?sv=2&sig=x"),
    ],
)
def test_a_newly_signed_address_is_no_change(first: str, second: str) -> None:
    """Else each report with a file would look changed at each reading, also where files are a text of JSON."""
    for wrapped in (lambda url: {"path": url}, lambda url: {"attachments": json.dumps([{"path": url, "id": 1}])}):
        assert values.hash_of(wrapped(first)) == values.hash_of(wrapped(second))
        assert values.hash_of(wrapped(first)) != values.hash_of(wrapped(second.replace(".test/", ".test/b/")))
    assert values.hash_of("a?b=1") != values.hash_of("a?b=2")
    assert values.hash_of("Apa?signature=1 lama") != values.hash_of("Apa?signature=1 baru")
