"""The settings: environment over a TOML file over defaults, read once at the edge, all problems together.

Where there are many agencies, each has a file of its own over the main one (`AGENCIES_DIR`).
`load_settings` collects what was given, layer by layer, and `Settings` says what is right: `Machine` and `Agency`
have a part each, with its defaults. A field's description completes the sentence "NAME must be ...". An empty value is
as if it were not there, save where emptiness means something (`MEANS_SOMETHING_EMPTY`). Values of secrets and URLs
never get into a message.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import reduce
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from pydantic import ValidationError

from lapor_sync.config.agencies import OF_ONE_AGENCY, agency_files, lines_of
from lapor_sync.config.agency import OTHER_SECRETS, SECRETS, as_label, local_host
from lapor_sync.config.machine import Machine
from lapor_sync.config.secrets import (
    Secrets,
    in_its_file,
    read_channels,
    read_headers,
    read_secret_file,
    read_secrets,
    read_sign_on_secret,
    try_channels,
)
from lapor_sync.config.settings import Settings, sentence
from lapor_sync.config.values import AGENCY_MARK, PREFIX, setting_name
from lapor_sync.domain.advice import Todo, advise
from lapor_sync.domain.errors import SettingsWrong
from lapor_sync.domain.files import read_text
from lapor_sync.domain.limits import load_calendar, load_limits
from lapor_sync.domain.names import shown_path
from lapor_sync.domain.toml import TOMLDecodeError, parse_toml
from lapor_sync.store.address import sqlite_url
from lapor_sync.store.backup import database_file

CONFIG_VARIABLE = PREFIX + "CONFIG"
"""Where the settings file is, where `--config` does not say it."""
DEFAULT_CONFIG = Path("/etc/lapor-sync/config.toml")
SYSTEM_STATE = Path("/var/lib/lapor-sync")
DATABASE_FILE = "lapor-sync.db"
MEANS_SOMETHING_EMPTY = frozenset({"list_updated_param", "opd_ids"})

__all__ = [
    "CONFIG_VARIABLE",
    "OTHER_SECRETS",
    "SECRETS",
    "Agencies",
    "Secrets",
    "Settings",
    "board_address",
    "board_secret_file",
    "config_file",
    "default_database_url",
    "hosts_of_boards",
    "load_agencies",
    "load_machine",
    "load_settings",
    "read_channels",
    "read_dated_file",
    "read_secrets",
    "read_sign_on_secret",
    "setting_name",
]


@dataclass(slots=True)
class _Layer:
    """One source. `origins` names each value's place in words that lead the operator to it."""

    values: dict[str, object] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)

    def put(self, name: str, value: object, origin: str) -> None:
        self.values[name] = value
        self.origins[name] = origin

    def drop(self, name: str) -> None:
        self.values.pop(name, None)

    def laid_over(self, lower: Self) -> Self:
        return type(self)(lower.values | self.values, lower.origins | self.origins)


def load_settings(config: Path | None, environ: Mapping[str, str], agency: str | None = None) -> Settings:
    """Return the settings of this start. `config` is what `--config` named; None is the default file, if it is there.

    `agency` is what `--agency` named; it may be left out where there is one. Raises SettingsWrong with all that is
    wrong, one sentence each.
    """
    problems: list[str] = []
    source = _Source(environ, config, problems)
    if (folder := source.agencies_dir) is None:
        settings = _at_home(_settled(source.layers(), environ, problems))
        if agency not in {None, settings.agency}:
            raise SettingsWrong((_unknown_agency(agency, {settings.agency}),))
        return settings
    files = agency_files(folder)
    key = _chosen(agency, folder, files)
    return source.settings_of(key, files[key])


@dataclass(frozen=True, kw_only=True)
class Agencies:
    """The agencies of a configuration: the settings of those whose file is right, and what is wrong with the others."""

    right: Mapping[str, Settings]
    wrong: Mapping[str, SettingsWrong] = field(default_factory=dict)
    folder: Path | None = None
    """Where their files are; None where there is one agency, and the configuration is its own."""

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of all of them, in order."""
        return tuple(sorted({*self.right, *self.wrong}))


def load_machine(config: Path | None, environ: Mapping[str, str]) -> Settings:
    """Return what holds for every agency, whatever its file says. Raises SettingsWrong."""
    problems: list[str] = []
    return _settled(_Source(environ, config, problems).layers(), environ, problems)


def load_agencies(
    config: Path | None,
    environ: Mapping[str, str],
    held: Mapping[str, str] = {},
    *,
    known: Mapping[str, Settings] = {},
) -> Agencies:
    """Return all agencies of this configuration; a wrong file is that agency's trouble alone.

    `held` names the mark that an agency has in the database: who comes later with the same one is wrong. The files of
    those that are `known` are not read again. Raises SettingsWrong where what they share is wrong, or the folder
    cannot be read.
    """
    problems: list[str] = []
    source = _Source(environ, config, problems)
    machine = _settled(source.layers(), environ, problems)
    if machine.agencies_dir is None:
        return Agencies(right={machine.agency: _at_home(machine)})
    right, wrong = {}, {}
    for key, path in agency_files(machine.agencies_dir).items():
        try:
            right[key] = known.get(key) or source.settings_of(key, path)
        except SettingsWrong as error:
            wrong[key] = error
    for key, problem in _clashing(right, held).items():
        del right[key]
        wrong[key] = SettingsWrong((problem,))
    return Agencies(right=right, wrong=wrong, folder=machine.agencies_dir)


def _clashing(found: Mapping[str, Settings], held: Mapping[str, str]) -> dict[str, str]:
    """Return what is wrong with those that have what must be one agency's alone: who had it first keeps it.

    Every reference with an agency's own mark counts as its own: two with one mark would no longer see that the other
    has answered a report.
    """
    clashing: dict[str, str] = {}
    for name in ("ref_prefix", "import_dir"):
        first: dict[object, str] = {}
        for key in sorted(found, key=lambda key: (held.get(key) != getattr(found[key], name), key)):
            if (value := getattr(found[key], name)) is None:
                continue
            is_same = os.path.realpath(value) if isinstance(value, Path) else value
            if (other := first.setdefault(is_same, key)) != key:
                clashing.setdefault(
                    key, f"{name} of {key}.toml is {str(value)!r}, as that of {other}.toml; it must be another one"
                )
    return clashing


@dataclass
class _Source:
    """Where settings come from: the environment and the main file, read once, and an agency's file."""

    environ: Mapping[str, str]
    config: Path | None
    problems: list[str]
    env: _Layer = field(init=False)
    main: _Layer = field(init=False)

    def __post_init__(self) -> None:
        self.env = _from_environ(self.environ, self.problems)
        self.main = _from_file(config_file(self.config), self.problems, must_be_there=self.config is not None)
        if self.agencies_dir is not None:
            credentials = _from_credentials(self.environ, SECRETS)
            for layer in (self.env, credentials, self.main):
                self._refuse_of_one(layer)

    @property
    def agencies_dir(self) -> Path | None:
        """The folder of agencies' files, where there is one."""
        found = self.env.values.get("agencies_dir", self.main.values.get("agencies_dir"))
        return Path(found) if isinstance(found, str) and "\x00" not in found else None

    def layers(self) -> list[_Layer]:
        """The layers where there is no file for each agency, the highest first."""
        named = OTHER_SECRETS if self.agencies_dir is not None else (*SECRETS, *OTHER_SECRETS)
        return [self.env, _from_credentials(self.environ, named), self.main]

    def settings_of(self, key: str, path: Path) -> Settings:
        """The settings of one agency. Raises SettingsWrong with all that is wrong, also in what agencies share."""
        problems = [*self.problems]
        return _at_home(_settled(self._layers_of(key, path, problems), self.environ, problems))

    def _layers_of(self, key: str, path: Path, problems: list[str]) -> list[_Layer]:
        """The layers of one agency, the highest first: its file is over the main one."""
        own = _from_file(path, problems, must_be_there=True, with_lines=True)
        for name in sorted(Machine.model_fields.keys() & own.values.keys()):
            problems.append(f"{own.origins[name]} is the machine's; it must be in the main file")
            own.drop(name)
        if own.values.get("agency", key) != key:
            said = own.origins["agency"]
            problems.append(f"{said} is not as the file is named; it must be {key}, or left out")
        own.put("agency", key, f"the name of {path}")
        credentials = _from_credentials(self.environ, (*SECRETS, "extra_headers", "notify_urls"), f"{key}.")
        shared = _from_credentials(self.environ, OTHER_SECRETS)
        return [self.env, credentials, own, shared, self.main]

    def _refuse_of_one(self, layer: _Layer) -> None:
        """What tells agencies apart can be nobody else's."""
        for name in sorted(OF_ONE_AGENCY & layer.values.keys()):
            self.problems.append(
                f"{layer.origins[name]} is one agency's; it must be in its file, KEY.toml in {self.agencies_dir}"
                + (f", or the credential KEY.{name.removesuffix('_file')}" if name.endswith("_file") else "")
            )
            layer.drop(name)


def _chosen(agency: str | None, folder: Path, files: Mapping[str, Path]) -> str:
    """Return which of the agencies is meant. Raises SettingsWrong."""
    if not files:
        raise SettingsWrong((f"{folder} holds no agency; there must be a file KEY.toml for each",))
    if agency is None:
        if len(files) > 1:
            some = ", ".join(list(files)[:5]) + (", ..." if len(files) > 5 else "")
            raise SettingsWrong(
                (f"there are {len(files)} agencies ({some}): --agency KEY must say which is meant",),
                todo=advise(Todo.NAME_AGENCY),
            )
        return next(iter(files))
    if agency not in files:
        raise SettingsWrong((_unknown_agency(agency, files),), todo=advise(Todo.NAME_AGENCY))
    return agency


def _unknown_agency(agency: str | None, known: Collection[str]) -> str:
    near = get_close_matches(str(agency), list(known), n=1)
    hint = f"did you mean {near[0]}?" if near else "`lapor-sync agencies` lists them"
    return f"{agency!a} is no agency of this configuration; {hint}"


def _settled(layers: list[_Layer], environ: Mapping[str, str], problems: list[str]) -> Settings:
    """Return what these layers say, the highest first. Raises SettingsWrong with all that is wrong."""
    _one_way_for_each_secret(layers, problems)
    given = reduce(_Layer.laid_over, layers)
    _without_nul(given, problems)
    _read_secret_files(given, problems)
    given.values.setdefault("database_url", default_database_url(environ))
    settings = _validated(given, problems)
    _try_headers(given, problems)
    _try_channels(given, problems)
    _try_dated_files(given, problems)
    _try_sign_on(given, problems)
    if settings is None or problems:
        raise SettingsWrong(tuple(problems))
    return settings


def _at_home(settings: Settings) -> Settings:
    """Return the settings of an agency with the address of its own board."""
    if (url := settings.board_public_url) is None:
        return settings
    here = url.replace(AGENCY_MARK, as_label(settings.agency))
    return settings.model_copy(update={"board_public_url": here})


def board_address(settings: Settings) -> str:
    """Return where people find an agency's board: on loopback, where nobody told, and of many by a name of its own."""
    if settings.board_public_url is not None:
        return settings.board_public_url
    host, _, port = settings.board_listen.rpartition(":")
    return f"http://{host if settings.agencies_dir is None else local_host(settings.agency)}:{port}"


def hosts_of_boards(agencies: Mapping[str, Settings]) -> tuple[dict[str, str], dict[str, tuple[str, str]]]:
    """Return whose board each host's name is, and of each agency whose name another one has, that name and whose it is.

    Of two with one name the first by key has it.
    """
    first: dict[str, str] = {}
    taken: dict[str, tuple[str, str]] = {}
    for key, settings in sorted(agencies.items()):
        host = urlsplit(board_address(settings)).hostname or ""
        if (other := first.setdefault(host, key)) != key:
            taken[key] = host, other
    return first, taken


def default_database_url(environ: Mapping[str, str]) -> str:
    """Return the address of the SQLite file where this process keeps its state.

    A system folder that is there but closed to this user is still the answer: to work on another, empty
    database without a word would be worse than the error that follows.
    """
    return sqlite_url(_state_directory(environ) / DATABASE_FILE)


def config_file(named: Path | None) -> Path:
    """Return the file of settings: the one that was named, else the machine's, which need not be there."""
    return named or DEFAULT_CONFIG


def board_secret_file(settings: Settings, environ: Mapping[str, str]) -> Path:
    """Where the board's secret is: the file that was named, else beside the database."""
    if settings.board_secret_file is not None:
        return settings.board_secret_file
    database = database_file(settings.database_url)
    return (database.parent if database is not None else _state_directory(environ)) / "board-secret"


def files_folder(settings: Settings, environ: Mapping[str, str]) -> Path:
    """Where the files of this agency's citizens are: beside the database."""
    database = database_file(settings.database_url)
    beside = database.parent if database is not None else _state_directory(environ)
    return beside / "files" / settings.agency


def _state_directory(environ: Mapping[str, str]) -> Path:
    if own := environ.get("STATE_DIRECTORY", "").partition(":")[0]:
        return Path(own)
    if SYSTEM_STATE.is_dir():
        return SYSTEM_STATE
    xdg = Path(environ.get("XDG_STATE_HOME", ""))
    home = Path(environ.get("HOME") or Path.home())
    return (xdg if xdg.is_absolute() else home / ".local" / "state") / "lapor-sync"


def _from_environ(environ: Mapping[str, str], problems: list[str]) -> _Layer:
    layer = _Layer()
    for variable, value in sorted(environ.items()):
        if not variable.startswith(PREFIX) or variable == CONFIG_VARIABLE:
            continue
        name = variable.removeprefix(PREFIX).lower()
        if variable != setting_name(name) or name not in Settings.model_fields:
            problems.append(_unknown(variable, variable.removeprefix(PREFIX), setting_name))
        elif _is_given(name, value):
            layer.put(name, value, variable)
    return layer


def _from_credentials(environ: Mapping[str, str], names: Collection[str], prefix: str = "") -> _Layer:
    """What systemd's `LoadCredential=` put there; an agency's are named `KEY.bearer`."""
    layer = _Layer()
    if directory := environ.get("CREDENTIALS_DIRECTORY"):
        for name in names:
            if _has_text(path := Path(directory, f"{prefix}{name}")):
                layer.put(f"{name}_file", path, f"credential {prefix}{name}")
    return layer


def _has_text(path: Path) -> bool:
    """Whether it is there and not empty; what cannot be read is told of where it is read."""
    try:
        return bool(read_text(path).strip())
    except FileNotFoundError:
        return False
    except OSError:
        return True


def _from_file(path: Path, problems: list[str], *, must_be_there: bool, with_lines: bool = False) -> _Layer:
    layer = _Layer()
    text, given = _toml(path, problems, must_be_there=must_be_there)
    if len(given) > 2 * len(Settings.model_fields):  # in lower case and in upper; to tell of each takes long
        problems.append(f"{shown_path(path)} holds {len(given)} keys; it must hold settings of lapor-sync alone")
        return layer
    lines = lines_of(text) if with_lines else {}
    for key, value in given.items():
        at = f":{lines[key]}" if key in lines else ""
        name, origin = key.lower(), f"{shown_path(key)} in {path}{at}"
        if key not in {name, name.upper()} or name not in Settings.model_fields:
            problems.append(_unknown(origin, key, str))
        elif name in layer.origins:
            problems.append(f"{origin} is there twice, in upper and lower case; it must be there once")
        elif _is_given(name, value):
            layer.put(name, value, origin)
    return layer


def _toml(path: Path, problems: list[str], *, must_be_there: bool) -> tuple[str, dict[str, Any]]:
    """The text, and what it holds: read once, for the next moment there may be another file."""
    try:
        text = read_text(path)
        return text, parse_toml(text)
    except FileNotFoundError:
        if must_be_there:
            problems.append(
                f"{shown_path(path)} is not there; --config (or {CONFIG_VARIABLE}) must name a TOML file"
            )
    except OSError as error:
        problems.append(_no_toml_file(path, error))
    except TOMLDecodeError as error:
        problems.append(f"{path} is no TOML: {error}; a line must look like poll_seconds = 300")
    return "", {}


def _is_given(name: str, value: object) -> bool:
    """In files of systemd `NAME=` is how people leave a setting alone."""
    return name in MEANS_SOMETHING_EMPTY or not (isinstance(value, str) and not value.strip())


def _unknown(origin: str, key: str, shown: Callable[[str], str]) -> str:
    """`shown` spells the name of a field as this source does."""
    near = get_close_matches(key.lower().replace("-", "_"), list(Settings.model_fields), n=1)
    hint = f"did you mean {shown(near[0])}?" if near else "it must be removed"
    return f"{origin} is no setting of lapor-sync; {hint}"


def _one_way_for_each_secret(layers: list[_Layer], problems: list[str]) -> None:
    """The first layer that has a secret, as value or as file, hides both ways in the layers below."""
    for name in SECRETS:
        found = False
        for layer in layers:
            here = [way for way in (name, f"{name}_file") if way in layer.values]
            if found:
                layer.drop(name)
                layer.drop(f"{name}_file")
            elif len(here) == 2:
                both = " and ".join(layer.origins[way] for way in here)
                problems.append(f"{both} are both set; there must be one of them")
            found = found or bool(here)


def _without_nul(given: _Layer, problems: list[str]) -> None:
    """Refuse values with a NUL character, which TOML can spell: no path, name or password can hold one."""
    for name, value in list(given.values.items()):
        if isinstance(value, str) and "\x00" in value:
            problems.append(sentence(name, given.origins[name], value))
            given.drop(name)


def _read_secret_files(given: _Layer, problems: list[str]) -> None:
    for name in SECRETS:
        path = given.values.get(f"{name}_file")
        if not isinstance(path, str | Path):
            continue
        origin = given.origins[f"{name}_file"]
        if text := read_secret_file(Path(path), origin, problems):
            given.put(name, text, in_its_file(name))


def _try_headers(given: _Layer, problems: list[str]) -> None:
    """The gateway's headers are read here once, so that every command names what is wrong in them."""
    path = given.values.get("extra_headers_file")
    if isinstance(path, str | Path):
        auth_header = str(given.values.get("auth_header", Settings.model_fields["auth_header"].default))
        read_headers(Path(path), auth_header, given.origins["extra_headers_file"], problems)


def _try_channels(given: _Layer, problems: list[str]) -> None:
    """The channels of notices are read here once, too; without a sender there is none."""
    path = given.values.get("notify_urls_file")
    if isinstance(path, str | Path):
        try_channels(Path(path), given.origins["notify_urls_file"], problems)
        if "notify_from" not in given.values:
            origin = given.origins["notify_urls_file"]
            problems.append(
                f"{setting_name('notify_from')} is missing: {origin} needs an address that notices come from"
            )


def _validated(given: _Layer, problems: list[str]) -> Settings | None:
    try:
        return Settings(**given.values)  # type: ignore[arg-type]  # it is what checks these
    except ValidationError as errors:
        found = {str(error["loc"][0]): str(error.get("ctx", {}).get("error", "")) for error in errors.errors()}
        for name, why in found.items():
            problems.append(sentence(name, given.origins[name], given.values[name], why))
        return None


def _try_dated_files(given: _Layer, problems: list[str]) -> None:
    """Limits and holidays are read here once, so that every command names what is wrong in them."""
    for name, load in (("deadlines_file", load_limits), ("holidays_file", load_calendar)):
        path = given.values.get(name)
        if not isinstance(path, str | Path):
            continue
        try:
            load(read_dated_file(Path(path)))
        except SettingsWrong as wrong:
            problems.extend(f"{given.origins[name]}: {problem}" for problem in wrong.problems)


def _try_sign_on(given: _Layer, problems: list[str]) -> None:
    """A city's single sign-on is named by two settings: one alone is none."""
    named = {name: given.origins.get(name) for name in ("oidc_issuer", "oidc_client_id")}
    for name, origin in named.items():
        if origin is None and any(named.values()):
            problems.append(f"{setting_name(name)} is missing: {' '.join(filter(None, named.values()))} needs it")


def read_dated_file(path: Path) -> str:
    """The text of a file of limits or holidays. Raises SettingsWrong."""
    try:
        return read_text(path)
    except OSError as error:
        raise SettingsWrong((_no_toml_file(path, error),)) from error


def _no_toml_file(path: Path, error: OSError) -> str:
    right = "it must be a TOML file that this user may read"
    if isinstance(error, PermissionError):
        right += " (officers run `sudo -u lapor-sync lapor-sync ...`)"
    return f"{shown_path(path)} cannot be read ({error.strerror}); {right}"
