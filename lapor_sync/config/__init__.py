"""The settings: environment over a TOML file over defaults, read once at the edge, all problems together.

`load_settings` collects what was given, layer by layer, and `Settings` says what is right: `Machine` and `Agency`
have a part each, with its defaults. A field's description completes the sentence "NAME must be ...". An empty value is
as if it were not there, save where emptiness means something (`MEANS_SOMETHING_EMPTY`). Values of secrets and URLs
never get into a message.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Self

from pydantic import ValidationError

from lapor_sync.config.agency import SECRETS
from lapor_sync.config.secrets import Secrets, in_its_file, read_headers, read_secret_file, read_secrets
from lapor_sync.config.settings import Settings, sentence
from lapor_sync.config.values import PREFIX, setting_name
from lapor_sync.domain.errors import SettingsWrong
from lapor_sync.domain.files import read_text
from lapor_sync.domain.limits import load_calendar, load_limits
from lapor_sync.domain.names import shown_path
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
    "DEFAULT_CONFIG",
    "SECRETS",
    "Secrets",
    "Settings",
    "board_secret_file",
    "default_database_url",
    "load_settings",
    "read_dated_file",
    "read_secrets",
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


def load_settings(config: Path | None, environ: Mapping[str, str]) -> Settings:
    """Return the settings of this start. `config` is what `--config` named; None is the default file, if it is there.

    Raises SettingsWrong with all that is wrong, one sentence each.
    """
    problems: list[str] = []
    layers = [
        _from_environ(environ, problems),
        _from_credentials(environ),
        _from_file(config, problems),
    ]
    _one_way_for_each_secret(layers, problems)
    given = layers[0].laid_over(layers[1]).laid_over(layers[2])
    _without_nul(given, problems)
    _read_secret_files(given, problems)
    given.values.setdefault("database_url", default_database_url(environ))
    settings = _validated(given, problems)
    _try_headers(given, problems)
    _try_dated_files(given, problems)
    if settings is None or problems:
        raise SettingsWrong(tuple(problems))
    return settings


def default_database_url(environ: Mapping[str, str]) -> str:
    """Return the address of the SQLite file where this process keeps its state.

    A system folder that is there but closed to this user is still the answer: to work on another, empty
    database without a word would be worse than the error that follows.
    """
    return sqlite_url(_state_directory(environ) / DATABASE_FILE)


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


def _from_credentials(environ: Mapping[str, str]) -> _Layer:
    """What systemd's `LoadCredential=` put there."""
    layer = _Layer()
    if directory := environ.get("CREDENTIALS_DIRECTORY"):
        for name in (*SECRETS, "extra_headers", "board_secret"):
            if os.path.exists(path := Path(directory, name)):
                layer.put(f"{name}_file", path, f"credential {name}")
    return layer


def _from_file(config: Path | None, problems: list[str]) -> _Layer:
    layer = _Layer()
    path = config or DEFAULT_CONFIG
    for key, value in _toml(path, problems, must_be_there=config is not None).items():
        name, origin = key.lower(), f"{key} in {path}"
        if key not in {name, name.upper()} or name not in Settings.model_fields:
            problems.append(_unknown(origin, key, str))
        elif name in layer.origins:
            problems.append(f"{origin} is there twice, in upper and lower case; it must be there once")
        elif _is_given(name, value):
            layer.put(name, value, origin)
    return layer


def _toml(path: Path, problems: list[str], *, must_be_there: bool) -> dict[str, Any]:
    try:
        return tomllib.loads(read_text(path))
    except FileNotFoundError:
        if must_be_there:
            problems.append(
                f"{shown_path(path)} is not there; --config (or {CONFIG_VARIABLE}) must name a TOML file"
            )
    except OSError as error:
        problems.append(_no_toml_file(path, error))
    except tomllib.TOMLDecodeError as error:
        problems.append(f"{path} is no TOML: {error}; a line must look like poll_seconds = 300")
    return {}


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


def read_dated_file(path: Path) -> str:
    """The text of a file of limits or holidays. Raises SettingsWrong."""
    try:
        return read_text(path)
    except OSError as error:
        raise SettingsWrong((_no_toml_file(path, error),)) from error


def _no_toml_file(path: Path, error: OSError) -> str:
    return f"{shown_path(path)} cannot be read ({error.strerror}); it must be a TOML file that this user may read"
