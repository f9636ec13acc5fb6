"""Sending what waits: what is about to leave is written down before, what came of it after.

What was on its way when a process died may have arrived: it is in doubt, shown, and never sent again by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from itertools import groupby

from lapor_sync.domain import notices as rules
from lapor_sync.domain.errors import Defect, NoticeInDoubt, NoticeNotTaken
from lapor_sync.domain.notices import NoticeKind
from lapor_sync.domain.ports import Clock, Sender
from lapor_sync.domain.waits import doubled, jittered
from lapor_sync.mirror.mirror import Mirror
from lapor_sync.store import channels, notices
from lapor_sync.store.channels import Channel
from lapor_sync.store.database import Work
from lapor_sync.store.notices import Notice
from lapor_sync.words import notices_id as words
from lapor_sync.words.notices_id import Message, Place


def send_waiting(
    mirror: Mirror,
    sender: Sender,
    clock: Clock,
    place: Place,
    *,
    spread: Callable[[], float],
    step: Callable[[str], None],
    stopping: Callable[[], bool],
) -> int:
    """Send what is due, one message after another; how many the channels took."""
    _recover(mirror)
    with mirror.store.reading() as work:
        bundles = _bundles(work)
    return sum(_send(mirror, sender, clock, place, one, spread, step) for one in bundles if not stopping())


def _recover(mirror: Mirror) -> None:
    """One thread of one process sends: what is on its way when it looks, nobody sends any more."""
    with mirror.store.reading() as work:
        if not notices.is_any_sending(work):
            return
    with mirror.store.work() as work:
        count = notices.recover(work)
    mirror.log.warning("notices_in_doubt", count=count, reason="killed")


def _bundles(work: Work) -> list[list[Notice]]:
    """What leaves together now: of a channel each digest by itself, and all else that is due."""
    waiting = sorted(notices.waiting(work), key=lambda one: (one.channel, int(one.id)))
    found: list[list[Notice]] = []
    for channel, mine in groupby(waiting, key=lambda one: one.channel):
        known = list(mine)
        found += [[one] for one in known if one.kind is NoticeKind.DIGEST]
        rest = [one for one in known if one.kind is not NoticeKind.DIGEST]
        if rest and rules.not_before(rest[0].kind, work.now, notices.last_left(work, channel)) <= work.now:
            found.append(rest)
    return found


def _send(
    mirror: Mirror,
    sender: Sender,
    clock: Clock,
    place: Place,
    bundle: Sequence[Notice],
    spread: Callable[[], float],
    step: Callable[[str], None],
) -> bool:
    """Send one message; whether the channel took it."""
    ids, name = [one.id for one in bundle], bundle[0].channel
    with mirror.store.work() as work:
        to = None if name.startswith(rules.TECHNICAL) else channels.get(work, name)
        if to is None and not name.startswith(rules.TECHNICAL):
            notices.give_up(work, ids, "no_channel")
            return False
        if not notices.claim(work, ids):
            raise Defect("a notice that waited was claimed by somebody else")
    step("notice_claimed")
    try:
        _leave(sender, to, name, message(bundle, place))
    except NoticeNotTaken as error:
        _not_taken(mirror, clock, bundle, error, spread)
        return False
    except NoticeInDoubt as error:
        with mirror.store.work() as work:
            notices.in_doubt(work, ids, error.reason)
        mirror.log.warning("notices_in_doubt", count=len(ids), reason=error.reason)
        return False
    step("notice_left")
    with mirror.store.work() as work:
        notices.sent(work, ids)
    mirror.log.info("notice_sent", count=len(ids), kind=bundle[0].kind)
    return True


def _leave(sender: Sender, to: Channel | None, name: str, what: Message) -> None:
    if to is None:
        sender.send_technical(int(name.removeprefix(rules.TECHNICAL)), what.subject, what.text)
    else:
        sender.send(to.address, what.subject, what.text, to.kind)


def message(bundle: Sequence[Notice], place: Place) -> Message:
    """Return what is sent for these notices of one channel."""
    first = bundle[0]
    if first.kind is NoticeKind.DIGEST:
        return words.digest(first.facts, date.fromisoformat(first.key.removeprefix("digest/")), place)
    told = [(one.kind, one.facts) for one in bundle]
    return words.happened(told, place, is_personal=first.person_id is not None)


def _not_taken(
    mirror: Mirror, clock: Clock, bundle: Sequence[Notice], error: NoticeNotTaken, spread: Callable[[], float]
) -> None:
    """It is tried again, later each time, for a day."""
    now = clock.now()
    over = [one.id for one in bundle if rules.is_given_up(one.made_at, now)]
    with mirror.store.work() as work:
        notices.give_up(work, over, error.reason)
        for one in bundle:
            if one.id not in over:
                pause = jittered(doubled(rules.FIRST_PAUSE, one.tries + 1, rules.LONGEST_PAUSE), spread())
                notices.try_later(work, one, now + timedelta(seconds=pause), error.reason)
    if over:
        mirror.log.error(
            "notices_given_up", count=len(over), reason=error.reason, what=error.what, todo=error.todo
        )
    elif not bundle[0].tries:
        mirror.log.warning("notice_not_taken", count=len(bundle), reason=error.reason, what=error.what)
