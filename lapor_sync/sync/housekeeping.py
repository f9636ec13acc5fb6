"""What is done now and then: other rules judge anew, old payloads are dropped, lists are read, a clock is mended."""

from __future__ import annotations

from datetime import datetime, timedelta

from lapor_sync.domain.errors import UpstreamError
from lapor_sync.domain.sessions import FORGOTTEN
from lapor_sync.mirror.mirror import Mirror
from lapor_sync.mirror.write import rejudge
from lapor_sync.store import (
    ailing,
    citizen_files,
    institutions,
    marks,
    outbox,
    people,
    reports,
    templates,
    threads,
)
from lapor_sync.store.marks import Mark, Marks
from lapor_sync.sync.calls import Health
from lapor_sync.sync.keep_files import sweep_folder
from lapor_sync.sync.reread import A_DAY
from lapor_sync.sync.setup import Setup

A_QUARTER = timedelta(days=90)
"""After this nobody asks any more from where somebody was signed in."""

A_SLIP = timedelta(minutes=1)
"""By less than this a clock is merely corrected."""


def after_a_clock_set_back(setup: Mirror) -> None:
    """Make due what an earlier, wrong clock put off: it would wait until that time comes again.

    Deliveries, scheduled reads and citizens' files wait no longer; the whole list, and what is done once a day, are due.
    """
    with setup.store.reading() as work:
        back = clock_set_back(marks.some(work, Mark.LAST_SUCCESS), work.now)
    if back is None:
        return
    with setup.store.work() as work:
        outbox.no_more_waiting(work)
        reports.put_off_no_longer(work)
        ailing.due_now(work)
        citizen_files.put_off_no_longer(work)
        for name in (Mark.SWEPT, Mark.DAILY, Mark.LISTED_ALL):
            marks.clear(work, name)
    setup.log.warning("clock_set_back", seconds=round(back.total_seconds()))


def clock_set_back(known: Marks, now: datetime) -> timedelta | None:
    """By how much the clock of the last success was ahead of now; None where it was not, or by a slip only."""
    last_success = known.time(Mark.LAST_SUCCESS)
    ahead = last_success - now if last_success is not None else timedelta(0)
    return ahead if ahead >= A_SLIP else None


def are_rules_other(known: Marks, setup: Mirror) -> bool:
    """Whether the rules are other than those by which everything was judged."""
    return known.text(Mark.RULES) != setup.rules.fingerprint


def is_day_over(known: Marks, now: datetime) -> bool:
    """Whether what is done once a day is due."""
    done_at = known.time(Mark.DAILY)
    return done_at is None or now - done_at >= A_DAY


def rejudge_all(setup: Mirror) -> int:
    """Judge every mirrored report anew if the rules are other than those of the last cycle; how many were."""
    fingerprint = setup.rules.fingerprint
    with setup.store.reading() as work:
        if not are_rules_other(marks.some(work, Mark.RULES), setup):
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


def _next_ids(setup: Mirror, after: str) -> list[str]:
    with setup.store.reading() as work:
        return reports.ids_after(work, after, reports.CHUNK)


def daily(setup: Setup, health: Health) -> None:
    """Once a day: drop what is no longer needed (rules, "Personal data"), and read the master lists."""
    if drop_personal(setup):
        _read_institutions(setup, health)
        _read_templates(setup, health)
        sweep_folder(setup)


def drop_personal(setup: Mirror) -> bool:
    """Once a day: drop old payloads and the names of reporters whose report was closed long ago; whether it was due."""
    now = setup.store.clock.now()
    with setup.store.reading() as work:
        if not is_day_over(marks.some(work, Mark.DAILY), now):
            return False
    with setup.store.work() as work:
        marks.put_time(work, Mark.DAILY, now)
        raw = threads.drop_raw(work, now - timedelta(days=setup.pace.raw_days))
        names = reports.drop_reporter_names(work, now - timedelta(days=setup.pace.reporter_name_days))
        people.forget_sessions(work, now - A_QUARTER)
        people.forget_old_tries(work, now - FORGOTTEN)
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


def _read_templates(setup: Setup, health: Health) -> None:
    """As institutions: without them an answer is written from nothing."""
    try:
        found = setup.connector.templates()
    except UpstreamError as error:
        health.note(error)
        setup.log.info("templates_unread", error=type(error).__name__)
        return
    health.note(None)
    with setup.store.work() as work:
        templates.replace_all(work, found)
