"""The recap of a period, for the mayor, the province and the yearly evaluation."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import nullcontext, redirect_stdout
from pathlib import Path

import click

from connectors.unit_sheet import read_units
from lapor_sync import screens
from lapor_sync.app import rules_of
from lapor_sync.commands.base import (
    Acts,
    Call,
    acting,
    acting_by,
    as_json,
    new_file,
    path_type,
    refuse_before,
    refuse_existing,
)
from lapor_sync.commands.looking import institution_meant
from lapor_sync.commands.many import mirrors
from lapor_sync.domain.errors import BadInput
from lapor_sync.domain.names import shown_path
from lapor_sync.domain.period import Period
from lapor_sync.output import say, say_csv, say_json
from lapor_sync.recap import making
from lapor_sync.recap.figures import NUMBERS
from lapor_sync.recap.making import Json
from lapor_sync.recap.printed import pdf
from lapor_sync.recap.workbook import workbook
from lapor_sync.store import institutions

_period = click.option("--period", metavar="P", help="2026, 2026-10, 2026-Q3, 2026-C2, 2026-H1, or A..B.")


@click.group(cls=Acts, invoke_without_command=True)
@_period
@click.option("--opd", metavar="X", help="Of one OPD: id, name, or parts of its name.")
@click.option("--format", "form", type=click.Choice(["table", "json", "csv", "xlsx", "pdf"]), default="table")
@click.option("--out", metavar="FILE", type=path_type, help="Write it into this file; must not be there yet.")
@click.option("--fix", is_flag=True, help="Keep these figures in the audit, to be proven later.")
@acting_by
@click.pass_context
def recap(
    ctx: click.Context,
    period: str | None,
    opd: str | None,
    form: str,
    out: Path | None,
    fix: bool,
    by: str | None,
) -> None:
    """What was received in a period, and how it was answered: by OPD, by month beside the year before, by kind."""
    if ctx.invoked_subcommand is not None:
        refuse_before(ctx, period=period)
        return
    if period is None:
        raise click.UsageError("Name the period: --period 2026-Q3")
    _recap(ctx.obj, period, opd, form, out, fix, by)


def _recap(
    call: Call, period: str, opd: str | None, form: str, out: Path | None, fix: bool, by: str | None
) -> None:
    meant = Period.parse(period)
    if form in {"xlsx", "pdf"} and out is None and sys.stdout.isatty():
        raise BadInput(f"A terminal cannot show {form}.", todo=f"Name a file: --out rekap.{form}")
    if out is not None:
        refuse_existing(out)
    if call.is_of_many():
        if fix or opd is not None or form in {"xlsx", "pdf"}:
            asked = "--fix" if fix else "--opd" if opd is not None else f"--format {form}"
            raise BadInput(
                f"{asked} is of one agency's recap: over all of them there is a table, JSON or CSV.",
                todo=f"Name the agency with --agency KEY, or leave out {asked}.",
            )
        _given_out(out, lambda: _say_of_many(form, _of_many(call, meant)), call, form)
        return
    settings = call.settings()
    with call.store() as store:
        with store.reading() as work:  # counting takes seconds, in which the daemon wants to write
            made = making.recap(work, meant, rules_of(settings), opd=institution_meant(call, work, opd))
            city = institutions.names(work).get(settings.institution_id or "", settings.agency)
        if fix:
            with store.work(acting(by)) as work:
                making.fix(work, made)
    found = making.as_json(made)
    _given_out(out, lambda: _say(form, found, call, city), call, form)
    if fix:
        say(f"Fixed: the figures stand in the audit now, behind the head {made.audit_head}.", err=True)


def _given_out(out: Path | None, tell: Callable[[], None], call: Call, form: str) -> None:
    """Let what is told go into that file, else to standard output, of a terminal through a pager."""
    if out is None:
        with call.paged() if form == "table" else nullcontext():
            tell()
        return
    with new_file(out) as part, part.open("w", encoding="utf-8") as stream, redirect_stdout(stream):
        tell()
    say(shown_path(out))


def _of_many(call: Call, period: Period) -> Json:
    """The recap over all agencies; `without`: those whose file is wrong, whose rules nobody knows."""
    found = call.agencies()
    with mirrors(found) as all_of_them:
        parts = (
            making.Agency(store, rules_of(settings), settings.institution_id) for store, settings in all_of_them
        )
        return making.recap_of_many(parts, period) | {"without": sorted(found.wrong)}


def _say_of_many(form: str, found: Json) -> None:
    """Put a recap over many agencies in this form on standard output."""
    match form:
        case "json":
            say_json(found)
        case "csv":
            lines = [["line", *found["total"]]]
            named = [("total", found["total"]), *(("agency", row) for row in found["rows"])]
            say_csv(lines + [[kind, *line.values()] for kind, line in named])
        case _:
            screens.recap_of_many(found)


def _say(form: str, found: Json, call: Call, city: str) -> None:
    """Put a recap in this form on standard output."""
    match form:
        case "json":
            say_json(found)
        case "csv":
            lines = [["line", "opd", "opd_name", *NUMBERS]]
            named = [("total", found["total"]), *(("opd", row) for row in found["rows"])]
            say_csv(lines + [[kind, *line.values()] for kind, line in named])
        case "xlsx":
            sys.stdout.buffer.write(workbook(found, call.zone))
        case "pdf":
            sys.stdout.buffer.write(pdf(found, call.zone, city))
        case _:
            screens.recap(found, call.zone)


@recap.command("compare")
@click.argument("sheet", metavar="FILE", type=path_type)
@_period
@as_json
@click.pass_obj
def compare(call: Call, sheet: Path, period: str | None, as_json: bool) -> None:
    """The admin site's sheet per unit beside our count; without --period, of this year."""
    units, rules = read_units(sheet), rules_of(call.settings())
    with call.looking() as work:
        meant = Period.parse(period or f"{work.now.astimezone(call.zone):%Y}")
        found = making.comparison(work, meant, rules, {unit.name: unit.figures for unit in units})
    unreadable = [{"unit": unit.name, "columns": list(unit.unreadable)} for unit in units if unit.unreadable]
    if as_json:
        differences = [one._asdict() | {"reports": list(one.reports)} for one in found.differences]
        say_json(
            {
                "period": meant.name,
                "differences": differences,
                "only_theirs": list(found.only_theirs),
                "only_ours": list(found.only_ours),
                "unreadable": unreadable,
            }
        )
    else:
        screens.recap_comparison(found, meant.name, unreadable)
