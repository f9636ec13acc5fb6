"""Drafts: an answer that its writer has not sent yet."""

from __future__ import annotations

from collections.abc import Collection

from lapor_sync.domain.delivery import State, same_words
from lapor_sync.domain.people import Actor
from lapor_sync.domain.permits import Act, demand
from lapor_sync.domain.refusals import Code, Refused
from lapor_sync.office.acting import acting
from lapor_sync.office.finding import known_report, subject_of
from lapor_sync.office.wording import kept_text
from lapor_sync.store import drafts, outbox
from lapor_sync.store.database import Store, Work


def keep_draft(
    store: Store,
    actor: Actor,
    given_id: str,
    *,
    text: str,
    is_secret: bool,
    seen: str,
    over: str | None = None,
    tried: Collection[str] = (),
) -> str:
    """Keep a person's words for a report until they are sent; where they are empty, keep none. Raises Refused.

    Whoever may write a note may: also of a report that was closed meanwhile nothing that was typed is lost. They take
    the place of no other draft than the one that they were written over: `over` is its version, and returned is theirs.
    `tried` is what the same window sent since then; whether it was kept, it did not hear over a line that broke.
    """
    with acting(store, actor) as work:
        report = known_report(work, given_id)
        demand(actor, Act.NOTE, subject_of(report))
        if actor.person_id is None:
            return ""
        mine, kept = (actor.person_id, report.tracking_id), kept_text(text)
        before = drafts.get(work, *mine)
        if before is not None and before.version != over and before.text not in {kept, *tried}:
            raise Refused(Code.DRAFT_CHANGED)
        if not kept.strip() or _was_sent(work, report.tracking_id, kept):
            drafts.drop(work, *mine)
            return ""
        drafts.put(work, *mine, text=kept, is_secret=is_secret, seen=kept_text(seen))
        return drafts.version_of(kept)


def drop_sent(work: Work, actor: Actor, tracking_id: str, text: str, over: str | None) -> None:
    """Keep a draft no more that was sent: these words, or the version that they were written over."""
    if actor.person_id is None:
        return
    before = drafts.get(work, actor.person_id, tracking_id)
    if before is not None and (before.version == over or before.text.split() == text.split()):
        drafts.drop(work, actor.person_id, tracking_id)


def _was_sent(work: Work, tracking_id: str, text: str) -> bool:
    """Whether these words were queued meanwhile: a page may save its draft in the moment in which it sends it."""
    mine = outbox.of_reports(work, [tracking_id]).get(tracking_id, ())
    return any(one.state not in OVER and same_words(one.delivery.text, text, one.ref) for one in mine)


OVER = frozenset({State.REFUSED, State.CANCELLED})
"""States after which the same words may be written anew."""


def take_over_drafts(store: Store, actor: Actor) -> None:
    """Take over the drafts that came to a person with their post, if there are any."""
    with store.reading() as work:
        if actor.person_id is None or not drafts.is_heir(work, actor.person_id):
            return
    with acting(store, actor) as work:
        drafts.take_over(work, actor.person_id)
