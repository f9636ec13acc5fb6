"""The commands that look: they change nothing, and work beside a running daemon."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

import click

from lapor_sync import interface, screens
from lapor_sync.commands.base import (
    Call,
    acting,
    acting_by,
    as_json,
    command,
    days,
)
from lapor_sync.commands.many import show_all
from lapor_sync.domain.errors import LaporSyncError
from lapor_sync.domain.people import Actor
from lapor_sync.monitoring.health import not_fresh
from lapor_sync.office import institution_by_part, known_report
from lapor_sync.output import say_json, say_json_lines
from lapor_sync.store import lock, overview, queries
from lapor_sync.store import quarantine as put_away
from lapor_sync.store.database import Store, Work
from lapor_sync.store.dossier import dossier


@command(
    as_json,
    click.option("--ready", is_flag=True, help="For a monitor: exit code 1 where the last success is too old."),
)
def status(call: Call, as_json: bool, ready: bool) -> None:
    """Colours, outbox, conflicts, quarantine, last success, outages, who holds the database."""
    if not ready and call.is_of_many():
        show_all(call, as_json=as_json)
        return
    with call.store() as store:
        with store.reading() as work:
            whole = overview.overview(work, call.settings().city)
            beside = None if as_json else (overview.count_overdue(work), screens.recent_outages(work))
        if beside is None:
            say_json(interface.status(whole))
        else:
            late, outages = beside
            screens.status(
                interface.status(whole),
                changed=whole.contract.changed,
                late=late,
                holder=lock.holder(store.engine, store.agency),  # by the same connection, now that it is free
                outages=outages,
                now=work.now,
                zone=call.zone,
            )
    if ready and (wrong := not_fresh(whole.last_success_at, work.now, call.settings().poll_seconds)):
        todo = "See the log (journalctl -u lapor-sync) and `lapor-sync check`; is the service running?"
        raise LaporSyncError(f"The mirror is not fresh: {wrong}.", todo=todo)


@command(
    click.option("--colour", type=click.Choice(["merah", "kuning", "hijau", "abu", "null"])),
    click.option("--opd", metavar="X", help="Institution id, name, or parts of its name."),
    click.option("--waiting-on", type=click.Choice(["verifier", "admin", "opd", "reporter"])),
    click.option("--since", metavar="D", help="Received on this day (2026-01-31) or later."),
    click.option("--until", metavar="D", help="Received on this day or earlier."),
    click.option("--limit", metavar="N", type=click.IntRange(min=1), help="At most so many."),
    click.option("--overdue", is_flag=True, help="Only reports past their deadline, the longest overdue first."),
    as_json,
    click.option("--csv", "as_csv", flag_value="csv", help="For programs and spreadsheets: CSV."),
    click.option("--csv-excel", "as_csv", flag_value="excel", help="CSV that Excel opens by a double-click."),
    click.option("--include-rahasia", is_flag=True, help="With CSV or --json: what rahasia reports say, too."),
    acting_by,
)
def reports(
    call: Call,
    colour: str | None,
    opd: str | None,
    waiting_on: str | None,
    since: str | None,
    until: str | None,
    limit: int | None,
    overdue: bool,
    as_json: bool,
    as_csv: str | None,
    include_rahasia: bool,
    by: str | None,
) -> None:
    """All reports, unless filtered."""
    if as_json and as_csv:
        raise click.UsageError("Choose one of --json, --csv and --csv-excel.")
    if include_rahasia and not (as_csv or as_json):
        raise click.UsageError("--include-rahasia goes with --csv, --csv-excel or --json.")
    first, last = days(since, until, call.zone)
    with (
        call.store() as store,
        _looking_at(store, acting(by) if include_rahasia else None) as work,
        # Closed here: a reader that has enough (`| head`) leaves it open.
        closing(
            overview.reports(
                work,
                overview.Wanted(
                    colour=colour,
                    opd=institution_meant(call, work, opd),
                    waiting_on=waiting_on,
                    since=first,
                    until=last,
                    overdue=overdue,
                    limit=limit,
                ),
            )
        ) as rows,
    ):
        if as_json:
            say_json_lines(interface.report(row, work.now, with_rahasia=include_rahasia) for row in rows)
            return

        if as_csv:
            screens.reports_csv(rows, work.now, include_rahasia=include_rahasia, excel=as_csv == "excel")
        else:
            is_filtered = any((colour, opd, waiting_on, since, until, overdue))
            with call.paged():
                screens.reports(
                    (interface.report(row, work.now) for row in rows),
                    call.zone,
                    empty="No report. `lapor-sync reports` without options lists all." if is_filtered else "",
                )


@contextmanager
def _looking_at(store: Store, reader: Actor | None) -> Iterator[Work]:
    """The database, to read from; that somebody is given what rahasia reports say is audited before it is."""
    if reader is not None:
        with store.work(reader) as work:
            work.note("exported", "reports", rahasia=True)
    with store.reading() as work:
        yield work


def institution_meant(call: Call, work: Work, given: str | None) -> str | None:
    """Return the id of the OPD that an option names by id, name or parts of its name. Raises Refused."""
    if given is None:
        return None

    settings = call.settings()
    return institution_by_part(work, given, [*settings.opd_ids, *filter(None, [settings.institution_id])])


@command(as_json)
def opds(call: Call, as_json: bool) -> None:
    """Each OPD with its reports by colour, and how many are overdue."""
    with call.looking() as work:
        found = interface.opds(queries.by_opd(work))
    if as_json:
        say_json_lines(found)
        return
    with call.paged():
        screens.by_opd(found)


@command(click.argument("report_id", metavar="ID"), as_json, acting_by)
def show(call: Call, report_id: str, as_json: bool, by: str | None) -> None:
    """One report: fields, thread, deliveries, one timeline of all that happened, and why it has its colour."""
    with call.store() as store:
        with store.reading() as work:
            one = known_report(work, report_id)
        if one.report.is_secret:  # looking at a rahasia report is an act, and audited
            with store.work(acting(by)) as work:
                work.note("shown", one.tracking_id)
        with store.reading() as work:
            whole = dossier(work, one)
            found = interface.show(whole, work.now, call.clocks_of(whole))
            if as_json:
                say_json(found)
            else:
                with call.paged():
                    screens.show(found, one, outages=whole.outages, zone=call.zone)


@command(as_json)
def quarantine(call: Call, as_json: bool) -> None:
    """Records that could not be read, with the reason; tried again by every sweep."""
    with call.looking() as work:
        found = [interface.quarantined(one) for one in put_away.listing(work)]
    say_json_lines(found) if as_json else screens.quarantine(found, call.zone)
