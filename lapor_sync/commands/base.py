"""What every command uses: settings and database when it needs them, options, and how an answer is printed."""

from __future__ import annotations

import gc
import os
import pwd
import secrets
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from zoneinfo import ZoneInfo

import click

from lapor_sync.domain.errors import BadInput, NotAllowed
from lapor_sync.domain.files import read_file, read_text
from lapor_sync.domain.names import shown_path
from lapor_sync.domain.people import Actor, of_shell
from lapor_sync.domain.period import YEARS
from lapor_sync.output import paged, say

if TYPE_CHECKING:
    from lapor_sync.app import App
    from lapor_sync.config import Agencies, Settings
    from lapor_sync.domain.clocks import ClockState
    from lapor_sync.domain.report import OutgoingFile
    from lapor_sync.store.database import Store, Work
    from lapor_sync.store.dossier import Dossier

F = TypeVar("F", bound=Callable[..., Any])


@dataclass
class Call:
    """What the options before the command said; settings and database are opened when a command needs them."""

    config: Path | None
    pager: bool = True
    agency: str | None = None
    _settings: Settings | None = None

    def settings(self) -> Settings:
        """The settings of this run, read once. Raises SettingsWrong."""
        from lapor_sync.config import load_settings

        if self._settings is None:
            self._settings = load_settings(self.config, os.environ, self.agency)
        return self._settings

    def agencies(self) -> Agencies:
        """All agencies of this configuration. Raises SettingsWrong where what they share is wrong."""
        from lapor_sync.config import load_agencies

        return load_agencies(self.config, os.environ)

    def is_of_many(self) -> bool:
        """Whether the command is of all agencies: there are several, and none was named."""
        from lapor_sync.config import load_machine
        from lapor_sync.config.agencies import agency_files

        if self.agency is not None or self._settings is not None:
            return False
        machine = load_machine(self.config, os.environ)
        if machine.agencies_dir is None:  # then these are the settings of this run
            self._settings = machine
            return False
        return len(agency_files(machine.agencies_dir)) > 1

    @property
    def zone(self) -> ZoneInfo:
        """The city's time zone."""
        return self.settings().timezone

    def clocks_of(self, one: Dossier) -> tuple[ClockState, ...]:
        """The clocks of a report that run now, by the city's limits and days. Raises SettingsWrong."""
        from lapor_sync.app import rules_of
        from lapor_sync.mirror.judge import running_clocks

        return running_clocks(one.report, one.items, rules_of(self.settings()))

    def paged(self) -> AbstractContextManager[None]:
        """Let a long screen go through a pager."""
        return paged(self.pager)

    def app(self) -> App:
        """The program on its database, with logs going to standard error."""
        from lapor_sync.app import App

        settings = self.settings()
        log_to_standard_error(settings.timezone)
        _say_database(settings)
        return App.of(settings)

    def working_app(self) -> App:
        """The program to work with: nothing of its agency's may be another's, too. Raises SettingsWrong."""
        settings = self.settings()
        if settings.agencies_dir is not None and (wrong := self.agencies().wrong.get(settings.agency)):
            raise wrong
        return self.app()

    @contextmanager
    def store(self) -> Iterator[Store]:
        """The database alone: what only looks needs no more, and starts quicker without it."""
        from lapor_sync.clock import SystemClock
        from lapor_sync.store.database import open_store

        settings = self.settings()
        _say_database(settings)
        store = open_store(settings.database_url, settings.agency, SystemClock(), anew=False)
        try:
            yield store
        finally:
            store.close()

    @contextmanager
    def looking(self) -> Iterator[Work]:
        """The database, to read from; beside a running daemon."""
        with self.store() as store, store.reading() as work:
            yield work


def log_to_standard_error(zone: ZoneInfo) -> None:
    """Let events go there, in the form that whoever reads them wants."""
    from lapor_sync.log import configure, is_journal
    from lapor_sync.words.en import advised

    journal = is_journal(sys.stderr, os.environ)
    configure(sys.stderr, terminal=sys.stderr.isatty(), journal=journal, zone=zone, say=advised)


def _say_database(settings: Settings) -> None:
    if sys.stdout.isatty() and sys.stderr.isatty():
        say(f"Database: {settings.database_shown}", err=True)


# Options.


class Acts(click.Group):
    """A command with acts of its own. Its help says what each does in a whole sentence, on as many lines as it takes."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            acts = sorted(self.commands.items())
            formatter.write_dl([(name, one.get_short_help_str(limit=1000)) for name, one in acts])


def command(*options: Callable[[F], F], name: str | None = None) -> Callable[[Callable[..., None]], click.Command]:
    """A command that is given the Call first."""

    def made(function: Callable[..., None]) -> click.Command:
        taken: Any = click.pass_obj(function)
        for option in reversed(options):
            taken = option(taken)
        return click.command(name)(taken)

    return made


OF_AGENCY = "Which agency is meant, where the configuration has several (AGENCIES_DIR)."


def _name_agency(ctx: click.Context, _option: click.Parameter, key: str | None) -> None:
    call = ctx.find_object(Call)
    if key is None or call is None:
        return
    if call.agency not in {None, key}:
        raise click.UsageError(f"--agency is given twice: {call.agency} and {key}.")
    call.agency = key


def of_an_agency(command: click.Command) -> click.Command:
    """Let a command, and all below it, take `--agency` after its name, too."""
    option = click.Option(["--agency"], metavar="KEY", expose_value=False, callback=_name_agency, help=OF_AGENCY)
    command.params.append(option)
    if isinstance(command, click.Group):
        for one in command.commands.values():
            of_an_agency(one)
    return command


def refuse_before(ctx: click.Context, **given: object) -> None:
    """Refuse options of a list that are given before an act: they would be ignored without a word."""
    if wrong := [f"--{name}" for name, value in given.items() if value]:
        raise click.UsageError(f"`{ctx.command_path}` takes no {wrong[0]} before `{ctx.invoked_subcommand}`.")


as_json = click.option("--json", "as_json", is_flag=True, help="For programs: JSON.")
acting_by = click.option("--by", metavar="NAME", help="Who acts; default: $SUDO_USER, else the login name.")
path_type = click.Path(path_type=Path, readable=False)  # what cannot be read is said in our own words


def acting(by: str | None) -> Actor:
    """Who acts: a user of this shell."""
    for given in (by, os.environ.get("SUDO_USER")):
        if given and given.strip():
            return of_shell(_printable(given))
    return of_shell(_login_name())


def _login_name() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


def _printable(name: str) -> str:
    return "".join(c for c in name if c.isprintable()).strip() or "?"


def day(text: str | None, timezone: ZoneInfo, at: time) -> datetime | None:
    """A day of the command line in the city's time zone: 2026-01-31 or 31-01-2026. Raises BadInput."""
    if text is None:
        return None
    for form in ("%Y-%m-%d", "%d-%m-%Y", "%d/%m/%Y"):
        try:
            found = datetime.strptime(text.strip(), form)  # noqa: DTZ007 - the zone is the city's, added below
        except ValueError:
            continue
        if found.year in YEARS:
            return datetime.combine(found.date(), at, timezone)
    raise BadInput(f"{text!r} is no day.", todo="Write it as 2026-01-31.")


def days(since: str | None, until: str | None, timezone: ZoneInfo) -> tuple[datetime | None, datetime | None]:
    """From the begin of the first day to the end of the last one, as `day` reads them. Raises BadInput."""
    first, last = day(since, timezone, time.min), day(until, timezone, time.max)
    if first and last and first > last:
        raise BadInput(
            f"The span from {since} until {until} ends before it begins.", todo="Exchange the two days."
        )
    return first, last


# Files that are given.


def read_words(path: Path) -> str:
    """A text file. Raises BadInput."""
    with _told(path):
        return read_text(path)


def read_attachment(path: Path, most: int) -> OutgoingFile:
    """A file to be attached, read whole: a moved file never breaks a delivery. Raises BadInput."""
    from lapor_sync.domain.report import OutgoingFile

    with _told(path):
        return OutgoingFile(file_name=path.name, content=read_file(path, most))


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        todo = f"Check the path and the file, and that the user {_login_name()} may read it."
        raise BadInput(f"{shown_path(path)} cannot be read: {exc.strerror}.", todo=todo) from exc


# Files that are made.


def refuse_existing(out: Path) -> None:
    """Raises NotAllowed where something of that name is there, BadInput where its folder is not."""
    if os.path.lexists(out):
        raise _is_there(out)
    if not os.path.isdir(out.parent):
        folder = shown_path(out.parent.absolute())
        raise BadInput(
            f"The folder {folder} is not there, or closed to the user {_login_name()}.",
            todo="Make it, or choose another place.",
        )


def _is_there(out: Path) -> NotAllowed:
    return NotAllowed(f"{shown_path(out)} is there already: nothing is overwritten.", todo="Choose another name.")


@contextmanager
def new_file(out: Path, mode: int = 0o660) -> Iterator[Path]:
    """An empty file beside `out` to write into; at the end it is `out`: whole or not at all, and never over another.

    A process that is killed meanwhile leaves a hidden `.lapor-sync-*.part`. Raises BadInput or NotAllowed.
    """
    part = out.parent / f".lapor-sync-{secrets.token_hex(6)}.part"
    try:
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode))
        yield part
        _into_place(part, out)
    except FileExistsError as exc:
        raise _is_there(out) from exc
    except OSError as exc:
        todo = "Check its folder and free space, or choose another place."
        raise BadInput(f"{shown_path(out)} cannot be written: {exc.strerror}.", todo=todo) from exc
    finally:
        with suppress(OSError):
            part.unlink()


def _into_place(part: Path, out: Path) -> None:
    """A link never overwrites; where the file system has none, a rename does after one more look."""
    try:
        os.link(part, out)
    except FileExistsError:
        raise
    except OSError:
        if os.path.lexists(out):
            raise FileExistsError from None
        part.rename(out)


# Signals.


def stop_on_signals(ask: Callable[..., None]) -> None:
    """Let SIGTERM, SIGINT and SIGHUP ask for an end. A SIGHUP that nohup lets be ignored stays ignored."""
    for one in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if one is not signal.SIGHUP or signal.getsignal(one) is not signal.SIG_IGN:
            signal.signal(one, ask)


def collect_as_it_comes() -> None:
    """Let garbage go as it comes, in a process that stays.

    As a process begins (`as_process`) it is collected hardly ever: a board of eight threads held 40 MB of it so, and a
    daemon, whose every poll leaves 4 kB, would hold 24 MB after some days. What was loaded until now stays, and is not
    looked through again.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(2_000, 10, 10)


def end_softly(*_signal: object) -> None:
    """End this process as done: whatever is open is closed on the way out."""
    raise SystemExit(0)
