"""Delivery paused: everything is read and worked out as ever, and nothing leaves until a person resumes it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from lapor_sync.domain.delivery import WhyPaused
from lapor_sync.domain.ports import Uptime
from lapor_sync.store import marks, outbox
from lapor_sync.store.database import Work, damaged_row
from lapor_sync.store.marks import Mark
from lapor_sync.store.times import from_text, to_text


@dataclass(frozen=True, kw_only=True, slots=True)
class Pause:
    """A pause that lasts."""

    since: datetime
    by: str
    why: WhyPaused
    uptime: Uptime | None = None
    """How long this machine had run when it began, where that matters."""


def current(work: Work) -> Pause | None:
    """The pause that lasts now. Raises StoreDamaged where somebody made another thing of it."""
    text = marks.get(work, Mark.PAUSED)
    if text is None:
        return None
    try:
        found = json.loads(text)
        uptime = outbox.uptime_of(found.get("uptime"))
        return Pause(since=from_text(found["since"]), by=found["by"], why=WhyPaused(found["why"]), uptime=uptime)
    except (ValueError, TypeError, KeyError, AttributeError) as exc:
        raise damaged_row("The mark", Mark.PAUSED) from exc


def body(work: Work) -> str | None:
    """What tells this very database from a copy that pg_restore made of it; None on SQLite, where nothing does."""
    if work.is_sqlite:
        return None
    database = "SELECT oid FROM pg_database WHERE datname = current_database()"
    return str(work.conn.execute(text(f"SELECT ({database}) || '/' || 'delivery'::regclass::oid")).scalar_one())


def begin(work: Work, why: WhyPaused, uptime: Uptime | None = None) -> None:
    """From now on nothing leaves. A pause that lasts already is replaced by this one."""
    _put(work, work.at, work.actor.who, why, uptime)
    work.note("delivery_paused", "deliveries", why=why)


def count_anew(work: Work, pause: Pause, uptime: Uptime) -> None:
    """The machine was started again since: how long it lasts is counted from now on."""
    _put(work, to_text(pause.since), pause.by, pause.why, uptime)


def _put(work: Work, since: str, who: str, why: WhyPaused, uptime: Uptime | None) -> None:
    said = {"since": since, "by": who, "why": why}
    if uptime is not None:
        said["uptime"] = outbox.uptime_text(uptime)
    marks.put(work, Mark.PAUSED, json.dumps(said))


def end(work: Work) -> None:
    """Deliveries leave again; what waited has no more to wait for."""
    marks.clear(work, Mark.PAUSED)
    outbox.no_more_waiting(work)
    work.note("delivery_resumed", "deliveries")
