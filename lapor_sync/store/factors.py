"""Second factors, recovery codes, and sign-ins that are half done. Each of one agency; of tokens and codes the hash."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, func, insert, or_, select, update

from lapor_sync.domain.people import FactorKind
from lapor_sync.store.database import Work
from lapor_sync.store.schema import factor, half_sign_in, recovery_code, session
from lapor_sync.store.times import from_text, to_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Factor:
    """A second factor. `secret`: of a TOTP it is sealed, of a passkey its public key."""

    id: str
    kind: FactorKind
    name: str
    secret: str
    credential_id: str | None
    counter: int
    made_at: datetime
    last_used_at: datetime | None


def of(work: Work, person_id: str) -> tuple[Factor, ...]:
    """Return a person's factors, the first made first."""
    query = select(factor).where(*_of_person(work, person_id)).order_by(factor.c.id)
    return tuple(map(_as_factor, work.conn.execute(query)))


def has_one(work: Work, person_id: str) -> bool:
    """Return whether a person has a second factor."""
    return work.conn.execute(select(factor.c.id).where(*_of_person(work, person_id)).limit(1)).first() is not None


def _of_person(work: Work, person_id: str) -> tuple[ColumnElement[bool], ...]:
    return (factor.c.agency == work.agency, factor.c.person_id == int(person_id))


def _as_factor(row: Row[Any]) -> Factor:
    return Factor(
        id=str(row.id),
        kind=FactorKind(row.kind),
        name=row.name,
        secret=row.secret,
        credential_id=row.credential_id,
        counter=row.counter,
        made_at=from_text(row.made_at),
        last_used_at=from_text(row.last_used_at),
    )


def add(
    work: Work,
    person_id: str,
    kind: FactorKind,
    *,
    name: str,
    secret: str,
    counter: int,
    credential_id: str | None = None,
) -> str:
    """Give a person a factor; its id."""
    row = {"agency": work.agency, "person_id": int(person_id), "kind": kind, "name": name, "secret": secret}
    row |= {"credential_id": credential_id, "counter": counter, "made_at": work.at}
    return str(work.conn.execute(insert(factor).values(row).returning(factor.c.id)).scalar_one())


def is_known(work: Work, credential_id: str) -> bool:
    """Return whether somebody has that passkey."""
    which = (factor.c.agency == work.agency, factor.c.credential_id == credential_id)
    return work.conn.execute(select(factor.c.id).where(*which)).first() is not None


def use(work: Work, factor_id: str, counter: int, *, may_stay: bool = False) -> bool:
    """Note that a factor was used with this counter; False where that one, or a later one, was used before."""
    later = factor.c.counter <= counter if may_stay else factor.c.counter < counter
    which = (factor.c.agency == work.agency, factor.c.id == int(factor_id), later)
    done = update(factor).where(*which).values(counter=counter, last_used_at=work.at)
    return work.conn.execute(done).rowcount == 1


def remove(work: Work, person_id: str, factor_id: str | None = None) -> int:
    """Take a factor from a person, or all of them; how many there were."""
    which = _of_person(work, person_id)
    if factor_id is not None:
        which = (*which, factor.c.id == (int(factor_id) if factor_id.isdecimal() and len(factor_id) < 19 else -1))
    return work.conn.execute(delete(factor).where(*which)).rowcount


# Recovery codes.


def put_codes(work: Work, person_id: str, hashes: Iterable[str]) -> None:
    """Give a person these codes in the place of those that they have."""
    remove_codes(work, person_id)
    rows = [
        {"agency": work.agency, "code_hash": one, "person_id": int(person_id), "made_at": work.at}
        for one in hashes
    ]
    work.conn.execute(insert(recovery_code), rows)


def remove_codes(work: Work, person_id: str) -> None:
    """Take every recovery code from a person."""
    which = (recovery_code.c.agency == work.agency, recovery_code.c.person_id == int(person_id))
    work.conn.execute(delete(recovery_code).where(*which))


def use_code(work: Work, person_id: str, code_hash: str) -> bool:
    """Use a code up; False where it is none of the person's, or was used."""
    which = (*_unused(work, person_id), recovery_code.c.code_hash == code_hash)
    return work.conn.execute(update(recovery_code).where(*which).values(used_at=work.at)).rowcount == 1


def codes_left(work: Work, person_id: str) -> int:
    """Return how many recovery codes a person has that were not used."""
    query = select(func.count()).select_from(recovery_code).where(*_unused(work, person_id))
    return int(work.conn.execute(query).scalar_one())


def _unused(work: Work, person_id: str) -> tuple[ColumnElement[bool], ...]:
    mine = (recovery_code.c.agency == work.agency, recovery_code.c.person_id == int(person_id))
    return (*mine, recovery_code.c.used_at.is_(None))


# Sign-ins that are half done.


@dataclass(frozen=True, slots=True, kw_only=True)
class Half:
    """A sign-in that is half done; `person_id` None until the single sign-on has said who it is."""

    person_id: str | None
    origin: str
    begun_at: datetime
    challenge: str | None
    verifier: str | None


def begin(
    work: Work,
    token_hash: str,
    *,
    person_id: str | None,
    origin: str,
    challenge: str | None = None,
    verifier: str | None = None,
) -> None:
    """Note a sign-in that is half done from now on."""
    row = {"token_hash": token_hash, "person_id": int(person_id) if person_id else None, "origin": origin}
    row |= {"begun_at": work.at, "challenge": challenge, "verifier": verifier}
    work.conn.execute(insert(half_sign_in).values(agency=work.agency, **row))


def half_of(work: Work, token_hash: str) -> Half | None:
    """Return what is half done by that token, and not ended."""
    row = work.conn.execute(select(half_sign_in).where(*_half(work, token_hash))).first()
    if row is None:
        return None
    return Half(
        person_id=None if row.person_id is None else str(row.person_id),
        origin=row.origin,
        begun_at=from_text(row.begun_at),
        challenge=row.challenge,
        verifier=row.verifier,
    )


def put_challenge(work: Work, token_hash: str, challenge: str) -> None:
    """Let this be the challenge that is to be answered."""
    work.conn.execute(update(half_sign_in).where(*_half(work, token_hash)).values(challenge=challenge))


def end(work: Work, token_hash: str) -> bool:
    """End it; False where it was ended before."""
    done = update(half_sign_in).where(*_half(work, token_hash)).values(ended_at=work.at)
    return work.conn.execute(done).rowcount == 1


def is_noted(work: Work, token_hash: str) -> bool:
    """Return whether it is there still, ended or not: a new link or password takes away what was begun before."""
    which = (half_sign_in.c.agency == work.agency, half_sign_in.c.token_hash == token_hash)
    return work.conn.execute(select(half_sign_in.c.begun_at).where(*which)).first() is not None


def end_of(work: Work, person_id: str) -> None:
    """End what is half done of a person."""
    mine = (half_sign_in.c.agency == work.agency, half_sign_in.c.person_id == int(person_id))
    work.conn.execute(delete(half_sign_in).where(*mine))


def end_all(work: Work) -> None:
    """End everything that is half done."""
    work.conn.execute(delete(half_sign_in).where(half_sign_in.c.agency == work.agency))


def _half(work: Work, token_hash: str) -> tuple[ColumnElement[bool], ...]:
    mine = (half_sign_in.c.agency == work.agency, half_sign_in.c.token_hash == token_hash)
    return (*mine, half_sign_in.c.ended_at.is_(None))


def forget(work: Work, person_id: str) -> None:
    """Keep nothing of a person's factors, codes and sign-ins that are half done."""
    for table in (factor, recovery_code, half_sign_in):
        work.conn.execute(delete(table).where(table.c.agency == work.agency, table.c.person_id == int(person_id)))


def forget_half(work: Work, before: datetime, after: datetime) -> None:
    """Forget what was begun before then, or after: by a clock that is wrong."""
    old = or_(half_sign_in.c.begun_at <= to_text(before), half_sign_in.c.begun_at > to_text(after))
    work.conn.execute(delete(half_sign_in).where(half_sign_in.c.agency == work.agency, old))


# Proofs.


def proved_at(work: Work, session_id: str) -> datetime | None:
    """Return when password or factor was given last in a session."""
    which = (session.c.agency == work.agency, session.c.id == session_id, session.c.ended_at.is_(None))
    return from_text(work.conn.execute(select(session.c.proved_at).where(*which)).scalar())


def prove(work: Work, session_id: str) -> None:
    """Password or factor is given now in that session."""
    which = (session.c.agency == work.agency, session.c.id == session_id)
    work.conn.execute(update(session).where(*which).values(proved_at=work.at))
