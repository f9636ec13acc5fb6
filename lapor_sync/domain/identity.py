"""Whether what upstream answers is the report that was meant. Source: rules, "Which report it is".

A report that is known from an export is asked for by its Tracking ID, and the API's own ids may be the same numbers: so
an answer may be about another citizen.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from lapor_sync.domain import thread as talk
from lapor_sync.domain.report import Report


class Match(StrEnum):
    """What an answer is to a known report."""

    SAME = "same"
    UNSAID = "unsaid"  # it names no Tracking ID, and nothing else tells
    OTHER = "other"


def match(known: Report, found: Report, *, is_confirmed: bool) -> Match:
    """Return what `found`, a row or an answer of the API, is to a known report.

    `is_confirmed`: the API has shown this report before under the id by which it was asked for now. Then an answer
    without a Tracking ID is the same one, unless it has nothing in common with it; little, where one was named before.
    """
    names_itself = "tracking_id" not in found.missing
    if names_itself and found.tracking_id != known.tracking_id:
        was_without = is_by_id(known) and found.upstream_id == known.upstream_id
        return Match.SAME if was_without and reads_the_same(known, found) else Match.OTHER
    if found.upstream_id and known.upstream_id and found.upstream_id != known.upstream_id:
        return Match.OTHER
    if names_itself:
        return Match.SAME
    if is_confirmed and has_nothing_in_common(known, found):
        return Match.OTHER
    if is_confirmed and (is_by_id(known) or not has_little_in_common(known, found)):
        return Match.SAME
    return Match.SAME if reads_the_same(known, found) else Match.UNSAID


def is_by_id(known: Report) -> bool:
    """Return whether a report is known by its id alone: nobody named its Tracking ID, which may be the same number."""
    return "tracking_id" in known.missing


def has_nothing_in_common(known: Report, found: Report) -> bool:
    """Return whether all that both say of title, content and minute received differs, two of them at least."""
    told = _agreements(known, found)
    return len(told) > 1 and not any(told)


def has_little_in_common(known: Report, found: Report) -> bool:
    """Return whether both say title, content and minute received, and at most one of these is the same.

    Two reports of a day may have one title. Who reads of a report by its Tracking ID, too, knows its words as they are.
    """
    told = _agreements(known, found)
    return len(told) == 3 and sum(told) < 2


def reads_the_same(known: Report, found: Report) -> bool:
    """Return whether title, content and the minute received are the same."""
    told = _agreements(known, found)
    return len(told) == 3 and all(told)


def _agreements(known: Report, found: Report) -> list[bool]:
    """Return for title, content and time received whether they agree, as far as both say them."""
    pairs = (
        (_spoken(known.title), _spoken(found.title)),
        (_spoken(known.content), _spoken(found.content)),
        (_minute(known.created_at), _minute(found.created_at)),
    )
    return [mine == its for mine, its in pairs if mine and its]


def _spoken(text: str) -> str:
    return talk.words(text).casefold()


def _minute(at: datetime | None) -> datetime | None:
    return at and at.replace(second=0, microsecond=0)
