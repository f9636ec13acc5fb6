"""Making notices: of the audit's rows past a mark, of the day's tasks, of troubles that begin and end.

A row, and the mark that says how far was looked, are written in one transaction: nothing is told twice, nothing is
passed over, wherever a process dies.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time, timedelta

from lapor_sync.domain import notices as rules
from lapor_sync.domain.calendar import WorkingDays
from lapor_sync.domain.colour import City, WaitingOn
from lapor_sync.domain.delivery import State
from lapor_sync.domain.notices import Health, Lot, NoticeKind, Part, Reader, Told
from lapor_sync.domain.people import Post, Role
from lapor_sync.domain.ports import Clock, Sender
from lapor_sync.mirror.mirror import Mirror
from lapor_sync.store import (
    attendance,
    audit,
    backup,
    channels,
    conflicts,
    institutions,
    marks,
    notices,
    outages,
    outbox,
    people,
    quarantine,
    queries,
)
from lapor_sync.store.attendance import Unattended
from lapor_sync.store.database import Work
from lapor_sync.store.marks import Mark
from lapor_sync.store.queries import Pile, Row, Within
from lapor_sync.words import notices_id as words

A_TIME = 500
"""So many audit rows are looked at in one transaction."""
SOON = 2
"""Working days: what is due by the end of them is told before."""
KEPT = timedelta(days=90)
"""Notices that ended are kept for so long."""
STUCK_MOST = 200

Free = Callable[[], float | None]
"""The share of the machine's disk that is free, where it is known."""


def compose(mirror: Mirror, sender: Sender, clock: Clock, digest_at: time, free: Free) -> None:
    """Make the rows of all that is to be told by now."""
    while _of_what_happened(mirror, sender):
        pass
    _of_the_day(mirror, clock, digest_at)
    _of_troubles(mirror, sender, clock, free)


# What happened.


def _of_what_happened(mirror: Mirror, sender: Sender) -> bool:
    """Make the notices of the next audit rows; whether there were any. The first time, of none: what was, is known."""
    with mirror.store.reading() as work:
        mark, last = marks.get(work, Mark.NOTICED), audit.head(work.conn, work.agency).count
        if mark is not None and int(mark) == last:
            return False
        found = notices.happened_after(work, int(mark), A_TIME) if mark is not None else []
        refs = {str(ref) for one in found if (ref := one.facts.get("ref"))}
        by = notices.writers(work, refs) if refs else {}
        told = [_named(work, one) for row in found for one in rules.follows(row, by)]
        readers = channels.readers(work) if told else ()
    with mirror.store.work() as work:
        for one in told:
            _tell(work, one, readers, sender)
        marks.put(work, Mark.NOTICED, str(found[-1].seq if found else last))
    return bool(found)


def _named(work: Work, one: Told) -> Told:
    """A notice with what it says of posts; these have no names of people."""
    if one.kind is not NoticeKind.POSTS:
        return one
    names = institutions.names(work)
    held = [post for post_id in one.facts["posts"] if (post := people.get_post(work, str(post_id)))]
    return one._replace(facts={**one.facts, "posts": [[post.role, names.get(post.opd or "")] for post in held]})


def _tell(work: Work, one: Told, readers: Iterable[Reader], sender: Sender) -> None:
    for reader in readers:
        if reader.hears(one.kind, one.to):
            notices.add(work, reader.channel, reader.person_id, one.kind, one.key, one.facts)
    if one.kind is NoticeKind.SYSTEM:
        for number in range(sender.technical):
            notices.add(work, f"{rules.TECHNICAL}{number}", None, one.kind, one.key, one.facts)


# The digest.


def _of_the_day(mirror: Mirror, clock: Clock, at: time) -> None:
    days = mirror.rules.working_days
    now = clock.now()
    local = now.astimezone(days.timezone)
    with mirror.store.reading() as work:
        said = marks.get(work, Mark.DIGESTED)
        last = date.fromisoformat(said) if said else None
        if not rules.digest_is_due(local, at, last, is_working=days.is_working(local.date())):
            return
        readers = [one for one in channels.readers(work) if NoticeKind.DIGEST in one.kinds]
        made = [(one, rules.digest_of(_parts(work, one.posts, mirror.rules.city, days, now))) for one in readers]
    with mirror.store.work() as work:
        for one, facts in made:
            if facts is not None:
                key = f"digest/{local.date().isoformat()}"
                notices.add(work, one.channel, one.person_id, NoticeKind.DIGEST, key, facts)
        marks.put(work, Mark.DIGESTED, local.date().isoformat())
        notices.forget_old(work, work.now - KEPT)


def _parts(work: Work, posts: Iterable[Post], city: City, days: WorkingDays, now: datetime) -> dict[Part, Lot]:
    """What waits for somebody with these posts."""
    held = tuple(posts)
    own = frozenset(post.opd for post in held if post.role is Role.OFFICER and post.opd is not None)
    is_admin = any(post.role is Role.ADMIN for post in held)
    led = [post.opd for post in held if post.role is Role.LEADER]
    over = None if is_admin or None in led else frozenset(opd for opd in led if opd is not None)
    parts: dict[Part, Lot] = {}
    if own:
        _add(parts, _waiting(work, own, {WaitingOn.OPD}, days, now))
    if is_admin:
        _add(parts, _waiting(work, None, {WaitingOn.ADMIN, WaitingOn.VERIFIER}, days, now))
        parts[Part.QUESTIONS] = Lot(conflicts.count(work), False, ())
    if own or is_admin:
        stuck = outbox.of_opds(work, None if is_admin else own, (State.HELD, State.REFUSED), STUCK_MOST)
        some = _lot(dict.fromkeys(one.tracking_id for one in stuck.rows))
        parts[Part.STUCK] = some._replace(is_more=stuck.before is not None)
    if over is None or over:
        parts[Part.LONG_OVERDUE] = _long_overdue(work, over, days, now)
        parts[Part.UNATTENDED] = _unattended(work, city, over, days)
    return parts


def _waiting(
    work: Work, within: Within, turn: set[WaitingOn], days: WorkingDays, now: datetime
) -> dict[Part, Lot]:
    soon = days.due(now, SOON)
    local = now.astimezone(days.timezone)
    today = local.replace(hour=23, minute=59, second=59, microsecond=0)
    found = queries.tasks(work, within, waiting_on=turn, today=today, soon=soon, closing=soon, most=rules.SHOWN)
    piles = {
        Part.OVERDUE: found.overdue,
        Part.TODAY: found.today,
        Part.SOON: found.soon,
        Part.WROTE_AGAIN: found.wrote_again,
    }
    if within is not None:
        piles[Part.CLOSING] = found.closing
    return {part: _of_pile(part, pile, days) for part, pile in piles.items()}


def _no_day(row: Row) -> None:
    """Where the day goes without saying."""


_ENDS: Mapping[Part, Callable[[Row], datetime | None]] = {
    Part.OVERDUE: lambda row: row.due_at,
    Part.SOON: lambda row: row.due_at,
    Part.CLOSING: lambda row: row.auto_close_at,
}
"""The parts in which the day of each report is told."""


def _of_pile(part: Part, pile: Pile, days: WorkingDays) -> Lot:
    of = _ENDS.get(part, _no_day)
    ends = {row.tracking_id: days.day_of(end) for row in pile.rows if (end := of(row))}
    return Lot(pile.number.seen, pile.number.is_more, tuple(row.tracking_id for row in pile.rows), ends)


def _lot(ids: Iterable[str]) -> Lot:
    known = tuple(ids)
    return Lot(len(known), False, known)


def _add(parts: dict[Part, Lot], more: Mapping[Part, Lot]) -> None:
    """Who is both of an OPD and an admin reads one digest."""
    for part, lot in more.items():
        before = parts.get(part, Lot(0, False, ()))
        parts[part] = Lot(
            before.number + lot.number,
            before.is_more or lot.is_more,
            before.ids + lot.ids,
            {**before.days, **lot.days},
        )


def _long_overdue(work: Work, within: Within, days: WorkingDays, now: datetime) -> Lot:
    names = institutions.names(work)
    late = queries.late(work, within, days.last(now, rules.LONG))
    most = sorted(late.items(), key=lambda one: (-one[1], one[0] or ""))
    said = tuple(words.late_at(names.get(opd or "", opd), number) for opd, number in most)
    return Lot(sum(late.values()), False, said)


def _unattended(work: Work, city: City, within: Within, days: WorkingDays) -> Lot:
    found = [one for one in attendance.unattended(work, city) if within is None or one.post.opd in within]
    return _lot(_in_words(one, days) for one in found)


def _in_words(one: Unattended, days: WorkingDays) -> str:
    since = days.day_of(one.since) if one.since else None
    return words.unattended(one.post.role, one.opd_name, since, is_vacant=one.is_vacant)


# Troubles.


def _of_troubles(mirror: Mirror, sender: Sender, clock: Clock, free: Free) -> None:
    with mirror.store.reading() as work:
        before: dict[str, str] = json.loads(marks.get(work, Mark.TROUBLES) or "{}")
        seen = _health(work, mirror, clock, free)
        there = rules.troubles(seen, before, work.now)
        if there.keys() == before.keys():
            return
        readers = channels.readers(work)
    with mirror.store.work() as work:
        told, after = rules.turns(before, there, work.at)
        for one in told:
            _tell(work, one, readers, sender)
        marks.put(work, Mark.TROUBLES, json.dumps(after))
    for trouble in there.keys() - before.keys():
        mirror.log.warning("trouble_told", kind=trouble)


def _health(work: Work, mirror: Mirror, clock: Clock, free: Free) -> Health:
    now, outage = clock.now(), outages.current(work)
    today = mirror.rules.working_days.day_of(now)
    return Health(
        outage_since=outage.since if outage else None,
        is_denied=outage is not None and outage.is_denied,
        quarantined=quarantine.count_since(work, now - timedelta(days=1)),
        backup_since=backup.due_since(work),
        free=free(),
        next_year_known=mirror.rules.knows_joint_holidays(today.year + 1),
        month=today.month,
    )
