"""Laporan N: one report whole, why it has its colour, what is due when, and the form to answer it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from lapor_sync import office
from lapor_sync.domain import clocks
from lapor_sync.domain.clocks import ClockState
from lapor_sync.domain.delivery import MAX_TEXT, reference, with_reference
from lapor_sync.domain.permits import Act, Subject
from lapor_sync.domain.refusals import Code, Refused
from lapor_sync.domain.report import OutgoingFile
from lapor_sync.domain.seen import seen_of
from lapor_sync.office.finding import subject_of
from lapor_sync.store.dossier import Dossier, dossier
from lapor_sync.store.reports import Mirrored
from lapor_sync.web import session
from lapor_sync.web.failing import Problem, form_on, typed
from lapor_sync.web.guard import board
from lapor_sync.web.timeline import timeline

report = Blueprint("report", __name__)


@dataclass(frozen=True, slots=True)
class Rights:
    """What the person may do with this report; `why_not` is why they may not answer it."""

    subject: Subject
    reads: bool
    sees_reporter: bool
    why_not: Refused | None


@dataclass(frozen=True, slots=True)
class Limit:
    """One clock as it is counted: how many working days it was given, and how many are left or over."""

    state: ClockState
    given: int
    left: int
    is_over: bool


@report.get("/laporan/<report_id>")
def page(report_id: str, problem: Problem | None = None) -> str:
    """The report. What a rahasia one says only who may read it sees, and the look is audited."""
    one = _found(report_id)
    rights = _rights(one)
    if one.report.is_secret and rights.reads:
        reader = session.demand(Act.SEE_SECRET, rights.subject)
        with office.acting(board().store, reader) as work:
            work.note("shown", one.tracking_id)
    with board().store.reading() as work:
        whole = dossier(work, office.known_report(work, one.tracking_id))
    now = board().store.clock.now()
    return render_template(
        "report.html",
        problem=problem,
        one=whole.report,
        whole=whole,
        rights=rights,
        why_not=rights.why_not,
        limits=_limits(whole, now),
        entries=timeline(whole),
        seen=seen_of(whole.report.report, whole.items, len(whole.deliveries)),
        typed=typed(),
        most=MAX_TEXT - len(with_reference("", reference(board().mirror.rules.prefix))),
        files=board().limits,
        asks_again=_asks(problem, Code.SAME_WORDS, "again"),
        asks_status=_asks(problem, Code.STATUS_UNKNOWN, "any_status"),
        now=now,
        movable=session.allowed(Act.MOVE_DELIVERY, rights.subject) is not None,
    )


def _found(report_id: str) -> Mirrored:
    """The report. Raises Refused as if it were not there, where the person may not see it."""
    session.actors()
    with board().store.reading() as work:
        one = office.known_report(work, report_id)
    session.demand_seeing(subject_of(one))
    return one


def _rights(one: Mirrored) -> Rights:
    subject = subject_of(one)
    return Rights(
        subject=subject,
        reads=not one.report.is_secret or session.allowed(Act.SEE_SECRET, subject) is not None,
        sees_reporter=session.allowed(Act.SEE_REPORTER, subject) is not None,
        why_not=_why_not(Act.ANSWER, subject),
    )


def _why_not(act: Act, subject: Subject) -> Refused | None:
    try:
        session.demand(act, subject)
    except Refused as refused:
        return refused
    return None


def _limits(whole: Dossier, now: datetime) -> list[Limit]:
    """The report's running clocks, each counted out in working days."""
    one, rules = whole.report, board().mirror.rules
    items = whole.items if one.thread_known else None
    facts = clocks.facts(one.report, items, one.colour, rules.city)
    running = clocks.clocks(facts, rules.limits, rules.working_days)
    days = rules.working_days
    states = (running.verify, running.answer, running.resolve, running.auto_close)
    return [
        Limit(
            state=state,
            given=days.between(state.started_at, state.due_at),
            left=days.between(now, state.due_at) if now <= state.due_at else days.between(state.due_at, now),
            is_over=now > state.due_at,
        )
        for state in states
        if state is not None
    ]


def _asks(problem: Problem | None, code: Code, field: str) -> bool:
    """Whether the form asks whether this is meant: once it was refused for it, and as long as it is ticked."""
    return (problem is not None and problem.code is code) or field in typed()


# The answer.


@report.post("/laporan/<report_id>/jawab")
@form_on(page)
def answer(report_id: str) -> Response:
    """Queue an answer, exactly as `office.respond` takes it."""
    one = _found(report_id)
    written = office.NewResponse(
        given_id=one.tracking_id,
        text=request.form.get("text", "").replace("\r\n", "\n"),
        is_secret="secret" in request.form,
        files=tuple(_files()),
        again="again" in request.form,
        any_status="any_status" in request.form,
        seen=request.form.get("seen", ""),
    )
    office.respond(board().mirror, session.demand(Act.ANSWER, subject_of(one)), written, board().limits)
    return redirect(url_for("report.page", report_id=one.tracking_id, _anchor="kiriman"), 303)


def _files() -> list[OutgoingFile]:
    """The files that were chosen; of one that is too large no more than it takes to tell."""
    most = board().limits.max_bytes + 1
    return [
        OutgoingFile(file_name=(file.filename or "").rpartition("\\")[2], content=file.stream.read(most))
        for file in request.files.getlist("files")
        if file.filename
    ]
