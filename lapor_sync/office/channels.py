"""Where a person is told things: an address is theirs once a code that was sent there came back.

An address may lead back into the account one day, so it is added and taken away only by who proved just now who they
are.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterable
from datetime import timedelta

from lapor_sync.domain import sessions
from lapor_sync.domain.errors import NoticeError
from lapor_sync.domain.notices import AT_FIRST, CHOSEN, NoticeKind, address_of
from lapor_sync.domain.people import SignedIn, by_oneself
from lapor_sync.domain.ports import Sender
from lapor_sync.domain.refusals import Code, Refused
from lapor_sync.office import factors
from lapor_sync.office import people as accounts
from lapor_sync.store import channels, people
from lapor_sync.store.channels import Channel
from lapor_sync.store.database import Store, Work
from lapor_sync.words import notices_id as words
from lapor_sync.words.notices_id import Place

MOST = 5
"""So many channels a person has at most."""
CODE_LASTS = timedelta(hours=1)
TRIES = 5
"""Wrong ones of a code; then another one is asked for."""


def add(store: Store, sender: Sender, who: SignedIn, place: Place, *, kind: str, address: str) -> None:
    """Keep an address, and send a code there. Raises Refused."""
    found = address_of(kind, address) if kind in sender.kinds else None
    if found is None:
        raise Refused(Code.ADDRESS_UNUSABLE)
    if not factors.is_proved(store, who):
        raise Refused(Code.PROVE_AGAIN)
    number = f"{secrets.randbelow(10**6):06}"
    with store.work(by_oneself(who.person_id)) as work:
        _count(work, who)
        mine = channels.of_person(work, who.person_id)
        known = next((one for one in mine if (one.kind, one.address) == (kind, found)), None)
        if known is None and len(mine) >= MOST:
            raise Refused(Code.TOO_MANY_CHANNELS, most=MOST)
        made = known.id if known else channels.add(work, who.person_id, kind, found, AT_FIRST)
        channels.put_code(work, made, _hash(made, number))
        work.note("channel_added", f"person {who.person_id}", kind=kind, channel=made)
    message = words.code(number, place)
    try:
        sender.send(found, message.subject, message.text, kind)
    except NoticeError as error:
        raise Refused(Code.CODE_NOT_SENT) from error


def _count(work: Work, who: SignedIn) -> None:
    """Codes go to addresses that are perhaps somebody else's: ever more rarely. Raises Refused."""
    account = accounts.hash_of(f"channels of {who.person_id}")
    pause = sessions.pause(people.tries(work, account=account), sessions.OF_CODE, work.now)
    if pause:
        raise Refused(Code.SLOW_DOWN, seconds=pause)
    people.add_try(work, account, f"session {who.session_id}")


def _hash(channel_id: str, number: str) -> str:
    return accounts.hash_of(f"channel {channel_id} {number}")


def verify(store: Store, who: SignedIn, channel_id: str, number: str) -> None:
    """Let the code prove that the address is theirs. Raises Refused."""
    typed = "".join(char for char in number[:50] if char.isdecimal())
    with store.work(by_oneself(who.person_id)) as work:
        one = _mine(work, who, channel_id)
        is_over = one.code_at is None or not timedelta(0) <= work.now - one.code_at < CODE_LASTS
        is_right = hmac.compare_digest(one.code_hash or "", _hash(one.id, typed))
        if is_right and not is_over and one.tries < TRIES:
            channels.verify(work, one.id)
            work.note("channel_verified", f"person {who.person_id}", kind=one.kind, channel=one.id)
            return
        channels.count_try(work, one.id)
    raise Refused(Code.CHANNEL_CODE_WRONG)


def choose(store: Store, who: SignedIn, channel_id: str, wanted: Iterable[str]) -> None:
    """Let these kinds of notices go to a channel. Raises Refused."""
    chosen = frozenset(wanted)
    with store.work(by_oneself(who.person_id)) as work:
        one = _mine(work, who, channel_id)
        kinds: list[NoticeKind] = [kind for kind in CHOSEN if kind.value in chosen]
        channels.put_wants(work, one.id, kinds)
        work.note("channel_chosen", f"person {who.person_id}", channel=one.id, kinds=sorted(kinds))


def remove(store: Store, who: SignedIn, channel_id: str) -> None:
    """Take a channel away. Raises Refused."""
    if not factors.is_proved(store, who):
        raise Refused(Code.PROVE_AGAIN)
    with store.work(by_oneself(who.person_id)) as work:
        one = _mine(work, who, channel_id)
        channels.remove(work, one.id)
        work.note("channel_removed", f"person {who.person_id}", kind=one.kind, channel=one.id)


def _mine(work: Work, who: SignedIn, channel_id: str) -> Channel:
    found = channels.get(work, channel_id)
    if found is None or found.person_id != who.person_id:
        raise Refused(Code.CHANNEL_UNKNOWN)
    return found
