"""Filters of the list that a person gives a name. They are no act on the city, so the audit tells nothing of them."""

from __future__ import annotations

from lapor_sync.domain.people import SignedIn, by_oneself, name_of
from lapor_sync.domain.refusals import Code, Refused
from lapor_sync.store import saved_filters
from lapor_sync.store.database import Store

MOST = 30
LONGEST_NAME = 60


def keep(store: Store, who: SignedIn, name: str, query: str) -> None:
    """Keep a filter under a name, in place of the person's that has it. Raises Refused."""
    called = name_of(name)
    if called is None or len(called) > LONGEST_NAME:
        raise Refused(Code.TITLE_UNUSABLE, most=LONGEST_NAME)
    with store.work(by_oneself(who.person_id)) as work:
        saved_filters.put(work, who.person_id, called, query)
        if len(saved_filters.of_person(work, who.person_id)) > MOST:
            raise Refused(Code.TOO_MANY_KEPT, most=MOST)


def remove(store: Store, who: SignedIn, filter_id: str) -> None:
    """Keep a filter no more; one that is gone already, or another person's, is left as it is."""
    with store.work(by_oneself(who.person_id)) as work:
        saved_filters.remove(work, who.person_id, filter_id)
