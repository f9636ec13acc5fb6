"""OPD: one row for each, each number a link to its list."""

from __future__ import annotations

from flask import Blueprint, render_template

from lapor_sync.domain.people import Role
from lapor_sync.domain.permits import Act
from lapor_sync.store import people, queries
from lapor_sync.web import session
from lapor_sync.web.guard import board

opds = Blueprint("opds", __name__)


@opds.get("/opd")
def page() -> str:
    """The OPDs' numbers."""
    with session.looking() as work:
        session.demand(Act.SEE_FIGURES)
        within = session.within(Act.SEE_FIGURES)
        rows, posts = queries.by_opd(work, within), people.posts(work)
    officers = {row.post.opd: row for row in posts if row.post.role is Role.OFFICER}
    return render_template(
        "opds.html",
        rows=rows,
        officers=officers,
        city=board().mirror.rules.city,
        months=board().months(),
    )
