"""Is the connection encrypted?"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from lapor_sync.check.lines import LOOK, WRONG, Line
from lapor_sync.check.upstream import Upstream
from lapor_sync.listening import is_loopback

CERTIFICATE_DAYS = 21


_ENCRYPTED = "Is the connection encrypted?"


def about_clear_text(url: str) -> Iterator[Line]:
    """Say what an address without TLS means."""
    parts = urlsplit(url)
    if parts.scheme == "https":
        return  # the first call tells
    if is_loopback(parts.hostname or ""):
        yield Line(question=_ENCRYPTED, answer="no, but it does not leave this machine")
        return
    todo = "Ask for an https:// address, and set LAPOR_SYNC_UPSTREAM_URL."
    yield Line(question=_ENCRYPTED, answer="no: credentials and names go in the clear", verdict=WRONG, todo=todo)


def about_certificate(upstream: Upstream) -> Iterator[Line]:
    """Look at the call that was made, through whatever proxy; where TLS failed, that call has said so."""
    end = upstream.tried.certificate_end() if upstream.tried else None
    if end is not None:
        yield _days_left((end - upstream.clock.now()).days)


def _days_left(days: int) -> Line:
    answer = f"yes, its certificate holds for {days} days"
    if days >= CERTIFICATE_DAYS:
        return Line(question=_ENCRYPTED, answer=answer)
    todo = "Ask LAPOR's operators whether it is being renewed: when it has ended nothing can be called."
    return Line(question=_ENCRYPTED, answer=answer, verdict=LOOK, todo=todo)
