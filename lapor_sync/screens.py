"""What a person at a terminal sees: tables and one report's page. Programs take --json.

Lines are written as they come, so a million reports need no memory. What citizens and LAPOR wrote goes through `plain`:
no text may move the cursor or change the screen's colours.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import chain, count
from typing import TYPE_CHECKING, Any

import click

from lapor_sync import output
from lapor_sync.domain.colour import ROWS, UNREAD
from lapor_sync.domain.delivery import SENTENCES, Reason
from lapor_sync.domain.names import shown_time
from lapor_sync.domain.thread import words
from lapor_sync.output import STYLES, cut, fold, layout, plain, say, say_csv, styled, width
from lapor_sync.store import marks, pauses
from lapor_sync.store.marks import Outage, outage_words
from lapor_sync.store.times import from_text
from lapor_sync.store.views import Json, report_json

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from lapor_sync.app import Restored
    from lapor_sync.check import Line
    from lapor_sync.store.database import Work
    from lapor_sync.store.reports import Mirrored
    from lapor_sync.sync.plan import Next, Planned


def lines_of(text: str) -> str:
    """A text with its line breaks, indented."""
    room = output.columns()
    lines = (part for line in text.splitlines() if line.strip() for part in fold(plain(line), room and room - 2))
    return "\n".join(f"  {line}" for line in lines)


def shade(name: str | None) -> str:
    """A colour (or a verdict) in its colour, for `say`."""
    return styled(name, name) if name and name in STYLES else plain(name)


def bold(text: str) -> str:
    """Made to stand out."""
    return styled(text, "bold")


def moment(at: str | datetime | None, zone: ZoneInfo) -> str:
    """A time for people: the city's, to the minute, with the zone's name."""
    if at is None:
        return "-"
    return shown_time(datetime.fromisoformat(at) if isinstance(at, str) else at, zone)


def table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], *, empty: str, title: str = "", words: int = -1
) -> None:
    """A table as wide as its cells, or what it means that there is nothing in it.

    Where the terminal is too narrow, the cells of the column `words` are folded, or stand below.
    """
    found = list(rows)
    if not found:
        say(empty)
        return
    widths = [max(map(width, cells)) for cells in zip(columns, *found, strict=True)]
    if title:
        say(bold(title))
    laid_out = layout(widths, output.columns(), words)
    say(bold(laid_out(columns)))
    for row in found:
        say(laid_out(row))


def advise(text: str) -> None:
    """A sentence below a screen, in the terminal's width."""
    for line in fold(text, output.columns()):
        say(line)


# The whole.

_LONG = timedelta(hours=1)


def recent_outages(work: Work) -> tuple[Outage, ...]:
    """The outages of the last seven days that are over."""
    now = from_text(work.at)
    found = marks.outages_between(work, now - timedelta(days=7), now)
    return tuple(one for one in found if one.until is not None)


def status(
    found: Json,
    *,
    late: int,
    holder: str | None,
    outages: Sequence[Outage],
    now: str,
    zone: ZoneInfo,
) -> None:
    """The whole on one screen, with what to do about what is wrong."""
    say("  ".join(f"{shade(name)} {n}" for name, n in found["colours"].items()))
    _fact("Overdue", late, "see `lapor-sync reports --overdue`" if late else "")
    waiting = ", ".join(f"{n} {state}" for state, n in found["outbox"].items() if n)
    _fact("Outbox", waiting or "empty", "see `lapor-sync outbox`" if waiting else "")
    if found["paused"]:
        _fact("Delivery", styled(pause_words(found["paused"], zone), "kuning"), pauses.TODO)
    _fact("Oldest wait", moment(found["oldest_waiting_at"], zone))
    _fact(
        "Conflicts", found["conflicts"], "a person decides: `lapor-sync conflicts`" if found["conflicts"] else ""
    )
    _fact("Quarantine", found["quarantine"], "see `lapor-sync quarantine`" if found["quarantine"] else "")
    _fact("Last success", moment(found["last_success_at"], zone), _stale(found["last_success_at"], now, holder))
    _fact("LAPOR", *_lapor(found, zone))
    for one in outages:
        _fact("Was away", f"{moment(one.since, zone)} to {moment(one.until, zone)}: {outage_words(one.what)}")
    _fact("At work", holder or "nobody", "" if holder else "start the service, or `lapor-sync --once`")
    _fact("Audit", f"{found['audit_rows']} rows, head", found["audit_head"])


def pause_words(pause: Json, zone: ZoneInfo) -> str:
    """Since when, by whom and why nothing leaves."""
    why = pauses.WORDS[pauses.Why(pause["why"])]
    return f"paused since {moment(pause['since'], zone)} by {plain(pause['by'])}{why}: nothing leaves"


def say_paused(pause: Json | None, zone: ZoneInfo) -> None:
    """Below a list of what waits: that it waits for a person."""
    if pause:
        advise(f"\nDelivery is {pause_words(pause, zone)}. {pauses.TODO}")


def _fact(name: str, value: object, advice: str = "") -> None:
    room = output.columns()
    line = f"{name:13} {value}"
    if room is None or not advice or width(line) + 3 + width(advice) <= room:
        say(line + (f"   {advice}" if advice else ""))
        return
    say(line)
    for part in fold(advice, room - 14):
        say(" " * 14 + part)


def _lapor(found: Json, zone: ZoneInfo) -> tuple[str, str]:
    if outage := found["outage"]:
        since = f"away since {moment(outage['since'], zone)}: {outage_words(outage['what'])}"
        return since, "goes on by itself; `lapor-sync check` tells what can be done"
    answered, succeeded = found["answered_at"], found["last_success_at"]
    if answered and (succeeded is None or answered >= succeeded):
        return "answers", ""
    if answered:
        return f"answered last at {moment(answered, zone)}", "nothing calls it now: see `lapor-sync check`"
    if succeeded:
        return "not called: no API account is set", "reports come from exports: `lapor-sync check`"
    return "no cycle went through yet", "begin with `lapor-sync check`"


def _stale(last_success: str | None, now: str, holder: str | None) -> str:
    if last_success is None or from_text(now) - datetime.fromisoformat(last_success) < _LONG:
        return ""
    return "long ago: see the log (journalctl -u lapor-sync)" if holder else "long ago: is the service running?"


# Reports.

_REPORT_COLUMNS = ("Tracking ID", "Colour", "Waits for", "Due", "OPD", "Status", "Title", "Flags")
_REPORT_WIDTHS = (11, 6, 9, 15, 28, 28, 60, 0)
_BESIDE = 5
"""So many of them stand beside each other on a terminal of 80 columns, the rest below."""


def reports(rows: Iterable[Json], zone: ZoneInfo, *, empty: str = "") -> None:
    """Reports, one a line (in two where the terminal is narrow), as they come; `empty`: what it means that none does."""
    room = output.columns() or sys.maxsize
    is_narrow = room < sum(_REPORT_WIDTHS) + len(output.GAP) * len(_REPORT_WIDTHS)
    widths = (*_REPORT_WIDTHS[:_BESIDE], sum(_REPORT_WIDTHS[_BESIDE:])) if is_narrow else _REPORT_WIDTHS
    laid_out = layout(widths, room)
    found = False
    for row in rows:
        if not found:
            say(bold(laid_out(_in_two(_REPORT_COLUMNS, room) if is_narrow else _REPORT_COLUMNS)))
        found = True
        cells = _report_cells(row, zone)
        say(laid_out(_in_two(cells, room) if is_narrow else cells))
    if not found:
        advise(empty or NOTHING_MIRRORED)


NOTHING_MIRRORED = (
    "No report. Is nothing mirrored yet? See `lapor-sync status`; the first is `lapor-sync --backfill`."
)


def _report_cells(row: Json, zone: ZoneInfo) -> tuple[str, ...]:
    return (
        plain(row["tracking_id"]),
        shade(row["colour"]),
        row["waiting_on"] or "-",
        _due(row, zone),
        cut(plain(row["opd_name"] or row["opd"]), 28),
        cut(plain(row["status_name"]), 28),
        cut(title_of(row), 60),
        " ".join(row["flags"]),
    )


def _in_two(cells: Sequence[str], room: int) -> tuple[str, ...]:
    """A report's cells with what it is about in one, for a line of its own."""
    status, title, flags = cells[_BESIDE:]
    about = cut(f"{status}: {title}", max(room - _REPORT_WIDTHS[0] - len(output.GAP), output.PROSE))
    return (*cells[:_BESIDE], f"{about} [{flags}]" if flags else about)


def title_of(row: Json) -> str:
    """A report's title; that of a rahasia report is told by `show` alone."""
    return "(rahasia)" if row["is_secret"] and row["title"] is None else plain(row["title"])


def _due(row: Json, zone: ZoneInfo) -> str:
    if row["deadline"] is None:
        return "-"
    due = moment(row["deadline"]["due_at"], zone)[:10]
    return styled(f"{due} late", "merah") if row["overdue"] else due


def by_opd(found: Iterable[Json]) -> None:
    """Each OPD's reports by colour and how many are late."""
    keys = ("merah", "kuning", "hijau", "abu", "unknown", "reports", "overdue")
    opds = list(found)
    rows = [
        (
            plain(one["opd"]),
            plain(one["opd_name"] or ("-" if one["opd"] else "not disposed")),
            *(str(one[key]).rjust(len(key)) for key in keys),
        )
        for one in opds
    ]
    if len(rows) > 1:
        rows.append(("", "all", *(str(sum(one[key] for one in opds)).rjust(len(key)) for key in keys)))
    names = [shade(key) if key in STYLES else key for key in keys]
    table(("Id", "OPD", *names), rows, empty=NOTHING_MIRRORED, words=1)


CSV_COLUMNS = (
    *("tracking_id", "title", "status_name", "colour", "waiting_on", "flags", "opd", "opd_name"),
    *("classification", "category", "channel", "is_secret", "is_anonymous", "created_at", "updated_at"),
    *("closed_at", "answers", "thread_known", "deadline_clock", "due_at", "overdue", "colour_rules", "content"),
    *("place", "kecamatan", "kelurahan", "rating", "is_priority"),
    *("verified_at", "first_disposition_at", "first_answer_at", "vanished_at"),
)


def reports_csv(
    rows: Iterable[Mapping[Any, Any]], now: str, *, include_rahasia: bool, excel: bool = False
) -> None:
    """Reports for a spreadsheet. A rahasia report's title and content are left out unless asked for."""
    lines = (_csv_row(row, now, include_rahasia=include_rahasia) for row in rows)
    say_csv(chain([CSV_COLUMNS], lines), excel=excel)


def _csv_row(row: Mapping[Any, Any], now: str, *, include_rahasia: bool) -> list[object]:
    one = report_json(row, now, with_rahasia=include_rahasia)
    deadline = one.pop("deadline") or {"clock": None, "due_at": None}
    one |= {"deadline_clock": deadline["clock"], "due_at": deadline["due_at"], "flags": json.dumps(one["flags"])}
    one["content"] = None if one["is_secret"] and not include_rahasia else words(row["content"])
    return [one[column] for column in CSV_COLUMNS]


# One report.

_KEPT = {"rahasia": "is_secret", "anonim": "is_anonymous"}

SECRET_SENT = (
    "A secret response was sent: LAPOR shows it to the reporter alone (assumed), so it is no answer in the thread and "
    "moves no colour; only an open answer does."
)


def show(found: Json, one: Mirrored, *, outages: Sequence[Outage], zone: ZoneInfo) -> None:
    """One report's page."""
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
    _named("Deadline", f"{found['deadline']['clock']} {_due(found, zone)}" if found["deadline"] else "-")
    for outage in outages:
        until = moment(outage.until, zone) if outage.until else "now"
        _named("", f"LAPOR was away from {moment(outage.since, zone)} to {until}: {outage_words(outage.what)}")
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


def _about_thread(found: Json) -> Iterator[str]:
    """What keeps the thread from being known, or whole."""
    if found["thread_error"]:
        yield f"The thread cannot be read: {plain(found['thread_error'])}. It is tried again by itself."
    elif found["thread_doubt"]:
        yield f"The thread may not be whole: {plain(found['thread_doubt'])}. What is not in it may stand on LAPOR."
    elif not found["thread_known"]:
        yield "The thread is not known: seen in an export only, or not read yet."


def timeline(events: Iterable[Json], zone: ZoneInfo) -> None:
    """All that happened to a report."""
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
    """Attached files, numbered through as `attachment` takes them; the next number."""
    for name in names:
        advise(f"  [{number}] {plain(name)}   `lapor-sync attachment ID {number} --out FILE`")
        number += 1
    return number


def deliveries(found: Iterable[Json], zone: ZoneInfo) -> None:
    """A report's deliveries, with the words of those that have not arrived."""
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


# What waits.


def why(reason: str | None, upstream: str | None = None) -> str:
    """A reason's sentence, and what upstream said."""
    parts = (SENTENCES[Reason(reason)] if reason else "", plain(upstream) if upstream else "")
    before = "; before that " if reason in _BY_PERSON else ": "
    return before.join(filter(None, parts)) or "-"


_BY_PERSON = frozenset({Reason.CALLED_OFF, Reason.RETRIED, Reason.BY_PERSON})


def _stands(one: Json, zone: ZoneInfo) -> str:
    """Why a delivery is where it is, and how it goes on."""
    told = why(one["reason"], one["why"])
    again = f"not found {one['tries']} times" if one["tries"] else ""
    following = f"next try {moment(one['next_try_at'], zone)}" if one["next_try_at"] else ""
    return "; ".join(filter(None, (again, following) if told == "-" else (told, again, following))) or "-"


def outbox(found: Sequence[Json], *, zone: ZoneInfo, filtered: str | None, pause: Json | None = None) -> None:
    """The outbox."""
    rows = (
        (
            *(plain(one[key]) for key in ("ref", "kind", "tracking_id", "opd", "state")),
            moment(one["written_at"], zone),
            _stands(one, zone),
        )
        for one in found
    )
    columns = ("Reference", "Kind", "Tracking ID", "OPD", "State", "Written", "Why")
    empty = f"Nothing is {filtered}." if filtered else "The outbox is empty: `lapor-sync respond ID --text ...`."
    table(columns, rows, empty=empty)
    if any(one["state"] in {"held", "refused"} for one in found):
        advise(
            "\nHeld or refused: `lapor-sync show TRACKING_ID`, then `lapor-sync outbox retry REF` or `cancel REF`."
        )
    say_paused(pause, zone)


def restored(done: Restored, zone: ZoneInfo) -> None:
    """What a restore brought, what would be sent now, and how it goes on."""
    advise(f"Restored: {done.contents}")
    if done.aside is not None:
        advise(f"The database that was there is kept: {done.aside}")
    rows = (
        (
            *(plain(cell) for cell in (one.ref, one.delivery.kind, one.tracking_id, one.delivery.opd, one.state)),
            *(plain(one.by), moment(one.written_at, zone)),
        )
        for one in done.waiting
    )
    columns = ("Reference", "Kind", "Tracking ID", "OPD", "State", "By", "Written")
    table(columns, rows, empty="\nNothing would be sent.", title="\nWhat would be sent")
    if not done.was_read:
        advise("\nLAPOR was not asked (no API account here): what was sent after the backup is in this list, too.")
    if done.held:
        advise(f"\nHeld: {done.held}. A person decides: `lapor-sync conflicts`.")
    advise(
        "\nDelivery is paused. Call off what must not go (`lapor-sync outbox cancel REF`), start the service, "
        "then: `lapor-sync outbox resume`."
    )


def conflicts(found: Sequence[Json], zone: ZoneInfo) -> None:
    """Open conflicts."""
    rows = (
        (
            *(plain(one[key]) for key in ("id", "tracking_id", "ref")),
            moment(one["opened_at"], zone),
            plain(one["why"]),
        )
        for one in found
    )
    table(("Id", "Tracking ID", "Reference", "Since", "Why"), rows, empty="No conflict is open.")
    kinds = {one["kind"] == "many_vanished" for one in found}
    if False in kinds:
        advise(
            "\nLook with `lapor-sync show TRACKING_ID`, then: `lapor-sync conflicts settle ID --keep-ours` "
            "(send it all the same) or `--take-upstream` (cancel it)."
        )
    if True in kinds:
        advise(
            "\nSo many reports gone at once may be a fault of LAPOR's. If they are really gone: "
            "`lapor-sync conflicts settle ID --accept-vanished`."
        )


def quarantine(found: Sequence[Json], zone: ZoneInfo) -> None:
    """What could not be read."""
    rows = ((plain(one["id"]), one["source"], moment(one["seen_at"], zone), plain(one["reason"])) for one in found)
    table(("Id", "Source", "Seen", "Reason"), rows, empty="Nothing is in quarantine.")
    if found:
        advise(
            "\nThe rest goes on; these are tried again each night. A field of LAPOR's may have changed its form."
        )


# The plan.

_DECIDED = {
    "nothing": "-",
    "adopt": "mirror it",
    "agree": "all agree",
    "pull": "take over LAPOR's",
    "push": "a delivery will close it",
    "hold": "both moved: a person decides",
    "vanished": "gone on LAPOR: marked, kept",
}


def plan(
    found: Iterable[Planned],
    *,
    mirrored_at: str | None,
    zone: ZoneInfo,
    observe: bool,
    missing: Sequence[str],
    pause: Json | None = None,
) -> None:
    """The three sides of each report that is not at rest, and what would follow."""
    rows = (
        (
            plain(one.tracking_id),
            *(shade(side) for side in (one.lapor, one.city, one.agreed)),
            _DECIDED[one.decision],
            _then(one.next, zone) if one.next else "-",
        )
        for one in found
    )
    empty = "Nothing to do: all sides agree, and no delivery is under way."
    table(("Tracking ID", "LAPOR", "City", "Agreed", "Decision", "Next delivery"), rows, empty=empty)
    advise(f"\nBy what was mirrored until {moment(mirrored_at, zone)}; each report is read again right before.")
    if observe:
        say("LAPOR_SYNC_OBSERVE is set: nothing leaves.")
    elif missing:
        say(f"This shell has no {', '.join(missing)}; the daemon sends with its own settings.")
    say_paused(pause, zone)


_STEPS = {
    "send": "send it",
    "confirm": "it stands there already: sent",
    "hold": "hold it",
    "read_back": "look whether it arrived",
    "person": "held: a person decides",
    "wait": "wait",
}


def _then(step: Next, zone: ZoneInfo) -> str:
    said = f"wait until {moment(step.at, zone)}" if step.at else _STEPS[step.step]
    tells = step.reason if step.step in {"hold", "person", "wait"} else None
    because = f" ({why(tells, step.why)})" if tells or step.why else ""
    behind = f", {step.behind} behind it" if step.behind else ""
    return f"{step.one.ref} {step.one.delivery.kind}: {said}{because}{behind}"


# The check.


def check(lines: Iterable[Line]) -> int:
    """Each question with its answer as it comes; the exit code: 0, 1, or 2 where the settings are wrong."""
    verdicts, room = [], output.columns()
    for line in lines:
        verdicts.append(line)
        cells = (shade(line.verdict), plain(line.question), plain(line.answer))
        say(layout((5, 36, width(cells[-1])), room)(cells))
        for at, part in enumerate(fold(plain(line.todo), room and room - 14) if line.todo else ()):
            say(f"       {bold('To do:') if at == 0 else '      '} {part}")
    wrong = [line for line in verdicts if line.verdict == "WRONG"]
    looks = sum(line.verdict == "look" for line in verdicts)
    say(f"\n{_summary(len(wrong), looks)}")
    return 2 if any(line.is_setting for line in wrong) else int(bool(wrong))


def _summary(wrong: int, looks: int) -> str:
    more = f"; {looks} to look at" if looks else ""
    if wrong:
        return f"{wrong} wrong{more}. Nothing was changed."
    return f"Nothing is wrong{more}. Nothing was changed."


# Progress.


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int | None], None]]:
    """A bar on a terminal, plain lines elsewhere; on standard error. Call it with (done, total or None)."""
    if not sys.stderr.isatty():
        yield _plain_progress(what)
        return
    with click.progressbar(count(), label=plain(what), show_pos=True, file=sys.stderr) as bar:

        def tell(done: int, total: int | None) -> None:
            bar.length = total
            bar.update(done - bar.pos)

        yield tell


def _plain_progress(what: str) -> Callable[[int, int | None], None]:
    told = 0

    def tell(done: int, total: int | None) -> None:
        nonlocal told
        if done // 1000 > told or done == total:
            told = done // 1000
            say(f"{what}: {done}" + (f" of {total}" if total else ""), err=True)

    return tell
