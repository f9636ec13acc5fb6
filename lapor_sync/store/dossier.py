"""One report whole: its thread, its history, its deliveries, and what the audit has of it. Typed; no JSON, no words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lapor_sync.domain.report import StatusChange, ThreadItem
from lapor_sync.store import audit, outbox, threads
from lapor_sync.store.database import Work
from lapor_sync.store.outbox import Queued
from lapor_sync.store.reports import Mirrored
from lapor_sync.store.times import from_text


@dataclass(frozen=True, slots=True)
class Event:
    """One audit row of a report; `data` is empty where it cannot be read."""

    at: datetime
    who: str
    what: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """All that is known of one report."""

    report: Mirrored
    items: tuple[ThreadItem, ...]
    history: tuple[StatusChange, ...]
    deliveries: tuple[Queued, ...]
    why: Mapping[str, str]
    """Why the last try of a delivery was not accepted, by reference."""
    events: tuple[Event, ...]


def dossier(work: Work, report: Mirrored) -> Dossier:
    """Return all that is known of a report."""
    key = report.tracking_id
    deliveries = tuple(outbox.of_reports(work, [key]).get(key, ()))
    return Dossier(
        report=report,
        items=threads.load(work, [key]).get(key, ()),
        history=tuple(threads.load_histories(work, [key]).get(key, ())),
        deliveries=deliveries,
        why=outbox.last_words(work, deliveries),
        events=_events(work, key),
    )


def _events(work: Work, tracking_id: str) -> tuple[Event, ...]:
    rows = audit.about(work.conn, work.agency, tracking_id)
    return tuple(Event(from_text(row.at), row.who, row.what, _data(row.data)) for row in rows)


def _data(text: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
