"""What is done now and then: other rules judge anew, names and old payloads are dropped, master lists are read."""

from __future__ import annotations

from datetime import timedelta

from lapor_sync.domain.errors import UpstreamError
from lapor_sync.store import institutions, marks, reports, threads
from lapor_sync.store.marks import Mark
from lapor_sync.sync.calls import Health
from lapor_sync.sync.mirror import rejudge
from lapor_sync.sync.reread import A_DAY
from lapor_sync.sync.setup import Judging, Setup


def rejudge_all(setup: Judging) -> int:
    """Judge every mirrored report anew if the rules are other than those of the last cycle; how many were."""
    fingerprint = setup.rules.fingerprint
    with setup.store.reading() as work:
        if marks.get(work, Mark.RULES) == fingerprint:
            return 0
    count, after = 0, ""
    while ids := _next_ids(setup, after):
        with setup.store.work() as work:
            rejudge(work, setup, ids)
        count, after = count + len(ids), ids[-1]
    with setup.store.work() as work:
        marks.put(work, Mark.RULES, fingerprint)
        work.note("rules", "rules", rules=setup.rules.city.rules, fingerprint=fingerprint)
    return count


def _next_ids(setup: Judging, after: str) -> list[str]:
    with setup.store.reading() as work:
        return reports.ids_after(work, after, reports.CHUNK)


def daily(setup: Setup, health: Health) -> None:
    """Once a day: drop what is no longer needed (rules, section 7), and read the master list of institutions."""
    if drop_personal(setup):
        _read_institutions(setup, health)


def drop_personal(setup: Judging) -> bool:
    """Once a day: drop old payloads and the names of reporters whose report was closed long ago; whether it was due."""
    now = setup.store.clock.now()
    with setup.store.reading() as work:
        done_at = marks.get_time(work, Mark.DAILY)
    if done_at is not None and now - done_at < A_DAY:
        return False
    with setup.store.work() as work:
        marks.put_time(work, Mark.DAILY, now)
        raw = threads.drop_raw(work, now - timedelta(days=setup.pace.raw_days))
        names = reports.drop_reporter_names(work, now - timedelta(days=setup.pace.reporter_name_days))
        if raw or names:
            work.note("dropped", "personal", raw=raw, names=names)
    return True


def _read_institutions(setup: Setup, health: Health) -> None:
    """Names are a comfort: an upstream that does not give them today is no reason to stop."""
    try:
        found = setup.connector.institutions()
    except UpstreamError as error:
        health.note(error)
        setup.log.warning("institutions_unread", error=type(error).__name__)
        return
    health.note(None)
    with setup.store.work() as work:
        institutions.replace_all(work, found)
