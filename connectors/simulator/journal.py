"""Which calls came, and what they got: for tests and for whoever watches the stand-in."""

from __future__ import annotations

from collections import Counter, deque
from threading import Lock
from typing import Any

from connectors.simulator.messages import Json

KEPT = 20_000


class Journal:
    """Counts per route, and the most recent calls; `in_flight` is how many are being answered now."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._in_flight = 0
        self.reset()

    def reset(self) -> None:
        """Start counting anew."""
        with self._lock:
            self._routes: Counter[str] = Counter()
            self._statuses: Counter[str] = Counter()
            self._recent: deque[Json] = deque(maxlen=KEPT)
            self._most = self._in_flight

    def begin(self) -> None:
        """A call has come."""
        with self._lock:
            self._in_flight += 1
            self._most = max(self._most, self._in_flight)

    def end(self, route: str, row: Json) -> None:
        """A call was answered (status 0: the connection was closed instead)."""
        with self._lock:
            self._in_flight -= 1
            self._routes[route] += 1
            self._statuses[str(row["status"])] += 1
            self._recent.append(row)

    def view(self, recent: int = 200) -> Json:
        """Counts, and the last `recent` calls, oldest first."""
        with self._lock:
            rows: list[Any] = list(self._recent)[-recent:] if recent else []
            return {
                "total": self._routes.total(),
                "routes": dict(self._routes),
                "statuses": dict(self._statuses),
                "most_in_flight": self._most,
                "recent": rows,
            }
