"""What a person at a terminal sees: tables and one report's page. Programs take --json."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from lapor_sync.domain.colour import ROWS
from lapor_sync.domain.thread import words
from lapor_sync.store.views import Json, report_json

WIDE = 180
"""Columns where standard output is no terminal: nothing is cut for a reader that can scroll."""

STYLES = {"merah": "bold red", "kuning": "yellow", "hijau": "green", "abu": "bright_black"}


def console(*, stderr: bool = False) -> Console:
    """Where it is written to; plain text where that is no terminal."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(file=stream, width=None if stream.isatty() else WIDE, highlight=False, soft_wrap=False)


def colour(name: str | None) -> str:
    """A colour in its colour."""
    return f"[{STYLES[name]}]{name}[/]" if name else "-"


def moment(text: str | None) -> str:
    """A time for people: this machine's, to the minute."""
    return datetime.fromisoformat(text).astimezone().strftime("%Y-%m-%d %H:%M") if text else "-"


def table(*columns: str, title: str | None = None) -> Table:
    """An empty table."""
    made = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


def fill(made: Table, rows: Iterable[Iterable[object]], *, empty: str) -> None:
    """Print a table, or what it means that there is nothing in it."""
    for row in rows:
        made.add_row(*(str(cell) if cell not in {None, ""} else "-" for cell in row))
    console().print(made if made.row_count else empty)


def status(found: Json, *, late: int, holder: str | None) -> None:
    """The whole on one screen, with what to do about what is wrong."""
    out = console()
    out.print("  ".join(f"{colour(name) if name in STYLES else name} {n}" for name, n in found["colours"].items()))
    out.print(f"Overdue       {late}" + ("   see `lapor-sync reports --overdue`" if late else ""))
    out.print(
        "Outbox        " + (", ".join(f"{n} {state}" for state, n in found["outbox"].items() if n) or "empty")
    )
    conflicts, bad = found["conflicts"], found["quarantine"]
    out.print(f"Conflicts     {conflicts}" + ("   a person decides: `lapor-sync conflicts`" if conflicts else ""))
    out.print(f"Quarantine    {bad}" + ("   see `lapor-sync quarantine`" if bad else ""))
    out.print(f"Last success  {moment(found['last_success_at'])}")
    out.print(f"Oldest wait   {moment(found['oldest_waiting_at'])}")
    outage = found["outage"]
    out.print(
        f"LAPOR         {'away since ' + moment(outage['since']) + ': ' + outage['what'] if outage else 'answers'}"
    )
    out.print(f"At work       {holder or 'nobody: start the service, or `lapor-sync --once`'}")
    out.print(f"Audit         {found['audit_rows']} rows, head {found['audit_head']}")


def reports(rows: Iterable[Json]) -> None:
    """Reports, one a line."""
    made = table("Tracking ID", "Colour", "Waits for", "Due", "OPD", "Status", "Title", "Flags")
    cells = (
        (
            row["tracking_id"],
            colour(row["colour"]),
            row["waiting_on"],
            _due(row),
            escape(row["opd_name"] or row["opd"] or "-"),
            escape(row["status_name"]),
            escape(_short(row["title"])),
            " ".join(row["flags"]),
        )
        for row in rows
    )
    fill(made, cells, empty="No report.")


def _due(row: Json) -> str:
    if row["deadline"] is None:
        return "-"
    due = moment(row["deadline"]["due_at"])[:10]
    return f"[bold red]{due} late[/]" if row["overdue"] else due


def _short(text: str, width: int = 60) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


CSV_COLUMNS = (
    *("tracking_id", "title", "status_name", "colour", "waiting_on", "flags", "opd", "opd_name"),
    *("classification", "category", "channel", "is_secret", "is_anonymous", "created_at", "updated_at"),
    *("closed_at", "answers", "thread_known", "deadline_clock", "due_at", "overdue", "colour_rules", "content"),
)


def reports_csv(rows: Iterable[Mapping[Any, Any]], now: str, *, include_rahasia: bool) -> None:
    """Reports for a spreadsheet. A rahasia report's title and content are left out unless asked for."""
    out = csv.writer(sys.stdout)
    out.writerow(CSV_COLUMNS)
    for row in rows:
        one = report_json(row, now)
        deadline = one.pop("deadline") or {"clock": None, "due_at": None}
        hidden = one["is_secret"] and not include_rahasia
        one |= {"deadline_clock": deadline["clock"], "due_at": deadline["due_at"], "flags": " ".join(one["flags"])}
        one["content"] = "" if hidden else words(row["content"])
        one["title"] = "" if hidden else one["title"]
        out.writerow([_cell(one[column]) for column in CSV_COLUMNS])


def _cell(value: object) -> object:
    """A text that a spreadsheet would take for a formula is made a text (CSV injection)."""
    if isinstance(value, str) and value[:1] in {"=", "+", "-", "@", "\t", "\r"}:
        return "'" + value
    return value


def show(found: Json, *, row: str) -> None:
    """One report's page."""
    out = console()
    out.print(f"[bold]{found['tracking_id']}[/]  {escape(found['title'])}")
    out.print(
        f"Colour     {colour(found['colour'])}, because: {ROWS[row]} (row {row}, rules {found['colour_rules']})"
    )
    out.print(f"Waits for  {found['waiting_on'] or '-'}")
    out.print(f"Status     {escape(found['status_name'])}")
    out.print(f"OPD        {escape(found['opd_name'] or '-')} ({found['opd'] or '-'})")
    deadline = found["deadline"]
    out.print(f"Deadline   {deadline['clock'] + ' ' + _due(found) if deadline else '-'}")
    out.print(
        f"About      {escape(' / '.join(filter(None, (found['classification'], found['category']))) or '-')}"
    )
    out.print(f"Flags      {' '.join(found['flags']) or '-'}")
    out.print(f"\n{escape(words(found['content'])) or '-'}\n")
    if not found["thread_known"]:
        out.print("The thread is not known (seen in an export only, or not read yet).\n")
    for item in found["thread"]:
        out.print(
            f"[bold]{moment(item['created_at'])}  {escape(item['author'] or item['kind'])}[/] ({item['kind']})"
        )
        out.print(f"  {escape(item['content'])}")
        for n, file in enumerate(item["attachments"], 1):
            out.print(f"  [{n}] {escape(file['file_name'])}", markup=False)
    if found["deliveries"]:
        deliveries(found["deliveries"])
    out.print("\n[bold]Timeline[/]")
    timeline(found["timeline"])


def timeline(events: Iterable[Json]) -> None:
    """All that happened, a line each."""
    for event in events:
        console().print(f"{moment(event['at'])}  {escape(event['who'])}: {escape(event['what'])}")


def by_opd(found: Iterable[Json]) -> None:
    """Each OPD's reports by colour."""
    made = table("OPD", *STYLES, "overdue")
    rows = (
        (escape(one["opd_name"] or "not disposed"), *(one[name] or "" for name in STYLES), one["overdue"] or "")
        for one in found
    )
    fill(made, rows, empty="No report.")


def deliveries(found: Iterable[Json]) -> None:
    """A report's deliveries."""
    made = table("Reference", "Kind", "State", "OPD", "By", "Written", "Tries", title="\nDeliveries")
    keys = ("ref", "kind", "state", "opd", "by")
    rows = (
        (*(escape(str(one[key] or "-")) for key in keys), moment(one["written_at"]), len(one["attempts"]))
        for one in found
    )
    fill(made, rows, empty="")


def outbox(found: Iterable[Json]) -> None:
    """The outbox."""
    made = table("Reference", "Kind", "Tracking ID", "OPD", "State", "Reason", "Written", "Tries", "Next try")
    rows = (
        (
            *(one[key] for key in ("ref", "kind", "tracking_id", "opd", "state", "reason")),
            moment(one["written_at"]),
            one["tries"],
            moment(one["next_try_at"]),
        )
        for one in found
    )
    fill(made, rows, empty="The outbox is empty: write with `lapor-sync respond ID --text ...`.")


def conflicts(found: Iterable[Json]) -> None:
    """Open conflicts."""
    made = table("Id", "Tracking ID", "Reference", "Since", "Why")
    keys = ("id", "tracking_id", "ref")
    rows = [(*(one[key] for key in keys), moment(one["opened_at"]), one["why"]) for one in found]
    fill(made, rows, empty="No conflict is open.")
    if rows:
        console().print(
            "\nLook with `lapor-sync show TRACKING_ID`, then: `lapor-sync conflicts settle ID --keep-ours` "
            "(send it all the same) or `--take-upstream` (cancel it)."
        )


def quarantine(found: Iterable[Json]) -> None:
    """What could not be read."""
    made = table("Id", "Source", "Seen", "Reason")
    rows = ((one["id"], one["source"], moment(one["seen_at"]), escape(one["reason"])) for one in found)
    fill(made, rows, empty="Nothing is in quarantine.")


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int | None], None]]:
    """A bar on a terminal, plain lines elsewhere; on standard error. Call it with (done, total or None)."""
    if not sys.stderr.isatty():
        yield _plain_progress(what)
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console(stderr=True)) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _plain_progress(what: str) -> Callable[[int, int | None], None]:
    told = 0

    def tell(done: int, total: int | None) -> None:
        nonlocal told
        if done // 1000 > told or done == total:
            told = done // 1000
            sys.stderr.write(f"{what}: {done}" + (f" of {total}\n" if total else "\n"))

    return tell
