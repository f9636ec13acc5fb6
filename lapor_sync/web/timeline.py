"""All that happened to one report, in order of time, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from lapor_sync.domain.colour import Colour
from lapor_sync.domain.delivery import Kind, Reason, State
from lapor_sync.domain.report import ItemKind
from lapor_sync.store.dossier import Dossier, Event
from lapor_sync.words import id as words

_BEFORE_ALL = datetime.min.replace(tzinfo=UTC)


class Entry(NamedTuple):
    """One thing that happened; `at` None where nobody knows when, `who` as the audit has it."""

    at: datetime | None
    who: str
    what: str


def timeline(whole: Dossier) -> list[Entry]:
    """Return what people said at LAPOR and what was done here, the oldest first."""
    entries = [Entry(whole.report.report.created_at, "Pelapor", "laporan diterima LAPOR")]
    entries += _of_thread(whole)
    entries += [Entry(one.at, one.who, _done(one)) for one in whole.events]
    return sorted(entries, key=lambda one: one.at or _BEFORE_ALL)


_SAID = {
    ItemKind.ANSWER: "menjawab",
    ItemKind.DISPOSITION: "mendisposisikan",
    ItemKind.REPORTER: "menulis",
    ItemKind.LOG: "mencatat",
}


def _of_thread(whole: Dossier) -> Iterator[Entry]:
    for item in whole.items:
        to = f" ke {item.institution_to}" if item.kind is ItemKind.DISPOSITION and item.institution_to else ""
        moved = f" (status: {item.status_new})" if item.status_new else ""
        who = "Pelapor" if item.kind is ItemKind.REPORTER else item.author or "LAPOR"
        yield Entry(item.created_at, who, f"{_SAID[item.kind]}{to}{moved}")


def _done(event: Event) -> str:
    try:
        return _with_facts(event.what, event.data) or words.EVENTS.get(event.what, event.what.replace("_", " "))
    except (KeyError, ValueError, TypeError):  # a row that an earlier program wrote, or that nobody can read
        return words.EVENTS.get(event.what, event.what.replace("_", " "))


def _with_facts(what: str, data: Mapping[str, Any]) -> str | None:
    match what:
        case "colour":
            before, after = _colour(data["before"]), _colour(data["after"])
            change = after if before == after else f"{before} → {after}"
            return f"warna {change}: {words.ROWS[data['row']]}"
        case "delivery_written":
            return f"menulis {words.KINDS[Kind(data['kind'])]} {data['ref']}"
        case "delivery_moved":
            moved = f"{words.STATES[State(data['from'])]} → {words.STATES[State(data['to'])]}"
            return f"{data['ref']} {moved}: {words.REASONS[Reason(data['reason'])]}"
        case "attempt":
            return f"mencoba mengirim {data['ref']}: {_OUTCOMES[data['outcome']]}"
    return None


_OUTCOMES = {"sent": "diterima", "refused": "ditolak", "unknown": "tidak jelas", "not_sent": "tidak berangkat"}


def _colour(value: str | None) -> str:
    return words.COLOURS[Colour(value) if value else None]
