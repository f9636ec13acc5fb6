"""Pushing: each due delivery is looked for upstream, then sent, what came of it noted, and its report read again.

The order of things is the promise. The claim (`sending`, with its attempt) is committed before anything leaves; no
transaction is open while it is on the wire; what comes back is noted with its audit row in one commit; what was
found in `sending` at a start may have arrived and is `unknown`. Nothing goes out that was not looked for right
before.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple, assert_never

from lapor_sync.domain.absence import says_otherwise
from lapor_sync.domain.delivery import (
    Kind,
    NotSent,
    Outcome,
    Reason,
    Refused,
    Sent,
    State,
    Unknown,
    foreign_answers,
    has_wide_letters,
)
from lapor_sync.domain.next_step import Confirm, Hold, Requeue, Send, Step, Wait, next_step
from lapor_sync.domain.ports import Uptime
from lapor_sync.domain.questions import Unsure
from lapor_sync.domain.report import Outgoing, OutgoingFile
from lapor_sync.domain.scene import Scene
from lapor_sync.domain.waits import doubled, jittered
from lapor_sync.mirror import cut
from lapor_sync.mirror.apart import together_or_alone
from lapor_sync.mirror.decide import Change
from lapor_sync.mirror.mirror import Mirror
from lapor_sync.mirror.write import hold, rejudge
from lapor_sync.store import ailing, outbox, pauses, reports, threads, witness
from lapor_sync.store.database import Work
from lapor_sync.store.outbox import Queued
from lapor_sync.store.reports import Mirrored
from lapor_sync.sync.calls import ById, Health, each
from lapor_sync.sync.elsewhere import Elsewhere
from lapor_sync.sync.looking import Looking, is_of_now, scene_of, why_unread
from lapor_sync.sync.reread import read_one, write_found
from lapor_sync.sync.sending import TOO_LATE, send
from lapor_sync.sync.setup import Setup
from lapor_sync.sync.waves import FRESH_SECONDS, Waves

LONGEST_WAIT = timedelta(minutes=15)

_QUICK = 1.0
"""Seconds. Where looks take longer, nothing else is in flight when the next deliveries leave."""

MANY_LOOKS = 3
"""So many looks in a row must fail, too: LAPOR may just be back."""


def recover(setup: Setup) -> None:
    """At a start: what was being sent when a process, or a cycle, died may have arrived.

    Its attempt ended at a time that only the next answer of upstream can date: `ended_at` stays open until then.
    """
    with setup.store.reading() as work:
        if not outbox.found_sending(work):
            return
    with setup.store.work() as work:
        setup.holding.claim(work)
        found = outbox.found_sending(work)
        for one in found:
            outbox.killed(work, one, setup.clock.uptime())
    for one in found:
        setup.log.warning("delivery_unknown", ref=one.ref, tracking_id=one.tracking_id, reason=Reason.KILLED)


def push(setup: Setup, health: Health, listed_at: Uptime, *, ailing_ids: frozenset[str] | None = None) -> int:
    """Work every due delivery, but those of reports that ail; how many were sent or found.

    `listed_at`: when this cycle began to list; what was tried since then, the list's rows do not tell of yet.
    `ailing_ids`: only those of these reports, by the id that is called.

    Each report's first open delivery is worked, then the next, until nothing moves any more: so one report's
    answers keep their order and no report waits for another's. Raises UpstreamError in an outage.
    """
    looking = Looking(setup=setup, health=health, listed_at=listed_at, elsewhere=Elsewhere(setup, health))
    waves = Waves(setup, looking)
    run = _Push(setup=setup, health=health, looking=looking, waves=waves, ailing_ids=ailing_ids)
    with ThreadPoolExecutor(setup.pace.concurrency, "push") as pool:
        try:
            while run.one_pass(pool):
                pass
        finally:
            pool.shutdown(cancel_futures=True)  # after a failure here nothing more leaves
    health.raise_if_outage()
    return run.arrived


@dataclass(frozen=True, kw_only=True, slots=True)
class _Ready:
    """A delivery whose report was read right now; `step` is what the rules say to do.

    `before`: ids of the items that its thread had.
    """

    one: Queued
    before: frozenset[str]
    report: Mirrored
    step: Step


class _Looked(NamedTuple):
    """What a look at a report brought, when it ended by the monotonic clock, and how many seconds it took."""

    found: ById
    ended: float
    took: float


_Look = Future[_Looked]
"""A report that is being read."""

_Wave = list[tuple[Queued, Mirrored, _Look]]
"""Deliveries in the order in which they are to leave, each with its report, which is being read."""

_Sending = Iterator[list[tuple[_Ready, tuple[Outcome, int]]]]
"""What was sent, as it gets its outcome; with the milliseconds that it took."""

_Mark = tuple[str, State, int]
"""A delivery as it stood: looked at once in a push, and again only if it moved."""

_Again = list[tuple[_Ready, Future[ById]]]
"""Deliveries whose reports are being read after them, while the next ones are claimed and leave."""


@dataclass
class _Push:
    """One push under way."""

    setup: Setup
    health: Health
    looking: Looking
    waves: Waves
    arrived: int = 0
    looked_at: set[_Mark] = field(default_factory=set)
    ailing_ids: frozenset[str] | None = None
    is_quick: bool = True  # LAPOR answers so soon that nothing waits long for what is in flight

    def one_pass(self, pool: ThreadPoolExecutor) -> bool:
        """Work the first due delivery of every report; whether anything moved: then another pass is worth it."""
        with self.setup.store.reading() as work:
            due = [one for one in outbox.due(work) if _mark(one) not in self.looked_at]
            due = cut.one_with_wide_letters(work, due, self.setup.rules.grace)
        moved, waves = False, self.waves.of(due)
        wave, sent, again = self._next_wave(pool, waves), list[_Ready](), _Again()
        while wave is not None and not self._must_end:
            self.is_quick = self.is_quick and all(look.result().took <= _QUICK for _, _, look in wave)
            if not self.is_quick:
                self._mirror(again)
                again = []
            read = self._looked(pool, wave)
            until = self.setup.clock.monotonic() + FRESH_SECONDS
            ready = self._claim(read)
            claimed = [one for one in ready if isinstance(one.step, Send)]
            moved = moved or any(not isinstance(one.step, Wait | Hold) for one in ready)
            sending = self._send_all(pool, claimed, until)
            # Only then the pool has other work, so that nothing leaves later than it was looked at. Where LAPOR is
            # quick it has some left while the next ones are claimed: what is read again.
            wave = None if self.waves.is_alone else self._next_wave(pool, waves)
            before, again = again, self._read_again(pool, sent)
            late = self._note_outcomes(sending)
            if late and self.is_quick:  # it was not, after all: they are looked at again in the next pass
                self.is_quick = False
                self.looked_at.difference_update(late)
            self._mirror(before)
            sent = claimed
            if wave is None:  # what went first after an outage is read again before the others are looked at
                self._mirror([*again, *self._read_again(pool, sent)])
                wave, sent, again = self._next_wave(pool, waves), [], []
        self._mirror([*again, *self._read_again(pool, sent)])
        return moved and not self._must_end

    @property
    def _must_end(self) -> bool:
        return self.setup.stopping() or self.health.is_outage

    def _next_wave(self, pool: ThreadPoolExecutor, waves: Iterator[list[Queued]]) -> _Wave | None:
        """Begin to read detail and thread of the next deliveries' reports; None after the last wave."""
        wave = next(waves, None)
        if wave is None:
            return None
        self.looked_at.update(map(_mark, wave))
        with self.setup.store.reading() as work:
            mirrored = reports.load(work, (one.tracking_id for one in wave))
            ails = ailing.listing(work)
        known = [(one, mirrored[one.tracking_id]) for one in wave if one.tracking_id in mirrored]
        pairs = [(one, report) for one, report in known if self._is_mine(report.call_id, ails)]
        return [(one, report, self._begin_look(pool, one, report)) for one, report in pairs]

    def _is_mine(self, call_id: str, ails: Collection[str]) -> bool:
        return call_id not in ails if self.ailing_ids is None else call_id in self.ailing_ids

    def _begin_look(self, pool: ThreadPoolExecutor, queued: Queued, report: Mirrored) -> _Look:
        def look() -> _Looked:
            began = self.setup.clock.monotonic()
            found = self.looking.look(queued, report)
            ended = self.setup.clock.monotonic()
            return _Looked(found, ended, ended - began)

        return pool.submit(look)

    def _claim(self, read: list[tuple[Queued, Mirrored, ById]]) -> list[_Ready]:
        """Mirror the reports, and claim what may go, in the order of the wave: for so it leaves."""
        self.setup.step("looked")
        with self.setup.store.work() as work:
            ready = self._decide(work, read)
            if any(isinstance(one.step, Send) for one in ready):
                self.setup.holding.claim(work)
            self.setup.step("claimed")
        if any(isinstance(one.step, Send) for one in ready):
            witness.keep(self.setup.store)
        self.setup.step("claim_committed")
        return ready

    def _looked(self, pool: ThreadPoolExecutor, wave: _Wave) -> list[tuple[Queued, Mirrored, ById]]:
        """What the wave's reports show right before they are claimed.

        Where LAPOR was slow to take what was sent meanwhile, or to show another of them, that is long ago: those are
        read once more.
        """
        ended = [look.result().ended for _, _, look in wave]
        now = self.setup.clock.monotonic()
        looks = [
            self._begin_look(pool, one, report) if now - at > FRESH_SECONDS else look
            for (one, report, look), at in zip(wave, ended, strict=True)
        ]
        return [(one, report, look.result().found) for (one, report, _), look in zip(wave, looks, strict=True)]

    def _decide(self, work: Work, read: list[tuple[Queued, Mirrored, ById]]) -> list[_Ready]:
        """Mirror what was read, then take the next step of each delivery: all of it in one transaction."""
        whole = {one.ref: found for one, _, found in read if found.thread and found.detail}
        changes = write_found(work, self.setup, [(report, found) for _, report, found in read])
        written = {one.new.tracking_id: one for one in changes}
        is_paused = pauses.current(work) is not None
        current = outbox.of_refs(work, [one.ref for one, _, _ in read])
        steps = []
        for one, report, found in read:
            now = current.get(one.ref)
            if now is None or now.state is not one.state or not found.asked:
                continue  # a person, or the three-way table, was quicker; or there was no call to come to an end
            known = written.get(one.tracking_id)
            if one.ref in whole and known is not None:
                if known.new.call_id != report.call_id:
                    continue  # only now LAPOR said its id: the thread under that one is read in the next cycle
                steps.append(now)
            else:
                why = found.error.what if found.error else "the report cannot be read"
                self._cannot_look(work, now, why, Reason.REPORT_UNREAD)

        rows = threads.raw_rows(work, [one.tracking_id for one in steps])

        def take(some: Sequence[Queued]) -> list[_Ready]:
            return [
                self._take_step(
                    work,
                    one,
                    written[one.tracking_id],
                    whole[one.ref],
                    rows.get(one.tracking_id),
                    is_paused=is_paused,
                )
                for one in some
            ]

        return together_or_alone(work, steps, take, lambda one, exc: self._cannot_tell(work, one, exc))

    def _cannot_tell(self, work: Work, queued: Queued, exc: Exception) -> None:
        """What to do with it fails: nothing leaves, and it is looked at again later."""
        self.setup.log.error("delivery_failed", ref=queued.ref, tracking_id=queued.tracking_id, exc_info=exc)
        self._cannot_look(work, queued, Unsure.STEP_FAILED)

    def _cannot_look(self, work: Work, queued: Queued, why: str | Unsure, reason: Reason | None = None) -> None:
        """It waits, which never counts as a try. One that may have arrived is asked about after a day of this."""
        if queued.delivery.may_have_arrived:
            self.looking.counted(work, queued)
            if queued.waits + 1 >= MANY_LOOKS and self.looking.is_long_ago(queued):
                self._hold(work, queued, Reason.CANNOT_READ_BACK, why)
                return
            reason = None  # what became of its try matters more
        self._wait(work, queued, reason)

    def _hold(
        self,
        work: Work,
        queued: Queued,
        reason: Reason,
        why: str | Unsure | None = None,
        changed: Sequence[str] = (),
    ) -> None:
        hold(work, queued, reason, why, changed)
        self.setup.log.warning("delivery_held", ref=queued.ref, tracking_id=queued.tracking_id, reason=reason)

    def _take_step(
        self, work: Work, queued: Queued, written: Change, found: ById, row: str | None, *, is_paused: bool
    ) -> _Ready:
        """While delivery is paused all is found, held and read back as ever; only what would be sent waits."""
        queued = self._with_baseline(work, queued, written)
        seen = self.looking.seen(work, queued, written, found, row)
        step = next_step(queued.delivery, seen)
        if isinstance(step, Requeue | Send) and queued.delivery.may_have_arrived:
            # To look through all threads takes its time: only before it would leave again.
            seen = replace(seen, elsewhere=threads.of_others(work, queued.tracking_id, queued.ref))
            step = next_step(queued.delivery, seen)
        match step:
            case Send() if is_paused or _is_newly_in_doubt(written, found):
                self._wait(work, queued)
                step = Wait()
            case Send() if not is_of_now(found):
                self._cannot_look(work, queued, Unsure.OLD_ANSWER, Reason.ANSWER_OLD)
                self.setup.log.warning("answer_old", ref=queued.ref, tracking_id=queued.tracking_id)
                step = Wait()
            case Confirm():
                self._confirm(work, queued)
            case Hold(reason=reason):
                scene = queued.delivery.scene if reason is Reason.PERHAPS_ARRIVED else None
                changed = says_otherwise(scene, seen) if scene else ()
                if scene and has_wide_letters(queued.delivery.text):
                    cut.count(work)
                self._hold(work, queued, reason, why_unread(reason, queued.delivery, written, seen), changed)
            case Requeue():
                outbox.not_found(work, queued)
                tries = queued.delivery.tries + 1
                self.setup.log.info(
                    "delivery_not_found", ref=queued.ref, tracking_id=queued.tracking_id, tries=tries
                )
            case Send():
                now = scene_of(queued.delivery, written, seen)
                outbox.claim(work, queued, replace(now, began_at=self.setup.connector.upstream_now()))
                self.waves.claimed(work, queued)
            case Wait():
                pass  # nothing can be told before the grace is over: looked for again in the next cycle
            case _:
                assert_never(step)
        before = frozenset(item.id for item in written.items)
        return _Ready(one=queued, report=written.new, step=step, before=before)

    def _with_baseline(self, work: Work, queued: Queued, written: Change) -> Queued:
        """Where the thread was not known when the response was written, this read is its baseline.

        Answers in it are shown to a person first (`FIRST_READ`); settling that sets the baseline then.
        """
        issued = [sibling.ref for sibling in written.deliveries]
        foreign = foreign_answers(written.items, self.setup.rules.prefix, issued)
        if queued.delivery.baseline is None and not foreign:
            outbox.put_baseline(work, queued.ref, frozenset())
            return replace(queued, delivery=replace(queued.delivery, baseline=frozenset()))
        return queued

    def _confirm(self, work: Work, queued: Queued) -> None:
        outbox.found(work, queued)
        self.waves.found(work, queued)
        self._after_arrival(work, queued)
        self.setup.log.info("delivery_found", ref=queued.ref, tracking_id=queued.tracking_id)

    def _after_arrival(self, work: Work, queued: Queued) -> None:
        self.arrived += 1
        if queued.delivery.kind is Kind.FORWARD:
            note_forwarded(work, self.setup, queued.tracking_id)

    def _wait(self, work: Work, queued: Queued, reason: Reason | None = None) -> None:
        """Its report could not be read, or delivery is paused: that never counts as a try."""
        outbox.wait(work, queued, self._next_try(work, queued, None), reason)

    def _next_try(self, work: Work, queued: Queued, retry_after: float | None) -> datetime:
        """Waits begin at the poll interval and double, with jitter, up to 15 minutes or `Retry-After`."""
        wait = doubled(self.setup.pace.poll_seconds, queued.waits + 1, math.inf)
        seconds = min(jittered(wait, self.setup.spread()), LONGEST_WAIT.total_seconds())
        return work.now + timedelta(seconds=max(seconds, retry_after or 0))

    # On the wire.

    def _send_all(self, pool: ThreadPoolExecutor, claimed: list[_Ready], until: float) -> _Sending:
        """Begin to send what was claimed; nothing leaves after `until`, by the monotonic clock."""
        with self.setup.store.reading() as work:
            files = outbox.files_of(work, [one.one.ref for one in claimed])
        outgoing = {one.one.ref: self._outgoing(one, files.get(one.one.ref, ())) for one in claimed}

        def leave(ready: _Ready) -> tuple[Outcome, int]:
            return send(self.setup, self.health, outgoing[ready.one.ref], ready.one.delivery.kind, until=until)

        return each(pool, leave, claimed)

    def _note_outcomes(self, sending: _Sending) -> list[_Mark]:
        """Note what came of each delivery as soon as it is known, whatever happens to the others; which were late."""
        late = []
        for done in sending:
            self.setup.step("sent")
            with self.setup.store.work() as work:
                self.setup.holding.still_answers(work)
                current = outbox.of_refs(work, [one.one.ref for one, _ in done])
                for one, (outcome, ms) in done:
                    self._note_outcome(work, current[one.one.ref], outcome, ms, before=one.one.delivery.scene)
                changed = [
                    one.one.tracking_id for one, (outcome, _) in done if isinstance(outcome, Sent | Unknown)
                ]
                self._after_writes(work, changed)
                self.setup.step("settled")
            self.setup.step("settle_committed")
            if any(isinstance(outcome, NotSent | Unknown) for _, (outcome, _) in done):
                self.waves.is_stalled = True
            late += [_mark(one.one) for one, (outcome, _) in done if outcome is TOO_LATE]
        return late

    def _outgoing(self, ready: _Ready, files: tuple[OutgoingFile, ...]) -> Outgoing:
        one, city = ready.one, self.setup.rules.city.institution_id or ""
        return Outgoing(
            ref=one.ref,
            report_id=ready.report.call_id,
            tracking_id=one.tracking_id,
            text=one.delivery.text,
            institution_from_id=one.delivery.opd,
            institution_to_id=one.target or city,
            user_id=self.setup.user_id or "",
            is_secret=one.delivery.is_secret,
            files=files,
            known_items=ready.before,
        )

    def _note_outcome(
        self, work: Work, queued: Queued, outcome: Outcome, ms: int, *, before: Scene | None
    ) -> None:
        """One outcome, each of the three in its own way. `before`: the scene that it had until it was claimed."""
        outbox.end_attempt(work, queued, outcome, ms)
        match outcome:
            case Sent():
                outbox.accepted(work, queued)
                self.waves.answered(work)
                self._after_arrival(work, queued)
            case Refused():
                outbox.refused(work, queued, before)
                self.waves.answered(work)
            case NotSent(retry_after=retry_after):
                # What did not leave only because the process is to stop, or was late, has nothing to wait for.
                is_free = self.setup.stopping() or outcome is TOO_LATE
                next_try = None if is_free else self._next_try(work, queued, retry_after)
                outbox.not_sent(work, queued, before, next_try)
            case Unknown(retry_after=retry_after):
                outbox.in_doubt(
                    work,
                    queued,
                    ended_at=self.setup.connector.upstream_now(),
                    ended_uptime=self.setup.clock.uptime(),
                    next_try_at=work.now + timedelta(seconds=retry_after) if retry_after else None,
                )
            case _:
                assert_never(outcome)
        self.setup.log.info(
            "delivery_attempt",
            ref=queued.ref,
            tracking_id=queued.tracking_id,
            outcome=outbox.outcome_name(outcome),
            http_status=outcome.http_status,
            ms=ms,
        )

    def _after_writes(self, work: Work, tracking_ids: list[str]) -> None:
        """Upstream may have changed by us: the reports' hashes are not trusted before the grace after this."""
        written_at = self.setup.connector.upstream_now()
        for tracking_id in tracking_ids:
            reports.note_written(work, tracking_id, written_at)

    def _read_again(self, pool: ThreadPoolExecutor, claimed: list[_Ready]) -> _Again:
        """After a delivery its report is read again in the same cycle."""
        read = partial(read_one, self.setup, self.health, with_detail=True)
        return [(one, pool.submit(read, one.report)) for one in claimed]

    def _mirror(self, again: _Again) -> None:
        """Mirror the reports that are read again, with how the responses came back."""
        if again:
            done = [(ready.report, read.result()) for ready, read in again]
            with self.setup.store.work() as work:
                write_found(work, self.setup, done)
            self.setup.step("read_again")


def _is_newly_in_doubt(written: Change, found: ById) -> bool:
    """Whether the thread, which was whole before, was not proven to be so this time: mostly it is the next time."""
    was_in_doubt = written.old is not None and written.old.thread_doubt is not None
    return found.thread is not None and not found.thread.complete and not was_in_doubt


def _mark(queued: Queued) -> _Mark:
    return queued.ref, queued.state, queued.delivery.tries


def note_forwarded(work: Work, mirror: Mirror, tracking_id: str) -> None:
    """A hand-over arrived: flagged until the disposition changes."""
    for one in reports.load(work, [tracking_id]).values():
        reports.save(work, [one._replace(forwarded_from=one.report.disposition_id or "")])
    rejudge(work, mirror, [tracking_id])
