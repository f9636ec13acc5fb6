"""The limits in force, and the files of limits and days off that a city may give. Source: rules, "Deadlines".

Which limit holds for what, from which day, by which regulation, is data: `deadlines.toml` beside this file.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from importlib import resources
from typing import Annotated, Any, Generic, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from lapor_sync.domain.calendar import Calendar
from lapor_sync.domain.colour import canonical
from lapor_sync.domain.errors import SettingsWrong
from lapor_sync.domain.toml import TOMLDecodeError, parse_toml

MOST_DAYS = 366
F = TypeVar("F", bound=BaseModel)


class ClockKind(StrEnum):
    """What is timed."""

    VERIFY = "verify"  # received until first disposed
    ANSWER = "answer"  # disposed to the OPD until its first answer
    RESOLVE = "resolve"  # first disposed until hijau or abu
    AUTO_CLOSE = "auto_close"  # last answer until upstream closes it by itself
    COMPLETE = "complete"  # postponed until the reporter has completed what was asked for


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """One regulation's limits in working days, for clocks that start on or after `holds_from`.

    `resolve` goes by canonical classification, None is "no limit"; `otherwise` is for one that is missing or
    not named there. `assumed`: nobody has compared these numbers with the regulation's text yet.
    """

    regulation: str
    holds_from: date
    source: str
    assumed: bool
    verify: int
    answer: int
    auto_close: int
    complete: int | None
    resolve: Mapping[str, int | None]
    otherwise: int | None

    def for_clock(self, clock: ClockKind, classification: str | None) -> int | None:
        """The limit in working days; None where there is none."""
        if clock is ClockKind.RESOLVE:
            return self.resolve.get(canonical(classification or ""), self.otherwise)
        if clock is ClockKind.VERIFY:
            return self.verify
        if clock is ClockKind.COMPLETE:
            return self.complete
        return self.answer if clock is ClockKind.ANSWER else self.auto_close


def in_force(limits: tuple[Limits, ...], day: date) -> Limits:
    """The limits that hold for a clock started on `day`; before the first regulation, the first.

    `limits` is what `load_limits` returns: not empty, oldest first.
    """
    at = bisect_right(limits, day, key=lambda one: one.holds_from)
    return limits[max(at - 1, 0)]


def packaged() -> str:
    """The text of the packaged `deadlines.toml`, for `load_limits`."""
    return resources.files(__package__).joinpath("deadlines.toml").read_text(encoding="utf-8")


def load_limits(text: str) -> tuple[Limits, ...]:
    """Return the regulations of a TOML text like the packaged one, oldest first.

    Raises SettingsWrong with all that is wrong with them.
    """
    parsed, problems = _parsed(text, _DEADLINES)
    days = _days(parsed, "regulation", "from")
    if len(set(days)) < len(days):
        problems.append("deadlines: two regulations have the same `from`")
    given = _checked(parsed, _DEADLINES, problems)
    if not given.regulation:
        raise SettingsWrong(("deadlines: there is no [[regulation]]",))
    return tuple(sorted((one.limits() for one in given.regulation), key=lambda one: one.holds_from))


def load_calendar(text: str) -> Calendar:
    """Return the days off, `[[holiday]]`, and the days that are none after all, `[[not_holiday]]`, of a TOML text.

    Raises SettingsWrong with all that is wrong with them.
    """
    parsed, problems = _parsed(text, _HOLIDAYS)
    both = set(_days(parsed, "holiday", "date")) & set(_days(parsed, "not_holiday", "date"))
    problems += [f"holidays: {day} is in [[holiday]] and in [[not_holiday]]" for day in sorted(both)]
    given = _checked(parsed, _HOLIDAYS, problems)
    return Calendar(
        extra={one.date: one.name for one in given.holiday},
        not_holidays=frozenset(one.date for one in given.not_holiday),
    )


# The two files.

_Words = Annotated[str, Field(min_length=1)]
_Days = Annotated[int, Field(ge=1, le=MOST_DAYS)]
_DaysOrNone = _Days | Literal["none"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, str_strip_whitespace=True)


class _Resolve(_Strict):
    """Limits by classification, whatever a city's classifications are called."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, _DaysOrNone]
    otherwise: _DaysOrNone

    @model_validator(mode="after")
    def _once_each(self) -> Self:
        """Refuse a name that stands there twice in two spellings."""
        known: set[str] = set()
        for name in self.__pydantic_extra__:
            if canonical(name) in known:
                raise ValueError(f"`{name}` stands there twice")
            known.add(canonical(name))
        return self

    def by_name(self) -> dict[str, int | None]:
        return {canonical(name): _number(days) for name, days in self.__pydantic_extra__.items()}


def _number(days: int | Literal["none"]) -> int | None:
    return None if days == "none" else days


class _Regulation(_Strict):
    name: _Words
    holds_from: date = Field(alias="from")
    source: _Words
    assumed: bool
    verify: _Days
    answer: _Days
    auto_close: _Days
    complete: _DaysOrNone = "none"
    resolve: _Resolve

    def limits(self) -> Limits:
        return Limits(
            regulation=self.name,
            holds_from=self.holds_from,
            source=self.source,
            assumed=self.assumed,
            verify=self.verify,
            answer=self.answer,
            auto_close=self.auto_close,
            complete=_number(self.complete),
            resolve=self.resolve.by_name(),
            otherwise=_number(self.resolve.otherwise),
        )


class _NotHoliday(_Strict):
    """A day off needs its decree as source: without it, it cannot be defended later."""

    source: _Words
    date: date


class _Holiday(_NotHoliday):
    name: _Words


class _DeadlinesFile(_Strict):
    regulation: list[_Regulation] = []


class _HolidaysFile(_Strict):
    holiday: list[_Holiday] = []
    not_holiday: list[_NotHoliday] = []


@dataclass(frozen=True)
class _File(Generic[F]):
    """One of the two files: the name under which its problems are told, and what it holds."""

    name: str
    model: type[F]


_DEADLINES = _File("deadlines", _DeadlinesFile)
_HOLIDAYS = _File("holidays", _HolidaysFile)

_DAY, _TEXT = "a date such as 2025-01-01", "a text"
_MUST_BE = {"name": _TEXT, "source": _TEXT, "from": _DAY, "date": _DAY, "assumed": "true or false"}
_ELSE = f"a whole number of working days from 1 to {MOST_DAYS}"


def _parsed(text: str, file: _File[F]) -> tuple[dict[str, Any], list[str]]:
    try:
        return parse_toml(text), []
    except TOMLDecodeError as exc:
        raise SettingsWrong((f"{file.name}: no TOML: {exc}",)) from exc


def _days(parsed: Mapping[str, Any], table: str, key: str) -> list[date]:
    """Return the days that stand under `key` in the tables of this name, as far as they are days."""
    tables = parsed.get(table)
    rows = [row for row in tables if isinstance(row, dict)] if isinstance(tables, list) else []
    return [row[key] for row in rows if type(row.get(key)) is date]


def _checked(parsed: dict[str, Any], file: _File[F], problems: list[str]) -> F:
    try:
        given = file.model.model_validate(parsed)
    except ValidationError as errors:
        raise SettingsWrong(
            (*dict.fromkeys(_sentence(file.name, e) for e in errors.errors()), *problems)
        ) from None
    if problems:
        raise SettingsWrong(tuple(problems))
    return given


def _sentence(file: str, error: ErrorDetails) -> str:
    """Return where it is, what it is, and what it must be."""
    table, *place = (str(part) for part in error["loc"])
    is_stray = error["type"] == "extra_forbidden"
    if not place and is_stray:
        return f"{file}: {_stray(table)}"
    if len(place) < 2:
        return f"{file}: `{table}` must be written [[{table}]]"
    number, *keys = place
    where, key = f"{file}, {table} {int(number) + 1}", keys[0]
    if is_stray:
        return f"{where}: `{key}` is not known"
    if key != "resolve":
        return f"{where}: `{key}` must be {_MUST_BE.get(key, _ELSE)}"
    if error["type"] == "value_error":
        return f"{where}, resolve: {error['ctx']['error']}"
    return f"{where}, resolve: `{keys[1]}` must be {_ELSE}" if len(keys) > 1 else f"{where}: [resolve] is missing"


def _stray(key: str) -> str:
    """Return what to say of a key that the file does not hold; passed over, its days would count for nothing."""
    for file in (_DEADLINES, _HOLIDAYS):
        if key in file.model.model_fields:
            return f"[[{key}]] belongs in the file of {file.name}"
    return f"`{key}` is not known"
