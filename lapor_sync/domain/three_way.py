"""Reconciling three ways: the last agreed colour, ours, and upstream's. Source: rules, "Three ways"."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from lapor_sync.domain.colour import CLOSED, Colour
from lapor_sync.domain.delivery import OPEN_UPSTREAM, State
from lapor_sync.domain.errors import Defect

Side = Colour | None
"""One side's colour; None is "absent"."""


class Decision(StrEnum):
    """What follows for one report."""

    NOTHING = "nothing"  # no side knows the report
    ADOPT = "adopt"  # new upstream: mirrored
    AGREE = "agree"  # ours and upstream are the same
    PULL = "pull"  # upstream moved
    PUSH = "push"  # we moved: a delivery will close the difference
    HOLD = "hold"  # both moved: a person decides
    VANISHED = "vanished"  # gone upstream: marked and shown, never deleted


TAKES_UPSTREAM = frozenset({Decision.ADOPT, Decision.AGREE, Decision.PULL})
"""After these, agreed becomes upstream."""


def ours(agreed: Side, deliveries: Iterable[State]) -> Side:
    """Our side: agreed, with each response that is queued, sending or unknown laid over it as kuning.

    The city never makes a report hijau by itself.
    """
    return Colour.KUNING if any(state in OPEN_UPSTREAM for state in deliveries) else agreed


def compare(agreed: Side, ours: Side, upstream: Side) -> Decision:
    """The table, total over {absent, merah, kuning, hijau, abu}.

    Raises Defect where ours is absent though something was agreed: that must never be.
    """
    if agreed is not None and ours is None:
        raise Defect(f"agreed on {agreed} and nothing of ours")
    if ours is not None and ours == upstream:
        return Decision.AGREE
    if upstream is None:
        return _absent(agreed, ours)
    if agreed is None:
        return Decision.ADOPT if ours is None else Decision.HOLD
    if ours == agreed:
        return Decision.PULL
    if upstream == agreed:
        return Decision.PUSH
    return Decision.PULL if upstream in CLOSED else Decision.HOLD


def _absent(agreed: Side, ours: Side) -> Decision:
    if ours is None:
        return Decision.NOTHING
    return Decision.VANISHED if ours == agreed else Decision.HOLD
