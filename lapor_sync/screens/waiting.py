"""What waits, for a time or for a person: outbox, conflicts, quarantine; and what a restore brought."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lapor_sync.domain.delivery import Reason
from lapor_sync.domain.questions import MANY_VANISHED
from lapor_sync.interface import Json
from lapor_sync.output import plain
from lapor_sync.screens.overview import say_paused
from lapor_sync.screens.parts import advise, moment, table
from lapor_sync.words.en import REASONS

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from lapor_sync.app import Restored


def why(reason: str | None, upstream: str | None = None) -> str:
    """Return a reason's sentence, and what upstream said."""
    parts = (REASONS[Reason(reason)] if reason else "", plain(upstream) if upstream else "")
    before = "; before that " if reason in _BY_PERSON else ": "
    return before.join(filter(None, parts)) or "-"


_BY_PERSON = frozenset({Reason.CALLED_OFF, Reason.RETRIED, Reason.BY_PERSON})


def _stands(one: Json, zone: ZoneInfo) -> str:
    """Return why a delivery is where it is, and how it goes on."""
    told = why(one["reason"], one["why"])
    again = f"not found {one['tries']} times" if one["tries"] else ""
    following = f"next try {moment(one['next_try_at'], zone)}" if one["next_try_at"] else ""
    return "; ".join(filter(None, (again, following) if told == "-" else (told, again, following))) or "-"


def outbox(found: Sequence[Json], *, zone: ZoneInfo, filtered: str | None, pause: Json | None = None) -> None:
    """Show the outbox."""
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
    """Show what a restore brought, what would be sent now, and how it goes on."""
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
    if done.has_people:
        advise(
            "\nAccounts, passwords and posts are those of the backup, and everybody was signed out. Look at "
            "`lapor-sync people posts`: hand-overs since then are to be made once more."
        )
    advise(
        "\nDelivery is paused. Call off what must not go (`lapor-sync outbox cancel REF`), start the service, "
        "then: `lapor-sync outbox resume`."
    )


def conflicts(found: Sequence[Json], zone: ZoneInfo) -> None:
    """Show open conflicts."""
    rows = (
        (
            *(plain(one[key]) for key in ("id", "tracking_id", "ref")),
            moment(one["opened_at"], zone),
            plain(one["why"]),
        )
        for one in found
    )
    table(("Id", "Tracking ID", "Reference", "Since", "Why"), rows, empty="No conflict is open.")
    kinds = {one["kind"] == MANY_VANISHED for one in found}
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
    """Show what could not be read."""
    rows = ((plain(one["id"]), one["source"], moment(one["seen_at"], zone), plain(one["reason"])) for one in found)
    table(("Id", "Source", "Seen", "Reason"), rows, empty="Nothing is in quarantine.")
    if found:
        advise(
            "\nThe rest goes on; these are tried again each night. A field of LAPOR's may have changed its form."
        )
