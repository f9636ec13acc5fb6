"""Is this machine's clock right?"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from lapor_sync.check.lines import LOOK, WRONG, Line
from lapor_sync.domain.access import off_by

if TYPE_CHECKING:
    from connectors.sp4n_v3 import Sp4nV3

FAR = timedelta(minutes=2)
"""A clock that is off by more for certain is wrong."""


def about_clock(connector: Sp4nV3) -> Line:
    """Compare it with LAPOR's, by the calls that were made."""
    question, ahead = "Is this machine's clock right?", connector.clock_ahead()
    if ahead is None:
        todo = "Compare it with another clock, and let it follow a time server: timedatectl."
        return Line(
            question=question, answer="cannot be told: LAPOR does not say its time", verdict=LOOK, todo=todo
        )
    off = off_by(ahead)
    if not off:
        least, most = ahead
        return Line(question=question, answer=f"yes, within {max(-least, most).total_seconds():.0f} s of LAPOR's")
    way = "ahead of" if off > timedelta(0) else "behind"
    return Line(
        question=question,
        answer=f"it is {abs(off).total_seconds():.0f} s {way} LAPOR's",
        verdict=WRONG if abs(off) > FAR else LOOK,
        todo="Let it follow a time server: timedatectl set-ntp true. If it does, LAPOR's is wrong: tell its operators.",
    )
