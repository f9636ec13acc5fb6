"""One cycle, its steps in order: pull, read again what is due, sweep, push. Reconciling is part of every write.

Every step can be killed at any place; running again is the recovery.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from lapor_sync.domain.access import Access, off_by
from lapor_sync.domain.advice import Todo, advise
from lapor_sync.domain.delivery import State
from lapor_sync.domain.errors import BadRecord, Denied, Missing, TimedOut, UpstreamBroken, UpstreamError
from lapor_sync.mirror.mirror import Mirror
from lapor_sync.store import access, ailing, audit, marks, outages, outbox, pauses, reports
from lapor_sync.store.marks import Mark, Marks
from lapor_sync.sync import housekeeping, restore
from lapor_sync.sync.calls import Health
from lapor_sync.sync.contract import is_look_due, watch_contract
from lapor_sync.sync.keep_files import keep_files
from lapor_sync.sync.lane import work_ailing
from lapor_sync.sync.pull import LISTED, Span, Tally, listing, poll
from lapor_sync.sync.push import push, recover
from lapor_sync.sync.reread import distrust_crossed, is_sweep_due, reread, sweep
from lapor_sync.sync.setup import Setup


@dataclass(frozen=True, kw_only=True)
class CycleResult:
    """What one cycle did. `error` is what ended it early; None if it went through."""

    tally: Tally = field(default_factory=Tally)
    reread: int = 0
    arrived: int = 0
    error: UpstreamError | None = None


def run_cycle(setup: Setup) -> CycleResult:
    """Pull, read again, sweep, push. What upstream fails at ends it early and is in `CycleResult.error`."""
    setup.store.tidy()  # the last one may have failed: on a full disk SQLite's log would take whatever is freed
    try:
        outcome = _steps(setup, _health(setup))
    except UpstreamError as error:
        _note_outage(setup, error)
        outcome = CycleResult(error=error)
    else:
        if not setup.stopping():
            _note_success(setup, outcome)
    setup.store.tidy()
    return outcome


def _health(setup: Setup) -> Health:
    return Health(probe=lambda: _probe(setup), witness=lambda: _gives_a_thread(setup))


def _probe(setup: Setup) -> None:
    """A call about no single report. Raises UpstreamError where upstream does not answer it."""
    try:
        next(setup.connector.list_reports(updated_from=setup.connector.upstream_now()), None)
    except Missing:
        setup.connector.institutions()  # an upstream without a list call


def _gives_a_thread(setup: Setup) -> bool:
    """Whether LAPOR gives one of the threads that it gave the last time."""
    with setup.store.reading() as work:
        known = reports.load(work, reports.readable_threads(work, _WITNESSES)).values()
    for one in known:
        try:
            setup.connector.read_thread(one.call_id)
        except BadRecord:
            return True
        except (Missing, UpstreamBroken):
            continue
        except UpstreamError:
            return False
        return True
    return False


_WITNESSES = 3
"""Of the newest threads so many are asked for; one of them may be the thread that fails."""


def _steps(setup: Setup, health: Health) -> CycleResult:
    setup.step("cycle")
    if not _is_as_left(setup):
        recover(setup)
        housekeeping.after_a_clock_set_back(setup)
        restore.notice(setup)
        housekeeping.rejudge_all(setup)
    begun, listed_at = _begun(setup), setup.clock.uptime()
    tally = _pull(setup, health, begun)
    setup.step("pulled")
    _note_answer(setup, begun)
    read = reread(setup, health, begun.unsettled)
    if not setup.stopping() and begun.is_day_over:
        sweep(setup, health, setup.rules.working_days.timezone)
        housekeeping.daily(setup, health)
        watch_contract(setup)
    setup.step("reread_done")
    _tell_pause(setup)
    arrived = push(setup, health, listed_at) if setup.may_push else 0
    setup.step("pushed")
    arrived += work_ailing(setup, health, listed_at)
    keep_files(setup)
    setup.step("files_kept")
    distrust_crossed(setup)
    return CycleResult(tally=tally, reread=read, arrived=arrived)


def _is_as_left(setup: Setup) -> bool:
    """Whether the last cycle ended well, on this database, with these rules and an earlier clock: mostly, and told by
    one look, where each step that begins a cycle otherwise would look for itself."""
    with setup.store.reading() as work:
        known = marks.some(work, Mark.LAST_SUCCESS, Mark.RULES, *restore.TELLING)
        return not (
            outbox.found_sending(work)
            or housekeeping.clock_set_back(known, work.now) is not None
            or not restore.is_noticed(setup.store, work, known)
            or housekeeping.are_rules_other(known, setup)
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Begun:
    """What a cycle finds as it begins to list, by one look: nobody but a cycle changes any of it.

    `unsettled`: the reports whose hash may not be trusted; asked before a listing, what that reads is not read again
    at once. `ailing`: ids that are called elsewhere. `is_day_over`: any of what is done once a day is due.
    """

    marks: Marks
    unsettled: list[str]
    ailing: frozenset[str]
    was_away: bool
    is_day_over: bool


def _begun(setup: Setup) -> _Begun:
    with setup.store.reading() as work:
        known = marks.some(work, *LISTED, Mark.NO_LIST, Mark.LIST_FAILS, Mark.SWEPT, Mark.DAILY, Mark.CONTRACT_AT)
        return _Begun(
            marks=known,
            unsettled=reports.unsettled(work),
            ailing=frozenset(ailing.listing(work)),
            was_away=outages.current(work) is not None,
            is_day_over=(
                is_sweep_due(known, work.now, setup.rules.working_days.timezone)
                or housekeeping.is_day_over(known, work.now)
                or (setup.sample is not None and is_look_due(known, work.now))
            ),
        )


def run_without_upstream(mirror: Mirror) -> CycleResult:
    """The cycle of a city without an API account: other rules judge anew, and what is old is dropped."""
    housekeeping.after_a_clock_set_back(mirror)
    restore.notice(mirror)
    housekeeping.rejudge_all(mirror)
    housekeeping.drop_personal(mirror)
    with mirror.store.work() as work:
        if marks.get(work, Mark.NO_LIST) is None:
            marks.put(work, Mark.NO_LIST, "no account")  # no list tells what changed: a newer export is the news
    outcome = CycleResult()
    _note_success(mirror, outcome)
    return outcome


def backfill(setup: Setup, since: datetime | None, until: datetime | None) -> Tally:
    """Mirror every report received in the span. Run again, it goes on: what is known costs nothing.

    Raises UpstreamError where upstream fails (Missing: it has no list call); what was mirrored until then stays.
    """
    health = _health(setup)
    housekeeping.rejudge_all(setup)
    begun = _begun(setup)
    try:
        # A report received since then was also updated since then: the listing may begin there.
        span = Span(since=since, until=until)
        tally = listing(setup, health, updated_from=since, ailing=begun.ailing, span=span)
        reread(setup, health, begun.unsettled)
    except UpstreamError as error:
        if isinstance(error, Missing):
            raise Missing(_NO_LIST, todo=advise(Todo.IMPORT_INSTEAD), http_status=error.http_status) from error
        _note_outage(setup, error)
        raise
    _note_answer(setup, begun)
    housekeeping.daily(setup, health)
    distrust_crossed(setup)
    with setup.store.work() as work:
        marks.put_now(work, Mark.ANSWERED)
        if since is None and until is None and not setup.stopping():
            marks.put_now(work, Mark.LAST_SUCCESS)
    return tally


_NO_LIST = "LAPOR has no list of reports where it is asked for one."


def _pull(setup: Setup, health: Health, begun: _Begun) -> Tally:
    """List what changed. Where there is no list call, reports are read by id on schedule instead.

    Where the list alone fails, all else goes on, and it is said.
    """
    had_list = begun.marks.text(Mark.NO_LIST) is None
    has_failed = begun.marks.text(Mark.LIST_FAILS) is not None
    try:
        tally = poll(setup, health, begun.marks, begun.ailing)
    except Missing:
        if had_list:
            setup.log.warning("no_list_call")
            with setup.store.work() as work:
                marks.put(work, Mark.NO_LIST, "404")
                reports.forget_rows(work)
        return Tally()
    except (UpstreamBroken, TimedOut) as error:
        if not _answers_by_id(setup):
            raise
        health.let_go_on(setup.connector.institutions)
        setup.log.warning("listing_incomplete", listed=0, whole=False, what=error.what)
        tally = Tally(doubt=error.what, lacks_first=True)
    else:
        if not had_list:
            with setup.store.work() as work:
                marks.clear(work, Mark.NO_LIST)
    if tally.lacks_first != has_failed:
        with setup.store.work() as work:
            (marks.put_now if tally.lacks_first else marks.clear)(work, Mark.LIST_FAILS)
    return tally


def _answers_by_id(setup: Setup) -> bool:
    """Whether LAPOR gives a report that is asked for by its id: one that a response waits for, and any other."""
    with setup.store.reading() as work:
        some = [*(one.tracking_id for one in outbox.due(work)[:1]), *reports.ids_after(work, "", 1)]
        known = reports.load(work, some).values()
    for one in known:
        try:
            setup.connector.read_report(one.call_id)
        except BadRecord:
            return True
        except UpstreamError:
            continue
        return True
    return False


def _note_answer(setup: Setup, begun: _Begun) -> None:
    """Upstream answers. If it was away: waits start anew, and one delivery goes first."""
    if begun.was_away:
        with setup.store.work() as work:
            outages.end(work)
            if marks.get(work, Mark.CANARY) is None:
                marks.put(work, Mark.CANARY, "")
            outbox.no_more_waiting(work)
            ailing.due_now(work)
        setup.log.info("upstream_back")


def _note_outage(setup: Setup, error: UpstreamError) -> None:
    """Upstream is away: one row and one line when it begins, however long it lasts and in whatever way it fails.

    Refused credentials are another matter, and another row: a person must act. A call that was cut short because
    the process is to stop says nothing of upstream.
    """
    if setup.stopping():
        return
    failed, denied = type(error).__name__, isinstance(error, Denied)
    with setup.store.reading() as work:
        lasts = outages.current(work)
    if lasts is not None and denied == lasts.is_denied:
        return
    with setup.store.work() as work:
        if lasts is not None:
            outages.end(work)
        outages.begin(work, setup.clock.now(), failed)
    event = "credentials_refused" if denied else "upstream_away"
    setup.log.error(event, error=failed, http_status=error.http_status, what=error.what, todo=error.todo)


def _tell_pause(setup: Setup) -> None:
    """Nothing leaves until a person resumes it: said in each cycle, for it must not be forgotten."""
    with setup.store.reading() as work:
        pause = pauses.current(work)
        queued = outbox.counts(work)[State.QUEUED] if pause else 0
    if pause:
        setup.log.warning(
            "delivery_paused", since=pause.since, reason=pause.why, count=queued, todo=advise(Todo.RESUME)
        )


def _note_success(setup: Mirror, outcome: CycleResult) -> None:
    with setup.store.work() as work:
        marks.put_now(work, Mark.LAST_SUCCESS)
        if isinstance(setup, Setup):
            marks.put_now(work, Mark.ANSWERED)
            ahead = setup.connector.clock_ahead()
            access.put(work, Access(None if ahead is None else off_by(ahead), setup.credentials_end))
        head = audit.head(work.conn, work.agency)
    setup.log.info(
        "cycle_done",
        new=outcome.tally.new,
        changed=outcome.tally.changed,
        unread=outcome.tally.unread,
        reread=outcome.reread,
        arrived=outcome.arrived,
        audit_head=head.hash,
        audit_rows=head.count,
    )
