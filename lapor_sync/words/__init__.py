"""The sentences for the codes of the house: English for the command line, Indonesian for officers.

Each language is a module with the same tables. A test proves that each table has every code, and that no sentence asks
for a fact that its code does not bring.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from lapor_sync.domain.codes import Facts
from lapor_sync.domain.refusals import Code, Refused

Sentence = str | Callable[[Facts], str]
"""A template for the facts of a code, or what makes the sentence from them."""


class Told(NamedTuple):
    """What happened, and what to do."""

    what: Sentence
    todo: Sentence


def told_by(table: Mapping[Code, Told], refused: Refused) -> tuple[str, str]:
    """Return what happened and what to do, in the language of that table."""
    sentence = table[refused.code]
    return filled(sentence.what, refused.facts), filled(sentence.todo, refused.facts)


def filled(sentence: Sentence, facts: Facts) -> str:
    """Return the sentence with its facts."""
    return sentence.format_map(facts) if isinstance(sentence, str) else sentence(facts)


def listed(numbers: Iterable[int]) -> str:
    """Return numbers in short, three and more that follow one another as a span: `3, 5-8`."""
    spans: list[list[int]] = []
    for number in sorted(set(numbers)):
        if spans and number == spans[-1][-1] + 1:
            spans[-1].append(number)
        else:
            spans.append([number])
    return ", ".join(f"{one[0]}-{one[-1]}" if len(one) > 2 else ", ".join(map(str, one)) for one in spans)


MOST_REASONS = 100
"""So many reasons of a sheet's rows are told in full; of further rows the numbers."""


def by_reason(
    problems: Iterable[tuple[int, Refused | str]], said: Callable[[Refused], str]
) -> tuple[list[tuple[list[int], str]], list[int]]:
    """Return each reason with the numbers of its rows, so that one correction does; then the numbers of the rest."""
    found: dict[str, list[int]] = {}
    told = ((number, one if isinstance(one, str) else said(one)) for number, one in problems)
    for number, reason in sorted(told):
        found.setdefault(reason.rstrip("."), []).append(number)
    reasons = [(numbers, reason) for reason, numbers in found.items()]
    return reasons[:MOST_REASONS], [one for numbers, _ in reasons[MOST_REASONS:] for one in numbers]
