"""Kiriman: what was written here and what became of it; let go, hold, call off."""

from __future__ import annotations

from collections import Counter

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from lapor_sync import office
from lapor_sync.domain.delivery import State
from lapor_sync.domain.permits import Act, Subject
from lapor_sync.domain.refusals import Code, Refused
from lapor_sync.office import OutboxAct
from lapor_sync.office.finding import subject_of
from lapor_sync.store import outbox, pauses, reports
from lapor_sync.store.database import Work
from lapor_sync.store.outbox import Queued
from lapor_sync.web import session
from lapor_sync.web.failing import Problem, form_on
from lapor_sync.web.guard import board
from lapor_sync.web.pages.sign_in import local

deliveries = Blueprint("deliveries", __name__)
MOST = 200


@deliveries.get("/kiriman")
def page(problem: Problem | None = None, **_of_act: str) -> str:
    """The deliveries that the person may see, the newest first."""
    session.actors()
    given = request.args.get("state", "")
    state = State(given) if given in set(State) else None
    with board().store.reading() as work:
        visible = [(one, subject) for one, subject in _with_subjects(work) if session.allowed(Act.SEE, subject)]
        listed = [(one, subject) for one, subject in visible if state is None or one.state is state][:MOST]
        shown = [(one, session.allowed(Act.MOVE_DELIVERY, subject) is not None) for one, subject in listed]
        why = outbox.last_words(work, [one for one, _ in shown])
        titles = reports.load(work, {one.tracking_id for one, _ in shown})
        pause = pauses.current(work)
    return render_template(
        "deliveries.html",
        problem=problem,
        shown=shown,
        counts=Counter(one.state for one, _ in visible),
        state=state,
        why=why,
        reports=titles,
        pause=pause,
        now=board().store.clock.now(),
    )


def _with_subjects(work: Work) -> list[tuple[Queued, Subject]]:
    """Every delivery with the report that it is for, the newest first."""
    found = outbox.listing(work)[::-1]
    mirrored = reports.load(work, {one.tracking_id for one in found})
    return [
        (
            one,
            subject_of(mirrored[one.tracking_id])
            if one.tracking_id in mirrored
            else Subject(tracking_id=one.tracking_id, opd=one.delivery.opd),
        )
        for one in found
    ]


@deliveries.post("/kiriman/<ref>/<act>")
@form_on(page)
def change(ref: str, act: str) -> Response:
    """Let go, hold or call off, exactly as `office.change` does it."""
    if act not in set(OutboxAct):
        abort(404)
    with board().store.reading() as work:
        one = outbox.get(work, ref.strip().upper())
        found = reports.load(work, [one.tracking_id]) if one is not None else {}
    if one is None:
        raise Refused(Code.DELIVERY_UNKNOWN, given=ref)
    subject = next(map(subject_of, found.values()), Subject(tracking_id=one.tracking_id, opd=one.delivery.opd))
    if session.allowed(Act.SEE, subject) is None:
        raise Refused(Code.DELIVERY_UNKNOWN, given=ref)
    office.change(board().judging, session.demand(Act.MOVE_DELIVERY, subject), OutboxAct(act), one.ref)
    back = request.form.get("next")
    return redirect(local(back) if back else url_for("deliveries.page"), 303)
