"""Random histories of a town: whatever happens in whatever order, nothing is lost, nothing stands twice.

`HISTORIES=N` in the environment tells N of them on SQLite and a third of that on PostgreSQL, by a seed that is thrown;
without it they are few and always the same. A failure prints its steps and the seed: `HISTORIES_SEED=S` with the same N
tells the same histories again.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from connectors.simulator import CITY_ID, OPD_IDS
from lapor_sync.office import OutboxAct
from lapor_sync.store.conflicts import How
from tests.databases import fresh
from tests.flow.bench import OTHER_OPD, OUTSIDE
from tests.flow.town import GRACE, UNHEARD_OF, Plan, check, settle, settle_for_good, town
from tests.system.kills import STEPS

HISTORIES = int(os.environ.get("HISTORIES", "4"))
THROWN = random.SystemRandom().randrange(2**32) if "HISTORIES" in os.environ else 2
SEED = int(os.environ.get("HISTORIES_SEED", THROWN))

PHASES = (Phase.generate, Phase.shrink)
"""Not to explain: on older Pythons that traces every line of the program."""

OPD = OPD_IDS[0]
INSTITUTIONS = (OPD, OTHER_OPD, CITY_ID, OUTSIDE)

INSIDE = frozenset({"page_written", "claimed", "settled"})
"""Steps within a transaction: nobody else can write then."""

LOST_WRITES = (
    "close-after",
    "close-before",
    "status:500",
    "status:408",
    "gateway:502",
    "gateway:504",
    "html-200",
    "empty-200",
    "status-false-200",
    "garbage",
    "redirect",
    "truncate",
)
FAILED_READS = ("status:500", "gateway:503", "close-before", "garbage", "html-200", "status:429", "status:403")
OUTAGES = ("maintenance", "expired-token", "refused", "gateway:503", "status:429", "html-200", "close-before")
LISTINGS = ("repeated-last-page", "moving-pages", "no-filter", "empty-list", "restricted")

Sky = str | tuple[str, bool]

TOLD: Counter[str] = Counter()
"""How many of the histories came to what."""

which = st.integers(0, 5)
several = st.integers(1, 3)
writing = st.lists(which, max_size=2)
"""To which reports an officer responds before a cycle, so that most cycles have something to deliver."""
weather = (
    st.sampled_from(("as it is", "calm"))
    | st.tuples(st.sampled_from(LOST_WRITES), st.booleans())
    | st.just(("status:422", False))
)
"""How it is by then: most faults meet a city that lives, and many replies get lost, of a write that is stored or not."""


class Histories(RuleBasedStateMachine):
    """What citizens, admins, officers, networks, clocks and kernels do to a town."""

    database: ClassVar[str] = "sqlite"

    @initialize(
        luck=st.integers(0, 2**16), filed=st.integers(1, 3), is_mirrored=st.sampled_from((True, True, True, False))
    )
    def begin(self, luck: int, filed: int, is_mirrored: bool) -> None:
        """A town with a few reports, mirrored or not yet."""
        self.stack = ExitStack()
        folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        url = self.stack.enter_context(fresh(self.database, folder))
        self.town = self.stack.enter_context(town(url, luck))
        for _ in range(filed):
            self.town.world.file_report(opd=OPD)
        if is_mirrored:
            self.town.cycle()

    def teardown(self) -> None:
        """In the end all comes to rest, and is as it must be."""
        if not hasattr(self, "stack"):
            return
        with self.stack:
            if sys.exception() is None:
                settle_for_good(self.town)
            TOLD.update(self.town.reached)
            TOLD["histories"] += 1

    @invariant()
    def all_is_well(self) -> None:
        """What must be so at any time."""
        if hasattr(self, "town"):
            check(self.town)

    def one(self, which: int) -> str | None:
        """A report upstream: 0 is the newest."""
        there = self.town.reports()
        return there[-1 - which % len(there)] if there else None

    # Upstream.

    @rule(to=st.sampled_from((None, OPD, OTHER_OPD, CITY_ID)))
    def a_citizen_files(self, to: str | None) -> None:
        if len(self.town.reports()) < 7:
            self.town.world.file_report(opd=to)

    @rule(act=st.sampled_from(("reply", "satisfied", "reopen")), which=which)
    def a_citizen(self, act: str, which: int) -> None:
        self.upstream(act, which)

    @rule(
        act=st.sampled_from(("verify", "close", "archive", "reopen", "reject", "touch", "tunda", "unheard_of")),
        which=which,
    )
    def an_admin(self, act: str, which: int) -> None:
        self.upstream(act, which)

    @rule(to=st.sampled_from(INSTITUTIONS), which=which, off_the_list=st.booleans())
    def an_admin_disposes(self, to: str, which: int, off_the_list: bool) -> None:
        tracking_id = self.one(which)
        if tracking_id is None:
            return
        mine = self.town.mirrored(tracking_id)
        if to != OUTSIDE or (mine is not None and mine.read_at is not None):
            self.town.hide(tracking_id, to == OUTSIDE and off_the_list)
        self.town.act(tracking_id, lambda: self.town.world.dispose(tracking_id, to=to))

    @rule(which=which, copies=st.booleans())
    def someone_types_an_answer_on_the_site(self, which: int, copies: bool) -> None:
        tracking_id = self.one(which)
        if tracking_id is None:
            return
        mine = [
            one
            for one in self.town.known.letters.values()
            if one.tracking_id == tracking_id and one.kind == "response"
        ]
        content = mine[-1].text if copies and mine else None
        self.town.act(tracking_id, lambda: self.town.world.answer(tracking_id, content=content))

    @rule(which=which, how=st.sampled_from((None, None, "string", "no-id", "bad-date", "null")))
    def a_row_is_unreadable(self, which: int, how: str | None) -> None:
        tracking_id = self.one(which)
        if tracking_id is not None:
            self.town.world.corrupt(tracking_id, how=how)

    @rule(which=which, times=st.sampled_from((1, 2, None)))
    def a_report_is_not_found_though_it_is_there(self, which: int, times: int | None) -> None:
        tracking_id = self.one(which)
        if tracking_id is not None:
            self.town.deny(tracking_id, times)

    @precondition(lambda self: len(self.town.deleted) < 1)
    @rule(which=which)
    def a_report_is_deleted(self, which: int) -> None:
        tracking_id = self.one(which)
        if tracking_id is not None:
            self.town.delete(tracking_id)

    def upstream(self, act: str, which: int) -> None:
        """One of the stand-in's acts on one of its reports."""
        tracking_id = self.one(which)
        if tracking_id is None:
            return
        world = self.town.world
        names = {"tunda": "Tunda", "unheard_of": UNHEARD_OF}
        if act in names:
            self.town.act(tracking_id, lambda: world.set_status(tracking_id, status_name=names[act]))
        else:
            self.town.act(tracking_id, lambda: getattr(world, act)(tracking_id))

    # Officers here.

    @rule(which=which, count=several, is_secret=st.sampled_from((False, False, False, True)))
    def an_officer_responds(self, which: int, count: int, is_secret: bool) -> None:
        for _ in range(count):
            self.respond(which, is_secret=is_secret)

    def respond(self, which: int, *, is_secret: bool = False) -> None:
        if (tracking_id := self.one(which)) is not None:
            self.town.respond(tracking_id, is_secret=is_secret)

    @rule(which=which, to=st.sampled_from((OTHER_OPD, OUTSIDE)))
    def an_officer_forwards(self, which: int, to: str) -> None:
        if (tracking_id := self.one(which)) is not None:
            self.town.forward(tracking_id, to)

    @rule(which=which, act=st.sampled_from(list(OutboxAct)))
    def an_officer_changes_a_delivery(self, which: int, act: OutboxAct) -> None:
        self.change(which, act)

    def change(self, which: int, act: OutboxAct) -> None:
        if refs := list(self.town.known.letters):
            self.town.change(act, refs[-1 - which % len(refs)])

    @rule(number=which, how=st.sampled_from((How.KEEP_OURS, How.TAKE_UPSTREAM)))
    def an_officer_settles_a_conflict(self, number: int, how: How) -> None:
        self.town.settle_conflict(number, how)

    @rule()
    def an_officer_pauses(self) -> None:
        self.town.pause()

    @precondition(lambda self: self.town.is_paused())
    @rule()
    def an_officer_resumes(self) -> None:
        self.town.resume()

    @precondition(lambda self: self.database == "sqlite")
    @rule()
    def a_backup_is_taken(self) -> None:
        self.town.back_up()

    @precondition(lambda self: self.town.backup is not None)
    @rule()
    def the_backup_is_restored(self) -> None:
        self.town.restore()

    # The network.

    @rule(do=st.sampled_from(LOST_WRITES), stored=st.booleans(), times=st.sampled_from((1, 1, 2, 12)))
    def replies_to_writes_are_lost(self, do: str, stored: bool, times: int) -> None:
        self.fault(do, times, method="POST", stored=stored)

    @rule(
        do=st.sampled_from(("status:422", "status:403", "status:429", "gateway:403", "status:401")), times=several
    )
    def writes_are_not_taken(self, do: str, times: int) -> None:
        self.fault(do, times, method="POST", stored=False)

    @rule(
        do=st.sampled_from(FAILED_READS),
        path=st.sampled_from(("/complaints?", "/followups", "/complaint", "")),
        times=st.sampled_from((1, 3, 4, 9)),
    )
    def reads_fail(self, do: str, path: str, times: int) -> None:
        self.fault(do, times, method="GET", path=path)

    def fault(
        self, do: str, times: int | None, *, method: str, path: str = "", stored: bool | None = None
    ) -> None:
        self.town.world.add_faults(
            {"match": {"method": method, "path": path}, "times": times, "do": do, "stored": stored}
        )

    @rule(what=st.sampled_from(OUTAGES))
    def an_outage_begins(self, what: str) -> None:
        if what == "refused":
            self.town.refuse()
        elif what in {"maintenance", "expired-token"}:
            self.town.world.set_scenario(what)
        else:
            for method in ("GET", "POST"):
                self.fault(what, None, method=method, stored=False)

    @rule(what=st.sampled_from(LISTINGS))
    def the_list_is_odd(self, what: str) -> None:
        self.town.world.set_scenario(what)

    @rule(seconds=st.sampled_from((5.0, 60.0, GRACE - 0.5)))
    def answers_are_shown_late(self, seconds: float) -> None:
        self.town.late = seconds

    @rule()
    def all_is_calm(self) -> None:
        self.town.calm()

    # Time.

    @rule(seconds=st.sampled_from((1.0, 30.0, GRACE, 300.0, 3_600.0, 40_000.0, 90_000.0)))
    def time_passes(self, seconds: float) -> None:
        self.town.clocks.sleep(seconds)

    @rule(hours=st.sampled_from((-30, -5, -1, 1, 5, 30)))
    def our_clock_is_set(self, hours: int) -> None:
        self.town.clocks.wall_ahead += hours * 3600

    @rule(seconds=st.sampled_from((5.0, 3_600.0, 40_000.0)))
    def their_clock_is_set(self, seconds: float) -> None:
        self.town.clocks.upstream_ahead += seconds

    # The program.

    @rule(apart=st.sampled_from((0.0, 300.0)), to=writing, sky=weather)
    def a_cycle(self, apart: float, to: list[int], sky: Sky) -> None:
        self.prepare(to, sky)
        self.town.clocks.sleep(apart)
        self.town.cycle()

    def prepare(self, to: list[int], sky: Sky) -> None:
        """How a cycle finds the world and the outbox."""
        if sky != "as it is":
            self.town.calm()
        if isinstance(sky, tuple):
            self.fault(sky[0], 1, method="POST", stored=sky[1])
        for one in to:
            self.respond(one)

    @rule(count=several, to=writing, sky=weather)
    def cycles(self, count: int, to: list[int], sky: Sky) -> None:
        self.prepare(to, sky)
        for _ in range(count):
            self.town.clocks.sleep(300)
            self.town.cycle()
            check(self.town)

    @rule(step=st.sampled_from(STEPS), nth=several, reboots=st.booleans(), to=writing, sky=weather)
    def a_cycle_is_killed(self, step: str, nth: int, reboots: bool, to: list[int], sky: Sky) -> None:
        self.prepare(to, sky)
        self.town.cycle(plan=Plan(step, nth, self.town.die))
        if reboots:
            self.town.clocks.boot()

    @rule(step=st.sampled_from(STEPS), nth=several, to=writing, sky=weather)
    def a_cycle_is_stopped(self, step: str, nth: int, to: list[int], sky: Sky) -> None:
        self.prepare(to, sky)
        self.town.cycle(plan=Plan(step, nth, self.town.stop))

    @rule(
        step=st.sampled_from([step for step in STEPS if step not in INSIDE]),
        nth=several,
        which=which,
        what=st.sampled_from(
            ("respond", "cancel", "hold", "retry", "settle", "reply", "answer", "satisfied", "reopen", "dispose")
        ),
        to=writing,
        sky=weather,
    )
    def a_cycle_beside_which_something_happens(
        self, step: str, nth: int, which: int, what: str, to: list[int], sky: Sky
    ) -> None:
        self.prepare(to, sky)
        self.town.cycle(plan=Plan(step, nth, self.beside(what, which)))

    def beside(self, what: str, which: int) -> Callable[[], object]:
        """Something that a person does while a cycle runs."""
        if what == "respond":
            return lambda: self.respond(which)
        if what in {"cancel", "hold", "retry"}:
            return lambda: self.change(which, OutboxAct(what))
        if what == "settle":
            return lambda: self.town.settle_conflict(which, How.KEEP_OURS)
        if what == "dispose":
            return lambda: self.an_admin_disposes(OTHER_OPD, which, False)
        return lambda: self.upstream(what, which)

    @rule()
    def a_cycle_that_observes(self) -> None:
        self.town.cycle(observe=True)

    @rule(step=st.none() | st.sampled_from(STEPS[:7]))
    def a_backfill(self, step: str | None) -> None:
        self.town.backfill(None, Plan(step, 1, self.town.die) if step else None)

    @rule()
    def an_export_is_downloaded(self) -> None:
        self.town.export()

    @rule(which=which)
    def an_export_is_imported(self, which: int) -> None:
        self.town.take_export(-1 - which)

    @rule(answers=st.booleans(), count=several)
    def a_report_that_only_an_export_knows_is_answered(self, answers: bool, count: int) -> None:
        """Its thread was never read when its officer writes; somebody may have answered on the site already."""
        if len(self.town.reports()) < 7:
            tracking_id = self.town.world.file_report(opd=OPD)["tracking_id"]
            if answers:
                self.town.act(tracking_id, lambda: self.town.world.answer(tracking_id))
            self.town.export()
            self.town.take_export(-1)
            for _ in range(count):
                self.town.respond(tracking_id)

    @rule(to=which, do=st.sampled_from(("close-before", "gateway:502", "status:500")))
    def a_response_never_arrives(self, to: int, do: str) -> None:
        """Try after try its reply is lost, and it is not stored either."""
        self.prepare([to], "calm")
        self.fault(do, None, method="POST", stored=False)
        for _ in range(12):
            self.town.clocks.sleep(900)
            self.town.cycle()
            check(self.town)

    @rule(reboots=st.booleans())
    def the_process_is_started_anew(self, reboots: bool) -> None:
        if reboots:
            self.town.clocks.boot()
        self.town.restart()

    @rule()
    def all_comes_to_rest(self) -> None:
        settle(self.town)


class OnPostgreSQL(Histories):
    """The same on the other database."""

    database: ClassVar[str] = "postgresql"


def tell(machine: type[Histories], count: int) -> None:
    """So many histories, by the seed."""
    print(f"HISTORIES_SEED={SEED}")
    chosen = settings(
        max_examples=count,
        stateful_step_count=int(os.environ.get("HISTORIES_STEPS", "30")),
        deadline=None,
        database=None,
        report_multiple_bugs=False,
        phases=PHASES,
        suppress_health_check=list(HealthCheck),
    )
    TOLD.clear()
    try:
        run_state_machine_as_test(seed(SEED)(machine), settings=chosen)
    finally:
        print("\n".join(f"{number:6} {what}" for what, number in TOLD.most_common()))


@pytest.mark.timeout(400 + 10 * HISTORIES)
def test_random_histories() -> None:
    """On SQLite."""
    tell(Histories, HISTORIES)


@pytest.mark.timeout(400 + 10 * HISTORIES)
def test_random_histories_on_postgresql() -> None:
    """On PostgreSQL."""
    tell(OnPostgreSQL, max(HISTORIES // 3, 1))
