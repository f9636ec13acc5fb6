"""Times as the database holds them: ISO 8601 in UTC with microseconds, fixed width."""

from __future__ import annotations

from datetime import datetime
from typing import overload

from lapor_sync.domain.stamps import stamp

to_text = stamp


@overload
def from_text(text: str) -> datetime: ...
@overload
def from_text(text: None) -> None: ...
def from_text(text: str | None) -> datetime | None:
    """The aware datetime of `to_text`'s text; None stays None."""
    return None if text is None else datetime.fromisoformat(text)
