"""One agency's mirror, as the cycle and the office are given it. Nothing here opens anything itself."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol

from lapor_sync.domain import defaults
from lapor_sync.domain.calendar import WorkingDays, joint_holidays_known
from lapor_sync.domain.colour import City
from lapor_sync.domain.limits import Limits
from lapor_sync.store.database import Store


class Log(Protocol):
    """What the steps ask of a logger: events with bound ids, never texts or names."""

    def info(self, event: str, **values: Any) -> Any: ...
    def warning(self, event: str, **values: Any) -> Any: ...
    def error(self, event: str, **values: Any) -> Any: ...


@dataclass(frozen=True, kw_only=True)
class Rules:
    """The city's configuration of the rules."""

    city: City
    limits: tuple[Limits, ...]
    working_days: WorkingDays
    prefix: str = defaults.REF_PREFIX
    grace: timedelta = timedelta(seconds=defaults.READBACK_GRACE_SECONDS)

    def knows_joint_holidays(self, year: int) -> bool:
        """Whether the *cuti bersama* of that year are known, by the holiday library or the city's own file."""
        return joint_holidays_known(year) or any(day.year == year for day in self.working_days.extra)

    @property
    def fingerprint(self) -> str:
        """Changes when any colour or deadline might be another by these rules."""
        days = self.working_days
        parts = (self.city.rules, self.limits, sorted(days.extra), sorted(days.not_holidays), days.timezone.key)
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How often and how much at a time."""

    poll_seconds: float = defaults.POLL_SECONDS
    concurrency: int = defaults.CONCURRENCY
    rate_per_second: float = defaults.RATE_PER_SECOND  # calls that may begin; 0: no limit
    reread_budget: int = 60  # scheduled reads by id in one cycle
    raw_days: int = defaults.RAW_DAYS
    reporter_name_days: int = defaults.REPORTER_NAME_DAYS


@dataclass(frozen=True, kw_only=True)
class Mirror:
    """One agency's part of the database, and the rules by which it is judged. An act of a person needs no more."""

    store: Store
    rules: Rules
    log: Log
    pace: Pace = field(default_factory=Pace)
