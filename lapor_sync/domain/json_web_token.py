"""A JSON Web Token (RFC 7519) as far as one who only carries it reads it: when it ends. Pure.

Its signature is for who asked for it.
"""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime


def ends_at(value: str) -> datetime | None:
    """Return the end (`exp`) of a JSON Web Token, with or without `Bearer ` before it; None for any other value."""
    parts = value.split()[-1:] or [""]
    _, _, rest = parts[0].partition(".")
    claims, dot, _ = rest.partition(".")
    try:
        said = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4))) if dot else None
        return datetime.fromtimestamp(said["exp"], UTC) if isinstance(said, dict) else None
    except (ValueError, KeyError, TypeError, OverflowError, OSError, RecursionError):
        return None  # no token of that kind, or one without an end


def unsigned(ends: datetime) -> str:
    """A token that says nothing but when it ends, and that nobody signed: for the stand-in."""
    parts = ({"alg": "none", "typ": "JWT"}, {"exp": int(ends.timestamp())})
    head, claims = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
    return f"{head}.{claims}."
