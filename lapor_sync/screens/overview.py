"""The whole on one screen: `status`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from lapor_sync import output
from lapor_sync.domain.contract import Changed
from lapor_sync.domain.delivery import WhyPaused
from lapor_sync.interface import Json
from lapor_sync.layout import fold, width
from lapor_sync.output import plain, say, styled
from lapor_sync.screens.parts import advise, moment, shade
from lapor_sync.screens.people import post_words
from lapor_sync.store import outages
from lapor_sync.store.outages import Outage
from lapor_sync.words import en

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from lapor_sync.store.database import Work

_LONG = timedelta(hours=1)
_OLD_EXPORT = timedelta(days=3)
"""An export of Friday is still the newest on Monday morning."""


def recent_outages(work: Work) -> tuple[Outage, ...]:
    """Return the outages of the last seven days that are over."""
    found = outages.between(work, work.now - timedelta(days=7), work.now)
    return tuple(one for one in found if one.until is not None)


def status(
    found: Json,
    *,
    late: int,
    holder: str | None,
    outages: Sequence[Outage],
    changed: Changed | None,
    now: datetime,
    zone: ZoneInfo,
) -> None:
    """Show the whole on one screen, with what to do about what is wrong."""
    say("  ".join(f"{shade(name)} {n}" for name, n in found["colours"].items()))
    _fact("Overdue", late, "see `lapor-sync reports --overdue`" if late else "")
    waiting = ", ".join(f"{n} {state}" for state, n in found["outbox"].items() if n)
    for post in found["vacant"]:
        _fact("Kosong", _unattended(post, post["vacant_since"], zone))
    for post in found["quiet"]:
        _fact("Not seen", _unattended(post, post["quiet_since"], zone))
    if found["vacant"] or found["quiet"]:
        _fact("", "`lapor-sync people invite` or `lapor-sync people handover`")
    _fact("Outbox", waiting or "empty", "see `lapor-sync outbox`" if waiting else "")
    if found["paused"]:
        _fact("Delivery", styled(pause_words(found["paused"], zone), "kuning"), en.RESUME)
    _fact("Oldest wait", moment(found["oldest_waiting_at"], zone))
    _fact(
        "Conflicts", found["conflicts"], "a person decides: `lapor-sync conflicts`" if found["conflicts"] else ""
    )
    _fact("Quarantine", found["quarantine"], "see `lapor-sync quarantine`" if found["quarantine"] else "")
    _fact("Last success", moment(found["last_success_at"], zone), _stale(found["last_success_at"], now, holder))
    _fact("LAPOR", *_lapor(found, zone))
    if since := found["list_fails_since"]:
        lasts = styled(f"its list cannot be read since {moment(since, zone)}: new reports are not seen", "merah")
        _fact("List", lasts, "all else goes on; ask LAPOR's developers, and import an export meanwhile")
    if found["from_exports"]:
        _fact("New reports", *_from_exports(found["from_exports"]["newest_at"], now, zone))
    if said := en.contract(changed, now):
        since = moment(found["contract"]["changed_at"], zone)
        _fact("Contract", styled(f"LAPOR's answers changed on {since}: {said}", "kuning"), en.CONTRACT)
    for one in outages:
        _fact("Was away", f"{moment(one.since, zone)} to {moment(one.until, zone)}: {en.outage(one.what)}")
    _fact("At work", holder or "nobody", "" if holder else "start the service, or `lapor-sync --once`")
    _fact("Audit", f"{found['audit_rows']} rows, head", found["audit_head"])


def pause_words(pause: Json, zone: ZoneInfo) -> str:
    """Return since when, by whom and why nothing leaves."""
    why = en.PAUSED[WhyPaused(pause["why"])]
    return f"paused since {moment(pause['since'], zone)} by {plain(pause['by'])}{why}: nothing leaves"


def say_paused(pause: Json | None, zone: ZoneInfo) -> None:
    """Say below a list of what waits that it waits for a person."""
    if pause:
        advise(f"\nDelivery is {pause_words(pause, zone)}. {en.RESUME}")


def _fact(name: str, value: object, advice: str = "") -> None:
    room = output.columns()
    line = f"{name:13} {value}"
    if room is None or not advice or width(line) + 3 + width(advice) <= room:
        say(line + (f"   {advice}" if advice else ""))
        return
    say(line)
    for part in fold(advice, room - 14):
        say(" " * 14 + part)


def _unattended(post: Json, since: str | None, zone: ZoneInfo) -> str:
    ever = f"since {moment(since, zone)}" if since else "never held"
    return styled(f"{post_words(post)}, {ever}: {post['overdue']} overdue", "merah")


def _lapor(found: Json, zone: ZoneInfo) -> tuple[str, str]:
    if outage := found["outage"]:
        since = f"away since {moment(outage['since'], zone)}: {en.outage(outage['what'])}"
        return since, "goes on by itself; `lapor-sync check` tells what can be done"
    answered, succeeded = found["answered_at"], found["last_success_at"]
    if answered and (succeeded is None or answered >= succeeded):
        return "answers", ""
    if answered:
        return f"answered last at {moment(answered, zone)}", "nothing calls it now: see `lapor-sync check`"
    if succeeded:
        return "not called: no API account is set", "reports come from exports: `lapor-sync check`"
    return "no cycle went through yet", "begin with `lapor-sync check`"


def _from_exports(newest_at: str | None, now: datetime, zone: ZoneInfo) -> tuple[str, str]:
    advice = "drop the next export of the admin site in LAPOR_SYNC_IMPORT_DIR"
    if newest_at is None:
        return styled("not known: no list tells of them, and no export was taken yet", "merah"), advice
    said = f"known from the export of {moment(newest_at, zone)}; no list tells of later ones"
    is_old = now - datetime.fromisoformat(newest_at) > _OLD_EXPORT
    return styled(said, "merah") if is_old else said, advice


def _stale(last_success: str | None, now: datetime, holder: str | None) -> str:
    if last_success is None or now - datetime.fromisoformat(last_success) < _LONG:
        return ""
    return "long ago: see the log (journalctl -u lapor-sync)" if holder else "long ago: is the service running?"
