"""A lost password, without an admin: a one-time link goes to the e-mail address that the person proved to be theirs.

Whoever asks is told nothing of whether an account or an address is there. Asking is counted and answered the same for
every name that is typed; all that depends on the account is done afterwards, where nobody waits for it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

from lapor_sync.domain import people as rules
from lapor_sync.domain import sessions
from lapor_sync.domain.notices import EMAIL
from lapor_sync.domain.people import by_oneself
from lapor_sync.domain.ports import Sender
from lapor_sync.office import people as accounts
from lapor_sync.store import channels, people
from lapor_sync.store.database import Store
from lapor_sync.words import notices_id as words
from lapor_sync.words.notices_id import Place


def ask(store: Store, sign_in: str, *, address: str | None) -> None:
    """Count somebody's wish for a link, by the name that was typed and by where it came from. Raises Refused."""
    known_as, origin = rules.sign_in_of(sign_in) or "", sessions.origin_of(address)
    account = accounts.hash_of(f"lost password of {known_as}")
    with store.work() as work:
        one = people.by_sign_in(work, known_as)
        accounts.refuse_haste(work, one, account, origin, sessions.OF_LOST)
        accounts.refuse_crowd(work, one, origin)
        people.add_try(work, account, origin)


def mail_link(store: Store, sender: Sender, sign_in: str, place: Place, url_of: Callable[[str], str]) -> None:
    """Send the person of that name a link; where they have no address that is proved, do nothing.

    `url_of` gives the address of a link's token. Raises NoticeError where the mail did not leave: then the link is
    known to nobody.
    """
    with store.reading() as work:
        one = people.by_sign_in(work, rules.sign_in_of(sign_in) or "")
        mail = channels.verified_mail(work, one.id) if one is not None else None
    if one is None or mail is None:
        return
    token = secrets.token_urlsafe(32)
    with store.work(by_oneself(one.id)) as work:
        over_at = work.now + sessions.MAILED_LINK_LASTS
        people.add_mailed_link(work, one.id, accounts.hash_of(token), over_at)
        work.note("link_mailed", f"person {one.id}")
    message = words.lost_password(url_of(token), place)
    sender.send(mail, message.subject, message.text, EMAIL)
