"""Hand-overs of a report to another institution: it is not our authority."""

from __future__ import annotations

from lapor_sync.domain.delivery import Kind, State
from lapor_sync.domain.people import Actor
from lapor_sync.domain.permits import Act, demand
from lapor_sync.domain.refusals import Code, Refused
from lapor_sync.mirror.mirror import Mirror
from lapor_sync.office.acting import acting
from lapor_sync.office.finding import institution_id, known_report, subject_of
from lapor_sync.office.wording import checked_text, new_reference
from lapor_sync.store import institutions, outbox
from lapor_sync.store.database import Work
from lapor_sync.store.outbox import NewDelivery
from lapor_sync.store.reports import Mirrored


def forward(mirror: Mirror, actor: Actor, given_id: str, to: str, reason: str) -> str:
    """Queue a hand-over to another institution ("not our authority"); its reference."""
    with acting(mirror.store, actor) as work:
        report = known_report(work, given_id)
        demand(actor, Act.HAND_OVER, subject_of(report))
        ref, target = new_reference(work, mirror), _target(work, to)
        if target == report.report.disposition_id:
            raise Refused(Code.WITH_IT_ALREADY, tracking_id=report.tracking_id, given=to)
        _refuse_second_forward(work, report)
        disposed_to = report.report.disposition_id or mirror.rules.city.institution_id or ""
        new = NewDelivery(
            ref=ref,
            tracking_id=report.tracking_id,
            kind=Kind.FORWARD,
            opd=disposed_to,
            target=target,
            text=checked_text(reason, ref, mirror.rules.prefix),
            by=actor.who,
        )
        outbox.add(work, new)
        return ref


def _target(work: Work, given: str) -> str:
    """The institution that a hand-over asks for. Raises Refused where LAPOR's list of institutions has it not."""
    target = institution_id(work, given)
    listed = institutions.listed(work)
    if listed and target not in listed:
        raise Refused(Code.INSTITUTION_NOT_LISTED, given=given)
    return target


def _refuse_second_forward(work: Work, report: Mirrored) -> None:
    mine = outbox.of_reports(work, [report.tracking_id]).get(report.tracking_id, [])
    still = [one for one in mine if one.delivery.kind is Kind.FORWARD and one.state not in _OVER]
    if still or report.forwarded_from is not None:
        raise Refused(Code.HANDOVER_UNDER_WAY, tracking_id=report.tracking_id)


_OVER = frozenset({State.SENT, State.REFUSED, State.CANCELLED})
