"""Whether what upstream answers is the report that was meant. Source: rules, "Which report it is".

A report that is known from an export is asked for by its Tracking ID, and the API's own ids may be the same numbers: so
an answer may be about another citizen.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
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
    names_itself = not is_by_id(found)
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


def is_by_id(report: Report) -> bool:
    """Return whether a report, or what was read of one, has its id alone: nobody named its Tracking ID, which may be the
    same number."""
    return "tracking_id" in report.missing


def has_nothing_in_common(known: Report, found: Report) -> bool:
    """Return whether all that both say of title, content and minute received differs, two of them at least."""
    told = _agreements(known, found)
    return len(told) > 1 and not any(told)


def has_little_in_common(known: Report, found: Report) -> bool:
    """Return whether they came in at different times, or neither title nor content is the same.

    Neighbours send one text, each for themselves, and two reports of a minute may have one title. What a report says may
    be edited, when it came in is not. Who reads of a report by its Tracking ID, too, knows its words as they are.
    """
    if known.created_at and found.created_at and not _may_be_one(known.created_at, found.created_at):
        return True
    words = _agreed_words(known, found)
    return len(words) == 2 and not any(words)


def reads_the_same(known: Report, found: Report) -> bool:
    """Return whether title, content and the minute received are the same."""
    told = _agreements(known, found)
    return len(told) == 3 and all(told)


def _agreements(known: Report, found: Report) -> list[bool]:
    """Return for title, content and time received whether they agree, as far as both say them."""
    mine, its = _minute(known.created_at), _minute(found.created_at)
    return _agreed_words(known, found) + ([mine == its] if mine and its else [])


def _agreed_words(known: Report, found: Report) -> list[bool]:
    pairs = ((known.title, found.title), (known.content, found.content))
    spoken = [(_spoken(mine), _spoken(its)) for mine, its in pairs]
    return [mine == its for mine, its in spoken if mine and its]


def _spoken(text: str) -> str:
    return talk.words(text).casefold()


def _may_be_one(a: datetime, b: datetime) -> bool:
    """Whether two times may be of one moment: midnight may be all that is known of a day."""
    first, last = sorted((a, b))
    is_of_a_day = first.astimezone(UTC).timetz() in _MIDNIGHTS and last - first < timedelta(days=1)
    return is_of_a_day or _minute(a) == _minute(b)


_MIDNIGHTS = frozenset(time(hour, tzinfo=UTC) for hour in (15, 16, 17))
"""Of Indonesia's three zones."""


def _minute(at: datetime | None) -> datetime | None:
    return at and at.replace(second=0, microsecond=0)
