"""The numbers of the mirror, asked of the store when Prometheus comes for them. docs/metrics.md lists every name.

Daemon, standby, worker and board tell the same of the same database: who adds them up counts twice.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from lapor_sync.domain.colour import City, Colour
from lapor_sync.domain.errors import LaporSyncError
from lapor_sync.domain.people import Role
from lapor_sync.domain.ports import Clock
from lapor_sync.domain.waits import stale_after
from lapor_sync.monitoring.health import Polled
from lapor_sync.store import quarantine
from lapor_sync.store.database import Store
from lapor_sync.store.measured import Measured, measured
from lapor_sync.store.queries import OpdRow

KEPT_SECONDS = 10.0
"""So long the same numbers are told: two Prometheus servers, or one that asks each second, cost no more than one."""

PATIENCE_SECONDS = 3.0
"""So long a scrape asks databases, and then tells of the other agencies what it knows: Prometheus waits for ten seconds,
and hundreds of agencies take longer. Those that were asked longest ago come first."""

MOST_OPDS = 200
"""Numbers are told of so many institutions, those with the most reports; of all others together as `other`."""

OTHER = "other"
SOURCES = (quarantine.LIST, quarantine.DETAIL, quarantine.THREAD, quarantine.EXPORT)
SHADES = (*(str(shade) for shade in Colour), "unknown")

Samples = Iterator[tuple[tuple[str, ...], float]]
"""Values of labels, and the number."""


class Told(NamedTuple):
    """One metric: its name and labels behind `lapor_sync_` and `agency`, and what it is of a mirror."""

    name: str
    help: str
    labels: tuple[str, ...]
    samples: Callable[[Measured], Samples]
    family: type[GaugeMetricFamily] | type[CounterMetricFamily] = GaugeMetricFamily


def _one(number: Callable[[Measured], float]) -> Callable[[Measured], Samples]:
    return lambda found: iter([((), float(number(found)))])


def _reports(found: Measured) -> Samples:
    for opd, rows in _by_opd(found.opds):
        for shade in SHADES:
            yield (opd, shade), float(sum(getattr(row, shade) for row in rows))


def _overdue(found: Measured) -> Samples:
    for opd, rows in _by_opd(found.opds):
        yield (opd,), float(sum(row.overdue for row in rows))


def _names(found: Measured) -> Samples:
    for opd, rows in _by_opd(found.opds):
        if opd not in {OTHER, ""} and rows[0].name:
            yield (opd, rows[0].name), 1.0


def _by_opd(rows: Iterable[OpdRow]) -> Iterator[tuple[str, list[OpdRow]]]:
    """The rows of each OPD, "" for reports without one; past the largest, all others together."""
    largest = sorted(rows, key=lambda row: -sum(getattr(row, shade) for shade in SHADES))
    for row in largest[:MOST_OPDS]:
        yield row.id or "", [row]
    if others := largest[MOST_OPDS:]:
        yield OTHER, others


def _seconds(at: datetime | None) -> float:
    return at.timestamp() if at else 0.0


def _outage(found: Measured) -> float:
    return (found.at - found.outage.since).total_seconds() if found.outage else 0.0


TOLD: tuple[Told, ...] = (
    Told("reports", "Reports by OPD and colour.", ("opd", "colour"), _reports),
    Told("reports_overdue", "Reports past their deadline, by OPD.", ("opd",), _overdue),
    Told("opd_info", "The name of an OPD; always 1.", ("opd", "opd_name"), _names),
    Told(
        "deliveries",
        "Deliveries by state.",
        ("state",),
        lambda found: (((state,), float(number)) for state, number in found.deliveries.items()),
    ),
    Told(
        "delivery_oldest_age_seconds",
        "Since the oldest delivery of a state that waits was written; a state without one is not told.",
        ("state",),
        lambda found: (((state,), age.total_seconds()) for state, age in found.oldest.items()),
    ),
    Told(
        "oldest_waiting_age_seconds",
        "Since the oldest delivery that has not arrived was written; 0 where none waits.",
        (),
        _one(lambda found: max((age.total_seconds() for age in found.oldest.values()), default=0.0)),
    ),
    Told(
        "conflicts",
        "Open conflicts, by what a person is asked.",
        ("kind",),
        lambda found: (((kind,), float(number)) for kind, number in found.conflicts.items()),
    ),
    Told(
        "quarantine_records",
        "Records that could not be read, by where they came from.",
        ("source",),
        lambda found: (((source,), float(found.quarantine.get(source, 0))) for source in SOURCES),
    ),
    Told(
        "posts_vacant",
        "OPDs' posts that nobody holds, by role.",
        ("role",),
        lambda found: (((role,), float(found.vacant.get(role, 0))) for role in Role),
    ),
    Told(
        "posts_quiet",
        "OPDs' posts with overdue reports whose holders have not signed in for 14 days, by role.",
        ("role",),
        lambda found: (((role,), float(found.quiet.get(role, 0))) for role in Role),
    ),
    Told(
        "upstream_up",
        "1 where LAPOR answered last, 0 while an outage lasts.",
        (),
        _one(lambda f: f.outage is None),
    ),
    Told("outage_seconds", "How long the present outage lasts; 0 without one.", (), _one(_outage)),
    Told(
        "credentials_refused",
        "1 while LAPOR refuses bearer or token.",
        (),
        _one(lambda f: f.outage is not None and f.outage.is_denied),
    ),
    Told("delivery_paused", "1 while nothing leaves until a person resumes it.", (), _one(lambda f: f.is_paused)),
    Told(
        "last_success_timestamp_seconds",
        "When the last cycle that went through ended; 0 before any.",
        (),
        _one(lambda found: _seconds(found.last_success)),
    ),
    Told(
        "last_answer_timestamp_seconds",
        "When the last cycle ended that LAPOR answered; 0 before any.",
        (),
        _one(lambda found: _seconds(found.answered)),
    ),
    Told(
        "backup_age_seconds",
        "Since the last backup by `lapor-sync backup`; before the first one, since there is something to back up.",
        (),
        lambda found: iter(
            [] if found.backed_up is None else [((), (found.at - found.backed_up).total_seconds())]
        ),
    ),
    Told("audit_rows_total", "Rows of the audit.", (), _one(lambda f: f.audit_rows), CounterMetricFamily),
)
"""What is told of each agency's mirror."""


class _Asked(NamedTuple):
    """What was found of an agency, None where its database did not answer; when, and how long that took."""

    at: float
    seconds: float
    found: Measured | None


class MirrorCollector(Collector):
    """Tells the numbers of these agencies. Of one whose database does not answer that alone is told."""

    def __init__(self, agencies: Callable[[], Iterable[Polled]], clock: Clock) -> None:
        self._agencies = agencies
        self._clock = clock
        self._turn = threading.Lock()
        self._asked: dict[str, _Asked] = {}
        self._told: list[Metric] = []
        self._at = float("-inf")

    def collect(self) -> list[Metric]:
        """Return the numbers, ten seconds old where all agencies can be asked in the time that a scrape may take."""
        with self._turn:  # who comes meanwhile waits, and is told the same
            if self._clock.monotonic() - self._at >= KEPT_SECONDS:
                agencies = list(self._agencies())
                self._ask(agencies)
                self._told = self._tell(agencies)
                self._at = self._clock.monotonic()
            return self._told

    def _ask(self, agencies: list[Polled]) -> None:
        keys = [one.store.agency for one in agencies]
        self._asked = {key: self._asked[key] for key in keys if key in self._asked}
        began = self._clock.monotonic()
        for one in sorted(agencies, key=lambda one: self._asked_at(one.store)):
            at = self._clock.monotonic()
            if at - began >= PATIENCE_SECONDS:
                return
            found = _read(one.store, one.city)
            self._asked[one.store.agency] = _Asked(at, self._clock.monotonic() - at, found)

    def _asked_at(self, store: Store) -> float:
        known = self._asked.get(store.agency)
        return known.at if known else float("-inf")

    def _tell(self, agencies: Iterable[Polled]) -> list[Metric]:
        limit = GaugeMetricFamily(
            "lapor_sync_stale_after_seconds", "How old the last success may be.", labels=["agency"]
        )
        up = GaugeMetricFamily("lapor_sync_database_up", "1 where the database answers.", labels=["agency"])
        took = GaugeMetricFamily(
            "lapor_sync_collection_seconds", "How long these took to ask for.", labels=["agency"]
        )
        families = [_family(told) for told in TOLD]
        for store, poll_seconds, _ in agencies:
            limit.add_metric([store.agency], stale_after(poll_seconds))
            if (asked := self._asked.get(store.agency)) is None:
                continue
            up.add_metric([store.agency], float(asked.found is not None))
            took.add_metric([store.agency], asked.seconds)
            for told, family in zip(TOLD, families, strict=True):
                for labels, number in told.samples(asked.found) if asked.found else ():
                    family.add_metric([store.agency, *labels], number)
        return [limit, up, took, *families]


def _family(told: Told) -> GaugeMetricFamily | CounterMetricFamily:
    return told.family(f"lapor_sync_{told.name}", told.help, labels=["agency", *told.labels])


def _read(store: Store, city: City) -> Measured | None:
    try:
        with store.reading() as work:
            return measured(work, city)
    except LaporSyncError:
        return None
