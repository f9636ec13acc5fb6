"""The composition root: settings become store, connector and rules, and these are put together for one purpose."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Self

import structlog

from lapor_sync.clock import SystemClock
from lapor_sync.config import (
    Secrets,
    Settings,
    files_folder,
    read_channels,
    read_dated_file,
    read_secrets,
    setting_name,
)
from lapor_sync.daemon import Loop, Notifier, Stopping, stand_by, thinned
from lapor_sync.domain.advice import Todo, advise
from lapor_sync.domain.calendar import WorkingDays
from lapor_sync.domain.delivery import State
from lapor_sync.domain.errors import BadInput, SettingsWrong, StoreError, UpstreamError
from lapor_sync.domain.limits import load_calendar, load_limits, packaged
from lapor_sync.domain.names import shown_name, shown_time
from lapor_sync.domain.people import Actor
from lapor_sync.domain.ports import Clock, Connector, Sender
from lapor_sync.log import Thinned
from lapor_sync.mirror.mirror import Log, Mirror, Pace, Rules
from lapor_sync.monitoring.watch import NOBODY, Watch
from lapor_sync.notices.telling import Telling, beside, tell_for_a_while
from lapor_sync.office import FileLimits
from lapor_sync.store import backup, lock, marks, outbox, people, witness
from lapor_sync.store.backup import Contents
from lapor_sync.store.database import Store, make_engine, open_store
from lapor_sync.store.file_folder import FileFolder
from lapor_sync.store.lock import Holding, database_of
from lapor_sync.store.marks import Mark
from lapor_sync.store.outbox import Queued
from lapor_sync.sync import restore
from lapor_sync.sync.cycle import CycleResult, run_cycle, run_without_upstream
from lapor_sync.sync.intake import Intake
from lapor_sync.sync.pull import Span, Tally
from lapor_sync.sync.setup import Keeping, Setup, no_step
from lapor_sync.sync.take_export import take_export
from lapor_sync.words.en import told
from lapor_sync.words.notices_id import Place

if TYPE_CHECKING:
    from connectors.sp4n_v3 import Sp4nV3
    from connectors.sp4n_v3.sampling import Sample
    from connectors.transport import Shown
    from connectors.transport.pacing import Line


def rules_of(settings: Settings) -> Rules:
    """The city's rules. Raises SettingsWrong where a file of limits or holidays cannot be used."""
    limits = load_limits(read_dated_file(settings.deadlines_file) if settings.deadlines_file else packaged())
    calendar = load_calendar(read_dated_file(settings.holidays_file) if settings.holidays_file else "")
    return Rules(
        city=settings.city,
        limits=limits,
        working_days=WorkingDays.of(settings.timezone, calendar),
        prefix=settings.ref_prefix,
        grace=timedelta(seconds=settings.readback_grace_seconds),
    )


def pace_of(settings: Settings) -> Pace:
    """How often and how much at a time."""
    return Pace(
        poll_seconds=settings.poll_seconds,
        concurrency=settings.concurrency,
        rate_per_second=settings.rate_per_second,
        raw_days=settings.raw_days,
        reporter_name_days=settings.reporter_name_days,
    )


def file_limits_of(settings: Settings) -> FileLimits:
    """What upstream takes as attached files."""
    return FileLimits(
        types=settings.attach_types,
        max_bytes=int(settings.attach_max_mb * 2**20),
        max_count=settings.attach_max,
    )


@contextmanager
def connector_of(
    settings: Settings,
    secrets: Secrets,
    clock: Clock,
    stopping: Callable[[], bool],
    may_leave: Callable[[], bool] = lambda: False,
    watch: Watch = NOBODY,
    line: Line | None = None,
    shown: Shown | None = None,
) -> Iterator[Sp4nV3]:
    """The connector to LAPOR, closed at the end. Who does not say when a write may leave can only read.

    `shown` is given each answer to a read. Raises SettingsWrong where address or credentials are missing."""
    from connectors.sp4n_v3 import Sp4nSettings, Sp4nV3
    from connectors.transport import Transport, TransportSettings

    if settings.upstream_url is None or secrets.bearer is None or secrets.token is None:
        # By the secrets as they are now: a file that was given may have been emptied since.
        needed = {"upstream_url": settings.upstream_url, "bearer": secrets.bearer, "token": secrets.token}
        missing = [setting_name(name) for name, value in needed.items() if value is None]
        raise SettingsWrong(tuple(f"{name} is missing: it is needed to call LAPOR" for name in missing))
    transport = TransportSettings(
        base_url=settings.upstream_url,
        bearer=secrets.bearer.get_secret_value(),
        token=secrets.token.get_secret_value(),
        auth_header=settings.auth_header,
        headers={name: value.get_secret_value() for name, value in secrets.headers.items()},
        concurrency=settings.concurrency,
        rate_per_second=settings.rate_per_second,
        connect_timeout=settings.connect_timeout,
        read_timeout=settings.read_timeout,
    )
    assumed = Sp4nSettings(
        list_path=settings.list_path,
        updated_param=settings.list_updated_param,
        page_size=settings.list_page_size,
        reply_template=settings.reply_template,
        timezone=settings.upstream_timezone.key,
    )

    def heard(call: str, outcome: str, seconds: float) -> None:
        watch.call(settings.agency, call, outcome, seconds)

    with Transport(
        transport, clock=clock, stopping=stopping, may_leave=may_leave, heard=heard, shown=shown, line=line
    ) as client:
        yield Sp4nV3(client, assumed)


def sender_of(settings: Settings) -> Sender | None:
    """The channels on which people are told things; None where there are none. Raises SettingsWrong."""
    from connectors.notifying import Channels

    urls = read_channels(settings)
    if settings.notify_from is None or not (urls.technical or urls.person):
        return None
    return Channels(
        sender=settings.notify_from,
        person={kind: url.get_secret_value() for kind, url in urls.person.items()},
        technical_urls=tuple(url.get_secret_value() for url in urls.technical),
    )


def place_of(settings: Settings) -> Place:
    """Where links in notices lead, and the zone of their days."""
    return Place(settings.board_public_url or "", settings.timezone)


@dataclass
class App:
    """One run of the program on one database."""

    settings: Settings
    log: Log = field(default_factory=structlog.get_logger)
    clock: Clock = field(default_factory=SystemClock)
    stopping: Stopping = field(default_factory=Stopping)
    spread: Callable[[], float] = random.random
    step: Callable[[str], None] = no_step
    watch: Watch = NOBODY
    line: Line | None = None
    asked: Callable[[], bool] = field(init=False)
    _intake: Intake | None = field(init=False)
    holding: Holding | None = field(init=False, default=None)

    @classmethod
    def of(cls, settings: Settings, **more: Any) -> Self:
        """The program for an agency; where there may be others, each line of its log names it."""
        log = structlog.get_logger()
        return cls(settings, log.bind(agency=settings.agency) if settings.agencies_dir else log, **more)

    def __post_init__(self) -> None:
        self.asked = self.stopping
        folder = self.settings.import_dir
        self._intake = Intake(folder, self.clock, self.log, told) if folder is not None else None

    @contextmanager
    def store(self, *, anew: bool = True) -> Iterator[Store]:
        """The database, migrated as needed; `anew`: made where there is none, else that is NoDatabase."""
        store = open_store(self.settings.database_url, self.settings.agency, self.clock, anew=anew)
        try:
            yield store
        finally:
            store.close()

    @contextmanager
    def mirror(self, *, anew: bool = True) -> Iterator[Mirror]:
        """What acts of a person and exports need; `anew` as in `store`."""
        with self.store(anew=anew) as store:
            yield self.mirror_on(store)

    def mirror_on(self, store: Store) -> Mirror:
        """The same over a database that is open. Raises SettingsWrong."""
        return Mirror(store=store, rules=rules_of(self.settings), log=self.log, pace=pace_of(self.settings))

    @contextmanager
    def working(
        self, what: str, progress: Callable[[int, int | None], None] = lambda _done, _total: None
    ) -> Iterator[Setup]:
        """The database's one worker, with the connector. Raises LockHeld where somebody else is at work."""
        with ExitStack() as stack:
            self.line = self._what_workers_leave(stack)
            secrets = read_secrets(self.settings)
            connector = stack.enter_context(
                connector_of(self.settings, secrets, self.clock, self.asked, self.may_leave, line=self.line)
            )
            store = stack.enter_context(self.store())
            self.holding = stack.enter_context(lock.working(store.engine, store.agency, what))
            yield self._setup(self.mirror_on(store), connector, secrets, progress)

    def _what_workers_leave(self, stack: ExitStack) -> Line | None:
        """The places before the gateway that no worker wants; None where no workers are at work."""
        settings = self.settings
        rate, address = settings.gateway_per_second, settings.upstream_url
        if settings.agencies_dir is None or not settings.database_url.startswith("postgresql") or not rate:
            return None
        from lapor_sync.store import work_queue
        from lapor_sync.store.gateway import GatewayLine, address_of

        engine = make_engine(settings.database_url)
        stack.callback(engine.dispose)
        if address is None or not work_queue.has_workers(engine):
            return None
        return GatewayLine(engine, address_of(address), rate, self.clock, only_if_idle=True)

    def _setup(
        self,
        mirror: Mirror,
        connector: Connector,
        secrets: Secrets,
        progress: Callable[[int, int | None], None] = lambda _done, _total: None,
    ) -> Setup:
        return Setup(
            store=mirror.store,
            rules=mirror.rules,
            log=mirror.log,
            pace=mirror.pace,
            connector=connector,
            clock=self.clock,
            spread=self.spread,
            user_id=self.settings.user_id,
            observe=self.settings.observe,
            step=self.step,
            stopping=self.asked,
            progress=progress,
            holding=self.holding or Holding(),
            keeping=self._keeping(),
            credentials_end=secrets.ends(),
        )

    def _keeping(self) -> Keeping | None:
        """How citizens' files are kept; None where only their names are."""
        from connectors.transport import Outside

        settings = self.settings
        if settings.attachments != "keep" or settings.upstream_url is None:
            return None
        return Keeping(
            source=Outside(settings.upstream_url, hosts=settings.attachments_hosts, stopping=self.asked),
            folder=FileFolder(files_folder(settings, os.environ)),
            most=int(settings.attachments_max_gb * 10**9),
        )

    # What runs.

    def once(self) -> CycleResult:
        """One cycle: pull, reconcile, push, then the folder of exports. Raises LockHeld where somebody is at work."""
        with self.store() as store, self.cycles(store) as cycle:
            return cycle()

    @contextmanager
    def cycles(self, store: Store) -> Iterator[Callable[[], CycleResult]]:
        """What works one cycle and tells people of it, and holds the agency while it lasts; what LAPOR is called with is
        kept in between.

        Raises SettingsWrong where there is nothing to do.
        """
        self._need_something_to_do()
        mirror = self.mirror_on(store)
        telling = self._telling(mirror)
        with self._upstream(mirror) as upstream:

            def cycle() -> CycleResult:
                with lock.working(store.engine, store.agency, "cycle") as holding:
                    self.holding = holding
                    try:
                        outcome = self._timed(lambda: self._cycle(mirror, upstream))
                        tell_for_a_while(telling)
                        return outcome
                    finally:
                        self.holding = None

            yield cycle

    def daemon(self, environ: Mapping[str, str], *, standby: bool = False) -> None:
        """Work until asked to stop. `standby`: wait until the database is free, instead of raising LockHeld.

        Raises StoreUnavailable where the lock is lost: to be started again is the way back.
        """
        self._need_something_to_do()
        notifier = Notifier(environ)
        with ExitStack() as stack:
            store = stack.enter_context(self.store())
            stack.enter_context(self._watched(store, notifier))
            self.holding = self._hold(stack, store, notifier, standby=standby)
            if self.holding is None:
                return
            mirror = self.mirror_on(store)
            telling = self._telling(mirror)
            self._beat(notifier)
            upstream = stack.enter_context(self._upstream(mirror))
            self.log.info("daemon_started", database=self.settings.database_shown)
            stack.enter_context(beside(telling))
            Loop(
                cycle=lambda: self._timed(lambda: self._cycle(mirror, upstream)),
                stopping=self.stopping,
                clock=self.clock,
                log=self.log,
                poll_seconds=self.settings.poll_seconds,
                spread=self.spread,
                notifier=notifier,
                check=self.holding.check,
                woken=Woken(store),
            ).run()
            self.log.info("daemon_stopped")

    def restore(self, file: Path | None, actor: Actor) -> Restored:
        """Go on from a backup (None: the database was restored by other means), with delivery paused.

        Then one cycle reads what is open. Raises LockHeld where somebody is at work, BadInput for a file that cannot
        be taken; nothing was changed then.
        """
        rules = rules_of(self.settings)
        with ExitStack() as stack:
            engine = make_engine(self.settings.database_url)
            stack.callback(engine.dispose)
            self.holding = stack.enter_context(lock.alone(engine, "restore"))
            found = self._put_back(file, rules, actor) if file is not None else None
            store = stack.enter_context(self.store())
            contents, aside = found or (_begin_on(store, rules, actor), None)
            mirror = self.mirror_on(store)
            upstream = stack.enter_context(self._upstream(mirror))
            outcome = run_cycle(upstream.setup()) if upstream else None
            with store.reading() as work:
                return Restored(
                    contents=contents,
                    aside=aside,
                    waiting=restore.waiting(work),
                    held=outbox.counts(work)[State.HELD],
                    has_people=bool(people.count(work)),
                    was_read=outcome is not None,
                    error=outcome.error if outcome else None,
                )

    def _put_back(self, file: Path, rules: Rules, actor: Actor) -> tuple[Contents, Path | None]:
        database = backup.database_file(self.settings.database_url)
        assert database is not None
        return restore.put_back(file, database, self.settings.agency, self.clock, rules, actor)

    def _hold(self, stack: ExitStack, store: Store, notifier: Notifier, *, standby: bool) -> Holding | None:
        """Hold the database. None where a standby was asked to stop before it came to that."""

        def take() -> Holding:
            return stack.enter_context(lock.working(store.engine, store.agency, "daemon"))

        return stand_by(take, self.stopping, notifier, self.log) if standby else take()

    @contextmanager
    def _watched(self, store: Store, notifier: Notifier) -> Iterator[None]:
        """Let a monitor ask, where it is wanted. Raises SettingsWrong where the address cannot be had."""
        if self.settings.metrics_listen is None:
            yield
            return
        from lapor_sync.monitoring.health import Polled
        from lapor_sync.monitoring.measures import CycleMeasures, daemon_working
        from lapor_sync.monitoring.serving import watched

        mine = [Polled(store, self.settings.poll_seconds, self.settings.city)]
        given = self.settings.metrics_listen
        with watched(given, lambda: mine, self.clock, self.log, notifier.silent) as registry:
            self.watch = CycleMeasures(registry)
            daemon_working(registry).labels(store.agency).set_function(lambda: float(self.holding is not None))
            yield

    def _timed(self, cycle: Callable[[], CycleResult]) -> CycleResult:
        began, outcome = self.clock.monotonic(), "failed"
        try:
            result = cycle()
            outcome = "done" if result.error is None else "ended_early"
            return result
        finally:
            self.watch.cycle(self.settings.agency, outcome, self.clock.monotonic() - began)

    def may_leave(self) -> bool:
        """Whether a write may leave now: only of the process that works the database."""
        return self.holding is not None and self.holding.may_leave()

    def _beat(self, notifier: Notifier) -> None:
        """Let each step, and each wait for upstream, feed the watchdog."""
        reached, asked = self.step, self.stopping

        def step(name: str) -> None:
            notifier.alive()
            reached(name)

        def stopping() -> bool:
            notifier.alive()
            return asked()

        self.step, self.asked = step, stopping

    def _need_something_to_do(self) -> None:
        if not self.settings.can_call_upstream and self.settings.import_dir is None:
            missing = ", ".join(self.settings.missing_for_upstream())
            raise SettingsWrong(
                (
                    f"{missing} missing: without an API account set {setting_name('import_dir')}, a folder for exports",
                )
            )

    def _cycle(self, mirror: Mirror, upstream: Upstream | None) -> CycleResult:
        outcome = run_cycle(upstream.setup()) if upstream else run_without_upstream(mirror)
        if self.holding is not None:
            self.holding.check()  # who lost it takes nothing more
        if not self.stopping():
            self.take_imports(mirror)  # last: a file that breaks us must not stop the city's responses
        return outcome

    def _telling(self, mirror: Mirror) -> Telling | None:
        """How people are told things; None where there is no channel. It feeds no watchdog: that is the cycle's."""
        sender = sender_of(self.settings)
        if sender is None:
            return None
        database = backup.database_file(self.settings.database_url)
        folder = database.parent if database is not None else files_folder(self.settings, os.environ)
        return Telling(
            mirror=mirror,
            sender=sender,
            clock=self.clock,
            place=place_of(self.settings),
            digest_at=self.settings.digest_at,
            free=partial(free_share, folder),
            spread=self.spread,
            step=self.step,
            stopping=self.stopping,
        )

    @contextmanager
    def _upstream(self, mirror: Mirror) -> Iterator[Upstream | None]:
        """The connector for as long as the program runs; None in a city without an API account."""
        if not self.settings.can_call_upstream:
            self.log.info("no_api_account", what="Only the folder of exports is watched.")
            yield None
            return
        self._say_if_nothing_leaves()
        with ExitStack() as stack:
            from connectors.sp4n_v3.sampling import Sample

            sample = Sample(self.settings.list_path)
            yield Upstream(app=self, mirror=mirror, stack=stack, sample=sample, trouble=thinned(self.log))

    def _say_if_nothing_leaves(self) -> None:
        """Responses that wait for a setting wait in silence otherwise: for ever."""
        missing = ", ".join(self.settings.missing_for_push())
        if self.settings.observe:
            self.log.info("nothing_leaves", what=f"{setting_name('observe')} is set.")
        elif missing:
            self.log.warning("nothing_leaves", what=f"{missing} missing.", todo=advise(Todo.SET_MISSING))

    def take_imports(self, mirror: Mirror) -> int:
        """Import what was dropped into IMPORT_DIR; how many exports went in."""
        if self._intake is None:
            return 0

        def take(file: BinaryIO, name: str) -> Tally:
            return self.take_export(mirror, Path(name), file=file, progress=lambda _done: self.step("imported"))

        return self._intake.take_all(take)

    def take_export(
        self,
        mirror: Mirror,
        path: Path,
        *,
        file: BinaryIO | None = None,
        as_of: datetime | None = None,
        span: Span | None = None,
        progress: Callable[[int], None] = lambda _done: None,
    ) -> Tally:
        """Import one export; `file` is that of the path, where it is open. Raises BadInput for a file that is none."""
        from connectors.admin_export import open_export

        zone = self.settings.upstream_timezone
        with open_export(path, file=file, timezone=zone, as_of=as_of) as export:
            info = export.info
            if info.missing_columns:
                self.log.warning(
                    "export_columns_missing",
                    what=f"{shown_name(path.name)} lacks {', '.join(info.missing_columns)}.",
                )
            if info.hidden_sheets:
                hidden = ", ".join(info.hidden_sheets)
                self.log.warning("export_sheets_hidden", what=f"{shown_name(path.name)}: {hidden} not read.")
            if info.generated_at > self.clock.now() + timedelta(days=1):
                made_at = shown_time(info.generated_at, self.settings.timezone)
                raise BadInput(
                    f"{shown_name(path.name)} says it was generated on {made_at}: that is to come.",
                    todo=advise(Todo.SAY_AGE),
                )
            return take_export(
                mirror,
                export.rows(),
                info.generated_at,
                span=span,
                progress=progress,
                on_day=info.generated_on_day,
            )


def free_share(folder: Path) -> float | None:
    """The share of a folder's disk that is free for this user; None where that cannot be told."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return None
    return found.f_bavail / found.f_blocks if found.f_blocks else None


@dataclass
class Woken:
    """Whether a person let something go since it was last asked; a database that cannot be read tells of nobody."""

    store: Store
    last: str | None = None

    def __call__(self) -> bool:
        before = self.last
        with suppress(StoreError), self.store.reading() as work:
            self.last = marks.get(work, Mark.WAKE)
        return self.last != before


@dataclass(frozen=True, kw_only=True)
class Restored:
    """What came of a restore. `contents`: of the backup; `aside`: where the database that was there is kept.

    `was_read`: whether open reports were read; `error`: what ended that early.
    """

    contents: Contents
    aside: Path | None
    waiting: list[Queued]
    held: int
    has_people: bool
    was_read: bool
    error: UpstreamError | None


def _begin_on(store: Store, rules: Rules, actor: Actor) -> Contents:
    """What is in a database that other means restored; it is begun with as with any other. Raises AuditBroken."""
    with store.reading() as work:
        contents = backup.contents(work.conn)
    restore.begin_all(store, contents, rules, actor, {})
    if (database := database_of(store.engine)) is not None:
        witness.forget(database)
    return contents


@dataclass
class Upstream:
    """The connector with the credentials as their files hold them now: a new token needs no restart."""

    app: App
    mirror: Mirror
    stack: ExitStack
    sample: Sample
    trouble: Thinned
    secrets: Secrets | None = None
    unusable: Secrets | None = None
    made: Setup | None = None

    def setup(self) -> Setup:
        """The setup for the next cycle. Raises SettingsWrong where no credentials could ever be used."""
        secrets = self._secrets_now()
        if self.made is None or (secrets != self.secrets and secrets != self.unusable):
            self._connect(secrets)
        assert self.made is not None
        if (holding := self.app.holding) is not None and self.made.holding is not holding:
            self.made = replace(self.made, holding=holding)  # each cycle of a queue holds the agency anew
        return self.made

    def _secrets_now(self) -> Secrets:
        try:
            return read_secrets(self.app.settings)
        except SettingsWrong as error:
            if self.secrets is None:
                raise
            self.trouble.again("credentials_unreadable", what=error.what, todo=error.todo)
            return self.secrets

    def _connect(self, secrets: Secrets) -> None:
        """A connector with these credentials in the place of the last one, which stays if they cannot be used."""
        app, stack = self.app, ExitStack()
        try:
            connector = stack.enter_context(
                connector_of(
                    app.settings,
                    secrets,
                    app.clock,
                    app.asked,
                    app.may_leave,
                    app.watch,
                    app.line,
                    self.sample.seen,
                )
            )
        except SettingsWrong as error:
            if self.made is None:
                raise
            self.unusable = secrets
            app.log.error("credentials_unreadable", what=error.what, todo=error.todo)
            return
        self.stack.pop_all().close()
        self.stack.push(stack)
        if self.made is None:
            made = app._setup(self.mirror, connector, secrets)
            self.made = replace(made, sample=self.sample)
        else:
            app.log.info("credentials_changed")
            self.made = replace(self.made, connector=connector, credentials_end=secrets.ends())
        self.secrets, self.unusable = secrets, None
