"""When a token ends, where it says so."""

from __future__ import annotations

import pytest

from lapor_sync.domain.json_web_token import ends_at

NO_ENDS = (
    "",
    "abc",
    "a.b",
    "a.b.c",
    "e30.e30.x",
    "e30.WzFd.x",
    "e30.eyJleHAiOiJ4In0.x",
    "e30.eyJleHAiOjFlNDAwfQ.x",
)


@pytest.mark.parametrize("value", NO_ENDS)
def test_what_is_no_token_with_an_end_says_nothing_of_one(value: str) -> None:
    """A bearer is opaque as a rule."""
    assert ends_at(value) is None
