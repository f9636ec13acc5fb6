"""Texts that are used again and again: kept by whoever answers, for their OPD; the admin's are for every OPD."""

from __future__ import annotations

from lapor_sync.domain.people import Actor, name_of
from lapor_sync.domain.permits import Act, demand, reach
from lapor_sync.domain.refusals import Code, Refused
from lapor_sync.domain.thread import has_words
from lapor_sync.office.acting import acting
from lapor_sync.office.wording import kept_text
from lapor_sync.store import own_texts
from lapor_sync.store.database import Store

MOST = 100
"""So many has an OPD, and the city, at most: they are chosen from one list."""
LONGEST_TITLE = 80


def keep(store: Store, actor: Actor, title: str, text: str) -> None:
    """Keep a text under a title, in place of the one that has it; of the actor's OPD. Raises Refused."""
    with acting(store, actor) as work:
        demand(actor, Act.ANSWER)
        called, opd = name_of(title), actor.post.opd if actor.post else None
        if called is None or len(called) > LONGEST_TITLE:
            raise Refused(Code.TITLE_UNUSABLE, most=LONGEST_TITLE)
        if not has_words(text):
            raise Refused(Code.TEXT_EMPTY)
        number = own_texts.put(work, opd, called, kept_text(text.strip()))
        if own_texts.count(work, opd) > MOST:
            raise Refused(Code.TOO_MANY_KEPT, most=MOST)
        work.note("text_kept", f"text {number}", opd=opd)


def remove(store: Store, actor: Actor, text_id: str) -> None:
    """Keep a text no more; one that is gone already, or another OPD's, is left as it is. Raises Refused."""
    with acting(store, actor) as work:
        demand(actor, Act.ANSWER)
        bound = reach(actor.post, Act.ANSWER) if actor.post else None
        found = own_texts.get(work, text_id)
        if found is not None and bound in {None, found.opd}:
            own_texts.remove(work, found.id)
            work.note("text_removed", f"text {found.id}", opd=found.opd)
