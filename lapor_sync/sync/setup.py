"""What every step is given: store, connector, the city's rules, time. No step opens anything itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from lapor_sync.domain.ports import Clock, Connector, FileSource, Sample
from lapor_sync.mirror.mirror import Mirror
from lapor_sync.store.file_folder import FileFolder
from lapor_sync.store.lock import Holding
from lapor_sync.sync.pictures import Drawn, drawn_anew


def no_step(_name: str) -> None:
    """The steps' names lead nowhere, unless a test wants to die at one of them."""


def never() -> bool:
    """Nobody asks to stop."""
    return False


@dataclass(frozen=True, kw_only=True)
class Keeping:
    """How the files of citizens are kept: from where, in which folder, how many bytes at most."""

    source: FileSource
    folder: FileFolder
    most: int
    draw: Callable[[bytes], Drawn | None] = drawn_anew


@dataclass(frozen=True, kw_only=True)
class Setup(Mirror):
    """One agency's work. `user_id` and the city's institution id are needed to push only.

    `step` is called with each step's name as it is reached; `stopping` tells whether to come to an end;
    `spread` is a random number in [0, 1) for jitter; `progress` hears (done, total or None) reports.
    `holding` is the proof that this process alone works the database. `keeping` is None where citizens' files stay
    where they are. `credentials_end`: when those end that say so, by name. `sample` is what is looked at of the
    upstream's answers; None where nobody watches its contract.
    """

    connector: Connector
    clock: Clock
    spread: Callable[[], float]
    user_id: str | None = None
    observe: bool = False
    step: Callable[[str], None] = no_step
    stopping: Callable[[], bool] = never
    progress: Callable[[int, int | None], None] = lambda _done, _total: None
    holding: Holding = field(default_factory=Holding)
    keeping: Keeping | None = None
    credentials_end: Mapping[str, datetime] = field(default_factory=dict)
    sample: Sample | None = None

    @property
    def may_push(self) -> bool:
        """Whether deliveries may leave: not while observing, and only with the city's ids."""
        return not self.observe and self.user_id is not None and self.rules.city.institution_id is not None
