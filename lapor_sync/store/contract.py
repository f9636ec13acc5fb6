"""What was seen of LAPOR's contract: the fields, forms, statuses and codes of its answers, and their last change."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from lapor_sync.domain.contract import Change, Changed, Contract, Known, What, as_kept, from_kept
from lapor_sync.store import marks
from lapor_sync.store.database import Work
from lapor_sync.store.marks import Mark
from lapor_sync.store.times import from_text

MOST_CHANGES = 50


class Watched(NamedTuple):
    """When the contract was last looked at, and what changed last; None for what never happened."""

    looked_at: datetime | None
    changed: Changed | None


def known(work: Work) -> dict[str, dict[str, Known]]:
    """Return the contract as it was seen; empty before the first look."""
    return from_kept(json.loads(marks.get(work, Mark.CONTRACT) or "{}"))


def put(work: Work, contract: Contract, changes: Sequence[Change]) -> None:
    """Keep the contract as it is now, with the audit's row where it changed."""
    marks.put(work, Mark.CONTRACT, json.dumps(as_kept(contract), separators=(",", ":")))
    marks.put_now(work, Mark.CONTRACT_AT)
    if changes:
        told = [list(one) for one in changes[:MOST_CHANGES]]
        work.note("contract_changed", "contract", count=len(changes), changes=told)
        marks.put(work, Mark.CONTRACT_CHANGED, json.dumps({"at": work.at, "count": len(changes), "changes": told}))


def watched(work: Work) -> Watched:
    """Return how it stands with the contract."""
    found = marks.some(work, Mark.CONTRACT_AT, Mark.CONTRACT_CHANGED)
    kept: Mapping[str, object] | None = json.loads(found.text(Mark.CONTRACT_CHANGED) or "null")
    return Watched(found.time(Mark.CONTRACT_AT), _changed(kept) if kept else None)


def _changed(kept: Mapping[str, object]) -> Changed:
    changes = kept["changes"]
    assert isinstance(changes, list)
    at = from_text(str(kept["at"]))
    assert at is not None
    return Changed(at, int(str(kept["count"])), tuple(Change(What(what), *where) for what, *where in changes))
