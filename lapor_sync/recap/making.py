"""A recap: the figures of a period with the moment and the audit's head at which they were true; and fixing one."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from lapor_sync.domain.people import Role, Tenure
from lapor_sync.domain.period import Period
from lapor_sync.domain.permits import Act, demand
from lapor_sync.domain.stamps import stamp
from lapor_sync.mirror.mirror import Rules
from lapor_sync.recap.comparing import Comparison, compare
from lapor_sync.recap.figures import NUMBERS, Figures, Line, Measures, OneOfMany, Stage, figures, over_many, stage
from lapor_sync.store import audit, institutions, outages, people, received
from lapor_sync.store.database import Store, Work
from lapor_sync.store.queries import Within
from lapor_sync.store.received import Received

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Vacancy:
    """A post that nobody held for some days of a period."""

    role: Role
    opd: str | None
    opd_name: str | None
    days: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Recap:
    """The figures of a period as of a moment. `undated`: reports of no period, their receipt is not known.

    `fixed`: the one that was fixed under this name last, None where none was.
    """

    period: Period
    as_of: datetime
    audit_head: str
    opd: str | None
    opd_name: str | None
    figures: Figures
    undated: int
    vacancies: tuple[Vacancy, ...]
    fixed: Fixed | None


@dataclass(frozen=True, slots=True)
class Fixed:
    """A recap that was given away: its figures as JSON, and when and by whom it was fixed."""

    at: datetime
    who: str
    figures: Json


def recap(work: Work, period: Period, rules: Rules, *, opd: str | None = None, within: Within = None) -> Recap:
    """Return the recap of a period, of one OPD where `opd` names it; bound to what somebody may see by `within`."""
    days, now = rules.working_days, work.now
    bound = within if opd is None else frozenset({opd}) & (within if within is not None else {opd})
    since, until = period.begins(days.timezone), period.ends(days.timezone)
    before = period.year_before
    names = institutions.names(work)
    found = figures(
        received.between(work, since, until, bound),
        period=period,
        measures=_measures(rules, now),
        year_before=received.times_between(work, before.begins(days.timezone), before.ends(days.timezone), bound),
        outages=[(one.since, one.until) for one in outages.between(work, since, min(until, now))],
        names=names,
    )
    return Recap(
        period=period,
        as_of=now,
        audit_head=audit.head(work.conn, work.agency).hash,
        opd=opd,
        opd_name=names.get(opd or ""),
        figures=found,
        undated=received.count_undated(work, bound),
        vacancies=tuple(_vacancies(work, since, min(until, now), bound)),
        fixed=_last_fixed(work, _subject(period, opd)),
    )


class Agency(NamedTuple):
    """One of many agencies: its mirror, its rules, and which institution it is."""

    store: Store
    rules: Rules
    institution_id: str | None


def recap_of_many(agencies: Iterable[Agency], period: Period) -> Json:
    """Return a recap over many agencies as its JSON has it, each by its own days and limits."""
    total, lines = over_many(_parts(agencies, period))
    return {
        "period": period.name,
        "from": period.first.isoformat(),
        "to": period.last.isoformat(),
        "total": {"agency": None, "agency_name": None, **_numbers(total)},
        "rows": [{"agency": key, "agency_name": line.opd_name, **_numbers(line)} for key, line in lines],
    }


def _parts(agencies: Iterable[Agency], period: Period) -> Iterator[OneOfMany]:
    for one in agencies:
        days = one.rules.working_days
        with one.store.reading() as work:
            name = institutions.names(work).get(one.institution_id or "")
            found = received.between(work, period.begins(days.timezone), period.ends(days.timezone))
            yield OneOfMany(work.agency, name, found, _measures(one.rules, work.now))


def _numbers(line: Line) -> Json:
    return {name: getattr(line, name) for name in NUMBERS}


def comparison(
    work: Work, period: Period, rules: Rules, theirs: Mapping[str, Mapping[str, float | None]]
) -> Comparison:
    """Return our count of a period beside another one, which has its figures by unit."""
    zone = rules.working_days.timezone
    behind = defaultdict[tuple[str | None, Stage], list[str]](list)

    def noted() -> Iterator[Received]:
        for one in received.between(work, period.begins(zone), period.ends(zone)):
            behind[one.opd, stage(one)].append(one.tracking_id)
            yield one

    names = institutions.names(work)
    ours = figures(noted(), period=period, measures=_measures(rules, work.now), names=names)
    return compare(ours.rows, theirs, behind)


def _measures(rules: Rules, now: datetime) -> Measures:
    return Measures(city=rules.city, limits=rules.limits, days=rules.working_days, now=now)


def _vacancies(work: Work, since: datetime, until: datetime, within: Within) -> Iterator[Vacancy]:
    tenures = people.tenures(work)
    for row in people.posts(work):
        if within is not None and row.post.opd not in within:
            continue
        held = tuple(one for one in tenures if one.post == row.post)
        began = min((one.since for one in held), default=row.vacant_since or since)
        empty = days_without(held, max(since, began), until)
        if empty:
            yield Vacancy(row.post.role, row.post.opd, row.opd_name, empty)


def days_without(tenures: tuple[Tenure, ...], since: datetime, until: datetime) -> float:
    """Return for how many days of a span nobody held a post, with one decimal."""
    empty, at = timedelta(), since
    for one in sorted(tenures, key=lambda tenure: tenure.since):
        empty += max(min(one.since, until) - at, timedelta())
        at = max(at, one.until or until)
    empty += max(until - at, timedelta())
    return round(empty / timedelta(days=1), 2)


# As JSON, and fixed.


def as_json(one: Recap) -> Json:
    """Return a recap as its JSON has it; days are 2026-10-31, moments UTC."""
    found = one.figures
    busiest = found.busiest_month
    return {
        "period": one.period.name,
        "from": one.period.first.isoformat(),
        "to": one.period.last.isoformat(),
        "as_of": stamp(one.as_of),
        "audit_head": one.audit_head,
        "opd": one.opd,
        "opd_name": one.opd_name,
        **_lines_json(found),
        "received_year_before": found.received_year_before,
        "busiest_month": busiest.month if busiest else None,
        "by_month": [month._asdict() for month in found.by_month],
        "by_classification": [count._asdict() for count in found.by_classification],
        "by_category": [count._asdict() for count in found.by_category],
        "by_channel": [count._asdict() for count in found.by_channel],
        "by_district": [count._asdict() for count in found.by_district],
        "closed_by_itself": found.closed_by_itself,
        "undated": one.undated,
        "outages": [
            {"since": stamp(away.since), "until": stamp(away.until), "due": away.due} for away in found.outages
        ],
        "vacancies": [asdict(vacancy) for vacancy in one.vacancies],
        "fixed": _fixed_json(one),
    }


def _fixed_json(one: Recap) -> Json | None:
    if one.fixed is None:
        return None
    return {
        "at": stamp(one.fixed.at),
        "by": one.fixed.who,
        "differences": [difference._asdict() for difference in differences(one)],
    }


def _subject(period: Period, opd: str | None) -> str:
    return f"recap {period.name}" + (f" opd {opd}" if opd else "")


def fix(work: Work, one: Recap) -> None:
    """Keep a recap as it is given away: its figures become a row of the audit's chain, where they can be proven.

    Raises Refused where the actor may not see all figures.
    """
    demand(work.actor, Act.FIX_RECAP)
    work.note("recap_fixed", _subject(one.period, one.opd), **as_json(one) | {"fixed": None})


def _last_fixed(work: Work, subject: str) -> Fixed | None:
    rows = [row for row in audit.about(work.conn, work.agency, subject) if row.what == "recap_fixed"]
    return Fixed(datetime.fromisoformat(rows[-1].at), rows[-1].who, json.loads(rows[-1].data)) if rows else None


class Difference(NamedTuple):
    """A figure that is another now than when the recap was fixed; `opd` None in the total's, and where nobody has it."""

    line: str  # total or opd
    opd: str | None
    opd_name: str | None
    figure: str
    then: float | None
    now: float | None


def differences(one: Recap) -> list[Difference]:
    """Return what changed since the recap was fixed; nothing where none was."""
    if one.fixed is None:
        return []
    then, now = one.fixed.figures, _lines_json(one.figures)
    pairs = [("total", then["total"], now["total"])]
    before, after = ({line["opd"]: line for line in lines} for lines in (then["rows"], now["rows"]))
    pairs += [("opd", before.get(opd, {}), after.get(opd, {})) for opd in dict.fromkeys([*before, *after])]
    return [
        Difference(kind, *_whose(old or new), figure, old.get(figure), new.get(figure))
        for kind, old, new in pairs
        for figure in NUMBERS
        if old.get(figure) != new.get(figure)
    ]


def _whose(line: Json) -> tuple[str | None, str | None]:
    return line["opd"], line["opd_name"]


def _lines_json(found: Figures) -> Json:
    return {"total": asdict(found.total), "rows": [asdict(row) for row in found.rows]}
