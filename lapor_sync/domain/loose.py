"""What may be another thing at each read of a report, while nothing happens to it. Source: rules, "Reading back".

A checksum, a version, a nonce. Each has a mark of its own, so that one of them hides nothing that stands beside it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from lapor_sync.domain.ages import place_of

_SIGN = "?"

DIFFERENT = 3
"""So many things at least some reads right after one another must say: what moves between two states may tell of two
replicas, one of which is behind."""


def mark(digest: str) -> str:
    """The mark of what may be another thing at each read."""
    return f"{_SIGN}{digest}"


def have_moved(then: Mapping[str, str] | None, now: Mapping[str, str] | None) -> bool:
    """Return whether something that may be another thing at each read is another one now than then."""
    then, now = then or {}, now or {}
    return any(are_loose(then[name], now[name]) and then[name] != now[name] for name in then.keys() & now.keys())


def random_places(reads: Sequence[Mapping[str, str]]) -> frozenset[str]:
    """Return where, in whatever item, something is another thing in these reads of one report."""
    found = defaultdict(set)
    for name in reads[0]:
        found[place_of(name)].add(_is_random(name, reads))
    return frozenset(place for place, are in found.items() if are == {True})


def random_names(
    then: Mapping[str, str] | None, reads: Sequence[Mapping[str, str]], places: frozenset[str]
) -> frozenset[str]:
    """Return what tells nothing: what is another thing in each of these reads, as it is elsewhere in these `places`,
    and what was something of the kind `then`."""
    then = then or {}
    return frozenset(
        name
        for name in then.keys() & reads[0].keys()
        if are_loose(then[name]) and place_of(name) in places and _is_random(name, reads)
    )


def as_before(now: Mapping[str, str], then: Mapping[str, str] | None, names: frozenset[str]) -> dict[str, str]:
    """Return the marks of now, with those of these names as they were `then`, where both are loose."""
    then = then or {}
    both = names & now.keys() & then.keys()
    return {**now, **{name: then[name] for name in both if are_loose(now[name], then[name])}}


def _is_random(name: str, reads: Sequence[Mapping[str, str]]) -> bool:
    said = [read.get(name, "") for read in reads]
    return are_loose(*said) and len(set(said)) >= DIFFERENT


def are_loose(*marks: str) -> bool:
    """Return whether these marks are all of such parts."""
    return all(one.startswith(_SIGN) for one in marks)
