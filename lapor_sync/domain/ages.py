"""How long ago something was, by two answers: whether the second says of the same moment. Source: rules, "Reading back".

Such an age moves while nothing happens, but only as time does: one that grew younger tells of something new.
"""

from __future__ import annotations

from typing import NamedTuple

_SIGN = "~"
_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86400.0
_SLACK = 10.0
"""Seconds that a call may take."""

OF, BESIDE = "\0", "(beside)"
"""Between the key of an item, in which it cannot be, or what stands for what is beside the items, and where in it an age
stands."""

_ANY_UNIT = (0.001, 1.0, _MINUTE, _HOUR, _DAY, 7 * _DAY)


class Age(NamedTuple):
    """`number` of a unit of so many seconds; of 0 where the unit is not known."""

    number: float
    unit: float

    def __str__(self) -> str:
        """As it stands among the digests of an answer's fields."""
        return f"{_SIGN}{self.number}/{self.unit}"


def owner(name: str) -> str:
    """Return the key of the item of whose mark this is the name."""
    return name.partition(OF)[0]


def place_of(name: str) -> str:
    """Return where a mark stands, in whatever item."""
    key, _, place = name.partition(OF)
    return name if key == BESIDE else place or key


def shown(name: str) -> str:
    """Return the name of a mark for people."""
    return name.replace(OF, "/")


def is_news(then: str, now: str, passed: float | None) -> bool:
    """Return whether one of two marks, digests or ages, says otherwise than the first did `passed` seconds before.

    `passed` None: it is not known how long before; then an age is news only where it is younger.
    """
    if then == now:
        return False
    if not (then.startswith(_SIGN) and now.startswith(_SIGN)):
        return True
    before, after = _read(then), _read(now)
    if not (before.unit and after.unit):
        return not any(_goes_on(Age(before.number, unit), Age(after.number, unit), passed) for unit in _ANY_UNIT)
    return not _goes_on(before, after, passed)


def _read(mark: str) -> Age:
    number, _, unit = mark.removeprefix(_SIGN).partition("/")
    return Age(float(number), float(unit))


def _goes_on(before: Age, after: Age, passed: float | None) -> bool:
    """Whether the second is the first, grown by the time that passed. Each may be off by one of its unit: said are
    whole ones, and a greater unit once there are enough."""
    then, now = before.number * before.unit, after.number * after.unit
    if now < then and (after.unit <= before.unit or not now):
        return False
    off = before.unit + after.unit
    return now - then >= -off if passed is None else abs(now - then - passed) <= off + _SLACK
