"""How long to wait before another try, for all that is tried again. Times in seconds."""

from __future__ import annotations

_DOUBLINGS = 16
"""So many at most: what is counted without an end must not become a number without one."""


def doubled(first: float, failures: int, most: float) -> float:
    """Return `first` after the first failure, twice as much after each further one, and `most` at most."""
    return min(first * 2.0 ** min(failures - 1, _DOUBLINGS), most)


def jittered(seconds: float, spread: float, share: float = 0.25) -> float:
    """Return a wait that is shorter or longer by up to this share, by a random `spread` in [0, 1).

    Those who failed together would come back together else.
    """
    return seconds * (1 - share + 2 * share * spread)


def stale_after(poll_seconds: float) -> float:
    """Return how old a mirror's last success may be: an hour, or three polls where those take longer."""
    return max(3600.0, 3 * poll_seconds)
