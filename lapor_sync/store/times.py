"""Times as the database holds them: ISO 8601 in UTC with microseconds, fixed width."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import overload


@overload
def to_text(at: datetime) -> str: ...
@overload
def to_text(at: None) -> None: ...
def to_text(at: datetime | None) -> str | None:
    """An aware datetime as text; None stays None."""
    return None if at is None else _text(at.astimezone(UTC))


@lru_cache(maxsize=1024)
def _text(at: datetime) -> str:
    """Half of a page's times stand in it more than once: when it was read, the ends of days."""
    return at.isoformat(timespec="microseconds")[:26] + "Z"


@overload
def from_text(text: str) -> datetime: ...
@overload
def from_text(text: None) -> None: ...
def from_text(text: str | None) -> datetime | None:
    """The aware datetime of `to_text`'s text; None stays None."""
    return None if text is None else datetime.fromisoformat(text)
