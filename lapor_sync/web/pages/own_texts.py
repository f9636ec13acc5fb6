"""Teks siap pakai: what an OPD answers again and again, kept under a title."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from lapor_sync.domain.permits import Act, may
from lapor_sync.office import own_texts as office
from lapor_sync.store import institutions
from lapor_sync.store import own_texts as stored
from lapor_sync.web import session
from lapor_sync.web.failing import Problem, form_on, typed
from lapor_sync.web.guard import board

own_texts = Blueprint("own_texts", __name__)


@own_texts.get("/templat")
def page(problem: Problem | None = None, **_of_act: str) -> str:
    """The texts that the person may use, and the form for another one."""
    actor = session.demand(Act.ANSWER)
    within = session.within(Act.ANSWER)
    with board().store.reading() as work:
        rows, names = stored.listing(work, within), institutions.names(work)
    return render_template(
        "own_texts.html",
        problem=problem,
        rows=rows,
        names=names,
        is_all=within is None,
        opd=actor.post.opd if actor.post else None,
        longest=office.LONGEST_TITLE,
        typed=typed(),
    )


@own_texts.post("/templat")
@form_on(page)
def keep() -> Response:
    """Keep a text."""
    text = request.form.get("text", "").replace("\r\n", "\n")
    office.keep(board().store, session.demand(Act.ANSWER), request.form.get("title", ""), text)
    return redirect(url_for("own_texts.page"), 303)


@own_texts.post("/templat/<text_id>/hapus")
@form_on(page)
def remove(text_id: str) -> Response:
    """Keep it no more."""
    session.demand(Act.ANSWER)
    for actor in session.actors():  # of several posts the text's own OPD's may do it
        if may(actor, Act.ANSWER) is None:
            office.remove(board().store, actor, text_id)
    return redirect(url_for("own_texts.page"), 303)
