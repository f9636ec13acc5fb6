"""The transaction of an act: whoever does it by a post holds that post right then, not only when the page was drawn."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lapor_sync.domain.people import Actor
from lapor_sync.domain.refusals import Code, Refused
from lapor_sync.store import people
from lapor_sync.store.database import Store, Work


@contextmanager
def acting(store: Store, actor: Actor) -> Iterator[Work]:
    """Open a write transaction of that actor, in which nobody's tenure ends any more. Raises Refused.

    Writers take turns, so a tenure has ended before it or ends after it. The program and the shell's users hold no post.
    """
    with store.work(actor) as work:
        if actor.person_id is not None and actor.post not in people.posts_of(work, actor.person_id):
            raise Refused(Code.NO_POST)
        yield work
