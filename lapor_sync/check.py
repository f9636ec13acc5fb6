"""The first thing a city runs: questions about settings, database and LAPOR, each answered, with what to do.

Reads only: no database is made, nothing is written upstream. Each section yields its lines as soon as they are
known; a section that needs what an earlier one found wanting says nothing.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_address
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from lapor_sync.app import connector_of, rules_of
from lapor_sync.clock import SystemClock
from lapor_sync.config import DEFAULT_CONFIG, SECRETS, Settings, default_database_url, read_secrets, setting_name
from lapor_sync.domain.calendar import joint_holidays_known
from lapor_sync.domain.colour import is_known
from lapor_sync.domain.errors import (
    BadRecord,
    Denied,
    LaporSyncError,
    LockHeld,
    Missing,
    SettingsWrong,
    StoreError,
    UpstreamError,
)
from lapor_sync.domain.files import open_regular, read_text
from lapor_sync.domain.limits import in_force
from lapor_sync.domain.names import shown_time
from lapor_sync.domain.ports import Clock, Connector, ListPage
from lapor_sync.domain.report import ItemKind, Report
from lapor_sync.mirror.judging import Rules
from lapor_sync.store import marks, outbox, pauses, reports, server
from lapor_sync.store.backup import database_file
from lapor_sync.store.database import Store, Work, make_engine, need_utf8, schema_version
from lapor_sync.store.marks import Mark
from lapor_sync.store.schema import HEAD
from lapor_sync.sync.pull import NEEDED

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from connectors.sp4n_v3 import Sp4nV3

T = TypeVar("T")


@dataclass
class _Known:
    """What calls take about reports of the mirror: some of them, and those whose thread could not be read."""

    ids: list[str] = field(default_factory=list)
    troubled: list[str] = field(default_factory=list)


OK, LOOK, WRONG = "ok", "look", "WRONG"
"""Fine; a person should know; does not work as it is."""

HEADERS = ("auth", "Authorization")
NEAR, FAR = timedelta(seconds=10), timedelta(minutes=2)
"""A clock that may be off by less than the first is fine; by more than the second for certain, it is wrong."""

CERTIFICATE_DAYS = 21
CONNECT_SECONDS = 10.0
_MAY_BE_ASKED = 5
"""Reports that are tried until one can be read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One question, its answer, and what to do; `verdict` is OK, LOOK or WRONG."""

    question: str
    answer: str
    verdict: str = OK
    todo: str = ""
    is_setting: bool = False


def check_settings(wrong: SettingsWrong) -> Iterator[Line]:
    """Every problem of settings that cannot be used at all."""
    for problem in wrong.problems:
        yield _setting_wrong("Are the settings right?", problem, "")
    yield _setting_wrong("What can be checked now?", "nothing more", wrong.todo)


def check(
    settings: Settings, config: Path | None, environ: Mapping[str, str], clock: Clock | None = None
) -> Iterator[Line]:
    """All lines, given settings that are sound in themselves."""
    clock = clock or SystemClock()
    yield from _about_settings(settings, config, environ)
    yield from _about_secrets(settings, config, environ)
    yield from _about_folder(settings)
    known = _Known()
    yield from _about_database(settings, environ, clock, known)
    yield from _about_rules(settings, clock)
    if settings.can_call_upstream:
        yield from _about_upstream(settings, clock, known)


def _setting_wrong(question: str, answer: str, todo: str = SettingsWrong.todo) -> Line:
    return Line(question=question, answer=answer, verdict=WRONG, todo=todo, is_setting=True)


# Settings.


def _about_settings(settings: Settings, config: Path | None, environ: Mapping[str, str]) -> Iterator[Line]:
    yield Line(question="Are the settings right?", answer=f"yes, {_sources(config, environ)}")
    yield _may_call(settings)
    yield _may_send(settings)
    yield _city(settings)


def _sources(config: Path | None, environ: Mapping[str, str]) -> str:
    given = sum(name.startswith("LAPOR_SYNC_") and bool(value) for name, value in environ.items())
    path = config or DEFAULT_CONFIG
    file = f"from {path}" if path.is_file() else f"no file {path}"
    return f"{file}, {given} in the environment"


def _may_call(settings: Settings) -> Line:
    question, missing = "Is there an API account?", settings.missing_for_upstream()
    if not missing:
        return Line(question=question, answer="yes: address, bearer and token are set")
    answer = f"no: {', '.join(missing)} missing"
    if settings.import_dir is not None:
        todo = "Nothing, if the city has none: exports dropped in LAPOR_SYNC_IMPORT_DIR are mirrored."
        return Line(question=question, answer=answer, verdict=LOOK, todo=todo)
    return _setting_wrong(question, answer, "Set them; or, without an account, LAPOR_SYNC_IMPORT_DIR for exports.")


def _may_send(settings: Settings) -> Line:
    question, missing = "May responses leave?", settings.missing_for_push()
    if settings.observe:
        todo = "Set LAPOR_SYNC_OBSERVE to false when `lapor-sync plan` is what you want."
        return Line(question=question, answer="no: observing only", verdict=LOOK, todo=todo)
    if missing:
        todo = "Set them when responses are to be sent; until then they wait in the outbox."
        return Line(question=question, answer=f"no: {', '.join(missing)} missing", verdict=LOOK, todo=todo)
    return Line(question=question, answer=f"yes, marked [Ref {settings.ref_prefix}-...]")


def _city(settings: Settings) -> Line:
    question = "Which institutions are the city's?"
    if settings.opd_ids:
        return Line(question=question, answer=f"its own and {len(settings.opd_ids)} OPDs")
    todo = "List them in LAPOR_SYNC_OPD_IDS; else no report can be told to be out of the city."
    return Line(question=question, answer="every one: LAPOR_SYNC_OPD_IDS is empty", verdict=LOOK, todo=todo)


# Secrets.


def _about_secrets(settings: Settings, config: Path | None, environ: Mapping[str, str]) -> Iterator[Line]:
    question = "Who can read the secrets?"
    problems = [*_open_files(settings, config), *_in_service(environ)]
    for answer, todo in problems:
        yield Line(question=question, answer=answer, verdict=WRONG, todo=todo)
    if not problems and any(getattr(settings, name) is not None for name in SECRETS):
        in_shell = any(environ.get(setting_name(name), "").strip() for name in SECRETS)
        answer = "this shell: a service needs them in credential files" if in_shell else "this user only"
        yield Line(question=question, answer=answer)


def _open_files(settings: Settings, config: Path | None) -> Iterator[tuple[str, str]]:
    """Files that hold a secret and that every user of the machine may read."""
    files: dict[str, Path | None] = {name: getattr(settings, f"{name}_file") for name in SECRETS}
    held = any(getattr(settings, name) and not files[name] for name in SECRETS)
    if held and _names_a_secret(config or DEFAULT_CONFIG):
        files["settings"] = config or DEFAULT_CONFIG
    for name, path in files.items():
        if path is not None and _is_open(path):
            yield f"every user: the {name} file has mode {path.stat().st_mode & 0o777:o}", f"chmod 600 {path}"


def _names_a_secret(path: Path) -> bool:
    try:
        return bool(re.search(r"(?mi)^\s*(bearer|token)\s*=", read_text(path)))
    except OSError:
        return False


def _is_open(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & 0o004)
    except OSError:
        return False


def _in_service(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """A service's `Environment=` can be read by every user: `systemctl show`."""
    if "INVOCATION_ID" not in environ:
        return
    for name in map(setting_name, SECRETS):
        if environ.get(name, "").strip():
            yield (
                f"every user: {name} is in the environment of a service",
                "Use LoadCredential= in the unit instead, as deploy/systemd shows.",
            )


# The folder of exports.


def _about_folder(settings: Settings) -> Iterator[Line]:
    from lapor_sync.sync.intake import why_not

    folder, question = settings.import_dir, "Can exports be imported?"
    if folder is None:
        return
    reason, database = why_not(folder), database_file(settings.database_url)
    if reason is not None:
        todo = "Make a folder for exports alone, and set LAPOR_SYNC_IMPORT_DIR to it."
        yield Line(question=question, answer=f"no: {reason}", verdict=WRONG, todo=todo)
    elif not folder.is_dir():
        yield Line(
            question=question, answer=f"no: {folder} is no folder", verdict=WRONG, todo=f"mkdir -p {folder}"
        )
    elif not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        todo = "Give the user that runs lapor-sync the right to read and write there."
        yield Line(question=question, answer=f"no: {folder} is closed to this user", verdict=WRONG, todo=todo)
    elif database is not None and str(database.parent) == os.path.realpath(folder):
        todo = "Whoever may drop exports there could replace the database: make a folder for exports alone."
        answer = f"from {folder}, where the database lies too"
        yield Line(question=question, answer=answer, verdict=LOOK, todo=todo)
    else:
        yield Line(question=question, answer=f"yes, from {folder}")
        yield from _replaceable(folder)


def _replaceable(path: Path) -> Iterator[Line]:
    """Say where every user may put another file or folder in the place of this one."""
    for folder in Path(os.path.realpath(path)).parents:
        with suppress(OSError):
            mode = folder.stat().st_mode
            if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
                answer = f"no: every user may write in {folder}, and so put another in the place of {path}"
                todo = f"chmod o-w {folder}"
                yield Line(question="Is it safe from other users?", answer=answer, verdict=WRONG, todo=todo)


# The database.


def _about_database(settings: Settings, environ: Mapping[str, str], clock: Clock, known: _Known) -> Iterator[Line]:
    """`known` is filled, for the calls."""
    where = settings.database_shown
    shown = where + (" (default)" if settings.database_url == default_database_url(environ) else "")
    path = database_file(settings.database_url)
    line = _file(path, shown) if path is not None else None
    if path is not None:
        yield from _replaceable(path)
    if line is not None:
        yield line
    else:
        yield from _content(settings, shown, clock, known)


_DATABASE = "Can the database be used?"


def _file(path: Path, shown: str) -> Line | None:
    """What the file alone tells; None where it must be opened."""
    if not path.exists():
        return _new_file(path, shown)
    if not os.access(path, os.R_OK | os.W_OK):
        return _bad_file(f"no: {shown} is closed to this user", "Run it as the user that owns the database.")
    try:
        with open(open_regular(path), "rb") as file:
            head = file.read(16)
    except OSError as error:
        return _bad_file(f"no: {path}: {error.strerror}", "Name a file in LAPOR_SYNC_DATABASE_URL.")
    if head and head != b"SQLite format 3\x00":
        return _bad_file(f"no: {path} is no SQLite database", "Name another file in LAPOR_SYNC_DATABASE_URL.")
    return None if head else Line(question=_DATABASE, answer=f"{shown} is empty: the first start fills it")


def _bad_file(answer: str, todo: str) -> Line:
    return Line(question=_DATABASE, answer=answer, verdict=WRONG, todo=todo)


def _new_file(path: Path, shown: str) -> Line:
    folder = next((one for one in path.parents if one.exists()), Path("/"))
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        todo = "Make its folder and give it to this user, or run as the user that the service runs as."
        return _bad_file(f"no: {shown} is not there and {folder} is closed to this user", todo)
    return Line(question=_DATABASE, answer=f"{shown} is not there yet: the first start makes it")


def _content(settings: Settings, shown: str, clock: Clock, known: _Known) -> Iterator[Line]:
    engine = make_engine(settings.database_url, anew=False)
    try:
        with Store(engine, settings.agency, clock).reading() as work:
            need_utf8(work.conn)
            line = _version(schema_version(work.conn), shown)
            yield line or _mirror(work, shown, settings.timezone, known)
            if line is None:
                yield from _pause(work, settings.timezone)
                yield from _erasing(work)
                yield from _threads(work, known)
            yield from _durable(work)
    except (StoreError, SettingsWrong, LockHeld) as error:
        yield _bad_file(f"no: {shown}: {error.what}", error.todo)
    finally:
        engine.dispose()


def _version(version: str | None, shown: str) -> Line | None:
    """What a schema other than this program's means; None where it is this program's."""
    if version == HEAD:
        return None
    if version is not None and version > HEAD:
        answer = f"no: {shown} has schema {version}, this lapor-sync knows {HEAD}"
        return _bad_file(answer, "Install the newer lapor-sync again.")
    before = f"has schema {version}" if version else "is empty"
    answer = f"{shown} {before}: the next start brings it to {HEAD}"
    todo = "Back it up before." if version else ""
    return Line(question=_DATABASE, answer=answer, verdict=LOOK if version else OK, todo=todo)


def _mirror(work: Work, shown: str, zone: ZoneInfo, known: _Known) -> Line:
    mirrored = reports.load(work, reports.ids_after(work, "", _MAY_BE_ASKED)).values()
    known.ids += [one.call_id for one in mirrored]
    success = marks.get_time(work, Mark.LAST_SUCCESS)
    last = f", last success {shown_time(success, zone)}" if success else ", no cycle went through yet"
    return Line(question=_DATABASE, answer=f"yes: {shown}, schema {HEAD}{last}")


def _pause(work: Work, zone: ZoneInfo) -> Iterator[Line]:
    pause = pauses.current(work)
    if pause is not None:
        since = shown_time(pause.since, zone)
        answer = f"yes, since {since} by {pause.by}{pauses.WORDS[pause.why]}: nothing leaves"
        yield Line(question="Is delivery paused?", answer=answer, verdict=LOOK, todo=pauses.TODO)


def _erasing(work: Work) -> Iterator[Line]:
    if outbox.may_be_erased(work):
        todo = "DELETE FROM mark WHERE agency = '' AND name = 'erasing'; see Erasing in docs/rules.md."
        answer = "no: an erasure was begun and not ended"
        yield Line(question="Are deliveries safe from changes?", answer=answer, verdict=WRONG, todo=todo)


_NO_THREAD = (
    "LAPOR has the report and does not give its thread: tell its operators which call. Its colour stays, and what is to "
    "be sent to it waits or is held. It is tried again by itself."
)


def _threads(work: Work, known: _Known) -> Iterator[Line]:
    """Reports whose thread could not be read; they are asked for first, where LAPOR is asked."""
    found = reports.unreadable_threads(work, _MAY_BE_ASKED)
    known.troubled += [call_id for _, call_id, _ in found]
    if found:
        told = "; ".join(f"{tracking_id}: {_call_of(why, call_id)}" for tracking_id, call_id, why in found)
        more = " (and perhaps more: flag thread_unreadable)" if len(found) == _MAY_BE_ASKED else ""
        question = "Could every thread be read?"
        yield Line(question=question, answer=f"not of {told}{more}", verdict=LOOK, todo=_NO_THREAD)


def _call_of(what: str, call_id: str) -> str:
    """What failed, with the id in its address."""
    return what.replace("{id}", call_id)


def _durable(work: Work) -> Iterator[Line]:
    """Whether PostgreSQL's server keeps what it said it has stored."""
    if work.is_sqlite:
        return
    question, found = "Does the server keep what it stored?", server.weak_points(work.conn)
    for one in found:
        verdict = WRONG if one.may_lose else LOOK
        yield Line(question=question, answer=one.what, verdict=verdict, todo=one.todo)
    if not found:
        yield Line(question=question, answer="yes: fsync, full_page_writes")


# Deadlines and holidays.


def _about_rules(settings: Settings, clock: Clock) -> Iterator[Line]:
    try:
        rules = rules_of(settings)
    except SettingsWrong as wrong:
        for problem in wrong.problems:
            yield _setting_wrong("Which deadlines hold?", problem)
        return
    today = clock.now().astimezone(settings.timezone).date()
    limits = in_force(rules.limits, today)
    assumed = "; assumed: compare with its text" if limits.assumed else ""
    yield Line(question="Which deadlines hold?", answer=f"those of {limits.regulation}{assumed}")
    for year in (today.year, today.year + 1):
        yield _joint_holidays(year, rules, is_next=year > today.year)


def _joint_holidays(year: int, rules: Rules, *, is_next: bool) -> Line:
    question = f"Is the cuti bersama of {year} known?"
    if joint_holidays_known(year) or any(day.year == year for day in rules.working_days.extra):
        return Line(question=question, answer="yes")
    late = "when it is decreed" if is_next else "now"
    todo = f"Put its days into the file of LAPOR_SYNC_HOLIDAYS_FILE {late}; else deadlines across them are early."
    return Line(question=question, answer="no", verdict=LOOK, todo=todo)


# Upstream.


@dataclass
class _Upstream:
    """LAPOR as far as it was asked: the connector that is let in, the first page of the list if there is one.

    `tried` is the connector that was made last, let in or not.
    """

    settings: Settings
    clock: Clock
    stack: ExitStack
    connector: Sp4nV3 | None = None
    tried: Sp4nV3 | None = None
    page: ListPage | None = None
    listed: list[Report] = field(default_factory=list)

    def connect(self, header: str) -> Sp4nV3:
        """A connector with that header name, and less patience than the daemon's. Raises SettingsWrong."""
        patience = min(self.settings.connect_timeout, CONNECT_SECONDS)
        settings = self.settings.model_copy(update={"auth_header": header, "connect_timeout": patience})
        made = connector_of(settings, read_secrets(settings), self.clock, lambda: False)
        self.tried = self.stack.enter_context(made)
        return self.tried


def _about_upstream(settings: Settings, clock: Clock, known: _Known) -> Iterator[Line]:
    with ExitStack() as stack:
        upstream = _Upstream(settings=settings, clock=clock, stack=stack)
        yield from _in_the_clear(settings.upstream_url or "")
        yield from _let_in(upstream)
        yield from _certificate(upstream)
        if upstream.connector is None:
            return
        yield _clocks(upstream.connector)
        yield from _list(upstream, known)
        yield from _one_report(upstream, known)
        yield from _master_lists(upstream)


_REACHED = "Does LAPOR let us in?"


def _let_in(upstream: _Upstream) -> Iterator[Line]:
    """The first call; where it is refused, with the other header name too."""
    wanted = upstream.settings.auth_header
    try:
        connector = upstream.connect(wanted)
        _first_call(upstream, connector)
    except Denied as denied:
        yield _other_header(upstream, denied)
        return
    except (UpstreamError, SettingsWrong) as error:
        yield Line(question=_REACHED, answer=f"no: {error.what}", verdict=WRONG, todo=_todo(error))
        return
    upstream.connector = connector
    yield Line(question=_REACHED, answer=f"yes, with the header {wanted}")


def _first_call(upstream: _Upstream, connector: Sp4nV3) -> None:
    """The list; where there is none, the master list tells whether it is LAPOR at all. Raises UpstreamError."""
    try:
        upstream.page = _first_page(connector, None)
    except Missing:
        connector.institutions()


def _first_page(connector: Connector, updated_from: datetime | None) -> ListPage | None:
    pages = connector.list_reports(updated_from=updated_from)
    try:
        return next(pages, None)
    finally:
        pages.close()  # type: ignore[attr-defined]  # a generator: what it fetched ahead is not wanted


def _other_header(upstream: _Upstream, denied: Denied) -> Line:
    wanted = upstream.settings.auth_header
    other = next(name for name in HEADERS if name != wanted)
    try:
        connector = upstream.connect(other)
        _first_call(upstream, connector)
    except UpstreamError:
        answer = f"no: bearer and token are refused (HTTP {denied.http_status}), with {wanted} and with {other}"
        return Line(question=_REACHED, answer=answer, verdict=WRONG, todo=denied.todo)
    upstream.connector = connector
    answer = f"not with the header {wanted}, but with {other}: the rest is asked with that"
    return Line(question=_REACHED, answer=answer, verdict=WRONG, todo=f"Set LAPOR_SYNC_AUTH_HEADER={other}.")


def _clocks(connector: Sp4nV3) -> Line:
    question, ahead = "Is this machine's clock right?", connector.clock_ahead()
    if ahead is None:
        todo = "Compare it with another clock, and let it follow a time server: timedatectl."
        return Line(
            question=question, answer="cannot be told: LAPOR does not say its time", verdict=LOOK, todo=todo
        )
    least, most = ahead
    if least <= NEAR and most >= -NEAR:
        return Line(question=question, answer=f"yes, within {max(-least, most).total_seconds():.0f} s of LAPOR's")
    off = least if least > NEAR else most
    way = "ahead of" if least > NEAR else "behind"
    return Line(
        question=question,
        answer=f"it is {abs(off).total_seconds():.0f} s {way} LAPOR's",
        verdict=WRONG if abs(off) > FAR else LOOK,
        todo="Let it follow a time server: timedatectl set-ntp true. If it does, LAPOR's is wrong: tell its operators.",
    )


# TLS.


_ENCRYPTED = "Is the connection encrypted?"


def _in_the_clear(url: str) -> Iterator[Line]:
    parts = urlsplit(url)
    if parts.scheme == "https":
        return  # the first call tells
    if _is_this_machine(parts.hostname or ""):
        yield Line(question=_ENCRYPTED, answer="no, but it does not leave this machine")
        return
    todo = "Ask for an https:// address, and set LAPOR_SYNC_UPSTREAM_URL."
    yield Line(question=_ENCRYPTED, answer="no: credentials and names go in the clear", verdict=WRONG, todo=todo)


def _certificate(upstream: _Upstream) -> Iterator[Line]:
    """Of the call that was made, through whatever proxy; where TLS failed, that call has said so."""
    end = upstream.tried.certificate_end() if upstream.tried else None
    if end is not None:
        yield _days_left((end - upstream.clock.now()).days)


def _days_left(days: int) -> Line:
    answer = f"yes, its certificate holds for {days} days"
    if days >= CERTIFICATE_DAYS:
        return Line(question=_ENCRYPTED, answer=answer)
    todo = "Ask LAPOR's operators whether it is being renewed: when it has ended nothing can be called."
    return Line(question=_ENCRYPTED, answer=answer, verdict=LOOK, todo=todo)


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


# The list.

_LIST = "Is there a list of reports?"


def _list(upstream: _Upstream, known: _Known) -> Iterator[Line]:
    page, settings = upstream.page, upstream.settings
    if page is None:
        todo = "Correct LAPOR_SYNC_LIST_PATH; or drop exports in LAPOR_SYNC_IMPORT_DIR: they are then read by id."
        yield Line(question=_LIST, answer=f"no: {settings.list_path} is not there", verdict=LOOK, todo=todo)
        return
    count = f"{page.total} reports" if page.total is not None else f"{len(page.rows)} on its first page"
    if not page.rows:
        yield _empty_list(page, known)
        return
    yield Line(question=_LIST, answer=f"yes: {count}")
    yield from _rows(upstream, page)
    yield _filter(upstream)


def _empty_list(page: ListPage, known: _Known) -> Line:
    if page.bad:
        todo = "LAPOR changed its form: tell the makers of lapor-sync."
        return Line(question=_LIST, answer="yes, but no row of it has an id", verdict=WRONG, todo=todo)
    though = ", though reports are mirrored" if known.ids else ""
    todo = "If the city has reports, ask LAPOR's operators what this account may see."
    return Line(question=_LIST, answer=f"yes, but empty{though}", verdict=WRONG if though else LOOK, todo=todo)


def _rows(upstream: _Upstream, page: ListPage) -> Iterator[Line]:
    """Whether its rows can be read, and what they lack."""
    assert upstream.connector is not None
    bad = [one.reason for one in page.bad]
    for row in page.rows:
        try:
            upstream.listed.append(upstream.connector.parse_row(row))
        except BadRecord as record:
            bad.append(record.reason)
    total, question = len(page.rows) + len(page.bad), "Can its rows be read?"
    if bad:
        answer = f"{total - len(bad)} of {total} on the first page; else: {'; '.join(sorted(set(bad)))}"
        todo = "These go to quarantine and the rest goes on; tell the makers of lapor-sync what LAPOR changed."
        yield Line(question=question, answer=answer, verdict=LOOK, todo=todo)
    else:
        yield Line(question=question, answer=f"yes, all {total} on the first page")
    yield _lacking("Do its rows say all that is needed?", upstream.listed, "each takes one call more")
    yield _statuses(upstream.listed)


def _lacking(question: str, found: Iterable[Report], follows: str) -> Line:
    lacking = sorted({name for one in found for name in one.missing & NEEDED})
    if not lacking:
        return Line(question=question, answer="yes")
    answer = f"not {', '.join(lacking)}: {follows}"
    return Line(
        question=question, answer=answer, verdict=LOOK, todo="Nothing, if LAPOR never gave them; else tell us."
    )


def _statuses(found: Iterable[Report]) -> Line:
    question = "Are its status names known?"
    unknown = sorted({one.status_name for one in found if one.status_name and not is_known(one.status_name)})
    if not unknown:
        return Line(question=question, answer="yes")
    todo = "Such reports keep their last colour and are flagged; the table of colours needs a new row."
    return Line(question=question, answer=f"not: {', '.join(unknown[:5])}", verdict=LOOK, todo=todo)


def _filter(upstream: _Upstream) -> Line:
    """Ask for what changed since a time in the middle of the first page: nothing older may come."""
    question, name = "Does it honour its filter?", upstream.settings.list_updated_param
    if not name:
        return Line(question=question, answer="there is none: every poll reads the whole list")
    times = sorted({one.updated_at for one in upstream.listed if one.updated_at and not one.updated_at_is_day})
    if len(times) < 2:
        return Line(question=question, answer="cannot be told: its rows have no two times", verdict=LOOK)
    since = times[(len(times) + 1) // 2]
    try:
        older = _older_than(upstream, since)
    except UpstreamError as error:
        return Line(question=question, answer=f"cannot be told: {error.what}", verdict=LOOK, todo=_todo(error))
    if not older:
        return Line(question=question, answer=f"yes: {name}")
    todo = f'Find out its name, or set LAPOR_SYNC_LIST_UPDATED_PARAM="": {name} does nothing there.'
    answer = f"no: {name} brought {older} reports that are older; every poll reads the whole list"
    return Line(question=question, answer=answer, verdict=LOOK, todo=todo)


def _older_than(upstream: _Upstream, since: datetime) -> int:
    assert upstream.connector is not None
    page = _first_page(upstream.connector, since)
    older = 0
    for row in page.rows if page else ():
        try:
            at = upstream.connector.parse_row(row).updated_at
        except BadRecord:
            continue
        older += at is not None and at < since - timedelta(seconds=1)
    return older


# One report.


def _one_report(upstream: _Upstream, known: _Known) -> Iterator[Line]:
    """Detail and thread of the first report that can be had."""
    connector, question = upstream.connector, "Can a report be read by its id?"
    assert connector is not None
    listed = [row.report_id for row in upstream.page.rows] if upstream.page else []
    ids = list(dict.fromkeys([*known.troubled, *(listed or known.ids)]))
    if not ids:
        todo = "Run `lapor-sync check` again when a report is mirrored."
        yield Line(question=question, answer="cannot be told: no report is known yet", verdict=LOOK, todo=todo)
        return
    detail, failed = _first_that_works(ids, connector.read_report)
    if detail is None:
        yield _failed(question, failed)
    else:
        yield Line(question=question, answer="yes")
        yield _lacking("Does it say all that is needed?", [detail.report], "it stays unknown")
        if upstream.page is None:
            yield _statuses([detail.report])
    yield _thread(connector, ids)


def _thread(connector: Connector, ids: list[str]) -> Line:
    """Threads of some reports: one that cannot be read, though its report is there, is told with its call."""
    question, read, failed, lacking = "Can its thread be read?", [], None, []
    for report_id in ids[:_MAY_BE_ASKED]:
        thread, error = _first_that_works([report_id], connector.read_thread)
        if thread is not None:
            read.append(thread)
            continue
        failed = error
        if not (isinstance(error, UpstreamError) and error.lasts):
            break
        if _first_that_works([report_id], connector.read_report)[0] is not None:
            lacking.append(_call_of(error.what, report_id))
    if lacking:
        others = f"; those of {len(read)} others can" if read else ""
        answer = f"no: {'; '.join(lacking)}, though the report is there{others}"
        return Line(question=question, answer=answer, verdict=LOOK if read else WRONG, todo=_NO_THREAD)
    if not read:
        return _failed(question, failed)
    items = [item for thread in read for item in thread.items]
    answers = sum(item.kind is ItemKind.ANSWER for item in items)
    bad = sum(len(thread.bad) for thread in read)
    answer = f"yes, of {len(read)} reports: {len(items)} items, {answers} of them answers"
    if bad:
        todo = "These go to quarantine; tell the makers of lapor-sync what LAPOR changed."
        return Line(question=question, answer=f"{answer}, {bad} unreadable", verdict=LOOK, todo=todo)
    if doubts := sorted({thread.why for thread in read if thread.why}):
        todo = "Nothing that such a thread does not show counts as absent: what is to be sent may be held."
        return Line(
            question=question, answer=f"{answer}; not proven whole: {'; '.join(doubts)}", verdict=LOOK, todo=todo
        )
    return Line(question=question, answer=answer)


def _failed(question: str, error: LaporSyncError | None) -> Line:
    what = getattr(error, "reason", None) or (error.what if error else "")
    return Line(question=question, answer=f"no: {what}", verdict=WRONG, todo=_todo(error) if error else "")


def _todo(error: LaporSyncError) -> str:
    """What to do, where it is `check` itself that says so."""
    if isinstance(error, Missing):
        return "Compare LAPOR_SYNC_UPSTREAM_URL; if it is right, ask LAPOR's operators about this call."
    return error.todo


def _first_that_works(ids: Iterable[str], call: Callable[[str], T]) -> tuple[T | None, LaporSyncError | None]:
    """What the call brings for the first id that is not gone or unreadable; else the last error."""
    failed: LaporSyncError | None = None
    for report_id in islice(ids, _MAY_BE_ASKED):
        try:
            return call(report_id), None
        except (Missing, BadRecord) as error:
            failed = error
        except UpstreamError as error:
            return None, error
    return None, failed


# Master lists.


def _master_lists(upstream: _Upstream) -> Iterator[Line]:
    yield _institutions(upstream)
    yield _template(upstream)


def _institutions(upstream: _Upstream) -> Line:
    question, settings = "Does LAPOR know the city's ids?", upstream.settings
    assert upstream.connector is not None
    try:
        names = {one.id for one in upstream.connector.institutions()}
    except UpstreamError as error:
        return Line(question=question, answer=f"cannot be told: {error.what}", verdict=LOOK)
    wanted = [*([settings.institution_id] if settings.institution_id else []), *settings.opd_ids]
    strange = [one for one in wanted if one not in names]
    if not strange:
        return Line(question=question, answer=f"yes, {len(wanted)} of its {len(names)} institutions")
    todo = "Compare LAPOR_SYNC_INSTITUTION_ID and LAPOR_SYNC_OPD_IDS with LAPOR's master list."
    return Line(question=question, answer=f"not {', '.join(strange[:10])}", verdict=LOOK, todo=todo)


def _template(upstream: _Upstream) -> Line:
    question, wanted = "Does LAPOR know the reply template?", upstream.settings.reply_template
    assert upstream.connector is not None
    try:
        known = upstream.connector.templates()
    except UpstreamError as error:
        return Line(question=question, answer=f"cannot be told: {error.what}", verdict=LOOK)
    if wanted in known:
        return Line(question=question, answer=f"yes: {wanted}")
    todo = f"Set LAPOR_SYNC_REPLY_TEMPLATE to one of: {', '.join(known[:10]) or 'what LAPOR names'}."
    return Line(question=question, answer=f"not {wanted}", verdict=LOOK, todo=todo)
