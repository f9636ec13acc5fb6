"""The settings: environment over a TOML file over defaults, read once at the edge, all problems together.

`load_settings` collects what was given, layer by layer, and `Settings` says what is right. A field's
description completes the sentence "NAME must be ...". An empty value is as if it were not there, save where
emptiness means something (`MEANS_SOMETHING_EMPTY`). Values of secrets and URLs never get into a message.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from lapor_sync.domain.errors import SettingsWrong
from lapor_sync.domain.files import read_text
from lapor_sync.domain.names import shown_path
from lapor_sync.store.address import shown_url, sound_url, sqlite_url

PREFIX = "LAPOR_SYNC_"
CONFIG_VARIABLE = PREFIX + "CONFIG"
"""Where the settings file is, where `--config` does not say it."""
DEFAULT_CONFIG = Path("/etc/lapor-sync/config.toml")
SYSTEM_STATE = Path("/var/lib/lapor-sync")
DATABASE_FILE = "lapor-sync.db"
SECRETS = ("bearer", "token")
MEANS_SOMETHING_EMPTY = frozenset({"list_updated_param", "opd_ids"})
_NEVER_SHOWN = frozenset({*SECRETS, "database_url", "upstream_url"})


def setting_name(field_name: str) -> str:
    """`poll_seconds` as people know it: `LAPOR_SYNC_POLL_SECONDS`."""
    return PREFIX + field_name.upper()


# --- what a value may be -----------------------------------------------------------------------------------


def _web_url(value: str) -> str:
    url = urlsplit(value)
    _require(url.scheme in {"http", "https"} and bool(url.hostname) and _port_is_sound(url))
    _require("@" not in url.netloc and not url.query and not url.fragment and not re.search(r"\s", value))
    return value.rstrip("/")


def _board_url(value: str) -> str:
    """A web address without a path, by TLS unless it is of this machine alone."""
    url = urlsplit(_web_url(value))
    _require(not url.path)
    _require(url.scheme == "https" or url.hostname in {"localhost", "127.0.0.1", "::1"})
    return value.rstrip("/")


def _port_is_sound(url: SplitResult) -> bool:
    """`port` raises ValueError where it is no number or out of range."""
    return url.port is None or url.port > 0


def _require(condition: bool) -> None:
    """The sentence of the field's description is the message: no other is needed here."""
    if not condition:
        raise ValueError


def _as_items(value: object) -> object:
    """A list as it is; a text split at commas and space."""
    return tuple(re.findall(r"[^,\s]+", value)) if isinstance(value, str) else value


def _as_id(value: object) -> object:
    """TOML has numbers, ids are texts."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _without_repeats(items: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(items))


def _auth_header(value: object) -> object:
    """Header names have no case, but people read this one."""
    return {"auth": "auth", "authorization": "Authorization"}.get(str(value).lower(), value)


def _secret(value: object) -> SecretStr:
    """The bare value: some deployments keep it with the word `Bearer ` inside. Raises ValueError."""
    text = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
    text = re.sub(r"^bearer(\s+|$)", "", text.strip(), flags=re.IGNORECASE)
    _require(bool(re.fullmatch(r"[!-~]+", text)))  # it becomes a header: no space, no line break
    return SecretStr(text)


Id = Annotated[str, BeforeValidator(_as_id), Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Zone = Annotated[ZoneInfo, Field(description="the name of a time zone such as Asia/Jakarta")]
Secret = Annotated[SecretStr, BeforeValidator(_secret)]
_Extension = Annotated[
    str, BeforeValidator(lambda value: str(value).lower().lstrip(".")), Field(pattern=r"^[a-z0-9]{1,8}$")
]


class Settings(BaseSettings):
    """What an operator may set. Frozen; safe to print: secrets and the database's password are not shown."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True, hide_input_in_errors=True)

    database_url: Annotated[str, AfterValidator(sound_url)] = Field(
        repr=False,
        description="a SQLAlchemy URL: sqlite:////path/to/file.db or postgresql+psycopg://user@host/database",
    )
    agency: str = Field(
        default="kota",
        pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$",
        description="1 to 32 of a-z, 0-9, - and _: the key of this city's rows; never change it later",
    )

    upstream_url: Annotated[str, AfterValidator(_web_url)] | None = Field(
        default=None,
        description="an http:// or https:// address without user name, query and fragment",
    )
    auth_header: Annotated[str, BeforeValidator(_auth_header)] = Field(
        default="auth", pattern="^(auth|Authorization)$", description="auth or Authorization"
    )
    bearer: Secret | None = Field(
        default=None, description="the value alone, without space and line breaks inside"
    )
    bearer_file: Path | None = Field(default=None, description="the path of a file that holds the bearer")
    token: Secret | None = Field(
        default=None, description="the value alone with its braces, without space and line breaks inside"
    )
    token_file: Path | None = Field(default=None, description="the path of a file that holds the token")
    institution_id: Id | None = Field(default=None, description="the city's institution id in LAPOR")
    user_id: Id | None = Field(default=None, description="the id of the city's user in LAPOR")
    opd_ids: Annotated[tuple[Id, ...], BeforeValidator(_as_items), AfterValidator(_without_repeats)] = Field(
        default=(), description="institution ids, comma-separated (in TOML a list)"
    )

    observe: bool = Field(default=False, description="true or false")
    ref_prefix: str = Field(default="LS", pattern="^[A-Z0-9]{1,8}$", description="1 to 8 of A-Z and 0-9")
    reply_template: str = Field(
        default="reply",
        pattern=r"^reply\w*$",  # not \w{0,60}: that alone took 25 ms and 7 MB of each start to compile
        max_length=65,
        description="a template_code that begins with reply (no other counts as an answer)",
    )
    readback_grace_seconds: float = Field(
        default=120, ge=0, le=86400, description="a number of seconds, 0 to 86400"
    )

    poll_seconds: float = Field(
        default=300, gt=0, le=86400, description="a number of seconds, more than 0, 86400 at most"
    )
    concurrency: int = Field(default=8, ge=1, le=64, description="a whole number, 1 to 64")
    rate_per_second: float = Field(
        default=10, ge=0, le=1000, description="a number of requests, 0 to 1000 (0 is no limit)"
    )
    connect_timeout: float = Field(
        default=30, gt=0, le=600, description="a number of seconds, more than 0, 600 at most"
    )
    read_timeout: float = Field(
        default=90, gt=0, le=600, description="a number of seconds, more than 0, 600 at most"
    )
    list_path: str = Field(
        default="/complaints",
        pattern=r"^(/[A-Za-z0-9_.~-]+)+$",
        description="a path such as /complaints, relative to LAPOR_SYNC_UPSTREAM_URL, without query",
    )
    list_updated_param: str = Field(
        default="updated_from",
        pattern=r"^[A-Za-z0-9_.\[\]-]{0,64}$",
        description="the name of a query parameter, or empty where there is no such filter",
    )
    list_page_size: int = Field(default=100, ge=1, le=1000, description="a whole number, 1 to 1000")

    attach_types: Annotated[
        tuple[_Extension, ...], BeforeValidator(_as_items), AfterValidator(_without_repeats)
    ] = Field(
        default=("jpg", "jpeg", "png", "pdf", "doc", "docx"),
        description="file name extensions, comma-separated (in TOML a list)",
    )
    attach_max_mb: float = Field(
        default=5, gt=0, le=100, description="a number of megabytes, more than 0, 100 at most"
    )
    attach_max: int = Field(default=5, ge=0, le=50, description="a whole number, 0 to 50")

    upstream_timezone: Zone = ZoneInfo("Asia/Jakarta")
    timezone: Zone = ZoneInfo("Asia/Jakarta")
    import_dir: Path | None = Field(default=None, description="the path of a folder")
    deadlines_file: Path | None = Field(default=None, description="the path of a TOML file with dated limits")
    holidays_file: Path | None = Field(default=None, description="the path of a TOML file with dated holidays")
    raw_days: int = Field(default=90, ge=1, le=36500, description="a whole number of days, 1 or more")
    reporter_name_days: int = Field(default=365, ge=0, le=36500, description="a whole number of days, 0 or more")

    board_listen: str = Field(
        default="127.0.0.1:8080",
        pattern=r"^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):[0-9]{1,5}$",
        description="HOST:PORT, as 127.0.0.1:8080; other than loopback only with LAPOR_SYNC_BOARD_PUBLIC_URL",
    )
    board_public_url: Annotated[str, AfterValidator(_board_url)] | None = Field(
        default=None, description="the https:// address of the board, without a path"
    )
    board_secret_file: Path | None = Field(
        default=None, description="the path of a file that holds 32 bytes or more"
    )
    board_trusted_proxy: str | None = Field(
        default=None, pattern=r"^[0-9A-Fa-f:.]+$", description="the IP address of the proxy in front of the board"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what is passed in: `load_settings` has collected the rest, with where each value came from."""
        return (init_settings,)

    @property
    def database_shown(self) -> str:
        """`database_url` for people: without the password and without a query, which may hold one too."""
        return shown_url(self.database_url)

    @property
    def can_call_upstream(self) -> bool:
        """Whether address and credentials are there; nothing is said about their being accepted."""
        return not self.missing_for_upstream()

    def missing_for_upstream(self) -> tuple[str, ...]:
        """Names of the settings without which nothing can be read upstream."""
        return self._missing("upstream_url", *SECRETS)

    def missing_for_push(self) -> tuple[str, ...]:
        """Names of the settings without which nothing can be sent upstream."""
        return self.missing_for_upstream() + self._missing("institution_id", "user_id")

    def _missing(self, *names: str) -> tuple[str, ...]:
        return tuple(setting_name(name) for name in names if getattr(self, name) is None)


# --- the secrets, now --------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Secrets:
    """The credentials of the upstream; None where there is none."""

    bearer: SecretStr | None
    token: SecretStr | None


def read_secrets(settings: Settings) -> Secrets:
    """The secrets as their files hold them now, so that a running daemon notices a new one.

    What was not given as a file stays as it was. Raises SettingsWrong where a file cannot be read any more.
    """
    problems: list[str] = []
    found = {name: _secret_now(settings, name, problems) for name in SECRETS}
    if problems:
        raise SettingsWrong(tuple(problems))
    return Secrets(bearer=found["bearer"], token=found["token"])


def _secret_now(settings: Settings, name: str, problems: list[str]) -> SecretStr | None:
    path: Path | None = getattr(settings, f"{name}_file")
    if path is None:
        unchanged: SecretStr | None = getattr(settings, name)
        return unchanged
    text = _read_secret_file(path, setting_name(f"{name}_file"), problems)
    try:
        return _secret(text) if text else None
    except ValueError:
        problems.append(_sentence(name, _in_its_file(name), text))
        return None


def _read_secret_file(path: Path, origin: str, problems: list[str]) -> str:
    """Its text without surrounding space; "" where it is empty or unreadable.

    The path is not shown: now and then somebody puts the secret itself where its path belongs.
    """
    try:
        return read_text(path).strip()
    except OSError as error:
        right = "it must be a text file that holds the value alone and that this user may read"
        problems.append(f"{origin} cannot be read ({error.strerror}); {right}")
    return ""


def _in_its_file(name: str) -> str:
    return f"{setting_name(name)} (read from its file)"


# --- collecting what was given -----------------------------------------------------------------------------


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
    """The settings of this start. `config` is what `--config` named; None is the default file, if it is there.

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
    _try_dated_files(given, problems)
    if settings is None or problems:
        raise SettingsWrong(tuple(problems))
    return settings


def default_database_url(environ: Mapping[str, str]) -> str:
    """SQLite where this process keeps its state.

    A system folder that is there but closed to this user is still the answer: to work on another, empty
    database without a word would be worse than the error that follows.
    """
    return sqlite_url(_state_directory(environ) / DATABASE_FILE)


def board_secret_file(settings: Settings, environ: Mapping[str, str]) -> Path:
    """Where the board's secret is: the file that was named, else beside the database."""
    if settings.board_secret_file is not None:
        return settings.board_secret_file
    from lapor_sync.store.backup import database_file  # only the board needs it

    database = database_file(settings.database_url)
    return (database.parent if database is not None else _state_directory(environ)) / "board-secret"


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
        for name in (*SECRETS, "board_secret"):
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
    from difflib import get_close_matches  # only somebody's typo needs it

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
            problems.append(_sentence(name, given.origins[name], value))
            given.drop(name)


def _read_secret_files(given: _Layer, problems: list[str]) -> None:
    for name in SECRETS:
        path = given.values.get(f"{name}_file")
        if not isinstance(path, str | Path):
            continue
        origin = given.origins[f"{name}_file"]
        if text := _read_secret_file(Path(path), origin, problems):
            given.put(name, text, _in_its_file(name))


def _validated(given: _Layer, problems: list[str]) -> Settings | None:
    try:
        return Settings(**given.values)  # type: ignore[arg-type]  # it is what checks these
    except ValidationError as errors:
        found = {str(error["loc"][0]): str(error.get("ctx", {}).get("error", "")) for error in errors.errors()}
        for name, why in found.items():
            problems.append(_sentence(name, given.origins[name], given.values[name], why))
        return None


def _try_dated_files(given: _Layer, problems: list[str]) -> None:
    """Limits and holidays are read here once, so that every command names what is wrong in them."""
    if not {"deadlines_file", "holidays_file"} & given.values.keys():
        return  # most have none, and no start needs to load what reads them
    from lapor_sync.domain.limits import load_calendar, load_limits

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


def _sentence(name: str, origin: str, value: object, why: str = "") -> str:
    right = Settings.model_fields[name].description
    if name in _NEVER_SHOWN:
        return f"{origin} is wrong (its value is not shown here){why and f': {why}'}; it must be {right}"
    shown = repr(value) if len(repr(value)) <= 60 else repr(value)[:60] + "..."
    return f"{origin} is {shown}; it must be {right}"
