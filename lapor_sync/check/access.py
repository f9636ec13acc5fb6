"""Does LAPOR let us in?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lapor_sync.check.lines import WRONG, Line, todo_of
from lapor_sync.check.upstream import Upstream, first_page
from lapor_sync.domain.errors import Denied, Missing, SettingsWrong, UpstreamError
from lapor_sync.words.en import advised

if TYPE_CHECKING:
    from connectors.sp4n_v3 import Sp4nV3

HEADERS = ("auth", "Authorization")


_REACHED = "Does LAPOR let us in?"


def about_access(upstream: Upstream) -> Iterator[Line]:
    """Make the first call; where it is refused, with the other header name too."""
    wanted = upstream.settings.auth_header
    try:
        connector = upstream.connect(wanted)
        _first_call(upstream, connector)
    except Denied as denied:
        yield _other_header(upstream, denied)
        return
    except (UpstreamError, SettingsWrong) as error:
        yield Line(question=_REACHED, answer=f"no: {error.what}", verdict=WRONG, todo=todo_of(error))
        return
    upstream.connector = connector
    yield Line(question=_REACHED, answer=f"yes, with the header {wanted}")


def _first_call(upstream: Upstream, connector: Sp4nV3) -> None:
    """Ask for the list; where there is none, the master list tells whether it is LAPOR at all. Raises UpstreamError."""
    try:
        upstream.page = first_page(connector, None)
    except Missing:
        connector.institutions()


def _other_header(upstream: Upstream, denied: Denied) -> Line:
    wanted = upstream.settings.auth_header
    other = next(name for name in HEADERS if name != wanted)
    try:
        connector = upstream.connect(other)
        _first_call(upstream, connector)
    except UpstreamError:
        answer = f"no, refused with {wanted} and with {other}: {denied.what}"
        return Line(question=_REACHED, answer=answer, verdict=WRONG, todo=advised(denied.todo))
    upstream.connector = connector
    answer = f"not with the header {wanted}, but with {other}: the rest is asked with that"
    return Line(question=_REACHED, answer=answer, verdict=WRONG, todo=f"Set LAPOR_SYNC_AUTH_HEADER={other}.")
