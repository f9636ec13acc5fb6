"""What happened to a report, as codes with facts: the sentence for each stands in `words`, once for each language."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from lapor_sync.domain.colour import Colour
from lapor_sync.domain.delivery import Kind, Reason, State
from lapor_sync.domain.report import Report, ThreadItem

RECEIVED, SAID, AWAY, BACK = "received", "said", "away", "back"
"""The codes of what was not done here; each other code is the audit's own."""


class Happening(NamedTuple):
    """One thing that happened; `at` None where nobody knows when.

    `who` is as the audit or the thread has it, None where nobody is named. `facts` is None for an audit row that cannot
    be read.
    """

    at: datetime | None
    who: str | None
    what: str
    facts: Mapping[str, Any] | None


def received(report: Report) -> Happening:
    """Return that a citizen's report came in."""
    return Happening(report.created_at, None, RECEIVED, {})


def said(item: ThreadItem) -> Happening:
    """Return what somebody said or did at LAPOR."""
    facts = {"kind": item.kind, "to": item.institution_to, "status": item.status_new}
    return Happening(item.created_at, item.author or None, SAID, facts)


def done(at: datetime | None, who: str, what: str, data: Mapping[str, Any] | None) -> Happening:
    """Return what the audit tells of an act, its facts typed; None for them where they are not what that act has."""
    try:
        facts = None if data is None else {name: _typed(what, name, value) for name, value in data.items()}
    except (ValueError, TypeError):
        facts = None
    return Happening(at, who, what, facts)


def _typed(what: str, name: str, value: Any) -> Any:
    return _TYPES.get((what, name), _as_it_is)(value)


def _as_it_is(value: Any) -> Any:
    return value


def _colour(value: str | None) -> Colour | None:
    return Colour(value) if value else None


_TYPES: Mapping[tuple[str, str], Callable[[Any], Any]] = {
    ("colour", "before"): _colour,
    ("colour", "after"): _colour,
    ("delivery_written", "kind"): Kind,
    ("delivery_moved", "from"): State,
    ("delivery_moved", "to"): State,
    ("delivery_moved", "reason"): Reason,
}


_BEFORE_ALL = datetime.min.replace(tzinfo=UTC)


def in_order(happenings: Iterable[Happening]) -> list[Happening]:
    """Return them in order of time, those of which nobody knows when first."""
    return sorted(happenings, key=lambda one: one.at or _BEFORE_ALL)
