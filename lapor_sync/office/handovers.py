"""Hand-overs of a report to another institution: it is not our authority."""

from __future__ import annotations

from lapor_sync.domain.delivery import Kind, State
from lapor_sync.domain.errors import BadInput, NotAllowed
from lapor_sync.domain.people import Actor
from lapor_sync.mirror.judging import Judging
from lapor_sync.office.finding import institution_id, known_report, refuse_closed
from lapor_sync.office.wording import checked_text, new_reference
from lapor_sync.store import institutions, outbox
from lapor_sync.store.database import Work
from lapor_sync.store.outbox import NewDelivery
from lapor_sync.store.reports import Mirrored


def forward(judging: Judging, actor: Actor, given_id: str, to: str, reason: str) -> str:
    """Queue a hand-over to another institution ("not our authority"); its reference."""
    with judging.store.work(actor) as work:
        report = known_report(work, given_id)
        refuse_closed(report)
        ref, target = new_reference(work, judging), _target(work, to)
        if target == report.report.disposition_id:
            raise NotAllowed(f"Report {report.tracking_id} is with {to} already.", todo="Nothing is to be done.")
        _refuse_second_forward(work, report)
        disposed_to = report.report.disposition_id or judging.rules.city.institution_id or ""
        new = NewDelivery(
            ref=ref,
            tracking_id=report.tracking_id,
            kind=Kind.FORWARD,
            opd=disposed_to,
            target=target,
            text=checked_text(reason, ref, judging.rules.prefix),
            by=actor.who,
        )
        outbox.add(work, new)
        return ref


def _target(work: Work, given: str) -> str:
    """The institution that a hand-over asks for. Raises BadInput where LAPOR's list of institutions has it not."""
    target = institution_id(work, given)
    listed = institutions.listed(work)
    if listed and target not in listed:
        raise BadInput(
            f"LAPOR's list of institutions has no {given}.", todo="Check the id, or give the institution's name."
        )
    return target


def _refuse_second_forward(work: Work, report: Mirrored) -> None:
    mine = outbox.of_reports(work, [report.tracking_id]).get(report.tracking_id, [])
    still = [one for one in mine if one.delivery.kind is Kind.FORWARD and one.state not in _OVER]
    if still or report.forwarded_from is not None:
        raise NotAllowed(
            f"A hand-over of report {report.tracking_id} is under way already.",
            todo=f"See `lapor-sync show {report.tracking_id}`.",
        )


_OVER = frozenset({State.SENT, State.REFUSED, State.CANCELLED})
