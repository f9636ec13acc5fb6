"""Once a day: whether LAPOR's answers are still what they were, by a sample of what was read anyway."""

from __future__ import annotations

from datetime import datetime

from lapor_sync.domain.contract import compare
from lapor_sync.store import contract, marks
from lapor_sync.store.marks import Mark, Marks
from lapor_sync.sync.reread import A_DAY
from lapor_sync.sync.setup import Setup


def is_look_due(known: Marks, now: datetime) -> bool:
    """Whether the last look at LAPOR's contract was a day ago."""
    looked_at = known.time(Mark.CONTRACT_AT)
    return looked_at is None or not looked_at <= now < looked_at + A_DAY


def watch_contract(setup: Setup) -> None:
    """Hold the sample against what is known, a day after the last time, or later where little was read until then."""
    if setup.sample is None:
        return
    with setup.store.reading() as work:
        if not is_look_due(marks.some(work, Mark.CONTRACT_AT), work.now):
            return
        known = contract.known(work)
    look = setup.sample.take()
    if look is None:
        return
    after, changes = compare(known, look)
    with setup.store.work() as work:
        contract.put(work, after, changes)
    if changes:
        first = changes[0]
        what = f"{first.call} {first.field}: {first.what} {first.now}".strip()
        setup.log.warning("contract_changed", count=len(changes), what=what)
