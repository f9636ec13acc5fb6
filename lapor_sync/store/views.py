"""What the commands show, as the JSON of the interface: ids as text, times ISO 8601 with offset, null unknown."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from typing import Any

from sqlalchemy import Select, func, select

from lapor_sync.domain.colour import ROWS, Colour
from lapor_sync.domain.delivery import SENTENCES, Reason, State
from lapor_sync.domain.report import ItemKind, ThreadItem
from lapor_sync.domain.thread import words
from lapor_sync.store import audit, conflicts, institutions, marks, pauses, quarantine, threads
from lapor_sync.store import outbox as deliveries
from lapor_sync.store.database import Work
from lapor_sync.store.marks import Mark, Outage
from lapor_sync.store.outbox import Attempt, Queued
from lapor_sync.store.reports import Mirrored, missing_before
from lapor_sync.store.schema import WAITING, delivery
from lapor_sync.store.schema import audit as audit_table
from lapor_sync.store.schema import quarantine as quarantine_table
from lapor_sync.store.schema import report as table
from lapor_sync.store.times import from_text, to_text

Json = dict[str, Any]


def iso(text: str | None) -> str | None:
    """The database's time as the interface gives it: ISO 8601 with offset, whole seconds where it is whole."""
    return None if text is None else text.replace(".000000Z", "Z").replace("Z", "+00:00")


def report_json(row: Mapping[Any, Any], now: str) -> Json:
    """A report, all but its content and thread. `now` as text, for `overdue`."""
    due_at = row["due_at"]
    return {
        "tracking_id": row["tracking_id"],
        "title": row["title"],
        "status_name": row["status_name"],
        "colour": row["colour"],
        "waiting_on": row["waiting_on"],
        "flags": json.loads(row["flags"]),
        "opd": row["disposition_id"],
        "opd_name": row["disposition_name"],
        "classification": row["classification"],
        "category": row["category"],
        "channel": row["channel"],
        "is_secret": bool(row["is_secret"]),
        "is_anonymous": bool(row["is_anonymous"]),
        "created_at": iso(row["created_at"]),
        "updated_at": iso(row["updated_at"]),
        "closed_at": iso(row["closed_at"]),
        "answers": row["answers"],
        "thread_known": row["thread_read_at"] is not None,
        "deadline": {"clock": row["deadline_clock"], "due_at": iso(due_at)} if due_at else None,
        "overdue": due_at is not None and due_at < now,
        "colour_rules": row["colour_rules"],
    }


def reports(
    work: Work, *, colour: str | None = None, opd: str | None = None, overdue: bool = False
) -> Generator[Mapping[Any, Any], None, None]:
    """The rows of the wanted reports by Tracking ID, the overdue by deadline; streamed. `colour` "null": none yet.

    Close it before its transaction ends if it may not be read to its end.
    """
    query: Select[Any] = select(table).where(table.c.agency == work.agency)
    if colour is not None:
        query = query.where(table.c.colour.is_(None) if colour == "null" else table.c.colour == colour)
    if opd is not None:
        query = query.where(table.c.disposition_id == opd)
    if overdue:
        query = query.where(table.c.due_at < work.at, table.c.due_at.is_not(None))
        query = query.order_by(table.c.due_at)
    else:
        query = query.order_by(table.c.tracking_id)
    with work.conn.execute(query.execution_options(yield_per=1000)) as found:
        yield from found.mappings()


def status(work: Work) -> Json:
    """The counts of the whole, and how the daemon is doing."""
    head = audit.head(work.conn)
    outage = marks.current_outage(work)
    return {
        "colours": colours(work),
        "outbox": deliveries.counts(work),
        "conflicts": conflicts.count(work),
        "quarantine": _count(work, quarantine_table),
        "last_success_at": iso(marks.get(work, Mark.LAST_SUCCESS)),
        "oldest_waiting_at": iso(_oldest_waiting(work)),
        "outage": {"since": iso(to_text(outage.since)), "what": outage.what} if outage else None,
        "paused": paused(work),
        "audit_head": head.hash,
        "audit_rows": head.count,
    }


def paused(work: Work) -> Json | None:
    """Since when nothing leaves, by whom and why; None where delivery is not paused."""
    one = pauses.current(work)
    return {"since": iso(to_text(one.since)), "by": one.by, "why": one.why} if one else None


def colours(work: Work) -> dict[str, int]:
    """How many reports of each colour; `unknown` are those without one."""
    query = select(table.c.colour, func.count()).where(table.c.agency == work.agency).group_by(table.c.colour)
    found = {row[0]: int(row[1]) for row in work.conn.execute(query)}
    return {**{colour.value: found.get(colour.value, 0) for colour in Colour}, "unknown": found.get(None, 0)}


def by_opd(work: Work) -> list[Json]:
    """Each OPD's reports by colour and how many are overdue; the most merah first."""
    query = (
        select(table.c.disposition_id, table.c.colour, func.count())
        .where(table.c.agency == work.agency)
        .group_by(table.c.disposition_id, table.c.colour)
    )
    late = {row[0]: int(row[1]) for row in work.conn.execute(_late_by_opd(work))}
    names = institutions.names(work)
    found: dict[str | None, Json] = {}
    for opd, colour, count in work.conn.execute(query):
        blank = {"opd": opd, "opd_name": names.get(opd), "overdue": late.get(opd, 0)} | {
            c.value: 0 for c in Colour
        }
        one = found.setdefault(opd, blank)
        if colour:
            one[colour] = int(count)
    return sorted(found.values(), key=lambda one: (-one["merah"], -one["kuning"], str(one["opd"])))


def _late_by_opd(work: Work) -> Select[Any]:
    is_late = (table.c.agency == work.agency, table.c.due_at.is_not(None), table.c.due_at < work.at)
    return select(table.c.disposition_id, func.count()).where(*is_late).group_by(table.c.disposition_id)


def count_overdue(work: Work) -> int:
    """How many reports are past their deadline."""
    is_late = (table.c.agency == work.agency, table.c.due_at < work.at, table.c.due_at.is_not(None))
    return int(work.conn.execute(select(func.count()).select_from(table).where(*is_late)).scalar_one())


def _count(work: Work, of: Any) -> int:
    return int(
        work.conn.execute(select(func.count()).select_from(of).where(of.c.agency == work.agency)).scalar_one()
    )


def _oldest_waiting(work: Work) -> str | None:
    """When the oldest delivery that has not arrived was written."""
    found: str | None = work.conn.execute(
        select(func.min(delivery.c.written_at)).where(delivery.c.agency == work.agency, WAITING)
    ).scalar()
    return found


def outbox(work: Work, state: State | None = None) -> list[Json]:
    """The deliveries of one state, or all, as `outbox` lists them."""
    found = deliveries.listing(work, state)
    said = deliveries.last_words(work, found)
    missing = set(missing_before(work, from_text(work.at)))
    waits = {one.ref: NOT_KNOWN for one in found if one.tracking_id in missing and one.state is State.QUEUED}
    return [outbox_json(one, said.get(one.ref) or waits.get(one.ref)) for one in found]


NOT_KNOWN = "LAPOR did not know this report (404) when it was asked last; it is asked again within a day"


def outbox_json(one: Queued, why: str | None = None) -> Json:
    """One delivery as `outbox` lists it; `why` is why its last try was not accepted, or that its report is not known."""
    return {
        "ref": one.ref,
        "kind": one.delivery.kind,
        "tracking_id": one.tracking_id,
        "opd": one.delivery.opd or None,
        "state": one.state,
        "reason": one.reason,
        "written_at": iso(to_text(one.written_at)),
        "tries": one.delivery.tries,
        "next_try_at": iso(to_text(one.next_try_at)),
        "why": why,
    }


def conflict_json(one: conflicts.Conflict) -> Json:
    """One conflict as `conflicts` lists it."""
    return {
        "id": one.id,
        "tracking_id": one.tracking_id,
        "kind": one.kind,
        "ref": one.ref,
        "opened_at": iso(to_text(one.opened_at)),
        "why": one.why,
    }


def quarantine_json(one: quarantine.Quarantined) -> Json:
    """One record that could not be read, as `quarantine` lists it."""
    return {
        "id": one.report_id or one.key,
        "source": one.source,
        "seen_at": iso(to_text(one.seen_at)),
        "reason": one.reason,
    }


# One report, whole.


def show(work: Work, one: Mirrored) -> Json:
    """A report with its thread, its deliveries, and one timeline of all that happened to it."""
    where = (table.c.agency == work.agency, table.c.tracking_id == one.tracking_id)
    row = work.conn.execute(select(table).where(*where)).mappings().one()
    items = threads.load(work, [one.tracking_id]).get(one.tracking_id, ())
    mine = deliveries.of_reports(work, [one.tracking_id]).get(one.tracking_id, [])
    attempts = deliveries.attempts_of(work, [delivery.ref for delivery in mine])
    return {
        **report_json(row, work.at),
        "content": one.report.content,
        "thread": [item_json(item) for item in items],
        "deliveries": [delivery_json(delivery, attempts.get(delivery.ref, [])) for delivery in mine],
        "timeline": timeline(work, one, items, mine, attempts),
    }


def item_json(item: ThreadItem) -> Json:
    """One item of a thread."""
    return {
        "id": item.id,
        "kind": item.kind,
        "author": item.author,
        "content": words(item.content),
        "created_at": iso(to_text(item.created_at)),
        "attachments": [
            {"file_name": file.file_name, "extension": file.extension, "url": file.url}
            for file in item.attachments
        ],
    }


def delivery_json(one: Queued, attempts: list[Attempt]) -> Json:
    """One delivery with its tries."""
    return {
        "ref": one.ref,
        "kind": one.delivery.kind,
        "state": one.state,
        "opd": one.delivery.opd or None,
        "by": one.by,
        "written_at": iso(to_text(one.written_at)),
        "attempts": [
            {
                "at": iso(to_text(each.at)),
                "outcome": each.outcome,
                "http_status": each.http_status,
                "ms": each.ms,
                "why": each.why,
            }
            for each in attempts
        ],
    }


def timeline(
    work: Work,
    one: Mirrored,
    items: tuple[ThreadItem, ...],
    deliveries: list[Queued],
    attempts: Mapping[str, list[Attempt]],
) -> list[Json]:
    """All that happened, in order of time: what people said upstream, and what was done here and why."""
    told = [_event(to_text(one.report.created_at), "reporter", "report received")]
    told += [_event(to_text(item.created_at), *_said(item)) for item in items]
    told += [_event(row.at, row.who, _done(row.what, json.loads(row.data))) for row in _audit_of(work, one)]
    told += [_event(to_text(outage.since), "LAPOR", f"outage: {outage.what}") for outage in outages_of(work, one)]
    return sorted(told, key=lambda event: event["at"] or "")


def _event(at: str | None, who: str, what: str) -> Json:
    return {"at": iso(at), "who": who, "what": what}


_WHO = {
    ItemKind.ANSWER: "answered",
    ItemKind.DISPOSITION: "disposed",
    ItemKind.REPORTER: "wrote",
    ItemKind.LOG: "noted",
}


def _said(item: ThreadItem) -> tuple[str, str]:
    who = item.author or ("reporter" if item.kind is ItemKind.REPORTER else "LAPOR")
    to = f" to {item.institution_to}" if item.kind is ItemKind.DISPOSITION and item.institution_to else ""
    moved = f" (status {item.status_new})" if item.status_new else ""
    return who, f"{_WHO[item.kind]}{to}{moved}"


def _audit_of(work: Work, one: Mirrored) -> list[Any]:
    where = (audit_table.c.agency == work.agency, audit_table.c.subject == one.tracking_id)
    return list(work.conn.execute(select(audit_table).where(*where).order_by(audit_table.c.seq)))


def _done(what: str, data: Json) -> str:
    """One audit row in words."""
    match what:
        case "colour":
            before, after = data["before"] or "new", data["after"] or "unknown"
            change = after if before == after else f"{before} -> {after}"
            return f"{change}: {ROWS[data['row']]} (row {data['row']}, rules {data['rules']}, {data['decision']})"
        case "delivery_written":
            return f"{data['kind']} {data['ref']} written"
        case "delivery_moved":
            return f"{data['ref']} {data['from']} -> {data['to']}: {SENTENCES[Reason(data['reason'])]}"
        case "attempt":
            status = f", HTTP {data['http_status']}" if data["http_status"] else ""
            return f"{data['ref']} tried: {data['outcome']}{status}"
        case "conflict_opened" | "conflict_settled":
            how = f" ({data['how']})" if "how" in data else ""
            return f"{what.replace('_', ' ')}: {data['kind']}{how}"
    return what.replace("_", " ")


def outages_of(work: Work, one: Mirrored) -> tuple[Outage, ...]:
    """The outages that touched a report, from its receipt to its end or now: so also those of its deadline."""
    since = one.report.created_at or one.first_seen_at
    return marks.outages_between(work, since, one.closed_at or from_text(work.at))
