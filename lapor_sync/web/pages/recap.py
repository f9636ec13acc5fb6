"""Rekap: the figures of a period with a chart; the same as PDF and workbook; fixed for whom they were given to."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from lapor_sync import office
from lapor_sync.domain.period import Period
from lapor_sync.domain.permits import Act
from lapor_sync.domain.refusals import Code, Refused
from lapor_sync.recap import making
from lapor_sync.recap.making import Json
from lapor_sync.recap.printed import notes, pdf, total_of
from lapor_sync.web import session
from lapor_sync.web.downloads import PDF, XLSX, download
from lapor_sync.web.failing import Problem, form_on
from lapor_sync.web.guard import board
from lapor_sync.words.id import month_name, told
from lapor_sync.words.recap_id import FIGURES, TABLES

recap = Blueprint("recap", __name__)

_STAGES = 9
"""So many figures of a line are numbers of reports by stage; the others stand in a table of their own."""


class Choice(NamedTuple):
    """A period that is offered."""

    period: str
    name: str


@recap.get("/rekap")
def page(problem: Problem | None = None) -> str | tuple[str, int]:
    """The figures of a period; of this year where none is named."""
    session.demand(Act.SEE_FIGURES)
    given = request.values.get("period", "").strip()
    try:
        found = _found(given or f"{board().today:%Y}")
    except Refused as refused:
        if refused.code is not Code.PERIOD_UNKNOWN:
            raise
        shown = render_template(
            "recap.html", problem=Problem(*told(refused)), found=None, given=given, offered=_offered()
        )
        return shown if problem else (shown, 422)  # a form's page is given its status by who shows it again
    names = list(FIGURES)
    return render_template(
        "recap.html",
        problem=problem,
        found=found,
        given=given,
        offered=_offered(),
        parts=[names[:_STAGES], names[_STAGES:]],
        figures=FIGURES,
        total=total_of(found),
        tables={key: title for key, title in TABLES.items() if key != "by_month"},
        notes=list(notes(found, board().zone)),
        most=max([1, *(max(one["received"], one["year_before"]) for one in found["by_month"])]),
        may_fix=session.allowed(Act.FIX_RECAP) is not None,
    )


@recap.post("/rekap/tetapkan")
@form_on(page)
def fix() -> BaseResponse:
    """Keep the figures of a period in the audit."""
    actor = session.demand(Act.FIX_RECAP)
    period = Period.parse(request.form.get("period", ""))
    with board().store.reading() as work:  # counting takes seconds, in which others want to write
        made = making.recap(work, period, board().mirror.rules)
    with office.acting(board().store, actor) as work:
        making.fix(work, made)
    return redirect(url_for("recap.page", period=period.name) + "#ditetapkan", 303)


@recap.get("/rekap.pdf")
def as_pdf() -> Response:
    """The same on paper, for signature."""
    found = _wanted()
    made = pdf(found, board().zone, board().city or "Kota")
    return download(made, PDF, f"rekap-{found['period']}.pdf")


@recap.get("/rekap.xlsx")
def as_workbook() -> Response:
    """The same as a workbook."""
    from lapor_sync.recap.workbook import workbook  # 8 MB of openpyxl

    found = _wanted()
    return download(workbook(found, board().zone), XLSX, f"rekap-{found['period']}.xlsx")


def _wanted() -> Json:
    session.demand(Act.SEE_FIGURES)
    return _found(request.args.get("period", "").strip() or f"{board().today:%Y}")


def _found(given: str) -> Json:
    within, period = session.within(Act.SEE_FIGURES), Period.parse(given)
    with board().store.reading() as work:
        return making.as_json(making.recap(work, period, board().mirror.rules, within=within))


def _offered() -> list[Choice]:
    """The periods that are asked for most."""
    today = board().today
    last = today.replace(day=1) - timedelta(days=1)
    return [
        Choice(f"{today:%Y-%m}", month_name(today)),
        Choice(f"{last:%Y-%m}", month_name(last)),
        Choice(f"{today.year}-Q{(today.month + 2) // 3}", f"triwulan {(today.month + 2) // 3} {today.year}"),
        Choice(f"{today.year}", f"tahun {today.year}"),
        Choice(f"{today.year - 1}", f"tahun {today.year - 1}"),
    ]
