"""The numbers of PostgreSQL's advisory locks: constants for the whole database, a hash for an agency."""

from __future__ import annotations

import hashlib
from functools import cache

WHOLE = 0x1A907A0C
"""Of a session: its agency's worker shares it, who must be alone has it alone."""

TURN = 0x1A907A0D
"""Of a transaction: every writer shares it, a migration has it alone."""

MIGRATION = 0x1A905C4E
"""Of a transaction: two processes that migrate at once take turns."""


@cache
def key_of(what: str, agency: str) -> int:
    """Return the number of an agency's lock: 64 bits of a hash, the same wherever the program runs."""
    digest = hashlib.sha256(f"lapor-sync {what} {agency}".encode()).digest()
    return int.from_bytes(digest[:8], signed=True)
