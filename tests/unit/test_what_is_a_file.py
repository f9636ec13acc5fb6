"""Whether what came under a file's name is one: told in time by its length."""

from __future__ import annotations

import pytest

from connectors.transport.attached_file import why_no_file
from tests.growth import is_linear


@pytest.mark.parametrize(
    "opening", [b" ", b"<!---->", b"<!--", b"<?xml ?>", b"<?xml ", b"<!---->\n", b"<!-- -- > -->"]
)
def test_however_often_something_begins_in_it_it_is_told_at_once(opening: bytes) -> None:
    """Comments one after the other took longer than anybody waits: each may end where any later one does."""

    def told(body: bytes) -> str | None:
        return why_no_file(200, body, "image/jpeg", "jpg", is_measured=True)

    assert is_linear(told, lambda size: opening * (size // len(opening)), 16_000)
