"""Signing in by the city's single sign-on. Nobody is made by it: who comes must have been bound to it before.

A person is bound by themself, with their password, or by an invitation, in whose place the sign-on then stands. The
posts come from here, and a second factor is asked for as after a password.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from lapor_sync.domain import sessions
from lapor_sync.domain.people import SignedIn, by_oneself
from lapor_sync.domain.refusals import Code, Refused
from lapor_sync.office import people as accounts
from lapor_sync.store import factors, people
from lapor_sync.store.database import Store
from lapor_sync.store.factors import Half

BEGINS = "sso."
"""How the token of a sign-on begins: it is none of a sign-in that is half done."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the issuer is asked with: the question's token, its nonce, and PKCE's verifier."""

    token: str
    nonce: str
    verifier: str


def begin(store: Store, address: str | None, person_id: str | None = None) -> Asked:
    """Return what to ask the issuer with; whoever comes back is bound to this person, if one is named."""
    asked = Asked(BEGINS + secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(48))
    with store.work() as work:
        accounts.sweep(work)
        factors.begin(
            work,
            accounts.hash_of(asked.token),
            person_id=person_id,
            origin=sessions.origin_of(address),
            challenge=asked.nonce,
            verifier=asked.verifier,
        )
    return asked


def begin_to_bind(store: Store, who: SignedIn, password: str, address: str | None) -> Asked:
    """The same for somebody who is signed in, and proves once more that it is them. Raises Refused."""
    accounts.prove_by_password(store, who, password)
    return begin(store, address, who.person_id)


def begin_by_link(store: Store, link: str, address: str | None) -> Asked:
    """The same for whom an invitation is for. Raises Refused."""
    return begin(store, address, accounts.invitee(store, link).id)


def take(store: Store, token: str) -> Half:
    """Return the question that this token is of, and end it: nobody comes back twice. Raises Refused."""
    key = accounts.hash_of(token)
    with store.work() as work:
        accounts.sweep(work)
        half = factors.half_of(work, key) if token.startswith(BEGINS) else None
        if half is None or not factors.end(work, key):
            raise Refused(Code.SIGN_ON_FAILED)
        return half


def enter(store: Store, token: str, half: Half, subject: str) -> str:
    """Return the token of a session of whom the issuer named, or of one that is half begun. Raises Refused.

    `half` is what was taken by `token`: it may have been ended while the issuer was asked.
    """
    with store.reading() as work:
        known = people.by_sign_on(work, subject)
        one = people.get(work, half.person_id) if half.person_id is not None else known
    if one is None:
        raise Refused(Code.SIGN_ON_UNKNOWN)
    if known is not None and known.id != one.id:
        raise Refused(Code.SIGN_ON_TAKEN)
    with store.work(by_oneself(one.id)) as work:
        if not factors.is_noted(work, accounts.hash_of(token)):
            raise Refused(Code.SIGN_ON_FAILED)
        if half.person_id is None and people.by_sign_on(work, subject) is None:  # it was given away meanwhile
            raise Refused(Code.SIGN_ON_UNKNOWN)
        if known is None:
            people.put_sign_on(work, one.id, subject)
            people.end_links(work, one.id)
            work.note("sign_on_bound", f"person {one.id}")
        return accounts.go_on(work, one.id, half.origin, by="single_sign_on")
