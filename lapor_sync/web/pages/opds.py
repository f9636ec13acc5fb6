"""OPD: one row for each, each number a link to its list."""

from __future__ import annotations

from flask import Blueprint, render_template

from lapor_sync.domain.permits import Act
from lapor_sync.store import queries
from lapor_sync.web import session
from lapor_sync.web.guard import board

opds = Blueprint("opds", __name__)


@opds.get("/opd")
def page() -> str:
    """The OPDs' numbers."""
    session.demand(Act.SEE_FIGURES)
    with board().store.reading() as work:
        rows = queries.by_opd(work, session.within(Act.SEE_FIGURES))
    return render_template("opds.html", rows=rows)
