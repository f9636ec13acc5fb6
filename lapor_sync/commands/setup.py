"""The first day: a few questions, each with its reason, become a file of settings and files of secrets; then `check`."""

from __future__ import annotations

import grp
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from lapor_sync import screens
from lapor_sync.check import check, check_settings
from lapor_sync.commands.base import Call, command
from lapor_sync.config import config_file, load_settings
from lapor_sync.config.settings import must_be
from lapor_sync.config.written import with_values
from lapor_sync.domain.errors import BadInput, SettingsWrong
from lapor_sync.domain.files import make_folder, read_text
from lapor_sync.domain.names import shown_path
from lapor_sync.domain.toml import TOMLDecodeError, parse_toml
from lapor_sync.log import configure
from lapor_sync.output import say
from lapor_sync.words.en import advised

ZONES: Mapping[str, str] = {"WIB": "Asia/Jakarta", "WITA": "Asia/Makassar", "WIT": "Asia/Jayapura"}
SERVICE = "lapor-sync"
"""The group that may read the settings of the machine, and the user of its service."""


def has_terminal() -> bool:
    """Return whether somebody can be asked."""
    return sys.stdin.isatty()


@command()
def setup(call: Call) -> None:
    """The first day: ask what is needed, write the settings, and check them. Can be run again.

    What is there is kept: Enter keeps an answer, and lines and comments of the file that nobody was asked about stay.
    Bearer and token are typed without being shown, and kept in files of their own that only their owner reads.
    """
    if not has_terminal():
        raise BadInput(
            "There is no terminal: nobody can be asked.",
            todo="Run it in a terminal, or write the settings by hand: deploy/systemd/config.toml shows each of them.",
        )
    place = Place.of(call.config)
    answers = Answers(place)
    _ask(answers, place)
    place.write(answers.values, answers.secrets)
    say(f"\nWritten: {shown_path(place.config)}\n")
    code = _check(call, place)
    _say_next(place, answers)
    click.get_current_context().exit(code)


# Where it is written.


@dataclass(frozen=True)
class Place:
    """The file of settings, with its text as it is now. `is_system`: the machine's, whose secrets systemd hands over."""

    config: Path
    is_system: bool
    text: str

    @classmethod
    def of(cls, config: Path | None) -> Place:
        """Return the file that `--config` names, else the machine's. Raises BadInput where it cannot be written."""
        path = config_file(config).absolute()
        folder = path.parent
        try:
            text = read_text(path)
        except FileNotFoundError:
            text = ""
        except OSError as exc:
            raise _closed(path, exc.strerror) from exc
        near = next(one for one in (folder, *folder.parents) if one.exists())
        if not os.access(path if path.exists() else near, os.W_OK) or not os.access(near, os.W_OK | os.X_OK):
            raise _closed(path, "this user may not write there")
        return cls(path, path == config_file(None), text)

    def secret(self, name: str) -> Path:
        """Return the file of a secret."""
        return self.config.parent / name

    def has(self, name: str) -> bool:
        """Return whether that secret is there already."""
        try:
            return self.secret(name).stat().st_size > 0
        except OSError:
            return False

    def write(self, values: Mapping[str, Any], secrets: Mapping[str, str]) -> None:
        """Write all of it, each file whole or not at all. Raises BadInput."""
        try:
            make_folder(self.config.parent, 0o750 if self.is_system else 0o700)
            for name, secret in secrets.items():
                _put(self.secret(name), f"{secret}\n", 0o600)
            _put(self.config, with_values(self.text or HEAD, values), 0o640 if self.is_system else 0o600)
        except OSError as exc:
            raise _closed(self.config, exc.strerror) from exc


HEAD = "# Settings of lapor-sync, begun by `lapor-sync setup`. docs/interface.md lists them all.\n"


def _closed(path: Path, why: str | None) -> BadInput:
    todo = "Run it as root, or name a file of your own: lapor-sync --config FILE setup"
    return BadInput(f"{shown_path(path)} cannot be written: {why}.", todo=todo)


def _put(path: Path, text: str, mode: int) -> None:
    """Put a file in the place of what is there; its mode, and for the service its group, from the first byte on."""
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    with open(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        if mode & 0o040 and os.geteuid() == 0 and (group := _group()) is not None:
            os.fchown(file.fileno(), 0, group)
        os.fchmod(file.fileno(), mode)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _group() -> int | None:
    try:
        return grp.getgrnam(SERVICE).gr_gid
    except KeyError:
        return None


# What is asked.

CALL = "call LAPOR"


@dataclass
class Answers:
    """What was answered; what the file says already is what Enter keeps."""

    place: Place
    values: dict[str, Any] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    known: Mapping[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        try:
            self.known = {name.lower(): value for name, value in parse_toml(self.place.text).items()}
        except TOMLDecodeError as exc:
            todo = "Correct it, or move it away and begin anew."
            raise BadInput(f"{shown_path(self.place.config)} is no TOML: {exc}.", todo=todo) from exc

    def ask(
        self,
        name: str,
        question: str,
        why: str,
        *,
        default: str = "",
        read: Callable[[str], Any] = str.strip,
        needed_to: str = "",
    ) -> None:
        """Ask until the answer is one for this setting; an empty one leaves away what is not `needed_to` do a thing."""
        known = self.known.get(name, default)
        shown = ", ".join(map(str, known)) if isinstance(known, list) else str(known)
        say(f"\n{why}")
        while True:
            value = read(click.prompt(question, default=shown, show_default=bool(shown)))
            if not value and needed_to:
                say(f"It is needed to {needed_to}.")
                continue
            if not value:
                return
            if (right := must_be(name, value)) is None:
                self.values[name] = value
                return
            say(f"That is not taken: it must be {right}.")

    def ask_secret(self, name: str, why: str) -> None:
        """Ask for a secret without showing it; Enter keeps the one that is there."""
        is_there = self.place.has(name)
        keep = " (Enter keeps the one that is there)" if is_there else ""
        say(f"\n{why}")
        while True:
            given = click.prompt(
                f"The {name}, not shown{keep}", hide_input=True, default="", show_default=False
            ).strip()
            if given and (right := must_be(name, given)) is not None:
                say(f"That is not taken: it must be {right}.")
            elif given or is_there:
                if given:
                    self.secrets[name] = given
                if not self.place.is_system:  # the machine's are handed to the service by systemd
                    self.values[f"{name}_file"] = str(self.place.secret(name))
                return
            else:
                say(f"It is needed to {CALL}.")


def _ask(answers: Answers, place: Place) -> None:
    known = answers.known
    say(
        f"Settings in {shown_path(place.config)}. Enter keeps what stands in [brackets]; "
        "nothing is written before the end."
    )
    if "agency" in known:
        say(f"\nThe key of this city's rows is {known['agency']}: it never changes.")
    else:
        answers.ask(
            "agency", "Key of the city", "It marks the city's rows for ever: a-z, 0-9, - and _.", default="kota"
        )
    answers.ask(
        "timezone",
        "Time zone",
        "Days and deadlines are counted in it: WIB, WITA, WIT, or a name as Asia/Jakarta.",
        default="WIB",
        read=lambda text: ZONES.get(text.strip().upper(), text.strip()),
    )
    say("\nWithout an API account reports come from the admin's exports; answers wait until there is one.")
    if click.confirm("Has the city an API account at LAPOR?", default="import_dir" not in known):
        _ask_account(answers)
    else:
        folder = "/srv/lapor-sync/import" if place.is_system else str(place.config.parent / "import")
        answers.ask(
            "import_dir", "Folder of exports", "Exports that are dropped there are imported.", default=folder
        )
    say("\nThe board is where the OPDs' officers see what waits for them, and answer.")
    if click.confirm("Do others than this machine reach the board?", default="board_public_url" in known):
        answers.ask(
            "board_public_url",
            "Address of the board",
            "The https:// address of the proxy in front of it: links begin with it, and no other name is served.",
            needed_to="let others in",
        )
        answers.ask(
            "board_trusted_proxy",
            "IP address of that proxy",
            "Only it is believed whom it asks for.",
            default="127.0.0.1",
        )
    if "observe" not in known:
        answers.values["observe"] = True


def _ask_account(answers: Answers) -> None:
    answers.ask(
        "upstream_url",
        "Base address",
        "LAPOR's administrators gave it, as https://lapor.example/3.0.0.",
        needed_to=CALL,
    )
    answers.ask_secret("bearer", "It lets the city in; the value alone.")
    answers.ask_secret("token", "It lets the city in, too; the value with its braces.")
    answers.ask("institution_id", "Institution id", "The city's own id at LAPOR; without it nothing can be sent.")
    answers.ask("user_id", "User id", "In whose name the city answers; without it nothing can be sent.")
    answers.ask(
        "opd_ids",
        "Institution ids of the OPDs",
        "Separated by commas; reports with others do not count as the city's. Empty: all count.",
        read=lambda text: text.replace(",", " ").split(),
    )


# The end.


def _check(call: Call, place: Place) -> int:
    """Run `check` on what was written, as the service would. Return its exit code."""
    if place.is_system and os.geteuid() == 0 and os.path.isdir("/run/systemd/system"):
        as_service = shutil.which("lapor-sync-root")  # the package's: with the credentials, as the service's user
        if as_service is not None:
            return subprocess.run([as_service, "check"], check=False).returncode
    environ = dict(os.environ)
    if place.is_system:
        environ["CREDENTIALS_DIRECTORY"] = str(place.config.parent)
    configure(sys.stderr, terminal=sys.stderr.isatty(), level="error", say=advised)
    try:
        settings = load_settings(place.config, environ)
    except SettingsWrong as wrong:
        screens.check(check_settings(wrong))
        return 2
    return screens.check(check(settings, place.config, environ))


def _say_next(place: Place, answers: Answers) -> None:
    """Say what follows, in the order in which it is done."""
    if answers.known.get("observe", True):
        say("\nIt observes: it reads and plans, and sends nothing until `observe = false` stands in the file.")
    say("Next:")
    if place.is_system:
        say("  systemctl enable --now lapor-sync lapor-sync-board lapor-sync-backup.timer")
        say('  sudo -u lapor-sync lapor-sync people invite "NAME" --sign-in SIGN_IN --role admin')
        return
    program = f"lapor-sync --config {shown_path(place.config)}"
    if "import_dir" in answers.values:
        say(f"  {program}                # the daemon, in the foreground")
    else:
        say(f"  {program} --backfill     # mirror what there is")
    say(f"  {program} status")
    say(
        f'  {program} people invite "NAME" --sign-in SIGN_IN --role admin     # a link for the first admin of the board'
    )
    say(f"  {program} board          # the board, in the foreground")
