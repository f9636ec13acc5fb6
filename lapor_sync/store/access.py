"""How the way to LAPOR stood at the daemon's last cycle: for the board, which has no credentials."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from lapor_sync.domain.access import Access
from lapor_sync.store import marks
from lapor_sync.store.database import Work
from lapor_sync.store.marks import Mark


def put(work: Work, access: Access) -> None:
    """Keep it in the place of the last one, where it says something else."""
    off = None if access.off is None else access.off.total_seconds()
    ends = {name: end.isoformat() for name, end in access.ends.items()}
    said = json.dumps({"off": off, "ends": ends})
    if marks.get(work, Mark.ACCESS) != said:
        marks.put(work, Mark.ACCESS, said)


def get(work: Work) -> Access | None:
    """Return it; None before the first cycle that went through."""
    said = marks.get(work, Mark.ACCESS)
    if said is None:
        return None
    kept = json.loads(said)
    return Access(
        off=None if kept["off"] is None else timedelta(seconds=kept["off"]),
        ends={name: datetime.fromisoformat(end) for name, end in kept["ends"].items()},
    )
