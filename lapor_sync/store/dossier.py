"""One report whole: its thread, its history, its deliveries, and all that happened to it. Typed; no JSON, no words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lapor_sync.domain.happenings import AWAY, BACK, Happening, done, in_order, received, said
from lapor_sync.domain.report import StatusChange, ThreadItem
from lapor_sync.store import ailing, audit, outages, outbox, overview, threads
from lapor_sync.store.database import Work
from lapor_sync.store.outages import Outage
from lapor_sync.store.outbox import Attempt, Queued
from lapor_sync.store.overview import Listed
from lapor_sync.store.reports import Mirrored
from lapor_sync.store.times import from_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """All that is known of one report."""

    listed: Listed
    items: tuple[ThreadItem, ...]
    history: tuple[StatusChange, ...]
    deliveries: tuple[Queued, ...]
    attempts: Mapping[str, Sequence[Attempt]]
    """The tries of each delivery, by reference."""
    why: Mapping[str, str]
    """Why the last try of a delivery was not accepted, by reference."""
    error: str | None
    """Why its thread cannot be read."""
    outages: tuple[Outage, ...]
    """Those that touched it, from its receipt to its end or now: so also those of its deadline."""
    happenings: tuple[Happening, ...]
    """What people said at LAPOR, what was done here and why, and when LAPOR was away; the oldest first."""

    @property
    def report(self) -> Mirrored:
        return self.listed.report


def dossier(work: Work, report: Mirrored) -> Dossier:
    """Return all that is known of a report."""
    key = report.tracking_id
    items = threads.load(work, [key]).get(key, ())
    deliveries = tuple(outbox.of_reports(work, [key]).get(key, ()))
    away = outages.between(work, report.report.created_at or report.first_seen_at, report.closed_at or work.now)
    ails = ailing.listing(work).get(report.call_id)
    return Dossier(
        listed=overview.listed_one(work, report),
        items=items,
        history=tuple(threads.load_histories(work, [key]).get(key, ())),
        deliveries=deliveries,
        attempts=outbox.attempts_of(work, [one.ref for one in deliveries]),
        why=outbox.last_words(work, deliveries),
        error=report.thread_error or (ails.why if ails else None),
        outages=away,
        happenings=tuple(_happenings(work, report, items, away)),
    )


def _happenings(
    work: Work, report: Mirrored, items: tuple[ThreadItem, ...], away: tuple[Outage, ...]
) -> list[Happening]:
    rows = audit.about(work.conn, work.agency, report.tracking_id)
    told = [received(report.report), *map(said, items)]
    told += (done(from_text(row.at), row.who, row.what, audit.facts(row.data)) for row in rows)
    for one in away:
        told.append(Happening(one.since, None, AWAY, {"what": one.what}))
        if one.until is not None:
            told.append(Happening(one.until, None, BACK, {}))
    return in_order(told)
