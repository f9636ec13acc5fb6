"""The day that it is: the running scenario, its dice and counters, and the queue of one-off faults."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from threading import Lock
from typing import Any

from connectors.simulator.messages import Call, Json
from connectors.simulator.mishaps import Mishap, mishap
from connectors.simulator.scenarios import BAD_DAYS, Scenario


@dataclass(kw_only=True)
class Fault:
    """One row of the queue: for calls that match, `left` times (None: until cleared)."""

    method: str | None
    path: str
    left: int | None
    what: Mishap

    def hits(self, call: Call) -> bool:
        """Whether it is this call's turn: same method, and the path (with query) holds the text."""
        return self.method in (None, call.method) and self.path in call.target

    def view(self) -> Json:
        """As the control face shows it."""
        match = {"method": self.method, "path": self.path}
        return {"match": match, "times": self.left, "do": str(self.what), "stored": self.what.stored}


def read_fault(row: Mapping[str, Any]) -> Fault:
    """From `{"match": {"method", "path"}, "times", "do", "stored"}`; only `do` is needed."""
    match, times = row.get("match") or {}, row.get("times", 1)
    if times is not None and not (isinstance(times, int) and times > 0):
        raise ValueError("times is a positive number, or null for until cleared")
    method = match.get("method")
    return Fault(
        method=method.upper() if method else None,
        path=match.get("path") or "",
        left=times,
        what=mishap(str(row["do"]), row.get("stored")),
    )


class Weather:
    """Decides what happens to each call; safe to ask from many threads."""

    def __init__(self, seed: int, scenario: str, slow_seconds: float, now: Callable[[], float]) -> None:
        self._seed = seed
        self._now, self._began = now, now()
        self._slow = Mishap(kind="slow", number=slow_seconds, stored=True)
        self._lock = Lock()
        self._faults: list[Fault] = []
        self._recent: deque[float] = deque()
        self._counts: Counter[str] = Counter()
        self.name = scenario

    @property
    def day(self) -> Scenario:
        """The running scenario; a calm day once it is over."""
        day = BAD_DAYS[self.name]
        is_over = day.seconds is not None and self._now() - self._began > day.seconds
        return BAD_DAYS["calm"] if is_over else day

    def set_scenario(self, name: str) -> None:
        """Change the day; its dice begin anew. Raises ValueError for an unknown name."""
        if name not in BAD_DAYS:
            raise ValueError(f"no scenario {name!r}; there are: {', '.join(BAD_DAYS)}")
        with self._lock:
            self.name, self._began = name, self._now()
            self._counts.clear()

    def add_fault(self, row: Mapping[str, Any]) -> None:
        """Put one fault at the end of the queue."""
        fault = read_fault(row)
        with self._lock:
            self._faults.append(fault)

    def clear_faults(self) -> None:
        """Forget all that are left."""
        with self._lock:
            self._faults.clear()

    def faults(self) -> list[Json]:
        """Those that are left, in order."""
        with self._lock:
            return [fault.view() for fault in self._faults]

    def mishap(self, call: Call) -> Mishap | None:
        """What happens to this call: the first fault that fits, else what the day brings."""
        with self._lock:
            return self._queued(call) or self._day(call)

    def dice(self, what: str) -> Random:
        """The source for the next thing of this kind."""
        self._counts[what] += 1
        return Random(f"{self._seed}/{self.name}/{what}/{self._counts[what]}")

    def _queued(self, call: Call) -> Mishap | None:
        for fault in self._faults:
            if fault.hits(call):
                self._use(fault)
                return fault.what
        return None

    def _use(self, fault: Fault) -> None:
        if fault.left is None:
            return
        fault.left -= 1
        if fault.left <= 0:
            self._faults.remove(fault)

    def _day(self, call: Call) -> Mishap | None:
        day = self.day
        if day.denied:
            return mishap("status:401")
        if day.slow:
            return self._slow
        if day.limit is not None and self._too_fast(day.limit):
            return mishap("status:429")
        return day.chance(self.dice("write" if call.is_write else "read"), call.is_write)

    def _too_fast(self, limit: int) -> bool:
        now = time.monotonic()
        while self._recent and self._recent[0] <= now - 1:
            self._recent.popleft()
        if len(self._recent) >= limit:
            return True
        self._recent.append(now)
        return False
