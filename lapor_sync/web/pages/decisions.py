"""Keputusan: what only a person can settle, with what either choice does; what vanished; what could not be read."""

from __future__ import annotations

from typing import NamedTuple

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from lapor_sync import office
from lapor_sync.domain.permits import Act
from lapor_sync.domain.questions import MANY_VANISHED
from lapor_sync.domain.report import ThreadItem
from lapor_sync.store import conflicts, institutions, outbox, quarantine, reports, threads
from lapor_sync.store.conflicts import Conflict, How
from lapor_sync.store.database import Work
from lapor_sync.store.outbox import Queued
from lapor_sync.store.reports import Mirrored
from lapor_sync.web import session
from lapor_sync.web.failing import Problem, form_on
from lapor_sync.web.guard import board
from lapor_sync.web.trouble import Trouble
from lapor_sync.words.id import TroubleKind

decisions = Blueprint("decisions", __name__)

MOST = 50
LAST = 3
"""So many items of the thread are shown beside a question."""

ASIDE = 50
"""So many records that could not be read are shown at a time."""


class Question(NamedTuple):
    """A conflict with what LAPOR has, what we have, and what can be chosen."""

    conflict: Conflict
    report: Mirrored | None
    items: tuple[ThreadItem, ...]
    delivery: Queued | None

    @property
    def choices(self) -> tuple[How, ...]:
        """What can be chosen."""
        many = self.conflict.kind == MANY_VANISHED
        return (How.ACCEPT_VANISHED,) if many else (How.KEEP_OURS, How.TAKE_UPSTREAM)


@decisions.get("/keputusan")
def page(problem: Problem | None = None, **_of_choice: str) -> str:
    """The questions, the oldest first."""
    session.demand(Act.SETTLE)
    after, skip = (_number(request.args.get(name, "")) for name in ("after", "aside"))
    with board().store.reading() as work:
        found = conflicts.listing(work, after=after, most=MOST + 1)
        count = conflicts.count(work)
        aside = quarantine.listing(work, skip=skip, most=ASIDE)
        aside_count = quarantine.count(work)
        questions = _questions(work, found[:MOST])
        written = [one.delivery for one in questions if one.delivery]
        file_names = outbox.file_names_of(work, [one.ref for one in written])
        names = institutions.names_of(work, {one.target for one in written if one.target})
    seen = skip + len(aside)
    return render_template(
        "decisions.html",
        problem=problem,
        questions=questions,
        file_names=file_names,
        institutions=names,
        count=count,
        more=found[MOST - 1].id if len(found) > MOST else None,
        aside=aside,
        aside_from=skip + 1,
        aside_count=aside_count,
        aside_more=seen if seen < aside_count else None,
    )


def _number(given: str) -> int:
    """A number out of an address; 0 for what is none, or more than a database counts to."""
    return int(given) if given.isascii() and given.isdecimal() and len(given) < 18 else 0


def _questions(work: Work, found: list[Conflict]) -> list[Question]:
    ids = [one.tracking_id for one in found if one.tracking_id]
    known, items = reports.load(work, ids), threads.load(work, ids)
    return [
        Question(
            one,
            known.get(one.tracking_id or ""),
            items.get(one.tracking_id or "", ())[-LAST:],
            outbox.get(work, one.ref) if one.ref else None,
        )
        for one in found
    ]


@decisions.post("/keputusan/<conflict_id>")
@form_on(page)
def choose(conflict_id: str) -> Response:
    """Settle one, exactly as `office.settle` does it. What may have arrived goes again only with a `sure`."""
    actor = session.demand(Act.SETTLE)
    given = request.form.get("choice", "")
    if not conflict_id.isdecimal() or given not in set(How) - {How.BY_ITSELF}:
        abort(404)
    with board().store.reading() as work:
        one = conflicts.get(work, conflict_id)
        written = outbox.get(work, one.ref) if one is not None and one.ref else None
    in_doubt = written is not None and written.delivery.may_have_arrived
    if in_doubt and given == How.KEEP_OURS and "sure" not in request.form:
        raise Trouble(TroubleKind.MAY_STAND_TWICE)
    office.settle(board().mirror, actor, conflict_id, How(given))
    return redirect(url_for("decisions.page"), 303)
