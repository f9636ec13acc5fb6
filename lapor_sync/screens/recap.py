"""A recap on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lapor_sync.output import plain, say
from lapor_sync.screens.parts import advise, moment, table

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from lapor_sync.recap.comparing import Comparison
    from lapor_sync.recap.making import Json

_COLUMNS = {
    "total": "all",
    "unverified": "unver.",
    "untouched": "untch.",
    "in_process": "proc.",
    "done": "done",
    "postponed": "postp.",
    "archived": "arch.",
    "not_ours": "n.ours",
    "unclear": "uncl.",
}
_RATES = {
    "followed_up_percent": "%TL",
    "days_to_first_answer": "RTL",
    "working_days_to_first_answer": "w.days",
    "days_to_done": "to done",
    "in_time_percent": "in time",
    "overdue_now": "late",
    "rating": "rating",
    "rated": "rated",
}
_TABLES = {
    "by_classification": "Classification",
    "by_category": "Category",
    "by_channel": "Channel",
    "by_district": "Kecamatan",
}


_NAMED = 5
"""So many reports are named; JSON has all."""


def recap(found: Json, zone: ZoneInfo) -> None:
    """Show the figures of a period: by OPD, by month beside the year before, and by what the reports are."""
    of = f", OPD {plain(found['opd_name'] or found['opd'])}" if found["opd"] else ""
    say(
        f"{found['period']}: received from {found['from']} to {found['to']}{of}, as of {moment(found['as_of'], zone)}"
    )
    advise(
        f"{found['total']['total']} received, {found['received_year_before']} in the same days of the year before."
    )
    for columns in (_COLUMNS, _RATES):
        say("")
        _lines(found, columns, "OPD")
    say("")
    months = [(one["month"], str(one["received"]), str(one["year_before"])) for one in found["by_month"]]
    table(("Month", "received", "year before"), months, empty="")
    for key, title in _TABLES.items():
        if found[key]:
            say("")
            rows = [(str(one["received"]).rjust(8), plain(one["name"] or "not said")) for one in found[key]]
            table(("received", title), rows, empty="")
    _notes(found, zone)


def recap_of_many(found: Json) -> None:
    """Show the figures of a period by agency, with their sum; the means are over all reports."""
    say(f"{found['period']}: received from {found['from']} to {found['to']}, by the days of each agency")
    for columns in (_COLUMNS, _RATES):
        say("")
        _lines(found, columns, "AGENCY")
    say("")
    for key in found["without"]:
        advise(f"Without {plain(key)}: its file is wrong. See `lapor-sync agencies check`.")
    advise("Formulas: docs/recap.md. RTL: days to the first answer. Of one agency: --agency KEY.")


def comparison(found: Comparison, period: str, unreadable: Sequence[Json]) -> None:
    """Show what another count of a period says otherwise, with some of the reports behind it."""
    rows = [
        (
            plain(one.unit),
            one.figure,
            _number(one.theirs).rjust(6),
            _number(one.ours).rjust(6),
            " ".join(one.reports[:_NAMED])
            + (f" and {len(one.reports) - _NAMED} more" if one.reports[_NAMED:] else ""),
        )
        for one in found.differences
    ]
    table(("Unit", "figure", "theirs", "ours", "ours are"), rows, empty=f"{period}: both counts are the same.")
    for names, where in ((found.only_theirs, "the sheet"), (found.only_ours, "our count")):
        if names:
            advise(f"Only in {where}: {', '.join(map(plain, names))}.")
    for one in unreadable:
        advise(f"{plain(one['unit'])}: no number in {', '.join(one['columns'])}.")


def _lines(found: Json, columns: dict[str, str], whose: str) -> None:
    lines = [(plain(_whose(line)), line) for line in found["rows"]]
    if len(lines) != 1:
        lines.append(("all", found["total"]))
    parts = [[head, *(_number(line[key]) for _, line in lines)] for key, head in columns.items()]
    heads, *rows = zip(*([one.rjust(max(map(len, part))) for one in part] for part in parts), strict=True)
    named = [(name, *row) for (name, _), row in zip(lines, rows, strict=True)]
    table((whose, *heads), named, empty="No report was received in it.", words=0)


def _whose(line: Json) -> str:
    if "agency" in line:
        return str(line["agency"])
    return str(line["opd_name"] or line["opd"] or "not disposed")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}" if isinstance(value, float) else str(value)


def _notes(found: Json, zone: ZoneInfo) -> None:
    say("")
    if found["busiest_month"] and len(found["by_month"]) > 1:
        advise(f"Busiest month: {found['busiest_month']}.")
    if found["closed_by_itself"]:
        advise(f"{found['closed_by_itself']} closed by themselves: the reporter stayed silent.")
    if found["undated"]:
        advise(f"{found['undated']} reports stand in no period: when they were received is not known.")
    for away in found["outages"]:
        until = moment(away["until"], zone) if away["until"] else "now"
        advise(
            f"LAPOR was away from {moment(away['since'], zone)} to {until}: {away['due']} answers fell due in it."
        )
    for post in found["vacancies"]:
        of = plain(post["opd_name"] or post["opd"] or "the city")
        advise(f"The post {post['role']} of {of} was vacant for {post['days']} days.")
    if found["fixed"]:
        fixed = found["fixed"]
        said = (
            f"{len(fixed['differences'])} figures are other now"
            if fixed["differences"]
            else "nothing changed since"
        )
        advise(f"Fixed at {moment(fixed['at'], zone)} by {plain(fixed['by'])}: {said}.")
        for one in fixed["differences"]:
            whose = "all" if one["line"] == "total" else plain(one["opd_name"] or one["opd"] or "not disposed")
            advise(f"  {whose}, {one['figure']}: {_number(one['then'])} -> {_number(one['now'])}")
    advise("Formulas: docs/recap.md. RTL: days to the first answer.")
