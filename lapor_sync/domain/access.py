"""How the way to LAPOR stands: this machine's clock beside LAPOR's, and until when the credentials hold. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

NEAR = timedelta(seconds=10)
"""A clock that may be off by less is right."""

SOON = timedelta(days=14)
"""A credential that ends before is to be asked for anew."""

Ahead = tuple[timedelta, timedelta]
"""By how much a clock is ahead of LAPOR's, at least and at most: its time is known no better than its answer took."""


class Access(NamedTuple):
    """What the daemon knew at its last cycle. `off`: as `off_by`; None where LAPOR does not say its time.

    `ends`: of each credential that says when it ends, by its name; never what it is.
    """

    off: timedelta | None
    ends: Mapping[str, datetime]


def off_by(ahead: Ahead) -> timedelta:
    """Return by how many whole seconds a clock is certainly ahead, or behind (negative); 0 where it may be right."""
    least, most = ahead
    off = least if least > NEAR else most if most < -NEAR else timedelta(0)
    return timedelta(seconds=round(off.total_seconds()))


def ends_soon(end: datetime, now: datetime) -> bool:
    """Return whether a credential with that end is to be asked for anew; also where it ended."""
    return end - now < SOON
