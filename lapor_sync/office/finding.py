"""What a person means by an id or a name: a report, an institution."""

from __future__ import annotations

from collections.abc import Collection

from lapor_sync.domain.colour import canonical
from lapor_sync.domain.permits import Subject
from lapor_sync.domain.refusals import Code, Refused
from lapor_sync.store import institutions, reports
from lapor_sync.store.database import Work
from lapor_sync.store.outbox import Queued
from lapor_sync.store.reports import Mirrored


def known_report(work: Work, given_id: str) -> Mirrored:
    """The report of a Tracking ID or API id. Raises Refused."""
    found = reports.find(work, given_id.strip())
    if found is None:
        raise Refused(Code.REPORT_UNKNOWN, given=given_id)
    return found


def subject_of(report: Mirrored) -> Subject:
    """Return the report as permits ask about it."""
    return Subject(
        tracking_id=report.tracking_id,
        opd=report.report.disposition_id,
        colour=report.colour,
        status_name=report.report.status_name,
        is_vanished=report.vanished_at is not None,
    )


def subject_of_delivery(queued: Queued, report: Mirrored | None) -> Subject:
    """Return the report that a delivery is for; where it is not mirrored any more, as it was when it was written."""
    return subject_of(report) if report else Subject(tracking_id=queued.tracking_id, opd=queued.delivery.opd)


def institution_id(work: Work, given: str) -> str:
    """The id of an institution given by id or by name. Raises Refused where the name is not known."""
    wanted = given.strip()
    if wanted.isascii() and wanted.isdecimal():
        return wanted
    found = [one for one, name in institutions.names(work).items() if canonical(name) == canonical(wanted)]
    if len(found) != 1:
        raise Refused(Code.INSTITUTION_MEANT_TWICE if found else Code.INSTITUTION_UNKNOWN, given=wanted)
    return found[0]


def institution_by_part(work: Work, given: str, ids: Collection[str]) -> str:
    """The id of an institution given by id, by name or by parts of its name; `ids` are the city's own.

    Raises Refused where none is known, or where more than one has these parts: then it names them.
    """
    wanted = given.strip()
    names = dict.fromkeys((*ids, *institutions.seen(work)), "") | institutions.names(work)
    parts = [canonical(part) for part in wanted.split()]
    by_name = [one for one, name in names.items() if canonical(name) == canonical(wanted) != ""]
    found = [wanted] if wanted in names else by_name
    found = found or [
        one for one, name in names.items() if parts and all(part in canonical(name) for part in parts)
    ]
    if not found:
        raise Refused(Code.OPD_UNKNOWN, given=given)
    if len(found) > 1:
        raise Refused(Code.OPD_MEANT_TWICE, given=given, names={one: names[one] for one in found})
    return found[0]
