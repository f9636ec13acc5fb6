"""How long a session, a link and a wrong try count. Pure: each is asked with the time of now.

A clock that steps back must not open again what was over. What was seen to be over is written down; and what begins
later than now, by more than a clock is corrected by, was begun by a clock that is wrong: it is over too.
"""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from lapor_sync.domain.people import Post, Role, Tenure
from lapor_sync.domain.waits import doubled

LINK_LASTS = timedelta(hours=24)
"""So long a one-time link can be used."""

MAILED_LINK_LASTS = timedelta(hours=1)
"""The same of one that went out by mail: it lies in a mailbox then."""

LASTS = timedelta(days=7)
"""No session lasts longer."""

IDLE = timedelta(hours=8)
"""So long may nobody be heard of in a session."""

IDLE_ADMIN = timedelta(minutes=30)
"""The same where an admin's post is held. Source: people.md; OWASP ASVS 5.0, 7.3."""

HALF_LASTS = timedelta(minutes=10)
"""So long a sign-in may stay half done, between password and second factor."""

PROOF_LASTS = timedelta(minutes=10)
"""So long after a password or factor was given the factors may be changed. Source: OWASP ASVS 5.0, 7.5.1."""

A_SLIP = timedelta(minutes=2)
"""By less than this a clock is merely corrected."""


def link_is_over(made_at: datetime, over_at: datetime | None, at: datetime) -> bool:
    """Return whether a link of that moment can be used no more; `over_at` of one that went out by mail."""
    return not -A_SLIP <= at - made_at < LINK_LASTS or (over_at is not None and at >= over_at)


def half_is_over(begun_at: datetime, at: datetime) -> bool:
    """Return whether a sign-in that is half done has to be begun anew."""
    return not -A_SLIP <= at - begun_at < HALF_LASTS


def is_proved(proved_at: datetime | None, at: datetime) -> bool:
    """Return whether it was proved of late who uses a session."""
    return proved_at is not None and -A_SLIP <= at - proved_at < PROOF_LASTS


def session_is_over(
    begun_at: datetime, seen_at: datetime, at: datetime, posts: Iterable[Post], tenures: Iterable[Tenure]
) -> bool:
    """Return whether a session is over, of a person who holds these posts now and held the posts of these tenures.

    It ends with each tenure that it has seen the end of: who loses a post signs in anew.
    """
    idle = IDLE_ADMIN if any(post.role is Role.ADMIN for post in posts) else IDLE
    if not (-A_SLIP <= at - seen_at < idle and -A_SLIP <= at - begun_at < LASTS):
        return True
    return any(one.until is not None and max(begun_at, one.since) < one.until <= at for one in tenures)


# Wrong tries.


@dataclass(frozen=True, slots=True)
class Patience:
    """How many wrong tries are free; then each doubles the pause before the next one, up to the longest."""

    free: int
    longest: timedelta = timedelta(minutes=1)


OF_ACCOUNT = Patience(free=5)
"""For one account. Nobody is locked out: the longest pause is a minute."""

OF_CODE = Patience(free=5, longest=timedelta(minutes=15))
"""For the codes of an account, which only comes to be asked who has its password: about 18 of a million in an hour."""

OF_LOST = Patience(free=3, longest=timedelta(minutes=15))
"""For wishes for a link by mail to one account: each is a mail in somebody's mailbox."""

OF_ADDRESS = Patience(free=50)
"""For one address: behind it may sit every office of the city."""

CROWD, CROWD_SPAN = 100, timedelta(seconds=10)
"""So many tries in so long are more than all officers of a city at once. Beyond them nobody's password is looked at who
comes from an address that is not familiar: each look is the work of a core, and the pages of the others wait for it."""

FORGOTTEN = timedelta(hours=1)
"""After this a wrong try counts no more."""

FAMILIAR = timedelta(days=30)
"""So long an address from which an account signed in is familiar to it. From there only its own tries there count:
neither a stranger who knows the sign-in name, nor a colleague who mistypes, keeps an officer out."""


def pause(tries: Sequence[datetime], patience: Patience, at: datetime) -> int:
    """Return for how many whole seconds no further try is taken after these, 0 where one is.

    A try that seems to be still to come was noted before the clock stepped back: what counts is how far away it is.
    """
    ages = sorted(abs(at - one) for one in tries)
    recent = [age for age in ages if age < FORGOTTEN]
    beyond = len(recent) - patience.free
    if beyond < 0:
        return 0
    whole = timedelta(seconds=doubled(1, beyond + 1, patience.longest.total_seconds()))
    return max(0, math.ceil((whole - recent[0]).total_seconds()))


def origin_of(address: str | None) -> str:
    """Return what stands for an address where tries are counted: of IPv6 the network that one customer has.

    Source: RFC 6177.
    """
    try:
        found = ipaddress.ip_address((address or "").strip().partition("%")[0])
    except ValueError:
        return "-"
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)
