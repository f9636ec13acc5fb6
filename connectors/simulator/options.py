"""How a stand-in behaves: one frozen value, checked when made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from connectors.simulator.scenarios import SCENARIOS


@dataclass(frozen=True, kw_only=True)
class Options:
    """The settings of one simulated installation.

    seed, reports: which city, and how many reports its past holds. speed: simulated seconds per real second.
    scenario: a name in `SCENARIOS`. bearer, token, auth_header: what a caller must show. page_cap: the most
    rows of a page. list_fields: `full`, or `sparse` (id, tracking_id, status_name, updated_at only).
    life: whether random city life goes on as simulated time passes. start: simulated now at the start
    (aware; default: real now). late_seconds, slow_seconds: real seconds, of `late-read` and `slow`.
    headers: what a service bus in front wants to be shown besides, by name; it answers in LAPOR's place where it is not,
    and where a JWT among them is over.
    file_seconds: simulated seconds for which an address of a file holds; None: it is not signed, and holds for ever.
    pictures: whether the citizens' files are pictures and letters, for people to look at; else a line of text each.
    """

    seed: int = 1
    reports: int = 50
    speed: float = 1.0
    scenario: str = "calm"
    bearer: str = "simulator"
    token: str = "{00000000-0000-0000-0000-000000000000}"
    auth_header: str = "auth"
    page_cap: int = 100
    list_fields: str = "full"
    life: bool = False
    start: datetime | None = None
    late_seconds: float = 3.0
    slow_seconds: float = 2.0
    file_seconds: int | None = None
    pictures: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.scenario not in SCENARIOS:
            raise ValueError(f"no scenario {self.scenario!r}; there are: {', '.join(SCENARIOS)}")
        if self.list_fields not in ("full", "sparse"):
            raise ValueError("list_fields is 'full' or 'sparse'")
        if self.start is not None and self.start.tzinfo is None:
            raise ValueError("start needs a time zone")
        if self.reports < 0 or self.speed < 0 or self.page_cap < 1:
            raise ValueError("reports and speed are not negative, page_cap is at least 1")
