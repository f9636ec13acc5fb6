"""Second factors: a code by the clock, a passkey, recovery codes; the second half of a sign-in, and proofs within one.

A secret of a code is kept sealed with the board's own secret, so that a copy of the database alone makes no codes.
Recovery codes have 118 random bits, so a plain hash of them is enough. The library of passkeys takes 13 MB, that of
seals 8: each is loaded with the first of them.
"""

from __future__ import annotations

import base64
import hmac
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pyotp

from lapor_sync.domain import sessions
from lapor_sync.domain.people import Actor, FactorKind, SecondFactor, SignedIn, by_oneself
from lapor_sync.domain.refusals import Code, Refused
from lapor_sync.office import people as accounts
from lapor_sync.store import factors, people
from lapor_sync.store.database import Store, Work
from lapor_sync.store.factors import Factor, Half
from lapor_sync.store.people import Person

if TYPE_CHECKING:
    from joserfc.jwk import OctKey
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor

CODES = 10
"""So many recovery codes are made at a time."""

STEP = timedelta(seconds=30)
"""How long a code by the clock is shown. Source: RFC 6238, 5.2."""

_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # without those that are taken for others
_GROUPS, _IN_A_GROUP = 6, 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The board as factors know it: its secret; the host and origin of passkeys, None where browsers allow none."""

    secret: bytes = field(repr=False)
    title: str
    host: str | None = None
    origin: str = ""


# The second half of a sign-in.


def awaited(store: Store, token: str) -> tuple[FactorKind, ...]:
    """Return by which kinds of factor a sign-in goes on that is half done. Raises Refused where it is over."""
    with store.reading() as work:
        one, _ = _half(work, token)
        return tuple(dict.fromkeys(found.kind for found in factors.of(work, one.id)))


def _half(work: Work, token: str) -> tuple[Person, Half]:
    found = factors.half_of(work, accounts.hash_of(token)) if accounts.is_half(token) else None
    if found is None or found.person_id is None or sessions.half_is_over(found.begun_at, work.now):
        raise Refused(Code.HALF_OVER)
    one = people.get(work, found.person_id)
    if one is None:
        raise Refused(Code.HALF_OVER)
    return one, found


def enter_by_code(store: Store, place: Place, token: str, code: str) -> str:
    """Return the token of a new session. Raises Refused: CODE_WRONG, SLOW_DOWN, HALF_OVER."""
    with store.reading() as work:
        one, half = _half(work, token)
    _count(store, one, half.origin)
    with store.work(by_oneself(one.id)) as work:
        if (by := _use_code(work, place, one.id, code)) is not None:
            return _whole(work, token, one, half, by)
    raise Refused(Code.CODE_WRONG)


def _whole(work: Work, token: str, one: Person, half: Half, by: str) -> str:
    _half(work, token)  # it may have ended meanwhile
    factors.end(work, accounts.hash_of(token))
    wrong = _forgive(work, one, half.origin) - 1
    return accounts.begin_session(work, one.id, half.origin, by=by, wrong_tries=wrong)


def _count(store: Store, one: Person, origin: str) -> None:
    """Note a try before it is looked at. Raises Refused where a pause is due."""
    with store.work() as work:
        accounts.refuse_haste(work, one, _account(one), origin, sessions.OF_CODE)
        people.add_try(work, _account(one), origin)


def _forgive(work: Work, one: Person, origin: str) -> int:
    return people.forget_tries(work, account=_account(one), origin=origin)


def _account(one: Person) -> str:
    return accounts.hash_of(f"code of {one.id}")


def _use_code(work: Work, place: Place, person_id: str, code: str) -> str | None:
    """By what the code is the person's, and used up now; None where it is not."""
    typed = "".join(char for char in code[:200].lower() if char.isalnum())
    if len(typed) == 6 and typed.isascii() and typed.isdecimal():
        mine = (one for one in factors.of(work, person_id) if one.kind is FactorKind.TOTP)
        return FactorKind.TOTP if any(_is_next(work, place, one, typed) for one in mine) else None
    return "recovery_code" if factors.use_code(work, person_id, _code_hash(person_id, typed)) else None


def _is_next(work: Work, place: Place, one: Factor, typed: str) -> bool:
    key = _unsealed(place, "totp", one.secret)
    step = _step_of(key, typed, work.now) if key is not None else None
    return step is not None and factors.use(work, one.id, step)


def _step_of(key: str, typed: str, at: datetime) -> int | None:
    """The step of the clock at which the code is shown: this one, or one to either side."""
    totp = pyotp.TOTP(key)
    now = totp.timecode(at)
    near = (now, now - 1, now + 1)
    return next((step for step in near if hmac.compare_digest(totp.generate_otp(step), typed)), None)


def passkey_options(store: Store, place: Place, token: str) -> str:
    """Return what a browser is asked to sign, as JSON. Raises Refused."""
    with store.reading() as work:
        one, _ = _half(work, token)
        mine = _passkeys(work, one.id)
    import webauthn

    challenge = secrets.token_bytes(32)
    options = webauthn.generate_authentication_options(
        rp_id=place.host or "", challenge=challenge, allow_credentials=_descriptors(mine)
    )
    with store.work(by_oneself(one.id)) as work:
        factors.put_challenge(work, accounts.hash_of(token), _text(challenge))
    return webauthn.options_to_json(options)


def enter_by_passkey(store: Store, place: Place, token: str, signed: str) -> str:
    """Return the token of a new session. Raises Refused: PASSKEY_WRONG, SLOW_DOWN, HALF_OVER."""
    with store.reading() as work:
        one, half = _half(work, token)
    _count(store, one, half.origin)
    with store.work(by_oneself(one.id)) as work:
        if half.challenge and _is_signed(work, place, one.id, signed, _bytes(half.challenge)):
            return _whole(work, token, one, half, FactorKind.PASSKEY)
    raise Refused(Code.PASSKEY_WRONG)


def _is_signed(work: Work, place: Place, person_id: str, signed: str, challenge: bytes) -> bool:
    found = next((one for one in _passkeys(work, person_id) if one.credential_id == _credential_id(signed)), None)
    if found is None:
        return False
    import webauthn
    from webauthn.helpers.exceptions import WebAuthnException

    try:
        seen = webauthn.verify_authentication_response(
            credential=signed,
            expected_challenge=challenge,
            expected_rp_id=place.host or "",
            expected_origin=place.origin,
            credential_public_key=_bytes(found.secret),
            credential_current_sign_count=found.counter,
        )
    except (WebAuthnException, ValueError, TypeError, KeyError):
        return False
    return factors.use(work, found.id, seen.new_sign_count, may_stay=True)


def _credential_id(signed: str) -> str | None:
    try:
        found = json.loads(signed)["id"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return found.rstrip("=") if isinstance(found, str) else None


def _passkeys(work: Work, person_id: str) -> list[Factor]:
    return [one for one in factors.of(work, person_id) if one.kind is FactorKind.PASSKEY]


def _descriptors(passkeys: Sequence[Factor]) -> list[PublicKeyCredentialDescriptor]:
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor

    return [PublicKeyCredentialDescriptor(id=_bytes(one.credential_id or "")) for one in passkeys]


# Setting one up.


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTotp:
    """A secret for an app of codes: as an address for its camera, and as text; sealed, until a code proves it."""

    uri: str = field(repr=False)
    key: str = field(repr=False)
    sealed: str


def new_totp(place: Place, who: SignedIn) -> NewTotp:
    """Return a new secret; nothing is kept of it yet."""
    key = pyotp.random_base32()
    return _shown(place, who, key, _sealed(place, f"new totp {who.person_id}", key))


def totp_again(place: Place, who: SignedIn, sealed: str) -> NewTotp | None:
    """Return the same secret once more, for the form that is shown again; None where it is none of theirs."""
    key = _unsealed(place, f"new totp {who.person_id}", sealed)
    return _shown(place, who, key, sealed) if key is not None else None


def _shown(place: Place, who: SignedIn, key: str, sealed: str) -> NewTotp:
    uri = pyotp.TOTP(key).provisioning_uri(name=who.sign_in, issuer_name=place.title)
    return NewTotp(uri=uri, key=key, sealed=sealed)


def add_totp(store: Store, place: Place, who: SignedIn, sealed: str, code: str) -> list[str]:
    """Keep that secret, which a code of it proves; the recovery codes, if these are the first. Raises Refused."""
    key = _unsealed(place, f"new totp {who.person_id}", sealed)
    with store.work(by_oneself(who.person_id)) as work:
        _demand_proof(work, who)
        typed = "".join(code.split())
        step = _step_of(key, typed, work.now) if key is not None and typed.isascii() else None
        if key is None or step is None:
            raise Refused(Code.CODE_WRONG)
        kept = _sealed(place, "totp", key)
        factors.add(work, who.person_id, FactorKind.TOTP, name="", secret=kept, counter=step)
        return _added(work, who, FactorKind.TOTP)


def _added(work: Work, who: SignedIn, kind: FactorKind) -> list[str]:
    ended = people.end_sessions(work, who.person_id, but=who.session_id)
    work.note("factor_added", f"person {who.person_id}", kind=kind, sessions_ended=ended)
    return [] if factors.codes_left(work, who.person_id) else _new_codes(work, who.person_id)


def new_passkey(store: Store, place: Place, who: SignedIn) -> tuple[str, str]:
    """Return what a browser is asked to make, as JSON, and its challenge, sealed. Raises Refused."""
    with store.reading() as work:
        mine = _passkeys(work, who.person_id)
    import webauthn
    from webauthn.helpers.structs import AuthenticatorSelectionCriteria

    challenge = secrets.token_bytes(32)
    options = webauthn.generate_registration_options(
        rp_id=place.host or "",
        rp_name=place.title,
        user_id=f"{store.agency} {who.person_id}".encode(),
        user_name=who.sign_in,
        user_display_name=who.name,
        challenge=challenge,
        exclude_credentials=_descriptors(mine),
        authenticator_selection=AuthenticatorSelectionCriteria(),
    )
    return webauthn.options_to_json(options), _sealed(place, f"new passkey {who.session_id}", _text(challenge))


def add_passkey(store: Store, place: Place, who: SignedIn, sealed: str, made: str, name: str) -> list[str]:
    """Keep that passkey; the recovery codes, if these are the first. Raises Refused."""
    import webauthn
    from webauthn.helpers.exceptions import WebAuthnException

    challenge = _unsealed(place, f"new passkey {who.session_id}", sealed)
    with store.work(by_oneself(who.person_id)) as work:
        _demand_proof(work, who)
        try:
            seen = webauthn.verify_registration_response(
                credential=made,
                expected_challenge=_bytes(challenge or ""),
                expected_rp_id=place.host or "",
                expected_origin=place.origin,
            )
        except (WebAuthnException, ValueError, TypeError, KeyError):
            raise Refused(Code.PASSKEY_WRONG) from None
        credential_id = _text(seen.credential_id)
        if challenge is None or factors.is_known(work, credential_id):
            raise Refused(Code.PASSKEY_WRONG)
        factors.add(
            work,
            who.person_id,
            FactorKind.PASSKEY,
            name=" ".join(name.split())[:_LONGEST_NAME],
            secret=_text(seen.credential_public_key),
            counter=seen.sign_count,
            credential_id=credential_id,
        )
        return _added(work, who, FactorKind.PASSKEY)


_LONGEST_NAME = 60


def remove(store: Store, who: SignedIn, factor_id: str, setting: SecondFactor) -> None:
    """Take one of their factors away; the last one not from whom the setting demands one. Raises Refused."""
    with store.work(by_oneself(who.person_id)) as work:
        _demand_proof(work, who)
        mine = factors.of(work, who.person_id)
        found = next((one for one in mine if one.id == factor_id), None)
        if found is None:
            raise Refused(Code.FACTOR_UNKNOWN)
        if len(mine) == 1 and setting.is_due(people.posts_of(work, who.person_id)):
            raise Refused(Code.FACTOR_NEEDED)
        factors.remove(work, who.person_id, factor_id)
        if len(mine) == 1:
            factors.remove_codes(work, who.person_id)
        ended = people.end_sessions(work, who.person_id, but=who.session_id)
        work.note("factor_removed", f"person {who.person_id}", kind=found.kind, sessions_ended=ended)


def remove_all(store: Store, actor: Actor, sign_in: str) -> int:
    """Take every factor from somebody who lost them, and end their sessions; how many there were. Raises Refused."""
    with accounts.managing(store, actor) as work:
        one = accounts.person_of(work, sign_in)
        number = factors.remove(work, one.id)
        factors.remove_codes(work, one.id)
        factors.end_of(work, one.id)
        ended = people.end_sessions(work, one.id)
        work.note("factors_removed", f"person {one.id}", factors=number, sessions_ended=ended)
        return number


# Recovery codes.


def new_codes(store: Store, who: SignedIn) -> list[str]:
    """Return new recovery codes in the place of those before, to be shown this once. Raises Refused."""
    with store.work(by_oneself(who.person_id)) as work:
        _demand_proof(work, who)
        if not factors.has_one(work, who.person_id):
            raise Refused(Code.FACTOR_UNKNOWN)
        return _new_codes(work, who.person_id)


def _new_codes(work: Work, person_id: str) -> list[str]:
    made = ["".join(secrets.choice(_LETTERS) for _ in range(_GROUPS * _IN_A_GROUP)) for _ in range(CODES)]
    factors.put_codes(work, person_id, (_code_hash(person_id, one) for one in made))
    work.note("recovery_codes_made", f"person {person_id}", codes=len(made))
    return ["-".join(one[at : at + _IN_A_GROUP] for at in range(0, len(one), _IN_A_GROUP)) for one in made]


def _code_hash(person_id: str, typed: str) -> str:
    return accounts.hash_of(f"recovery code of {person_id}: {typed}")


# Proofs: whoever changes factors proves once more that it is the person, and not somebody at their open screen.


def is_proved(store: Store, who: SignedIn) -> bool:
    """Return whether password or factor was given of late in this session."""
    with store.reading() as work:
        return sessions.is_proved(factors.proved_at(work, who.session_id), work.now)


def _demand_proof(work: Work, who: SignedIn) -> None:
    if not sessions.is_proved(factors.proved_at(work, who.session_id), work.now):
        raise Refused(Code.PROVE_AGAIN)


def prove_again(store: Store, place: Place, who: SignedIn, *, password: str, code: str) -> None:
    """Let the person prove by password, or by a code, that it is them. Raises Refused."""
    origin = f"session {who.session_id}"
    if not code.strip():
        accounts.prove_by_password(store, who, password)
    else:
        with store.reading() as work:
            one = accounts.person_of(work, who.sign_in)
        _count(store, one, origin)
        with store.work(by_oneself(one.id)) as work:
            if _use_code(work, place, one.id, code) is None:
                raise Refused(Code.CODE_WRONG)
            _forgive(work, one, origin)
    with store.work(by_oneself(who.person_id)) as work:
        factors.prove(work, who.session_id)


# Sealing.


def _sealed(place: Place, purpose: str, text: str) -> str:
    from joserfc import jwe

    return jwe.encrypt_compact({"alg": "dir", "enc": "A256GCM"}, text.encode(), _key(place, purpose))


def _unsealed(place: Place, purpose: str, sealed: str) -> str | None:
    """What was sealed for that purpose; None where it was not, or with another secret."""
    from joserfc import jwe
    from joserfc.errors import JoseError

    try:
        plain = jwe.decrypt_compact(sealed, _key(place, purpose), algorithms=["dir", "A256GCM"]).plaintext
    except (JoseError, ValueError):
        return None
    return plain.decode() if plain is not None else None


def _key(place: Place, purpose: str) -> OctKey:
    from joserfc.jwk import OctKey

    return OctKey.import_key(hmac.digest(place.secret, f"seal {purpose}".encode(), "sha256"))


def _text(given: bytes) -> str:
    return base64.urlsafe_b64encode(given).rstrip(b"=").decode()


def _bytes(given: str) -> bytes:
    return base64.urlsafe_b64decode(given + "=" * (-len(given) % 4))
