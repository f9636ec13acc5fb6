"""One report's page, with its thread, its deliveries and its timeline."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from lapor_sync import output
from lapor_sync.domain.colour import UNREAD
from lapor_sync.interface import Json
from lapor_sync.layout import fold
from lapor_sync.output import plain, say
from lapor_sync.screens.parts import advise, bold, day, lines_of, moment, shade, table
from lapor_sync.screens.report_list import due
from lapor_sync.screens.waiting import why
from lapor_sync.store.outages import Outage
from lapor_sync.words import en
from lapor_sync.words.en import ROWS

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from lapor_sync.store.reports import Mirrored

_KEPT = {"rahasia": "is_secret", "anonim": "is_anonymous"}


SECRET_SENT = (
    "A secret response was sent: LAPOR shows it to the reporter alone (assumed), so it is no answer in the thread and "
    "moves no colour; only an open answer does."
)


def show(found: Json, one: Mirrored, *, outages: Sequence[Outage], zone: ZoneInfo) -> None:
    """Show one report's page."""
    row = one.verdict.row
    for line in fold(f"{plain(found['tracking_id'])}  {plain(found['title'])}", output.columns()):
        say(bold(line))
    rules = f"(row {row}, rules {found['colour_rules']})"
    since = "as its thread was when it could be read: " if found["thread_error"] and row != UNREAD else ""
    _named("Colour", f"{shade(found['colour'])}, because: {since}{ROWS[row]} {rules}")
    if any(one["is_secret"] and one["state"] == "sent" and not one["seen_at"] for one in found["deliveries"]):
        _named("", SECRET_SENT)
    _named("Waits for", found["waiting_on"] or "-")
    _named("Status", plain(found["status_name"]))
    _named("OPD", f"{plain(found['opd_name'])} ({plain(found['opd'])})")
    _named("Deadline", f"{found['deadline']['clock']} {due(found, zone)}" if found["deadline"] else "-")
    for clock in found["clocks"]:
        _named("", _clock(clock, zone))
    for outage in outages:
        until = moment(outage.until, zone) if outage.until else "now"
        _named("", f"LAPOR was away from {moment(outage.since, zone)} to {until}: {en.outage(outage.what)}")
    _named("About", " / ".join(plain(found[key]) for key in ("classification", "category") if found[key]) or "-")
    _named("Received", f"{moment(found['created_at'], zone)}, changed {moment(found['updated_at'], zone)}")
    if kept := " ".join(name for name in ("rahasia", "anonim") if found[_KEPT[name]]):
        _named("Reporter", kept)
    _named("Flags", " ".join(found["flags"]) or "-")
    say(f"\n{lines_of(found['content']) or '  -'}\n")
    _show_files(1, [file["file_name"] for file in found["attachments"]])
    for line in _about_thread(found):
        say(f"{line}\n")
    _show_thread(found["thread"], zone, len(one.report.attachments) + 1)
    deliveries(found["deliveries"], zone)
    say(bold("\nTimeline"))
    timeline(found["timeline"], zone)


def _clock(clock: Json, zone: ZoneInfo) -> str:
    said = ", stands still" if clock["paused"] else ""
    since = f"{'about ' if clock['estimated'] else ''}{day(clock['started_at'], zone)}"
    return f"{clock['clock']}: {day(clock['due_at'], zone)}{said}, since {since}"


def _about_thread(found: Json) -> Iterator[str]:
    """Yield what keeps the thread from being known, or whole."""
    if found["thread_error"]:
        yield f"The thread cannot be read: {plain(found['thread_error'])}. It is tried again by itself."
    elif found["thread_doubt"]:
        yield f"The thread may not be whole: {plain(found['thread_doubt'])}. What is not in it may stand on LAPOR."
    elif not found["thread_known"]:
        yield "The thread is not known: seen in an export only, or not read yet."


def timeline(events: Iterable[Json], zone: ZoneInfo) -> None:
    """Show all that happened to a report."""
    for event in events:
        told = f"{plain(event['who'])}: {plain(event['what'])}"
        at, room = moment(event["at"], zone), output.columns()
        first, *rest = fold(told, room and room - 22)
        say(f"{at:20}  {first}")
        for line in rest:
            say(f"{'':20}  {line}")


def _named(name: str, value: str) -> None:
    room = output.columns()
    for at, line in enumerate(fold(value, room and room - 11)):
        say(f"{'' if at else name:10} {line}")


def _show_thread(items: Iterable[Json], zone: ZoneInfo, number: int) -> None:
    for item in items:
        head = f"{moment(item['created_at'], zone)}  {plain(item['author'] or item['kind'])} ({item['kind']})"
        for line in fold(head, output.columns()):
            say(bold(line))
        say(lines_of(item["content"]) or "  -")
        number = _show_files(number, [file["file_name"] for file in item["attachments"]])


def _show_files(number: int, names: Iterable[str]) -> int:
    """Show attached files, numbered through as `attachment` takes them. Return the next number."""
    for name in names:
        advise(f"  [{number}] {plain(name)}   `lapor-sync attachment ID {number} --out FILE`")
        number += 1
    return number


def deliveries(found: Iterable[Json], zone: ZoneInfo) -> None:
    """Show a report's deliveries, with the words of those that have not arrived."""
    written = list(found)
    rows = [
        (
            *(plain(one[key]) for key in ("ref", "kind", "state", "opd", "by")),
            moment(one["written_at"], zone),
            _tried(one["attempts"], zone),
        )
        for one in written
    ]
    columns = ("Reference", "Kind", "State", "OPD", "By", "Written", "Tried")
    if rows:
        table(columns, rows, empty="", title="\nDeliveries")
    for one in written:
        if one["state"] not in {"sent", "cancelled"}:
            to = f" to {plain(one['target'])}" if one["target"] else ""
            because = f" ({why(one['reason'])})" if one["reason"] else ""
            advise(f"\n{plain(one['ref'])}{to}, {one['state']}{because}, as written:")
            say(lines_of(one["text"]))


def _tried(attempts: Sequence[Json], zone: ZoneInfo) -> str:
    if not attempts:
        return "not yet"
    last = attempts[-1]
    said = plain(last["why"]) if last["why"] else f"HTTP {last['http_status']}" if last["http_status"] else ""
    about = f" ({said})" if said else ""
    return f"{len(attempts)}, last {moment(last['at'], zone)}: {last['outcome'] or 'in the air'}{about}"
