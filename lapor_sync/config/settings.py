"""All settings of a process: a machine's and an agency's."""

from __future__ import annotations

from pydantic import ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from lapor_sync.config.agency import SECRETS, Agency
from lapor_sync.config.machine import Machine
from lapor_sync.config.values import PREFIX

_NEVER_SHOWN = frozenset({*SECRETS, "database_url", "upstream_url"})


class Settings(Agency, Machine, BaseSettings):
    """What an operator may set. Frozen; safe to print: secrets and the database's password are not shown."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True, hide_input_in_errors=True)

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


def sentence(name: str, origin: str, value: object, why: str = "") -> str:
    """Return what is wrong with a value of a setting: where it stands, and what it must be."""
    right = Settings.model_fields[name].description
    if name in _NEVER_SHOWN:
        return f"{origin} is wrong (its value is not shown here){why and f': {why}'}; it must be {right}"
    shown = repr(value) if len(repr(value)) <= 60 else repr(value)[:60] + "..."
    return f"{origin} is {shown}; it must be {right}"


def must_be(name: str, value: object) -> str | None:
    """Return what a setting must be, where this value is not; None where it is."""
    try:
        Settings.model_validate({"database_url": "sqlite:////lapor-sync.db", name: value})
    except ValidationError:
        return Settings.model_fields[name].description
    return None
