"""Kiriman: what was written here and what became of it; let go, hold, call off."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from lapor_sync import office
from lapor_sync.domain.delivery import State
from lapor_sync.domain.permits import Act, Subject
from lapor_sync.domain.refusals import Code, Refused
from lapor_sync.office import OutboxAct
from lapor_sync.office.finding import subject_of_delivery
from lapor_sync.store import marks, outbox, pauses, reports
from lapor_sync.store.marks import Mark
from lapor_sync.web import session
from lapor_sync.web.failing import Problem, form_on
from lapor_sync.web.guard import board
from lapor_sync.web.pages.sign_in import local
from lapor_sync.web.trouble import Trouble
from lapor_sync.words.id import TroubleKind

deliveries = Blueprint("deliveries", __name__)
MOST = 50


@deliveries.get("/kiriman")
def page(problem: Problem | None = None, **_of_act: str) -> str:
    """The deliveries that the person may see, the newest first."""
    within = session.within()
    given = request.args.get("state", "")
    state = State(given) if given in set(State) else None
    with board().store.reading() as work:
        states, before = (state,) if state else tuple(State), request.args.get("before", "")
        shown, older = outbox.of_opds(
            work, within, states, MOST, before=before if before.isprintable() and before else None
        )
        mirrored = reports.load(work, {one.tracking_id for one in shown})
        return render_template(
            "deliveries.html",
            problem=problem,
            shown=[(one, _may_move(subject_of_delivery(one, mirrored.get(one.tracking_id)))) for one in shown],
            older=url_for("deliveries.page", state=state, before=older) if older else None,
            newest=url_for("deliveries.page", state=state) if before else None,
            counts=outbox.counts_of_opds(work, within),
            most=outbox.LOOK,
            state=state,
            why=outbox.last_words(work, shown),
            reports=mirrored,
            pause=pauses.current(work),
            last_success=marks.get_time(work, Mark.LAST_SUCCESS),
        )


def _may_move(subject: Subject) -> bool:
    return session.allowed(Act.MOVE_DELIVERY, subject) is not None


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
    subject = subject_of_delivery(one, found.get(one.tracking_id))
    if session.allowed(Act.SEE, subject) is None:
        raise Refused(Code.DELIVERY_UNKNOWN, given=ref)
    if one.delivery.may_have_arrived and act != OutboxAct.HOLD and "sure" not in request.form:
        raise Trouble(TroubleKind.MAY_STAND_TWICE)
    office.change(board().mirror, session.demand(Act.MOVE_DELIVERY, subject), OutboxAct(act), one.ref)
    back = request.form.get("next")
    return redirect(local(back) if back else url_for("deliveries.page"), 303)
