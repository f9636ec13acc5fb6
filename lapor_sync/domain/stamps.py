"""How a moment is written: in columns, JSON, CSV, audit and log alike."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import overload


@overload
def stamp(at: datetime) -> str: ...
@overload
def stamp(at: None) -> None: ...
def stamp(at: datetime | None) -> str | None:
    """Return an aware datetime in ISO 8601, in UTC with microseconds, so that texts sort as moments; None stays None."""
    return None if at is None else _text(at.astimezone(UTC))


@lru_cache(maxsize=1024)
def _text(at: datetime) -> str:
    """Half of a page's times stand in it more than once: when it was read, the ends of days."""
    return at.isoformat(timespec="microseconds")[:26] + "Z"
