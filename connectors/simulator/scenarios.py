"""The bad days, as a table: what a day does to calls, to listings and to records.

Chances are drawn from a source made of the seed, the scenario and a running number (writes and reads are
counted apart), so the n-th write has the same luck in every run, whatever the threads do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from connectors.simulator.clock import DAY
from connectors.simulator.mishaps import Mishap, mishap

Chance = Callable[[Random, bool], Mishap | None]


def _never(dice: Random, is_write: bool) -> Mishap | None:
    return None


def _lost(share: float) -> Chance:
    """A stored write whose reply does not arrive."""

    def chance(dice: Random, is_write: bool) -> Mishap | None:
        if is_write and dice.random() < share:
            return mishap(dice.choice(("close-after", "gateway:502", "gateway:504")), True)
        return None

    return chance


_FLAKY_READS = ("status:500", "gateway:502", "status:503", "close-before", "garbage", "truncate", "empty-200")
_FLAKY_WRITES = (
    *_FLAKY_READS,
    "close-after",
    "status:408",
    "status-false-200",
    "html-200",
    "redirect",
    "no-id",
)


def _flaky(share: float) -> Chance:
    def chance(dice: Random, is_write: bool) -> Mishap | None:
        if dice.random() >= share:
            return None
        do = dice.choice(_FLAKY_WRITES if is_write else _FLAKY_READS)
        return mishap(do, do == "no-id" or dice.random() < 0.5)

    return chance


def _any_of(faults: Sequence[str]) -> Chance:
    """Every call meets one of these, nothing is stored."""
    return lambda dice, is_write: mishap(dice.choice(faults), False)


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One kind of day.

    chance: what happens to a call. late: stored answers become readable later. listing: what is wrong with
    the list of reports (`normal`, `repeat-last`, `moving`, `empty`, `missing`, `unfiltered`). drift,
    unknown_status: what is wrong with records. denied: 401 everywhere. slow: every call waits.
    limit: calls a second, above which comes a 429. seconds: how long it lasts in simulated time, a calm day
    after it; None: until it is changed.
    """

    what: str
    chance: Chance = _never
    late: bool = False
    listing: str = "normal"
    drift: bool = False
    unknown_status: bool = False
    denied: bool = False
    slow: bool = False
    limit: int | None = None
    seconds: float | None = None


_MAINTENANCE = _any_of(("html-200", "gateway:503", "status:503"))

BAD_DAYS: Mapping[str, Scenario] = {
    "calm": Scenario(what="Everything works."),
    "lost-reply": Scenario(
        what="Half of the writes are stored but their reply is lost (closed connection, 502, 504).",
        chance=_lost(0.5),
    ),
    "late-read": Scenario(
        what="A stored answer can be read only some seconds later, and some replies are lost as well.",
        chance=_lost(0.35),
        late=True,
    ),
    "flaky": Scenario(
        what="One call in four fails in some way, with the write stored or not.", chance=_flaky(0.25)
    ),
    "maintenance": Scenario(
        what="All calls get a maintenance page under 200, or a 503.",
        chance=_MAINTENANCE,
    ),
    "maintenance-of-days": Scenario(
        what="The same for three days, as it was announced in April 2024; then everything works.",
        chance=_MAINTENANCE,
        seconds=3 * DAY,
    ),
    "slow": Scenario(what="Every call takes seconds.", slow=True),
    "repeated-last-page": Scenario(
        what="There is always a next page; pages past the end repeat the last.", listing="repeat-last"
    ),
    "moving-pages": Scenario(what="Rows move between the pages while they are listed.", listing="moving"),
    "schema-drift": Scenario(
        what="Fields are renamed, nested, null or new; some rows are unreadable.", drift=True
    ),
    "unknown-status": Scenario(what="Some reports have a status name that nobody knows.", unknown_status=True),
    "empty-list": Scenario(what="The list is empty though there are reports.", listing="empty"),
    "expired-token": Scenario(what="Every call is answered with 401.", denied=True),
    "rate-limit": Scenario(what="More than five calls a second are answered with 429.", limit=5),
    "restricted": Scenario(what="The list call answers 404; everything else works.", listing="missing"),
    "no-filter": Scenario(what="The filter by time of change is ignored.", listing="unfiltered"),
}

SCENARIOS: Mapping[str, str] = {name: day.what for name, day in BAD_DAYS.items()}
