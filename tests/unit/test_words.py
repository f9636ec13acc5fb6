"""The sentences of both languages: every code has one, and each asks only for facts that its code brings."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Formatter
from types import ModuleType
from typing import Any

import pytest

import lapor_sync
from lapor_sync.domain.advice import Todo, advise
from lapor_sync.domain.colour import ROWS, Colour, Flag, WaitingOn
from lapor_sync.domain.delivery import Kind, Reason, State, WhyPaused
from lapor_sync.domain.errors import BadInput, Defect
from lapor_sync.domain.limits import ClockKind
from lapor_sync.domain.people import Role
from lapor_sync.domain.permits import Act
from lapor_sync.domain.questions import MANY_VANISHED, Unsure
from lapor_sync.domain.refusals import Code, Refused
from lapor_sync.domain.report import ItemKind
from lapor_sync.domain.seen import News
from lapor_sync.office import OutboxAct
from lapor_sync.words import Told, by_reason, en, id, listed

LANGUAGES = [en, id]

FACTS: Mapping[str, object] = {
    "act": Act.ANSWER,
    "characters": ("U+0000",),
    "colour": Colour.HIJAU,
    "count": 7,
    "day": "2026-11-02",
    "file_name": "foto.heic",
    "found": "<!-- x",
    "given": "Dinas X",
    "id": "12",
    "least": 12,
    "length": 1003,
    "most": 1000,
    "name": "Dinas PUPR",
    "news": (News.REPORTER_WROTE, News.STATUS_CHANGED),
    "names": {"611": "Dinas PUPR", "612": "Dinas Perkim"},
    "opd": "611",
    "problems": ((3, Refused(Code.TEXT_EMPTY)), (5, Refused(Code.TEXT_EMPTY)), (4, "7x12")),
    "ref": "LS-AAAAAA",
    "role": Role.LEADER,
    "seconds": 30,
    "sign_in": "siti@kota.example",
    "size": 7_000_000,
    "state": State.SENT,
    "status_name": "Diarsipkan",
    "tracking_id": "7001234",
    "types": ("jpg", "pdf"),
}


def refused(code: Code, **others: object) -> Refused:
    """That refusal with likely facts; an act of the outbox is named by its own word."""
    likely = {**FACTS, **({"act": "hold"} if "ref" in code.facts else {}), **others}
    return Refused(code, **{name: likely[name] for name in code.facts})


def said(language: ModuleType) -> Iterator[tuple[Code, str, str]]:
    for code in Code:
        yield (code, *language.told(refused(code)))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_has_two_whole_sentences(language: ModuleType) -> None:
    assert set(language.REFUSALS) == set(Code)
    for code, what, todo in said(language):
        for sentence in (what, todo):
            assert re.fullmatch(r"\S.*[.)]", sentence), (code, sentence)
            assert "{" not in sentence, (code, sentence)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_sentence_asks_for_what_its_code_does_not_bring(language: ModuleType) -> None:
    for code, sentence in language.REFUSALS.items():
        for part in sentence:
            if isinstance(part, str):
                asked = {name for _, name, _, _ in Formatter().parse(part) if name}
                assert asked <= code.facts, (code, part)


def test_what_an_officer_reads_names_no_command_and_no_english() -> None:
    for code, what, todo in said(id):
        assert not re.search(r"lapor-sync|--\w|LAPOR_SYNC|`", what + todo), code
        assert not re.search(r"\b(the|report|with|cannot|delivery|sent|held)\b", what + todo), (code, what, todo)


@pytest.mark.parametrize(
    ("codes", "table"),
    [
        (set(Role), id.ROLES),
        (set(Act), id.ACTS),
        (set(State), id.STATES),
        (set(News), id.NEWS),
        ({*Colour, None}, id.COLOURS),
        ({*Colour, None}, id.COLOUR_MEANS),
        ({*WaitingOn, None}, id.WAITING),
        (set(ROWS), id.ROWS),
        (set(Flag), id.FLAGS),
        (set(ClockKind), id.CLOCKS),
        (set(ItemKind), id.SPEAKERS),
        (set(Kind), id.KINDS),
        (set(Reason), id.REASONS),
        (set(OutboxAct), id.OUTBOX_ACTS),
        (set(id.TroubleKind), id.TROUBLES),
    ],
)
def test_officers_read_every_code_in_indonesian(codes: Any, table: Mapping[Any, Any]) -> None:
    assert set(table) == codes
    assert len(set(table.values())) == len(table)


def noted(place: int) -> set[str]:
    """What the program's sources write into the audit, as an act (place 0) or as what it is about (1)."""
    sources = Path(lapor_sync.__file__).parent.rglob("*.py")
    calls = [call for one in sources for call in ast.walk(ast.parse(one.read_text("utf-8")))]
    written = [call.args[place] for call in calls if isinstance(call, ast.Call) and _notes(call)]
    texts = [one.values[0] if isinstance(one, ast.JoinedStr) else one for one in written]
    return {str(one.value).strip() for one in texts if isinstance(one, ast.Constant)}


def _notes(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and call.func.attr == "note" and len(call.args) == 2


def test_officers_read_every_act_of_the_audit_in_indonesian_and_what_it_is_about() -> None:
    assert noted(0) - set(id.ACTIONS) == set()
    assert noted(1) - set(id.SUBJECTS) == set()
    assert len(set(id.ACTIONS.values())) == len(id.ACTIONS)


@pytest.mark.parametrize(
    ("codes", "table"), [(set(Reason), en.REASONS), (set(ROWS), en.ROWS), (set(WhyPaused), en.PAUSED)]
)
def test_the_command_line_says_every_code_in_english(codes: Any, table: Mapping[Any, str]) -> None:
    assert set(table) == codes
    assert len(set(table.values())) == len(table)
    assert not any("\n" in sentence for sentence in table.values())


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_question_is_told_with_what_more_is_known(language: ModuleType) -> None:
    """Its kind is a reason; the facts are what upstream said, or a code."""
    for reason in Reason:
        assert language.asked(reason.value, {}) == language.REASONS[reason]
        assert language.asked(reason.value, {"said": "HTTP {403}"}).endswith(" (HTTP {403})")
    assert set(language.UNSURE_WHY) == set(Unsure)
    for unsure, why in language.UNSURE_WHY.items():
        assert language.asked("cannot_read_back", {"unsure": unsure.value}).endswith(f" ({why})")
    assert re.search(r"^6 \w+ 10 ", language.asked(MANY_VANISHED, {"missing": 6, "open": 10}))


def test_a_question_of_an_earlier_program_is_told_as_it_was() -> None:
    """It stored its sentence in English, and an officer reads what its kind says."""
    facts = {"told": "6 of 10 open reports are gone"}
    assert en.asked(MANY_VANISHED, facts) == "6 of 10 open reports are gone"
    assert "tidak ditemukan lagi" in id.asked(MANY_VANISHED, facts)
    assert id.asked("closed_since", {"told": "the report was closed"}) == id.REASONS[Reason.CLOSED_SINCE]


def test_a_record_in_quarantine_says_why_by_a_code_or_in_its_reader_s_words() -> None:
    assert en.unread("another_report") == en.REASONS[Reason.ANOTHER_REPORT]
    assert en.unread("no id") == "no id"


ADVICE: Mapping[str, object] = {
    "address": "https://lapor.test/v3",
    "host": "https://lapor.test",
    "most": 10_000,
    "name": "fsync",
    "otherwise": advise(Todo.DOWNLOAD_AGAIN),
    "owner": "lapor",
    "path": "/srv/kota.db",
    "row": 3,
}


@pytest.mark.parametrize("code", Todo)
def test_every_advice_has_a_whole_sentence(code: Todo) -> None:
    """On one line; an advice inside another one is said, too."""
    advice = advise(code, **{name: ADVICE[name] for name in code.facts})
    sentence = en.advised(advice)
    assert re.fullmatch(r"\S.*[.)]", sentence), sentence
    assert not re.search(r"[{}\n]|advice", sentence), sentence
    assert str(advice).startswith(code)


def test_every_sentence_of_an_advice_is_used() -> None:
    assert set(en.TODOS) == set(Todo)


def test_an_advice_without_its_facts_is_a_fault_of_ours() -> None:
    with pytest.raises(TypeError, match="split has the facts none"):
        advise(Todo.SPLIT)
    with pytest.raises(TypeError, match="resume has the facts given"):
        advise(Todo.RESUME, given=7)


def test_what_a_face_raises_brings_its_own_sentence() -> None:
    assert en.told(BadInput("no day", todo="Write it as 2026-01-31.")) == ("no day", "Write it as 2026-01-31.")


def test_a_refusal_without_its_facts_is_a_fault_of_ours() -> None:
    for facts in ({}, {"given": "7", "more": "8"}):
        with pytest.raises(Defect, match="report_unknown"):
            Refused(Code.REPORT_UNKNOWN, **facts)


def test_a_refusal_says_its_code_and_facts_to_a_log() -> None:
    assert str(Refused(Code.REPORT_UNKNOWN, given="7001")) == "report_unknown given=7001"
    assert str(Refused(Code.TEXT_EMPTY)) == "text_empty"


def test_a_report_without_a_status_name_is_said_so() -> None:
    bare = refused(Code.STATUS_UNKNOWN, status_name=None)
    assert en.told(bare)[0].startswith("Report 7001234 has no status name")
    assert id.told(bare)[0].startswith("Laporan 7001234 tanpa status")


@pytest.mark.parametrize(
    ("language", "more"), [(en, " and 2 more."), (id, ", dan 2 lainnya.")], ids=["english", "indonesian"]
)
def test_ten_of_many_opds_are_named(language: ModuleType, more: str) -> None:
    many = refused(Code.OPD_MEANT_TWICE, names={str(n): f"Dinas {n}" for n in range(12)})
    what, _ = language.told(many)
    assert what.endswith(more)
    assert "Dinas 9 (9)" in what
    assert "Dinas 10" not in what


def test_rows_of_one_reason_are_named_together() -> None:
    wrong = refused(Code.ROWS_WRONG)
    assert en.told(wrong)[0] == (
        "3 of 7 rows cannot be taken; none was: rows 3, 5: The text is empty; row 4: 7x12."
    )
    assert "baris 3, 5: Jawaban masih kosong; baris 4: 7x12" in id.told(wrong)[0]


def test_of_very_many_reasons_the_rest_is_numbers() -> None:
    wrong = refused(Code.ROWS_WRONG, problems=tuple((n, f"reason {n}") for n in range(1, 111)))
    assert en.told(wrong)[0].endswith("row 100: reason 100; and rows 101-110, for other reasons.")
    assert id.told(wrong)[0].endswith("dan baris 101-110, karena sebab lain.")


@pytest.mark.parametrize(
    ("numbers", "short"),
    [([3], "3"), ([4, 3], "3, 4"), ([5, 6, 7, 3, 3], "3, 5-7"), ([], ""), (range(2, 9), "2-8")],
)
def test_numbers_in_short(numbers: Any, short: str) -> None:
    assert listed(numbers) == short


def test_a_reason_s_full_stop_is_not_said_twice() -> None:
    assert by_reason([(2, "No such report.")], lambda one: "") == ([([2], "No such report")], [])


def test_a_sentence_may_be_made_from_its_facts() -> None:
    assert isinstance(en.REFUSALS[Code.STATUS_UNKNOWN], Told)
    assert en.told(refused(Code.FILE_TOO_LARGE, most=5_242_880))[0] == (
        "foto.heic is too large: LAPOR takes at most 5 MB."
    )
    assert "paling besar 5 MB" in id.told(refused(Code.FILE_TOO_LARGE, most=5_242_880))[0]
