"""Codes with the names of the facts that their sentences need."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Self

Facts = Mapping[str, Any]
"""The facts of a code, by their names."""


class Coded(StrEnum):
    """A code; `facts` are the names of its facts."""

    facts: frozenset[str]

    def __new__(cls, value: str, *facts: str) -> Self:
        self = str.__new__(cls, value)
        self._value_ = value
        self.facts = frozenset(facts)
        return self


def noted(code: Coded, facts: Facts) -> str:
    """Return code and facts on one line, for a log or a traceback."""
    return " ".join((code, *(f"{name}={value}" for name, value in facts.items())))
