"""What happened to a report is one list of codes with facts, said in both languages."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from lapor_sync.domain.colour import Colour
from lapor_sync.domain.delivery import Reason, State
from lapor_sync.domain.happenings import AWAY, BACK, Happening, done, in_order, received, said
from lapor_sync.domain.report import ItemKind
from lapor_sync.words import en
from lapor_sync.words import id as indonesian
from tests.databases import START
from tests.store.samples import item, report

MOVED = {"ref": "LS-AAAAAA", "from": "queued", "to": "held", "reason": "closed_since"}
JUDGED = {"before": None, "after": "merah", "agreed": None, "row": "10", "rules": "1", "decision": "adopt"}


def audited(what: str, data: dict[str, Any] | None) -> Happening:
    return done(START, "lapor-sync", what, data)


@pytest.mark.parametrize(
    ("one", "english", "officers"),
    [
        (received(report()), ("reporter", "report received"), ("Pelapor", "laporan diterima LAPOR")),
        (
            said(item(author="Dinas PU", institution_to=None)),
            ("Dinas PU", "answered"),
            ("Dinas PU", "menjawab"),
        ),
        (
            said(item(kind=ItemKind.DISPOSITION, institution_to="Dinas PU", status_new="Dalam Proses")),
            ("LAPOR", "disposed to Dinas PU (status Dalam Proses)"),
            ("LAPOR", "mendisposisikan ke Dinas PU (status: Dalam Proses)"),
        ),
        (said(item(kind=ItemKind.REPORTER)), ("reporter", "wrote"), ("Pelapor", "menulis")),
        (
            Happening(START, None, AWAY, {"what": "Denied"}),
            ("LAPOR", f"away: {en.outage('Denied')}"),
            ("LAPOR", "tidak menjawab sebagaimana mestinya"),
        ),
        (Happening(START, None, BACK, {}), ("LAPOR", "answers again"), ("LAPOR", "menjawab kembali")),
        (
            audited("delivery_moved", MOVED),
            ("lapor-sync", f"LS-AAAAAA queued -> held: {en.REASONS[Reason.CLOSED_SINCE]}"),
            (
                "lapor-sync",
                f"LS-AAAAAA {indonesian.STATES[State.QUEUED]} → {indonesian.STATES[State.HELD]}: "
                f"{indonesian.REASONS[Reason.CLOSED_SINCE]}",
            ),
        ),
        (
            audited("colour", JUDGED),
            ("lapor-sync", f"new -> merah: {en.ROWS['10']} (row 10, rules 1, adopt)"),
            ("lapor-sync", f"warna kota {indonesian.COLOURS[None]} → merah: {indonesian.ROWS['10']}"),
        ),
        (audited("shown", {}), ("lapor-sync", "looked at it"), ("lapor-sync", "melihat laporan rahasia ini")),
    ],
)
def test_one_happening_has_its_words_in_both_languages(
    one: Happening, english: tuple[str, str], officers: tuple[str, str]
) -> None:
    assert en.happened(one) == english
    found = indonesian.happened(one)
    assert (found[0], found[1].lower()) == (officers[0], officers[1].lower())


def test_the_facts_of_an_act_are_typed() -> None:
    facts = audited("delivery_moved", MOVED).facts
    assert facts is not None
    assert (facts["from"], facts["to"], facts["reason"]) == (State.QUEUED, State.HELD, Reason.CLOSED_SINCE)
    judged = audited("colour", JUDGED).facts
    assert judged is not None
    assert (judged["before"], judged["after"]) == (None, Colour.MERAH)
    assert audited("colour", JUDGED | {"after": ["merah"]}).facts is None
    assert audited("delivery_moved", MOVED | {"reason": "of a later program"}).facts is None


@pytest.mark.parametrize(
    "one",
    [
        audited("delivery_moved", None),
        audited("delivery_moved", {}),
        audited("delivery_moved", MOVED | {"reason": "of a later program"}),
        audited("colour", JUDGED | {"after": ["merah"]}),
        audited("colour", JUDGED | {"row": "99"}),
    ],
    ids=["no JSON", "no facts", "another reason", "no colour", "another row"],
)
def test_a_row_that_cannot_be_read_is_still_shown(one: Happening) -> None:
    assert en.happened(one) == ("lapor-sync", en.UNREADABLE_ROW)
    assert indonesian.happened(one)[1]


def test_they_stand_in_order_of_time_and_those_without_one_first() -> None:
    late, early = Happening(START + timedelta(1), None, BACK, {}), Happening(START, None, AWAY, {})
    unknown = said(item(created_at=None))
    assert in_order([late, early, unknown]) == [unknown, early, late]
