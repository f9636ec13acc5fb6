"""One line of `check`: a question, its answer, and what to do; and what lines of several headings say."""

from __future__ import annotations

from dataclasses import dataclass, field

from lapor_sync.domain.advice import Advice
from lapor_sync.domain.errors import LaporSyncError, Missing, SettingsWrong
from lapor_sync.words.en import advised

OK, LOOK, WRONG = "ok", "look", "WRONG"
"""Fine; a person should know; does not work as it is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One question, its answer, and what to do; `verdict` is OK, LOOK or WRONG."""

    question: str
    answer: str
    verdict: str = OK
    todo: str = ""
    is_setting: bool = False


def setting_wrong(question: str, answer: str, todo: Advice | str = SettingsWrong.todo) -> Line:
    """Return the line of a setting that is wrong: it makes the exit code 2."""
    return Line(question=question, answer=answer, verdict=WRONG, todo=advised(todo), is_setting=True)


def todo_of(error: LaporSyncError) -> str:
    """Return what to do, where it is `check` itself that says so."""
    if isinstance(error, Missing):
        return "Compare LAPOR_SYNC_UPSTREAM_URL; if it is right, ask LAPOR's operators about this call."
    return advised(error.todo)


def call_of(what: str, call_id: str) -> str:
    """Return what failed, with the id in its address."""
    return what.replace("{id}", call_id)


NO_THREAD = (
    "LAPOR has the report and does not give its thread: tell its operators which call. Its colour stays, and what is to "
    "be sent to it waits or is held. It is tried again by itself."
)


MAY_BE_ASKED = 5
"""Reports that are tried until one can be read."""


@dataclass
class Known:
    """What calls take about reports of the mirror: some of them, and those whose thread could not be read."""

    ids: list[str] = field(default_factory=list)
    troubled: list[str] = field(default_factory=list)
