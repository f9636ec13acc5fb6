"""Whether LAPOR's answers still have the fields, forms, statuses and codes that they had. Pure.

Nobody tells when LAPOR changes its API. So what was read anyway is looked at once a day (`Look`), and held against what
was seen before (`Known`). One odd record is no change: the rule is `compare`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

MANY = 5
"""Rows of one look that have a field, form or code before it counts as one: an odd record is none."""
EXPECTED = 20
"""Rows that should have had it: so many without it are no chance."""
MOST_FIELDS = 400
MOST_FORMS = 12
MOST_CODES = 80
"""Of a call so many fields, of a field so many forms and codes are told apart; the others are not looked at."""


@dataclass(slots=True)
class Field:
    """A field in the rows of one look: how many have it, in how many it says something, in which forms and codes."""

    rows: int = 0
    said: int = 0
    forms: dict[str, int] = field(default_factory=dict)
    codes: dict[str, int] = field(default_factory=dict)

    def add(self, form: str, code: str | None) -> None:
        """Count a row. A form of "" says nothing."""
        self.rows += 1
        self.said += bool(form)
        if form:
            _count(self.forms, form, MOST_FORMS)
        if code is not None:
            _count(self.codes, code, MOST_CODES)


def _count(found: dict[str, int], one: str, most: int) -> None:
    if one in found or len(found) < most:
        found[one] = found.get(one, 0) + 1


class Look:
    """What was seen of the answers, by call and field."""

    def __init__(self) -> None:
        self.calls: dict[str, dict[str, Field]] = {}

    def add(self, call: str, places: Iterable[tuple[str, str, str | None]]) -> None:
        """Take an answer: each place in it with its form, and a status or code where one stands there."""
        found = self.calls.setdefault(call, {})
        for path, form, code in places:
            if path in found or len(found) < MOST_FIELDS:
                found.setdefault(path, Field()).add(form, code)

    @property
    def is_enough(self) -> bool:
        """Whether there is anything to learn from it."""
        return any(one.rows >= MANY for found in self.calls.values() for one in found.values())


class Known(NamedTuple):
    """A field as it was: in how many rows so far, in which share of them it says something, in which forms and codes."""

    rows: int
    share: float
    forms: frozenset[str]
    codes: frozenset[str] = frozenset()


Contract = Mapping[str, Mapping[str, Known]]
"""By call and field."""


class What(StrEnum):
    """What changed."""

    NEW = "new"  # a field that was not there
    GONE = "gone"  # no row says anything there any more
    FORM = "form"  # what stands there has another form
    CODE = "code"  # a status or code that was not seen


class Change(NamedTuple):
    """One change: of which call, at which field, and the form or code that is new."""

    what: What
    call: str
    field: str
    now: str = ""


def compare(known: Contract, look: Look) -> tuple[dict[str, dict[str, Known]], tuple[Change, ...]]:
    """Return what is known after a look, and what changed. What changed is known from then on, so that it is told once.

    What is in fewer than `MANY` rows is odd, and passed over. What is seen for the first time is a change where, had it
    been as frequent before, `EXPECTED` rows should have shown it by then; until then it is only learned. A field is gone
    where, by its share of the rows, `EXPECTED` rows of this look should say something there, and none does. A field that
    only said nothing until now had no form to change; and where there was any text, another text is no other form.
    """
    after = {call: dict(found) for call, found in known.items()}
    changes: list[Change] = []
    for call, seen in look.calls.items():
        mine = after.setdefault(call, {})
        changes += _gone(call, mine, seen)
        before = dict(mine)
        for path, one in seen.items():
            if one.rows >= MANY and (path in mine or len(mine) < MOST_FIELDS):
                changes += _found(call, before, path, one, _base(path, seen))
                mine[path] = _learned(before.get(path), one, _base(path, seen))
    return after, tuple(changes)


def _gone(call: str, mine: dict[str, Known], seen: Mapping[str, Field]) -> Iterator[Change]:
    for path, one in list(mine.items()):
        said = seen[path].said if path in seen else 0
        if path in mine and not said and one.share * _base(path, seen) >= EXPECTED:
            yield Change(What.GONE, call, path)
            for other in [path, *(name for name in mine if _is_under(name, path))]:
                del mine[other]
            if path in seen:  # it is there, and says nothing any more
                mine[path] = one._replace(share=0.0)


def _found(call: str, before: Mapping[str, Known], path: str, one: Field, base: int) -> Iterator[Change]:
    was = before.get(path)
    if was is None:
        holder = (
            before.get(_holder(path)) if path else None
        )  # of what is new as a whole, no part is told by itself
        if holder and _is_news(one.rows, base, holder.rows):
            yield Change(What.NEW, call, path, ", ".join(sorted(_many(one.forms))))
        return
    if was.forms:
        for form in sorted(_many(one.forms) - was.forms):
            if not _is_same(form, was.forms) and _is_news(one.forms[form], one.rows, was.rows):
                yield Change(What.FORM, call, path, form)
    for code in sorted(_many(one.codes) - was.codes):
        if _is_news(one.codes[code], one.rows, was.rows):
            yield Change(What.CODE, call, path, code)


def _is_news(having: int, rows: int, before: int) -> bool:
    """Whether what so many of these rows have would have been seen in the rows before, had they had it, too."""
    return having * before >= EXPECTED * rows


def _learned(was: Known | None, one: Field, base: int) -> Known:
    share = one.said / max(base, 1)
    if was is None:
        return Known(one.rows, share, _many(one.forms), _many(one.codes))
    return Known(
        min(was.rows + one.rows, _COUNTED),
        (was.share + share) / 2,
        _first(was.forms, _many(one.forms), MOST_FORMS),
        _first(was.codes, _many(one.codes), MOST_CODES),
    )


_COUNTED = 1_000_000


def _first(was: frozenset[str], more: frozenset[str], most: int) -> frozenset[str]:
    return was | frozenset(sorted(more - was)[: max(most - len(was), 0)])


def _many(counted: Mapping[str, int]) -> frozenset[str]:
    return frozenset(one for one, rows in counted.items() if rows >= MANY)


_WRITTEN = frozenset({"text", "html"})
_TEXTS = frozenset({"text", "html", "digits", "url", "json"})


def _is_same(form: str, known: frozenset[str]) -> bool:
    """Whether it is no other form: people write what they like where texts stand."""
    return bool(known & _WRITTEN) and (form in _TEXTS or form.startswith("date"))


def _holder(path: str) -> str:
    """The path of what holds it; "" for the answer itself."""
    holder = path.removesuffix("[]") if path.endswith("[]") else path.rpartition(".")[0]
    return holder.removesuffix("{}")


def _base(path: str, seen: Mapping[str, Field]) -> int:
    """How many rows could have it: those that have what holds it."""
    if path.endswith("[]") or not path:
        return seen[path].rows if path in seen else 0
    holder = _holder(path)
    return seen[holder].said if holder in seen else 0


def _is_under(path: str, other: str) -> bool:
    return path.startswith((f"{other}.", f"{other}[", f"{other}{{"))


class Changed(NamedTuple):
    """What changed at one look, the first of it; `total`: how much in all."""

    at: datetime
    total: int
    changes: tuple[Change, ...]


# As it is kept.


def as_kept(contract: Contract) -> dict[str, Any]:
    """Return the contract as JSON; `from_kept` reads it."""
    return {
        call: {path: _as_list(one) for path, one in sorted(found.items())}
        for call, found in sorted(contract.items())
    }


def _as_list(one: Known) -> list[Any]:
    return [one.rows, round(one.share, 3), sorted(one.forms), sorted(one.codes)]


def from_kept(kept: Mapping[str, Any]) -> dict[str, dict[str, Known]]:
    """Return the contract that `as_kept` wrote."""
    return {
        call: {
            path: Known(rows, share, frozenset(forms), frozenset(codes))
            for path, (rows, share, forms, codes) in found.items()
        }
        for call, found in kept.items()
    }
