"""Who asks: the person of the session, and the post by which they may do what they ask for.

Nobody chooses a post: of several the one acts that permits it. What is permitted `permits` says, and nobody else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from flask import g

from lapor_sync.domain.people import Actor, SignedIn
from lapor_sync.domain.permits import Act, Subject, may, reach
from lapor_sync.domain.refusals import Code, Refused
from lapor_sync.office import people
from lapor_sync.store.database import Work
from lapor_sync.store.queries import Within
from lapor_sync.web.guard import GUEST, board, cookie
from lapor_sync.web.trouble import FactorDue, NoPost, NotSignedIn


def signed_in() -> SignedIn | None:
    """Return the person of this request's session; None where there is none, or it is over."""
    return _signed_in(None)


def _signed_in(look: Work | None) -> SignedIn | None:
    if "signed_in" not in g:
        token = cookie()
        is_whole = token and not token.startswith(GUEST) and not people.is_half(token)
        g.signed_in = people.session(board().store, token, look) if token and is_whole else None
    found: SignedIn | None = g.signed_in
    return found


@contextmanager
def looking() -> Iterator[Work]:
    """A look at one state of the database: who asks is found out in the same as what they ask for."""
    with board().store.reading() as work:
        _signed_in(work)
        yield work


def anybody() -> SignedIn:
    """Return the person of this request, whatever they have to do first. Raises NotSignedIn."""
    found = signed_in()
    if found is None:
        raise NotSignedIn
    return found


def person() -> SignedIn:
    """Return the person of this request. Raises NotSignedIn, FactorDue."""
    found = anybody()
    if lacks_factor(found):
        raise FactorDue
    return found


def lacks_factor(who: SignedIn) -> bool:
    """Return whether somebody must set up a second factor before anything else."""
    return not who.has_factor and board().second_factor.is_due(who.posts)


def actors() -> tuple[Actor, ...]:
    """Return the person in each of their posts. Raises NotSignedIn, FactorDue, NoPost."""
    found = person().actors
    if not found:
        raise NoPost
    return found


def allowed(act: Act, subject: Subject | None = None) -> Actor | None:
    """Return the person in the post that permits it; None where none does."""
    return next((actor for actor in actors() if may(actor, act, subject) is None), None)


def demand(act: Act, subject: Subject | None = None) -> Actor:
    """Return the person in the post that permits it. Raises Refused."""
    refusals = []
    for actor in actors():
        refused = may(actor, act, subject)
        if refused is None:
            return actor
        refusals.append(refused)
    raise min(refusals, key=lambda one: _FAR.get(one.code, 0))


_FAR = {Code.NOT_THE_POSTS: 2, Code.OTHER_OPD: 1}
"""What stands in the way last says more than that another post has nothing to do with it."""


def demand_seeing(subject: Subject) -> Actor:
    """Return the person in a post that sees this report. Raises Refused as if it were not there."""
    found = allowed(Act.SEE, subject)
    if found is None:
        raise Refused(Code.REPORT_UNKNOWN, given=subject.tracking_id)
    return found


def opd_names() -> Mapping[str, str]:
    """Return the names of the OPDs at which the person of this request holds posts, by id."""
    return anybody().opd_names


def sees_opds(within: Within) -> bool:
    """Return whether a list within these OPDs says of which one each report is: of the own one alone it need not."""
    return within is None or len(within) != 1


def within(act: Act = Act.SEE) -> Within:
    """Return the OPDs to which the act is bound, those of all posts that may do it; None where one reaches all."""
    found: set[str] = set()
    for actor in actors():
        if actor.post is None or may(actor, act) is not None:
            continue
        bound = reach(actor.post, act)
        if bound is None:
            return None
        found.add(bound)
    return frozenset(found)
