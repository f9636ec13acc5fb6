"""The lane of the ailing: reports whose last read took all its time, or brought too much. They hold up no other.

No other step reads them. They are read here, at the end of a cycle, a few at a time, each after a pause that grows as
long as it ails; what waits for one of them leaves here too.
"""

from __future__ import annotations

from lapor_sync.domain.ports import Uptime
from lapor_sync.store import ailing, outbox, quarantine, reports
from lapor_sync.store.quarantine import Quarantined
from lapor_sync.sync.calls import Health
from lapor_sync.sync.push import push
from lapor_sync.sync.reread import note_ailing, read_id, read_quarantined, read_reports
from lapor_sync.sync.setup import Setup


def work_ailing(setup: Setup, health: Health, listed_at: Uptime) -> int:
    """Read the ailing that are due, and send what waits for them; how many deliveries were sent or found.

    Half as many as calls may be in flight are read at a time; the next ones only if none of these ails any more. So
    a cycle waits for no more than one such read, and what was well again is soon through. `listed_at`: as `push` has it.
    """
    arrived, tried, places = 0, set[str](), max(1, setup.pace.concurrency // 2)
    while not setup.stopping():
        with setup.store.reading() as work:
            now = work.now
            due = [one.report_id for one in ailing.listing(work).values() if one.until <= now]
        batch = [report_id for report_id in due if report_id not in tried][:places]
        if not batch:
            break
        tried.update(batch)
        arrived += _work(setup, health, batch, listed_at)
        setup.step("ailing_read")
        with setup.store.reading() as work:
            if not ailing.listing(work).keys().isdisjoint(batch):
                break
    return arrived


def _work(setup: Setup, health: Health, batch: list[str], listed_at: Uptime) -> int:
    """Each is read once: by the push where a delivery of its report is due, else by id."""
    with setup.store.reading() as work:
        mirrored = {report_id: one for report_id in batch if (one := reports.called(work, report_id))}
        waiting = {one.tracking_id for one in outbox.due(work)} if setup.may_push else set()
        bad = quarantine.listing(work)
    pushed = frozenset(report_id for report_id, one in mirrored.items() if one.tracking_id in waiting)
    arrived = push(setup, health, listed_at, ailing_ids=pushed) if pushed else 0
    others = [one.tracking_id for report_id, one in mirrored.items() if report_id not in pushed]
    read_reports(setup, health, others, with_detail=True, ailing_too=True)
    for report_id in batch:
        if report_id not in mirrored:
            _read_unknown(setup, health, report_id, [one for one in bad if one.report_id == report_id])
    return arrived


def _read_unknown(setup: Setup, health: Health, report_id: str, bad: list[Quarantined]) -> None:
    """Read a report that is not mirrored: what was put away of it; else the next listing brings it, if it is well."""
    if bad:
        read_quarantined(setup, health, bad[:1], ailing_too=True)
        return
    found = read_id(setup, health, report_id)
    health.raise_if_outage()
    with setup.store.work() as work:
        note_ailing(work, setup, [(report_id, found)])
