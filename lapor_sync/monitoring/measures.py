"""What a process measures of itself, in a registry of its own. docs/metrics.md lists every name."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Gauge, Histogram, Info, ProcessCollector, disable_created_metrics

from lapor_sync import __version__

_CALL = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 90)
_CYCLE = (1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600)
_PAGE = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


def registry_of_process() -> CollectorRegistry:
    """Return a registry with what every process tells: its version, memory, processor time and files."""
    # A second time series for each, of when it was made: nobody asks for it.
    disable_created_metrics()  # type: ignore[no-untyped-call]
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    Info("lapor_sync_build", "The program that runs.", registry=registry).info({"version": __version__})
    return registry


class CycleMeasures:
    """Calls and cycles of whoever works agencies, a `Watch`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._calls = Histogram(
            "lapor_sync_upstream_request_duration_seconds",
            "Requests to LAPOR, from handing them over to their whole answer.",
            ["agency", "call", "outcome"],
            buckets=_CALL,
            registry=registry,
        )
        self._cycles = Histogram(
            "lapor_sync_cycle_duration_seconds",
            "Cycles, and how they ended.",
            ["agency", "outcome"],
            buckets=_CYCLE,
            registry=registry,
        )

    def call(self, agency: str, call: str, outcome: str, seconds: float) -> None:
        """Count a call."""
        self._calls.labels(agency, call, outcome).observe(seconds)

    def cycle(self, agency: str, outcome: str, seconds: float) -> None:
        """Count a cycle."""
        self._cycles.labels(agency, outcome).observe(seconds)


def daemon_working(registry: CollectorRegistry) -> Gauge:
    """Return the daemon's gauge of whether it works."""
    said = "1 where this daemon works the agency's database, 0 where it stands by."
    return Gauge("lapor_sync_daemon_working", said, ["agency"], registry=registry)


def agency_files(registry: CollectorRegistry) -> Gauge:
    """Return a worker's gauge of the files it reads."""
    said = "Files of agencies that this worker reads: right ones, and wrong ones, whose agencies it does not work."
    return Gauge("lapor_sync_agency_files", said, ["state"], registry=registry)


class BoardMeasures:
    """The board's requests."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Histogram(
            "lapor_sync_board_request_duration_seconds",
            "Requests to the board, until the head of the answer.",
            ["page", "method", "status"],
            buckets=_PAGE,
            registry=registry,
        )

    def request(self, page: str, method: str, status: int, seconds: float) -> None:
        """Count a request; `page` is the rule of its address, without what stands in its places."""
        self._requests.labels(page, method, f"{status // 100}xx").observe(seconds)
