"""The JSON of the interface, made here alone: ids as text, null unknown, times as `stamp` writes them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

from lapor_sync.domain.clocks import ClockState
from lapor_sync.domain.people import Post
from lapor_sync.domain.report import Attachment, StatusChange, ThreadItem
from lapor_sync.domain.stamps import stamp
from lapor_sync.domain.thread import paragraphs
from lapor_sync.store.attendance import Unattended
from lapor_sync.store.citizens import Beside
from lapor_sync.store.conflicts import Conflict
from lapor_sync.store.contract import Watched
from lapor_sync.store.dossier import Dossier
from lapor_sync.store.notices import Notice
from lapor_sync.store.outbox import Attempt, Queued
from lapor_sync.store.overview import Listed, Overview, Waiting
from lapor_sync.store.pauses import Pause
from lapor_sync.store.people import Holder, PostRow
from lapor_sync.store.people import Listed as Account
from lapor_sync.store.quarantine import Quarantined
from lapor_sync.store.queries import OpdRow
from lapor_sync.store.work_queue import Queued as QueuedAgency
from lapor_sync.words import en

if TYPE_CHECKING:
    from lapor_sync.sync.plan import Planned

Json = dict[str, Any]


def report(one: Listed, now: datetime, *, with_rahasia: bool = False) -> Json:
    """Return a report without content and thread; what a rahasia one says, and where, only `with_rahasia`."""
    known, of = one.report, one.report.report
    is_told = with_rahasia or not of.is_secret
    return {
        "tracking_id": of.tracking_id,
        "title": of.title if is_told else None,
        "status_name": of.status_name,
        "colour": known.colour,
        "waiting_on": known.verdict.waiting_on,
        "flags": sorted(known.verdict.flags),
        "opd": of.disposition_id,
        "opd_name": of.disposition_name,
        "classification": of.classification,
        "category": of.category,
        "channel": of.channel,
        "place": of.location if is_told else None,
        "kecamatan": of.kecamatan if is_told else None,
        "kelurahan": of.kelurahan if is_told else None,
        "rating": of.rating,
        "is_priority": of.is_priority,
        "is_secret": of.is_secret,
        "is_anonymous": of.is_anonymous,
        "withheld": known.withheld,
        "created_at": stamp(of.created_at),
        "updated_at": stamp(of.updated_at),
        "verified_at": stamp(one.verified_at),
        "first_disposition_at": stamp(one.first_disposition_at),
        "first_answer_at": stamp(one.first_answer_at),
        "closed_at": stamp(known.closed_at),
        "vanished_at": stamp(known.vanished_at),
        "answers": known.answers,
        "thread_known": known.thread_known,
        "deadline": {"clock": known.deadline_clock, "due_at": stamp(known.due_at)} if known.due_at else None,
        "overdue": known.due_at is not None and known.due_at < now,
        "colour_rules": known.rules,
    }


def status(one: Overview) -> Json:
    """Return the counts of the whole, and how the daemon is doing."""
    return {
        "colours": {shade or "unknown": number for shade, number in one.colours.items()},
        "outbox": one.outbox,
        "conflicts": one.conflicts,
        "quarantine": one.quarantine,
        "answered_at": stamp(one.answered_at),
        "last_success_at": stamp(one.last_success_at),
        "oldest_waiting_at": stamp(one.oldest_waiting_at),
        "outage": {"since": stamp(one.outage.since), "what": one.outage.what} if one.outage else None,
        "list_fails_since": stamp(one.list_fails_since),
        "from_exports": {"newest_at": stamp(one.from_exports.newest_at)} if one.from_exports else None,
        "contract": contract(one.contract),
        "paused": paused(one.pause),
        "vacant": [_unattended(each, "vacant") for each in one.unattended if each.is_vacant],
        "quiet": [_unattended(each, "quiet") for each in one.unattended if not each.is_vacant],
        "audit_head": one.audit.hash,
        "audit_rows": one.audit.count,
    }


def contract(one: Watched) -> Json:
    """Return when LAPOR's answers were last held against what they were before, and what changed last."""
    changed = one.changed
    return {
        "looked_at": stamp(one.looked_at),
        "changed_at": stamp(changed.at) if changed else None,
        "count": changed.total if changed else 0,
        "changes": [one._asdict() for one in changed.changes] if changed else [],
    }


def agency(
    key: str,
    *,
    whole: Overview | None = None,
    late: int = 0,
    queue: QueuedAgency | None = None,
    worker: str | None = None,
    wrong: Sequence[str] = (),
) -> Json:
    """Return one of many agencies: what `status` has, how it waits in the workers' queue, what is wrong."""
    return {
        "agency": key,
        **(status(whole) if whole else {}),
        "overdue": late,
        "queue": {
            "state": queue.state,
            "next_poll_at": stamp(queue.next_poll_at),
            "failures": queue.failures,
            "wrong": queue.wrong,
        }
        if queue
        else None,
        "worker": worker,
        "wrong": list(wrong),
    }


def _unattended(one: Unattended, kind: str) -> Json:
    return _post(one.post, one.opd_name) | {f"{kind}_since": stamp(one.since), "overdue": one.overdue}


def paused(one: Pause | None) -> Json | None:
    """Return since when nothing leaves, by whom and why; None where delivery is not paused."""
    return {"since": stamp(one.since), "by": one.by, "why": one.why} if one else None


def opds(rows: Iterable[OpdRow]) -> list[Json]:
    """Return each OPD's reports by colour, all of them, and how many are overdue; most merah first."""
    shades = ("merah", "kuning", "hijau", "abu", "unknown")
    found = [
        {"opd": one.id, "opd_name": one.name}
        | {shade: getattr(one, shade) for shade in shades}
        | {"reports": sum(getattr(one, shade) for shade in shades), "overdue": one.overdue}
        for one in rows
    ]
    return sorted(found, key=lambda one: (-one["merah"], -one["kuning"], str(one["opd"])))


def notice(one: Notice, sign_in: str | None) -> Json:
    """Return a notice; `sign_in` is of whom it is for, None of a technical channel."""
    return {
        "id": one.id,
        "kind": one.kind,
        "key": one.key,
        "channel": one.channel,
        "sign_in": sign_in,
        "state": one.state,
        "why": one.why,
        "made_at": stamp(one.made_at),
        "tries": one.tries,
        "next_try_at": stamp(one.next_try_at),
        "ended_at": stamp(one.ended_at),
    }


def person(one: Account) -> Json:
    """Return an account."""
    return {
        "id": one.id,
        "name": one.name,
        "sign_in": one.sign_in,
        "state": one.state,
        "last_sign_in_at": stamp(one.last_sign_in_at),
        "posts": [
            _post(held.post, held.opd_name)
            | {"from": stamp(held.since), "until": stamp(held.until), "is_to_come": held.is_to_come}
            for held in one.posts
        ],
    }


def post(one: PostRow) -> Json:
    """Return a post with its holders."""
    return _post(one.post, one.opd_name) | {
        "holders": [_holder(holder) for holder in one.holders],
        "to_come": [_holder(holder) for holder in one.to_come],
        "vacant_since": stamp(one.vacant_since),
    }


def _post(one: Post, opd_name: str | None) -> Json:
    return {"role": one.role, "opd": one.opd, "opd_name": opd_name}


def _holder(one: Holder) -> Json:
    return {
        "name": one.name,
        "sign_in": one.sign_in,
        "is_invited": not one.has_accepted,
        "from": stamp(one.since),
        "until": stamp(one.until),
    }


NOT_KNOWN = "LAPOR did not know this report (404) when it was asked last; it is asked again within a day"


def outbox(found: Iterable[Waiting]) -> list[Json]:
    """Return deliveries as `outbox` lists them."""
    return [waiting(one.delivery, _why(one)) for one in found]


def _why(one: Waiting) -> str | None:
    if one.trouble is not None and one.trouble.error:
        return f"its thread cannot be read: {one.trouble.error}"
    if one.trouble is not None:
        return f"its thread may not be whole: {one.trouble.doubt}"
    return one.said or (NOT_KNOWN if one.is_report_missing else None)


def waiting(one: Queued, why: str | None = None) -> Json:
    """Return one delivery; `why` is why its last try was not accepted, or that its report is not known."""
    return {
        "ref": one.ref,
        "kind": one.delivery.kind,
        "tracking_id": one.tracking_id,
        "opd": one.delivery.opd or None,
        "state": one.state,
        "reason": one.reason,
        "written_at": stamp(one.written_at),
        "tries": one.delivery.tries,
        "next_try_at": stamp(one.next_try_at),
        "why": why,
    }


def conflict(one: Conflict) -> Json:
    """Return one open question."""
    return {
        "id": one.id,
        "tracking_id": one.tracking_id,
        "kind": one.kind,
        "ref": one.ref,
        "opened_at": stamp(one.opened_at),
        "why": en.asked(one.kind, one.facts),
    }


def quarantined(one: Quarantined) -> Json:
    """Return one record that could not be read."""
    return {
        "id": one.report_id or one.key,
        "source": one.source,
        "seen_at": stamp(one.seen_at),
        "reason": en.unread(one.reason),
    }


def planned(one: Planned) -> Json:
    """Return one report's three sides, and what would follow."""
    then = one.next
    return {
        "tracking_id": one.tracking_id,
        "lapor": one.lapor,
        "city": one.city,
        "agreed": one.agreed,
        "decision": one.decision,
        "ref": then.one.ref if then else None,
        "kind": then.one.delivery.kind if then else None,
        "state": then.one.state if then else None,
        "step": then.step if then else None,
        "reason": then.reason if then else None,
        "next_try_at": stamp(then.at) if then else None,
        "behind": then.behind if then else 0,
        "why": then.why if then else None,
    }


# One report, whole.


def show(one: Dossier, now: datetime, running: Iterable[ClockState]) -> Json:
    """Return a report with its running clocks, its thread, its deliveries, and one timeline of what happened to it."""
    known = one.report
    return {
        **report(one.listed, now, with_rahasia=True),
        "content": paragraphs(known.report.content),
        "attachments": [_file(file) for file in known.report.attachments],
        "clocks": [_clock(state) for state in running],
        "thread_doubt": known.thread_doubt,
        "thread_error": one.error and one.error.replace("{id}", known.call_id),
        "thread": [_item(item) for item in one.items],
        "history": [_moved(change) for change in one.history],
        "deliveries": [_delivery(each, one.attempts.get(each.ref, ())) for each in one.deliveries],
        "timeline": [
            {"at": stamp(each.at), "who": who, "what": what}
            for each, (who, what) in ((each, en.happened(each)) for each in one.happenings)
        ],
    }


def citizen(one: Dossier, kept: Beside, now: datetime, running: Iterable[ClockState]) -> Json:
    """Return all that is kept of a report, and who looked at it."""
    numbers = {part.name: getattr(kept, part.name) for part in fields(kept) if part.name != "looks"}
    looks = [{"at": stamp(look.at), "who": look.who, "what": look.what} for look in kept.looks]
    reporter = one.report.report.reporter_name
    return {**show(one, now, running), "reporter_name": reporter, "beside": numbers, "looks": looks}


def _clock(state: ClockState) -> Json:
    times = {"started_at": stamp(state.started_at), "due_at": stamp(state.due_at)}
    return {"clock": state.clock, **times, "paused": state.paused, "estimated": state.estimated}


def _item(item: ThreadItem) -> Json:
    return {
        "id": item.id,
        "kind": item.kind,
        "author": item.author,
        "content": paragraphs(item.content),
        "created_at": stamp(item.created_at),
        "attachments": [_file(file) for file in item.attachments],
    }


def _moved(change: StatusChange) -> Json:
    return {
        "at": stamp(change.at),
        "status_old": change.status_old,
        "status_new": change.status_new,
        "note": change.note,
    }


def _file(file: Attachment) -> Json:
    return {"file_name": file.file_name, "extension": file.extension, "url": file.url}


def _delivery(one: Queued, attempts: Iterable[Attempt]) -> Json:
    """One delivery with its words and its tries."""
    told = waiting(one)
    del told["tracking_id"], told["why"]
    return told | {
        "is_secret": one.delivery.is_secret,
        "by": one.by,
        "target": one.target,
        "text": one.delivery.text,
        "sent_at": stamp(one.sent_at),
        "seen_at": stamp(one.seen_at),
        "attempts": [
            {
                "at": stamp(each.at),
                "outcome": each.outcome,
                "http_status": each.http_status,
                "ms": each.ms,
                "why": each.why,
            }
            for each in attempts
        ],
    }
