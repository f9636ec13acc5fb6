"""Whether an answer is the report that was meant."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lapor_sync.domain.identity import Match, has_nothing_in_common, match
from lapor_sync.domain.report import Report

AT = datetime(2026, 3, 1, 1, 0, 5, tzinfo=UTC)
KNOWN = Report("7000001", "41", "Terverifikasi", title="Jalan rusak", content="Di depan pasar", created_at=AT)
BY_ID = KNOWN._replace(tracking_id="41", missing=frozenset({"tracking_id"}))
SAME_NUMBER = KNOWN._replace(tracking_id="41")
OF_EXPORT = KNOWN._replace(upstream_id=None)
NO_TRACKING = frozenset({"tracking_id"})
NO_IDS = frozenset({"tracking_id", "upstream_id"})
UNSAID = KNOWN._replace(tracking_id="41", missing=NO_TRACKING)
OTHER_WORDS: dict[str, Any] = {"title": "Lampu mati", "content": "Di taman", "created_at": AT - timedelta(days=3)}


@pytest.mark.parametrize(
    ("known", "found", "is_confirmed", "expected"),
    [
        (KNOWN, KNOWN, True, Match.SAME),
        (KNOWN, KNOWN._replace(**OTHER_WORDS), True, Match.SAME),  # it says which it is
        (KNOWN, KNOWN._replace(tracking_id="8"), True, Match.OTHER),
        (KNOWN, KNOWN._replace(upstream_id="42"), True, Match.OTHER),
        (KNOWN, UNSAID, True, Match.SAME),
        (KNOWN, UNSAID._replace(upstream_id="42"), True, Match.OTHER),
        (KNOWN, UNSAID._replace(**OTHER_WORDS), True, Match.OTHER),
        (KNOWN, UNSAID._replace(title="Jalan berlubang"), True, Match.SAME),  # an edit
        (KNOWN, UNSAID._replace(title="Lampu mati", content="Di taman"), True, Match.UNSAID),
        (KNOWN, UNSAID._replace(**OTHER_WORDS | {"title": "Jalan rusak"}), True, Match.UNSAID),  # a title of many
        (KNOWN, UNSAID._replace(title="Lampu mati", content=""), True, Match.SAME),  # it says too little
        (
            BY_ID,
            UNSAID._replace(title="Lampu mati", content="Di taman"),
            True,
            Match.SAME,
        ),  # nothing else ever told
        (KNOWN, UNSAID._replace(upstream_id=None, missing=NO_IDS), True, Match.SAME),
        (OF_EXPORT, KNOWN, False, Match.SAME),
        (OF_EXPORT, UNSAID, False, Match.SAME),
        (OF_EXPORT, UNSAID._replace(created_at=AT + timedelta(seconds=50)), False, Match.SAME),
        (OF_EXPORT, UNSAID._replace(created_at=AT + timedelta(minutes=2)), False, Match.UNSAID),
        (OF_EXPORT, UNSAID._replace(created_at=None), False, Match.UNSAID),
        (OF_EXPORT, UNSAID._replace(content="Di depan pasar baru"), False, Match.UNSAID),
        (BY_ID, KNOWN, True, Match.SAME),  # from now on it says its Tracking ID
        (BY_ID, KNOWN._replace(**OTHER_WORDS), True, Match.OTHER),
        (BY_ID, KNOWN._replace(upstream_id="42"), True, Match.OTHER),
        (SAME_NUMBER, KNOWN, True, Match.OTHER),  # its Tracking ID was named, and is the same number as its id
        (SAME_NUMBER, UNSAID, True, Match.SAME),
    ],
)
def test_what_an_answer_is_to_a_known_report(
    known: Report, found: Report, is_confirmed: bool, expected: Match
) -> None:
    """The Tracking ID tells; without one the id that was confirmed; without either all of the words."""
    assert match(known, found, is_confirmed=is_confirmed) is expected


def test_one_thing_that_differs_is_an_edit_and_no_other_report() -> None:
    """A title may be corrected; an answer that says nothing but its title cannot be judged by it."""
    assert not has_nothing_in_common(KNOWN, KNOWN._replace(title="Jalan berlubang"))
    assert not has_nothing_in_common(KNOWN, Report("41", "41", "Selesai", title="Lampu"))
    assert has_nothing_in_common(KNOWN, Report("41", "41", "Selesai", title="Lampu", content="Mati"))
    assert has_nothing_in_common(KNOWN, KNOWN._replace(**OTHER_WORDS))
