"""Who may do what: one table. Whoever draws a form asks it first, and the act asks it again in its transaction.

A report is an OPD's own where it is disposed to it. What a post may not even see is not told to be there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from lapor_sync.domain.colour import CLOSED, Colour
from lapor_sync.domain.people import Actor, Post, Role
from lapor_sync.domain.refusals import Code, Refused


class Act(StrEnum):
    """What somebody may want to do. The first ones are to one report, the others to the whole city."""

    SEE = "see"  # a report with thread and files; of a rahasia one that it is there
    SEE_SECRET = "see_secret"  # what a rahasia report says
    SEE_REPORTER = "see_reporter"  # the citizen's name, where it is known
    ANSWER = "answer"  # write a response
    MOVE_DELIVERY = "move_delivery"  # hold it, call it off, let it go where nothing is in doubt
    HAND_OVER = "hand_over"  # say that another institution is in charge
    NOTE = "note"  # an internal note
    INSTRUCT = "instruct"  # an instruction of a leader
    SETTLE = "settle"  # a conflict
    PAUSE = "pause"  # let no delivery leave, and let them leave again
    SEE_SYSTEM = "see_system"  # outages, quarantine, queue
    SEE_FIGURES = "see_figures"  # the OPDs' table, the recap
    FIX_RECAP = "fix_recap"  # keep the figures that are given away
    SEE_AUDIT = "see_audit"
    MANAGE_PEOPLE = "manage_people"  # accounts, posts, hand-over of a post
    WITHHOLD = "withhold"  # hold back or erase what the mirror keeps of a citizen, and see all of it


class Reach(StrEnum):
    """Whose reports an act of a role reaches."""

    OWN = "own"
    ALL = "all"


_ANSWERS = dict.fromkeys(
    (Act.SEE, Act.SEE_SECRET, Act.SEE_REPORTER, Act.ANSWER, Act.MOVE_DELIVERY, Act.HAND_OVER, Act.NOTE), Reach.OWN
)

MAY: Mapping[Role, Mapping[Act, Reach]] = {
    Role.OFFICER: _ANSWERS | {Act.SEE_FIGURES: Reach.OWN},
    Role.ADMIN: dict.fromkeys(set(Act) - {Act.INSTRUCT}, Reach.ALL),
    Role.LEADER: {Act.SEE: Reach.OWN, Act.INSTRUCT: Reach.OWN, Act.SEE_FIGURES: Reach.OWN},
    Role.INSPECTOR: dict.fromkeys((Act.SEE, Act.SEE_FIGURES, Act.SEE_SYSTEM, Act.SEE_AUDIT), Reach.ALL),
}
"""The table. What a role does not name it may not do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The report that an act is to, as far as permits ask; `opd` is where it is disposed, None for the city itself."""

    tracking_id: str
    opd: str | None
    colour: Colour | None = None
    status_name: str | None = None
    is_vanished: bool = False


_NEEDS_OPEN = frozenset({Act.ANSWER, Act.HAND_OVER})


def may(actor: Actor, act: Act, subject: Subject | None = None) -> Refused | None:
    """Return why the actor may not do it; None where they may. `subject` is None for what is of the whole city."""
    if actor.post is None and actor.person_id is not None:
        return Refused(Code.NO_POST)
    if actor.post is not None and (refused := _of_post(actor.post, act, subject)):
        return refused
    return _of_state(subject) if subject is not None and act in _NEEDS_OPEN else None


def _of_post(post: Post, act: Act, subject: Subject | None) -> Refused | None:
    reach = MAY[post.role].get(act)
    if reach is None:
        return Refused(Code.NOT_THE_POSTS, act=act, role=post.role)
    if reach is Reach.OWN and post.opd is not None and subject is not None and subject.opd != post.opd:
        return Refused(Code.OTHER_OPD, tracking_id=subject.tracking_id, opd=post.opd)
    return None


def _of_state(subject: Subject) -> Refused | None:
    """A closed report takes no word, and of one that is gone nothing could be read back."""
    if subject.colour in CLOSED:
        return Refused(
            Code.REPORT_CLOSED,
            tracking_id=subject.tracking_id,
            colour=subject.colour,
            status_name=subject.status_name,
        )
    if subject.is_vanished:
        return Refused(Code.REPORT_VANISHED, tracking_id=subject.tracking_id)
    return None


def demand(actor: Actor, act: Act, subject: Subject | None = None) -> None:
    """Raise Refused where the actor may not do it."""
    if refused := may(actor, act, subject):
        raise refused


def reach(post: Post, act: Act) -> str | None:
    """Return the one OPD to which an act of this post is bound; None where it reaches all.

    Raises Refused where the post may not do it at all. For lists: what they show is bound in the query itself.
    """
    if refused := may(Actor("", post), act):
        raise refused
    return post.opd if MAY[post.role][act] is Reach.OWN else None
