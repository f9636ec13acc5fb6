"""The settings of a machine: its database, its agencies, its network, its board."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from lapor_sync.config.values import issuer_url
from lapor_sync.domain import defaults
from lapor_sync.domain.people import SecondFactor
from lapor_sync.store.address import shown_url, sound_url

_HOST = r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)"
_METRICS = rf"^({_HOST}:)?[0-9]{{1,5}}$"
_METRICS_RIGHT = "a port of this machine alone, as 9464, or HOST:PORT"


class Machine(BaseModel):
    """What holds for all that runs on one machine, whatever agencies it works for."""

    model_config = ConfigDict(defer_build=True)  # a part of `Settings`, which makes its own

    database_url: Annotated[str, AfterValidator(sound_url)] = Field(
        repr=False,
        description="a SQLAlchemy URL: sqlite:////path/to/file.db or postgresql+psycopg://user@host/database",
    )
    agencies_dir: Path | None = Field(
        default=None, description="the path of a folder with a TOML file for each agency"
    )

    concurrency: int = Field(default=defaults.CONCURRENCY, ge=1, le=64, description="a whole number, 1 to 64")
    gateway_per_second: float = Field(
        default=defaults.GATEWAY_PER_SECOND,
        ge=0,
        le=100_000,
        description="a number of requests, 0 to 100000 (0 is no limit)",
    )
    connect_timeout: float = Field(
        default=defaults.CONNECT_TIMEOUT, gt=0, le=600, description="a number of seconds, more than 0, 600 at most"
    )
    read_timeout: float = Field(
        default=defaults.READ_TIMEOUT, gt=0, le=600, description="a number of seconds, more than 0, 600 at most"
    )

    board_listen: str = Field(
        default="127.0.0.1:8080",
        pattern=rf"^{_HOST}:[0-9]{{1,5}}$",
        description="HOST:PORT, as 127.0.0.1:8080; other than loopback only with LAPOR_SYNC_BOARD_PUBLIC_URL",
    )
    board_secret_file: Path | None = Field(
        default=None, description="the path of a file that holds 32 bytes or more"
    )
    second_factor: SecondFactor = Field(
        default=defaults.SECOND_FACTOR,
        description="none, admin or all: who must have a second factor",
    )
    oidc_issuer: Annotated[str, AfterValidator(issuer_url)] | None = Field(
        default=None, description="the https:// address of the city's single sign-on (OpenID Connect)"
    )
    oidc_client_id: str | None = Field(default=None, description="what the single sign-on knows the board as")
    oidc_client_secret_file: Path | None = Field(
        default=None, description="the path of a file that holds the client's secret"
    )
    board_trusted_proxy: str | None = Field(
        default=None, pattern=r"^[0-9A-Fa-f:.]+$", description="the IP address of the proxy in front of the board"
    )

    metrics_listen: str | None = Field(default=None, pattern=_METRICS, description=_METRICS_RIGHT)
    board_metrics_listen: str | None = Field(default=None, pattern=_METRICS, description=_METRICS_RIGHT)

    @property
    def database_shown(self) -> str:
        """`database_url` for people: without the password and without a query, which may hold one too."""
        return shown_url(self.database_url)
