"""The one request that may change something upstream. Source: rules, "The outcome of a write"."""

from __future__ import annotations

from typing import assert_never

from lapor_sync.domain.delivery import STORED, Kind, NotSent, Outcome, Refused, Sent, Unknown
from lapor_sync.domain.errors import BadRecord, Denied, UpstreamError
from lapor_sync.domain.report import Outgoing
from lapor_sync.sync.calls import Health
from lapor_sync.sync.setup import Setup

TOO_LATE = NotSent(why="its report was looked at too long ago")


def send(setup: Setup, health: Health, outgoing: Outgoing, kind: Kind, *, until: float) -> tuple[Outcome, int]:
    """Send one claimed delivery, in a thread of a pool: what came of it, and the milliseconds that it took.

    After `until`, by the monotonic clock, it is not begun: `TOO_LATE`.
    """
    if setup.clock.monotonic() > until:
        return TOO_LATE, 0
    if setup.stopping() or health.is_outage:
        return NotSent(why="stopped before it left"), 0
    setup.step("sending")
    connector, began = setup.connector, setup.clock.monotonic()
    outcome = (connector.send_forward if kind is Kind.FORWARD else connector.send_response)(outgoing)
    if (
        isinstance(outcome, Refused)
        and outcome.http_status == 403
        and _reads_are_denied(setup, outgoing.report_id)
    ):
        outcome = NotSent(why="not authorised", http_status=403, denied=True)
    health.note(_as_error(outcome))
    return outcome, round((setup.clock.monotonic() - began) * 1000)


def _reads_are_denied(setup: Setup, report_id: str) -> bool:
    """Whether a 403 is about the credentials: then reads are refused too."""
    try:
        setup.connector.read_report(report_id)
    except Denied:
        return True
    except (UpstreamError, BadRecord):
        return False  # any other answer, or none, is no denial
    return False


def _as_error(outcome: Outcome) -> UpstreamError | None:
    """The outcome as the health of the calls sees it: an answer of any sort, or a failure (silence, 5xx)."""
    match outcome:
        case Sent() | Refused():
            return None
        case NotSent(denied=True):
            return Denied("The credentials were not accepted.", http_status=outcome.http_status)
        case Unknown(http_status=status) if status in STORED:
            return None  # LAPOR is there, though what it says proves nothing
        case NotSent() | Unknown():
            return UpstreamError("A delivery could not be made.", http_status=outcome.http_status)
        case _:
            assert_never(outcome)
