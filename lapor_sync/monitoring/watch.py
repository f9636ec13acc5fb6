"""What the work tells whoever watches it. Nobody watches unless told to: Prometheus' library is loaded only then."""

from __future__ import annotations

from typing import Protocol


class Watch(Protocol):
    """Hears of each call to LAPOR and of each cycle of an agency, with how long it took."""

    def call(self, agency: str, call: str, outcome: str, seconds: float) -> None:
        """A request was answered (`outcome` 2xx, 3xx, 4xx, 5xx) or was not (`none`). `call` has no id in it."""

    def cycle(self, agency: str, outcome: str, seconds: float) -> None:
        """A cycle is over: `done`, `ended_early` by an error of upstream's, or `failed`."""


class Nobody:
    """Hears nothing."""

    def call(self, agency: str, call: str, outcome: str, seconds: float) -> None:
        """Not heard."""

    def cycle(self, agency: str, outcome: str, seconds: float) -> None:
        """Not heard."""


NOBODY = Nobody()
