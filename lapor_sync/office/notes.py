"""Internal notes, and a leader's instructions: words to each other, which never go to LAPOR."""

from __future__ import annotations

from datetime import date, timedelta

from lapor_sync.domain.people import Actor
from lapor_sync.domain.permits import Act, demand
from lapor_sync.domain.refusals import Code, Refused
from lapor_sync.domain.thread import has_words
from lapor_sync.office.acting import acting
from lapor_sync.office.finding import known_report, subject_of
from lapor_sync.office.wording import kept_text
from lapor_sync.store import notes
from lapor_sync.store.database import Store
from lapor_sync.store.notes import Note

AGAIN = timedelta(hours=1)
"""Within this the same words, one after the other, are a button that was pressed twice, or a page that was sent again: a
note is never taken away. Later they are news."""


def write_note(store: Store, actor: Actor, given_id: str, text: str) -> str:
    """Leave an internal note on a report; its number. Raises Refused."""
    return _write(store, actor, Act.NOTE, given_id, text, None)


def instruct(store: Store, actor: Actor, given_id: str, text: str, until: date | None) -> str:
    """Leave an instruction on a report, to be carried out until that day; its number. Raises Refused."""
    return _write(store, actor, Act.INSTRUCT, given_id, text, until)


def _write(store: Store, actor: Actor, act: Act, given_id: str, text: str, until: date | None) -> str:
    with acting(store, actor) as work:
        report = known_report(work, given_id)
        demand(actor, act, subject_of(report))
        if not has_words(text):
            raise Refused(Code.NOTE_EMPTY)
        words = kept_text(text.strip())
        last = next(reversed(notes.of_report(work, report.tracking_id)), None)
        if last is not None and last.written_at > work.now - AGAIN and _is(last, actor, words, until):
            return last.id
        return notes.add(work, report.tracking_id, words, is_instruction=act is Act.INSTRUCT, day=until)


def _is(note: Note, actor: Actor, words: str, until: date | None) -> bool:
    return (note.by, note.text, note.day) == (actor.who, words, until)
