"""Tugas: what waits for the person, the most urgent first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from flask import Blueprint, redirect, render_template, url_for
from werkzeug.wrappers import Response

from lapor_sync import office
from lapor_sync.domain.calendar import WorkingDays
from lapor_sync.domain.colour import WaitingOn
from lapor_sync.domain.delivery import State
from lapor_sync.domain.people import Actor, Role
from lapor_sync.domain.permits import Act
from lapor_sync.recap.figures import Line
from lapor_sync.store import attendance, drafts, marks, notes, outbox, queries
from lapor_sync.store.marks import Mark
from lapor_sync.store.queries import Within
from lapor_sync.web import session
from lapor_sync.web.guard import board

tasks = Blueprint("tasks", __name__)

SOON = 2
"""Working days: what is due by the end of them comes before the rest."""

MOST = 100
"""So many drafts, instructions, and deliveries that were held or refused are shown, of each."""


@tasks.get("/")
def home() -> Response:
    """The first page."""
    return redirect(url_for("tasks.page"), 303)


@tasks.get("/tugas")
def page() -> str:
    """Instructions; overdue, due today, due soon, written again, closing by itself; drafts; what was held or refused."""
    days, now = board().mirror.rules.working_days, board().store.clock.now()
    with session.looking() as work:
        actors, within, me = session.actors(), session.within(), session.person().person_id
        piles = queries.tasks(
            work,
            within,
            waiting_on=_turn_of(actors),
            today=end_of_day(days, now),
            soon=days.due(now, SOON),
            closing=days.due(now, SOON),
        )
        mine, inherits = drafts.listing(work, me, within, MOST), drafts.is_heir(work, me)
        instructions = notes.unanswered(work, within, MOST)
        stuck = outbox.of_opds(work, within, (State.HELD, State.REFUSED), MOST).rows
        last_success = marks.get_time(work, Mark.LAST_SUCCESS)
        manages = session.allowed(Act.MANAGE_PEOPLE) is not None
        unattended = attendance.unattended(work, board().mirror.rules.city) if manages else ()
    if inherits:
        office.take_over_drafts(board().store, actors[0])
        return page()
    return render_template(
        "tasks.html",
        piles=piles,
        drafts=mine,
        instructions=instructions,
        today=now.astimezone(days.timezone).date(),
        stuck=stuck,
        with_opd=session.sees_opds(within),
        now=now,
        last_success=last_success,
        unattended=unattended,
        standing=list(_standing(within)),
    )


def _standing(within: Within) -> Iterator[tuple[str, Line | None, Line | None]]:
    """How these OPDs, or all of them, stand this month and stood the last one, by name."""
    if (months := board().months()) is None:
        return
    if within is None and any(line.total for line in months.whole):
        yield "Seluruh OPD", *months.whole
    for opd in sorted(within or ()):
        if opd in months.opds:
            yield session.opd_names().get(opd, opd), *months.opds[opd]


def _turn_of(actors: Iterable[Actor]) -> frozenset[WaitingOn]:
    """For whose turn these posts look: who is of the city for all of them, who is of an OPD for its own."""
    is_city = any(actor.post is not None and actor.post.role in {Role.ADMIN, Role.INSPECTOR} for actor in actors)
    return frozenset({WaitingOn.OPD, WaitingOn.ADMIN, WaitingOn.VERIFIER} if is_city else {WaitingOn.OPD})


def end_of_day(days: WorkingDays, now: datetime) -> datetime:
    """Return the last second of the city's day."""
    local = now.astimezone(days.timezone)
    return local.replace(hour=23, minute=59, second=59, microsecond=0)
