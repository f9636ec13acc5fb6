"""Riwayat: the audit, filtered, in pages, and as CSV; and whether its chain is whole."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from datetime import datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, render_template, request, url_for

from lapor_sync.domain.errors import AuditBroken
from lapor_sync.domain.happenings import done
from lapor_sync.domain.period import day_named
from lapor_sync.domain.permits import Act
from lapor_sync.output import cell
from lapor_sync.store import audit, people
from lapor_sync.store.audit import Sought
from lapor_sync.web import session
from lapor_sync.web.board import Board
from lapor_sync.web.downloads import CSV, download
from lapor_sync.web.guard import board
from lapor_sync.words import id as words

history = Blueprint("history", __name__)

MOST = 100
LONGEST = 200
"""The longest filter that is looked for."""


@history.get("/riwayat")
def page() -> str:
    """What was done by whom, the newest first."""
    session.demand(Act.SEE_AUDIT)
    sought, given = _sought(request.args)
    before = request.args.get("before", "")
    with board().store.reading() as work:
        rows = audit.listing(
            work.conn,
            work.agency,
            sought,
            before=int(before) if before.isdecimal() and len(before) < 18 else None,
            most=MOST + 1,
        )
        head = audit.head(work.conn, work.agency)
        proof = _proof(work.conn, work.agency) if "periksa" in request.args else None
        names = people.names(work)
    return render_template(
        "history.html",
        rows=rows[:MOST],
        older=_url(given, before=str(rows[MOST - 1].seq)) if len(rows) > MOST else None,
        given=given,
        names=sorted(names.items(), key=lambda one: one[1]),
        head=head,
        proof=proof,
        prove=_url(given, periksa="1"),
        csv=f"{url_for('history.as_csv')}?{urlencode(given)}",
        broken=[row.seq for row in rows[:MOST] if not audit.is_whole(row)],
        said=_said,
    )


def _said(row: audit.Row) -> str:
    """What was done, with its facts where they can be said."""
    return words.happened(done(row.when, row.who, row.what, audit.facts(row.data)))[1]


def _proof(conn: Any, agency: str) -> str:
    """What a walk over the whole chain shows: nothing where it is whole, else where it is not."""
    try:
        audit.verify(conn, agency)
    except AuditBroken as broken:
        return str(broken)
    return ""


def _sought(args: Mapping[str, str]) -> tuple[Sought, dict[str, str]]:
    """Return what an address asks for, and its filters as it names them, without what means nothing."""
    names = ("report", "person", "act", "since", "until")
    given = {name: args[name].strip()[:LONGEST] for name in names if args.get(name, "").strip()}
    if any(not one.isprintable() for one in given.values()):
        given = {name: value for name, value in given.items() if value.isprintable()}
    since, until = _day(given.get("since")), _day(given.get("until"))
    for name, day in (("since", since), ("until", until)):
        if day is None:
            given.pop(name, None)
    return Sought(
        subject=given.get("report"),
        person=given.get("person"),
        act=given.get("act"),
        since=since,
        until=until + timedelta(days=1) if until else None,
    ), given


def _day(given: str | None) -> datetime | None:
    day = day_named(given or "")
    return datetime.combine(day, time.min, board().zone) if day else None


def _url(given: Mapping[str, str], **others: str) -> str:
    return f"{url_for('history.page')}?{urlencode({**given, **others})}"


@history.get("/riwayat.csv")
def as_csv() -> Response:
    """The same rows, all of them, the newest first."""
    session.demand(Act.SEE_AUDIT)
    sought, _ = _sought(request.args)
    return download(_lines(board(), sought), CSV, "riwayat.csv")


COLUMNS = ("seq", "at", "who", "what", "subject", "data", "prev_hash", "hash")


def _lines(made: Board, sought: Sought) -> Iterator[str]:
    yield "\ufeff" + ";".join(COLUMNS) + "\r\n"
    before: int | None = None
    while True:
        with made.store.reading() as work:
            rows = audit.listing(work.conn, work.agency, sought, before=before, most=1000)
        out = io.StringIO()
        writer = csv.writer(out, delimiter=";")
        for row in rows:
            writer.writerow([cell(getattr(row, name)) for name in COLUMNS])
        yield out.getvalue()
        if len(rows) < 1000:
            return
        before = rows[-1].seq
