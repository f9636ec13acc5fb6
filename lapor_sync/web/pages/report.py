"""Laporan N: one report whole, why it has its colour, what is due when, and the form to answer it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask import Response as FlaskResponse
from werkzeug.wrappers import Response

from lapor_sync import office
from lapor_sync.domain.clocks import ClockState
from lapor_sync.domain.delivery import MAX_TEXT, reference, with_reference
from lapor_sync.domain.period import day_given
from lapor_sync.domain.permits import Act, Subject
from lapor_sync.domain.refusals import Code, Refused
from lapor_sync.domain.report import OutgoingFile, ThreadItem, digest
from lapor_sync.domain.seen import News, news_since, seen_of
from lapor_sync.domain.thread import paragraphs
from lapor_sync.mirror.judge import running_clocks
from lapor_sync.office.finding import subject_of
from lapor_sync.store import drafts, institutions, marks, notes, outbox, own_texts, templates, threads
from lapor_sync.store.database import Work
from lapor_sync.store.dossier import Dossier, dossier
from lapor_sync.store.drafts import Draft
from lapor_sync.store.marks import Mark
from lapor_sync.store.notes import Note
from lapor_sync.store.outbox import Queued
from lapor_sync.store.reports import Mirrored
from lapor_sync.web import session
from lapor_sync.web.failing import Problem, form_on, typed
from lapor_sync.web.guard import board
from lapor_sync.web.pages.files import shown
from lapor_sync.web.timeline import timeline

report = Blueprint("report", __name__)


@dataclass(frozen=True, slots=True)
class Rights:
    """What the person may do with this report; `why_not` is why they may not answer it."""

    subject: Subject
    reads: bool
    sees_reporter: bool
    why_not: Refused | None
    notes: bool
    instructs: bool
    hands_over: bool


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
    return _page(report_id, problem)


def _page(report_id: str, problem: Problem | None = None, preview: str | None = None) -> str:
    with session.looking() as work:
        session.actors()
        one = office.known_report(work, report_id)
        session.demand_seeing(subject_of(one))
        rights, whole = _rights(one), dossier(work, one)
        draft = drafts.get(work, session.person().person_id, one.tracking_id)
        written = notes.of_report(work, one.tracking_id)
        attached = shown(work, whole.report, whole.items)
        offered = _offered(work, one) if rights.why_not is None else []
        file_names = outbox.file_names_of(work, [each.ref for each in whole.deliveries])
        names = institutions.names_of(work, {each.target for each in whole.deliveries if each.target})
        last_success = marks.get_time(work, Mark.LAST_SUCCESS)
    _note_a_look(one, rights)
    now = board().store.clock.now()
    is_note = typed().get("for") == NOTE
    return render_template(
        "report.html",
        problem=problem,
        one=whole.report,
        whole=whole,
        files_shown=attached,
        file_names=file_names,
        institutions=names,
        one_id=one.tracking_id,
        rights=rights,
        why_not=rights.why_not,
        limits=limits_of(whole, now),
        entries=timeline(whole),
        seen=_seen(whole),
        its_version=_version(whole.report, whole.items, whole.deliveries, written),
        typed={} if is_note else typed(),
        typed_note=typed() if is_note else {},
        draft=draft,
        draft_news=_news(whole, draft),
        is_of_another=_is_of_another(draft),
        offered=offered,
        last_success=last_success,
        notes=readable_notes(written, rights),
        preview=preview,
        most=MAX_TEXT - len(with_reference("", reference(board().mirror.rules.prefix))),
        files=board().limits,
        asks_again=_asks(problem, Code.SAME_WORDS, "again"),
        asks_status=_asks(problem, Code.STATUS_UNKNOWN, "any_status"),
        now=now,
        movable=session.allowed(Act.MOVE_DELIVERY, rights.subject) is not None,
    )


NOTE = "catatan"
"""What the form of a note says that it is for: its words must never come to stand in the answer's."""


def _note_a_look(one: Mirrored, rights: Rights) -> None:
    """Let the audit tell who read what a rahasia report says."""
    if one.report.is_secret and rights.reads:
        reader = session.demand(Act.SEE_SECRET, rights.subject)
        with office.acting(board().store, reader) as work:
            work.note("shown", one.tracking_id)


def _seen(whole: Dossier) -> str:
    return seen_of(whole.report.report, whole.items, len(whole.deliveries))


def _is_of_another(draft: Draft | None) -> bool:
    """Whether the draft is another one than what is typed was written over: both are shown then."""
    over, text = typed().get("draft"), typed().get("text")
    return draft is not None and text is not None and draft.version not in {over, drafts.version_of(text)}


def _news(whole: Dossier, draft: Draft | None) -> tuple[News, ...]:
    """What happened since the draft was saved last."""
    if draft is None or not draft.seen:
        return ()
    return news_since(draft.seen, whole.report.report, whole.items, len(whole.deliveries))


def _version(
    one: Mirrored, items: tuple[ThreadItem, ...], deliveries: Sequence[Queued], written: tuple[Note, ...]
) -> str:
    """What tells an open page that something changed: it says nothing itself."""
    moved = " ".join(f"{each.ref} {each.state} {each.reason}" for each in deliveries)
    seen = seen_of(one.report, items, len(deliveries))
    return digest(f"{seen} {one.colour} {moved} {len(written)}")


def readable_notes(written: tuple[Note, ...], rights: Rights) -> tuple[Note, ...]:
    """Return the notes that the person may read: of a rahasia report who does not read it, only their own."""
    if rights.reads:
        return written
    mine = f"person {session.person().person_id} "
    return tuple(one for one in written if one.by.startswith(mine))


@report.get("/laporan/<report_id>/keadaan")
def state(report_id: str) -> FlaskResponse:
    """The version of what the page shows; an open page asks for it now and then."""
    key = _found(report_id).tracking_id
    with board().store.reading() as work:  # each open page asks every few seconds: no more is read than it needs
        one, items = office.known_report(work, key), threads.load(work, [key]).get(key, ())
        deliveries = outbox.of_reports(work, [key]).get(key, [])
        version = _version(one, items, deliveries, notes.of_report(work, key))
    return FlaskResponse(version, content_type="text/plain; charset=utf-8")


@report.get("/laporan/<report_id>/cetak")
def print_sheet(report_id: str) -> str:
    """One sheet for the head of the agency."""
    one = _found(report_id)
    rights = _rights(one)
    _note_a_look(one, rights)
    with board().store.reading() as work:
        whole = dossier(work, office.known_report(work, one.tracking_id))
        written = notes.of_report(work, one.tracking_id)
    now = board().store.clock.now()
    return render_template(
        "print.html",
        one=whole.report,
        whole=whole,
        rights=rights,
        limits=limits_of(whole, now),
        notes=readable_notes(written, rights),
        now=now,
    )


def _found(report_id: str) -> Mirrored:
    """The report. Raises Refused as if it were not there, where the person may not see it."""
    with session.looking() as work:
        session.actors()
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
        notes=session.allowed(Act.NOTE, subject) is not None,
        instructs=session.allowed(Act.INSTRUCT, subject) is not None,
        hands_over=session.allowed(Act.HAND_OVER, subject) is not None,
    )


def _why_not(act: Act, subject: Subject) -> Refused | None:
    try:
        session.demand(act, subject)
    except Refused as refused:
        return refused
    return None


def limits_of(whole: Dossier, now: datetime) -> list[Limit]:
    """Return the report's running clocks, each counted out in working days."""
    rules = board().mirror.rules
    days = rules.working_days
    return [
        Limit(
            state=state,
            given=days.between(state.started_at, state.due_at),
            left=days.between(now, state.due_at) if now <= state.due_at else days.between(state.due_at, now),
            is_over=now > state.due_at,
        )
        for state in running_clocks(whole.report, whole.items, rules)
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
        text=_text(),
        is_secret="secret" in request.form,
        files=tuple(_files()),
        again="again" in request.form,
        any_status="any_status" in request.form,
        seen=request.form.get("seen", ""),
        draft=request.form.get("draft"),
    )
    office.respond(board().mirror, session.demand(Act.ANSWER, subject_of(one)), written, board().limits)
    return redirect(url_for("report.page", report_id=one.tracking_id, _anchor="kiriman"), 303)


def _text() -> str:
    return request.form.get("text", "").replace("\r\n", "\n")


@report.post("/laporan/<report_id>/pratinjau")
@form_on(page)
def preview(report_id: str) -> str:
    """The page with the answer as the citizen will see it; nothing is kept."""
    one = _found(report_id)
    session.demand(Act.ANSWER, subject_of(one))
    return _page(report_id, preview=with_reference(_text(), f"{board().mirror.rules.prefix}-······"))


@dataclass(frozen=True, slots=True)
class Offered:
    """A text that can be put into an answer; `key` is what the form says of it."""

    key: str
    title: str
    text: str
    is_own: bool


def _offered(work: Work, one: Mirrored) -> list[Offered]:
    """The texts for an answer to this report: the OPD's and the city's own, then LAPOR's."""
    opd = one.report.disposition_id
    own = own_texts.listing(work, {opd} if opd else set())
    return [
        *(Offered(f"own.{each.id}", each.title, each.text, is_own=True) for each in own),
        *(
            Offered(f"lapor.{each.code}", each.title or each.code, paragraphs(each.content), is_own=False)
            for each in templates.listing(work)
        ),
    ]


@report.post("/laporan/<report_id>/templat")
@form_on(page)
def insert_template(report_id: str) -> Response | str:
    """Put the text that was chosen behind what is typed; the page's script is answered with the text alone."""
    one = _found(report_id)
    session.demand(Act.ANSWER, subject_of(one))
    with board().store.reading() as work:
        offered = {each.key: each.text for each in _offered(work, one)}
    text = offered.get(request.form.get("template", ""))
    if text is None:
        raise Refused(Code.TEMPLATE_UNKNOWN)
    if "X-Papan" in request.headers:
        return FlaskResponse(text, content_type="text/plain; charset=utf-8")
    g.typed = {**typed(), "text": f"{_text()}\n\n{text}" if _text().strip() else text}
    return _page(report_id)


@report.post("/laporan/<report_id>/draf")
@form_on(page)
def keep_draft(report_id: str) -> Response:
    """Keep what is written until it is sent. The page's script is answered with no page."""
    one = _found(report_id)
    actor = session.demand(Act.NOTE, subject_of(one))
    version = office.keep_draft(
        board().store,
        actor,
        one.tracking_id,
        text=_text(),
        is_secret="secret" in request.form,
        seen=request.form.get("seen", "")[:200],
        over=request.form.get("over", request.form.get("draft")),
        tried=request.form.getlist("tried"),
    )
    if "X-Papan" in request.headers:
        return FlaskResponse(status=204, headers={"X-Papan-Draf": version})
    return redirect(url_for("report.page", report_id=one.tracking_id, _anchor="jawab"), 303)


@report.post("/laporan/<report_id>/catatan")
@form_on(page)
def write_note(report_id: str) -> Response:
    """Leave a note; by a leader it is an instruction, with the day until which it is to be carried out."""
    one = _found(report_id)
    subject = subject_of(one)
    if (leader := session.allowed(Act.INSTRUCT, subject)) is not None:
        office.instruct(board().store, leader, one.tracking_id, _text(), day_given(request.form.get("day", "")))
    else:
        office.write_note(board().store, session.demand(Act.NOTE, subject), one.tracking_id, _text())
    return redirect(url_for("report.page", report_id=one.tracking_id, _anchor="catatan"), 303)


# A hand-over: it is not our authority.


@report.get("/laporan/<report_id>/serahkan")
def hand_over_page(report_id: str, problem: Problem | None = None) -> str:
    """The form to say that another institution is in charge."""
    one = _found(report_id)
    rights = _rights(one)
    refused = _why_not(Act.HAND_OVER, rights.subject)
    with board().store.reading() as work:
        names = institutions.names(work)
    return render_template(
        "hand_over.html",
        problem=problem,
        one=one,
        rights=rights,
        why_not=refused,
        names=sorted((name, key) for key, name in names.items() if key != one.report.disposition_id),
        typed=typed(),
        most=MAX_TEXT - len(with_reference("", reference(board().mirror.rules.prefix))),
    )


@report.post("/laporan/<report_id>/serahkan")
@form_on(hand_over_page)
def hand_over(report_id: str) -> Response:
    """Queue a hand-over, exactly as `office.forward` takes it."""
    one = _found(report_id)
    actor = session.demand(Act.HAND_OVER, subject_of(one))
    reason = request.form.get("reason", "").replace("\r\n", "\n")
    office.forward(board().mirror, actor, one.tracking_id, _institution(), reason)
    return redirect(url_for("report.page", report_id=one.tracking_id, _anchor="kiriman"), 303)


def _institution() -> str:
    """The institution that was chosen: of a name with its number the number alone."""
    given = request.form.get("to", "").strip()
    numbered = re.fullmatch(r".* \(([0-9]{1,18})\)", given, re.DOTALL)
    return numbered[1] if numbered else given


def _files() -> list[OutgoingFile]:
    """The files that were chosen; of one that is too large no more than it takes to tell."""
    most = board().limits.max_bytes + 1
    return [
        OutgoingFile(file_name=file.filename, content=file.stream.read(most))
        for file in request.files.getlist("files")
        if file.filename
    ]
