"""What the commands show, as the JSON of the interface: ids as text, null unknown.

Times are as the database has them (store.times), so that JSON, CSV and the SQL views say them in one form."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, Select, func, select

from lapor_sync.domain.colour import Colour
from lapor_sync.domain.delivery import Reason, State
from lapor_sync.domain.people import Post
from lapor_sync.domain.report import Attachment, ItemKind, StatusChange, ThreadItem
from lapor_sync.domain.thread import paragraphs
from lapor_sync.store import (
    ailing,
    attendance,
    audit,
    conflicts,
    institutions,
    marks,
    outages,
    pauses,
    people,
    quarantine,
    threads,
)
from lapor_sync.store import outbox as deliveries
from lapor_sync.store.database import Work
from lapor_sync.store.marks import Mark
from lapor_sync.store.outages import Outage
from lapor_sync.store.outbox import Attempt, Queued
from lapor_sync.store.reports import Mirrored, Trouble, missing_before, thread_troubles
from lapor_sync.store.reports import load as load_reports
from lapor_sync.store.schema import WAITING, delivery, status_change, thread_item
from lapor_sync.store.schema import quarantine as quarantine_table
from lapor_sync.store.schema import report as table
from lapor_sync.store.times import from_text, to_text
from lapor_sync.words import en

Json = dict[str, Any]


def report_json(row: Mapping[Any, Any], now: str, *, with_rahasia: bool = False) -> Json:
    """A row of `reports`, all but its content and thread; what a rahasia one says, and where, only `with_rahasia`.

    `now` as text, for `overdue`.
    """
    due_at = row["due_at"]
    is_told = with_rahasia or not row["is_secret"]
    return {
        "tracking_id": row["tracking_id"],
        "title": row["title"] if is_told else None,
        "status_name": row["status_name"],
        "colour": row["colour"],
        "waiting_on": row["waiting_on"],
        "flags": json.loads(row["flags"]),
        "opd": row["disposition_id"],
        "opd_name": row["disposition_name"],
        "classification": row["classification"],
        "category": row["category"],
        "channel": row["channel"],
        "place": row["location"] if is_told else None,
        "kecamatan": row["kecamatan"] if is_told else None,
        "kelurahan": row["kelurahan"] if is_told else None,
        "rating": row["rating"],
        "is_priority": bool(row["is_priority"]),
        "is_secret": bool(row["is_secret"]),
        "is_anonymous": bool(row["is_anonymous"]),
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "verified_at": row["verified_at"],
        "first_disposition_at": row["first_disposition_at"],
        "first_answer_at": row["first_answer_at"],
        "closed_at": row["closed_at"],
        "vanished_at": row["vanished_at"],
        "answers": row["answers"],
        "thread_known": row["thread_read_at"] is not None,
        "deadline": {"clock": row["deadline_clock"], "due_at": due_at} if due_at else None,
        "overdue": due_at is not None and due_at < now,
        "colour_rules": row["colour_rules"],
    }


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which reports are wanted; None for all. `colour` "null": those without one. The days are those of receipt."""

    colour: str | None = None
    opd: str | None = None
    waiting_on: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    overdue: bool = False
    limit: int | None = None


def reports(work: Work, wanted: Wanted | None = None) -> Generator[Mapping[Any, Any], None, None]:
    """The rows of the wanted reports by Tracking ID, the overdue by deadline; streamed.

    Close it before its transaction ends if it may not be read to its end.
    """
    wanted = wanted or Wanted()
    query = _rows().where(table.c.agency == work.agency)
    if wanted.colour is not None:
        is_wanted = table.c.colour.is_(None) if wanted.colour == "null" else table.c.colour == wanted.colour
        query = query.where(is_wanted)
    if wanted.opd is not None:
        query = query.where(table.c.disposition_id == wanted.opd)
    if wanted.waiting_on is not None:
        query = query.where(table.c.waiting_on == wanted.waiting_on)
    if wanted.since is not None:
        query = query.where(table.c.created_at >= to_text(wanted.since))
    if wanted.until is not None:
        query = query.where(table.c.created_at <= to_text(wanted.until))
    if wanted.limit is not None:
        query = query.limit(wanted.limit)
    if wanted.overdue:
        query = query.where(table.c.due_at < work.at, table.c.due_at.is_not(None))
        query = query.order_by(table.c.due_at)
    else:
        query = query.order_by(table.c.tracking_id)
    with work.conn.execute(query.execution_options(yield_per=1000)) as found:
        yield from found.mappings()


@cache
def _rows() -> Select[Any]:
    """Reports with the times of their first events, as `v_reports` has them."""
    verified = (
        select(func.min(status_change.c.at))
        .where(
            status_change.c.agency == table.c.agency,
            status_change.c.tracking_id == table.c.tracking_id,
            _folded(status_change.c.status_new) == "terverifikasi",
            status_change.c.at != "",
        )
        .scalar_subquery()
    )
    first_disposition, first_answer = _first(ItemKind.DISPOSITION), _first(ItemKind.ANSWER)
    return select(
        table,
        verified.label("verified_at"),
        first_disposition.label("first_disposition_at"),
        first_answer.label("first_answer_at"),
    )


def _folded(name: ColumnElement[str]) -> ColumnElement[str]:
    """A status name without what does not matter in it, as far as SQL can say that."""
    for mark in (" ", "-", "_"):
        name = func.replace(name, mark, "")
    return func.lower(name)


def _first(kind: ItemKind) -> ScalarSelect[Any]:
    return (
        select(func.min(thread_item.c.created_at))
        .where(
            thread_item.c.agency == table.c.agency,
            thread_item.c.tracking_id == table.c.tracking_id,
            thread_item.c.kind == kind,
            thread_item.c.gone_at.is_(None),
        )
        .scalar_subquery()
    )


def status(work: Work) -> Json:
    """The counts of the whole, and how the daemon is doing."""
    head = audit.head(work.conn, work.agency)
    outage = outages.current(work)
    return {
        "colours": colours(work),
        "outbox": deliveries.counts(work),
        "conflicts": conflicts.count(work),
        "quarantine": _count(work, quarantine_table),
        "answered_at": marks.get(work, Mark.ANSWERED),
        "last_success_at": marks.get(work, Mark.LAST_SUCCESS),
        "oldest_waiting_at": _oldest_waiting(work),
        "outage": {"since": to_text(outage.since), "what": outage.what} if outage else None,
        "paused": paused(work),
        **unattended(work),
        "audit_head": head.hash,
        "audit_rows": head.count,
    }


def unattended(work: Work) -> dict[str, list[Json]]:
    """The posts of OPDs that nobody holds, and those whose holders stay away; with the OPD's overdue reports."""
    found: dict[str, list[Json]] = {"vacant": [], "quiet": []}
    for one in attendance.unattended(work):
        kind = "vacant" if one.is_vacant else "quiet"
        facts = _post_facts(one.post, one.opd_name)
        found[kind].append(facts | {f"{kind}_since": to_text(one.since), "overdue": one.overdue})
    return found


def person_json(one: people.Listed) -> Json:
    """An account as its JSON has it."""
    return {
        "id": one.id,
        "name": one.name,
        "sign_in": one.sign_in,
        "state": one.state,
        "last_sign_in_at": to_text(one.last_sign_in_at),
        "posts": [
            _post_facts(held.post, held.opd_name)
            | {"from": to_text(held.since), "until": to_text(held.until), "is_to_come": held.is_to_come}
            for held in one.posts
        ],
    }


def post_json(one: people.PostRow) -> Json:
    """A post as its JSON has it."""
    return _post_facts(one.post, one.opd_name) | {
        "holders": [_holder_json(holder) for holder in one.holders],
        "to_come": [_holder_json(holder) for holder in one.to_come],
        "vacant_since": to_text(one.vacant_since),
    }


def _post_facts(post: Post, opd_name: str | None) -> Json:
    return {"role": post.role, "opd": post.opd, "opd_name": opd_name}


def _holder_json(one: people.Holder) -> Json:
    return {
        "name": one.name,
        "sign_in": one.sign_in,
        "is_invited": not one.has_accepted,
        "from": to_text(one.since),
        "until": to_text(one.until),
    }


def paused(work: Work) -> Json | None:
    """Since when nothing leaves, by whom and why; None where delivery is not paused."""
    one = pauses.current(work)
    return {"since": to_text(one.since), "by": one.by, "why": one.why} if one else None


def colours(work: Work) -> dict[str, int]:
    """How many reports of each colour; `unknown` are those without one."""
    query = select(table.c.colour, func.count()).where(table.c.agency == work.agency).group_by(table.c.colour)
    found = {row[0]: int(row[1]) for row in work.conn.execute(query)}
    return {**{colour.value: found.get(colour.value, 0) for colour in Colour}, "unknown": found.get(None, 0)}


def by_opd(work: Work) -> list[Json]:
    """Each OPD's reports by colour (`unknown`: without one), all of them, and how many are overdue; most merah first."""
    query = (
        select(table.c.disposition_id, table.c.colour, func.count())
        .where(table.c.agency == work.agency)
        .group_by(table.c.disposition_id, table.c.colour)
    )
    late = {row[0]: int(row[1]) for row in work.conn.execute(_late_by_opd(work))}
    names = institutions.names(work)
    found: dict[str | None, Json] = {}
    for opd, colour, count in work.conn.execute(query):
        counts = {c.value: 0 for c in Colour} | {"unknown": 0, "reports": 0, "overdue": late.get(opd, 0)}
        one = found.setdefault(opd, {"opd": opd, "opd_name": names.get(opd), **counts})
        one[colour or "unknown"] += int(count)
        one["reports"] += int(count)
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
    troubles = {**_ailing(work, found), **thread_troubles(work)}
    told = {one.ref: _told(troubles[one.tracking_id]) for one in found if _waits_for_thread(one, troubles)}
    waits = {one.ref: NOT_KNOWN for one in found if one.tracking_id in missing and one.state is State.QUEUED}
    return [outbox_json(one, told.get(one.ref) or said.get(one.ref) or waits.get(one.ref)) for one in found]


def _ailing(work: Work, found: list[Queued]) -> dict[str, Trouble]:
    """The reports of these deliveries that ail, and why."""
    ails = ailing.listing(work)
    mirrored = load_reports(work, {one.tracking_id for one in found}) if ails else {}
    return {
        tracking_id: Trouble(error=ails[one.call_id].why, doubt=None)
        for tracking_id, one in mirrored.items()
        if one.call_id in ails
    }


def _waits_for_thread(queued: Queued, troubles: Mapping[str, Trouble]) -> bool:
    """Whether a delivery can come no further because of its report's thread."""
    trouble = troubles.get(queued.tracking_id)
    if trouble is None:
        return False
    return queued.state is State.UNKNOWN or (queued.state is State.QUEUED and trouble.error is not None)


def _told(trouble: Trouble) -> str:
    if trouble.error:
        return f"its thread cannot be read: {trouble.error}"
    return f"its thread may not be whole: {trouble.doubt}"


NOT_KNOWN = "LAPOR did not know this report (404) when it was asked last; it is asked again within a day"


def outbox_json(queued: Queued, why: str | None = None) -> Json:
    """One delivery as `outbox` lists it; `why` is why its last try was not accepted, or that its report is not known."""
    return {
        "ref": queued.ref,
        "kind": queued.delivery.kind,
        "tracking_id": queued.tracking_id,
        "opd": queued.delivery.opd or None,
        "state": queued.state,
        "reason": queued.reason,
        "written_at": to_text(queued.written_at),
        "tries": queued.delivery.tries,
        "next_try_at": to_text(queued.next_try_at),
        "why": why,
    }


def conflict_json(one: conflicts.Conflict) -> Json:
    """One conflict as `conflicts` lists it."""
    return {
        "id": one.id,
        "tracking_id": one.tracking_id,
        "kind": one.kind,
        "ref": one.ref,
        "opened_at": to_text(one.opened_at),
        "why": en.asked(one.kind, one.facts),
    }


def quarantine_json(one: quarantine.Quarantined) -> Json:
    """One record that could not be read, as `quarantine` lists it."""
    return {
        "id": one.report_id or one.key,
        "source": one.source,
        "seen_at": to_text(one.seen_at),
        "reason": en.unread(one.reason),
    }


# One report, whole.


def show(work: Work, one: Mirrored) -> Json:
    """A report with its thread, its deliveries, and one timeline of all that happened to it."""
    where = (table.c.agency == work.agency, table.c.tracking_id == one.tracking_id)
    row = work.conn.execute(_rows().where(*where)).mappings().one()
    items = threads.load(work, [one.tracking_id]).get(one.tracking_id, ())
    history = threads.load_histories(work, [one.tracking_id]).get(one.tracking_id, [])
    mine = deliveries.of_reports(work, [one.tracking_id]).get(one.tracking_id, [])
    attempts = deliveries.attempts_of(work, [delivery.ref for delivery in mine])
    ails = ailing.listing(work).get(one.call_id)
    error = one.thread_error or (ails.why if ails else None)
    return {
        **report_json(row, work.at, with_rahasia=True),
        "content": paragraphs(one.report.content),
        "attachments": [attachment_json(file) for file in one.report.attachments],
        "thread_doubt": one.thread_doubt,
        "thread_error": error and error.replace("{id}", one.call_id),
        "thread": [item_json(item) for item in items],
        "history": [change_json(change) for change in history],
        "deliveries": [delivery_json(delivery, attempts.get(delivery.ref, [])) for delivery in mine],
        "timeline": timeline(work, one, items, mine, attempts),
    }


def item_json(item: ThreadItem) -> Json:
    """One item of a thread."""
    return {
        "id": item.id,
        "kind": item.kind,
        "author": item.author,
        "content": paragraphs(item.content),
        "created_at": to_text(item.created_at),
        "attachments": [attachment_json(file) for file in item.attachments],
    }


def change_json(change: StatusChange) -> Json:
    """One move of the status."""
    return {
        "at": to_text(change.at),
        "status_old": change.status_old,
        "status_new": change.status_new,
        "note": change.note,
    }


def attachment_json(file: Attachment) -> Json:
    """One attached file, as LAPOR names it."""
    return {"file_name": file.file_name, "extension": file.extension, "url": file.url}


def delivery_json(queued: Queued, attempts: list[Attempt]) -> Json:
    """One delivery with its words and its tries."""
    told = outbox_json(queued)
    del told["tracking_id"], told["why"]
    return told | {
        "is_secret": queued.delivery.is_secret,
        "by": queued.by,
        "target": queued.target,
        "text": queued.delivery.text,
        "sent_at": to_text(queued.sent_at),
        "seen_at": to_text(queued.seen_at),
        "attempts": [
            {
                "at": to_text(each.at),
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
    told += [
        _event(str(row.at), str(row.who), _audited(row))
        for row in audit.about(work.conn, work.agency, one.tracking_id)
    ]
    for outage in outages_of(work, one):
        told.append(_event(to_text(outage.since), "LAPOR", f"away: {en.outage(outage.what)}"))
        if outage.until is not None:
            told.append(_event(to_text(outage.until), "LAPOR", "answers again"))
    return sorted(told, key=lambda event: event["at"] or "")


def _event(at: str | None, who: str, what: str) -> Json:
    return {"at": at, "who": who, "what": what}


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


def _audited(row: Any) -> str:
    """One audit row in words, or that it has none: what is shown of a report is more than its audit."""
    try:
        return _done(row.what, json.loads(row.data))
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return en.UNREADABLE_ROW


def _done(what: str, data: Json) -> str:
    """One audit row in words."""
    match what:
        case "colour":
            before, after = data["before"] or "new", data["after"] or "unknown"
            change = after if before == after else f"{before} -> {after}"
            return (
                f"{change}: {en.ROWS[data['row']]} (row {data['row']}, rules {data['rules']}, {data['decision']})"
            )
        case "delivery_written":
            return f"{data['kind']} {data['ref']} written"
        case "delivery_moved":
            return f"{data['ref']} {data['from']} -> {data['to']}: {en.REASONS[Reason(data['reason'])]}"
        case "attempt":
            status = f", HTTP {data['http_status']}" if data["http_status"] else ""
            return f"{data['ref']} tried: {data['outcome']}{status}"
        case "conflict_opened" | "conflict_settled":
            how = f" ({data['how']})" if "how" in data else ""
            return f"{what.replace('_', ' ')}: {data['kind']}{how}"
        case "shown":
            return "looked at it"
    return what.replace("_", " ")


def outages_of(work: Work, one: Mirrored) -> tuple[Outage, ...]:
    """The outages that touched a report, from its receipt to its end or now: so also those of its deadline."""
    since = one.report.created_at or one.first_seen_at
    return outages.between(work, since, one.closed_at or from_text(work.at))
