"""Responses: one as a person writes it, or many of a sheet."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from lapor_sync.domain.colour import canonical, unknown_status
from lapor_sync.domain.delivery import Kind, Reason, State, reference, same_to_the_eye, same_words, with_reference
from lapor_sync.domain.people import Actor
from lapor_sync.domain.permits import Act, demand
from lapor_sync.domain.refusals import Code, Refused
from lapor_sync.domain.report import OutgoingFile, Report, ThreadItem
from lapor_sync.domain.seen import news_since
from lapor_sync.domain.thread import words
from lapor_sync.mirror.mirror import Mirror
from lapor_sync.office.acting import acting
from lapor_sync.office.deliveries import known_now
from lapor_sync.office.drafts import drop_sent
from lapor_sync.office.finding import institution_id, known_report, subject_of
from lapor_sync.office.wording import FileLimits, checked_files, checked_text, new_reference
from lapor_sync.store import outbox, threads
from lapor_sync.store.database import Work
from lapor_sync.store.outbox import NewDelivery, Queued
from lapor_sync.store.reports import Mirrored


@dataclass(frozen=True, kw_only=True)
class NewResponse:
    """A response as a person wrote it; `opd` an institution's id or name, None for where the report is.

    `seen`: what its writer had seen of the report (`domain.seen`), None where nobody can tell.
    `by`: who wrote it, where that is another one than the actor, as in a sheet.
    `again`: the citizen is to get these words once more. `any_status`: also under a status name that is not known.
    `draft` is the version of the draft that it was written over. `origin` and `row` are of the sheet that it came from.
    """

    given_id: str
    text: str
    by: str | None = None
    opd: str | None = None
    is_secret: bool = False
    files: tuple[OutgoingFile, ...] = ()
    again: bool = False
    any_status: bool = False
    seen: str | None = None
    draft: str | None = None
    origin: str | None = None
    row: int = 0


def respond(mirror: Mirror, actor: Actor, written: NewResponse, limits: FileLimits | None = None) -> str:
    """Queue one response; its reference. Raises Refused: nothing is taken then."""
    with acting(mirror.store, actor) as work:
        new = _prepare(work, mirror, written, limits or FileLimits())
        _refuse_second(work, new.tracking_id, written)
        _refuse_unseen(work, new.tracking_id, written)
        outbox.add(work, new)
        drop_sent(work, actor, new.tracking_id, written.text, written.draft)
        return new.ref


def respond_all(
    mirror: Mirror, actor: Actor, rows: Sequence[NewResponse], wrong: Sequence[tuple[int, str]] = ()
) -> list[str | None]:
    """Queue many responses, all or none; their references, None for a row that was taken before.

    So was one whose words stand in the thread under a reference of ours that an older backup does not know.
    All rows are checked, and where one is bad none is taken; `wrong` are the numbers of rows that could not even be
    read, and why. Raises Refused with every bad row's number and reason.
    """
    with acting(mirror.store, actor) as work:
        taken = outbox.origins(work, [row.origin for row in rows if row.origin])
        refs: list[str | None] = []
        problems: list[tuple[int, Refused | str]] = list(wrong)
        for row in rows:
            try:
                is_new = row.origin not in taken and not _was_recovered(work, row)
                new = _prepare(work, mirror, row, FileLimits()) if is_new else None
                taken.add(row.origin or "")
                if new is None or _was_said(work, new, row.text):
                    refs.append(None)
                    continue
                _refuse_second(work, new.tracking_id, row)
                outbox.add(work, new)
                refs.append(new.ref)
            except Refused as refused:
                problems += [(row.row, one) for one in (tuple(_why_not(work, mirror, row)) or (refused,))]
        if problems:  # raised inside the transaction: what was added goes with it
            count = len({row.row for row in rows} | {number for number, _ in wrong})
            raise Refused(Code.ROWS_WRONG, problems=tuple(problems), count=count)
        return refs


def _why_not(work: Work, mirror: Mirror, row: NewResponse) -> Iterator[Refused]:
    """Return every reason why a row cannot be taken by itself, where taking it stops at the first."""
    ref = reference(mirror.rules.prefix)
    checks: list[Callable[[], object]] = [lambda: checked_text(row.text, ref, mirror.rules.prefix)]
    try:
        report = known_report(work, row.given_id)
    except Refused as refused:
        yield refused
    else:
        checks += [lambda: demand(work.actor, Act.ANSWER, subject_of(report))]
        checks += [
            lambda: _refuse_unknown_status(report, row),
            lambda: _speaks_for(work, mirror, report, row.opd),
        ]
    for check in checks:
        try:
            check()
        except Refused as refused:
            yield refused


def origin_of(tracking_id: str, opd: str, text: str, *, is_secret: bool = False) -> str:
    """What tells a sheet's row from others, as its cells say it: the same row twice is one response."""
    parts = [tracking_id.strip(), canonical(opd), words(text), *(["rahasia"] if is_secret else [])]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _was_recovered(work: Work, row: NewResponse) -> bool:
    tracking_id = known_report(work, row.given_id).tracking_id
    return any(
        one.reason is Reason.RECOVERED and same_words(one.delivery.text, row.text, one.ref)
        for one in outbox.of_reports(work, [tracking_id]).get(tracking_id, ())
    )


def _was_said(work: Work, new: NewDelivery, text: str) -> bool:
    """Whether a sheet's row said it before in other cells: no OPD, its id or its name; the report by either id.

    One that was open where this is to be secret, or the other way, did not: a person has to know of it.
    """
    return any(
        one.delivery.opd == new.opd
        and one.delivery.is_secret == new.is_secret
        and words(one.delivery.text) == words(with_reference(text, one.ref))
        for one in outbox.of_sheets(work, new.tracking_id)
    )


def _refuse_second(work: Work, tracking_id: str, written: NewResponse) -> None:
    """Refuse words that the citizen has, may have, or is about to get, from whichever OPD. What was called off before
    it left, or what LAPOR refused, the citizen has not. Raises Refused."""
    mine = outbox.of_reports(work, [tracking_id]).get(tracking_id, ())
    first = next((one for one in mine if _may_come(one) and _says_the_same(one, written.text)), None)
    if first is not None and not written.again:
        raise Refused(Code.SAME_WORDS, tracking_id=tracking_id, ref=first.ref, state=first.state)


def _refuse_unseen(work: Work, tracking_id: str, written: NewResponse) -> None:
    """Refuse words that were written before something happened that their writer has not seen."""
    if written.seen is not None and (news := news_since(written.seen, *now_seen(work, tracking_id))):
        raise Refused(Code.CHANGED_SINCE, tracking_id=tracking_id, news=news)


def now_seen(work: Work, tracking_id: str) -> tuple[Report, tuple[ThreadItem, ...], int]:
    """Return what is to be seen of a report now, for `domain.seen`."""
    report = known_report(work, tracking_id).report
    items = threads.load(work, [tracking_id]).get(tracking_id, ())
    return report, items, len(outbox.of_reports(work, [tracking_id]).get(tracking_id, ()))


def _may_come(queued: Queued) -> bool:
    """Whether the citizen has it, may have it from a try of unknown outcome, or is to get it."""
    return queued.state not in {State.CANCELLED, State.REFUSED} or queued.delivery.may_have_arrived


def _says_the_same(queued: Queued, text: str) -> bool:
    if queued.delivery.kind is not Kind.RESPONSE:
        return False
    is_equal = words(queued.delivery.text) == words(with_reference(text, queued.ref))
    return is_equal or same_to_the_eye(queued.delivery.text, text, queued.ref)


def _prepare(work: Work, mirror: Mirror, written: NewResponse, limits: FileLimits) -> NewDelivery:
    report = known_report(work, written.given_id)
    demand(work.actor, Act.ANSWER, subject_of(report))
    _refuse_unknown_status(report, written)
    opd = _speaks_for(work, mirror, report, written.opd)
    ref = new_reference(work, mirror)
    text = checked_text(written.text, ref, mirror.rules.prefix)
    files = checked_files(written.files, limits)
    disposed_to = report.report.disposition_id
    return NewDelivery(
        ref=ref,
        tracking_id=report.tracking_id,
        kind=Kind.RESPONSE,
        opd=opd,
        text=text,
        by=written.by or work.actor.who,
        is_secret=written.is_secret,
        baseline=known_now(work, report),
        accepted_disposition=disposed_to if disposed_to != opd else None,
        accepted_status=unknown_status(report.report),
        origin=written.origin,
        files=files,
    )


def _refuse_unknown_status(report: Mirrored, written: NewResponse) -> None:
    name = unknown_status(report.report)
    if name is not None and not written.any_status:
        raise Refused(Code.STATUS_UNKNOWN, tracking_id=report.tracking_id, status_name=name)


def _speaks_for(work: Work, mirror: Mirror, report: Mirrored, given: str | None) -> str:
    """The institution that the response speaks for."""
    disposed_to, city = report.report.disposition_id, mirror.rules.city
    at_an_opd = disposed_to is not None and not city.is_itself(disposed_to)
    if given is None:
        if not at_an_opd or disposed_to is None:
            raise Refused(Code.NOT_DISPOSED, tracking_id=report.tracking_id)
        return disposed_to
    opd = institution_id(work, given)
    if at_an_opd and opd != disposed_to:
        raise Refused(Code.WITH_OTHER_OPD, tracking_id=report.tracking_id, name=_name(report), given=given)
    if not city.owns(opd):
        raise Refused(Code.NOT_OF_THE_CITY, given=given)
    return opd


def _name(report: Mirrored) -> str | None:
    return report.report.disposition_name or report.report.disposition_id
