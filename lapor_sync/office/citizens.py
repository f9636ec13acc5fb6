"""What a citizen may ask of the city for what the mirror keeps of them: to see it, have it mended, held back, erased.

The mirror is a copy: what is wrong is mended at LAPOR and read again, and what is erased here stays at LAPOR. But it
does not come back from there (`domain.personal`). Source: UU 27/2022, articles 5 to 13.
"""

from __future__ import annotations

from lapor_sync.domain.colour import CLOSED
from lapor_sync.domain.delivery import State
from lapor_sync.domain.people import Actor
from lapor_sync.domain.permits import Act, demand
from lapor_sync.domain.personal import Withheld, withheld_report
from lapor_sync.domain.refusals import Code, Refused
from lapor_sync.mirror.mirror import Mirror
from lapor_sync.office.acting import acting
from lapor_sync.office.finding import known_report, subject_of
from lapor_sync.store import citizen_files, citizens, outbox, reports
from lapor_sync.store.citizens import Beside
from lapor_sync.store.database import Store, Work
from lapor_sync.store.dossier import Dossier, dossier
from lapor_sync.store.file_folder import FileFolder
from lapor_sync.store.reports import Mirrored


def find(store: Store, actor: Actor, name: str) -> dict[str, list[str]]:
    """Return the reports in which a name stands, and where. The audit does not have the name. Raises Refused."""
    with acting(store, actor) as work:
        demand(actor, Act.WITHHOLD)
        found = citizens.named(work, name.strip())
        work.note("citizen_sought", "reports", found=len(found))
    return found


def here(store: Store, actor: Actor, given_id: str) -> tuple[Dossier, Beside]:
    """Return all that is kept of a report, and who looked at it before. The look is audited. Raises Refused."""
    with acting(store, actor) as work:
        one = _allowed(work, actor, given_id)
        found = dossier(work, one), citizens.beside(work, one)
        work.note("citizen_shown", one.tracking_id)
    return found


def hold(store: Store, actor: Actor, given_id: str) -> Mirrored:
    """Hold a report back: from now on it is mirrored as if it were rahasia. Raises Refused."""
    with acting(store, actor) as work:
        one = _allowed(work, actor, given_id)
        if one.withheld is not None:
            return one
        held = one._replace(report=withheld_report(one.report, Withheld.HELD), withheld=Withheld.HELD)
        reports.save(work, [held])
        citizens.drop_payloads(work, held)
        work.note("citizen_held", one.tracking_id)
        return held


def let_go(store: Store, actor: Actor, given_id: str) -> Mirrored:
    """Hold a report back no longer: the next cycle reads again how LAPOR has it. Raises Refused."""
    with acting(store, actor) as work:
        one = _allowed(work, actor, given_id)
        if one.withheld is not Withheld.HELD:
            raise Refused(Code.NOT_HELD_BACK, tracking_id=one.tracking_id)
        return _read_again(work, one._replace(withheld=None), "citizen_let_go")


def read_again(store: Store, actor: Actor, given_id: str) -> Mirrored:
    """Let the next cycle read a report whole, since something in it was mended at LAPOR. Raises Refused."""
    with acting(store, actor) as work:
        return _read_again(work, _allowed(work, actor, given_id), "citizen_read_again")


def _read_again(work: Work, one: Mirrored, what: str) -> Mirrored:
    due = one._replace(row_hash=None, settled=False, next_read_at=work.now)
    reports.save(work, [due])
    work.note(what, one.tracking_id)
    return due


def erase(mirror: Mirror, actor: Actor, given_id: str, folder: FileFolder) -> Mirrored:
    """Erase what a report says from everything that is kept here; it does not come back. Raises Refused.

    That it was there stays: its number, times, status, OPD, category, colour, and that it was answered.
    """
    with acting(mirror.store, actor) as work:
        one = _allowed(work, actor, given_id)
        deliveries = outbox.of_reports(work, [one.tracking_id]).get(one.tracking_id, [])
        is_over = one.colour in CLOSED or one.vanished_at is not None
        if not is_over or any(each.state not in _OVER for each in deliveries):
            raise Refused(Code.NOT_OVER, tracking_id=one.tracking_id)
        erased, names = citizens.erase(work, one, deliveries, mirror.rules.prefix)
        work.note("citizen_erased", one.tracking_id, deliveries=len(deliveries), files=len(names))
        leaving = names - citizen_files.in_use(work, sorted(names))
    for name in leaving:
        folder.remove(name)
    return erased


_OVER = frozenset({State.SENT, State.CANCELLED})
"""Of these no word is compared with the thread any more."""


def _allowed(work: Work, actor: Actor, given_id: str) -> Mirrored:
    one = known_report(work, given_id)
    demand(actor, Act.WITHHOLD, subject_of(one))
    return one
