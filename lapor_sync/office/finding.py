"""What a person means by an id or a name: a report, an institution."""

from __future__ import annotations

from collections.abc import Collection

from lapor_sync.domain.colour import CLOSED, canonical
from lapor_sync.domain.errors import BadInput, NotAllowed, ReportUnknown
from lapor_sync.store import institutions, reports
from lapor_sync.store.database import Work
from lapor_sync.store.reports import Mirrored


def known_report(work: Work, given_id: str) -> Mirrored:
    """The report of a Tracking ID or API id. Raises ReportUnknown."""
    found = reports.find(work, given_id.strip())
    if found is None:
        raise ReportUnknown(given_id)
    return found


def institution_id(work: Work, given: str) -> str:
    """The id of an institution given by id or by name. Raises BadInput where the name is not known."""
    wanted = given.strip()
    if wanted.isascii() and wanted.isdecimal():
        return wanted
    found = [one for one, name in institutions.names(work).items() if canonical(name) == canonical(wanted)]
    if len(found) != 1:
        problem = "more than one institution has this name" if found else "no institution of this name is known"
        raise BadInput(f"{wanted!r}: {problem}.", todo="Give the institution's id instead.")
    return found[0]


def institution_by_part(work: Work, given: str, ids: Collection[str]) -> str:
    """The id of an institution given by id, by name or by parts of its name; `ids` are the city's own.

    Raises BadInput where none is known, or where more than one has these parts: then it names them.
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
        raise BadInput(f"No OPD {given!r} is known.", todo="See `lapor-sync opds` for ids and names.")
    if len(found) > 1:
        which = ", ".join(f"{names[one]} ({one})" for one in found[:10])
        more = f" and {len(found) - 10} more" if len(found) > 10 else ""
        raise BadInput(f"{given!r} may be {which}{more}.", todo="Give more of the name, or the id.")
    return found[0]


def refuse_closed(report: Mirrored) -> None:
    if report.colour in CLOSED:
        raise NotAllowed(
            f"Report {report.tracking_id} is {report.colour} ({report.report.status_name}): closed.",
            todo="A closed report takes no response; if it is reopened on LAPOR, the next poll shows it.",
        )
    if report.vanished_at is not None:
        raise NotAllowed(
            f"Report {report.tracking_id} is not found on LAPOR any more.",
            todo=f"See `lapor-sync show {report.tracking_id}`.",
        )
