"""Passwords as they are kept: by Argon2id, a hash at a time. Nobody ever types another's, and nothing tells one."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import Lock

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from lapor_sync.domain.passwords import canonical
from lapor_sync.domain.refusals import Code, Refused

PATIENCE = 30.0
"""Seconds for which one waits for its turn: fifty officers at once all have it by then."""

COME_BACK = 10
"""Seconds after which one may ask again who did not have it."""

_hasher = PasswordHasher(time_cost=3, memory_cost=19 * 1024, parallelism=1)
"""OWASP's first choice for Argon2id is 2 passes over 19 MiB. RFC 9106 has 3 over 64 for smaller machines, which
would nearly double what the board holds."""
_one = Lock()
"""A hash at a time: it takes 19 MiB and the work of a core, and the smallest server has two; pages have the other."""


@contextmanager
def turn() -> Iterator[None]:
    """Take the turn. Raises Refused where it does not come."""
    if not _one.acquire(timeout=PATIENCE):
        raise Refused(Code.SIGN_IN_BUSY, seconds=COME_BACK)
    try:
        yield
    finally:
        _one.release()


def hashed(password: str) -> str:
    """Return the hash that is kept. The caller has a turn."""
    return _hasher.hash(canonical(password))


def is_right(password: str, kept: str | None) -> bool:
    """Return whether it is the password of that hash; of None it is not, which takes as long. The caller has a turn."""
    try:
        return _hasher.verify(kept or _of_nobody(), canonical(password)) and kept is not None
    except (VerificationError, InvalidHashError):
        return False


def renewed(password: str, kept: str) -> str:
    """Return the hash that is kept from now on: another one where this was made with less work than is asked now."""
    if not _hasher.check_needs_rehash(kept):
        return kept
    with turn():
        return hashed(password)


@cache
def _of_nobody() -> str:
    """A hash that no password has."""
    return _hasher.hash(secrets.token_hex())
