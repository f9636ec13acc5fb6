"""TOML of whoever wrote it: what Python reads and cannot show is none."""

from __future__ import annotations

import pytest

from lapor_sync.domain.toml import MOST_LEVELS, TOMLDecodeError, parse_toml


def test_what_a_file_of_ours_holds_is_read() -> None:
    deepest = "[" * MOST_LEVELS + "1" + "]" * MOST_LEVELS
    assert parse_toml(f"name = 'Kota'\nlists = {deepest[1:-1]}\n[table]\nof = {{one = 1}}")["table"] == {
        "of": {"one": 1}
    }


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("name = ", "Invalid value"),
        ("lists = " + "[" * 30 + "]" * 30, "Nested too deep"),
        ("lists = " + "[" * 30 + "1" + "]" * 30, "Nested too deep"),
        ("lists = " + "[" * 5000 + "]" * 5000, "Nested too deep"),
        ("a." * 500_000 + "a = 1", "Nested too deep"),
        ("table = {" + 'a."b".' * 200_000 + "c = 1}", "Nested too deep"),
        ("number = " + "1" * 5000, "A number is too long"),
        ("number = 0x" + "f" * 5000, "A number is too long"),
    ],
)
def test_what_cannot_be_shown_is_no_toml(text: str, what: str) -> None:
    with pytest.raises(TOMLDecodeError, match=what):
        parse_toml(text)
