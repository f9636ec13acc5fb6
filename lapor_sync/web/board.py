"""What the board's pages are made from, put together once by whoever starts it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from lapor_sync.config.agency import local_host
from lapor_sync.domain import defaults
from lapor_sync.domain.names import address_of_report
from lapor_sync.domain.notices import EMAIL
from lapor_sync.domain.people import SecondFactor
from lapor_sync.domain.ports import Sender
from lapor_sync.mirror.mirror import Mirror
from lapor_sync.monitoring.health import not_fresh
from lapor_sync.office import FileLimits
from lapor_sync.store.database import Store
from lapor_sync.store.file_folder import FileFolder
from lapor_sync.store.reports import Mirrored
from lapor_sync.web.standing import Months, Standing

Measure = Callable[[str, str, int, float], None]
"""Hears of a request: the rule of its address, its method, the status, how many seconds."""

Later = Callable[[Callable[[], object]], None]
"""Does something after the request is answered."""


CHOSEN = "lapor_sync.board"
"""Where a request's environment has the board that is asked, where one process serves several."""


def _at_once(errand: Callable[[], object]) -> None:
    errand()


if TYPE_CHECKING:
    from lapor_sync.web.provider import Provider


@dataclass(frozen=True, kw_only=True)
class Board:
    """One city's board. `provider`: its single sign-on.

    `secret` signs the tokens of forms. `public_url` is where people find it, None on loopback alone; `host` then is
    the name or address it listens on. `report_url`: LAPOR's own page of a report. `files`: where citizens' files are
    kept. `measure` hears of each request. `later` does what a request must not wait for.
    """

    mirror: Mirror
    limits: FileLimits = field(default_factory=FileLimits)
    secret: bytes = field(repr=False)
    public_url: str | None = None
    host: str = "127.0.0.1"
    city: str = ""
    report_url: str = defaults.REPORT_URL
    files: FileFolder | None = None
    second_factor: SecondFactor = defaults.SECOND_FACTOR
    sender: Sender | None = None
    provider: Provider | None = None
    measure: Measure | None = None
    later: Later = _at_once
    standing: Standing = field(default_factory=Standing)

    @property
    def store(self) -> Store:
        """The city's database."""
        return self.mirror.store

    @property
    def zone(self) -> ZoneInfo:
        """The city's time zone."""
        return self.mirror.rules.working_days.timezone

    @property
    def today(self) -> date:
        """The day that it is in the city."""
        return self.store.clock.now().astimezone(self.zone).date()

    def upstream_page(self, one: Mirrored) -> str:
        """Where a report stands at LAPOR; its front page where nobody said how the address of one is."""
        return address_of_report(self.report_url, one.call_id, one.tracking_id)

    def is_stale(self, last_success: datetime | None) -> bool:
        """Whether a mirror of that last success cannot be relied on now."""
        return not_fresh(last_success, self.store.clock.now(), self.mirror.pace.poll_seconds) is not None

    def months(self) -> Months | None:
        """How the OPDs stand this month and stood the last one; None before the first count is made."""
        return self.standing.of(self.mirror, self.later)

    @property
    def has_sign_on(self) -> bool:
        """Whether the city has a single sign-on."""
        return self.provider is not None

    @property
    def mails_links(self) -> bool:
        """Whether who lost the password can have a link by e-mail."""
        return self.sender is not None and EMAIL in self.sender.kinds

    @property
    def is_secure(self) -> bool:
        """Whether people come to it by TLS: then its cookie goes no other way."""
        return (self.public_url or "").startswith("https://")

    @property
    def hosts(self) -> frozenset[str]:
        """The names under which it answers; another one is somebody's own name for this machine (DNS rebinding)."""
        if self.public_url is not None:
            return frozenset({urlsplit(self.public_url).hostname or ""})
        return frozenset({"localhost", "127.0.0.1", "::1", self.host, local_host(self.store.agency)})

    @property
    def most_bytes(self) -> int:
        """How large a request may be."""
        return most_bytes(self.limits)


def most_bytes(limits: FileLimits) -> int:
    """Return how large a request may be: some more than an answer with all its files; so one too many can be told."""
    return (limits.max_count + 1) * limits.max_bytes * 2 + 2**21
