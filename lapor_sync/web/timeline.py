"""All that happened to one report, in order of time, in words."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from lapor_sync.store.dossier import Dossier
from lapor_sync.words import id as words


class Entry(NamedTuple):
    """One thing that happened; `at` None where nobody knows when, `who` as the audit has it."""

    at: datetime | None
    who: str
    what: str


def timeline(whole: Dossier) -> list[Entry]:
    """Return what people said at LAPOR and what was done here, the oldest first."""
    return [Entry(one.at, *words.happened(one)) for one in whole.happenings]
