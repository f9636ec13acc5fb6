"""The settings of an agency: its LAPOR, its people, its rules."""

from __future__ import annotations

from datetime import time
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from lapor_sync.config.values import (
    AGENCY_MARK,
    Extension,
    Id,
    Secret,
    Zone,
    as_items,
    as_time,
    auth_header_name,
    board_url,
    page_pattern,
    setting_name,
    web_url,
    without_repeats,
)
from lapor_sync.domain import defaults
from lapor_sync.domain.colour import City

SECRETS = ("bearer", "token")
OTHER_SECRETS = ("extra_headers", "notify_urls", "board_secret", "oidc_client_secret")
"""What is no credential of LAPOR's: a file of each is named, or systemd has it."""

AGENCY_KEY = "[a-z0-9][a-z0-9_-]{0,31}"
"""What the key of an agency's rows is made of."""


def as_label(key: str) -> str:
    """Return the key as a part of a host's name, which has no underscore."""
    return key.replace("_", "-")


def local_host(key: str) -> str:
    """Return the name by which the machine itself finds an agency's board, where it has no address of its own."""
    return f"{as_label(key)}.localhost"


class Agency(BaseModel):
    """What one city says of itself, of its account at LAPOR, and of how it wants to be mirrored."""

    model_config = ConfigDict(defer_build=True)  # a part of `Settings`, which makes its own

    agency: str = Field(
        default="kota",
        pattern=f"^{AGENCY_KEY}$",
        description="1 to 32 of a-z, 0-9, - and _: the key of this city's rows; never change it later",
    )

    upstream_url: Annotated[str, AfterValidator(web_url)] | None = Field(
        default=None,
        description="an http:// or https:// address without user name, query and fragment",
    )
    report_url: Annotated[str, AfterValidator(page_pattern)] = Field(
        default=defaults.REPORT_URL,
        description="the web address of one report at LAPOR, with {id} or {tracking_id} in it, or of its front page",
    )
    auth_header: Annotated[str, BeforeValidator(auth_header_name)] = Field(
        default=defaults.AUTH_HEADER, pattern="^(auth|Authorization)$", description="auth or Authorization"
    )
    bearer: Secret | None = Field(
        default=None, description="the value alone, without space and line breaks inside"
    )
    bearer_file: Path | None = Field(default=None, description="the path of a file that holds the bearer")
    token: Secret | None = Field(
        default=None, description="the value alone with its braces, without space and line breaks inside"
    )
    token_file: Path | None = Field(default=None, description="the path of a file that holds the token")
    extra_headers_file: Path | None = Field(
        default=None, description="the path of a TOML file of further headers for the gateway"
    )
    institution_id: Id | None = Field(default=None, description="the city's institution id in LAPOR")
    user_id: Id | None = Field(default=None, description="the id of the city's user in LAPOR")
    opd_ids: Annotated[tuple[Id, ...], BeforeValidator(as_items), AfterValidator(without_repeats)] = Field(
        default=(), description="institution ids, comma-separated (in TOML a list)"
    )

    observe: bool = Field(default=False, description="true or false")
    ref_prefix: str = Field(
        default=defaults.REF_PREFIX, pattern="^[A-Z0-9]{1,8}$", description="1 to 8 of A-Z and 0-9"
    )
    reply_template: str = Field(
        default=defaults.REPLY_TEMPLATE,
        pattern=r"^reply\w*$",  # not \w{0,60}: that alone took 25 ms and 7 MB of each start to compile
        max_length=65,
        description="a template_code that begins with reply (no other counts as an answer)",
    )
    readback_grace_seconds: float = Field(
        default=defaults.READBACK_GRACE_SECONDS, ge=0, le=86400, description="a number of seconds, 0 to 86400"
    )

    poll_seconds: float = Field(
        default=defaults.POLL_SECONDS,
        gt=0,
        le=86400,
        description="a number of seconds, more than 0, 86400 at most",
    )
    rate_per_second: float = Field(
        default=defaults.RATE_PER_SECOND,
        ge=0,
        le=1000,
        description="a number of requests, 0 to 1000 (0 is no limit)",
    )

    list_path: str = Field(
        default=defaults.LIST_PATH,
        pattern=r"^(/[A-Za-z0-9_.~-]+)+$",
        description="a path such as /complaints, relative to LAPOR_SYNC_UPSTREAM_URL, without query",
    )
    list_updated_param: str = Field(
        default=defaults.LIST_UPDATED_PARAM,
        pattern=r"^[A-Za-z0-9_.\[\]-]{0,64}$",
        description="the name of a query parameter, or empty where there is no such filter",
    )
    list_page_size: int = Field(
        default=defaults.LIST_PAGE_SIZE, ge=1, le=1000, description="a whole number, 1 to 1000"
    )

    attach_types: Annotated[tuple[Extension, ...], BeforeValidator(as_items), AfterValidator(without_repeats)] = (
        Field(
            default=defaults.ATTACH_TYPES,
            description="file name extensions, comma-separated (in TOML a list)",
        )
    )
    attach_max_mb: float = Field(
        default=defaults.ATTACH_MAX_MB, gt=0, le=100, description="a number of megabytes, more than 0, 100 at most"
    )
    attach_max: int = Field(default=defaults.ATTACH_MAX, ge=0, le=50, description="a whole number, 0 to 50")

    attachments: str = Field(
        default=defaults.ATTACHMENTS,
        pattern="^(keep|link)$",
        description="keep (citizens' files are fetched when they are first seen) or link (their names only)",
    )
    attachments_max_gb: float = Field(
        default=defaults.ATTACHMENTS_MAX_GB,
        gt=0,
        le=100_000,
        description="a number of gigabytes, more than 0",
    )
    attachments_hosts: Annotated[tuple[str, ...], BeforeValidator(as_items), AfterValidator(without_repeats)] = (
        Field(
            default=(),
            description="names of hosts in a private network that citizens' files may lie on, comma-separated",
        )
    )

    board_public_url: Annotated[str, AfterValidator(board_url)] | None = Field(
        default=None,
        description=f"the https:// address of the board, without a path; {AGENCY_MARK} in it is the agency's key",
    )
    notify_from: str | None = Field(
        default=None,
        pattern=r"^[^@\s<>]{1,64}@[A-Za-z0-9.-]{1,190}$",
        description="the e-mail address that notices come from",
    )
    notify_urls_file: Path | None = Field(
        default=None, description="the path of a TOML file of Apprise addresses: technical, [person]"
    )
    digest_at: Annotated[time, BeforeValidator(as_time)] = Field(
        default=defaults.DIGEST_AT, description="a time of day such as 07:30"
    )

    upstream_timezone: Zone = ZoneInfo(defaults.TIMEZONE)
    timezone: Zone = ZoneInfo(defaults.TIMEZONE)
    import_dir: Path | None = Field(default=None, description="the path of a folder")
    deadlines_file: Path | None = Field(default=None, description="the path of a TOML file with dated limits")
    holidays_file: Path | None = Field(default=None, description="the path of a TOML file with dated holidays")
    raw_days: int = Field(
        default=defaults.RAW_DAYS, ge=1, le=36500, description="a whole number of days, 1 or more"
    )
    reporter_name_days: int = Field(
        default=defaults.REPORTER_NAME_DAYS, ge=0, le=36500, description="a whole number of days, 0 or more"
    )

    @property
    def city(self) -> City:
        """Which institutions are the city's own."""
        return City(institution_id=self.institution_id, opd_ids=frozenset(self.opd_ids))

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
